"""A campaign that is held: its lock and its connection belong together, and are given back together."""

import asyncio
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.journal.blocks import Block
from nxsms_nb.results.table import UNDECIDED, UNKNOWN
from tests.journal.history import ids

ROOT = Path(__file__).parents[2]

KILLED = """
import asyncio, sys, time
import pyarrow as pa, nxsms_nb as nx
from nxsms_nb.journal.blocks import Block

record = nx.Journal(sys.argv[1]).campaign("spring").record(rows=2, workers=1)

async def work():
    await record.begin(Block(pa.array(["a", "b"], pa.large_string())), 0, 2, sent_us=1)

asyncio.run(work())
print("recorded", flush=True)
time.sleep(600)
"""


@pytest.fixture(name="journal", params=["file", "memory"])
def _journal(request, tmp_path):
    return nx.Journal.in_memory() if request.param == "memory" else nx.Journal(tmp_path / "journal.sqlite3")


def begin(record, messageids):
    """Record a request for messages, and leave it without an outcome."""

    async def work():
        await record.begin(Block(messageids), 0, len(messageids), sent_us=1)

    asyncio.run(work())


def test_an_error_releases_the_campaign(journal):
    """Whatever keeps a run from beginning, the next call may begin."""
    with suppress(ZeroDivisionError), journal.campaign("spring"):
        with pytest.raises(nx.CampaignBusy):
            journal.campaign("spring")
        raise ZeroDivisionError
    journal.campaign("spring").release()


def test_the_end_of_the_record_releases_the_campaign(journal):
    """The call that holds it may still join its frame; another may begin meanwhile."""
    with journal.campaign("spring") as campaign:
        campaign.record(rows=0, workers=1).close()
        journal.campaign("spring").release()
        assert campaign.made_by()[0].campaign == "spring"


def test_what_is_recorded_is_seen_by_who_records_it(journal):
    """The connection is one, so that nothing of the run is behind what it looks up."""
    messageids = pa.array(ids(3), pa.large_string())
    with journal.campaign("spring") as campaign:
        assert campaign.known(messageids, "spring").status.tolist() == [UNDECIDED] * 3
        record = campaign.record(rows=3, workers=1)
        begin(record, messageids)
        assert campaign.known(messageids, "spring").status.tolist() == [UNKNOWN] * 3
        record.close()
        assert campaign.known(messageids, "spring").status.tolist() == [UNKNOWN] * 3


def test_a_campaign_that_was_released_records_nothing(journal):
    """Somebody else may hold it by now."""
    with journal.campaign("spring") as campaign:
        pass
    with pytest.raises(ValueError, match="released"):
        campaign.record(rows=1, workers=1)


@pytest.mark.parametrize("beside", ["a run", "a look", "nothing to send"])
def test_a_run_that_is_killed_alongside_another_leaves_its_log(tmp_path, beside):
    """Whoever closes the journal last, the requests of the killed run are found, in doubt."""
    path = tmp_path / "journal.sqlite3"
    journal = nx.Journal(path)
    journal.campaign(None).release()
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as killed:
        assert killed.stdout.readline() == "recorded\n"
        if beside == "a look":
            with journal._reading():
                killed.send_signal(signal.SIGKILL)
                killed.wait()
        else:
            with journal.campaign("autumn") as campaign:
                record = campaign.record(rows=0, workers=1) if beside == "a run" else None
                killed.send_signal(signal.SIGKILL)
                killed.wait()
                if record is not None:
                    record.close()
    found = nx.Journal(path).known(pa.array(["a", "b"], pa.large_string()), "spring")
    assert found.status.tolist() == [UNKNOWN] * 2
