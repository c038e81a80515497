"""The ways to send: blocking, in a running loop, in threads, in the background, awaited; watched, stopped and cancelled."""

import asyncio
import os
import subprocess
import sys
import threading

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people


def test_send_works_where_a_loop_runs_already(sandbox):
    """A notebook's cells are run by a loop; the call blocks its cell all the same, and leaves the loop alone."""

    async def cell():
        sent = people(300).nxsms.send(sandbox.client)
        await asyncio.sleep(0)
        return sent, asyncio.get_running_loop().is_running()

    sent, running = asyncio.run(cell())
    assert counts(sent) == {"Success": 300}
    assert running


def test_asend_lets_the_loop_go_on(sandbox):
    """While it waits for replies that are held back, other tasks run; one of them lets the replies go."""
    sandbox.hold()

    async def both():
        task = asyncio.create_task(people(300).nxsms.asend(sandbox.client))
        assert await asyncio.to_thread(sandbox.wait_for, requests=1)
        assert not task.done()
        sandbox.release()
        return await task

    assert counts(asyncio.run(both())) == {"Success": 300}


def test_asend_is_send(make):
    """Same rows, same results, same errors."""
    first, second = make(failures="realistic"), make(failures="realistic")
    blocking = people(300).nxsms.send(first.client)
    awaited = asyncio.run(people(300).nxsms.asend(second.client))
    same = ["messageid", "status", "code", "reason", "attempts"]
    assert blocking[same].equals(awaited[same])
    with pytest.raises(nx.ColumnError):
        asyncio.run(people(3, status="x").nxsms.asend(first.client))
    with pytest.warns(nx.AlreadySentWarning):
        asyncio.run(people(300).nxsms.asend(second.client))


def test_several_campaigns_are_sent_side_by_side_in_one_loop(sandbox, journal):
    """Each has its own run, and they share gateway and journal."""

    async def all_of_them():
        sends = (people(50).nxsms.asend(sandbox.client, campaign=name, journal=journal) for name in "abc")
        return await asyncio.gather(*sends)

    assert [counts(sent) for sent in asyncio.run(all_of_them())] == [{"Success": 50}] * 3
    assert len(sandbox.ledger) == 150
    assert no_double(sandbox)


def test_send_works_in_a_thread(sandbox):
    """Neither a main thread nor a loop of its own is needed."""
    sent = []
    thread = threading.Thread(target=lambda: sent.append(people(300).nxsms.send(sandbox.client)))
    thread.start()
    thread.join()
    assert counts(sent[0]) == {"Success": 300}


# ---------------------------------------------------------------------- in the background


def test_start_returns_a_run_that_can_be_watched_and_awaited(sandbox):
    """While replies are held back it is not done, and its frame is whole: what is in flight is in doubt, the rest unsent."""
    sandbox.hold()
    run = people(1000).nxsms.start(sandbox.client)
    assert sandbox.wait_for(requests=1)
    assert not run.done
    assert run.stopped is None
    assert "1,000 rows, in progress" in repr(run)
    assert counts(run.frame) == {"Unknown": 200, "Unsent": 800}
    sandbox.release()
    assert counts(run.wait()) == {"Success": 1000}
    assert run.done
    assert run.stopped is None
    assert "done" in repr(run)
    pd.testing.assert_frame_equal(run.wait(), run.frame)


def test_stop_ends_a_run_without_raising(make):
    """No new request leaves, what was in flight is known, and the reason can be asked for."""
    sandbox = make(latency=0.05)
    run = people(5000).nxsms.start(sandbox.client, concurrency=2, batch_size=100)
    assert sandbox.wait_for(effects=400)
    run.stop()
    assert run.done
    assert run.stopped == "stopped by you"
    frame = run.wait()
    assert set(counts(frame)) == {"Success", "Unsent"}
    assert set(frame.loc[frame["status"] == "Success", "messageid"]) == set(sandbox.ledger["messageid"])
    unsent = frame[frame["status"] == "Unsent"]
    assert set(unsent["reason"]) == {"stopped by you"}
    run.stop()
    assert counts(people(5000).nxsms.send(sandbox.client)) == {"Success": 5000}
    assert no_double(sandbox)


def test_a_run_that_ended_can_be_stopped(sandbox):
    """That changes nothing."""
    run = people(3).nxsms.start(sandbox.client)
    run.wait()
    run.stop()
    assert run.stopped is None
    assert counts(run.frame) == {"Success": 3}


