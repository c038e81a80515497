"""The panel's Stop, in a real browser: the three ways to send, and the gateway's ledger afterwards.

``python -m tests.support.stop_on PYTHON`` tries it with the kernel of another environment.
"""

import os
import sys

import pytest

from tests.support.jupyter import (
    RAN,
    RUN,
    RUN_CELL,
    STOP,
    SUMMARY,
    click_stop,
    interrupts_of,
    output,
    people,
    prompt,
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
BLOCK = """
with open("go") as waiting:  # a pipe: until somebody writes to it
    print(waiting.read())"""


def count_of(page, words):
    """A count on the panel or in the summary that has taken its place."""
    (found,) = page.locator(f"{SUMMARY} div:has(> div:text-is('{words}')) > div:first-child").all_inner_texts()
    return int(found.replace(",", ""))


def make_pipe(site):
    """What the blocking cell waits for."""
    (site.folder / "go").unlink(missing_ok=True)
    os.mkfifo(site.folder / "go")


def let_go(site):
    """End the blocking cell."""
    # Without waiting for a reader: a cell that was interrupted is none.
    pipe = os.open(site.folder / "go", os.O_WRONLY | os.O_NONBLOCK)
    os.write(pipe, b"this cell was left alone")
    os.close(pipe)


def wait_until_answered(page):
    """A kernel that handles messages while a cell blocks stops the run; another cannot, and the panel says so."""
    said = page.locator(RUN).get_by_text("Stop takes effect when the kernel is free")
    said.or_(page.locator(SUMMARY)).wait_for(timeout=20_000)


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


def test_start_is_never_interrupted(lab, gateway):
    """While another cell keeps the kernel busy, Stop of `start` is a message and says so; that cell is left alone."""
    make_pipe(lab)
    cells = [people(5000), WAYS["start"].format("blocked", LIMITS), BLOCK]
    with lab.ran("blocked.ipynb", cells) as page:
        page.wait_for_selector(RUN, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        interrupts = interrupts_of(page)
        page.click(STOP)
        wait_until_answered(page)
        shot(page, "stop-while-blocked")
        assert prompt(page, 2) == "[*]:", "the other cell goes on"
        let_go(lab)
        page.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=20_000)
        page.wait_for_selector("text=this cell was left alone", timeout=20_000)
        assert not interrupts


def test_a_task_of_an_earlier_cell_is_not_interrupted(lab, gateway):
    """`asend` in a task outlives its cell; its Stop strikes no other cell, and takes effect when the kernel is free."""
    make_pipe(lab)
    sending = WAYS["asend"].format("task", LIMITS).removeprefix("sent = await ")
    cells = [people(5000), f"import asyncio\ntask = asyncio.ensure_future({sending})\nawait asyncio.sleep(1)", BLOCK]
    with lab.ran("task.ipynb", cells) as page:
        page.wait_for_selector(RUN, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        interrupts = interrupts_of(page)
        page.click(STOP)
        wait_until_answered(page)
        let_go(lab)
        page.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=20_000)
        page.wait_for_selector("text=this cell was left alone", timeout=20_000)
        assert not interrupts
