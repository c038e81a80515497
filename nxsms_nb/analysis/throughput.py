"""Messages per interval of time."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis.summary import _FAILURE, _SUCCESS, Ints, counted
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named, span
from nxsms_nb.results import columns
from nxsms_nb.tables import Table

__all__ = ["curve", "microseconds", "round_interval", "throughput", "too_many"]

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


def throughput(frame: pd.DataFrame, freq: Any = None, prefix: str = "", *, weights: Ints | None = None) -> pd.DataFrame:
    """Count messages and requests per interval; the accessor's `throughput` documents it.

    `weights` say how many rows, all of one request, each row represents.

    Examples
    --------
    >>> sent = columns.empty(2).assign(status="Success", batch=[1, 2], latency_ms=20.0,
    ...                                sent_at=["2026-03-03 14:02:11", "2026-03-03 14:02:13"])
    >>> throughput(sent)["messages"].tolist()
    [1, 0, 1]
    """
    step = 0 if freq is None else microseconds(freq)
    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"])
    there = results["sent_at"].notna().to_numpy()
    results = results[there]
    weights = np.ones(len(results), np.int64) if weights is None else weights[there]
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
    messages = counted(spots, weights, total)
    result = Table(
        {
            "messages": messages,
            "accepted": counted(spots[status == _SUCCESS], weights[status == _SUCCESS], total),
            "failed": counted(spots[status == _FAILURE], weights[status == _FAILURE], total),
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


class Curve(NamedTuple):
    """A run over time, from its first request to its last reply.

    Attributes
    ----------
    edges : ndarray of float64
        Where intervals begin and the last one ends, in seconds from the first request.
    accepted, failed, others : ndarray of int64
        The messages of each interval.
    step : float
        The length of an interval in seconds. The last one is shorter or longer by up to a half: what is left of a run is
        no collapse of its pace.
    start : pandas.Timestamp
        When the first request left.
    took : float
        Seconds from there to the last reply.
    held : float or None
        The messages a second that the run kept to after its start; None where it did not keep to a pace.
    """

    edges: npt.NDArray[np.float64]
    accepted: Ints
    failed: Ints
    others: Ints
    step: float
    start: pd.Timestamp
    took: float
    held: float | None


def curve(results: pd.DataFrame, step: int | None) -> Curve:
    """Count messages over the time of a run, for a picture; in intervals of `step` microseconds.

    Without `step` there are at most some 80 intervals, and where there are few requests about four in each.
    """
    ended = ended_us(results)
    start = int(results["sent_at"].to_numpy("M8[us]").view(np.int64).min())
    took = int(ended.max()) - start
    if step is None:
        requests = max(results["batch"].nunique(), 1)
        step = microseconds(round_interval(max(took / 80, min(took / 12, 4 * took / requests)) / 1e6))
    total = max(1, round(took / step))
    if total > MOST_INTERVALS:
        raise too_many(f"{step}us", total, step, MOST_INTERVALS)
    edges = np.arange(total + 1, dtype=np.float64) * (step / 1e6)
    edges[-1] = (took or step) / 1e6
    spots = np.minimum((ended - start) // step, total - 1)
    status = results["status"].cat.codes.to_numpy()
    accepted, failed, others = (
        np.bincount(spots[rows], minlength=total)
        for rows in (status == _SUCCESS, status == _FAILURE, status > _FAILURE)
    )
    return Curve(
        edges,
        accepted,
        failed,
        others,
        step / 1e6,
        pd.Timestamp(start, unit="us", tz="UTC"),
        took / 1e6,
        _held(ended - start, took, results["batch"].nunique()),
    )


_PARTS: Final = 12
_STARTING: Final = 3
_STEADY: Final = 0.25


def _held(ended: Ints, took: int, requests: int) -> float | None:
    """Return the messages per second between a run's start and its end, if the rate is about constant."""
    if requests < 2 * _PARTS or took < _PARTS:
        return None
    parts = np.bincount(np.minimum(ended * _PARTS // took, _PARTS - 1), minlength=_PARTS)[_STARTING:-1]
    usual = float(np.median(parts))
    if usual == 0 or (np.abs(parts - usual) > _STEADY * usual).sum() > 2:
        return None
    return float(parts.mean()) * _PARTS / (took / 1e6)


def round_interval(least: float) -> pd.Timedelta:
    """Return the shortest round interval of at least so many seconds.

    Examples
    --------
    >>> round_interval(0.4), round_interval(200)
    (Timedelta('0 days 00:00:00.500000'), Timedelta('0 days 00:05:00'))
    """
    return next((step for step in _STEPS if step.total_seconds() >= least), _STEPS[-1])


def too_many(freq: Any, total: int, step: int, most: int) -> ConfigError:
    """Return the error for an interval too short for the time a frame spans, with a longer one to use."""
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
