"""What is derived from a sent frame's rows, to group them by."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
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


def _digits(frame: pd.DataFrame, asked: Asked, what: str) -> pa.Array:
    numbers = cells.read_cells(_needed(frame, "phone", asked.phone, what))
    return phones.from_cells(numbers, regions.regions_of(frame, asked.region))[0]


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
    content = _content(frame, asked, "encoding")
    codes = np.where(as_mask(content.is_null()), np.int8(-1), segments.needs_ucs(content))
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index([segments.GSM, segments.UCS])))


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
