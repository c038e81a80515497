"""A journal in PostgreSQL, given by its URL wherever a path may be given: what it is, what it refuses, and what it never shows."""

import asyncio
import os
import re
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psycopg
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb import ConfigError, Journal, JournalError
from nxsms_nb.journal import pg_connection, pg_schema
from nxsms_nb.journal.addresses import Address
from nxsms_nb.wire.receipts import Receipt
from tests.engine.people import counts, people
from tests.support.pooler import Pooler
from tests.support.postgres import Server

PASSWORD = "hunter2%21"


def name_of(url):
    return url.rpartition("/")[2]


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


VERBS = {
    "send": lambda df, client, url: df.nxsms.send(client, journal=url, progress="silent"),
    "asend": lambda df, client, url: asyncio.run(df.nxsms.asend(client, journal=url, progress="silent")),
    "start": lambda df, client, url: df.nxsms.start(client, journal=url, progress="silent").wait(),
    "a Journal": lambda df, client, url: df.nxsms.send(client, journal=Journal(url), progress="silent"),
    "send_stream": lambda df, client, url: pd.concat(
        nx.send_stream([df], client, campaign="spring", journal=url, progress="silent")
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_that_sends_takes_the_url_of_a_database(sandbox, database, verb):
    """It sends once, and the same call again sends nothing."""
    sent = VERBS[verb](people(30), sandbox.client, database)
    assert counts(sent) == {"Success": 30}
    with pytest.warns(nx.AlreadySentWarning):
        again = VERBS[verb](people(30), sandbox.client, database)
    assert again["sent_at"].equals(sent["sent_at"])
    assert sandbox.effects().max() == 1


def test_verbs_that_look_take_it_too(sandbox, database, monkeypatch):
    """As a keyword or as NXSMS_JOURNAL, in `plan`, `recorded`, `retry` and `reconcile`."""
    monkeypatch.setenv("NXSMS_JOURNAL", database)
    own = nx.Client(
        access_key=sandbox.access_key,
        access_secret=sandbox.access_secret,
        app_key=sandbox.app_key,
        base_url=sandbox.url,
    )
    df = people(20)
    assert not Path("postgresql:").exists()
    assert len(set(df.nxsms.plan(own).frame["fate"])) == 1
    sent = df.nxsms.send(own, campaign="spring", progress="silent")
    assert counts(df.nxsms.recorded(own, campaign="spring")) == {"Success": 20}
    assert counts(sent.nxsms.retry(own, journal=database)) == {"Success": 20}
    assert counts(sent.nxsms.reconcile(own, journal=Journal(database))) == {"Success": 20}
    (run,) = Journal(database).runs().to_dict("records")
    assert (run["rows"], run["requests"], run["user"], run["host"]) == (20, 1, *pg_connection.user_and_host())
    assert Journal(database).campaigns()["Success"].to_list() == [20]


def test_a_journal_that_was_only_read_is_not_made(sandbox, database, postgres):
    """To look into a database changes nothing in it."""
    people(3).nxsms.plan(sandbox.client, journal=database)
    assert Journal(database).runs().empty
    assert list(Journal(database).runs().columns)[-2:] == ["user", "host"]
    assert postgres.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name_of(database)
    ) == [(0,)]


def test_forgetting_frees_the_rows(sandbox, database):
    """A campaign that was forgotten can be sent again, by the analyst's word."""
    people(5).nxsms.send(sandbox.client, campaign="spring", journal=database, progress="silent")
    assert Journal(database).forget("spring", confirm=5) == 5
    people(5).nxsms.send(sandbox.client, campaign="spring", journal=database, progress="silent")
    assert sandbox.effects().max() == 2


@pytest.mark.parametrize(
    "given",
    [
        "mysql://ada:secret@db/sms",
        "sqlite:///sent.sqlite3",
        "postgresql+psycopg://ada:secret@db/sms",
        "redis://:secret@db/0",
        "host=db user=ada password=secret",
        "dbname=sms password=secret",
        Path("postgresql://ada:secret@db/sms"),
    ],
)
def test_other_urls_are_refused_and_never_made_a_file(given, tmp_path, monkeypatch):
    """The error names the way, and not the password."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"postgresql://user@host/database") as error:
        Journal(given)
    assert "secret" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_without_the_driver_the_error_names_what_to_install(tmp_path):
    """A journal in a file does without psycopg, and importing the package does not load it."""
    code = (
        "import sys, nxsms_nb as nx\nassert 'psycopg' not in sys.modules\nsys.modules['psycopg'] = None\n"
        "nx.Journal('sent.sqlite3')\ntry: nx.Journal('postgresql://ada:hunter2@db/sms')\n"
        "except nx.ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert 'pip install "nxsms_nb[team]"' in done.stdout
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{PASSWORD}@127.0.0.1:1/sms",
        f"postgres://ada:{PASSWORD}@127.0.0.1:1/sms?connect_timeout=2",
        f"postgresql://127.0.0.1:1/sms?user=ada&password={PASSWORD}",
        f"postgresql://ada:{PASSWORD}/x@127.0.0.1:1/sms",
        f"postgresql://ada:{PASSWORD}@[127.0.0.1/sms",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:port/sms",
        f"POSTGRESQL://ada:{PASSWORD}@127.0.0.1:1/sms?nonsense=1",
    ],
)
def test_a_password_is_never_shown(sandbox, url):
    """Not in an error, its traceback, what it proposes, nor where the journal shows itself."""
    with pytest.raises(nx.NxsmsError) as error:
        people(3).nxsms.send(sandbox.client, campaign="spring", journal=url, progress="silent")
    shown = "".join(traceback.format_exception(error.value)) + repr(Journal(url)) + repr(vars(error.value))
    with pytest.raises(nx.ColumnError) as proposing:
        people(3).assign(status="mine").nxsms.plan(sandbox.client, journal=url)
    shown += str(proposing.value)
    with pytest.raises(nx.ColumnError) as proposing:
        people(3).assign(status="mine").nxsms.plan(sandbox.client, journal=Journal(url))
    shown += str(proposing.value)
    assert "hunter2" not in shown
    assert "prefix='sms_'" in shown


WORDS = [
    "hunter2@tail",
    "hunter2/tail",
    "hunter2?tail",
    "hunter2#tail",
    "@hunter2@tail",
    "hunter2:tail",
    "hunter2&tail",
]
PLACES = [
    "postgresql://ada:{}@127.0.0.1:1/sms",
    "postgres://:{}@127.0.0.1:1",
    "postgresql://ada:{}@/sms?host=/nowhere",
    "postgresql://127.0.0.1:1/sms?user=ada&password={}",
    "postgresql://127.0.0.1:1?sslpassword={}",
    "postgresql://127.0.0.1:1/sms?%70assword={}",
    "postgresql://127.0.0.1:1/sms?password ={}",
    "postgresql://127.0.0.1:1/sms?scram_client_key={}",
    " postgresql://ada:{}@127.0.0.1:1/sms ",
    "postgresql:ada:{}@127.0.0.1:1/sms",
    "postgresql ://ada:{}@127.0.0.1:1/sms",
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("where", PLACES)
def test_no_part_of_a_password_is_shown_however_it_is_written(sandbox, tmp_path, monkeypatch, where, word):
    """Where it ends is not clear unless it is quoted, and the driver's words quote what follows."""
    monkeypatch.chdir(tmp_path)
    shown = ""
    for written in (word, urllib.parse.quote(word, safe="")):
        url = where.format(written)
        with pytest.raises(nx.NxsmsError) as error:
            people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
        with pytest.raises(nx.NxsmsError) as proposing:
            people(3).assign(status="mine").nxsms.plan(sandbox.client, journal=url)
        shown += "".join(map("".join, map(traceback.format_exception, (error.value, proposing.value))))
        with suppress(ConfigError):
            shown += repr(Journal(url))
    assert "hunter2" not in shown
    assert "tail" not in shown
    assert not list(tmp_path.iterdir())


def test_a_login_that_is_refused_does_not_show_the_password(sandbox, postgres, database):
    """The server's words may name the user, and the error the places where a password can be."""
    url = database.replace("postgres@", f"nobody_here:{PASSWORD}@")
    with pytest.raises(JournalError, match=r"PGPASSWORD or ~/\.pgpass") as error:
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


def test_a_newer_schema_is_refused(sandbox, database, postgres):
    """An older version would not know what it must not break."""
    people(3).nxsms.send(sandbox.client, journal=database, progress="silent")
    postgres.execute("UPDATE nxsms_journal SET version = 99", database=name_of(database))
    for call in (people(3).nxsms.send, people(3).nxsms.recorded):
        with pytest.raises(JournalError, match=r"newer version of nxsms_nb \(schema 99, .*Upgrade"):
            call(sandbox.client, journal=database)


def test_tables_of_another_program_are_left_alone(sandbox, database, postgres):
    """A schema of its own is the way."""
    postgres.execute("CREATE TABLE run (id int)", database=name_of(database))
    with pytest.raises(JournalError, match=r"table 'run' of another program.*search_path"):
        people(3).nxsms.send(sandbox.client, journal=database, progress="silent")
    postgres.execute("CREATE SCHEMA sms", database=name_of(database))
    own = f"{database}?options=-csearch_path%3Dsms"
    assert counts(people(3).nxsms.send(sandbox.client, journal=own, progress="silent")) == {"Success": 3}


def test_a_database_that_cannot_write_is_refused(sandbox, database):
    """A replica, or one that is read-only, could not record what leaves."""
    url = f"{database}?options=-cdefault_transaction_read_only%3Don"
    with pytest.raises(JournalError, match=r"read-only.*Nothing was sent"):
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
    assert not len(sandbox.ledger)


def test_a_replica_is_refused(sandbox):
    """It may be behind, and cannot record."""
    with Server() as server:
        url = server.database()
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()
        with pytest.raises(JournalError, match=r"is a replica \(pg_is_in_recovery\).*primary"):
            people(9).nxsms.send(sandbox.client, journal=url, progress="silent")


def test_a_database_in_another_encoding_is_refused(sandbox, postgres):
    """Ids may be in any script."""
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(JournalError, match="LATIN1"):
        people(3).nxsms.send(sandbox.client, journal=postgres.url("latin"), progress="silent")


def test_settings_that_lose_what_was_confirmed_are_warned_of(sandbox):
    """Fsync off, and synchronous_commit off, which is set on for the journal's own transactions."""
    with Server() as server:
        url = server.database()
        server.configure("fsync=off", "synchronous_commit=off")
        server.reload()
        with pytest.warns(nx.JournalWarning) as warned:
            people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
        words = " ".join(str(one.message) for one in warned)
        assert "fsync off" in words
        assert "synchronous_commit off" in words
        with Journal(url).campaign("spring") as campaign:
            session = campaign._hold._session
            assert session.run(lambda c: c.execute("SHOW synchronous_commit").fetchone()) == ("on",)


def test_a_dump_has_no_phone_no_text_and_no_secret(sandbox, database, postgres):
    """Whoever reads the database learns ids, outcomes and times."""
    df = people(40).assign(content=[f"confidential offer for customer{i:05d}" for i in range(40)])
    sent = df.nxsms.send(sandbox.client, campaign="spring", journal=database, progress="silent")
    sent.nxsms.reconcile(sandbox.client, journal=database)
    dump = postgres.dump(name_of(database))
    assert sent["messageid"].iloc[0] in dump
    secrets = [sandbox.access_key, sandbox.access_secret, sandbox.app_key, sandbox.app_secret]
    for private in [*df["phone"], "confidential", "customer00007", *secrets]:
        assert private not in dump


def test_a_minimal_role_suffices(sandbox, database, postgres):
    """A member of the team reads and writes rows, and owns nothing."""
    people(3).nxsms.send(sandbox.client, journal=database, progress="silent")
    name = name_of(database)
    postgres.execute("CREATE ROLE member LOGIN", database=name)
    for grant in (
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO member",
        "GRANT INSERT ON run, block, batch, outcome, claim, receipt TO member",
        "GRANT UPDATE ON run, claim TO member",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO member",
    ):
        postgres.execute(grant, database=name)
    url = database.replace("postgres@", "member@")
    assert counts(people(9).nxsms.send(sandbox.client, journal=url, progress="silent")) == {"Success": 9}
    with pytest.raises(JournalError, match=r"permission denied.*GRANT DELETE ON ALL TABLES .* TO member;"):
        Journal(url).forget(None, confirm=9)


def test_a_role_without_rights_learns_which_to_ask_for(sandbox, database, postgres):
    """The one who makes the tables, and those who write."""
    name = name_of(database)
    postgres.execute("CREATE ROLE guest LOGIN", database=name)
    url = database.replace("postgres@", "guest@")
    with pytest.raises(JournalError, match=r"GRANT USAGE ON SCHEMA public TO guest; and CREATE"):
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")
    people(3).nxsms.send(sandbox.client, journal=database, progress="silent")
    with pytest.raises(JournalError, match=r"Nothing was sent\..*GRANT INSERT ON run, .* TO guest;"):
        people(3).nxsms.send(sandbox.client, journal=url, progress="silent")


def test_members_with_schemas_of_their_own_share_one_journal(sandbox, database, postgres):
    """The journal that is there is everybody's, with its locks; a second one beside it is refused."""
    name = name_of(database)
    for role in ("nora", "olaf"):
        postgres.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
    postgres.execute("CREATE SCHEMA AUTHORIZATION nora", database=name)
    nora, olaf = (database.replace("postgres@", f"{role}@") for role in ("nora", "olaf"))
    people(3).nxsms.send(sandbox.client, campaign="spring", journal=olaf, progress="silent")
    with Journal(olaf).campaign("spring"), pytest.raises(nx.CampaignBusy):
        people(3).nxsms.send(sandbox.client, campaign="spring", journal=nora, progress="silent")
    with pytest.warns(nx.AlreadySentWarning):
        people(3).nxsms.send(sandbox.client, campaign="spring", journal=nora, progress="silent")
    for table in pg_schema.TABLES:
        postgres.execute(f"ALTER TABLE {table} SET SCHEMA nora", database=name)
    for look in (people(3).nxsms.send, people(3).nxsms.plan, people(3).nxsms.recorded):
        with pytest.raises(
            JournalError, match=r"a journal in the schema nora.*search_path of olaf.*search_path%3Dnora"
        ):
            look(sandbox.client, campaign="spring", journal=olaf)
    with pytest.warns(nx.AlreadySentWarning):
        people(3).nxsms.send(
            sandbox.client, campaign="spring", journal=f"{olaf}?options=-csearch_path%3Dnora", progress="silent"
        )
    assert sandbox.effects().max() == 1


def test_times_are_the_databases(sandbox, database, monkeypatch):
    """Two machines whose clocks are hours apart agree on when a message was sent."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3 * 3600 * 10**9)
    sent = people(3).nxsms.send(sandbox.client, journal=database, progress="silent")
    assert counts(sent) == {"Success": 3}
    behind = abs(sent["sent_at"].astype("int64") / 1e6 - now() / 1e9)
    assert (behind < 60).all()
    started = Journal(database).runs()["started"].astype("int64").iloc[0] / 1e6
    assert abs(started - now() / 1e9) < 60


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({}, "pooler in transaction mode.*session mode"),
        ({"sessions": 1}, "pooler in transaction mode.*session mode"),
        ({"sessions": 1, "keeps": True}, "without a connection to spare.*default_pool_size"),
    ],
)
def test_a_pooler_that_cannot_serve_a_run_is_refused(postgres, database, monkeypatch, pool, said):
    """The locks that keep two runs apart are a session's, and a second one is needed; neither is waited for in vain."""
    monkeypatch.setattr(pg_connection, "_SPARE_S", 0.5)
    with Pooler(postgres.port, name_of(database), **pool) as pooler, pytest.raises(JournalError, match=said) as error:
        Journal(pooler.url).campaign("spring")
    assert "Nothing" in str(error.value)


def test_a_pooler_that_keeps_sessions_serves_a_run(sandbox, postgres, database):
    """Two at a time are enough."""
    with Pooler(postgres.port, name_of(database), sessions=2, keeps=True) as pooler:
        sent = people(3).nxsms.send(sandbox.client, journal=pooler.url, progress="silent")
    assert counts(sent) == {"Success": 3}


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("transaction blocks not allowed in statement pooling mode", "a pool in session mode."),
        ("query_wait_timeout", r"its pool needs two for a run \(default_pool_size\), in session mode."),
    ],
)
def test_what_a_pooler_says_comes_with_what_it_needs(said, remedy):
    """In the words of pgbouncer in statement mode, and with a single connection for a database."""
    error = pg_connection.refused(Address("postgresql://ada@db/sms"), psycopg.OperationalError(said))
    assert re.search(f"{said}.*{remedy}", str(error))


