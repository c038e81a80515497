"""Failure rates of groups as horizontal bars, each made up of its causes, with intervals and the rate of all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis import chance
from nxsms_nb.formatting import percent
from nxsms_nb.views import bars, labels, sheets, style
from nxsms_nb.wire.codes import TABLE
from nxsms_nb.words.language import code_label, counted, tr, translated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nxsms_nb.analysis import failures

MOST_GROUPS: Final = 24
"""How many groups a picture has at most: the hours of a day."""

_NUMBER: Final = "__number"
_CAUSE: Final = "__cause"
_OTHER: Final = "other causes"


def groups_shown(grouped: failures.Grouped) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the groups to show, in order, and those left out, each by its first row.

    Groups in their own order stay in it; of others those with the most failures are shown, the highest rate first.
    """
    groups = each(grouped)
    groups = groups[groups["answered"] > 0]
    most = MOST_GROUPS if grouped.natural else bars.MOST
    shown = groups.head(most)
    if not grouped.natural:
        shown = shown.sort_values("rate", ascending=False, kind="stable")
    return shown, groups.iloc[most:]


def silent(grouped: failures.Grouped) -> str:
    """Describe groups without any answered row, which have no rate; empty if there are none."""
    without = int((each(grouped)["answered"] == 0).sum())
    return tr("{groups} with no answered row", groups=counted(without, "group")) if without else ""


def each(grouped: failures.Grouped) -> pd.DataFrame:
    """Return one row per group."""
    return grouped.frame[~pd.Series(grouped.numbers, dtype="int64").duplicated()]


def finding(grouped: failures.Grouped, by: str) -> tuple[str, str]:
    """Return a title and a subtitle: what a plot of groups shows, and whether it may be chance."""
    about = grouped.frame.attrs
    p, overall = about.get("p"), about["overall"]
    title = tr("Failure rate by {columns}", columns=by)
    if p is None:
        return title, ""
    note = translated(about["note"])[:-1]
    note = f"{note[0].lower()}{note[1:]}"
    if p > chance.LEVEL:
        return tr("{title}: {finding}", title=title, finding=note), ""
    groups = each(grouped)
    # The one that stands out most: a group of one row may have any rate.
    answered = groups["answered"].to_numpy()
    above = (groups["failed"].to_numpy() - answered * overall["rate"]) / np.sqrt(np.maximum(answered, 1))
    worst = groups.iloc[int(above.argmax())].to_dict()
    name = group_name([worst[label] for label in grouped.labels], 40)
    finding = tr(
        "{group} {rate}, against {overall} of all rows",
        group=name,
        rate=percent(worst["rate"]),
        overall=percent(overall["rate"]),
    )
    return tr("{title}: {finding}", title=title, finding=finding), note


def group_name(values: list[object], most: int) -> str:
    """Name a group."""
    return " · ".join(labels.value_text(value, most) for value in values)


def draw(grouped: failures.Grouped, by: str, ax: Axes | None, *, sandbox: bool) -> Axes:
    """Draw the failure rate of each group."""
    shown, rest = groups_shown(grouped)
    sheet = sheets.sheet(ax, bars.height(len(shown)) + 0.2, sandbox=sandbox)
    if not len(shown):
        sheet.words(tr(bars.UNANSWERED))
        return sheet.ax
    room = max(12, 60 // len(grouped.labels))
    names = [group_name(list(row), min(room, 40)) for row in shown[grouped.labels].astype(object).to_numpy()]
    # With little room a code's number says which it is.
    short = sheet.narrow
    sheet.names(range(len(names)), names, height=sheet.height - (135 if sheet.narrow else 85))
    colours = _causes(sheet, grouped, shown)
    sheet.whiskers(shown["low"].to_numpy(), shown["high"].to_numpy(), np.arange(len(shown)))
    overall = grouped.frame.attrs["overall"]["rate"]
    sheet.ax.axvline(overall, color=sheet.ink, linestyle="--", linewidth=1.1, zorder=3, label="all rows")
    words = [
        tr(
            "{rate}  ({failed} of {answered})",
            rate=percent(rate),
            failed=f"{failed:,}",
            answered=f"{answered:,}",
        )
        for rate, failed, answered in zip(shown["rate"], shown["failed"], shown["answered"], strict=True)
    ]
    for place, (end, text) in enumerate(zip(shown["high"], words, strict=True)):
        sheet.behind(end, place, text)
    sheet.bare(max(float(shown["high"].max()), overall), words)
    codes = {code_label(code): str(code) for code in TABLE}
    sheet.key([(colour, codes.get(cause, cause) if short else cause) for cause, colour in colours.items()])
    title, note = finding(grouped, by)
    left_out = ""
    if len(rest):
        failures = counted(int(rest["failed"].sum()), "failure")
        left_out = tr("{number} more with {failures} left out", number=f"{len(rest):,}", failures=failures)
    line = tr("line: all rows, {rate}", rate=percent(overall))
    details = [tr("% of the answered"), tr("whiskers: 95% interval"), line, left_out, silent(grouped), note]
    sheet.title(title, " · ".join(filter(None, details)))
    labels.finish(sheet.ax)
    return sheet.ax


def _causes(sheet: sheets.Sheet, grouped: failures.Grouped, shown: pd.DataFrame) -> dict[str, str]:
    """Draw what each group's rate is made up of; the colour of each cause."""
    numbers = grouped.numbers[shown.index]
    places = {number: place for place, number in enumerate(numbers)}
    table = grouped.frame.copy()
    table[_NUMBER], table[_CAUSE] = grouped.numbers, labels.cause_names(grouped.frame)
    inside = table[table[_NUMBER].isin(places) & (table["count"] > 0)].copy()
    colours = _colours(inside)
    inside[_CAUSE] = inside[_CAUSE].where(inside[_CAUSE].isin(colours), tr(_OTHER))
    left = np.zeros(len(shown))
    for cause, colour in colours.items():
        part = inside[inside[_CAUSE] == cause].groupby(_NUMBER)["share"].sum()
        widths = np.zeros(len(shown))
        widths[[places[number] for number in part.index]] = part.to_numpy()
        sheet.ax.barh(
            range(len(shown)),
            widths,
            left=left,
            height=0.68,
            color=colour,
            edgecolor=sheet.page,
            linewidth=0.6,
            label=cause,
        )
        left += widths
    return colours


def _colours(inside: pd.DataFrame) -> dict[str, str]:
    """Choose a colour for each of the most frequent causes, the code's own where it has one; grey for the others."""
    counts = inside.groupby(_CAUSE, sort=False)["count"].sum().sort_values(ascending=False, kind="stable")
    own = {code_label(code): colour for code, colour in style.CODE_COLOURS.items()}
    most = list(counts.index[: len(own)])
    free = [colour for name, colour in own.items() if name not in most]
    colours = {name: own[name] if name in own else free.pop(0) for name in most}
    return colours | ({tr(_OTHER): style.OTHER_COLOUR} if len(counts) > len(most) else {})
