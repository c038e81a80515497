"""Find the slices of a frame in which rows fail more often than by chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.analysis import features, groups, slices
from nxsms_nb.analysis.intervals import wilson
from nxsms_nb.analysis.measures import measure
from nxsms_nb.analysis.search import Finding, search
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import mask_name, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.tables import Table
from nxsms_nb.wire.codes import TABLE, label

if TYPE_CHECKING:
    from nxsms_nb.analysis.derived import Asked

__all__ = ["drivers", "headline", "outcome_words"]

Mask = npt.NDArray[np.bool_]

_TEXT: Final = result_columns.TEXT
_WHOLE: Final = result_columns.WHOLE


def drivers(
    frame: pd.DataFrame,
    columns: groups.Labels = None,
    *,
    depth: int = 2,
    level: float = 0.05,
    min_rows: int = 20,
    outcome: Hashable = "accepted",
    asked: Asked,
) -> pd.DataFrame:
    """Find what goes with failure; the accessor's `drivers` documents it."""
    _check(depth, level, min_rows)
    known, failed = _outcome(frame, outcome, asked.prefix)
    found, left_out = features.read_columns(frame, columns, asked, known, min_rows=min_rows, outcome=outcome)
    findings, looked = (
        search([column.feature for column in found], failed, depth=depth, level=level, min_rows=min_rows)
        if found
        else ([], 0)
    )
    table = Table(_table(findings, found, _codes(frame, known, asked.prefix)))
    rest = (
        ~np.logical_or.reduce([finding.inside for finding in findings]) if findings else np.ones(len(failed), np.bool_)
    )
    rows, bad = int(rest.sum()), int((rest & failed).sum())
    table.attrs = dict(frame.attrs) | {
        "left": {"rows": rows, "failed": bad, "rate": bad / rows if rows else float("nan")},
        "rows": len(failed),
        "failed": int(failed.sum()),
        "missing": int((~known).sum()),
        "looked": looked,
        "columns": [str(column.label) for column in found],
        "left_out": left_out,
    }
    table.attrs["note"] = _note(table, *outcome_words(outcome))
    return table


def _outcome(frame: pd.DataFrame, outcome: Hashable, prefix: str) -> tuple[Mask, Mask]:
    """Return the rows whose outcome is known, and which of these failed."""
    found = measure(frame, outcome, rows=np.ones(len(frame), np.bool_), prefix=prefix)
    if not found.proportion:
        raise ConfigError(
            f"outcome={named(outcome)} is a column with numbers other than 0 and 1, so it does not say who failed. Say what counts, "
            f"as in df.assign(good=df[{named(outcome)}] > 0), and outcome='good'."
        )
    known: Mask = ~np.isnan(found.of_rows)
    return known, found.of_rows[known] == 0


def outcome_words(outcome: Hashable) -> tuple[str, str]:
    """Return the words for the rows that count, and for those without the outcome."""
    if outcome == "accepted":
        return "answered rows", "failed"
    if outcome == "delivered":
        return "rows with a final receipt", "were not delivered"
    name = mask_name(str(outcome))
    return f"rows in which {name} is known", f"were not {name}"


def _check(depth: Any, level: Any, min_rows: Any) -> None:
    if isinstance(depth, bool) or depth not in (1, 2):
        raise ConfigError(f"depth={named(depth)} is not 1 (single columns) or 2 (pairs of columns too).")
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ConfigError(f"level={named(level)} is not a share between 0 and 1, as in level=0.05.")
    if isinstance(min_rows, bool) or not isinstance(min_rows, (int, np.integer)) or min_rows < 1:
        raise ConfigError(f"min_rows={named(min_rows)} is not a whole number, 1 or more.")


def _codes(frame: pd.DataFrame, known: Mask, prefix: str) -> pd.Series[Any] | None:
    """Return the codes of failed rows, by position since an index may repeat; None where there are no results."""
    if not result_columns.carries(frame, prefix, gaps=True):
        return None
    results = result_columns.read(frame, prefix, columns=["status", "code"], gaps=True)
    codes = results["code"].where(results["status"] == "Failure")
    return codes.reset_index(drop=True)[known].reset_index(drop=True)


