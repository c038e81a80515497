"""The connections to a server that strangers can reach: limited in number, size and time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CONNECTIONS_MAX: Final = 200
"""The most connections at once; also at most half the files that the process may open, since the journal needs some."""
QUEUE_MAX: Final = 1024
"""The most connections that wait in the system's queue until there is room for them."""
GRACE_S: Final = 2.0
"""How long a connection has to deliver a whole request while others wait for its place."""
REQUEST_S: Final = 10.0
"""How long a connection may take to deliver a whole request, counted from its start or the last answer."""
REQUEST_MAX: Final = 64 << 10
"""The most bytes of a request, headers included."""

_AGAIN_S: Final = 0.05

Counter = Callable[[str], None]


def _files() -> int:
    """Return how many files the process may have open; where the system does not say, as many as matter here."""
    try:
        import resource  # noqa: PLC0415  not on every system
    except ImportError:
        return 2 * CONNECTIONS_MAX
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else soft


class Gates:
    """The connections of a server; `count` is called with the reason for each that is cut off.

    Where there is no room for another one, it waits in the system's queue: a flood is answered one after the other. The
    one that has waited longest without a whole request makes room then: whoever holds connections open keeps nobody away
    who has something to say.
    """

    def __init__(self, inner: Callable[[], asyncio.Protocol], count: Counter) -> None:
        self._inner = inner
        self._count = count
        self._open: dict[asyncio.BaseTransport, Gate] = {}
        self._waiting: dict[Gate, None] = {}
        self._changed = asyncio.Event()
        self._most = min(CONNECTIONS_MAX, _files() // 2)

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        return Gate(self, self._inner())

    async def accept(self, listener: socket.socket) -> None:
        """Take in connections, one after the other, each when there is room."""
        loop = asyncio.get_running_loop()
        while True:
            await self._room()
            try:
                connection, _ = await loop.sock_accept(listener)
                await loop.connect_accepted_socket(self, connection)
            except OSError:
                # The sender has gone again, or the process has no file left: others end meanwhile.
                await asyncio.sleep(_AGAIN_S)

    @property
    def full(self) -> bool:
        """Whether there is no room for another connection."""
        return len(self._open) >= self._most

    async def _room(self) -> None:
        """Wait until there is room for another connection."""
        while self.full:
            longest = next(iter(self._waiting), None)
            left = None if longest is None else longest.since + GRACE_S - asyncio.get_running_loop().time()
            if longest is not None and left is not None and left <= 0:
                longest.cut("busy")
                continue
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    def entered(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a connection has delivered a whole request; from now on it has no time limit."""
        gate = None if transport is None else self._open.get(transport)
        if gate is not None:
            self._waiting.pop(gate, None)
            gate.rest()

    def answered(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a connection waits for its next request."""
        gate = None if transport is None else self._open.get(transport)
        if gate is not None:
            self._wait(gate)

    def came(self, gate: Gate, transport: asyncio.Transport) -> None:
        """Take a new connection in."""
        self._open[transport] = gate
        self._wait(gate)

    def left(self, gate: Gate, transport: asyncio.BaseTransport | None) -> None:
        """Forget a connection."""
        self._waiting.pop(gate, None)
        if transport is not None:
            self._open.pop(transport, None)
        self._changed.set()

    def cut(self, gate: Gate, transport: asyncio.Transport, why: str, *, counted: bool) -> None:
        """Cut a connection off, and count it with the reason if it had sent anything."""
        self.left(gate, transport)
        if counted:
            self._count(why)
        transport.abort()

    def _wait(self, gate: Gate) -> None:
        self._waiting.pop(gate, None)
        self._waiting[gate] = None
        gate.watch()
        self._changed.set()


class Gate(asyncio.Protocol):
    """Passes one connection on to the protocol behind it."""

    def __init__(self, gates: Gates, inner: asyncio.Protocol) -> None:
        self._gates = gates
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        self.since = 0.0

    def watch(self) -> None:
        """Start the time limit for a whole request."""
        self.rest()
        self._received = 0
        loop = asyncio.get_running_loop()
        self.since = loop.time()
        self._timer = loop.call_later(REQUEST_S, self.cut, "too slow")

    def rest(self) -> None:
        """Stop the time limit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cut(self, why: str) -> None:
        """Cut the connection off."""
        self.rest()
        if self._transport is not None:
            self._gates.cut(self, self._transport, why, counted=self._received > 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a connection has a transport that is read and written")
        self._transport = transport
        self._gates.came(self, transport)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, unless it is more than a request."""
        self._received += len(data)
        if self._received > REQUEST_MAX:
            self.cut("too large")
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of data on."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.rest()
        self._gates.left(self, self._transport)
        with suppress(Exception):
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()
