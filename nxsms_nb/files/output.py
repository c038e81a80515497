"""The output file: it replaces its target only when complete."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from nxsms_nb import screen
from nxsms_nb.errors import ConfigError
from nxsms_nb.files import writers
from nxsms_nb.filetypes import workbooks
from nxsms_nb.filetypes.kinds import kind_of
from nxsms_nb.formatting import count, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.stream import as_pandas

if TYPE_CHECKING:
    import pandas as pd

_AGAIN: Final = "To continue, run the same command again: what was sent is not sent again."
_TEXT_LABELS: Final = ("unicode", "string", "empty")


class Output:
    """The rows of a source with their results, written next to the target, which only a complete file replaces.

    After a run that does not finish, the file takes the target's name if none existed, otherwise it stays next to it. Files
    left by earlier runs are not touched. Refuses at once what cannot be written there.
    """

    def __init__(
        self,
        target: Path,
        source: pa.Schema,
        rows: int,
        *,
        prefix: str = "",
        separator: str | None = None,
        phone: Any = None,
    ) -> None:
        self._target = Path(os.path.realpath(target))  # a link stays one
        self._named = target
        self._kind = kind_of(target)
        self._separator = separator or ("\t" if self._kind.startswith(".tsv") else ",")
        self._prefix, self._phone = prefix, phone
        self._rows = rows
        self._written = 0
        self._labels = [prefix + name for name in RESULT_COLUMNS]
        self._kept, self._schema = _joined_schema(source, self._labels)
        self._broken = False
        self._begin()

    def _begin(self) -> None:
        target = self._target
        try:
            if target.is_dir():
                raise ConfigError(f"{self._named} is a folder. Choose a file.")
            if target.exists() and not target.is_file():
                raise ConfigError(f"{self._named} is a pipe or a device, which a file would replace. Choose a file.")
            if not target.parent.is_dir():
                raise ConfigError(f"The folder {target.parent} does not exist. Create it first.")
            if target.exists() and not os.access(target, os.W_OK):
                raise ConfigError(f"{self._named} is write-protected. Choose another file.")
            if self._kind == ".xlsx":
                workbooks.check_size(self._rows, len(self._schema), "The target")
            elif self._kind != ".parquet":
                _try_to_write(self._schema)
            self._part, self._file = _beside(target)
        except OSError as error:
            raise self._refused(error) from error
        try:
            if target.exists():
                shutil.copymode(target, self._part)
            self._writer = self._begun()
            # A full disk shows here already.
            self._file.flush()
            os.fsync(self._file.fileno())
        except (OSError, pa.ArrowException) as error:
            with suppress(OSError):
                self._file.close()
            self._part.unlink()
            raise self._refused(error) from error

    def _begun(self) -> writers.Writer:
        if self._kind == ".parquet":
            return writers.Parquet(self._file, self._schema)
        if self._kind == ".xlsx":
            return writers.Workbook(self._file, self._schema, self._prefix, self._phone)
        return writers.Csv(self._file, self._schema, self._separator, packed=self._kind.endswith(".gz"))

    def _refused(self, error: Exception) -> ConfigError:
        return ConfigError(f"{self._named} cannot be written ({_why(error)}). Nothing was sent.")

    def write(self, held: pa.Table, sent: pd.DataFrame) -> None:
        """Write rows as they were read, with their results."""
        results = pa.Table.from_pandas(sent[self._labels], preserve_index=False)
        columns = [held.column(i) for i in self._kept] + results.columns
        try:
            self._writer.write(pa.Table.from_arrays(columns, schema=self._schema))
        except (OSError, pa.ArrowException) as error:
            self._broken = True
            raise self._unwritten(error) from error
        self._written += len(sent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        except (OSError, pa.ArrowException) as trouble:
            self._broken = True
            if error is None:
                error = self._unwritten(trouble)
                raise error from trouble
        finally:
            with suppress(OSError):
                self._file.close()
            self._settle(error)

    def _settle(self, error: BaseException | None) -> None:
        if error is None:
            try:
                self._part.replace(self._target)
            except OSError as trouble:
                raise ConfigError(
                    f"{self._named} cannot be written ({_why(trouble)}). All rows are in {self._part}."
                ) from trouble
            return
        if not self._written:
            self._part.unlink()
            if self._broken:
                error.add_note(f"No row could be written. {_AGAIN}")
            return
        place = self._part
        if not self._broken and _given_name(self._part, self._target):
            place = self._named
        left = f" {self._named} is unchanged." if place != self._named and self._target.exists() else ""
        state = "is incomplete: writing failed" if self._broken else "has the rows so far"
        error.add_note(f"{place} {state} ({self._written:,} of {count(self._rows, 'row')}).{left} {_AGAIN}")

    def _unwritten(self, error: BaseException) -> ConfigError:
        return ConfigError(f"{self._part} cannot be written ({_why(error)}). The journal knows what was sent.")


def _why(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _try_to_write(schema: pa.Schema) -> None:
    """Refuse a column that CSV cannot hold before anything is sent: afterwards its rows would have no results."""
    for field in schema:
        try:
            as_pandas(pa.table([pa.nulls(2, field.type)], names=["x"])).to_csv()
        except Exception as error:
            raise ConfigError(
                f"The column {named(field.name)} is of type {field.type}, which cannot be written as CSV. Nothing was "
                "sent. Choose a target that ends in .parquet."
            ) from error


def _beside(target: Path) -> tuple[Path, IO[bytes]]:
    """Create a file next to the target; those left by earlier runs are kept."""
    number, left = 1, []
    while True:
        part = target.with_name(f"{target.name}.part{'' if number == 1 else number}")
        try:
            file = part.open("xb")
        except FileExistsError:
            left.append(part)
            number += 1
            continue
        if left:
            screen.say(f"Kept from runs that did not finish: {', '.join(map(str, left))}", error=True)
        return part, file


def _given_name(part: Path, target: Path) -> bool:
    """Rename a file to the target if no file exists there."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        part.rename(target)
        return True
    part.unlink()
    return True


def _joined_schema(source: pa.Schema, labels: list[str]) -> tuple[list[int], pa.Schema]:
    """Choose the columns of the source that stay, and the output's schema, with pandas' notes on both."""
    metadata: dict[bytes, bytes] = dict(source.metadata or {})
    earlier = json.loads(metadata.get(b"pandas", b"{}"))
    levels = earlier.get("column_indexes", [])
    # As pandas names the column of a tuple, so that it makes tuples of all of them.
    names = [str((label, *[""] * (len(levels) - 1))) for label in labels] if len(levels) > 1 else labels
    kept = [i for i, name in enumerate(source.names) if name not in names]
    results = result_columns.empty(0)
    results.columns = names
    made = pa.Schema.from_pandas(results, preserve_index=False)
    about: dict[str, Any] = json.loads(made.metadata[b"pandas"])
    if earlier:
        columns = [column for column in earlier["columns"] if column["name"] not in names]
        about = {**earlier, "columns": columns + about["columns"]}
        if len(levels) == 1 and levels[0].get("pandas_type") not in _TEXT_LABELS:
            # The names of results are text, which pandas could not turn into the labels' type.
            about["column_indexes"] = []
    metadata[b"pandas"] = json.dumps(about).encode()
    return kept, pa.schema([*(source.field(i) for i in kept), *made], metadata)
