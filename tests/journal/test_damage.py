"""A journal in which something was changed: said, never read as if nothing were recorded."""

import contextlib
import os
import random
import shutil
import sqlite3
from collections import Counter

import pyarrow as pa
import pytest

from nxsms_nb import Journal, JournalError
from nxsms_nb.results import table
from nxsms_nb.results.table import SUCCESS, ItemOutcome, Outcome
from tests.journal.history import ACCEPTED, ids, known, write

pytestmark = pytest.mark.any_pandas

REFUSED = Outcome(table.FAILURE, 13005, "refused", 3.0, exceptions=[ItemOutcome(1, SUCCESS, 0, None, None)])


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


def looked(path):
    """All that the journal says: statuses by campaign and in all of them, homes, campaigns and runs."""
    journal, asked = Journal(path), pa.array([*OURS, *ids(12)])
    recorded = [journal.known(asked, campaign) for campaign in ("spring", "autumn")]
    recorded.append(journal.known(asked, everywhere=True))
    statuses = [
        (one.status.tolist(), one.batch.tolist(), one.attempts.tolist(), [one.reason(row) for row in range(len(asked))])
        for one in recorded
    ]
    homes = {name: rows.tolist() for name, rows in journal.homes(asked).items()}
    return statuses, homes, journal.runs().to_csv(), journal.campaigns().to_csv()


OURS = [f"n1{number:032x}" for number in range(40)]


def test_a_flipped_bit_is_harmless_or_reported(journal, path):
    """Wherever it flips in the file, what is read is what was written, or the journal is refused: nothing else is raised."""
    write(journal, (OURS[:20], ACCEPTED), (OURS[20:30], REFUSED), (OURS[30:], None), campaign="spring")
    write(journal, *[(ids(2, first), ACCEPTED) for first in range(0, 12, 2)], campaign="autumn")
    expected, whole = looked(path), path.read_bytes()
    chosen = random.Random(7)
    used = [place for place, byte in enumerate(whole) if byte]
    other = path.parent / "flipped" / path.name
    tally = Counter()
    # What each page begins with, and where anything stands: most of a small journal is empty.
    for place in [
        *chosen.sample(used, 120),
        *(page * 4096 + chosen.randrange(40) for page in range(8) for _ in range(10)),
    ]:
        shutil.rmtree(other.parent, ignore_errors=True)
        other.parent.mkdir()
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chosen.randrange(8)
        other.write_bytes(flipped)
        os.utime(other, (0, 0))  # a file of this second is waited for: it may be a journal that is being created
        try:
            found = looked(other)
        except JournalError:
            tally["refused"] += 1
        else:
            assert found == expected, place
            tally["harmless"] += 1
    assert tally["refused"] > tally["harmless"] > 0


@pytest.mark.parametrize("statement", ["UPDATE batch SET query = 1", "DELETE FROM batch WHERE id = 1"])
def test_the_frame_of_runs_counts_what_is_verified(journal, path, statement):
    """A changed request is not counted as one that was never made."""
    write(journal, (ids(3), ACCEPTED), campaign="spring")
    changed(path, statement)
    with pytest.raises(JournalError, match="is damaged"):
        journal.runs()


def test_what_belongs_to_a_run_is_counted_when_it_ends(journal):
    """Reading while it goes on and afterwards gives the same."""
    record = journal.campaign(None).record(rows=3, workers=1)
    assert known(journal, ids(3)) == [-1, -1, -1]
    record.close()
    write(journal, (ids(3), ACCEPTED))
    assert known(Journal(journal.path), ids(3)) == [SUCCESS] * 3
