"""From a frame to what would be sent: rows checked, ids made, earlier sends merged from journal and frame."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, only, present
from nxsms_nb.engine import call_ids, elsewhere, history, other_keys, own_ids, suppressed_before
from nxsms_nb.engine import conflicts as engine_conflicts
from nxsms_nb.engine.dispatch import Dispatch, Rows
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named
from nxsms_nb.given import frame_as_given
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.journal.journal import Journal
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import statuses
from nxsms_nb.results.table import FAILURE, INVALID, SKIPPED, SUCCESS, UNDECIDED, UNKNOWN, Results, among
from nxsms_nb.rows import message_ids, validate
from nxsms_nb.rows.holdout import HELD_OUT
from nxsms_nb.rows.suppression import SUPPRESSED

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.rows.report import ValidationReport

__all__ = ["journal_of", "prepare", "prepare_to_send"]

DUPLICATE: Final = 'repeats an earlier row\'s key; dropped as duplicates="drop" says'


def journal_of(settings: Mapping[str, Any], client: Client) -> Journal:
    """Return the journal of a call: the one given, else the client's own, else the default one."""
    return Journal.of(settings["journal"]) if settings["journal"] is not None else client.journal or Journal()


def prepare_to_send(
    frame: pd.DataFrame,
    client: Client,
    settings: Mapping[str, Any],
    *,
    call: Invocation,
    campaign: Campaign,
    doubts_before_us: int | None = None,
    own_run: int | None = None,
    report: ValidationReport | None = None,
) -> Dispatch:
    """Prepare rows as `prepare` does, in a campaign that is held, and raise if they may not be sent."""
    dispatch = prepare(
        frame,
        client,
        settings,
        call=call,
        journal=campaign,
        doubts_before_us=doubts_before_us,
        own_run=own_run,
        report=report,
    )
    dispatch.refuse_conflicts(other_keys.lost_key(dispatch, settings))
    elsewhere.refuse_other_gateway(dispatch)
    return dispatch


def prepare(
    frame: pd.DataFrame,
    client: Client,
    settings: Mapping[str, Any],
    *,
    call: Invocation,
    journal: Reader,
    doubts_before_us: int | None = None,
    own_run: int | None = None,
    report: ValidationReport | None = None,
) -> Dispatch:
    """Validate a frame, make its message ids, and merge earlier results from the journal and the frame.

    `journal` is the journal of the call, or the campaign that is held where rows are to be sent. `doubts_before_us` is
    when the run began, in microseconds since the epoch, where it may have left rows in doubt itself: those are not
    settled. None: it has sent nothing yet. `own_run` is the run's number where it cannot have sent a message of these
    keys: it is not looked at. `report` is the frame's where it was checked before, with these settings. Unusable columns raise `ColumnError`, invalid or repeated rows
    `ValidationError` where the options say so, an unreadable journal `JournalError`.
    """
    frame = frame_as_given(frame)
    prefix, campaign = settings["prefix"], settings["campaign"]
    _refuse_taken(frame, prefix, call)
    strict = settings.get("on_invalid") == "raise"
    report = validate.examine(frame, settings, strict=strict, report=report, app_key=client.app_key)
    of_rows = report.keys.of_account(client.app_key)
    checked, ordinals = report.checked, report.ordinals
    results = Results(len(frame))
    bad, codes, reasons = checked.refusals()
    results.decide_each(bad, INVALID, codes, reasons)
    results.decide(np.flatnonzero(checked.held), SKIPPED, None, HELD_OUT)
    # The others are looked up first, so that what was sent before keeps its result.
    results.skip(np.flatnonzero(checked.suppressed & (ordinals < 0)), SUPPRESSED)
    repeated = np.flatnonzero(ordinals > 0) if settings["duplicates"] == "drop" else np.empty(0, np.int64)
    if len(repeated):
        results.decide(repeated, SKIPPED, None, DUPLICATE)
        ordinals = np.where(ordinals > 0, np.int32(-1), ordinals)
    earlier = {name: result_columns.read(frame, name, gaps=True) for name in _with_results(frame, prefix)}
    own = checked.fields.get("sys_message_id")
    made, earlier_ordinals = call_ids.made_for(of_rows, ordinals, settings, own, earlier=earlier, journal=journal)
    ids = made
    brought = own is not None and own.null_count < len(own)
    if own is not None and brought:
        ids = only(pc.coalesce(own.cast(TEXT), made), present(made))
        own_ids.refuse_made(own, made)
        if isinstance(journal, Campaign):
            journal.hold_own_ids()
    others = _all_but(None if brought or earlier or settings["duplicates"] == "allow" else own_run)
    if journal.holds(campaign, everywhere=brought, run_filter=others):
        waiting = np.flatnonzero(present(ids) & (results.status == UNDECIDED))
        ids = history.by_key(results, journal, made, ids, waiting, campaign=campaign, run_filter=others)
        # Whether an own id was used for this message is seen below.
        certain = waiting if own is None else waiting[~present(own)[waiting] | (results.status[waiting] == FAILURE)]
        may_be = call_ids.keys_in(frame, settings, client, campaign)
        ids = history.from_retries(results, journal, ids, certain, campaign=campaign, keys=may_be)
        if own is not None and brought:
            ids = own_ids.take_over_used(
                results,
                journal,
                own.cast(TEXT),
                ids,
                made,
                campaign=campaign,
                phones=checked.fields["phone"],
                keys_in=functools.partial(call_ids.keys_in, frame, settings, client),
            )
    keys = None if ids is made else made
    conflicts = None
    if earlier:
        copies = _copies(repeated, of_rows, own) if len(repeated) else None
        of_key = {name: ordinals >= 0 for name, ordinals in earlier_ordinals.items()}
        conflicts, ids = _apply_earlier(
            results,
            earlier,
            ids,
            made,
            journal=journal,
            campaign=campaign,
            of_key=of_key,
            copies=copies,
        )
    results.skip(np.flatnonzero(checked.suppressed & (results.status == UNDECIDED)), SUPPRESSED)
    unlisted = None
    if earlier and settings["suppress"] is None:
        unlisted = suppressed_before.find(results, earlier, checked.fields["phone"])
        results.skip(unlisted, SUPPRESSED)
    doubtful = None
    if client.app_secret is not None:
        doubtful = np.flatnonzero((results.status == UNKNOWN) & (results.batch > 0))
        if doubts_before_us is not None:
            doubtful = doubtful[results.sent_us[doubtful] < doubts_before_us]
    return Dispatch.of(
        frame,
        client,
        call,
        journal=journal,
        campaign=campaign,
        prefix=prefix,
        checked=checked,
        ids=ids,
        keys=keys,
        of_held=of_rows.first_ids(np.flatnonzero(checked.held)),
        results=results,
        doubtful=doubtful,
        conflicts=conflicts,
        unlisted=unlisted,
    )


