"""Texts from a template: plain columns and specs, and nothing sent that was not meant."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.rows.templates import render
from nxsms_nb.rows.validate import validate


def texts(frame, template):
    return [None if pd.isna(text) else text for text in render(frame, template)]


@pytest.fixture(name="frame")
def _frame():
    return pd.DataFrame(
        {
            "name": ["Ann", None, "牛小信"],
            "count": [1, 2, 3],
            "gap": [1200, None, 7],
            "amount": [9.5, 10.25, None],
            "when": pd.to_datetime(["2026-03-01", None, "2026-03-02"]),
            "tier": pd.Categorical(["gold", None, "new"]),
            "yes": [True, False, True],
        },
        index=["x", "x", "y"],
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Hi", ["Hi", "Hi", "Hi"]),
        ("", ["", "", ""]),
        ("Hi {name}!", ["Hi Ann!", None, "Hi 牛小信!"]),
        ("{count}", ["1", "2", "3"]),
        ("{count}{count:03d}", ["1001", "2002", "3003"]),
        ("{amount}", ["9.5", "10.25", None]),
        ("{amount:.2f}", ["9.50", "10.25", None]),
        ("{gap}", [None, None, None]),
        ("{gap:.0f}", ["1200", None, "7"]),
        ("{gap:,.0f}", ["1,200", None, "7"]),
        ("{when}", ["2026-03-01", None, "2026-03-02"]),
        ("{when:%d.%m.}", ["01.03.", None, "02.03."]),
        ("{tier} {yes}", ["gold True", None, "new True"]),
        ("{tier:>5}", [" gold", None, "  new"]),
        ("{{{count}}} {{}}", ["{1} {}", "{2} {}", "{3} {}"]),
        ("{name:}", ["Ann", None, "牛小信"]),
    ],
)
def test_each_row_gets_its_text_or_none(frame, template, expected):
    """Columns and specs are filled in; a null, or a whole number turned float, gives no text."""
    assert texts(frame, template) == expected


def test_the_text_is_a_column_to_assign(frame):
    """The result is named content and has the frame's index, repeated labels included."""
    content = render(frame, "Hi {count}")
    assert content.name == "content"
    assert content.index.equals(frame.index)
    assert pd.api.types.is_string_dtype(content.dtype)
    assert frame.assign(content=content)["content"].tolist() == ["Hi 1", "Hi 2", "Hi 3"]


def test_a_whole_float_gives_no_text_whatever_stands_beside_it():
    """A row's text does not depend on other rows: 1200.0 is not sent, with or without a gap in sight."""
    frame = pd.DataFrame({"amount": [1200.0, 9.99, 1e20]})
    assert texts(frame, "{amount}") == [None, "9.99", "1e+20"]
    assert texts(frame.iloc[:1], "{amount}") == [None]


def test_nullable_whole_numbers_are_written_as_such():
    """Int64 keeps whole numbers whole, so no spec is needed."""
    assert texts(pd.DataFrame({"n": pd.array([1200, None], dtype="Int64")}), "{n}") == ["1200", None]


def test_validation_says_where_to_look_when_there_is_no_text():
    """A row without text is a problem whose hint names the float that a gap made, and the spec."""
    frame = pd.DataFrame({"phone": ["8615088888888"], "amount": [1200.0]})
    problems = validate(frame.assign(content=render(frame, "{amount}"))).problems
    assert problems["rule"].tolist() == ["content_missing"]
    assert "{amount:.0f}" in problems["hint"][0]


def test_equal_values_of_a_mixture_are_written_by_their_own_type():
    """1, 1.0, True and a decimal in one column keep their own form under a spec."""
    frame = pd.DataFrame({"v": pd.Series([1, 1.0, True, Decimal("1.0"), None], dtype=object)})
    assert texts(frame, "{v:>4}") == ["   1", " 1.0", "   1", " 1.0", None]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
