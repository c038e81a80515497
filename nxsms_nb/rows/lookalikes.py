"""Find what is written in digits but is not a phone: dates, decimals, keys, numbers with other digits next to them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, lengths
from nxsms_nb.rows import words
from nxsms_nb.rows.troubles import Trouble

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH: Final = "(?:0?[1-9]|1[0-2])"
_YEAR: Final = "(?:19|20)[0-9]{2}"
_TO: Final = r"(?: ?[./\-] ?)"
_TIME: Final = r"(?:,? [0-9]{1,2}:.*|T.*)?"
_DATE: Final = (
    rf"^(?:{_YEAR}{_TO}{_MONTH}{_TO}{_DAY}|{_DAY}{_TO}{_MONTH}{_TO}{_YEAR}|{_MONTH}{_TO}{_DAY}{_TO}{_YEAR})\.?{_TIME}$"
    # Two digits of a year: six digits in all, which no number has with its country code.
    rf"|^[0-9]{{1,2}}{_TO}[0-9]{{1,2}}{_TO}[0-9]{{2}}{_TIME}$"
)
_BLANK_DATE: Final = (
    rf"^(?:{_YEAR} (?:0[1-9]|1[0-2]) (?:0[1-9]|[12][0-9]|3[01])|(?:0[1-9]|[12][0-9]|3[01]) (?:0[1-9]|1[0-2]) {_YEAR})$"
)

# A coordinate or an amount: no area code, with its zero, and no country code, with its +, stands before a lone dot.
_DECIMAL: Final = r"^-?(?:0|[1-9][0-9]{0,2})[.,][0-9]{3,}$"
# A CPF, a CNPJ, a Social Security number, a ZIP+4, a running number behind a year.
_KEY: Final = (
    r"^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$|^[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}$|^[0-9]{3}-[0-9]{2}-[0-9]{4}$"
    r"|^[0-9]{5}-[0-9]{4}$|^(?:19[5-9]|20[0-4])[0-9][/\-](?:[0-9]{3}|[0-9]{5,7})$"
)
_LONGEST: Final = len("12.345.678/0001-90")

_APART: Final = r" +-+ *|-+ +"
# A short group behind a dash with blanks, where a whole number stands before it.
_BEHIND: Final = (
    r"(?:[0-9][^0-9]*){10,}(?: -+ *|-+ +)\(?[0-9]{1,5}\)?$|(?:[0-9][^0-9]*){7,}(?: -+ *|-+ +)\(?[0-9]{1,2}\)?$"
)
_PLACE: Final = (
    r"^[1-9][0-9]{0,2}(?:\.?\) *|[.)]+ +)\(?(?:\+|0[0-9 /(.\-]{6})|^[1-9][0-9]?\.0[0-9]+[ /\-][0-9 /\-]+$"
    r"|^[1-9][0-9]?\) *[0-9]|^[1-9][0-9]{0,2}\. +[0-9(][^.]*$"
)
"""A number's place in a list in front of it: ``1. 0151 23456789``."""


def troubles_of(text: pa.Array, marks: frozenset[str], *, apply_words: bool) -> Codes:
    """Find cells that are not one phone by how they are written; `marks` are the characters in the column."""
    troubles = np.zeros(len(text), np.uint8)
    short = lengths(text) <= _LONGEST
    if marks & {".", ")"}:
        troubles[as_mask(pc.match_substring_regex(text, _PLACE))] = Trouble.SEVERAL
    if marks & _OF_KEYS:
        for pattern, trouble in ((_KEY, Trouble.ANOTHER), (_DECIMAL, Trouble.DECIMAL), (_DATE, Trouble.UNREADABLE)):
            troubles[_matching(text, pattern, short | (":" in marks))] = trouble
    troubles[_matching(text, _BLANK_DATE, lengths(text) == len("27 11 2026"))] = Trouble.UNREADABLE
    if "-" in marks:
        apart = as_mask(pc.match_substring(text, " -")) | as_mask(pc.match_substring(text, "- "))
        if apart.any():
            rows = np.flatnonzero(apart)
            some = text.take(pa.array(rows))
            once = np.asarray(pc.count_substring_regex(some, _APART)) == 1
            troubles[rows[once & as_mask(pc.match_substring_regex(some, _BEHIND))]] = Trouble.EXTENSION
    if marks - _OF_NUMBERS:
        worded = _matching(text, r"[^0-9 +.()/\-]", np.ones(len(text), np.bool_))
        some = text.filter(pa.array(worded))
        found = np.where(words.counted(some), np.uint8(Trouble.EXTENSION), troubles[worded])
        if apply_words:
            found[words.of_another_kind(some)] = Trouble.ANOTHER
            found[words.not_to_be_used(some)] = Trouble.REFUSED
        troubles[worded] = found
    return troubles


_OF_KEYS: Final = frozenset("./-,")
_OF_NUMBERS: Final = frozenset("+.()/-")


def _matching(text: pa.Array, pattern: str, wanted: Mask) -> Mask:
    """Return which of the wanted texts match."""
    found = wanted.copy()
    if found.any():
        found[found] = as_mask(pc.match_substring_regex(text.filter(pa.array(found)), pattern))
    return found
