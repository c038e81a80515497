"""What validation found in a Dask frame: counted over all partitions, and its rows as lazy frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import dask.dataframe as dd
import pandas as pd
from dask import delayed
from dask.dataframe.dispatch import make_meta

from nxsms_nb.dask.first_pass import Found, Rules, first_pass, listed
from nxsms_nb.dask.schedulers import Scheduler
from nxsms_nb.formatting import count
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.problems import RULES
from nxsms_nb.settings import CHECKING, COLUMNS, with_defaults

__all__ = ["DaskValidationReport", "validate"]


class DaskValidationReport:
    """Every problem of every row of a Dask frame, as `ValidationReport` has those of a pandas frame.

    Parameters
    ----------
    tasks : list of Delayed
        The partitions.
    empty : pandas.DataFrame
        The frame without its rows.
    rules : Rules
        How rows are read.
    found : Found
        What the first pass found.

    Attributes
    ----------
    ok : bool
        Whether no row has a problem.
    counts : pandas.DataFrame
        One row per rule that was broken, index ``rule``: ``field``, ``code``, ``rows``, ``position`` (of the first), ``hint``.
    problems, warnings : dask.dataframe.DataFrame
        One row per problem, or per text that reads as a mistake; ``position`` counts over all partitions.
    valid, invalid : dask.dataframe.DataFrame
        The frame's rows without and with a problem.
    """

    def __init__(self, tasks: list[Any], empty: pd.DataFrame, rules: Rules, found: Found) -> None:
        self._tasks = tasks
        self._empty = empty
        self._rules = rules
        self._found = found

    @property
    def ok(self) -> bool:
        """Whether no row has a problem."""
        return not len(self.counts)

    @property
    def counts(self) -> pd.DataFrame:
        """One row per rule that was broken."""
        found = dict(self._found.rules)
        repeats = self._found.repeats
        if self._rules.duplicates == "raise" and repeats.first is not None:
            part, row = repeats.first
            found["duplicate"] = repeats.repeated, sum(self._found.sizes[:part]) + row
        rules = [rule for rule in RULES if rule.name in found]
        return pd.DataFrame(
            {
                "field": [rule.field for rule in rules],
                "code": pd.array([rule.code for rule in rules], dtype="Int64"),
                "rows": pd.Series([found[rule.name][0] for rule in rules], dtype="int64").array,
                "position": pd.Series([found[rule.name][1] for rule in rules], dtype="int64").array,
                "hint": [rule.hint for rule in rules],
            },
            index=pd.Index([rule.name for rule in rules], name="rule"),
        )

    @property
    def problems(self) -> Any:
        """One row per problem."""
        return self._rows("problems")

    @property
    def warnings(self) -> Any:
        """One row per text that reads as a mistake, and rule."""
        return self._rows("warnings")

    @property
    def valid(self) -> Any:
        """The frame's rows without a problem."""
        return self._rows("valid")

    @property
    def invalid(self) -> Any:
        """The frame's rows with a problem."""
        return self._rows("invalid")

    def _rows(self, name: str) -> Any:
        starts = [0, *accumulate(self._found.sizes)]
        given = delayed(self._rules, traverse=False, pure=False)
        parts = [
            delayed(_of_part, pure=False)(task, given, name, starts[number], self._found.repeats.known(number))
            for number, task in enumerate(self._tasks)
        ]
        meta = _of_part(self._empty, self._rules, name, 0, {})
        return dd.from_delayed(parts, meta=meta, verify_meta=False)

    def __repr__(self) -> str:
        rows = count(sum(self._found.sizes), "row")
        if self.ok:
            return f"ValidationReport: No problem in {rows}."
        table = self.counts[["field", "code", "rows", "position"]].to_string()
        return (
            f"ValidationReport: {int(self.counts['rows'].sum()):,} problems in {rows}.\n\n{table}\n\n"
            "Each one, with what to do: .problems   The rows: .valid, .invalid (Dask frames)"
        )


def _of_part(frame: pd.DataFrame, rules: Rules, name: str, start: int, known: Mapping[str, Any]) -> pd.DataFrame:
    rows: pd.DataFrame = getattr(rules.report(frame, **known), name)
    return rows.assign(position=rows["position"] + start) if name in ("problems", "warnings") else rows


def validate(frame: Any, given: Mapping[str, Any]) -> DaskValidationReport:
    """Do what ``ddf.nxsms.validate`` does."""
    settings = {**with_defaults(given, CHECKING, COLUMNS), "prefix": ""}
    empty = make_meta(frame)
    resolve(empty, {name: settings[name] for name in COLUMNS})
    tasks = frame.to_delayed(optimize_graph=True)
    rules, found = first_pass(tasks, Scheduler(frame), listed(settings, empty), empty)
    return DaskValidationReport(tasks, empty, rules, found)
