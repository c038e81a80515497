"""The delivery columns of a frame: joined from receipts, and read back whatever the frame went through.

What a receipt says is decided here and nowhere else: which numbers are final, and which of two receipts counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns as result_columns

if TYPE_CHECKING:
    from nxsms_nb.invocation import Invocation

__all__ = [
    "CLASSES",
    "DELIVERED",
    "DELIVERY_COLUMNS",
    "DTYPES",
    "FINAL",
    "OPEN",
    "UNDELIVERED",
    "carries",
    "classes",
    "drop",
    "empty",
    "forget",
    "join",
    "latest",
    "precedence",
    "read",
    "refuse_taken",
]

DTYPES: Final[dict[str, Any]] = {
    "dr": result_columns.TEXT,
    "dr_status": result_columns.WHOLE,
    "dr_time": result_columns.INSTANT,
    "price": result_columns.NUMBER,
    "currency": result_columns.TEXT,
    "segments": result_columns.WHOLE,
    "network": result_columns.TEXT,
}
"""Delivery column to dtype, in the order in which a frame has them."""

DELIVERY_COLUMNS: Final = tuple(DTYPES)
"""The columns `receipts` joins on, in this order."""

OPEN, UNDELIVERED, DELIVERED = range(3)
CLASSES: Final = ("open", "undelivered", "delivered")
"""The words for `OPEN`, `UNDELIVERED` and `DELIVERED`."""

FINAL: Final[dict[int, int]] = {2: DELIVERED} | dict.fromkeys(range(5, 12), UNDELIVERED)
"""The vendor's numbers of final receipts, and what they say; 12, all others and none are open."""

_VERDICT: Final = ("dr", "dr_status", "dr_time")
"""What one receipt says of the delivery; the other columns are facts of the message, and any receipt may bring them."""
_NAT: Final = np.iinfo(np.int64).min
_LATEST: Final = 1 << 60
_FINAL_FIRST: Final = 1 << 62


def empty(index: pd.Index[Any] | int) -> pd.DataFrame:
    """Make delivery columns with all values missing, for an index or a number of rows.

    Examples
    --------
    >>> empty(2).dtypes.astype(str).to_dict()["dr_status"]
    'Int64'
    """
    index = pd.RangeIndex(index) if isinstance(index, int) else index
    return pd.DataFrame({name: pd.Series(index=index, dtype=dtype) for name, dtype in DTYPES.items()}, index=index)


def carries(frame: pd.DataFrame, prefix: str = "") -> bool:
    """Return whether a frame carries delivery columns: all seven, with numbers in `dr_status` and times in `dr_time`.

    Examples
    --------
    >>> carries(empty(1)), carries(empty(1).drop(columns="network")), carries(empty(1), "sms_")
    (True, False, False)
    """
    result_columns.refuse_other_than_text(prefix)
    if any(prefix + name not in frame.columns for name in DELIVERY_COLUMNS):
        return False
    try:
        read(frame, prefix, columns=["dr_status", "dr_time"])
    except ColumnError:
        return False
    return True


def _other_prefix(frame: pd.DataFrame, prefix: str) -> str | None:
    found = (
        label.removesuffix("dr_status")
        for label in frame.columns
        if isinstance(label, str) and label.endswith("dr_status")
    )
    return next((other for other in found if other != prefix and carries(frame, other)), None)


def read(frame: pd.DataFrame, prefix: str = "", *, columns: Sequence[str] = DELIVERY_COLUMNS) -> pd.DataFrame:
    """Read delivery columns of a frame back in the dtypes of `DTYPES`, whatever theirs became on the way.

    A column that is missing, doubled or cannot be read raises `ColumnError`.

    Examples
    --------
    >>> frame = pd.DataFrame({"dr_status": ["2.0", ""], "network": [46000, None]})
    >>> read(frame, columns=["dr_status", "network"]).astype(object).values.tolist()
    [[2, '46000'], [<NA>, nan]]
    """
    result_columns.refuse_other_than_text(prefix)
    labels = [prefix + name for name in columns]
    missing = [label for label in labels if label not in frame.columns]
    if missing:
        other = _other_prefix(frame, prefix)
        raise ColumnError(
            f"The frame has no delivery receipts: it has no column {', '.join(map(named, missing))}. "
            + (
                f"Join them first: sent = sent.nxsms.receipts(client{f', prefix={named(prefix)}' if prefix else ''})"
                if other is None
                else f"Its receipts have another prefix: prefix={named(other)}"
            )
        )
    twice = [label for label in labels if not isinstance(frame[label], pd.Series)]
    if twice:
        raise ColumnError(f"The frame has more than one column {named(twice[0])}. Rename or drop all but one.")
    found = {name: result_columns.converted(frame[prefix + name], DTYPES[name]) for name in columns}
    result = pd.DataFrame(found, index=frame.index, columns=list(columns))
    result.attrs = dict(frame.attrs)
    return result


