"""Match the spellings of one mobile in countries where it may have an extra digit, or was renumbered."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask

__all__ = ["among", "bases"]

_COUNTRIES: Final = r"^5[245]"
_RULES: Final = (
    (r"^521([0-9]{10})$", r"52\1"),  # Mexico's 1 of mobiles, until 2019
    (r"^549([0-9]{10})$", r"54\1"),  # Argentina's 9 of mobiles, from abroad
    (r"^54(11)15([0-9]{8})$", r"54\1\2"),  # and its 15, at home, behind area codes of two, three and four digits
    (r"^54([23][0-9]{2})15([0-9]{7})$", r"54\1\2"),
    (r"^54([23][0-9]{3})15([0-9]{6})$", r"54\1\2"),
    (r"^55([0-9]{2})9([6-9][0-9]{7})$", r"55\1\2"),  # Brazil's ninth digit, since 2012
)
"""Spellings of a mobile, and the one to replace them by; from the numbering plans that the ITU publishes."""


def bases(digits: pa.Array) -> list[pa.Array]:
    """Return the numbers, together with the shorter spellings that some of them have.

    Examples
    --------
    >>> [array.to_pylist() for array in bases(pa.array(["5215512345678", "4915123456789"]))]
    [['5215512345678', '4915123456789'], ['525512345678']]
    """
    some = digits.filter(pc.fill_null(pc.match_substring_regex(digits, _COUNTRIES), fill_value=False))
    found = [digits]
    for pattern, shorter in _RULES if len(some) else ():
        fitting = some.filter(pc.match_substring_regex(some, pattern))
        if len(fitting):
            found.append(pc.replace_substring_regex(fitting, pattern, shorter))
    return found


def among(digits: pa.Array, people: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which numbers belong to people given by all their `bases`."""
    there = as_mask(pc.is_in(digits, value_set=people))
    if not pc.any(pc.match_substring_regex(people, _COUNTRIES)).as_py():
        return there
    rows = np.flatnonzero(as_mask(pc.match_substring_regex(digits, _COUNTRIES)) & ~there)
    some = digits.take(pa.array(rows))
    for pattern, shorter in _RULES:
        there[rows] |= as_mask(pc.is_in(pc.replace_substring_regex(some, pattern, shorter), value_set=people))
    return there
