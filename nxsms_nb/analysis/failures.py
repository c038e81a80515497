"""Failures by code and by group."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import causes, groups
from nxsms_nb.analysis.summary import _FAILURE, Ints
from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns

_CAUSE: Final = ("code", "meaning", "scope", "advice", "count", "share", "invalid", "unsent")
_GROUP: Final = ("answered", "failed", "rate")
TAKEN: Final = frozenset({*_GROUP, *_CAUSE})
"""Names that no group may have, because columns of `failures` have them."""


def failures(
    frame: pd.DataFrame,
    by: groups.Labels = None,
    *,
    prefix: str = "",
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: Hashable | None = None,
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
    region : hashable, optional
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
    >>> sent = columns.empty(4).assign(status=["Success", "Failure", "Failure", "Invalid"], code=[0, 13005, 13009, 13005])
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
    results = columns.read(frame, asked.prefix, columns=["status", "code", "reason"])
    found = groups.group_rows(frame, by, asked)
    labels: list[Hashable] = list(found.keys.columns)
    taken = [label for label in labels if label in TAKEN]
    if taken:
        raise ColumnError(
            f"by={taken[0]!r} has the name of a column of the result. Rename it: "
            f"frame.rename(columns={{{taken[0]!r}: 'my_{taken[0]}'}})"
        )
    status = results["status"].cat.codes.to_numpy()
    total = len(found.keys)
    answered = np.bincount(found.ids[status <= _FAILURE], minlength=total)
    failed = np.bincount(found.ids[status == _FAILURE], minlength=total)
    cause = causes.count_causes(results, found.ids, total if by is not None else 0)
    group = cause["group"].to_numpy(np.int64)
    share = _over(cause["count"].to_numpy(np.float64), answered[group])
    rates = {"answered": answered[group], "failed": failed[group], "rate": _over(failed, answered)[group]}
    result = pd.concat(
        [
            found.keys.iloc[group].reset_index(drop=True),
            pd.DataFrame({} if by is None else rates, index=cause.index),
            causes.with_meanings(cause).assign(share=share)[list(_CAUSE)],
        ],
        axis=1,
    )
    rank = np.arange(total) if found.natural else np.argsort(np.argsort(-failed, kind="stable"), kind="stable")
    order = np.lexsort((result["code"].fillna(0), -result["invalid"], -result["count"], rank[group]))
    result = result.iloc[order].reset_index(drop=True)
    result.attrs = dict(frame.attrs)
    return Grouped(result, rank[group][order].astype(np.int64), labels, found.natural)


def _over(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
