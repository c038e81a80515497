"""The dashboard shows what the frame says, live and in what is saved of it."""

import base64
import re

import nbformat
import pandas as pd
import pyarrow as pa
import pytest
from IPython.lib.pretty import pretty
from matplotlib import pyplot as plt
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import nxsms_nb  # noqa: F401  registers df.nxsms
from nxsms_nb.analysis import failures, summary
from nxsms_nb.errors import ColumnError

PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)" width="(\d+)" height="(\d+)"')


def texts(html):
    """The words of HTML, one blank between them."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_dashboard_has_counts_codes_and_pictures(made):
    """Counts by status, a table of codes with what to do, and two pictures of a size given beforehand."""
    sent = made(5000)
    shown = sent.nxsms.dashboard()
    words = texts(shown.html())
    for status, label, number, _ in summary.summary(sent).itertuples(index=False):
        assert re.search(rf"{status} {number:,}( [\d.]+%)? {label}", words)
    told = failures.failures(sent)
    first = told.iloc[0]
    assert f"{first['code']} {first['meaning']} {first['count']:,} {first['share']:.1%}" in words
    assert first["advice"] in words
    pictures = PICTURE.findall(shown.html())
    assert len(pictures) == 2
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data, _, _ in pictures)
    assert [int(width) for _, width, _ in pictures] == [768, 768]


def test_failures_by_is_chosen_from_what_makes_groups(made):
    """What can be derived and columns of few values are offered; ids, texts, results and numbers are not."""
    sent = made(500).assign(wording="A", name=[f"n{i}" for i in range(500)], lists=[[1]] * 500, count=1)
    sent.loc[::2, "wording"] = "B"
    sent["structs"] = pd.Series([{"a": 1}] * 500, dtype=pd.ArrowDtype(pa.struct({"a": pa.int64()}))).array
    offered = [label for label, _ in sent.nxsms.dashboard()._select.options]
    assert offered == [
        "code",
        "country",
        "length",
        "segments",
        "encoding",
        "hour",
        "weekday",
        "date",
        "segment",
        "wording",
    ]
    bare = sent.drop(columns=["phone", "content"])
    assert [label for label, _ in bare.nxsms.dashboard()._select.options] == [
        "code",
        "hour",
        "weekday",
        "date",
        "segment",
        "wording",
    ]


def test_choosing_draws_the_groups(made):
    """A choice changes table and picture, and going back brings the codes back."""
    sent = made(2000)
    shown = sent.nxsms.dashboard()
    before = shown._body.value
    shown._select.value = "segment"
    group = failures.failures(sent, "segment").drop_duplicates("segment").iloc[0]
    assert f"{group['answered']:,} {group['failed']:,} {group['rate']:.1%}" in texts(shown._body.value)
    assert "Failure rate by segment" in shown._body.value
    shown._select.value = None
    assert shown._body.value == before


def test_every_choice_can_be_drawn(made):
    """Whatever is offered is drawn without a complaint."""
    shown = made(800).nxsms.dashboard()
    for label, value in shown._select.options[1:]:
        shown._select.value = value
        assert "Failure rate by" in shown._body.value, label


def test_what_goes_wrong_in_a_choice_is_shown(made):
    """An exception in a callback is seen by nobody, so it is written where the picture was."""

    class Team:
        gone = False

        def __hash__(self):
            if Team.gone:
                raise ValueError("<b>no such team</b>")
            return 7

        def __eq__(self, other):
            return self is other

    teams = [Team(), Team()]
    shown = made(100).assign(team=teams * 50).nxsms.dashboard()
    Team.gone = True
    shown._select.value = "team"
    assert "&lt;b&gt;no such team&lt;/b&gt;" in shown._body.value


def test_the_dashboard_leaves_pyplot_alone(made):
    """No figure of the analyst's is touched and none is left open."""
    shown = made(300).nxsms.dashboard()
    shown._select.value = "segment"
    assert not plt.get_fignums()


@pytest.mark.parametrize("status", [None, "Success", "Invalid", "Unknown"])
def test_frames_of_one_kind_have_a_dashboard(made, status):
    """No rows, no failures, nothing answered: it says so and offers its choices all the same."""
    sent = made(400)
    shown = (sent[sent["status"] == status] if status else sent[:0]).nxsms.dashboard()
    for _, value in shown._select.options:
        shown._select.value = value
        assert "<img" in shown._body.value


def test_texts_of_the_frame_are_escaped_and_phones_masked(made):
    """A reason, a column's name or a value may hold anything; nobody's number is saved."""
    sent = made(60).assign(status="Failure", code=pd.NA, reason="<i>no</i> 8615088888888")
    sent["<b>"] = "4915112345678"
    sent.loc[::2, "<b>"] = "<script>"
    shown = sent.nxsms.dashboard()
    html = shown.html()
    shown._select.value = "<b>"
    html += shown.html()
    assert "<i>" not in html
    assert "<script>" not in html
    assert "<b>yes" not in html
    assert "8615088888888" not in html
    assert "4915112345678" not in html


def test_sandbox_results_say_so(made):
    """The dashboard of practice results is marked, with and without rows."""
    for rows in (0, 50):
        sent = made(rows)
        assert "sandbox" not in sent.nxsms.dashboard().html()
        sent.attrs["nxsms"] = {"gateway": "sandbox"}
        assert "sandbox" in texts(sent.nxsms.dashboard().html())


def test_its_text_form_is_the_same_each_time(made):
    """Outputs of a notebook repeat: no ids and no times in the text form."""
    sent = made(1234)
    shown = sent.nxsms.dashboard()
    assert pretty(shown) == repr(shown) == "Dashboard of 1,234 rows"
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == "Dashboard of 1,234 rows"
    assert bundle["text/html"] == shown.html()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_frame_that_was_not_sent_has_no_dashboard():
    """There is nothing to show, and the message says what to do."""
    with pytest.raises(ColumnError, match="Send it first"):
        pd.DataFrame({"phone": []}).nxsms.dashboard()


def test_a_converted_notebook_shows_it():
    """Executed and converted without widgets, the page has the counts and both pictures."""
    cell = """
import nxsms_nb, pandas as pd
from nxsms_nb.results import columns
sent = columns.empty(3).assign(status=["Success", "Failure", "Failure"], code=[0, 13005, 13005], batch=1,
                               sent_at=pd.Timestamp("2026-03-03", tz="UTC"), latency_ms=20.0)
sent.nxsms.dashboard()"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    notebook.metadata.pop("widgets", None)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count('src="data:image/png;base64,') == 2
    assert re.search(r"Failure 2 66.7% refused by the gateway", texts(page))
