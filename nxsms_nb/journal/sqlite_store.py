"""The backend for a journal in an SQLite file or in memory, for one person on one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.journal import custody, forks, frames, lookup, place, sqlite, tables
from nxsms_nb.journal import receipts as journal_receipts
from nxsms_nb.journal.custody import Custody
from nxsms_nb.journal.entries import HOMELESS, RunRow
from nxsms_nb.journal.locks import CampaignLock
from nxsms_nb.journal.receipts import ReceiptBook
from nxsms_nb.journal.recorder import Recorder
from nxsms_nb.screen import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from nxsms_nb.journal.blocks import Packed
    from nxsms_nb.journal.entries import BatchRow, OutcomeRow
    from nxsms_nb.journal.lock_files import MemoryLock
    from nxsms_nb.wire.receipts import Receipt


class SqliteSnapshot:
    """One state of a journal's tables, read through an open connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._inventories: dict[int, tables.Inventory] = {}

    def runs(self) -> dict[int, RunRow]:
        """Return all runs by their numbers."""
        return tables.run_rows(self.connection)

    def blocks_of(self, wanted: Collection[int], known: dict[int, RunRow]) -> list[int]:
        """Return the numbers of the blocks of runs; all of `known`'s are counted."""
        return tables.blocks_of(self.connection, wanted, known)

    def fingerprints(self, blocks: Sequence[int], *, by_key: bool) -> Iterator[tuple[int, bytes]]:
        """Yield each block with its fingerprints."""
        prints_of = tables.block_key_fingerprints if by_key else tables.block_fingerprints
        for number in blocks:
            yield number, prints_of(self.connection, number)

    def block(self, number: int) -> tuple[int, Packed]:
        """Return the run of a block and its ids."""
        return tables.block(self.connection, number)

    def requests(self, block: int, run: int) -> Iterator[tuple[BatchRow, OutcomeRow | None]]:
        """Yield the requests of a run's block."""
        if run not in self._inventories:
            self._inventories[run] = tables.inventory(self.connection, run)
        return tables.requests(self.connection, block, self._inventories[run])

    def requests_of(self, run: int) -> int:
        """Return how many requests of a run left, or may have left."""
        return tables.count_sent(self.connection, run)

    def receipts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, Receipt]]:
        """Yield the receipts of some ids, or all."""
        return journal_receipts.every(self.connection) if ids is None else journal_receipts.find(self.connection, ids)

    @staticmethod
    def people() -> dict[int, tuple[str, str]]:
        """Return no users and hosts: the journal is one person's."""
        return {}


class SqliteStore:
    """A journal's file, None for one in memory."""

    shared = False

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.named = None if path is None else str(path)
        self._memory = sqlite.open_memory() if path is None else None
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._held: WeakValueDictionary[str, MemoryLock] = WeakValueDictionary()

    @staticmethod
    def now_us() -> int:
        """Return the current time by this machine's clock."""
        return time.time_ns() // 1000

    def hold(self, campaign: str, *, anywhere: bool, own_ids: bool) -> SqliteHold:
        """Hold a campaign; see `journal.Journal.campaign`."""
        if self.path is None:
            forks.refuse_copy(self._pid)
        elif not place.holds_something(self.path):
            # Before the folder of locks: such a folder without its file means that the journal was lost.
            sqlite.open_file(self.path).close()
            say(f"New journal {self.path}: nothing is known of earlier sends.")
        lock = CampaignLock(self.path, campaign, self._held, anywhere=anywhere)
        lock.acquire(own_ids=own_ids, known=self._campaigns() if anywhere else ())
        try:
            connection = self._memory or custody.open_journal(self._file())
        except BaseException:
            lock.release()
            raise
        guard = threading.RLock() if self._memory is None else self._lock
        return SqliteHold(self.path, lock, connection, guard, reopened=self.reading)

    @contextmanager
    def receiving(self) -> Iterator[ReceiptBook]:
        """Hold the journal open for receipts; a file is made when the first one is written."""
        if self.path is None:
            forks.refuse_copy(self._pid)
        book = ReceiptBook(self.path, self._memory, self._lock if self._memory is not None else threading.RLock())
        try:
            yield book
        finally:
            book.close()

    def backup(self, to: Path) -> None:
        """Copy the journal's file."""
        if self.path is None or not place.holds_something(self.path):
            raise JournalError(f"There is no journal at {self.path} to make a backup of.")
        custody.backup(self.path, to)

    def accept(self, run: int) -> None:
        """Take a run that broke off as completely recorded."""
        if self.path is None or not place.holds_something(self.path):
            raise ConfigError(f"The journal has no run {run}.")
        custody.accept(self.path, run)

    def _campaigns(self) -> list[str]:
        with self.reading() as snapshot:
            return [] if snapshot is None else [run.campaign for run in snapshot.runs().values()]

    def _file(self) -> Path:
        if self.path is None:
            raise ValueError("a journal in memory has no file")
        return self.path

    @contextmanager
    def reading(self) -> Iterator[SqliteSnapshot | None]:
        """Hold one state of the journal; None: it is not there yet."""
        if self._memory is not None:
            # Before the lock, which a thread that was not forked may hold indefinitely.
            forks.refuse_copy(self._pid)
            with self._lock:
                yield SqliteSnapshot(self._memory)
            return
        path = self._file()
        if not place.holds_something(path):
            yield None
            return
        with custody.reading(path) as connection, custody.snapshot(connection, path):
            yield SqliteSnapshot(connection)


