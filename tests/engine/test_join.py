"""What `send` returns: the frame it was given, each row with its own result, joined by messageid and by nothing else."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from tests.engine.people import counts, people, results


def as_the_ledger_has_it(sandbox, sent):
    """Whether each row's number and text are those that its messageid took effect with, and no others did."""
    ledger = sandbox.ledger.set_index("messageid")
    went = sent[sent["status"] == "Success"]
    accepted = ledger.loc[went["messageid"]]
    phones = [str(phone).removesuffix(".0").replace(" ", "").lstrip("+") for phone in went["phone"]]
    return (
        len(ledger) == len(went)
        and accepted["phone"].tolist() == phones
        and accepted["content"].tolist() == list(went["content"])
    )


def numbered(n):
    """People who each get a text of their own."""
    return people(n, content=[f"Order {i} is ready" for i in range(n)])


INDEXES = {
    "range": None,
    "repeated labels": [7, 7, 7, 1, 1, 2],
    "text": list("fedcba"),
    "several levels": pd.MultiIndex.from_tuples(
        [("a", 1), ("a", 1), ("b", 2), ("b", 1), ("c", 1), ("c", 2)], names=["x", "y"]
    ),
    "days": pd.date_range("2026-03-01", periods=6, tz="Asia/Shanghai"),
    "missing labels": [np.nan, 1.0, np.nan, 2.0, 3.0, None],
    "named": pd.Index(range(60, 66), name="order"),
    "intervals": pd.interval_range(0, 6),
    "categories": pd.CategoricalIndex(["a", "b", "a", "b", "a", "b"]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_any_index_comes_back_as_it_was(make, index):
    """Same labels, same names, same order; each row with the result of its own message."""
    sandbox = make(failures={13009: 0.5})
    frame = numbered(6)
    if index is not None:
        frame.index = pd.Index(index)
    sent = frame.nxsms.send(sandbox.client)
    pd.testing.assert_index_equal(sent.index, frame.index)
    pd.testing.assert_frame_equal(sent[frame.columns], frame)
    assert counts(sent).keys() == {"Success", "Failure"}
    assert as_the_ledger_has_it(sandbox, sent)


def test_columns_stand_after_the_frames_own_with_their_types(make):
    """Eight of them, in their order, whatever became of the rows."""
    sandbox = make(failures={13005: 0.3})
    sent = people(20, first=1).nxsms.send(sandbox.client)
    assert sent.columns.tolist() == ["phone", "content", *RESULT_COLUMNS]
    assert {name: sent[name].dtype for name in RESULT_COLUMNS} == columns.DTYPES
    empty = people(0).nxsms.send(sandbox.client)
    assert {name: empty[name].dtype for name in RESULT_COLUMNS} == columns.DTYPES
    assert len(empty) == 0


def test_one_row_is_a_run_too(sandbox):
    """The shortest way to try a key."""
    sent = people(1).nxsms.send(sandbox.client)
    row = sent.iloc[0]
    assert (row["status"], row["code"], row["attempts"]) == ("Success", 0, 1)
    assert pd.isna(row["reason"])
    assert row["latency_ms"] > 0
    assert abs(row["sent_at"] - pd.Timestamp.now("UTC")) < pd.Timedelta(minutes=5)


PHONES = {
    "text": ["8615000000001", "+86 150 0000 0002", "008615000000003"],
    "whole numbers": [8615000000001, 8615000000002, 8615000000003],
    "floats with a gap": [8615000000001.0, np.nan, 8615000000003.0],
    "Int64 with a gap": pd.array([8615000000001, None, 8615000000003], dtype="Int64"),
    "categories": pd.Categorical(["8615000000001", "8615000000002", "8615000000001"]),
    "objects of all kinds": pd.Series([8615000000001, "+8615000000002", 8615000000003.0], dtype=object),
    "arrow": pd.array(["8615000000001", "8615000000002", None], dtype=columns.TEXT),
}


@pytest.mark.parametrize("phones", PHONES.values(), ids=PHONES)
def test_phones_of_any_type_reach_the_gateway_as_digits(sandbox, phones):
    """A gap is a row that is not sent; the column itself comes back as it was."""
    frame = numbered(3).assign(phone=phones)
    sent = frame.nxsms.send(sandbox.client)
    missing = frame["phone"].isna()
    assert (sent["status"] == "Invalid").tolist() == missing.tolist()
    assert (sent["status"] == "Success").tolist() == (~missing).tolist()
    assert sandbox.ledger["phone"].str.fullmatch("861500000000[123]").all()
    assert sent["phone"].dtype == frame["phone"].dtype
    accepted = sandbox.ledger.set_index("messageid").loc[sent["messageid"].dropna()]
    assert accepted["content"].tolist() == frame.loc[~missing, "content"].tolist()


def deep(frame):
    """A copy that shares nothing, objects in cells included."""
    copy = frame.copy()
    copy["tags"] = [list(tags) for tags in frame["tags"]]
    copy.attrs = {key: dict(value) if isinstance(value, dict) else value for key, value in frame.attrs.items()}
    return copy


def test_the_frame_that_was_given_is_not_touched(sandbox):
    """Neither its cells, types, index and attrs nor what the result is changed to later."""
    frame = numbered(5).assign(tags=[["vip"], [], ["new"], [], []], day=pd.Timestamp("2026-03-01"), n=range(5))
    frame.attrs = {"source": "crm", "nested": {"page": 1}}
    before = deep(frame)
    sent = frame.nxsms.send(sandbox.client)
    pd.testing.assert_frame_equal(frame, before)
    assert frame.attrs == before.attrs
    sent.loc[:, "n"] = -1
    sent.loc[:, "content"] = "changed"
    sent.attrs["source"] = "changed"
    sent.attrs["nested"]["page"] = 2
    pd.testing.assert_frame_equal(frame, before)
    assert frame.attrs == before.attrs


def test_attrs_come_along_and_say_that_the_results_are_simulated(sandbox):
    """Whoever looks at the frame later can tell practice from the real thing."""
    frame = people(2)
    frame.attrs["source"] = "crm"
    sent = frame.nxsms.send(sandbox.client)
    assert sent.attrs == {"source": "crm", "nxsms": {"gateway": "sandbox"}}
    assert columns.from_sandbox(sent)


def test_replies_in_any_order_find_their_rows(make):
    """Requests overtake each other and items stand in another order than they were sent."""
    sandbox = make(latency=(0.0, 0.05), faults={"reordered": 1.0}, failures={13009: 0.3})
    sent = numbered(400).nxsms.send(sandbox.client, batch_size=20)
    assert set(counts(sent)) == {"Success", "Failure"}
    assert as_the_ledger_has_it(sandbox, sent)


def test_phones_that_come_back_changed_do_not_matter(make):
    """The vendor's own example answers for a number with another spelling of it."""
    sandbox = make(rewrite_phones=True)
    frame = numbered(50).assign(phone=[str(15000000000 + i) for i in range(50)])
    sent = frame.nxsms.send(sandbox.client)
    assert counts(sent) == {"Success": 50}
    assert as_the_ledger_has_it(sandbox, sent)


@pytest.mark.parametrize("fault", ["missing", "alien", "renamed", "repeated", "contradicting", "odd_status"])
def test_a_spoiled_reply_settles_the_rows_it_speaks_of(make, fault):
    """A row the reply leaves out, names otherwise or contradicts itself about is in doubt; the others are accepted."""
    sandbox = make(faults=[fault])
    sent = numbered(10).nxsms.send(sandbox.client, batch_size=10)
    doubtful = 0 if fault in ("alien", "repeated") else 1
    assert counts(sent).get("Unknown", 0) == doubtful
    assert counts(sent)["Success"] == 10 - doubtful
    assert set(sent.loc[sent["status"] == "Success", "messageid"]) <= set(sandbox.ledger["messageid"])


@pytest.mark.parametrize("column", RESULT_COLUMNS)
def test_a_column_with_the_name_of_a_result_is_refused_with_the_whole_call_to_paste(sandbox, column):
    """Nothing is sent, and the printed call works as it stands."""
    df = people(3, order=[1, 2, 3]).assign(**{column: "mine"})
    with pytest.raises(
        nx.ColumnError, match=f"column {column!r}, the name of a result column. Nothing was sent"
    ) as raised:
        df.nxsms.send(sandbox.client, campaign="it's {spring}", key=["order"], concurrency=2, max_rate=1000.0)
    assert len(sandbox.requests) == 0
    call = str(raised.value).splitlines()[-1].strip()
    assert call.startswith("df.nxsms.send(client, ")
    sent = eval(call, {"df": df, "client": sandbox.client})  # noqa: S307  the line a person would paste
    assert sent[column].tolist() == ["mine"] * 3
    assert sent["sms_status"].tolist() == ["Success"] * 3
    assert sandbox.client.journal.campaigns()["campaign"].tolist() == ["it's {spring}"]


def test_a_prefix_that_is_taken_as_well_is_not_proposed(sandbox):
    """The corrected call has one that is free."""
    df = people(2, status="mine", sms_code="mine too")
    with pytest.raises(nx.ColumnError) as raised:
        df.nxsms.send(sandbox.client)
    sent = eval(str(raised.value).splitlines()[-1], {"df": df, "client": sandbox.client})  # noqa: S307  as above
    assert sent["nx_status"].tolist() == ["Success"] * 2


def test_columns_renamed_by_keywords_are_in_the_corrected_call(sandbox):
    """Everything the person wrote is in the line to paste."""
    df = people(2, batch="mine").rename(columns={"phone": "mobile", "content": "text"})
    with pytest.raises(nx.ColumnError) as raised:
        df.nxsms.send(sandbox.client, phone="mobile", content="text", progress="silent")
    sent = eval(str(raised.value).splitlines()[-1], {"df": df, "client": sandbox.client})  # noqa: S307  as above
    assert sent["sms_status"].tolist() == ["Success"] * 2


def test_two_sends_of_one_frame_stand_side_by_side_under_prefixes(sandbox):
    """A first and a second campaign, each with its own columns."""
    first = people(3).nxsms.send(sandbox.client, campaign="first", prefix="first_")
    both = first.nxsms.send(sandbox.client, campaign="second", prefix="second_")
    assert both.columns.tolist() == [
        *("phone", "content"),
        *(f"first_{name}" for name in RESULT_COLUMNS),
        *(f"second_{name}" for name in RESULT_COLUMNS),
    ]
    assert both["first_messageid"].equals(first["first_messageid"])
    assert set(both["first_messageid"]).isdisjoint(both["second_messageid"])


def test_earlier_results_are_replaced(sandbox):
    """A frame that was sent is welcome in another campaign: its columns are the new ones, once."""
    first = people(3, first=0, name=["a", "b", "c"]).nxsms.send(sandbox.client)
    again = first[["messageid", *first.columns.drop("messageid")]].nxsms.send(sandbox.client, campaign="spring")
    assert again.columns.tolist() == ["phone", "content", "name", *RESULT_COLUMNS]
    assert counts(again) == {"Success": 3}
    assert set(again["messageid"]).isdisjoint(first["messageid"])


def test_columns_that_are_no_text_and_stand_twice_are_left_in_peace(sandbox):
    """Labels of any kind, and two of the same name that are none of ours."""
    frame = people(3).assign(a=1).rename(columns={"a": 7})
    frame = pd.concat([frame, frame[[7]]], axis=1)
    sent = frame.nxsms.send(sandbox.client)
    assert sent.columns.tolist() == ["phone", "content", 7, 7, *RESULT_COLUMNS]


def test_camel_case_columns_are_understood(sandbox):
    """The vendor's own names; the column keeps its name."""
    frame = people(2, sourceAddress="ACME", sysMessageId=["message-000001", "message-000002"])
    sent = frame.nxsms.send(sandbox.client)
    assert sent["messageid"].tolist() == ["message-000001", "message-000002"]
    assert sandbox.ledger["source_address"].tolist() == ["ACME", "ACME"]
    assert results(sent)["status"].tolist() == ["Success"] * 2


def test_a_column_multiindex_frame_of_ours_is_read_by_its_plain_labels(sandbox):
    """A frame with no such column at all says so, and what it has."""
    wide = people(2)
    wide.columns = pd.MultiIndex.from_product([["crm"], wide.columns])
    with pytest.raises(nx.ColumnError, match="no column 'phone'"):
        wide.nxsms.send(sandbox.client)
    sent = wide.nxsms.send(sandbox.client, phone=("crm", "phone"), content=("crm", "content"))
    assert sent["status"].tolist() == ["Success"] * 2


def test_every_row_has_one_status_and_the_counts_add_up(make):
    """Invalid, dropped, accepted and refused rows together are the input."""
    sandbox = make(failures="realistic")
    frame = pd.concat([numbered(300), numbered(20), people(10, phone="12")])
    sent = frame.nxsms.send(sandbox.client, duplicates="drop")
    assert sum(counts(sent).values()) == len(frame) == 330
    assert counts(sent)["Skipped"] == 20
    assert counts(sent)["Invalid"] == 10
    assert as_the_ledger_has_it(sandbox, sent)
    none = sent[sent["status"].isin(["Invalid", "Skipped"])]
    assert none[["messageid", "batch", "sent_at", "latency_ms"]].isna().all(axis=None)
    assert (none["attempts"].fillna(-1) == 0).all()


HALF = "Ann\ud83d"


def test_half_a_character_in_a_name_costs_nobody_the_results(make):
    """A lone surrogate in a column's label or in a person's name passes through: the messages were sent."""
    sandbox = make()
    frame = numbered(2).assign(name=pd.Series([HALF, "Bob"], dtype=object), x=1)
    frame.columns = pd.Index([*frame.columns[:-1], HALF], dtype=object)
    sent = frame.nxsms.send(sandbox.client, progress="silent")
    assert list(sent.columns) == [*frame.columns, *columns.DTYPES]
    assert sent["status"].tolist() == ["Success", "Success"]
    assert sent.iloc[:, : frame.shape[1]].to_numpy().tolist() == frame.to_numpy().tolist()
    assert list(frame.nxsms.plan(sandbox.client).frame.columns[:4]) == list(frame.columns)
    assert sent.nxsms.failures(by="name")["name"].tolist() == [HALF, "Bob"]
    renamed = frame.set_axis(pd.Index([HALF, *frame.columns[1:3], "y"], dtype=object), axis=1)
    assert renamed.nxsms.recorded(sandbox.client, phone=HALF)["status"].tolist() == ["Success", "Success"]


@pytest.mark.parametrize("option", ["prefix", "campaign"])
def test_half_a_character_in_an_option_is_refused_before_anything_is_sent(make, option):
    """The results could not have such a name."""
    sandbox = make()
    with pytest.raises(nx.ConfigError, match=option):
        numbered(2).nxsms.send(sandbox.client, progress="silent", **{option: HALF})
    assert len(sandbox.ledger) == 0
