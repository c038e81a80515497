"""Who is who: the key of a row, and the messageid made from it.

The form and the hash are version 1 and never change: a row that got an id once gets it for ever, in every kernel.
``n1`` (a letter first, so that no spreadsheet takes it for a number), then 32 hexadecimal digits of XXH3-128 over the
key, seeded by campaign and appKey. A further attempt of a refused row appends ``-1``, ``-2``, ….
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

PREFIX: Final = "n1"
UNNAMED_KEY: Final = ("phone", "source_address", "short_link", "content")
NAMED_KEY: Final = ("phone",)

_SEPARATOR: Final = "\x1f"
_OURS: Final = re.compile(r"(n1[0-9a-f]{32})(?:-([1-9][0-9]{0,8}))?")


def key_texts(
    fields: Mapping[str, pa.Array], keys: Sequence[pa.Array] = (), *, campaign: str | None = None
) -> pa.Array:
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
    pyarrow.Array of large_string
        Null where a key column, the phone or the content is null.

    Examples
    --------
    >>> key_texts({"phone": pa.array(["8615088888888", None])}, campaign="spring").to_pylist()
    ['8615088888888', None]
    """
    separator = _SEPARATOR
    if keys:
        columns = [_unambiguous(column) for column in keys]
    elif campaign is not None:
        columns = [fields[name] for name in NAMED_KEY]
    elif not any(name in fields for name in ("source_address", "short_link")):
        # The same text as below with two empty fields between, in half the time.
        columns, separator = [fields["phone"], fields["content"]], _SEPARATOR * 3
    else:
        columns = []
        for name in UNNAMED_KEY:
            if name in ("phone", "content"):
                columns.append(fields[name])
            elif name in fields:
                columns.append(_unambiguous(pc.fill_null(fields[name], "")))
            else:
                columns.append(pa.scalar("", pa.large_string()))
    columns = [pc.cast(column, pa.large_string()) for column in columns]
    if len(columns) == 1:
        return columns[0]
    return pc.binary_join_element_wise(*columns, pa.scalar(separator, pa.large_string()))


def _unambiguous(column: pa.Array) -> pa.Array:
    column = pc.cast(column, pa.large_string())
    if pc.any(pc.match_substring_regex(column, "[\x1f\\\\]")).as_py():
        column = pc.replace_substring(column, "\\", "\\\\")
        column = pc.replace_substring(column, _SEPARATOR, "\\u")
    return column


def digests(keys: pa.Array, *, app_key: str, campaign: str | None = None) -> npt.NDArray[np.uint64]:
    """The digest of each key: 128 bits that stand for it, and of which the first row of a key gets its id.

    Parameters
    ----------
    keys : pyarrow.Array of text
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
    >>> digests(pa.array(["8615088888888"]), app_key="app", campaign="spring").shape
    (1, 2)
    """
    texts = pc.cast(keys, pa.large_binary())
    if texts.null_count:
        texts = pc.fill_null(texts, b"")
    digest, seed = xxhash.xxh3_128_digest, _seed(app_key, campaign)
    made = np.empty((len(texts), 2), np.uint64)
    # By the chunk: the objects of a few thousand rows stay in the processor's cache, those of a million do not.
    for start in range(0, len(texts), _CHUNK):
        chunk = texts.slice(start, _CHUNK).to_numpy(zero_copy_only=False)
        made[start : start + _CHUNK] = np.frombuffer(
            b"".join([digest(text, seed) for text in chunk]), np.uint64
        ).reshape(-1, 2)
    return made


_CHUNK: Final = 8192


def _seed(app_key: str, campaign: str | None) -> int:
    named = "" if campaign is None else f"named{_SEPARATOR}{campaign}"
    return xxhash.xxh3_64_intdigest(f"{app_key}{_SEPARATOR}{named}".encode())


def message_ids(
    keys: pa.Array,
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
    keys : pyarrow.Array of text
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
    pyarrow.Array of string
        10 to 50 characters of ``[0-9a-zA-Z-]`` (the vendor's rule for sysMessageId); null where the ordinal is negative.

    Examples
    --------
    >>> message_ids(pa.array(["8615088888888"]), np.zeros(1, "int32"), app_key="app", campaign="spring").to_pylist()
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
        ids = pc.coalesce(pc.cast(own, pa.string()), ids)
    wanted = ordinals >= 0
    return ids if wanted.all() else pc.if_else(pa.array(wanted), ids, pa.scalar(None, pa.string()))


_HEX: Final = np.frombuffer(b"".join(f"{byte:02x}".encode() for byte in range(256)), np.uint16)


def _spelled(made: npt.NDArray[np.uint64]) -> pa.Array:
    """The ids of digests, spelled in whole columns."""
    n, width = len(made), len(PREFIX) + 32
    letters = np.empty((n, width), np.uint8)
    letters[:, : len(PREFIX)] = np.frombuffer(PREFIX.encode(), np.uint8)
    letters[:, len(PREFIX) :] = _HEX[made.view(np.uint8)].view(np.uint8)
    offsets = np.arange(n + 1, dtype=np.int64) * width
    spelled = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters))
    return pc.cast(spelled, pa.string())


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
    ids = pc.cast(ids, pa.large_string())
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
