"""The widgets in Chinese, in a real browser: nothing that a person reads or hears stays English."""

import re

from tests.support.jupyter import RUN, STOP, SUMMARY, shot
from tests.support.words import CHINESE, english_of
from tests.views.test_compose_browser import COMPOSE, PREVIEW, TEMPLATE

SPOKEN = """root => {
    const node = document.querySelector(root);
    const names = ['title', 'aria-label', 'aria-valuetext', 'placeholder', 'alt'];
    const said = [...node.querySelectorAll('*')].flatMap(one => names.map(name => one.getAttribute(name)).filter(Boolean));
    return [node.innerText, ...said].join(' ');
}"""
CELLS = [
    """
import nxsms_nb as nx, pandas as pd
sandbox = nx.Sandbox(seed=7, failures="realistic", hourly_limit=None)
people = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(3000)], "content": [f"Hi {n}" for n in range(3000)]})
nx.options.language = 'zh'
""",
    "run = people.nxsms.start(sandbox.client, max_rate=100)",
]


def left(page, root):
    """The English words that a person would meet below a root."""
    said = page.evaluate(SPOKEN, root)
    assert CHINESE.search(said)
    return english_of(said)


def test_the_panel_of_a_run_is_chinese(lab):
    """While it runs, while it stops, and in the summary that stays."""
    with lab.ran("chinese-run.ipynb", CELLS) as page:
        page.wait_for_function("() => document.querySelector('[data-nxsms=\"run\"] td')", timeout=60_000)
        assert not left(page, RUN)
        shot(page, "chinese-running")
        page.click(STOP)
        page.wait_for_selector(SUMMARY, timeout=30_000)
        assert not left(page, SUMMARY)
        shot(page, "chinese-stopped")


def test_compose_is_chinese(lab):
    """Labels, sizes, problems with what to do, what costs, and a template's errors."""
    cells = [CELLS[0] + "\npeople.loc[5, 'phone'] = '1'", "people.nxsms.compose(sandbox.client, prices={'CN': 0.0065})"]
    with lab.ran("chinese-compose.ipynb", cells) as page:
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.fill(TEMPLATE, "长" * 66 + "’ {phone} '")
        page.wait_for_selector(PREVIEW)
        page.wait_for_function("() => document.querySelectorAll('[data-nxsms=\"problems\"] li').length", timeout=30_000)
        shot(page, "chinese-compose")
        own = "phone|content|phone_length|render|df|nxsms|sent|client|send|length"
        assert not [word for word in left(page, COMPOSE) if not re.fullmatch(own, word)]
        page.fill(TEMPLATE, "{")
        page.wait_for_selector(f"{TEMPLATE}[aria-invalid=true]")
        assert not [word for word in left(page, COMPOSE) if not re.fullmatch(own, word)]
