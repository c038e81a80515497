"""Write cells with a format spec, such as ``.2f`` or ``%d %b``."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import mask_digits
from nxsms_nb.rows.display import plain_text

_DATES: Final = frozenset("aAbBCdeDFgGhjmuUVwWxyY%")
"""The directives of ``strftime`` that show a date only."""

_MINUTES: Final = _DATES | frozenset("HIMpzZ")
"""Those that show no seconds."""

_EXACT: Final = 2.0**53
"""From this value on, one float represents several whole numbers."""


def formatted(values: pd.Series, field: str, spec: str) -> pa.Array:
    """Write each cell with the spec; null if it is empty or the spec does not fit.

    A spec that fits no value raises `ConfigError`, which names the `field`.

    Examples
    --------
    >>> formatted(pd.Series([1200.0, None]), "{amount:,.2f}", ",.2f").to_pylist()
    ['1,200.00', None]
    """
    if values.dtype == object:
        # A mixture: 1, 1.0 and True are equal but not written alike.
        return pa.array(_written(values.tolist(), field, spec), TEXT)
    codes, different = pd.factorize(_rounded(values, spec))
    written = pa.array(_written(pd.Series(different).tolist(), field, spec), TEXT)
    return written.take(pa.array(codes, mask=codes < 0))


def _rounded(values: pd.Series, spec: str) -> pd.Series:
    """Drop the hours or seconds that the spec does not show: fewer different values to write."""
    asked = set(re.findall("%[-#^_0]?(.)", spec))
    if values.dtype.kind != "M" or not asked or not asked <= _MINUTES:
        return values
    wall = values.dt.tz_localize(None)
    # A minute of the zone's own: floor() by itself fails in the hour that a zone repeats.
    rounded: pd.Series = values.dt.normalize() if asked <= _DATES else values - (wall - wall.dt.floor("min"))
    return rounded


def _whole(values: list[Any], spec: str) -> list[Any]:
    """Make floats integers where all of them are whole: often they are floats only because another row has a gap."""
    # Python refuses a precision for integers.
    if re.search(r"\.\d", spec):
        return values
    floats = [isinstance(value, (float, np.floating)) for value in values]
    for value, is_float in zip(values, floats, strict=True):
        if not (float(value).is_integer() or not np.isfinite(value) if is_float else value is None or value is pd.NA):
            return values
    exact = [is_float and abs(float(value)) < _EXACT for value, is_float in zip(values, floats, strict=True)]
    return [int(value) if whole else value for value, whole in zip(values, exact, strict=True)]


def _written(values: list[Any], field: str, spec: str) -> list[str | None]:
    values = _whole(values, spec)
    texts: list[str | None] = []
    wrong: Exception | None = None
    for value in values:
        try:
            text = None if not isinstance(value, str) and pd.isna(value) is True else format(plain_text(value), spec)
            if text is not None and not text.isascii():
                text.encode()
        except UnicodeEncodeError:
            text = None
        except Exception as error:  # noqa: BLE001 - whatever a value's own __format__ raises
            text, wrong = None, error
        texts.append(text)
    if wrong is not None and not any(text is not None for text in texts):
        raise ConfigError(
            f"{field} in the template: the spec fits no value of the column ({mask_digits(str(wrong))}). Give one for its type: "
            ".2f for numbers, %d %b for dates, none for text."
        ) from wrong
    return texts
