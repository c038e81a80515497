"""How `send` may be called: options, agreement to real money, credentials, and that secrets stay secret."""

import io
import logging
import os
import re
import socket
import subprocess
import sys
import traceback

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Client, ConfigError, ConfirmationNeeded
from tests.engine.people import counts, people

SECRETS = {"access_secret": "Acc3ss-S3cret-xyzzy", "app_secret": "App-S3cret-plugh"}


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("duplicates", "skip", "duplicates='skip' is not one of 'raise', 'drop', 'allow'."),
        ("on_invalid", None, "on_invalid=None is not one of 'skip', 'raise'."),
        ("concurrency", 0, "concurrency=0 is not a whole number from 1 to 256."),
        ("concurrency", 2.5, "concurrency=2.5 is not a whole number"),
        ("batch_size", 201, "batch_size=201 is not a whole number from 1 to 200."),
        ("batch_size", True, "batch_size=True is not a whole number"),
        ("max_rate", 0, "max_rate=0 is not a number of messages per second."),
        ("max_rate", "fast", "max_rate='fast' is not a number"),
        ("max_rate", float("nan"), "max_rate=nan is not a number"),
        ("max_failures", 1.5, "max_failures=1.5 is not a count .* or a share"),
        ("max_failures", -1, "max_failures=-1 is not a count"),
        ("campaign", "", "campaign='' is not a campaign name"),
        ("campaign", " spring", "campaign=' spring' is not a campaign name"),
        ("campaign", 7, "campaign=7 is not a campaign name"),
        ("confirm", "yes", "confirm='yes' is not a number of messages."),
        ("prefix", None, "prefix=None is not text."),
        ("journal", 7, "journal=7 is neither a path nor a Journal."),
        ("progress", "loud", "progress='loud' is not one of 'widget', 'bar', 'silent'"),
        ("region", "Atlantis", "region='Atlantis' is not a country"),
        ("key", "order", "key='order' names a column the frame does not have"),
        ("key", [], r"key=\[\] names no column"),
        ("phone", "mobile", "phone='mobile' names a column the frame does not have. Its columns: 'phone', 'content'"),
    ],
)
def test_an_option_that_is_not_usable_is_named_with_its_value_and_what_is(sandbox, option, value, words):
    """The error can be read without the documentation, and nothing was sent."""
    with pytest.raises((ConfigError, nx.ColumnError), match=words):
        people(3).nxsms.send(sandbox.client, **{option: value})
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("verb", ["send", "start", "plan", "recorded", "retry", "reconcile"])
def test_a_name_that_is_no_option_is_answered_with_those_that_are(sandbox, verb):
    """A misspelt option is an error as it is for any function, and the right one is among those listed."""
    with pytest.raises(TypeError, match=r"'campain' is not an option here\. The options: .*campaign"):
        getattr(people(3).nxsms, verb)(sandbox.client, campain="spring")


def test_numbers_that_numpy_made_are_numbers(sandbox):
    """Counts and rates often come out of a frame."""
    n = people(3)["phone"].notna().sum()
    assert isinstance(n, np.integer)
    options = {"confirm": n, "concurrency": n, "batch_size": n, "max_rate": np.float64(500), "max_failures": n}
    assert counts(people(3).nxsms.send(sandbox.client, **options)) == {"Success": 3}


def test_something_that_is_no_client_is_refused(sandbox):
    """The commonest slip is to give the sandbox itself."""
    with pytest.raises(ConfigError, match=r"client=Sandbox is not a Client. Pass .* sandbox.client"):
        people(1).nxsms.send(sandbox)


# ---------------------------------------------------------------------- real money


def real(**options):
    """A client of a gateway that is not on this machine; `.invalid` names never lead anywhere."""
    return Client(access_key="key", access_secret="secret", app_key="app", base_url="https://sms.invalid", **options)


@pytest.fixture(name="no_network")
def _no_network(monkeypatch):
    """A machine whose every attempt to reach another one is noted."""
    attempts = []

    def refused(*arguments, **_):
        attempts.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    return attempts


@pytest.mark.parametrize("confirm", [None, 0, 100])
def test_many_messages_to_a_real_gateway_need_agreement(no_network, journal, confirm):
    """The error names the count and prints the line to paste; nothing was looked up, connected to or recorded."""
    with pytest.raises(ConfirmationNeeded) as asked:
        people(101).nxsms.send(real(), journal=journal, campaign="spring", confirm=confirm)
    assert asked.value.count == 101
    assert "This would send 101 messages to https://sms.invalid" in str(asked.value)
    assert f"df.nxsms.send(client, journal={str(journal.path)!r}, campaign='spring', confirm=101)" in str(asked.value)
    assert no_network == []
    assert journal.runs().empty


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize(("n", "confirm"), [(100, None), (101, 101), (101, 5000)])
def test_agreement_to_at_most_so_many_lets_them_go(no_network, journal, n, confirm):
    """Up to a hundred nobody is asked; here they then meet a machine without a network."""
    with pytest.raises(nx.NoConnection):
        people(n).nxsms.send(real(), journal=journal, confirm=confirm, batch_size=200, concurrency=1)
    assert no_network


