"""The cells of a column as Arrow text, with the kind of each, whatever the column's dtype.

Every shape a frame gives a column (pandas 2.3's objects and pandas 3's ``str``, masked and Arrow-backed arrays,
categoricals, numbers with gaps, mixtures) is read here once, so that no rule has to know of dtypes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, first_bytes, flat, present
from nxsms_nb.rows.values import Kind, kind_and_text, times

__all__ = ["read_cells"]


@dataclass(frozen=True)
class Cells:
    """A column as text, null where a cell held nothing, and the `Kind` of each cell.

    Whole floats are written without ``.0``.
    """

    text: pa.Array
    kinds: npt.NDArray[np.uint8]

    def of_kind(self, *kinds: int) -> npt.NDArray[np.bool_]:
        """Return which cells are of one of these kinds."""
        return functools.reduce(np.logical_or, [self.kinds == kind for kind in kinds])

    def slice(self, start: int, size: int) -> Cells:
        """Return at most `size` cells from `start` on, without a copy."""
        return Cells(self.text.slice(start, size), self.kinds[start : start + size])


PIECE: Final = 32_768
"""Rows that are processed together: intermediate results stay in the processor's cache and need no fresh memory."""


def put_together(given: pa.Array, pieces: Sequence[pa.Array | None]) -> pa.Array:
    """Join the pieces of a column; None means that a piece is unchanged, so an unchanged column is not copied."""
    if all(piece is None for piece in pieces):
        return given
    return pa.concat_arrays(
        [given.slice(i * PIECE, PIECE) if piece is None else piece for i, piece in enumerate(pieces)]
    )


EXACT: Final = {pa.float16(): 2.0**11, pa.float32(): 2.0**24, pa.float64(): 2.0**53}
"""Where a float type begins to skip whole numbers."""


def read_cells(values: pd.Series) -> Cells:
    """Read a column of any dtype.

    Examples
    --------
    >>> read_cells(pd.Series([8615088888888.0, None])).text.to_pylist()
    ['8615088888888', None]
    """
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # A null kind at the end, so that the code -1 of a gap picks it.
        inner = read_cells(pd.Series(dtype.categories))
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


def _kinds(array: pa.Array, kind: int) -> npt.NDArray[np.uint8]:
    if array.null_count == 0:
        return np.full(len(array), kind, np.uint8)
    return np.where(present(array), np.uint8(kind), np.uint8(Kind.NULL))


# What shows nothing: white space, control and format characters, the blank letters and the marks that only modify.
_BLANK: Final = r"^[\s\pZ\pC\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}\x{FE00}-\x{FE0F}]*$"


def is_blank(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which texts are empty or invisible: white space of any kind, invisible characters."""
    # A text that begins with a visible ASCII character is not blank: few are left for the regular expression.
    first = first_bytes(text)
    blank = (first <= 0x20) | (first >= 0x7F)
    if blank.any():
        blank[blank] = as_mask(pc.match_substring_regex(text.filter(pa.array(blank)), _BLANK))
    return blank


def _floats(array: pa.Array) -> Cells:
    exact = EXACT[array.type]
    values = array.cast(pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)
    gap = np.isnan(values)
    size = np.abs(np.where(gap, 0, values))
    whole = ~gap & (size < 2.0**63) & (np.trunc(values) == values)
    kinds = np.select([gap, whole & (size >= exact), whole], [Kind.NULL, Kind.LOST, Kind.WHOLE], Kind.FRACTION)
    text = pa.array(np.where(whole, values, 0).astype(np.int64), mask=~whole).cast(TEXT)
    rest = ~whole & ~gap
    if rest.any():
        # A narrow float's own shortest form, as a file has it: 0.1 and not 0.10000000149011612.
        scalars = values[rest].tolist() if array.type == pa.float64() else _native(array)[rest]
        text = pc.replace_with_mask(text, pa.array(rest), pa.array(list(map(str, scalars)), TEXT))
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
    read_cells = [kind_and_text(value) for value in values]
    kinds = np.fromiter((kind for kind, _ in read_cells), np.uint8, len(read_cells))
    return Cells(pa.array([text for _, text in read_cells], TEXT), kinds)
