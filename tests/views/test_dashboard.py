"""The dashboard as Python has it: what it shows, what each message of the page does, and what is saved of it."""

import gzip
import io
import json
import re

import comm
import nbformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from IPython.lib.pretty import pretty
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import nxsms_nb as nx
from nxsms_nb.analysis import failures, summary
from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns
from nxsms_nb.views import masking

NUMBER = "8615088888888"


def texts(html):
    """The words of HTML, one blank between them."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def view(shown):
    return json.loads(shown.view)


def table(shown):
    return json.loads(shown.table)


def say(shown, action, **values):
    """What the page says when something is clicked; the view that follows."""
    shown._heard(shown, {"nxsms": action, **values}, [])
    return view(shown)


def column(shown, label):
    return shown._board.columns.index(label)


def evaluated(shown, sent):
    """The rows that the dashboard's line gives."""
    return eval(shown.code, {"sent": sent, "pd": pd})  # noqa: S307 - our own line


def agrees(shown, sent):
    """Selection, code, number of rows and table are of the same rows."""
    pd.testing.assert_frame_equal(shown.selection, evaluated(shown, sent))
    assert view(shown)["chosen"] == len(shown.selection) == table(shown)["total"]
    return len(shown.selection)


def test_the_first_picture_is_that_of_the_tables(made):
    """Tiles have the counts of summary, bars those of failures, the groups their intervals."""
    sent = made(5000)
    shown = sent.nxsms.dashboard()
    first = view(shown)
    counts = summary.summary(sent).set_index("status")
    assert {tile["status"]: tile["rows"] for tile in first["tiles"]} == counts["count"].to_dict()
    by_code = failures.failures(sent)
    bars = {bar["value"]: bar for bar in first["reasons"]}
    for row in by_code[by_code["code"].notna()].to_dict("records"):
        bar = bars[str(row["code"])]
        assert [bar["rows"], bar["words"]] == [row["count"], row["meaning"]]
        assert np.allclose([bar["share"], bar["low"], bar["high"]], [row["share"], row["low"], row["high"]])
    by = failures.failures(sent, "country").drop_duplicates("country").set_index("country")
    for group in first["groups"]["rows"]:
        row = by.loc[group["name"]]
        assert np.allclose([group[name] for name in ("answered", "failed", "rate", "low", "high")],
                           [row[name] for name in ("answered", "failed", "rate", "low", "high")])  # fmt: skip
    assert agrees(shown, sent) == 5000


def test_each_choice_filters_every_picture_and_the_rows(made):
    """Tile, bar, range, group and cell: the same rows everywhere; the picture it is made in keeps its other parts."""
    sent = made(5000)
    shown = sent.nxsms.dashboard()
    rows = agrees(shown, sent)
    said = say(shown, "status", value="Failure")
    assert agrees(shown, sent) == (sent["status"] == "Failure").sum() < rows
    assert [tile["on"] for tile in said["tiles"]] == [False, True, False, False, False, False]
    assert said["tiles"][0]["rows"] == (sent["status"] == "Success").sum()
    assert sum(bar["rows"] for bar in said["reasons"]) == said["chosen"]
    for action, values in [
        ("reason", {"level": 0}),
        ("range", {"which": "time", "first": 3, "last": 30}),
        ("range", {"which": "latency", "first": 2, "last": 20}),
        ("level", {"column": column(shown, "segment"), "level": 1}),
        ("cell", {"row": 1, "column": 0}),
    ]:
        before, rows = said, agrees(shown, sent)
        said = say(shown, action, **values)
        assert 0 < agrees(shown, sent) < rows, action
        assert sum(tile["rows"] for tile in said["tiles"]) == said["chosen"]
        assert sum(said["time"]["failed"]) < sum(before["time"]["failed"]) or action == "range"
    assert len(said["chips"]) == 7
    for _ in range(7):
        said = say(shown, "drop", place=0)
        agrees(shown, sent)
    assert not said["chips"]
    assert shown.code == "sent"


