"""Small helpers for Arrow arrays, used throughout the package: one text type, masks, buffers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

TEXT: Final = pa.large_string()
"""The Arrow type of every text here: one type, so that kernels combine without casts."""


def flat(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one contiguous array; text becomes `TEXT`."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(TEXT)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def to_series(array: pa.Array, index: pd.Index | None = None, name: str | None = None) -> pd.Series:
    """Return text as a Series: dtype ``str`` in pandas 3, object in pandas 2.3."""
    return pd.Series(array.to_pandas().array, index=index, name=name, copy=False)


def taken(array: pa.Array | pa.ChunkedArray, places: npt.NDArray[np.int64]) -> pa.Array:
    """Take some places of an array; Arrow's own take joins all chunks first, which for a few of a million texts is 100 MB.

    Examples
    --------
    >>> taken(pa.chunked_array([["a", "b"], ["c"]]), np.array([2, 0, 2])).to_pylist()
    ['c', 'a', 'c']
    """
    if isinstance(array, pa.Array):
        return array.take(pa.array(places))
    ends = np.cumsum([len(chunk) for chunk in array.chunks], dtype=np.int64)
    of = np.searchsorted(ends, places, side="right")
    order = np.argsort(of, kind="stable")
    parts = []
    for at in np.unique(of):
        chunk = array.chunk(at)
        parts.append(chunk.take(pa.array(places[order[of[order] == at]] - (ends[at] - len(chunk)))))
    joined = pa.concat_arrays(parts) if parts else pa.array([], array.type)
    return joined if (of[1:] >= of[:-1]).all() else joined.take(pa.array(np.argsort(order)))


def rows_at(values: pd.Series[Any], places: npt.NDArray[np.int64]) -> pd.Series[Any]:
    """Return the values at some places, with an index of their own; of Arrow's without joining chunks.

    Examples
    --------
    >>> rows_at(pd.Series(["a", "b", "c"], dtype="string[pyarrow]"), np.array([2, 0])).tolist()
    ['c', 'a']
    """
    dtype = values.dtype
    made: Any = dtype
    if isinstance(dtype, pd.ArrowDtype) or (isinstance(dtype, pd.StringDtype) and dtype.storage == "pyarrow"):
        return pd.Series(made.__from_arrow__(taken(pa.array(values, from_pandas=True), places)), copy=False)
    return values.iloc[places].reset_index(drop=True)


def present(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Find the cells that are not null."""
    return as_mask(array.is_valid()) if array.null_count else np.ones(len(array), np.bool_)


def as_mask(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Return an Arrow truth array as a NumPy mask; null becomes False.

    Examples
    --------
    >>> as_mask(pa.array([True, None, False, True]).slice(1)).tolist()
    [False, False, True]
    """
    filled = array.fill_null(False) if array.null_count else array
    if not len(filled):
        return np.zeros(0, np.bool_)
    # Five times faster than Arrow's conversion, which goes bit by bit.
    bits = np.unpackbits(
        np.frombuffer(filled.buffers()[1], np.uint8), count=filled.offset + len(filled), bitorder="little"
    )
    return bits[filled.offset :].view(np.bool_)


def first_bytes(array: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the first byte of each text; 0 where there is none."""
    starts, data = buffers(array)
    there = starts[1:] > starts[:-1]
    if there.all():
        return data[starts[:-1]]
    firsts = np.zeros(len(array), np.uint8)
    firsts[there] = data[starts[:-1][there]]
    return firsts


def lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """Return the length of each text in bytes; any number where it is null."""
    starts, _ = buffers(array)
    return np.diff(starts)


def buffers(array: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the offsets of the texts (one more than there are texts) and the bytes of all of them."""
    if not len(array):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    if data is None:
        return np.zeros_like(starts), np.empty(0, np.uint8)
    letters = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]]
    return starts - starts[0] if starts[0] else starts, letters


def unset(n: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an uninitialised column, in memory from the system's allocator.

    NumPy and Arrow ask for huge pages from 4 MB on. On a virtual machine the first touch of these costs six times as much
    as that of small pages, and of a million rows it was a tenth of a send.
    """
    dtype = np.dtype(dtype)
    # At least a byte: NumPy reads no array from an empty buffer.
    buffer = pa.allocate_buffer(max(n * dtype.itemsize, 1), memory_pool=pa.system_memory_pool())
    return np.frombuffer(buffer, np.uint8)[: n * dtype.itemsize].view(dtype)


def filled(n: int, value: float, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return a column with the same value in every row, in the memory that `unset` uses."""
    values = unset(n, dtype)
    values[:] = value
    return values


def only(text: pa.Array, usable: npt.NDArray[np.bool_]) -> pa.Array:
    """Return the text where it is usable, null elsewhere."""
    return text if usable.all() else pc.if_else(pa.array(usable), text, pa.scalar(None, TEXT))
