"""Rows in doubt from an earlier run are settled before anything leaves, in sight of the person."""

import threading

import pytest

from tests.engine.people import counts, no_double, people


class Watcher:
    """An observer that keeps what it was told, and lets a test wait for words."""

    def __init__(self):
        self.snapshots = []
        self.news = threading.Condition()

    def update(self, snapshot):
        with self.news:
            self.snapshots.append(snapshot)
            self.news.notify_all()

    close = update

    def saw(self, words):
        with self.news:
            return self.news.wait_for(lambda: any(words in snapshot.note for snapshot in self.snapshots), 10)


@pytest.fixture(name="doubtful")
def _doubtful(sandbox):
    """Four rows, two of them in doubt though the gateway took them."""
    sandbox.faults = ["ok", "lost"]
    sent = people(4).nxsms.send(sandbox.client, batch_size=2, concurrency=1)
    assert counts(sent) == {"Success": 2, "Unknown": 2}
    return sandbox


def test_what_a_run_tells_counts_the_rows_it_settled(doubtful):
    """The last counts a person sees are those of the frame: what was in doubt and is settled is in doubt no more."""
    watcher = Watcher()
    sent = people(6).nxsms.send(doubtful.client, progress=watcher)
    assert counts(sent) == {"Success": 6}
    assert watcher.snapshots[-1].counts == {"Success": 6}
    assert no_double(doubtful)


def test_a_run_says_that_it_asks_about_rows_in_doubt(doubtful):
    """While the record query goes on the person reads what is waited for."""
    watcher = Watcher()
    people(6).nxsms.send(doubtful.client, progress=watcher)
    assert watcher.snapshots[0].note == "asking the gateway for 2 messages in doubt"


def test_a_stop_cuts_the_record_query_short(doubtful):
    """Whoever stops a run need not wait for the query: the doubt stays, and nothing is sent."""
    doubtful.latency = 3600
    watcher = Watcher()
    run = people(6).nxsms.start(doubtful.client, progress=watcher)
    assert watcher.saw("in doubt")
    run.stop()
    assert run.stopped == "stopped by you"
    assert counts(run.frame) == {"Success": 2, "Unknown": 2, "Unsent": 2}
    doubt = run.frame.loc[run.frame["status"] == "Unknown", "reason"]
    assert doubt.str.startswith("the connection broke").all(), "not the failure of the query"
    assert len(doubtful.ledger) == 4
