"""The vendor's record queries: asked within their limits, and a day's list read whole although it shifts meanwhile.

Source: the vendor's page on record queries. How often they may be asked is not documented, nor the order of a list whose
messages are still being recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import QueryError
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    from nxsms_nb.engine.transport import Transport

__all__ = ["FEW", "Queries", "Record"]

FEW: Final = 20
"""Up to this many ids are queried one by one; more are looked for in the day's pages."""
PATIENCE: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to wait when the query says that it was asked too often."""
READINGS: Final = 5
"""How often a list that shifts is read at most."""
REPEATS: Final = 3
"""So many pages in a row with nothing but what the pages before had are no list that shifts."""
ANSWERED, KEYS_REFUSED, TOO_OFTEN = "0", "2", "5"
"""Codes of the record queries."""

Record = Mapping[str, Any]


class Page:
    """A page of a day's list: the records that no page before it had, and how many pages are left by the list's own count."""

    def __init__(self, records: list[Record], left: int | None) -> None:
        self.records = records
        self.left = left


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
        """Return a message's record of a day, empty where there is none; None where the query has no answer for that day."""
        reply = await self._ask(requests.RECORD_PATH, {"date": f"{day:%Y%m%d}", "messageid": messageid}, day)
        row = None if reply is None else reply.get("row")
        if reply is None:
            return None
        return row if isinstance(row, dict) and row.get("msgid") == messageid else {}

    async def pages(self, day: date) -> AsyncIterator[Page]:
        """Yield the pages of a day's list, until it has stood still while it was read; nothing where the query has no answer.

        A record may come to stand on another page between two queries. It shows: one that was read already is met again, or
        the list has become shorter. Then the list is read again from its first page, and only what is new is yielded.
        """
        seen: set[tuple[str, str]] = set()
        for reading in range(READINGS):
            moved, added = False, False
            async for fresh, left, shifted in self._reading(day, seen):
                moved, added = moved or shifted, added or bool(fresh)
                yield Page(fresh, left)
            if not moved or (reading and not added):
                return
        self.unsteady.append(day)

    async def _reading(
        self, day: date, seen: set[tuple[str, str]]
    ) -> AsyncIterator[tuple[list[Record], int | None, bool]]:
        """Read a list once: what is new on each page, how many pages are left, and whether it shows that the list shifted."""
        here: set[tuple[str, str]] = set()
        number, count, most, repeats = 1, 0, 0, 0
        while True:
            form = {
                "date": f"{day:%Y%m%d}",
                "page_size": str(requests.CDR_PAGE_MAX),
                "page": str(number),
                "sort_type": "0",
            }
            reply = await self._ask(requests.CDR_PATH, form, day if number == 1 else None)
            if reply is None:
                if number == 1:
                    return
                raise QueryError(
                    f"The query {requests.CDR_PATH} stopped after {number - 1} of its pages. Try again later."
                )
            info = reply.get("info")
            rows = info.get("rows") if isinstance(info, dict) else None
            records: list[Record] = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            total = _total(info)
            fresh: list[Record] = []
            met = 0
            for record in records:
                key = (str(record.get("msgid")), str(record.get("phone")))
                met += key in here
                if key not in seen:
                    seen.add(key)
                    fresh.append(record)
            here.update((str(record.get("msgid")), str(record.get("phone"))) for record in records)
            repeats = repeats + 1 if records and met == len(records) else 0
            if repeats >= REPEATS:
                raise QueryError(f"The query {requests.CDR_PATH} keeps returning the same page. Ask the vendor.")
            count += len(records)
            shifted = met > 0 or (total is not None and total < most)
            most = max(most, total or 0)
            pages = None if total is None or not records else -(-max(total - count, 0) // len(records))
            # By the ids and not by the count: those that were met again stand for others that were not met.
            ended = not records or (total is not None and len(here) >= total and not shifted)
            yield fresh, pages, shifted
            if ended:
                return
            number += 1

    async def _ask(self, path: str, form: dict[str, str], day: date | None) -> dict[str, Any] | None:
        """Return a query's reply; None where it has none for that day."""
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
                if day is not None:
                    self.refused[day] = code
                return None
            # Refusals count against nobody, but each costs a wait: better to ask a little later next time.
            self._gap_s = min(PATIENCE[0], max(2 * self._gap_s, PATIENCE[0] / 16))
            if pause is not None:
                await asyncio.sleep(pause)
        raise QueryError(
            f"The query {path} is still refused for being asked too often (5). Try again in a few minutes."
        )


def _total(info: Any) -> int | None:
    """Return how many records a list has by its own count; None where it does not say."""
    total = str(info.get("total", "")) if isinstance(info, dict) else ""
    return int(total) if total.isdecimal() and len(total) < 20 else None
