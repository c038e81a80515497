"""A session of the database with its locks, which is reopened when it breaks."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg

from nxsms_nb.errors import JournalError
from nxsms_nb.journal.pg_connection import PATIENCE_S, Away, connect, refused
from nxsms_nb.journal.pg_locks import Lock, LockLost, Locks

if TYPE_CHECKING:
    from nxsms_nb.journal.addresses import Address

_T = TypeVar("_T")

_LOOK_S: Final = 0.1
_BEFORE: Final = "The connection to the journal broke before the run began. Nothing was sent. Call again."


class Session:
    """A session with its locks. One thread may use it at a time; `guard` keeps others out."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.guard = threading.RLock()
        try:
            self._connection, self.about = connect(address)
        except Away as error:
            raise refused(address, error) from None
        self.locks = Locks(self.about.schema)
        self.lost: str | None = None
        self._ended = False
        self._clock_us = 0
        self.on_reopening: Callable[[psycopg.Connection[Any]], None] | None = None

    def _refused(self, error: Exception) -> JournalError:
        if self.lost is not None:
            # What fails from then on follows from it.
            return JournalError(self.lost)
        return refused(self.address, error, begun=self.on_reopening is not None)

    def now_us(self) -> int:
        """Return the current time by the database's clock."""
        return time.time_ns() // 1000 + self._clock_us

    def set_clock(self, present_us: int) -> None:
        """Read the database's clock."""
        self._clock_us = present_us - time.time_ns() // 1000

    def acquire(self, *wanted: Lock) -> None:
        """Take locks, all or none; raise `CampaignBusy` naming the holder."""
        with self.guard:
            try:
                self.locks.acquire(self._connection, *wanted)
            except psycopg.Error as error:
                raise self._refused(error) from None

    def outside(self, work: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Do work that has its own transactions, once."""
        with self.reading() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[psycopg.Connection[Any]]:
        """Hold the connection, opened again where it broke."""
        with self.guard:
            try:
                if self._connection.closed:
                    self._reopen()
                if self.lost is not None:
                    raise JournalError(self.lost)
                yield self._connection
            except (Away, psycopg.Error) as error:
                raise self._refused(error) from None

    def run(
        self,
        work: Callable[[psycopg.Connection[Any]], _T],
        *,
        patience: float | None = None,
        alone: bool = False,
        locked: bool = True,
    ) -> _T:
        """Do work in a transaction, again where it was not certainly done: it has to have the same effect once or twice.

        A session that breaks is opened again, with its locks, while there is patience. `JournalError` is raised where
        there is none left, where another has the locks, and where the work itself is refused. `alone`: the work is one
        statement, which is a transaction by itself; not `locked`: it is done even where the locks were lost, since
        nothing is sent because of it.
        """
        until, waited = time.monotonic() + (PATIENCE_S if patience is None else patience), 0
        while True:
            try:
                with self.guard:
                    if self._connection.closed or self._ended:
                        self._reopen()
                    if locked and self.lost is not None:
                        raise JournalError(self.lost)
                    return self._transaction(work, alone=alone)
            except (Away, psycopg.OperationalError, psycopg.InterfaceError) as error:
                again = self._connection.closed or isinstance(error, (Away, *_PASSING))
                if not again or time.monotonic() > until:
                    raise self._refused(error) from None
                time.sleep(min(1.0, _LOOK_S * (waited := waited + 1)))
            except psycopg.Error as error:
                raise self._refused(error) from None

    def _transaction(self, work: Callable[[psycopg.Connection[Any]], _T], *, alone: bool) -> _T:
        connection = self._connection
        try:
            if alone:
                return work(connection)
            connection.execute("BEGIN")
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if self._ended:
                connection.close()
            elif not connection.closed:
                try:
                    connection.execute("ROLLBACK")
                except psycopg.Error:
                    # It broke, and the driver does not know: a pooler's words came instead of an answer.
                    connection.close()
            raise
        return done

    def _reopen(self) -> None:
        before = (self.about.pid, self.about.started)
        if self._ended:
            raise JournalError("The journal was given up.")
        try:
            connection, about = connect(self.address)
        except JournalError as error:
            # Of the server that answers just now: after a failover it may be a replica for a moment.
            raise Away(str(error)) from None
        try:
            if self.lost is None and self.locks.held:
                self.locks.acquire_again(connection, before)
                if self.on_reopening is None:
                    raise LockLost(_BEFORE)  # noqa: TRY301  what was read under the lock may no longer hold
                self.on_reopening(connection)
        except LockLost as error:
            self.lost = str(error)
        except BaseException:
            connection.close()
            raise
        self._connection, self.about = connection, about
        if self._ended:
            # Meanwhile.
            connection.close()

    def close(self) -> None:
        """End the session, and with it its locks; a thread that still waits for the database is woken, and ends."""
        self._ended = True
        connection = self._connection
        if getattr(connection, "made_in", 0) != os.getpid():
            return
        if self.guard.acquire(timeout=_LOOK_S):
            try:
                self._connection.close()
            finally:
                self.guard.release()
        else:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as shared:
                shared.shutdown(socket.SHUT_RDWR)


_PASSING: Final = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
)
"""The refusals after which the same work may be tried again."""
