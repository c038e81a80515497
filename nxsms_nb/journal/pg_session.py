"""A session of the database: opened with what the journal requires of it, locked, and opened again when it breaks."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from nxsms_nb import screen
from nxsms_nb.errors import ConfigError, JournalError, JournalWarning
from nxsms_nb.journal import forks
from nxsms_nb.journal.pg_locks import Lock, LockLost, Locks
from nxsms_nb.journal.pg_schema import rights

if TYPE_CHECKING:
    from nxsms_nb.journal.addresses import Address

_T = TypeVar("_T")

CONNECT_S: Final = 10
"""How long an attempt to connect takes at most, in seconds, unless the URL says otherwise (``connect_timeout``)."""
PATIENCE_S: Final = 30.0
"""How long a database that is away is waited for, in seconds."""
_LOOK_S: Final = 0.1
_NAME_MAX: Final = 24
_KEPT: Final[list[Any]] = []
"""Connections of the process that this one was forked from: closing one would end the session there."""
_BEFORE: Final = "The connection to the journal broke before the run began. Nothing was sent. Call again."
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
    SELECT set_config('lock_timeout', '20s', false), set_config('statement_timeout', '0', false),
        set_config('idle_in_transaction_session_timeout', '60s', false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
        set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),
        set_config('plan_cache_mode', 'force_custom_plan', false),
        set_config('TimeZone', 'UTC', false), set_config('search_path', %s, false),
        CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', 'on', false) END,
        CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
            THEN set_config('idle_session_timeout', '0', false) END
"""
PRESENT: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The database's clock, which all go by: their own may differ."""


# What it says of a connection that broke is no news, and would come on the screen where no log is configured.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Away(Exception):
    """The database does not answer, or the session broke."""


class About(NamedTuple):
    """What a session found when it was opened."""

    pid: int
    schema: str
    """The journal's, quoted: the same for everybody, whichever is first in the search path of their role."""
    started: str
    """With the pid, which session it is: pids come again, in a container soon."""


def user_and_host() -> tuple[str, str]:
    """Return who this is, and where."""
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
            "journal='postgresql://user@host/database'; in a password, quote other characters than letters and digits "
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
        connection.execute(_SETTINGS, (about.schema,))
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
    """Raise `JournalError` where transactions of one session are given to several: a second one takes the first's away."""
    with psycopg.connect(address.url, connect_timeout=CONNECT_S) as beside:
        beside.execute("SELECT 1")
        now = connection.execute("SELECT pg_backend_pid()").fetchone()
        beside.rollback()
    if now is None or now[0] != pid:
        raise pooled(address)


def pooled(address: Address) -> JournalError:
    """Return the error that says that a pooler hands out sessions by the transaction."""
    return JournalError(
        f"{address.shown} is a pooler in transaction mode: the locks that keep two runs apart do not hold in it. Nothing more "
        "was sent. Name the database itself, or a pool in session mode."
    )


def _warn_once(address: Address, what: str, words: str) -> None:
    if (address.shown, what) not in _warned:
        _warned.add((address.shown, what))
        screen.warn(words, JournalWarning)


def refused(address: Address, error: Exception, *, begun: bool = False) -> JournalError:
    """Return the error that says why the database could not be used, and what to do; `begun`: requests may have left before."""
    told = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    words = address.masked((told or str(error)).strip().replace("\n", " "))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        remedy = rights(str(conninfo_to_dict(address.url).get("user") or "member"), words)
    else:
        remedy = "Check the server, the name, the password (in the URL, PGPASSWORD or ~/.pgpass) and the role's rights."
    nothing = "" if begun else " Nothing was sent."
    return JournalError(f"The journal {address.shown} cannot be used ({words}).{nothing} {remedy}")


