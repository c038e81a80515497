"""The rows of the journal's tables, written and read, each with a checksum against flipped bits.

SQLite notices neither a bit that flips in a value nor a row that a damaged page no longer shows. So each row carries a
checksum of itself, and the row of a run that has ended says how many blocks, batches and outcomes it has. Reading
raises `Damage` where anything disagrees: a row that is taken for unsent because its record is lost is sent again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import xxhash

from nxsms_nb.journal import blocks as journal_blocks
from nxsms_nb.journal.blocks import Packed
from nxsms_nb.journal.entries import BatchRow, Damage, OutcomeRow, RunRow

_MIDDLE: Final = 1 << 63


_RUN: Final = ", ".join(RunRow._fields)


def checksum(row: tuple[Any, ...]) -> int:
    """Return the checksum of a row's values, as SQLite gives them back.

    Examples
    --------
    >>> checksum((1, "spring", None)) == checksum((1, "spring", None)), checksum((1,)) == checksum((2,))
    (True, False)
    """
    return xxhash.xxh3_64_intdigest(repr(row).encode(errors="surrogatepass")) - _MIDDLE


def verify(row: tuple[Any, ...], table: str) -> tuple[Any, ...]:
    """Return a row without its checksum, its last value, or raise `Damage` where they disagree."""
    values = row[:-1]
    if checksum(values) != row[-1]:
        raise Damage(f"a row of {table} was changed")
    return values


def block_checksums(number: int, run: int, packed: Packed) -> tuple[int, int]:
    """Return the checksums of a block: of its fingerprints and of all else, each bound to its place in the journal."""
    return (
        checksum((number, run, int(packed.digested), xxhash.xxh3_64_intdigest(packed.fingerprints))),
        checksum(
            (number, xxhash.xxh3_64_intdigest(packed.rest), packed.keys and xxhash.xxh3_64_intdigest(packed.keys))
        ),
    )


BUSY_S: Final = 20.0
"""How long a connection waits for another one's transaction or checkpoint, in seconds."""


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold one write transaction, rolled back whole where anything in it fails, so that no partial record remains."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def next_row_id(connection: sqlite3.Connection, table: str) -> int:
    """Return the id for the next row of a table, never used before; in a write transaction of the caller's."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return 1 if row is None else int(row[0]) + 1


def put_run(connection: sqlite3.Connection, run: RunRow) -> None:
    """Write the row of a run, replacing the earlier one."""
    marks = ", ".join("?" * (len(run) + 1))
    connection.execute(f"INSERT OR REPLACE INTO run({_RUN}, checksum) VALUES ({marks})", (*run, checksum(tuple(run))))


def run_rows(connection: sqlite3.Connection) -> dict[int, RunRow]:
    """Return all runs by their ids."""
    found = (RunRow(*verify(row, "run")) for row in connection.execute(f"SELECT {_RUN}, checksum FROM run ORDER BY id"))
    return {run.id: run for run in found}


def open_runs(connection: sqlite3.Connection) -> list[RunRow]:
    """Return the runs without a recorded end: in progress, or interrupted and not yet completed."""
    return [run for run in run_rows(connection).values() if run.blocks is None]


def close_broken(connection: sqlite3.Connection, run: RunRow) -> None:
    """Count what an interrupted run has recorded, so that a later loss is noticed; in a transaction."""
    check_pages(connection)
    counted = connection.execute(
        "SELECT count(DISTINCT block.id), count(DISTINCT batch.id), count(DISTINCT outcome.batch) FROM block "
        "LEFT JOIN batch ON batch.block = block.id LEFT JOIN outcome ON outcome.batch = batch.id WHERE block.run = ?",
        (run.id,),
    ).fetchone()
    put_run(connection, run._replace(blocks=counted[0], batches=counted[1], outcomes=counted[2]))


def check_pages(connection: sqlite3.Connection) -> None:
    """Raise `Damage` where SQLite finds its own structures damaged."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise Damage(found)


def verify_all(connection: sqlite3.Connection) -> None:
    """Raise `Damage` where anything in the journal was changed or lost."""
    check_pages(connection)
    known = run_rows(connection)
    there = {run: inventory(connection, run) for run in known}
    for number in blocks_of(connection, known.keys(), known):
        run, _ = block(connection, number)
        for _ in requests(connection, number, there[run]):
            pass


