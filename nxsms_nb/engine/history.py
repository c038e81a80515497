"""The latest attempt at each message, from the journal and from the frame itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.results import columns
from nxsms_nb.results.table import FAILURE, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, among
from nxsms_nb.rows import id_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.results.table import Results, Rows


_BESIDE: Final = pa.scalar(" ", TEXT)


def from_journal(
    results: Results,
    journal: Reader,
    ids: pa.Array,
    waiting: Rows,
    *,
    campaign: str | None = None,
    everywhere: bool = False,
    counted: Rows | None = None,
    asked: pa.Array | None = None,
    run_filter: Callable[[RunRow], bool] | None = None,
) -> pa.Array:
    """Merge the latest attempt of waiting rows from the journal into `results`, and return the ids with those of the attempts.

    A row whose latest attempt is recorded as unsent stays undecided. The search is that of `Reader.known`; `counted`
    rows have their attempts under this id counted already, and `asked` are ids to look up instead of the rows' own.
    """
    if asked is None:
        asked = ids if len(waiting) == len(ids) else ids.take(pa.array(waiting, pa.int64()))
    while len(waiting):
        known = journal.known(asked, campaign, everywhere=everywhere, run_filter=run_filter)
        found = np.flatnonzero(known.status != UNDECIDED)
        if not len(found):
            break
        rows = waiting[found]
        if counted is not None:
            results.attempts[rows[np.isin(rows, counted)]] = 0
            counted = None
        results.take_over(rows, known, found)
        results.status[rows[known.status[found] == UNSENT]] = UNDECIDED
        mask = np.zeros(len(ids), bool)
        mask[rows] = True
        ids = pc.replace_with_mask(ids, pa.array(mask), asked.take(pa.array(found)))
        refused = np.flatnonzero(known.status == FAILURE)
        waiting = waiting[refused]
        further = [id_format.next_id(messageid) for messageid in asked.take(pa.array(refused)).to_pylist()]
        asked = pa.array(further, TEXT)
    return ids


def by_key(
    results: Results,
    journal: Reader,
    keys: pa.Array,
    ids: pa.Array,
    waiting: Rows,
    *,
    campaign: str | None,
    run_filter: Callable[[RunRow], bool] | None = None,
) -> pa.Array:
    """Merge what the journal knows of waiting rows, looked up by key, whatever their ids were.

    `ids` are those under which rows would be sent, returned with those of the latest attempts. A row whose latest
    attempt is recorded as unsent stays undecided.
    """
    asked = keys if len(waiting) == len(keys) else keys.take(pa.array(waiting, pa.int64()))
    known, recorded = journal.known_by_key(asked, campaign, run_filter=run_filter)
    found = np.flatnonzero(known.status != UNDECIDED)
    if not len(found):
        return ids
    rows, recorded = waiting[found], recorded.take(pa.array(found))
    results.take_over(rows, known, found)
    unsent = known.status[found] == UNSENT
    results.status[rows[unsent]] = UNDECIDED
    # What was not sent is sent under this call's id; where an earlier attempt was refused, that id was used.
    kept = ~unsent | as_mask(id_format.are_further(recorded))
    mask = np.zeros(len(ids), np.bool_)
    mask[rows[kept]] = True
    return pc.replace_with_mask(ids, pa.array(mask), recorded.filter(pa.array(kept)))


def from_retries(
    results: Results, journal: Reader, ids: pa.Array, waiting: Rows, *, campaign: str | None, keys: Iterable[pa.Array]
) -> pa.Array:
    """Merge what retries recorded under other keys than those of this call: of rows corrected since, or without `key=`.

    Only retries do so. A row's id leads there: its own where it was not sent, the next one where it was refused; that
    one counts where its key is one of `keys`, which the row may have, or unknown: else it went to a corrected number.
    """
    if not any(run.anywhere for run in journal.made_by()):
        return ids
    refused = waiting[results.status[waiting] == FAILURE]
    further = pa.array([id_format.next_id(text) for text in ids.take(pa.array(refused)).to_pylist()], TEXT)
    refused, further = _of_keys(journal, refused, further, keys)
    unsent = waiting[results.status[waiting] == UNDECIDED]
    asked = pa.concat_arrays([ids.take(pa.array(unsent, pa.int64())), further])
    rows = np.concatenate([unsent, refused])
    return from_journal(
        results, journal, ids, rows, campaign=campaign, asked=asked, run_filter=lambda run: bool(run.anywhere)
    )


def _of_keys(journal: Reader, rows: Rows, further: pa.Array, keys: Iterable[pa.Array]) -> tuple[Rows, pa.Array]:
    """Return the rows whose next attempt is recorded under one of their possible keys, or without a key."""
    homes, recorded = journal.origins(further)
    there = np.array([home is not None for home in homes], np.bool_)
    same = there & ~present(recorded)
    if (there & ~same).any():
        for candidate in keys:
            same |= there & as_mask(pc.equal(candidate.take(pa.array(rows)), recorded))
    return rows[same], further.filter(pa.array(same))


@dataclass(frozen=True)
class Copies:
    """Rows that a call drops since an earlier row has their key: their results hold for that row.

    Parameters
    ----------
    rows : ndarray of int64
        Their positions.
    keys : pyarrow.Array of large_string
        The ids that their keys give, which are those of the rows that are kept.
    own : pyarrow.Array of large_string
        The ids that they bring, null where they bring none.
    """

    rows: Rows
    keys: pa.Array
    own: pa.Array

    def out(self, earlier: pd.DataFrame) -> Copies:
        """Return the copies that were sent, or may have been; accepted ones first."""
        status = earlier["status"].cat.codes.to_numpy()[self.rows]
        some = np.concatenate([np.flatnonzero(status == one) for one in (SUCCESS, UNKNOWN)])
        return self._some(some)

    def under_own(self, earlier: pd.DataFrame) -> Copies:
        """Return the copies whose result has an own id of their key: it is the message of their key."""
        had = columns.to_arrow(earlier["messageid"]).take(pa.array(self.rows))
        return self._some(np.flatnonzero(id_format.are_attempts(had, self.own) | self.bring(self.keys, had)))

    def bring(self, keys: pa.Array, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Return which ids are an own id of some copy with the corresponding key."""
        brought = pc.binary_join_element_wise(self.keys, self.own, _BESIDE).drop_null()
        return as_mask(pc.is_in(pc.binary_join_element_wise(keys, ids, _BESIDE), value_set=brought))

    def first_with(self, keys: pa.Array) -> npt.NDArray[np.int64]:
        """Return the first copy with each of some keys; -1 where there is none."""
        at = pc.fill_null(pc.index_in(keys, value_set=self.keys), -1).to_numpy().astype(np.int64)
        return np.where(at >= 0, self.rows[at], -1) if len(self.rows) else at

    def _some(self, at: Rows) -> Copies:
        return Copies(self.rows[at], self.keys.take(pa.array(at)), self.own.take(pa.array(at)))


