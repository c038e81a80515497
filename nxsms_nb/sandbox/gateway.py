"""The gateway's decisions: a request in, an answer out. No sockets, no clock of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nxsms_nb.sandbox import access
from nxsms_nb.sandbox.draws import derived
from nxsms_nb.sandbox.failures import Draw
from nxsms_nb.sandbox.limits import Hourly, limiter
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    from nxsms_nb.sandbox.ledger import Exchange, Ledger
    from nxsms_nb.sandbox.settings import AccessKeys, Settings

ITEMS_MAX: Final = 200
CONTENT_MAX: Final = 1000
VERIFICATION_MAX: Final = 5

_TEXTS: Final = {number: code.text for number, code in codes.TABLE.items()}
_OPTIONAL: Final = ("sourceAddress", "sysMessageId", "shortLink", "linkVerbose", "drUrl", "ext")
_SOURCE: Final = re.compile(r"[0-9A-Za-z]{1,20}")
_ID: Final = re.compile(r"[0-9A-Za-z-]{10,50}")
_LOOSE_ID: Final = re.compile(r"[0-9A-Za-z-]{1,50}")
_NATIONAL: Final = re.compile(r"1[3-9][0-9]{9}")


@dataclass(slots=True)
class Answer:
    """What the gateway answers to a batch send.

    `data` is None (``null``) where the request was refused as a whole; `effects` are the accepted items as received, and
    `first` is the position of the first of them in the ledger.
    """

    code: int
    data: list[dict[str, str]] | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)
    first: int = 0

    def body(self) -> bytes:
        """Encode the reply."""
        return msgspec.json.encode(
            {"code": self.code, "message": _TEXTS.get(self.code, "Unknown error"), "data": self.data}
        )


class Gateway:
    """Decides like the vendor's gateway and records in the ledger what it accepts."""

    def __init__(self, settings: Settings, keys: AccessKeys, ledger: Ledger) -> None:
        self.keys = keys
        self.ledger = ledger
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Start over with the current settings: limits unused, balance full."""
        settings = self.settings
        self._draw = Draw(settings.failures, settings.seed)
        self._blocked = _any_of(settings.blocked_keywords)
        self._limiter = limiter(settings.limiter, settings.tps)
        self._hourly = None if settings.hourly_limit is None else Hourly(settings.hourly_limit)
        self.balance = settings.balance
        self._made = 0

    def change(self, settings: Settings) -> None:
        """Apply other settings; what they do not touch keeps its state."""
        before = self.settings
        if settings.failures != before.failures:
            self._draw = Draw(settings.failures, settings.seed)
        self.settings = settings
        if settings.blocked_keywords != before.blocked_keywords:
            self._blocked = _any_of(settings.blocked_keywords)
        if (settings.limiter, settings.tps) != (before.limiter, before.tps):
            self._limiter = limiter(settings.limiter, settings.tps)
        if settings.hourly_limit != before.hourly_limit:
            self._hourly = None if settings.hourly_limit is None else Hourly(settings.hourly_limit)

    def send(self, headers: Mapping[str, str], raw: bytes, *, exchange: Exchange, now: float, tick: float) -> Answer:
        """Decide about a batch send that the ledger knows as `exchange`.

        `now` is in seconds by the gateway's clock, `tick` by a clock that only goes forward.
        """
        settings = self.settings
        if refused := access.refusal(headers, raw, self.keys, now) or settings.refuse or 0:
            return Answer(refused)
        try:
            body = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):  # bytes that are not UTF-8, or nested too deeply
            return Answer(1002)
        if not isinstance(body, dict) or not isinstance(body.get("appKey"), str):
            return Answer(9000)
        if body["appKey"] != self.keys.app_key:
            return Answer(13002)
        items = body.get("items")
        if not isinstance(items, list) or not 1 <= len(items) <= ITEMS_MAX:
            return Answer(9000)
        exchange.items = len(items)
        if settings.verification_channel and len(items) > VERIFICATION_MAX:
            return Answer(13010)
        accepted_id = _ID if settings.strict_ids else _LOOSE_ID
        # One field of the wrong type or form refuses the whole request.
        if not all(_well_formed(item, accepted_id) for item in items):
            return Answer(9000)
        if settings.balance_per == "request" and self.balance is not None and self.balance < len(items):
            return Answer(1102)
        granted = len(items)
        if self._limiter is not None:
            if settings.per == "item":
                granted = self._limiter.take_some(granted, tick)
            elif not self._limiter.take(granted, tick):
                return Answer(13008)
        return self._items(items, granted, exchange, now, tick)

    def _items(self, items: list[dict[str, Any]], granted: int, exchange: Exchange, now: float, tick: float) -> Answer:
        rewrite, hourly = self.settings.rewrite_phones, self._hourly
        data: list[dict[str, str]] = []
        effects: list[dict[str, Any]] = []
        ids: list[str] = []
        shares = self._draw.shares(items, int(now // 3600) % 24) if self._draw.ever else None
        for position, item in enumerate(items):
            messageid = item.get("sysMessageId") or self._make_id()
            phone = item["phone"]
            if position >= granted:
                code = 13008
            else:
                code = self._verdict(phone, item["content"], item.get("sourceAddress"))
                if not code and shares is not None:
                    code = self._draw.code(item, messageid, shares[position])
            if not code:
                if self.balance == 0:
                    code = 1102
                elif hourly is not None and not hourly.take(phone, tick):
                    code = 13007
            said = "86" + phone if rewrite and _NATIONAL.fullmatch(phone) else phone
            if code:
                data.append({"phone": said, "messageid": messageid, "status": "Failure", "message": _TEXTS[code]})
                continue
            if self.balance is not None:
                self.balance -= 1
            data.append({"phone": said, "messageid": messageid, "status": "Success"})
            effects.append(item)
            ids.append(messageid)
        first = self.ledger.accept(
            exchange,
            now,
            tick,
            messageids=ids,
            phones=[item["phone"] for item in effects],
            contents=[item["content"] for item in effects],
            sources=[item.get("sourceAddress") or None for item in effects],
        )
        return Answer(0, data, effects, first)

    def _verdict(self, phone: str, content: str, source_address: str | None) -> int:
        if not (phone.isascii() and phone.isdigit() and 7 <= len(phone) <= 15 and phone[0] != "0"):
            return 13005
        if not content or content.isspace():
            return 13009
        if len(content) > CONTENT_MAX:
            return 13001
        if source_address and not _SOURCE.fullmatch(source_address):
            return 13006
        if self._blocked is not None and self._blocked.search(content):
            return 13009
        return 0

    def _make_id(self) -> str:
        self._made += 1
        return f"sandbox-{derived(self.settings.seed, f'messageid {self._made}'):016x}"


def _well_formed(item: Any, accepted_id: re.Pattern[str]) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("phone"), str) or not isinstance(item.get("content"), str):
        return False
    if len(item) == 2:
        return True
    for name in _OPTIONAL:
        value = item.get(name)
        if value is not None and not isinstance(value, str):
            return False
    if (messageid := item.get("sysMessageId")) and not accepted_id.fullmatch(messageid):
        return False
    if (verbose := item.get("linkVerbose")) and verbose not in {"0", "1"}:
        return False
    return not (url := item.get("drUrl")) or url.startswith(("http://", "https://"))


def _any_of(keywords: Any) -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, keywords)), re.IGNORECASE) if keywords else None
