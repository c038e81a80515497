"""What would happen to each row if the frame were sent now."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.engine import plan_words
from nxsms_nb.engine.balance import Balance
from nxsms_nb.engine.costs import costs_of
from nxsms_nb.engine.plan_words import visible
from nxsms_nb.engine.suppressed_before import NO_LIST
from nxsms_nb.formatting import count
from nxsms_nb.results import columns
from nxsms_nb.results.table import FAILURE, INVALID, SKIPPED, SUCCESS, UNDECIDED, UNKNOWN
from nxsms_nb.rows.links import link_words
from nxsms_nb.wire.requests import BATCH_MAX

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.rows.characters import Costly

__all__ = ["Plan", "last_pace", "plan_of"]

FATES: Final = (
    "send", "accepted before", "refused before", "in doubt", "invalid", "duplicate", "held out", "suppressed",
    "stops the call",
)  # fmt: skip
"""The possible fates of a row, in the order of the ``fate`` categorical."""

_FATE: Final = pd.CategoricalDtype(list(FATES))
_FATE_OF: Final = {UNDECIDED: 0, SUCCESS: 1, FAILURE: 2, UNKNOWN: 3, INVALID: 4, SKIPPED: 5}


REPEATED: Final = (
    'repeats an earlier row\'s key; send refuses the call unless duplicates="drop" or "allow" says what to do'
)


@dataclass(frozen=True)
class Plan:
    """Each row's fate if the frame were sent now, and what that would cost.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows with ``messageid`` (str), ``fate`` (categorical: send, accepted before, refused before, in doubt, invalid,
        duplicate, held out, suppressed, stops the call), ``reason`` (str), ``segments`` (Int64, missing where there is no
        text) and ``cost`` (float64, missing for rows that would not be sent and where no price is known) joined on.
    counts : pandas.Series
        Fate to rows (int64), all nine.
    requests : int
        How many requests of 200 rows the rest would take.
    problems : pandas.Series
        Rule that was broken to rows (int64), as `validate` names them.
    recipients : int
        How many numbers would get a message.
    segments : int
        How many segments would be billed.
    countries : pandas.DataFrame
        One row per country of the rows to be sent: ``country`` (ISO code; missing where the calling code is of none),
        ``rows``, ``recipients``, ``segments`` (int64), ``price`` and ``cost`` (Decimal; None where no price is known).
    cost : Decimal or None
        The sum over the countries with a price; None without prices.
    balance, credit : Decimal or None
        What the account holds, and by how much it may be overdrawn; None where it was not asked or not answered.
    enough : bool or None
        Whether balance and credit suffice; None where that is not known.
    seconds : float or None
        How long sending takes; None where no pace is known.
    longest : pandas.DataFrame
        The three longest messages, under their rows' labels: ``characters``, ``segments``, ``encoding``, ``content``
        (long digits masked).
    characters : pandas.DataFrame
        Characters that make texts need more segments than plain ones in their place: ``characters`` (str; several where texts
        have several), ``rows``, ``needs``, ``without`` (segments of each row, now and with plain characters) and
        ``saved`` (segments in all rows).
    plain_rows, plain_segments : int
        How many rows `nx.plain` makes cheaper, and how many segments that saves.
    plain_saves : Decimal or None
        What that saves in money.
    notes : tuple of str
        What else a person has to know: prices that are missing, short links, whose length is not known, a balance that was not
        answered.
    """

    frame: pd.DataFrame
    counts: pd.Series[int]
    requests: int
    problems: pd.Series[int]
    recipients: int
    segments: int
    countries: pd.DataFrame
    cost: Decimal | None
    balance: Decimal | None
    credit: Decimal | None
    enough: bool | None
    seconds: float | None
    longest: pd.DataFrame
    characters: pd.DataFrame
    plain_rows: int
    plain_segments: int
    plain_saves: Decimal | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return plan_words.text(self)

    def _repr_html_(self) -> str:
        return plan_words.html(self)


def last_pace(dispatch: Dispatch) -> float | None:
    """Return the rate of the account's last run in the journal, in messages per second.

    Its limit, else what it achieved.
    """
    client = dispatch.client
    known = [run for run in dispatch.journal.made_by() if run.app == client.app and (run.pace or run.rate)]
    if not known:
        return None
    last = max(known, key=lambda run: run.started_us)
    return last.pace or last.rate


def plan_of(
    dispatch: Dispatch,
    *,
    prices: Mapping[str, Decimal] | None = None,
    rate: float | None = None,
    balance: Balance | str | None = None,
    counted: bool = False,
) -> Plan:
    """Make the plan from prepared rows.

    `rate` is in messages a second; `balance` is a text where the query failed; `counted`: duplicates are only counted, and
    sending would refuse them.
    """
    results = dispatch.results
    fates = np.zeros(len(results), np.int8)
    for status, fate in _FATE_OF.items():
        fates[results.status == status] = fate
    fates[dispatch.checked.held] = FATES.index("held out")
    fates[dispatch.suppressed()] = FATES.index("suppressed")
    if dispatch.conflicts is not None:
        fates[dispatch.conflicts.rows] = FATES.index("stops the call")
    fates[dispatch.unlisted] = FATES.index("stops the call")
    reasons = results.reasons()
    if len(dispatch.unlisted):
        unlisted = np.isin(np.arange(len(results)), dispatch.unlisted)
        reasons = pc.if_else(pa.array(unlisted), pa.scalar(NO_LIST, reasons.type), reasons)
    if counted:
        repeats = pa.array(fates == FATES.index("duplicate"))
        reasons = pc.if_else(repeats, pa.scalar(REPEATED, reasons.type), reasons)
    counts = pd.Series(np.bincount(fates, minlength=len(FATES)), index=list(FATES), name="rows")
    todo = np.flatnonzero(fates == 0)
    costs = costs_of(dispatch, todo, prices)
    segments = int(costs.segments[todo].sum())
    notes = notes_on(costs.countries, counted=counted and bool(counts["duplicate"]), priced=prices is not None)
    if linked := link_words(dispatch.checked.fields, todo, counted=True):
        notes += (linked,)
    if isinstance(balance, str):
        notes += (f"Balance unknown: {balance}",)
    there = balance if isinstance(balance, Balance) else None
    complete = costs.total is not None and costs.countries["cost"].notna().all()
    pace = last_pace(dispatch) if rate is None else rate
    cheaper, saved, money = costs.plain
    return Plan(
        _joined(dispatch, fates, reasons, costs.segments, costs.cost),
        counts,
        -(-len(todo) // BATCH_MAX),
        dispatch.checked.problems.counts()["rows"],
        costs.recipients,
        segments,
        costs.countries,
        costs.total,
        None if there is None else there.amount,
        None if there is None else there.credit,
        enough_for(there, costs.total, complete=bool(complete)),
        None if pace is None else len(todo) / pace,
        costs.longest,
        _characters(costs.characters),
        cheaper,
        saved,
        money,
        notes,
    )


def _joined(dispatch: Dispatch, fates: Any, reasons: pa.Array, segments: Any, cost: Any) -> pd.DataFrame:
    prefix, index = dispatch.prefix, dispatch.frame.index
    made = {
        "messageid": columns.from_arrow(dispatch.ids, columns.TEXT),
        "fate": pd.Categorical.from_codes(fates, dtype=_FATE),
        "reason": columns.from_arrow(reasons, columns.TEXT),
        "segments": pd.arrays.IntegerArray(segments, segments == 0),
        "cost": cost,
    }
    planned = pd.DataFrame({f"{prefix}{name}": pd.Series(values, index=index) for name, values in made.items()}, index)
    kept = dispatch.frame.drop(columns=[label for label in planned if label in dispatch.frame.columns])
    joined = columns.append_columns(kept, planned)
    joined.attrs = deepcopy(dispatch.frame.attrs)
    return joined


def _characters(found: list[Costly]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "characters": pd.Series([" ".join(map(visible, one.characters)) for one in found], dtype=object),
            "rows": pd.Series([len(one.rows) for one in found], dtype=np.int64),
            "needs": pd.Series([one.needs for one in found], dtype=np.int64),
            "without": pd.Series([one.without for one in found], dtype=np.int64),
            "saved": pd.Series([one.saved for one in found], dtype=np.int64),
        }
    )


def enough_for(balance: Balance | None, total: Decimal | None, *, complete: bool) -> bool | None:
    if balance is None or total is None:
        return None
    if total > balance.amount + balance.credit:
        return False
    return True if complete else None


def notes_on(countries: pd.DataFrame, *, counted: bool, priced: bool) -> tuple[str, ...]:
    notes = []
    if counted:
        notes.append(
            'Duplicates: send refuses the call unless duplicates="drop" or "allow" says what to do; counted as dropped.'
        )
    missing = countries[countries["cost"].isna()] if priced else countries.iloc[:0]
    if len(missing):
        names = missing["country"].fillna("numbers of no country").tolist()
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        notes.append(f"No price for {shown}: {count(int(missing['rows'].sum()), 'row')} not in the cost.")
    return tuple(notes)
