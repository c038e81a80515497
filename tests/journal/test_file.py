"""The journal's file: whose it is, where it may lie, and what is said before anything is sent."""

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, JournalError, Sandbox
from nxsms_nb.journal import place as journal_place
from nxsms_nb.journal.place import file_system, refuse_network
from nxsms_nb.journal.schema import APPLICATION_ID, VERSION
from nxsms_nb.results.table import SUCCESS
from tests.journal.history import ACCEPTED, ids, known, write


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def people(n=3):
    return pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(n)], "content": "Hi"})


def sending_fails(journal, n=3, match="Nothing was sent"):
    """Sending with a journal fails with an error that says so, and no request reaches the gateway."""
    with Sandbox(seed=7) as sandbox:
        with pytest.raises(JournalError, match=match) as failed:
            people(n).nxsms.send(sandbox.client, journal=journal)
        assert len(sandbox.requests) == 0
    return str(failed.value)


def test_file_and_folders_are_their_owners_alone(journal, path):
    """Whatever the umask, the folders that are made are 0700 and the files 0600, the log and the locks too."""
    before = os.umask(0)
    try:
        write(journal, (ids(3), ACCEPTED))
        keeper = sqlite3.connect(path)
        keeper.execute("SELECT * FROM batch").fetchall()
    finally:
        os.umask(before)
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {path.name, f"{path.name}-wal"}
    assert {mode(file) for file in files} == {0o600}
    assert {mode(folder) for folder in (path.parent, path.with_name(f"{path.name}.locks"))} == {0o700}
    keeper.close()


def test_a_file_others_can_read_is_closed_to_them(journal, path):
    """A copy that lost its mode on the way gets it back."""
    write(journal, (ids(3), ACCEPTED))
    path.chmod(0o644)
    assert known(journal, ids(3)) == [SUCCESS] * 3
    assert mode(path) == 0o600


