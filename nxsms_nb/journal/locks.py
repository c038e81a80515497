"""Who is at work in a journal: one run at a time for each campaign, and none beside a run whose rows may be anybody's.

Each lock is one of the operating system on an open file: it is given back when the process dies, threads of one kernel
exclude each other as processes do, and a file that nobody holds any more closes by itself. Whoever takes locks holds the
gate meanwhile, so that looking at the locks of others and taking one's own is one step: nobody meets a lock that is only
being looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from weakref import WeakValueDictionary

from nxsms_nb.errors import CampaignBusy, JournalError
from nxsms_nb.formatting import named
from nxsms_nb.journal.forks import hold
from nxsms_nb.journal.place import locks_folder, refuse_network, unusable

__all__ = ["CampaignLock"]

_OWN_IDS: Final = " own ids"
_ANYWHERE: Final = " anywhere"
"""Locks beside those of the campaigns; no campaign's name begins with a blank."""
_GATE_S: Final = 10.0
"""How long a call waits for others that are just starting; each takes some milliseconds."""
_LOOK_S: Final = 0.002
"""How often whoever waits at the gate tries again."""


class _Handle(Protocol):
    """A lock that is held, until it is closed or forgotten."""

    def close(self) -> None: ...


class MemoryLock:
    """A lock of a journal in memory; the journal knows it as long as somebody holds it."""

    def __init__(self, held: WeakValueDictionary[str, MemoryLock], name: str, note: dict[str, Any]) -> None:
        self.note = note
        self._held = held
        self._name = name

    def close(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._held.get(self._name) is self:
            self._held.pop(self._name, None)


class _Memory:
    """The locks of a journal in memory."""

    _gate = threading.RLock()

    def __init__(self, held: WeakValueDictionary[str, MemoryLock]) -> None:
        self._held = held

    @contextmanager
    def gate(self) -> Iterator[None]:
        with self._gate:
            yield

    def take(self, name: str, note: dict[str, Any]) -> MemoryLock:
        lock = self._held[name] = MemoryLock(self._held, name, note | {"here": True})
        return lock

    def holder(self, name: str) -> dict[str, Any] | None:
        lock = self._held.get(name)
        return None if lock is None else lock.note

    def holders(self, known: Iterable[str]) -> Iterator[tuple[str | None, dict[str, Any]]]:  # noqa: ARG002  as _Files has it
        yield from [(name, lock.note) for name, lock in list(self._held.items())]


class _Files:
    """The locks of a journal's file, in a folder next to it."""

    def __init__(self, path: Path) -> None:
        self._journal = path
        self.folder = locks_folder(path)

    @contextmanager
    def gate(self) -> Iterator[None]:
        refuse_network(self._journal)
        # One after the other: folders made on the way to another one are open to all.
        self._journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.mkdir(exist_ok=True, mode=0o700)
        until = time.monotonic() + _GATE_S
        while (gate := _exclusive(self.folder / "starting.gate")) is None:
            time.sleep(_LOOK_S)
            if time.monotonic() > until:
                raise CampaignBusy(
                    f"Another call is starting with the journal {self._journal} and has not come through in "
                    f"{_GATE_S:.0f} s. Nothing was sent. Call again when it has; where its process is suspended, end it."
                )
        try:
            yield
        finally:
            gate.close()

    def take(self, name: str, note: dict[str, Any]) -> _FileLock:
        place = self.place(name)
        self.note(name, note)
        lock = _exclusive(place)
        if lock is None:
            raise PermissionError(None, "another program holds its locks", str(place))
        return lock

    def note(self, name: str, note: dict[str, Any]) -> None:
        place = self.place(name)
        with open(place.with_suffix(".new"), "w", opener=_private) as file:
            json.dump(note, file)
        # Whole or not at all: others read it at any time.
        place.with_suffix(".new").replace(place.with_suffix(".json"))

    def holder(self, name: str) -> dict[str, Any] | None:
        return self._noted(self.place(name))

    def holders(self, known: Iterable[str]) -> Iterator[tuple[str | None, dict[str, Any]]]:
        names = {self.place(name): name for name in (*known, "", _OWN_IDS, _ANYWHERE)}
        for place in sorted(self.folder.glob("*.lock")):
            note = self._noted(place)
            if note is not None:
                yield names.get(place), note

    def place(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"

    @staticmethod
    def _noted(place: Path) -> dict[str, Any] | None:
        if not place.exists():
            return None
        lock = _exclusive(place)
        if lock is not None:
            lock.close()
            return None
        try:
            note = json.loads(place.with_suffix(".json").read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


class CampaignLock:
    """Held by the one run of a campaign; dies with its process, and holds between threads of one kernel.

    Parameters
    ----------
    path : Path or None
        The journal's file; None for one in memory.
    campaign : str
        The campaign's name, empty for the unnamed one.
    held : WeakValueDictionary of str to MemoryLock
        The locks of a journal in memory.
    anywhere : bool, default False
        Whether the run's rows may belong to any campaign: it then excludes every other run of the journal, and is
        excluded by each.

    Attributes
    ----------
    campaign : str
        As given.
    anywhere : bool
        As given.
    """

    def __init__(
        self,
        path: Path | None,
        campaign: str,
        held: WeakValueDictionary[str, MemoryLock],
        *,
        anywhere: bool = False,
    ) -> None:
        self.campaign = campaign
        self.anywhere = anywhere
        self._locks: _Memory | _Files = _Memory(held) if path is None else _Files(path)
        self._taken: dict[str, _Handle] = {}
        self._places: dict[Path, tuple[int, int]] = {}

    def acquire(self, *, own_ids: bool = False, known: Iterable[str] = ()) -> None:
        """Take the lock, or raise `CampaignBusy` naming the run that holds it.

        With `own_ids` runs whose frames bring ids are kept away in every campaign. `known` are the campaigns' names, since
        the locks' files have none.
        """
        with self._at_the_gate():
            if self.anywhere:
                for name, note in self._locks.holders(known):
                    raise _busy_for_anywhere(name, note)
                self._take(_ANYWHERE)
                return
            holder = self._locks.holder(_ANYWHERE)
            if holder is not None:
                raise _busy(_ANYWHERE, holder)
            self._take(self.campaign, *([_OWN_IDS] if own_ids else []))

    def hold_own_ids(self) -> None:
        """Keep other runs whose frames bring ids away: such ids are known in every campaign, so one lock is for all."""
        if not self.anywhere and _OWN_IDS not in self._taken:
            with self._at_the_gate():
                self._take(_OWN_IDS)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        while self._taken:
            with suppress(KeyError):
                self._taken.popitem()[1].close()

    def note_run(self, run: int) -> None:
        """Note which run of the journal holds the lock: others tell by it a run at work from one that broke off."""
        if isinstance(self._locks, _Files):
            for name in self._taken:
                self._locks.note(name, _note() | {"run": run})

    def intact(self) -> bool:
        """Return whether the lock still keeps others away: its file may have been deleted, or its folder emptied."""
        try:
            return all(_identity(place) == identity for place, identity in self._places.items())
        except OSError:
            return False

    @contextmanager
    def _at_the_gate(self) -> Iterator[None]:
        try:
            with self._locks.gate():
                yield
        except OSError as error:
            place = self._locks.folder if isinstance(self._locks, _Files) else "in memory"
            raise JournalError(
                f"The journal's folder {place} cannot be written ({error.strerror or error}). Nothing "
                "was sent. Put the journal elsewhere: journal='…', or set NXSMS_JOURNAL."
            ) from error

    def _take(self, *names: str) -> None:
        """Take locks, all of them or none; the gate is held."""
        note = _note()
        for name in names:
            # At the gate nobody comes between the look and the taking.
            holder = self._locks.holder(name)
            if holder is not None:
                raise _busy(name, holder)
        try:
            for name in names:
                self._taken[name] = lock = self._locks.take(name, note)
                if isinstance(self._locks, _Files) and isinstance(lock, _FileLock):
                    self._places[self._locks.place(name)] = lock.identity()
        except BaseException:
            self.release()
            raise


class _FileLock:
    """A lock on an open file; closed where nobody holds it any more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pid = os.getpid()
        hold(self)

    def identity(self) -> tuple[int, int]:
        about = os.fstat(self._file.fileno())
        return about.st_dev, about.st_ino

    def close(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._file.closed:
            return
        # A forked process has the same lock: it must not give back its parent's, and must not keep it either.
        if os.getpid() == self._pid:
            _unlock(self._file)
        self._file.close()

    def leave_to_parent(self) -> None:
        """Drop a forked process's copy, which would keep the lock beyond the parent's end."""
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

    # Not the locks of POSIX, which SQLite uses: whoever copies the folder in this process would drop them unawares.
    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def _exclusive(place: Path) -> _FileLock | None:
    """The lock of a file, held; None where another one holds it."""
    file = open(place, "a+b", buffering=0, opener=_private)  # noqa: SIM115  it is the lock's from here on
    try:
        if _lock(file):
            return _FileLock(file)
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def at_work(path: Path, campaign: str, run: int) -> bool:
    """Return whether a run that the journal has no end of may still be at work."""
    locks = _Files(path)
    try:
        with locks.gate():
            notes = [note for name in (campaign, _ANYWHERE) if (note := locks.holder(name)) is not None]
    except OSError as error:
        raise unusable(path, error) from error
    # A note that cannot be read may be in the writing.
    return any(not note or note.get("run") == run for note in notes)


def _note() -> dict[str, Any]:
    return {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _identity(place: Path) -> tuple[int, int]:
    about = place.stat()
    return about.st_dev, about.st_ino


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _who(note: dict[str, Any]) -> str:
    try:
        return f"since {note['since']} in " + ("this kernel" if note.get("here") else f"process {int(note['pid'])}")
    except (KeyError, TypeError, ValueError):
        return "in another process"


def _what(name: str | None) -> str:
    if name is None:
        return "another campaign"
    if name == _OWN_IDS:
        return "a frame with its own sys_message_id"
    if name == _ANYWHERE:
        return "rows that the journal cannot assign to a campaign"
    return f"campaign {named(name)}" if name else "the unnamed campaign"


def _busy(name: str, note: dict[str, Any]) -> CampaignBusy:
    if name == _OWN_IDS:
        return CampaignBusy(
            f"A run whose frame brings its own sys_message_id is under way {_who(note)}, and such ids are known in every "
            "campaign. Nothing was sent. Wait for it or stop it."
        )
    if name == _ANYWHERE:
        return CampaignBusy(
            f"A retry or reconcile of {_what(name)} is under way {_who(note)}, and they may belong to this one. Nothing was "
            "sent. Wait for it or stop it."
        )
    return CampaignBusy(
        f"A run of {_what(name)} is under way {_who(note)}. Nothing was sent. Wait for it or stop it; a run of another "
        "campaign= may go on beside it."
    )


def _busy_for_anywhere(name: str | None, note: dict[str, Any]) -> CampaignBusy:
    return CampaignBusy(
        f"A run of {_what(name)} is under way {_who(note)}, and the journal does not know to which campaign these "
        "rows belong: they may be about to be sent by that run. Nothing was sent. Wait for it or stop it."
    )
