"""The faults: what the gateway does, and what must become of the rows it does it to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nxsms_nb import errors
from tests.support import acts
from tests.support.acts import TEXTS, How
from tests.support.faultgateway import Act, Conversation, said


@dataclass(frozen=True)
class Fault:
    """A fault and what becomes of the rows of a request it strikes.

    ``struck`` is their status, in turns along the request; ``A|B`` where either is right. ``once`` and ``always`` are what
    a run ends with that meets it in its second request, or in every one, and ``within`` how many requests at most the
    latter takes. ``first`` is whether a gateway may do so to a run's first request.
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
    first: bool = True


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


def _absent(status: int) -> list[Fault]:
    """There is nothing at the URL: doubt from a gateway that answered before, and to a first request the proof of none.

    What accepts a run's first request and says that it is not there contradicts the protocol, and no client can tell.
    """
    accepted, nothing = _doubts(f"HTTP {status}", acts.status(status), says=f"HTTP {status}")
    return [replace(accepted, first=False), replace(nothing, always=errors.NoConnection, within=1)]


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
        entries = said(it.items)
        for item in entries[1::2]:
            item.update({name: str(value).format(**item) for name, value in odd.items()})
        if code := more.get("request"):
            await it.reply(code, TEXTS[code], entries)
        else:
            await it.reply(data=entries)

    kept = {name: value for name, value in more.items() if name != "request"}
    return Fault(name, act, ("Success", struck), effect=True, **kept)


def _clear(name: str, how: How) -> Fault:
    async def act(it: Conversation) -> None:
        await it.body()
        it.accept()
        await how(it)

    return Fault(name, act, ("Success",), effect=True)


DOUBTS = [
    Fault(
        "FIN on accept", acts.fin_on_accept, ("Unknown",), always=errors.InDoubt, within=3, on_accept=True, read=False
    ),
    Fault(
        "RST on accept",
        acts.rst_on_accept,
        ("Unknown|Success",),
        always=errors.Stopped,
        within=40,
        on_accept=True,
        read=False,
    ),
    Fault("413 before the body", acts.early_413, ("Unknown",), always=errors.InDoubt, within=3, read=False),
    *_doubts("RST in the middle of the body", Conversation.rst, read=False, says="connection broke"),
    *_doubts("whole body read, then FIN", Conversation.fin, says="connection broke"),
    *_doubts("whole body read, then RST", Conversation.rst, says="connection broke"),
    *_doubts("half a head", acts.half_head, says="connection broke"),
    *_doubts("body shorter than announced", acts.short, says="connection broke"),
    *_doubts("body cut by a RST", acts.short_and_reset, says="connection broke"),
    *_doubts("chunked reply cut", acts.chunked_cut, says="connection broke"),
    *_doubts("chunk of no length", acts.bad_chunk, says="connection broke"),
    *_doubts("reply of unknown length cut", acts.endless_cut, says="not JSON"),
    *_doubts("garbage instead of a status line", acts.garbage, says="connection broke"),
    *_doubts("two lengths", acts.two_lengths),
    *_doubts("gzip that is none", acts.bad_gzip, says="connection broke"),
    *_doubts("mute", acts.mute, says="no reply within", timeout=0.3),
    *_doubts("drip-feed", acts.drip, says="no reply within", timeout=0.3),
    *_doubts("9 MB before the reply", acts.flood, says="too long"),
    *(
        fault
        for status in (400, 403, 413, 500, 502, 503, 504)
        for fault in _doubts(f"HTTP {status}", acts.status(status), says=f"HTTP {status}")
    ),
    *(fault for status in (404, 405, 410, 501) for fault in _absent(status)),
    *_doubts("503 with Retry-After", acts.status(503, Retry_After="1"), says="HTTP 503"),
    *(
        fault
        for status in (301, 302, 303, 307, 308)
        for fault in _doubts(f"HTTP {status} elsewhere", acts.elsewhere(status), says=f"HTTP {status}")
    ),
    *_doubts("HTML with 200", acts.body(b"<html>OK</html>"), says="not JSON"),
    *_doubts("nothing with 200", acts.body(b""), says="not JSON"),
    *_doubts("JSON that is no object", acts.body(b'["Success"]'), says="not a JSON object"),
    *_doubts("code as text", acts.saying("0", "Success"), says="no numeric code"),
    *_doubts("code as a truth value", acts.saying(code=False, message="Success"), says="no numeric code"),
    *_doubts("code that could be a phone", acts.saying(8615100000000, "?"), says="code 861"),
    *_doubts("no code", acts.body(b'{"message":"Success","data":null}'), says="no numeric code"),
    *_doubts("data that is no list", acts.saying(0, "Success", {"a": 1}), says="not a list"),
    *_doubts("data of bare words", acts.bare_list, says="nothing about this row"),
    *_doubts("-1", acts.saying(-1, "Failure"), says="code -1"),
    *_doubts("-1 with items that say nothing", acts.minus_one_with_items, says="nothing about this row"),
    *_doubts("undocumented code", acts.saying(4711, "?"), says="code 4711"),
    *_doubts("undocumented code with data", acts.saying(4711, "?", []), says="nothing about this row"),
    *_doubts("code 0 with data null", acts.saying(0, "Success"), says="lists no message"),
    *_doubts("code 0 with empty data", acts.saying(0, "Success", []), says="nothing about this row"),
    *_doubts("1102 with empty data", acts.saying(13009, TEXTS[13009], []), says="nothing about this row"),
    *_doubts("alien messageids", acts.alien, says="nothing about this row"),
    *_doubts("messageids in capitals", acts.other_case, says="nothing about this row"),
    *_doubts("messageids that are numbers", acts.numbered, says="nothing about this row"),
    *_doubts("every messageid twice, contradicting", acts.contradicting, says="nothing about this row"),
]
"""Nobody can tell what became of the rows."""

