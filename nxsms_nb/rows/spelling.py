"""Read phones as people write them: remove words, trunk zeros and separators, and reject what is not one number.

Digits are only ever copied. Whatever reads as a rounded or a decimal number, as several numbers or as a number with an
extension is a problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, buffers, first_bytes
from nxsms_nb.rows import folding, lookalikes, trunk
from nxsms_nb.rows.troubles import Trouble
from nxsms_nb.rows.values import Kind

if TYPE_CHECKING:
    from nxsms_nb.rows.cells import Cells

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Sign:
    """What the spelling of a number says about its country code; plain integers, like `Kind`."""

    NONE: Final = 0
    PLUS: Final = 1
    """A + or a trunk zero in parentheses: the country code stands in front."""
    ZEROS: Final = 2
    """00, with which calls abroad begin in most countries; they are left out of the digits."""


@dataclass(frozen=True)
class Spelled:
    """A column of phones as spelled: digits (undefined where there is a problem), `Trouble` and `Sign`."""

    digits: pa.Array
    troubles: Codes
    signs: Codes


_SEPARATOR: Final = r"[ ()]{0,3}(?:[.\-]{1,2}|/)?[ ()]{0,3}"
_SPELLING: Final = rf"^[( ]{{0,2}}\+?[( ]{{0,2}}[0-9](?:{_SEPARATOR}[0-9])*$"
_FLOAT: Final = r"^\+?[0-9]{7,}\.0{1,2}$"
# One dot that reads as a decimal point (few digits behind it, many before it or a lone 0, and none of the marks that only
# phones have), or one lone digit behind the last dot.
_DECIMAL: Final = r"^[^.(/\-]*\.[^.(/\-]{0,2}$|^(?:[^.(/\-0-9]*[0-9]){7,}[^.(/\-0-9]*\.[^.(/\-]*$|^0\.[0-9]*$|\.[0-9]$"
_SCIENTIFIC: Final = r"^\+?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{1,3}$"
# The decimal comma of most of Europe's spreadsheets.
_COMMA: Final = r"^(\+?[0-9]+),([0-9]*[eE]\+?[0-9]{1,3})$|^(\+?[0-9]{7,}),(0{1,2})$"
_WRAPPED: Final = r"""^=? ?"([^"]*)"$|^'([^']*)'?$|^\(([^()]*)\)$|^(?i:tel):(.*)$"""
_FLOAT_ZEROS: Final = "00000"

_OTHER: Final = r"[^0-9 +.()/\-]"
# A word may stand before the number or behind it, apart from it: INV1234567 and 1234567A are no phones. Scripts that set no
# blanks between words need none here.
_WORDED: Final = (
    r"^(?:[^0-9+*•_]{0,40}(?:[ :.=)]|[\p{Lo}\p{So}\p{Mn}])|(?i:tel|mob|mobil|mobile|handy|phone|fon|cell))?"
    r"([+( ]{0,3}[0-9](?:(?s:.)*[0-9])?)"
    r"(?: *[ (,;/]-? ?\(?[\pL\p{So}][^0-9+*•_]{0,40}|[\p{Lo}\p{So}][^0-9+*•_]{0,40}|[.,;:]{1,2})?$"
)
# Digits struck out, or a number of letters (1-800-FLOWERS).
_STRUCK_OUT: Final = r"[xX]{2}|^(?:[^0-9]*[0-9]){1,8}[ \-]+[A-Z]{3,}$"
_CARRIER: Final = r"^(\(?)0 ?[xX]{2} ?\)? ?\(?([1-9][0-9])"
"""A Brazilian area code with its place for a carrier: (0xx11)."""

_TONE: Final = r"^8 ?~ ?10"
"""The Russian prefix for calls abroad, with the mark for its dial tone."""

_RUN: Final = r"[0-9](?:[ .()\-]{0,3}[0-9]){5,}"
_SEVERAL: Final = rf"{_RUN}[^0-9]*[^0-9 .()\-][^0-9]*{_RUN}"
_EXTENSION: Final = rf"{_RUN}[^0-9]*[^0-9 .()*•\-\n\r][^0-9*•]*[0-9]{{1,5}}$"

