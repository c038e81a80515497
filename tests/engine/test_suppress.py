"""The do-not-contact list: whoever is on it gets nothing, by whatever verb and in whatever spelling."""

import asyncio
import gzip
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main

NUMBERS = [f"49151234567{i:02}" for i in range(10)]
LISTED = NUMBERS[3]


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def people(phones=NUMBERS, **columns):
    return pd.DataFrame({"phone": phones, "content": [f"Hi {i}" for i in range(len(phones))], **columns})


def ledger(sandbox):
    return set(sandbox.ledger["phone"])


def verbs(frame, client, **options):
    yield frame.nxsms.send(client, **options)
    yield asyncio.run(frame.nxsms.asend(client, **options))
    yield frame.nxsms.start(client, **options).wait()
    yield frame.nxsms.recorded(client, **options)
    chunks = [frame.iloc[:2], frame.iloc[2:]]
    yield pd.concat(nx.send_stream(chunks, client, **{"campaign": "stream", **options}))


def check(sent, rows, prefix=""):
    """The rows at these positions are suppressed, the others were sent."""
    mine = sent.iloc[rows]
    assert set(mine[f"{prefix}status"]) == {"Skipped"}
    assert set(mine[f"{prefix}reason"]) == {"suppressed"}
    assert mine[[f"{prefix}messageid", f"{prefix}code", f"{prefix}batch", f"{prefix}sent_at"]].isna().all(axis=None)
    assert (mine[f"{prefix}attempts"] == 0).all()
    others = np.delete(np.arange(len(sent)), rows)
    assert set(sent.iloc[others][f"{prefix}status"]) <= {"Success"}


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_no_verb_sends_to_whoever_is_listed(sandbox, capsys):
    """send, asend, start, recorded and a stream make the row Skipped, "suppressed"; the person hears how many."""
    for sent in verbs(people(), sandbox.client, suppress=[LISTED]):
        check(sent, [3])
    assert LISTED not in ledger(sandbox)
    assert len(ledger(sandbox)) == 9
    assert capsys.readouterr().out.count("1 row suppressed: on the list that suppress= names, not sent.") == 4
    plan = people().nxsms.plan(sandbox.client, campaign="new", suppress=[LISTED])
    assert plan.counts[["send", "suppressed", "duplicate"]].tolist() == [9, 1, 0]
    assert plan.frame["fate"].iloc[3] == plan.frame["reason"].iloc[3] == "suppressed"
    assert "suppressed" in repr(plan)


SPELLINGS = [
    "+49 151 23456703",
    "0049 151 234567 03",
    "0151 23456703",
    "0151-234.567 03",
    "(0151) 23456703",
    "+49151234567०३".translate(str.maketrans("०३", "\uff10\uff13")),
    "\u200e+49 151 23456703\u202c",
    "4915123456703.0",
    " 4915123456703 ",
    "'+4915123456703",
    "0151/23456703",
    "+49 (0)151 23456703",
    "Mobil: 0151 23456703",
    "15123456703",
    "tel:+49-151-23456703",
    '="+4915123456703"',
    4915123456703,
    4915123456703.0,
    np.int64(4915123456703),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "row", ["+4915123456703", "0151 23456703", "0049 (151) 23456703", "+49 151/23456703", "15123456703"]
)
def test_a_spelling_lets_nobody_through(sandbox, spelling, row):
    """National against international, text against numbers, both ways round."""
    for listed, written in ((spelling, row), (row, spelling)):
        frame = pd.DataFrame({"phone": pd.Series([written], dtype=object), "content": "Hi"})
        sent = frame.nxsms.send(sandbox.client, suppress=[listed], region="DE")
        check(sent, [0])
    assert not len(sandbox.ledger)


@pytest.mark.parametrize("listed", ["0151 23456703", "+4915123456703", "15123456703", "4915123456703"])
@pytest.mark.parametrize("row", ["0151/23456703", "+49 151 23456703", "15123456703", "0049 (0)151 23456703"])
def test_of_several_countries_a_national_number_is_anybodys_who_it_may_be(sandbox, listed, row):
    """region= names a column, which a list does not have: it is read as a number of each of the frame's countries."""
    frame = people([row, "0664 1234567", "0664 1234568"], land=["de", "AT", "at"])
    sent = frame.nxsms.send(sandbox.client, region="land", suppress=pd.Series([listed, "+43 664 1234567"]))
    check(sent, [0, 1])
    assert ledger(sandbox) == {"436641234568"}


