"""What objects show of themselves in a notebook: one style, figures as a person reads them, nothing whole of a number or a secret."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.tables import Table
from tests.support.words import english_of, seen

PEOPLE = pd.DataFrame(
    {"phone": [f"86150{n:08d}" for n in range(60)] + ["123"], "content": "Hi – <b>it’s</b> " + "x" * 60}
)


@pytest.fixture(name="sandbox", scope="module")
def _sandbox():
    with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        yield sandbox


@pytest.fixture(name="objects")
def _objects(sandbox, tmp_path, capsys):
    """One of each, as they are shown."""
    journal = nx.Journal(tmp_path / "sent.sqlite3")
    sent = PEOPLE.nxsms.send(sandbox.client, campaign="8615088888888", journal=journal, progress=False)
    capsys.readouterr()
    return {
        "validation": PEOPLE.nxsms.validate(),
        "plan": PEOPLE.nxsms.plan(sandbox.client, prices={"CN": 0.0065}, campaign="other"),
        "client": nx.Client(access_key="fme2na3kdi3ki", access_secret="abciiiko2k3", app_key="abcdefgh"),
        "sandbox": sandbox,
        "journal": journal,
        "table": sent.nxsms.summary(),
    }


def test_all_objects_show_themselves_in_one_style(objects, sandbox):
    """Each in its own root, styles inline, no script, no whole number and no secret, texts escaped."""
    for name, shown in objects.items():
        html = shown._repr_html_()
        assert html.startswith(f'<div data-nxsms="{name}" style="font-size:13px')
        assert not any(word in html for word in ("<script", "<style", "class=", "id="))
        assert "<b>it" not in html
        hidden = ("abciiiko2k3", "fme2na3kdi3ki", str(sandbox.access_secret), "8615000000001", "8615088888888")
        assert not [word for word in hidden if word in html.replace("as in 8615088888888", "")]


def test_money_is_distinguished_from_practice(objects, sandbox):
    """A badge says whether a message costs something."""
    assert "real money" in objects["client"]._repr_html_()
    assert "sandbox" in sandbox.client._repr_html_()
    assert ">sandbox</span>" in sandbox._repr_html_()


def test_a_journal_shows_its_latest_runs(objects, sandbox, tmp_path, capsys):
    """When, of which campaign, how many rows and how each ended; an empty one says so, a broken one why."""
    text = seen(objects["journal"]._repr_html_())
    assert "861••••••••88" in text
    assert "60" in text
    assert "Finished" in text
    for number in range(6):
        PEOPLE.head(2).nxsms.send(sandbox.client, campaign=f"wave {number}", journal=objects["journal"], progress=False)
    assert "2 earlier runs" in objects["journal"]._repr_html_()
    assert "Nothing was sent yet." in nx.Journal.in_memory()._repr_html_()
    (tmp_path / "broken.sqlite3").write_text("not a journal" * 100)
    assert "broken.sqlite3" in nx.Journal(tmp_path / "broken.sqlite3")._repr_html_()
    capsys.readouterr()


def test_a_summary_reads_percent_and_thousands_and_stays_numbers(made):
    """In text and in HTML, whatever pandas' options; what is made of it is an ordinary frame with the numbers."""
    table = made(6000).nxsms.summary()
    for shown in (repr(table), table._repr_html_()):
        assert "4,332" in shown
        assert "80.0%" in shown
    assert table["count"].dtype == np.int64
    assert table["share"].dtype == np.float64
    assert type(table[["count", "share"]]) is pd.DataFrame
    assert type(table.copy()) is pd.DataFrame
    with pd.option_context("display.notebook_repr_html", False):
        assert table._repr_html_() is None


@pytest.mark.parametrize("method", ["summary", "failures", "drivers", "throughput"])
def test_every_table_of_results_is_shown_alike(made, method):
    """Whole texts, escaped, and as many rows as pandas' option allows, with how many more there are."""
    table = getattr(made(6000).nxsms, method)()
    assert isinstance(table, Table)
    assert table._repr_html_().startswith('<div data-nxsms="table"')
    assert repr(table)
    with pd.option_context("display.max_rows", 1):
        if len(table) > 1:
            assert f"and {len(table) - 1:,} more rows" in repr(table)
            assert f"and {len(table) - 1:,} more rows" in table._repr_html_()


def test_a_table_shows_every_kind_of_value():
    """Codes are no amounts, small probabilities no zeros, gaps no nan."""
    table = Table(
        {
            "code": pd.array([13005, None], dtype="Int64"),
            "rate": [0.00001, 1.0],
            "p": [0.00001, 0.04999],
            "rows": [1234567, 0],
            "text": ["<b>", None],
            "flag": [True, False],
        },
        index=pd.Index(["a", "b"], name="name"),
    )
    text, html = repr(table), table._repr_html_()
    for shown in ("13005", "<0.1%", "100%", "<0.001", "0.050", "1,234,567", "–", "True"):
        assert shown in text
    assert "&lt;b&gt;" in html
    assert "nan" not in text.lower()
    assert "name" in html
    assert repr(Table({"a": []}))


def test_no_english_remains_in_chinese_displays(chinese, objects):
    """Titles, heads, problems with what to do, what a plan says."""
    own = {
        "phone_length",
        "phone",
        "wave",
        "access_key",
        "app_key",
        "access_secret",
        "app_secret",
        "sqlite3",
        "seed",
        "hourly_limit",
    }
    for name in ("validation", "plan", "client", "sandbox", "journal"):
        text = seen(objects[name]._repr_html_())
        for word in ("<b>it’s</b>", str(objects["journal"].path), *sorted(own, key=len, reverse=True)):
            text = text.replace(word, "")
        left = [
            word for word in english_of(text) if word not in {"fme", "abc", "Hi", "CN", "None"} and set(word) != {"x"}
        ]
        assert not left, (name, left)
