"""Mask phone numbers in what is displayed, unless the session's options say otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb import formatting
from nxsms_nb.rows import id_format
from nxsms_nb.settings import options

__all__ = ["code", "column", "name", "numbers", "phone"]

_FRACTION: Final = re.compile(r"(-?\d+\.\d*[1-9]\d*(?:e[+-]?\d+)?)")
_MAYBE_NUMBER: Final = r"(?:\p{Nd}\D{0,3}){9}"


def phone(value: object) -> str:
    """Mask a phone number.

    Examples
    --------
    >>> phone("8615088888888")
    '861••••••••88'
    """
    return formatting.mask_phone(value) if options.mask_phones else str(value)


def numbers(text: str) -> str:
    """Mask possible phone numbers in a text: nine or more digits, however spaced.

    Examples
    --------
    >>> numbers("call +86 150-8888-8888, code 1234")
    'call +86••••••••••••88, code 1234'
    """
    return formatting.mask_numbers(text) if options.mask_phones else text


def name(text: str) -> str:
    """Mask a name that may be a phone number: seven or more digits, except dates.

    Examples
    --------
    >>> name("spring"), name("15088888888")
    ('spring', '150••••••88')
    """
    return formatting.mask_name(text) if options.mask_phones else text


def code(line: str) -> str:
    """Mask possible phone numbers in a line of code; figures with a fraction are none.

    Examples
    --------
    >>> code("pd.Interval(0.123456789012, 8615088888888)")
    'pd.Interval(0.123456789012, 861••••••••88)'
    """
    parts = _FRACTION.split(line)
    return "".join(part if place % 2 else numbers(part) for place, part in enumerate(parts))


def column(values: pd.Series[Any], *, phones: bool = False) -> pd.Series[Any]:
    """Mask the phone numbers in a column of a file."""
    if not options.mask_phones or not _may_hold_numbers(values):
        return values
    places = values.notna().to_numpy().nonzero()[0]
    texts = [_written(value) for value in values.iloc[places]]
    shown = pd.Series([None] * len(values), index=values.index, dtype=object)
    shown.iloc[places] = _each(texts, formatting.mask_phone if phones else _masked)
    return shown


def _may_hold_numbers(values: pd.Series[Any]) -> bool:
    dtype = values.dtype
    return not (
        pd.api.types.is_bool_dtype(dtype)
        or pd.api.types.is_datetime64_any_dtype(dtype)
        or pd.api.types.is_timedelta64_dtype(dtype)
    )


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)


def _masked(value: str) -> str:
    return value if id_format.is_ours(value) else formatting.mask_numbers(value)


def _each(texts: list[str], mask: Callable[[str], str]) -> list[str]:
    """Mask those texts that may hold a number: most of a million hold none."""
    if mask is formatting.mask_phone:
        return [formatting.mask_phone(one) for one in texts]
    suspect = pc.match_substring_regex(pa.array(texts, pa.large_string()), _MAYBE_NUMBER).to_numpy(zero_copy_only=False)
    return [mask(one) if maybe else one for one, maybe in zip(texts, suspect, strict=True)]
