"""Runs of a cell in a process of its own, which is killed (SIGKILL) at a labelled point or after some time.

The points are hooked from here: the product knows nothing of them. ``multiprocessing``'s fork server imports what is
needed once, so that a process costs little.
"""

from __future__ import annotations

import contextlib
import functools
import io
import multiprocessing
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nxsms_nb as nx
from nxsms_nb.engine import batches, dispatch, reconcile, transport
from nxsms_nb.engine.transport import Transport
from nxsms_nb.journal import writer
from nxsms_nb.journal.addresses import is_address
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.journal.journal import Journal
from nxsms_nb.journal.recorder import Recorder
from tests.support import control
from tests.support.ledgercheck import client_of, people

Hook = Callable[[Callable[[], None]], None]


def _around(owner: Any, name: str, *, after: bool = False) -> Hook:
    def install(hit: Callable[[], None]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*args: Any, **options: Any) -> Any:
            if not after:
                hit()
            result = original(*args, **options)
            if after:
                hit()
            return result

        setattr(owner, name, call)

    return install


def _awaited(owner: Any, name: str) -> Hook:
    def install(hit: Callable[[], None]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        async def call(*args: Any, **options: Any) -> Any:
            result = await original(*args, **options)
            hit()
            return result

        setattr(owner, name, call)

    return install


def _handed_over(hit: Callable[[], None]) -> None:
    original = socket.socket.send

    def send(self: socket.socket, data: Any, *flags: int) -> int:
        handed = original(self, data, *flags)
        if len(data) > 1:  # a single byte wakes an event loop
            hit()
        return handed

    socket.socket.send = send


def _committed(hit: Callable[[], None]) -> None:
    original = writer.writing

    @contextlib.contextmanager
    def writing(connection: Any) -> Iterator[Any]:
        with original(connection):
            yield connection
        hit()

    writer.writing = writing


ONCE: dict[str, Hook] = {
    "campaign not yet locked": _around(Journal, "campaign"),
    "campaign locked": _around(Journal, "campaign", after=True),
    "run recorded": _around(Campaign, "record", after=True),
    "closing": _around(Recorder, "close"),
    "closed": _around(Recorder, "close", after=True),
    "frame about to be joined": _around(dispatch.Dispatch, "joined"),
}
"""Where a process may be killed, by what has happened there: points that a run passes once, …"""

OFTEN: dict[str, Hook] = {
    "request not yet recorded": _around(Recorder, "begin"),
    "written, not committed": _around(writer.RunWriter, "_write", after=True),
    "committed": _committed,
    "request recorded, not begun": _around(Transport, "post"),
    "about to leave": _awaited(transport._Pool, "connect"),
    "handed to the socket": _handed_over,
    "reply read": _awaited(Transport, "post"),
    "judged, not recorded": _around(Recorder, "finish"),
    "outcome handed over": _around(Recorder, "finish", after=True),
    "rows put back": _around(batches.BatchQueue, "put_back", after=True),
}
"""… with each request, …"""

SETTLING: dict[str, Hook] = {
    "doubts asked about, not settled": _awaited(reconcile, "accepted"),
    "doubts settled, not recorded": _around(reconcile, "record"),
    "doubts recorded": _awaited(reconcile, "record"),
}
"""… and when it settles what the run before left in doubt."""


def _at_commit(*, after: bool) -> Hook:
    """At the COMMIT of a transaction in PostgreSQL: before it is sent, or when its answer is known."""

    def install(hit: Callable[[], None]) -> None:
        import psycopg

        original = psycopg.Connection.execute

        def execute(self: Any, query: Any, *args: Any, **options: Any) -> Any:
            commits = query == "COMMIT"
            if commits and not after:
                hit()
            result = original(self, query, *args, **options)
            if commits and after:
                hit()
            return result

        psycopg.Connection.execute = execute

    return install


def _in_postgres(owner: str, name: str, *, after: bool = False) -> Hook:
    def install(hit: Callable[[], None]) -> None:
        from nxsms_nb.journal import pg_recorder, pg_writer, postgres

        owners = {"hold": postgres.PgHold, "recorder": pg_recorder.PgRecorder, "writer": pg_writer.PgWriter}
        _around(owners[owner], name, after=after)(hit)

    return install


SHARED: dict[str, Hook] = {
    "campaign not yet locked": ONCE["campaign not yet locked"],
    "campaign locked": ONCE["campaign locked"],
    "run recorded": _in_postgres("hold", "record", after=True),
    "closing": _in_postgres("recorder", "close"),
    "closed": _in_postgres("recorder", "close", after=True),
    "frame about to be joined": ONCE["frame about to be joined"],
}
"""The points in a database that a run passes once, …"""

SHARED_OFTEN: dict[str, Hook] = {
    "request not yet recorded": _in_postgres("recorder", "begin"),
    "blocks written": _in_postgres("writer", "_insert_blocks", after=True),
    "about to record": _in_postgres("writer", "_record"),
    "recorded, answer not read": _in_postgres("writer", "_record", after=True),
    "about to commit": _at_commit(after=False),
    "committed": _at_commit(after=True),
    "request recorded, not begun": OFTEN["request recorded, not begun"],
    "about to leave": OFTEN["about to leave"],
    "reply read": OFTEN["reply read"],
    "judged, not recorded": _in_postgres("recorder", "finish"),
    "outcome handed over": _in_postgres("recorder", "finish", after=True),
    "outcome written": _in_postgres("writer", "write", after=True),
    "rows put back": OFTEN["rows put back"],
}
"""… and with each request."""

POINTS = ONCE | OFTEN | SETTLING


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _end_sessions(url: str) -> None:
    """Break this process's connections to a database, as an administrator or a network does."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s",
            (f"nxsms_nb % {os.getpid()}",),
        )


def cell(
    url: str,
    journal: Path | str,
    rows: int,
    *,
    point: str | None = None,
    nth: int = 1,
    seconds: float | None = None,
    app_secret: str | None = None,
    controlled: bool = False,
    survives: bool = False,
) -> None:
    """The cell: what the process does until it is killed, at the nth time it passes a point or after some seconds.

    If it survives, only its connections to the database are broken there.
    """
    if point is not None:
        left = iter(range(nth - 1, -1, -1))

        def hit() -> None:
            if next(left, None) == 0:
                _end_sessions(str(journal)) if survives else _die()

        (SHARED | SHARED_OFTEN if is_address(str(journal)) else {}).get(point, POINTS.get(point))(hit)
    if seconds is not None:
        threading.Timer(seconds, _die).start()
    if controlled:
        control.send(people(rows), url, journal, batch_size=5)
        os._exit(0)
    with (
        contextlib.suppress(nx.JournalError if survives else nx.Stopped),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", nx.AlreadySentWarning)
        people(rows).nxsms.send(
            client_of(url, app_secret=app_secret),
            journal=journal,
            duplicates="drop",
            concurrency=4,
            batch_size=5,
            progress="silent",
        )
    os._exit(0)


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.support.killing", "pytest", "nxsms_nb.journal.postgres"])


def start(*args: Any, **options: Any) -> Any:
    """Start the cell in a process of its own."""
    process = _CONTEXT.Process(target=cell, args=args, kwargs=options)
    process.start()
    return process


def killed(process: Any) -> bool:
    """Wait for a process; whether it was killed, rather than through."""
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0
