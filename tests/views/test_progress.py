"""Observers of a run: who is chosen, and what each shows of a snapshot."""

import contextlib
import io
import sys
import threading

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import nxsms_nb as nx
from nxsms_nb.engine.progress import Progress
from nxsms_nb.errors import ConfigError
from nxsms_nb.views.panel import LiveBar, html_of
from nxsms_nb.views.progress import Silent, TerminalBar, choose

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
    ("progress", "kind"), [(False, Silent), ("silent", Silent), ("bar", TerminalBar), ("widget", LiveBar)]
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


def test_the_html_has_counts_codes_and_pace():
    """Counts by status with thousands apart, codes with their meaning, pace and what is left."""
    html = html_of(MIDDLE, hint=True)
    for words in ("400 of 900 messages", "200 a second", "about 2 s left", "accepted <b>390</b>", "failed <b>10</b>",
                  "refused before sending <b>60</b>", "waiting <b>500</b>", "13005 incorrect phone number: 7",
                  "interrupt the kernel", 'aria-valuenow="50"'):  # fmt: skip
        assert words in html


def test_the_last_html_tells_the_end():
    """The end has the time it took and no word of waiting or stopping."""
    html = html_of(LAST, hint=True)
    assert "4.5 s, 200 a second" in html
    assert "in doubt <b>5</b>" in html
    assert "waiting" not in html
    assert "interrupt the kernel" not in html


def test_what_a_stopped_run_did_not_send_is_counted(monkeypatch):
    """A run that ended early says why, and how many rows stayed."""
    stopped = Progress(total=1000, sending=900, decided=400, counts=MIDDLE.counts, elapsed_s=2.0,
                       note="stopping: stopped by you", final=True)  # fmt: skip
    html = html_of(stopped)
    assert "not sent <b>500</b>" in html
    assert "· stopped by you" in html
    assert 'aria-valuenow="100"' in html
    monkeypatch.setattr(sys, "stderr", Terminal())
    choose("bar").close(stopped)
    assert "not sent 500, stopped by you" in sys.stderr.getvalue()


class Last:
    def update(self, progress):
        self.progress = progress

    close = update


def test_the_counts_of_a_resumed_run_add_up(monkeypatch):
    """What this run decided, and what had been sent before it, are told apart; suppressed rows stand beside."""
    frame = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(60)], "content": "Hi"})
    last = Last()
    with nx.Sandbox(seed=7, failures={13005: 0.3}) as sandbox:
        before = frame.head(20).nxsms.send(sandbox.client, campaign="spring")["status"].value_counts()
        frame.nxsms.send(sandbox.client, campaign="spring", progress=last, suppress=frame["phone"].tail(5))
    now = last.progress
    assert (now.decided, now.sending, now.total, now.suppressed) == (35, 35, 60, 5)
    assert now.before == {name: n for name, n in before.items() if n}
    assert sum(now.counts[name] - now.before.get(name, 0) for name in ("Success", "Failure")) == now.decided
    accepted, html = now.counts["Success"], html_of(now)
    assert f"accepted <b>{accepted}</b> ({before['Success']} before)" in html
    assert "left out <b>5</b> (5 suppressed)" in html
    monkeypatch.setattr(sys, "stderr", Terminal())
    choose("bar").close(now)
    assert f"accepted {accepted} ({before['Success']} before)" in sys.stderr.getvalue()
    assert "suppressed 5" in sys.stderr.getvalue()


def test_sandbox_runs_say_so():
    """Practice is named in the widget and on the bar."""
    snapshot = Progress(total=1, sending=1, simulated=True)
    assert "sandbox" in html_of(snapshot)
    with contextlib.redirect_stderr(io.StringIO()) as stream:
        choose("bar").close(snapshot)
    assert "sandbox" in stream.getvalue()
    assert "sandbox" not in html_of(FIRST)


def test_the_html_escapes_what_it_is_told():
    """A note may quote the gateway, and the gateway may say anything."""
    html = html_of(Progress(total=1, sending=1, note="stopping: <script>alert(1)</script>"))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_nothing_to_send_is_no_division_by_zero():
    """A frame without rows has its HTML too, before and after."""
    for final in (False, True):
        assert "0 of 0 messages" in html_of(Progress(total=0, sending=0, final=final))


def test_the_button_stops_the_run_once():
    """A click calls what stops the run and says so; without a way to stop there is no button."""
    calls = []
    bar = LiveBar(lambda: calls.append("stop"))
    button = bar._panel.children[1]
    button.click()
    assert calls == ["stop"]
    assert button.disabled
    assert len(LiveBar()._panel.children) == 1


def test_what_is_saved_in_a_notebook_is_html():
    """The live widget is replaced by static HTML with the final counts, once, in the cell that began the run."""
    cell = """
import contextvars, threading
from nxsms_nb.views.progress import choose
from nxsms_nb.engine.progress import Progress
bar = choose()
def work():
    bar.update(Progress(total=10, sending=10, note="waiting for the first reply"))
    bar.close(Progress(total=10, sending=10, decided=10, counts={"Success": 10}, elapsed_s=1.0, final=True))
thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
thread.start()
thread.join()
bar.show()
print(type(bar).__name__)"""
    cells = [cell, "bar.show()", "choose('silent').update(None)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    first, second, third = (
        [output for output in done.outputs if output.output_type != "stream"] for done in notebook.cells
    )
    assert len(first) == len(second) == 1
    for output in (*first, *second):
        assert set(output["data"]) == {"text/html", "text/plain"}
        assert "accepted <b>10</b>" in output["data"]["text/html"]
        assert output["data"]["text/plain"] == "progress of a run"
    assert not third
    assert notebook.cells[0].outputs[-1]["text"] == "LiveBar\n"
