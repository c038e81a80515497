"""Frames by the chunk, and files: one run of one campaign, stopped and resumed."""

import gc
import subprocess
import sys
import weakref

import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.calls import Call
from nxsms_nb.engine import run
from nxsms_nb.files.sending import send_file
from nxsms_nb.stream import as_pandas


def recipients(n, first=0):
    return pd.DataFrame(
        {
            "phone": [str(8615000000000 + first + i) for i in range(n)],
            "content": [f"Hi {first + i}" for i in range(n)],
        }
    )


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def test_a_stream_yields_each_frame_with_its_results_as_one_run(sandbox):
    """Each chunk comes back with its own rows and results, and the journal has one run for all."""
    chunks = [recipients(300), recipients(200, 300), recipients(0), recipients(100, 500)]
    results = list(nx.send_stream(iter(chunks), sandbox.client, campaign="spring", progress="silent"))
    assert [len(frame) for frame in results] == [300, 200, 0, 100]
    for chunk, frame in zip(chunks, results, strict=True):
        pd.testing.assert_frame_equal(frame[["phone", "content"]], chunk)
        assert (frame["status"] == "Success").all()
    assert sorted(sandbox.ledger["messageid"]) == sorted(pd.concat(results)["messageid"])
    runs = sandbox.client.journal.runs()
    assert len(runs) == 1
    assert runs["rate"].iloc[0] > 0
    assert runs["ended"].notna().all()


def test_a_stop_between_two_chunks_ends_the_stream(sandbox):
    """Stop on the panel ends a stream while it waits for its next chunk: nothing more leaves, and whoever reads on hears it."""

    def chunks():
        yield recipients(10)
        (stream,) = [call for call in Call._live if call._served is None]
        stream.stop.ask()  # as the panel's button does
        yield recipients(10, 10)

    with pytest.raises(nx.Interrupted, match="between two chunks"):
        list(nx.send_stream(chunks(), sandbox.client, campaign="spring", progress="silent"))
    assert len(sandbox.ledger) == 10
    assert "stopped by you" in sandbox.client.journal.runs()["stopped"].iloc[0]


def test_what_a_chunk_took_is_given_back_when_it_is_through(sandbox, monkeypatch):
    """Memory stays level without the garbage collector: no chunk's run is held by a circle of references."""
    engines = []

    class Watched(run.Sender):
        def __init__(self, *parts, **options):
            super().__init__(*parts, **options)
            engines.append(weakref.ref(self))

    monkeypatch.setattr(run, "Sender", Watched)
    chunks = (recipients(50, first) for first in range(0, 200, 50))
    gc.disable()
    try:
        for _ in nx.send_stream(chunks, sandbox.client, campaign="spring", progress="silent"):
            assert sum(engine() is not None for engine in engines) <= 1
    finally:
        gc.enable()
    assert len(engines) == 4


def test_a_number_of_an_earlier_chunk_is_not_sent_again(sandbox):
    """What an earlier chunk sent is told again in a later one, and has one effect."""
    first, second = nx.send_stream(
        iter([recipients(50), recipients(50, 25)]), sandbox.client, campaign="spring", progress="silent"
    )
    assert len(sandbox.ledger) == 75
    assert first["messageid"].iloc[25:].tolist() == second["messageid"].iloc[:25].tolist()
    assert (second["attempts"].fillna(-1) == 1).all()


def test_a_stream_without_a_campaign_is_refused_before_a_frame_is_read(sandbox):
    """The error names the missing campaign, at the call and not at the first frame."""
    with pytest.raises(nx.ConfigError, match="campaign='spring'"):
        nx.send_stream(iter([recipients(1)]), sandbox.client)


def test_agreement_counts_the_messages_of_the_whole_stream(tmp_path):
    """To a real gateway a stream stops asking at the chunk that would exceed what was agreed to, before any request."""
    client = nx.Client(access_key="key", access_secret="secret", app_key="app", base_url="https://gateway.invalid")
    with pytest.raises(nx.ConfirmationNeeded, match="confirm=150"):
        next(nx.send_stream(iter([recipients(150)]), client, campaign="spring", confirm=149, journal=tmp_path / "j"))


def test_a_stopped_stream_goes_on_where_it_ended(sandbox):
    """After an insufficient balance the same stream sends the rest, and nothing twice."""
    sandbox.balance = 450
    chunks = [recipients(300), recipients(300, 300), recipients(300, 600)]
    seen = []
    with pytest.raises(nx.AccountRefused) as stopped:
        seen.extend(nx.send_stream(iter(chunks), sandbox.client, campaign="spring", progress="silent"))
    assert len(seen) == 1
    assert len(stopped.value.frame) == 300
    assert set(stopped.value.frame["status"]) <= {"Success", "Unsent"}
    sandbox.balance = None
    results = pd.concat(nx.send_stream(iter(chunks), sandbox.client, campaign="spring", progress="silent"))
    assert (results["status"] == "Success").all()
    assert sandbox.effects().eq(1).all()
    assert len(sandbox.ledger) == 900


