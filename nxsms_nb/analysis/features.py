"""The columns in which `drivers` searches, encoded: the frame's own columns and derived ones."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import bins, groups
from nxsms_nb.analysis.counts import Feature, SliceLevels
from nxsms_nb.analysis.derived import DERIVED, OF_RECEIPTS, Asked
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import mask_name, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.rows.columns import one_label
from nxsms_nb.wire.fields import FIELDS

Mask = npt.NDArray[np.bool_]

MOST_VALUES: Final = 200
"""A column of neither numbers nor times is examined by default if it has at most this many different values."""

_NO_DRIVERS: Final = frozenset({"phone", "content", "sys_message_id"})
_ID: Final = re.compile(r"(?:^|[_\s\-.])(?:id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE)
_CAMEL_ID: Final = re.compile(r"[a-z]I[dD]$")


@dataclass(frozen=True)
class Column:
    """One column to examine: its codes, the value of each level (None for missing), and how bins of numbers are read."""

    label: Hashable
    feature: Feature
    values: list[Any]
    read: bins.Numbers | None = None

    def value(self, part: SliceLevels) -> Any:
        """Return what a slice takes of this column: a value, None for missing ones, or an interval."""
        if part.low is not None and self.read is not None:
            return pd.Interval(self.read.scalar(part.low), self.read.scalar(part.high), closed="both")
        if part.first == part.last:
            return self.values[part.first]
        return pd.Interval(self.values[part.first], self.values[part.last], closed="both")

    def reaches(self, part: SliceLevels) -> tuple[bool, bool]:
        """Return whether a range begins at the lowest value of the column, and whether it ends at the highest."""
        feature = self.feature
        if part.first == part.last and part.low is None:
            return False, False
        if feature.numbers is None:
            return part.first == 0, part.last == feature.ordered - 1
        there = feature.numbers[feature.codes < feature.ordered]
        return bool(part.low <= there.min()), bool(part.high >= there.max())


def read_columns(
    frame: pd.DataFrame,
    labels: groups.Labels,
    asked: Asked,
    known: Mask,
    *,
    min_rows: int,
    outcome: Hashable = "accepted",
) -> tuple[list[Column], dict[str, str]]:
    """Read the columns to examine, and say which are left out and why.

    `labels` None stands for what can be derived and the frame's own columns that may explain something; only `known`
    rows count, a value has at least `min_rows` rows, and the outcome does not explain itself. A column that was asked
    for and is missing, ambiguous or cannot be grouped raises `ColumnError`.
    """
    if labels is not None:
        asked_for = [
            _column(label, groups.values_of(frame, label, asked, "columns"), known, min_rows)
            for label in _labels(labels)
        ]
        return [column for column in asked_for if column is not None], {}
    found: list[Column] = []
    left_out: dict[str, str] = {}
    candidates = _candidates(frame, asked, outcome)
    for label, own in candidates:
        reason = "more than one column has this name"
        column = None
        if not own or int((frame.columns == label).sum()) == 1:
            try:
                values = groups.values_of(frame, label, asked, "columns")
                column, reason = _telling(label, values, known, min_rows, own=own)
            except ColumnError as trouble:
                if not own:
                    continue
                reason = str(trouble)
        if column is not None:
            found.append(column)
        else:
            left_out[mask_name(str(label))] = reason
            if own and label in DERIVED:
                # A column of country names that has too many of them does not hide the country of the phone.
                candidates.append((groups.made_as(frame, str(label), asked.prefix), False))
    return found, left_out


def _labels(labels: groups.Labels) -> list[Hashable]:
    wanted = labels if isinstance(labels, list) else [labels]
    chosen = [one_label("columns", label) for label in wanted]
    twice = [label for place, label in enumerate(chosen) if label in chosen[:place]]
    if twice:
        raise ColumnError(f"columns= names the column {named(twice[0])} twice. Name it once.")
    return chosen


def _candidates(frame: pd.DataFrame, asked: Asked, outcome: Hashable) -> list[tuple[Hashable, bool]]:
    """Yield the columns to examine by default, and whether each is the frame's own."""
    there = list(dict.fromkeys(frame.columns))
    without = {asked.phone, asked.content, outcome}
    without |= {name for field in FIELDS if field.name in _NO_DRIVERS for name in (field.name, field.wire)}
    of_receipts: set[str] = set()
    for prefix in {asked.prefix, *result_columns.prefixes(frame)}:
        without |= {prefix + name for name in RESULT_COLUMNS}
        if f"{prefix}dr_status" in there:
            of_receipts |= {prefix + name for name in delivery.DELIVERY_COLUMNS}
    without |= of_receipts
    own = [(label, True) for label in there if label not in without]
    # Only what was accepted has a network, so it would explain that by itself.
    names = [*DERIVED, *(OF_RECEIPTS if outcome == "delivered" else ())]
    return [*own, *((name, False) for name in names if name not in there or name in of_receipts)]


