"""The form of a messageid: digests written as ids and read back, ids of further attempts, fingerprints.

The form is version 1 and never changes: ``n1`` (a letter first, so that no spreadsheet takes it for a number), then 32
hexadecimal digits of 128 bits. A further attempt of a refused row appends ``-1``, ``-2``, ….
"""

from __future__ import annotations

import binascii
import re
import sys
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from nxsms_nb._arrow import TEXT, as_mask, buffers, present, unset

__all__ = [
    "are_attempts",
    "are_first",
    "are_further",
    "are_ours",
    "fingerprints",
    "index_of_attempts",
    "is_ours",
    "key_digests",
    "next_id",
    "roots",
    "spelled",
    "unspelled",
]

PREFIX: Final = "n1"
WIDTH: Final = len(PREFIX) + 32
"""The length of an id made from a digest."""

_SEPARATOR: Final = "\x1f"
_OURS: Final = re.compile(r"(n1[0-9a-f]{32})(?:-([1-9][0-9]{0,8}))?")
MADE: Final = r"^n1[0-9a-f]{32}$"
"""The form of an id made from a digest, as a regular expression."""
_ANY_OF_OURS: Final = r"^n1[0-9a-f]{32}(?:-[1-9][0-9]{0,8})?$"
"""The form of an id that was made, of a first or a further attempt, as a regular expression."""
_FURTHER: Final = r"^n1[0-9a-f]{32}-[1-9][0-9]{0,8}$"
"""The form of an id of a further attempt, as a regular expression."""
_CHUNK: Final = 4096


def spelled(made: npt.NDArray[np.uint64]) -> pa.Array:
    """Spell digests as ids.

    Examples
    --------
    >>> spelled(np.array([[1, 255]], np.uint64)).to_pylist()
    ['n10100000000000000ff00000000000000']
    """
    letters = unset(len(made) * WIDTH, np.uint8)
    for start in range(0, len(made), _CHUNK):
        write(made[start : start + _CHUNK], letters[start * WIDTH : (start + _CHUNK) * WIDTH])
    return text(letters)


def write(made: npt.NDArray[np.uint64], letters: npt.NDArray[np.uint8]) -> None:
    """Write the ids of digests into a buffer, `WIDTH` letters each."""
    parts = letters.view(_PARTS)
    parts["prefix"] = _PREFIX
    parts["digits"] = np.frombuffer(binascii.hexlify(made.data), "V32")


def text(letters: npt.NDArray[np.uint8]) -> pa.Array:
    """Return ids stored side by side, `WIDTH` letters each, as large_string, without a copy."""
    n = len(letters) // WIDTH
    offsets = np.arange(0, (n + 1) * WIDTH, WIDTH, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters))


_PREFIX: Final = np.frombuffer(PREFIX.encode(), np.uint16)[0]
# The prefix as one number: NumPy copies and compares numbers in a third of the time of bytes.
_PARTS: Final = np.dtype([("prefix", _PREFIX.dtype), ("digits", "V32")])
_SMALL: Final = np.uint64(0x2020202020202020)


def unspelled(ids: pa.Array) -> npt.NDArray[np.uint64] | None:
    """Return the digests that ids were spelled from; None where any of them was not. No id may be null.

    Examples
    --------
    >>> unspelled(spelled(np.array([[1, 255]], np.uint64))).tolist()
    [[1, 255]]
    >>> unspelled(pa.array(["order-00017"], TEXT)) is None
    True
    """
    starts, letters = buffers(pc.cast(ids, TEXT))
    if not (np.diff(starts) == WIDTH).all():
        return None
    parts = letters.view(_PARTS)
    digits = parts["digits"].copy()
    # Digits and small letters have this bit; capitals do not, and would be spelled as other ids.
    small = np.bitwise_and.reduce(digits.view(np.uint64)) & _SMALL == _SMALL
    if not small or not (parts["prefix"] == _PREFIX).all():
        return None
    try:
        return np.frombuffer(binascii.unhexlify(digits.data), np.uint64).reshape(-1, 2)
    except binascii.Error:
        return None


