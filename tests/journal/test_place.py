"""What journal= may name: what is there already and is not ours keeps its bytes, its mode and its neighbours."""

import contextlib
import os
import socket
import sqlite3
import stat
import sys

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, JournalError, Sandbox
from nxsms_nb.journal import place
from nxsms_nb.results.table import SUCCESS
from tests.journal.history import ACCEPTED, ids, known, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX systems")


def people(n=1):
    return pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(n)], "content": "Hi"})


def folder_of_another_program(path):
    path.mkdir()
    (path / "notes.txt").write_text("keep")


def text_file(path):
    path.write_text("phone,content\n8615088888888,Hi\n")


def one_byte(path):
    path.write_bytes(b"x")


def zeros(path):
    path.write_bytes(bytes(8192))


def database(path, mode="delete"):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE recipes (name TEXT)")


def database_with_a_log(path):
    database(path, "wal")


def marked_database(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 7")


def socket_file(path):
    with contextlib.chdir(path.parent), contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(path.name)


def broken_link(path):
    path.symlink_to("nowhere.sqlite3")


def link_to_itself(path):
    path.symlink_to(path.name)


def link_to_a_text(path):
    text_file(path.with_name("people.csv"))
    path.symlink_to("people.csv")


def device(path):
    path.symlink_to("/dev/null")


THINGS = [folder_of_another_program, text_file, one_byte, zeros, database, database_with_a_log, marked_database]
if sys.platform != "win32":
    THINGS += [os.mkfifo, socket_file, broken_link, link_to_itself, link_to_a_text, device]


def seen(folder):
    """Everything in a folder: names, modes, sizes and, of files, bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(about.st_mode) else None
        found[str(path)] = (about.st_mode, about.st_size, about.st_mtime_ns, data)
    return found


@pytest.mark.parametrize("verb", ["plan", "send", "recorded"])
@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_what_is_not_ours_is_refused_and_left_alone(tmp_path, thing, verb):
    """A folder, another program's file, a pipe, a device, a link: JournalError, nothing sent, nothing changed beside it."""
    path = tmp_path / "named"
    thing(path)
    for file in tmp_path.rglob("*"):
        if stat.S_ISREG(file.lstat().st_mode):
            file.chmod(0o664)
            # A file of this second is waited for: it may be a journal that another process is creating.
            os.utime(file, (0, 0))
    before = seen(tmp_path)
    with Sandbox(seed=7) as sandbox:
        with pytest.raises(JournalError, match=r"Nothing was sent.*journal='…'") as raised:
            getattr(people().nxsms, verb)(sandbox.client, journal=path)
        assert len(sandbox.requests) == 0
    assert str(path) in str(raised.value)
    assert seen(tmp_path) == before


@posix
def test_a_folder_and_a_table_keep_their_modes(tmp_path, monkeypatch):
    """journal='' or a folder or somebody's file: refused, and its mode left as it was."""
    tmp_path.chmod(0o755)
    (tmp_path / "people.csv").write_text("phone,content\n")
    (tmp_path / "people.csv").chmod(0o664)
    monkeypatch.chdir(tmp_path)
    with Sandbox(seed=7) as sandbox:
        for journal in ("", tmp_path, tmp_path / "people.csv"):
            with pytest.raises(nx.NxsmsError):
                people().nxsms.plan(sandbox.client, journal=journal)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "people.csv").stat().st_mode) == 0o664
    assert [file.name for file in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("", "does not name a file"),
        ("  ", "does not name a file"),
        ("journals/", "is a folder"),
        ("mysql://db.example/journal", "is a URL"),
        ("sqlite:///journal.sqlite3", "is a URL"),
        ("file:journal.sqlite3?mode=memory", "is a URL"),
        ("a\0b", "not the path of a file"),
        ("~nobody-of-this-name/journal", "not the path of a file"),
    ],
)
def test_a_name_that_is_no_path_of_a_file_is_refused(tmp_path, monkeypatch, named, words):
    """A ConfigError says what it is, and makes nothing."""
    monkeypatch.chdir(tmp_path)
    with Sandbox(seed=7) as sandbox, pytest.raises(nx.ConfigError, match=words):
        people().nxsms.send(sandbox.client, journal=named)
    monkeypatch.setenv("NXSMS_JOURNAL", "mysql://db.example/journal")
    with pytest.raises(nx.ConfigError, match=r"NXSMS_JOURNAL='mysql:…' is a URL"):
        Journal()
    assert not list(tmp_path.iterdir())


