"""Files sent by the chunk: what is written is the source, as it was, with the outcome of each row."""

import csv
import datetime as dt
import uuid
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nxsms_nb as nx
from nxsms_nb.files.sending import send_file
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.stream import as_pandas

CHUNK = 3


def people(n, first=0):
    return {
        "phone": [str(8615000000000 + first + i) for i in range(n)],
        "content": [f"Hi {first + i}" for i in range(n)],
    }


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def send(source, target, sandbox, **given):
    options = {"campaign": "spring", "progress": "silent", "rows": CHUNK, **given}
    return send_file(source, target, sandbox.client, **options)


D = Decimal
NONE = [None] * CHUNK
GROWING = {
    "decimal that grows": pa.array([D("1.50")] * 3 + [D("1234567.50")] * 3, pa.decimal128(10, 2)),
    "decimal256": pa.array([D("0.1")] * 3 + [D("1" * 50)] * 3, pa.decimal256(60, 2)),
    "bool": pa.array([*NONE, True, None, False], pa.bool_()),
    "int": pa.array([123456789012345679, None, 1, *NONE], pa.int64()),
    "uint": pa.array([*NONE, 2**64 - 1, 0, None], pa.uint64()),
    "small int": pa.array([*NONE, 1, 2, 3], pa.int8()),
    "date": pa.array([*NONE, dt.date(2026, 3, 3), None, dt.date(1900, 1, 1)], pa.date32()),
    "date64": pa.array([*NONE, dt.date(2026, 3, 3), None, dt.date(1900, 1, 1)], pa.date64()),
    "time": pa.array([*NONE, dt.time(1, 2, 3, 4), None, None], pa.time64("us")),
    "moment": pa.array([*NONE, pd.Timestamp("2026-03-03 01:02:03.000004"), None, None], pa.timestamp("us")),
    "moment of nanoseconds in a zone": pa.array([*NONE, 1, 10**18 + 1, None], pa.timestamp("ns", "Asia/Shanghai")),
    "seconds": pa.array([*NONE, 1, 10**9, None], pa.timestamp("ms", "UTC")),
    "duration": pa.array([*NONE, dt.timedelta(days=1, microseconds=1), None, None], pa.duration("us")),
    "list": pa.array([*NONE, [1, None], [], None], pa.list_(pa.int64())),
    "large list": pa.array([[], [], None, ["a"], [None], None], pa.large_list(pa.string())),
    "struct": pa.array(
        [*NONE, {"a": 1, "b": "x"}, None, {"a": None, "b": None}], pa.struct({"a": pa.int32(), "b": pa.string()})
    ),
    "struct that gains a field": pa.array(
        [{"a": 1}] * 3 + [{"a": 1, "b": 2}] * 3, pa.struct({"a": pa.int8(), "b": pa.int8()})
    ),
    "map": pa.array([*NONE, [("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array([*NONE, "x", "y", None]).dictionary_encode(),
    "dictionary of numbers": pa.array([*NONE, 5, 6, None], pa.int16()).dictionary_encode(),
    "large text": pa.array([*NONE, "a", "", None], pa.large_string()),
    "text view": pa.array([*NONE, "a", "", None], pa.string_view()),
    "bytes": pa.array([*NONE, b"\xff", b"", None]),
    "bytes view": pa.array([*NONE, b"\xff", b"", None], pa.binary_view()),
    "fixed bytes": pa.array([*NONE, b"\xff\x00", None, None], pa.binary(2)),
    "float": pa.array([*NONE, 0.1, float("nan"), None], pa.float32()),
    "nothing": pa.nulls(6),
    "uuid": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([*NONE, uuid.UUID(int=5).bytes, None, None], pa.binary(16))
    ),
}


@pytest.mark.parametrize("what", GROWING)
def test_a_parquet_files_own_columns_are_written_as_they_were_read(sandbox, tmp_path, what):
    """Types, values and gaps are the source's, whatever its first chunk holds."""
    table = pa.table({**people(6), "x": GROWING[what]})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=CHUNK)
    table = pq.read_table(tmp_path / "in.parquet")
    assert send(tmp_path / "in.parquet", tmp_path / "out.parquet", sandbox) == {"Success": 6}
    back = pq.read_table(tmp_path / "out.parquet")
    assert back.schema.names == [*table.schema.names, *RESULT_COLUMNS]
    # As text: a float that is none equals nothing.
    assert repr(back.select(table.schema.names).to_pylist()) == repr(table.to_pylist())
    assert [back.schema.field(name) for name in table.schema.names] == list(table.schema)
    assert len(sandbox.ledger) == 6


@pytest.mark.parametrize("what", [name for name in GROWING if name != "uuid"])
def test_a_streams_frames_have_the_dtypes_of_their_source(sandbox, what):
    """Each chunk of an Arrow table comes back in the same dtypes, with the values it had."""
    table = pa.table({**people(6), "x": GROWING[what]})
    pieces = [table.slice(0, CHUNK), table.slice(CHUNK)]
    first, second = nx.send_stream(pieces, sandbox.client, campaign="spring", progress="silent")
    if not pa.types.is_dictionary(table.schema.field("x").type):
        assert first.dtypes.to_dict() == second.dtypes.to_dict()
    assert pa.Table.from_pandas(second).schema.equals(pa.Table.from_pandas(first).schema)
    values = [value for sent in (first, second) for value in pa.array(sent["x"], from_pandas=True).to_pylist()]
    assert repr(values) == repr(table["x"].to_pylist()).replace("nan", "None")


def test_a_dictionary_without_a_value_yet_is_one_of_text():
    """A first chunk that is all null has the type of the chunks that are not."""
    chunks = [pa.table({"x": pa.array(values, pa.string()).dictionary_encode()}) for values in ([None], ["a", None])]
    first, second = map(as_pandas, chunks)
    assert pa.Table.from_pandas(second).schema.equals(pa.Table.from_pandas(first).schema)
    assert second["x"].isna().tolist() == [False, True]


@pytest.mark.parametrize("suffixes", ["parquet csv", "csv parquet", "csv csv"])
def test_every_kind_of_source_and_target(sandbox, tmp_path, suffixes):
    """Text comes out as it went in, and the results can be read back."""
    one, other = suffixes.split()
    source, target = tmp_path / f"in.{one}", tmp_path / f"out.{other}"
    odd = ["007", "NA", "1e5", " a ", 'q"q', "l\nl", "c\rc", "cr\r\nlf", "1,5", "nan", "", "None"]
    frame = pd.DataFrame({**people(12), "odd": odd})
    if one == "parquet":
        frame.to_parquet(source)
    else:
        with source.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([frame.columns, *frame.itertuples(index=False)])
    assert send(source, target, sandbox) == {"Success": 12}
    if other == "parquet":
        back = pd.read_parquet(target)
    else:
        back = pd.read_csv(target, dtype=str, keep_default_na=False, na_values=[""])
    assert back["odd"].fillna("").tolist() == odd
    assert back["phone"].tolist() == frame["phone"].tolist()
    assert back.nxsms.summary()["count"].tolist() == [12, 0, 0, 0, 0, 0]
    assert sorted(back["messageid"]) == sorted(sandbox.ledger["messageid"])


def test_numbers_moments_and_gaps_of_a_parquet_file_become_the_same_text_in_every_chunk(sandbox, tmp_path):
    """Whole numbers stay whole beside gaps, decimals keep their zeros."""
    names = ["decimal that grows", "bool", "int", "date", "uint"]
    table = pa.table({**people(6), **{name: GROWING[name] for name in names}})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=CHUNK)
    send(tmp_path / "in.parquet", tmp_path / "out.csv", sandbox)
    back = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    for name in names:
        assert back[name].tolist() == ["" if value is None else str(value) for value in table[name].to_pylist()]


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.RangeIndex(6), id="range"),
        pytest.param(pd.RangeIndex(10, 22, 2, name="n"), id="named range"),
        pytest.param(pd.Index(list("abcdef")), id="text"),
        pytest.param(pd.Index(list("abcdef"), name="who"), id="named text"),
        pytest.param(pd.date_range("2026-01-01", periods=6, tz="Asia/Shanghai", name="day"), id="days"),
        pytest.param(pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["x", None]), id="two levels"),
        pytest.param(pd.CategoricalIndex(list("aabbcc"), name="kind"), id="categories"),
    ],
)
def test_a_pandas_index_survives(sandbox, tmp_path, index):
    """Reading the target with pandas gives the source's frame, index and dtypes, with results joined on."""
    frame = pd.DataFrame({**people(6), "vip": [True, False] * 3, "rank": pd.Categorical(list("xyxyxy"))}, index=index)
    frame.to_parquet(tmp_path / "in.parquet", row_group_size=CHUNK)
    frame = pd.read_parquet(tmp_path / "in.parquet")
    send(tmp_path / "in.parquet", tmp_path / "out.parquet", sandbox)
    back = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(back[frame.columns], frame)
    assert back.index.names == frame.index.names
    assert back.dtypes.astype(str).loc[["code", "batch", "attempts", "status"]].tolist() == ["Int64"] * 3 + ["category"]
    assert str(back["sent_at"].dtype) == "datetime64[us, UTC]"
    again = back.nxsms.recorded(sandbox.client, campaign="spring")
    pd.testing.assert_series_equal(again["messageid"], back["messageid"].astype(again["messageid"].dtype))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        pytest.param(pd.Index(["phone", "content", "x"], name="field"), {}, id="a name"),
        pytest.param(pd.MultiIndex.from_tuples([("phone", ""), ("content", ""), ("x", "y")]), {}, id="two levels"),
        pytest.param(pd.Index([0, 1, 2]), {"phone": 0, "content": 1}, id="numbers"),
    ],
)
def test_labels_that_are_not_plain_text_can_be_read_back(sandbox, tmp_path, columns, names):
    """What is written can be read by pandas, whatever it noted of the source's labels."""
    frame = pd.DataFrame([["8615000000000", "Hi", 1]])
    frame.columns = columns
    frame.to_parquet(tmp_path / "in.parquet")
    send(tmp_path / "in.parquet", tmp_path / "out.parquet", sandbox, **names)
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert list(map(str, back.columns[:3])) == list(map(str, columns))
    assert back.columns.names == columns.names
    assert back["status"].tolist() == ["Success"]


