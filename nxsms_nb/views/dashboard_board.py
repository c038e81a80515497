"""The state of a dashboard: messages from the page go in, pictures as JSON come out. No widgets here."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from nxsms_nb.analysis import groups, literals
from nxsms_nb.analysis.catalogue import Catalogue, catalogue
from nxsms_nb.analysis.cube import Choices, Cube, Filter
from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.rows.columns import found
from nxsms_nb.rows.holdout import VARIANT
from nxsms_nb.views import dashboard_view
from nxsms_nb.views.dashboard_rows import Rows

if TYPE_CHECKING:
    from nxsms_nb.analysis.axes import Axis, Scale
    from nxsms_nb.analysis.derived import Asked

__all__ = ["Board", "refuse_unsent"]

_FIRST: Final = ("country", "length")
"""The columns that rows are grouped by at first."""

_TRIED: Final = 4
_ACTIONS: Final = frozenset(
    {
        "status",
        "reason",
        "range",
        "level",
        "cell",
        "slice",
        "column",
        "drop",
        "reset",
        "outcome",
        "page",
        "sort",
        "search",
        "show",
    }
)
"""The actions that a page may request, each a method of `Board`."""


class Board:
    """A sent frame, the choices made in it, and what its pictures are of.

    Keys of choices are ``"status"``, ``"reason"``, ``"time"``, ``"latency"``, ``("column", label)`` and ``("slice", words)``.
    """

    def __init__(self, frame: pd.DataFrame, asked: Asked) -> None:
        self._given = frame
        self.frame = frame = _flat(frame)
        self.asked = asked
        self.cube = Cube(frame, asked)
        self.choices = Choices()
        found_: Catalogue = catalogue(frame, asked)
        self.columns = list(found_.offered)
        self.refused: dict[Hashable, str] = dict(found_.refused)
        self.slices: list[Filter] = []
        self.slice_words: list[str] = []
        self.variant = found(frame, VARIANT)
        self.rows = Rows(frame, asked, self.cube.results)
        self.trouble = ""
        usable = self._usable()
        self.group: Hashable | None = usable[0] if usable else None
        self.pair: list[Hashable | None] = [usable[0], usable[-1]] if usable else [None, None]

    def _usable(self) -> list[Hashable]:
        """Return two columns to begin with, preferably with several values; few are tried, since reading takes time."""
        first = [label for label in _FIRST if label in self.columns]
        own = [label for label in self.columns if groups.is_own(self.frame, label, self.asked.prefix)]
        order = list(dict.fromkeys([*first, *own, *self.columns]))
        dull: list[Hashable] = []
        good: list[Hashable] = []
        for label in order[:_TRIED]:
            axis = self._axis(label)
            if axis is not None:
                (good if len(axis) > 1 else dull).append(label)
            if len(good) == 2:
                break
        return [*good, *dull][:2]

    # ------------------------------------------------------------------ what is chosen

    @property
    def mask(self) -> Any:
        """Which rows are chosen; None for all."""
        return self.choices.mask()

    @property
    def selection(self) -> pd.DataFrame:
        """The chosen rows, with the columns that were given."""
        return self._taken(self._given)

    @property
    def chosen(self) -> pd.DataFrame:
        """The chosen rows, with one level of columns."""
        return self._taken(self.frame)

    def _taken(self, frame: pd.DataFrame) -> pd.DataFrame:
        mask = self.mask
        return frame.copy() if mask is None else frame[mask]

    @property
    def code(self) -> str:
        """The line that gives the chosen rows."""
        return literals.select_call(self.choices.slice(), self.asked)

    def act(self, message: Mapping[str, Any]) -> bool:
        """Apply an action of the page, and return whether it was one; a stale click, for example, is ignored."""
        name = message.get("nxsms")
        self.trouble = ""
        if not isinstance(name, str) or name not in _ACTIONS:
            return False
        before = dict(self.choices), self.rows.state
        try:
            getattr(self, f"_{name}")(message)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            self._back(*before)
            return False
        except ColumnError as trouble:
            self._back(*before)
            self.trouble = str(trouble)
        return True

    def _back(self, choices: Mapping[Hashable, Filter], rows: Any) -> None:
        """Restore the state from before an action that failed half-way."""
        self.choices.clear()
        self.choices.update(choices)
        self.rows.state = rows

    def _choose(self, key: Hashable, chosen: Filter) -> None:
        self.choices.toggle(key, chosen)
        self._changed()

    def _changed(self) -> None:
        self.rows.narrow(self.choices)

    def _status(self, message: Mapping[str, Any]) -> None:
        self._choose("status", self.cube.by_status(STATUSES.index(message["value"])))

    def _reason(self, message: Mapping[str, Any]) -> None:
        self._choose("reason", self.cube.by_reason(_place(message["level"], len(self.cube.reasons))))

    def _range(self, message: Mapping[str, Any]) -> None:
        key = str(message["which"])
        scale = self.scale(key)
        if message.get("first") is None:
            self._drop_key(key)
            return
        first, last = sorted(_place(message[end], len(scale)) for end in ("first", "last"))
        self.choices[key] = self.cube.by_scale(scale, first, last)
        self._changed()

    def scale(self, key: str) -> Scale:
        """Return the scale of a picture."""
        return {"time": self.cube.time, "latency": self.cube.latency}[key]

    def _level(self, message: Mapping[str, Any]) -> None:
        label = self.columns[_place(message["column"], len(self.columns))]
        axis = self.cube.axis(label)
        self._choose(("column", label), self.cube.by_axis(axis, _place(message["level"], len(axis))))

    def _cell(self, message: Mapping[str, Any]) -> None:
        if None in self.pair:
            return
        chosen = {}
        for label, name in zip(self.pair, ("row", "column"), strict=True):
            axis = self.cube.axis(label)
            chosen["column", label] = self.cube.by_axis(axis, _place(message[name], len(axis)))
        again = all(key in self.choices and self.choices[key].level == one.level for key, one in chosen.items())
        for key, one in chosen.items():
            if again:
                del self.choices[key]
            else:
                self.choices[key] = one
        self._changed()

    def _slice(self, message: Mapping[str, Any]) -> None:
        place = _place(message["place"], len(self.slices))
        self._choose(("slice", self.slice_words[place]), self.slices[place])

    def _column(self, message: Mapping[str, Any]) -> None:
        label = self.columns[_place(message["column"], len(self.columns))]
        self.cube.axis(label)
        role = message["role"]
        if role == "group":
            self.group = label
        else:
            self.pair[("row", "column").index(role)] = label

    def _axis(self, label: Hashable) -> Axis | None:
        """Return an encoded column; if it turns out not to be groupable, move it to the others."""
        try:
            return self.cube.axis(label)
        except ColumnError as trouble:
            self.columns.remove(label)
            self.refused[label] = str(trouble)
            return None

    def _drop(self, message: Mapping[str, Any]) -> None:
        self._drop_key(list(self.choices)[_place(message["place"], len(self.choices))])

    def _drop_key(self, key: Hashable) -> None:
        self.choices.pop(key, None)
        self._changed()

    def _reset(self, _: Mapping[str, Any]) -> None:
        self.choices.clear()
        self.rows.reset()
        self._changed()

    def _outcome(self, message: Mapping[str, Any]) -> None:
        if message["value"] in self.cube.outcomes:
            self.cube.choose_outcome(message["value"])

    def _page(self, message: Mapping[str, Any]) -> None:
        self.rows.turn(int(message["page"]))

    def _sort(self, message: Mapping[str, Any]) -> None:
        self.rows.sort(int(message["column"]))

    def _show(self, message: Mapping[str, Any]) -> None:
        self.rows.show(_place(message["column"], len(self.rows.names)), on=bool(message["on"]))

    def _search(self, message: Mapping[str, Any]) -> None:
        self.rows.search(str(message["text"]))
        self._changed()

    def offer(self, words: list[str], filters: list[Filter]) -> None:
        """Offer the slices that `drivers` found as choices."""
        self.slices, self.slice_words = filters, words

    # ------------------------------------------------------------------ what is shown

    def view(self) -> dict[str, Any]:
        """Return all pictures as JSON."""
        return dashboard_view.view_of(self)

    def table(self) -> dict[str, Any]:
        """Return the page of rows as JSON."""
        return self.rows.page() | {"about": dashboard_view.about_reason(self)}


def refuse_unsent(frame: pd.DataFrame, prefix: str) -> None:
    """Raise `ColumnError` for a frame without results, and say what to do."""
    result_columns.read(_flat(frame), prefix, columns=())


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Flatten columns of several levels; a label with only a first part becomes that part."""
    if not isinstance(frame.columns, pd.MultiIndex):
        return frame
    labels = [label if any(part != "" for part in label[1:]) else label[0] for label in frame.columns]
    return frame.set_axis(pd.Index(labels, tupleize_cols=False), axis=1)


def _place(value: Any, size: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < size:
        raise IndexError(value)
    return value
