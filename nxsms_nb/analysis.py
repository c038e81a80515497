"""What became of a sent frame, as tidy frames.

Rates are over Success and Failure, the rows the gateway answered; the others are shown beside them, never mixed in.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb import causes, groups, records
from nxsms_nb.display import named
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.fields import STATUSES

LABELS: Final = {
    "Success": "accepted",
    "Failure": "refused by the gateway",
    "Invalid": "refused before sending",
    "Unknown": "in doubt",
    "Unsent": "not sent yet",
    "Skipped": "left out on purpose",
}
"""What a status is called where people read."""

MOST_INTERVALS: Final = 5_000_000
"""How many intervals `throughput` makes at most."""

_SUCCESS, _FAILURE = STATUSES.index("Success"), STATUSES.index("Failure")
_CAUSE: Final = ("code", "meaning", "scope", "advice", "count", "share", "invalid", "unsent")
_GROUP: Final = ("answered", "failed", "rate")
TAKEN: Final = frozenset({*_GROUP, *_CAUSE})
"""Names that no group may have, because columns of `failures` have them."""

Ints = npt.NDArray[np.int64]


def summary(frame: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Count the rows of each status.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    prefix : str, default ""
        What stands before the names of the result columns.

    Returns
    -------
    pandas.DataFrame
        One row for each of the six statuses, in their order: ``status`` (categorical), ``label`` (str, what the status
        is called where people read), ``count`` (int64; they add up to the rows of the frame) and ``share`` (float64:
        of the rows the gateway answered, for Success and Failure; NaN for the others).

    Raises
    ------
    ColumnError
        The frame carries no results.

    Examples
    --------
    >>> sent = records.empty(4).assign(status=["Success", "Success", "Failure", "Invalid"])
    >>> summary(sent).set_index("status").loc["Failure", "share"].round(3)
    np.float64(0.333)
    """
    statuses = records.read(frame, prefix, columns=["status"])["status"]
    counts = np.bincount(statuses.cat.codes, minlength=len(STATUSES)).astype(np.int64)
    answered = counts[_SUCCESS] + counts[_FAILURE]
    share = np.full(len(STATUSES), np.nan)
    if answered:
        share[[_SUCCESS, _FAILURE]] = counts[[_SUCCESS, _FAILURE]] / answered
    told = pd.DataFrame(
        {
            "status": pd.Categorical(list(STATUSES), dtype=records.STATUS),
            "label": pd.Series([LABELS[status] for status in STATUSES], dtype=records.TEXT),
            "count": counts,
            "share": share,
        }
    )
    told.attrs = dict(frame.attrs)
    return told


def failures(
    frame: pd.DataFrame,
    by: groups.Labels = None,
    *,
    prefix: str = "",
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: str | None = None,
) -> pd.DataFrame:
    """Tell why rows failed: one row for each code, or for each group and code.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    by : hashable or list of hashable, optional
        Columns of the frame, or what is derived from its rows: ``"country"`` of the phone, ``"length"`` of the content
        in characters, its ``"segments"`` and ``"encoding"``, ``"hour"`` of the day in UTC. A column of the frame goes
        before a derived one of its name.
    prefix : str, default ""
        What stands before the names of the result columns.
    phone, content : hashable, optional
        The columns that hold them, if not ``phone`` and ``content``; only derived groups need them.
    region : str, optional
        The country of phones written without a country code, as in ``send``; only derived groups need it.

    Returns
    -------
    pandas.DataFrame
        ``code`` (Int64), ``meaning`` (str; the gateway's text, numbers masked, where there is no code), ``scope`` and
        ``advice`` (str), ``count`` (int64, failed rows), ``share`` (float64, of the answered rows), and beside them
        ``invalid`` (int64, rows refused by validation under the same code) and ``unsent`` (int64, rows that did not
        leave because of it). Most frequent first.
        With `by`, its columns stand in front, then ``answered``, ``failed`` (int64) and ``rate`` (float64) of the
        group, and ``share`` is of the group's answered rows. Every group is there: one without failures has one row
        without a code. Missing values are a group. Groups come in their own order where they have one, as numbers and
        times do, else with most failures first.

    Raises
    ------
    ColumnError
        The frame carries no results, or a column is missing, ambiguous or named like one of the result.

    Examples
    --------
    >>> sent = records.empty(4).assign(status=["Success", "Failure", "Failure", "Invalid"], code=[0, 13005, 13009, 13005])
    >>> failures(sent)[["code", "count", "share", "invalid"]].values.tolist()
    [[13005, 1, 0.3333333333333333, 1], [13009, 1, 0.3333333333333333, 0]]
    """
    asked = groups.Asked(prefix, phone, content, region)
    return grouped(frame, by, asked).frame


