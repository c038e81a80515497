"""What workers make, packed for the way to this process: each buffer once, and compressed.

Texts of a campaign are alike, so that compressing them costs less than copying them through two sockets does, on one machine
too; and what waits here to be sent is small.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODEC: Final = "lz4"
_SMALL: Final = 4096
"""Bytes of a buffer that is not worth compressing."""


@dataclass(frozen=True)
class Packed:
    """An object as `pickle` has it, with its buffers apart: `places` says which one comes where, `sizes` what they had."""

    head: bytes
    places: Sequence[int]
    buffers: Sequence[pa.Buffer]
    sizes: Sequence[int | None]

    def __repr__(self) -> str:
        # A cluster may log what a task returned; texts and numbers have no place there.
        return "Packed(…)"

    def unpacked(self) -> Any:
        """Return the object."""
        buffers = [
            buffer if size is None else pa.decompress(buffer, size, codec=_CODEC)
            for buffer, size in zip(self.buffers, self.sizes, strict=True)
        ]
        return pickle.loads(self.head, buffers=[buffers[place] for place in self.places])  # noqa: S301  of our own workers


def packed(value: Any) -> Packed:
    """Pack an object on a worker."""
    found: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=found.append)
    # What was read of a frame's columns has the same bytes as they, and pandas copies these to pickle them.
    places: dict[bytes, int] = {}
    buffers: list[pa.Buffer] = []
    order: list[int] = []
    for one in found:
        raw = one.raw()
        place = places.setdefault(xxhash.xxh3_128_digest(raw), len(buffers))
        if place == len(buffers):
            buffers.append(pa.py_buffer(raw))
        order.append(place)
    shipped = [_compressed(buffer) for buffer in buffers]
    return Packed(head, order, [buffer for buffer, _ in shipped], [size for _, size in shipped])


def _compressed(buffer: pa.Buffer) -> tuple[pa.Buffer, int | None]:
    if buffer.size < _SMALL:
        return buffer, None
    smaller = pa.compress(buffer, codec=_CODEC)
    return (smaller, buffer.size) if smaller.size < buffer.size else (buffer, None)