_SLASHED_CODE: Final = r"^((?:\+|00)[1-9][0-9]{0,2})/"
# An area code of up to five digits, its zero aside, stands before a slash; behind it a number, which an extension is not.
_SLASHED: Final = r"^(?:(?:[0-9]{2,5}|0[0-9]{5}|(?:\+|00)[1-9][0-9]{1,4})/[0-9]{4,}|[0-9]/[0-9]{6,})$"
_LONG_SLASHED: Final = r"^(?:\+|00)[1-9][0-9]{5,8}/[0-9]{5,}$"


def read_digits(cells: Cells, *, apply_words: bool = True) -> Spelled:
    """Read the digits of each cell, judging by that cell alone.

    Without `apply_words` a number is read whatever the words next to it say of it, as a do-not-contact list needs.
    """
    text, troubles = cells.text, np.zeros(len(cells.text), np.uint8)
    signs = np.zeros(len(text), np.uint8)
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
        found = _spelt(text.take(pa.array(where)), apply_words=apply_words)
        text = pc.replace_with_mask(text, pa.array(spelt), found.digits)
        troubles[where], signs[where] = found.troubles, found.signs
    return Spelled(text, troubles, signs)


def _is_bare(text: pa.Array) -> Mask:
    """Return which texts are digits only, without the 00 of an international call."""
    starts, letters = buffers(text)
    if len(letters) and letters.min() >= ord("0") and letters.max() <= ord("9"):
        bare = np.diff(starts) > 0
    else:
        bare = as_mask(pc.ascii_is_decimal(text))
    zero = first_bytes(text) == ord("0")
    if zero.any():
        bare &= ~as_mask(pc.starts_with(text, "00"))
    return bare


def _spelt(text: pa.Array, *, apply_words: bool) -> Spelled:
    """Read text that is not bare digits."""
    text = pc.ascii_trim_whitespace(folding.folded(text))
    marks = _marks(text)
    otherwise = lookalikes.troubles_of(text, marks, apply_words=apply_words)
    if marks - _OF_NUMBERS:
        other = as_mask(pc.match_substring_regex(text, _OTHER))
        plain = _without_words(_unwrapped(text.filter(pa.array(other))))
        text = pc.replace_with_mask(text, pa.array(other), plain)
    elif ")" in marks and as_mask(pc.ends_with(text, ")")).any():
        text = _unwrapped(text)
    if "." in marks and as_mask(pc.ends_with(text, ".")).any():
        text = pc.replace_substring_regex(text, r"([0-9])\.$", r"\1")
    troubles = np.zeros(len(text), np.uint8)
    if marks - _PLAIN:
        text, troubles = _unfloated(text)
    troubles = np.where(otherwise > 0, otherwise, troubles)
    fits = as_mask(pc.match_substring_regex(text, _SPELLING))
    if not fits.all():
        unfit = ~fits & (troubles == Trouble.NONE)
        troubles[unfit] = _unfit(text.filter(pa.array(unfit)))
    digits = pc.replace_substring_regex(text, "[^0-9]+", "")
    signs, long = np.zeros(len(text), np.uint8), np.zeros(len(text), np.bool_)
    if "+" in marks:
        signs[as_mask(pc.match_substring(text, "+"))] = Sign.PLUS
    if "/" in marks:
        slashed = fits & (troubles == Trouble.NONE) & as_mask(pc.match_substring(text, "/"))
        troubles[slashed], long[slashed] = _slashed(text.filter(pa.array(slashed)))
    zeros = first_bytes(digits) == ord("0")
    if zeros.any():
        zeros = as_mask(pc.starts_with(digits, "00"))
        rest = pc.utf8_slice_codeunits(digits, 2)
        # +0049 can only be +49; where that is not a number, the zeros stay and are a problem.
        zeros &= (signs == Sign.NONE) | trunk.are_valid(rest, zeros & (signs == Sign.PLUS) & (troubles == Trouble.NONE))
        digits = pc.if_else(pa.array(zeros), rest, digits)
        signs[zeros & (signs == Sign.NONE)] = Sign.ZEROS
    digits = trunk.drop_trunk_zeros(
        text, digits, troubles, signs, parentheses="(" in marks or bool(marks - _OF_NUMBERS)
    )
    if long.any():
        wrong = long & (troubles == Trouble.NONE)
        wrong &= ~trunk.are_valid(digits, wrong)
        troubles[wrong] = Trouble.SEVERAL
    return Spelled(digits, troubles, signs)


