"""The country of a number, by its leading digits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.cells import TEXT, as_mask
from nxsms_nb.numbering import places, plan

SHORTEST: Final = 7
"""How many digits a number has at least."""


def of(numbers: pa.Array) -> pd.Categorical[Any]:
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
    place = places(text)
    regions: dict[str, int] = {}
    found = np.full(len(text), -1, np.int16)
    for at in np.unique(place[place >= 0]):
        rows = np.flatnonzero(place == at)
        sharing = plan().regions[at]
        found[rows] = regions.setdefault(sharing[0], len(regions))
        for country in plan().countries(at) if len(sharing) > 1 else ():
            told = country.tells(text.take(pa.array(rows)))
            if told.any():
                found[rows[told]] = regions.setdefault(country.region, len(regions))
                rows = rows[~told]
            if not len(rows):
                break
    there = sorted(region for region, number in regions.items() if (found == number).any())
    renumbered = np.full(len(regions) + 1, -1, np.int16)
    renumbered[[regions[region] for region in there]] = np.arange(len(there))
    return pd.Categorical.from_codes(renumbered[found], dtype=pd.CategoricalDtype(there))
