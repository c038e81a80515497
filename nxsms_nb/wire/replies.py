"""Read the reply to a batch send, matched by messageid and by nothing else. No I/O.

Source: the vendor's page on the batch endpoint. One strict reading decides: `_one_by_one`. Nearly every reply lists just
the ids asked for, in order, and most accept them all; two faster readings handle those, and each returns the same result
as the strict one or none.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, NoReturn, overload

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Ids", "NotJson", "NotUnderstood", "Reply", "parse"]


@dataclass(frozen=True)
class Item:
    """What a reply says about one message: ``accepted``, or the gateway's text for the refusal."""

    accepted: bool
    text: str | None = None


class Reply(NamedTuple):
    """A reply that was understood.

    `items` has what it says about each id, in the order asked; None for an id it does not settle. The whole list is None
    when the reply carries no ``data`` (null): only then was the request refused as a whole.
    """

    code: int
    text: str
    items: list[Item | None] | None
    all_accepted: bool = False


class Ids(Sequence[str]):
    """The sysMessageIds of a request, all of one `width`, without an object for each; `plain` is true of them.

    Examples
    --------
    >>> list(Ids(b"msg-000001msg-000002", 10))
    ['msg-000001', 'msg-000002']
    """

    def __init__(self, letters: bytes | memoryview, width: int) -> None:
        self.letters = letters
        self.width = width

    @staticmethod
    def plain(letters: npt.NDArray[np.uint8]) -> bool:
        """Return whether ids need no escaping in JSON: no blank, quote, backslash or control character."""
        if not len(letters):
            return True
        return bool(letters.min() >= ord("-") and letters.max() <= ord("z") and not (letters == ord("\\")).any())

    def __len__(self) -> int:
        return len(self.letters) // self.width

    def __iter__(self) -> Iterator[str]:
        text, width = str(self.letters, "ascii"), self.width
        return iter([text[at : at + width] for at in range(0, len(text), width)])

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        where = range(len(self))[at]
        if isinstance(where, range):
            return [self[one] for one in where]
        return str(self.letters[where * self.width : (where + 1) * self.width], "ascii")


class NotUnderstood(ValueError):
    """A reply that differs from what the vendor documents: it proves nothing."""


class NotJson(NotUnderstood):
    """A reply that is not JSON: from another service, or damaged on the way."""


def parse(raw: bytes, ids: Sequence[str]) -> Reply:
    """Read the body of an HTTP 200 reply to a request that carried `ids`, strictly; raise `NotUnderstood` otherwise.

    Notes
    -----
    Duplicate members are refused at any depth: parsers differ in which of the two they keep, so neither proves
    anything. A ``message`` or ``data`` that is missing counts as null, and other members are ignored, except that a
    reply without ``data`` must not hold an array or object elsewhere: that may be the data. An id that is missing, that
    is listed twice with different results, or whose item is not one the vendor documents, stays unsettled (None). Items
    with ids that were not asked for are ignored.

    Examples
    --------
    >>> parse(b'{"code":0,"message":"Success","data":[{"phone":"1","messageid":"a","status":"Success"}]}', ["a", "b"])
    Reply(code=0, text='Success', items=[Item(accepted=True, text=None), None], all_accepted=False)
    """
    alike = _all_alike(raw, ids) if isinstance(ids, Ids) else None
    return alike or _in_order(raw, ids) or _one_by_one(raw, ids)


def _one_by_one(raw: bytes, ids: Sequence[str]) -> Reply:
    reply = _json(raw)
    if not isinstance(reply, dict):
        raise NotUnderstood("the reply is not a JSON object")
    code, text, data = reply.get("code"), reply.get("message"), reply.get("data")
    if type(code) is not int:
        raise NotUnderstood("the reply has no numeric code")
    if not isinstance(text, str | None):
        raise NotUnderstood("the reply's message is not a text")
    if data is not None and not isinstance(data, list):
        raise NotUnderstood("the reply's data is not a list")
    if data is None and any(isinstance(value, list | dict) for value in reply.values()):
        raise NotUnderstood("the reply has no data, but a list or an object under another name")
    return Reply(code, text or "", None) if data is None else _matched(code, text or "", data, ids)


