"""One run's record in the journal: a request before its first byte, its outcome before the run knows it.

Requests that wait together are written together, so that concurrency does not queue on the disk.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from nxsms_nb.errors import JournalError
from nxsms_nb.journalwriter import Begin, Block, End, Finish, Transaction, Writer, Written

if TYPE_CHECKING:
    from nxsms_nb.results import Outcome

_PATIENCE_S: Final = 0.006
"""How long a request waits at most for others to be written with."""
_IDLE_S: Final = 0.02
"""How long outcomes wait at most for a request to be written with."""


class Recording:
    """The record of one run, being written; its requests come from one event loop at a time.

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
        self._enough = max(1, workers // 2)
        self._release = release
        self._begins: list[Begin] = []
        self._finished: list[Finish] = []
        self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._gap_s = math.inf
        self._began = -math.inf
        self._writer = Writer(connection, lock, run)

    def begin(self, block: Block, start: int, size: int, *, sent_us: int, query: bool = False) -> Written:
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
        Written
            A future that no cancellation reaches, of the journal's number of the request, or `JournalError`: it could not
            be written, and the request must not leave.
        """
        loop = asyncio.get_running_loop()
        begin = Begin(block, start, size, sent_us, query, Written(loop=loop))
        now = loop.time()
        gap = now - self._began
        self._gap_s = gap if math.isinf(self._gap_s) else self._gap_s + (gap - self._gap_s) / 8
        self._began = now
        self._begins.append(begin)
        if not self._writing:
            self._write_soon(loop)
        return begin.written

    def finish(self, batch: int, outcome: Outcome) -> None:
        """Record a request's outcome; it is on the disk when `close` returns, if not before."""
        self._finished.append(Finish(batch, outcome))
        if not self._writing and self._timer is None:
            self._write_soon(asyncio.get_running_loop())

    def flush(self) -> None:
        """Write the outcomes that wait, and return when they are on the disk; the event loop has ended.

        Raises
        ------
        JournalError
            They could not be written.
        """
        self._wait()

    def close(self, *, rate: float | None = None, pace: float | None = None, stopped: str | None = None) -> None:
        """Write what is left, note the run's end and give the campaign free; the event loop has ended.

        Raises
        ------
        JournalError
            Outcomes could not be written; their rows count as in doubt when they are looked at again.
        """
        try:
            self._wait(End(rate, pace, stopped))
        finally:
            self._release()

    def _wait(self, end: End | None = None) -> None:
        # Whoever waited for a request that is not written yet is gone with the loop: it does not leave.
        self._begins.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        finished, self._finished = self._finished, []
        self._writer.wait(Transaction(finished=finished, end=end))
        self._writing = False
        if unwritten := self._writer.unwritten:
            raise JournalError(
                f"The outcomes of {len(unwritten)} requests could not be written to the journal "
                f"({self._writer.trouble}). The frame has them: keep it, as .frame of this error. "
                "In the journal those rows are in doubt."
            )

    def _write_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits at once, unless enough for a fuller transaction will come in a moment."""
        waiting = len(self._begins)
        if waiting >= self._enough or (waiting and self._enough * self._gap_s > _PATIENCE_S):
            self._write(loop)
            return
        until = (self._began + _PATIENCE_S) if waiting else loop.time() + _IDLE_S
        if self._timer is not None and self._timer.when() > until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(until, self._write, loop)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        begins, self._begins = self._begins, []
        finished, self._finished = self._finished, []
        self._writing = True
        self._writer.put(Transaction(begins, finished, partial(self._tell, loop, begins)))

    def _tell(self, loop: asyncio.AbstractEventLoop, begins: list[Begin], trouble: Exception | None) -> None:
        try:
            loop.call_soon_threadsafe(self._written, loop, begins, trouble)
        except RuntimeError:
            # The loop is closed: nobody waits for these requests any more, and none of them leaves.
            return

    def _written(self, loop: asyncio.AbstractEventLoop, begins: list[Begin], trouble: Exception | None) -> None:
        for begin in begins:
            if trouble is None:
                begin.written.set_result(begin.number)
            else:
                begin.written.set_exception(
                    JournalError(f"The journal could not be written ({trouble}); no further request leaves.")
                )
        self._writing = False
        if self._begins or self._finished:
            self._write_soon(loop)