def test_receipts_are_kept_once_for_everybody(database):
    """Pushed to one machine and pulled on another, a receipt is one; it can be read wherever the database can."""
    delivered = Receipt("n1" + "a" * 32, "DELIVRD", 2, "2026-03-03 14:02:11", 0.0065, "USD", 1, None)
    for _ in range(2):
        with Journal(database).receiving() as book:
            book.write([delivered, delivered._replace(messageid="order-7")], "pushed")
    found = Journal(database).receipts()
    assert found["messageid"].to_list() == ["n1" + "a" * 32, "order-7"]
    assert found["dr_time"].astype(str).to_list() == ["2026-03-03 06:02:11+00:00"] * 2
    ids = pa.array([None, "order-7", "order-8"], pa.large_string())
    assert Journal(database).receipts_of(ids, "Asia/Shanghai")["messageid"].to_list() == ["order-7"]


def test_pushed_receipts_are_stored_in_it(database):
    """The server that takes pushes answers when the database has the receipt."""
    with nx.ReceiptServer(journal=database) as server:
        form = {"messageid": "n1" + "a" * 32, "result": "DELIVRD", "status": "2", "drtime": "2026-03-03 14:02:11"}
        request = urllib.request.Request(server.url, urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert b"success" in reply.read()
    assert Journal(database).receipts()["dr"].to_list() == ["DELIVRD"]


def test_the_command_line_takes_the_url(sandbox, database, tmp_path):
    """As `--journal`, with both its slashes; what it says does not show the password."""
    url = database.replace("postgres@", f"postgres:{PASSWORD}@")
    people(10).to_csv(tmp_path / "in.csv", index=False)
    env = os.environ | {
        "NXSMS_ACCESS_KEY": sandbox.access_key,
        "NXSMS_ACCESS_SECRET": sandbox.access_secret,
        "NXSMS_APP_KEY": sandbox.app_key,
        "NXSMS_BASE_URL": sandbox.url,
    }
    command = [sys.executable, "-m", "nxsms_nb", "send", "in.csv", "out.csv", "--campaign", "spring", "--journal", url]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=True)
        assert "Success 10" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr
    assert sandbox.effects().max() == 1
    assert sorted(place.name for place in tmp_path.iterdir()) == ["in.csv", "out.csv"]
