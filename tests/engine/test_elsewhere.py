"""Rows that the journal knows from another gateway, another account or another campaign."""

import sys

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Client
from nxsms_nb.results import table
from nxsms_nb.results.table import Outcome
from tests.engine.people import counts, no_double, people, record_ago

BACKENDS = ("file", "postgresql")

ACCEPTED = Outcome(table.SUCCESS, 0, latency_ms=1.0)
LOST = Outcome(table.UNKNOWN, None, "the connection broke")
REAL = "https://api2.nxcloud.com"


def client_at(url, sandbox, **keys):
    """A client of the sandbox's keys at another address."""
    keys = {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key} | keys
    return Client(base_url=url, app_secret=sandbox.client.app_secret, **keys)


@pytest.fixture(name="real")
def _real(sandbox):
    """A client of a gateway that is not on this machine; nothing is sent to it here."""
    return client_at(REAL, sandbox)


@pytest.mark.parametrize("campaign", ["spring", None])
@pytest.mark.parametrize("verb", ["send", "start", "send_stream"])
def test_a_mocks_success_is_not_the_real_gateways(sandbox, real, journal, campaign, verb):
    """Rows rehearsed with the same keys stop the call before any request, with the ways out."""
    if verb == "send_stream" and campaign is None:
        pytest.skip("a stream has a name")
    people(3).nxsms.send(sandbox.client, campaign=campaign, journal=journal)
    given = {"campaign": campaign, "journal": journal}

    def stream(client, **options):
        return list(nx.send_stream([people(5)], client, **options))

    call = stream if verb == "send_stream" else getattr(people(5).nxsms, verb)
    with pytest.raises(nx.ConfigError, match="3 rows of 5, the first at position 0, went to http://127") as refused:
        call(real, **given)
    assert "Nothing was sent" in str(refused.value)
    assert len("\n".join(refused.value._render_traceback_()).splitlines()) <= 6
    assert "journal='live.sqlite3')" in str(refused.value)
    assert f"df.iloc[0:3].nxsms.{verb.removesuffix('_stream')}(" in str(refused.value)
    assert f"campaign='{f'{campaign} 2' if campaign else 'again'}')" in str(refused.value)
    assert journal.runs()["requests"].sum() == 1
    assert counts(people(5).nxsms.send(sandbox.client, **given)) == {"Success": 5}


def test_the_real_gateways_success_is_not_a_mocks(sandbox, real, journal):
    """The other way round, too: a rehearsal of rows that were sent for real says so."""
    record_ago(journal, people(3).nxsms.plan(real).frame, ACCEPTED, 5, client=real)
    with pytest.raises(
        nx.ConfigError, match=f"3 rows of 3, the first at position 0, went to {REAL} according to this journal"
    ):
        people(3).nxsms.send(sandbox.client, journal=journal)
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (REAL, "https://api.nxcloud.com", True),
        (REAL, "https://api2.nxcloud.com.example", False),
        ("https://sms.example", "https://SMS.example/", True),
        ("https://sms.example", "https://sms.example:8443", False),
        ("https://sms.example", REAL, False),
    ],
)
def test_gateways_are_distinguished_by_their_hosts(sandbox, journal, before, now, same):
    """The vendor's own hosts are one gateway."""
    first, second = client_at(before, sandbox), client_at(now, sandbox)
    record_ago(journal, people(3).nxsms.plan(first).frame, ACCEPTED, 5, client=first)
    if same:
        with pytest.warns(nx.AlreadySentWarning):
            assert counts(people(3).nxsms.send(second, journal=journal)) == {"Success": 3}
    else:
        with pytest.raises(nx.ConfigError, match="one gateway does not know what another accepted"):
            people(3).nxsms.send(second, journal=journal)