def key_digests(ids: pa.Array) -> npt.NDArray[np.uint64] | None:
    """Return the digests of ids made from keys, zeros for null and for other ids; None where no id was made from a key.

    Examples
    --------
    >>> made = spelled(np.array([[1, 255]], np.uint64))[0].as_py()
    >>> key_digests(pa.array([made, None, "order-00017"], TEXT)).tolist()
    [[1, 255], [0, 0], [0, 0]]
    """
    made = pc.fill_null(pc.match_substring_regex(ids, MADE), fill_value=False)
    if not pc.any(made).as_py():
        return None
    return unspelled(pc.if_else(made, ids, pa.scalar(PREFIX + "0" * 32, TEXT)))


def fingerprints(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Return eight bytes for each id, to find it among many: equal ids have equal ones, different ids hardly ever.

    They are the second half of the digest an id was spelled from, and the XXH3-64 of any other id. No id may be null.

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
    """Return the id for the next attempt at a refused row, whether its id was made here or is the frame's own.

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


def index_of_attempts(ids: pa.Array, originals: pa.Array) -> npt.NDArray[np.int64]:
    """Return where each message's id, or that of a further attempt, first stands among `originals`; -1 where it does not.

    Examples
    --------
    >>> index_of_attempts(pa.array(["order-00017", "order-00018"], TEXT), pa.array([next_id("order-00017")], TEXT)).tolist()
    [0, -1]
    """
    found_roots = roots(originals)
    at: npt.NDArray[np.int64] = (
        pc.fill_null(pc.index_in(roots(ids), value_set=found_roots), -1).to_numpy().astype(np.int64)
    )
    # The id of a further attempt of an id that is not ours does not contain it.
    foreign = np.flatnonzero((at < 0) & ~as_mask(are_ours(ids)))
    if len(foreign):
        further = [next_id(messageid) for messageid in ids.take(pa.array(foreign)).to_pylist()]
        found = pc.index_in(roots(pa.array(further, TEXT)), value_set=found_roots)
        at[foreign] = pc.fill_null(found, -1).to_numpy()
    return at


def are_attempts(ids: pa.Array, originals: pa.Array) -> npt.NDArray[np.bool_]:
    """Return whether each id is that of its message, or of a further attempt of it.

    Examples
    --------
    >>> messages = pa.array(["order-00017", "order-00018", None], TEXT)
    >>> are_attempts(pa.array([next_id("order-00017"), "order-00017", "order-00019"], TEXT), messages).tolist()
    [True, False, False]
    """
    found = roots(ids)
    same = as_mask(pc.equal(found, roots(originals)))
    # The id of a further attempt of an id that is not ours does not contain it.
    foreign = np.flatnonzero(~same & present(ids) & present(originals) & ~as_mask(are_ours(originals)))
    if len(foreign):
        further = [next_id(messageid) for messageid in originals.take(pa.array(foreign)).to_pylist()]
        same[foreign] = as_mask(pc.equal(found.take(pa.array(foreign)), roots(pa.array(further, TEXT))))
    return same


def are_first(ids: pa.Array) -> bool:
    """Return whether all ids are of first attempts and made by this library; null counts as such.

    Examples
    --------
    >>> base = "n1ab1fd60e4f2f4ea3bc8ee1a3ba1b8a1f"
    >>> are_first(pa.array([base, None])), are_first(pa.array([base + "-1"])), are_first(pa.array(["order-00017"]))
    (True, False, False)
    """
    plain = pc.and_(are_ours(ids), pc.equal(pc.utf8_length(ids), WIDTH))
    return bool(pc.all(plain, min_count=0).as_py())


def roots(ids: pa.Array) -> pa.Array:
    """Return ids with those of further attempts, where this library made them, replaced by the first attempt's.

    Examples
    --------
    >>> base = "n1ab1fd60e4f2f4ea3bc8ee1a3ba1b8a1f"
    >>> roots(pa.array([base + "-12", "order-00017"], TEXT)).to_pylist() == [base, "order-00017"]
    True
    """
    ours = are_ours(ids)
    return pc.if_else(ours, pc.utf8_slice_codeunits(ids, 0, WIDTH), ids)


def are_ours(ids: pa.Array) -> pa.Array:
    """Return whether each id has the form of those made here, for a first or a further attempt; null for null."""
    return pc.match_substring_regex(ids, _ANY_OF_OURS)


def are_further(ids: pa.Array) -> pa.Array:
    """Return whether each id has the form of those made here for a further attempt; null for null."""
    return pc.match_substring_regex(ids, _FURTHER)


def is_ours(messageid: str) -> bool:
    """Return whether an id has the form of those made here, for a first or a further attempt."""
    return _OURS.fullmatch(messageid) is not None
