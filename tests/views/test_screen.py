"""Screens that cannot show: whatever becomes of a line, a warning, a bar or a widget, the messages are sent."""

import ast
import io
import os
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import screen
from nxsms_nb.engine.progress import Progress
from nxsms_nb.screen import Stream, Watched, say, warn

pytestmark = pytest.mark.any_pandas

PACKAGE = Path(nx.__file__).parent


def people(n):
    return pd.DataFrame(
        {"phone": [f"86150888{i:05d}" for i in range(n)], "content": [f"Hello number {i}" for i in range(n)]}
    )


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self):
        return True


class Failing(Terminal):
    """A terminal that is gone at its n-th write."""

    def __init__(self, nth, error):
        super().__init__()
        self.left, self.error = nth, error

    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().write(text)

    def flush(self):
        if self.left < 0:
            raise self.error


class Bare:
    """Something with a method write and nothing else, as programs without a console put in the place of a stream."""

    def write(self, text):
        """Keep nothing."""


def closed():
    stream = Terminal()
    stream.close()
    return stream


def shown(message, *_, **__):
    """Show a warning as Python does outside a test."""
    sys.stderr.write(f"{message}\n")


def coded(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


SCREENS = {
    "none": lambda: None,
    "closed": closed,
    "bare": Bare,
    "nothing at all": object,
    **{f"fails at write {n}": lambda n=n: Failing(n, OSError(5, "Input/output error")) for n in (0, 1, 2, 3, 5)},
    "broken pipe": lambda: Failing(0, BrokenPipeError(32, "Broken pipe")),
    "raises what is its own": lambda: Failing(1, RuntimeError("a hook of somebody's own")),
    **{name: lambda name=name: coded(name) for name in ("ascii", "cp1252", "gbk", "latin-1", "utf-16", "utf-8")},
}


@pytest.mark.parametrize("kind", SCREENS)
def test_a_screen_that_cannot_show_keeps_nobody_from_sending(kind, sandbox, monkeypatch):
    """Bar, line and warning are drawn as well as they can be; every row is sent once, and the frames are whole."""
    monkeypatch.setattr(sys, "stdout", SCREENS[kind]())
    monkeypatch.setattr(sys, "stderr", SCREENS[kind]())
    monkeypatch.setattr(warnings, "showwarning", shown)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for n, progress in ((30, "bar"), (50, True), (55, None), (55, "bar")):
            sent = people(n).nxsms.send(sandbox.client, progress=progress)
            assert (sent["status"] == "Success").all()
    run = people(60).nxsms.start(sandbox.client, progress="bar")
    assert (run.wait()["status"] == "Success").all()
    run._ipython_display_()
    monkeypatch.undo()
    assert len(sandbox.ledger) == sandbox.ledger["messageid"].nunique() == 60


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_what_an_encoding_does_not_know_is_written_another_way(encoding):
    """A line appears whole in a console of any code page."""
    stream = coded(encoding)
    Stream(stream).write("3 of 5… █ 您好 \udce9")
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)
    assert shown.startswith("3 of 5")
    assert shown[6:].startswith(("...", "…"))


def test_a_line_goes_to_the_stream_that_is_there_now(capsys):
    """Lines appear on standard output, or on standard error where they say so."""
    say("one")
    say("two", error=True)
    assert capsys.readouterr() == ("one\n", "two\n")


def test_a_warning_is_obeyed_as_an_error_and_else_never_fails(monkeypatch, capsys):
    """A filter "error" raises the warning; a warning that cannot be shown becomes a line."""
    with pytest.raises(nx.AlreadySentWarning):
        warn("nothing was sent", nx.AlreadySentWarning)
    monkeypatch.setattr(sys, "stderr", closed())
    monkeypatch.setattr(warnings, "showwarning", shown)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warn("nothing was sent", nx.AlreadySentWarning)
    assert capsys.readouterr().out == "AlreadySentWarning: nothing was sent\n"


