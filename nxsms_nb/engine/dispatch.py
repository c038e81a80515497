"""From a frame to what would leave: rows checked, ids made, what went out before taken from journal and frame."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.engine import call_ids, history, own_ids
from nxsms_nb.engine import conflicts as engine_conflicts
from nxsms_nb.engine.batches import BatchQueue
from nxsms_nb.errors import ColumnError, ConfirmationNeeded
from nxsms_nb.formatting import count, masks, named
from nxsms_nb.given import frame_as_given
from nxsms_nb.invocation import Invocation, another_campaign
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.journal.journal import Journal
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import statuses, table
from nxsms_nb.results.table import FAILURE, INVALID, SKIPPED, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.rows import columns as row_columns
from nxsms_nb.rows import message_ids, validate
from nxsms_nb.rows.holdout import HELD_OUT
from nxsms_nb.rows.suppression import SUPPRESSED
from nxsms_nb.settings import COLUMNS, options

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.journal.recorder import Recorder
    from nxsms_nb.rows.rules import Checked

__all__ = ["Dispatch", "Rows", "clock", "journal_of", "prepare", "repeated_words", "suppressed_words"]

DUPLICATE: Final = 'repeats an earlier row\'s key; dropped as duplicates="drop" says'

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dispatch:
    """A frame's rows, ready to be sent or looked at.

    Parameters
    ----------
    frame : pandas.DataFrame
        As it was given.
    client : Client
        Whose gateway they go to.
    journal : Reader
        What was attempted before; the campaign that is held, where rows are to be sent.
    campaign : str or None
        The campaign's name.
    prefix : str
        What the names of result columns begin with.
    checked : rules.Checked
        The rows as the wire wants them.
    ids : pyarrow.Array of str or message_ids.MessageIds
        Their messageids; null for rows that get none.
    results : Results
        What is decided: invalid and skipped rows, and those that went out before.
    todo : ndarray of int64
        The rows that would leave now.
    doubtful : ndarray of int64 or None
        The rows an earlier run left in doubt, where the client can ask about them.
    carried : bool
        Whether the rows' ids come from a sent frame, which does not say in which campaign it was sent.
    copies : (ndarray of int64, ndarray of int64) or None
        Rows that have the id of an earlier row, since a merge multiplied it, and those rows: one message, one result.
    call : Invocation
        The call as the person wrote it; for messages.
    keys : pyarrow.Array of str, message_ids.MessageIds or None
        The ids that the rows' keys give, null where a key is not known; None: they are those of the first attempts.
    conflicts : conflicts.Conflicts or None
        Rows that say that they went out as another message; they keep what they say, and nothing may be sent.
    """

    frame: pd.DataFrame
    client: Client
    journal: Reader
    campaign: str | None
    prefix: str
    checked: Checked
    ids: pa.Array | message_ids.MessageIds
    results: Results
    todo: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    doubtful: Rows | None = None
    carried: bool = False
    copies: tuple[Rows, Rows] | None = None
    call: Invocation = field(default_factory=Invocation)
    keys: pa.Array | message_ids.MessageIds | None = None
    conflicts: engine_conflicts.Conflicts | None = None

    def record(self, campaign: Campaign, *, rows: int, workers: int) -> Recorder:
        """Begin the record of the run that sends or settles these rows, in a campaign that is held."""
        client = self.client
        return campaign.record(
            rows=rows, workers=workers, anywhere=self.carried, gateway=client.base_url, app=client.app
        )

    @property
    def held(self) -> Campaign:
        """The campaign, held since before the journal was read."""
        if not isinstance(self.journal, Campaign):
            raise TypeError("these rows were looked at without holding their campaign, and must not be sent")
        return self.journal

    def all_ids(self) -> pa.Array:
        """The messageids of all rows."""
        return self.ids if isinstance(self.ids, pa.Array) else self.ids.whole()

    def queue(self) -> BatchQueue:
        """The rows that would leave, waiting."""
        return BatchQueue(self.checked.fields, self.ids, self.todo, self.keys)

    def keys_at(self, rows: Rows) -> pa.Array | None:
        """The ids that the keys of some rows give; None where they are those of the first attempts."""
        return None if self.keys is None else self.keys.take(self.positions(rows))

    def joined(self, *, last: bool = False) -> pd.DataFrame:
        """The frame with its result columns; with `last` the results are not needed any more."""
        if self.copies is not None:
            rows, originals = self.copies
            self.results.attempts[rows] = 0
            self.results.take_over(rows, self.results, originals)
        frame = self.results.join(self.frame, self.all_ids(), self.prefix, last=last)
        about = {key: value for key, value in frame.attrs.items() if key != "nxsms"}
        frame.attrs = about | ({"nxsms": {"gateway": "sandbox"}} if self.client.simulated else {})
        return frame

    def unsent(self) -> bool:
        """Whether rows that were to be sent are unsent."""
        left = among(self.results.status, UNDECIDED, UNSENT)
        return bool(left.any() and left[self.todo].any())

    def quotes(self, row: int) -> list[str]:
        """The texts of a row, which a text of the gateway may quote."""
        texts = (values[row].as_py() for values in self.checked.fields.values())
        return [text for text in texts if text is not None]

    def with_copies_once(self) -> Dispatch:
        """The same where only the first of the rows that wait with one id leaves."""
        coded = self.ids.take(self.positions(self.todo)).dictionary_encode().indices.to_numpy()
        _, first = np.unique(coded, return_index=True)
        if len(first) == len(self.todo):
            return self
        originals = self.todo[first][coded]
        copied = originals != self.todo
        self._refuse_one_id_for_several(self.todo[copied], originals[copied])
        return replace(self, copies=(self.todo[copied], originals[copied]), todo=self.todo[~copied])

    def _refuse_one_id_for_several(self, rows: Rows, originals: Rows) -> None:
        phones = self.checked.fields["phone"]
        strange = ~as_mask(pc.equal(phones.take(self.positions(rows)), phones.take(self.positions(originals))))
        if strange.any():
            raise ColumnError(
                f"{count(int(strange.sum()), 'row')} with a number of its own carry the messageid of another row, as a merge or a "
                f"fill spreads it; the first at position {rows[strange][0]}. Nothing was sent. Send those rows without "
                "their result columns."
            )

    @staticmethod
    def positions(rows: Rows) -> pa.Array:
        """Rows as Arrow wants them for ``take``."""
        return pa.array(rows, pa.int64())

    def suppressed(self) -> Rows:
        """The rows that are not sent because their numbers are on the do-not-contact list."""
        return np.flatnonzero(self.checked.suppressed & (self.results.status == SKIPPED))

    def sent_before(self) -> Rows:
        """The rows that went out before, or may have."""
        return np.flatnonzero(among(self.results.status, SUCCESS, FAILURE, UNKNOWN))

    def refuse_conflicts(self) -> None:
        """Refuse to send anything where rows say that they went out as another message."""
        if self.conflicts is None:
            return
        phone = self.checked.fields["phone"][int(self.conflicts.rows[0])].as_py() or ""
        rows, total = self.conflicts.rows, len(self.frame)
        another = self.call.on_rows(rows, total).text(campaign=another_campaign(self.campaign), **self._key_kept())
        error = ColumnError(engine_conflicts.words(self.conflicts, total, phone, self.call, another))
        error.rows = self.conflicts.rows.tolist()
        raise error

    def _key_kept(self) -> dict[str, Any]:
        """The key to name in another campaign, where several texts go to a number: by itself it knows the phone alone."""
        phones = self.checked.fields["phone"].drop_null()
        if self.campaign is not None or self.call.given.get("key") or pc.count_distinct(phones).as_py() == len(phones):
            return {}
        columns = row_columns.resolve(self.frame, {name: self.call.given.get(name) for name in COLUMNS})
        full = [
            name
            for name in message_ids.UNNAMED_KEY
            if name in columns and present(self.checked.fields[name])[self.checked.good].all()
        ]
        return {"key": [columns[name] for name in full]}

    def confirm(self, confirm: int | None) -> None:
        """Refuse to send more than was agreed to.

        Parameters
        ----------
        confirm : int or None
            How many messages were agreed to.
        """
        n = len(self.todo)
        if self.client.on_loopback or n <= (options.confirm_above if confirm is None else confirm):
            return
        agreed = "" if confirm is None else f", and confirm={confirm} agrees to fewer"
        raise ConfirmationNeeded(
            f"This would send {count(n, 'message')} to {self.client.base_url}{agreed}. Nothing was sent. "
            f"If that is what you want:\n    {self.call.text(confirm=n)}",
            n,
        )


def journal_of(settings: Mapping[str, Any], client: Client) -> Journal:
    """The journal of a call: the one that is named, the client's own, or the default one."""
    return Journal.of(settings["journal"]) if settings["journal"] is not None else client.journal or Journal()


