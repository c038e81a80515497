"""A frame that comes back from a file, or is called in another way, names the same messages."""

import contextlib
import datetime as dt
import io
import itertools
import sqlite3
import uuid
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nxsms_nb as nx
from nxsms_nb.rows.canonical import canonical, rounded
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.stream import as_pandas

PEOPLE = pd.DataFrame(
    {
        "phone": ["8615088888881", "8615088888882", "8615088888883"],
        "content": ["Dear Ann,\r\nyour parcel", "Dear Bo,\ryour parcel", "Dear Cy,\n\nyour parcel"],
        "order": [1001, 1002, 1003],
        "shop": ["a", "b", "c"],
    }
)


def ids(frame, **options):
    """The ids that a call would give the rows of a frame."""
    client = nx.Client(access_key="key", access_secret="secret", app_key="app-2024", base_url="http://127.0.0.1:9")
    return frame.nxsms.plan(client, journal=nx.Journal.in_memory(), **options).frame["messageid"].tolist()


def test_the_ends_of_lines_do_not_tell_texts_apart():
    """CRLF, CR and LF name one message, since a spreadsheet makes one of them of the others; a further line does not."""
    frames = [PEOPLE.assign(content=f"Hi{end}Ann") for end in ("\n", "\r\n", "\r", "_x000D_\n")]
    assert len({tuple(ids(frame)) for frame in frames}) == 1
    assert ids(frames[0]) != ids(PEOPLE.assign(content="Hi\n\nAnn"))
    repeated = pd.concat(frames[:2], ignore_index=True).nxsms.validate()
    assert repeated.counts["rows"].to_dict() == {"duplicate": 3}


def test_the_text_is_sent_as_it_stands():
    """Only the message's name is made of the text with its line ends alike."""
    with nx.Sandbox(seed=7) as sandbox:
        PEOPLE.nxsms.send(sandbox.client, progress=False)
        assert sandbox.ledger["content"].tolist() == PEOPLE["content"].tolist()


@pytest.mark.parametrize("options", [{}, {"key": ["content", "phone"]}])
def test_texts_of_several_lines_are_known_after_a_workbook(tmp_path, options):
    """Excel turns CRLF and CR into LF; what was sent is not sent again, with a journal or without."""
    with nx.Sandbox(seed=7) as sandbox:
        sent = PEOPLE.nxsms.send(sandbox.client, progress=False, **options)
        sent.assign(sent_at=sent["sent_at"].dt.tz_localize(None)).to_excel(tmp_path / "sent.xlsx", index=False)
        again = pd.read_excel(tmp_path / "sent.xlsx")
        for journal in (None, nx.Journal.in_memory()):
            with pytest.warns(nx.AlreadySentWarning):
                results = again.nxsms.send(sandbox.client, progress=False, journal=journal, **options)
            assert results["messageid"].tolist() == sent["messageid"].tolist()
        assert len(sandbox.ledger) == 3


@pytest.mark.parametrize("key", [["shop", "order"], ("order", "shop"), ("shop", "order"), ["order", "shop", "order"]])
def test_columns_of_a_key_are_the_same_key_in_any_order(key):
    """The ids are those of the columns in the order of their names; a tuple is a list of columns."""
    assert ids(PEOPLE, key=key) == ids(PEOPLE, key=["order", "shop"])


def test_a_tuple_that_is_a_label_is_one_column():
    """Columns of two levels are named by tuples; a tuple of them is a list."""
    frame = PEOPLE.set_axis(pd.MultiIndex.from_tuples([("p", "a"), ("p", "b"), ("o", "nr"), ("o", "shop")]), axis=1)
    fields = {"phone": ("p", "a"), "content": ("p", "b")}
    assert ids(frame, key=("o", "nr"), **fields) == ids(PEOPLE, key="order")
    assert ids(frame, key=(("o", "shop"), ("o", "nr")), **fields) == ids(PEOPLE, key=["order", "shop"])
    with pytest.raises(nx.ConfigError, match=r"key=\(\) names no column"):
        ids(PEOPLE, key=())
    with pytest.raises(nx.ColumnError, match="key='nr' names a column the frame does not have"):
        ids(PEOPLE, key=("order", "nr"))


def test_labels_of_several_types_have_one_order():
    """Labels are ordered by their text, and by their type where that is the same."""
    frame = PEOPLE.rename(columns={"order": 1, "shop": "1"})
    assert ids(frame, key=[1, "1"]) == ids(frame, key=["1", 1])


def test_truth_values_are_one_key_in_a_database_and_before_it():
    """SQL has 1 and 0 for them, a column with a gap 1.0 and 0.0."""
    flags = pd.Series([True, False, True])
    shapes = [flags, flags.astype(int), flags.astype(float), flags.astype("boolean"), flags.astype(str)]
    options = {"key": ["order", "vip"]}
    assert len({tuple(ids(PEOPLE.assign(vip=shape), **options)) for shape in shapes}) == 1
    file = io.StringIO(PEOPLE.assign(vip=flags).to_csv(index=False))
    assert ids(pd.read_csv(file), **options) == ids(PEOPLE.assign(vip=flags), **options)


