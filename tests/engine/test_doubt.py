"""Whatever surprises the judging of a request is doubt: an unknown verdict, an error in it, modules reloaded during a run."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

import nxsms_nb
from nxsms_nb.engine.batches import BatchQueue
from nxsms_nb.engine.outcomes import REFUSED, Disposition, Verdict, classify
from nxsms_nb.engine.policy import Policy
from nxsms_nb.engine.rate import AdaptiveRate
from nxsms_nb.engine.state import Limits, Memory, RunState
from nxsms_nb.engine.transport import PostResult
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT
from nxsms_nb.wire.replies import Item, Reply
from tests.support.ledgercheck import client_of

pytestmark = pytest.mark.any_pandas

ROWS = 8


@pytest.fixture(name="queue")
def _queue():
    text = pa.large_string()
    fields = {
        "phone": pa.array([f"8615{row:09d}" for row in range(ROWS)], text),
        "content": pa.array(["Hi"] * ROWS, text),
    }
    return BatchQueue(
        fields, pa.array([f"n1{row:032x}" for row in range(ROWS)], text), pa.array(range(ROWS)).to_numpy()
    )


class Applied:
    """The policy of a run and what it did to one request."""

    def __init__(self, queue, verdict, **result):
        asyncio.run(self._draw(queue, verdict, PostResult(left=True, status=200, **result)))

    async def _draw(self, queue, verdict, result):
        self.state, self.memory = RunState(), Memory()
        policy = Policy(
            queue,
            AdaptiveRate(),
            Limits(),
            quotes=lambda _: [],
            state=self.state,
            memory=self.memory,
            client=client_of("http://127.0.0.1:9"),
        )
        batch = queue.take(lambda: ROWS, 0.0)
        self.outcome = policy.apply(batch, verdict, result, 0.0)
        self.first = policy.learn(verdict)
        self.counts = policy.counts
        self.waiting = queue.waiting()


ODD_REPLY = Reply(0, "", [Item(accepted="yes")] * ROWS)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("a disposition of a later version"),
        Verdict(None),
        Verdict(3),
        Verdict(Disposition, code=9000),
        Verdict(Disposition.JUDGED, None),
        Verdict(Disposition.JUDGED, Reply(0, "", None)),
        Verdict(Disposition.JUDGED, Reply(0, "", [Item(accepted=True)] * (ROWS - 1), all_accepted=True)),
        Verdict(Disposition.JUDGED, Reply(0, "", [Item(accepted=True)] * (ROWS + 1), all_accepted=True)),
        Verdict(Disposition.JUDGED, Reply(0, "", [Item(accepted=False, text=7)] * ROWS)),
        Verdict(Disposition.JUDGED, Reply(0, "", ["Success"] * ROWS)),
        None,
        "accepted",
    ],
    ids=repr,
)
def test_a_verdict_that_the_policy_does_not_know_is_doubt(queue, verdict):
    """Its rows are Unknown and wait for nothing, the doubt is counted, and nothing is taken for understood."""
    policy = Applied(queue, verdict)
    assert policy.outcome.status == UNKNOWN
    assert not policy.outcome.exceptions
    assert policy.waiting == []
    assert policy.counts == Counter({UNKNOWN: ROWS})
    assert policy.memory.counts == Counter({UNKNOWN: ROWS})
    assert policy.memory.doubts == 1
    assert not policy.first
    assert not policy.memory.understood


def test_an_item_that_neither_accepts_nor_refuses_is_in_doubt(queue):
    """A row is Success or Failure only where its item says exactly that."""
    policy = Applied(queue, Verdict(Disposition.JUDGED, ODD_REPLY))
    assert [other.status for other in policy.outcome.exceptions] == [UNKNOWN] * ROWS
    assert policy.memory.doubts == 1


@pytest.mark.parametrize("disposition", Disposition)
def test_a_disposition_counts_by_its_value(queue, disposition):
    """The value of a disposition decides, whichever class or module it comes from."""
    accepted = Reply(0, "", [Item(accepted=True)] * ROWS, all_accepted=True)
    mine = Applied(queue, Verdict(str(disposition.value), accepted, 9000)).outcome
    fields = {"phone": pa.array(["8615000000000"] * ROWS), "content": pa.array(["Hi"] * ROWS)}
    again = BatchQueue(fields, pa.array([f"n1{row:032x}" for row in range(ROWS)]), pa.array(range(ROWS)).to_numpy())
    assert mine.status == Applied(again, Verdict(disposition, accepted, 9000)).outcome.status
    assert (mine.status == UNKNOWN) == (disposition == Disposition.DOUBT)
    assert mine.status in (SUCCESS, FAILURE, UNKNOWN, UNSENT)


def test_dispositions_are_distinguished_by_their_values():
    """No two dispositions are equal, and each documented refusal has one in which nothing was sent."""
    assert len({disposition.value for disposition in Disposition}) == len(Disposition)
    assert set(REFUSED.values()) == {
        Disposition.ACCOUNT,
        Disposition.HALVE,
        Disposition.CLOCK,
        Disposition.FLOW,
        Disposition.SIZE,
    }


@pytest.mark.parametrize(
    ("body", "words", "foreign"),
    [
        (b'{"code":0,"message":"Success","data":[{"pho', "the reply is not JSON", False),
        (b'{"code":NaN,"message":"Success","data":null}', "the reply is not JSON", False),
        (b"<html>It works</html>", "the reply is not JSON", True),
        (b'{"code":200,"msg":"ok","data":{}}', "", True),
        (b'{"code":-1,"message":"Failure","data":null}', "code -1: ", False),
        (b'{"code":4711,"message":"?","data":null}', "code 4711: not documented", True),
        (b'{"code":0,"message":"Success","data":null}', "code 0 without data", False),
    ],
)
def test_each_doubtful_reply_is_distinguished_from_another_services(body, words, foreign):
    """What is damaged, what is another service's and what the vendor leaves open are distinguished, and all are doubt."""
    verdict = classify(left=True, status=200, body=body, error="", ids=["a"])
    assert (verdict.disposition, verdict.foreign) == (Disposition.DOUBT, foreign)
    assert verdict.words.startswith(words)


