"""Files as people have them: every kind and case of ending, old encodings, odd separators, and what is refused in a line."""

import csv
import datetime as dt
import gzip
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main
from nxsms_nb.errors import ConfigError
from nxsms_nb.files.reading import open_source
from nxsms_nb.files.sending import send_file
from nxsms_nb.filetypes import sheets, text
from nxsms_nb.stream import as_pandas

PEOPLE = [["015112345678", "Hi 1", "007"], ["015112345679", "Hi, 2", ""], ["+4915112345670", '=1+"1"', "1e5"]]
HEADER = ["phone", "content", "id"]


def write(name, rows=PEOPLE, header=HEADER):
    path, kind = Path(name), name.lower()
    if kind.endswith("xlsx"):
        book = openpyxl.Workbook()
        for row in [header, *rows]:
            book.active.append(row)
        for row in book.active:
            for cell in row:
                cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
        book.save(path)
    elif kind.endswith("parquet"):
        pd.DataFrame(rows, columns=header).to_parquet(path)
    else:
        opened = gzip.open if kind.endswith("gz") else open
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if ".tsv" in kind else ",").writerows([header, *rows])
    return name


def read(name):
    """A target as text."""
    kind = name.lower()
    if kind.endswith("xlsx"):
        return pd.read_excel(name, dtype=str, keep_default_na=False)
    if kind.endswith("parquet"):
        return pd.read_parquet(name)
    sep, packed = "\t" if ".tsv" in kind else ",", "gzip" if kind.endswith("gz") else None
    return pd.read_csv(name, dtype=str, keep_default_na=False, sep=sep, compression=packed)


