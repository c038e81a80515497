"""Keep a forked process from using or releasing the connections and locks of its parent's journals.

A connection of SQLite does not survive a fork: its copy counts the parent's locks as its own, and so does every further
connection of the forked process to that file (sqlite.org, "How To Corrupt An SQLite Database File", 2.6).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakSet

from nxsms_nb.errors import JournalError
from nxsms_nb.journal.place import real

__all__ = ["refuse_copy"]


class _Held(Protocol):
    """An object of which a forked process gets a copy."""

    def leave_to_parent(self) -> None: ...


_held: Final[WeakSet[_Held]] = WeakSet()
_parents: Final[dict[Path, int]] = {}
"""The journals that the parent had open when this process was forked, and the parent's pid."""
_kept: Final[list[sqlite3.Connection]] = []
"""Their connections: closing one here could remove the log that the parent still uses."""


def register(held: _Held) -> None:
    """Register an object while it exists, so that each forked process leaves it to the parent."""
    _held.add(held)


def connect(path: Path, **options: Any) -> sqlite3.Connection:
    """Open a connection on a journal's file, or raise `JournalError` where the parent had one when this process was forked.

    Options are those of ``sqlite3.connect``.
    """
    if (parent := _parents.get(real(path))) is not None:
        raise JournalError(
            f"This process was forked from process {parent} while a run there used the journal {path}, which cannot be used "
            f"here any more. Nothing was sent. Send in process {parent}, or start this one by 'spawn', as in "
            "multiprocessing.get_context('spawn')."
        )
    return sqlite3.connect(path, factory=_Connection, **options)


def refuse_copy(pid: int) -> None:
    """Raise `JournalError` where a journal in memory was made by another process, of which this one is a fork.

    Each has a copy from then on, and does not learn of what the other sends.
    """
    if pid != os.getpid():
        raise JournalError(
            f"The journal in memory belongs to process {pid}, from which this one was forked: neither would know what the "
            f"other sends. Nothing was sent. Send in process {pid}, or name a file, which processes share: "
            "journal='campaigns.sqlite3'."
        )


class _Connection(sqlite3.Connection):
    """A connection that a forked process leaves to its parent."""

    def __init__(self, path: Path, *args: Any, **options: Any) -> None:
        self._file = real(path)
        self._pid = os.getpid()
        # First, since the fork may come while the file is being opened.
        register(self)
        super().__init__(path, *args, **options)

    def leave_to_parent(self) -> None:
        _parents[self._file] = self._pid
        _kept.append(self)

    def close(self) -> None:
        """Close the connection; processes forked later can then ignore it."""
        if self._pid == os.getpid():
            super().close()
            _held.discard(self)


def _in_forked_process() -> None:
    for held in list(_held):
        held.leave_to_parent()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_process)