@pytest.mark.parametrize(("garbled", "foreign"), [(True, True), (False, False)])
def test_what_is_not_http_suggests_another_service(garbled, foreign):
    """A request without a whole reply is in doubt; only what is not HTTP may be another service's."""
    verdict = classify(left=True, status=None, body=b"", error="", ids=["a"], garbled=garbled)
    assert (verdict.disposition, verdict.foreign) == (Disposition.DOUBT, foreign)


class Broken(list):
    """Ids that cannot be read."""

    def __iter__(self):
        raise RuntimeError("no ids")


def test_an_error_of_the_judging_is_doubt():
    """Whatever is raised while a reply is judged proves nothing about its rows."""
    verdict = classify(left=True, status=200, body=b'{"code":0,"message":"","data":[]}', error="", ids=Broken())
    assert (verdict.disposition, verdict.words) == (
        Disposition.DOUBT,
        "the reply could not be classified (RuntimeError)",
    )
    assert classify(left=True, status="200", body=None, error="", ids=["a"]).disposition == Disposition.DOUBT


RELOADING = """
import importlib, itertools, json, sys
import pandas as pd, nxsms_nb as nx
names = sys.argv[1].split(",")
import nxsms_nb.accessor  # everything a run uses is loaded
modules = itertools.cycle(sys.modules[f"nxsms_nb.{name}"] for name in ("engine.outcomes", "engine.policy", "engine.sender", *names))
frame = pd.DataFrame({"phone": [f"86150888{row:05d}" for row in range(300)], "content": "Hi"})
faults = {"9000": 0.1, "http_502_after": 0.02, "http_502_before": 0.02, "13010": 0.02, "contradicting": 0.05}
reloads, statuses = 0, []
with nx.Sandbox(seed=5, latency=0.02, faults=faults) as sandbox:
    for cell in range(3):
        run = frame.nxsms.start(sandbox.client, batch_size=8, concurrency=4, progress="silent")
        while cell == 0 and not run.done:
            importlib.reload(next(modules))
            reloads += 1
        out = run.wait()
        accepted = set(sandbox.ledger["messageid"])
        wrong = [(one, status) for one, status in zip(out["messageid"], out["status"])
                 if status != "Unknown" and (one in accepted) != (status == "Success")]
        statuses.append(out["status"].value_counts().to_dict())
    print(json.dumps({"reloads": reloads, "most": int(sandbox.effects().max()), "wrong": wrong, "statuses": statuses}))
"""


