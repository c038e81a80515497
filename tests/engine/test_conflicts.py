"""Rows that say they were sent as another message than the call would send: nothing leaves before that is settled."""

import io
import sys

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people, results


def pasted(refused, label, frame, sandbox):
    """Run the line that the error offers behind a label."""
    line = next(line for line in str(refused.value).splitlines() if line.startswith(label))
    return eval(line.removeprefix(label), {"df": frame, "client": sandbox.client, "nx": nx})  # noqa: S307


def through_csv(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


CHANGES = {
    "text by hand": lambda frame: frame.assign(content="Sorry, late"),
    "number by hand": lambda frame: frame.assign(phone=[str(8615000001000 + n) for n in range(len(frame))]),
    "sender": lambda frame: frame.assign(source_address="ACME2"),
    "sender left out": lambda frame: frame.drop(columns="source_address"),
    "short link": lambda frame: frame.assign(content="see #1#", short_link="1"),
    "text by a file": through_csv,
    "number lost": lambda frame: frame.assign(phone="8.61509E+12"),
}


@pytest.mark.parametrize("keeps_journal", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_made_another_message_of_sent_rows_stops_the_call(make, path, change, keeps_journal):
    """Before any request, with the count and the first of them; the rows go when they are said to be new."""
    sandbox = make(hourly_limit=None)
    sent = people(3, content=["012345", "0042", "007"], source_address="00712345").nxsms.send(sandbox.client)
    changed = CHANGES[change](sent)
    options = {} if keeps_journal else {"journal": nx.Journal(path)}
    with pytest.raises(nx.ColumnError, match=r"3 of 3 rows say .* at position 0 .*Nothing was sent") as refused:
        changed.nxsms.send(sandbox.client, **options)
    assert sent["messageid"].iloc[0] in str(refused.value)
    assert sent["phone"].iloc[0] not in str(refused.value)
    assert len(sandbox.ledger) == 3
    again = counts(changed.nxsms.new().nxsms.send(sandbox.client, **options))
    assert again == {"Invalid" if change == "number lost" else "Success": 3}
    assert len(sandbox.ledger) == 3 + again.get("Success", 0)
    assert no_double(sandbox)


def test_rows_in_doubt_stop_the_call_as_well(make):
    """They may have gone out."""
    sandbox = make(faults=["lost"])
    doubtful = people(3).nxsms.send(sandbox.client)
    assert counts(doubtful) == {"Unknown": 3}
    with pytest.raises(nx.ColumnError, match="3 of 3 rows"):
        doubtful.assign(content="Sorry, late").nxsms.send(sandbox.client)


def test_rows_that_certainly_did_not_go_out_are_sent_with_their_corrected_text(make):
    """Refused and unsent rows had no effect under any id."""
    sandbox = make(balance=2, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(4).nxsms.send(sandbox.client)
    sandbox.balance = None
    left = stopped.value.frame.query("status != 'Success'").assign(content="Sorry, late")
    assert counts(left.nxsms.send(sandbox.client)) == {"Success": 2}


def test_the_ways_out_work_when_they_are_pasted(sandbox):
    """The text as it was, the rows as new ones, another campaign."""
    sent = people(3).nxsms.send(sandbox.client)
    changed = sent.assign(content=["Sorry, late", *sent["content"].iloc[1:]])
    with pytest.raises(nx.ColumnError, match=r"1 of 3 rows says that it was sent") as refused:
        changed.nxsms.send(sandbox.client, progress="silent")
    with pytest.warns(nx.AlreadySentWarning):
        changed.assign(content=people(3)["content"]).nxsms.send(sandbox.client)
    pasted(refused, "If they are new messages:  ", changed, sandbox)
    assert len(sandbox.ledger) == 4
    assert counts(pasted(refused, "To send them in another campaign:  ", changed, sandbox)) == {"Success": 1}
    assert len(sandbox.ledger) == 5
    with pytest.warns(nx.AlreadySentWarning):
        changed.nxsms.send(sandbox.client)


def test_another_campaign_keeps_several_texts_to_a_number_apart(make):
    """A named campaign knows the phone alone, so the line to paste names the columns that tell the messages apart."""
    sandbox = make(hourly_limit=None)
    frame = people(4, phone="8615000000001", content=[f"Parcel {n}" for n in range(4)]).rename(
        columns={"phone": "mobile"}
    )
    sent = frame.nxsms.send(sandbox.client, phone="mobile")
    changed = sent.assign(content=sent["content"] + "!")
    with pytest.raises(nx.ColumnError, match="4 of 4 rows") as refused:
        changed.nxsms.send(sandbox.client, phone="mobile")
    assert counts(pasted(refused, "To send them in another campaign:  ", changed, sandbox)) == {"Success": 4}
    assert len(sandbox.ledger) == 8


def test_the_line_to_paste_sends_nobody_again_whom_only_the_frame_knows(sandbox, path):
    """Without their results these rows would be unknown, so the line takes the changed rows alone."""
    sent = people(30).nxsms.send(sandbox.client)
    changed = sent.assign(content=sent["content"].where(sent.index != 7, "Sorry, late"))
    journal = nx.Journal(path)
    with pytest.raises(nx.ColumnError, match="29 rows again that only the frame knows") as refused:
        changed.nxsms.send(sandbox.client, journal=journal)
    line = next(line for line in str(refused.value).splitlines() if "df.iloc" in line)
    call = line.removeprefix("If they are new messages:  ")
    again = eval(call, {"df": changed, "client": sandbox.client, "journal": journal})  # noqa: S307  to be pasted
    assert again["phone"].tolist() == [sent["phone"][7]]
    assert len(sandbox.ledger) == 31
    assert refused.value.rows == [7]


@pytest.mark.parametrize("verb", ["send", "start"])
def test_a_campaign_left_out_is_named(sandbox, verb):
    """Rows that were sent in a campaign are not sent again because the next call forgets its name."""
    sent = people(3).nxsms.send(sandbox.client, campaign="spring")
    with pytest.raises(nx.ColumnError, match=r"left out:\nthe journal knows 3 rows in campaign='spring'") as refused:
        getattr(sent.nxsms, verb)(sandbox.client)
    assert f":  df.nxsms.{verb}(client, campaign='spring')\n" in str(refused.value)
    with pytest.warns(nx.AlreadySentWarning):
        sent.nxsms.send(sandbox.client, campaign="spring")
    assert len(sandbox.ledger) == 3


@pytest.mark.parametrize("scattered", [False, True])
def test_the_line_for_a_campaign_left_out_concerns_its_rows_alone(sandbox, scattered):
    """Rows that were sent without a campaign are not sent in the one that others belong to."""
    spring, alone = (
        people(30).nxsms.send(sandbox.client, campaign="spring"),
        people(30, first=50).nxsms.send(sandbox.client),
    )
    both = pd.concat([spring, alone], ignore_index=True)
    both = both.sort_values("phone", key=lambda phones: phones.str[::-1]) if scattered else both
    with pytest.raises(nx.ColumnError, match=r"the journal knows 30 rows in campaign='spring'") as refused:
        both.nxsms.send(sandbox.client)
    sys.last_value = refused.value
    label = "the journal knows 30 rows in campaign='spring' (add key= if that call had one):  "
    line = next(line for line in str(refused.value).splitlines() if line.startswith(label)).removeprefix(label)
    assert line.startswith("import sys; ") == scattered
    with pytest.warns(nx.AlreadySentWarning):
        exec(line, {"df": both, "client": sandbox.client})  # noqa: S102
    assert sandbox.ledger["phone"].is_unique


@pytest.mark.parametrize("campaign", [None, "spring"])
def test_a_key_left_out_or_changed_stops_the_call(make, campaign):
    """In a named campaign the journal knows the ids; in the unnamed one the frame is enough."""
    sandbox = make(hourly_limit=None)
    frame = people(3, order=[1, 2, 3])
    sent = frame.nxsms.send(sandbox.client, campaign=campaign, key="order")
    for options in ({}, {"key": "phone", "campaign": "spring"} if campaign else {"key": "phone"}):
        with pytest.raises(nx.ColumnError, match="3 of 3 rows"):
            sent.nxsms.send(sandbox.client, **{"campaign": campaign} | options)
    with pytest.raises(nx.ColumnError, match="3 of 3 rows"):
        sent.assign(order=[4, 5, 6]).nxsms.send(sandbox.client, campaign=campaign, key="order")
    assert len(sandbox.ledger) == 3


@pytest.mark.parametrize("campaign", [None, "spring"])
@pytest.mark.parametrize(("key", "other"), [("order", {}), ("order", {"key": "item"}), (None, {"key": "item"})])
@pytest.mark.parametrize("kept", [slice(None), slice(1, None)])
def test_the_key_that_a_call_lost_is_found_and_proposed(sandbox, campaign, key, other, kept):
    """A key left out, changed, or added: the proposed call is the one that knows the rows, and sends nothing."""
    frame = people(3, order=["a", "b", "c"], item=[1, 2, 3])
    options = {name: value for name, value in {"campaign": campaign, "key": key}.items() if value}
    sent = frame.nxsms.send(sandbox.client, **options).iloc[kept]
    given = ({"campaign": campaign} if campaign else {}) | other
    with pytest.raises(nx.ColumnError, match=r"the very message that was sent") as stopped:
        sent.nxsms.send(sandbox.client, **given)
    shown = f"With key={key!r} " if key else "Without key= "
    line = next(line for line in str(stopped.value).splitlines() if line.startswith(shown))
    assert len(str(stopped.value).splitlines()) == 4
    with pytest.warns(nx.AlreadySentWarning):
        again = eval(line.split(":  ")[1], {"df": sent, "client": sandbox.client})  # noqa: S307
    assert counts(again) == {"Success": len(sent)}
    assert len(sandbox.ledger) == 3


def test_rows_of_several_causes_are_proposed_with_their_key_as_far_as_it_explains_them(sandbox):
    """How many have the id that the key gives is counted; the others stop the proposed call in their turn."""
    sent = people(3, order=["a", "b", "c"]).nxsms.send(sandbox.client, key="order")
    sent.loc[2, "order"] = "d"
    with pytest.raises(nx.ColumnError, match=r"With key='order' 2 are each the very message"):
        sent.nxsms.send(sandbox.client)
    with pytest.raises(nx.ColumnError, match="1 of 3 rows"):
        sent.nxsms.send(sandbox.client, key="order")
    assert len(sandbox.ledger) == 3


def test_no_key_is_proposed_where_none_gives_the_ids(sandbox):
    """A changed text is not a lost key, nor is a key of two columns found."""
    frame = people(3, order=["a", "b", "c"], item=[1, 2, 3])
    changed = frame.nxsms.send(sandbox.client).assign(content="Changed")
    two = people(3, first=9, order=["a", "b", "c"], item=[1, 2, 3]).nxsms.send(sandbox.client, key=["order", "item"])
    for sent in (changed, two):
        with pytest.raises(nx.ColumnError, match="campaign= or key= was left out"):
            sent.nxsms.send(sandbox.client)


def test_in_a_named_campaign_rows_of_other_campaigns_are_sent(sandbox, path):
    """The journal does not know their ids there: it is another campaign, not a changed row."""
    sent = people(3).nxsms.send(sandbox.client, campaign="spring")
    assert counts(sent.nxsms.send(sandbox.client, campaign="autumn")) == {"Success": 3}
    assert counts(sent.nxsms.send(sandbox.client, campaign="winter", journal=path)) == {"Success": 3}
    with pytest.raises(nx.ColumnError, match="3 of 3 rows"):
        sent.assign(phone=people(3, first=9)["phone"]).nxsms.send(sandbox.client, campaign="spring")
    assert len(sandbox.ledger) == 9


def test_rows_of_another_account_stop_the_call(sandbox, make):
    """What the sandbox accepted was no message to anybody, which the person has to say."""
    rehearsed = people(3).nxsms.send(make(app_key="rehearsal").client)
    with pytest.raises(nx.ColumnError, match="another account or the sandbox sent it"):
        rehearsed.nxsms.send(sandbox.client)
    assert counts(rehearsed.nxsms.new().nxsms.send(sandbox.client)) == {"Success": 3}


def test_a_row_corrected_and_retried_stops_the_call_when_the_journal_is_gone(make, path):
    """Its retry went to the corrected row, under an id of the first attempt; the journal has its key, the frame has not."""
    sandbox = make(failures={13009: 1.0})
    failed = people(2).nxsms.send(sandbox.client)
    sandbox.failures = None
    retried = failed.assign(content="Corrected").nxsms.retry(sandbox.client, codes=13009)
    assert counts(retried) == {"Success": 2}
    with pytest.raises(nx.ColumnError, match="corrected and retried"):
        retried.nxsms.send(sandbox.client, journal=path)
    for frame, options in ((retried, {}), (retried.assign(content=failed["content"]), {"journal": path})):
        with pytest.warns(nx.AlreadySentWarning):
            frame.nxsms.send(sandbox.client, **options)
    assert len(sandbox.ledger) == 2


@pytest.mark.parametrize("own", [False, True])
def test_a_retry_that_left_out_the_key_is_the_latest_attempt_of_its_rows(make, own):
    """The journal has it with the key of the campaign or none, and its id leads to it."""
    sandbox = make(failures={13009: 1.0})
    ids = {"sys_message_id": [f"order-{n:05}" for n in range(4)]} if own else {}
    options = {"campaign": "spring", "key": "order"}
    frame = people(4, order=range(4), **ids)
    failed = frame.nxsms.send(sandbox.client, **options)
    sandbox.failures = None
    retried = failed.nxsms.retry(sandbox.client, codes=13009)
    for look in (frame, failed, frame.drop(columns="sys_message_id", errors="ignore")):
        recorded = look.nxsms.recorded(sandbox.client, **options)
        assert recorded["status"].tolist() == ["Success"] * 4
        assert recorded["messageid"].tolist() == retried["messageid"].tolist()
        assert recorded["attempts"].tolist() == [2] * 4


def test_a_number_is_not_called_accepted_because_its_corrected_one_was(make):
    """The retry went to the corrected number; nobody got anything at the old one."""
    sandbox = make(failures={13009: 1.0})
    failed = people(2).nxsms.send(sandbox.client, campaign="spring")
    sandbox.failures = None
    failed.assign(phone=people(2, first=9)["phone"]).nxsms.retry(sandbox.client, codes=13009)
    assert counts(people(2).nxsms.recorded(sandbox.client, campaign="spring")) == {"Failure": 2}
    assert counts(people(2, first=9).nxsms.recorded(sandbox.client, campaign="spring")) == {"Success": 2}


def test_a_look_shows_such_rows_and_does_not_raise(sandbox):
    """The plan says that they stop the call; recorded keeps what they say, with the reason."""
    sent = people(3).nxsms.send(sandbox.client)
    changed = sent.assign(content=["Sorry, late", *sent["content"].iloc[1:]])
    plan = changed.nxsms.plan(sandbox.client)
    assert plan.frame["fate"].tolist() == ["stops the call", "accepted before", "accepted before"]
    assert "another id" in plan.frame["reason"].iloc[0]
    for shown in (repr(plan), plan._repr_html_()):
        assert "Nothing would be sent" in shown
    recorded = changed.nxsms.recorded(sandbox.client)
    assert recorded.drop(columns=["reason", "content"]).equals(sent.drop(columns=["reason", "content"]))
    assert "another id" in recorded["reason"].iloc[0]
    assert recorded["reason"].iloc[1:].isna().all()


def test_in_a_stream_it_holds_for_the_chunk(sandbox):
    """Chunks before it are sent, the one with such rows is not."""
    sent = people(2).nxsms.send(sandbox.client, campaign="spring")
    changed = sent.assign(phone=people(2, first=50)["phone"])
    stream = nx.send_stream([people(2, first=10), changed], sandbox.client, campaign="spring", progress="silent")
    assert counts(next(stream)) == {"Success": 2}
    with pytest.raises(nx.ColumnError, match="2 of 2 rows") as refused:
        next(stream)
    assert len(sandbox.ledger) == 4
    line = next(line for line in str(refused.value).splitlines() if line.startswith("If they are new"))
    again = eval(line.partition(":  ")[2], {"nx": nx, "client": sandbox.client, "frames": [changed]})  # noqa: S307
    assert [counts(frame) for frame in again] == [{"Success": 2}]


@pytest.mark.parametrize("kept", [slice(1, 3), slice(None, None, -1), [2, 0], [0, 1, 2, 2]])
def test_with_duplicates_allowed_any_id_of_a_rows_key_is_its_own(sandbox, path, kept):
    """Filtered, turned round or copied rows of one key number themselves otherwise; each keeps the id it had."""
    sent = people(3, phone="8615000000001").nxsms.send(sandbox.client, duplicates="allow")
    part = sent.iloc[kept]
    for options in ({}, {"journal": path}):
        with pytest.warns(nx.AlreadySentWarning):
            again = part.nxsms.send(sandbox.client, duplicates="allow", **options)
        assert results(again).equals(results(part))
    assert len(sandbox.ledger) == 3


def test_with_duplicates_allowed_a_new_row_of_a_sent_key_is_sent(sandbox, path):
    """Wherever it stands, it gets an id that no row of its key had."""
    sent = people(2, phone="8615000000001").nxsms.send(sandbox.client, duplicates="allow")
    more = pd.concat([people(1, phone="8615000000001"), sent], ignore_index=True)
    for options in ({}, {"journal": path}):
        again = more.nxsms.send(sandbox.client, duplicates="allow", **options)
        more = pd.concat([people(1, phone="8615000000001"), again], ignore_index=True)
    assert len(sandbox.ledger) == 4
    assert no_double(sandbox)
    with pytest.raises(nx.ColumnError, match="2 of 2 rows"):
        sent.assign(content="Sorry, late").nxsms.send(sandbox.client, duplicates="allow")


def test_results_under_another_prefix_are_applied_when_the_journal_is_gone(sandbox, path):
    """A frame carries results under whatever prefix."""
    sent = people(3).nxsms.send(sandbox.client, prefix="sms_")
    with pytest.warns(nx.AlreadySentWarning):
        again = sent.nxsms.send(sandbox.client, journal=path)
    assert again["messageid"].tolist() == sent["sms_messageid"].tolist()
    with pytest.raises(nx.ColumnError, match=r"\.nxsms\.new\(prefix='sms_'\)") as refused:
        sent.assign(content="Sorry, late").nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 3
    pasted(refused, "If they are new messages:  ", sent.assign(content="Sorry, late"), sandbox)
    assert len(sandbox.ledger) == 6


def test_a_message_that_was_stopped_goes_on_next_to_an_earlier_one_under_another_prefix(make):
    """Its own unsent results count, not those of the earlier message in the same frame."""
    sandbox = make()
    first = people(4).nxsms.send(sandbox.client, campaign="first", prefix="first_")
    sandbox.balance, sandbox.balance_per = 2, "item"
    with pytest.raises(nx.AccountRefused) as stopped:
        first.drop(columns=["content"]).assign(content="Second").nxsms.send(sandbox.client, campaign="second")
    sandbox.balance = None
    assert counts(stopped.value.frame.nxsms.send(sandbox.client, campaign="second")) == {"Success": 4}
    assert len(sandbox.ledger) == 8


def test_new_drops_the_result_columns_and_nothing_else(sandbox):
    """Own columns, index and order stay, and so does the frame it is asked of."""
    frame = people(3, status_of_order="paid").set_index(pd.Index(["a", "b", "c"], name="who"))
    sent = frame.nxsms.send(sandbox.client)
    pd.testing.assert_frame_equal(sent.nxsms.new(), frame)
    assert "status" in sent
    assert sent.nxsms.new().attrs == {}
    prefixed = sent.nxsms.send(sandbox.client, campaign="x", prefix="sms_")
    pd.testing.assert_frame_equal(prefixed.nxsms.new(prefix="sms_"), sent)
    pd.testing.assert_frame_equal(prefixed.nxsms.new().nxsms.new(prefix="sms_"), frame)
    pd.testing.assert_frame_equal(frame.nxsms.new(), frame)
    own = people(2, status="mine")
    pd.testing.assert_frame_equal(own.nxsms.new(), own)
    with pytest.raises(nx.ColumnError, match=r"df\.nxsms\.new\(prefix='sms_'\)"):
        frame.nxsms.send(sandbox.client, campaign="y", prefix="sms_").nxsms.new()


def test_a_retry_applies_results_under_another_prefix_when_the_journal_is_gone(make, path):
    """What was unsent when its results were written may have gone out since, as other columns of the frame say."""
    sandbox = make(balance=2, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(5).nxsms.send(sandbox.client)
    sandbox.balance = None
    both = stopped.value.frame.nxsms.send(sandbox.client, prefix="later_")
    assert (both["later_status"] == "Success").all()
    again = both.nxsms.retry(sandbox.client, journal=path)
    assert counts(again) == {"Success": 5}
    assert len(sandbox.ledger) == 5


def test_with_duplicates_allowed_an_id_that_was_copied_is_its_rows_own(sandbox):
    """Rows of one key that bring the ids which were made for them are known, whatever is left of the frame."""
    sent = people(3, phone="8615000000001").nxsms.send(sandbox.client, duplicates="allow")
    part = sent.iloc[[2, 1]].rename(columns={"messageid": "sys_message_id"})[["phone", "content", "sys_message_id"]]
    with pytest.warns(nx.AlreadySentWarning):
        again = part.nxsms.send(sandbox.client, duplicates="allow")
    assert again["messageid"].tolist() == part["sys_message_id"].tolist()
    assert len(sandbox.ledger) == 3


# ---------------------------------------------------------------------- files older than what the journal knows


def through_json(frame, path):
    """Read the file as pandas wrote it for years: times and durations are numbers."""
    numbers = frame["order"].astype("int64") // 10**6
    frame.assign(order=numbers).to_json(path, orient="records", date_format="iso")
    back = pd.read_json(path, orient="records", dtype={"phone": str})
    return back.assign(sent_at=pd.to_datetime(back["sent_at"]))


def through_excel(frame, path):
    frame.assign(sent_at=frame["sent_at"].dt.tz_localize(None)).to_excel(path, index=False)
    return pd.read_excel(path, dtype={"phone": str})


OLDER_FILES = {
    "durations through JSON": (pd.to_timedelta(["1 days 02:03:04.5", "-1 days", "0s"]), through_json),
    "times through JSON": (pd.to_datetime(["2026-11-27 10:00", "2026-11-28 11:30", "2026-11-29 00:00"]), through_json),
    "times through Excel": (
        pd.to_datetime(["2026-11-27 10:00:00.123457", "2026-11-28 11:30:00.000001", "2026-11-29 00:00:00.0"]),
        through_excel,
    ),
    "changed by hand": (["a", "b", "c"], lambda frame, path: frame.assign(order=["a2", "b2", "c2"])),
}


@pytest.mark.parametrize("campaign", [None, "spring"])
@pytest.mark.parametrize("way", OLDER_FILES)
def test_a_file_of_refused_rows_with_other_keys_stops_the_call_once_their_retry_was_sent(make, tmp_path, way, campaign):
    """The file says Failure, under ids that the journal knows as refused and then accepted."""
    sandbox = make(failures={13005: 1.0})
    order, change = OLDER_FILES[way]
    options = {"campaign": campaign, "key": "order"}
    refused_rows = people(3).assign(order=order).nxsms.send(sandbox.client, **options)
    back = change(refused_rows, tmp_path / "file")
    sandbox.failures = None
    sent = refused_rows.nxsms.retry(sandbox.client, codes=13005, **options)
    assert counts(sent) == {"Success": 3}
    before = len(sandbox.ledger)
    plan = back.nxsms.plan(sandbox.client, **options)
    changed = int(plan.counts["stops the call"])
    assert changed >= 1
    assert plan.counts.get("send", 0) == 0
    with pytest.raises(
        nx.ColumnError, match=f"{changed} of 3 rows (was|were) sent under another id .* the journal"
    ) as refused:
        back.nxsms.send(sandbox.client, **options)
    assert sent["messageid"].iloc[refused.value.rows[0]] in str(refused.value)
    assert len(sandbox.ledger) == before
    assert counts(back.nxsms.new().nxsms.send(sandbox.client, **options)) == {"Success": 3}
    assert len(sandbox.ledger) == before + changed


@pytest.mark.parametrize("campaign", [None, "spring"])
@pytest.mark.parametrize("status", ["Unsent", "Failure", None])
def test_a_changed_row_stops_the_call_whatever_its_old_file_says_of_it(make, campaign, status):
    """Its id was sent since, which the journal knows: unsent rows under that id, refused ones under a further one."""
    sandbox = make(**({"failures": {13005: 1.0}} if status == "Failure" else {"balance": 0, "balance_per": "item"}))
    try:
        older = people(3).nxsms.send(sandbox.client, campaign=campaign)
    except nx.AccountRefused as stopped:
        older = stopped.frame
    assert counts(older) == {status or "Unsent": 3}
    sandbox.failures = sandbox.balance = None
    assert counts(older.nxsms.retry(sandbox.client, codes=13005)) == {"Success": 3}
    changed = older.assign(phone=[str(8615000001000 + n) for n in range(3)])
    changed["status"] = changed["status"] if status else None
    with pytest.raises(nx.ColumnError, match="3 of 3 rows were sent under another id"):
        changed.nxsms.send(sandbox.client, campaign=campaign)
    if campaign is not None:
        chunks = [changed.iloc[:1], changed.iloc[1:]]
        with pytest.raises(nx.ColumnError, match="1 of 1 row was sent under another id"):
            list(nx.send_stream(chunks, sandbox.client, campaign=campaign, progress="silent"))
    assert len(sandbox.ledger) == 3


def test_rows_of_another_campaign_are_sent_in_this_one_whatever_the_outcome_of_their_retry(make):
    """What a retry sent for its own campaign says nothing of a named other one."""
    sandbox = make(failures={13005: 1.0})
    refused = people(3).nxsms.send(sandbox.client, campaign="spring")
    again = refused.nxsms.retry(sandbox.client, codes=13005)
    sandbox.failures = None
    assert counts(again.nxsms.retry(sandbox.client, codes=13005)) == {"Success": 3}
    for n, frame in enumerate([refused, again]):
        assert counts(frame.nxsms.send(sandbox.client, campaign=f"summer {n}")) == {"Success": 3}
    with pytest.raises(nx.ColumnError, match="the journal knows 3 rows in campaign='spring'"):
        again.nxsms.send(sandbox.client)


NAMELESS = {
    "emptied": lambda sent: sent.assign(messageid=None),
    "one cell": lambda sent: sent.assign(messageid=[None, *sent["messageid"].iloc[1:]]),
    "blank": lambda sent: sent.assign(messageid=" "),
    "a word of a file": lambda sent: sent.assign(messageid="nan"),
    "an error of a spreadsheet": lambda sent: sent.assign(messageid="#N/A"),
    "through CSV": lambda sent: pd.read_csv(io.StringIO(sent.assign(messageid="").to_csv(index=False))),
    "its status lost, too": lambda sent: sent.assign(messageid=None, status=None),
}


@pytest.mark.parametrize("faults", [[], ["lost"]])
@pytest.mark.parametrize("how", NAMELESS)
def test_a_row_that_says_sent_without_its_id_stops_the_call(make, path, how, faults):
    """In any campaign: without the journal, nothing shows that it is not this very message."""
    sandbox = make(faults=faults)
    sent = people(3).nxsms.send(sandbox.client, campaign="c")
    changed, n = NAMELESS[how](sent), len(sandbox.ledger)
    for campaign in ("c", "d", None):
        options = {"campaign": campaign, "journal": nx.Journal(path)}
        with pytest.raises(nx.ColumnError, match=r"of 3 rows say.* sent.*messageid is missing") as refused:
            changed.nxsms.send(sandbox.client, **options)
        assert sent["phone"].iloc[0] not in str(refused.value)
        plan = changed.nxsms.plan(sandbox.client, **options)
        stopping = plan.frame.loc[plan.frame["fate"] == "stops the call", "reason"]
        assert stopping.str.contains("messageid is missing").any()
        recorded = changed.nxsms.recorded(sandbox.client, **options)
        assert recorded["status"].iloc[0] in ("Success", "Unknown")
    with pytest.raises(nx.ColumnError, match="messageid is missing"):
        list(nx.send_stream([changed], sandbox.client, campaign="c", journal=nx.Journal(path), progress="silent"))
    assert len(sandbox.ledger) == n


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_the_journal_gives_such_rows_their_ids_again(sandbox):
    """Where it has them, nothing stops and nothing is sent."""
    sent = people(3).nxsms.send(sandbox.client, campaign="c")
    again = sent.assign(messageid=None).nxsms.send(sandbox.client, campaign="c")
    assert again["messageid"].tolist() == sent["messageid"].tolist()
    assert len(sandbox.ledger) == 3


def test_the_ways_out_of_a_missing_id_can_be_pasted(sandbox, path):
    """As new messages, or in another campaign: both lines send what they say."""
    sent = people(3).nxsms.send(sandbox.client, campaign="c")
    changed = sent.assign(messageid=None)
    with pytest.raises(nx.ColumnError) as refused:
        changed.nxsms.send(sandbox.client, campaign="c", journal=nx.Journal(path))
    lines = [line.partition(":  ")[2] for line in str(refused.value).splitlines() if ":  df" in line]
    assert len(lines) == 2
    for line in lines:
        assert counts(eval(line, {"df": changed, "client": sandbox.client})) == {"Success": 3}  # noqa: S307


def test_the_campaign_that_knows_the_rows_is_named_with_its_key(sandbox):
    """Where a column of the frame gives the ids, the proposed call has both."""
    sent = people(3, o=["1", "2", "3"]).nxsms.send(sandbox.client, campaign="c", key="o")
    call = r"With key='o' in campaign='c' they are .*:  df\.nxsms\.send\(client, campaign='c', key='o'\)"
    with pytest.raises(nx.ColumnError, match=call):
        sent.nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 3


def test_the_campaign_that_knows_the_rows_may_have_had_a_key(sandbox):
    """The call for it does not name the key where the frame no longer shows it, and says so."""
    sent = people(3, o=["1", "2", "3"]).nxsms.send(sandbox.client, campaign="c", key="o").drop(columns="o")
    with pytest.raises(nx.ColumnError, match=r"campaign='c' \(add key= if that call had one\):  df"):
        sent.nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 3
