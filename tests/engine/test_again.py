"""The same cell run again, a pilot, a frame from a file: nobody is sent to again, and the caller learns so."""

import io
import re

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people, results


def through_csv(frame, tmp_path):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def through_csv_as_text(frame, tmp_path):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str)


def through_parquet(frame, tmp_path):
    frame.to_parquet(tmp_path / "sent.parquet")
    return pd.read_parquet(tmp_path / "sent.parquet")


def through_excel(frame, tmp_path):
    frame.assign(sent_at=frame["sent_at"].dt.tz_localize(None)).to_excel(tmp_path / "sent.xlsx", index=False)
    return pd.read_excel(tmp_path / "sent.xlsx")


def with_its_statuses_in_alphabetical_order(frame, tmp_path):
    return frame.assign(status=frame["status"].cat.reorder_categories(sorted(frame["status"].cat.categories)))


def filtered(frame, tmp_path):
    return frame[frame["status"].isin(["Success", "Unknown"])]


def shuffled(frame, tmp_path):
    return frame.sample(frac=1, random_state=7).reset_index(drop=True)


def taken_apart(frame, tmp_path):
    return pd.concat([frame.iloc[50:], frame.iloc[:50]])


WAYS = [
    through_csv, through_csv_as_text, through_parquet, through_excel, with_its_statuses_in_alphabetical_order, filtered,
    shuffled, taken_apart,
]  # fmt: skip


def without_app_secret(sandbox):
    """A client that cannot ask the record queries."""
    keys = {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key}
    return nx.Client(base_url=sandbox.url, **keys)


@pytest.fixture(name="sent")
def _sent(make):
    """A frame of accepted rows and, in its second half, rows in doubt."""
    sandbox = make(faults=["ok", "lost"])
    frame = people(100).nxsms.send(sandbox.client, batch_size=50, concurrency=1)
    assert counts(frame) == {"Success": 50, "Unknown": 50}
    return sandbox, frame


@pytest.mark.parametrize("way", WAYS)
def test_a_sent_frame_sends_nothing_more_whatever_it_went_through(sent, tmp_path, way):
    """Sent again it returns what is recorded, and settles its doubts by asking."""
    sandbox, frame = sent
    with pytest.warns(nx.AlreadySentWarning, match="50 of them in doubt; nothing was sent"):
        again = way(frame, tmp_path).nxsms.send(sandbox.client)
    assert set(counts(again)) == {"Success"}
    assert len(sandbox.ledger) == 100
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_sent_frame_sends_nothing_more_even_when_the_journal_is_gone(sent, tmp_path, path, way):
    """Accepted rows stay as the frame says, which is a record as well; those in doubt too, unless they can be asked about."""
    sandbox, frame = sent
    read = way(frame, tmp_path)
    with pytest.warns(nx.AlreadySentWarning):
        again = read.nxsms.send(without_app_secret(sandbox), journal=path)
    assert counts(again) == counts(frame)
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(read.nxsms.send(sandbox.client, journal=path)) == {"Success": 100}
    assert len(sandbox.requests) == 2
    left, right = (one.set_index("messageid").sort_index() for one in (again, frame))
    same = ["code", "batch", "attempts"]
    pd.testing.assert_frame_equal(left[same], right[same])
    # Excel keeps milliseconds.
    assert (left["sent_at"] - right["sent_at"]).abs().max() < pd.Timedelta(milliseconds=2)


