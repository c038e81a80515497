"""One writer for each format: rows with their results as Parquet, as text, as a workbook."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from typing import IO, Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nxsms_nb.analysis.workbook import digits_columns, status_rows, zone_rows
from nxsms_nb.filetypes import workbooks
from nxsms_nb.stream import as_pandas

__all__ = ["Csv", "Parquet", "Workbook", "Writer"]


class Writer(Protocol):
    """Accepts rows by the chunk; the file is complete when it is closed."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Complete the file."""


class _Sink(io.RawIOBase):
    """A file that drops writes after one that failed: Arrow's writer closes a second time when it is deleted."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._failed = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def write(self, data: Any) -> int:
        if not self._failed and not self._file.closed:
            try:
                return self._file.write(data)
            except OSError:
                self._failed = True
                raise
        return memoryview(data).nbytes


class Parquet:
    """Parquet, one row group per chunk."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(_Sink(file), schema)

    def write(self, table: pa.Table) -> None:
        """Append a row group."""
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


class Csv:
    """CSV: text as it was read, other values as pandas writes them."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, separator: str, *, packed: bool) -> None:
        # Without name and time, so that the same rows give the same bytes.
        self._packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if packed else None
        self._file: Any = self._packed or file
        self._separator = separator
        self._write(schema.empty_table(), header=True)

    def write(self, table: pa.Table) -> None:
        """Append lines."""
        self._write(table, header=False)

    def close(self) -> None:
        """End the compressed stream, if there is one."""
        if self._packed is not None:
            self._packed.close()

    def _write(self, table: pa.Table, *, header: bool) -> None:
        plain = _own_columns(table)
        # Python's writer leaves a lone carriage return unquoted, and readers would end the row there.
        quoting: Literal[0, 1] = csv.QUOTE_ALL if any(map(_returns, plain.columns)) else csv.QUOTE_MINIMAL
        text = as_pandas(plain).to_csv(index=False, header=header, quoting=quoting, sep=self._separator)
        self._file.write(text.encode())


class Workbook:
    """A sheet with the rows, followed by a summary; the file is written when it is closed."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, prefix: str, phone: Any) -> None:
        self._file = file
        self._status = f"{prefix}status"
        names = _own_columns(schema.empty_table()).column_names
        self._writer = workbooks.Writer(names, digits_columns(prefix, phone))
        self._counts: Counter[str] = Counter()

    def write(self, table: pa.Table) -> None:
        """Append rows to the sheet."""
        frame = as_pandas(_own_columns(table))
        self._writer.write(frame)
        self._counts.update(frame[self._status].astype(str))

    def close(self) -> None:
        """Append the summary, and write the file."""
        statuses = status_rows(self._counts, self._counts.total())
        self._writer.summary([*statuses, *zone_rows(self._writer.zones)])
        self._writer.save(self._file)


def _own_columns(table: pa.Table) -> pa.Table:
    """Drop a table's unnamed index, for formats that record no index."""
    index = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    named = [name for name in index if isinstance(name, str) and not name.startswith("__index_level_")]
    plain = table.drop_columns([name for name in index if isinstance(name, str) and name not in named])
    return plain.replace_schema_metadata(None)


def _returns(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return False
    return bool(pc.any(pc.match_substring(column, "\r")).as_py())
