"""From a frame to what would be sent: rows checked, ids made, earlier sends merged from journal and frame."""

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
from nxsms_nb.engine import call_ids, history, own_ids, suppressed_before
from nxsms_nb.engine import conflicts as engine_conflicts
from nxsms_nb.engine.batches import BatchQueue
from nxsms_nb.engine.sources import ALL_WARNINGS
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
from nxsms_nb.rows.problems import RULES, suspicions
from nxsms_nb.rows.suppression import SUPPRESSED
from nxsms_nb.settings import COLUMNS, options

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.journal.recorder import Recorder
    from nxsms_nb.rows.rules import Checked

__all__ = ["Dispatch", "Rows", "clock", "journal_of", "mistaken_words", "prepare", "repeated_words", "suppressed_words"]

DUPLICATE: Final = 'repeats an earlier row\'s key; dropped as duplicates="drop" says'

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dispatch:
    """A frame's rows, ready to be sent or inspected.

    `journal` is the campaign that is held, where rows are to be sent. `ids` are null for rows that get none. `results`
    has what is decided: invalid and skipped rows, and those sent before; `todo` has the rows that would be sent now,
    and `doubtful` those an earlier run left in doubt, where the client can query them. `carried` says that the ids come
    from a sent frame, which does not say in which campaign it was sent. `copies` pairs rows that have the id of an
    earlier row, since a merge multiplied it, with those rows: one message, one result. `keys` are the ids that the
    rows' keys give, null where a key is not known (None: those of the first attempts). `conflicts` are rows that say
    that they were sent as another message; they keep their results, and nothing may be sent, nor where `unlisted` are
    people whom the frame calls suppressed in a call without a list.
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
    unlisted: Rows = field(default_factory=lambda: np.empty(0, np.int64))

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
        """Return the messageids of all rows."""
        return self.ids if isinstance(self.ids, pa.Array) else self.ids.whole()

    def queue(self) -> BatchQueue:
        """Queue the rows that would be sent."""
        return BatchQueue(self.checked.fields, self.ids, self.todo, self.keys)

    def keys_at(self, rows: Rows) -> pa.Array | None:
        """Return the ids that the keys of some rows give; None where they are those of the first attempts."""
        return None if self.keys is None else self.keys.take(self.positions(rows))

    def joined(self, *, last: bool = False) -> pd.DataFrame:
        """Return the frame with its result columns; with `last` the results are not needed any more."""
        if self.copies is not None:
            rows, originals = self.copies
            self.results.attempts[rows] = 0
            self.results.take_over(rows, self.results, originals)
        frame = self.results.join(self.frame, self.all_ids(), self.prefix, last=last)
        about = {key: value for key, value in frame.attrs.items() if key != "nxsms"}
        frame.attrs = about | ({"nxsms": {"gateway": "sandbox"}} if self.client.simulated else {})
        return frame

    def unsent(self) -> bool:
        """Return whether rows that were to be sent are unsent."""
        left = among(self.results.status, UNDECIDED, UNSENT)
        return bool(left.any() and left[self.todo].any())

    def quotes(self, row: int) -> list[str]:
        """Return the texts of a row, which the gateway's text may quote."""
        texts = (values[row].as_py() for values in self.checked.fields.values())
        return [text for text in texts if text is not None]

    def with_copies_once(self) -> Dispatch:
        """Return the same with only the first of the rows that share an id waiting to be sent."""
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
        """Convert rows to Arrow, for ``take``."""
        return pa.array(rows, pa.int64())

    def suppressed(self) -> Rows:
        """Return the rows that are not sent because their numbers are on the do-not-contact list."""
        return np.flatnonzero(self.checked.suppressed & (self.results.status == SKIPPED))

    def sent_before(self) -> Rows:
        """Return the rows that were sent before, or may have been."""
        return np.flatnonzero(among(self.results.status, SUCCESS, FAILURE, UNKNOWN))

    def refuse_conflicts(self) -> None:
        """Refuse to send anything where rows say that they were sent as another message, or suppressed."""
        if self.conflicts is not None:
            rows, total = self.conflicts.rows, len(self.frame)
            # Rows that lack an id would stop the call in any campaign.
            of_rows = self.call.on_rows(rows, total, self.conflicts.without_results if self.conflicts.nameless else "")
            another = of_rows.text(campaign=another_campaign(self.campaign), **self._key_kept())
            words = engine_conflicts.conflict_words(self.conflicts, total, self._phone(rows[0]), self.call, another)
            raise self._stopping(words, rows)
        if (unlisted := self.unlisted_words()) is not None:
            raise self._stopping(unlisted, self.unlisted)

    def unlisted_words(self) -> str | None:
        """Say which people the frame calls suppressed in a call without a list, and what to do; None where there are none."""
        rows = self.unlisted
        if not len(rows):
            return None
        return suppressed_before.words(rows, len(self.frame), self._phone(rows[0]), self.call)

    def _phone(self, row: int) -> str:
        return self.checked.fields["phone"][int(row)].as_py() or ""

    @staticmethod
    def _stopping(words: str, rows: Rows) -> ColumnError:
        error = ColumnError(words)
        error.rows = rows.tolist()
        return error

    def _key_kept(self) -> dict[str, Any]:
        """Return the key to name in another campaign, where several texts go to a number: the default key is the phone alone."""
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
        """Refuse to send more messages than `confirm` agrees to."""
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
    """Return the journal of a call: the one that is named, the client's own, or the default one."""
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
    """Check a frame's rows, make their ids and merge what is known of them.

    `journal` is the journal of the call, or the campaign that is held where rows are to be sent. `doubts_before_us` is
    when the run began, in microseconds since the epoch, where it may have left rows in doubt itself: those are not
    settled. None: it has sent nothing yet. Unusable columns raise `ColumnError`, invalid or repeated rows
    `ValidationError` where the options say so, an unreadable journal `JournalError`.
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
    # The others are looked up first, so that what was sent before keeps its result.
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
    unlisted = np.empty(0, np.int64)
    if earlier and settings["suppress"] is None:
        unlisted = suppressed_before.find(results, earlier, checked.fields["phone"])
        results.skip(unlisted, SUPPRESSED)
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
        unlisted=unlisted,
    )


def _with_results(frame: pd.DataFrame, prefix: str) -> list[str]:
    """Return the prefixes under which a frame carries results, the one that this call replaces first."""
    found = result_columns.prefixes(frame)
    return sorted(found, key=lambda name: name != prefix)


def _copies(rows: Rows, keys: message_ids.MessageIds, own: pa.Array | None) -> history.Copies:
    """Return the rows that are dropped, with their keys' ids and their own."""
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
    """Apply the frame's own results where the journal does not know better; return conflicts and ids."""
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


