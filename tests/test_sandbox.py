"""The simulated gateway, asked over real sockets by requests that are built here from the vendor's documents."""

import gc
import hashlib
import http.client
import json
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path

import pandas as pd
import pytest

from nxsms_nb import codetable
from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import REALISTIC, Sandbox

VENDOR = Path(__file__).parent / "fixtures" / "vendor"


def digest(headers, body, secret, algorithm="md5"):
    signed = "accessKey={accessKey}&action={action}&bizType={bizType}&ts={ts}".format(**headers).encode()
    signed += (b"&body=" + body if body else b"") + b"&accessSecret=" + secret.encode()
    return hashlib.new(algorithm, signed, usedforsecurity=False).hexdigest()


def signed(sandbox, body, *, secret=None, algorithm="md5", **changed):
    """Headers for a body; a header changed to None is left out."""
    headers = {"accessKey": sandbox.access_key, "ts": str(time.time_ns() // 1_000_000), "bizType": "3"}
    headers |= {"action": "mtsend", "Content-Type": "application/json"}
    headers |= {name: value for name, value in changed.items() if value is not None and name != "sign"}
    headers["sign"] = changed.get("sign") or digest(headers, body, secret or sandbox.access_secret, algorithm)
    return {name: value for name, value in headers.items() if changed.get(name, "") is not None}


def exchange(sandbox, body, headers, path="/v1/sms/multi/mt", method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def encoded(sandbox, items, app_key=None):
    return json.dumps({"appKey": app_key or sandbox.app_key, "items": items}, ensure_ascii=False).encode()


def send(sandbox, items, *, app_key=None, **header_changes):
    """Post items, properly signed unless told otherwise, and read the reply."""
    body = encoded(sandbox, items, app_key)
    status, _, raw = exchange(sandbox, body, signed(sandbox, body, **header_changes))
    assert status == 200
    return json.loads(raw)


def item(number, content="Hi", **more):
    return {"phone": f"86150{number:08d}", "content": content, "sysMessageId": f"message-{number:06d}", **more}


def items(count, start=0):
    return [item(number) for number in range(start, start + count)]


def refused(code):
    return {"code": code, "message": codetable.TABLE[code].text, "data": None}


def outcomes(reply):
    """Messageid to code: 0 for an accepted item."""
    return {
        one["messageid"]: 0 if one["status"] == "Success" else codetable.from_text(one["message"])
        for one in reply["data"]
    }


@pytest.fixture(name="sandbox")
def _sandbox():
    with Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="make")
def _make():
    """Make sandboxes that are closed after the test."""
    made = []

    def make(**settings):
        made.append(Sandbox(**{"seed": 7} | settings))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()


# --- who may speak


@pytest.mark.parametrize("vector", json.loads((VENDOR / "signatures.json").read_bytes())["vectors"])
def test_the_gateways_own_signature_is_the_published_one(vector):
    """The gateway computes the vendor's worked examples without the client's code."""
    from nxsms_nb.sandbox.access import signature

    example = json.loads((VENDOR / "signatures.json").read_bytes())
    assert signature(example["headers"], vector["body"].encode(), example["accessSecret"]) == vector["sign"]


def test_the_vendors_example_request_is_answered_as_on_its_page(make):
    """The example request, with its six-character ids and national numbers, gets the example's success reply."""
    sandbox = make(app_key="appKey", strict_ids=False, rewrite_phones=True)
    body = (VENDOR / "request.json").read_bytes()
    for path in ("/v1/sms/multi/mt", "/api/sms/multi/mt"):
        _, _, raw = exchange(sandbox, body, signed(sandbox, body), path)
        expected = json.loads((VENDOR / "success.json").read_bytes())
        # The page answers its second number with that of another example.
        expected["data"][1]["phone"] = "8618651883279"
        assert json.loads(raw) == expected


@pytest.mark.parametrize("name", ["accessKey", "ts", "bizType", "action", "sign"])
def test_each_common_header_is_required(sandbox, name):
    """Without any one of the five headers the request is refused with 1001."""
    body = encoded(sandbox, items(1))
    headers = {key: value for key, value in signed(sandbox, body).items() if key != name}
    assert json.loads(exchange(sandbox, body, headers)[2]) == refused(1001)
    assert sandbox.ledger.empty


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bizType": "1"}, 1002),
        ({"action": "send"}, 1002),
        ({"accessKey": "another"}, 1005),
        ({"secret": "another"}, 1003),
        ({"sign": "0" * 32}, 1003),
        ({"sign": "é"}, 1003),
        ({"algorithm": "md5"}, 0),
        ({"algorithm": "sha256"}, 0),
        ({"ts": "yesterday"}, 1004),
        ({"ts": "0"}, 1004),
    ],
    ids=str,
)
def test_headers_are_checked(sandbox, changes, code):
    """Other business, unknown key, wrong signature and strange time stamps have their codes; both digests pass."""
    body = encoded(sandbox, items(1))
    headers = signed(sandbox, body, **changes)
    if "algorithm" in changes:
        headers["algorithm"] = changes["algorithm"]
    assert json.loads(exchange(sandbox, body, headers)[2])["code"] == code


