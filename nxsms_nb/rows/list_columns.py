"""Find the columns of a do-not-contact list that hold numbers, and whether its first line is a heading or an entry."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import listed, named

__all__ = ["entries_of", "is_number"]

_DIGITS: Final = re.compile(r"\d(?:\D{0,3}\d){5}")
_DATES: Final = re.compile(r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}|(?:19|20)\d\d[01]\d[0-3]\d(?!\d)")
_WORDS: Final = re.compile(
    "phone|mobil|msisdn|cell|handy|telefon|telephone|number|nummer|numero|número|celular|whatsapp|手机|电话|号码|^tel|^to$"
)
_SAMPLE: Final = 1000


def is_number(text: str) -> bool:
    """Return whether a text is a number rather than a word with a date in it."""
    digits, letters = (sum(map(test, text)) for test in (str.isdecimal, str.isalpha))
    return bool(_DIGITS.search(text)) and digits > letters


def entries_of(
    table: pd.DataFrame, phone: Hashable | None, source: str, *, headings: bool, choose: bool = True
) -> tuple[pd.DataFrame, list[Hashable]]:
    """Return the entries of a list's table in a column ``phone``, and the labels of the columns that they come from.

    Every column counts that is named like one of numbers or holds mostly numbers. With `headings` the labels were a
    file's first line: where no column is named so, they are entries, too, as far as they have a number. Without such a
    column, the table has no entries, or with `choose` it is refused.
    """
    labels = list(table.columns)
    exact = [at for at, label in enumerate(labels) if _folded(label) in {_folded(phone), "phone"}]
    places = [at for at in range(len(labels)) if at in exact or _holds_numbers(table.iloc[:, at], labels[at])]
    words = [_folded(labels[at]) for at in places if not _may_be_entry(str(labels[at]))]
    called = bool(exact) or any(map(_WORDS.search, words))
    first = [at for at, label in enumerate(labels) if headings and not called and _may_be_entry(str(label))]
    if len(labels) == 1 and choose:
        places = [0]
    places = sorted({*places, *first})
    if not places:
        if not choose:
            return pd.DataFrame({"phone": pd.Series([], dtype=object)}), []
        wanted = named("phone" if phone is None else phone)
        raise ConfigError(
            f"{source} has several columns, and none is {wanted} or holds numbers: {listed(labels)}. Rename the one with the "
            "numbers, or keep it alone."
        )
    others = [at for at, label in enumerate(labels) if at not in places and label != "phone"]
    if len(places) == 1 and not first:
        kept = table.iloc[:, [places[0], *others]]
        kept = kept.loc[:, ~kept.columns.duplicated()]
        return kept.set_axis(["phone", *kept.columns[1:]], axis=1), [labels[places[0]]]
    parts = []
    for at in places:
        part = table.iloc[:, others].astype(object)
        part = part.loc[:, ~part.columns.duplicated()]
        part.insert(0, "phone", table.iloc[:, at].astype(object).array)
        heading = pd.DataFrame({"phone": pd.Series([labels[at]] if at in first else [], dtype=object)})
        parts += [heading, part]
    return pd.concat(parts, ignore_index=True), [labels[at] for at in places]


def _may_be_entry(heading: str) -> bool:
    return bool(_DIGITS.search(_DATES.sub(" ", heading)))


def _holds_numbers(values: pd.Series[Any], label: Hashable) -> bool:
    """Return whether most of a column's values are numbers as long as a phone's; of one named so, any."""
    sample: Sequence[Any] = values.dropna().iloc[:_SAMPLE].tolist()
    sample = [value for value in sample if not isinstance(value, str) or value.strip()]
    found = [_is_phone(value) for value in sample]
    enough = 0.5 * len(found) if not _WORDS.search(_folded(label)) else 0
    return sum(found) > enough


def _is_phone(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, (float, np.floating)):
        return 10**6 <= abs(float(value)) < 10**15
    text = str(value)
    digits = sum(map(str.isdecimal, text))
    return 7 <= digits <= 18 and is_number(_DATES.sub(" ", text))


def _folded(label: Any) -> str:
    return re.sub(r"[\s_\-\u200b-\u200f\u2060\ufeff]+", "", str(label)).casefold()