def test_gateways_of_this_machine_are_one(make, journal):
    """A simulated gateway that was started anew has another port."""
    first, second = make(), make()
    people(3).nxsms.send(first.client, journal=journal)
    with pytest.warns(nx.AlreadySentWarning):
        people(3).nxsms.send(second.client, journal=journal)
    assert len(second.ledger) == 0


def test_rows_that_did_not_go_out_there_are_not_in_the_way(make, real, journal):
    """What is certainly unsent at one gateway is new to the other."""
    sandbox = make(refuse=1003)
    with pytest.raises(nx.AccountRefused):
        people(3).nxsms.send(sandbox.client, journal=journal)
    assert people(3).nxsms.plan(real, journal=journal).counts["send"] == 3


def test_looks_say_so_and_do_not_raise(sandbox, real, journal, capsys):
    """`plan` and `recorded` print it."""
    people(3).nxsms.send(sandbox.client, journal=journal)
    for verb in ("plan", "recorded"):
        getattr(people(3).nxsms, verb)(real, journal=journal)
        assert "one gateway does not know what another accepted" in capsys.readouterr().out


def test_a_retry_takes_no_other_gateways_word(make, real, journal):
    """An older frame, whose rows were retried at a mock, is not told that they were accepted."""
    sandbox = make(failures={13009: 1.0})
    failed = people(3).nxsms.send(sandbox.client, journal=journal)
    sandbox.failures = None
    failed.nxsms.retry(sandbox.client, codes=13009, journal=journal)
    with pytest.raises(nx.ConfigError, match="one gateway does not know what another accepted"):
        failed.nxsms.retry(real, codes=13009, journal=journal)
    again = failed.nxsms.retry(sandbox.client, codes=13009, journal=journal)
    assert counts(again) == {"Success": 3}


def way_out(said, verb):
    """The line that a message has for a verb."""
    (line,) = [line for line in said.splitlines() if line.startswith("    ") and f".{verb}(" in line]
    return line.strip()


@pytest.mark.parametrize("scattered", [False, True], ids=["slice", "scattered"])
@pytest.mark.parametrize("before", [0, 40], ids=["nobody before", "some before"])
@pytest.mark.parametrize("campaign", ["spring", None])
def test_rows_in_doubt_at_what_never_was_a_gateway_have_a_way_out(sandbox, journal, campaign, before, scattered):
    """The message's line releases these rows alone on the analyst's word, and the same call then sends each row once."""
    df, given = people(130), {"campaign": campaign, "journal": journal}
    if before:
        df[:before].nxsms.send(sandbox.client, **given)
    wrong = client_at("https://wrong.example", sandbox)
    lost = (
        df.nxsms.plan(wrong, **given).frame.iloc[before::3] if scattered else df.nxsms.plan(wrong).frame.iloc[before:90]
    )
    if campaign and not scattered:
        lost = df.nxsms.plan(wrong, campaign=campaign).frame.iloc[before:90]
    record_ago(journal, lost, LOST, 5, campaign=campaign, client=wrong)
    # A doubt of this gateway's own is not released with them.
    own = people(1, first=500)
    record_ago(journal, own.nxsms.plan(sandbox.client, campaign=campaign).frame, LOST, 5, campaign=campaign)
    df = pd.concat([df, own], ignore_index=True)
    names = {"df": df, "client": sandbox.client, "campaign": campaign, "sys": sys}
    with pytest.raises(
        nx.ConfigError, match=f"{len(lost)} rows of 131, the first at position {before}, may have"
    ) as refused:
        df.nxsms.send(sandbox.client, **given)
    assert len(sandbox.ledger) == before
    assert "live.sqlite3" not in str(refused.value)
    sys.last_value = refused.value
    exec(f"{way_out(str(refused.value), 'reconcile')}", names)  # noqa: S102
    sent = df.nxsms.send(sandbox.client, **given)
    assert counts(sent) == {"Success": 130, "Unknown": 1}
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 130


