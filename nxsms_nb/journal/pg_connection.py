"""Connect to the database and check that it can hold a journal, or explain why not."""

from __future__ import annotations

import getpass
import logging
import os
import re
import select
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ExecStatus

from nxsms_nb import screen
from nxsms_nb.errors import ConfigError, JournalError, JournalWarning
from nxsms_nb.journal import forks
from nxsms_nb.journal.pg_schema import rights

if TYPE_CHECKING:
    from nxsms_nb.journal.addresses import Address

CONNECT_S: Final = 10
"""The most seconds for an attempt to connect, unless the URL says otherwise (``connect_timeout``)."""
PATIENCE_S: Final = 30.0
"""How long to wait for a database that is away, in seconds."""
_LOCK_S: Final = 20
"""How long one attempt waits for a lock on the tables."""
_SPARE_S: Final = 3.0
"""How long to wait for a pooler's second connection."""
_NAME_MAX: Final = 24
_CHECK: Final = "Check the server, the name, the password (in the URL, PGPASSWORD or ~/.pgpass) and the role's rights."
# By the server's words too: those of a connection that it refuses come without a code.
_REMEDIES: Final = (
    (
        ("53300",),
        re.compile("too many (connections|clients)|connection slots|no more connections"),
        "Close other programs that hold connections, or have the limit raised (max_connections, CONNECTION LIMIT of the role).",
    ),
    (
        ("55P03",),
        re.compile("lock timeout"),
        "Somebody holds a lock on the journal's tables, as VACUUM FULL and ALTER TABLE do. Call again when it is released.",
    ),
    (
        ("57014",),
        re.compile("statement timeout"),
        "Raise the role's statement_timeout, or find out who cancelled the statement.",
    ),
    ((), re.compile("statement pooling mode"), "Name the database itself, or a pool in session mode."),
    (
        (),
        re.compile("query_wait_timeout"),
        "The pooler has no connection to spare: its pool needs two for a run (default_pool_size), in session mode.",
    ),
    (("53100",), re.compile("No space left"), "Make room on the server's disk."),
    (
        ("57P01", "57P02", "57P03"),
        re.compile("shutting down|starting up|in recovery mode|not currently accepting connections"),
        "Call again when the server accepts connections.",
    ),
)
_KEPT: Final[list[Any]] = []
"""Connections of the process that this one was forked from: closing one would end the session there."""
_warned: Final[set[tuple[str, str]]] = set()

_ABOUT: Final = """
    SELECT pg_backend_pid(), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
        current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit'),
        coalesce((SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('nxsms_journal')),
            quote_ident(current_schema())),
        (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid())
"""
# A plan that is kept, made while a table is small, would read the whole table when that has grown.
_SETTINGS: Final = """
    SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', '0', false),
        set_config('idle_in_transaction_session_timeout', '60s', false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
        set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),
        set_config('plan_cache_mode', 'force_custom_plan', false),
        set_config('TimeZone', 'UTC', false), set_config('search_path', %s, false),
        CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', 'on', false) END,
        CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
            THEN set_config('idle_session_timeout', '0', false) END,
        CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', false) END
"""
PRESENT: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The database's clock, which all machines use, since their own may differ."""


# What it says of a connection that broke is no news, and would come on the screen where no log is configured.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Away(Exception):
    """The database does not answer, or the session broke."""


class About(NamedTuple):
    """What is known of a session once it is open."""

    pid: int
    schema: str
    """The journal's, quoted: the same for everybody, whichever is first in the search path of their role."""
    started: str
    """With the pid, which session it is: pids come again, in a container soon."""


def user_and_host() -> tuple[str, str]:
    """Return the name of the user and of the host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return user, socket.gethostname()


def connect(address: Address) -> tuple[psycopg.Connection[Any], About]:
    """Open a session, or raise `JournalError` where the database cannot carry a journal, `Away` where it does not answer."""
    try:
        given = None if address.unclear else conninfo_to_dict(address.url)
    except psycopg.ProgrammingError:
        given = None
    if given is None:
        # Not its words, which may quote the password.
        raise ConfigError(
            f"journal='{address.shown}' is not a URL that PostgreSQL understands. Write it as in "
            "journal='postgresql://user@host/database'; in a password, percent-encode everything but letters and digits "
            "(%40 for @), or leave it to PGPASSWORD or ~/.pgpass."
        )
    user, host = user_and_host()
    ours = {
        "application_name": f"nxsms_nb {user[:_NAME_MAX]}@{host[:_NAME_MAX]} {os.getpid()}",
        "connect_timeout": CONNECT_S,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(PATIENCE_S * 1000),
        "client_encoding": "UTF8",
    }
    options: dict[str, Any] = {name: value for name, value in ours.items() if name not in given}
    try:
        connection = _Connection.connect(address.url, autocommit=True, **options)
    except psycopg.OperationalError as error:
        raise Away(address.masked(str(error).strip().replace("\n", " "))) from None
    try:
        about = _checked(address, connection)
        connection.execute(_SETTINGS, (f"{_LOCK_S}s", about.schema))
    except psycopg.Error as error:
        connection.close()
        raise Away(address.masked(str(error).strip())) from None
    except BaseException:
        connection.close()
        raise
    return connection, about


class _Connection(psycopg.Connection[Any]):
    """A connection that a forked process leaves to its parent."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.made_in = os.getpid()
        forks.register(self)

    def leave_to_parent(self) -> None:
        """Keep a forked process's copy from being closed, which would end the parent's session."""
        _KEPT.append(self)


