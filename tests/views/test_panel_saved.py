"""What is left of a run in a saved notebook: opened without its kernel, converted, and nothing that must not be passed on."""

import json
import re

import pytest
from nbconvert import HTMLExporter

from tests.support.jupyter import (
    SUMMARY,
    people,
    run_cell,
    save,
    shot,
    shut_down,
    wait_until_loaded,
)
from tests.support.panel import ERROR, LIVE, MANY, STILL, done_of, shown, start


@pytest.fixture(autouse=True)
def _replies(gateway):
    """Whatever a test holds back is let go at its end."""
    yield
    gateway.release()


def test_a_summary_outlasts_a_reload_a_saved_file_and_its_kernel(lab, gateway):
    """After its end a run is plain HTML: in the page, reloaded, saved, opened without a kernel and converted."""
    cells = [people(100), start("after"), "run.wait()[[]].shape"]
    with lab.ran("after.ipynb", cells) as page:
        page.wait_for_selector(f'{SUMMARY}[data-state="finished"]', timeout=60_000)
        save(page)
        page.reload()
        wait_until_loaded(page)
        page.wait_for_selector(f'{SUMMARY}[data-state="finished"]', timeout=30_000)
        shut_down(page)
    with lab.opened("after.ipynb", ready=False) as page:
        page.wait_for_selector(f'{SUMMARY}[data-state="finished"]', timeout=30_000)
        assert ERROR not in shown(page)
    saved = lab.read("after.ipynb")
    assert "widget-view" not in json.dumps(saved)
    converted, _ = HTMLExporter().from_notebook_node(saved)
    assert converted.count('data-nxsms="run-summary"') == 1


def test_a_notebook_saved_meanwhile_says_that_it_is_not_live(lab, gateway):
    """Opened without its kernel, or converted, it has the run as of when it was saved, and how to learn the rest."""
    cells = [people(MANY), start("saved", ", max_rate=200")]
    with lab.ran("saved.ipynb", cells) as page:
        page.wait_for_selector(LIVE, timeout=60_000)
        page.wait_for_selector(STILL, state="attached", timeout=30_000)
        save(page)
        shut_down(page)
    with lab.opened("saved.ipynb", ready=False) as page:
        page.wait_for_selector(STILL, timeout=30_000)
        page.wait_for_function(f"() => document.body.textContent.includes('{ERROR}')", timeout=30_000)
        shot(page, "saved-without-kernel")
        assert "Not live: this is the run as of" in shown(page)
        assert "df.nxsms.recorded(client, campaign='saved')" in shown(page)
        assert ERROR not in shown(page)
        assert 0 < done_of(page, STILL) < MANY
    converted, _ = HTMLExporter().from_notebook_node(lab.read("saved.ipynb"))
    with lab.page_of(converted) as page:
        shot(page, "saved-converted")
        assert page.locator("body").inner_text().count("Not live: this is the run as of") == 1


def test_no_number_and_no_secret_is_in_the_state_or_the_file(lab, gateway):
    """Neither what a browser holds of a run nor what is saved of it has a whole number, a text or a key."""
    state = "import ipywidgets, json\nfrom pathlib import Path\nPath('state.json').write_text(json.dumps(ipywidgets.Widget.get_manager_state()))"
    cells = [people(300), start("private 8615012345678"), state]
    gateway.hold()
    with lab.ran("private.ipynb", cells) as page:
        page.wait_for_selector(STILL, state="attached", timeout=60_000)
        save(page)
        gateway.release()
        page.wait_for_selector(SUMMARY, timeout=60_000)
        run_cell(page, 2)
        meanwhile = json.dumps([cell.outputs for cell in lab.read("private.ipynb").cells])
        save(page)
    afterwards = json.dumps([cell.outputs for cell in lab.read("private.ipynb").cells])
    held_state = (lab.folder / "state.json").read_text()
    assert "Finished" in held_state
    secrets = [gateway.access_key, gateway.access_secret, gateway.app_key, gateway.app_secret]
    for text in (meanwhile, afterwards, held_state):
        assert not [secret for secret in secrets if secret in text]
        assert not re.findall(r"86150\d{8}", text)
