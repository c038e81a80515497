"""The functions that every row or request passes, one by one: ``python -m pytest benchmarks/test_hot.py``.

For changes of one of them; what counts as a whole is measured by ``python -m benchmarks``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.data import recipients
from nxsms_nb.engine.outcomes import classify
from nxsms_nb.journal.blocks import Block
from nxsms_nb.journal.journal import Journal
from nxsms_nb.results.table import SUCCESS, Outcome, Results
from nxsms_nb.rows import keys, message_ids, segments
from nxsms_nb.rows.rules import Checked, check
from nxsms_nb.wire import items as wire_items
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20_000
BATCH = 200


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return recipients(ROWS)


@pytest.fixture(scope="module")
def checked(frame: pd.DataFrame) -> Checked:
    return check(frame, {"phone": "phone", "content": "content"})


@pytest.fixture(scope="module")
def ids(checked: Checked) -> Any:
    return message_ids.key_texts(checked.fields, app_key="app").ids(np.zeros(ROWS, np.int32))


@pytest.fixture(scope="module")
def body(checked: Checked, ids: Any) -> bytes:
    return requests.body("app", wire_items.encode(checked.fields, ids).joined(0, BATCH))


def reply(ids: list[str], failing: int | None = None) -> bytes:
    items = [
        f'{{"phone":"8615088888888","messageid":"{one}",'
        + ('"status":"Failure","message":"Insufficient balance"}' if i == failing else '"status":"Success"}')
        for i, one in enumerate(ids)
    ]
    return f'{{"code":0,"message":"Success","data":[{",".join(items)}]}}'.encode()


def test_check(benchmark: Any, frame: pd.DataFrame) -> None:
    assert benchmark(check, frame, {"phone": "phone", "content": "content"}).good.all()


def test_repeats(benchmark: Any, checked: Checked) -> None:
    assert not benchmark(keys.repeats, message_ids.key_texts(checked.fields), checked.good).any()


def test_message_ids(benchmark: Any, checked: Checked) -> None:
    first = np.zeros(ROWS, np.int32)
    assert len(benchmark(lambda: message_ids.key_texts(checked.fields, app_key="app").ids(first))) == ROWS


def test_encode(benchmark: Any, checked: Checked, ids: Any) -> None:
    assert benchmark(wire_items.encode, checked.fields, ids).joined(0, 1)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_sign(benchmark: Any, body: bytes, algorithm: requests.Algorithm) -> None:
    assert benchmark(requests.headers, "key", "secret", 1_655_710_885_431, body, algorithm)["sign"]


@pytest.mark.parametrize("failing", [None, 7], ids=["all accepted", "one refused"])
def test_judge(benchmark: Any, ids: Any, failing: int | None) -> None:
    asked = Block(ids).ids(0, BATCH)
    raw = reply(list(asked), failing)
    verdict = benchmark(classify, left=True, status=200, body=raw, error="", ids=asked)
    assert verdict.reply.all_accepted is (failing is None)


def test_apply(benchmark: Any) -> None:
    results, outcome = Results(ROWS), Outcome(SUCCESS, 0, latency_ms=1.0)
    benchmark(results.apply, slice(0, BATCH), outcome, batch=1, sent_us=1_655_710_885_431_000)
    assert (results.status[:BATCH] == SUCCESS).all()


def test_join(benchmark: Any, frame: pd.DataFrame, ids: Any) -> None:
    results = Results(ROWS)
    results.apply(slice(0, ROWS), Outcome(SUCCESS, 0, latency_ms=1.0), batch=1, sent_us=1_655_710_885_431_000)
    assert (benchmark(results.join, frame, ids)["status"] == "Success").all()


def test_known_of_a_campaign_that_has_other_rows(benchmark: Any, ids: Any, tmp_path: Path) -> None:
    import asyncio

    journal = Journal(tmp_path / "journal")
    recording = journal.campaign("spring").record(rows=ROWS, workers=1)

    async def write() -> None:
        for start in range(0, ROWS // 2, 2000):
            await recording.begin(Block(ids.slice(start, 2000)), 0, 2000, sent_us=0)

    asyncio.run(write())
    recording.close()
    found = benchmark(journal.known, ids.slice(ROWS // 2), "spring")
    assert (found.status == -1).all()


def test_count_segments(benchmark: Any, checked: Checked) -> None:
    assert len(benchmark(segments.count_segments, checked.fields["content"])[0]) == ROWS