def test_a_run_does_not_raise_where_send_does(make):
    """The account's refusal is the run's reason, and its frame is complete."""
    sandbox = make(balance=0)
    run = people(300).nxsms.start(sandbox.client)
    assert counts(run.wait()) == {"Unsent": 300}
    assert "1102" in run.stopped


def test_a_run_with_nothing_to_send_is_done_at_once(sandbox):
    """start() takes an empty frame, and one that was sent, as send does."""
    assert counts(people(0).nxsms.start(sandbox.client).wait()) == {}
    people(3).nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        run = people(3).nxsms.start(sandbox.client)
    assert counts(run.wait()) == {"Success": 3}


def test_a_stop_lets_unsettled_requests_be_in_doubt(make, monkeypatch):
    """Replies that do not come in a moment are not awaited: their rows may have gone out, and say so."""
    monkeypatch.setattr("nxsms_nb.engine.sender.GRACE_S", 0.05)
    sandbox = make()
    sandbox.hold()
    run = people(600).nxsms.start(sandbox.client)
    assert sandbox.wait_for(effects=200)
    run.stop()
    assert counts(run.frame) == {"Unknown": 200, "Unsent": 400}
    sandbox.release()
    assert counts(people(600).nxsms.send(sandbox.client)) == {"Success": 600}
    assert no_double(sandbox)


# ---------------------------------------------------------------------- watched


class Watcher:
    """Keeps what it is told, and raises when it is told to."""

    def __init__(self, raising=()):
        self.raising = raising
        self.snapshots, self.ended = [], []

    def update(self, snapshot):
        self.snapshots.append(snapshot)
        if "update" in self.raising:
            raise RuntimeError("a broken widget")

    def close(self, snapshot):
        self.ended.append(snapshot)
        if "close" in self.raising:
            raise RuntimeError("a broken widget")


@pytest.mark.parametrize("raising", [(), ("update",), ("update", "close")])
def test_whatever_an_observer_does_the_run_goes_on(make, raising):
    """It is told how far the run has come, at the end once and for all; its errors are its own."""
    sandbox, watcher = make(latency=0.02), Watcher(raising)
    sent = people(2000).nxsms.send(sandbox.client, progress=watcher, batch_size=50)
    assert counts(sent) == {"Success": 2000}
    assert len(watcher.ended) == 1
    last = watcher.ended[0]
    assert last.final
    assert (last.total, last.sending, last.decided, last.in_flight) == (2000, 2000, 2000, 0)
    assert last.counts == {"Success": 2000}
    assert all(not snapshot.final and snapshot.decided <= snapshot.sending for snapshot in watcher.snapshots)


def test_the_last_words_to_an_observer_are_those_of_the_frame(make):
    """Earlier rows, invalid ones, failures and those left unsent are all in the counts."""
    sandbox = make(failures={13009: 0.3}, balance=100, balance_per="item")
    people(20).nxsms.send(sandbox.client)
    watcher = Watcher()
    frame = pd.concat([people(500), people(5, phone="12")])
    with pytest.raises(nx.AccountRefused) as stopped:
        frame.nxsms.send(sandbox.client, progress=watcher, batch_size=50)
    assert {name: n for name, n in watcher.ended[0].counts.items() if n} == counts(stopped.value.frame)


# ---------------------------------------------------------------------- ended early


def test_an_account_code_ends_the_run_with_the_frame_complete(make):
    """The error has every row of the frame, the code and what to do; with a wrong key it costs one request."""
    sandbox = make(refuse=1003)
    frame = people(3000, order=range(3000))
    with pytest.raises(nx.AccountRefused) as stopped:
        frame.nxsms.send(sandbox.client)
    error = stopped.value
    assert len(sandbox.requests) == 1
    assert error.code == 1003
    assert "1003" in error.reason
    pd.testing.assert_frame_equal(error.frame[frame.columns], frame)
    assert counts(error.frame) == {"Unsent": 3000}
    assert (error.frame["code"].fillna(-1) == 1003).all()


def test_an_account_refused_item_by_item_ends_the_run_too(make):
    """Whatever was accepted before is accepted; the rest left nobody's account."""
    sandbox = make(balance=250, balance_per="item")
    with pytest.raises(nx.AccountRefused) as stopped:
        people(3000).nxsms.send(sandbox.client, concurrency=1)
    frame = stopped.value.frame
    assert counts(frame) == {"Success": 250, "Unsent": 2750}
    assert set(frame.loc[frame["status"] == "Success", "messageid"]) == set(sandbox.ledger["messageid"])
    assert (frame.loc[frame["status"] == "Unsent", "code"] == 1102).all()


