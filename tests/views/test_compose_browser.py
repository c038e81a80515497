"""Compose in JupyterLab: typed, clicked, copied, saved, reopened, in light and dark and in a narrow page."""

import json
import re

import pytest

from tests.support.jupyter import run_all, run_cell, save, shot, shut_down
from tests.views.test_panel_looks import CHANGE_THEME, CONTRASTS, THEMES

COMPOSE, TEMPLATE, PREVIEW = '[data-nxsms="compose"]', '[data-nxsms="template"]', '[data-nxsms="preview"]'
CODE, COPY, COLUMN, PLAIN = (
    '[data-nxsms="code"]',
    '[data-nxsms="copy"]',
    '[data-nxsms="column"]',
    '[data-nxsms="plain"]',
)
STATIC = '[data-nxsms="compose-static"]'
CELLS = [
    """
import nxsms_nb as nx, pandas as pd
sandbox = nx.Sandbox(seed=7)
df = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(ROWS)], "name": [None if n % 7 == 0 else f"Ann{n}" for n in range(ROWS)],
    "<i>x": "<img src=x onerror='document.title=1'>", "contact": [f"+49 151 {n:08d}" for n in range(ROWS)]})
df.loc[5, "phone"] = "123"
""",
    "composed = df.nxsms.compose(sandbox.client, campaign='spring', prices={'CN': 0.0065})\ncomposed",
    "print(len(sandbox.ledger), composed.template)",
]


def cells(rows=500):
    return [CELLS[0].replace("ROWS", str(rows)), *CELLS[1:]]


def ready(page):
    """Wait until what was typed last is shown whole."""
    page.wait_for_function(
        """root => { const node = document.querySelector(root);
            return node?.dataset.state === 'ready' && node.querySelector('[role=status].nxsms-small').textContent === '' }""",
        arg=COMPOSE,
        timeout=60_000,
    )


def figures(page):
    """The figures by their names."""
    nodes = page.locator('[data-nxsms="figures"] > div').all_inner_texts()
    return {name: number for number, name in (node.split("\n") for node in nodes)}


def test_a_text_is_typed_and_shown_and_its_lines_are_copied(lab):
    """Typing, inserting a column, an error beside the field, plain characters with a click, and the lines on the clipboard."""
    with lab.ran("typed.ipynb", cells()) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        assert not page.locator(CODE).is_visible()
        page.fill(TEMPLATE, "Hi ")
        page.locator(COLUMN, has_text="name").click()
        page.keyboard.type(" from  {nme}")
        page.wait_for_function(
            "() => document.querySelector('[data-nxsms=\"template-error\"]').textContent.includes('{name}?')"
        )
        assert page.get_attribute(TEMPLATE, "aria-invalid") == "true"
        assert page.locator(COPY).is_disabled()
        shot(page, "compose-error")
        page.fill(TEMPLATE, "Hi {name|there}, " + "x" * 60 + " it’s {<i>x}")
        page.wait_for_function(f"() => document.querySelectorAll('{PREVIEW} mark').length")
        ready(page)
        known = {"rows to send": "499", "recipients": "499", "segments to pay": "998", "cost": "6.487", "requests": "3"}
        assert figures(page) == known | {"invalid": "1"}
        assert "<img src=x" in page.locator(PREVIEW).first.inner_text()
        assert page.locator(f"{COMPOSE} img").count() == 0
        before = figures(page)["segments to pay"]
        page.click(PLAIN)
        page.wait_for_function(f"() => document.querySelector('{CODE}').textContent.includes('nx.plain')")
        ready(page)
        assert int(figures(page)["segments to pay"]) < int(before)
        page.click(COPY)
        page.wait_for_function(f"() => document.querySelector('{COPY}').textContent === 'Copied'")
        assert page.evaluate("() => navigator.clipboard.readText()") == page.locator(CODE).inner_text()
        run_cell(page, 2)
        assert "0 Hi {name|there}" in page.locator(".jp-CodeCell").nth(2).inner_text()


