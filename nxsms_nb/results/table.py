"""The result of each row: arrays during a run, columns of the frame afterwards.

The engine and the journal write through the same `Results.apply`, so that a frame and a journal agree.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, filled
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES

__all__ = [
    "FAILURE",
    "INVALID",
    "NO_TIME",
    "SKIPPED",
    "SUCCESS",
    "UNDECIDED",
    "UNKNOWN",
    "UNSENT",
    "ItemOutcome",
    "Outcome",
    "Results",
    "Rows",
    "among",
    "new",
]

SUCCESS, FAILURE, INVALID, UNKNOWN, UNSENT, SKIPPED = range(len(STATUSES))
UNDECIDED: Final = -1

NO_TIME: Final = int(np.iinfo(np.int64).min)
"""No time in `Results.sent_us`, as NumPy and pandas have it."""
_NO_CODE: Final = int(np.iinfo(np.int64).min)
"""No code in `Results._code`."""

Rows = npt.NDArray[np.int64]


def among(status: npt.NDArray[np.integer[Any]], *wanted: int) -> npt.NDArray[np.bool_]:
    """Return which statuses are among those wanted.

    Examples
    --------
    >>> among(np.array([UNDECIDED, SUCCESS, UNSENT], np.int8), SUCCESS, UNSENT).tolist()
    [False, True, True]
    """
    return functools.reduce(np.logical_or, [status == one for one in wanted])


class ItemOutcome(NamedTuple):
    """A row of a request whose outcome differs from the others'; `kept` is the reason as the journal may keep it."""

    offset: int
    status: int
    code: int | None
    reason: str | None
    kept: str | None


class Outcome(NamedTuple):
    """The outcome of one request for its rows; `exceptions` are the rows that differ.

    `status` is an index into `STATUSES`; `reason` holds no number and no word of anybody's message; `latency_ms` runs from
    sending to the end of the reply; `carried` is False where nothing was sent, which does not count as an attempt.
    """

    status: int
    code: int | None = None
    reason: str | None = None
    latency_ms: float = float("nan")
    carried: bool = True
    exceptions: Sequence[ItemOutcome] = ()


