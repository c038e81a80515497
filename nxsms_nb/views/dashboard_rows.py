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
_CUT: Final = 90


class Rows:
    """The chosen rows in order: the frame's, or that of a column."""

    def __init__(self, frame: pd.DataFrame, asked: Asked, results: pd.DataFrame) -> None:
        self._frame, self._read = frame, results
        self._phone = asked.phone or "phone"
        content = asked.content or "content"
        hidden = {f"{asked.prefix}{name}" for name in RESULT_COLUMNS}
        there = [label for label in dict.fromkeys(frame.columns) if isinstance(frame[label], pd.Series)]
        first = [label for label in (self._phone, content) if label in there]
        others = [label for label in there if label not in hidden and label not in first]
        self._labels: list[Hashable] = [*first, *others[:_MOST_OWN]]
        self._results = list(results.columns)
        self._searched = [label for label in self._labels if label == self._phone or _is_text(frame[label])]
        self._orders: dict[int, Places] = {}
        self._encoded: dict[Hashable, Any] = {}
        self.reset()
        self._chosen: npt.NDArray[np.bool_] | None = None

    @property
    def total(self) -> int:
        """How many rows there are on all pages."""
        return len(self._places)

    def reset(self) -> None:
        """Go back to the first page, in the frame's order, of all rows."""
        self._page, self._sorted, self._down, self._text = 0, -1, False, ""
        self._chosen = None
        self._places: Places = np.arange(len(self._frame))

    @property
    def state(self) -> tuple[Any, ...]:
        """The rows shown, their order, and what was searched for."""
        return self._page, self._sorted, self._down, self._text, self._chosen, self._places

    @state.setter
    def state(self, before: tuple[Any, ...]) -> None:
        self._page, self._sorted, self._down, self._text, self._chosen, self._places = before

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

    def sort(self, column: int) -> None:
        """Sort by a column: ascending, then descending, then not at all."""
        if not 0 <= column < len(self._labels) + len(self._results):
            raise IndexError(column)
        if column != self._sorted:
            self._sorted, self._down = column, False
        elif not self._down:
            self._down = True
        else:
            self._sorted, self._down = -1, False
        self._order()

    def _order(self) -> None:
        self._page = 0
        mask = self._chosen
        if self._text:
            places = np.arange(len(self._frame)) if mask is None else np.flatnonzero(mask)
            places = places[self._holding(places)]
            mask = np.zeros(len(self._frame), np.bool_)
            mask[places] = True
        if self._sorted < 0:
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
        for label in self._searched:
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

    def _sorting(self, column: int, *, down: bool) -> Places:
        key = column * 2 + down
        if key not in self._orders:
            while len(self._orders) >= 2:
                del self._orders[next(iter(self._orders))]
            values = (
                self._frame[self._labels[column]]
                if column < len(self._labels)
                else self._read[self._results[column - len(self._labels)]]
            )
            self._orders[key] = order_of(values, down=down)
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
        for place, column in enumerate(columns):
            column["sorted"] = ("down" if self._down else "up") if place == self._sorted else ""
        return {
            "total": len(self._places),
            "searched": bool(self._text),
            "page": self._page,
            "pages": self._last + 1,
            "first": self._page * SIZE + 1,
            "size": SIZE,
            "columns": columns,
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
    return masking.phone(words.strip()) if phone else shorten(masking.numbers(words), _CUT)


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