@pytest.mark.parametrize("theme", THEMES)
def test_it_is_legible_in_light_and_dark(lab, theme):
    """Every text stands out from the page."""
    with lab.opened(f"compose-{theme}.ipynb", cells()) as page:
        page.evaluate(CHANGE_THEME, THEMES[theme])
        run_all(page)
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.fill(TEMPLATE, "Hi {name|there}, " + "x" * 60 + " it’s {contact} …")
        page.wait_for_selector(f"{PREVIEW} mark")
        ready(page)
        shot(page, f"compose-{theme}")
        node = page.query_selector(COMPOSE)
        assert not [(round(ratio, 1), text) for ratio, text in node.evaluate(CONTRASTS) if ratio < 4.5]


def test_a_narrow_page_and_the_keyboard(lab):
    """In a phone's width nothing is cut off, and every control is reached and named without a mouse."""
    with lab.ran("narrow-compose.ipynb", cells(), size=(520, 1100)) as page:
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.fill(TEMPLATE, "Hi {name|there}, " + "x" * 60 + " it’s")
        page.wait_for_selector(f"{PREVIEW} mark")
        ready(page)
        assert (
            page.evaluate(
                "root => { const node = document.querySelector(root); return node.scrollWidth - node.clientWidth }",
                COMPOSE,
            )
            == 0
        )
        shot(page, "compose-narrow")
        page.focus(TEMPLATE)
        reached = []
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("() => document.activeElement.dataset.nxsms"))
        assert reached[:7] == ["column"] * 4 + ["plain", "code", "copy"]
        assert page.get_by_label("Text", exact=True).get_attribute("data-nxsms") == "template"
        assert page.get_by_role("button", name="Use plain characters").count() == 1


def test_a_saved_notebook_keeps_it_without_a_kernel(lab):
    """The text, real rows and the lines stay in the file, no number and no error stands there, and a reload goes on."""
    with lab.ran("kept.ipynb", cells()) as page:
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.fill(TEMPLATE, "Hi {name|there}, call {contact}")
        page.wait_for_selector(f"{PREVIEW} >> text=Hi there")
        ready(page)
        save(page)
        page.reload()
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.wait_for_function(f"() => document.querySelector('{TEMPLATE}').value.startsWith('Hi ')")
        ready(page)
        shut_down(page)
    saved = lab.read("kept.ipynb")
    kept = json.dumps([cell.get("outputs") for cell in saved.cells])
    assert "Hi {name|there}" in kept
    # A hint has an example of a number.
    assert not re.search(r"86150(?!88888888)\d{8}|\+49 151 \d{8}", kept)
    with lab.opened("kept.ipynb", ready=False) as page:
        page.wait_for_selector(STATIC, timeout=60_000)
        assert "Hi there, call" in page.locator(STATIC).inner_text()
        assert "not found" not in page.locator(".jp-Notebook").inner_text()
        shot(page, "compose-saved")


def test_a_hundred_thousand_rows_are_shown_as_typed(lab):
    """Each state of the text that a person pauses at is worked out on every row, and the last one stays."""
    with lab.ran("many.ipynb", cells(100_000)) as page:
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.locator(TEMPLATE).press_sequentially("Hi {name|there}, it is {contact}", delay=20)
        page.wait_for_selector(f"{PREVIEW} >> text=it is")
        ready(page)
        assert figures(page)["rows to send"] == "99,999"


def test_a_busy_kernel_is_named(lab):
    """While a cell keeps the kernel, the page says why nothing changes, and catches up."""
    busy = [*cells()[:2], "import time; began = True\nwhile began: time.sleep(.05)"]
    with lab.opened("busy.ipynb", busy) as page:
        run_cell(page, 0)
        run_cell(page, 1)
        page.wait_for_selector(TEMPLATE, timeout=60_000)
        page.evaluate(
            "n => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n; window.jupyterapp.commands.execute('notebook:run-cell') }",
            2,
        )
        page.fill(TEMPLATE, "Hi")
        page.wait_for_selector("text=The kernel is busy with a cell.", timeout=30_000)
        page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt() }"
        )
        page.wait_for_selector(f"{PREVIEW} >> text=Hi", timeout=30_000)
