"""Failures by code and by group."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import causes, chance, groups
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.intervals import wilson
from nxsms_nb.analysis.summary import _FAILURE, Ints, counted
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns
from nxsms_nb.tables import Table

__all__ = ["TAKEN", "Grouped", "failures", "grouped", "widened"]

_CAUSE: Final = ("code", "meaning", "scope", "advice", "count", "share", "invalid", "unsent")
_GROUP: Final = ("answered", "failed", "rate", "low", "high")
TAKEN: Final = frozenset({*_GROUP, *_CAUSE})
"""Names that groups may not have, because columns of `failures` have them."""


def failures(
    frame: pd.DataFrame,
    by: groups.Labels = None,
    *,
    bins: Any = None,
    tz: Any = None,
    wide: bool = False,
    prefix: str = "",
    phone: Hashable | None = None,
    content: Hashable | None = None,
    region: Hashable | None = None,
) -> pd.DataFrame:
    """Count why rows failed, by code or by group and code; the accessor's `failures` documents it."""
    found = grouped(frame, by, Asked(prefix, phone, content, region, tz), bins=bins)
    return widened(found) if wide else found.frame


class Grouped(NamedTuple):
    """Failures by group, as `failures` returns them, with what a plot also needs.

    `numbers` has the group of each row of the frame, `labels` the columns of the groups, and `natural` whether the
    groups have an order of their own.
    """

    frame: pd.DataFrame
    numbers: Ints
    labels: list[Hashable]
    natural: bool


def grouped(
    frame: pd.DataFrame,
    by: groups.Labels,
    asked: Asked,
    *,
    bins: Any = None,
    weights: Ints | None = None,
    made: Collection[Hashable] = (),
) -> Grouped:
    """Count failures as `failures` does, with what a plot also needs.

    `weights` say how many rows each row represents; `made` are columns that were derived before.
    """
    results = columns.read(frame, asked.prefix, columns=["status", "code", "reason"])
    found = groups.group_rows(frame, by, asked, bins, weights=weights, made=made)
    weights = np.ones(len(frame), np.int64) if weights is None else weights
    labels = found.labels(TAKEN)
    status = results["status"].cat.codes.to_numpy()
    total = len(found.keys)
    answered = counted(found.ids[status <= _FAILURE], weights[status <= _FAILURE], total)
    failed = counted(found.ids[status == _FAILURE], weights[status == _FAILURE], total)
    cause = causes.count_causes(results, found.ids, total if by is not None else 0, weights)
    group = cause["group"].to_numpy(np.int64)
    times = cause["count"].to_numpy(np.int64)
    explained = causes.with_meanings(cause).assign(share=_over(times, answered[group]))[list(_CAUSE)]
    if by is None:
        low, high = wilson(times, answered[group])
        place = list(explained.columns).index("share") + 1
        explained.insert(place, "low", low)
        explained.insert(place + 1, "high", high)
        parts = [explained]
    else:
        rates = dict(zip(_GROUP, (answered, failed, _over(failed, answered), *wilson(failed, answered)), strict=True))
        keys = found.keys.iloc[group].reset_index(drop=True)
        parts = [keys, pd.DataFrame({name: values[group] for name, values in rates.items()}), explained]
    result = pd.concat(parts, axis=1)
    rank = np.arange(total) if found.natural else np.argsort(np.argsort(-failed, kind="stable"), kind="stable")
    order = np.lexsort((result["code"].fillna(0), -result["invalid"], -result["count"], rank[group]))
    result = Table(result.iloc[order].reset_index(drop=True))
    result.attrs = dict(frame.attrs) | _about(answered, failed, by is not None)
    return Grouped(result, rank[group][order].astype(np.int64), labels, found.natural)


def _about(answered: Ints, failed: Ints, grouped: bool) -> dict[str, Any]:
    """Return notes on the overall rate and on whether groups differ."""
    rows, bad = int(answered.sum()), int(failed.sum())
    low, high = wilson(bad, rows)
    overall = {"answered": rows, "failed": bad, "rate": bad / rows if rows else float("nan")}
    about: dict[str, Any] = {"overall": overall | {"low": float(low), "high": float(high)}}
    if grouped:
        p = chance.p_value(answered, failed)
        about |= {"p": p, "note": chance.chance_words(int((answered > 0).sum()), p)}
    return about


def widened(found: Grouped) -> pd.DataFrame:
    """Return one row per group, with a column for each code that counts its failures, the most frequent code first."""
    table = found.frame
    first = ~pd.Series(found.numbers).duplicated().to_numpy()
    heads = [*found.labels, *(name for name in _GROUP if found.labels)]
    result = table.loc[first, heads].reset_index(drop=True)
    if not found.labels:
        about = table.attrs["overall"]
        result = pd.DataFrame({name: [about[name]] for name in _GROUP})
    group = found.numbers
    if len(table) and not found.labels:
        group = np.zeros(len(table), np.int64)
    names = table["code"].astype(object).where(table["code"].notna(), table["meaning"].astype(object))
    listed = pd.DataFrame({"group": group, "code": names.to_numpy(), "count": table["count"].to_numpy()})
    listed = listed[listed["count"] > 0]
    wide = listed.pivot_table(index="group", columns="code", values="count", aggfunc="sum", fill_value=0, sort=False)
    wide = wide.reindex(range(len(result)), fill_value=0).astype(np.int64)
    order = np.argsort(-wide.sum().to_numpy(), kind="stable")
    wide = wide.iloc[:, order]
    if clash := [name for name in wide.columns if name in result.columns]:
        raise ColumnError(f"A column of the groups is named {named(clash[0])}, as a code is. Rename it first.")
    wide.columns.name = None
    for name in ("invalid", "unsent"):
        wide[name] = pd.Series(table[name].to_numpy()).groupby(group).sum().reindex(range(len(result)), fill_value=0)
    result = Table(pd.concat([result, wide], axis=1))
    result.attrs = dict(table.attrs)
    return result


def _over(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