def classes(dr_status: pd.Series[Any]) -> npt.NDArray[np.int8]:
    """Classify each number in `dr_status`: `OPEN`, `UNDELIVERED` or `DELIVERED`.

    Examples
    --------
    >>> classes(pd.Series([2, 5, 11, 12, 99, None], dtype="Int64")).tolist()
    [2, 1, 1, 0, 0, 0]
    """
    table = np.zeros(max(FINAL) + 2, np.int8)
    table[list(FINAL)] = list(FINAL.values())
    numbers = dr_status.to_numpy(np.int64, na_value=0)
    said: npt.NDArray[np.int8] = table[np.where((numbers < 0) | (numbers >= len(table)), 0, numbers)]
    return said


def precedence(dr_status: pd.Series[Any], dr_time: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Rank receipts of one message: the highest counts, and of equals the one learnt last.

    A final receipt beats an open one, whenever it came; among final and among open ones the later `dr_time` counts, and
    one without a time is the earliest. Without a number and a time there is no receipt.

    Examples
    --------
    >>> times = pd.to_datetime(pd.Series(["2026-03-03 12:00", "2026-03-03 09:00", "2026-03-03 10:00"]), utc=True)
    >>> precedence(pd.Series([12, 2, 5], dtype="Int64"), times).argmax()  # open, and two that are final
    np.int64(2)
    """
    us = np.asarray(dr_time.dt.tz_localize(None).to_numpy("M8[us]")).view(np.int64)
    untimed = us == _NAT
    rank: npt.NDArray[np.int64] = np.where(untimed, -_LATEST, np.clip(us, -_LATEST + 1, _LATEST))
    rank += np.where(classes(dr_status) != OPEN, _FINAL_FIRST, 0)
    rank[untimed & dr_status.isna().to_numpy(np.bool_)] = -_FINAL_FIRST
    return rank


def latest(receipts: pd.DataFrame) -> pd.DataFrame:
    """Reduce receipts to one row an id, the one that counts by `precedence`.

    Parameters
    ----------
    receipts : DataFrame
        `messageid` and the columns of `DTYPES` in their dtypes, in the order in which they were learnt.

    Returns
    -------
    DataFrame
        The same columns, ids in the order in which they first appear. Price, currency, segments and network come from
        another receipt of the id where the one that counts lacks them: a push has no network and a record no currency.

    Examples
    --------
    >>> both = empty(2).assign(messageid="n1", dr=["DELIVRD", "UNKNOWN"], network=[None, "Jio"])
    >>> latest(both.assign(dr_status=pd.array([2, 12], "Int64")))[["messageid", "dr", "network"]].values.tolist()
    [['n1', 'DELIVRD', 'Jio']]
    """
    names = ["messageid", *DELIVERY_COLUMNS]
    if receipts["messageid"].is_unique:
        return receipts[names].reset_index(drop=True)
    order = np.argsort(precedence(receipts["dr_status"], receipts["dr_time"]), kind="stable")
    ranked = receipts[names].iloc[order]
    counted = ranked.drop_duplicates("messageid", keep="last").set_index("messageid")
    # `last` skips what is missing: for the facts that is wanted.
    facts = ranked.groupby("messageid")[[name for name in DELIVERY_COLUMNS if name not in _VERDICT]].last()
    for name in facts:
        counted[name] = facts[name].reindex(counted.index).astype(DTYPES[str(name)])
    ids = receipts["messageid"].drop_duplicates()
    return counted.loc[ids].reset_index()[names]


def join(frame: pd.DataFrame, receipts: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Join receipts onto a sent frame by messageid: same rows, same index, delivery columns last.

    Parameters
    ----------
    frame : DataFrame
        Carries results under `prefix`. Receipts it carries already are kept where they count more than the new ones.
    receipts : DataFrame
        One row an id, as `latest` returns them.
    prefix : str
        The prefix of the result columns, which the delivery columns get too.

    Examples
    --------
    >>> sent = result_columns.empty(2).assign(status="Success", messageid=["n1", "n2"])
    >>> receipts = empty(1).assign(messageid="n2", dr="DELIVRD", dr_status=pd.array([2], "Int64"))
    >>> join(sent, receipts)["dr_status"].tolist()
    [<NA>, 2]
    """
    ids = result_columns.read(frame, prefix, columns=["messageid"], gaps=True)["messageid"]
    known = result_columns.to_arrow(receipts["messageid"].astype(result_columns.TEXT))
    place = (
        pc.index_in(result_columns.to_arrow(ids), known, skip_nulls=True).fill_null(-1).to_numpy(zero_copy_only=False)
    )
    # Position -1 is the row of nothing that stands behind the receipts.
    padded = pd.concat([receipts[list(DELIVERY_COLUMNS)], empty(1)], ignore_index=True) if len(receipts) else empty(1)
    found = padded.astype(DTYPES).take(place % len(padded)).reset_index(drop=True)
    if carries(frame, prefix):
        found = _merged(read(frame, prefix).reset_index(drop=True), found, place >= 0)
    kept = drop(frame, prefix)
    joined = result_columns.append_columns(kept, found.set_axis(frame.index).add_prefix(prefix))
    joined.attrs = dict(frame.attrs)
    return joined


def _merged(held: pd.DataFrame, learnt: pd.DataFrame, there: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Choose, for each row, which of two receipts counts; `there` says which rows have one in `learnt`."""
    ranks = [precedence(one["dr_status"], one["dr_time"]) for one in (held, learnt)]
    # The same receipt, read in another zone than before: whole quarters of an hour apart.
    apart = (learnt["dr_time"] - held["dr_time"]).dt.total_seconds().to_numpy(np.float64, na_value=np.nan) % 900
    same = (learnt["dr_status"] == held["dr_status"]).to_numpy(np.bool_, na_value=False) & (apart == 0)
    newer = there & ((ranks[1] >= ranks[0]) | same)
    merged = {}
    for name in DELIVERY_COLUMNS:
        merged[name] = learnt[name].where(newer, held[name])
        if name not in _VERDICT:
            merged[name] = merged[name].where(merged[name].notna(), held[name].where(newer, learnt[name]))
    return pd.DataFrame(merged)


def drop(frame: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Return a frame without the delivery columns that it carries.

    Examples
    --------
    >>> drop(empty(1).assign(phone="8615088888888")).columns.to_list()
    ['phone']
    """
    return frame.drop(columns=[prefix + name for name in DELIVERY_COLUMNS]) if carries(frame, prefix) else frame


def forget(frame: pd.DataFrame, rows: npt.NDArray[np.bool_], prefix: str = "") -> pd.DataFrame:
    """Clear the delivery columns of some rows, for example because they are another message now.

    Examples
    --------
    >>> forget(empty(2).assign(dr="DELIVRD"), np.array([True, False]))["dr"].tolist()
    [nan, 'DELIVRD']
    """
    if not rows.any() or not carries(frame, prefix):
        return frame
    kept = read(frame, prefix).reset_index(drop=True)
    return frame.assign(**{prefix + name: kept[name].mask(rows).array for name in DELIVERY_COLUMNS})


def refuse_taken(frame: pd.DataFrame, prefix: str, call: Invocation) -> None:
    """Raise `ColumnError` if a frame has columns of its own named like delivery columns."""
    taken = [prefix + name for name in DELIVERY_COLUMNS if prefix + name in frame.columns]
    if not taken or carries(frame, prefix):
        return
    renames = ", ".join(f"{named(label)}: {named(f'my_{label}')}" for label in taken)
    again = ""
    if len(taken) > 1:
        # Some of the seven, or numbers that cannot be read: left of an earlier call, perhaps.
        dropped = ", ".join(map(named, taken))
        again = f"If they are of an earlier call, drop them:\n    {call.on(f'{call.subject}.drop(columns=[{dropped}])').text()}\n"
    raise ColumnError(
        f"The frame has a column {named(taken[0])}, the name of a delivery column. No receipts were joined. {again}To keep both:\n"
        f"    {call.on(f'{call.subject}.rename(columns={{{renames}}})').text()}"
    )
