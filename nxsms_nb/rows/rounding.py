"""Find numbers whose last digits a spreadsheet cut, which only a whole column shows.

One phone may well end in five zeros. Several different ones among few do not by chance: they were rounded, and what is
left of them are other people's numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, present

__all__ = ["ColumnVerdict", "Counts", "Evidence", "WholeColumn"]

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

ZEROS: Final = 5
"""Trailing zeros that make a number round: one number in 100,000 ends like that by chance."""

DOUBT: Final = 1e-6
"""Anything less probable than this by chance counts as damage."""

_CHANCE: Final = 10.0**-ZEROS
# Anything but digits, and the decimals of a whole number.
_NO_DIGITS: Final = r"[.]0+$|[^0-9]"
_NARROW: Final = 24
"""Binary digits that a float32 keeps."""
_LARGE: Final = 2**63
_LARGEST: Final = 10**308
_LOOKED_AT: Final = 256
_SAMPLE: Final = 200_000
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_ENOUGH: Final = 64
"""How many numbers are examined: so many prove enough, since each occurs by chance with probability 1/2 at most."""
_KEPT: Final = 100_000
"""Round numbers that are remembered; a column with more of them is damaged beyond doubt."""


@dataclass
class Counts:
    """What earlier chunks of a stream showed about its numbers.

    `numbers` adds up each chunk's different numbers, `rounded` has those that end in five zeros or more, and `foreign`
    says whether bare numbers were valid only as another country's.
    """

    numbers: int = 0
    rounded: set[int] = field(default_factory=set)
    foreign: bool = False


@dataclass
class Evidence:
    """Evidence in a part of a column for damage that only the whole column proves; the evidence of two parts adds up.

    `different` are the numbers, each once: all of them, or where those are many the share whose hashes end in `shift` zero
    bits. `narrow` are numbers wider than a float32 (None: one of them cannot be one). `keys` has, for the place of each key
    column, what `float_evidence` says of its long numbers.
    """

    different: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    shift: int = 0
    rounded: set[int] = field(default_factory=set)
    narrow: set[int] | None = field(default_factory=set)
    foreign: bool = False
    keys: dict[int, set[int] | None] = field(default_factory=dict)

    def add(self, *others: Evidence) -> None:
        """Add the evidence of other parts."""
        shift = max([self.shift, *(other.shift for other in others)])
        # All at once: sorting costs most.
        sampled = [_sampled(one.different, shift) for one in (self, *others)]
        sampled = [numbers for numbers in sampled if len(numbers)]
        different = _once(np.concatenate(sampled)) if len(sampled) > 1 else sampled[0] if sampled else self.different
        while len(different) > _SAMPLE:
            shift += 1
            different = _sampled(different, shift)
        self.different, self.shift = different, shift
        for other in others:
            if len(self.rounded) < _KEPT:
                self.rounded = self.rounded | other.rounded
            self.narrow = _both(self.narrow, other.narrow)
            self.foreign |= other.foreign
            for place, found in other.keys.items():
                self.keys[place] = _both(self.keys.get(place, set()), found)

    def verdict(self) -> ColumnVerdict:
        """Reach a verdict on the whole column.

        If a sample leaves open how many different numbers it has, it counts as damaged.
        """
        damage: Literal["", "narrow", "rounded"] = ""
        # Eight standard deviations of what a sample shows: none where it is everything.
        least = len(self.different) - (8 * math.sqrt(len(self.different)) if self.shift else 0)
        numbers = int(max(least, 0)) << self.shift
        if self.narrow is not None and _too_many(self.narrow):
            damage = "narrow"
        elif (
            len(self.rounded) > 1 and binomial_tail(len(self.rounded), max(numbers, len(self.rounded)), _CHANCE) < DOUBT
        ):
            damage = "rounded"
        floats = frozenset(place for place, found in self.keys.items() if found is not None and proves_floats(found))
        return ColumnVerdict(damage, self.foreign, floats)


def _sampled(numbers: Rows, shift: int) -> Rows:
    if not shift:
        return numbers
    kept: Rows = numbers[numbers.astype(np.uint64) * _ODD >> np.uint64(64 - shift) == 0]
    return kept


@dataclass(frozen=True)
class ColumnVerdict:
    """The verdict on a whole column: how numbers were cut, whether bare ones are foreign, which key columns were floats."""

    damage: Literal["", "narrow", "rounded"] = ""
    foreign: bool = False
    floats: frozenset[int] = frozenset()


class WholeColumn(Counts):
    """The decisions of a pass over a whole column, for a part of it; the part's own evidence is added to `evidence`."""

    def __init__(self, verdict: ColumnVerdict, evidence: Evidence | None = None) -> None:
        super().__init__(foreign=verdict.foreign)
        self._verdict = verdict
        self._evidence = evidence

    def cut(self, given: pa.Array, digits: pa.Array) -> Rows:
        """Return the rows whose numbers were cut, by the verdict on the whole column."""
        rounded = np.flatnonzero(as_mask(pc.ends_with(digits, "0" * ZEROS)))
        if self._evidence is not None:
            cut = {*_different(digits.take(pa.array(rounded))).tolist()}
            narrow = _narrow_numbers(given, digits)
            self._evidence.add(Evidence(_different(digits), 0, cut, narrow, self.foreign))
        if self._verdict.damage == "narrow":
            return np.flatnonzero(present(digits))
        return rounded if self._verdict.damage == "rounded" else rounded[:0]

    def of_floats(self, place: int, numbers: pa.Array) -> bool:
        """Return whether the key column at this place held floats, by the verdict on the whole column."""
        if self._evidence is not None:
            self._evidence.add(Evidence(keys={place: float_evidence(numbers)}))
        return place in self._verdict.floats


