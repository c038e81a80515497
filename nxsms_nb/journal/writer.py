"""The parts of a run's record, and writing them into the journal, one transaction at a time."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nxsms_nb.journal.entries import BatchRow, Begin, End, Finish, OutcomeRow, RunRow
from nxsms_nb.journal.tables import block_checksums, checksum, next_row_id, put_run, writing
from nxsms_nb.results.table import UNSENT, Outcome

if TYPE_CHECKING:
    from nxsms_nb.journal.custody import Custody
    from nxsms_nb.journal.watch import JournalTrouble

_NOT_LEFT: Final = Outcome(UNSENT, reason="the journal was lost before it was sent", carried=False)

_TOGETHER: Final = 1000
"""The most rows a statement inserts: SQLite allows 32,766 values."""


class TableCounts(NamedTuple):
    """How many rows of each table a run has."""

    blocks: int = 0
    batches: int = 0
    outcomes: int = 0


class RunWriter:
    """Writes what happened in a run, one transaction at a time; each call blocks until its transaction is on the disk.

    `unwritten` has outcomes that could not be written so far (each transaction tries again), `trouble` the last
    transaction's error, and `lost` what has happened to the journal under the run: from then on no request is recorded,
    but outcomes are.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: threading.RLock,
        run: RunRow,
        custody: Custody,
    ) -> None:
        self.unwritten: list[Finish] = []
        self.trouble: Exception | None = None
        self.lost: JournalTrouble | None = None
        self._custody = custody
        self._connection = connection
        self._lock = lock
        self._run = run
        self._written = TableCounts()

    def write(self, begins: Sequence[Begin], finished: Sequence[Finish], end: End | None = None) -> None:
        """Write requests and outcomes, and with them the run's end; `trouble` says whether it succeeded."""
        self.unwritten += finished
        asked = begins
        # Before the transaction, too: SQLite would append to a truncated log, which hides the truncation.
        self.lost = self.lost or self._custody.look_at_log()
        if self.lost is not None:
            begins = ()
        try:
            with self._lock, writing(self._connection):
                written = self._write(begins, end)
        except Exception as error:  # noqa: BLE001  whatever it is, the requests must not leave and the run goes on to its end
            self.trouble = error
            self.lost = self.lost or self._custody.look()
            for begin in begins:
                begin.block.number = max(begin.block.number, 0)
            return
        self.unwritten.clear()
        self._written = written
        for begin in begins:
            begin.block.number = abs(begin.block.number)
        # After the commit: what the next run finds here, if the lock is lost later, is on the disk.
        if self.lost is None and (trouble := self._custody.look()) is not None:
            self.lost = trouble
            self.unwritten += [Finish(begin.number, _NOT_LEFT) for begin in begins]
        self.trouble = OSError(f"it {self.lost.words}") if self.lost is not None and asked else None

    def _write(self, begins: Sequence[Begin], end: End | None) -> TableCounts:
        connection = self._connection
        _insert(connection, "outcome", OutcomeRow._fields, [_outcome(op) for op in self.unwritten])
        new = {id(begin.block): begin.block for begin in begins if begin.block.number == 0}.values()
        if new:
            for number, block in enumerate(new, next_row_id(connection, "block")):
                packed = block.packed()
                connection.execute(
                    "INSERT INTO block(id, run, digested, checksum, rest_checksum, fingerprints, rest, keys) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(number, self._run.id, int(packed.digested), *block_checksums(number, self._run.id, packed)),
                        *(packed.fingerprints, packed.rest, packed.keys),
                    ),
                )
                # Negative until the transaction is committed: a rollback reuses the number.
                block.number = -number
        if begins:
            for number, begin in enumerate(begins, next_row_id(connection, "batch")):
                begin.number = number
            _insert(connection, "batch", BatchRow._fields, [_batch(op) for op in begins])
        written = TableCounts(
            self._written.blocks + len(new),
            self._written.batches + len(begins),
            self._written.outcomes + len(self.unwritten),
        )
        if end is not None:
            put_run(
                connection,
                self._run._replace(
                    ended_us=time.time_ns() // 1000,
                    rate=_real(end.rate),
                    pace=_real(end.pace),
                    stopped=end.stopped,
                    **written._asdict(),
                ),
            )
        return written


def _insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert rows with their checksums, many in one statement, since a statement costs as much as many rows."""
    one = f"({', '.join('?' * (len(columns) + 1))})"
    for start in range(0, len(rows), _TOGETHER):
        together = rows[start : start + _TOGETHER]
        connection.execute(
            f"INSERT OR REPLACE INTO {table}({', '.join(columns)}, checksum) VALUES {', '.join([one] * len(together))}",
            [value for row in together for value in (*row, checksum(row))],
        )


def _batch(op: Begin) -> tuple[Any, ...]:
    return op.number, abs(op.block.number), op.start, op.size, op.sent_us, int(op.query)


def _outcome(op: Finish) -> tuple[Any, ...]:
    outcome = op.outcome
    kept = [[other.offset, other.status, other.code, other.kept] for other in outcome.exceptions]
    exceptions = json.dumps(kept) if kept else None
    latency = _real(outcome.latency_ms)
    return op.batch, int(outcome.status), outcome.code, outcome.reason, latency, int(outcome.carried), exceptions


def _real(number: float | None) -> float | None:
    """Return a number as SQLite returns it, so that its checksum is the same."""
    return None if number is None or math.isnan(number) else float(number)
