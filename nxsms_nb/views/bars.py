"""Horizontal bars: of statuses, of codes, of groups, each with its number."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from nxsms_nb.analysis import causes, failures, summary
from nxsms_nb.formatting import count
from nxsms_nb.views import style
from nxsms_nb.wire.codes import label as code_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST: Final = 15
"""How many bars a picture has at most; what is left out is told."""

MOST_BESIDE: Final = 5
"""How many of them are for rows that were not sent."""

UNANSWERED: Final = "The gateway has not answered any row."

MOST_GROUPS: Final = 24
"""How many groups a picture has at most: the hours of a day."""

_GAP: Final = 0.42
_NUMBER: Final = "__number"
_CAUSE: Final = "__cause"
_OTHER: Final = "other causes"


class Bar(NamedTuple):
    """One bar: its name, its length, the status whose colour it has, and what stands behind its number."""

    name: str
    number: int
    status: str
    share: str = ""


def draw(ax: Axes, bars: list[Bar]) -> None:
    """Draw bars, the first at the top, with a gap where the status changes if several bars share one."""
    apart = len({bar.status for bar in bars}) < len(bars)
    places = [0.0]
    for before, bar in pairwise(bars):
        places.append(places[-1] + (1.4 if apart and before.status != bar.status else 1.0))
    drawn = ax.barh(
        places,
        [bar.number for bar in bars],
        height=0.68,
        color=[style.STATUS_COLOURS[bar.status] for bar in bars],
    )
    words = [f"{bar.number:,}" + (f"  ({bar.share})" if bar.share else "") for bar in bars]
    ax.bar_label(drawn, words, padding=4, fontsize=10, color=style.INK)
    style.name_bars(ax, places, [bar.name for bar in bars])
    style.no_axis(ax, max(bar.number for bar in bars) * 1.3 or 1)


def height(bars: int) -> float:
    """How high a figure with so many bars is, in inches."""
    return 1.35 + _GAP * max(bars, 1)


def by_code(table: pd.DataFrame, answered: int, ax: Axes | None, *, sandbox: bool) -> Axes:
    """Draw the failures by code, and under them what was not sent, by code too.

    Parameters
    ----------
    table : pandas.DataFrame
        What `failures.failures` says of the whole frame.
    answered : int
        How many rows the gateway answered.
    ax : matplotlib.axes.Axes or None
        Where to draw.
    sandbox : bool
        Whether the results came from the sandbox.

    Returns
    -------
    matplotlib.axes.Axes
    """
    failed = int(table["count"].sum())
    shown = _most(table, "count", "Failure", MOST, answered)
    for column, status in (("invalid", "Invalid"), ("unsent", "Unsent")):
        shown += _most(table, column, status, MOST_BESIDE)
    ax = style.axes(ax, (8.0, height(len(shown))))
    if not shown:
        words = UNANSWERED
        if answered:
            all_of_them = f"all {answered:,} answered messages were" if answered > 1 else "the one answered message was"
            words = f"No failures: {all_of_them} accepted."
        style.draw_words(ax, words, sandbox=sandbox)
        return ax
    draw(ax, shown)
    statuses = list(dict.fromkeys(bar.status for bar in shown))
    if statuses != ["Failure"]:
        style.key(ax, [(style.STATUS_COLOURS[status], summary.LABELS[status]) for status in statuses])
    if answered:
        seen, over = f"{failed:,} of {count(answered, 'answered message')} failed", "by code, share of the answered"
    else:
        seen, over = "No message was answered", "rows that were not sent, by code"
    style.title(ax, seen, over, sandbox=sandbox)
    style.finish(ax)
    return ax


def groups_shown(grouped: failures.Grouped) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The groups that are shown, in the order in which they are, and those left out: the first row of each.

    Groups in their own order are shown as they come; of others those with the most failures, the highest rate first.
    """
    groups = _each(grouped)
    groups = groups[groups["answered"] > 0]
    most = MOST_GROUPS if grouped.natural else MOST
    shown = groups.head(most)
    if not grouped.natural:
        shown = shown.sort_values("rate", ascending=False, kind="stable")
    return shown, groups.iloc[most:]


def silent(grouped: failures.Grouped) -> str:
    """What to say of groups in which nothing was answered, and which have no rate; empty where there are none."""
    without = int((_each(grouped)["answered"] == 0).sum())
    return f"{count(without, 'group')} with no answered row" if without else ""


def _each(grouped: failures.Grouped) -> pd.DataFrame:
    return grouped.frame[~pd.Series(grouped.numbers, dtype="int64").duplicated()]


