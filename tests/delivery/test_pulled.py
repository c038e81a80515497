"""`receipts`: what the record query says, joined by messageid, kept in the journal, and what it settles."""

import io

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal
from nxsms_nb.engine import queries
from nxsms_nb.wire import requests
from nxsms_nb.wire.receipts import Receipt
from tests.engine.people import counts, no_double, people, results

DAY = 86_400
COLUMNS = ["dr", "dr_status", "dr_time", "price", "currency", "segments", "network"]
DELIVERED = Receipt("", "DELIVRD", 2, "2026-03-03 14:02:11", 0.0065, "USD", 1, None)


@pytest.fixture(name="patient")
def _patient(monkeypatch):
    """Waits that take no time."""
    monkeypatch.setattr(queries, "PATIENCE", (0.001,) * 50)


def aged(sandbox, sent, days):
    """Let the sandbox's messages, and the frame, be so many days older."""
    ledger = sandbox._service.ledger
    ledger._blocks = [(number, at - days * DAY, tick) for number, at, tick in ledger._blocks]
    return sent.assign(sent_at=sent["sent_at"] - pd.Timedelta(days=days))


def asked(sandbox, monkeypatch, during=lambda path, form: None):
    """The queries that the sandbox is asked from now on; `during` happens before each answer."""
    made, answer = [], sandbox._service.records.answer

    def answered(path, form, **clocks):
        made.append((path.rpartition("/")[2], form["date"], form.get("page") or form.get("messageid")))
        return during(path, form) or answer(path, form, **clocks)

    monkeypatch.setattr(sandbox._service.records, "answer", answered)
    return made


def changed(sandbox, monkeypatch, change):
    """Let each of the sandbox's answers to a query be changed before it is given."""
    answer = sandbox._service.records.answer
    monkeypatch.setattr(
        sandbox._service.records, "answer", lambda path, form, **clocks: change(answer(path, form, **clocks))
    )


def accept(sandbox, ids, days_ago=0.0, phone="8615000000000"):
    """Let the sandbox have accepted messages that nobody sent, so many days ago."""
    service = sandbox._service
    at, tick = service.now() - days_ago * DAY, service.tick() - 10
    service.ledger.accept(
        service.ledger.arrive(at),
        at,
        tick,
        messageids=ids,
        phones=[phone] * len(ids),
        contents=["Hi"] * len(ids),
        sources=[None] * len(ids),
    )


def sent_frame(ids, days_ago=0.0):
    """A sent frame with these ids, as one from another machine."""
    frame = people(len(ids)).assign(messageid=ids, status="Success", code=0, reason=None, batch=1, attempts=1)
    return frame.assign(sent_at=pd.Timestamp.now("UTC") - pd.Timedelta(days=days_ago), latency_ms=1.0)


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("hours", [-12.0, 0.0, 8.0, 14.0])
def test_receipts_are_joined_by_messageid(make, n, hours):
    """One by one and by the page, wherever the vendor's midnight is; the frame is otherwise as it was."""
    sandbox = make(delivery={5: 0.3, 12: 0.1}, record_utc_offset=hours)
    sent = people(n).nxsms.send(sandbox.client)
    zone = f"Etc/GMT{-int(hours):+d}" if hours else "UTC"
    joined = sent.nxsms.receipts(sandbox.client, tz=zone)
    assert joined.columns.to_list() == [*sent.columns, *COLUMNS]
    pd.testing.assert_frame_equal(joined[sent.columns.to_list()], sent)
    assert joined.attrs == sent.attrs
    assert joined["dr_status"].isin([2, 5, 12]).all()
    assert (joined["segments"].fillna(-1) == 1).all()
    assert (joined["price"] == 0.0065).all()
    assert joined["network"].str.startswith("China").all()
    assert joined["currency"].isna().all()
    assert ((joined["dr_time"] - joined["sent_at"]).abs() < pd.Timedelta(minutes=5)).all()


@pytest.mark.parametrize("wording", ["en", "en-alt", "zh"])
def test_every_wording_of_the_record_is_understood(make, wording):
    """English and Chinese alike."""
    sandbox = make(delivery={}, record_wording=wording, record_network="number")
    joined = people(3).nxsms.send(sandbox.client).nxsms.receipts(sandbox.client)
    assert joined["dr_status"].to_list() == [2, 2, 2]
    assert joined["network"].str.fullmatch("460[0-9]+").all()


