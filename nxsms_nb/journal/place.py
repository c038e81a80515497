"""Find a journal's place and check it: the name given, the file system, and what is there already.

Nothing is opened for writing or changed here: a file of another program keeps its bytes, its mode and its neighbours.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import platformdirs
import psutil

from nxsms_nb import env_file
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import named
from nxsms_nb.journal.addresses import is_address
from nxsms_nb.journal.schema import APPLICATION_ID
from nxsms_nb.settings import PLACEHOLDER

NETWORK_FILE_SYSTEMS: Final = frozenset(
    [
        "9p",
        "acfs",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "drvfs",
        "fakeowner",
        "fuse.beegfs",
        "fuse.blobfuse",
        "fuse.blobfuse2",
        "fuse.ceph-fuse",
        "fuse.curlftpfs",
        "fuse.drive",
        "fuse.gcsfuse",
        "fuse.geesefs",
        "fuse.glusterfs",
        "fuse.google-drive-ocamlfuse",
        "fuse.goofys",
        "fuse.grpcfuse",
        "fuse.gvfsd-fuse",
        "fuse.juicefs",
        "fuse.mfs",
        "fuse.mount-s3",
        "fuse.mountpoint-s3",
        "fuse.onedriver",
        "fuse.osxfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.seadrive",
        "fuse.smbnetfs",
        "fuse.sshfs",
        "fuse.vmhgfs-fuse",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "osxfs",
        "prl_fs",
        "pvfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "webdav",
        "wekafs",
    ]
)
"""Where SQLite's locks and fsync cannot be trusted (sqlite.org, "How To Corrupt An SQLite Database File", 2.1)."""

MEMORY: Final = ":memory:"
"""The name of a journal in memory, as in SQLite."""

_VARIABLE: Final = "NXSMS_JOURNAL"
_ELSEWHERE: Final = "Put it elsewhere: journal='…', or set NXSMS_JOURNAL."
_URL: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+\s*:/|file:|[Pp]ostgres(ql)?\s*:)")
_CONNECTION: Final = re.compile(r"(^|\s)(host|hostaddr|dbname|user|password|service)\s*=")
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def address(given: str | os.PathLike[str] | None) -> str | None:
    """Return the URL of the database that a person names, or ``NXSMS_JOURNAL`` does; None where they name a file."""
    text = env_file.variable(_VARIABLE)[0] if given is None else given
    return text.strip() if isinstance(text, str) and is_address(text.strip()) else None


def place(given: str | os.PathLike[str] | None) -> Path | None:
    """Return the absolute path of the file that a person names; None for a journal in memory.

    Without a name it is ``NXSMS_JOURNAL``, in the environment or a ``.env`` file, else a file in the user's data folder. What cannot be a file's path raises
    `ConfigError`.
    """
    what, folder = "journal=", Path()
    if given is None:
        what = f"{_VARIABLE}="
        given, folder = env_file.variable(_VARIABLE)
        if given is None:
            return platformdirs.user_data_path("nxsms_nb").absolute() / "journal.sqlite3"
    path = os.fspath(given)
    if path == MEMORY:
        return None
    if not path.strip():
        raise ConfigError(
            f"{what}{path!r} does not name a file. Name one, as in journal='campaigns.sqlite3', or omit journal=."
        )
    if path == PLACEHOLDER:
        raise ConfigError(f"{what}{path!r} is a placeholder. Replace it by the journal's file.")
    if _URL.match(path) or _CONNECTION.search(path):
        # Only the beginning: the rest may contain a password.
        kind = f"'{path.partition(':')[0]}:…' is a URL" if _URL.match(path) else "'…' is a connection string"
        raise ConfigError(
            f"{what}{kind} of a kind that the journal does not know. Name a file on a local disk, as in "
            "journal='campaigns.sqlite3', or a PostgreSQL database, as text: journal='postgresql://user@host/database'."
        )
    if path.endswith(("/", os.sep)):
        raise ConfigError(
            f"{what}{named(path)} is a folder. Name a file in it, as in {named(path + 'journal.sqlite3')}."
        )
    try:
        absolute = (folder / Path(path).expanduser()).absolute()
        # Fails for names that the system does not allow, not for files that do not exist.
        with suppress(OSError):
            absolute.lstat()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{what}{named(path)} is not the path of a file ({error}).") from error
    return absolute


def real(path: Path) -> Path:
    """Resolve links, as SQLite does: a link to a journal is the same journal."""
    return Path(os.path.realpath(path))


def locks_folder(path: Path) -> Path:
    """Return the folder, next to a journal, with the locks of its runs."""
    there = real(path)
    return there.with_name(there.name + ".locks")


