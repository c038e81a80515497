"""Processes that make calls at the same moment against one gateway and one journal."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import threading
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

import nxsms_nb as nx


def client_of(url: str, keys: dict[str, str]) -> nx.Client:
    """A client of a sandbox, in another process."""
    return nx.Client(base_url=url, **keys)


def make(task: dict[str, Any], client: nx.Client, journal: Path) -> tuple[str, Any]:
    """Make one call: how it ended, and the frame or what was said."""
    verb, frame, given = task["verb"], task["frame"], dict(task.get("given", {}))
    given = {"journal": journal} | given
    if verb not in ("reconcile", "recorded"):
        given = {"progress": "silent", "batch_size": 5, "concurrency": 2} | given
    if (kill_s := task.get("kill_s")) is not None:
        threading.Timer(kill_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", nx.AlreadySentWarning)
            if verb == "send_stream":
                chunks = [frame.iloc[at : at + 10] for at in range(0, len(frame), 10)]
                return "done", pd.concat(list(nx.send_stream(chunks, client, **given)))
            if (stop_s := task.get("stop_s")) is not None:
                run = frame.nxsms.start(client, **given)
                timer = threading.Timer(stop_s, run.ask_to_stop)
                timer.start()
                ended = run.wait()
                timer.cancel()
                return "done", ended
            return "done", getattr(frame.nxsms, verb)(client, **given)
    except nx.CampaignBusy as busy:
        return "busy", str(busy)
    except nx.Stopped as stopped:
        return "done", stopped.frame
    except nx.NxsmsError as error:
        return "refused", f"{type(error).__name__}: {error}"


def _work(pipe: Any, url: str, keys: dict[str, str]) -> None:
    client = client_of(url, keys)
    while True:
        journal, task = pipe.recv()
        pipe.send("ready")
        pipe.recv()
        try:
            pipe.send(make(task, client, journal))
        except BaseException as error:
            pipe.send(("error", repr(error)))


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.support.together", "pytest"])


class Team:
    """Some processes that begin their calls together."""

    def __init__(self, size: int, url: str, keys: dict[str, str]) -> None:
        self._about = url, keys
        self._members = [self._member() for _ in range(size)]

    def _member(self) -> tuple[Any, Any]:
        here, there = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_work, args=(there, *self._about), daemon=True)
        process.start()
        there.close()
        return process, here

    def make(self, journal: Path, *tasks: dict[str, Any]) -> list[tuple[str, Any]]:
        """Make calls, one in each process, at the same moment; a process that was killed is replaced."""
        members = self._members[: len(tasks)]
        for (_, pipe), task in zip(members, tasks, strict=True):
            pipe.send((journal, task))
        for _, pipe in members:
            assert pipe.recv() == "ready"
        for _, pipe in members:
            pipe.send("go")
        ends = []
        for place, (process, pipe) in enumerate(members):
            try:
                ends.append(pipe.recv())
            except EOFError:
                process.join()
                ends.append(("killed", None))
            if tasks[place].get("kill_s") is not None:
                process.kill()
                process.join()
                self._members[place] = self._member()
        return ends

    def close(self) -> None:
        """End the processes."""
        for process, pipe in self._members:
            process.kill()
            process.join()
            pipe.close()
