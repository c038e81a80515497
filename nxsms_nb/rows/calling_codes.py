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
"""What the library calls a network that is no country's."""

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
"""The kinds that the library tries before it takes a number for a mobile."""


@dataclass(frozen=True)
class Country:
    """A country under its calling code.

    Parameters
    ----------
    region : str
        Two capital letters, or `INTERNATIONAL`.
    leading : str or None
        The pattern that its numbers begin with, calling code included, where that tells it from other countries.
    kinds : str
        The pattern of its kinds of number.
    general : str
        The pattern of all its numbers; a valid one matches this as well.
    mobile : str
        The pattern of numbers that are, or may be, mobiles.
    special : str or None
        The pattern of free, premium and other numbers; the library asks for these first.
    """

    region: str
    leading: str | None
    kinds: str
    general: str
    mobile: str
    special: str | None

    def valid(self, numbers: pa.Array) -> Mask:
        """Which of these numbers are valid in it."""
        found = matches(numbers, self.kinds)
        if found.any():
            found[found] = matches(numbers.filter(pa.array(found)), self.general)
        return found

    def may_be_mobile(self, numbers: pa.Array) -> Mask:
        """Which of these numbers are valid in it and can be those of mobiles."""
        found = matches(numbers, self.mobile)
        if found.any():
            found[found] = matches(numbers.filter(pa.array(found)), self.general)
        if found.any():
            found[found] = ~matches(numbers.filter(pa.array(found)), self.special)
        return found

    def tells(self, numbers: pa.Array) -> Mask:
        """Which of these numbers the library puts in it, those of countries before it aside."""
        return self.valid(numbers) if self.leading is None else matches(numbers, self.leading)


@dataclass(frozen=True)
class NumberingPlan:
    """All calling codes.

    Parameters
    ----------
    codes : list of int
        The calling codes.
    regions : list of tuple of str
        The countries of each, the main one first, in the order in which the library tries them.
    by_head : numpy.ndarray of int16
        The place in `codes` by a number's first three digits; -1 where there is none.
    """

    codes: list[int]
    regions: list[tuple[str, ...]]
    by_head: npt.NDArray[np.int16]

    def countries(self, place: int) -> list[Country]:
        """The countries of a calling code, with their patterns."""
        return [country(self.codes[place], region) for region in self.regions[place]]


@cache
def numbering_plan() -> NumberingPlan:
    """The plan, read once."""
    import phonenumbers  # noqa: PLC0415 - heavy, and only for those who ask for countries or name a region

    codes = list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    by_head = np.full(1000, -1, np.int16)
    for place, code in enumerate(codes):
        width = 10 ** (3 - len(str(code)))
        by_head[code * width : (code + 1) * width] = place
    return NumberingPlan(codes, list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values()), by_head)


def metadata(code: int, region: str) -> Any:
    """What the library knows of a country."""
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - as above

    if region == INTERNATIONAL:
        return PhoneMetadata.metadata_for_nongeo_region(code)
    return PhoneMetadata.metadata_for_region(region)


@cache
def country(code: int, region: str) -> Country:
    """A country's patterns, read once, when first needed."""
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
    """The pattern of numbers of some kinds, calling code included."""
    descriptions = (getattr(known, name) for name in kinds)
    patterns = dict.fromkeys(kind.national_number_pattern for kind in descriptions if kind is not None)
    joined = "|".join(pattern for pattern in patterns if pattern)
    return f"^{code}(?:{joined})$" if joined else None


@cache
def of_region(region: str) -> str:
    """The calling code of a region."""
    import phonenumbers  # noqa: PLC0415 - as above

    return str(phonenumbers.country_code_for_region(region))


def places(numbers: pa.Array) -> npt.NDArray[np.int16]:
    """The place of each number's calling code in `NumberingPlan.codes`; -1 where there is none.

    Parameters
    ----------
    numbers : pyarrow.LargeStringArray
        Three digits or more each.
    """
    heads = pc.utf8_slice_codeunits(numbers, 0, 3).cast(pa.int16()).to_numpy()
    found: npt.NDArray[np.int16] = numbering_plan().by_head[heads]
    return found


def valid(numbers: pa.Array) -> Mask:
    """Which numbers, calling code included, are valid in the country the library puts them in.

    Parameters
    ----------
    numbers : pyarrow.LargeStringArray
        Three digits or more each.
    """
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
    """Which numbers match a pattern; None matches nothing."""
    if not pattern or not len(numbers):
        return np.zeros(len(numbers), np.bool_)
    return as_mask(pc.match_substring_regex(numbers, pattern))


SHORTEST: Final = 7
"""How many digits a number has at least."""


def countries_of(numbers: pa.Array) -> pd.Categorical[Any]:
    """The country of each number.

    Parameters
    ----------
    numbers : pyarrow.Array of text
        Country code and number in digits, as `phones.normalise` gives them.

    Returns
    -------
    pandas.Categorical
        Two capital letters (``"CN"``), ``"001"`` for international networks (+870 satellites, +800 free calls);
        missing where there is no number or no such calling code. The categories are the countries that occur, sorted.

    Notes
    -----
    Where countries share a calling code (+1, +7, +44 …) the plan of the `phonenumbers` library tells them apart; a number
    it has in none of them counts for the code's main country. Numbers are not checked otherwise.

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
