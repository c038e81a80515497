"""Look after a journal's file in use.

Complete interrupted runs on opening, watch it during a run, rescue it if it is lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.journal import locks, log, sqlite, tables, watch
from nxsms_nb.journal.entries import Damage, RunRow
from nxsms_nb.journal.watch import JournalTrouble, Watch

if TYPE_CHECKING:
    from nxsms_nb.journal.locks import CampaignLock


def open_journal(path: Path) -> sqlite3.Connection:
    """Open a journal as `sqlite.open_file` does, and count what interrupted runs recorded.

    Their log is deleted when the last connection closes, and its absence must not look like a loss then.
    """
    connection = sqlite.open_file(path)
    try:
        with sqlite.as_journal_errors(path):
            for run in tables.open_runs(connection):
                if not locks.at_work(path, run.campaign, run.id):
                    log.refuse_torn_log(path, connection)
                    _close_broken(connection, run.id)
    except BaseException:
        sqlite.close_with_log(connection, path)
        raise
    return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal for reading, and keep its log on closing if a run needs it."""
    connection = open_journal(path)
    try:
        yield connection
    finally:
        close(connection, path)


@contextmanager
def snapshot(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Hold one state of the journal, so that everything read in it is consistent."""
    with sqlite.as_journal_errors(path):
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _close_broken(connection: sqlite3.Connection, number: int) -> None:
    with tables.writing(connection):
        # Again: another process may have done it meanwhile.
        for run in tables.open_runs(connection):
            if run.id == number:
                tables.close_broken(connection, run)


class Custody:
    """What a run's record needs in addition to its connection.

    Watching, rescue and marks of the journal's files, and the lock.
    """

    def __init__(self, path: Path | None, connection: sqlite3.Connection, lock: CampaignLock, run: RunRow) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock
        self._run = run
        self._watch: Watch | None = None if path is None else sqlite.begun(connection, path, run)

    def look_at_log(self) -> JournalTrouble | None:
        """Return what has happened to the journal if its write-ahead log is not as it was, else None."""
        if self._watch is None or (trouble := self._watch.trouble_with_log()) is None:
            return None
        return self.look() or trouble

    def look(self) -> JournalTrouble | None:
        """Return what has happened to the journal's files or to the run's lock, or None."""
        if self._watch is not None and (trouble := self._watch.trouble()) is not None:
            return trouble
        return (
            None
            if self._lock.intact()
            else JournalTrouble("has lost the lock of the run, which was deleted", lost=False)
        )

    def save(self, trouble: JournalTrouble) -> str:
        """Save what the run recorded, which no one else would find; return what to do."""
        if self._path is None or not trouble.lost:
            return "What it recorded is in the journal."
        return watch.rescue(self._connection, self._path, trouble.words)

    def note_end(self) -> None:
        """Note the journal's last entries, if the run has ended and the files are still its own."""
        if self._path is None or self._watch is None or self._watch.trouble() is not None:
            return
        with suppress(sqlite3.Error, Damage):
            if self._run.id not in {run.id for run in tables.open_runs(self._connection)}:
                watch.note_last(self._path, self._connection)


def close(connection: sqlite3.Connection, path: Path) -> None:
    """Close a connection, leaving the log while a run has no end: without it the journal would look lost."""
    try:
        ended = not tables.open_runs(connection)
    except (sqlite3.Error, Damage):
        ended = False
    if ended:
        connection.close()
    else:
        sqlite.close_with_log(connection, path)


def backup(path: Path, to: Path) -> None:
    """Copy a journal; see `journal.Journal.backup`."""
    with reading(path) as connection, sqlite.as_journal_errors(path):
        tables.verify_all(connection)
        try:
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            watch.copy_journal(connection, to)
        except FileExistsError as error:
            raise ConfigError(f"{to} exists already, and a backup never replaces a file. Name a new one.") from error
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"The backup {to} could not be written ({getattr(error, 'strerror', None) or error}). The journal is as "
                "it was. Name another place, or make room."
            ) from error


def accept(path: Path, run: int) -> None:
    """Accept a run without an end and without a log as complete; see `journal.Journal.accept`."""
    with closing(sqlite.open_file(path, without_log=True)) as connection, sqlite.as_journal_errors(path):
        broken = {run.id: run for run in tables.open_runs(connection)}
        if run not in broken or locks.at_work(path, broken[run].campaign, run):
            raise ConfigError(f"Run {run} is not an interrupted run: {sorted(broken) or 'there is none'}.")
        _close_broken(connection, run)
