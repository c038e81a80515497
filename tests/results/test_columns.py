"""Results are read back whatever a frame went through."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from tests.support.trips import TRIPS, through_csv, through_excel


@pytest.mark.parametrize("trip", TRIPS)
def test_results_survive_the_trip(made, trip):
    """Every result column comes back with its value and its dtype, wherever the frame has been."""
    sent = made(300)
    expected = sent[list(RESULT_COLUMNS)]
    assert columns.carries(trip(sent))
    back = columns.read(trip(sent))
    exact = trip is not through_excel
    if not exact:  # a spreadsheet's time is a float of days: good to a few microseconds
        assert (back["sent_at"] - expected["sent_at"]).abs().max() < pd.Timedelta("1ms")
        back["sent_at"] = expected["sent_at"]
    assert_frame_equal(back, expected, check_exact=False, rtol=1e-12)
    assert back.dtypes.to_dict() == columns.DTYPES


@pytest.mark.parametrize("trip", TRIPS)
def test_results_in_which_nothing_happened_survive_the_trip(made, trip):
    """A frame whose rows are all Invalid has columns with nothing in them, and is read too."""
    sent = made(300).query("status == 'Invalid'").reset_index(drop=True)
    back = columns.read(trip(sent))
    assert_frame_equal(back, sent[list(RESULT_COLUMNS)])


def test_a_filtered_frame_keeps_its_index(made):
    """Filtering, a prefix and an index that repeats change nothing."""
    sent = made(50).add_prefix("sms_").set_index(pd.Index([1, 2] * 25, name="customer"))[::-2]
    back = columns.read(sent, "sms_")
    assert back.index.equals(sent.index)
    assert list(back.columns) == list(RESULT_COLUMNS)
    assert back["messageid"].tolist() == sent["sms_messageid"].tolist()


def test_an_empty_frame_is_read():
    """No rows, all columns, the right dtypes; also when CSV has taken the dtypes away."""
    for frame in (columns.empty(0), through_csv(columns.empty(0))):
        assert columns.carries(frame)
        assert columns.read(frame).dtypes.to_dict() == columns.DTYPES
    assert tuple(columns.DTYPES) == RESULT_COLUMNS


def test_where_results_came_from_is_kept(made):
    """The mark of the sandbox goes along with what is read."""
    sent = made(5)
    assert not columns.from_sandbox(sent)
    sent.attrs["nxsms"] = {"gateway": "sandbox"}
    assert columns.from_sandbox(columns.read(sent))


def test_only_the_wanted_columns_are_converted(made):
    """A summary needs the status alone, so a broken time elsewhere does not stop it."""
    sent = made(5).assign(sent_at="yesterday")
    assert list(columns.read(sent, columns=["status"]).columns) == ["status"]
    with pytest.raises(ColumnError, match="'yesterday', which is not a time"):
        columns.read(sent)


def test_the_input_is_not_touched(made):
    """Reading leaves the frame as it was, and changing what was read does not reach it."""
    sent = made(20)
    before = sent.copy(deep=True)
    back = columns.read(sent)
    back["code"] = back["code"].fillna(-9)
    back.loc[0, "latency_ms"] = -1.0
    back.loc[0, "status"] = "Skipped"
    assert_frame_equal(sent, before)


def test_ids_of_digits_come_back_as_text(made):
    """An id the analyst brought may look like a number; CSV makes it one, reading makes it text again."""
    sent = made(3).assign(status="Success", messageid=["12345678901", None, "12345678902"])
    assert columns.read(through_csv(sent))["messageid"].tolist()[::2] == ["12345678901", "12345678902"]


def test_ids_that_lost_digits_are_refused(made):
    """An id too long for a float is not guessed: a wrong one would let a message leave twice."""
    sent = made(2).assign(status="Success", messageid=[1234567890123456789012.0, None])
    with pytest.raises(ColumnError, match=r"has lost digits.*dtype=\{'messageid': str\}"):
        columns.read(sent)


def test_ids_partly_read_as_numbers_are_text(made):
    """A column of numbers and texts, as a merge of two files gives, is read as text."""
    sent = made(2).assign(status="Success", messageid=[12345678901, "n1abcdefghij"])
    assert columns.read(sent)["messageid"].tolist() == ["12345678901", "n1abcdefghij"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns=["code", "batch"]), "no column 'code', 'batch'.*Send it first"),
        (lambda f: f.assign(status="sent"), "holds 'sent', which is not one of Success, Failure"),
        (lambda f: f.assign(status=f["status"].where(f.index > 1)), r"2 rows of 5 without a status.*notna\(\)"),
        (lambda f: f.assign(status=["", *f["status"][1:]]), "1 row of 5 without a status"),
        (lambda f: f.add_prefix("sms_"), "no column 'messageid'.*prefix='sms_'"),
        (lambda f: pd.concat([f, f[["code"]]], axis=1), "more than one column 'code'"),
        (lambda f: f.set_index("messageid"), r"'messageid' is in the index\. .*: df\.reset_index\(\['messageid'\]\)$"),
        (lambda f: f.set_index(["batch", "code"]), r"'code', 'batch' is in the index"),
        (lambda f: f.set_index("messageid").drop(columns="code"), "no column 'messageid', 'code'.*Send it first"),
    ],
)
def test_a_frame_without_results_is_refused_with_a_remedy(made, change, said):
    """What is no result of ours is not read, and the message says the fact and the remedy."""
    frame = change(made(5))
    assert not columns.carries(frame)
    with pytest.raises(ColumnError, match=said):
        columns.read(frame)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"code": ["x", "13005"]}, "'code' holds 'x', which is not a whole number"),
        ({"code": [1.5, 2.0]}, "'code' holds '1.5', which is not a whole number"),
        ({"latency_ms": ["fast", "1"]}, "'latency_ms' holds 'fast', which is not a number"),
        ({"sent_at": [1.0, 2.0]}, "'sent_at' holds '1.0', which is not a time"),
        ({"attempts": [[1], [2]]}, "'attempts' holds values of type list"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(made, values, said):
    """A rewritten value is refused with its column and itself, never read as missing."""
    with pytest.raises(ColumnError, match=said):
        columns.read(made(2).assign(**values))


def test_times_with_and_without_zone_are_utc(made):
    """Another zone is converted, no zone is taken as UTC, also when both stand in one column."""
    sent = made(3).assign(
        status="Success",
        sent_at=["2026-03-03 15:00:00.5+01:00", "2026-03-03T14:00:00.500000Z", "2026-03-03 14:00:00.500"],
    )
    assert columns.read(sent)["sent_at"].tolist() == [pd.Timestamp("2026-03-03 14:00:00.5", tz="UTC")] * 3
    local = made(3).assign(status="Success", sent_at=pd.Timestamp("2026-03-03 15:00", tz="Europe/Berlin"))
    assert columns.read(local)["sent_at"].tolist() == [pd.Timestamp("2026-03-03 14:00", tz="UTC")] * 3


def test_masked_and_numpy_integers_agree(made):
    """Whole numbers come back as Int64 from every integer and float dtype."""
    sent = made(4).assign(status="Success")
    for dtype in ("int8", "float32", "Float64", "UInt16", "int64[pyarrow]", "double[pyarrow]"):
        back = columns.read(sent.assign(attempts=np.ones(4)).astype({"attempts": dtype}))
        assert back["attempts"].dtype == columns.WHOLE
        assert back["attempts"].tolist() == [1] * 4


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("latency_ms", float("inf"), "which is not a number"),
        ("code", float("inf"), "which is not a whole number"),
        ("batch", 1e30, "which is not a whole number"),
    ],
)
def test_what_no_column_can_hold_is_refused(made, column, value, said):
    """Not an error of a library's own, nor a number that is another one."""
    sent = made(3)
    with pytest.raises(ColumnError, match=said):
        columns.read(sent.assign(**{column: [value] * 3}))
