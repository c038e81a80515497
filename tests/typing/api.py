"""Only read by the type checker: the public names, what they take and what they give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

import nxsms_nb as nx
from nxsms_nb.accessor import NxsmsAccessor
from nxsms_nb.api import asend, plan, receipts, reconcile, recorded, retry, send, start

frame = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
client: nx.Client = nx.Client(
    access_key="key", access_secret="secret", app_key="app", app_secret=None, algorithm="sha256", timeout=10
)
from_env: nx.Client = nx.Client.from_env()
sandbox: nx.Sandbox = nx.Sandbox(seed=7, tps=500, failures="realistic")
journal: nx.Journal = nx.Journal(Path("journal.sqlite3"))

sent: pd.DataFrame = send(
    frame,
    client,
    campaign="spring",
    key=["phone", "order_id"],
    duplicates="drop",
    on_invalid="raise",
    confirm=5,
    concurrency=16,
    batch_size=100,
    max_rate=50.5,
    max_failures=0.1,
    progress="silent",
    journal=journal,
    prefix="sms_",
    region="CN",
    bare="national",
    phone="mobile",
)
run: nx.Run = start(frame, client)
stopped: str | None = run.stopped
done: bool = run.done
waited: pd.DataFrame = run.wait()
planned: nx.Plan = plan(frame, client, campaign="spring")
known: pd.DataFrame = recorded(frame, client)
again: pd.DataFrame = retry(sent, client, codes=[13009])
settled: pd.DataFrame = reconcile(sent, client, absent="Unsent")
received: pd.DataFrame = receipts(sent, client, tz="UTC", prefix="sms_")
pushed: pd.DataFrame = receipts(sent, journal="sent.sqlite3")
with nx.ReceiptServer("127.0.0.1", 8765, token="spring", journal=nx.Journal("sent.sqlite3")) as server:
    address: str = server.url
    taken: dict[str, int] = server.counts
    wrong: str | None = server.trouble
kept: pd.DataFrame = nx.Journal("sent.sqlite3").receipts(tz="UTC")
stream: Iterator[pd.DataFrame] = nx.send_stream([frame], client, campaign="spring")
table: pd.DataFrame = nx.codes()
nx.options.confirm_above = 50
nx.options.language = "zh"
nx.options.mask_phones = False
billed: pd.Series[int] = nx.segments(frame["content"], frame["phone"])
encodings: pd.Series[str] = nx.encoding(frame["content"])
plainer: pd.Series[str] = nx.plain(frame["content"])

accessor = NxsmsAccessor(frame)
report: nx.ValidationReport = accessor.validate(duplicates="allow")
digits: pd.Series[str] = accessor.phones(region="country", phone="mobile", bare="international")
texts: pd.Series[str] = accessor.render("Hi {phone}")
summary: pd.DataFrame = accessor.summary()
failures: pd.DataFrame = accessor.failures(by=["country", "length"])
assigned: pd.DataFrame = accessor.assign_variants(
    {"A": "Hi {name}", "B": "Hello"}, campaign="spring", unit=["phone", "shop"], weights=[9, 1], holdout=0.1
)
compared: pd.DataFrame = accessor.compare(
    outcome="bought", control="A", weights={"A": 9, "B": 1}, unit="phone", sequential=True
)
people_needed: int = nx.sample_size(0.04, 0.02, power=0.9, arms=3)
binned: pd.DataFrame = accessor.failures(by=frame["phone"], bins=[0, 10.5], tz="Asia/Kolkata", wide=True)
found: pd.DataFrame = accessor.drivers(
    columns=["country", "hour"], depth=1, level=0.01, min_rows=50, outcome="delivered"
)
part: pd.DataFrame = accessor.select({"country": "IN", "vip": None, "age": pd.Interval(18, 25)})
pace: pd.DataFrame = accessor.throughput()
arrived: pd.DataFrame = accessor.delivery(by=["country", "network"], bins=4, tz="Asia/Kolkata")
practice: nx.Sandbox = nx.Sandbox(failures=lambda rows: {13006: 0.5 * (rows["source_address"] == "ACME")})
nested: nx.Sandbox = nx.Sandbox(failures={13005: 0.01, "hour": {14: {13007: 0.2}}})


async def awaited() -> pd.DataFrame:
    """The twin that is awaited gives what `send` gives."""
    return await asend(frame, client, campaign="spring")


def reported(error: nx.AccountRefused) -> tuple[int, pd.DataFrame | None, str]:
    """What an account's refusal carries."""
    return error.code, error.frame, error.reason
