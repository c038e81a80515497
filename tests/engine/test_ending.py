"""Runs that something else than their own end puts an end to: the interpreter, a handler, a person who waits no longer."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import nxsms_nb as nx
from tests.engine.people import counts, no_double, people

pytestmark = pytest.mark.any_pandas

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")

PROGRAM = """
import faulthandler, os, signal, sys, threading
import pandas as pd
import nxsms_nb as nx

faulthandler.dump_traceback_later(90, exit=True)
path = sys.argv[1]
sandbox = nx.Sandbox(seed=7, latency=0.02)
client = sandbox.client
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(2000)], "content": "Hi"})
slow = dict(journal=path, batch_size=20, concurrency=2, progress="silent")
"""


def output_of(path, program, code=0):
    """Run a program with a gateway, a frame and a journal; what it prints, without the news of a new journal."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program, path], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == code, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("New journal")]


def test_a_run_in_the_background_ends_with_the_interpreter(path):
    """The program has come to its last line: nothing more leaves, and what is in flight gets its outcome and an end."""
    assert output_of(path, "run = df.nxsms.start(client, **slow)\nsandbox.wait_for(effects=100)") == []
    (run,) = nx.Journal(path).runs().itertuples()
    assert run.stopped == "stopped by you"
    (campaign,) = nx.Journal(path).campaigns().itertuples()
    assert 100 <= campaign.Success < 2000
    assert campaign.Unknown == 0


HANDLED = """
class Alarm(Exception):
    pass

def ring(*_):
    raise {error}

signal.signal(signal.SIGTERM, ring)
threading.Thread(target=lambda: sandbox.wait_for(effects=100) and os.kill(os.getpid(), signal.SIGTERM), daemon=True).start()
try:
    df.nxsms.{verb}(client, **slow){wait}
except (Alarm, SystemExit, TimeoutError) as error:
    sent = len(sandbox.ledger)
    print(type(error).__name__, sent < 2000)
nx.Journal(path).campaign(None).release()
print(len(sandbox.ledger) == sent)
print(sorted(df.nxsms.send(client, **slow)["status"].unique()), sandbox.effects().max())
"""


@posix
@pytest.mark.parametrize(("verb", "wait"), [("send", ""), ("start", ".wait()")])
@pytest.mark.parametrize("error", ["Alarm", "SystemExit", "TimeoutError"])
def test_whatever_a_handler_raises_stops_the_run(path, verb, wait, error):
    """A time limit by alarm, or an end by SIGTERM: the run is stopped, and the error is raised as it is."""
    first, second, *_, last = output_of(path, HANDLED.format(verb=verb, wait=wait, error=error))
    assert first == f"{error} True"
    assert second == "True"
    assert last == "['Success'] 1"


SILENT = """
import socket
sandbox.faults = ["lost"]
frame = df.head(20).nxsms.send(client, **slow)
assert (frame["status"] == "Unknown").all()
listening = socket.create_server(("127.0.0.1", 0))

def never_answer():
    kept = [listening.accept()]
    kept[0][0].recv(1)
    os.kill(os.getpid(), signal.SIGINT)
    kept.append(listening.accept())

threading.Thread(target=never_answer, daemon=True).start()
keys = dict(access_key=sandbox.access_key, access_secret=sandbox.access_secret)
keys |= dict(app_key=sandbox.app_key, app_secret=sandbox.app_secret)
mute = nx.Client(base_url=sandbox.url, query_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=3600, **keys)
try:
    frame.nxsms.reconcile(mute, journal=path)
except nx.Interrupted as stopped:
    print(stopped.frame["status"].unique().tolist())
nx.Journal(path).campaign(None).release()
print(frame.nxsms.reconcile(client, journal=path)["status"].unique().tolist())
"""


@posix
def test_a_reconcile_obeys_while_the_query_is_not_answered(path):
    """It does not wait for a reply that may never come; its rows stay in doubt, and the campaign is free."""
    assert output_of(path, SILENT) == ["['Unknown']", "['Success']"]


IN_THE_BODY = """
def chunks():
    yield from (df.iloc[start : start + 100] for start in range(0, 400, 100))

try:
    for sent in nx.send_stream(chunks(), client, campaign="spring", **slow):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print(len(sandbox.ledger))
for sent in nx.send_stream(chunks(), client, campaign="spring", **slow):
    break
print(len(sandbox.ledger))
print(sum(len(sent) for sent in nx.send_stream(chunks(), client, campaign="spring", **slow)), len(sandbox.ledger))
print(nx.Journal(path).runs()["stopped"].tolist())
"""


def test_a_stream_that_is_left_ends(path):
    """By an interrupt between chunks or a break, the campaign is free, and the same stream sends the rest."""
    lines = output_of(path, IN_THE_BODY)
    given_up = "the stream was abandoned before its end"
    assert [lines[0], lines[-2], lines[-1]] == ["100", "400 400", f"['{given_up}', '{given_up}', nan]"]


