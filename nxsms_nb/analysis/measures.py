"""The outcomes by which arms are compared: accepted, delivered, or a column of the frame."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import listed, mask_digits, mask_name, named, shorten
from nxsms_nb.results import columns, delivery
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.rows.columns import found, one_label

if TYPE_CHECKING:
    from nxsms_nb.analysis.intervals import Floats

__all__ = ["Measure", "measure"]

_SUCCESS, _FAILURE = STATUSES.index("Success"), STATUSES.index("Failure")

_TRUE: Final = frozenset({"true", "1", "1.0"})
_FALSE: Final = frozenset({"false", "0", "0.0"})


@dataclass(frozen=True)
class Measure:
    """The outcome of each row, NaN where the row does not count; of a `proportion` the values are 0 and 1.

    `missing` marks rows of an arm that would count but for a missing value, `words` says what is measured and of which
    rows, and `sent_only` that only sent rows can have it, which held-out rows are not.
    """

    of_rows: Floats
    proportion: bool
    missing: npt.NDArray[np.bool_]
    words: str
    sent_only: bool


def measure(frame: pd.DataFrame, outcome: Hashable, *, rows: npt.NDArray[np.bool_], prefix: str = "") -> Measure:
    """Read the outcome of the rows that have an arm: ``"accepted"``, ``"delivered"``, or a column.

    An unknown outcome, or one whose values cannot be compared, raises `ColumnError`.
    """
    outcome = one_label("outcome", outcome)
    if outcome in ("accepted", "delivered"):
        if found(frame, outcome) is not None:
            raise ColumnError(
                f"outcome={outcome!r} is what the gateway or its receipts say, and the frame has a column of that name. For the "
                f"column, rename it: frame.rename(columns={{{outcome!r}: 'my_{outcome}'}})"
            )
        return _accepted(frame, prefix) if outcome == "accepted" else _delivered(frame, prefix)
    own = found(frame, outcome)
    if own is None:
        raise ColumnError(
            f"outcome={named(outcome)} is neither 'accepted' nor 'delivered' nor a column of the frame. "
            f"Its columns: {listed(list(frame.columns))}"
        )
    values, is_truth = _numbers(frame[own], outcome)
    missing = np.isnan(values) & rows
    different = np.unique(values[rows & ~missing])
    proportion = is_truth or bool(np.isin(different, (0.0, 1.0)).all())
    if missing.any() and different.tolist() == [1.0]:
        filled = f"frame[{named(outcome)}].fillna(False)"
        plain = isinstance(outcome, str) and outcome.isidentifier()
        raise ColumnError(
            f"Column {named(outcome)} holds only true and missing values, so nobody counts as a no. If missing means no: "
            f"frame.assign({f'{outcome}={filled}' if plain else f'**{{{named(outcome)}: {filled}}}'})"
        )
    name = mask_name(str(outcome))
    words = f"{name}, of all assigned rows" if proportion else f"mean of {name} over all assigned rows"
    return Measure(values, proportion, missing, words, sent_only=False)


def _accepted(frame: pd.DataFrame, prefix: str) -> Measure:
    status = columns.read(frame, prefix, columns=["status"])["status"].cat.codes.to_numpy()
    values = np.select([status == _SUCCESS, status == _FAILURE], [1.0, 0.0], np.nan)
    words = "accepted by the gateway (which is not yet arrival), of the rows it answered"
    return Measure(values, proportion=True, missing=np.zeros(len(frame), np.bool_), words=words, sent_only=True)


def _delivered(frame: pd.DataFrame, prefix: str) -> Measure:
    said = delivery.classes(delivery.read(frame, prefix, columns=["dr_status"])["dr_status"])
    values = np.select([said == delivery.DELIVERED, said == delivery.UNDELIVERED], [1.0, 0.0], np.nan)
    words = "delivered to the phone, of the rows with a final receipt"
    return Measure(values, proportion=True, missing=np.zeros(len(frame), np.bool_), words=words, sent_only=True)


def _numbers(column: pd.Series[Any], label: Hashable) -> tuple[Floats, bool]:
    """Read a column as floats, NaN where missing, and return whether it holds true and false."""
    values: Any = column
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    kind = values.dtype.kind
    if kind in "mM":
        remedy = "frame[{0}].notna()" if kind == "M" else "frame[{0}].dt.total_seconds()"
        what = "times; whether it happened" if kind == "M" else "durations; in seconds"
        raise ColumnError(f"Column {named(label)} holds {what} is another column: {remedy.format(named(label))}")
    if kind not in "biuf":
        values = _read(values.astype(object), label)
        kind = "b" if all(isinstance(value, (bool, np.bool_)) for value in values.dropna().unique()) else "f"
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise ColumnError(
            f"Column {named(label)} holds infinity, so it has no mean. Replace such values by missing ones first."
        )
    return numbers, kind == "b"


def _read(values: pd.Series[Any], label: Hashable) -> pd.Series[Any]:
    """Read objects and text as numbers, or as true and false: what a file made of either."""
    read: dict[Any, Any] = {}
    try:
        different = values.dropna().unique()
    except TypeError:
        raise ColumnError(
            f"Column {named(label)} holds lists or the like, neither numbers nor true or false. Name another column."
        ) from None
    for value in different:
        text = str(value).strip().lower()
        if not text:
            read[value] = None
            continue
        try:
            read[value] = float(text) if not isinstance(value, (bool, np.bool_)) else bool(value)
        except ValueError:
            if text not in _TRUE | _FALSE:
                raise ColumnError(
                    f"Column {named(label)} holds {mask_digits(shorten(value))!r}, which is neither a number nor true or false. "
                    f"Say what counts, as in frame.assign(yes=frame[{named(label)}] == {mask_digits(shorten(value))!r})"
                ) from None
            read[value] = text in _TRUE
    return values.map(read)