class Grouped(NamedTuple):
    """Failures by group, and what a picture of them needs beside.

    Attributes
    ----------
    frame : pandas.DataFrame
        What `failures` gives.
    numbers : ndarray of int64
        The group of each row of it, from 0 in the order of the rows.
    labels : list of hashable
        The columns of the groups.
    natural : bool
        Whether the groups have an order of their own.
    """

    frame: pd.DataFrame
    numbers: Ints
    labels: list[Hashable]
    natural: bool


def grouped(frame: pd.DataFrame, by: groups.Labels, asked: groups.Asked) -> Grouped:
    """Same as `failures`, but with what a picture needs beside."""
    told = records.read(frame, asked.prefix, columns=["status", "code", "reason"])
    found = groups.of(frame, by, asked)
    labels: list[Hashable] = list(found.keys.columns)
    taken = [label for label in labels if label in TAKEN]
    if taken:
        raise ColumnError(
            f"by={taken[0]!r} has the name of a column of the result. Rename it: "
            f"frame.rename(columns={{{taken[0]!r}: 'my_{taken[0]}'}})"
        )
    status = told["status"].cat.codes.to_numpy()
    total = len(found.keys)
    answered = np.bincount(found.ids[status <= _FAILURE], minlength=total)
    failed = np.bincount(found.ids[status == _FAILURE], minlength=total)
    cause = causes.count(told, found.ids, total if by is not None else 0)
    group = cause["group"].to_numpy(np.int64)
    share = _over(cause["count"].to_numpy(np.float64), answered[group])
    rates = {"answered": answered[group], "failed": failed[group], "rate": _over(failed, answered)[group]}
    result = pd.concat(
        [
            found.keys.iloc[group].reset_index(drop=True),
            pd.DataFrame({} if by is None else rates, index=cause.index),
            causes.explained(cause).assign(share=share)[list(_CAUSE)],
        ],
        axis=1,
    )
    rank = np.arange(total) if found.natural else np.argsort(np.argsort(-failed, kind="stable"), kind="stable")
    order = np.lexsort((result["code"].fillna(0), -result["invalid"], -result["count"], rank[group]))
    result = result.iloc[order].reset_index(drop=True)
    result.attrs = dict(frame.attrs)
    return Grouped(result, rank[group][order].astype(np.int64), labels, found.natural)


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
    >>> sent = records.empty(2).assign(status="Success", batch=[1, 2], latency_ms=20.0,
    ...                                sent_at=["2026-03-03 14:02:11", "2026-03-03 14:02:13"])
    >>> throughput(sent)["messages"].tolist()
    [1, 0, 1]
    """
    step = microseconds(freq)
    told = records.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"])
    told = told[told["sent_at"].notna()]
    ended = ended_us(told)
    first = int(ended.min()) // step if len(ended) else 0
    spots = ended // step - first
    total = int(spots.max()) + 1 if len(spots) else 0
    if total > MOST_INTERVALS:
        length = pd.Timedelta(total * step, "us")
        raise ConfigError(
            f"freq={named(freq)} makes {total:,} intervals of the {length} between the first and the last message. "
            "Take a longer one, as in freq='1h', or a part of the frame."
        )
    status = told["status"].cat.codes.to_numpy()
    requests = _first_rows(told, spots)
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


def _first_rows(told: pd.DataFrame, spots: Ints) -> Ints:
    """The first row of each request in each interval."""
    batch = told["batch"].to_numpy(np.int64, na_value=-1)
    # Of two journals, requests may have one number; not one time as well.
    left = told["sent_at"].to_numpy("M8[us]").view(np.int64)
    new = np.ones(len(told), np.bool_)
    # The rows of a request mostly stand together: what is as the row before needs no search.
    new[1:] = (batch[1:] != batch[:-1]) | (left[1:] != left[:-1]) | (spots[1:] != spots[:-1])
    rows = np.flatnonzero(new & (batch >= 0))
    again = pd.DataFrame({"batch": batch[rows], "left": left[rows], "spot": spots[rows]}).duplicated()
    first: Ints = rows[~again.to_numpy()]
    return first


def ended_us(told: pd.DataFrame) -> Ints:
    """When the request of each row ended, in microseconds since the epoch; all rows have a `sent_at`."""
    left = told["sent_at"].to_numpy("M8[us]").view(np.int64)
    lasted = np.nan_to_num(told["latency_ms"].to_numpy(np.float64))
    ended: Ints = left + np.rint(lasted * 1000).astype(np.int64)
    return ended


def _over(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share


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
