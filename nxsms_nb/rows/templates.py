"""Make texts from a template and the frame's columns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, present, to_series
from nxsms_nb.errors import ColumnError, ConfigError, RenderWarning
from nxsms_nb.formatting import count, listed, named
from nxsms_nb.rows.columns import one_column
from nxsms_nb.rows.display import display_text, missing
from nxsms_nb.rows.placeholders import Placeholder, parsed
from nxsms_nb.rows.specs import formatted
from nxsms_nb.screen import warn

__all__ = ["Filled", "Texts", "render", "rendered"]

Mask = npt.NDArray[np.bool_]
_NOTHING: Final = pa.scalar("", TEXT)
_UNFIT: Final = "does not fit the value"
_UNWRITABLE: Final = "is half a character, or a float too large to hold every digit,"


def render(frame: pd.DataFrame, template: str | Mapping[Any, str], *, by: Hashable | None = None) -> pd.Series:
    """Make each row's text; see ``df.nxsms.render``.

    A template must not reach further than the frame: attributes, items and conversions (``{x.y}``, ``{x[0]}``, ``{x!r}``)
    are refused.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["Ann", None], "amount": [1200, 9]})
    >>> render(frame, "Hi {name|there}, you owe {amount:,.2f}").to_list()
    ['Hi Ann, you owe 1,200.00', 'Hi there, you owe 9.00']
    """
    text, words = rendered(frame, template, by)
    if words is not None:
        warn(words, RenderWarning)
    return text


def rendered(
    frame: pd.DataFrame, template: str | Mapping[Any, str], by: Hashable | None = None
) -> tuple[pd.Series, str | None]:
    """Make each row's text as `render` does; return also its warning, None if every row has a text."""
    texts = Texts(frame)
    if isinstance(template, Mapping):
        text = _by_value(texts, template, by)
    elif by is not None:
        raise ConfigError(
            f"by={named(by)} needs a template for each value of that column. Give a mapping: "
            f"df.nxsms.render({{'de': 'Hallo {{name}}', 'en': 'Hi {{name}}'}}, by={named(by)})"
        )
    else:
        text = texts.fill(template, None)
    return to_series(text, frame.index, "content"), texts.words(text)


@dataclass(frozen=True)
class Filled:
    """The result of a template: each row's text, which rows have a gap in a column used, why some have no text."""

    text: pa.Array
    gaps: Mask
    lacking: str | None