def test_an_upper_case_signature_is_refused(sandbox):
    """The signature is lower-case hexadecimal."""
    body = encoded(sandbox, items(1))
    headers = signed(sandbox, body)
    headers["sign"] = headers["sign"].upper()
    assert json.loads(exchange(sandbox, body, headers)[2]) == refused(1003)


def test_an_unknown_algorithm_is_refused(sandbox):
    """A digest the vendor does not name cannot be a valid signature."""
    body = encoded(sandbox, items(1))
    headers = signed(sandbox, body, algorithm="sha1") | {"algorithm": "sha1"}
    assert json.loads(exchange(sandbox, body, headers)[2]) == refused(1003)


def test_the_signature_is_over_the_very_bytes(sandbox):
    """The same JSON in other bytes than those signed is refused."""
    body = encoded(sandbox, items(1))
    headers = signed(sandbox, body)
    assert json.loads(exchange(sandbox, body.replace(b": ", b":"), headers)[2]) == refused(1003)


@pytest.mark.parametrize(("off", "code"), [(-61, 1004), (-55, 0), (55, 0), (61, 1004)])
def test_a_time_stamp_may_be_a_minute_off(sandbox, off, code):
    """Sixty seconds either way are allowed, by the gateway's clock."""
    ts = str(int((time.time() + off) * 1000))
    assert send(sandbox, items(1), ts=ts)["code"] == code


def test_the_gateways_clock_shows_in_date_and_decides(make):
    """With its clock five minutes ahead the gateway says so in Date, and accepts ts by that clock only."""
    sandbox = make(clock_offset=300.0)
    body = encoded(sandbox, items(1))
    _, headers, raw = exchange(sandbox, body, signed(sandbox, body))
    assert json.loads(raw) == refused(1004)
    ahead = parsedate_to_datetime(headers["Date"]).timestamp() - time.time()
    assert 240 < ahead <= 301
    assert send(sandbox, items(1), ts=str(int((time.time() + 300) * 1000)))["code"] == 0


def test_other_paths_methods_and_types_are_not_the_gateway(sandbox):
    """What is not a JSON POST to the endpoint gets a plain HTTP error and is not counted."""
    body = encoded(sandbox, items(1))
    headers = signed(sandbox, body)
    assert exchange(sandbox, body, headers, path="/v2/sms")[0] == 404
    assert exchange(sandbox, None, headers, method="GET")[0] == 405
    assert exchange(sandbox, body, headers | {"Content-Type": "text/plain"})[0] == 415
    assert sandbox.requests.empty


# --- what it is asked


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


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"appKey":NaN}'])
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
    assert middle.get("message") == (codetable.TABLE[code].text if code else None)
    assert len(sandbox.ledger) == (3 if code == 0 else 2)


def test_an_item_without_an_id_gets_one(make):
    """The gateway makes a messageid where none is given: a different one each time, the same in another run."""
    nameless = [{"phone": "8615088888888", "content": "Hi"}] * 3
    first, second = (send(make(), nameless)["data"] for _ in range(2))
    assert first == second
    assert len({one["messageid"] for one in first}) == 3


# --- what it remembers


