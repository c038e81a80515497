"""Calls that begin at the same moment in several processes: none sends what another sends, and all go on afterwards.

``NXSMS_PAIRS`` sets how often each pair of calls is made, ``NXSMS_HISTORIES`` how many random histories are.
"""

from __future__ import annotations

import os
import random
import sys
from itertools import combinations_with_replacement, count

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Sandbox
from tests.support.together import Team, client_of, make

pytestmark = [pytest.mark.any_pandas, pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")]

PAIRS = int(os.environ.get("NXSMS_PAIRS", "1"))
HISTORIES = int(os.environ.get("NXSMS_HISTORIES", "2"))
STEPS = 12
OPTIONS = {"campaign": "spring", "key": "order"}
_numbers = count(100_000_000, 1000)


@pytest.fixture(name="sandbox", scope="module")
def _sandbox():
    with Sandbox(seed=7, latency=0.004, hourly_limit=None) as sandbox:
        yield sandbox


@pytest.fixture(name="team", scope="module")
def _team(sandbox):
    team = Team(3, sandbox.url, keys_of(sandbox))
    yield team
    team.close()


def keys_of(sandbox):
    return {name: getattr(sandbox.client, name) for name in ("access_key", "access_secret", "app_key", "app_secret")}


def people(rows, content, **columns):
    """People whom nobody else in this file has, and whose text is theirs alone."""
    first = next(_numbers)
    phones = [f"8615{first + row:09d}" for row in range(rows)]
    return pd.DataFrame({"phone": phones, "content": content, "order": range(first, first + rows)}).assign(**columns)


def never_reached(frame, client, **options):
    """Rows of a run that was stopped before it came to them: no journal knows them."""
    ids = frame.nxsms.plan(client, **options).frame["messageid"]
    rest = frame.assign(messageid=ids, status="Unsent", code=None, reason="stopped", batch=None, attempts=0)
    return rest.assign(sent_at=pd.NaT, latency_ms=float("nan"))


class Scene:
    """A journal with a campaign cut short, doubts and refusals, and the calls that may go on with it."""

    def __init__(self, sandbox, journal):
        client = client_of(sandbox.url, keys_of(sandbox))
        given = {"journal": journal, "progress": "silent", "batch_size": 5, "concurrency": 2}
        self.sandbox, self.journal, self.client = sandbox, journal, client
        cut, rest, unnamed = people(20, "cut"), people(20, "rest"), people(20, "unnamed")
        lost, own = people(5, "lost"), people(10, "own")
        own["sys_message_id"] = "order-" + own["order"].astype(str)
        self.all = pd.concat([cut, rest, unnamed, own])
        sandbox.faults = ["ok", "lost"]
        doubtful = pd.concat([people(1, "ok"), lost]).nxsms.send(client, **OPTIONS, **given | {"concurrency": 1})
        sandbox.faults = None
        sandbox.balance, sandbox.balance_per = 5, "item"
        with pytest.raises(nx.AccountRefused) as stopped:
            cut.nxsms.send(client, **OPTIONS, **given)
        sandbox.balance, sandbox.failures = None, {13009: 1.0}
        refused = own.nxsms.send(client, campaign="first", **given)
        sandbox.failures = None
        more = pd.concat([own, people(1, "own too").assign(sys_message_id=f"order-{next(_numbers)}")])
        whole = pd.concat([cut, rest])
        self.calls = {
            "send": {"verb": "send", "frame": whole, "given": OPTIONS},
            "send unnamed": {"verb": "send", "frame": unnamed},
            "send own ids": {"verb": "send", "frame": more, "given": {"campaign": "second"}},
            "stream": {"verb": "send_stream", "frame": whole, "given": OPTIONS},
            "retry": {"verb": "retry", "frame": stopped.value.frame},
            "retry without a home": {"verb": "retry", "frame": never_reached(rest, client, **OPTIONS)},
            "retry unnamed": {"verb": "retry", "frame": never_reached(unnamed, client)},
            "retry own ids": {"verb": "retry", "frame": refused, "given": {"codes": 13009}},
            "reconcile": {"verb": "reconcile", "frame": doubtful, "given": {"absent": "Unsent"}},
        }

    def check(self):
        """Nobody has a text twice."""
        ledger = self.sandbox.ledger
        assert not ledger.duplicated(["phone", "content"]).any()
        assert (self.sandbox.effects() <= 1).all()

    def finish(self):
        """Everything goes on, and everybody has the text once."""
        for name, call in self.calls.items():
            end, said = make(call, self.client, self.journal)
            assert end == "done", (name, said)
        self.check()
        assert set(self.all["phone"]) <= set(self.sandbox.ledger["phone"])


NAMES = [
    *("send", "send unnamed", "send own ids", "stream", "retry", "retry without a home", "retry unnamed"),
    *("retry own ids", "reconcile"),
]


@pytest.mark.parametrize("pair", [*combinations_with_replacement(NAMES, 2)], ids=" and ".join)
def test_two_calls_at_the_same_moment_send_nothing_twice(sandbox, team, tmp_path, pair):
    """One of two that may concern the same rows is refused by name, whichever comes first; afterwards both go through."""
    for time in range(PAIRS):
        scene = Scene(sandbox, tmp_path / f"{time}.sqlite3")
        ends = team.make(scene.journal, *(scene.calls[name] for name in pair))
        assert {end for end, _ in ends} <= {"done", "busy"}, ends
        assert "done" in {end for end, _ in ends}, ends
        assert all("in progress since" in said or "is starting" in said for end, said in ends if end == "busy")
        scene.check()
        scene.finish()


def _task(chance, scene, frames):
    """A call that somebody may make next: of any kind, on a frame of any age, cut short or killed."""
    call = dict(chance.choice(list(scene.calls.values())))
    if chance.random() < 0.6 and frames:
        call["frame"] = chance.choice(frames)
        call["verb"] = chance.choice(["retry", "reconcile", "retry"])
        call["given"] = {"codes": 13009} if call["verb"] == "retry" else {"absent": "Unsent"}
        if call["verb"] == "reconcile" and chance.random() < 0.5:
            call["frame"] = call["frame"].assign(sent_at=call["frame"]["sent_at"] - pd.Timedelta(hours=8))
    if chance.random() < 0.3:
        call["frame"] = call["frame"].sample(frac=chance.uniform(0.3, 1), random_state=chance.randrange(1000))
    if chance.random() < 0.2:
        wrong = call["frame"]["order"] % 7 == 0
        call["frame"] = call["frame"].assign(
            phone=call["frame"]["phone"].where(~wrong, call["frame"]["phone"].str.replace("8615", "8613", n=1))
        )
    cut = chance.random()
    if cut < 0.15:
        call["kill_s"] = chance.uniform(0.005, 0.06)
    elif cut < 0.4 and call["verb"] == "send":
        call["stop_s"] = chance.uniform(0.0, 0.03)
    return call


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_random_history_of_three_processes_sends_nothing_twice(sandbox, team, tmp_path, seed):
    """Sends, retries, streams and settlements on frames of any age, corrected, stopped and killed: the ledger holds."""
    chance = random.Random(seed)
    scene, frames = Scene(sandbox, tmp_path / "journal.sqlite3"), []
    for _ in range(STEPS):
        sandbox.faults = chance.choice([None, {"lost": 0.2}, {"close_before": 0.2, "close_after": 0.2}])
        sandbox.failures = chance.choice([None, None, {13009: 0.3}])
        ends = team.make(scene.journal, *(_task(chance, scene, frames) for _ in range(3)))
        assert {end for end, _ in ends} <= {"done", "busy", "refused", "killed"}, ends
        frames += [said for end, said in ends if end == "done" and isinstance(said, pd.DataFrame) and len(said)]
        scene.check()
    sandbox.faults = sandbox.failures = None
    for call in scene.calls.values():
        end, said = make(call, scene.client, scene.journal)
        assert end != "busy", said
    scene.check()