def test_a_choice_made_again_is_taken_back(made):
    """A second click on what is chosen ends the filter; on another part it takes that one."""
    sent = made(500)
    shown = sent.nxsms.dashboard()
    say(shown, "status", value="Failure")
    assert say(shown, "status", value="Invalid")["chips"] == ["refused before sending"]
    assert say(shown, "status", value="Invalid")["chips"] == []
    for action, values in [
        ("reason", {"level": 1}),
        ("level", {"column": 0, "level": 0}),
        ("cell", {"row": 0, "column": 0}),
    ]:
        assert say(shown, action, **values)["chosen"] < 500
        assert say(shown, action, **values)["chosen"] == 500
    say(shown, "range", which="time", first=1, last=1)
    assert say(shown, "range", which="time")["chosen"] == 500
    say(shown, "status", value="Failure")
    say(shown, "search", text="parcel")
    assert say(shown, "reset")["chosen"] == 500
    assert not table(shown)["searched"]


@pytest.mark.parametrize(
    "message",
    [
        {"nxsms": "status", "value": "Gone"}, {"nxsms": "reason", "level": 99}, {"nxsms": "reason", "level": -1},
        {"nxsms": "reason"}, {"nxsms": "level", "column": 0, "level": True}, {"nxsms": "drop", "place": 0},
        {"nxsms": "range", "which": "code", "first": 0, "last": 1}, {"nxsms": "slice", "place": 0}, {"nxsms": "sort", "column": 99},
        {"nxsms": "range", "which": "time", "first": 0, "last": 10**6}, {"nxsms": "__init__"}, {"nxsms": None}, {}, "reset",
        {"nxsms": "export", "part": 5}, {"nxsms": "column", "role": "none", "column": 0}, {"nxsms": []}, {"nxsms": {}},
        {"nxsms": "page", "page": float("inf")}, {"nxsms": "page", "page": float("nan")}, {"nxsms": "sort", "column": float("inf")},
        {"nxsms": "status", "value": []}, {"nxsms": "range", "which": {}, "first": 0, "last": 1}, {"nxsms": "column", "role": [], "column": 0},
    ],
)  # fmt: skip
def test_what_does_not_fit_changes_nothing(made, message):
    """A stale or foreign message is dropped: nothing raises, nothing is chosen."""
    sent = made(100)
    shown = sent.nxsms.dashboard()
    before = shown.view
    shown._heard(shown, message, [])
    assert shown.view == before


def test_an_act_that_fails_half_way_leaves_what_held_before(made, monkeypatch):
    """What goes wrong while rows are put in order takes nothing of the earlier choices away, and adds nothing to them."""
    sent = made(100)
    shown = sent.nxsms.dashboard()
    say(shown, "status", value="Failure")
    before = shown.view, shown.table
    rows = shown._board.rows
    with monkeypatch.context() as broken:
        broken.setattr(rows, "_labels", [*rows._labels, "gone"])
        say(shown, "search", text="x")
        say(shown, "sort", column=len(rows._labels) - 1)
    assert (shown.view, shown.table) == before
    say(shown, "status", value="Failure")
    assert agrees(shown, sent) == 100


