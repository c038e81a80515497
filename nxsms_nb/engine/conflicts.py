"""Rows whose own results name another message than the one this call would send: they stop the call.

Their results say that it was sent, or the journal does: a file may be older than the retry of its refused rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.engine import history
from nxsms_nb.formatting import count, mask_digits, mask_phone, named
from nxsms_nb.invocation import ROWS_OF_ERROR
from nxsms_nb.results import columns
from nxsms_nb.results.table import FAILURE, INVALID, SUCCESS, UNDECIDED, UNKNOWN, Results, among
from nxsms_nb.rows import id_format
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from nxsms_nb.engine.history import Copies
    from nxsms_nb.engine.other_keys import LostKey
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.results.table import Rows

OTHER_ID: Final = (
    "stops the call: it was sent under another id than this call gives, so text or key was changed, or campaign= or key= "
    "differs"
)
"""The reason of such a row in a plan, and where `recorded` shows it."""

NO_ID: Final = "stops the call: it says that it was sent, and its messageid is missing, so it may be this very message"
"""The reason of such a row whose results have no id."""

_AN_ID: Final = r"^[0-9A-Za-z\-]{10,50}$"
"""The form of a messageid; any other text in its column does not name a message."""

_FEW_HOMES: Final = 1
"""The most other campaigns that are named, since a notebook shows six lines."""


@dataclass(frozen=True)
class Conflicts:
    """Rows that were sent, or may have been, under another id than this call gives them, by their results or the journal.

    `prefixes` are those of the results that say so. `had` is the first row's id, `now` the one that this call gives it,
    or why it gives none. `homes` has the positions of rows whose ids the journal knows in other campaigns (empty: the
    unnamed one). `known_by_frame` counts other rows that only the frame knows as sent, and which must keep their
    results; `by_journal` counts the conflicting rows of which only the journal knows, `nameless` those whose results
    have no id.
    """

    rows: Rows
    prefixes: Sequence[str]
    had: str | None
    now: str
    homes: Mapping[str, Rows]
    known_by_frame: int
    by_journal: int
    nameless: int

    @property
    def without_results(self) -> str:
        """The method calls, to append to the frame's name, that drop the conflicting results."""
        return "".join(f".nxsms.new({f'prefix={prefix!r}' if prefix else ''})" for prefix in self.prefixes)


