"""Run each call's work in its own thread: whoever waits for it may be interrupted at any moment, the work never is.

Python raises `KeyboardInterrupt` in the main thread between any two instructions: inside ``Thread.start``, between taking
a lock and noting that it is held, or in a weak reference's callback, where it is lost. So the main thread does next to
nothing here: it hands the work over, waits, and turns an interrupt into a request to stop. Locks, files, connections and
imports belong only to the work's thread, which releases them. The two communicate through queues and plain attributes; an
interrupt leaves those intact, which ``threading.Event`` and ``Condition`` do not promise.

Whoever is interrupted, once or several times, gets the error when the work has ended and holds nothing any more. There are
three exceptions: another interrupt after five seconds leaves the work behind, as documented; three interrupts within some
hundred instructions may escape before the wait; and one that comes between ``start`` and ``wait`` reaches neither. In the
first two cases the work ends without another request; in the third the run goes on, as ``start`` says. Python itself loses
an interrupt that comes while the main thread collects somebody else's garbage and runs its callbacks.
"""

from __future__ import annotations

import atexit
import gc
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial, wraps
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Concatenate, Final, Generic, ParamSpec, TypeVar, cast

import pandas as pd

from nxsms_nb import screen
from nxsms_nb.errors import Interrupted, Stopped
from nxsms_nb.stop_request import StopRequest
from nxsms_nb.tracebacks import is_of_interrupt, without_frames

LOOK_S: Final = 0.2
"""How often a waiting thread wakes up, in seconds: a kernel's interrupt cancels a cell without waking its loop."""
PATIENCE_S: Final = 5.0
"""How long a call that was asked to hurry is awaited at least, in seconds; then another interrupt leaves it behind."""
_SOON_S: Final = 0.01
_GLANCE_S: Final = 0.002

_T = TypeVar("_T")
_P = ParamSpec("_P")


def _seen_through(step: Callable[Concatenate[Call[Any], _P], _T]) -> Callable[Concatenate[Call[Any], _P], _T]:
    """Decorate a step so that, if interrupted, it stops the work and awaits its end before it raises."""

    @wraps(step)
    def through(call: Call[Any], /, *args: _P.args, **given: _P.kwargs) -> _T:
        try:
            try:
                return step(call, *args, **given)
            except BaseException as error:
                # Assignments come first: another interrupt may keep the call from beginning.
                call.stop.asked = call.left = True
                call.leave(error)
                raise
        except BaseException as error:
            # Once more, for an interrupt that came just before the first one's wait.
            call.stop.asked = call.left = True
            call.leave(error)
            raise

    return through


def _until_the_cell_ends() -> threading.Event:
    """Return an event that is set when the notebook's current cell has ended."""
    over = threading.Event()
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None

    def ended(*_: object) -> None:
        over.set()
        with suppress(Exception):
            shell.events.unregister("post_run_cell", ended)

    with suppress(Exception):  # no shell, or one without events
        shell.events.register("post_run_cell", ended)
    return over


