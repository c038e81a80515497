"""What waits to leave: rows in lots, requests cut from them, and those that must leave again."""

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

    from nxsms_nb.rows.message_ids import MessageIds
    from nxsms_nb.wire.items import Items

CHUNK_ROWS: Final = 8192
"""Rows whose items are encoded at one go: enough to spread a column's cost, few enough to keep memory flat; …"""
FIRST_ROWS: Final = 1024
"""… fewer at first, so that the first request leaves soon."""
AHEAD_ROWS: Final = 400
"""How few rows are left of a chunk when the next one is encoded, if there is time for it."""


class Chunk(NamedTuple):
    """Rows that were encoded together.

    Parameters
    ----------
    rows : ndarray of int64
        Their positions in the frame.
    block : Block
        Their ids, as the journal holds them.
    items : items.Items
        Their items.
    first : int or None
        The first of them where they follow one another.
    """

    rows: npt.NDArray[np.int64]
    block: Block
    items: Items
    first: int | None


@dataclass(slots=True)
class Batch:
    """The rows of one request: a part of a chunk.

    Parameters
    ----------
    chunk : Chunk
        Where its rows stand.
    start, size : int
        Which of them.
    tries : int
        How often it found no connection.
    not_before : float
        Monotonic time before which it must not leave again.
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
        """Its items as JSON, joined by commas."""
        return self.chunk.items.joined(self.start, self.size)

    def cut(self, size: int) -> tuple[Batch, Batch]:
        """Cut it in two, the first of `size` rows."""
        return (
            Batch(self.chunk, self.start, size, self.tries, self.not_before),
            Batch(self.chunk, self.start + size, self.size - size, self.tries, self.not_before),
        )


class BatchQueue:
    """Rows that wait to leave. Items are encoded chunk by chunk as they are sent, not beforehand.

    Parameters
    ----------
    fields : mapping of str to pyarrow.Array
        The checked fields of all rows of the frame.
    ids : pyarrow.Array of str or message_ids.MessageIds
        The messageids of all rows.
    todo : ndarray of int64
        The positions of the rows to send, ascending.
    keys : pyarrow.Array of str or message_ids.MessageIds, optional
        The ids that the rows' keys give; None: they are those of the first attempts.
    """

    def __init__(
        self,
        fields: Mapping[str, pa.Array],
        ids: pa.Array | MessageIds,
        todo: npt.NDArray[np.int64],
        keys: pa.Array | MessageIds | None = None,
    ) -> None:
        self._fields = {name: values for name, values in fields.items() if name != "sys_message_id"}
        self._ids = ids
        self._keys = keys
        self._todo = todo
        self._encoded = 0
        self._rest: Batch | None = None
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
        """Take the next request's rows; those that must leave again go first. None: nothing may leave now."""
        for _ in range(len(self._again)):
            batch = self._again.popleft()
            if batch.not_before <= now:
                if batch.size > (size := most()):
                    batch, rest = batch.cut(size)
                    self._again.appendleft(rest)
                return batch
            self._again.append(batch)
        if self._rest is None:
            chunk, self._ahead = self._ahead or self._next_chunk(), None
            if chunk is None:
                return None
            self._rest = Batch(chunk, 0, len(chunk.rows))
        batch, self._rest = self._rest, None
        if batch.size > (size := most()):
            batch, self._rest = batch.cut(size)
        return batch

    @property
    def runs_low(self) -> bool:
        """Whether it is time to encode the next rows."""
        return self._ahead is None and (self._rest is None or self._rest.size <= AHEAD_ROWS)

    def look_ahead(self) -> None:
        """Encode the next rows before they are asked for, where it is time; for when there is nothing else to do."""
        if self.runs_low:
            # Whatever goes wrong is raised to who asks for them.
            with suppress(Exception):
                self._ahead = self._next_chunk()

    def put_back(self, *batches: Batch) -> None:
        """Put requests that must leave again in front."""
        self._again.extendleft(reversed(batches))

    def next_due(self) -> float | None:
        """The monotonic time at which the next of those that wait may leave; None: none waits."""
        return min((batch.not_before for batch in self._again), default=None)

    def waiting(self) -> list[Batch]:
        """The requests that have left before and wait to leave again."""
        return list(self._again)
