"""Compose as a page of Voila, which shows a notebook's outputs when all its cells have run."""

import re

from tests.support.jupyter import shot
from tests.views.test_compose_browser import COMPOSE, PREVIEW, STATIC, TEMPLATE, cells, figures, ready

TEXT = "Hi {name|there}, call {contact}"


def test_it_is_live_in_voila(site_of):
    """The text that was given has its rows and figures; what is typed is worked out; no number and no error is on the page."""
    site = site_of("voila")
    first, _, last = cells()
    site.write(
        "compose.ipynb", [first, f"composed = df.nxsms.compose(sandbox.client, template={TEXT!r})\ncomposed", last]
    )
    page = site.browser.new_page(viewport={"width": 1000, "height": 1000})
    try:
        page.goto(site.address("compose.ipynb"))
        page.wait_for_selector(f"{PREVIEW} >> text=Hi there", timeout=90_000)
        ready(page)
        assert figures(page)["rows to send"] == "499"
        assert page.locator(TEMPLATE).input_value() == TEXT
        assert not page.locator(STATIC).is_visible()
        shot(page, "compose-voila")
        page.fill(TEMPLATE, "Dear {name|customer}")
        page.wait_for_selector(f"{PREVIEW} >> text=Dear customer")
        ready(page)
        assert page.locator(COMPOSE).count() == 1
        shown = page.content()
    finally:
        page.close()
    assert "not found" not in shown
    # A hint has an example of a number.
    assert not re.search(r"86150(?!88888888)\d{8}|\+49 151 \d{8}", shown)
