"""The pictures of a sent frame: each takes ``ax=None`` and returns the Axes it drew on; `plot_accessor` documents them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nxsms_nb.analysis import delivery as delivery_table
from nxsms_nb.analysis import failures as failure_table
from nxsms_nb.analysis import groups, summary
from nxsms_nb.results import columns
from nxsms_nb.views import bars, delivery_curve, group_bars, labels
from nxsms_nb.views.bars import status
from nxsms_nb.views.comparison import compare
from nxsms_nb.views.driver_dots import drivers
from nxsms_nb.views.heatmap import heatmap
from nxsms_nb.views.timing import latency, throughput

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from nxsms_nb.analysis.derived import Asked

__all__ = ["compare", "delivery", "drivers", "failures", "heatmap", "latency", "status", "throughput"]


def failures(
    frame: pd.DataFrame, ax: Axes | None = None, *, by: groups.Labels = None, bins: Any = None, asked: Asked
) -> Axes:
    """Draw why rows failed: by code, or as rates by group."""
    return failures_of(frame, failure_table.grouped(frame, by, asked, bins=bins), ax, asked=asked)


def failures_of(frame: pd.DataFrame, grouped: failure_table.Grouped, ax: Axes | None = None, *, asked: Asked) -> Axes:
    """Plot failures as `failures` does, from rows that are grouped already."""
    sandbox = columns.from_sandbox(frame)
    if grouped.labels:
        words = labels.by_words(frame, grouped.labels, asked.tz)
        grouped = grouped._replace(frame=labels.with_weekdays(grouped.frame, frame, grouped.labels))
        return group_bars.draw(grouped, words, ax, sandbox=sandbox)
    answered = int(summary.summary(frame, asked.prefix)["count"].iloc[:2].sum())
    return bars.by_code(grouped.frame, answered, ax, sandbox=sandbox)


def delivery(
    frame: pd.DataFrame, ax: Axes | None = None, *, by: groups.Labels = None, bins: Any = None, asked: Asked
) -> Axes:
    """Draw the share delivered over the time since sending."""
    grouped = delivery_table.grouped(frame, by, asked, bins=bins)
    words = labels.by_words(frame, grouped.labels, asked.tz)
    grouped = grouped._replace(frame=labels.with_weekdays(grouped.frame, frame, grouped.labels))
    return delivery_curve.draw(grouped, words, ax, sandbox=columns.from_sandbox(frame))