def suppressed_words(n: int, about_list: str | None) -> str | None:
    """Say how many rows are suppressed, and of the list how many entries that is; None without a list."""
    rows = f"{count(n, 'row')} suppressed: on the list that suppress= names, not sent." if n else None
    return "\n".join(words for words in (rows, about_list) if words) or None


def mistaken_words(dispatch: Dispatch, all_of_them: str = ALL_WARNINGS) -> str | None:
    """Say how many of the texts that would be sent read as a mistake, and what lists them; None where none do."""
    content = dispatch.checked.fields["content"].take(Dispatch.positions(dispatch.todo))
    found = suspicions(content)
    if not len(found):
        return None
    n = len(np.unique(found.positions))
    first = int(dispatch.todo[found.positions[0]])
    verb = "reads" if n == 1 else "read"
    return (
        f"{n:,} of {count(len(dispatch.todo), 'text')} {verb} as a mistake, the first at position {first:,}: "
        f"{RULES[found.rules[0]].hint}. All of them: {all_of_them}"
    )


def repeated_words(dispatch: Dispatch) -> str | None:
    """Say how many rows were sent before; None where none were."""
    before = dispatch.sent_before()
    if not len(before):
        return None
    times = dispatch.results.sent_us[before]
    times = times[times != table.NO_TIME]
    when = f" ({clock(int(times.max()))})" if len(times) else ""
    doubtful = int((dispatch.results.status[before] == UNKNOWN).sum())
    doubt = f", {doubtful:,} of them in doubt" if doubtful else ""
    went = f"{len(before):,} of {count(len(dispatch.frame), 'row')} had been sent before{when}{doubt}"
    rest = f"; sending {len(dispatch.todo):,}" if len(dispatch.todo) else "; nothing was sent"
    return f"{went}{rest}. To send those again: {again_elsewhere(dispatch.campaign)}"


def again_elsewhere(campaign: str | None) -> str:
    """Return the option that sends rows again: they are other messages in another campaign."""
    return "campaign='…'" if campaign is None or masks(campaign) else f"campaign={another_campaign(campaign)!r}"


def clock(us: int) -> str:
    """Format a moment in the local time of this machine."""
    local = datetime.fromtimestamp(us / 1e6, UTC).astimezone()
    return f"{local.day} {local:%b %H:%M}"
