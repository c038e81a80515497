"""The formulas of comparisons: equal to scipy and statsmodels where they have them, and to published examples."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import integrate, stats
from statsmodels.stats import multitest, proportion, weightstats

import nxsms_nb as nx
from nxsms_nb.analysis import contrasts, means, sequential
from nxsms_nb.analysis.means import Estimate

TABLES = [
    (56, 70, 48, 80),
    (9, 10, 3, 10),
    (5, 56, 0, 29),
    (2, 2000, 9, 1500),
    (940, 1000, 961, 1000),
    (30, 40, 30, 40),
]
CLOSE = {"rel": 1e-9, "abs": 1e-9}
SLEEP = np.array(
    [[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]]
)
"""Student's sleep data (1908), as in R's datasets."""


def compared(hits, n, control_hits, control_n, level=0.05, *, sequential=False):
    columns = contrasts.of_counts([control_hits, hits], [control_n, n], 0, level, sequential=sequential)
    return {name: float(values[1]) for name, values in columns.items()}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_rates_are_those_of_statsmodels_and_scipy(table, level):
    """Wilson, Newcombe, the pooled z-test and Fisher's exact test, to nine digits."""
    hits, n, control_hits, control_n = table
    found = compared(*table, level)
    low, high = proportion.proportion_confint(hits, n, level, method="wilson")
    assert (found["low"], found["high"]) == (pytest.approx(low, **CLOSE), pytest.approx(high, **CLOSE))
    low, high = proportion.confint_proportions_2indep(*table, method="newcomb", compare="diff", alpha=level)
    assert (found["diff_low"], found["diff_high"]) == (pytest.approx(low, **CLOSE), pytest.approx(high, **CLOSE))
    counts = [[hits, n - hits], [control_hits, control_n - control_hits]]
    if stats.contingency.expected_freq(counts).min() < 5:
        expected = stats.fisher_exact(counts).pvalue
    else:
        expected = proportion.proportions_ztest([hits, control_hits], [n, control_n])[1]
        assert stats.chi2_contingency(counts, correction=False).pvalue == pytest.approx(expected, **CLOSE)
    assert found["p"] == pytest.approx(expected, **CLOSE)


def test_rates_are_as_published():
    """Examples of Newcombe (1998) and of Fagerland, Lydersen & Laake (2017), chapter 4."""
    # Newcombe, Stat. Med. 17, 873-890, table II, method 10: 56/70 against 48/80, 9/10 against 3/10.
    found = compared(56, 70, 48, 80)
    assert [round(found[name], 4) for name in ("diff", "diff_low", "diff_high")] == [0.2, 0.0524, 0.3339]
    found = compared(9, 10, 3, 10)
    assert [round(found[name], 4) for name in ("diff", "diff_low", "diff_high")] == [0.6, 0.1705, 0.8090]
    # Newcombe, Stat. Med. 17, 857-872, table I, method 3: 81/263 and 15/148.
    found = contrasts.of_counts([81, 15], [263, 148], 0, 0.05, sequential=False)
    assert found["low"].round(4).tolist() == [0.2553, 0.0624]
    assert found["high"].round(4).tolist() == [0.3662, 0.1605]
    # High against standard doses of epinephrine (Perondi et al., 2004): 7 of 34 and 1 of 34; the ratio by MOVER-R Wilson.
    found = compared(7, 34, 1, 34)
    assert [round(found[name], 4) for name in ("diff", "diff_low", "diff_high")] == [0.1765, 0.0189, 0.3404]
    assert [round(1 + found[name], 4) for name in ("lift", "lift_low", "lift_high")] == [7.0, 1.1537, 41.9763]
    # Fisher's exact test on CHRNA4 genotype and XFS (Ritland et al., 2007): 0 of 16 and 15 of 72.
    assert round(compared(0, 16, 15, 72)["p"], 5) == 0.06287


@pytest.mark.parametrize("table", [*TABLES, (7, 34, 1, 34), (0, 50, 8, 50), (50, 50, 41, 50)])
def test_the_lift_solves_what_defines_it_and_agrees_with_the_difference(table):
    """Its bounds are where the interval of rate - ratio x control's rate touches 0; it excludes 0 where the difference does."""
    hits, n, control_hits, control_n = table
    found = compared(*table)
    if not control_hits:
        assert np.isnan([found["lift"], found["lift_low"], found["lift_high"]]).all()
        return
    p, p0 = hits / n, control_hits / control_n
    (low, high), (low0, high0) = (
        proportion.proportion_confint(*each, method="wilson") for each in ((hits, n), (control_hits, control_n))
    )
    ratio = 1 + found["lift_high"]
    assert p - ratio * p0 + np.hypot(high - p, ratio * (p0 - low0)) == pytest.approx(0, abs=1e-9)
    ratio = 1 + found["lift_low"]
    assert p - ratio * p0 - np.hypot(p - low, ratio * (high0 - p0)) == pytest.approx(0, abs=1e-9)
    assert (found["lift_low"] > 0) == (found["diff_low"] > 0)
    assert (found["lift_high"] < 0) == (found["diff_high"] < 0)


