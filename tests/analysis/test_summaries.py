"""Summaries say what the rows say, on any frame that carries results."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from nxsms_nb.analysis import failures, summary, throughput
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.results import columns, statuses
from nxsms_nb.views import plots
from nxsms_nb.wire import codes


def through_csv(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def by_hand(frame):
    """Failed rows by code or text, counted one by one."""
    failed = frame[frame["status"] == "Failure"]
    return Counter(
        int(code) if pd.notna(code) else reason for code, reason in zip(failed["code"], failed["reason"], strict=True)
    )


def test_summary_counts_every_row_once(made):
    """The six counts add up to the frame, and the two rates are over the answered rows alone."""
    sent = made(1000)
    table = summary.summary(sent).set_index("status")
    assert tuple(table.index) == statuses.STATUSES
    assert table["count"].to_dict() == {name: int((sent["status"] == name).sum()) for name in statuses.STATUSES}
    assert table["count"].sum() == len(sent)
    answered = table.loc[["Success", "Failure"]]
    assert answered["share"].tolist() == (answered["count"] / answered["count"].sum()).tolist()
    assert table.loc[["Invalid", "Unknown", "Unsent", "Skipped"], "share"].isna().all()
    assert table.loc["Success", "label"] == "accepted"


def test_summary_without_an_answer_has_no_rates(made):
    """Nothing was answered, so there is no share, not a share of zero."""
    for sent in (made(1000).query("status == 'Invalid'"), made(0)):
        table = summary.summary(sent)
        assert table["count"].sum() == len(sent)
        assert table["share"].isna().all()


def test_failures_are_counted_by_code(made):
    """One row a code, most frequent first, shares of the answered rows, explained by the code table."""
    sent = made(1000)
    table = failures.failures(sent)
    expected = by_hand(sent)
    counted = table["code"].astype(object).where(table["code"].notna(), table["meaning"])
    assert dict(zip(counted, table["count"], strict=True)) == expected
    assert table["count"].is_monotonic_decreasing
    answered = sent["status"].isin(["Success", "Failure"]).sum()
    assert table["share"].tolist() == (table["count"] / answered).tolist()
    first = codes.TABLE[table["code"].iloc[0]]
    assert table.loc[0, ["meaning", "scope", "advice"]].tolist() == [first.meaning, first.scope, first.advice]


def test_a_failure_without_a_code_keeps_the_gateways_text(made):
    """A text that is not in the code table is a cause of its own, with nobody's number in it."""
    sent = made(4).assign(
        status=["Failure", "Failure", "Failure", "Success"],
        code=[pd.NA, pd.NA, pd.NA, 0],
        reason=["no route to 8615088888888", "no route to 4915112345678", None, None],
    )
    table = failures.failures(sent)
    assert table["code"].isna().all()
    assert dict(zip(table["meaning"], table["count"], strict=True)) == {"no route to ••••••": 2, "no reason given": 1}


def test_an_undocumented_code_is_shown_as_such(made):
    """A code that the table lacks is counted and says that it is not documented."""
    table = failures.failures(made(2).assign(status="Failure", code=777))
    assert table[["code", "meaning", "count"]].to_numpy().tolist() == [[777, "(not documented)", 2]]


def test_rows_the_gateway_did_not_answer_are_shown_separately(made):
    """What validation refused and what did not leave is in columns of its own, never among the failures."""
    sent = made(6).assign(
        status=["Success", "Failure", "Invalid", "Invalid", "Unsent", "Invalid"],
        code=[0, 13005, 13005, pd.NA, 1102, 13009],
        reason=[None, "x", "x", "duplicate, an earlier row has the same key", "x", "x"],
    )
    table = failures.failures(sent)
    assert table[["count", "share", "invalid", "unsent"]].iloc[0].tolist() == [1, 0.5, 1, 0]
    assert table["count"].sum() == 1
    assert table["invalid"].sum() == 3
    assert table.set_index("meaning").loc["insufficient balance", "unsent"] == 1
    assert "duplicate" in table["meaning"].tolist()


def test_failures_by_a_column(made):
    """Each group has its own rate, and its codes add up to its failures; missing values are a group."""
    sent = made(2000)
    table = failures.failures(sent, "segment")
    for key, part in sent.groupby("segment", dropna=False, observed=True):
        mine = table[table["segment"].isna() if pd.isna(key) else table["segment"] == key]
        assert mine["count"].sum() == (part["status"] == "Failure").sum() == mine["failed"].iloc[0]
        assert mine["answered"].iloc[0] == part["status"].isin(["Success", "Failure"]).sum()
        assert mine["rate"].iloc[0] == mine["failed"].iloc[0] / mine["answered"].iloc[0]
        assert mine["invalid"].sum() == (part["status"] == "Invalid").sum()
    assert table["failed"].is_monotonic_decreasing


