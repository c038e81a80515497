"""Read files of recipients in chunks, as Arrow tables whose types come from the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nxsms_nb.engine.sources import ALL_WARNINGS, Measured
from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes.reading import UNREADABLE, Opened, opened, plain
from nxsms_nb.stream import as_pandas

if TYPE_CHECKING:
    import pyarrow as pa


class FileSource(Measured):
    """A file's rows in chunks; `held` is the chunk returned last.

    The file is read to its end when this is made, so that a fault in its last row is known before the first one is sent.
    """

    all_warnings = f"(in Python, with the file read as df) {ALL_WARNINGS}"

    def __init__(self, path: Path, opened: Opened, content: str) -> None:
        self.path = path
        self._content = content
        self._not_text = opened.not_text
        self.schema = opened.schema
        self.separator = opened.separator
        self.held: pa.Table = self.schema.empty_table()
        self._begin = opened.begin
        super().__init__(sum(len(table) for table in self))

    def __iter__(self) -> Iterator[Any]:
        """Read the file from its first row."""
        rows = 0
        try:
            for table in self._begin():
                self.held = table
                yield self._with_types(table, rows)
                rows += len(table)
        except ConfigError:
            raise
        except UNREADABLE as error:
            raise ConfigError(f"{self.path} cannot be read after row {rows:,} ({plain(error)}).") from error

    def _with_types(self, table: pa.Table, start: int) -> Any:
        """Return a chunk in which non-text cells of the text column keep their values, so that they are refused."""
        values = {row - start: value for row, value in self._not_text.items() if start <= row < start + len(table)}
        if not values:
            return table
        frame = as_pandas(table)
        place = table.column_names.index(self._content)
        texts = frame.iloc[:, place].astype(object).to_numpy(copy=True)
        for row, value in values.items():
            texts[row] = value
        frame.isetitem(place, texts)
        return frame


def open_source(path: Path, rows: int, content: str, **given: Any) -> tuple[FileSource, tuple[str, ...]]:
    """Open a file with a table and read it once; with it come notes for the person on how it is read.

    `content` is the label of the texts' column.
    """
    found = opened(path, rows, content=content, **given)
    return FileSource(path, found, content), found.notes