def test_the_place_is_the_one_named_else_the_variable_else_the_users_data_folder(tmp_path, monkeypatch):
    """journal= wins over NXSMS_JOURNAL, which wins over the folder that the system has for such data."""
    monkeypatch.setenv("NXSMS_JOURNAL", str(tmp_path / "named.sqlite3"))
    assert Journal().path == tmp_path / "named.sqlite3"
    assert Journal(tmp_path / "other.sqlite3").path == tmp_path / "other.sqlite3"
    monkeypatch.delenv("NXSMS_JOURNAL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in Journal().path.parents
    assert Journal().path.name == "journal.sqlite3"


@pytest.mark.parametrize("written", ["sent.sqlite3", "'sent.sqlite3'", "data/../sent.sqlite3", "ABSOLUTE"])
def test_the_variable_is_read_from_an_env_file_as_well(tmp_path, monkeypatch, written):
    """As a client's keys are; a relative path is one of the file's folder, so that notebooks below it share the journal."""
    place = tmp_path / "sent.sqlite3"
    (tmp_path / ".env").write_text(
        f"NXSMS_APP_KEY=app\nNXSMS_JOURNAL={written.replace('ABSOLUTE', str(place))}\n", "utf-8-sig"
    )
    for name in (".", "notebooks", "notebooks/march"):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        assert Journal().path.resolve() == place
    monkeypatch.setenv("NXSMS_JOURNAL", "of_the_environment.sqlite3")
    assert Journal().path == tmp_path / "notebooks/march/of_the_environment.sqlite3"
    assert Journal("named.sqlite3").path == tmp_path / "notebooks/march/named.sqlite3"
    monkeypatch.setenv("NXSMS_JOURNAL", "")
    assert tmp_path not in Journal().path.parents


def test_an_env_file_that_cannot_be_read_stops_the_search_for_a_journal(tmp_path, monkeypatch):
    """It may name another journal, without which messages would be sent again; a journal that is named needs no file."""
    (tmp_path / ".env").write_bytes(b"NXSMS_JOURNAL=\xff\xfa\xc3\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nx.ConfigError, match=r"\.env' is neither UTF-8 nor UTF-16"):
        Journal()
    assert Journal("named.sqlite3").path == tmp_path / "named.sqlite3"


def test_looking_into_a_journal_that_is_not_there_makes_none(journal, path):
    """plan, recorded and the frames of a journal nobody wrote to are empty, and leave no file behind."""
    assert known(journal, ids(2)) == [-1, -1]
    assert journal.campaigns().empty
    assert journal.runs().empty
    assert journal.forget("spring", confirm=0) == 0
    assert not path.exists()


def test_a_journal_from_a_newer_version_is_refused(journal, path):
    """Its meaning may have changed; the error names both versions and the way out."""
    write(journal, (ids(1), ACCEPTED))
    newer = VERSION + 1
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    connection.close()
    message = sending_fails(path, match="written by a newer version")
    assert f"schema {newer}, this one reads {VERSION}" in message
    assert "python -m pip install --upgrade nxsms_nb" in message


@pytest.mark.parametrize("version", [0, 1, 3, VERSION - 1])
def test_a_journal_of_an_older_layout_is_refused_and_left_alone(path, version):
    """No release wrote one; the error names both versions and the way out, and plan and recorded say the same."""
    path.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE campaign (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    message = sending_fails(path, match="pre-release")
    assert f"schema {version}, this one reads {VERSION}" in message
    assert "Name a new file: journal='…'" in message
    with Sandbox(seed=7) as sandbox, pytest.raises(JournalError, match="pre-release"):
        people().nxsms.recorded(sandbox.client, journal=path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(path):
    """Neither its tables nor its marks are touched."""
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute("PRAGMA application_id = 7")
    connection.close()
    before = path.read_bytes()
    sending_fails(path, match="database of another program")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    """A text file named by mistake keeps its text."""
    path.parent.mkdir(parents=True)
    path.write_text("phone,content\n" * 1000)
    sending_fails(path)
    assert path.read_text() == "phone,content\n" * 1000


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    """The error names the path."""
    assert str(tmp_path) in sending_fails(tmp_path)


SEND_AS_ANOTHER = """
import os, sys
import pandas as pd, nxsms_nb as nx
frame = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
with nx.Sandbox(seed=7) as sandbox:
    frame.nxsms.send(sandbox.client)  # everything is imported now, which the other user may not be able to do
    sandbox.reset()
    os.setgid(65534); os.setuid(65534)
    try:
        frame.nxsms.send(sandbox.client, journal=sys.argv[1])
    except nx.JournalError as error:
        print(f"{len(sandbox.requests)} requests: {error}")
"""


def refused_without_rights(path):
    """What sending says when the journal's place cannot be written, by somebody who may not."""
    if os.geteuid() != 0:
        with Sandbox(seed=7) as sandbox:
            with pytest.raises(JournalError) as failed:
                people(1).nxsms.send(sandbox.client, journal=path)
            return f"{len(sandbox.requests)} requests: {failed.value}"
    # The superuser may write anywhere, so somebody else must try.
    finished = subprocess.run(
        [sys.executable, "-c", SEND_AS_ANOTHER, path], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(name="open_to_all")
def _open_to_all(tmp_path):
    """A folder that everybody can reach, unlike those of pytest."""
    changed = [folder for folder in tmp_path.parents if folder.owner() == tmp_path.owner() and mode(folder) == 0o700]
    for folder in (tmp_path, *changed):
        folder.chmod(0o755)
    yield tmp_path
    for folder in changed:
        folder.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders are of POSIX systems")
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_sent(open_to_all):
    """Neither a folder that cannot be made nor a journal that cannot be changed lets a message leave."""
    shut = open_to_all / "shut"
    shut.mkdir()
    shut.chmod(0o555)
    assert refused_without_rights(shut / "new" / "journal.sqlite3").startswith("0 requests: The journal")
    message = refused_without_rights(shut / "journal.sqlite3")
    assert message.startswith("0 requests: The journal")
    assert "Nothing was sent" in message
    assert "NXSMS_JOURNAL" in message


@pytest.fixture(name="disk")
def _disk(tmp_path):
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("only the superuser can mount a small disk")
    yield place
    # Lazily, so that a file left open by a failure does not keep the mount for ever.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_without_room_for_the_run_is_refused_before_anything_is_sent(disk):
    """The error tells what is free and what is needed."""
    message = sending_fails(disk / "journal.sqlite3")
    assert "MB left, and this run needs" in message


def test_a_disk_that_is_full_is_refused_before_anything_is_sent(disk):
    """Not even its tables have room; when there is room again, the campaign is free."""
    with contextlib.suppress(OSError), (disk / "films").open("wb", buffering=0) as films:
        while films.write(b"x" * 4096):
            pass
    message = sending_fails(disk / "journal.sqlite3")
    assert "disk is full" in message
    assert "Make room" in message
    (disk / "films").unlink()
    Journal(disk / "journal.sqlite3").campaign(None).release()


FULL_MIDWAY = """
import resource, signal, sys
import pandas as pd, nxsms_nb as nx
from nxsms_nb.results.statuses import RESULT_COLUMNS
path = sys.argv[1]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
frame = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(8000)], "content": "Hi"})
with nx.Sandbox(seed=7) as sandbox:
    sandbox.hold()
    run = frame.nxsms.start(sandbox.client, journal=path, batch_size=50, progress="silent")
    sandbox.wait_for(requests=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, resource.RLIM_INFINITY))
    sandbox.release()
    try:
        frame, how = run.wait(), run.stopped
    except nx.NxsmsError as error:
        frame, how = error.frame, type(error).__name__ + ": " + str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger = set(sandbox.ledger["messageid"])
    joined = set(frame.loc[frame["status"] == "Success", "messageid"])
    print(len(frame), len(ledger), ledger == joined, sorted(frame["status"].unique()), how)
    again = nx.Journal(path).known
    rest = frame.drop(columns=list(RESULT_COLUMNS)).nxsms.send(sandbox.client, journal=path)
    print(sandbox.effects().max(), sorted(rest["status"].unique()), len(sandbox.ledger))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on a file's size are of POSIX systems")
def test_a_disk_that_fills_up_midway_stops_the_run_with_the_frame_complete(path):
    """No request leaves that is not on the disk; the frame still has every outcome, and later nothing is sent twice."""
    finished = subprocess.run([sys.executable, "-c", FULL_MIDWAY, path], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    _new, first, *_, second = finished.stdout.splitlines()
    rows, accepted, agrees, rest = first.split(" ", 3)
    assert int(rows) == 8000
    assert 0 < int(accepted) < 8000
    assert agrees == "True"
    assert rest.startswith("['Success', 'Unsent'] ")
    assert "could not be written" in rest
    assert second == "1 ['Success'] 8000"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_known_by_its_mount(kind):
    """The deepest mount point above the path counts, whatever the order in which they are listed."""
    mounts = [("/home/ada/share", kind), ("/", "ext4"), ("/home", "ext4"), ("/home/ada/sh", "nfs")]
    assert file_system(Path("/home/ada/share/deep/journal.sqlite3"), mounts) == kind
    assert file_system(Path("/home/ada/shared"), mounts) == "ext4"
    assert kind in journal_place.NETWORK_FILE_SYSTEMS


@pytest.mark.parametrize("kind", ["ext4", "apfs", "NTFS", "btrfs", "xfs", "tmpfs", "overlay", "zfs", "fuseblk"])
def test_a_local_file_system_is_accepted(kind):
    """Journals live on the disks of ordinary machines and containers."""
    assert kind.lower() not in journal_place.NETWORK_FILE_SYSTEMS


def test_a_journal_on_a_network_file_system_is_refused_before_anything_is_sent(path, monkeypatch):
    """The place is looked up among this machine's mounts; here the one of the temporary folder is told to be NFS."""
    kind = next(iter({file_system(path, [(str(path.anchor), "ext4")])}))
    monkeypatch.setattr(journal_place, "NETWORK_FILE_SYSTEMS", frozenset({kind, "tmpfs", "overlay"}))
    with pytest.raises(JournalError, match="is on a network file system"):
        refuse_network(path)
    message = sending_fails(path, match="network file system")
    assert "journal='…', or set NXSMS_JOURNAL" in message
    assert not path.parent.exists()


def test_something_that_is_no_journal_is_refused():
    """journal= takes a path or a Journal."""
    with Sandbox(seed=7) as sandbox, pytest.raises(nx.ConfigError, match="neither a path nor a Journal"):
        people(1).nxsms.send(sandbox.client, journal=7)
