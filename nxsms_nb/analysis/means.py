"""Compare the means of two arms, of rows that are independent or belong to units such as people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nxsms_nb.analysis import sequential

if TYPE_CHECKING:
    from nxsms_nb.analysis.intervals import Floats


@dataclass(frozen=True)
class Estimate:
    """A mean over `rows` rows, with its variance (the squared standard error, NaN where too few) and degrees of freedom."""

    mean: Any
    variance: Any
    df: Any
    rows: Any


def of_rows(values: npt.ArrayLike) -> Estimate:
    """Estimate the mean of independent rows, along the last axis.

    Examples
    --------
    >>> of_rows([1.0, 2.0, 3.0])
    Estimate(mean=np.float64(2.0), variance=np.float64(0.3333333333333333), df=2.0, rows=3.0)
    """
    y = np.asarray(values, np.float64)
    n = y.shape[-1]
    if n < 2:
        return Estimate(y.mean(axis=-1) if n else np.full(y.shape[:-1], np.nan)[()], np.nan, np.nan, float(n))
    return Estimate(y.mean(axis=-1), y.var(axis=-1, ddof=1) / n, n - 1.0, float(n))


def of_units(values: npt.ArrayLike, units: npt.ArrayLike) -> Estimate:
    """Estimate the mean over rows whose units, not the rows themselves, are independent; units are numbered without gaps.

    The mean over rows is a ratio of two means over units, that of their sums and that of their sizes; its variance is
    that of the delta method: Deng, Knoblich & Lu (2018), "Applying the delta method in metric analytics", KDD '18,
    233-242. With one row a unit it is the variance of independent rows.

    Examples
    --------
    >>> of_units([1.0, 2.0, 3.0], [0, 1, 2]) == of_rows([1.0, 2.0, 3.0])
    True
    """
    y, unit = np.asarray(values, np.float64), np.asarray(units, np.int64)
    size = np.bincount(unit).astype(np.float64)
    n, k = float(len(y)), len(size)
    mean = y.mean() if len(y) else np.float64(np.nan)
    if k < 2:
        return Estimate(mean, np.nan, np.nan, n)
    off = np.bincount(unit, weights=y) - mean * size
    return Estimate(mean, (off**2).sum() / (k - 1) * k / n**2, k - 1.0, n)


def interval(arm: Estimate, t: Any) -> tuple[Any, Any]:
    """Return the interval of a mean, for a critical value."""
    half = t * np.sqrt(arm.variance)
    return arm.mean - half, arm.mean + half


def difference(arm: Estimate, control: Estimate, t: Any) -> tuple[Any, Any, Any]:
    """Return an arm's mean minus the control's, with the interval of the difference."""
    diff, half = arm.mean - control.mean, t * np.sqrt(arm.variance + control.variance)
    return diff, diff - half, diff + half


def lift(arm: Estimate, control: Estimate, t: Any) -> tuple[Any, Any, Any]:
    """Return an arm's lift, its mean relative to the control's minus 1, with the interval at critical value `t`.

    All NaN where the control's mean is not above 0; the bounds NaN where its interval reaches 0, since the ratio is
    then unbounded.

    Fieller (1954), J. R. Stat. Soc. B 16, 175-185, for independent means, with the critical value of Welch's interval.
    It excludes 0 exactly where the interval of the difference does.

    Examples
    --------
    >>> arm, control = Estimate(12.0, 0.25, 99, 100), Estimate(10.0, 0.16, 99, 100)
    >>> [round(float(value), 4) for value in lift(arm, control, 1.96)]
    [0.2, 0.071, 0.3439]
    """
    m, m0 = np.asarray(arm.mean, np.float64), np.asarray(control.mean, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, c = m0**2 - t**2 * control.variance, m**2 - t**2 * arm.variance
        root = np.sqrt(np.maximum((m * m0) ** 2 - a * c, 0))
        bounded = (m0 > 0) & (a > 0)
        ratio = np.where(m0 > 0, m / m0 - 1, np.nan)
        low = np.where(bounded, (m * m0 - root) / a - 1, np.nan)
        high = np.where(bounded, (m * m0 + root) / a - 1, np.nan)
    return ratio, low, high


def welch(arm: Estimate, control: Estimate, level: float) -> tuple[Any, Any]:
    """Return the critical value for the difference of two means, and the p-value of their being equal.

    Welch (1947), Biometrika 34, 28-35. Where neither arm varies there is no answer: NaN, or p = 1 where they are equal.
    """
    from scipy.special import stdtr  # noqa: PLC0415 - heavy

    variance = arm.variance + control.variance
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (arm.variance**2 / arm.df + control.variance**2 / control.df)
        p = 2 * stdtr(df, -np.abs(arm.mean - control.mean) / np.sqrt(variance))
    p = np.where(variance == 0, np.where(arm.mean == control.mean, 1.0, np.nan), p)
    return student(df, level), p


def student(df: Any, level: float) -> Any:
    """Return the critical value of Student's t."""
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy

    return stdtrit(df, 1 - level / 2)


def anytime(arm: Estimate, control: Estimate, size: Any, level: float) -> tuple[Any, Any]:
    """Return the critical value and the p-value of a difference, valid however often one looks.

    `size` is the mean square distance of values other than 0 from the mean, from `event_size`.
    """
    variance = arm.variance + control.variance
    with np.errstate(divide="ignore", invalid="ignore"):
        information = (arm.rows * control.rows / (arm.rows + control.rows)) ** 2 * variance / size
        z = (arm.mean - control.mean) / np.sqrt(variance)
        p = np.where(variance == 0, np.where(arm.mean == control.mean, 1.0, np.nan), sequential.p_value(z, information))
        return sequential.critical(information, level), p


def anytime_t(arm: Estimate, size: Any, level: float) -> Any:
    """Return the critical value for one arm's interval, valid however often one looks."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sequential.critical(arm.rows**2 * arm.variance / size, level)


def event_size(values: Floats) -> Any:
    """Return the size of an event: the mean squared deviation of the values other than 0, along the last axis.

    Information is counted in events: of people's spending, most of it 0, the purchases.
    """
    there = values != 0
    off = (values - values.mean(axis=-1, keepdims=True)) ** 2 * there
    with np.errstate(divide="ignore", invalid="ignore"):
        return off.sum(axis=-1) / there.sum(axis=-1)
