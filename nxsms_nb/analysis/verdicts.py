"""The table of a comparison with its conclusions in words."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from nxsms_nb.formatting import count, html_card, html_line, mask_name
from nxsms_nb.tables import Table

_UNCORRECTED: Final = (
    "The verdict is p_adjusted, held against {level:g}: p corrected for the number of comparisons (Holm). The intervals are "
    "{share:.3g}% each and not corrected."
)
_ONCE: Final = "Intervals and p hold for one look, at the end. To look while results come in: sequential=True."
_ALWAYS: Final = "Intervals and p hold however often you look (sequential=True)."


class Comparison(Table):
    """The table that `compare` gives, shown with its words below. What is made of it is an ordinary frame.

    The words are in ``attrs["words"]``, what each column was made by in ``attrs["methods"]``.
    """

    def __repr__(self) -> str:
        return f"{super().__repr__()}\n\n{self.attrs.get('words', '')}"

    def _repr_html_(self) -> str | None:
        if not pd.options.display.notebook_repr_html:
            return None
        return html_card("table", "", self._html(), *map(html_line, self.attrs.get("words", "").splitlines()))


def words(
    table: pd.DataFrame, by: Any, control: int, *, outcome: str, level: float, sequential: bool, notes: list[str]
) -> str:
    """Describe a comparison, one line for each arm; nothing is called better without evidence."""
    rate = "rate" if "rate" in table.columns else "mean"
    names = [mask_name(str(name)) for name in table[by]]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]
    lines = [f"Outcome: {outcome}."]
    lines += [
        f"{name}: {_arm(row, rows[control], names[control], rate, level)}"
        for place, (name, row) in enumerate(zip(names, rows, strict=True))
        if place != control
    ]
    lines.append(_UNCORRECTED.format(level=level, share=100 * (1 - level)))
    lines.append(_ALWAYS if sequential else _ONCE)
    return "\n".join([*lines, *notes])


def _arm(row: dict[str, Any], control: dict[str, Any], name: str, rate: str, level: float) -> str:
    if pd.isna(row["p_adjusted"]):
        empty = not row["n"] or not control["n"]
        return "nothing to compare yet." if empty else "cannot be compared: too few rows, or no variation in them."
    percent = rate == "rate"
    value, other = (f"{each[rate]:.2%}" if percent else f"{each[rate]:.4g}" for each in (row, control))
    diff, low, high = (
        f"{100 * row[name]:+.2f}" if percent else f"{row[name]:+.4g}" for name in ("diff", "diff_low", "diff_high")
    )
    lift = f", lift {row['lift']:+.1%}" if not pd.isna(row["lift"]) else ""
    unit = " points" if percent else ""
    found = (
        f"{value}, against {other} for the control ({name}). Difference {diff}{unit} ({100 * (1 - level):.3g}% interval {low} to "
        f"{high}){lift}. p_adjusted {'< 0.001' if row['p_adjusted'] < 0.001 else '= ' + format(row['p_adjusted'], '.3f')}: "
    )
    if row["p_adjusted"] >= level:
        return f"{found}no evidence of a difference."
    return f"{found}{'higher' if row['diff'] > 0 else 'lower'} than the control, by more than chance."


def left_out(rows: int, why: str) -> str:
    """Describe how many rows do not count, and why."""
    return f"{count(rows, 'row')} {why} and {'is' if rows == 1 else 'are'} left out."
