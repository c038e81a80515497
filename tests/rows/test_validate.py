"""Rows that share a key or an id, and the report of every problem."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import ColumnError, ConfigError, ValidationError
from nxsms_nb.rows.keys import repeats
from nxsms_nb.rows.message_ids import Keys
from nxsms_nb.rows.problems import suspicions
from nxsms_nb.rows.validate import examine, validate
from nxsms_nb.settings import CHECKING, COLUMNS, with_defaults

A, B = "8615088888888", "447946000000"


def frame_of(rows, columns=("phone", "content"), index=None):
    return pd.DataFrame(rows, columns=list(columns), index=index)


@pytest.fixture(name="broken")
def _broken():
    return frame_of(
        [(A, "Hi"), ("8.61508E+12", " "), (f"+{A}", "Hi"), (B, "<b>code 4711</b>" + "x" * 1000)],
        index=["a", "b", "b", "c"],
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "8615088888888\x1fHi", "8615088888888\x1fHo", None]), st.booleans())
    )
)
def test_a_row_counts_the_good_rows_before_it_that_share_its_key(rows):
    """The ordinal of a row is the number of earlier good rows with its key; bad rows have none."""
    keys = Keys([pa.array([key for key, _ in rows], pa.large_string())], " ")
    seen: dict[str, int] = {}
    expected = []
    for key, good in rows:
        if key is None or not good:
            expected.append(-1)
            continue
        expected.append(seen.get(key, 0))
        seen[key] = seen.get(key, 0) + 1
    assert repeats(keys, np.array([good for _, good in rows], bool)).tolist() == expected


@given(st.lists(st.text("ab", max_size=30), max_size=60), st.integers(0, 3))
def test_keys_are_compared_in_full_wherever_they_lie(texts, start):
    """Keys that begin alike are distinguished, and equal ones found, in a slice too."""
    part = pa.array(texts, pa.large_string())[start:]
    shared = pa.array(["everybody's"] * len(part), pa.large_string())
    for parts in ([part], [shared, part], [part, shared]):
        keys = Keys(parts, " ")
        ordinals = repeats(keys, np.ones(len(keys), bool)).tolist()
        assert ordinals == pd.Series(keys.to_pylist(), dtype=object).groupby(keys.to_pylist()).cumcount().tolist()


def test_equal_keys_are_found_whichever_others_they_stand_among():
    """Short and long keys are looked at in other ways, many rows at a time: the same key counts as the same everywhere."""
    usual = [f"{'x' * (n % 9)}{n:08d}" for n in range(4096)]
    mixed = [f"{'y' * (n % 40)}{n}" for n in range(3000)]
    texts = [*usual, *mixed, *usual[::2], *mixed[::3], *usual[::3]]
    keys = Keys([pa.array(texts, pa.large_string())], " ")
    ordinals = repeats(keys, np.ones(len(keys), bool)).tolist()
    assert ordinals == pd.Series(texts).groupby(texts).cumcount().tolist()
    assert max(ordinals) == 2


def test_a_good_frame_is_ok():
    """Without a problem, all rows are valid and nothing raises."""
    frame = frame_of([(A, "Hi"), (B, "Hi")])
    report = validate(frame)
    assert report.ok
    assert report.problems.empty
    assert report.invalid.empty
    assert report.raise_if_bad() is report
    pd.testing.assert_frame_equal(report.valid, frame)
    assert repr(report) == "ValidationReport: No problem in 2 rows."


def test_problems_are_a_frame_with_a_row_for_each(broken):
    """Position, label, field, code, rule, masked value and hint, in the order of the rows."""
    problems = validate(broken).problems
    assert problems.columns.tolist() == ["position", "index", "field", "code", "rule", "value", "hint"]
    assert problems["position"].tolist() == [1, 1, 2, 3]
    assert problems["index"].tolist() == ["b", "b", "b", "c"]
    assert problems["field"].tolist() == ["phone", "content", "key", "content"]
    assert problems["rule"].tolist() == ["phone_digits_lost", "content_blank", "duplicate", "content_too_long"]
    assert problems["code"].astype(object).where(problems["code"].notna(), None).tolist() == [13005, 13009, None, 13001]
    assert problems["value"].tolist() == ["8.6••••••12", " ", "861••••••••88", "<b>code ••••</b>xxxxxxxxxxxxx…"]
    assert (problems["position"].dtype, problems["code"].dtype) == ("int64", "Int64")
    assert problems["hint"].str.len().gt(10).all()


def test_problems_have_the_same_types_when_there_are_none():
    """An empty table of problems has the columns and types of a full one."""
    full = validate(frame_of([("x", "Hi")])).problems
    none = validate(frame_of([(A, "Hi")])).problems
    assert none.dtypes.drop("index").equals(full.dtypes.drop("index"))


def test_rows_are_parted_by_position_not_by_label(broken):
    """Labels that repeat do not matter: each row is either valid or invalid."""
    report = validate(broken)
    assert report.valid["content"].tolist() == ["Hi"]
    assert len(report.valid) + len(report.invalid) == len(broken)
    assert report.invalid.index.tolist() == ["b", "b", "c"]


def test_labels_of_a_multiindex_are_tuples():
    """A frame with several index levels gives each problem its whole label."""
    frame = frame_of([("x", "Hi"), (A, "Hi")], index=pd.MultiIndex.from_tuples([("n", 1), ("s", 2)]))
    assert validate(frame).problems["index"].tolist() == [("n", 1)]


@pytest.mark.parametrize(
    ("options", "repeated"),
    [
        ({}, [1]),
        ({"campaign": "spring"}, [1, 2, 3]),
        ({"key": "order"}, [2, 4]),
        ({"key": ["order", "content"]}, [4]),
        ({"key": ["phone", "order"]}, [2]),
    ],
)
def test_what_makes_rows_the_same_recipient(options, repeated):
    """Unnamed: number and text; in a campaign: the number; with key=: those columns."""
    rows = [(A, "Hi", 1), (f"+{A}", "Hi", 2), (A, "Ho", 1.0), (A, "Hu", 3), (B, "Hi", "1")]
    frame = frame_of(rows, ["phone", "content", "order"])
    problems = validate(frame, **options).problems
    assert problems["position"].tolist() == repeated
    assert set(problems["rule"]) == {"duplicate"}
    assert validate(frame, **options, duplicates="drop").ok
    assert validate(frame, **options, duplicates="allow").ordinals.tolist().count(0) == len(frame) - len(repeated)


def test_sender_and_link_tell_rows_apart_but_receipt_fields_do_not():
    """Source address and short link belong to the key of an unnamed call; dr_url, ext and link_verbose do not."""
    columns = ["phone", "content", "source_address", "short_link", "dr_url", "ext", "link_verbose"]
    rows = [
        (A, "#1#", "ACME", "x", "http://a.example", "1", 1),
        (A, "#1#", "EMCA", "x", "http://a.example", "1", 1),
        (A, "#1#", "ACME", "y", "http://a.example", "1", 1),
        (A, "#1#", "ACME", "x", "http://b.example", "2", 0),
    ]
    assert validate(frame_of(rows, columns)).problems["position"].tolist() == [3]


def test_a_bad_row_is_nobodys_duplicate():
    """Invalid rows have no key: the next good row is the first of its own."""
    frame = frame_of([(A, "Hi", "?"), (A, "Hi", None)], ["phone", "content", "source_address"])
    assert validate(frame, campaign="spring").ordinals.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("duplicates", "expected"),
    [
        ("raise", {1: "duplicate", 2: "sys_message_id_shared", 3: "sys_message_id_shared"}),
        ("drop", {2: "sys_message_id_shared", 3: "sys_message_id_shared"}),
        ("allow", {1: "sys_message_id_repeated", 2: "sys_message_id_shared", 3: "sys_message_id_shared"}),
    ],
)
def test_an_id_is_never_used_for_two_effects(duplicates, expected):
    """Rows with one sysMessageId are duplicates where they are the same, and all refused where they are not."""
    rows = [(A, "Hi", "order-0001"), (A, "Hi", "order-0001"), (A, "Ho", "order-0002"), (B, "Ho", "order-0002")]
    rows += [(B, "Hi", None), (B, "Hu", None), (B, "He", "order-0003")]
    frame = frame_of(rows, ["phone", "content", "sys_message_id"])
    problems = validate(frame, duplicates=duplicates).problems
    assert dict(zip(problems["position"], problems["rule"], strict=True)) == expected


def test_an_id_of_a_bad_row_is_free():
    """A row that cannot be sent does not take an id away from one that can."""
    frame = frame_of([("x", "Hi", "order-0001"), (A, "Hi", "order-0001")], ["phone", "content", "sys_message_id"])
    assert validate(frame).problems["rule"].tolist() == ["phone_unreadable"]


def test_duplicates_raise_before_anything_is_sent():
    """The error counts the rows, shows the first with its value masked, names both ways out and carries the report."""
    frame = frame_of([(A, "Hi"), (f"+{A}", "Hi"), ("x", "Hi")])
    with pytest.raises(
        ValidationError, match=r'1 of 3 rows .* position 1 \(861••••••••88\).*"drop".*"allow"'
    ) as caught:
        examine(frame, with_defaults({}, COLUMNS, CHECKING))
    assert len(caught.value.report.problems) == 2


def test_other_problems_raise_only_where_it_is_strict():
    """Invalid rows pass through unless asked to raise."""
    frame = frame_of([(A, "Hi"), ("x", "Hi")])
    settings = with_defaults({"duplicates": "drop"}, COLUMNS, CHECKING)
    assert not examine(frame, settings).ok
    with pytest.raises(ValidationError, match=r"1 of 2 rows has a problem.*phone_unreadable 1"):
        examine(frame, settings, strict=True)


def test_the_text_form_tells_each_rule_with_its_first_row(broken):
    """The text form is a table of fixed columns, with a first position for each rule."""
    assert repr(validate(broken)).splitlines() == [
        "ValidationReport: 3 of 4 rows have problems (4 in all); 1 may be sent.",
        "",
        "rule                    field             code        rows  first at position",
        "phone_digits_lost       phone            13005           1  1",
        "content_blank           content          13009           1  1",
        "content_too_long        content          13001           1  3",
        "duplicate               key                  –           1  2",
        "",
        "Each one, with what to do: .problems   The rows: .valid, .invalid",
    ]


def test_the_text_form_tells_what_becomes_of_repeated_rows():
    """Rows that will be dropped, or sent again, are counted."""
    frame = frame_of([(A, "Hi")] * 3)
    assert '2 rows repeat an earlier key and will be dropped (duplicates="drop").' in repr(
        validate(frame, duplicates="drop")
    )
    assert "will be sent too" in validate(frame, duplicates="allow")._repr_html_()


def test_the_html_form_is_escaped_and_static(broken):
    """The HTML form has a row for each rule and no script, style sheet or id."""
    html = validate(broken)._repr_html_()
    assert html.count("<tr") == 5
    assert "region=&quot;" not in html
    assert "duplicates=&quot;drop&quot;" in html
    assert not any(word in html for word in ("<script", "<style", "id=", "4711", A))


def test_counts_have_a_row_for_each_rule(broken):
    """Counts by rule, with the first position."""
    counts = validate(broken).counts
    assert counts.loc["duplicate", ["rows", "position"]].tolist() == [1, 2]
    assert counts["rows"].sum() == len(validate(broken).problems)


def test_the_report_keeps_what_it_saw():
    """A column set afterwards does not change the report's rows."""
    frame = frame_of([("x", "Hi")])
    report = validate(frame)
    frame["phone"] = A
    assert report.invalid["phone"].tolist() == ["x"]
    assert not report.ok


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"key": "order"}, ColumnError, "key='order' names a column the frame does not have"),
        ({"key": "twice"}, ColumnError, "more than one column 'twice'"),
        ({"key": []}, ConfigError, "key='order_id'"),
        ({"phone": "mobile"}, ColumnError, "phone='mobile'"),
        ({"duplicates": "keep"}, ConfigError, "duplicates='keep'"),
        ({"region": "xx"}, ConfigError, "region='xx'"),
        ({"fone": "mobile"}, TypeError, "'fone'"),
    ],
)
def test_a_wrong_option_is_named(options, error, words):
    """An option that cannot be used is an error that says which and what to give."""
    frame = frame_of([(A, "Hi", 1, 2)], ["phone", "content", "twice", "twice"])
    with pytest.raises(error) as caught:
        validate(frame, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("nan", ["content_reads_missing"]),
        ("Hi None, your code", ["content_reads_missing"]),
        ("Due <NA>.", ["content_reads_missing"]),
        ("你好nan", ["content_reads_missing"]),
        ("{name}, hi", ["content_unfilled"]),
        ("{amount:.2f} {first name}", ["content_unfilled"]),
        ("{} nan \ufffd", ["content_reads_missing", "content_unfilled", "content_replacement_character"]),
        ("Gr\ufffd\ufffde", ["content_replacement_character"]),
        ("Hi null", ["content_reads_missing"]),
        ("Hi undefined,", ["content_reads_missing"]),
        ("Due inf EUR", ["content_reads_missing"]),
        ("Hi #N/A", ["content_spreadsheet_error"]),
        ("#NAME?", ["content_spreadsheet_error"]),
        ("Hi M\u00c3\u00bcller", ["content_wrongly_decoded"]),
        ("It\u00e2\u20ac\u2122s", ["content_wrongly_decoded"]),
        ("0.30000000000000004 EUR", ["content_long_fraction"]),
        ("1e-07", ["content_long_fraction"]),
        ("more inf. at #1, 12.5 or 0.125, nullify, M\u00fcller, \u00c2ngela", []),
        ("Nancy has naan, nonetheless {:-} { } 1}", []),
    ],
)
def test_a_text_that_reads_as_a_mistake_is_warned_of(text, rules):
    """It may be meant, so it is no problem and may be sent."""
    report = validate(frame_of([(A, "Hi"), (B, text), ("x", "nan")]))
    assert report.warnings["rule"].tolist() == rules
    assert report.warnings["position"].tolist() == [1] * len(rules)
    assert report.problems["position"].tolist() == [2]
    assert report.valid["content"].tolist() == ["Hi", text]
    for shown in (repr(report), report._repr_html_()):
        assert all(rule in shown for rule in rules)
        assert (".warnings" in shown) is bool(rules)


