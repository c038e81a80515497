"""What waits to be sent: rows in chunks, requests cut from them, and those to be sent again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from nxsms_nb.journal.blocks import Block
from nxsms_nb.wire import items as wire_items

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nxsms_nb.wire.items import Items

CHUNK_ROWS: Final = 16_384
"""Rows whose items are encoded together: enough to spread a column's cost, few enough to keep memory flat; …"""
FIRST_ROWS: Final = 1024
"""… fewer at first, so that the first request is sent soon."""
AHEAD_ROWS: Final = 400
"""Remaining rows of a chunk at which the next one is encoded, if there is time."""


class Chunk(NamedTuple):
    """Rows that were encoded together: their positions in the frame, their ids and items.

    `first` is the first position where they are consecutive.
    """

    rows: npt.NDArray[np.int64]
    block: Block
    items: Items
    first: int | None


@dataclass(slots=True)
class Batch:
    """The rows of one request: `size` rows of a chunk from `start` on.

    `tries` counts the attempts that found no connection; it must not be sent again before the monotonic time
    `not_before`.
    """

    chunk: Chunk
    start: int
    size: int
    tries: int = 0
    not_before: float = 0.0

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The positions of its rows in the frame."""
        return self.chunk.rows[self.start : self.start + self.size]

    @property
    def span(self) -> slice | npt.NDArray[np.int64]:
        """The same, as a slice where they follow one another."""
        first = self.chunk.first
        return self.rows if first is None else slice(first + self.start, first + self.start + self.size)

    @property
    def ids(self) -> Sequence[str]:
        """The messageids of its rows."""
        return self.chunk.block.ids(self.start, self.size)

    def items(self) -> memoryview:
        """Return its items as JSON, joined by commas."""
        return self.chunk.items.joined(self.start, self.size)

    def cut(self, size: int) -> tuple[Batch, Batch]:
        """Cut it in two, the first of `size` rows."""
        return (
            Batch(self.chunk, self.start, size, self.tries, self.not_before),
            Batch(self.chunk, self.start + size, self.size - size, self.tries, self.not_before),
        )


class BatchQueue:
    """Rows that wait to be sent; items are encoded chunk by chunk as they are sent, not beforehand.

    `todo` has the positions of the rows to send, ascending; `keys` the ids that the rows' keys give, None where these
    are those of the first attempts.
    """

    def __init__(
        self,
        fields: Mapping[str, pa.Array],
        ids: pa.Array,
        todo: npt.NDArray[np.int64],
        keys: pa.Array | None = None,
    ) -> None:
        self._fields = {name: values for name, values in fields.items() if name != "sys_message_id"}
        self._ids = ids
        self._keys = keys
        self._todo = todo
        self._encoded = 0
        self._chunk: Chunk | None = None
        self._left = 0
        self._ahead: Chunk | None = None
        self._again: deque[Batch] = deque()

    def _next_chunk(self) -> Chunk | None:
        rows = self._todo[self._encoded : self._encoded + (CHUNK_ROWS if self._encoded else FIRST_ROWS)]
        chunk = self.chunk(rows) if len(rows) else None
        self._encoded += len(rows)
        return chunk

    def chunk(self, rows: npt.NDArray[np.int64]) -> Chunk:
        """Encode rows, ascending, as a chunk of their own."""
        first = int(rows[0]) if len(rows) and rows[-1] - rows[0] == len(rows) - 1 else None
        if first is not None:
            fields = {name: values.slice(first, len(rows)) for name, values in self._fields.items()}
            ids = self._ids.slice(first, len(rows))
            keys = None if self._keys is None else self._keys.slice(first, len(rows))
        else:
            at = pa.array(rows)
            fields = {name: values.take(at) for name, values in self._fields.items()}
            ids = self._ids.take(at)
            keys = None if self._keys is None else self._keys.take(at)
        return Chunk(rows, Block(ids, keys), wire_items.encode(fields, ids), first)

    def take(self, most: Callable[[], int], now: float) -> Batch | None:
        """Take the next request's rows, those to be sent again first. None: nothing may be sent now."""
        for _ in range(len(self._again)):
            batch = self._again.popleft()
            if batch.not_before <= now:
                if batch.size > (size := most()):
                    batch, rest = batch.cut(size)
                    self._again.appendleft(rest)
                return batch
            self._again.append(batch)
        if not self._left:
            self._chunk, self._ahead = self._ahead or self._next_chunk(), None
            self._left = 0 if self._chunk is None else len(self._chunk.rows)
        if (chunk := self._chunk) is None:
            return None
        start, size = len(chunk.rows) - self._left, min(self._left, most())
        self._left -= size
        return Batch(chunk, start, size)

    @property
    def runs_low(self) -> bool:
        """Whether it is time to encode the next rows."""
        return self._ahead is None and self._left <= AHEAD_ROWS

    def look_ahead(self) -> None:
        """Encode the next rows before they are needed, if it is time; call when idle."""
        if self.runs_low:
            # An error is raised again when the rows are needed.
            with suppress(Exception):
                self._ahead = self._next_chunk()

    def put_back(self, *batches: Batch) -> None:
        """Put requests that must be sent again in front."""
        self._again.extendleft(reversed(batches))

    def next_due(self) -> float | None:
        """Return the monotonic time at which the next waiting batch may be sent; None: none waits."""
        return min((batch.not_before for batch in self._again), default=None)

    def waiting(self) -> list[Batch]:
        """Return the requests that were sent before and wait to be sent again."""
        return list(self._again)
