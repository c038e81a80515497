"""The journal's files are deleted, moved, replaced or linked to under a run: nobody gets a second message."""

import contextlib
import os
import shutil
import sqlite3
import sys
import threading

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, JournalError, Sandbox
from nxsms_nb.results.table import SUCCESS
from tests.journal.history import ACCEPTED, ids, known, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be deleted there")

ROWS = 60


def people(n=ROWS):
    return pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(n)], "content": "Hi"})


def beside(path, ending):
    return path.with_name(path.name + ending)


def deleted(path):
    path.unlink()


def deleted_with_its_log(path):
    for file in path.parent.glob(f"{path.name}*"):
        if file.is_file():
            file.unlink()


def moved(path):
    path.rename(path.with_name("elsewhere.sqlite3"))


def moved_with_its_log(path):
    for ending in ("", "-wal", "-shm"):
        beside(path, ending).rename(path.with_name(f"elsewhere.sqlite3{ending}"))


def folder_removed(path):
    shutil.rmtree(path.parent)


def folder_moved(path):
    path.parent.rename(path.parent.with_name("elsewhere"))


def replaced_by_an_older_copy(path):
    path.with_name("older").replace(path)


def replaced_by_an_older_copy_without_the_log(path):
    replaced_by_an_older_copy(path)
    beside(path, "-wal").unlink()
    beside(path, "-shm").unlink()


def replaced_by_a_text(path):
    path.with_name("other").write_text("phone,content\n")
    path.with_name("other").replace(path)


def replaced_by_an_empty_file(path):
    path.unlink()
    path.touch()


def replaced_by_its_own_copy(path):
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def emptied(path):
    os.truncate(path, 0)


def log_deleted(path):
    beside(path, "-wal").unlink()


def log_emptied(path):
    os.truncate(beside(path, "-wal"), 0)


def log_cut(path):
    os.truncate(beside(path, "-wal"), beside(path, "-wal").stat().st_size - 100)


def log_zeroed(path):
    """Overwrite it in place, as a program that restores a file does."""
    with beside(path, "-wal").open("r+b") as log:
        log.write(bytes(beside(path, "-wal").stat().st_size))


def log_cut_behind_its_head(path):
    """Leave the head alone."""
    os.truncate(beside(path, "-wal"), 32)


def index_of_the_log_deleted(path):
    beside(path, "-shm").unlink()


def log_and_index_deleted(path):
    log_deleted(path)
    index_of_the_log_deleted(path)


def locks_emptied(path):
    for file in beside(path, ".locks").iterdir():
        file.unlink()


def locks_removed(path):
    shutil.rmtree(beside(path, ".locks"))


def linked(path):
    path.with_name("other.sqlite3").hardlink_to(path)


def folder_made_a_link(path):
    folder_moved(path)
    path.parent.mkdir(parents=True)
    (path.parent / path.name).symlink_to(path.parent.with_name("elsewhere") / "nothing")


ACTS = [
    *(deleted, deleted_with_its_log, moved, moved_with_its_log, folder_removed, folder_moved),
    *(replaced_by_an_older_copy, replaced_by_an_older_copy_without_the_log, replaced_by_a_text),
    *(replaced_by_an_empty_file, replaced_by_its_own_copy, emptied, log_deleted, index_of_the_log_deleted),
    *(log_emptied, log_cut, log_zeroed, log_cut_behind_its_head),
    *(log_and_index_deleted, locks_emptied, locks_removed, linked, folder_made_a_link),
]


HARMLESS_AFTERWARDS = [locks_emptied, locks_removed]


