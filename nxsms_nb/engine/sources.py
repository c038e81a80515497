"""The source of a stream's frames, with its number of rows if that is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nxsms_nb.errors import ConfigError

if TYPE_CHECKING:
    from nxsms_nb.rows.report import ValidationReport

__all__ = ["ALL_WARNINGS", "Measured", "Part", "source_of"]

ALL_WARNINGS: Final = "df.nxsms.validate().warnings"
_ROWS: Final = 50_000


class Measured(ABC):
    """A source of known length whose frames can be read more than once.

    `all_warnings` is the call that lists their warnings.

    `distinct` says that no two of its frames have rows of one key, but for those that a `Part` knows as repeats.
    """

    all_warnings: str = ALL_WARNINGS
    distinct: bool = False

    def __init__(self, rows: int) -> None:
        self.rows = rows

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Begin again with the first frame."""


@dataclass(frozen=True)
class Part:
    """A frame of a source that was checked beforehand, as `validate.report_on` does."""

    report: ValidationReport


class _Frames(Measured):
    def __init__(self, frames: Sequence[Any]) -> None:
        super().__init__(sum(len(frame) for frame in frames))
        self._frames = frames

    def __iter__(self) -> Iterator[Any]:
        return iter(self._frames)


class _ParquetRows(Measured):
    def __init__(self, file: pq.ParquetFile) -> None:
        super().__init__(file.metadata.num_rows)
        self._file = file

    def __iter__(self) -> Iterator[Any]:
        return self._file.iter_batches(batch_size=_ROWS)  # type: ignore[no-any-return]


def source_of(frames: Any) -> Iterable[Any]:
    """Read what a stream was given as an iterable of frames, `Measured` where its length is known.

    What is neither frames nor a frame raises `ConfigError`.

    Examples
    --------
    >>> source_of([pd.DataFrame({"phone": ["8615088888888"]})]).rows
    1
    """
    if isinstance(frames, pq.ParquetFile):
        return _ParquetRows(frames)
    if isinstance(frames, Measured):
        return frames
    if _is_frame(frames):
        # Iterating over a frame yields its columns.
        return _Frames([frames])
    # Whatever else has a length may be readable only once (a progress bar around a generator), or costly to read.
    if isinstance(frames, (list, tuple)) and all(hasattr(frame, "__len__") for frame in frames):
        return _Frames(frames)
    if isinstance(frames, Iterable) and not isinstance(frames, (str, bytes)):
        return frames
    raise ConfigError(
        f"frames={type(frames).__name__} is not an iterable of frames. Give chunks, as in "
        "send_stream(pd.read_csv(path, dtype=str, chunksize=50_000), client, campaign='spring')."
    )


def _is_frame(frames: Any) -> bool:
    if isinstance(frames, (pd.DataFrame, pa.Table, pa.RecordBatch)):
        return True
    return hasattr(frames, "__arrow_c_stream__") and not isinstance(frames, pa.RecordBatchReader)
