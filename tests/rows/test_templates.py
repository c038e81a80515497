"""Texts from a template: plain columns and specs, and nothing sent that was not meant."""

from __future__ import annotations

import datetime as dt
import enum
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.errors import ColumnError, ConfigError, RenderWarning
from nxsms_nb.rows.templates import render
from nxsms_nb.rows.validate import validate


def texts(frame, template, **options):
    """The texts; what is warned of stands in tests of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RenderWarning)
        return [None if pd.isna(text) else text for text in render(frame, template, **options)]


def column(values, dtype=object):
    return pd.DataFrame({"v": pd.Series(values, dtype=dtype)})


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
        ("{gap}", ["1200", None, "7"]),
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
    """Columns and specs are filled in; a gap gives no text."""
    assert texts(frame, template) == expected


def test_the_text_is_a_column_to_assign(frame):
    """The result is named content and has the frame's index, repeated labels included."""
    content = render(frame, "Hi {count}")
    assert content.name == "content"
    assert content.index.equals(frame.index)
    assert pd.api.types.is_string_dtype(content.dtype)
    assert frame.assign(content=content)["content"].tolist() == ["Hi 1", "Hi 2", "Hi 3"]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1200.0, None, 7.0], "float64", ["1200", None, "7"]),
        ([1200.0, 9.99], "float64", ["1200.0", "9.99"]),
        ([1200.0, None, 9.5], "Float64", ["1200.0", None, "9.5"]),
        ([1200.0, None], pd.ArrowDtype(pa.float64()), ["1200", None]),
        ([1200.0, 0.1], "float32", ["1200.0", "0.1"]),
        ([1200.0, 0.1], "float16", ["1200.0", "0.1"]),
        ([1e15, 0.5, 1e16, 1e-5, 0.00012], "float64", ["1000000000000000.0", "0.5", "1e+16", "1e-05", "0.00012"]),
        ([-0.0, np.inf, 3.0], "float64", ["0", "inf", "3"]),
        ([2.0**53, 3.0], "float64", [None, "3"]),
        ([1200.0, None, 7.0], "category", ["1200", None, "7"]),
        ([1200.0, 7.0, 7.0], pd.SparseDtype("float64", 7.0), ["1200", "7", "7"]),
        ([1200.0, None, "soon"], object, ["1200", None, "soon"]),
        ([1200.0, 9.5, "soon"], object, ["1200.0", "9.5", "soon"]),
        ([1200.0, True, 2**70], object, ["1200", "True", str(2**70)]),
    ],
)
def test_whole_floats_are_written_whole_in_a_column_of_them(values, dtype, expected):
    """A gap makes floats of whole numbers; beside a fraction they are floats, written as the frame shows them."""
    assert texts(column(values, dtype), "{v}") == expected


@pytest.mark.parametrize("dtype", ["double[pyarrow]", "float[pyarrow]", "Float64"])
@pytest.mark.parametrize("values", [[1.5, 0.0], [1.0, 0.0]])
def test_not_a_number_is_a_gap(dtype, values):
    """Some dtypes tell it from a missing value; what is sent never reads nan."""
    numbers = pd.Series(values, dtype=dtype)
    frame = pd.DataFrame({"v": numbers / numbers * numbers})
    first = str(values[0]) if values[0] % 1 else "1"
    assert texts(frame, "{v}") == [first, None]
    assert texts(frame, "{v|none}") == [first, "none"]
    assert texts(frame, "{v:.1f|none}") == [f"{values[0]:.1f}", "none"]


class Tier(str, enum.Enum):  # noqa: UP042  an older way, whose words for themselves differ
    """Texts whose own word for themselves is another."""

    GOLD = "gold"


class Plain(enum.Enum):
    GOLD = "gold"


class Quiet(str):
    __slots__ = ()

    def __str__(self):
        return "hidden"

    def __format__(self, spec):
        return "hidden"


@pytest.mark.parametrize("beside", [[], [1], [None], [b"x"], [Decimal(1)]])
@pytest.mark.parametrize(
    ("value", "expected"),
    [(Tier.GOLD, "gold"), (Quiet("gold"), "gold"), (np.str_("gold"), "gold"), (Plain.GOLD, "Plain.GOLD")],
)
def test_what_derives_from_text_is_written_alike_whatever_is_next_to_it(value, expected, beside):
    """Its text, with or without a spec, and not what its class makes of it in one row or the other."""
    frame = column([value, *beside])
    assert texts(frame, "{v}")[0] == expected
    assert texts(frame, "{v:<6}")[0] == f"{expected:<6}"
    assert texts(frame.astype("category"), "{v}")[0] == expected if not beside else True


