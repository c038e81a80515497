"""A file of recipients sent chunk by chunk into a file of results: ``python -m nxsms_nb send in.parquet out.parquet``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb.errors import ConfigError, Stopped
from nxsms_nb.fields import STATUSES
from nxsms_nb.streaming import send_stream

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.settings import Sending

ROWS: Final = 50_000
"""Rows of a chunk: a few tens of megabytes with their results."""


def send_file(
    source: Path, target: Path, client: Client | None = None, *, rows: int = ROWS, **given: Unpack[Sending]
) -> dict[str, int]:
    """Send a Parquet or CSV file, chunk by chunk, and write it again with what became of each row.

    Parameters
    ----------
    source, target : Path
        Files ending in ``.parquet`` or ``.csv``. What is written appears under its name when all of it is there; after a
        stop it holds the rows up to the stop. Run the same call again to go on: what went out does not go out twice.
    client : Client, optional
        The account; None: `Client.from_env`.
    rows : int, default 50,000
        Rows held at a time.
    **given
        As for `send_stream`.

    Returns
    -------
    dict of str to int
        Status to rows.

    Raises
    ------
    ConfigError
        A file is of another kind, is not there, or would overwrite the source.
    Stopped
        As for `send`.

    Examples
    --------
    >>> import tempfile, nxsms_nb as nx
    >>> with tempfile.TemporaryDirectory() as folder, nx.Sandbox(seed=7) as sandbox:
    ...     source = Path(folder) / "in.csv"
    ...     _ = source.write_text("phone,content" + chr(10) + "8615088888888,Hi" + chr(10))
    ...     send_file(source, Path(folder) / "out.csv", sandbox.client, campaign="spring", progress="silent")
    {'Success': 1}
    """
    for path in (source, target):
        if path.suffix not in (".parquet", ".csv"):
            raise ConfigError(f"{path} is neither a .parquet nor a .csv file.")
    if not source.exists():
        raise ConfigError(f"{source} does not exist.")
    if target.exists() and target.samefile(source):
        raise ConfigError(f"{target} is the source itself. Name another file.")
    counts: Counter[str] = Counter()
    part = target.with_name(f"{target.name}.part")
    writer = _Parquet(part) if target.suffix == ".parquet" else _Csv(part)
    try:
        for sent in send_stream(_chunks(source, rows), client, **given):
            counts.update(_counted(sent, given))
            writer.write(sent)
    except Stopped as stopped:
        if stopped.frame is not None:
            counts.update(_counted(stopped.frame, given))
            writer.write(stopped.frame)
        raise
    finally:
        writer.close()
        if part.exists():
            os.replace(part, target)  # noqa: PTH105  atomic, and said so
    return {status: counts[status] for status in STATUSES if counts[status]}


def _counted(sent: pd.DataFrame, given: Sending) -> dict[str, int]:
    return {str(status): int(n) for status, n in sent[given.get("prefix", "") + "status"].value_counts().items()}


def _chunks(source: Path, rows: int) -> Iterator[Any]:
    if source.suffix == ".csv":
        # Text as it stands in the file: numbers read as floats lose digits.
        yield from pd.read_csv(source, chunksize=rows, dtype=str, keep_default_na=False, na_values=[""])
        return
    with pq.ParquetFile(source) as file:
        yield from file.iter_batches(batch_size=rows)


class _Csv:
    """Writes frames into one CSV file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self._path, mode="a" if self._begun else "w", header=not self._begun, index=False)
        self._begun = True

    def close(self) -> None:
        """Nothing is held open."""


class _Parquet:
    """Writes frames into one Parquet file, a row group each; the first one's types hold for all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, frame: pd.DataFrame) -> None:
        status = frame.select_dtypes("category").columns
        plain = frame.assign(**{label: frame[label].astype(str) for label in status})
        if self._writer is None:
            schema = pa.Schema.from_pandas(plain, preserve_index=False)
            whole = [field.with_type(pa.large_string()) if pa.types.is_null(field.type) else field for field in schema]
            self._writer = pq.ParquetWriter(self._path, pa.schema(whole, schema.metadata))
        self._writer.write_table(pa.Table.from_pandas(plain, schema=self._writer.schema, preserve_index=False))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
