"""Columns as Arrow arrays: texts to search in, and an order to sort by, for values of any kind."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Places", "digits_of", "encodable", "matches", "order_of", "texts"]

_NO_ARROW: Final = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""The errors that Arrow raises for values without a type or an order."""

Places = npt.NDArray[np.int64]


def texts(values: pd.Series[Any]) -> Any:
    """Read a column as texts, one Arrow array; of categories the texts of the categories are enough."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        kinds = pa.array([encodable(str(kind)) for kind in values.cat.categories], pa.large_string())
        codes = values.cat.codes.to_numpy()
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), kinds)
    try:
        if pd.api.types.is_float_dtype(values.dtype):  # numbers that lost their type to a gap
            values = values.astype("Int64")
        array = pa.array(values, from_pandas=True)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        return array.cast(pa.large_string())
    except _NO_ARROW:
        return pa.array([None if _none(value) else encodable(str(value)) for value in values], pa.large_string())


def encodable(text: str) -> str:
    """Replace lone surrogates, which Arrow cannot hold."""
    return text.encode("utf-8", "replace").decode()


def _none(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def digits_of(array: Any) -> Any:
    """Return only the digits of texts."""
    if pa.types.is_dictionary(array.type):
        return pa.DictionaryArray.from_arrays(array.indices, digits_of(array.dictionary))
    return pc.replace_substring_regex(array, r"\D", "")


def matches(array: Any, text: str) -> npt.NDArray[np.bool_]:
    """Return which texts contain a text, ignoring case."""
    if pa.types.is_dictionary(array.type):
        inside: npt.NDArray[np.bool_] = np.append(matches(array.dictionary, text), np.False_)
        taken: npt.NDArray[np.bool_] = inside[array.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return taken
    found: npt.NDArray[np.bool_] = (
        pc.match_substring(array, text, ignore_case=True).fill_null(False).to_numpy(zero_copy_only=False)
    )
    return found


def order_of(values: pd.Series[Any], *, down: bool) -> Places:
    """Return the positions in sorted order; missing values come last, and equal ones stay in the frame's order."""
    try:
        return _sorted(_sortable(values), down=down)
    except _NO_ARROW:  # intervals and periods, integers of any size, and what is mixed
        pass
    try:
        plain = pd.Series(values.array, dtype=values.dtype)
        order = plain.sort_values(ascending=not down, kind="stable", na_position="last")
    except (TypeError, ValueError):
        return _sorted(texts(values), down=down)
    return order.index.to_numpy().astype(np.int64)


def _sorted(array: Any, *, down: bool) -> Places:
    order: Places = (
        pc.array_sort_indices(array, order="descending" if down else "ascending").to_numpy().astype(np.int64)
    )
    return order


def _sortable(values: pd.Series[Any]) -> Any:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy()
        return pa.array(codes, mask=codes < 0)
    array = pa.array(values, from_pandas=True)
    if any(is_a(array.type) for is_a in (pa.types.is_nested, pa.types.is_dictionary, pa.types.is_null)):
        return texts(values)
    return array
