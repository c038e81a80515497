"""The ids of a run's rows, some thousands together, as the run uses them and as the journal holds them.

Ids that this library made are digests spelled in hexadecimal, and the journal holds the digests: 16 bytes a row. A
digest's second half is its fingerprint, by which an id is found among many; the first half lies apart, since it is
read only where a fingerprint was found. Ids of the frame's own are held as they are, fingerprints made for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from nxsms_nb import spelling
from nxsms_nb.cells import TEXT, buffers
from nxsms_nb.replies import Ids


class Packed(NamedTuple):
    """Ids as the journal holds them.

    Parameters
    ----------
    digested : bool
        Whether `rest` has the first halves of digests; else it has the ids, a line feed between.
    fingerprints : bytes
        8 bytes an id.
    rest : bytes
        What else an id is made of.
    keys : bytes or None
        Digests of the rows' keys, where the ids are not made from them.
    """

    digested: bool
    fingerprints: bytes
    rest: bytes
    keys: bytes | None = None


class Block:
    """Ids of rows in the order of sending; requests point into it.

    Parameters
    ----------
    ids : pyarrow.Array of large_string
        The messageids, none null.

    Attributes
    ----------
    number : int
        The journal's number of the block; 0 until it is written.
    """

    __slots__ = ("_ids", "_letters", "_width", "number")

    def __init__(self, ids: pa.Array) -> None:
        ids = ids.cast(TEXT)
        starts, letters = buffers(ids)
        sizes = np.diff(starts)
        self._ids = ids
        self._letters = letters.data
        alike = len(sizes) > 0 and bool((sizes == sizes[0]).all()) and Ids.plain(letters)
        self._width = int(sizes[0]) if alike else 0
        self.number = 0

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, start: int, size: int) -> Sequence[str]:
        """The ids of `size` rows from `start` on."""
        if not self._width:
            return self._ids.slice(start, size).to_pylist()  # type: ignore[no-any-return]
        return Ids(self._letters[start * self._width : (start + size) * self._width], self._width)

    def packed(self) -> Packed:
        """The ids as the journal holds them."""
        return packed(self._ids)


def packed(ids: pa.Array) -> Packed:
    r"""Pack ids for the journal.

    Parameters
    ----------
    ids : pyarrow.Array of large_string
        The messageids, none null.

    Returns
    -------
    Packed

    Examples
    --------
    >>> len(packed(pa.array(["n14ba7d3045ec685769b23b9464a77410c"], TEXT)).rest)
    8
    >>> packed(pa.array(["order-00017", "order-00018"], TEXT)).rest
    b'order-00017\norder-00018'
    """
    digests = spelling.unspelled(ids)
    if digests is not None:
        return Packed(True, digests[:, 1].tobytes(), digests[:, 0].tobytes())
    return Packed(False, spelling.fingerprints(ids).tobytes(), "\n".join(ids.to_pylist()).encode())


def unpacked(held: Packed) -> pa.Array:
    """The ids, as large_string, from what the journal holds.

    Examples
    --------
    >>> ids = pa.array(["n14ba7d3045ec685769b23b9464a77410c"], TEXT)
    >>> unpacked(packed(ids)) == ids
    True
    """
    if not held.digested:
        return pa.array(held.rest.decode().split("\n"), TEXT)
    halves = [np.frombuffer(half, np.uint64) for half in (held.rest, held.fingerprints)]
    return spelling.spelled(np.stack(halves, axis=1))
