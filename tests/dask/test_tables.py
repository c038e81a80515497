"""Tables of a Dask frame are those of the whole frame, wherever its partitions begin and whatever categories each has."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.results.statuses import RESULT_COLUMNS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release


@pytest.fixture(name="frame", scope="module")
def _frame(made):
    """A sent frame with gaps, categories, numbers and arms."""
    frame = made(3000)
    rng = np.random.default_rng(5)
    frame["plan"] = pd.Categorical(rng.choice(["b", "a", "c"], len(frame)), categories=["c", "b", "a"])
    frame["age"] = rng.integers(18, 90, len(frame)).astype(float)
    frame.loc[frame.index[::13], "age"] = np.nan
    frame["shop"] = pd.Series(rng.choice(["x", "y", None], len(frame)), index=frame.index)
    frame["variant"] = pd.Categorical(rng.choice(["A", "B", "holdout"], len(frame)))
    frame["bought"] = rng.random(len(frame)) < 0.2
    frame["spent"] = np.where(rng.random(len(frame)) < 0.3, rng.random(len(frame)) * 50, 0)
    return frame


@pytest.fixture(name="cut", params=range(3))
def _cut(request, dd, parted, frame):
    """The frame in partitions: some empty, some with categories of their own."""
    whole = parted(frame, request.param)

    def forgetful(piece):
        piece = piece.copy()
        for name in ("plan", "variant"):
            piece[name] = piece[name].cat.remove_unused_categories().astype("category")
        return piece

    return whole.map_partitions(forgetful, meta=frame.iloc[:0]) if request.param == 2 else whole


def alike(ours, theirs):
    """The two tables, and what they say."""
    pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs))
    for name in ("note", "words", "overall", "left", "columns"):
        assert ours.attrs.get(name) == theirs.attrs.get(name)


def test_a_summary_is_that_of_the_whole_frame(cut, frame):
    """Counts and shares are those of all rows."""
    alike(cut.nxsms.summary(), frame.nxsms.summary())


@pytest.mark.parametrize(
    "by",
    [None, "plan", "shop", "country", "length", "hour", "age", ["plan", "country"], "weekday", "encoding", "segments"],
)
def test_failures_are_those_of_the_whole_frame(cut, by):
    """By code, by columns of any kind, by what is derived, and by bins of numbers."""
    whole = cut.compute()
    alike(cut.nxsms.failures(by), whole.nxsms.failures(by))
    alike(cut.nxsms.failures(by, wide=True), whole.nxsms.failures(by, wide=True))


@pytest.mark.parametrize("freq", [None, "1s", "100ms", "1min"])
def test_throughput_is_that_of_the_whole_frame(cut, frame, freq):
    """Messages and requests of an interval are counted once, in whatever partitions their rows are."""
    alike(cut.nxsms.throughput(freq), frame.nxsms.throughput(freq))


def test_drivers_are_those_of_the_whole_frame(cut, frame):
    """The same slices are found, in the same words, with the same columns looked at."""
    ours, theirs = cut.nxsms.drivers(), frame.nxsms.drivers()
    assert ours["where"].tolist() == theirs["where"].tolist()
    alike(ours, theirs)
    named = cut.assign(country=cut["shop"].fillna("z"))
    alike(named.nxsms.drivers(), named.compute().nxsms.drivers())
    alike(cut.nxsms.drivers(["country", "age"]), frame.nxsms.drivers(["country", "age"]))


@pytest.mark.filterwarnings("ignore:.* repeat an earlier row's phone")
@pytest.mark.parametrize(
    "given", [{"outcome": "bought"}, {"outcome": "accepted"}, {"outcome": "spent", "sequential": True}]
)
def test_comparisons_are_those_of_the_whole_frame(cut, frame, given):
    """Rates and means, with the words on them."""
    alike(cut.nxsms.compare(**given), frame.nxsms.compare(**given))


def test_warnings_of_the_workers_reach_the_person(dd, parted):
    """A split that chance does not explain is warned of where the call was made."""
    frame = pd.DataFrame({"variant": ["A"] * 900 + ["B"] * 300, "bought": [0, 1] * 600})
    with pytest.warns(nx.SampleRatioWarning, match="sample ratio mismatch"):
        parted(frame).nxsms.compare(outcome="bought")


def test_tables_are_made_on_the_workers(dd, cluster, frame, parted):
    """With a cluster the tables are the same, and only they come here."""
    with cluster.as_current():
        alike(parted(frame).nxsms.summary(), frame.nxsms.summary())
        alike(parted(frame).nxsms.failures("country"), frame.nxsms.failures("country"))


def test_values_as_groups_are_refused_with_a_remedy(parted, frame):
    """Groups are named by columns."""
    with pytest.raises(nx.ColumnError, match=r"ddf.assign\(group=…\)"):
        parted(frame).nxsms.failures(frame["plan"])


ASKED = {
    "summary": lambda frame, prefix: frame.nxsms.summary(prefix=prefix),
    "failures": lambda frame, prefix: frame.nxsms.failures(prefix=prefix),
    "failures by a column": lambda frame, prefix: frame.nxsms.failures("plan", prefix=prefix),
    "failures by none": lambda frame, prefix: frame.nxsms.failures("town", prefix=prefix),
    "throughput": lambda frame, prefix: frame.nxsms.throughput(prefix=prefix),
    "drivers": lambda frame, prefix: frame.nxsms.drivers(prefix=prefix),
    "drivers of a column": lambda frame, prefix: frame.nxsms.drivers("plan", prefix=prefix),
    "drivers of none": lambda frame, prefix: frame.nxsms.drivers("town", prefix=prefix),
    "compare": lambda frame, prefix: frame.nxsms.compare(outcome="accepted", prefix=prefix),
    "compare receipts": lambda frame, prefix: frame.nxsms.compare(outcome="delivered", prefix=prefix),
    "compare by none": lambda frame, prefix: frame.nxsms.compare("town", outcome="accepted", prefix=prefix),
    "compare nothing": lambda frame, prefix: frame.nxsms.compare(outcome="town", prefix=prefix),
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("prefix", [3, None, b"p", "x_", ""])
def test_what_is_wrong_is_said_as_of_the_whole_frame(parted, frame, asked, prefix):
    """A prefix that is no text or another one, a column that is not there: in the same words, before a partition is computed."""
    renamed = frame.rename(columns={name: f"sms_{name}" for name in RESULT_COLUMNS})
    with pytest.raises(nx.NxsmsError) as theirs:
        ASKED[asked](renamed, prefix)
    with pytest.raises(type(theirs.value)) as ours:
        ASKED[asked](unreadable(parted(renamed)), prefix)
    assert str(ours.value) == str(theirs.value)


def unreadable(ddf):
    """The same frame, of which no partition can be computed."""
    from dask.dataframe.dispatch import make_meta

    def fail(piece):
        raise AssertionError

    return ddf.map_partitions(fail, meta=make_meta(ddf))