def prepare(
    frame: pd.DataFrame,
    client: Client,
    settings: Mapping[str, Any],
    *,
    call: Invocation,
    journal: Reader,
    doubts_before_us: int | None = None,
) -> Dispatch:
    """Check a frame's rows, make their ids and take over what is known of them.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients.
    client : Client
        Whose gateway they go to.
    settings : mapping of str to object
        The options of the verb, settled.
    call : Invocation
        The call as the person wrote it; for messages.
    journal : Reader
        The journal of the call; where rows are to be sent, the campaign that is held.
    doubts_before_us : int, optional
        When the run began, in microseconds since the epoch, where it may have left rows in doubt itself: it does not settle
        those. None: it has sent nothing yet.

    Returns
    -------
    Dispatch

    Raises
    ------
    ColumnError
        A column is missing, ambiguous, or has the name of a result without being one.
    ValidationError
        Rows share a key (``duplicates="raise"``) or are invalid (``on_invalid="raise"``).
    JournalError
        The journal cannot be read.
    """
    frame = frame_as_given(frame)
    prefix, campaign = settings["prefix"], settings["campaign"]
    _refuse_taken(frame, prefix, call)
    strict = settings.get("on_invalid") == "raise"
    report = validate.examine(frame, settings, strict=strict)
    checked, ordinals = report.checked, report.ordinals
    results = Results(len(frame))
    bad, codes, reasons = checked.refusals()
    results.decide_each(bad, INVALID, codes, reasons)
    results.decide(np.flatnonzero(checked.held), SKIPPED, None, HELD_OUT)
    # The others are looked up first: what was sent before keeps its result.
    results.skip(np.flatnonzero(checked.suppressed & (ordinals < 0)), SUPPRESSED)
    repeated = np.flatnonzero(ordinals > 0) if settings["duplicates"] == "drop" else np.empty(0, np.int64)
    if len(repeated):
        results.decide(repeated, SKIPPED, None, DUPLICATE)
        ordinals = np.where(ordinals > 0, np.int32(-1), ordinals)
    earlier = {name: result_columns.read(frame, name, gaps=True) for name in _with_results(frame, prefix)}
    own = checked.fields.get("sys_message_id")
    ids: pa.Array | message_ids.MessageIds
    ids, earlier_ordinals = call_ids.made_for(report, ordinals, settings, client, earlier=earlier, journal=journal)
    of_keys = ids.made
    brought = own is not None and own.null_count < len(own)
    if own is not None and brought:
        own_ids.refuse_made(own, of_keys)
        if isinstance(journal, Campaign):
            journal.hold_own_ids()
    if journal.holds(campaign, everywhere=brought):
        ids = ids if isinstance(ids, pa.Array) else ids.whole()
        waiting = np.flatnonzero(present(ids) & (results.status == UNDECIDED))
        ids = history.by_key(results, journal, of_keys.whole(), ids, waiting, campaign=campaign)
        # Whether an own id was used for this message is seen below.
        made = waiting if own is None else waiting[~present(own)[waiting] | (results.status[waiting] == FAILURE)]
        may_be = call_ids.keys_in(frame, settings, client, campaign)
        ids = history.from_retries(results, journal, ids, made, campaign=campaign, keys=may_be)
        if own is not None and brought:
            ids = own_ids.take_over_used(
                results,
                journal,
                own.cast(TEXT),
                ids,
                of_keys.whole(),
                campaign=campaign,
                phones=checked.fields["phone"],
                keys_in=functools.partial(call_ids.keys_in, frame, settings, client),
            )
    keys = None if ids is of_keys else of_keys
    conflicts = None
    if earlier:
        copies = _copies(repeated, of_keys, own) if len(repeated) else None
        of_key = {name: ordinals >= 0 for name, ordinals in earlier_ordinals.items()}
        conflicts, ids = _apply_earlier(
            results,
            earlier,
            ids,
            of_keys.whole(),
            journal=journal,
            campaign=campaign,
            of_key=of_key,
            copies=copies,
        )
    results.skip(np.flatnonzero(checked.suppressed & (results.status == UNDECIDED)), SUPPRESSED)
    doubtful = None
    if client.app_secret is not None:
        doubtful = np.flatnonzero((results.status == UNKNOWN) & (results.batch > 0))
        if doubts_before_us is not None:
            doubtful = doubtful[results.sent_us[doubtful] < doubts_before_us]
    return Dispatch(
        frame,
        client,
        journal,
        campaign,
        prefix,
        checked,
        ids,
        results,
        todo=np.flatnonzero(results.status == UNDECIDED),
        doubtful=doubtful,
        call=call,
        keys=keys,
        conflicts=conflicts,
    )


