"""Rows that share a key with rows of other partitions, found on the workers by digest and position."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Rows = npt.NDArray[np.int64]
Ordinals = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_NO_ROWS = np.empty(0, np.int64)


class Digests(NamedTuple):
    """Digests of texts of some rows of a partition, in the order of the rows: two halves each.

    `kept_back` rows are suppressed; `went` are those that earlier results in the frame say were sent, or may have been.
    """

    first: npt.NDArray[np.uint64]
    second: npt.NDArray[np.uint64]
    rows: Rows
    kept_back: Mask
    went: Mask

    def share(self, share: int, shares: int) -> Digests:
        """Return those of one of several shares; equal texts are in the same one."""
        if shares == 1:
            return self
        return self.some(self.first % np.uint64(shares) == share)

    def some(self, which: Mask | Rows) -> Digests:
        """Return some of them."""
        return Digests(self.first[which], self.second[which], self.rows[which], self.kept_back[which], self.went[which])


def digests(texts: pa.Array, rows: Rows, kept_back: Mask, went: Mask) -> Digests:
    """Make the digests of texts, which are those of the rows at the same place."""
    binary = pc.cast(texts, pa.large_binary()).to_numpy(zero_copy_only=False).tolist()
    made = np.frombuffer(b"".join(map(xxhash.xxh3_128_digest, binary, itertools.repeat(0))), np.uint64).reshape(-1, 2)
    return Digests(made[:, 0].copy(), made[:, 1].copy(), rows, kept_back, went)


@dataclass
class Repeats:
    """Which rows of all partitions repeat an earlier row's key.

    `ordinals` has, by partition, rows whose key stands in several, each with how many rows before it have the key (-1: it has
    no place among them). `repeated` counts the rows that repeat an earlier one's, in the same partition too; `first` is the
    first of them, partition and row. `late` counts rows that were sent under a key whose first row, in another partition, has no
    result.
    """

    ordinals: dict[int, tuple[Rows, Ordinals]] = field(default_factory=dict)
    repeated: int = 0
    first: tuple[int, int] | None = None
    late: int = 0

    def plus(self, other: Repeats) -> Repeats:
        """Return both, of different shares of the keys."""
        ordinals = dict(self.ordinals)
        for part, (rows, counted) in other.ordinals.items():
            before, known = ordinals.get(part, (_NO_ROWS, np.empty(0, np.int32)))
            ordinals[part] = np.concatenate([before, rows]), np.concatenate([known, counted])
        firsts = [one for one in (self.first, other.first) if one is not None]
        return Repeats(ordinals, self.repeated + other.repeated, min(firsts, default=None), self.late + other.late)

    def known(self, part: int) -> Mapping[str, Any]:
        """Return what `validate.report_on` has to know of a partition's rows."""
        return {"ordinals": self.ordinals[part]} if part in self.ordinals else {}


def find(parts: Sequence[Digests], *, allow: bool, keyed: bool) -> Repeats:
    """Find the rows that share a key, in partitions that follow one another.

    With `allow` each row counts as another message; otherwise a suppressed row takes no other row's place, and with a key
    other than the number a message is that of those who are not on the list.
    """
    first = np.concatenate([part.first for part in parts])
    ordered = np.sort(first)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return Repeats()
    rows = np.flatnonzero(np.isin(first, twice))
    second, place, kept_back, went = (
        np.concatenate([getattr(part, name) for part in parts])[rows]
        for name in ("second", "rows", "kept_back", "went")
    )
    number = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])[rows]
    order = np.lexsort((second, first[rows]))
    one, two, place, number = first[rows][order], second[order], place[order], number[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    starts = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    ordinals = _ordinals(kept_back[order] & (not allow), starts, group, keyed=keyed)
    repeated = np.flatnonzero(ordinals > 0)
    earliest = min(zip(number[repeated].tolist(), place[repeated].tolist(), strict=True), default=None)
    spread = (np.maximum.reduceat(number, starts) > np.minimum.reduceat(number, starts))[group]
    found = {
        int(part): (place[mine], ordinals[mine])
        for part in np.unique(number[spread])
        for mine in [np.flatnonzero(spread & (number == part))]
    }
    went = went[order]
    late = 0 if allow else int((went & spread & ~went[starts][group]).sum())
    return Repeats(found, len(repeated), earliest, late)


def _ordinals(kept_back: Mask, starts: Rows, group: Rows, *, keyed: bool) -> Ordinals:
    """Count, for rows sorted into groups, the rows before each: kept back or not by themselves."""
    ordinals = np.empty(len(group), np.int32)
    for mine in (~kept_back, kept_back):
        before: Rows = np.cumsum(mine) - mine
        ordinals[mine] = (before - before[starts][group])[mine]
    alone = kept_back & (ordinals > 0)
    if keyed:
        alone |= kept_back & np.logical_or.reduceat(~kept_back, starts)[group]
    ordinals[alone] = -1
    return ordinals


def shared(parts: Sequence[tuple[Digests, Digests]], *, allow: bool) -> int:
    """Count the rows whose own id another row of another key has too, or with `allow` any other row.

    `parts` have the digests of own ids, and of the keys of the same rows.
    """
    ids = np.concatenate([own.first for own, _ in parts])
    keys = np.concatenate([key.first for _, key in parts])
    _, number, rows = np.unique(ids, return_inverse=True, return_counts=True)
    if allow:
        return int(rows[rows > 1].sum())
    least, most = np.full(len(rows), np.iinfo(np.uint64).max, np.uint64), np.zeros(len(rows), np.uint64)
    np.minimum.at(least, number, keys)
    np.maximum.at(most, number, keys)
    return int(rows[least != most].sum())
