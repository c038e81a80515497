"""Digits that a spreadsheet cut, which only the numbers of a whole column together show.

One phone may well end in five zeros. Several different ones among few do not by chance: they were rounded, and what is
left of them are other people's numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, present

__all__ = ["Counts"]

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
_KEPT: Final = 100_000
"""Round numbers that are remembered; a column with more of them is damaged beyond doubt."""


@dataclass
class Counts:
    """What earlier chunks of a stream showed of its numbers.

    `numbers` adds up each chunk's different numbers, `rounded` has those that end in five zeros or more, and `foreign`
    says whether bare numbers were valid only as another country's.
    """

    numbers: int = 0
    rounded: set[int] = field(default_factory=set)
    foreign: bool = False


def binomial_tail(hits: int, trials: int, chance: float) -> float:
    """Return the probability of so many hits or more among independent trials, each a hit with this chance.

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
    """Return the rows whose numbers were cut, as the whole column shows.

    A number that stands in groups counts like any other: a spreadsheet's format for phone numbers writes a cut one in
    groups. `digits` have 15 digits at most, and are null where there is a problem. `counts` carries earlier chunks and
    is updated.
    """
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
    """Return whether all numbers are values of float32, and together too many for chance.

    It looks at what was given: a number completed with a country code is not the one that was cut.
    """
    seen: set[int] = set()
    for start in range(0, len(given), _LOOKED_AT):
        read = given.slice(start, _LOOKED_AT).filter(pc.is_valid(digits.slice(start, _LOOKED_AT)))
        texts = pc.replace_substring_regex(read, _NO_DIGITS, "")
        numbers = np.unique(np.array([int(text or 0) for text in texts.to_pylist()], np.float64))
        if (numbers.astype(np.float32) != numbers).any():
            return False
        seen |= {int(number) for number in numbers}
    return sum(max(number.bit_length() - _NARROW, 0) for number in seen) > -math.log2(DOUBT)


def of_floats(numbers: pa.Array) -> bool:
    """Return whether whole numbers of 17 digits or more, written as text, were left by a spreadsheet's floats.

    Every one of them has to be a float's value, and together they must be too many for chance. What people and programs
    count in steps (thousands, or 1,024 as ids that begin with a time do, or more than a float's own) is a float's value
    without having been a float.
    """
    seen: set[int] = set()
    chance = 1.0
    for start in range(0, len(numbers), _LOOKED_AT):
        for number in {abs(int(text)) for text in numbers.slice(start, _LOOKED_AT).to_pylist()} - seen:
            seen.add(number)
            large = number >= _LARGE
            # Workbooks store a float with 16 digits, or with as many as it needs.
            short = number < _LARGEST and int(float(f"{number:.16g}")) == number
            if not short and not (large and number < _LARGEST and int(float(number)) == number):
                return False
            step = 1 << max(number.bit_length() - 53, 0)
            if number % 1000 and (large or (number % 1024 and number // step % 2)):
                by_digits = 10.0 ** (16 - len(str(number))) if short else 1.0
                chance *= min(by_digits, 1 / step if large else 1.0)
    return chance < DOUBT


def _most(hits: int, rows: int) -> int:
    """Return among how many numbers at most so many round ones are damage; more than `rows` are not considered."""
    return (
        hits
        - 1
        + bisect_left(range(hits, rows + 1), x=True, key=lambda trials: binomial_tail(hits, trials, _CHANCE) >= DOUBT)
    )


def _at_most(digits: pa.Array, most: int) -> bool:
    """Return whether there are at most so many different numbers; in a column without repetition, few rows are examined."""
    size = most + most // 16 + 16
    while size < len(digits):
        if len(_different(digits.slice(0, size))) > most:
            return False
        size *= 4
    return len(digits) <= most or len(_different(digits)) <= most


def _different(digits: pa.Array) -> Rows:
    numbers = digits.drop_null().cast(pa.int64()).to_numpy().copy()
    numbers.sort()
    different: Rows = numbers[np.diff(numbers, prepend=-1) != 0]
    return different