@pytest.fixture(name="folder", autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def send(source, target="out.csv", *more, region=("--region", "DE")):
    words = ["send", source, target, "--campaign", "spring", "--sandbox", "--journal", "journal.sqlite"]
    return main([*words, *region, *more])


def sent(source, capsys, *more, target="out.csv", **given):
    """The target's rows, and what was said of the source."""
    assert send(source, target, *more, **given) == 0, capsys.readouterr().err
    return read(target), capsys.readouterr().err


def refused(capsys, source, *more, target="out.csv"):
    assert send(source, target, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not Path(target).is_file()
    return line


@pytest.mark.parametrize(
    "source", ["in.csv", "IN.CSV", "in.csv.gz", "In.Csv.GZ", "in.tsv", "in.TSV.gz", "in.xlsx", "in.XLSX", "in.Parquet"]
)
@pytest.mark.parametrize("target", ["out.csv", "out.CSV.gz", "out.tsv", "out.Xlsx", "out.PARQUET"])
def test_every_kind_is_read_and_written_whatever_its_case(capsys, source, target):
    """Numbers and ids keep their zeros, a text that begins with = is a text, and the results come back."""
    back, said = sent(write(source), capsys, target=target)
    assert back[HEADER].fillna("").to_numpy().tolist() == PEOPLE
    assert back["status"].tolist() == ["Success"] * 3
    assert back.nxsms.summary()["count"].tolist() == [3, 0, 0, 0, 0, 0]
    assert said == ""


def test_a_workbook_that_was_written_is_a_source_again(capsys):
    """It is a sent frame: nothing is sent again, and its results are replaced by the same ones."""
    first, _ = sent(write("in.csv"), capsys, target="a.xlsx")
    again, said = sent("a.xlsx", capsys, target="b.xlsx")
    assert "3 of 3 rows had been sent before" in said
    assert "Read the sheet 'rows' of a.xlsx; the others are 'summary'." in said
    pd.testing.assert_frame_equal(first.drop(columns="sent_at"), again.drop(columns="sent_at"))


GREETING = "您好，您的订单已发货，回复T退订"
ENCODINGS = {
    "utf-8": ("Grüße", ""),
    "utf-8-sig": ("Grüße", "is read as UTF-8 with a byte order mark."),
    "utf-16": ("Grüße", "is read as UTF-16."),
    "gb18030": (GREETING, "is read as GB18030."),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_found_out_and_said(capsys, encoding, packed):
    """UTF-8 with a mark, UTF-16 by its mark, GB18030 where it certainly is Chinese."""
    content, note = ENCODINGS[encoding]
    data = f"phone,content\n015112345678,{content}\n".encode(encoding)
    source = "in.csv.gz" if packed else "in.csv"
    Path(source).write_bytes(gzip.compress(data) if packed else data)
    back, said = sent(source, capsys)
    assert back["content"].tolist() == [content]
    assert said == (f"{source} {note}\n" if note else "")


FOREIGN = {
    "cp1252": "Grüße aus München, schöne Füße",
    "cp850": "Grüße aus München, schöne Füße",
    "cp1250": "Zażółć gęślą jaźń",
    "cp1251": "Привет, ваш заказ готов",
    "koi8-r": "ПРИВЕТ",
    "cp1253": "Καλημέρα σας, η παραγγελία",
    "cp1254": "Günaydın, şirket İstanbul",
    "cp932": "こんにちは、ご注文の商品を発送しました",
    "euc-jp": "こんにちは、ご注文の商品を発送しました",
    "euc-kr": "안녕하세요 고객님 주문하신 상품이 발송되었습니다",
    "big5": "您好，您的訂單已經出貨，請注意查收",
    "cp874": "สวัสดีครับ สินค้าของคุณ",
    "cp1256": "مرحبا طلبك جاهز",
}


@pytest.mark.parametrize("encoding", FOREIGN)
def test_another_encoding_is_asked_for_and_never_guessed(capsys, encoding):
    """Text of most old encodings can be read as GB18030, and strangers would get Chinese characters."""
    content = FOREIGN[encoding]
    # The one such row stands behind more than is looked at in one piece.
    rows = "".join(f"+4915{i:09},{'x' * 100}\n" for i in range(12_000)) + f'015112345678,"{content}"\n'
    Path("in.csv").write_bytes(("phone,content\n" + rows).encode(encoding))
    line = refused(capsys, "in.csv")
    assert "in.csv cannot be read (it is not UTF-8: byte 0x" in line
    assert "--encoding cp1252" in line
    back, said = sent("in.csv", capsys, "--encoding", encoding, "--duplicates", "drop")
    assert back["content"].iloc[-1] == content
    assert "is read as" not in said


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        ("phone;content\n015112345678;a, b\n", [], "separated by a semicolon"),
        ("phone\tcontent\n015112345678\ta, b\n", [], "separated by a tab"),
        ("phone|content\n015112345678|a, b\n", [], "separated by a bar"),
        ("sep=;\nphone;content\n015112345678;a, b\n", [], ""),
        ("phone:content\n015112345678:a, b\n", ["--sep", ":"], ""),
        ("phone\tcontent\n015112345678\ta, b\n", ["--sep", "tab"], ""),
        ("\n\nphone;content\n\n015112345678;a, b\n\n", [], "separated by a semicolon"),
    ],
)
def test_a_separator_is_given_or_seen_in_the_header(capsys, data, more, said):
    """A file whose header has one column alone holds no messages: it is separated otherwise; the target is like it."""
    Path("in.csv").write_text(data)
    assert send("in.csv", "out.csv", *more) == 0
    shown = capsys.readouterr().err
    assert said in shown
    assert bool(shown) == bool(said)
    separator = more[1] if more == ["--sep", ":"] else next(one for one in ";\t|" if one in data)
    back = pd.read_csv("out.csv", dtype=str, sep=separator)
    assert back[["phone", "content", "status"]].to_numpy().tolist() == [["015112345678", "a, b", "Success"]]


def encrypted():
    Path("in.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    return "in.xlsx"


def damaged():
    """A workbook whose sheet is cut off."""
    write("whole.xlsx")
    with zipfile.ZipFile("whole.xlsx") as whole, zipfile.ZipFile("in.xlsx", "w") as other:
        for name in whole.namelist():
            data = whole.read(name)
            other.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    return "in.xlsx"


def archive():
    with zipfile.ZipFile("in.xlsx", "w") as file:
        file.writestr("people.csv", "phone,content\n")
    return "in.xlsx"


def cut(name, keep):
    Path(name).write_bytes(Path(write(name)).read_bytes()[:keep])
    return name


def text_file(name, words):
    Path(name).write_bytes(words)
    return name


ODD = {
    "a folder": (lambda: [Path("in.csv").mkdir() or "in.csv"], "in.csv is a folder, not a file"),
    "no such file": (lambda: ["gone.xlsx"], "gone.xlsx does not exist"),
    "an empty text file": (lambda: [text_file("in.tsv", b"")], "in.tsv is empty"),
    "an empty workbook": (lambda: [text_file("in.xlsx", b"")], "in.xlsx is empty"),
    "an empty sheet": (lambda: [write("in.xlsx", [], [])], "The sheet 'Sheet' of in.xlsx is empty"),
    "blank lines": (lambda: [text_file("in.csv", b"\n\r\n")], "in.csv is empty"),
    "a mark and nothing else": (lambda: [text_file("in.csv", b"\xef\xbb\xbf")], "in.csv is empty"),
    "nothing, compressed": (lambda: [text_file("in.csv.gz", gzip.compress(b""))], "in.csv.gz is empty"),
    "an unknown ending": (lambda: [text_file("in.ods", b"x")], "must end in .csv, .csv.gz"),
    "no ending": (lambda: [text_file("people", b"x")], "must end in .csv, .csv.gz"),
    "an old workbook": (lambda: [text_file("in.xls", b"x")], "must end in .csv, .csv.gz"),
    "a workbook with a password": (
        lambda: [encrypted()],
        "it is an Excel workbook with a password, or in the old .xls",
    ),
    "a text file that is a workbook": (
        lambda: [Path(write("a.xlsx")).rename("in.csv") and "in.csv"],
        "text by its name, an Excel workbook by its content. Rename it, for example to in.xlsx.",
    ),
    "a workbook that is text": (
        lambda: [Path(write("a.csv")).rename("in.xlsx") and "in.xlsx"],
        "an Excel workbook by its name, text by its content. Rename it, for example to in.csv.",
    ),
    "a Parquet that is text": (
        lambda: [Path(write("a.csv")).rename("in.parquet") and "in.parquet"],
        "Parquet by its name, text by its content",
    ),
    "a Parquet that is a workbook": (
        lambda: [Path(write("a.xlsx")).rename("in.parquet") and "in.parquet"],
        "for example to in.xlsx",
    ),
    "text that is Parquet": (
        lambda: [Path(write("a.parquet")).rename("in.tsv") and "in.tsv"],
        "Parquet by its content",
    ),
    "text that is compressed": (
        lambda: [Path(write("a.csv.gz")).rename("in.csv") and "in.csv"],
        "compressed with gzip by its content. Rename it, for example to in.csv.gz.",
    ),
    "compressed text that is not": (
        lambda: [Path(write("a.csv")).rename("in.csv.gz") and "in.csv.gz"],
        "text by its content. Rename it, for example to in.csv.",
    ),
    "a cut archive": (lambda: [cut("in.csv.gz", 40)], "in.csv.gz cannot be read (it is cut short)"),
    "a cut workbook": (lambda: [cut("in.xlsx", 700)], "a zip archive or a damaged workbook by its content"),
    "a damaged workbook": (lambda: [damaged()], "the workbook is damaged"),
    "an archive": (
        lambda: [archive()],
        "a zip archive or a damaged workbook by its content. Extract the file from it.",
    ),
    "a cut Parquet": (lambda: [cut("in.parquet", 200)], "in.parquet cannot be read"),
    "a row with too many fields": (
        lambda: [text_file("in.csv", b"phone,content\n4915112345678,a\n4915112345679,b,c\n")],
        "cannot be read after row 0 (",
    ),
    "NUL bytes": (lambda: [text_file("in.csv", b"phone,content\n49151\x0012345678,a\n")], "it contains NUL bytes"),
    "UTF-16 without a mark": (
        lambda: [text_file("in.csv", "phone,content\n4915112345678,a\n".encode("utf-16-le"))],
        "--encoding utf-16-le",
    ),
    "no header": (
        lambda: [text_file("in.csv", b"4915112345678,Hi\n4915112345679,Ho\n")],
        "where its first line has no names",
    ),
    "no header in a workbook": (
        lambda: [write("in.xlsx", [], ["4915112345678", "Hi"])],
        "where its first line has no names",
    ),
    "headings twice": (
        lambda: [text_file("in.csv", b"phone,phone,content\n4915112345678,,Hi\n")],
        "more than one column 'phone'",
    ),
    "headings twice in a workbook": (
        lambda: [write("in.xlsx", [["4915112345678", "a", "b"]], ["phone", "content", "content"])],
        "more than one column 'content'",
    ),
    "headings of two levels": (
        lambda: [write("in.xlsx", [["phone", "content"], ["4915112345678", "a"]], ["person", "message"])],
        "no column 'phone'",
    ),
    "no such sheet": (
        lambda: [write("in.xlsx"), "--sheet", "People"],
        "in.xlsx has no sheet 'People'. Its sheets: 'Sheet'",
    ),
    "no such number of a sheet": (lambda: [write("in.xlsx"), "--sheet", "2"], "has no sheet '2'"),
    "no encoding": (lambda: [write("in.csv"), "--encoding", "utf-9"], "--encoding utf-9 is not an encoding"),
    "no text's encoding": (lambda: [write("in.csv"), "--encoding", "hex"], "--encoding hex is not an encoding"),
    "a wrong encoding": (
        lambda: [text_file("in.csv", "phone,content\n1,ü\n".encode("cp1252")), "--encoding", "utf-8"],
        "it is not UTF-8: byte 0xfc",
    ),
    "no separator": (lambda: [write("in.csv"), "--sep", ";;"], "--sep ';;' is not one character"),
}


@pytest.mark.parametrize("why", ODD)
def test_an_odd_source_is_one_line(capsys, why):
    """It says what the file is and what to do; nothing is sent or written."""
    make, said = ODD[why]
    assert said in refused(capsys, *map(str, make()))


@pytest.mark.parametrize(
    ("unseen", "said"),
    [
        ((3,), "1 row of 3 in the sheet 'Sheet' of in.xlsx is hidden, by a filter or by hand"),
        ((3, 4), "2 rows of 3 in the sheet 'Sheet' of in.xlsx are hidden, by a filter or by hand"),
        ((), ""),
        ((1,), ""),
        ((9,), ""),
    ],
)
def test_hidden_rows_of_a_sheet_are_sent_and_said(capsys, unseen, said):
    """A filter only hides what it leaves out: who filtered learns how many rows go beyond what she saw, and what to do."""
    write("in.xlsx")
    book = openpyxl.load_workbook("in.xlsx")
    book.active.auto_filter.ref = "A1:C4"
    for row in unseen:
        book.active.row_dimensions[row].hidden = True
    book.save("in.xlsx")
    back, shown = sent("in.xlsx", capsys)
    assert len(back) == 3
    assert said in shown
    assert ("hidden" in shown) == bool(said)


def test_hidden_rows_are_counted_in_the_sheet_that_is_read(capsys):
    """Whatever the name of its part, and however its rows are written; rows of another sheet do not count."""
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("R&D <2>")
    for sheet in (first, second):
        sheet.append(HEADER)
        for at in range(5_000):
            sheet.append([f"+49151{at:07}", "Hi " * 20, f"{at:010}"])
    first.row_dimensions[2].hidden = True
    for row in (2, 4_000, 5_001):
        second.row_dimensions[row].hidden = True
    book.save("book.xlsx")
    with zipfile.ZipFile("book.xlsx") as old, zipfile.ZipFile("in.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet2.xml"):
                content = content.replace(b'hidden="1"', b"hidden='true'")
            new.writestr(name, content)
    _, shown = sent("in.xlsx", capsys, "--sheet", "2")
    assert "3 rows of 5,000 in the sheet 'R&D <2>' of in.xlsx are hidden" in shown


def test_a_sheet_is_chosen_by_name_number_or_sight(capsys):
    """The first that is visible is read and said; another one by its name or number."""
    book = openpyxl.Workbook()
    hidden, lists, people = book.active, book.create_sheet("Lists"), book.create_sheet("2026")
    hidden.title, hidden.sheet_state = "Codes", "hidden"
    for sheet, name in ((hidden, "a"), (lists, "b"), (people, "c")):
        sheet.append(["phone", "content"])
        sheet.append([f"+49151123456{ord(name)}", name])
    book.save("in.xlsx")
    for more, content in (([], "b"), (["--sheet", "2026"], "c"), (["--sheet", "1"], "a")):
        back, said = sent("in.xlsx", capsys, *more)
        assert back["content"].tolist() == [content]
        assert ("Read the sheet 'Lists' of in.xlsx; the others are 'Codes', '2026'." in said) == (not more)


def test_cells_of_a_workbook_are_read_as_they_are_shown(capsys):
    """Numbers without .0, zeros that a format shows, moments, truth values; a formula's error is nothing."""
    book = openpyxl.Workbook()
    book.active.append(["phone", "content", "zip", "n", "when", "x", "rounded", None, None])
    book.active.append(
        [4915112345678, "Hi", 1067, 1200.0, pd.Timestamp("2026-03-03 14:02").to_pydatetime(), True, 1e22]
    )
    book.active.append([4915112345679.0, "#N/A", 12345, 0.5, None, None, None])
    book.active.append([])
    for cell in book.active["C"]:
        cell.number_format = "00000"
    book.save("in.xlsx")
    back, _ = sent("in.xlsx", capsys, region=())
    names = ["phone", "content", "zip", "n", "when", "x", "rounded"]
    assert list(back.columns[: len(names) + 1]) == [*names, "messageid"]
    assert back[names].to_numpy().tolist() == [
        ["4915112345678", "Hi", "01067", "1200", "2026-03-03 14:02:00", "True", "1e+22"],
        ["4915112345679", "", "12345", "0.5", "", "", ""],
    ]
    assert back["status"].tolist() == ["Success", "Invalid"]


DATE = dt.datetime(2026, 3, 4)  # noqa: DTZ001  a cell has no zone
NO_TEXTS = [
    DATE,
    DATE.replace(hour=14, minute=2),
    dt.time(14, 2),
    12.5,
    True,
]


def workbook(contents, header="content", blank_rows=0):
    book = openpyxl.Workbook()
    for _ in range(blank_rows):
        book.active.append([])
    book.active.append(["phone", header])
    for number, content in enumerate(contents):
        book.active.append([f"+4915112345{number:03}", content])
    book.save("in.xlsx")


@pytest.mark.parametrize("value", NO_TEXTS, ids=repr)
def test_a_cell_of_the_texts_that_is_no_text_is_not_sent_as_one(capsys, value):
    """It is a problem of its row, as it is in the frame that pandas reads, and its place is said before anything is sent."""
    workbook(["Hi", value, "Ho"], blank_rows=2)
    back, shown = sent("in.xlsx", capsys)
    assert back["status"].tolist() == ["Success", "Invalid", "Success"]
    assert back["reason"].str.contains("not text").tolist() == [False, True, False]
    assert (
        "1 cell of the column 'content' in the sheet 'Sheet' of in.xlsx is no text but a date, a time, a number"
        in shown
    )
    assert "(in row 5): not sent. To send it, format the column as Text" in shown
    theirs = pd.read_excel("in.xlsx", skiprows=2)
    problems = theirs.nxsms.validate().problems
    assert problems["rule"].tolist() == ["content_not_text"]
    assert problems["position"].tolist() == [1]


def test_cells_that_are_no_text_are_counted_over_all_chunks(capsys):
    """In the column that has the texts, whatever its name; a column of dates that is not sent is no matter."""
    contents = [f"Hi {number}" for number in range(40)]
    contents[7] = contents[23] = contents[24] = DATE
    contents[5] = 1e22
    contents[30] = 1200
    workbook(contents, header="text")
    source, notes = open_source(Path("in.xlsx"), 10, "text")
    assert "\n".join(notes) == (
        "4 cells of the column 'text' in the sheet 'Sheet' of in.xlsx are no text but dates, times, numbers with decimals or "
        "truth values (the first in row 7): not sent. To send them, format the column as Text and write there what people "
        "should read.\n"
        "1 cell of the column 'text' in the sheet 'Sheet' of in.xlsx is a number (in row 32): sent as its digits, without "
        "thousands separators or currency."
    )
    found = [value for chunk in source for value in as_pandas(chunk)["text"]]
    assert [at for at, value in enumerate(found) if not isinstance(value, str)] == [5, 7, 23, 24]
    back, _ = sent("in.xlsx", capsys, "--content", "text")
    assert [at for at, status in enumerate(back["status"]) if status != "Success"] == [5, 7, 23, 24]
    assert back["text"][30] == "1200"
    workbook([DATE], header="since")
    assert open_source(Path("in.xlsx"), 10, "content")[1] == ()


def test_one_date_among_texts_refuses_all_where_problems_raise():
    """As any other problem of a row."""
    workbook(["Hi", DATE])
    with nx.Sandbox(seed=7) as sandbox, pytest.raises(nx.ValidationError, match="content_not_text 1"):
        send_file(Path("in.xlsx"), Path("out.csv"), sandbox.client, campaign="spring", on_invalid="raise")
    assert len(sandbox.ledger) == 0


def test_without_openpyxl_a_workbook_is_refused_in_a_line(capsys, monkeypatch):
    """Source or target; nothing is sent."""
    write("in.xlsx"), write("in.csv")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install openpyxl" in refused(capsys, "in.xlsx")
    assert "pip install openpyxl" in refused(capsys, "in.csv", target="out.xlsx")


def test_a_sheet_that_cannot_hold_the_rows_is_refused_beforehand(capsys):
    """Before a row is sent."""
    pd.DataFrame({"phone": "015112345678", "content": "Hi"}, index=range(1_048_576)).to_parquet("in.parquet")
    line = refused(capsys, "in.parquet", target="out.xlsx")
    assert "has 1,048,576 rows, and an Excel sheet holds 1,048,575" in line


def test_chinese_of_every_common_kind_is_seen_as_such(tmp_path):
    """Names alone, short words and ordinary messages in GB18030."""
    for words in ("张三,王小明,你好", "您好", GREETING, "亲爱的客户，优惠活动已经开始！"):
        (tmp_path / "in.csv").write_bytes(f"phone,content\n8615000000000,{words}\n".encode("gb18030"))
        assert text.layout_of(tmp_path / "in.csv", ".csv").encoding == "gb18030"


def test_a_text_that_no_cell_can_hold_is_refused_beforehand(capsys):
    """Before a row is sent, wherever it stands in the source."""
    pd.DataFrame({"phone": ["+4915112345678", "+4915112345679"], "content": "Hi", "x": ["a", "b" * 32_768]}).to_csv(
        "in.csv"
    )
    line = refused(capsys, "in.csv", target="out.xlsx")
    assert "Column 'x' has a text of 32,768 characters, and a cell of Excel holds 32,767" in line


@pytest.mark.parametrize("target", ["out.xlsx", "out.csv.gz", "out.tsv"])
def test_a_run_that_stops_leaves_a_whole_file_of_the_rows_so_far(capsys, monkeypatch, target):
    """It can be opened, says the outcome of each row, and the same command completes it."""
    pd.DataFrame({"phone": [f"+49151123456{i:02}" for i in range(40)], "content": "Hi"}).to_csv("in.csv", index=False)
    with nx.Sandbox(seed=7, balance=0) as sandbox:
        for name in ("base_url", "access_key", "access_secret", "app_key"):
            monkeypatch.setenv(f"NXSMS_{name.upper()}", sandbox.url if name == "base_url" else getattr(sandbox, name))
        words = ["send", "in.csv", target, "--campaign", "spring", "--journal", "journal.sqlite"]
        assert main(words) == 1
        assert f"{target} has the rows so far (40 of 40 rows)" in capsys.readouterr().err
        assert read(target)["status"].tolist() == ["Unsent"] * 40
        sandbox.balance = None
        assert main(words) == 0
    assert read(target)["status"].tolist() == ["Success"] * 40
    assert not list(Path().glob("*.part*"))


@pytest.mark.parametrize(
    "words", ["오늘만 특별 할인 행사를 진행합니다", "고객님의 주문이 발송되었습니다", "인증번호는 1234입니다"]
)
def test_korean_is_not_taken_for_chinese(tmp_path, words):
    """What reads as Hangul in EUC-KR is not guessed to be GB18030: the person names the encoding."""
    (tmp_path / "in.csv").write_bytes(f"phone,content\n8210000000,{words}\n".encode("euc_kr"))
    with pytest.raises(ConfigError, match="cannot be read"):
        text.layout_of(tmp_path / "in.csv", ".csv")


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (15123456780, '"+49 "0', "+49 15123456780"),
        (15123456781, '0000" "0000000', "1512 3456781"),
        (1512345678, '0000" "0000000', "0151 2345678"),
        (15123456780, r"\+0", "+15123456780"),
        (4155552671, "(000) 000-0000", "(415) 555-2671"),
        (15123456780, "000000000000", "015123456780"),
        (15123456780, "General", "15123456780"),
        (15123456780, "0", "15123456780"),
        (15123456780, "#,##0", "15123456780"),
    ],
)
def test_a_number_is_read_as_its_format_shows_it(tmp_path, value, form, shown):
    """A +49 or a leading zero that only the format has belongs to the number."""
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.active.append([value])
    book.active["A2"].number_format = form
    book.save(tmp_path / "in.xlsx")
    assert sheets.read(tmp_path / "in.xlsx").table["phone"].to_pylist() == [shown]