def test_many_runs_start_side_by_side(make, journal):
    """Threads that start runs of campaigns of their own do not disturb each other; of one campaign, one is let in."""
    sandbox, runs, refused = make(hourly_limit=None), {}, []

    def start(name):
        try:
            run = people(60).nxsms.start(sandbox.client, campaign=name, journal=journal, batch_size=10)
        except nx.CampaignBusy:
            refused.append(name)
        else:
            runs.setdefault(name, []).append(run)

    # No reply comes until every thread has had its answer: a run that ended would let its campaign's second thread in.
    sandbox.hold()
    names = [f"campaign {n % 8}" for n in range(16)]
    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sandbox.wait_for(requests=8, timeout=60)
    sandbox.release()
    assert {name: [counts(run.wait())["Success"] for run in started] for name, started in runs.items()} == {
        key: [60] for key in names
    }
    assert sorted(refused) == sorted(set(names))
    assert len(sandbox.ledger) == 8 * 60
    assert no_double(sandbox)


def test_a_second_cancellation_does_not_wait_for_replies(make):
    """Who cancels again does not want to wait: what was in flight is in doubt, and the campaign is free."""
    sandbox = make()
    sandbox.hold()
    frame = people(300)

    async def cancelled():
        task = asyncio.create_task(frame.nxsms.asend(sandbox.client, batch_size=100))
        assert await asyncio.to_thread(sandbox.wait_for, effects=100)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    sandbox.client.journal.campaign(None).release()
    assert counts(frame.nxsms.recorded(sandbox.client)) == {"Unknown": 100, "Unsent": 200}
    sandbox.release()


def test_an_observer_that_ends_the_interpreter_ends_nothing(sandbox):
    """SystemExit in its thread is its own, as any error is."""

    class Leaves:
        def update(self, snapshot):
            sys.exit(3)

        def close(self, snapshot):
            raise KeyboardInterrupt

    assert counts(people(300).nxsms.send(sandbox.client, progress=Leaves())) == {"Success": 300}


FORKED = """
import traceback
sandbox.hold()
journal = {journal}
run = df.nxsms.start(client, **{{**slow, "journal": journal}})
assert sandbox.wait_for(requests=1)
child = os.fork()
if not child:
    wrong = []
    # faulthandler waits for its thread, which is not there in a fork.
    signal.alarm(30)
    for act in (run.stop, run.wait, lambda: run.done, lambda: df.nxsms.send(client, journal=journal, progress="silent"),
                lambda: df.nxsms.send(client, journal=journal, campaign="child", progress="silent")):
        try:
            act()
            wrong.append(act)
        except (RuntimeError, nx.JournalError, nx.CampaignBusy) as error:
            pass
        except BaseException:
            traceback.print_exc()
            wrong.append(act)
    os._exit(len(wrong))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    nx.Journal.of(journal).campaign(None)
except nx.CampaignBusy:
    print("busy")
sandbox.release()
print(run.wait()["status"].unique().tolist(), len(sandbox.ledger), sandbox.effects().max())
nx.Journal.of(journal).campaign(None).release()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("journal", ["path", "nx.Journal.in_memory()"])
def test_a_fork_neither_waits_nor_sends_nor_frees_the_campaign(path, journal):
    """The run and its journal belong to the process that started it; the forked one learns so at once."""
    assert output_of(path, FORKED.format(journal=journal)) == ["0", "busy", "['Success'] 2000 1"]


FRESH = """
import faulthandler, random, signal, sys
faulthandler.dump_traceback_later(60, exit=True)
import pandas as pd
import nxsms_nb as nx

def ring(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, ring)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(100)], "content": "Hi"})
interrupted = False
try:
    signal.setitimer(signal.ITIMER_REAL, random.Random(int(sys.argv[2])).uniform(0.001, 1.0))
    sandbox = nx.Sandbox(seed=7, latency=0.02)
    df.nxsms.send(sandbox.client, journal=sys.argv[1], batch_size=10, concurrency=1, progress="silent")
    while True:
        pass
except KeyboardInterrupt:
    interrupted = True
assert interrupted
sandbox = globals().get("sandbox") or nx.Sandbox(seed=7)
nx.Journal(sys.argv[1]).campaign(None).release()
print(df.nxsms.send(sandbox.client, journal=sys.argv[1], progress="silent")["status"].unique().tolist(), sandbox.effects().max())
"""


@posix
@pytest.mark.parametrize("seed", range(4))
def test_an_interrupt_in_the_first_call_of_a_process_stops_it(path, seed):
    """Modules are loaded by then: it is raised, and the cell run again has whole modules and sends to everybody once."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH, path, str(seed)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['Success'] 1"