class SqliteHold:
    """A campaign that is held: its lock and one connection to the journal.

    `reopened` reads the journal once the campaign has been released; its connection then belongs to no one.
    """

    def __init__(
        self,
        path: Path | None,
        lock: CampaignLock,
        connection: sqlite3.Connection,
        guard: threading.RLock,
        *,
        reopened: Callable[[], AbstractContextManager[SqliteSnapshot | None]],
    ) -> None:
        self._path = path
        self._lock = lock
        self._connection: sqlite3.Connection | None = connection
        self._guard = guard
        self._reopened = reopened
        self._custody: Custody | None = None
        self.anywhere = lock.anywhere

    def own_ids(self) -> None:
        """Also exclude other runs whose frames have own ids."""
        self._lock.hold_own_ids()

    def record(self, *, rows: int, workers: int, anywhere: bool, gateway: str | None, app: str | None) -> Recorder:
        """Begin the record of a run; the campaign is released when it is closed, or when this raises."""
        try:
            if self._path is not None:
                sqlite.check_room(self._path, rows)
            with self._writing() as connection:
                number = tables.next_row_id(connection, "run")
                started_us = time.time_ns() // 1000
                home = HOMELESS if self.anywhere else int(anywhere)
                run = RunRow(number, self._lock.campaign, gateway, app, started_us, int(rows), home)
                tables.put_run(connection, run)
                # Before anyone sees the run: without it, the run would look interrupted.
                self._lock.note_run(number)
            self._custody = care = Custody(self._path, connection, self._lock, run)
        except BaseException as error:
            self.release()
            if isinstance(error, sqlite3.Error):
                raise sqlite.failed(self._path, error) from error
            raise
        return Recorder(connection, self._guard, run, workers=workers, custody=care, release=self.release)

    def forget(self) -> None:
        """Delete what is recorded of the campaign."""
        name = (self._lock.campaign,)
        with self._writing() as connection:
            blocks = "SELECT block.id FROM block JOIN run ON run.id = block.run WHERE run.campaign = ?"
            batches = f"SELECT id FROM batch WHERE block IN ({blocks})"
            # Otherwise they would count as receipts of later messages with the same ids.
            snapshot = SqliteSnapshot(connection)
            journal_receipts.drop(connection, lookup.receipt_ids_of(snapshot, frames.held(snapshot, *name)))
            connection.execute(f"DELETE FROM outcome WHERE batch IN ({batches})", name)
            connection.execute(f"DELETE FROM batch WHERE block IN ({blocks})", name)
            connection.execute(f"DELETE FROM block WHERE id IN ({blocks})", name)
            connection.execute("DELETE FROM run WHERE campaign = ?", name)

    def release(self) -> None:
        """Close the connection and release the lock; a second call does nothing."""
        connection, self._connection = self._connection, None
        try:
            if self._custody is not None:
                self._custody.note_end()
            if connection is not None and self._path is not None:
                custody.close(connection, self._path)
        finally:
            self._lock.release()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            raise ValueError("the campaign has been released")
        with self._guard, tables.writing(self._connection) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[SqliteSnapshot | None]:
        """Hold one state of the journal."""
        if self._connection is None or self._path is None:
            with self._reopened() as snapshot:
                yield snapshot
            return
        with self._guard, custody.snapshot(self._connection, self._path) as connection:
            yield SqliteSnapshot(connection)
