"""What the tests of the dashboard in a browser share."""

import json
from contextlib import contextmanager

ROOT = '[data-nxsms="dashboard"]'
STATIC = '[data-nxsms="dashboard-static"]'
ROWS = '[data-nxsms="rows"]'
RESET = '[data-nxsms="reset"]'
EVIL = "<img src=x onerror='document.title=1'>"
FRAME = f"""
import numpy as np, pandas as pd, nxsms_nb as nx
from nxsms_nb.results import columns
rng = np.random.default_rng(7)
n = 3000
status = rng.choice(6, n, p=[.75, .15, .04, .03, .02, .01])
sender = rng.choice(["Shop", "Bank"], n)
status[(sender == "Bank") & (rng.random(n) < .3) & (status == 0)] = 1
sent = pd.DataFrame({{
    "phone": [f"86150{{i:08d}}" for i in range(n)],
    "content": rng.choice(["Hi, your parcel is here", "您的包裹已到达", "x" * 200], n),
    "sender": sender, "amount": rng.gamma(2, 50, n).round(2), "tags": [["a"]] * n,
    "variant": rng.choice(["A", "B"], n),
    {EVIL!r}: rng.choice([{EVIL!r}, "plain"], n),
    "messageid": [f"n{{i}}" for i in range(n)], "status": pd.Categorical.from_codes(status, dtype=columns.STATUS),
    "code": pd.array(np.where(status == 1, rng.choice([13005, 13007], n, p=[.7, .3]), 0), dtype="Int64"),
    "reason": {EVIL!r}, "batch": np.arange(n) // 200 + 1, "attempts": 1,
    "sent_at": pd.Timestamp("2026-03-03 14:02", tz="UTC") + pd.to_timedelta(np.arange(n) * 20, unit="ms"),
    "latency_ms": rng.gamma(4, 25, n).round(3),
}})
sent.loc[status > 1, "code"] = pd.NA
"""
"""A cell that makes a sent frame; some of its texts are HTML, of a column and of cells."""


def part(name, value=None):
    """What finds a part of the dashboard."""
    return f'[data-nxsms="{name}"]' + ("" if value is None else f'[data-value="{value}"]')


def total(page):
    """How many rows the table has."""
    return int(page.locator(ROWS).get_attribute("data-total"))


@contextmanager
def another_total(page):
    """Wait after an act until the table has another number of rows."""
    before = total(page)
    yield
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).dataset.total !== before",
        arg=[ROWS, str(before)],
        timeout=20_000,
    )


def wait_for_total(page, rows):
    """Wait until the table has so many rows."""
    page.wait_for_selector(f'{ROWS}[data-total="{rows}"]', timeout=20_000)


def drag(page, which, first, last):
    """Drag over a picture, from one share of its width to another."""
    box = page.locator(part("range", which)).bounding_box()
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + (first + last) / 2 * box["width"], height)
    page.mouse.move(box["x"] + last * box["width"], height)
    page.mouse.up()


def answer(page, code):
    """What a line of Python gives in the notebook's kernel, as JSON."""
    text = page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            let said = "";
            const future = kernel.requestExecute({code, store_history: false});
            future.onIOPub = message => {
                if (message.header.msg_type === "stream") said += message.content.text;
                if (message.header.msg_type === "error") said += message.content.traceback.join("");
            };
            await future.done;
            return said;
        }""",
        f"import json; print(json.dumps({code}))",
    )
    return json.loads(text)
