"""Messages per interval of time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis.summary import _FAILURE, _SUCCESS, Ints
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named, span
from nxsms_nb.results import columns

__all__ = ["ended_us", "microseconds", "round_interval", "throughput", "too_many"]

MOST_INTERVALS: Final = 1_000_000
"""The most intervals that `throughput` makes: eleven days in seconds."""

_STEPS: Final = tuple(
    pd.Timedelta(step)
    for step in (
        *("10ms", "20ms", "50ms", "100ms", "200ms", "500ms", "1s", "2s", "5s", "10s", "15s", "30s"),
        *("1min", "2min", "5min", "10min", "15min", "30min", "1h", "2h", "6h", "12h", "1D", "7D", "30D", "365D"),
    )
)
_SECOND: Final = pd.Timedelta("1s")
_ROWS: Final = 600


def throughput(frame: pd.DataFrame, freq: Any = None, prefix: str = "") -> pd.DataFrame:
    """Count messages and requests per interval; the accessor's `throughput` documents it.

    Examples
    --------
    >>> sent = columns.empty(2).assign(status="Success", batch=[1, 2], latency_ms=20.0,
    ...                                sent_at=["2026-03-03 14:02:11", "2026-03-03 14:02:13"])
    >>> throughput(sent)["messages"].tolist()
    [1, 0, 1]
    """
    step = 0 if freq is None else microseconds(freq)
    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"])
    results = results[results["sent_at"].notna()]
    ended = ended_us(results)
    if freq is None:
        seconds = (int(ended.max()) - int(ended.min())) / 1e6 if len(ended) else 0.0
        step = microseconds(max(round_interval(seconds / _ROWS), _SECOND))
    first = int(ended.min()) // step if len(ended) else 0
    spots = ended // step - first
    total = int(spots.max()) + 1 if len(spots) else 0
    if total > MOST_INTERVALS:
        raise too_many(freq, total, step, MOST_INTERVALS)
    status = results["status"].cat.codes.to_numpy()
    requests = _first_rows(results, spots)
    messages = np.bincount(spots, minlength=total)
    result = pd.DataFrame(
        {
            "messages": messages,
            "accepted": np.bincount(spots[status == _SUCCESS], minlength=total),
            "failed": np.bincount(spots[status == _FAILURE], minlength=total),
            "requests": np.bincount(spots[requests], minlength=total),
            "per_second": messages / (step / 1e6),
        },
        index=pd.DatetimeIndex(((np.arange(total) + first) * step).view("M8[us]"), name="time").tz_localize("UTC"),
    )
    result.attrs = dict(frame.attrs)
    return result


def _first_rows(results: pd.DataFrame, spots: Ints) -> Ints:
    """Mark the first row of each request in each interval."""
    batch = results["batch"].to_numpy(np.int64, na_value=-1)
    # Requests of two journals may share a number, but not also a time.
    left = results["sent_at"].to_numpy("M8[us]").view(np.int64)
    new = np.ones(len(results), np.bool_)
    # A request's rows are mostly consecutive: rows like the one before need no search.
    new[1:] = (batch[1:] != batch[:-1]) | (left[1:] != left[:-1]) | (spots[1:] != spots[:-1])
    rows = np.flatnonzero(new & (batch >= 0))
    again = pd.DataFrame({"batch": batch[rows], "left": left[rows], "spot": spots[rows]}).duplicated()
    first: Ints = rows[~again.to_numpy()]
    return first


def ended_us(results: pd.DataFrame) -> Ints:
    """Return when the request of each row ended, in microseconds since the epoch; all rows have a `sent_at`."""
    left = results["sent_at"].to_numpy("M8[us]").view(np.int64)
    lasted = np.nan_to_num(results["latency_ms"].to_numpy(np.float64))
    ended: Ints = left + np.rint(lasted * 1000).astype(np.int64)
    return ended


def round_interval(least: float) -> pd.Timedelta:
    """Return the shortest interval that people count in of at least so many seconds.

    Examples
    --------
    >>> round_interval(0.4), round_interval(200)
    (Timedelta('0 days 00:00:00.500000'), Timedelta('0 days 00:05:00'))
    """
    return next((step for step in _STEPS if step.total_seconds() >= least), _STEPS[-1])


def too_many(freq: Any, total: int, step: int, most: int) -> ConfigError:
    """Say that an interval is too short for the time a frame spans, and suggest a longer one."""
    seconds = total * step / 1e6
    fits = round_interval(seconds / min(most, _ROWS))
    return ConfigError(
        f"freq={named(freq)} makes {total:,} intervals of the {span(seconds)} between the first and the last message, "
        f"and at most {most:,} are of use here. Take a longer one, as in freq={_spelled(fits)!r}, leave freq= out, or take a "
        "part of the frame."
    )


def _spelled(step: pd.Timedelta) -> str:
    for unit, seconds in (("D", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if step.total_seconds() >= seconds:
            return f"{step.total_seconds() / seconds:.0f}{unit}"
    return f"{step.total_seconds() * 1000:.0f}ms"


def microseconds(freq: Any) -> int:
    """Read a length of time, in microseconds."""
    try:
        length = pd.Timedelta(f"1{freq}" if isinstance(freq, str) and freq[:1].isalpha() else freq)
        step = int(length // pd.Timedelta(1, "us"))
    except (ValueError, TypeError):
        step = 0
    if step < 1:
        raise ConfigError(
            f"freq={named(freq)} is not a valid interval. Give one, as in freq='1s', '100ms', '1min' or '1h'."
        )
    return step