def test_the_error_shows_itself_in_a_few_lines(make):
    """What happened, how to get at the frame, how to go on: no traceback of ours for what is no fault of the code."""
    sandbox = make(balance=0)
    with pytest.raises(nx.Stopped) as stopped:
        people(3).nxsms.send(sandbox.client)
    lines = stopped.value._render_traceback_()
    assert len(lines) <= 5
    assert lines[0].startswith("AccountRefused: ")
    assert "1102 Insufficient balance" in lines[0]
    shown = "\n".join(lines)
    assert "sys.last_value.frame" in shown
    assert "run the same cell again" in shown


@pytest.mark.parametrize(
    ("most", "failing", "stops"),
    [
        (0, 0.0, False),
        (0, 1.0, True),
        (30, 0.2, True),
        (500, 0.2, False),
        (0.1, 0.2, True),
        (0.5, 0.2, False),
        (0.0, 0.2, True),
    ],
)
def test_a_campaign_that_goes_wrong_is_given_up(make, most, failing, stops):
    """max_failures is a count, or a share of the answered rows; the frame has what was sent until then."""
    sandbox = make(failures={13009: failing} if failing else None)
    frame = people(2000)
    if not stops:
        assert sum(counts(frame.nxsms.send(sandbox.client, max_failures=most)).values()) == 2000
        return
    with pytest.raises(nx.TooManyFailures, match="max_failures") as stopped:
        frame.nxsms.send(sandbox.client, max_failures=most, concurrency=1, batch_size=100)
    tally = counts(stopped.value.frame)
    assert tally["Unsent"] > 0
    assert tally["Failure"] > (most if isinstance(most, int) else 0)


def test_a_share_of_failures_says_nothing_of_a_few_rows(make):
    """Two failures among the first three rows are no reason to give up a campaign."""
    sandbox = make(failures={13009: 0.9})
    sent = people(40).nxsms.send(sandbox.client, max_failures=0.1, batch_size=5)
    assert counts(sent)["Failure"] > 20


def test_a_run_that_ended_with_every_row_decided_does_not_raise(make):
    """Failures beyond the limit in the last request: nothing is unsent, so Run All may go on."""
    sandbox = make(failures={13009: 1.0})
    assert counts(people(100).nxsms.send(sandbox.client, max_failures=5)) == {"Failure": 100}


INTERRUPTED = """
import os, signal, sys, threading
import pandas as pd, nxsms_nb as nx
sandbox = nx.Sandbox(seed=7, latency=0.05)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(20000)], "content": "Hi"})
threading.Thread(target=lambda: sandbox.wait_for(effects=600) and os.kill(os.getpid(), signal.SIGINT), daemon=True).start()
try:
    df.nxsms.send(sandbox.client, journal=sys.argv[1], batch_size=100)
except nx.Interrupted as stopped:
    assert isinstance(stopped, KeyboardInterrupt) and isinstance(stopped, nx.Stopped)
    frame, reason = stopped.frame, stopped.reason
accepted = set(frame.loc[frame["status"] == "Success", "messageid"])
print(len(frame), sorted(frame["status"].unique()), accepted == set(sandbox.ledger["messageid"]), reason)
again = df.nxsms.send(sandbox.client, journal=sys.argv[1])
print(sorted(again["status"].unique()), sandbox.effects().max(), len(sandbox.ledger))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_an_interrupt_stops_the_run_with_the_frame_complete(path):
    """Ctrl-C, or a notebook's stop button: the error is a KeyboardInterrupt, so that Run All stops, and has the frame."""
    finished = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, path], capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    _, first, *_, last = finished.stdout.splitlines()
    assert first == "20000 ['Success', 'Unsent'] True Stopped by you"
    assert last == "['Success'] 1 20000"


