"""Results as small HTML tables: styles inline, no scripts, everything escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from nxsms_nb.analysis import causes
from nxsms_nb.formatting import count, escape, html_table, mask_name, percent
from nxsms_nb.results.statuses import LABELS, WORDS
from nxsms_nb.views import group_bars, labels
from nxsms_nb.views.style import STATUS_COLOURS

if TYPE_CHECKING:
    from nxsms_nb.analysis.failures import Grouped

MOST: Final = 15
"""How many rows a table has at most."""

_FAINT: Final = "opacity:.65"
_SMALL: Final = "opacity:.65;font-size:13px"


def cards(summary: pd.DataFrame, *, sandbox: bool = False) -> str:
    """Render a summary's counts as cards in HTML, one per status; of the lesser statuses empty ones are left out."""
    shown = summary[(summary["count"] > 0) | summary["status"].isin(["Success", "Failure"])]
    parts = []
    for status, words, number, share in shown.itertuples(index=False):
        rate = "" if pd.isna(share) else f' <span style="{_SMALL}">{escape(percent(share))}</span>'
        parts.append(
            f'<div style="border-left:5px solid {STATUS_COLOURS[status]};padding:2px 14px 2px 10px">'
            f'<div style="{_FAINT}">{escape(status)}</div>'
            f'<div style="font-size:1.5em;line-height:1.3;white-space:nowrap">{number:,}{rate}</div>'
            f'<div style="{_SMALL}">{escape(words)}</div></div>'
        )
    note = f"{'sandbox · ' if sandbox else ''}shares are of what the gateway answered"
    total = f'<b>{count(int(summary["count"].sum()), "row")}</b> <span style="{_SMALL}">{note}</span>'
    row = f'<div style="display:flex;flex-wrap:wrap;gap:10px 6px;margin:8px 0">{"".join(parts)}</div>'
    return f"<div>{total}{row}</div>"


def causes_table(table: pd.DataFrame) -> str:
    """Render the causes of failures with advice as an HTML table, the most frequent first; empty where nothing failed."""
    if not len(table):
        return ""
    beside = [name for name in ("invalid", "unsent") if table[name].any()]
    words = {"invalid": LABELS["Invalid"], "unsent": WORDS["Unsent"]}
    heads = [("code", False), ("meaning", False), ("failed", True), ("of the answered", True)]
    heads += [(words[name], True) for name in beside] + [("what to do", False)]
    shown = table.head(MOST)
    columns = [
        ["" if pd.isna(code) else str(code) for code in shown["code"]],
        shown["meaning"].tolist(),
        [f"{number:,}" for number in shown["count"]],
        ["" if pd.isna(share) else percent(share) for share in shown["share"]],
        *([f"{number:,}" if number else "" for number in shown[name]] for name in beside),
        shown["advice"].astype(object).where(shown["advice"].notna(), "").tolist(),
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return _table(heads, rows, len(table))


def groups(grouped: Grouped) -> str:
    """Render each group's rate and its most frequent cause in HTML; empty where the gateway answered nothing."""
    shown, rest = group_bars.groups_shown(grouped)
    if not len(shown):
        return ""
    heads = [
        *((mask_name(str(label)), False) for label in grouped.labels),
        ("answered", True),
        ("failed", True),
        ("rate", True),
    ]
    heads.append(("most frequent cause", False))
    keys = shown[grouped.labels].astype(object).to_numpy()
    rows = [
        [*(labels.value_text(value, 200) for value in key), f"{answered:,}", f"{failed:,}", rate, cause]
        for key, answered, failed, rate, cause in zip(
            keys,
            shown["answered"],
            shown["failed"],
            map(percent, shown["rate"]),
            causes.names(shown),
            strict=True,
        )
    ]
    below = [words for words in (grouped.frame.attrs.get("note"), group_bars.silent(grouped)) if words]
    lines = "".join(f'<div style="{_FAINT}">{escape(words)}</div>' for words in below)
    return _table(heads, rows, len(shown) + len(rest)) + lines


def _table(heads: list[tuple[str, bool]], rows: list[list[str]], total: int) -> str:
    more = f'<div style="{_FAINT}">and {total - len(rows):,} more</div>' if total > len(rows) else ""
    return html_table(heads, rows) + more
