"""Receipts pushed: a small HTTP server that answers ``success`` once the journal has a receipt durably."""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import re
import secrets
import socket
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from aiohttp import web

from nxsms_nb.arguments import Names, shown_unfinished, strict_and_hidden
from nxsms_nb.calls import Call
from nxsms_nb.delivery.gates import QUEUE_MAX, Gates
from nxsms_nb.engine.loops import in_loop, unwanted
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import Secret, hidden, named
from nxsms_nb.journal.journal import Journal
from nxsms_nb.screen import say
from nxsms_nb.wire.receipts import NotAReceipt, Receipt, from_push

if TYPE_CHECKING:
    from nxsms_nb.journal.store import ReceiptBook

__all__ = ["ReceiptServer", "serve"]

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
_TOKEN: Final = re.compile(r"[0-9A-Za-z._~-]{1,200}")
_CLOSING_S: Final = 5.0
_LEAVING_S: Final = 1.0
"""How long the end waits for receipts to be written, and for senders to take their answers or finish their requests."""
_NEWS_S: Final = 10.0
_PORTS_TRIED: Final = 20

# A malformed request would be quoted in a log, and its first line has the token.
_SILENT: Final = logging.getLogger("nxsms_nb.delivery.silent")
_SILENT.addFilter(lambda _: False)


class _Service:
    """Takes pushes and writes them, together as they come; it knows nothing of the object that a person holds."""

    def __init__(self, token: Secret, journal: Journal) -> None:
        self._path = Secret(f"/dr/{token}")
        self._journal = journal
        self._arrived: list[tuple[Receipt, asyncio.Future[bool]]] = []
        self._news = asyncio.Event()
        self._unwritten = 0
        self.counts = dict.fromkeys(("success", *REASONS), 0)
        self.trouble: str | None = None

    def count(self, why: str) -> None:
        self.counts[why] += 1

    def run(self, host: str, port: int, call: Call[None]) -> None:
        """Serve until the call is not wanted any more."""
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
    """Bind all addresses of a host, where any free port is asked for to one that is free on all of them."""
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


def _hidden(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hidden(value) if name == "token" else value for name, value in given.items()}


