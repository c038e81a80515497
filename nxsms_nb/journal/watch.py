"""Watch whether a journal's files stay what they were when a run began, and save what can be saved if they do not.

Files are deleted, moved, replaced by a synchronising program or an older checkout, emptied, or linked to under a run. SQLite
goes on writing into a file that no one finds any more; the next run would know of nothing and send everything again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from nxsms_nb.errors import JournalError
from nxsms_nb.journal.entries import Damage
from nxsms_nb.journal.log import log_of, state
from nxsms_nb.journal.place import locks_folder, lost_note, real
from nxsms_nb.journal.tables import close_broken, open_runs, verify_all, writing

_LAST: Final = "last"


class JournalTrouble(NamedTuple):
    """What has happened to a journal during a run, and whether the next call cannot find what the run recorded."""

    words: str
    lost: bool


class Watch:
    """Watches whether a journal's files are still those that a run has opened; a connection is open on the journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _identity(path.stat())
        self._log = log = log_of(path)
        self._memory = log.with_name(log.name.removesuffix("-wal") + "-shm")
        self._shared = _identity(self._memory.stat())
        self._logged = state(log)

    def trouble(self) -> JournalTrouble | None:
        """Return what has happened to the files, or None."""
        try:
            about = self.path.stat()
            if _identity(about) != self._file:
                return JournalTrouble("was replaced by another file", lost=True)
            if about.st_size == 0:
                return JournalTrouble("was emptied", lost=True)
            if about.st_nlink > 1:
                return JournalTrouble("now has a second name (a hard link)", lost=False)
        except FileNotFoundError:
            return JournalTrouble("was deleted or moved", lost=True)
        except OSError as error:
            return JournalTrouble(f"cannot be reached any more ({error.strerror})", lost=True)
        try:
            there = _identity(self._memory.stat()) == self._shared
        except OSError:
            there = False
        return self.trouble_with_log() if there else _BESIDE_LOST

    def trouble_with_log(self) -> JournalTrouble | None:
        """Return what has happened to the write-ahead log, or None; another process may be at its head just now."""
        for _ in range(2):
            try:
                now = state(self._log)
            except OSError:
                return _BESIDE_LOST
            if now.file != self._logged.file:
                return _BESIDE_LOST
            if self._logged.may_become(now):
                self._logged = now
                return None
        return JournalTrouble(
            f"has lost what its log, {self._log.name}, held: that file was emptied, truncated or overwritten", lost=True
        )


_BESIDE_LOST: Final = JournalTrouble("has lost its files that end in -wal and -shm", lost=True)


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def last_known(path: Path) -> tuple[int, int]:
    """Return the last known run and request of a journal."""
    try:
        run, batch = json.loads((locks_folder(path) / _LAST).read_text())
        return int(run), int(batch)
    except (OSError, ValueError, TypeError):
        return 0, 0


def note_last(path: Path, connection: sqlite3.Connection) -> None:
    """Note the journal's last run and request next to it, so that an older copy put in its place is noticed."""
    come = tuple(max(pair) for pair in zip(_come(connection), last_known(path), strict=True))
    folder = locks_folder(path)
    with suppress(OSError):
        part = folder / f"{_LAST}.{os.getpid()}"
        with open(part, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(come, file)
        part.replace(folder / _LAST)


def refuse_older(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `JournalError` if a journal lacks entries that it had: it is an older copy."""
    # The mark first: another process may record and mark a run between the two reads.
    last = last_known(path)
    if any(now < before for now, before in zip(_come(connection), last, strict=True)):
        raise JournalError(
            f"The journal {path} is older than the one that was here: runs or requests are missing that it had (a backup, "
            "a checkout or a synchronising program put back an older copy). Nothing was sent. Put the newer one back. "
            f"To go on with this one, delete {locks_folder(path)}: what the missing runs sent can then be sent again."
        )


def _come(connection: sqlite3.Connection) -> tuple[int, int]:
    numbers = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return int(numbers.get("run", 0)), int(numbers.get("batch", 0))


def copy_journal(connection: sqlite3.Connection, to: Path) -> None:
    """Copy a journal into a new file that only its owner may read, and verify the copy; a failed copy is removed.

    A run that is still in progress has an end in the copy.
    """
    os.close(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(to, isolation_level=None)) as target:
            connection.backup(target)
            target.execute("PRAGMA synchronous = FULL")
            target.execute("PRAGMA journal_mode = DELETE")
            with writing(target):
                for run in open_runs(target):
                    close_broken(target, run)
            verify_all(target)
    except BaseException:
        for name in (to.name, f"{to.name}-journal", f"{to.name}-wal", f"{to.name}-shm"):
            with suppress(OSError):
                to.with_name(name).unlink()
        raise


def rescue(connection: sqlite3.Connection, path: Path, trouble: str) -> str:
    """Save the journal that a run has open but no one else can find, and return what to do.

    Until a person has looked, no other run begins.
    """
    now = datetime.now(UTC)
    there, note = real(path), lost_note(path)
    to = there.with_name(f"{there.name}.rescued-{now:%Y%m%dT%H%M%S%f}")
    try:
        there.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy_journal(connection, to)
        remedy = (
            f"What its runs recorded was saved as {to}: use that file from now on, journal={str(to)!r}, or put it in the "
            f"place of {path}, without {log_of(path).name} next to it, and delete {note}."
        )
    except (OSError, sqlite3.Error, Damage):
        remedy = (
            "What its runs recorded could not be saved. Put the journal or a backup of it back, and keep the frames of its "
            f"runs (.frame of their errors): sent again, they know what was sent. Then delete {note}."
        )
    words = f"On {now:%Y-%m-%d %H:%M} UTC the journal {path} {trouble} while a run was in progress."
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(note, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump({"words": words, "remedy": remedy}, file)
    return remedy
