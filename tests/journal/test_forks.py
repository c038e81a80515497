"""A forked process and the journals of its parent: it sends nothing that the parent could send too."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.support.forking import in_a_fork

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ROWS = pd.DataFrame({"phone": [f"86150{i:08d}" for i in range(5)], "content": "x"})


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="refusing")
def _refusing():
    """A gateway that leaves something to retry: a retry of nothing does not use the journal."""
    with nx.Sandbox(seed=7, failures={13005: 0.9}) as sandbox:
        yield sandbox


@pytest.mark.parametrize("verb", ["send", "start", "plan", "recorded"])
def test_a_forked_process_is_refused_the_journal_in_memory(sandbox, verb):
    """It has a copy, from which the parent learns nothing; parent and child sent the same rows."""
    message = in_a_fork(lambda: getattr(ROWS.nxsms, verb)(sandbox.client, campaign="spring"))
    assert message.startswith(f"JournalError: The journal in memory belongs to process {os.getpid()}, from which")
    assert len(sandbox.ledger) == 0


def test_a_forked_process_is_refused_what_was_sent_with_the_journal_in_memory(refusing):
    """Retries, reconciliations and looks into the journal are uses of it as well."""
    client = refusing.client
    sent = ROWS.nxsms.send(client, campaign="spring", progress="silent")
    assert (sent["status"] == "Failure").any()
    uses = [
        lambda: sent.nxsms.retry(client, campaign="spring"),
        lambda: sent.nxsms.reconcile(client, campaign="spring"),
        lambda: list(nx.send_stream([ROWS], client, campaign="spring")),
        client.journal.runs,
        client.journal.campaigns,
        lambda: client.journal.forget("spring", confirm=5),
    ]
    for use in uses:
        assert "belongs to process" in in_a_fork(use)


def test_a_forked_process_makes_a_journal_in_memory_of_its_own():
    """What is refused is the copy of another process's journal."""

    def practise():
        with nx.Sandbox(seed=7) as sandbox:
            return ROWS.nxsms.send(sandbox.client, progress="silent")["status"].to_list()

    assert in_a_fork(practise) == str(["Success"] * 5)


def test_a_forked_process_shares_a_journal_in_a_file(sandbox, tmp_path):
    """It knows what its parent sent before the fork."""
    options = {"campaign": "spring", "journal": tmp_path / "journal.sqlite3", "progress": "silent"}
    ROWS.iloc[:3].nxsms.send(sandbox.client, **options)

    def send():
        return ROWS.nxsms.send(sandbox.client, **options)["status"].to_list()

    assert in_a_fork(send) == str(["Success"] * 5)
    assert (
        ROWS.nxsms.recorded(sandbox.client, campaign="spring", journal=options["journal"])["status"].eq("Success").all()
    )
    assert sandbox.ledger["phone"].value_counts().to_list() == [1] * 5


def test_a_process_forked_during_a_run_is_refused_its_journal(sandbox, tmp_path):
    """SQLite's connections do not survive a fork: locks that the forked process believes to hold are the parent's alone."""
    options = {"campaign": "spring", "journal": tmp_path / "journal.sqlite3", "progress": "silent"}
    stream = nx.send_stream([ROWS.iloc[:2], ROWS.iloc[2:]], sandbox.client, **options)
    next(stream)
    message = in_a_fork(lambda: ROWS.nxsms.send(sandbox.client, campaign="autumn", journal=options["journal"]))
    assert message.startswith(
        f"JournalError: This process was forked from process {os.getpid()} while a run there used"
    )
    other = {**options, "journal": tmp_path / "other.sqlite3", "campaign": "other"}
    assert "Success" in in_a_fork(lambda: ROWS.iloc[:1].nxsms.send(sandbox.client, **other)["status"])
    assert len(next(stream)) == 3
    stream.close()
    assert in_a_fork(lambda: len(nx.Journal(options["journal"]).runs())) == "1"


def test_a_stream_goes_on_in_the_process_that_began_it(sandbox):
    """A forked process has its generator and no thread that sends: it learns so at once, and closing it takes no time."""
    stream = nx.send_stream([ROWS.iloc[:2], ROWS.iloc[2:]], sandbox.client, campaign="spring", progress="silent")
    next(stream)
    assert "belongs to process" in in_a_fork(lambda: next(stream))
    assert in_a_fork(stream.close) == "None"
    assert len(next(stream)) == 3


def test_a_forked_process_keeps_no_lock_beyond_the_end_of_its_parent(tmp_path):
    """The parent's locks are closed in it, even those that something there still refers to."""
    journal = nx.Journal(tmp_path / "journal.sqlite3")
    lock = journal.campaign("spring")

    files = Path("/proc/self/fd")

    def open_locks():
        named = (str(fd.readlink()) for fd in files.iterdir() if fd.is_symlink())
        return [at for at in named if at.startswith(str(tmp_path)) and at.endswith(".lock")]

    if files.is_dir():
        assert open_locks()
        assert in_a_fork(open_locks) == "[]"
    with pytest.raises(nx.CampaignBusy):
        journal.campaign("spring")
    lock.release()
