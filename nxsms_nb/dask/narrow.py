"""Rows counted on the workers: of each partition what a table is about, like rows once, added up a few partitions at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask import delayed
from pandas.api.types import union_categoricals

from nxsms_nb.dask.first_pass import tree
from nxsms_nb.dask.schedulers import Scheduler
from nxsms_nb.screen import warn

Ints = npt.NDArray[np.int64]

PREFIX: Final = "\x1fnxsms "
"""Of the results in a narrow frame, whose other columns may have any name."""


@dataclass(frozen=True)
class Narrow:
    """What is needed of some partitions: columns of their rows, `weights` saying how many rows each stands for (None: one).

    `made` are columns that were derived from the rows.
    """

    frame: pd.DataFrame
    weights: Ints | None = None
    made: frozenset[Hashable] = field(default_factory=frozenset)

    def once(self) -> Narrow:
        """Return the same with like rows once, in the order in which they first occur."""
        ids = np.zeros(len(self.frame), np.int64)
        for place in range(self.frame.shape[1]):
            codes, kinds = _numbered(self.frame.iloc[:, place])
            ids = pd.factorize(ids * (kinds + 1) + codes + 1)[0].astype(np.int64)
        weights = np.ones(len(ids), np.int64) if self.weights is None else self.weights
        size = int(ids.max(initial=-1)) + 1
        first = np.zeros(size, np.int64)
        first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)
        counted = np.zeros(size, np.int64)
        np.add.at(counted, ids, weights)
        return Narrow(self.frame.iloc[first].reset_index(drop=True), counted, self.made)


def _numbered(values: pd.Series[Any]) -> tuple[Ints, int]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.cat.codes, np.int64), len(values.cat.categories)
    codes, kinds = pd.factorize(values)
    return np.asarray(codes, np.int64), len(kinds)


def reduced(frame: Any, narrow: Callable[[pd.DataFrame], Narrow], table: Callable[[Narrow], Any]) -> Any:
    """Make a table of a Dask frame on the workers; what it warns of is warned of here."""
    parts = [delayed(_narrowed, pure=False)(part, narrow) for part in frame.to_delayed(optimize_graph=True)]
    ((result, told),) = Scheduler(frame).compute([delayed(_finished, pure=False)(tree(_added, parts), table)])
    for words, kind in told:
        warn(words, kind)
    return result


def _narrowed(frame: pd.DataFrame, narrow: Callable[[pd.DataFrame], Narrow]) -> Narrow:
    return narrow(frame)


def _finished(total: Narrow, table: Callable[[Narrow], Any]) -> tuple[Any, list[tuple[str, type[Warning]]]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        result = table(total)
    return result, [(str(one.message), one.category) for one in told if issubclass(one.category, UserWarning)]


def _added(several: Sequence[Narrow]) -> Narrow:
    there = [one for one in several if len(one.frame)] or several[:1]
    frames = [one.frame for one in there]
    made = there[0].made
    joined = pd.DataFrame(
        {place: _joined([frame.iloc[:, place] for frame in frames]) for place in range(frames[0].shape[1])},
        index=pd.RangeIndex(sum(map(len, frames))),
    ).set_axis(frames[0].columns, axis=1)
    for label in made:
        values = joined[label]
        if isinstance(values.dtype, pd.CategoricalDtype) and not values.cat.ordered:
            # As if they had been derived from all rows at once.
            joined[label] = values.cat.set_categories(sorted(values.cat.categories))
    joined.attrs = next((dict(frame.attrs) for frame in frames if frame.attrs), {})
    if there[0].weights is None:
        return Narrow(joined, None, made)
    return Narrow(joined, np.concatenate([one.weights for one in there if one.weights is not None]), made).once()


def _joined(parts: list[pd.Series[Any]]) -> Any:
    kinds = {part.dtype for part in parts}
    if len(kinds) > 1 and all(isinstance(kind, pd.CategoricalDtype) for kind in kinds):
        return union_categoricals(parts, ignore_order=True)
    return pd.concat(parts, ignore_index=True)
