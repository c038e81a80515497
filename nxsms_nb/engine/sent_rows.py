"""Read a sent frame back: its rows and results, their campaigns, and what the journal has learnt of them since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.engine.call_ids import made_in
from nxsms_nb.engine.dispatch import Dispatch
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.given import frame_as_given
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.table import FAILURE, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.rows import id_format, rules
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.holdout import held_out
from nxsms_nb.rows.suppression import SUPPRESSED
from nxsms_nb.rows.suppression import suppressed as on_list
from nxsms_nb.settings import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.dispatch import Rows
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.journal.campaign import Campaign
    from nxsms_nb.journal.journal import Journal
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.rows.rules import Checked

__all__ = ["Home", "SentRows", "read_back"]


@dataclass(frozen=True)
class Home:
    """The campaign that rows of a sent frame belong to.

    `anywhere` says that it is not known: whatever is recorded of the rows then concerns every campaign.
    """

    campaign: str | None
    rows: Rows
    anywhere: bool


@dataclass(frozen=True)
class SentRows:
    """The rows of a sent frame, with their ids and results: what a retry or a settlement starts from.

    `keys` are the ids that the rows' keys give, null where a key is not known (None: those of the first attempts).
    `results` is filled in with what is learnt of the rows; a dispatch of them shares it.
    """

    frame: pd.DataFrame
    client: Client
    settings: Mapping[str, Any]
    call: Invocation
    journal: Journal
    checked: Checked
    ids: pa.Array
    keys: pa.Array | None
    results: Results

    def dispatch(
        self, journal: Reader, campaign: str | None, *, ids: pa.Array | None = None, keys: pa.Array | None = None
    ) -> Dispatch:
        """Make the dispatch of the rows, under other ids and keys where they are given: what is undecided would be sent."""
        return Dispatch.of(
            self.frame,
            self.client,
            self.call,
            journal=journal,
            campaign=campaign,
            prefix=self.settings["prefix"],
            checked=self.checked,
            ids=self.ids if ids is None else ids,
            keys=self.keys if keys is None else keys,
            results=self.results,
            carried=True,
        )

    def skip_suppressed(self) -> None:
        """Skip the rows of people on the do-not-contact list that were not sent."""
        unsent = among(self.results.status, UNDECIDED, UNSENT)
        self.results.skip(np.flatnonzero(self.checked.suppressed & unsent), SUPPRESSED)

    def made_in(self, campaign: str | None) -> pa.Array:
        """Return the ids made in a campaign from the rows' present keys."""
        return made_in(self.frame, self.settings, self.client, campaign, key=self.settings["key"])

    def home_of_unsent(self) -> Home | None:
        """Find the campaign of the rows that may be retried, and refuse several campaigns.

        None if no row may be retried.
        """
        open_to_retry = np.flatnonzero(among(self.results.status, UNSENT, FAILURE) & present(self.ids))
        if not len(open_to_retry):
            return None
        given = self.settings["campaign"]
        known = self.journal.homes(self.ids.take(Dispatch.positions(open_to_retry)))
        names = {*known}
        # A run records its rows some thousands ahead; those it never reached are in no journal.
        homeless = np.delete(open_to_retry, np.concatenate([np.empty(0, np.int64), *known.values()]))
        for name in sorted({*self.journal.homes(self.ids), given or "", ""}) if len(homeless) else ():
            mine = self._are_made_in(name or None, homeless)
            names |= {name} if mine.any() else set()
            homeless = homeless[~mine]
        if given is not None:
            names |= {given}
        if len(names) > 1:
            listed = ", ".join(named(name) if name else "the unnamed one" for name in sorted(names))
            raise ConfigError(
                f"These rows were sent in more than one campaign, or not in the one that campaign= names: {listed}. Nothing was sent. "
                "Retry one campaign at a time, and omit campaign=: the journal knows it."
            )
        return Home(next(iter(names), "") or None, open_to_retry, anywhere=len(homeless) > 0)

    def homes_of(self, rows: Rows) -> list[Home]:
        """Group rows by the campaign they belong to, so that each is settled where its own campaign looks."""
        homes = homes_of(self.journal, self.ids.take(Dispatch.positions(rows)), self.settings["campaign"])
        return [replace(home, rows=rows[home.rows]) for home in homes]

    def hold(self, home: Home) -> Campaign:
        """Hold the campaign that rows belong to, which excludes its own runs; where none is known, the whole journal."""
        own = self.checked.fields.get("sys_message_id")
        # A further attempt of an own id does not show that it is one.
        own_ids = (own is not None and own.null_count < len(own)) or not id_format.are_first(
            self.ids.take(Dispatch.positions(home.rows))
        )
        return self.journal.campaign(home.campaign, anywhere=home.anywhere, own_ids=own_ids)

    def learn(self, doubtful: Rows, journal: Reader) -> tuple[Rows, Rows]:
        """Merge what the journal knows of rows in doubt.

        Return the rows that remain in doubt, and which of them it knows.
        """
        known = journal.known(self.ids.take(Dispatch.positions(doubtful)), everywhere=True)
        there = known.status != UNDECIDED
        # For a row in doubt, too: a file may have lost the time zone of the frame's own time.
        self.results.attempts[doubtful[there]] = 0
        self.results.take_over(doubtful[there], known, np.flatnonzero(there))
        return doubtful[~there | (known.status == UNKNOWN)], doubtful[known.status == UNKNOWN]

    def _are_made_in(self, campaign: str | None, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return the rows whose id was made in this campaign, so that they belong to no other one."""
        at = Dispatch.positions(rows)
        return as_mask(pc.equal(id_format.roots(self.ids.take(at)), self.made_in(campaign).take(at)))


def read_back(
    frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], *, call: Invocation, journal: Journal
) -> SentRows:
    """Read a sent frame with its results."""
    frame = frame_as_given(frame)
    earlier = result_columns.read(frame, settings["prefix"])
    columns = resolve(frame, {name: settings[name] for name in COLUMNS})
    checked = rules.check(frame, columns, region=settings["region"], bare=settings["bare"])
    checked = checked.holding_out(held_out(frame, settings["variant"]))
    checked = checked.suppressing(*on_list(frame, checked.fields["phone"], settings))
    ids = result_columns.to_arrow(earlier["messageid"])
    results = Results(len(frame))
    results.adopt(np.arange(len(frame)), earlier)
    keys = None if id_format.are_first(ids) else keys_of(journal, ids)
    return SentRows(frame, client, settings, call, journal, checked, ids, keys, results)


def homes_of(journal: Reader, ids: pa.Array, campaign: str | None) -> list[Home]:
    """Group messages by the campaign in which the journal has them; those that it does not have are of `campaign`."""
    found, left = [], np.arange(len(ids))
    for name, places in journal.homes(ids).items():
        mine = np.intersect1d(places, left)
        left = np.setdiff1d(left, mine)
        if len(mine):
            found.append(Home(name or None, mine, anywhere=False))
    if len(left):
        found.append(Home(campaign, left, anywhere=True))
    return found


def keys_of(journal: Reader, ids: pa.Array) -> pa.Array:
    """Return the ids that the rows' keys give.

    From the journal, else the rows' ids if these were made from keys, else null.
    """
    _, recorded = journal.origins(ids)
    roots = id_format.roots(ids)
    made = id_format.are_ours(ids)
    return pc.coalesce(recorded, pc.if_else(made, roots, pa.scalar(None, TEXT)))
