"""Compose a text with a live preview: real rows, problems, segments, cost, and the lines to paste. Sends nothing.

What is typed is worked out in a thread of its own, so that the kernel stays free: first the texts, which takes a moment, then
each row's fate. What was typed meanwhile is worked out next; what lies between is never begun.
"""

from __future__ import annotations

import contextvars
import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb._arrow import to_series
from nxsms_nb.errors import ConfigError, NxsmsError
from nxsms_nb.formatting import count, escape, named
from nxsms_nb.given import frame_as_given
from nxsms_nb.rows.templates import Texts
from nxsms_nb.rows.texts import plain_texts
from nxsms_nb.views import compose_view
from nxsms_nb.views.compose_summary import compose_html
from nxsms_nb.views.compose_view import Given
from nxsms_nb.views.encoded import as_json
from nxsms_nb.words.language import chapter

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from nxsms_nb.engine.plan import Plan

__all__ = ["Compose", "Given"]

PLAIN: Final = "compose"
"""Its text form: the same for every frame, so that a notebook's outputs repeat."""
_WHOLE: Final = 200_000
"""Frames of more rows are estimated from a sample, until the whole is asked for."""
_SAMPLE: Final = 50_000
_LONGEST_TEMPLATE: Final = 20_000
_PATIENCE_S: Final = 30.0
"""How long a cell waits for the figures of the text that it was given; the widget is there meanwhile."""
_MOST_NUMBER: Final = 2**53
"""The largest number that a page counts to exactly."""


@dataclass(frozen=True)
class _Asked:
    """What to show: the template, whether with plain characters, and whether for every row of a large frame."""

    template: str
    plain: bool = False
    whole: bool = False
    number: int = 0


