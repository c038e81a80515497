"""A sent frame as an Excel workbook that comes back as a sent frame."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from nxsms_nb.analysis.failures import failures
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.filetypes import workbooks
from nxsms_nb.filetypes.kinds import kind_of
from nxsms_nb.given import path_as_given
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import LABELS
from nxsms_nb.wire.fields import FIELDS

__all__ = ["digits_columns", "status_rows", "to_excel", "zone_rows"]

_DIGITS: Final = frozenset({"phone", "sys_message_id", "source_address", "ext"})
"""Fields whose digits are identifiers, not numbers."""


def to_excel(
    frame: pd.DataFrame, path: str | os.PathLike[str], prefix: str = "", *, phone: Hashable | None = None
) -> None:
    """Write a sent frame as a workbook; see ``df.nxsms.to_excel``."""
    if frame.columns.nlevels > 1:
        raise ColumnError(
            "The frame's columns have several levels, which a sheet cannot keep. Join them first: "
            "df.columns = df.columns.map('_'.join)"
        )
    statuses = columns.read(frame, prefix, columns=["status"], gaps=True)["status"]
    target = _target(path_as_given(path))
    named = [name for name in frame.index.names if name is not None]
    data = frame.reset_index(level=named, allow_duplicates=True) if named else frame
    workbooks.check_size(*data.shape, "The frame")
    writer = workbooks.Writer(list(data.columns), digits_columns(prefix, phone))
    writer.write(data)
    writer.summary(
        [
            *status_rows(statuses.value_counts().to_dict(), len(frame)),
            *_failed(failures(frame[statuses.notna()], prefix=prefix)),
            *zone_rows(writer.zones),
            *([(), _SIMULATED] if columns.from_sandbox(frame) else []),
        ]
    )
    _save(writer, target)


def digits_columns(prefix: str = "", phone: Hashable | None = None) -> set[Hashable]:
    """Return the columns of phones and ids, whose digits a sheet must not treat as numbers."""
    fields = {name for field in FIELDS if field.name in _DIGITS for name in (field.name, field.wire)}
    return {*fields, f"{prefix}messageid", *([] if phone is None else [phone])}


_SIMULATED: Final = ("simulated", "These are results of the sandbox: no message was really sent.")


def status_rows(counts: Mapping[Any, int], rows: int) -> Iterator[Sequence[Any]]:
    """Return rows of the summary sheet that count the data's rows by status."""
    yield "rows", rows
    yield from ((label, int(counts.get(status, 0))) for status, label in LABELS.items())
    if without := rows - sum(counts.values()):
        yield "not sent yet, without a status", int(without)


def zone_rows(zones: Mapping[Any, str]) -> Iterator[Sequence[Any]]:
    """Return rows of the summary sheet with the time zone of each column of times, which a cell cannot hold."""
    if zones:
        yield ()
        yield "column of times", "time zone"
        yield from zones.items()


def _failed(failed: pd.DataFrame) -> Iterator[Sequence[Any]]:
    if len(failed):
        yield ()
        yield "code", "refused by the gateway", "refused before sending", "meaning", "what to do"
        for row in failed.to_dict("records"):
            code = None if pd.isna(row["code"]) else int(row["code"])
            yield code, int(row["count"]), int(row["invalid"]), str(row["meaning"]), str(row["advice"])


def _target(path: Path) -> Path:
    kind_of(path, (".xlsx",))
    if path.is_dir():
        raise ConfigError(f"{path} is a folder. Name a file.")
    if not path.parent.is_dir():
        raise ConfigError(f"The folder {path.parent} does not exist. Create it first.")
    return Path(os.path.realpath(path))  # a link stays one


def _save(writer: workbooks.Writer, target: Path) -> None:
    """Write to a temporary file and replace the target once it is complete."""
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                writer.save(file)
            # The mode of any new file; an existing file keeps its own.
            part.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_mask())
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(f"{target} cannot be written ({why}). If it is open in Excel, close it there.") from error


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
