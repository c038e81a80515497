"""Interrupts at every line of the main thread's way through a call, and by timer signals at random moments.

``python -m tests.support.interrupts`` prints the table; ``python -m tests.support.interrupts lines send`` and ``signals send --times 200``
are the single processes of it, which end with an error at the first thing that is wrong. With ``--postgres`` the journal is a
database.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import io
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import CodeType
from typing import Any

import pandas as pd

import nxsms_nb as nx
from tests.support.postgres import Server

ROWS = 120
HUNG_S = 60
WITHIN_S = 0.03


def people(first: int) -> pd.DataFrame:
    """Make a frame of people whom no other frame has, who all get the same text."""
    phones = [str(8615000000000 + first + n) for n in range(ROWS)]
    return pd.DataFrame({"phone": phones, "content": "Your order is ready"})


class Scene:
    """A gateway, a journal, and a call of one verb, anew for each interrupt.

    Parameters
    ----------
    journal : Path or str
        The journal's file, or the URL of its database.
    """

    verb = ""

    def __init__(self, journal: Path | str) -> None:
        self.sandbox = nx.Sandbox(seed=7, latency=0.004)
        self.client = self.sandbox.client
        self.options: dict[str, Any] = {"journal": journal, "campaign": "spring"}
        self.sending = {**self.options, "batch_size": 20, "concurrency": 2, "progress": "silent"}
        self.first = 0

    def anew(self) -> None:
        """Prepare the next call."""
        self.sandbox.reset()
        # The gateway's connections of earlier calls: Python loses an interrupt that comes in the callbacks of garbage.
        gc.collect()
        self.frame = people(self.first)
        self.first += ROWS

    def act(self) -> Any:
        """Do what is interrupted."""
        raise NotImplementedError

    def again(self) -> pd.DataFrame:
        """Run the cell again."""
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", nx.AlreadySentWarning)
            return self.act()

    def check(self, *, hurried: bool = False) -> None:
        """Nothing goes on, the campaign is free, and the cell run again sends to everybody once.

        After more than one interrupt what was in flight is not awaited: it may arrive later, and is in doubt.
        """
        sent = len(self.sandbox.ledger)
        nx.Journal(self.options["journal"]).campaign(self.options["campaign"]).release()
        assert hurried or len(self.sandbox.ledger) == sent, "it went on behind the error"
        frame = self.again()
        assert len(frame) == ROWS
        allowed = {"Success", "Unknown"} if hurried else {"Success"}
        assert set(frame["status"]) <= allowed, frame["status"].value_counts()
        assert self.sandbox.effects().max() == 1, "sent twice"
        assert hurried or len(self.sandbox.ledger) == ROWS


class Send(Scene):
    """A blocking send."""

    verb = "send"

    def act(self) -> pd.DataFrame:
        return self.frame.nxsms.send(self.client, **self.sending)


class Start(Scene):
    """A run in the background that is awaited at once."""

    verb = "start"

    def act(self) -> pd.DataFrame:
        return self.frame.nxsms.start(self.client, **self.sending).wait()


class Retry(Scene):
    """A retry of rows that an account's refusal left unsent."""

    verb = "retry"

    def anew(self) -> None:
        super().anew()
        self.sandbox.refuse = 1102
        try:
            self.frame.nxsms.send(self.client, **self.sending)
        except nx.AccountRefused as refused:
            self.frame = refused.frame
        self.sandbox.refuse = None

    def act(self) -> pd.DataFrame:
        return self.frame.nxsms.retry(self.client, **self.sending)


class Reconcile(Scene):
    """A reconcile of rows whose replies were lost."""

    verb = "reconcile"

    def anew(self) -> None:
        super().anew()
        self.sandbox.faults = {"lost": 1.0}
        self.frame = self.frame.nxsms.send(self.client, **{**self.sending, "batch_size": ROWS})
        self.sandbox.faults = None

    def act(self) -> pd.DataFrame:
        return self.frame.nxsms.reconcile(self.client, **self.options)


class Receipts(Reconcile):
    """Receipts of rows whose replies were lost, which prove them accepted."""

    verb = "receipts"

    def act(self) -> pd.DataFrame:
        return self.frame.nxsms.receipts(self.client, **self.options)

    def again(self) -> pd.DataFrame:
        frame = super().again()
        assert frame["dr"].notna().all(), "receipts are missing"
        assert (frame["status"] == "Success").all()
        return frame


