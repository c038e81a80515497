"""Values that cannot be right: an error of ours that says so, without repeating what may be a secret or a number."""

from __future__ import annotations

import asyncio
import os
import sys

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.files.sending import send_file

KEYS = {"access_key": "key", "access_secret": "secret", "app_key": "app"}
ROWS = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})


@pytest.fixture(name="client", scope="module")
def _client():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox.client


@pytest.mark.parametrize(
    "given",
    [
        {"path": 5},
        {"path": None},
        {"path": "/v1/sms/multi/mt?x=1"},
        {"path": "/v1/sms/multi/mt#x"},
        {"path": "/v1/sms/multi/mt\n"},
        {"path": "/v1\\sms"},
        {"timeout": 10**400},
        {"timeout": float("nan")},
        {"timeout": "30"},
        {"app_secret": 5},
        {"app_secret": ["secret"]},
        {"access_secret": ["secret"]},
        {"base_url": b"https://a.example"},
        {"base_url": 5},
        {"query_url": 5},
    ],
    ids=str,
)
def test_an_argument_of_a_client_that_cannot_be_right_is_refused(given):
    """When the client is made, not when the first request leaves."""
    with pytest.raises(nx.ConfigError, match=f"^{next(iter(given))}") as refused:
        nx.Client(**{**KEYS, **given})
    assert "SecretBytes" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://https://api2.nxcloud.com",
        "https://api2\n.nxcloud.com",
        "https://a b",
        "https://x\\v1",
        "https://.",
        "https://a..example",
        "https://.a.example",
        "https://a.example/./v1",
        "https://a.example/../v1/sms/multi/mt",
        "https://a.example:",
    ],
)
def test_a_url_without_a_host_that_can_exist_is_refused(url):
    """Such a URL is a slip of the pen, and no value that is proposed instead may have the same fault."""
    with pytest.raises(nx.ConfigError, match=r"^base_url=.* is not a URL like 'https://api2.nxcloud.com'"):
        nx.Client(**KEYS, base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://[2001:db8::1]:8443/sms",
        "https://a.example.",
        "https://sms",
        "http://localhost:8080",
        "https://短信.example",
    ],
)
def test_a_url_with_a_host_is_taken(url):
    """Addresses, names of one label and names in any script can be reached."""
    assert nx.Client(**KEYS, base_url=url).base_url == url


@pytest.mark.parametrize(
    "option",
    [
        {"campaign": "\ud800"},
        {"campaign": "a\0b"},
        {"campaign": "a\nb"},
        {"region": ["CN"]},
        {"region": 86},
        {"max_rate": 10**400},
    ],
    ids=repr,
)
def test_an_option_that_cannot_be_right_is_refused(client, option):
    """No error of Python's from within, whose traceback shows the frame's numbers."""
    with pytest.raises(nx.ConfigError, match=f"^{next(iter(option))}="):
        ROWS.nxsms.send(client, **option)


def test_a_region_that_is_no_text_is_refused_by_every_verb(client):
    """Verbs that read numbers without sending them check it as well."""
    sent = ROWS.nxsms.send(client)
    for call in (lambda: ROWS.nxsms.validate(region=["CN"]), lambda: sent.nxsms.failures(by="country", region=["CN"])):
        with pytest.raises(nx.ConfigError, match=r"^region="):
            call()


def test_an_unknown_option_shows_a_few_lines(client):
    """It is an error of ours, so that no notebook saves a traceback with the frame in it; a TypeError all the same."""
    with pytest.raises(TypeError, match="'campain' is not an option here") as refused:
        ROWS.nxsms.send(client, campain="spring")
    assert isinstance(refused.value, nx.ConfigError)
    shown = refused.value._render_traceback_()
    assert len(shown) <= 6
    assert "8615088888888" not in "\n".join(shown)


def test_a_password_in_the_journals_url_is_not_repeated(client, monkeypatch):
    """Whatever follows the scheme of a URL may be one."""
    url = "mysql://u:geheim@h/db"
    with pytest.raises(nx.ConfigError, match=r"^journal='mysql:…' is a URL") as refused:
        ROWS.nxsms.send(client, journal=url)
    assert "geheim" not in str(refused.value)
    monkeypatch.setenv("NXSMS_JOURNAL", url)
    with pytest.raises(nx.ConfigError, match=r"^NXSMS_JOURNAL='mysql:…' is a URL"):
        nx.Journal()
    # PostgreSQL's is a journal's place, at which nobody answers here.
    with pytest.raises(nx.NxsmsError, match=r"u@127|psycopg") as unreached:
        ROWS.nxsms.send(client, journal="postgresql://u:geheim@127.0.0.1:1/db")
    assert "geheim" not in str(unreached.value)


def test_a_text_in_the_place_of_a_number_is_not_repeated():
    """It may be a secret or somebody's number."""
    for name, value in {"seed": "abciiiko2k3", "tps": "8615080012345", "balance": "8615080012345"}.items():
        with pytest.raises(nx.ConfigError, match=f"^Sandbox: {name} is not") as refused:
            nx.Sandbox(**{name: value})
        assert value not in str(refused.value)
    with pytest.raises(nx.ConfigError, match=r"^env_file does not exist") as refused:
        nx.Client.from_env("abciiiko2k3")
    with pytest.raises(nx.ConfigError, match=r"^env_file='missing.env' does not exist"):
        nx.Client.from_env("missing.env")


def test_asend_outside_asyncio_says_what_it_needs(client):
    """Another library's loop, trio's for example, drives a coroutine by itself."""
    with pytest.raises(nx.ConfigError, match="asend needs a running asyncio event loop"):
        ROWS.nxsms.asend(client, campaign="trio").send(None)
    assert asyncio.run(ROWS.nxsms.asend(client, campaign="trio"))["status"].to_list() == ["Success"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_is_no_target(client, tmp_path):
    """A file that replaces it would leave whoever reads the pipe waiting."""
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("phone,content\n8615088888888,Hi\n")
    os.mkfifo(target)
    with pytest.raises(nx.ConfigError, match="is a pipe or a device"):
        send_file(source, target, client, campaign="pipe")
    assert target.is_fifo()


@pytest.mark.parametrize("text", ["\n", "x", "phone,content\n", "x" * 511])
def test_a_short_text_file_is_no_journal(client, tmp_path, text):
    """SQLite takes fewer than 512 bytes as an empty database."""
    path = tmp_path / "notes.txt"
    path.write_text(text)
    os.utime(path, (0, 0))  # a file of this second is waited for: it may be a journal that is being created
    with pytest.raises(nx.JournalError, match="is not a journal, or was damaged"):
        ROWS.nxsms.send(client, campaign="notes", journal=path)
    assert path.read_text() == text
