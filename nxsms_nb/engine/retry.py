"""A sent frame taken up again: its results, the campaign it went out in, and which of its rows may leave again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from numbers import Integral
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.engine import elsewhere, history
from nxsms_nb.engine.call_ids import made_in
from nxsms_nb.engine.dispatch import Dispatch, journal_of
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.given import frame_as_given
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.table import FAILURE, NO_TIME, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.rows import id_format, rules
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.holdout import held_out
from nxsms_nb.rows.suppression import SUPPRESSED
from nxsms_nb.rows.suppression import suppressed as on_list
from nxsms_nb.settings import COLUMNS
from nxsms_nb.wire import codes as code_table

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.journal.journal import Journal
    from nxsms_nb.results.table import Rows

__all__ = [
    "asked_for",
    "by_home",
    "lock_doubts",
    "lock_home",
    "may_go_us",
    "take_over_learnt",
    "taken_up",
    "wait_again",
]

HOUR_US: Final = 3_600_000_000
"""How long the vendor's hourly limit (13007) holds after the request that met it."""


def taken_up(frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], call: Invocation) -> Dispatch:
    """A sent frame, with everything it says of its rows taken over."""
    frame = frame_as_given(frame)
    earlier = result_columns.read(frame, settings["prefix"])
    columns = resolve(frame, {name: settings[name] for name in COLUMNS})
    checked = rules.check(frame, columns, region=settings["region"], bare=settings["bare"])
    checked = checked.holding_out(held_out(frame, settings["variant"]))
    checked = checked.suppressing(on_list(frame, checked.fields["phone"], settings))
    ids = pa.array(earlier["messageid"].astype(object), TEXT, from_pandas=True)
    results = Results(len(frame))
    results.adopt(np.arange(len(frame)), earlier)
    dispatch = Dispatch(
        frame,
        client,
        journal_of(settings, client),
        settings["campaign"],
        settings["prefix"],
        checked,
        ids,
        results,
        call=call,
    )
    dispatch.carried = True
    if not id_format.are_first(ids):
        dispatch.keys = _keys(dispatch.journal, ids)
    return dispatch


def _keys(journal: Journal, ids: pa.Array) -> pa.Array:
    """The ids that rows' keys give, as the journal has them; else those that show it: of what it does not know, no other."""
    _, recorded = journal.origins(ids)
    roots = id_format.roots(ids)
    made = id_format.are_ours(ids)
    return pc.coalesce(recorded, pc.if_else(made, roots, pa.scalar(None, TEXT)))


def asked_for(codes: Any) -> frozenset[int]:
    """The codes that a person names to try again.

    Parameters
    ----------
    codes : int, iterable of int, or None
        What is asked for; gaps, as in the column of a table of failures, are none.

    Raises
    ------
    ConfigError
        Something else than codes of the vendor's.

    Examples
    --------
    >>> sorted(asked_for([13006, None]))
    [13006]
    """
    try:
        given: list[Any] = [] if codes is None else [codes] if isinstance(codes, Integral) else list(codes)
        numbers = frozenset(index(code) for code in given if not pd.isna(code))
        known = numbers <= code_table.TABLE.keys()
    except TypeError:
        known = False
    if not known:
        raise ConfigError(
            f"codes={named(codes)} is not a vendor result code or a list of them, for example codes=13006 or codes=[13006, 13009]. "
            "nx.codes() lists them."
        )
    return numbers


def lock_home(dispatch: Dispatch, settings: Mapping[str, Any]) -> None:
    """Claim the campaign that rows belong to, so that its own runs stay away; where none is known, the whole journal."""
    ids = dispatch.all_ids()
    open_to_retry = np.flatnonzero(among(dispatch.results.status, UNSENT, FAILURE) & present(ids))
    if not len(open_to_retry):
        return
    of_all = dispatch.journal.homes(ids)
    names = {name for name, rows in of_all.items() if np.isin(rows, open_to_retry).any()}
    # A run records its rows some thousands ahead; those it never came to are in no journal.
    homeless = np.setdiff1d(open_to_retry, np.concatenate([np.empty(0, np.int64), *of_all.values()]))
    for name in sorted({*of_all, dispatch.campaign or "", ""}):
        if len(homeless):
            mine = _made_in(dispatch, settings, name or None, homeless)
            names |= {name} if mine.any() else set()
            homeless = homeless[~mine]
    if dispatch.campaign is not None:
        names |= {dispatch.campaign}
    if len(names) > 1:
        listed = ", ".join(named(name) if name else "the unnamed one" for name in sorted(names))
        raise ConfigError(
            f"The rows went out in several campaigns, or in another than campaign= names: {listed}. Nothing was sent. "
            "Take the rows of one campaign at a time, and leave campaign= out: the journal knows it."
        )
    dispatch.campaign = next(iter(names), "") or None
    dispatch.lock = dispatch.journal.lock(
        dispatch.campaign, anywhere=len(homeless) > 0, own_ids=_brings_ids(dispatch, open_to_retry)
    )