@pytest.fixture(name="older")
def _older(path):
    """A journal with a run of other people, and a copy of it."""
    write(Journal(path), (ids(3), ACCEPTED), campaign="before")
    shutil.copy2(path, path.with_name("older"))


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_journal_that_vanishes_under_a_run_stops_it_and_nobody_gets_a_second_message(path, act):
    """The frame is complete and true; the next call is refused, or knows what was sent."""
    with Sandbox(seed=7) as sandbox:
        sandbox.hold()
        run = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        assert sandbox.wait_for(requests=1)
        act(path)
        sandbox.release()
        with pytest.raises(JournalError) as stopped:
            run.wait()
        frame = stopped.value.frame
        assert set(frame["status"]) == {"Success", "Unsent"}
        assert set(frame.loc[frame["status"] == "Success", "messageid"]) == set(sandbox.ledger["messageid"])
        assert 0 < len(sandbox.ledger) < ROWS
        if act in HARMLESS_AFTERWARDS:
            again = people().nxsms.send(sandbox.client, journal=path, progress="silent")
            assert set(again["status"]) == {"Success"}
        else:
            with pytest.raises(JournalError, match="Nothing was sent"):
                people().nxsms.send(sandbox.client, journal=path, progress="silent")
        assert sandbox.effects().max() == 1


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize(
    "act", [deleted_with_its_log, folder_removed, replaced_by_an_older_copy, log_and_index_deleted]
)
def test_what_a_lost_journal_held_is_saved(path, act):
    """The next error names the copy, and the copy knows every message that was sent."""
    with Sandbox(seed=7) as sandbox:
        sandbox.hold()
        run = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        assert sandbox.wait_for(requests=1)
        act(path)
        sandbox.release()
        with pytest.raises(JournalError, match="was saved as"):
            run.wait()
        (saved,) = path.parent.glob("*.rescued-*")
        with pytest.raises(JournalError, match=saved.name):
            people().nxsms.recorded(sandbox.client, journal=path)
        sent = people().nxsms.send(sandbox.client, journal=saved, progress="silent")
        assert set(sent["status"]) == {"Success"}
        assert (len(sandbox.ledger), sandbox.effects().max()) == (ROWS, 1)


@pytest.mark.parametrize("between", [False, True], ids=["in a chunk", "between chunks"])
def test_a_journal_that_vanishes_under_a_stream_stops_it(path, between):
    """The error has the chunk that was being sent, and no later chunk is begun; the same stream again is refused."""

    def sent(frames):
        # One request at a time: the others of the chunk are not recorded yet when the journal vanishes.
        options = {"batch_size": 5, "concurrency": 1, "progress": "silent"}
        return nx.send_stream(frames, sandbox.client, campaign="spring", journal=path, **options)

    def chunks():
        yield people(20)
        if not between:
            sandbox.hold()
            threading.Thread(target=lambda: sandbox.wait_for(requests=5) and (deleted(path), sandbox.release())).start()
        else:
            deleted(path)
        yield people(40).iloc[20:]
        yield people(60).iloc[40:]

    with Sandbox(seed=7) as sandbox:
        stream = sent(chunks())
        assert set(next(stream)["status"]) == {"Success"}
        with pytest.raises(JournalError, match="deleted or moved") as stopped:
            next(stream)
        if not between:
            frame = stopped.value.frame
            assert set(frame["status"]) == {"Success", "Unsent"}
            assert (frame["status"] == "Success").sum() == len(sandbox.ledger) - 20
        with pytest.raises(JournalError, match="Nothing was sent"):
            next(sent([people(60)]))
        assert sandbox.effects().max() == 1


def test_a_journal_moved_away_and_back_is_the_same(path):
    """What a synchronising program does between two requests harms nothing."""
    with Sandbox(seed=7) as sandbox:
        sandbox.hold()
        run = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        assert sandbox.wait_for(requests=1)
        moved(path)
        path.with_name("elsewhere.sqlite3").rename(path)
        sandbox.release()
        assert set(run.wait()["status"]) == {"Success"}
        assert set(people().nxsms.recorded(sandbox.client, journal=path)["status"]) == {"Success"}


