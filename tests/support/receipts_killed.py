"""A receipt server killed while it takes receipts: what was answered ``success`` is in the journal.

``python -m tests.support.receipts_killed 200`` kills as often, at moments drawn anew each time, and prints what was counted.
Killing a process does not show a missing fsync, which the journal asks SQLite for with each commit.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from nxsms_nb import Journal, ReceiptServer
from nxsms_nb.screen import say

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SENDERS = 8

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["nxsms_nb.delivery.server", "pytest"])


class Round(NamedTuple):
    """One kill: the receipts that were answered success, those that got no answer, and those answered and lost."""

    answered: int
    without_answer: int
    lost: int


def serve(journal: Path, ready: Any) -> None:
    """Serve in a process of its own until it is killed."""
    server = ReceiptServer(token="kill", journal=journal)
    ready.send(server.url)
    server.join()


def killed_once(journal: Path, number: int, chance: random.Random) -> Round:
    """Start a server, push from several senders, kill it at a moment, and look for what it answered."""
    ready, other = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=serve, args=(journal, other))
    process.start()
    url = ready.recv()
    answered: list[str] = []
    unanswered: list[str] = []
    enough = threading.Event()
    threads = [
        threading.Thread(target=_push, args=(url, f"kill-{number:04d}-{sender}", answered, unanswered, enough))
        for sender in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    # Killed amid its work: after some answers, and at whatever moment follows.
    target = chance.randrange(1, 200)
    while len(answered) < target and process.is_alive():
        enough.wait(0.001)
    enough.wait(chance.random() * 0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    enough.set()
    for thread in threads:
        thread.join()
    found = set(Journal(journal).receipts_of(pa.array(answered, pa.large_string()), "UTC")["messageid"])
    return Round(len(answered), len(unanswered), len(set(answered) - found))


def _push(url: str, prefix: str, answered: list[str], unanswered: list[str], enough: threading.Event) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        number = 0
        while not enough.is_set():
            number += 1
            messageid = f"{prefix}-{number:06d}"
            body = f"messageid={messageid}&status=2&result=DELIVRD&drtime=2026-03-03+14%3A02%3A11&size=1"
            said = b""
            with suppress(OSError, http.client.HTTPException):
                connection.request("POST", f"/{path}", body, FORM)
                said = connection.getresponse().read()
            if said != b"success":
                unanswered.append(messageid)
                return
            answered.append(messageid)


def main(times: int) -> bool:
    """Kill so many times, print what was counted, and return whether nothing was lost."""
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.sqlite3"
        rounds = [killed_once(journal, number, chance) for number in range(times)]
        kept = len(Journal(journal).receipts())
    answered, without, lost = (sum(one[place] for one in rounds) for place in range(3))
    say(
        f"{times} kills: {answered:,} receipts answered success, {lost} of them lost; {without:,} without an answer, "
        f"{kept - answered:,} of them recorded all the same"
    )
    return lost == 0


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
