"""Files of recipients, read by the chunk: as Arrow tables whose types come from the file as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nxsms_nb.engine.sources import ALL_WARNINGS, Measured
from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes.reading import UNREADABLE, Opened, opened, plain

if TYPE_CHECKING:
    import pyarrow as pa


class FileSource(Measured):
    """A file's rows by the chunk; `held` is the chunk returned last.

    The file is read to its end when this is made, so that a fault in its last row is known before the first one is sent.
    """

    all_warnings = f"(in Python, with the file read as df) {ALL_WARNINGS}"

    def __init__(self, path: Path, opened: Opened) -> None:
        self.path = path
        self.schema = opened.schema
        self.separator = opened.separator
        self.held: pa.Table = self.schema.empty_table()
        self._begin = opened.begin
        super().__init__(sum(len(table) for table in self))

    def __iter__(self) -> Iterator[Any]:
        """Read the file from its first row on."""
        rows = 0
        try:
            for table in self._begin():
                self.held = table
                yield table
                rows += len(table)
        except ConfigError:
            raise
        except UNREADABLE as error:
            raise ConfigError(f"{self.path} cannot be read after row {rows:,} ({plain(error)}).") from error


def open_source(path: Path, rows: int, **given: Any) -> tuple[FileSource, tuple[str, ...]]:
    """Open a file with a table and read it once; with it come notes for the person on how it is read."""
    found = opened(path, rows, **given)
    return FileSource(path, found), found.notes
