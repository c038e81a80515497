"""Writing a run's record into PostgreSQL: one transaction at a time, each repeated until it is known to have been made.

A transaction whose answer is lost counts as not made. It is repeated under the same numbers, by which the database shows
whether it was made after all; nothing leaves meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psycopg
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import JournalError
from nxsms_nb.journal import lookup
from nxsms_nb.journal import pg_statements as sql
from nxsms_nb.journal.pg_connection import pooled
from nxsms_nb.journal.pg_locks import LockLost
from nxsms_nb.journal.pg_snapshot import PgSnapshot
from nxsms_nb.journal.store import RowsTaken
from nxsms_nb.results.table import SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Outcome
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    from nxsms_nb.journal.blocks import Block
    from nxsms_nb.journal.entries import Begin, End, Finish
    from nxsms_nb.journal.pg_session import Session

IN_FLIGHT: Final = "another run holds this message; it may have been sent, and the journal does not know yet"
_AHEAD: Final = {"batch": 256, "block": 16}
"""How many numbers are reserved at once; unused ones leave gaps."""


class PgWriter:
    """Writes what happened in a run, in the session that holds its campaign."""

    def __init__(self, session: Session, run: int, campaign: str, *, anywhere: bool) -> None:
        self._session = session
        self._run = run
        self._campaign = campaign
        self._anywhere = anywhere
        self._numbers: dict[str, deque[int]] = {name: deque() for name in _AHEAD}
        self._open: dict[int, Begin] = {}
        self._own_ids = False
        self._last_begun = self._last_finished = 0
        session.on_reopening = self._check_reopened

    def write(
        self, begins: Sequence[Begin], finished: Sequence[Finish], end: End | None, *, patience: float | None = None
    ) -> None:
        """Write requests and outcomes, and with them the run's end.

        Raise `Lost` where a request has another run's rows.
        """
        for begin in begins:
            if not begin.number:
                begin.number = self._next("batch")
                begin.lines = begin.block.lines(begin.start, begin.size)
            if not begin.block.number:
                begin.block.number = -self._next("block")
        blocks = {begin.block.number: begin.block for begin in begins if begin.block.number < 0}
        answers = [(one.outcome, one.batch, self._open.get(one.batch)) for one in finished]
        if begins and any(sql.frees(one.outcome) for one in finished):
            # What a statement frees, the same statement cannot claim.
            records = [sql.record_values((), answers), sql.record_values(begins, ())]
        else:
            records = [sql.record_values(begins, answers)] if begins or answers else []

        def work(connection: psycopg.Connection[Any]) -> None:
            self._insert_blocks(connection, blocks.values())
            for values in records:
                self._record(connection, values)
            if end is not None:
                connection.execute(sql.END, {**vars(end), "run": self._run})

        # As a rule it is one statement, and that is a transaction by itself.
        alone = len(records) == 1 and not blocks and end is None
        try:
            self._session.run(work, patience=patience, alone=alone, locked=bool(begins))
        except _NotWon:
            raise Lost(self._lost(begins)) from None
        for one in finished:
            self._open.pop(one.batch, None)
            self._last_finished = one.batch
        for block in blocks.values():
            block.number = abs(block.number)
        for begin in begins:
            self._open[begin.number] = begin
            self._last_begun = begin.number

    def _record(self, connection: psycopg.Connection[Any], values: dict[str, Any]) -> None:
        values |= {"run": self._run, "pid": self._session.about.pid}
        try:
            row = connection.execute(sql.RECORD, values, prepare=True).fetchone()
        except psycopg.errors.InvalidTextRepresentation as error:
            if sql.NOT_WON in str(error):
                raise _NotWon from None
            raise
        if row is not None:
            self._session.set_clock(row[0])

    def _lost(self, begins: Sequence[Begin]) -> list[Begin]:
        """Return the requests with another run's rows; all if these have become free since."""
        values = {**sql.lost_values(begins), "run": self._run}
        row = self._session.run(lambda connection: connection.execute(sql.LOST, values).fetchone(), alone=True)
        pid, numbers = row or (0, [])
        if pid != self._session.about.pid:
            raise pooled(self._session.address)
        return [begin for begin in begins if begin.number in numbers] or list(begins)

    def taken(self, begin: Begin) -> RowsTaken:
        """Return which rows of a request another run has, with what is recorded of them."""

        def work(connection: psycopg.Connection[Any]) -> RowsTaken:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            held = connection.execute(sql.TAKEN, {"ids": begin.lines}).fetchall()
            offsets = [int(place) for place, _ in held]
            asked = pa.array(begin.block.ids(begin.start, begin.size), TEXT).take(pa.array(offsets, pa.int64()))
            known = lookup.known(PgSnapshot(connection), asked, everywhere=True)
            unclear = np.flatnonzero((known.status == UNDECIDED) | (known.status == UNSENT))
            known.decide(unclear, UNKNOWN, None, IN_FLIGHT)
            return RowsTaken(offsets, known)

        return self._session.run(work)

    def settle(self, block: Block, outcome: Outcome) -> list[int]:
        """Record what was learnt of messages in doubt; return the places of those that stay in doubt."""
        ids = block.lines(0, len(block))
        number, block_number = self._next("batch"), self._next("block")
        block.number = -block_number

        def work(connection: psycopg.Connection[Any]) -> list[int]:
            if outcome.status == SUCCESS:
                connection.execute(sql.FOUND, {"ids": ids, "run": self._run, "number": number})
                left: list[int] = []
            else:
                connection.execute(
                    sql.FREED,
                    {
                        "ids": ids,
                        "campaign": self._campaign,
                        "anywhere": self._anywhere,
                        "window_us": requests.CLOCK_WINDOW_MS * 1000,
                    },
                )
                left = [int(place) for place, _ in connection.execute(sql.TAKEN, {"ids": ids})]
            self._insert_blocks(connection, [block])
            kept = np.setdiff1d(np.arange(len(block)), np.array(left, np.int64))
            # A request of its own for each stretch: those between stay in doubt.
            for at, stretch in enumerate(np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1) if len(kept) else []):
                one = number if at == 0 else self._next_in(connection, "batch")
                connection.execute(
                    "INSERT INTO batch(id, block, start, size, sent_us, query) VALUES (%s, %s, %s, %s, %s, true) "
                    "ON CONFLICT (id) DO NOTHING",
                    (one, block_number, int(stretch[0]), len(stretch), self._session.now_us()),
                )
                connection.execute(sql.OUTCOME, sql.outcome_values(one, outcome))
            return left

        left = self._session.run(work)
        block.number = block_number
        return left

    def _insert_blocks(self, connection: psycopg.Connection[Any], blocks: Iterable[Block]) -> None:
        for block in blocks:
            packed = block.packed()
            self._own_ids |= not packed.digested
            connection.execute(sql.BLOCK, (-block.number, self._run, *packed), binary=True, prepare=True)

    def _next(self, table: str) -> int:
        if not self._numbers[table]:
            self._session.run(lambda connection: self._fill(connection, table))
        return self._numbers[table].popleft()

    def _next_in(self, connection: psycopg.Connection[Any], table: str) -> int:
        if not self._numbers[table]:
            self._fill(connection, table)
        return self._numbers[table].popleft()

    def _fill(self, connection: psycopg.Connection[Any], table: str) -> None:
        rows = connection.execute(sql.NUMBERS.format(table=table), (_AHEAD[table],)).fetchall()
        self._numbers[table] = deque(number for (number,) in rows)

    def _check_reopened(self, connection: psycopg.Connection[Any]) -> None:
        """Check, before anything is sent again, that no confirmed record was lost and that nobody else has sent."""
        last = {"run": self._run, "batch": self._last_begun, "outcome": self._last_finished}
        there = connection.execute(sql.THERE, last).fetchone()
        connection.execute("UPDATE run SET backend = pg_backend_pid() WHERE id = %s", (self._run,))
        if there is None:
            raise LockLost(
                "The database has lost what it had confirmed, as after a failover or a restore. No further request was sent. "
                "What it lost can be sent again by the next call: keep this frame, which knows it."
            )
        meanwhile = connection.execute(
            "SELECT bool_or(NOT coalesce(block.digested, true)) FROM run LEFT JOIN block ON block.run = run.id "
            "WHERE run.id > %s AND (run.campaign = %s OR run.anywhere > 0 OR %s)",
            (self._run, self._campaign, self._anywhere),
        ).fetchone()
        others = meanwhile is not None and meanwhile[0] is not None
        # A message that both sent has one id, unless an id is the frame's own.
        if others and (self._own_ids or (meanwhile is not None and meanwhile[0])):
            raise LockLost(
                "The connection to the journal broke, and another run of the campaign has sent meanwhile. No further request "
                "was sent. Run this again: what that run sent is known then."
            )
        # Later than those of whoever sent meanwhile: the latest word on a message is the one with the highest number.
        for numbers in self._numbers.values():
            numbers.clear()


class _NotWon(Exception):
    """The run did not get all rows of the requests, and nothing was recorded."""


class Lost(Exception):
    """Some requests have rows of another run, and nothing that came with them was recorded."""

    def __init__(self, begins: Sequence[Begin]) -> None:
        super().__init__()
        self.begins = begins


def no_longer(error: JournalError) -> JournalError:
    """Return the error for a request that could not be recorded."""
    return JournalError(f"The journal could not be written; no further request is sent. {error}")
