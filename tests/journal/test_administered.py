"""What an administrator does to the database of a shared journal: limits, timeouts, rights, restarts, locks, a full disk."""

import os
import subprocess
import threading
import time

import psycopg
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, JournalError
from nxsms_nb.journal import pg_connection
from tests.engine.people import counts, no_double, people
from tests.support.machine import lacks
from tests.support.postgres import Server, missing

pytestmark = pytest.mark.any_pandas

GIVEN = {"campaign": "spring", "batch_size": 5, "concurrency": 2, "progress": "silent"}


@pytest.fixture(name="server", scope="module")
def _server():
    """A server that a test may restart."""
    if (why := missing()) is not None:
        lacks(why)
    with Server() as server:
        yield server


@pytest.fixture(name="member")
def _member(server, sandbox):
    """The URL of a database with a journal, for a role with the rights that the README names, and the role."""
    url = server.database()
    people(1, first=9000).nxsms.send(sandbox.client, journal=url, progress="silent")
    sandbox.reset()
    database = url.rpartition("/")[2]
    role = f"member_{database}"
    server.execute(f"CREATE ROLE {role} LOGIN", database=database)
    for grant in (
        "SELECT ON ALL TABLES IN SCHEMA public",
        "INSERT ON run, block, batch, outcome, claim, receipt",
        "UPDATE ON run, claim",
        "USAGE ON ALL SEQUENCES IN SCHEMA public",
    ):
        server.execute(f"GRANT {grant} TO {role}", database=database)
    return url.replace("postgres@", f"{role}@"), role


def until(true):
    """Wait until something is so."""
    while not true():
        time.sleep(0.01)


def said(server, words):
    """Whether the server has said something to somebody."""
    return words in (server.folder / "log").read_text(errors="replace")


def fill(path):
    """Write a file until its disk is full."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 65536)


def started(sandbox, url, rows=100):
    """Start a run, and return it when its first request is held by the gateway."""
    sandbox.hold()
    run = people(rows).nxsms.start(sandbox.client, journal=url, **GIVEN)
    assert sandbox.wait_for(requests=1)
    return run


def ended_well(sandbox, run, url, rows=100):
    """Whether a run sent everything once, and the journal knows it."""
    assert counts(run.wait()) == {"Success": rows}
    assert run.stopped is None
    assert no_double(sandbox)
    return counts(people(rows).nxsms.recorded(sandbox.client, campaign="spring", journal=url)) == {"Success": rows}


def ended_with(sandbox, run, words):
    """Return the frame of a run that ended with words, held against the gateway's ledger."""
    try:
        run.wait()
        found = str(run.stopped)
    except nx.JournalLost as error:
        found = str(error)
    assert words in found
    out = run.frame
    assert counts(out)["Unsent"]
    accepted = set(sandbox.ledger["messageid"])
    for messageid, status in zip(out["messageid"], out["status"], strict=True):
        assert (status == "Success") == (messageid in accepted), (messageid, status)
    return out


def test_a_limit_of_connections_is_named(sandbox, server, member):
    """The remedy is to close some, not to check the password."""
    url, role = member
    server.execute(f"ALTER ROLE {role} CONNECTION LIMIT 1")
    with Journal(url).campaign("spring"), pytest.raises(JournalError, match=r"too many.*Close other programs") as error:
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
    assert "password" not in str(error.value)
    # A run needs no second one.
    run = people(100).nxsms.start(sandbox.client, journal=url, **GIVEN)
    assert counts(run.wait()) == {"Success": 100}


def test_a_limit_that_is_reached_in_mid_run_delays_it(sandbox, server, member):
    """The connection broke, and there is none to be had for a while."""
    url, role = member
    run = started(sandbox, url)
    server.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (role,))
    sandbox.release()
    until(lambda: said(server, f'too many connections for role "{role}"'))
    assert len(sandbox.ledger) == 5
    server.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
    assert ended_well(sandbox, run, url)


def test_timeouts_of_the_role_do_not_count(server, member):
    """The journal's own transactions and pauses last as long as they need."""
    url, role = member
    wanted = {
        "statement_timeout": "0",
        "lock_timeout": "20s",
        "idle_in_transaction_session_timeout": "1min",
        "idle_session_timeout": "0",
        "transaction_timeout": "0",
        "default_transaction_isolation": "read committed",
    }
    names = server.execute("SELECT name FROM pg_settings WHERE name = ANY(%s)", ([*wanted],))
    for (name,) in names:
        server.execute(f"ALTER ROLE {role} SET {name} = '{'9s' if 'timeout' in name else 'serializable'}'")
    with Journal(url).campaign("spring") as campaign:
        session = campaign._hold._session
        for (name,) in names:
            ((found,),) = session.run(lambda c, name=name: c.execute(f"SHOW {name}").fetchall())
            assert found == wanted[name]


