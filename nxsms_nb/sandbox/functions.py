"""Failures decided by a function of a request's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb.errors import ConfigError, NxsmsError
from nxsms_nb.formatting import named
from nxsms_nb.sandbox.mixes import Shares, checked_shares

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE: Final = (
    {"phone": "8615088888888", "content": "Hi", "sourceAddress": "ACME"},
    {"phone": "919876543210", "content": "你好"},
)
_TAKES: Final = (
    "It takes a frame with the columns phone, content, source_address, country and hour, and returns a code for each row "
    "(0 or missing: none), or a mapping of code to share, shares being numbers from 0 to 1 or one for each row."
)


class Function:
    """A function of a request's rows, given as ``failures=``.

    It is tried on two rows at once, so that most mistakes show early.
    """

    def __init__(self, given: Callable[[pd.DataFrame], Any]) -> None:
        self._given = given
        self._known: dict[tuple[Any, ...], Shares] = {}
        for hour in (0, 12):
            self.shares(_SAMPLE, hour)

    def shares(self, items: Sequence[Mapping[str, Any]], hour: int) -> list[Shares]:
        """Return the function's shares for the items of a request; raise `ConfigError` if they are unusable."""
        rows = _frame(items, hour)
        try:
            said = self._given(rows)
        except NxsmsError:
            raise
        except Exception as error:
            raise ConfigError(
                f"Sandbox: the function failures= raised {type(error).__name__}: {error}. {_TAKES}"
            ) from error
        return [self._of(tuple(row.items())) for row in _by_row(said, len(rows), rows.index)]

    def _of(self, mix: tuple[Any, ...]) -> Shares:
        known = self._known.get(mix)
        if known is None:
            known = Shares(checked_shares("a row, as the function failures= gave them,", dict(mix)))
            if len(self._known) < 10_000:
                self._known[mix] = known
        return known


def _frame(items: Sequence[Mapping[str, Any]], hour: int) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - a gateway alone needs none
    import pyarrow as pa  # noqa: PLC0415 - likewise

    from nxsms_nb.results.columns import TEXT  # noqa: PLC0415 - likewise
    from nxsms_nb.rows.calling_codes import countries_of  # noqa: PLC0415 - likewise

    phones = [item["phone"] for item in items]
    countries = countries_of(pa.array(phones, pa.large_string()))
    return pd.DataFrame(
        {
            "phone": pd.array(phones, TEXT),
            "content": pd.array([item["content"] for item in items], TEXT),
            "source_address": pd.array([item.get("sourceAddress") or None for item in items], TEXT),
            "country": pd.array([None if pd.isna(country) else country for country in countries], TEXT),
            "hour": hour,
        }
    )


def _by_row(said: Any, rows: int, index: Any) -> list[dict[int, float]]:
    """Turn what the function returned into a mix for each row."""
    import pandas as pd  # noqa: PLC0415 - loaded by now

    if isinstance(said, pd.DataFrame):
        said = {label: said[label] for label in said.columns}
    if isinstance(said, Mapping):
        columns = {
            int(code) if isinstance(code, np.integer) else code: _column(share, rows, index)
            for code, share in said.items()
        }
        return [{code: float(shares[row]) for code, shares in columns.items() if shares[row]} for row in range(rows)]
    try:
        numbers = _column(said, rows, index)
    except ConfigError:
        raise ConfigError(f"Sandbox: the function failures= returned {named(said)}. {_TAKES}") from None
    return [{int(code): 1.0} if code else {} for code in numbers]


def _column(share: Any, rows: int, index: Any) -> Any:
    """Return a number for each row; missing ones become 0."""
    import pandas as pd  # noqa: PLC0415 - loaded by now

    try:
        if isinstance(share, pd.Series) and share.index.is_unique and index.isin(share.index).all():
            share = share.loc[index]
        values = np.asarray(pd.array(share, "Float64").to_numpy(np.float64, na_value=0.0)) if np.ndim(share) else share
        # Not broadcast: numpy would spread a single one over all rows.
        found = np.asarray(values, np.float64).reshape(rows) if np.ndim(values) else np.full(rows, float(values))
    except (TypeError, ValueError):
        raise ConfigError(
            f"Sandbox: the function failures= returned the share {named(share)} for {rows} rows. {_TAKES}"
        ) from None
    return np.nan_to_num(found)
