"""A journal in PostgreSQL with a standby: refused as a journal, and taken over to when the primary dies."""

import asyncio
import re
import threading
import time
from contextlib import ExitStack

import pytest

from nxsms_nb import Journal, JournalError, JournalLost
from tests.engine.people import counts, no_double, people
from tests.support.faultgateway import FaultGateway, said
from tests.support.ledgercheck import client_of
from tests.support.machine import lacks
from tests.support.postgres import Server, missing

pytestmark = pytest.mark.any_pandas

GIVEN = {"campaign": "spring", "batch_size": 5, "concurrency": 2, "progress": "silent"}


@pytest.fixture(name="pair")
def _pair():
    """Make a primary and its hot standby, which confirms each commit."""
    if (why := missing()) is not None:
        lacks(why)
    with ExitStack() as stack:
        primary = stack.enter_context(Server())
        standby = stack.enter_context(Server(of=primary))
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("ALTER SYSTEM SET synchronous_commit = remote_apply")
        primary.reload()
        yield primary, standby


def either(primary, standby, database):
    """Return the URL of whichever of two servers is the primary."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in (standby, primary))
    return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"


def until(true):
    """Wait until something is so."""
    while not true():
        time.sleep(0.01)


def held_against(sandbox, out):
    """Hold each row of a frame against the gateway's ledger."""
    accepted = set(sandbox.ledger["messageid"])
    for messageid, status in zip(out["messageid"], out["status"], strict=True):
        assert (status == "Success") == (messageid in accepted), (messageid, status)
    assert no_double(sandbox)


def test_a_standby_is_refused_and_takes_over_with_nothing_lost(make, pair):
    """Nothing can be recorded in it until it is promoted; then a run whose URL names both goes on there."""
    primary, standby = pair
    sandbox, url = make(latency=0.02), primary.database()
    database = url.rpartition("/")[2]
    people(20).nxsms.send(sandbox.client, journal=url, **GIVEN)
    for look in (
        lambda: people(20).nxsms.send(sandbox.client, journal=standby.url(database), **GIVEN),
        lambda: people(20).nxsms.plan(sandbox.client, journal=standby.url(database)),
        lambda: Journal(standby.url(database)).runs(),
    ):
        with pytest.raises(JournalError, match=r"is a replica \(pg_is_in_recovery\).*Name its primary"):
            look()
    both = either(primary, standby, database)
    run = people(200).nxsms.start(sandbox.client, journal=both, **GIVEN)
    assert sandbox.wait_for(requests=12)
    primary.stop("immediate")
    standby.promote()
    out = run.wait()
    assert run.stopped is None
    assert counts(out) == {"Success": 200}
    held_against(sandbox, out)
    assert counts(people(200).nxsms.recorded(sandbox.client, campaign="spring", journal=both)) == {"Success": 200}


@pytest.mark.parametrize("lost", ["requests", "an outcome"])
def test_a_standby_that_lagged_stops_the_run(pair, lost):
    """It lost what was confirmed: the run ends at once, says so, and its frame alone knows what must not be sent again."""
    primary, standby = pair
    database = primary.database().rpartition("/")[2]
    both = either(primary, standby, database)
    cut_off, over = threading.Event(), threading.Event()

    async def act(it):
        await it.body()
        number = len(it.gateway.requests)
        if number == 1:
            await asyncio.to_thread(cut_off.wait)
            if lost == "an outcome":
                await it.http(429, b"", Retry_After="1")
                return
        elif number > 6:
            await asyncio.to_thread(over.wait)
        it.accept()
        await it.reply(data=said(it.items))

    with FaultGateway() as gateway:
        gateway.strike(act, times=float("inf"))
        run = people(100).nxsms.start(client_of(gateway.url), journal=both, **GIVEN)
        until(lambda: len(gateway.requests) == 1)
        standby.lag(primary)
        primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
        primary.reload()
        cut_off.set()
        if lost == "requests":
            until(lambda: len(gateway.requests) == 8)
        else:
            until(lambda: primary.execute("SELECT count(*) FROM outcome", database=database) == [(1,)])
        primary.stop("immediate")
        standby.promote()
        over.set()
        words = None
        try:
            run.wait()
        except JournalLost as error:
            words = str(error)
        assert re.search(
            r"has lost what it had confirmed, as after a failover.*keep this frame", words or str(run.stopped)
        )
        assert (words is None) == (lost == "an outcome")
        out = run.frame
        assert counts(out) == ({"Unsent": 100} if lost == "an outcome" else {"Success": 40, "Unsent": 60})
        assert set(gateway.effects()) == set(out["messageid"][(out["status"] == "Success").to_numpy()])
        again = out.nxsms.send(client_of(gateway.url), journal=both, **GIVEN)
        assert counts(again)["Success"] >= 95
        assert set(gateway.effects().values()) == {1}
