"""Request bodies: what is parsed from them is what was put in, whatever the characters."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.engine.batches import Batch, BatchQueue
from nxsms_nb.wire import requests
from nxsms_nb.wire.fields import FIELDS
from nxsms_nb.wire.items import encode

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
SENDER = st.from_regex(r"[0-9A-Za-z]{1,20}", fullmatch=True)
PHONE = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
ID = st.from_regex(r"[0-9a-zA-Z-]{10,50}", fullmatch=True)

ROW = st.fixed_dictionaries(
    {
        "phone": PHONE,
        "content": TEXT,
        "source_address": st.none() | SENDER,
        "short_link": st.none() | TEXT,
        "link_verbose": st.none() | st.sampled_from(["0", "1"]),
        "dr_url": st.none() | TEXT,
        "ext": st.none() | TEXT,
        "sys_message_id": ID,
    }
)
TEXT_TYPE = pa.large_string()
WIRE = {field.name: field.wire for field in FIELDS}


def columns(rows, kind=TEXT_TYPE):
    """The rows as columns: the fields, and the ids."""
    arrays = {name: pa.array([row[name] for row in rows], kind) for name in WIRE}
    return {name: values for name, values in arrays.items() if name != "sys_message_id"}, arrays["sys_message_id"]


def items(rows):
    """What a body must say of rows: the vendor's names, and nothing of what is absent."""
    return [{WIRE[name]: value for name, value in row.items() if value is not None} for row in rows]


def parsed(raw, app_key="app"):
    """The items of a body, parsed by another parser than the one that made it."""
    body = json.loads(requests.body(app_key, raw))
    assert set(body) == {"appKey", "items"}
    assert body["appKey"] == app_key
    return body["items"]


@given(st.lists(ROW, min_size=1, max_size=6), st.sampled_from([pa.large_string(), pa.string()]))
def test_a_body_parses_back_to_exactly_its_fields(rows, kind):
    """Each character arrives, each optional field that is null is absent, and nothing is added."""
    encoded = encode(*columns(rows, kind))
    assert parsed(encoded.joined(0, len(rows))) == items(rows)


@given(st.lists(ROW, min_size=1, max_size=6), st.data())
def test_any_run_of_rows_is_cut_out_whole(rows, data):
    """Requests are slices of one buffer."""
    begin = data.draw(st.integers(0, len(rows) - 1))
    size = data.draw(st.integers(1, len(rows) - begin))
    encoded = encode(*columns(rows))
    assert parsed(encoded.joined(begin, size)) == items(rows[begin : begin + size])


@given(st.lists(ROW, min_size=2, max_size=6), st.data())
def test_fields_that_are_slices_themselves_are_encoded_from_their_own_place(rows, data):
    """A lot is a slice of the frame's columns: the rows before it leave no trace."""
    skipped = data.draw(st.integers(1, len(rows) - 1))
    fields, ids = columns(rows)
    encoded = encode({name: values.slice(skipped) for name, values in fields.items()}, ids.slice(skipped))
    assert parsed(encoded.joined(0, len(rows) - skipped)) == items(rows[skipped:])


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_app_key_of_any_characters_is_quoted(app_key):
    """The key is the only other text of a body."""
    encoded = encode({"phone": pa.array(["8615088888888"]), "content": pa.array(["Hi"])}, pa.array(["message-01"]))
    assert len(parsed(encoded.joined(0, 1), app_key)) == 1


def test_fields_the_frame_does_not_have_are_absent():
    """Two columns and an id make an item of three fields, in the vendor's order."""
    encoded = encode({"phone": pa.array(["8615088888888"]), "content": pa.array(["Hi"])}, pa.array(["message-01"]))
    assert encoded.joined(0, 1) == b'{"phone":"8615088888888","content":"Hi","sysMessageId":"message-01"}'


def queue(n, todo, size):
    """An outbox of `n` rows whose texts are their positions, and the requests it gives, in order."""
    numbers = [str(position) for position in range(n)]
    fields = {
        "phone": pa.array(numbers),
        "content": pa.array(numbers),
        "sys_message_id": pa.array([None] * n, pa.string()),
    }
    box = BatchQueue(fields, pa.array([f"message-{number}" for number in numbers]), np.asarray(todo, np.int64))
    taken = []
    while (batch := box.take(lambda: size, 0.0)) is not None:
        taken.append(batch)
    return box, taken


@pytest.mark.parametrize(
    "todo", [range(9000), range(1, 9000, 2), [8999], []], ids=["all", "every other", "one", "none"]
)
@pytest.mark.parametrize("size", [200, 7])
def test_an_outbox_gives_each_row_once_with_its_own_fields(todo, size):
    """Across the lots in which rows are encoded, no row is lost, repeated or given another's text."""
    _, taken = queue(9000, todo, size)
    assert [int(row) for batch in taken for row in batch.rows] == list(todo)
    for batch in taken:
        assert batch.size <= size
        assert list(batch.ids) == [f"message-{row}" for row in batch.rows]
        assert [item["content"] for item in parsed(batch.items())] == [str(row) for row in batch.rows]


def test_requests_that_must_leave_again_go_first_and_in_order():
    """Halves of a request come back in the order of their rows, before rows that never left."""
    box, taken = queue(10, range(10), 4)
    box.put_back(*taken[1].cut(2), taken[0])
    again = [box.take(lambda: 4, 0.0) for _ in range(3)]
    assert [batch.rows.tolist() for batch in again] == [[4, 5], [6, 7], [0, 1, 2, 3]]
    assert box.take(lambda: 4, 0.0) is None


def test_a_request_whose_time_has_not_come_lets_others_pass():
    """One that found no connection waits without holding up the rest, and the outbox knows when it is due."""
    box, (first, second) = queue(4, range(4), 2)
    first.not_before = 5.0
    box.put_back(first, second)
    assert box.take(lambda: 2, 1.0) is second
    assert box.take(lambda: 2, 1.0) is None
    assert box.next_due() == 5.0
    assert [batch.rows.tolist() for batch in box.waiting()] == [[0, 1]]
    assert box.take(lambda: 2, 5.0) is first


def test_a_request_that_became_too_large_is_cut_and_its_rest_comes_next():
    """After 13010 the rows that wait leave in smaller requests."""
    box, (batch,) = queue(5, range(5), 5)
    box.put_back(batch)
    sizes = [box.take(lambda: 2, 0.0) for _ in range(3)]
    assert [piece.rows.tolist() for piece in sizes] == [[0, 1], [2, 3], [4]]
    assert all(isinstance(piece, Batch) for piece in sizes)
