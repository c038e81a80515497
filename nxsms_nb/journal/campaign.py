"""A campaign that one call holds: its lock and one connection to the journal, for all that the call reads and records."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nxsms_nb.journal import sqlite, tables
from nxsms_nb.journal.custody import Custody, close, snapshot
from nxsms_nb.journal.reader import Reader
from nxsms_nb.journal.recorder import Recorder

if TYPE_CHECKING:
    from nxsms_nb.journal.locks import CampaignLock

__all__ = ["Campaign"]


class Campaign(Reader):
    """A campaign held by `Journal.campaign` until its ``with`` ends, or the record of its run is closed.

    `reopened` reads the journal once the campaign has been released; its connection then belongs to no one.
    """

    def __init__(
        self,
        path: Path | None,
        lock: CampaignLock,
        connection: sqlite3.Connection,
        guard: threading.RLock,
        *,
        reopened: Callable[[], AbstractContextManager[sqlite3.Connection | None]],
    ) -> None:
        self.path = path
        self._lock = lock
        self._connection: sqlite3.Connection | None = connection
        self._guard = guard
        self._reopened = reopened
        self._custody: Custody | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def anywhere(self) -> bool:
        """Whether the rows may belong to any campaign."""
        return self._lock.anywhere

    def hold_own_ids(self) -> None:
        """Exclude other runs whose frames have their own ids as well; a stream learns this only from its chunks."""
        self._lock.hold_own_ids()

    def record(
        self, *, rows: int, workers: int, anywhere: bool = False, gateway: str | None = None, app: str | None = None
    ) -> Recorder:
        """Begin the record of a run; the campaign is released when it is closed, or when this raises.

        `workers` is the most requests in flight; `anywhere` says that rows may have been sent in another campaign, so
        that every campaign looks at this run as well; `gateway` is the base URL without credentials, and `app` a digest
        of the appKey, short enough that it cannot be reversed. An unusable journal raises `JournalError`.
        """
        try:
            if self.path is not None:
                sqlite.check_room(self.path, rows)
            with self.writing() as connection:
                number = tables.next_row_id(connection, "run")
                started_us = time.time_ns() // 1000
                home = tables.HOMELESS if self.anywhere else int(anywhere)
                run = tables.RunRow(number, self._lock.campaign, gateway, app, started_us, int(rows), home)
                tables.put_run(connection, run)
                # Before anyone sees the run: without it, the run would look interrupted.
                self._lock.note_run(number)
            self._custody = care = Custody(self.path, connection, self._lock, run)
        except BaseException as error:
            self.release()
            if isinstance(error, sqlite3.Error):
                raise sqlite.failed(self.path, error) from error
            raise
        return Recorder(connection, self._guard, run, workers=workers, custody=care, release=self.release)

    def release(self) -> None:
        """Close the connection and release the lock; a second time does nothing."""
        connection, self._connection = self._connection, None
        try:
            if self._custody is not None:
                self._custody.note_end()
            if connection is not None and self.path is not None:
                close(connection, self.path)
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction of the caller's own."""
        if self._connection is None:
            raise ValueError("the campaign has been released")
        with self._guard, tables.writing(self._connection) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if self._connection is None or self.path is None:
            with self._reopened() as connection:
                yield connection
            return
        with self._guard, snapshot(self._connection, self.path) as connection:
            yield connection