def find(
    results: Results,
    earlier: Mapping[str, pd.DataFrame],
    ids: pa.Array,
    journal: Reader,
    campaign: str | None,
    *,
    known_by_frame: int,
    keys: pa.Array,
    copies: Copies | None = None,
) -> tuple[Conflicts | None, pa.Array]:
    """Find the rows that would be sent although they were sent under another id, and keep what is known of that message.

    Undecided rows would be sent. `earlier` has the frame's results by prefix, those that this call replaces first. In a
    named campaign only ids that the journal knows there count, since any other campaign may have them, and rows without
    an id, which may be of any. What dropped
    `copies` say counts where the row that is kept would be sent. Returns the conflicts, and the ids with those of the
    rows' own results.
    """
    # A row that the file made invalid would lose its record, and be sent again when corrected to something else.
    waiting = ((results.status == UNDECIDED) & present(ids)) | (results.status == INVALID)
    said_by = ids
    if copies is not None:
        leaving = keys.filter(pa.array((results.status == UNDECIDED) & present(ids)))
        copied = as_mask(pc.is_in(copies.keys, value_set=leaving))
        waiting[copies.rows[copied]] = True
        said_by = _replaced(ids, copies.rows, pc.coalesce(copies.own, copies.keys))
    nameless = np.zeros(len(ids), np.bool_)
    found: dict[str, Rows] = {}
    later: dict[str, tuple[Rows, Results, pa.Array]] = {}
    for prefix, words in earlier.items():
        status, had = words["status"].cat.codes.to_numpy(), columns.to_arrow(words["messageid"])
        says = among(status, SUCCESS, UNKNOWN)
        # The journal knows more of a row that lost its status.
        other = waiting & present(had) & (~says | columns.lost_status(words)) & ~as_mask(pc.equal(had, said_by))
        if other.any():
            known, latest = _latest(journal, campaign, had, np.flatnonzero(other), status)
            rows = np.flatnonzero(among(known.status, SUCCESS, UNKNOWN))
            if len(rows):
                later[prefix] = rows, known, latest
                says[rows] = False
        rows = np.flatnonzero(waiting & says)
        if len(rows):
            of_rows = had.take(pa.array(rows))
            no_id = ~as_mask(pc.match_substring_regex(of_rows, _AN_ID))
            nameless[rows[no_id]] = True
            if campaign is not None:
                rows = rows[no_id | (journal.known(of_rows, campaign).status != UNDECIDED)]
        if len(rows):
            found[prefix] = rows
        # Results of this very message, for example unsent, count for more than another's under another prefix.
        waiting &= ~as_mask(pc.equal(id_format.roots(had), id_format.roots(said_by)))
    if not found and not later:
        return None, ids
    rows = np.unique(np.concatenate([*found.values(), *(rows for rows, _, _ in later.values())]))
    by_journal = len(rows) - len(np.unique(np.concatenate([np.empty(0, np.int64), *found.values()])))
    first = int(rows[0])
    now = said_by[first].as_py()
    now = f"invalid ({results.reason(first)})" if now is None else _shown(now)
    had = pa.nulls(len(ids), ids.type)
    for these, known, latest in reversed(later.values()):
        results.attempts[these] = 0
        results.take_over(these, known, these)
        had = _replaced(had, these, latest.take(pa.array(these)))
    for prefix in reversed(found):
        words, these = earlier[prefix].iloc[found[prefix]], found[prefix]
        results.adopt(these, words)
        had = _replaced(had, these, columns.to_arrow(words["messageid"]))
    unnamed = rows[nameless[rows]]
    for said, code in ((SUCCESS, codes.SUCCESS), (UNKNOWN, None)):
        results.decide(rows[results.status[rows] == said], said, code, OTHER_ID)
        results.decide(unnamed[results.status[unnamed] == said], said, code, NO_ID)
    of_rows = had.take(pa.array(rows))
    homes = {name: rows[at] for name, at in journal.homes(of_rows).items() if name != (campaign or "")}
    prefixes = [prefix for prefix in earlier if prefix in found or prefix in later]
    first_had = None if nameless[first] else had[first].as_py()
    conflicts = Conflicts(rows, prefixes, first_had, now, homes, known_by_frame, by_journal, len(unnamed))
    return conflicts, _replaced(ids, rows, of_rows)


def _latest(
    journal: Reader, campaign: str | None, had: pa.Array, rows: Rows, status: npt.NDArray[np.integer[Any]]
) -> tuple[Results, pa.Array]:
    """Look up the latest attempts, with their ids, of the messages that some rows' results name."""

    def is_of_campaign(run: RunRow) -> bool:
        return run.campaign == campaign or run.homeless

    where: dict[str, Any] = (
        {"everywhere": True} if campaign is None else {"campaign": campaign, "run_filter": is_of_campaign}
    )
    known = Results(len(had))
    latest = history.from_journal(known, journal, had, rows, **where)
    # The refusal may be recorded in another journal, or no longer anywhere, and its retry in this one.
    refused = rows[(known.status[rows] == UNDECIDED) & (status[rows] == FAILURE)]
    if len(refused) and any(run.anywhere for run in journal.made_by()):
        further = [id_format.next_id(messageid) for messageid in had.take(pa.array(refused)).to_pylist()]
        latest = history.from_journal(known, journal, latest, refused, asked=pa.array(further, TEXT), **where)
    return known, latest


def _replaced(values: pa.Array, rows: Rows, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by)


