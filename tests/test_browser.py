"""What a person sees in JupyterLab, in a real browser. Skipped where there is none, an error where CI lacks one."""

from tests.support.jupyter import RAN, RUN_CELL, outputs, prompt

SENDING = """
import nxsms_nb as nx, pandas as pd
sandbox = nx.Sandbox(seed=7)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(ROWS)], "content": "Hi", "shop": ["A", "B"] * (ROWS // 2)})
"""


def test_an_interrupt_stops_a_send_and_run_all(lab):
    """The kernel's stop button ends a blocking send with a few lines; later cells do not run; the frame is there."""
    cells = [
        SENDING.replace("ROWS", "5000"),
        "sent = people.nxsms.send(sandbox.client, max_rate=20, batch_size=10)",
        "print('the next campaign')",
        "import sys; sent = sys.last_value.frame\nprint(len(sent), 'rows,', sent['status'].isna().sum(), 'unknown')",
    ]
    with lab.ran("interrupt.ipynb", cells) as page:
        page.wait_for_selector('[data-nxsms="stop"]', timeout=60_000)
        page.click('[data-command="notebook:interrupt-kernel"]')
        page.wait_for_selector("text=Interrupted: Stopped by you", timeout=60_000)
        page.wait_for_selector('[data-nxsms="run-summary"]')
        seen, _, error = outputs(page, 1)
        assert "stopped by you" in seen
        assert len(error.strip().splitlines()) == 3
        for skipped in (2, 3):
            assert prompt(page, skipped) == "[ ]:"
        page.evaluate(RUN_CELL, 3)
        page.wait_for_function(RAN, arg=3, timeout=30_000)
        assert [text.strip() for text in outputs(page, 3)] == ["5000 rows, 0 unknown"]
        assert outputs(page, 2) == []
