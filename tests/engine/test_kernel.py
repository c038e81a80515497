"""Runs in a notebook's kernel, interrupted the way its stop button does it."""

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.any_pandas

SETUP = """
import os, signal, sys, threading
import pandas as pd
import nxsms_nb as nx

sandbox = nx.Sandbox(seed=7)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(2000)], "content": "Hi"})

def interrupt_later():
    sandbox.wait_for(requests=3)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt_later).start()
"""
ENDLESS = "(sandbox.client, max_rate=10, batch_size=1, progress=False)"


@pytest.fixture(name="outputs")
def _outputs():
    """Run cells in a fresh kernel and give the outputs of each; an error ends none but its own."""

    def outputs(*cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
        return [cell.outputs for cell in notebook.cells]

    return outputs


def test_an_interrupt_ends_an_awaited_run(outputs):
    """The cell ends with the cancellation, no further request leaves, and the journal has the outcome of each row."""
    _, awaited, after = outputs(
        SETUP,
        f"sent = await people.nxsms.asend{ENDLESS}",
        "sent = people.nxsms.recorded(sandbox.client)\n"
        "taken = len(sandbox.ledger)\n"
        "print(2000 > taken > 0, int((sent['status'] == 'Success').sum()) == taken)",
    )
    (error,) = awaited
    assert error.ename == "CancelledError"
    assert len(error.traceback) == 3
    assert "Every row is accounted for:  sent = df.nxsms.recorded(client)" in error.traceback[1]
    assert after[0].text == "True True\n"


def test_an_interrupt_ends_a_blocking_run(outputs):
    """The cell ends with a few lines that say how to get at the frame, and it can be got at so."""
    _, blocking, after = outputs(
        SETUP,
        f"sent = people.nxsms.send{ENDLESS}",
        "import sys; sent = sys.last_value.frame\n"
        "print(int((sent['status'] == 'Success').sum()) == len(sandbox.ledger), int(sent['status'].isna().sum()))",
    )
    (error,) = blocking
    assert error.ename == "Interrupted"
    assert len(error.traceback) == 3
    assert "df.nxsms.recorded(client)" in error.traceback[1]
    assert "import sys; sent = sys.last_value.frame" in error.traceback[1]
    assert after[0].text == "True 0\n"


def test_a_loop_that_passes_over_errors_ends_where_it_is_stopped(outputs):
    """`except Exception: continue` around a campaign does not swallow the stop button; later cells see no further run."""
    _, loop, after = outputs(
        SETUP,
        "reached = []\n"
        "for campaign in 'abc':\n"
        "    reached.append(campaign)\n"
        "    try:\n"
        f"        people.nxsms.send{ENDLESS[:-1]}, campaign=campaign)\n"
        "    except Exception:\n"
        "        continue",
        "print(reached, sandbox.client.journal.campaigns()['campaign'].tolist())",
    )
    assert [error.ename for error in loop if error.output_type == "error"] == ["Interrupted"]
    assert after[0].text == "['a'] ['a']\n"


def test_that_everything_was_sent_before_is_a_line_and_no_warning(outputs):
    """The cell is run again and again in a notebook; nothing is wrong. So it is for a stream."""
    _, first, again, stream = outputs(
        SETUP.partition("def interrupt")[0],
        "sent = people.head(5).nxsms.send(sandbox.client, campaign='spring', progress=False)",
        "sent = people.head(5).nxsms.send(sandbox.client, campaign='spring')",
        "sent = list(nx.send_stream(people.head(5), sandbox.client, campaign='spring'))",
    )
    assert first == []
    for out, words in ((again, "5 of 5 rows had been sent before ("), (stream, "5 of 5 rows had been sent before (")):
        (line,) = [one for one in out if one.output_type == "stream"]
        assert line.name == "stdout"
        assert line.text.startswith(words)
        assert line.text.count("\n") == 1


def test_errors_take_a_few_lines_and_show_no_secret(outputs):
    """In the verbose mode of tracebacks too, and with the line of the cell that it is about."""
    verbose, missing, wrong, column = outputs(
        "%xmode Verbose\nimport os\nos.environ.update(NXSMS_ACCESS_KEY='key', NXSMS_ACCESS_SECRET='s3cr3t-accessQQ',"
        " NXSMS_APP_SECRET='s3cr3t-appZZZZ')\nos.environ.pop('NXSMS_APP_KEY', None)\n"
        "import pandas as pd, nxsms_nb as nx",
        "client = nx.Client.from_env()",
        "client = nx.Client.from_env(app_key='app', timeout=0)",
        "sandbox = nx.Sandbox(seed=7)\ndf = pd.DataFrame({'content': ['Hi']})\n\ndf.nxsms.send(sandbox.client)",
    )
    for outputs_of, kind, line in (
        (missing, "ConfigError", "client = nx.Client.from_env()"),
        (wrong, "ConfigError", "client = nx.Client.from_env(app_key='app', timeout=0)"),
        (column, "ColumnError", "df.nxsms.send(sandbox.client)"),
    ):
        (error,) = outputs_of
        assert error.ename == kind
        assert 3 <= len(error.traceback) <= 6
        assert error.traceback[-1].strip() == line
        assert "s3cr3t" not in "".join(error.traceback)
    assert "s3cr3t" not in str(verbose)


def test_a_run_is_shown_by_what_lasts(outputs):
    """A run that is shown while in progress leaves the HTML of its end, and no words that its end makes untrue."""
    *_, shown, silent = outputs(
        SETUP.replace("threading.Thread", "#"),
        "sandbox.hold()\nrun = people.nxsms.start(sandbox.client)\ndisplay(run)\nsandbox.release()\nsent = run.wait()",
        "people.nxsms.start(sandbox.client, campaign='other', progress=False)",
    )
    output, still = (output["data"]["text/html"] for output in shown)
    assert "2,000 of 2,000 messages" in output
    assert "run-no-still" in still
    assert "messages" not in still
    assert "Run(2,000 rows, " in silent[0].text
