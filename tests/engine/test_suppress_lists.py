"""Lists as people keep them: several sheets and columns, names next to numbers, headings with dates, other spellings."""

import openpyxl
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main

LISTED = "4915123456789"


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def people(*phones):
    return pd.DataFrame({"phone": phones, "content": "Hi"})


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_all_sheets_of_a_workbook_count(sandbox, tmp_path, capsys):
    """Which of them do is said, and which have no numbers; hidden ones count as well."""
    sheets = {
        "about": [["What is this?", "Ask Ann"], ["A list", "of numbers"]],
        "y2025": [["phone"], ["4915100000000"]],
        "y2026": [["name", "mobile"], ["Ann", LISTED]],
    }
    path = workbook(tmp_path / "dnc.xlsx", **sheets)
    sent = people(LISTED, "4915100000000", "4915111111111").nxsms.send(sandbox.client, suppress=path)
    assert sent["status"].tolist() == ["Skipped", "Skipped", "Success"]
    out = capsys.readouterr().out
    assert "that count as the list: 'y2025', 'y2026'; without numbers: 'about'" in out
    assert "suppress=: 2 of 2 entries are among these rows." in out


def test_the_command_line_says_how_the_list_was_read(tmp_path, capsys):
    """Its separator, its encoding and how many entries are among the rows."""
    people(LISTED, "4915111111111").to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "dnc.csv").write_bytes(f"Käufer;mobile\nJürgen;+{LISTED}\n".encode("cp1252"))
    call = ["send", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--campaign", "c", "--sandbox"]
    assert main([*call, "--suppress", str(tmp_path / "dnc.csv")]) == 0
    out = capsys.readouterr().out
    assert "is read as Latin-1" in out
    assert "separated by a semicolon" in out
    assert "1 of 1 entry is among these rows" in out
    assert "Skipped 1" in out


FIRST_LINES = [
    "Anna Katharina Schmidt: 015123456789\n015123456700\n",
    "+49 151 23456789 (Anna-Katharina Müller-Lüdenscheidt)\n015123456700\n",
    "张三李四的手机号码是：015123456789\n015123456700\n",
    "015123456789\n",
    "Stand 27.11.2026\n015123456789\n",
    "Export 20261127\n015123456789\n",
    "phone;Export 20261127\n4915123456789;\n",
    "phone;20261127\n4915123456789;\n",
    "phone;49301234567\n4915123456789;\n",
    "Kundennummer;20261127;Mobilnummer\nA-1;x;0151 23456789\n",
    "Ann;015123456789\nBob;015123456700\n",
    "Ann;015123456789\n",
]


@pytest.mark.parametrize("text", FIRST_LINES)
def test_a_first_line_is_no_heading_where_it_has_a_number(sandbox, tmp_path, text):
    """A column that is named like one of numbers is one, whatever another heading looks like."""
    path = tmp_path / "list.csv"
    path.write_text(text)
    sent = people(f"+{LISTED}").nxsms.send(sandbox.client, suppress=path, region="DE")
    assert sent["reason"].tolist() == ["suppressed"]


@pytest.mark.parametrize(
    ("row", "entry", "bare"),
    [
        ("15123456789", "4915123456789", "national"),
        ("4915123456789", "15123456789", "international"),
        ("15123456789", "15123456789", "national"),
        ("4915123456789", "0151 23456789", "international"),
        ("15123456789", "+4915123456789", "national"),
    ],
)
def test_an_entry_is_read_both_ways_whatever_bare_says_of_the_rows(sandbox, row, entry, bare):
    """Every valid reading of it keeps somebody from a message."""
    sent = people(row).nxsms.send(sandbox.client, suppress=[entry], region="DE", bare=bare)
    assert sent["reason"].tolist() == ["suppressed"]


FRAMES = [
    {"phone": ["+49301234567"], "mobile": [f"+{LISTED}"]},
    {"phone": ["+49301234567"], "Phone": [f"+{LISTED}"]},
    {"phone": ["+49301234567", None], "phone (neu)": [None, f"+{LISTED}"]},
    {"phone": [LISTED], "mobile": [None]},
    {"phone": ["+49301234567"], "Kontakt": [f"+{LISTED}"], "since": ["2026-11-27"]},
    {"name": ["Ann"], "contact": [int(LISTED)]},
    {"name": ["Ann"], "contact": [float(LISTED)]},
]


@pytest.mark.parametrize("columns", FRAMES)
def test_every_column_of_numbers_counts(sandbox, tmp_path, columns):
    """In a frame and in a file, with phone= and without."""
    frame = pd.DataFrame(columns)
    frame.to_csv(tmp_path / "list.csv", index=False)
    frame.to_parquet(tmp_path / "list.parquet")
    for given in (frame, tmp_path / "list.csv", tmp_path / "list.parquet"):
        for name in ("phone", "mobile"):
            rows = people(f"+{LISTED}").rename(columns={"phone": name})
            sent = rows.nxsms.send(sandbox.client, suppress=given, phone=name)
            assert sent["reason"].tolist() == ["suppressed"]


PAIRS = [
    ("+52 55 1234 5678", "+52 1 55 1234 5678"),
    ("+55 11 98123-4567", "+55 11 8123-4567"),
    ("+54 9 11 2345-6789", "+54 11 15 2345-6789"),
    ("+54 9 11 2345-6789", "+54 11 2345-6789"),
    ("+54 9 351 234-5678", "+54 351 15 234-5678"),
    ("+54 9 2966 23-4567", "+54 2966 15 23-4567"),
]


@pytest.mark.parametrize(("one", "other"), [*PAIRS, *(pair[::-1] for pair in PAIRS)])
def test_spellings_of_one_phone_in_its_country_are_the_same_person(sandbox, one, other):
    """Mexico's 1, Argentina's 9 and 15, Brazil's ninth digit; the entry counts once, and landlines stay apart."""
    sent = people(one, "+55 11 3123-4567").nxsms.send(sandbox.client, suppress=[other, "+55 11 93123-4567"])
    assert sent["status"].tolist() == ["Skipped", "Success"]


@pytest.mark.parametrize(("given", "met"), [([15123456789], 0), (["+4915123456789", "+1 415 555 2671"], 1)])
def test_how_many_entries_are_among_the_rows_is_said(sandbox, capsys, given, met):
    """By send, plan and, over all its chunks, a stream; a list that was misread shows as 0."""
    n = f"suppress=: {met} of {len(given)} {'entry is' if len(given) == 1 else 'entries are'} among these rows."
    people(LISTED, "4915111111111").nxsms.plan(sandbox.client, suppress=given)
    assert n in capsys.readouterr().out
    people(LISTED, "4915111111111").nxsms.send(sandbox.client, suppress=given)
    assert n in capsys.readouterr().out
    chunks = [people("4915111111111"), people(LISTED), people("4915111111112")]
    list(nx.send_stream(chunks, sandbox.client, campaign="c", suppress=given, progress="silent"))
    assert capsys.readouterr().out.count(n) == 1


BROKEN = {
    "a field too many": "phone,name\n4915123456789,Ann\n4915123456780,Bob,x,y\n",
    "a title above the heading": "Do not contact\nphone,name,since\n4915123456789,Ann,2026\n",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_damaged_list_is_an_error_of_ours(sandbox, tmp_path, how):
    """In one line, without the reader's traceback as the error."""
    (tmp_path / "list.csv").write_text(BROKEN[how])
    with pytest.raises(nx.ConfigError, match=r"list\.csv"):
        people(LISTED).nxsms.send(sandbox.client, suppress=tmp_path / "list.csv")
    assert not len(sandbox.ledger)


def test_a_parquet_file_may_have_its_numbers_as_index(sandbox, tmp_path):
    """Pandas wrote it so."""
    pd.DataFrame({"phone": [LISTED], "name": ["Ann"]}).set_index("phone").to_parquet(tmp_path / "list.parquet")
    sent = people(LISTED).nxsms.send(sandbox.client, suppress=tmp_path / "list.parquet")
    assert sent["reason"].tolist() == ["suppressed"]


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_a_stream_reads_a_list_of_all_its_countries(sandbox):
    """An entry of a later chunk's country stops no earlier one; what no country reads does."""
    frames = [
        people("+44 7400 123457").assign(land="GB"),
        people("07400 123456").assign(land="GB"),
        people("+1 415 555 2671").assign(land="US"),
        people("0151 23456789").assign(land="DE"),
    ]
    given = ["07400 123456", "0151 23456789", "(415) 555-2671"]
    options = {"campaign": "c", "region": "land", "progress": "silent"}
    for order in (frames, frames[::-1]):
        sent = pd.concat(nx.send_stream(order, sandbox.client, suppress=given, **options))
        assert sorted(sent["status"]) == ["Skipped"] * 3 + ["Success"]
    with pytest.raises(nx.ConfigError, match="1 of 4 entries"):
        list(nx.send_stream(frames, sandbox.client, suppress=[*given, "n/a"], **options))


@pytest.mark.parametrize("first", ["no rows", "no countries"])
def test_a_stream_may_begin_with_a_chunk_of_no_country(sandbox, first):
    """A national entry waits for the rows of its country; an entry that no country reads stops the first chunk."""
    german = people("0151 23456789", "0151 23456790").assign(land="DE")
    begins = german.iloc[:0] if first == "no rows" else people("+44 7400 123457").assign(land=None)
    options = {"campaign": "c", "region": "land", "progress": "silent"}
    with pytest.raises(nx.ConfigError, match="1 of 2 entries"):
        next(nx.send_stream([begins, german], sandbox.client, suppress=["0151 23456789", "n/a"], **options))
    sent = list(nx.send_stream([begins, german], sandbox.client, suppress=["0151 23456789"], **options))
    assert [one["status"].tolist() for one in sent] == [["Success"] * len(begins), ["Skipped", "Success"]]
