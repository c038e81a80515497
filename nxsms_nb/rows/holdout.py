"""Held-out rows: those that an experiment keeps without a message, to see what the messages do."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import count, named
from nxsms_nb.rows.columns import found, one_column

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["HELD_OUT", "HOLDOUT", "VARIANT", "held_out", "refuse_unseen"]

HOLDOUT: Final = "holdout"
"""The arm whose rows get no message."""

_SAMPLE: Final = 500
_MOST_ARMS: Final = 20
_UNHASHED: Final = (TypeError, NotImplementedError, pa.ArrowException)
"""The errors that unhashable values, such as lists and dicts, raise; they cannot be arms."""
_MOST_READ: Final = 100_000
"""The most different values that are read one by one: a column with more has no arms."""

VARIANT: Final = "variant"
"""The default name of the column with each row's arm."""

HELD_OUT: Final = "held out"
"""The reason of a held-out row."""


def held_out(frame: pd.DataFrame, variant: Hashable = VARIANT) -> npt.NDArray[np.bool_]:
    """Return which rows are held out: those whose variant column says ``holdout``, in any spelling of it.

    The column with the default name, ``variant``, may be absent.

    Examples
    --------
    >>> import pandas as pd
    >>> held_out(pd.DataFrame({"variant": ["A", "holdout", None]})).tolist()
    [False, True, False]
    """
    # Where several columns may be meant, somebody could be held out by one of them: that is refused.
    label = found(frame, VARIANT) if variant == VARIANT else one_column(frame, variant, "variant")
    return np.zeros(len(frame), np.bool_) if label is None else _says_so(frame[label])


def refuse_unseen(frame: pd.DataFrame, variant: Hashable = VARIANT) -> None:
    """Refuse a frame without a variant column if another column, or its index, says ``holdout``: it may be the right one.

    A file, a rename or a join makes ``Variant`` or ``arm`` of ``variant``, and everybody who is held out would get a
    message. Only columns with few different values are looked at, which arms have.
    """
    if variant != VARIANT or found(frame, VARIANT) is not None:
        return
    for place, label in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if _may_be_arms(values) and (n := int(_says_so(values).sum())):
            raise ColumnError(
                f"The column {named(label)} says {HOLDOUT!r} in {count(n, 'row')}, and the frame has no column {VARIANT!r}. To hold "
                f"those rows out, name it: variant={named(label)}. To send to them, rename or drop it."
            )
    for level in range(frame.index.nlevels):
        labels = frame.index.get_level_values(level)
        # The sample alone: a million row numbers as a Series are two new columns.
        if _may_be_arms(labels[:_SAMPLE].to_series()) and (n := int(_says_so(labels.to_series()).sum())):
            raise ColumnError(
                f"The index of the frame says {HOLDOUT!r} in {count(n, 'row')}, and the frame has no column {VARIANT!r}. To hold those "
                f"rows out, make a column {VARIANT!r} of it, as in df.rename_axis({VARIANT!r}).reset_index(). To send to them, "
                "drop it: df.reset_index(drop=True)."
            )


def _says_so(values: Any) -> npt.NDArray[np.bool_]:
    """Return which values read as ``holdout``, in any spelling that people or files give it."""
    if values.dtype.kind in "biufcmM":
        return np.zeros(len(values), np.bool_)
    categorical = isinstance(values.dtype, pd.CategoricalDtype)
    try:
        different = values.dtype.categories if categorical else values.dropna().unique()
    except _UNHASHED:
        return np.asarray([_letters(value) == HOLDOUT for value in values], np.bool_)
    if len(different) > _MOST_READ:
        return np.asarray(values.isin([HOLDOUT]), np.bool_)
    meant = [value for value in different if _letters(value) == HOLDOUT]
    return np.asarray(values.isin(meant), np.bool_) if meant else np.zeros(len(values), np.bool_)


def _letters(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    text = unicodedata.normalize("NFKC", value).casefold() if isinstance(value, str) else ""
    return "".join(filter(str.isalnum, text))


def _may_be_arms(values: Any) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return len(values.dtype.categories) <= _MOST_ARMS
    if values.dtype.kind in "biufcmM":
        return False
    try:
        return bool(values.iloc[:_SAMPLE].nunique() <= _MOST_ARMS)
    except _UNHASHED:
        return False