def _all_but(run: int | None) -> Callable[[RunRow], bool] | None:
    """Return a filter that excludes a run, if one is given."""
    return None if run is None else lambda other: other.id != run


def _with_results(frame: pd.DataFrame, prefix: str) -> list[str]:
    """Return the prefixes under which a frame carries results, the one that this call replaces first."""
    found = result_columns.prefixes(frame)
    return sorted(found, key=lambda name: name != prefix)


def _copies(rows: Rows, keys: message_ids.Keys, own: pa.Array | None) -> history.Copies:
    """Return the rows that are dropped, with their keys' ids and their own."""
    brought = pa.nulls(len(rows), TEXT) if own is None else own.cast(TEXT).take(Dispatch.positions(rows))
    return history.Copies(rows, keys.first_ids(rows), brought)


def _apply_earlier(
    results: Results,
    earlier: Mapping[str, pd.DataFrame],
    ids: pa.Array,
    keys: pa.Array,
    *,
    journal: Reader,
    campaign: str | None,
    of_key: Mapping[str, npt.NDArray[np.bool_]],
    copies: history.Copies | None,
) -> tuple[engine_conflicts.Conflicts | None, pa.Array]:
    """Apply the frame's own results where the journal does not know better; return conflicts and ids."""
    undecided = results.status == UNDECIDED
    for name, words in earlier.items():
        of_rows = None if ids.equals(keys) else keys
        ids = history.from_frame(results, words, ids, keys=of_rows, of_key=of_key.get(name), copies=copies)
    return engine_conflicts.find(
        results,
        earlier,
        ids,
        journal,
        campaign,
        known_by_frame=int(among(results.status[undecided], SUCCESS, UNKNOWN).sum()),
        copies=copies,
        keys=keys,
    )


def _refuse_taken(frame: pd.DataFrame, prefix: str, call: Invocation) -> None:
    taken = [prefix + name for name in statuses.RESULT_COLUMNS if prefix + name in frame.columns]
    if not taken or result_columns.carries(frame, prefix, gaps=True):
        return
    free = next(
        candidate
        for candidate in ("sms_", "nx_", *(f"sms{i}_" for i in range(2, 100)))
        if not any(candidate + name in frame.columns for name in statuses.RESULT_COLUMNS)
        or result_columns.carries(frame, candidate, gaps=True)
    )
    results = (
        " If these are results of an earlier send, restore them first (all eight columns, with the statuses they had), so that "
        "the frame, and not only the journal, shows what was sent."
        if len(taken) > 1
        else ""
    )
    raise ColumnError(
        f"The frame has a column {named(taken[0])}, the name of a result column. Nothing was sent.{results} Keep both:\n"
        f"    {call.text(prefix=free)}"
    )