def test_without_a_client_no_credentials_are_looked_for(make, monkeypatch, path):
    """Neither the environment's nor a file's."""
    sent = people(3).nxsms.send(make().client)
    monkeypatch.setattr(nx.Client, "from_env", lambda *args, **given: pytest.fail("looked for credentials"))
    assert sent.nxsms.receipts(journal=path)["dr"].isna().all()


def test_what_was_pulled_is_in_the_journal_and_needs_no_client(make, path):
    """Another call joins it without asking anybody, and without looking for credentials."""
    sandbox = make()
    sent = people(30).nxsms.send(sandbox.client, journal=path)
    joined = sent.nxsms.receipts(sandbox.client, journal=path)
    sandbox.close()
    pd.testing.assert_frame_equal(sent.nxsms.receipts(journal=path), joined)
    assert len(Journal(path).receipts()) == 30


def test_without_receipts_the_columns_are_empty(make, path, capsys):
    """A journal that is not there is not made; the line names the journal that was looked in, and whom to ask."""
    sent = people(3).nxsms.send(make().client)
    joined = sent.nxsms.receipts(journal=path)
    assert joined[COLUMNS].isna().all(axis=None)
    assert joined[COLUMNS].dtypes.astype(str).to_list()[1:4] == ["Int64", "datetime64[us, UTC]", "float64"]
    assert not path.exists()
    expected = f"The journal {path} has no receipts of these rows. To ask the vendor: sent.nxsms.receipts(client, "
    assert expected in capsys.readouterr().out


def test_again_refreshes(make):
    """Rows that were open are not any more; the columns are replaced in their place."""
    sandbox = make(delivery={}, delivery_delay=1000.0)
    sent = people(30).nxsms.send(sandbox.client)
    first = sent.nxsms.receipts(sandbox.client)
    assert first["dr_status"].isna().all()
    assert (first["segments"].fillna(-1) == 1).all()
    sandbox.advance(1001)
    again = first.nxsms.receipts(sandbox.client)
    assert again.columns.to_list() == first.columns.to_list()
    assert (again["dr_status"].fillna(-1) == 2).all()
    pd.testing.assert_frame_equal(again.nxsms.receipts(sandbox.client), again)


@pytest.mark.parametrize(
    ("receipts", "expected"),
    [
        ([(12, "14:00:00"), (2, "13:00:00")], 2),
        ([(2, "13:00:00"), (12, "14:00:00")], 2),
        ([(5, "13:00:00"), (2, "14:00:00")], 2),
        ([(2, "14:00:00"), (5, "13:00:00")], 2),
        ([(None, "14:00:00"), (5, "13:00:00")], 5),
        ([(99, "13:00:00"), (12, "14:00:00")], 12),
    ],
    ids=str,
)
def test_final_beats_open_and_of_two_finals_the_later_counts(make, receipts, expected):
    """Whichever came first, in one call or in two."""
    sandbox = make()
    sent = people(1).nxsms.send(sandbox.client)
    messageid, journal, frames = sent.loc[0, "messageid"], sandbox.client.journal, [sent]
    for number, at in receipts:
        with journal.receiving() as book:
            receipt = DELIVERED._replace(messageid=messageid, dr_status=number, dr_time=f"2126-03-03 {at}")
            book.write([receipt], "pushed")
        frames.append(frames[-1].nxsms.receipts(journal=journal))
    assert frames[-1].loc[0, "dr_status"] == sent.nxsms.receipts(journal=journal).loc[0, "dr_status"] == expected


def test_a_push_and_a_record_complete_each_other(make):
    """The currency is in the push alone, the network in the record alone."""
    sandbox = make(delivery={})
    sent = people(1).nxsms.send(sandbox.client)
    with sandbox.client.journal.receiving() as book:
        book.write([DELIVERED._replace(messageid=sent.loc[0, "messageid"], dr_time=None)], "pushed")
    joined = sent.nxsms.receipts(sandbox.client)
    assert joined.loc[0, ["dr", "currency"]].to_list() == ["DELIVRD", "USD"]
    assert joined.loc[0, "network"].startswith("China")


