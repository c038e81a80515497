"""What results are grouped by: the frame's own columns, and some that are derived from its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import listed, mask_name, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.rows import calling_codes, cells, phones, regions, segments
from nxsms_nb.rows.columns import one_label

_LENGTHS: Final = (0, 70, 160, 306, 500, 1000)
_LENGTH_NAMES: Final = ("0", "1-70", "71-160", "161-306", "307-500", "501-1000", "over 1000")

Labels = Hashable | list[Hashable] | None


@dataclass(frozen=True)
class Groups:
    """Rows sorted into groups.

    Parameters
    ----------
    ids : ndarray of int64
        The group of each row, from 0.
    keys : pandas.DataFrame
        The values that each group stands for, one row a group, one column for each label of `by`.
    natural : bool
        Whether the groups have an order of their own, as numbers and times do; `keys` is in it.
    """

    ids: npt.NDArray[np.int64]
    keys: pd.DataFrame
    natural: bool


@dataclass(frozen=True)
class Asked:
    """What derived groups need to know of the frame.

    Parameters
    ----------
    prefix : str, default ""
        What stands before the names of the result columns.
    phone, content : hashable, optional
        The columns that hold them, if not ``phone`` and ``content``.
    region : hashable, optional
        The country of phones written without a country code, or a column of countries.
    """

    prefix: str = ""
    phone: Hashable | None = None
    content: Hashable | None = None
    region: Hashable | None = None


def group_rows(frame: pd.DataFrame, by: Labels, asked: Asked) -> Groups:
    """Sort the rows of a sent frame into groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame.
    by : hashable, list of hashable or None
        Columns of the frame, or names of `DERIVED`; a column of the frame goes before a derived one of its name.
        None: all rows are one group.
    asked : Asked
        What derived groups need to know.

    Returns
    -------
    Groups
        Missing values are a group of their own, the last one.

    Raises
    ------
    ColumnError
        A label is neither a column nor derived, or a column that is needed is not there or cannot be grouped.
    """
    labels = _listed(frame, by)
    ids = np.zeros(len(frame), np.int64)
    natural = bool(labels)
    columns: dict[Hashable, pd.Series[Any]] = {}
    for label in labels:
        if label in frame.columns:
            values = _own(frame, label)
        elif label in DERIVED:
            values = DERIVED[str(label)](frame, asked)
        else:
            raise ColumnError(
                f"by={named(label)} is neither a column of the frame nor one of {', '.join(map(repr, DERIVED))}. "
                f"Its columns: {listed(list(frame.columns))}"
            )
        columns[label] = values
        ordered = _is_ordered(values)
        natural &= ordered
        codes, size = _numbered(values, label, ordered=ordered)
        ids = ids * size + codes
        ids = pd.factorize(ids, sort=True)[0].astype(np.int64)  # stays small however many columns follow
    present = int(ids.max()) + 1 if len(ids) else 0
    first = np.zeros(present, np.int64)
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)
    keys = pd.DataFrame(
        {label: _plain(values.iloc[first], label in frame.columns) for label, values in columns.items()},
        index=pd.RangeIndex(present),
    )
    return Groups(ids=ids, keys=keys, natural=natural)


def in_words(frame: pd.DataFrame, labels: list[Hashable]) -> str:
    """What rows are grouped by, for a title."""
    return ", ".join(
        mask_name(str(label))
        if label in frame.columns
        else {"hour": "hour of the day (UTC)", "length": "length in characters"}.get(str(label), str(label))
        for label in labels
    )


def _listed(frame: pd.DataFrame, by: Labels) -> list[Hashable]:
    if by is None:
        return []
    if isinstance(by, list):
        labels = [one_label("by", label) for label in by]
        twice = [label for place, label in enumerate(labels) if label in labels[:place]]
        if twice:
            raise ColumnError(f"by= names the column {named(twice[0])} twice.")
        return labels
    if isinstance(by, tuple) and one_label("by", by) not in frame.columns:
        return _listed(frame, list(by))
    return [one_label("by", by)]


def _own(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    values = frame[label]
    if not isinstance(values, pd.Series):
        raise ColumnError(f"The frame has more than one column {named(label)}. Rename or drop all but one.")
    return values


def _is_ordered(values: pd.Series[Any]) -> bool:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return bool(dtype.ordered)
    return (
        pd.api.types.is_numeric_dtype(dtype)
        or pd.api.types.is_datetime64_any_dtype(dtype)
        or pd.api.types.is_timedelta64_dtype(dtype)
    ) and not pd.api.types.is_bool_dtype(dtype)


def _numbered(values: pd.Series[Any], label: Hashable, *, ordered: bool) -> tuple[npt.NDArray[np.int64], int]:
    """A number for each value, in their order where they have one; missing ones last."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, size = values.cat.codes.to_numpy(np.int64), len(values.cat.categories)
    else:
        try:
            found, uniques = pd.factorize(values, sort=ordered)
        except (TypeError, NotImplementedError):  # objects, or a nested type of Arrow
            raise ColumnError(
                f"Column {named(label)} holds values that cannot be grouped: lists or the like."
            ) from None
        codes, size = found.astype(np.int64), len(uniques)
    return np.where(codes < 0, size, codes), size + 1


