"""Queries of the journal in the engine's terms: by messages, by their keys, by runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.journal import lookup
from nxsms_nb.journal import receipts as journal_receipts
from nxsms_nb.results.table import Results

if TYPE_CHECKING:
    from datetime import tzinfo

    import pandas as pd

    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.journal.store import Snapshot
    from nxsms_nb.results.table import Rows

__all__ = ["Reader"]


class Reader:
    """Reads a journal; subclasses decide where from."""

    @property
    def named(self) -> str | None:
        """The journal as a person names it, without a password; None if it has no name."""
        raise NotImplementedError

    def now_us(self) -> int:
        """Return the current time in microseconds since the epoch, by the clock that all users of the journal share."""
        raise NotImplementedError

    def _reading(self) -> AbstractContextManager[Snapshot | None]:
        """Hold one snapshot, so that everything read in it is consistent; None if the journal does not exist yet."""
        raise NotImplementedError

    def holds(
        self,
        campaign: str | None = None,
        *,
        everywhere: bool = False,
        run_filter: Callable[[RunRow], bool] | None = None,
    ) -> bool:
        """Return whether any message is recorded where `known` looks; the same parameters."""
        with self._reading() as journal:
            if journal is None:
                return False
            return lookup.holds(journal, campaign, everywhere=everywhere, run_filter=run_filter)

    def known(
        self,
        ids: pa.Array,
        campaign: str | None = None,
        *,
        everywhere: bool = False,
        run_filter: Callable[[RunRow], bool] | None = None,
        receipts: bool = True,
    ) -> Results:
        """Return the recorded results of messages, as many rows as `ids`; `table.UNDECIDED` where nothing is recorded.

        It searches a campaign, with the runs that may concern any campaign, or `everywhere`; of those runs `run_filter`
        selects some. A request without an outcome leaves its rows ``Unknown``, unless there is a receipt of them, which
        proves them accepted: without `receipts` requests alone count.
        """
        with self._reading() as journal:
            if journal is None:
                return Results(len(ids))
            return lookup.known(journal, ids, campaign, everywhere=everywhere, run_filter=run_filter, receipts=receipts)

    def made_by(self) -> list[RunRow]:
        """Return the recorded runs, each with its campaign, gateway and account."""
        with self._reading() as journal:
            return [] if journal is None else list(journal.runs().values())

    def known_by_key(
        self, keys: pa.Array, campaign: str | None = None, *, run_filter: Callable[[RunRow], bool] | None = None
    ) -> tuple[Results, pa.Array]:
        """Return the recorded results of messages by their keys, whatever their ids were, and the ids of the latest attempts.

        Results are those of the latest attempt, with attempts counted over all. Where nothing is recorded, the id is
        the one given. `keys` are the ids that the keys give; other parameters are those of `known`.
        """
        with self._reading() as journal:
            if journal is None:
                return Results(len(keys)), keys
            return lookup.known_by_key(journal, keys, campaign, run_filter=run_filter)

    def origins(self, ids: pa.Array) -> tuple[npt.NDArray[np.object_], pa.Array]:
        """Return the campaign of each id, in whatever run, and the id that its key gives.

        The campaign is empty for the unnamed one and None where the id is not recorded; the id of the key is null where
        unknown.
        """
        with self._reading() as journal:
            if journal is None:
                return np.full(len(ids), None, object), pa.nulls(len(ids), TEXT)
            return lookup.origins(journal, ids)

    def sent_anything(self, runs: Collection[int]) -> bool:
        """Return whether any message of some runs was sent, or may have been, or was refused by itself."""
        with self._reading() as journal:
            return journal is not None and lookup.sent_anything(journal, runs)

    def reached(self, runs: Collection[int]) -> bool:
        """Return whether any request of some runs reached a gateway, or may have, whatever its result."""
        with self._reading() as journal:
            return journal is not None and lookup.reached(journal, runs)

    def answered(self, runs: Collection[int]) -> bool:
        """Return whether any request of some runs had a reply that only a gateway gives."""
        with self._reading() as journal:
            return journal is not None and lookup.answered(journal, runs)

    def receipts_of(self, ids: pa.Array, tz: tzinfo | str) -> pd.DataFrame:
        """Return the receipts of messages, one row an id that has any: ``messageid`` and the delivery columns.

        `ids` may have nulls and repeat themselves; the vendor's times are read in the time zone `tz`.
        """
        asked = ids.drop_null().unique().to_pylist()
        with self._reading() as journal:
            found = [] if journal is None else lookup.receipts_of(journal, asked)
        return journal_receipts.frame_of(found, tz)

    def with_receipts(self, ids: pa.Array) -> set[str]:
        """Return which of some messages have a receipt, which proves that they were accepted."""
        asked = ids.drop_null().unique().to_pylist()
        with self._reading() as journal:
            return set() if journal is None else {messageid for messageid, _ in lookup.receipts_of(journal, asked)}

    def homes(self, ids: pa.Array) -> dict[str, Rows]:
        """Return the campaigns to which messages belong, each with the places of its ids, in order.

        The unnamed campaign is empty; ids that no campaign has are in none.
        """
        with self._reading() as journal:
            return {} if journal is None else lookup.homes(journal, ids)