def test_a_record_settles_a_row_in_doubt(make, path, capsys):
    """It was accepted: Success in the frame and in the journal, and nothing is sent again; one without a record stays."""
    sandbox = make(faults=["close_after", "close_before"])
    frame = people(6).nxsms.send(sandbox.client, journal=path, batch_size=3, concurrency=1)
    assert counts(frame) == {"Unknown": 6}
    joined = frame.nxsms.receipts(sandbox.client, journal=path)
    assert joined["status"].to_list() == ["Success"] * 3 + ["Unknown"] * 3
    assert joined["code"].iloc[:3].eq(0).all()
    assert joined["reason"].isna().to_list() == [True] * 3 + [False] * 3
    same = ["messageid", "batch", "attempts", "sent_at", "latency_ms"]
    pd.testing.assert_frame_equal(joined[same], frame[same])
    assert "3 rows in doubt got a receipt" in capsys.readouterr().out
    recorded = people(6).nxsms.recorded(sandbox.client, journal=path)
    assert counts(recorded) == {"Success": 3, "Unknown": 3}
    assert no_double(sandbox)


def test_a_receipt_before_the_sends_own_reply_settles_its_row(make, path):
    """It was pushed while the reply was on its way, and the reply never came."""
    sandbox = make(faults=["close_after"])
    planned = people(3).nxsms.plan(sandbox.client, journal=path).frame
    with Journal(path).receiving() as book:
        book.write(
            [DELIVERED._replace(messageid=messageid, dr_time=None) for messageid in planned["messageid"]], "pushed"
        )
    frame = people(3).nxsms.send(sandbox.client, journal=path)
    assert counts(frame) == {"Unknown": 3}
    joined = frame.nxsms.receipts(journal=path)
    assert counts(joined) == {"Success": 3}
    assert (joined["dr_status"].fillna(-1) == 2).all()
    assert counts(people(3).nxsms.recorded(sandbox.client, journal=path)) == {"Success": 3}


def given_up(sandbox, frame, journal):
    """The same frame, whose rows in doubt count as unsent on the analyst's word, in a journal."""
    old = frame.assign(sent_at=frame["sent_at"] - pd.Timedelta(days=2))
    unsent = old.nxsms.reconcile(sandbox.client, "Unsent", journal=journal)
    assert counts(unsent) == {"Unsent": len(frame)}
    return unsent


def receive(journal, frame):
    """Let receipts of a frame's rows have been pushed."""
    with Journal.of(journal).receiving() as book:
        book.write(
            [DELIVERED._replace(messageid=messageid, dr_time=None) for messageid in frame["messageid"]], "pushed"
        )


@pytest.mark.parametrize("known", ["the run", "the word", "nothing"])
def test_a_receipt_corrects_the_analysts_word(make, path, known):
    """What counted as unsent, and was accepted after all, does not leave again: told by receipts, or found by the next call."""
    sandbox, other = make(faults=["close_after"], record_delay=1e6), path.with_name("other")
    frame = people(3).nxsms.send(sandbox.client, journal=path)
    unsent = given_up(sandbox, frame, other)
    journal = {"the run": path, "the word": other, "nothing": path.with_name("third")}[known]
    receive(journal, frame)
    for again in (unsent.nxsms.retry(sandbox.client, journal=journal), unsent.nxsms.receipts(journal=journal)):
        assert counts(again) == {"Success": 3}
    if known != "nothing":
        assert counts(people(3).nxsms.recorded(sandbox.client, journal=journal)) == {"Success": 3}
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(people(3).nxsms.send(sandbox.client, journal=journal)) == {"Success": 3}
    assert no_double(sandbox)


@pytest.mark.parametrize("known", [True, False])
def test_a_row_with_a_receipt_is_not_given_up(make, path, known):
    """The record query finds nothing of it, and the analyst's word does not count: the receipt proves it accepted."""
    sandbox = make(faults=["close_after", "close_before"], record_delay=1e6)
    frame = people(6).nxsms.send(sandbox.client, journal=path, batch_size=3, concurrency=1)
    journal = path if known else path.with_name("other")
    receive(journal, frame.iloc[:3])
    old = frame.assign(sent_at=frame["sent_at"] - pd.Timedelta(days=2))
    settled = old.nxsms.reconcile(sandbox.client, "Unsent", journal=journal)
    assert settled["status"].to_list() == ["Success"] * 3 + ["Unknown" if known else "Unsent"] * 3


