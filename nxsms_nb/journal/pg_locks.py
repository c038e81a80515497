"""Campaign locks of a shared journal: the database's advisory locks, which end with their session."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nxsms_nb.journal.locks import ANYWHERE, busy, busy_for_anywhere

if TYPE_CHECKING:
    import psycopg

_DEAD_S: Final = 0.3
"""How long to wait for a lock: just after its process was killed, the server may not have noticed."""
_OLD_SESSION_S: Final = 10.0
"""How long a session that broke is waited for to end at the server."""


class LockLost(Exception):
    """Another run took the campaign while the session was broken."""


class Lock(NamedTuple):
    """A lock and its name; `shared` unless it is wanted exclusively."""

    name: str
    shared: bool = False


class Locks:
    """The locks of one session, in the schema of the journal."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self.held: list[Lock] = []

    def key(self, name: str) -> int:
        """Return the number that identifies the lock in the database."""
        return key_of(f"{self._schema}\0{name}")

    def acquire(self, connection: psycopg.Connection[Any], *wanted: Lock) -> None:
        """Take locks, all or none; raise `CampaignBusy` naming who holds one."""
        taken: list[Lock] = []
        until = time.monotonic() + _DEAD_S
        for lock in wanted:
            while not (got := self._try(connection, lock)) and time.monotonic() < until:
                time.sleep(_DEAD_S / 10)
            if got:
                taken.append(lock)
                continue
            who, name = self._holder(connection, lock)
            for one in taken:
                connection.execute(f"SELECT pg_advisory_unlock{_kind(one)}(%s)", (self.key(one.name),))
            if lock.name == ANYWHERE and not lock.shared:
                raise busy_for_anywhere(name, who)
            raise busy(lock.name, who)
        self.held += taken

    def acquire_again(self, connection: psycopg.Connection[Any], before: tuple[int, str]) -> None:
        """Take all locks in a new session; the one `before` (pid and start) is ended. Else raise `LockLost`."""
        until = time.monotonic() + _OLD_SESSION_S
        for lock in self.held:
            while not self._try(connection, lock):
                holders = {(pid, started) for pid, _, started in self._holders(connection, lock)}
                if holders - {before} or time.monotonic() > until:
                    who, _ = self._holder(connection, lock)
                    raise LockLost(
                        f"The connection to the journal broke, and a run {who} has the campaign now. No further request was "
                        "sent. Run this again when that run has ended: what it sent is known then."
                    )
                if holders:
                    connection.execute("SELECT pg_terminate_backend(%s)", before[:1])
                time.sleep(0.05)

    def _try(self, connection: psycopg.Connection[Any], lock: Lock) -> bool:
        row = connection.execute(f"SELECT pg_try_advisory_lock{_kind(lock)}(%s)", (self.key(lock.name),)).fetchone()
        return row is not None and bool(row[0])

    def _holders(self, connection: psycopg.Connection[Any], lock: Lock) -> list[tuple[int, str, str]]:
        key = self.key(lock.name) & 0xFFFFFFFFFFFFFFFF
        return connection.execute(
            "SELECT l.pid, coalesce(a.application_name, ''), coalesce(extract(epoch FROM a.backend_start)::text, '') "
            "FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid <> pg_backend_pid() "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND l.classid::bigint = %s AND l.objid::bigint = %s",
            (key >> 32, key & 0xFFFFFFFF),
        ).fetchall()

    def _holder(self, connection: psycopg.Connection[Any], lock: Lock) -> tuple[str, str | None]:
        """Return who holds a lock, in words, and which campaign's run that is, where the journal shows it."""
        for pid, application, started in self._holders(connection, lock):
            # Pids come again: a run from before that session was another's, which was killed.
            since_us = int(float(started) * 1e6) if started else 0
            row = connection.execute(
                "SELECT campaign, to_char(to_timestamp(started_us / 1e6), 'YYYY-MM-DD HH24:MI'), os_user, host FROM run "
                "WHERE ended_us IS NULL AND backend = %s AND started_us >= %s ORDER BY id DESC LIMIT 1",
                (pid, since_us),
            ).fetchone()
            if row is not None:
                campaign, since, user, host = row
                return f"since {since} UTC by {user} on {host}", campaign
            parts = application.split()
            if len(parts) == 3 and parts[0] == "nxsms_nb" and "@" in parts[1]:
                user, _, host = parts[1].partition("@")
                return f"by {user} on {host} (process {parts[2]})", None
        return "in another session of the database", None


def key_of(name: str) -> int:
    """Return the number that identifies a name in the database."""
    digest = hashlib.blake2b(f"nxsms_nb\0{name}".encode(errors="surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def _kind(lock: Lock) -> str:
    return "_shared" if lock.shared else ""