@pytest.mark.parametrize("right", ["UPDATE ON claim", "INSERT ON batch", "INSERT ON outcome", "SELECT ON claim"])
def test_rights_that_are_revoked_in_mid_run_stop_it(sandbox, server, member, right):
    """It names them, its frame is complete, and with it the next call sends the rest."""
    url, role = member
    run = started(sandbox, url)
    server.execute(f"REVOKE {right} FROM {role}", database=url.rpartition("/")[2])
    sandbox.release()
    out = ended_with(sandbox, run, f"GRANT UPDATE ON run, claim TO {role};")
    server.execute(f"GRANT {right} TO {role}", database=url.rpartition("/")[2])
    assert counts(out.nxsms.send(sandbox.client, journal=url, **GIVEN)) == {"Success": 100}
    assert no_double(sandbox)


@pytest.mark.parametrize("mode", ["fast", "smart"])
def test_a_restart_in_mid_run_loses_nothing(sandbox, server, member, mode):
    """A fast one breaks the connection; a smart one waits for the run's end and lets nobody else in."""
    url, _ = member
    run = started(sandbox, url)
    stopping = threading.Thread(target=server.stop, args=(mode,))
    stopping.start()
    if mode == "fast":
        stopping.join()
        server.start()
        sandbox.release()
        assert ended_well(sandbox, run, url)
        return
    until(lambda: said(server, "received smart shutdown request"))
    with pytest.raises(JournalError, match=r"shutting down.*Call again when the server accepts connections"):
        people(3).nxsms.recorded(sandbox.client, campaign="spring", journal=url)
    sandbox.release()
    out = run.wait()
    stopping.join()
    server.start()
    assert counts(out) == {"Success": 100}
    assert counts(people(100).nxsms.recorded(sandbox.client, campaign="spring", journal=url)) == {"Success": 100}


def test_a_lock_that_an_administrator_holds_delays_a_run_and_refuses_a_call(sandbox, server, member, monkeypatch):
    """Nothing leaves meanwhile; who begins then is told why not."""
    monkeypatch.setattr(pg_connection, "_LOCK_S", 1)
    url, _ = member
    run = started(sandbox, url)
    database = url.rpartition("/")[2]
    with psycopg.connect(server.url(database)) as beside:
        beside.execute("LOCK TABLE claim, run")
        sandbox.release()
        with pytest.raises(JournalError, match=r"lock timeout.*Somebody holds a lock.*Call again"):
            people(3).nxsms.plan(sandbox.client, campaign="summer", journal=url)
        assert len(sandbox.ledger) == 5
        beside.rollback()
    assert ended_well(sandbox, run, url)


def test_a_table_that_is_rewritten_in_mid_run_loses_nothing(sandbox, server, member):
    """VACUUM FULL, an index made anew and changed columns, again and again."""
    url, _ = member
    run = started(sandbox, url, 500)
    sandbox.release()
    while not run.done:
        for statement in (
            "VACUUM FULL",
            "REINDEX TABLE claim",
            "CLUSTER claim USING claim_pkey",
            "ALTER TABLE claim ADD COLUMN extra int",
            "ALTER TABLE claim DROP COLUMN extra",
        ):
            server.execute(statement, database=url.rpartition("/")[2])
    assert ended_well(sandbox, run, url, 500)


@pytest.fixture(name="small")
def _small(server):
    """Make a small disk of the server's, and return its place and a database on it."""
    place = server.folder / "small"
    place.mkdir()
    mounted = os.name == "posix" and os.geteuid() == 0
    mounted = (
        mounted
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("a small disk can only be mounted by root, where the system allows it")
    try:
        owner = server.data.stat()
        (place / "space").mkdir()
        os.chown(place / "space", owner.st_uid, owner.st_gid)
        server.execute(f"CREATE TABLESPACE small LOCATION '{place / 'space'}'")
        server.execute("CREATE DATABASE small TABLESPACE small")
        yield place, server.url("small")
        server.execute("DROP DATABASE small WITH (FORCE)")
        server.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_stops_the_run(sandbox, small):
    """It says so, its frame is complete, and with it the next call sends the rest when there is room."""
    place, url = small
    sandbox.hold()
    rows = 20_000
    run = people(rows).nxsms.start(sandbox.client, journal=url, **(GIVEN | {"batch_size": 200}))
    assert sandbox.wait_for(requests=1)
    with pytest.raises(OSError, match="No space left"):
        fill(place / "filler")
    sandbox.release()
    out = ended_with(sandbox, run, "Make room on the server's disk.")
    (place / "filler").unlink()
    assert counts(out.nxsms.send(sandbox.client, journal=url, **(GIVEN | {"batch_size": 200}))) == {"Success": rows}
    assert no_double(sandbox)