def test_a_warning_names_the_line_of_the_caller(sandbox):
    """What is warned of stands at the analyst's call, not inside the package."""
    frame = people(3)
    frame.nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning) as caught:
        frame.nxsms.send(sandbox.client)
    assert Path(caught[0].filename).name == Path(__file__).name


# ---------------------------------------------------------------------- observers


class Watching:
    """An observer that does as it is told."""

    def __init__(self, update=None, close=None):
        self.updates, self.closes = [], []
        self.behaviour = {"update": update, "close": close}

    def update(self, snapshot):
        self.updates.append(snapshot)
        if self.behaviour["update"] is not None:
            self.behaviour["update"]()

    def close(self, snapshot):
        self.closes.append(snapshot)
        if self.behaviour["close"] is not None:
            self.behaviour["close"]()


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_observer_may_raise(error, sandbox):
    """Whatever an observer raises, it is told of the end and the run has its own."""
    observer = Watching(raising(error), raising(error))
    sent = people(300).nxsms.send(sandbox.client, progress=observer, batch_size=20)
    assert (sent["status"] == "Success").all()
    assert observer.updates
    assert [snapshot.decided for snapshot in observer.closes] == [300]


@pytest.mark.parametrize("where", ["update", "close"])
def test_an_observer_may_block(where, sandbox, monkeypatch):
    """A run ends, and streams and background runs too, while an observer never returns."""
    monkeypatch.setattr(screen, "PATIENCE_S", 0.05)
    freed = threading.Event()
    try:
        for n in (100, 200):
            observer = Watching(**{where: freed.wait})
            assert len(people(n).nxsms.send(sandbox.client, progress=observer)) == n
        assert len(people(300).nxsms.start(sandbox.client, progress=Watching(**{where: freed.wait})).wait()) == 300
        chunks = [people(300).iloc[i : i + 100] for i in (0, 100, 200)]
        streamed = nx.send_stream(chunks, sandbox.client, campaign="a", progress=Watching(**{where: freed.wait}))
        assert sum(len(sent) for sent in streamed) == 300
    finally:
        freed.set()
    assert len(sandbox.ledger) == 600


def test_a_slow_observer_gets_the_latest(sandbox):
    """What an observer missed is not told later; the end is told once, after everything else."""
    sandbox.hold()
    freed, reached = threading.Event(), threading.Event()

    def wait():
        reached.set()
        freed.wait()

    observer = Watching(wait)
    run = people(400).nxsms.start(sandbox.client, progress=observer)
    reached.wait()
    sandbox.release()
    assert sandbox.wait_for(requests=2)
    freed.set()
    run.wait()
    assert [snapshot.final for snapshot in observer.closes] == [True]
    assert observer.closes[0].counts == {"Success": 400}


# ---------------------------------------------------------------------- whole programs

PROGRAM = """
import faulthandler, os, sys
faulthandler.dump_traceback_later(60, exit=True, file=open(os.environ["FAULTS"], "w"))
import pandas as pd, nxsms_nb as nx
def people(n):
    return pd.DataFrame({"phone": [f"86150888{i:05d}" for i in range(n)], "content": [f"Hi {i}" for i in range(n)]})
BEFORE
with nx.Sandbox(seed=7) as sandbox:
    for n in (300, 500, 500):
        sent = people(n).nxsms.send(sandbox.client, progress="bar")
    assert (sent["status"] == "Success").all()
    counted = len(sandbox.ledger)
with open(os.environ["RESULT"], "w") as file:
    file.write(str(counted))
"""


def run(tmp_path, before="", shell='"$PYTHON" program.py', **environment):
    """Run the program; how many messages it sent, and its exit code."""
    (tmp_path / "program.py").write_text(PROGRAM.replace("BEFORE", before))
    named = {"PYTHON": sys.executable, "RESULT": str(tmp_path / "result"), "FAULTS": str(tmp_path / "faults")}
    named |= {"PYTHONPATH": str(PACKAGE.parent), "NXSMS_JOURNAL": str(tmp_path / "journal"), **environment}
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell}"],
        check=False,
        cwd=tmp_path,
        env=os.environ | named,
        capture_output=True,
    )
    return int((tmp_path / "result").read_text()), done


