"""What a person sees in JupyterLab, in a real browser. Skipped where there is none, an error where CI lacks one."""

from tests.support.jupyter import RAN, RUN_CELL, outputs, prompt, save, shut_down

SENDING = """
import nxsms_nb as nx, pandas as pd
sandbox = nx.Sandbox(seed=7)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(ROWS)], "content": "Hi", "shop": ["A", "B"] * (ROWS // 2)})
"""


def test_the_dashboard_is_live_and_lasts(lab):
    """The select redraws the dashboard; saved and opened again without its kernel, all of it is there."""
    cells = [
        SENDING.replace("ROWS", "400") + "sent = people.nxsms.send(sandbox.client)\nsent.nxsms.dashboard()",
        "sandbox.close()",
    ]
    with lab.ran("dashboard.ipynb", cells) as page:
        page.wait_for_function(RAN, arg=len(cells), timeout=60_000)
        page.wait_for_selector(".nxsms-dashboard img")
        assert page.locator(".nxsms-dashboard img").count() == 2
        page.select_option(".jp-OutputArea select", label="shop")
        page.wait_for_selector('.nxsms-dashboard img[alt="Failure rate by shop"]')
        save(page)
        shut_down(page)
    with lab.opened("dashboard.ipynb", ready=False) as page:
        page.wait_for_selector('.nxsms-dashboard img[alt="Failure rate by shop"]')
        page.wait_for_function("() => document.body.textContent.includes('model not found')", timeout=30_000)
        shown = page.locator(".jp-Notebook").inner_text()
        assert "model not found" not in shown
        assert "sandbox" in shown
        assert "400\naccepted" in shown, "what the run showed live is there as well"


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
