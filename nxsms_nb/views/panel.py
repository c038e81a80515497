"""A run in a notebook: a live widget, and the lasting HTML that takes its place when the run has ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import count, escape, span
from nxsms_nb.views.style import STATUS_COLOURS
from nxsms_nb.wire.codes import label

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Progress

PLAIN: Final = "progress of a run"
"""Its text form: the same for every run, so that a notebook's outputs repeat."""

_WORDS: Final = {
    "Success": "accepted",
    "Failure": "failed",
    "Invalid": "refused before sending",
    "Unknown": "in doubt",
    "Unsent": "not sent",
    "Skipped": "left out",
}
_CODES: Final = 4
_FAINT: Final = "opacity:.65"


class LiveBar:
    """A bar, counts by status and pace, live in every front end that shows widgets.

    It appears in the cell that began the run, with the first news. What is shown live is replaced by static HTML at
    the end, because a saved notebook keeps HTML and forgets widgets.

    Parameters
    ----------
    stop : callable, optional
        Stops the run; gives the bar a button. A button's click does not reach a kernel whose cell blocks, so without
        it the bar says that the kernel's interrupt stops the run.
    """

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        import ipywidgets as widgets  # noqa: PLC0415 - for those who see it only

        self._text = widgets.HTML()
        self._stop = stop
        parts: list[Any] = [self._text]
        if stop is not None:
            button = widgets.Button(description="Stop", icon="stop", tooltip="No new request leaves.")
            button.add_class("nxsms-stop")
            button.on_click(self._clicked)
            parts.append(button)
        self._panel = widgets.VBox(parts)
        self._panel.add_class("nxsms-progress")
        self._guard = threading.Lock()
        self._shown: dict[str, Any] = {}
        self._last = ""
        self._ended = False

    def update(self, snapshot: Progress) -> None:
        """Show how far the run has come."""
        self._last = html_of(snapshot, hint=self._stop is None)
        self._text.value = self._last
        if not self._shown:
            self.show()

    def close(self, snapshot: Progress) -> None:
        """Put lasting HTML in the place of the live view, wherever it was shown."""
        with self._guard:
            self._last, self._ended = html_of(snapshot), True
            for handle in self._shown.values():
                handle.update(self._lasting(), raw=True)
        if not self._shown:
            self.show()
        for widget in (*self._panel.children, self._panel):
            widget.close()

    def show(self) -> None:
        """Show it in the cell that runs now, once."""
        from IPython import display  # noqa: PLC0415 - for those who see it only

        show: Any = display.display
        with self._guard:
            cell = _cell()
            if cell in self._shown:
                return
            # The HTML goes along with the live view, for front ends without widgets and so that both have the same forms.
            live = {} if self._ended else self._panel._repr_mimebundle_()
            self._shown[cell] = show({**live, **self._lasting()}, raw=True, display_id=True)

    def _lasting(self) -> dict[str, str]:
        return {"text/html": self._last, "text/plain": PLAIN}

    def _clicked(self, button: Any) -> None:
        button.disabled, button.description = True, "Stopping"
        if self._stop is not None:
            self._stop()


def html_of(snapshot: Progress, *, hint: bool = False) -> str:
    """Make the HTML of a moment of a run.

    Parameters
    ----------
    snapshot : Progress
        The moment.
    hint : bool, default False
        Whether to say that the kernel's interrupt stops the run.

    Returns
    -------
    str
        HTML without scripts, styles inline, everything escaped.
    """
    parts = [_headline(snapshot), _bar(snapshot), _chips(snapshot)]
    if snapshot.codes:
        most = sorted(snapshot.codes.items(), key=lambda item: -item[1])
        shown = [f"{escape(label(code))}: {number:,}" for code, number in most[:_CODES]]
        shown += [f"and {count(len(most) - _CODES, 'more code')}"] if len(most) > _CODES else []
        parts.append(f'<div style="{_FAINT}">{" · ".join(shown)}</div>')
    if hint and not snapshot.final:
        parts.append(f'<div style="{_FAINT}">To stop: interrupt the kernel (■).</div>')
    return f'<div style="max-width:46em;line-height:1.6">{"".join(parts)}</div>'


def _headline(snapshot: Progress) -> str:
    words = []
    if snapshot.simulated:
        words.append("sandbox")
    if snapshot.final:
        took = snapshot.elapsed_s
        words.append(
            span(took) + (f", {snapshot.decided / took:,.0f} a second" if took > 0 and snapshot.decided else "")
        )
    else:
        words.append(f"{snapshot.rate:,.0f} a second")
        left = snapshot.sending - snapshot.decided
        if snapshot.rate > 0 and left:
            words.append(f"about {span(max(1, round(left / snapshot.rate)))} left")
    if snapshot.news:
        words.append(snapshot.news)
    done = f"<b>{snapshot.decided:,} of {count(snapshot.sending, 'message')}</b>"
    return f'<div>{done} <span style="{_FAINT}">· {escape(" · ".join(words))}</span></div>'


def _bar(snapshot: Progress) -> str:
    """The rows of the frame by status, those undecided as the empty rest."""
    total, tally = max(snapshot.total, 1), snapshot.tally
    pieces = "".join(
        f'<div style="width:{100 * tally[status] / total:.2f}%;background-color:{colour}"></div>'
        for status, colour in STATUS_COLOURS.items()
        if tally.get(status)
    )
    done = 100 * sum(tally.values()) / total
    return (
        f'<div role="progressbar" aria-valuenow="{done:.0f}" aria-valuemin="0" aria-valuemax="100" '
        'style="display:flex;height:12px;margin:3px 0;border-radius:3px;overflow:hidden;'
        f'background-color:rgba(128,128,128,.25)">{pieces}</div>'
    )


def _chips(snapshot: Progress) -> str:
    tally = snapshot.tally
    chips = [
        f'<span style="white-space:nowrap"><span style="color:{colour}">■</span> '
        f"{_WORDS[status]} <b>{tally.get(status, 0):,}</b>{snapshot.aside(status)}</span>"
        for status, colour in STATUS_COLOURS.items()
        if tally.get(status) or status in ("Success", "Failure")
    ]
    if snapshot.waiting and not snapshot.final:
        chips.append(f"waiting <b>{snapshot.waiting:,}</b>")
    return f"<div>{' &nbsp; '.join(chips)}</div>"


def _cell() -> str:
    """The cell that runs now, or the one this thread was begun from."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    try:
        return str(kernel.get_parent()["header"]["msg_id"]) if kernel is not None else ""
    except (KeyError, LookupError):
        return ""
