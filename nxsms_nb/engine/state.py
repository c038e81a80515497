"""The state of a run: its limits, what it remembers, whether it continues, and why it ended."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nxsms_nb.results.table import FAILURE, SUCCESS
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    from nxsms_nb import errors

__all__ = ["Limits"]


@dataclass(frozen=True)
class StopReason:
    """Why a run ended early: the kind of `errors.Stopped`, the words, and an account code."""

    kind: type[errors.Stopped]
    reason: str
    code: int | None = None


@dataclass(frozen=True)
class Limits:
    """The limits of a run: requests in flight, rows per request, messages per second, failures."""

    concurrency: int = 8
    batch_size: int = requests.BATCH_MAX
    max_rate: float | None = None
    max_failures: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Limits:
        """Take a run's limits from the options."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass
class Memory:
    """What a run remembers between requests; the chunks of a stream, being one run, share it.

    `counts` has the rows decided, by status. `met` says whether any reply was a gateway's, `understood` whether a reply
    proved that the gateway takes this account's requests. `trouble` is why the last request found no connection (empty
    where it found one), `unsent_for` why the last rows that are unsent for want of a connection found none.
    """

    counts: Counter[int] = field(default_factory=Counter)
    met: bool = False
    understood: bool = False
    trouble: str = ""
    unsent_for: str = ""
    clock_offset_ms: int = 0
    clock_learnt_at: float | None = None
    doubts: int = 0
    unconnected: int = 0
    budget: float = 10.0
    refusals: int = 0
    refused_at: float = -math.inf

    @property
    def answered(self) -> int:
        """How many rows the gateway has answered."""
        return self.counts[SUCCESS] + self.counts[FAILURE]


class RunState:
    """Whether a run continues: it ends once, for one reason, and then no new request is sent.

    `changed` is set when something may let a request be sent, or the run ends.
    """

    def __init__(self) -> None:
        self.ending: StopReason | None = None
        self.stopping = asyncio.Event()
        self.changed = asyncio.Event()

    def end(self, ending: StopReason) -> None:
        """Send no new request; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.stopping.set()
        self.changed.set()
