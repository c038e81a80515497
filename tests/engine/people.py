"""Frames of people, and what is asked of the frames that come back."""

import asyncio
import time

import pandas as pd
import pyarrow as pa

from nxsms_nb.journal.blocks import Block
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES


def people(n, first=0, **columns):
    """Make a frame of `n` people with numbers of their own, who all get the same text."""
    phones = [str(8615000000000 + first + i) for i in range(n)]
    return pd.DataFrame({"phone": phones, "content": "Your order is ready"}).assign(**columns)


def counts(frame):
    """Status to rows, those that occur."""
    found = frame["status"].value_counts()
    return {status: int(found[status]) for status in STATUSES if found[status]}


def results(frame):
    """The result columns alone."""
    return frame[list(RESULT_COLUMNS)]


def no_double(sandbox):
    """Whether no message took effect twice."""
    return bool((sandbox.effects() <= 1).all()) and sandbox.ledger["messageid"].is_unique


def record_ago(journal, frame, outcome, minutes, *, campaign=None, client=None):
    """Record a request that carried a frame's messages some minutes ago, as the run wrote it that made it."""
    of = {} if client is None else {"gateway": client.base_url, "app": client.app}

    async def request(record):
        block = Block(pa.array(frame["messageid"].astype(object), pa.large_string()))
        sent_us = time.time_ns() // 1000 - int(minutes * 60_000_000)
        record.finish(await record.begin(block, 0, len(block), sent_us=sent_us), outcome)

    record = journal.campaign(campaign).record(rows=len(frame), workers=1, **of)
    try:
        asyncio.run(request(record))
    finally:
        record.close()
