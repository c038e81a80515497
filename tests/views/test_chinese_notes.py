"""What is said elsewhere in English, in errors, warnings and notes, is Chinese where a view shows it."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.tables import Table
from nxsms_nb.views import dashboard_findings
from nxsms_nb.words.language import translated
from tests.support.words import CHINESE, english_of, seen

OWN = re.compile(r"df\.[^\n]*|\b(?:phone|content|name|city|order|when|spring|summer|variant|people|csv|B|A)\b")
"""Calls to paste, and the names of the tests' columns, campaigns and files."""


def left(text, *own):
    """The English words of a shown text."""
    for word in sorted(map(str, own), key=len, reverse=True):
        text = text.replace(word, "")
    return english_of(OWN.sub("", text))


@pytest.fixture(name="people")
def _people():
    """Fifty rows with texts, orders and the hours of the day."""
    rows = 50
    return pd.DataFrame(
        {
            "phone": [f"86150{n:08d}" for n in range(rows)],
            "content": [f"您好 {n}" for n in range(rows)],
            "name": [None if n % 7 == 0 else f"王{n}" for n in range(rows)],
            "city": [None if n % 5 == 0 else "波恩" for n in range(rows)],
            "order": [f"{n}号" for n in range(rows)],
            "when": pd.Timestamp("2026-03-03"),
        }
    )


@pytest.fixture(name="client", scope="module")
def _client():
    with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        yield sandbox.client


def noted(people, client, **options):
    """The notes of compose, of rows that have their texts."""
    composed = people.nxsms.compose(client, template="{content}", **options)
    assert composed.settled(60)
    return composed._view["notes"]


@pytest.mark.parametrize("given", [(None, None), (None, "order"), ("spring", None), ("spring", "order")])
def test_rows_that_were_sent_under_another_key(chinese, people, client, tmp_path, given):
    """With a key that the campaign was not sent with, or without the one that it was."""
    campaign, sent_by = given
    journal = tmp_path / "journal"
    people.nxsms.send(client, campaign=campaign, key=sent_by, journal=journal, progress=False)
    options = {"key": "city"} if sent_by is None else {}
    people["city"] = people["order"] + "城"
    notes = noted(people, client, campaign=campaign, journal=journal, **options)
    assert CHINESE.search(notes[0])
    assert not left(notes[0])
    assert "键" in notes[0] or "key=" in notes[0]


def test_rows_whose_results_are_another_campaign_s(chinese, people, client, tmp_path):
    """The frame says that they were sent, and the campaign is new."""
    sent = people.nxsms.send(client, campaign="spring", journal=tmp_path / "journal", progress=False)
    assert not left("".join(noted(sent, client, campaign="summer", journal=tmp_path / "other")))


def test_rows_that_another_gateway_has(chinese, people, client, tmp_path):
    """A rehearsal's rows are named with the way out."""
    journal = tmp_path / "journal"
    people.nxsms.send(client, journal=journal, progress=False)
    live = nx.Client(access_key="a" * 8, access_secret="b" * 8, app_key=client.app_key)
    (note,) = noted(people.head(20), live, journal=journal)
    assert not left(note, journal), note


def test_what_a_list_of_numbers_says(chinese, people, client, tmp_path):
    """How many entries are among the rows, and which of its columns count."""
    path = tmp_path / "people.csv"
    pd.DataFrame({"phone": ["8615000000003"], "mobile": ["8615000000004"]}).to_csv(path, index=False)
    notes = noted(people, client, suppress=path)
    assert notes
    assert not left(notes[0], path, "mobile")
    assert not left("".join(noted(people, client, suppress=["8615000000003"])))


