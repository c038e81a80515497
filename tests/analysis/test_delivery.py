"""What arrived of the accepted rows, by group, and how soon."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from statsmodels.stats.proportion import proportion_confint

from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns, delivery
from tests.support.made import deliver
from tests.support.trips import TRIPS, through_excel

NAMES = ["rows", "delivered", "undelivered", "open", "rate", "low", "high", "median_s", "p95_s"]
NOON = pd.Timestamp("2026-03-03 12:00", tz="UTC")


@pytest.fixture(name="arrived", scope="module")
def _arrived(made):
    return deliver(made(4000))


def sent_of(numbers, seconds=8.0, status="Success", **own):
    """A sent frame with one row for each number of a receipt, delivered so many seconds after noon."""
    sent = columns.empty(len(numbers)).assign(
        status=status, messageid=[f"n{i}" for i in range(len(numbers))], sent_at=NOON
    )
    received = delivery.empty(len(numbers)).assign(
        dr_status=pd.array(numbers, "Int64"), dr_time=NOON + pd.to_timedelta(seconds, unit="s")
    )
    received["dr_time"] = received["dr_time"].where(received["dr_status"].notna())
    return sent.join(received.astype(delivery.DTYPES)).assign(**own)


def test_every_accepted_row_is_delivered_undelivered_or_open(arrived):
    """Counted by hand; the rate is of the final receipts and its interval Wilson's; times are of the delivered alone."""
    (row,) = arrived.nxsms.delivery().to_dict("records")
    assert list(row) == NAMES
    accepted = arrived[arrived["status"] == "Success"]
    here = accepted["dr_status"].isin([2])
    gone = accepted["dr_status"].isin(range(5, 12))
    assert (row["rows"], row["delivered"], row["undelivered"]) == (len(accepted), here.sum(), gone.sum())
    assert row["open"] == len(accepted) - here.sum() - gone.sum() > 0
    assert row["rate"] == here.sum() / (here | gone).sum()
    expected = proportion_confint(here.sum(), (here | gone).sum(), method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(expected)
    took = (accepted["dr_time"] - accepted["sent_at"]).dt.total_seconds()[here]
    assert (row["median_s"], row["p95_s"]) == pytest.approx((took.median(), took.quantile(0.95)))


def test_groups_are_those_of_failures_and_the_network(arrived):
    """Own columns, what is derived and the receipts' network; the groups' counts add up to those of all."""
    whole = arrived.nxsms.delivery()
    for by in (
        "country",
        "segment",
        "network",
        "hour",
        "segments",
        "encoding",
        ["country", "network"],
        arrived["batch"],
    ):
        table = arrived.nxsms.delivery(by)
        assert list(table.columns)[-len(NAMES) :] == NAMES
        assert table[NAMES[:4]].sum().tolist() == whole[NAMES[:4]].iloc[0].tolist()
        for row in table.to_dict("records"):
            assert row["rows"] == row["delivered"] + row["undelivered"] + row["open"] > 0
    one = arrived.nxsms.delivery("country").set_index("country").loc["CN"]
    only = arrived[arrived["phone"].str.startswith("86")].nxsms.delivery().iloc[0]
    assert one.tolist() == pytest.approx(only.tolist())


def test_groups_stand_in_their_order_or_most_undelivered_first(arrived):
    """As in `failures`: hours stay hours, countries are ranked, missing values are a group."""
    assert arrived.nxsms.delivery("country")["undelivered"].is_monotonic_decreasing
    assert arrived.assign(slot=np.arange(len(arrived)) % 5).nxsms.delivery("slot")["slot"].tolist() == list(range(5))
    assert arrived.nxsms.delivery("segment")["segment"].isna().sum() == 1


def test_whether_groups_differ_by_more_than_chance_is_said(made):
    """A country to which nothing arrives stands out, and groups drawn at random do not."""
    frame = deliver(made(3000))
    frame["shop"] = np.random.default_rng(8).choice(["a", "b", "c"], len(frame))
    assert "no more than chance" in frame.nxsms.delivery("shop").attrs["note"]
    lost = frame["phone"].str.startswith("60") & (frame["dr_status"] == 2)
    frame.loc[lost, "dr_status"] = 5
    table = frame.nxsms.delivery("country")
    assert "differ more than chance would: p < 0.001" in table.attrs["note"]
    assert table["country"].iloc[0] == "MY"
    assert table.attrs["overall"]["rows"] == table["rows"].sum()


@pytest.mark.parametrize("trip", TRIPS)
def test_any_frame_that_carries_receipts_gives_the_same(arrived, trip):
    """Wherever the frame has been."""
    sent = arrived.head(600)
    for by in (None, "network", "country"):
        expected = sent.nxsms.delivery(by)
        loose = {"rtol": 1e-2} if trip is through_excel else {}
        travelled = trip(sent).assign(phone=sent["phone"])
        assert_frame_equal(travelled.nxsms.delivery(by), expected, check_exact=False, check_dtype=False, **loose)


def test_a_prefix_and_a_repeated_index(arrived):
    """Under the prefix of the results, which the receipts' network has too; the index is not looked at."""
    frame = arrived.rename(columns=lambda name: name if name in ("phone", "content", "segment") else f"sms_{name}")
    doubled = pd.concat([frame, frame])
    table = doubled.nxsms.delivery("network", prefix="sms_")
    expected = arrived.nxsms.delivery("network")
    assert table["network"].tolist() == expected["network"].tolist()
    assert (table[NAMES[:4]] == 2 * expected[NAMES[:4]]).all(axis=None)
    assert table["median_s"].tolist() == pytest.approx(expected["median_s"].tolist(), nan_ok=True)


@pytest.mark.parametrize("by", [None, "country", "network"])
def test_no_rows_and_nothing_accepted(made, by):
    """One row of nothing without groups, and no group where nothing was accepted."""
    sent = deliver(made(300))
    for some in (sent[:0], sent[sent["status"] == "Failure"]):
        table = some.nxsms.delivery(by)
        assert list(table.columns)[-len(NAMES) :] == NAMES
        assert table[NAMES[:4]].to_numpy().tolist() == ([[0, 0, 0, 0]] if by is None else [])
        assert table[NAMES[4:]].isna().all(axis=None)
        assert table.dtypes.loc["rows":"open"].astype(str).tolist() == ["int64"] * 4


def test_all_open():
    """Receipts that say nothing final, and none at all, leave the rate unknown."""
    table = sent_of([12, None, 1, 3]).nxsms.delivery()
    assert table.loc[0, "rows":"open"].tolist() == [4, 0, 0, 4]
    assert table.loc[0, "rate":].isna().all()


def test_rows_that_were_not_accepted_count_nowhere():
    """A receipt of a refused row, which nobody should push, does not make it delivered."""
    frame = sent_of([2, 2, 2, 2, 2, 2], status=list(columns.STATUS.categories))
    assert frame.nxsms.delivery().loc[0, "rows":"open"].tolist() == [1, 1, 0, 0]


def test_delays_before_sending_are_no_delays():
    """A minute is two clocks and counts as at once; more is another zone, is told with the remedy, and counts as delivered."""
    table = sent_of([2, 2, 2, 5], [-0.7, -59, 20, -8 * 3600]).nxsms.delivery()
    assert table.loc[0, ["delivered", "median_s"]].tolist() == [3, 0.0]
    assert "note" not in table.attrs or not table.attrs["note"]
    table = sent_of([2, 2, 2], [-8 * 3600, -61, 20]).nxsms.delivery()
    assert table.loc[0, ["delivered", "median_s", "p95_s"]].tolist() == [3, 20.0, 20.0]
    assert "2 receipts lie over a minute before sending" in table.attrs["note"]
    assert "sent.nxsms.receipts(client, tz='…')" in table.attrs["note"]
    all_early = sent_of([2, 2], -8 * 3600).nxsms.delivery()
    assert all_early.loc[0, ["median_s", "p95_s"]].isna().all()


def test_a_delivery_without_a_time_is_delivered(arrived):
    """It has no delay, and counts in everything else."""
    frame = sent_of([2, 2]).assign(dr_time=pd.Series([pd.NaT, NOON + pd.Timedelta("3s")]))
    assert frame.nxsms.delivery().loc[0, ["delivered", "rate", "median_s"]].tolist() == [2, 1.0, 3.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="dr_status"), r"no delivery receipts.*sent = sent\.nxsms\.receipts\(client\)"),
        (lambda f: f.drop(columns="batch"), "carries no results"),
        (lambda f: f.assign(dr_time="soon"), "'dr_time' holds 'soon', which is not a time"),
    ],
)
def test_what_is_lacking_is_named(arrived, change, said):
    """Without results, without receipts, and with columns that something rewrote."""
    with pytest.raises(ColumnError, match=said):
        change(arrived).nxsms.delivery()


