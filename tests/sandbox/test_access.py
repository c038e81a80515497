"""Who may speak to the simulated gateway."""

import json
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.talk import VENDOR, encoded, exchange, items, refused, send, signed


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