@pytest.mark.usefixtures("swift")
def test_agreement_holds_for_retries_too(no_network, journal):
    """Another attempt costs as much as the first."""
    with pytest.raises(nx.NoConnection) as stopped:
        people(150).nxsms.send(real(), journal=journal, confirm=150)
    no_network.clear()
    with pytest.raises(ConfirmationNeeded) as asked:
        stopped.value.frame.nxsms.retry(real(), journal=journal)
    assert asked.value.count == 150
    assert f"sent.nxsms.retry(client, journal={str(journal.path)!r}, confirm=150)" in str(asked.value)
    assert no_network == []


def test_how_many_need_agreement_is_a_setting(no_network, journal, monkeypatch):
    """A cautious team asks for every message."""
    monkeypatch.setattr(nx.options, "confirm_above", 0)
    with pytest.raises(ConfirmationNeeded, match="would send 1 message to"):
        people(1).nxsms.send(real(), journal=journal)
    with pytest.raises(ConfigError):
        nx.options.confirm_above = -1
    assert no_network == []


@pytest.mark.usefixtures("swift", "no_network")
def test_rows_sent_already_do_not_count(journal):
    """Of 150 rows that carry results, 149 were sent: one more needs no agreement."""
    frame = people(150)
    sent = frame.assign(
        messageid=None, status="Unsent", code=None, reason=None, batch=None, attempts=0, sent_at=None, latency_ms=None
    )
    planned = frame.nxsms.plan(real(), journal=journal).frame["messageid"]
    sent.loc[:148, "messageid"], sent.loc[:148, "status"] = planned, "Success"
    with pytest.raises(nx.NoConnection) as stopped:
        sent.nxsms.send(real(), journal=journal)
    assert counts(stopped.value.frame) == {"Success": 149, "Unsent": 1}


def test_nobody_is_asked_on_this_machine(sandbox):
    """The sandbox costs nothing."""
    assert counts(people(250).nxsms.send(sandbox.client)) == {"Success": 250}


# ---------------------------------------------------------------------- credentials


@pytest.fixture(name="bare")
def _bare(monkeypatch, tmp_path):
    """An environment without credentials, in a folder without a .env."""
    for name in [name for name in os.environ if name.startswith("NXSMS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


VARIABLES = ("NXSMS_ACCESS_KEY", "NXSMS_ACCESS_SECRET", "NXSMS_APP_KEY", "NXSMS_APP_SECRET", "NXSMS_BASE_URL")


def values_of(sandbox):
    keys = (sandbox.access_key, sandbox.access_secret, sandbox.app_key, sandbox.app_secret, sandbox.url)
    return dict(zip(VARIABLES, keys, strict=True))


def test_without_credentials_the_error_names_both_ways_out(bare):
    """The variables, and the sandbox."""
    with pytest.raises(ConfigError) as raised:
        people(1).nxsms.send()
    for way in ("NXSMS_ACCESS_KEY, NXSMS_ACCESS_SECRET, NXSMS_APP_KEY are not set", ".env", "nx.Sandbox().client"):
        assert way in str(raised.value)


def test_without_a_client_the_environment_is_used(bare, sandbox, path):
    """Credentials stay out of the notebook."""
    for name, value in values_of(sandbox).items():
        bare.setenv(name, value)
    assert counts(people(2).nxsms.send(journal=path)) == {"Success": 2}


def test_a_env_file_is_used_and_the_environment_wins(bare, sandbox, make, path, tmp_path):
    """A file in the working folder, or in one above it."""
    other = make(seed=8)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in values_of(other).items()))
    (tmp_path / "notebooks").mkdir()
    bare.chdir(tmp_path / "notebooks")
    assert counts(people(2).nxsms.send(journal=path)) == {"Success": 2}
    assert len(other.ledger) == 2
    for name, value in values_of(sandbox).items():
        bare.setenv(name, value)
    assert counts(people(3, first=5).nxsms.send(journal=path)) == {"Success": 3}
    assert (len(other.ledger), len(sandbox.ledger)) == (2, 3)


def test_a_missing_variable_is_the_only_one_named(bare, sandbox):
    """One that is empty is missing too."""
    for name, value in values_of(sandbox).items():
        bare.setenv(name, "" if name == "NXSMS_APP_KEY" else value)
    with pytest.raises(ConfigError, match="No credentials: NXSMS_APP_KEY is not set"):
        Client.from_env()


def test_without_credentials_the_call_itself_is_proposed_for_practice(bare):
    """It is written with a sandbox's client; rows that were sent have their gateway, and no other is proposed."""
    with pytest.raises(ConfigError, match=r"then df\.nxsms\.recorded\(client, campaign='spring'\)\."):
        people(2).nxsms.recorded(campaign="spring")
    with pytest.raises(ConfigError, match=r"then df\.nxsms\.try_out\(client, to=to, rows=2\)\."):
        people(2).nxsms.try_out(to="+4915112345678", rows=2)
    with nx.Sandbox(seed=7) as sandbox:
        sent = people(2).nxsms.send(sandbox.client)
    for verb in ("retry", "reconcile"):
        with pytest.raises(ConfigError, match=r"call again\.$"):
            getattr(sent.nxsms, verb)()