class Call(Generic[_T]):
    """One call's work in its own thread, in a copy of the caller's context.

    The work of a simulated gateway goes on only while `served` lives, and need not end before the interpreter does. `left`
    says that nobody waits for the work any more; `by_main_thread`, that the main thread made the call, which is the one a
    kernel's interrupt reaches; `cell_over` is set when the cell that made it has ended; `recorded` is the call that returns the frame later, from the journal; `at_end` is called in
    the work's thread when it has ended.
    """

    _live: ClassVar[set[Call[Any]]] = set()

    def __init__(self, work: Callable[[Call[_T]], _T], *, served: weakref.ref[Any] | None = None) -> None:
        self.stop = StopRequest()
        self.ended = False
        self.by_main_thread = threading.current_thread() is threading.main_thread()
        self.cell_over = _until_the_cell_ends()
        self.recorded = ""
        self._served = served
        self._pid = os.getpid()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._outbox: SimpleQueue[tuple[Any] | None] = SimpleQueue()
        self._work: Callable[[], _T] | None = partial(copy_context().run, work, self)
        self._warnings: list[tuple[str, type[Warning]]] = []
        self._launched = self._permitted = self._abandoned = self.left = False
        self._value: _T | None = None
        self._error: BaseException | None = None
        self.at_end: Callable[[], object] | None = None

    # ------------------------------------------------------------------ for the waiting thread

    def result(self) -> _T:
        """Do the work and return its result; an interrupt stops it, awaits its end, and is raised."""
        try:
            return self._resulting()
        finally:
            # However this ends, nothing may go on behind it; and the error refers back to this object.
            self.stop.asked = self.left = True
            self._error = None

    @_seen_through
    def _resulting(self) -> _T:
        self.launch()
        self.await_end()
        return self.outcome()

    def let_go(self) -> None:
        """Stop waiting: the work ends by itself, without another request."""
        self.stop.asked = self.left = True
        self._error = None
        self.stop.wake()

    @_seen_through
    def first(self) -> Any:
        """Start the work and return the first value that it hands out; it then continues by itself."""
        self.launch()
        handed = self._handed_out()
        if handed is None:
            return self.outcome()
        self._issue_warnings()
        # An assignment, and no call: that would give way to the thread it wakes, and an interrupt that comes meanwhile is
        # raised where nobody has a handle yet.
        self._permitted = True
        return handed[0]

    @_seen_through
    def exchange(self, given: Any) -> Any:
        """Pass a value to the work, and return the next one that it hands out."""
        self._value = None
        self._inbox.put((given,))
        handed = self._handed_out()
        return self.outcome() if handed is None else handed[0]

    @_seen_through
    def finish(self) -> None:
        """Tell the work that no more values follow, and wait for its end."""
        self._value = None
        self._inbox.put(None)
        self.await_end()
        self.outcome()

    @_seen_through
    def see_out(self) -> None:
        """Wait for the end of work that continues by itself."""
        self.await_end()

    @_seen_through
    def close(self) -> None:
        """Stop the work where it has not ended, and await its end."""
        self.leave(None)

    def outcome(self) -> _T:
        """Return the result of work that has ended, or raise its error."""
        self.refuse_fork()
        if self._error is not None:
            raise self._error
        self._issue_warnings()
        return cast("_T", self._value)

    def _issue_warnings(self) -> None:
        while self._warnings:
            words, category = self._warnings.pop(0)
            screen.warn(words, category)

    def refuse_fork(self) -> None:
        """Raise in a process forked while the work went on: its thread does not exist there, and would never end."""
        if self._is_elsewhere():
            raise RuntimeError(
                f"This run belongs to process {self._pid}, from which this one was forked. Wait for it there."
            )

    def _is_elsewhere(self) -> bool:
        return self._pid != os.getpid() and not self.ended

    def launch(self) -> None:
        """Start the work."""
        if not self._launched:
            # The thread gets its turn once it is certain that it has been started. By then nothing here holds the Thread:
            # an interrupt in the callbacks of its end would be lost.
            outside = sys.exception()
            try:
                threading.Thread(target=self._main, name="nxsms-call", daemon=True).start()
            except Exception as error:
                # An interrupt between a lock's release and its return makes the lock's owner raise this instead.
                if is_of_interrupt(error, outside):
                    raise KeyboardInterrupt from error
                raise
            self._launched = True
            self._inbox.put(True)

    def _handed_out(self, until: float = math.inf) -> tuple[Any] | None:
        """Return what the work hands out next; None if it has ended."""
        self.refuse_fork()
        while not (self.ended and self._outbox.empty()) and time.monotonic() < until:
            with suppress(Empty):
                # With a timeout, since a wait without one cannot be interrupted everywhere.
                handed = self._outbox.get(timeout=LOOK_S)
                if handed is not None:
                    return handed
        return None

    def await_end(self, until: float = math.inf) -> None:
        """Wait until the work has ended, without handling an interrupt."""
        while self._handed_out(until) is not None:
            pass

    def leave(self, error: BaseException | None) -> None:
        """Stop the work and await its end; raise `Interrupted` instead of a bare interrupt.

        Once hurried and after `PATIENCE_S`, another interrupt leaves the work behind.
        """
        self.stop.asked = self.left = True
        late, again, patience = error, False, math.inf
        while self._launched and not self.ended and not self._abandoned:
            try:
                now = time.monotonic()
                if self._is_elsewhere() or (again and now > patience):
                    self._abandoned = True
                    break
                again, patience = False, min(patience, now + PATIENCE_S) if self.stop.hurried else math.inf
                self.stop.wake()
                self.await_end()
            except BaseException as another:  # noqa: BLE001  raised when the work has ended
                # Assignments alone: another interrupt would escape from a call of a function here.
                late, again, self.stop.hurried = late or another, True, True
        if isinstance(late, KeyboardInterrupt) and not isinstance(late, Stopped):
            raise self._interrupted() from None
        if late is not None and error is None:
            raise late

    def _interrupted(self) -> BaseException:
        error, value = self._error, self._value
        if isinstance(error, Interrupted):
            return error
        # Whoever pressed stop does not want the next step, even if the call had just ended.
        words = "Stopped by you after every row had its outcome"
        frame = value if isinstance(value, pd.DataFrame) else getattr(value, "frame", None)
        if error is not None:
            words = f"Stopped by you. Before that, the call had ended with {type(error).__name__}: {error}"
            frame = getattr(error, "frame", None)
        elif frame is None:
            words = "Stopped by you before anything was sent."
        interrupted = Interrupted(words, frame)
        interrupted.recorded = self.recorded
        return interrupted

    # ------------------------------------------------------------------ for the work

    def hand_out(self, value: Any) -> None:
        """Hand a value out to the waiting thread."""
        self._value = value
        self._outbox.put((value,))

    def warn(self, words: str, category: type[Warning]) -> None:
        """Issue a warning where the call was made."""
        self._warnings.append((words, category))

    def await_leave(self) -> None:
        """Wait until the first value handed out has been received, or a stop is requested."""
        while not self._permitted and not self.stop.asked:
            time.sleep(_GLANCE_S)

    def given(self) -> Any:
        """Return the next value passed to this call; None if it is to end."""
        self.stop.listener = partial(self._inbox.put, None)
        try:
            while not self.stop.asked:
                with suppress(Empty):
                    return self._inbox.get(timeout=LOOK_S)
            return None
        finally:
            self.stop.listener = None

    @property
    def wanted(self) -> bool:
        """Whether the work is still wanted. It is polled, since an interrupt in a finalizer would be lost."""
        return not self.stop.asked and (self._served is None or self._served() is not None)

    def ready_to_lock(self) -> None:
        """Wait for what abandoned calls still hold; raise `Interrupted` if this one is asked to stop."""
        self.let_others_end()
        self.stop.check()

    def let_others_end(self) -> None:
        """Let abandoned calls, for example those of an impatient person, release what they hold first."""
        until = time.monotonic() + PATIENCE_S
        while others := [call for call in tuple(self._live) if call is not self and call._is_left_behind()]:  # noqa: SLF001
            self.stop.check()
            if time.monotonic() > until:
                return
            for call in others:
                call.stop.wake()
            time.sleep(_SOON_S)

    def _is_left_behind(self) -> bool:
        return self._pid == os.getpid() and (self.left or not (self.stop.asked or self.wanted))

    def _main(self) -> None:
        work, self._work = self._work, None
        self._live.add(self)
        try:
            if work is not None and self.given() is not None:
                value = work()
                # Work that gives nothing back leaves what it handed out last: an interrupt may have kept that from being taken.
                self._value = self._value if value is None else value
                del value
        except BaseException as error:  # noqa: BLE001  it is raised where the call is awaited
            self._error = without_frames(error)
        finally:
            del work
            # The work leaves cycles, for example event loops' transports. If the main thread collected them, an interrupt in one
            # of their callbacks would be lost. Young generations are quick to collect.
            gc.collect(1)
            self._live.discard(self)
            self.ended = True
            self._outbox.put(None)
            if self.at_end is not None:
                with suppress(RuntimeError):
                    self.at_end()


@atexit.register
def _stop_all() -> None:
    """Let runs end by themselves when the interpreter does, so that requests in flight get their outcome."""
    live = [call for call in tuple(Call._live) if call._pid == os.getpid() and call._served is None]  # noqa: SLF001
    until = time.monotonic() + PATIENCE_S
    for call in live:
        call.stop.ask()
    for call in live:
        call.await_end(until)


def apart(function: Callable[..., _T], *args: Any) -> _T:
    """Call a function in its own thread, so that an interrupt does not reach it."""
    return Call(lambda _: function(*args)).result()
