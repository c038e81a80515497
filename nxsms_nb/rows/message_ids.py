"""The key of a row, and the messageid made from it.

The hash is version 1 and never changes: the same row has the same id indefinitely, in every kernel. It is XXH3-128 over
the key, seeded by campaign and appKey; `id_format` has its form as an id.
"""

from __future__ import annotations

import copy
import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from nxsms_nb._arrow import TEXT, as_mask, only, unset
from nxsms_nb.rows import id_format
from nxsms_nb.rows.canonical import line_ends

__all__ = ["UNNAMED_KEY", "Keys", "key_texts", "keys_of"]

UNNAMED_KEY: Final = ("phone", "source_address", "short_link", "content")
NAMED_KEY: Final = ("phone",)

_SEPARATOR: Final = "\x1f"
_ORDINALS_MIN: Final = 8
_ORDINALS_MAX: Final = 4096
_ORDINALS_WORK: Final = 400_000
"""How many ordinals are tried to find that of a row's earlier id: fewer where there are many such rows."""
_CHUNK: Final = 4096
"""Rows whose digests are made together: their objects stay in the processor's cache, those of a million do not."""
_DIGEST: Final = 16
"""The bytes of a digest."""


class Keys:
    """The text that distinguishes one recipient from another, for each row; null where a part of it is.

    It is joined from its columns by the chunk, on demand: for all rows at once it would be as large as the frame. Columns
    that are the same in all rows are scalars. What compares keys, and spells the rows' messageids, is their `digests`.
    """

    def __init__(
        self,
        columns: Sequence[pa.Array | pa.Scalar],
        separator: str,
        *,
        campaign: str | None = None,
        app_key: str = "",
    ) -> None:
        self._columns = columns
        self._parts: list[pa.Array] = [column for column in columns if isinstance(column, pa.Array)]
        self._separator = pa.scalar(separator, TEXT)
        self._campaign, self._app_key = campaign, app_key

    def __getstate__(self) -> dict[str, Any]:
        # A copy may be of another account, and what workers send back is to be small.
        return {name: value for name, value in self.__dict__.items() if name != "digests"}

    def of_account(self, app_key: str) -> Keys:
        """Return the keys with the digests, and so the ids, of an account."""
        if app_key == self._app_key:
            return self
        other = copy.copy(self)
        other._app_key = app_key  # noqa: SLF001  one of its own kind
        return other

    def __len__(self) -> int:
        return len(self._parts[0])

    def slice(self, start: int, length: int) -> pa.Array:
        """Return the texts of `length` rows from `start` on."""
        return self._joined(lambda column: column.slice(start, length))

    def take(self, rows: pa.Array) -> pa.Array:
        """Return the texts of some rows."""
        return self._joined(lambda column: column.take(rows))

    @property
    def null_count(self) -> int:
        """How many parts of keys are missing: none where every row has a key."""
        return sum(column.null_count for column in self._parts)

    def is_valid(self) -> pa.Array:
        """Return which rows have a key."""
        return functools.reduce(pc.and_, [column.is_valid() for column in self._parts])

    def to_pylist(self) -> list[str | None]:
        """Return the texts of all rows."""
        return self.slice(0, len(self)).to_pylist()  # type: ignore[no-any-return]

    @functools.cached_property
    def digests(self) -> npt.NDArray[np.uint64]:
        """The digest of each row's key, two halves; any where a row has none."""
        made = unset(2 * len(self), np.uint64).reshape(-1, 2)
        for start in range(0, len(self), _CHUNK):
            made[start : start + _CHUNK] = self._digested(_texts(self.slice(start, _CHUNK)))
        return made

    def codes(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return a number for the key of each of some rows, the same for equal keys."""
        made = pa.py_buffer(self.digests[rows])
        digests = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_DIGEST), len(rows), [None, made])
        return digests.dictionary_encode().indices.to_numpy()  # type: ignore[no-any-return]

    def ids(self, ordinals: npt.NDArray[np.int32]) -> pa.Array:
        """Spell the messageids of all rows; null where the ordinal (how many earlier rows have the key) is negative.

        An id has 10 to 50 characters of ``[0-9a-zA-Z-]`` (the vendor's rule for sysMessageId).

        Examples
        --------
        >>> keys = key_texts({"phone": pa.array(["8615088888888"])}, app_key="app", campaign="spring")
        >>> keys.ids(np.zeros(1, "int32")).to_pylist()
        ['n14ba7d3045ec685769b23b9464a77410c']
        """
        made, later = self.digests, np.flatnonzero(ordinals > 0)
        if len(later):
            made = made.copy()
            made[later] = self._at(later, ordinals[later])
        return only(id_format.spelled(made), ordinals >= 0)

    def first_ids(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the ids that the keys of some rows assign to the first row of each."""
        return id_format.spelled(self.digests[rows])

    def earlier_ordinals(self, had: pa.Array, ids: pa.Array, ordinals: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find the ordinals with which the rows' keys give the ids that the rows had; `ids` are those of `ordinals`.

        -1 where the id does not come from the row's key, or its ordinal is higher than is searched.
        """
        roots = id_format.roots(had)
        same = as_mask(pc.equal(roots, ids))
        found = np.where(same, ordinals, np.int32(-1))
        rows = np.flatnonzero(~same & (ordinals >= 0) & as_mask(pc.match_substring_regex(roots, id_format.MADE)))
        most = min(_ORDINALS_MAX, max(_ORDINALS_MIN, _ORDINALS_WORK // max(len(rows), 1)))
        for ordinal in range(most):
            if not len(rows):
                break
            made = id_format.spelled(self._at(rows, np.full(len(rows), ordinal, np.int32)))
            there = as_mask(pc.equal(made, roots.take(pa.array(rows))))
            found[rows[there]] = ordinal
            rows = rows[~there]
        return found

    def keeping(
        self, ordinals: npt.NDArray[np.int32], earlier_ordinals: Sequence[npt.NDArray[np.int32]]
    ) -> npt.NDArray[np.int32]:
        """Renumber the rows of each key so that rows which had an id of it keep it, and the others share the rest.

        The first of a row's `earlier_ordinals` counts; where two rows had the same, the first row keeps it.
        """
        preferred = np.full(len(self), -1, np.int32)
        for earlier in earlier_ordinals:
            preferred = np.where(preferred >= 0, preferred, earlier)
        moved = np.flatnonzero((preferred >= 0) & (preferred != ordinals))
        if not len(moved):
            return ordinals
        ordinals = ordinals.copy()
        numbered = np.flatnonzero(ordinals >= 0)
        codes = self.codes(numbered)
        concerned = np.isin(codes, codes[np.isin(numbered, moved)])
        of_key: dict[int, list[int]] = {}
        for row, code in zip(numbered[concerned].tolist(), codes[concerned].tolist(), strict=True):
            of_key.setdefault(code, []).append(row)
        for rows in of_key.values():
            kept: dict[int, int] = {}
            for row in rows:
                if preferred[row] >= 0:
                    kept.setdefault(int(preferred[row]), row)
            free = (ordinal for ordinal in itertools.count() if ordinal not in kept)
            holders = {row: ordinal for ordinal, row in kept.items()}
            for row in rows:
                ordinals[row] = holders[row] if row in holders else next(free)
        return ordinals

    def _joined(self, part: Callable[[pa.Array], pa.Array]) -> pa.Array:
        columns = [part(column) if isinstance(column, pa.Array) else column for column in self._columns]
        return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, self._separator)

    def _at(self, rows: npt.NDArray[np.int64], ordinals: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        """Return the digests of the ids that the keys of some rows give with these ordinals."""
        # In front, where there is otherwise a phone or a column that is not empty: a content could end in the same text.
        fronts = [f"{ordinal}{_SEPARATOR}{_SEPARATOR}".encode() if ordinal else b"" for ordinal in ordinals.tolist()]
        return self._digested(map(operator.add, fronts, _texts(self.take(pa.array(rows)))))

    def _digested(self, texts: Iterable[bytes]) -> npt.NDArray[np.uint64]:
        digests = b"".join(map(xxhash.xxh3_128_digest, texts, itertools.repeat(_seed(self._app_key, self._campaign))))
        return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def _texts(keys: pa.Array) -> list[bytes]:
    binary = pc.cast(keys, pa.large_binary())
    return (pc.fill_null(binary, b"") if binary.null_count else binary).to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]


def key_texts(
    fields: Mapping[str, pa.Array],
    keys: Sequence[pa.Array] = (),
    *,
    campaign: str | None = None,
    app_key: str = "",
) -> Keys:
    """Build the text that distinguishes one recipient from another, for each row; null where a part of it is null.

    Without columns named by ``key=``, it is the phone in a named campaign, else phone, source address, short link and
    content. The ids are those of an account's `app_key`.

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
        return Keys(
            [fields["phone"].cast(TEXT), fields["content"].cast(TEXT)],
            _SEPARATOR * 3,
            campaign=campaign,
            app_key=app_key,
        )
    else:
        columns = []
        for name in UNNAMED_KEY:
            if name in ("phone", "content"):
                columns.append(fields[name].cast(TEXT))
            elif name in fields:
                columns.append(_unambiguous(pc.fill_null(fields[name], "")))
            else:
                columns.append(pa.scalar("", TEXT))
    return Keys(columns, _SEPARATOR, campaign=campaign, app_key=app_key)


def keys_of(
    fields: Mapping[str, pa.Array], keys: Sequence[pa.Array], *, campaign: str | None, app_key: str = ""
) -> Keys:
    """Build the keys of a frame's rows, ignoring differences in line ends, which spreadsheets change."""
    if not keys and campaign is None:
        fields = {**fields, "content": line_ends(fields["content"])}
    return key_texts(fields, keys, campaign=campaign, app_key=app_key)


def _unambiguous(column: pa.Array) -> pa.Array:
    column = pc.cast(column, TEXT)
    if pc.any(pc.match_substring_regex(column, "[\x1f\\\\]")).as_py():
        column = pc.replace_substring(column, "\\", "\\\\")
        column = pc.replace_substring(column, _SEPARATOR, "\\u")
    return column


def _seed(app_key: str, campaign: str | None) -> int:
    named = "" if campaign is None else f"named{_SEPARATOR}{campaign}"
    return xxhash.xxh3_64_intdigest(f"{app_key}{_SEPARATOR}{named}".encode())