def blocks_of(connection: sqlite3.Connection, wanted: Collection[int], known: dict[int, RunRow]) -> list[int]:
    """Return the ids of the blocks of runs, in the order of writing; all of `known`'s are counted."""
    places = connection.execute("SELECT id, run FROM block ORDER BY id").fetchall()
    if len({number for number, _ in places}) < len(places):
        raise Damage("a block is listed twice")
    there = Counter(run for _, run in places)
    for run in known.values():
        if run.blocks is not None and run.blocks != there[run.id]:
            raise Damage(f"run {run.id} has {there[run.id]} of its {run.blocks} blocks")
    if there.keys() - known.keys():
        raise Damage("a run is missing")
    return [number for number, run in places if run in wanted]


def block_fingerprints(connection: sqlite3.Connection, block: int) -> bytes:
    """Return the fingerprints of a block."""
    row = connection.execute(
        "SELECT run, digested, checksum, fingerprints FROM block WHERE id = ?", (block,)
    ).fetchone()
    if row is None:
        raise Damage(f"block {block} is missing")
    run, digested, sums, prints = row
    if not isinstance(prints, bytes) or checksum((block, run, digested, xxhash.xxh3_64_intdigest(prints))) != sums:
        raise Damage(f"block {block} was changed")
    return prints


def block_key_fingerprints(connection: sqlite3.Connection, number: int) -> bytes:
    """Return the fingerprints of the keys of a block's rows: those of the ids themselves where the ids are the keys'."""
    row = connection.execute("SELECT digested FROM block WHERE id = ?", (number,)).fetchone()
    if row is not None and row[0]:
        return block_fingerprints(connection, number)
    return journal_blocks.key_fingerprints(block(connection, number)[1])


def block(connection: sqlite3.Connection, number: int) -> tuple[int, Packed]:
    """Return the run of a block and its ids."""
    row = connection.execute(
        "SELECT checksum, rest_checksum, run, digested, fingerprints, rest, keys FROM block WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise Damage(f"block {number} is missing")
    *sums, run, digested, prints, rest, keys = row
    if not (isinstance(prints, bytes) and isinstance(rest, bytes) and (keys is None or isinstance(keys, bytes))):
        raise Damage(f"block {number} was changed")
    packed = Packed(bool(digested), prints, rest, keys)
    if tuple(sums) != block_checksums(number, run, packed):
        raise Damage(f"block {number} was changed")
    return run, packed


Inventory = dict[int, dict[int, bool]]
"""The requests of a run: those of each of its blocks, with whether there is an outcome."""


def inventory(connection: sqlite3.Connection, run: int) -> Inventory:
    """Return the requests of a run, or raise `Damage` where it has ended and they are not as many as it had."""
    counted = connection.execute("SELECT batches, outcomes FROM run WHERE id = ?", (run,)).fetchone()
    found: Inventory = {}
    for number, batch, answered in connection.execute(
        "SELECT batch.block, batch.id, outcome.batch FROM block JOIN batch ON batch.block = block.id "
        "LEFT JOIN outcome ON outcome.batch = batch.id WHERE block.run = ?",
        (run,),
    ):
        found.setdefault(number, {})[batch] = answered is not None
    there = (sum(map(len, found.values())), sum(sum(batches.values()) for batches in found.values()))
    if counted not in (there, (None, None)):
        raise Damage(f"requests of run {run}, or their outcomes, are missing")
    return found


_BATCH: Final = ", ".join(f"batch.{name}" for name in (*BatchRow._fields, "checksum"))
_OUTCOME: Final = ", ".join(f"outcome.{name}" for name in (*OutcomeRow._fields, "checksum"))


def requests(
    connection: sqlite3.Connection, block: int, there: Inventory
) -> Iterator[tuple[BatchRow, OutcomeRow | None]]:
    """Yield the batches of a block in the order of writing, each with its outcome, or None where there is none.

    `there` is the inventory of its run: which rows of a damaged page SQLite finds depends on the way it takes.
    """
    missing = dict(there.get(block, {}))
    for row in connection.execute(
        f"SELECT {_BATCH}, {_OUTCOME} FROM batch LEFT JOIN outcome ON outcome.batch = batch.id "
        "WHERE batch.block = ? ORDER BY batch.id",
        (block,),
    ):
        split = len(BatchRow._fields) + 1
        batch = BatchRow(*verify(row[:split], "batch"))
        outcome = None if row[split] is None else OutcomeRow(*verify(row[split:], "outcome"))
        if (
            batch.block != block
            or (outcome is not None and outcome.batch != batch.id)
            or missing.pop(batch.id, None) is not (outcome is not None)
        ):
            raise Damage(f"batch {batch.id} was changed")
        yield batch, outcome
    if missing:
        raise Damage(f"batches of block {block} are missing")


def count_sent(connection: sqlite3.Connection, run: int) -> int:
    """Return how many requests of a run left, or may have left."""
    there = inventory(connection, run)
    return sum(not batch.query for number in there for batch, _ in requests(connection, number, there))
