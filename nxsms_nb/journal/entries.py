"""The journal's entries in Python: rows read, and entries to be written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from nxsms_nb.journal.blocks import Block
    from nxsms_nb.results.table import Outcome

__all__ = ["RunRow"]


class Damage(Exception):
    """The journal contradicts itself: something in it was changed or lost since it was written."""


HOMELESS: Final = 2
"""``run.anywhere``: 0, its rows are of its campaign; 1, they may have been sent in another one.

2, it is not known in which, and the run's own is no evidence of it.
"""


class RunRow(NamedTuple):
    """A row of ``run``, without its checksum."""

    id: int
    campaign: str
    gateway: str | None
    app: str | None
    started_us: int
    rows: int
    anywhere: int
    ended_us: int | None = None
    rate: float | None = None
    pace: float | None = None
    stopped: str | None = None
    blocks: int | None = None
    batches: int | None = None
    outcomes: int | None = None

    @property
    def homeless(self) -> bool:
        """Whether the campaign of its rows is unknown."""
        return self.anywhere == HOMELESS


class BatchRow(NamedTuple):
    """A row of ``batch``, without its checksum."""

    id: int
    block: int
    start: int
    size: int
    sent_us: int
    query: int


class OutcomeRow(NamedTuple):
    """A row of ``outcome``, without its checksum."""

    batch: int
    status: int
    code: int | None
    reason: str | None
    latency_ms: float | None
    carried: int
    exceptions: str | None


class Written(asyncio.Future[int]):
    """A future that is done when a request is recorded.

    A cancelled worker continues only then, since it needs the outcome.
    """

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  as a future has it
        """Do nothing: a write in progress cannot be cancelled."""
        return False


@dataclass(slots=True)
class Begin:
    """A request that is to be recorded before it leaves; `number` is the journal's, once it is on the disk.

    `lines` are its ids as a database takes them, kept until the outcome is known.
    """

    block: Block
    start: int
    size: int
    sent_us: int
    query: bool
    written: Written
    number: int = 0
    lines: str = ""


class Finish(NamedTuple):
    """The outcome of a request."""

    batch: int
    outcome: Outcome


@dataclass
class End:
    """What is recorded at a run's end."""

    rate: float | None
    pace: float | None
    stopped: str | None
