"""Messages per interval of time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis.summary import _FAILURE, _SUCCESS, Ints
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns

MOST_INTERVALS: Final = 5_000_000
"""How many intervals `throughput` makes at most."""


def throughput(frame: pd.DataFrame, freq: Any = "1s", prefix: str = "") -> pd.DataFrame:
    """Count messages and requests per interval, by the time their reply was there.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    freq : str or timedelta, default "1s"
        The length of an interval, as in ``"100ms"``, ``"1min"`` or ``"1h"``.
    prefix : str, default ""
        What stands before the names of the result columns.

    Returns
    -------
    pandas.DataFrame
        Index ``time`` (UTC, the start of each interval, without gaps); ``messages`` (int64, rows of which a request
        left), ``accepted`` and ``failed`` of them (int64), ``requests`` (int64) and ``per_second`` (float64, messages).
        A row counts in the interval in which its request ended, ``sent_at`` plus ``latency_ms``; rows that never left
        have neither and are not counted. Empty intervals are rows of zeros.

    Raises
    ------
    ColumnError
        The frame carries no results.
    ConfigError
        `freq` is no length of time, or makes more intervals than `MOST_INTERVALS`.

    Examples
    --------
    >>> sent = columns.empty(2).assign(status="Success", batch=[1, 2], latency_ms=20.0,
    ...                                sent_at=["2026-03-03 14:02:11", "2026-03-03 14:02:13"])
    >>> throughput(sent)["messages"].tolist()
    [1, 0, 1]
    """
    step = microseconds(freq)
    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"])
    results = results[results["sent_at"].notna()]
    ended = ended_us(results)
    first = int(ended.min()) // step if len(ended) else 0
    spots = ended // step - first
    total = int(spots.max()) + 1 if len(spots) else 0
    if total > MOST_INTERVALS:
        length = pd.Timedelta(total * step, "us")
        raise ConfigError(
            f"freq={named(freq)} makes {total:,} intervals of the {length} between the first and the last message. "
            "Take a longer one, as in freq='1h', or a part of the frame."
        )
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
    """The first row of each request in each interval."""
    batch = results["batch"].to_numpy(np.int64, na_value=-1)
    # Of two journals, requests may have one number; not one time as well.
    left = results["sent_at"].to_numpy("M8[us]").view(np.int64)
    new = np.ones(len(results), np.bool_)
    # The rows of a request mostly stand together: what is as the row before needs no search.
    new[1:] = (batch[1:] != batch[:-1]) | (left[1:] != left[:-1]) | (spots[1:] != spots[:-1])
    rows = np.flatnonzero(new & (batch >= 0))
    again = pd.DataFrame({"batch": batch[rows], "left": left[rows], "spot": spots[rows]}).duplicated()
    first: Ints = rows[~again.to_numpy()]
    return first


def ended_us(results: pd.DataFrame) -> Ints:
    """When the request of each row ended, in microseconds since the epoch; all rows have a `sent_at`."""
    left = results["sent_at"].to_numpy("M8[us]").view(np.int64)
    lasted = np.nan_to_num(results["latency_ms"].to_numpy(np.float64))
    ended: Ints = left + np.rint(lasted * 1000).astype(np.int64)
    return ended


def microseconds(freq: Any) -> int:
    """Read a length of time, in microseconds."""
    try:
        length = pd.Timedelta(f"1{freq}" if isinstance(freq, str) and freq[:1].isalpha() else freq)
        step = int(length // pd.Timedelta(1, "us"))
    except (ValueError, TypeError):
        step = 0
    if step < 1:
        raise ConfigError(
            f"freq={named(freq)} is no length of time. Give one as in freq='1s', '100ms', '1min' or '1h'."
        )
    return step