@pytest.mark.parametrize("level", [0.05, 0.1])
def test_means_are_those_of_scipy_and_statsmodels(level):
    """Student's interval, Welch's test and its interval, to nine digits."""
    rng = np.random.default_rng(1)
    arm, control = rng.gamma(2, 10, 60), rng.gamma(3, 7, 45)
    stacked = [means.of_rows(values) for values in (control, arm)]
    columns = contrasts.of_means(
        Estimate(*(np.array([getattr(each, name) for each in stacked]) for name in ("mean", "variance", "df", "rows"))),
        0, level, sequential=False,
    )  # fmt: skip
    test = stats.ttest_ind(arm, control, equal_var=False)
    both = weightstats.CompareMeans(weightstats.DescrStatsW(arm), weightstats.DescrStatsW(control))
    assert columns["p"][1] == pytest.approx(test.pvalue, **CLOSE)
    for expected in (test.confidence_interval(1 - level), both.tconfint_diff(level, usevar="unequal")):
        assert (columns["diff_low"][1], columns["diff_high"][1]) == pytest.approx(tuple(expected), **CLOSE)
    expected = stats.t.interval(1 - level, len(arm) - 1, arm.mean(), stats.sem(arm))
    assert (columns["low"][1], columns["high"][1]) == pytest.approx(expected, **CLOSE)
    # Fieller: the ratios that a Welch test of arm - ratio x control would not reject.
    t = columns["diff_high"][1] - columns["diff"][1]
    t /= np.sqrt(stacked[0].variance + stacked[1].variance)
    for bound in (columns["lift_low"][1] + 1, columns["lift_high"][1] + 1):
        off = abs(arm.mean() - bound * control.mean())
        assert off == pytest.approx(t * np.sqrt(stacked[1].variance + bound**2 * stacked[0].variance), rel=1e-9)


def test_means_are_as_published():
    """Welch's test on Student's sleep data, as R's manual has it: p = 0.07939, from -3.3654832 to 0.2054832."""
    frame = pd.DataFrame({"variant": ["2"] * 10 + ["1"] * 10, "extra": [*SLEEP[1], *SLEEP[0]]})
    found = frame.nxsms.compare(outcome="extra", control="2").set_index("variant").loc["1"]
    assert round(found["p"], 5) == 0.07939
    assert round(found["diff_low"], 7) == -3.3654832
    assert round(found["diff_high"], 7) == 0.2054832


