"""The journal's delivery receipts: pushed and pulled, each distinct one once, in the order in which they were learnt.

Receipts are kept for any id, since one may come before the send's own reply, or for a run of another journal. A journal of an
earlier version lacks their table, and gets it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import tzinfo
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from nxsms_nb.errors import JournalError
from nxsms_nb.journal import custody, sqlite, tables
from nxsms_nb.journal.tables import checksum, verify, writing
from nxsms_nb.journal.watch import Watch
from nxsms_nb.results import delivery
from nxsms_nb.results.columns import TEXT
from nxsms_nb.wire.receipts import Receipt, root

__all__ = ["ReceiptBook", "Source"]

Source = Literal["pushed", "pulled"]

_FORM: Final = "%Y-%m-%d %H:%M:%S"
_COLUMNS: Final = (*Receipt._fields, "source")
_TOGETHER: Final = 1000
"""The most ids in a statement, and receipts in one: SQLite allows 32,766 values."""
_TRY_MS: Final = 100
"""How long SQLite itself waits for the journal; then it is asked again, unless nobody waits for the write any more."""


def put(connection: sqlite3.Connection, receipts: Sequence[Receipt], source: Source) -> None:
    """Write receipts, in a transaction of the caller's.

    A receipt whose fields are all there already is not written again.
    """
    now_us = time.time_ns() // 1000
    connection.executemany(
        f"INSERT OR IGNORE INTO receipt({', '.join(_COLUMNS)}, checksum, root, received_us) "
        f"VALUES ({', '.join('?' * (len(_COLUMNS) + 3))})",
        [(*row, checksum(row), root(row[0]), now_us) for row in ((*receipt, source) for receipt in receipts)],
    )


def find(connection: sqlite3.Connection, ids: Sequence[str]) -> Iterator[tuple[str, Receipt]]:
    """Yield the receipts of some ids, as they were learnt, each with the id that it belongs to.

    A receipt whose id is another's with ``-`` and ten digits behind it belongs to that one, unless it is asked for itself.
    """
    if not connection.execute("SELECT EXISTS (SELECT 1 FROM receipt)").fetchone()[0]:
        # Most journals have none, and a million ids need not be looked up to see it.
        return
    wanted = set(ids)
    for start in range(0, len(ids), _TOGETHER):
        together = ids[start : start + _TOGETHER]
        marks, here = ", ".join("?" * len(together)), set(together)
        for receipt in _read(connection, f"WHERE messageid IN ({marks}) OR root IN ({marks})", (*together, *together)):
            if receipt.messageid in here:
                yield receipt.messageid, receipt
            elif receipt.messageid not in wanted:
                yield root(receipt.messageid) or receipt.messageid, receipt


def every(connection: sqlite3.Connection) -> Iterator[tuple[str, Receipt]]:
    """Yield all receipts as they were learnt, each with its id."""
    return ((receipt.messageid, receipt) for receipt in _read(connection, "", ()))


def drop(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Delete the receipts with exactly these ids, in a transaction of the caller's."""
    connection.executemany("DELETE FROM receipt WHERE messageid = ?", [(messageid,) for messageid in ids])


def _read(connection: sqlite3.Connection, where: str, values: tuple[str, ...]) -> Iterator[Receipt]:
    for row in connection.execute(f"SELECT {', '.join(_COLUMNS)}, checksum FROM receipt {where} ORDER BY id", values):
        yield Receipt(*verify(row, "receipt")[:-1])


