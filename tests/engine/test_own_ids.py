"""A frame's own sys_message_id names the message on the wire; who got it is known by the key, with or without the column."""

import uuid

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people

OWN = [f"order-{n:05}" for n in range(5)]


def fresh(n):
    """Ids that are other ones at each run of a cell."""
    return [str(uuid.uuid4()) for _ in range(n)]


COLUMNS = {
    "none": dict,
    "own": lambda: {"sys_message_id": OWN},
    "partly": lambda: {"sys_message_id": [*OWN[:2], None, None, OWN[4]]},
    "otherwise partly": lambda: {"sys_message_id": [None, OWN[1], OWN[2], None, None]},
    "all null": lambda: {"sys_message_id": [None] * 5},
    "another at each run": lambda: {"sys_message_id": fresh(5)},
    "its own made ids": lambda: {"sys_message_id": "made"},
}


def frame_of(column, sandbox, **options):
    frame = people(5, order=range(5), **COLUMNS[column]())
    if column == "its own made ids":
        made = frame.drop(columns="sys_message_id").nxsms.plan(sandbox.client, **options).frame["messageid"]
        frame["sys_message_id"] = made
    return frame


@pytest.mark.parametrize("options", [{}, {"campaign": "spring"}, {"campaign": "spring", "key": "order"}], ids=str)
@pytest.mark.parametrize("first", COLUMNS)
def test_with_or_without_the_column_the_same_message_is_known(make, first, options):
    """However the column came, went or changed, nobody gets a second message, and what is given back is what was recorded."""
    sandbox = make(hourly_limit=None)
    sent = frame_of(first, sandbox, **options).nxsms.send(sandbox.client, **options)
    assert counts(sent) == {"Success": 5}
    for column in COLUMNS:
        again = frame_of(column, sandbox, **options)
        with pytest.warns(nx.AlreadySentWarning):
            results = again.nxsms.send(sandbox.client, **options)
        assert results["messageid"].tolist() == sent["messageid"].tolist()
        recorded = again.nxsms.recorded(sandbox.client, **options)
        assert recorded["messageid"].tolist() == sent["messageid"].tolist()
        assert set(again.nxsms.plan(sandbox.client, **options).frame["fate"]) == {"accepted before"}
    assert len(sandbox.ledger) == 5
    assert sandbox.ledger["messageid"].tolist() == sent["messageid"].tolist()


