"""What the simulated gateway checks of a request and of each item."""

import json

import pytest

from nxsms_nb.wire import codes
from tests.sandbox.talk import VENDOR, exchange, item, items, outcomes, refused, send, signed


@pytest.mark.parametrize("code", [1005, 1100, 13003])
def test_the_account_can_be_refused_as_a_whole(sandbox, code):
    """refuse= answers every request with one code."""
    sandbox.refuse = code
    assert send(sandbox, items(3)) == refused(code)
    assert sandbox.ledger.empty


def test_another_app_key_is_refused(sandbox):
    """A wrong appKey is 13002, as in the vendor's example."""
    example = json.loads((VENDOR / "application_error.json").read_bytes())
    assert send(sandbox, items(1), app_key="another") == example


def _post_raw(sandbox, body):
    return json.loads(exchange(sandbox, body, signed(sandbox, body))[2])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"appKey":NaN}', b"[" * 9_000 + b"]" * 9_000])
def test_a_body_that_is_not_json_is_refused(sandbox, body):
    """Bytes that do not parse are 1002, whoever signed them."""
    assert _post_raw(sandbox, body) == refused(1002)


@pytest.mark.parametrize(
    "change",
    [
        {"items": []},
        {"items": None},
        {"items": {}},
        {"items": "x"},
        {"items": [1]},
        {"items": [None]},
        {"appKey": None},
        {"appKey": 17},
    ],
    ids=str,
)
def test_a_body_of_another_shape_is_a_parameter_error(sandbox, change):
    """JSON that is not an appKey and 1 to 200 items is 9000."""
    body = json.dumps({"appKey": sandbox.app_key, "items": items(1)} | change).encode()
    assert _post_raw(sandbox, body) == json.loads((VENDOR / "parameter_error.json").read_bytes())


def test_two_hundred_items_pass_and_one_more_does_not(sandbox):
    """200 items are a request, 201 a parameter error."""
    assert send(sandbox, items(200))["code"] == 0
    assert send(sandbox, items(201, start=500)) == refused(9000)
    assert len(sandbox.ledger) == 200


@pytest.mark.parametrize(
    "bad",
    [
        {"phone": 8615088888888},
        {"phone": None},
        {"content": None},
        {"content": 17},
        {"content": ["Hi"]},
        {"sourceAddress": 12345},
        {"sysMessageId": 1234567890},
        {"sysMessageId": "short"},
        {"sysMessageId": "x" * 51},
        {"sysMessageId": "under_score_1"},
        {"linkVerbose": 1},
        {"linkVerbose": "2"},
        {"drUrl": "ftp://example.org"},
        {"ext": {"order": 1}},
        {"shortLink": False},
    ],
    ids=str,
)
def test_one_bad_field_refuses_the_whole_request(sandbox, bad):
    """A field of the wrong type or form in one item is 9000 for all of them, and nothing is accepted."""
    assert send(sandbox, [*items(2), item(5) | bad]) == refused(9000)
    assert sandbox.ledger.empty
    assert send(sandbox, items(2))["code"] == 0


@pytest.mark.parametrize("missing", ["phone", "content"])
def test_phone_and_content_are_required(sandbox, missing):
    """An item without one of the two refuses the request."""
    assert send(sandbox, [{key: value for key, value in item(1).items() if key != missing}]) == refused(9000)


def test_optional_fields_may_be_null_empty_or_unknown(sandbox):
    """Null and empty optional fields count as absent; fields the vendor does not name are ignored."""
    optional = ("sourceAddress", "shortLink", "linkVerbose", "drUrl", "ext")
    assert send(sandbox, [item(1, **dict.fromkeys(optional))])["code"] == 0
    assert send(sandbox, [item(2, **dict.fromkeys(optional, ""), colour=1)])["code"] == 0
    assert sandbox.ledger["source_address"].isna().all()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phone": ""}, 13005),
        ({"phone": "+8615088888888"}, 13005),
        ({"phone": "123456"}, 13005),
        ({"phone": "1234567"}, 0),
        ({"phone": "123456789012345"}, 0),
        ({"phone": "1234567890123456"}, 13005),
        ({"phone": "015088888888"}, 13005),
        ({"phone": "86 15088888888"}, 13005),
        ({"phone": "８６15088888888"}, 13005),
        ({"phone": "8.61508E+12"}, 13005),
        ({"content": ""}, 13009),
        ({"content": " \t\u3000\u00a0\n"}, 13009),
        ({"content": "x" * 1000}, 0),
        ({"content": "x" * 1001}, 13001),
        ({"content": "牛" * 1000}, 0),
        ({"content": "😀" * 1000}, 0),
        ({"content": "😀" * 1001}, 13001),
        ({"sourceAddress": "ACME"}, 0),
        ({"sourceAddress": "a" * 20}, 0),
        ({"sourceAddress": "a" * 21}, 13006),
        ({"sourceAddress": "AC ME"}, 13006),
        ({"sourceAddress": "牛小信"}, 13006),
        ({"content": "Win at the CASINO tonight"}, 13009),
        ({"content": "Occasionally"}, 0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_items_are_checked_one_by_one(make, change, code):
    """A bad item fails alone, with its code's text letter for letter; its neighbours are accepted."""
    sandbox = make(blocked_keywords=("casino",))
    reply = send(sandbox, [item(1), item(2) | change, item(3)])
    assert (reply["code"], reply["message"]) == (0, "Success")
    assert outcomes(reply) == {"message-000001": 0, "message-000002": code, "message-000003": 0}
    middle = reply["data"][1]
    assert middle["phone"] == (item(2) | change)["phone"]
    assert middle.get("message") == (codes.TABLE[code].text if code else None)
    assert len(sandbox.ledger) == (3 if code == 0 else 2)


def test_an_item_without_an_id_gets_one(make):
    """The gateway makes a messageid where none is given: a different one each time, the same in another run."""
    nameless = [{"phone": "8615088888888", "content": "Hi"}] * 3
    first, second = (send(make(), nameless)["data"] for _ in range(2))
    assert first == second
    assert len({one["messageid"] for one in first}) == 3
