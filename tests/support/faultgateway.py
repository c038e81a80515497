"""A gateway on a real loopback socket that breaks in scripted ways and keeps a ledger of what took effect.

It shares no code with the client: it reads HTTP by itself, checks the signature by the vendor's page, and never refuses a
messageid for being known, so that a second sending shows as a second effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl

ACCESS_KEY, ACCESS_SECRET = "fme2na3kdi3ki", "abciiiko2k3-secret-of-the-account"
APP_KEY, APP_SECRET = "app-key-1", "secret-of-the-application"
SEND_PATH = "/v1/sms/multi/mt"


@dataclass(frozen=True)
class Effect:
    """A message the gateway accepted."""

    messageid: str
    phone: str
    content: str
    at: float


@dataclass
class Seen:
    """A request whose body was read whole."""

    ids: list[str]
    ts: int
    at: float


Act = Callable[["Conversation"], Awaitable[None]]


@dataclass
class _Script:
    act: Act | None = None
    on_accept: bool = False
    first: int = 0
    times: float = 0


class Conversation:
    """One connection: what the client sent, and the ways to answer it or not."""

    def __init__(self, gateway: FaultGateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.gateway, self.reader, self.writer = gateway, reader, writer
        self.open = True
        self.path = ""
        self.headers: dict[str, str] = {}
        self.items: list[dict[str, Any]] = []

    async def head(self) -> bool:
        """Read a request's head; False when the client has closed or speaks no HTTP."""
        try:
            raw = await self.reader.readexactly(1)
            if raw != b"P":
                return False
            raw += await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False
        line, *rest = raw.decode("latin-1").split("\r\n")[:-2]
        self.path = line.split(" ")[1]
        self.headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        return True

    async def form(self) -> dict[str, str]:
        raw = await self.reader.readexactly(int(self.headers["content-length"]))
        return dict(parse_qsl(raw.decode()))

    async def body(self) -> None:
        """Read the whole body of a batch and note it."""
        raw = await self.reader.readexactly(int(self.headers["content-length"]))
        self.items = json.loads(raw)["items"]
        self.gateway.note(self.headers, raw, self.items)

    async def part(self) -> None:
        """Read some of a batch's body; the items that are in it whole are the items."""
        raw = await self.reader.readexactly(int(self.headers["content-length"]) * 2 // 3)
        whole = re.findall(r"\{[^{}]*\}", raw.decode(errors="ignore")[raw.index(b"[") :])
        self.items = [json.loads(item) for item in whole]

    def accept(self, items: list[dict[str, Any]] | None = None) -> None:
        """Let items take effect."""
        now = time.time()
        self.gateway.ledger += [
            Effect(item["sysMessageId"], item["phone"], item["content"], now)
            for item in (self.items if items is None else items)
        ]

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def http(self, status: int, body: bytes, *, short: int = 0, **headers: str) -> None:
        """Write a whole HTTP reply, or one that is `short` by some bytes and ends there."""
        shown = {"Date": formatdate(time.time() + self.gateway.clock, usegmt=True), "Content-Type": "application/json"}
        shown |= {"Content-Length": str(len(body)), "Connection": "keep-alive" if self.gateway.keep_alive else "close"}
        shown |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in shown.items() if value), "", ""]
        await self.raw("\r\n".join(lines).encode() + body[: len(body) - short])
        self.open = self.open and not short and self.gateway.keep_alive

    async def reply(self, code: Any = 0, message: str = "Success", data: Any = None, **headers: str) -> None:
        """Write a reply of the batch endpoint's form."""
        await self.http(200, json.dumps({"code": code, "message": message, "data": data}).encode(), **headers)

    def hold_back(self) -> None:
        """Let what is written leave only with the FIN."""
        self.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)

    async def fin(self) -> None:
        """End our side with a FIN, and wait until the client has ended too."""
        self.open = False
        self.writer.write_eof()
        await self.wait()

    async def rst(self) -> None:
        """Reset the connection."""
        self.open = False
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def wait(self) -> None:
        """Say nothing until the client has gone."""
        self.open = False
        while await self.reader.read(65536):
            pass


