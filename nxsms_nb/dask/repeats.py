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

from nxsms_nb._arrow import TEXT, lengths

Rows = npt.NDArray[np.int64]
Ordinals = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

Halves = npt.NDArray[np.uint64]

_NO_ROWS = np.empty(0, np.int64)
_LENGTH = np.uint64(50)
"""Bits that hold 15 digits."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Times an odd number, different ones stay different, and near ones lie apart."""


class Digests(NamedTuple):
    """Digests of texts of some rows of a partition, in their own order: `first`, and `second` where that leaves doubt.

    `kept_back` rows are suppressed; `went` are those that earlier results in the frame say were sent, or may have been.
    """

    first: Halves
    second: Halves | None
    rows: Rows
    kept_back: Mask
    went: Mask

    @classmethod
    def of(cls, made: tuple[Halves, Halves | None], rows: Rows, kept_back: Mask, went: Mask) -> Digests:
        """Sort the digests of rows, which stand at the same place."""
        first, second = made
        order = np.argsort(first)
        return cls(first[order], None if second is None else second[order], rows[order], kept_back[order], went[order])

    def share(self, share: int, shares: int) -> Digests:
        """Return those of one of several shares; equal texts are in the same one."""
        mine = _share(self.first, share, shares)
        second = None if self.second is None else self.second[mine]
        return Digests(self.first[mine], second, self.rows[mine], self.kept_back[mine], self.went[mine])


class OwnIds(NamedTuple):
    """Halves of digests of the ids that rows bring, in their own order, each with that of the row's key."""

    ids: Halves
    keys: Halves

    @classmethod
    def of(cls, ids: Halves, keys: Halves) -> OwnIds:
        """Sort ids and keys of the same rows."""
        order = np.argsort(ids)
        return cls(ids[order], keys[order])

    def share(self, share: int, shares: int) -> OwnIds:
        """Return those of one of several shares; equal ids are in the same one."""
        mine = _share(self.ids, share, shares)
        return OwnIds(self.ids[mine], self.keys[mine])


def _share(ordered: Halves, share: int, shares: int) -> slice:
    edges = np.array([(end << 64) // shares for end in (share, share + 1) if end < shares], np.uint64)
    start, *end = np.searchsorted(ordered, edges).tolist()
    return slice(start, *end or [None])


def of_texts(texts: pa.Array) -> tuple[Halves, Halves]:
    """Digest texts, two halves each."""
    binary = pc.cast(texts, pa.large_binary()).to_numpy(zero_copy_only=False).tolist()
    made = np.frombuffer(b"".join(map(xxhash.xxh3_128_digest, binary, itertools.repeat(0))), np.uint64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


def of_phones(digits: pa.Array) -> tuple[Halves, None]:
    """Digest numbers of 15 digits at most: no two have the same first half, and a tenth of the time does."""
    numbers = digits.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.uint64)
    return (numbers | lengths(digits.cast(TEXT)).astype(np.uint64) << _LENGTH) * _ODD, None


@dataclass
class Repeats:
    """Which rows of all partitions repeat an earlier row's key.

    `ordinals` has, by partition, rows whose key stands in several, each with how many rows before it have the key (-1: it has
    no place among them). `inside` are partitions with rows whose key stands only there, and more than once.
    `repeated` counts the rows that repeat an earlier one's, in the same partition too; `first` is the
    first of them, partition and row. `late` counts rows that were sent under a key whose first row, in another partition, has no
    result; where rows of a key are other messages, under one that any row has without a result.
    """

    ordinals: dict[int, tuple[Rows, Ordinals]] = field(default_factory=dict)
    inside: frozenset[int] = frozenset()
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
        inside, repeated, late = self.inside | other.inside, self.repeated + other.repeated, self.late + other.late
        return Repeats(ordinals, inside, repeated, min(firsts, default=None), late)

    def known(self, part: int) -> Mapping[str, Any]:
        """Return what `validate.report_on` has to know of a partition's rows."""
        known: dict[str, Any] = {"distinct": part not in self.inside}
        return {**known, "ordinals": self.ordinals[part]} if part in self.ordinals else known


def find(parts: Sequence[Digests], *, allow: bool, keyed: bool) -> Repeats:
    """Find the rows that share a key, in partitions that follow one another.

    With `allow` each row counts as another message; otherwise a suppressed row takes no other row's place, and with a key
    other than the number a message is that of those who are not on the list.
    """
    first = np.concatenate([part.first for part in parts])
    ordered = np.sort(first)
    twice = _twice(ordered)
    if not len(twice):
        return Repeats()
    rows = np.flatnonzero(twice[np.minimum(np.searchsorted(twice, first), len(twice) - 1)] == first)
    place, kept_back, went = (
        np.concatenate([getattr(part, name) for part in parts])[rows] for name in ("rows", "kept_back", "went")
    )
    number = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])[rows]
    halves = [part.second for part in parts if part.second is not None]
    second = np.concatenate(halves)[rows] if halves else np.zeros(len(rows), np.uint64)
    order = np.lexsort((place, number, second, first[rows]))
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
    # Numbered by partition, a row that keeps the id it had could leave that of another row to a third.
    before = ~np.logical_and.reduceat(went, starts) if allow else ~went[starts]
    late = int((went & spread & before[group]).sum())
    return Repeats(found, frozenset(number[~spread].tolist()), len(repeated), earliest, late)


def _twice(ordered: Halves) -> Halves:
    """Return what stands there more than once, each once."""
    later = ordered[1:][ordered[1:] == ordered[:-1]]
    last = np.ones(len(later), np.bool_)
    last[:-1] = later[1:] != later[:-1]
    each: Halves = later[last]
    return each


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


def shared(parts: Sequence[OwnIds], *, allow: bool) -> int:
    """Count the rows whose own id another row of another key has too, or with `allow` any other row."""
    ids = np.concatenate([own.ids for own in parts])
    keys = np.concatenate([own.keys for own in parts])
    order = np.argsort(ids)
    ids, keys = ids[order], keys[order]
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else _NO_ROWS
    rows = np.diff(starts, append=len(ids))
    if allow:
        return int(rows[rows > 1].sum())
    if not len(ids):
        return 0
    return int(rows[np.minimum.reduceat(keys, starts) != np.maximum.reduceat(keys, starts)].sum())
