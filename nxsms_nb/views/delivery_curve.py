"""The share delivered over the time since sending, as steps, for all accepted rows or a handful of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import chance
from nxsms_nb.analysis import delivery as delivery_table
from nxsms_nb.formatting import percent
from nxsms_nb.views import labels, sheets, style
from nxsms_nb.views.group_bars import group_name
from nxsms_nb.words.language import counted, duration, tr, translated

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_GROUPS: Final = 5
"""The most curves."""
_MOST_STEPS: Final = 2_000
_LOG_FROM: Final = 30.0
"""How many times the median the slowest delivery takes for the scale to be logarithmic, so that fast ones have width."""
_FAST: Final = 0.5
"""The least time on a logarithmic scale, in seconds: the vendor's times are whole seconds."""
_TOP: Final = 1.04
_GAP: Final = 14.0
"""From a curve's end to its name, in points."""
_DAY: Final = 86_400.0
_ROUND: Final = (
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, _DAY, 2 * _DAY, 5 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY),
)
"""Times that people count in, in seconds."""
_MARKS: Final = (1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, _DAY, 7 * _DAY, 30 * _DAY)
"""The same, some six times apart, for a logarithmic scale."""
_UNITS: Final = ((_DAY, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))

Floats = npt.NDArray[np.float64]


class _Curve(NamedTuple):
    """One group: its row of the table, and how long its deliveries took, in order."""

    name: str
    row: dict[Any, Any]
    seconds: Floats


def draw(grouped: delivery_table.Grouped, by: str, ax: Axes | None, *, sandbox: bool) -> Axes:
    """Draw the share delivered over the time since sending."""
    sheet = sheets.sheet(ax, 4.2, sandbox=sandbox)
    overall = grouped.frame.attrs["overall"]
    if not overall["delivered"]:
        sheet.words(_nothing(overall))
        return sheet.ax
    curves, rest = _curves(grouped)
    longest = _scale(sheet, np.concatenate([curve.seconds for curve in curves]))
    tones = style.GROUP_COLOURS if grouped.labels else (style.NEUTRAL,)
    ends = []
    for curve, tone in zip(curves, tones, strict=False):
        x, y = _steps(curve, longest)
        sheet.ax.step(x, y, where="post", color=tone, linewidth=2.0, label=curve.name, solid_capstyle="butt")
        ends.append((float(y[-1]), _end_words(curve), tone))
    sheet.ax.set_ylim(0, _TOP)
    sheet.scales(tr("time since sending"), tr("delivered, of the accepted"))
    _percent(sheet)
    _ticks(sheet, longest)
    _name_ends(sheet, ends)
    sheet.title(*_words(grouped, by, rest))
    labels.finish(sheet.ax)
    return sheet.ax


def _nothing(overall: dict[str, Any]) -> str:
    """Draw the words that explain why there is no curve."""
    if not overall["rows"]:
        return tr("No row was accepted, so there is nothing that could be delivered.")
    waiting, final = counted(overall["open"], "row"), counted(overall["undelivered"], "row")
    if not overall["undelivered"]:
        return tr("No receipt is final yet; open: {rows}.", rows=waiting)
    if not overall["open"]:
        return tr("None of {rows} with a final receipt was delivered.", rows=final)
    return tr("None of {rows} with a final receipt was delivered; open: {others}.", rows=final, others=waiting)


def _curves(grouped: delivery_table.Grouped) -> tuple[list[_Curve], pd.DataFrame]:
    """Return the groups with most rows, in the table's order, and the rows of the table that are left out."""
    table = grouped.frame
    most = np.sort(np.argsort(-table["rows"].to_numpy(), kind="stable")[:_MOST_GROUPS])
    timed = ~np.isnan(grouped.seconds)
    made = []
    for place in most:
        row = table.iloc[[place]].to_dict("records")[0]
        name = group_name([row[label] for label in grouped.labels], 24)
        made.append(_Curve(name, row, np.sort(grouped.seconds[timed & (grouped.numbers == place)])))
    return made, table.drop(index=table.index[most])