def test_the_ledger_has_a_row_for_each_effect(sandbox):
    """Accepted items stand in the ledger as sent, in order, with the request that brought them."""
    before = pd.Timestamp.now("UTC")
    send(sandbox, [item(1, "Grüße", sourceAddress="ACME"), item(2, "")])
    send(sandbox, [item(3)])
    ledger = sandbox.ledger
    assert ledger[["messageid", "phone", "content", "request"]].to_numpy().tolist() == [
        ["message-000001", "8615000000001", "Grüße", 1],
        ["message-000003", "8615000000003", "Hi", 2],
    ]
    assert ledger["source_address"].tolist()[0] == "ACME"
    assert ledger["source_address"].isna().tolist() == [False, True]
    assert str(ledger["accepted_at"].dtype) == "datetime64[us, UTC]"
    assert ledger["accepted_at"].between(before.floor("us"), pd.Timestamp.now("UTC")).all()


def test_a_message_sent_twice_takes_effect_twice(sandbox):
    """Nothing is deduplicated by messageid, so a double send shows."""
    send(sandbox, [item(1), item(2)])
    send(sandbox, [item(1)])
    assert sandbox.effects().to_dict() == {"message-000001": 2, "message-000002": 1}
    assert sandbox.effects().sum() == len(sandbox.ledger) == 3


def test_requests_are_kept_with_their_codes(sandbox):
    """Each request stands in `requests` in order of arrival, refused ones too."""
    send(sandbox, [item(1), item(2, "")])
    send(sandbox, items(1), secret="another")
    send(sandbox, [])
    requests = sandbox.requests
    assert requests["number"].tolist() == [1, 2, 3]
    assert requests["code"].tolist() == [0, 1003, 9000]
    assert requests["items"].isna().tolist() == [False, True, True]
    assert requests["items"][0] == 2
    assert requests["accepted"].tolist() == [1, 0, 0]
    assert (requests["latency"] >= 0).all()
    assert str(requests["started_at"].dtype) == "datetime64[us, UTC]"


def test_an_unused_sandbox_has_empty_frames(sandbox):
    """Before the first request ledger, requests and effects are empty frames of the usual columns and dtypes."""
    empty = sandbox.ledger, sandbox.requests, sandbox.effects()
    send(sandbox, [item(1, sourceAddress="ACME")])
    full = sandbox.ledger, sandbox.requests
    for before, after in zip(empty, full, strict=False):
        assert before.empty
        assert before.dtypes.to_dict() == after.dtypes.to_dict()
    assert empty[2].empty


def test_reset_forgets_what_was_accepted_and_counted(make):
    """After a reset ledger, requests and limits are as at the start, and so is the balance."""
    sandbox = make(balance=3, hourly_limit=1)
    send(sandbox, items(3))
    assert sandbox.balance == 0
    sandbox.reset()
    assert sandbox.ledger.empty
    assert sandbox.requests.empty
    assert sandbox.balance == 3
    assert set(outcomes(send(sandbox, items(3))).values()) == {0}


# --- limits


def test_a_number_gets_five_messages_an_hour(sandbox):
    """The sixth message to one number within the hour is 13007; an hour later the number is free again."""
    same = [item(number) | {"phone": "8615088888888"} for number in range(6)]
    assert list(outcomes(send(sandbox, same)).values()) == [0, 0, 0, 0, 0, 13007]
    assert list(outcomes(send(sandbox, [same[5], item(9)])).values()) == [13007, 0]
    sandbox.advance(3600)
    assert list(outcomes(send(sandbox, [same[5]])).values()) == [0]


def test_the_hourly_limit_can_be_lifted(make):
    """hourly_limit=None lets any number of messages pass."""
    sandbox = make(hourly_limit=None)
    same = [item(number) | {"phone": "8615088888888"} for number in range(50)]
    assert set(outcomes(send(sandbox, same)).values()) == {0}


@pytest.mark.parametrize("limiter", ["bucket", "window"])
def test_more_than_a_seconds_worth_is_refused_with_13008(make, limiter):
    """A request that does not fit into the limit is refused as a whole, and passes when time has gone by."""
    sandbox = make(tps=0.5, limiter=limiter)
    assert send(sandbox, items(2)) == refused(13008)
    assert send(sandbox, items(1))["code"] == 0
    assert send(sandbox, items(1)) == refused(13008)
    sandbox.advance(2.1)
    assert send(sandbox, items(1))["code"] == 0
    assert len(sandbox.ledger) == 2


