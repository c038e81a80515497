"""Cells of a workbook's text column that hold dates, numbers or truth values instead of text."""

from __future__ import annotations

from typing import Any

from nxsms_nb.filetypes.workbooks import EXACT
from nxsms_nb.formatting import count, named

_ADVICE = "To send {it}, format the column as Text and write there what people should read."


class TypedCells:
    """Such cells of one column, by their row below the heading: `others` keeps the values that are not sent.

    Whole numbers are sent as their digits, as those of a frame are, and only counted.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self.others: dict[int, Any] = {}
        self._first: int | None = None
        self._whole = 0
        self._first_whole: int | None = None

    def add(self, value: Any, row: int, at: int) -> None:
        """Note a cell's value; `row` counts from 0 below the heading, `at` is the sheet's own number."""
        if value is None or isinstance(value, str):
            return
        exact = isinstance(value, float) and value.is_integer() and abs(value) < 10**EXACT
        if exact or (isinstance(value, int) and not isinstance(value, bool)):
            self._whole += 1
            self._first_whole = self._first_whole or at
            return
        self.others[row] = value
        self._first = self._first or at

    def notes(self, where: str) -> list[str]:
        """Return what the person should know; `where` names sheet and file."""
        column, said = f"of the column {named(self._column)} in {where}", []
        if n := len(self.others):
            one = n == 1
            said.append(
                f"{count(n, 'cell')} {column} {'is no text but a date, a time' if one else 'are no text but dates, times'}, "
                f"{'a number with decimals or a truth value' if one else 'numbers with decimals or truth values'} "
                f"({'' if one else 'the first '}in row {self._first}): not sent. {_ADVICE.format(it='it' if one else 'them')}"
            )
        if n := self._whole:
            one = n == 1
            said.append(
                f"{count(n, 'cell')} {column} {'is a number' if one else 'are numbers'} ({'' if one else 'the first '}in row "
                f"{self._first_whole}): sent as {'its' if one else 'their'} digits, without thousands separators or currency."
            )
        return said