def from_frame(
    results: Results,
    earlier: pd.DataFrame,
    ids: pa.Array,
    *,
    keys: pa.Array | None = None,
    of_key: npt.NDArray[np.bool_] | None = None,
    copies: Copies | None = None,
) -> pa.Array:
    """Merge the frame's own results of sent messages that the journal does not know; return the ids of the attempts.

    A row's own results come first, then those of any other row with its id: frames of different age may be
    concatenated. `keys` are the ids that the rows' keys give, where they differ: a message may have been sent under
    either. `of_key` marks rows whose own id is one of their key: such an id will do where a key has several. A copy
    that was sent under its own id counts for the row that is kept, whose id is another.
    """
    status, had = earlier["status"].cat.codes.to_numpy(), columns.to_arrow(earlier["messageid"])
    rows = np.flatnonzero(among(results.status, UNDECIDED, FAILURE) & present(ids))
    gone = np.concatenate([np.flatnonzero(status == one) for one in (SUCCESS, UNKNOWN)])
    if not len(rows) or not len(gone):
        return ids
    row_ids = ids.take(pa.array(rows))
    own = as_mask(pc.equal(had.take(pa.array(rows)), row_ids))
    if of_key is not None:
        own |= of_key[rows]
    beside = id_format.index_of_attempts(row_ids, had.take(pa.array(gone)))
    if keys is not None:
        by_key = id_format.index_of_attempts(keys.take(pa.array(rows)), had.take(pa.array(gone)))
        own |= as_mask(pc.equal(id_format.roots(had.take(pa.array(rows))), keys.take(pa.array(rows))))
        beside = np.where(beside >= 0, beside, by_key)
    beside = np.where(beside >= 0, gone[beside], -1)
    if copies is not None:
        of_rows = (ids if keys is None else keys).take(pa.array(rows))
        # A row that has a copy's result has its id, and the copy brings it.
        own |= copies.bring(of_rows, had.take(pa.array(rows)))
        spoken = copies.under_own(earlier).out(earlier).first_with(of_rows)
        beside = np.where(beside >= 0, beside, spoken)
    own &= among(status[rows], SUCCESS, UNKNOWN)
    sources = np.where(own, rows, beside)
    there = sources >= 0
    rows, sources, row_ids = rows[there], sources[there], row_ids.filter(pa.array(there))
    # A refusal that the journal knows stands, but for a later attempt.
    new = (results.status[rows] == UNDECIDED) | ~as_mask(pc.equal(had.take(pa.array(sources)), row_ids))
    rows, sources = rows[new], sources[new]
    results.adopt(rows, earlier.iloc[sources])
    mask = np.zeros(len(ids), bool)
    mask[rows] = True
    return pc.replace_with_mask(ids, pa.array(mask), had.take(pa.array(sources)))