def test_13008_can_be_answered_item_by_item(make):
    """With per="item" as many items pass as the limit allows, the others are 13008 each."""
    sandbox = make(tps=3.0, per="item")
    assert list(outcomes(send(sandbox, items(200))).values()) == [0] * 3 + [13008] * 197
    assert len(sandbox.ledger) == 3


def test_the_limit_can_be_changed_while_it_runs(make):
    """Assigning tps lifts or sets the limit at once."""
    sandbox = make(tps=1.0)
    assert send(sandbox, items(10)) == refused(13008)
    sandbox.tps = None
    assert send(sandbox, items(10))["code"] == 0
    sandbox.tps = 1
    assert send(sandbox, items(10)) == refused(13008)


def test_an_empty_balance_refuses_requests(make):
    """When the balance does not cover a request, it is refused with 1102 and nothing of it accepted."""
    sandbox = make(balance=5)
    assert send(sandbox, items(3))["code"] == 0
    assert sandbox.balance == 2
    assert send(sandbox, items(3, start=10)) == refused(1102)
    assert send(sandbox, items(2, start=20))["code"] == 0
    assert sandbox.balance == 0
    sandbox.balance = 100
    assert send(sandbox, items(3, start=10))["code"] == 0
    assert sandbox.balance == 97


def test_an_empty_balance_can_refuse_items(make):
    """With balance_per="item" the balance is used up first; bad items cost nothing."""
    sandbox = make(balance=2, balance_per="item")
    reply = send(sandbox, [item(1, ""), *items(4, start=2)])
    assert list(outcomes(reply).values()) == [13009, 0, 0, 1102, 1102]


def test_a_verification_channel_takes_five_numbers(make):
    """More than five items in a request are 13010 there."""
    sandbox = make(verification_channel=True)
    assert send(sandbox, items(6)) == refused(13010)
    assert send(sandbox, items(5))["code"] == 0


# --- drawn failures


def test_failures_are_drawn_from_seed_and_item_not_from_arrival(make):
    """However the messages are cut into requests, and in whatever order they come, each has the same outcome."""
    mix = {13005: 0.1, 13009: 0.1, 13007: 0.1, 1102: 0.05, -1: 0.05}
    whole = items(200)
    first = outcomes(send(make(failures=mix), whole))
    other, again = make(failures=mix), {}
    for position in range(195, -1, -5):
        again |= outcomes(send(other, whole[position : position + 5][::-1]))
    assert again == first
    assert set(first.values()) == {0, *mix}


def test_another_seed_draws_other_failures(make):
    """The seed decides which items fail."""
    drawn = [outcomes(send(make(seed=seed, failures={13005: 0.5}), items(200))) for seed in (1, 2)]
    assert drawn[0] != drawn[1]


def test_shares_are_shares_of_all_items(make):
    """Over many items each code has its share, whatever the failure hangs on."""
    mix = {13005: 0.2, 13009: 0.2, 13007: 0.2}
    sandbox = make(failures=mix)
    counted = pd.Series(
        [code for start in range(0, 10_000, 200) for code in outcomes(send(sandbox, items(200, start))).values()]
    ).value_counts(normalize=True)
    for code in (*mix, 0):
        # Five standard deviations of a share of 10,000.
        assert abs(counted[code] - mix.get(code, 0.4)) < 5 * (0.25 / 10_000) ** 0.5


def test_a_wrong_number_stays_wrong_and_a_refused_text_can_be_reworded(make):
    """13005 goes with the number, 13009 with number and text, 13007 with the messageid."""
    sandbox = make(failures={13005: 0.3, 13009: 0.3, 13007: 0.3}, hourly_limit=None)
    first = list(outcomes(send(sandbox, items(200))).values())

    def again(**change):
        return list(outcomes(send(sandbox, [one | change for one in items(200)])).values())

    renamed = list(
        outcomes(send(sandbox, [one | {"sysMessageId": one["sysMessageId"] + "-2"} for one in items(200)])).values()
    )
    reworded = again(content="Hello")

    def where(code, drawn):
        return {position for position, one in enumerate(drawn) if one == code}

    assert again() == first
    assert where(13005, first) == where(13005, renamed) == where(13005, reworded)
    assert where(13009, first) == where(13009, renamed) != where(13009, reworded)
    assert where(13007, first) != where(13007, renamed)


