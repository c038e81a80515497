"""Notebooks in a real browser: JupyterLab, Notebook 7 and Voila, each in a folder of its own, and what a person does there.

``NXSMS_JUPYTER_PYTHON`` names the Python whose Jupyter and kernel are tried, if not the one that runs the tests.
``NXSMS_SHOTS`` names a folder for screenshots; without it none are kept.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.support.machine import free_port, lacks

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
ROOT = Path(__file__).parents[2]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
APPS = {
    "lab": ("jupyterlab", "/doc/tree/{}", ["--LabApp.expose_app_in_browser=True"]),
    "notebook": ("notebook", "/notebooks/{}", ["--JupyterNotebookApp.expose_app_in_browser=True"]),
    "voila": ("voila", "/voila/render/{}", []),
}
"""The module that serves, a notebook's address, and options."""
READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info
}"""
HEARS = """async () => {
    const kernel = () => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
    while (!kernel()) await new Promise(later => setTimeout(later, 50));
    await new Promise(heard => kernel().iopubMessage.connect(heard));
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


def python():
    """The Python whose Jupyter is tried."""
    return os.environ.get("NXSMS_JUPYTER_PYTHON", sys.executable)


@contextmanager
def a_browser():
    """Chromium without a window."""
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
        try:
            yield browser
        finally:
            browser.close()


class Site:
    """A Jupyter server that runs, and its folder."""

    def __init__(self, app, browser, folder, env):
        self.app, self.browser, self.folder = app, browser, folder
        self._module, self._path, self._options = APPS[app]
        settings = folder / "config" / "labconfig"
        settings.mkdir(parents=True)
        (settings / "default_setting_overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run",
                  "IPYTHONDIR": "ipy"}  # fmt: skip
        self._env = os.environ | {name: str(folder / place) for name, place in places.items()} | env
        self._env |= {"HOME": str(folder), "PYTHONPATH": str(ROOT)}

    @contextmanager
    def running(self):
        port = free_port()
        token = secrets.token_hex(16)
        self.base = f"http://127.0.0.1:{port}"
        self.query = f"?token={token}"
        command = [python(), "-m", self._module, "--no-browser", f"--port={port}"]
        if self.app != "voila":
            command += ["--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={self.folder}",
                        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]  # fmt: skip
        else:
            command += ["--VoilaConfiguration.file_whitelist=['.*']", str(self.folder)]
        command += self._options
        with subprocess.Popen(
            command, env=self._env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
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
                yield self
            finally:
                server.terminate()
                server.wait(30)
            rest.join()

    def write(self, name, cells):
        """Write a notebook of code cells into the folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)

    def read(self, name):
        """Read a saved notebook."""
        return nbformat.read(self.folder / name, as_version=4)

    def address(self, name):
        """Where the browser finds a notebook."""
        return self.base + self._path.format(name) + self.query

    @contextmanager
    def opened(self, name, cells=None, *, dark=False, ready=True, size=(1000, 1100)):
        """A notebook in a page of its own; with cells, these are written to it first."""
        if cells is not None:
            self.write(name, cells)
        page = self.browser.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
        )
        try:
            page.goto(self.address(name))
            wait_until_loaded(page, ready=ready)
            yield page
        finally:
            page.close()

    @contextmanager
    def page_of(self, text):
        """A page of HTML."""
        (self.folder / "page.html").write_text(text, encoding="utf-8")
        page = self.browser.new_page(viewport={"width": 1000, "height": 1100})
        try:
            page.goto((self.folder / "page.html").as_uri())
            yield page
        finally:
            page.close()

    @contextmanager
    def ran(self, name, cells, **options):
        """A new notebook whose cells all run, or wait for their turn."""
        with self.opened(name, cells, **options) as page:
            run_all(page)
            yield page


def wait_until_loaded(page, *, ready=True):
    """Wait for the notebook's cells, and for a kernel that answers."""
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    if ready:
        page.evaluate(READY)


def wait_until_heard(page):
    """Wait until the page hears the kernel, even one that a cell blocks and that answers nothing."""
    page.evaluate(HEARS)


def run_all(page):
    """Run all cells."""
    from playwright.sync_api import TimeoutError as NothingHappened

    for _ in range(3):  # a launch now and then begins nothing
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        try:
            page.wait_for_function(BEGUN, timeout=20_000)
        except NothingHappened:
            continue
        return
    pytest.fail("Jupyter ran no cell")


def run_cell(page, place):
    """Run one cell and wait for its end."""
    before = prompt(page, place)
    page.evaluate(RUN_CELL, place)
    page.wait_for_function(
        """([place, before]) => {
            const text = document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[place].textContent;
            return text !== before && /\\[\\d+\\]/.test(text)
        }""",
        arg=[place, before],
        timeout=60_000,
    )


def prompt(page, place):
    """What stands before a cell: its number, a star while it runs."""
    return page.locator(".jp-CodeCell .jp-InputPrompt").nth(place).inner_text()


def outputs(page, place):
    """The texts of a cell's outputs."""
    return page.locator(".jp-CodeCell").nth(place).locator(".jp-OutputArea-output").all_inner_texts()


def output(page, place, pattern):
    """A cell's output that matches, when it is there."""
    cell = page.locator(".jp-CodeCell").nth(place)
    found = cell.locator(".jp-OutputArea-output").filter(has_text=re.compile(pattern)).first
    found.wait_for(timeout=60_000)
    return found.inner_text()


def save(page):
    """Save the notebook."""
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")


def shut_down(page):
    """End the notebook's kernel."""
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown() }")


def shot(page, name):
    """Keep a screenshot, where a folder for them is named."""
    if folder := os.environ.get("NXSMS_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


PEOPLE = """
import nxsms_nb as nx, pandas as pd
client = nx.Client.from_env(timeout=300)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(ROWS)], "content": "Hi"})
"""
"""A first cell: a frame of as many rows as are written in the place of ROWS, and a client of the sandbox's."""
RUN, STOP, SUMMARY = '[data-nxsms="run"]', '[data-nxsms="stop"]', '[data-nxsms="run-summary"]'
TIME_OF_STOP = """state => { window.stopTook = new Promise(done => {
    document.addEventListener('click', () => {
        const clicked = performance.now();
        const look = () => [...document.querySelectorAll('[data-nxsms^="run"]')].some(node => node.dataset.state === 'stopped')
            ? done(performance.now() - clicked) : setTimeout(look, 5);
        look();
    }, {capture: true, once: true});
}) }"""


def people(rows):
    """The first cell, with so many rows."""
    return PEOPLE.replace("ROWS", str(rows))


def click_stop(page):
    """Click Stop; the milliseconds until the page says that the run has stopped."""
    page.evaluate(TIME_OF_STOP)
    page.click(STOP)
    return page.evaluate("() => window.stopTook")


def interrupts_of(page):
    """A list that grows with each interrupt the page asks the server for."""
    seen = []
    page.on("request", lambda request: seen.append(request.url) if request.url.endswith("/interrupt") else None)
    return seen
