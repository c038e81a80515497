"""The dashboard of a sent frame. This module loads anywidget; the package loads the module with the first dashboard.

Python counts and the browser draws: the model holds the pictures as JSON and one page of rows, masked. It is never closed,
so that a page that was reloaded, a second tab and Voila have it from the kernel.
"""

from __future__ import annotations

import gzip
import secrets
import string
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import anywidget
import pandas as pd
import traitlets

from nxsms_nb.analysis.derived import Asked
from nxsms_nb.formatting import count
from nxsms_nb.given import frame_as_given
from nxsms_nb.views import assets, dashboard_findings, masking
from nxsms_nb.views.dashboard_board import Board, refuse_unsent
from nxsms_nb.views.dashboard_static import static_html
from nxsms_nb.views.encoded import as_json
from nxsms_nb.words.language import chapter, chosen

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Dashboard", "dashboard"]

_PART: Final = 400_000
"""Bytes of an exported file in one message: servers drop more than a megabyte a second."""
_NOT_SHOWN: Final = '<div data-nxsms="dashboard-elsewhere"></div>'


class Dashboard(anywidget.AnyWidget):
    """A sent frame to look into: each choice filters every picture and the table of rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again. It is read, never changed.
    prefix : str, default ""
        What stands before the names of the result columns.
    phone, content : hashable, optional
        The columns that hold them, if not ``phone`` and ``content``.
    region : hashable, optional
        The country of phones written without a country code, or a column of countries.

    Attributes
    ----------
    selection : pandas.DataFrame
        The chosen rows, with the frame's columns, index and order.
    code : str
        The line that gives these rows without the dashboard, of a frame called ``sent``.

    Raises
    ------
    ColumnError
        The frame carries no results.

    Notes
    -----
    Where no widget can be shown, in a converted or published notebook for example, a static picture is shown instead:
    the state after the last choice. Numbers are masked unless ``nx.options.mask_phones`` is False.
    """

    _esm = assets.script(
        "dashboard_parts.js", "dashboard_charts.js", "dashboard_groups.js", "dashboard_rows.js", "dashboard.js"
    )
    _css = assets.styles("dashboard.css")
    board = traitlets.Unicode().tag(sync=True)
    words = traitlets.Unicode("{}").tag(sync=True)
    view = traitlets.Unicode("{}").tag(sync=True)
    table = traitlets.Unicode("{}").tag(sync=True)
    columns = traitlets.Unicode("[]").tag(sync=True)
    drivers = traitlets.Unicode("{}").tag(sync=True)
    experiment = traitlets.Unicode("{}").tag(sync=True)

    def __init__(
        self,
        frame: pd.DataFrame,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> None:
        asked = Asked(prefix, phone, content, region)
        refuse_unsent(frame, prefix)
        self._guard = threading.RLock()
        self._turn = 0
        self._asked = {"drivers": 0, "experiment": 0}
        self._handles: list[Any] = []
        self._file: tuple[str, bytes] | None = None
        # The model goes out before the rows are counted: the page loads what draws it meanwhile.
        super().__init__(
            board="".join(secrets.choice(string.ascii_lowercase) for _ in range(12)),  # no digits: not a phone
            words=as_json(chapter("general", "dashboard") | {"language": chosen()}),
            drivers=as_json(dashboard_findings.IDLE),
            experiment=as_json(dashboard_findings.IDLE),
        )
        try:
            self._board = Board(frame_as_given(frame), asked)
            self._shown = self._board.view()
            with self.hold_sync():
                self.columns = as_json(self._board.rows.names)
                self._put()
        except BaseException:
            self.layout.close()
            self.close()
            raise
        self.on_msg(self._heard)

    @property
    def selection(self) -> pd.DataFrame:
        """The chosen rows, with the frame's columns, index and order."""
        with self._guard:
            return self._board.selection

    @property
    def code(self) -> str:
        """The line that gives the chosen rows without the dashboard, of a frame called ``sent``."""
        with self._guard:
            return self._board.code

    def __repr__(self) -> str:
        return f"Dashboard of {count(len(self._board.frame), 'row')}"

    def html(self) -> str:
        """Return the present view as static HTML, for a page or a mail."""
        with self._guard:
            return static_html(self._shown)

    # ------------------------------------------------------------------ display

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return {**self._live(**kwargs), "text/html": self.html()}

    def _live(self, **kwargs: Any) -> dict[str, Any]:
        shown: Any = super()._repr_mimebundle_(**kwargs)
        return {**(shown[0] if isinstance(shown, tuple) else shown), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        """Show the live widget and, hidden by it, the static picture that a saved notebook keeps."""
        from IPython import display  # noqa: PLC0415 - for those who see it only

        show: Any = display.display
        show(self._live() | {"text/html": _NOT_SHOWN}, raw=True)
        self._handles.append(show(self._still(), raw=True, display_id=True))

    def _still(self) -> dict[str, str]:
        """Return the static picture; it hides the message that stands in the widget's place where it is gone."""
        here = f'[data-nxsms-still="{self.board}"]'
        child = ".jp-OutputArea-child"
        rule = f'{child}:has(+ {child} {here}):not(:has([data-nxsms="dashboard"])){{display:none}}'
        words = f'<div data-nxsms-still="{self.board}"><style>{rule}</style>{self.html()}</div>'
        return {"text/html": words, "text/plain": "the dashboard as a picture"}

    # ------------------------------------------------------------------ what the page says

    def _heard(self, *message: Any) -> None:
        content = message[1]
        if not isinstance(content, dict):
            return
        with self._guard:
            action = content.get("nxsms")
            if action == "export":
                self._export(content)
            elif action in ("drivers", "experiment"):
                self._find(action)
            elif self._board.act(content) or "turn" in content:
                self._show()

    def _show(self) -> None:
        self._turn += 1
        self._shown = self._board.view()
        self._put()
        for handle in self._handles:
            handle.update(self._still(), raw=True)

    def _put(self) -> None:
        with self.hold_sync():
            self.view = as_json(self._shown | {"turn": self._turn})
            self.table = as_json(self._board.table())

    def _find(self, what: str) -> None:
        """Compute something about the chosen rows in the background; an earlier request is dropped."""
        board = self._board
        filtered, rows, outcome = bool(board.choices), board.chosen, board.cube.outcome
        self._asked[what] += 1
        number = self._asked[what]
        setattr(self, what, as_json(dashboard_findings.working(len(rows), filtered)))

        def drivers() -> None:
            shown, words, filters = dashboard_findings.of_drivers(board, rows, outcome=outcome, filtered=filtered)
            with self._guard:
                if number == self._asked[what]:
                    board.offer(words, filters)
                    self.drivers = as_json(shown)
                    self._show()

        def experiment() -> None:
            shown = dashboard_findings.of_experiment(
                rows, board.variant, board.asked, outcome=outcome, filtered=filtered
            )
            with self._guard:
                if number == self._asked[what]:
                    self.experiment = as_json(shown)

        dashboard_findings.in_background(self._said({"drivers": drivers, "experiment": experiment}[what], what))

    def _said(self, work: Callable[[], None], what: str) -> Callable[[], None]:
        """Show an error, which nobody would see in a thread."""

        def run() -> None:
            try:
                work()
            except Exception as trouble:  # noqa: BLE001 - it is shown, whatever it is
                failed = dict(dashboard_findings.IDLE) | {"state": "failed", "note": masking.numbers(str(trouble))}
                setattr(self, what, as_json(failed))

        return run

    def _export(self, message: dict[str, Any]) -> None:
        """Send the chosen rows as a CSV file, compressed, a part each time the page asks for the next."""
        part = message.get("part", 0)
        if part == 0:
            chosen_rows = self._board.chosen
            phone = self._board.asked.phone or "phone"
            self._file = self.board, gzip.compress(_csv(chosen_rows, phone), 1)
        if self._file is None or not isinstance(part, int) or part < 0:
            return
        data = self._file[1]
        piece = data[part * _PART : (part + 1) * _PART]
        last = (part + 1) * _PART >= len(data)
        self.send({"nxsms": "file", "part": part, "last": last, "size": len(data)}, buffers=[piece])
        if last:
            self._file = None


def _csv(frame: pd.DataFrame, phone: Hashable) -> bytes:
    """Write rows as a CSV file that spreadsheets read as UTF-8."""
    columns = [masking.column(frame.iloc[:, place], phones=label == phone) for place, label in enumerate(frame.columns)]
    shown = pd.concat(columns, axis=1) if columns else frame
    shown.columns = [masking.name(str(label)) for label in frame.columns]
    words: str = shown.to_csv(index=False)
    return words.encode("utf-8-sig", "replace")


def dashboard(
    frame: pd.DataFrame,
    prefix: str = "",
    *,
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: Hashable | None = None,
) -> Dashboard:
    """Show a sent frame at a glance; see `Dashboard`."""
    return Dashboard(frame, prefix, phone=phone, content=content, region=region)
