"""Faults on the connection itself: what reaches the client instead of a reply."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Mapping

from aiohttp import web

_HTML = b"<html><head><title>Bad Gateway</title></head><body>Bad Gateway</body></html>"


async def misbehave(
    request: web.BaseRequest, kind: str, reply: bytes, date: Mapping[str, str], closing: asyncio.Event
) -> web.StreamResponse:
    """Answer a request as a fault of this kind demands; `reply` is the body it would have got.

    What waits indefinitely ends when the server sets `closing`.
    """
    if kind.startswith("http_"):
        return _status(request, int(kind.removeprefix("http_")), date)
    if kind == "html":
        return web.Response(body=_HTML, content_type="text/html", headers=date)
    if kind == "broken_json":
        return web.Response(body=reply[: len(reply) // 2], content_type="application/json", headers=date)
    if kind == "empty":
        return web.Response(body=b"", content_type="application/json", headers=date)
    if kind == "mute":
        await closing.wait()
    if request.transport is not None:
        await _write(request.transport, kind, reply, closing)
    # The connection is gone, so aiohttp finds nobody to send this to.
    return web.Response()


def _status(request: web.BaseRequest, status: int, date: Mapping[str, str]) -> web.Response:
    headers = dict(date)
    if 300 <= status < 400:
        # To the same path: whoever follows it sends everything twice, and the ledger shows it.
        headers["Location"] = request.path
    elif status == 429:
        headers["Retry-After"] = "1"
    return web.Response(status=status, body=_HTML, content_type="text/html", headers=headers)


async def _write(transport: asyncio.Transport, kind: str, reply: bytes, closing: asyncio.Event) -> None:
    if kind == "mute":
        transport.abort()
        return
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    part = reply[: len(reply) // 2]
    if kind == "reset":
        # Without linger a close sends RST instead of FIN.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
        return
    if kind == "drip":
        transport.write(head + b"Content-Length: 1000000\r\n\r\n")
        while not transport.is_closing() and not closing.is_set():
            transport.write(b" ")
            await asyncio.sleep(0.02)
        return
    written = {
        "close": b"",
        "half_header": head[:30],
        "short_body": head + f"Content-Length: {len(reply)}\r\n\r\n".encode() + part,
        "cut_chunks": head + f"Transfer-Encoding: chunked\r\n\r\n{len(part):x}\r\n".encode() + part + b"\r\n",
        "cut_plain": head + b"Connection: close\r\n\r\n" + part,
        "garbage": b"\x15\x03\x01\x00\x02\x02\x16 this is not HTTP\r\n\r\n",
    }[kind]
    transport.write(written)
    transport.close()
