"""A gateway that asks for a pause: it is kept, shown where it is long, and ends the run where it is too long."""

import threading

import pandas as pd
import pytest

from nxsms_nb import errors
from nxsms_nb.engine.rate import AdaptiveRate
from nxsms_nb.engine.state import Limits
from tests.support.faultgateway import FaultGateway
from tests.support.ledgercheck import check, check_recorded, client_of, people, sent

BACKENDS = ("file", "postgresql")

ROWS, BATCH = 40, 8


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway:
        yield gateway


@pytest.fixture(name="journal")
def _journal(tmp_path):
    return tmp_path / "journal.sqlite3"


def refusing(status=429, body=b"", **headers):
    async def act(it):
        await it.body()
        await it.http(status, body, **headers)

    return act


TPS = b'{"code":13008,"message":"TPS limit exceeded","data":null}'
LONG = ["86400", "201", "1e9", "1e400", "9" * 400, "Fri, 31 Dec 2099 23:59:59 GMT", "Thu, 31 Dec 9999 23:59:59 GMT"]


@pytest.mark.parametrize("pause", LONG)
def test_a_pause_of_more_than_ten_timeouts_ends_the_run(gateway, journal, pause):
    """Nobody waits for a day in silence: the rows are Unsent without a code, and the error has the length."""
    gateway.strike(refusing(Retry_After=pause), first=1, times=float("inf"))
    frame = people(ROWS)
    client = client_of(gateway.url, timeout=20)
    out, stopped = sent(frame, client, journal, concurrency=1, batch_size=BATCH)
    assert type(stopped) is errors.Throttled
    assert "HTTP 429" in stopped.reason
    assert "Retry-After" in stopped.reason
    assert "13008" not in stopped.reason
    assert len(gateway.requests) == 2
    unsent = out[out["status"] == "Unsent"]
    assert len(unsent) == ROWS - BATCH
    assert unsent["code"].isna().all()
    check(frame, out, gateway)
    check_recorded(frame, out, client, journal)
    gateway.heal()
    out, stopped = sent(frame, client, journal, batch_size=BATCH)
    assert stopped is None
    check(frame, out, gateway)


def test_the_length_of_a_pause_is_read_by_the_gateways_clock(gateway, journal):
    """A date is compared with the reply's own: a clock that is a year off makes no pause of a year."""
    soon = {"Date": "Fri, 31 Dec 2094 23:59:58 GMT", "Retry_After": "Fri, 31 Dec 2094 23:59:59 GMT"}
    gateway.strike(refusing(**soon), first=1)
    frame = people(ROWS)
    out, stopped = sent(frame, client_of(gateway.url), journal, concurrency=1, batch_size=BATCH)
    assert stopped is None
    assert gateway.requests[2].at - gateway.requests[1].at >= 1
    check(frame, out, gateway)


@pytest.mark.parametrize("pause", ["-5", "nan", "soon", "", "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 99 Foo"])
def test_a_pause_that_is_none_is_ignored(gateway, journal, pause):
    """A negative, past or unreadable one changes nothing."""
    gateway.strike(refusing(Retry_After=pause), first=1)
    out, stopped = sent(people(ROWS), client_of(gateway.url), journal, concurrency=1, batch_size=BATCH)
    assert stopped is None
    assert (out["status"] == "Success").sum() == ROWS


class Watcher:
    """Waits for a note that says something."""

    def __init__(self, wanted):
        self.wanted, self.seen, self.note = wanted, threading.Event(), ""

    def update(self, snapshot):
        if self.wanted in snapshot.note:
            self.note = snapshot.note
            self.seen.set()

    def close(self, snapshot):
        pass


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("body", [b"", TPS])
def test_a_pause_of_more_than_a_minute_is_shown(gateway, journal, first, body):
    """The panel says that the gateway asked for it and how long it still is, before the first reply too."""
    gateway.strike(refusing(Retry_After="150", body=body), first=first, times=float("inf"))
    watcher = Watcher("asked for a pause")
    run = people(ROWS).nxsms.start(
        client_of(gateway.url), journal=journal, duplicates="drop", concurrency=1, batch_size=BATCH, progress=watcher
    )
    assert watcher.seen.wait(20)
    run.stop()
    assert "nothing is sent for another 2 min" in watcher.note
    assert run.frame["status"].value_counts()["Unsent"] == ROWS - first * BATCH


@pytest.mark.parametrize(
    ("body", "code", "says"), [(b"", None, "HTTP 429"), (TPS, 13008, "13008"), (b"[1]", None, "429")]
)
def test_a_429_is_called_what_it_is(gateway, journal, body, code, says):
    """Rows of a run that it ends have code 13008 only where the gateway said so."""
    gateway.strike(refusing(body=body, Retry_After="3600"), times=float("inf"))
    out, stopped = sent(people(ROWS), client_of(gateway.url), journal, batch_size=BATCH)
    assert type(stopped) is errors.Throttled
    assert says in stopped.reason
    unsent = out[out["status"] == "Unsent"]
    assert set(unsent["code"].astype(object)) == {pd.NA if code is None else code}
    assert ("13008" in stopped.reason) == (code is not None)


def test_a_429_that_carries_data_is_no_plain_refusal(gateway, journal):
    """Where its body claims success the rows may have been accepted, and they do not leave again."""

    async def act(it):
        await it.body()
        it.accept()
        items = [f'{{"messageid":"{item["sysMessageId"]}","status":"Success"}}' for item in it.items]
        await it.http(429, f'{{"code":0,"message":"Success","data":[{",".join(items)}]}}'.encode())

    gateway.strike(act, first=1)
    frame = people(ROWS)
    out, stopped = sent(frame, client_of(gateway.url), journal, concurrency=1, batch_size=BATCH)
    assert stopped is None
    assert (out["status"] == "Unknown").sum() == BATCH
    check(frame, out, gateway)


def test_the_pace_knows_what_is_left_of_a_pause():
    """A shorter pause asked for later does not shorten it."""
    pace = AdaptiveRate(batch_size=Limits().batch_size)
    assert pace.pause_left(5.0) == 0.0
    pace.refused(10, 4.0, 5.0, 90.0)
    pace.refused(10, 4.0, 6.0, 1.0)
    assert (pace.pause_left(5.0), pace.pause_left(94.0), pace.pause_left(100.0)) == (90.0, 1.0, 0.0)