def _checked(address: Address, connection: psycopg.Connection[Any]) -> About:
    row = connection.execute(_ABOUT).fetchone()
    if row is None:
        raise Away("it does not say what it is")
    pid, replica, read_only, encoding, fsync, durable, schema, started = row
    name = f"The database {address.shown}"
    if replica or read_only:
        what = "is a replica (pg_is_in_recovery)" if replica else "is read-only (default_transaction_read_only)"
        raise JournalError(f"{name} {what}, and nothing can be recorded in it. Nothing was sent. Name its primary.")
    if encoding != "UTF8":
        raise JournalError(
            f"{name} is in {encoding}, and ids may be in any script. Nothing was sent. Name one in UTF8."
        )
    if schema is None:
        raise JournalError(
            f"{name} has no schema that this user may use (search_path). Nothing was sent. Grant USAGE on one, or name it: "
            "?options=-csearch_path%3Dsms"
        )
    if pid != connection.info.backend_pid:
        # Something stands between: it may give each transaction another session.
        _refuse_pooler(address, connection, pid)
    if fsync == "off":
        _warn_once(
            address, "fsync", f"{name} has fsync off: a power cut can lose what was sent, and it is then sent again."
        )
    if durable in ("off", "local"):
        _warn_once(
            address,
            "synchronous_commit",
            f"{name} has synchronous_commit {durable}. The journal sets it to on for its own transactions; other programs' "
            "may be lost in a crash.",
        )
    return About(pid, schema, started)


def _refuse_pooler(address: Address, connection: psycopg.Connection[Any], pid: int) -> None:
    """Raise `JournalError` where one session serves several clients, or where there is no second one for this client."""
    with closing(psycopg.connect(address.url, autocommit=True, connect_timeout=CONNECT_S)) as beside:
        if _reply(beside, b"BEGIN") is None:
            raise JournalError(
                f"{address.shown} is a pooler without a connection to spare. Nothing was sent. A run needs two at a time, in "
                "session mode: raise default_pool_size, or name the database itself."
            )
        # In transaction mode the second client has taken the session away, so there is another or none.
        now = _reply(connection, b"SELECT pg_backend_pid()")
        _reply(beside, b"ROLLBACK")
    if now != str(pid):
        raise pooled(address)


def _reply(connection: psycopg.Connection[Any], query: bytes) -> str | None:
    """Return the value or the command's name that the server replies; None where no reply comes in time.

    A pooler lets a client wait for minutes, and the driver's own calls have no limit.
    """
    raw, until = connection.pgconn, time.monotonic() + _SPARE_S
    raw.send_query(query)
    while raw.is_busy():
        if not select.select([raw.socket], [], [], max(0.0, until - time.monotonic()))[0]:
            return None
        raw.consume_input()
    result = raw.get_result()
    while raw.get_result() is not None:
        pass
    if result is None or result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise psycopg.OperationalError("no reply" if result is None else result.error_message.decode(errors="replace"))
    return ((result.get_value(0, 0) if result.ntuples else result.command_status) or b"").decode()


def pooled(address: Address) -> JournalError:
    """Return the error about a pooler that changes sessions between transactions."""
    return JournalError(
        f"{address.shown} is a pooler in transaction mode: the locks that keep two runs apart do not hold in it. Nothing more "
        "was sent. Name the database itself, or a pool in session mode."
    )


def _warn_once(address: Address, what: str, words: str) -> None:
    if (address.shown, what) not in _warned:
        _warned.add((address.shown, what))
        screen.warn(words, JournalWarning)


def refused(address: Address, error: Exception, *, begun: bool = False) -> JournalError:
    """Return the error that says why the database is unusable, and what to do.

    `begun`: requests may have been sent before.
    """
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    words = address.masked((primary or str(error)).strip().replace("\n", " "))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        remedy = rights(str(conninfo_to_dict(address.url).get("user") or "member"), words)
    else:
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        known = (remedy for states, said, remedy in _REMEDIES if state in states or said.search(words))
        remedy = next(known, _CHECK)
    nothing = "" if begun else " Nothing was sent."
    return JournalError(f"The journal {address.shown} cannot be used ({words}).{nothing} {remedy}")
