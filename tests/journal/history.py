"""Histories written into a journal, as runs write them."""

import asyncio
import contextlib

import pyarrow as pa

from nxsms_nb.journal.blocks import Block
from nxsms_nb.results import table
from nxsms_nb.results.table import Outcome

ACCEPTED = Outcome(table.SUCCESS, 0, latency_ms=12.5)
SENT_US = 1_700_000_000_000_000


def ids(n, first=0):
    return [f"message-{number:06d}" for number in range(first, first + n)]


def block(messageids):
    return Block(pa.array(messageids, pa.large_string()))


@contextlib.contextmanager
def recording(journal, campaign=None, *, rows=10, workers=8, homeless=False, **options):
    """The record of a run of a campaign; closed at the end."""
    record = journal.campaign(campaign, anywhere=homeless).record(rows=rows, workers=workers, **options)
    try:
        yield record
    finally:
        record.close()


def write(journal, *requests, campaign=None, **options):
    """Write the record of a run whose requests carried ids and had an outcome (None: none was known); their numbers."""

    async def all_of_them(record):
        numbers = []
        for place, (messageids, outcome) in enumerate(requests):
            number = await record.begin(block(messageids), 0, len(messageids), sent_us=SENT_US + place)
            if outcome is not None:
                record.finish(number, outcome)
            numbers.append(number)
        return numbers

    with recording(journal, campaign, **options) as record:
        return asyncio.run(all_of_them(record))


def known(journal, messageids, campaign=None, **options):
    """The status of each id: an index into STATUSES, or -1 where nothing is known."""
    return journal.known(pa.array(messageids, pa.string()), campaign, **options).status.tolist()
