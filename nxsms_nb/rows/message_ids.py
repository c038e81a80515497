"""The key of a row, and the messageid made from it.

The hash is version 1 and never changes: the same row has the same id indefinitely, in every kernel. It is XXH3-128 over
the key, seeded by campaign and appKey; `id_format` has its form as an id.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from nxsms_nb._arrow import TEXT, as_mask, unset
from nxsms_nb.rows import id_format

__all__ = ["UNNAMED_KEY", "MessageIds", "key_texts"]

UNNAMED_KEY: Final = ("phone", "source_address", "short_link", "content")
NAMED_KEY: Final = ("phone",)

_SEPARATOR: Final = "\x1f"
_ORDINALS_MIN: Final = 8
_ORDINALS_MAX: Final = 4096
_ORDINALS_WORK: Final = 400_000
"""How many ordinals are tried to find that of a row's earlier id: fewer where there are many such rows."""
_CHUNK: Final = 4096
"""Rows whose ids are made together: their objects stay in the processor's cache, those of a million do not."""


class Keys:
    """The text that distinguishes one recipient from another, for each row; null where a part of it is.

    It is joined from its columns by the chunk, on demand: for all rows at once it would be as large as the frame.
    Columns that are the same in all rows are scalars; `parts` has the others, and keys are equal where all parts are.
    """

    def __init__(self, columns: Sequence[pa.Array | pa.Scalar], separator: str) -> None:
        self._columns = columns
        self.parts: list[pa.Array] = [column for column in columns if isinstance(column, pa.Array)]
        self._separator = pa.scalar(separator, TEXT)

    def __len__(self) -> int:
        return len(self.parts[0])

    def slice(self, start: int, length: int) -> pa.Array:
        """Return the texts of `length` rows from `start` on."""
        return self._joined(lambda column: column.slice(start, length))

    def take(self, rows: pa.Array) -> pa.Array:
        """Return the texts of some rows."""
        return self._joined(lambda column: column.take(rows))

    @property
    def null_count(self) -> int:
        """How many parts of keys are missing: none where every row has a key."""
        return sum(column.null_count for column in self.parts)

    def is_valid(self) -> pa.Array:
        """Return which rows have a key."""
        return functools.reduce(pc.and_, [column.is_valid() for column in self.parts])

    def to_pylist(self) -> list[str | None]:
        """Return the texts of all rows."""
        return self.slice(0, len(self)).to_pylist()  # type: ignore[no-any-return]

    def _joined(self, part: Callable[[pa.Array], pa.Array]) -> pa.Array:
        columns = [part(column) if isinstance(column, pa.Array) else column for column in self._columns]
        return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, self._separator)


def key_texts(fields: Mapping[str, pa.Array], keys: Sequence[pa.Array] = (), *, campaign: str | None = None) -> Keys:
    """Build the text that distinguishes one recipient from another, for each row; null where a part of it is null.

    Without columns named by ``key=``, it is the phone in a named campaign, else phone, source address, short link and
    content.

    Examples
    --------
    >>> key_texts({"phone": pa.array(["8615088888888", None])}, campaign="spring").to_pylist()
    ['8615088888888', None]
    """
    if keys:
        columns = [_unambiguous(column) for column in keys]
    elif campaign is not None:
        columns = [fields[name].cast(TEXT) for name in NAMED_KEY]
    elif not any(name in fields for name in ("source_address", "short_link")):
        # The same text as below with two empty fields between, in half the time.
        return Keys([fields["phone"].cast(TEXT), fields["content"].cast(TEXT)], _SEPARATOR * 3)
    else:
        columns = []
        for name in UNNAMED_KEY:
            if name in ("phone", "content"):
                columns.append(fields[name].cast(TEXT))
            elif name in fields:
                columns.append(_unambiguous(pc.fill_null(fields[name], "")))
            else:
                columns.append(pa.scalar("", TEXT))
    return Keys(columns, _SEPARATOR)


def _unambiguous(column: pa.Array) -> pa.Array:
    column = pc.cast(column, TEXT)
    if pc.any(pc.match_substring_regex(column, "[\x1f\\\\]")).as_py():
        column = pc.replace_substring(column, "\\", "\\\\")
        column = pc.replace_substring(column, _SEPARATOR, "\\u")
    return column


