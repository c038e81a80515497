"""Copy arguments when a call is made, so that later changes in place do not affect it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nxsms_nb.errors import ConfigError

if TYPE_CHECKING:
    import os

    import pandas as pd

_T = TypeVar("_T")


def frame_as_given(frame: pd.DataFrame) -> pd.DataFrame:
    """Copy a frame with its index, columns and attrs, at the time of the call.

    The values are copied too, although pandas copies on write: ``frame["n"].values[0] = …`` bypasses that in categories, masked
    and Python-backed columns. Text in Arrow cannot be changed in place and is shared, as objects in cells are. Call it once,
    where the frame comes in.

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
    """Copy an option's value if it can change: a list, set, dict or column."""
    changeable = type(value) in (list, dict, set) or hasattr(value, "dtype") or hasattr(value, "columns")
    return value.copy() if changeable and hasattr(value, "copy") else value


def path_as_given(path: str | os.PathLike[str]) -> Path:
    """Expand ``~`` in a path, as a shell would.

    Examples
    --------
    >>> path_as_given("~/results") == Path.home() / "results", path_as_given("results/~")
    (True, PosixPath('results/~'))
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{str(path)!r} begins with the home folder of a user whom this machine does not know. Write the whole path."
        ) from None