ZONE = dt.timezone(dt.timedelta(hours=8))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.to_datetime(["2026-03-02"]).tz_localize("Asia/Shanghai"), ["2026-03-02 00:00:00+08:00"]),
        (pd.to_datetime(["2026-03-02"]).tz_localize("Asia/Shanghai").as_unit("s"), ["2026-03-02 00:00:00+08:00"]),
        (
            pd.to_datetime(["2026-03-29 00:30", None, "2026-03-29 12:00"]).tz_localize("Europe/Berlin"),
            ["2026-03-29 00:30:00+01:00", None, "2026-03-29 12:00:00+02:00"],
        ),
        (pd.to_datetime(["2026-03-01 00:00", "2026-03-02 12:30"]), ["2026-03-01 00:00:00", "2026-03-02 12:30:00"]),
        (pd.to_datetime(["2026-03-01", None]), ["2026-03-01", None]),
        (pd.to_datetime(["2026-03-01 08:00:00.25"]), ["2026-03-01 08:00:00.25"]),
        ([dt.datetime(2026, 3, 2, 9, tzinfo=ZONE), "soon"], ["2026-03-02 09:00:00+08:00", "soon"]),
        ([pd.Timestamp(2026, 3, 2).to_pydatetime(), "soon"], ["2026-03-02", "soon"]),
        (
            [pd.Timestamp(2026, 3, 2).to_pydatetime(), pd.Timestamp(2026, 3, 2, 9)],
            ["2026-03-02 00:00:00", "2026-03-02 09:00:00"],
        ),
        ([dt.date(2026, 3, 2), dt.time(9, 30), dt.timedelta(hours=1)], ["2026-03-02", "09:30:00", "0 days 01:00:00"]),
        (
            pd.Series([dt.datetime(2026, 3, 2, tzinfo=ZONE)], dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Shanghai"))),
            ["2026-03-02 00:00:00+08:00"],
        ),
        (pd.Series([dt.date(2026, 3, 2), None], dtype=pd.ArrowDtype(pa.date32())), ["2026-03-02", None]),
        (pd.Series(pd.period_range("2026-03", periods=2, freq="M")), ["2026-03", "2026-04"]),
    ],
)
def test_moments_are_written_in_their_own_zone(values, expected):
    """The day is the one that the frame shows; a column of midnights is one of days."""
    assert texts(pd.DataFrame({"v": values}), "{v}") == expected


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["12.00", "12.50"], object, ["12.00", "12.50"]),
        (["12.00", "12.50"], pd.ArrowDtype(pa.decimal128(9, 2)), ["12.00", "12.50"]),
        (["0.00000001", "12.5"], pd.ArrowDtype(pa.decimal128(12, 8)), ["0.00000001", "12.50000000"]),
        (["1E+3", "1E-8", "0E+2"], object, ["1000", "0.00000001", "0"]),
        (["1E+999999", "NaN", "Infinity"], object, ["1E+999999", None, "Infinity"]),
    ],
)
def test_decimals_keep_their_zeros(values, dtype, expected):
    """An amount is written to the cent, and in digits."""
    assert texts(column([Decimal(value) for value in values], dtype), "{v}") == expected


def test_what_cannot_be_written_gives_no_text():
    """Objects that fail, bytes that are no text, half characters: never a stand-in."""

    class Broken:
        def __str__(self):
            raise RuntimeError

    assert texts(column([Broken(), b"\xff", b"ok", "\ud800", Tier, [1, 2]]), "{v}") == [
        None, None, "ok", None, "<enum 'Tier'>", "[1, 2]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Hi {name|there}!", ["Hi Ann!", "Hi there!", "Hi 牛小信!"]),
        ("Hi{name|}", ["HiAnn", "Hi", "Hi牛小信"]),
        ("{amount:.1f|nothing: so far}", ["9.5", "10.2", "nothing: so far"]),
        ("{when:%H:%M|10:00}", ["00:00", "10:00", "00:00"]),
        ("{name|a|b}", ["Ann", "a|b", "牛小信"]),
        ("{name|it's 50% off!}", ["Ann", "it's 50% off!", "牛小信"]),
        ("{name|你好}{name}", ["AnnAnn", None, "牛小信牛小信"]),
        ("{tier|none yet} {gap|0}", ["gold 1200", "none yet 0", "new 7"]),
    ],
)
def test_a_text_stands_in_for_a_gap(frame, template, expected):
    """What follows the | is written where the column has none, and nowhere else."""
    assert texts(frame, template) == expected


def test_a_label_with_signs_of_a_template_is_found():
    """A column that is called so is meant before anything is read into its name."""
    frame = pd.DataFrame({"a|b": ["1"], "c:d": ["2"], "e!f": ["3"]})
    assert texts(frame, "{a|b}{c:d}{e!f}") == ["123"]


