"""Observers of a run: nobody, a bar in a terminal, a widget in a notebook."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.results.statuses import WORDS
from nxsms_nb.screen import Watched, terminal
from nxsms_nb.views.panel import RunPanel
from nxsms_nb.words.language import duration, joined, tr, translated

if TYPE_CHECKING:
    import threading

    from nxsms_nb.calls import Call
    from nxsms_nb.engine.progress import Observer, Progress

__all__ = ["in_notebook", "watch"]


class Silent:
    """An observer that shows nothing."""

    def update(self, snapshot: Progress) -> None:
        """Take no notice."""

    def close(self, snapshot: Progress) -> None:
        """Take no notice."""


class TerminalBar:
    """A tqdm bar on standard error. It appears with the first progress, so a call that sends nothing shows nothing."""

    def __init__(self) -> None:
        self._bar: Any = None

    def update(self, snapshot: Progress) -> None:
        """Draw how far the run has come."""
        if self._bar is None:
            self._bar = _bar()
        self._bar.desc = tr("sandbox" if snapshot.simulated else "sending")
        self._bar.total, self._bar.n = snapshot.sending, snapshot.decided
        self._bar.ncols = shutil.get_terminal_size().columns - 1  # a terminal without a size counts as 80 wide
        self._bar.unit = _words(snapshot)
        self._bar.refresh()

    def close(self, snapshot: Progress) -> None:
        """Draw the end and leave it there."""
        self.update(snapshot)
        self._bar.close()


def choose(
    progress: Any = None,
    *,
    stop: Callable[[], object] | None = None,
    interrupts: bool = False,
    recorded: str = "",
    cell_over: threading.Event | None = None,
) -> Observer:
    """Choose a run's observer.

    None: a widget in a notebook, a bar in a terminal, else silent. True: the same, but a bar rather than silence.
    False: silent. "widget", "bar" and "silent" name one, and an object with methods ``update`` and ``close`` is used as
    it is; anything else raises `ConfigError`. For the other options see `panel.RunPanel`.

    Examples
    --------
    >>> type(choose("silent")).__name__
    'Silent'
    """
    if progress is None or progress is True:
        seen = progress is True or terminal().isatty()
        progress = "widget" if in_notebook() else "bar" if seen else "silent"
    if progress is False or progress == "silent":
        return Silent()
    if progress == "bar":
        return TerminalBar()
    if progress == "widget":
        # A front end whose widgets are broken keeps nobody from sending.
        with suppress(Exception):
            return RunPanel(stop, interrupts=interrupts, recorded=recorded, cell_over=cell_over)
        return TerminalBar()
    if callable(getattr(progress, "update", None)) and callable(getattr(progress, "close", None)):
        observer: Observer = progress
        return observer
    raise ConfigError(
        f"progress={named(progress)} is not one of 'widget', 'bar', 'silent', True, False or None, and has no methods "
        "update and close."
    )


def watch(progress: Any, call: Call[Any], *, waited_for: bool = True) -> Observer:
    """Choose the observer of a call's run, as `choose` does, so that the run does not depend on it.

    The widget's button asks the `call` to stop. `waited_for` says that the caller waits for the run's end, so that an
    interrupt stops it.
    """
    interrupts = waited_for and call.by_main_thread
    observer = choose(
        progress, stop=call.stop.ask, interrupts=interrupts, recorded=call.recorded, cell_over=call.cell_over
    )
    return observer if isinstance(observer, Silent) else Watched(observer)


def in_notebook() -> bool:
    """Return whether a kernel runs this code: Jupyter's, or one made from it."""
    shell: Any = None
    with suppress(Exception):
        shell = sys.modules["IPython"].get_ipython()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


_SHOWN: Final = ("Success", "Failure", "Unknown", "Unsent")


def _words(snapshot: Progress) -> str:
    """Return the words after the bar, the most important first: a narrow terminal cuts off the end."""
    words = [tr("{decided} of {total}", decided=f"{snapshot.decided:,}", total=f"{snapshot.sending:,}")]
    if snapshot.final:
        words = [tr("{done} in {time}", done=words[0], time=duration(snapshot.elapsed_s))]
    elif snapshot.rate > 0:
        left = (snapshot.sending - snapshot.decided) / snapshot.rate
        words.append(tr("{number}/s", number=f"{snapshot.rate:,.0f}"))
        words.append(tr("{time} left", time=duration(max(1, round(left)))))
    tally = snapshot.tally
    words += [
        translated(f"{tr(WORDS[status])} {tally.get(status, 0):,}{snapshot.aside(status)}")
        for status in _SHOWN
        if tally.get(status) or status in ("Success", "Failure")
    ]
    if snapshot.suppressed:
        words.append(tr("suppressed {number}", number=f"{snapshot.suppressed:,}"))
    return joined([*words, translated(snapshot.news)] if snapshot.news else words)


def _bar() -> Any:
    from tqdm import tqdm  # noqa: PLC0415 - for those who see it only

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # the run reports often enough: no monitoring thread is needed

    return Bar(bar_format="{desc} {percentage:3.0f}%|{bar:16}| {unit}", delay=1e-9, file=terminal())
