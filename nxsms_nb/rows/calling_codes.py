"""Countries' numbering plans as patterns for whole columns, taken from the metadata of the `phonenumbers` library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask

__all__ = ["countries_of"]

Mask = npt.NDArray[np.bool_]

INTERNATIONAL: Final = "001"
"""The library's name for a network without a country."""

_KINDS: Final = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
"""The kinds of number a country's plan has, as the library names them."""

_BEFORE_MOBILE: Final = (*(kind for kind in _KINDS if kind not in ("fixed_line", "mobile")),)
"""The kinds that the library tries before mobiles."""


@dataclass(frozen=True)
class Country:
    """A country under its calling code, with patterns of its numbers, calling code included.

    `leading` tells its numbers from those of other countries with the same code (None where nothing does). `kinds`
    matches its kinds of number, `general` all of them (a valid one matches both), `mobile` those that are or may be
    mobiles, and `special` the free, premium and other numbers, which the library tries first.
    """

    region: str
    leading: str | None
    kinds: str
    general: str
    mobile: str
    special: str | None

    def valid(self, numbers: pa.Array) -> Mask:
        """Return which of these numbers are valid in this country."""
        found = matches(numbers, self.kinds)
        if found.any():
            found[found] = matches(numbers.filter(pa.array(found)), self.general)
        return found

    def may_be_mobile(self, numbers: pa.Array) -> Mask:
        """Return which of these numbers are valid in this country and may be mobiles."""
        found = matches(numbers, self.mobile)
        if found.any():
            found[found] = matches(numbers.filter(pa.array(found)), self.general)
        if found.any():
            found[found] = ~matches(numbers.filter(pa.array(found)), self.special)
        return found

    def tells(self, numbers: pa.Array) -> Mask:
        """Return which of these numbers the library assigns to this country, apart from those of the countries tried before."""
        return self.valid(numbers) if self.leading is None else matches(numbers, self.leading)


@dataclass(frozen=True)
class NumberingPlan:
    """All calling codes.

    `regions` has the countries of each code in the order in which the library tries them, the main one first. `by_head`
    has the place in `codes` for a number's first three digits, or -1.
    """

    codes: list[int]
    regions: list[tuple[str, ...]]
    by_head: npt.NDArray[np.int16]

    def countries(self, place: int) -> list[Country]:
        """Return the countries of a calling code, with their patterns."""
        return [country(self.codes[place], region) for region in self.regions[place]]


@cache
def numbering_plan() -> NumberingPlan:
    """Return the plan, read once."""
    import phonenumbers  # noqa: PLC0415 - heavy, and only for those who ask for countries or name a region

    codes = list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    by_head = np.full(1000, -1, np.int16)
    for place, code in enumerate(codes):
        width = 10 ** (3 - len(str(code)))
        by_head[code * width : (code + 1) * width] = place
    return NumberingPlan(codes, list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values()), by_head)


def metadata(code: int, region: str) -> Any:
    """Return the library's metadata on a country."""
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - as above

    if region == INTERNATIONAL:
        return PhoneMetadata.metadata_for_nongeo_region(code)
    return PhoneMetadata.metadata_for_region(region)


@cache
def country(code: int, region: str) -> Country:
    """Return a country's patterns, read once, when first needed."""
    known = metadata(code, region)
    leading, mobile = known.leading_digits, known.mobile
    return Country(
        region,
        None if leading is None else f"^{code}(?:{leading})",
        _whole(code, known, _KINDS) or "$^",
        f"^{code}(?:{known.general_desc.national_number_pattern})$",
        mobile=f"^{code}(?:{(mobile and mobile.national_number_pattern) or '$^'})$",
        special=_whole(code, known, _BEFORE_MOBILE),
    )


def _whole(code: int, known: Any, kinds: tuple[str, ...]) -> str | None:
    """Build the pattern of numbers of some kinds, calling code included."""
    descriptions = (getattr(known, name) for name in kinds)
    patterns = dict.fromkeys(kind.national_number_pattern for kind in descriptions if kind is not None)
    joined = "|".join(pattern for pattern in patterns if pattern)
    return f"^{code}(?:{joined})$" if joined else None


@cache
def of_region(region: str) -> str:
    """Return the calling code of a region."""
    import phonenumbers  # noqa: PLC0415 - as above

    return str(phonenumbers.country_code_for_region(region))


def places(numbers: pa.Array) -> npt.NDArray[np.int16]:
    """Return the index in `NumberingPlan.codes` of each number's calling code, or -1. Numbers have three digits or more."""
    heads = pc.utf8_slice_codeunits(numbers, 0, 3).cast(pa.int16()).to_numpy()
    found: npt.NDArray[np.int16] = numbering_plan().by_head[heads]
    return found


def valid(numbers: pa.Array) -> Mask:
    """Return which numbers, calling code included, are valid in the country the library assigns them to."""
    found = np.zeros(len(numbers), np.bool_)
    place = places(numbers)
    for code in np.unique(place[place >= 0]):
        rows = np.flatnonzero(place == code)
        for candidate in numbering_plan().countries(code):
            text = numbers.take(pa.array(rows))
            fits = candidate.valid(text)
            found[rows] = fits
            rows = rows[~fits if candidate.leading is None else ~candidate.tells(text)]
    return found


def matches(numbers: pa.Array, pattern: str | None) -> Mask:
    """Return which numbers match a pattern; None matches nothing."""
    if not pattern or not len(numbers):
        return np.zeros(len(numbers), np.bool_)
    return as_mask(pc.match_substring_regex(numbers, pattern))


SHORTEST: Final = 7
"""The least number of digits."""


def countries_of(numbers: pa.Array) -> pd.Categorical[Any]:
    """Return the country of each number as a categorical of two capital letters.

    International networks (+870 satellites, +800 free calls) are ``"001"``; missing where there is no number or no such
    calling code. The categories are the countries that occur, sorted. Numbers are the digits that `phones.normalise`
    returns.

    Where countries share a calling code (+1, +7, +44 …), the plan of the `phonenumbers` library separates them; a
    number that fits none of them counts for the code's main country. Numbers are not checked otherwise.

    Examples
    --------
    >>> countries_of(pa.array(["8615088888888", "16135550100", "18765550100", None])).tolist()
    ['CN', 'CA', 'JM', nan]
    """
    text = numbers.cast(TEXT)
    usable = as_mask(pc.ascii_is_decimal(text)) & as_mask(pc.greater_equal(pc.binary_length(text), SHORTEST))
    text = pc.if_else(pa.array(usable), text, pa.scalar("0" * SHORTEST, TEXT))
    place = places(text)
    regions: dict[str, int] = {}
    found = np.full(len(text), -1, np.int16)
    for at in np.unique(place[place >= 0]):
        rows = np.flatnonzero(place == at)
        sharing = numbering_plan().regions[at]
        found[rows] = regions.setdefault(sharing[0], len(regions))
        for country in numbering_plan().countries(at) if len(sharing) > 1 else ():
            belongs = country.tells(text.take(pa.array(rows)))
            if belongs.any():
                found[rows[belongs]] = regions.setdefault(country.region, len(regions))
                rows = rows[~belongs]
            if not len(rows):
                break
    there = sorted(region for region, number in regions.items() if (found == number).any())
    renumbered = np.full(len(regions) + 1, -1, np.int16)
    renumbered[[regions[region] for region in there]] = np.arange(len(there))
    return pd.Categorical.from_codes(renumbered[found], dtype=pd.CategoricalDtype(there))
