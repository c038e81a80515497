"""Pictures of a sent frame: each takes ``ax=None`` and returns the Axes it drew on."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis import failures as failure_table
from nxsms_nb.analysis import groups, summary
from nxsms_nb.analysis import throughput as throughput_table
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.formatting import count, span
from nxsms_nb.results import columns
from nxsms_nb.views import bars
from nxsms_nb.views import style as views_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["failures", "latency", "status", "throughput"]

_MOST_STEPS: Final = 2_000
"""How many intervals a picture of throughput has at most: more than it has pixels show no_problems."""
_UNITS: Final = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
_KINDS: Final = {"Success": "accepted", "Failure": "failed", "Unknown": "in doubt or not sent"}
_PLAIN: Final = "#0072B2"


def status(frame: pd.DataFrame, ax: Axes | None = None, *, prefix: str = "") -> Axes:
    """Draw how many rows have each status, with the rates of those the gateway answered.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    prefix : str, default ""
        What stands before the names of the result columns.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnError
        The frame carries no results.
    """
    table = summary.summary(frame, prefix)
    sandbox = columns.from_sandbox(frame)
    shown = table[(table["count"] > 0) | table["share"].notna()]
    ax = views_style.axes(ax, (7.5, bars.height(len(shown))))
    if not len(frame):
        views_style.draw_words(ax, "The frame has no rows.", sandbox=sandbox)
        return ax
    bars.draw(
        ax,
        [
            bars.Bar(f"{name}: {words}", number, name, "" if pd.isna(share) else views_style.percent(share))
            for name, words, number, share in shown.itertuples(index=False)
        ],
    )
    seen = f"{table['count'].iloc[0]:,} of {count(len(frame), 'row')} accepted"
    views_style.title(ax, seen, "rows by status, share of the answered", sandbox=sandbox)
    views_style.finish(ax)
    return ax


def failures(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    by: groups.Labels = None,
    prefix: str = "",
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: Hashable | None = None,
) -> Axes:
    """Draw why rows failed: by code, or as rates by group.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    by : hashable or list of hashable, optional
        What to group by, as `failures.failures` takes it.
    prefix, phone, content, region
        As `failures.failures` takes them.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnError
        The frame carries no results, or cannot be grouped like this.
    """
    return failures_of(
        frame, failure_table.grouped(frame, by, Asked(prefix, phone, content, region)), ax, prefix=prefix
    )


def failures_of(
    frame: pd.DataFrame, grouped: failure_table.Grouped, ax: Axes | None = None, *, prefix: str = ""
) -> Axes:
    """Same as `failures`, but of what has been grouped already."""
    sandbox = columns.from_sandbox(frame)
    if grouped.labels:
        return bars.by_group(grouped, groups.by_words(frame, grouped.labels), ax, sandbox=sandbox)
    answered = int(summary.summary(frame, prefix)["count"].iloc[:2].sum())
    return bars.by_code(grouped.frame, answered, ax, sandbox=sandbox)


def throughput(frame: pd.DataFrame, ax: Axes | None = None, *, freq: Any = None, prefix: str = "") -> Axes:
    """Draw messages per second over the time of a run, accepted and failed ones apart.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    freq : str or timedelta, optional
        The length of an interval; chosen by the run's length and requests if not given.
    prefix : str, default ""
        What stands before the names of the result columns.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnError
        The frame carries no results.
    ConfigError
        `freq` is not a valid interval, or is too short for the run.
    """
    results = columns.read(frame, prefix, columns=["batch", "sent_at", "latency_ms"]).dropna(subset="sent_at")
    sandbox = columns.from_sandbox(frame)
    if not len(results):
        ax = views_style.axes(ax, (8.0, 3.8))
        views_style.draw_words(ax, "No request left, so there is no throughput.", sandbox=sandbox)
        return ax
    ended = throughput_table.ended_us(results)
    start = results["sent_at"].min()
    took = (pd.Timestamp(int(ended.max()), unit="us", tz="UTC") - start).total_seconds()
    step = _step((int(ended.max()) - int(ended.min())) / 1e6, results["batch"].nunique()) if freq is None else freq
    micro = throughput_table.microseconds(step)
    total = (int(ended.max()) - int(ended.min())) // micro + 1
    if total > _MOST_STEPS:
        raise throughput_table.too_many(freq, total, micro, _MOST_STEPS)
    ax = views_style.axes(ax, (8.0, 3.8))
    series = throughput_table.throughput(frame, step, prefix)
    width = micro / 1e6
    unit, scale = next((unit for unit in _UNITS if took >= 3 * unit[1]), _UNITS[-1])
    edges = (np.arange(len(series) + 1) * width + (series.index[0] - start).total_seconds()) / scale
    base, entries = np.zeros(len(series)), []
    rest = series["messages"] - series["accepted"] - series["failed"]
    for (name, words), messages in zip(_KINDS.items(), (series["accepted"], series["failed"], rest), strict=True):
        if messages.any():
            top = base + messages.to_numpy() / width
            colour = views_style.STATUS_COLOURS[name]
            ax.stairs(top, edges, baseline=base, fill=True, color=colour, label=words)
            entries.append((colour, words))
            base = top
    ax.set_xlim(min(edges[0], 0), edges[-1])
    ax.set_ylim(0, base.max() * 1.12)
    views_style.scales(ax, f"{unit} since the first request", "messages per second")
    mean = f", {_rate(len(results) / took)} a second on average" if took > 0 else ""
    detail = f"{len(results):,} in {span(took)}{mean} · steps of {span(width)} · from {start:%Y-%m-%d %H:%M:%S} UTC"
    views_style.title(ax, "Messages per second", detail, sandbox=sandbox)
    views_style.key(ax, entries, below=2.2)
    views_style.finish(ax)
    return ax


def latency(frame: pd.DataFrame, ax: Axes | None = None, *, prefix: str = "") -> Axes:
    """Draw how long requests took, from leaving to the end of the reply.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame: as sent, filtered, concatenated or loaded again.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    prefix : str, default ""
        What stands before the names of the result columns.

    Returns
    -------
    matplotlib.axes.Axes
        A histogram of requests, in milliseconds, with the median and the 95th percentile.

    Raises
    ------
    ColumnError
        The frame carries no results.
    """
    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"]).dropna(
        subset="latency_ms"
    )
    # How long was waited for a reply that did not come is no latency.
    results = results[results["status"] != "Unknown"]
    took = results.drop_duplicates(["batch", "sent_at"])["latency_ms"].to_numpy()
    sandbox = columns.from_sandbox(frame)
    ax = views_style.axes(ax, (8.0, 3.6))
    if not len(took):
        views_style.draw_words(ax, "No request was answered, so there is no latency.", sandbox=sandbox)
        return ax
    median, slow = np.percentile(took, [50, 95])
    shown = took[took <= np.percentile(took, 99.5, method="higher")]
    beyond = f" · {count(len(took) - len(shown), 'slower one')} not drawn" if len(shown) < len(took) else ""
    ax.hist(shown, bins=min(40, max(5, len(shown) // 4)), color=_PLAIN, edgecolor="white", linewidth=0.5)
    for value, style in ((median, "-"), (slow, "--")):
        ax.axvline(value, color=views_style.INK, linestyle=style, linewidth=1.2)
    ax.set_xlim(left=0)
    views_style.scales(ax, "milliseconds from leaving to the end of the reply", "requests")
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - only who draws pays for it

    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    views_style.title(
        ax,
        f"Half of the requests within {milliseconds(median)}, 95% within {milliseconds(slow)}",
        f"{count(len(took), 'request')}, the slowest {milliseconds(took.max())}{beyond} · lines: median and 95%",
        sandbox=sandbox,
    )
    views_style.finish(ax)
    return ax


def _step(took: float, requests: int) -> pd.Timedelta:
    """An interval that gives at most 80 of them, and where there are few requests about two in each."""
    return throughput_table.round_interval(max(took / 80, min(took / 12, 2 * took / max(requests, 1))))


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def milliseconds(value: float) -> str:
    """A latency for a person.

    Examples
    --------
    >>> milliseconds(3.21), milliseconds(98.7), milliseconds(12_345)
    ('3.2 ms', '99 ms', '12.3 s')
    """
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