def _scale(sheet: sheets.Sheet, seconds: Floats) -> float:
    """Choose a scale on which both the fast and the slow deliveries are seen; return where it ends."""
    longest = max(float(seconds.max(initial=0.0)), 1.0)
    if len(seconds) and longest > _LOG_FROM * max(float(np.median(seconds)), _FAST):
        sheet.ax.set_xscale("log")
        sheet.ax.set_xlim(max(_FAST, 0.8 * float(seconds.min())), longest * 1.1)
        return longest * 1.1
    sheet.ax.set_xlim(0, longest * 1.03)
    return longest * 1.03


def _steps(curve: _Curve, longest: float) -> tuple[Floats, Floats]:
    """Return where a curve steps, and its share of the accepted rows from there on."""
    times, counts = np.unique(np.maximum(curve.seconds, 0.0), return_counts=True)
    share = np.cumsum(counts) / curve.row["rows"]
    if len(times) > _MOST_STEPS:
        kept = np.unique(np.linspace(0, len(times) - 1, _MOST_STEPS).astype(np.int64))
        times, share = times[kept], share[kept]
    last = share[-1] if len(share) else 0.0
    # A logarithmic scale has no zero.
    return np.concatenate([[1e-3], np.maximum(times, 1e-3), [longest]]), np.concatenate([[0.0], share, [last]])


def _end_words(curve: _Curve) -> list[str]:
    row = curve.row
    name = f"{curve.name} · " if curve.name else ""
    waiting = [tr("{number} open", number=f"{row['open']:,}")] if row["open"] else []
    return [f"{name}{percent(row['delivered'] / row['rows'])}", *waiting]


def _name_ends(sheet: sheets.Sheet, ends: list[tuple[float, list[str], str]]) -> None:
    """Write each curve's name behind its end, apart from each other; a line leads to one that had to move."""
    ends = sorted(ends)
    small = 0.9 * sheet.size
    room = (0.3 if sheet.narrow else 0.25) * sheet.room
    words = []
    for _, parts, _ in ends:
        whole = " · ".join(parts)
        fits = labels.width(whole, small) <= room
        words.append(whole if fits else "\n".join(labels.wrapped(part, room, small) for part in parts))
    high = max(sheet.height - 150, 60.0)
    tall = np.array([1.25 * small * (text.count("\n") + 1) + 3 for text in words])
    wanted = np.array([end / _TOP * high for end, _, _ in ends])
    moved = _apart(wanted, tall, high) - wanted
    for (end, _, tone), text, offset in zip(ends, words, moved, strict=True):
        sheet.ax.annotate(
            labels.drawable(text)[0],
            (1, end),
            (_GAP, offset),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=small,
            color=style.mixed(tone, sheet.ink, 0.25),
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": tone,
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 1,
                "relpos": (0, 0.5),
            },
        )


def _apart(wanted: Floats, tall: Floats, high: float) -> Floats:
    """Move labels, in order from below, as little as it takes for none to overlap another or leave the height."""
    blocks: list[tuple[list[int], float]] = []  # labels that touch, and where the lowest begins
    for one in range(len(wanted)):
        members, start = [one], _start([one], wanted, tall, high)
        while blocks and start < blocks[-1][1] + tall[blocks[-1][0]].sum():
            members = blocks.pop()[0] + members
            start = _start(members, wanted, tall, high)
        blocks.append((members, start))
    places = np.empty(len(wanted))
    for members, start in blocks:
        places[members] = start + np.cumsum(tall[members]) - tall[members] / 2
    return places


def _start(members: list[int], wanted: Floats, tall: Floats, high: float) -> float:
    """Return where a stack of touching labels begins, so that their shifts add up to zero."""
    centres = np.cumsum(tall[members]) - tall[members] / 2
    return float(np.clip(np.mean(wanted[members] - centres), 0.0, max(high - tall[members].sum(), 0.0)))


def _percent(sheet: sheets.Sheet) -> None:
    from matplotlib.ticker import FixedLocator, PercentFormatter  # noqa: PLC0415 - only who draws pays for it

    sheet.ax.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    sheet.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    sheet.indent += labels.width("%", 0.9 * sheet.size)


