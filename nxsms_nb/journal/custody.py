"""A journal's file in use: opened with what broke off looked after, watched while a run goes on, saved when it is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.journal import locks, log, sqlite, tables, watch
from nxsms_nb.journal.watch import JournalTrouble, Watch

if TYPE_CHECKING:
    from nxsms_nb.journal.locks import CampaignLock


def open_journal(path: Path, *, room_for: int | None = None) -> sqlite3.Connection:
    """Open a journal as `sqlite.open_file` does, and count what runs have left behind that broke off.

    Their log is deleted when the last connection closes, and its absence must not look like a loss then.
    """
    connection = sqlite.open_file(path, room_for=room_for)
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


def _close_broken(connection: sqlite3.Connection, number: int) -> None:
    with tables.writing(connection):
        # Again, since another process may have done it meanwhile.
        for run in tables.open_runs(connection):
            if run.id == number:
                tables.close_broken(connection, run)


class Custody:
    """What a run's recording asks of the journal around it.

    Parameters
    ----------
    path : Path or None
        The journal's file; None for one in memory.
    connection : sqlite3.Connection
        The run's.
    lock : CampaignLock
        The run's.
    run : journalrows.Run
        The run, just begun.
    """

    def __init__(
        self, path: Path | None, connection: sqlite3.Connection, lock: CampaignLock, run: tables.RunRow
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock
        self._run = run
        self._watch: Watch | None = None if path is None else sqlite.begun(connection, path, run)

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
        """Save what the run recorded where nobody else would find it; return what to do."""
        if self._path is None or not trouble.lost:
            return "What it recorded is in the journal."
        return watch.rescue(self._connection, self._path, trouble.words)

    def release(self) -> None:
        """Close the run's connection and release its campaign."""
        try:
            if self._path is not None:
                self._close(self._path)
        finally:
            self._lock.release()

    def _close(self, path: Path) -> None:
        try:
            ended = self._run.id not in {run.id for run in tables.open_runs(self._connection)}
            if ended and self._watch is not None and self._watch.trouble() is None:
                watch.note_last(path, self._connection)
        except (sqlite3.Error, tables.Damage):
            ended = False
        if ended:
            self._connection.close()
        else:
            sqlite.close_with_log(self._connection, path)


def backup(path: Path, to: Path) -> None:
    """Copy a journal; see `journal.Journal.backup`."""
    with closing(open_journal(path)) as connection, sqlite.as_journal_errors(path):
        tables.verify_all(connection)
        try:
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            watch.copy_journal(connection, to)
        except FileExistsError as error:
            raise ConfigError(f"{to} is there already, and a backup replaces nothing. Name a new file.") from error
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"The backup {to} could not be written ({getattr(error, 'strerror', None) or error}). The journal is as "
                "it was. Name another place, or make room."
            ) from error


def accept(path: Path, run: int) -> None:
    """Take a run without an end and without a log as complete; see `journal.Journal.accept`."""
    with closing(sqlite.open_file(path, without_log=True)) as connection, sqlite.as_journal_errors(path):
        broken = {run.id: run for run in tables.open_runs(connection)}
        if run not in broken or locks.at_work(path, broken[run].campaign, run):
            raise ConfigError(f"Run {run} is not one that broke off: {sorted(broken) or 'there is none'}.")
        _close_broken(connection, run)
