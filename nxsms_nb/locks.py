"""Who is at work in a journal: one run at a time for each campaign."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import filelock

from nxsms_nb.errors import CampaignBusy, JournalError
from nxsms_nb.journalfile import refuse_network


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_BROUGHT_IDS: Final = " brought ids"
"""No campaign's name begins with a blank."""


class CampaignLock:
    """Held by the one run of a campaign; dies with its process, and holds between threads of one kernel.

    Parameters
    ----------
    path : Path or None
        The journal's file; None for one in memory, whose lock is `held`.
    campaign : str
        The campaign's name, empty for the unnamed one.
    held : dict of str to str
        The campaigns at work in this journal object, with what a second run is told.
    """

    _guard = threading.Lock()

    def __init__(self, path: Path | None, campaign: str, held: dict[str, str]) -> None:
        self.campaign = campaign
        self._held = held
        self._mine = False
        self._path = path
        self._beside: CampaignLock | None = None
        self._file: filelock.BaseFileLock | None = None
        self._note: Path | None = None
        if path is not None:
            # As SQLite does: a link to the journal is the same journal.
            real = path.resolve()
            folder = real.with_name(real.name + ".locks")
            name = hashlib.sha256(campaign.encode()).hexdigest()[:24]
            self._file = filelock.FileLock(folder / f"{name}.lock", thread_local=False, mode=0o600)
            self._note = folder / f"{name}.json"

    def acquire(self) -> None:
        """Take the lock, or raise `CampaignBusy` naming the run that holds it."""
        me = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        if self._path is None or self._file is None or self._note is None:
            with self._guard:
                if self.campaign in self._held:
                    raise self._busy(self._held[self.campaign])
                self._held[self.campaign] = f"since {me['since']} in this kernel"
                self._mine = True
            return
        refuse_network(self._path)
        try:
            # One after the other: folders made on the way to another one are open to all.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._note.parent.mkdir(exist_ok=True, mode=0o700)
            self._file.acquire(timeout=0)
            with open(self._note, "w", opener=_private) as note:
                json.dump(me, note)
        except filelock.Timeout:
            raise self._busy(self._holder()) from None
        except OSError as error:
            self._file.release()
            raise JournalError(
                f"The journal's folder {self._note.parent} cannot be written ({error.strerror}). Nothing was sent. "
                "Put the journal elsewhere: journal='…', or set NXSMS_JOURNAL."
            ) from error

    def hold_brought_ids(self) -> None:
        """Keep other runs whose frames bring ids away: such ids are known in every campaign, so one lock is for all."""
        if self._beside is None:
            beside = CampaignLock(self._path, _BROUGHT_IDS, self._held)
            beside.acquire()
            self._beside = beside

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._beside is not None:
            self._beside.release()
            self._beside = None
        if self._file is None:
            with self._guard:
                if self._mine:
                    self._held.pop(self.campaign, None)
                self._mine = False
        else:
            self._file.release()

    def _holder(self) -> str:
        try:
            told = json.loads(self._note.read_text()) if self._note is not None else {}
            return f"since {told['since']} in process {int(told['pid'])}"
        except (OSError, ValueError, KeyError, TypeError):
            return "in another process"

    def _busy(self, who: str) -> CampaignBusy:
        if self.campaign == _BROUGHT_IDS:
            return CampaignBusy(
                f"A run whose frame brings its own sys_message_id is under way {who}, and such ids are known in every campaign. "
                "Nothing was sent. Wait for it or stop it."
            )
        what = f"campaign {self.campaign!r}" if self.campaign else "the unnamed campaign"
        return CampaignBusy(
            f"A run of {what} is under way {who}. Nothing was sent. Wait for it or stop it; a run of another "
            "campaign= may go on beside it."
        )
