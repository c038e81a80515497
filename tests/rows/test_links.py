"""Short links: their place in the content, what a text will say, and what of it is not known before it is sent."""

import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.rows.links import filled
from nxsms_nb.rows.problems import suspicions

A, B, C, D = (f"861508888888{n}" for n in range(4))
LINK = "s.example/a1b2c3"


def people(content, links=None, **columns):
    frame = pd.DataFrame({"phone": [A, B, C, D][: len(content)], "content": content, **columns})
    return frame if links is None else frame.assign(short_link=links)


@pytest.mark.parametrize(
    ("content", "link", "rules", "warned"),
    [
        ("see #1#", LINK, [], []),
        ("#1#", LINK, [], []),
        ("#1# or #1#", LINK, [], []),
        ("see", None, [], []),
        ("see", "", [], []),
        ("see it", LINK, ["short_link_placeholder"], []),
        ("see ＃1＃", LINK, ["short_link_placeholder"], []),
        ("see # 1 #", LINK, ["short_link_placeholder"], []),
        ("see #2#", LINK, ["short_link_placeholder"], []),
        ("see #1#", None, [], ["content_link_unfilled"]),
        ("see #1#", float("nan"), [], ["content_link_unfilled"]),
        ("see #1#", "", [], ["content_link_unfilled"]),
        ("see #1#", "  ", ["short_link_not_text"], []),
        ("see #1#", "s.example/a b", ["short_link_not_text"], []),
        ("see #1#", "s.example/a\n", ["short_link_not_text"], []),
        ("see #1#", 1.5, ["short_link_not_text"], []),
        ("see #1#", 1024, [], []),
    ],
)
def test_a_link_and_its_place_belong_together(content, link, rules, warned):
    """A link without its place has no effect and is a problem; a place without a link is sent as written, and warned of."""
    frame = people(["Hi", content], pd.Series([None, link], dtype=object))
    report = frame.nxsms.validate()
    assert report.problems["rule"].tolist() == rules
    assert report.warnings["rule"].tolist() == warned
    assert len(report.valid) == 2 - bool(rules)


def test_a_place_without_any_link_is_warned_of():
    """Also where the frame has no such column; the hint says what to do, and the call of `send` mentions it."""
    frame = people(["see #1#", "you are #1 here", "nan #1#"])
    report = frame.nxsms.validate()
    assert report.warnings["rule"].tolist() == [
        "content_link_unfilled",
        "content_reads_missing",
        "content_link_unfilled",
    ]
    assert report.warnings["position"].tolist() == [0, 2, 2]
    assert "short_link" in report.warnings["hint"][0]
    assert "in place of" not in repr(report)


def test_a_long_column_is_searched_as_a_short_one():
    """In pieces, with links and without, for some rows and for all."""
    content = pa.array(["see #1#", "Hi nan", "Hi"] * 10_000, pa.large_string())
    links = pa.array([LINK, None, None, None, None, None] * 5_000, pa.large_string())
    for given, expected in ((None, 10_000), (links, 5_000)):
        found = suspicions(content, links=given)
        assert len(found) == expected + 10_000
        some = suspicions(content, found.positions[::2], links=given)
        assert some.positions.tolist() == found.positions[::2].tolist()


def test_the_link_fills_in_its_place():
    """As given, wherever and however often the place occurs; other rows keep their texts."""
    content = pa.array(["#1#", "a #1# b #1#", "none", "kept #1#", None])
    links = pa.array([LINK, "x\\1", LINK, None, LINK])
    assert filled(content, links).to_pylist() == [LINK, "a x\\1 b x\\1", "none", "kept #1#", None]


def test_validation_shows_what_will_be_sent():
    """How many rows have a link, and the first text with it, digits of numbers masked and HTML escaped."""
    frame = people(["Hello, call 4915112345678 or see #1# <b>", "Hi #1#", "Hi"], [LINK, LINK, None])
    report = frame.nxsms.validate()
    shown = f'2 rows have a short link in place of #1#: "…all 491••••••••78 or see {LINK} <b>".'
    assert shown in repr(report)
    assert shown.replace("<b>", "&lt;b&gt;").replace('"', "&quot;") in report._repr_html_()
    one = frame.iloc[[1]].rename(columns={"short_link": "shortLink"}).nxsms.validate()
    assert f'1 row has a short link in place of #1#: "Hi {LINK}".' in repr(one)
    assert "short link" not in repr(frame.iloc[[2]].nxsms.validate())


def test_a_plan_says_that_the_length_of_links_is_not_known():
    """Segments are those of the text as written; what the links as given would add is said, rows that stay are not meant."""
    long = "x" * 156 + " #1#"
    frame = people([long, "Hi #1#", "Hi", "see it"], [LINK, LINK, None, LINK])
    with nx.Sandbox(seed=7) as sandbox:
        plan = frame.nxsms.plan(sandbox.client)
        (note,) = [note for note in plan.notes if "#1#" in note]
        same = frame.iloc[1:2].nxsms.plan(sandbox.client).notes[-1]
        none = frame.iloc[2:3].nxsms.plan(sandbox.client).notes
        fewer = people(["x" * 158 + "#1#"], ["a"]).nxsms.plan(sandbox.client).notes[-1]
    assert plan.segments == 3
    assert plan.problems.to_dict() == {"short_link_placeholder": 1}
    assert note.startswith("2 rows have a short link in place of #1#: ")
    assert note.endswith(
        "The vendor does not document how long its link is: segments are counted with #1# as written; the links as short_link has "
        "them would add 1 segment in 1 row."
    )
    assert same.endswith("the links as short_link has them would change nothing.")
    assert not [text for text in none if "#1#" in text]
    assert fewer.endswith("would save 1 segment in 1 row.")


def test_a_preview_of_a_long_text_shows_the_link():
    """What stands before it and behind it is cut."""
    frame = people(["x" * 100 + " see #1# " + "y" * 100], [LINK])
    assert f'#1#: "…{"x" * 20} see {LINK} yyyyy' in repr(frame.nxsms.validate())
    assert len(repr(frame.nxsms.validate()).splitlines()[1]) < 150


def test_a_trial_shows_a_row_with_a_link(capsys):
    """One of its messages has a link, which is next to its text; without links there is no such column."""
    frame = people(["a longer text than the others have", "Hi #1#", "Hi"], [None, LINK, None])
    with nx.Sandbox(seed=7) as sandbox:
        trial = frame.nxsms.try_out(sandbox.client, to="+4915112345678", rows=2)
        plain = frame[::2].nxsms.try_out(sandbox.client, to="+4915112345678", rows=2)
        real = nx.Client(
            access_key=sandbox.access_key, access_secret=sandbox.access_secret, app_key=sandbox.app_key,
            base_url=sandbox.url,
        )  # fmt: skip
        capsys.readouterr()
        frame.nxsms.try_out(real, to="+4915112345678", rows=2)
    assert trial["why"].tolist() == ["longest, GSM-7", "with a short link"]
    assert trial["short_link"].tolist()[1] == LINK
    assert trial["content"].tolist()[1] == "Hi #1#"
    assert "short_link" not in plain
    assert "The phone shows what the vendor puts in place of #1#" in capsys.readouterr().out