@pytest.mark.parametrize(
    "template",
    ["{name!r}", "{name:{city}}", "a {name {city}", "{when:%d|%b}", "{name.upper}", "{name[0]}", "{nmae}", "{}", "{", "}",
     "{name:.2f}", "{when:%d", "\ud800", "{name} {city}", "{name:>9} {city}", "{double}"],
)  # fmt: skip
def test_what_is_wrong_with_a_template(chinese, people, client, template):
    """Whatever can be mistyped is said in Chinese, and so is what is missing."""
    people = people.drop(columns="content")
    people.insert(0, "double", "x")
    people = pd.concat([people, people[["double"]]], axis=1)
    composed = people.nxsms.compose(client, template=template)
    assert composed.settled(60)
    said = composed._view["error"] or composed._view["lacking"]
    assert CHINESE.search(said)
    own = ["name", "city", "phone", "double", "order", "when", "nmae", "upper", *re.findall(r"（([ -~]+)）", said)]
    assert not left(said, *own), said


def test_a_template_for_a_frame_without_columns(chinese, client):
    """There is no column to name."""
    assert not left(translated("{name} in the template names a column the frame does not have. It has no columns"))


def test_short_links(chinese, people, client):
    """A report and a plan say how many rows have one, and what it makes of the segments."""
    for link, text in (("s.cn/a", "见 #1#"), ("s.cn/" + "字" * 99, "见 #1#"), ("s.c", "见 #1#")):
        linked = people.assign(short_link=link, content=text + "字" * 64)
        own = [link, "short_link", "journal"]
        assert "短链接" in seen(linked.nxsms.validate()._repr_html_())
        assert not left(seen(linked.nxsms.validate()._repr_html_()), *own)
        assert not left(seen(linked.head(1).nxsms.plan(client)._repr_html_()), *own, "CN")


def test_a_report_of_rows_that_are_held_out_or_suppressed(chinese, people):
    """Its headline says so, with and without problems."""
    people["variant"] = ["A"] * 40 + ["holdout"] * 10
    for several in (people, people.assign(phone=["1", "2", *people["phone"][2:]])):
        for suppress in (None, ["8615000000003"]):
            assert not left(seen(several.nxsms.validate(suppress=suppress)._repr_html_()), "phone_length", "holdout")


def test_a_plan_of_many_countries(chinese, client):
    """Those that are not listed, those without a price, and numbers of no country."""
    codes = ["8615012345678", "4915112345678", "33612345678", "34612345678", "393123456789", "447700900123", "31612345678",
             "46701234567", "4520123456", "48512345678", "99912345678", "97912345678", "35812345678", "41781234567",
             "43664123456", "351912345678", "353851234567", "420601123456", "36201234567"]  # fmt: skip
    frame = pd.DataFrame({"phone": codes, "content": "您好"})
    plan = frame.nxsms.plan(client, prices={"CN": 0.01})
    shown = seen(plan._repr_html_())
    assert "另有" in shown
    assert not [word for word in left(shown) if not re.fullmatch("[A-Z]{2}", word)]


def test_a_table_of_more_rows_than_are_shown(chinese):
    """It says how many more there are."""
    table = Table({"行": range(100)})
    assert "另有 40 行" in table._repr_html_()
    assert repr(table).endswith("and 40 more rows")


@pytest.mark.parametrize("change", ["repeated", "split", "one arm", "no arm", "many arms", "lists"])
def test_what_a_comparison_warns_of(chinese, made, change):
    """That people have several rows, that the split is not the intended one, or why nothing is compared."""
    frame = made(400)
    frame["variant"] = np.where(np.arange(400) % 2, "A", "B")
    if change == "repeated":
        frame["phone"] = frame["phone"].iloc[0]
    elif change == "split":
        frame["variant"] = np.where(np.arange(400) < 100, "A", "B")
    elif change == "one arm":
        frame["variant"] = "A"
    elif change == "no arm":
        frame["variant"] = None
    elif change == "many arms":
        frame["variant"] = np.arange(400)
    else:
        frame["variant"] = [["A"]] * 400
    shown = frame.nxsms.dashboard()
    board = shown._board
    note = dashboard_findings.of_experiment(board.chosen, "variant", board.asked, outcome="accepted", filtered=False)[
        "note"
    ]
    assert CHINESE.search(note)
    assert not left(note, "variant", "p = ", "p <"), note
    assert json.loads(shown.view)["trouble"] == ""
