"""A process killed at any point leaves rows recorded, certainly unsent, or in doubt; the same cell, run again, ends well.

``NXSMS_KILLS`` sets how many processes are killed at random times.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import pytest

from tests.support.faultgateway import APP_SECRET, FaultGateway, healthy
from tests.support.killing import OFTEN, ONCE, SETTLING, SHARED, SHARED_OFTEN, killed, start
from tests.support.ledgercheck import check, client_of, people, sent
from tests.support.storms import BATCH, Tally, doubles, kills, moody

pytestmark = [
    pytest.mark.any_pandas,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

ROWS = 60
KILLS = int(os.environ.get("NXSMS_KILLS", "20"))


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway:
        yield gateway


@pytest.fixture(name="file")
def _file(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.fixture(name="journal", params=["file", "database"])
def _journal(request):
    return request.getfixturevalue(request.param)


def run_to_the_end(gateway, journal, app_secret):
    """The journal as the kill left it, and the same cell without a kill, both held against the ledger."""
    gateway.heal()
    frame = people(ROWS)
    before = frame.nxsms.recorded(client_of(gateway.url), journal=journal, duplicates="drop")
    check(frame, before, gateway)
    out, stopped = sent(frame, client_of(gateway.url, app_secret=app_secret), journal, batch_size=BATCH)
    assert stopped is None
    check(frame, out, gateway)
    assert set(out["status"]) <= {"Success", "Unknown", "Invalid", "Skipped"}
    assert (out["status"][(before["status"] == "Success").to_numpy()] == "Success").all()
    assert (out["attempts"] >= before["attempts"]).all()
    if app_secret is not None:
        doubtful = out["messageid"][(out["status"] == "Unknown").to_numpy()]
        assert not set(doubtful) & set(gateway.effects())
    return Counter(before["status"]), Counter(out["status"])


@pytest.mark.parametrize(
    ("point", "nth"), [(point, nth) for point in [*ONCE, *OFTEN] for nth in (1, 4) if nth == 1 or point in OFTEN]
)
def test_killed_at(gateway, file, point, nth):
    """Killed where it hurts most, at the first and at a later request; no row is sent twice, and none is lost."""
    gateway.strike(moody, times=float("inf"))
    assert killed(start(gateway.url, file, ROWS, point=point, nth=nth))
    run_to_the_end(gateway, file, APP_SECRET)


@pytest.mark.parametrize(
    ("point", "nth"),
    [(point, nth) for point in [*SHARED, *SHARED_OFTEN] for nth in (1, 4) if nth == 1 or point in SHARED_OFTEN],
)
def test_killed_at_with_a_database(gateway, database, point, nth):
    """The same where claims and commits are a database's: the next process finds the lock free and the truth recorded."""
    gateway.strike(moody, times=float("inf"))
    assert killed(start(gateway.url, database, ROWS, point=point, nth=nth))
    run_to_the_end(gateway, database, APP_SECRET)


@pytest.mark.parametrize(
    ("point", "nth"),
    [*((point, 1) for point in SHARED), *((point, 3) for point in SHARED_OFTEN if point != "rows put back")],
)
def test_connections_broken_at_with_a_database(gateway, database, point, nth):
    """The process lives on: it ends with everything sent, or before anything was, and the next call does the rest."""
    gateway.strike(moody, times=2)
    assert not killed(start(gateway.url, database, ROWS, point=point, nth=nth, survives=True))
    before, _ = run_to_the_end(gateway, database, APP_SECRET)
    assert before["Success"] in {0, ROWS}


@pytest.mark.parametrize("point", SETTLING)
def test_killed_while_it_settles(gateway, journal, point):
    """What one process left in doubt, and the next was killed over, is settled by the third."""
    gateway.strike(moody, times=float("inf"))
    assert killed(start(gateway.url, journal, ROWS, point="reply read", nth=3))
    gateway.quiet()
    assert killed(start(gateway.url, journal, ROWS, point=point, app_secret=APP_SECRET))
    run_to_the_end(gateway, journal, APP_SECRET)


async def _before_the_body(it, kill):
    kill()


async def _before_the_effect(it, kill):
    await it.body()
    kill()


async def _before_the_reply(it, kill):
    await it.body()
    it.accept()
    kill()


async def _in_the_reply(it, kill):
    await it.body()
    it.accept()
    await it.http(200, b'{"code":0,"message":"Success","data":[]}', short=10)
    kill()


async def _after_the_reply(it, kill):
    await healthy(it)
    kill()


@pytest.mark.parametrize("nth", [1, 6])
@pytest.mark.parametrize(
    "moment", [_before_the_body, _before_the_effect, _before_the_reply, _in_the_reply, _after_the_reply]
)
def test_killed_by_the_gateway(gateway, journal, moment, nth):
    """Killed by the gateway's hand: it is known what had arrived; without the query it stays in doubt indefinitely."""
    victim = []

    async def act(it):
        await moment(it, lambda: os.kill(victim[0].pid, signal.SIGKILL))

    gateway.strike(act, first=nth - 1)
    victim.append(start(gateway.url, journal, ROWS))
    assert killed(victim[0])
    before, after = run_to_the_end(gateway, journal, None)
    assert before["Unknown"] == after["Unknown"]
    assert after["Unknown"] >= BATCH or moment is _after_the_reply


@pytest.mark.parametrize("shared", [False, True])
def test_killed_again_and_again(tmp_path, request, shared):
    """At random times, the next process taking up where the one before was killed; after each, the ledger holds."""
    total, server = Tally(), request.getfixturevalue("postgres") if shared else None
    while total.kills < KILLS:
        directory = tmp_path / str(total.kills)
        directory.mkdir()
        total += kills(total.kills, directory, most=10, server=server)
    assert (total.doubles, total.wrong) == (0, 0)


def test_a_list_of_what_was_sent_is_not_enough(gateway, tmp_path):
    """The control, killed between the gateway's acceptance and its own list, sends twice: the ledger's check can fail."""
    victim = []

    async def act(it):
        await _before_the_reply(it, lambda: os.kill(victim[0].pid, signal.SIGKILL))

    gateway.strike(act, first=0)
    victim.append(start(gateway.url, tmp_path / "done", ROWS, controlled=True))
    assert killed(victim[0])
    assert not killed(start(gateway.url, tmp_path / "done", ROWS, controlled=True))
    assert doubles(gateway) > 0
