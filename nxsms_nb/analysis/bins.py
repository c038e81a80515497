"""Numbers and times as plain numbers, and in bins of about as many rows each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

FEW: Final = 24
"""A column with at most this many different numbers or times, such as hours, is grouped by its values."""

USUAL: Final = 10
"""The default number of bins."""

_ROWS_FOR_ENDS: Final = 200_000
_NUMBERS: Final = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Numbers:
    """A column of numbers or times as plain numbers.

    `values` has the numbers, of times the count of the column's unit since the epoch; undefined where `missing`.
    `scalar` turns a number into a value of the column's type, and `comparable` is the column in a form to compare with
    such values.
    """

    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_]
    scalar: Callable[[Any], Any]
    comparable: Any

    @property
    def there(self) -> npt.NDArray[Any]:
        """The numbers that are not missing."""
        there: npt.NDArray[Any] = self.values[~self.missing] if self.missing.any() else self.values
        return there


def numbers(values: pd.Series[Any]) -> Numbers | None:
    """Read a column as numbers; None where it holds neither numbers nor times.

    Examples
    --------
    >>> numbers(pd.Series([3, None], dtype="Int64")).missing.tolist(), numbers(pd.Series(["3"]))
    ([False, True], None)
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return None
    if pd.api.types.is_object_dtype(dtype):
        kind = pd.api.types.infer_dtype(values, skipna=True)
        if kind in _NUMBERS:
            return _plain(values.astype("float64"))
        if kind in ("date", "datetime"):
            return _times(_moments(values))
        return _times(pd.to_timedelta(values)) if kind == "timedelta" else None
    if isinstance(dtype, pd.ArrowDtype):
        values = _from_arrow(values, dtype.pyarrow_dtype)
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        return _times(values)
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
        return _plain(values)
    return None


def _moments(values: Any) -> Any:
    try:
        return pd.to_datetime(values)
    except (TypeError, ValueError):  # of several zones
        return pd.to_datetime(values, utc=True)


def _from_arrow(values: Any, kind: pa.DataType) -> Any:
    if pa.types.is_decimal(kind):
        return values.astype("float64")
    if pa.types.is_timestamp(kind):
        return values.astype(pd.DatetimeTZDtype(kind.unit, kind.tz) if kind.tz else f"datetime64[{kind.unit}]")
    if pa.types.is_duration(kind):
        return values.astype(f"timedelta64[{kind.unit}]")
    return pd.to_datetime(values.astype(object)) if pa.types.is_date(kind) else values


def _plain(values: pd.Series[Any]) -> Numbers:
    missing = values.isna().to_numpy(np.bool_)
    gaps: dict[str, Any] = {"na_value": 0} if missing.any() else {}
    if values.dtype.kind in "iu" and values.dtype != np.uint64:
        whole = values.to_numpy(np.int64, **gaps)
        return Numbers(whole, missing, int, whole)
    floats = values.to_numpy(np.float64, **gaps)
    return Numbers(floats, missing, float, floats)


def _times(values: pd.Series[Any]) -> Numbers:
    index: Any = pd.Index(values)
    unit, zone = index.unit, getattr(index, "tz", None)

    def scalar(number: Any) -> Any:
        if index.dtype.kind == "m":
            return pd.Timedelta(int(number), unit=unit).as_unit(unit)
        if zone is None:
            return pd.Timestamp(int(number), unit=unit).as_unit(unit)
        return pd.Timestamp(int(number), unit=unit, tz="UTC").tz_convert(zone).as_unit(unit)

    return Numbers(np.asarray(index.asi8), np.asarray(index.isna()), scalar, index)


