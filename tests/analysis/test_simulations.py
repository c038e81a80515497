"""Comparisons keep what they say: seeded simulations, smaller than those of ``python -m benchmarks.experiments``."""

import numpy as np
import pytest

import nxsms_nb as nx
from tests.support import experiments as simulated

RUNS = 2000


def at_most(hits, share):
    """Whether something happens no more often than that, up to two standard errors."""
    return np.mean(hits) <= share + 2 * np.sqrt(share * (1 - share) / np.size(hits))


def about(hits, share, *, off=0.01):
    """Whether something happens about so often: within `off` and three standard errors."""
    return abs(np.mean(hits) - share) <= off + 3 * np.sqrt(share * (1 - share) / np.size(hits))


@pytest.mark.parametrize("p", [(0.1, 0.1), (0.95, 0.95), (0.1, 0.13)])
@pytest.mark.parametrize("n", [(200, 200), (9000, 1000)])
def test_intervals_of_rates_hold_the_truth_and_the_test_keeps_its_level(n, p):
    """Wilson, Newcombe and MOVER-R in about 95% of experiments; chance is called a difference in about 5%."""
    found = simulated.rates(RUNS, n, p)
    for name, truth in (("rate", p[1]), ("diff", p[1] - p[0]), ("lift", p[1] / p[0] - 1)):
        assert about(simulated.holds(found, name, truth), 0.95, off=0.02), name
    if p[0] == p[1]:
        assert about(found["p"][1] < 0.05, 0.05)


def test_a_test_of_few_does_not_call_chance_a_difference():
    """Where fewer than five are expected in a cell, Fisher's exact test errs less often than it may."""
    assert at_most(simulated.rates(RUNS, (50, 50), (0.02, 0.02))["p"][1] < 0.05, 0.05)
    assert at_most(simulated.rates(RUNS, (900, 20), (0.05, 0.05))["p"][1] < 0.05, 0.05)


@pytest.mark.parametrize("shape", simulated.SHAPES)
def test_intervals_of_means_hold_the_truth_and_the_test_keeps_its_level(shape):
    """Student, Welch and Fieller in about 95%, of skewed values too where there are enough of them."""
    mean = simulated.SHAPES[shape][1]
    for lift in (0.0, 0.1):
        found = simulated.numbers(RUNS, shape, (1000, 1000), lift)
        for name, truth in (("rate", mean * (1 + lift)), ("diff", mean * lift), ("lift", lift)):
            assert about(simulated.holds(found, name, truth), 0.95, off=0.015), (name, lift)
        if not lift:
            assert about(found["p"][1] < 0.05, 0.05)


@pytest.mark.parametrize("kind", ["rate", "number"])
def test_people_with_several_rows_are_no_more_often_called_different(kind):
    """The delta method keeps its level; as if rows were independent it is exceeded, which is what the warning is about."""
    found, naive, truth = simulated.people(1000, 100, kind)
    assert about(found["p"][1] < 0.05, 0.05)
    assert about(simulated.holds(found, "rate", truth), 0.95)
    assert about(simulated.holds(found, "diff", 0), 0.95)
    assert np.mean(naive["p"][1] < 0.05) > 0.07


def test_several_arms_are_no_more_often_called_different_than_one():
    """By p_adjusted any of nine arms in at most 5% of experiments, by p in a quarter of them."""
    by_p, by_adjusted = simulated.several(RUNS, 10)
    assert at_most(by_adjusted, 0.05)
    assert by_p.mean() > 0.2


@pytest.mark.parametrize(
    ("arriving", "total", "p"), [("rows", 1000, 0.5), ("rows", 10_000, 0.05), ("outcomes", 10_000, 0.05)]
)
def test_twenty_looks_err_no_more_often_than_one(arriving, total, p):
    """With sequential=True in at most 5% of experiments at any look, where peeking errs in a quarter of them."""
    found = simulated.watched(simulated.looks_at_rates(RUNS, (p, p), total=total, arriving=arriving))
    assert at_most(found["always"], 0.05)
    assert at_most(~found["inside"], 0.05)
    assert found["naive"].mean() > 0.2


def test_twenty_looks_at_numbers_err_no_more_often_than_one():
    """The same of spending, most of it 0."""
    found = simulated.watched(simulated.looks_at_numbers(1000, 0.0, total=2000))
    assert at_most(found["always"], 0.05)
    assert at_most(~found["inside"], 0.05)


def test_twenty_looks_at_people_with_several_rows_err_no_more_often_than_one():
    """The same with unit=, of people who come in from look to look."""
    found = simulated.watched(simulated.looks_at_people(300, people=200), units=True)
    assert at_most(found["always"], 0.05)
    assert at_most(~found["inside"], 0.05)


def test_looking_finds_what_is_there():
    """A difference that one look at the end finds almost always is found, and on average after half of the rows."""
    found = simulated.watched(simulated.looks_at_rates(RUNS, (0.05, 0.065), total=10_000, arriving="rows"))
    assert found["always"].mean() > 0.93
    assert found["stopped"].mean() / simulated.LOOKS < 0.55
    assert at_most(~found["inside"], 0.05)


@pytest.mark.parametrize(("base", "lift"), [(0.04, 0.02), (0.1, -0.03), (0.5, 0.05)])
def test_so_many_rows_give_the_power_they_are_to_give(base, lift):
    """What nx.sample_size says finds the difference in 80% of experiments."""
    n = nx.sample_size(base, lift)
    found = simulated.rates(4000, (n, n), (base, base + lift))
    assert about(found["p"][1] < 0.05, 0.8, off=0.005)


def test_people_of_whom_nobody_was_treated_do_not_differ():
    """A/A by the public methods: assigned anew by each campaign's name, about 5% of p-values are below 0.05."""
    found = simulated.aa(250, rows=600)
    assert about(found["rate"] < 0.05, 0.05)
    assert about(found["mean"] < 0.05, 0.05)
    assert at_most(found["any"], 0.05)
    assert found["mismatch"].mean() < 0.01
    assert found["share"].mean() == pytest.approx(0.5, abs=0.005)
    assert found["holdout"].mean() == pytest.approx(0.1, abs=0.005)
