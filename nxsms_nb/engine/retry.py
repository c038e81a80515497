"""Retry rows of a sent frame: which of them may be sent again, and under which ids."""

from __future__ import annotations

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
from nxsms_nb.engine.dispatch import Dispatch
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.results.table import FAILURE, NO_TIME, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.rows import id_format
from nxsms_nb.wire import codes as code_table

if TYPE_CHECKING:
    from nxsms_nb.engine.sent_rows import Home, SentRows
    from nxsms_nb.journal.campaign import Campaign
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.results.table import Rows

__all__ = ["asked_for", "may_go_us", "retry_of"]

Mask = npt.NDArray[np.bool_]

HOUR_US: Final = 3_600_000_000
"""How long the vendor's hourly limit (13007) lasts after the request that met it."""


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


def retry_of(sent: SentRows, home: Home, campaign: Campaign, codes: frozenset[int]) -> tuple[Dispatch, Rows, Rows]:
    """Return the dispatch of the rows that may be retried now, those to retry later, and those refused yet delivered."""
    results, ids, suppressed = sent.results, sent.ids, sent.checked.suppressed
    open_before = np.flatnonzero(among(results.status, UNSENT, FAILURE))
    sendable = sent.checked.good & present(ids)
    _take_over_gone(results, campaign, ids, np.flatnonzero(sendable & (results.status == FAILURE)))
    _take_over_received(
        results, campaign, ids, np.flatnonzero(sendable & (results.status == UNSENT) & (results.attempts > 0))
    )
    same = np.flatnonzero(sendable & (results.status == UNSENT))
    refused = np.flatnonzero(sendable & (results.status == FAILURE) & ~suppressed)
    numbers = np.array([results.code(int(row)) or 0 for row in refused], np.int64)
    now_us = campaign.now_us()
    early = np.isin(numbers, [code_table.HOURLY]) & (may_go_us(results, refused, now_us) > now_us)
    if code_table.HOURLY in codes:
        early[:] = False
    held_back = refused[early]
    refused = refused[np.isin(numbers, [*(code_table.RETRYABLE | codes)]) & ~early]
    there = _delivered(sent, campaign, ids, refused)
    refused, arrived = refused[~there], refused[there]
    further = [id_format.next_id(messageid) for messageid in ids.take(pa.array(refused, pa.int64())).to_pylist()]
    ids = _put(ids, refused, pa.array(further, TEXT))
    waiting = np.sort(np.concatenate([same, refused]))
    results.status[waiting] = UNDECIDED
    ids = history.from_journal(results, campaign, ids, waiting, everywhere=True, counted=same)
    for name in result_columns.prefixes(sent.frame):
        if name != sent.settings["prefix"]:
            ids = history.from_frame(results, result_columns.read(sent.frame, name, gaps=True), ids)
    _take_over_beside(results, ids, waiting[results.status[waiting] == UNDECIDED])
    keys = sent.keys
    if not (home.anywhere and home.campaign is None):
        still = waiting[results.status[waiting] == UNDECIDED]
        ids, keys = _by_present_keys(sent, ids, still, campaign, home.campaign)
    sent.skip_suppressed()
    dispatch = sent.dispatch(campaign, home.campaign, ids=ids, keys=keys)
    elsewhere.refuse(dispatch, open_before[among(results.status[open_before], SUCCESS, UNKNOWN)])
    return dispatch, held_back, arrived


def may_go_us(results: Results, rows: Rows, now_us: int) -> Rows:
    """Return when rows refused by the hourly limit may be sent, in microseconds since the epoch; by default in an hour."""
    sent_us = results.sent_us[rows]
    return np.where(sent_us == NO_TIME, now_us, sent_us) + HOUR_US


def _take_over_gone(results: Results, journal: Reader, ids: pa.Array, refused: Rows) -> None:
    """Merge what the journal knows of refused rows that were sent since: the frame is older, or of another journal."""
    known = journal.known(ids.take(Dispatch.positions(refused)), everywhere=True)
    timed = np.flatnonzero((known.status == FAILURE) & (known.sent_us != NO_TIME))
    # A file may have lost the time zone of the frame's own time.
    results.sent_us[refused[timed]] = known.sent_us[timed]
    gone = np.flatnonzero(among(known.status, SUCCESS, UNKNOWN))
    results.attempts[refused[gone]] = 0
    results.take_over(refused[gone], known, gone)


def _delivered(sent: SentRows, journal: Reader, ids: pa.Array, refused: Rows) -> Mask:
    """Return the refused rows that a receipt, in the journal or joined on, says were delivered.

    They would be sent twice.
    """
    mine, prefix = ids.take(Dispatch.positions(refused)), sent.settings["prefix"]
    found = journal.receipts_of(mine, "UTC")
    arrived = found["messageid"][delivery.classes(found["dr_status"]) == delivery.DELIVERED]
    there: Mask = np.zeros(len(refused), np.bool_)
    if len(arrived):
        there = as_mask(pc.is_in(mine, value_set=pa.array(arrived.to_list(), mine.type)))
    if delivery.carries(sent.frame, prefix):
        joined = delivery.read(sent.frame, prefix, columns=["dr_status"])["dr_status"]
        there = there | (delivery.classes(joined) == delivery.DELIVERED)[refused]
    return there


def _take_over_received(results: Results, journal: Reader, ids: pa.Array, tried: Rows) -> None:
    """Mark rows that counted as unsent after a request as accepted if the journal has a receipt."""
    mine = ids.take(Dispatch.positions(tried))
    received = journal.with_receipts(mine)
    rows = tried[[messageid in received for messageid in mine.to_pylist()]] if received else tried[:0]
    results.decide(rows, SUCCESS, code_table.SUCCESS)


def _take_over_beside(results: Results, ids: pa.Array, waiting: Rows) -> None:
    """Merge what other rows of the frame say of the same message: frames of different age may be concatenated."""
    gone = np.flatnonzero(among(results.status, SUCCESS, UNKNOWN))
    at = pc.index_in(ids.take(Dispatch.positions(waiting)), value_set=ids.take(Dispatch.positions(gone)))
    rows = waiting[present(at)]
    results.attempts[rows] = 0
    results.take_over(rows, results, gone[at.drop_null().to_numpy()])


def _by_present_keys(
    sent: SentRows, ids: pa.Array, rows: Rows, journal: Reader, campaign: str | None
) -> tuple[pa.Array, pa.Array | None]:
    """Also look rows up by their present keys: for a send of its campaign a corrected row is another message.

    What the campaign sent under the present key was sent; what is sent now is recorded with it. Returns the ids and the
    keys of all rows.
    """
    if not len(rows):
        return ids, sent.keys
    results = sent.results
    keys = id_format.roots(ids) if sent.keys is None else sent.keys
    now, was = (values.take(Dispatch.positions(rows)) for values in (sent.made_in(campaign), keys))
    changed = present(now) & ~as_mask(pc.fill_null(pc.equal(now, was), False))
    rows, now = rows[changed], now.filter(pa.array(changed))
    # Only of sends: a retry that left out key= recorded one key for all of a person's orders.
    known, recorded = journal.known_by_key(now, campaign, run_filter=lambda run: not run.anywhere)
    gone = among(known.status, SUCCESS, UNKNOWN)
    results.attempts[rows[gone]] = 0
    results.take_over(rows[gone], known, np.flatnonzero(gone))
    ids = _put(ids, rows[gone], recorded.filter(pa.array(gone)))
    return ids, _put(keys, rows, now) if len(rows) else sent.keys


def _put(values: pa.Array, rows: Rows, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by)