def test_a_drawn_13008_passes_in_the_end(make):
    """An item drawn as 13008 is tried again with the same id, so each try is drawn anew."""
    sandbox = make(failures={13008: 0.5}, hourly_limit=None)
    waiting, rounds = items(200), 0
    while waiting and rounds < 30:
        said = outcomes(send(sandbox, waiting))
        waiting = [one for one in waiting if said[one["sysMessageId"]] == 13008]
        rounds += 1
    assert not waiting
    assert rounds > 3
    assert (sandbox.effects() == 1).all()


def test_a_country_can_have_a_mix_of_its_own(make):
    """A region or calling code has its own mix instead of the general one; the longest match counts."""
    sandbox = make(failures={13005: 1.0, "IN": {13006: 1.0}, "+86": {}, "8615": {13009: 1.0}})
    numbers = ["919876543210", "8615088888888", "8613088888888", "447911123456"]
    reply = send(sandbox, [item(place) | {"phone": phone} for place, phone in enumerate(numbers)])
    assert list(outcomes(reply).values()) == [13006, 13009, 0, 13005]


def test_the_realistic_mix_is_mostly_success(make):
    """The realistic mix refuses a few per cent of a country mix, with codes of rows only."""
    sandbox = make(failures="realistic")
    drawn = pd.Series([c for start in range(0, 4000, 200) for c in outcomes(send(sandbox, items(200, start))).values()])
    assert 0.9 < (drawn == 0).mean() < 0.99
    assert {codetable.TABLE[code].scope for code in drawn[drawn != 0]} == {"row"}
    assert set(drawn) - {0} <= set(REALISTIC["86"])


# --- settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 1.5}, "seed=1.5"),
        ({"latency": -1}, "latency=-1"),
        ({"latency": (2, 1)}, "latency"),
        ({"latency": float("nan")}, "latency"),
        ({"tps": 0}, "tps=0"),
        ({"limiter": "leaky"}, "'bucket', 'window'"),
        ({"per": "day"}, "'request', 'item'"),
        ({"balance": -1}, "balance=-1"),
        ({"balance": 1.5}, "balance=1.5"),
        ({"blocked_keywords": "casino"}, "('casino', 'loan')"),
        ({"refuse": 0}, "refuse=0"),
        ({"refuse": 4711}, "nxsms_nb.codes()"),
        ({"hourly_limit": True}, "hourly_limit"),
        ({"failures": {4711: 0.1}}, "4711"),
        ({"failures": {0: 0.1}}, "0"),
        ({"failures": {13005: 1.1}}, "1.1"),
        ({"failures": {13005: 0.6, 13009: 0.6}}, "1.200"),
        ({"failures": {"XX": {13005: 0.1}}}, "'XX'"),
        ({"failures": {"IN": 0.1}}, "'IN'"),
        ({"failures": "real"}, "'realistic'"),
        ({"rewrite_phones": "yes"}, "rewrite_phones"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_usable_is_refused_with_its_value(sandbox, settings, words):
    """Both at the start and later; a refused change leaves everything as it was."""
    with pytest.raises(ConfigError) as at_start:
        Sandbox(**settings)
    assert words in str(at_start.value)
    before = sandbox.settings
    with pytest.raises(ConfigError):
        sandbox.change(**settings)
    assert sandbox.settings is before
    assert send(sandbox, items(1))["code"] == 0


def test_an_unknown_setting_is_refused(sandbox):
    """A name that is no setting is an error that lists those that are."""
    with pytest.raises(ConfigError, match=r"'speed' is not a setting.*latency"):
        sandbox.change(speed=1)


def test_settings_are_attributes(sandbox):
    """A setting reads as it is, and counts from its assignment on."""
    assert sandbox.verification_channel is False
    sandbox.verification_channel = True
    assert sandbox.verification_channel is True
    assert send(sandbox, items(6)) == refused(13010)
    with pytest.raises(ConfigError, match="tps=-1"):
        sandbox.tps = -1


def test_the_repr_shows_settings_and_no_secret(make):
    """What differs from the defaults is shown; keys are not."""
    sandbox = make(tps=500.0, access_secret="open-sesame", app_secret="open-barley")
    assert repr(sandbox) == f"Sandbox('{sandbox.url}', seed=7, tps=500.0)"
    sandbox.close()
    assert repr(sandbox) == f"Sandbox('{sandbox.url}', closed, seed=7, tps=500.0)"
    for secret in ("open-sesame", "open-barley"):
        assert secret not in repr(sandbox) + repr(sandbox.settings) + repr(sandbox._keys)


def test_keys_are_given_or_made_from_the_seed(make):
    """The same seed has the same keys, another seed others; given ones are taken."""
    first, same, other = make(), make(), make(seed=8, app_key="mine")
    names = ("access_key", "access_secret", "app_key", "app_secret")
    assert [getattr(first, name) for name in names] == [getattr(same, name) for name in names]
    assert all(getattr(first, name) != getattr(other, name) for name in names)
    assert other.app_key == "mine"


def test_the_client_is_set_up_for_the_gateway(make):
    """The client has the gateway's keys and address, says that it is simulated, and is the same each time."""
    sandbox = make()
    client = sandbox.client
    assert client is sandbox.client
    assert (client.base_url, client.query_url) == (sandbox.url, sandbox.url)
    assert (client.access_key, client.app_key) == (sandbox.access_key, sandbox.app_key)
    assert client.simulated
    assert client.on_loopback


# --- running and ending


def test_latency_can_be_a_range_and_does_not_change_outcomes(make):
    """Requests take at least as long as told, and settle the same."""
    sandbox = make(latency=(0.01, 0.02))
    assert set(outcomes(send(sandbox, items(3))).values()) == {0}
    assert sandbox.requests["latency"].iloc[0] >= 0.01


def test_held_replies_leave_when_released(make):
    """While held, requests take effect and wait for their reply."""
    sandbox = make()
    sandbox.hold()
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(send, sandbox, items(2, start)) for start in (0, 10, 20)]
        assert sandbox.wait_for(requests=3)
        assert not any(one.done() for one in waiting)
        assert sandbox.requests["latency"].isna().all()
        sandbox.release()
        assert [one.result()["code"] for one in waiting] == [0, 0, 0]
    assert len(sandbox.ledger) == 6


