"""Map a frame's own columns to the API's fields."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import listed, mask_name, named
from nxsms_nb.wire.fields import FIELDS, Field

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["found", "one_column", "one_label", "resolve"]

_INVISIBLE: Final = re.compile("[\u200b-\u200f\u2060\ufeff]")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "phone": (
        "mobile", "msisdn", "telephone", "tel", "cell", "phone_number", "mobile_number", "handy", "telefon", "number", "to",
        "手机号", "手机", "电话", "手机号码",
    ),
    "content": ("text", "message", "body", "sms", "msg", "nachricht", "内容", "短信内容", "短信"),
    "source_address": ("sender", "sender_id", "from", "absender"),
}  # fmt: skip
"""Common names of a field's column, folded as by `_folded`."""
_PHONE: Final = next(field for field in FIELDS if field.name == "phone")


def resolve(frame: pd.DataFrame, renames: Mapping[str, Hashable | None] | None = None) -> dict[str, Hashable]:
    """Find the frame's column for each API field.

    `renames` maps fields (snake_case) to the labels of the frame's columns. Returns the labels of the fields that the
    frame has, in the API's order; a missing, unknown or ambiguous column raises `ColumnError`.

    Examples
    --------
    >>> import pandas as pd
    >>> resolve(pd.DataFrame({"mobile": ["8615088888888"], "content": ["Hi"]}), {"phone": "mobile"})
    {'phone': 'mobile', 'content': 'content'}
    """
    given = renames or {}
    labels = {field.name: _label(frame, field, given.get(field.name)) for field in FIELDS}
    return {name: label for name, label in labels.items() if label is not None}


def phone_label(frame: pd.DataFrame, given: Hashable | None = None) -> Hashable:
    """Find the column of phones alone; same as `resolve` otherwise."""
    return _label(frame, _PHONE, given)


def _label(frame: pd.DataFrame, field: Field, given: Hashable | None) -> Hashable | None:
    """Return the label of a field's column; None if an optional field has none."""
    if given is not None:
        return one_column(frame, given, field.name)
    spellings = {name: label for name in (field.name, field.wire) if (label := found(frame, name)) is not None}
    if len(spellings) > 1:
        raise ColumnError(
            f"The frame has both {field.name!r} and {field.wire!r}, two spellings of one field. "
            f"Drop one, or say which: {field.name}={field.name!r}"
        )
    if not spellings and field.required:
        raise ColumnError(_missing(frame, field))
    return next(iter(spellings.values()), None)


def found(frame: pd.DataFrame, label: Hashable) -> Hashable | None:
    """Return the frame's label for the one that a person wrote; None if there is no such column.

    In columns of several levels, ``"phone"`` is ``("phone", "")``.

    Examples
    --------
    >>> import pandas as pd
    >>> found(pd.DataFrame(columns=["phone", "content"]), "content")
    'content'
    """
    columns = list(frame.columns)
    number = sum(1 for column in columns if _same(column, label))
    if number > 1:
        raise ColumnError(f"The frame has more than one column {named(label)}. Rename or drop all but one.")
    if number:
        return label
    below = [column for column in columns if isinstance(column, tuple) and column[:1] == (label,)]
    alone = [column for column in below if not any(part != "" for part in column[1:])]
    if len(alone) == 1 == len(below):
        return alone[0]
    if below:
        raise ColumnError(
            f"Column {named(label)} has several columns below it: {listed(below, 5)}. Name one of them in full, with all its levels, "
            "or flatten the columns:\n"
            '    df.columns = ["_".join(map(str, label)).strip("_") for label in df.columns]'
        )
    return None


def _same(column: Hashable, label: Hashable) -> bool:
    equal = column == label
    # Comparing a missing label gives no answer.
    return column is label or (isinstance(equal, (bool, np.bool_)) and bool(equal))


def one_column(frame: pd.DataFrame, label: Any, option: str) -> Hashable:
    """Return the frame's column that an option names; raise `ColumnError` where it names none, or several."""
    there = found(frame, one_label(option, label))
    if there is not None:
        return there
    near = meant(frame, label)
    if near is not None:
        hint = f" Did you mean {option}={named(near)}?"
    elif option in _NAMES and (option != "phone" or mask_name(repr(label)) != repr(label)):
        hint = f" {_constant(option, label)}"
    else:
        hint = ""
    raise ColumnError(
        f"{option}={named(label)} names a column the frame does not have.{hint} Its columns: {listed(list(frame.columns))}"
    )


def one_label(option: str, label: Any) -> Hashable:
    """Return the label that an option names; raise `ColumnError` for what cannot be a label, such as a column's values."""
    try:
        hash(label)
    except TypeError:
        values = f" Values go into a column first: df = df.assign({option}=…)." if option in _NAMES else ""
        raise ColumnError(
            f"{option}= takes a column's name, as in {option}='name', and was given a {type(label).__name__}.{values}"
        ) from None
    return label  # type: ignore[no-any-return]


def meant(frame: pd.DataFrame, label: Any, *also: str) -> Hashable | None:
    r"""Suggest a column for a label: one that differs only in case, blanks and invisible signs, or a similar one.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(columns=[chr(0xFEFF) + "phone", " Content "])
    >>> meant(frame, "phone"), meant(frame, "content"), meant(frame, "code")
    ('\ufeffphone', ' Content ', None)
    """
    columns: dict[str, Hashable] = {}
    for column in frame.columns:
        columns.setdefault(_folded(column), column)
    for name in (label, *also):
        if _folded(name) in columns:
            return columns[_folded(name)]
    near = difflib.get_close_matches(_folded(label), list(columns), 1, 0.75)
    return columns[near[0]] if near else None


_NAMES: Final = frozenset(field.name for field in FIELDS)


def _folded(label: Any) -> str:
    text = _INVISIBLE.sub("", "_".join(map(str, label)).rstrip("_") if isinstance(label, tuple) else str(label))
    return re.sub(r"[\s_\-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip())).strip("_").casefold()


def _missing(frame: pd.DataFrame, field: Field) -> str:
    """Describe a required field that has no column, and where it may be."""
    near = meant(frame, field.name, *_ALSO[field.name])
    if near is not None:
        remedy = f"Is it {near!r}? Name it, {field.name}={near!r}, or rename it: df.rename(columns={{{near!r}: {field.name!r}}})."
    elif field.name == "content":
        remedy = (
            "Make it, df['content'] = df.nxsms.render('Hi {name}'), for one text df = df.assign(content='…'); or name the column "
            "that holds the texts: content='text'."
        )
    else:
        remedy = "Name the column that holds the numbers, as in phone='mobile'."
    return f"The frame has no column {field.name!r}. {remedy} Its columns: {listed(list(frame.columns))}"


def _constant(option: str, label: Any) -> str:
    shown = repr(label)
    shown = "…" if len(shown) > 40 or mask_name(shown) != shown else shown
    return f"If that is one value for every row, make a column of it, df = df.assign({option}={shown}), and leave {option}= out."
