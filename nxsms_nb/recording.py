"""One run's writing into the journal: a request before its first byte, its outcome before the run knows it.

One thread writes. Requests that wait together are committed together, so that concurrency does not queue on fsync.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from nxsms_nb import identity
from nxsms_nb.cells import buffers
from nxsms_nb.errors import JournalError
from nxsms_nb.journalfile import writing
from nxsms_nb.protocol import Ids

if TYPE_CHECKING:
    import pyarrow as pa

    from nxsms_nb.results import Outcome

_GATHER_S: Final = 0.001
_IDLE_GATHER_S: Final = 0.02
_TOGETHER: Final = 1000
"""The most operations a transaction takes: SQLite allows 32,766 values a statement."""


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

    def fingerprints(self) -> bytes:
        """Their fingerprints, 8 bytes each."""
        return identity.fingerprints(self._ids).tobytes()

    def lines(self) -> bytes:
        """The ids, a line feed between."""
        if not self._width:
            return "\n".join(self._ids.to_pylist()).encode()
        lines = np.full((len(self), self._width + 1), ord("\n"), np.uint8)
        lines[:, :-1] = np.frombuffer(self._letters, np.uint8).reshape(-1, self._width)
        return lines.tobytes()[:-1]


@dataclass(slots=True)
class _Begin:
    block: Block
    start: int
    size: int
    sent_us: int
    query: bool
    written: asyncio.Future[int]
    number: int = 0


@dataclass(slots=True)
class _Finish:
    batch: int
    outcome: Outcome


@dataclass(slots=True)
class _Flush:
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Close:
    rate: float | None
    pace: float | None
    stopped: str | None
    done: threading.Event = field(default_factory=threading.Event)


class Recording:
    """The record of one run, being written.

    Parameters
    ----------
    connection : sqlite3.Connection
        Used by the writing thread alone while the recording is open, under `lock`.
    lock : threading.RLock
        Guards the connection.
    run : int
        The journal's number of the run.
    workers : int
        How many requests may be under way; half of them waiting is enough for a commit.
    release : callable
        Called when the recording is closed.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: threading.RLock,
        run: int,
        *,
        workers: int,
        release: Callable[[], None],
    ) -> None:
        self.run = run
        self._connection = connection
        self._lock = lock
        self._enough = max(1, workers // 2)
        self._release = release
        self._queue: queue.SimpleQueue[_Begin | _Finish | _Flush | _Close] = queue.SimpleQueue()
        self._trouble: Exception | None = None
        self._unwritten: list[_Finish] = []
        self._thread = threading.Thread(target=self._write, name="nxsms-journal", daemon=True)
        self._thread.start()

    def begin(self, block: Block, start: int, size: int, *, sent_us: int, query: bool = False) -> asyncio.Future[int]:
        """Record a request; when the future is done, the record is on the disk.

        Parameters
        ----------
        block : Block
            Where its ids stand.
        start, size : int
            Which of them.
        sent_us : int
            The time of its leaving, in microseconds since the epoch.
        query : bool, default False
            Whether this is what a record query settled, and no request of ours.

        Returns
        -------
        asyncio.Future of int
            The journal's number of the request, or `JournalError`: it could not be written, and the request must not
            leave.
        """
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(_Begin(block, start, size, sent_us, query, written))
        return written

    def finish(self, batch: int, outcome: Outcome) -> None:
        """Record a request's outcome; it is on the disk when `close` returns, if not before."""
        self._queue.put(_Finish(batch, outcome))

    def flush(self) -> None:
        """Write the outcomes that wait, and return when they are on the disk.

        Raises
        ------
        JournalError
            They could not be written.
        """
        flushing = _Flush()
        self._queue.put(flushing)
        flushing.done.wait()
        self._complain()

    def close(self, *, rate: float | None = None, pace: float | None = None, stopped: str | None = None) -> None:
        """Write what is left, note the run's end and give the campaign free.

        Raises
        ------
        JournalError
            Outcomes could not be written; their rows count as in doubt when they are looked at again.
        """
        closing = _Close(rate, pace, stopped)
        self._queue.put(closing)
        closing.done.wait()
        self._thread.join()
        self._release()
        self._complain()

    def _complain(self) -> None:
        if self._unwritten:
            raise JournalError(
                f"The outcomes of {len(self._unwritten)} requests could not be written to the journal "
                f"({self._trouble}). The frame has them: keep it, as .frame of this error. "
                "In the journal those rows are in doubt."
            )

    def _write(self) -> None:
        while True:
            operations = self._gather()
            closing = next((op for op in operations if isinstance(op, _Close)), None)
            begins = [op for op in operations if isinstance(op, _Begin)]
            self._unwritten += [op for op in operations if isinstance(op, _Finish)]
            try:
                with self._lock, writing(self._connection):
                    self._commit(begins, closing)
                self._unwritten.clear()
                self._trouble = None
                for begin in begins:
                    begin.block.number = abs(begin.block.number)
            except Exception as error:  # noqa: BLE001  the runs wait for this thread; it must not end before them
                self._trouble = error
                for begin in begins:
                    begin.block.number = max(begin.block.number, 0)
            _tell(begins, self._trouble)
            for operation in operations:
                if isinstance(operation, (_Flush, _Close)):
                    operation.done.set()
            if closing is not None:
                return

    def _gather(self) -> list[_Begin | _Finish | _Flush | _Close]:
        operations = [self._queue.get()]
        waiting = isinstance(operations[0], _Begin)
        until = time.monotonic() + (_GATHER_S if waiting else _IDLE_GATHER_S)
        begins = int(waiting)
        while (
            begins < self._enough and len(operations) < _TOGETHER and not isinstance(operations[-1], (_Flush, _Close))
        ):
            try:
                operation = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            operations.append(operation)
            if isinstance(operation, _Begin):
                if not begins:
                    until = time.monotonic() + _GATHER_S
                begins += 1
        return operations

    def _commit(self, begins: list[_Begin], closing: _Close | None) -> None:
        execute = self._connection.execute
        # One statement for all of a kind: the interpreter's lock changes hands at each, which costs more than the rows.
        if self._unwritten:
            execute(
                "INSERT OR REPLACE INTO outcome(batch, status, code, reason, latency_ms, carried, exceptions) VALUES "
                + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(self._unwritten)),
                [value for op in self._unwritten for value in _row(op)],
            )
        for block in {id(begin.block): begin.block for begin in begins if begin.block.number == 0}.values():
            insert = "INSERT INTO block(run, ids, fingerprints) VALUES (?, ?, ?)"
            values = (self.run, block.lines(), block.fingerprints())
            # Negative until the transaction is through: a rollback takes the number back.
            block.number = -_inserted(execute(insert, values))
        if begins:
            last = execute("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").fetchone()
            first = (last[0] if last else 0) + 1
            for number, begin in enumerate(begins, first):
                begin.number = number
            execute(
                "INSERT INTO batch(id, block, start, size, sent_us, query) VALUES "
                + ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(begins)),
                [
                    value
                    for op in begins
                    for value in (op.number, abs(op.block.number), op.start, op.size, op.sent_us, op.query)
                ],
            )
        if closing is not None:
            execute(
                "UPDATE run SET ended_us = ?, rate = ?, pace = ?, stopped = ? WHERE id = ?",
                (time.time_ns() // 1000, closing.rate, closing.pace, closing.stopped, self.run),
            )


def _row(op: _Finish) -> tuple[object, ...]:
    outcome = op.outcome
    kept = [[other.offset, other.status, other.code, other.kept] for other in outcome.exceptions]
    told = json.dumps(kept) if kept else None
    return op.batch, outcome.status, outcome.code, outcome.reason, outcome.latency_ms, outcome.carried, told


def _inserted(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("an inserted row has no number")
    return cursor.lastrowid


def _tell(begins: list[_Begin], trouble: Exception | None) -> None:
    if not begins:
        return

    def settle() -> None:
        for begin in begins:
            if begin.written.cancelled():
                continue
            if trouble is None:
                begin.written.set_result(begin.number)
            else:
                begin.written.set_exception(
                    JournalError(f"The journal could not be written ({trouble}); no further request leaves.")
                )

    try:
        begins[0].written.get_loop().call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop is closed: nobody waits for these requests any more, and none of them leaves.
        return