def test_the_next_call_uses_receipts_that_nobody_asked_for(make, path):
    """Rows in doubt are Success in recorded, in the next send and in the list of campaigns, without a query."""
    sandbox = make(faults=["close_after"], record_delay=1e6)
    frame = people(3).nxsms.send(sandbox.client, journal=path)
    receive(path, frame)
    assert counts(people(3).nxsms.recorded(sandbox.client, journal=path)) == {"Success": 3}
    assert Journal(path).campaigns()[["Success", "Unknown"]].to_numpy().tolist() == [[3, 0]]
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(people(3).nxsms.send(sandbox.client, journal=path)) == {"Success": 3}


def test_rows_of_a_campaign_at_work_are_settled_alongside_it(make, path):
    """Its run holds the record of them; their receipts count all the same."""
    sandbox = make(faults=["close_after", "ok"])
    frame = people(3).nxsms.send(sandbox.client, journal=path, campaign="spring")
    sandbox.hold()
    run = people(1, first=50).nxsms.start(sandbox.client, campaign="spring", journal=path)
    assert sandbox.wait_for(requests=2)
    assert counts(frame.nxsms.receipts(sandbox.client, journal=path)) == {"Success": 3}
    assert counts(people(3).nxsms.recorded(sandbox.client, journal=path, campaign="spring")) == {"Success": 3}
    sandbox.release()
    run.wait()
    assert counts(people(3).nxsms.recorded(sandbox.client, journal=path, campaign="spring")) == {"Success": 3}


def test_a_record_of_another_number_settles_nothing(make, path):
    """The id was used before: neither its receipt nor its acceptance is this row's."""
    sandbox = make(faults=["close_before"])
    frame = people(1).assign(sys_message_id="order-000001").nxsms.send(sandbox.client, journal=path)
    accept(sandbox, ["order-000001"], phone="4915112345678")
    joined = frame.nxsms.receipts(sandbox.client, journal=path)
    assert counts(joined) == {"Unknown": 1}
    assert "names another number" in joined.loc[0, "reason"]
    assert joined["dr"].isna().all()
    assert Journal(path).receipts().empty


def test_rows_that_were_retried_have_the_receipts_of_their_latest_attempt(make):
    """Their latest id counts."""
    sandbox = make(failures={13008: 1.0}, delivery={})
    sandbox.failures = {13009: 1.0}
    refused = people(3).nxsms.send(sandbox.client)
    sandbox.failures = None
    sent = refused.nxsms.retry(sandbox.client, codes=13009)
    joined = sent.nxsms.receipts(sandbox.client)
    assert joined["messageid"].str.endswith("-1").all()
    assert (joined["dr_status"].fillna(-1) == 2).all()
    assert refused.nxsms.receipts(sandbox.client)["dr_status"].isna().all()


@pytest.mark.parametrize("where", ["journal", "frame"])
def test_what_was_delivered_although_it_was_refused_is_not_retried(make, path, where, capsys):
    """Its person has it; a receipt that says anything else changes nothing."""
    sandbox = make(failures={13009: 1.0})
    sent = people(3).nxsms.send(sandbox.client, journal=path)
    sandbox.failures = None
    with Journal(path).receiving() as book:
        delivered, not_delivered = sent["messageid"][:2]
        book.write([Receipt(delivered, "DELIVRD", 2), Receipt(not_delivered, "REJECTD", 6)], "pushed")
    if where == "frame":
        sent, path = sent.nxsms.receipts(journal=path), path.with_name("other.sqlite3")
    again = sent.nxsms.retry(sandbox.client, codes=13009, journal=path)
    assert again["status"].to_list() == ["Failure", "Success", "Success"]
    assert len(sandbox.ledger) == 2
    assert "1 row stayed Failure: refused, and delivered all the same" in capsys.readouterr().out


def test_an_id_with_ten_digits_behind_it_is_the_one_in_front(make):
    """As the vendor makes them for bulk sends."""
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(25)]
    accept(sandbox, [f"{messageid}-0123456789" for messageid in ids])
    assert (sent_frame(ids).nxsms.receipts(sandbox.client)["dr_status"].fillna(-1) == 2).all()


