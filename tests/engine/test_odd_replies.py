"""Replies as proxies, firewalls and careless gateways give them: each is read rightly or its rows are in doubt."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.faultgateway import Conversation, FaultGateway, said
from tests.support.ledgercheck import check, check_recorded, client_of, people, sent

pytestmark = pytest.mark.any_pandas

ROWS, BATCH = 48, 12


@dataclass(frozen=True)
class Odd:
    """What is done to a reply that accepts everything, and the status its rows get: "Unknown" where it proves nothing."""

    name: str
    status: str = "Unknown"
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    http: int = 200


def _reply(items: list[dict[str, Any]], **members: Any) -> bytes:
    return json.dumps({"code": 0, "message": "Success", "data": said(items), **members}).encode()


def _code(written: str, *, status: str = "Unknown") -> Odd:
    return Odd(
        f"code {written[:20]}", status, lambda items: _reply(items).replace(b'"code": 0', f'"code":{written}'.encode())
    )


def _instead(old: str, new: str, *, status: str = "Unknown") -> Odd:
    return Odd(f"{old} as {new}"[:60], status, lambda items: _reply(items).replace(old.encode(), new.encode()))


def _escaped(items: list[dict[str, Any]]) -> bytes:
    raw = _reply(items).decode()
    for item in items:
        one = item["sysMessageId"]
        raw = raw.replace(one, "".join(f"\\u{ord(letter):04X}" for letter in one))
    return raw.encode()


def _refused(**members: Any) -> Any:
    """Say 9000, which sends the halves again, and hold the accepted items under another name."""
    return lambda items: json.dumps(
        {"code": 9000, "message": "Request parameter error"}
        | {name: said(items) if value == "items" else value for name, value in members.items()}
    ).encode()


def _twice(first: str, second: str) -> Any:
    """Name a member twice, by which readers differ in what was said."""
    return lambda items: f'{{"code":9000,"message":"no","{first}":{json.dumps(said(items))},"{second}":null}}'.encode()


ODD = [
    Odd("pretty", "Success", lambda items: json.dumps(json.loads(_reply(items)), indent=4).encode()),
    Odd("members sorted", "Success", lambda items: json.dumps(json.loads(_reply(items)), sort_keys=True).encode()),
    Odd("CRLF around", "Success", lambda items: b"\r\n" + _reply(items) + b"\r\n"),
    Odd("ids escaped", "Success", _escaped),
    Odd("further members", "Success", lambda items: _reply(items, requestId="7", cost={"total": 1.5}, ok=True)),
    Odd("gzip", "Success", lambda items: gzip.compress(_reply(items)), {"Content_Encoding": "gzip"}),
    Odd("deflate", "Success", lambda items: zlib.compress(_reply(items)), {"Content_Encoding": "deflate"}),
    Odd("gzip said, plain sent", body=_reply, headers={"Content_Encoding": "gzip"}),
    Odd("gzip cut", body=lambda items: gzip.compress(_reply(items))[:-30], headers={"Content_Encoding": "gzip"}),
    Odd("gzip not said", body=lambda items: gzip.compress(_reply(items))),
    Odd("an encoding nobody knows", "Success", _reply, {"Content_Encoding": "identity"}),
    Odd("text/html", "Success", _reply, {"Content_Type": "text/html; charset=latin-1"}),
    Odd("UTF-8 with a BOM", body=lambda items: b"\xef\xbb\xbf" + _reply(items)),
    Odd("UTF-16", body=lambda items: _reply(items).decode().encode("utf-16")),
    Odd("latin-1", body=lambda items: _reply(items, message="accept\u00e9").decode("unicode-escape").encode("latin-1")),
    Odd("a NUL behind", body=lambda items: _reply(items) + b"\x00"),
    Odd("garbage behind", body=lambda items: _reply(items) + b"<!-- 12 ms -->"),
    Odd("two replies", body=lambda items: _reply(items) * 2),
    Odd("JSONP", body=lambda items: b"callback(" + _reply(items) + b")"),
    Odd("a guard before", body=lambda items: b")]}',\n" + _reply(items)),
    Odd("in a list", body=lambda items: b"[" + _reply(items) + b"]"),
    Odd("in an object", body=lambda items: b'{"data":' + _reply(items) + b"}"),
    Odd("as a string", body=lambda items: json.dumps(_reply(items).decode()).encode()),
    Odd("data as a string", body=lambda items: _reply(items, data=json.dumps(said(items)))),
    Odd("data by id", body=lambda items: _reply(items, data={one["messageid"]: one for one in said(items)})),
    Odd("comments", body=lambda items: b"/* fine */" + _reply(items)),
    Odd("single quotes", body=lambda items: _reply(items).replace(b'"', b"'")),
    Odd("a comma too many", body=lambda items: _reply(items)[:-2] + b",]}"),
    Odd("a quote missing", body=lambda items: _reply(items).replace(b'"Success", "data"', b'"Success, "data"')),
    Odd("a quote missing in an item", body=lambda items: _reply(items).replace(b'"Success"}', b'"Success}', 2)),
    Odd("deep", body=lambda items: _reply(items)[:-1] + b',"more":' + b"[" * 60_000 + b"]" * 60_000 + b"}"),
    Odd("50 MB", body=lambda items: b" " * (50 << 20) + _reply(items)),
    Odd(
        "a gzip bomb",
        body=lambda items: gzip.compress(b" " * (60 << 20) + _reply(items)),
        headers={"Content_Encoding": "gzip"},
    ),
    Odd("surrogates", body=lambda items: _reply(items, message="\ud800")),
    *(Odd(f"HTTP {status}", body=_reply, http=status) for status in (201, 202, 203, 206, 207, 299, 300, 418, 599)),
    *(
        _code(text)
        for text in ('"0"', "true", "false", "null", "0.0", "0e0", "1e999", "-1e999", "NaN", "Infinity", "00")
    ),
    *(_code(text) for text in ("9" * 5000, "[0]", "{}", "", "0x0", "+0")),
    _code("-0", status="Success"),
    _code("9" * 400, status="Success"),
    _instead('"status"', '"Status"'),
    _instead('"data"', '"Data"'),
    _instead('"messageid"', '"messageId"'),
    _instead('"status": "Success"', '"status": "success"'),
    _instead('"status": "Success"', '"status": ["Success"]'),
    _instead('"status": "Success"', '"status": "Failure", "status": "Success"'),
    _instead('"status": "Success"', '"status": "Success", "\\u0073tatus": "Failure"'),
    _instead('"message": "Success"', '"message": {"en": "Success"}'),
    _instead('"messageid": "', '"messageid": " '),
    Odd(
        "each id twice, refused",
        body=lambda items: _reply(items, data=said(items) + said(items, "Failure", message="no")),
    ),
    Odd("9000, items under Data", body=_refused(Data="items")),
    Odd("9000, items under result", body=_refused(data=None, result="items")),
    Odd("9000, items in an object", body=_refused(data=None, result={"n": 1})),
    Odd("9000, data twice", body=_twice("data", "data")),
    Odd("9000, data twice, once escaped", body=_twice("d\\u0061ta", "data")),
    Odd("9000, data an object", body=_refused(data={})),
    Odd("9000, data empty", body=_refused(data=[])),
    Odd("9000, code twice", body=lambda items: b'{"code":0,"code":9000,"message":"no","data":null}'),
    Odd("9000 as text", body=lambda items: b'{"code":"9000","message":"no","data":null}'),
    Odd("13008, items beside", body=lambda items: _refused(data=None, items="items")(items).replace(b"9000", b"13008")),
]


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway:
        yield gateway


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_a_reply_is_read_rightly_or_its_rows_are_in_doubt(gateway, tmp_path, odd, first):
    """The gateway accepted all; nobody is called refused or unsent, and running the cell again sends nothing twice."""

    async def act(it: Conversation) -> None:
        await it.body()
        it.accept()
        await it.http(odd.http, odd.body(it.items), **odd.headers)

    gateway.strike(act, first=first)
    frame, journal = people(ROWS), tmp_path / "journal.sqlite3"
    client = client_of(gateway.url)
    out, stopped = sent(frame, client, journal, concurrency=1, batch_size=BATCH)
    check(frame, out, gateway)
    asked = out[out["messageid"].notna()]
    assert set(asked["status"].iloc[first * BATCH :][:BATCH]) == {odd.status}
    assert "Failure" not in set(asked["status"])
    assert stopped is None or first == 0
    check_recorded(frame, out, client, journal)
    gateway.heal()
    after, _ = sent(frame, client, journal, batch_size=BATCH)
    check(frame, after, gateway)
    assert len(gateway.ledger) == ROWS


@pytest.mark.parametrize("first", [0, 1])
def test_a_reply_of_another_framing_is_read(gateway, tmp_path, first):
    """Chunks of any size with extensions and trailers, and a reply that ends with its connection."""

    async def chunked(it: Conversation) -> None:
        await it.body()
        it.accept()
        body = _reply(it.items)
        await it.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        for at in range(0, len(body), 7):
            piece = body[at : at + 7]
            await it.raw(b"%x;q=1\r\n%s\r\n" % (len(piece), piece))
        await it.raw(b"0\r\nX-Sum: 1\r\n\r\n")

    gateway.strike(chunked, first=first, times=2)
    frame = people(ROWS)
    out, stopped = sent(frame, client_of(gateway.url), tmp_path / "journal", concurrency=1, batch_size=BATCH)
    assert stopped is None
    check(frame, out, gateway)
    assert (out["status"] == "Success").sum() == ROWS


def test_bytes_behind_a_reply_are_not_read_as_the_next_one(gateway, tmp_path):
    """What a reply's length leaves out belongs to nobody."""

    async def act(it: Conversation) -> None:
        await it.body()
        it.accept()
        await it.http(
            200,
            _reply(it.items) + b"HTTP/1.1 429 -\r\nContent-Length: 0\r\n\r\n",
            Content_Length=str(len(_reply(it.items))),
        )

    gateway.strike(act, first=1)
    frame = people(ROWS)
    out, stopped = sent(frame, client_of(gateway.url), tmp_path / "journal", concurrency=1, batch_size=BATCH)
    assert stopped is None
    check(frame, out, gateway)
