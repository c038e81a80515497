"""Search the slices of a table of codes for those in which rows fail more often: numpy only, no frame.

A slice is one value of a column, a run of neighbouring values where they have an order, or a pair of these. How it is
judged, in each round:

* Its p is the one-sided hypergeometric tail: as many failures in the slice, or more, if failures fell on the rows of
  the round at random.
* The p of all slices are corrected together (Benjamini-Hochberg 1995) with weights (Genovese, Roeder and Wasserman
  2006): half of the weight goes to the slices of one column, half to the pairs, each column gets the same, and in it
  each slice. A column of 200 values has as many chances to look bad as all others together, but not more weight.
* Of the slices beyond chance the one with the greatest posterior weight explains most: the gain in log-likelihood
  from giving the slice a rate of its own, plus the log of the same weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nxsms_nb.analysis.counts import Feature, Floats, Ints, Mask, SliceBlock, SliceLevels, Tables, inside

_LEAST_GAIN: Final = 3.0
"""Below this gain, p is over 0.01 times what the smallest weight allows: the slice counts, but p is not computed."""
_MOST_EXACT: Final = 500
"""The number of slices, those with the greatest gain, whose exact p is computed; the others count as p = 1."""
_PAIR_PRICE: Final = 3.0
"""What a pair must gain over one of its halves, beyond its weight: the best of many splits gains by chance."""
_EXTREME_BONUS: Final = 4.0
"""The gain required to cut off the highest or lowest values of a range: "over 200" is simpler."""
_MOST_ROUNDS: Final = 50


@dataclass
class Finding:
    """One slice that was found, and what was counted in its round."""

    parts: tuple[SliceLevels, ...]
    p: float
    inside: Mask = field(repr=False)
    bad: Mask = field(repr=False)
    rows: int = 0
    failed: int = 0
    rest_rows: int = 0
    rest_failed: int = 0


def gain(rows: Ints, failed: Ints, all_rows: int, all_failed: int) -> Floats:
    """Return the log-likelihood ratio of a slice having its own rate, against one rate for all."""

    def likelihood(k: Floats, n: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(k > 0, k * np.log(k / n), 0.0) + np.where(k < n, (n - k) * np.log1p(-k / n), 0.0)
        return found

    n, k = rows.astype(np.float64), failed.astype(np.float64)
    whole = likelihood(np.array([float(all_failed)]), np.array([float(all_rows)]))
    return likelihood(k, n) + likelihood(all_failed - k, all_rows - n) - whole


def search(
    features: list[Feature], failed: Mask, *, depth: int = 2, level: float = 0.05, min_rows: int = 20
) -> tuple[list[Finding], int]:
    """Find the slices in which rows fail more often, each once, and count the slices that were examined in all rounds.

    `depth` 2 includes pairs of columns, `level` is how often something may be found where there is nothing, and a slice
    has at least `min_rows` rows.
    """
    tables = Tables(features, failed, depth)
    findings: list[Finding] = []
    looked = 0
    for number in range(1, _MOST_ROUNDS + 1):
        if not 0 < tables.fails < tables.rows:
            break
        best, seen = _best(tables, features, failed, number=number, level=level, min_rows=min_rows)
        looked += seen
        if best is None:
            break
        findings.append(best)
        tables.set_aside(best.inside)
    return findings, looked


def _best(
    tables: Tables, features: list[Feature], failed: Mask, *, number: int, level: float, min_rows: int
) -> tuple[Finding | None, int]:
    """Return the slice that explains most beyond chance, and the number examined."""
    blocks = list(tables.blocks())
    large = [np.flatnonzero((b.rows >= min_rows) & (b.rows < tables.rows)) for b in blocks]
    seen = sum(map(len, large))
    kinds = {
        n: sum(1 for b, some in zip(blocks, large, strict=True) if len(b.columns) == n and len(some)) for n in (1, 2)
    }
    shares = 1 if not (kinds[1] and kinds[2]) else 2
    base = tables.fails / tables.rows
    found = []
    for place, (block, some) in enumerate(zip(blocks, large, strict=True)):
        if not len(some):
            continue
        weight = -np.log(shares * kinds[len(block.columns)]) + _within(block, some)
        rows, bad = block.rows[some], block.failed[some]
        # A normal bound at two standard deviations, which is cheap, before any logarithm.
        beyond = bad - rows * base
        near = np.flatnonzero((beyond > 0) & (beyond**2 > 4 * rows * base * (1 - base) * (1 - rows / tables.rows)))
        gains = gain(rows[near], bad[near], tables.rows, tables.fails)
        keep = gains >= _LEAST_GAIN
        near = near[keep]
        found.append(np.column_stack([np.full(len(near), place), some[near], gains[keep], weight[near]]))
    every = np.concatenate(found) if found else np.empty((0, 4))
    if not len(every):
        return None, seen
    score = every[:, 2] + every[:, 3]
    every = every[np.argsort(-score, kind="stable")[:_MOST_EXACT]]
    chosen = [(blocks[int(i)], int(j)) for i, j in every[:, :2]]
    p = tail_p(
        np.array([block.rows[j] for block, j in chosen]),
        np.array([block.failed[j] for block, j in chosen]),
        tables.rows,
        tables.fails,
    )
    adjusted = _corrected(p, every[:, 3], number)
    pairs = np.array([len(block.columns) == 2 for block, _ in chosen])
    score = every[:, 2] + every[:, 3] - _PAIR_PRICE * pairs
    score[adjusted > level] = -np.inf
    top = int(np.argmax(score))
    if not np.isfinite(score[top]):
        return None, seen
    parts = _refined(_parts(*chosen[top]), tables, features, failed)
    return _finding(parts, tables, features, failed, float(adjusted[top])), seen


def _within(block: SliceBlock, some: Ints) -> Floats:
    """Return the log of each slice's weight within its block: half to levels alone, half to runs, where there are runs."""
    runs = np.zeros(len(block.rows), np.bool_).reshape([len(r.first) for r in block.runs])
    for axis, run in enumerate(block.runs):
        shape = [1] * len(block.runs)
        shape[axis] = -1
        runs |= (run.first < run.last).reshape(shape)
    chosen = runs.ravel()[some]
    many = int(chosen.sum())
    if not many or many == len(some):
        return np.full(len(some), -np.log(len(some)), np.float64)
    weights: Floats = np.where(chosen, -np.log(2 * many), -np.log(2 * (len(some) - many)))
    return weights