def _table(findings: list[Finding], found: list[features.Column], codes: Any) -> pd.DataFrame:
    chosen = [
        {found[part.feature].label: found[part.feature].value(part) for part in finding.parts} for finding in findings
    ]
    reaches = [{found[part.feature].label: found[part.feature].reaches(part) for part in one.parts} for one in findings]
    words = [slices.slice_words(given, ends) for given, ends in zip(chosen, reaches, strict=True)]
    counts = {
        name: np.array([getattr(finding, name) for finding in findings], np.int64)
        for name in ("rows", "failed", "rest_rows", "rest_failed")
    }
    rows, failed = counts["rows"], counts["failed"]
    rate, rest_rate = failed / rows, counts["rest_failed"] / counts["rest_rows"]
    low, high = wilson(failed, rows)
    ratio, ratio_low, ratio_high = _ratios(counts)
    return pd.DataFrame(
        {
            "slice": pd.Series(chosen, dtype=object),
            "where": pd.Series(words, dtype=_TEXT),
            "rows": rows,
            "failed": failed,
            "rate": rate,
            "low": low,
            "high": high,
            "rest_rate": rest_rate,
            "ratio": ratio,
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
            "excess": failed - rows * rest_rate,
            "p": np.array([finding.p for finding in findings], np.float64),
            "code": pd.Series([_most_frequent(codes, finding) for finding in findings], dtype=_WHOLE),
        }
    )


def _ratios(counts: dict[str, npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the ratio of two rates with Katz's interval, which is open without failures in the rest."""
    if not len(counts["rows"]):
        return (np.empty(0),) * 3
    from scipy.stats.contingency import relative_risk  # noqa: PLC0415 - half a second, for those who search

    found = []
    for failed, rows, rest_failed, rest_rows in zip(
        counts["failed"], counts["rows"], counts["rest_failed"], counts["rest_rows"], strict=True
    ):
        risk = relative_risk(int(failed), int(rows), int(rest_failed), int(rest_rows))
        found.append((risk.relative_risk, *risk.confidence_interval(0.95)))
    return tuple(np.array(found, np.float64).T)


def _most_frequent(codes: Any, finding: Finding) -> Any:
    if codes is None:
        return pd.NA
    counted = codes[finding.bad].value_counts()
    return counted.index[0] if len(counted) else pd.NA


def _note(table: pd.DataFrame, rows: str, verb: str) -> str:
    about, left = table.attrs, table.attrs["left"]
    if not about["rows"]:
        return f"There are no {rows}, so there is nothing to explain."
    if not about["failed"]:
        return f"None of the {about['rows']:,} {rows} {verb}."
    if not len(table):
        if about["failed"] == about["rows"]:
            return f"All {about['rows']:,} {rows} {verb}, so there is nothing to compare."
        return (
            f"{about['failed'] / about['rows']:.1%} of {about['rows']:,} {rows} {verb}, and no slice of "
            f"{len(about['columns'])} columns more often than chance explains ({about['looked']:,} looked at)."
        )
    first = ~table["code"].duplicated()
    lines = [_sentence(row, verb, advice=bool(new)) for row, new in zip(table.to_dict("records"), first, strict=True)]
    if left["rows"]:
        lines.append(f"Everything else: {left['rate']:.1%} of {left['rows']:,} {verb}, with nothing beyond chance.")
    return "\n".join(lines)


def _sentence(row: dict[Any, Any], verb: str, *, advice: bool) -> str:
    """Describe the findings in a sentence; advice on a code is given only once."""
    said = f"{headline(row, verb)}; {row['excess']:,.0f} more than expected."
    code = row["code"]
    if pd.isna(code):
        return said
    what_to_do = f": {TABLE[int(code)].advice}" if advice and int(code) in TABLE else "."
    return f"{said} Mostly {label(int(code))}{what_to_do}"


def headline(row: Mapping[Any, Any], verb: str) -> str:
    """Describe one finding in one line."""
    times = "none of the rest did" if not row["rest_rate"] else f"{_times(row['ratio'])} times the rest"
    return f"{row['where']}: {row['rate']:.1%} of {row['rows']:,} {verb}, {times}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"