def ends(values: npt.NDArray[Any], bins: int) -> npt.NDArray[Any]:
    """Return the highest value of each bin but the last: quantiles, each once.

    Examples
    --------
    >>> ends(np.array([1, 2, 3, 4]), 2), ends(np.array([0, 0, 0, 4]), 4)
    (array([2]), array([0]))
    """
    if not len(values):
        return values[:0]
    # A sample of a million rows is enough for the quantiles; the bins are counted over all rows.
    some = np.sort(values[:: max(1, len(values) // _ROWS_FOR_ENDS)])
    places = np.ceil(np.arange(1, bins) / bins * len(some)).astype(np.int64) - 1
    found: npt.NDArray[Any] = np.unique(some[np.maximum(places, 0)])
    below: npt.NDArray[Any] = found[found < values.max()]
    return below


def binned(
    values: pd.Series[Any], label: object, bins: Any = None, weights: npt.NDArray[np.int64] | None = None
) -> pd.Series[Any]:
    """Sort numbers or times into bins; other columns are returned as they are.

    `bins` is a number of bins of about as many rows each, or their edges; None: `USUAL` ones where there are more than
    `FEW` different values; False: each value is a group. The result is an ordered categorical of `pandas.Interval`;
    missing values stay missing. Bins made here run between values that occur, both included; of given edges, the upper
    one is included. `weights` say how many rows each value represents. Unusable `bins` raise `ConfigError`.

    Examples
    --------
    >>> binned(pd.Series([1, 2, 3, 10, 20, 30]), "amount", 2).astype(str).unique().tolist()
    ['[1, 3]', '[10, 30]']
    """
    if bins is False:
        return values
    read = numbers(values)
    if read is None:
        return values
    if not len(read.there) or (bins is None and len(pd.unique(read.there)) <= FEW):
        return values
    if bins is None or (isinstance(bins, int) and not isinstance(bins, bool)):
        number = USUAL if bins is None else bins
        if number < 1:
            raise _not_bins(bins)
        there = read.there if weights is None else np.repeat(read.there, weights[~read.missing])
        codes = np.where(read.missing, -1, np.searchsorted(ends(there, number), read.values))
        held = pd.Series(read.values).groupby(codes).agg(["min", "max"])
        held = held[held.index >= 0]
        low, high = (pd.Index([read.scalar(number) for number in held[name]]) for name in ("min", "max"))
        made = pd.IntervalIndex.from_arrays(low, high, closed="both")
    else:
        edges = _edges(bins, label, read)
        codes = np.where(
            read.missing, -1, np.searchsorted(edges.asi8 if hasattr(edges, "asi8") else edges, read.values)
        )
        outer = _outer(read, edges)
        made = pd.IntervalIndex.from_breaks(outer, closed="right")
    levels = np.unique(codes[codes >= 0])
    codes = np.where(codes < 0, -1, np.searchsorted(levels, codes))
    chosen = made if len(made) == len(levels) else made[levels]
    return pd.Series(pd.Categorical.from_codes(codes, categories=chosen, ordered=True), index=values.index)


def _edges(bins: Any, label: object, read: Numbers) -> Any:
    try:
        edges = pd.Index([type(read.scalar(0))(edge) for edge in bins])
        if hasattr(edges, "asi8") and len(read.values):
            edges = edges.as_unit(read.scalar(0).unit)
            zone = getattr(read.scalar(0), "tzinfo", None)
            if zone is not None:
                edges = edges.tz_localize(zone) if edges.tz is None else edges.tz_convert(zone)
    except (TypeError, ValueError):
        raise _not_bins(bins, label) from None
    if not len(edges) or edges.hasnans or not edges.is_monotonic_increasing or not edges.is_unique:
        raise _not_bins(bins, label)
    return edges


def _outer(read: Numbers, edges: Any) -> Any:
    """Add an edge at either end, so that every value has its bin."""
    if not hasattr(edges, "asi8"):
        return [-np.inf, *edges, np.inf]
    there = read.there
    low, high = (int(there.min()), int(there.max())) if len(there) else (0, 0)
    first, last = int(edges.asi8[0]), int(edges.asi8[-1])
    return pd.Index([read.scalar(min(low, first) - 1), *edges, read.scalar(max(high, last + 1))])


def _not_bins(bins: Any, label: object = None) -> ConfigError:
    about = "" if label is None else f" for column {named(label)}"
    return ConfigError(
        f"bins={named(bins)} is not usable{about}. Give a number of bins, as in bins=5, or rising edges as the column has "
        "values, as in bins=[0, 10, 100]; bins=False makes each value a group."
    )
