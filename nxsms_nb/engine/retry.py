"""Resuming a sent frame: its results, its campaign, and which of its rows may be sent again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from nxsms_nb.engine.dispatch import Dispatch
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
    from nxsms_nb.journal.campaign import Campaign
    from nxsms_nb.journal.journal import Journal
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.results.table import Rows

__all__ = [
    "asked_for",
    "hold_home",
    "home_of",
    "homes_of",
    "may_go_us",
    "read_back",
    "resend",
    "skip_suppressed",
    "take_over_learnt",
]

HOUR_US: Final = 3_600_000_000
"""How long the vendor's hourly limit (13007) lasts after the request that met it."""


@dataclass(frozen=True)
class Home:
    """The campaign that rows of a sent frame belong to.

    `anywhere` says that it is not known: whatever is recorded of the rows then concerns every campaign.
    """

    campaign: str | None
    rows: Rows
    anywhere: bool


def read_back(
    frame: pd.DataFrame, client: Client, journal: Journal, settings: Mapping[str, Any], call: Invocation
) -> Dispatch:
    """Read a sent frame with its results; none of its rows waits to be sent."""
    frame = frame_as_given(frame)
    earlier = result_columns.read(frame, settings["prefix"])
    columns = resolve(frame, {name: settings[name] for name in COLUMNS})
    checked = rules.check(frame, columns, region=settings["region"], bare=settings["bare"])
    checked = checked.holding_out(held_out(frame, settings["variant"]))
    checked = checked.suppressing(*on_list(frame, checked.fields["phone"], settings))
    ids = pa.array(earlier["messageid"].astype(object), TEXT, from_pandas=True)
    results = Results(len(frame))
    results.adopt(np.arange(len(frame)), earlier)
    return Dispatch(
        frame,
        client,
        journal,
        settings["campaign"],
        settings["prefix"],
        checked,
        ids,
        results,
        carried=True,
        call=call,
        keys=None if id_format.are_first(ids) else _keys(journal, ids),
    )


def _keys(journal: Reader, ids: pa.Array) -> pa.Array:
    """Return the ids that rows' keys give, from the journal; else the ids that show it themselves, else null."""
    _, recorded = journal.origins(ids)
    roots = id_format.roots(ids)
    made = id_format.are_ours(ids)
    return pc.coalesce(recorded, pc.if_else(made, roots, pa.scalar(None, TEXT)))


def asked_for(codes: Any) -> frozenset[int]:
    """Read the codes to retry; gaps, as in the column of a table of failures, are ignored.

    What is not a vendor code raises `ConfigError`.

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


def home_of(dispatch: Dispatch, settings: Mapping[str, Any]) -> Home | None:
    """Find the one campaign to which the rows belong that may be tried again, and refuse several; None: no rows may."""
    ids = dispatch.all_ids()
    open_to_retry = np.flatnonzero(among(dispatch.results.status, UNSENT, FAILURE) & present(ids))
    of_all = dispatch.journal.homes(ids)
    if not len(open_to_retry):
        return None
    names = {name for name, rows in of_all.items() if np.isin(rows, open_to_retry).any()}
    # A run records its rows some thousands ahead; those it never reached are in no journal.
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
            f"These rows were sent in more than one campaign, or not in the one that campaign= names: {listed}. Nothing was sent. "
            "Retry one campaign at a time, and omit campaign=: the journal knows it."
        )
    return Home(next(iter(names), "") or None, open_to_retry, anywhere=len(homeless) > 0)


def hold_home(journal: Journal, dispatch: Dispatch, home: Home) -> Campaign:
    """Hold the campaign that rows belong to, which excludes its own runs; where none is known, the whole journal."""
    own_ids = _brings_ids(dispatch, home.rows)
    return journal.campaign(home.campaign, anywhere=home.anywhere, own_ids=own_ids)


def _made_in(
    dispatch: Dispatch, settings: Mapping[str, Any], campaign: str | None, rows: Rows
) -> npt.NDArray[np.bool_]:
    """Return which rows have the id that a call in this campaign makes for them, so that they belong to no other campaign."""
    made = made_in(dispatch.frame, settings, dispatch.client, campaign, key=settings["key"]).whole()
    ours = id_format.roots(dispatch.all_ids().take(dispatch.positions(rows)))
    return as_mask(pc.equal(ours, made.take(dispatch.positions(rows))))


def _brings_ids(dispatch: Dispatch, rows: Rows) -> bool:
    """Return whether rows may have ids of the frame's own, which a further attempt of such an id does not show."""
    own = dispatch.checked.fields.get("sys_message_id")
    return (own is not None and own.null_count < len(own)) or not id_format.are_first(
        dispatch.all_ids().take(dispatch.positions(rows))
    )