def _made_in(
    dispatch: Dispatch, settings: Mapping[str, Any], campaign: str | None, rows: Rows
) -> npt.NDArray[np.bool_]:
    """Which rows have the id that a call in this campaign makes for them: it is of no other campaign."""
    made = made_in(dispatch.frame, settings, dispatch.client, campaign, key=settings["key"]).whole()
    ours = id_format.roots(dispatch.all_ids().take(dispatch.positions(rows)))
    return as_mask(pc.equal(ours, made.take(dispatch.positions(rows))))


def _brings_ids(dispatch: Dispatch, rows: Rows) -> bool:
    """Whether rows may have ids of the frame's own: a further attempt of such an id does not show it."""
    own = dispatch.checked.fields.get("sys_message_id")
    return (own is not None and own.null_count < len(own)) or not id_format.are_first(
        dispatch.all_ids().take(dispatch.positions(rows))
    )


def wait_again(dispatch: Dispatch, settings: Mapping[str, Any], codes: frozenset[int]) -> Rows:
    """Let the rows of a sent frame that may be tried again wait to leave; the rows that may, but not before some time."""
    results = dispatch.results
    open_before = np.flatnonzero(among(results.status, UNSENT, FAILURE))
    sendable = dispatch.checked.good & present(dispatch.all_ids())
    _take_over_gone(dispatch, np.flatnonzero(sendable & (results.status == FAILURE)))
    same = np.flatnonzero(sendable & (results.status == UNSENT))
    suppressed = dispatch.checked.suppressed
    refused = np.flatnonzero(sendable & (results.status == FAILURE) & ~suppressed)
    numbers = np.array([results.code(int(row)) or 0 for row in refused], np.int64)
    early = np.isin(numbers, [code_table.HOURLY]) & (may_go_us(results, refused) > time.time_ns() // 1000)
    if code_table.HOURLY in codes:
        early[:] = False
    held_back = refused[early]
    refused = refused[np.isin(numbers, [*(code_table.RETRYABLE | codes)]) & ~early]
    mask = np.zeros(len(results), bool)
    mask[refused] = True
    old = dispatch.ids.take(pa.array(refused, pa.int64())).to_pylist()
    further = pa.array([id_format.next_id(messageid) for messageid in old], TEXT)
    dispatch.ids = pc.replace_with_mask(dispatch.all_ids(), pa.array(mask), further)
    waiting = np.sort(np.concatenate([same, refused]))
    results.status[waiting] = UNDECIDED
    dispatch.ids = history.from_journal(
        results, dispatch.journal, dispatch.all_ids(), waiting, everywhere=True, counted=same
    )
    for name in result_columns.prefixes(dispatch.frame):
        if name != dispatch.prefix:
            dispatch.ids = history.from_frame(
                results, result_columns.read(dispatch.frame, name, gaps=True), dispatch.ids
            )
    _take_over_beside(dispatch, waiting[results.status[waiting] == UNDECIDED])
    _know_as_it_is(dispatch, settings, waiting[results.status[waiting] == UNDECIDED])
    results.skip(np.flatnonzero(suppressed & among(results.status, UNDECIDED, UNSENT)), SUPPRESSED)
    dispatch.todo = waiting[results.status[waiting] == UNDECIDED]
    dispatch.send_copies_once()
    elsewhere.refuse(dispatch, open_before[among(results.status[open_before], SUCCESS, UNKNOWN)])
    return held_back


def may_go_us(results: Results, rows: Rows) -> Rows:
    """When rows refused by the hour's limit may go, in microseconds since the epoch; without a time, an hour from now."""
    sent_us = results.sent_us[rows]
    return np.where(sent_us == NO_TIME, time.time_ns() // 1000, sent_us) + HOUR_US


def _take_over_gone(dispatch: Dispatch, refused: Rows) -> None:
    """Take over what the journal knows of refused rows that went out since: the frame is older, or of another journal."""
    known = dispatch.journal.known(dispatch.ids.take(dispatch.positions(refused)), everywhere=True)
    timed = np.flatnonzero((known.status == FAILURE) & (known.sent_us != NO_TIME))
    # A file may have taken the time zone from the frame's own.
    dispatch.results.sent_us[refused[timed]] = known.sent_us[timed]
    gone = np.flatnonzero(among(known.status, SUCCESS, UNKNOWN))
    dispatch.results.attempts[refused[gone]] = 0
    dispatch.results.take_over(refused[gone], known, gone)


def _take_over_beside(dispatch: Dispatch, waiting: Rows) -> None:
    """Take over what other rows of the frame say of the same message: an older frame may stand beside a newer one."""
    results = dispatch.results
    gone = np.flatnonzero(among(results.status, SUCCESS, UNKNOWN))
    at = pc.index_in(
        dispatch.ids.take(dispatch.positions(waiting)), value_set=dispatch.ids.take(dispatch.positions(gone))
    )
    rows = waiting[present(at)]
    results.attempts[rows] = 0
    results.take_over(rows, results, gone[at.drop_null().to_numpy()])


def _know_as_it_is(dispatch: Dispatch, settings: Mapping[str, Any], rows: Rows) -> None:
    """Know rows by their present keys, too: one that was corrected is another message to a send of its campaign.

    What the campaign sent under the present key went out; what leaves now is recorded with it.
    """
    lock = dispatch.lock
    if not len(rows) or (lock is not None and lock.anywhere and dispatch.campaign is None):
        return
    ids, results = dispatch.all_ids(), dispatch.results
    made = made_in(dispatch.frame, settings, dispatch.client, dispatch.campaign, key=settings["key"]).whole()
    keys = (
        id_format.roots(ids)
        if dispatch.keys is None
        else dispatch.keys.take(dispatch.positions(np.arange(len(results))))
    )
    now, was = (values.take(dispatch.positions(rows)) for values in (made, keys))
    changed = present(now) & ~as_mask(pc.fill_null(pc.equal(now, was), False))
    rows, now = rows[changed], now.filter(pa.array(changed))
    # Of sends alone: a retry that left out key= recorded one key for all of a person's orders.
    known, recorded = dispatch.journal.known_by_key(now, dispatch.campaign, run_filter=lambda run: not run.anywhere)
    gone = among(known.status, SUCCESS, UNKNOWN)
    results.attempts[rows[gone]] = 0
    results.take_over(rows[gone], known, np.flatnonzero(gone))
    dispatch.ids = _put(ids, rows[gone], recorded.filter(pa.array(gone)))
    dispatch.keys = _put(keys, rows, now) if len(rows) else dispatch.keys


def _put(values: pa.Array, rows: Rows, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by)


def by_home(dispatch: Dispatch, rows: Rows) -> Iterator[tuple[str | None, Rows, bool]]:
    """Rows by the campaign they belong to, so that each is settled where its own campaign's call looks.

    With each campaign stands whether nobody knows it: whatever is recorded of its rows concerns every campaign.
    """
    left = rows
    for name, places in dispatch.journal.homes(dispatch.ids.take(dispatch.positions(rows))).items():
        mine = np.intersect1d(rows[places], left)
        left = np.setdiff1d(left, mine)
        if len(mine):
            yield name or None, mine, False
    if len(left):
        yield dispatch.campaign, left, True


def lock_doubts(dispatch: Dispatch, campaign: str | None, rows: Rows, *, anywhere: bool) -> None:
    """Claim the campaign of rows in doubt; a run that may still be at work on them is not judged by others."""
    dispatch.lock = dispatch.journal.lock(campaign, anywhere=anywhere, own_ids=_brings_ids(dispatch, rows))


def take_over_learnt(dispatch: Dispatch, doubtful: Rows) -> tuple[Rows, Rows]:
    """Take over what the journal knows of rows in doubt; those still in doubt, and which of them the journal knows."""
    known = dispatch.journal.known(dispatch.ids.take(dispatch.positions(doubtful)), everywhere=True)
    there = known.status != UNDECIDED
    # Of a row in doubt, too: a file may have taken the time zone from the frame's own time.
    dispatch.results.attempts[doubtful[there]] = 0
    dispatch.results.take_over(doubtful[there], known, np.flatnonzero(there))
    return doubtful[~there | (known.status == UNKNOWN)], doubtful[known.status == UNKNOWN]