@pytest.mark.parametrize("verb", ["send", "reconcile"])
def test_rows_in_doubt_under_an_own_id_are_known_without_the_column(make, verb):
    """They are settled by asking about the id they were sent with, and stay settled for who cannot ask."""
    sandbox = make(faults=["lost"])
    journal, cannot_ask = sandbox.client.journal, nx.Client(**keys_of(sandbox), base_url=sandbox.url)
    doubtful = people(5, sys_message_id=OWN).nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        again = people(5).nxsms.send(cannot_ask, journal=journal)
    assert counts(again) == {"Unknown": 5}
    assert again["messageid"].tolist() == OWN
    if verb == "send":
        with pytest.warns(nx.AlreadySentWarning):
            people(5).nxsms.send(sandbox.client)
    else:
        doubtful.nxsms.reconcile(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(people(5).nxsms.send(cannot_ask, journal=journal)) == {"Success": 5}
    assert len(sandbox.requests) == 1


def keys_of(sandbox):
    return {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key}


def test_a_retry_of_own_ids_is_known_without_the_column(make):
    """Its id is made from the own one and shows nothing of the key; the journal has the key beside it."""
    sandbox = make(failures={13009: 1.0})
    failed = people(5, sys_message_id=OWN).nxsms.send(sandbox.client, campaign="spring")
    assert counts(failed) == {"Failure": 5}
    sandbox.failures = None
    retried = failed.nxsms.retry(sandbox.client, codes=13009)
    assert counts(retried) == {"Success": 5}
    for columns in ({}, {"sys_message_id": OWN}, {"sys_message_id": fresh(5)}):
        with pytest.warns(nx.AlreadySentWarning):
            again = people(5, **columns).nxsms.send(sandbox.client, campaign="spring")
        assert again["messageid"].tolist() == retried["messageid"].tolist()
        assert again["attempts"].tolist() == [2] * 5
    assert len(sandbox.ledger) == 5


def test_a_refused_own_id_is_refused_without_the_column(make):
    """A refusal is recorded as well; retrying is what retry is for."""
    sandbox = make(failures={13009: 1.0})
    people(5, sys_message_id=OWN).nxsms.send(sandbox.client)
    sandbox.failures = None
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(people(5).nxsms.send(sandbox.client)) == {"Failure": 5}
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("later", COLUMNS)
def test_rows_that_did_not_go_out_leave_under_the_id_of_the_call(make, later):
    """Whatever id they would have had; then they are known."""
    sandbox = make(balance=2, balance_per="item")
    with pytest.raises(nx.AccountRefused):
        people(5, sys_message_id=OWN).nxsms.send(sandbox.client)
    sandbox.balance = None
    frame = frame_of(later, sandbox)
    assert counts(frame.nxsms.send(sandbox.client)) == {"Success": 5}
    with pytest.warns(nx.AlreadySentWarning):
        people(5).nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 5
    assert no_double(sandbox)


CORRECTED = {
    "number": (lambda frame: frame.assign(phone=people(5, first=50)["phone"]), {}),
    "text": (lambda frame: frame.assign(content="Sorry, late"), {"campaign": None}),
    "key": (lambda frame: frame.assign(order=range(50, 55)), {"key": "order"}),
}


@pytest.mark.parametrize("verb", ["send", "plan", "recorded"])
@pytest.mark.parametrize("what", CORRECTED)
def test_an_own_id_never_has_a_second_effect(make, what, verb):
    """On a corrected number, text or key it is refused before any request: nobody is called Success who got nothing."""
    sandbox = make(hourly_limit=None)
    change, options = CORRECTED[what]
    options = {"campaign": "spring"} | options
    frame = people(5, order=range(5), sys_message_id=OWN)
    frame.nxsms.send(sandbox.client, **options)
    corrected = pd.concat([frame.iloc[:3], change(frame).iloc[3:]])
    with pytest.raises(
        nx.ColumnError, match=r"2 rows bring a sys_message_id that was used .* at position 3"
    ) as refused:
        getattr(corrected.nxsms, verb)(sandbox.client, **options)
    assert refused.value.rows == [3, 4]
    assert len(sandbox.ledger) == 5
    own = corrected["sys_message_id"].where(pd.Series(range(5)) < 3, [f"order-{n}-corrected" for n in range(5)])
    again = corrected.assign(sys_message_id=own).nxsms.send(sandbox.client, **options)
    assert counts(again) == {"Success": 5}
    assert len(sandbox.ledger) == 7
    with pytest.warns(nx.AlreadySentWarning):
        corrected.drop(columns="sys_message_id").nxsms.send(sandbox.client, **options)


def test_an_own_id_of_a_refused_row_is_not_used_for_another_number(make):
    """An id is never used for a second effect, and a refusal is an effect that is known; an unsent one had none."""
    sandbox = make(failures={13009: 1.0})
    people(2, sys_message_id=OWN[:2]).nxsms.send(sandbox.client, campaign="spring")
    sandbox.failures = None
    with pytest.raises(nx.ColumnError, match="2 rows bring a sys_message_id"):
        people(2, first=9, sys_message_id=OWN[:2]).nxsms.send(sandbox.client, campaign="spring")
    sandbox.refuse = 1100
    with pytest.raises(nx.AccountRefused):
        people(2, first=20, sys_message_id=OWN[2:4]).nxsms.send(sandbox.client, campaign="spring")
    sandbox.refuse = None
    assert counts(people(2, first=9, sys_message_id=OWN[2:4]).nxsms.send(sandbox.client, campaign="spring")) == {
        "Success": 2
    }


def test_in_another_campaign_an_own_id_is_known_for_the_same_number_and_refused_for_another(make):
    """The gateway knows of no campaigns."""
    sandbox = make(hourly_limit=None)
    frame = people(5, order=range(5), sys_message_id=OWN)
    frame.nxsms.send(sandbox.client, campaign="spring", key="order")
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign="autumn", key="order")
    assert again["messageid"].tolist() == OWN
    with pytest.raises(nx.ColumnError, match="5 rows bring a sys_message_id"):
        frame.assign(order=range(9, 14)).nxsms.send(sandbox.client, campaign="autumn", key="order")
    assert len(sandbox.ledger) == 5