def tail_p(rows: Ints, failed: Ints, all_rows: int, all_failed: int) -> Floats:
    """Return the probability of as many failures or more in each slice, if failures fell at random."""
    from scipy.stats import hypergeom  # noqa: PLC0415 - half a second, for those who search

    found: Floats = np.asarray(hypergeom.sf(failed - 1, all_rows, all_failed, rows))
    return found


def _corrected(p: Floats, log_weight: Floats, number: int) -> Floats:
    """Correct p as Benjamini and Hochberg do, with weights, over as many rounds of slices."""
    # The rounds share the level: a half, a sixth, a twelfth and so on of it add up to all of it.
    weighted = p * np.exp(-log_weight) * number * (number + 1)
    order = np.argsort(weighted, kind="stable")
    steps = weighted[order] / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def _parts(block: SliceBlock, spot: int) -> tuple[SliceLevels, ...]:
    places = np.unravel_index(spot, [len(run.first) for run in block.runs])
    return tuple(
        SliceLevels(column, int(run.first[i]), int(run.last[i]))
        for column, run, i in zip(block.columns, block.runs, places, strict=True)
    )


def _refined(
    parts: tuple[SliceLevels, ...], tables: Tables, features: list[Feature], failed: Mask
) -> tuple[SliceLevels, ...]:
    """Move the ends of a run of bins to where it explains most, within the last bin of the run or the next one."""
    for place, part in enumerate(parts):
        feature = features[part.feature]
        if feature.numbers is None or part.first >= feature.ordered:
            continue
        others = (*parts[:place], *parts[place + 1 :])
        rows = tables.left & (feature.codes < feature.ordered)
        if others:
            rows &= inside(_bounded(others, features), features)
        rows &= (feature.codes >= part.first - 1) & (feature.codes <= part.last + 1)
        where = np.flatnonzero(rows)
        where = where[np.argsort(feature.numbers[where], kind="stable")]
        codes, values = feature.codes[where], feature.numbers[where]
        # A cut stands before a row whose value is another than that of the row before.
        new = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        cuts = np.append(new, len(where))
        bad = np.append(0, np.cumsum(failed[where]))
        start, end = np.searchsorted(codes, part.first), np.searchsorted(codes, part.last, side="right")
        ends = [int(start), int(end)]
        for side in (0, 1, 0, 1):
            inner = np.searchsorted(codes, part.first + 1) if side == 0 else np.searchsorted(codes, part.last)
            some = cuts[(cuts < min(ends[1], max(inner, start + 1)))] if side == 0 else cuts[cuts > max(ends[0], inner)]
            first, last = (some, np.full_like(some, ends[1])) if side == 0 else (np.full_like(some, ends[0]), some)
            n, k = last - first, bad[last] - bad[first]
            gains = gain(n, k, tables.rows, tables.fails)
            gains[(k * tables.rows <= n * tables.fails) | (n == tables.rows)] = -np.inf
            if side == 0 and part.first == 0:
                gains[some == 0] += _EXTREME_BONUS
            if side == 1 and part.last == feature.ordered - 1:
                gains[some == len(where)] += _EXTREME_BONUS
            if len(some) and gains.max() > -np.inf:
                ends[side] = int(some[np.argmax(gains)])
        parts = (*parts[:place], part._replace(low=values[ends[0]], high=values[ends[1] - 1]), *parts[place + 1 :])
    return parts


def _bounded(parts: tuple[SliceLevels, ...], features: list[Feature]) -> tuple[SliceLevels, ...]:
    """Set the ends of runs of bins that have none to those of their bins."""

    def bounded(part: SliceLevels) -> SliceLevels:
        feature = features[part.feature]
        if feature.numbers is None or part.first >= feature.ordered or part.low is not None:
            return part
        held = feature.numbers[(feature.codes >= part.first) & (feature.codes <= part.last)]
        return part._replace(low=held.min(), high=held.max())

    return tuple(bounded(part) for part in parts)


def _finding(
    parts: tuple[SliceLevels, ...], tables: Tables, features: list[Feature], failed: Mask, p: float
) -> Finding:
    held = inside(parts, features) & tables.left
    rows, bad = int(held.sum()), int((held & failed).sum())
    return Finding(
        parts=parts,
        p=max(p, float(tail_p(np.array([rows]), np.array([bad]), tables.rows, tables.fails)[0])),
        inside=held,
        bad=held & failed,
        rows=rows,
        failed=bad,
        rest_rows=tables.rows - rows,
        rest_failed=tables.fails - bad,
    )