def _both(one: set[int] | None, other: set[int] | None) -> set[int] | None:
    return None if one is None or other is None else _few(one | other)


def _few(numbers: set[int]) -> set[int]:
    # As many prove as much as all of them.
    return set(sorted(numbers)[:_ENOUGH])


def binomial_tail(hits: int, trials: int, chance: float) -> float:
    """Return the probability of at least so many hits in independent trials with this chance of a hit.

    Examples
    --------
    >>> binomial_tail(2, 141, 1e-5) < 1e-6 < binomial_tail(2, 142, 1e-5)
    True
    """
    if hits <= trials * chance:
        return 1.0
    log = math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)
    term, total = math.exp(log + hits * math.log(chance) + (trials - hits) * math.log1p(-chance)), 0.0
    while term > total * 1e-12:
        total += term
        term *= (trials - hits) / (hits + 1) * chance / (1 - chance)
        hits += 1
    return min(total, 1.0)


def cut(given: pa.Array, digits: pa.Array, counts: Counts | None = None) -> Rows:
    """Return the rows whose numbers were cut, judging by the whole column.

    A number that stands in groups counts like any other: a spreadsheet's format for phone numbers writes a cut one in
    groups. `digits` have 15 digits at most, and are null where there is a problem. `counts` carries earlier chunks and
    is updated.
    """
    if isinstance(counts, WholeColumn):
        return counts.cut(given, digits)
    if _of_narrow_floats(given, digits):
        return np.flatnonzero(present(digits))
    rows = np.flatnonzero(as_mask(pc.ends_with(digits, "0" * ZEROS)))
    if counts is None and len(rows) < 2:
        return rows[:0]
    rounded = _different(digits.take(pa.array(rows))).tolist()
    if counts is None:
        damaged = len(rounded) > 1 and _at_most(digits, _most(len(rounded), len(digits)))
    else:
        counts.numbers += len(_different(digits))
        if len(counts.rounded) < _KEPT:
            counts.rounded |= {*rounded}
        hits = len(counts.rounded)
        damaged = hits > 1 and binomial_tail(hits, counts.numbers, _CHANCE) < DOUBT
    return rows if damaged else rows[:0]


def _of_narrow_floats(given: pa.Array, digits: pa.Array) -> bool:
    """Return whether all numbers are float32 values, and too many for that to be chance.

    It looks at what was given: a number completed with a country code is not the one that was cut.
    """
    numbers = _narrow_numbers(given, digits)
    return numbers is not None and _too_many(numbers)


