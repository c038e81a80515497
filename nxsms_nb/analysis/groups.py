"""Sort the rows of a sent frame into groups, by its own columns or derived ones."""

from __future__ import annotations

from collections.abc import Collection, Container, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import bins as binning
from nxsms_nb.analysis.derived import DERIVED, OF_RECEIPTS, SECOND_NAMES, Asked, own
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import listed, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.rows.columns import one_label

__all__ = ["Labels", "is_ordered", "is_own", "made_as", "made_name", "numbered", "values_of"]

_MADE: Final = DERIVED | OF_RECEIPTS

Labels: TypeAlias = "Hashable | pd.Series[Any] | list[Any] | None"


@dataclass(frozen=True)
class Groups:
    """Rows sorted into groups: the group of each row, and one row of `keys` per group with a column for each label of `by`.

    `natural` says whether the groups have an order of their own, as numbers and times do; `keys` is in it.
    """

    ids: npt.NDArray[np.int64]
    keys: pd.DataFrame
    natural: bool

    def labels(self, taken: Container[Hashable]) -> list[Hashable]:
        """Return the groups' columns; raise `ColumnError` for one with a name that the result needs."""
        labels: list[Hashable] = list(self.keys.columns)
        clash = next((label for label in labels if label in taken), None)
        if clash is not None:
            raise ColumnError(
                f"by={named(clash)} has the name of a column of the result. Rename it: "
                f"frame.rename(columns={{{named(clash)}: {named(f'my_{clash}')}}})"
            )
        return labels


def group_rows(
    frame: pd.DataFrame,
    by: Labels,
    asked: Asked,
    bins: Any = False,
    *,
    weights: npt.NDArray[np.int64] | None = None,
    made: Collection[Hashable] = (),
) -> Groups:
    """Sort the rows of a sent frame into groups; missing values are a group of their own, the last one.

    `by` names columns of the frame or of `DERIVED` (the frame's own go first), or is a Series with a value for each
    row; None: all rows are one group. `bins` and `weights` are as for `bins.binned`; `made` are columns that were derived
    before. A missing or ambiguous column, or one that cannot be grouped, raises `ColumnError`.
    """
    ids = np.zeros(len(frame), np.int64)
    columns: dict[Hashable, pd.Series[Any]] = {}
    derived: set[Hashable] = set()
    for one in _listed(frame, by):
        label, values = _named_values(frame, one, asked)
        if label in columns:
            raise ColumnError(f"by= names the column {named(label)} twice. Name it once.")
        derivable = not isinstance(one, pd.Series) and made_name(frame, label, asked.prefix) is not None
        if label in made or derivable:
            derived.add(label)
        else:
            values = binning.binned(values, label, bins, weights)
        columns[label] = values
        ordered = is_ordered(values)
        codes, size = _in_order(values, label, ordered=ordered)
        ids = ids * size + codes
        ids = pd.factorize(ids, sort=True)[0].astype(np.int64)  # stays small however many columns follow
    present = int(ids.max()) + 1 if len(ids) else 0
    first = np.zeros(present, np.int64)
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)
    keys = pd.DataFrame(
        {label: _shown(values.iloc[first], label in derived) for label, values in columns.items()},
        index=pd.RangeIndex(present),
    )
    return Groups(ids=ids, keys=keys, natural=bool(columns) and all(map(is_ordered, columns.values())))


def values_of(frame: pd.DataFrame, label: Hashable, asked: Asked, option: str) -> pd.Series[Any]:
    """Return a column of the frame, or what is derived under its name, by position whatever the index.

    A missing or ambiguous column, also of those it is derived from, raises `ColumnError`.
    """
    label = one_label(option, label)
    if is_own(frame, label, asked.prefix):
        values = own(frame, label)
    elif (name := made_name(frame, label, asked.prefix)) is not None:
        values = _MADE[name](frame, asked)
    else:
        raise ColumnError(
            f"{option}={named(label)} is neither a column of the frame nor one of {', '.join(map(repr, _MADE))}. "
            f"Its columns: {listed(list(frame.columns))}"
        )
    return values.reset_index(drop=True)


