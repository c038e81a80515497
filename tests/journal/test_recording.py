"""Writing into the journal: durably, before the request leaves, by several at a time, by one run a campaign."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from nxsms_nb import CampaignBusy, Journal, JournalError
from nxsms_nb.journal import sqlite, tables
from nxsms_nb.journal.blocks import Block
from nxsms_nb.journal.lookup import NO_OUTCOME
from nxsms_nb.journal.recorder import _PATIENCE_S
from nxsms_nb.results import table
from nxsms_nb.results.table import SUCCESS, UNKNOWN, Outcome
from tests.journal.history import ACCEPTED, SENT_US, block, ids, known, recording, write

pytestmark = pytest.mark.any_pandas


def test_the_writing_connection_syncs_every_commit_to_the_disk(journal):
    """A write-ahead log with synchronous=FULL: what was committed survives a power cut."""
    with recording(journal) as record:
        connection = record._writer._connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_request_is_on_the_disk_when_it_may_leave(journal, path):
    """Another process reads the record of it while its outcome is unknown: the rows are in doubt."""
    reading = (
        f"import nxsms_nb as nx, pyarrow as pa; print(nx.Journal({str(path)!r}).known(pa.array({ids(3)!r})).status)"
    )

    async def begun(record):
        await record.begin(block(ids(3)), 0, 2, sent_us=SENT_US)

    with recording(journal) as record:
        asyncio.run(begun(record))
        finished = subprocess.run([sys.executable, "-c", reading], capture_output=True, text=True, check=True)
        assert finished.stdout.strip() == str(journal.known(pa.array(ids(3))).status)
    assert known(journal, ids(3)) == [UNKNOWN, UNKNOWN, -1]


def test_a_request_without_an_outcome_is_in_doubt(journal):
    """The process ended before it knew; the reason says so."""
    write(journal, (ids(2), None))
    recorded = journal.known(pa.array(ids(2)))
    assert recorded.status.tolist() == [UNKNOWN, UNKNOWN]
    assert recorded.reason(0) == NO_OUTCOME
    assert recorded.sent_us.tolist() == [SENT_US, SENT_US]


@pytest.mark.parametrize("workers", [8, 16])
def test_requests_that_wait_together_are_committed_together(journal, workers):
    """Eight requests at once cost one commit, so that concurrency does not queue on the disk, and wait for no others."""
    statements = []

    async def eight(record):
        return await asyncio.gather(*(record.begin(block(ids(1, first)), 0, 1, sent_us=SENT_US) for first in range(8)))

    with recording(journal, workers=workers) as record:
        record._writer._connection.set_trace_callback(statements.append)
        numbers = asyncio.run(eight(record))
        record._writer._connection.set_trace_callback(None)
    assert len(set(numbers)) == 8
    assert statements.count("COMMIT") == 1
    assert known(journal, ids(8)) == [UNKNOWN] * 8


def test_after_a_commit_that_was_held_up_requests_wait_no_longer_than_their_patience(journal):
    """A disk that hung once is not waited for indefinitely afterwards."""

    async def one(record):
        loop = asyncio.get_running_loop()
        record._takes_s, record._gap_s, record._last = 5.0, 0.0, loop.time()
        written = record.begin(block(ids(1)), 0, 1, sent_us=SENT_US)
        waits = record._due.when() - loop.time()
        await written
        return waits

    with recording(journal, workers=8) as record:
        assert asyncio.run(one(record)) <= _PATIENCE_S


def test_a_request_leaves_a_turn_of_the_loop_after_its_commit(journal):
    """What the gateway did meanwhile is seen first: a connection it has closed is not used for the request."""
    turns = []

    async def one(record):
        written = record.begin(block(ids(1)), 0, 1, sent_us=SENT_US)
        assert not written.done()
        asyncio.get_running_loop().call_soon(turns.append, "a turn")
        await written
        return list(turns)

    with recording(journal, workers=1) as record:
        assert asyncio.run(one(record)) == ["a turn"]


def test_numbers_of_requests_do_not_repeat_between_runs_and_campaigns(journal):
    """`batch` in a frame names one request of the whole journal, even after some were forgotten."""
    first = write(journal, (ids(2), ACCEPTED), (ids(2, 2), ACCEPTED), campaign="spring")
    journal.forget("spring", confirm=4)
    second = write(journal, (ids(2, 4), ACCEPTED), campaign="autumn")
    assert min(second) > max(first)


def test_a_request_that_cannot_be_recorded_raises_and_the_next_is_recorded_again(journal):
    """The request must not leave; when there is room again, the same record goes on, its block included."""

    async def trouble(record):
        shared = block(ids(4))
        record._writer._connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(JournalError, match="no further request is sent"):
            await record.begin(shared, 0, 2, sent_us=SENT_US)
        record._writer._connection.execute("DROP TRIGGER full")
        record.finish(await record.begin(shared, 2, 2, sent_us=SENT_US), ACCEPTED)

    with recording(journal) as record:
        asyncio.run(trouble(record))
    assert known(journal, ids(4)) == [-1, -1, SUCCESS, SUCCESS]


def test_outcomes_that_cannot_be_written_are_said_at_the_end(journal):
    """The run's frame has them; in the journal the rows stay in doubt, and the campaign is free again."""

    async def lost(record):
        number = await record.begin(block(ids(2)), 0, 2, sent_us=SENT_US)
        record._writer._connection.execute("PRAGMA query_only = ON")
        record.finish(number, ACCEPTED)

    with pytest.raises(JournalError, match="outcomes of 1 requests could not be written"), recording(journal) as record:
        asyncio.run(lost(record))
    assert known(journal, ids(2)) == [UNKNOWN, UNKNOWN]
    journal.campaign(None).release()


