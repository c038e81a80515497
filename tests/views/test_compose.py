"""Compose: what a text becomes as it is typed, the lines that do the same in a cell, and what of it a browser is given."""

import json
import re
import warnings

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import nxsms_nb as nx
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.views import compose as compose_module
from nxsms_nb.views import compose_widget
from nxsms_nb.views.compose_summary import compose_html
from tests.support.words import english_of, seen

PRICES = {"CN": 0.0065}
TEXT = "Hi {name|there}, you owe {amount:.2f} — today’s the last day…"


@pytest.fixture(name="people")
def _people():
    """Rows with gaps, a wrong number, a repeated one, two encodings and texts of two lengths."""
    rows = 60
    people = pd.DataFrame(
        {
            "phone": [f"86150{n:08d}" for n in range(rows)],
            "name": [None if n % 7 == 0 else f"Ann{'a' * (n == 23) * 50}" for n in range(rows)],
            "amount": np.linspace(5, 900, rows),
            "city": ["牛市" if n == 30 else "Bonn" for n in range(rows)],
        },
        index=range(100, 100 + rows),
    )
    people.loc[105, "phone"] = "123"
    people.loc[109, "phone"] = people.loc[108, "phone"]
    return people


@pytest.fixture(name="client", scope="module")
def _client():
    with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        yield sandbox.client


def shown(composed):
    """What is shown, once it is worked out."""
    assert composed.settled(60)
    return composed._view


def test_the_lines_do_what_the_preview_shows(people, client):
    """Pasted, they give the texts that were shown, and a plan agrees with every figure."""
    composed = people.nxsms.compose(client, template=TEXT, prices=PRICES, campaign="lines", duplicates="drop")
    view = shown(composed)
    scope = {"df": people.copy(), "nx": nx, "client": client}
    made, sent = composed.code.split("\n")
    exec(made, scope)  # noqa: S102
    plan = scope["df"].nxsms.plan(client, prices=PRICES, campaign="lines", duplicates="drop")
    assert dict(view["totals"]) == {
        "rows to send": f"{plan.counts['send']:,}",
        "recipients": f"{plan.recipients:,}",
        "segments to pay": f"{plan.segments:,}",
        "cost": f"{plan.cost:.4f}".rstrip("0"),
        "requests": "1",
    }
    assert dict(view["fates"]) == {"invalid": "1", "duplicate": "1"}
    texts = set(scope["df"]["content"])
    assert all(row["text"] in texts for row in view["preview"])
    exec(sent, scope)  # noqa: S102
    assert scope["sent"]["status"].eq("Success").sum() == plan.counts["send"]
    assert shown(people.nxsms.compose(client, template=TEXT, campaign="lines", duplicates="drop"))["fates"][0] == [
        "accepted before",
        f"{plan.counts['send']:,}",
    ]


def test_rows_are_picked_that_show_what_can_happen(people, client):
    """The longest, one with a gap, one of each encoding; a row that is several of these stands once."""
    view = shown(people.nxsms.compose(client, template="{name|you} in {city}"))
    assert [row["why"] for row in view["preview"]] == [["the longest", "GSM-7"], ["with a gap"], ["UCS-2"]]
    assert [row["text"] for row in view["preview"]] == [f"Ann{'a' * 50} in Bonn", "you in Bonn", "Ann in 牛市"]
    assert view["preview"][2]["size"] == "9 characters · 1 segment · UCS-2"


