"""Write Excel workbooks: nothing in a cell is a formula, and long numbers are text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

__all__ = ["Writer", "check_size", "check_texts", "engine"]

MOST_ROWS: Final = 1_048_575
"""The most rows of a sheet below its heading."""
MOST_COLUMNS: Final = 16_384
_LONGEST: Final = 32_767
"""The most characters of a cell."""
_SHOWN: Final = 10**11
"""From this number on Excel shows 8.61509E+12 and loses digits beyond 15, so such numbers are written as text."""
EXACT: Final = 15
"""The digits of a number that Excel keeps."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\r\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold; Excel itself writes them as _x000B_."""


def engine() -> Any:
    """Import openpyxl, or raise `ConfigError` with how to install it."""
    try:
        import openpyxl  # noqa: PLC0415 - for those who have workbooks only
    except ImportError:
        raise ConfigError(
            "Excel workbooks need openpyxl, which is not installed: pip install openpyxl, or save the list as .csv."
        ) from None
    return openpyxl


class Writer:
    """Writes a workbook row by row; texts are never formulas, and long numbers are text.

    The numbers of the labels `texts`, phones and ids, are text however short. `zones` maps a label to the time zone of its
    times, which a cell cannot hold.
    """

    def __init__(self, labels: Sequence[Any], texts: Iterable[Any] = ()) -> None:
        openpyxl = engine()
        self._cell: Any = openpyxl.cell.WriteOnlyCell
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("rows")
        self._sheet.freeze_panes = "A2"
        self._texts = {*texts}
        self.zones: dict[Any, str] = {}
        self._heading: list[Any] | None = [_value(label, label) for label in labels]

    def write(self, frame: pd.DataFrame) -> None:
        """Append a frame's rows."""
        columns = []
        for at, label in enumerate(frame.columns):
            values = frame.iloc[:, at]
            if isinstance(values.dtype, pd.DatetimeTZDtype):
                self.zones[label] = str(values.dt.tz)
            as_text = label in self._texts
            cells = _column(values, label, as_text=as_text)
            columns.append(self._as_text(cells) if as_text else self._guarded(cells))
        self._begin()
        for row in zip(*columns, strict=True):
            self._sheet.append(row)

    def summary(self, rows: Iterable[Sequence[Any]]) -> None:
        """Append the second sheet, which describes the first."""
        sheet = self._book.create_sheet("summary")
        sheet.column_dimensions["A"].width = sheet.column_dimensions["C"].width = 30
        for row in rows:
            self._append(sheet, row)

    def save(self, file: IO[bytes]) -> None:
        """Write the whole workbook into a file."""
        self._begin()
        self._book.save(file)

    def _begin(self) -> None:
        # Not before there are rows: openpyxl cannot abandon a sheet once it has begun.
        if self._heading is not None:
            self._append(self._sheet, self._heading)
            self._heading = None

    def _append(self, sheet: Any, values: Sequence[Any]) -> None:
        sheet.append([self._literal(sheet, value) if _is_read_into(value) else value for value in values])

    def _literal(self, sheet: Any, value: str) -> Any:
        cell = self._cell(sheet)
        cell.value, cell.data_type, cell.quotePrefix = value, "s", True
        return cell

    def _as_text(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield values in one and the same cell: each row is written before the next one is made."""
        cell, prefixed = self._cell(self._sheet), self._cell(self._sheet)
        # Keeps a number text when somebody edits its cell.
        cell.number_format = prefixed.number_format = "@"
        prefixed.quotePrefix = True
        for value in values:
            one = prefixed if _is_read_into(value) else cell
            one.value = value
            if isinstance(value, str):
                one.data_type = "s"
            yield None if value is None else one

    def _guarded(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            yield self._literal(self._sheet, value) if _is_read_into(value) else value


def check_size(rows: int, columns: int, what: str) -> None:
    """Refuse more rows or columns than a sheet can hold."""
    if rows > MOST_ROWS:
        raise ConfigError(
            f"{what} has {rows:,} rows, and an Excel sheet holds {MOST_ROWS:,}. Write it as .parquet or .csv, or in parts."
        )
    if columns > MOST_COLUMNS:
        raise ConfigError(f"{what} has {columns:,} columns, and an Excel sheet holds {MOST_COLUMNS:,}.")


def check_texts(table: pa.Table) -> None:
    """Refuse texts longer than a cell can hold."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            longest = pc.max(pc.utf8_length(column)).as_py() or 0
            if longest > _LONGEST:
                raise _too_long(name, longest)


def _too_long(label: Any, size: int) -> ConfigError:
    return ConfigError(
        f"Column {named(label)} has a text of {size:,} characters, and a cell of Excel holds {_LONGEST:,}. "
        "Drop the column or shorten it."
    )


def _is_read_into(value: Any) -> bool:
    """Return whether openpyxl or Excel would mistake a text for a formula or an error."""
    return isinstance(value, str) and value[:1] in ("=", "#")


def _column(values: pd.Series[Any], label: Any, *, as_text: bool) -> list[Any]:
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        names = _column(pd.Series(dtype.categories), label, as_text=as_text)
        return [None if code < 0 else names[code] for code in values.cat.codes]
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    objects = values.astype(object).tolist()
    numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if numeric and not as_text:
        numbers = values.dropna()
        as_text = len(numbers) > 0 and bool((numbers.abs() >= _SHOWN).any() and (numbers % 1 == 0).all())
    return [_value(one, label, as_text=as_text) for one in objects]


def _value(value: Any, label: Any, *, as_text: bool = False) -> Any:
    """Return a value as a cell holds it; None if it is missing."""
    if isinstance(value, str):
        return _written(value, label) or None
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        whole = isinstance(value, int) or value.is_integer()
        if whole and (as_text or abs(value) >= _SHOWN) and abs(value) < 2**63:
            return str(int(value))
        return str(value) if as_text or not -1e308 < value < 1e308 else value
    if isinstance(value, Decimal) and value.is_finite() and len(value.as_tuple().digits) <= EXACT:
        return str(value) if as_text else value
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.isoformat(" ")
    if isinstance(value, (dt.date, dt.time)) and getattr(value, "year", 1900) >= 1900:
        return value
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _value(value.item(), label, as_text=as_text)
    return _written(str(value), label)


def _written(text: str, label: Any) -> str:
    if len(text) > _LONGEST:
        raise _too_long(label, len(text))
    return _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
