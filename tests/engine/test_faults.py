"""Every fault, with and without effect: the gateway's ledger against the frame, row by row, then the cell run again."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from itertools import cycle

import aiohttp
import pandas as pd
import pytest

from nxsms_nb import errors
from tests.support import control
from tests.support.faultgateway import APP_SECRET, FaultGateway
from tests.support.faults import DOUBTS, FAULTS, LASTING, REFUSALS, Fault
from tests.support.ledgercheck import check, check_again, check_journal, check_recorded, client_of, people, sent
from tests.support.storms import doubles, faulty

pytestmark = pytest.mark.any_pandas

ROWS, BATCH = 40, 8


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway, FaultGateway() as elsewhere:
        gateway.elsewhere = elsewhere.url
        yield gateway
        assert not elsewhere.requests
        assert not elsewhere.ledger


@pytest.fixture(name="journal")
def _journal(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.fixture(name="swift")
def _swift(swift, monkeypatch):
    """The same rules in less time."""
    monkeypatch.setattr("nxsms_nb.engine.policy.REFUSALS_IN_A_ROW", 3)


def named(faults):
    return [pytest.param(fault, id=fault.name) for fault in faults]


def hold(fault: Fault, rows):
    """The rows of a struck request against what the fault says of them."""
    for wanted, row in zip(cycle(fault.struck), rows, strict=False):
        assert row["status"] in wanted.split("|")
        if row["status"] in ("Failure", "Unsent"):
            assert pd.isna(row["code"]) if fault.code is None else row["code"] == fault.code
        if row["status"] == fault.struck[-1] != "Success":
            assert re.search(fault.says, row["reason"]), row["reason"]
        if not fault.again and row["status"] != "Unsent":
            assert row["attempts"] == 1


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize(
    ("fault", "app_secret"),
    [
        pytest.param(fault, app_secret, id=f"{fault.name}{', queried' if app_secret else ''}")
        for app_secret in (None, APP_SECRET)
        for fault in FAULTS
        if app_secret is None or "Unknown" in fault.struck
    ],
)
def test_one_struck_request(gateway, journal, fault, app_secret):
    """One request is struck: its rows end as the design says, the others are accepted; the cell again mends the rest."""
    frame = people(ROWS)
    gateway.keep_alive = not fault.on_accept
    gateway.strike(fault.act, first=1, on_accept=fault.on_accept)
    client = client_of(gateway.url, app_secret=app_secret, timeout=fault.timeout)
    out, stopped = sent(frame, client, journal, concurrency=1, batch_size=BATCH)
    gateway.heal()
    assert gateway.struck == 1
    check(frame, out, gateway)
    assert type(stopped) is (fault.once or type(None))
    rows = [row for row in out.to_dict("records") if isinstance(row["messageid"], str)]
    hold(fault, rows[BATCH : 2 * BATCH])
    others = {row["status"] for row in rows[:BATCH] + rows[2 * BATCH :]}
    assert others == ({"Success"} if stopped is None else {"Success", "Unsent"})
    if fault.read:
        carried = gateway.carried()
        assert [row["attempts"] for row in rows] == [carried[row["messageid"]] for row in rows]
    check_recorded(frame, out, client, journal)
    check_journal(journal, frame)
    client = client_of(gateway.url, app_secret=app_secret)
    after, _ = sent(frame, client, journal, concurrency=2, batch_size=BATCH)
    check(frame, after, gateway)
    check_again(out, after, gateway, queried=app_secret is not None)
    check_recorded(frame, after, client, journal)
    assert bool(gateway.queries) == (app_secret is not None and bool((out["status"] == "Unknown").any()))


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize("fault", named([*FAULTS, *LASTING]))
def test_every_request_struck(gateway, journal, fault):
    """Every request is struck: the run ends in time, with the right kind of stop, and nothing is sent twice."""
    frame = people(ROWS)
    if fault in LASTING:
        frame.iloc[20, 1] = "poison in a text"
    gateway.keep_alive = not fault.on_accept
    gateway.strike(fault.act, first=not fault.first, times=float("inf"), on_accept=fault.on_accept)
    client = client_of(gateway.url, timeout=fault.timeout)
    out, stopped = sent(frame, client, journal, concurrency=4 if fault.first else 1, batch_size=BATCH)
    gateway.heal()
    check(frame, out, gateway)
    if fault.always is None:
        assert stopped is None
        refused = {"Failure"} if fault in REFUSALS or fault in LASTING else set()
        assert set(out["status"]) - {"Invalid", "Skipped"} <= {*fault.struck, *refused}
    else:
        assert isinstance(stopped, fault.always)
        assert gateway.struck <= (fault.within or 20)
        assert (out["status"] == "Unsent").any()
    check_recorded(frame, out, client, journal)
    check_journal(journal, frame)
    after, _ = sent(frame, client_of(gateway.url), journal, batch_size=BATCH)
    check(frame, after, gateway)
    check_again(out, after, gateway, queried=False)


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize(
    ("url", "timeout", "says"),
    [
        ("https://gateway.invalid", 20, "DNS"),
        ("http://127.0.0.1:1", 20, "no connection"),
        ("https://127.0.0.1:{plain}", 20, "no connection"),
        ("https://127.0.0.1:{mute}", 0.1, "no connection in time"),
    ],
    ids=["no such host", "refused", "TLS to a plain port", "TLS to a mute port"],
)
def test_no_connection(gateway, journal, url, timeout, says):
    """No request leaves: every row is unsent, nothing counts as an attempt, and the same cell sends all of them later."""
    frame = people(ROWS)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = url.format(plain=gateway.url[-5:], mute=mute.getsockname()[1])
        out, stopped = sent(frame, client_of(url, timeout=timeout), journal, batch_size=BATCH)
    assert isinstance(stopped, errors.NoConnection)
    assert says in stopped.reason
    assert not gateway.requests
    check(frame, out, gateway)
    waiting = out[~out["status"].isin(["Invalid", "Skipped"])]
    assert set(waiting["status"]) == {"Unsent"}
    assert set(waiting["attempts"]) == {0}
    check_recorded(frame, out, client_of(gateway.url), journal)
    after, stopped = sent(frame, client_of(gateway.url), journal, batch_size=BATCH)
    assert stopped is None
    check(frame, after, gateway)
    check_again(out, after, gateway, queried=False)
    assert len(gateway.ledger) == ROWS


def test_a_wrong_key_costs_one_request(gateway, journal):
    """The first reply is awaited alone, so that an account code ends a run of any size after one request."""
    gateway.strike(next(fault.act for fault in REFUSALS if fault.name == "1003"), times=float("inf"))
    _, stopped = sent(people(400), client_of(gateway.url), journal, concurrency=32, batch_size=5)
    assert (type(stopped), stopped.code) == (errors.AccountRefused, 1003)
    assert len(gateway.requests) == 1


def test_the_clock_is_learnt_before_the_keys_are_trusted(gateway, journal):
    """A clock that is off is no proof of the keys: with both wrong it is two requests."""
    by_name = {fault.name: fault.act for fault in [*REFUSALS, *LASTING]}

    async def act(it):
        first = not gateway.requests
        # The second reply takes a while, in which further requests could leave.
        await asyncio.sleep(0 if first else 0.2)
        await by_name["clock five minutes fast" if first else "1003"](it)

    gateway.strike(act, times=float("inf"))
    _, stopped = sent(people(400), client_of(gateway.url), journal, concurrency=32, batch_size=5)
    assert isinstance(stopped, errors.AccountRefused)
    assert len(gateway.requests) == 2


def test_a_pause_asked_for_is_kept(gateway, journal):
    """Retry-After of a 429 is honoured by the request after it."""

    async def act(it):
        await it.body()
        await it.http(429, b"", Retry_After="1")

    gateway.strike(act, first=1)
    out, _ = sent(people(ROWS), client_of(gateway.url), journal, concurrency=1, batch_size=BATCH)
    check(people(ROWS), out, gateway)
    refused, later = gateway.requests[1:3]
    assert set(later.ids) <= set(refused.ids)
    assert later.at - refused.at >= 1
    assert later.ts - refused.ts >= 1000


class Sleeper:
    """A clock that jumps ahead, as it does while a laptop sleeps."""

    def __init__(self):
        self.ahead_ns = 0

    def __getattr__(self, name):
        return getattr(time, name)

    def time_ns(self):
        return time.time_ns() + self.ahead_ns

    def time(self):
        return self.time_ns() / 1e9


@pytest.mark.parametrize("seconds", [20, 3600, -20])
def test_a_machine_that_slept_signs_for_the_time_of_leaving(gateway, journal, monkeypatch, seconds):
    """While a connection comes about hours may go by: a request is signed for the time at which it leaves."""
    clock, connect = Sleeper(), aiohttp.TCPConnector.connect

    async def slept(*request, **how):
        connection = await connect(*request, **how)
        clock.ahead_ns = int(seconds * 1e9)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slept)
    monkeypatch.setattr("nxsms_nb.engine.transport.time", clock)
    out, _ = sent(people(5), client_of(gateway.url), journal)
    check(people(5), out, gateway)
    (seen,) = gateway.requests
    assert abs(seen.ts / 1000 - seconds - seen.at) < 10


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize("seed", range(int(os.environ.get("NXSMS_STORMS", "4"))))
def test_faults_at_random(tmp_path, seed):
    """Any faults in any order, the cell run again until nothing is unsent: no message is sent twice."""
    tally = faulty(seed, tmp_path)
    assert (tally.doubles, tally.wrong) == (0, 0)


READ_BY_OTHERS = ("two lengths", "gzip that is none", "drip-feed", "9 MB before the reply", "every messageid twice")
"""What the control's HTTP library takes for a reply."""


@pytest.mark.parametrize(
    "fault", named(fault for fault in DOUBTS if fault.effect and not fault.name.startswith(READ_BY_OTHERS))
)
def test_a_client_that_sends_again_on_any_error_sends_twice(gateway, tmp_path, fault):
    """The control under the same faults: the ledger's check can fail."""
    gateway.strike(fault.act, first=1)
    control.send(people(ROWS), gateway.url, tmp_path / "done", batch_size=BATCH, timeout=min(fault.timeout, 1))
    gateway.quiet()
    assert doubles(gateway) > 0