class Session:
    """A session with its locks. Used by one thread at a time; `guard` is for whoever is not sure to be it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.guard = threading.RLock()
        try:
            self._connection, self.about = connect(address)
        except Away as error:
            raise refused(address, error) from None
        self.locks = Locks(self.about.schema)
        self.lost: str | None = None
        self._ended = False
        self._clock_us = 0
        self.on_reopening: Callable[[psycopg.Connection[Any]], None] | None = None

    def _refused(self, error: Exception) -> JournalError:
        return refused(self.address, error, begun=self.on_reopening is not None)

    def now_us(self) -> int:
        """Return the present by the database's clock."""
        return time.time_ns() // 1000 + self._clock_us

    def set_clock(self, present_us: int) -> None:
        """Learn the database's clock."""
        self._clock_us = present_us - time.time_ns() // 1000

    def acquire(self, *wanted: Lock) -> None:
        """Take locks, all or none; raise `CampaignBusy` naming the holder."""
        with self.guard:
            try:
                self.locks.acquire(self._connection, *wanted)
            except psycopg.Error as error:
                raise self._refused(error) from None

    def outside(self, work: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Do work that has its own transactions, once."""
        with self.reading() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[psycopg.Connection[Any]]:
        """Hold the connection, opened again where it broke."""
        with self.guard:
            try:
                if self._connection.closed:
                    self._reopen()
                if self.lost is not None:
                    raise JournalError(self.lost)
                yield self._connection
            except (Away, psycopg.Error) as error:
                raise self._refused(error) from None

    def run(
        self,
        work: Callable[[psycopg.Connection[Any]], _T],
        *,
        patience: float | None = None,
        begun: bool = False,
        locked: bool = True,
    ) -> _T:
        """Do work in a transaction, again where it was not certainly done: it has to have the same effect once or twice.

        A session that breaks is opened again, with its locks, while there is patience. `JournalError` is raised where
        there is none left, where another has the locks, and where the work itself is refused. `begun`: the work begins its
        transaction itself; not `locked`: it is done even where the locks were lost, since nothing leaves for it.
        """
        until, waited = time.monotonic() + (PATIENCE_S if patience is None else patience), 0
        while True:
            try:
                with self.guard:
                    if self._connection.closed or self._ended:
                        self._reopen()
                    if locked and self.lost is not None:
                        raise JournalError(self.lost)
                    return self._transaction(work, begun=begun)
            except (Away, psycopg.OperationalError, psycopg.InterfaceError) as error:
                again = self._connection.closed or isinstance(error, (Away, *_PASSING))
                if not again or time.monotonic() > until:
                    raise self._refused(error) from None
                time.sleep(min(1.0, _LOOK_S * (waited := waited + 1)))
            except psycopg.Error as error:
                raise self._refused(error) from None

    def _transaction(self, work: Callable[[psycopg.Connection[Any]], _T], *, begun: bool) -> _T:
        connection = self._connection
        try:
            if not begun:
                connection.execute("BEGIN")
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if self._ended:
                connection.close()
            elif not connection.closed:
                try:
                    connection.execute("ROLLBACK")
                except psycopg.Error:
                    # It broke, and the driver does not know: a pooler's words came instead of an answer.
                    connection.close()
            raise
        return done

    def _reopen(self) -> None:
        before = (self.about.pid, self.about.started)
        if self._ended:
            raise JournalError("The journal was given up.")
        try:
            connection, about = connect(self.address)
        except JournalError as error:
            # Of the server that answers just now: after a failover it may be a replica for a moment.
            raise Away(str(error)) from None
        try:
            if self.lost is None and self.locks.held:
                self.locks.acquire_again(connection, before)
                if self.on_reopening is None:
                    raise LockLost(_BEFORE)  # noqa: TRY301  what was read under the lock may no longer hold
                self.on_reopening(connection)
        except LockLost as error:
            self.lost = str(error)
        except BaseException:
            connection.close()
            raise
        self._connection, self.about = connection, about
        if self._ended:
            # Meanwhile.
            connection.close()

    def close(self) -> None:
        """End the session, and with it its locks; a thread that still waits for the database is woken, and ends."""
        self._ended = True
        connection = self._connection
        if getattr(connection, "made_in", 0) != os.getpid():
            return
        if self.guard.acquire(timeout=_LOOK_S):
            try:
                self._connection.close()
            finally:
                self.guard.release()
        else:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as shared:
                shared.shutdown(socket.SHUT_RDWR)


_PASSING: Final = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
)
"""The refusals after which the same work may be tried again."""
