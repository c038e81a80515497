"""Write key columns as text that is the same before and after CSV, Excel, JSON or SQL."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, buffers, first_bytes, lengths, only
from nxsms_nb.rows import rounding
from nxsms_nb.rows.cells import Cells, is_blank
from nxsms_nb.rows.values import Kind, duration, times

Mask = npt.NDArray[np.bool_]

_NUMERIC: Final = r"^[+\-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_SCIENTIFIC: Final = r"^[+\-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+\-]?[0-9]{1,3}$"
# As a float is written that need not hold every digit: 1.23457E+17, 1e+17, 123456789012345680.0.
_FLOAT: Final = r"^[+\-]?(?:[0-9](?:\.[0-9]+[eE]\+?|[eE]\+)[0-9]{2,3}|[0-9]{16,}\.0)$"
# Longer than any type of whole numbers holds: only objects have them, those too that a reader made of a spreadsheet's float.
_HUGE: Final = r"^[+\-]?[1-9][0-9]{22,}$"
_LONG: Final = r"^[+\-]?[1-9][0-9]{16,}$"
_DIGITS: Final = 17
_INFINITE: Final = r"(?i)^[+\-]?inf(?:inity)?$"
_MOMENT: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?$"
_ZONED: Final = rf"{_MOMENT[:-1]}(?:Z|[+\-][0-9]{{2}}:?[0-9]{{2}})$"
_CLOCK: Final = r"^[0-9]{2}:[0-9]{2}(?::[0-9]{2}\.[0-9]*0)?$"
_DURATION: Final = (
    r"^(?:[+\-]?[0-9]+ days?(?:,? [+\-]?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?|-?P-?[0-9]+DT[0-9HMS.]+)$"
)
_UUID: Final = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_UUID_LENGTH: Final = 36
_BYTES: Final = r"""^b(?:'.*'|".*")$"""
_TRUTH: Final = r"^(?:[Tt]rue|TRUE|[Ff]alse|FALSE)$"
_EXACT: Final = 2**53
_LARGEST: Final = 10**308


def rounded(cells: Cells, of_floats: Callable[[pa.Array], bool] = rounding.of_floats) -> Mask:
    """Return which cells hold a number rounded by a float or a spreadsheet, so that different numbers may have become one.

    `of_floats` judges the long whole numbers of the column.
    """
    lost = cells.of_kind(Kind.LOST)
    for kinds, pattern, is_lost in (
        ((Kind.TEXT, Kind.FRACTION), _FLOAT, _has_lost),
        ((Kind.TEXT, Kind.INT), _HUGE, _is_a_floats),
    ):
        found = cells.of_kind(*kinds)
        if found.any():
            text = pc.utf8_trim_whitespace(cells.text)
            for row in np.flatnonzero(found & as_mask(pc.match_substring_regex(text, pattern))):
                lost[row] = is_lost(text[row].as_py())
    long = (lengths(cells.text) >= _DIGITS) & cells.of_kind(Kind.INT, Kind.TEXT)
    if long.any():
        text = pc.utf8_trim_whitespace(cells.text)
        long[long] = as_mask(pc.match_substring_regex(text.filter(pa.array(long)), _LONG))
        if long.any() and of_floats(text.filter(pa.array(long))):
            lost |= long
    return lost


def _has_lost(text: str) -> bool:
    value = Decimal(text)
    return ("+" in text[1:] and int(value.as_tuple().exponent) > 0) or abs(value) >= _EXACT


def _is_a_floats(text: str) -> bool:
    """Return whether a float holds exactly this number: of those with 23 digits or more, one in two million is."""
    value = int(text)
    return abs(value) < _LARGEST and int(float(value)) == value


def canonical(cells: Cells) -> pa.Array:
    """Return a key column as text that survives a file: a value read back from a file gives the same text.

    Null where there is nothing or only white space.

    A text that reads as a number gives the number's shortest form ("007", "7" and 7.0 are one key, since a CSV reader
    makes them one; so are "12E4" and 120000), and so does an infinite one. A truth value, or a text that reads as one,
    is 1 or 0, which SQL and a gap make of it. A moment is ISO 8601 with a blank, without zeros at its end (midnight:
    the date alone), in UTC where it has a zone. Durations, the digits of a UUID and bytes give one text in each of
    their spellings. A line ends in LF. Blanks at the ends do not count.

    Examples
    --------
    >>> import pandas as pd
    >>> from nxsms_nb.rows.cells import read_cells
    >>> canonical(read_cells(pd.Series(["007", 7.0, "2026-03-01T12:00:00", "A-7 "], dtype=object))).to_pylist()
    ['7', '7', '2026-03-01 12:00:00', 'A-7']
    """
    text = pc.utf8_trim_whitespace(line_ends(cells.text))
    written = cells.of_kind(Kind.TEXT)
    if written.any() or cells.of_kind(Kind.BROKEN).any():
        text = _changed(text, written, "b", _BYTES, _bytes)
        text = only(text, ~is_blank(text))
        text = _changed(
            text, written & (lengths(text) == _UUID_LENGTH), "0123456789ABCDEFabcdef", _UUID, pc.ascii_lower
        )
        # One search of all texts, since few have any.
        text = _changed(text, written, "0123456789+-P", "|".join(_SPELLINGS), _spelled_alike)
    number = written | cells.of_kind(Kind.FRACTION)
    if number.any():
        text = _changed(text, number, "iI+-", _INFINITE, _infinite)
        text = _changed(text, number, "0123456789+-.", _SCIENTIFIC, _expanded)
        text = _changed(text, number, "0123456789+-.", _NUMERIC, _shortest)
    return _changed(text, written | cells.of_kind(Kind.BOOL), "tTfF", _TRUTH, _truth)


def _spelled_alike(text: pa.Array) -> pa.Array:
    everywhere = np.ones(len(text), np.bool_)
    for pattern, (first, change) in _SPELLINGS.items():
        text = _changed(text, everywhere, first, pattern, change)
    return text


def line_ends(text: pa.Array) -> pa.Array:
    """Return the text with LF at the end of each line.

    Excel returns CRLF and CR unchanged, or writes its own escape for CR.
    """
    # Finding letters costs next to nothing, and most columns have neither.
    there = _those_in(text, (b"_", b"\r"))
    if b"_" in there and as_mask(pc.match_substring(text, _EXCEL_CR)).any():
        text = pc.replace_substring(text, _EXCEL_CR, "\r")
        there.add(b"\r")
    if b"\r" not in there:
        return text
    return pc.replace_substring(pc.replace_substring(text, "\r\n", "\n"), "\r", "\n")


def _those_in(text: pa.Array, letters: Sequence[bytes]) -> set[bytes]:
    data = buffers(text)[1]
    found: set[bytes] = set()
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE].tobytes()
        found.update(letter for letter in letters if letter in piece)
    return found


_EXCEL_CR: Final = "_x000D_"
_PIECE: Final = 1 << 18
"""Bytes that are processed together: intermediate results stay in the processor's cache."""


