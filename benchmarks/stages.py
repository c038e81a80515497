"""What each stage of a send takes alone: ``python -m benchmarks.stages ROWS PORT``, prints JSON of CPU seconds."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contestants import APP, KEY, SECRET, post_signed
from benchmarks.data import recipients
from nxsms_nb.engine.batches import Batch, BatchQueue
from nxsms_nb.engine.outcomes import classify
from nxsms_nb.journal.journal import Journal
from nxsms_nb.results.table import SUCCESS, Outcome, Results
from nxsms_nb.rows import keys, message_ids
from nxsms_nb.rows.rules import check
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    from nxsms_nb.journal.recorder import Recorder


def main() -> None:
    """Run each stage over the same rows, one after the other."""
    rows, port = int(sys.argv[1]), int(sys.argv[2])
    seconds: dict[str, float] = {}

    def timed(name: str, stage: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = stage()
        seconds[name] = time.process_time() - begun
        return result

    frame = recipients(rows)
    checked = timed("validate", lambda: check(frame, {"phone": "phone", "content": "content"}))
    ids = timed("ids and duplicates", lambda: _ids(checked))
    outbox = BatchQueue(checked.fields, ids, checked.good.nonzero()[0])
    timed("build", lambda: [None for _ in _built(outbox)])
    # Again, to be kept: memory that nobody has touched before is no part of building.
    batches = list(_built(BatchQueue(checked.fields, ids, checked.good.nonzero()[0])))
    bodies = [body for _, body in batches]
    timed("sign", lambda: [requests.headers(KEY, SECRET, 1_655_710_885_431, body) for body in bodies])
    url = f"http://127.0.0.1:{port}"
    timed("HTTP, replies read", lambda: asyncio.run(post_signed(bodies, url, 16, parse=False)))
    seconds["HTTP, replies read"] -= seconds["sign"]
    replies = [(batch.ids, _reply(batch.ids)) for batch, _ in batches]
    timed("parse", lambda: [classify(left=True, status=200, body=raw, error="", ids=asked) for asked, raw in replies])
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        recording = journal.campaign(None).record(rows=rows, workers=16)
        timed("journal", lambda: (asyncio.run(_record(recording, [batch for batch, _ in batches])), recording.close()))
    timed("join", lambda: _joined(frame, ids, [batch for batch, _ in batches]))
    print(json.dumps(seconds))


def _ids(checked: Any) -> Any:
    of_rows = message_ids.key_texts(checked.fields, app_key=APP)
    return of_rows.ids(keys.repeats(of_rows, checked.good))


def _built(outbox: BatchQueue) -> Iterator[tuple[Batch, bytes]]:
    while (batch := outbox.take(lambda: 200, 0.0)) is not None:
        yield batch, requests.body(APP, batch.items())


def _reply(ids: list[str]) -> bytes:
    items = ",".join(f'{{"phone":"8615088888888","messageid":"{one}","status":"Success"}}' for one in ids)
    return f'{{"code":0,"message":"Success","data":[{items}]}}'.encode()


async def _record(recording: Recorder, batches: list[Batch]) -> None:
    waiting = iter(batches)

    async def work() -> None:
        for batch in waiting:
            number = await recording.begin(batch.chunk.block, batch.start, batch.size, sent_us=0)
            recording.finish(number, Outcome(SUCCESS, 0, latency_ms=1.0))

    await asyncio.gather(*(work() for _ in range(16)))


def _joined(frame: Any, ids: Any, batches: list[Batch]) -> Any:
    results, outcome = Results(len(frame)), Outcome(SUCCESS, 0, latency_ms=1.0)
    for number, batch in enumerate(batches, 1):
        results.apply(batch.span, outcome, batch=number, sent_us=1_655_710_885_431_000)
    return results.join(frame, ids, last=True)


if __name__ == "__main__":
    main()
