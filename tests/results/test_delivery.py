"""Delivery columns: joined on by id, read back whatever a frame went through, and which of two receipts counts."""

import itertools

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_index_equal

import nxsms_nb as nx
from nxsms_nb.errors import ColumnError
from nxsms_nb.invocation import Invocation
from nxsms_nb.results import columns, delivery
from tests.support.trips import TRIPS, through_csv, through_excel

WORDS = {2: "DELIVRD", 5: "UNDELIV", 9: "DND", 12: "UNKNOWN"}
NOON = pd.Timestamp("2026-03-03 12:00", tz="UTC")


def receipts(ids, status=2, minutes=0.0, **facts):
    """Receipts of ids, all with the same number or each with its own; `minutes` after noon."""
    table = pd.DataFrame({"messageid": ids, **delivery.empty(len(ids))})
    table["dr_status"] = pd.array(status if isinstance(status, list) else [status] * len(ids), "Int64")
    table["dr"] = [WORDS.get(number, "") for number in table["dr_status"].fillna(0)]
    table["dr_time"] = NOON + pd.to_timedelta(minutes, unit="min").round("s")
    return table.assign(**facts).astype(delivery.DTYPES | {"messageid": columns.TEXT})


@pytest.fixture(name="arrived")
def _arrived(made):
    """A sent frame of which most accepted rows have a receipt."""
    sent = made(300)
    ids = sent.loc[sent["status"] == "Success", "messageid"].tolist()[:-20]
    rng = np.random.default_rng(3)
    facts = {
        "price": rng.choice([0.0065, 0.03], len(ids)),
        "currency": rng.choice(["CNY", "USD"], len(ids)),
        "segments": rng.integers(1, 4, len(ids)),
        "network": rng.choice(["China Mobile", "46003", None], len(ids)),
    }
    status = rng.choice([2, 5, 9, 12], len(ids)).tolist()
    return delivery.join(sent, receipts(ids, status, rng.integers(0, 6000, len(ids)) / 60, **facts))


def test_receipts_are_joined_by_id_in_the_documented_order(made):
    """Rows, index and own columns stay; the seven columns are last, with their dtypes, empty where there is no receipt."""
    sent = made(60).set_index(pd.Index([1, 2] * 30, name="customer"))
    ids = sent["messageid"].dropna().iloc[::3]
    joined = delivery.join(sent, receipts(ids.iloc[::-1].tolist(), price=0.03, segments=2))
    assert list(joined.columns) == [
        *sent.columns,
        "dr",
        "dr_status",
        "dr_time",
        "price",
        "currency",
        "segments",
        "network",
    ]
    assert joined[list(delivery.DELIVERY_COLUMNS)].dtypes.to_dict() == delivery.DTYPES
    assert_frame_equal(joined[sent.columns], sent)
    assert_index_equal(joined.index, sent.index)
    there = sent["messageid"].isin(ids)
    assert (joined["dr_status"] == 2).fillna(False).tolist() == there.tolist()
    assert joined.loc[~there, list(delivery.DELIVERY_COLUMNS)].isna().all(axis=None)


def test_no_receipts_at_all_give_empty_columns(made):
    """A frame of which nothing is known yet carries delivery columns all the same; so does one without rows."""
    for sent in (made(5), made(5).iloc[:0]):
        joined = delivery.join(sent, receipts([]))
        assert delivery.carries(joined)
        assert joined[list(delivery.DELIVERY_COLUMNS)].dtypes.to_dict() == delivery.DTYPES
        assert joined["dr"].isna().all()


def test_a_receipt_serves_each_row_of_its_id_and_rows_without_id_get_none(made):
    """A concatenated frame has an id twice; an invalid row has none, which no receipt's missing id matches."""
    sent = made(40)
    doubled = pd.concat([sent, sent])
    ids = [*sent["messageid"].dropna().tolist(), None]
    joined = delivery.join(doubled, receipts(ids))
    assert joined["dr_status"].notna().tolist() == doubled["messageid"].notna().tolist()