@pytest.mark.usefixtures("older")
def test_a_log_that_sqlite_begins_anew_is_no_lost_one(path):
    """Another program's checkpoint, between any two requests, harms nothing: what the log held is in the main file."""
    with Sandbox(seed=7) as sandbox, contextlib.closing(sqlite3.connect(path)) as other:
        for n in range(3):
            sandbox.hold()
            options = {"journal": path, "campaign": f"spring {n}", "batch_size": 5, "progress": "silent"}
            run = people().nxsms.start(sandbox.client, **options)
            assert sandbox.wait_for(requests=1 + n * ROWS // 5)
            other.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            sandbox.release()
            assert set(run.wait()["status"]) == {"Success"}
        assert set(people().nxsms.recorded(sandbox.client, journal=path, campaign="spring 0")["status"]) == {"Success"}


@pytest.mark.parametrize("locks", ["emptied", "removed"])
def test_a_second_run_after_the_locks_were_deleted_sends_nobody_twice(path, locks):
    """The second knows what the first recorded before, and the first records nothing after it."""
    with Sandbox(seed=7) as sandbox:
        sandbox.hold()
        first = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        assert sandbox.wait_for(requests=1)
        (locks_emptied if locks == "emptied" else locks_removed)(path)
        second = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        sandbox.release()
        with pytest.raises(JournalError, match="lost the lock"):
            first.wait()
        second.wait()
        assert sandbox.effects().max() == 1


@pytest.mark.parametrize("what", ["gone", "empty"])
def test_a_journal_gone_or_emptied_next_to_its_locks_is_refused(path, what):
    """It held something: a new one would send everything again."""
    write(Journal(path), (ids(3), ACCEPTED))
    deleted(path) if what == "gone" else emptied(path)
    with Sandbox(seed=7) as sandbox:
        for verb in ("plan", "recorded", "send"):
            with pytest.raises(JournalError, match=f"is {what}, but .*locks shows"):
                getattr(people().nxsms, verb)(sandbox.client, journal=path)
        locks_removed(path)
        assert set(people().nxsms.send(sandbox.client, journal=path, progress="silent")["status"]) == {"Success"}


def test_an_older_copy_in_the_place_of_the_journal_is_refused(path):
    """A backup or a checkout lacks what was sent since; deleting the folder of locks is the person's word that it may be."""
    write(Journal(path), (ids(3), ACCEPTED))
    shutil.copy2(path, path.with_name("older"))
    write(Journal(path), (ids(3, 3), ACCEPTED))
    replaced_by_an_older_copy(path)
    with pytest.raises(JournalError, match=r"is older than the one that was here.*delete .*\.locks"):
        known(Journal(path), ids(6))
    locks_removed(path)
    assert known(Journal(path), ids(6)) == [*[SUCCESS] * 3, *[-1] * 3]


def test_a_backup_knows_what_the_journal_knows(path, tmp_path):
    """Owner-only, verified, in the place named, and it replaces nothing; a run may go on meanwhile."""
    journal, to = Journal(path), tmp_path / "backups" / "copy.sqlite3"
    with pytest.raises(JournalError, match="no journal"):
        journal.backup(to)
    with Sandbox(seed=7) as sandbox:
        sandbox.hold()
        run = people().nxsms.start(sandbox.client, journal=path, batch_size=5, progress="silent")
        assert sandbox.wait_for(requests=1)
        assert journal.backup(to) == to
        sandbox.release()
        run.wait()
        early = people().nxsms.recorded(sandbox.client, journal=to)
        assert early["status"].value_counts()["Unknown"] == 5
        late = Journal(journal.backup(tmp_path / "late.sqlite3"))
        assert set(people().nxsms.recorded(sandbox.client, journal=late)["status"]) == {"Success"}
    assert to.stat().st_mode & 0o777 == 0o600
    before = to.read_bytes()
    with pytest.raises(nx.ConfigError, match="exists already"):
        journal.backup(to)
    assert to.read_bytes() == before
    assert [file.name for file in to.parent.iterdir() if file.is_file()] == [to.name]
    for wrong in (Journal.in_memory(), journal):
        with pytest.raises(nx.ConfigError):
            wrong.backup("" if wrong is journal else to)


def test_a_backup_of_a_damaged_journal_is_refused_and_leaves_nothing(path, tmp_path):
    """What is copied is verified, so that the backup is not what fails on the day it is needed."""
    write(Journal(path), (ids(3), ACCEPTED))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE outcome SET status = 4")
    with pytest.raises(JournalError, match="is damaged"):
        Journal(path).backup(tmp_path / "copy.sqlite3")
    assert not (tmp_path / "copy.sqlite3").exists()
