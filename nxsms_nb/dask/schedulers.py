"""How this process has Dask compute: on a cluster, in other processes, or in threads; all at once, or a bounded number ahead."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, Final

import dask
from dask import delayed
from dask.base import get_scheduler
from dask.delayed import Delayed
from dask.local import get_sync
from dask.multiprocessing import get as get_processes

from nxsms_nb.dask.clusters import Cluster

_AHEAD: Final = 2
"""Partitions that are prepared while one is sent, where they are held in this process."""
_MOST_AHEAD: Final = 16
_DEATHS: Final = 3
"""How often a partition may end the process that computes it, as a cluster counts it."""


class Scheduler:
    """The scheduler that the caller uses for a collection, found in the thread of the call: others may see another one."""

    def __init__(self, collection: Any) -> None:
        self._get: Any = get_scheduler(collections=[collection]) or dask.threaded.get
        owner = getattr(self._get, "__self__", None)
        distributed = sys.modules.get("distributed")
        on_cluster = distributed is not None and isinstance(owner, distributed.Client)
        self._cluster = Cluster(owner) if on_cluster else None

    def compute(self, tasks: Sequence[Any]) -> list[Any]:
        """Compute all tasks and return their results."""
        if self._cluster is not None:
            together: Delayed = delayed(list, pure=False)(list(tasks))
            with closing(self.in_turn([together])) as computed:
                return next(computed)
        if self._get is get_processes:
            with closing(_Processes()) as pool:
                return pool.compute(*tasks)
        return list(dask.compute(*tasks, scheduler=self._get))

    @property
    def apart(self) -> bool:
        """Whether tasks are computed in other processes, from which their results have to come."""
        return self._cluster is not None or self._get is get_processes

    def in_turn(
        self, tasks: Sequence[Any], received: Callable[[Any], Any] = lambda result: result
    ) -> Generator[Any, None, None]:
        """Compute tasks a bounded number ahead, and yield in turn what `received` makes of their results, one ahead too."""
        if self._get is get_sync:
            for task in tasks:
                yield received(dask.compute(task, scheduler=self._get)[0])
        elif self._cluster is not None:
            cluster = self._cluster
            ahead = min(max(_AHEAD, cluster.threads), _MOST_AHEAD)
            yield from _in_turn(
                tasks, cluster.submit, ahead, lambda future: received(cluster.fetch(future)), cluster.awaited
            )
        else:
            with self._submitting() as submit:
                yield from _in_turn(tasks, submit, _AHEAD, lambda future: received(future.result()))

    @contextmanager
    def _submitting(self) -> Iterator[Callable[[Any], Future[Any]]]:
        """Compute tasks in threads, each of which waits for its own; in processes, these share one pool."""
        pool = _Processes() if self._get is get_processes else None
        threads = ThreadPoolExecutor(_AHEAD, thread_name_prefix="nxsms-dask")

        def computed(task: Any) -> Any:
            if pool is not None:
                return pool.compute(task)[0]
            return dask.compute(task, scheduler=self._get)[0]

        try:
            yield lambda task: threads.submit(computed, task)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            if pool is not None:
                pool.close()


class _Processes:
    """A pool of processes, and another one when a process of it has died."""

    def __init__(self) -> None:
        self._pool: Executor | None = None

    def compute(self, *tasks: Any) -> list[Any]:
        """Compute tasks, again where a process died meanwhile."""
        for left in reversed(range(_DEATHS)):
            pool = self._pool = self._pool or self._begun()
            try:
                return list(dask.compute(*tasks, scheduler=get_processes, pool=pool))
            except BrokenExecutor:
                if self._pool is pool:
                    self._pool = None
                if not left:
                    raise
        raise AssertionError

    @staticmethod
    def _begun() -> Executor:
        method = dask.config.get("multiprocessing.context", "spawn")
        return ProcessPoolExecutor(_AHEAD, multiprocessing.get_context(method))

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _alone(task: Any) -> Any:
    """Return the task with the part of the graph that it needs: else each of a thousand would look through all."""
    return Delayed(task.key, task.dask.cull({task.key}).to_dict())


def _in_turn(
    tasks: Sequence[Any],
    submit: Callable[[Any], Any],
    ahead: int,
    result: Callable[[Any], Any],
    awaited: Callable[[Future[Any]], Any] = Future.result,
) -> Iterator[Any]:
    """Fetch each result in another thread, which submits the next task too, while the one before is sent."""
    rest, ended = iter(tasks), threading.Event()
    waiting = deque(submit(_alone(task)) for task in islice(rest, ahead))
    fetching = ThreadPoolExecutor(1, thread_name_prefix="nxsms-fetch")

    def fetch() -> Any:
        for task in islice(rest, 1):
            waiting.append(submit(_alone(task)))
            if ended.is_set():
                waiting[-1].cancel()
        # No name holds a result or its future for longer: the next one may be as large.
        try:
            return result(waiting[0])
        finally:
            waiting.popleft()

    try:
        fetched = deque([fetching.submit(fetch)] if waiting else [])
        while fetched:
            ready = deque([awaited(fetched.popleft())])
            if waiting:
                fetched.append(fetching.submit(fetch))
            yield ready.popleft()
    finally:
        ended.set()
        for future in list(waiting):
            future.cancel()
        fetching.shutdown(wait=False, cancel_futures=True)