class Stream(Scene):
    """A stream of three chunks."""

    verb = "stream"

    def act(self) -> pd.DataFrame:
        chunks = (self.frame.iloc[start : start + ROWS // 3] for start in range(0, ROWS, ROWS // 3))
        return pd.concat([sent for sent in nx.send_stream(chunks, self.client, **self.sending)])  # noqa: C416


SCENES: dict[str, type[Scene]] = {scene.verb: scene for scene in (Send, Start, Retry, Reconcile, Receipts, Stream)}


def at_line(nth: int, act: Callable[[], Any], passes: float = math.inf) -> bool:
    """Do something, and raise KeyboardInterrupt at the nth line of the package in this thread; whether it came to that.

    Of a line that is passed again and again, only so many passes count.
    """
    left = nth
    passed: Counter[tuple[CodeType, int]] = Counter()

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_globals.get("__name__", "").partition(".")[0] != "nxsms_nb":
            return None
        if event == "line":
            line = frame.f_code, frame.f_lineno
            passed[line] += 1
            left -= passed[line] <= passes
            if left == 0 and passed[line] <= passes:
                raise KeyboardInterrupt
        return trace

    raised = False
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        raised = True
    finally:
        sys.settrace(None)
    assert raised == (left <= 0), "an interrupt was lost"
    return raised


def lines(scene: Scene, passes: float) -> Counter[str]:
    """Interrupt a call at each line of its way, one after the other, until it comes through without."""
    counts: Counter[str] = Counter()
    while True:
        faulthandler.dump_traceback_later(HUNG_S, exit=True)
        scene.anew()
        counts["interrupts"] += 1
        if not at_line(counts["interrupts"], scene.act, passes):
            return counts
        scene.check()


class Signals:
    """Timer signals that raise KeyboardInterrupt at random moments.

    Parameters
    ----------
    rng : random.Random
        Draws the moments.
    within : float
        Seconds in which the first one comes.
    """

    def __init__(self, rng: random.Random, within: float) -> None:
        self._rng = rng
        self._within = within
        self._left = 0
        self.struck = 0
        self.armed = False
        signal.signal(signal.SIGALRM, self._strike)

    def arm(self, times: int) -> None:
        """Let so many come, the first within that time, the others soon after."""
        self._left, self.struck, self.armed = times, 0, True
        signal.setitimer(signal.ITIMER_REAL, self._rng.uniform(1e-5, self._within))

    def disarm(self) -> None:
        """Let none come any more."""
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._strike)
        self.armed = False

    def _strike(self, *_: Any) -> None:
        self.struck += 1
        self._left -= 1
        if self._left > 0:
            signal.setitimer(signal.ITIMER_REAL, self._rng.uniform(1e-5, self._within / 3))
        raise KeyboardInterrupt


def by_signals(scene: Scene, times: int, seed: int, most: int, within: float) -> Counter[str]:
    """Interrupt a call at random moments, so many times, by up to `most` signals each."""
    rng = random.Random(seed)
    signals, counts = Signals(rng, within), Counter[str]()
    lost: list[str] = []
    sys.unraisablehook = lambda raised: lost.append(str(raised.object))
    for _ in range(times):
        faulthandler.dump_traceback_later(HUNG_S, exit=True)
        scene.anew()
        raised = returned = False
        try:
            try:
                signals.arm(rng.randint(1, most))
                scene.act()
                returned = not signals.struck
            finally:
                # One that comes in the disarming would leave the others to the cell that is run again.
                while signals.armed:
                    with contextlib.suppress(KeyboardInterrupt):
                        signals.disarm()
        except KeyboardInterrupt:
            raised = True
        counts["calls"] += 1
        counts["interrupted"] += raised
        assert raised or returned, "an interrupt was lost"
        assert not lost, lost
        if raised:
            scene.check(hurried=signals.struck > 1)
    return counts


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", nargs="?", choices=("lines", "signals"))
    parser.add_argument("verb", nargs="?", choices=sorted(SCENES))
    parser.add_argument(
        "--passes", type=float, default=math.inf, help="of a line that is passed often, how many passes are interrupted"
    )
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=1)
    parser.add_argument("--within", type=float, default=WITHIN_S, help="seconds in which the first signal comes")
    parser.add_argument("--postgres", action="store_true", help="with the journal in PostgreSQL")
    asked = parser.parse_args()
    if asked.how is None:
        table(asked.times, ["--within", str(asked.within), *(["--postgres"] if asked.postgres else [])])
        return
    # In memory, where there is such a place: each of some thousand runs waits for the disk several times.
    memory = "/dev/shm"  # noqa: S108  a folder of its own is made in it
    with ExitStack() as stack:
        journal: Path | str
        if asked.postgres:
            journal = stack.enter_context(Server()).database()
        else:
            folder = tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None)  # noqa: PTH112
            journal = Path(stack.enter_context(folder), "journal.sqlite3")
        scene = SCENES[asked.verb](journal)
        # Each call is preceded by a collection, which need not look at the modules again.
        gc.freeze()
        counts = (
            lines(scene, asked.passes)
            if asked.how == "lines"
            else by_signals(scene, asked.times, asked.seed, asked.most, asked.within)
        )
    sys.stdout.write(f"{json.dumps(counts)}\n")


def table(times: int, more: list[str], batch: int = 100) -> None:
    """Print the outcome of interrupts at each line, and of so many timer signals for each verb."""
    sys.stdout.write("| verb | at each line | by signals | of these during the call | processes with a fault |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for verb in SCENES:
        totals: Counter[str] = Counter()
        wrong = 0
        commands = [["lines", verb]]
        commands += [
            ["signals", verb, "--times", str(batch), "--seed", str(n), "--most", str(1 + n % 3)]
            for n in range(times // batch)
        ]
        for command in commands:
            done = subprocess.run(
                [sys.executable, "-m", "tests.support.interrupts", *command, *more],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                wrong += 1
                sys.stderr.write(f"{command}\n{done.stderr[-3000:]}\n")
            else:
                totals.update(json.loads(done.stdout.splitlines()[-1]))
        cells = [verb, totals["interrupts"] - 1, f"{totals['calls']:,}", f"{totals['interrupted']:,}", wrong]
        sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