def _csv(frame, **how):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), skip_blank_lines=False, **how)


def _json(frame, **how):
    return pd.read_json(io.StringIO(frame.to_json(orient="records", **how)), orient="records", precise_float=True)


def _workbook(frame, **how):
    file = io.BytesIO()
    frame.to_excel(file, index=False)
    return pd.read_excel(file, **how)


def _database(frame):
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        frame.to_sql("people", database, index=False)
        return pd.read_sql("select * from people", database)


def _parquet(frame, **how):
    file = io.BytesIO()
    frame.to_parquet(file)
    return pd.read_parquet(file, **how)


FILES = {
    "csv": lambda frame: _csv(frame, float_precision="round_trip"),
    "csv as text": lambda frame: _csv(frame, dtype=str),
    "csv nullable": lambda frame: _csv(frame, dtype_backend="numpy_nullable", float_precision="round_trip"),
    "json": _json,
    "json in words": lambda frame: _json(frame, date_format="iso", date_unit="us"),
    "workbook": _workbook,
    "workbook as text": lambda frame: _workbook(frame, dtype=str),
    "database": _database,
    "parquet": _parquet,
    "parquet by Arrow": lambda frame: _parquet(frame, dtype_backend="pyarrow"),
    "Arrow": lambda frame: as_pandas(pa.Table.from_pandas(frame, preserve_index=False)),
}

# What pandas raises for what a file cannot hold.
CANNOT = (ValueError, TypeError, OverflowError, pd.errors.DatabaseError, sqlite3.Error, pa.ArrowException)

MOMENTS = st.datetimes(pd.Timestamp("1970-01-02"), pd.Timestamp("2199-12-31"))
WORDS = [
    "Infinity",
    "-inf",
    "true",
    "FALSE",
    "NA",
    "None",
    "1e5",
    "007",
    "+5",
    ".5",
    "1.",
    "-0",
    "1E-7",
    "12E4",
    ".5e3",
]
WORDS += ["2026-01-01", "2026-01-01T10:00", "12:30", "3 days", "b'x'", "=1+1", "'7", "7 ", "1E+17", "9" * 17, "a\r\nb"]

VALUES = {
    "whole": (st.integers(-(2**53), 2**53), "int64"),
    "long": (st.integers(10**17, 2**63 - 1), "int64"),
    "gaps": (st.none() | st.integers(-(2**63), 2**63 - 1), "Int64"),
    "hashes": (st.integers(2**63, 2**64 - 1), "uint64"),
    "prices": (st.decimals(-(10**6), 10**6, places=2).map(float), "float64"),
    "floats": (st.floats(allow_infinity=False), "float64"),
    "flags": (st.booleans(), "bool"),
    "flags with gaps": (st.none() | st.booleans(), "boolean"),
    "words": (st.sampled_from(WORDS), object),
    "codes": (st.text("0123456789eE+-.", min_size=1, max_size=6), object),
    "text": (st.text("abXY 牛ö-_.,;'\"\n", min_size=1, max_size=8), object),
    "days": (MOMENTS.map(lambda moment: moment.date()), object),
    "moments": (MOMENTS.map(pd.Timestamp), None),
    "zoned": (MOMENTS.map(lambda moment: pd.Timestamp(moment, tz="Asia/Shanghai")), None),
    "times": (st.times(), object),
    "durations": (st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000)).map(pd.Timedelta), None),
    "bytes": (st.binary(min_size=1, max_size=5), object),
    "uuids": (st.uuids(), object),
    "decimals": (st.decimals(-(10**8), 10**8, places=4), object),
    "mixed": (st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(WORDS), object),
}

# What a file does not hold, or holds as another value: a count of days or milliseconds, fewer digits, nothing at all.
OTHERWISE = {
    *(("floats", name) for name in ("json", "json in words", "workbook", "workbook as text")),
    *((name, "json") for name in ("days", "moments", "zoned", "durations")),
    *((name, file) for name in ("moments", "durations") for file in ("workbook", "workbook as text")),
    *((name, file) for name in ("long", "gaps", "hashes") for file in ("workbook", "workbook as text")),
    *(("bytes", file) for file in ("json", "json in words")),
    ("durations", "database"),
}


def keys(column):
    """The canonical text of each cell; None for what is missing or has lost digits, which is not sent."""
    cells = read_cells(column)
    return [None if lost else text for text, lost in zip(canonical(cells).to_pylist(), rounded(cells), strict=True)]


