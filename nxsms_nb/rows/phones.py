"""Phones of every shape become digits, or a problem of the row: what was lost is never guessed."""

from __future__ import annotations

from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, buffers, first_bytes, lengths
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.rows import calling_codes
from nxsms_nb.rows.cells import Cells, read_cells
from nxsms_nb.rows.values import Kind

if TYPE_CHECKING:
    import pandas as pd

Codes = npt.NDArray[np.uint8]


class Trouble:
    """Why a phone is not usable, 0 where it is: plain integers, as `Kind` has them."""

    NONE: Final = 0
    MISSING: Final = 1
    LOST: Final = 2
    DECIMAL: Final = 3
    UNREADABLE: Final = 4
    TRUNK: Final = 5
    LENGTH: Final = 6
    ZERO: Final = 7
    BOTH: Final = 8
    NEITHER: Final = 9


TROUBLES: Final[dict[int, tuple[str, str]]] = {
    Trouble.MISSING: ("phone_missing", "fill in the number or drop the row"),
    Trouble.LOST: (
        "phone_digits_lost",
        "a float or a spreadsheet rounded it and its last digits are gone from this file: get it from where it first stood",
    ),
    Trouble.DECIMAL: ("phone_decimal", "reads as a decimal number, not as a phone: load the column again as text"),
    Trouble.UNREADABLE: ("phone_unreadable", "write country code and number in digits, as in 8615088888888"),
    Trouble.TRUNK: (
        "phone_trunk_zero",
        "a zero after the country code is dialled only inside the country: leave it out, as in 442079460000",
    ),
    Trouble.LENGTH: ("phone_length", "a number has 7 to 15 digits with its country code, as in 8615088888888"),
    Trouble.ZERO: (
        "phone_leading_zero",
        'no country code starts with 0: put the country code in front, or name the country, as in region="CN"',
    ),
    Trouble.BOTH: (
        "phone_ambiguous",
        "valid both as a number of the region and as an international one: write it with + and its country code",
    ),
    Trouble.NEITHER: (
        "phone_not_valid",
        "valid neither as a number of the region nor as an international one: check it, or write it with +",
    ),
}
"""Trouble to the rule's name and its hint."""

SHORTEST: Final = 7
LONGEST: Final = 15
"""How many digits a number may have with its country code (the longest by ITU-T E.164)."""

_FOLDED: Final = str.maketrans(
    {chr(0xFF10 + n): str(n) for n in range(10)}
    | {chr(first + n): str(n) for first in (0x0660, 0x06F0) for n in range(10)}
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-")
    | {"\uff0b": "+", "\uff08": "(", "\uff09": ")", "\uff0e": ".", "\u2018": "'", "\u2019": "'"}
    | dict.fromkeys("\u201c\u201d", '"')
    # Invisible marks that address books and chat programs put around a number when it is copied. The mark that turns
    # the direction of digits round (U+202E) is not among them.
    | dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202d\u2060\u2066\u2068\u2069\ufeff")
)

_SPELLING: Final = r"^\(? ?\+? ?\(?[0-9](?:[ .()\-]{0,3}[0-9])*$"
_TRUNK: Final = r"[0-9][ .\-]*\( *0"
_FLOAT: Final = r"^\+?[0-9]{7,}\.0{1,2}$"
# One dot that reads as a decimal point (few digits behind it or many before it, and none of the marks that only phones
# have), or one lone digit behind the last dot.
_DECIMAL: Final = r"^[^.(\-]*\.[^.(\-]{0,2}$|^(?:[^.(\-0-9]*[0-9]){7,}[^.(\-0-9]*\.[^.(\-]*$|\.[0-9]$"
_SCIENTIFIC: Final = r"^\+?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{1,3}$"
_WRAPPED: Final = r"""^=? ?"([^"]*)"$|^'([^']*)'?$|^(?i:tel):(.*)$"""
_FLOAT_ZEROS: Final = "00000"


