"""Workers and callers killed at random while a Dask frame is sent, until all is settled; and what came of them.

``python -m tests.support.storms --dask`` prints the figures for the README.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nxsms_nb as nx

PARTITIONS = 12
ROWS = 40
"""Rows of a partition."""
STEP_S = 0.02
"""How long a partition takes to compute, so that kills meet it."""
BATCH = 10
CAMPAIGN = "spring"
SETTLED_S = 0.5

_CONTEXT = multiprocessing.get_context("forkserver")


def recipients(partition: int, rows: int = ROWS) -> pd.DataFrame:
    """One partition's people."""
    numbers = range(partition * rows, (partition + 1) * rows)
    return pd.DataFrame({"phone": [str(8615000000000 + i) for i in numbers], "content": [f"Hi {i}" for i in numbers]})


def computed(partition: int, pids: Path | None) -> pd.DataFrame:
    """The same, after a while, in which the process may be found."""
    if pids is not None:
        (pids / str(os.getpid())).touch()
    time.sleep(STEP_S)
    return recipients(partition)


def send(client: nx.Client, folder: Path, campaign: str, progress: Any = "silent", pids: Path | None = None) -> None:
    """Send a Dask frame of them, or go on."""
    import dask.dataframe as dd

    import nxsms_nb.dask  # noqa: F401

    ddf = dd.from_map(computed, range(PARTITIONS), pids=pids, meta=recipients(0).iloc[:0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ddf.nxsms.send(
            client,
            campaign=campaign,
            to=folder / campaign,
            journal=folder / "journal",
            batch_size=BATCH,
            concurrency=4,
            progress=progress,
        )


class _Saying:
    """An observer that says when a run has begun to send."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe: Connection | None = pipe

    def update(self, snapshot: Any) -> None:
        if snapshot.decided and self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            pipe.send(True)

    def close(self, snapshot: Any) -> None:
        """The end."""


def caller(url: str, secrets: dict[str, str], folder: Path, scheduler: str, pipe: Connection) -> None:
    """The calling process: its cluster is another's and outlives it."""
    from distributed import Client

    with (
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
        Client(scheduler),
    ):
        send(nx.Client(base_url=url, **secrets), folder, CAMPAIGN, _Saying(pipe))
        os._exit(0)


def secrets_of(sandbox: nx.Sandbox, rng: random.Random) -> dict[str, str]:
    """The account, in some runs with what the record query needs."""
    names = ["access_key", "access_secret", "app_key", *rng.choice([["app_secret"], []])]
    return {name: getattr(sandbox, name) for name in names}


def held(sandbox: nx.Sandbox, client: nx.Client, folder: Path, campaign: str) -> tuple[pd.DataFrame, int, int]:
    """Hold what the journal says of every row against the ledger: the rows, how many verdicts are wrong, how many went twice."""
    whole = pd.concat([recipients(number) for number in range(PARTITIONS)], ignore_index=True)
    known = whole.nxsms.recorded(client, campaign=campaign, journal=folder / "journal")
    ledger = sandbox.ledger
    ledger = ledger[ledger["request"].notna()]
    mine = ledger[ledger["messageid"].isin(known["messageid"])]
    there = mine.drop_duplicates("messageid").set_index("messageid").reindex(known["messageid"])
    went = there["phone"].notna().to_numpy()
    same = (there["phone"].to_numpy() == known["phone"].to_numpy()) & (
        there["content"].to_numpy() == known["content"].to_numpy()
    )
    status = known["status"].to_numpy()
    wrong = (went & ~same) | (went & ~np.isin(status, ["Success", "Unknown"])) | (~went & (status == "Success"))
    return known, int(wrong.sum()), int(mine["phone"].duplicated().sum() + mine["messageid"].duplicated().sum())


def _settled(sandbox: nx.Sandbox, folder: Path, campaign: str, doubtful: set[str]) -> tuple[int, int, int, int]:
    """Send what is left, with the record query at hand; return rows in doubt, settled ones, wrong verdicts and doubles."""
    sandbox.latency = 0
    send(sandbox.client, folder, campaign)
    known, wrong, doubles = held(sandbox, sandbox.client, folder, campaign)
    after = known.set_index("messageid")["status"]
    assert set(after) <= {"Success", "Unknown"}, after.value_counts()
    return len(doubtful), sum(after[one] == "Success" for one in doubtful), wrong, doubles


def workers_killed(seed: int, directory: Path, most: int) -> dict[str, int]:
    """Send a frame while the workers that compute it are killed one after another, so often at most."""
    rng, done, kills = random.Random(seed), threading.Event(), 0
    pids = directory / "pids"
    pids.mkdir()

    def kill() -> None:
        nonlocal kills
        while kills < most and not done.wait(rng.uniform(0, 0.3)):
            # Only those that have worked for a while: a nanny gives up where its process dies before it has begun, and a cluster
            # without workers waits for ever.
            if found := [path for path in sorted(pids.iterdir()) if time.time() - path.stat().st_mtime > SETTLED_S]:
                one = rng.choice(found)
                one.unlink()
                with suppress(ProcessLookupError):
                    os.kill(int(one.name), signal.SIGKILL)
                    kills += 1

    with nx.Sandbox(seed=seed, hourly_limit=None, latency=0.02) as sandbox:
        thread = threading.Thread(target=kill)
        thread.start()
        try:
            send(sandbox.client, directory, CAMPAIGN, pids=pids)
        finally:
            done.set()
            thread.join()
        known, *_ = held(sandbox, sandbox.client, directory, CAMPAIGN)
        open_rows = set(known["messageid"][(known["status"] == "Unknown").to_numpy()])
        doubtful, settled, wrong, doubles = _settled(sandbox, directory, CAMPAIGN, open_rows)
        return {
            "kills": kills,
            "runs": 2,
            "rows": PARTITIONS * ROWS,
            "doubtful": doubtful,
            "settled": settled,
            "wrong": wrong,
            "doubles": doubles,
        }


def callers_killed(seed: int, scheduler: str, directory: Path, most: int) -> dict[str, int]:
    """Kill the calling process at random, and start it again, until it comes to its end or has been killed so often."""
    rng, kills, runs = random.Random(seed), 0, 0
    doubtful: set[str] = set()
    wrong = doubles = 0
    with nx.Sandbox(seed=seed, hourly_limit=None, latency=0.05) as sandbox:
        while kills < most:
            here, there = _CONTEXT.Pipe(duplex=False)
            given = (sandbox.url, secrets_of(sandbox, rng), directory, scheduler, there)
            process = _CONTEXT.Process(target=caller, args=given)
            process.start()
            there.close()
            if rng.random() < 0.8:
                # It has begun to send, or ended.
                with suppress(EOFError):
                    here.recv()
                time.sleep(rng.uniform(0, 0.3))
            else:
                time.sleep(rng.uniform(0, 1.5))
            process.kill()
            process.join()
            through = process.exitcode == 0
            runs, kills = runs + 1, kills + (not through)
            known, *found = held(sandbox, sandbox.client, directory, CAMPAIGN)
            wrong, doubles = wrong + found[0], max(doubles, found[1])
            doubtful |= set(known["messageid"][(known["status"] == "Unknown").to_numpy()])
            if through:
                break
        in_doubt, settled, late, twice = _settled(sandbox, directory, CAMPAIGN, doubtful)
    return {
        "kills": kills,
        "runs": runs + 1,
        "rows": PARTITIONS * ROWS,
        "doubtful": in_doubt,
        "settled": settled,
        "wrong": wrong + late,
        "doubles": max(doubles, twice),
    }


def storm(workers: int, callers: int) -> dict[str, dict[str, int]]:
    """Kill so many workers and callers, or a few more; return what was counted of either."""
    import dask
    from distributed import Client, LocalCluster

    _CONTEXT.set_forkserver_preload(["distributed", "nxsms_nb.dask", __name__])
    _CONTEXT.Process(target=time.sleep, args=(0,)).start()
    settings = {
        "distributed.worker.multiprocessing-method": "forkserver",
        # By default a partition may take three workers with it: a storm takes more.
        "distributed.scheduler.allowed-failures": 1000,
        "logging.distributed": "critical",
    }
    counted: dict[str, dict[str, int]] = {"workers": {}, "callers": {}}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=60) as cluster,
        Client(cluster),
    ):
        for name, most in (("workers", workers), ("callers", callers)):
            total, seed, rng = counted[name], 0, random.Random(name)
            while total.get("kills", 0) < most:
                with tempfile.TemporaryDirectory() as folder:
                    one = (
                        workers_killed(seed, Path(folder), most=rng.randint(4, 12))
                        if name == "workers"
                        else callers_killed(seed, cluster.scheduler_address, Path(folder), most=10)
                    )
                for what, n in one.items():
                    total[what] = total.get(what, 0) + n
                seed += 1
                sys.stderr.write(f"{name}: {total}\n")
    return counted
