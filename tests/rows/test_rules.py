"""The rules of the API on every row, whatever the columns hold."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import sqlite3
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.formatting import mask_phone
from nxsms_nb.rows import cells as cells_module
from nxsms_nb.rows import phones as phones_module
from nxsms_nb.rows import rules as rows_rules
from nxsms_nb.rows.canonical import canonical
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.problems import RULES, mask_phones
from nxsms_nb.rows.rules import check

PHONE = "8615088888888"


def checked(key=None, **columns):
    rows = len(next(iter(columns.values())))
    columns = {"phone": [PHONE] * rows, "content": ["Hi"] * rows, **columns}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    return check(frame, resolve(frame), key=key)


def rules(found):
    return [RULES[number].name for number in found.problems.rules]


def one(**cell):
    """The field's text and the rules broken, for a frame of one row."""
    found = checked(**{name: [value] for name, value in cell.items()})
    name = list(cell)[-1]
    assert found.good[0] == (not rules(found))
    return found.fields[name][0].as_py(), rules(found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hi", ("Hi", [])),
        ("  Hi\n ", ("  Hi\n ", [])),
        ("牛" * 1000, ("牛" * 1000, [])),
        ("😀" * 1000, ("😀" * 1000, [])),
        ("x" * 1001, (None, ["content_too_long"])),
        ("😀" * 1001, (None, ["content_too_long"])),
        ("", (None, ["content_blank"])),
        (" \t\r\n", (None, ["content_blank"])),
        ("\u00a0\u3000\u2003", (None, ["content_blank"])),
        ("\u200b\u200d\ufeff\u2060\u00ad", (None, ["content_blank"])),
        ("\u3164\u2800\ufe0f", (None, ["content_blank"])),
        ("\x00", (None, ["content_blank"])),
        (" " * 1001, (None, ["content_blank", "content_too_long"])),
        ("\u00a0.", ("\u00a0.", [])),
        (None, (None, ["content_missing"])),
        (pd.NA, (None, ["content_missing"])),
        (np.nan, (None, ["content_missing"])),
        (4711, ("4711", [])),
        (1200.0, (None, ["content_not_text"])),
        (True, (None, ["content_not_text"])),
        (dt.date(2026, 3, 1), (None, ["content_not_text"])),
        ("Hi \ud83d", (None, ["content_not_unicode"])),
        (b"Hi \xff", (None, ["content_not_unicode"])),
    ],
)
def test_content_is_taken_as_given_or_refused(content, expected):
    """Text is never trimmed; blank, too long, half characters and what is no text are problems."""
    assert one(content=content) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("source_address", "ACME", "ACME"),
        ("source_address", "a" * 20, "a" * 20),
        ("source_address", 10086, "10086"),
        ("source_address", 10086.0, "10086"),
        ("source_address", None, None),
        ("source_address", "", None),
        ("sys_message_id", "order-0001", "order-0001"),
        ("sys_message_id", "x" * 50, "x" * 50),
        ("sys_message_id", 12345678901.0, "12345678901"),
        ("sys_message_id", uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("link_verbose", 1, "1"),
        ("link_verbose", 0, "0"),
        ("link_verbose", True, "1"),
        ("link_verbose", np.False_, "0"),
        ("link_verbose", 1.0, "1"),
        ("link_verbose", "1.0", "1"),
        ("link_verbose", "0", "0"),
        ("link_verbose", np.nan, None),
        ("dr_url", "https://example.com/dr?a=1", "https://example.com/dr?a=1"),
        ("dr_url", "HTTP://user@10.0.0.1:8080", "HTTP://user@10.0.0.1:8080"),
        ("dr_url", "http://[::1]:80/x", "http://[::1]:80/x"),
        ("dr_url", "https://bücher.example/", "https://bücher.example/"),
        ("ext", "anything, at all\n", "anything, at all\n"),
        ("ext", 7.0, "7"),
        ("ext", 7.5, "7.5"),
        ("ext", pd.NaT, None),
    ],
)
def test_optional_fields_become_text_or_nothing(field, value, expected):
    """Numbers give their digits, gaps and empty text mean absent."""
    assert one(**{field: value}) == (expected, [])


