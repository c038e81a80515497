"""A sent frame as a workbook: what stands in its cells, and that it comes back as a sent frame."""

import datetime as dt
import sys
import uuid
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.results.statuses import RESULT_COLUMNS

PHONES = ["+49 151 12345678", "4915112345679", "0049 151 12345670", "123", "4915112345671"]


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def people(**columns):
    return pd.DataFrame({"phone": PHONES, "content": [f"Hi {i}" for i in range(5)], **columns})


def send(frame, sandbox, **given):
    return frame.nxsms.send(sandbox.client, progress="silent", **given)


def cells(path, sheet="rows"):
    """What stands in a sheet: the kind of each cell and its value."""
    book = openpyxl.load_workbook(path)
    return [[(cell.data_type, cell.value) for cell in row] for row in book[sheet]]


def back(path, **given):
    return pd.read_excel(path, **given)


@pytest.mark.parametrize("given", [{}, {"dtype": str}, {"dtype": str, "keep_default_na": False}, {"dtype": object}])
@pytest.mark.parametrize("lost", [False, True])
def test_a_workbook_comes_back_as_a_sent_frame(sandbox, tmp_path, given, lost):
    """Statuses, codes and ids are equal, and sending it again sends nothing, even without the journal."""
    sent = send(people(), sandbox)
    assert sent["status"].tolist() == ["Success", "Success", "Success", "Invalid", "Success"]
    sent.nxsms.to_excel(tmp_path / "sent.xlsx")
    frame = back(tmp_path / "sent.xlsx", **given)
    assert list(frame.columns) == ["phone", "content", *RESULT_COLUMNS]
    journal = tmp_path / "another.sqlite" if lost else None
    with pytest.warns(nx.AlreadySentWarning):
        again = send(frame, sandbox, journal=journal)
    assert len(sandbox.ledger) == 4
    exact = ["messageid", "status", "code", "reason", "batch", "attempts", "latency_ms"]
    pd.testing.assert_frame_equal(again[exact], sent[exact])
    assert (abs(again["sent_at"] - sent["sent_at"]).dropna() <= pd.Timedelta("1ms")).all()
    assert str(again["sent_at"].dtype) == "datetime64[us, UTC]"
    pd.testing.assert_frame_equal(frame.nxsms.summary(), sent.nxsms.summary())


HOSTILE = [
    '=HYPERLINK("http://x","y")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "#N/A",
    "#REF!",
    "\t=1",
    "0151",
    "1e5",
    "NA",
    "TRUE",
]


def test_no_text_is_a_formula(sandbox, tmp_path):
    """Texts stay texts to the letter, in cells and headings; Excel does not take them for something else."""
    frame = pd.DataFrame(
        {"phone": [f"49151123456{i:02}" for i in range(len(HOSTILE))], "content": HOSTILE, "=a": HOSTILE}
    )
    send(frame, sandbox).nxsms.to_excel(tmp_path / "sent.xlsx")
    header, *rows = cells(tmp_path / "sent.xlsx")
    assert header[2] == ("s", "=a")
    assert [row[1] for row in rows] == [("s", text) for text in HOSTILE]
    assert [row[2] for row in rows] == [("s", text) for text in HOSTILE]
    sheet = openpyxl.load_workbook(tmp_path / "sent.xlsx")["rows"]
    assert [bool(cell.quotePrefix) for cell in sheet["B"][1:4]] == [True, True, False]


@pytest.mark.parametrize(
    "phones",
    [
        pytest.param(pd.Series([4915112345678, 8615088888888]), id="ints"),
        pytest.param(pd.Series([4915112345678.0, np.nan]), id="floats with a gap"),
        pytest.param(pd.Series([4915112345678, None], dtype="Int64"), id="whole numbers with a gap"),
        pytest.param(pd.Series(["4915112345678", "8615088888888"], dtype="category"), id="categories"),
        pytest.param(pd.Series([4915112345678, "8615088888888"], dtype=object), id="a mixture"),
        pytest.param(pd.Series([Decimal(4915112345678), Decimal(8615088888888)]), id="decimals"),
        pytest.param(pd.Series([1234567, 7654321]), id="short ones"),
    ],
)
@pytest.mark.parametrize("label", ["phone", "mobile"])
def test_numbers_are_text(sandbox, tmp_path, phones, label):
    """Whatever the dtype, the digits stand there as text that stays text when its cell is edited."""
    frame = pd.DataFrame({label: phones, "content": "Hi"})
    sent = send(frame, sandbox, phone=label)
    sent.nxsms.to_excel(tmp_path / "sent.xlsx", phone=label)
    column = openpyxl.load_workbook(tmp_path / "sent.xlsx")["rows"]["A"][1:]
    shown = [None if pd.isna(value) else str(value).removesuffix(".0") for value in phones]
    assert [cell.value for cell in column] == shown
    assert {cell.number_format for cell in column if cell.value} == {"@"}
    again = back(tmp_path / "sent.xlsx").nxsms.recorded(sandbox.client, phone=label)
    pd.testing.assert_series_equal(again["messageid"], sent["messageid"])


