"""Push delivery receipts, each once, and only to addresses on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp
import pandas as pd

from nxsms_nb.sandbox.delivery import Delivery, outcome
from nxsms_nb.sandbox.ledger import text_column

if TYPE_CHECKING:
    from nxsms_nb.sandbox.ledger import Accepted
    from nxsms_nb.sandbox.settings import Settings

AT_ONCE: Final = 8
"""The most pushes in flight."""

TIME: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class Push:
    """One receipt: the fields pushed, and the receiver's answer."""

    url: str
    fields: dict[str, str]
    in_body: bool
    lost: bool = False
    answer: str | None = None


class Receipts:
    """Pushes receipts when they are due by `tick`, and notifies `answered` when a receiver has answered."""

    def __init__(self, tick: Callable[[], float], answered: threading.Condition) -> None:
        self._tick = tick
        self._answered = answered
        self._pushes: list[Push] = []
        self._due: list[tuple[float, int, Push]] = []
        self._wake = asyncio.Event()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._posting: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None

    @property
    def answers(self) -> int:
        """How many receipts were answered or failed."""
        return sum(push.answer is not None for push in self._pushes)

    def clear(self) -> None:
        """Forget every receipt; those due are not pushed."""
        self._pushes = []
        self._due = []

    def add(self, message: Accepted, url: str, ext: str | None, settings: Settings) -> None:
        """Schedule a message's receipt; on the server's loop."""
        became = outcome(message, settings)
        push = Push(url, _fields(message, became, ext, settings), settings.receipts_in == "body", not became.pushed)
        self._pushes.append(push)
        heapq.heappush(self._due, (message.tick + became.after, len(self._pushes), push))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        self._wake.set()

    def wake(self) -> None:
        """Check again which receipts are due; call on the server's loop."""
        self._wake.set()

    async def close(self) -> None:
        """End the pushes; those not yet in flight are dropped."""
        tasks = [task for task in (self._runner, *self._posting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def frame(self) -> pd.DataFrame:
        """Return one row per receipt: messageid, phone, result, url, answer (text, NA until there is one)."""
        with self._answered:
            pushes = list(self._pushes)
        columns = {
            name: text_column([push.fields[name] for push in pushes]) for name in ("messageid", "phone", "result")
        }
        columns["url"] = text_column([push.url for push in pushes])
        columns["answer"] = text_column([push.answer for push in pushes])
        return pd.DataFrame(columns)

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            while True:
                self._wake.clear()
                while (push := self._next()) is not None:
                    await self._free.acquire()
                    task = asyncio.create_task(self._push(session, push))
                    self._posting.add(task)
                    task.add_done_callback(self._posting.discard)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause())

    def _next(self) -> Push | None:
        with self._answered:
            due = self._due and self._due[0][0] <= self._tick()
            return heapq.heappop(self._due)[2] if due else None

    def _pause(self) -> float | None:
        with self._answered:
            return max(self._due[0][0] - self._tick(), 0.0) if self._due else None

    async def _push(self, session: aiohttp.ClientSession, push: Push) -> None:
        try:
            answer = await _pushed(session, push)
        finally:
            self._free.release()
        with self._answered:
            push.answer = answer
            self._answered.notify_all()


async def _pushed(session: aiohttp.ClientSession, push: Push) -> str:
    if push.lost:
        return "not pushed: lost, as receipts_lost says"
    if not _on_this_machine(push.url):
        return "not pushed: the address is not on this machine"
    body, query = (push.fields, None) if push.in_body else (None, push.fields)
    try:
        async with session.post(push.url, data=body, params=query, allow_redirects=False) as response:
            said = (await response.content.read(200)).decode(errors="replace").strip()
            return said if response.status == 200 else f"HTTP {response.status}"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return type(error).__name__


def _fields(message: Accepted, became: Delivery, ext: str | None, settings: Settings) -> dict[str, str]:
    zone = timezone(timedelta(hours=settings.record_utc_offset))
    fields = {
        "phone": message.phone,
        "status": str(became.status),
        "result": became.result,
        "drtime": datetime.fromtimestamp(message.at + became.after, zone).strftime(TIME),
        "sendtime": datetime.fromtimestamp(message.at, zone).strftime(TIME),
        "messageid": message.messageid,
        "currency": "USD",
        "price": f"{became.price:.4f}",
        "rate": "7.1000",
        "size": str(became.size),
    }
    return fields | ({"ext": ext} if ext else {})


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