@pytest.mark.parametrize("name", ["rows", "open", "median_s"])
def test_a_group_named_like_a_result_is_refused(arrived, name):
    """The message says how to rename it."""
    with pytest.raises(ColumnError, match=f"by='{name}' has the name of a column of the result.*my_{name}"):
        arrived.assign(**{name: 1}).nxsms.delivery(by=name)


def test_segments_of_receipts_do_not_group_failures(arrived):
    """A failed row has no receipt: its segments are counted from its text, as before receipts were joined."""
    plain = delivery.drop(arrived)
    assert_frame_equal(arrived.nxsms.failures(by="segments"), plain.nxsms.failures(by="segments"))
    own = plain.assign(segments="of customers")
    assert set(own.nxsms.failures(by="segments")["segments"]) == {"of customers"}


def test_the_network_may_explain_what_was_not_delivered_but_not_what_was_refused(arrived):
    """Only accepted rows have one; it is looked at for delivery, under any prefix, and for nothing else."""
    frame = arrived.copy()
    lost = (frame["network"] == "EE") & (frame["dr_status"] == 2) & (np.arange(len(frame)) % 2 == 0)
    frame.loc[lost, "dr_status"] = 5
    found = frame.nxsms.drivers(outcome="delivered")
    assert found["slice"].tolist() == [{"network": "EE"}]
    assert len(frame.nxsms.select(found["slice"][0])) == (frame["network"] == "EE").sum()
    assert "network" not in frame.nxsms.drivers().attrs["columns"]
    other = frame.rename(columns=lambda name: name if name in ("phone", "content", "segment") else f"sms_{name}")
    assert other.nxsms.drivers(outcome="delivered", prefix="sms_")["slice"].tolist() == [{"network": "EE"}]
