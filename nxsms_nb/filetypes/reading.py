"""Open files with a table: their columns, and their rows as Arrow tables by the chunk."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes import sheets, text
from nxsms_nb.filetypes.kinds import TABLES, kind_of, refuse_other_content

__all__ = ["UNREADABLE", "Opened", "opened", "plain"]

UNREADABLE: Final = (OSError, EOFError, ValueError, zlib.error, pa.ArrowException, pd.errors.ParserWarning, csv.Error)
"""What reading a damaged file raises; pandas' ParserError and a wrong encoding are ValueErrors."""


@dataclass(frozen=True)
class Opened:
    """A file with a table, to be read from its start by `begin`.

    The columns of text files and workbooks are all text, so that numbers keep their zeros. `notes` are for the person: an
    encoding, a separator or a sheet that was detected; `separator` is that of a text file.
    """

    schema: pa.Schema
    begin: Callable[[], Iterator[pa.Table]]
    notes: tuple[str, ...] = ()
    separator: str | None = None


def opened(
    path: Path,
    rows: int,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    among: tuple[str, ...] = TABLES,
) -> Opened:
    """Open a file with a table whose name has one of the endings of `among`, in chunks of `rows`.

    Encoding and separator of a text file are detected unless given; of a workbook the first visible sheet is read.
    """
    kind = kind_of(path, among)
    text.check_encoding(encoding)
    delimiter = text.one_separator(separator)
    try:
        refuse_other_content(path, kind)
        if kind == ".parquet":
            return _parquet(path, rows)
        if kind == ".xlsx":
            found = sheets.read(path, sheet)
            return Opened(found.table.schema, lambda: sheets.chunks(found.table, rows), found.notes)
        layout = text.layout_of(path, kind, encoding=encoding, separator=delimiter)
        return Opened(layout.schema, lambda: text.chunks(path, layout, rows), layout.notes, layout.separator)
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(f"{path} cannot be read ({plain(error)}).") from error


def _parquet(path: Path, rows: int) -> Opened:
    def begin() -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield pa.Table.from_batches([batch])

    with pq.ParquetFile(path) as file:
        return Opened(file.schema_arrow, begin)


def plain(error: BaseException) -> str:
    """Say on one line why a file cannot be read."""
    if isinstance(error, UnicodeError):
        return text.undecoded(error)
    if isinstance(error, EOFError):
        return "it is cut short"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
