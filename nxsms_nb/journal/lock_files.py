"""The locks of a journal: the operating system's on open files next to its file, or objects for a journal in memory.

A lock is released when its process dies, threads of one kernel exclude each other as processes do, and a file that no one
holds any more closes by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from weakref import WeakValueDictionary

from nxsms_nb.errors import CampaignBusy
from nxsms_nb.journal.forks import register
from nxsms_nb.journal.place import locks_folder, refuse_network

_GATE_S: Final = 10.0
"""How long a call waits for others that are starting; starting takes some milliseconds."""
_LOOK_S: Final = 0.002
"""How often a call that waits at the gate tries again."""


class Handle(Protocol):
    """A lock that is held, until it is closed or forgotten."""

    def close(self) -> None:
        """Release the lock."""


class MemoryLock:
    """A lock of a journal in memory; the journal knows it as long as somebody holds it."""

    def __init__(self, held: WeakValueDictionary[str, MemoryLock], name: str, note: dict[str, Any]) -> None:
        self.note = note
        self._held = held
        self._name = name

    def close(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._held.get(self._name) is self:
            self._held.pop(self._name, None)


class MemoryLocks:
    """The locks of a journal in memory."""

    _gate = threading.RLock()

    def __init__(self, held: WeakValueDictionary[str, MemoryLock]) -> None:
        self._held = held

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Hold the gate, through which those who take locks pass one at a time."""
        with self._gate:
            yield

    def take(self, name: str, note: dict[str, Any]) -> MemoryLock:
        """Take a free lock, with a note on the holder; the gate is held."""
        lock = self._held[name] = MemoryLock(self._held, name, note | {"here": True})
        return lock

    def holder(self, name: str) -> dict[str, Any] | None:
        """Return the note of a lock's holder; None if no one holds it."""
        lock = self._held.get(name)
        return None if lock is None else lock.note

    def holders(self, known: Iterable[str]) -> Iterator[tuple[str | None, dict[str, Any]]]:  # noqa: ARG002  as FileLocks has it
        """Yield the name and note of each lock that is held; None for a name that is not `known`."""
        yield from [(name, lock.note) for name, lock in list(self._held.items())]


class FileLocks:
    """The locks of a journal's file, in a folder next to it."""

    def __init__(self, path: Path) -> None:
        self._journal = path
        self.folder = locks_folder(path)

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Hold the gate, through which those who take locks pass one at a time."""
        refuse_network(self._journal)
        # One by one: parents that mkdir creates are open to everyone.
        self._journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.mkdir(exist_ok=True, mode=0o700)
        until = time.monotonic() + _GATE_S
        while (gate := exclusive(self.folder / "starting.gate")) is None:
            time.sleep(_LOOK_S)
            if time.monotonic() > until:
                raise CampaignBusy(
                    f"Another call is starting with the journal {self._journal} and has not finished starting in "
                    f"{_GATE_S:.0f} s. Nothing was sent. Call again when it has; where its process is suspended, end it."
                )
        try:
            yield
        finally:
            gate.close()

    def take(self, name: str, note: dict[str, Any]) -> FileLock:
        """Take a free lock, with a note on the holder; the gate is held."""
        place = self.place(name)
        self.note(name, note)
        lock = exclusive(place)
        if lock is None:
            raise PermissionError(None, "another program holds its locks", str(place))
        return lock

    def note(self, name: str, note: dict[str, Any]) -> None:
        """Write a lock's note."""
        place = self.place(name)
        with open(place.with_suffix(".new"), "w", opener=_private) as file:
            json.dump(note, file)
        # Replaced atomically: others read it at any time.
        place.with_suffix(".new").replace(place.with_suffix(".json"))

    def holder(self, name: str) -> dict[str, Any] | None:
        """Return the note of a lock's holder; None if no one holds it."""
        return self._noted(self.place(name))

    def holders(self, known: Iterable[str]) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Yield the name and note of each lock that is held; None for a name that is not `known`."""
        names = {self.place(name): name for name in known}
        for place in sorted(self.folder.glob("*.lock")):
            note = self._noted(place)
            if note is not None:
                yield names.get(place), note

    def place(self, name: str) -> Path:
        """Return the path of a lock's file."""
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"

    @staticmethod
    def _noted(place: Path) -> dict[str, Any] | None:
        if not place.exists():
            return None
        lock = exclusive(place)
        if lock is not None:
            lock.close()
            return None
        try:
            note = json.loads(place.with_suffix(".json").read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


class FileLock:
    """A lock on an open file; closed when no one holds it any more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pid = os.getpid()
        register(self)

    def identity(self) -> tuple[int, int]:
        """Return device and inode of the open file."""
        about = os.fstat(self._file.fileno())
        return about.st_dev, about.st_ino

    def close(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._file.closed:
            return
        # A forked process shares the lock: it must neither release its parent's nor keep it.
        if os.getpid() == self._pid:
            _unlock(self._file)
        self._file.close()

    def leave_to_parent(self) -> None:
        """Close a forked process's copy, which would keep the lock beyond the parent's end."""
        self.close()

    def __del__(self) -> None:
        self.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    # Not the locks of POSIX, which SQLite uses: copying the folder in this process would drop them.
    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def exclusive(place: Path) -> FileLock | None:
    """Lock a file, and return the lock; None if someone else holds it."""
    file = open(place, "a+b", buffering=0, opener=_private)  # noqa: SIM115  it is the lock's from here on
    try:
        if _lock(file):
            return FileLock(file)
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