def test_long_numbers_of_other_columns_are_text_and_short_ones_numbers(sandbox, tmp_path):
    """Excel shows 12 digits and more as 1.23457E+11 and loses what is beyond 15; amounts stay numbers."""
    frame = people(
        order=[20261127000001 + i for i in range(5)],
        long=[2**63 - 1] * 5,
        card=pd.array([None, 1, 2, 3, 999999999999], dtype="Int64"),
        amount=[0.5, 1200.0, np.nan, np.inf, -3.25],
        price=[Decimal("1.10"), None, Decimal("12345678901234567.5"), Decimal(0), Decimal(-1)],
        n=range(5),
    )
    send(frame, sandbox).nxsms.to_excel(tmp_path / "sent.xlsx")
    rows = [dict(zip(frame.columns, row, strict=False)) for row in cells(tmp_path / "sent.xlsx")[1:]]
    assert [row["order"] for row in rows] == [("s", str(20261127000001 + i)) for i in range(5)]
    assert {row["long"] for row in rows} == {("s", "9223372036854775807")}
    assert [row["card"][1] for row in rows] == [None, "1", "2", "3", "999999999999"]
    assert [row["amount"] for row in rows] == [("n", 0.5), ("n", 1200), ("n", None), ("s", "inf"), ("n", -3.25)]
    assert [row["price"][1] for row in rows] == [1.1, None, "12345678901234567.5", 0, -1]
    assert [row["n"] for row in rows] == [("n", i) for i in range(5)]


def test_values_of_every_kind_have_a_cell(sandbox, tmp_path):
    """Moments in their own zone, dates, spans, truth values, lists, objects; what Excel has no form for is text."""
    berlin = pd.to_datetime(["2026-03-29 00:30", "2026-07-01 12:00"]).tz_localize("UTC").tz_convert("Europe/Berlin")
    some = uuid.UUID(int=5)
    frame = pd.DataFrame(
        {
            "phone": PHONES[:2],
            "content": "Hi",
            "when": berlin,
            "naive": pd.to_datetime(["2026-03-03 14:02", None]),
            "day": [dt.date(2026, 3, 3), dt.date(1815, 6, 18)],
            "span": pd.to_timedelta(["90min", None]),
            "truth": [True, False],
            "maybe": pd.array([True, None], dtype="boolean"),
            "list": [[1, 2], None],
            "id": [some, some],
            "kind": pd.Categorical(["a", None]),
            "bytes": [b"ab", b"\xff"],
            "period": pd.period_range("2026-03", periods=2, freq="M"),
        }
    )
    send(frame, sandbox).nxsms.to_excel(tmp_path / "sent.xlsx")
    header, first, second = ([value for _, value in row] for row in cells(tmp_path / "sent.xlsx"))
    first, second = dict(zip(header, first, strict=True)), dict(zip(header, second, strict=True))
    moments = [str(row[name]) for name in ("when", "naive", "day") for row in (first, second)]
    assert moments[:2] == ["2026-03-29 01:30:00", "2026-07-01 14:00:00"]
    assert moments[2:] == ["2026-03-03 14:02:00", "None", "2026-03-03 00:00:00", "1815-06-18"]
    assert (first["truth"], first["maybe"], second["maybe"]) == (True, True, None)
    assert (first["list"], first["id"], first["kind"], second["kind"]) == ("[1, 2]", str(some), "a", None)
    assert (first["bytes"], second["bytes"], first["period"]) == ("ab", "\\xff", "2026-03")
    assert "01:30:00" in str(first["span"])
    values = {row[0][1]: row[1][1] for row in cells(tmp_path / "sent.xlsx", "summary")}
    assert (values["when"], values["sent_at"]) == ("Europe/Berlin", "UTC")


def test_the_summary_stands_behind_the_data(sandbox, tmp_path):
    """It counts the rows by status and code, names zones, and says that results are simulated."""
    sandbox.failures = {13005: 1.0}
    sent = pd.concat([send(people(), sandbox), people().iloc[:1].assign(phone="4915112345600")])
    sent.attrs = {"nxsms": {"gateway": "sandbox"}}
    sent.nxsms.to_excel(tmp_path / "sent.xlsx")
    assert openpyxl.load_workbook(tmp_path / "sent.xlsx").sheetnames == ["rows", "summary"]
    rows = [[value for _, value in row if value is not None] for row in cells(tmp_path / "sent.xlsx", "summary")]
    assert rows[0] == ["rows", 6]
    assert ["refused by the gateway", 4] in rows
    assert ["refused before sending", 1] in rows
    assert ["not sent yet, without a status", 1] in rows
    assert [row[:3] for row in rows if row[:1] == [13005]] == [[13005, 4, 1]]
    assert ["sent_at", "UTC"] in rows
    assert rows[-1][0] == "simulated"