IMPATIENT = """
import os, signal, sys, threading
import pandas as pd, nxsms_nb as nx
sandbox = nx.Sandbox(seed=7)
sandbox.hold()
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(1000)], "content": "Hi"})

class Twice:
    interrupts = 0
    def update(self, snapshot):
        if self.interrupts < 2 and sandbox.wait_for(effects=1, timeout=0):
            self.interrupts += 1
            os.kill(os.getpid(), signal.SIGINT)
    def close(self, snapshot):
        pass

try:
    df.nxsms.send(sandbox.client, journal=sys.argv[1], progress=Twice())
except nx.Interrupted as stopped:
    print(stopped.frame["status"].value_counts().to_dict()["Unknown"], len(sandbox.ledger))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_a_second_interrupt_does_not_wait_for_replies(path):
    """Who presses stop again does not want to wait: what was in flight is in doubt, and the frame says so."""
    finished = subprocess.run(
        [sys.executable, "-c", IMPATIENT, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "200 200"


def test_a_cancellation_stops_the_run_and_is_raised_again(make, journal):
    """The task is cancelled, the run has ended by then, and what it did is in the journal."""
    sandbox = make(latency=0.05)
    frame = people(5000)

    async def cancelled():
        task = asyncio.create_task(frame.nxsms.asend(sandbox.client, journal=journal, batch_size=100))
        assert await asyncio.to_thread(sandbox.wait_for, effects=500)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    before = len(sandbox.ledger)
    journal.campaign(None).release()
    recorded = frame.nxsms.recorded(sandbox.client, journal=journal)
    assert counts(recorded) == {"Success": before, "Unsent": 5000 - before}
    assert counts(frame.nxsms.send(sandbox.client, journal=journal)) == {"Success": 5000}
    assert no_double(sandbox)


def test_a_timeout_around_asend_is_a_cancellation(make):
    """asyncio.timeout works as for anything that is awaited."""
    sandbox = make(latency=0.05)

    async def limited():
        async with asyncio.timeout(0.5):
            await people(100_000).nxsms.asend(sandbox.client, concurrency=1, batch_size=20)

    with pytest.raises(TimeoutError):
        asyncio.run(limited())
    assert len(sandbox.ledger) < 100_000
    sandbox.client.journal.campaign(None).release()


KERNEL = """
import sys
import pandas as pd, nxsms_nb as nx
keys = dict(access_key=sys.argv[3], access_secret=sys.argv[4], app_key=sys.argv[5])
client = nx.Client(base_url=sys.argv[2], **keys)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(300)], "content": "Your order is ready"})
try:
    print(df.nxsms.send(client, journal=sys.argv[1], campaign=sys.argv[6])["status"].unique().tolist())
except nx.CampaignBusy as busy:
    print(busy)
"""


def test_of_two_kernels_on_one_campaign_the_second_is_refused(sandbox, journal, path):
    """Another process is told which process is at work; with another campaign it goes ahead beside it."""
    sandbox.hold()
    run = people(300).nxsms.start(sandbox.client, journal=journal, campaign="spring")
    assert sandbox.wait_for(requests=1)
    keys = (sandbox.url, sandbox.access_key, sandbox.access_secret, sandbox.app_key)

    def kernel(campaign):
        command = [sys.executable, "-c", KERNEL, path, *keys, campaign]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    refused, beside = kernel("spring"), kernel("autumn")
    output, errors = refused.communicate(timeout=60)
    assert "campaign 'spring' is in progress since" in output, errors
    assert f"in process {os.getpid()}. Nothing was sent." in output
    assert sandbox.wait_for(requests=2)
    assert not run.done
    sandbox.release()
    output, errors = beside.communicate(timeout=60)
    assert output == "['Success']\n", errors
    assert counts(run.wait()) == {"Success": 300}
    with pytest.warns(nx.AlreadySentWarning):
        people(300).nxsms.send(sandbox.client, journal=path, campaign="spring")
    assert len(sandbox.ledger) == 600
    assert no_double(sandbox)


AT_THE_END = """
import os, signal, sys, threading
import pandas as pd, nxsms_nb as nx
sandbox = nx.Sandbox(seed=7)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(3)], "content": "Hi"})
noticed = threading.Event()

def handler(*_):
    noticed.set()
    raise KeyboardInterrupt

class StopsAtTheEnd:
    def update(self, snapshot):
        pass
    def close(self, snapshot):
        os.kill(os.getpid(), signal.SIGINT)
        noticed.wait(10)

signal.signal(signal.SIGINT, handler)
try:
    df.nxsms.send(sandbox.client, journal=sys.argv[1], progress=StopsAtTheEnd())
except nx.Interrupted as stopped:
    print(stopped.frame["status"].tolist(), stopped.reason)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_an_interrupt_is_not_lost_when_the_run_has_just_ended(path):
    """Everything was sent; that the person pressed stop still keeps the next cell from running."""
    finished = subprocess.run(
        [sys.executable, "-c", AT_THE_END, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert (
        finished.stdout.splitlines()[-1]
        == "['Success', 'Success', 'Success'] Stopped by you after every row had its outcome"
    )
