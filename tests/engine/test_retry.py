"""`retry`: another attempt for rows that certainly were not sent, and for nothing else."""

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people, results

BACKENDS = ("file", "postgresql")


def refused_midway(make, **options):
    """A sandbox, and the frame of a run that the account's balance cut short: five rows out, five not."""
    sandbox = make(balance=5, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(10).nxsms.send(sandbox.client, **options)
    sandbox.balance = None
    return sandbox, stopped.value.frame


def test_unsent_rows_leave_with_the_id_they_had(make):
    """No effect came of the first attempt, so the id may have its one effect now."""
    sandbox, frame = refused_midway(make)
    again = frame.nxsms.retry(sandbox.client)
    assert counts(again) == {"Success": 10}
    assert again["messageid"].equals(frame["messageid"])
    assert again["attempts"].tolist() == [1] * 5 + [2] * 5
    assert no_double(sandbox)


def test_the_same_cell_run_twice_sends_once(make):
    """The frame it starts from still says Unsent; the journal knows better."""
    sandbox, frame = refused_midway(make)
    first = frame.nxsms.retry(sandbox.client)
    second = frame.nxsms.retry(sandbox.client)
    pd.testing.assert_frame_equal(first, second)
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 10


def test_rows_that_may_pass_later_get_an_id_of_their_own(make):
    """The limit of an hour (13007) passes; the new attempt has an id made from the old one."""
    sandbox = make(hourly_limit=1)
    people(3).nxsms.send(sandbox.client, campaign="first")
    failed = people(3).nxsms.send(sandbox.client, campaign="second")
    assert counts(failed) == {"Failure": 3}
    sandbox.advance(3601)
    again = failed.nxsms.retry(sandbox.client, codes=13007)
    assert counts(again) == {"Success": 3}
    assert (again["messageid"] == failed["messageid"] + "-1").all()
    assert again["attempts"].tolist() == [2, 2, 2]


@pytest.fixture(name="within_the_hour")
def _within_the_hour(make):
    """A sandbox, and three rows that it has just refused by the limit of an hour."""
    sandbox = make(hourly_limit=1)
    people(3).nxsms.send(sandbox.client, campaign="first")
    failed = people(3).nxsms.send(sandbox.client, campaign="second")
    sandbox.advance(3601)
    return sandbox, failed


def test_rows_refused_by_the_hours_limit_stay_until_the_hour_is_over(within_the_hour, capsys):
    """They are no success of a second try; how many, from when and how all the same is said, and the call is whole."""
    sandbox, failed = within_the_hour
    again = failed.nxsms.retry(sandbox.client, campaign="second")
    pd.testing.assert_frame_equal(again, failed)
    local = (failed["sent_at"].max() + pd.Timedelta(hours=1)).to_pydatetime().astimezone()
    said = capsys.readouterr().out
    assert f"3 rows stayed Failure: refused by the hourly limit (13007); retry from {local.day}" in said
    assert f"{local:%H:%M}" in said
    assert "sent.nxsms.retry(client, campaign='second', codes=[13007])" in said
    assert counts(failed.nxsms.retry(sandbox.client, codes=[13007], campaign="second")) == {"Success": 3}


@pytest.mark.parametrize(("minutes", "goes"), [(59, False), (61, True), (60 * 24 * 30, True)])
def test_the_hour_is_counted_for_each_row_from_its_own_request(within_the_hour, path, capsys, minutes, goes):
    """Where the journal does not know the rows, their own time counts; one that was refused just now stays."""
    sandbox, failed = within_the_hour
    failed.loc[[0, 1], "sent_at"] -= pd.Timedelta(minutes=minutes)
    again = failed.nxsms.retry(sandbox.client, journal=path)
    assert again["status"].tolist() == (["Success"] * 2 if goes else ["Failure"] * 2) + ["Failure"]
    assert ("1 row stayed" if goes else "3 rows stayed") in capsys.readouterr().out


@pytest.mark.parametrize("time", [pd.NaT, "shifted"])
def test_the_journals_time_of_the_refusal_counts_before_the_frames(within_the_hour, time, capsys):
    """A time zone lost on the way does not make the hour shorter."""
    sandbox, failed = within_the_hour
    sent_at = failed["sent_at"] - pd.Timedelta(hours=8) if time == "shifted" else time
    again = failed.assign(sent_at=sent_at).nxsms.retry(sandbox.client)
    assert counts(again) == {"Failure": 3}
    assert again["sent_at"].equals(failed["sent_at"])
    assert "3 rows stayed" in capsys.readouterr().out


def test_without_any_time_the_hour_begins_now(within_the_hour, path, capsys):
    """Nobody can tell that it is over."""
    sandbox, failed = within_the_hour
    again = failed.assign(sent_at=pd.NaT).nxsms.retry(sandbox.client, journal=path)
    assert counts(again) == {"Failure": 3}
    assert "3 rows stayed" in capsys.readouterr().out


def test_other_rows_of_the_same_frame_are_tried(within_the_hour, capsys):
    """Those of the hour's limit stay, the unsent ones leave."""
    sandbox, failed = within_the_hour
    rest = people(2, first=50).nxsms.recorded(sandbox.client, campaign="second")
    both = pd.concat([failed, rest], ignore_index=True)
    assert both.nxsms.retry(sandbox.client)["status"].tolist() == ["Failure"] * 3 + ["Success"] * 2


def test_a_retry_of_refused_rows_run_twice_sends_once(make):
    """The second run finds the further attempt in the journal and returns its result."""
    sandbox = make(failures={13009: 1.0})
    failed = people(4).nxsms.send(sandbox.client)
    sandbox.failures = None
    first = failed.nxsms.retry(sandbox.client, codes=13009)
    second = failed.nxsms.retry(sandbox.client, codes=13009)
    pd.testing.assert_frame_equal(first, second)
    assert counts(first) == {"Success": 4}
    assert len(sandbox.ledger) == 4


def test_a_retry_that_was_refused_again_is_not_repeated_by_its_own_cell(make):
    """Only a retry of the newer frame makes a third attempt."""
    sandbox = make(failures={13009: 1.0})
    failed = people(4).nxsms.send(sandbox.client)
    again = failed.nxsms.retry(sandbox.client, codes=[13009])
    requests = len(sandbox.requests)
    assert counts(failed.nxsms.retry(sandbox.client, codes=[13009])) == {"Failure": 4}
    assert len(sandbox.requests) == requests
    sandbox.failures = None
    third = again.nxsms.retry(sandbox.client, codes=[13009])
    assert third["messageid"].str.endswith("-2").all()
    assert third["attempts"].tolist() == [3] * 4


def test_send_and_recorded_give_back_the_latest_attempt(make):
    """Whoever runs the first cell again sees what the retry brought."""
    sandbox = make(failures={13009: 1.0})
    failed = people(4).nxsms.send(sandbox.client)
    sandbox.failures = None
    retried = failed.nxsms.retry(sandbox.client, codes=13009)
    pd.testing.assert_frame_equal(people(4).nxsms.recorded(sandbox.client), retried)
    with pytest.warns(nx.AlreadySentWarning):
        pd.testing.assert_frame_equal(people(4).nxsms.send(sandbox.client), retried)
    assert len(sandbox.ledger) == 4


@pytest.mark.parametrize("codes", [(), 13005, [13005, 13009]])
def test_only_codes_that_may_pass_or_are_named_are_tried(make, codes):
    """A number that was wrong stays wrong unless the analyst says otherwise."""
    sandbox = make(failures={13005: 1.0})
    failed = people(4).nxsms.send(sandbox.client)
    sandbox.failures = None
    again = failed.nxsms.retry(sandbox.client, codes=codes)
    assert counts(again) == ({"Success": 4} if codes else {"Failure": 4})


def test_skipped_invalid_and_unknown_rows_are_never_tried(make):
    """One is deliberate, one cannot be sent, one may have gone out; even naming every code changes none of that."""
    sandbox = make(faults=["ok", "lost"])
    first = people(2)
    twice = pd.concat([first, first, people(1, phone="12")], ignore_index=True)
    frame = twice.nxsms.send(sandbox.client, duplicates="drop")
    doubtful = people(2, first=5).nxsms.send(sandbox.client)
    frame = pd.concat([frame, doubtful], ignore_index=True)
    assert counts(frame) == {"Success": 2, "Invalid": 1, "Unknown": 2, "Skipped": 2}
    codes = nx.codes()["code"].tolist() if "code" in nx.codes() else nx.codes().index.tolist()
    again = frame.nxsms.retry(sandbox.client, codes=codes)
    pd.testing.assert_frame_equal(again, frame)
    assert len(sandbox.requests) == 2


def test_rows_never_attempted_are_seen_by_the_first_cell_when_they_were_retried_alone(make):
    """Filtered out, they carry no campaign's name; the retry is recorded where the campaign's own call looks."""
    sandbox = make(balance=2)
    with pytest.raises(nx.AccountRefused) as stopped:
        people(4500).nxsms.send(sandbox.client, campaign="spring")
    frame = stopped.value.frame
    never = frame[frame["attempts"] == 0].iloc[-100:]
    sandbox.balance = None
    assert counts(never.nxsms.retry(sandbox.client)) == {"Success": 100}
    assert counts(people(4500).nxsms.send(sandbox.client, campaign="spring")) == {"Success": 4500}
    assert no_double(sandbox)


def test_rows_of_several_campaigns_are_refused(make):
    """The run would hold one campaign only, and a run of the other could send the same rows at the same time."""
    sandbox, spring = refused_midway(make, campaign="spring")
    sandbox.balance = 5
    with pytest.raises(nx.AccountRefused) as stopped:
        people(10).nxsms.send(sandbox.client, campaign="autumn")
    both = pd.concat([spring, stopped.value.frame])
    with pytest.raises(nx.ConfigError, match=r"more than one campaign.*'autumn', 'spring'\. Nothing was sent"):
        both.nxsms.retry(sandbox.client)


def test_sent_rows_of_another_campaign_do_not_keep_a_retry(make):
    """Only the rows that would leave again have to be of one campaign."""
    sandbox, spring = refused_midway(make, campaign="spring")
    autumn = people(10).nxsms.send(sandbox.client, campaign="autumn")
    again = pd.concat([spring, autumn]).nxsms.retry(sandbox.client)
    assert counts(again) == {"Success": 20}
    assert no_double(sandbox)
    assert sandbox.client.journal.runs()["campaign"].tolist() == ["spring", "autumn", "spring"]


def test_a_retry_in_another_campaign_is_refused(make):
    """The first campaign's own call would not be kept from sending the same rows."""
    sandbox, frame = refused_midway(make, campaign="spring")
    with pytest.raises(nx.ConfigError, match="'autumn', 'spring'"):
        frame.nxsms.retry(sandbox.client, campaign="autumn")
    assert counts(frame.nxsms.retry(sandbox.client, campaign="spring")) == {"Success": 10}


def test_the_campaign_of_a_sent_frame_is_looked_up(make):
    """Without campaign= the retry is recorded in the campaign its rows were sent in."""
    sandbox, frame = refused_midway(make, campaign="spring")
    frame.nxsms.retry(sandbox.client)
    assert sandbox.client.journal.runs()["campaign"].tolist() == ["spring", "spring"]
    with pytest.warns(nx.AlreadySentWarning):
        people(10).nxsms.send(sandbox.client, campaign="spring")


@pytest.mark.parametrize("keeps_journal", [True, False])
def test_rows_that_a_merge_multiplied_are_one_message(make, path, keeps_journal):
    """Rows with one id leave once and have one result, with the journal or without it."""
    sandbox, frame = refused_midway(make)
    merged = pd.concat([frame, frame.iloc[3:], frame.iloc[8:]])
    options = {} if keeps_journal else {"journal": path}
    again = merged.nxsms.retry(sandbox.client, **options)
    assert counts(again) == {"Success": 19}
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 10
    by_id = results(again).drop_duplicates()
    assert len(by_id) == 10
    assert by_id["attempts"].tolist() == [1] * 5 + [2] * 5
    repeated = merged.nxsms.retry(sandbox.client, **options)
    assert repeated[["messageid", "status", "batch"]].equals(again[["messageid", "status", "batch"]])
    assert len(sandbox.ledger) == 10


def test_copies_of_a_row_that_stayed_unsent_stay_so_too(make):
    """The run that is refused again tells the same of all of them."""
    sandbox, frame = refused_midway(make)
    sandbox.balance = 2
    merged = pd.concat([frame, frame])
    with pytest.raises(nx.AccountRefused) as stopped:
        merged.nxsms.retry(sandbox.client)
    again = stopped.value.frame
    assert counts(again) == {"Success": 14, "Unsent": 6}
    pd.testing.assert_frame_equal(again.iloc[:10], again.iloc[10:])


def test_a_frame_without_results_cannot_be_retried(sandbox):
    """The error says what to do first."""
    with pytest.raises(nx.ColumnError, match="carries no results"):
        people(2).nxsms.retry(sandbox.client)


def test_a_retry_without_the_journal_keeps_the_ids_of_the_frame(make, path):
    """With the journal gone the frame's own words decide: Success stays, Unsent leaves with its id."""
    sandbox, frame = refused_midway(make)
    again = frame.nxsms.retry(sandbox.client, journal=path)
    assert counts(again) == {"Success": 10}
    assert again["messageid"].equals(frame["messageid"])
    assert no_double(sandbox)


def test_what_an_older_frame_calls_refused_may_have_gone_out_since(make, path):
    """Sent again with another journal, the rows were accepted under their own id; the old cell, run again, learns it."""
    sandbox = make(failures={13009: 1.0})
    failed = people(3).nxsms.send(sandbox.client)
    sandbox.failures = None
    accepted = failed.nxsms.send(sandbox.client, journal=path)
    again = failed.nxsms.retry(sandbox.client, codes=13009, journal=path)
    pd.testing.assert_frame_equal(again, accepted)
    assert len(sandbox.ledger) == 3


@pytest.mark.parametrize("refused", [False, True])
def test_an_older_frame_next_to_a_newer_one_sends_nothing_again(make, path, refused):
    """The journal is gone, and the rows stand twice in the frame: as they were before the retry, and after it."""
    sandbox, frame = refused_midway(make)
    if refused:
        sandbox.failures = {13009: 1.0}
        frame = people(5, first=50).nxsms.send(sandbox.client)
        sandbox.failures = None
    newer = frame.nxsms.retry(sandbox.client, codes=13009)
    before = len(sandbox.ledger)
    both = pd.concat([frame, newer])
    assert counts(both.nxsms.retry(sandbox.client, codes=13009, journal=path)) == {"Success": len(both)}
    assert len(sandbox.ledger) == before
    assert no_double(sandbox)


def test_one_id_on_several_numbers_is_refused(make):
    """A merge that put other people on a row's id would have them told that they got the message."""
    sandbox, frame = refused_midway(make)
    spread = frame[["messageid", *results(frame).columns[1:], "content"]].iloc[5:].loc[[5, 5]]
    spread["phone"] = ["8615000000005", "8615000000099"]
    with pytest.raises(nx.ColumnError, match="1 row with another number have the messageid of an earlier row"):
        spread.nxsms.retry(sandbox.client)
    assert len(sandbox.ledger) == 5


@pytest.mark.parametrize("as_given", [int, "numpy", "column", "list"])
def test_codes_may_come_from_a_frame(make, as_given):
    """A number, a cell, a column of a table of failures with its gaps: all name the codes to try again."""
    sandbox = make(failures={13006: 1.0})
    failed = people(3).nxsms.send(sandbox.client)
    sandbox.failures = None
    codes = {
        int: 13006,
        "numpy": failed["code"].to_numpy("int64")[0],
        "column": pd.concat([failed.nxsms.failures()["code"], pd.Series([pd.NA], dtype="Int64")]),
        "list": [13006],
    }[as_given]
    assert counts(failed.nxsms.retry(sandbox.client, codes=codes)) == {"Success": 3}


@pytest.mark.parametrize("codes", ["13006", ["13006"], 99999, 13006.0, {13006.5}, object()])
def test_what_is_no_code_is_refused(make, codes):
    """Text would otherwise try nothing again, without a word."""
    sandbox = make(failures={13006: 1.0})
    failed = people(1).nxsms.send(sandbox.client)
    with pytest.raises(nx.ConfigError, match="is not a vendor result code or a list of them, for example codes=13006"):
        failed.nxsms.retry(sandbox.client, codes=codes)


@pytest.fixture(name="corrected", params=["named", "unnamed"])
def _corrected(request, make):
    """A sandbox, a campaign, its frame with one row corrected, and what was refused of it, corrected in the same way."""
    sandbox = make(failures={13005: 1.0} if request.param == "named" else {13009: 1.0})
    campaign = "spring" if request.param == "named" else None
    failed = people(3).nxsms.send(sandbox.client, campaign=campaign)
    sandbox.failures = None
    change = {"phone": "8615000000777"} if campaign else {"content": "Your order is ready, dear customer"}
    frame = people(3)
    for name, value in change.items():
        frame.loc[1, name] = failed.loc[1, name] = value
    return sandbox, campaign, frame, failed


def test_a_corrected_row_that_was_retried_is_not_sent_by_its_campaign(corrected):
    """The campaign's own call finds it by what it is now, and returns its outcome."""
    sandbox, campaign, frame, failed = corrected
    retried = failed.nxsms.retry(sandbox.client, codes=[13005, 13009])
    assert counts(retried) == {"Success": 3}
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign=campaign)
    assert again["messageid"].tolist() == retried["messageid"].tolist()
    assert len(sandbox.ledger) == 3
    assert not sandbox.ledger.duplicated(["phone", "content"]).any()


