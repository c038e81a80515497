"""HTTP for the simulated gateway: aiohttp on loopback, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from nxsms_nb.calls import Call
from nxsms_nb.engine.loops import in_loop, unwanted
from nxsms_nb.errors import ConfigError

HOST = "127.0.0.1"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """Runs a handler on a loopback port (0: any free one) until stopped; its thread dies with the interpreter.

    It also ends, and frees its port, when nobody holds `owner` any more; `closing` is awaited on its loop before that.
    """

    def __init__(
        self, handler: Handler, port: int, owner: object, closing: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        if not 0 <= port <= 65535:
            raise ConfigError(f"Sandbox: port={port} is not from 0 to 65535. Choose another, or 0 for any free one.")
        self._handler = handler
        self._closing = closing
        self._call: Call[None] = Call(partial(self._run, port), served=weakref.ref(owner))
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = port

    def start(self) -> None:
        """Start to answer, or raise `ConfigError` where the port is not available."""
        self._loop, self.port = self._call.first()

    @property
    def running(self) -> bool:
        """Whether the server still answers."""
        return not self._call.ended

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on the server's loop, without waiting for it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function)

    def join(self) -> None:
        """Wait until the server has ended."""
        self._call.await_end()

    def stop(self) -> None:
        """Stop the server and free its port; a second call does nothing."""
        self._call.close()

    def _run(self, port: int, call: Call[None]) -> None:
        # A gateway that is no longer referenced may still have the port.
        call.let_others_end()
        try:
            in_loop(self._serve(port, call))
        except OSError as error:
            raise ConfigError(
                f"Sandbox: port {port} on loopback is not available ({error.strerror}). "
                "Choose another, or port=0 for any free one."
            ) from error

    async def _serve(self, port: int, call: Call[None]) -> None:
        # A keep-alive longer than a client's, so that idle connections end on the client's side.
        server = web.Server(self._handler, access_log=None, keepalive_timeout=75.0)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, port)
            await site.start()
            call.hand_out((asyncio.get_running_loop(), runner.addresses[0][1]))
            await unwanted(call)
            if self._closing is not None:
                await self._closing()
        finally:
            await runner.cleanup()
