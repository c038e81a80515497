"""Tables of results, formatted for reading: shares in percent, thousands separated, whole texts. Values stay numbers."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from nxsms_nb.formatting import html_card, html_line, html_table, percent
from nxsms_nb.words.language import tr

_SHARES: Final = frozenset({"share", "rate", "low", "high", "rest_rate"})
_NAMES: Final = frozenset({"code", "batch", "hour"})
"""Columns of whole numbers that identify something rather than count it."""
_PROBABILITIES: Final = frozenset({"p", "p_adjusted"})


class Table(pd.DataFrame):
    """A table of results. Whatever is derived from it, for example by selecting columns, is an ordinary frame."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return self._written()

    def _repr_html_(self) -> str | None:
        if not pd.options.display.notebook_repr_html:
            return None
        return html_card("table", "", self._html())

    def _written(self) -> str:
        """Format the table as text, with as many rows as pandas' options allow."""
        part, more = self._part()
        if not part.shape[1] or not len(part):
            return repr(pd.DataFrame(self))
        return _in_words(part).to_string(line_width=pd.options.display.width, max_colwidth=None) + (
            f"\nand {more:,} more rows" if more else ""
        )

    def _html(self) -> str:
        part, more = self._part()
        heads = [(str(label), _is_number(part.iloc[:, place])) for place, label in enumerate(part.columns)]
        rows: Any = _in_words(part).itertuples(index=False, name=None)
        if not isinstance(part.index, pd.RangeIndex) or part.index.name is not None:
            heads = [(str(part.index.name or ""), False), *heads]
            rows = ((str(label), *row) for label, row in zip(part.index, rows, strict=True))
        rest = html_line(tr("and {number} more rows", number=f"{more:,}"), faint=True) if more else ""
        return html_table(heads, rows) + rest

    def _part(self) -> tuple[pd.DataFrame, int]:
        """Return the rows that are shown, and how many are not."""
        most = pd.options.display.max_rows or len(self)
        return pd.DataFrame(self.head(most)), max(0, len(self) - most)


def _in_words(part: pd.DataFrame) -> pd.DataFrame:
    shares = "mean" not in part.columns
    columns = [
        [_cell(str(label), value, shares=shares) for value in part.iloc[:, place]]
        for place, label in enumerate(part.columns)
    ]
    rows = list(zip(*columns, strict=True))
    return pd.DataFrame(rows, index=part.index, columns=part.columns, dtype=object)


def _is_number(values: Any) -> bool:
    return isinstance(values, pd.Series) and pd.api.types.is_numeric_dtype(values) and values.dtype != bool


def _cell(name: str, value: Any, *, shares: bool) -> str:
    """Format one value; `shares` says whether columns named after rates hold shares.

    Examples
    --------
    >>> _cell("share", 0.0462, shares=True), _cell("count", 4812, shares=True), _cell("code", 13005, shares=True)
    ('4.6%', '4,812', '13005')
    >>> _cell("p", 0.00001, shares=True), _cell("ratio", 3.14159, shares=True), _cell("share", float("nan"), shares=True)
    ('<0.001', '3.142', '–')
    """
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"
    if isinstance(value, bool) or not pd.api.types.is_number(value):
        return str(value)
    number: Any = value
    if name in _NAMES:
        return f"{number:.0f}"
    if shares and name in _SHARES:
        return percent(float(number))
    if name in _PROBABILITIES:
        return f"{number:.3f}" if number >= 0.001 else "<0.001"
    if pd.api.types.is_integer(number):
        return f"{number:,}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
