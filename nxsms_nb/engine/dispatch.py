"""A frame's rows, ready to be sent or looked at: what is known of each, and which would be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask, present
from nxsms_nb.engine import conflicts as engine_conflicts
from nxsms_nb.engine import suppressed_before
from nxsms_nb.engine.batches import BatchQueue
from nxsms_nb.errors import ColumnError, ConfirmationNeeded
from nxsms_nb.formatting import count
from nxsms_nb.invocation import Invocation, another_campaign
from nxsms_nb.journal.campaign import Campaign
from nxsms_nb.results.table import FAILURE, SKIPPED, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.rows import columns as row_columns
from nxsms_nb.rows import message_ids
from nxsms_nb.settings import COLUMNS, options

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.other_keys import LostKey
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.journal.store import RunRecord
    from nxsms_nb.rows.rules import Checked

__all__ = ["Dispatch", "Rows"]

Rows = npt.NDArray[np.int64]
_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True)
class Dispatch:
    """A frame's rows, ready to be sent or inspected.

    `journal` is the campaign that is held, where rows are to be sent. `ids` are null for rows that get none. `results`
    has what is decided: invalid and skipped rows, and those sent before; `todo` has the rows that would be sent now,
    and `doubtful` those an earlier run left in doubt, where the client can query them. `carried` says that the ids come
    from a sent frame, which does not say in which campaign it was sent. `copies` pairs rows that have the id of an
    earlier row, since a merge multiplied it, with those rows: one message, one result. `keys` are the ids that the
    rows' keys give, null where a key is not known (None: those of the first attempts), and `of_held` those that the keys
    of held-out rows would give, in their order. `conflicts` are rows that say
    that they were sent as another message; they keep their results, and nothing may be sent, nor where `unlisted` are
    people whom the frame calls suppressed in a call without a list.
    """

    frame: pd.DataFrame
    client: Client
    call: Invocation
    journal: Reader
    campaign: str | None
    prefix: str
    checked: Checked
    ids: pa.Array
    keys: pa.Array | None
    of_held: pa.Array | None
    results: Results
    todo: Rows
    copies: tuple[Rows, Rows]
    carried: bool
    doubtful: Rows | None
    conflicts: engine_conflicts.Conflicts | None
    unlisted: Rows

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        client: Client,
        call: Invocation,
        *,
        journal: Reader,
        campaign: str | None,
        prefix: str,
        checked: Checked,
        ids: pa.Array,
        keys: pa.Array | None,
        results: Results,
        carried: bool = False,
        of_held: pa.Array | None = None,
        doubtful: Rows | None = None,
        conflicts: engine_conflicts.Conflicts | None = None,
        unlisted: Rows | None = None,
    ) -> Dispatch:
        """Make the dispatch of rows from their results, which hold all that is known: undecided rows would be sent.

        The only way to one; nothing in it is exchanged afterwards.
        """
        todo = np.flatnonzero(results.status == UNDECIDED)
        # Ids made for this call are distinct; a sent frame may have been multiplied by a merge.
        todo, copies = _once(checked, ids, todo) if carried else (todo, (_NONE, _NONE))
        return cls(
            frame,
            client,
            call,
            journal,
            campaign,
            prefix,
            checked,
            ids,
            keys,
            of_held,
            results,
            todo,
            copies,
            carried,
            doubtful,
            conflicts,
            _NONE if unlisted is None else unlisted,
        )

    def record(self, campaign: Campaign, *, rows: int, workers: int) -> RunRecord:
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

    def queue(self) -> BatchQueue:
        """Queue the rows that would be sent."""
        return BatchQueue(self.checked.fields, self.ids, self.todo, self.keys)

    def keys_at(self, rows: Rows) -> pa.Array | None:
        """Return the ids that the keys of some rows give; None where they are those of the first attempts."""
        return None if self.keys is None else self.keys.take(self.positions(rows))

    def joined(self, *, last: bool = False) -> pd.DataFrame:
        """Return the frame with its result columns; with `last` the results are not needed any more."""
        rows, originals = self.copies
        if len(rows):
            self.results.attempts[rows] = 0
            self.results.take_over(rows, self.results, originals)
        frame = self.results.join(self.frame, self.ids, self.prefix, last=last)
        about = {key: value for key, value in frame.attrs.items() if key != "nxsms"}
        frame.attrs = about | ({"nxsms": {"gateway": "sandbox"}} if self.client.simulated else {})
        return frame

    def unsent(self) -> bool:
        """Return whether any row that was to be sent is unsent."""
        left = among(self.results.status, UNDECIDED, UNSENT)
        return bool(left.any() and left[self.todo].any())

    def quotes(self, row: int) -> list[str]:
        """Return the texts of a row that the gateway's text may quote."""
        texts = (values[row].as_py() for values in self.checked.fields.values())
        return [text for text in texts if text is not None]

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

    def refuse_conflicts(self, lost_key: LostKey | None) -> None:
        """Refuse to send anything where rows say that they were sent as another message, or suppressed."""
        if self.conflicts is not None:
            rows, total = self.conflicts.rows, len(self.frame)
            # Rows that lack an id would stop the call in any campaign.
            of_rows = self.call.on_rows(rows, total, self.conflicts.without_results if self.conflicts.nameless else "")
            another = of_rows.text(campaign=another_campaign(self.campaign), **self._key_kept())
            words = engine_conflicts.conflict_words(
                self.conflicts, total, self._phone(rows[0]), self.call, another=another, lost_key=lost_key
            )
            raise self._stopping(words, rows)
        if (unlisted := self.unlisted_words()) is not None:
            raise self._stopping(unlisted, self.unlisted)

    def unlisted_words(self) -> str | None:
        """Describe people whom the frame calls suppressed, in a call without a list, and what to do.

        None if there are none.
        """
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
        """Return the key for a call in a named campaign if a number gets several texts.

        The default key there is the phone alone.
        """
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


def _once(checked: Checked, ids: pa.Array, todo: Rows) -> tuple[Rows, tuple[Rows, Rows]]:
    """Split rows into the first of each id and the others, paired with their first; refuse an id with several numbers."""
    coded = ids.take(Dispatch.positions(todo)).dictionary_encode().indices.to_numpy()
    _, first = np.unique(coded, return_index=True)
    originals = todo[first][coded]
    copied = originals != todo
    rows, originals = todo[copied], originals[copied]
    phones = checked.fields["phone"]
    strange = ~as_mask(pc.equal(phones.take(Dispatch.positions(rows)), phones.take(Dispatch.positions(originals))))
    if strange.any():
        raise ColumnError(
            f"{count(int(strange.sum()), 'row')} with another number have the messageid of an earlier row, as after a merge or a "
            f"fill; the first is at position {rows[strange][0]}. Nothing was sent. Send those rows without "
            "their result columns."
        )
    return todo[~copied], (rows, originals)
