"""Runs whose journal is a database: several at once, and what becomes of them when the database or the connection goes."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import nxsms_nb as nx
from nxsms_nb import CampaignBusy, Journal
from nxsms_nb.engine import sender
from nxsms_nb.journal import pg_recorder, pg_session
from tests.engine.people import counts, no_double, people
from tests.support.faultgateway import FaultGateway, said
from tests.support.killing import start
from tests.support.ledgercheck import check, client_of, sent
from tests.support.ledgercheck import people as recipients
from tests.support.machine import lacks
from tests.support.postgres import Server, missing
from tests.support.relay import Relay

pytestmark = pytest.mark.any_pandas


@pytest.fixture(name="server")
def _server():
    """A server that a test may crash."""
    if (why := missing()) is not None:
        lacks(why)
    with Server() as server:
        yield server


def end_sessions(server):
    """Break the connections of everybody, as a network or an administrator does."""
    query = (
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name LIKE 'nxsms_nb%'"
    )
    ((n,),) = server.execute(query)
    return n


def held_against(sandbox, out):
    """Hold each row of a frame against the gateway's ledger."""
    accepted = set(sandbox.ledger["messageid"])
    for messageid, status in zip(out["messageid"], out["status"], strict=True):
        assert status == "Unknown" or (status == "Success") == (messageid in accepted), (messageid, status)
    assert no_double(sandbox)


@contextmanager
def held_at(sandbox, requests):
    """When the gateway has had so many requests, hold its replies: the run cannot end meanwhile."""
    assert sandbox.wait_for(requests=requests, timeout=60)
    sandbox.hold()
    yield
    sandbox.release()


@contextmanager
def meanwhile(sandbox, requests, act):
    """Do something in another thread when the gateway has had so many requests; the replies wait for it."""

    def wait():
        with held_at(sandbox, requests):
            act()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_five_processes_with_the_same_frame_at_the_same_moment(database):
    """One sends, the others are refused or find everything sent: nobody gets the message twice."""
    with FaultGateway() as gateway:
        frame = recipients(200)
        processes = [start(gateway.url, database, 200) for _ in range(5)]
        for process in processes:
            process.join()
        assert any(process.exitcode == 0 for process in processes)
        out, stopped = sent(frame, client_of(gateway.url), database)
        assert stopped is None
        check(frame, out, gateway)
        assert len(gateway.effects()) == 200
        assert set(gateway.effects().values()) == {1}


def test_threads_of_one_kernel_share_a_campaign_as_processes_do(sandbox, database):
    """Of eight that start together one sends, and seven are refused by name; in campaigns of their own all of them send."""
    together = threading.Barrier(8)
    sandbox.hold()

    def begin(number, campaign):
        together.wait()
        try:
            given = {"campaign": campaign, "journal": database, "batch_size": 5, "progress": "silent"}
            return people(20, first=100 * number).nxsms.start(sandbox.client, **given)
        except CampaignBusy as busy:
            return busy

    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(begin, [0] * 8, ["spring"] * 8))
        own = list(pool.map(begin, range(8), [f"own {number}" for number in range(8)]))
    assert sum(isinstance(one, CampaignBusy) for one in same) == 7
    sandbox.release()
    runs = [run for run in [*same, *own] if not isinstance(run, CampaignBusy)]
    assert [counts(run.wait()) for run in runs] == [{"Success": 20}] * 9
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 180


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off_decides_nothing_too_early_and_nothing_too_late(
    sandbox, postgres, database, monkeypatch, hours
):
    """How old a request in doubt is goes by the database's clock, whatever the machine's says."""
    given = {"campaign": "spring", "journal": database}
    sandbox.faults = ["close_before"]
    lost = people(5).nxsms.send(sandbox.client, progress="silent", batch_size=5, **given)
    sandbox.faults = None
    assert counts(lost) == {"Unknown": 5}
    seconds, nanoseconds = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: seconds() + hours * 3600)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + hours * 3600 * 10**9)
    young = people(5).nxsms.recorded(sandbox.client, **given)
    assert counts(young.nxsms.reconcile(sandbox.client, absent="Unsent", **given)) == {"Unknown": 5}
    postgres.execute("UPDATE batch SET sent_us = sent_us - 120000000", database=database.rpartition("/")[2])
    old = people(5).nxsms.recorded(sandbox.client, **given)
    assert counts(old.nxsms.reconcile(sandbox.client, absent="Unsent", **given)) == {"Unsent": 5}
    assert counts(people(5).nxsms.send(sandbox.client, progress="silent", **given)) == {"Success": 5}