def test_the_analysts_word_does_not_hold_within_a_minute_of_a_wrong_url(sandbox, journal):
    """Whatever is there may still pass the request on: the journal's time counts."""
    wrong = client_at("https://wrong.example", sandbox)
    record_ago(journal, people(3).nxsms.plan(wrong).frame, LOST, 0, client=wrong)
    frame = people(3).nxsms.recorded(sandbox.client, journal=journal).assign(sent_at=pd.NaT)
    settled = frame.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)
    assert counts(settled) == {"Unknown": 3}


def test_a_record_of_a_row_sent_by_way_of_a_wrong_url_proves_it_accepted(sandbox, journal, path):
    """It was a way to the same gateway: nothing is released, and nobody gets the message again."""
    wrong = client_at("https://proxy.example", sandbox)
    record_ago(journal, people(3).nxsms.plan(wrong).frame, LOST, 5, client=wrong)
    people(3).nxsms.send(sandbox.client, journal=path.parent / "other.sqlite3")
    frame = people(3).nxsms.recorded(sandbox.client, journal=journal)
    assert counts(frame.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)) == {"Success": 3}
    with pytest.warns(nx.AlreadySentWarning):
        people(3).nxsms.send(sandbox.client, journal=journal)
    assert no_double(sandbox)


@pytest.mark.parametrize(
    "answer",
    [ACCEPTED, Outcome(table.FAILURE, 13005, "refused"), Outcome(table.UNSENT, 1102, "Insufficient balance")],
    ids=["accepted", "refused", "account"],
)
def test_a_gateway_that_answered_once_keeps_its_doubts(sandbox, journal, answer):
    """Whatever it answered, it is a gateway, and only its own records tell."""
    other = client_at("https://sms.example", sandbox)
    record_ago(journal, people(1, first=9).nxsms.plan(other).frame, answer, 9, client=other)
    record_ago(journal, people(3).nxsms.plan(other).frame, LOST, 5, client=other)
    with pytest.raises(nx.ConfigError, match="one gateway does not know what another accepted"):
        people(3).nxsms.send(sandbox.client, journal=journal)
    with pytest.raises(nx.ConfigError, match=r"Use the client of their run: sent\.nxsms\.reconcile\("):
        people(3).nxsms.recorded(sandbox.client, journal=journal).nxsms.reconcile(
            sandbox.client, absent="Unsent", journal=journal
        )


def test_the_vendors_own_url_is_a_gateways_without_an_answer(sandbox, real, journal):
    """A first request that was lost on its way there is no sign of a wrong URL."""
    record_ago(journal, people(3).nxsms.plan(real).frame, LOST, 5, client=real)
    frame = people(3).nxsms.recorded(real, journal=journal)
    with pytest.raises(nx.ConfigError, match="Use the client of their run"):
        frame.nxsms.reconcile(sandbox.client, absent="Unsent", journal=journal)


@pytest.mark.parametrize("at", [slice(4, 8), slice(0, 4), slice(8, 12), [1, 5, 7]])
def test_where_the_journal_knows_rows_here_no_line_forgets_them(sandbox, journal, at):
    """The other rows can go on alone, and only those of the other gateway are sent as new messages."""
    df, other = people(12), client_at("https://sms.example", sandbox)
    given = {"campaign": "spring", "journal": journal}
    lines = df.nxsms.plan(other, campaign="spring").frame.iloc[at]
    record_ago(journal, lines, ACCEPTED, 5, campaign="spring", client=other)
    df.drop(lines.index)[:3].nxsms.send(sandbox.client, **given)
    with pytest.raises(nx.ConfigError, match=r"went to https://sms\.example according to this journal") as refused:
        df.nxsms.send(sandbox.client, **given)
    assert "sqlite3')" not in str(refused.value).replace(str(journal.path), "")
    calls = [line.strip() for line in str(refused.value).splitlines() if line.startswith("    ")]
    assert len(calls) == 2
    for call in calls:
        eval(call, {"df": df, "client": sandbox.client, "sys": sys})  # noqa: S307
    assert sandbox.ledger["phone"].is_unique
    assert len(sandbox.ledger) == 12