ODD = {
    "intervals": lambda n: pd.arrays.IntervalArray.from_breaks(np.arange(n + 1)[::-1] * -1.0),
    "periods": lambda n: pd.period_range("2020-01", periods=n, freq="M"),
    "huge": lambda n: pd.Series([2**70 + place for place in range(n)], dtype=object),
    "mixed": lambda n: pd.Series(["a", 1, None, 2.5] * (n // 4), dtype=object),
    "halves": lambda n: pd.Series(["a\ud800", "ok"] * (n // 2), dtype=object),
    "lists": lambda n: pd.Series([[1], [2]] * (n // 2), dtype=object),
    "bytes": lambda n: pd.Series([b"\xff", b"ok"] * (n // 2), dtype=object),
}


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_columns_of_any_values_are_sorted_and_searched(made, values):
    """Both orders have every row, what has an order is in it, and a search goes on after a text that is half a character."""
    sent = made(100)
    sent.insert(2, "odd", values(100))
    shown = sent.nxsms.dashboard()
    place = [one["name"] for one in table(shown)["columns"]].index("odd")
    for way, end in (("up", 0), ("down", -1)):
        say(shown, "sort", column=place)
        assert table(shown)["columns"][place]["sorted"] == way
        assert table(shown)["total"] == 100
        try:
            first = str(sorted(sent["odd"])[end]).encode("utf-8", "replace").decode()
        except TypeError:
            continue
        assert table(shown)["rows"][0][place] == masking.numbers(first)
    for text, found in (("\ud800", None), ("no such text", 0), ("", 100)):
        say(shown, "search", text=text)
        assert found in (None, table(shown)["total"])
    assert agrees(shown, sent) == 100


def test_moments_are_written_to_the_second(made):
    """A column of times has no parts of seconds in the table."""
    sent = made(20)
    sent.insert(2, "opened", sent["sent_at"])
    shown = sent.nxsms.dashboard()
    cells = {row[2] for row in table(shown)["rows"] if row[2]}
    assert cells
    assert all(re.fullmatch(r"[\d-]{10} [\d:]{8}\+00:00", cell) for cell in cells)


def test_columns_may_have_several_levels(made):
    """Of a frame whose labels are tuples every choice gives the same rows as its line, with the columns as they are."""
    sent = made(300)
    sent["sender"] = np.where(np.arange(300) % 3, "Shop", "Bank")
    sent.columns = pd.MultiIndex.from_tuples([(label, "") for label in sent.columns])
    sent["order", "kind"] = np.where(np.arange(300) % 4, "new", "old")
    shown = sent.nxsms.dashboard()
    for label in ("sender", ("order", "kind"), "country"):
        say(shown, "level", column=column(shown, label), level=0)
        assert 0 < agrees(shown, sent) <= 300
    assert NUMBER[:5] not in shown.table
    say(shown, "reset")
    say(shown, "drivers")
    assert wait_for(shown, "drivers")["state"] == "done"


def test_ranges_of_times_are_written_where_clocks_change(made):
    """A range over the hour that is left out, or comes twice, in any kind of zone: the line gives the chosen rows."""
    for zone in ("Europe/Berlin", "America/New_York", "+02:00", None):
        for begin in ("2026-03-29 00:00", "2026-10-24 21:00", "2026-10-31 21:00"):
            sent = made(300)
            hours = pd.to_timedelta(np.arange(300) * 171, unit="s")
            sent["due"] = (pd.Timestamp(begin, tz="UTC") + hours).tz_convert(zone)
            shown = sent.nxsms.dashboard()
            place = column(shown, "due")
            groups = say(shown, "column", role="group", column=place)["groups"]["rows"]
            assert len(groups) > 3
            for group in groups:
                say(shown, "level", column=place, level=group["level"])
                assert agrees(shown, sent) == group["rows"]
                say(shown, "reset")


def test_other_values_are_no_filter(made):
    """What a column's picture puts together as other is shown with its rate and cannot be chosen."""
    sent = made(3000)
    sent["shop"] = [f"shop {int(n)}" for n in np.random.default_rng(1).zipf(1.5, 3000)]
    shown = sent.nxsms.dashboard()
    groups = say(shown, "column", role="group", column=column(shown, "shop"))["groups"]["rows"]
    other = next(group for group in groups if group["other"])
    assert re.fullmatch(r"other \(\d+ values\)", other["name"])
    assert len(groups) == 25
    assert sum(group["rows"] for group in groups) == 3000
    assert say(shown, "level", column=column(shown, "shop"), level=other["level"])["chosen"] == 3000


def test_numbers_and_times_are_grouped_in_ranges(made):
    """A column of many numbers has bins of about as many rows, its filter is their range."""
    sent = made(1000).assign(amount=np.random.default_rng(1).gamma(2, 50, 1000))
    shown = sent.nxsms.dashboard()
    groups = say(shown, "column", role="group", column=column(shown, "amount"))["groups"]["rows"]
    assert [80 < group["rows"] < 120 for group in groups] == [True] * 10
    assert groups[0]["name"].startswith("up to ")
    say(shown, "level", column=column(shown, "amount"), level=3)
    assert agrees(shown, sent) == groups[3]["rows"]


def test_what_makes_no_groups_says_why(made):
    """Lists, ids and numbers of people are named with the reason, and the derived country has a second name."""
    sent = made(300).assign(tags=[["a"]] * 300, ref=[f"r{i}" for i in range(300)], country="Mali")
    shown = view(sent.nxsms.dashboard())
    assert {"country", "country (phone)", "segment"} <= {*shown["columns"]} or "country" in dict(shown["refused"])
    refused = dict(shown["refused"])
    assert refused["tags"] == "holds lists or the like"
    assert refused["ref"] == "almost every row has a value of its own"
    assert refused["phone"].startswith("numbers of people")


def test_rows_are_paged_sorted_and_searched(made):
    """Ten rows at a time; sorting is stable and puts gaps last; a search finds texts, numbers and codes."""
    sent = made(500)
    shown = sent.nxsms.dashboard()
    heads = [head["name"] for head in table(shown)["columns"]]
    assert heads[:3] == ["phone", "content", "segment"]
    say(shown, "page", page=49)
    assert [len(table(shown)["rows"]), table(shown)["pages"], table(shown)["first"]] == [10, 50, 491]
    say(shown, "page", page=999)
    assert table(shown)["page"] == 49
    place = heads.index("segment")
    say(shown, "sort", column=place)
    expected = sent.sort_values("segment", kind="stable")
    assert shown._board.rows._places.tolist() == expected.index.to_list()
    assert [row[place] for row in table(shown)["rows"]] == ["new"] * 10
    say(shown, "sort", column=place)
    assert [row[place] for row in table(shown)["rows"]] == ["old"] * 10
    say(shown, "page", page=49)
    assert [row[place] for row in table(shown)["rows"]] == [""] * 10
    say(shown, "sort", column=place)
    assert [head["sorted"] for head in table(shown)["columns"]] == [""] * len(heads)
    for words, rows in {
        "PARCEL": sent["content"].str.contains("parcel"),
        "+86 150": sent["phone"].str.contains("86150"),
        "13005": sent["code"].eq(13005).fillna(False),
        "手机": sent["reason"].str.contains("手机", na=False),
        ".*": sent["phone"] == "",
    }.items():
        say(shown, "search", text=words)
        assert table(shown)["total"] == int(rows.sum()), words
        assert view(shown)["chosen"] == 500, "a search is no filter"
    say(shown, "search", text="old")
    say(shown, "status", value="Failure")
    assert table(shown)["total"] == int(((sent["segment"] == "old") & (sent["status"] == "Failure")).sum())


def test_any_column_can_be_shown_or_hidden(made):
    """At first six of the frame's own beside phone and content; what is shown is sorted and searched, what is hidden is not."""
    sent = made(200).assign(**{f"fact {place}": f"value {place}" for place in range(20)})
    sent["messageid"] = [f"n1{place:032x}" for place in range(200)]
    sent["fact 19"] = [f"last {place % 7}" for place in range(200)]
    shown = sent.nxsms.dashboard()
    names = json.loads(shown.columns)
    own = [
        name for name in sent.columns if name not in ("status", "code", "reason", "attempts", "sent_at", "latency_ms")
    ]
    assert sorted(names) == sorted(own)
    heads = [one["name"] for one in table(shown)["columns"]]
    assert heads[:8] == ["phone", "content", "segment", *(f"fact {place}" for place in range(5))]
    say(shown, "page", page=3)
    for name, place in (("fact 19", 8), ("messageid", 9)):
        say(shown, "show", column=names.index(name), on=True)
        assert [one["name"] for one in table(shown)["columns"]][place] == name
        assert table(shown)["page"] == 3
    assert [row[9] for row in table(shown)["rows"]] == sent["messageid"].iloc[30:40].to_list()
    say(shown, "search", text="last 3")
    found_ = int(sent["fact 19"].eq("last 3").sum())
    assert table(shown)["total"] == found_ > 20
    say(shown, "sort", column=8)
    say(shown, "sort", column=0)
    say(shown, "show", column=0, on=False)
    assert {one["sorted"] for one in table(shown)["columns"]} == {""}
    assert table(shown)["total"] == found_
    say(shown, "show", column=names.index("fact 19"), on=False)
    assert table(shown)["total"] == 0
    before = shown.table
    for column_ in (-1, len(names), "x", None):
        say(shown, "show", column=column_, on=True)
    assert shown.table == before


def test_a_chosen_reason_has_its_meaning_and_advice(made):
    """Above the rows of a code stands what it means and what to do."""
    sent = made(500)
    shown = sent.nxsms.dashboard()
    level = next(bar["level"] for bar in view(shown)["reasons"] if bar["value"] == "13005")
    say(shown, "reason", level=level)
    code = nx.codes().loc[13005]
    assert table(shown)["about"] == {"name": f"13005 {code['meaning']}", "advice": code["advice"]}
    assert (shown.selection["code"].fillna(-1) == 13005).all()
    assert (shown.selection["status"] == "Failure").all()


def wait_for(shown, name):
    """What was asked for, when it has been worked out."""
    for thread in nx_threads():
        thread.join(60)
    return json.loads(getattr(shown, name))


def nx_threads():
    import threading

    return [thread for thread in threading.enumerate() if thread.daemon and thread.name.startswith("nxsms-dashboard")]


def test_what_goes_with_failure_is_found_for_the_chosen_rows(made):
    """On demand, in the background, with the rows it is of; a slice is a filter like any other."""
    sent = made(4000, failing=0.02).assign(sender=np.where(np.arange(4000) % 4, "Shop", "Bank"))
    bad = (sent["sender"] == "Bank") & (sent["status"] == "Success") & (np.arange(4000) % 3 == 0)
    sent.loc[bad, ["status", "code"]] = ["Failure", 13007]
    shown = sent.nxsms.dashboard()
    assert json.loads(shown.drivers)["state"] == "idle"
    say(shown, "drivers")
    found = wait_for(shown, "drivers")
    assert [found["state"], found["about"], found["rows"][0]["where"]] == ["done", "of all 4,000 rows", "Bank"]
    assert "13007" in found["rows"][0]["code"]
    assert say(shown, "slice", place=0)["slices"][0] is True
    assert agrees(shown, sent) == 1000
    say(shown, "drivers")
    found = wait_for(shown, "drivers")
    assert found["about"] == "of the 1,000 rows chosen"
    assert view(shown)["chips"] == ["Bank"], "what was chosen stays"


def test_an_experiment_is_compared_for_the_chosen_rows(made):
    """Where there is a variant column, its arms are compared on demand; what is wrong with them is said."""
    sent = made(2000)
    assert view(sent.nxsms.dashboard())["experiment"] is None
    shown = sent.assign(variant=np.where(np.arange(2000) % 2, "A", "B")).nxsms.dashboard()
    say(shown, "experiment")
    found = wait_for(shown, "experiment")
    assert [row["arm"] for row in found["rows"]] == ["A", "B"]
    assert "repeat an earlier row's phone" in found["note"]
    say(shown, "level", column=column(shown, "variant"), level=0)
    say(shown, "experiment")
    found = wait_for(shown, "experiment")
    assert found["state"] == "failed"
    assert "only one arm" in found["note"]


def test_delivery_may_be_the_outcome(made):
    """With receipts in the frame rates may be of what was delivered."""
    sent = made(100).assign(dr_status=pd.array([2, 5, 1, None] * 25, dtype="Int64"))
    shown = sent.nxsms.dashboard()
    assert view(shown)["outcomes"] == ["accepted", "delivered"]
    assert say(shown, "outcome", value="delivered")["overall"]["rate"] == 0.5
    assert say(shown, "outcome", value="bought")["outcome"] == "delivered"


def exported(shown):
    """The file that the page puts together of the parts it is sent."""
    parts = []
    shown.send = lambda content, buffers: parts.append((content, buffers[0]))
    part = 0
    while not parts or not parts[-1][0]["last"]:
        shown._heard(shown, {"nxsms": "export", "part": part}, [])
        part += 1
    return pd.read_csv(io.BytesIO(gzip.decompress(b"".join(data for _, data in parts))), dtype=str)


def test_the_export_has_the_chosen_rows_masked(made):
    """A CSV file of the selection: numbers masked wherever they stand, unless the session says otherwise."""
    sent = made(300).assign(other=f"call {NUMBER}", whole=int(NUMBER), code2="<b>", amount=1.5)
    sent.loc[0, "content"] = f"你好 {NUMBER}"
    shown = sent.nxsms.dashboard()
    say(shown, "status", value="Failure")
    file = exported(shown)
    rows = sent[sent["status"] == "Failure"]
    assert list(file.columns) == list(sent.columns)
    assert set(file["status"]) == {"Failure"}
    assert len(file) == len(rows)
    assert set(file["other"]) == {"call 861••••••••88"}
    assert set(file["whole"]) == {"861••••••••88"}
    assert file["content"].to_list() == [text.replace(NUMBER, "861••••••••88") for text in rows["content"]]
    assert not set(file["phone"]) & set(sent["phone"])
    nx.options.mask_phones = False
    try:
        assert exported(shown)["phone"].to_list() == rows["phone"].to_list()
    finally:
        nx.options.mask_phones = True


def test_no_whole_number_and_no_html_is_in_the_state(made):
    """Whatever is chosen, sorted or searched for: the model's state and the static picture hold no number whole."""
    sent = made(400).assign(
        status="Failure", code=pd.NA, reason=f"<i>no</i> {NUMBER}", other=f"x {NUMBER}", whole=float(NUMBER)
    )
    sent["<b>"] = NUMBER
    sent.loc[::2, "<b>"] = "<script>alert(1)</script>"
    sent[NUMBER] = np.arange(400) % 2
    shown = sent.nxsms.dashboard()
    seen = []
    for action, values in [
        ("status", {"value": "Failure"}), ("search", {"text": NUMBER}), ("sort", {"column": 0}), ("reason", {"level": 0}),
        *(("column", {"role": role, "column": place}) for role in ("group", "row") for place in range(len(shown._board.columns))),
        ("level", {"column": column(shown, NUMBER), "level": 0}), ("level", {"column": column(shown, "<b>"), "level": 1}),
        ("drivers", {}),
    ]:  # fmt: skip
        say(shown, action, **values)
        seen += [json.dumps(shown.get_state(), default=str), shown.html()]
    wait_for(shown, "drivers")
    seen += [json.dumps(shown.get_state(), default=str), str(shown._repr_mimebundle_())]
    numbers = {NUMBER, *sent["phone"]}
    for text in seen:
        assert not [number for number in numbers if number in text]
    static = "".join(text for text in seen if text.startswith("<div"))
    assert "<i>" not in static
    assert "<script>" not in static


@pytest.mark.parametrize("status", [None, "Success", "Invalid", "Unknown", "Skipped"])
def test_frames_of_one_kind_have_a_dashboard(made, status):
    """No rows, no failures, nothing answered: every picture is there and every choice can be made."""
    sent = made(400)
    sent = sent[sent["status"] == status] if status else sent[:0]
    shown = sent.nxsms.dashboard()
    for place in range(len(view(shown)["columns"])):
        say(shown, "column", role="group", column=place)
        say(shown, "column", role="column", column=place)
    say(shown, "status", value="Failure")
    assert agrees(shown, sent) == 0
    assert 'data-nxsms="dashboard-static"' in shown.html()


def test_it_is_chinese_where_the_session_is(made):
    """The words of its script, of its pictures and of what was chosen follow the language."""
    nx.options.language = "zh"
    try:
        shown = made(300).nxsms.dashboard()
        say(shown, "status", value="Failure")
        assert view(shown)["chips"] == ["网关拒绝"]
        assert json.loads(shown.words)["Why messages failed"] == "失败原因"
        assert "失败原因" in shown.html()
        assert table(shown)["columns"][3]["name"] == "状态"
        sent = made(300).assign(country="DE", weekday="Monday")
        sent.loc[:100, "country"] = "FR"
        sent.loc[:100, "weekday"] = "Friday"
        shown = sent.nxsms.dashboard()
        names = dict(zip(shown._board.columns, view(shown)["columns"], strict=True))
        derived = {"country (phone)": "国家/地区 (phone)", "length": "长度", "segments": "计费条数", "encoding": "编码",
                   "hour": "小时", "weekday (sent_at)": "星期 (sent_at)", "date": "日期"}  # fmt: skip
        assert names.items() >= derived.items()
        assert [names["country"], names["weekday"]] == ["country", "weekday"]
        for label, words in (("weekday", "weekday: Friday"), ("weekday (sent_at)", "星期 (sent_at): 星期")):
            say(shown, "reset")
            first = say(shown, "level", column=column(shown, label), level=0)["chips"]
            assert first[0].startswith(words) or first[0].startswith("weekday: Monday")
    finally:
        nx.options.language = "en"
    assert json.loads(made(10).nxsms.dashboard().words) == {"language": "en"}


def test_numbers_stand_to_the_right(made):
    """Amounts are compared by their digits; phones, texts, truths and codes are not."""
    sent = made(50).assign(amount=1.5, rows=pd.array([1, None] * 25, dtype="Int64"), vip=True, city="Bonn")
    sent["phone"] = sent["phone"].astype("int64")
    right = {column["name"] for column in table(sent.nxsms.dashboard())["columns"] if column["number"]}
    assert right == {"amount", "rows", "attempts", "latency"}


def test_sandbox_results_say_so(made):
    """The dashboard of practice results is marked, with and without rows."""
    for rows in (0, 50):
        sent = made(rows)
        assert "sandbox" not in texts(sent.nxsms.dashboard().html())
        sent.attrs["nxsms"] = {"gateway": "sandbox"}
        assert "sandbox" in texts(sent.nxsms.dashboard().html())
        assert view(sent.nxsms.dashboard())["sandbox"]


def test_its_text_form_is_the_same_each_time(made):
    """Outputs of a notebook repeat: no ids and no times in the text form."""
    shown = made(1234).nxsms.dashboard()
    assert pretty(shown) == repr(shown) == "Dashboard of 1,234 rows"
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == "Dashboard of 1,234 rows"
    assert bundle["text/html"] == shown.html()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_frame_that_was_not_sent_has_no_dashboard():
    """There is nothing to show, and the message says what to do."""
    with pytest.raises(ColumnError, match="Send it first"):
        pd.DataFrame({"phone": []}).nxsms.dashboard()


def test_a_frame_that_cannot_be_read_leaves_no_model_behind(made):
    """What is wrong with the results is raised, and no page gets a dashboard that never shows anything."""
    before = {*comm.get_comm_manager().comms}
    for sent in (
        made(10).assign(status="lost"),
        made(10).assign(code="a hundred"),
        made(10).assign(sent_at="the day before"),
    ):
        with pytest.raises(ColumnError):
            sent.nxsms.dashboard()
    assert {*comm.get_comm_manager().comms} == before
    shown = made(10).nxsms.dashboard()
    assert {*comm.get_comm_manager().comms} - before == {shown.comm.comm_id, shown.layout.comm.comm_id}


def test_columns_in_chunks_are_shown_as_whole_ones(made, tmp_path):
    """A frame as a file left it, its texts in many chunks, has the same pictures and the same pages of rows, in any order."""
    sent = made(900).assign(place=[f"place {i % 40}" for i in range(900)])
    sent["phone"] = [f"{['86150', '49151', '1613555'][i % 3]}{i:08d}"[:13] for i in range(900)]
    texts_of = ["phone", "content", "segment", "reason", "place", "messageid"]
    for part in range(3):
        sent.iloc[part * 300 : (part + 1) * 300].to_parquet(tmp_path / f"{part}.parquet")
    parted = pd.concat([pd.read_parquet(tmp_path / f"{part}.parquet") for part in range(3)])
    for dtype in (columns.TEXT, pd.ArrowDtype(pa.large_string())):
        whole = sent.nxsms.dashboard()
        chunked = parted.assign(**{name: parted[name].astype(dtype) for name in texts_of}).nxsms.dashboard()
        place = [one["name"] for one in table(whole)["columns"]].index("place")
        for action, values in [("page", {"page": 44}), ("sort", {"column": place}), ("page", {"page": 31}), ("sort", {"column": place}),
                               ("search", {"text": "place 7"}), ("reset", {}), ("status", {"value": "Failure"}),
                               *(("column", {"role": "group", "column": at}) for at in range(len(view(whole)["columns"])))]:  # fmt: skip
            assert say(chunked, action, **values) == say(whole, action, **values)
            assert table(chunked) == table(whole)


def test_a_converted_notebook_shows_it():
    """Executed and converted without widgets, the page has the counts, the bars and both pictures over time."""
    cell = """
import nxsms_nb, pandas as pd
from nxsms_nb.results import columns
sent = columns.empty(3).assign(status=["Success", "Failure", "Failure"], code=[0, 13005, 13005], batch=1,
                               sent_at=pd.Timestamp("2026-03-03", tz="UTC"), latency_ms=20.0)
sent.nxsms.dashboard()"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    notebook.metadata.pop("widgets", None)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    static = page.partition('data-nxsms="dashboard-static"')[2]
    assert re.search(r"2 66\.7% refused by the gateway", texts(static))
    assert "13005 incorrect phone number 2 · 66.7%" in texts(static)
    assert static.count("<svg ") >= 2


def test_rates_are_of_the_answered_rows_whatever_code_is_chosen(made):
    """Chosen a code, each group and cell shows the share of its answered rows that it befell, not 100%."""
    sent = made(3000)
    shown = sent.nxsms.dashboard()
    say(shown, "column", role="group", column=column(shown, "segment"))
    level = next(bar["level"] for bar in view(shown)["reasons"] if bar["value"] == "13005")
    whole = view(shown)["reasons"][level]["share"]
    said = say(shown, "reason", level=level)
    assert said["reasons"][level]["share"] == whole
    failed = sent[(sent["status"] == "Failure") & (sent["code"] == 13005)]
    answered = sent[sent["status"].isin(["Success", "Failure"])]
    for group in said["groups"]["rows"]:
        name = None if group["name"] == "(missing)" else group["name"]
        parts = [rows["segment"].isna() if name is None else rows["segment"] == name for rows in (failed, answered)]
        assert [group["failed"], group["answered"]] == [int(part.sum()) for part in parts]
    assert sum(map(sum, said["heat"]["answered"])) == len(answered)
    assert said["overall"]["rate"] == len(failed) / len(answered)
