"""Which columns of a sent frame make groups, and why the others do not."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from nxsms_nb._arrow import rows_at
from nxsms_nb.analysis import axes, bins, groups, literals
from nxsms_nb.analysis.derived import DERIVED, OF_RECEIPTS, Asked
from nxsms_nb.results import delivery
from nxsms_nb.results.statuses import RESULT_COLUMNS

__all__ = ["Catalogue", "catalogue"]

_SAMPLE: Final = 2_000
_SHOWN_ELSEWHERE: Final = frozenset(RESULT_COLUMNS) - {"attempts"}


class Catalogue(NamedTuple):
    """Columns to group by, what is derived first, and the others with the reason, one of a few words."""

    offered: list[Hashable]
    refused: dict[Hashable, str]


def catalogue(frame: pd.DataFrame, asked: Asked) -> Catalogue:
    """Sort columns by whether they make groups, from a sample of their values.

    The reasons are ``twice``, ``number``, ``lists``, ``type``, ``one`` and ``unique``; the columns of results that have
    pictures of their own are in neither list.
    """
    offered: list[Hashable] = [
        groups.made_as(frame, name, asked.prefix) for name in DERIVED if _has_source(frame, name, asked)
    ]
    offered += [name for name in OF_RECEIPTS if delivery.carries(frame, asked.prefix) and name not in offered]
    refused: dict[Hashable, str] = {}
    some = np.arange(0, len(frame), max(1, len(frame) // _SAMPLE))
    hidden = {f"{asked.prefix}{name}" for name in _SHOWN_ELSEWHERE}
    own = [
        label
        for label in dict.fromkeys(frame.columns)
        if label not in hidden and groups.is_own(frame, label, asked.prefix)
    ]
    for label in own:
        values = frame[label]
        if not isinstance(values, pd.Series):
            refused[label] = "twice"
        elif label == (asked.phone or "phone"):
            refused[label] = "number"
        elif reason := _reason(label, rows_at(values, some), values):
            refused[label] = reason
        else:
            offered.append(label)
    return Catalogue(offered, refused)


def _has_source(frame: pd.DataFrame, name: str, asked: Asked) -> bool:
    if name == "country":
        return _there(frame, asked.phone, "phone")
    return name not in ("length", "segments", "encoding") or _there(frame, asked.content, "content")


def _there(frame: pd.DataFrame, label: Any, usual: str) -> bool:
    return (usual if label is None else label) in frame.columns


def _reason(label: Hashable, sample: pd.Series[Any], whole: pd.Series[Any]) -> str:
    try:
        different = sample.dropna().unique()
        if len(different) < 2 and whole.nunique(dropna=False) < 2:
            return "one"
        measured = bins.numbers(sample) is not None  # ranges, whatever the type
        for value in (label, *([] if measured else different[:20])):
            literals.literal(value)
    except NotImplementedError:
        return "lists"
    except TypeError as trouble:
        return "type" if str(trouble).startswith("no code") else "lists"
    many = len(different) > axes.MOST and len(different) > 0.9 * int(sample.notna().sum())
    return "unique" if many and not measured else ""