@pytest.mark.parametrize("other", [{"base_url": REAL}, {"app_key": "another-app"}])
def test_another_gateways_records_do_not_settle_a_doubt(sandbox, journal, other):
    """Neither another gateway nor another account has a record of it: its absence there says nothing."""
    client = client_at("https://sms.example", sandbox)
    planned = people(3).nxsms.plan(client).frame
    record_ago(journal, people(1, first=9).nxsms.plan(client).frame, ACCEPTED, 5, client=client)
    record_ago(journal, planned, LOST, 5, client=client)
    frame = people(3).nxsms.recorded(client, journal=journal)
    assert counts(frame) == {"Unknown": 3}
    strange = client_at(
        other.get("base_url", "https://sms.example"), sandbox, app_key=other.get("app_key", sandbox.app_key)
    )
    with pytest.raises(
        nx.ConfigError, match="3 rows in doubt, the first at position 0, may have been sent to another gateway, or by"
    ):
        frame.nxsms.reconcile(strange, absent="Unsent", journal=journal)
    assert counts(people(3).nxsms.recorded(client, journal=journal)) == {"Unknown": 3}


def test_a_campaign_that_another_account_sent_is_refused(sandbox, real, journal):
    """Ids tell accounts apart: whoever got the message from the other account would get it again."""
    record_ago(
        journal, people(3).nxsms.plan(real, campaign="spring").frame, ACCEPTED, 5, campaign="spring", client=real
    )
    other = client_at(REAL, sandbox, app_key="another-app")
    with pytest.raises(
        nx.ConfigError, match=r"'spring' of this journal was sent by another account \(app_key\)"
    ) as refused:
        people(3).nxsms.send(other, campaign="spring", journal=journal)
    assert "campaign='spring 2'" in str(refused.value)
    assert sandbox.app_key not in str(refused.value)
    assert people(3).nxsms.plan(other, campaign="autumn", journal=journal).counts["send"] == 3


def test_a_wrong_app_key_that_sent_nothing_is_not_in_the_way(sandbox, real, journal):
    """The corrected one begins the campaign."""
    refused = Outcome(table.UNSENT, 1003, "Not found app")
    record_ago(journal, people(3).nxsms.plan(real, campaign="spring").frame, refused, 5, campaign="spring", client=real)
    other = client_at(REAL, sandbox, app_key="another-app")
    with pytest.raises(nx.ConfirmationNeeded, match="would send 3 messages"):
        people(3).nxsms.send(other, campaign="spring", journal=journal, confirm=2)


def test_the_journal_holds_a_digest_of_the_app_key_alone(make, journal, path):
    """Which account a run was of can be compared, not read."""
    sandbox = make(app_key="Secret-App-2024")
    people(1).nxsms.send(sandbox.client, journal=journal)
    (run,) = journal.made_by()
    assert (run.gateway, len(run.app)) == (sandbox.url, 8)
    there = [file.read_bytes() for file in path.parent.rglob("*") if file.is_file()]
    assert b"Secret-App-2024" not in b"".join(there)


def test_recorded_says_which_other_campaign_knows_the_rows(sandbox, journal, capsys):
    """The campaign left out is the commonest cause: which one, how many rows, and the call to make."""
    people(5).nxsms.send(sandbox.client, campaign="spring", journal=journal)
    people(2).nxsms.send(sandbox.client, campaign="autumn", journal=journal)
    capsys.readouterr()
    found = people(6).nxsms.recorded(sandbox.client, journal=journal)
    said = capsys.readouterr().out
    assert counts(found) == {"Unsent": 6}
    assert "Campaign 'spring' knows 5 of these 6 rows, of which the unnamed campaign knows nothing." in said
    assert f"    df.nxsms.recorded(client, journal={journal.named!r}, campaign='spring')" in said
    assert said.index("'spring'") < said.index("'autumn'")
    assert found["reason"].iloc[4].endswith("in this campaign; campaign 'spring' has it")
    assert found["reason"].iloc[5] == "nothing is recorded of it"