def _with_results(frame: pd.DataFrame, prefix: str) -> list[str]:
    """The prefixes under which a frame carries results, those that this call replaces first."""
    found = result_columns.prefixes(frame)
    return sorted(found, key=lambda name: name != prefix)


def _copies(rows: Rows, keys: message_ids.MessageIds, own: pa.Array | None) -> history.Copies:
    """Rows that are dropped, with their keys' ids and their own."""
    brought = pa.nulls(len(rows), TEXT) if own is None else own.cast(TEXT).take(Dispatch.positions(rows))
    return history.Copies(rows, keys.of_first(rows), brought)


def _apply_earlier(
    results: Results,
    earlier: Mapping[str, pd.DataFrame],
    ids: pa.Array | message_ids.MessageIds,
    keys: pa.Array,
    *,
    journal: Reader,
    campaign: str | None,
    of_key: Mapping[str, npt.NDArray[np.bool_]],
    copies: history.Copies | None,
) -> tuple[engine_conflicts.Conflicts | None, pa.Array]:
    """Apply what the frame itself says of its rows, where the journal does not know better; what contradicts, and the ids."""
    ids = ids if isinstance(ids, pa.Array) else ids.whole()
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
        "the frame shows what was sent and not the journal alone."
        if len(taken) > 1
        else ""
    )
    raise ColumnError(
        f"The frame has a column {named(taken[0])}, the name of a result column. Nothing was sent.{results} Keep both:\n"
        f"    {call.text(prefix=free)}"
    )


