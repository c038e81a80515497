"""A run in a thread of its own, with its own event loop: observed, stopped and awaited from outside."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from nxsms_nb import errors
from nxsms_nb.engine import elsewhere
from nxsms_nb.engine.loops import in_loop
from nxsms_nb.engine.rate import AdaptiveRate
from nxsms_nb.engine.reconcile import settle_doubts
from nxsms_nb.engine.sender import Sender
from nxsms_nb.engine.state import Memory, StopReason
from nxsms_nb.formatting import count
from nxsms_nb.screen import say

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.engine.progress import Observer
    from nxsms_nb.engine.state import Limits
    from nxsms_nb.invocation import Invocation

__all__ = ["Run", "Session", "stopped"]


class Session:
    """What a run shares with the runs after it: its record in the journal, its rate and its memory.

    The dispatch's campaign is held; it is released when the session is closed, or this raises. `rows` is how many may
    be sent.
    """

    def __init__(self, dispatch: Dispatch, limits: Limits, *, rows: int) -> None:
        self.pace = AdaptiveRate(batch_size=limits.batch_size, concurrency=limits.concurrency, max_rate=limits.max_rate)
        self.recorder = dispatch.record(dispatch.held, rows=rows, workers=limits.concurrency)
        self.memory = Memory()
        self._begun = time.monotonic()

    def close(self, *, stopped: str | None) -> None:
        """Close the record, with the average rate over all runs."""
        rate = self.memory.answered / max(time.monotonic() - self._begun, 1e-3)
        self.recorder.close(rate=rate, pace=self.pace.rate, stopped=stopped)


class Run:
    """A run in progress, as `start` returns it. It never raises for having ended early.

    Parameters
    ----------
    dispatch : Dispatch
        The rows, of a campaign that is held; it is released when the run has ended, or when this raises.
    limits : Limits
        What the run keeps to.
    observer : Observer
        Gets the run's progress.
    call : Call
        Whose thread it runs in, and who asks it to stop.
    session : Session, optional
        The record and the pace that several runs share; None: those of this run alone.

    Raises
    ------
    JournalError
        The journal cannot be used.
    """

    def __init__(
        self, dispatch: Dispatch, limits: Limits, observer: Observer, call: Call[Any], *, session: Session | None = None
    ) -> None:
        self._dispatch = dispatch
        self._observer = observer
        self._call = call
        self._alone = session is None
        self._session = Session(dispatch, limits, rows=len(dispatch.todo)) if session is None else session
        self._sender = Sender(
            dispatch.client,
            self._session.recorder,
            dispatch.queue(),
            dispatch.results,
            self._session.pace,
            sending=len(dispatch.todo),
            campaign=dispatch.campaign,
            suppressed=len(dispatch.suppressed()),
            limits=limits,
            observer=observer,
            quotes=dispatch.quotes,
            memory=self._session.memory,
            request=call.stop,
            met_before=partial(elsewhere.met_before, dispatch, run=self._session.recorder.run),
        )

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        self._call.refuse_fork()
        return self._call.ended

    @property
    def frame(self) -> pd.DataFrame:
        """The frame with its result columns, as far as known while the run is in progress."""
        # A copy: a change in place must change neither the run's frame nor the next one.
        return self._dispatch.joined().copy()

    @property
    def rate(self) -> float:
        """Messages per second, accepted or refused, over the whole run so far."""
        return self._sender.rate

    @property
    def pace(self) -> float | None:
        """The present ceiling in messages per second; None: no limit has been met."""
        return self._session.pace.rate

    @property
    def ending(self) -> StopReason | None:
        """What ended the run early: the kind of `errors.Stopped`, its words and an account's code; None: nothing did."""
        return self._sender.ending

    @property
    def stopped(self) -> str | None:
        """Why the run ended early, or None."""
        return None if self.ending is None else self.ending.reason

    def stop(self) -> None:
        """Send no new request, await those in flight for a moment, and return when the run has ended."""
        self._call.close()
        self._call.outcome()

    def wait(self) -> pd.DataFrame:
        """Wait until the run has ended and return the frame.

        An interrupt stops the run, and is raised as `errors.Interrupted` when it has ended.

        Returns
        -------
        pandas.DataFrame
            The frame with its result columns, complete.
        """
        # On one line: an interrupt on the line of the try alone would come before it, and not stop the run.
        try: self._call.see_out()  # noqa: E701  # fmt: skip
        except BaseException as error:
            # Assignments come first: another interrupt may keep the call from beginning.
            self._call.stop.asked = self._call.left = True
            self._call.leave(error)
            raise
        self._call.outcome()
        return self.frame

    def ask_to_stop(self) -> None:
        """Send no new request; return at once."""
        self._call.stop.ask()

    def outcome(self, *, last: bool = False) -> pd.DataFrame:
        """Return the frame of a run that has ended, or raise `errors.Stopped` with it where rows are unsent.

        With `last` the run's frame is not requested again.
        """
        ending, unsent = self._sender.ending, self._dispatch.unsent()
        frame = self._dispatch.joined(last=last)
        if ending is not None and (unsent or ending.kind is errors.Interrupted):
            raise stopped(ending, frame, self._dispatch.call)
        return frame

    def go(self) -> None:
        """Send, in the thread of the run's call, until nothing waits or something ends the run."""
        trouble: errors.JournalError | None = None
        try:
            in_loop(self._main())
        finally:
            try:
                self._close()
            except errors.JournalError as error:
                error.frame = self.frame
                trouble = error
            self._show_end()
        if trouble is not None:
            raise trouble

    def _close(self) -> None:
        if self._alone:
            self._session.close(stopped=self.stopped)
        else:
            self._session.recorder.flush()

    def announce(self) -> None:
        """Show the run's observer in the cell of the call."""
        begin = getattr(self._observer, "begin", None)
        if begin is not None:
            with suppress(Exception):
                begin(self._sender.snapshot())

    def _show_end(self) -> None:
        # An observer only displays the run; its errors must not keep the run from ending.
        with suppress(Exception):
            self._observer.close(self._sender.snapshot(final=True))

    async def _main(self) -> None:
        request = self._call.stop
        loop = asyncio.get_running_loop()
        request.listener = lambda: loop.call_soon_threadsafe(self._sender.apply_stop)
        try:
            self._sender.apply_stop()
            doubtful = self._dispatch.doubtful
            if doubtful is not None and len(doubtful):
                note = f"asking the gateway for {count(len(doubtful), 'message')} in doubt"
                await self._sender.first(settle_doubts(self._dispatch, self._session.recorder), note)
            await self._sender.go()
        finally:
            request.listener = None

    def __repr__(self) -> str:
        state = "in progress" if not self._call.ended else f"stopped: {self.stopped}" if self.stopped else "done"
        return f"Run({len(self._dispatch.todo):,} rows, {state})"

    def _ipython_display_(self) -> None:
        # Shown by the observer itself, which replaces the live view by a lasting one when the run has ended.
        show = getattr(self._observer, "show", None)
        if show is not None:
            show()
        else:
            say(repr(self))


def stopped(ending: StopReason, frame: pd.DataFrame, call: Invocation) -> errors.Stopped:
    """Return the exception for a run that ended with rows unsent: why it ended, and the call that continues it."""
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