def test_a_gap_is_warned_of_once_with_its_column_and_how_many(frame):
    """It names rows, the first place, each column and the way out, where the call stands."""
    with pytest.warns(RenderWarning) as caught:
        frame.nxsms.render("{name} {amount:.2f} {yes}")
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message) == (
        "2 of 3 rows got no text, the first at position 1: 'name' is missing in 1, 'amount' is missing in 1. "
        "Write the replacement after a |, as in {name|…}. Rows without a text are not sent."
    )


@pytest.mark.parametrize(
    ("values", "template", "words"),
    [
        ([1.5, "n/a"], "{v:.1f}", "{v:.1f} does not fit the value in 1."),
        (["\ud800", "a"], "{v}", "{v} is half a character"),
        ([2.0**60, 1.0], "{v}", "a float too large to hold every digit, in 1."),
        ([None, "a"], "{v:>3}", "as in {v:>3|…}."),
        ([None, "a"], "{v}{v}", "'v' is missing in 1. "),
    ],
)
def test_what_is_lacking_is_said(values, template, words):
    """Whatever the reason, the warning has it."""
    with pytest.warns(RenderWarning) as caught:
        render(column(values), template)
    assert words in str(caught[0].message)


def test_a_number_as_a_label_is_masked():
    """A file without a header has somebody's number there."""
    frame = pd.DataFrame({"8615088888888": [None, "a"]})
    with pytest.warns(RenderWarning) as caught:
        render(frame, "{8615088888888}")
    assert "8615088888888" not in str(caught[0].message)


LANGUAGES = {"de": "Hallo {name|}", "zh": "你好{name}", None: "Hi {name}"}


@pytest.mark.parametrize("dtype", ["str", object, "category", "string"])
def test_each_row_has_the_template_of_its_value(dtype):
    """A mapping with `by=` gives each language its own; None is for rows without a value; order and index stay."""
    frame = pd.DataFrame({"name": ["A", "B", "C", "D"], "language": pd.Series(["zh", "de", None, "de"], dtype=dtype)})
    frame.index = list("wxyz")
    assert texts(frame, LANGUAGES, by="language") == ["你好A", "Hallo B", "Hi C", "Hallo D"]
    assert render(frame, LANGUAGES, by="language").index.tolist() == list("wxyz")


@pytest.mark.parametrize(("keys", "values"), [([1, 2], [2.0, 1.0]), ([True, False], [False, True])])
def test_the_values_may_be_of_any_kind(keys, values):
    """Whole floats are the numbers they were."""
    frame = pd.DataFrame({"kind": values})
    assert texts(frame, dict(zip(keys, ["a", "b"], strict=True)), by="kind") == ["b", "a"]


@pytest.mark.parametrize("gap", [None, pd.NA, np.nan, pd.NaT])
def test_a_gap_of_any_kind_names_the_template_for_gaps(gap):
    """The mapping may be made of a column."""
    frame = pd.DataFrame({"language": ["de", None]})
    assert texts(frame, {"de": "Hallo", gap: "Hi"}, by="language") == ["Hallo", "Hi"]


def test_rows_without_a_template_get_no_text_and_are_warned_of():
    """Each value is named with how many rows have it; gaps count only in the rows whose template needs the column."""
    frame = pd.DataFrame({"name": ["A", None, None, "D"], "language": ["de", "de", "zh", "fr"]})
    with pytest.warns(RenderWarning) as caught:
        content = render(frame, {"de": "Hallo {name|du}", "zh": "你好{name}"}, by="language")
    assert content.isna().tolist() == [False, False, True, True]
    assert "2 of 4 rows" in str(caught[0].message)
    assert "'name' is missing in 1" in str(caught[0].message)
    assert "no template is for 'language' 'fr' in 1" in str(caught[0].message)


