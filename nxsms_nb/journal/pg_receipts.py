"""Delivery receipts in a shared journal: each distinct one once, in the order in which they were learnt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.journal.pg_connection import PRESENT
from nxsms_nb.journal.pg_session import Session
from nxsms_nb.journal.tables import checksum
from nxsms_nb.wire.receipts import Receipt, root

if TYPE_CHECKING:
    import psycopg

    from nxsms_nb.journal.addresses import Address
    from nxsms_nb.journal.receipts import Source

_COLUMNS: Final = (*Receipt._fields, "source", "checksum", "root")
_PUT: Final = (
    f"INSERT INTO receipt({', '.join(_COLUMNS)}, received_us) VALUES ({', '.join(['%s'] * len(_COLUMNS))}, {PRESENT}) "
    "ON CONFLICT (messageid, checksum) DO NOTHING"
)


class PgReceiptBook:
    """A journal held open for receipts; `write` may be called from any thread, while anybody's runs go on."""

    def __init__(self, address: Address, prepare: Callable[[Session], None]) -> None:
        self._address = address
        self._prepare = prepare
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._hurried = False

    def hurry(self) -> None:
        """Stop waiting for the database: a pending or later write fails."""
        self._hurried = True
        if (session := self._session) is not None:
            session.close()

    def write(self, receipts: Sequence[Receipt], source: Source) -> None:
        """Write receipts in one transaction, which is durable when this returns; else `JournalError` is raised."""
        rows = [(*row, source, checksum((*row, source)), root(row.messageid)) for row in receipts]

        def work(connection: psycopg.Connection[Any]) -> None:
            connection.cursor().executemany(_PUT, rows)

        with self._lock:
            if self._session is None:
                session = Session(self._address)
                try:
                    self._prepare(session)
                except BaseException:
                    session.close()
                    raise
                self._session = session
            self._session.run(work, patience=5.0)

    def close(self) -> None:
        """End the session; a further write opens another."""
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.close()
