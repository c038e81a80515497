"""A Dask cluster as seen from the calling process: tasks submitted, results fetched, and what to do when nobody computes them."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb import screen
from nxsms_nb.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client

LOOK_S: Final = 5.0
"""Seconds after which a call that waits for a partition looks whether there are workers, and again each time."""


class ClusterLost(Stopped, Exception):
    """The cluster no longer computes what it was given."""


class Cluster:
    """A client's cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at = ""
        # An empty answer is that of a client whose scheduler is gone.
        self._at = f" at {self._asked(lambda: client.scheduler_info()['address'])}"
        # A local scheduler lives in this process, which everything would pass twice; the workers of another cluster may be out of
        # reach.
        self._direct = isinstance(client.cluster, sys.modules["distributed"].LocalCluster) or None

    @property
    def threads(self) -> int:
        """How many tasks its workers compute at the same time."""
        return sum(self._asked(self._client.nthreads).values())

    def submit(self, task: Any) -> Any:
        """Have a task computed."""
        return self._client.compute(task)

    def fetch(self, future: Any) -> Any:
        """Return a task's result, in whatever thread."""
        lost = (CancelledError, asyncio.CancelledError, sys.modules["distributed"].comm.CommClosedError)
        try:
            return self._client.gather(future, direct=self._direct)
        except lost as error:
            raise self._lost(error) from error

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception as error:
            raise self._lost(error) from error

    def _lost(self, error: BaseException) -> ClusterLost:
        return ClusterLost(
            f"The Dask cluster{self._at} was lost or restarted before it had prepared all partitions ({type(error).__name__}). "
            "Connect to one that runs: distributed.Client(…)."
        )

    def awaited(self, fetched: Future[Any]) -> Any:
        """Return what another thread fetches, and say so while there is no worker to compute it."""
        told = False
        while not wait([fetched], timeout=LOOK_S).done:
            idle = self._has_no_workers()
            if idle and not told:
                screen.say(
                    f"The Dask cluster{self._at} has no workers, and this call waits for one. Start some: "
                    f"{self._remedy()} An interrupt ends the call."
                )
            told = idle
        return fetched.result()

    def _has_no_workers(self) -> bool:
        # A scheduler that does not answer fails the fetch, too.
        with suppress(Exception):
            return not self._client.nthreads()
        return False

    def _remedy(self) -> str:
        return (
            "client.cluster.scale(2)."
            if self._client.cluster is not None
            else f"dask worker {self._at.removeprefix(' at ')} in a shell of a machine that reaches it."
        )