def test_a_clock_that_is_set_in_mid_run_leaves_no_wrong_times(sandbox, database, monkeypatch):
    """What was recorded by the old one is recorded anew before it leaves."""
    sandbox.hold()
    run = people(50).nxsms.start(sandbox.client, campaign="spring", journal=database, batch_size=5, progress="silent")
    assert sandbox.wait_for(requests=1)
    seconds, nanoseconds = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: seconds() + 7200)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + 7200 * 10**9)
    sandbox.release()
    out = run.wait()
    assert counts(out) == {"Success": 50}
    assert (abs(out["sent_at"].astype("int64") / 1e6 - seconds()) < 600).all()
    held_against(sandbox, out)


def test_a_second_persons_call_finds_what_the_first_sent(sandbox, database):
    """With a journal, a kernel and a frame of her own, she is told what was sent, and sends the rest."""
    people(20).nxsms.send(sandbox.client, campaign="spring", journal=Journal(database), progress="silent")
    both = people(30).nxsms.send(sandbox.client, campaign="spring", journal=Journal(database), progress="silent")
    assert counts(both) == {"Success": 30}
    assert both["batch"].nunique() == 2
    assert no_double(sandbox)


def test_a_connection_that_breaks_is_opened_again(make, postgres, database):
    """With its lock, before anything leaves: the run goes on to its end."""
    sandbox = make(latency=0.02)
    run = people(400).nxsms.start(sandbox.client, journal=database, batch_size=5, concurrency=2, progress="silent")
    for requests in (3, 20, 40):
        with held_at(sandbox, requests):
            assert end_sessions(postgres)
    out = run.wait()
    assert counts(out) == {"Success": 400}
    held_against(sandbox, out)
    assert counts(people(400).nxsms.recorded(sandbox.client, journal=database)) == {"Success": 400}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_a_session_that_the_server_still_holds_is_ended(make, postgres, database, zone):
    """The network broke, and the server has not noticed: the run's own lock does not keep it out, whatever the time zone."""
    postgres.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET TimeZone = '{zone}'")
    sandbox = make(latency=0.02)
    with Relay(postgres.port) as relay:
        url = database.replace(f":{postgres.port}", f":{relay.port}")
        run = people(200).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=2, progress="silent")
        for requests in (3, 12):
            assert sandbox.wait_for(requests=requests)
            relay.cut()
        out = run.wait()
    assert counts(out) == {"Success": 200}
    held_against(sandbox, out)


def test_a_session_that_ended_behind_a_pooler_is_opened_again(make, postgres, database):
    """The pooler keeps the connection for a moment, and says something instead of an answer."""
    sandbox = make(latency=0.02)
    with Relay(postgres.port) as relay:
        url = database.replace(f":{postgres.port}", f":{relay.port}")
        run = people(200).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=2, progress="silent")
        for requests in (3, 12):
            assert sandbox.wait_for(requests=requests)
            relay.speak_instead()
        out = run.wait()
    assert counts(out) == {"Success": 200}
    held_against(sandbox, out)


def test_a_run_that_has_sent_is_not_said_to_have_sent_nothing(make, server, monkeypatch):
    """What the database says when it stays away comes with the outcome of the run."""
    monkeypatch.setattr(pg_session, "PATIENCE_S", 0.5)
    monkeypatch.setattr(pg_recorder, "_LAST_S", 1.0)
    sandbox, url = make(latency=0.02), server.database()
    with meanwhile(sandbox, 4, lambda: server.stop("immediate")), pytest.raises(nx.JournalLost) as stopped:
        people(300).nxsms.send(sandbox.client, campaign="spring", journal=url, batch_size=5, progress="silent")
    assert counts(stopped.value.frame)["Success"]
    assert "Nothing was sent" not in str(stopped.value)