def _ticks(sheet: sheets.Sheet, longest: float) -> None:
    """Mark the time in units that people read."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: PLC0415 - only who draws pays for it

    axis, low = sheet.ax.xaxis, sheet.ax.get_xlim()[0]
    if axis.get_scale() == "log":
        marks = [mark for mark in _MARKS if low <= mark <= longest]
        marks = marks if len(marks) > 2 else [mark for mark in _ROUND if low <= mark <= longest]
        axis.set_major_formatter(FuncFormatter(lambda value, _: time_text(value)))
    else:
        most = 4 if sheet.narrow else 7
        step = next((step for step in _ROUND if longest / step <= most), longest)
        marks = [step * i for i in range(int(longest / step) + 1)]
        unit = next((unit for unit, _ in _UNITS if longest >= 2 * unit), 1.0)
        axis.set_major_formatter(FuncFormatter(lambda value, _: time_text(value, unit)))
    axis.set_major_locator(FixedLocator(marks))
    axis.set_minor_locator(NullLocator())


def time_text(seconds: float, unit: float | None = None) -> str:
    """Write a mark of a time scale, in the largest unit that it fills or in a given one.

    Examples
    --------
    >>> time_text(0.5), time_text(10), time_text(90, 60.0), time_text(21_600), time_text(0)
    ('0.5 s', '10 s', '1.5 min', '6 h', '0')
    """
    if not seconds:
        return "0"
    size, name = next(
        ((size, name) for size, name in _UNITS if (size == unit if unit else seconds >= size)), _UNITS[-1]
    )
    return translated(f"{seconds / size:.4g} {name}")


def _words(grouped: delivery_table.Grouped, by: str, rest: pd.DataFrame) -> tuple[str, str]:
    """Write the picture's words: what is seen, and over which rows; open rows stay in the denominator."""
    overall = grouped.frame.attrs["overall"]
    rate, messages = (
        percent(overall["delivered"] / overall["rows"]),
        counted(overall["rows"], "accepted message"),
    )
    share = tr("{rate} of {messages} delivered", rate=rate, messages=messages)
    timed = grouped.seconds[~np.isnan(grouped.seconds)]
    title = share
    if len(timed):
        time = _within(float(np.median(timed)))
        title = tr(
            "{rate} of {messages} delivered, half of these within {time}", rate=rate, messages=messages, time=time
        )
    if grouped.labels:
        title = _finding(grouped, by)
    waiting, untimed = overall["open"], overall["delivered"] - len(timed)
    parts = [
        share if grouped.labels else "",
        tr("open, counted as not delivered so far: {number}", number=f"{waiting:,}") if waiting else tr("none open"),
        tr("undelivered: {number}", number=f"{overall['undelivered']:,}"),
        tr("delivered without a usable time, not on the curve: {number}", number=f"{untimed:,}") if untimed else "",
    ]
    if len(rest):
        left_out = {"groups": counted(len(rest), "group"), "rows": counted(int(rest["rows"].sum()), "row")}
        parts.append(tr("left out: {groups} with {rows}", **left_out))
    return title, " · ".join(filter(None, parts))


def _finding(grouped: delivery_table.Grouped, by: str) -> str:
    """Name the group of which the least arrived, unless groups differ by chance; rates are over final receipts."""
    about, table = grouped.frame.attrs, grouped.frame
    p, overall = about["p"], about["overall"]
    title = tr("Delivered by {columns}", columns=by)
    if p is None:
        return title
    if p > chance.LEVEL:
        note = translated(about["note"].partition("\n")[0])[:-1]
        return tr("{title}: {finding}", title=title, finding=f"{note[0].lower()}{note[1:]}")
    final = (table["delivered"] + table["undelivered"]).to_numpy()
    below = (overall["rate"] * final - table["delivered"].to_numpy()) / np.sqrt(np.maximum(final, 1))
    worst = table.iloc[[int(below.argmax())]].to_dict("records")[0]
    finding = tr(
        "{group} {rate} of the final receipts, against {overall} of all",
        group=group_name([worst[label] for label in grouped.labels], 40),
        rate=percent(worst["rate"]),
        overall=percent(overall["rate"]),
    )
    return tr("{title}: {finding}", title=title, finding=finding)


def _within(seconds: float) -> str:
    return tr("a second") if seconds <= 1 else duration(round(seconds))
