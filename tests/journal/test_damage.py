"""A journal in which something was changed: said, never read as if nothing were recorded."""

import contextlib
import sqlite3

import pyarrow as pa
import pytest
from history import ACCEPTED, ids, known, write

from nxsms_nb import Journal, JournalError, results
from nxsms_nb.results import SUCCESS, Exceptional, Outcome

REFUSED = Outcome(results.FAILURE, 13005, "refused", 3.0, exceptions=[Exceptional(1, SUCCESS, 0, None, None)])


def changed(path, statement):
    """Change a journal behind its back."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE run SET campaign = 'autumn'",
        "UPDATE run SET anywhere = 1",
        "UPDATE run SET id = id + 8 WHERE id = 2",
        "UPDATE block SET id = id + 8",
        "UPDATE block SET run = 2 WHERE id = 1",
        "UPDATE block SET digested = 1",
        "UPDATE block SET fingerprints = rest",
        "UPDATE block SET rest = replace(rest, '1', '9')",
        "UPDATE block SET keys = fingerprints",
        "UPDATE batch SET size = 1",
        "UPDATE batch SET start = 1",
        "UPDATE batch SET query = 1",
        "UPDATE batch SET id = id + 8",
        "UPDATE batch SET sent_us = sent_us + 1",
        "UPDATE outcome SET status = 4",
        "UPDATE outcome SET code = 13007",
        "UPDATE outcome SET reason = 'another'",
        "UPDATE outcome SET exceptions = '['",
        "UPDATE outcome SET exceptions = NULL",
        "UPDATE outcome SET batch = batch + 8",
        "DELETE FROM run",
        "DELETE FROM run WHERE id = 1",
        "DELETE FROM block",
        "DELETE FROM block WHERE id = 1",
        "DELETE FROM batch WHERE id = 1",
        "DELETE FROM outcome WHERE batch = 1",
    ],
)
def test_a_row_that_was_changed_or_lost_is_damage(journal, path, statement):
    """Each value of each table is protected, and so is its being there."""
    write(journal, (ids(3), ACCEPTED), (ids(3, 3), REFUSED), campaign="spring")
    write(journal, (ids(3, 6), ACCEPTED), campaign="autumn")
    changed(path, statement)
    with pytest.raises(JournalError, match=r"is damaged: .*Nothing was sent\. Restore a backup"):
        known(journal, ids(9), everywhere=True)


@pytest.mark.parametrize("look", ["campaigns", "runs", "homes", "holds"])
def test_every_way_to_look_notices_damage(journal, path, look):
    """Frames of campaigns and runs, and the search for a message's campaign, read what is verified."""
    write(journal, (ids(3), ACCEPTED), campaign="spring")
    changed(path, "UPDATE run SET campaign = 'autumn'")
    with pytest.raises(JournalError, match="is damaged"):
        getattr(journal, look)(*[pa.array(ids(1))] * (look == "homes"))


def test_what_belongs_to_a_run_is_counted_when_it_ends(journal):
    """Reading while it goes on and afterwards gives the same."""
    record = journal.record(journal.claim(None), rows=3, workers=1)
    assert known(journal, ids(3)) == [-1, -1, -1]
    record.close()
    write(journal, (ids(3), ACCEPTED))
    assert known(Journal(journal.path), ids(3)) == [SUCCESS] * 3
