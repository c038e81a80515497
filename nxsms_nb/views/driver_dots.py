"""What goes with failure as dots with intervals, next to the rate of the other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis.drivers import drivers as find_drivers
from nxsms_nb.analysis.drivers import outcome_words
from nxsms_nb.analysis.intervals import wilson
from nxsms_nb.formatting import percent
from nxsms_nb.results.columns import from_sandbox
from nxsms_nb.views import labels, masking, sheets, style
from nxsms_nb.words.language import code_label, tr, translated

if TYPE_CHECKING:
    from collections.abc import Hashable

    from matplotlib.axes import Axes

    from nxsms_nb.analysis import groups
    from nxsms_nb.analysis.derived import Asked

_MOST: Final = 15


def drivers(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    columns: groups.Labels = None,
    outcome: Hashable = "accepted",
    asked: Asked,
    **options: Any,
) -> Axes:
    """Draw what `drivers` finds; the accessor's `plot.drivers` documents it."""
    table = find_drivers(frame, columns, outcome=outcome, asked=asked, **options)
    sandbox = from_sandbox(frame)
    if not len(table):
        sheet = sheets.sheet(ax, 2.4, sandbox=sandbox)
        sheet.words(translated(table.attrs["note"]))
        return sheet.ax
    shown, left = table.head(_MOST), table.attrs["left"]
    names = [labels.slice_name(row) for row in shown.to_dict("records")]
    rates = shown[["rows", "failed", "rate", "low", "high"]].copy()
    if left["rows"]:
        names.append(tr("everything else"))
        low, high = wilson(left["failed"], left["rows"])
        rates.loc[len(table)] = [left["rows"], left["failed"], left["rate"], float(low), float(high)]
    sheet = sheets.sheet(ax, 1.75 + 0.5 * len(names), sandbox=sandbox)
    sheet.names(range(len(names)), names)
    _dots(sheet, rates, shown["rest_rate"].to_numpy())
    sheet.title(_headline(table.to_dict("records")[0], outcome), _detail(table, shown))
    labels.finish(sheet.ax)
    return sheet.ax


def _dots(sheet: sheets.Sheet, rates: pd.DataFrame, rest: Any) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter  # noqa: PLC0415 - only who draws pays for it

    ax, places = sheet.ax, np.arange(len(rates))
    colours = [style.STATUS_COLOURS["Failure"]] * len(rest) + [sheet.faint] * (len(rates) - len(rest))
    for place, (low, high, colour) in enumerate(zip(rates["low"], rates["high"], colours, strict=True)):
        ax.errorbar(
            (low + high) / 2,
            place,
            xerr=(high - low) / 2,
            fmt="none",
            ecolor=colour,
            elinewidth=2,
            capsize=3.5,
            zorder=3,
        )
    ax.hlines(places[: len(rest)], rest, rates["rate"].iloc[: len(rest)], color=sheet.line, linewidth=1, zorder=1)
    ax.scatter(rates["rate"], places, s=46, color=colours, zorder=4, label="rate")
    ax.scatter(rest, places[: len(rest)], s=34, facecolor=sheet.page, edgecolor=sheet.ink, zorder=4, label="rest")
    words = [
        tr("{rate} of {rows}", rate=percent(rate), rows=f"{rows:,.0f}")
        for rate, rows in zip(rates["rate"], rates["rows"], strict=True)
    ]
    for place, (end, text) in enumerate(zip(rates["high"], words, strict=True)):
        sheet.behind(end, place, text)
    sheet.bare(float(rates["high"].max()), words)
    high = float(rates["high"].max())
    ticks = np.asarray(MaxNLocator(3 if sheet.narrow else 5).tick_values(0, high))
    ax.set_xticks(ticks[(ticks >= 0) & (ticks <= max(high, 1e-9))])
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.tick_params(axis="x", colors=sheet.faint, labelsize=0.9 * sheet.size)
    sheet.lines(ax, "x")
    sheet.spines("bottom")


def _headline(row: dict[Any, Any], outcome: Hashable) -> str:
    """Describe one slice in one line."""
    _, verb = outcome_words(outcome)
    values = {
        "where": labels.slice_name(row),
        "rate": f"{row['rate']:.1%}",
        "rows": f"{row['rows']:,}",
        "did": tr(verb)
        if outcome in ("accepted", "delivered")
        else tr("were not {outcome}", outcome=masking.name(str(outcome))),
    }
    if not row["rest_rate"]:
        return tr("{where}: {rate} of {rows} {did}, none of the rest did", **values)
    times = f"{row['ratio']:,.0f}" if row["ratio"] >= 10 else f"{row['ratio']:.1f}"
    return tr("{where}: {rate} of {rows} {did}, {times} times the rest", times=times, **values)


def _detail(table: pd.DataFrame, shown: pd.DataFrame) -> str:
    code = table["code"].iloc[0]
    parts = [
        "" if pd.isna(code) else tr("mostly {code}", code=code_label(int(code))),
        tr("dots: rate with its 95% interval"),
        tr("rings: rate of the other rows"),
        tr("{number} more not drawn", number=len(table) - len(shown)) if len(table) > len(shown) else "",
    ]
    return " · ".join(filter(None, parts))
