"""Campaign locks: one run at a time per campaign, and none alongside a run whose rows may be any campaign's.

Locks are taken at the gate, so that checking the locks of others and taking one's own is one step: no one meets a lock that
is only being checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from nxsms_nb.errors import CampaignBusy, JournalError
from nxsms_nb.formatting import named
from nxsms_nb.journal.lock_files import FileLock, FileLocks, Handle, MemoryLock, MemoryLocks
from nxsms_nb.journal.place import unusable

__all__ = ["CampaignLock"]

OWN_IDS: Final = " own ids"
ANYWHERE: Final = " anywhere"
"""Locks in addition to those of the campaigns; no campaign's name begins with a blank."""


class CampaignLock:
    """The lock that the one run of a campaign holds.

    It ends with its process, and also works between threads of one kernel.

    `path` is the journal's file, None for one in memory, whose locks are in `held`. With `anywhere` the run's rows may
    belong to any campaign: it then excludes every other run of the journal, and is excluded by each.
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
        self._locks: MemoryLocks | FileLocks = MemoryLocks(held) if path is None else FileLocks(path)
        self._taken: dict[str, Handle] = {}
        self._places: dict[Path, tuple[int, int]] = {}

    def acquire(self, *, own_ids: bool = False, known: Iterable[str] = ()) -> None:
        """Take the lock, or raise `CampaignBusy` naming the run that holds it.

        With `own_ids` runs whose frames bring ids are kept away in every campaign. `known` are the campaigns' names, since
        the locks' files have none.
        """
        with self._at_the_gate():
            if self.anywhere:
                for name, note in self._locks.holders((*known, "", OWN_IDS, ANYWHERE)):
                    raise busy_for_anywhere(name, _who(note))
                self._take(ANYWHERE)
                return
            holder = self._locks.holder(ANYWHERE)
            if holder is not None:
                raise busy(ANYWHERE, _who(holder))
            self._take(self.campaign, *([OWN_IDS] if own_ids else []))

    def hold_own_ids(self) -> None:
        """Exclude other runs whose frames have their own ids, which are known in every campaign.

        One lock serves them all.
        """
        if not self.anywhere and OWN_IDS not in self._taken:
            with self._at_the_gate():
                self._take(OWN_IDS)

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        while self._taken:
            with suppress(KeyError):
                self._taken.popitem()[1].close()

    def note_run(self, run: int) -> None:
        """Note which run holds the lock, so that others can distinguish a run in progress from an interrupted one."""
        if isinstance(self._locks, FileLocks):
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
            place = self._locks.folder if isinstance(self._locks, FileLocks) else "in memory"
            raise JournalError(
                f"The journal's folder {place} cannot be written ({error.strerror or error}). Nothing "
                "was sent. Put the journal elsewhere: journal='…', or set NXSMS_JOURNAL."
            ) from error

    def _take(self, *names: str) -> None:
        """Take locks, all of them or none; the gate is held."""
        note = _note()
        for name in names:
            # At the gate, no one can come between the check and the lock.
            holder = self._locks.holder(name)
            if holder is not None:
                raise busy(name, _who(holder))
        try:
            for name in names:
                self._taken[name] = lock = self._locks.take(name, note)
                if isinstance(self._locks, FileLocks) and isinstance(lock, FileLock):
                    self._places[self._locks.place(name)] = lock.identity()
        except BaseException:
            self.release()
            raise


def at_work(path: Path, campaign: str, run: int) -> bool:
    """Return whether a run without a recorded end may still be in progress."""
    locks = FileLocks(path)
    try:
        with locks.gate():
            notes = [note for name in (campaign, ANYWHERE) if (note := locks.holder(name)) is not None]
    except OSError as error:
        raise unusable(path, error) from error
    # A note that cannot be read may just be being written.
    return any(not note or note.get("run") == run for note in notes)


def _note() -> dict[str, Any]:
    return {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _identity(place: Path) -> tuple[int, int]:
    about = place.stat()
    return about.st_dev, about.st_ino


def _who(note: dict[str, Any]) -> str:
    try:
        return f"since {note['since']} in " + ("this kernel" if note.get("here") else f"process {int(note['pid'])}")
    except (KeyError, TypeError, ValueError):
        return "in another process"


def _what(name: str | None) -> str:
    if name is None:
        return "another campaign"
    if name == OWN_IDS:
        return "a frame with its own sys_message_id"
    if name == ANYWHERE:
        return "rows that the journal cannot assign to a campaign"
    return f"campaign {named(name)}" if name else "the unnamed campaign"


def busy(name: str, who: str) -> CampaignBusy:
    """Return the error that names the run which holds a lock."""
    if name == OWN_IDS:
        return CampaignBusy(
            f"A run whose frame has its own sys_message_id is in progress {who}, and such ids are known in every "
            "campaign. Nothing was sent. Wait for it or stop it."
        )
    if name == ANYWHERE:
        return CampaignBusy(
            f"A retry or reconcile of {_what(name)} is in progress {who}, and they may belong to this one. Nothing was "
            "sent. Wait for it or stop it."
        )
    return CampaignBusy(
        f"A run of {_what(name)} is in progress {who}. Nothing was sent. Wait for it or stop it; a run of another "
        "campaign= may proceed at the same time."
    )


def busy_for_anywhere(name: str | None, who: str) -> CampaignBusy:
    """Return the error that names the run which blocks one whose rows may belong to any campaign."""
    return CampaignBusy(
        f"A run of {_what(name)} is in progress {who}, and the journal does not know to which campaign these "
        "rows belong: they may be about to be sent by that run. Nothing was sent. Wait for it or stop it."
    )