def _marks(text: pa.Array) -> frozenset[str]:
    """Return the characters that occur in the texts, digits and blanks aside.

    A byte that is not ASCII counts as Latin-1.
    """
    _, letters = buffers(text)
    there = np.zeros(256, np.bool_)
    there[letters] = True
    return frozenset(map(chr, np.flatnonzero(there).tolist())) - _NO_MARKS


_NO_MARKS: Final = frozenset("0123456789 ")
_PLAIN: Final = frozenset("+()/-")
_OF_NUMBERS: Final = _PLAIN | {"."}


def _unwrapped(text: pa.Array) -> pa.Array:
    if not as_mask(pc.match_substring_regex(text, _WRAPPED)).any():
        return text
    return pc.ascii_trim_whitespace(pc.replace_substring_regex(text, _WRAPPED, r"\1\2\3\4"))


def _without_words(text: pa.Array) -> pa.Array:
    text = pc.replace_substring_regex(text, r"\[([^\]]*)\]", r"(\1)")
    text = pc.replace_substring_regex(text, _COMMA, r"\1\3.\2\4")
    text = pc.replace_substring_regex(text, _TONE, "810")
    text = pc.replace_substring_regex(text, _CARRIER, r"\10\2")
    keep = as_mask(pc.match_substring_regex(text, _STRUCK_OUT))
    plain = pc.replace_substring_regex(text, _WORDED, r"\1")
    return pc.if_else(pa.array(keep), text, pc.ascii_trim_whitespace(plain))


def _unfit(text: pa.Array) -> Codes:
    """Find why a text is not one number."""
    several, extended = (as_mask(pc.match_substring_regex(text, pattern)) for pattern in (_SEVERAL, _EXTENSION))
    extended &= ~as_mask(pc.match_substring_regex(text, _STRUCK_OUT))
    empty = as_mask(pc.equal(text, ""))
    return np.select(
        [empty, several, extended], [Trouble.MISSING, Trouble.SEVERAL, Trouble.EXTENSION], Trouble.UNREADABLE
    ).astype(np.uint8)


def _slashed(text: pa.Array) -> tuple[Codes, Mask]:
    """Find what is wrong with numbers that contain a slash, and which of them are one number only if it is valid."""
    marks = pc.replace_substring_regex(pc.replace_substring_regex(text, "[^0-9+/]+", ""), _SLASHED_CODE, r"\1")
    long = as_mask(pc.match_substring_regex(marks, _LONG_SLASHED))
    fine = long | as_mask(pc.match_substring_regex(marks, _SLASHED)) | ~as_mask(pc.match_substring(marks, "/"))
    several = as_mask(pc.match_substring_regex(marks, "[0-9]{6,}/(?:.*/)?[0-9]{6,}"))
    extended = as_mask(pc.match_substring_regex(marks, "[0-9]{5,}.*/[0-9]{1,5}$|^[0-9]{2,4}/[0-9]{1,3}$"))
    return np.select(
        [fine, several, extended], [Trouble.NONE, Trouble.SEVERAL, Trouble.EXTENSION], Trouble.UNREADABLE
    ).astype(np.uint8), long


def _unfloated(text: pa.Array) -> tuple[pa.Array, Codes]:
    """Read text that was once a number: ``8615088888888.0`` is whole, ``8.61508E+12`` is not."""
    troubles = np.zeros(len(text), np.uint8)
    dotted = as_mask(pc.match_substring(text, "."))
    if dotted.any():
        whole = dotted & as_mask(pc.match_substring_regex(text, _FLOAT))
        decimal = dotted & ~whole & as_mask(pc.match_substring_regex(text, _DECIMAL))
        troubles[decimal & ~as_mask(pc.match_substring_regex(text, _OTHER))] = Trouble.DECIMAL
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
