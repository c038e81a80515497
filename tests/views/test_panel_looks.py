"""How a run's panel looks: it keeps its size, is legible in light and dark, shows texts as texts, and works in Voila."""

from contextlib import contextmanager

import pytest

from tests.support.jupyter import RUN, STOP, SUMMARY, interrupts_of, people, shot
from tests.support.panel import MANY

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
CHANGE_THEME = "async theme => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme}) }"
SIZES = """() => {
    window.sizes = new Set();
    const look = () => {
        const node = document.querySelector('[data-nxsms="run"], [data-nxsms="run-summary"]');
        if (node?.checkVisibility()) {
            const box = node.getBoundingClientRect();
            window.sizes.add(`${Math.round(box.width)}x${Math.round(box.height)}`);
        }
        requestAnimationFrame(look);
    };
    look();
}"""
CONTRASTS = """root => {
    const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const seen = colour => {
        paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
        return [...paint.getImageData(0, 0, 1, 1).data];
    };
    const light = rgb => rgb.map(part => part / 255).map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
    const page = seen(getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')).slice(0, 3);
    return [...root.querySelectorAll('*')].filter(node => [...node.childNodes].some(child => child.nodeType === 3 &&
        child.textContent.trim() && child.textContent.trim() !== '●') && !node.disabled).map(node => {
        let [red, green, blue, alpha] = seen(getComputedStyle(node).color);
        for (let up = node; up !== root; up = up.parentElement) alpha *= getComputedStyle(up).opacity;
        const mixed = [red, green, blue].map((part, place) => part * alpha / 255 + page[place] * (1 - alpha / 255));
        const [high, low] = [light(mixed), light(page)].sort((a, b) => b - a);
        return [(high + .05) / (low + .05), node.textContent];
    });
}"""
ROWS = 3000


@pytest.fixture(name="busy")
def _busy(gateway):
    """Let the gateway refuse some rows, and find out when it has had a third of them: it holds its replies then."""
    before = len(gateway.ledger)

    @contextmanager
    def a_third():
        assert gateway.wait_for(effects=before + ROWS // 3, timeout=60)
        gateway.hold()
        yield
        gateway.release()

    gateway.change(failures="realistic", latency=0.05, tps=900)
    yield a_third
    gateway.release()
    gateway.change(failures=None, latency=0, tps=None)


def faint(page, root):
    """The texts that do not stand out, with the contrasts that they have."""
    node = page.wait_for_selector(root, timeout=60_000)
    return [(round(ratio, 1), text) for ratio, text in node.evaluate(CONTRASTS) if ratio < 4.5]


@pytest.mark.parametrize("theme", THEMES)
def test_the_panel_keeps_its_size_and_is_legible(lab, gateway, busy, theme):
    """From its first moment to the summary that takes its place, nothing moves; every text stands out from the page."""
    cells = [people(ROWS), f"sent = people.nxsms.send(client, campaign={theme!r})"]
    with lab.opened(f"{theme}.ipynb", cells) as page:
        page.evaluate(CHANGE_THEME, THEMES[theme])
        page.evaluate(SIZES)
        gateway.hold()
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        assert not faint(page, RUN)
        gateway.release()
        with busy():
            page.wait_for_function("() => document.querySelector('[data-nxsms=\"run\"] td')", timeout=30_000)
            assert not faint(page, RUN)
            shot(page, f"running-{theme}")
        assert not faint(page, SUMMARY)
        shot(page, f"finished-{theme}")
        assert len(page.evaluate("() => [...window.sizes]")) == 1


def test_a_narrow_page_has_everything_too(lab, busy):
    """In a column of a phone's width the parts stand below each other, and nothing is cut off."""
    cells = [people(ROWS), "run = people.nxsms.start(client, campaign='narrow')"]
    with lab.ran("narrow.ipynb", cells, size=(560, 1100)) as page:
        with busy():
            page.wait_for_selector(RUN, timeout=60_000)
            page.evaluate(SIZES)
            wide = page.evaluate(
                "root => document.querySelector(root).scrollWidth - document.querySelector(root).clientWidth", RUN
            )
            assert wide == 0
            shot(page, "narrow")
        page.wait_for_selector(SUMMARY, timeout=60_000)
        shot(page, "narrow-finished")
        assert len(page.evaluate("() => [...window.sizes]")) == 1


def test_texts_are_shown_as_texts(lab, busy):
    """A campaign's name, and whatever else comes from outside, is never read as HTML: live and in the summary."""
    name = "<img src=x onerror='document.title=1'>"

    def is_text(page, root):
        page.wait_for_selector(root, timeout=60_000)
        assert f"campaign {name}" in page.locator(root).inner_text()
        assert page.locator(f"{root} img").count() == 0

    with lab.ran("texts.ipynb", [people(ROWS), f"run = people.nxsms.start(client, campaign={name!r})"]) as page:
        with busy():
            is_text(page, RUN)
        is_text(page, SUMMARY)


def test_in_voila_the_panel_of_start_is_live_and_stays(site_of, gateway):
    """A page of Voila shows the run that its cells started, its Stop ends it, and the end stays on the page."""
    site = site_of("voila")
    site.write(
        "app.ipynb", [people(MANY), "run = people.nxsms.start(client, campaign='voila', max_rate=200, batch_size=50)"]
    )
    page = site.browser.new_page(viewport={"width": 1000, "height": 700})
    try:
        interrupts = interrupts_of(page)
        page.goto(site.address("app.ipynb"))
        page.wait_for_selector(f'{RUN}[data-state="running"][data-live="yes"]', timeout=60_000)
        shot(page, "voila-running")
        before = len(gateway.ledger)
        assert gateway.wait_for(effects=before + 50)
        page.click(STOP)
        page.wait_for_selector(f'{RUN}[data-state="stopped"]', timeout=30_000)
        shot(page, "voila-stopped")
        text = page.locator("body").inner_text()
        assert "stopped by you" in text
        assert "Not live" not in text
        assert "not found" not in text
        assert not interrupts
    finally:
        page.close()
