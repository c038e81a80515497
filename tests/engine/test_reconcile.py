"""`reconcile`: what a record proves, what its absence does not, and how the queries are asked."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal
from nxsms_nb.engine import queries
from nxsms_nb.results import table
from nxsms_nb.results.table import Outcome
from nxsms_nb.wire import requests
from tests.engine.people import counts, no_double, people, record_ago


@pytest.fixture(name="doubts")
def _doubts(make):
    """Make a sandbox and a frame of `n` rows in doubt, the first half of which took effect."""

    def doubts(n=6, **settings):
        sandbox = make(**settings)
        people(1, first=999).nxsms.send(sandbox.client)
        sandbox.faults = ["close_after", "close_before"]
        frame = people(n).nxsms.send(sandbox.client, batch_size=n // 2, concurrency=1)
        assert counts(frame) == {"Unknown": n}
        assert len(sandbox.ledger) == 1 + n // 2
        return sandbox, frame

    return doubts


def aged(frame, minutes=5):
    """The same frame, which says that it was sent some minutes ago."""
    return frame.assign(sent_at=frame["sent_at"] - pd.Timedelta(minutes=minutes))


@pytest.fixture(name="old_doubts")
def _old_doubts(make, path, tmp_path):
    """Make a sandbox, a journal and a frame of `n` rows in doubt for some minutes, the first half of which took effect."""

    def old_doubts(n=6, minutes=5):
        sandbox, journal = make(), Journal(path)
        people(n // 2).nxsms.send(sandbox.client, journal=tmp_path / "of another machine")
        planned = people(n).nxsms.plan(sandbox.client).frame
        record_ago(journal, planned, Outcome(table.UNKNOWN, None, "the connection broke"), minutes)
        return sandbox, journal, people(n).nxsms.recorded(sandbox.client, journal=journal)

    return old_doubts


def halves(frame):
    return counts(frame.iloc[: len(frame) // 2]), counts(frame.iloc[len(frame) // 2 :])


def test_a_record_found_proves_that_the_message_was_accepted(doubts):
    """Its row is a success; a row without a record stays in doubt, and says that this proves nothing."""
    sandbox, frame = doubts()
    settled = frame.nxsms.reconcile(sandbox.client)
    assert halves(settled) == ({"Success": 3}, {"Unknown": 3})
    assert (settled["code"].iloc[:3] == 0).all()
    assert settled["reason"].iloc[3:].str.contains("which proves nothing").all()
    same = ["messageid", "batch", "attempts", "sent_at", "latency_ms"]
    pd.testing.assert_frame_equal(settled[same], frame[same])
    assert len(sandbox.requests) == 3


def test_what_was_learnt_is_recorded(doubts):
    """The first cell run again, and a look at the journal, tell it as well."""
    sandbox, frame = doubts()
    settled = frame.nxsms.reconcile(sandbox.client)
    recorded = people(6).nxsms.recorded(sandbox.client)
    assert recorded[["status", "code", "batch", "attempts", "sent_at"]].equals(
        settled[["status", "code", "batch", "attempts", "sent_at"]]
    )
    assert sandbox.client.journal.campaigns()[["Success", "Unknown"]].to_numpy().tolist() == [[4, 3]]


def test_the_analysts_word_makes_absent_rows_unsent_and_the_next_call_sends_them(old_doubts):
    """Not found and not sent less than a minute ago: they leave with the id they had."""
    sandbox, journal, frame = old_doubts()
    settled = frame.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)
    assert halves(settled) == ({"Success": 3}, {"Unsent": 3})
    assert settled["reason"].iloc[3:].str.contains("on the analyst's word").all()
    sent = people(6).nxsms.send(sandbox.client, journal=journal)
    assert counts(sent) == {"Success": 6}
    assert sent["messageid"].equals(frame["messageid"])
    assert no_double(sandbox)


def test_the_analysts_word_does_not_hold_within_the_window(doubts):
    """The gateway accepts a request for a minute after it was signed, so it may yet arrive."""
    sandbox, frame = doubts()
    settled = frame.nxsms.reconcile(sandbox.client, absent="Unsent")
    assert halves(settled) == ({"Success": 3}, {"Unknown": 3})
    assert settled["reason"].iloc[3:].str.contains("less than a minute ago").all()


@pytest.mark.parametrize(
    "changed",
    [
        aged,
        lambda frame: frame.assign(sent_at=frame["sent_at"] - pd.Timedelta(hours=8)),
        lambda frame: frame.assign(sent_at=frame["sent_at"].dt.tz_localize(None) - pd.Timedelta(hours=14)),
        lambda frame: frame.assign(sent_at=pd.NaT),
        lambda frame: frame.assign(sent_at=(frame["sent_at"] - pd.Timedelta(hours=5)).astype(str)),
    ],
)
def test_the_journals_time_counts_before_the_frames(doubts, changed):
    """A frame whose times lost their zone, or were changed, does not bring the end of the gateway's minute forward."""
    sandbox, frame = doubts()
    settled = changed(frame).nxsms.reconcile(sandbox.client, absent="Unsent")
    assert halves(settled) == ({"Success": 3}, {"Unknown": 3})
    assert settled["sent_at"].equals(frame["sent_at"])
    assert counts(people(6).nxsms.recorded(sandbox.client)) == {"Success": 3, "Unknown": 3}


