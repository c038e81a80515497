"""What is derived from a sent frame's rows, to group them by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.rows import calling_codes, cells, phones, regions, segments
from nxsms_nb.rows.columns import one_label
from nxsms_nb.time_zones import time_zone

__all__ = ["DERIVED", "OF_RECEIPTS", "SECOND_NAMES", "Asked"]

_LENGTHS: Final = (0, 70, 160, 306, 500, 1000)
_LENGTH_NAMES: Final = ("0", "1-70", "71-160", "161-306", "307-500", "501-1000", "over 1000")
_LENGTH_OF: Final = np.append(np.searchsorted(_LENGTHS, np.arange(_LENGTHS[-1] + 2)), -1).astype(np.int8)
"""The place in `_LENGTH_NAMES` of each length; -1, of no text, is the last."""
_AT_ONCE: Final = 1 << 17
"""Rows that are derived together."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Asked:
    """What derived columns need to know of the frame: the prefix of the result columns, the labels of phone and content.

    `region` is the country (or a column of countries) of phones without a country code, and `tz` the time zone of
    hours, weekdays and dates (None: UTC).
    """

    prefix: str = ""
    phone: Hashable | None = None
    content: Hashable | None = None
    region: Hashable | None = None
    tz: Any = None


def own(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    """Return a column of the frame; raise `ColumnError` unless there is exactly one."""
    values = frame[label]
    if not isinstance(values, pd.Series):
        raise ColumnError(f"The frame has more than one column {named(label)}. Rename or drop all but one.")
    return values


def _needed(frame: pd.DataFrame, name: str, label: Hashable | None, what: str) -> pd.Series[Any]:
    label = name if label is None else one_label(name, label)
    if label not in frame.columns:
        raise ColumnError(
            f"by={what!r} is derived from the {name}, and the frame has no column {named(label)}. "
            f'Name the one that holds it, as in {name}="column".'
        )
    return own(frame, label)


def _pieces(*columns: pd.Series[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of some rows of each column at a time: what is made of them stays in the processor's cache.

    To read a column whole, the chunks that a file left it in are joined first: of a million texts, 100 MB.
    """
    rows = len(columns[0])
    whole = any(isinstance(values.dtype, pd.CategoricalDtype) for values in columns)  # categories are read each time
    size = max(rows if whole else _AT_ONCE, 1)
    for start in range(0, max(rows, 1), size):
        yield tuple(cells.read_cells(values.iloc[start : start + size]) for values in columns)


def _country(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    values = _needed(frame, "phone", asked.phone, "country")
    regions_ = regions.regions_of(frame, asked.region)
    if regions_ is not None:  # how a number is read depends on all of the column
        return pd.Series(calling_codes.countries_of(phones.from_cells(cells.read_cells(values), regions_)[0]))
    parts = [calling_codes.countries_of(phones.from_cells(numbers)[0]) for (numbers,) in _pieces(values)]
    return pd.Series(pd.api.types.union_categoricals(parts, sort_categories=True))


def _length(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    parts = []
    for (content,) in _pieces(_needed(frame, "content", asked.content, "length")):
        length = pc.utf8_length(content.text).fill_null(-1).to_numpy()
        parts.append(_LENGTH_OF[np.minimum(length, _LENGTHS[-1] + 1)])
    kinds = pd.Index(_LENGTH_NAMES)
    return pd.Series(pd.Categorical.from_codes(np.concatenate(parts), categories=kinds, ordered=True))


def _segments(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    content = _needed(frame, "content", asked.content, "segments")
    if ("phone" if asked.phone is None else asked.phone) not in frame.columns:
        parts = [segments.segment_numbers(text.text)[0] for (text,) in _pieces(content)]
    else:
        values = _needed(frame, "phone", asked.phone, "segments")
        regions_ = regions.regions_of(frame, asked.region)
        if regions_ is not None:
            digits = phones.from_cells(cells.read_cells(values), regions_)[0]
            parts = [segments.segment_numbers(cells.read_cells(content).text, digits)[0]]
        else:
            parts = [
                segments.segment_numbers(text.text, phones.from_cells(numbers)[0])[0]
                for text, numbers in _pieces(content, values)
            ]
    number = np.concatenate(parts)
    return pd.Series(pd.arrays.IntegerArray(number, number == 0))


def _encoding(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    parts = [
        np.where(as_mask(content.text.is_null()), np.int8(-1), segments.needs_ucs(content.text))
        for (content,) in _pieces(_needed(frame, "content", asked.content, "encoding"))
    ]
    kinds = pd.Index([segments.GSM, segments.UCS])
    return pd.Series(pd.Categorical.from_codes(np.concatenate(parts), categories=kinds))


def _sent_at(frame: pd.DataFrame, asked: Asked) -> Any:
    sent_at = result_columns.read(frame, asked.prefix, columns=["sent_at"])["sent_at"]
    return sent_at.dt if asked.tz is None else sent_at.dt.tz_convert(time_zone(asked.tz)).dt


def _hour(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    return pd.Series(_sent_at(frame, asked).hour.astype(result_columns.WHOLE))


def _weekday(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    day = _sent_at(frame, asked).day_of_week.fillna(-1).astype(np.int64)
    return pd.Series(pd.Categorical.from_codes(day, categories=pd.Index(_WEEKDAYS), ordered=True))


def _date(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    return pd.Series(_sent_at(frame, asked).tz_localize(None).dt.normalize())


DERIVED: Final[dict[str, Callable[[pd.DataFrame, Asked], pd.Series[Any]]]] = {
    "country": _country,
    "length": _length,
    "segments": _segments,
    "encoding": _encoding,
    "hour": _hour,
    "weekday": _weekday,
    "date": _date,
}
"""What can be derived.

The phone's country, the content's length in characters, the segments it is billed as and their encoding, and the hour
of the day, the day of the week and the date on which the row was sent, in UTC unless `Asked.tz` names a zone.
"""


def _network(frame: pd.DataFrame, asked: Asked) -> pd.Series[Any]:
    return delivery.read(frame, asked.prefix, columns=["network"])["network"]


OF_RECEIPTS: Final[dict[str, Callable[[pd.DataFrame, Asked], pd.Series[Any]]]] = {"network": _network}
"""What can be derived from a row's receipt, which only accepted rows have."""

SECOND_NAMES: Final[dict[str, str]] = {
    f"{name} ({source})": name
    for source, names in {
        "phone": ["country"],
        "content": ["length", "segments", "encoding"],
        "sent_at": ["hour", "weekday", "date"],
    }.items()
    for name in names
}
"""Second names of derived columns, for frames that have a column with the first name."""