def test_failures_by_several_columns(made):
    """Groups by several columns are the combinations that occur."""
    sent = made(500)
    table = failures.failures(sent, ["segment", "phone"])
    expected = sent[sent["status"] == "Failure"].groupby(["segment", "phone"], dropna=False, observed=True).size()
    assert table.groupby(["segment", "phone"], dropna=False, observed=True)["count"].sum().sort_index().tolist() == (
        expected.sort_index().tolist()
    )
    assert_frame_equal(table, failures.failures(sent, ("segment", "phone")))


def test_a_group_without_failures_is_there(made):
    """A country where nothing fails is news too: its row has no code and a rate of zero."""
    sent = made(4).assign(status=["Success", "Success", "Failure", "Invalid"], code=[0, 0, 13009, 13005], g=[*"aabc"])
    table = failures.failures(sent, "g").set_index("g")
    assert table["rate"].to_dict() == pytest.approx({"b": 1.0, "a": 0.0, "c": float("nan")}, nan_ok=True)
    assert pd.isna(table.loc["a", "code"])
    assert table.loc["c", "invalid"] == 1


def test_groups_with_an_order_of_their_own_keep_it(made):
    """Numbers, ordered categories and hours come in their order, texts by how many failed."""
    sent = made(3000, per_second=0.2)
    hours = failures.failures(sent, "hour")["hour"].dropna()
    assert hours.is_monotonic_increasing
    assert set(hours) == set(sent["sent_at"].dt.hour.dropna().astype(int))
    sizes = pd.Categorical(np.resize(["S", "M", "L"], len(sent)), categories=["S", "M", "L"], ordered=True)
    assert failures.failures(sent.assign(size=sizes), "size")["size"].drop_duplicates().tolist() == ["S", "M", "L"]
    assert failures.failures(sent, "batch")["batch"].dropna().is_monotonic_increasing


def test_a_column_of_the_frame_goes_before_a_derived_one(made):
    """A frame that has its own hour is grouped by that."""
    table = failures.failures(made(100).assign(hour="noon"), "hour")
    assert table["hour"].unique().tolist() == ["noon"]


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("colour", "by='colour' is neither a column of the frame nor one of"),
        ("count", r"by='count' has the name of a column of the result.*'my_count'"),
        (["segment", "segment"], "by= names the column 'segment' twice"),
        ({"segment"}, "by= takes a column's name, as in by='name', and was given a set"),
        (["8615088888888"], "by='861••••••••88' is neither"),
        ("lists", "cannot be grouped"),
        ("arrow_lists", "cannot be grouped"),
    ],
)
def test_a_wrong_by_is_refused(made, by, said):
    """What cannot be grouped by is refused with the way out."""
    sent = made(5).assign(count=1)
    sent["lists"] = [[1]] * 5
    sent["arrow_lists"] = sent["lists"].astype(pd.ArrowDtype(pa.list_(pa.int64())))
    with pytest.raises(ColumnError, match=said):
        failures.failures(sent, by)


def test_throughput_counts_every_message_that_left(made):
    """Each row counts where its request ended, gaps are rows of zeros, and requests are counted once."""
    sent = made(3000)
    table = throughput.throughput(sent)
    left = sent[sent["sent_at"].notna()]
    ended = (left["sent_at"] + pd.to_timedelta(left["latency_ms"], unit="ms")).dt.floor("1s")
    expected = ended.value_counts().sort_index()
    busy = table[table["messages"] > 0]
    assert busy["messages"].tolist() == expected.tolist()
    assert list(busy.index) == list(expected.index)
    assert table["accepted"].sum() == (sent["status"] == "Success").sum()
    assert table["failed"].sum() == (sent["status"] == "Failure").sum()
    assert (table.index.to_series().diff().dropna() == pd.Timedelta("1s")).all()
    assert table["per_second"].tolist() == table["messages"].tolist()
    assert table.index.tz is not None


