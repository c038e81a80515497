"""Why rows were not accepted, as levels that a slice can take: a status with its code, or with the gateway's text."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb._arrow import rows_at
from nxsms_nb.analysis.axes import Ints, small
from nxsms_nb.formatting import mask_name
from nxsms_nb.results.statuses import STATUSES

__all__ = ["Reason", "Reasons", "of_results"]

_TEXTS: Final = 6
"""The most texts of one status that are distinguished; where there are more, they vary by row."""


class Reason(NamedTuple):
    """A status with a code, or with a text where there is no code; `texts` says whether the text distinguishes rows."""

    status: str
    code: int | None
    text: str | None = None
    texts: bool = False

    def slice(self, prefix: str) -> dict[Any, Any]:
        """Return the slice that selects the reason's rows."""
        found: dict[Any, Any] = {f"{prefix}status": self.status, f"{prefix}code": self.code}
        return found | ({f"{prefix}reason": self.text} if self.texts else {})


class Reasons(NamedTuple):
    """The reason of each row as a code; accepted rows have the one after the last."""

    codes: Ints
    reasons: list[Reason]

    def __len__(self) -> int:
        return len(self.reasons)


def of_results(status: npt.NDArray[np.int8], code: pd.Series[Any], reason: pd.Series[Any]) -> Reasons:
    """Sort rows that were not accepted by status, then by code, or by text if there is no code.

    Failures and frequent ones first.
    """
    rows = np.flatnonzero(status != 0)
    some = code.iloc[rows]
    uncoded = some.isna().to_numpy()
    number, numbers = pd.factorize(some.to_numpy(np.int64, na_value=0))
    number[uncoded] = len(numbers)
    kinds = len(numbers) + 1
    combined = status[rows].astype(np.int64) * kinds + number
    spot, spots = pd.factorize(combined)
    found = [
        Reason(STATUSES[one // kinds], None if one % kinds == len(numbers) else int(numbers[one % kinds]))
        for one in spots
    ]
    for place in [place for place, one in enumerate(found) if one.code is None]:
        inside = np.flatnonzero(spot == place)
        text, texts = pd.factorize(rows_at(reason, rows[inside]))
        plain = [str(one) for one in texts]
        if len(plain) > _TEXTS or any(mask_name(one) != one for one in plain):
            continue
        gap = [None] if not plain or (text < 0).any() else []
        levels = [Reason(found[place].status, None, one, texts=True) for one in [*plain, *gap]]
        spot[inside] = np.append(place, len(found) + np.arange(len(levels) - 1))[text]
        found[place] = levels[0]
        found += levels[1:]
    counted = np.bincount(spot, minlength=len(found))
    order = np.lexsort((-counted, np.array([STATUSES.index(one.status) for one in found], np.int64)))
    rank = np.empty(len(found), np.int64)
    rank[order] = np.arange(len(found))
    codes = np.full(len(status), len(found), np.int32)
    codes[rows] = rank[spot]
    return Reasons(small(codes, len(found) + 1), [found[i] for i in order])
