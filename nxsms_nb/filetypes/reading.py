"""Open files with a table: their columns, and their rows as Arrow tables in chunks."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes import sheets, text
from nxsms_nb.filetypes.kinds import TABLES, kind_of, refuse_other_content

__all__ = ["UNREADABLE", "Opened", "opened", "plain", "read_whole"]

UNREADABLE: Final = (OSError, EOFError, ValueError, zlib.error, pa.ArrowException, pd.errors.ParserWarning, csv.Error)
"""The errors that reading a damaged file raises; pandas' ParserError and encoding errors are ValueErrors."""


@dataclass(frozen=True)
class Opened:
    """A file with a table, to be read from its start by `begin`.

    The columns of text files and workbooks are all text, so that numbers keep their zeros. `notes` are for the person: an
    encoding, a separator or a sheet that was detected; `separator` is that of a text file. `not_text` has the values of a
    workbook's cells that should be text and are not, by their row.
    """

    schema: pa.Schema
    begin: Callable[[], Iterator[pa.Table]]
    notes: tuple[str, ...] = ()
    separator: str | None = None
    not_text: Mapping[int, Any] = field(default_factory=dict)


def opened(
    path: Path,
    rows: int,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    content: str | None = None,
    among: tuple[str, ...] = TABLES,
) -> Opened:
    """Open a file with a table whose name has one of the endings of `among`, in chunks of `rows`.

    Encoding and separator of a text file are detected unless given; of a workbook the first visible sheet is read. `content`
    is the label of the column whose cells should be text.
    """
    kind = kind_of(path, among)
    text.check_encoding(encoding)
    delimiter = text.one_separator(separator)
    try:
        refuse_other_content(path, kind)
        if kind == ".parquet":
            return _parquet(path, rows)
        if kind == ".xlsx":
            found = sheets.read(path, sheet, content)
            begin = partial(sheets.chunks, found.table, rows)
            return Opened(found.table.schema, begin, found.notes, not_text=found.not_text)
        layout = text.layout_of(path, kind, encoding=encoding, separator=delimiter)
        return Opened(layout.schema, lambda: text.chunks(path, layout, rows), layout.notes, layout.separator)
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(f"{path} cannot be read ({plain(error)}).") from error


def read_whole(path: Path, *, among: tuple[str, ...]) -> tuple[list[tuple[str | None, pd.DataFrame]], tuple[str, ...]]:
    """Read a file's tables whole: all sheets of a workbook with their titles, otherwise one; and the notes for the person.

    For numbers alone: a text file in an unknown encoding is read as Latin-1, in which digits are the same.
    """
    if kind_of(path, among) == ".xlsx":
        try:
            refuse_other_content(path, ".xlsx")
            return [(title, _as_pandas(table)) for title, table in sheets.read_all(path)], ()
        except ConfigError:
            raise
        except UNREADABLE as error:
            raise ConfigError(f"{path} cannot be read ({plain(error)}).") from error
    try:
        file = opened(path, _ROWS, among=among)
        notes = file.notes
    except ConfigError as error:
        if "encoding='cp1252'" not in str(error):
            raise
        file = opened(path, _ROWS, encoding="latin-1", among=among)
        notes = (*file.notes, f"{path} is read as Latin-1, in which numbers are the same.")
    try:
        return [(None, _as_pandas(pa.concat_tables([file.schema.empty_table(), *file.begin()])))], notes
    except UNREADABLE as error:
        raise ConfigError(f"{path} cannot be read ({plain(error)}).") from error


def _as_pandas(table: pa.Table) -> pd.DataFrame:
    columns = [column.to_pandas(types_mapper=pd.ArrowDtype) for column in table.columns]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return frame.set_axis(table.column_names, axis=1)


_ROWS: Final = 50_000


def _parquet(path: Path, rows: int) -> Opened:
    def begin() -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield pa.Table.from_batches([batch])

    with pq.ParquetFile(path) as file:
        return Opened(file.schema_arrow, begin)


def plain(error: BaseException) -> str:
    """Describe on one line why a file cannot be read."""
    if isinstance(error, UnicodeError):
        return text.undecoded(error)
    if isinstance(error, EOFError):
        return "it is cut short"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
