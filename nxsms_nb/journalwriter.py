"""What a run's record is made of, and how it is written into the journal, one transaction at a time."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nxsms_nb.journalfile import writing

if TYPE_CHECKING:
    from nxsms_nb.blocks import Block
    from nxsms_nb.results import Outcome

_TOGETHER: Final = 1000
"""The most rows a statement inserts: SQLite allows 32,766 values."""


class Written(asyncio.Future[int]):
    """Done when a request is recorded. A cancelled worker goes on when it is done and not before: it needs its outcome."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  as a future has it
        """Do nothing: what is being written cannot be called back."""
        return False


@dataclass(slots=True)
class Begin:
    """A request that is to be recorded before it leaves; `number` is the journal's, once it is on the disk."""

    block: Block
    start: int
    size: int
    sent_us: int
    query: bool
    written: Written
    number: int = 0


@dataclass(slots=True)
class Finish:
    """The outcome of a request."""

    batch: int
    outcome: Outcome


@dataclass(slots=True)
class End:
    """What a run's end says of it."""

    rate: float | None
    pace: float | None
    stopped: str | None


class Writer:
    """Writes what happened in a run, one transaction at a time; each call blocks until its transaction is on the disk.

    Parameters
    ----------
    connection : sqlite3.Connection
        The journal's.
    lock : threading.RLock
        Guards the connection.
    run : int
        The journal's number of the run.

    Attributes
    ----------
    unwritten : list of Finish
        Outcomes that could not be written so far; each transaction tries again.
    trouble : Exception or None
        What went wrong with the last transaction.
    """

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock, run: int) -> None:
        self.unwritten: list[Finish] = []
        self.trouble: Exception | None = None
        self._connection = connection
        self._lock = lock
        self._run = run

    def write(self, begins: Sequence[Begin], finished: Sequence[Finish], end: End | None = None) -> None:
        """Write requests and outcomes, and with them the run's end; whether it succeeded is said by `trouble`."""
        self.unwritten += finished
        try:
            with self._lock, writing(self._connection):
                self._write(begins, end)
        except Exception as error:  # noqa: BLE001  whatever it is, the requests must not leave and the run goes on to its end
            self.trouble = error
            for begin in begins:
                begin.block.number = max(begin.block.number, 0)
            return
        self.unwritten.clear()
        self.trouble = None
        for begin in begins:
            begin.block.number = abs(begin.block.number)

    def _write(self, begins: Sequence[Begin], end: End | None) -> None:
        execute = self._connection.execute
        # One statement for all of a kind: each costs as much as many rows.
        for start in range(0, len(self.unwritten), _TOGETHER):
            finished = self.unwritten[start : start + _TOGETHER]
            execute(
                "INSERT OR REPLACE INTO outcome(batch, status, code, reason, latency_ms, carried, exceptions) VALUES "
                + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(finished)),
                [value for op in finished for value in _row(op)],
            )
        for block in {id(begin.block): begin.block for begin in begins if begin.block.number == 0}.values():
            insert = "INSERT INTO block(run, digested, fingerprints, rest) VALUES (?, ?, ?, ?)"
            # Negative until the transaction is through: a rollback takes the number back.
            block.number = -_inserted(execute(insert, (self._run, *block.packed())))
        for start in range(0, len(begins), _TOGETHER):
            together = begins[start : start + _TOGETHER]
            last = _inserted(
                execute(
                    "INSERT INTO batch(block, start, size, sent_us, query) VALUES "
                    + ", ".join(["(?, ?, ?, ?, ?)"] * len(together)),
                    [
                        value
                        for op in together
                        for value in (abs(op.block.number), op.start, op.size, op.sent_us, op.query)
                    ],
                )
            )
            # AUTOINCREMENT, in a transaction that keeps other writers out: the numbers follow one another.
            for number, begin in enumerate(together, last - len(together) + 1):
                begin.number = number
        if end is not None:
            execute(
                "UPDATE run SET ended_us = ?, rate = ?, pace = ?, stopped = ? WHERE id = ?",
                (time.time_ns() // 1000, end.rate, end.pace, end.stopped, self._run),
            )


def _row(op: Finish) -> tuple[object, ...]:
    outcome = op.outcome
    kept = [[other.offset, other.status, other.code, other.kept] for other in outcome.exceptions]
    told = json.dumps(kept) if kept else None
    return op.batch, outcome.status, outcome.code, outcome.reason, outcome.latency_ms, outcome.carried, told


def _inserted(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("an inserted row has no number")
    return cursor.lastrowid
