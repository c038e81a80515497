"""Horizontal bars of counts: rows by status, failures by code."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from nxsms_nb.analysis import intervals, summary
from nxsms_nb.formatting import percent
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import LABELS
from nxsms_nb.views import labels, sheets, style
from nxsms_nb.words.language import counted, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST: Final = 15
"""How many bars a picture has at most; the picture says how many are left out."""

MOST_BESIDE: Final = 5
"""How many of them are for rows that were not sent."""

UNANSWERED: Final = "The gateway has not answered any row."


class Bar(NamedTuple):
    """One bar: its name, its length, the status whose colour it has, the words after its number, and its interval."""

    name: str
    number: int
    status: str
    share: str = ""
    low: float = np.nan
    high: float = np.nan


def height(bars: int) -> float:
    """Return the figure height in inches for `bars` bars."""
    return 1.35 + 0.42 * max(bars, 1)


def status(frame: pd.DataFrame, ax: Axes | None = None, *, prefix: str = "") -> Axes:
    """Draw how many rows have each status; the accessor's `plot.status` documents it."""
    table = summary.summary(frame, prefix)
    shown = table[(table["count"] > 0) | table["share"].notna()]
    sheet = sheets.sheet(ax, height(len(shown)), sandbox=columns.from_sandbox(frame))
    if not len(frame):
        sheet.words(tr("The frame has no rows."))
        return sheet.ax
    _draw(
        sheet,
        [
            Bar(
                tr("{status}: {words}", status=name, words=tr(words)),
                number,
                name,
                "" if pd.isna(share) else percent(share),
            )
            for name, words, number, share in shown.itertuples(index=False)
        ],
    )
    accepted, answered = int(table["count"].iloc[0]), int(table["count"].iloc[:2].sum())
    detail = tr("{rows} by status", rows=counted(len(frame), "row"))
    if answered:
        rate = percent(accepted / answered)
        messages = counted(answered, "answered message")
        seen = tr("{rate} accepted: {number} of {messages}", rate=rate, number=f"{accepted:,}", messages=messages)
        sheet.title(seen, f"{detail} · {tr('% of the answered')}")
    else:
        sheet.title(tr("No message was answered"), detail)
    labels.finish(sheet.ax)
    return sheet.ax


def by_code(table: pd.DataFrame, answered: int, ax: Axes | None, *, sandbox: bool) -> Axes:
    """Draw the failures by code and, below them, the rows that were not sent, also by code."""
    failed = int(table["count"].sum())
    shown = _most(table, "count", "Failure", MOST, answered)
    for column, status in (("invalid", "Invalid"), ("unsent", "Unsent")):
        shown += _most(table, column, status, MOST_BESIDE)
    sheet = sheets.sheet(ax, height(len(shown)), sandbox=sandbox)
    if not shown:
        words = tr(UNANSWERED)
        if answered == 1:
            words = tr("No failures: the one answered message was accepted.")
        elif answered:
            words = tr("No failures: all {number} answered messages were accepted.", number=f"{answered:,}")
        sheet.words(words)
        return sheet.ax
    _draw(sheet, shown)
    statuses = list(dict.fromkeys(bar.status for bar in shown))
    if statuses != ["Failure"]:
        sheet.key([(style.STATUS_COLOURS[status], tr(LABELS[status])) for status in statuses])
    if not answered:
        sheet.title(tr("No message was answered"), tr("rows that were not sent, by code"))
    elif not failed:
        none = tr("None of {messages} failed", messages=counted(answered, "answered message"))
        sheet.title(none, tr("rows that were not sent, by code"))
    else:
        seen = tr(
            "{rate} failed: {number} of {messages}",
            rate=percent(failed / answered),
            number=f"{failed:,}",
            messages=counted(answered, "answered message"),
        )
        details = (tr("by code"), tr("% of the answered"), tr("whiskers: 95% interval"))
        sheet.title(seen, " · ".join(details))
    labels.finish(sheet.ax)
    return sheet.ax


def _draw(sheet: sheets.Sheet, bars: list[Bar]) -> None:
    """Draw bars, the first at the top, with a gap where the status changes if several bars share one."""
    apart = len({bar.status for bar in bars}) < len(bars)
    places = [0.0]
    for before, bar in pairwise(bars):
        places.append(places[-1] + (1.4 if apart and before.status != bar.status else 1.0))
    sheet.ax.barh(
        places,
        [bar.number for bar in bars],
        height=0.68,
        color=[style.STATUS_COLOURS[bar.status] for bar in bars],
    )
    statuses = len({bar.status for bar in bars})
    below = 15 * statuses if apart and statuses > 1 else 0  # for the key
    sheet.names(places, [bar.name for bar in bars], height=sheet.height - 85 - below)
    low, high = np.array([bar.low for bar in bars]), np.array([bar.high for bar in bars])
    known = ~np.isnan(low)
    if known.any():
        sheet.whiskers(low[known], high[known], np.array(places)[known])
    words = [f"{bar.number:,}" + (f"  ({bar.share})" if bar.share else "") for bar in bars]
    reach = [bar.number if np.isnan(bar.high) else bar.high for bar in bars]
    for place, end, text in zip(places, reach, words, strict=True):
        sheet.behind(end, place, text)
    sheet.bare(max(reach), words)


def _most(table: pd.DataFrame, column: str, status: str, most: int, answered: int = 0) -> list[Bar]:
    """Return the largest counts of a column as bars; the last bar is the rest."""
    there = table[table[column] > 0].sort_values(column, ascending=False, kind="stable")
    shown = there if len(there) <= most else there.head(most - 1)
    numbers = [int(number) for number in shown[column]]
    names = labels.cause_names(shown)
    if len(shown) < len(there):
        numbers.append(int(there[column].iloc[len(shown) :].sum()))
        names.append(tr("{number} other causes", number=f"{len(there) - len(shown):,}"))
    if not answered:
        return [Bar(name, number, status) for name, number in zip(names, numbers, strict=True)]
    low, high = intervals.wilson(numbers, [answered] * len(numbers))
    return [
        Bar(name, number, status, percent(number / answered), float(first), float(last))
        for name, number, first, last in zip(names, numbers, low * answered, high * answered, strict=True)
    ]