@pytest.mark.parametrize("way", [through_csv, through_parquet, through_excel])
def test_rows_that_did_not_go_out_leave_when_the_journal_is_gone(make, tmp_path, path, way):
    """Unsent rows of a loaded frame are sent, refused ones are tried with the id that had no effect."""
    sandbox = make(balance=50, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(100).nxsms.send(sandbox.client)
    sandbox.balance = None
    again = way(stopped.value.frame, tmp_path).nxsms.send(sandbox.client, journal=path)
    assert counts(again) == {"Success": 100}
    assert no_double(sandbox)


@pytest.mark.parametrize("keeps_journal", [True, False])
def test_new_people_next_to_those_who_were_sent_to(sandbox, path, keeps_journal, capsys):
    """Rows without any result next to sent ones are new: they are sent, and nobody else is."""
    sent = people(5).nxsms.send(sandbox.client)
    df = pd.concat([people(2, first=5), sent, people(3, first=7)], ignore_index=True)
    assert df.nxsms.plan(sandbox.client).counts[["send", "accepted before"]].tolist() == [5, 5]
    again = df.nxsms.send(sandbox.client, **({} if keeps_journal else {"journal": path}))
    assert again["status"].tolist() == ["Success"] * 10
    assert results(again.iloc[2:7]).reset_index(drop=True).equals(results(sent))
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 10
    assert "5 of 10 rows had been sent before" in capsys.readouterr().out


def test_a_row_with_another_message_than_its_results_say_stops_the_call(sandbox):
    """Results only speak for the message they belong to; a changed text is sent when the rows are said to be new."""
    sent = people(3).nxsms.send(sandbox.client)
    changed = sent.assign(content="Your order is late")
    with pytest.raises(nx.ColumnError, match="3 of 3 rows say that they were sent under another id") as refused:
        changed.nxsms.send(sandbox.client)
    assert refused.value.rows == [0, 1, 2]
    again = changed.nxsms.new().nxsms.send(sandbox.client)
    assert counts(again) == {"Success": 3}
    assert len(sandbox.ledger) == 6
    assert set(again["messageid"]).isdisjoint(sent["messageid"])


# ---------------------------------------------------------------------- pilots and campaigns


@pytest.mark.parametrize("campaign", [None, "spring"])
def test_a_pilot_and_then_all_reach_nobody_twice(sandbox, capsys, campaign):
    """The five get it once, and the call says that they had it and how many it sends."""
    frame = people(50)
    pilot = frame.head().nxsms.send(sandbox.client, campaign=campaign)
    capsys.readouterr()
    sent = frame.nxsms.send(sandbox.client, campaign=campaign)
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 50
    assert results(sent.head()).equals(results(pilot))
    said = capsys.readouterr().out
    named = "…" if campaign is None else "spring 2"
    assert re.fullmatch(
        rf"5 of 50 rows had been sent before \(\d+ \w+ \d\d:\d\d\); sending 45\. To send those again: campaign='{named}'\n",
        said,
    )


def test_a_cell_run_again_warns_that_everything_was_sent(sandbox, capsys):
    """The warning says when, and how to send it again on purpose."""
    people(3).nxsms.send(sandbox.client, campaign="spring")
    with pytest.warns(
        nx.AlreadySentWarning,
        match=r"3 of 3 rows had been sent before \(.+\); nothing was sent\. To .*: campaign='spring 2'",
    ):
        people(3).nxsms.send(sandbox.client, campaign="spring")
    assert capsys.readouterr().out == ""
    assert len(sandbox.requests) == 1


def test_the_way_out_that_is_named_works(sandbox):
    """Another campaign sends to the same people again."""
    people(3).nxsms.send(sandbox.client, campaign="spring")
    assert counts(people(3).nxsms.send(sandbox.client, campaign="spring 2")) == {"Success": 3}
    assert len(sandbox.ledger) == 6


def test_in_a_named_campaign_a_number_gets_one_message(sandbox):
    """Whatever the text; without a name, each text is a message of its own."""
    one, other = people(3), people(3, content="Your order is late")
    one.nxsms.send(sandbox.client, campaign="spring")
    with pytest.warns(nx.AlreadySentWarning):
        other.nxsms.send(sandbox.client, campaign="spring")
    assert len(sandbox.ledger) == 3
    one.nxsms.send(sandbox.client)
    other.nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        other.nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 9


def test_a_key_says_what_one_message_is(make):
    """An order gets one message, however often the text is changed; two orders of a number get two."""
    sandbox = make(hourly_limit=None)
    frame = people(4, order=[1, 2, 3, 4], phone=["8615000000001"] * 4)
    assert counts(frame.nxsms.send(sandbox.client, key="order")) == {"Success": 4}
    with pytest.warns(nx.AlreadySentWarning):
        frame.assign(content="Sorry, late").nxsms.send(sandbox.client, key="order")
    more = frame.assign(order=[3, 4, 5, 6], content="Sorry, late")
    more.nxsms.send(sandbox.client, key="order")
    assert len(sandbox.ledger) == 6
    assert no_double(sandbox)


def test_spellings_of_a_number_are_one_number(sandbox):
    """The second export writes it otherwise; the person is the same."""
    people(1, phone="8615088888888").nxsms.send(sandbox.client)
    for spelling in ("+86 150-8888-8888", "008615088888888", 8615088888888, 8615088888888.0):
        with pytest.warns(nx.AlreadySentWarning):
            people(1, phone=spelling).nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize(
    ("duplicates", "fates"), [("drop", ["Success", "Skipped", "Success"]), ("allow", ["Success", "Success", "Success"])]
)
def test_rows_that_share_a_key(sandbox, duplicates, fates):
    """They are refused unless the call says what to do; then the same call again sends nothing."""
    frame = people(3, phone=["8615000000001", "8615000000001", "8615000000002"])
    with pytest.raises(nx.ValidationError, match=r"1 of 3 rows repeat .* Nothing was sent") as refused:
        frame.nxsms.send(sandbox.client)
    assert refused.value.report.problems["rule"].tolist() == ["duplicate"]
    assert len(sandbox.requests) == 0
    sent = frame.nxsms.send(sandbox.client, duplicates=duplicates)
    assert sent["status"].tolist() == fates
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, duplicates=duplicates)
    assert results(again).equals(results(sent))
    assert len(sandbox.ledger) == fates.count("Success")