@pytest.mark.parametrize(
    ("field", "value", "rule", "code"),
    [
        ("phone", "call me", "phone_unreadable", 13005),
        ("content", " ", "content_blank", 13009),
        ("content", "x" * 1001, "content_too_long", 13001),
        ("source_address", "a" * 21, "source_address_form", 13006),
        ("source_address", "AC ME", "source_address_form", 13006),
        ("source_address", "牛信", "source_address_form", 13006),
        ("source_address", "１００８６", "source_address_form", 13006),
        ("source_address", "ACME\n", "source_address_form", 13006),
        ("source_address", 10086.5, "source_address_form", 13006),
        ("source_address", True, "source_address_form", 13006),
        ("sys_message_id", "msg001", "sys_message_id_form", 9000),
        ("sys_message_id", "x" * 51, "sys_message_id_form", 9000),
        ("sys_message_id", "order_0001", "sys_message_id_form", 9000),
        ("sys_message_id", 1e17, "sys_message_id_form", 9000),
        ("short_link", "abc", "short_link_placeholder", 9000),
        ("short_link", 1.5, "short_link_not_text", 9000),
        ("link_verbose", 2, "link_verbose_form", 9000),
        ("link_verbose", "yes", "link_verbose_form", 9000),
        ("dr_url", "example.com", "dr_url_form", 9000),
        ("dr_url", "ftp://example.com", "dr_url_form", 9000),
        ("dr_url", "https://", "dr_url_form", 9000),
        ("dr_url", "https:///path", "dr_url_form", 9000),
        ("dr_url", "https://?x", "dr_url_form", 9000),
        ("dr_url", "https://exa mple.com", "dr_url_form", 9000),
        ("dr_url", "https://example.com/a b", "dr_url_form", 9000),
        ("dr_url", " https://example.com", "dr_url_form", 9000),
        ("dr_url", "https://.", "dr_url_form", 9000),
        ("dr_url", 5, "dr_url_form", 9000),
        ("ext", "\udc00", "ext_not_unicode", 9000),
    ],
)
def test_a_broken_rule_names_itself_and_the_vendors_number(field, value, rule, code):
    """Each rule of the vendor's page refuses its row, with the number the vendor would give."""
    found = checked(**{field: [value]})
    positions, codes, reasons = found.refusals()
    assert rules(found) == [rule]
    assert found.fields[field].null_count == (rule != "short_link_placeholder")
    assert (positions.tolist(), codes) == ([0], [code])
    assert reasons[0].startswith(f"{rule}, ")


def test_a_short_link_needs_its_place_in_the_content():
    """#1# in the content is what a short link fills."""
    frame = {"content": ["see #1#", "see it", "see it", None], "short_link": ["abc", "abc", None, "abc"]}
    found = checked(**frame)
    assert rules(found) == ["short_link_placeholder", "content_missing"]
    assert found.problems.positions.tolist() == [1, 3]


def test_all_problems_of_all_rows_are_found_at_once():
    """A row's problems come in the order of the fields, joined in one reason, the first giving the code."""
    found = checked(
        phone=["12", PHONE, PHONE], content=["Hi", "Hi", " "], source_address=["AC ME", None, "?"], ext=[1, 2, 3]
    )
    positions, codes, reasons = found.refusals()
    assert positions.tolist() == [0, 2]
    assert codes == [13005, 13009]
    assert [reason.split("; ")[0].split(",")[0] for reason in reasons] == ["phone_length", "content_blank"]
    assert "; source_address_form, AC ME, a sender has" in reasons[0]
    assert found.good.tolist() == [False, True, False]


def test_shown_values_are_masked():
    """No whole phone, no digit of a text and no long number appears in a problem."""
    found = checked(
        phone=["861508888888x", "12", 8615080000000.0],
        content=["code 4711 " + "x" * 1000, "a\nb" + "1" * 1000, " "],
        source_address=["15088888888-", "?", "ok"],
    )
    values = found.problems.values().to_pylist()
    assert values == [
        "861••••••••8x",
        "code •••• " + "x" * 19 + "…",
        "••••••-",
        "••",
        "a b" + "•" * 26 + "…",
        "?",
        "861••••••••00",
        " ",
    ]