def is_own(frame: pd.DataFrame, label: Hashable, prefix: str = "") -> bool:
    """Return whether a label is the frame's own column, not one that receipts joined under a derived column's name.

    Failed rows have no receipt: their segments are derived from the text.
    """
    if label not in frame.columns:
        return False
    return bool(prefix) or label not in _MADE or label not in delivery.DELIVERY_COLUMNS or not delivery.carries(frame)


def made_name(frame: pd.DataFrame, label: Hashable, prefix: str = "") -> str | None:
    """Return the derived column that a label refers to in this frame; None for the frame's own columns and others."""
    if not isinstance(label, str) or is_own(frame, label, prefix):
        return None
    name = SECOND_NAMES.get(label, label)
    return name if name in _MADE else None


def made_as(frame: pd.DataFrame, name: str, prefix: str = "") -> str:
    """Return the label of a derived column in a frame; the frame's own column of the same name takes precedence.

    Examples
    --------
    >>> made_as(pd.DataFrame({"country": ["Mali"]}), "country"), made_as(pd.DataFrame(), "country")
    ('country (phone)', 'country')
    """
    if not is_own(frame, name, prefix):
        return name
    return next(long for long, short in SECOND_NAMES.items() if short == name)


def numbered(values: pd.Series[Any], label: Hashable, *, ordered: bool = False) -> tuple[npt.NDArray[np.int64], Any]:
    """Return a number for each value, missing ones last, and the values, `ordered` if wanted.

    Values that cannot be compared raise `ColumnError`.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, kinds = values.cat.codes.to_numpy(np.int64), values.cat.categories
    else:
        try:
            found, kinds = pd.factorize(values, sort=ordered)
        except (TypeError, NotImplementedError):  # objects, or a nested type of Arrow
            raise ColumnError(
                f"Column {named(label)} holds values that cannot be grouped: lists or the like."
            ) from None
        codes = found.astype(np.int64)
    return np.where(codes < 0, len(kinds), codes), kinds


def _listed(frame: pd.DataFrame, by: Labels) -> list[Any]:
    if by is None:
        return []
    if isinstance(by, list):
        return by
    if isinstance(by, tuple) and (
        any(isinstance(one, pd.Series) for one in by) or one_label("by", by) not in frame.columns
    ):
        return list(by)
    return [by]


def _named_values(frame: pd.DataFrame, one: Any, asked: Asked) -> tuple[Hashable, pd.Series[Any]]:
    if not isinstance(one, pd.Series):
        return one_label("by", one), values_of(frame, one, asked, "by")
    label: Hashable = "by" if one.name is None else one.name
    if len(one) == len(frame) and one.index.equals(frame.index):
        return label, one.reset_index(drop=True)
    if one.index.is_unique and frame.index.isin(one.index).all():
        return label, one.loc[frame.index].reset_index(drop=True)
    raise ColumnError(
        f"by= was given a Series {named(label)} of {len(one):,} values whose index does not have the {len(frame):,} rows of the "
        "frame. Make it a column, for example frame.assign(group=values.to_numpy()), and name that."
    )


def is_ordered(values: pd.Series[Any]) -> bool:
    """Whether values have an order of their own, as numbers and times do."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return bool(dtype.ordered)
    return (
        pd.api.types.is_numeric_dtype(dtype)
        or pd.api.types.is_datetime64_any_dtype(dtype)
        or pd.api.types.is_timedelta64_dtype(dtype)
    ) and not pd.api.types.is_bool_dtype(dtype)


def _in_order(values: pd.Series[Any], label: Hashable, *, ordered: bool) -> tuple[npt.NDArray[np.int64], int]:
    codes, kinds = numbered(values, label, ordered=ordered)
    return codes, len(kinds) + 1


def _shown(values: pd.Series[Any], derived: bool) -> Any:
    """Return a group's values; unordered categories, which only speed up grouping, become text."""
    dtype = values.dtype
    if not derived or not isinstance(dtype, pd.CategoricalDtype) or dtype.ordered:
        return values.reset_index(drop=True)  # with its dtype: pandas would look for another one
    return values.astype(object).astype(result_columns.TEXT).array