def _telling(
    label: Hashable, values: pd.Series[Any], known: Mask, min_rows: int, *, own: bool
) -> tuple[Column | None, str]:
    """Return an encoded column, or the reason for leaving it out."""
    column = _column(label, values, known, min_rows, most=MOST_VALUES)
    if column is None:
        return None, f"more than {MOST_VALUES} values"
    used = np.bincount(column.feature.codes, minlength=column.feature.levels)
    if np.count_nonzero(used) < 2:
        return None, "one value"
    if own and column.read is not None and isinstance(label, str) and _is_id(label):
        return None, "an id"
    return column, ""


def _is_id(label: str) -> bool:
    return bool(_ID.search(label) or _CAMEL_ID.search(label))


def _column(
    label: Hashable, values: pd.Series[Any], known: Mask, min_rows: int, most: int | None = None
) -> Column | None:
    """Code a column; None where it has more than `most` values and no order to bin them by."""
    if not known.all():
        values = values[known]
    read = bins.numbers(values)
    if read is not None:
        there = read.there
        if len(pd.unique(there)) > bins.FEW:
            return _binned(label, read, min_rows)
        levels = np.unique(there)
        codes = np.where(read.missing, len(levels), np.searchsorted(levels, read.values))
        plain = [read.scalar(level) for level in levels]
        # Objects, for example decimals, are shown as they are; to order them, their numbers are enough.
        shown = plain if not pd.api.types.is_object_dtype(values.dtype) else _shown(values, codes, len(levels))
        return Column(label, Feature(codes, len(levels) + 1, len(levels)), [*shown, None])
    codes, kinds = groups.numbered(values, label)
    total = len(kinds) + 1
    if most is not None and np.count_nonzero(np.bincount(codes, minlength=total)) > most:
        return None
    return Column(label, *_frequent(codes, [*map(_plain, kinds), None], min_rows))


def _shown(values: pd.Series[Any], codes: npt.NDArray[Any], levels: int) -> list[Any]:
    first = pd.Series(codes).drop_duplicates()
    places = dict(zip(first, first.index, strict=True))
    return [values.iloc[places[level]] for level in range(levels)]


def _plain(value: Any) -> Any:
    return (
        value.item()
        if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64))
        else value
    )


def _frequent(codes: npt.NDArray[Any], values: list[Any], min_rows: int) -> tuple[Feature, list[Any]]:
    """Keep the levels of enough rows; a column of thousands of values costs no more than these."""
    if len(values) <= MOST_VALUES + 1:
        return Feature(codes.astype(np.intp, copy=False), len(values)), values
    kept = np.flatnonzero(np.bincount(codes, minlength=len(values)) >= min_rows)
    place = np.full(len(values), len(kept), np.intp)
    place[kept] = np.arange(len(kept))
    return Feature(place[codes], len(kept)), [values[i] for i in kept]


def _binned(label: Hashable, read: bins.Numbers, min_rows: int) -> Column:
    number = 2 * bins.USUAL if len(read.values) >= 4 * bins.USUAL * min_rows else bins.USUAL
    ends = bins.ends(read.there, number)
    levels = len(ends) + 1
    codes = np.searchsorted(ends, read.values)
    if read.missing.any():
        codes = np.where(read.missing, levels, codes)
    return Column(label, Feature(codes, levels + 1, levels, read.values), [None] * (levels + 1), read)