def _plain(values: pd.Series[Any], own: bool) -> Any:
    """A group's values: text for what is derived as categories without an order, which only makes grouping fast."""
    dtype = values.dtype
    if own or not isinstance(dtype, pd.CategoricalDtype) or dtype.ordered:
        return values.reset_index(drop=True)  # with its dtype: pandas would look for another one
    return values.astype(object).astype(result_columns.TEXT).array


def _needed(frame: pd.DataFrame, name: str, label: Hashable | None, what: str) -> pd.Series[Any]:
    label = name if label is None else one_label(name, label)
    if label not in frame.columns:
        raise ColumnError(
            f"by={what!r} is derived from the {name}, and the frame has no column {named(label)}. "
            f'Name the one that holds it, as in {name}="column".'
        )
    return _own(frame, label)


def _digits(frame: pd.DataFrame, asked: Asked, what: str) -> pa.Array:
    numbers = cells.read_cells(_needed(frame, "phone", asked.phone, what))
    return phones.from_cells(numbers, regions.of(frame, asked.region))[0]


def _content(frame: pd.DataFrame, asked: Asked, what: str) -> pa.Array:
    return cells.read_cells(_needed(frame, "content", asked.content, what)).text


def _country(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    return pd.Series(calling_codes.countries_of(_digits(frame, asked, "country")))


def _length(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    length = pc.utf8_length(_content(frame, asked, "length")).fill_null(-1).to_numpy()
    bins = np.where(length < 0, -1, np.searchsorted(_LENGTHS, length))
    return pd.Series(pd.Categorical.from_codes(bins, categories=pd.Index(_LENGTH_NAMES), ordered=True))


def _segments(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    content = _content(frame, asked, "segments")
    there = ("phone" if asked.phone is None else asked.phone) in frame.columns
    number, _ = segments.count_segments(content, _digits(frame, asked, "segments") if there else None)
    return pd.Series(pd.arrays.IntegerArray(number, number == 0))


def _encoding(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    _, encoding = segments.count_segments(_content(frame, asked, "encoding"))
    return pd.Series(pd.Categorical(encoding, categories=[segments.GSM, segments.UCS]))


def _hour(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    sent_at = result_columns.read(frame, asked.prefix, columns=["sent_at"])["sent_at"]
    return pd.Series(sent_at.dt.hour.astype(result_columns.WHOLE))


DERIVED: Final[dict[str, Callable[[pd.DataFrame, Asked], pd.Series[Any]]]] = {
    "country": _country,
    "length": _length,
    "segments": _segments,
    "encoding": _encoding,
    "hour": _hour,
}
"""What can be derived: the phone's country, the content's length in characters, the segments it is billed as and their
encoding, and the hour of the day, in UTC, at which the row was sent."""