@pytest.mark.parametrize(("hours", "becomes"), [(0, "Unknown"), (14, "Unknown"), (25, "Unsent")])
def test_a_frames_own_time_counts_only_after_a_day(doubts, path, hours, becomes):
    """Where the journal does not know the rows, their time may be off by as much as time zones are."""
    sandbox, frame = doubts()
    settled = aged(frame, 60 * hours + 2).nxsms.reconcile(sandbox.client, absent="Unsent", journal=path)
    assert halves(settled) == ({"Success": 3}, {becomes: 3})
    if becomes == "Unknown":
        assert settled["reason"].iloc[3:].str.contains("sent_at counts only after a day").all()


@pytest.mark.parametrize("n", [6, 40])
@pytest.mark.parametrize("hours", [-12.0, 0.0, 14.0])
def test_a_record_is_found_though_the_frames_time_is_off(doubts, path, n, hours):
    """Absence would free the row: a day more is asked for where the journal does not know the time."""
    sandbox, frame = doubts(n, record_utc_offset=hours)
    settled = aged(frame, 60 * 25).nxsms.reconcile(sandbox.client, absent="Unsent", journal=path)
    assert halves(settled) == ({"Success": n // 2}, {"Unsent": n // 2})


@pytest.mark.parametrize("absent", ["Unknown", "Unsent"])
def test_rows_whose_run_is_alive_are_not_settled(make, path, absent):
    """The run that causes a doubt is still at work on it, whatever the frame says of the time."""
    sandbox = make()
    sandbox.hold()
    run = people(3).nxsms.start(sandbox.client, campaign="spring", journal=path)
    assert sandbox.wait_for(effects=3)
    with pytest.raises(nx.CampaignBusy, match="campaign 'spring' is in progress"):
        aged(run.frame.assign(sent_at=pd.Timestamp.now("UTC"))).nxsms.reconcile(
            sandbox.client, absent=absent, journal=path
        )
    sandbox.release()
    assert counts(run.wait()) == {"Success": 3}


def test_rows_unknown_to_the_journal_are_not_settled_during_a_run_of_it(make, path, tmp_path):
    """They may be of any campaign; the run may be about to send them."""
    sandbox = make()
    sandbox.faults = ["close_before"]
    doubtful = people(3).nxsms.send(sandbox.client, journal=tmp_path / "other")
    sandbox.hold()
    run = people(1, first=50).nxsms.start(sandbox.client, campaign="spring", journal=path)
    assert sandbox.wait_for(requests=2)
    with pytest.raises(nx.CampaignBusy, match="campaign 'spring' is in progress"):
        aged(doubtful, 60 * 48).nxsms.reconcile(sandbox.client, absent="Unsent", journal=path)
    sandbox.release()
    run.wait()
    settled = aged(doubtful, 60 * 48).nxsms.reconcile(sandbox.client, absent="Unsent", journal=path)
    assert counts(settled) == {"Unsent": 3}


def test_settled_rows_are_not_asked_about_again(old_doubts):
    """The frame of before is given what the journal has learnt since, without a query."""
    sandbox, journal, frame = old_doubts()
    settled = frame.nxsms.reconcile(sandbox.client, journal=journal)
    settled.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)
    sandbox.close()
    again = frame.nxsms.reconcile(sandbox.client, journal=journal)
    assert halves(again) == ({"Success": 3}, {"Unsent": 3})


def test_a_frame_without_doubt_needs_no_query(make):
    """Neither an app secret nor a gateway."""
    sandbox = make()
    frame = people(3).nxsms.send(sandbox.client)
    sandbox.close()
    pd.testing.assert_frame_equal(frame.nxsms.reconcile(without_app_secret(sandbox)), frame)


def without_app_secret(sandbox):
    keys = {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key}
    client = nx.Client(base_url=sandbox.url, **keys)
    client.bind(simulated=True, journal=sandbox.client.journal)
    return client


def test_without_an_app_secret_the_error_says_what_to_give(doubts):
    """The variable and the argument."""
    sandbox, frame = doubts()
    with pytest.raises(nx.QueryError, match=r"app_secret=…\), or set NXSMS_APP_SECRET"):
        frame.nxsms.reconcile(without_app_secret(sandbox))
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": 3}, {"Unknown": 3})


def test_wrong_keys_are_named_and_never_shown(doubts):
    """The query's code 2; the campaign is free afterwards."""
    sandbox, frame = doubts()
    wrong = without_app_secret(sandbox)
    wrong.app_secret = "Wr0ng-S3cret"
    with pytest.raises(nx.QueryError, match="key pair was refused") as failed:
        frame.nxsms.reconcile(wrong)
    assert "Wr0ng" not in str(failed.value)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": 3}, {"Unknown": 3})


@pytest.mark.parametrize("absent", ["unsent", None, "Success"])
def test_absent_is_one_of_two_words(doubts, absent):
    """Anything else is answered with the two."""
    sandbox, frame = doubts()
    with pytest.raises(nx.ConfigError, match="is not one of 'Unknown', 'Unsent'"):
        frame.nxsms.reconcile(sandbox.client, absent=absent)


@pytest.mark.parametrize("n", [18, 20, 22, 60])
def test_few_rows_are_asked_for_one_by_one_and_many_by_the_page(doubts, n):
    """Both ways come to the same."""
    sandbox, frame = doubts(n)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": n // 2}, {"Unknown": n // 2})


def test_records_beyond_the_first_page_are_found(doubts):
    """A page has 999 records at most; the doubtful ones stand on the third."""
    sandbox, _ = doubts(2)
    people(2100, first=5000).nxsms.send(sandbox.client, campaign="many")
    sandbox.faults = ["close_after"]
    frame = people(30, first=100).nxsms.send(sandbox.client, campaign="few", batch_size=200)
    assert counts(frame) == {"Unknown": 30}
    assert counts(frame.nxsms.reconcile(sandbox.client)) == {"Success": 30}


@pytest.mark.parametrize("exactly", [999, 1998])
def test_pages_that_are_exactly_full_end(doubts, exactly):
    """The last page is full, and there is no further one."""
    sandbox, _ = doubts(2)
    people(exactly - len(sandbox.ledger) - 30, first=5000).nxsms.send(sandbox.client, campaign="many")
    sandbox.faults = ["close_after"]
    frame = people(30, first=100).nxsms.send(sandbox.client, campaign="few", batch_size=200)
    assert len(sandbox.ledger) == exactly
    assert counts(frame.nxsms.reconcile(sandbox.client)) == {"Success": 30}


@pytest.mark.parametrize("n", [6, 40])
@pytest.mark.parametrize("hours", [-12.0, 0.0, 8.0, 14.0])
def test_the_day_of_a_record_may_be_another_one_there(doubts, n, hours):
    """Wherever the vendor's midnight is, the record of a message is found."""
    sandbox, frame = doubts(n, record_utc_offset=hours)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": n // 2}, {"Unknown": n // 2})


@pytest.mark.parametrize("n", [6, 40])
def test_a_query_asked_too_often_waits_and_goes_on(doubts, n, monkeypatch):
    """Its code 5 is no answer; with some patience every row is asked about."""
    monkeypatch.setattr(queries, "PATIENCE", (0.05,) * 100)
    sandbox, frame = doubts(n, query_limit=20)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": n // 2}, {"Unknown": n // 2})


def test_a_query_that_is_never_answered_leaves_the_doubt(doubts, monkeypatch):
    """The error says to try later; nothing was decided, nothing was recorded, and the campaign is free."""
    monkeypatch.setattr(queries, "PATIENCE", (0.0, 0.0))
    sandbox, frame = doubts(query_limit=0.001)
    with pytest.raises(nx.QueryError, match="made too often"):
        frame.nxsms.reconcile(sandbox.client)
    assert counts(people(6).nxsms.recorded(sandbox.client)) == {"Unknown": 6}
    sandbox.query_limit = None
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": 3}, {"Unknown": 3})


def test_a_record_that_comes_late_is_found_later(doubts):
    """How long the queries lag behind is not documented: what was not found today may be found tomorrow."""
    sandbox, frame = doubts(record_delay=3600.0)
    assert counts(frame.nxsms.reconcile(sandbox.client)) == {"Unknown": 6}
    sandbox.advance(3601)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": 3}, {"Unknown": 3})


@pytest.mark.parametrize("n", [6, 40])
def test_rows_older_than_the_queries_reach_stay_in_doubt(old_doubts, n):
    """31 days back there is no answer, and the analyst's word is about what was asked for and not found."""
    sandbox, journal, frame = old_doubts(n, minutes=60 * 24 * 40)
    settled = frame.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)
    assert counts(settled) == {"Unknown": n}
    assert settled["reason"].str.contains("31 days").all()


