"""One run's record in PostgreSQL: a request before its first byte, its outcome before the run knows it.

A thread of its own writes. The session holds the campaign's lock from before the run's event loop exists until after it has
ended, so it cannot be the loop's; and while the database answers, requests in flight go on. What comes while a transaction is
in progress is written by the next one together.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import JournalError, JournalLost
from nxsms_nb.formatting import count
from nxsms_nb.journal.entries import Begin, End, Finish, Written
from nxsms_nb.journal.pg_connection import PATIENCE_S
from nxsms_nb.journal.pg_writer import Lost, PgWriter, no_longer
from nxsms_nb.results.table import UNSENT, Outcome

if TYPE_CHECKING:
    from nxsms_nb.journal.blocks import Block
    from nxsms_nb.journal.pg_session import Session
    from nxsms_nb.journal.store import RowsTaken

_NOT_LEFT: Final = Outcome(UNSENT, reason="the run had ended before it was sent", carried=False)
_LAST_S: Final = 5.0
"""How long a database that had been given up is waited for at the run's end."""
_IDLE_S: Final = 0.02
"""The longest that outcomes wait to be written together with a request."""
_OVERDUE_S: Final = PATIENCE_S + 10
"""How long a request waits for a database that neither answers nor breaks the connection."""


class PgRecorder:
    """The record of one run, being written; its requests come from one event loop at a time."""

    def __init__(
        self,
        session: Session,
        run: int,
        campaign: str,
        *,
        anywhere: bool,
        release: Callable[[], None],
    ) -> None:
        self.run = run
        self._session = session
        self._release = release
        self._writer = PgWriter(session, run, campaign, anywhere=anywhere)
        self._asked: deque[tuple[asyncio.Future[int], float]] = deque()
        self._look: asyncio.TimerHandle | None = None
        self._begins: list[Begin] = []
        self._finished: list[Finish] = []
        self._jobs: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._end: End | None = None
        self._trouble: JournalError | None = None
        self._news = threading.Condition()
        self._busy = self._closing = False
        self._thread = threading.Thread(target=self._main, name="nxsms-journal", daemon=True)
        self._thread.start()

    def now_us(self) -> int:
        """Return the current time by the database's clock."""
        return self._session.now_us()

    def begin(self, block: Block, start: int, size: int, *, sent_us: int) -> asyncio.Future[int]:
        """Record a request before it is sent; see `store.RunRecord`."""
        loop = asyncio.get_running_loop()
        written = Written(loop=loop)
        # One timer for all requests, as they are recorded in turn: for each of them it would cost more than the rest.
        self._asked.append((written, loop.time() + _OVERDUE_S))
        if self._look is None:
            self._look = loop.call_later(_OVERDUE_S, self._give_up_overdue, loop)
        with self._news:
            self._begins.append(Begin(block, start, size, sent_us, False, written))
            self._news.notify()
        return written

    def finish(self, batch: int, outcome: Outcome) -> None:
        """Record a request's outcome; it is durable when `close` returns, if not before."""
        with self._news:
            self._finished.append(Finish(batch, outcome))
            # The thread sleeps for a moment unless a request wants to leave.
            if not self._busy and len(self._finished) == 1:
                self._news.notify()

    async def settle(self, block: Block, outcome: Outcome) -> list[int]:
        """Record what was learnt of messages in doubt; return the places of those that stay in doubt."""
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        with self._news:
            self._jobs.append((lambda: self._writer.settle(block, outcome), done))
            self._news.notify()
        return await done

    def flush(self) -> None:
        """Write the pending outcomes, or raise `JournalError`. Call after the loop has stopped."""
        self._drop_waiting()
        with self._news:
            self._news.notify()
            while (self._finished or self._busy) and self._trouble is None and self._thread.is_alive():
                self._news.wait(0.05)
        self._raise_trouble()

    def close(self, *, rate: float | None = None, pace: float | None = None, stopped: str | None = None) -> None:
        """Flush, mark the run as ended, release the campaign. Call after the loop has stopped."""
        self._drop_waiting()
        with self._news:
            self._end = End(rate, pace, stopped)
            self._closing = True
            self._news.notify()
        try:
            self._thread.join(_OVERDUE_S)
            self._raise_trouble()
        finally:
            self._release()

    def _drop_waiting(self) -> None:
        # The waiting coroutine ended with the loop, so a request that is not written yet is not sent.
        self._asked.clear()
        self._look = None
        with self._news:
            self._begins.clear()

    def _raise_trouble(self) -> None:
        with self._news:
            unwritten = len(self._finished)
        if self._thread.is_alive() and self._closing:
            self._trouble = self._trouble or JournalError("The database does not answer.")
        if self._trouble is None:
            return
        if not unwritten and self._end is None and not self._closing:
            raise JournalLost(f"{self._trouble}", None) from None
        missing = "It has all outcomes, but not that the run has ended."
        if unwritten:
            missing = (
                f"The outcomes of {count(unwritten, 'request')} are not in it; in the journal those rows are in doubt."
            )
        raise JournalLost(
            f"The journal could not be written to the end, and the run was stopped: {self._trouble} {missing} Every row's "
            "outcome is in .frame of this error, and of a stream in its earlier chunks: keep them",
            None,
        )

    # ------------------------------------------------------------------ the thread

    def _main(self) -> None:
        while True:
            with self._news:
                self._await_work()
                begins, self._begins = self._begins, []
                jobs, self._jobs = self._jobs, []
                finished, end = list(self._finished), self._end
                last = self._closing
                self._busy = True
            try:
                self._write(begins, finished, end)
                for job, done in jobs:
                    _do(job, done)
            except BaseException as error:  # noqa: BLE001  nobody may be left waiting, and the run goes on to its end
                self._trouble = _as_journal_error(error)
                for future in (*(begin.written for begin in begins), *(done for _, done in jobs)):
                    _answer(future, error=no_longer(self._trouble))
            with self._news:
                self._busy = False
                self._news.notify_all()
                if last and not self._begins:
                    return

    def _await_work(self) -> None:
        """Wait for something to write: for outcomes alone a moment longer, as a request may come along."""
        while not (self._begins or self._jobs or self._closing):
            if self._finished and not self._news.wait(_IDLE_S):
                return
            if not self._finished:
                self._news.wait()

    def _write(self, begins: list[Begin], finished: list[Finish], end: End | None) -> None:
        given_up = self._trouble is not None
        if self._trouble is not None and end is None:
            # The run has been told to stop; its outcomes are tried once more at its end.
            for begin in begins:
                _answer(begin.written, error=no_longer(self._trouble))
            return
        while begins or finished or end is not None:
            try:
                self._writer.write(begins, finished, end, patience=_LAST_S if given_up else None)
            except Lost as lost:
                for begin in lost.begins:
                    begins = [one for one in begins if one is not begin]
                    self._leave(begin)
                continue
            except Exception as error:  # noqa: BLE001  whatever it is, the requests must not leave and the run goes on to its end
                self._trouble = _as_journal_error(error)
                for begin in begins:
                    begin.block.number = max(begin.block.number, 0)
                    _answer(begin.written, error=no_longer(self._trouble))
                return
            break
        self._trouble = None
        with self._news:
            self._finished = self._finished[len(finished) :]
        if not begins:
            return
        try:
            # All at once, since waking the loop costs more than the rest; they come from one loop at a time.
            begins[0].written.get_loop().call_soon_threadsafe(self._tell, begins)
        except RuntimeError:
            for begin in begins:
                self.finish(begin.number, _NOT_LEFT)

    def _tell(self, begins: list[Begin]) -> None:
        """Let requests leave, unless they were given up meanwhile."""
        while self._asked and self._asked[0][0].done():
            self._asked.popleft()
        for begin in begins:
            if begin.written.done():
                self.finish(begin.number, _NOT_LEFT)
            else:
                begin.written.set_result(begin.number)

    def _leave(self, begin: Begin) -> None:
        """Leave a request's rows to the run that has some of them."""
        taken: RowsTaken | JournalError
        try:
            taken = self._writer.taken(begin)
        except Exception as error:  # noqa: BLE001  as above
            taken = no_longer(_as_journal_error(error))
        _answer(begin.written, error=taken)

    def _give_up_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up the requests that have waited for too long, and look again when the next may have."""
        while self._asked and self._asked[0][1] <= loop.time():
            written, _ = self._asked.popleft()
            if not written.done():
                self._trouble = self._trouble or JournalError("The database does not answer.")
                written.set_exception(no_longer(self._trouble))
        self._look = loop.call_at(self._asked[0][1], self._give_up_overdue, loop) if self._asked else None


def _as_journal_error(error: BaseException) -> JournalError:
    return error if isinstance(error, JournalError) else JournalError(f"{type(error).__name__}: {error}")


def _do(job: Callable[[], Any], done: asyncio.Future[Any]) -> None:
    try:
        value = job()
    except Exception as error:  # noqa: BLE001  it is raised where it is awaited
        _answer(done, error=_as_journal_error(error))
    else:
        _answer(done, value)


def _answer(future: asyncio.Future[Any], value: Any = None, *, error: Exception | None = None) -> None:
    """Fulfil a future of the run's loop, if anybody still waits for it."""
    with suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(_fulfil, future, value, error)


def _fulfil(future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
