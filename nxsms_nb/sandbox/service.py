"""The gateway as a service: which path does what, latency, and what is noted of each request."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from email.utils import formatdate
from typing import Final

import xxhash
from aiohttp import web

from nxsms_nb.sandbox.gateway import Answer, Gateway
from nxsms_nb.sandbox.ledger import Exchange, Ledger
from nxsms_nb.sandbox.settings import Keys, Settings, derived

SEND_PATHS: Final = frozenset({"/v1/sms/multi/mt", "/api/sms/multi/mt"})
"""The documented path, and the one in the vendor's own example."""


class Service:
    """Answers HTTP requests with the gateway's decisions.

    Parameters
    ----------
    settings : Settings
        How the gateway behaves.
    keys : Keys
        The account it knows.
    """

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self.ledger = Ledger()
        self.gateway = Gateway(settings, keys, self.ledger)
        self.arrived = threading.Condition(self.ledger.lock)
        self.advanced = 0.0
        self._open = asyncio.Event()
        self._open.set()

    @property
    def settings(self) -> Settings:
        """How the gateway behaves now."""
        return self.gateway.settings

    def now(self) -> float:
        """Seconds since the epoch by the gateway's clock."""
        return time.time() + self.settings.clock_offset

    def tick(self) -> float:
        """Seconds by a clock that only goes forward, and further when told to."""
        return time.monotonic() + self.advanced

    def hold(self, *, held: bool) -> None:
        """Keep replies back, or let them go; on the server's loop."""
        if held:
            self._open.clear()
        else:
            self._open.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.path not in SEND_PATHS:
            return web.Response(status=404, text="Not Found", headers=self._date())
        if request.method != "POST":
            return web.Response(status=405, text="Method Not Allowed", headers={"Allow": "POST"} | self._date())
        if request.content_type != "application/json":
            return web.Response(status=415, text="Unsupported Media Type", headers=self._date())
        return await self._send(request)

    async def _send(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.perf_counter()
        with self.arrived:
            exchange = self.ledger.arrive(self.now())
            self.arrived.notify_all()
        try:
            raw = await request.content.read()
            answer = self._decide(request, raw, exchange)
            if delay := self._latency(raw):
                await asyncio.sleep(delay)
            await self._open.wait()
            return web.Response(body=answer.body(), content_type="application/json", headers=self._date())
        finally:
            exchange.latency = time.perf_counter() - began

    def _decide(self, request: web.BaseRequest, raw: bytes, exchange: Exchange) -> Answer:
        with self.ledger.lock:
            answer = self.gateway.send(request.headers, raw, exchange=exchange, now=self.now(), tick=self.tick())
            exchange.code = answer.code
        return answer

    def _latency(self, raw: bytes) -> float:
        latency = self.settings.latency
        if not isinstance(latency, tuple):
            return latency
        # Drawn from the body, so that it does not depend on the order of arrival.
        roll = random.Random(xxhash.xxh3_64_intdigest(raw, derived(self.settings.seed, "latency")))
        return roll.uniform(*latency)

    def _date(self) -> dict[str, str]:
        return {"Date": formatdate(self.now(), usegmt=True)}