class Compose:
    """A template, and what it makes of a frame's rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows.
    phones : pandas.Series
        Their numbers as digits.
    label : hashable
        The column that the text goes to.
    plan : callable
        Makes the plan of a frame with that column, and what else there is to say of it.
    lines : callable
        Makes the lines to paste from a template, and whether with plain characters.
    given : Given
        What is known of the call: the campaign, and whether the gateway is simulated or costs money.
    template : str
        The text to begin with.
    sample : int
        How many rows of a large frame are looked at; `whole` is the most that a frame has that is looked at whole.

    Attributes
    ----------
    template : str
        The text as it is now; it can be set.
    code : str
        The lines to paste for it.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        phones: pd.Series[Any],
        label: Hashable,
        plan: Callable[[pd.DataFrame], tuple[Plan, list[str]]],
        lines: Callable[[str, bool], str],
        given: Given,
        template: str = "",
        sample: int = _SAMPLE,
        whole: int = _WHOLE,
    ) -> None:
        self._frame = frame = frame_as_given(frame)
        self._total = len(frame)
        self._label, self._plan, self._lines, self._given = label, plan, lines, given
        self._phones = phones
        places = None if len(frame) <= whole else np.linspace(0, len(frame) - 1, sample).astype(np.int64)
        self._part = self._sampled = (frame, phones) if places is None else (frame.iloc[places], phones.iloc[places])
        self._texts = Texts(self._part[0])
        self._columns = compose_view.columns_of(frame)
        self._guard = threading.Condition()
        self._asked = _Asked(_checked(template))
        self._done = -1
        self._working = False
        self._widget: Any = None
        self._stills: list[Any] = []
        self._id = "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))  # no digits: not a phone
        self._view = compose_view.empty(self._given, self._columns, self._total, "")
        self._ask(self._asked)

    @property
    def template(self) -> str:
        """The text as it is now."""
        return self._asked.template

    @template.setter
    def template(self, template: str) -> None:
        self._ask(replace(self._asked, template=_checked(template)))
        if self._widget is not None:
            self._widget.template = template

    @property
    def code(self) -> str:
        """The lines to paste for the text as it is now."""
        return self._lines(self._asked.template, self._asked.plain)

    def __repr__(self) -> str:
        return f"Compose for {count(self._total, 'row')}"

    def settled(self, timeout_s: float | None = None) -> bool:
        """Wait until the latest text is shown; return whether it is."""
        with self._guard:
            return self._guard.wait_for(lambda: not self._working, timeout_s)

    # ------------------------------------------------------------------ in a notebook

    def _ipython_display_(self) -> None:
        """Show the widget, and below it a still picture for pages without the widget, which a saved notebook keeps."""
        from IPython import display  # noqa: PLC0415 - for those who see it only

        from nxsms_nb.views import compose_widget  # noqa: PLC0415

        show: Any = display.display
        if self._widget is None:
            self._widget = compose_widget.ComposeWidget(
                compose=self._id,
                template=self._asked.template,
                view=as_json(self._view),
                words=as_json(chapter("general", "compose")),
            )
            self._widget.on_msg(self._heard)
        live = self._widget._repr_mimebundle_()[0]
        nothing = '<div data-nxsms="compose-elsewhere"></div>'
        show({**live, "text/html": nothing, "text/plain": PLAIN}, raw=True)
        # A notebook that is executed without a page keeps what is there when the cell ends.
        self.settled(_PATIENCE_S)
        self._stills.append(show(self._bundle(), raw=True, display_id=True))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self._bundle()

    def _bundle(self) -> dict[str, str]:
        here = f'[data-nxsms-still="{self._id}"]'
        child = ".jp-OutputArea-child"
        rule = f'{child}:has(+ {child} {here}>div):not(:has([data-nxsms="compose"])){{display:none}}'
        still = compose_html(self._view, self._asked.template)
        return {
            "text/html": f'<div data-nxsms-still="{escape(self._id)}"><style>{rule}</style>{still}</div>',
            "text/plain": PLAIN,
        }

    def _heard(self, *message: Any) -> None:
        """Handle a message from the page; ignore any without the form of the page's own messages."""
        said = message[1]
        if not isinstance(said, dict) or said.get("nxsms") != "compose":
            return
        template, number = said.get("template"), said.get("number")
        if not isinstance(template, str) or not isinstance(number, int):
            return
        if len(template) <= _LONGEST_TEMPLATE and abs(number) <= _MOST_NUMBER:
            self._ask(_Asked(template, bool(said.get("plain")), bool(said.get("whole")), number))
            if self._widget is not None:
                self._widget.template = template  # for a page that is opened later

    # ------------------------------------------------------------------ what is worked out

    def _ask(self, asked: _Asked) -> None:
        with self._guard:
            self._asked = asked
            if self._working:
                return
            self._working = True
        # The context names the cell, so that what is shown belongs to it.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._work,), name="nxsms-compose", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._guard:
                asked = self._asked
            try:
                self._answer(asked)
            except Exception as error:  # noqa: BLE001 - its words may quote anybody's data; a thread's error is shown nowhere
                self._show(self._view | {"notes": [compose_view.surprise_words(error)], "state": "ready"}, last=True)
            with self._guard:
                if asked is self._asked:
                    self._working = False
                    self._guard.notify_all()
                    return

    def _answer(self, asked: _Asked) -> None:
        code = self._lines(asked.template, asked.plain) if asked.template else ""
        frame, phones = self._rows(asked)
        base = compose_view.empty(self._given, self._columns, self._total, code)
        base |= {"number": asked.number, "plain": asked.plain}
        if not asked.template:
            self._show(base, last=True)
            return
        try:
            filled = self._texts.made(asked.template)
        except NxsmsError as error:
            # What is half typed is an error most of the time: what was there last stays, and what stands below goes with it.
            self._show(self._view | {"number": asked.number, "error": compose_view.error_words(error)}, last=True)
            return
        text = plain_texts(filled.text) if asked.plain else filled.text
        seen = base | compose_view.of_texts(filled, text, phones)
        seen["estimate"] = compose_view.estimate_words(len(frame), self._total)
        # The figures of the text before stay until the new ones are there: nothing jumps while a person types.
        kept = {name: self._view[name] for name in compose_view.FIGURES}
        self._show(seen | kept | {"state": "checking"}, last=False)
        if asked is not self._asked:
            return
        try:
            planned, said = self._plan(_with(frame, self._label, to_series(text, frame.index)))
        except NxsmsError as error:
            self._show(seen | {"notes": [compose_view.error_words(error)]}, last=True)
            return
        scale = self._total / max(len(frame), 1)
        self._show(seen | compose_view.of_plan(planned, said, text, scale=scale), last=True)

    def _rows(self, asked: _Asked) -> tuple[pd.DataFrame, pd.Series[Any]]:
        """Return the rows that are looked at, with texts of their columns that earlier templates used."""
        part = (self._frame, self._phones) if asked.whole else self._sampled
        if part[0] is not self._part[0]:
            self._part, self._texts = part, Texts(part[0])
        return part

    def _show(self, view: dict[str, Any], *, last: bool) -> None:
        self._view = view
        # First what is saved: whoever saves when the figures are there has them in the file.
        if last:
            for still in self._stills:
                still.update(self._bundle(), raw=True)
        if self._widget is not None:
            self._widget.view = as_json(view)


def _with(frame: pd.DataFrame, label: Hashable, text: pd.Series[Any]) -> pd.DataFrame:
    made = frame.copy()
    made[label] = text
    return made


def _checked(template: Any) -> str:
    if not isinstance(template, str):
        raise ConfigError(f"template={named(template)} is not text, as in template='Hi {{name|there}}, …'.")
    return template
