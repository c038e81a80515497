"""A run's panel: what it says, what of it a browser is given, and what stays in a notebook."""

import json
import re
from dataclasses import replace

import nbformat
import pytest
from nbclient import NotebookClient

from nxsms_nb.engine.progress import Progress
from nxsms_nb.views import assets
from nxsms_nb.views.panel import RunPanel
from nxsms_nb.views.run_summary import summary_html
from nxsms_nb.views.run_view import CODES, POINTS, Throughput, view_of
from nxsms_nb.views.style import STATUS_COLOURS

FIRST = Progress(total=1000, sending=900, counts={"Invalid": 60}, note="waiting for the first reply")
MIDDLE = Progress(
    total=1000,
    sending=900,
    decided=400,
    counts={"Success": 390, "Failure": 10, "Invalid": 60, "Skipped": 40},
    codes={13005: 7, 13009: 3},
    elapsed_s=4.0,
    rate=200.0,
    pace=250.0,
    in_flight=8,
    throttled=3,
    campaign="spring",
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
STOPPED = replace(MIDDLE, note="stopping: stopped by you", final=True)


def view(snapshot):
    return view_of(snapshot, Throughput())


def state_of(panel):
    return json.loads(panel._widget.view)["state"]


def words(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_panel_has_counts_codes_and_pace():
    """Every status with its count, codes with their meaning, both rates, what is in flight, the limit and what is left."""
    shown = words(summary_html(view(MIDDLE)))
    for part in ("Sending", "real money", "campaign spring", "400 of 900 messages", "390 accepted", "10 failed",
                 "60 invalid", "0 in doubt", "0 not sent", "40 left out", "now 200/s", "average 100/s", "in flight 8 requests",
                 "limit 250/s found", "throttled 3 requests", "elapsed 4 s", "remaining 2 s",
                 "13005 incorrect phone number 7"):  # fmt: skip
        assert part in shown


def test_the_end_has_no_word_of_waiting():
    """The end has the time it took; nothing is in flight and nothing remains."""
    shown = words(summary_html(view(LAST)))
    for part in ("Finished", "900 of 900 messages", "average 200/s", "elapsed 4.5 s", "remaining –", "5 in doubt"):
        assert part in shown
    assert view(LAST)["note"] == ""


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (FIRST, "running"),
        (replace(MIDDLE, note="stopping: stopped by you"), "stopping"),
        (STOPPED, "stopped"),
        (LAST, "finished"),
        (replace(LAST, note="held to 700 messages a second"), "finished"),
    ],
)
def test_the_state_is_one_of_four(snapshot, state):
    """A run that ends early is stopped, whoever or whatever stopped it; one that comes to its end is finished."""
    assert view(snapshot)["state"] == state
    assert f'data-nxsms="run-summary" data-state="{state}"' in summary_html(view(snapshot))


def test_a_stopped_run_says_why_and_what_was_not_sent():
    """What is open when a run ends early counts as not sent."""
    shown = words(summary_html(view(STOPPED)))
    assert "500 not sent" in shown
    assert shown.endswith("stopped by you")
    assert sum(share for _, share in view(STOPPED)["bar"]) == pytest.approx(100)


def test_a_run_that_stops_says_what_it_waits_for():
    """While a stop takes effect, the panel says that nothing new leaves and what is awaited."""
    assert view(replace(MIDDLE, note="stopping: 3 of 60 rows failed"))["note"] == (
        "No new request is sent; waiting for 8 requests in flight: 3 of 60 rows failed"
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"pace": None}, "none met"),
        ({"pace": 20.0, "max_rate": 20.0}, "20/s max_rate"),
        ({"pace": 15.0, "max_rate": 20.0}, "15/s found"),
    ],
)
def test_a_limit_says_whose_it_is(given, shown):
    """The gateway's limit, once found, is told from the one the person asked for."""
    assert dict(view(replace(MIDDLE, **given))["facts"])["limit"] == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"simulated": True, "on_loopback": True}, "sandbox"),
        ({"on_loopback": True}, "local gateway"),
        ({}, "real money"),
    ],
)
def test_the_panel_says_whether_money_is_spent(given, shown):
    """Practice is named, and so is what costs money."""
    assert view(replace(MIDDLE, **given))["money"] == shown


def test_codes_have_a_fixed_number_of_lines():
    """Codes beyond the lines there are stand in the last line, so that the panel keeps its height."""
    codes = {13000 + n: 10 - n for n in range(1, 8)}
    for several in range(len(codes) + 1):
        shown = view(replace(MIDDLE, codes=dict(list(codes.items())[:several])))
        assert len(shown["codes"]) + bool(shown["more"]) == min(several, CODES)
    assert shown["more"] == "4 more codes: 18"


def test_throughput_of_a_long_run_stays_small():
    """The history keeps its size however long a run lasts, and its rates stay true."""
    seen = Throughput()
    for tick in range(100_000):
        seen.add(tick / 4, tick * 50)
    assert POINTS / 4 < len(seen.rates) <= POINTS
    assert set(seen.rates) == {200.0}


def test_what_the_panel_shows_is_escaped_and_masked():
    """A note may quote the gateway, which may say anything; a campaign may be named after somebody's number."""
    shown = view(replace(STOPPED, note="stopping: <script>alert(1)</script>", campaign="<b>8615088888888</b>"))
    html = summary_html(shown)
    assert "<script>" not in html
    assert "<b>861" not in html
    assert "&lt;script&gt;" in html
    assert "8615088888888" not in html + json.dumps(shown)


