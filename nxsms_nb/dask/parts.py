"""The folder of a call's results: one Parquet file for each partition, each there as a whole or not at all."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import dask.dataframe as dd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb._arrow import TEXT, flat
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import count, named
from nxsms_nb.given import path_as_given
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.results.table import UNDECIDED

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.dask.schemas import ColumnTypes
    from nxsms_nb.journal.journal import Journal

_NAME: Final = re.compile(r"part-([0-9]{5,})\.parquet")
_UNFINISHED: Final = re.compile(r"\.part-[0-9]{5,}\.parquet\.[0-9]+")
_OF_SYSTEMS: Final = frozenset({"Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "__MACOSX", "lost+found"})
"""What systems put into folders by themselves, besides hidden files."""
_ROWS: Final = 200_000
_WENT: Final = ("Success", "Failure", "Unknown")


class Parts:
    """The files ``part-00000.parquet`` … of a frame with so many partitions, in a folder that has nothing else."""

    def __init__(self, to: Any, partitions: int, prefix: str = "") -> None:
        if not isinstance(to, (str, PathLike)) or "://" in str(to) or not str(to):
            raise ConfigError(
                f"to={named(to)} is not a folder of this machine. Name the one for the results, as in to='results/spring'."
            )
        try:
            self.folder = Path(os.path.realpath(path_as_given(to)))
            # Arrow opens no other.
            str(self.folder).encode()
        except ValueError as error:
            raise ConfigError(
                f"to={str(to)!r} cannot be used ({error}). Nothing was sent. Name another folder."
            ) from None
        if any(sign in str(self.folder) for sign in "*?["):
            raise ConfigError(
                f"to={str(to)!r} has *, ? or [, which Dask takes for a pattern. Nothing was sent. Name another folder."
            )
        self._named = str(to)
        self.partitions = partitions
        self._prefix = prefix
        self._begin()

    def _begin(self) -> None:
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise ConfigError(f"to={self._named!r} is a file. Name a folder for the results.")
            self.folder.mkdir(parents=True, exist_ok=True)
            names = sorted(path.name for path in self.folder.iterdir())
        except OSError as error:
            raise ConfigError(f"to={self._named!r} cannot be used ({error.strerror}). Nothing was sent.") from error
        if not os.access(self.folder, os.W_OK):
            raise ConfigError(f"to={self._named!r} is write-protected. Nothing was sent. Name another folder.")
        foreign = [name for name in names if not _NAME.fullmatch(name) and name[0] != "." and name not in _OF_SYSTEMS]
        if foreign:
            raise ConfigError(
                f"to={self._named!r} holds {named(foreign[0])}, which is no result of this call. Nothing was sent. Name a new folder, or "
                "one that only this call has written."
            )
        beyond = [name for name in names if (at := _NAME.fullmatch(name)) and int(at[1]) >= self.partitions]
        if beyond:
            raise ConfigError(
                f"to={self._named!r} holds {beyond[-1]}, and the frame has {count(self.partitions, 'partition')}: these are results of "
                "another frame, or of other partitions of this one. Nothing was sent. Name a new folder."
            )
        for name in names:
            if _UNFINISHED.fullmatch(name):
                (self.folder / name).unlink(missing_ok=True)

    def existing(self) -> list[Path]:
        """Return the files that are there, in order."""
        paths = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(paths, key=lambda path: int(path.stem.removeprefix("part-")))

    def refuse_unknown(self, journal: Journal, campaign: str) -> None:
        """Refuse to go on where files there hold results that the journal does not know: it would send those rows again."""
        for path in self.existing():
            for ids in self._sent_ids(path):
                unknown = journal.known(ids, campaign).status == UNDECIDED
                if unknown.any():
                    raise JournalError(
                        f"{path} has {count(int(unknown.sum()), 'result')} that {journal!r} does not know in the campaign "
                        f"{named(campaign)}: they are of another campaign, account or journal, or the journal was lost. Nothing was sent. "
                        "Name the journal and the campaign that they were sent with, or a new folder: to=…"
                    )

    def _sent_ids(self, path: Path) -> Iterator[pa.Array]:
        names = [f"{self._prefix}{name}" for name in ("messageid", "status")]
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS, columns=names):
                    ids, status = (flat(batch.column(name)) for name in names)
                    went = np.isin(np.asarray(status.to_pandas(), object), _WENT)
                    yield ids.cast(TEXT).filter(pa.array(went)).drop_null()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise ConfigError(
                f"{path} is not a file of results ({error}). Nothing was sent. Remove it, or name a new folder: to=…"
            ) from None

    def write(self, number: int, sent: pd.DataFrame, columns: ColumnTypes) -> None:
        """Write a partition's results; the file there, if any, is replaced by a complete one."""
        name = f"part-{number:05d}.parquet"
        try:
            table = columns.cast(pa.Table.from_pandas(sent, preserve_index=True))
        except pa.ArrowException as error:
            raise ConfigError(
                f"{self.folder / name} cannot be written, since its columns are not like those of other partitions ({error}). The journal "
                "knows what was sent: give each column one type, ddf.astype({…: …}), and the same call goes on in a new folder."
            ) from error
        unfinished = self.folder / f".{name}.{os.getpid()}"
        try:
            with unfinished.open("wb") as file:
                pq.write_table(table, file, **self._layout(table.schema))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.folder / name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ConfigError(
                f"{self.folder / name} cannot be written ({error.strerror or error}). The journal knows what was sent: the same call "
                "goes on when there is room."
            ) from error

    def _layout(self, schema: pa.Schema) -> dict[str, Any]:
        """Choose how each column is kept: in the least time without needing more room."""
        ids, reason = f"{self._prefix}messageid", f"{self._prefix}reason"
        results, index = {f"{self._prefix}{name}" for name in RESULT_COLUMNS}, schema.pandas_metadata["index_columns"]
        text = {one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_large_string(one.type)}
        # Texts and an index hardly repeat, and results are so alike that compressing them suffices.
        few = [
            one.name for one in schema if pa.types.is_dictionary(one.type) or one.name not in {*text, *index, *results}
        ]
        return {
            # Ids have nothing to compress.
            "compression": {name: "none" if name == ids else "lz4" for name in schema.names},
            "use_dictionary": [*few, reason],
            # Of an index they are its divisions.
            "write_statistics": [name for name in schema.names if name in index or name not in text],
        }

    def frame(self, *, divisions: bool = False) -> Any:
        """Return what is written as one frame; None where nothing is."""
        # By name: of a folder Dask reads what a Mac leaves beside each file, too.
        paths = [str(path) for path in self.existing()]
        if not paths:
            return None
        with warnings.catch_warnings():
            # Dask's own, about what its next release will do.
            warnings.simplefilter("ignore", DeprecationWarning)
            return dd.read_parquet(paths, calculate_divisions=divisions)


class PartWriter:
    """Writes parts in a thread of its own, one at a time, while the next partition is sent."""

    def __init__(self, parts: Parts, columns: ColumnTypes) -> None:
        self._parts, self._columns = parts, columns
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nxsms-parts")
        self._last: Future[None] | None = None

    def put(self, number: int, sent: pd.DataFrame) -> None:
        """Write a part when the one before is written."""
        self.wait()
        self._last = self._thread.submit(self._parts.write, number, sent, self._columns)

    def wait(self) -> None:
        """Wait until all is written."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(wait=True)
