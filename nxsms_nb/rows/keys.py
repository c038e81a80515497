"""Keys: the columns that ``key=`` names, and which rows share one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nxsms_nb._arrow import only, present
from nxsms_nb.errors import ConfigError
from nxsms_nb.rows import rounding
from nxsms_nb.rows.canonical import canonical, rounded
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.columns import one_column, one_label

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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
    >>> import pyarrow as pa
    >>> from nxsms_nb.rows.message_ids import Keys
    >>> keys = Keys([pa.array(["a", "b", "a", "a"], pa.large_string())], " ")
    >>> repeats(keys, np.array([True, True, True, False])).tolist()
    [0, 0, 1, -1]
    """
    counted = good & present(keys)
    ordinals = np.where(counted, np.int32(0), np.int32(-1))
    rows = np.flatnonzero(counted & _occurring_twice(keys.digests[:, 1]))
    if len(rows) < 2:
        return ordinals
    codes = keys.codes(rows)
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ordinals[rows[order]] = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
    return ordinals


def _occurring_twice(halves: npt.NDArray[np.uint64]) -> Mask:
    """Return the rows whose half digest occurs twice: the rows with equal keys, and hardly any others."""
    ordered = np.sort(halves)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.isin(halves, twice) if len(twice) else np.zeros(len(halves), np.bool_)
