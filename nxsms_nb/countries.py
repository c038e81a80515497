"""The country of a number, by its leading digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.cells import TEXT, as_mask
from nxsms_nb.phones import SHORTEST

_INTERNATIONAL: Final = "001"

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


def of(numbers: pa.Array) -> pd.Categorical:
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
    >>> of(pa.array(["8615088888888", "16135550100", "18765550100", None])).tolist()
    ['CN', 'CA', 'JM', nan]
    """
    text = numbers.cast(TEXT)
    usable = as_mask(pc.ascii_is_decimal(text)) & as_mask(pc.greater_equal(pc.binary_length(text), SHORTEST))
    text = pc.if_else(pa.array(usable), text, pa.scalar("0" * SHORTEST, TEXT))
    plan = _plan()
    heads = pc.utf8_slice_codeunits(text, 0, 3).cast(pa.int16()).to_numpy()
    places = plan.by_head[heads]
    for place, shared in plan.shared.items():
        rows = np.flatnonzero(places == place)
        for other, pattern in shared:
            if not len(rows):
                break
            here = as_mask(pc.match_substring_regex(text.take(pa.array(rows)), pattern))
            places[rows[here]] = other
            rows = rows[~here]
    counts = np.bincount(places[places >= 0], minlength=len(plan.regions))
    there = sorted(np.flatnonzero(counts), key=lambda place: plan.regions[place])
    renumbered = np.full(len(plan.regions) + 1, -1, np.int16)
    renumbered[there] = np.arange(len(there))
    found = pd.CategoricalDtype([plan.regions[place] for place in there])
    return pd.Categorical.from_codes(renumbered[places], dtype=found)


@dataclass(frozen=True, slots=True)
class _Plan:
    regions: list[str]
    by_head: npt.NDArray[np.int16]
    """The place in `regions` of the main country, by the first three digits; -1 where there is none."""
    shared: dict[int, list[tuple[int, str]]]
    """Of a main country that shares its calling code: the countries in the library's order, each with its pattern."""


@cache
def _plan() -> _Plan:
    import phonenumbers  # noqa: PLC0415 - heavy, and only for those who ask for countries

    regions: list[str] = []
    by_head = np.full(1000, -1, np.int16)
    shared: dict[int, list[tuple[int, str]]] = {}
    for code, countries in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        main = len(regions)
        if countries[0] == _INTERNATIONAL and _INTERNATIONAL in regions:
            main = regions.index(_INTERNATIONAL)
        else:
            regions.extend(countries)
        width = 10 ** (3 - len(str(code)))
        by_head[code * width : (code + 1) * width] = main
        if len(countries) > 1:
            shared[main] = [(main + n, _pattern(code, country)) for n, country in enumerate(countries)]
    return _Plan(regions, by_head, shared)


def _pattern(code: int, country: str) -> str:
    """What tells a country's numbers from those of others with its calling code: leading digits or the whole plan."""
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - as above

    plan: Any = PhoneMetadata.metadata_for_region(country)
    if plan.leading_digits is not None:
        return f"^{code}(?:{plan.leading_digits})"
    patterns = dict.fromkeys(
        kind.national_number_pattern
        for kind in (getattr(plan, name) for name in _KINDS)
        if kind is not None and kind.national_number_pattern
    )
    return f"^{code}(?:{'|'.join(patterns)})$"