@given(st.lists(st.text(), max_size=5))
def test_arrays_of_phones_are_masked_like_single_ones(texts):
    """The mask of a column is the mask of each value."""
    cells = read_cells(pd.Series(texts, dtype=object))
    assert mask_phones(cells.text).to_pylist() == [mask_phone(text) for text in cells.text.to_pylist()]


def test_a_missing_key_is_a_problem_of_the_row():
    """A row without a value in a key column cannot be told from others."""
    found = checked(key=["order"], order=[5, None, " ", "A", np.nan])
    assert found.problems.positions.tolist() == [1, 2, 4]
    assert set(rules(found)) == {"key_missing"}
    assert found.keys[0].to_pylist() == ["5", None, None, "A", None]
    assert found.refusals()[1] == [None] * 3
    assert found.refusals()[2][0].startswith("key_missing, a column named by key=")


def test_a_phone_that_is_a_key_is_the_number_as_sent():
    """Two spellings of a number are one key; a bad number is one problem, not two."""
    found = checked(key=["phone"], phone=[PHONE, f"+{PHONE}", "x"])
    assert found.keys[0].to_pylist() == [PHONE, PHONE, None]
    assert rules(found) == ["phone_unreadable"]


@pytest.mark.parametrize(
    "same",
    [
        [5, 5.0, "5", "5.0", np.int8(5), Decimal("5.00"), "005", "+5", "5.", " 5 "],
        [5.5, "5.50", Decimal("5.5"), "05.5", Decimal("5.50"), np.float32(5.5)],
        [120_000, "12E4", "1.2e+5", "12.E4", ".12E6", 120000.0],
        [0, "0E0", "0.e7", "0E123"],
        [1e-300, "1E-300", "1e-300"],
        [0.5, ".5", "0.50"],
        [0, "0", "00", 0.0, -0.0, "-0"],
        [-7, "-7", "-07.0"],
        [True, "True", np.True_, "true", "TRUE", 1, 1.0, "1"],
        [False, "False", np.False_, "false", "FALSE", 0, 0.0, "0"],
        [np.inf, "inf", "Infinity", "INF", "+infinity", Decimal("Infinity")],
        [-np.inf, "-inf", "-Infinity", Decimal("-Infinity")],
        [0.00001, "1e-05", "1E-5", "0.00001", Decimal("0.00001"), Decimal("1.0E-5")],
        ["a\r\nb", "a\rb", "a\nb", "a_x000D_\nb", "a\nb\r\n", "a_x000D_\nb_x000D_", b"a\r\nb", r"b'a\r\nb'"],
        [b"A-7", "b'A-7'", 'b"A-7"', "A-7"],
        [b"\xff\x00", r"b'\xff\x00'"],
        [dt.time(9, 30), "09:30:00", "09:30:00.000000"],
        [dt.time(9, 30, 0, 120_000), "09:30:00.120000", "09:30:00.12"],
        [
            pd.Timedelta(days=1),
            dt.timedelta(days=1),
            np.timedelta64(1, "D"),
            "1 days",
            "1 days 00:00:00",
            "1 days 00:00:00.000000",
            "1 day, 0:00:00",
            "P1DT0H0M0S",
        ],
        [pd.Timedelta("-1 days +02:00:00.5"), "-1 days +02:00:00.500000", "-P0DT21H59M59.5S"],
        ["A-1", "A-1 ", " A-1"],
        [
            pd.Timestamp("2026-03-01 09:30:00.5+08:00"),
            "2026-03-01 09:30:00.500000+08:00",
            "2026-03-01T01:30:00.5Z",
            "2026-03-01 01:30:00.5+0000",
        ],
        [
            pd.Timestamp("2026-03-01 12:30:00"),
            dt.datetime(2026, 3, 1, 12, 30),  # noqa: DTZ001 - a cell without a zone
            np.datetime64("2026-03-01T12:30"),
            "2026-03-01 12:30:00",
            "2026-03-01T12:30:00.000",
            "2026-03-01 12:30",
        ],
        [pd.Timestamp("2026-03-01"), dt.date(2026, 3, 1), "2026-03-01", "2026-03-01 00:00:00", "2026-03-01T00:00"],
        [pd.Timestamp("2026-03-01 00:00:10.25"), "2026-03-01 00:00:10.250000"],
        [uuid.UUID(int=171), "00000000-0000-0000-0000-0000000000ab", "00000000-0000-0000-0000-0000000000AB"],
    ],
)
def test_keys_of_equal_values_are_equal_text(same):
    """A value has the same key whatever type a file made of it."""
    assert len(canonical(read_cells(pd.Series(same, dtype=object))).unique()) == 1


