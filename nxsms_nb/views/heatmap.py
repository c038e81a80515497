"""Failure rates of two groupings at once, as a table of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import failures as failure_table
from nxsms_nb.analysis import groups
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns
from nxsms_nb.views import bars, group_bars, labels, sheets, style
from nxsms_nb.words.language import counted, tr

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from nxsms_nb.analysis.derived import Asked

Floats = npt.NDArray[np.float64]

_MOST: Final = 24
"""How many rows and columns there are at most."""

_FAINT: Final = 0.25


def heatmap(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    by: Any = ("country", "hour"),
    bins: Any = None,
    min_rows: int = 20,
    asked: Asked,
) -> Axes:
    """Draw the failure rate of each pair of groups; the accessor's `plot.heatmap` documents it."""
    if not isinstance(by, (list, tuple)) or len(by) != 2:
        raise ConfigError(f"by={named(by)} is not two columns. Name two, as in by=['country', 'hour'].")
    if isinstance(min_rows, bool) or not isinstance(min_rows, (int, np.integer)) or min_rows < 0:
        raise ConfigError(f"min_rows={named(min_rows)} is not a whole number, 0 or more.")
    grouped = failure_table.grouped(frame, list(by), asked, bins=bins)
    grouped = grouped._replace(frame=labels.with_weekdays(grouped.frame, frame, grouped.labels))
    sandbox = columns.from_sandbox(frame)
    cells = group_bars.each(grouped)
    cells = cells[cells["answered"] > 0]
    if not len(cells):
        sheet = sheets.sheet(ax, 2.4, sandbox=sandbox)
        sheet.words(tr(bars.UNANSWERED))
        return sheet.ax
    (rows, names), (lines, heads) = (_line(cells, label) for label in grouped.labels)
    inside = (rows >= 0) & (lines >= 0)
    failed, answered = np.zeros((len(names), len(heads))), np.zeros((len(names), len(heads)))
    spots = rows[inside], lines[inside]
    failed[spots], answered[spots] = cells["failed"].to_numpy()[inside], cells["answered"].to_numpy()[inside]
    sheet = sheets.sheet(ax, 2.2 + 0.36 * len(names), sandbox=sandbox)
    sheet.names(range(len(names)), names)
    _draw(sheet, failed, answered, heads, min_rows)
    sheet.ax.set_xlabel(labels.by_words(frame, grouped.labels[1:], asked.tz), fontsize=sheet.size, color=sheet.faint)
    title, note = group_bars.finding(grouped, labels.by_words(frame, grouped.labels, asked.tz))
    few = tr("faint: under {number} answered", number=min_rows) if (answered[answered > 0] < min_rows).any() else ""
    left_out = int((~inside).sum())
    silent = tr("{groups} left out", groups=counted(left_out, "group")) if left_out else ""
    sheet.title(title, " · ".join(filter(None, [tr("% failed of the answered"), few, silent, note])))
    labels.finish(sheet.ax)
    return sheet.ax


def _line(cells: pd.DataFrame, label: Any) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the position of each cell along one side, -1 for those left out, and the names along it.

    Groups with an order of their own keep it; others are sorted by their failures, most first.
    """
    values = cells[label]
    ordered = groups.is_ordered(values)
    codes, kinds = groups.numbered(values, label, ordered=ordered)
    weights = np.bincount(codes, weights=cells["failed"])
    there = np.unique(codes)
    most = there[np.argsort(-weights[there], kind="stable")][:_MOST]
    kept = np.sort(most) if ordered else most
    places = np.full(len(kinds) + 1, -1)
    places[kept] = np.arange(len(kept))
    names = [labels.value_text(None if code == len(kinds) else kinds[code], 30) for code in kept]
    return places[codes], names


def _draw(sheet: sheets.Sheet, failed: Floats, answered: Floats, heads: list[str], min_rows: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - only who draws pays for it

    ax = sheet.ax
    rates = np.divide(failed, answered, out=np.full(failed.shape, np.nan), where=answered > 0)
    enough = answered >= max(min_rows, 1)
    top = float(np.nanmax(np.where(enough, rates, np.nan) if enough.any() else rates)) or 1.0
    shades = LinearSegmentedColormap.from_list("rate", [sheet.mixed(0.06), style.STATUS_COLOURS["Failure"]])
    alpha: Any = np.where(enough, 1.0, _FAINT)
    ax.pcolormesh(
        np.arange(len(heads) + 1) - 0.5,
        np.arange(len(failed) + 1) - 0.5,
        np.ma.masked_invalid(rates),
        cmap=shades,
        vmin=0,
        vmax=top,
        alpha=alpha,
        edgecolor=sheet.page,
        linewidth=1,
    )
    ax.grid(visible=False)
    ax.set_ylim(len(failed) - 0.5, -0.5)
    small = 0.9 * sheet.size
    room = sheet.plot / len(heads)
    across = max(labels.width(head, small) for head in heads) + 4 < room
    shown = heads if across else [labels.wrapped(head, 90, small, lines=1) for head in heads]
    ax.set_xticks(
        range(len(heads)),
        labels=[labels.drawable(head)[0] for head in shown],
        rotation=0 if across else 90,
        fontsize=small,
        color=sheet.ink,
    )
    ax.tick_params(axis="x", length=0)
    sheet.spines()
    texts = [
        [f"{100 * rate:.0f}" if rate >= 0.095 or not rate else f"{100 * rate:.1f}" for rate in row] for row in rates
    ]
    if max(labels.width(text, small) for row in texts for text in row) + 3 > room:
        return
    for (row, column), rate in np.ndenumerate(rates):
        if np.isnan(rate):
            continue
        ink = sheet.on(shades(rate / top)) if enough[row, column] else sheet.faint
        ax.text(column, row, texts[row][column], ha="center", va="center", fontsize=small, color=ink)