def test_a_place_below_a_file_or_with_too_long_a_name_is_refused(tmp_path):
    """What the system says becomes a JournalError."""
    (tmp_path / "people.csv").write_text("phone\n")
    for path in (tmp_path / "people.csv" / "journal.sqlite3", tmp_path / ("n" * 300)):
        with Sandbox(seed=7) as sandbox, pytest.raises(JournalError, match="Nothing was sent"):
            people().nxsms.send(sandbox.client, journal=path)


@posix
def test_an_empty_file_becomes_a_journal(tmp_path):
    """A temporary file that a program made for it is made owner-only and used."""
    path = tmp_path / "journal"
    path.touch(0o664)
    assert known(Journal(path), ids(2)) == [-1, -1]
    assert path.stat().st_size == 0
    write(Journal(path), (ids(2), ACCEPTED))
    assert known(Journal(path), ids(2)) == [SUCCESS] * 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_journal_is_said_to_be_new_once(tmp_path, capsys):
    """With its place, so that a wrong folder is noticed; looking makes none and says nothing, as does the second send."""
    path = tmp_path / "journal.sqlite3"
    with Sandbox(seed=7) as sandbox:
        people().nxsms.plan(sandbox.client, journal=path)
        assert "New journal" not in capsys.readouterr().out
        people().nxsms.send(sandbox.client, journal=path, progress="silent")
        assert f"New journal {path}: nothing is known of earlier sends." in capsys.readouterr().out
        people(2).nxsms.send(sandbox.client, journal=path, progress="silent")
        people(3).nxsms.send(sandbox.client, progress="silent")
        people(4).nxsms.send(sandbox.client, journal=":memory:", progress="silent")
    assert "New journal" not in capsys.readouterr().out


def test_the_name_of_memory_is_a_journal_in_memory(tmp_path, monkeypatch):
    """As in SQLite: no file, and gone with the object; the variable may say so too."""
    monkeypatch.chdir(tmp_path)
    journal = Journal(":memory:")
    write(journal, (ids(2), ACCEPTED))
    assert known(journal, ids(2)) == [SUCCESS] * 2
    assert (journal.path, repr(journal)) == (None, "Journal.in_memory()")
    monkeypatch.setenv("NXSMS_JOURNAL", ":memory:")
    assert Journal().path is None
    with Sandbox(seed=7) as sandbox:
        assert people().nxsms.send(sandbox.client, journal=":memory:")["status"].tolist() == ["Success"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "kind",
    [
        *("fuse.drive", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.juicefs", "fuse.blobfuse2", "virtiofs"),
        *("fuse.vmhgfs-fuse", "beegfs", "fuse.sshfs", "nfs4", "cifs", "9p"),
    ],
)
def test_file_systems_of_a_network_are_known(kind):
    """Drives of clouds, clusters and hosts of virtual machines."""
    assert kind in place.NETWORK_FILE_SYSTEMS


@posix
def test_a_journal_with_two_names_is_refused(tmp_path):
    """Two names, two folders of locks: runs under both would not know of one another."""
    path, other = tmp_path / "journal.sqlite3", tmp_path / "other.sqlite3"
    write(Journal(path), (ids(2), ACCEPTED))
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(JournalError, match="2 names"):
            known(Journal(name), ids(2))
    other.unlink()
    assert known(Journal(path), ids(2)) == [SUCCESS] * 2
