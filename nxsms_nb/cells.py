"""Cells of a column as Arrow text, whatever the column's dtype: what stood in them, and of what kind it was.

Every shape a frame gives a column (pandas 2.3's objects and pandas 3's ``str``, masked and Arrow-backed arrays,
categoricals, numbers with gaps, mixtures) is read here once, so that no rule has to know of dtypes.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.values import Kind, kind_and_text, times


@dataclass(frozen=True)
class Cells:
    """A column as text.

    Parameters
    ----------
    text : pyarrow.LargeStringArray
        What stood in each cell; null where nothing did. Whole floats are written without ``.0``.
    kinds : numpy.ndarray of uint8
        The `Kind` of each cell.
    """

    text: pa.Array
    kinds: npt.NDArray[np.uint8]

    def of(self, *kinds: Kind) -> npt.NDArray[np.bool_]:
        """Which cells are of one of these kinds."""
        return functools.reduce(np.logical_or, [self.kinds == kind for kind in kinds])

    def slice(self, start: int, size: int) -> Cells:
        """The same cells from `start` on, at most `size` of them; nothing is copied."""
        return Cells(self.text.slice(start, size), self.kinds[start : start + size])


TEXT: Final = pa.large_string()
"""The Arrow type of every text here: one type, so that kernels combine without casts."""

_EXACT: Final = {pa.float16(): 2.0**11, pa.float32(): 2.0**24, pa.float64(): 2.0**53}
"""Where a float type begins to skip whole numbers."""


def read(values: pd.Series) -> Cells:
    """Read a column.

    Parameters
    ----------
    values : pandas.Series
        Any dtype.

    Returns
    -------
    Cells

    Examples
    --------
    >>> read(pd.Series([8615088888888.0, None])).text.to_pylist()
    ['8615088888888', None]
    """
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # A null kind at the end, so that the code -1 of a gap picks it.
        inner = read(pd.Series(dtype.categories))
        codes = np.asarray(values.cat.codes, dtype=np.int64)
        gap = codes < 0
        return Cells(
            inner.text.take(pa.array(codes, mask=gap)),
            np.append(inner.kinds, np.uint8(Kind.NULL))[codes],
        )
    if isinstance(dtype, pd.SparseDtype):
        values = values.astype(dtype.subtype)
    if values.dtype == object:
        return _objects(values.to_numpy())
    try:
        array = flat(pa.array(values, from_pandas=True))
    except (pa.ArrowException, TypeError, ValueError):
        return _one_by_one(values.tolist())
    return _arrow(array) or _one_by_one(values.tolist())


def flat(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array; text becomes `TEXT`."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(TEXT)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def to_series(array: pa.Array, index: pd.Index | None = None, name: str | None = None) -> pd.Series:
    """Text as a Series: dtype ``str`` in pandas 3, object in pandas 2.3."""
    return pd.Series(array.to_pandas().array, index=index, name=name, copy=False)


def _arrow(array: pa.Array) -> Cells | None:
    kind = array.type
    if pa.types.is_large_string(kind):
        return Cells(array, _kinds(array, Kind.TEXT))
    if pa.types.is_integer(kind):
        return Cells(array.cast(TEXT), _kinds(array, Kind.INT))
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_boolean(kind):
        return Cells(pc.if_else(array, pa.scalar("True", TEXT), pa.scalar("False", TEXT)), _kinds(array, Kind.BOOL))
    if pa.types.is_null(kind):
        return Cells(array.cast(TEXT), _kinds(array, Kind.NULL))
    if pa.types.is_timestamp(kind):
        return Cells(times(array), _kinds(array, Kind.OTHER))
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        text = array.cast(pa.date32() if pa.types.is_date(kind) else kind, safe=False).cast(TEXT)
        return Cells(
            pc.replace_substring_regex(text, r"\.?0*$", "") if _has_fraction(kind) else text, _kinds(text, Kind.OTHER)
        )
    # With more places, a small one is written in E-notation.
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= 6:
        text = pc.replace_substring_regex(array.cast(TEXT), r"\.0+$", "")
        whole = as_mask(pc.invert(pc.match_substring(text, ".")))
        return Cells(text, np.where(whole, _kinds(text, Kind.INT), _kinds(text, Kind.FRACTION)))
    return None


def _has_fraction(kind: pa.DataType) -> bool:
    return bool(pa.types.is_time(kind)) and kind.unit != "s"


def _kinds(array: pa.Array, kind: Kind) -> npt.NDArray[np.uint8]:
    if array.null_count == 0:
        return np.full(len(array), kind, np.uint8)
    return np.where(present(array), np.uint8(kind), np.uint8(Kind.NULL))


def present(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Which cells are not null."""
    return as_mask(array.is_valid()) if array.null_count else np.ones(len(array), np.bool_)


