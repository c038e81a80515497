"""Trunk zeros, dialled only within a country, that are written after the country code: +49 (0)151, +44 07400."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, buffers, lengths
from nxsms_nb.rows import calling_codes
from nxsms_nb.rows.troubles import Trouble

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_CODE: Final = r"[( ]*\+?[( ]*(?:00)?[( ]*[1-9][0-9]{0,2}[ .\-/)]*"
_IN_PARENTHESES: Final = rf"^{_CODE}\( *(?:0|8 *\))"
_GROUP: Final = rf"^({_CODE})\( *(?:0|8|06) *\)"
"""National prefixes that appear alone in parentheses: 06 in Hungary, 8 in Russia."""

_OPENED: Final = r"\( *[08]"
_MISPLACED: Final = r"[0-9][ .\-/]*\( *0"
# The calling codes, each followed by its zero; Hungary dials 06.
_AFTER_CODE: Final = (
    r"^(?:(36)06|(1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689][0-9]|3[578][0-9]|42[0-9]|5[09][0-9]"
    r"|6[7-9][0-9]|8[0578][0-9]|9[679][0-9])0)"
)
_SHORTEST: Final = 5


def drop_trunk_zeros(
    text: pa.Array, digits: pa.Array, troubles: Codes, signs: Codes, *, parentheses: bool = True
) -> pa.Array:
    """Drop the trunk zero of numbers with a country code if the number is valid without it and not with it.

    A zero in parentheses that may belong to the number, as in Italy, is a problem; where it does not, the digits before
    it are a country code. A zero without parentheses stays where the number is as little valid with it as without it:
    the spelling does not show whether a number exists. `troubles` and `signs` are updated.
    """
    grouped = as_mask(pc.match_substring_regex(text, _OPENED)) if parentheses else np.zeros(len(text), np.bool_)
    if grouped.any():
        opened = np.flatnonzero(grouped)
        some = text.take(pa.array(opened))
        grouped[opened] = as_mask(pc.match_substring_regex(some, _IN_PARENTHESES))
        odd = (
            ~grouped[opened] & (troubles[opened] == Trouble.NONE) & as_mask(pc.match_substring_regex(some, _MISPLACED))
        )
        troubles[opened[odd]] = Trouble.TRUNK
    rows = np.flatnonzero(((signs > 0) | grouped) & (troubles == Trouble.NONE) & (_zero_near_start(digits) | grouped))
    if not len(rows):
        return digits
    written, grouped = digits.take(pa.array(rows)), grouped[rows]
    without = pc.replace_substring_regex(written, _AFTER_CODE, r"\1\2")
    if grouped.any():
        alone = pc.replace_substring_regex(text.take(pa.array(rows)), _GROUP, r"\1")
        alone = pc.replace_substring_regex(pc.replace_substring_regex(alone, "[^0-9]+", ""), "^00", "")
        shorter = grouped & as_mask(pc.less(pc.binary_length(alone), pc.binary_length(written)))
        without = pc.if_else(pa.array(shorter), alone, without)
    changed = as_mask(pc.not_equal(without, written))
    as_it_is, shortened = are_valid(written, changed), are_valid(without, changed)
    troubles[rows[grouped & (as_it_is == shortened)]] = Trouble.TRUNK
    signs[rows[grouped]] = np.maximum(signs[rows[grouped]], 1)
    better = changed & shortened & ~as_it_is
    mask = np.zeros(len(digits), np.bool_)
    mask[rows[better]] = True
    return pc.replace_with_mask(digits, pa.array(mask), without.filter(pa.array(better)))


def _zero_near_start(digits: pa.Array) -> Mask:
    """Return which numbers have a zero as their second, third or fourth digit: a cheap check before the patterns."""
    starts, letters = buffers(digits)
    padded = np.append(letters, np.zeros(4, np.uint8))
    places = [padded[starts[:-1] + place] == ord("0") for place in (1, 2, 3)]
    found: Mask = places[0] | places[1] | places[2]
    return found


def are_valid(numbers: pa.Array, wanted: Mask) -> Mask:
    """Return which of the wanted numbers are valid with the country code that they begin with."""
    found = wanted & (lengths(numbers) >= _SHORTEST)
    if found.any():
        found[found] = calling_codes.valid(numbers.filter(pa.array(found)))
    return found