def test_invalid_rows_are_skipped_unless_the_call_says_otherwise(sandbox):
    """Two hundred good rows are not lost to one bad one; whoever wants it strict gets every problem at once."""
    frame = pd.concat([people(20), people(2, phone="12"), people(1, first=30, content=" ")])
    with pytest.raises(nx.ValidationError) as refused:
        frame.nxsms.send(sandbox.client, on_invalid="raise")
    assert len(refused.value.report.problems) == 3
    assert len(sandbox.requests) == 0
    sent = frame.nxsms.send(sandbox.client)
    assert counts(sent) == {"Success": 20, "Invalid": 3}
    assert sent["code"].iloc[-3:].tolist() == [13005, 13005, 13009]


def test_ids_of_the_frame_are_known_in_every_campaign(sandbox):
    """An order's own id is used once, whatever the campaign is called the second time."""
    frame = people(3, sys_message_id=[f"order-{i:06d}" for i in range(3)])
    frame.nxsms.send(sandbox.client, campaign="spring")
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign="autumn")
    assert again["messageid"].tolist() == frame["sys_message_id"].tolist()
    assert len(sandbox.ledger) == 3


# ---------------------------------------------------------------------- looking without sending


def test_a_plan_tells_each_rows_fate_and_sends_nothing(make):
    """What would leave, and why the others would not."""
    sandbox = make(faults=["ok", "lost", "ok"], failures={13009: 0.5})
    frame = pd.concat([people(300), people(1), people(2, phone="12")], ignore_index=True)
    before = frame.nxsms.plan(sandbox.client, duplicates="drop")
    assert before.counts[["send", "duplicate", "invalid"]].tolist() == [300, 1, 2]
    assert before.requests == 2
    frame.iloc[:200].nxsms.send(sandbox.client, batch_size=100, concurrency=1)
    made = len(sandbox.requests)
    plan = frame.nxsms.plan(sandbox.client, duplicates="drop")
    assert plan.counts.sum() == len(frame)
    tally = plan.counts
    assert tally["accepted before"] + tally["refused before"] == 100
    assert (tally["in doubt"], tally["send"], tally["duplicate"], tally["invalid"]) == (100, 100, 1, 2)
    assert plan.frame["fate"].tolist()[200:] == ["send"] * 100 + ["duplicate", "invalid", "invalid"]
    assert len(sandbox.requests) == made
    for shown in (repr(plan), plan._repr_html_()):
        assert "303" in shown
        assert "in doubt" in shown


def test_a_plan_is_what_send_does(make):
    """The ids it names are those that leave."""
    sandbox = make()
    frame = pd.concat([people(30), people(3, phone="12")])
    frame.head(10).nxsms.send(sandbox.client)
    plan = frame.nxsms.plan(sandbox.client)
    before = set(sandbox.ledger["messageid"])
    sent = frame.nxsms.send(sandbox.client)
    left = set(sandbox.ledger["messageid"]) - before
    assert left == set(plan.frame.loc[plan.frame["fate"] == "send", "messageid"])
    assert plan.frame["messageid"].dropna().tolist() == sent["messageid"].dropna().tolist()


