"""Write a column's cells as text, as the frame shows them."""

from __future__ import annotations

import datetime as dt
import decimal
import functools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, flat, only
from nxsms_nb.rows.cells import EXACT
from nxsms_nb.rows.values import duration

_NOTHING: Final = pa.scalar("", TEXT)
_PLACES: Final = 30
"""A decimal's exponent up to which it is written in digits."""


def display_text(values: pd.Series) -> pa.Array:
    """Write each cell as the frame shows it; null if it is empty or cannot be written.

    Unlike `cells.read`, which reads what a key or a field is made of, this depends on the column: whole floats are written
    whole where all of them are, and moments as dates where all of them are midnight.

    Examples
    --------
    >>> display_text(pd.Series([1200.0, None])).to_pylist(), display_text(pd.Series([1200.0, 9.5])).to_pylist()
    (['1200', None], ['1200.0', '9.5'])
    """
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        used = values.cat.remove_unused_categories()
        codes = np.asarray(used.cat.codes, np.int64)
        return display_text(pd.Series(used.cat.categories)).take(pa.array(codes, mask=codes < 0))
    if isinstance(dtype, pd.SparseDtype):
        values = values.astype(dtype.subtype)
    if values.dtype == object:
        try:
            return flat(pa.array(values.to_numpy(), type=TEXT, from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return _objects(values.tolist())
    try:
        array = flat(pa.array(values, from_pandas=True))
    except (pa.ArrowException, TypeError, ValueError):
        return _objects(values.tolist())
    if (text := _of_type(array)) is not None:
        return text
    codes, different = pd.factorize(values)
    return _objects(pd.Series(different).tolist()).take(pa.array(codes, mask=codes < 0))


def missing(values: pd.Series) -> npt.NDArray[np.bool_]:
    """Return which cells are empty; NaN, which some dtypes distinguish from a missing value, counts as empty."""
    gaps = np.asarray(values.isna(), np.bool_)
    if isinstance(values.dtype, pd.api.extensions.ExtensionDtype) and pd.api.types.is_float_dtype(values.dtype):
        gaps = gaps | np.isnan(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return gaps


def plain_text(value: Any) -> Any:
    """Return the text of a subclass of `str`, for example an `enum.Enum` of texts, whose ``__str__`` shows something else."""
    return str.__str__(value) if isinstance(value, str) else value


def _of_type(array: pa.Array) -> pa.Array | None:
    kind, types = array.type, pa.types
    if types.is_large_string(kind):
        return array
    if types.is_integer(kind) or types.is_null(kind) or (types.is_decimal(kind) and 0 <= kind.scale <= 6):
        return array.cast(TEXT)
    if types.is_boolean(kind):
        return pc.if_else(array, pa.scalar("True", TEXT), pa.scalar("False", TEXT))
    if types.is_floating(kind):
        return _floats(array)
    if types.is_timestamp(kind):
        return _moments(array)
    if types.is_date(kind):
        return array.cast(pa.date32(), safe=False).cast(TEXT)
    if types.is_time(kind):
        return _without_zeros(array.cast(TEXT)) if kind.unit != "s" else array.cast(TEXT)
    return None


def _without_zeros(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, r"\.?0*$", "")


def _floats(array: pa.Array) -> pa.Array:
    native = array.to_numpy(zero_copy_only=False)
    values = native.astype(np.float64)
    finite = np.isfinite(values)
    whole = finite & (np.trunc(values) == values)
    size = np.abs(np.where(finite, values, 0))
    if (whole == finite).all():
        exact = whole & (size < EXACT[array.type])
        text = pa.array(np.where(exact, values, 0).astype(np.int64), mask=~exact).cast(TEXT)
        return _replaced(text, np.isinf(values), native)
    text = only(array.cast(pa.float64() if array.type == pa.float16() else array.type).cast(TEXT), ~np.isnan(values))
    text = pc.if_else(pa.array(whole), pc.binary_join_element_wise(text, pa.scalar(".0", TEXT), _NOTHING), text)
    # Arrow turns to E-notation elsewhere than Python and pandas do.
    odd = (size >= 1e15) | ((size < 1e-3) & (size > 0)) | np.isinf(values) | (array.type == pa.float16())
    return _replaced(text, odd & ~np.isnan(values), native)


def _replaced(text: pa.Array, odd: npt.NDArray[np.bool_], native: npt.NDArray[Any]) -> pa.Array:
    if not odd.any():
        return text
    # A narrow float's own shortest form, 0.1 and not 0.10000000149011612.
    values = native[odd].tolist() if native.dtype == np.float64 else native[odd]
    write = functools.partial(np.format_float_positional, trim="0") if native.dtype == np.float16 else str
    return pc.replace_with_mask(text, pa.array(odd), pa.array(list(map(write, values)), TEXT))


def _moments(array: pa.Array) -> pa.Array:
    moments = pd.Series(array.to_pandas())
    zone = array.type.tz
    wall = pa.array(moments.dt.tz_localize(None) if zone is not None else moments, from_pandas=True)
    text = wall.cast(TEXT)
    text = _without_zeros(text) if wall.type.unit != "s" else text
    if zone is not None:
        seconds = (moments.dt.tz_localize(None) - moments.dt.tz_convert("UTC").dt.tz_localize(None)).dt.total_seconds()
        codes, different = pd.factorize(seconds)
        offsets = pa.array([_offset(one) for one in different], TEXT).take(pa.array(codes, mask=codes < 0))
        return pc.binary_join_element_wise(text, offsets, _NOTHING)
    days = moments.dropna()
    return pc.utf8_slice_codeunits(text, 0, -9) if (days == days.dt.normalize()).all() else text


def _offset(seconds: float) -> str:
    return str(dt.datetime(2000, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=seconds))))[19:]


def _objects(values: Sequence[Any]) -> pa.Array:
    """Write a mixture, value by value, by the rules of a whole column for its floats and for its moments."""
    floats = [value for value in values if isinstance(value, (float, np.floating)) and np.isfinite(value)]
    whole = all(float(value).is_integer() for value in floats)
    moments = [pd.Timestamp(value) for value in values if _is_moment(value)]
    days = all(moment.tzinfo is None and moment == moment.normalize() for moment in moments)
    return pa.array([_text(value, whole=whole, days=days) for value in values], TEXT)


def _is_moment(value: Any) -> bool:
    return isinstance(value, (dt.datetime, np.datetime64)) and not pd.isna(value)


def _text(value: Any, *, whole: bool, days: bool) -> str | None:
    try:
        if not isinstance(value, str) and pd.isna(value) is True:
            return None
        text = _of_value(value, whole=whole, days=days)
        if text is not None:
            text.encode()
    except Exception:  # noqa: BLE001 - a cell may hold anything, and anything may raise in its own __str__
        return None
    return text


def _of_value(value: Any, *, whole: bool, days: bool) -> str | None:
    if isinstance(value, (str, bool, np.bool_)):
        return str(plain_text(value))
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (dt.timedelta, np.timedelta64)):
        return duration(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return _of_float(value, whole=whole)
    if isinstance(value, decimal.Decimal):
        exponent = value.as_tuple().exponent
        return format(value, "f") if isinstance(exponent, int) and abs(exponent) <= _PLACES else str(value)
    if _is_moment(value):
        moment = pd.Timestamp(value)
        wall = str(moment.tz_localize(None))
        zone = str(moment)[len(wall) :]
        return wall[:10] if days else (wall.rstrip("0") if "." in wall else wall) + zone
    if isinstance(value, dt.time) and value.tzinfo is None and value.microsecond:
        return str(value).rstrip("0")
    return str(value)


def _of_float(value: float | np.floating[Any], *, whole: bool) -> str | None:
    written = str(value) if isinstance(value, np.floating) else repr(value)
    size = abs(float(value))
    if not whole or not np.isfinite(size):
        return written
    exact = 2.0**53 if isinstance(value, float) else 2.0 ** min(np.finfo(type(value)).nmant + 1, 53)
    return str(int(value)) if size < exact else None