def test_a_campaign_that_another_took_meanwhile_stops_the_run(sandbox, postgres, database):
    """What is in flight comes back, nothing more leaves, and the outcomes are recorded all the same."""
    sandbox.hold()
    run = people(100).nxsms.start(sandbox.client, campaign="spring", journal=database, batch_size=10, progress="silent")
    assert sandbox.wait_for(requests=1)
    assert end_sessions(postgres)
    with Journal(database).campaign("spring"):
        sandbox.release()
        out = run.wait()
    assert counts(out) == {"Success": 10, "Unsent": 90}
    assert "has the campaign now" in run.stopped
    held_against(sandbox, out)
    assert counts(out.nxsms.recorded(sandbox.client, campaign="spring", journal=database)) == {
        "Success": 10,
        "Unsent": 90,
    }
    again = people(100).nxsms.send(sandbox.client, campaign="spring", journal=database, progress="silent")
    assert counts(again) == {"Success": 100}
    assert no_double(sandbox)


def test_rows_that_another_run_sent_meanwhile_come_back_as_recorded(postgres, database):
    """The connection was away while a colleague sent the rest: her rows have her outcome, and do not leave again."""
    released, frame = threading.Event(), people(60)

    async def held_back(it):
        await it.body()
        await asyncio.to_thread(released.wait)
        it.accept()
        await it.reply(data=said(it.items))

    with FaultGateway() as gateway:
        gateway.strike(held_back, first=1)
        client = client_of(gateway.url)
        given = {"campaign": "spring", "journal": database, "batch_size": 5, "progress": "silent"}
        run = frame.nxsms.start(client, concurrency=1, **given)
        while len(gateway.requests) < 2:
            time.sleep(0.01)
        assert end_sessions(postgres)
        hers = frame.nxsms.send(client, **given)
        assert counts(hers) == {"Success": 55, "Unknown": 5}
        released.set()
        out = run.wait()
        assert run.stopped is None
        assert counts(out) == {"Success": 60}
        assert set(gateway.effects().values()) == {1}
    later = frame.nxsms.recorded(client, campaign="spring", journal=database)
    assert later["batch"].equals(out["batch"])
    assert later["sent_at"].equals(hers["sent_at"])


def test_a_colleagues_reconcile_and_retry_during_a_live_run(sandbox, postgres, database):
    """They are refused while it holds the campaign; when its connection has gone, its young requests stay in doubt."""
    sandbox.hold()
    run = people(30).nxsms.start(sandbox.client, campaign="spring", journal=database, batch_size=10, progress="silent")
    assert sandbox.wait_for(requests=1)
    seen = people(30).nxsms.recorded(sandbox.client, campaign="spring", journal=database)
    assert counts(seen) == {"Unknown": 10, "Unsent": 20}
    with pytest.raises(CampaignBusy, match=r"in progress since .* by .* on "):
        seen.nxsms.reconcile(sandbox.client, campaign="spring", journal=database, absent="Unsent")
    with pytest.raises(CampaignBusy):
        seen.nxsms.retry(sandbox.client, campaign="spring", journal=database)
    assert end_sessions(postgres)
    settled = seen.nxsms.reconcile(sandbox.client, campaign="spring", journal=database, absent="Unsent")
    assert counts(settled)["Unsent"] == 20
    sandbox.release()
    out = run.wait()
    assert counts(out) == {"Success": 30}
    held_against(sandbox, out)
    assert counts(people(30).nxsms.recorded(sandbox.client, campaign="spring", journal=database)) == {"Success": 30}


def test_a_database_that_crashes_and_comes_back(make, server):
    """What it had confirmed is there, what was in flight is looked up, and the run ends as if nothing had been."""
    sandbox, url = make(latency=0.02), server.database()
    run = people(600).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=4, progress="silent")
    for requests in (5, 30, 60):
        assert sandbox.wait_for(requests=requests)
        server.stop("immediate")
        server.start()
    out = run.wait()
    assert run.stopped is None
    assert counts(out) == {"Success": 600}
    held_against(sandbox, out)
    assert counts(people(600).nxsms.recorded(sandbox.client, journal=url)) == {"Success": 600}