def by_group(grouped: failures.Grouped, by: str, ax: Axes | None, *, sandbox: bool) -> Axes:
    """Draw the failure rate of each group, made up of its causes.

    Parameters
    ----------
    grouped : analysis.Grouped
        Failures by group.
    by : str
        What they are grouped by, in words.
    ax : matplotlib.axes.Axes or None
        Where to draw.
    sandbox : bool
        Whether the results came from the sandbox.

    Returns
    -------
    matplotlib.axes.Axes
    """
    shown, rest = groups_shown(grouped)
    frame = grouped.frame.copy()
    frame[_NUMBER], frame[_CAUSE] = grouped.numbers, causes.names(grouped.frame)
    ax = style.axes(ax, (8.0, height(len(shown) + 1)))
    if not len(shown):
        style.draw_words(ax, UNANSWERED, sandbox=sandbox)
        return ax
    places = {number: place for place, number in enumerate(grouped.numbers[shown.index])}
    inside = frame[frame[_NUMBER].isin(places) & (frame["count"] > 0)].copy()
    colours = _colours(inside)
    inside[_CAUSE] = inside[_CAUSE].where(inside[_CAUSE].isin(colours), _OTHER)
    left = np.zeros(len(shown))
    for cause, colour in colours.items():
        part = inside[inside[_CAUSE] == cause].groupby(_NUMBER)["share"].sum()
        widths = np.zeros(len(shown))
        widths[[places[number] for number in part.index]] = part.to_numpy()
        ax.barh(
            range(len(shown)),
            widths,
            left=left,
            height=0.68,
            color=colour,
            edgecolor="white",
            linewidth=0.6,
            label=cause,
        )
        left += widths
    for place, (rate, failed, answered) in enumerate(
        zip(shown["rate"], shown["failed"], shown["answered"], strict=True)
    ):
        words = f"{style.percent(rate)}  ({failed:,} of {answered:,})"
        ax.annotate(words, (rate, place), (4, 0), textcoords="offset points", va="center", fontsize=10, color=style.INK)
    room = max(12, 60 // len(grouped.labels))
    names = [
        " · ".join(style.value_text(value, min(room, 40)) for value in row)
        for row in shown[grouped.labels].astype(object).to_numpy()
    ]
    style.name_bars(ax, range(len(shown)), names)
    style.no_axis(ax, float(shown["rate"].max()) * 1.35 or 1.0)
    columns = 3 if max(map(len, names)) <= 14 else 2
    style.key(ax, [(colour, style.wrapped(cause, 26)) for cause, colour in colours.items()], columns=columns)
    left_out = f" · {len(rest):,} more with {count(int(rest['failed'].sum()), 'failure')} left out" if len(rest) else ""
    unanswered = f" · {silent(grouped)}" if silent(grouped) else ""
    note = grouped.frame.attrs.get("note", "")
    detail = f"failed of the answered{left_out}{unanswered}" + (f" · {note[0].lower()}{note[1:-1]}" if note else "")
    style.title(ax, f"Failure rate by {by}", detail, sandbox=sandbox)
    style.finish(ax)
    return ax


def _most(table: pd.DataFrame, column: str, status: str, most: int, answered: int = 0) -> list[Bar]:
    """The largest counts of a column as bars; the last one stands for what is left."""
    there = table[table[column] > 0].sort_values(column, ascending=False, kind="stable")
    shown = there if len(there) <= most else there.head(most - 1)
    numbers = [int(number) for number in shown[column]]
    names = causes.names(shown)
    if len(shown) < len(there):
        numbers.append(int(there[column].iloc[len(shown) :].sum()))
        names.append(f"{len(there) - len(shown):,} other causes")
    return [
        Bar(name, number, status, style.percent(number / answered) if answered else "")
        for name, number in zip(names, numbers, strict=True)
    ]


def _colours(inside: pd.DataFrame) -> dict[str, str]:
    """A colour for each of the most frequent causes, the code's own where it has one; grey for the others."""
    counts = inside.groupby(_CAUSE, sort=False)["count"].sum().sort_values(ascending=False, kind="stable")
    own = {code_label(code): colour for code, colour in style.CODE_COLOURS.items()}
    most = list(counts.index[: len(own)])
    free = [colour for name, colour in own.items() if name not in most]
    colours = {name: own[name] if name in own else free.pop(0) for name in most}
    return colours | ({_OTHER: style.OTHER_COLOUR} if len(counts) > len(most) else {})