@pytest.mark.parametrize(
    "written",
    [
        lambda row: row | {"msgid": f"{row['msgid']}-0123456789"},
        lambda row: row | {"msgid": f" {row['msgid']} "},
        lambda row: [row],
        lambda row: [{}, None, row],
    ],
    ids=["ten digits", "blanks", "list", "list with others"],
)
def test_a_record_alone_is_found_however_it_is_written(make, monkeypatch, written):
    """As in a day's list; so is one that settles a row in doubt."""
    sandbox = make(delivery={}, faults=["close_after"])
    changed(sandbox, monkeypatch, lambda reply: reply | {"row": written(reply["row"])} if reply.get("row") else reply)
    sent = people(3).nxsms.send(sandbox.client)
    assert counts(sent.nxsms.reconcile(sandbox.client)) == {"Success": 3}
    assert (sent.nxsms.receipts(sandbox.client)["dr_status"].fillna(-1) == 2).all()


def test_ten_digits_behind_an_id_in_a_list_settle_its_row(make, monkeypatch):
    """The query's list and its single records are read alike."""
    sandbox = make(delivery={}, faults=["close_after"])

    def change(reply):
        for row in (reply.get("info") or {}).get("rows", ()):
            row["msgid"] += "-0123456789"
        return reply

    changed(sandbox, monkeypatch, change)
    sent = people(30).nxsms.send(sandbox.client)
    assert counts(sent) == {"Unknown": 30}
    assert counts(sent.nxsms.reconcile(sandbox.client)) == {"Success": 30}


@pytest.mark.parametrize(
    "total",
    [
        lambda n, rows: 0,
        lambda n, rows: 1,
        lambda n, rows: len(rows),
        lambda n, rows: str(n // 2),
        lambda n, rows: -(-n // 99),
    ],
    ids=["none", "one", "of the page", "half", "pages"],
)
def test_a_list_that_understates_its_length_is_read_to_its_end(make, monkeypatch, total):
    """Behind a full page there is another one."""
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 99)
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(3000)]
    accept(sandbox, ids)

    def change(reply):
        info = reply["info"]
        return reply | {"info": info | {"total": total(info["total"], info["rows"])}}

    changed(sandbox, monkeypatch, change)
    assert (sent_frame(ids).nxsms.receipts(sandbox.client)["dr_status"].fillna(-1) == 2).all()


def test_a_page_that_does_not_exist_is_the_end_of_a_list(make, monkeypatch):
    """Code 4 behind a last page that is full; in the middle of a list it is an error."""
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 99)
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(198)]
    accept(sandbox, ids)
    sent = sent_frame([*ids, *[f"unknown-{n:06d}" for n in range(250)]])
    with monkeypatch.context() as patch:
        asked(sandbox, patch, lambda path, form: {"code": "4"} if form.get("page") == "3" else None)
        assert (sent.nxsms.receipts(sandbox.client)["dr_status"] == 2).sum() == 198
    asked(sandbox, monkeypatch, lambda path, form: {"code": "4"} if form.get("page") == "2" else None)
    with pytest.raises(nx.QueryError, match=r"stopped after 1 of its pages \(code 4\)"):
        sent.nxsms.receipts(sandbox.client)


def test_an_id_of_ones_own_that_ends_in_ten_digits_keeps_its_receipt(make, path):
    """It is not the one without them, which is another message of the same journal, and still in doubt."""
    sandbox = make(faults=["ok", "close_after"])
    frame = people(2).assign(sys_message_id=["order-000001-1795773600", "order-000001"])
    frame.iloc[:1].nxsms.send(sandbox.client, journal=path)
    sent = frame.nxsms.send(sandbox.client, journal=path)
    assert sent["status"].to_list() == ["Success", "Unknown"]
    with Journal(path).receiving() as book:
        book.write([DELIVERED._replace(messageid="order-000001-1795773600", dr_time=None)], "pushed")
    joined = sent.iloc[1:].nxsms.receipts(journal=path)
    assert counts(joined) == {"Unknown": 1}
    assert joined["dr"].isna().all()
    assert sent.nxsms.receipts(journal=path)["dr_status"].notna().to_list() == [True, False]


def test_columns_of_ones_own_are_refused_before_anything_is_asked(make, monkeypatch):
    """The error has the call to paste; under a prefix they go side by side."""
    sandbox = make()
    sent = people(3).nxsms.send(sandbox.client).assign(price="9.99")
    queried = asked(sandbox, monkeypatch)
    with pytest.raises(
        nx.ColumnError, match=r"sent\.rename\(columns=\{'price': 'my_price'\}\)\.nxsms\.receipts\(client"
    ):
        sent.nxsms.receipts(sandbox.client)
    assert not queried
    under = people(3).assign(price="9.99").nxsms.send(sandbox.client, prefix="sms_", campaign="other")
    joined = under.nxsms.receipts(sandbox.client, prefix="sms_")
    assert joined["price"].eq("9.99").all()
    assert joined["sms_dr"].notna().all()