def test_recorded_is_the_frame_that_was_lost_with_its_kernel(make):
    """Of accepted, refused, invalid and dropped rows it knows what send gave back, to the microsecond."""
    sandbox = make(failures="realistic", faults=["ok", "ok", "lost"])
    frame = pd.concat([people(400), people(2), people(2, phone="12")])
    sent = frame.nxsms.send(sandbox.client, duplicates="drop", batch_size=100, concurrency=1)
    assert {"Success", "Failure", "Invalid", "Unknown", "Skipped"} == set(counts(sent))
    made = len(sandbox.requests)
    recorded = frame.nxsms.recorded(sandbox.client, duplicates="drop")
    pd.testing.assert_frame_equal(recorded, sent)
    assert len(sandbox.requests) == made


def test_recorded_knows_nothing_of_rows_that_were_never_sent(sandbox):
    """They are unsent, and the reason says that nothing is recorded; the journal's file is not even made."""
    recorded = people(3).nxsms.recorded(sandbox.client)
    assert counts(recorded) == {"Unsent": 3}
    assert set(recorded["reason"]) == {"nothing is recorded of it"}


@pytest.mark.parametrize("settings", [{"balance": 120, "balance_per": "item"}, {"balance": 120}, {"refuse": 1100}])
def test_recorded_agrees_with_the_frame_of_a_run_that_ended_early(make, settings):
    """Rows that a request carried have the code of their refusal; of the others nothing is recorded."""
    sandbox = make(**settings)
    with pytest.raises(nx.AccountRefused) as stopped:
        people(300).nxsms.send(sandbox.client, batch_size=50, concurrency=1)
    frame, recorded = stopped.value.frame, people(300).nxsms.recorded(sandbox.client)
    same = ["messageid", "status", "batch", "attempts", "sent_at", "latency_ms"]
    pd.testing.assert_frame_equal(recorded[same], frame[same])
    carried = recorded["attempts"] > 0
    assert recorded.loc[carried, "code"].equals(frame.loc[carried, "code"])


def test_a_second_look_is_the_first(make):
    """Running the same cell again after everything was settled changes nothing, however often."""
    sandbox = make(failures="realistic")
    first = people(400).nxsms.send(sandbox.client)
    for _ in range(2):
        with pytest.warns(nx.AlreadySentWarning):
            pd.testing.assert_frame_equal(people(400).nxsms.send(sandbox.client), first)
    assert len(sandbox.requests) == 2


def test_an_older_frame_next_to_a_newer_one_sends_nothing_again_when_the_journal_is_gone(make, path):
    """duplicates="drop" keeps the first row of each person, the older one; the newer one says that it was sent."""
    sandbox = make(balance=5, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(10).nxsms.send(sandbox.client)
    sandbox.balance = None
    older = stopped.value.frame
    newer = older.nxsms.retry(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        again = pd.concat([older, newer]).nxsms.send(sandbox.client, duplicates="drop", journal=path)
    assert counts(again) == {"Success": 10, "Skipped": 10}
    assert len(sandbox.ledger) == 10


@pytest.mark.parametrize("own", [False, True])
def test_a_later_success_of_the_frame_counts_for_more_than_an_older_refusal_of_the_journal(make, path, own):
    """The journal at hand knows the first attempt only; the frame has the second one, made with another journal."""
    sandbox = make(failures={13009: 1.0})
    ids = {"sys_message_id": [f"order-{n:05}" for n in range(4)]} if own else {}
    failed = people(4, **ids).nxsms.send(sandbox.client, journal=path)
    sandbox.failures = None
    accepted = failed.nxsms.retry(sandbox.client, codes=13009, journal=path.with_name("other.sqlite3"))
    with pytest.warns(nx.AlreadySentWarning):
        again = accepted.nxsms.send(sandbox.client, journal=path)
    assert counts(again) == {"Success": 4}
    assert again["messageid"].equals(accepted["messageid"])
    assert len(sandbox.ledger) == 4


def test_a_row_cannot_bring_the_id_that_another_row_gets(make):
    """One id would have two effects."""
    sandbox = make()
    made = people(1).nxsms.plan(sandbox.client).frame["messageid"].iloc[0]
    frame = people(2, sys_message_id=[None, made])
    with pytest.raises(nx.ColumnError, match="The sys_message_id at position 1 belongs to another row"):
        frame.nxsms.send(sandbox.client)
    assert not len(sandbox.requests)
