"""The work of the receipt server.

Accept pushes over HTTP, and answer ``success`` once a receipt is durably in the journal.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import web

from nxsms_nb.delivery.gates import QUEUE_MAX, Gates
from nxsms_nb.engine.loops import in_loop, unwanted
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import Secret, named
from nxsms_nb.wire.receipts import NotAReceipt, Receipt, from_push

if TYPE_CHECKING:
    from nxsms_nb.calls import Call
    from nxsms_nb.journal.journal import Journal
    from nxsms_nb.journal.store import ReceiptBook

BODY_MAX: Final = 16 << 10
"""The most bytes of a push's body; the vendor's has some 300."""
TOGETHER: Final = 1000
"""The most receipts in one transaction."""
REASONS: Final = (
    "not a form",
    "no messageid",
    "no status",
    "another address",
    "another method",
    "too large",
    "too slow",
    "busy",
    "not recorded",
)
"""Why a push was not answered with ``success``."""
_CLOSING_S: Final = 5.0
_LEAVING_S: Final = 1.0
"""How long the end waits for receipts to be written, and for senders to take their answers or finish their requests."""
_PORTS_TRIED: Final = 20

# A malformed request would be quoted in a log, and its first line has the token.
_SILENT: Final = logging.getLogger("nxsms_nb.delivery.silent")
_SILENT.addFilter(lambda _: False)


class ReceiptService:
    """Accepts pushes and writes them in groups; it has no reference to the `ReceiptServer` that a person holds."""

    def __init__(self, token: Secret, journal: Journal) -> None:
        self._path = Secret(f"/dr/{token}")
        self._journal = journal
        self._arrived: list[tuple[Receipt, asyncio.Future[bool]]] = []
        self._news = asyncio.Event()
        self._unwritten = 0
        self.counts = dict.fromkeys(("success", *REASONS), 0)
        self.trouble: str | None = None

    def count(self, why: str) -> None:
        """Count a push by how it was answered."""
        self.counts[why] += 1

    def run(self, host: str, port: int, call: Call[None]) -> None:
        """Serve until the call is no longer wanted."""
        call.let_others_end()
        try:
            in_loop(self._serve(host, port, call))
        except OSError as error:
            raise ConfigError(
                f"ReceiptServer: host={named(host)}, port={port} is not available ({error.strerror or error}). Choose "
                "another address, or port=0 for any free port."
            ) from error

    async def _serve(self, host: str, port: int, call: Call[None]) -> None:
        with self._journal.receiving() as book:
            # Before the first push: a journal that cannot be used is found out by whoever starts the server.
            await asyncio.to_thread(book.write, [], "pushed")
            server = web.Server(
                self._handle,
                access_log=None,
                logger=_SILENT,
                keepalive_timeout=60.0,
                lingering_time=1.0,
                auto_decompress=False,
            )
            self._gates = Gates(server, self.count)
            # Connections are accepted by the gates, when there is room: asyncio would accept them all at once.
            bound = await _bound(self._gates, host, port)
            listeners = [one.dup() for one in bound.sockets]
            tasks = [asyncio.create_task(self._write(book))]
            try:
                for listener in listeners:
                    listener.setblocking(False)
                    listener.listen(QUEUE_MAX)
                    tasks.append(asyncio.create_task(self._gates.accept(listener)))
                call.hand_out(listeners[0].getsockname()[1])
                await unwanted(call)
            finally:
                await self._end(server, [bound, *listeners], tasks)
                book.hurry()

    async def _end(
        self,
        server: web.Server,
        listeners: Sequence[asyncio.Server | socket.socket],
        tasks: Sequence[asyncio.Task[None]],
    ) -> None:
        """Accept no more, write what has arrived and answer it, then close the connections."""
        writer, *accepting = tasks
        await _cancelled(accepting)
        for listener in listeners:
            listener.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                server.pre_shutdown()
                # A receipt is pushed once: while the journal is held by another program, those that have come wait for it.
                await server.shutdown(_CLOSING_S if self._unwritten else _LEAVING_S)
        await _cancelled([writer])

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        status, why = 200, "not recorded"
        try:
            if not hmac.compare_digest(request.path.encode("utf-8", "surrogateescape"), self._path.encode()):
                status, why = 404, "another address"
            elif request.method not in ("POST", "GET"):
                status, why = 405, "another method"
            elif (body := await _body(request)) is None:
                status, why = 413, "too large"
            else:
                self._gates.entered(request.transport)
                receipt = from_push(request.rel_url.raw_query_string, body)
                why = "success" if await self._recorded(receipt) else why
        except NotAReceipt as refused:
            why = str(refused)
        self.count(why)
        self._gates.answered(request.transport)
        answer = web.Response(text="success" if why == "success" else "error", status=status)
        if self._gates.full:
            # Others wait for the place.
            answer.force_close()
        return answer

    async def _recorded(self, receipt: Receipt) -> bool:
        """Wait until a receipt is on the disk, or cannot be written."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._arrived.append((receipt, done))
        self._news.set()
        self._unwritten += 1
        try:
            return await done
        finally:
            self._unwritten -= 1

    async def _write(self, book: ReceiptBook) -> None:
        """Write what has arrived while the last ones were written: a transaction for many costs as much as one for one."""
        while True:
            await self._news.wait()
            together, self._arrived = self._arrived[:TOGETHER], self._arrived[TOGETHER:]
            if not self._arrived:
                self._news.clear()
            try:
                # In another thread: a run of the same journal may be writing, and the others are to be heard meanwhile.
                await asyncio.to_thread(book.write, [receipt for receipt, _ in together], "pushed")
                self.trouble = None
            except Exception as error:  # noqa: BLE001  whatever it is, the senders wait for an answer, and others will come
                self.trouble = str(error) if isinstance(error, JournalError) else f"{type(error).__name__}: {error}"
            for _, done in together:
                if not done.done():
                    done.set_result(self.trouble is None)


async def _bound(gates: Gates, host: str, port: int) -> asyncio.Server:
    """Bind all addresses of a host; for port 0, to one port that is free on all of them."""
    loop = asyncio.get_running_loop()
    asked = port
    for _ in range(_PORTS_TRIED):
        try:
            server = await loop.create_server(gates, host, asked, start_serving=False)
        except OSError:
            if asked == port:
                raise
            asked = port
            continue
        ports = [one.getsockname()[1] for one in server.sockets]
        if len({*ports}) == 1:
            return server
        # For each address the system chose another one.
        asked = ports[0]
        server.close()
    raise OSError(errno.EADDRINUSE, "no port is free on all its addresses")


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def _body(request: web.BaseRequest) -> bytes | None:
    """Read a body; None where it is too large. A sender that asks before it sends one is answered that it may."""
    if request.headers.get("Expect", "").casefold() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return bytes(body)
