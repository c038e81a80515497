"""The ids of a run's rows, some thousands together, as the run uses them and as the journal holds them.

Ids that this library made are digests spelled in hexadecimal, and the journal holds the digests: 16 bytes a row. A
digest's second half is its fingerprint, by which an id is found among many; the first half lies apart, since it is
read only where a fingerprint was found. Ids of the frame's own are held as they are, fingerprints made for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, buffers
from nxsms_nb.rows import id_format
from nxsms_nb.wire.replies import Ids

__all__ = ["Block"]


class Packed(NamedTuple):
    """Ids as the journal stores them: 8 bytes of fingerprint each, and the `rest`.

    Where `digested`, the rest has the first halves of digests, else the ids, separated by line feeds. `keys` has the
    digests of the rows' keys where the ids do not come from these: 8 bytes each, by which a key is found, then the
    other 8 bytes of each; zeros where a row's key is not known. None where no key is known, or where `digested`.
    """

    digested: bool
    fingerprints: bytes
    rest: bytes
    keys: bytes | None = None


class Block:
    """Ids of rows in the order of sending, none null; requests point into it.

    `keys` has the ids that the rows' keys give, null where a key is not known; None: they are those of the first
    attempts. `number` is the journal's, 0 until the block is written.
    """

    def __init__(self, ids: pa.Array, keys: pa.Array | None = None) -> None:
        ids = ids.cast(TEXT)
        starts, letters = buffers(ids)
        sizes = np.diff(starts)
        self._ids = ids
        self._keys = keys
        self._letters = letters.data
        alike = len(sizes) > 0 and bool((sizes == sizes[0]).all()) and Ids.plain(letters)
        self._width = int(sizes[0]) if alike else 0
        self.number = 0

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, start: int, size: int) -> Sequence[str]:
        """Return the ids of `size` rows from `start` on."""
        if not self._width:
            return self._ids.slice(start, size).to_pylist()  # type: ignore[no-any-return]
        return Ids(self._letters[start * self._width : (start + size) * self._width], self._width)

    def lines(self, start: int, size: int) -> str:
        """Return the ids of `size` rows from `start` on, joined by line feeds."""
        if not self._width:
            return "\n".join(self.ids(start, size))
        wide = self._width + 1
        return self._joined[start * wide : (start + size) * wide - 1]

    @cached_property
    def _joined(self) -> str:
        """The ids, all of one width, with a line feed after each: made once, for all requests of the block."""
        together = np.full((len(self), self._width + 1), ord("\n"), np.uint8)
        together[:, :-1] = np.frombuffer(self._letters, np.uint8).reshape(len(self), self._width)
        return str(together.data, "ascii")

    def packed(self) -> Packed:
        """Return the ids as the journal stores them."""
        return packed(self._ids, self._keys)


def packed(ids: pa.Array, keys: pa.Array | None = None) -> Packed:
    r"""Pack ids for the journal, with keys as `Block` has them.

    Examples
    --------
    >>> len(packed(pa.array(["n14ba7d3045ec685769b23b9464a77410c"], TEXT)).rest)
    8
    >>> packed(pa.array(["order-00017", "order-00018"], TEXT)).rest
    b'order-00017\norder-00018'
    """
    digests = id_format.unspelled(ids)
    # A row that was corrected keeps its id and has another key.
    if digests is not None and (keys is None or keys.equals(ids)):
        return Packed(True, digests[:, 1].tobytes(), digests[:, 0].tobytes())
    of_keys = id_format.key_digests(id_format.roots(ids) if keys is None else keys)
    halves = None if of_keys is None else of_keys[:, 1].tobytes() + of_keys[:, 0].tobytes()
    return Packed(False, id_format.fingerprints(ids).tobytes(), "\n".join(ids.to_pylist()).encode(), halves)


def unpacked(held: Packed) -> pa.Array:
    """Return the ids, as large_string, from what the journal stores.

    Examples
    --------
    >>> ids = pa.array(["n14ba7d3045ec685769b23b9464a77410c"], TEXT)
    >>> unpacked(packed(ids)) == ids
    True
    """
    if not held.digested:
        return pa.array(held.rest.decode().split("\n"), TEXT)
    halves = [np.frombuffer(half, np.uint64) for half in (held.rest, held.fingerprints)]
    return id_format.spelled(np.stack(halves, axis=1))


def keys_of(held: Packed) -> pa.Array:
    """Return the ids that the rows' keys give, as large_string, from what the journal stores; null where a key is not known.

    Examples
    --------
    >>> made = "n14ba7d3045ec685769b23b9464a77410c"
    >>> keys_of(packed(pa.array(["order-00017", "order-00018"], TEXT), pa.array([made, None], TEXT))).to_pylist() == [made, None]
    True
    >>> keys_of(packed(pa.array([made + "-1"], TEXT))).to_pylist() == [made]
    True
    """
    if held.digested:
        return unpacked(held)
    ids = unpacked(held)
    if held.keys is None:
        return pa.nulls(len(ids), TEXT)
    second, first = np.frombuffer(held.keys, np.uint64).reshape(2, -1)
    digests = np.stack([first, second], axis=1)
    return pc.if_else(pa.array(digests.any(axis=1)), id_format.spelled(digests), pa.scalar(None, TEXT))


def key_fingerprints(held: Packed) -> bytes:
    """Return the bytes by which keys are found, of a block whose ids do not come from keys."""
    return b"" if held.keys is None else held.keys[: len(held.keys) // 2]
