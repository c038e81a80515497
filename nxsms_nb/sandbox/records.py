"""The record queries and the balance: a form in, an answer out. No sockets, no clock of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.sandbox.delivery import DELIVERED, PRICE, cost, outcome
from nxsms_nb.sandbox.draws import derived, roll
from nxsms_nb.sandbox.limits import Bucket

if TYPE_CHECKING:
    from nxsms_nb.sandbox.gateway import Gateway
    from nxsms_nb.sandbox.ledger import Accepted

DAYS: Final = 31
FULL: Final = 3788.32
"""The balance before anything was sent, of an account without a limit of messages."""
PAGE_MAX: Final = 999
TIME: Final = "%Y-%m-%d %H:%M:%S"

# dr_status delivered and not, billing_status
_WORDING: Final = {
    "en": ("Success", "Failed", "Billed"),
    "en-alt": ("Successful", "Failure", "Yes"),
    "zh": ("成功", "失败", "是"),
}

Reply = dict[str, Any]


class Records:
    """Answers record queries about accepted messages, with the settings, keys and ledger of a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._answers: Mapping[str, Callable[[Mapping[str, str], float, float], Reply]] = {
            "/api/sms/get": self._one,
            "/api/sms/getSmsCdr": self._page,
            "/api/sms/getSmsReport": self._report,
            "/api/common/getBalance": self._balance,
        }
        self.reset()

    def reset(self) -> None:
        """Start over with the query limit of the settings."""
        self._paid, self._sum = 0, 0.0
        limit = self._gateway.settings.query_limit
        self._limit = None if limit is None else Bucket(limit)

    def knows(self, path: str) -> bool:
        """Return whether a path belongs to a query."""
        return path in self._answers

    def answer(self, path: str, form: Mapping[str, str], *, now: float, tick: float) -> Reply:
        """Answer a query.

        ``code`` of the reply is text: 0; 1 a field is missing or wrong; 2 the keys; 3 before the last 31 days, or the page size;
        4 the page; 5 asked too often.
        """
        keys = self._gateway.keys
        if not form.get("appkey") or not form.get("secretkey"):
            return {"code": "1"}
        if form["appkey"] != keys.app_key or form["secretkey"] != keys.app_secret:
            return {"code": "2"}
        if self._limit is not None and not self._limit.take(1, tick):
            return {"code": "5"}
        return self._answers[path](form, now, tick)

    def _one(self, form: Mapping[str, str], now: float, tick: float) -> Reply:
        day, messageid = _day(form.get("date", ""), "%Y%m%d"), form.get("messageid")
        if day is None or not messageid:
            return {"code": "1"}
        if not self._kept(day, now):
            return {"code": "3"}
        ledger = self._gateway.ledger
        for position in ledger.positions(messageid):
            message = ledger.accepted(position)
            if self._shows(message, tick) and self._local(message.at).date() == day:
                return {"code": "0", "row": self._row(message, tick)}
        unknown: Mapping[str, Reply] = {"empty": {"row": {}}, "null": {"row": None}, "missing": {}}
        return {"code": "0"} | unknown[self._gateway.settings.record_unknown]

    def _page(self, form: Mapping[str, str], now: float, tick: float) -> Reply:
        day, sort = _day(form.get("date", ""), "%Y%m%d"), form.get("sort_type", "0")
        if day is None or sort not in {"0", "1"} or not self._kept(day, now):
            return {"code": "1"}
        size, page = _whole(form.get("page_size", "")), _whole(form.get("page", ""))
        if size is None or not 1 <= size <= PAGE_MAX:
            return {"code": "3"}
        if page is None or page < 1:
            return {"code": "4"}
        messages = self._between(day, day, tick)
        if sort == "1":
            messages = messages[::-1]
        wanted = messages[(page - 1) * size : page * size]
        rows = [self._row(self._gateway.ledger.accepted(position), tick) for position in wanted]
        return {"code": "0", "info": {"total": len(messages), "page": page, "pageSize": size, "rows": rows}}

    def _report(self, form: Mapping[str, str], now: float, tick: float) -> Reply:
        first, last = (_day(form.get(name, ""), "%Y-%m-%d") for name in ("start_date", "end_date"))
        if first is None or last is None or first > last:
            return {"code": "1"}
        if not self._kept(first, now):
            return {"code": "3"}
        ledger, settings = self._gateway.ledger, self._gateway.settings
        positions = self._between(first, last, tick)
        all_of_them = [outcome(ledger.accepted(position), settings) for position in positions]
        row = {
            "total_fee": f"{sum(one.price * one.size for one in all_of_them):.4f}",
            "submit_size": str(len(all_of_them)),
            "success_size": str(sum(one.status == DELIVERED for one in all_of_them)),
            "price_size": str(sum(one.size for one in all_of_them)),
        }
        return {"code": "0", "row": [row]}

    def _balance(self, _form: Mapping[str, str], _now: float, _tick: float) -> Reply:
        left = self._gateway.balance
        if left is None:
            return {"code": "0", "balance": _money(FULL - self._spent()), "credit_balance": "500"}
        return {"code": "0", "balance": _money(left * PRICE), "credit_balance": "0"}

    def _spent(self) -> float:
        """Return the price of all messages, by segment, adding only those accepted since the last query."""
        phones, contents = self._gateway.ledger.texts_since(self._paid)
        self._sum += cost(phones, contents)
        self._paid += len(phones)
        return self._sum

    def _row(self, message: Accepted, tick: float) -> dict[str, str]:
        settings = self._gateway.settings
        became = outcome(message, settings)
        good, bad, billed = _WORDING[settings.record_wording]
        known = tick >= message.tick + became.after
        return {
            "msgid": message.messageid,
            "date": self._local(message.at).strftime(TIME),
            "phone": message.phone,
            "senderid": message.source_address or "",
            "body": message.content,
            "billing_size": str(became.size),
            "billing_price": f"{became.price:.4f}",
            "billing_status": billed,
            "network": became.network if settings.record_network == "name" else became.network_number,
            "dr": became.result if known else "",
            "dr_status": (good if became.status == DELIVERED else bad) if known else "",
            "dr_time": self._local(message.at + became.after).strftime(TIME) if known else "",
        }

    def _shows(self, message: Accepted, tick: float) -> bool:
        delay, seed = self._gateway.settings.record_delay, self._gateway.settings.seed
        low, high = delay if isinstance(delay, tuple) else (delay, delay)
        later = roll(message.messageid, derived(seed, "record")) / (1 << 64) if high > low else 0.0
        return tick >= message.tick + low + later * (high - low)

    def _between(self, first: date, last: date, tick: float) -> list[int]:
        start, end = (self._midnight(day) for day in (first, last + timedelta(days=1)))
        delay, ledger = self._gateway.settings.record_delay, self._gateway.ledger
        if not isinstance(delay, tuple):
            return ledger.between(start, end, tick - delay)
        found = ledger.between(start, end, tick - delay[0])
        return [position for position in found if self._shows(ledger.accepted(position), tick)]

    def _kept(self, day: date, now: float) -> bool:
        return day >= self._local(now).date() - timedelta(days=DAYS)

    def _zone(self) -> timezone:
        return timezone(timedelta(hours=self._gateway.settings.record_utc_offset))

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._zone())

    def _midnight(self, day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=self._zone()).timestamp()


def _money(amount: float) -> str:
    """Write an amount as the vendor does, with two decimals, or more where it has them.

    Examples
    --------
    >>> _money(3788.32), _money(3788.3135)
    ('3788.32', '3788.3135')
    """
    whole, _, decimals = f"{max(0.0, amount):.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day, which has no zone
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
