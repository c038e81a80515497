"""Who is who: the key of a row, and the messageid made from it.

The form and the hash are version 1 and never change: a row that got an id once gets it for ever, in every kernel.
``n1`` (a letter first, so that no spreadsheet takes it for a number), then 32 hexadecimal digits of XXH3-128 over the
key, seeded by campaign and appKey. A further attempt of a refused row appends ``-1``, ``-2``, ….
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from nxsms_nb.cells import TEXT

PREFIX: Final = "n1"
UNNAMED_KEY: Final = ("phone", "source_address", "short_link", "content")
NAMED_KEY: Final = ("phone",)

_SEPARATOR: Final = "\x1f"
_OURS: Final = re.compile(r"(n1[0-9a-f]{32})(?:-([1-9][0-9]{0,8}))?")


class Keys:
    """The text that tells one recipient from another, for each row.

    It is joined from its columns by the chunk, where it is asked for: that of all rows at once is as large as the frame.

    Parameters
    ----------
    columns : sequence of pyarrow.Array or pyarrow.Scalar of large_string
        What the texts are joined of; a text is null where a part of it is.
    separator : str
        What stands between.
    """

    def __init__(self, columns: Sequence[pa.Array | pa.Scalar], separator: str) -> None:
        self._columns = columns
        self._arrays = [column for column in columns if isinstance(column, pa.Array)]
        self._separator = pa.scalar(separator, TEXT)

    def __len__(self) -> int:
        return len(self._arrays[0])

    def slice(self, start: int, length: int) -> pa.Array:
        """The texts of `length` rows from `start` on."""
        return self._joined(lambda column: column.slice(start, length))

    def take(self, rows: pa.Array) -> pa.Array:
        """The texts of some rows."""
        return self._joined(lambda column: column.take(rows))

    def is_valid(self) -> pa.Array:
        """Which rows have a key."""
        gaps = [column.is_valid() for column in self._arrays if column.null_count]
        return functools.reduce(pc.and_, gaps, pa.array(np.ones(len(self), np.bool_)))

    def to_pylist(self) -> list[str | None]:
        """The texts of all rows."""
        return self.slice(0, len(self)).to_pylist()  # type: ignore[no-any-return]

    def _joined(self, part: Callable[[pa.Array], pa.Array]) -> pa.Array:
        columns = [part(column) if isinstance(column, pa.Array) else column for column in self._columns]
        return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, self._separator)


def key_texts(fields: Mapping[str, pa.Array], keys: Sequence[pa.Array] = (), *, campaign: str | None = None) -> Keys:
    """The text that tells one recipient from another, for each row.

    Parameters
    ----------
    fields : mapping of str to pyarrow.Array
        The checked fields, text, all of one length.
    keys : sequence of pyarrow.Array
        The columns named by ``key=``, as text; empty: the phone in a named campaign, else the phone, source address, short
        link and content.
    campaign : str, optional
        The campaign's name.

    Returns
    -------
    Keys
        Null where a key column, the phone or the content is null.

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


def digests(keys: Keys, *, app_key: str, campaign: str | None = None) -> npt.NDArray[np.uint64]:
    """The digest of each key: 128 bits that stand for it, and of which the first row of a key gets its id.

    Parameters
    ----------
    keys : Keys
        The rows' keys, from `key_texts`.
    app_key : str
        The SMS application's key.
    campaign : str, optional
        The campaign's name.

    Returns
    -------
    ndarray of uint64, shape (rows, 2)
        Where a key is null, that of the empty text.

    Examples
    --------
    >>> keys = key_texts({"phone": pa.array(["8615088888888"])}, campaign="spring")
    >>> digests(keys, app_key="app", campaign="spring").shape
    (1, 2)
    """
    digest, seed = xxhash.xxh3_128_digest, _seed(app_key, campaign)
    made = np.empty((len(keys), 2), np.uint64)
    # By the chunk: the objects of a few thousand rows stay in the processor's cache, those of a million do not.
    for start in range(0, len(keys), _CHUNK):
        texts = pc.cast(keys.slice(start, _CHUNK), pa.large_binary())
        chunk = (pc.fill_null(texts, b"") if texts.null_count else texts).to_numpy(zero_copy_only=False)
        made[start : start + _CHUNK] = np.frombuffer(
            b"".join([digest(text, seed) for text in chunk]), np.uint64
        ).reshape(-1, 2)
    return made


_CHUNK: Final = 8192


def _seed(app_key: str, campaign: str | None) -> int:
    named = "" if campaign is None else f"named{_SEPARATOR}{campaign}"
    return xxhash.xxh3_64_intdigest(f"{app_key}{_SEPARATOR}{named}".encode())


