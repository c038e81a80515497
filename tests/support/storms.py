"""Faults and kills at random, run after run, until everything is settled; and what came of them.

``python -m tests.support.storms`` prints the figures for the README: ours, and the control's.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.support import control, storms_dask
from tests.support.acts import TEXTS
from tests.support.faultgateway import APP_SECRET, Conversation, FaultGateway, healthy, said
from tests.support.faults import FAULTS, Fault
from tests.support.killing import killed, start
from tests.support.ledgercheck import check, client_of, people, sent, wrong
from tests.support.postgres import Server

RUNS_AT_MOST = 200
BATCH = 5

SWIFT = [
    fault
    for fault in FAULTS
    if fault.first and not fault.on_accept and fault.timeout > 1 and not fault.name.startswith("9 MB")
]
"""The faults that take no time, and those a client may go on after."""


@dataclass
class Tally:
    """What was done to a client, and what came of it."""

    faults: int = 0
    kills: int = 0
    runs: int = 0
    rows: int = 0
    doubtful: int = 0
    settled: int = 0
    wrong: int = 0
    doubles: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def doubles(gateway: FaultGateway) -> int:
    """How many messages were sent again, each time counted."""
    return sum(n - 1 for n in gateway.effects().values())


def _at_random(rng: random.Random, faults: list[Fault], share: float) -> Any:
    async def act(it: Conversation) -> None:
        struck = rng.random() < share
        it.gateway.struck -= not struck
        await (rng.choice(faults).act if struck else healthy)(it)

    return act


def faulty(seed: int, directory: Path, *, rows: int = 200, share: float = 0.3) -> Tally:
    """Send a frame to a gateway that breaks at random, again and again until nothing is unsent."""
    rng, frame, journal = random.Random(seed), people(rows), directory / "journal.sqlite3"
    tally = Tally(rows=rows)
    with FaultGateway() as gateway, FaultGateway() as elsewhere:
        gateway.elsewhere = elsewhere.url
        gateway.strike(_at_random(rng, SWIFT, share), times=float("inf"))
        doubtful: set[str] = set()
        for run in range(RUNS_AT_MOST):
            if run == RUNS_AT_MOST - 1:
                gateway.heal()
            app_secret = rng.choice([None, APP_SECRET])
            options = {"concurrency": rng.choice([1, 2, 8]), "batch_size": rng.choice([1, BATCH, 40])}
            out, _ = sent(frame, client_of(gateway.url, app_secret=app_secret), journal, **options)
            gateway.quiet()
            check(frame, out, gateway)
            tally.runs += 1
            doubtful |= set(out["messageid"][(out["status"] == "Unknown").to_numpy()])
            if not (out["status"] == "Unsent").any():
                break
        gateway.heal()
        out, _ = sent(frame, client_of(gateway.url, app_secret=APP_SECRET), journal)
        check(frame, out, gateway)
        assert not elsewhere.requests
        after = out.set_index("messageid")["status"]
        tally.doubtful, tally.settled = len(doubtful), sum(after[messageid] == "Success" for messageid in doubtful)
        tally.faults, tally.doubles, tally.wrong = gateway.struck, doubles(gateway), len(wrong(out, gateway))
    return tally


def faulty_control(seed: int, directory: Path, *, rows: int = 200, share: float = 0.3) -> Tally:
    """The control against such a gateway."""
    with FaultGateway() as gateway, FaultGateway() as elsewhere:
        gateway.elsewhere = elsewhere.url
        gateway.strike(_at_random(random.Random(seed), SWIFT, share), times=float("inf"))
        control.send(people(rows), gateway.url, directory / "done", batch_size=BATCH)
        gateway.quiet()
        return Tally(faults=gateway.struck, runs=1, rows=rows, doubles=doubles(gateway))


async def moody(it: Conversation) -> None:
    """Accept most, and refuse some for the pace: rows leave again, with the id they had."""
    await it.body()
    carried = it.gateway.carried()
    late = [item for item in it.items if int(item["phone"]) % 7 == 0 and carried[item["sysMessageId"]] < 2]
    fine = [item for item in it.items if item not in late]
    it.accept(fine)
    await it.reply(data=said(fine) + said(late, "Failure", message=TEXTS[13008]))


def kills(
    seed: int, directory: Path, most: int, *, rows: int = 60, within: float = 0.2, server: Server | None = None
) -> Tally:
    """Kill the cell at random times until it has come to its end, or so often; with a server, its journal is a database."""
    rng, frame = random.Random(seed), people(rows)
    journal = directory / "journal.sqlite3" if server is None else server.database()
    tally, doubtful = Tally(rows=rows), set()
    with FaultGateway() as gateway:
        gateway.strike(moody, times=float("inf"))
        while tally.kills < most:
            secret = rng.choice([None, None, APP_SECRET])
            process = start(gateway.url, journal, rows, seconds=rng.uniform(0, within), app_secret=secret)
            through = not killed(process)
            gateway.quiet()
            tally.runs += 1
            tally.kills += not through
            known = frame.nxsms.recorded(client_of(gateway.url), journal=journal, duplicates="drop")
            check(frame, known, gateway)
            doubtful |= set(known["messageid"][(known["status"] == "Unknown").to_numpy()])
            if through:
                break
        gateway.heal()
        out, stopped = sent(frame, client_of(gateway.url, app_secret=APP_SECRET), journal, batch_size=BATCH)
        assert stopped is None
        check(frame, out, gateway)
        assert set(out["status"]) <= {"Success", "Unknown", "Invalid", "Skipped"}
        after = out.set_index("messageid")["status"]
        tally.doubtful, tally.settled = len(doubtful), sum(after[messageid] == "Success" for messageid in doubtful)
        tally.doubles, tally.wrong = doubles(gateway), len(wrong(out, gateway))
    return tally


def killed_control(seed: int, directory: Path, most: int, *, rows: int = 60, within: float = 0.05) -> Tally:
    """The control, killed at random times until it has come to its end, or so often."""
    rng, tally = random.Random(seed), Tally(rows=rows)
    with FaultGateway() as gateway:
        while tally.kills < most:
            process = start(gateway.url, directory / "done", rows, seconds=rng.uniform(0, within), controlled=True)
            through = not killed(process)
            gateway.quiet()
            tally.runs += 1
            tally.kills += not through
            if through:
                break
        tally.doubles = doubles(gateway)
    return tally


def _summed(storm: Any, faults: int, kills: int, **options: Any) -> Tally:
    total, seed = Tally(), 0
    while total.faults < faults or total.kills < kills:
        with tempfile.TemporaryDirectory() as directory:
            total += storm(seed, Path(directory), **options)
        seed += 1
    return total


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--faults", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--postgres", action="store_true", help="only kills, with the journal in PostgreSQL")
    parser.add_argument(
        "--dask", action="store_true", help="only kills, of the workers and of the caller of a Dask frame"
    )
    asked = parser.parse_args()
    if asked.dask:
        for name, counted in storms_dask.storm(asked.kills, asked.kills // 2).items():
            sys.stdout.write(f"{name}: {Tally(**counted)}\n")
        return
    if asked.postgres:
        with Server() as server:
            total = _summed(kills, 0, asked.kills, most=10, within=0.5, server=server)
        sys.stdout.write(f"{total}\n")
        return
    lines = [
        "| | faults | kills | runs | messages | in doubt | settled by the query | wrong verdicts | double sends |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, total in (
        ("nxsms_nb, faults", _summed(faulty, asked.faults, 0)),
        ("a client that sends again on any error, faults", _summed(faulty_control, asked.faults, 0)),
        ("nxsms_nb, kills", _summed(kills, 0, asked.kills, most=10)),
        ("a client that keeps a list of what it sent, kills", _summed(killed_control, 0, asked.kills, most=10)),
    ):
        ours = name.startswith("nxsms_nb")
        shown = [total.faults, total.kills, total.runs, total.rows]
        shown += [total.doubtful, total.settled, total.wrong] if ours else ["", "", ""]
        cells = [f"{n:,}" if isinstance(n, int) else n for n in [*shown, total.doubles]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
