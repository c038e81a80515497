"""Prices per segment by country, and amounts of money: decimal, so that sums are exact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

import pandas as pd

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

__all__ = ["money", "read_prices"]

_ISO: Final = re.compile(r"[A-Z]{2}|001")
_LIKE: Final = "Give a price per segment by ISO code, as in prices={'CN': 0.0065, 'DE': 0.075}."
_FOUR: Final = Decimal("0.0001")
_TWO: Final = Decimal("0.01")


def read_prices(prices: Any) -> dict[str, Decimal] | None:
    """Return the prices per segment by ISO code; None where none are given. A missing price is left out."""
    if prices is None:
        return None
    found: dict[str, Decimal] = {}
    for country, price in _pairs(prices):
        code = str(country).strip().upper() if isinstance(country, str) else ""
        if not _ISO.fullmatch(code):
            raise ConfigError(f"prices has {named(country)}, which is not an ISO code of two letters. {_LIKE}")
        if code == "UK":
            raise ConfigError("prices has 'UK'; the ISO code of the United Kingdom is 'GB'.")
        amount = _amount(code, price)
        if amount is None:
            continue
        if found.setdefault(code, amount) != amount:
            raise ConfigError(f"prices has two prices for {code!r}: {found[code]} and {amount}. Drop one of them.")
    return found


def _pairs(prices: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(prices, pd.DataFrame):
        columns = [name for name in prices.columns if str(name).lower() != "country"]
        column = next(
            (name for name in columns if str(name).lower() == "price"), columns[0] if len(columns) == 1 else None
        )
        if column is None:
            raise ConfigError(
                "prices is a frame without a column 'price'. Rename the column with the prices per segment to 'price'."
            )
        countries = [name for name in prices.columns if str(name).lower() == "country"]
        codes = prices[countries[0]] if countries else prices.index
        return zip(codes.tolist(), prices[column].tolist(), strict=True)
    if isinstance(prices, pd.Series):
        return zip(prices.index.tolist(), prices.tolist(), strict=True)
    if isinstance(prices, Mapping):
        return prices.items()
    raise ConfigError(f"prices is a {type(prices).__name__}, not a dict, Series or frame. {_LIKE}")


def _amount(code: str, price: Any) -> Decimal | None:
    if price is None or price is pd.NA or price is pd.NaT:
        return None
    try:
        # By the shortest text of a float: 0.0065 is the price that was written, and not the nearest binary fraction.
        amount = None if isinstance(price, bool) else Decimal(str(price).strip())
    except InvalidOperation:
        amount = None
    if amount is not None and amount.is_nan():
        return None
    if amount is None or not amount.is_finite() or amount < 0:
        raise ConfigError(f"prices[{code!r}]={named(price)} is not a price: a number, 0 or more. {_LIKE}")
    return amount


def money(amount: Decimal) -> str:
    """Format an amount with two decimal places, or up to four if it has more, rounded half up.

    Examples
    --------
    >>> money(Decimal("1234.5")), money(Decimal("0.0065")), money(Decimal("0.00005")), money(Decimal("3"))
    ('1,234.50', '0.0065', '0.0001', '3.00')
    """
    rounded = amount.quantize(_FOUR, ROUND_HALF_UP)
    short = rounded.quantize(_TWO, ROUND_HALF_UP)
    return f"{short:,}" if short == rounded else f"{rounded:,}".rstrip("0")