def test_flushed_outcomes_are_on_the_disk_while_the_run_goes_on(journal, path):
    """A stream looks each chunk up before it sends it, and must find the chunks before."""

    async def flushed(record):
        record.finish(await record.begin(block(ids(2)), 0, 2, sent_us=SENT_US), ACCEPTED)
        record.flush()
        return known(Journal(path), ids(2))

    with recording(journal) as record:
        assert asyncio.run(flushed(record)) == [SUCCESS, SUCCESS]


def test_a_journal_that_several_make_at_once_is_a_journal_for_all(tmp_path):
    """Nobody takes the other's half-made file for another program's, or gives up because it is locked."""
    at_once = threading.Barrier(4)

    def make(path):
        at_once.wait()
        sqlite.open_file(path).close()

    with ThreadPoolExecutor(4) as pool:
        for place in range(60):
            list(pool.map(make, [tmp_path / f"{place}.sqlite3"] * 4))


def test_a_transaction_holds_the_writing_from_its_beginning(journal, path):
    """One that began by reading and wrote later would fail when another wrote in between."""
    write(journal, (ids(1), ACCEPTED))
    first, second = sqlite.open_file(path), sqlite3.connect(path, timeout=0)
    with tables.writing(first), pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("DELETE FROM outcome")
    first.close()
    second.close()


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.journal.history import ACCEPTED, block, ids, recording, SENT_US
from nxsms_nb import Journal

async def requests(record, first):
    for number in range(first, first + 40):
        record.finish(await record.begin(block(ids(1, number)), 0, 1, sent_us=SENT_US), ACCEPTED)

sys.stdin.readline()
place = int(sys.argv[3])
with recording(Journal(sys.argv[2]), f"campaign {place}") as record:
    asyncio.run(requests(record, place * 100))
"""


def test_several_processes_write_into_one_journal(path):
    """Started together on a journal that is not there yet, each finds it made and none is refused or loses a record."""
    folder = Path(__file__).parent
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, folder, path, str(place)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for place in range(4)
    ]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    journal = Journal(path)
    assert journal.campaigns()["Success"].tolist() == [40] * 4
    numbers = sqlite3.connect(path)
    assert numbers.execute("SELECT count(*), count(DISTINCT id) FROM batch").fetchone() == (160, 160)
    numbers.close()


HOLDER = """
import sys
from nxsms_nb import Journal
claim = Journal(sys.argv[1]).campaign("spring")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(name="holder")
def _holder(path):
    """Another process that holds the campaign "spring"."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("New journal ")
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_campaign_held_by_another_process_is_refused_naming_it(holder, journal):
    """A person can find the process and decide."""
    with pytest.raises(
        CampaignBusy, match=rf"'spring' is in progress since \S+ in process {holder.pid}\. Nothing was sent"
    ):
        journal.campaign("spring")
    journal.campaign("autumn").release()


CLAIMER = """
import sys
from nxsms_nb import CampaignBusy, Journal
try:
    Journal(sys.argv[1]).campaign("spring")