def test_nothing_to_send_is_no_division_by_zero():
    """A frame without rows has its panel too, before and after."""
    for final in (False, True):
        assert "0 of 0 messages" in summary_html(view(Progress(total=0, sending=0, final=final)))


def test_the_summary_needs_no_style_sheet_and_no_script():
    """What a saved notebook keeps is one line of HTML: no script, no class, nothing fetched."""
    html = summary_html(view(LAST))
    assert "\n" not in html
    assert not re.search(r"<script|class=|url\(|https?:|<style", html)


def test_the_shipped_files_fetch_nothing():
    """The script and the style sheets name no address outside the page's own server."""
    for text in (assets.script("run.js"), assets.styles("run.css")):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|import\(", text)


def test_status_colours_are_the_same_everywhere():
    """The style sheet of the widgets has the colours of the pictures."""
    found = dict(re.findall(r"--nxsms-(\w+): (#\w+);", assets.styles()))
    assert found == {status.lower(): colour.lower() for status, colour in STATUS_COLOURS.items()}


def test_a_message_from_the_button_stops_the_run_once():
    """Stop is heard at once, whatever the run does next; other messages and one after the end do nothing."""
    stops = []
    panel = RunPanel(lambda: stops.append(1))
    panel.update(MIDDLE)
    panel._heard(None, {"nxsms": "what"}, [])
    panel._heard(None, "stop", [])
    assert state_of(panel) == "running"
    panel._heard(None, {"nxsms": "stop"}, [])
    assert stops == [1]
    assert state_of(panel) == "stopping"
    panel.close(STOPPED)
    panel._heard(None, {"nxsms": "stop"}, [])
    assert stops == [1]
    assert state_of(panel) == "stopped"


def test_the_model_outlives_the_run():
    """The model is not closed: a page that was reloaded asks the kernel for it. It holds nothing of the run."""
    panel = RunPanel(lambda: None)
    panel.update(MIDDLE)
    panel.close(LAST)
    assert panel._widget.comm is not None
    assert json.loads(panel._widget.view) == view_of(LAST, panel._throughput)
    assert panel._stop is None


def test_updates_are_few():
    """A run that needs much CPU is drawn with each report; another about once a second, and at once when its state changes."""
    panel, updates = RunPanel(), []
    panel.update(FIRST)
    panel._widget.observe(updates.append, "view")
    for third in range(1, 31):
        panel.update(replace(MIDDLE, decided=third, elapsed_s=third / 3))
    assert len(updates) == 10
    updates.clear()
    panel._cpu_before -= 3600
    for third in range(31, 61):
        panel.update(replace(MIDDLE, decided=third, elapsed_s=third / 3))
    assert len(updates) == 30
    panel._cpu_before += 3600
    updates.clear()
    panel.update(replace(MIDDLE, decided=1, elapsed_s=0.1))
    assert len(updates) == 1, "the next chunk of a stream may count from its own begin"
    panel.update(replace(MIDDLE, note="stopping: stopped by you"))
    assert state_of(panel) == "stopping", "what changes the state is told at once"


def test_an_interrupt_is_offered_while_the_run_s_own_cell_executes():
    """A panel that comes when the cell has ended, as a task's may on a busy machine, does not strike the one that runs."""
    cell = """
from nxsms_nb.calls import Call
from nxsms_nb.engine.progress import Progress
from nxsms_nb.views.panel import RunPanel
def offered(call):
    panel = RunPanel(lambda: None, interrupts=True, cell_over=call.cell_over)
    panel._kernel = "its id, which a server knows"
    panel.update(Progress(total=1, sending=1))
    return panel._widget.interrupts
earlier = Call(lambda call: None)
print(offered(earlier))"""
    cells = [
        nbformat.v4.new_code_cell(cell),
        nbformat.v4.new_code_cell("print(offered(earlier), offered(Call(lambda call: None)))"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    said = ["".join(one.text for one in cell.outputs if one.output_type == "stream") for cell in notebook.cells]
    assert said == ["True\n", "False True\n"]


CELL = """
import contextvars, threading
from nxsms_nb.views.progress import choose
from nxsms_nb.engine.progress import Progress
panel = choose()
def work():
    panel.update(Progress(total=10, sending=10, note="waiting for the first reply"))
    panel.close(Progress(total=10, sending=10, decided=10, counts={"Success": 10}, elapsed_s=1.0, final=True))
thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
thread.start()
thread.join()
panel.show()
print(type(panel).__name__)"""


def test_what_is_saved_in_a_notebook_is_html():
    """The live widget is replaced by static HTML with the final counts, once, in the cell that began the run."""
    cells = [CELL, "panel.show()", "choose('silent').update(None)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    first, second, third = (
        [output for output in done.outputs if output.output_type != "stream"] for done in notebook.cells
    )
    live, still = first
    (again,) = second
    for output in (live, again):
        assert set(output["data"]) == {"text/html", "text/plain"}
        assert "10 accepted" in words(output["data"]["text/html"])
        assert 'data-nxsms="run-summary" data-state="finished"' in output["data"]["text/html"]
    assert {output["data"]["text/plain"] for output in (live, still, again)} == {"progress of a run"}
    assert words(still["data"]["text/html"]) == ""
    assert not third
    assert notebook.cells[0].outputs[-1]["text"] == "RunPanel\n"
