"""The course of a run: what it keeps to, what it remembers, whether it goes on, and why it ended."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    """What a run keeps to: requests under way, rows a request, messages a second, failures borne."""

    concurrency: int = 8
    batch_size: int = requests.BATCH_MAX
    max_rate: float | None = None
    max_failures: float | None = None


@dataclass
class Memory:
    """What a run remembers from request to request; the chunks of a stream, being one run, share it.

    Attributes
    ----------
    counts : Counter of int
        Rows decided, by status.
    met : bool
        Whether any reply was a gateway's, whatever it said.
    understood : bool
        Whether a reply proved that the gateway takes this account's requests.
    trouble : str
        Why the last request found no connection; empty where it found one.
    unsent_for : str
        Why the last rows that are unsent for want of a connection found none.
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
    """Whether a run goes on: it ends once, for one reason, and whoever waits for something to change is woken.

    Attributes
    ----------
    ending : StopReason or None
        Why it ended early; None: nothing did.
    stopping : asyncio.Event
        No new request leaves.
    changed : asyncio.Event
        Something happened that may let a request leave.
    """

    def __init__(self) -> None:
        self.ending: StopReason | None = None
        self.stopping = asyncio.Event()
        self.changed = asyncio.Event()

    def end(self, ending: StopReason) -> None:
        """Let no new request leave; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.stopping.set()
        self.changed.set()
