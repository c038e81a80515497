"""The widgets in Chinese, in a real browser: nothing that a person reads or hears stays English."""

import re

import pytest

from tests.support.dashboard import FRAME, RESET, ROOT, another_total, drag, part, wait_for_total
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


DASHBOARD = f"""
{FRAME}
nx.options.language = 'zh'
sent = sent.rename(columns={{"sender": "发送方", "amount": "金额", "tags": "标签", "variant": "实验", sent.columns[6]: "编号"}})
sent["content"] = sent["content"].map({{"Hi, your parcel is here": "包裹"}}).fillna("您的包裹" * 40)
sent["发送方"] = sent["发送方"].map({{"Shop": "商店", "Bank": "银行"}})
sent["实验"] = sent["实验"].map({{"A": "甲", "B": "乙"}})
sent["标签"] = [["甲"]] * len(sent)
sent["编号"] = np.arange(len(sent)).astype(str)
sent["reason"] = np.where(sent["status"] == "Invalid", "phone_empty", None)
sent = sent.assign(variant=sent["实验"], dr_status=pd.array(rng.choice([2, 5, 1], len(sent)), dtype="Int64"))
for place in range(20):
    sent[f"另一列 {{place}}"] = rng.choice(["一", "二", None], len(sent))
"""
OWN = "CN|Failure|attempts|phone|content|variant|sent|nxsms|select|status|code|isin|pd|Interval|Timestamp|at|latency|ms|closed|left|dr|messageid|batch|empty|tz"


@pytest.mark.parametrize("width", [1300, 560])
def test_the_dashboard_is_chinese(lab, width):
    """Every part of it, whatever is chosen, found, compared, sorted or searched for; and nothing sticks out."""
    with lab.ran(f"chinese-dashboard-{width}.ipynb", [DASHBOARD, "sent.nxsms.dashboard()"], size=(width, 2400)) as page:
        page.wait_for_selector(ROOT, timeout=60_000)

        def english():
            node = page.locator(ROOT)
            assert node.evaluate("node => node.scrollWidth - node.clientWidth") == 0
            return {word for word in left(page, ROOT) if not re.fullmatch(OWN, word)}

        assert not english()
        shot(page, f"chinese-dashboard-{width}")
        select = ".nxsms-dash-groups select"
        for name in page.locator(f"{select} option").all_inner_texts()[:14]:
            page.select_option(select, label=name)
            page.wait_for_function("() => !document.querySelector('[data-nxsms=dashboard]').ariaBusy")
            assert not english(), name
            page.hover(f"{part('group')} >> nth=0")
            assert not english(), name
        page.locator(".nxsms-dash-refused summary").click()
        for selector in (part("tile", "Failure"), f"{part('bar')} >> nth=0"):
            with another_total(page):
                page.click(selector)
            page.hover(selector)
            assert not english(), selector
        for which in ("time", "latency"):
            with another_total(page):
                drag(page, which, 0.1, 0.6)
            assert not english(), which
        page.click(RESET)
        wait_for_total(page, 3000)
        page.click(part("find"))
        page.wait_for_selector(part("driver"), timeout=60_000)
        page.hover(f"{part('driver')} >> nth=0")
        assert not english()
        page.click(part("compare"))
        page.wait_for_selector(".nxsms-dash-arms td", timeout=60_000)
        with another_total(page):
            page.click(f"{part('driver')} >> nth=0")
        page.click(part("columns"))
        assert not english()
        shot(page, f"chinese-dashboard-chosen-{width}")
        page.keyboard.press("Escape")
        page.fill(part("search"), "没有")
        wait_for_total(page, 0)
        assert not english()
