"""A sent frame, encoded once and counted again at each choice, in a few milliseconds for a million rows."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import axes, reasons, slices
from nxsms_nb.analysis.axes import OTHER, Axis, Scale
from nxsms_nb.analysis.measures import measure
from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns, delivery
from nxsms_nb.results.statuses import STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.analysis.derived import Asked

__all__ = ["FAILED", "GOOD", "UNCOUNTED", "Choices", "Cube", "Filter"]

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

FAILED, GOOD, UNCOUNTED = range(3)
"""The outcome of a row: rates are over the first two."""

_FINE: Final = 200
"""Intervals of latency from which its quantiles over time are read."""

_KEPT: Final = 4
"""Pairs of columns whose common codes are kept."""


@dataclass(frozen=True)
class Filter:
    """One choice.

    Which rows it takes, the same as a slice, and the level that was chosen (for ranges, the first and last).
    """

    rows: Mask
    slice: dict[Hashable, Any]
    level: Any = None


class Choices(dict[Hashable, Filter]):
    """The active filters, by what was chosen from; a row has to pass all of them."""

    def toggle(self, key: Hashable, chosen: Filter) -> None:
        """Set a filter, or remove it if it is already active."""
        if key in self and self[key].level == chosen.level:
            del self[key]
        else:
            self[key] = chosen

    def mask(self, but: Collection[Hashable] = ()) -> Mask | None:
        """Return which rows pass all filters except those named; None if every row does."""
        masks = [chosen.rows for key, chosen in self.items() if key not in but]
        return np.logical_and.reduce(masks) if masks else None

    def slice(self) -> dict[Hashable, Any]:
        """Return one slice with the rows of all filters."""
        found: dict[Hashable, Any] = {}
        for chosen in self.values():
            for label, value in chosen.slice.items():
                found[label] = slices.both(found[label], value) if label in found else value
        return found


class Cube:
    """A sent frame as codes.

    `outcome` is what rates are of: ``"accepted"``, or ``"delivered"`` where the frame has delivery receipts.
    """

    def __init__(self, frame: pd.DataFrame, asked: Asked) -> None:
        self.frame, self.asked, self.prefix = frame, asked, asked.prefix
        results = columns.read(frame, asked.prefix, columns=["status", "code", "reason", "sent_at", "latency_ms"])
        self.status = results["status"].cat.codes.to_numpy().astype(np.int8, copy=False)
        self.reasons = reasons.of_results(self.status, results["code"], results["reason"])
        self.time = axes.time_scale(results["sent_at"], f"{asked.prefix}sent_at")
        latency = results["latency_ms"].to_numpy()
        self.latency = axes.latency_scale(latency, f"{asked.prefix}latency_ms")
        fine, self._middles = _finely(latency, self.latency)
        size = (len(self.time) + 1) * (_FINE + 2)
        self._over_time = axes.small(self.time.codes.astype(np.int32) * (_FINE + 2) + fine, size)
        self.outcomes = ["accepted", *(["delivered"] if self._has_receipts() else [])]
        self._axes: dict[Hashable, Axis] = {}
        self._combined: dict[Any, Any] = {}
        self.choose_outcome("accepted")

    def __len__(self) -> int:
        return len(self.status)

    def _has_receipts(self) -> bool:
        try:
            delivery.read(self.frame, self.prefix, columns=["dr_status"])
        except ColumnError:
            return False
        return True

    def choose_outcome(self, outcome: str) -> None:
        """Change the outcome that rates refer to."""
        values = measure(self.frame, outcome, rows=np.ones(len(self), np.bool_), prefix=self.prefix).of_rows
        self.outcome = outcome
        self._outcomes = np.where(np.isnan(values), UNCOUNTED, values == 1).astype(np.int8)
        self._combined.clear()

    def axis(self, label: Hashable) -> Axis:
        """Encode a column, once."""
        if label not in self._axes:
            self._axes[label] = axes.of_column(self.frame, label, self.asked)
        return self._axes[label]

    # ------------------------------------------------------------------ counts

    def statuses(self, mask: Mask | None) -> Counts:
        """Count the rows of each status."""
        return _counted(self.status, len(STATUSES), mask)

    def of_reasons(self, mask: Mask | None) -> Counts:
        """Count the rows of each reason."""
        return _counted(self.reasons.codes, len(self.reasons) + 1, mask)[:-1]

    def of_scale(self, scale: Scale, mask: Mask | None) -> Counts:
        """Count by interval and outcome."""
        return self._by_outcome(("scale", scale.label), scale.codes, len(scale) + 1, mask)[:-1]

    def latency_over_time(self, mask: Mask | None, *shares: float) -> list[list[float | None]]:
        """Return quantiles of the latency in each interval of time, to a two-hundredth of its range; None without rows."""
        counts = _counted(self._over_time, (len(self.time) + 1) * (_FINE + 2), mask).reshape(-1, _FINE + 2)[:-1, :-1]
        below = counts.cumsum(axis=1)
        total = counts.sum(axis=1)
        found = []
        for share in shares:
            place = np.minimum((below < share * total[:, None]).sum(axis=1), _FINE)
            values = self._middles[place]
            found.append([float(one) if rows else None for one, rows in zip(values, total, strict=True)])
        return found

    def of_axis(self, axis: Axis, mask: Mask | None) -> Counts:
        """Count by level and outcome."""
        return self._by_outcome(("axis", axis.label), axis.codes, len(axis), mask)

    def of_pair(self, one: Axis, other: Axis, mask: Mask | None) -> Counts:
        """Count by level of two columns and outcome."""
        codes = one.codes.astype(np.int16) * len(other) + other.codes
        counts = self._by_outcome(("pair", one.label, other.label), codes, len(one) * len(other), mask)
        return counts.reshape(len(one), len(other), 3)

    def overall(self, mask: Mask | None) -> Counts:
        """Count by outcome."""
        return _counted(self._outcomes, 3, mask)

    def _by_outcome(self, key: Any, codes: Any, levels: int, mask: Mask | None) -> Counts:
        if key not in self._combined:
            while sum(old[0] == "pair" for old in self._combined) >= _KEPT:
                del self._combined[next(old for old in self._combined if old[0] == "pair")]
            wide = codes.astype(np.int16 if levels * 3 < 32_767 else np.int32)
            self._combined[key] = wide * 3 + self._outcomes
        return _counted(self._combined[key], levels * 3, mask).reshape(levels, 3)

    # ------------------------------------------------------------------ filters

    def by_status(self, place: int) -> Filter:
        """Return the filter for the rows of a status."""
        return Filter(self.status == place, {f"{self.prefix}status": STATUSES[place]}, place)

    def by_reason(self, place: int) -> Filter:
        """Return the filter for the rows of a reason."""
        return Filter(self.reasons.codes == place, self.reasons.reasons[place].slice(self.prefix), place)

    def by_scale(self, scale: Scale, first: int, last: int) -> Filter:
        """Return the filter for the rows of a range of intervals."""
        rows = (scale.codes >= first) & (scale.codes <= last)
        return Filter(rows, {scale.label: scale.interval(first, last)}, (first, last))

    def by_axis(self, axis: Axis, level: int) -> Filter:
        """Return the filter for the rows of a level; OTHER has none."""
        value = axis.levels[level]
        if value is OTHER:
            raise ValueError("the other values are no slice")
        return Filter(axis.codes == level, {axis.label: value}, level)

    def by_slice(self, given: dict[Hashable, Any]) -> Filter:
        """Return the filter for the rows of a slice, for example of one that `drivers` found."""
        return Filter(slices.held(self.frame, given, self.asked), dict(given), tuple(map(str, given.items())))

    def rows(self, choices: Choices) -> npt.NDArray[np.int64]:
        """Return the positions of the rows that pass all filters."""
        mask = choices.mask()
        return np.arange(len(self)) if mask is None else np.flatnonzero(mask)


def _counted(codes: Any, levels: int, mask: Mask | None) -> Counts:
    return np.bincount(codes if mask is None else codes[mask], minlength=levels)


def _finely(latency: npt.NDArray[np.float64], scale: Scale) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64]]:
    """Sort latencies into `_FINE` equal intervals, plus one for slower ones and one for missing ones.

    Also return the middles.
    """
    edges = scale.edges[np.isfinite(scale.edges)]
    low, top = float(edges[0]), float(edges[-1])
    step = (top - low) / _FINE or 1.0
    # NaN passes minimum, and becomes the interval after the last.
    places = np.nan_to_num(np.minimum((latency - low) / step, _FINE), nan=_FINE + 1).astype(np.int16)
    return places, np.append(low + (np.arange(_FINE) + 0.5) * step, top)