def test_a_gap_without_a_text_for_it_is_shown_and_counted(people, client):
    """A row that gets no text stands in the preview, and the field says how many there are and what to write."""
    view = shown(people.nxsms.compose(client, template="Hi {name}"))
    assert "9 of 60 rows got no text" in view["lacking"]
    assert "{name|…}" in view["lacking"]
    assert [row["size"] for row in view["preview"] if row["why"][0] == "with a gap"] == ["no text, so it is not sent"]
    assert ["content_missing", "9 rows"] in [problem[:2] for problem in view["problems"]]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Hi {nme}", "Did you mean {name}?"),
        ("Hi {name", "a { without its }"),
        ("Hi name}", "a } without its {"),
        ("Hi {}", "names no column"),
        ("Hi {name!r}", "conversion"),
        ("Hi {name.upper}", "reaches into a value"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_and_nothing_is_lost(people, client, template, said):
    """What is half typed is an error most of the time: the preview of before stays meanwhile, with its lines."""
    composed = people.nxsms.compose(client, template="Hi there")
    before = shown(composed)
    composed.template = template
    view = shown(composed)
    assert said in view["error"]
    assert view["preview"] == before["preview"]
    assert view["code"] == before["code"]
    composed.template = "Hi again"
    assert not shown(composed)["error"]


def test_characters_that_cost_are_named_and_plain_ones_offered(people, client):
    """With a click the lines make the text plain, and the figures are those of the plain text."""
    template = "{city} " + "x" * 64 + " ’—…"
    composed = people.nxsms.compose(client, template=template, prices=PRICES)
    view = shown(composed)
    assert view["costly"]["lines"][0] == "— ’ …: 2 segments instead of 1 in 57 rows"
    assert view["costly"]["offer"] == "Plain characters would save 57 segments, 0.3705."
    composed._heard(None, {"nxsms": "compose", "template": template, "plain": True, "number": 1}, [])
    plain = shown(composed)
    assert plain["plain"]
    assert not plain["costly"]["offer"]
    assert composed.code.startswith("df['content'] = nx.plain(df.nxsms.render(")
    scope = {"df": people.copy(), "nx": nx}
    exec(composed.code.split("\n")[0], scope)  # noqa: S102
    assert {row["text"] for row in plain["preview"]} <= set(scope["df"]["content"])


def test_only_characters_to_blame_are_marked(people, client):
    """Not in a text that is of another script anyhow, and never the bullets of a mask."""
    for city, marked in (("Bonn", True), ("牛市", False)):
        view = shown(people.assign(city=city).nxsms.compose(client, template="{city}’s {phone}"))
        assert {row["marked"] for row in view["preview"]} == {marked}
    assert "•" not in view["special"]


def test_what_was_typed_last_is_shown_last(people, client):
    """However fast templates follow each other, the last one counts."""
    composed = people.nxsms.compose(client)
    for number in range(30):
        composed.template = f"Hi {number}"
    assert shown(composed)["preview"][0]["text"] == "Hi 29"
    assert composed.template == "Hi 29"
    assert composed.code.startswith("df['content'] = df.nxsms.render('Hi 29')\n")


@pytest.mark.parametrize(
    "said",
    [
        {"number": 10**40}, {"number": float("inf")}, {"number": "1"}, {"number": None}, {"template": None, "number": 1},
        {"template": ["Hi"], "number": 1}, {"template": "x" * 10**6, "number": 1},
    ],
)  # fmt: skip
def test_what_no_page_says_changes_nothing(people, client, said):
    """A message of another form is left alone, and what is typed next is shown."""
    composed = people.nxsms.compose(client, template="Hi {name}")
    composed._widget = compose_widget.ComposeWidget(compose="x", template="", view="{}", words="{}")
    before = shown(composed)
    composed._heard(None, {"nxsms": "compose", "template": "Ho"} | said, [])
    assert shown(composed) == before
    composed._heard(None, {"nxsms": "compose", "template": "Hey", "number": 2}, [])
    assert shown(composed)["preview"][0]["text"] == "Hey"


def test_nothing_is_sent_and_nothing_is_said(people, client, capsys):
    """Neither a message nor a line nor a warning comes from looking at a text."""
    with nx.Sandbox(seed=7) as sandbox, warnings.catch_warnings():
        warnings.simplefilter("error")
        shown(people.nxsms.compose(sandbox.client, template="Hi {name}"))
        assert len(sandbox.ledger) == 0
    assert capsys.readouterr() == ("", "")


def test_a_large_frame_is_estimated_and_says_so(people, client):
    """Of many rows a part is looked at, with rounded figures, until every row is asked for."""
    rows = pd.concat([people.assign(phone=[f"86151{i + 1111}{n + 1111}" for n in range(60)]) for i in range(50)])
    composed = compose_module.Compose(
        rows, phones=rows["phone"], label="content", template="Hi", sample=100, whole=500,
        plan=lambda frame: (frame.nxsms.plan(client, prices=PRICES), []), lines=lambda text, plain: f"{text}{plain}",
        given=compose_module.Given(None, simulated=True, on_loopback=True, priced=True),
    )  # fmt: skip
    view = shown(composed)
    assert view["estimate"] == "Estimated from 100 of 3,000 rows."
    assert dict(view["totals"])["rows to send"] == "about 3,000"
    composed._heard(None, {"nxsms": "compose", "template": "Hi", "whole": True, "number": 1}, [])
    view = shown(composed)
    assert not view["estimate"]
    assert dict(view["totals"])["rows to send"] == "3,000"


def test_columns_are_offered_that_a_template_can_name(client):
    """Names with braces, results, and what may be somebody's number are not."""
    frame = pd.DataFrame(
        {"phone": ["8615088888888"], "first name": ["Ann"], "a{b": [1], "8615088888889": [1], 7: [1], "a|b": [2]}
    )
    assert shown(frame.nxsms.compose(client))["columns"] == ["phone", "first name", "a|b"]
    sent = frame.assign(content="Hi").nxsms.send(client)
    assert shown(sent.nxsms.compose(client))["columns"] == ["phone", "first name", "a|b", "content"]


def test_no_number_reaches_the_browser_or_a_saved_notebook(people, client):
    """Of recipients neither the widget's state nor its HTML has a whole number, however it is written in a text."""
    people["contact"] = [f"+49 151 {n:04d} {n:04d}" for n in range(1000, 1060)]
    composed = people.nxsms.compose(client, template="{phone} or {contact}", campaign="8615088888888")
    view = json.dumps(shown(composed)) + compose_html(composed._view, composed.template)
    view = view.replace("8615088888888", "", view.count("as in 8615088888888"))  # the example in a hint
    code = json.dumps(composed.code)[1:-1]
    assert not re.search(r"\d(?:[ -]?\d){8,}", view.replace(code, "").replace(composed.code, ""))
    for secret in (client.access_secret, client.app_secret):
        assert str(secret) not in view


def test_numbers_are_shown_where_the_person_asks_for_it(people, client):
    """The option is the session's."""
    nx.options.mask_phones = False
    try:
        view = shown(people.nxsms.compose(client, template="call {phone}"))
    finally:
        nx.options.mask_phones = True
    assert view["preview"][0]["text"].endswith(view["preview"][0]["to"])
    assert re.fullmatch(r"86150\d{8}", view["preview"][0]["to"])


def test_a_converted_notebook_shows_it():
    """Executed and converted without a page, it has the text, real rows, the figures and the lines; no number and no error."""
    cells = [
        (
            "import nxsms_nb as nx, pandas as pd\nsandbox = nx.Sandbox(seed=7)\n"
            'df = pd.DataFrame({"phone": [f"86150{n:08d}" for n in range(500)], "name": ["Ann", None] * 250})'
        ),
        "df.nxsms.compose(sandbox.client, template='Hi {name|there}', prices={'CN': 0.01})",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    notebook.metadata.pop("widgets", None)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    static = re.sub(r"<[^>]*>", " ", page.partition('data-nxsms="compose-static"')[2])
    for words in ("Hi there", "8 characters · 1 segment"):
        assert words in static
    assert re.search(r"500\s+rows to send\s+500\s+recipients\s+500\s+segments to pay\s+5.00\s+cost", static)
    assert "model not found" not in page
    assert not re.search(r"86150\d{8}", page)


def test_texts_are_escaped_in_static_html(people, client):
    """A saved notebook shows a cell's markup as text."""
    people["city"] = "<img src=x>"
    html = compose_html(shown(people.nxsms.compose(client, template="<b>{city}</b>")), "<b>{city}</b>")
    assert "<img" not in html
    assert "<b>&lt;" not in html
    assert "&lt;b&gt;&lt;img src=x&gt;&lt;/b&gt;" in html


def test_no_english_remains_in_a_chinese_compose(chinese, people, client):
    """Labels, sizes, problems with what to do, characters that cost, errors."""
    people["city"] = "波恩"
    composed = people.nxsms.compose(client, template="{city} {name|您}，'" + "长" * 66 + "…", prices=PRICES)
    composed.settled(60)
    for template in (composed.template, "{city} {name}", "{nme}", "{", "}", "{}"):
        composed.template = template
        html = compose_html(shown(composed) | {"code": ""}, "")
        assert not [word for word in english_of(seen(html)) if word not in {"Ann", "name", "phone_length", "nme", "amount", "city"}
                    and not re.fullmatch("phone|content|length|missing|Ann.*|_.*|aa+", word)], template  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"template": 7}, ConfigError),
        ({"prices": 7}, ConfigError),
        ({"campain": "x"}, ConfigError),
        ({"phone": "mobile"}, ColumnError),
        ({"duplicates": "maybe"}, ConfigError),
    ],
)
def test_wrong_options_are_refused_at_once(people, client, given, error):
    """In the call, and not in the widget."""
    with pytest.raises(error):
        people.nxsms.compose(client, **given)


def test_a_failed_plan_is_said_without_the_frame_s_words(people, client):
    """What no one expected is named by its kind: its words may quote anybody's data."""

    def broken(frame):
        raise RuntimeError(frame["phone"].iloc[0])

    composed = compose_module.Compose(
        people, phones=people["phone"], label="content", template="Hi", plan=broken, lines=lambda text, plain: text,
        given=compose_module.Given(None, simulated=True, on_loopback=True, priced=False),
    )  # fmt: skip
    assert shown(composed)["notes"] == ["This could not be computed (RuntimeError)."]


def test_the_text_form_is_constant(people, client):
    """A notebook's outputs repeat."""
    composed = people.nxsms.compose(client, template="Hi")
    shown(composed)
    assert composed._repr_mimebundle_()["text/plain"] == "compose"
    assert repr(composed) == "Compose for 60 rows"
    assert 'data-nxsms="compose-static"' in composed._repr_mimebundle_()["text/html"]
