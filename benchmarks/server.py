"""A bare gateway: reads a batch send off the socket, accepts every item, answers. As little work as will do.

Run as ``python benchmarks/server.py [latency_ms] [tps]``; prints its port. With ``tps`` it keeps an undisclosed limit:
a token bucket of a fifth of a second, answered with 13008.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import sys
import time
from typing import Final

_ID: Final = re.compile(rb'"sysMessageId":\s*"([^"]+)"')
_LENGTH: Final = re.compile(rb"[Cc]ontent-[Ll]ength: *(\d+)")
_REFUSED: Final = b'{"code":13008,"message":"TPS limit exceeded","data":null}'


class Bucket:
    """A token bucket; None: no limit."""

    def __init__(self, tps: float | None) -> None:
        self.tps = tps
        self.capacity = (tps or 0.0) / 5
        self.tokens = self.capacity
        self.at = time.monotonic()
        self.accepted = self.refused = self.rows = 0

    def take(self, n: int) -> bool:
        if self.tps is not None:
            now = time.monotonic()
            self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.tps)
            self.at = now
            if n > self.tokens:
                self.refused += 1
                return False
            self.tokens -= n
        self.accepted += 1
        self.rows += n
        return True


class Gateway(asyncio.Protocol):
    """One connection."""

    def __init__(self, latency_s: float, bucket: Bucket) -> None:
        self.latency_s = latency_s
        self.bucket = bucket
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        due = asyncio.get_running_loop().time() + self.latency_s
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if self.buffer.startswith(b"GET"):
                del self.buffer[: end + 4]
                self.write(f"[{self.bucket.accepted},{self.bucket.refused},{self.bucket.rows}]".encode())
                continue
            length = _LENGTH.search(self.buffer, 0, end)
            total = end + 4 + int(length[1]) if length else end + 4
            if len(self.buffer) < total:
                return
            ids = _ID.findall(self.buffer, end + 4, total)
            del self.buffer[:total]
            if self.bucket.take(len(ids)):
                items = b'","status":"Success"},{"phone":"8615088888888","messageid":"'.join(ids)
                reply = (
                    b'{"code":0,"message":"Success","data":[{"phone":"8615088888888","messageid":"'
                    + items
                    + b'","status":"Success"}]}'
                )
            else:
                reply = _REFUSED
            if self.latency_s:
                asyncio.get_running_loop().call_at(due, self.write, reply)
            else:
                self.write(reply)

    def write(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply
            )


async def serve(latency_ms: float, tps: float | None) -> None:
    """Serve until killed."""
    bucket = Bucket(tps)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Gateway(latency_ms / 1000, bucket), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    latency = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    limit = float(sys.argv[2]) if len(sys.argv) > 2 else None
    # select() waits to the microsecond, where epoll's milliseconds would make every latency longer than it is said to be.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(latency, limit))
