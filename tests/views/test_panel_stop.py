"""The panel's Stop, in a real browser: the three ways to send, and the gateway's ledger afterwards.

``python -m tests.support.stop_on PYTHON`` tries it with the kernel of another environment.
"""

import os
import sys

import pytest

from tests.support.jupyter import (
    RUN,
    RUN_CELL,
    STOP,
    SUMMARY,
    click_stop,
    interrupts_of,
    output,
    people,
    run_cell,
    shot,
)

RATE = 20
LIMITS = f"max_rate={RATE}, batch_size=5"
WAYS = {
    "start": "run = people.nxsms.start(client, campaign={!r}, {})",
    "send": "sent = people.nxsms.send(client, campaign={!r}, {})",
    "asend": "sent = await people.nxsms.asend(client, campaign={!r}, {})",
}


def count_of(page, words):
    """A count on the panel or in the summary that has taken its place."""
    (found,) = page.locator(f"{SUMMARY} div:has(> div:text-is('{words}')) > div:first-child").all_inner_texts()
    return int(found.replace(",", ""))


@pytest.mark.parametrize("app", ["lab", "notebook"])
@pytest.mark.parametrize("way", WAYS)
def test_stop_stops_and_nothing_leaves_afterwards(site_of, gateway, record_property, app, way):
    """A click ends the run within a second; what the panel says was accepted is what the gateway has, then and later."""
    campaign, before = f"{way} in {app}", len(gateway.ledger)
    cells = [
        people(5000),
        WAYS[way].format(campaign, LIMITS),
        f"print((people.nxsms.recorded(client, campaign={campaign!r})['status'] == 'Success').sum(), 'in the journal')",
    ]
    with site_of(app).opened(f"{way}.ipynb", cells) as page:
        run_cell(page, 0)
        page.evaluate(RUN_CELL, 1)
        page.wait_for_selector(RUN, timeout=60_000)
        assert gateway.wait_for(effects=before + RATE)
        interrupts = interrupts_of(page)
        clicked_at = len(gateway.ledger)
        took = click_stop(page)
        page.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=20_000)
        stopped_at = len(gateway.ledger)
        shot(page, f"stopped-{way}-{app}")
        record_property("stop_ms", round(took))
        sys.stdout.write(f"{way} in {app}: stopped {took:.0f} ms after the click\n")
        if os.environ.get("NXSMS_STRICT"):
            assert took < 1000
            assert stopped_at - clicked_at <= 2 * RATE, "about a second's worth of messages"
        assert count_of(page, "accepted") == stopped_at - before
        assert count_of(page, "not sent") == 5000 - (stopped_at - before)
        assert page.locator(STOP).count() == 0
        run_cell(page, 2)
        assert f"{stopped_at - before} in the journal" in output(page, 2, "in the journal")
        assert len(gateway.ledger) == stopped_at, "the ledger stands still"
        if way == "start":
            assert not interrupts
        if way == "send":
            assert len(interrupts) <= 1
