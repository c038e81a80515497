"""Intervals agree with what statsmodels computes."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from nxsms_nb.analysis.intervals import wilson


@pytest.mark.parametrize("level", [0.2, 0.05, 0.001])
def test_agrees_with_statsmodels(level: float) -> None:
    """Wilson's interval is that of statsmodels to 1e-12, for every count of small and some of large groups."""
    pairs = [(k, n) for n in (1, 2, 3, 7, 20, 101) for k in range(n + 1)]
    pairs += [(k, 10**6) for k in (0, 1, 17, 500_000, 10**6 - 1, 10**6)]
    hits, n = np.array(pairs).T
    expected = proportion_confint(hits, n, alpha=level, method="wilson")
    np.testing.assert_allclose(wilson(hits, n, level), expected, atol=1e-12)


def test_bounds_are_exact_at_the_ends() -> None:
    """A rate of 0 begins at exactly 0 and a rate of 1 ends at exactly 1."""
    low, high = wilson([0, 9], [9, 9])
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert 0 < high[0] < 1
    assert 0 < low[1] < 1


def test_an_empty_group_has_no_interval() -> None:
    """A group without rows has NaN for both bounds, and numpy says nothing."""
    with np.errstate(all="raise"):
        low, high = wilson(np.array([0, 1]), np.array([0, 4]))
    assert np.isnan(low).tolist() == [True, False]
    assert np.isnan(high).tolist() == [True, False]


def test_takes_scalars() -> None:
    """A single rate gives a single interval."""
    low, high = wilson(5, 10)
    assert float(low) == pytest.approx(0.2366, abs=1e-4)
    assert float(high) == pytest.approx(0.7634, abs=1e-4)
