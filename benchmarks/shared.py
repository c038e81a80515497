"""A journal in PostgreSQL: ``python -m benchmarks.shared [--rows N] [--rounds N] [--ids N]``, written to ``benchmarks/SHARED.md``.

CPU of our own process against the bare loop's and against the journal in a file, and claims a second of one run, in an empty
table and beside many ids. The server runs on the same machine, with fsync on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.__main__ import alone, gateway
from nxsms_nb import Journal
from nxsms_nb.journal.blocks import Block
from nxsms_nb.results.table import SUCCESS, Outcome
from nxsms_nb.rows import id_format
from tests.support.postgres import Server

BUDGET: Final = 4.0
_REQUEST: Final = 200
_CHUNK: Final = 8000
_NAMES: Final = ("bare", "ours", "shared")


def cost(rows: int, rounds: int, url: str) -> list[str]:
    """CPU, wall and memory of a send with either journal, and the ratio to the bare loop."""
    os.environ["NXSMS_JOURNAL"] = url
    with gateway() as port:
        runs = [{name: alone("contestants", name, rows, port, 16) for name in _NAMES} for _ in range(rounds)]
    lines = [
        "| rows | journal | CPU us/row | wall us/row | memory MB | CPU / bare loop |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for name, journal in zip(_NAMES, ("bare loop, none", "a file", "PostgreSQL"), strict=True):
        cpu, wall = (median(one[name][what] / rows * 1e6 for one in runs) for what in ("cpu_s", "wall_s"))
        memory = median(one[name]["memory_mb"] for one in runs)
        ratios = [one[name]["cpu_s"] / one["bare"]["cpu_s"] for one in runs]
        ratio = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {rows:,} | {journal} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {ratio} |")
    return [*lines, "", f"Budget: {BUDGET:g} times the bare loop's CPU in our process."]


def fill(server: Server, database: str, ids: int) -> None:
    """Put ids into the table of claims, as runs of long ago left them."""
    server.execute(
        "INSERT INTO claim SELECT 'n1' || md5(i::text), 0, 0, 'decided' FROM generate_series(1, %s) i",
        (ids,),
        database=database,
    )
    server.execute("VACUUM ANALYZE claim", database=database)


def claims(url: str, rows: int, campaign: str) -> float:
    """Claims a second, each decided too: 16 requests of 200 wait at a time."""
    record = Journal(url).campaign(campaign).record(rows=rows, workers=16)
    made = np.random.default_rng().integers(0, 2**64, (rows, 2), np.uint64)
    blocks = [Block(id_format.spelled(made[at : at + _CHUNK])) for at in range(0, rows, _CHUNK)]
    waiting = ((block, start) for block in blocks for start in range(0, len(block), _REQUEST))

    async def work() -> None:
        for block, start in waiting:
            number = await record.begin(block, start, min(_REQUEST, len(block) - start), sent_us=record.now_us())
            record.finish(number, Outcome(SUCCESS, 0, latency_ms=1.0))

    async def all_of_them() -> None:
        await asyncio.gather(*(work() for _ in range(16)))

    begun = time.perf_counter()
    asyncio.run(all_of_them())
    record.close()
    return rows / (time.perf_counter() - begun)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ids", type=int, default=5_000_000)
    parser.add_argument("--dry", action="store_true", help="only print")
    asked = parser.parse_args()
    lines = ["# A journal in PostgreSQL", "", *cost_and_claims(asked), ""]
    text = "\n".join(lines)
    print(text)
    if not asked.dry:
        (Path(__file__).parent / "SHARED.md").write_text(text)


def cost_and_claims(asked: Any) -> list[str]:
    """Both tables."""
    with Server(on_disk=True) as server:
        version = server.execute("SHOW server_version")[0][0]
        lines = [
            f"PostgreSQL {version} on the same machine, {os.cpu_count()} cores, fsync on; 16 requests of 200 at a time.",
            "",
        ]
        lines += cost(asked.rows, asked.rounds, server.database())
        lines += ["", "| ids in the table | claims a second, each decided too |", "|---:|---:|"]
        url = server.database()
        claims(url, 2 * _CHUNK, "warm")
        database = url.rpartition("/")[2]
        for ids in (0, asked.ids):
            if ids:
                fill(server, database, ids)
            lines.append(f"| {ids:,} | {claims(url, asked.rows // 5, str(ids)):,.0f} |")
    return lines


if __name__ == "__main__":
    main()
