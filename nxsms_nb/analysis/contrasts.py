"""Arms compared with their control: the columns of a comparison, from counts or from means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import means, proportions
from nxsms_nb.analysis.intervals import wilson_at
from nxsms_nb.analysis.means import Estimate

if TYPE_CHECKING:
    from nxsms_nb.analysis.intervals import Floats

Columns = dict[str, "Floats"]

CONTRAST: Final = ("diff", "diff_low", "diff_high", "lift", "lift_low", "lift_high", "p")
"""The columns that compare an arm with the control; NaN for the control itself."""


def of_counts(hits: npt.ArrayLike, n: npt.ArrayLike, control: int, level: float, *, sequential: bool) -> Columns:
    """Compare rates of independent rows with the control's, at one look or (`sequential`) at every look.

    Returns ``rate``, ``low``, ``high`` and the columns of `CONTRAST`.
    """
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    each = k, m, k[control], m[control]
    # Fisher's test takes whole tables.
    table = tuple(np.rint(part) for part in each)
    if sequential:
        own = proportions.anytime_z(k, m, level)
        z, p = proportions.anytime(*each, level)
    else:
        own = z = proportions.normal(level)
        p = proportions.p_value(*table)
    with np.errstate(invalid="ignore"):
        rate = k / m
    low, high = wilson_at(k, m, own)
    found = (rate, low, high, *proportions.difference(*each, z), *proportions.lift(*each, z), p)
    return _but_for(control, dict(zip(("rate", "low", "high", *CONTRAST), found, strict=True)))


def of_means(arms: Estimate, control: int, level: float, *, sequential: bool, size: Any = 1.0) -> Columns:
    """Compare means with the control's, at one look or (`sequential`) at every look.

    `size` is the size of an event, see `means.event_size`, needed where `sequential`. Returns ``mean``, ``low``,
    ``high`` and the columns of `CONTRAST`.
    """
    against = Estimate(*(np.asarray(part)[control] for part in (arms.mean, arms.variance, arms.df, arms.rows)))
    if sequential:
        own = means.anytime_t(arms, size, level)
        t, p = means.anytime(arms, against, size, level)
    else:
        own = means.student(arms.df, level)
        t, p = means.welch(arms, against, level)
    low, high = means.interval(arms, own)
    found = (arms.mean, low, high, *means.difference(arms, against, t), *means.lift(arms, against, t), p)
    return _but_for(control, dict(zip(("mean", "low", "high", *CONTRAST), found, strict=True)))


def of_clustered_rates(
    arms: Estimate, units: npt.ArrayLike, control: int, level: float, *, sequential: bool
) -> Columns:
    """Compare rates over rows whose units are independent; `units` says how many each arm has.

    Where an arm's units do not differ, because none of its rows is a hit for example, there is no variance to go by: the
    bounds and the p-value that concern it are those of as many independent rows as there are units.
    """
    found = of_means(arms, control, level, sequential=sequential)
    size = np.asarray(units, np.float64)
    plain = of_counts(arms.mean * size, size, control, level, sequential=sequential)
    flat = (arms.variance == 0) & (size > 1)
    concerned = flat | flat[control]
    for name, values in found.items():
        # Estimates are the same either way.
        found[name] = np.where(flat if name in ("mean", "low", "high") else concerned, plain.get(name, values), values)
    bounds = {"low": (0, 1), "high": (0, 1), "diff_low": (-1, 1), "diff_high": (-1, 1), "lift_low": (-1, None)}
    clipped = {name: np.clip(found[name], *bounds[name]) if name in bounds else found[name] for name in found}
    return _but_for(control, {"rate" if name == "mean" else name: values for name, values in clipped.items()})


def holm(p: npt.ArrayLike) -> Floats:
    """Adjust p-values for their number, missing ones excluded: Holm (1979), Scand. J. Stat. 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    values = np.asarray(p, np.float64)
    adjusted = np.full(len(values), np.nan)
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    steps = values[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _but_for(control: int, columns: Columns) -> Columns:
    for name in CONTRAST:
        column = np.array(columns[name], np.float64)
        column[control] = np.nan
        columns[name] = column
    return columns
