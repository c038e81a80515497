"""The journal's file: where it lies, who may read it, and what it must look like."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs
import psutil

from nxsms_nb.errors import JournalError
from nxsms_nb.journalrows import Damage, prepare

NETWORK_FILE_SYSTEMS: Final = frozenset(
    [
        "9p",
        "afpfs",
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.gcsfuse",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "webdav",
    ]
)
"""Where SQLite's locks and fsync cannot be trusted (sqlite.org, "How To Corrupt An SQLite Database File", 2.1)."""

_BUSY_S: Final = 20.0
_ROW_BYTES: Final = 80


def default_path() -> Path:
    """Where the journal lies when nobody says otherwise: ``NXSMS_JOURNAL``, else the user's data folder."""
    named = os.environ.get("NXSMS_JOURNAL")
    return Path(named).expanduser() if named else platformdirs.user_data_path("nxsms_nb") / "journal.sqlite3"


def file_system(path: Path, mounts: list[tuple[str, str]]) -> str:
    """The type of the file system that holds a path.

    Parameters
    ----------
    path : Path
        Absolute.
    mounts : list of (str, str)
        Mount point and type.

    Examples
    --------
    >>> file_system(Path("/home/ada/x"), [("/", "ext4"), ("/home", "nfs4")])
    'nfs4'
    """
    best = ("", "")
    for point, kind in mounts:
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def refuse_network(path: Path) -> None:
    """Raise `JournalError` where a path lies on a network file system."""
    mounts = [(mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)]
    kind = file_system(path.resolve(), mounts)
    if kind.lower() in NETWORK_FILE_SYSTEMS:
        raise JournalError(
            f"The journal {path} would lie on a network file system ({kind}), where its locks and its durability "
            "cannot be trusted. Put it on a local disk: journal='…', or set NXSMS_JOURNAL."
        )


def open_file(path: Path, *, room_for: int | None = None) -> sqlite3.Connection:
    """Open a journal, making it where there is none.

    Parameters
    ----------
    path : Path
        The file.
    room_for : int, optional
        How many rows will be written; the disk must have room for them. None: it is opened to be read.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, write-ahead log, every commit synced to the disk.

    Raises
    ------
    JournalError
        The place is a network file system, read-only or full, or the file is not ours or from a newer version.
    """
    path = path.expanduser().absolute()
    refuse_network(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Never open a file that is there already: closing any descriptor of it would drop the locks that SQLite
        # holds on it in this process (sqlite.org, "How To Corrupt An SQLite Database File", 2.2).
        if not path.exists():
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise JournalError(
            f"The journal {path} cannot be opened for writing ({error.strerror}). Nothing was sent. "
            "Put it elsewhere: journal='…', or set NXSMS_JOURNAL."
        ) from error
    if room_for is not None:
        _check_room(path, room_for)
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            prepare(connection, str(path))
            _log_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
    except Damage as damage:
        raise damaged(path, damage) from damage
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"The journal {path} cannot be used ({error}). Nothing was sent. If it is not a journal of nxsms_nb, name "
            "another file: journal='…'. If the disk is full or read-only, mend that first."
        ) from error
    return connection


def damaged(path: Path | None, what: object) -> JournalError:
    """Return the error that says that a journal is damaged, and what to do."""
    return JournalError(
        f"The journal {path or 'in memory'} is damaged: {what}. Nothing was sent. Restore a backup of it, or move it away "
        "with the files that begin with its name. A new journal knows nothing of earlier sends; frames that carry their "
        "results (status, messageid) do."
    )


def _log_ahead(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait for this one by itself, and another process may be at it.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _check_room(path: Path, rows: int) -> None:
    free = shutil.disk_usage(path.parent).free
    needed = rows * _ROW_BYTES + (1 << 20)
    if free < needed:
        raise JournalError(
            f"The disk of the journal {path} has {free / 1e6:,.1f} MB left, and this run needs "
            f"{needed / 1e6:,.1f} MB. Nothing was sent. Make room, or put the journal elsewhere: journal='…'."
        )


def open_memory() -> sqlite3.Connection:
    """Open a journal that lives as long as its connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    prepare(connection, "in memory")
    return connection
