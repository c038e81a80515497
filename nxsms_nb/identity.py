"""Who is who: the key of a row, and the messageid made from it.

The form and the hash are version 1 and never change: a row that got an id once gets it for ever, in every kernel.
``n1`` (a letter first, so that no spreadsheet takes it for a number), then 32 hexadecimal digits of XXH3-128 over the
key, seeded by campaign and appKey. A further attempt of a refused row appends ``-1``, ``-2``, ….
"""

from __future__ import annotations

import binascii
import functools
import itertools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from nxsms_nb.cells import TEXT, buffers

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

    @property
    def null_count(self) -> int:
        """How many parts of keys are missing: none where every row has a key."""
        return sum(column.null_count for column in self._arrays)

    def is_valid(self) -> pa.Array:
        """Which rows have a key."""
        return functools.reduce(pc.and_, [column.is_valid() for column in self._arrays])

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
        chunk = (pc.fill_null(texts, b"") if texts.null_count else texts).to_numpy(zero_copy_only=False).tolist()
        told = b"".join(map(digest, chunk, itertools.repeat(seed)))
        made[start : start + _CHUNK] = np.frombuffer(told, np.uint64).reshape(-1, 2)
    return made


_CHUNK: Final = 4096


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
    ids = spelled(made)
    if own is not None:
        ids = pc.coalesce(pc.cast(own, TEXT), ids)
    wanted = ordinals >= 0
    return ids if wanted.all() else pc.if_else(pa.array(wanted), ids, pa.scalar(None, TEXT))


def spelled(made: npt.NDArray[np.uint64]) -> pa.Array:
    """The ids of digests.

    Parameters
    ----------
    made : ndarray of uint64, shape (rows, 2)
        The digests.

    Returns
    -------
    pyarrow.Array of large_string

    Examples
    --------
    >>> spelled(np.array([[1, 255]], np.uint64)).to_pylist()
    ['n10100000000000000ff00000000000000']
    """
    n = len(made)
    letters = np.empty(n * _WIDTH, np.uint8)
    parts = letters.view(_PARTS)
    parts["prefix"] = PREFIX.encode()
    for start in range(0, n, _CHUNK):
        chunk = binascii.hexlify(made[start : start + _CHUNK].data)
        parts["digits"][start : start + _CHUNK] = np.frombuffer(chunk, "V32")
    offsets = np.arange(0, (n + 1) * _WIDTH, _WIDTH, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters))


_WIDTH: Final = len(PREFIX) + 32
_PARTS: Final = np.dtype([("prefix", f"V{len(PREFIX)}"), ("digits", "V32")])
_PREFIX: Final = np.frombuffer(PREFIX.encode(), np.uint16)
_SMALL: Final = np.uint64(0x2020202020202020)


def unspelled(ids: pa.Array) -> npt.NDArray[np.uint64] | None:
    """The digests that ids were spelled from; None where any of them was not.

    Parameters
    ----------
    ids : pyarrow.Array of text
        Messageids, none null.

    Returns
    -------
    ndarray of uint64, shape (rows, 2), or None

    Examples
    --------
    >>> unspelled(spelled(np.array([[1, 255]], np.uint64))).tolist()
    [[1, 255]]
    >>> unspelled(pa.array(["order-00017"], TEXT)) is None
    True
    """
    starts, letters = buffers(pc.cast(ids, TEXT))
    if not (np.diff(starts) == _WIDTH).all():
        return None
    parts = letters.view(_PARTS)
    digits = parts["digits"].copy()
    # Digits and small letters have this bit, capitals have not: spelled again they would be other ids.
    small = np.bitwise_and.reduce(digits.view(np.uint64)) & _SMALL == _SMALL
    if not small or not (parts["prefix"].view(np.uint16) == _PREFIX).all():
        return None
    try:
        return np.frombuffer(binascii.unhexlify(digits.data), np.uint64).reshape(-1, 2)
    except binascii.Error:
        return None


def fingerprints(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Eight bytes that stand for each id, to find it among many: equal ids have equal ones, different ids hardly ever.

    Parameters
    ----------
    ids : pyarrow.Array of text
        Messageids, none null.

    Returns
    -------
    ndarray of uint64
        The second half of the digest an id was spelled from; the XXH3-64 of any other id.

    Examples
    --------
    >>> prints = fingerprints(pa.array(["order-00017", "order-00018", "order-00017"], TEXT)).tolist()
    >>> prints[0] == prints[2], prints[0] == prints[1]
    (True, False)
    """
    chunks = [_fingerprints(ids.slice(start, _CHUNK)) for start in range(0, len(ids), _CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty(0, np.uint64)


def _fingerprints(ids: pa.Array) -> npt.NDArray[np.uint64]:
    digests = unspelled(ids)
    if digests is not None:
        return digests[:, 1]
    return np.array([_fingerprint(text) for text in ids.to_pylist()], np.uint64)


def _fingerprint(messageid: str) -> int:
    ours = _OURS.fullmatch(messageid)
    if ours is None or ours[2] is not None:
        return xxhash.xxh3_64_intdigest(messageid.encode())
    return int.from_bytes(bytes.fromhex(messageid[-16:]), sys.byteorder)


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
