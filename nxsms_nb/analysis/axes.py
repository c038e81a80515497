"""Columns encoded as small integers, which the dashboard counts again at each choice."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import bins, groups, literals
from nxsms_nb.analysis.throughput import round_interval
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named

if TYPE_CHECKING:
    from nxsms_nb.analysis.derived import Asked

__all__ = ["MOST", "OTHER", "Axis", "Scale", "latency_scale", "of_column", "small", "time_scale"]

Ints = npt.NDArray[np.integer[Any]]

MOST: Final = 24
"""The most values of a column that are distinguished; the rest are "other"."""

_SAMPLE: Final = 5_000
_BARS: Final = 60


class _Other:
    def __repr__(self) -> str:
        return "OTHER"


OTHER: Final = _Other()
"""Stands for the values of a column beyond the most frequent ones; no slice takes them."""


@dataclass(frozen=True)
class Axis:
    """A column as codes: the level of each row, and what a slice takes of each level: a value, None, an interval, or OTHER.

    `many` counts the different values behind OTHER.
    """

    label: Hashable
    codes: Ints
    levels: list[Any]
    ordered: bool = False
    many: int = 0

    def __len__(self) -> int:
        return len(self.levels)


@dataclass(frozen=True)
class Scale:
    """Times or durations in intervals: level `i` lies between `edges[i]`, included, and `edges[i + 1]`.

    Rows without a value have the level after the last. `scalar` makes a value of an edge.
    """

    label: str
    codes: Ints
    edges: npt.NDArray[Any]
    scalar: Any = field(repr=False)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def interval(self, first: int, last: int) -> pd.Interval[Any]:
        """Return the range from one level to another, both included."""
        return pd.Interval(self.scalar(self.edges[first]), self.scalar(self.edges[last + 1]), closed="left")


def small(codes: npt.NDArray[Any], levels: int) -> Ints:
    """Convert codes to the smallest integer type that holds them, so that masking is faster."""
    return codes.astype(np.int8 if levels < 127 else np.int16 if levels < 32_767 else np.int32)


def of_column(frame: pd.DataFrame, label: Hashable, asked: Asked, most: int = MOST) -> Axis:
    """Encode a column of the frame, or a derived one.

    Numbers and times of many values are binned; of other columns the most frequent values are kept apart. A column
    that cannot be grouped raises `ColumnError`, which says why.
    """
    values = groups.values_of(frame, label, asked, "columns")
    read = bins.numbers(values)
    if read is not None:
        return _of_numbers(label, values, read)
    codes, kinds = groups.numbered(values, label)
    levels = _plain(label, kinds)
    counted = np.bincount(codes, minlength=len(levels) + 1)
    there = np.flatnonzero(counted[:-1])
    known = int(counted[:-1].sum())
    if len(there) > MOST and len(there) > 0.9 * known:
        raise ColumnError("almost every row has a value of its own")
    ordered = groups.is_ordered(values)
    frequent = there[np.argsort(-counted[there], kind="stable")][:most]
    shown = there if ordered and len(there) <= most else frequent
    place = np.full(len(levels) + 1, len(shown), np.int64)
    place[shown] = np.arange(len(shown))
    found = [levels[i] for i in shown]
    more = len(there) - len(shown)
    if more:
        found.append(OTHER)
    if counted[-1] or not found:
        place[-1] = len(found)
        found.append(None)
    _check(label, found)
    return Axis(label, small(place, len(found))[codes], found, ordered, more)


def _plain(label: Hashable, kinds: Any) -> list[Any]:
    if isinstance(kinds, pd.MultiIndex):
        raise ColumnError(f"column {named(label)} holds tuples")
    return [kind.item() if isinstance(kind, np.generic) else kind for kind in np.asarray(kinds, dtype=object)]


def _check(label: Hashable, values: list[Any]) -> None:
    for value in (label, *values):
        if value is not OTHER:
            try:
                literals.literal(value)
            except TypeError:
                raise ColumnError(f"its values are of the type {type(value).__name__}") from None


def _of_numbers(label: Hashable, values: pd.Series[Any], read: bins.Numbers) -> Axis:
    there = read.there
    gap = [None] if read.missing.any() or not len(there) else []
    some = pd.unique(there[:: max(1, len(there) // _SAMPLE)])
    levels = np.sort(pd.unique(there)) if len(some) <= bins.FEW else some
    plain = values.dtype.kind in "iuf" and not pd.api.types.is_object_dtype(values.dtype)
    if len(levels) <= bins.FEW:
        codes = np.searchsorted(levels, read.values)
        each = [read.scalar(level) for level in levels]
        found = [one if plain else pd.Interval(one, one, closed="both") for one in each]
    else:
        edges = bins.ends(there, bins.USUAL)
        codes = np.searchsorted(edges, read.values)
        low, high = read.scalar(there.min()), read.scalar(there.max())
        ends = [read.scalar(edge) for edge in edges]
        found = [
            pd.Interval(left, right, closed="right" if place else "both")
            for place, (left, right) in enumerate(zip([low, *ends], [*ends, high], strict=True))
        ]
    codes = np.where(read.missing, len(found), codes) if read.missing.any() else codes
    _check(label, found)
    return Axis(label, small(codes, len(found) + 1), [*found, *gap], ordered=True)


def time_scale(sent_at: pd.Series[Any], label: str, bars: int = _BARS) -> Scale:
    """Sort times of sending into some 60 intervals of a length that people count in."""
    moments = sent_at.to_numpy("M8[us]").view(np.int64)
    there = moments[sent_at.notna().to_numpy()]
    low, high = (int(there.min()), int(there.max())) if len(there) else (0, 0)
    step = int(round_interval(max(high - low, 1) / bars / 1e6) // pd.Timedelta(1, "us"))
    first = low // step
    levels = (high // step - first + 1) if len(there) else 0
    codes = moments // step - first
    if len(there) < len(moments):
        codes = np.where(sent_at.isna().to_numpy(), levels, codes)
    edges = (np.arange(levels + 1) + first) * step
    return Scale(label, small(codes, levels + 1), edges, lambda edge: pd.Timestamp(int(edge), unit="us", tz="UTC"))


def latency_scale(latency: npt.NDArray[np.float64], label: str, bars: int = 30) -> Scale:
    """Sort latencies into intervals of equal length; the last one is open and holds the slowest hundredth."""
    missing = np.isnan(latency)
    there = latency[~missing] if missing.any() else latency
    if not len(there):
        return Scale(label, np.zeros(len(latency), np.int8), np.zeros(1), float)
    some = there[:: max(1, len(there) // 100_000)]
    step = _round(max(float(np.quantile(some, 0.99)), 1e-3) / bars)
    least = float(there.min())
    low = min(0.0, np.floor(least / step) * step)
    low -= step if low > least else 0.0  # a negative number so small that dividing it gives zero
    edges = np.round(low + np.arange(bars + 1) * step, 9)
    used = int(np.searchsorted(edges, float(there.max()), side="right"))
    edges = np.append(edges[:used], np.inf if used > bars else edges[used])
    return Scale(label, small(_between(edges, low, step, latency), len(edges)), edges, float)


def _between(edges: npt.NDArray[np.float64], low: float, step: float, values: npt.NDArray[np.float64]) -> Ints:
    """Find the interval of each value among edges that are a step apart, but for the last; NaN is in the one after.

    A division is eight times as fast as a search; only near an edge it may be on the wrong side of it.
    """
    last = len(edges) - 2
    with np.errstate(invalid="ignore", over="ignore"):
        exact = (values - low) / step
        whole = np.clip(np.floor(exact), 0, last)
        near = np.flatnonzero(np.abs(exact - np.rint(exact)) < 1e-4)
    whole[near] = np.searchsorted(edges, values[near], side="right") - 1
    codes: Ints = np.nan_to_num(whole, copy=False, nan=last + 1).astype(np.int16)
    return codes


def _round(least: float) -> float:
    """Return the next of 1, 2, 5, 10 and so on."""
    ten = 10.0 ** np.floor(np.log10(least))
    return float(next(ten * one for one in (1, 2, 5, 10) if ten * one >= least * (1 - 1e-9)))
