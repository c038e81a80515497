"""Confidence intervals that several tables share."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["wilson"]

Floats = npt.NDArray[np.float64]


def wilson(hits: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.05) -> tuple[Floats, Floats]:
    """Return Wilson's score interval of each rate ``hits / n``, without continuity correction; NaN where `n` is 0.

    `level` is the share of intervals that miss the true rate: 0.05 gives 95% intervals.

    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; as equation (4) of Brown, Cai & DasGupta (2001), Stat. Sci. 16,
    101-133.

    Examples
    --------
    >>> low, high = wilson([0, 5], [10, 10])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.2366], [0.2775, 0.7634])
    """
    return wilson_at(hits, n, NormalDist().inv_cdf(1 - level / 2))


def wilson_at(hits: npt.ArrayLike, n: npt.ArrayLike, z: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return Wilson's interval for a critical value `z` instead of a level; `z` may differ by group.

    Examples
    --------
    >>> low, high = wilson_at(5, 10, [1.96, 3.0])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.2366, 0.1559], [0.7634, 0.8441])
    """
    z2 = np.asarray(z, np.float64) ** 2
    k, total = np.broadcast_arrays(np.asarray(hits, np.float64), np.asarray(n, np.float64))
    size: Any = np.where(total > 0, total, np.nan)
    middle = (k + z2 / 2) / (size + z2)
    half = np.sqrt(z2 * (k * (size - k) / size + z2 / 4)) / (size + z2)
    # At 0 and at n of n the bound is exact; rounding would leave 1e-18 of it.
    low = np.where(k == 0, middle * 0, np.maximum(middle - half, 0))
    high = np.where(k == size, middle * 0 + 1, np.minimum(middle + half, 1))
    return low, high