def conflict_words(
    conflicts: Conflicts, rows: int, phone: str, call: Invocation, *, another: str, lost_key: LostKey | None
) -> str:
    """Describe which rows stop the call, the possible causes, and what to do.

    `phone` is the number of the first of them, empty where it cannot be read; `another` is the call for another
    campaign; `lost_key` says which key gives rows the ids that they have.
    """
    n = len(conflicts.rows)
    says = f"{'says that it was' if n == 1 else 'say that they were'} sent under another id than this call gives"
    if conflicts.nameless == n:
        says = f"{'says that it was' if n == 1 else 'say that they were'} sent, and {'its' if n == 1 else 'their'} messageid is missing"
    elif conflicts.nameless:
        says += f" (for {conflicts.nameless:,}, the messageid is missing)"
    elif conflicts.by_journal:
        says = (
            f"{'was' if n == 1 else 'were'} sent under another id than this call gives (for {conflicts.by_journal:,}, only the "
            "journal says so)"
        )
    new = conflicts.without_results
    if not conflicts.known_by_frame:
        send_new = call.on(f"df{new}").text()
    else:
        of_rows = call.on_rows(conflicts.rows, rows)
        send_new = (
            f"{of_rows.on(f'{of_rows.frame or call.subject}{new}').text()}   # these rows alone: df{new} would also send "
            f"{count(conflicts.known_by_frame, 'row')} again that only the frame knows"
        )
    return (
        f"{n:,} of {count(rows, 'row')} {says}; the first, at position "
        f"{conflicts.rows[0]} ({mask_phone(phone)}), as {_shown(conflicts.had)}, which would now be {conflicts.now}. Nothing was sent.\n"
        f"{_causes(conflicts, rows, call) if lost_key is None else _with_key(lost_key, conflicts, rows, call)}\n"
        f"If they are new messages:  {send_new}\n"
        f"To send them in another campaign:  {another}"
    )


def _with_key(lost: LostKey, conflicts: Conflicts, rows: int, call: Invocation) -> str:
    """Propose the call whose ``key=`` gives rows the ids that they have."""
    n, key = len(lost.rows), "Without key=" if lost.key is None else f"With key={named(lost.key)}"
    which = (
        "the row is"
        if n == len(conflicts.rows) == 1
        else "they are each"
        if n == len(conflicts.rows)
        else f"{n:,} are each"
    )
    same = lost.campaign == call.given.get("campaign")
    where = "" if same else f" in {_in(lost.campaign or '')}"
    line = (call if same else call.on_rows(lost.rows, rows)).text(campaign=lost.campaign, key=lost.key)
    return f"{key}{where} {which} the very message that was sent, and not sent again:  {line}"


def _causes(conflicts: Conflicts, rows: int, call: Invocation) -> str:
    """Describe what may have happened to the rows, and how to undo it."""
    words = ""
    if conflicts.nameless:
        words = (
            "Load the frame from where it was saved after send(), with its messageid, or name the journal that recorded it: "
            "journal='…'."
        )
        if conflicts.nameless == len(conflicts.rows):
            return words
        words += " "
    own = conflicts.had is not None and not id_format.is_ours(conflicts.had)
    changed = "text, key or sys_message_id" if own else "text or key"
    return (
        f"{words}If {changed} was changed, by hand or by a file, restore it. Otherwise the row was corrected and retried, another "
        f"account or the sandbox sent it, or campaign= or key= was left out{_where(conflicts, rows, call)}"
    )


def _where(conflicts: Conflicts, rows: int, call: Invocation) -> str:
    """Name the other campaigns that know the rows, with the call for the rows of each alone."""
    if not conflicts.homes:
        return "."
    parts = []
    for name, these in sorted(conflicts.homes.items(), key=lambda item: -len(item[1])):
        line = call.on_rows(these, rows).text(campaign=name or None)
        if ROWS_OF_ERROR in line and len(these) < len(conflicts.rows):
            # The error has the rows of all campaigns.
            line = ""
        keyed = "" if call.given.get("key") else " (add key= if that call had one)"
        parts.append(
            f"the journal knows {count(len(these), 'row')} in {_in(name)}{keyed}" + (f":  {line}" if line else "")
        )
    return ":\n" + "\n".join(parts[:_FEW_HOMES])


def _in(home: str) -> str:
    return f"campaign={named(home)}" if home else "the unnamed campaign"


def _shown(messageid: str | None) -> str:
    """Mask an id of the analyst's own, which may be a phone number."""
    if messageid is None:
        return "a message without an id"
    return messageid if id_format.is_ours(messageid) else mask_digits(messageid)