@pytest.mark.parametrize("change", [lambda f: f.drop(columns="messageid"), lambda f: f[["phone"]]], ids=["id", "all"])
def test_a_frame_that_was_not_sent_is_refused(make, change):
    """It has no ids to ask for."""
    sent = people(3).nxsms.send(make().client)
    with pytest.raises(nx.ColumnError, match="carries no results"):
        change(sent).nxsms.receipts()


def test_a_frame_that_went_through_a_file_is_joined_alike(make):
    """CSV leaves floats and texts; only ids and results are needed."""
    sandbox = make(delivery={5: 0.5})
    sent = people(30).nxsms.send(sandbox.client)
    joined = sent.nxsms.receipts(sandbox.client)
    back = pd.read_csv(io.StringIO(joined.drop(columns=["phone", "content"]).to_csv(index=False)))
    again = back.nxsms.receipts(sandbox.client)
    pd.testing.assert_frame_equal(again[COLUMNS], joined[COLUMNS])
    pd.testing.assert_frame_equal(results(again), results(joined), check_dtype=False)


def test_rows_of_every_kind_keep_their_place(make):
    """Invalid, skipped, refused and new rows have no receipt; labels may repeat themselves."""
    sandbox = make(failures={13009: 0.4}, delivery={})
    frame = pd.concat([people(40), people(3), people(2, phone="12")]).nxsms.send(sandbox.client, duplicates="drop")
    frame = pd.concat([frame, people(2, first=900)])
    joined = frame.nxsms.receipts(sandbox.client)
    assert joined.index.equals(frame.index)
    accepted = (joined["status"] == "Success").to_numpy(np.bool_)
    assert joined["dr_status"].notna().to_numpy().tolist() == accepted.tolist()


def test_a_wrong_time_zone_is_warned_of(make):
    """The vendor writes China's time; read as UTC, nothing looks wrong, but read further west it comes before it was sent."""
    sandbox = make(delivery={})
    sent = people(3).nxsms.send(sandbox.client)
    with pytest.warns(UserWarning, match=r"3 receipts lie up to [0-9.]+ hours before sent_at.*tz="):
        early = sent.nxsms.receipts(sandbox.client, tz="Pacific/Kiritimati")
    right = early.nxsms.receipts(sandbox.client)
    assert ((right["dr_time"] - right["sent_at"]).abs() < pd.Timedelta(minutes=5)).all()


def test_a_wrong_time_zone_is_mended_by_the_next_call(make):
    """The journal has the vendor's text, which is read anew, whichever of the two times is the later."""
    sandbox = make(delivery={})
    sent = people(3).nxsms.send(sandbox.client)
    right = sent.nxsms.receipts(sandbox.client)
    late = right.nxsms.receipts(sandbox.client, tz="UTC")
    assert ((late["dr_time"] - right["dr_time"]) == pd.Timedelta(hours=8)).all()
    pd.testing.assert_frame_equal(late.nxsms.receipts(sandbox.client), right)


@pytest.mark.parametrize("tz", ["Shanghai", None, 8])
def test_what_is_no_time_zone_is_refused(make, tz):
    """Before anything is asked."""
    sandbox = make()
    sent = people(3).nxsms.send(sandbox.client)
    with pytest.raises(nx.ConfigError, match=r"is not a time zone"):
        sent.nxsms.receipts(sandbox.client, tz=tz)


def test_without_an_app_secret_nothing_is_asked(make, capsys):
    """What the journal holds is joined, and the line says what is needed to ask."""
    sandbox = make()
    sent = people(3).nxsms.send(sandbox.client)
    keys = {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key}
    joined = sent.nxsms.receipts(nx.Client(base_url=sandbox.url, **keys), journal=sandbox.client.journal)
    assert joined["dr"].isna().all()
    assert "app_secret=…" in capsys.readouterr().out


def test_wrong_keys_are_named_and_never_shown(make):
    """The query's code 2."""
    sandbox = make()
    sent = people(3).nxsms.send(sandbox.client)
    sandbox.client.app_secret = "Wr0ng-S3cret"
    with pytest.raises(nx.QueryError, match="key pair was refused") as failed:
        sent.nxsms.receipts(sandbox.client)
    assert "Wr0ng" not in str(failed.value)


