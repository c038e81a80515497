"""Stop strikes no cell but the run's own, in a real browser."""

import os

from tests.support.jupyter import RAN, RUN, STOP, SUMMARY, interrupts_of, output, people, prompt, shot

LIMITS = "max_rate=20, batch_size=5"
BLOCK = """
import os, select
pipe = os.open("go", os.O_RDONLY | os.O_NONBLOCK)
print("it", "waits", flush=True)
select.select([pipe], [], [])  # until somebody writes to it
print(os.read(pipe, 99).decode())"""


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


def test_start_is_never_interrupted(lab, gateway):
    """While another cell keeps the kernel busy, Stop of `start` is a message and says so; that cell is left alone."""
    make_pipe(lab)
    cells = [people(5000), f"run = people.nxsms.start(client, campaign='blocked', {LIMITS})", BLOCK]
    with lab.ran("blocked.ipynb", cells) as page:
        page.wait_for_selector(RUN, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        output(page, 2, "it waits")
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
    sending = f"people.nxsms.asend(client, campaign='task', {LIMITS})"
    cells = [people(5000), f"import asyncio\ntask = asyncio.ensure_future({sending})\nawait asyncio.sleep(1)", BLOCK]
    with lab.ran("task.ipynb", cells) as page:
        page.wait_for_selector(RUN, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        output(page, 2, "it waits")
        interrupts = interrupts_of(page)
        page.click(STOP)
        wait_until_answered(page)
        let_go(lab)
        page.wait_for_selector(f'{SUMMARY}[data-state="stopped"]', timeout=20_000)
        page.wait_for_selector("text=this cell was left alone", timeout=20_000)
        assert not interrupts