CLEAR = [
    _clear("reordered", acts.reordered),
    _clear("every messageid twice", acts.repeated),
    _clear("phones with another country code", acts.other_phones),
    _clear("one phone for all", acts.one_phone),
    _clear("items nobody asked about", acts.with_strangers),
    _clear("-1, yet every item accepted", acts.minus_one_accepted),
    _clear("1xx before the reply", acts.continued),
    _clear("whole reply of unknown length", acts.endless),
    _clear("headers that are odd", acts.odd_headers),
    Fault("connection closed after the reply", acts.stale, ("Success",), effect=True),
]
"""Odd, and yet it is clear that the rows were accepted."""

ITEMS = [
    _items("missing messageids", {"messageid": "other-{messageid}"}, "Unknown", says="nothing about this row"),
    _items("status neither Success nor Failure", {"status": "Pending"}, "Unknown", says="nothing about this row"),
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
            ("13008", acts.saying(13008, TEXTS[13008])),
            ("HTTP 429", acts.status(429)),
            ("HTTP 429 with Retry-After", acts.status(429, Retry_After="0.2")),
        )
    ),
    *(
        _refusal(
            f"{code}",
            acts.saying(code, TEXTS[code]),
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
        "1004 of a moment",
        acts.saying(1004, TEXTS[1004]),
        ("Success",),
        again=True,
        always=errors.ClockRefused,
        within=2,
    ),
    _refusal(
        "1004 without Date",
        acts.saying(1004, TEXTS[1004], Date=""),
        ("Unsent",),
        code=1004,
        says="names no time",
        once=errors.ClockRefused,
        always=errors.ClockRefused,
        within=1,
    ),
    *(
        _refusal(f"{code} of a moment", acts.saying(code, TEXTS[code]), ("Success",), again=True)
        for code in (9000, 13001, 13005, 13006, 13007, 13009, 13010)
    ),
]
"""The gateway refuses the request, and says so as documented."""

LASTING = [
    Fault("clock five minutes fast", acts.clock_off(300, date=True), ("Success",), again=True),
    Fault("clock five minutes slow", acts.clock_off(-300, date=True), ("Success",), again=True),
    Fault("no more than five numbers a request", acts.too_many(5), ("Success",), again=True),
    Fault("no more than two numbers a request", acts.too_many(2), ("Success",), again=True),
    *(
        Fault(f"one row that is refused with {code}", acts.poisoned(code), ("Success",), code=code)
        for code in (9000, 13007)
    ),
]
"""What the gateway does to every request, without keeping a run from its end."""

FAULTS = [*DOUBTS, *CLEAR, *ITEMS, *REFUSALS]