def _changed(text: pa.Array, among: Mask, first: str, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Change the text where it fits a pattern; `first` has the possible first letters, which are cheaper to compare."""
    begins = np.zeros(256, np.bool_)
    begins[list(first.encode())] = True
    fits = among & begins[first_bytes(text)]
    if fits.any():
        fits[fits] = as_mask(pc.match_substring_regex(text.filter(pa.array(fits)), pattern))
    if not fits.any():
        return text
    places = pa.array(fits)
    return pc.replace_with_mask(text, places, change(text.filter(places)))


def _each(change: Callable[[str], str]) -> Callable[[pa.Array], pa.Array]:
    def changed(values: pa.Array) -> pa.Array:
        return pa.array(list(map(change, values.to_pylist())), TEXT)

    return changed


_expanded: Final = _each(lambda value: f"{Decimal(value):f}")
_infinite: Final = _each(lambda value: "-inf" if value.startswith("-") else "inf")


@_each
def _bytes(value: str) -> str:
    """Return the text of bytes that were written as Python prints them."""
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    if not isinstance(found, bytes):
        return value
    return found.decode(errors="backslashreplace").replace("\r\n", "\n").replace("\r", "\n").strip()


@_each
def _durations(value: str) -> str:
    try:
        return duration(pd.Timedelta(value))
    except (ValueError, OverflowError):
        return value


def _shortest(number: pa.Array) -> pa.Array:
    number = pc.replace_substring_regex(number, r"^([+\-]?)\.", r"\10.")
    number = pc.replace_substring_regex(number, r"\.0*$", "")
    number = pc.replace_substring_regex(number, r"(\.[0-9]*[1-9])0+$", r"\1")
    number = pc.replace_substring_regex(number, r"^\+?(-?)0*([0-9])", r"\1\2")
    return pc.replace_substring_regex(number, "^-0$", "0")


def _clock(time: pa.Array) -> pa.Array:
    time = pc.replace_substring_regex(time, "^(..:..)$", r"\1:00")
    return pc.replace_substring_regex(time, r"(:.*)\.0+$|(\.[0-9]*[1-9])0+$", r"\1\2")


def _moments(time: pa.Array) -> pa.Array:
    time = pc.replace_substring(time, "T", " ")
    time = pc.replace_substring_regex(time, r"( [0-9]{2}:[0-9]{2})$", r"\1:00")
    time = pc.replace_substring_regex(time, r"(:[0-9]{2}\.[0-9]*?)0+$", r"\1")
    return pc.replace_substring_regex(time, r"\.$| 00:00:00\.?$", "")


def _zoned(time: pa.Array) -> pa.Array:
    read_as = pd.to_datetime(pd.Series(time.to_pylist()), utc=True, format="ISO8601", errors="coerce")
    return pc.coalesce(times(pa.array(read_as, from_pandas=True)), time)


def _truth(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, "^[Tt]"), pa.scalar("1", TEXT), pa.scalar("0", TEXT))


_SPELLINGS: Final[dict[str, tuple[str, Callable[[pa.Array], pa.Array]]]] = {
    _CLOCK: ("012", _clock),
    _DURATION: ("0123456789+-P", _durations),
    _MOMENT: ("0123456789", _moments),
    _ZONED: ("0123456789", _zoned),
}
