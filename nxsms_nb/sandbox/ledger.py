"""The simulated gateway's records: every effect, every request."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(slots=True)
class Exchange:
    """One request and its result.

    `number` counts arrivals from 1; `items` and `code` are None until known; `accepted` items took effect; `latency` is NaN
    until the answer was sent.
    """

    number: int
    started_at: float
    items: int | None = None
    code: int | None = None
    accepted: int = 0
    latency: float = float("nan")
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """One effect, for the record query and the receipts."""

    messageid: str
    phone: str
    content: str
    source_address: str | None
    at: float
    tick: float


class Ledger:
    """Every message that took effect: a message accepted twice is recorded twice.

    Messages are kept as columns, and what the messages of a request share once per request, so that a million of them cost
    little. `lock` keeps the columns of equal length for readers on other threads.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._empty()

    def _empty(self) -> None:
        self._exchanges: list[Exchange] = []
        self._messageids: list[str] = []
        self._phones: list[str] = []
        self._contents: list[str] = []
        self._sources: list[str | None] = []
        self._starts: list[int] = []
        self._blocks: list[tuple[int, float, float]] = []
        self._where: dict[str, list[int]] = {}
        self._indexed = 0

    def __len__(self) -> int:
        return len(self._messageids)

    @property
    def arrivals(self) -> int:
        """How many requests have arrived."""
        return len(self._exchanges)

    def clear(self) -> None:
        """Forget every message and request."""
        with self.lock:
            self._empty()

    def arrive(self, now: float) -> Exchange:
        """Record a request's arrival."""
        with self.lock:
            exchange = Exchange(len(self._exchanges) + 1, now)
            self._exchanges.append(exchange)
        return exchange

    def accept(
        self,
        exchange: Exchange,
        now: float,
        tick: float,
        *,
        messageids: Sequence[str],
        phones: Sequence[str],
        contents: Sequence[str],
        sources: Sequence[str | None],
    ) -> int:
        """Record the messages of a request that took effect; return the position of the first."""
        with self.lock:
            first = len(self._messageids)
            self._starts.append(first)
            self._blocks.append((exchange.number, now, tick))
            self._messageids += messageids
            self._phones += phones
            self._contents += contents
            self._sources += sources
            exchange.accepted = len(messageids)
        return first

    def positions(self, messageid: str) -> list[int]:
        """Return the positions of the effects of one messageid, in order; empty if there are none."""
        with self.lock:
            # Built on first use and then only continued: runs that never ask pay nothing.
            for position in range(self._indexed, len(self._messageids)):
                self._where.setdefault(self._messageids[position], []).append(position)
            self._indexed = len(self._messageids)
            return self._where.get(messageid, [])

    def accepted(self, position: int) -> Accepted:
        """Return the effect at a position."""
        with self.lock:
            # Not NumPy's search, which copies the list each time.
            _, at, tick = self._blocks[bisect_right(self._starts, position) - 1]
            columns = (self._messageids, self._phones, self._contents, self._sources)
            messageid, phone, content, source = (column[position] for column in columns)
        return Accepted(messageid, phone, content, source, at, tick)  # type: ignore[arg-type]

    def texts_since(self, position: int) -> tuple[list[str], list[str]]:
        """Return the phones and contents of the effects from a position on."""
        with self.lock:
            return self._phones[position:], self._contents[position:]

    def between(self, start: float, end: float, tick: float) -> list[int]:
        """Return the positions of effects from `start` up to `end`, and no later than `tick`, in order."""
        with self.lock:
            if not self._blocks:
                return []
            _, at, ticks = np.array(self._blocks).T
            sizes = np.diff([*self._starts, len(self._messageids)])
            positions = np.flatnonzero(np.repeat((at >= start) & (at < end) & (ticks <= tick), sizes))
            return [int(position) for position in positions]

    def messages(self) -> pd.DataFrame:
        """Return one row per effect: messageid, phone, content, source_address, accepted_at (UTC), request (its number)."""
        with self.lock:
            sizes = np.diff([*self._starts, len(self._messageids)])
            numbers = np.array([number for number, _, _ in self._blocks], dtype="int64")
            times = np.array([int(at * 1e6) for _, at, _ in self._blocks], dtype="datetime64[us]")
            return pd.DataFrame(
                {
                    "messageid": text_column(self._messageids),
                    "phone": text_column(self._phones),
                    "content": text_column(self._contents),
                    "source_address": text_column(self._sources),
                    "accepted_at": pd.Series(np.repeat(times, sizes)).dt.tz_localize("UTC"),
                    "request": np.repeat(numbers, sizes),
                }
            )

    def requests(self) -> pd.DataFrame:
        """Return one row per request: number, items, code, accepted, started_at (UTC), latency (seconds), fault."""
        with self.lock:
            rows = list(self._exchanges)
        times = np.array([int(row.started_at * 1e6) for row in rows], dtype="datetime64[us]")
        return pd.DataFrame(
            {
                "number": np.array([row.number for row in rows], dtype="int64"),
                "items": pd.array([row.items for row in rows], dtype="Int64"),
                "code": pd.array([row.code for row in rows], dtype="Int64"),
                "accepted": np.array([row.accepted for row in rows], dtype="int64"),
                "started_at": pd.Series(times).dt.tz_localize("UTC"),
                "latency": np.array([row.latency for row in rows], dtype="float64"),
                "fault": text_column([row.fault for row in rows]),
            }
        )

    def effects(self) -> pd.Series[int]:
        """Count the effects of each messageid that had any; the index is messageid."""
        with self.lock:
            ids = text_column(self._messageids)
        counts = ids.groupby(ids, sort=False).size().astype("int64")
        return counts.rename("effects").rename_axis("messageid")


def text_column(values: Sequence[Any]) -> pd.Series[str]:
    """Make a column of texts in the dtype this pandas has for text, even for no or only missing values."""
    return pd.Series(values, dtype=pd.Series(["text"]).dtype)
