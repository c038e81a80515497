"""The journal: what was attempted, and what is known of it. It holds ids, outcomes, codes and times, nothing else."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from nxsms_nb.arguments import Names, shown_unfinished, strict
from nxsms_nb.calls import apart
from nxsms_nb.errors import ConfigError, NxsmsError
from nxsms_nb.formatting import html_card, html_line, html_table, mask_name, named, without_password
from nxsms_nb.invocation import shown_value
from nxsms_nb.journal import frames, place
from nxsms_nb.journal import receipts as journal_receipts
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.journal.reader import Reader
from nxsms_nb.journal.sqlite_store import SqliteStore
from nxsms_nb.time_zones import time_zone
from nxsms_nb.words.language import moment, tr, translated

if TYPE_CHECKING:
    from datetime import tzinfo

    from nxsms_nb.journal.store import ReceiptBook, Snapshot, Store

__all__ = ["Journal"]

_LATEST: Final = 5
"""How many runs its display shows."""


class Journal(Names, Reader):
    """The record of what was sent: in a file of the user's own, in memory, or in a PostgreSQL database that a team shares.

    Parameters
    ----------
    path : path-like or URL, optional
        The file, created when first written to; None: ``NXSMS_JOURNAL``, from the environment or a ``.env``
        file, else a file in the user's data folder. ``":memory:"``: no file; the journal ends with this object. ``"postgresql://user@host/database"``: a database, with the extra
        ``team``; its password may be in the URL, in ``PGPASSWORD`` or in ``~/.pgpass``, and is never shown.

    Notes
    -----
    A file is readable by its owner only, and has to be on a local disk. Several kernels may share it: nothing is sent twice by
    one user on one machine. With a database this holds for everybody who shares it, on any number of machines.

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
        self._store: Store = _store(path)

    @property
    def path(self) -> Path | None:
        """The journal's file; None if it has none."""
        return self._store.path

    @property
    def named(self) -> str | None:
        """The journal as a person names it; None if it has no name."""
        return self._store.named

    @classmethod
    def in_memory(cls) -> Journal:
        """Make a journal in memory, for practice; it lasts as long as this object."""
        return cls(place.MEMORY)

    @classmethod
    def of(cls, journal: Any) -> Journal:
        """Return the journal given, the one at a path, or for None the default one."""
        if journal is None or isinstance(journal, (str, os.PathLike)):
            return cls(journal)
        if isinstance(journal, cls):
            return journal
        raise ConfigError(f"journal={named(journal)} is neither a path nor a Journal.")

    @shown_unfinished
    def __repr__(self) -> str:
        return "Journal.in_memory()" if self.named is None else f"Journal({self.named!r})"

    def _repr_html_(self) -> str:
        title = tr("Journal in memory") if self.named is None else tr("Journal {path}", path=self.named)
        try:
            runs = self.runs()
        except NxsmsError as error:
            return html_card("journal", title, html_line(str(error)))
        heads = [(tr("campaign"), False), (tr("begun"), False), (tr("rows"), True), (tr("how it ended"), False)]
        rows = [
            (
                mask_name(run["campaign"]) or tr("no campaign"),
                moment(run["started"].to_pydatetime().astimezone()),
                f"{run['rows']:,}",
                _ending(run),
            )
            for run in runs.tail(_LATEST).iloc[::-1].to_dict("records")
        ]
        more = len(runs) - len(rows)
        lines = [html_table(heads, rows)] if rows else [html_line(tr("Nothing was sent yet."), faint=True)]
        if more:
            lines.append(html_line(tr("{number} earlier runs: .runs()", number=f"{more:,}"), faint=True))
        return html_card("journal", title, *lines)

    def campaign(self, name: str | None, *, anywhere: bool = False, own_ids: bool = False) -> Campaign:
        """Hold a campaign for one call, from reading what is recorded to the end of the run, so that no one else sends in it.

        With `anywhere` the rows may belong to any campaign, and no other run of this journal proceeds meanwhile; with
        `own_ids` rows have ids of the frame's own, which are known in every campaign. The campaign is already held; its
        ``with`` releases it. `CampaignBusy` is raised where another run of this campaign, or one that may concern it,
        is in progress.
        """
        return Campaign(self._store.hold(name or "", anywhere=anywhere, own_ids=own_ids), self._store)

    def campaigns(self) -> pd.DataFrame:
        """Return the campaigns in the journal.

        Returns
        -------
        pandas.DataFrame
            A row for each: ``campaign`` (empty: the unnamed one), ``runs``, ``rows`` (distinct messages attempted),
            a column of counts for each status that requests left rows in, ``first``, ``last`` (UTC).
        """
        with self._reading() as journal:
            return frames.campaigns(journal)

    def runs(self) -> pd.DataFrame:
        """Return the runs in the journal.

        Returns
        -------
        pandas.DataFrame
            Index ``run``; ``campaign``, ``started``, ``ended`` (UTC; NaT: still running, or killed), ``rows`` (to be sent),
            ``requests``, ``rate`` (messages a second accepted or refused, achieved), ``pace`` (the ceiling at the end, messages
            a second; NaN: none was found), ``stopped`` (why it ended early); in a database also ``user``
            and ``host``, who ran it and where.
        """
        with self._reading() as journal:
            return frames.runs(journal, shared=self._store.shared)

    def receipts(self, *, tz: str | tzinfo = "Asia/Shanghai") -> pd.DataFrame:
        """Return the delivery receipts in the journal, pushed and pulled, of all messages.

        Parameters
        ----------
        tz : str or tzinfo, default "Asia/Shanghai"
            The time zone in which the vendor writes times: an IANA name, an offset such as ``"+08:00"``, or an object.

        Returns
        -------
        pandas.DataFrame
            One row per id, with the receipt that counts: ``messageid``, ``dr`` (the vendor's word), ``dr_status`` (Int64, the
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
        zone = time_zone(tz, "the one in which the vendor writes times")
        with self._reading() as journal:
            found = [] if journal is None else list(journal.receipts())
        return journal_receipts.frame_of(found, zone)

    def receiving(self) -> AbstractContextManager[ReceiptBook]:
        """Hold the journal open for writing receipts while its runs go on; a file is created with the first receipt."""
        return self._store.receiving()

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
            A run of the campaign is in progress.
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
                f"{'journal' if self.named is None else f'nx.{self!r}'}.forget({shown_value('campaign', campaign)}, confirm={n})"
            )
        with self.campaign(campaign) as held:
            held.forget()
        return n

    def backup(self, to: str | os.PathLike[str]) -> Path:
        """Copy the journal into a new file, as copying the file does not: with its log, and verified.

        A run in progress goes on. The copy knows what was recorded when it was made; rows sent later are unknown to it.

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
        self._store.backup(target)
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
        self._store.accept(run)

    def now_us(self) -> int:
        """Return the current time in microseconds since the epoch, by the clock that all users of the journal share."""
        return self._store.now_us()

    def _reading(self) -> AbstractContextManager[Snapshot | None]:
        return self._store.reading()


def _store(path: str | os.PathLike[str] | None) -> Store:
    """Return the backend for a URL or a path: a database or a file."""
    url = place.address(path)
    if url is None:
        return SqliteStore(place.place(path))
    try:
        # Only here: a journal in a file does without the driver.
        from nxsms_nb.journal.postgres import PostgresStore  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"journal='{without_password(url)}' needs psycopg, the driver of PostgreSQL ({error}). Install it: "
            'python -m pip install "nxsms_nb[team]"'
        ) from None
    return PostgresStore(url)


def _ending(run: dict[Any, Any]) -> str:
    if pd.isna(run["ended"]):
        return tr("not ended")
    return tr("Finished") if pd.isna(run["stopped"]) or not run["stopped"] else translated(str(run["stopped"]))
