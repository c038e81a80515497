"""Rows in doubt, settled by the vendor's record queries.

A record found proves that its messageid was accepted, for the number in the record; none found proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb.engine.queries import FEW, Queries
from nxsms_nb.engine.transport import Transport
from nxsms_nb.errors import QueryError
from nxsms_nb.journal.blocks import Block
from nxsms_nb.results.table import NO_TIME, SUCCESS, UNKNOWN, UNSENT, Outcome
from nxsms_nb.wire import codes, receipts, requests

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.journal.store import RunRecord
    from nxsms_nb.results.table import Rows

__all__ = ["ANOTHER_NUMBER", "in_doubt", "is_of", "settle"]

WORD_GIVEN: Final = "not found by the record query; counted as unsent on the analyst's word"
TOO_EARLY: Final = "not found by the record query; sent less than a minute ago, ask again later"
NOT_FOUND: Final = (
    'not found by the record query, which proves nothing; absent="Unsent" is your word that it was not sent'
)
TIME_UNSURE: Final = (
    "not found by the record query; this journal does not know when it was sent, and the frame's sent_at counts only after a "
    "day: its time zone may be lost. Name the journal of the send (journal=), or ask again later"
)
ASTRAY: Final = timedelta(days=1)
"""How far off a time may be that lost its zone: 14 hours, rounded up to days."""
ANOTHER_NUMBER: Final = (
    "in doubt; the gateway's record of this id names another number: the id was used before, or the number was changed. "
    "Nothing is sent under it again; give each message a sys_message_id of its own"
)
COUNTRY_CODE_MAX: Final = 3
"""The most digits of a country code, which a record may add to a number or leave out."""
STILL_SENDING: Final = (
    "not found by the record query; the run that recorded its request may still be sending it, ask again later"
)
UNSTEADY: Final = "in doubt; the list of its day kept shifting while it was read, so ask again later"
OUT_OF_REACH: Final = "in doubt; the record query, which reaches back 31 days, has no answer for its day"


async def accepted(
    transport: Transport,
    sent: dict[str, datetime],
    unsure: Collection[str] = (),
    *,
    numbers: Mapping[str, Collection[str | None]] | None = None,
) -> tuple[dict[str, set[str]], set[str], bool]:
    """Query the gateway's records; return the messages found, with the numbers in their records, and all messages queried.

    `unsure` messages may have lost the zone of their time: a day more is queried on either side. Once a record of each
    number in `numbers` is found, no further day is queried. Nothing follows for messages that were not queried: their
    days are out of the query's reach, or, as the last value says, some lists never stood still. A refused or unreadable query raises `QueryError`.

    Source: the vendor's record queries. The time zone of ``date`` is not documented, so the day before and the day
    after are queried too; that one of them is out of reach does not put the others in doubt.
    """
    found: dict[str, set[str]] = {}
    numbers = {} if numbers is None else numbers
    answered: set[tuple[str, date]] = set()
    days = {messageid: _days(when, 2 if messageid in unsure else 1) for messageid, when in sent.items()}
    queries = Queries(transport)
    if len(sent) <= FEW:
        for messageid, its_days in days.items():
            for day in its_days:
                there = await queries.record(messageid, day)
                if there is not None:
                    answered.add((messageid, day))
                if there:
                    found.setdefault(messageid, set()).add(receipts.phone_of(there))
                    if all(is_of(found[messageid], number) for number in numbers.get(messageid, ())):
                        break
    else:
        for day in sorted({day for its_days in days.values() for day in its_days}):
            async for page in queries.pages(day):
                for record in page.records:
                    listed = str(record.get("msgid")).strip()
                    ours = listed if listed in sent else receipts.root(listed)
                    if ours is not None and ours in sent:
                        found.setdefault(ours, set()).add(receipts.phone_of(record))
            if day not in queries.refused:
                answered |= {(messageid, day) for messageid, its_days in days.items() if day in its_days}
            if all(
                messageid in found and all(is_of(found[messageid], number) for number in numbers.get(messageid, ()))
                for messageid in sent
            ):
                break
    asked = {messageid for messageid, _ in answered}
    if queries.unsteady:
        # Such a list may have had the record on a page that was read before it came there.
        asked = {messageid for messageid in asked if not set(queries.unsteady) & set(days[messageid])}
    return found, asked, bool(queries.unsteady)


def _days(when: datetime, reach: int) -> list[date]:
    day = when.astimezone(UTC).date()
    return [day, *(day + timedelta(days=way * far) for far in range(1, reach + 1) for way in (1, -1))]


def is_of(recorded: Collection[str], number: str | None) -> bool:
    """Return whether records may be of a number: one of them has it, country code aside.

    Where either is unknown, the id counts.

    Examples
    --------
    >>> is_of({"8618651883168"}, "18651883168"), is_of({"8618651883168"}, "8618651883169"), is_of({""}, "8618651883168")
    (True, False, True)
    """
    return number is None or any(_same_number(one, number) for one in recorded)


def _same_number(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return not shorter or (longer.endswith(shorter) and len(longer) - len(shorter) <= COUNTRY_CODE_MAX)


async def settle(
    dispatch: Dispatch,
    recorder: RunRecord,
    rows: Rows,
    *,
    absent: str = "Unknown",
    timed: Rows | None = None,
) -> None:
    """Settle rows in doubt, in the results and in the journal.

    `absent` is the status of rows without a record; "Unsent" holds only once the gateway's 60 s window has passed.
    `timed` are the rows whose time is the journal's; the frame's own may have lost its time zone.
    """
    results = dispatch.results
    ids = dispatch.ids.take(dispatch.positions(rows)).to_pylist()
    now = datetime.fromtimestamp(recorder.now_us() / 1e6, UTC)
    # Without a time, as in a frame taken while its request was in flight, it counts as just sent.
    times = [now if us == NO_TIME else datetime.fromtimestamp(us / 1e6, UTC) for us in results.sent_us[rows]]
    certain = np.isin(rows, [] if timed is None else timed)
    # Absence releases a row, so its record must have been looked for everywhere.
    unsure = {ids[offset] for offset in np.flatnonzero(~certain)} if absent == "Unsent" else set()
    phones = dispatch.checked.fields["phone"].take(dispatch.positions(rows)).to_pylist()
    numbers: dict[str, set[str | None]] = {}
    for messageid, phone in zip(ids, phones, strict=True):
        numbers.setdefault(messageid, set()).add(phone)
    # Of rows that the journal does not know otherwise, too: they are not asked for, and absence releases none of them.
    received = dispatch.journal.with_receipts(dispatch.ids.take(dispatch.positions(rows)))
    sent = {messageid: when for messageid, when in zip(ids, times, strict=True) if messageid not in received}
    async with Transport(dispatch.client) as transport:
        found, asked, unsteady = await accepted(transport, sent, unsure, numbers=numbers)
    # A receipt in the journal does not name its number.
    found.update({messageid: {""} for messageid in received})
    decisions: dict[tuple[int, str | None], list[int]] = {}
    for offset, (messageid, when, phone) in enumerate(zip(ids, times, phones, strict=True)):
        if messageid in found:
            same = is_of(found[messageid], phone)
            decision: tuple[int, str | None] = (SUCCESS, None) if same else (UNKNOWN, ANOTHER_NUMBER)
        elif messageid not in asked:
            decision = (UNKNOWN, UNSTEADY if unsteady else OUT_OF_REACH)
        elif absent != "Unsent":
            decision = (UNKNOWN, NOT_FOUND)
        else:
            decision = _absent(now - when, certain=bool(certain[offset]))
        decisions.setdefault(decision, []).append(offset)
    for (status, reason), offsets in decisions.items():
        code = codes.SUCCESS if status == SUCCESS else None
        results.decide(rows[offsets], status, code, reason)
        if status != UNKNOWN:
            these, outcome = rows[offsets], Outcome(status, code, reason, carried=False)
            block = Block(dispatch.ids.take(dispatch.positions(these)), dispatch.keys_at(these))
            results.decide(these[await record(recorder, block, outcome)], UNKNOWN, None, STILL_SENDING)


def _absent(age: timedelta, *, certain: bool) -> tuple[int, str]:
    """Return the outcome of a row without a record, as the analyst decided with ``absent=``."""
    window = timedelta(milliseconds=requests.CLOCK_WINDOW_MS)
    if age <= window:
        return UNKNOWN, TOO_EARLY
    if not certain and age <= window + ASTRAY:
        return UNKNOWN, TIME_UNSURE
    return UNSENT, WORD_GIVEN


async def settle_doubts(dispatch: Dispatch, recorder: RunRecord) -> None:
    """Settle what an earlier run left in doubt; where the query fails, the doubt stays."""
    doubtful = dispatch.doubtful
    if doubtful is not None and len(doubtful):
        try:
            await settle(dispatch, recorder, doubtful)
        except QueryError as error:
            dispatch.results.decide(doubtful, UNKNOWN, None, f"in doubt; {error}")
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as surprise:
            # An unforeseen reply to the query settles nothing, and does not stop the run.
            still = doubtful[dispatch.results.status[doubtful] == UNKNOWN]
            words = f"in doubt; the reply to the record query could not be read ({type(surprise).__name__})"
            dispatch.results.decide(still, UNKNOWN, None, words)


async def record(recorder: RunRecord, block: Block, outcome: Outcome) -> Rows:
    """Record what a query or a receipt says of messages in doubt; return the places of the messages that stay in doubt."""
    return np.array(await recorder.settle(block, outcome), np.int64)


def in_doubt(results: Any) -> Rows:
    """Return the rows that are in doubt."""
    return np.flatnonzero(results.status == UNKNOWN)
