"""The vendor's record queries: made within their limits, and a day's list read completely even if it changes meanwhile.

Source: the vendor's page on record queries. How often they may be asked is not documented, nor the order of a list whose
messages are still being recorded.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import QueryError
from nxsms_nb.wire import requests
from nxsms_nb.wire.receipts import same_id

if TYPE_CHECKING:
    from nxsms_nb.engine.transport import Transport

__all__ = ["FEW", "Queries", "Record"]

FEW: Final = 20
"""Up to this many ids are queried one by one; more are looked for in the day's pages."""
PATIENCE: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to wait when the query says that it was asked too often."""
READINGS: Final = 5
"""How often a list that shifts is read at most."""
PAGES_MAX: Final = 10_000
"""The most pages of a list without a count. Otherwise twice its count is read, since it may grow while it is read."""
REPEATS: Final = 3
"""After so many pages in a row without anything new, the query is repeating itself, not the list shifting."""
ANSWERED, KEYS_REFUSED, NO_PAGE, TOO_OFTEN = "0", "2", "4", "5"
"""Codes of the record queries."""

Record = Mapping[str, Any]
_Key = tuple[str, str]
"""The id and the number of a record."""


class Page:
    """A page of a day's list.

    The records that no page before it had, and how many pages are left by the list's own count.
    """

    def __init__(self, records: list[Record], left: int | None) -> None:
        self.records = records
        self.left = left


class _Reading:
    """One reading of a list: `moved` says that the list shifted meanwhile, `added` that something new was met."""

    def __init__(self, seen: set[_Key], pages_max: int) -> None:
        self._seen = seen
        self._here: set[_Key] = set()
        self._repeats = 0
        self._pages = 0
        self.pages_max = pages_max
        self.order: list[_Key] = []
        self.total: int | None = None
        self.moved = self.added = self.ended = False

    @property
    def enough(self) -> bool:
        """Whether, by its own count, the list may end here."""
        return self.total is None or len(self._here) >= self.total

    def turn(self, info: Any) -> Page:
        """Add the next page; raise `QueryError` if the query keeps returning the same one."""
        rows = info.get("rows") if isinstance(info, dict) else None
        records: list[Record] = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        total, fresh, met = _total(info), [], 0
        for record in records:
            key = (str(record.get("msgid")), str(record.get("phone")))
            self.order.append(key)
            met += key in self._here
            self._here.add(key)
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(record)
        # A list that grows in front as fast as it is read shows nothing new either, but says that it is longer.
        again = bool(records) and met == len(records) and total == self.total
        self._repeats = self._repeats + 1 if again else 0
        if self._repeats >= REPEATS:
            raise QueryError(f"The query {requests.CDR_PATH} keeps returning the same page. Ask the vendor.")
        self._pages += 1
        if self._pages == 1 and total is not None and records:
            self.pages_max = min(self.pages_max, 2 * (total // len(records) + 1) + 10)
        if total is not None and len(self._here) > total:
            # A count that is too small bounds nothing.
            self.pages_max = PAGES_MAX
        shifted = met > 0 or (total is not None and self.total is not None and total < self.total)
        self.moved |= shifted or self._pages >= self.pages_max
        self.added |= bool(fresh)
        self.total = total
        # By the ids and not by the count: those that were met again stand for others that were not met. Nor by the count
        # alone: behind a page that is full there is another one, whatever the count says.
        whole = self.enough and total is not None and not shifted and len(records) < _page_size(info)
        self.ended = not records or whole or self._pages >= self.pages_max
        left = None if total is None or not records else -(-max(total - len(self.order), 0) // len(records))
        return Page(fresh, left)


class Queries:
    """Asks the record queries of one account; `refused` has the code of each day for which there was no answer.

    `unsteady` are the days whose lists shifted each time they were read: records of theirs may be missing.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._gap_s = 0.0
        self.refused: dict[date, str] = {}
        self.unsteady: list[date] = []

    async def record(self, messageid: str, day: date) -> Record | None:
        """Return a message's record of a day: empty if there is none, None if the query has no answer for that day."""
        reply = await self._ask(requests.RECORD_PATH, {"date": f"{day:%Y%m%d}", "messageid": messageid})
        if isinstance(reply, str):
            self.refused[day] = reply
            return None
        row = reply.get("row")
        rows = row if isinstance(row, list) else [row]
        return next((row for row in rows if isinstance(row, dict) and same_id(row.get("msgid"), messageid)), {})

    async def pages(self, day: date) -> AsyncIterator[Page]:
        """Yield the pages of a day's list, until it has stood still while it was read.

        Nothing where the query has no answer.

        A record may come to stand on another page between two queries. It shows: one that was read already is met again, or
        the list has become shorter. Then the list is read again from its first page, and only what is new is yielded. It has
        stood still when a reading shows nothing of this kind, is as the one before, or adds nothing to a list that is complete
        by its own count: the record of a message may stand in it twice.
        """
        seen: set[_Key] = set()
        before: list[_Key] | None = None
        pages_max = PAGES_MAX
        for _ in range(READINGS):
            reading = _Reading(seen, pages_max)
            async for page in self._read(day, reading):
                yield page
            complete = not reading.added and reading.total is not None and len(seen) >= reading.total
            if not reading.moved or complete or (before is not None and reading.order[: len(before)] == before):
                return
            before = reading.order
            pages_max = reading.pages_max
        self.unsteady.append(day)

    async def _read(self, day: date, reading: _Reading) -> AsyncIterator[Page]:
        """Read a list once, page by page."""
        for number in itertools.count(1):
            form = {
                "date": f"{day:%Y%m%d}",
                "page_size": str(requests.CDR_PAGE_MAX),
                "page": str(number),
                "sort_type": "0",
            }
            reply = await self._ask(requests.CDR_PATH, form)
            if isinstance(reply, str) and number == 1:
                self.refused[day] = reply
                return
            if reply == NO_PAGE and reading.enough:
                return
            if isinstance(reply, str):
                raise QueryError(
                    f"The query {requests.CDR_PATH} stopped after {number - 1} of its pages (code {reply}). Try again later."
                )
            yield reading.turn(reply.get("info"))
            if reading.ended:
                return

    async def _ask(self, path: str, form: dict[str, str]) -> dict[str, Any] | str:
        """Return a query's reply, or the code with which it has none."""
        for pause in (*PATIENCE, None):
            if self._gap_s:
                await asyncio.sleep(self._gap_s)
            reply = await self._transport.query(path, form)
            code = str(reply.get("code"))
            if code == KEYS_REFUSED:
                raise QueryError(
                    f"The query {path} failed: the application's key pair was refused (2). Check app_key and app_secret."
                )
            if code == ANSWERED:
                self._gap_s = 0.0 if self._gap_s < PATIENCE[0] / 64 else self._gap_s * 0.9
                return reply
            if code != TOO_OFTEN:
                return code
            # Refusals count against nobody, but each costs a wait: better to ask a little later next time.
            self._gap_s = min(PATIENCE[0], max(2 * self._gap_s, PATIENCE[0] / 16))
            if pause is not None:
                await asyncio.sleep(pause)
        raise QueryError(
            f"The query {path} is still refused because it was made too often (5). Try again in a few minutes."
        )


def _page_size(info: Any) -> int:
    """Return how many records a full page has: as many as were asked for, or fewer where the reply says so."""
    stated = str(info.get("pageSize", "")) if isinstance(info, dict) else ""
    size = int(stated) if stated.isdecimal() and len(stated) < 20 else 0
    return min(size or requests.CDR_PAGE_MAX, requests.CDR_PAGE_MAX)


def _total(info: Any) -> int | None:
    """Return how many records a list has by its own count; None where it does not say."""
    total = str(info.get("total", "")) if isinstance(info, dict) else ""
    return int(total) if total.isdecimal() and len(total) < 20 else None