@pytest.mark.parametrize("region", ["CN", "land"])
@pytest.mark.parametrize("beside", [[], ["4915123456703"]])
@pytest.mark.parametrize("row", ["15088888888", "8615088888888", "+1 508 888 8888"])
def test_a_bare_entry_that_is_two_peoples_keeps_both_from_a_message(sandbox, region, beside, row):
    """15088888888 is a Chinese and an American number: whichever the list means, and whatever else stands on it."""
    frame = people([row, "13800138000"], land="CN")
    sent = frame.nxsms.send(sandbox.client, region=region, suppress=["15088888888", *beside])
    check(sent, [0])


def test_a_list_may_have_the_column_of_countries_too(sandbox, tmp_path):
    """Each entry is then read as a number of its own country; one that none of them reads stops the call."""
    frame = people(["0664 1234567", "0151 23456703"], land=["AT", "DE"])
    (tmp_path / "list.csv").write_text("phone,land\n0151 23456703,de\n")
    check(frame.nxsms.send(sandbox.client, region="land", suppress=tmp_path / "list.csv"), [1])
    (tmp_path / "list.csv").write_text("phone,land\n0151 23456703,\n")
    with pytest.raises(nx.ConfigError, match=r"1 of 1 entry of .*list\.csv cannot be read"):
        frame.nxsms.send(sandbox.client, region="land", suppress=tmp_path / "list.csv", campaign="new")
    with pytest.raises(nx.ConfigError, match="1 of 2 entries of suppress="):
        frame.nxsms.send(sandbox.client, region="land", suppress=["0999", "+4915123456703"], campaign="new")


def written(path, numbers, *, header=("phone",), encoding="utf-8"):
    """A list as a file: one column, or two where the header has two."""
    rows = [[number] if len(header) < 2 else ["Ann", number] for number in numbers]
    if path.suffix.lower() == ".xlsx":
        book = openpyxl.Workbook()
        for row in [header, *rows]:
            book.active.append(list(row)) if row else None
        book.save(path)
    elif path.suffix == ".parquet":
        pd.DataFrame(rows, columns=list(header)).to_parquet(path)
    else:
        text = "\n".join(";".join(map(str, row)) for row in [header, *rows] if row).encode(encoding)
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


LIST = ["0151 23456703", "", "+4915123456705"]

