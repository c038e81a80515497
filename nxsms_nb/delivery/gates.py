"""The connections to a server that strangers can reach: bounded in number, in what each may send, and in how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CONNECTIONS_MAX: Final = 200
"""The most connections at once; common systems allow a process 256 or 1,024 files."""
REQUEST_S: Final = 10.0
"""How long a connection may take to bring a whole request, counted from its beginning or the last answer."""
REQUEST_MAX: Final = 64 << 10
"""The most bytes of a request, headers and all."""

Counter = Callable[[str], None]


class Gates:
    """The connections of a server; `count` is called with the reason for each that is cut off.

    Where there is no room for another one, the one that has waited longest without a whole request makes room: whoever
    holds connections open keeps nobody away who has something to say.
    """

    def __init__(self, inner: Callable[[], asyncio.Protocol], count: Counter) -> None:
        self._inner = inner
        self._count = count
        self._open: dict[asyncio.BaseTransport, Gate] = {}
        self._waiting: dict[Gate, None] = {}

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        return Gate(self, self._inner())

    def entered(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a connection has brought a whole request: its answer may take as long as it takes."""
        gate = None if transport is None else self._open.get(transport)
        if gate is not None:
            self._waiting.pop(gate, None)
            gate.rest()

    def answered(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a connection waits for its next request."""
        gate = None if transport is None else self._open.get(transport)
        if gate is not None:
            self._wait(gate)

    def admit(self, gate: Gate, transport: asyncio.Transport) -> bool:
        """Take a new connection in; False where there is no room."""
        if len(self._open) >= CONNECTIONS_MAX:
            longest = next(iter(self._waiting), None)
            if longest is None:
                self._count("busy")
                return False
            longest.cut("busy")
        self._open[transport] = gate
        self._wait(gate)
        return True

    def left(self, gate: Gate, transport: asyncio.BaseTransport | None) -> None:
        """Forget a connection."""
        self._waiting.pop(gate, None)
        if transport is not None:
            self._open.pop(transport, None)

    def cut(self, gate: Gate, transport: asyncio.Transport, why: str, *, counted: bool) -> None:
        """Cut a connection off; one that says nothing at all is no sender that was too slow."""
        self.left(gate, transport)
        if counted:
            self._count(why)
        transport.abort()

    def _wait(self, gate: Gate) -> None:
        self._waiting.pop(gate, None)
        self._waiting[gate] = None
        gate.watch()


class Gate(asyncio.Protocol):
    """Passes one connection on to the protocol behind it."""

    def __init__(self, gates: Gates, inner: asyncio.Protocol) -> None:
        self._gates = gates
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        self._admitted = False

    def watch(self) -> None:
        """Wait for a whole request, and not for ever."""
        self.rest()
        self._received = 0
        self._timer = asyncio.get_running_loop().call_later(REQUEST_S, self.cut, "too slow")

    def rest(self) -> None:
        """Wait for nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cut(self, why: str) -> None:
        """Cut the connection off."""
        self.rest()
        if self._transport is not None:
            self._gates.cut(self, self._transport, why, counted=self._received > 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or end it."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a connection has a transport that is read and written")
        self._transport = transport
        self._admitted = self._gates.admit(self, transport)
        if self._admitted:
            self._inner.connection_made(transport)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass data on, unless it is more than a request."""
        if not self._admitted:
            return
        self._received += len(data)
        if self._received > REQUEST_MAX:
            self.cut("too large")
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of data on."""
        return self._inner.eof_received() if self._admitted else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.rest()
        self._gates.left(self, self._transport)
        if self._admitted:
            with suppress(Exception):
                self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()
