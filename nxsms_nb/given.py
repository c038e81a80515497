"""What was given, as it was at the call: what is changed in place afterwards is another thing."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

_T = TypeVar("_T")


def frame_as_given(frame: pd.DataFrame) -> pd.DataFrame:
    """Take a frame as it is now, with its index, columns and attrs.

    Where pandas copies on write, nothing is copied; elsewhere the values are, but objects in cells stay shared. To be
    called once for what is given, where it comes in.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"phone": ["8615088888888", "4915112345678"]})
    >>> taken = frame_as_given(frame)
    >>> frame.loc[0, "phone"] = "14155550123"
    >>> taken["phone"].to_list()
    ['8615088888888', '4915112345678']
    """
    return frame.copy(deep=not _copies_on_write())


def _copies_on_write() -> bool:
    # The option is read at each call, as it may be set at any time; from pandas 3 on it is deprecated and without effect.
    return int(pd.__version__.split(".")[0]) >= 3 or pd.get_option("mode.copy_on_write") is True


def value_as_given(value: _T) -> _T:
    """Take an option's value as it is now: a list or a dict of names is copied."""
    return value.copy() if type(value) in (list, dict, set) else value  # type: ignore[attr-defined]