def test_a_corrected_row_that_its_campaign_sent_is_not_retried(corrected):
    """The message that the row is now was sent; the others are retried."""
    sandbox, campaign, frame, failed = corrected
    sent = frame.nxsms.send(sandbox.client, campaign=campaign)
    assert counts(sent) == {"Success": 1, "Failure": 2}
    retried = failed.nxsms.retry(sandbox.client, codes=[13005, 13009])
    assert counts(retried) == {"Success": 3}
    assert retried["messageid"].iloc[1] == sent["messageid"].iloc[1]
    assert len(sandbox.ledger) == 3
    assert not sandbox.ledger.duplicated(["phone", "content"]).any()
    pd.testing.assert_frame_equal(failed.nxsms.retry(sandbox.client, codes=[13005, 13009]), retried)


def test_an_unsent_row_that_was_corrected_leaves_once(make):
    """It keeps its id, and the campaign's call with the corrected row finds it."""
    sandbox, stopped = refused_midway(make, campaign="spring")
    frame = people(10)
    frame.loc[8, "phone"] = stopped.loc[8, "phone"] = "8615000000777"
    retried = stopped.nxsms.retry(sandbox.client)
    assert counts(retried) == {"Success": 10}
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign="spring")
    assert again["messageid"].equals(retried["messageid"])
    assert len(sandbox.ledger) == 10