def message_ids(
    keys: Keys,
    ordinals: npt.NDArray[np.int32],
    *,
    app_key: str,
    campaign: str | None = None,
    own: pa.Array | None = None,
    made: npt.NDArray[np.uint64] | None = None,
) -> pa.Array:
    """The messageid of each row.

    Parameters
    ----------
    keys : Keys
        The rows' keys, from `key_texts`.
    ordinals : ndarray of int32
        0 for the first row of its key, 1 for the next …; negative for a row that gets no id.
    app_key : str
        The SMS application's key.
    campaign : str, optional
        The campaign's name.
    own : pyarrow.Array of text, optional
        The frame's own ``sys_message_id``; it wins where it is not null.
    made : ndarray of uint64, optional
        The keys' `digests`, where they are there already.

    Returns
    -------
    pyarrow.Array of large_string
        10 to 50 characters of ``[0-9a-zA-Z-]`` (the vendor's rule for sysMessageId); null where the ordinal is negative.

    Examples
    --------
    >>> keys = key_texts({"phone": pa.array(["8615088888888"])}, campaign="spring")
    >>> message_ids(keys, np.zeros(1, "int32"), app_key="app", campaign="spring").to_pylist()
    ['n14ba7d3045ec685769b23b9464a77410c']
    """
    if made is None:
        made = digests(keys, app_key=app_key, campaign=campaign)
    later = np.flatnonzero(ordinals > 0)
    if len(later):
        seed = _seed(app_key, campaign)
        made = made.copy()
        for row, text in zip(later, keys.take(pa.array(later)).to_pylist(), strict=True):
            # In front, where a phone or a column that is not empty stands otherwise: behind, a content could end like it.
            counted = f"{ordinals[row]}{_SEPARATOR}{_SEPARATOR}{text}".encode()
            made[row] = np.frombuffer(xxhash.xxh3_128_digest(counted, seed), np.uint64)
    ids = _spelled(made)
    if own is not None:
        ids = pc.coalesce(pc.cast(own, TEXT), ids)
    wanted = ordinals >= 0
    return ids if wanted.all() else pc.if_else(pa.array(wanted), ids, pa.scalar(None, TEXT))


_HEX: Final = np.frombuffer(b"".join(f"{byte:02x}".encode() for byte in range(256)), np.uint16)


def _spelled(made: npt.NDArray[np.uint64]) -> pa.Array:
    """The ids of digests, spelled in whole columns."""
    n, width = len(made), len(PREFIX) + 32
    letters = np.empty((n, width), np.uint8)
    letters[:, : len(PREFIX)] = np.frombuffer(PREFIX.encode(), np.uint8)
    for start in range(0, n, _CHUNK):
        letters[start : start + _CHUNK, len(PREFIX) :] = _HEX[made[start : start + _CHUNK].view(np.uint8)].view(
            np.uint8
        )
    offsets = np.arange(n + 1, dtype=np.int64) * width
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters))


def fingerprints(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Eight bytes that stand for each id, to find it among many: equal ids have equal ones, different ids hardly ever.

    Parameters
    ----------
    ids : pyarrow.Array of str
        Messageids, none null.

    Returns
    -------
    ndarray of uint64

    Examples
    --------
    >>> prints = fingerprints(pa.array(["order-00017", "order-00018", "order-00017"])).tolist()
    >>> prints[0] == prints[2], prints[0] == prints[1]
    (True, False)
    """
    ids = pc.cast(ids, TEXT)
    found = np.empty(len(ids), np.uint64)
    if not len(ids):
        return found
    offsets = np.frombuffer(ids.buffers()[1], np.int64)[ids.offset : ids.offset + len(ids) + 1]
    width = len(PREFIX) + 32
    ours = np.diff(offsets) == width
    if ours.any():
        letters = np.frombuffer(ids.buffers()[2], np.uint8)
        if ours.all():
            digits = letters[offsets[0] : offsets[-1]].reshape(-1, width)[:, -16:]
        else:
            digits = letters[offsets[:-1][ours][:, None] + np.arange(width - 16, width)]
        words = np.ascontiguousarray(digits).view("<u8")
        found[ours] = words[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ words[:, 1]
    if not ours.all():
        others = ids.filter(pa.array(~ours)).to_pylist()
        found[~ours] = [xxhash.xxh3_64_intdigest(messageid.encode()) for messageid in others]
    return found


def next_id(messageid: str) -> str:
    """The id of a further attempt of a refused row.

    Parameters
    ----------
    messageid : str
        The id of the attempt before, ours or the analyst's own.

    Returns
    -------
    str

    Examples
    --------
    >>> base = "n1ab1fd60e4f2f4ea3bc8ee1a3ba1b8a1f"
    >>> next_id(base), next_id(base + "-1")
    ('n1ab1fd60e4f2f4ea3bc8ee1a3ba1b8a1f-1', 'n1ab1fd60e4f2f4ea3bc8ee1a3ba1b8a1f-2')
    """
    ours = _OURS.fullmatch(messageid)
    if ours is None:
        return f"{PREFIX}{xxhash.xxh3_128_hexdigest(f'retry{_SEPARATOR}{messageid}'.encode())}-1"
    return f"{ours[1]}-{int(ours[2] or 0) + 1}"


def is_attempt_of(messageid: Any, base: str, most: int = 100) -> bool:
    """Whether an id is that of a row or of a further attempt of it.

    Examples
    --------
    >>> is_attempt_of(next_id("order-00017"), "order-00017"), is_attempt_of("order-00018", "order-00017")
    (True, False)
    """
    if messageid == base:
        return True
    ours = _OURS.fullmatch(messageid) if isinstance(messageid, str) else None
    if ours is None or ours[2] is None:
        return False
    first = _OURS.fullmatch(next_id(base))
    return first is not None and first[1] == ours[1] and int(ours[2]) <= most