def test_a_sent_file_sent_again_has_its_results_replaced(sandbox, tmp_path):
    """Its result columns stand once, at the end; nobody gets a second message."""
    frame = pd.DataFrame({**people(6), "later": range(6)})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=CHUNK)
    send(tmp_path / "a.parquet", tmp_path / "b.parquet", sandbox)
    with pytest.warns(nx.AlreadySentWarning):
        send(tmp_path / "b.parquet", tmp_path / "c.parquet", sandbox)
    with pytest.warns(nx.AlreadySentWarning):
        send(tmp_path / "c.parquet", tmp_path / "d.csv", sandbox)
    with pytest.warns(nx.AlreadySentWarning):
        send(tmp_path / "d.csv", tmp_path / "e.csv", sandbox)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "b.parquet"), pd.read_parquet(tmp_path / "c.parquet"))
    assert (tmp_path / "d.csv").read_text() == (tmp_path / "e.csv").read_text()
    assert len(sandbox.ledger) == 6


def test_duplicated_names_and_names_that_are_empty_pass_through(sandbox, tmp_path):
    """A CSV's header is written as it stands."""
    (tmp_path / "in.csv").write_text("phone,content,note,note,,Unnamed: 4\n8615000000000,Hi,a,b,c,d\n")
    send(tmp_path / "in.csv", tmp_path / "out.csv", sandbox)
    header, row = csv.reader((tmp_path / "out.csv").read_text().splitlines())
    assert header[:6] == ["phone", "content", "note", "note", "", "Unnamed: 4"]
    assert row[:6] == ["8615000000000", "Hi", "a", "b", "c", "d"]


@pytest.mark.parametrize("suffixes", ["parquet parquet", "parquet csv", "csv csv", "csv parquet"])
def test_a_source_without_rows_gives_a_target_without_rows(sandbox, tmp_path, suffixes):
    """It has every column nevertheless."""
    one, other = suffixes.split()
    frame = pd.DataFrame(people(0), dtype=str)
    source, target = tmp_path / f"in.{one}", tmp_path / f"out.{other}"
    frame.to_parquet(source) if one == "parquet" else frame.to_csv(source, index=False)
    assert send(source, target, sandbox) == {}
    back = pd.read_parquet(target) if other == "parquet" else pd.read_csv(target)
    assert list(back.columns) == ["phone", "content", *RESULT_COLUMNS]