@pytest.mark.parametrize(
    ("template", "by", "error", "words"),
    [
        ({"de": "Hi"}, None, ConfigError, "by="),
        ("Hi", "tier", ConfigError, "by='tier' needs a template for each value"),
        ({}, "tier", ConfigError, "no template"),
        ({"de": "Hi"}, "tier", ConfigError, "No row's 'tier' is one of 'de'"),
        ({"gold": "Hi"}, "teir", ColumnError, "Did you mean by='tier'?"),
        ({"gold": 7}, "tier", ConfigError, "not int"),
        ({"gold": "{nmae}"}, "tier", ColumnError, "Did you mean {name}?"),
        ({"gold": "Hi"}, ["tier"], ColumnError, "by= takes a column's name"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(frame, template, by, error, words):
    """The error says what is lacking."""
    with pytest.raises(error) as caught:
        render(frame, template, by=by)
    assert words in str(caught.value)


def test_nullable_whole_numbers_are_written_as_such():
    """Int64 keeps whole numbers whole, so no spec is needed."""
    assert texts(pd.DataFrame({"n": pd.array([1200, None], dtype="Int64")}), "{n}") == ["1200", None]


def test_validation_says_where_to_look_when_there_is_no_text():
    """A row without text is a problem whose hint names the gap and what to write for it."""
    frame = pd.DataFrame({"phone": ["8615088888888"], "name": [None]})
    problems = validate(frame.assign(content=texts(frame, "{name}"))).problems
    assert problems["rule"].tolist() == ["content_missing"]
    assert "{name|there}" in problems["hint"][0]


def test_equal_values_of_a_mixture_are_written_by_their_own_type():
    """1, 1.0, True and a decimal in one column keep their own form under a spec."""
    frame = pd.DataFrame({"v": pd.Series([1, 1.0, True, Decimal("1.0"), None], dtype=object)})
    assert texts(frame, "{v:>4}") == ["   1", " 1.0", "   1", " 1.0", None]


@pytest.mark.parametrize("dtype", ["float64", "Float64", "float32", "float64[pyarrow]", "category", object])
@pytest.mark.parametrize(
    ("spec", "text"),
    [(",", "1,234,567"), ("d", "1234567"), (">9", "  1234567"), (",.1f", "1,234,567.0"), (".3", "1.23e+06")],
)
def test_a_gap_in_another_row_changes_no_text_with_a_spec(spec, text, dtype):
    """Whole numbers are written whole where all of them are, as without a spec."""
    values = pd.Series([1234567.0, None]).astype(dtype)
    assert texts(pd.DataFrame({"v": values}), f"{{v:{spec}}}") == [text, None]


def test_a_fraction_or_infinity_in_the_column_keeps_its_form():
    """A column with fractions is no column of whole numbers; what is not finite is written as it is."""
    assert texts(column([1234567.0, 2.5], float), "{v:,}") == ["1,234,567.0", "2.5"]
    assert texts(column([1234567.0, np.inf], float), "{v:,}") == ["1,234,567", "inf"]
    assert texts(column([1234567.0, 2.0**60], float), "{v:,}") == ["1,234,567", "1.152921504606847e+18"]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
@pytest.mark.parametrize("spec", ["%d %b", "%A %x %%H", "%-d. %m", "%d %b %H:%M", "%I %p %Z", "%c", "%j %Z", "%s"])
def test_moments_are_written_as_python_writes_them(spec, zone, unit):
    """A spec gives what the moment alone gives, zone and unit aside."""
    when = pd.Series(pd.date_range("2026-03-01 20:15", periods=4, freq="7h", tz=zone).as_unit(unit))
    assert texts(pd.DataFrame({"when": when}), f"{{when:{spec}}}") == [format(moment, spec) for moment in when]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_the_hour_that_a_zone_repeats_is_written(zone):
    """Both times of that hour have their own offset."""
    start = {"Europe/Berlin": "2026-10-24 22:59:59", "Australia/Lord_Howe": "2026-04-04 13:59:59"}[zone]
    when = pd.Series(pd.date_range(start, periods=8, freq="901s", tz="UTC").tz_convert(zone))
    for spec in ("%H:%M %z", "%d", "%H:%M:%S"):
        assert texts(pd.DataFrame({"when": when}), f"{{when:{spec}}}") == [format(moment, spec) for moment in when]


def test_a_spec_that_fits_some_values_leaves_the_others_without_text():
    """One bad cell costs its own row only."""
    assert texts(pd.DataFrame({"v": pd.Series([1.5, "n/a"], dtype=object)}), "{v:.1f}") == ["1.5", None]


def test_half_a_character_gives_no_text():
    """A value that is not Unicode gives no text, with or without a spec."""
    frame = column(["\ud83d", "ok"])
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
        ("{amount:d}", ConfigError, ["{amount:d}", ".2f"]),
        ("100 } off", ConfigError, ["written twice"]),
        ("Hi {name", ConfigError, ["cannot be read"]),
        ("\ud800", ConfigError, ["half a character"]),
        (7, ConfigError, ["not int"]),
        ("{amount|nothing:.2f}", ConfigError, ["{amount|nothing:.2f}", "{amount:.2f|nothing}"]),
        ("{when:%d|%m}", ConfigError, ["in the middle of its spec"]),
        ("{name:|>8}", ConfigError, ["in the middle of its spec"]),
        ("{name|{count}}", ConfigError, ["cannot be read"]),
        ("{|there}", ConfigError, ["names no column"]),
        ("{Name}", ColumnError, ["Did you mean {name}?"]),
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
