"""One contestant, one run, in a process of its own: prints CPU, wall and memory as JSON.

``python -m benchmarks.contestants NAME ROWS PORT CONCURRENCY``. What is measured begins when the frame is there (for
``bare`` and ``wire``: when their bodies are built) and ends with the joined frame (for them: with the last reply parsed).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.data import recipients
from nxsms_nb import Client
from nxsms_nb.engine.transport import Transport
from nxsms_nb.wire.requests import body, headers

KEY, SECRET, APP = "bench-key", "bench-secret", "bench-app"


def used() -> float:
    """CPU seconds of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory_mb() -> float:
    """Peak resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(rows: int, url: str, concurrency: int) -> Any:
    """`df.nxsms.send`, journal on a disk."""
    frame = recipients(rows)
    client = Client(access_key=KEY, access_secret=SECRET, app_key=APP, base_url=url)
    with tempfile.TemporaryDirectory() as folder:
        warm = recipients(400).assign(content="warm")
        warm.nxsms.send(client, journal=Path(folder) / "warm", progress="silent", concurrency=concurrency)
        yield
        sent = frame.nxsms.send(client, journal=Path(folder) / "journal", progress="silent", concurrency=concurrency)
        yield
        if not (sent["status"] == "Success").all():
            raise SystemExit("not everything was accepted")


def shared(rows: int, url: str, concurrency: int) -> Any:
    """`df.nxsms.send`, journal in the PostgreSQL database that ``NXSMS_JOURNAL`` names."""
    frame = recipients(rows)
    client = Client(access_key=KEY, access_secret=SECRET, app_key=APP, base_url=url)
    options = {"progress": "silent", "concurrency": concurrency}
    recipients(400).assign(content="warm").nxsms.send(client, campaign="warm", **options)
    yield
    sent = frame.nxsms.send(client, campaign=f"bench {os.getpid()}", **options)
    yield
    if not (sent["status"] == "Success").all():
        raise SystemExit("not everything was accepted")


def built(rows: int) -> list[bytes]:
    """The bodies of all requests."""
    frame = recipients(rows)
    bodies = []
    for start in range(0, rows, 200):
        part = frame.iloc[start : start + 200]
        items = [
            {"phone": phone, "content": content, "sysMessageId": f"bench-{start + i:028d}"}
            for i, (phone, content) in enumerate(zip(part["phone"], part["content"], strict=True))
        ]
        bodies.append(body(APP, msgspec.json.encode(items)[1:-1]))
    return bodies


def bare(rows: int, url: str, concurrency: int) -> Any:
    """The bare loop: bodies built beforehand, the same HTTP client as anyone uses it, replies parsed."""
    bodies = built(rows)
    signed = headers(KEY, SECRET, time.time_ns() // 1_000_000, b"{}")
    yield
    asyncio.run(post_all(bodies, url, concurrency, signed, parse=True))
    yield


def wire(rows: int, url: str, concurrency: int) -> Any:
    """The same by our own way of posting, each request signed: what is left of a send without its rows."""
    bodies = built(rows)
    yield
    asyncio.run(post_signed(bodies, url, concurrency, parse=True))
    yield


async def post_signed(bodies: list[bytes], url: str, concurrency: int, *, parse: bool) -> None:
    """Post bodies through our own connection with so many requests under way; parse each reply, or only read it."""
    client = Client(access_key=KEY, access_secret=SECRET, app_key=APP, base_url=url)
    waiting = iter(bodies)
    async with Transport(client) as connection:

        async def work() -> None:
            for data in waiting:
                exchange = await connection.post(data)
                if exchange.status != 200 or (parse and msgspec.json.decode(exchange.body)["code"] != 0):
                    raise SystemExit("not everything was accepted")

        await asyncio.gather(*(work() for _ in range(concurrency)))


async def post_all(bodies: list[bytes], url: str, concurrency: int, signed: dict[str, str], *, parse: bool) -> None:
    """Post bodies with so many requests under way; parse each reply, or only read it."""
    waiting = iter(bodies)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for data in waiting:
                async with session.post(f"{url}/v1/sms/multi/mt", data=data, headers=signed) as response:
                    raw = await response.read()
                    if parse and msgspec.json.decode(raw)["code"] != 0:
                        raise SystemExit("not everything was accepted")

        await asyncio.gather(*(work() for _ in range(concurrency)))


def by_hand(rows: int, url: str, concurrency: int) -> Any:
    """What a good programmer writes by hand: to_dict, json, aiohttp under a semaphore, one merge; no checks, no journal."""
    import pandas as pd

    frame = recipients(rows)
    yield
    frame["sysMessageId"] = [f"bench-{i:028d}" for i in range(len(frame))]
    items = frame[["phone", "content", "sysMessageId"]]

    async def send_all() -> list[dict[str, Any]]:
        free = asyncio.Semaphore(concurrency)

        async def send(session: aiohttp.ClientSession, start: int) -> list[dict[str, Any]]:
            async with free:
                batch = items.iloc[start : start + 200].to_dict("records")
                raw = json.dumps({"appKey": APP, "items": batch}).encode()
                signed = headers(KEY, SECRET, time.time_ns() // 1_000_000, raw)
                async with session.post(f"{url}/v1/sms/multi/mt", data=raw, headers=signed) as response:
                    return (await response.json())["data"]

        async with aiohttp.ClientSession() as session:
            replies = await asyncio.gather(*(send(session, start) for start in range(0, len(items), 200)))
        return [item for reply in replies for item in reply]

    answered = pd.DataFrame(asyncio.run(send_all()))
    frame.merge(answered[["messageid", "status"]], left_on="sysMessageId", right_on="messageid", how="left")
    yield


def with_requests(rows: int, url: str, _concurrency: int) -> Any:
    """A loop over `requests`, one at a time."""
    import requests

    frame = recipients(rows)
    yield
    session = requests.Session()
    session.trust_env = False
    data: list[dict[str, Any]] = []
    for start in range(0, rows, 200):
        items = frame.iloc[start : start + 200][["phone", "content"]].to_dict("records")
        for i, item in enumerate(items):
            item["sysMessageId"] = f"bench-{start + i:028d}"
        raw = json.dumps({"appKey": APP, "items": items}).encode()
        signed = headers(KEY, SECRET, time.time_ns() // 1_000_000, raw)
        data.extend(session.post(f"{url}/v1/sms/multi/mt", data=raw, headers=signed, timeout=30).json()["data"])
    yield


CONTESTANTS = {
    "ours": ours,
    "shared": shared,
    "bare": bare,
    "wire": wire,
    "by hand": by_hand,
    "requests": with_requests,
}


def main() -> None:
    """Run one contestant."""
    name, rows, port, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    steps = CONTESTANTS[name](rows, f"http://127.0.0.1:{port}", concurrency)
    next(steps)
    # What importing and warming up have left for the next full collection is nobody's own.
    gc.collect()
    memory, cpu, wall = memory_mb(), used(), time.perf_counter()
    next(steps)
    measured = {"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall, "memory_mb": memory_mb() - memory}
    for _ in steps:
        pass
    print(json.dumps(measured | {"pid": os.getpid()}))


if __name__ == "__main__":
    main()
