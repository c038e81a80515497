"""The dashboard as a page of Voila: a sent file uploaded or named, or the sample sent to the sandbox, and then looked into."""

import re
import shutil

import pandas as pd
import pytest

from nxsms_nb.lab import notebooks
from tests.support.dashboard import RESET, ROOT, another_total, part, total, wait_for_total
from tests.support.jupyter import shot

NUMBER = "8615088888888"


@pytest.fixture(name="app")
def _app(site_of, made):
    """The page, and a sent file in its folder."""
    site = site_of("voila")
    shutil.copy(notebooks() / "dashboard_app.ipynb", site.folder / "dashboard_app.ipynb")
    made(300).assign(other=NUMBER).to_csv(site.folder / "sent.csv", index=False)
    pd.DataFrame({"phone": [NUMBER]}).to_csv(site.folder / "unsent.csv", index=False)
    page = site.browser.new_page(viewport={"width": 1300, "height": 1500})
    page.goto(site.address("dashboard_app.ipynb"))
    page.wait_for_selector("button:has-text('send the sample')", timeout=60_000)
    yield page
    page.close()


def test_the_sample_is_sent_and_looked_into(app):
    """One click sends the sample to the sandbox; the dashboard is live: choices filter, reset brings all back."""
    app.click("button:has-text('send the sample')")
    app.wait_for_selector(ROOT, timeout=60_000)
    wait_for_total(app, 2400)
    assert "sandbox" in app.locator(ROOT).inner_text()
    with another_total(app):
        app.click(part("tile", "Failure"))
    shot(app, "dashboard-voila")
    with another_total(app):
        app.click(part("bar", "13005"))
    app.click(RESET)
    wait_for_total(app, 2400)


def test_a_sent_file_is_uploaded_or_named(app, site_of):
    """An uploaded file and the path of one give their dashboard; what is no sent file is refused in words; numbers stay masked."""
    folder = site_of("voila").folder
    with app.expect_file_chooser() as chooser:
        app.click("button:has-text('Upload a sent file')")
    chooser.value.set_files(folder / "sent.csv")
    app.wait_for_selector(ROOT, timeout=30_000)
    wait_for_total(app, 300)
    assert NUMBER not in app.content()
    with another_total(app):
        app.click(part("tile", "Failure"))
    assert total(app) < 100
    path = app.locator("input[type=text]").first
    path.fill("unsent.csv")
    path.press("Enter")
    app.wait_for_selector("text=The frame carries no results")
    path.fill("sent.csv")
    path.press("Enter")
    wait_for_total(app, 300)
    assert not re.search("model not found", app.content())