def test_only_rows_in_doubt_are_settled(make):
    """Accepted, refused, invalid, dropped and unsent rows keep what they have."""
    sandbox = make(failures={13009: 0.4}, balance=40, balance_per="item")
    frame = pd.concat([people(200), people(3), people(2, phone="12")], ignore_index=True)
    with pytest.raises(nx.AccountRefused) as stopped:
        frame.nxsms.send(sandbox.client, duplicates="drop", batch_size=50, concurrency=1)
    frame = stopped.value.frame
    assert {"Success", "Failure", "Invalid", "Unsent", "Skipped"} == set(counts(frame))
    pd.testing.assert_frame_equal(aged(frame, 0).nxsms.reconcile(sandbox.client, absent="Unsent"), frame)


def test_rows_that_a_merge_multiplied_are_settled_alike(doubts):
    """One message, one record, one fate."""
    sandbox, frame = doubts()
    merged = pd.concat([frame, frame.iloc[2:], frame.iloc[2:]])
    settled = merged.nxsms.reconcile(sandbox.client)
    assert settled.groupby("messageid")["status"].nunique().eq(1).all()
    assert counts(settled.iloc[:6]) == {"Success": 3, "Unknown": 3}


def test_rows_of_several_campaigns_are_settled_in_their_own(make):
    """A month's frames put together: each row is settled where the campaign's own call looks."""
    sandbox = make()
    people(1, first=999).nxsms.send(sandbox.client)
    frames = []
    for name in ("spring", "autumn"):
        sandbox.faults = ["close_after"]
        frames.append(people(3).nxsms.send(sandbox.client, campaign=name))
    settled = pd.concat(frames).nxsms.reconcile(sandbox.client)
    assert counts(settled) == {"Success": 6}
    for name in ("spring", "autumn"):
        assert counts(people(3).nxsms.recorded(sandbox.client, campaign=name)) == {"Success": 3}