def test_three_days_and_three_hundred_pages(make, monkeypatch):
    """Each day's list is read once, whole and to its end, and no day beside them; pages of 99 here, so that it is soon over."""
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 99)
    sandbox = make(delivery={5: 0.1}, record_utc_offset=0.0)
    start = pd.Timestamp.now("UTC").normalize() + pd.Timedelta(hours=12) - pd.Timedelta(days=4)
    frames = []
    for day in range(3):
        ids = [f"message-{day}-{n:06d}" for n in range(9_890)]
        ago = (pd.Timestamp.now("UTC") - start - pd.Timedelta(days=day)) / pd.Timedelta(days=1)
        accept(sandbox, ids, ago)
        frames.append(sent_frame(ids, ago))
    queried = asked(sandbox, monkeypatch)
    joined = pd.concat(frames, ignore_index=True).nxsms.receipts(sandbox.client, tz="UTC")
    assert len(queried) == len(set(queried)) == 300
    assert joined["dr_status"].isin([2, 5]).all()


def test_code_5_in_mid_page_waits_and_goes_on(make, patient, monkeypatch):
    """Asked too often, now and then, the same page is asked for again: nothing is lost."""
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(20_000)]
    accept(sandbox, ids)
    turn = iter(range(10**9))
    queried = asked(sandbox, monkeypatch, lambda path, form: {"code": "5"} if next(turn) % 4 else None)
    assert (sent_frame(ids).nxsms.receipts(sandbox.client)["dr_status"].fillna(-1) == 2).all()
    assert {page for _, _, page in queried} == {str(page) for page in range(1, 22)}


def test_code_5_without_end_keeps_what_was_pulled(make, monkeypatch):
    """The error says to try later, and the next call continues with what is in the journal."""
    monkeypatch.setattr(queries, "PATIENCE", (0.001, 0.001))
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(3000)]
    accept(sandbox, ids)
    journal, sent = sandbox.client.journal, sent_frame(ids)
    with monkeypatch.context() as patch:
        asked(sandbox, patch, lambda path, form: {"code": "5"} if form["page"] == "3" else None)
        with pytest.raises(nx.QueryError, match="made too often"):
            sent.nxsms.receipts(sandbox.client)
    assert sent.nxsms.receipts(journal=journal)["dr_status"].notna().sum() == 2 * 999
    assert sent.nxsms.receipts(sandbox.client)["dr_status"].notna().all()


@pytest.mark.parametrize("place", ["front", "middle", "back", "before what was read"])
@pytest.mark.parametrize("order", [1, -1])
def test_pages_that_shift_while_they_are_read_lose_nothing(make, monkeypatch, place, order):
    """Messages are recorded meanwhile, in front of and behind what was read: each of ours is found, and none stands twice."""
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(6000)]
    late, strangers = ids[::7], iter(f"stranger-{n:06d}" for n in range(10**6))
    accept(sandbox, [messageid for messageid in ids if messageid not in set(late)][::order])
    left = iter(late)

    def during(path, form):
        if path.endswith("getSmsCdr") and form["page"] != "1":
            columns = sandbox._service.ledger
            new = [next(strangers) for _ in range(90)] + [
                messageid for _, messageid in zip(range(200), left, strict=False)
            ]
            accept(sandbox, new)
            count = len(columns) - len(new)
            at = {"front": 0, "middle": count // 2, "back": count, "before what was read": 999}[place]
            for values in (columns._messageids, columns._phones, columns._contents, columns._sources):
                values[at:at] = values[count:]
                del values[-len(new) :]

    asked(sandbox, monkeypatch, during)
    monkeypatch.setattr(queries, "READINGS", 9)
    joined = sent_frame(ids).nxsms.receipts(sandbox.client)
    assert joined["dr_status"].notna().all()
    receipts = sandbox.client.journal.receipts()
    assert sorted(receipts["messageid"]) == ids


def test_a_list_that_never_stands_still_is_said(make, monkeypatch, capsys):
    """It is read so often and no more; what was found is joined."""
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(3000)]
    accept(sandbox, ids)
    strangers = iter(f"stranger-{n:06d}" for n in range(10**6))

    def during(path, form):
        columns = sandbox._service.ledger
        accept(sandbox, [next(strangers) for _ in range(10)])
        for values in (columns._messageids, columns._phones, columns._contents, columns._sources):
            values[:0] = values[-10:]
            del values[-10:]

    queried = asked(sandbox, monkeypatch, during)
    joined = sent_frame([*ids, *[f"lost-{n:06d}" for n in range(30)]]).nxsms.receipts(sandbox.client)
    assert joined["dr_status"].notna().sum() == 3000
    assert "kept shifting while it was read" in capsys.readouterr().out
    assert len(queried) < 60