def test_an_id_made_for_another_row_is_no_own_id(make):
    """Whether that row is in the frame or not: it may still be sent under it."""
    sandbox = make()
    made = people(2).nxsms.plan(sandbox.client).frame["messageid"]
    for ids in ([made[1], made[0]], ["order-00001", made[0]], [made[0], made[0] + "-1"]):
        with pytest.raises(nx.ColumnError, match="belongs to another row") as refused:
            people(2, sys_message_id=ids).nxsms.send(sandbox.client)
        assert refused.value.rows[-1] == 1
    assert not len(sandbox.requests)


def test_own_ids_without_the_journal_are_what_the_frame_says(make, path):
    """The frame's results name the own id: brought again it is known, left out or changed it stops the call."""
    sandbox = make()
    sent = people(5, sys_message_id=OWN).nxsms.send(sandbox.client)
    journal = nx.Journal(path)
    with pytest.warns(nx.AlreadySentWarning):
        sent.nxsms.send(sandbox.client, journal=journal)
    for changed in (sent.drop(columns="sys_message_id"), sent.assign(sys_message_id=fresh(5))):
        with pytest.raises(nx.ColumnError, match="text, key or sys_message_id was changed"):
            changed.nxsms.send(sandbox.client, journal=journal)
    assert len(sandbox.ledger) == 5


@pytest.mark.parametrize("campaign", [None, "spring"])
def test_an_own_id_added_to_a_sent_frame_sends_nothing_again_when_the_journal_is_gone(sandbox, path, campaign):
    """The results name the id that the key gives, and the key is what it was; an older frame alongside says it as well."""
    sent = people(5).nxsms.send(sandbox.client, campaign=campaign)
    added = sent.assign(sys_message_id=OWN)
    older = pd.concat([people(5, sys_message_id=OWN), added], ignore_index=True)
    for frame in (added, older):
        with pytest.warns(nx.AlreadySentWarning):
            again = frame.nxsms.send(sandbox.client, campaign=campaign, duplicates="drop", journal=path)
        assert again["messageid"].dropna().tolist() == sent["messageid"].tolist()
    assert len(sandbox.ledger) == 5


@pytest.mark.parametrize("rows", [[2, 0, 1], [1], ["new", 0, 1, 2]])
def test_own_ids_tell_rows_of_one_key_apart_where_duplicates_are_allowed(make, rows):
    """Filtered, turned round or beside a new row, each is known as it was; the new row is sent."""
    sandbox = make(hourly_limit=None)
    frame = people(3, phone="8615000000001", sys_message_id=OWN[:3])
    frame.nxsms.send(sandbox.client, duplicates="allow")
    wanted = ["order-new-1" if row == "new" else OWN[row] for row in rows]
    later = people(len(rows), phone="8615000000001", sys_message_id=wanted)
    if "new" in rows:
        again = later.nxsms.send(sandbox.client, duplicates="allow")
    else:
        with pytest.warns(nx.AlreadySentWarning):
            again = later.nxsms.send(sandbox.client, duplicates="allow")
    assert again["messageid"].tolist() == wanted
    assert len(sandbox.ledger) == 3 + rows.count("new")


OTHERS = {
    "without": {},
    "another": {"sys_message_id": "order-99999"},
    "another at each run": {"sys_message_id": "8d1c6a0e-9e5e-4a43-9f4c-0d7a6f1f3c11"},
}


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("faults", [None, ["lost"]], ids=["accepted", "in doubt"])
@pytest.mark.parametrize("options", [{}, {"campaign": "spring"}, {"key": "order"}, {"prefix": "sms_"}], ids=str)
@pytest.mark.parametrize("columns", OTHERS.values(), ids=OTHERS)
def test_a_copy_that_was_sent_under_an_own_id_counts_for_its_key_when_the_journal_is_gone(
    make, tmp_path, columns, options, faults
):
    """Whichever of the copies comes first and whatever id it brings, the person gets nothing again."""
    sandbox = make(hourly_limit=None, faults=faults)
    one = people(1, order=7)
    sent = one.assign(sys_message_id=OWN[0]).nxsms.send(sandbox.client, **options)
    unsent = one.assign(**columns)
    prefix, other = options.get("prefix", ""), people(1, first=9, order=8)
    for n, parts in enumerate(([unsent, sent], [sent, unsent], [unsent, unsent, sent], [unsent, other, sent, sent])):
        frame = pd.concat(parts, ignore_index=True)
        again = frame.nxsms.send(sandbox.client, duplicates="drop", journal=tmp_path / f"{n}.sqlite3", **options)
        status = again.loc[again[prefix + "messageid"] == OWN[0], prefix + "status"]
        assert status.tolist() == ["Success"], "in doubt it was found by its record"
    assert (sandbox.ledger["phone"] == one["phone"][0]).sum() == 1