def resend(
    sent: Dispatch, home: Home, campaign: Campaign, settings: Mapping[str, Any], codes: frozenset[int]
) -> tuple[Dispatch, Rows]:
    """Queue the rows of a sent frame that may be retried; return also those that may be, but only later."""
    results, ids = sent.results, sent.all_ids()
    open_before = np.flatnonzero(among(results.status, UNSENT, FAILURE))
    sendable = sent.checked.good & present(ids)
    _take_over_gone(results, campaign, ids, np.flatnonzero(sendable & (results.status == FAILURE)))
    same = np.flatnonzero(sendable & (results.status == UNSENT))
    suppressed = sent.checked.suppressed
    refused = np.flatnonzero(sendable & (results.status == FAILURE) & ~suppressed)
    numbers = np.array([results.code(int(row)) or 0 for row in refused], np.int64)
    early = np.isin(numbers, [code_table.HOURLY]) & (may_go_us(results, refused) > time.time_ns() // 1000)
    if code_table.HOURLY in codes:
        early[:] = False
    held_back = refused[early]
    refused = refused[np.isin(numbers, [*(code_table.RETRYABLE | codes)]) & ~early]
    further = [id_format.next_id(messageid) for messageid in ids.take(pa.array(refused, pa.int64())).to_pylist()]
    ids = _put(ids, refused, pa.array(further, TEXT))
    waiting = np.sort(np.concatenate([same, refused]))
    results.status[waiting] = UNDECIDED
    ids = history.from_journal(results, campaign, ids, waiting, everywhere=True, counted=same)
    for name in result_columns.prefixes(sent.frame):
        if name != sent.prefix:
            ids = history.from_frame(results, result_columns.read(sent.frame, name, gaps=True), ids)
    _take_over_beside(results, ids, waiting[results.status[waiting] == UNDECIDED])
    again = replace(sent, journal=campaign, campaign=home.campaign, ids=ids)
    if not (home.anywhere and home.campaign is None):
        again = _known_as_it_is(again, settings, waiting[results.status[waiting] == UNDECIDED])
    skip_suppressed(sent)
    again = replace(again, todo=waiting[results.status[waiting] == UNDECIDED]).with_copies_once()
    elsewhere.refuse(again, open_before[among(results.status[open_before], SUCCESS, UNKNOWN)])
    return again, held_back


def skip_suppressed(dispatch: Dispatch) -> None:
    """Skip the rows of people on the do-not-contact list that were not sent."""
    results = dispatch.results
    results.skip(np.flatnonzero(dispatch.checked.suppressed & among(results.status, UNDECIDED, UNSENT)), SUPPRESSED)


def may_go_us(results: Results, rows: Rows) -> Rows:
    """Return when rows refused by the hour's limit may be sent, in microseconds since the epoch; by default in an hour."""
    sent_us = results.sent_us[rows]
    return np.where(sent_us == NO_TIME, time.time_ns() // 1000, sent_us) + HOUR_US


def _take_over_gone(results: Results, journal: Reader, ids: pa.Array, refused: Rows) -> None:
    """Merge what the journal knows of refused rows that were sent since: the frame is older, or of another journal."""
    known = journal.known(ids.take(Dispatch.positions(refused)), everywhere=True)
    timed = np.flatnonzero((known.status == FAILURE) & (known.sent_us != NO_TIME))
    # A file may have lost the time zone of the frame's own time.
    results.sent_us[refused[timed]] = known.sent_us[timed]
    gone = np.flatnonzero(among(known.status, SUCCESS, UNKNOWN))
    results.attempts[refused[gone]] = 0
    results.take_over(refused[gone], known, gone)


def _take_over_beside(results: Results, ids: pa.Array, waiting: Rows) -> None:
    """Merge what other rows of the frame say of the same message: frames of different age may be concatenated."""
    gone = np.flatnonzero(among(results.status, SUCCESS, UNKNOWN))
    at = pc.index_in(ids.take(Dispatch.positions(waiting)), value_set=ids.take(Dispatch.positions(gone)))
    rows = waiting[present(at)]
    results.attempts[rows] = 0
    results.take_over(rows, results, gone[at.drop_null().to_numpy()])


def _known_as_it_is(dispatch: Dispatch, settings: Mapping[str, Any], rows: Rows) -> Dispatch:
    """Look rows up by their present keys, too: a corrected row is another message to a send of its campaign.

    What the campaign sent under the present key was sent; what is sent now is recorded with it.
    """
    if not len(rows):
        return dispatch
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
    # Only of sends: a retry that left out key= recorded one key for all of a person's orders.
    known, recorded = dispatch.journal.known_by_key(now, dispatch.campaign, run_filter=lambda run: not run.anywhere)
    gone = among(known.status, SUCCESS, UNKNOWN)
    results.attempts[rows[gone]] = 0
    results.take_over(rows[gone], known, np.flatnonzero(gone))
    ids = _put(ids, rows[gone], recorded.filter(pa.array(gone)))
    return replace(dispatch, ids=ids, keys=_put(keys, rows, now) if len(rows) else dispatch.keys)


def _put(values: pa.Array, rows: Rows, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by)


def homes_of(dispatch: Dispatch, rows: Rows) -> list[Home]:
    """Group rows by the campaign they belong to, so that each is settled where its own campaign looks."""
    found, left = [], rows
    for name, places in dispatch.journal.homes(dispatch.ids.take(dispatch.positions(rows))).items():
        mine = np.intersect1d(rows[places], left)
        left = np.setdiff1d(left, mine)
        if len(mine):
            found.append(Home(name or None, mine, anywhere=False))
    if len(left):
        found.append(Home(dispatch.campaign, left, anywhere=True))
    return found


def take_over_learnt(dispatch: Dispatch, doubtful: Rows, journal: Reader) -> tuple[Rows, Rows]:
    """Merge what the journal knows of rows in doubt; return those still in doubt, and which of them it knows."""
    known = journal.known(dispatch.ids.take(dispatch.positions(doubtful)), everywhere=True)
    there = known.status != UNDECIDED
    # For a row in doubt, too: a file may have lost the time zone of the frame's own time.
    dispatch.results.attempts[doubtful[there]] = 0
    dispatch.results.take_over(doubtful[there], known, np.flatnonzero(there))
    return doubtful[~there | (known.status == UNKNOWN)], doubtful[known.status == UNKNOWN]
