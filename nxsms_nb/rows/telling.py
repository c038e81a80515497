"""Find the rows that decide how a whole column is written, for frames that are written part by part.

Whether floats are written whole, moments as dates, or a format spec fits at all depends on the whole column. A part is
written as the whole would be once such rows of other parts are added to its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from nxsms_nb.errors import ConfigError
from nxsms_nb.rows.placeholders import Placeholder, parsed
from nxsms_nb.rows.specs import formatted

__all__ = ["append_rows", "telling_rows"]


def telling_rows(
    frame: pd.DataFrame, templates: Sequence[str], by: Hashable | None = None, names: Sequence[Any] = ()
) -> dict[str, pd.DataFrame]:
    """Return the first rows of a part that decide how a template's columns are written, by what they decide.

    With `by`, also the first row for which one of the mapping's `names` has a template.

    Examples
    --------
    >>> telling_rows(pd.DataFrame({"n": [1.0, 2.5]}), ["{n}"])["0 '' fraction"]["n"].to_list()
    [2.5]
    """
    found: dict[str, pd.DataFrame] = {}
    pieces = {piece for template in templates for piece in parsed(template, frame) if isinstance(piece, Placeholder)}
    for piece in pieces:
        labels: list[Hashable] = list(frame.columns)
        place = labels.index(piece.label)
        for what, row in _of_column(frame.iloc[:, place], piece).items():
            if row is not None:
                found[f"{place} {piece.spec!r} {what}"] = frame.iloc[[row]]
    if by is not None:
        gap = any(pd.api.types.is_scalar(name) and pd.isna(name) for name in names)
        there = frame[by].isin(list(names)) | (frame[by].isna() if gap else False)
        row = _first(there.to_numpy(np.bool_))
        if row is not None:
            found["by"] = frame.iloc[[row]]
    return found


def append_rows(frame: pd.DataFrame, others: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Append rows of other parts to a part, keeping its dtypes; its index becomes 0, 1, 2, …."""
    if not others:
        return frame.reset_index(drop=True)
    parts = [frame, *others]
    columns = {place: _joined([part.iloc[:, place] for part in parts]) for place in range(frame.shape[1])}
    return pd.DataFrame(columns, index=pd.RangeIndex(sum(map(len, parts)))).set_axis(frame.columns, axis=1)


def _joined(parts: list[pd.Series[Any]]) -> Any:
    if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
        return union_categoricals(parts, ignore_order=True)
    return pd.concat(parts, ignore_index=True)


def _of_column(values: pd.Series[Any], piece: Placeholder) -> Mapping[str, int | None]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    found: dict[str, int | None] = {}
    if pd.api.types.is_float_dtype(values.dtype):
        floats = values.to_numpy(np.float64, na_value=np.nan)
        found["fraction"] = _first(np.isfinite(floats) & (np.trunc(floats) != floats))
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        found["time of day"] = _first((values.notna() & (values != values.dt.normalize())).to_numpy(np.bool_))
    elif values.dtype == object:
        kinds = [_kind(value) for value in values]
        found |= {what: kinds.index(what) if what in kinds else None for what in ("fraction", "time of day", "other")}
    if piece.spec:
        found["fits"] = _fitting(values, piece)
    return found


def _kind(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "fraction" if np.isfinite(value) and not float(value).is_integer() else ""
    if not isinstance(value, str) and pd.isna(value) is True:
        return ""
    if isinstance(value, (dt.datetime, np.datetime64)):
        moment = pd.Timestamp(value)
        return "" if moment.tzinfo is None and moment == moment.normalize() else "time of day"
    return "other"


def _fitting(values: pd.Series[Any], piece: Placeholder) -> int | None:
    try:
        texts = formatted(values, str(piece), piece.spec)
    except ConfigError:
        return None
    return _first(np.asarray(texts.is_valid()))


def _first(which: Any) -> int | None:
    return int(which.argmax()) if len(which) and which.any() else None