def test_a_value_that_is_no_number_is_shown():
    """What is nobody's number is what the analyst has to look for."""
    report = validate(frame_of([("unknown", "Hi"), ("Mobil: 0151 123", "Hi"), ("see notes " * 9, "Hi")]))
    assert report.problems["value"].tolist() == ["unknown", "Mob••••••••••23", "see notes see notes see notes…"]


def test_columns_may_have_any_label():
    """Renamed columns, camelCase ones and labels that are no text are found."""
    frame = frame_of([(A, "Hi", "AC ME", 5), (B, "Hi", "ok", 5)], [("to", 1), 7, "sourceAddress", "order"])
    problems = validate(frame, phone=("to", 1), content=7, key="order").problems
    assert problems["field"].tolist() == ["source_address"]


def test_the_signature_spells_the_options_out():
    """Tab and help show every option with its default."""
    parameters = inspect.signature(validate).parameters
    assert {"campaign", "key", "duplicates", "region", *COLUMNS} < set(parameters)
    assert parameters["duplicates"].default == "raise"


def test_texts_that_read_as_a_mistake_are_found_in_any_piece_of_a_long_column():
    """Texts are looked at some thousands at a time, and a row keeps its position whichever rows are looked at."""
    content = pa.array(["Hi"] * 20_000, TEXT).to_pylist()
    for row in (0, 8191, 8192, 16_384, 19_999):
        content[row] = "Hi nan"
    texts = pa.array(content, TEXT)
    assert suspicions(texts).positions.tolist() == [0, 8191, 8192, 16_384, 19_999]
    some = np.delete(np.arange(20_000), [5, 8192])
    assert suspicions(texts, some).positions.tolist() == [0, 8191, 16_384, 19_999]
    assert not len(suspicions(texts, np.empty(0, np.int64)))
