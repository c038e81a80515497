"""The protocols of a journal's backend, which SQLite and PostgreSQL implement and everything else uses."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nxsms_nb.journal.blocks import Block, Packed
    from nxsms_nb.journal.entries import BatchRow, OutcomeRow, RunRow
    from nxsms_nb.journal.receipts import Source
    from nxsms_nb.results.table import Outcome, Results
    from nxsms_nb.wire.receipts import Receipt

__all__ = ["ReceiptBook", "RowsTaken", "RunRecord"]


class RowsTaken(Exception):
    """Rows of a request belong to another run, which may have sent them; nothing of the request was recorded.

    `offsets` are their places in the request, and `results` what is recorded of each, ``table.UNDECIDED`` where it may be
    sent after all.
    """

    def __init__(self, offsets: Sequence[int], results: Results) -> None:
        super().__init__(f"{len(offsets)} rows of the request belong to another run")
        self.offsets = offsets
        self.results = results


class Snapshot(Protocol):
    """One state of the journal, so that everything read from it is consistent."""

    def runs(self) -> dict[int, RunRow]:
        """Return all runs by their numbers, in order."""

    def blocks_of(self, wanted: Collection[int], known: dict[int, RunRow]) -> list[int]:
        """Return the numbers of the blocks of runs, in the order of writing; `known` are all runs."""

    def fingerprints(self, blocks: Sequence[int], *, by_key: bool) -> Iterator[tuple[int, bytes]]:
        """Yield each block with the fingerprints of its ids, or of the keys of its rows."""

    def block(self, number: int) -> tuple[int, Packed]:
        """Return the run of a block and its ids."""

    def requests(self, block: int, run: int) -> Iterator[tuple[BatchRow, OutcomeRow | None]]:
        """Yield the requests of a run's block in the order of writing, each with its outcome, None where there is none."""

    def requests_of(self, run: int) -> int:
        """Return how many requests of a run left, or may have left."""

    def receipts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, Receipt]]:
        """Yield the receipts of some ids, or all, as they were learnt, each with the id that it belongs to."""

    def people(self) -> dict[int, tuple[str, str]]:
        """Return the user and the host of each run, of a journal that is shared."""


class RunRecord(Protocol):
    """The record of one run, being written; its requests come from one event loop at a time."""

    run: int

    def now_us(self) -> int:
        """Return the current time in microseconds since the epoch, by the clock that all users of the journal share."""

    def begin(self, block: Block, start: int, size: int, *, sent_us: int) -> asyncio.Future[int]:
        """Record a request of `size` ids of the block from `start` on, before it is sent.

        What is awaited is done when the record is durable, and no cancellation reaches it: its result is the journal's
        number of the request. With `JournalError` it could not be recorded, with `RowsTaken` some of its rows are
        another run's: the request must not be sent.
        """

    def finish(self, batch: int, outcome: Outcome) -> None:
        """Record a request's outcome; it is durable when `close` returns, if not before."""

    async def settle(self, block: Block, outcome: Outcome) -> Sequence[int]:
        """Record what was learnt of messages in doubt without a request of their own.

        Returns the places of those that stay in doubt, since a run that is still alive may have sent them.
        """

    def flush(self) -> None:
        """Write the pending outcomes, or raise `JournalError`. Call after the loop has stopped."""

    def close(self, *, rate: float | None = None, pace: float | None = None, stopped: str | None = None) -> None:
        """Flush, mark the run as ended, release the campaign. Call after the loop has stopped."""


class Hold(Protocol):
    """A campaign that is held: its lock, and the connection on which its run is recorded."""

    anywhere: bool

    def own_ids(self) -> None:
        """Also exclude other runs whose frames have own ids."""

    def record(self, *, rows: int, workers: int, anywhere: bool, gateway: str | None, app: str | None) -> RunRecord:
        """Begin the record of a run; see `campaign.Campaign.record`."""

    def forget(self) -> None:
        """Delete what is recorded of the campaign."""

    def reading(self) -> AbstractContextManager[Snapshot | None]:
        """Hold one state of the journal; None: it is not there yet."""

    def release(self) -> None:
        """Release the campaign; a second call does nothing."""


class ReceiptBook(Protocol):
    """A journal held open for receipts; any thread may write, while runs go on."""

    def write(self, receipts: Sequence[Receipt], source: Source) -> None:
        """Write receipts, each distinct one once; they are durable when this returns, else `JournalError` is raised."""

    def hurry(self) -> None:
        """Stop waiting for others that hold the journal: a pending or later write fails."""


class Store(Protocol):
    """Where a journal is kept."""

    path: Path | None
    """The file; None where there is none."""
    named: str | None
    """The journal as a person names it, without a password; None: it has no name."""
    shared: bool
    """Whether several people share it, so that runs have a user and a host."""

    def reading(self) -> AbstractContextManager[Snapshot | None]:
        """Hold one state of the journal; None: it is not there yet."""

    def hold(self, campaign: str, *, anywhere: bool, own_ids: bool) -> Hold:
        """Hold a campaign; see `journal.Journal.campaign`."""

    def now_us(self) -> int:
        """Return the current time in microseconds since the epoch, by the clock that all users of the journal share."""

    def receiving(self) -> AbstractContextManager[ReceiptBook]:
        """Hold the journal open for writing receipts while its runs go on."""

    def backup(self, to: Path) -> None:
        """Copy the journal; see `journal.Journal.backup`."""

    def accept(self, run: int) -> None:
        """Take a run that broke off as completely recorded; see `journal.Journal.accept`."""