def lost_note(path: Path) -> Path:
    """Return the file, next to a journal, that notes that the journal was lost during a run."""
    return locks_folder(path) / "lost.json"


def file_system(path: Path, mounts: list[tuple[str, str]]) -> str:
    """Return the type of the file system that holds an absolute path, from pairs of mount point and type.

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
    kind = file_system(real(path), mounts)
    if kind.lower() in NETWORK_FILE_SYSTEMS:
        raise JournalError(
            f"The journal {path} is on a network file system ({kind}), where its locks and its durability "
            "cannot be trusted. Put it on a local disk: journal='…', or set NXSMS_JOURNAL."
        )


def unusable(path: Path, error: OSError | sqlite3.Error) -> JournalError:
    """Return the error about a place that the system does not let us use."""
    return JournalError(
        f"The journal {path} cannot be opened for writing ({getattr(error, 'strerror', None) or error}). Nothing was sent. {_ELSEWHERE}"
    )


def holds_something(path: Path) -> bool:
    """Return whether a journal of ours is at a path, changing nothing; False where there is nothing, or an empty file.

    Anything else there, or a journal that is gone or emptied, raises `JournalError`.
    """
    refuse_network(path)
    try:
        # Before the file: a new journal's file is made before its folder.
        locked, lost = locks_folder(path).is_dir(), _lost(path)
        about: os.stat_result | None = path.stat()
    except FileNotFoundError:
        about = None
        if path.is_symlink():
            raise JournalError(
                f"The journal {path} is a link to {path.readlink()}, which does not exist. Nothing was sent. {_ELSEWHERE}"
            ) from None
    except OSError as error:
        raise unusable(path, error) from error
    if about is not None:
        _refuse_other_kinds(path, about)
    if lost is not None:
        raise JournalError(lost)
    if about is not None and about.st_size:
        _refuse_others(path)
        return True
    if locked:
        raise JournalError(
            f"The journal {path} is {'gone' if about is None else 'empty'}, but {locks_folder(path)} shows that runs were "
            "recorded in it. Nothing was sent. Put the journal, or a backup of it, back. To begin a new one, delete "
            "that folder too: the new journal knows nothing of earlier sends."
        )
    return False


def _refuse_other_kinds(path: Path, about: os.stat_result) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(about.st_mode):
            raise JournalError(f"The journal {path} is {kind}, not a file. Nothing was sent. {_ELSEWHERE}")
    if about.st_nlink > 1:
        raise JournalError(
            f"The journal {path} has {about.st_nlink} names (hard links). A run that uses one name does not see the locks "
            "of a run that uses another. Nothing was sent. Delete the other names, or copy it with nx.Journal(…).backup('…') and use the copy."
        )


_HEADER: Final = 512
"""The least bytes of an SQLite database; SQLite takes a smaller file as empty."""


_YOUNG_S: Final = 1.0
"""A file changed this many seconds ago, or less, may be a journal that another process is creating."""
_LOOKS: Final = 60
_PAUSE_S: Final = 0.02


def _refuse_others(path: Path) -> None:
    """Raise `JournalError` if a file is not a journal, nor a new file that is just becoming one."""
    for _ in range(_LOOKS):
        application = _application_of(path)
        if application == APPLICATION_ID:
            return
        if not 0 <= time.time() - path.stat().st_mtime < _YOUNG_S:
            break
        time.sleep(_PAUSE_S)
    what = "not a journal" if application is None else "a database of another program"
    raise JournalError(
        f"{path} is {what}, or was damaged. Nothing was sent, and it was left as it is. Name another file: journal='…'."
    )


def _application_of(path: Path) -> int | None:
    """Return the application id of a database; None: the file is not one.

    It is read through SQLite: closing a descriptor of our own would drop the locks that SQLite holds on the file in
    this process (sqlite.org, "How To Corrupt An SQLite Database File", 2.2). As one that nobody changes, so that SQLite
    puts no files next to it.
    """
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            application: int = connection.execute("PRAGMA application_id").fetchone()[0]
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            raise unusable(path, error) from error
        # SQLite's error may quote bytes that it does not understand.
        return None
    return application if path.stat().st_size >= _HEADER else None


def _lost(path: Path) -> str | None:
    note = lost_note(path)
    try:
        noted: Any = json.loads(note.read_text())
        return f"{noted['words']} Nothing was sent. {noted['remedy']}"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, LookupError, TypeError):
        return f"The journal {path} was lost while a run wrote to it. Nothing was sent. See {note}."
