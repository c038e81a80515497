"""Tests and intervals that hold however often one looks, while results come in.

The critical value of an ordinary test, 1.96 at 5%, is exceeded sooner or later by looking often enough. Here it is replaced
by one that the whole course of the results stays below with the wanted probability: the boundary that Robbins' normal
mixture gives. It depends on how much information there is, measured as the variance of the sum that the estimate is made
of, so that it holds where rows are added and where outcomes of the same rows come in over days.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIXTURE: Final = 12.0
"""The variance of the mixture, in events.

It must not depend on the results. The boundary is narrowest, 3.03 standard errors at 5%, at about nine times as much
information, which is 400 events in two arms together, and below 3.3 from 100 to 5,000 events.
"""


def critical(information: npt.ArrayLike, level: float) -> Floats:
    """Return how many standard errors an estimate may be off at any look, with probability 1 - `level`.

    `information` is the variance of the sum behind the estimate, in events; NaN where there is none yet.

    Robbins (1970), Ann. Math. Stat. 41, 1397-1409 for Brownian motion; for means with estimated variances,
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence
    sequences", Ann. Stat. 52, 2613-2640. It is also the mixture sequential probability ratio test of Johari, Koomen,
    Pekelis & Walsh (2022), "Always valid inference", Oper. Res. 70, 1806-1821.

    Examples
    --------
    >>> critical([10, 100, 1000], 0.05).round(2).tolist()
    [3.81, 3.04, 3.25]
    """
    v = np.asarray(information, np.float64)
    # Without any information nothing is beyond the boundary.
    v = np.where(v > 0, v, np.nan)
    return np.asarray(np.sqrt((v + MIXTURE) / v * (np.log1p(v / MIXTURE) - 2 * np.log(level))))


def p_value(z: npt.ArrayLike, information: npt.ArrayLike) -> Floats:
    """Return the always-valid p-value of an estimate `z` standard errors off: the smallest level whose boundary it crosses.

    Examples
    --------
    >>> z = critical(100, 0.05)
    >>> p_value(z, 100).round(12)
    np.float64(0.05)
    """
    v = np.asarray(information, np.float64)
    growth: Any = 0.5 * (np.log1p(v / MIXTURE) - np.asarray(z) ** 2 * v / (v + MIXTURE))
    return np.asarray(np.exp(np.minimum(growth, 0)))
