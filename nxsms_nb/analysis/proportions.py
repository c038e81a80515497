"""Compare the proportions of two arms: difference, lift and p-value, for whole arrays at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import sequential
from nxsms_nb.analysis.intervals import Floats, wilson_at

Counts = npt.ArrayLike

FEWEST: Final = 5
"""The smallest expected count in a cell of the table for which the normal approximation holds."""


def normal(level: float) -> Floats:
    """Return the critical value of an ordinary two-sided interval.

    Examples
    --------
    >>> float(normal(0.05).round(4))
    1.96
    """
    from scipy.special import ndtri  # noqa: PLC0415 - heavy

    return np.asarray(ndtri(1 - level / 2))


def difference(
    hits: Counts, n: Counts, control_hits: Counts, control_n: Counts, z: npt.ArrayLike
) -> tuple[Floats, ...]:
    """Return an arm's rate minus the control's, with its interval at critical value `z`; NaN where an arm has no rows.

    Newcombe (1998), Stat. Med. 17, 873-890, method 10: Wilson's intervals, combined.

    Examples
    --------
    >>> [round(float(value), 4) for value in difference(56, 70, 48, 80, 1.959964)]
    [0.2, 0.0524, 0.3339]
    """
    p, low, high = _rate(hits, n, z)
    p0, low0, high0 = _rate(control_hits, control_n, z)
    return p - p0, p - p0 - np.hypot(p - low, high0 - p0), p - p0 + np.hypot(high - p, p0 - low0)


def lift(hits: Counts, n: Counts, control_hits: Counts, control_n: Counts, z: npt.ArrayLike) -> tuple[Floats, ...]:
    """Return an arm's lift, its rate relative to the control's minus 1, with its interval; NaN if the control has no hits.

    MOVER-R with Wilson's intervals: Donner & Zou (2012), Stat. Methods Med. Res. 21, 347-359. It excludes 0 exactly
    where Newcombe's interval of the difference does.

    Examples
    --------
    >>> [round(float(value), 3) for value in lift(7, 34, 1, 34, 1.959964)]
    [6.0, 0.154, 40.976]
    """
    p, low, high = _rate(hits, n, z)
    p0, low0, high0 = _rate(control_hits, control_n, z)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The roots R of (p - R p0)^2 = (p - bound)^2 + R^2 (p0 - bound0)^2, in the form that does not cancel.
        product = p * p0
        a, c = high0 * (2 * p0 - high0), low * (2 * p - low)
        lower = c / (product + np.sqrt(np.maximum(product**2 - a * c, 0)))
        a, c = low0 * (2 * p0 - low0), high * (2 * p - high)
        upper = (product + np.sqrt(np.maximum(product**2 - a * c, 0))) / a
        ratio = p / p0
    there = p0 > 0
    # With no hits in the arm the lower root is 0/0; nothing is below 0.
    lower = np.where(p == 0, 0.0, lower)
    return tuple(np.where(there, value - 1, np.nan) for value in (ratio, lower, upper))


def p_value(hits: Counts, n: Counts, control_hits: Counts, control_n: Counts) -> Floats:
    """Return the two-sided p-value of an arm's rate against the control's.

    Pooled two-proportion z-test; Fisher's exact test where fewer than `FEWEST` are expected in a cell.

    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., sections 3.1 to 3.3, without
    continuity correction; fewer than 5 expected: Cochran (1954), Biometrics 10, 417-451.

    Examples
    --------
    >>> p_value([60, 3], [100, 10], [45, 1], [100, 10]).round(4).tolist()
    [0.0337, 0.582]
    """
    from scipy.special import ndtr  # noqa: PLC0415 - heavy
    from scipy.stats import fisher_exact  # noqa: PLC0415 - heavy

    k, m, k0, m0 = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (hits, n, control_hits, control_n)))
    p: Any = np.asarray(2 * ndtr(-np.abs(_z(k, m, k0, m0))))
    few = (least_expected(k, m, k0, m0) < FEWEST) & (m > 0) & (m0 > 0)
    if few.any():
        tables, which = np.unique(
            np.stack([k, m - k, k0, m0 - k0])[:, few].astype(np.int64), axis=1, return_inverse=True
        )
        exact = np.array([fisher_exact(table.reshape(2, 2)).pvalue for table in tables.T])
        p[few] = np.minimum(exact, 1)[which.ravel()]
    return p  # type: ignore[no-any-return]


def anytime(hits: Counts, n: Counts, control_hits: Counts, control_n: Counts, level: float) -> tuple[Floats, Floats]:
    """Return the critical value for intervals and the p-value, valid however often one looks.

    Examples
    --------
    >>> z, p = anytime(560, 4000, 480, 4000, 0.05)
    >>> float(z.round(2)), float(p.round(3))
    (3.08, 0.155)
    """
    k, m, k0, m0 = (np.asarray(each, np.float64) for each in (hits, n, control_hits, control_n))
    with np.errstate(divide="ignore", invalid="ignore"):
        # One more of each: at the first looks there may be no hits at all.
        rate = (k + k0 + 1) / (m + m0 + 2)
        information = m * m0 / (m + m0) * rate * (1 - rate)
    return sequential.critical(information, level), sequential.p_value(_z(k, m, k0, m0), information)


def anytime_z(hits: Counts, n: Counts, level: float) -> Floats:
    """Return the critical value for one arm's interval, valid however often one looks.

    Examples
    --------
    >>> float(anytime_z(560, 4000, 0.05).round(2))
    3.15
    """
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    rate = (k + 1) / (m + 2)
    return sequential.critical(m * rate * (1 - rate), level)


def least_expected(hits: Any, n: Any, control_hits: Any, control_n: Any) -> Any:
    """Return the smallest expected count in a cell of the table if the arms do not differ."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (hits + control_hits) / (n + control_n)
    return np.minimum(n, control_n) * np.minimum(rate, 1 - rate)


def _rate(hits: Counts, n: Counts, z: npt.ArrayLike) -> tuple[Any, Any, Any]:
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return k / m, *wilson_at(k, m, z)


def _z(k: Any, m: Any, k0: Any, m0: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (k + k0) / (m + m0)
        error = np.sqrt(rate * (1 - rate) * (1 / m + 1 / m0))
        z = (k / m - k0 / m0) / error
    # All rows hit, or none: the arms are the same.
    return np.where((error == 0) & (m > 0) & (m0 > 0), 0.0, z)
