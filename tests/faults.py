"""The faults: what the gateway does, and what must become of the rows it does it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nxsms_nb import codetable, errors
from tests.faultgateway import Act, Conversation, said

How = Callable[[Conversation], Awaitable[None]]

TEXTS = {number: code.text for number, code in codetable.TABLE.items()}


@dataclass(frozen=True)
class Fault:
    """A fault and what becomes of the rows of a request it strikes.

    ``struck`` is their status, in turns along the request; ``A|B`` where either is right. ``once`` and ``always`` are what
    a run ends with that meets it in its second request, or in every one, and ``within`` how many requests at most the
    latter takes.
    """

    name: str
    act: Act
    struck: tuple[str, ...]
    code: int | None = None
    says: str = ""
    once: type[errors.Stopped] | None = None
    always: type[errors.Stopped] | None = None
    within: int | None = None
    on_accept: bool = False
    read: bool = True
    effect: bool = False
    again: bool = False
    timeout: float = 20


def _doubts(name: str, how: How, *, says: str = "", read: bool = True, timeout: float = 20) -> list[Fault]:
    """A fault that leaves doubt, after the gateway accepted everything and after it accepted nothing."""

    def acting(*, effect: bool) -> Act:
        async def act(it: Conversation) -> None:
            await (it.body() if read else it.part())
            if effect:
                it.accept()
            await how(it)

        return act

    shared: dict[str, Any] = {"struck": ("Unknown",), "always": errors.InDoubt, "within": 3}
    shared |= {"says": says, "read": read, "timeout": timeout}
    return [
        Fault(f"{name}, {'accepted' if effect else 'nothing accepted'}", acting(effect=effect), effect=effect, **shared)
        for effect in (True, False)
    ]


def _refusal(name: str, how: How, struck: tuple[str, ...], **more: Any) -> Fault:
    """The gateway says that it accepted nothing, and keeps to it."""

    async def act(it: Conversation) -> None:
        await it.body()
        await how(it)

    return Fault(name, act, struck, **more)


def _items(name: str, odd: dict[str, Any], struck: str, **more: Any) -> Fault:
    """Every second row is accepted; of the others the reply says something else."""

    async def act(it: Conversation) -> None:
        await it.body()
        it.accept(it.items[::2])
        told = said(it.items)
        for item in told[1::2]:
            item.update({name: str(value).format(**item) for name, value in odd.items()})
        if code := more.get("request"):
            await it.reply(code, TEXTS[code], told)
        else:
            await it.reply(data=told)

    kept = {name: value for name, value in more.items() if name != "request"}
    return Fault(name, act, ("Success", struck), effect=True, **kept)


# ---------------------------------------------------------------------- the connection breaks


async def _fin_on_accept(it: Conversation) -> None:
    await it.fin()


async def _rst_on_accept(it: Conversation) -> None:
    await it.rst()


async def _stale(it: Conversation) -> None:
    # The reply promises a connection that stays, and does not keep to it.
    await it.body()
    it.accept()
    await it.reply(data=said(it.items), Connection="keep-alive")
    it.open = False


async def _half_head(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
    await it.fin()


async def _short(it: Conversation) -> None:
    await it.http(200, _whole(it), short=20)
    await it.fin()


async def _short_and_reset(it: Conversation) -> None:
    await it.http(200, _whole(it), short=20)
    await it.rst()


async def _chunked_cut(it: Conversation) -> None:
    body = _whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await it.raw(b"%x\r\n%s\r\n" % (len(body) - 20, body[:-20]))
    await it.fin()


async def _endless_cut(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + _whole(it)[:-20])
    await it.fin()


async def _garbage(it: Conversation) -> None:
    await it.raw(b"ICY nonsense \x00\xff\r\n\r\n" + _whole(it))
    await it.fin()


async def _bad_gzip(it: Conversation) -> None:
    await it.http(200, _whole(it), Content_Encoding="gzip")


async def _bad_chunk(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + _whole(it))
    await it.fin()


async def _two_lengths(it: Conversation) -> None:
    body = _whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: 5\r\n\r\n%s" % (len(body), body))
    await it.fin()


async def _drip(it: Conversation) -> None:
    body = _whole(it)
    await it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        # Each byte comes well within the client's timeout, all of them do not.
        await asyncio.sleep(0.05)
        await it.raw(bytes([byte]))


async def _flood(it: Conversation) -> None:
    await it.http(200, b" " * (9 << 20) + _whole(it))


def _whole(it: Conversation) -> bytes:
    return json.dumps({"code": 0, "message": "Success", "data": said(it.items)}).encode()


# ---------------------------------------------------------------------- the reply is no reply


def _status(status: int, **headers: str) -> How:
    async def how(it: Conversation) -> None:
        await it.http(status, b"<html>no</html>", Content_Type="text/html", **headers)

    return how


def _elsewhere(status: int) -> How:
    """Redirect to a second gateway, which would accept."""

    async def how(it: Conversation) -> None:
        await it.http(status, b"", Location=f"{it.gateway.elsewhere}/v1/sms/multi/mt")

    return how


def _body(body: bytes) -> How:
    async def how(it: Conversation) -> None:
        await it.http(200, body)

    return how


def _says(code: Any, message: str, data: Any = None, **headers: str) -> How:
    async def how(it: Conversation) -> None:
        await it.reply(code, message, data, **headers)

    return how


async def _alien(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": f"alien-{i:06d}"} for i, one in enumerate(said(it.items))])


async def _other_case(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": one["messageid"].upper()} for one in said(it.items)])


async def _contradicting(it: Conversation) -> None:
    await it.reply(data=said(it.items) + said(it.items, "Failure", message=TEXTS[13009]))


async def _numbered(it: Conversation) -> None:
    await it.reply(data=[{**one, "messageid": i} for i, one in enumerate(said(it.items))])


async def _bare_list(it: Conversation) -> None:
    await it.reply(data=["Success" for _ in it.items])


async def _minus_one_with_items(it: Conversation) -> None:
    await it.reply(-1, "Failure", [{**one, "status": "Pending"} for one in said(it.items)])


# ---------------------------------------------------------------------- replies that are odd and yet clear


def _clear(name: str, how: How) -> Fault:
    async def act(it: Conversation) -> None:
        await it.body()
        it.accept()
        await how(it)

    return Fault(name, act, ("Success",), effect=True)


async def _reordered(it: Conversation) -> None:
    await it.reply(data=said(it.items)[::-1])


async def _repeated(it: Conversation) -> None:
    await it.reply(data=said(it.items) + said(it.items))


async def _other_phones(it: Conversation) -> None:
    await it.reply(data=[{**one, "phone": f"86{one['phone']}"} for one in said(it.items)])


async def _one_phone(it: Conversation) -> None:
    await it.reply(data=[{**one, "phone": it.items[0]["phone"]} for one in said(it.items)])


async def _with_strangers(it: Conversation) -> None:
    alien = {"phone": "1", "messageid": "alien-000001", "status": "Failure", "message": TEXTS[13005]}
    await it.reply(data=[alien, *said(it.items), "?", None])


async def _minus_one_accepted(it: Conversation) -> None:
    await it.reply(-1, "Failure", said(it.items))


async def _continued(it: Conversation) -> None:
    await it.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
    await it.reply(data=said(it.items))


async def _endless(it: Conversation) -> None:
    await it.raw(b"HTTP/1.0 200 OK\r\n\r\n" + _whole(it))
    await it.fin()


async def _odd_headers(it: Conversation) -> None:
    await it.reply(data=said(it.items), Date="yesterday", Retry_After="soon", Content_Type="text/html")


# ---------------------------------------------------------------------- refusals


def _too_many(most: int) -> Act:
    async def act(it: Conversation) -> None:
        await it.body()
        if len(it.items) > most:
            await it.reply(13010, TEXTS[13010])
        else:
            it.accept()
            await it.reply(data=said(it.items))

    return act


def _poisoned(code: int) -> Act:
    """One row, known by its text, makes the gateway refuse the request it is in."""

    async def act(it: Conversation) -> None:
        await it.body()
        if any("poison" in item["content"] for item in it.items):
            await it.reply(code, TEXTS[code])
        else:
            it.accept()
            await it.reply(data=said(it.items))

    return act


def _off(seconds: float, *, date: bool) -> Act:
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


async def _early_413(it: Conversation) -> None:
    await it.http(413, b"")
    await it.fin()


async def _nothing(it: Conversation) -> None:
    await it.wait()


DOUBTS = [
    Fault("FIN on accept", _fin_on_accept, ("Unknown",), always=errors.InDoubt, within=3, on_accept=True, read=False),
    Fault(
        "RST on accept",
        _rst_on_accept,
        ("Unknown|Success",),
        always=errors.Stopped,
        within=40,
        on_accept=True,
        read=False,
    ),
    Fault("413 before the body", _early_413, ("Unknown",), always=errors.InDoubt, within=3, read=False),
    *_doubts("RST in the middle of the body", Conversation.rst, read=False, says="connection broke"),
    *_doubts("whole body read, then FIN", Conversation.fin, says="connection broke"),
    *_doubts("whole body read, then RST", Conversation.rst, says="connection broke"),
    *_doubts("half a head", _half_head, says="connection broke"),
    *_doubts("body shorter than announced", _short, says="connection broke"),
    *_doubts("body cut by a RST", _short_and_reset, says="connection broke"),
    *_doubts("chunked reply cut", _chunked_cut, says="connection broke"),
    *_doubts("chunk of no length", _bad_chunk, says="connection broke"),
    *_doubts("reply of unknown length cut", _endless_cut, says="not JSON"),
    *_doubts("garbage instead of a status line", _garbage, says="connection broke"),
    *_doubts("two lengths", _two_lengths),
    *_doubts("gzip that is none", _bad_gzip, says="connection broke"),
    *_doubts("mute", _nothing, says="no reply within", timeout=0.3),
    *_doubts("drip-feed", _drip, says="no reply within", timeout=0.3),
    *_doubts("9 MB before the reply", _flood, says="too long"),
    *(
        fault
        for status in (400, 403, 404, 413, 500, 502, 503, 504)
        for fault in _doubts(f"HTTP {status}", _status(status), says=f"HTTP {status}")
    ),
    *_doubts("503 with Retry-After", _status(503, Retry_After="1"), says="HTTP 503"),
    *(
        fault
        for status in (301, 302, 303, 307, 308)
        for fault in _doubts(f"HTTP {status} elsewhere", _elsewhere(status), says=f"HTTP {status}")
    ),
    *_doubts("HTML with 200", _body(b"<html>OK</html>"), says="not JSON"),
    *_doubts("nothing with 200", _body(b""), says="not JSON"),
    *_doubts("JSON that is no object", _body(b'["Success"]'), says="not a JSON object"),
    *_doubts("code as text", _says("0", "Success"), says="no numeric code"),
    *_doubts("code as a truth value", _says(code=False, message="Success"), says="no numeric code"),
    *_doubts("code that could be a phone", _says(8615100000000, "?"), says="code 861"),
    *_doubts("no code", _body(b'{"message":"Success","data":null}'), says="no numeric code"),
    *_doubts("data that is no list", _says(0, "Success", {"a": 1}), says="not a list"),
    *_doubts("data of bare words", _bare_list, says="nothing of this row"),
    *_doubts("-1", _says(-1, "Failure"), says="code -1"),
    *_doubts("-1 with items that say nothing", _minus_one_with_items, says="nothing of this row"),
    *_doubts("undocumented code", _says(4711, "?"), says="code 4711"),
    *_doubts("undocumented code with data", _says(4711, "?", []), says="nothing of this row"),
    *_doubts("code 0 with data null", _says(0, "Success"), says="nothing of it shown"),
    *_doubts("code 0 with empty data", _says(0, "Success", []), says="nothing of this row"),
    *_doubts("1102 with empty data", _says(13009, TEXTS[13009], []), says="nothing of this row"),
    *_doubts("alien messageids", _alien, says="nothing of this row"),
    *_doubts("messageids in capitals", _other_case, says="nothing of this row"),
    *_doubts("messageids that are numbers", _numbered, says="nothing of this row"),
    *_doubts("every messageid twice, contradicting", _contradicting, says="nothing of this row"),
]
"""Nobody can tell what became of the rows."""

CLEAR = [
    _clear("reordered", _reordered),
    _clear("every messageid twice", _repeated),
    _clear("phones with another country code", _other_phones),
    _clear("one phone for all", _one_phone),
    _clear("items nobody asked about", _with_strangers),
    _clear("-1, yet every item accepted", _minus_one_accepted),
    _clear("1xx before the reply", _continued),
    _clear("whole reply of unknown length", _endless),
    _clear("headers that are odd", _odd_headers),
    Fault("connection closed after the reply", _stale, ("Success",), effect=True),
]
"""Odd, and yet it is clear that the rows were accepted."""

ITEMS = [
    _items("missing messageids", {"messageid": "other-{messageid}"}, "Unknown", says="nothing of this row"),
    _items("status neither Success nor Failure", {"status": "Pending"}, "Unknown", says="nothing of this row"),
    _items("item 13008", {"status": "Failure", "message": TEXTS[13008]}, "Success", again=True),
    _items(
        "item 1102",
        {"status": "Failure", "message": TEXTS[1102]},
        "Unsent",
        code=1102,
        once=errors.AccountRefused,
        always=errors.AccountRefused,
        within=1,
    ),
    *(
        _items(f"item {code}", {"status": "Failure", "message": TEXTS[code]}, "Failure", code=code)
        for code in (13005, 13007, 13009)
    ),
    _items("item with an unknown text", {"status": "Failure", "message": "Operator said no"}, "Failure", says="no"),
    _items("item refused without a word", {"status": "Failure"}, "Failure", says="without a word"),
    _items("item refused with an empty word", {"status": "Failure", "message": ""}, "Failure", says="without a word"),
    _items(
        "item whose text quotes the message",
        {"status": "Failure", "message": "Blocked 'confidential offer' to +{phone} ({phone})"},
        "Failure",
        says="Blocked",
    ),
    *(
        _items(
            f"{code} with data",
            {"status": "Failure", "message": TEXTS[code]},
            struck,
            code=None if struck == "Success" else code,
            request=code,
            again=struck == "Success",
            once=ends,
            always=ends,
            within=1 if ends else None,
        )
        for code, struck, ends in (
            (13008, "Success", None),
            (13007, "Failure", None),
            (1102, "Unsent", errors.AccountRefused),
            (1004, "Failure", None),
            (9000, "Failure", None),
            (13010, "Failure", None),
        )
    ),
]
"""Some rows accepted, some not, some nobody knows of."""

REFUSALS = [
    *(
        _refusal(name, how, ("Success",), again=True, always=errors.Throttled, within=3)
        for name, how in (
            ("13008", _says(13008, TEXTS[13008])),
            ("HTTP 429", _status(429)),
            ("HTTP 429 with Retry-After", _status(429, Retry_After="0.2")),
        )
    ),
    *(
        _refusal(
            f"{code}",
            _says(code, TEXTS[code]),
            ("Unsent",),
            code=code,
            says=TEXTS[code].split(" (")[0],
            once=errors.AccountRefused,
            always=errors.AccountRefused,
            within=1,
        )
        for code in (1001, 1002, 1003, 1005, 1100, 1102, 13002, 13003)
    ),
    _refusal(
        "1004 of a moment", _says(1004, TEXTS[1004]), ("Success",), again=True, always=errors.ClockRefused, within=2
    ),
    _refusal(
        "1004 without Date",
        _says(1004, TEXTS[1004], Date=""),
        ("Unsent",),
        code=1004,
        says="names no time",
        once=errors.ClockRefused,
        always=errors.ClockRefused,
        within=1,
    ),
    *(
        _refusal(f"{code} of a moment", _says(code, TEXTS[code]), ("Success",), again=True)
        for code in (9000, 13001, 13005, 13006, 13007, 13009, 13010)
    ),
]
"""The gateway refuses the request, and says so as documented."""

LASTING = [
    Fault("clock five minutes fast", _off(300, date=True), ("Success",), again=True),
    Fault("clock five minutes slow", _off(-300, date=True), ("Success",), again=True),
    Fault("no more than five numbers a request", _too_many(5), ("Success",), again=True),
    Fault("no more than two numbers a request", _too_many(2), ("Success",), again=True),
    *(
        Fault(f"one row that is refused with {code}", _poisoned(code), ("Success",), code=code)
        for code in (9000, 13007)
    ),
]
"""What the gateway does to every request, without keeping a run from its end."""

FAULTS = [*DOUBTS, *CLEAR, *ITEMS, *REFUSALS]
