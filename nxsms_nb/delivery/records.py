"""Pull receipts: query the records of the days on which messages were sent, and store the receipts in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from nxsms_nb.engine.queries import FEW, Queries
from nxsms_nb.engine.reconcile import is_of
from nxsms_nb.engine.transport import Transport
from nxsms_nb.errors import QueryError
from nxsms_nb.wire import requests
from nxsms_nb.wire.receipts import Receipt, from_record, phone_of, root

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.engine.queries import Record
    from nxsms_nb.journal.store import ReceiptBook

__all__ = ["REACH_DAYS", "Pull"]

REACH_DAYS: Final = 31
"""How far back the record queries reach."""
_DAY: Final = timedelta(days=1)


class Pull:
    """One pull of receipts.

    Parameters
    ----------
    days : mapping
        The UTC day on which each message was sent.
    numbers : mapping
        The numbers of messages in doubt, where they are known: a record of another number is not theirs.
    book : ReceiptBook
        Where receipts are written, page by page, so that what was pulled before an interrupt is kept.

    Notes
    -----
    The time zone of a record's ``date`` is not documented, so a message is looked for on its day, and then, if it is not
    there, on the days after and before. Days out of the query's reach are not asked for. `strangers` are the messages whose record has
    another number, and `unsteady` the days whose lists shifted each time they were read.
    """

    def __init__(
        self, days: Mapping[str, date], numbers: Mapping[str, Sequence[str | None]], book: ReceiptBook
    ) -> None:
        today = datetime.now(UTC).date()
        first = today - timedelta(days=REACH_DAYS + 1)
        self.unsteady: list[date] = []
        self.strangers: set[str] = set()
        self._days = {messageid: day for messageid, day in days.items() if day + _DAY >= first}
        self._missing = dict.fromkeys(self._days)
        self._numbers = numbers
        self._book = book
        self._first, self._today = first, today

    async def run(self, client: Client) -> None:
        """Ask for the receipts; a refused or unreadable query raises `QueryError`, and what was found before it is kept."""
        async with Transport(client) as transport:
            queries = Queries(transport)
            try:
                if len(self._days) <= FEW:
                    await self._one_by_one(queries, [*self._days], [1, -1])
                else:
                    await self._by_the_page(queries)
            finally:
                self.unsteady = queries.unsteady
            self._refuse_days_without_answer(queries)

    async def _one_by_one(self, queries: Queries, ids: Sequence[str], further: Sequence[int]) -> None:
        for messageid in ids:
            for day in (self._days[messageid] + way * _DAY for way in (0, *further)):
                if day >= self._first and (record := await queries.record(messageid, day)):
                    self._keep([record])
                    break

    async def _by_the_page(self, queries: Queries) -> None:
        sent_on: dict[date, list[str]] = {}
        for messageid, day in self._days.items():
            sent_on.setdefault(day, []).append(messageid)
        around = {day + way * _DAY for day in sent_on for way in (1, -1)} - sent_on.keys()
        for day in (*sorted(sent_on), *sorted(around)):
            if day < self._first:
                continue
            wanted = [one for way in (0, 1, -1) for one in sent_on.get(day + way * _DAY, ()) if one in self._missing]
            if wanted:
                await self._list(queries, day, wanted)

    async def _list(self, queries: Queries, day: date, wanted: Sequence[str]) -> None:
        missing = dict.fromkeys(wanted)
        async for page in queries.pages(day):
            for messageid in self._keep(page.records):
                missing.pop(messageid, None)
            if not missing:
                return
            if page.left is not None and len(missing) < page.left:
                for messageid in missing:
                    if record := await queries.record(messageid, day):
                        self._keep([record])
                return

    def _keep(self, records: Sequence[Record]) -> list[str]:
        """Write the receipts of our messages among some records; return the messages."""
        found = [ours for record in records for ours in self._ours(record)]
        if found:
            self._book.write([receipt for _, receipt in found], "pulled")
        return [messageid for messageid, _ in found]

    def _ours(self, record: Record) -> Iterator[tuple[str, Receipt]]:
        receipt = from_record(record)
        if receipt is None:
            return
        messageid = receipt.messageid
        if messageid not in self._days:
            messageid = root(messageid) or messageid
        if messageid in self._days:
            numbers = self._numbers.get(messageid, ())
            if not numbers or any(is_of({phone_of(record)}, number) for number in numbers):
                self._missing.pop(messageid, None)
                yield messageid, receipt
            else:
                self.strangers.add(messageid)

    def _refuse_days_without_answer(self, queries: Queries) -> None:
        """Raise `QueryError` if there was no answer for a day within the query's reach in every time zone."""
        path = requests.RECORD_PATH if len(self._days) <= FEW else requests.CDR_PATH
        for day, code in queries.refused.items():
            if self._today - timedelta(days=REACH_DAYS - 1) <= day < self._today and self._missing:
                raise QueryError(
                    f"The record query has no answer for {day:%Y-%m-%d} (code {code}), which is within its {REACH_DAYS} days. "
                    f"Receipts that were found before it are kept. Try again later, or ask the vendor about "
                    f"{path}."
                )
