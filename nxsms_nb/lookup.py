"""What a journal's file holds of messages: looked up by their ids, and told as results."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb import spelling
from nxsms_nb.blocks import Packed, unpacked
from nxsms_nb.cells import present
from nxsms_nb.results import UNDECIDED, UNKNOWN, Exceptional, Outcome, Results, among

if TYPE_CHECKING:
    import pyarrow as pa

NO_OUTCOME: Final = "the process ended, or is still at work, before the outcome was known"

HELD: Final = "digested, fingerprints, rest"
"""The columns of a block that `blocks.Packed` is made of."""

_BATCHES: Final = """
    SELECT batch.block, batch.id, start, size, sent_us, query,
           outcome.status, code, reason, latency_ms, carried, exceptions
    FROM batch LEFT JOIN outcome ON outcome.batch = batch.id
"""


def holds(connection: sqlite3.Connection, campaign: str | None = None, *, everywhere: bool = False) -> bool:
    """Whether any message is recorded where `known` looks."""
    blocks, values = _blocks(campaign, everywhere=everywhere)
    return bool(connection.execute(f"SELECT EXISTS (SELECT 1 {blocks})", values).fetchone()[0])


def known(
    connection: sqlite3.Connection, ids: pa.Array, campaign: str | None = None, *, everywhere: bool = False
) -> Results:
    """What is recorded of messages; see `journal.Journal.known`."""
    found = Results(len(ids))
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    if not len(asked):
        return found
    wanted = np.sort(spelling.fingerprints(asked))
    if (wanted[1:] == wanted[:-1]).any() and len(coded := asked.dictionary_encode()) > len(coded.dictionary):
        # A merge multiplied rows of a sent frame.
        once = known(connection, coded.dictionary, campaign, everywhere=everywhere)
        found.take_over(where_asked, once, coded.indices.to_numpy())
        return found
    sieve = _Sieve(wanted)
    places: pd.Index[Any] | None = None
    blocks, values = _blocks(campaign, everywhere=everywhere)
    for number, blob in connection.execute(f"SELECT block.id, fingerprints {blocks} ORDER BY block.id", values):
        if not sieve.finds_any(np.frombuffer(blob, np.uint64)):
            continue
        if places is None:
            places = pd.Index(asked.to_numpy(zero_copy_only=False), dtype=object)
        (held,) = connection.execute(f"SELECT {HELD} FROM block WHERE id = ?", (number,))
        there = unpacked(Packed(*held)).to_numpy(zero_copy_only=False)
        at = places.get_indexer(pd.Index(there, dtype=object))
        if at.max(initial=-1) >= 0:
            _retell(connection, number, np.where(at >= 0, where_asked[at], -1), found)
    return found


def _retell(connection: sqlite3.Connection, block: int, rows: Any, found: Results) -> None:
    for record in connection.execute(f"{_BATCHES} WHERE batch.block = ? ORDER BY batch.id", (block,)):
        _, batch, start, size, sent_us, query, *told = record
        mine = rows[start : start + size]
        outcome = _outcome(told)
        if query:
            doubtful = mine[mine >= 0]
            # Nothing else may be recorded of it: a journal that was lost is no reason to ask again, or to send again.
            doubtful = doubtful[among(found.status[doubtful], UNDECIDED, UNKNOWN)]
            found.decide(doubtful, outcome.status, outcome.code, outcome.reason)
        else:
            found.apply(mine, outcome, batch=batch, sent_us=sent_us, partly=True)


def _blocks(campaign: str | None, *, everywhere: bool) -> tuple[str, tuple[str, ...]]:
    """The blocks in which messages of a campaign, or of any, may be: a part of a query, and its values."""
    tables = "FROM block JOIN run ON run.id = block.run JOIN campaign ON campaign.id = run.campaign"
    if everywhere:
        return tables, ()
    return f"{tables} WHERE campaign.name = ? OR run.anywhere", (campaign or "",)


def _outcome(told: list[Any]) -> Outcome:
    status, code, reason, latency_ms, carried, exceptions = told
    if status is None:
        return Outcome(UNKNOWN, reason=NO_OUTCOME)
    others = (
        [Exceptional(offset, status, code, reason, reason) for offset, status, code, reason in json.loads(exceptions)]
        if exceptions
        else []
    )
    latency = float("nan") if latency_ms is None else latency_ms
    return Outcome(status, code, reason, latency, bool(carried), others)


class _Sieve:
    """Whether any of some fingerprints is among those that are wanted: asked of each block of a campaign.

    Few blocks have one, so most prints are ruled out by what a part of their bits may be: cheaper than a search.
    """

    def __init__(self, wanted: npt.NDArray[np.uint64]) -> None:
        self._wanted = wanted
        self._bits = (1 << min(24, max(16, (64 * len(wanted)).bit_length()))) - 1
        self._tables = {shift: np.zeros(self._bits + 1, np.bool_) for shift in (0, 32)}
        for shift, table in self._tables.items():
            table[self._part(wanted, shift)] = True

    def _part(self, prints: npt.NDArray[np.uint64], shift: int) -> npt.NDArray[np.int64]:
        part: npt.NDArray[np.int64] = (prints.view(np.int64) >> shift) & self._bits
        return part

    def finds_any(self, prints: npt.NDArray[np.uint64]) -> bool:
        for shift, table in self._tables.items():
            prints = prints[table[self._part(prints, shift)]]
        at = np.minimum(np.searchsorted(self._wanted, prints), len(self._wanted) - 1)
        return bool((self._wanted[at] == prints).any())
