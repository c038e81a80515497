"""The rows behind the pictures, sorted and searched in the kernel; the browser gets a page of ten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import rows_at
from nxsms_nb.formatting import shorten
from nxsms_nb.results.statuses import RESULT_COLUMNS, WORDS
from nxsms_nb.rows import id_format
from nxsms_nb.views import masking
from nxsms_nb.views.dashboard_columns import Places, digits_of, encodable, matches, order_of, texts
from nxsms_nb.words.language import code_label, tr

if TYPE_CHECKING:
    from nxsms_nb.analysis.cube import Choices
    from nxsms_nb.analysis.derived import Asked

__all__ = ["SIZE", "Rows"]

SIZE: Final = 10
"""Rows on a page."""

_MOST_OWN: Final = 6
"""Columns of the frame that are shown at first, beside phone and content."""

_Column = tuple[bool, Hashable]
"""A column of the table: whether it is one of the results, and its name."""

_CUT: Final = 90


class Rows:
    """The chosen rows in order, the frame's or that of a column, and the columns that are shown of them.

    `names` has all columns of the frame that can be shown; the results are always shown.
    """

    def __init__(self, frame: pd.DataFrame, asked: Asked, results: pd.DataFrame) -> None:
        self._frame, self._read = frame, results
        self._phone = asked.phone or "phone"
        content = asked.content or "content"
        self._results = list(results.columns)
        shown = {f"{asked.prefix}{name}" for name in self._results}
        made = {f"{asked.prefix}{name}" for name in RESULT_COLUMNS}
        there = [label for label in dict.fromkeys(frame.columns) if isinstance(frame[label], pd.Series)]
        first = [label for label in (self._phone, content) if label in there]
        others = [label for label in there if label not in made and label not in first]
        ids = [label for label in there if label in made - shown]
        self._own: list[Hashable] = [*first, *others, *ids]
        self._labels = self._own[: len(first) + min(len(others), _MOST_OWN)]
        self._orders: dict[tuple[_Column, bool], Places] = {}
        self._encoded: dict[Hashable, Any] = {}
        self.reset()
        self._chosen: npt.NDArray[np.bool_] | None = None

    @property
    def total(self) -> int:
        """How many rows there are on all pages."""
        return len(self._places)

    def reset(self) -> None:
        """Go back to the first page, in the frame's order, of all rows."""
        self._page, self._down, self._text = 0, False, ""
        self._sorted: _Column | None = None
        self._chosen = None
        self._places: Places = np.arange(len(self._frame))

    @property
    def state(self) -> tuple[Any, ...]:
        """The rows shown, their order, and what was searched for."""
        return self._page, self._sorted, self._down, self._text, self._chosen, self._places, self._labels

    @state.setter
    def state(self, before: tuple[Any, ...]) -> None:
        self._page, self._sorted, self._down, self._text, self._chosen, self._places, self._labels = before

    def narrow(self, choices: Choices) -> None:
        """Keep the rows that pass the filters."""
        self._chosen = choices.mask()
        self._order()

    def search(self, text: str) -> None:
        """Keep the rows that contain a text; call `narrow` afterwards."""
        self._text = encodable(text.strip())

    def turn(self, page: int) -> None:
        """Turn to a page."""
        self._page = min(max(page, 0), self._last)

    @property
    def _last(self) -> int:
        return max(0, (len(self._places) - 1) // SIZE)

    @property
    def names(self) -> list[str]:
        """The names of the frame's columns that can be shown."""
        return [masking.name(str(label)) for label in self._own]

    def show(self, place: int, *, on: bool) -> None:
        """Show or hide a column of the frame; what was sorted by it or found in it is looked for again."""
        label = self._own[place]
        self._labels = [one for one in self._own if (on if one == label else one in self._labels)]
        if self._sorted == (False, label) and not on:
            self._sorted = None
        page = self._page
        self._order()
        self.turn(page)

    @property
    def _columns(self) -> list[_Column]:
        return [*((False, label) for label in self._labels), *((True, name) for name in self._results)]

    def sort(self, column: int) -> None:
        """Sort by a column: ascending, then descending, then not at all."""
        if column < 0:
            raise IndexError(column)
        chosen = self._columns[column]
        if chosen != self._sorted:
            self._sorted, self._down = chosen, False
        elif not self._down:
            self._down = True
        else:
            self._sorted, self._down = None, False
        self._order()

    def _order(self) -> None:
        self._page = 0
        mask = self._chosen
        if self._text:
            places = np.arange(len(self._frame)) if mask is None else np.flatnonzero(mask)
            places = places[self._holding(places)]
            mask = np.zeros(len(self._frame), np.bool_)
            mask[places] = True
        if self._sorted is None:
            self._places = np.arange(len(self._frame)) if mask is None else np.flatnonzero(mask)
            return
        order = self._sorting(self._sorted, down=self._down)
        self._places = order if mask is None else order[mask[order]]

    # ------------------------------------------------------------------ search and sort

    def _holding(self, places: Places) -> npt.NDArray[np.bool_]:
        """Return the rows in which any text, the code or the reason contains the search text."""
        found = np.zeros(len(places), np.bool_)
        whole = len(places) == len(self._frame)
        digits = "".join(char for char in self._text if char.isdecimal())
        searched = [one for one in self._labels if one == self._phone or _is_text(self._frame[one])]
        for label in searched:
            array = self._array(label)
            array = array if whole else array.take(pa.array(places))
            found |= matches(array, self._text)
            if label == self._phone and len(digits) > 2 and digits != self._text:
                found |= matches(digits_of(array), digits)
        for name in self._results:
            if name in ("status", "reason", "code"):
                array = self._array(name, result=True)
                found |= matches(array if whole else array.take(pa.array(places)), self._text)
        return found

    def _array(self, label: Hashable, *, result: bool = False) -> Any:
        """Return a column as texts to search in, kept for the next search; repeated texts are searched once."""
        key = (label, result)
        if key not in self._encoded:
            column = self._read[label] if result else self._frame[label]
            array = texts(column)
            some = (
                array.take(pa.array(np.arange(0, len(array), max(1, len(array) // 2000))))
                if not pa.types.is_dictionary(array.type)
                else array
            )
            if not pa.types.is_dictionary(array.type) and len(some.unique()) < len(some) / 2:
                array = array.dictionary_encode()
            self._encoded[key] = array
        return self._encoded[key]

    def _sorting(self, column: _Column, *, down: bool) -> Places:
        key = (column, down)
        if key not in self._orders:
            while len(self._orders) >= 2:
                del self._orders[next(iter(self._orders))]
            of_results, label = column
            self._orders[key] = order_of((self._read if of_results else self._frame)[label], down=down)
        return self._orders[key]

    # ------------------------------------------------------------------ what is shown

    def page(self) -> dict[str, Any]:
        """Return the page as JSON."""
        self.turn(self._page)
        places = self._places[self._page * SIZE : (self._page + 1) * SIZE]
        cells = [self._shown(label, places) for label in self._labels]
        read = {name: rows_at(self._read[name], places).astype(object) for name in self._results}
        results = [[_result(name, value) for value in read[name]] for name in self._results]
        numeric = {"attempts", "latency_ms"}
        columns = [
            *({"name": masking.name(str(label)), "number": self._is_amount(label)} for label in self._labels),
            *({"name": tr(_HEADS[name]), "number": name in numeric} for name in self._results),
        ]
        for column, key in zip(columns, self._columns, strict=True):
            column["sorted"] = ("down" if self._down else "up") if key == self._sorted else ""
        return {
            "total": len(self._places),
            "searched": bool(self._text),
            "page": self._page,
            "pages": self._last + 1,
            "first": self._page * SIZE + 1,
            "size": SIZE,
            "columns": columns,
            "shown": [place for place, label in enumerate(self._own) if label in self._labels],
            "rows": [list(row) for row in zip(*cells, *results, strict=True)],
            "statuses": list(read["status"]),
            "status": len(self._labels) + self._results.index("status"),
        }

    def _is_amount(self, label: Hashable) -> bool:
        """Return whether a column's values are amounts, and so aligned to the right."""
        dtype = self._frame[label].dtype
        return label != self._phone and pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)

    def _shown(self, label: Hashable, places: Places) -> list[str]:
        values = rows_at(self._frame[label], places).astype(object)
        return [_cell(value, phone=label == self._phone) for value in values]


_HEADS: Final = {
    "status": "status",
    "code": "code",
    "reason": "reason",
    "attempts": "attempts",
    "sent_at": "sent at (UTC)",
    "latency_ms": "latency",
}


def _cell(value: Any, *, phone: bool) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    if isinstance(value, dt.datetime):
        words = value.isoformat(" ", "seconds")
    elif isinstance(value, float) and value.is_integer():
        words = f"{value:.0f}"
    else:
        words = str(value)
    if phone:
        return masking.phone(words.strip())
    return shorten(words if id_format.is_ours(words) else masking.numbers(words), _CUT)


def _result(name: str, value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    if name == "status":
        return tr(WORDS[value])
    if name == "code":
        return code_label(int(value)) if value else ""
    if name == "sent_at":
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if name == "latency_ms":
        return f"{value:,.0f} ms"
    return shorten(masking.numbers(str(value)), _CUT)


def _is_text(values: pd.Series[Any]) -> bool:
    return not (
        pd.api.types.is_float_dtype(values.dtype)
        or pd.api.types.is_bool_dtype(values.dtype)
        or pd.api.types.is_datetime64_any_dtype(values.dtype)
        or pd.api.types.is_timedelta64_dtype(values.dtype)
    )
