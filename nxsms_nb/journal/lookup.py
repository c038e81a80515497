"""Look up message ids in the journal and return their recorded results."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, present
from nxsms_nb.journal.blocks import Packed, keys_of, unpacked
from nxsms_nb.results.table import (
    FAILURE,
    SUCCESS,
    UNDECIDED,
    UNKNOWN,
    UNSENT,
    ItemOutcome,
    Outcome,
    Results,
    Rows,
    among,
)
from nxsms_nb.rows import id_format
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    from nxsms_nb.journal.entries import BatchRow, OutcomeRow, RunRow
    from nxsms_nb.journal.store import Snapshot
    from nxsms_nb.wire.receipts import Receipt

NO_OUTCOME: Final = "the process ended before the outcome was known, or is still sending"


def blocks_in(
    journal: Snapshot,
    campaign: str | None = None,
    *,
    everywhere: bool = False,
    run_filter: Callable[[RunRow], bool] | None = None,
) -> list[int]:
    """Return the ids of the blocks in which messages of a campaign, or of any, may be.

    With `run_filter` those of some runs alone.
    """
    runs = journal.runs()
    looked = [run for run in runs.values() if everywhere or run.anywhere or run.campaign == (campaign or "")]
    return journal.blocks_of({run.id for run in looked if run_filter is None or run_filter(run)}, runs)


def holds(
    journal: Snapshot,
    campaign: str | None = None,
    *,
    everywhere: bool = False,
    run_filter: Callable[[RunRow], bool] | None = None,
) -> bool:
    """Return whether any message is recorded where `known` looks."""
    return bool(blocks_in(journal, campaign, everywhere=everywhere, run_filter=run_filter))


def known(
    journal: Snapshot,
    ids: pa.Array,
    campaign: str | None = None,
    *,
    everywhere: bool = False,
    run_filter: Callable[[RunRow], bool] | None = None,
    receipts: bool = True,
) -> Results:
    """Return the recorded results of messages; see `reader.Reader.known`."""
    blocks = blocks_in(journal, campaign, everywhere=everywhere, run_filter=run_filter)
    found = _known(journal, ids, blocks, by_key=False)[0]
    if receipts:
        _apply_receipts(journal, ids, found)
    return found


def known_by_key(
    journal: Snapshot,
    keys: pa.Array,
    campaign: str | None,
    *,
    run_filter: Callable[[RunRow], bool] | None = None,
) -> tuple[Results, pa.Array]:
    """Return the recorded results by key, and their ids; see `reader.Reader.known_by_key`."""
    found, ids = _known(journal, keys, blocks_in(journal, campaign, run_filter=run_filter), by_key=True)
    _apply_receipts(journal, ids, found)
    return found, ids


def receipts_of(journal: Snapshot, ids: Sequence[str]) -> list[tuple[str, Receipt]]:
    """Return the receipts of some ids, as they were learnt, each with the id that it belongs to.

    An id of one's own may look like another one of a bulk send, with ``-`` and ten digits behind it: what is recorded under
    such an id is a message, and its receipts are its own.
    """
    found = list(journal.receipts(ids))
    longer = {receipt.messageid for messageid, receipt in found if receipt.messageid != messageid}
    if longer:
        listed = sorted(longer)
        own = _known(journal, pa.array(listed, TEXT), blocks_in(journal, everywhere=True), by_key=False)[0]
        longer.difference_update(listed[row] for row in np.flatnonzero(~among(own.status, UNDECIDED)))
    return [pair for pair in found if pair[1].messageid == pair[0] or pair[1].messageid in longer]


def receipt_ids_of(journal: Snapshot, ids: Sequence[str]) -> list[str]:
    """Return the ids that receipts of some messages may have: the messages' own, or followed by ``-`` and ten digits."""
    return sorted({receipt.messageid for _, receipt in receipts_of(journal, ids)})


