"""All output to the screen: lines, warnings, bars and widgets, each of which may fail without harming a run.

A program without a terminal has no streams, a pipe breaks, a console of another code page has no ``…``, a front end goes
away. What cannot be shown is dropped; sent messages and their results are not affected.
"""

from __future__ import annotations

import contextvars
import inspect
import io
import os
import select
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Observer, Progress

PATIENCE_S: Final = 2.0
"""The seconds that the end of a run waits for an observer."""
_PAUSE_S: Final = 0.25
"""Seconds between two reports to an observer, since waking its thread costs CPU. A change of state is reported at once."""

_PLAIN: Final = str.maketrans(
    {"…": "...", "█": "#", "■": "#", "•": "*", "·": "-", "×": "x", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"'}
)


class Stream:
    """A text stream that never raises: what it cannot write is dropped, unknown characters are replaced.

    A program without a console has None for ``sys.stderr``. `patience` is in seconds, for a pipe that nobody reads or a
    terminal that is held (Ctrl-S).
    """

    def __init__(self, stream: Any, *, patience: float = 0.0) -> None:
        self._stream = stream
        self._patience = patience

    @property
    def encoding(self) -> str:
        """The encoding of the stream, by which tqdm chooses its characters; ASCII if it has none."""
        encoding = None
        with suppress(Exception):
            encoding = self._stream.encoding
        return encoding if isinstance(encoding, str) else "ascii"

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        with suppress(Exception):
            return bool(self._stream.isatty())
        return False

    def write(self, text: str) -> int:
        """Write as much of a text as the stream can show."""
        with suppress(Exception):
            if self._takes_more():
                try:
                    self._stream.write(text)
                except UnicodeError:
                    self._stream.write(self._encodable(text))
        return len(text)

    def flush(self) -> None:
        """Show what was written."""
        with suppress(Exception):
            if self._takes_more():
                self._stream.flush()

    def _takes_more(self) -> bool:
        # Only for this process's streams: a kernel's stream has the descriptor of another one.
        if not isinstance(self._stream, io.TextIOWrapper):
            return self._stream is not None
        with suppress(OSError, ValueError):  # no descriptor, or Windows, where only sockets can be asked
            return bool(select.select([], [self._stream.fileno()], [], self._patience)[1])
        return True

    def _encodable(self, text: str) -> str:
        plain = text.translate(_PLAIN)
        try:
            return plain.encode(self.encoding, "replace").decode(self.encoding)
        except LookupError:
            return plain.encode("ascii", "replace").decode("ascii")


def say(*texts: str | None, error: bool = False) -> None:
    """Show each text on a line of standard output or standard error; None is left out.

    Examples
    --------
    >>> say("4,812 of 5,000 rows were sent before")
    4,812 of 5,000 rows were sent before
    """
    stream = Stream(sys.stderr if error else sys.stdout, patience=1.0)
    for text in texts:
        if text is not None:
            stream.write(f"{text}\n")
    stream.flush()


def warn(text: str, category: type[Warning]) -> None:
    """Issue a warning at the line that called this package; a filter may turn it into an error."""
    level, frame = 1, inspect.currentframe()
    package = __name__.partition(".")[0]
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    try:
        warnings.warn(text, category, stacklevel=level)
    except Warning:
        raise
    except Exception:  # noqa: BLE001 - a closed standard error, or a hook of somebody's own
        say(f"{category.__name__}: {text}")


def terminal() -> Stream:
    """Return standard error, where bars are drawn."""
    return Stream(sys.stderr)


def end_output() -> None:
    """Flush standard output; end without an error if nobody reads it any more.

    For the end of our own programs: the interpreter would report the broken pipe, and fail.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except Exception:  # noqa: BLE001 - a broken pipe, a full disk, a closed stream
        with suppress(Exception):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class Watched:
    """Reports a run's progress to an observer from another thread: it may raise or block, the run goes on.

    A slow observer skips to the latest progress.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._news = threading.Condition()
        self._latest: list[Progress] = []
        self._final = False
        self._passed_at, self._state = -_PAUSE_S, ""
        self._thread: threading.Thread | None = None
        self._taken = threading.Event()
        self._through = threading.Event()

    def begin(self, snapshot: Progress) -> None:
        """Report the first progress and wait briefly until it is shown: in this cell, before the next one begins."""
        self._pass_on(snapshot, final=False)
        self._taken.wait(PATIENCE_S)

    def update(self, snapshot: Progress) -> None:
        """Report progress, and return at once."""
        if time.monotonic() >= self._passed_at + _PAUSE_S or snapshot.state != self._state:
            self._pass_on(snapshot, final=False)

    def close(self, snapshot: Progress) -> None:
        """Report the last progress and wait briefly until it is shown."""
        self._pass_on(snapshot, final=True)
        self._through.wait(PATIENCE_S)

    @property
    def show(self) -> Callable[[], None] | None:
        """A function that displays the observer in the current cell; None if it has no display."""
        show = getattr(self._observer, "show", None)
        if not callable(show):
            return None

        def shown() -> None:
            with suppress(Exception):
                show()

        return shown

    def _pass_on(self, snapshot: Progress, *, final: bool) -> None:
        self._passed_at, self._state = time.monotonic(), snapshot.state
        with self._news:
            self._latest, self._final = [snapshot], final
            self._news.notify()
        if self._thread is None:
            # The context names the run's cell, so that a widget appears there.
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._report,), name="nxsms-screen", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread to be had
                self._taken.set()
                self._through.set()
                return
            self._thread = thread

    def _report(self) -> None:
        final = False
        while not final:
            with self._news:
                self._news.wait_for(lambda: self._latest)
                snapshot, final = self._latest.pop(), self._final
            with suppress(BaseException):
                (self._observer.close if final else self._observer.update)(snapshot)
            self._taken.set()
        self._through.set()