def test_few_that_are_missing_are_asked_for_one_by_one(make, monkeypatch):
    """Thirty messages among two hundred pages, of 99 here, cost fewer queries than the pages."""
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 99)
    sandbox = make(delivery={})
    accept(sandbox, [f"stranger-{n:06d}" for n in range(20_000)])
    ids = [f"message-{n:06d}" for n in range(30)]
    accept(sandbox, ids)
    queried = asked(sandbox, monkeypatch)
    assert (sent_frame(ids).nxsms.receipts(sandbox.client)["dr_status"].fillna(-1) == 2).all()
    assert len(queried) < 40


@pytest.mark.parametrize("n", [6, 40])
def test_rows_older_than_the_query_reaches_stay_open_and_are_counted(make, monkeypatch, capsys, n):
    """They are not asked for, and do not stop the others."""
    sandbox = make(delivery={})
    sent = people(n).nxsms.send(sandbox.client)
    old = aged(sandbox, sent, 40)
    new = people(2, first=900).nxsms.send(sandbox.client)
    queried = asked(sandbox, monkeypatch)
    joined = pd.concat([old, new], ignore_index=True).nxsms.receipts(sandbox.client)
    assert joined["dr_status"].isna().to_list() == [True] * n + [False] * 2
    assert f"{n} rows without a final receipt were sent more than 31 days ago" in capsys.readouterr().out
    first = f"{pd.Timestamp.now('UTC') - pd.Timedelta(days=33):%Y%m%d}"
    assert all(date > first for _, date, _ in queried)


@pytest.mark.parametrize("days", [30, 31, 32, 33])
@pytest.mark.parametrize("n", [3, 40])
def test_rows_at_the_edge_of_the_querys_reach_are_found_or_open(make, capsys, days, n):
    """That one of their days has no answer is no error; those that stay open are counted."""
    sandbox = make(delivery={})
    sent = aged(sandbox, people(n).nxsms.send(sandbox.client), days)
    joined = sent.nxsms.receipts(sandbox.client)
    assert joined["dr_status"].isna().all() or joined["dr_status"].notna().all()
    assert days > 30 or joined["dr_status"].notna().all()
    assert ("more than 31 days ago" in capsys.readouterr().out) == joined["dr_status"].isna().all()


@pytest.mark.parametrize("n", [3, 40])
def test_a_day_without_an_answer_is_an_error(make, monkeypatch, n):
    """Code 1 for a day of last week is no reason to call its rows open."""
    sandbox = make(delivery={})
    sent = aged(sandbox, people(n).nxsms.send(sandbox.client), 7)
    asked(sandbox, monkeypatch, lambda path, form: {"code": "1"})
    query = "get" if n == 3 else "getSmsCdr"
    with pytest.raises(nx.QueryError, match=rf"no answer for .* \(code 1\).*/{query}\.$"):
        sent.nxsms.receipts(sandbox.client)


def test_a_stop_keeps_what_was_pulled(make, monkeypatch):
    """The frame of the interrupt has it, and running the cell again continues."""
    sandbox = make(delivery={})
    ids = [f"message-{n:06d}" for n in range(3000)]
    accept(sandbox, ids)
    import _thread

    asked(sandbox, monkeypatch, lambda path, form: _thread.interrupt_main() if form["page"] == "3" else None)
    sandbox.latency = 0.2
    with pytest.raises(nx.Interrupted, match="before all receipts were pulled") as stopped:
        sent_frame(ids).nxsms.receipts(sandbox.client)
    assert stopped.value.frame["dr_status"].notna().sum() == 2 * 999


def test_an_empty_frame_needs_no_query(make, monkeypatch):
    """And gets its columns."""
    sandbox = make()
    sent = people(3).nxsms.send(sandbox.client).iloc[:0]
    queried = asked(sandbox, monkeypatch)
    assert sent.nxsms.receipts(sandbox.client).columns.to_list()[-7:] == COLUMNS
    assert not queried
