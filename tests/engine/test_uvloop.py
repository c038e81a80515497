"""Programs whose event loops are uvloop's."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.any_pandas

pytest.importorskip("uvloop", reason="uvloop does not run on Windows")

PROGRAM = """
import asyncio, faulthandler, sys, warnings
import pandas as pd
import uvloop
import nxsms_nb as nx

faulthandler.dump_traceback_later(60, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)
uvloop.install()
sandbox = nx.Sandbox(seed=7, latency=0.003)
df = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(2000)], "content": "Hi"})

def sent(frame):
    print(frame["status"].astype(str).value_counts().to_dict(), len(sandbox.ledger), sandbox.effects().max())

"""

WAYS = {
    "send": "sent(df.nxsms.send(sandbox.client))",
    "asend": "sent(uvloop.run(df.nxsms.asend(sandbox.client)) if hasattr(uvloop, 'run') else asyncio.run(df.nxsms.asend(sandbox.client)))",
    "send in a coroutine": """
async def cell():
    return df.nxsms.send(sandbox.client)
sent(asyncio.run(cell()))
""",
    "start": "sent(df.nxsms.start(sandbox.client).wait())",
    "stream": """
chunks = (df.iloc[start : start + 500] for start in range(0, 2000, 500))
sent(pd.concat(nx.send_stream(chunks, sandbox.client, campaign="spring")))
""",
    "retry": """
sandbox.refuse = 1102
try:
    df.nxsms.send(sandbox.client)
except nx.AccountRefused as refused:
    frame = refused.frame
sandbox.refuse = None
sent(frame.nxsms.retry(sandbox.client))
""",
    "reconcile": """
sandbox.faults = ["lost"]
first = df.head(200)
frame = first.nxsms.send(sandbox.client)
assert (frame["status"] == "Unknown").all()
sent(pd.concat([frame.nxsms.reconcile(sandbox.client), df.iloc[200:].nxsms.send(sandbox.client)]))
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_does_not_depend_on_the_policy_of_the_programs_loops(way):
    """With uvloop's policy installed every row is decided, once."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM + WAYS[way]], capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "{'Success': 2000} 2000 1"


CANCELLED = """
async def cell():
    task = asyncio.create_task(df.nxsms.asend(sandbox.client, batch_size=20, concurrency=1))
    await asyncio.to_thread(sandbox.wait_for, requests=3)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        taken = len(sandbox.ledger)
        sandbox.client.journal.campaign(None).release()
        print(type(asyncio.get_running_loop()).__module__, 0 < taken < 2000)
asyncio.run(cell())
sent(df.nxsms.send(sandbox.client))
"""


def test_a_cancellation_in_a_loop_of_uvloops_stops_the_run():
    """The run has ended when the cancellation is raised, and the same call sends the rest."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM + CANCELLED], capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    first, *_, last = finished.stdout.splitlines()
    assert first == "uvloop True"
    assert last == "{'Success': 2000} 2000 1"
