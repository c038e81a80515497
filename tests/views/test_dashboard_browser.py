"""The dashboard in a browser: every part of it clicked, dragged, typed in and reached by keys; what is saved of it."""

import csv
import io
import re

import pytest

from tests.support.dashboard import (
    EVIL,
    FRAME,
    RESET,
    ROOT,
    ROWS,
    STATIC,
    another_total,
    answer,
    drag,
    part,
    total,
    wait_for_total,
)
from tests.support.jupyter import RAN, save, shot, shut_down
from tests.views.test_panel_looks import CHANGE_THEME, CONTRASTS, THEMES

CELLS = [FRAME, "dashboard = sent.nxsms.dashboard()\ndashboard"]
SAME = "dashboard.selection.equals(eval(dashboard.code))"


@pytest.fixture(name="page", scope="module")
def _page(lab):
    """A notebook that shows a dashboard of 3,000 rows."""
    with lab.ran("dashboard.ipynb", CELLS, size=(1300, 1900)) as page:
        page.wait_for_selector(ROOT, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        yield page


@pytest.fixture(autouse=True)
def _all_rows(request):
    """Each test begins with all rows."""
    if "page" in request.fixturenames:
        page = request.getfixturevalue("page")
        page.click(RESET)
        wait_for_total(page, 3000)


def chosen(page):
    """The number of chosen rows in the kernel, whose line gives the same."""
    rows, same = answer(page, f"[len(dashboard.selection), bool({SAME})]")
    assert same
    return rows


def test_tiles_and_bars_filter(page):
    """A click on a status, then on a code: the table has their rows, with what the code means; reset brings all back."""
    with another_total(page):
        page.click(part("tile", "Failure"))
    failed = answer(page, "int((sent['status'] == 'Failure').sum())")
    assert total(page) == failed == chosen(page)
    assert page.locator(part("tile", "Failure")).get_attribute("aria-pressed") == "true"
    with another_total(page):
        page.click(part("bar", "13005"))
    assert total(page) == answer(page, "int((sent['code'] == 13005).sum())") == chosen(page)
    assert "incorrect phone number: " in page.locator(".nxsms-dash-about").inner_text()
    assert page.locator(f"{ROWS} tbody tr").count() == 10
    shot(page, "dashboard-chosen")
    page.click(RESET)
    wait_for_total(page, 3000)
    assert chosen(page) == 3000


def test_a_range_of_time_is_dragged(page):
    """Dragging over the pictures of time and latency filters; a click on one column takes that, and again takes it back."""
    with another_total(page):
        drag(page, "time", 0.2, 0.5)
    assert 700 < total(page) == chosen(page) < 1200
    with another_total(page):
        drag(page, "latency", 0.1, 0.3)
    assert total(page) == chosen(page)
    assert page.locator(part("chip")).count() == 2
    with another_total(page):
        page.locator(part("range", "latency")).focus()
        page.keyboard.press("Escape")
    assert page.locator(part("chip")).count() == 1


def test_groups_cells_and_chips(page):
    """A group and a cell of the map filter; chips name the filters and remove them."""
    page.select_option(".nxsms-dash-groups select", label="sender")
    page.wait_for_selector(part("group", "Bank"))
    with another_total(page):
        page.click(part("group", "Bank"))
    assert total(page) == answer(page, "int((sent['sender'] == 'Bank').sum())") == chosen(page)
    page.select_option(".nxsms-dash-map select >> nth=0", label="variant")
    page.select_option(".nxsms-dash-map select >> nth=1", label="sender")
    page.wait_for_selector(part("cell", "A × Bank"))
    with another_total(page):
        page.click(part("cell", "A × Bank"))
    assert page.locator(part("chip")).all_text_contents() == ["sender: Bank×", "variant: A×"]
    assert (
        total(page)
        == answer(page, "int(((sent['sender'] == 'Bank') & (sent['variant'] == 'A')).sum())")
        == chosen(page)
    )
    with another_total(page):
        page.click(f"{part('chip')} >> nth=0")
    assert page.locator(part("chip")).all_text_contents() == ["variant: A×"]


def test_what_goes_with_failure_and_the_experiment(page):
    """Both are worked out when asked for; a finding's rows are a click away."""
    page.click(part("find"))
    page.wait_for_selector(part("driver", "Bank"), timeout=60_000)
    assert "of all 3,000 rows" in page.locator(".nxsms-dash-found").inner_text()
    with another_total(page):
        page.click(part("driver", "Bank"))
    assert total(page) == answer(page, "int((sent['sender'] == 'Bank').sum())") == chosen(page)
    page.click(part("compare"))
    page.wait_for_selector(".nxsms-dash-arms td")
    assert "of the 1," in page.locator(".nxsms-dash-experiment").inner_text()


def test_rows_are_paged_sorted_searched_and_exported(page):
    """The table turns pages, sorts and searches in the kernel; the file has all chosen rows, masked."""
    first = page.locator(f"{ROWS} tbody tr").first
    before = first.inner_text()
    page.click(part("next"))
    page.wait_for_selector("text=11–20 of 3,000 rows")
    assert first.inner_text() != before
    amounts = page.locator(f"{ROWS} tbody tr td:nth-child(4)")
    page.click(f"{ROWS} th:nth-child(4) button")
    page.wait_for_selector(f'{ROWS} th[aria-sort="ascending"]')
    shown = [float(text) for text in amounts.all_inner_texts()]
    assert shown == sorted(shown)
    page.click(f"{ROWS} th:nth-child(4) button")
    page.wait_for_selector(f'{ROWS} th[aria-sort="descending"]')
    assert float(amounts.first.inner_text()) == answer(page, "float(sent['amount'].max())")
    with another_total(page):
        page.fill(part("search"), "861500000012")
    assert total(page) == answer(page, "int(sent['phone'].str.contains('861500000012').sum())") == 10
    assert page.locator(ROWS).inner_text().count("861••••••••2") == 10
    page.fill(part("search"), "")
    page.keyboard.press("Enter")
    wait_for_total(page, 3000)
    with another_total(page):
        page.click(part("tile", "Unknown"))
    with page.expect_download() as download:
        page.click(part("export"))
    text = download.value.path().read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == total(page)
    assert not re.search(r"86150\d{8}", text)
    assert {line["status"] for line in lines} == {"Unknown"}


def test_everything_is_done_by_keys(page):
    """Each kind of control is reached with Tab, works with Enter, Space or arrows, shows its focus and has a name."""
    page.locator(RESET).focus()
    seen, named = [], []
    for _ in range(150):
        page.keyboard.press("Tab")
        kind, name, outline = page.evaluate(
            """() => {
                const node = document.activeElement;
                if (!node.closest('[data-nxsms="dashboard"]')) return [null, null, null];
                const name = node.getAttribute('aria-label') || node.textContent.trim() || node.closest('label')?.textContent;
                return [node.dataset.nxsms || node.tagName, name, getComputedStyle(node).outlineStyle];
            }"""
        )
        if kind is None:
            break
        seen.append(kind)
        named.append((name, outline))
    assert {"tile", "bar", "range", "group", "cell", "find", "compare", "search", "export", "next"} <= {*seen}
    assert seen.count("cell") == 1, "the map is one stop"
    assert all(name and outline != "none" for name, outline in named)
    for selector, keys in (
        (part("tile", "Failure"), ["Enter"]),
        (f"{part('bar')} >> nth=0", ["Space"]),
        (part("range", "time"), ["ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+End", "Enter"]),
        (f"{part('group')} >> nth=0", ["Enter"]),
    ):
        with another_total(page):
            page.locator(selector).focus()
            for key in keys:
                page.keyboard.press(key)
        chosen(page)
    page.locator(f'{part("cell")}[tabindex="0"]').focus()
    place = page.evaluate("() => document.activeElement.dataset.value")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.dataset.value") != place
    for _ in range(page.locator(part("chip")).count()):
        page.locator(part("chip")).first.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => !document.querySelector('[data-nxsms=dashboard]').ariaBusy")
    wait_for_total(page, 3000)
    said = page.locator(f"{ROOT} [aria-live]").text_content()
    assert said == "3,000 rows"


def test_columns_of_the_table_are_chosen(lab):
    """Of a frame with 300 columns the table says how many it shows; any other is found by name and shown, searched and hidden."""
    wide = f"{FRAME}\nsent = sent[:1000].assign(**{{f'fact {{place}}': f'value {{place}}' for place in range(294)}})"
    with lab.ran("wide.ipynb", [wide, "sent.nxsms.dashboard()"], size=(1300, 1900)) as page:
        choose = page.locator(part("columns"))
        choose.wait_for(timeout=60_000)
        heads = page.locator(f"{ROWS} th")
        assert choose.inner_text() == "Columns: 8 of 303"
        shown = heads.count()
        assert f"fact {0}" in heads.all_inner_texts()
        assert "fact 292" not in heads.all_inner_texts()
        choose.click()
        page.keyboard.type("FACT 292")
        page.wait_for_function("() => document.querySelectorAll('[data-nxsms=column]:not([hidden])').length === 1")
        assert page.locator(part("column", "fact 292")).bounding_box()["height"] > 15
        area, one = (
            page.locator(one).bounding_box() for one in (f"{part('columns')} + div", part("column", "fact 292"))
        )
        assert area["y"] < one["y"] < one["y"] + one["height"] <= area["y"] + area["height"], "it can be seen"
        shot(page, "dashboard-columns")
        page.click(part("column", "fact 292"))
        page.wait_for_function(
            "([rows, shown]) => document.querySelectorAll(`${rows} th`).length === shown", arg=[ROWS, shown + 1]
        )
        assert choose.inner_text() == "Columns: 9 of 303"
        assert heads.all_inner_texts()[8] == "fact 292"
        page.keyboard.press("Escape")
        assert not page.locator(part("column", "fact 292")).is_visible()
        assert page.evaluate("() => document.activeElement.dataset.nxsms") == "columns"
        page.fill(part("search"), "value 292")
        wait_for_total(page, 1000)
        page.keyboard.press("Escape")
        page.wait_for_function("() => !document.querySelector('[data-nxsms=dashboard]').ariaBusy")
        choose.press("Enter")
        page.click(part("column", "fact 292"))
        page.wait_for_function(
            "([rows, shown]) => document.querySelectorAll(`${rows} th`).length === shown", arg=[ROWS, shown]
        )
        page.mouse.click(5, 5)
        assert not page.locator(part("column", "fact 292")).is_visible()


def test_one_row_is_a_row(lab):
    """Nothing is said of "1 rows", wherever a number of rows or columns stands."""
    cells = [FRAME, "sent[sent['status'] == 'Failure'][:1][['phone', *columns.DTYPES]].nxsms.dashboard()"]
    with lab.ran("one.ipynb", cells, size=(1300, 1900)) as page:
        page.wait_for_selector(ROOT, timeout=60_000)
        page.hover(part("range", "time"))
        said = page.locator(ROOT).inner_text() + page.locator(ROOT).evaluate(
            "root => [...root.querySelectorAll('[aria-label]')].map(node => node.ariaLabel).join(' ')"
        )
        assert "1–1 of 1 row" in said
        assert not re.findall(r"\b1 (?:rows|columns|values)", said)


def test_texts_of_the_frame_are_texts(page):
    """A column's name, a value, a reason: nothing of the frame is ever read as HTML, wherever it shows."""
    page.select_option(".nxsms-dash-groups select", label=EVIL)
    page.wait_for_selector(f"{part('group')} >> text=onerror")
    with another_total(page):
        page.locator(part("group")).filter(has_text="onerror").click()
    page.hover(f"{part('group')} >> nth=0")
    page.locator(".nxsms-dash-refused summary").click()
    shot(page, "dashboard-texts")
    assert page.locator(f"{ROOT} img").count() == 0
    assert page.locator(f"{STATIC} img").count() == 0
    assert EVIL in page.locator(ROOT).inner_text()
    assert page.title() != "1"
    assert chosen(page)


def test_hovering_shows_figures(page):
    """Tiles, bars, columns and cells tell their figures next to the pointer."""
    tip = page.locator(".nxsms-dash-tip")
    for selector, words in (
        (part("tile", "Success"), "rows, "),
        (f"{part('bar')} >> nth=0", "of the answered (95%"),
        (part("range", "time"), "a second"),
        (f"{part('group')} >> nth=0", "failed ("),
        (f"{part('cell')} >> nth=0", "failed ("),
    ):
        page.hover(selector)
        tip.filter(has_text=words).wait_for()


@pytest.mark.parametrize("theme", THEMES)
def test_it_keeps_its_size_and_is_legible(page, theme):
    """In light and dark every text stands out; its height stays the same through choices."""
    page.evaluate(CHANGE_THEME, THEMES[theme])
    page.mouse.move(0, 0)
    root = page.locator(ROOT)
    root.wait_for()
    height = root.bounding_box()["height"]
    for selector in (part("tile", "Failure"), f"{part('bar')} >> nth=0", part("tile", "Skipped"), RESET):
        with another_total(page):
            page.click(selector)
        assert root.bounding_box()["height"] == height
    page.mouse.move(0, 0)
    faint = [
        (round(ratio, 1), text)
        for ratio, text in root.evaluate(CONTRASTS)
        # Of the map's cells and the tooltip, which have a ground of their own, the page's colour says nothing.
        if ratio < 4.5 and text not in page.locator(part("cell")).all_inner_texts()
    ]
    assert not [one for one in faint if one[1] not in ("Copy", "Reset")]
    shot(page, f"dashboard-{theme}")
    page.evaluate(CHANGE_THEME, THEMES["light"])


def test_two_columns_where_there_is_room(page):
    """On a wide page pictures stand side by side, on a narrow one below, and nothing sticks out."""
    places = "nodes => nodes.map(node => Math.round(node.getBoundingClientRect().left))"
    assert len({*page.locator(".nxsms-dash-grid > *").evaluate_all(places)}) == 2
    page.set_viewport_size({"width": 560, "height": 1900})
    page.wait_for_function(
        "() => new Set([...document.querySelectorAll('.nxsms-dash-grid > *')]"
        ".map(node => node.getBoundingClientRect().left)).size === 1"
    )
    root = page.locator(ROOT)
    assert root.evaluate("node => node.scrollWidth - node.clientWidth") == 0
    shot(page, "dashboard-narrow")
    page.set_viewport_size({"width": 1300, "height": 1900})


def test_it_lasts(lab):
    """It lives on after a reload, says when its kernel is gone, and leaves a picture to the saved notebook."""
    with lab.ran("lasting.ipynb", CELLS, size=(1300, 1900)) as page:
        page.wait_for_selector(ROOT, timeout=60_000)
        page.wait_for_function(RAN, arg=2, timeout=60_000)
        assert not page.locator(STATIC).is_visible()
        with another_total(page):
            page.click(part("tile", "Failure"))
        failed = total(page)
        page.wait_for_function(
            "() => document.querySelector('[data-nxsms=dashboard-static]').textContent.includes(' of 3,000 rows')"
        )
        save(page)
        page.reload()
        page.wait_for_selector(f'{ROWS}[data-total="{failed}"]', timeout=60_000)
        with another_total(page):
            page.click(part("bar", "13007"))
        shut_down(page)
        page.click(part("tile", "Failure"))
        page.wait_for_function(
            "() => /^The kernel is (gone|busy, or gone): /.test(document.querySelector('.nxsms-dash-status').textContent)"
        )
    kept = (lab.folder / "lasting.ipynb").read_text(encoding="utf-8")
    assert not re.search(r"86150\d{8}", kept)
    with lab.opened("lasting.ipynb", ready=False, size=(1300, 1900)) as page:
        page.wait_for_selector(STATIC)
        page.wait_for_function("() => document.body.textContent.includes('model not found')", timeout=30_000)
        shown = page.locator(".jp-Notebook").inner_text()
        assert "model not found" not in shown
        assert f"{failed:,} of 3,000 rows" in shown
        assert "13005 incorrect phone number" in shown
        shot(page, "dashboard-saved")