def test_recorded_says_that_the_unnamed_campaign_knows_the_rows(sandbox, journal, capsys):
    """A name that was given in one call and not in the other is found in both directions."""
    people(5).nxsms.send(sandbox.client, journal=journal)
    capsys.readouterr()
    people(5).nxsms.recorded(sandbox.client, campaign="spring", journal=journal)
    said = capsys.readouterr().out
    assert "The unnamed campaign knows 5 of these 5 rows, of which campaign 'spring' knows nothing." in said
    assert f"    df.nxsms.recorded(client, journal={journal.named!r})\n" in said


def test_recorded_names_the_campaign_of_texts_with_a_spreadsheets_line_ends(sandbox, capsys):
    """The ids of another campaign are made as its own send made them, whichever line ends the texts have."""
    frame = people(3).assign(content=[f"Dear {n},\r\nyour table is ready." for n in range(3)])
    frame.nxsms.send(sandbox.client)
    capsys.readouterr()
    frame.nxsms.recorded(sandbox.client, campaign="spring")
    said = " ".join(capsys.readouterr().out.split())
    assert "The unnamed campaign knows 3 of these 3 rows, of which campaign 'spring' knows nothing." in said


def test_recorded_says_nothing_of_other_campaigns_where_its_own_knows_the_rows(sandbox, journal, capsys):
    """Nor of campaigns that know other people."""
    people(5).nxsms.send(sandbox.client, campaign="spring", journal=journal)
    people(5, first=50).nxsms.send(sandbox.client, campaign="autumn", journal=journal)
    capsys.readouterr()
    people(5).nxsms.recorded(sandbox.client, campaign="spring", journal=journal)
    people(5, first=90).nxsms.recorded(sandbox.client, campaign="spring", journal=journal)
    assert capsys.readouterr().out == ""


def test_an_own_key_is_looked_for_in_other_campaigns(sandbox, journal, capsys):
    """`key=` counts as it does in the call itself."""
    frame = people(4, order=range(4))
    frame.nxsms.send(sandbox.client, campaign="spring", key="order", journal=journal)
    capsys.readouterr()
    frame.nxsms.recorded(sandbox.client, key="order", journal=journal)
    assert "Campaign 'spring' knows 4 of these 4 rows" in capsys.readouterr().out


def test_recorded_says_that_a_journal_is_new(sandbox, journal, path, capsys):
    """A journal left out, or named otherwise, knows nothing, and nothing else would show it."""
    people(2).nxsms.recorded(sandbox.client, journal=journal, campaign="spring")
    said = capsys.readouterr().out
    assert f"New journal {path}: nothing is known of earlier sends." in said
    assert "df.nxsms.recorded(client, campaign='spring', journal='…')" in said


def test_a_campaign_whose_name_may_be_a_number_is_masked(sandbox, journal, capsys):
    """It may be somebody's."""
    people(2).nxsms.send(sandbox.client, campaign="8615088888888", journal=journal)
    capsys.readouterr()
    found = people(2).nxsms.recorded(sandbox.client, journal=journal)
    assert "8615088888888" not in capsys.readouterr().out + found["reason"].iloc[0]


def test_a_frame_of_several_campaigns_is_no_larger_for_it(sandbox, journal, capsys):
    """At most three campaigns are named."""
    for name in "abcde":
        people(2).nxsms.send(sandbox.client, campaign=name, journal=journal)
    capsys.readouterr()
    people(2).nxsms.recorded(sandbox.client, journal=journal)
    said = capsys.readouterr().out
    assert said.count("knows 2 of these 2 rows") == 3
    assert "2 further campaigns of the journal know some of them as well." in said
