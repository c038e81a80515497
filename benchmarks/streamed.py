"""A file larger than what is held in memory: ``python -m benchmarks.streamed ROWS PORT``, prints JSON.

``python -m nxsms_nb send`` sends a Parquet file, is interrupted on the way as a person would do it, and is started
again. Its memory is looked at from outside, from the first rows to the last.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import recipients

CHUNK: Final = 100_000
STOP_AT: Final = 0.4
LOOK_S: Final = 0.1
AGAIN_S: Final = 5.0
"""A person whose interrupt seems to be lost gives another one."""


def write(path: Path, rows: int) -> None:
    """A Parquet file of so many recipients, written by the chunk."""
    writer = None
    for start in range(0, rows, CHUNK):
        table = pa.Table.from_pandas(recipients(min(CHUNK, rows - start), start), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def arrived(port: str) -> int:
    """How many rows the gateway has accepted."""
    with urlopen(f"http://127.0.0.1:{port}/") as answer:
        rows: int = json.load(answer)[2]
    return rows


def watched(command: list[str], port: str, environment: dict[str, str], stop_at: float) -> dict[str, Any]:
    """Run a command, interrupt it when so many rows have arrived, and look at its memory meanwhile."""
    before, begun = arrived(port), time.perf_counter()
    # A shell starts what runs in the background with interrupts ignored, and children inherit that.
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, preexec_fn=interruptible)  # noqa: PLW1509  one thread only
    seen, cpu_s, interrupt_at = [], 0.0, 0.0
    while process.poll() is None:
        try:
            watching = psutil.Process(process.pid)
            times = watching.cpu_times()
            seen.append((arrived(port) - before, watching.memory_info().rss / 1e6))
        except psutil.Error:
            break
        cpu_s = times.user + times.system
        if seen[-1][0] >= stop_at and time.perf_counter() > interrupt_at:
            process.send_signal(signal.SIGINT)
            interrupt_at = time.perf_counter() + AGAIN_S
        time.sleep(LOOK_S)
    sent = arrived(port) - before
    if not sent:
        raise SystemExit(f"nothing was sent, exit {process.wait()}")
    # From the second tenth on: before that the first chunk and the imports come in.
    level = [rss for rows, rss in seen if rows > sent / 10]
    fifth = max(1, len(level) // 5)
    return {
        "rows": sent,
        "exit": process.wait(),
        "wall_s": time.perf_counter() - begun,
        "cpu_s": cpu_s,
        "memory_early_mb": max(level[:fifth]),
        "memory_late_mb": max(level[-fifth:]),
        "memory_most_mb": max(rss for _, rss in seen),
    }


def main() -> None:
    """Send, stop, go on; then look at what was written."""
    rows, port = int(sys.argv[1]), sys.argv[2]
    before = arrived(port)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        write(source, rows)
        environment = os.environ | {
            "NXSMS_ACCESS_KEY": "bench-key",
            "NXSMS_ACCESS_SECRET": "bench-secret",
            "NXSMS_APP_KEY": "bench-app",
            "NXSMS_BASE_URL": f"http://127.0.0.1:{port}",
            "NXSMS_JOURNAL": str(Path(folder) / "journal"),
        }
        command = [sys.executable, "-m", "nxsms_nb", "send", str(source), str(target), "--campaign", "bench"]
        command += ["--concurrency", "16"]
        runs = [watched(command, port, environment, stop_at) for stop_at in (rows * STOP_AT, float("inf"))]
        status = pq.read_table(target, columns=["status", "messageid"])
        measured = {
            "runs": runs,
            "rows": rows,
            "arrived": arrived(port) - before,
            "success": int(pa.compute.sum(pa.compute.equal(status["status"].cast("string"), "Success")).as_py()),
            "ids": int(pa.compute.count_distinct(status["messageid"]).as_py()),
            "journal_mb": sum(path.stat().st_size for path in Path(folder).glob("journal*") if path.is_file()) / 1e6,
        }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
