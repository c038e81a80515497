"""What is left of a run's panel where its page goes away: reloaded, opened twice, cut off, saved, converted, without a kernel."""

import os
import signal

import pytest

from tests.support.jupyter import (
    RUN,
    STOP,
    SUMMARY,
    output,
    people,
    save,
    shot,
    wait_until_heard,
    wait_until_loaded,
)
from tests.support.panel import ERROR, LIVE, MANY, STILL, done_of, shown, start


@pytest.fixture(autouse=True)
def _replies(gateway):
    """Whatever a test holds back is let go at its end."""
    yield
    gateway.release()


def test_after_a_reload_the_panel_of_start_is_live_and_ends(lab, gateway):
    """A page that was reloaded meanwhile shows the run live, with its Stop, and then its end: nothing goes blank."""
    cells = [people(MANY), start("reload", ", max_rate=200")]
    with lab.ran("reload.ipynb", cells) as page:
        page.wait_for_selector(LIVE, timeout=60_000)
        save(page)
        page.reload()
        wait_until_loaded(page)
        page.wait_for_selector(LIVE, timeout=30_000)
        assert ERROR not in shown(page)
        page.click(STOP)
        page.wait_for_selector(f'{RUN}[data-state="stopped"]', timeout=30_000)
        assert "stopped by you" in page.locator(RUN).inner_text()
        assert "Not live" not in shown(page)
        shot(page, "reload-stopped")
        page.reload()
        wait_until_loaded(page)
        page.wait_for_selector(f'{RUN}[data-state="stopped"]', timeout=30_000)
        assert "Not live" not in shown(page)
        assert ERROR not in shown(page)


def test_after_a_reload_a_blocking_send_shows_a_still_picture_and_then_its_end(lab, gateway):
    """A kernel that a cell blocks cannot answer the page: it shows the run as saved, says so, and ends in the summary."""
    cells = [people(400), start("blocking").replace("run = people.nxsms.start", "sent = people.nxsms.send")]
    gateway.hold()
    with lab.ran("blocking.ipynb", cells) as page:
        page.wait_for_selector(STILL, state="attached", timeout=30_000)
        save(page)
        page.reload()
        wait_until_loaded(page, ready=False)
        page.wait_for_selector(STILL, timeout=30_000)
        shot(page, "reload-blocking")
        assert "Not live: this is the run as of" in shown(page)
        assert ERROR not in shown(page)
        wait_until_heard(page)
        gateway.release()
        page.wait_for_selector(f'{RUN}[data-state="finished"]', timeout=60_000)
        assert done_of(page, RUN) == 400
        page.wait_for_selector(STILL, state="hidden")
        shot(page, "reload-blocking-finished")


def test_a_second_tab_shows_the_run_and_stops_it(lab, gateway):
    """Two tabs on one kernel: both are live, Stop in the second ends the run, and each shows the end."""
    cells = [people(MANY), start("tabs", ", max_rate=200")]
    with lab.ran("tabs.ipynb", cells) as first:
        first.wait_for_selector(LIVE, timeout=60_000)
        save(first)
        with lab.opened("tabs.ipynb") as second:
            second.wait_for_selector(LIVE, timeout=30_000)
            second.click(STOP)
            second.wait_for_selector(f'{RUN}[data-state="stopped"]', timeout=30_000)
            first.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=30_000)
            assert done_of(first, SUMMARY) == done_of(second, RUN)


def test_a_connection_that_was_cut_is_resumed(lab, gateway):
    """After the page has connected to its kernel anew, the panel is live and ends in the summary."""
    cells = [people(MANY), start("cut", ", max_rate=200")]
    with lab.ran("cut.ipynb", cells) as page:
        page.wait_for_selector(LIVE, timeout=60_000)
        page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect() }"
        )
        before = done_of(page, RUN)
        page.wait_for_function(
            "([root, before]) => parseInt(document.querySelector(root).innerText.match(/([\\d,]+) of/)[1].replace(',', '')) > before",
            arg=[RUN, before],
            timeout=30_000,
        )
        page.click(STOP)
        page.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=30_000)


def test_a_kernel_that_died_is_not_live(lab, gateway):
    """When nothing is heard any more, the panel says so and offers no Stop; the journal has the outcome of the rows."""
    cells = [people(MANY), "import os; print('pid', os.getpid())", start("death", ", max_rate=200")]
    with lab.ran("death.ipynb", cells) as page:
        page.wait_for_selector(LIVE, timeout=60_000)
        os.kill(int(output(page, 1, "pid").split()[1]), signal.SIGKILL)
        page.wait_for_selector(f'{RUN}[data-live="no"], {STILL}', timeout=30_000)
        shot(page, "kernel-death")
        text = shown(page)
        assert "Not live: " in text
        assert "df.nxsms.recorded(client, campaign='death')" in text
        assert page.locator(STOP).count() == 0 or page.locator(STOP).is_disabled()