def test_a_database_that_stays_away_stops_the_run_with_the_whole_frame(make, server, monkeypatch):
    """Nothing leaves that is not recorded; every row has its outcome, and with the frame the next call knows it."""
    monkeypatch.setattr(pg_session, "PATIENCE_S", 0.5)
    monkeypatch.setattr(pg_recorder, "_LAST_S", 1.0)
    sandbox, url = make(latency=0.02), server.database()
    with meanwhile(sandbox, 4, lambda: server.stop("immediate")), pytest.raises(nx.JournalLost) as stopped:
        people(300).nxsms.send(sandbox.client, campaign="spring", journal=url, batch_size=5, progress="silent")
    out = stopped.value.frame
    assert isinstance(stopped.value, nx.Stopped)
    assert len(out) == 300
    assert 0 < counts(out)["Success"] < 300
    held_against(sandbox, out)
    server.start()
    again = out.nxsms.send(sandbox.client, campaign="spring", journal=url, progress="silent")
    assert no_double(sandbox)
    assert set(counts(again)) <= {"Success", "Unknown"}


def test_a_database_that_is_away_for_seconds_delays_and_loses_nothing(make, server):
    """Requests in flight go on, none leaves meanwhile, and the outcomes are written when it is back."""
    sandbox, url = make(latency=0.02), server.database()
    run = people(300).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=4, progress="silent")
    with held_at(sandbox, 10):
        server.stop("fast")
    # Of sixty requests those that were in flight or recorded by then, four at most, and no others.
    assert not sandbox.wait_for(requests=20, timeout=2)
    server.start()
    out = run.wait()
    assert counts(out) == {"Success": 300}
    held_against(sandbox, out)


def test_what_was_recorded_too_long_ago_is_recorded_again_before_it_leaves(make, server, monkeypatch):
    """While it waited, another run could take the campaign and a person decide that it never left."""
    monkeypatch.setattr(sender, "_RECORDED_US", 1_000_000)
    sandbox, url = make(latency=0.02), server.database()
    run = people(300).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=4, progress="silent")
    with held_at(sandbox, 10):
        server.suspend()
    assert not sandbox.wait_for(requests=20, timeout=2)
    server.resume()
    out = run.wait()
    assert counts(out) == {"Success": 300}
    held_against(sandbox, out)
    again = "SELECT count(*) FROM outcome WHERE reason LIKE 'recorded too long before%'"
    assert server.execute(again, database=url.rpartition("/")[2])[0][0] > 0


def test_a_stop_while_the_database_is_away_ends_the_run(make, server, monkeypatch):
    """It waits no longer than for the database, and its frame is complete."""
    monkeypatch.setattr(pg_session, "PATIENCE_S", 1.0)
    monkeypatch.setattr(pg_recorder, "_LAST_S", 1.0)
    sandbox, url = make(latency=0.02), server.database()
    run = people(300).nxsms.start(sandbox.client, journal=url, batch_size=5, concurrency=4, progress="silent")
    with held_at(sandbox, 10):
        server.stop("immediate")
    with pytest.raises(nx.JournalLost):
        run.stop()
    assert len(run.frame) == 300
    held_against(sandbox, run.frame)


def test_a_database_that_hangs_stops_the_run(make, server, monkeypatch):
    """It keeps the connection and does not answer: nothing leaves any more, and the frame is complete."""
    for name in ("_OVERDUE_S", "_LAST_S"):
        monkeypatch.setattr(pg_recorder, name, 1.0)
    sandbox, url = make(latency=0.02), server.database()
    with (
        meanwhile(sandbox, 4, server.suspend),
        pytest.raises(nx.JournalLost, match="does not answer") as stopped,
    ):
        people(300).nxsms.send(sandbox.client, campaign="spring", journal=url, batch_size=5, progress="silent")
    assert len(stopped.value.frame) == 300
    held_against(sandbox, stopped.value.frame)
    server.resume()
    again = stopped.value.frame.nxsms.send(sandbox.client, campaign="spring", journal=url, progress="silent")
    assert no_double(sandbox)
    assert set(counts(again)) <= {"Success", "Unknown"}
