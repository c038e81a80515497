"""Add the country code to national numbers, and read bare numbers the way that is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, first_bytes, lengths, present
from nxsms_nb.rows import calling_codes, national, trunk
from nxsms_nb.rows.regions import NOT_GIVEN, UNKNOWN, Regions
from nxsms_nb.rows.spelling import Sign
from nxsms_nb.rows.troubles import Trouble

if TYPE_CHECKING:
    from nxsms_nb.rows.rounding import Counts

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Bare = Literal["national", "international"]

_SHORTEST: Final = 3


def completed(
    digits: pa.Array,
    troubles: Codes,
    signs: Codes,
    regions: Regions,
    *,
    bare: Bare | None = None,
    counts: Counts | None = None,
) -> pa.Array:
    """Add the region's country code to numbers without one, and note in `troubles` what is uncertain.

    `bare` says what numbers without +, 00 or trunk zero are. None: national where that gives a number of the region
    that can be a mobile (and none of its numbers with the calling code in front), else international where that gives
    one of the region's own mobiles, else whichever single reading is valid. Where the column holds bare numbers that
    are only valid with another calling code, those valid both ways are problems. `counts` carries this over the chunks
    of a stream.

    A number with + or 00 is taken as written; whether it exists is not asked.
    """
    rows = np.flatnonzero((troubles == Trouble.NONE) & (lengths(digits) >= _SHORTEST))
    if regions.places is not None:
        places = regions.places[rows]
        odd = (places == UNKNOWN) | ((places == NOT_GIVEN) & (signs[rows] == Sign.NONE))
        troubles[rows[odd]] = Trouble.REGION
    zeros = rows[signs[rows] == Sign.ZEROS]
    digits = _replaced(digits, zeros, _other_prefixes(digits, zeros, regions)) if len(zeros) else digits
    rows = rows[(signs[rows] == Sign.NONE) & (troubles[rows] == Trouble.NONE)]
    if bare == "international":
        rows = rows[first_bytes(digits.take(pa.array(rows))) == ord("0")]
    foreign, mobiles, pieces = False, np.zeros(len(digits), np.bool_), []
    for region, some in regions.groups(rows):
        numbers = digits.take(pa.array(some))
        read = national.readings(numbers, region)
        if bare == "national":
            full, found = _only_national(numbers, read)
        else:
            full, found, strangers, sure = _either(numbers, read, region)
            mobiles[some[sure]] = True
            foreign |= strangers
        troubles[some] = found
        pieces.append((some, full))
    if counts is not None:
        counts.foreign |= foreign
        foreign = counts.foreign
    if foreign and mobiles.any():
        both = np.flatnonzero(mobiles)
        troubles[both[trunk.are_valid(digits.take(pa.array(both)), np.ones(len(both), np.bool_))]] = Trouble.BOTH
    if not pieces:
        return digits
    return _replaced(
        digits, np.concatenate([some for some, _ in pieces]), pa.concat_arrays([full for _, full in pieces])
    )


def _only_national(numbers: pa.Array, read: national.Readings) -> tuple[pa.Array, Codes]:
    found = np.select([present(read.full), read.trunk], [Trouble.NONE, Trouble.TRUNK], Trouble.NEITHER)
    return pc.coalesce(read.full, numbers), found.astype(np.uint8)


def _either(numbers: pa.Array, read: national.Readings, region: str) -> tuple[pa.Array, Codes, bool, Mask]:
    """Read numbers one way or the other.

    Returns the full numbers, what is wrong, whether there are any of another calling code that are not the region's, and
    which are read as mobiles of the region, whatever else they may be.
    """
    valid, same = present(read.full), as_mask(pc.equal(read.full, numbers))
    mobile = national.may_be_mobile(read.full, region)
    zero = first_bytes(numbers) == ord("0")
    whole = trunk.are_valid(numbers, ~mobile & ~zero)
    code = calling_codes.of_region(region)
    at_home = as_mask(pc.starts_with(numbers, code))
    candidates = pc.if_else(pa.array(whole & at_home), numbers, pa.scalar(None, TEXT))
    own = national.may_be_mobile(candidates, region)
    as_written = whole & (own | ~valid)
    # Of Italy's mobiles, 390 … are landlines with the country code in front just as well.
    both = (whole & valid & ~same & ~own) | trunk.are_valid(numbers, mobile & at_home & ~same & ~zero)
    neither = ~whole & ~valid
    full = pc.if_else(pa.array(as_written | neither), numbers, read.full)
    found = np.select(
        [both, neither & read.trunk, neither], [Trouble.BOTH, Trouble.TRUNK, Trouble.NEITHER], Trouble.NONE
    )
    if neither.any():
        # The prefix of calls abroad, where it is not 00: 011 in the United States, 8 10 in Russia.
        rest, abroad = _abroad(numbers, neither, region)
        full = pc.if_else(pa.array(abroad), rest, full)
        found[abroad] = Trouble.NONE
    strangers = bool((whole & ~valid & ~at_home & ~zero).any())
    return full, found.astype(np.uint8), strangers, mobile & ~same & ~zero


def _abroad(numbers: pa.Array, wanted: Mask, region: str) -> tuple[pa.Array, Mask]:
    """Return what follows a region's prefix for calls abroad, and which rows have a valid number there."""
    prefix = national.abroad_prefix(region)
    if prefix is None:
        return numbers, np.zeros(len(numbers), np.bool_)
    rest = pc.replace_substring_regex(numbers, prefix, "", max_replacements=1)
    return rest, trunk.are_valid(rest, wanted & as_mask(pc.less(pc.binary_length(rest), pc.binary_length(numbers))))


def _other_prefixes(digits: pa.Array, rows: Rows, regions: Regions) -> pa.Array:
    """Read numbers behind 00 that are not valid as written, for countries that dial more than 00 (Australia 0011, Hong Kong 001)."""
    result = digits.take(pa.array(rows))
    for region, some in regions.groups(rows):
        if national.abroad_prefix(region) == "^(?:00)":
            continue
        mine = np.isin(rows, some)
        as_written = digits.take(pa.array(some))
        dialled = pc.binary_join_element_wise(pa.scalar("00", TEXT), as_written, pa.scalar("", TEXT))
        rest, abroad = _abroad(dialled, np.ones(len(some), np.bool_), region)
        abroad &= as_mask(pc.not_equal(rest, as_written))
        valid = trunk.are_valid(as_written, abroad)
        better = pc.if_else(pa.array(abroad & ~valid), rest, as_written)
        result = pc.replace_with_mask(result, pa.array(mine), better)
    return result


def _replaced(digits: pa.Array, rows: Rows, values: pa.Array) -> pa.Array:
    """Return the digits with those of some rows replaced."""
    if len(rows) == len(digits) and (np.diff(rows) > 0).all():
        return values
    source = np.arange(len(digits))
    source[rows] = len(digits) + np.arange(len(rows))
    return pa.concat_arrays([digits, values]).take(pa.array(source))
