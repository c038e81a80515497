"""Delivery receipts on the wire: a push to ``drUrl``, and a row of the record queries. No I/O, no clock.

Sources: the vendor's pages on delivery receipts (DR) and on record queries. Numbers come as text, statuses in English and in
Chinese, and any field but the id may be missing. The number and the ``ext`` of a push are not read: nobody needs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from nxsms_nb.formatting import mask_phone, shorten

__all__ = [
    "FORM_FIELDS_MAX",
    "WORDS",
    "NotAReceipt",
    "Receipt",
    "from_push",
    "from_record",
    "phone_of",
    "root",
    "same_id",
    "status_of",
]

WORDS: Final[Mapping[int, str]] = {
    2: "DELIVRD",
    5: "UNDELIV",
    6: "REJECTD",
    7: "EXPIRED",
    8: "DELETED",
    9: "DND",
    10: "wrong destination address",
    11: "wrong source address",
    12: "UNKNOWN",
}
"""The vendor's numbers and their words."""

_OTHER_WORDS: Final[Mapping[int, tuple[str, ...]]] = {
    2: ("delivered", "success", "successful", "succeeded", "成功", "发送成功", "已送达", "送达"),
    5: ("undelivered", "undeliverable", "failed", "failure", "fail", "失败", "发送失败", "未送达"),
    6: ("rejected", "reject", "拒绝", "被拒绝", "已拒绝"),
    7: ("expird", "过期", "已过期"),
    8: ("删除", "已删除"),
    9: ("do not disturb", "donotdisturb", "免打扰", "勿扰"),
    10: ("目的地址错误", "目标地址错误"),
    11: ("源地址错误",),
    12: ("未知",),
}
_NUMBERS: Final = {
    word.casefold(): number for number in WORDS for word in (WORDS[number], *_OTHER_WORDS.get(number, ()))
}

FORM_FIELDS_MAX: Final = 64
"""The most fields that a push may have; the vendor's has eleven."""