@pytest.mark.parametrize(("kind", "name"), [pair for pair in itertools.product(VALUES, FILES) if pair not in OTHERWISE])
@pytest.mark.filterwarnings("ignore")
def test_a_key_has_after_a_file_its_own_key_or_none(kind, name):
    """Whatever a column holds and wherever it went, no row comes back under a key that is another's, or is new."""
    values, dtype = VALUES[kind]

    @settings(max_examples=6, deadline=None)
    @given(st.lists(values, min_size=1, max_size=5))
    def survives(column):
        frame = pd.DataFrame({"order": pd.Series(column, dtype=dtype), "n": range(len(column))})
        try:
            again = FILES[name](frame)
        except CANNOT:
            return
        for before, after in zip(keys(frame["order"]), keys(again["order"]), strict=True):
            assert before is None or after in (before, None)

    survives()


CHANGED = {
    "moments": {"order": pd.to_datetime(["2026-03-01 10:20:30.123456", "2026-03-01 10:20:30.123457"])},
    "durations": {"order": pd.to_timedelta(["1 days 02:00:00.123456", "2 days"])},
    "lines": {"order": ["a\r\nb", "a\rc"]},
    "infinite": {"order": ["Infinity", "-inf"]},
    "bytes": {"order": [b"A-7", b"\xff"]},
    "uuids": {"order": [uuid.UUID(int=7), uuid.UUID(int=10**30)]},
    "dates": {"order": [dt.date(2026, 3, 1), dt.date(2026, 3, 2)]},
    "flags": {"order": [True, False]},
    "floats": {"order": [0.1 + 0.2, 432.35988058332487]},
    "long": {"order": [123456789012345679, 123456789012345699]},
    "hashes": {"order": [2**64 - 1, 2**63 + 5]},
    "digits": {"content": ["012345", "007"]},
    "codes": {"content": ["1e5", "NA"]},
    "senders": {"content": ["Hi", "Ho"], "source_address": ["007", "1e5"]},
    "texts": {"content": ["Dear Ann,\r\nyour parcel", "a\rb"]},
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", CHANGED)
@pytest.mark.filterwarnings("ignore")
def test_what_a_sent_frame_calls_accepted_does_not_leave_again(kind, name):
    """Where a file changed a key or a text, the row is known, refused, or stops the call; the journal is gone besides."""
    columns = {"phone": ["8615088888881", "8615088888882"], "content": ["Hi", "Ho"], **CHANGED[kind]}
    options = {"key": "order"} if "order" in columns else {}
    with nx.Sandbox(seed=7) as sandbox:
        sent = pd.DataFrame(columns).nxsms.send(sandbox.client, progress=False, **options)
        assert len(sandbox.ledger) == 2
        try:
            again = FILES[name](
                sent.assign(status=sent["status"].astype(str), sent_at=sent["sent_at"].dt.tz_localize(None))
            )
        except CANNOT:
            return
        for journal in (None, nx.Journal.in_memory()):
            with contextlib.suppress(nx.NxsmsError):
                again.nxsms.send(sandbox.client, progress=False, journal=journal, **options)
            assert len(sandbox.ledger) == 2


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("whole", pa.array([123456789012345679, None, 123456789012345681], pa.int64())),
        ("unsigned", pa.array([2**64 - 1, None, 2**64 - 3], pa.uint64())),
        ("small", pa.array([1, None, 2], pa.int8())),
        ("flags", pa.array([True, None, False])),
        ("days", pa.array([dt.date(2026, 3, 1), None, dt.date(2026, 3, 2)])),
        ("times", pa.array([dt.time(9, 30), None, dt.time(9, 30, 5, 120)])),
        ("nanoseconds", pa.array([5000, None, 10**9], pa.time64("ns"))),
        ("decimals", pa.array([Decimal("1.50"), None, Decimal("2.00")])),
        ("fine decimals", pa.array([Decimal("1E-10"), None, Decimal("2.0000000000")])),
        ("durations", pa.array([dt.timedelta(1), None, dt.timedelta(0, 5)])),
        ("bytes", pa.array([b"A-7", None, b"\xff"])),
    ],
)
def test_keys_with_gaps_are_whole_in_arrow_frames(name, array):
    """A gap makes no floats of whole numbers: the intact key is sent, the column comes back as it was, its gap is a problem."""
    table = pa.table({"phone": PEOPLE["phone"].tolist(), "content": ["Hi"] * 3, "order": array})
    with nx.Sandbox(seed=7) as sandbox:
        options = {"campaign": "spring", "key": "order", "progress": "silent"}
        (sent,) = nx.send_stream([table], sandbox.client, **options)
        assert sent["status"].tolist() == ["Success", "Invalid", "Success"]
        assert pa.array(sent["order"], array.type, from_pandas=True).to_pylist() == array.to_pylist()
        # Whatever shape the column has elsewhere, the same rows are known.
        objects = pd.DataFrame(
            {"phone": PEOPLE["phone"], "content": "Hi", "order": pd.Series(array.to_pylist(), dtype=object)}
        )
        with pytest.warns(nx.AlreadySentWarning):
            (again,) = nx.send_stream([objects], sandbox.client, **options)
        assert again["messageid"].iloc[[0, 2]].tolist() == sent["messageid"].iloc[[0, 2]].tolist()
        assert len(sandbox.ledger) == 2
