"""One run's record in the journal: a request before its first byte, its outcome before the run knows it.

Requests that wait together are written together, so that concurrency does not queue on the disk. The event loop stands
still for a commit, less than a millisecond on a good disk: a thread for it would cost more than it gives, since the
interpreter's lock changes hands a dozen times a transaction.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from nxsms_nb.errors import JournalError
from nxsms_nb.journal.entries import Begin, End, Finish, Written
from nxsms_nb.journal.writer import RunWriter

if TYPE_CHECKING:
    from nxsms_nb.journal.blocks import Block
    from nxsms_nb.journal.custody import Custody
    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.results.table import Outcome

__all__ = ["Recorder"]

_PATIENCE_S: Final = 0.012
"""The longest that a request waits to be written together with others; …"""
_RARE: Final = 2.0
"""… not at all where fewer than one comes in this many times a transaction's duration."""
_IDLE_S: Final = 0.02
"""The longest that outcomes wait to be written together with a request."""


class Recorder:
    """The record of one run, being written; its requests come from one event loop at a time.

    `workers` is the most requests in flight, so no more are waited for; `release` is called on closing.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: threading.RLock,
        run: RunRow,
        *,
        workers: int,
        custody: Custody,
        release: Callable[[], None],
    ) -> None:
        self.run = run.id
        self._workers = workers
        self._custody = custody
        self._release = release
        self._begins: list[Begin] = []
        self._finished: list[Finish] = []
        self._due: asyncio.TimerHandle | None = None
        self._due_at = math.inf
        self._gap_s = math.inf
        self._first = self._last = -math.inf
        self._takes_s = 0.0
        self._writer = RunWriter(connection, lock, run, custody)

    @staticmethod
    def now_us() -> int:
        """Return the current time by this machine's clock."""
        return time.time_ns() // 1000

    def begin(self, block: Block, start: int, size: int, *, sent_us: int, query: bool = False) -> Written:
        """Record a request before it is sent; the future is done when the record is on the disk.

        `size` ids of the block from `start` on; `query` marks what a record query settled, which is no request of ours.
        No cancellation reaches the future. Its result is the journal's number of the request; with `JournalError` it
        could not be written, and the request must not be sent.
        """
        loop = asyncio.get_running_loop()
        begin = Begin(block, start, size, sent_us, query, Written(loop=loop))
        now = loop.time()
        gap = now - self._last
        self._gap_s = gap if math.isinf(self._gap_s) else self._gap_s + (gap - self._gap_s) / 8
        self._last = now
        if not self._begins:
            self._first = now
        self._begins.append(begin)
        if len(self._begins) >= self._workers:
            self._write()
        else:
            self._write_at(now if self._gap_s > _RARE * self._takes_s else self._quiet(), loop)
        return begin.written

    def finish(self, batch: int, outcome: Outcome) -> None:
        """Record a request's outcome; it is on the disk when `close` returns, if not before."""
        self._finished.append(Finish(batch, outcome))
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._write_at(loop.time() + _IDLE_S, loop)

    async def settle(self, block: Block, outcome: Outcome) -> tuple[int, ...]:
        """Record what was learnt of messages in doubt; none stays in doubt, since the campaign's lock excludes runs."""
        number = await self.begin(block, 0, len(block), sent_us=self.now_us(), query=True)
        self.finish(number, outcome)
        return ()

    def flush(self) -> None:
        """Write the pending outcomes to the disk, or raise `JournalError`. Call after the loop has stopped."""
        self._flush()

    def close(self, *, rate: float | None = None, pace: float | None = None, stopped: str | None = None) -> None:
        """Flush, mark the run as ended, release the campaign lock. Call after the loop has stopped.

        Where outcomes cannot be written, `JournalError` is raised, and their rows count as in doubt from then on.
        """
        try:
            self._flush(End(rate, pace, stopped))
        except JournalError as error:
            if self._writer.lost is not None:
                raise self._lost(self._custody.save(self._writer.lost)) from error
            raise
        finally:
            self._release()

    def _flush(self, end: End | None = None) -> None:
        # The waiting coroutine ended with the loop, so a request that is not written yet is not sent.
        self._begins.clear()
        self._write(end)
        if self._writer.lost is not None:
            raise self._lost("")
        if unwritten := self._writer.unwritten:
            raise JournalError(
                f"The outcomes of {len(unwritten)} requests could not be written to the journal "
                f"({self._writer.trouble}). The frame has them: keep it, as .frame of this error. "
                "In the journal those rows are in doubt."
            )

    def _lost(self, remedy: str) -> JournalError:
        words = "was lost" if self._writer.lost is None else self._writer.lost.words
        return JournalError(
            f"The journal {words} while this run was in progress, and the run was stopped. {remedy} Every row's outcome is in "
            ".frame of this error, and of a stream in its earlier chunks: keep them."
        )

    def _write_at(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        """Write pending records at a given time of the loop, or earlier."""
        if self._due is not None:
            if self._due_at <= when:
                return
            self._due.cancel()
        self._due_at = when
        self._due = loop.call_at(when, self._write_unless_more_come, loop)

    def _write_unless_more_come(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write pending records, unless more requests are still arriving: together they cost as much as one."""
        self._due = None
        if self._begins and self._gap_s <= _RARE * self._takes_s and loop.time() < self._quiet():
            self._write_at(self._quiet(), loop)
        else:
            self._write()

    def _quiet(self) -> float:
        """Return the time when no request has come for as long as a transaction takes, or the first pending one has waited enough."""
        return min(self._last + self._takes_s, self._first + _PATIENCE_S)

    def _write(self, end: End | None = None) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        begins, self._begins = self._begins, []
        finished, self._finished = self._finished, []
        begun = time.monotonic()
        try:
            self._writer.write(begins, finished, end)
            self._takes_s += (time.monotonic() - begun - self._takes_s) / 8
            if begins:
                # One turn of the loop later, so that a connection that the gateway closed during the commit is known as closed.
                asyncio.get_running_loop().call_soon(_tell, begins, self._writer.trouble)
        except BaseException as error:
            # An error that nobody expected must not leave the workers waiting: their requests do not leave.
            for begin in begins:
                begin.written.set_exception(error)
            raise


def _tell(begins: list[Begin], trouble: Exception | None) -> None:
    for begin in begins:
        if trouble is None:
            begin.written.set_result(begin.number)
        else:
            begin.written.set_exception(
                JournalError(f"The journal could not be written ({trouble}); no further request is sent.")
            )
