"""Compare the arms of an experiment: how far each is from the control, and whether by more than chance."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import present
from nxsms_nb.analysis import contrasts, means, verdicts
from nxsms_nb.analysis.arms import Arms, Ints, arms_of, control_of, mismatch
from nxsms_nb.analysis.assignment import Unit, Weights, is_number, shares_of, unit_texts
from nxsms_nb.analysis.means import Estimate
from nxsms_nb.analysis.measures import Measure, measure
from nxsms_nb.analysis.verdicts import Comparison
from nxsms_nb.errors import ColumnError, ConfigError, SampleRatioWarning
from nxsms_nb.formatting import count, mask_name, named
from nxsms_nb.results.columns import from_sandbox
from nxsms_nb.rows.columns import found, one_column, one_label
from nxsms_nb.rows.holdout import VARIANT
from nxsms_nb.screen import warn

if TYPE_CHECKING:
    from nxsms_nb.rows.phones import Bare

__all__ = ["compare"]

_EVENTS: Final = 100
"""The least number of values other than 0.

With fewer, intervals of the mean missed too often in simulations of spending.
"""
_TAKEN: Final = frozenset({"n", "units", "hits", "rate", "mean", "low", "high", *contrasts.CONTRAST, "p_adjusted"})


def compare(
    frame: pd.DataFrame,
    by: Hashable = VARIANT,
    *,
    outcome: Hashable,
    control: Any = None,
    level: float = 0.05,
    unit: Unit | None = None,
    weights: Weights = None,
    sequential: bool = False,
    phone: Hashable | None = None,
    region: Hashable | None = None,
    bare: Bare | None = None,
    prefix: str = "",
) -> pd.DataFrame:
    """Compare the arms of an experiment; see ``df.nxsms.compare``.

    Examples
    --------
    >>> frame = pd.DataFrame({"variant": ["A"] * 100 + ["B"] * 100, "bought": [1] * 10 + [0] * 90 + [1] * 25 + [0] * 75})
    >>> compare(frame, outcome="bought")[["variant", "n", "hits", "rate", "diff", "p_adjusted"]].round(4).values.tolist()
    [['A', 100, 10, 0.1, nan, nan], ['B', 100, 25, 0.25, 0.15, 0.0052]]
    """
    by = one_label("by", by)
    if not is_number(level) or not 0 < level < 1:
        raise ConfigError(f"level={named(level)} is not a share between 0 and 1, as in level=0.05.")
    if by in _TAKEN:
        raise ColumnError(f"by={named(by)} has the name of a column of the result. Rename it: frame.rename(columns=…)")
    arms = arms_of(frame[one_column(frame, by, "by")], by)
    measured = measure(frame, outcome, rows=arms.ids >= 0, prefix=prefix)
    shares = shares_of(weights, arms.names[: arms.intended])
    units = None if unit is None else _numbered(unit_texts(frame, unit, phone=phone, region=region, bare=bare))
    if (words := mismatch(arms, shares, units)) is not None:
        warn(words, SampleRatioWarning)
    if measured.sent_only:
        # Nothing was sent to them that could be accepted or delivered.
        arms = arms.without_holdout()
    first = control_of(arms, control)
    counted = (arms.ids >= 0) & ~np.isnan(measured.of_rows)
    if units is None:
        _warn_of_repeats(frame, counted, phone=phone, region=region, bare=bare)
    columns = _columns(measured, arms, counted, units, control=first, level=level, sequential=sequential)
    made: dict[Any, Any] = {by: arms.labels, **columns, "p_adjusted": contrasts.holm(columns["p"])}
    table = pd.DataFrame(made)
    result = Comparison(table)
    missing = int((measured.missing & (arms.ids >= 0)).sum())
    result.attrs = dict(frame.attrs) | {
        "outcome": mask_name(str(outcome)),
        "control": mask_name(str(arms.names[first])),
        "level": float(level),
        "missing": missing,
        "methods": _methods(measured, units, sequential=sequential),
        "words": verdicts.words(
            table,
            by,
            first,
            outcome=measured.words,
            level=level,
            sequential=sequential,
            notes=_notes(frame, arms, measured, units, counted=counted, missing=missing, outcome=outcome),
        ),
    }
    return result


def _numbered(texts: pa.Array) -> Ints:
    """Assign a number to each unit; rows without one are units of their own."""
    numbers = texts.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    without = ~present(texts)
    numbers[without] = len(texts) + np.arange(int(without.sum()))
    return np.asarray(np.unique(numbers, return_inverse=True)[1], np.int64)


def _columns(
    measured: Measure,
    arms: Arms,
    counted: npt.NDArray[np.bool_],
    units: Ints | None,
    *,
    control: int,
    level: float,
    sequential: bool,
) -> dict[str, Any]:
    rows = [np.flatnonzero(counted & (arms.ids == arm)) for arm in range(len(arms.names))]
    columns: dict[str, Any] = {"n": np.array([len(some) for some in rows], np.int64)}
    values = [measured.of_rows[some] for some in rows]
    if units is not None:
        numbers = [np.unique(units[some], return_inverse=True)[1] for some in rows]
        columns["units"] = np.array([int(some.max()) + 1 if len(some) else 0 for some in numbers], np.int64)
        estimates = [means.of_units(*each) for each in zip(values, numbers, strict=True)]
    else:
        estimates = [means.of_rows(some) for some in values]
    if measured.proportion:
        columns["hits"] = np.array([some.sum() for some in values]).astype(np.int64)
        if units is None:
            rates = contrasts.of_counts(columns["hits"], columns["n"], control, level, sequential=sequential)
            return columns | rates
    stacked = Estimate(
        *(np.array([getattr(each, name) for each in estimates], float) for name in ("mean", "variance", "df", "rows"))
    )
    if measured.proportion:
        return columns | contrasts.of_clustered_rates(stacked, columns["units"], control, level, sequential=sequential)
    size = means.event_size(measured.of_rows[counted]) if sequential else 1.0
    return columns | contrasts.of_means(stacked, control, level, sequential=sequential, size=size)


def _warn_of_repeats(
    frame: pd.DataFrame,
    counted: npt.NDArray[np.bool_],
    *,
    phone: Hashable | None,
    region: Hashable | None,
    bare: Bare | None,
) -> None:
    """Warn where people have several rows: these are not independent."""
    if phone is None and found(frame, "phone") is None:
        return
    numbers = unit_texts(frame, "phone", phone=phone, region=region, bare=bare).filter(pa.array(counted)).drop_null()
    repeated = len(numbers) - len(numbers.unique())
    if repeated:
        warn(
            f"{count(repeated, 'row')} of {int(counted.sum()):,} repeat an earlier row's phone, and rows of one person are not "
            "independent: the intervals are too narrow. Name who is one: compare(…, unit='phone')",
            UserWarning,
        )


def _methods(measured: Measure, units: Ints | None, *, sequential: bool) -> dict[str, str]:
    if measured.proportion and units is None:
        methods = {
            "low, high": "Wilson",
            "diff_low, diff_high": "Newcombe's hybrid score (method 10)",
            "lift_low, lift_high": "MOVER-R with Wilson's bounds (Donner and Zou)",
            "p": "pooled two-proportion z-test; Fisher's exact test where an expected count is under 5",
        }
    else:
        of = "delta method over units" if units is not None else "independent rows"
        methods = {
            "low, high": f"Student's t, {of}",
            "diff_low, diff_high": f"Welch, {of}",
            "lift_low, lift_high": f"Fieller, {of}",
            "p": f"Welch's t-test, {of}",
        }
    if sequential:
        methods |= {name: f"{method}, at the critical value of the normal mixture" for name, method in methods.items()}
        methods["p"] = "normal mixture sequential probability ratio test (always valid)"
    return {**methods, "p_adjusted": "Holm"}


def _notes(
    frame: pd.DataFrame,
    arms: Arms,
    measured: Measure,
    units: Ints | None,
    *,
    counted: npt.NDArray[np.bool_],
    missing: int,
    outcome: Hashable,
) -> list[str]:
    """List what a reader has to know about the rows."""
    notes = []
    if missing:
        no_value = f"of {int((arms.ids >= 0).sum()):,} {'has' if missing == 1 else 'have'} no value of {mask_name(str(outcome))}"
        notes.append(f"{verdicts.left_out(missing, no_value)} If missing means 0: .fillna(0)")
    unassigned = arms.unassigned
    if unassigned:
        notes.append(verdicts.left_out(unassigned, f"{'has' if unassigned == 1 else 'have'} no arm"))
    if not measured.proportion and not measured.of_rows[counted].all():
        events = np.bincount(arms.ids[counted & (measured.of_rows != 0)], minlength=len(arms.names))
        if events.min() < _EVENTS:
            fewest = int(events.argmin())
            notes.append(
                f"Only {count(int(events[fewest]), 'row')} of {mask_name(str(arms.names[fewest]))} {'is' if events[fewest] == 1 else 'are'} "
                f"not 0: under about {_EVENTS}, intervals and p of a mean are rough. Compare how many are, as a rate."
            )
    if units is not None:
        pairs = np.unique(np.stack([units[counted], arms.ids[counted]]), axis=1)[0]
        both = len(pairs) - len(np.unique(pairs))
        if both:
            notes.append(
                f"{count(both, 'unit')} {'is' if both == 1 else 'are'} in more than one arm; arms count as independent."
            )
    if from_sandbox(frame):
        notes.append("Results of the simulated gateway.")
    return notes
