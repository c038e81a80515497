"""Arms of an experiment as dots with intervals: their rates, and next to them how far each is from the control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nxsms_nb.analysis.experiments import compare as compare_table
from nxsms_nb.formatting import percent
from nxsms_nb.results import columns
from nxsms_nb.views import labels, masking, sheets, style
from nxsms_nb.words.language import joined, tr

if TYPE_CHECKING:
    from collections.abc import Hashable

    from matplotlib.axes import Axes


def compare(frame: pd.DataFrame, ax: Axes | None = None, *, by: Hashable = "variant", **options: Any) -> Axes:
    """Draw what `compare` gives; the accessor's `plot.compare` documents it."""
    table: pd.DataFrame = compare_table(frame, by, **options)
    names, control, value = _arms(table)
    level = table.attrs["level"]
    sheet = sheets.sheet(ax, 2.4 + 0.55 * len(names), sandbox=columns.from_sandbox(frame))
    sheet.ax.set_axis_off()
    rates, differences = _panels(sheet, names)
    verdicts = table["p_adjusted"].to_numpy() < level
    tones = [style.NEUTRAL if beyond else sheet.faint for beyond in verdicts]
    tones[control] = sheet.ink
    words = [_amount(amount, value) for amount in table[value]]
    _dots(sheet, rates, table[[value, "low", "high"]], tones, words)
    rates.axvline(table[value].iloc[control], color=sheet.faint, linestyle="--", linewidth=1, zorder=1)
    words = [_difference(row, value) for row in table.to_dict("records")]
    _dots(sheet, differences, table[["diff", "diff_low", "diff_high"]], tones, words)
    differences.axvline(0, color=sheet.faint, linestyle="--", linewidth=1, zorder=1)
    differences.annotate(
        tr("control"),
        (0, control),
        (5, 0),
        textcoords="offset points",
        va="center",
        color=sheet.faint,
        fontsize=0.9 * sheet.size,
    )
    _scales(sheet, rates, differences, value)
    looks = "{level}% intervals, to be looked at any time, not corrected"
    looks = looks if options.get("sequential") else "{level}% intervals, not corrected"
    sheet.title(
        finding(table),
        " · ".join(
            [
                tr("{outcome} by {column}", outcome=outcome_name(table.attrs["outcome"]), column=masking.name(str(by))),
                tr(looks, level=f"{100 * (1 - level):.3g}"),
                tr("p corrected for the number of arms"),
            ]
        ),
    )
    for panel in (sheet.ax, rates, differences):
        labels.finish(panel)
    return sheet.ax


def _panels(sheet: sheets.Sheet, names: list[str]) -> tuple[Axes, Axes]:
    """Place two panels within the axes: side by side, or one above the other where there is little room."""
    places = [(0, 0.62, 1, 0.38), (0, 0, 1, 0.38)] if sheet.narrow else [(0, 0, 0.46, 1), (0.54, 0, 0.46, 1)]
    rates, differences = (sheet.ax.inset_axes(place) for place in places)
    for panel in (differences, rates):
        panel.set_facecolor("none")
        height = (sheet.height - 110) * (0.38 if sheet.narrow else 1)
        sheet.names(range(len(names)), names, ax=panel, height=height)
        panel.set_ylim(len(names) - 0.5, -0.8)
    if not sheet.narrow:
        differences.set_yticklabels([])
    return rates, differences


def _dots(sheet: sheets.Sheet, panel: Axes, table: pd.DataFrame, tones: list[str], words: list[str]) -> None:
    """Draw dots with their intervals, each below its words."""
    for place, (row, tone, said) in enumerate(zip(table.to_numpy(), tones, words, strict=True)):
        middle, low, high = row
        if np.isnan(middle):
            continue
        if not np.isnan(low):
            half = (high - low) / 2
            panel.errorbar(low + half, place, xerr=half, fmt="none", ecolor=tone, elinewidth=2, capsize=3.5, zorder=3)
        panel.scatter([middle], [place], s=46, color=tone, zorder=4)
        if sheet.pitch < 2.2 * sheet.size:  # no room above a dot
            continue
        panel.annotate(
            said,
            (middle, place),
            (0, 7),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=0.9 * sheet.size,
            color=sheet.ink,
            bbox={"facecolor": sheet.page, "edgecolor": "none", "pad": 0.8},
            zorder=2,
        )
    panel.margins(x=0.2)


def _scales(sheet: sheets.Sheet, rates: Axes, differences: Axes, value: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - only who draws pays for it

    percent = value == "rate"
    for panel, words in ((rates, value), (differences, "difference, in points" if percent else "difference")):
        panel.set_xlabel(tr(words), fontsize=0.9 * sheet.size, color=sheet.faint)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.tick_params(axis="x", colors=sheet.faint, labelsize=0.9 * sheet.size)
        sheet.lines(panel, "x")
        sheet.spines("bottom", ax=panel)
    if percent:
        rates.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{100 * rate:.3g}%"))
        differences.xaxis.set_major_formatter(
            FuncFormatter(lambda points, _: f"{100 * points:+.3g}" if points else "0")
        )


def _arms(table: pd.DataFrame) -> tuple[list[str], int, str]:
    """Return the arms' names, the place of the control, and what is measured."""
    names = [masking.name(str(name)) for name in table.iloc[:, 0]]
    return names, names.index(table.attrs["control"]), "rate" if "rate" in table.columns else "mean"


def _amount(amount: float, value: str) -> str:
    return percent(amount) if value == "rate" else f"{amount:,.4g}"


def _difference(row: dict[Any, Any], value: str) -> str:
    amount = tr("{number} points", number=f"{100 * row['diff']:+.1f}") if value == "rate" else f"{row['diff']:+,.4g}"
    return amount if pd.isna(row["p_adjusted"]) else f"{amount}, {_p(row['p_adjusted'])}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.095 else f"p = {value:.2f}"


def finding(table: pd.DataFrame) -> str:
    """Describe the verdicts; nothing is called better without evidence."""
    names, control, value = _arms(table)
    rows = table.to_dict("records")
    names = [f'"{name}"' if " " in name else name for name in names]
    others = [place for place in range(len(rows)) if place != control]
    different = [place for place in others if rows[place]["p_adjusted"] < table.attrs["level"]]
    if len(others) > 1 and len(different) != 1:
        if different:
            return tr(
                "{different} of {arms} arms differ from {control}: {names}",
                different=len(different),
                arms=len(others),
                control=names[control],
                names=joined([names[i] for i in different]),
            )
        return tr(
            "No evidence that any of {arms} arms differs from {control}", arms=len(others), control=names[control]
        )
    place = different[0] if different else others[0]
    row = rows[place]
    if pd.isna(row["p_adjusted"]):
        return tr("{arm} and {control} cannot be compared", arm=names[place], control=names[control])
    said = "No evidence that {arm} differs from {control}: {amount} against {usual}, {p}"
    if different:
        than = "higher" if row["diff"] > 0 else "lower"
        said = f"{{arm}} is {than} than {{control}}: {{amount}} against {{usual}}, {{p}}"
    return tr(
        said,
        arm=names[place],
        control=names[control],
        amount=_amount(row[value], value),
        usual=_amount(rows[control][value], value),
        p=_p(row["p_adjusted"]),
    )


def outcome_name(outcome: str) -> str:
    """Return the outcome's name: the word for a built-in one, else the column's name."""
    return tr(outcome) if outcome in ("accepted", "delivered") else outcome
