"""The journal: what was attempted, and what is known of it. It holds ids, outcomes, codes and times, nothing else."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from nxsms_nb.arguments import Names, strict
from nxsms_nb.calls import apart
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import named
from nxsms_nb.invocation import shown_value
from nxsms_nb.journal import custody, forks, frames, place, sqlite
from nxsms_nb.journal import receipts as journal_receipts
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.journal.locks import CampaignLock
from nxsms_nb.journal.reader import Reader
from nxsms_nb.journal.receipts import ReceiptBook
from nxsms_nb.screen import say

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.journal.lock_files import MemoryLock

__all__ = ["Journal"]


class Journal(Names, Reader):
    """The record of what was sent: an SQLite file of the user's, or one in memory.

    Parameters
    ----------
    path : path-like, optional
        The file, made when first written to; None: ``NXSMS_JOURNAL``, else the user's data folder. ``":memory:"``: no
        file, a journal that is gone with this object.

    Notes
    -----
    Readable by its owner only; on a local disk. Several kernels may share it. The promise it carries is one user's on
    one machine.

    Examples
    --------
    >>> journal = Journal.in_memory()
    >>> journal.campaigns()["campaign"].to_list()
    []
    """

    @strict
    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if not (path is None or isinstance(path, (str, os.PathLike))):
            raise ConfigError(
                f"path={named(path)} is not a path. Give text or a pathlib.Path, as in nx.Journal('sent.sqlite3')."
            )
        self.path = place.place(path)
        self._begin(sqlite.open_memory() if self.path is None else None)

    def _begin(self, memory: sqlite3.Connection | None = None) -> None:
        self._memory = memory
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._held: WeakValueDictionary[str, MemoryLock] = WeakValueDictionary()

    @classmethod
    def in_memory(cls) -> Journal:
        """Make a journal that lasts as long as this object, for practice."""
        return cls(place.MEMORY)

    @classmethod
    def of(cls, journal: Any) -> Journal:
        """Take a journal as it is, or the one at a path; None: the default one."""
        if journal is None or isinstance(journal, (str, os.PathLike)):
            return cls(journal)
        if isinstance(journal, cls):
            return journal
        raise ConfigError(f"journal={named(journal)} is neither a path nor a Journal.")

    def __repr__(self) -> str:
        return "Journal.in_memory()" if self.path is None else f"Journal({str(self.path)!r})"

    def campaign(self, name: str | None, *, anywhere: bool = False, own_ids: bool = False) -> Campaign:
        """Hold a campaign for one call, from reading what is recorded to the end of the run, so that no one else sends in it.

        With `anywhere` the rows may belong to any campaign, and no other run of this journal proceeds meanwhile; with
        `own_ids` rows have ids of the frame's own, which are known in every campaign. The campaign is already held; its
        ``with`` releases it. `CampaignBusy` is raised where another run of this campaign, or one that may concern it,
        is in progress.
        """
        if self.path is None:
            forks.refuse_copy(self._pid)
        elif not place.holds_something(self.path):
            # Before the folder of locks: a file that is missing beside one is a journal that was lost.
            sqlite.open_file(self.path).close()
            say(f"New journal {self.path}: nothing is known of earlier sends.")
        lock = CampaignLock(self.path, name or "", self._held, anywhere=anywhere)
        lock.acquire(own_ids=own_ids, known=[run.campaign for run in self.made_by()] if anywhere else ())
        try:
            connection = self._memory or custody.open_journal(self._file())
        except BaseException:
            lock.release()
            raise
        guard = threading.RLock() if self._memory is None else self._lock
        return Campaign(self.path, lock, connection, guard, reopened=self._reading)

    def campaigns(self) -> pd.DataFrame:
        """Return the campaigns in the journal.

        Returns
        -------
        pandas.DataFrame
            A row for each: ``campaign`` (empty: the unnamed one), ``runs``, ``rows`` (distinct messages attempted),
            a column of counts for each status that requests left rows in, ``first``, ``last`` (UTC).
        """
        with self._reading() as connection:
            return frames.campaigns(connection)

    def runs(self) -> pd.DataFrame:
        """Return the runs in the journal.

        Returns
        -------
        pandas.DataFrame
            Index ``run``; ``campaign``, ``started``, ``ended`` (UTC; NaT: still at work, or killed), ``rows`` (to be sent),
            ``requests``, ``rate`` (messages a second accepted or refused, achieved), ``pace`` (the ceiling at the end, messages
            a second; NaN: none was found), ``stopped`` (why it ended early).
        """
        with self._reading() as connection:
            return frames.runs(connection)

    def receipts(self, *, tz: str = "Asia/Shanghai") -> pd.DataFrame:
        """Return the delivery receipts in the journal, pushed and pulled, of whatever messages.

        Parameters
        ----------
        tz : str, default "Asia/Shanghai"
            The time zone in which the vendor writes times; an IANA name.

        Returns
        -------
        pandas.DataFrame
            One row an id, the receipt that counts: ``messageid``, ``dr`` (the vendor's word), ``dr_status`` (Int64, the
            vendor's number), ``dr_time`` (UTC), ``price`` (float64), ``currency``, ``segments`` (Int64), ``network``.

        Raises
        ------
        ConfigError
            `tz` is not a time zone.
        JournalError
            The journal cannot be read.

        Notes
        -----
        A final receipt (2, 5 to 11) counts before an open one, and of two final ones the one with the later ``dr_time``.

        Examples
        --------
        >>> Journal.in_memory().receipts()["messageid"].to_list()
        []
        """
        zone = journal_receipts.checked_zone(tz)
        with self._reading() as connection:
            found = [] if connection is None else list(journal_receipts.every(connection))
        return journal_receipts.frame_of(found, zone)

    @contextmanager
    def receiving(self) -> Iterator[ReceiptBook]:
        """Hold the journal open for receipts to be written, beside its runs; a file is made when the first one is."""
        if self.path is None:
            forks.refuse_copy(self._pid)
        book = ReceiptBook(self.path, self._memory, self._lock if self._memory is not None else threading.RLock())
        try:
            yield book
        finally:
            book.close()

    def forget(self, campaign: str | None, *, confirm: int | None = None) -> int:
        """Delete what is recorded of a campaign. Its rows can then be sent again, to the same people.

        Parameters
        ----------
        campaign : str or None
            The campaign; None: the unnamed one.
        confirm : int, optional
            How many rows are to be forgotten; without it the error names the number and prints the line to paste.

        Returns
        -------
        int
            How many rows were forgotten.

        Raises
        ------
        ConfigError
            `confirm` is not the number of rows.
        CampaignBusy
            A run of the campaign is under way.
        """
        # Its lock and its connection belong to a thread that interrupts do not reach.
        return apart(self._forget, campaign, confirm)

    def _forget(self, campaign: str | None, confirm: int | None) -> int:
        name = campaign or ""
        with self._reading() as reader:
            n = len(frames.attempted(reader, name))
        if n == 0:
            return 0
        if confirm != n:
            raise ConfigError(
                f"Forgetting campaign {named(name)} makes {n:,} rows sendable again, to the same people. To do that: "
                f"{'journal' if self.path is None else f'nx.{self!r}'}.forget({shown_value('campaign', campaign)}, confirm={n})"
            )
        with self.campaign(campaign) as held, held.writing() as connection:
            blocks = "SELECT block.id FROM block JOIN run ON run.id = block.run WHERE run.campaign = ?"
            batches = f"SELECT id FROM batch WHERE block IN ({blocks})"
            # Else they would be taken for receipts of the messages that are sent under the same ids.
            journal_receipts.drop(connection, frames.held(connection, name))
            connection.execute(f"DELETE FROM outcome WHERE batch IN ({batches})", (name,))
            connection.execute(f"DELETE FROM batch WHERE block IN ({blocks})", (name,))
            connection.execute(f"DELETE FROM block WHERE id IN ({blocks})", (name,))
            connection.execute("DELETE FROM run WHERE campaign = ?", (name,))
        return n

    def backup(self, to: str | os.PathLike[str]) -> Path:
        """Copy the journal into a new file, as copying the file does not: with its log, and verified.

        A run under way goes on. The copy knows what was recorded when it was made; rows sent later are unknown to it.

        Parameters
        ----------
        to : path-like
            The new file, readable by its owner only.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ConfigError
            `to` is there already, or the journal has no file.
        JournalError
            There is no journal, it is damaged, or the copy cannot be written.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx, tempfile
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox, tempfile.TemporaryDirectory() as folder:
        ...     journal = nx.Journal(f"{folder}/journal.sqlite3")
        ...     sent = df.nxsms.send(sandbox.client, journal=journal, progress="silent")  # doctest: +ELLIPSIS
        ...     copy = nx.Journal(journal.backup(f"{folder}/copy.sqlite3"))
        ...     copy.campaigns()["Success"].to_list()
        New journal ...
        [1]
        """
        target = place.place(to)
        if self.path is None or target is None:
            raise ConfigError(
                "Only a journal in a file can be backed up, and only to a file. "
                "Name a file for both, as in nx.Journal('journal.sqlite3').backup('copy.sqlite3')."
            )
        if not place.holds_something(self.path):
            raise JournalError(f"There is no journal at {self.path} to make a backup of.")
        custody.backup(self.path, target)
        return target

    def accept(self, run: int) -> None:
        """Take a run that broke off as completely recorded: your word that no log of the journal (``-wal``) is missing.

        A run without an end whose log is gone keeps a journal from being used, since what the run sent last may be in that
        log. Where another program opened the journal since, the log is in the file and nothing is missing.

        Parameters
        ----------
        run : int
            The number of the run, from the error that asks for it.

        Raises
        ------
        ConfigError
            It is not a run that broke off.
        """
        if self.path is not None and place.holds_something(self.path):
            custody.accept(self.path, run)
        else:
            raise ConfigError(f"{self} has no run {run}.")

    def _file(self) -> Path:
        if self.path is None:
            raise ValueError("a journal in memory has no file")
        return self.path

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if self._memory is not None:
            # Before the lock, which a thread that was not forked may hold indefinitely.
            forks.refuse_copy(self._pid)
            with self._lock:
                yield self._memory
            return
        path = self._file()
        if not place.holds_something(path):
            yield None
            return
        with custody.reading(path) as connection, custody.snapshot(connection, path):
            yield connection
