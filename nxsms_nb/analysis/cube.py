"""A sent frame, encoded once and counted again at each choice, in a few milliseconds for a million rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import axes, reasons, slices
from nxsms_nb.analysis.axes import OTHER, Axis, Scale
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

_RESULTS: Final = ("status", "code", "reason", "attempts", "sent_at", "latency_ms")
"""The result columns that are counted or shown."""

_FINE: Final = 200
"""Intervals of latency from which its quantiles over time are read."""

_KEPT: Final = 4
"""Pairs of columns whose common codes are kept."""

_KEPT_MASKS: Final = 16
"""Sets of filters whose rows are kept, and what was counted of them: a click changes few of those of the last picture."""

_OUTCOME_OF_STATUS: Final = np.array(
    [{"Success": GOOD, "Failure": FAILED}.get(one, UNCOUNTED) for one in STATUSES], np.int8
)
_OUTCOME_OF_RECEIPT: Final = np.full(len(delivery.CLASSES), UNCOUNTED, np.int8)
_OUTCOME_OF_RECEIPT[[delivery.DELIVERED, delivery.UNDELIVERED]] = GOOD, FAILED


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

    def __init__(self) -> None:
        super().__init__()
        self._masks: dict[tuple[int, ...], tuple[list[Filter], Mask]] = {}

    def toggle(self, key: Hashable, chosen: Filter) -> None:
        """Set a filter, or remove it if it is already active."""
        if key in self and self[key].level == chosen.level:
            del self[key]
        else:
            self[key] = chosen

    def mask(self, but: Collection[Hashable] = ()) -> Mask | None:
        """Return which rows pass all filters except those named, the same array for the same filters; None if every row does."""
        filters = [chosen for key, chosen in self.items() if key not in but]
        if len(filters) < 2:
            return filters[0].rows if filters else None
        place = tuple(map(id, filters))
        if place not in self._masks:
            while len(self._masks) >= _KEPT_MASKS:
                del self._masks[next(iter(self._masks))]
            # The filters are kept, too, so that nothing else gets their ids.
            self._masks[place] = filters, np.logical_and.reduce([chosen.rows for chosen in filters])
        return self._masks[place][1]

    def slice(self) -> dict[Hashable, Any]:
        """Return one slice with the rows of all filters."""
        found: dict[Hashable, Any] = {}
        for chosen in self.values():
            for label, value in chosen.slice.items():
                found[label] = slices.both(found[label], value) if label in found else value
        return found


class Cube:
    """A sent frame as codes.

    `outcome` is what rates are of: ``"accepted"``, or ``"delivered"`` where the frame has delivery receipts. `results` has
    the frame's result columns, as read.
    """

    def __init__(self, frame: pd.DataFrame, asked: Asked) -> None:
        self.frame, self.asked, self.prefix = frame, asked, asked.prefix
        self.results = results = columns.read(frame, asked.prefix, columns=_RESULTS)
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
        self._counted: dict[int, _Counted] = {}
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
        if outcome == "accepted":
            self._outcomes = _OUTCOME_OF_STATUS[self.status]
        else:
            said = delivery.read(self.frame, self.prefix, columns=["dr_status"])["dr_status"]
            self._outcomes = _OUTCOME_OF_RECEIPT[delivery.classes(said)]
        self.outcome = outcome
        self._combined.clear()
        self._counted.clear()

    def axis(self, label: Hashable) -> Axis:
        """Encode a column, once."""
        if label not in self._axes:
            self._axes[label] = axes.of_column(self.frame, label, self.asked)
        return self._axes[label]

    # ------------------------------------------------------------------ counts

    def statuses(self, mask: Mask | None) -> Counts:
        """Count the rows of each status."""
        return self._count("status", self.status, len(STATUSES), mask)

    def of_reasons(self, mask: Mask | None) -> Counts:
        """Count the rows of each reason."""
        return self._count("reason", self.reasons.codes, len(self.reasons) + 1, mask)[:-1]

    def of_scale(self, scale: Scale, mask: Mask | None) -> Counts:
        """Count by interval and outcome."""
        return self._by_outcome(("scale", scale.label), lambda: scale.codes, len(scale) + 1, mask)[:-1]

    def latency_over_time(self, mask: Mask | None, *shares: float) -> list[list[float | None]]:
        """Return quantiles of the latency in each interval of time, to a two-hundredth of its range; None without rows."""
        levels = (len(self.time) + 1) * (_FINE + 2)
        counts = self._count("over time", self._over_time, levels, mask).reshape(-1, _FINE + 2)[:-1, :-1]
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
        return self._by_outcome(("axis", axis.label), lambda: axis.codes, len(axis), mask)

    def of_pair(self, one: Axis, other: Axis, mask: Mask | None) -> Counts:
        """Count by level of two columns and outcome."""
        counts = self._by_outcome(
            ("pair", one.label, other.label),
            lambda: one.codes.astype(np.int16) * np.int16(len(other)) + other.codes,
            len(one) * len(other),
            mask,
        )
        return counts.reshape(len(one), len(other), 3)

    def overall(self, mask: Mask | None) -> Counts:
        """Count by outcome."""
        return self._count("outcome", self._outcomes, 3, mask)

    def _by_outcome(self, key: tuple[Any, ...], codes: Callable[[], Any], levels: int, mask: Mask | None) -> Counts:
        if key not in self._combined:
            while sum(old[0] == "pair" for old in self._combined) >= _KEPT:
                del self._combined[next(old for old in self._combined if old[0] == "pair")]
            wide = codes().astype(np.int16 if levels * 3 < 32_767 else np.int32)
            wide *= 3
            wide += self._outcomes
            self._combined[key] = wide
        return self._count(key, self._combined[key], levels * 3, mask).reshape(levels, 3)

    def _count(self, key: Hashable, codes: Any, levels: int, mask: Mask | None) -> Counts:
        """Count codes, each set of rows once: several pictures show the same figures, and a click changes few of them."""
        kept = self._counted.get(id(mask))
        if kept is None:
            while len(self._counted) >= _KEPT_MASKS:
                del self._counted[next(iter(self._counted))]
            kept = self._counted[id(mask)] = _Counted(mask)
        if key not in kept.counts:
            if kept.places is None:
                counts = np.bincount(codes, minlength=levels)
            else:
                counts = np.bincount(codes[kept.places], minlength=levels)
                if kept.complement:
                    counts = self._count(key, codes, levels, None) - counts
            kept.counts[key] = counts
        return kept.counts[key]

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


class _Counted:
    """What was counted of some rows.

    `mask` is held so that nothing else gets its id. `places` are those of its rows, or, where these are fewer, the others
    (`complement`); None: all rows.
    """

    def __init__(self, mask: Mask | None) -> None:
        self.mask = mask
        self.counts: dict[Hashable, Counts] = {}
        self.complement = mask is not None and bool(np.count_nonzero(mask) > len(mask) / 2)
        self.places = None if mask is None else np.flatnonzero(~mask if self.complement else mask)


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
