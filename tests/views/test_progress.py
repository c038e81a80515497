"""Observers of a run: who is chosen, and what each shows of a snapshot."""

import contextlib
import io
import sys
import threading
from dataclasses import replace

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.engine.progress import Progress
from nxsms_nb.errors import ConfigError
from nxsms_nb.views.panel import RunPanel
from nxsms_nb.views.progress import Silent, TerminalBar, choose
from nxsms_nb.views.run_view import Throughput, view_of

FIRST = Progress(total=1000, sending=900, counts={"Invalid": 60}, note="waiting for the first reply")
MIDDLE = Progress(
    total=1000,
    sending=900,
    decided=400,
    counts={"Success": 390, "Failure": 10, "Invalid": 60, "Skipped": 40},
    codes={13005: 7, 13009: 3},
    elapsed_s=2.0,
    rate=200.0,
    in_flight=8,
)
LAST = Progress(
    total=1000,
    sending=900,
    decided=900,
    counts={"Success": 870, "Failure": 25, "Unknown": 5, "Invalid": 60, "Skipped": 40},
    codes={13005: 20, 13009: 5},
    elapsed_s=4.5,
    final=True,
)


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


@pytest.mark.parametrize(
    ("progress", "kind"), [(False, Silent), ("silent", Silent), ("bar", TerminalBar), ("widget", RunPanel)]
)
def test_an_observer_is_chosen_by_name(progress, kind):
    """Each name gives its observer, wherever the code runs."""
    assert type(choose(progress)) is kind


def test_outside_a_notebook_the_terminal_decides(monkeypatch):
    """With nobody to look at it a script is silent; a terminal gets a bar; True asks for one anyway."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(choose(None)) is Silent
    assert type(choose(True)) is TerminalBar
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(choose(None)) is TerminalBar
    monkeypatch.setattr(sys, "stderr", None)
    assert type(choose(None)) is Silent


def test_an_observer_of_ones_own_is_taken_as_it_is():
    """Whatever has update and close watches; anything else is refused with the names there are."""
    mine = Silent()
    assert choose(mine) is mine
    with pytest.raises(ConfigError, match="progress='loud' is not one of 'widget', 'bar', 'silent'"):
        choose("loud")


def test_the_terminal_bar_shows_what_was_accepted_and_failed(monkeypatch):
    """The bar counts messages that were decided, and stays where it ended."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    bar = choose("bar")
    assert stream.getvalue() == "", "nothing is drawn before there is news"
    for snapshot in (FIRST, MIDDLE):
        bar.update(snapshot)
    bar.close(LAST)
    shown = stream.getvalue().split("\r")
    assert any("400 of 900, 200/s, 2 s left, accepted 390, failed 10" in line for line in shown)
    assert "100%|################| 900 of 900 in 4.5 s, accepted 870, failed 25, in doubt 5" in shown[-1]
    assert any("waiting for the first reply" in line for line in shown)


def test_the_terminal_bar_leaves_no_thread_behind():
    """A bar needs nobody to look after it."""
    before = set(threading.enumerate())
    with contextlib.redirect_stderr(io.StringIO()):
        bar = choose("bar")
        bar.update(MIDDLE)
        bar.close(LAST)
    assert set(threading.enumerate()) == before


def test_the_terminal_bar_counts_what_a_stopped_run_did_not_send(monkeypatch):
    """A run that ended early says why, and how many rows stayed."""
    stopped = replace(MIDDLE, note="stopping: stopped by you", final=True)
    monkeypatch.setattr(sys, "stderr", Terminal())
    choose("bar").close(stopped)
    assert "not sent 500, stopped by you" in sys.stderr.getvalue()


class Last:
    def update(self, progress):
        self.progress = progress

    close = update


def test_the_counts_of_a_resumed_run_add_up(monkeypatch):
    """What this run decided, and what had been sent before it, are distinguished; suppressed rows are counted apart."""
    frame = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(60)], "content": "Hi"})
    last = Last()
    with nx.Sandbox(seed=7, failures={13005: 0.3}) as sandbox:
        before = frame.head(20).nxsms.send(sandbox.client, campaign="spring")["status"].value_counts()
        frame.nxsms.send(sandbox.client, campaign="spring", progress=last, suppress=frame["phone"].tail(5))
    now = last.progress
    assert (now.decided, now.sending, now.total, now.suppressed) == (35, 35, 60, 5)
    assert now.before == {name: n for name, n in before.items() if n}
    assert sum(now.counts[name] - now.before.get(name, 0) for name in ("Success", "Failure")) == now.decided
    accepted, counts = now.counts["Success"], view_of(now, Throughput())["counts"]
    assert ["Success", f"accepted ({before['Success']} before)", str(accepted)] in counts
    assert ["Skipped", "left out (5 suppressed)", "5"] in counts
    monkeypatch.setattr(sys, "stderr", Terminal())
    choose("bar").close(now)
    assert f"accepted {accepted} ({before['Success']} before)" in sys.stderr.getvalue()
    assert "suppressed 5" in sys.stderr.getvalue()


def test_the_terminal_bar_says_sandbox():
    """Practice is named on the bar."""
    with contextlib.redirect_stderr(io.StringIO()) as stream:
        choose("bar").close(Progress(total=1, sending=1, simulated=True))
    assert "sandbox" in stream.getvalue()