def _narrow_numbers(given: pa.Array, digits: pa.Array) -> set[int] | None:
    """Return some numbers too wide for a float32, enough to prove something; None if one is not a float32's value."""
    seen: set[int] = set()
    for start in range(0, len(given), _LOOKED_AT):
        read = given.slice(start, _LOOKED_AT).filter(pc.is_valid(digits.slice(start, _LOOKED_AT)))
        texts = pc.replace_substring_regex(read, _NO_DIGITS, "")
        numbers = np.unique(np.array([int(text or 0) for text in texts.to_pylist()], np.float64))
        if (numbers.astype(np.float32) != numbers).any():
            return None
        seen = _few(seen | {int(number) for number in numbers if int(number).bit_length() > _NARROW})
    return seen


def _too_many(numbers: set[int]) -> bool:
    return sum(number.bit_length() - _NARROW for number in numbers) > -math.log2(DOUBT)


def of_floats(numbers: pa.Array) -> bool:
    """Return whether whole numbers of 17 or more digits, written as text, come from a spreadsheet's floats.

    Every one of them has to be a float's value, and together they must be too many for chance. What people and programs
    count in steps (thousands, or 1,024 as ids that begin with a time do, or more than a float's own) is a float's value
    without having been a float.
    """
    found = float_evidence(numbers)
    return found is not None and proves_floats(found)


def float_evidence(numbers: pa.Array) -> set[int] | None:
    """Return some long numbers that only a float explains, enough to prove something.

    None if one is not a float's value.
    """
    seen: set[int] = set()
    telling: set[int] = set()
    for start in range(0, len(numbers), _LOOKED_AT):
        for number in {abs(int(text)) for text in numbers.slice(start, _LOOKED_AT).to_pylist()} - seen:
            seen.add(number)
            chance = _chance_of_float(number)
            if chance is None:
                return None
            if chance < 1:
                telling.add(number)
    return _few(telling)


def proves_floats(numbers: set[int]) -> bool:
    """Return whether so many numbers are unlikely to be floats' values by chance."""
    return math.prod(_chance_of_float(number) or 0.0 for number in numbers) < DOUBT


def _chance_of_float(number: int) -> float | None:
    """Return the probability that a number is a float's value by chance; None if it is not one."""
    large = number >= _LARGE
    # Workbooks store a float with 16 digits, or with as many as it needs.
    short = number < _LARGEST and int(float(f"{number:.16g}")) == number
    if not short and not (large and number < _LARGEST and int(float(number)) == number):
        return None
    step = 1 << max(number.bit_length() - 53, 0)
    if number % 1000 and (large or (number % 1024 and number // step % 2)):
        by_digits = 10.0 ** (16 - len(str(number))) if short else 1.0
        return min(by_digits, 1 / step if large else 1.0)
    return 1.0


def _most(hits: int, rows: int) -> int:
    """Return the largest count of numbers, up to `rows`, among which so many round ones mean damage."""
    return (
        hits
        - 1
        + bisect_left(range(hits, rows + 1), x=True, key=lambda trials: binomial_tail(hits, trials, _CHANCE) >= DOUBT)
    )


def _at_most(digits: pa.Array, most: int) -> bool:
    """Return whether there are at most so many different numbers, examining few rows if numbers do not repeat."""
    size = most + most // 16 + 16
    while size < len(digits):
        if len(_different(digits.slice(0, size))) > most:
            return False
        size *= 4
    return len(digits) <= most or len(_different(digits)) <= most


def _different(digits: pa.Array) -> Rows:
    return _once(digits.drop_null().cast(pa.int64()).to_numpy().copy())


def _once(numbers: Rows) -> Rows:
    """Return numbers, none of them negative, each once and in order; they are sorted in place.

    NumPy's own finds each by its hash, which takes ten times as long.
    """
    numbers.sort()
    different: Rows = numbers[np.diff(numbers, prepend=-1) != 0]
    return different
