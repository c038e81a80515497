"""Read a shared journal in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.journal.blocks import Packed, key_fingerprints
from nxsms_nb.journal.entries import BatchRow, OutcomeRow, RunRow
from nxsms_nb.wire.receipts import Receipt, root

if TYPE_CHECKING:
    import psycopg

_RUN: Final = ", ".join(RunRow._fields)
_RECEIPT: Final = ", ".join(Receipt._fields)
_TOGETHER: Final = 256
"""How many blocks' fingerprints are fetched at once: 16 MB."""


class PgSnapshot:
    """One state of the journal: reads of a transaction that sees nothing of later ones."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def runs(self) -> dict[int, RunRow]:
        """Return all runs by their numbers, in order."""
        rows = self._connection.execute(f"SELECT {_RUN} FROM run ORDER BY id")
        return {run.id: run for run in map(RunRow._make, rows)}

    def people(self) -> dict[int, tuple[str, str]]:
        """Return the user and the host of each run."""
        rows = self._connection.execute("SELECT id, os_user, host FROM run")
        return {run: (user, host) for run, user, host in rows}

    def blocks_of(self, wanted: Collection[int], known: dict[int, RunRow]) -> list[int]:  # noqa: ARG002  as SQLite counts them
        """Return the numbers of the blocks of runs, in the order of writing."""
        rows = self._connection.execute("SELECT id FROM block WHERE run = ANY(%s) ORDER BY id", (list(wanted),))
        return [number for (number,) in rows]

    def fingerprints(self, blocks: Sequence[int], *, by_key: bool) -> Iterator[tuple[int, bytes]]:
        """Yield each block with the fingerprints of its ids, or of the keys of its rows."""
        for start in range(0, len(blocks), _TOGETHER):
            rows = self._connection.execute(
                "SELECT id, digested, fingerprints, CASE WHEN %s THEN keys END FROM block WHERE id = ANY(%s) ORDER BY id",
                (by_key, list(blocks[start : start + _TOGETHER])),
                binary=True,
            ).fetchall()
            for number, digested, prints, keys in rows:
                of_keys = by_key and not digested
                yield number, key_fingerprints(Packed(False, prints, b"", keys)) if of_keys else prints

    def block(self, number: int) -> tuple[int, Packed]:
        """Return the run of a block and its ids."""
        row = self._connection.execute(
            "SELECT run, digested, fingerprints, rest, keys FROM block WHERE id = %s", (number,), binary=True
        ).fetchone()
        if row is None:
            raise LookupError(f"block {number} is missing")
        return row[0], Packed(*row[1:])

    def requests(self, block: int, run: int) -> Iterator[tuple[BatchRow, OutcomeRow | None]]:  # noqa: ARG002  as SQLite needs it
        """Yield the requests of a block in the order of writing, each with its outcome."""
        rows = self._connection.execute(
            "SELECT b.id, b.block, b.start, b.size, b.sent_us, b.query, "
            "o.batch, o.status, o.code, o.reason, o.latency_ms, o.carried, o.exceptions "
            "FROM batch b LEFT JOIN outcome o ON o.batch = b.id WHERE b.block = %s ORDER BY b.id",
            (block,),
        ).fetchall()
        for row in rows:
            yield BatchRow(*row[:6]), None if row[6] is None else OutcomeRow(*row[6:])

    def requests_of(self, run: int) -> int:
        """Return how many requests of a run left, or may have left."""
        row = self._connection.execute(
            "SELECT count(*) FROM batch JOIN block ON block.id = batch.block WHERE block.run = %s AND NOT batch.query",
            (run,),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def receipts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, Receipt]]:
        """Yield the receipts of some ids, or all, as they were learnt, each with the id that it belongs to."""
        if ids is None:
            for row in self._connection.execute(f"SELECT {_RECEIPT} FROM receipt ORDER BY id").fetchall():
                yield row[0], Receipt(*row)
            return
        wanted = set(ids)
        rows = self._connection.execute(
            f"SELECT {_RECEIPT} FROM receipt WHERE messageid = ANY(%(ids)s) OR root = ANY(%(ids)s) ORDER BY id",
            {"ids": list(ids)},
        ).fetchall()
        for receipt in map(Receipt._make, rows):
            if receipt.messageid in wanted:
                yield receipt.messageid, receipt
            else:
                yield root(receipt.messageid) or receipt.messageid, receipt