class ReceiptServer(Names):
    """Receive the delivery receipts that the vendor pushes, and record them in a journal.

    The server runs in a thread of its own, also during a run that uses the same journal, and ends with ``close()``, at the end
    of a ``with`` block, or with the interpreter. Give its `url`, or the one by which the vendor reaches it, as the messages'
    ``dr_url`` or in the application's settings; ``sent.nxsms.receipts()`` then joins what has arrived.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        The address on which it listens. The vendor does not reach the default one: expose it through a reverse proxy or an SSH
        tunnel, as ``notebooks/RECEIPTS.md`` shows, rather than by another address.
    port : int, default 0
        The port; 0 for any free one.
    token : str, optional
        The secret part of the address, of letters, digits and ``-._~``; None: a long random one. A push carries no signature:
        whoever knows the address can push receipts.
    journal : path-like or Journal, optional
        Where receipts are kept. None: ``NXSMS_JOURNAL``, from the environment or a ``.env`` file, else a file in
        the user's data folder.

    Attributes
    ----------
    url : str
        The address for pushes, with the token.
    counts : dict of str to int
        How many pushes were answered ``success``, and how many were not, by reason: ``not a form``, ``no messageid``,
        ``no status``, ``another address``, ``another method``, ``too large``, ``too slow``, ``busy``, ``not recorded``.
    trouble : str or None
        Why the last attempt to write the journal failed; None if it succeeded.

    Raises
    ------
    ConfigError
        A parameter is not usable, the port is not available, or the server of a ``with`` block was closed before.
    JournalError
        The journal cannot be used.

    Notes
    -----
    Source: the vendor's page on delivery receipts. Both forms are taken: fields as a form in the body and, as customers
    registered before 2023-05-24 get them, in the query string. A receipt is pushed once, so it is answered ``success`` only
    when it is in the journal durably; those that come at the same time are written together. Anything else is answered
    ``error``. Receipts for ids that no run knows are kept, and the same receipt again changes nothing. The number and ``ext``
    are not stored, and no access is logged.

    At most 200 connections are open at once, fewer where the process may open only few files; others wait in the system's
    queue. A connection that brings no complete request within 10 seconds is cut off; while others wait, the one that has taken
    longest is cut off after two seconds.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
    >>> with nx.Sandbox(seed=7, delivery={}) as sandbox, nx.ReceiptServer(journal=sandbox.client.journal) as server:
    ...     sent = df.assign(dr_url=server.url).nxsms.send(sandbox.client, progress="silent")
    ...     sandbox.wait_for(receipts=1)
    ...     sent.nxsms.receipts(journal=sandbox.client.journal)[["status", "dr", "currency"]].values.tolist()
    True
    [['Success', 'DELIVRD', 'USD']]
    """

    @strict_and_hidden(_hidden)
    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None, journal: Any = None
    ) -> None:
        if not isinstance(host, str) or not host.strip():
            raise ConfigError(f"ReceiptServer: host={named(host)} is not an address, as in host='127.0.0.1'.")
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
            raise ConfigError(
                f"ReceiptServer: port={named(port)} is not from 0 to 65535. Choose another, or 0 for any free one."
            )
        if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise ConfigError(
                "ReceiptServer: token=••• does not fit into an address: 1 to 200 letters, digits, '-', '.', '_' or '~'. "
                "Omit it for a random one."
            )
        self._host = host.strip()
        self._token = Secret(secrets.token_urlsafe(32) if token is None else token)
        # The service knows nothing of this object, so that one nobody holds any more closes by itself.
        self._service = _Service(self._token, Journal.of(journal))
        self._call: Call[None] = Call(partial(self._service.run, self._host, port), served=weakref.ref(self))
        self._port: int = self._call.first()

    @property
    def url(self) -> str:
        """The address for pushes, with the token."""
        return self._address(str(self._token))

    @property
    def counts(self) -> dict[str, int]:
        """How many pushes were answered ``success``, and how many were not, by reason."""
        return dict(self._service.counts)

    @property
    def trouble(self) -> str | None:
        """Why the last attempt to write the journal failed; None if it succeeded."""
        return self._service.trouble

    def join(self) -> None:
        """Wait until the server has ended or is interrupted."""
        self._call.await_end()

    def close(self) -> None:
        """Answer what has arrived and free the port. Closing twice is fine."""
        self._call.close()

    def __enter__(self) -> Self:
        if self._call.ended:
            raise ConfigError(
                "This ReceiptServer was closed, and takes nothing any more. Make another: nx.ReceiptServer(…)"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @shown_unfinished
    def __repr__(self) -> str:
        return f"ReceiptServer({self._address('•••')!r}{', closed' if self._call.ended else ''})"

    def _address(self, token: str) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/dr/{token}"


def serve(host: str, port: int, token: str | None, journal: Any) -> None:
    """Run the server in the foreground until it is interrupted; print its address, and what it has counted."""
    with suppress(KeyboardInterrupt), ReceiptServer(host, port, token=token, journal=journal) as server:
        say(f"Receipts are taken at {server.url}\nPress Ctrl-C to stop it.")
        shown: Mapping[str, int] = {}
        try:
            while not server._call.ended:  # noqa: SLF001  of the same module
                server._call.await_end(time.monotonic() + _NEWS_S)  # noqa: SLF001
                shown = _print_news(server, shown)
        finally:
            server.close()
            _print_news(server, shown)


def _print_news(server: ReceiptServer, shown: Mapping[str, int]) -> Mapping[str, int]:
    """Print the counts where they have changed."""
    counts = {name: n for name, n in server.counts.items() if n}
    if counts != shown:
        say("  ".join(f"{name} {n:,}" for name, n in counts.items()))
        if counts.get("not recorded") != shown.get("not recorded") and server.trouble is not None:
            say(server.trouble, error=True)
    return counts
