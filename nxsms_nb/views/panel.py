"""A run in a notebook: a live widget, and static HTML that takes its place when the run has ended.

Two mechanisms, because neither reaches everybody. The widget's model ends in the summary's state and is never closed: a
page that was reloaded, a second tab and Voila read it from the kernel. Where the page that ran the cell listens, the
output is replaced by static HTML, which a saved notebook keeps. In between a still picture, renewed every few seconds and
hidden by the live panel, is what a page shows that cannot show the widget: a notebook that was saved meanwhile and is
opened without its kernel, or while a cell keeps the kernel from answering.
"""

from __future__ import annotations

import secrets
import string
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import escape
from nxsms_nb.views.encoded import as_json
from nxsms_nb.views.run_summary import summary_html
from nxsms_nb.views.run_view import Throughput, view_of
from nxsms_nb.words.language import chapter, tr
from nxsms_nb.words.language import moment as dated

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Progress

__all__ = ["RunPanel"]

PLAIN: Final = "progress of a run"
"""Its text form: the same for every run, so that a notebook's outputs repeat."""
_SELDOM_S: Final = 0.8
"""The most time between two updates.

A run's progress comes about three times a second, so what is shown is never older than a second.
"""
_SHARE: Final = 0.01
"""This thread's share of the process's CPU; the kernel's own thread, which sends the updates, takes half as much again."""
_STILL_S: Final = 2.0
_EMPTY: Final = '<div data-nxsms="run-elsewhere"></div>'
"""Stands with the widget for front ends that show none: they have the still picture."""


_NO_STILL: Final = '<div data-nxsms="run-no-still" style="display:none"></div>'


