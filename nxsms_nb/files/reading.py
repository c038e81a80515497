"""Files of recipients, read by the chunk: as Arrow tables whose types come from the file as a whole."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb._arrow import TEXT
from nxsms_nb.engine.sources import Measured
from nxsms_nb.errors import ConfigError

_UNREADABLE: Final = (OSError, ValueError, pa.ArrowException, pd.errors.ParserWarning, csv.Error)
"""What reading a damaged file raises; pandas' ParserError and a wrong encoding are ValueErrors."""


class FileSource(Measured):
    """A file's rows by the chunk, which remembers the chunk it gave last.

    The file is read to its end when this is made: what is wrong with its last row is known before the first one is sent.

    Parameters
    ----------
    path : Path
        The file.
    schema : pyarrow.Schema
        The types of its columns, those of every chunk.
    begin : callable
        Begins to read it anew.

    Attributes
    ----------
    held : pyarrow.Table
        The chunk that was given last.
    """

    def __init__(self, path: Path, schema: pa.Schema, begin: Callable[[], Iterator[pa.Table]]) -> None:
        self.path = path
        self.schema = schema
        self.held: pa.Table = schema.empty_table()
        self._begin = begin
        super().__init__(sum(len(table) for table in self))

    def __iter__(self) -> Iterator[Any]:
        """Read the file from its first row on."""
        rows = 0
        try:
            for table in self._begin():
                self.held = table
                yield table
                rows += len(table)
        except _UNREADABLE as error:
            raise ConfigError(f"{self.path} cannot be read after row {rows:,} ({_plain(error)}).") from error


def open_source(path: Path, rows: int) -> FileSource:
    """Open a Parquet or CSV file, and read it once.

    Parameters
    ----------
    path : Path
        A file ending in ``.parquet`` or ``.csv``.
    rows : int
        Rows of a chunk.

    Raises
    ------
    ConfigError
        There is no such file, or it cannot be read.
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist.")
    if not path.is_file():
        raise ConfigError(f"{path} is not a file.")
    try:
        return _parquet(path, rows) if path.suffix.lower() == ".parquet" else _csv(path, rows)
    except _UNREADABLE as error:
        raise (
            error if isinstance(error, ConfigError) else ConfigError(f"{path} cannot be read ({_plain(error)}).")
        ) from error


def _parquet(path: Path, rows: int) -> FileSource:
    def begin() -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield pa.Table.from_batches([batch])

    with pq.ParquetFile(path) as file:
        return FileSource(path, file.schema_arrow, begin)


def _csv(path: Path, rows: int) -> FileSource:
    # The header as it stands: pandas renames what stands in it twice or not at all.
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next((line for line in csv.reader(file) if line), None)
    if header is None:
        raise ConfigError(f"{path} is empty.")
    schema = pa.schema([(name, TEXT) for name in header])

    def begin() -> Iterator[pa.Table]:
        # Text as it stands in the file: numbers read as floats lose digits. Without index_col=False a delimiter at the
        # end of each line makes an index of the first column; with it, pandas warns that it drops what is too much.
        options: Any = {"dtype": str, "keep_default_na": False, "na_values": [""], "index_col": False}
        with pd.read_csv(path, chunksize=rows, **options) as frames:
            while (frame := _strictly(frames)) is not None:
                columns = [pa.array(column, TEXT, from_pandas=True) for _, column in frame.items()]
                yield pa.Table.from_arrays(columns, schema=schema)

    return FileSource(path, schema, begin)


def _strictly(frames: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """The next frame, or None; what pandas would only warn of is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(frames, None)


def _plain(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8: byte 0x{error.object[error.start]:02x}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
