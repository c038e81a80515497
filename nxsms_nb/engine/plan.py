"""What would happen to each row if the frame were sent now."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from nxsms_nb.engine.suppressed_before import NO_LIST
from nxsms_nb.formatting import count, escape, html_table
from nxsms_nb.results import columns
from nxsms_nb.results.table import FAILURE, INVALID, SKIPPED, SUCCESS, UNDECIDED, UNKNOWN
from nxsms_nb.wire.requests import BATCH_MAX

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch

__all__ = ["Plan", "plan_of"]

FATES: Final = (
    "send", "accepted before", "refused before", "in doubt", "invalid", "duplicate", "held out", "suppressed",
    "stops the call",
)  # fmt: skip
"""The possible fates of a row, in the order of the ``fate`` categorical."""

_STOPPED: Final = "Nothing would be sent: rows say that they were sent as other messages, or suppressed. .frame has them and the reason."

_FATE: Final = pd.CategoricalDtype(list(FATES))
_FATE_OF: Final = {UNDECIDED: 0, SUCCESS: 1, FAILURE: 2, UNKNOWN: 3, INVALID: 4, SKIPPED: 5}


@dataclass(frozen=True)
class Plan:
    """Each row's fate if the frame were sent now.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows with ``messageid`` (str), ``fate`` (categorical: send, accepted before, refused before, in doubt, invalid,
        duplicate, held out, suppressed, stops the call) and ``reason`` (str) joined on.
    counts : pandas.Series
        Fate to rows (int64), all nine.
    requests : int
        How many requests of 200 rows the rest would take.
    """

    frame: pd.DataFrame
    counts: pd.Series[int]
    requests: int

    def __repr__(self) -> str:
        lines = [f"Plan for {count(len(self.frame), 'row')}: {count(self.requests, 'request')} to make"]
        lines += [f"  {fate:<16}{n:>12,}" for fate, n in self.counts.items() if n or fate == "send"]
        lines += [_STOPPED] if self.counts["stops the call"] else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(fate, f"{n:,}") for fate, n in self.counts.items() if n or fate == "send"]
        title = f"Plan for {count(len(self.frame), 'row')}: {count(self.requests, 'request')} to make"
        stopped = f"<p>{escape(_STOPPED)}</p>" if self.counts["stops the call"] else ""
        table = html_table([("fate", False), ("rows", True)], rows)
        return f"<div><strong>{title}</strong>{table}{stopped}</div>"


def plan_of(dispatch: Dispatch) -> Plan:
    """Make the plan of what was prepared."""
    results = dispatch.results
    fates = np.zeros(len(results), np.int8)
    for status, fate in _FATE_OF.items():
        fates[results.status == status] = fate
    fates[dispatch.checked.held] = FATES.index("held out")
    fates[dispatch.suppressed()] = FATES.index("suppressed")
    if dispatch.conflicts is not None:
        fates[dispatch.conflicts.rows] = FATES.index("stops the call")
    fates[dispatch.unlisted] = FATES.index("stops the call")
    said = [results.reason(row) for row in range(len(results))]
    for row in dispatch.unlisted:
        said[row] = NO_LIST
    reasons = pa.array(said, pa.large_string())
    prefix = dispatch.prefix
    labels = [f"{prefix}messageid", f"{prefix}fate", f"{prefix}reason"]
    kept = dispatch.frame.drop(columns=[label for label in labels if label in dispatch.frame.columns])
    index = dispatch.frame.index
    planned = pd.DataFrame(
        {
            labels[0]: pd.Series(columns.from_arrow(dispatch.all_ids(), columns.TEXT), index=index),
            labels[1]: pd.Series(pd.Categorical.from_codes(fates, dtype=_FATE), index=index),
            labels[2]: pd.Series(columns.from_arrow(reasons, columns.TEXT), index=index),
        }
    )
    joined = columns.beside(kept, planned)
    joined.attrs = deepcopy(dispatch.frame.attrs)
    counts = pd.Series(np.bincount(fates, minlength=len(FATES)), index=list(FATES), name="rows")
    return Plan(joined, counts, -(-len(dispatch.todo) // BATCH_MAX))
