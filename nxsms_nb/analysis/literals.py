"""A slice as Python code that returns the same rows when pasted."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from nxsms_nb.analysis.derived import Asked

__all__ = ["literal", "select_call"]


def literal(value: Any) -> str:
    """Write a value as a Python expression; raise `TypeError` if it has none.

    Examples
    --------
    >>> literal("IN"), literal(float("inf")), literal(pd.Timestamp("2026-03-03", tz="UTC"))
    ("'IN'", "float('inf')", "pd.Timestamp('2026-03-03T00:00:00+00:00')")
    >>> literal(pd.Interval(1, 5)), literal((None, True))
    ("pd.Interval(1, 5, closed='right')", '(None, True)')
    """
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA:
        return "None"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if type(value) in (str, bytes, bool, int):
        return repr(value)
    if type(value) in (tuple, list):
        inside = ", ".join(map(literal, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    return _of_pandas(value)


def _of_pandas(value: Any) -> str:
    if isinstance(value, pd.Interval):
        return f"pd.Interval({literal(value.left)}, {literal(value.right)}, closed={value.closed!r})"
    if isinstance(value, (dt.datetime, np.datetime64)):
        return _of_moment(pd.Timestamp(value))
    if isinstance(value, (dt.timedelta, np.timedelta64)):
        return f"pd.Timedelta({pd.Timedelta(value).isoformat()!r})"
    if isinstance(value, pd.Period):
        return f"pd.Period({str(value)!r}, {value.freqstr!r})"
    raise TypeError(f"no code for a {type(value).__name__}")


def _of_moment(moment: pd.Timestamp) -> str:
    """Write a moment in its own zone: the ends of an interval must have one, also where the clocks change in between."""
    zone = moment.tzinfo
    if zone is None or isinstance(zone, dt.timezone):
        return f"pd.Timestamp({moment.isoformat()!r})"
    try:
        named = pd.Timestamp(moment.isoformat(), tz=str(zone)) == moment
    except (LookupError, ValueError, OSError):  # a zone without a name
        named = False
    if not named:
        return f"pd.Timestamp({moment.tz_convert('UTC').isoformat()!r})"
    return f"pd.Timestamp({moment.isoformat()!r}, tz={str(zone)!r})"


def select_call(given: Mapping[Hashable, Any], asked: Asked, frame: str = "sent") -> str:
    """Write the call that returns the rows of a slice; for a slice of all rows, just the frame.

    Examples
    --------
    >>> from nxsms_nb.analysis.derived import Asked
    >>> select_call({"country": "IN"}, Asked(phone="mobile")), select_call({}, Asked())
    ("sent.nxsms.select({'country': 'IN'}, phone='mobile')", 'sent')
    """
    if not given:
        return frame
    pairs = ", ".join(f"{literal(label)}: {literal(value)}" for label, value in given.items())
    options = {name: getattr(asked, name) for name in ("prefix", "phone", "content", "region", "tz")}
    keywords = "".join(f", {name}={literal(value)}" for name, value in options.items() if value not in (None, ""))
    return f"{frame}.nxsms.select({{{pairs}}}{keywords})"