def suppressed_words(n: int) -> str | None:
    """What to tell a person of rows whose numbers are on the do-not-contact list; None where none are."""
    return f"{count(n, 'row')} suppressed: on the list that suppress= names, not sent." if n else None


def repeated_words(dispatch: Dispatch) -> str | None:
    """What to tell a person of rows that went out before; None where none did."""
    before = dispatch.sent_before()
    if not len(before):
        return None
    times = dispatch.results.sent_us[before]
    times = times[times != table.NO_TIME]
    when = f" ({clock(int(times.max()))})" if len(times) else ""
    doubtful = int((dispatch.results.status[before] == UNKNOWN).sum())
    doubt = f", {doubtful:,} of them in doubt" if doubtful else ""
    went = f"{len(before):,} of {count(len(dispatch.frame), 'row')} went out before{when}{doubt}"
    rest = f"; sending {len(dispatch.todo):,}" if len(dispatch.todo) else "; nothing was sent"
    return f"{went}{rest}. To send those again: {again_elsewhere(dispatch.campaign)}"


def again_elsewhere(campaign: str | None) -> str:
    """Return the option that sends rows again: they are other messages in another campaign."""
    return "campaign='…'" if campaign is None or masks(campaign) else f"campaign={another_campaign(campaign)!r}"


def clock(us: int) -> str:
    """A moment for a person, in the time of this machine."""
    local = datetime.fromtimestamp(us / 1e6, UTC).astimezone()
    return f"{local.day} {local:%b %H:%M}"
