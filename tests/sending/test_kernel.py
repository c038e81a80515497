"""Runs in a notebook's kernel, interrupted the way its stop button does it."""

import nbformat
import pytest
from nbclient import NotebookClient

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
    """The cell ends with the cancellation, no further request leaves, and the journal has what became of each row."""
    _, awaited, after = outputs(
        SETUP,
        f"sent = await people.nxsms.asend{ENDLESS}",
        "sent = people.nxsms.recorded(sandbox.client)\n"
        "taken = len(sandbox.ledger)\n"
        "print(2000 > taken > 0, int((sent['status'] == 'Success').sum()) == taken)",
    )
    (error,) = awaited
    assert error.ename == "CancelledError"
    assert "recorded(client) has the frame" in "".join(error.traceback)
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
    assert "import sys; sent = sys.last_value.frame" in error.traceback[1]
    assert after[0].text == "True 0\n"