@pytest.mark.parametrize(
    "before",
    [
        "sys.stderr = None",
        "sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None",
        "sys.stderr = object()",
        "sys.stdout.close(); sys.stderr.close()",
    ],
)
def test_a_program_without_a_terminal_sends(before, tmp_path):
    """A service or pythonw has no streams, or streams of another kind: its runs end, and reach everybody once."""
    assert run(tmp_path, before)[0] == 500


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "ascii:strict"])
def test_a_console_of_another_code_page_keeps_nobody_away(encoding, tmp_path):
    """The second call tells of the rows that were sent before, and sends the new ones."""
    sent, done = run(tmp_path, PYTHONIOENCODING=encoding)
    assert (sent, done.returncode) == (500, 0)
    assert b"300 of 500 rows" in done.stdout


@pytest.mark.parametrize(
    "shell",
    [
        '("$PYTHON" program.py; true) | head -c 0',
        '("$PYTHON" program.py; true) 2>&1 | head -c 0',
        '"$PYTHON" program.py >&- 2>&-',
        '"$PYTHON" program.py >/dev/full 2>/dev/full || true',
    ],
)
def test_a_pipe_that_nobody_reads_keeps_nobody_away(shell, tmp_path):
    """Where the reader is gone, the disk full or no stream is open, everybody is reached once."""
    if "/dev/full" in shell and not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    assert run(tmp_path, shell=shell)[0] == 500


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say whether a pipe takes more")
def test_a_pipe_that_is_full_does_not_hang_a_run(tmp_path):
    """Standard error into a pipe that is open and never read: the run ends."""
    fill = """
def stall(number):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    os.dup2(writing, number)
stall(2)"""
    assert run(tmp_path, fill + "\nimport warnings; warnings.simplefilter('ignore')")[0] == 500


def test_the_command_line_ends_well_where_nobody_reads(tmp_path):
    """`python -m nxsms_nb send` into a closed pipe sends its file and ends with 0."""
    people(30).to_csv(tmp_path / "in.csv", index=False)
    command = '("$PYTHON" -m nxsms_nb send in.csv out.csv --campaign a --sandbox; echo $? > code) | head -c 0; cat code'
    environment = {"PYTHON": sys.executable, "PYTHONPATH": str(PACKAGE.parent), "NXSMS_JOURNAL": str(tmp_path / "j")}
    done = subprocess.run(
        ["bash", "-c", command], check=False, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert (pd.read_csv(tmp_path / "out.csv")["status"] == "Success").all()


# ---------------------------------------------------------------------- one place


def test_only_one_module_writes_to_the_screen():
    """No other module prints, warns, or takes hold of the standard streams."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        if path.name == "screen.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in ("print", "pprint"):
                found.append((path.name, node.lineno, node.id))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__", "warnings.warn", "warnings.warn_explicit",
            ):  # fmt: skip
                found.append((path.name, node.lineno, ast.unparse(node)))
    assert found == []
    configured = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert '"nxsms_nb' not in configured.split("per-file-ignores]")[1].split("[tool.mypy]")[0]
    assert not [path for path in PACKAGE.rglob("*.py") if "noqa: T201" in path.read_text(encoding="utf-8")]


def test_reports_are_as_frequent_as_a_person_can_read(monkeypatch):
    """Within a pause an observer's thread is woken by a change of state only; the first and the last report always come."""
    monkeypatch.setattr(screen, "_PAUSE_S", 3600.0)
    seen, stopping = [], threading.Event()

    class Observer:
        def update(self, snapshot):
            seen.append(snapshot)
            if snapshot.state == "stopping":
                stopping.set()

        close = update

    first, second = Progress(total=9, sending=9), Progress(total=9, sending=9, decided=3)
    third, last = replace(second, note="stopping: stopped by you"), replace(second, decided=9, final=True)
    watched = Watched(Observer())
    watched.begin(first)
    watched.update(second)
    watched.update(third)
    assert stopping.wait(60)
    watched.close(last)
    assert seen == [first, third, last]
