"""A Dask frame sent by one process, against the same files in a stream: ``python -m benchmarks.clustered ROWS [WORKERS]``.

Parquet in files of 100,000 rows, sent to the bare server; each contestant in a process of its own, which tells its CPU and, at
the end of each part, its memory. The stream reads the files itself and keeps no results; Dask's call prepares them on a
`LocalCluster` and writes its results. The cluster has a worker of one thread for each core, as ``distributed.Client()`` makes
it on a small machine. Prints JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import pandas as pd
import psutil

from benchmarks.data import recipients
from nxsms_nb import Client, send_stream

FILE: Final = 100_000
LOOK_S: Final = 0.2


def written(folder: Path, rows: int) -> None:
    """Write the recipients, a file for each partition."""
    folder.mkdir()
    for number, start in enumerate(range(0, rows, FILE)):
        recipients(min(FILE, rows - start), start).to_parquet(folder / f"{number:05d}.parquet", index=False)


def used() -> float:
    """CPU seconds of this process, all threads, and none of its children."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Memory:
    """Looks at this process' memory from a thread."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._own = psutil.Process()
        self._done = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self._done.wait(LOOK_S):
            self.seen.append(self._own.memory_info().rss / 1e6)

    def stop(self) -> None:
        """Look no more."""
        self._done.set()

    def summary(self, seconds: float) -> dict[str, float]:
        """Memory in the second fifth of the last so many seconds, and near the end."""
        seen = self.seen[-max(1, int(seconds / LOOK_S)) :]
        fifth = max(1, len(seen) // 5)
        return {
            "memory_early_mb": max(seen[fifth : 2 * fifth], default=0.0),
            "memory_late_mb": max(seen[-fifth:], default=0.0),
        }


def stream(folder: Path, client: Client, options: dict[str, Any]) -> int:
    """Send the files in a stream."""
    frames = (pd.read_parquet(path) for path in sorted((folder / "in").iterdir()))
    return sum(1 for _ in send_stream(frames, client, **options))


def clustered(folder: Path, client: Client, options: dict[str, Any]) -> int:
    """Send the files as a Dask frame."""
    import dask.dataframe as dd

    sent = dd.read_parquet(str(folder / "in")).nxsms.send(client, to=folder / "out", **options)
    return sent.npartitions


def contestant(name: str, folder: Path, port: str, workers: int) -> dict[str, Any]:
    """Send everything once, and tell what it took."""
    client = Client(
        access_key="bench-key", access_secret="bench-secret", app_key="bench-app", base_url=f"http://127.0.0.1:{port}"
    )
    options = {"campaign": "bench", "journal": folder / f"journal-{name}", "progress": "silent", "concurrency": 16}
    cluster = None
    if name == "dask":
        import distributed

        import nxsms_nb.dask  # noqa: F401

        cluster = distributed.Client(
            distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
        )
        cluster.run(__import__, "nxsms_nb.dask")
    memory, cpu, begun = Memory(), used(), time.perf_counter()
    parts = (clustered if name == "dask" else stream)(folder, client, options)
    wall = time.perf_counter() - begun
    memory.stop()
    measured: dict[str, Any] = {"wall_s": wall, "cpu_s": used() - cpu, "parts": parts}
    if name == "dask":
        times = pd.concat(
            pd.read_parquet(path, columns=["status", "sent_at", "latency_ms"])
            for path in sorted((folder / "out").iterdir())
        )
        ends = times["sent_at"] + pd.to_timedelta(times["latency_ms"], unit="ms")
        measured["accepted"] = int((times["status"] == "Success").sum())
        measured["sending_s"] = (ends.max() - times["sent_at"].min()).total_seconds()
    measured |= memory.summary(measured.get("sending_s", wall))
    if cluster is not None:
        cluster.shutdown()
    return measured


def main() -> None:
    """Have both send, one after the other, each to a server of its own."""
    if sys.argv[1] in ("stream", "dask"):
        print(json.dumps(contestant(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
        return
    rows, workers = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count() or 1
    measured: dict[str, Any] = {"rows": rows, "workers": workers, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "in", rows)
        for contender in ("stream", "dask"):
            server = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("server.py")], stdout=subprocess.PIPE, text=True
            )
            try:
                port = server.stdout.readline().strip() if server.stdout else ""
                command = [sys.executable, "-m", "benchmarks.clustered", contender, name, port, str(workers)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(done.stderr)
                measured[contender] = json.loads(done.stdout.splitlines()[-1])
            finally:
                server.kill()
                server.wait()
    measured["rate"] = measured["stream"]["wall_s"] / measured["dask"]["wall_s"]
    measured["rate while sending"] = measured["stream"]["wall_s"] / measured["dask"]["sending_s"]
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