@pytest.mark.parametrize("spec", ["%d %b", "%A %x %%H", "%-d. %m", "%d %b %H:%M", "%c", "%j %Z", "%s"])
def test_moments_are_written_as_python_writes_them(spec, zone, unit):
    """A spec for dates gives what the moment alone gives, zone and unit aside."""
    when = pd.Series(pd.date_range("2026-03-01 20:15", periods=4, freq="7h", tz=zone).as_unit(unit))
    assert texts(pd.DataFrame({"when": when}), f"{{when:{spec}}}") == [format(moment, spec) for moment in when]


def test_a_spec_that_fits_some_values_leaves_the_others_without_text():
    """One bad cell costs its own row only."""
    assert texts(pd.DataFrame({"v": pd.Series([1.5, "n/a"], dtype=object)}), "{v:.1f}") == ["1.5", None]


def test_half_a_character_gives_no_text():
    """A value that is not Unicode gives no text, with or without a spec."""
    frame = pd.DataFrame({"v": pd.Series(["\ud83d", "ok"], dtype=object)})
    assert texts(frame, "{v}") == texts(frame, "{v:<2}") == [None, "ok"]


def test_labels_that_are_no_names():
    """{0} is a column labelled 0, and a label with a dot is a label."""
    frame = pd.DataFrame({0: ["a"], "first.name": ["b"], "1": ["c"]})
    assert texts(frame, "{0}{first.name}{1}") == ["abc"]


@pytest.mark.parametrize("columns", [["name"], pd.MultiIndex.from_tuples([("name", "")])])
def test_an_empty_frame_gives_no_texts(columns):
    """No rows, no texts."""
    frame = pd.DataFrame(np.empty((0, 1)), columns=columns)
    assert len(render(frame, "Hi")) == 0


def test_several_index_levels_are_kept():
    """A frame with several index levels gives a series with the same."""
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 1)]))
    assert render(frame, "{n}").index.equals(frame.index)


@pytest.mark.parametrize(
    ("template", "error", "words"),
    [
        ("{nmae}", ColumnError, ["{nmae}", "Did you mean {name}?", "'count'"]),
        ("{2}", ColumnError, ["{2}"]),
        ("{}", ConfigError, ["{}", "{name}"]),
        ("{:.2f}", ConfigError, ["names no column"]),
        ("{name.upper}", ConfigError, ["{name.upper}", "make a column"]),
        ("{name[0]}", ConfigError, ["{name[0]}", "'count'"]),
        ("{name.__class__.__mro__}", ConfigError, ["reaches into a value"]),
        ("{name!r}", ConfigError, ["{name!r}", "conversion"]),
        ("{amount:{count}}", ConfigError, ["{amount:{count}}", "Write the spec out"]),
        ("{name:.2f}", ConfigError, ["{name:.2f}", "fits no value"]),
        ("{gap:d}", ConfigError, ["{gap:d}", ".2f"]),
        ("100 } off", ConfigError, ["written twice"]),
        ("Hi {name", ConfigError, ["cannot be read"]),
        ("\ud800", ConfigError, ["half a character"]),
        (7, ConfigError, ["not int"]),
    ],
)
def test_a_bad_template_names_the_piece_and_the_remedy(frame, template, error, words):
    """The error quotes the piece that is wrong and says what to write."""
    with pytest.raises(error) as caught:
        render(frame, template)
    assert all(word in str(caught.value) for word in words)


def test_a_label_that_stands_twice_is_refused():
    """Which of two columns is meant cannot be guessed."""
    with pytest.raises(ColumnError, match="more than one column 'n'"):
        render(pd.DataFrame([[1, 2]], columns=["n", "n"]), "{n}")


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4),
)
def test_text_goes_through_unchanged(literal, values):
    """Braces doubled, any literal and any text value come out as they are."""
    frame = pd.DataFrame({"v": pd.Series(values, dtype=object)})
    template = literal.replace("{", "{{").replace("}", "}}") + "{v}"
    assert texts(frame, template) == [literal + value for value in values]