@pytest.mark.parametrize("make", [pa.Table.from_pandas, pa.RecordBatch.from_pandas])
def test_arrow_frames_are_taken_with_text_as_text(make):
    """Tables and batches become pandas frames whose numbers keep their digits."""
    frame = as_pandas(make(recipients(3), preserve_index=False))
    assert frame["phone"].tolist() == recipients(3)["phone"].tolist()


def test_whatever_speaks_arrows_stream_interface_is_taken():
    """A frame of another library comes through the C stream interface."""

    class Foreign:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.Table.from_pandas(recipients(2)).__arrow_c_stream__(requested_schema)

    assert as_pandas(Foreign())["content"].tolist() == ["Hi 0", "Hi 1"]
    with pytest.raises(nx.ConfigError, match="int is not a frame"):
        as_pandas(3)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_file_is_sent_stopped_and_resumed(sandbox, tmp_path, kind):
    """After a stop the target has the rows so far; the same call again completes it with one effect for each row."""
    source, target = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    read = pd.read_parquet if kind == "parquet" else lambda path: pd.read_csv(path, dtype={"phone": str})
    frame = recipients(1000)
    frame.to_parquet(source) if kind == "parquet" else frame.to_csv(source, index=False)
    sandbox.balance = 500
    with pytest.raises(nx.AccountRefused):
        send_file(source, target, sandbox.client, rows=250, campaign="spring", progress="silent")
    part = read(target)
    assert part["status"].value_counts()["Success"] == 500 == len(sandbox.ledger)
    sandbox.balance = None
    counts = send_file(source, target, sandbox.client, rows=250, campaign="spring", progress="silent")
    assert counts == {"Success": 1000}
    whole = read(target)
    assert whole["phone"].tolist() == frame["phone"].tolist()
    assert whole.nxsms.summary()["count"].tolist() == [1000, 0, 0, 0, 0, 0]
    assert sandbox.effects().eq(1).all()
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("in.txt", "out.csv", "has no supported format"),
        ("gone.csv", "out.csv", "does not exist"),
        ("in.csv", "in.csv", "the source itself"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(tmp_path, source, target, words):
    """A wrong kind, a missing source and a target that is the source are named."""
    (tmp_path / "in.csv").write_text("phone,content\n")
    with pytest.raises(nx.ConfigError, match=words):
        send_file(tmp_path / source, tmp_path / target, campaign="spring")


def test_the_command_line_sends_a_file(tmp_path):
    """``send in.csv out.parquet --sandbox`` writes the results and says where."""
    recipients(30).to_csv(tmp_path / "in.csv", index=False)
    command = [sys.executable, "-m", "nxsms_nb", "send", "in.csv", "out.parquet", "--campaign", "spring", "--sandbox"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Success 30" in done.stdout
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 30


LATE = """
import os, signal, sys
import pandas as pd, nxsms_nb as nx
sandbox = nx.Sandbox(seed=7)
sandbox.hold()
def chunk(n):
    return pd.DataFrame({"phone": [str(8615000000000 + 10 * n + i) for i in range(3)], "content": "Hi"})

class StopsBeforeTheReply:
    pressed = False
    def update(self, snapshot):
        if snapshot.note.startswith("stopping"):
            sandbox.release()
        elif not self.pressed and sandbox.wait_for(effects=1, timeout=0):
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)
    def close(self, snapshot):
        pass

def stream(progress):
    chunks = (chunk(n) for n in range(3))
    return nx.send_stream(chunks, sandbox.client, campaign="spring", journal=sys.argv[1], progress=progress)
try:
    list(stream(StopsBeforeTheReply()))
except nx.Interrupted as stopped:
    print(stopped.frame["status"].tolist(), len(sandbox.ledger))
print([len(sent) for sent in stream("silent")], len(sandbox.ledger), sandbox.effects().max())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_an_interrupt_ends_the_stream_even_when_a_chunk_is_just_through(tmp_path):
    """The last request of a chunk is in flight: its rows get their outcome, and the next chunk is not begun."""
    finished = subprocess.run(
        [sys.executable, "-c", LATE, tmp_path / "journal"], capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[1] == "['Success', 'Success', 'Success'] 3"
    assert finished.stdout.splitlines()[-1] == "[3, 3, 3] 9 1"


def test_a_stream_ends_with_the_chunk_that_had_too_many_failures(tmp_path):
    """Every row of the chunk has its outcome; the failures still keep the next chunk from leaving."""
    chunks = [
        pd.DataFrame({"phone": [str(8615000000000 + 10 * n + i) for i in range(3)], "content": "Hi"}) for n in (0, 1)
    ]
    with nx.Sandbox(seed=7, failures={13009: 1.0}) as sandbox:
        stream = nx.send_stream(chunks, sandbox.client, campaign="spring", max_failures=0, progress="silent")
        with pytest.raises(nx.Stopped, match="max_failures=0") as stopped:
            list(stream)
        assert stopped.value.frame["status"].tolist() == ["Failure"] * 3
        known = chunks[1].nxsms.recorded(sandbox.client, campaign="spring")
        assert known["status"].tolist() == ["Unsent"] * 3
