"""A run whose process was killed, and what happens to its journal before somebody looks at it again."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, JournalError, Sandbox
from nxsms_nb.results.table import SUCCESS, UNKNOWN
from tests.journal.history import ACCEPTED, ids, known, write

pytestmark = [pytest.mark.any_pandas, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")]

KILLED = """
import asyncio, os, signal, sys
sys.path.insert(0, sys.argv[1])
from tests.journal.history import ACCEPTED, SENT_US, block, ids
from nxsms_nb import Journal

async def requests(record):
    for number in range(0, 8, 2):
        request = await record.begin(block(ids(2, number)), 0, 2, sent_us=SENT_US)
        if number < 6:
            record.finish(request, ACCEPTED)
            record._write()
    os.kill(os.getpid(), signal.SIGKILL)

journal = Journal(sys.argv[2])
asyncio.run(requests(journal.campaign("spring").record(rows=8, workers=1)))
"""

KNOWN = [SUCCESS] * 6 + [UNKNOWN] * 2


@pytest.fixture(name="killed")
def _killed(path):
    """A journal whose run was killed when three requests had an outcome and a fourth had left."""
    finished = subprocess.run(
        [sys.executable, "-c", KILLED, Path(__file__).parent, path], capture_output=True, text=True, check=False
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    return path


def log_of(path):
    return path.with_name(f"{path.name}-wal")


def refused(path, match):
    """Looking and sending are refused, and nothing leaves."""
    frame = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
    with Sandbox(seed=7) as sandbox:
        for verb in ("plan", "recorded", "send"):
            with pytest.raises(JournalError, match=match):
                getattr(frame.nxsms, verb)(sandbox.client, journal=path)
        assert len(sandbox.requests) == 0


def test_what_a_killed_run_recorded_is_known_ever_after(killed):
    """The first look brings the log into the file, and the next ones, a backup and a move of the file alone know it."""
    assert log_of(killed).stat().st_size > 0
    for _ in range(2):
        assert known(Journal(killed), ids(8), "spring") == KNOWN
        assert not log_of(killed).exists()
    alone = killed.with_name("alone.sqlite3")
    shutil.copy2(killed, alone)
    assert known(Journal(alone), ids(8), "spring") == KNOWN
    assert Journal(killed).runs()["ended"].isna().tolist() == [True]
    write(Journal(killed), (ids(2, 8), ACCEPTED), campaign="spring")
    assert known(Journal(killed), ids(10), "spring") == [*KNOWN, SUCCESS, SUCCESS]


def test_a_copy_of_the_file_without_its_log_is_refused(killed):
    """Copied or moved alone, or its log tidied away: what was sent last is not in it."""
    alone = killed.parent / "elsewhere" / "journal.sqlite3"
    alone.parent.mkdir()
    shutil.copy2(killed, alone)
    refused(alone, r"run without an end, 1 of campaign 'spring', and no log \(journal\.sqlite3-wal\)")
    shutil.copy2(log_of(killed), log_of(alone))
    assert known(Journal(alone), ids(8), "spring") == KNOWN


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_a_log_that_was_deleted_is_missed_until_somebody_gives_her_word(killed, how):
    """The error names the call that takes the run as complete."""
    log_of(killed).unlink() if how == "deleted" else os.truncate(log_of(killed), 0)
    refused(killed, r"accept\(1\)")
    with pytest.raises(nx.ConfigError, match=r"Run 2 is not an interrupted run: \[1\]"):
        Journal(killed).accept(2)
    Journal(killed).accept(1)
    assert set(known(Journal(killed), ids(8), "spring")) <= {-1, UNKNOWN, SUCCESS}
    with pytest.raises(nx.ConfigError, match="there is none"):
        Journal(killed).accept(1)


def test_another_program_that_opened_the_journal_leaves_everything_in_it(killed):
    """Its closing deletes the log, of which nothing is missing then: accept says so, and all is known."""
    with contextlib.closing(sqlite3.connect(killed)) as connection:
        connection.execute("SELECT * FROM run").fetchall()
    refused(killed, r"because another program has opened the journal .*accept\(1\)")
    Journal(killed).accept(1)
    assert known(Journal(killed), ids(8), "spring") == KNOWN


def test_a_run_at_work_is_not_taken_for_one_that_broke_off(path):
    """Looking from another kernel leaves its end to the run, which can still be missed if it is killed."""
    journal = Journal(path)
    record = journal.campaign("spring").record(rows=2, workers=1)
    assert known(Journal(path), ids(2), "spring") == [-1, -1]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT blocks FROM run").fetchall() == [(None,)]
    with pytest.raises(nx.ConfigError, match="not an interrupted run"):
        journal.accept(1)
    record.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT blocks FROM run").fetchall() == [(0,)]


def test_every_bit_of_the_log_counts(killed):
    """Whatever bit flips in the log of a killed run, its requests are known, or the journal is refused."""
    whole, log = killed.read_bytes(), log_of(killed).read_bytes()
    other = killed.parent / "flipped" / "journal.sqlite3"
    frame = 24 + 4096
    last = 32 + (len(log) - 32) // frame * frame - frame
    places = [*range(0, 32 * 8, 11), *range(0, len(log) * 8, 29989), *range(last * 8, (last + 24) * 8, 3)]
    tally = {"known": 0, "refused": 0}
    for place in places:
        shutil.rmtree(other.parent, ignore_errors=True)
        other.parent.mkdir()
        other.write_bytes(whole)
        flipped = bytearray(log)
        flipped[place // 8] ^= 1 << place % 8
        log_of(other).write_bytes(flipped)
        try:
            found = known(Journal(other), ids(8), "spring")
        except JournalError:
            tally["refused"] += 1
        else:
            assert found == KNOWN, place
            tally["known"] += 1
    assert tally == {"known": 0, "refused": len(places)}


def test_what_others_write_meanwhile_is_no_sign_of_a_loss(killed):
    """Commits and checkpoints of other connections go on while a log is looked at, and SQLite then counts its frames late."""
    for number in range(40):
        copy = killed.parent / str(number) / "journal.sqlite3"
        copy.parent.mkdir()
        shutil.copy2(killed, copy)
        shutil.copy2(log_of(killed), log_of(copy))
        with busy(copy):
            assert known(Journal(copy), ids(8), "spring") == KNOWN


@contextlib.contextmanager
def busy(path):
    """Two other connections write to a journal, and bring its log into the file, all the time."""
    over = threading.Event()

    def go_on():
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute("UPDATE run SET rows = rows")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