def test_lines_and_signs_that_a_workbook_cannot_hold_come_back_as_the_same_message(sandbox, tmp_path):
    """Line ends of every system, a bell, a vertical tab: the row is known as sent."""
    texts = ["one\ntwo", "one\r\ntwo", "one\rtwo", " two  blanks ", "emoji 😀 中文"]
    frame = people().assign(phone=[f"491511234560{i}" for i in range(5)], content=texts)
    send(frame, sandbox).nxsms.to_excel(tmp_path / "sent.xlsx")
    with pytest.warns(nx.AlreadySentWarning):
        again = send(back(tmp_path / "sent.xlsx", dtype=str), sandbox)
    assert again["status"].tolist() == ["Success"] * 5
    odd = people(note=pd.Series(["bell \a", "vt \v", "half \ud83d", "\ufffe", "esc \x1b"], dtype=object))
    odd.nxsms.send(sandbox.client, campaign="odd").nxsms.to_excel(tmp_path / "odd.xlsx")
    notes = [row[2][1] for row in cells(tmp_path / "odd.xlsx")[1:]]
    assert notes == ["bell _x0007_", "vt _x000B_", "half _xD83D_", "_xFFFE_", "esc _x001B_"]


def test_a_named_index_is_a_column_and_another_one_is_not(sandbox, tmp_path):
    """The headings are the frame's own."""
    send(people().set_index(pd.Index(list("abcde"), name="who")), sandbox).nxsms.to_excel(tmp_path / "named.xlsx")
    assert [value for _, value in cells(tmp_path / "named.xlsx")[0]][:3] == ["who", "phone", "content"]
    send(people().iloc[::-1], sandbox, campaign="bare").nxsms.to_excel(tmp_path / "bare.xlsx")
    assert [value for _, value in cells(tmp_path / "bare.xlsx")[0]][:2] == ["phone", "content"]
    odd = people().rename(columns={"content": 2026}).assign(**{"": 1})
    send(odd, sandbox, campaign="odd", content=2026).nxsms.to_excel(tmp_path / "odd.xlsx")
    assert back(tmp_path / "odd.xlsx").columns[1] == 2026


def test_results_under_a_prefix_come_back(sandbox, tmp_path):
    """As anywhere."""
    sent = send(people(status="new"), sandbox, prefix="sms_")
    sent.nxsms.to_excel(tmp_path / "sent.xlsx", prefix="sms_")
    frame = back(tmp_path / "sent.xlsx")
    assert frame["status"].tolist() == ["new"] * 5
    assert frame.nxsms.summary(prefix="sms_")["count"].tolist() == [4, 0, 1, 0, 0, 0]


def test_what_cannot_be_written_is_refused_and_leaves_what_stands_there(sandbox, tmp_path):
    """The fact and the remedy; no half a file."""
    sent = send(people(), sandbox)
    path = tmp_path / "sent.xlsx"
    path.write_text("of before")
    refusals = [
        (people(), path, nx.ColumnError, "carries no results"),
        (sent, tmp_path / "sent.xls", nx.ConfigError, r"must end in \.xlsx\.$"),
        (sent, tmp_path / "no" / "sent.xlsx", nx.ConfigError, "does not exist. Create it first"),
        (sent, tmp_path, nx.ConfigError, "must end in"),
        (sent.assign(long="x" * 32_768), path, nx.ConfigError, "'long' has a text of 32,768 characters"),
        (
            sent.loc[np.zeros(1_048_576, int)],
            path,
            nx.ConfigError,
            "1,048,576 rows, and an Excel sheet holds 1,048,575",
        ),
    ]
    for frame, target, kind, words in refusals:
        with pytest.raises(kind, match=words):
            frame.nxsms.to_excel(target)
    levels = sent.copy()
    levels.columns = pd.MultiIndex.from_product([["a"], sent.columns])
    with pytest.raises(nx.ColumnError, match="several levels"):
        levels.nxsms.to_excel(path)
    assert path.read_text() == "of before"
    assert [one.name for one in tmp_path.iterdir() if "sqlite" not in one.name] == ["sent.xlsx"]


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(sandbox, tmp_path):
    """What is replaced is the file behind it."""
    real, link = tmp_path / "real.xlsx", tmp_path / "sent.XLSX"
    real.write_text("x")
    real.chmod(0o600)
    link.symlink_to(real)
    send(people(), sandbox).nxsms.to_excel(str(link))
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(back(real)) == 5


def test_without_openpyxl_the_remedy_is_named(sandbox, tmp_path, monkeypatch):
    """Before a file is made."""
    sent = send(people(), sandbox)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(nx.ConfigError, match="pip install openpyxl"):
        sent.nxsms.to_excel(tmp_path / "sent.xlsx")
    assert not (tmp_path / "sent.xlsx").exists()
