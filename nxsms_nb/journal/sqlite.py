"""Open, check and close a journal's file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from nxsms_nb.errors import JournalError, NxsmsError
from nxsms_nb.journal.entries import Damage, RunRow
from nxsms_nb.journal.forks import connect
from nxsms_nb.journal.log import has_log, log_of
from nxsms_nb.journal.place import holds_something, unusable
from nxsms_nb.journal.schema import check_layout
from nxsms_nb.journal.tables import BUSY_S, open_runs, run_rows
from nxsms_nb.journal.watch import Watch, note_last, refuse_older

_ROW_BYTES: Final = 80


def open_file(path: Path, *, without_log: bool = False) -> sqlite3.Connection:
    """Open a journal, creating it where there is none: autocommit, write-ahead log, every commit synced to the disk.

    `without_log` accepts a run without an end whose log may be lost. `JournalError` is raised where the place is a
    network file system, read-only or full, or the file is not ours or from a newer version.
    """
    there = holds_something(path)
    try:
        if not there:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise unusable(path, error) from error
    with as_journal_errors(path):
        # Again: the run may have begun in between.
        for _ in range(2):
            logged = without_log or has_log(path)
            connection = _connected(path)
            try:
                refuse_older(path, connection)
                broken = [] if logged else open_runs(connection)
            except BaseException:
                connection.close()
                raise
            if not broken:
                return connection
            connection.close()
    raise JournalError(
        f"The journal {path} has a run without an end, {broken[0].id} of {_campaign(broken[0].campaign)}, and no log "
        f"({log_of(path).name}): it was copied or moved without that file, or the file was deleted. What the run sent last "
        f"is not known. Nothing was sent. Put the file back next to it, or restore a backup. If no file is missing, because "
        f"another program has opened the journal since: nx.Journal({str(path)!r}).accept({broken[0].id})"
    )


def _campaign(name: str) -> str:
    return f"campaign {name!r}" if name else "the unnamed campaign"


_ELSEWHERE: Final = "put it elsewhere: journal='…', or set NXSMS_JOURNAL."
_RIGHTS: Final = f"Check that you may write to the file and its folder, or {_ELSEWHERE}"
_NOT_SENT: Final = "Nothing was sent."
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: f"Make room on its disk, or {_ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"Check that its disk works and has room, or {_ELSEWHERE}",
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
        "Another program holds it: close it there, and call again.",
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH), _RIGHTS
    ),
}
"""What to do, by SQLite's error code; any other is caused by a damaged file."""


def _connected(path: Path) -> sqlite3.Connection:
    connection = connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        check_layout(connection, str(path))
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def begun(connection: sqlite3.Connection, path: Path, run: RunRow) -> Watch:
    """Move a run that has just begun into the main file, check that others find it there, and start to watch the files.

    A copy of that file without its log then shows a run without an end. A reader of an old state (another program that
    has the journal open) keeps the run out of the main file; only this sign is then missing.
    """
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    try:
        watch = Watch(path)
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as another:
            there = run_rows(another).get(run.id) == run
    except OSError:
        there = False
    if not there or watch.trouble() is not None:
        raise JournalError(
            f"The journal {path} was moved or replaced while the run began. Nothing was sent. Begin again."
        )
    note_last(path, connection)
    return watch


def close_with_log(connection: sqlite3.Connection, path: Path) -> None:
    """Close a connection whose run has no end, leaving the log: without it the journal would look lost."""
    with suppress(sqlite3.Error):
        keeper = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            # The last connection to close deletes the log, unless it is read-only.
            keeper.execute("SELECT count(*) FROM run").fetchone()
            connection.close()
        finally:
            keeper.close()
    connection.close()


@contextmanager
def as_journal_errors(path: Path | None) -> Iterator[None]:
    """Raise any error of reading a journal as a `JournalError` with its remedy."""
    try:
        yield
    except NxsmsError:
        raise
    except sqlite3.DatabaseError as error:
        raise failed(path, error) from error
    except (Damage, *_UNREADABLE) as error:
        raise damaged(path, error) from error


_UNREADABLE: Final = (sqlite3.Error, ValueError, LookupError, TypeError, ArithmeticError)
"""The errors of reading a file whose bytes have changed, where no checksum catches it."""


def failed(path: Path | None, error: sqlite3.Error, so: str = _NOT_SENT) -> JournalError:
    """Return the error for a failed read or write of a journal: why, what it means, and what to do."""
    remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if remedy is None:
        return damaged(path, error, so)
    return JournalError(f"The journal {path or 'in memory'} cannot be used ({error}). {so} {remedy}")


def damaged(path: Path | None, what: object, so: str = _NOT_SENT) -> JournalError:
    """Return the error for a damaged journal: what is damaged, what it means, and what to do."""
    return JournalError(
        f"The journal {path or 'in memory'} is damaged: {what}. {so} Restore a backup of it, or move it away "
        "with the files that begin with its name. A new journal knows nothing of earlier sends; frames that carry their "
        "results (status, messageid) do."
    )


def _log_ahead(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait for this by itself, and another process may be doing it.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def check_room(path: Path, rows: int) -> None:
    """Raise `JournalError` if the disk has no room for the records of a run with this many rows."""
    free = shutil.disk_usage(path.parent).free
    needed = rows * _ROW_BYTES + (1 << 20)
    if free < needed:
        raise JournalError(
            f"The disk of the journal {path} has {free / 1e6:,.1f} MB left, and this run needs "
            f"{needed / 1e6:,.1f} MB. Nothing was sent. Make room, or put the journal elsewhere: journal='…'."
        )


def open_memory() -> sqlite3.Connection:
    """Open a journal that lasts as long as its connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    check_layout(connection, "in memory")
    return connection
