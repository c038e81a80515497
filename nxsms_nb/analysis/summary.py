"""The results of a sent frame, as tidy frames.

Rates are over Success and Failure, the rows the gateway answered; the others are shown alongside, never mixed in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.results import columns
from nxsms_nb.results.statuses import LABELS, STATUSES
from nxsms_nb.tables import Table

__all__ = ["summary"]

_SUCCESS, _FAILURE = STATUSES.index("Success"), STATUSES.index("Failure")

Ints = npt.NDArray[np.int64]


def summary(frame: pd.DataFrame, prefix: str = "", *, weights: Ints | None = None) -> pd.DataFrame:
    """Count the rows of each status; the accessor's `summary` documents it.

    `weights` say how many rows each row represents.

    Examples
    --------
    >>> sent = columns.empty(4).assign(status=["Success", "Success", "Failure", "Invalid"])
    >>> summary(sent).set_index("status").loc["Failure", "share"].round(3)
    np.float64(0.333)
    """
    statuses = columns.read(frame, prefix, columns=["status"])["status"]
    counts = counted(statuses.cat.codes, weights, len(STATUSES))
    answered = counts[_SUCCESS] + counts[_FAILURE]
    share = np.full(len(STATUSES), np.nan)
    if answered:
        share[[_SUCCESS, _FAILURE]] = counts[[_SUCCESS, _FAILURE]] / answered
    table = Table(
        {
            "status": pd.Categorical(list(STATUSES), dtype=columns.STATUS),
            "label": pd.Series([LABELS[status] for status in STATUSES], dtype=columns.TEXT),
            "count": counts,
            "share": share,
        }
    )
    table.attrs = dict(frame.attrs)
    return table


def counted(numbers: npt.NDArray[Any] | pd.Series[Any], weights: Ints | None, least: int) -> Ints:
    """Count the rows of each number, for at least `least` numbers; `weights` say how many rows each one represents."""
    found = np.bincount(numbers, weights, minlength=least)
    return found.astype(np.int64)
