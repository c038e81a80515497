"""Whether groups differ by more than chance."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.formatting import count

__all__ = ["LEVEL"]

_EXPECTED: Final = 5.0
_DRAWS: Final = 9_999
_CELLS: Final = 400_000
"""The most that is drawn, so that the dashboard stays responsive."""

_MOST_GROUPS: Final = 4_000
"""More groups than this, with so few rows each, are not tested."""

_SEED: Final = 20_260_101
LEVEL: Final = 0.05


def p_value(total: npt.ArrayLike, hits: npt.ArrayLike) -> float | None:
    """Return the p-value of a test that all groups have one rate; None where it cannot be tested.

    Pearson's chi-squared; where an expected count is below five, its distribution from up to 9,999 draws with the same
    margins, always the same for the same counts.

    Examples
    --------
    >>> round(p_value([100, 100], [10, 20]), 4), p_value([100], [10])
    (0.0477, None)
    """
    n, k = np.asarray(total, np.int64), np.asarray(hits, np.int64)
    n, k = n[n > 0], k[n > 0]
    rows, bad = int(n.sum()), int(k.sum())
    if len(n) < 2 or not 0 < bad < rows:
        return None
    statistic = float(_chi_squared(k[None, :], n, rows, bad)[0])
    if n.min() * min(bad, rows - bad) / rows >= _EXPECTED:
        from scipy.special import gammaincc  # noqa: PLC0415 - for those who group

        return float(gammaincc((len(n) - 1) / 2, statistic / 2))
    if len(n) > _MOST_GROUPS:
        return None
    draws = int(min(_DRAWS, max(99, _CELLS // len(n))))
    rng = np.random.default_rng(_SEED)
    drawn = rng.multivariate_hypergeometric(n, bad, size=draws, method="marginals")
    # A tie with the observed value counts as beyond it, however the sum is rounded.
    beyond = int((_chi_squared(drawn, n, rows, bad) >= statistic * (1 - 1e-9)).sum())
    return (1 + beyond) / (1 + draws)


def _chi_squared(k: npt.NDArray[Any], n: npt.NDArray[Any], rows: int, bad: int) -> npt.NDArray[np.float64]:
    expected = n * (bad / rows)
    found: npt.NDArray[np.float64] = ((k - expected) ** 2 / (expected * (1 - bad / rows))).sum(axis=1)
    return found


def chance_words(groups: int, p: float | None) -> str:
    """Say whether groups differ; empty where nothing can be said.

    Examples
    --------
    >>> chance_words(3, 0.213), chance_words(3, 0.00001), chance_words(2, None)
    ('These 3 groups differ no more than chance would: p = 0.21.', 'These 3 groups differ more than chance would: p < 0.001.', '')
    """
    if p is None:
        return ""
    than = "no more" if p > LEVEL else "more"
    digits = 2 if p >= 0.095 else 3
    shown = f"p = {p:.{digits}f}" if p >= 0.001 else "p < 0.001"
    return f"These {count(groups, 'group')} differ {than} than chance would: {shown}."
