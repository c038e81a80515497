"""What was given, as it was at the call: what is changed in place afterwards is another thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")


def frame_as_given(frame: pd.DataFrame) -> pd.DataFrame:
    """Take a frame as it is now, with its index, columns and attrs.

    The values are copied, whatever pandas copies on write: ``frame["n"].values[0] = …`` writes past that into categories,
    masked and Python-backed columns. Text in Arrow cannot be changed in place and is shared, as objects in cells are. To
    be called once for what is given, where it comes in.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"phone": ["8615088888888", "4915112345678"]})
    >>> taken = frame_as_given(frame)
    >>> frame.loc[0, "phone"] = "14155550123"
    >>> taken["phone"].to_list()
    ['8615088888888', '4915112345678']
    """
    return frame.copy()


def value_as_given(value: _T) -> _T:
    """Take an option's value as it is now: a list, a set, a dict or a column is copied."""
    changeable = type(value) in (list, dict, set) or hasattr(value, "dtype") or hasattr(value, "columns")
    return value.copy() if changeable and hasattr(value, "copy") else value
