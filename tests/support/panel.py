"""What the tests of a run's panel share."""

import re

from tests.support.jupyter import RUN

LIVE = f'{RUN}[data-state="running"][data-live="yes"]'
STILL = '[data-nxsms="run-still"]'
ERROR = "model not found"
MANY = 30_000
"""Rows that at 200 a second last longer than a busy machine takes to load a page again."""


def start(campaign, options=""):
    return f"run = people.nxsms.start(client, campaign={campaign!r}, batch_size=50{options})"


def shown(page):
    return page.locator(".jp-Notebook").inner_text()


def done_of(page, root):
    """How many messages the panel says are settled."""
    return int(re.search(r"([\d,]+) of [\d,]+ messages", page.locator(root).inner_text())[1].replace(",", ""))