def normalise(values: pd.Series, region: str | None = None) -> tuple[pa.Array, Codes]:
    """Turn phones of any shape into digits.

    Parameters
    ----------
    values : pandas.Series
        Text, numbers, categories or a mixture.
    region : str, optional
        A country as two capital letters. National numbers are completed with its country code; a number without + or
        00 that is valid both ways, or neither way, is a problem. None: numbers carry their country code.

    Returns
    -------
    digits : pyarrow.StringArray
        Country code and number, 7 to 15 digits that do not start with 0; null where there is a problem.
    troubles : numpy.ndarray of uint8
        The `Trouble` of each row, 0 where there is none; `TROUBLES` has rule and hint.

    Raises
    ------
    ConfigError
        There is no such region.

    Notes
    -----
    Digits are only ever taken over: whatever reads as a rounded or a decimal number is a problem. A float is taken as
    rounded when it ends in five zeros or when its type cannot hold that many digits (float32), and so is text in
    E-notation with fewer digits than places. What only the whole column shows is found by `rounding.cut`. Without a region
    there is no opinion on whether a number exists.

    Examples
    --------
    >>> import pandas as pd
    >>> digits, troubles = normalise(pd.Series(["+86 150-8888-8888", "8.61508E+12", 8615088888888.0]))
    >>> digits.to_pylist(), troubles.tolist() == [Trouble.NONE, Trouble.LOST, Trouble.NONE]
    (['8615088888888', None, '8615088888888'], True)
    """
    return from_cells(read_cells(values), region)


def from_cells(cells: Cells, region: str | None = None) -> tuple[pa.Array, Codes]:
    """Same as `normalise`, but for a column that has been read already."""
    digits, troubles, explicit = _digits(cells)
    if region is not None:
        digits = _completed(digits, troubles, explicit, _known(region))
    _measure(digits, troubles)
    bad = troubles != Trouble.NONE
    if bad.any():
        digits = pc.if_else(pa.array(bad), pa.scalar(None, TEXT), digits)
    return digits, troubles


def _digits(cells: Cells) -> tuple[pa.Array, Codes, npt.NDArray[np.bool_]]:
    """The digits as written, what is wrong with the writing, and where a + or 00 says that they are international."""
    text, troubles = cells.text, np.zeros(len(cells.text), np.uint8)
    explicit = np.zeros(len(text), np.bool_)
    troubles[cells.of_kind(Kind.NULL)] = Trouble.MISSING
    troubles[cells.of_kind(Kind.LOST)] = Trouble.LOST
    troubles[cells.of_kind(Kind.FRACTION)] = Trouble.DECIMAL
    troubles[cells.of_kind(Kind.BOOL, Kind.OTHER, Kind.BROKEN)] = Trouble.UNREADABLE
    floats = cells.of_kind(Kind.WHOLE)
    if floats.any():
        troubles[floats & as_mask(pc.ends_with(text, _FLOAT_ZEROS))] = Trouble.LOST
    spelt = (troubles == Trouble.NONE) & ~_is_bare(text)
    if spelt.any():
        where = np.flatnonzero(spelt)
        plain, found, international = _spelt(text.take(pa.array(where)))
        text = pc.replace_with_mask(text, pa.array(spelt), plain)
        troubles[where], explicit[where] = found, international
    return text, troubles, explicit