@pytest.mark.parametrize("trip", TRIPS)
def test_delivery_survives_the_trip(arrived, trip):
    """Every delivery column comes back with its value and its dtype, wherever the frame has been."""
    expected = arrived[list(delivery.DELIVERY_COLUMNS)]
    travelled = trip(arrived)
    assert delivery.carries(travelled)
    back = delivery.read(travelled)
    assert back.dtypes.to_dict() == delivery.DTYPES
    if trip is through_excel:
        assert (back["dr_time"] - expected["dr_time"]).abs().max() < pd.Timedelta("1ms")
        back["dr_time"] = expected["dr_time"]
    assert_frame_equal(back, expected, check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("trip", TRIPS)
def test_delivery_of_which_nothing_is_known_survives_the_trip(made, trip):
    """Columns in which every value is missing lose their dtypes in a file, and are read too."""
    joined = delivery.join(made(30), receipts([]))
    assert_frame_equal(delivery.read(trip(joined)), joined[list(delivery.DELIVERY_COLUMNS)])


def test_a_prefix_and_a_filtered_frame(arrived):
    """Under the prefix of the results, in any order of the rows."""
    sent = arrived.add_prefix("sms_")[::-2]
    back = delivery.read(sent, "sms_")
    assert back["dr"].tolist() == sent["sms_dr"].tolist()
    assert_index_equal(back.index, sent.index)
    again = delivery.join(sent, receipts([]), "sms_")
    assert_frame_equal(again, sent)


def test_what_is_not_there_or_not_readable_is_named(arrived):
    """A missing, a doubled and a rewritten column are told with what to do."""
    with pytest.raises(ColumnError, match=r"no column 'sms_dr'.*receipts\(client, prefix='sms_'\)"):
        delivery.read(arrived.drop(columns="price"), "sms_", columns=["dr"])
    with pytest.raises(ColumnError, match="more than one column 'price'"):
        delivery.read(pd.concat([arrived, arrived[["price"]]], axis=1))
    with pytest.raises(ColumnError, match="'dr_status' holds 'DELIVRD', which is not a whole number"):
        delivery.read(arrived.assign(dr_status="DELIVRD"))


def test_only_the_wanted_columns_are_needed(arrived):
    """An analyst who kept the number alone has what the outcome needs."""
    kept = arrived[["dr_status"]].astype(object)
    assert delivery.read(kept, columns=["dr_status"])["dr_status"].dtype == columns.WHOLE


def test_every_number_has_its_class():
    """2 is delivered, 5 to 11 are final and not, 12, none and every unlisted number are open."""
    numbers = pd.Series([*range(-3, 30), 2**40, -(2**40), None], dtype="Int64")
    said = delivery.classes(numbers).tolist()
    expected = {2: delivery.DELIVERED} | dict.fromkeys(range(5, 12), delivery.UNDELIVERED)
    assert said == [expected.get(number if number is not pd.NA else None, delivery.OPEN) for number in numbers]


CASES = {
    "final beats open that came later": ((2, 0.0), (12, 60.0), 0),
    "final beats open that came before": ((12, 60.0), (5, 0.0), 1),
    "of two finals the later": ((2, 5.0), (5, 3.0), 0),
    "of two finals the later, learnt last": ((2, 5.0), (5, 9.0), 1),
    "of two open ones the later": ((12, 5.0), (12, 3.0), 0),
    "of equals the one learnt last": ((2, 5.0), (5, 5.0), 1),
    "a final one without a time beats an open one": ((2, None), (12, 9.0), 0),
    "a time beats none": ((2, 5.0), (5, None), 0),
    "a receipt beats none": ((12, None), (None, None), 0),
    "an unlisted number is open": ((3, 99.0), (5, 1.0), 1),
    "before the epoch of computers": ((2, -1e8), (5, None), 0),
}


@pytest.mark.parametrize(("first", "second", "winner"), CASES.values(), ids=CASES)
def test_which_of_two_receipts_counts(made, first, second, winner):
    """By one rule, whether both are learnt at once or the second when the frame has the first."""
    one, other = (
        receipts(["n1"], status).assign(
            dr_time=pd.Series(
                [pd.NaT if minutes is None else NOON + pd.Timedelta(minutes=minutes)], dtype=columns.INSTANT
            )
        )
        for status, minutes in (first, second)
    )
    one["dr"], other["dr"] = "first", "second"
    expected = ("first", "second")[winner]
    assert delivery.latest(pd.concat([one, other]))["dr"].tolist() == [expected]
    sent = made(1).assign(messageid="n1", status="Success")
    assert delivery.join(delivery.join(sent, one), other)["dr"].tolist() == [expected]


def test_the_order_in_which_receipts_are_learnt_does_not_matter():
    """Of any number of receipts with different times, every order gives the same."""
    parts = [receipts(["n1", "n2"], status, minutes) for status, minutes in ((12, 9.0), (5, 1.0), (2, 4.0), (12, 0.0))]
    found = [delivery.latest(pd.concat(order)) for order in itertools.permutations(parts)]
    for one in found:
        assert_frame_equal(one, found[0])
    assert found[0]["dr"].tolist() == ["DELIVRD", "DELIVRD"]


def test_facts_come_from_whichever_receipt_has_them(made):
    """A push has no network and a record no currency: the verdict is one receipt's, the facts are both's."""
    push = receipts(["n1"], 2, 5.0, currency="USD", price=0.03)
    record = receipts(["n1"], 12, 9.0, network="Jio", price=0.05)
    sent = made(1).assign(messageid="n1", status="Success")
    for joined in (
        delivery.join(delivery.join(sent, push), record),
        delivery.join(delivery.join(sent, record), push),
        delivery.latest(pd.concat([push, record])),
        delivery.latest(pd.concat([record, push])),
    ):
        row = joined.loc[0, list(delivery.DELIVERY_COLUMNS)]
        assert row[["dr", "dr_status", "price", "currency", "network"]].tolist() == ["DELIVRD", 2, 0.03, "USD", "Jio"]


def test_nothing_new_leaves_what_was_known(arrived):
    """A refresh that finds nothing, or the same again, changes no cell; also after a file."""
    same = arrived.loc[arrived["dr"].notna(), ["messageid", *delivery.DELIVERY_COLUMNS]]
    for again in (receipts([]), delivery.latest(same)):
        assert_frame_equal(delivery.join(arrived, again), arrived)
    back = delivery.join(through_csv(arrived), receipts([]))
    assert_frame_equal(delivery.read(back), arrived[list(delivery.DELIVERY_COLUMNS)], check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("hours", [-8, 8, 5.75, -3.5])
def test_times_that_are_read_in_another_zone_replace_those_of_the_wrong_one(made, hours):
    """The same receipt again, whole quarters of an hour earlier or later, is no second one: what was read last holds."""
    sent = made(1).assign(messageid="n1", status="Success")
    joined = delivery.join(sent, receipts(["n1"], 2, 5.0))
    again = delivery.join(joined, receipts(["n1"], 2, 5.0 + hours * 60))
    assert (again["dr_time"] - joined["dr_time"]).tolist() == [pd.Timedelta(hours=hours)]


def test_columns_are_forgotten_for_some_rows_and_dropped_for_all(arrived):
    """Where a row is another message now, its receipt says nothing of it; a frame without receipts stays as it is."""
    rows = np.arange(len(arrived)) % 2 == 0
    kept = delivery.forget(arrived, rows)
    assert kept.loc[rows, list(delivery.DELIVERY_COLUMNS)].isna().all(axis=None)
    assert_frame_equal(kept[~rows], arrived[~rows])
    plain = delivery.drop(arrived)
    assert not set(plain.columns) & set(delivery.DELIVERY_COLUMNS)
    assert delivery.drop(plain) is plain
    assert delivery.forget(plain, rows) is plain


def test_new_messages_have_no_receipts(arrived):
    """`new` gives the frame as it was before it was sent, under a prefix too; another prefix's receipts stay."""
    own = arrived.columns.difference([*columns.DTYPES, *delivery.DELIVERY_COLUMNS], sort=False)
    assert_frame_equal(arrived.nxsms.new(), arrived[own])
    both = arrived.join(arrived[[*columns.DTYPES, *delivery.DELIVERY_COLUMNS]].add_prefix("sms_"))
    assert_frame_equal(both.nxsms.new("sms_"), arrived)


def test_a_row_that_is_another_message_now_loses_its_receipt():
    """Sent in another campaign, a row has another id; the same call again keeps receipts, whatever file lay between."""
    df = pd.DataFrame({"phone": ["8615088888881", "8615088888882"], "content": "Hi"})
    with nx.Sandbox(seed=7) as sandbox:
        sent = df.nxsms.send(sandbox.client, campaign="a", progress=False)
        arrived = delivery.join(sent, receipts(sent["messageid"].tolist()))
        with pytest.warns(nx.AlreadySentWarning):
            again = arrived.nxsms.send(sandbox.client, campaign="a", progress=False)
        recorded = through_csv(arrived).assign(phone=df["phone"]).nxsms.recorded(sandbox.client, campaign="a")
        moved = arrived.nxsms.send(sandbox.client, campaign="b", progress=False)
        # The results were dropped by hand, their receipts were left: of which message they are is not known.
        bare = arrived.drop(columns=list(columns.DTYPES)).nxsms.send(sandbox.client, campaign="c", progress=False)
    for kept in (again, recorded):
        assert delivery.read(kept)["dr_status"].tolist() == [2, 2]
    for new in (moved, bare):
        assert new["status"].tolist() == ["Success"] * 2
        assert delivery.carries(new)
        assert new[list(delivery.DELIVERY_COLUMNS)].isna().all(axis=None)


def test_own_columns_of_those_names_are_refused_with_a_line_to_paste(arrived, made):
    """A frame's own price is not overwritten; an earlier join's columns are."""
    delivery.refuse_taken(arrived, "", Invocation("receipts"))
    own = made(3).assign(price=9.99, network="shop")
    line = r"sent\.rename\(columns=\{'price': 'my_price', 'network': 'my_network'\}\)\.nxsms\.receipts\(client, journal='j'\)"
    with pytest.raises(ColumnError, match=rf"a column 'price', the name of a delivery column[\s\S]*{line}"):
        delivery.refuse_taken(own, "", Invocation("receipts", {"journal": "j"}))
    delivery.refuse_taken(own, "sms_", Invocation("receipts"))
    with pytest.raises(ColumnError) as refused:
        delivery.refuse_taken(made(3).assign(price=9.99), "", Invocation("receipts"))
    assert "drop" not in str(refused.value)


def test_what_is_left_of_an_earlier_join_may_be_dropped(arrived):
    """Without one of the seven, or with a number that something rewrote, the line that drops the others joins them again."""
    for left in (arrived.drop(columns="network"), arrived.assign(dr_status="DELIVRD")):
        with pytest.raises(ColumnError, match="If they are of an earlier call, drop them") as refused:
            delivery.refuse_taken(left, "", Invocation("receipts"))
        line = next(line.strip() for line in str(refused.value).splitlines() if "drop(columns=" in line)
        dropped = eval(line.partition(".nxsms")[0], {"sent": left})  # noqa: S307 - the line that the message proposes
        assert_frame_equal(delivery.join(dropped, receipts([])), delivery.join(delivery.drop(arrived), receipts([])))


def test_receipts_under_another_prefix_are_named():
    """The error says the prefix under which they are; a prefix that is no text is refused as for results."""
    frame = delivery.empty(2).add_prefix("sms_")
    with pytest.raises(nx.ColumnError, match=r"no delivery receipts.*another prefix: prefix='sms_'"):
        delivery.read(frame)
    with pytest.raises(nx.ConfigError, match="prefix=3 is not text"):
        delivery.carries(frame, 3)
