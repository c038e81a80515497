"""Read numbers without a country code as a region's: by patterns for whole columns, else by `phonenumbers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.rows import calling_codes
from nxsms_nb.rows.calling_codes import matches

Mask = npt.NDArray[np.bool_]

_CACHED: Final = 1 << 16


@dataclass(frozen=True)
class Readings:
    """Numbers read as national ones of a region: `full` with the calling code, null where not valid in the region.

    `trunk` marks those that would be valid without the zero after the calling code, `sure` those that patterns decided
    alone.
    """

    full: pa.Array
    trunk: Mask
    sure: Mask


def readings(numbers: pa.Array, region: str) -> Readings:
    """Read numbers of three digits or more as national ones of a region.

    The library corrects numbers: it strips a prefix for calls abroad, the region's own calling code, and what the plan
    says is dialled before a national number. Patterns decide where it strips nothing, or nothing but the one fixed
    prefix or the calling code, and where no reading is valid, stripped or not. That is nearly every number; the library
    is asked for the others, once for each different one.
    """
    code = calling_codes.of_region(region)
    known, country = calling_codes.metadata(int(code), region), calling_codes.country(int(code), region)
    dialled = _start(known.national_prefix_for_parsing)
    prefixed, abroad = matches(numbers, dialled), matches(numbers, abroad_prefix(region))
    own = as_mask(pc.starts_with(numbers, code))
    raw = country.valid(_joined(code, numbers))
    # Only the fixed prefix is stripped, not a carrier's, and never a whole local number.
    rest, simple = numbers, np.zeros(len(numbers), np.bool_)
    if prefixed.any():
        rest = pc.replace_substring_regex(numbers, dialled, "", max_replacements=1)
        fixed = known.national_prefix or ""
        removed = pc.subtract(pc.binary_length(numbers), pc.binary_length(rest))
        simple = prefixed & as_mask(pc.starts_with(numbers, fixed)) & as_mask(pc.equal(removed, len(fixed)))
        rest = pc.if_else(pa.array(simple), rest, numbers)
    less = _among(simple, rest, lambda some: country.valid(_joined(code, some)))

    # Stripping has to leave a number that is possible in the region.
    pattern = known.general_desc.national_number_pattern
    possible = f"^(?:{pattern})$"
    rest_general = _among(simple, rest, lambda some: matches(some, possible))
    unread = ~raw & ~less & (simple | ~prefixed)
    plain = ~prefixed & ~own & ~abroad
    stripped = simple & ~own & ~abroad & ((less & rest_general) | unread)

    mine = own & ~abroad
    whole = _among(mine, numbers, country.valid)
    general = _among(mine, numbers, lambda some: matches(some, possible))
    behind = _among(mine, numbers, lambda some: matches(some, dialled and f"^{code}{dialled[1:]}"))
    inside = _among(mine, numbers, lambda some: matches(some, f"^{code}(?:{pattern})$"))
    same = mine & whole & ~behind & ~general & (inside | unread)
    nothing = mine & ~whole & ~behind & unread

    national = (plain & raw) | (stripped & less)
    full = pc.if_else(pa.array(national), _joined(code, rest), numbers)
    full = pc.if_else(pa.array(national | same), full, pa.scalar(None, TEXT))
    trunk, sure = np.zeros(len(numbers), np.bool_), plain | stripped | same | nothing
    if not sure.all():
        coded = numbers.filter(pa.array(~sure)).dictionary_encode()
        found = [_reading(value, region, code) for value in coded.dictionary.to_pylist()]
        indices = coded.indices.to_numpy()
        full = pc.replace_with_mask(
            full, pa.array(~sure), pa.array([number for number, _ in found], TEXT).take(indices)
        )
        trunk[~sure] = np.array([trunked for _, trunked in found], np.bool_)[indices]
    return Readings(full, trunk, sure)


def may_be_mobile(full: pa.Array, region: str) -> Mask:
    """Return which numbers, calling code included, are valid in a region and may be mobiles; null is not."""
    country = calling_codes.country(int(calling_codes.of_region(region)), region)
    return _among(present(full), full, country.may_be_mobile)


def abroad_prefix(region: str) -> str | None:
    """Return the pattern of a region's prefix for calls abroad."""
    return _start(calling_codes.metadata(int(calling_codes.of_region(region)), region).international_prefix)


def _among(rows: Mask, numbers: pa.Array, test: Callable[[pa.Array], Mask]) -> Mask:
    """Test some of the numbers; the others count as not valid."""
    found = rows.copy()
    if rows.all():
        return test(numbers) if len(rows) else found
    if rows.any():
        found[rows] = test(numbers.filter(pa.array(rows)))
    return found


def _start(pattern: str | None) -> str | None:
    return f"^(?:{pattern})" if pattern else None


def _joined(code: str, numbers: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(code, TEXT), numbers, pa.scalar("", TEXT))


@lru_cache(_CACHED)
def _reading(digits: str, region: str, code: str) -> tuple[str | None, bool]:
    import phonenumbers  # noqa: PLC0415 - heavy, and only for those who name a region

    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None, False
    if not phonenumbers.is_valid_number_for_region(number, region):
        return None, False
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)).removeprefix("+")
    # The library also strips a trunk zero after the calling code, which gives a number other than the one written.
    mended = len(digits) > len(written) and digits.startswith(code) and digits.endswith(written.removeprefix(code))
    return (None, True) if mended else (written, False)