class Results:
    """The result columns of `n` rows, as arrays."""

    def __init__(self, n: int) -> None:
        self.status = np.full(n, UNDECIDED, np.int8)
        self.batch = filled(n, 0, np.int64)
        self.attempts = filled(n, 0, np.int64)
        self.sent_us = filled(n, NO_TIME, np.int64)
        self.latency_ms = filled(n, np.nan, np.float64)
        self._code = filled(n, _NO_CODE, np.int64)
        self._reason = filled(n, 0, np.int32)
        self._reasons: list[str | None] = [None]
        self._reason_numbers: dict[str | None, int] = {None: 0}

    def __len__(self) -> int:
        return len(self.status)

    def decide(self, rows: Any, status: int, code: int | None = None, reason: str | None = None) -> None:
        """Set status, code and reason of rows (an index or an array of them)."""
        self.status[rows] = status
        self._code[rows] = _NO_CODE if code is None else code
        self._reason[rows] = 0 if reason is None else self._number(reason)

    def skip(self, rows: Any, reason: str) -> None:
        """Mark rows as deliberately not sent; earlier attempts at them do not count."""
        self.decide(rows, SKIPPED, None, reason)
        self.batch[rows] = self.attempts[rows] = 0
        self.sent_us[rows] = NO_TIME
        self.latency_ms[rows] = np.nan

    def decide_each(self, rows: Rows, status: int, codes: Sequence[int | None], reasons: Sequence[str | None]) -> None:
        """Set one status, and a code and a reason of its own for each row."""
        self.status[rows] = status
        self._code[rows] = [_coded(code) for code in codes]
        self._reason[rows] = [self._number(reason) for reason in reasons]

    def apply(self, rows: Rows | slice, outcome: Outcome, *, batch: int, sent_us: int, partly: bool = False) -> None:
        """Record the outcome of one request, the journal's number `batch`, sent at `sent_us` since the epoch.

        `partly`: some of the rows are not ours; those are negative.
        """
        ours = rows
        if partly and not isinstance(rows, slice):
            ours = rows[rows >= 0]
        status, code, reason, latency_ms, carried, exceptions = outcome
        self.decide(ours, status, code, reason)
        if carried:
            self.batch[ours] = batch
            self.attempts[ours] += 1
            self.latency_ms[ours] = latency_ms
            self.sent_us[ours] = sent_us
        for offset, status, code, reason, _kept in exceptions:
            row = rows.start + offset if isinstance(rows, slice) else rows[offset]
            if row >= 0:
                self.decide(row, status, code, reason)

    def take_over(self, rows: Rows, other: Results, others: Rows) -> None:
        """Merge everything that another `Results` has for its rows `others`; attempts are added up."""
        for name in ("status", "batch", "sent_us", "latency_ms", "_code"):
            getattr(self, name)[rows] = getattr(other, name)[others]
        self.attempts[rows] += other.attempts[others]
        numbers = np.array([self._number(reason) for reason in other._reasons], np.int32)
        self._reason[rows] = numbers[other._reason[others]]

    def adopt(self, rows: Rows, earlier: pd.DataFrame) -> None:
        """Read rows of a frame's own results, as `columns.read` returns them."""
        self.status[rows] = earlier["status"].cat.codes.to_numpy()
        self._code[rows] = earlier["code"].to_numpy(np.int64, na_value=_NO_CODE)
        self.batch[rows] = earlier["batch"].to_numpy(np.int64, na_value=0)
        self.attempts[rows] = earlier["attempts"].to_numpy(np.int64, na_value=0)
        self.sent_us[rows] = earlier["sent_at"].dt.tz_localize(None).to_numpy("M8[us]").view(np.int64)
        self.latency_ms[rows] = earlier["latency_ms"].to_numpy()
        reasons = result_columns.to_arrow(earlier["reason"]).dictionary_encode()
        # A null comes last, where the place -1 picks it.
        numbers = np.array([self._number(reason) for reason in (*reasons.dictionary.to_pylist(), None)], np.int32)
        self._reason[rows] = numbers[reasons.indices.fill_null(-1).to_numpy()]

    def reason(self, row: int) -> str | None:
        """Return the reason of one row."""
        return self._reasons[int(self._reason[row])]

    def without_reason(self, rows: Rows) -> Rows:
        """Return the rows that have no reason."""
        quiet: Rows = rows[self._reason[rows] == 0]
        return quiet

    def code(self, row: int) -> int | None:
        """Return the code of one row."""
        code = int(self._code[row])
        return None if code == _NO_CODE else code

    def _number(self, reason: str | None) -> int:
        number = self._reason_numbers.get(reason)
        if number is None:
            number = self._reason_numbers[reason] = len(self._reasons)
            self._reasons.append(reason)
        return number

    def join(self, frame: pd.DataFrame, messageids: pa.Array, prefix: str = "", *, last: bool = False) -> pd.DataFrame:
        """Join the result columns onto a frame of as many rows; those of an earlier run are replaced.

        `last`: these results are not needed afterwards, so that their arrays become the frame's own instead of being copied.
        """
        if not last:
            return self._copied().join(frame, messageids, prefix, last=True)
        self.status[self.status == UNDECIDED] = UNSENT
        no_id = (self.status == INVALID) | (self.status == SKIPPED)
        ids = messageids
        if no_id.any():
            ids = pc.if_else(pa.array(~no_id), ids, pa.scalar(None, ids.type))
        columns = {
            "messageid": result_columns.from_arrow(ids, result_columns.TEXT),
            "status": pd.Categorical.from_codes(self.status, dtype=result_columns.STATUS),
            "code": pd.arrays.IntegerArray(self._code, self._code == _NO_CODE),
            "reason": result_columns.from_arrow(self.reasons(), result_columns.TEXT),
            "batch": pd.arrays.IntegerArray(self.batch, self.batch == 0),
            "attempts": pd.arrays.IntegerArray(self.attempts, np.zeros(len(self), bool)),
            "sent_at": pd.DatetimeIndex(self.sent_us, dtype="datetime64[us, UTC]", copy=False),
            "latency_ms": self.latency_ms,
        }
        labels = [prefix + name for name in RESULT_COLUMNS]
        result = pd.DataFrame(
            {
                label: pd.Series(columns[name], index=frame.index, copy=False)
                for label, name in zip(labels, columns, strict=True)
            },
            index=frame.index,
            copy=False,
        )
        kept = delivery.forget(frame, _other_messages(frame, ids, prefix), prefix)
        kept = kept.drop(columns=[label for label in labels if label in frame.columns])
        joined = result_columns.append_columns(kept, result)
        joined.attrs = deepcopy(frame.attrs)
        return joined

    def _copied(self) -> Results:
        # The numbers before the reasons, which a run in progress only adds to.
        other = Results(0)
        for name in ("status", "batch", "attempts", "sent_us", "latency_ms", "_code", "_reason"):
            setattr(other, name, getattr(self, name).copy())
        other._reasons = list(self._reasons)
        return other

    def reasons(self) -> pa.Array:
        """Return the reasons of all rows, null where there is none."""
        if not self._reason.any():
            return _nulls(len(self))
        return pa.array(self._reasons, pa.large_string()).take(pa.array(self._reason))


def new(frame: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Drop the result columns of a sent frame, and with them its receipts; see ``df.nxsms.new``.

    Examples
    --------
    >>> new(result_columns.empty(1).assign(phone="8615088888888")).columns.to_list()
    ['phone']
    """
    if not result_columns.carries(frame, prefix, gaps=True):
        if others := [other for other in result_columns.prefixes(frame) if other != prefix]:
            raise ColumnError(
                f"The frame carries no results under prefix={named(prefix)}, but it does under {named(others[0])}. To drop those: "
                f"df.nxsms.new(prefix={named(others[0])})"
            )
        return frame.copy()
    # A receipt is about the message that was sent; the new one has not arrived.
    kept = delivery.drop(frame, prefix).drop(columns=[prefix + name for name in RESULT_COLUMNS])
    kept.attrs = {key: value for key, value in frame.attrs.items() if key != "nxsms"}
    return kept


def _coded(code: int | None) -> int:
    return _NO_CODE if code is None else code


def _other_messages(frame: pd.DataFrame, ids: pa.Array, prefix: str) -> npt.NDArray[np.bool_]:
    """Return the rows whose earlier results, if any, belong to other messages."""
    if not delivery.carries(frame, prefix):
        return np.zeros(len(frame), np.bool_)
    if not result_columns.carries(frame, prefix, gaps=True):
        return np.ones(len(frame), np.bool_)
    earlier = result_columns.read(frame, prefix, columns=["messageid"], gaps=True)["messageid"]
    return ~as_mask(pc.equal(result_columns.to_arrow(earlier), ids))


def _nulls(n: int) -> pa.Array:
    """Make null texts, as `pyarrow.nulls` does, in memory that the system provides only when it is written to."""
    valid, offsets = np.zeros(-(-n // 8), np.uint8), np.zeros(n + 1, np.int64)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(b""), pa.py_buffer(valid), n)
