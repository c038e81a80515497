"""HTTP for the simulated gateway: aiohttp on loopback, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from aiohttp import web

from nxsms_nb.errors import ConfigError

HOST = "127.0.0.1"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """Runs a handler on a loopback port until stopped; its thread dies with the interpreter.

    Parameters
    ----------
    handler : callable
        What answers a request.
    port : int
        0 for any free one.
    closing : callable, optional
        Awaited on the server's loop before it closes.

    Raises
    ------
    ConfigError
        The port cannot be had.
    """

    def __init__(self, handler: Handler, port: int, closing: Callable[[], Awaitable[None]] | None = None) -> None:
        if not 0 <= port <= 65535:
            raise ConfigError(f"Sandbox: port {port} is not one of 0 to 65535. Name another, or 0 for any free one.")
        self._handler = handler
        self._closing = closing
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self._stop = asyncio.Event()
        self.port = port
        self._thread = threading.Thread(target=self._run, name="nxsms-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise ConfigError(
                f"Sandbox: port {port} on loopback cannot be had ({self._failed.strerror}). "
                "Name another, or port=0 for any free one."
            ) from self._failed

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def call(self, function: Callable[[], object]) -> None:
        """Have a function called on the server's loop, without waiting for it."""
        self._loop.call_soon_threadsafe(function)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout)

    def stop(self) -> None:
        """End it and free its port; a second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # A keep-alive longer than a client's, so that idle connections end on the client's side.
        server = web.Server(self._handler, access_log=None, keepalive_timeout=75.0)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            if self._closing is not None:
                await self._closing()
        finally:
            await runner.cleanup()
