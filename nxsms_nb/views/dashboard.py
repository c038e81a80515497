"""A sent frame at a glance, as a widget: status counts, why rows failed, and messages over time.

This module loads ipywidgets; the package loads the module with the first dashboard.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as widgets
import pandas as pd
from IPython import display

from nxsms_nb.analysis import failures, summary
from nxsms_nb.analysis.derived import DERIVED, Asked
from nxsms_nb.formatting import count, escape, mask_name
from nxsms_nb.given import frame_as_given
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.views import plots, tables
from nxsms_nb.views import style as views_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Dashboard", "dashboard"]

_DPI: Final = 144
_CSS_DPI: Final = 96
_SAMPLE: Final = 10_000
_MOST_VALUES: Final = 24
_MOST_COLUMNS: Final = 20
_STYLE: Final = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .nxsms-dashboard):not(:has(select)){display:none}</style>"
)
"""Hides the message that stands in the place of the select when a saved notebook is opened without its kernel."""

_FIELDS: Final = {"country": "phone", "length": "content", "segments": "content", "encoding": "content"}


class Dashboard(widgets.VBox):  # type: ignore[misc]
    """Status counts, failures by code or by group, and throughput of one sent frame.

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

    Raises
    ------
    ColumnError
        The frame carries no results.

    Notes
    -----
    Where no widget can be shown, in a converted or published notebook for example, a static picture is shown instead:
    the state it had when it was displayed.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> None:
        self._frame = frame = frame_as_given(frame)
        self._known: dict[str, Any] = {"prefix": prefix, "phone": phone, "content": content, "region": region}
        self._head = tables.cards(summary.summary(frame, prefix), sandbox=columns.from_sandbox(frame))
        self._pace = _picture(lambda: plots.throughput(frame, prefix=prefix))
        self._failures = self._failures_by(None)
        choices = [("code", None), *((mask_name(str(label)), label) for label in self._labels())]
        self._select = widgets.Dropdown(
            options=choices, description="Failures by", style={"description_width": "initial"}
        )
        self._select.observe(self._chosen, names="value")
        self._body = widgets.HTML(self._below())
        self._handles: list[Any] = []
        super().__init__([widgets.HTML(self._head), self._select, self._body])

    def _ipython_display_(self) -> None:
        """Show it as HTML around the one widget that is needed: a saved notebook keeps HTML and forgets widgets."""
        show: Any = display.display
        # Empty HTML stands in its place where no widget can be shown: the picture below says what it shows.
        select = self._select._repr_mimebundle_() | {"text/html": "<span></span>", "text/plain": "Failures by"}
        show({"text/html": self._head, "text/plain": repr(self)}, raw=True)
        show(select, raw=True)
        self._handles.append(show(self._bundle(), raw=True, display_id=True))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": repr(self), "text/html": self.html()}

    def __repr__(self) -> str:
        return f"Dashboard of {count(len(self._frame), 'row')}"

    def html(self) -> str:
        """Return the present view as static HTML, plots included, for a page or a mail."""
        return f"<div>{self._head}{self._below()}</div>"

    def _below(self) -> str:
        return f'<div class="nxsms-dashboard">{_STYLE}{self._failures}{self._pace}</div>'

    def _bundle(self) -> dict[str, str]:
        return {"text/html": self._body.value, "text/plain": "failures and throughput"}

    def _labels(self) -> list[Hashable]:
        """Return the labels to group failures by: what can be derived, and columns of few values."""
        frame, known = self._frame, self._known
        derived = [
            name
            for name in DERIVED
            if name not in frame.columns
            and (name not in _FIELDS or (known[_FIELDS[name]] or _FIELDS[name]) in frame.columns)
        ]
        own = {known["prefix"] + name for name in RESULT_COLUMNS} | {
            known[name] or name for name in ("phone", "content")
        }
        sample = frame.iloc[:: max(1, len(frame) // _SAMPLE)]
        few = [label for label in frame.columns if label not in own and _is_grouping(sample, label)]
        return [*derived, *few[:_MOST_COLUMNS]]

    def _chosen(self, change: Any) -> None:
        try:
            self._failures = self._failures_by(change["new"])
        except Exception as trouble:  # noqa: BLE001 - a callback's exception is shown nowhere unless it is shown here
            self._failures = f"<p>{escape(trouble)}</p>"
        self._body.value = self._below()
        for handle in self._handles:
            handle.update(self._bundle(), raw=True)

    def _failures_by(self, by: Hashable | None) -> str:
        grouped = failures.grouped(self._frame, by, Asked(**self._known))
        drawn = _picture(lambda: plots.failures_of(self._frame, grouped, prefix=self._known["prefix"]))
        return drawn + (tables.causes_table(grouped.frame) if by is None else tables.groups(grouped))


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


def _is_grouping(sample: pd.DataFrame, label: Hashable) -> bool:
    """Return whether a column has few values, seen often: a segment, a wording, a shop."""
    values = sample[label]
    if not isinstance(values, pd.Series) or label in failures.TAKEN:
        return False
    try:
        different = values.nunique(dropna=False)
    except (TypeError, NotImplementedError):  # objects, or a nested type of Arrow
        return False
    return bool(2 <= different <= min(_MOST_VALUES, max(2, len(values) // 2)))


def _picture(draw: Callable[[], Axes]) -> str:
    """Return a plot as HTML, with its size so that nothing moves while it loads."""
    with views_style.detached():
        ax = draw()
    figure: Any = ax.figure
    width, height = (round(inches * _CSS_DPI) for inches in figure.get_size_inches())
    data = base64.b64encode(views_style.png(figure, _DPI)).decode()
    seen = escape(ax.get_title(loc="left") or ax.texts[0].get_text())
    style = "display:block;max-width:none;background:white"
    return f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" style="{style}" alt="{seen}">'