def _apply_receipts(journal: Snapshot, ids: pa.Array, found: Results) -> None:
    """Mark messages in doubt, or counted as unsent, as accepted if there is a receipt, which proves it.

    Nobody need have asked for it: a push may come before the reply of its request, or after the analyst gave a row up.
    """
    open_rows = np.flatnonzero(among(found.status, UNKNOWN, UNSENT))
    if len(open_rows):
        mine = ids.take(pa.array(open_rows))
        proven = {messageid for messageid, _ in receipts_of(journal, mine.unique().to_pylist())}
        rows = open_rows[[messageid in proven for messageid in mine.to_pylist()]] if proven else open_rows[:0]
        found.decide(rows, SUCCESS, codes.SUCCESS)


def _known(journal: Snapshot, ids: pa.Array, blocks: Sequence[int], *, by_key: bool) -> tuple[Results, pa.Array]:
    found = Results(len(ids))
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    if not len(asked):
        return found, ids
    if (coded := _coded_if_repeated(asked)) is not None:
        # A merge has multiplied rows of a sent frame.
        once, recorded = _known(journal, coded.dictionary, blocks, by_key=by_key)
        found.take_over(where_asked, once, coded.indices.to_numpy())
        return found, _replaced(ids, where_asked, recorded.take(coded.indices))
    renamed: dict[int, str] = {}
    for number, run, packed, at in _matching(journal, asked, blocks, by_key=by_key):
        rows = np.where(at >= 0, where_asked[at], -1)
        carried = _retell(journal.requests(number, run), rows, found)
        if by_key and not packed.digested:
            offsets = np.flatnonzero(carried)
            renamed.update(
                zip(rows[offsets].tolist(), unpacked(packed).take(pa.array(offsets)).to_pylist(), strict=True)
            )
        elif renamed:
            for row in rows[carried].tolist():
                renamed.pop(row, None)
    at_rows = np.array(sorted(renamed), np.int64)
    return found, _replaced(ids, at_rows, pa.array([renamed[row] for row in at_rows.tolist()], ids.type))


def sent_anything(journal: Snapshot, wanted: Collection[int]) -> bool:
    """Return whether any message of some runs was sent, or may have been, or was refused by itself."""
    return any(row is None or row.status != UNSENT or row.exceptions for row in _outcomes(journal, wanted))


def reached(journal: Snapshot, wanted: Collection[int]) -> bool:
    """Return whether any request of some runs reached a gateway, or may have; an unsent one did only if it has a code."""
    return any(
        row is None or row.status != UNSENT or row.code is not None or row.exceptions
        for row in _outcomes(journal, wanted)
    )


def answered(journal: Snapshot, wanted: Collection[int]) -> bool:
    """Return whether any request of some runs had a reply that only a gateway gives: items, or a documented refusal."""
    return any(
        row is not None
        and (row.exceptions or row.status in (SUCCESS, FAILURE) or (row.status == UNSENT and row.code is not None))
        for row in _outcomes(journal, wanted)
    )


def _outcomes(journal: Snapshot, wanted: Collection[int]) -> Iterator[OutcomeRow | None]:
    """Yield the outcome of each request that runs sent; None for a request without one."""
    runs = journal.runs()
    for number in journal.blocks_of(wanted, runs):
        run, _ = journal.block(number)
        for batch, row in journal.requests(number, run):
            if not batch.query:
                yield row


def origins(journal: Snapshot, ids: pa.Array) -> tuple[npt.NDArray[np.object_], pa.Array]:
    """Return the campaigns and keys with which ids are recorded; see `reader.Reader.origins`."""
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    campaigns, keys = np.full(len(ids), None, object), np.full(len(ids), None, object)
    if not len(asked):
        return campaigns, pa.array(keys, TEXT)
    coded = asked.dictionary_encode()
    codes = coded.indices.to_numpy()
    runs = journal.runs()
    of_id = np.full((2, len(coded.dictionary)), None, object)
    for _, run, packed, at in _matching(journal, coded.dictionary, journal.blocks_of(runs.keys(), runs)):
        here = at >= 0
        of_id[0, at[here]] = runs[run].campaign
        of_id[1, at[here]] = keys_of(packed).to_numpy(zero_copy_only=False)[here]
    campaigns[where_asked], keys[where_asked] = of_id[:, codes]
    return campaigns, pa.array(keys, TEXT)


