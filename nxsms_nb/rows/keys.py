"""Keys: the columns that ``key=`` names, and which rows share one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nxsms_nb._arrow import buffers, only, present
from nxsms_nb.errors import ConfigError
from nxsms_nb.rows import rounding
from nxsms_nb.rows.canonical import canonical, rounded
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.columns import one_column, one_label

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.rows.message_ids import Keys

__all__ = ["columns", "labels", "repeats"]

Mask = npt.NDArray[np.bool_]


def labels(frame: pd.DataFrame, key: Hashable | Sequence[Hashable] | None) -> list[Hashable]:
    """Return the column labels that ``key=`` names; those of a list are the same key in any order.

    A tuple is a list unless it is itself a label. A missing or ambiguous column raises `ColumnError`, an empty list
    `ConfigError`.

    Examples
    --------
    >>> import pandas as pd
    >>> labels(pd.DataFrame(columns=["phone", "order"]), "order")
    ['order']
    """
    if key is None:
        return []
    several = isinstance(key, list) or (isinstance(key, tuple) and not _is_label(frame, key))
    wanted = [one_label("key", label) for label in (key if several else [key])]  # type: ignore[union-attr]
    if not wanted:
        raise ConfigError(f"key={key} names no column. Leave it out, or name one, as in key='order_id'.")
    there = {label: one_column(frame, label, "key") for label in wanted}
    return [there[label] for label in sorted(there, key=lambda label: (str(label), type(label).__name__))]


def _is_label(frame: pd.DataFrame, label: tuple[Hashable, ...]) -> bool:
    try:
        return label in frame.columns
    except TypeError:
        return False


def columns(
    frame: pd.DataFrame,
    key: Sequence[Hashable],
    phone: Hashable,
    numbers: pa.Array,
    counts: rounding.Counts | None = None,
) -> tuple[list[pa.Array], Mask, Mask]:
    """Return the key columns as canonical text, and the rows in which one of them is empty or has lost digits.

    The phone's column as a key is the number as sent, so that two spellings of it are one key. `counts` may hold what the
    whole columns are, where these are a part of them.
    """
    empty, lost = np.zeros(len(frame), np.bool_), np.zeros(len(frame), np.bool_)
    texts = []
    for place, label in enumerate(key):
        if label == phone:
            texts.append(numbers)
            continue
        cells = read_cells(frame[label])
        if isinstance(counts, rounding.WholeColumn):
            short = rounded(cells, partial(counts.of_floats, place))
        else:
            short = rounded(cells)
        text = only(canonical(cells), ~short)
        empty |= ~present(text) & ~short
        lost |= short
        texts.append(text)
    return texts, empty, lost


def repeats(keys: Keys, good: Mask) -> npt.NDArray[np.int32]:
    """Return how many earlier rows have a row's key: 0 for the first; -1 where the row is not `good` or has no key.

    Examples
    --------
    >>> from nxsms_nb.rows.message_ids import Keys
    >>> keys = Keys([pa.array(["a", "b", "a", "a"], pa.large_string())], " ")
    >>> repeats(keys, np.array([True, True, True, False])).tolist()
    [0, 0, 1, -1]
    """
    counted = good & present(keys)
    ordinals = np.zeros(len(counted), np.int32)
    ordinals[~counted] = -1
    # Most keys begin with a phone that is unique; the other parts are compared only where many share it.
    rows = np.flatnonzero(counted & _occurring_twice(keys.parts[:1]))
    if len(rows) > len(counted) // 16 and len(keys.parts) > 1:
        rows = np.flatnonzero(counted & _occurring_twice(keys.parts))
    if len(rows) < 2:
        return ordinals
    codes = keys.take(pa.array(rows)).dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ordinals[rows[order]] = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
    return ordinals


def _occurring_twice(parts: Sequence[pa.Array]) -> Mask:
    """Return the rows whose hashes occur twice: all that are equal, and few others."""
    ordered = _prints(parts)
    ordered.sort()
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    # They are made again where any are shared: keeping them needs fresh memory, which costs every frame as much.
    return np.isin(_prints(parts), twice) if len(twice) else np.zeros(len(ordered), np.bool_)


def _prints(parts: Sequence[pa.Array]) -> npt.NDArray[np.uint64]:
    """Hash each row's parts by their length, first 16 and last 8 bytes: few that differ collide.

    It costs a fifth of comparing them in full.
    """
    prints = np.zeros(len(parts[0]), np.uint64)
    for start in range(0, len(prints), _CHUNK):
        for part in parts:
            _mix(prints[start : start + _CHUNK], part.slice(start, _CHUNK))
    return prints


def _mix(prints: npt.NDArray[np.uint64], texts: pa.Array) -> None:
    starts, data = buffers(texts)
    size = np.diff(starts)
    text = np.zeros(len(data) + _WORD, np.uint8)
    text[: len(data)] = data
    # Eight bytes from any place: the words overlap, so their stride is one byte.
    words = np.ndarray((len(data) + 1,), "<u8", text, strides=(1,))
    kept = np.minimum(size, _WORD)
    first, last = words[starts[:-1]], words[starts[1:] - kept]
    # Neither step changes texts that do not need it: a text's hash must not depend on the other texts.
    if kept.min(initial=_WORD) < _WORD:
        first &= _LOW_BYTES[kept]
        last &= _LOW_BYTES[kept]
    if size.max(initial=0) > 2 * _WORD:
        long = size > 2 * _WORD
        first[long] += words[starts[:-1][long] + _WORD] * _ODD
    prints += size.view(np.uint64)
    for word in (first, last):
        prints ^= word
        prints *= _ODD
        prints ^= prints >> np.uint64(29)


_CHUNK: Final = 4096
"""Rows that are processed together: intermediate results stay in the processor's cache."""

_WORD: Final = 8
_LOW_BYTES: Final = np.array([(1 << 8 * kept) - 1 for kept in range(_WORD + 1)], np.uint64)
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
