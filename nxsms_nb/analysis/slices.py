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
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS

if TYPE_CHECKING:
    from nxsms_nb.analysis.derived import Asked

__all__ = ["both", "held", "range_in_words", "select", "slice_words"]

Mask = npt.NDArray[np.bool_]

_SPEAKS: Final = re.compile(r"[^\W\d_].*[^\W\d_]|[^\x00-\u02ff]")
_SAYS_NOTHING: Final = frozenset({"true", "false", "yes", "no", "none", "nan", "null", "na", "other", "unknown"})


def slice_words(given: Mapping[Hashable, Any], reaches: Mapping[Hashable, tuple[bool, bool]] | None = None) -> str:
    """Put a slice in words: self-explanatory text without its column's name, other values after it.

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

    `given` maps columns, derived ones included, to a value, None for a missing one, a `pandas.Interval`, or a list of
    these. A missing or ambiguous column raises `ColumnError`, what is no mapping `ConfigError`.
    """
    return frame[held(frame, given, asked)]


def held(frame: pd.DataFrame, given: Mapping[Hashable, Any], asked: Asked) -> Mask:
    """Return which rows a slice holds, as `select` takes them."""
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"slice={named(given)} is not a slice. Give one of df.nxsms.drivers()['slice'], or a dict as in "
            "{'country': 'IN', 'sender': 'ACME'}."
        )
    found: Mask = np.ones(len(frame), np.bool_)
    for label, value in given.items():
        found &= _holds(_values(frame, label, asked), value)
    return found


def _values(frame: pd.DataFrame, label: Hashable, asked: Asked) -> pd.Series[Any]:
    """Return a column; results are read as they were, whatever a file made of them."""
    name = label.removeprefix(asked.prefix) if isinstance(label, str) and label.startswith(asked.prefix) else ""
    if name in RESULT_COLUMNS and result_columns.carries(frame, asked.prefix, gaps=True):
        return result_columns.read(frame, asked.prefix, columns=[name], gaps=True)[name].reset_index(drop=True)
    return groups.values_of(frame, label, asked, "slice")


def _holds(values: pd.Series[Any], value: Any) -> Mask:
    if isinstance(value, list):
        any_of: Mask = np.logical_or.reduce([np.zeros(len(values), np.bool_), *(_holds(values, one) for one in value)])
        return any_of
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


def both(one: Any, other: Any) -> Any:
    """Return the condition on a column that holds in two slices: a value, a range, or a list of them.

    Examples
    --------
    >>> both(["IN", "DE"], "DE"), both(pd.Interval(0, 5), pd.Interval(3, 9)), both("IN", "DE")
    ('DE', Interval(3, 5, closed='right'), [])
    """
    pairs = [_meeting(a, b) for a in _alternatives(one) for b in _alternatives(other)]
    found = [value for pair in pairs for value in pair]
    return found[0] if len(found) == 1 else found


def _alternatives(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _meeting(one: Any, other: Any) -> list[Any]:
    """Return the intersection of two conditions: one, or none."""
    if _is_missing(one) or _is_missing(other):
        return [None] if _is_missing(one) and _is_missing(other) else []
    try:
        if isinstance(one, pd.Interval) and isinstance(other, pd.Interval):
            return _overlap(one, other)
        if isinstance(one, pd.Interval) or isinstance(other, pd.Interval):
            span, value = (one, other) if isinstance(one, pd.Interval) else (other, one)
            return [value] if value in span else []
        return [one] if bool(one == other) else []
    except (TypeError, ValueError):  # values that cannot be compared are never the same
        return []


def _overlap(one: pd.Interval[Any], other: pd.Interval[Any]) -> list[Any]:
    left, right = max(one.left, other.left), min(one.right, other.right)
    from_left = all(each.closed_left or each.left < left for each in (one, other))
    to_right = all(each.closed_right or each.right > right for each in (one, other))
    if left > right or (left == right and not (from_left and to_right)):
        return []
    closed: Any = {(True, True): "both", (True, False): "left", (False, True): "right", (False, False): "neither"}
    return [pd.Interval(left, right, closed=closed[from_left, to_right])]