def test_with_the_journal_gone_the_frame_is_settled_and_recorded_anew(doubts, path):
    """What the query finds is written down, so that the first cell does not send it again."""
    sandbox, frame = doubts()
    settled = frame.nxsms.reconcile(sandbox.client, journal=path)
    assert halves(settled) == ({"Success": 3}, {"Unknown": 3})
    assert halves(people(6).nxsms.recorded(sandbox.client, journal=path)) == ({"Success": 3}, {"Unsent": 3})


def test_a_frame_taken_while_its_run_went_on_can_be_settled(make):
    """A row whose request was in flight has neither time nor number yet; the journal knows both."""
    sandbox = make()
    sandbox.hold()
    run = people(3).nxsms.start(sandbox.client)
    assert sandbox.wait_for(effects=3)
    halfway = run.frame
    assert counts(halfway) == {"Unknown": 3}
    sandbox.release()
    run.wait()
    assert counts(halfway.nxsms.reconcile(sandbox.client)) == {"Success": 3}


def test_a_frame_taken_midway_whose_journal_is_gone_is_asked_about_today(make, path):
    """Without any time of sending the queries are asked for the present days, and absence is not taken for proof."""
    sandbox = make()
    sandbox.hold()
    run = people(3).nxsms.start(sandbox.client)
    assert sandbox.wait_for(effects=3)
    halfway = pd.concat([run.frame, run.frame.assign(messageid=[f"message-{i:06d}" for i in range(3)])])
    sandbox.release()
    run.wait()
    settled = halfway.nxsms.reconcile(sandbox.client, absent="Unsent", journal=path)
    assert settled["status"].tolist() == ["Success"] * 3 + ["Unknown"] * 3


@pytest.mark.parametrize("wording", ["en", "en-alt", "zh"])
@pytest.mark.parametrize("unknown", ["empty", "null", "missing"])
def test_records_are_found_in_every_wording(doubts, wording, unknown):
    """The record counts, whatever its billing is called and however an unknown id is answered."""
    sandbox, frame = doubts(record_wording=wording, record_unknown=unknown)
    assert halves(frame.nxsms.reconcile(sandbox.client)) == ({"Success": 3}, {"Unknown": 3})