_ID: Final = re.compile(r"[0-9A-Za-z._:+=~-]{1,100}")
_SUFFIX: Final = re.compile(r"-[0-9]{10}\Z")
_LONG: Final = re.compile(r"\d(?:[ -]?\d){6,}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_NOTHING: Final = frozenset(("null", "none", "nil", "undefined", "nan", "n/a", "-", "--"))
"""The texts that programs write for a missing value."""
_WORD_MAX: Final = 40
_SEGMENTS_MAX: Final = 1000


class Receipt(NamedTuple):
    """What one receipt says of one message; times are the vendor's text, in the vendor's zone."""

    messageid: str
    dr: str | None = None
    dr_status: int | None = None
    dr_time: str | None = None
    price: float | None = None
    currency: str | None = None
    segments: int | None = None
    network: str | None = None


class NotAReceipt(ValueError):
    """A push that is not a receipt; the text says why, in a few words without a value."""


def from_push(query: str, body: bytes) -> Receipt:
    """Read a push: a form in the body or, from customers of before 2023-05-24, in the query string.

    Examples
    --------
    >>> from_push("", b"messageid=message-000001&status=2&result=DELIVRD&drtime=2026-03-03+14%3A02%3A11&price=0.0065&size=2")[:5]
    ('message-000001', 'DELIVRD', 2, '2026-03-03 14:02:11', 0.0065)
    """
    try:
        form = body.decode()
        pairs = [
            pair
            for text in (query, form)
            for pair in parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
        ]
    except ValueError:
        raise NotAReceipt("not a form") from None
    fields = {name.strip().casefold(): value for name, value in pairs}
    messageid = _id(fields.get("messageid"))
    if messageid is None:
        raise NotAReceipt("no messageid")
    word, number = _word(fields.get("result")), _status(fields.get("status"))
    if word is None and number is None:
        raise NotAReceipt("no status")
    return Receipt(
        messageid,
        WORDS.get(number or 0) if word is None else word,
        status_of(word) if number is None else number,
        _time(fields.get("drtime")),
        _price(fields.get("price")),
        _currency(fields.get("currency")),
        _segments(fields.get("size")),
        _word(fields.get("network")),
    )


def from_record(row: Mapping[str, Any]) -> Receipt | None:
    """Read a row of a record query; None where it has no id. Before there is a receipt, its status is open.

    The word in ``dr`` says more than the one in ``dr_status``, so it counts where it is known.

    Examples
    --------
    >>> from_record({"msgid": "message-000001", "dr": "", "dr_status": "成功", "billing_size": "1"})[:3]
    ('message-000001', '成功', 2)
    """
    messageid = _id(row.get("msgid"))
    if messageid is None:
        return None
    word, status = _word(row.get("dr")), _word(row.get("dr_status"))
    number = status_of(word)
    if number is None:
        number = status_of(status)
    return Receipt(
        messageid,
        word or status,
        number,
        _time(row.get("dr_time")),
        _price(row.get("billing_price")),
        _currency(row.get("currency")),
        _segments(row.get("billing_size")),
        _word(row.get("network")),
    )


def status_of(word: str | None) -> int | None:
    """Return the vendor's number for a word, in any case, or for the number as text; None where it is not in the table.

    Examples
    --------
    >>> [status_of(word) for word in ("DELIVRD", "Successful", "成功", "undeliv", "12", "ENROUTE", None)]
    [2, 2, 2, 5, 12, None, None]
    """
    if word is None:
        return None
    number = _NUMBERS.get(" ".join(word.casefold().split()), _status(word))
    return number if number in WORDS else None


def root(messageid: str) -> str | None:
    """Return a receipt's id without the ``-`` and ten digits of a bulk send; None if it does not have these.

    Examples
    --------
    >>> root("message-000001-0123456789"), root("message-000001")
    ('message-000001', None)
    """
    found = _SUFFIX.search(messageid)
    return messageid[: found.start()] if found and found.start() else None


def same_id(listed: Any, messageid: str) -> bool:
    """Return whether the id of a record is a message's, as it is or with ``-`` and ten digits behind it.

    Examples
    --------
    >>> same_id("message-000001-0123456789", "message-000001"), same_id(1234567890, "1234567890"), same_id(None, "None")
    (True, True, False)
    """
    found = _id(listed)
    return found is not None and messageid in (found, root(found))


def phone_of(row: Mapping[str, Any]) -> str:
    """Return the digits of a record's number; empty if it shows none, or not all.

    Examples
    --------
    >>> phone_of({"phone": "+86 150 8888 8888"}), phone_of({"phone": "861****8888"})
    ('8615088888888', '')
    """
    shown = row.get("phone")
    text = str(shown).strip() if isinstance(shown, str | int) else ""
    digits = re.sub(r"[+ -]", "", text)
    return digits.removeprefix("00") if digits.isascii() and digits.isdigit() else ""


def _text(value: Any) -> str:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return "" if text.casefold() in _NOTHING else text


def _id(value: Any) -> str | None:
    text = _text(value)
    return text if _ID.fullmatch(text) else None


def _word(value: Any) -> str | None:
    """Return a word of the vendor's, short and printable, with possible phone numbers masked."""
    text = "".join(letter for letter in _text(value) if letter.isprintable())
    return shorten(_LONG.sub(lambda found: mask_phone(found.group()), text), _WORD_MAX) or None


def _number(value: Any) -> float | None:
    text = _text(value)
    number = float(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else float("nan")
    return number if isfinite(number) else None


def _status(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and 0 <= number < 1000 else None


def _segments(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and 0 <= number <= _SEGMENTS_MAX else None


def _price(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number < 1e9 else None


def _currency(value: Any) -> str | None:
    text = _text(value).upper()
    return text if text.isalpha() and len(text) <= 10 else None


def _time(value: Any) -> str | None:
    """Return a time in the vendor's form, `yyyy-MM-dd HH:mm:ss`, however it was written; None if it is not a time."""
    text = _text(value).replace("/", "-")
    if not 12 <= len(text) <= 40 or not text.isascii():
        return None
    for form in (None, "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M"):
        try:
            time = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            continue
        return time.isoformat(" ", "seconds") if 2000 <= time.year < 2200 else None
    return None