def test_a_corrected_row_with_an_own_id_leaves_once(make):
    """With the column and without it, before and after the correction."""
    sandbox = make(failures={13005: 1.0})
    own = people(2, sys_message_id=["order-00001", "order-00002"])
    failed = own.nxsms.send(sandbox.client, campaign="spring")
    sandbox.failures = None
    failed.loc[1, "phone"] = "8615000000777"
    assert counts(failed.nxsms.retry(sandbox.client, codes=13005)) == {"Success": 2}
    corrected = own.assign(phone=failed["phone"])
    with pytest.warns(nx.AlreadySentWarning):
        corrected.drop(columns="sys_message_id").nxsms.send(sandbox.client, campaign="spring")
    assert len(sandbox.ledger) == 2


def test_rows_of_one_person_are_retried_one_after_the_other_without_their_key(make):
    """The first one's retry is not taken for the second's: `key=` tells them apart, and the retry need not know it."""
    sandbox = make(failures={13009: 1.0})
    frame = people(2, order=range(2)).assign(phone="8615000000000")
    failed = frame.nxsms.send(sandbox.client, campaign="spring", key="order")
    sandbox.failures = None
    first, second = (failed.iloc[[row]].nxsms.retry(sandbox.client, codes=13009) for row in (0, 1))
    assert counts(first) == counts(second) == {"Success": 1}
    assert second["messageid"].iloc[0] == failed["messageid"].iloc[1] + "-1"
    assert len(sandbox.ledger) == 2


def test_a_key_left_out_of_a_retry_changes_nothing(make):
    """Rows that `key=` tells apart look corrected without it; each is retried, and the campaign's call finds all."""
    sandbox = make(failures={13009: 1.0})
    frame = people(4, order=range(4))
    frame["phone"] = frame["phone"].iloc[[0, 0, 1, 1]].to_list()
    failed = frame.nxsms.send(sandbox.client, campaign="spring", key="order")
    sandbox.failures = None
    assert counts(failed.iloc[:2].nxsms.retry(sandbox.client, codes=13009)) == {"Success": 2}
    assert counts(failed.iloc[2:].nxsms.retry(sandbox.client, codes=13009, key="order")) == {"Success": 2}
    with pytest.warns(nx.AlreadySentWarning):
        assert counts(frame.nxsms.send(sandbox.client, campaign="spring", key="order")) == {"Success": 4}
    assert len(sandbox.ledger) == 4
