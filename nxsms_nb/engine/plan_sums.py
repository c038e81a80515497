"""The plan of a frame from the plans of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.engine.balance import Balance
from nxsms_nb.engine.plan import Plan, enough_for, notes_on
from nxsms_nb.rows.calling_codes import countries_of
from nxsms_nb.wire.requests import BATCH_MAX

__all__ = ["added", "without_rows"]


def without_rows(plan: Plan) -> Plan:
    """Return the plan without its rows, as `added` needs it: the rows of all parts may not fit into memory."""
    return replace(plan, frame=plan.frame.iloc[:0])


def added(
    plans: Sequence[Plan],
    frame: Any,
    *,
    numbers: npt.NDArray[np.int64] | None,
    balance: Balance | str | None,
    counted: bool,
    priced: bool,
) -> Plan:
    """Add up plans of parts, in the order of the parts; `frame` has the rows of all.

    `numbers` are those that would get a message, each once; None: no two parts have one in common. `balance`, `counted` and
    `priced` are as for `plan.plan_of`.
    """
    first = plans[0]
    counts = sum((plan.counts for plan in plans[1:]), first.counts)
    countries = _countries(plans, numbers)
    sending = int(counts["send"])
    costs = [plan.cost for plan in plans if plan.cost is not None]
    cost = sum(costs[1:], costs[0]) if costs else None
    there = balance if isinstance(balance, Balance) else None
    seconds = [plan.seconds for plan in plans if plan.seconds is not None]
    saves = [plan.plain_saves for plan in plans if plan.plain_saves is not None]
    notes = notes_on(countries, counted=counted and bool(counts["duplicate"]), priced=priced)
    if isinstance(balance, str):
        notes += (f"Balance unknown: {balance}",)
    complete = cost is not None and bool(countries["cost"].notna().all())
    return replace(
        first,
        frame=frame,
        counts=counts,
        requests=-(-sending // BATCH_MAX),
        problems=_problems(plans),
        recipients=int(countries["recipients"].sum()),
        segments=sum(plan.segments for plan in plans),
        countries=countries,
        cost=cost,
        balance=None if there is None else there.amount,
        credit=None if there is None else there.credit,
        enough=enough_for(there, cost, complete=complete),
        seconds=sum(seconds) if seconds else None,
        longest=_longest(plans),
        characters=_characters(plans),
        plain_rows=sum(plan.plain_rows for plan in plans),
        plain_segments=sum(plan.plain_segments for plan in plans),
        plain_saves=sum(saves[1:], saves[0]) if saves else None,
        notes=notes,
    )


def _problems(plans: Sequence[Plan]) -> Any:
    together = pd.concat([plan.problems for plan in plans])
    return together.groupby(level=0, sort=False).sum()


def _countries(plans: Sequence[Plan], numbers: npt.NDArray[np.int64] | None) -> pd.DataFrame:
    together = pd.concat([plan.countries for plan in plans], ignore_index=True)
    by = together.groupby("country", sort=False, dropna=False)
    table = by[["rows", "recipients", "segments"]].sum()
    table["price"] = by["price"].first()
    table["cost"] = [
        None if one is None or pd.isna(one) else one * int(n)
        for one, n in zip(table["price"], table["segments"], strict=True)
    ]
    table["price"] = table["price"].astype(object).where(table["price"].notna(), None)
    table["cost"] = pd.Series(table["cost"].tolist(), index=table.index, dtype=object)
    table = table.reset_index()
    if numbers is not None:
        different = pd.Series(countries_of(pa.array(numbers).cast(TEXT)).astype(object)).value_counts(dropna=False)
        table["recipients"] = [int(different.get(name, different.get(np.nan, 0))) for name in table["country"]]
    order = np.argsort(-table["segments"].to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)[list(plans[0].countries.columns)]


def _longest(plans: Sequence[Plan]) -> pd.DataFrame:
    together = pd.concat([plan.longest for plan in plans])
    order = np.lexsort((-together["characters"].to_numpy(np.int64), -together["segments"].to_numpy(np.int64)))
    together = together.iloc[order]
    return together[~together["content"].duplicated().to_numpy()].iloc[:3]


def _characters(plans: Sequence[Plan]) -> pd.DataFrame:
    together = pd.concat([plan.characters for plan in plans], ignore_index=True)
    summed = together.groupby(["characters", "needs", "without"], sort=False, as_index=False)[["rows", "saved"]].sum()
    summed = summed.sort_values("saved", ascending=False, kind="stable", ignore_index=True)
    return summed[list(plans[0].characters.columns)]
