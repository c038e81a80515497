"""The gateway as an HTTP service: paths, latency, faults, and the record of each request."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import wire
from nxsms_nb.sandbox.draws import derived, roll
from nxsms_nb.sandbox.faults import SPOILED, Chooser, Fault, spoil
from nxsms_nb.sandbox.gateway import Answer, Gateway
from nxsms_nb.sandbox.ledger import Exchange, Ledger
from nxsms_nb.sandbox.receipts import Receipts
from nxsms_nb.sandbox.records import Records
from nxsms_nb.screen import say

if TYPE_CHECKING:
    from nxsms_nb.sandbox.settings import AccessKeys, Settings

SEND_PATHS: Final = frozenset({"/v1/sms/multi/mt", "/api/sms/multi/mt"})
"""The documented path, and the one in the vendor's own example."""

_FORM: Final = "application/x-www-form-urlencoded"


class Service:
    """Answers HTTP requests with the gateway's decisions."""

    def __init__(self, settings: Settings, keys: AccessKeys) -> None:
        self.ledger = Ledger()
        self.happened = threading.Condition(self.ledger.lock)
        self.gateway = Gateway(settings, keys, self.ledger)
        self.records = Records(self.gateway)
        self.receipts = Receipts(self.tick, self.happened)
        self.advanced = 0.0
        self._faults = Chooser(settings.faults, settings.seed)
        self._open = asyncio.Event()
        self._open.set()
        self._closing = asyncio.Event()

    @property
    def settings(self) -> Settings:
        """The gateway's settings as they are now."""
        return self.gateway.settings

    def now(self) -> float:
        """Return seconds since the epoch by the gateway's clock."""
        return time.time() + self.settings.clock_offset

    def tick(self) -> float:
        """Return seconds by a clock that only goes forward, and further as `Sandbox.advance` asks."""
        return time.monotonic() + self.advanced

    def change(self, **changes: Any) -> None:
        """Change all of the settings given or, if one is not usable, none. What they do not touch keeps its state."""
        with self.ledger.lock:
            settings = self.settings.changed_to(**changes)
            # A script starts again when it is assigned again, so that each test or cell has the faults it names.
            chooser = Chooser(settings.faults, settings.seed) if "faults" in changes else self._faults
            self.gateway.change(settings)
            self._faults = chooser
            if "balance" in changes:
                self.gateway.balance = settings.balance
            if "query_limit" in changes:
                self.records.reset()

    def reset(self) -> None:
        """Start over with the current settings."""
        with self.ledger.lock:
            self.ledger.clear()
            self.gateway.reset()
            self.records.reset()
            self.receipts.clear()
            self._faults = Chooser(self.settings.faults, self.settings.seed)

    def hold(self, *, held: bool) -> None:
        """Hold replies back, or release them; on the server's loop."""
        if held:
            self._open.clear()
        else:
            self._open.set()

    async def close(self) -> None:
        """Release whatever waits; on the server's loop."""
        self._closing.set()
        await self.receipts.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        is_send = request.path in SEND_PATHS
        if not is_send and not self.records.knows(request.path):
            return web.Response(status=404, text="Not Found", headers=self._date())
        if request.method != "POST":
            return web.Response(status=405, text="Method Not Allowed", headers={"Allow": "POST"} | self._date())
        if request.content_type != ("application/json" if is_send else _FORM):
            return web.Response(status=415, text="Unsupported Media Type", headers=self._date())
        return await (self._send(request) if is_send else self._query(request))

    async def _query(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.content.read()
        form = dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        with self.ledger.lock:
            reply = self.records.answer(request.path, form, now=self.now(), tick=self.tick())
        if delay := self._latency(raw):
            await asyncio.sleep(delay)
        return self._json(msgspec.json.encode(reply))

    async def _send(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.perf_counter()
        with self.happened:
            exchange = self.ledger.arrive(self.now())
            fault = self._faults.scripted()
            self.happened.notify_all()
        try:
            raw = b"" if fault is not None and fault.when == "unread" else await request.content.read()
            try:
                answer, fault = self._decide(request, raw, exchange, fault)
            except ConfigError as error:
                # Of a function of the person's own, which only sees now what it cannot handle.
                say(str(error), error=True)
                return web.Response(status=500, text=str(error), headers=self._date())
            if delay := self._latency(raw):
                await asyncio.sleep(delay)
            await self._open.wait()
            if fault is None or fault.kind == "code" or fault.kind in SPOILED:
                return self._json(answer.body())
            return await wire.misbehave(request, fault.kind, answer.body(), self._date(), self._closing)
        finally:
            exchange.latency = time.perf_counter() - began

    def _decide(
        self, request: web.BaseRequest, raw: bytes, exchange: Exchange, fault: Fault | None
    ) -> tuple[Answer, Fault | None]:
        with self.ledger.lock:
            fault = fault or self._faults.drawn(raw)
            exchange.fault = None if fault is None else fault.word
            if fault is not None and fault.when != "after":
                answer = Answer(0, []) if fault.code is None else Answer(fault.code)
                exchange.code = fault.code
                return answer, fault
            now, tick = self.now(), self.tick()
            answer = self.gateway.send(request.headers, raw, exchange=exchange, now=now, tick=tick)
            self._push(answer)
            self.happened.notify_all()
            if fault is not None and fault.kind in SPOILED:
                answer.data = spoil(fault.kind, answer.data, raw)
            elif fault is not None and fault.code is not None:
                answer.code, answer.data = fault.code, answer.data if fault.with_data else None
            exchange.code = answer.code
        return answer, fault

    def _push(self, answer: Answer) -> None:
        settings = self.settings
        everywhere = settings.dr_url
        for position, item in enumerate(answer.effects, answer.first):
            if url := item.get("drUrl") or everywhere:
                self.receipts.add(self.ledger.accepted(position), url, item.get("ext"), settings)

    def _latency(self, raw: bytes) -> float:
        latency = self.settings.latency
        if not isinstance(latency, tuple):
            return latency
        # Drawn from the body, so that it does not depend on the order of arrival.
        return random.Random(roll(raw, derived(self.settings.seed, "latency"))).uniform(*latency)

    def _json(self, body: bytes) -> web.Response:
        return web.Response(body=body, content_type="application/json", headers=self._date())

    def _date(self) -> dict[str, str]:
        return {"Date": formatdate(self.now(), usegmt=True)}
