"""Pictures of a run's time: messages a second, and how long requests took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb.analysis import throughput as throughput_table
from nxsms_nb.results import columns
from nxsms_nb.views import labels, sheets, style
from nxsms_nb.words.language import counted, duration, tr

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_STEPS: Final = 2_000
"""How many intervals a picture of throughput has at most: more than it has pixels show nothing."""
_UNITS: Final = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
_KINDS: Final = {"accepted": "Success", "failed": "Failure", "in doubt or not sent": "Unknown"}


def throughput(frame: pd.DataFrame, ax: Axes | None = None, *, freq: Any = None, prefix: str = "") -> Axes:
    """Draw messages per second over the time of a run; the accessor's `plot.throughput` documents it."""
    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"]).dropna(subset="sent_at")
    sandbox = columns.from_sandbox(frame)
    if not len(results):
        sheet = sheets.sheet(ax, 3.8, sandbox=sandbox)
        sheet.words(tr("No request was sent, so there is no throughput."))
        return sheet.ax
    curve = throughput_table.curve(results, None if freq is None else throughput_table.microseconds(freq))
    if len(curve.edges) > _MOST_STEPS + 1:
        raise throughput_table.too_many(freq, len(curve.edges) - 1, round(curve.step * 1e6), _MOST_STEPS)
    sheet = sheets.sheet(ax, 3.8, sandbox=sandbox)
    ax = sheet.ax
    unit, scale = next((unit for unit in _UNITS if curve.took >= 3 * unit[1]), _UNITS[-1])
    edges, lasted = curve.edges / scale, np.diff(curve.edges)
    base, entries = np.zeros(len(lasted)), []
    for (words, status), messages in zip(_KINDS.items(), (curve.accepted, curve.failed, curve.others), strict=True):
        if messages.any():
            top = base + messages / lasted
            colour = style.STATUS_COLOURS[status]
            ax.stairs(top, edges, baseline=base, fill=True, color=colour, label=words)
            entries.append((colour, tr(words)))
            base = top
    held = ""
    if curve.held is not None:
        ax.axhline(curve.held, color=sheet.ink, linestyle="--", linewidth=1.1, label="held")
        held = tr("line: held to {number} a second", number=_rate(curve.held))
    ax.set_xlim(0, edges[-1])
    ax.set_ylim(0, base.max() * 1.12)
    axis = tr(f"{unit} since the first request")
    sheet.scales(axis, tr("messages per second"))
    values = {"messages": counted(len(results), "message"), "time": duration(curve.took)}
    title = tr("{messages} in {time}", **values)
    if curve.took > 0:
        pace = _rate(len(results) / curve.took)
        title = tr("{messages} in {time}: {number} a second on average", number=pace, **values)
    steps = tr("steps of {time}", time=duration(curve.step))
    begin = tr("from {moment} UTC", moment=f"{curve.start:%Y-%m-%d %H:%M:%S}")
    sheet.title(title, " · ".join(filter(None, [steps, begin, held])))
    sheet.key(entries, beside=axis)
    labels.finish(ax)
    return ax


def latency(frame: pd.DataFrame, ax: Axes | None = None, *, prefix: str = "") -> Axes:
    """Draw how long requests took, from leaving to the end of the reply; the accessor's `plot.latency` documents it."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - only who draws pays for it

    results = columns.read(frame, prefix, columns=["status", "batch", "sent_at", "latency_ms"]).dropna(
        subset="latency_ms"
    )
    # The wait for a reply that did not come is not a latency.
    results = results[results["status"] != "Unknown"]
    took = results.drop_duplicates(["batch", "sent_at"])["latency_ms"].to_numpy()
    sheet = sheets.sheet(ax, 3.8, sandbox=columns.from_sandbox(frame))
    ax = sheet.ax
    if not len(took):
        sheet.words(tr("No request was answered, so there is no latency."))
        return ax
    median, slow = np.percentile(took, [50, 95])
    shown = took[took <= np.percentile(took, 99.5, method="higher")]
    beyond = ""
    if len(shown) < len(took):
        beyond = tr("{requests} not drawn", requests=counted(len(took) - len(shown), "slower one"))
    bins = min(40, max(5, len(shown) // 4))
    ax.hist(shown, bins=bins, color=style.NEUTRAL, edgecolor=sheet.page, linewidth=0.5)
    for value, line in ((median, "-"), (slow, "--")):
        ax.axvline(value, color=sheet.ink, linestyle=line, linewidth=1.2)
    ax.set_xlim(left=0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    sheet.scales(tr("milliseconds from sending to the end of the reply"), tr("requests"))
    sheet.title(
        tr(
            "Half of the requests within {median}, 95% within {slow}",
            median=milliseconds(median),
            slow=milliseconds(slow),
        ),
        " · ".join(
            filter(
                None,
                [
                    tr(
                        "{requests}, the slowest {time}",
                        requests=counted(len(took), "request"),
                        time=milliseconds(took.max()),
                    ),
                    beyond,
                    tr("lines: median, and 95% (dashed)"),
                ],
            )
        ),
    )
    labels.finish(ax)
    return ax


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def milliseconds(value: float) -> str:
    """Format a latency.

    Examples
    --------
    >>> milliseconds(3.21), milliseconds(98.7), milliseconds(12_345)
    ('3.2 ms', '99 ms', '12.3 s')
    """
    if value >= 10_000:
        return tr("{number} s", number=f"{value / 1000:,.1f}")
    return tr("{number} ms", number=f"{value:.1f}" if value < 10 else f"{value:,.0f}")
