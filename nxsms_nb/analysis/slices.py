"""A slice of a frame: one value of one column or of two, in words and as rows."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import bins, groups
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import mask_name, mask_numbers, named, shorten

if TYPE_CHECKING:
    from nxsms_nb.analysis.derived import Asked

__all__ = ["range_in_words", "select"]

Mask = npt.NDArray[np.bool_]

_SPEAKS: Final = re.compile(r"[^\W\d_].*[^\W\d_]|[^\x00-\u02ff]")
_SAYS_NOTHING: Final = frozenset({"true", "false", "yes", "no", "none", "nan", "null", "na", "other", "unknown"})


def slice_words(given: Mapping[Hashable, Any], reaches: Mapping[Hashable, tuple[bool, bool]] | None = None) -> str:
    """Put a slice in words: text that is clear by itself stands alone, other values follow their column's name.

    `reaches` says of a range whether it begins at the lowest value there is, and whether it ends at the highest.

    Examples
    --------
    >>> slice_words({"country": "IN", "sender": "ACME"}), slice_words({"vip": True}), slice_words({"age": pd.Interval(18, 25)})
    ('IN and ACME', 'vip True', 'age over 18 to 25')
    >>> slice_words({"city": None}), slice_words({"size": "M", "length": "161-306"})
    ('city missing', 'size M and length 161-306')
    """
    ends = reaches or {}
    return " and ".join(
        _value_in_words(label, value, ends.get(label, (False, False))) for label, value in given.items()
    )


def _value_in_words(label: Hashable, value: Any, reaches: tuple[bool, bool]) -> str:
    name = mask_name(str(label))
    if _is_missing(value):
        return f"{name} missing"
    if isinstance(value, pd.Interval):
        return f"{name} {range_in_words(value, reaches)}"
    if isinstance(value, str):
        text = mask_numbers(value)
        if value != value.strip() or not value:
            return f"{name} {shorten(repr(text))}"
        plain = _SPEAKS.search(value) and value.lower() not in _SAYS_NOTHING
        return shorten(text) if plain else f"{name} {shorten(text)}"
    return f"{name} {_scalar(value)}"


def range_in_words(value: pd.Interval[Any], reaches: tuple[bool, bool] = (False, False)) -> str:
    """Put a range of numbers or times in words; `reaches` says which of its ends are the column's own.

    Examples
    --------
    >>> range_in_words(pd.Interval(1, 4, "both")), range_in_words(pd.Interval(10.0, float("inf")))
    ('1 to 4', 'over 10')
    >>> range_in_words(pd.Interval(1, 4, "both"), (True, False)), range_in_words(pd.Interval(1, 4, "both"), (False, True))
    ('up to 4', '1 or more')
    """
    if value.left == value.right:
        return _scalar(value.left)
    lowest, highest = reaches[0] or value.left == float("-inf"), reaches[1] or value.right == float("inf")
    low = ("" if value.closed_left else "over ") + _scalar(value.left)
    high = ("" if value.closed_right else "below ") + _scalar(value.right)
    if highest and not lowest:
        after = "later" if isinstance(value.left, pd.Timestamp) else "more"
        return low if low.startswith("over") else f"{low} or {after}"
    if lowest and not highest:
        return high if high.startswith("below") else f"up to {high}"
    return f"{low} to {high}"


def _scalar(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        if value == value.normalize():
            return f"{value:%Y-%m-%d}"
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return shorten(mask_numbers(str(value)))


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def select(frame: pd.DataFrame, given: Mapping[Hashable, Any], asked: Asked) -> pd.DataFrame:
    """Take the rows of a slice, with their columns, index and order.

    `given` maps columns, derived ones included, to a value, None for a missing one, or a `pandas.Interval`. A missing
    or ambiguous column raises `ColumnError`, what is no mapping `ConfigError`.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"slice={named(given)} is not a slice. Give one of df.nxsms.drivers()['slice'], or a dict as in "
            "{'country': 'IN', 'sender': 'ACME'}."
        )
    held: Mask = np.ones(len(frame), np.bool_)
    for label, value in given.items():
        held &= _holds(groups.values_of(frame, label, asked, "slice"), value)
    return frame[held]


def _holds(values: pd.Series[Any], value: Any) -> Mask:
    if _is_missing(value):
        return values.isna().to_numpy(np.bool_)
    if isinstance(value, pd.Interval) and not _has_intervals(values):
        return _within(values, value)
    if isinstance(values.dtype, pd.CategoricalDtype):
        found = np.append(_equal(pd.Series(list(values.cat.categories), dtype=object), value), False)
        return found[values.cat.codes.to_numpy()]
    return _equal(values, value)


def _equal(values: pd.Series[Any], value: Any) -> Mask:
    try:
        same = values == value
    except (TypeError, ValueError):  # times with a zone against others, or a type that Arrow does not compare
        return np.zeros(len(values), np.bool_)
    return same.fillna(False).to_numpy(np.bool_)  # type: ignore[no-any-return]


def _has_intervals(values: pd.Series[Any]) -> bool:
    dtype = values.dtype
    return isinstance(dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype, pd.IntervalDtype)


def _within(values: pd.Series[Any], value: pd.Interval[Any]) -> Mask:
    read = bins.numbers(values)
    if read is None:
        return np.zeros(len(values), np.bool_)
    shown = read.comparable
    try:
        low = shown >= value.left if value.closed_left else shown > value.left
        high = shown <= value.right if value.closed_right else shown < value.right
    except TypeError:  # numbers against times, or times with a zone against others
        return np.zeros(len(values), np.bool_)
    found: Mask = np.asarray(low & high) & ~read.missing
    return found