def as_mask(array: pa.Array) -> npt.NDArray[np.bool_]:
    """An Arrow truth array as a NumPy mask; null is False.

    Examples
    --------
    >>> as_mask(pa.array([True, None, False, True]).slice(1)).tolist()
    [False, False, True]
    """
    filled = array.fill_null(False) if array.null_count else array
    if not len(filled):
        return np.zeros(0, np.bool_)
    # A fifth of what Arrow's own way, bit by bit, takes.
    bits = np.unpackbits(
        np.frombuffer(filled.buffers()[1], np.uint8), count=filled.offset + len(filled), bitorder="little"
    )
    return bits[filled.offset :].view(np.bool_)


def first_bytes(array: pa.Array) -> npt.NDArray[np.uint8]:
    """The first byte of each text; 0 where there is none."""
    starts, data = buffers(array)
    there = np.diff(starts) > 0
    if there.all():
        return data[starts[:-1]]
    firsts = np.zeros(len(array), np.uint8)
    firsts[there] = data[starts[:-1][there]]
    return firsts


def lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """How many bytes each text has; where there is none, any number."""
    starts, _ = buffers(array)
    return np.diff(starts)


def buffers(array: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Where each text starts and the last one ends, and the bytes of all."""
    if not len(array):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    if data is None:
        return np.zeros_like(starts), np.empty(0, np.uint8)
    return starts - starts[0], np.frombuffer(data, np.uint8)[starts[0] : starts[-1]]


def only(text: pa.Array, usable: npt.NDArray[np.bool_]) -> pa.Array:
    """The same text, null where it is not usable."""
    return text if usable.all() else pc.if_else(pa.array(usable), text, pa.scalar(None, TEXT))


# What shows nothing: white space, control and format characters, the blank letters and the marks that only modify.
_BLANK: Final = r"^[\s\pZ\pC\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}\x{FE00}-\x{FE0F}]*$"


def is_blank(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts are empty or show nothing: white space of any kind, invisible characters."""
    # A text that begins with a visible ASCII character is not blank: few are left for the regular expression.
    first = first_bytes(text)
    blank = (first <= 0x20) | (first >= 0x7F)
    if blank.any():
        blank[blank] = as_mask(pc.match_substring_regex(text.filter(pa.array(blank)), _BLANK))
    return blank


def _floats(array: pa.Array) -> Cells:
    exact = _EXACT[array.type]
    values = array.cast(pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)
    gap = np.isnan(values)
    size = np.abs(np.where(gap, 0, values))
    whole = ~gap & (size < 2.0**63) & (np.trunc(values) == values)
    kinds = np.select([gap, whole & (size >= exact), whole], [Kind.NULL, Kind.LOST, Kind.WHOLE], Kind.FRACTION)
    text = pa.array(np.where(whole, values, 0).astype(np.int64), mask=~whole).cast(TEXT)
    rest = ~whole & ~gap
    if rest.any():
        # A narrow float's own shortest form, as a file has it: 0.1 and not 0.10000000149011612.
        told = values[rest].tolist() if array.type == pa.float64() else _native(array)[rest]
        text = pc.replace_with_mask(text, pa.array(rest), pa.array(list(map(str, told)), TEXT))
    return Cells(text, kinds.astype(np.uint8))


def _native(array: pa.Array) -> npt.NDArray[Any]:
    return array.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _objects(values: npt.NDArray[np.object_]) -> Cells:
    try:
        text = flat(pa.array(values, type=TEXT, from_pandas=True))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return _one_by_one(values.tolist())
    return Cells(text, _kinds(text, Kind.TEXT))


def _one_by_one(values: list[Any]) -> Cells:
    told = [kind_and_text(value) for value in values]
    kinds = np.fromiter((kind for kind, _ in told), np.uint8, len(told))
    return Cells(pa.array([text for _, text in told], TEXT), kinds)
