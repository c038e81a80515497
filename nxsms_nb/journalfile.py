"""The journal's file: where it lies, who may read it, and what it must look like."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import platformdirs
import psutil
import pyarrow as pa

from nxsms_nb import blocks
from nxsms_nb.cells import TEXT
from nxsms_nb.errors import JournalError

APPLICATION_ID: Final = 0x4E58534D
"""``NXSM``: marks the file as a journal of ours (SQLite's ``application_id``)."""


def _pack_blocks(connection: sqlite3.Connection) -> None:
    """Hold ids that are spelled digests as digests, of which the fingerprint is a part: 16 bytes a row in place of 43."""
    connection.execute(
        """
        CREATE TABLE packed (
            id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id),
            digested INTEGER NOT NULL, fingerprints BLOB NOT NULL, rest BLOB NOT NULL
        )
        """
    )
    for number, run, ids in connection.execute("SELECT id, run, ids FROM block ORDER BY id"):
        held = blocks.packed(pa.array(bytes(ids).decode().split("\n"), TEXT))
        connection.execute(
            "INSERT INTO packed(id, run, digested, fingerprints, rest) VALUES (?, ?, ?, ?, ?)", (number, run, *held)
        )
    connection.execute("DROP TABLE block")
    connection.execute("ALTER TABLE packed RENAME TO block")
    connection.execute("CREATE INDEX block_run ON block(run)")


MIGRATIONS: Final[tuple[str | Callable[[sqlite3.Connection], None], ...]] = (
    """
    CREATE TABLE campaign (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, campaign INTEGER NOT NULL REFERENCES campaign(id),
        started_us INTEGER NOT NULL, ended_us INTEGER, rows INTEGER NOT NULL, anywhere INTEGER NOT NULL DEFAULT 0,
        rate REAL, pace REAL, stopped TEXT
    );
    CREATE TABLE block (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id),
        ids BLOB NOT NULL, fingerprints BLOB NOT NULL
    );
    CREATE INDEX block_run ON block(run);
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY AUTOINCREMENT, block INTEGER NOT NULL REFERENCES block(id),
        start INTEGER NOT NULL, size INTEGER NOT NULL, sent_us INTEGER NOT NULL, query INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX batch_block ON batch(block);
    CREATE TABLE outcome (
        batch INTEGER PRIMARY KEY REFERENCES batch(id), status INTEGER NOT NULL, code INTEGER, reason TEXT,
        latency_ms REAL, carried INTEGER NOT NULL, exceptions TEXT
    );
    """,
    # Fingerprints are read far more often than ids: before them, they are found without walking through the ids' pages.
    """
    CREATE TABLE reordered (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id),
        fingerprints BLOB NOT NULL, ids BLOB NOT NULL
    );
    INSERT INTO reordered(id, run, fingerprints, ids) SELECT id, run, fingerprints, ids FROM block;
    DROP TABLE block;
    ALTER TABLE reordered RENAME TO block;
    CREATE INDEX block_run ON block(run);
    """,
    _pack_blocks,
)
"""Schema versions: the nth script, or function, leads from version n to n + 1."""

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
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"The journal {path} cannot be used ({error}). Nothing was sent. If it is not a journal of nxsms_nb, name "
            "another file: journal='…'. If the disk is full or read-only, mend that first."
        ) from error
    return connection


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


def prepare(connection: sqlite3.Connection, name: str) -> None:
    """Check that a database is a journal of ours, and bring its schema up to date."""
    # In one transaction: another process may be making the file at this moment.
    connection.execute("BEGIN")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    if application != APPLICATION_ID and (application or tables):
        raise JournalError(f"{name} is a database of another program. Name another file: journal='…'.")
    if version > len(MIGRATIONS):
        raise JournalError(
            f"The journal {name} was written by a newer version of nxsms_nb (schema {version}, this one knows "
            f"{len(MIGRATIONS)}). Upgrade: python -m pip install --upgrade nxsms_nb"
        )
    if version == len(MIGRATIONS):
        return
    with writing(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in MIGRATIONS[version:]:
            if callable(step):
                step(connection)
                continue
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction; rolled back whole where anything in it fails, so that no half of a record stays."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