def test_clusters_are_those_of_a_regression_with_clustered_errors():
    """The delta method over units is the sandwich estimator of statsmodels, with its small-sample factor."""
    rng = np.random.default_rng(2)
    unit = np.sort(rng.integers(0, 80, 400))
    values = rng.normal(size=400) + rng.normal(size=80)[unit]
    unit = np.unique(unit, return_inverse=True)[1]
    model = sm.OLS(values, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": unit})
    found = means.of_units(values, unit)
    assert found.mean == pytest.approx(model.params[0], **CLOSE)
    assert np.sqrt(found.variance) == pytest.approx(model.bse[0], **CLOSE)
    assert found.df == unit.max()


def test_units_of_one_row_are_independent_rows():
    """With one row a unit the delta method gives what rows by themselves give."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"variant": ["A", "B"] * 200, "amount": rng.gamma(1, 5, 400), "who": np.arange(400)})
    plain, by_unit = frame.nxsms.compare(outcome="amount"), frame.nxsms.compare(outcome="amount", unit="who")
    pd.testing.assert_frame_equal(pd.DataFrame(by_unit.drop(columns="units")), pd.DataFrame(plain[plain.columns]))


def test_holm_is_that_of_statsmodels():
    """Adjusted p-values, missing ones left out of the count; the example is that of most textbooks."""
    assert contrasts.holm([0.01, 0.04, 0.03, 0.005]).round(12).tolist() == [0.03, 0.06, 0.06, 0.02]
    p = np.random.default_rng(4).uniform(size=7) ** 3
    assert contrasts.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1], **CLOSE)
    assert np.isnan(contrasts.holm([np.nan, 0.2])[0])


@pytest.mark.parametrize(
    ("hits", "n"), [([0, 0], [50, 50]), ([50, 50], [50, 50]), ([0, 3], [0, 9]), ([0, 9], [4, 9]), ([0, 0], [1, 1])]
)
@pytest.mark.parametrize("sequential", [False, True])
def test_at_the_edges_nothing_is_claimed(hits, n, sequential):
    """No hits, all hits, no rows or one: bounds stay within their ranges, and what cannot be told is missing, not wrong."""
    found = contrasts.of_counts(hits, n, 0, 0.05, sequential=sequential)
    for name, least, most in (("low", 0, 1), ("high", 0, 1), ("diff_low", -1, 1), ("diff_high", -1, 1), ("p", 0, 1)):
        there = found[name][~np.isnan(found[name])]
        assert ((there >= least) & (there <= most)).all(), name
    if hits[0] == hits[1] and n[0] == n[1]:
        assert found["p"][1] == 1
        assert found["diff_low"][1] < 0 < found["diff_high"][1]
    if not n[0]:
        assert np.isnan([found["diff"][1], found["p"][1], found["lift"][1]]).all()


def test_clusters_without_variance_are_not_certain():
    """No hit in an arm of people does not make its rate exactly 0: its bounds are those of as many independent rows."""
    frame = pd.DataFrame({"variant": ["A"] * 60 + ["B"] * 60, "phone": [f"86150888{i // 3:05d}" for i in range(120)],
                          "bought": [0] * 60 + ([1, 1, 1] * 8 + [0] * 36)})  # fmt: skip
    found = frame.nxsms.compare(outcome="bought", unit="phone").set_index("variant")
    assert found.loc["A", ["low", "high"]].tolist() == pytest.approx(
        proportion.proportion_confint(0, 20, method="wilson")
    )
    assert found.loc["B", "p"] == pytest.approx(stats.fisher_exact([[8, 12], [0, 20]]).pvalue)
    assert found.loc["B", "diff_low"] > 0
    assert found["units"].tolist() == [20, 20]


def test_the_boundary_is_that_of_the_mixture():
    """At the critical value the likelihood ratio, averaged over the mixture, is 1/level; the p-value is its inverse."""
    width = 1 / np.sqrt(sequential.MIXTURE)
    for v in (3.0, 80.0, 2500.0):
        z = float(sequential.critical(v, 0.05))
        s = z * np.sqrt(v)
        peak = s / (v + sequential.MIXTURE)
        ratio = integrate.quad(
            lambda x, v=v, s=s: np.exp(x * s - x * x * v / 2) * stats.norm.pdf(x, scale=width),
            peak - 12 / np.sqrt(v + sequential.MIXTURE), peak + 12 / np.sqrt(v + sequential.MIXTURE),
        )[0]  # fmt: skip
        assert ratio == pytest.approx(20, rel=1e-6)
        assert float(sequential.p_value(z, v)) == pytest.approx(0.05)
        assert float(sequential.p_value(0.0, v)) == 1


def test_intervals_that_always_hold_are_the_wider_ones():
    """Looking often costs: intervals contain those of one look, and the p-value is larger."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        n, n0 = rng.integers(20, 5000, 2)
        hits, hits0 = rng.binomial(n, rng.uniform()), rng.binomial(n0, rng.uniform())
        once, always = compared(hits, n, hits0, n0), compared(hits, n, hits0, n0, sequential=True)
        assert always["p"] >= once["p"] or once["p"] > 0.2
        for name in ("low", "diff_low"):
            assert always[name] <= once[name]
        for name in ("high", "diff_high"):
            assert always[name] >= once[name]


def test_the_sample_size_is_that_of_statsmodels_and_r():
    """The formula of Fleiss, rounded up; R's manual: 76.7 rows an arm find 0.5 against 0.75 with power 0.9."""
    assert nx.sample_size(0.5, 0.25, power=0.9) == 77
    for base, lift, power, level in [(0.04, 0.02, 0.8, 0.05), (0.9, 0.03, 0.9, 0.01), (0.3, -0.1, 0.8, 0.1)]:
        expected = proportion.samplesize_proportions_2indep_onetail(
            lift, base, power, alpha=level, alternative="two-sided"
        )
        assert nx.sample_size(base, lift, power=power, level=level) == np.ceil(expected)
    assert nx.sample_size(0.04, 0.02, arms=4) == nx.sample_size(0.04, 0.02, level=0.05 / 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base": 4, "lift": 0.02}, "base=4 is not a share"),
        ({"base": 0.04, "lift": 0}, "lift=0 is not a difference"),
        ({"base": 0.04, "lift": 2}, "absolute points"),
        ({"base": 0.04, "lift": -0.04}, "absolute points"),
        ({"base": 0.04, "lift": 0.02, "power": 1}, "power=1"),
        ({"base": 0.04, "lift": 0.02, "power": 0.04}, "not above level"),
        ({"base": 0.04, "lift": 0.02, "arms": 1}, "arms=1"),
        ({"base": True, "lift": 0.02}, "base=True"),
    ],
)
def test_a_sample_size_of_nothing_sensible_is_refused(options, words):
    """The error names the option, its value and what it takes."""
    with pytest.raises(nx.ConfigError, match=words):
        nx.sample_size(**options)