def test_a_env_file_that_is_named_must_be_there(bare, tmp_path):
    """A slip in its name is no reason to use other credentials."""
    with pytest.raises(ConfigError, match=r"nowhere\.env' does not exist"):
        Client.from_env(tmp_path / "nowhere.env")


# ---------------------------------------------------------------------- secrets


def shown(value):
    """Every way in which a notebook or a log shows a value."""
    html = getattr(value, "_repr_html_", lambda: None)()
    return "\n".join([repr(value), str(value), f"{value}", html or ""])


def test_secrets_are_in_nothing_that_is_shown(make):
    """Neither a client nor an error nor the frame shows them, nor a traceback with the values of all variables."""
    sandbox = make(**SECRETS, failures="realistic", balance=150, balance_per="item", faults=["lost"])
    client, said = sandbox.client, []
    doubtful = people(3, first=500).nxsms.send(client)
    with pytest.raises(nx.AccountRefused) as stopped:
        people(200).nxsms.send(client)
    said += [shown(client), shown(sandbox), shown(sandbox.settings), shown(stopped.value.frame)]
    said.append("".join(traceback.TracebackException.from_exception(stopped.value, capture_locals=True).format()))
    wrong = Client(
        access_key="k", access_secret="Wr0ng-S3cret", app_key="app", app_secret="Wr0ng-App", base_url=sandbox.url
    )
    for attempt in (
        lambda: people(3).nxsms.send(wrong, journal=client.journal),
        lambda: Client(access_key="k", access_secret="Wr0ng-S3cret ", app_key="app"),
        lambda: Client(access_key="k", access_secret="Wr0ng-S3cret", app_key="app", base_url="http://example.com"),
        lambda: doubtful.nxsms.reconcile(wrong, journal=client.journal),
    ):
        with pytest.raises(nx.NxsmsError) as failed:
            attempt()
        said.append(shown(failed.value))
        said.append("".join(traceback.TracebackException.from_exception(failed.value, capture_locals=False).format()))
    said.append(stopped.value.frame.to_csv())
    everything = "\n".join(said)
    for secret in (*SECRETS.values(), "Wr0ng-S3cret", "Wr0ng-App"):
        assert secret not in everything.replace('access_secret="Wr0ng-S3cret', "").replace('app_secret="Wr0ng-App', "")


def test_secrets_and_numbers_are_in_no_log(make, caplog):
    """With everything logged, HTTP libraries included, neither a secret nor a number nor a text is."""
    sandbox = make(**SECRETS, faults=["ok", "garbage_after", "reset_after"])
    with caplog.at_level(logging.DEBUG):
        people(30, content="Meet Ottoline at Zanzibar").nxsms.send(sandbox.client, batch_size=10)
    for hidden in (*SECRETS.values(), "86150000000", "Ottoline", "Zanzibar"):
        assert hidden not in caplog.text


def test_numbers_are_masked_where_problems_are_shown():
    """The reason of an invalid row, the error about duplicates and the report show no number in full."""
    frame = people(3, phone=["8613912345678", "8613912345678", "86139123a5678"])
    with nx.Sandbox(seed=7) as sandbox:
        with pytest.raises(nx.ValidationError) as failed:
            frame.nxsms.send(sandbox.client)
        sent = frame.nxsms.send(sandbox.client, duplicates="drop")
    said = "\n".join([str(failed.value), shown(failed.value.report), failed.value.report.problems.to_csv()])
    said += sent["reason"].str.cat()
    assert "8613912345678" not in said
    assert "86139123a5678" not in said
    assert re.search("861•+78", said)


SCRIPT = """
import pandas as pd
import nxsms_nb as nx
sandbox = nx.Sandbox(seed=7)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(400)], "content": "Hi"})
print(df.nxsms.send(sandbox.client)["status"].value_counts()["Success"])
"""


@pytest.mark.parametrize("how", ["script", "standard input"])
def test_it_works_from_a_plain_script_that_ends_by_itself(tmp_path, how):
    """Nothing keeps the interpreter from ending, nothing is said on standard error, and only the result is printed."""
    script = tmp_path / "campaign.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-W", "error"] + ([str(script)] if how == "script" else ["-"])
    finished = subprocess.run(command, input=SCRIPT, capture_output=True, text=True, check=False, timeout=120)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "400\n", "")


def test_a_frame_read_from_a_file_needs_nothing_else(sandbox):
    """The whole way of a new user: a CSV, a template, a send."""
    frame = pd.read_csv(io.StringIO("mobile,name\n+86 150-8888-8888,Ada\n8615088888889,Grace\n"))
    frame["content"] = frame.nxsms.render("Hi {name}")
    sent = frame.nxsms.send(sandbox.client, phone="mobile")
    assert counts(sent) == {"Success": 2}
    assert sandbox.ledger["content"].tolist() == ["Hi Ada", "Hi Grace"]