def _is_bare(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Which are digits and nothing else, without the 00 of an international call."""
    starts, letters = buffers(text)
    if len(letters) and letters.min() >= ord("0") and letters.max() <= ord("9"):
        bare = np.diff(starts) > 0
    else:
        bare = as_mask(pc.ascii_is_decimal(text))
    zero = first_bytes(text) == ord("0")
    if zero.any():
        bare &= ~as_mask(pc.starts_with(text, "00"))
    return bare


def _spelt(text: pa.Array) -> tuple[pa.Array, Codes, npt.NDArray[np.bool_]]:
    """The same for text that is not bare digits."""
    foreign = ~as_mask(pc.string_is_ascii(text))
    if foreign.any():
        folded = [value.translate(_FOLDED) for value in text.filter(pa.array(foreign)).to_pylist()]
        text = pc.replace_with_mask(text, pa.array(foreign), pa.array(folded, TEXT))
    text = pc.ascii_trim_whitespace(text)
    if as_mask(pc.match_substring_regex(text, _WRAPPED)).any():
        text = pc.ascii_trim_whitespace(pc.replace_substring_regex(text, _WRAPPED, r"\1\2\3"))
    text, troubles = _unfloated(text)
    fits = as_mask(pc.match_substring_regex(text, _SPELLING))
    troubles[~fits & (troubles == Trouble.NONE)] = Trouble.UNREADABLE
    troubles[as_mask(pc.equal(text, ""))] = Trouble.MISSING
    if as_mask(pc.match_substring(text, "(")).any():
        troubles[fits & as_mask(pc.match_substring_regex(text, _TRUNK))] = Trouble.TRUNK
    plus = as_mask(pc.match_substring(text, "+"))
    digits = pc.replace_substring_regex(text, "[^0-9]+", "")
    zeros = ~plus & as_mask(pc.starts_with(digits, "00"))
    if zeros.any():
        digits = pc.if_else(pa.array(zeros), pc.utf8_slice_codeunits(digits, 2), digits)
    return digits, troubles, plus | zeros


def _unfloated(text: pa.Array) -> tuple[pa.Array, Codes]:
    """Text of what once was a number: ``8615088888888.0`` is whole, ``8.61508E+12`` is not."""
    troubles = np.zeros(len(text), np.uint8)
    dotted = as_mask(pc.match_substring(text, "."))
    if dotted.any():
        whole = dotted & as_mask(pc.match_substring_regex(text, _FLOAT))
        troubles[dotted & ~whole & as_mask(pc.match_substring_regex(text, _DECIMAL))] = Trouble.DECIMAL
        text = pc.if_else(pa.array(whole), pc.replace_substring_regex(text, r"\.0+$", ""), text)
        troubles[whole & as_mask(pc.ends_with(text, _FLOAT_ZEROS))] = Trouble.LOST
    scientific = as_mask(pc.match_substring_regex(text, _SCIENTIFIC))
    if scientific.any():
        expanded = [_expanded(value) for value in text.filter(pa.array(scientific)).to_pylist()]
        text = pc.replace_with_mask(text, pa.array(scientific), pa.array([digits for digits, _ in expanded], TEXT))
        troubles[scientific] = [trouble for _, trouble in expanded]
    return text, troubles


@cache
def _expanded(text: str) -> tuple[str, int]:
    value = Decimal(text)
    if int(value.as_tuple().exponent) > 0:
        return text, Trouble.LOST
    if value != value.to_integral_value():
        return text, Trouble.DECIMAL
    digits = format(value.to_integral_value(), "f")
    return digits, Trouble.LOST if digits.endswith(_FLOAT_ZEROS) else Trouble.NONE


def _measure(digits: pa.Array, troubles: Codes) -> None:
    """Note what is too short, too long or starts with 0."""
    fine = troubles == Trouble.NONE
    size = lengths(digits)
    troubles[fine & ((size < SHORTEST) | (size > LONGEST))] = Trouble.LENGTH
    troubles[fine & (first_bytes(digits) == ord("0"))] = Trouble.ZERO


def _known(region: str) -> str:
    import phonenumbers  # noqa: PLC0415 - heavy, for those who name a region only

    if not isinstance(region, str) or region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigError(
            f"region={named(region)} is not a country phonenumbers knows. Give its two capital letters, as in region='CN'."
        )
    return region


def _completed(digits: pa.Array, troubles: Codes, explicit: npt.NDArray[np.bool_], region: str) -> pa.Array:
    """National numbers with their country code, by patterns where these are certain to say what the library says."""
    short = as_mask(pc.less(pc.binary_length(digits), 3))
    rows = np.flatnonzero((troubles == Trouble.NONE) & ~explicit & ~short)
    numbers = digits.take(pa.array(rows))
    read_as = calling_codes.readings(numbers, region)
    both, neither = read_as.national & read_as.international, ~read_as.national & ~read_as.international
    found = np.select([both, neither], [Trouble.BOTH, Trouble.NEITHER], Trouble.NONE).astype(np.uint8)
    full, doubtful = read_as.full, ~read_as.sure
    if doubtful.any():
        # The slow library sees each different number once.
        coded = numbers.filter(pa.array(doubtful)).dictionary_encode()
        readings = [_reading(value, region) for value in coded.dictionary.to_pylist()]
        found[doubtful] = np.array([trouble for _, trouble in readings], np.uint8)[coded.indices.to_numpy()]
        completed = pa.array([number for number, _ in readings], TEXT).take(coded.indices)
        full = pc.replace_with_mask(full, pa.array(doubtful), completed)
    troubles[rows] = found
    chosen = np.zeros(len(digits), np.bool_)
    chosen[rows] = True
    return pc.replace_with_mask(digits, pa.array(chosen), full)


@lru_cache(1 << 16)
def _reading(digits: str, region: str) -> tuple[str, int]:
    import phonenumbers  # noqa: PLC0415 - as above

    national, international = _valid(digits, region), _valid("+" + digits, None)
    # The library mends a number with a trunk zero after its country code; that is another number than the one written.
    if international != digits:
        international = None
    code = str(phonenumbers.country_code_for_region(region))
    mended = national is not None and len(digits) > len(national) and digits.startswith(code)
    if mended and digits.endswith(str(national).removeprefix(code)):
        return digits, Trouble.TRUNK if international is None else Trouble.NONE
    if national is not None and international is not None and national != international:
        return digits, Trouble.BOTH
    number = national or international
    return (digits, Trouble.NEITHER) if number is None else (number, Trouble.NONE)


def _valid(text: str, region: str | None) -> str | None:
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)).removeprefix("+")
