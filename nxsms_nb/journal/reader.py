"""What the journal knows, asked in the engine's words: of messages, of their keys, of runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.journal import lookup, tables
from nxsms_nb.results.table import Results

if TYPE_CHECKING:
    from nxsms_nb.results.table import Rows

__all__ = ["Reader"]


class Reader:
    """Reads a journal; how it gets at the connection is a matter of who reads.

    Attributes
    ----------
    path : Path or None
        The journal's file; None for one in memory.
    """

    path: Path | None

    def _reading(self) -> AbstractContextManager[sqlite3.Connection | None]:
        """One snapshot for all that is compared with one another; None: the journal is not there yet."""
        raise NotImplementedError

    def holds(self, campaign: str | None = None, *, everywhere: bool = False) -> bool:
        """Whether any message is recorded where `known` looks; the same parameters."""
        with self._reading() as connection:
            return connection is not None and lookup.holds(connection, campaign, everywhere=everywhere)

    def known(
        self,
        ids: pa.Array,
        campaign: str | None = None,
        *,
        everywhere: bool = False,
        run_filter: Callable[[tables.RunRow], bool] | None = None,
    ) -> Results:
        """What is recorded of messages.

        Parameters
        ----------
        ids : pyarrow.Array of str
            Their messageids; null where there is none.
        campaign : str, optional
            Where to look; runs that may concern any campaign are looked at as well.
        everywhere : bool, default False
            Look in every campaign.
        run_filter : callable, optional
            The runs to look at, of those; None: all of them.

        Returns
        -------
        Results
            As many rows as `ids`; `status` is `table.UNDECIDED` where nothing is recorded. A request without an outcome leaves
            its rows ``Unknown``.
        """
        with self._reading() as connection:
            if connection is None:
                return Results(len(ids))
            return lookup.known(connection, ids, campaign, everywhere=everywhere, run_filter=run_filter)

    def made_by(self) -> list[tables.RunRow]:
        """The runs as they are recorded: which campaign, gateway and account each was of."""
        with self._reading() as connection:
            return [] if connection is None else list(tables.run_rows(connection).values())

    def known_by_key(
        self, keys: pa.Array, campaign: str | None = None, *, run_filter: Callable[[tables.RunRow], bool] | None = None
    ) -> tuple[Results, pa.Array]:
        """What is recorded in a campaign of messages, whatever their ids were: made from their keys, the frame's own, retries'.

        Parameters
        ----------
        keys : pyarrow.Array of large_string
            The ids that their keys give; null where there is none.
        campaign : str, optional
            Where to look; runs that may concern any campaign are looked at as well.
        run_filter : callable, optional
            The runs to look at, of those; None: all of them.

        Returns
        -------
        Results
            As `known` gives it, of the latest attempt; the attempts are counted over all.
        pyarrow.Array of large_string
            The ids of the latest attempts; those that were given where nothing is recorded.
        """
        with self._reading() as connection:
            if connection is None:
                return Results(len(keys)), keys
            return lookup.known_by_key(connection, keys, campaign, run_filter=run_filter)

    def origins(self, ids: pa.Array) -> tuple[npt.NDArray[np.object_], pa.Array]:
        """The campaign and the key with which each id is recorded, in whatever campaign.

        Parameters
        ----------
        ids : pyarrow.Array of large_string
            The messageids; null where there is none.

        Returns
        -------
        ndarray of object
            The campaign (empty: the unnamed one); None where the id is not recorded.
        pyarrow.Array of large_string
            The id that the key gives; null where none is recorded.
        """
        with self._reading() as connection:
            if connection is None:
                return np.full(len(ids), None, object), pa.nulls(len(ids), TEXT)
            return lookup.origins(connection, ids)

    def sent_anything(self, runs: Collection[int]) -> bool:
        """Whether any message of some runs went out, or may have, or was refused by itself."""
        with self._reading() as connection:
            return connection is not None and lookup.sent_anything(connection, runs)

    def reached(self, runs: Collection[int]) -> bool:
        """Whether any request of some runs reached a gateway, or may have, whatever became of it."""
        with self._reading() as connection:
            return connection is not None and lookup.reached(connection, runs)

    def answered(self, runs: Collection[int]) -> bool:
        """Whether any request of some runs had a reply that only a gateway gives."""
        with self._reading() as connection:
            return connection is not None and lookup.answered(connection, runs)

    def homes(self, ids: pa.Array) -> dict[str, Rows]:
        """The campaigns to which messages belong.

        Parameters
        ----------
        ids : pyarrow.Array of str
            Their messageids; null where there is none.

        Returns
        -------
        dict of str to ndarray of int64
            Campaign (empty: the unnamed one) to the places of those of the ids that it has, in order; ids that no campaign
            has are in none.
        """
        with self._reading() as connection:
            return {} if connection is None else lookup.homes(connection, ids)
