"""A run that goes on in a thread of its own, with its own event loop: watched, stopped and awaited from outside."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from nxsms_nb import errors
from nxsms_nb.course import Ending, Memory
from nxsms_nb.display import count
from nxsms_nb.pace import Pace
from nxsms_nb.run import Engine
from nxsms_nb.screen import say
from nxsms_nb.settling import settle_doubts

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.course import Limits
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.preparing import Prepared
    from nxsms_nb.snapshot import Observer

LOOK_S: Final = 0.2
"""How often whoever waits for a run looks up, in seconds, so that an interrupt is noticed."""


class Session:
    """What a run keeps in common with the runs after it: its record in the journal, its pace and what it remembers.

    Parameters
    ----------
    prepared : Prepared
        The first run's rows, of a campaign that is claimed; it is free again when the session is closed, or this raises.
    limits : Limits
        What the runs keep to.
    rows : int
        How many rows may be sent.
    """

    def __init__(self, prepared: Prepared, limits: Limits, *, rows: int) -> None:
        self.pace = Pace(batch_size=limits.batch_size, concurrency=limits.concurrency, max_rate=limits.max_rate)
        self.recording = prepared.record(rows=rows, workers=limits.concurrency)
        self.memory = Memory()
        self._begun = time.monotonic()

    def close(self, *, stopped: str | None) -> None:
        """End the record, with the rate over all runs."""
        rate = self.memory.answered / max(time.monotonic() - self._begun, 1e-3)
        self.recording.close(rate=rate, pace=self.pace.rate, stopped=stopped)


class Run:
    """A run under way, as `start` returns it. It never raises for being stopped.

    Parameters
    ----------
    prepared : Prepared
        The rows, of a campaign that is claimed; it is free again when the run has ended, or when this raises.
    limits : Limits
        What the run keeps to.
    observer : Observer
        Who is told how far it has come.
    session : Session, optional
        The record and the pace that several runs share; None: those of this run alone.

    Raises
    ------
    JournalError
        The journal cannot be used.
    """

    def __init__(
        self, prepared: Prepared, limits: Limits, observer: Observer, *, session: Session | None = None
    ) -> None:
        self._prepared = prepared
        self._observer = observer
        self._alone = session is None
        self._session = Session(prepared, limits, rows=len(prepared.todo)) if session is None else session
        self._engine = Engine(
            prepared.client,
            self._session.recording,
            prepared.outbox(),
            prepared.results,
            self._session.pace,
            sending=len(prepared.todo),
            limits=limits,
            observer=observer,
            quotes=prepared.quotes,
            memory=self._session.memory,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_stop = False
        self._interrupted = False
        self._guard = threading.Lock()
        self.finished: Future[None] = Future()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), name="nxsms-run", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self.finished.done()

    @property
    def frame(self) -> pd.DataFrame:
        """The frame with its result columns; while the run goes on, as far as it is known."""
        return self._prepared.joined()

    @property
    def rate(self) -> float:
        """Messages a second, accepted or refused, over the whole run so far."""
        return self._engine.rate

    @property
    def pace(self) -> float | None:
        """The present ceiling in messages a second; None: no limit has been met."""
        return self._session.pace.rate

    @property
    def ending(self) -> Ending | None:
        """What ended the run early: the kind of `errors.Stopped`, its words and an account's code; None: nothing did."""
        return self._engine.ending

    @property
    def stopped(self) -> str | None:
        """Why the run ended early, or None."""
        return None if self.ending is None else self.ending.reason

    def stop(self) -> None:
        """Let no new request leave, await those under way for a moment, and return when the run has ended."""
        self.ask_to_stop()
        self._wait()

    def wait(self) -> pd.DataFrame:
        """Wait until the run has ended and return the frame.

        Returns
        -------
        pandas.DataFrame
            The frame with its result columns, complete.
        """
        self._wait()
        return self.frame

    def ask_to_stop(self) -> None:
        """Let no new request leave; returns at once."""
        self._in_loop(self._engine.stop)

    def result(self, *, last: bool = False) -> pd.DataFrame:
        """Wait as `wait` does, but raise `errors.Stopped` where rows are unsent; an interrupt stops the run, and is raised.

        With `last` nobody asks this run for its frame again.
        """
        interrupts = 0
        while True:
            try:
                # Not Thread.join: on Python 3.11 an interrupt inside it marks the live thread as finished.
                self._wait(LOOK_S)
                break
            except TimeoutError:
                if self.done:
                    raise
            except KeyboardInterrupt:
                interrupts += 1
                self._interrupted = True
                if interrupts > 2:
                    raise
                self._in_loop(self._engine.stop if interrupts == 1 else self._engine.hurry)
        return self.outcome(last=last)

    def outcome(self, *, last: bool = False) -> pd.DataFrame:
        """The frame of a run that has ended, or `errors.Stopped` with it where rows are unsent; `last` as in `result`."""
        ending, unsent = self._engine.ending, self._prepared.unsent()
        if self._interrupted and ending is None:
            ending = Ending(errors.Interrupted, "stopped by the person, when every row had its outcome")
        frame = self._prepared.joined(last=last)
        # Who pressed stop does not want what comes next, even where the run had just come to its end.
        if ending is not None and (unsent or self._interrupted):
            raise stopped(ending, frame, self._prepared.call)
        return frame

    def _wait(self, seconds: float | None = None) -> None:
        self.finished.result(seconds)

    def _in_loop(self, call: Callable[[], None]) -> None:
        with self._guard:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)
            elif not self.done:
                self._asked_to_stop = True

    def _work(self) -> None:
        trouble: BaseException | None = None
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  it is raised again where the run is awaited
            trouble = error
        try:
            if self._alone:
                self._session.close(stopped=self.stopped)
            else:
                self._session.recording.flush()
        except errors.JournalError as error:
            error.frame = self.frame
            trouble = trouble or error
        self._show_end()
        if trouble is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(trouble)

    def _show_end(self) -> None:
        # An observer is a person's view of the run; whatever is wrong with it, the run has its end.
        with suppress(Exception):
            self._observer.close(self._engine.snapshot(final=True))

    async def _main(self) -> None:
        with self._guard:
            self._loop = asyncio.get_running_loop()
            if self._asked_to_stop:
                self._engine.stop()
        try:
            doubtful = self._prepared.doubtful
            if doubtful is not None and len(doubtful):
                note = f"asking the gateway for {count(len(doubtful), 'message')} in doubt"
                await self._engine.first(settle_doubts(self._prepared, self._session.recording), note)
            await self._engine.go()
        finally:
            with self._guard:
                self._loop = None

    def __repr__(self) -> str:
        state = "under way" if not self.done else f"stopped: {self.stopped}" if self.stopped else "done"
        return f"Run({len(self._prepared.todo):,} rows, {state})"

    def _ipython_display_(self) -> None:
        # Shown by the observer itself, which puts what lasts in the place of what is live when the run has ended.
        show = getattr(self._observer, "show", None)
        if show is not None:
            show()
        else:
            say(repr(self))


def stopped(ending: Ending, frame: pd.DataFrame, call: Invocation) -> errors.Stopped:
    """The exception that tells why a run ended with rows unsent, and how to go on from the call as it was written."""
    reason = ending.reason[:1].upper() + ending.reason[1:]
    if ending.kind is errors.AccountRefused:
        error: errors.Stopped = errors.AccountRefused(reason, frame, code=ending.code or 0)
    else:
        error = ending.kind(reason, frame)
    # A retry need not name the campaign and the key that its rows were sent with, and `recorded` goes by them.
    error.recorded = call.text("recorded") if call.verb != "retry" else ""
    if isinstance(error, errors.InDoubt):
        error.settle = call.text("reconcile")
    return error
