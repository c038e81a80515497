"""Write one value of any kind as text, as for a column of objects; write times and durations."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_TEXT: Final = pa.large_string()


class Kind:
    """The kind of a cell; plain integers, since numpy loses an interrupt while it compares with an `enum.IntEnum`."""

    NULL: Final = 0
    TEXT: Final = 1
    INT: Final = 2
    WHOLE: Final = 3
    """A float without a fraction, as a gap makes of a whole number."""
    FRACTION: Final = 4
    """A float with a fraction, infinite, or too large to be written in digits."""
    LOST: Final = 5
    """A number too large for its float type to hold every digit."""
    BOOL: Final = 6
    OTHER: Final = 7
    BROKEN: Final = 8
    """Text that is not Unicode: lone surrogates, bytes that are not UTF-8."""


def times(array: pa.Array) -> pa.Array:
    """Write ISO 8601 with a blank between date and time, as pandas writes it to CSV, without a fraction of zeros or midnight."""
    zone = array.type.tz
    text = array.cast(pa.timestamp(array.type.unit)).cast(_TEXT)
    text = pc.replace_substring_regex(text, r"\.?0*$", "") if array.type.unit != "s" else text
    if zone is not None:
        return pc.binary_join_element_wise(text, pa.scalar("+00:00", _TEXT), pa.scalar("", _TEXT))
    return pc.replace_substring_regex(text, " 00:00:00$", "")


def kind_and_text(value: Any) -> tuple[int, str | None]:
    """Return the kind and text of a cell, and never raise, whatever it holds."""
    if value is None or value is pd.NA or value is pd.NaT:
        return Kind.NULL, None
    try:
        kind, text = _read_value(value)
    except Exception:  # noqa: BLE001 - a cell may hold anything, and anything may raise in its own __str__
        return Kind.OTHER, f"<{type(value).__name__}>"
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return Kind.BROKEN, text.encode(errors="backslashreplace").decode()
    return kind, text


def _read_value(value: Any) -> tuple[int, str | None]:
    if isinstance(value, (str, uuid.UUID)):
        return Kind.TEXT, str(value)
    if isinstance(value, (bool, np.bool_)):
        return Kind.BOOL, str(bool(value))
    if isinstance(value, (dt.timedelta, np.timedelta64)):
        return (Kind.NULL, None) if pd.isna(value) else (Kind.OTHER, duration(value))
    if isinstance(value, (int, np.integer)):
        return Kind.INT, str(int(value))
    if isinstance(value, (float, np.floating)):
        exact = 2.0**53 if isinstance(value, float) else 2.0 ** min(np.finfo(type(value)).nmant + 1, 53)
        # A narrow one's own shortest form, as a column of them gives it.
        return _float(float(value), exact, repr(value) if isinstance(value, float) else str(value))
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, bytes):
        try:
            return Kind.TEXT, value.decode()
        except UnicodeDecodeError:
            return Kind.BROKEN, value.decode(errors="backslashreplace")
    if pd.isna(value) is True:
        return Kind.NULL, None
    if isinstance(value, (dt.datetime, np.datetime64)):
        moment = pd.Timestamp(value)
        kind = pa.timestamp("ns", moment.tz and "UTC") if moment.nanosecond else None
        return Kind.OTHER, times(pa.array([moment], kind))[0].as_py()
    if isinstance(value, dt.time):
        return Kind.OTHER, str(value).rstrip("0") if value.microsecond else str(value)
    return Kind.OTHER, str(value)


def duration(value: dt.timedelta | np.timedelta64) -> str:
    """Write a duration as pandas does, without the zeros at the end of its fraction."""
    span = value if isinstance(value, dt.timedelta) else pd.Timedelta(value)
    minutes, seconds = divmod(span.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    fraction = f".{span.microseconds:06}{getattr(span, 'nanoseconds', 0):03}".rstrip("0.")
    return f"{span.days} days {'+' if span.days < 0 else ''}{clock}{fraction}"


def _float(value: float, exact: float, written: str) -> tuple[int, str | None]:
    if math.isnan(value):
        return Kind.NULL, None
    if not value.is_integer() or abs(value) >= 2**63:
        return Kind.FRACTION, written
    return (Kind.LOST if abs(value) >= exact else Kind.WHOLE), str(int(value))


def _decimal(value: decimal.Decimal) -> tuple[int, str | None]:
    if value.is_nan():
        return Kind.NULL, None
    if value.is_infinite() or value != value.to_integral_value():
        return Kind.FRACTION, str(value)
    # 8.61508E+12 has fewer digits than places: the others are unknown.
    return (Kind.LOST if int(value.as_tuple().exponent) > 0 else Kind.INT), format(value.to_integral_value(), "f")
