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

__all__ = ["names"]

_FAILURE, _INVALID, _UNSENT = (STATUSES.index(name) for name in ("Failure", "Invalid", "Unsent"))
_NO_CODE: Final = np.iinfo(np.int64).min

Ints = npt.NDArray[np.int64]


def count_causes(results: pd.DataFrame, ids: Ints, groups: int = 0) -> pd.DataFrame:
    """Count the causes of rows that were not accepted, by the group of each row.

    `results` has ``status``, ``code`` and ``reason``, as `columns.read` returns them; `groups` says how many groups
    there are, to include those without such rows. Returns one row for each group and cause: ``group``, ``code``
    (Int64), ``text`` (str, where there is no code), and int64 counts of Failure (``count``), Invalid (``invalid``) and
    Unsent with a code (``unsent``). A group without any has one row of zeros.
    """
    status = results["status"].cat.codes.to_numpy()
    code = results["code"].to_numpy(np.int64, na_value=_NO_CODE)
    uncoded = code == _NO_CODE
    rows = np.flatnonzero((status == _FAILURE) | (status == _INVALID) | ((status == _UNSENT) & ~uncoded))
    status, code, group, uncoded = status[rows], code[rows], ids[rows], uncoded[rows]
    text, texts = pd.factorize(_texts(results["reason"].iloc[rows[uncoded]], status[uncoded] == _INVALID))
    number, numbers = pd.factorize(code)
    cause = number.astype(np.int64)
    cause[uncoded] = len(numbers) + text
    kinds = len(numbers) + len(texts) + 1
    spot, spots = pd.factorize(group * kinds + cause)

    cause = spots % kinds
    uncoded = cause >= len(numbers)
    quiet = np.setdiff1d(np.arange(groups), spots // kinds)
    none = np.zeros(len(quiet), np.int64)
    found = _found(
        spots // kinds,
        np.append(numbers, 0)[np.where(uncoded, len(numbers), cause)],
        uncoded,
        np.array([*texts, None], object)[np.where(uncoded, cause - len(numbers), len(texts))],
        [np.bincount(spot[status == which], minlength=len(spots)) for which in (_FAILURE, _INVALID, _UNSENT)],
    )
    return pd.concat([found, _found(quiet, none, none == 0, np.full(len(quiet), None), [none] * 3)], ignore_index=True)


def _found(
    group: Ints, code: Ints, uncoded: npt.NDArray[np.bool_], text: npt.NDArray[np.object_], counts: list[Ints]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": group,
            "code": pd.arrays.IntegerArray(code, uncoded),
            "text": pd.array(text, dtype=columns.TEXT),
            **dict(zip(("count", "invalid", "unsent"), counts, strict=True)),
        }
    )


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
