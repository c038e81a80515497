"""What returns rows of a Dask frame: lazy, with the right types, index and divisions kept."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dask import delayed
from dask.dataframe.dispatch import make_meta

from nxsms_nb.analysis.assignment import assign_variants as pandas_assign
from nxsms_nb.dask.first_pass import tree
from nxsms_nb.rows import validate
from nxsms_nb.rows.rounding import ColumnVerdict, Evidence, WholeColumn
from nxsms_nb.rows.telling import append_rows, telling_rows
from nxsms_nb.rows.templates import rendered
from nxsms_nb.settings import READING, with_defaults

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assign_variants", "phones", "render"]


def phones(frame: Any, options: Mapping[str, Any]) -> Any:
    """Do what ``ddf.nxsms.phones`` does."""
    meta = validate.phones(make_meta(frame), options)
    return frame.map_partitions(_phones, _verdict(frame, options), options, meta=meta)


def _phones(part: pd.DataFrame, verdict: ColumnVerdict, options: Mapping[str, Any]) -> pd.Series[str]:
    return validate.phones(part, options, WholeColumn(verdict))


def _verdict(frame: Any, options: Mapping[str, Any]) -> Any:
    """Decide what the column of numbers is as a whole, when it is needed."""
    settings = with_defaults(options, READING)
    parts = frame.to_delayed(optimize_graph=True)
    verdict = ColumnVerdict()
    # Bare numbers of other countries decide which others are read at all.
    for _ in range(2 if settings["region"] is not None and settings["bare"] is None else 1):
        found = [delayed(_evidence, pure=False)(part, verdict, options) for part in parts]
        verdict = delayed(Evidence.verdict, pure=False)(tree(_added, found))
    return verdict


def _evidence(part: pd.DataFrame, verdict: ColumnVerdict, options: Mapping[str, Any]) -> Evidence:
    evidence = Evidence()
    validate.phones(part, options, WholeColumn(verdict, evidence))
    return evidence


def _added(several: Sequence[Evidence]) -> Evidence:
    total = Evidence()
    total.add(*several)
    return total


def render(frame: Any, template: str | Mapping[Any, str], by: Hashable | None) -> Any:
    """Do what ``ddf.nxsms.render`` does."""
    meta, _ = rendered(make_meta(frame), template, by)
    return frame.map_partitions(_rendered, _context(frame, template, by), template, by, meta=meta)


def _rendered(
    part: pd.DataFrame, context: list[pd.DataFrame], template: str | Mapping[Any, str], by: Hashable | None
) -> pd.Series[str]:
    # Nobody would see a warning on a worker, and of a part it would say too little.
    texts, _ = rendered(append_rows(part, context), template, by)
    return texts.iloc[: len(part)].set_axis(part.index)


def _context(frame: Any, template: str | Mapping[Any, str], by: Hashable | None = None) -> Any:
    """Find the few rows of the frame that decide how its columns are written, when they are needed."""
    several, names = (list(template.values()), list(template)) if isinstance(template, Mapping) else ([template], [])
    parts = frame.to_delayed(optimize_graph=True)
    found = [delayed(telling_rows, pure=False)(part, several, by, names) for part in parts]
    return delayed(_rows, pure=False)(tree(_firsts, found))


def _firsts(several: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    firsts: dict[str, pd.DataFrame] = {}
    for one in several:
        firsts = {**one, **firsts}
    return firsts


def _rows(found: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    return list(found.values())


def assign_variants(frame: Any, variants: Any, given: Mapping[str, Any]) -> Any:
    """Do what ``ddf.nxsms.assign_variants`` does."""
    meta = pandas_assign(make_meta(frame), variants, **given)
    options = {name: given[name] for name in ("phone", "region", "bare")}
    units = given["unit"] if isinstance(given["unit"], list) else [given["unit"]]
    by_phone = "phone" in units or (given["phone"] is not None and given["phone"] in units)
    verdict = _verdict(frame, options) if by_phone else ColumnVerdict()
    context = _context(frame, variants) if isinstance(variants, Mapping) else []
    return frame.map_partitions(_assigned, verdict, context, variants, dict(given), meta=meta)


def _assigned(
    part: pd.DataFrame, verdict: ColumnVerdict, context: list[pd.DataFrame], variants: Any, given: Mapping[str, Any]
) -> pd.DataFrame:
    assigned = pandas_assign(append_rows(part, context), variants, counts=WholeColumn(verdict), **given)
    return assigned.iloc[: len(part)].set_axis(part.index)
