"""What arrived of the accepted rows, by group, and how soon."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import chance, groups
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.intervals import wilson
from nxsms_nb.formatting import count
from nxsms_nb.results import columns
from nxsms_nb.results import delivery as delivery_columns
from nxsms_nb.tables import Table

if TYPE_CHECKING:
    from nxsms_nb.analysis.summary import Ints

__all__ = ["Grouped", "delivery", "grouped"]

_COLUMNS: Final = ("rows", "delivered", "undelivered", "open", "rate", "low", "high", "median_s", "p95_s")
_CLOCKS: Final = 60.0
"""How far two clocks may differ, in seconds: the gateway refuses a request whose clock is further off."""

Floats = npt.NDArray[np.float64]


def delivery(
    frame: pd.DataFrame,
    by: groups.Labels = None,
    *,
    bins: Any = None,
    tz: Any = None,
    prefix: str = "",
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: Hashable | None = None,
) -> pd.DataFrame:
    """Count what arrived of the accepted rows; the accessor's `delivery` documents it."""
    return grouped(frame, by, Asked(prefix, phone, content, region, tz), bins=bins).frame


class Grouped(NamedTuple):
    """Delivery by group, as `delivery` returns it, with what a plot also needs.

    `numbers` has for each row of the frame the place of its group in the table, -1 where the row does not count, `seconds`
    how long its delivery took, NaN where that is not known, and `labels` the columns of the groups.
    """

    frame: pd.DataFrame
    numbers: Ints
    seconds: Floats
    labels: list[Hashable]
    natural: bool


def grouped(frame: pd.DataFrame, by: groups.Labels, asked: Asked, *, bins: Any = None) -> Grouped:
    """Count deliveries as `delivery` does, with what a plot also needs."""
    results = columns.read(frame, asked.prefix, columns=["status", "sent_at"])
    receipts = delivery_columns.read(frame, asked.prefix, columns=["dr_status", "dr_time"])
    found = groups.group_rows(frame, by, asked, bins)
    labels = found.labels(_COLUMNS)
    accepted = (results["status"] == "Success").to_numpy(np.bool_)
    said = delivery_columns.classes(receipts["dr_status"])
    seconds, early = _delays(results["sent_at"], receipts["dr_time"], accepted & (said == delivery_columns.DELIVERED))
    total = max(len(found.keys), 0 if labels else 1)
    table = _table(found.ids, accepted, said, seconds, total)
    # A group of which nothing was accepted has nothing that could arrive.
    used = np.flatnonzero(table["rows"] > 0) if labels else np.arange(total)
    order = used if found.natural else used[np.argsort(-table["undelivered"].to_numpy()[used], kind="stable")]
    result = pd.concat([found.keys, table], axis=1) if labels else table
    result = Table(result.iloc[order].reset_index(drop=True))
    result.attrs = dict(frame.attrs) | _about(table, early, grouped=bool(labels))
    place = np.full(total + 1, -1, np.int64)
    place[order] = np.arange(len(order))
    return Grouped(result, np.where(accepted, place[found.ids], -1), seconds, labels, found.natural)


def _delays(sent_at: Any, dr_time: Any, delivered: npt.NDArray[np.bool_]) -> tuple[Floats, int]:
    """Return the seconds from sending to delivery, and how many deliveries lie before their sending.

    The vendor's times are whole seconds of another clock, so a little less than nothing is nothing; a time further back
    was read in the wrong time zone and gives no delay.
    """
    took = pd.Series(dr_time.array - sent_at.array).dt.total_seconds().to_numpy(np.float64, na_value=np.nan)
    seconds: Floats = np.where(delivered, took, np.nan)
    before = seconds < -_CLOCKS
    seconds[before] = np.nan
    return np.maximum(seconds, 0.0), int(before.sum())


def _table(ids: Ints, accepted: npt.NDArray[np.bool_], said: Any, seconds: Floats, total: int) -> pd.DataFrame:
    rows = np.bincount(ids[accepted], minlength=total)
    delivered, undelivered = (
        np.bincount(ids[accepted & (said == one)], minlength=total)
        for one in (delivery_columns.DELIVERED, delivery_columns.UNDELIVERED)
    )
    final = delivered + undelivered
    rate = np.divide(delivered, final, out=np.full(total, np.nan), where=final > 0)
    timed = ~np.isnan(seconds)
    took = pd.Series(seconds[timed]).groupby(ids[timed])
    median, slow = (took.quantile(q).reindex(range(total)).to_numpy(np.float64) for q in (0.5, 0.95))
    values = (rows, delivered, undelivered, rows - final, rate, *wilson(delivered, final), median, slow)
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))


def _about(table: pd.DataFrame, early: int, *, grouped: bool) -> dict[str, Any]:
    """Return notes on all rows together: the overall rate, whether groups differ, and what is wrong with the times."""
    counts = {name: int(table[name].sum()) for name in _COLUMNS[:4]}
    final = counts["delivered"] + counts["undelivered"]
    low, high = wilson(counts["delivered"], final)
    rate = counts["delivered"] / final if final else float("nan")
    about: dict[str, Any] = {"overall": counts | {"rate": rate, "low": float(low), "high": float(high)}}
    notes = []
    if grouped:
        finals = table["delivered"] + table["undelivered"]
        about["p"] = chance.p_value(finals, table["delivered"])
        notes.append(chance.chance_words(int((finals > 0).sum()), about["p"]))
    if early:
        notes.append(
            f"{count(early, 'receipt')} {'lies' if early == 1 else 'lie'} over a minute before sending, and no delay is taken from "
            f"{'it' if early == 1 else 'them'}. Their zone may be another: sent.nxsms.receipts(client, tz='…')"
        )
    return about | {"note": "\n".join(filter(None, notes)), "early": early}