def test_throughput_counts_requests_of_a_batch_once(made):
    """All rows of a request are one request, however many there are."""
    sent = made(1000).assign(status="Success", latency_ms=10.0)
    sent = sent.assign(sent_at=sent["sent_at"].min(), batch=np.arange(1000) // 200)
    table = throughput.throughput(sent, "100ms")
    assert table[["messages", "requests", "per_second"]].to_numpy().tolist() == [[1000, 5, 10000.0]]


def test_throughput_of_rows_that_never_left_is_empty(made):
    """No request, no interval, the same columns."""
    for sent in (made(500).query("status == 'Invalid'"), made(0)):
        table = throughput.throughput(sent)
        assert len(table) == 0
        assert list(table.columns) == ["messages", "accepted", "failed", "requests", "per_second"]
        assert table.index.name == "time"


@pytest.mark.parametrize("freq", ["1s", "s", "250ms", "2min", pd.Timedelta("10s")])
def test_throughput_takes_every_length_of_time(made, freq):
    """Whatever the interval, the same messages are in it."""
    sent = made(2000)
    assert throughput.throughput(sent, freq)["messages"].sum() == sent["sent_at"].notna().sum()


@pytest.mark.parametrize("freq", ["often", "0s", "-1s", "month"])
def test_throughput_refuses_what_is_no_length_of_time(made, freq):
    """The message names the value and shows what is taken."""
    with pytest.raises(ConfigError, match="is not a valid interval"):
        throughput.throughput(made(5), freq)


def test_throughput_refuses_intervals_without_end(made):
    """Two runs a year apart in milliseconds would not fit into memory."""
    sent = made(400)
    later = sent.assign(sent_at=sent["sent_at"] + pd.Timedelta("365D"))
    both = pd.concat([sent, later])
    with pytest.raises(ConfigError, match="Take a longer one, as in freq='1D'"):
        throughput.throughput(both, "1ms")
    with pytest.raises(ConfigError, match="Take a longer one"):
        plots.throughput(both, freq="1h")


@pytest.mark.parametrize(("hours", "step"), [(0.1, 1), (2, 15), (24, 300), (24 * 30, 7200)])
def test_throughput_chooses_its_interval(made, hours, step):
    """Unasked, intervals are a second, or as long as keeps a long run within 600 rows."""
    sent = made(4000, per_second=4000 / hours / 3600)
    table = throughput.throughput(sent)
    assert table.index[1] - table.index[0] == pd.Timedelta(seconds=step)
    assert len(table) <= 601
    assert table["messages"].sum() == sent["sent_at"].notna().sum()


@pytest.mark.parametrize("read", [summary.summary, failures.failures, throughput.throughput])
def test_any_frame_that_carries_results_gives_the_same(made, read):
    """Reloaded, shuffled, put together from parts, prefixed: the same rows say the same."""
    sent = made(1500)
    expected = read(sent)
    assert_frame_equal(read(through_csv(sent)), expected)
    assert_frame_equal(read(sent.sample(frac=1, random_state=1)), expected)
    assert_frame_equal(read(pd.concat([sent[:100], through_csv(sent[100:])], ignore_index=True)), expected)
    assert_frame_equal(read(sent.add_prefix("sms_"), prefix="sms_"), expected)


@pytest.mark.parametrize("read", [summary.summary, failures.failures, throughput.throughput])
def test_where_results_came_from_is_kept(made, read):
    """What is read from sandbox results still says so."""
    sent = made(50)
    sent.attrs["nxsms"] = {"gateway": "sandbox"}
    assert columns.from_sandbox(read(sent))


@pytest.mark.parametrize("read", [summary.summary, failures.failures, throughput.throughput])
def test_a_frame_that_was_not_sent_is_refused(read):
    """Without results there is nothing to read, and the message says what to do."""
    with pytest.raises(ColumnError, match="Send it first"):
        read(pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]}))


def test_requests_of_two_journals_are_two(made):
    """Their numbers may be the same; the times they left at are not."""
    one, other = made(40), made(40)
    other["sent_at"] += pd.Timedelta("1ms")
    both = throughput.throughput(pd.concat([one, other]), "1h")["requests"].sum()
    assert both == 2 * throughput.throughput(one, "1h")["requests"].sum()


def test_a_batch_number_may_be_as_large_as_there_are(made):
    """Numbers are compared, not reckoned with."""
    sent = made(40)
    sent["batch"] += 2**62
    assert throughput.throughput(sent, "1h")["requests"].sum() == sent["batch"].nunique()


def test_a_prefix_that_is_no_text_is_refused(made):
    """Not an error of the library's own."""
    with pytest.raises(ConfigError, match="prefix=3 is not text"):
        summary.summary(made(3), 3)
