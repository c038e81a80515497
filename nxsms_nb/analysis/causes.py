"""Why rows were not accepted: by code, or by the gateway's text where the code is unknown."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.results import columns
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.wire.codes import TABLE, label

__all__ = ["names", "needed"]

_FAILURE, _INVALID, _UNSENT = (STATUSES.index(name) for name in ("Failure", "Invalid", "Unsent"))
_COUNTS: Final = ["count", "invalid", "unsent"]
_DTYPES: Final[dict[str, Any]] = {
    "group": "int64",
    "code": "Int64",
    "text": columns.TEXT,
    **dict.fromkeys(_COUNTS, "int64"),
}

Ints = npt.NDArray[np.int64]


def count_causes(results: pd.DataFrame, ids: Ints, groups: int = 0, weights: Ints | None = None) -> pd.DataFrame:
    """Count the causes of rows that were not accepted, by the group of each row.

    `results` has ``status``, ``code`` and ``reason``, as `columns.read` returns them; `groups` says how many groups
    there are, to include those without such rows. Returns one row for each group and cause: ``group``, ``code``
    (Int64), ``text`` (str, where there is no code), and int64 counts of Failure (``count``), Invalid (``invalid``) and
    Unsent with a code (``unsent``). A group without any has one row of zeros. `weights` say how many rows each row
    represents.
    """
    status = results["status"].cat.codes.to_numpy()
    coded = results["code"].notna().to_numpy()
    rows = np.flatnonzero((status == _FAILURE) | (status == _INVALID) | ((status == _UNSENT) & coded))
    status, uncoded = status[rows], rows[~coded[rows]]
    text = pd.Series(None, rows, columns.TEXT)
    text[uncoded] = _texts(results["reason"].iloc[uncoded], status[~coded[rows]] == _INVALID)
    times = 1 if weights is None else weights[rows]
    found = pd.DataFrame(
        {
            "group": ids[rows],
            "code": results["code"].iloc[rows].array,
            "text": text.array,
            "count": (status == _FAILURE) * times,
            "invalid": (status == _INVALID) * times,
            "unsent": (status == _UNSENT) * times,
        }
    )
    counted = found.groupby(["group", "code", "text"], sort=False, dropna=False)[_COUNTS].sum().reset_index()
    quiet = pd.DataFrame({"group": np.setdiff1d(np.arange(groups), counted["group"])})
    both = pd.concat([counted, quiet], ignore_index=True)
    return both.fillna(dict.fromkeys(_COUNTS, 0)).astype(_DTYPES)


def needed(results: pd.DataFrame) -> pd.DataFrame:
    """Return results with no more than `count_causes` looks at, so that rows of one cause are alike."""
    status = results["status"].cat.codes.to_numpy()
    counts = np.isin(status, (_FAILURE, _INVALID, _UNSENT))
    code = results["code"].where(counts)
    unnumbered = np.isin(status, (_FAILURE, _INVALID)) & code.isna().to_numpy()
    reason = columns.from_arrow(pa.nulls(len(results), pa.large_string()), columns.TEXT)
    reason[unnumbered] = _texts(results["reason"][unnumbered], status[unnumbered] == _INVALID)
    return results.assign(code=code, reason=reason)


def _texts(reasons: pd.Series[Any], invalid: npt.NDArray[np.bool_]) -> Any:
    """Mask the reasons; of this library's own, keep the rule alone, which precedes the value."""
    array = columns.to_arrow(reasons)
    if invalid.any():
        array = pc.if_else(pa.array(invalid), pc.replace_substring_regex(array, r"(?s)^([^,;:]*).*$", r"\1"), array)
    array = pc.replace_substring_regex(array, r"\p{Nd}(?:[ \-.()]?\p{Nd}){5,}", "••••••")
    return columns.from_arrow(pc.fill_null(array, "no reason given"), columns.TEXT)


def with_meanings(found: pd.DataFrame) -> pd.DataFrame:
    """Add ``meaning``, ``scope`` and ``advice`` (str), as the code table has them, to what `count_causes` found."""
    numbers = found["code"].drop_duplicates().dropna()
    table = {number: TABLE[number] for number in numbers if number in TABLE}
    meanings = {number: table[number].meaning if number in table else "(not documented)" for number in numbers}

    def looked_up(words: dict[Any, str]) -> pd.Series[Any]:
        return found["code"].astype(object).map(words).astype(columns.TEXT)

    return found.assign(
        meaning=looked_up(meanings).where(found["code"].notna(), found["text"]),
        scope=looked_up({number: code.scope for number, code in table.items()}),
        advice=looked_up({number: code.advice for number, code in table.items()}),
    )


def names(causes: pd.DataFrame) -> list[str]:
    """Name each cause: a code with its meaning, or the gateway's text; empty where there is none.

    Examples
    --------
    >>> names(pd.DataFrame({"code": [13005, None], "meaning": ["incorrect phone number", "Handset gone"]}))
    ['13005 incorrect phone number', 'Handset gone']
    """
    texts = causes["meaning"].astype(object).where(causes["meaning"].notna(), "")
    return [str(text) if pd.isna(code) else label(int(code)) for code, text in zip(causes["code"], texts, strict=True)]
