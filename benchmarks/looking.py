"""What looking at a sent frame takes: ``python -m benchmarks.looking ROWS``, prints JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd

import nxsms_nb as nx
from benchmarks.data import recipients

DRIVERS = [f"text {i}" for i in range(8)] + [f"number {i}" for i in range(4)]
"""The columns in which drivers are looked for."""

_IMPORT = "import time, {first}; t = time.perf_counter(); import {second}; print((time.perf_counter() - t) * 1000)"


def sent_frame(rows: int) -> pd.DataFrame:
    """A frame as sent: made by a real send of a thousand rows, its results spread over all rows."""
    with nx.Sandbox(seed=7, failures="realistic") as sandbox:
        small = recipients(1000).nxsms.send(sandbox.client, progress="silent")
    spread = small.iloc[np.random.default_rng(7).integers(0, len(small), rows)].reset_index(drop=True)
    frame = recipients(rows)
    for name in ("messageid", "status", "code", "reason", "attempts", "latency_ms"):
        frame[name] = spread[name]
    frame["batch"] = pd.array(np.arange(rows) // 200 + 1, dtype="Int64")
    start = pd.Timestamp("2026-03-03 14:00", tz="UTC").as_unit("us")
    frame["sent_at"] = start + pd.to_timedelta(np.arange(rows) // 200 * 20, unit="ms").as_unit("us")
    rng = np.random.default_rng(8)
    for name in DRIVERS[:8]:
        values = np.array([f"{name} {i}" for i in range(rng.integers(2, 200))])
        frame[name] = values[rng.integers(0, len(values), rows)]
    for name in DRIVERS[8:]:
        frame[name] = rng.gamma(2, 50, rows)
    return frame


def main() -> None:
    """Measure each look."""
    rows = int(sys.argv[1])
    frame = sent_frame(rows)
    small = frame.head(1000)
    looks = {
        "summary": lambda df: df.nxsms.summary(),
        "failures": lambda df: df.nxsms.failures(),
        "failures by country": lambda df: df.nxsms.failures(by="country"),
        "throughput": lambda df: df.nxsms.throughput(),
        "drivers of 12 columns, pairs included": lambda df: df.nxsms.drivers([*DRIVERS]),
        "dashboard, first picture": lambda df: df.nxsms.dashboard(),
    }
    measured = {}
    for name, look in looks.items():
        look(small)
        begun = time.process_time()
        look(frame)
        measured[name] = time.process_time() - begun
    imports = [
        float(
            subprocess.run(
                [sys.executable, "-c", _IMPORT.format(first="pandas", second="nxsms_nb")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(5)
    ]
    print(json.dumps({"looks": measured, "import_ms": min(imports)}))


if __name__ == "__main__":
    main()
