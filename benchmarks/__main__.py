"""``python -m benchmarks [--quick]``: measure, print, and write ``benchmarks/RESULTS.md``.

Everything is a ratio to something measured in the same run on the same machine, CPU before wall. The gateway is a bare
process of its own. Contestants run in fresh processes, one after the other in each round. A shared machine's speed changes
by half within minutes, so ratios of CPU are taken within a round, and the median of the rounds counts; of times that are
spent waiting the best does.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
import pandas as pd
import pyarrow as pa

HERE: Final = Path(__file__).parent
BUDGETS: Final = {"bare": 2.2, "by hand": 0.28, "wall": 1.05, "tps": 0.95, "look": 1.0, "drivers": 4.0, "import": 60.0}


@contextmanager
def gateway(latency_ms: float = 0.0, tps: float | None = None) -> Iterator[int]:
    """The bare gateway in a process of its own; its port."""
    words = [str(latency_ms), *([] if tps is None else [str(tps)])]
    process = subprocess.Popen([sys.executable, HERE / "server.py", *words], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline() if process.stdout else 0)
    finally:
        process.kill()
        process.wait()


def alone(script: str, *words: object) -> dict[str, Any]:
    """What a script of this folder prints, run in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{script}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parent)
    if done.returncode:
        raise SystemExit(f"{script} {words} failed:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def contest(sizes: list[int], rounds: int) -> list[str]:
    """CPU, wall and memory of each contestant, and the ratios the budgets are about."""
    lines = [
        "## Sending",
        "",
        "Journal on, 16 requests under way, batches of 200, no latency. CPU in microseconds a row; memory is the peak beyond",
        "what was there before (the frame; for bare and wire their bodies). Bare: bodies built beforehand, posted by aiohttp's",
        "session as anyone would, replies parsed. Wire: the same bodies by our own way of posting, each request signed. Each",
        f"figure is the median of {rounds} rounds, in brackets the least and the most; a ratio is taken within a round.",
        "",
        "| rows | contestant | CPU us/row | wall us/row | memory MB | CPU / bare loop | CPU / by hand |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    ratios: dict[str, list[float]] = {}
    with gateway() as port:
        for rows in sizes:
            names = ["wire", "bare", "ours", "by hand", *(["requests"] if rows <= 100_000 else [])]
            runs = [{name: alone("contestants", name, rows, port, 16) for name in names} for _ in range(rounds)]
            for name in names:
                cpu, wall = ([one[name][what] / rows * 1e6 for one in runs] for what in ("cpu_s", "wall_s"))
                memory = [one[name]["memory_mb"] for one in runs]
                against = {to: [one[name]["cpu_s"] / one[to]["cpu_s"] for one in runs] for to in ("bare", "by hand")}
                spread = " | ".join(f"{median(of):.2f} ({min(of):.2f}–{max(of):.2f})" for of in against.values())
                lines.append(
                    f"| {rows:,} | {name} | {median(cpu):.2f} ({min(cpu):.2f}–{max(cpu):.2f}) | {median(wall):.2f} "
                    f"| {median(memory):.0f} | {spread} |"
                )
                if name == "ours":
                    ratios = against
    held = ", ".join(
        f"{_held(median(of) <= BUDGETS[name])} ({median(of):.2f} of {name})" for name, of in ratios.items()
    )
    lines += [
        "",
        f"Budgets at a million rows: {BUDGETS['bare']} times bare, {BUDGETS['by hand']} times by hand; {held}.",
        "",
    ]
    return lines


def latencies(rows: int, *, quick: bool) -> list[str]:
    """Wall time against the ideal, latency x requests / concurrency, ours and the bare loop's."""
    lines = [
        "## Latency",
        "",
        "16 requests under way; ours and the bare loop in turn. The best of each counts (of five at 100 ms, of three at 20,",
        "of one at 500): the ideal is a floor, and whatever else a shared machine does only adds to it.",
        "",
        "| latency ms | rows | ideal s | wall s | ratio | bare loop |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    ratios = {}
    for latency_ms, share, repeats in ((20, 1.0, 3), (100, 1.0, 5), (500, 0.25, 1)):
        n = int(rows * share)
        walls: dict[str, list[float]] = {"ours": [], "bare": []}
        with gateway(latency_ms) as port:
            for _ in range(1 if quick else repeats):
                for name, seconds in walls.items():
                    seconds.append(alone("contestants", name, n, port, 16)["wall_s"])
        ideal = latency_ms / 1000 * -(-n // 200) / 16
        wall, bare = min(walls["ours"]), min(walls["bare"])
        ratios[latency_ms] = wall / ideal
        lines.append(f"| {latency_ms} | {n:,} | {ideal:.2f} | {wall:.2f} | {wall / ideal:.3f} | {bare / ideal:.3f} |")
    return [*lines, "", f"Budget at 100 ms: {BUDGETS['wall']}; {_held(ratios[100] <= BUDGETS['wall'])}.", ""]


def limits(seconds: int) -> list[str]:
    """Messages a second under a limit nobody told, after the first ten seconds."""
    lines = [
        "## An undisclosed limit",
        "",
        "100 ms latency, 16 requests under way, a token bucket of a fifth of a second; from the 10th second on.",
        "",
        "| limit a second | reached a second | ratio | requests refused |",
        "|---:|---:|---:|---:|",
    ]
    for tps in (500, 3000, 10_000):
        with gateway(100, tps) as port:
            measured = alone("limited", port, tps, seconds)
        lines.append(
            f"| {tps:,} | {measured['reached']:,.0f} | {measured['reached'] / tps:.3f} | {measured['refused_share']:.1%} |"
        )
    return [*lines, "", "Budgets: 0.95 and 3 %; at 500 a second 0.9 and 5 %.", ""]


def streamed(rows: int) -> list[str]:
    """A file sent in a stream, stopped and gone on with."""
    with gateway() as port:
        measured = alone("streamed", rows, port)
    lines = [
        f"## A stream of {rows:,} rows",
        "",
        "`python -m nxsms_nb send in.parquet out.parquet --campaign … --concurrency 16`, interrupted once and started again;",
        "the second run reads the rows the first one sent, and does not send them. Memory is that of the whole process.",
        "",
        "| run | rows sent | wall s | CPU s | MB early on | MB near its end | MB at most |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, run in zip(("until the interrupt", "from there on"), measured["runs"], strict=True):
        lines.append(
            f"| {name} | {run['rows']:,} | {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {run['memory_early_mb']:.0f} "
            f"| {run['memory_late_mb']:.0f} | {run['memory_most_mb']:.0f} |"
        )
    lines += [
        "",
        (
            f"{measured['arrived']:,} rows arrived at the gateway; the file written has {measured['success']:,} rows with Success and "
            f"{measured['ids']:,} different ids. The journal takes {measured['journal_mb'] * 1e6 / rows:.0f} bytes a row."
        ),
        "",
    ]
    return lines


def _held(met: bool) -> str:
    return "met" if met else "not met"


def looking(rows: int) -> list[str]:
    """What looking at a sent frame takes, and the import."""
    measured = alone("looking", rows)
    lines = [f"## Looking at {rows:,} rows, and the import", "", "| what | CPU s |", "|---|---:|"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in measured["looks"].items()]
    lines += ["", f"Budget: {BUDGETS['look']:.0f} s each, for drivers {BUDGETS['drivers']:.0f} s.", ""]
    lines += [
        f"`import nxsms_nb` takes {measured['import_ms']:.0f} ms beyond `import pandas` (budget {BUDGETS['import']:.0f} ms).",
        "",
    ]
    return lines


def stages(rows: int) -> list[str]:
    """What each stage of a send takes alone."""
    with gateway() as port:
        measured = alone("stages", rows, port)
    lines = [f"## Stages, {rows:,} rows", "", "| stage | CPU ns/row | share |", "|---|---:|---:|"]
    whole = sum(measured.values())
    lines += [f"| {name} | {seconds / rows * 1e9:.0f} | {seconds / whole:.0%} |" for name, seconds in measured.items()]
    return [*lines, ""]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="small sizes, one repetition: to see that it works")
    quick = parser.parse_args().quick
    lines = [
        "# Benchmark",
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, `python -m benchmarks{' --quick' if quick else ''}`: Python "
            f"{platform.python_version()}, pandas {pd.__version__}, pyarrow {pa.__version__}, aiohttp {aiohttp.__version__}, "
            f"{platform.system()} {platform.machine()}, {_cpu()}."
        ),
        "",
        *contest([10_000, 100_000] if quick else [10_000, 100_000, 1_000_000], 1 if quick else 5),
        *stages(100_000 if quick else 1_000_000),
        *latencies(20_000 if quick else 1_000_000, quick=quick),
        *limits(12 if quick else 40),
        *streamed(200_000 if quick else 5_000_000),
        *looking(100_000 if quick else 1_000_000),
    ]
    text = "\n".join(lines)
    print(text)
    if not quick:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


def _cpu() -> str:
    import os

    return f"{os.cpu_count()} cores"


if __name__ == "__main__":
    main()