def test_different_values_have_different_keys():
    """Making keys canonical does not make different values one."""
    values = [
        "A7",
        "a7",
        "A07",
        "7",
        "70",
        "0.7",
        "-7",
        "7-",
        "1e5",
        "2026-03-01",
        "2026-03-01 00:00:01",
        "7 a",
        "True",
        "Truth",
        "inf",
        "-inf",
        "info",
        "b'7",
        "a\nb",
        "a\n\nb",
        "A-7\nb",
        "7 days",
        "-7 days",
        "7 days ago",
        dt.timedelta.max,
        dt.timedelta.min,
        "09:30:00",
        "0.00001",
        "1.00001",
        10**27 + 7,
        10**27 + 8,
        pd.Timestamp("2026-03-01 00:00:01.000000001"),
    ]
    assert len(canonical(read_cells(pd.Series(values, dtype=object))).unique()) == len(values)


COLUMNS = {
    "ints": pd.Series([5, 70, 12]),
    "gaps": pd.Series([5, None, 12], dtype="float64"),
    "nullable": pd.Series([5, None, 12], dtype="Int64"),
    "zeros": pd.Series(["007", "070", "12"]),
    "text": pd.Series(["A-1", "b 2", "牛"]),
    "category": pd.Series(["x", None, "y"], dtype="category"),
    "bools": pd.Series([True, False, True]),
    "days": pd.Series(pd.to_datetime(["2026-03-01", None, "2026-03-02"])),
    "moments": pd.Series(
        pd.to_datetime(["2026-03-01", "2026-03-02 10:20:30", "2026-03-02 10:20:30.500"], format="ISO8601")
    ),
    "fractions": pd.Series([1.25, 3.0, 0.1]),
    "narrow": pd.Series([1.25, 3.0, 0.1], dtype="float32"),
    "elsewhere": pd.Series(pd.to_datetime(["2026-03-01 00:00+08:00", "2026-03-02 10:20:30.5+08:00"], format="ISO8601")),
    "zoned": pd.Series(pd.to_datetime(["2026-03-01", "2026-03-02 10:20:30", None], utc=True, format="ISO8601")),
    "microseconds": pd.Series(pd.to_datetime(["2026-03-01", "2026-03-02 10:20:30.123456"], format="ISO8601")),
    "dates": pd.Series([dt.date(2026, 3, 1), dt.date(2026, 3, 2)]),
    "times": pd.Series([dt.time(9, 30), dt.time(9, 30, 5, 120)]),
    "flags with gaps": pd.Series([True, None, False], dtype="boolean"),
    "durations": pd.Series(pd.to_timedelta(["1 days", "-2 days +03:04:05", "00:00:00.5"])),
    "days of time": pd.Series(pd.to_timedelta(["1 days", "2 days"])),
    "infinite": pd.Series(["Infinity", "-inf", "INF"]),
    "lines": pd.Series(["a\r\nb", "a\nb", "c\r\n\r\nd"]),
    "bytes": pd.Series([b"A-7", b"\xff\x00", b"it's"]),
    "uuids": pd.Series([uuid.UUID(int=7), uuid.UUID(int=10**30)]),
    "decimals": pd.Series([Decimal("1.50"), Decimal(2), Decimal("0.00001")]),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("as_text", [False, True])
def test_keys_survive_a_csv_file(name, as_text):
    """A frame written to CSV and loaded again has the keys it had, types guessed or not."""
    column = COLUMNS[name].rename("key")
    file = io.StringIO()
    column.to_frame().to_csv(file, index=False)
    file.seek(0)
    again = pd.read_csv(file, dtype=str if as_text else None, skip_blank_lines=False)["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


# A workbook has no zones, counts time in days and halves the digits of a moment's fraction.
NOT_EXCEL = ("zoned", "elsewhere", "narrow", "microseconds", "durations", "days of time")


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in NOT_EXCEL])
def test_keys_survive_an_excel_file(name, tmp_path):
    """A frame written to Excel and loaded again has the keys it had."""
    column = COLUMNS[name].rename("key")
    column.to_frame().to_excel(tmp_path / "keys.xlsx", index=False)
    again = pd.read_excel(tmp_path / "keys.xlsx")["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


NOT_SQL = ("narrow", "durations", "days of time", "uuids", "decimals")


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in NOT_SQL])
def test_keys_survive_a_database(name):
    """A frame written to SQLite and read again has the keys it had: truth values come back as 1 and 0."""
    column = COLUMNS[name].rename("key")
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        column.to_frame().to_sql("keys", database, index=False)
        again = pd.read_sql("select * from keys", database)["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


NOT_JSON = (
    "narrow",
    "days",
    "moments",
    "microseconds",
    "zoned",
    "elsewhere",
    "dates",
    "durations",
    "days of time",
    "bytes",
    "uuids",
)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in NOT_JSON])
def test_keys_survive_a_json_file(name):
    """A frame written to JSON and read again has the keys it had, where JSON holds such values at all."""
    column = COLUMNS[name].rename("key")
    again = pd.read_json(io.StringIO(column.to_frame().to_json(orient="records")), orient="records")["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


@pytest.mark.parametrize("name", ["days", "zoned", "elsewhere", "dates"])
def test_moments_survive_a_json_file_in_words(name):
    """ISO 8601 says of a moment what it was, up to the millisecond; a bare count of them says nothing."""
    column = COLUMNS[name].rename("key")
    text = column.to_frame().to_json(orient="records", date_format="iso")
    again = pd.read_json(io.StringIO(text), orient="records")["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


def test_durations_survive_a_json_file_in_words():
    """ISO 8601 has durations too."""
    column = COLUMNS["durations"].rename("key")
    text = column.to_frame().to_json(orient="records", date_format="iso", date_unit="us")
    again = pd.read_json(io.StringIO(text), orient="records")["key"]
    assert canonical(read_cells(again)).to_pylist() == canonical(read_cells(column)).to_pylist()


CELL = st.one_of(
    st.none(),
    st.text(st.characters(), max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.decimals(),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.binary(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.sampled_from([pd.NA, pd.NaT, np.float32(1.5), np.datetime64("NaT"), object, {}, (), float("inf"), 10**5000]),
)
ROW = st.tuples(*[CELL] * 9)


@given(st.lists(ROW, max_size=6))
def test_any_frame_of_objects_is_checked_without_an_error(rows):
    """Whatever cells hold, every row gets a verdict and every bad row a reason."""
    names = ["phone", "content", "source_address", "sys_message_id", "short_link", "link_verbose", "dr_url", "ext", "k"]
    frame = pd.DataFrame({name: pd.Series([row[i] for row in rows], dtype=object) for i, name in enumerate(names)})
    found = check(frame, resolve(frame), key=["k"])
    positions, codes, reasons = found.refusals()
    assert positions.tolist() == np.flatnonzero(~found.good).tolist()
    assert len(codes) == len(reasons) == len(positions)
    assert all(len(array) == len(rows) for array in [*found.fields.values(), *found.keys])
    assert not any(found.fields[name].take(np.flatnonzero(found.good)).null_count for name in ("phone", "content"))
    for reason in reasons:
        reason.encode()


def test_the_frame_is_left_as_it_was():
    """Checking changes nothing in the frame."""
    frame = pd.DataFrame({"phone": [f"+{PHONE}"], "content": ["Hi"], "link_verbose": [1.0]}, index=["a"])
    before = frame.copy(deep=True)
    check(frame, resolve(frame))
    pd.testing.assert_frame_equal(frame, before)


def test_an_empty_frame_has_no_problems():
    """No rows, nothing to refuse."""
    frame = pd.DataFrame({"phone": [], "content": [], "source_address": []})
    found = check(frame, resolve(frame))
    assert found.rows == len(found.problems) == 0
    assert found.refusals()[1:] == ([], [])


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 200])
def test_rows_are_looked_at_by_the_chunk_as_all_at_once(monkeypatch, rows):
    """Where a chunk ends makes no difference: fields, good rows and problems are those of all rows looked at together."""
    phones = ["8615088888888", "+86 150-8888-8889", "12", None, "8.61508E+12", "00447911123456", "０８６"]
    contents = ["Hi", "Ho #1#", " ", None, "x" * 1001, 'say "Hi"', "你好", "Hi", "Hi", "Hi", "Hi"]
    links = [None, "https://example.com", "", 7.0, None]
    frame = pd.DataFrame(
        {
            name: [cells[i % len(cells)] if i < 100 else cells[0] for i in range(rows)]
            for name, cells in (("phone", phones), ("content", contents), ("short_link", links), ("order", ["a", ""]))
        },
        dtype=object,
    )
    columns = {name: name for name in ("phone", "content", "short_link")}
    found = []
    for chunk in (1000, 7):
        for module in (rows_rules, cells_module, phones_module):
            monkeypatch.setattr(module, "PIECE", chunk)
        found.append(check(frame, columns, key=["order"]))
    whole, parts = found
    assert parts.fields == whole.fields
    assert parts.keys == whole.keys
    assert parts.good.tolist() == whole.good.tolist()
    pd.testing.assert_frame_equal(parts.problems.frame(frame.index), whole.problems.frame(frame.index))
    assert rows < 7 or 0 < whole.good.sum() < rows


ROUNDED = [
    1234567890123456789.0,
    float(2**60),
    float(2**63),
    -float(2**64),
    1.2345678901234567e27,
    np.float32(2**70),
    "1.23457E+17",
    "1e+17",
    "1.5E20",
    "123456789012345680.0",
    " 5E+10 ",
    int(1.2345678901234567e27),
    str(int(1.2345678901234567e27)),
]


@pytest.mark.parametrize("order", [[value, 7.0] for value in ROUNDED] + [["1.23457E+17", "7"], [float(2**63), None]])
def test_a_key_that_lost_digits_is_no_key(order):
    """Rounded, different orders are one: they would be taken for duplicates, or sent again when the digits are back."""
    frame = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": "Hi", "order": order})
    checked = check(frame, {"phone": "phone", "content": "content"}, key=["order"])
    _, codes, reasons = checked.refusals()
    assert reasons[0].startswith("key_digits_lost, a float or a spreadsheet rounded the key")
    assert codes[0] is None
    assert checked.good.tolist() == [False, order[1] is not None]


@pytest.mark.parametrize("dtype", [object, "str"])
def test_a_long_key_that_kept_its_digits_is_one(dtype):
    """Whole numbers of any length, codes with an E in them and exact floats are taken as they are."""
    order = [2**63, 2**64 - 1, 10**27 + 7, 10**27 + 8, -(2**63), 2**53 - 1, "12E40", "1.5E10", "900719925474099.0"]
    frame = pd.DataFrame({"phone": range(8615088888881, 8615088888890), "content": "Hi", "order": order})
    checked = check(frame.astype({"order": dtype}), {"phone": "phone", "content": "content"}, key=["order"])
    assert checked.good.all()
    assert len(checked.keys[0].unique()) == 9


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]"])
def test_hashes_that_a_gap_made_floats_are_no_keys(dtype):
    """An unsigned whole number beyond the types of pandas is a float once a row lacks one: no digit of it is certain."""
    order = pd.Series([18446744073709551615.0, 9223372036854775813.0, None], dtype=dtype)
    frame = pd.DataFrame({"phone": range(8615088888881, 8615088888884), "content": "Hi", "order": order})
    counts = frame.nxsms.validate(key="order").counts["rows"].to_dict()
    assert counts == {"key_digits_lost": 2, "key_missing": 1}


def test_long_numbers_that_excel_made_one_are_no_duplicates(tmp_path):
    """Three order numbers of 28 digits come back as one; that they were three cannot be known any more."""
    order = pd.Series([10**27 + 7, 10**27 + 8, 10**27 + 9], dtype=object)
    frame = pd.DataFrame({"phone": range(8615088888881, 8615088888884), "content": "Hi", "order": order})
    frame.to_excel(tmp_path / "orders.xlsx", index=False)
    report = pd.read_excel(tmp_path / "orders.xlsx").nxsms.validate(key="order", duplicates="drop")
    assert report.counts["rows"].to_dict() == {"key_digits_lost": 3}