except CampaignBusy:
    print("busy")
"""


def others_are_refused(path):
    """Whether another process is told that the campaign is at work."""
    return subprocess.run([sys.executable, "-c", CLAIMER, path], check=True, capture_output=True).stdout == b"busy\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a locked file cannot be read there")
def test_whoever_copies_the_folder_does_not_drop_the_lock(journal, path, tmp_path):
    """The locks of POSIX go when this process closes any descriptor of their file, as a backup of the project does."""
    lock = journal.campaign("spring")
    shutil.copytree(path.parent, tmp_path / "backup")
    assert others_are_refused(path)
    lock.release()
    assert not others_are_refused(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_neither_gives_the_lock_back_nor_keeps_it(journal, path):
    """It has the same open file; the lock is the parent's alone."""
    lock = journal.campaign("spring")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        lock.release()
        os.read(reading, 1)
        os._exit(0)
    assert others_are_refused(path)
    lock.release()
    assert not others_are_refused(path)
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_a_lock_dies_with_its_process(holder, journal):
    """Killed without a chance to tidy up, the holder leaves a file behind and no lock."""
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert list(journal.path.parent.rglob("*.lock"))
    write(journal, (ids(2), ACCEPTED), campaign="spring")
    assert known(journal, ids(2), "spring") == [SUCCESS, SUCCESS]


def test_a_lock_whose_note_cannot_be_read_is_a_lock_all_the_same(holder, journal):
    """The note only tells who holds it."""
    for note in journal.path.parent.rglob("*.json"):
        note.write_text("{")
    with pytest.raises(CampaignBusy, match="in another process"):
        journal.campaign("spring")


def test_a_claim_given_back_twice_does_not_free_what_another_took_since(journal):
    """Giving back is the right of the one who holds it."""
    for shared in (journal, Journal.in_memory()):
        first = shared.campaign(None)
        first.release()
        second = shared.campaign(None)
        first.release()
        with pytest.raises(CampaignBusy):
            shared.campaign(None)
        second.release()


def test_the_note_of_a_lock_tells_process_and_time_and_nothing_else(holder, journal):
    """Neither the campaign's name nor anything of its rows."""
    (note,) = journal.path.parent.rglob("*.json")
    assert set(json.loads(note.read_text())) == {"pid", "since"}


@pytest.mark.parametrize("status", [table.SUCCESS, table.FAILURE, table.UNKNOWN, table.UNSENT])
def test_an_outcome_comes_back_as_it_was_written(journal, status):
    """Code, reason, time and duration of a request, and whether it counts as an attempt."""
    (number,) = write(journal, (ids(1), Outcome(status, 13008, "why", 7.25)))
    recorded = journal.known(pa.array(ids(1)))
    assert (recorded.status[0], recorded.code(0), recorded.reason(0)) == (status, 13008, "why")
    assert (recorded.batch[0], recorded.attempts[0], recorded.sent_us[0], recorded.latency_ms[0]) == (
        number,
        1,
        SENT_US,
        7.25,
    )


@pytest.mark.parametrize(
    "messageids", [[f"n1{number:032x}" for number in range(7)], ["order-1", "order-22", "order-3"]], ids=["made", "own"]
)
def test_a_stretch_of_a_block_has_its_ids_on_lines_of_their_own(messageids):
    """What a database is given of a request is its own ids, one a line, wherever in the block they are."""
    held = Block(pa.array(messageids, pa.large_string()))
    for start in range(len(messageids)):
        for size in range(1, len(messageids) - start + 1):
            assert held.lines(start, size) == "\n".join(messageids[start : start + size])