class MessageIds:
    """The messageids of rows, made on demand, each once: while a run waits for replies, not before it.

    An id has 10 to 50 characters of ``[0-9a-zA-Z-]`` (the vendor's rule for sysMessageId); it is null where the ordinal
    (how many earlier rows have the key) is negative. The frame's own ``sys_message_id`` wins where it is not null.

    Examples
    --------
    >>> keys = key_texts({"phone": pa.array(["8615088888888"])}, campaign="spring")
    >>> MessageIds(keys, np.zeros(1, "int32"), app_key="app", campaign="spring").whole().to_pylist()
    ['n14ba7d3045ec685769b23b9464a77410c']
    """

    def __init__(
        self,
        keys: Keys,
        ordinals: npt.NDArray[np.int32],
        *,
        app_key: str,
        campaign: str | None = None,
        own: pa.Array | None = None,
    ) -> None:
        self._keys = keys
        self._seed = _seed(app_key, campaign)
        self._own = None if own is None else pc.cast(own, TEXT)
        self._number(ordinals)

    def __len__(self) -> int:
        return len(self._keys)

    def slice(self, start: int, size: int) -> pa.Array:
        """Return the ids of at most `size` rows from `start` on."""
        stop = min(start + size, len(self))
        for chunk in range(start // _CHUNK, -(-stop // _CHUNK)):
            if not self._made[chunk]:
                # Two threads may do this at once, the run and a reader of its frame: both write the same.
                self._make(chunk * _CHUNK)
                self._made[chunk] = True
        ids = id_format.text(self._letters[start * id_format.WIDTH : stop * id_format.WIDTH])
        if self._own is not None:
            ids = pc.coalesce(self._own.slice(start, stop - start), ids)
        wanted = self._ordinals[start:stop] >= 0
        return ids if wanted.all() else pc.if_else(pa.array(wanted), ids, pa.scalar(None, TEXT))

    def take(self, rows: pa.Array) -> pa.Array:
        """Return the ids of some rows."""
        if not len(rows):
            return pa.array([], TEXT)
        least, most = (end.as_py() for end in pc.min_max(rows).values())
        return self.slice(least, most - least + 1).take(pc.subtract(rows, least))

    def whole(self) -> pa.Array:
        """Return the ids of all rows."""
        return self.slice(0, len(self))

    def of_first(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the ids that the keys of some rows assign to the first row of each, whatever the rows' own ids are."""
        return id_format.spelled(self._digests(self._keys.take(pa.array(rows)), np.zeros(len(rows), np.int32)))

    @property
    def made(self) -> MessageIds:
        """The same without the frame's own ids: those made from the keys, each made once for both."""
        if self._own is None:
            return self
        made = copy.copy(self)
        made._own = None  # noqa: SLF001  one of its own kind
        return made

    def earlier_ordinals(self, had: pa.Array) -> npt.NDArray[np.int32]:
        """Find the ordinals with which the rows' keys give the ids that the rows had.

        -1 where the id does not come from the row's key, or its ordinal is higher than is searched.
        """
        roots = id_format.roots(had)
        same = as_mask(pc.equal(roots, self.made.whole()))
        earlier_ordinals = np.where(same, self._ordinals, np.int32(-1))
        rows = np.flatnonzero(~same & (self._ordinals >= 0) & as_mask(pc.match_substring_regex(roots, id_format.MADE)))
        most = min(_ORDINALS_MAX, max(_ORDINALS_MIN, _ORDINALS_WORK // max(len(rows), 1)))
        for ordinal in range(most):
            if not len(rows):
                break
            at = pa.array(rows)
            ids = id_format.spelled(self._digests(self._keys.take(at), np.full(len(rows), ordinal, np.int32)))
            found = as_mask(pc.equal(ids, roots.take(at)))
            earlier_ordinals[rows[found]] = ordinal
            rows = rows[~found]
        return earlier_ordinals

    def keeping(self, earlier_ordinals: Sequence[npt.NDArray[np.int32]]) -> MessageIds:
        """Renumber the rows of each key so that rows which had an id of it keep it, and the others share the rest.

        The first of a row's `earlier_ordinals` counts; where two rows had the same, the first row keeps it.
        """
        preferred = np.full(len(self), -1, np.int32)
        for ordinals in earlier_ordinals:
            preferred = np.where(preferred >= 0, preferred, ordinals)
        moved = np.flatnonzero((preferred >= 0) & (preferred != self._ordinals))
        if not len(moved):
            return self
        ordinals = self._ordinals.copy()
        numbered = np.flatnonzero(ordinals >= 0)
        codes = self._keys.take(pa.array(numbered)).dictionary_encode().indices.to_numpy()
        concerned = numbered[np.isin(codes, codes[np.isin(numbered, moved)])]
        of_key: dict[str, list[int]] = {}
        for row, text in zip(concerned.tolist(), self._keys.take(pa.array(concerned)).to_pylist(), strict=True):
            of_key.setdefault(text, []).append(row)
        for rows in of_key.values():
            kept: dict[int, int] = {}
            for row in rows:
                if preferred[row] >= 0:
                    kept.setdefault(int(preferred[row]), row)
            free = (ordinal for ordinal in itertools.count() if ordinal not in kept)
            holders = {row: ordinal for ordinal, row in kept.items()}
            for row in rows:
                ordinals[row] = holders[row] if row in holders else next(free)
        other = copy.copy(self)
        other._number(ordinals)  # noqa: SLF001  one of its own kind
        return other

    def _number(self, ordinals: npt.NDArray[np.int32]) -> None:
        self._ordinals = ordinals
        self._letters = unset(len(self._keys) * id_format.WIDTH, np.uint8)
        self._made = np.zeros(-(-len(self._keys) // _CHUNK), np.bool_)

    def _make(self, start: int) -> None:
        digests = self._digests(self._keys.slice(start, _CHUNK), self._ordinals[start : start + _CHUNK])
        id_format.write(digests, self._letters[start * id_format.WIDTH : (start + _CHUNK) * id_format.WIDTH])

    def _digests(self, keys: pa.Array, ordinals: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        binary = pc.cast(keys, pa.large_binary())
        texts = (pc.fill_null(binary, b"") if binary.null_count else binary).to_numpy(zero_copy_only=False).tolist()
        for row in np.flatnonzero(ordinals > 0):
            # In front, where there is otherwise a phone or a column that is not empty: a content could end in the same text.
            texts[row] = f"{ordinals[row]}{_SEPARATOR}{_SEPARATOR}".encode() + texts[row]
        digests = b"".join(map(xxhash.xxh3_128_digest, texts, itertools.repeat(self._seed)))
        return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def _seed(app_key: str, campaign: str | None) -> int:
    named = "" if campaign is None else f"named{_SEPARATOR}{campaign}"
    return xxhash.xxh3_64_intdigest(f"{app_key}{_SEPARATOR}{named}".encode())