@dataclass
class FaultGateway:
    """The gateway: a context manager; `url` is where it listens."""

    keep_alive: bool = True
    clock: float = 0.0
    ledger: list[Effect] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    queries: int = 0
    struck: int = 0
    """How many requests, or connections, a fault was acted out on."""
    url: str = ""
    query: Act | None = None
    """What answers the record queries instead of the ledger."""

    def __enter__(self) -> Self:
        self._script, self._count = _Script(), 0
        self._busy: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def strike(self, act: Act, *, on_accept: bool = False, first: int = 0, times: float = 1) -> None:
        """Act a fault out on so many requests, from the one with this number on (counted from now)."""
        self._count = 0
        self._script = _Script(act, on_accept, first, times)

    def heal(self) -> None:
        """Answer everything as the vendor would, once the requests in flight are through."""
        self.quiet()
        self._script = _Script()
        self.query, self.clock = None, 0.0

    def quiet(self) -> None:
        """Wait until no connection is open: what has arrived has had its effect."""
        asyncio.run_coroutine_threadsafe(self._quiet(), self._loop).result()

    def effects(self) -> Counter[str]:
        """Messageid to how often it was accepted."""
        return Counter(effect.messageid for effect in self.ledger)

    def carried(self) -> Counter[str]:
        """Messageid to how many requests that were read whole carried it."""
        return Counter(messageid for seen in self.requests for messageid in seen.ids)

    def note(self, headers: dict[str, str], raw: bytes, items: list[dict[str, Any]]) -> None:
        """Keep a request, and complain of what the vendor's page does not allow."""
        signed = "&".join(f"{name}={headers.get(name.lower())}" for name in ("accessKey", "action", "bizType", "ts"))
        text = signed.encode() + b"&body=" + raw + f"&accessSecret={ACCESS_SECRET}".encode()
        ids = [item["sysMessageId"] for item in items]
        for wrong, what in (
            (headers.get("sign") != hashlib.md5(text, usedforsecurity=False).hexdigest(), "signature"),
            (headers.get("accesskey") != ACCESS_KEY or json.loads(raw)["appKey"] != APP_KEY, "keys"),
            (len(set(ids)) < len(ids), "an id twice in a request"),
            (not 0 < len(items) <= 200, "number of items"),
        ):
            if wrong:
                self.complaints.append(what)
        self.requests.append(Seen(ids, int(headers["ts"]), time.time()))

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _quiet(self) -> None:
        while self._busy:
            await asyncio.wait(self._busy)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            await self._converse(Conversation(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._busy.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, it: Conversation) -> None:
        if self._script.on_accept and (act := self._due()):
            await act(it)
            return
        while it.open and await it.head():
            if it.path != SEND_PATH:
                self.queries += 1
                await (self.query or records)(it)
            elif not self._script.on_accept and (act := self._due()):
                await act(it)
            else:
                await healthy(it)

    def _due(self) -> Act | None:
        number, script = self._count, self._script
        self._count += 1
        if script.act is None or not script.first <= number < script.first + script.times:
            return None
        self.struck += 1
        return script.act


def said(items: list[dict[str, Any]], status: str = "Success", **more: Any) -> list[dict[str, Any]]:
    """Reply items for request items."""
    return [{"phone": item["phone"], "messageid": item["sysMessageId"], "status": status, **more} for item in items]


async def healthy(it: Conversation) -> None:
    """Accept everything and say so."""
    await it.body()
    it.accept()
    await it.reply(data=said(it.items))


async def records(it: Conversation, form: dict[str, str] | None = None) -> None:
    """Answer a record query from the ledger, by the day in UTC."""
    form = await it.form() if form is None else form
    if (form.get("appkey"), form.get("secretkey")) != (APP_KEY, APP_SECRET):
        await it.http(200, b'{"code":"2"}')
        return
    rows = [
        {"msgid": effect.messageid, "phone": effect.phone, "billing_status": "Yes", "dr_status": ""}
        for effect in it.gateway.ledger
        if f"{datetime.fromtimestamp(effect.at, UTC):%Y%m%d}" == form["date"]
    ]
    if it.path == "/api/sms/get":
        row = next((row for row in rows if row["msgid"] == form["messageid"]), None)
        reply: dict[str, Any] = {"code": "0", "row": row}
    else:
        size, page = int(form["page_size"]), int(form["page"])
        part = rows[size * (page - 1) : size * page]
        reply = {"code": "0", "info": {"total": len(rows), "page": page, "pageSize": size, "rows": part}}
    await it.http(200, json.dumps(reply).encode())
