"""Excel workbooks, read as text, so that numbers keep their zeros."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes.hidden_rows import hidden_rows
from nxsms_nb.filetypes.typed_cells import TypedCells
from nxsms_nb.filetypes.workbooks import EXACT, engine
from nxsms_nb.formatting import count, listed, named

_TOKEN: Final = re.compile(r'"([^"]*)"|\\(.)|([0#])|([ \-()+])')
_PLACED: Final = re.compile(rf"(?:{_TOKEN.pattern})+")
"""A number format of digit places and literals only: no decimals, dates or sections."""

_GENERAL: Final = re.compile(r"[^0#]*|0?|#*")


@dataclass(frozen=True)
class WorkbookSheet:
    """A sheet that was read, and notes for the person on how it was chosen.

    `not_text` has the values of the cells of the text column that are no text, by their row in the table.
    """

    table: pa.Table
    notes: tuple[str, ...]
    not_text: Mapping[int, Any] = field(default_factory=dict)


def read(path: Path, sheet: str | None = None, content: str | None = None) -> WorkbookSheet:
    """Read a sheet of a workbook as text; its first row that is not empty has the headings.

    `sheet` is its name, or its number counted from 1; None: the first visible one. `content` is the heading of the column
    whose cells should be text.
    """
    openpyxl = engine()
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about parts that openpyxl does not read, never cells
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            chosen = _chosen(path, book.worksheets, sheet)
            chosen.reset_dimensions()  # some programs record wrong ones
            kept: list[tuple[int, list[str | None]]] = []
            typed, place = TypedCells(content or ""), None
            for at, cells in enumerate(chosen.iter_rows(), 1):
                row = _texts(cells)
                if all(text is None for text in row):
                    continue
                if not kept:
                    place = row.index(content) if content in row else None
                elif place is not None and place < len(cells):
                    typed.add(cells[place].value, len(kept) - 1, at)
                kept.append((at, row))
            hidden = hidden_rows(path, chosen.title)
            others = [one.title for one in book.worksheets if one is not chosen]
    except (BadZipFile, KeyError, TypeError, AttributeError, SyntaxError) as error:  # whatever damage causes
        raise ConfigError(f"{path} cannot be read: the workbook is damaged.") from error
    if not kept:
        raise ConfigError(f"The sheet {named(chosen.title)} of {path} is empty.")
    notes = []
    if others and sheet is None:
        notes.append(f"Read the sheet {named(chosen.title)} of {path}; the others are {listed(others)}.")
    if unseen := sum(at in hidden for at, _ in kept[1:]):
        notes.append(
            f"{count(unseen, 'row')} of {len(kept) - 1:,} in the sheet {named(chosen.title)} of {path} {'is' if unseen == 1 else 'are'} "
            "hidden, by a filter or by hand, and read like the others. To leave them out, delete them, or copy the visible "
            "rows into a workbook of their own."
        )
    notes += typed.notes(f"the sheet {named(chosen.title)} of {path}")
    return WorkbookSheet(_table([row for _, row in kept]), tuple(notes), typed.others)


def read_all(path: Path) -> list[tuple[str, pa.Table]]:
    """Read every sheet of a workbook that is not empty, hidden ones too, with its title."""
    openpyxl = engine()
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            found = []
            for one in book.worksheets:
                one.reset_dimensions()
                rows = [row for row in map(_texts, one.iter_rows()) if any(text is not None for text in row)]
                found += [(one.title, _table(rows))] if rows else []
    except (BadZipFile, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"{path} cannot be read: the workbook is damaged.") from error
    if not found:
        raise ConfigError(f"{path} is empty.")
    return found


def _chosen(path: Path, sheets: Sequence[Any], wanted: str | None) -> Any:
    titles = {sheet.title: sheet for sheet in sheets}
    if wanted is None:
        return next((sheet for sheet in sheets if sheet.sheet_state == "visible"), sheets[0])
    if wanted in titles:
        return titles[wanted]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(sheets):
        return sheets[int(wanted) - 1]
    raise ConfigError(f"{path} has no sheet {named(wanted)}. Its sheets: {listed(list(titles))}")


def _table(rows: list[list[str | None]]) -> pa.Table:
    header, *body = rows
    width = max(max(at + 1 for at, text in enumerate(row) if text is not None) for row in rows)
    names = [text or "" for text in header[:width]] + [""] * (width - len(header))
    columns = [pa.array([row[at] if at < len(row) else None for row in body], TEXT) for at in range(width)]
    return pa.Table.from_arrays(columns, names=names)


def _texts(cells: Iterable[Any]) -> list[str | None]:
    return [None if cell.value is None else _text(cell) for cell in cells]


def _text(cell: Any) -> str | None:
    value = cell.value
    if isinstance(value, str):
        # An error value of a formula is not a text to send.
        return None if cell.data_type == "e" else value or None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        if isinstance(value, int) or (value.is_integer() and abs(value) < 10**EXACT):
            text = str(int(value))
            # A format of zeros shows leading zeros, which the number lacks.
            return _shown(text, cell.number_format) if value >= 0 else text
        return repr(value)
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)


def _shown(digits: str, form: str) -> str:
    """Return a whole number as a format of digits and literals shows it: with its +49, its blanks and leading zeros."""
    if not _PLACED.fullmatch(form) or _GENERAL.fullmatch(form):
        return digits
    tokens = _TOKEN.findall(form)
    left = list(digits)
    shown: list[str] = []
    places = sum(1 for _, _, place, _ in tokens if place)
    for quoted, escaped, place, plain in reversed(tokens):
        if not place:
            shown.append(quoted or escaped or plain)
            continue
        places -= 1
        if not places:
            shown.append("".join(left) or ("0" if place == "0" else ""))
        elif left:
            shown.append(left.pop())
        elif place == "0":
            shown.append("0")
    return "".join(reversed(shown)).strip()


def chunks(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Cut a table into parts of at most that many rows."""
    for start in range(0, len(table), rows):
        yield table.slice(start, rows)
