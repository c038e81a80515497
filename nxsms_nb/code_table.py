"""The vendor's result codes as a frame."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pandas as pd

from nxsms_nb.arguments import strict
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.tables import Table
from nxsms_nb.wire.codes import TABLE

__all__ = ["codes"]


@strict
def codes(numbers: int | Iterable[Any] | None = None, /, *more: int) -> pd.DataFrame:
    """Look up the vendor's result codes: what they mean and what to do.

    Parameters
    ----------
    numbers : int or iterable of int, optional
        The codes to look up, for example ``13006``, or the column ``code`` of a sent frame; None: all. Missing values are
        ignored.
    *more : int
        Further codes.

    Returns
    -------
    pandas.DataFrame
        Index ``code`` (int64), in the order asked for, each code once; columns ``text`` (the vendor's), ``meaning``,
        ``meaning_zh``, ``scope`` (what it is about: ``account``, ``clock``, ``flow``, ``request``, ``row``; ``unclear`` proves
        nothing), ``advice`` (str).

    Raises
    ------
    ConfigError
        One of them is not a vendor result code.

    Notes
    -----
    Source: the response codes on the vendor's page of the batch endpoint.

    Examples
    --------
    >>> codes(13008)["scope"].to_list()
    ['flow']
    >>> codes([13005, 13006])["meaning_zh"].to_list()
    ['手机号格式错误', '源地址错误']
    """
    rows = list(TABLE.values()) if numbers is None and not more else [TABLE[n] for n in _asked([numbers, *more])]
    return Table(
        {name: [getattr(code, name) for code in rows] for name in ("text", "meaning", "meaning_zh", "scope", "advice")},
        index=pd.Index([code.number for code in rows], name="code", dtype="int64"),
    )


def _asked(given: Iterable[Any]) -> list[int]:
    """Return the requested codes, each once."""
    found: dict[int, None] = {}
    for one in given:
        several = isinstance(one, Iterable) and not isinstance(one, (str, bytes))
        for value in one if several else [one]:
            if not pd.api.types.is_scalar(value) or not pd.isna(value):
                found[_number(value)] = None
    return list(found)


def _number(value: Any) -> int:
    with suppress(TypeError, ValueError, OverflowError):
        number = int(value)
        # Missing values turn a column of codes into floats, and files turn it into text.
        if number in TABLE and not isinstance(value, bool) and (isinstance(value, str) or number == value):
            return number
    raise ConfigError(
        f"{named(value)} is not a vendor result code. The codes: {', '.join(map(str, TABLE))}. nx.codes() explains them."
    )