class RunPanel:
    """Shows a run in the cell that began it, from the first update on.

    `stop` stops the run, from any thread; without it there is no button. `interrupts` says that the cell waits for the
    run in the main thread, so that the kernel's interrupt stops it, too: a button's message does not reach a blocked
    kernel; `cell_over` is set when that cell has ended. `recorded` is the call that returns the frame from the journal.
    """

    def __init__(
        self,
        stop: Callable[[], object] | None = None,
        *,
        interrupts: bool = False,
        recorded: str = "",
        cell_over: threading.Event | None = None,
    ) -> None:
        # Whoever has no anywidget hears of it here, where another view can be chosen.
        from nxsms_nb.views import run_widget  # noqa: PLC0415 - for those who see it only

        self._make = run_widget.RunWidget
        self._kernel = run_widget.kernel_id()
        self._run = "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))  # no digits: not a phone
        self._stop = stop
        self._interrupts = interrupts
        self._recorded = recorded
        self._cell_over = cell_over
        self._guard = threading.RLock()
        self._throughput = Throughput()
        self._widget: Any = None
        self._shown: dict[str, tuple[Any, Any]] = {}
        self._view: dict[str, Any] = {}
        self._asked = False
        self._ended = False
        self._drawn_at, self._still_at = -_SELDOM_S, 0.0
        self._cpu_before, self._cpu_spent = time.process_time(), 0.0

    def update(self, snapshot: Progress) -> None:
        """Show how far the run has come; about once a second where the run itself needs little CPU."""
        began = time.thread_time()
        try:
            self._update(snapshot)
        finally:
            self._cpu_spent += time.thread_time() - began

    def _update(self, snapshot: Progress) -> None:
        with self._guard:
            self._throughput.add(snapshot.elapsed_s, snapshot.decided)
            now, ran = time.monotonic(), snapshot.elapsed_s
            cheap = self._cpu_spent < _SHARE * (time.process_time() - self._cpu_before)
            pause = 0.0 if cheap else _SELDOM_S
            changed = snapshot.state != self._view.get("state") and not self._asked
            # By the run's clock, which a stream's next chunk may begin anew.
            if self._ended or (0 <= ran - self._drawn_at < pause and not changed):
                return
            self._drawn_at = ran
            self._draw(view_of(snapshot, self._throughput))
            if not self._shown:
                self.show()
                self._still_at = now - _STILL_S / 2
            elif now > self._still_at + _STILL_S:
                self._still_at = now
                self._replace(stills=self._still())

    def close(self, snapshot: Progress) -> None:
        """Show the end of the run, and leave it as static HTML."""
        with self._guard:
            self._ended = True
            self._throughput.add(snapshot.elapsed_s, snapshot.decided)
            with nullcontext() if self._widget is None else self._widget.hold_sync():  # one message
                self._draw(view_of(snapshot, self._throughput))
                self._forget()
            if not self._shown:
                self.show()
            else:
                self._replace(lives=summary_html(self._view), stills=_NO_STILL)

    def show(self) -> None:
        """Show it in the cell that runs now, once."""
        with self._guard:
            header = _parent()
            cell = str(header.get("msg_id", ""))
            if cell in self._shown:
                return
            if self._ended:
                self._shown[cell] = _display(summary_html(self._view)), None
                return
            if self._widget is None:
                self._begin(header)
            live = self._widget._repr_mimebundle_()[0]
            self._shown[cell] = _display(_EMPTY, live), _display(_NO_STILL)

    def _begin(self, header: dict[str, Any]) -> None:
        """Make the widget, in the thread that has the run's cell."""
        shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        # Of a cell alone it is known when it ends: a callback of another widget is none.
        own = self._interrupts and shell is not None and header.get("msg_type") == "execute_request"
        self._widget = self._make(
            run=self._run,
            view=as_json(self._view),
            interrupts=own and bool(self._kernel),
            kernel=self._kernel,
            recorded=self._recorded,
            words=as_json(chapter("general", "run")),
        )
        self._widget.on_msg(self._heard)
        if own:
            shell.events.register("post_run_cell", self._cell_ended)
            # On a busy machine a task's panel may come when its cell has ended, and another one runs.
            if self._cell_over is not None and self._cell_over.is_set():
                self._cell_ended()

    def _forget(self) -> None:
        """Drop the reference to the run: the model lives as long as the kernel."""
        self._cell_ended()
        self._stop = None

    def _cell_ended(self, *_: object) -> None:
        """Send no interrupt from now on, since it would hit the next cell."""
        with suppress(Exception):
            sys.modules["IPython"].get_ipython().events.unregister("post_run_cell", self._cell_ended)
        if self._widget is not None and self._widget.interrupts:
            self._widget.interrupts = False

    def _heard(self, *message: Any) -> None:
        """Stop the run when the button is pressed, and acknowledge it at once."""
        stop, content = self._stop, message[1]
        if stop is None or not isinstance(content, dict) or content.get("nxsms") != "stop":
            return
        stop()
        with self._guard:
            if not self._ended:
                self._asked = True
                self._draw(self._view)

    def _draw(self, view: dict[str, Any]) -> None:
        if self._asked and view["state"] == "running":
            view = view | {
                "state": "stopping",
                "heading": tr("Stopping"),
                "was": tr("Was stopping"),
                "note": tr("No new request is sent."),
            }
        self._view = view
        if self._widget is not None:
            self._widget.view = as_json(view)

    def _replace(self, *, stills: str, lives: str | None = None) -> None:
        for live, still in self._shown.values():
            if lives is not None and live is not None:
                live.update(_bundle(lives), raw=True)
            if still is not None:
                still.update(_bundle(stills), raw=True)

    def _still(self) -> str:
        """Return a static view of this moment, for a page that cannot show the widget and would show an error instead."""
        here = f'[data-nxsms-still="{self._run}"]'
        child = ".jp-OutputArea-child"
        rule = f'{child}:has(+ {child} {here}>div):not(:has([data-nxsms="run"])){{display:none}}'
        moment = datetime.now().astimezone()
        words = f"<b>{escape(tr('Not live: this is the run as of {moment}.', moment=dated(moment, seconds=True)))}</b>"
        if self._recorded:
            words += f" {escape(tr('Results of its rows:'))} <code>{escape(self._recorded)}</code>"
        picture = summary_html(self._view, still=f'<div style="margin-bottom:4px">{words}</div>')
        return f'<div data-nxsms-still="{self._run}"><style>{rule}</style>{picture}</div>'


def _display(words: str, live: dict[str, Any] | None = None) -> Any:
    from IPython import display  # noqa: PLC0415 - for those who see it only

    show: Any = display.display
    return show({**(live or {}), **_bundle(words)}, raw=True, display_id=True)


def _bundle(words: str) -> dict[str, str]:
    return {"text/html": words, "text/plain": PLAIN}


def _parent() -> dict[str, Any]:
    """Return the header of the message being handled: that of the running cell, or of the cell that started this thread."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    try:
        return dict(kernel.get_parent()["header"]) if kernel is not None else {}
    except (KeyError, LookupError):
        return {}
