"""Look up message ids in the journal and return their recorded results."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb import journalrows, spelling
from nxsms_nb.blocks import unpacked
from nxsms_nb.cells import present
from nxsms_nb.results import UNDECIDED, UNKNOWN, Exceptional, Outcome, Results, Rows, among

if TYPE_CHECKING:
    import pyarrow as pa

    from nxsms_nb.journalrows import OutcomeRow

NO_OUTCOME: Final = "the process ended, or is still at work, before the outcome was known"

ANYWHERE, HOMELESS = 1, 2
"""What ``run.anywhere`` says: its rows may have gone out in another campaign; nobody knows in which one, and the run's own
is no evidence of it."""


def blocks_in(
    connection: sqlite3.Connection,
    campaign: str | None = None,
    *,
    everywhere: bool = False,
    of: Callable[[journalrows.Run], bool] | None = None,
) -> list[int]:
    """Return the ids of the blocks in which messages of a campaign, or of any, may be; with `of` those of some runs alone."""
    runs = journalrows.runs(connection)
    looked = [run for run in runs.values() if everywhere or run.anywhere or run.campaign == (campaign or "")]
    return journalrows.blocks_of(connection, {run.id for run in looked if of is None or of(run)}, runs)


def holds(connection: sqlite3.Connection, campaign: str | None = None, *, everywhere: bool = False) -> bool:
    """Return whether any message is recorded where `known` looks."""
    return bool(blocks_in(connection, campaign, everywhere=everywhere))


def known(
    connection: sqlite3.Connection,
    ids: pa.Array,
    campaign: str | None = None,
    *,
    everywhere: bool = False,
    of: Callable[[journalrows.Run], bool] | None = None,
) -> Results:
    """Return what is recorded of messages; see `journal.Journal.known`."""
    found = Results(len(ids))
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    if not len(asked):
        return found
    wanted = np.sort(spelling.fingerprints(asked))
    if (wanted[1:] == wanted[:-1]).any() and len(coded := asked.dictionary_encode()) > len(coded.dictionary):
        # A merge multiplied rows of a sent frame.
        once = known(connection, coded.dictionary, campaign, everywhere=everywhere, of=of)
        found.take_over(where_asked, once, coded.indices.to_numpy())
        return found
    sieve = _Sieve(wanted)
    places: pd.Index[Any] | None = None
    complete: set[int] = set()
    for number in blocks_in(connection, campaign, everywhere=everywhere, of=of):
        if not sieve.finds_any(np.frombuffer(journalrows.fingerprints(connection, number), np.uint64)):
            continue
        if places is None:
            places = pd.Index(asked.to_numpy(zero_copy_only=False), dtype=object)
        run, packed = journalrows.block(connection, number)
        at = places.get_indexer(pd.Index(unpacked(packed).to_numpy(zero_copy_only=False), dtype=object))
        if at.max(initial=-1) >= 0:
            if run not in complete:
                journalrows.count_requests(connection, run)
                complete.add(run)
            _retell(connection, number, np.where(at >= 0, where_asked[at], -1), found)
    return found


def homes(connection: sqlite3.Connection, ids: pa.Array) -> dict[str, Rows]:
    """The campaigns in which messages are recorded, with their places among `ids`; see `journal.Journal.homes`."""
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    found: dict[str, list[Rows]] = {}
    if not len(asked):
        return {}
    coded = asked.dictionary_encode()
    places = pd.Index(coded.dictionary.to_numpy(zero_copy_only=False), dtype=object)
    sieve = _Sieve(np.sort(spelling.fingerprints(coded.dictionary)))
    runs = journalrows.runs(connection)
    for number in journalrows.blocks_of(connection, {run.id for run in runs.values() if run.anywhere < HOMELESS}, runs):
        if sieve.finds_any(np.frombuffer(journalrows.fingerprints(connection, number), np.uint64)):
            run, packed = journalrows.block(connection, number)
            at = places.get_indexer(pd.Index(unpacked(packed).to_numpy(zero_copy_only=False), dtype=object))
            found.setdefault(runs[run].campaign, []).append(at[at >= 0].astype(np.int64))
    codes = coded.indices.to_numpy()
    there = {name: np.flatnonzero(np.isin(codes, np.concatenate(parts))) for name, parts in found.items()}
    return {name: where_asked[rows] for name, rows in there.items() if len(rows)}


def _retell(connection: sqlite3.Connection, block: int, rows: Any, found: Results) -> None:
    for batch, told in journalrows.requests(connection, block):
        mine = rows[batch.start : batch.start + batch.size]
        outcome = _outcome(told)
        if batch.query:
            doubtful = mine[mine >= 0]
            # Nothing else may be recorded of it: a journal that was lost is no reason to ask again, or to send again.
            doubtful = doubtful[among(found.status[doubtful], UNDECIDED, UNKNOWN)]
            found.decide(doubtful, outcome.status, outcome.code, outcome.reason)
        else:
            found.apply(mine, outcome, batch=batch.id, sent_us=batch.sent_us, partly=True)


def _outcome(told: OutcomeRow | None) -> Outcome:
    if told is None:
        return Outcome(UNKNOWN, reason=NO_OUTCOME)
    others = (
        [
            Exceptional(offset, status, code, reason, reason)
            for offset, status, code, reason in json.loads(told.exceptions)
        ]
        if told.exceptions
        else []
    )
    latency = float("nan") if told.latency_ms is None else told.latency_ms
    return Outcome(told.status, told.code, told.reason, latency, bool(told.carried), others)


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