class Texts:
    """The texts of a frame's rows, and why some of them are missing. Columns are written once for several templates."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._written: dict[tuple[Hashable, str], tuple[pa.Array, Mask]] = {}
        self._lacks: dict[str, tuple[Placeholder | None, Mask]] = {}

    def made(self, template: str) -> Filled:
        """Fill a template for all rows, as `render` does, without a warning."""
        self._lacks.clear()
        text = self.fill(template, None)
        used = [piece for piece in parsed(template, self.frame) if isinstance(piece, Placeholder)]
        gaps = np.zeros(len(self.frame), np.bool_)
        for piece in used:
            gaps |= self._of_column(piece)[1]
        return Filled(text, gaps, self.words(text))

    def fill(self, template: str, rows: npt.NDArray[np.int64] | None) -> pa.Array:
        """Return the texts of all rows, or of some."""
        if not isinstance(template, str):
            raise ConfigError(f"A template is text, not {type(template).__name__}: render('Hi {{name}}')")
        pieces = [
            self._filled(piece, rows) if isinstance(piece, Placeholder) else piece
            for piece in parsed(template, self.frame)
        ]
        if not any(isinstance(piece, pa.Array) for piece in pieces):
            pieces.append(pa.repeat(_NOTHING, len(self.frame) if rows is None else len(rows)))
        return pc.binary_join_element_wise(*pieces, _NOTHING)

    def _filled(self, piece: Placeholder, rows: npt.NDArray[np.int64] | None) -> pa.Array:
        text, gaps = self._of_column(piece)
        if rows is not None:
            text, gaps = text.take(pa.array(rows)), gaps[rows]
        if piece.fallback is not None and gaps.any():
            text = pc.if_else(pa.array(gaps), piece.fallback, text)
            gaps = np.zeros(len(gaps), np.bool_)
        if text.null_count:
            lacking = ~present(text)
            self.lack(f"{named(piece.label)} is missing in", piece, gaps, rows)
            self.lack(f"{piece} {_UNFIT if piece.spec else _UNWRITABLE} in", None, lacking & ~gaps, rows)
        return text

    def _of_column(self, piece: Placeholder) -> tuple[pa.Array, Mask]:
        at = piece.label, piece.spec
        if at not in self._written:
            values = self.frame[piece.label]
            text = formatted(values, str(piece), piece.spec) if piece.spec else display_text(values)
            self._written[at] = text, missing(values)
        return self._written[at]

    def lack(self, why: str, piece: Placeholder | None, lacking: Mask, rows: npt.NDArray[np.int64] | None) -> None:
        """Note that rows get no text, and why."""
        if not lacking.any():
            return
        _, mask = self._lacks.setdefault(why, (piece, np.zeros(len(self.frame), np.bool_)))
        mask[np.flatnonzero(lacking) if rows is None else rows[lacking]] = True

    def words(self, text: pa.Array) -> str | None:
        """Describe how many rows have no text, and why; None if all have one."""
        if not text.null_count:
            return None
        first = int(np.flatnonzero(~present(text))[0])
        why = ", ".join(f"{words} {int(mask.sum()):,}" for words, (_, mask) in self._lacks.items())
        gap = next((piece for piece, _ in self._lacks.values() if piece is not None), None)
        remedy = "" if gap is None else f" Write the replacement after a |, as in {gap.with_fallback()}."
        return (
            f"{text.null_count:,} of {count(len(text), 'row')} got no text, the first at position {first}: {why}."
            f"{remedy} Rows without a text are not sent."
        )


def _by_value(texts: Texts, templates: Mapping[Any, str], by: Hashable | None) -> pa.Array:
    """Fill each row's template, named by its value in a column."""
    frame = texts.frame
    if by is None:
        raise ConfigError(
            f"Several templates need a column that says who gets which, as in render({{…}}, by={_example(frame)})"
        )
    if not templates:
        raise ConfigError("The mapping has no template. Give one for each value: render({'de': '…', 'en': '…'}, by=…)")
    values = frame[one_column(frame, by, "by")]
    try:
        codes, different = pd.factorize(values, use_na_sentinel=True)
    except TypeError:
        raise ColumnError(f"by={named(by)} names a column of values such as lists. Name one of plain values.") from None
    names = list(templates)
    known = pd.Series(different).tolist()
    gap = next((number for number, name in enumerate(names) if _is_gap(name)), -1)
    number_of = {name: number for number, name in enumerate(names) if not _is_gap(name)}
    # A gap is one more value, for which there may be a template.
    which = np.array([*[number_of.get(value, -1) for value in known], gap], np.int64)[codes]
    if len(frame) and (which < 0).all():
        there = listed(known, 5) if known else "only gaps"
        raise ConfigError(
            f"No row's {named(by)} is one of {listed(names, 5)}, for which there are templates. The column has {there}."
        )
    pieces, places = [pa.array([], TEXT)], [np.empty(0, np.int64)]
    for number, name in enumerate(names):
        rows = np.flatnonzero(which == number)
        pieces.append(texts.fill(templates[name], rows))
        places.append(rows)
    for code in np.unique(codes[which < 0]):
        value = "a gap" if code < 0 else named(known[code])
        texts.lack(f"no template is for {named(by)} {value} in", None, codes == code, None)
    order = np.full(len(frame), -1, np.int64)
    order[np.concatenate(places)] = np.arange(sum(map(len, places)))
    return pa.concat_arrays(pieces).take(pa.array(order, mask=order < 0))


def _is_gap(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _example(frame: pd.DataFrame) -> str:
    return named(frame.columns[0]) if len(frame.columns) else "'language'"