def test_a_copy_retried_under_an_own_id_speaks_for_its_key_when_the_journal_is_gone(make, path):
    """What a retry's id is made of is the own one, which the copy still brings."""
    sandbox = make(hourly_limit=None, failures={13009: 1.0})
    failed = people(3, sys_message_id=OWN[:3]).nxsms.send(sandbox.client)
    sandbox.failures = None
    retried = failed.nxsms.retry(sandbox.client, codes=13009)
    with pytest.warns(nx.AlreadySentWarning):
        again = pd.concat([people(3), retried]).nxsms.send(sandbox.client, duplicates="drop", journal=path)
    assert counts(again) == {"Success": 3, "Skipped": 3}
    assert len(sandbox.ledger) == 3


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("campaign", [None, "spring"])
def test_a_row_that_took_over_what_a_copy_said_is_known_next_to_the_copy_when_the_journal_is_gone_again(
    sandbox, tmp_path, campaign
):
    """Its result names the id that the copy brings, whichever of them comes first."""
    options = {"campaign": campaign, "duplicates": "drop"}
    sent = people(1, sys_message_id=OWN[:1]).nxsms.send(sandbox.client, **options)
    both = pd.concat([people(1), sent]).nxsms.send(sandbox.client, **options, journal=tmp_path / "1.sqlite3")
    assert both["status"].tolist() == ["Success", "Skipped"]
    for frame in (both, both[::-1], pd.concat([people(1), both])):
        journal = nx.Journal(tmp_path / f"{len(frame)}{frame['status'].iloc[0]}.sqlite3")
        again = frame.nxsms.send(sandbox.client, **options, journal=journal)
        assert counts(again) == {"Success": 1, "Skipped": len(frame) - 1}
    assert len(sandbox.ledger) == 1


def test_a_copy_whose_own_id_was_lost_stops_the_call_in_either_order(make, path):
    """It says that it was sent under an id that nothing in the frame explains; the way out of the message works."""
    sandbox = make(hourly_limit=None)
    one = people(1)
    sent = one.assign(sys_message_id=OWN[0]).nxsms.send(sandbox.client).drop(columns="sys_message_id")
    for parts, at in (([one, sent], 1), ([sent, one], 0)):
        df = pd.concat(parts, ignore_index=True)
        with pytest.raises(
            nx.ColumnError, match=f"at position {at} .* as order-00000, which would now be n1"
        ) as refused:
            df.nxsms.send(sandbox.client, duplicates="drop", journal=path)
        assert refused.value.rows == [at]
        kept = df.nxsms.recorded(sandbox.client, duplicates="drop", journal=path)
        assert kept["status"][at] == "Success"
        assert "df.nxsms.new().nxsms.send(client" in str(refused.value)
    assert len(sandbox.ledger) == 1
    assert counts(df.nxsms.new().nxsms.send(sandbox.client, duplicates="drop", journal=path)) == {
        "Success": 1,
        "Skipped": 1,
    }


def test_a_copy_speaks_for_no_other_key(make, path):
    """A row with another text or number next to a sent frame is new."""
    sandbox = make(hourly_limit=None)
    sent = people(2, sys_message_id=OWN[:2]).nxsms.send(sandbox.client)
    others = pd.concat([people(2, content="Another text"), people(2, first=9)])
    frame = pd.concat([others, sent, sent], ignore_index=True)
    again = frame.nxsms.send(sandbox.client, duplicates="drop", journal=path)
    assert counts(again) == {"Success": 6, "Skipped": 2}
    assert len(sandbox.ledger) == 6