@pytest.mark.parametrize(
    "names",
    [
        "engine.outcomes",
        "wire.replies,wire.codes",
        "results.table,errors,engine.state,engine.transport,engine.batches,engine.rate",
    ],
)
def test_modules_that_are_reloaded_during_a_run_send_nothing_twice(names):
    """As autoreload does after an update: the frame agrees with the ledger, in that run and in those after it."""
    done = subprocess.run(
        [sys.executable, "-c", RELOADING, names], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["reloads"] > 3
    assert found["most"] == 1
    assert found["wrong"] == []
    assert found["statuses"][-1]["Success"] > 200


AUTORELOADING = """
import os, pathlib, sys, time
from IPython.core.interactiveshell import InteractiveShell
package = pathlib.Path(sys.argv[1], "nxsms_nb")
names = sys.argv[2].split(",")
sys.path.insert(0, sys.argv[1])
shell = InteractiveShell.instance()
shell.run_cell("%load_ext autoreload\\n%autoreload 2").raise_error()
shell.run_cell('''
import json
import pandas as pd, nxsms_nb as nx
frame = pd.DataFrame({"phone": [f"86150888{row:05d}" for row in range(400)], "content": "Hi"})
faults = {"9000": 0.1, "http_502_after": 0.02, "13010": 0.02, "contradicting": 0.05}
sandbox = nx.Sandbox(seed=5, latency=0.05, faults=faults)
run = frame.nxsms.start(sandbox.client, batch_size=8, concurrency=4, progress="silent")
''').raise_error()
# Twice, as a person edits, with requests in flight: while a module is loaded anew it has no names at all, and the run's
# thread may look for one.
for reloads in (1, 2):
    shell.run_cell(f"assert sandbox.wait_for(requests={6 * reloads}, timeout=60); sandbox.hold()").raise_error()
    for name in names:
        path = package.joinpath(*name.split(".")).with_suffix(".py")
        path.write_text(path.read_text() + "\\n")
        os.utime(path, (time.time() + reloads + 5,) * 2)
    shell.run_cell("done = run.done").raise_error()
    assert not shell.user_ns["done"]
    shell.run_cell("sandbox.release()").raise_error()
shell.run_cell('''
out = run.wait()
again = frame.nxsms.send(sandbox.client, batch_size=8, progress="silent")
accepted = set(sandbox.ledger["messageid"])
wrong = [(one, status) for one, status in zip(out["messageid"], out["status"])
         if status != "Unknown" and (one in accepted) != (status == "Success")]
found = {"most": int(sandbox.effects().max()), "wrong": wrong, "statuses": [again["status"].value_counts().to_dict()]}
sandbox.close()
''').raise_error()
print(shell.user_ns["json"].dumps(shell.user_ns["found"] | {"reloads": reloads}))
"""


@pytest.mark.parametrize(
    "names",
    [
        "engine.outcomes,engine.policy,wire.replies,wire.codes,engine.sender",
        "errors,results.table,engine.state,engine.transport,engine.batches,engine.rate,engine.run,journal.blocks,wire.items",
    ],
)
def test_autoreload_during_a_run_sends_nothing_twice(tmp_path, names):
    """IPython's autoreload changes the classes of objects that are in use: the run ends, and agrees with the ledger."""
    shutil.copytree(Path(nxsms_nb.__file__).parent, tmp_path / "nxsms_nb")
    command = [sys.executable, "-W", "ignore", "-c", AUTORELOADING, str(tmp_path), names]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"IPYTHONDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["reloads"] == 2
    assert found["most"] == 1
    assert found["wrong"] == []
    assert found["statuses"][-1]["Success"] > 300