def test_the_next_call_settles_what_the_last_left_in_doubt(doubts):
    """The call asks first when it can, and sends nothing that may have gone out."""
    sandbox, _ = doubts()
    more = people(8)
    sent = more.nxsms.send(sandbox.client)
    assert sent["status"].tolist() == ["Success"] * 3 + ["Unknown"] * 3 + ["Success"] * 2
    assert no_double(sandbox)
    assert np.array_equal(sent["attempts"], [1] * 8)


def test_the_next_call_leaves_the_doubt_when_it_cannot_ask(doubts, monkeypatch):
    """A query that fails is no reason not to send the rest."""
    monkeypatch.setattr(queries, "PATIENCE", (0.0,))
    sandbox, _ = doubts(query_limit=0.001)
    sent = people(8).nxsms.send(sandbox.client)
    assert counts(sent) == {"Success": 2, "Unknown": 6}
    assert sent["reason"].iloc[:6].str.contains("made too often").all()
    assert datetime.now(UTC) - sent["sent_at"].max() < timedelta(minutes=5)


@pytest.fixture(name="used_before")
def _used_before(make, tmp_path):
    """Make a sandbox that accepted `n` ids, a new journal, and a frame in doubt that has them on other numbers."""

    def used_before(n, fault):
        sandbox, journal = make(hourly_limit=None), Journal(tmp_path / "new.sqlite3")
        own = [f"order-{i:05}" for i in range(n)]
        people(n, sys_message_id=own).nxsms.send(sandbox.client)
        sandbox.faults = [fault]
        corrected = people(n, first=500, sys_message_id=own)
        doubtful = corrected.nxsms.send(sandbox.client, journal=journal, confirm=n)
        assert counts(doubtful) == {"Unknown": n}
        return sandbox, journal, corrected, doubtful

    return used_before


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("n", [6, 40])
def test_a_record_of_another_number_settles_nothing(used_before, n):
    """An own id used before has a record, which says nothing of the number it is on now: the row stays in doubt, unsent."""
    sandbox, journal, corrected, doubtful = used_before(n, "close_before")
    for absent in ("Unknown", "Unsent"):
        settled = aged(doubtful, 60 * 48).nxsms.reconcile(sandbox.client, absent=absent, journal=journal)
        assert counts(settled) == {"Unknown": n}
        assert settled["reason"].str.contains("names another number").all()
    for frame in (corrected, doubtful, corrected.drop(columns="sys_message_id")):
        again = frame.nxsms.send(sandbox.client, journal=journal)
        assert counts(again) == {"Unknown": n}
        assert again["reason"].str.contains("names another number").all()
    assert len(sandbox.ledger) == n


def test_of_several_records_under_one_id_that_of_the_number_counts(used_before):
    """The listing shows both: what the number got is found behind what another one got."""
    sandbox, journal, _, doubtful = used_before(40, "close_after")
    assert counts(doubtful.nxsms.reconcile(sandbox.client, journal=journal)) == {"Success": 40}
    assert len(sandbox.ledger) == 80


def test_a_list_that_never_stands_still_proves_no_absence(doubts, path, monkeypatch):
    """A record may have come to stand on a page that was read before: what was not found stays in doubt, whatever the word."""
    sandbox, frame = doubts(40, record_utc_offset=0.0)
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 5)
    ledger, answer = sandbox._service.ledger, sandbox._service.records.answer

    numbers = iter(range(10**6))

    def answered(*args, **given):
        # The list grows in front as fast as it is read.
        now, tick = sandbox._service.now(), sandbox._service.tick() - 10
        new = {name: [f"stranger-{next(numbers)}" for _ in range(10)] for name in ("messageids", "phones", "contents")}
        ledger.accept(ledger.arrive(now), now, tick, sources=[None] * 10, **new)
        for values in (ledger._messageids, ledger._phones, ledger._contents, ledger._sources):
            values[:0] = values[-10:]
            del values[-10:]
        return answer(*args, **given)

    monkeypatch.setattr(sandbox._service.records, "answer", answered)
    settled = aged(frame, 60 * 48).nxsms.reconcile(sandbox.client, "Unsent", journal=path)
    assert set(settled["status"].iloc[20:]) == {"Unknown"}
    assert settled["reason"].iloc[20:].str.contains("kept shifting").all()
