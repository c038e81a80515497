"""Texts made from a template and the frame's columns."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Hashable, Iterator
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, only, to_series
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.formatting import listed, mask_digits, mask_name, named
from nxsms_nb.rows.cells import read
from nxsms_nb.rows.values import Kind

_DATES: Final = frozenset("aAbBCdeDFgGhjmuUVwWxyY%")
"""The directives of ``strftime`` that show a date only."""

_TEXT_AS_IT_IS: Final = (Kind.TEXT, Kind.INT, Kind.FRACTION, Kind.BOOL, Kind.OTHER)


def render(frame: pd.DataFrame, template: str) -> pd.Series:
    """Make each row's text.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients.
    template : str
        Text with ``{column}`` names, each with a format spec if need be (``{amount:.2f}``, ``{when:%d %b}``);
        ``{{`` and ``}}`` stand for braces. A name is a column's label; ``{0}`` is a column labelled 0.

    Returns
    -------
    pandas.Series of str
        Named ``content``, with the frame's index. Missing where a column it uses is null, where a whole number is a
        float without a spec (``1200.0``, which a gap somewhere in the column makes of 1200), where a value is not
        Unicode text, or where the spec does not fit this row's value. `validation` reports such rows.

    Raises
    ------
    ColumnError
        The frame has no such column, or more than one of that label.
    ConfigError
        The template cannot be read, wants more than a column and a spec, or has a spec that fits no value.

    Notes
    -----
    A row's text depends on that row only. Moments without a spec are written as ``2026-03-01 12:30:00``, midnight as
    the date alone. Attributes, items and conversions (``{x.y}``, ``{x[0]}``, ``{x!r}``) are not taken: a template must
    not reach further than the frame.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["Ann", "Bo"], "amount": [1200, None]})
    >>> content = render(frame, "Hi {name}, you owe {amount:,.2f}")
    >>> content[0], content.isna().tolist()
    ('Hi Ann, you owe 1,200.00', [False, True])
    """
    if not isinstance(template, str):
        raise ConfigError(f"A template is text, not {type(template).__name__}: render('Hi {{name}}')")
    pieces: list[pa.Array | pa.Scalar] = []
    for literal, name, spec in _parsed(template):
        if literal:
            pieces.append(_literal(literal))
        if name is not None:
            values = frame[_label(frame, name)]
            pieces.append(_formatted(values, name, spec) if spec else _plain(values))
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        pieces.append(pa.repeat(_literal(""), len(frame)))
    text = pc.binary_join_element_wise(*pieces, _literal(""))
    return to_series(text, frame.index, "content")


def _parsed(template: str) -> Iterator[tuple[str, str | None, str]]:
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(
            f"The template cannot be read: {error}. A brace that is part of the text is written twice: {{{{ or }}}}."
        ) from error
    for literal, name, spec, conversion in pieces:
        if conversion is not None:
            raise ConfigError(
                f"{{{mask_name(name or '')}!{conversion}}} in the template asks for a conversion. Only {{column}} and {{column:spec}} are "
                "taken: make a column of it first."
            )
        if spec and "{" in spec:
            raise ConfigError(
                f"{{{mask_name(name or '')}:{mask_name(spec)}}} in the template has a field within its spec. Write the spec out."
            )
        if name == "":
            raise ConfigError("{} in the template names no column. Write its name, as in {name}.")
        yield literal, name, spec or ""


def _literal(text: str) -> pa.Scalar:
    try:
        return pa.scalar(text, TEXT)
    except UnicodeEncodeError as error:
        raise ConfigError(
            "The template holds half a character (a lone surrogate). Write that character anew."
        ) from error


def _label(frame: pd.DataFrame, name: str) -> Hashable:
    labels: list[Hashable] = [name]
    if name.isdecimal():
        labels.append(int(name))
    for label in labels:
        there = int((frame.columns == label).sum()) if label in frame.columns else 0
        if there == 1:
            return label
        if there:
            raise ColumnError(f"The frame has more than one column {named(label)}. Rename or drop all but one.")
    columns = [str(label) for label in frame.columns]
    there_are = f"Its columns: {listed(list(frame.columns), 20)}" if columns else "It has no columns"
    if "." in name or "[" in name:
        raise ConfigError(
            f"{{{mask_name(name)}}} in the template reaches into a value. Only {{column}} and {{column:spec}} are taken: make a "
            f"column of it first. {there_are}"
        )
    near = difflib.get_close_matches(name, columns, 1)
    meant = f" Did you mean {{{mask_name(near[0])}}}?" if near else ""
    raise ColumnError(
        f"{{{mask_name(name)}}} in the template names a column the frame does not have.{meant} {there_are}"
    )


def _plain(values: pd.Series) -> pa.Array:
    cells = read(values)
    return only(cells.text, cells.of(*_TEXT_AS_IT_IS))


def _formatted(values: pd.Series, name: str, spec: str) -> pa.Array:
    if values.dtype == object:
        # A mixture: 1, 1.0 and True are equal but not written alike.
        return pa.array(_written(values.tolist(), name, spec), TEXT)
    codes, different = pd.factorize(_rounded(values, spec))
    written = pa.array(_written(pd.Series(different).tolist(), name, spec), TEXT)
    return written.take(pa.array(codes, mask=codes < 0))


def _rounded(values: pd.Series, spec: str) -> pd.Series:
    """Moments without the hours that the spec does not show: as many different values as there are days."""
    asked = set(re.findall("%[-#^_0]?(.)", spec))
    return values.dt.normalize() if values.dtype.kind == "M" and asked and asked <= _DATES else values


def _written(values: list[Any], name: str, spec: str) -> list[str | None]:
    texts: list[str | None] = []
    wrong: Exception | None = None
    for value in values:
        try:
            text = None if pd.isna(value) is True else format(value, spec)
            if text is not None and not text.isascii():
                text.encode()
        except UnicodeEncodeError:
            text = None
        except Exception as error:  # noqa: BLE001 - whatever a value's own __format__ raises
            text, wrong = None, error
        texts.append(text)
    if wrong is not None and not any(text is not None for text in texts):
        raise ConfigError(
            f"{{{mask_name(name)}:{mask_name(spec)}}} in the template: the spec fits no value of the column ({mask_digits(str(wrong))}). Give one for its type: "
            ".2f for numbers, %d %b for dates, none for text."
        ) from wrong
    return texts