def homes(journal: Snapshot, ids: pa.Array) -> dict[str, Rows]:
    """Return the campaigns in which messages are recorded, with their places among `ids`; see `reader.Reader.homes`."""
    where_asked, asked = np.flatnonzero(present(ids)), ids.drop_null()
    found: dict[str, list[Rows]] = {}
    if not len(asked):
        return {}
    coded = asked.dictionary_encode()
    runs = journal.runs()
    blocks = journal.blocks_of({run.id for run in runs.values() if not run.homeless}, runs)
    for _, run, _, at in _matching(journal, coded.dictionary, blocks):
        found.setdefault(runs[run].campaign, []).append(at[at >= 0].astype(np.int64))
    codes = coded.indices.to_numpy()
    there = {name: np.flatnonzero(np.isin(codes, np.concatenate(parts))) for name, parts in found.items()}
    return {name: where_asked[rows] for name, rows in there.items() if len(rows)}


def _coded_if_repeated(asked: pa.Array) -> pa.DictionaryArray | None:
    """Return the ids as a dictionary where any occurs twice."""
    wanted = np.sort(id_format.fingerprints(asked))
    if not (wanted[1:] == wanted[:-1]).any():
        return None
    coded = asked.dictionary_encode()
    return coded if len(coded) > len(coded.dictionary) else None


def _matching(
    journal: Snapshot, asked: pa.Array, blocks: Sequence[int], *, by_key: bool = False
) -> Iterator[tuple[int, int, Packed, npt.NDArray[np.int64]]]:
    """Yield the blocks that have any of some ids, each of which stands once: number, run, ids, and where each is asked."""
    sieve = _Sieve(np.sort(id_format.fingerprints(asked)))
    places: pd.Index[Any] | None = None
    for number, prints in journal.fingerprints(blocks, by_key=by_key):
        if not sieve.finds_any(np.frombuffer(prints, np.uint64)):
            continue
        if places is None:
            places = pd.Index(asked.to_numpy(zero_copy_only=False), dtype=object)
        run, packed = journal.block(number)
        held = keys_of(packed) if by_key else unpacked(packed)
        at = places.get_indexer(pd.Index(held.to_numpy(zero_copy_only=False), dtype=object))
        if at.max(initial=-1) >= 0:
            yield number, run, packed, at


def _replaced(values: pa.Array, rows: Rows, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by) if len(rows) else values


def _retell(requests: Iterable[tuple[BatchRow, OutcomeRow | None]], rows: Any, found: Results) -> npt.NDArray[np.bool_]:
    """Apply the recorded requests of a block to the rows at its places; return which rows had a request."""
    carried = np.zeros(len(rows), np.bool_)
    for batch, row in requests:
        mine = rows[batch.start : batch.start + batch.size]
        if not batch.query:
            # What was accepted stays so, whatever a run that could not know it recorded later.
            mine = np.where((mine >= 0) & (found.status[mine] == SUCCESS), -1, mine)
        outcome = _outcome(row)
        if batch.query:
            doubtful = mine[mine >= 0]
            # Nothing else may be recorded of it: a lost journal is no reason to query or send it again.
            # A record of what counted as unsent on the analyst's word shows that it was accepted after all.
            may_change = (UNDECIDED, UNKNOWN, UNSENT) if outcome.status == SUCCESS else (UNDECIDED, UNKNOWN)
            doubtful = doubtful[among(found.status[doubtful], *may_change)]
            found.decide(doubtful, outcome.status, outcome.code, outcome.reason)
        else:
            found.apply(mine, outcome, batch=batch.id, sent_us=batch.sent_us, partly=True)
        carried[batch.start : batch.start + batch.size] |= mine >= 0
    return carried


def _outcome(row: OutcomeRow | None) -> Outcome:
    if row is None:
        return Outcome(UNKNOWN, reason=NO_OUTCOME)
    others = (
        [
            ItemOutcome(offset, status, code, reason, reason)
            for offset, status, code, reason in json.loads(row.exceptions)
        ]
        if row.exceptions
        else []
    )
    latency = float("nan") if row.latency_ms is None else row.latency_ms
    return Outcome(row.status, row.code, row.reason, latency, bool(row.carried), others)


class _Sieve:
    """Find out quickly whether a block has any of the wanted fingerprints.

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
