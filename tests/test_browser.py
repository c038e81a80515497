"""What a person sees in JupyterLab, in a real browser. Skipped where there is none, an error where CI lacks one."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.support.machine import lacks

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info
}"""
RAN = """n => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .filter(prompt => /\\[\\d+\\]/.test(prompt.textContent)).length >= n"""
BEGUN = (
    "() => [...document.querySelectorAll('.jp-InputPrompt')].some(prompt => /\\[[\\d*]+\\]/.test(prompt.textContent))"
)
RUN_CELL = """n => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = n;
    window.jupyterapp.commands.execute('notebook:run-cell');
}"""

SENDING = """
import nxsms_nb as nx, pandas as pd
sandbox = nx.Sandbox(seed=7)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(ROWS)], "content": "Hi", "shop": ["A", "B"] * (ROWS // 2)})
"""


@pytest.fixture(name="browser", scope="module")
def _browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacks("playwright is not installed")
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)
        if path is None:
            lacks(f"no browser is installed (looked for {', '.join(NAMES)})")
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(name="lab", scope="module")
def _lab(browser, tmp_path_factory):
    """A JupyterLab of its own: its folder and a function that gives a notebook's address."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "config" / "labconfig"
    settings.mkdir(parents=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(NO_NEWS), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipy",
    }
    env = os.environ | {name: str(folder / place) for name, place in places.items()} | {"HOME": str(folder)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
               "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
               "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if "is running at" in line:
                    break
            else:
                pytest.fail("".join(said))
            rest = threading.Thread(target=server.stdout.read)  # a full pipe would hold the server up
            rest.start()
            yield folder, lambda name: f"http://127.0.0.1:{port}/doc/tree/{name}?token={token}"
        finally:
            server.terminate()
            server.wait(30)
        rest.join()


@contextmanager
def opened(browser, lab, name, cells=None):
    """A notebook in a page of its own; with cells, they are written to it and run to the end of the last but one."""
    folder, address = lab
    if cells is not None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / name)
    page = browser.new_page(viewport={"width": 1100, "height": 1600})
    try:
        page.goto(address(name))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        if cells is not None:
            page.evaluate(READY)
            run_all(page)
        yield page
    finally:
        page.close()


def run_all(page):
    from playwright.sync_api import TimeoutError as NothingHappened

    for _ in range(3):  # a launch now and then begins nothing
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        try:
            page.wait_for_function(BEGUN, timeout=20_000)
        except NothingHappened:
            continue
        return
    pytest.fail("JupyterLab ran no cell")


def test_the_dashboard_is_live_and_lasts(browser, lab):
    """The select redraws the dashboard; saved and opened again without its kernel, all of it is there."""
    cells = [
        SENDING.replace("ROWS", "400") + "sent = people.nxsms.send(sandbox.client)\nsent.nxsms.dashboard()",
        "sandbox.close()",
    ]
    with opened(browser, lab, "dashboard.ipynb", cells) as page:
        page.wait_for_function(RAN, arg=len(cells), timeout=60_000)
        page.wait_for_selector(".nxsms-dashboard img")
        assert page.locator(".nxsms-dashboard img").count() == 2
        page.select_option(".jp-OutputArea select", label="shop")
        page.wait_for_selector('.nxsms-dashboard img[alt="Failure rate by shop"]')
        page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
        page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    with opened(browser, lab, "dashboard.ipynb") as page:
        page.wait_for_selector('.nxsms-dashboard img[alt="Failure rate by shop"]')
        page.wait_for_function("() => document.body.textContent.includes('model not found')", timeout=30_000)
        shown = page.locator(".jp-Notebook").inner_text()
        assert "model not found" not in shown
        assert "sandbox" in shown
        assert "accepted 400" in shown, "what the run showed live is there as well"


def outputs(page, cell):
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output").all_inner_texts()


def test_the_stop_button_stops_a_run(browser, lab):
    """A run in the background shows itself; a click on Stop ends it, and what is left of it, saved too, is HTML."""
    cells = [
        SENDING.replace("ROWS", "5000") + "run = people.nxsms.start(sandbox.client, max_rate=20, batch_size=10)",
    ]
    with opened(browser, lab, "stop.ipynb", cells) as page:
        page.click(".nxsms-stop", timeout=60_000)
        page.wait_for_selector("text=stopped by you", timeout=60_000)
        page.wait_for_selector(".nxsms-progress", state="detached")
        (shown,) = outputs(page, 0)
        sent, accepted, unsent = (
            int(number.replace(",", ""))
            for number in re.search(
                r"([\d,]+) of 5,000 messages .*accepted ([\d,]+)\b.*not sent ([\d,]+)", shown, re.DOTALL
            ).groups()
        )
        assert sent == accepted == 5000 - unsent
        page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    (saved,) = nbformat.read(lab[0] / "stop.ipynb", as_version=4).cells[0].outputs
    assert set(saved["data"]) == {"text/html", "text/plain"}
    assert "stopped by you" in saved["data"]["text/html"]


def test_an_interrupt_stops_a_send_and_run_all(browser, lab):
    """The kernel's stop button ends a blocking send with a few lines; later cells do not run; the frame is there."""
    cells = [
        SENDING.replace("ROWS", "5000"),
        "sent = people.nxsms.send(sandbox.client, max_rate=20, batch_size=10)",
        "print('the next campaign')",
        "import sys; sent = sys.last_value.frame\nprint(len(sent), 'rows,', sent['status'].isna().sum(), 'unknown')",
    ]
    with opened(browser, lab, "interrupt.ipynb", cells) as page:
        page.wait_for_selector(".nxsms-progress >> text=To stop: interrupt the kernel", timeout=60_000)
        page.click('[data-command="notebook:interrupt-kernel"]')
        page.wait_for_selector("text=Interrupted: Stopped by you", timeout=60_000)
        page.wait_for_selector(".nxsms-progress", state="detached")
        seen, error = outputs(page, 1)
        assert "stopped by you" in seen
        assert len(error.strip().splitlines()) == 3
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
        for skipped in (2, 3):
            assert prompts.nth(skipped).inner_text() == "[ ]:"
        page.evaluate(RUN_CELL, 3)
        page.wait_for_function(RAN, arg=3, timeout=30_000)
        assert [text.strip() for text in outputs(page, 3)] == ["5000 rows, 0 unknown"]
        assert outputs(page, 2) == []