def frame_of(found: Iterable[tuple[str, Receipt]], tz: tzinfo | str) -> pd.DataFrame:
    """Make a frame of receipts, one row an id, the one that counts; the vendor's times are read in a time zone.

    Examples
    --------
    >>> pushed = Receipt("n1", "DELIVRD", 2, "2026-03-03 14:02:11", 0.0065, "USD", 1, None)
    >>> frame_of([("n1", pushed)], "Asia/Shanghai")[["messageid", "dr_time"]].astype(str).values.tolist()
    [['n1', '2026-03-03 06:02:11+00:00']]
    """
    pairs = list(found)
    columns = list(zip(*(receipt[1:] for _, receipt in pairs), strict=True)) or [()] * len(delivery.DELIVERY_COLUMNS)
    frame = pd.DataFrame({"messageid": pd.Series([messageid for messageid, _ in pairs], dtype=TEXT)})
    for (name, dtype), values in zip(delivery.DTYPES.items(), columns, strict=True):
        frame[name] = instants(values, tz) if name == "dr_time" else pd.Series(values, dtype=dtype)
    return delivery.latest(frame)


def instants(times: Sequence[str | None], tz: tzinfo | str) -> pd.Series[pd.Timestamp]:
    """Parse the vendor's times in a time zone; a time that has its own offset is parsed with that."""
    texts = pd.Series(list(times), dtype=TEXT)
    local = pd.to_datetime(texts.where(texts.str.len() == 19), format=_FORM)
    # In the hour that occurs twice, the second one; one that does not occur is moved forward.
    zoned = local.dt.tz_localize(
        tz, ambiguous=np.zeros(len(local), np.bool_), nonexistent="shift_forward"
    ).dt.tz_convert("UTC")
    own = pd.to_datetime(texts.where(texts.str.len() > 19), format="ISO8601", utc=True)
    return zoned.fillna(own).astype(delivery.DTYPES["dr_time"])


class ReceiptBook:
    """A journal held open for receipts; `write` may be called from any thread, while runs go on.

    `memory` is the connection of a journal in memory with its lock. A file that was moved, deleted or replaced meanwhile is
    opened anew by the next write, so that receipts are where others look for them.
    """

    def __init__(self, path: Path | None, memory: sqlite3.Connection | None, lock: threading.RLock) -> None:
        self._path = path
        self._memory = memory
        self._lock = lock
        self._held: tuple[sqlite3.Connection, Watch] | None = None
        self._hurried = False

    def hurry(self) -> None:
        """Stop waiting for others that hold the journal: a pending or later write fails."""
        self._hurried = True

    def write(self, receipts: Sequence[Receipt], source: Source) -> None:
        """Write receipts in one transaction, which is on the disk when this returns; else `JournalError` is raised.

        Without receipts it is seen whether the journal can be written.
        """
        with self._lock:
            try:
                self._write(receipts, source)
            except BaseException as error:
                self.close()
                if isinstance(error, sqlite3.Error):
                    raise sqlite.failed(self._path, error, so="No receipt was recorded.") from error
                if isinstance(error, OSError):
                    raise JournalError(f"The journal {self._path} cannot be written ({error.strerror}).") from error
                raise

    def _write(self, receipts: Sequence[Receipt], source: Source) -> None:
        until = time.monotonic() + tables.BUSY_S
        while True:
            try:
                with writing(self._connection()) as connection:
                    put(connection, receipts, source)
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or self._hurried or time.monotonic() > until:
                    raise
        # After the commit: what is in a file that nobody finds any more was not recorded. An empty log looks like a lost one.
        if receipts and self._held is not None and (trouble := self._held[1].trouble()) is not None:
            raise JournalError(f"The journal {self._path} {trouble.words}; receipts were not recorded in it.")

    def close(self) -> None:
        """Close the file; a later write reopens it."""
        with self._lock:
            held, self._held = self._held, None
            if held is not None and self._path is not None:
                with suppress(sqlite3.Error):
                    custody.close(held[0], self._path)

    def _connection(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        if self._path is None:
            raise ValueError("a journal in memory has its connection")
        if self._held is not None and self._held[1].trouble() is not None:
            self.close()
        if self._held is None:
            connection = custody.open_journal(self._path)
            try:
                # What was never read or written has no log to be watched.
                connection.execute("SELECT count(*) FROM run").fetchone()
                connection.execute(f"PRAGMA busy_timeout = {_TRY_MS}")
                self._held = connection, Watch(self._path)
            except BaseException:
                custody.close(connection, self._path)
                raise
        return self._held[0]
