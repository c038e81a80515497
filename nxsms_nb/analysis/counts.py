"""Rows counted by the codes of columns and of pairs of columns, and what a slice of them is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Feature:
    """One column as codes.

    `codes` has the level of each row, from 0; `levels`, their number, also stands for values that are not examined. The
    first `ordered` levels have an order, so that neighbours may be joined. `numbers` are what these are bins of: a
    slice then begins and ends at values that occur.
    """

    codes: npt.NDArray[np.intp]
    levels: int
    ordered: int = 0
    numbers: npt.NDArray[Any] | None = None


class SliceLevels(NamedTuple):
    """What a slice takes of one column: the levels from `first` to `last`, of bins the values from `low` to `high`."""

    feature: int
    first: int
    last: int
    low: Any = None
    high: Any = None


def inside(parts: tuple[SliceLevels, ...], features: list[Feature]) -> Mask:
    """Return which rows a slice holds."""
    found: Mask = np.ones(len(features[0].codes), np.bool_)
    for part in parts:
        feature = features[part.feature]
        if feature.numbers is None or part.first >= feature.ordered:
            found &= (feature.codes >= part.first) & (feature.codes <= part.last)
        else:
            found &= (feature.codes < feature.ordered) & (feature.numbers >= part.low) & (feature.numbers <= part.high)
    return found


class Runs(NamedTuple):
    """The runs of levels of one column: each level alone, then neighbours together."""

    first: Ints
    last: Ints

    @classmethod
    def of(cls, feature: Feature) -> Runs:
        """List each level alone, then every run of two neighbours or more, but not all of a column."""
        alone = np.arange(feature.levels)
        first, last = np.triu_indices(feature.ordered, 1)
        if feature.ordered == feature.levels:
            some = last - first < feature.ordered - 1
            first, last = first[some], last[some]
        return cls(np.concatenate([alone, first]), np.concatenate([alone, last]))

    def sums(self, table: Ints, axis: int) -> Ints:
        """Sum the table over each run, along one axis."""
        if len(self.first) == table.shape[axis]:
            return table
        shape = list(table.shape)
        shape[axis] = 1
        total = np.concatenate([np.zeros(shape, table.dtype), np.cumsum(table, axis)], axis)
        found: Ints = total.take(self.last + 1, axis) - total.take(self.first, axis)
        return found


class SliceBlock(NamedTuple):
    """All slices of one column, or of two, flat: rows, failures, and the weight of each."""

    columns: tuple[int, ...]
    runs: tuple[Runs, ...]
    rows: Ints
    failed: Ints


class Tables:
    """How many rows there are, and how many failed, by level of each column and of each pair of columns."""

    def __init__(self, features: list[Feature], failed: Mask, depth: int) -> None:
        self._features = features
        self._failed = failed
        self._runs = [Runs.of(feature) for feature in features]
        self._keys: list[tuple[int, ...]] = [(i,) for i in range(len(features))]
        if depth > 1:
            self._keys += list(combinations(range(len(features)), 2))
        self.left = np.ones(len(failed), np.bool_)
        self._tables = self._counted(None)
        self.rows, self.fails = len(failed), int(failed.sum())

    def _counted(self, rows: Ints | None) -> list[tuple[Ints, Ints]]:
        codes = [f.codes if rows is None else f.codes[rows] for f in self._features]
        which = np.flatnonzero(self._failed if rows is None else self._failed[rows])
        bad = [some[which] for some in codes]
        return [(self._table(codes, key), self._table(bad, key)) for key in self._keys]

    def _table(self, codes: list[npt.NDArray[np.intp]], key: tuple[int, ...]) -> Ints:
        levels = [self._features[i].levels for i in key]
        flat = codes[key[0]]
        if len(key) == 2:
            flat = flat * (levels[1] + 1) + codes[key[1]]
        sizes = [size + 1 for size in levels]
        counted = np.bincount(flat, minlength=int(np.prod(sizes))).reshape(sizes)
        return counted[tuple(slice(size) for size in levels)]

    def set_aside(self, inside: Mask) -> None:
        """Take rows out of the tables."""
        rows = np.flatnonzero(inside & self.left)
        for whole, part in zip(self._tables, self._counted(rows), strict=True):
            for counted, aside in zip(whole, part, strict=True):
                np.subtract(counted, aside, out=counted)
        self.left[rows] = False
        self.rows -= len(rows)
        self.fails -= int(self._failed[rows].sum())

    def blocks(self) -> Iterator[SliceBlock]:
        """Yield the slices of each column and of each pair."""
        for key, tables in zip(self._keys, self._tables, strict=True):
            runs = tuple(self._runs[i] for i in key)
            rows, failed = (self._summed(table, runs) for table in tables)
            yield SliceBlock(key, runs, rows, failed)

    @staticmethod
    def _summed(table: Ints, runs: tuple[Runs, ...]) -> Ints:
        summed = table
        for axis, run in enumerate(runs):
            summed = run.sums(summed, axis)
        return summed.ravel()