def test_waiting_for_requests_that_do_not_come_ends(sandbox):
    """wait_for says whether they came."""
    assert sandbox.wait_for(requests=0, timeout=0)
    assert not sandbox.wait_for(requests=1, timeout=0)


def test_concurrent_requests_are_all_accounted_for(sandbox):
    """Many requests at once leave one row for each message and each request."""
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda start: send(sandbox, items(50, start)), range(0, 2000, 50)))
    assert {one["code"] for one in replies} == {0}
    assert sorted(sandbox.ledger["messageid"]) == [one["sysMessageId"] for one in items(2000)]
    assert sandbox.requests["accepted"].sum() == 2000
    merged = sandbox.ledger.groupby("request").size()
    assert (merged == 50).all()
    assert len(merged) == 40


def test_it_ends_once_and_for_all():
    """After close nothing listens; closing again does nothing; the ledger stays."""
    sandbox = Sandbox()
    send(sandbox, items(1))
    sandbox.close()
    sandbox.close()
    with pytest.raises(ConnectionRefusedError):
        send(sandbox, items(1))
    assert len(sandbox.ledger) == 1


def test_closing_with_requests_under_way_ends_them():
    """A held request does not keep the gateway from closing."""
    sandbox = Sandbox()
    sandbox.hold()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(send, sandbox, items(1))
        assert sandbox.wait_for(requests=1)
        sandbox.close()
        with pytest.raises((http.client.HTTPException, OSError)):
            waiting.result()


def test_a_sandbox_nobody_holds_closes_by_itself():
    """Its thread ends when the object is gone, so a cell that is run again leaves nothing behind."""
    before = threading.active_count()
    sandbox = Sandbox()
    gone = weakref.ref(sandbox)
    del sandbox
    gc.collect()
    assert gone() is None
    assert threading.active_count() == before


def test_a_client_keeps_its_gateway_running():
    """Sandbox().client alone is enough: the gateway runs as long as its client is held."""
    client = Sandbox(seed=7).client
    gc.collect()
    address = http.client.HTTPConnection("127.0.0.1", int(client.base_url.rpartition(":")[2]), timeout=30)
    address.request("GET", "/")
    assert address.getresponse().status == 404
    address.close()


def test_a_taken_port_is_an_error_that_says_so(sandbox):
    """Two gateways cannot have one port."""
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=rf"port {port} on loopback cannot be had.*port=0"):
        Sandbox(port=port)