def _json(raw: bytes) -> Any:
    """Parse JSON as RFC 8259 has it: UTF-8, no NaN, no lone surrogates, and no member twice."""
    try:
        read = _STRICT.decode(raw.decode())
        if b"\\u" in raw:
            json.dumps(read, ensure_ascii=False).encode()
    except NotUnderstood:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJson("the reply is not JSON") from error
    return read


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotUnderstood("the reply names a member twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise NotJson(f"the reply is not JSON: {name} is not a number")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_number)


_ACCEPTED: Final = Item(accepted=True)


class _PlainItem(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    messageid: str
    status: Literal["Success", "Failure"]
    phone: str
    message: str | msgspec.UnsetType | None = msgspec.UNSET


class _PlainReply(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    code: Literal[0]
    data: list[_PlainItem]
    message: str


_PLAIN: Final = msgspec.json.Decoder(_PlainReply)

_STRING: Final = rb'"[^"\\\x00-\x1f]*"'
_MEMBER: Final = rb"%b\s*:\s*(?:%b|[-+.\w]+)" % (_STRING, _STRING)
_HEAD: Final = re.compile(rb'\s*\{\s*(?:%b\s*,\s*)*"data"\s*:\s*\[\s*(?=\{)' % _MEMBER)
"""What comes before the first item: members of the one outer object, none of which holds anything else, then ``data``."""
_TAIL: Final = re.compile(rb"\s*\](?:\s*,\s*%b)*\s*\}\s*" % _MEMBER)
"""What comes after the last item."""
_PHONE: Final = b'"phone":"'
_ALIKE_FROM: Final = 8
"""From so many items on, comparing their bytes is faster than reading them."""


class _Form(NamedTuple):
    """A reply that accepts `n` ids of one width, in items that differ only by id and phone.

    `letters` is the whole of it, `rows` where each item has its id and, if `numbered`, its phone, from `start` on.
    """

    letters: bytes
    start: int
    n: int
    rows: np.dtype[np.void]
    numbered: bool
    reply: Reply

    def fits(self, raw: bytes, ids: Ids) -> bool:
        """Return whether a reply differs only in its ids, which must be those asked for, and the digits of its phones."""
        letters = bytearray(self.letters)
        expected, given = (np.frombuffer(one, self.rows, self.n, self.start) for one in (letters, raw))
        expected["id"] = np.frombuffer(ids.letters, self.rows["id"])
        if self.numbered:
            phones = given["phone"]
            if not phones.tobytes().isdigit():
                return False
            expected["phone"] = phones
        return letters == raw


_forms: Final[dict[tuple[int, int, int], _Form]] = {}
"""Recent forms, by length, number of ids and width: a gateway's replies to a run have few."""
_FORMS_MOST: Final = 16


def _all_alike(raw: bytes, ids: Ids) -> Reply | None:
    """Read a reply that accepts just the ids asked for, in order, in items that differ only by id and phone.

    Its form is read strictly once. Other replies of the same form are compared with it as they stand.
    """
    key = len(raw), len(ids), ids.width
    form = _forms.get(key)
    if form is not None and form.fits(raw, ids):
        return form.reply
    form = _form(raw, ids)
    if form is None or not form.fits(raw, ids):
        return None
    if len(_forms) >= _FORMS_MOST:
        _forms.clear()
    _forms[key] = form
    return form.reply


def _form(raw: bytes, ids: Ids) -> _Form | None:
    """Return the form that a reply has if all its items are like its first one.

    The form of what surrounds the items proves that they are those of ``data``, and it is read strictly with the first of
    them.
    """
    n, width = len(ids), ids.width
    if n < _ALIKE_FROM or (head := _HEAD.match(raw)) is None:
        return None
    start = head.end()
    end = raw.find(b"}", start) + 1
    gap = raw.find(b"{", end) - end
    if not end or not 1 <= gap <= start or raw[end : end + gap].strip(b" \t\r\n") != b",":
        return None
    first = raw[start:end]
    stop = start + n * (end - start + gap) - gap
    # Without a backslash quotes come in pairs: the brace that ends the first item is none within a text.
    if b"\\" in first or stop > len(raw) or _TAIL.fullmatch(raw, stop) is None:
        return None
    asked, zeros = bytes(ids.letters[:width]), b"0" * width
    # Zeros that stand there already might be what the reading below takes for the id.
    if first.count(asked) != 1 or zeros in first:
        return None
    at = first.find(asked)
    phone = first.find(_PHONE) + len(_PHONE)
    until = first.find(b'"', phone)
    numbered = len(_PHONE) <= phone and not phone <= at < until and first[phone:until].isdigit()
    blank = bytearray(first)
    blank[at : at + width] = zeros
    if numbered:
        blank[phone:until] = b"0" * (until - phone)
    reply = _accepted(raw[:start] + blank + raw[stop:], width)
    if reply is None:
        return None
    # An item is what stands between it and the one before, and itself; before the first one, that is the head's end.
    fields = {"id": (f"V{width}", gap + at), **({"phone": (f"V{until - phone}", gap + phone)} if numbered else {})}
    rows = np.dtype(
        {
            "names": list(fields),
            "formats": [layout for layout, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": gap + len(first),
        }
    )
    letters = raw[:end] + (raw[end : end + gap] + first) * (n - 1) + raw[stop:]
    accepted = Reply(reply.code, reply.text, [_ACCEPTED] * n, all_accepted=True)
    return _Form(letters, start - gap, n, rows, numbered, accepted)


@functools.lru_cache(8)
def _accepted(raw: bytes, width: int) -> Reply | None:
    """Read strictly a reply to one message whose id is `width` zeros; None unless it accepts it."""
    try:
        reply = _one_by_one(raw, ["0" * width])
    except NotUnderstood:
        return None
    return reply if reply.code == 0 and reply.all_accepted else None


def _in_order(raw: bytes, ids: Sequence[str]) -> Reply | None:
    """Read a reply that has only the documented members and lists just the ids asked for, in order.

    Decoding into those members, with types and statuses checked, takes a tenth of the time of the strict reading. A
    duplicate member shows in the number of quotes: each has two for its name.
    """
    try:
        reply = _PLAIN.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # older msgspec has errors of its own only
        return None
    data = reply.data
    explained = sum([2 - (item.message is None) for item in data if item.message is not msgspec.UNSET])
    quotes = np.count_nonzero(np.frombuffer(raw, np.uint8) == ord('"'))
    # Without a backslash each quote begins or ends a string: "code", "message" and its value, "data"; then the items'.
    if b"\\" in raw or quotes != 2 * (4 + 6 * len(data) + explained):
        return None
    if [item.messageid for item in data] != list(ids):
        return None
    items: list[Item | None] = [
        _ACCEPTED if item.status == "Success" else Item(accepted=False, text=_text(item.message)) for item in data
    ]
    return Reply(reply.code, reply.message, items, all_accepted=items.count(_ACCEPTED) == len(items))


def _matched(code: int, text: str, data: list[Any], ids: Sequence[str]) -> Reply:
    items_by_id: dict[str, Item | None] = {}
    for entry in data:
        if not isinstance(entry, dict) or not isinstance(entry.get("messageid"), str):
            continue
        item = _item(entry)
        messageid = entry["messageid"]
        items_by_id[messageid] = item if messageid not in items_by_id or items_by_id[messageid] == item else None
    items = [items_by_id.get(messageid) for messageid in ids]
    return Reply(code, text, items, all_accepted=all(item is not None and item.accepted for item in items))


def _item(entry: dict[str, Any]) -> Item | None:
    status, message = entry.get("status"), entry.get("message")
    if status == "Success":
        return _ACCEPTED
    if status == "Failure":
        return Item(accepted=False, text=_text(message))
    return None


def _text(message: object) -> str | None:
    return message if isinstance(message, str) else None
