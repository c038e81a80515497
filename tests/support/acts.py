"""What the fault gateway does to a request: how it breaks off, what it answers instead, how it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from nxsms_nb.wire import codes
from tests.support.faultgateway import Act, Conversation, said

How = Callable[[Conversation], Awaitable[None]]

TEXTS = {number: code.text for number, code in codes.TABLE.items()}


# ---------------------------------------------------------------------- the connection breaks


async def fin_on_accept(it: Conversation) -> None:
    await it.fin()


async def rst_on_accept(it: Conversation) -> None:
    await it.rst()


async def stale(it: Conversation) -> None:
    # The reply promises a connection that stays, and does not keep to it.
    await it.body()
    it.accept()
    # The end leaves with the reply's last bytes: later, the next request might be on its way already, and be in doubt.
    it.hold_back()
    await it.reply(data=said(it.items), Connection="keep-alive")
    await it.fin()


async def half_head(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
    await it.fin()


async def short(it: Conversation) -> None:
    await it.http(200, whole(it), short=20)
    await it.fin()


async def short_and_reset(it: Conversation) -> None:
    await it.http(200, whole(it), short=20)
    await it.rst()


async def chunked_cut(it: Conversation) -> None:
    body = whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await it.raw(b"%x\r\n%s\r\n" % (len(body) - 20, body[:-20]))
    await it.fin()


async def endless_cut(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + whole(it)[:-20])
    await it.fin()


async def garbage(it: Conversation) -> None:
    await it.raw(b"ICY nonsense \x00\xff\r\n\r\n" + whole(it))
    await it.fin()


async def bad_gzip(it: Conversation) -> None:
    await it.http(200, whole(it), Content_Encoding="gzip")


async def bad_chunk(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + whole(it))
    await it.fin()


async def two_lengths(it: Conversation) -> None:
    body = whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: 5\r\n\r\n%s" % (len(body), body))
    await it.fin()


async def drip(it: Conversation) -> None:
    body = whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        # Each byte comes well within the client's timeout, all of them do not.
        await asyncio.sleep(0.05)
        await it.raw(bytes([byte]))


async def flood(it: Conversation) -> None:
    await it.http(200, b" " * (9 << 20) + whole(it))


def whole(it: Conversation) -> bytes:
    return json.dumps({"code": 0, "message": "Success", "data": said(it.items)}).encode()


# ---------------------------------------------------------------------- the reply is no reply


def status(number: int, **headers: str) -> How:
    async def how(it: Conversation) -> None:
        await it.http(number, b"<html>no</html>", Content_Type="text/html", **headers)

    return how


def elsewhere(status: int) -> How:
    """Redirect to a second gateway, which would accept."""

    async def how(it: Conversation) -> None:
        await it.http(status, b"", Location=f"{it.gateway.elsewhere}/v1/sms/multi/mt")

    return how


def body(text: bytes) -> How:
    async def how(it: Conversation) -> None:
        await it.http(200, text)

    return how


def saying(code: Any, message: str, data: Any = None, **headers: str) -> How:
    async def how(it: Conversation) -> None:
        await it.reply(code, message, data, **headers)

    return how


async def alien(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": f"alien-{i:06d}"} for i, one in enumerate(said(it.items))])


async def other_case(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": one["messageid"].upper()} for one in said(it.items)])


async def contradicting(it: Conversation) -> None:
    await it.reply(data=said(it.items) + said(it.items, "Failure", message=TEXTS[13009]))


async def numbered(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": i} for i, one in enumerate(said(it.items))])


async def bare_list(it: Conversation) -> None:
    await it.reply(data=["Success" for _ in it.items])


async def minus_one_with_items(it: Conversation) -> None:
    await it.reply(-1, "Failure", [{**one, "status": "Pending"} for one in said(it.items)])


# ---------------------------------------------------------------------- replies that are odd and yet clear


async def reordered(it: Conversation) -> None:
    await it.reply(data=said(it.items)[::-1])


async def repeated(it: Conversation) -> None:
    await it.reply(data=said(it.items) + said(it.items))


async def other_phones(it: Conversation) -> None:
    await it.reply(data=[{**one, "phone": f"86{one['phone']}"} for one in said(it.items)])


async def one_phone(it: Conversation) -> None:
    await it.reply(data=[{**one, "phone": it.items[0]["phone"]} for one in said(it.items)])


async def with_strangers(it: Conversation) -> None:
    alien = {"phone": "1", "messageid": "alien-000001", "status": "Failure", "message": TEXTS[13005]}
    await it.reply(data=[alien, *said(it.items), "?", None])


async def minus_one_accepted(it: Conversation) -> None:
    await it.reply(-1, "Failure", said(it.items))


async def continued(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
    await it.reply(data=said(it.items))


async def endless(it: Conversation) -> None:
    await it.raw(b"HTTP/1.0 200 OK\r\n\r\n" + whole(it))
    await it.fin()


async def odd_headers(it: Conversation) -> None:
    await it.reply(data=said(it.items), Date="yesterday", Retry_After="soon", Content_Type="text/html")


# ---------------------------------------------------------------------- refusals


def too_many(most: int) -> Act:
    async def act(it: Conversation) -> None:
        await it.body()
        if len(it.items) > most:
            await it.reply(13010, TEXTS[13010])
        else:
            it.accept()
            await it.reply(data=said(it.items))

    return act


def poisoned(code: int) -> Act:
    """One row, known by its text, makes the gateway refuse the request it is in."""

    async def act(it: Conversation) -> None:
        await it.body()
        if any("poison" in item["content"] for item in it.items):
            await it.reply(code, TEXTS[code])
        else:
            it.accept()
            await it.reply(data=said(it.items))

    return act


def clock_off(seconds: float, *, date: bool) -> Act:
    """A gateway whose clock is off, for as long as it answers."""

    async def act(it: Conversation) -> None:
        it.gateway.clock = seconds
        await it.body()
        if abs(it.gateway.requests[-1].at + seconds - it.gateway.requests[-1].ts / 1000) > 60:
            await it.reply(1004, TEXTS[1004], **({} if date else {"Date": ""}))
        else:
            it.accept()
            await it.reply(data=said(it.items))

    return act


async def early_413(it: Conversation) -> None:
    await it.http(413, b"")
    await it.fin()


async def mute(it: Conversation) -> None:
    await it.wait()
