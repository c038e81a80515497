"""The backend for a journal in PostgreSQL, shared by any number of people and machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from nxsms_nb.errors import ConfigError
from nxsms_nb.journal import frames, lookup, pg_receipts, pg_schema
from nxsms_nb.journal import pg_statements as sql
from nxsms_nb.journal.addresses import Address
from nxsms_nb.journal.entries import HOMELESS
from nxsms_nb.journal.locks import ANYWHERE, OWN_IDS
from nxsms_nb.journal.pg_connection import PRESENT, Away, connect, refused, user_and_host
from nxsms_nb.journal.pg_locks import Lock, key_of
from nxsms_nb.journal.pg_recorder import PgRecorder
from nxsms_nb.journal.pg_session import Session
from nxsms_nb.journal.pg_snapshot import PgSnapshot
from nxsms_nb.screen import say


class PostgresStore:
    """A journal in a database."""

    path: Path | None = None
    shared = True

    def __init__(self, url: str) -> None:
        self._address = Address(url)
        self.named: str | None = self._address.shown

    def hold(self, campaign: str, *, anywhere: bool, own_ids: bool) -> PgHold:
        """Hold a campaign, in a session of its own; see `journal.Journal.campaign`."""
        session = Session(self._address)
        try:
            self._prepare(session)
            hold = PgHold(self, session, campaign, anywhere=anywhere)
            wanted = [Lock(ANYWHERE)] if anywhere else [Lock(ANYWHERE, shared=True), Lock(campaign)]
            session.acquire(*wanted, *([Lock(OWN_IDS)] if own_ids and not anywhere else []))
        except BaseException:
            session.close()
            raise
        return hold

    def _prepare(self, session: Session) -> None:
        def work(connection: psycopg.Connection[Any]) -> bool:
            return pg_schema.create(connection, self._address, key_of("tables"))

        if session.outside(work):
            say(f"New journal {self.named}: nothing is known of earlier sends.")
        session.set_clock(session.outside(lambda connection: _scalar(connection, f"SELECT {PRESENT}")))

    def now_us(self) -> int:
        """Return the current time by the database's clock."""
        with self._connection() as connection:
            return _scalar(connection, f"SELECT {PRESENT}")

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection, _ = connect(self._address)
        except Away as error:
            raise refused(self._address, error) from None
        try:
            yield connection
        except psycopg.Error as error:
            raise refused(self._address, error) from None
        finally:
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[PgSnapshot | None]:
        """Hold one state of the journal; None: its tables are not there yet."""
        with self._connection() as connection:
            if not pg_schema.is_there(connection, self._address):
                yield None
                return
            with snapshot(connection) as found:
                yield found

    @contextmanager
    def receiving(self) -> Iterator[pg_receipts.PgReceiptBook]:
        """Hold the journal open for receipts to be written."""
        book = pg_receipts.PgReceiptBook(self._address, self._prepare)
        try:
            yield book
        finally:
            book.close()

    def backup(self, to: Path) -> NoReturn:
        """Refuse: a database has its own backups."""
        raise ConfigError(f"{self.named} is a database, not a file: back it up with pg_dump, not to {to.name}.")

    def accept(self, run: int) -> NoReturn:
        """Refuse: a run in a database has no log that can be missing."""
        raise ConfigError(f"Run {run} needs no accept(): what it recorded is in the database.")


def _scalar(connection: psycopg.Connection[Any], query: str, values: tuple[Any, ...] = ()) -> int:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise psycopg.DataError("the database gave no answer")
    return int(row[0])


@contextmanager
def snapshot(connection: psycopg.Connection[Any]) -> Iterator[PgSnapshot]:
    """Hold one state of the journal in a transaction that writes nothing."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield PgSnapshot(connection)
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


class PgHold:
    """A campaign that is held by a session's advisory locks."""

    def __init__(self, store: PostgresStore, session: Session, campaign: str, *, anywhere: bool) -> None:
        self.anywhere = anywhere
        self._store = store
        self._session: Session | None = session
        self._campaign = campaign
        self._recording = False

    def own_ids(self) -> None:
        """Also exclude other runs whose frames have own ids."""
        session = self._held()
        if not self.anywhere and Lock(OWN_IDS) not in session.locks.held:
            session.acquire(Lock(OWN_IDS))

    def record(self, *, rows: int, workers: int, anywhere: bool, gateway: str | None, app: str | None) -> PgRecorder:  # noqa: ARG002  as SQLite needs it
        """Begin the record of a run; the campaign is released when it is closed, or when this raises."""
        session = self._held()
        try:
            number = session.run(lambda connection: _scalar(connection, sql.NUMBERS.format(table="run"), (1,)))
            home = HOMELESS if self.anywhere else int(anywhere)
            values = (number, self._campaign, gateway, app, int(rows), home, *user_and_host())
            session.run(lambda connection: connection.execute(sql.RUN, values))
            recorder = PgRecorder(session, number, self._campaign, anywhere=self.anywhere, release=self.release)
        except BaseException:
            self.release()
            raise
        self._recording = True
        return recorder

    def forget(self) -> None:
        """Delete what is recorded of the campaign."""
        name = {"campaign": self._campaign}

        def work(connection: psycopg.Connection[Any]) -> None:
            found = PgSnapshot(connection)
            ids = lookup.receipt_ids_of(found, frames.held(found, self._campaign))
            blocks = "SELECT block.id FROM block JOIN run ON run.id = block.run WHERE run.campaign = %(campaign)s"
            batches = f"SELECT id FROM batch WHERE block IN ({blocks})"
            # Otherwise they would count as receipts of later messages with the same ids.
            connection.execute("DELETE FROM receipt WHERE messageid = ANY(%(ids)s)", {"ids": ids})
            connection.execute(
                "DELETE FROM claim WHERE run IN (SELECT id FROM run WHERE campaign = %(campaign)s)", name
            )
            connection.execute(f"DELETE FROM outcome WHERE batch IN ({batches})", name)
            connection.execute(f"DELETE FROM batch WHERE block IN ({blocks})", name)
            connection.execute(f"DELETE FROM block WHERE id IN ({blocks})", name)
            connection.execute("DELETE FROM run WHERE campaign = %(campaign)s", name)

        self._held().run(work)

    def release(self) -> None:
        """End the session, and with it the locks; a second call does nothing."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _held(self) -> Session:
        if self._session is None:
            raise ValueError("the campaign has been released")
        return self._session

    @contextmanager
    def reading(self) -> Iterator[PgSnapshot | None]:
        """Hold one state of the journal; while a run is recorded, in a session of its own."""
        if self._session is None or self._recording:
            with self._store.reading() as found:
                yield found
            return
        with self._session.reading() as connection, snapshot(connection) as found:
            yield found