KINDS = {
    "list": lambda _: LIST,
    "tuple": lambda _: tuple(LIST),
    "set": lambda _: set(LIST),
    "generator": lambda _: (one for one in LIST),
    "dict's values": lambda _: dict(enumerate(LIST)).values(),
    "array": lambda _: np.array(LIST),
    "Series": lambda _: pd.Series(LIST, index=[7, 7, 7], name="x"),
    "categories with a gap": lambda _: pd.Series([*LIST, None], dtype="category"),
    "Arrow": lambda _: pd.Series(LIST, dtype="string[pyarrow]"),
    "whole numbers with a gap": lambda _: pd.Series([4915123456703, None, 4915123456705], dtype="Int64"),
    "floats with a gap": lambda _: pd.Series([4915123456703, None, 4915123456705]),
    "Arrow's array": lambda _: pa.array(LIST),
    "Arrow's table": lambda _: pa.table({"number": LIST}),
    "Index": lambda _: pd.Index(LIST),
    "frame of one column": lambda _: pd.DataFrame({"number": LIST}),
    "frame of several": lambda _: pd.DataFrame({"name": "Ann", "phone": LIST}),
    "csv": lambda folder: written(folder / "list.csv", LIST),
    "csv's name": lambda folder: str(written(folder / "list.CSV", LIST)),
    "csv of two columns": lambda folder: written(folder / "list.csv", LIST, header=("name", "phone")),
    "csv in UTF-16": lambda folder: written(folder / "list.csv", LIST, encoding="utf-16"),
    "csv without a heading": lambda folder: written(folder / "list.csv", LIST, header=()),
    "csv with a dated heading": lambda folder: written(folder / "list.csv", LIST, header=("Stand vom 27.11.2026",)),
    "compressed": lambda folder: written(folder / "list.csv.gz", LIST),
    "txt": lambda folder: written(folder / "list.txt", LIST),
    "txt without a heading": lambda folder: written(folder / "list.txt", LIST, header=()),
    "txt in UTF-16": lambda folder: written(folder / "list.txt", LIST, header=(), encoding="utf-16"),
    "workbook": lambda folder: written(folder / "list.xlsx", LIST),
    "workbook of numbers without a heading": lambda folder: written(
        folder / "list.XLSX", [4915123456703, 4915123456705], header=()
    ),
    "Parquet": lambda folder: written(folder / "list.parquet", LIST),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_has_any_form(sandbox, tmp_path, kind):
    """Empty entries are none; a first number where a heading would stand counts."""
    sent = people().nxsms.send(sandbox.client, suppress=KINDS[kind](tmp_path), region="DE")
    check(sent, [3, 5])
    assert len(sandbox.ledger) == 8


@pytest.mark.parametrize("one", [LISTED, int(LISTED), float(LISTED), "+49 151 23456703", "0151/23456703"])
def test_one_number_is_a_list_of_one(sandbox, one):
    """As text or as a number."""
    check(people().nxsms.send(sandbox.client, suppress=one, region="DE"), [3])


@pytest.mark.parametrize(
    "nobody", [None, [], pd.Series([], dtype=object), pd.Series([None, "", np.nan]), ["4366412345678"]]
)
def test_a_list_without_anybody_of_the_frame_changes_nothing(sandbox, capsys, nobody):
    """Of a list with entries it is said that none of them is among the rows: it may have been misread."""
    sent = people().nxsms.send(sandbox.client, suppress=nobody)
    assert set(sent["status"]) == {"Success"}
    said = "suppress=: 0 of 1 entry is among these rows.\n" if isinstance(nobody, list) and nobody else ""
    assert capsys.readouterr().out == said


def test_of_a_frame_without_rows_a_list_may_have_entries_of_any_country(sandbox):
    """A day without recipients is not refused because no row names the entries' country; what no country reads is refused."""
    nobody = people().assign(land="DE").iloc[:0]
    call = {"suppress": ["0151 23456703", "+49 151 23456704"], "region": "land"}
    assert nobody.nxsms.send(sandbox.client, **call).empty
    assert nobody.nxsms.plan(sandbox.client, **call).frame.empty
    assert nobody.nxsms.validate(**call).frame.empty
    with pytest.raises(nx.ConfigError, match=r"1 of 2 entries of suppress= cannot be read"):
        nobody.nxsms.send(sandbox.client, **{**call, "suppress": ["0151 23456703", "12"]})


UNREAD = {
    "a word": (
        ["n/a", LISTED],
        r"1 of 2 entries of suppress= cannot be read as numbers.*position 0: phone_unreadable, n/a",
    ),
    "national without region": (["0151 23456703"], "position 0: phone_leading_zero, 015.*region="),
    "digits lost": ([LISTED, "8.61508E+12", None], "1 of 3 entries.*position 1: phone_digits_lost"),
    "a mask": (pd.Series([True, False]), "2 of 2 entries"),
    "too short": (["12"], "1 of 1 entry of suppress= .*phone_length"),
    "cut in a spreadsheet": ([4915123400000.0], "phone_digits_lost"),
    "no file": ("gone.csv", "gone.csv does not exist"),
    "a folder": (Path("/"), "has no supported format"),
    "a word alone": ("optout", "'optout' is neither a number nor a file of numbers"),
    "a dict": ({LISTED: True}, "was given a dict"),
    "a bool": (True, "was given a bool"),
    "bytes": (b"4915123456703", "was given a bytes"),
    "a frame of other columns": (
        pd.DataFrame({"a": ["1"], "b": ["2"]}),
        "has several columns, and none is 'phone' or holds numbers: 'a', 'b'",
    ),
}


@pytest.mark.parametrize("why", UNREAD)
def test_what_cannot_be_read_stops_the_call(sandbox, why):
    """An entry that was dropped silently would be somebody who gets a message; the number is masked."""
    given, said = UNREAD[why]
    for verb in ("send", "plan", "recorded", "validate"):
        with pytest.raises(nx.ConfigError, match=said) as caught:
            getattr(people().nxsms, verb)(**({} if verb == "validate" else {"client": sandbox.client}), suppress=given)
        assert "23456703" not in str(caught.value)
    with pytest.raises(nx.ConfigError, match=said):
        list(nx.send_stream([people()], sandbox.client, campaign="c", suppress=given))
    assert not len(sandbox.ledger)


def test_a_file_that_cannot_be_read_is_an_error_of_ours(sandbox, tmp_path):
    """Its reader's words, in one line."""
    (tmp_path / "list.xlsx").write_text("phone\n4915123456703\n")
    with pytest.raises(nx.ConfigError, match="an Excel workbook by its name, text by its content"):
        people().nxsms.send(sandbox.client, suppress=tmp_path / "list.xlsx")
    (tmp_path / "list.csv").write_text("a;b\n1;Ann\n")
    with pytest.raises(nx.ConfigError, match="several columns, and none is 'phone'"):
        people().nxsms.send(sandbox.client, suppress=tmp_path / "list.csv")
    assert not len(sandbox.ledger)


def test_the_column_of_a_file_has_the_name_that_the_frames_has(sandbox, tmp_path):
    """phone= names both; another column with numbers counts as well."""
    (tmp_path / "list.csv").write_text(f"mobile,other\n{LISTED},{NUMBERS[0]}\n")
    frame = people().rename(columns={"phone": "mobile"})
    check(frame.nxsms.send(sandbox.client, suppress=tmp_path / "list.csv", phone="mobile"), [0, 3])


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_a_list_added_later_keeps_what_was_sent(sandbox):
    """A row that was sent before keeps its result: it is what happened; the others of the list get nothing."""
    first = people().iloc[:4].nxsms.send(sandbox.client, campaign="spring")
    sent = people().nxsms.send(sandbox.client, campaign="spring", suppress=[LISTED, NUMBERS[5]])
    assert sent["status"].tolist() == ["Success"] * 5 + ["Skipped"] + ["Success"] * 4
    assert sent["messageid"].iloc[3] == first["messageid"].iloc[3]
    again = sent.nxsms.send(sandbox.client, campaign="spring", suppress=[LISTED, NUMBERS[5]])
    pd.testing.assert_frame_equal(again, sent)
    without = sent.nxsms.send(sandbox.client, campaign="spring", suppress=())
    assert set(without["status"]) == {"Success"}
    assert len(sandbox.ledger) == 10


def test_a_retry_leaves_out_whoever_is_listed(sandbox):
    """Rows that were not sent are skipped, refused ones keep the gateway's word; nobody on the list is tried."""
    sandbox.failures = {13007: 1.0}
    sandbox.hourly_limit = None
    refused = people().nxsms.send(sandbox.client)
    sandbox.failures, sandbox.balance = {}, 0
    with pytest.raises(nx.AccountRefused) as stopped:
        people().nxsms.send(sandbox.client, campaign="spring")
    unsent = stopped.value.frame
    sandbox.balance = None
    tried = unsent.nxsms.retry(sandbox.client, suppress=["0151 23456703"], region="DE")
    check(tried, [3])
    tried = refused.nxsms.retry(sandbox.client, codes=13007, suppress=[LISTED])
    assert tried["status"].tolist() == ["Success"] * 3 + ["Failure"] + ["Success"] * 6
    assert tried["messageid"].iloc[3] == refused["messageid"].iloc[3]
    assert (sandbox.ledger["phone"] == LISTED).sum() == 0


def test_what_is_wrong_with_a_listed_row_does_not_matter(sandbox):
    """A missing text or a repeated number of somebody on the list stops nothing."""
    frame = people([*NUMBERS, LISTED]).assign(content=lambda f: f["content"].where(f["phone"] != LISTED, None))
    options = {"campaign": "spring", "suppress": [LISTED]}
    report = frame.nxsms.validate(**options)
    assert report.ok
    assert "2 suppressed" in repr(report)
    assert report.valid["phone"].tolist() == [n for n in NUMBERS if n != LISTED]
    assert len(report.invalid) == 0
    sent = frame.nxsms.send(sandbox.client, on_invalid="raise", **options)
    check(sent, [3, 10])
    texted = people([*NUMBERS, LISTED])
    check(texted.nxsms.send(sandbox.client, campaign="summer", suppress=[LISTED]), [3, 10])


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("duplicates", ["drop", "allow", "raise"])
def test_a_listed_row_takes_no_other_rows_place(sandbox, duplicates):
    """With a key of its own, an order's second number gets the message that its first one is not to have."""
    frame = people([LISTED, NUMBERS[0], NUMBERS[1]], order=[1, 1, 2])
    for _ in range(2):
        sent = frame.nxsms.send(sandbox.client, key="order", duplicates=duplicates, suppress=[LISTED], prefix="")
        check(sent, [0])
    assert sorted(sandbox.ledger["phone"]) == NUMBERS[:2]
    without = frame.nxsms.recorded(sandbox.client, key="order", duplicates="drop")
    assert "suppressed" not in set(without["reason"])


def test_held_out_rows_stay_held_out(sandbox):
    """They are an arm of an experiment, whoever is on the list."""
    frame = people(variant=["A"] * 3 + ["holdout"] + ["A"] * 6)
    sent = frame.nxsms.send(sandbox.client, suppress=[LISTED, NUMBERS[4]])
    assert sent["reason"].iloc[3:5].tolist() == ["held out", "suppressed"]


def test_confirm_counts_those_who_get_a_message(sandbox):
    """The list is read before agreement is asked for."""
    client = nx.Client(access_key="a", access_secret="b", app_key="c", base_url="https://gateway.invalid")
    frame = people([f"4915123{i:06}" for i in range(120)])
    with pytest.raises(nx.ConfirmationNeeded, match="This would send 110 messages") as asked:
        frame.nxsms.send(client, journal=nx.Journal(":memory:"), suppress=frame["phone"].head(10))
    assert "suppress='…'" in str(asked.value)
    assert "4915123" not in str(asked.value)


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_a_list_is_taken_as_it_is_at_the_call(sandbox):
    """Whoever is taken off it meanwhile stays on it for this call."""
    listed = [LISTED]
    coroutine = people().nxsms.asend(sandbox.client, suppress=listed)
    listed.clear()
    check(asyncio.run(coroutine), [3])


def test_a_stream_reads_its_list_once_and_counts_over_its_chunks(sandbox, tmp_path, capsys):
    """The file may be gone by the second chunk."""
    path = written(tmp_path / "list.csv", [NUMBERS[1], NUMBERS[8]])
    chunks = (people().iloc[start : start + 5] for start in (0, 5))
    stream = nx.send_stream(chunks, sandbox.client, campaign="spring", suppress=path)
    first = next(stream)
    path.unlink()
    check(pd.concat([first, *stream]), [1, 8])
    assert "2 rows suppressed" in capsys.readouterr().out


class Watcher:
    def update(self, snapshot):
        self.last = snapshot

    close = update


def test_the_runs_summary_counts_them(sandbox):
    """Beside the rows that are left out."""
    watcher = Watcher()
    sent = people().nxsms.send(sandbox.client, progress=watcher, suppress=NUMBERS[:2])
    assert (watcher.last.suppressed, watcher.last.counts["Skipped"], watcher.last.decided) == (2, 2, 8)
    assert watcher.last.aside("Skipped") == " (2 suppressed)"
    assert sent.nxsms.summary().set_index("status")["count"]["Skipped"] == 2


def test_the_command_line_takes_a_file(tmp_path, monkeypatch, capsys):
    """--suppress FILE, completed by --region."""
    monkeypatch.chdir(tmp_path)
    people().to_csv("in.csv", index=False)
    Path("list.txt").write_text("0151 23456703\n")
    words = ["send", "in.csv", "out.csv", "--campaign", "c", "--sandbox", "--journal", "j.sqlite", "--region", "DE"]
    assert main([*words, "--suppress", "list.txt"]) == 0
    check(pd.read_csv("out.csv", dtype={"code": object}), [3])
    shown = capsys.readouterr().out
    assert "Skipped 1" in shown
    assert "1 row suppressed" in shown
    assert main([*words[:-2], "--suppress", "list.txt"]) == 2
    assert "1 of 1 entry of list.txt cannot be read" in capsys.readouterr().err
    assert main([*words, "--suppress", "gone.txt"]) == 2
    assert "gone.txt does not exist" in capsys.readouterr().err
