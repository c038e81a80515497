"""The wire without I/O, held to what the vendor publishes."""

import contextlib
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.wire import codes, requests
from nxsms_nb.wire.replies import Ids, Item, NotUnderstood, Reply, _all_alike, _in_order, _one_by_one, parse

VENDOR = Path(__file__).parents[1] / "fixtures" / "vendor"
IDS = ["msg001", "msg002"]
OK = Item(accepted=True)


def published(name):
    return (VENDOR / name).read_bytes()


def reply(data, code=0, message="Success"):
    return json.dumps({"code": code, "message": message, "data": data}).encode()


def item(messageid, status="Success", **more):
    return {"phone": "8615088888888", "messageid": messageid, "status": status, **more}


@pytest.mark.parametrize("vector", json.loads(published("signatures.json"))["vectors"], ids=lambda v: v["sign"][:6])
def test_signatures_are_the_published_ones(vector):
    """Each body of the vendor's worked examples gets the signature printed beside it."""
    example = json.loads(published("signatures.json"))
    signed = requests.sign(example["headers"], vector["body"].encode(), example["accessSecret"])
    assert signed == vector["sign"]


def test_header_names_are_signed_in_ascii_order_however_they_are_given():
    """The order of the mapping does not matter to the signature."""
    example = json.loads(published("signatures.json"))
    backwards = dict(reversed(example["headers"].items()))
    vector = example["vectors"][0]
    assert requests.sign(backwards, vector["body"].encode(), example["accessSecret"]) == vector["sign"]


def test_an_empty_body_is_left_out_of_what_is_signed():
    """Without a body neither the body nor its name is part of the digest."""
    plain = b"accessKey=a&action=b&bizType=c&ts=1&accessSecret=s"
    headers = {"accessKey": "a", "action": "b", "bizType": "c", "ts": "1"}
    assert requests.sign(headers, b"", "s") == hashlib.md5(plain, usedforsecurity=False).hexdigest()


def test_sha256_signs_the_same_string():
    """The other algorithm differs in the digest only."""
    plain = b"accessKey=a&action=b&bizType=c&ts=1&body={}&accessSecret=s"
    headers = {"accessKey": "a", "action": "b", "bizType": "c", "ts": "1"}
    assert requests.sign(headers, b"{}", "s", "sha256") == hashlib.sha256(plain).hexdigest()


def test_headers_are_those_of_the_vendors_page():
    """The common headers carry the fixed business and action, ts in milliseconds, and the signature of these bytes."""
    headers = requests.headers("fme2na3kdi3ki", "abciiiko2k3", 1655710885431, b"{}")
    signed = b"accessKey=fme2na3kdi3ki&action=mtsend&bizType=3&ts=1655710885431&body={}&accessSecret=abciiiko2k3"
    assert headers == {
        "accessKey": "fme2na3kdi3ki",
        "ts": "1655710885431",
        "bizType": "3",
        "action": "mtsend",
        "sign": hashlib.md5(signed, usedforsecurity=False).hexdigest(),
        "Content-Type": "application/json",
    }


def test_the_algorithm_header_is_sent_with_sha256_only_and_is_not_signed():
    """With sha256 a header names it, and the signed string stays that of the four headers."""
    headers = requests.headers("a", "s", 1, b"{}", "sha256")
    assert headers["algorithm"] == "sha256"
    assert (
        headers["sign"]
        == hashlib.sha256(b"accessKey=a&action=mtsend&bizType=3&ts=1&body={}&accessSecret=s").hexdigest()
    )
    assert "algorithm" not in requests.headers("a", "s", 1, b"{}")


def test_the_body_says_what_the_vendors_example_says():
    """Items that are joined by commas make the vendor's example request, field for field."""
    example = json.loads(published("request.json"))
    items = b",".join(json.dumps(one).encode() for one in example["items"])
    assert json.loads(requests.body(example["appKey"], items)) == example


def test_the_body_quotes_the_app_key():
    """An appKey with quotes and non-ASCII text is still that appKey in the body."""
    assert json.loads(requests.body('a"\\牛', b""))["appKey"] == 'a"\\牛'
    assert requests.body(np.str_("app"), b"") == requests.body("app", b"")


def test_the_success_example_accepts_both_messages():
    """The vendor's success reply settles both ids as accepted, though the phones came back changed."""
    assert parse(published("success.json"), IDS) == Reply(0, "Success", [OK, OK], all_accepted=True)


def test_the_partial_failure_example_refuses_the_second_message():
    """The vendor's partial failure keeps the refusal's own words, which are what code 13005 says."""
    got = parse(published("partial_failure.json"), IDS)
    assert got.items == [OK, Item(accepted=False, text="Incorrect phone number format")]
    assert not got.all_accepted
    assert codes.from_text(got.items[1].text) == 13005


@pytest.mark.parametrize(("name", "code"), [("parameter_error.json", 9000), ("application_error.json", 13002)])
def test_the_error_examples_refuse_the_request_as_a_whole(name, code):
    """A reply whose data is null speaks of the request, not of items."""
    got = parse(published(name), IDS)
    assert (got.code, got.text, got.items) == (code, codes.TABLE[code].text, None)


def test_the_code_table_has_the_vendors_texts_letter_for_letter():
    """Every text of the vendor's page stands in the table under its code."""
    page = {int(number): text for number, text in json.loads(published("codes.json")).items()}
    assert {number: codes.TABLE[number].text for number in page} == page


@pytest.mark.parametrize("number", [number for number in codes.TABLE if number != 0])
def test_every_text_maps_back_to_its_code(number):
    """A failed item's text finds its code, case and spaces aside."""
    text = codes.TABLE[number].text
    assert codes.from_text(text) == codes.from_text(f"  {text.upper()} ".replace(" ", "  ")) == number


def test_items_are_matched_by_messageid_in_any_order():
    """A reply in another order settles each id with its own item."""
    got = parse(reply([item("b", "Failure", message="no"), item("c"), item("a")]), ["a", "b", "c"])
    assert got.items == [OK, Item(accepted=False, text="no"), OK]


def test_the_order_of_the_reply_proves_nothing():
    """As many items as asked for, but under other ids, settle nothing."""
    got = parse(reply([item("x"), item("y")]), ["a", "b"])
    assert got.items == [None, None]
    assert not got.all_accepted


def test_a_missing_item_leaves_its_id_unsettled():
    """A reply that is shorter than the request settles only what it names."""
    got = parse(reply([item("c")]), ["a", "b", "c"])
    assert got.items == [None, None, OK]
    assert not got.all_accepted


def test_an_alien_item_is_ignored():
    """An id that was not asked for changes nothing for those that were."""
    got = parse(reply([item("alien", "Failure", message="no"), item("a")]), ["a"])
    assert got.items == [OK]
    assert got.all_accepted


def test_an_item_listed_twice_in_the_same_words_is_settled():
    """Repetition without contradiction is no doubt."""
    assert parse(reply([item("a"), item("a"), item("b")]), ["a", "b"]).items == [OK, OK]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_item_that_contradicts_itself_is_unsettled(times):
    """Two words about one id settle neither, whichever comes last and however often."""
    refused = item("a", "Failure", message="no")
    assert parse(reply([refused] + [item("a")] * times), ["a"]).items == [None]
    assert parse(reply([item("a")] + [refused] * times), ["a"]).items == [None]
    other = item("a", "Failure", message="other")
    assert parse(reply([refused] + [other] * times), ["a"]).items == [None]


@pytest.mark.parametrize(
    "odd",
    [
        {"phone": "1", "messageid": "a", "status": "success"},
        {"phone": "1", "messageid": "a", "status": "Pending"},
        {"phone": "1", "messageid": "a", "status": True},
        {"phone": "1", "messageid": "a", "status": 0},
        {"phone": "1", "messageid": "a"},
        {"phone": "1", "messageid": ["a"], "status": "Success"},
        {"phone": "1", "messageid": None, "status": "Success"},
        {"phone": "1", "status": "Success"},
        ["a", "Success"],
        "a",
        None,
        17,
    ],
    ids=repr,
)
def test_an_item_that_is_not_as_documented_settles_nothing(odd):
    """What is not word for word Success or Failure of an id is no statement about it."""
    assert parse(reply([odd, item("b")]), ["a", "b"]).items == [None, OK]


def test_an_odd_item_next_to_a_good_one_of_the_same_id_is_a_contradiction():
    """An undocumented status beside Success leaves the id unsettled, in both orders."""
    odd = item("a", "Pending")
    assert parse(reply([odd, item("a")]), ["a"]).items == [None]
    assert parse(reply([item("a"), odd]), ["a"]).items == [None]


@pytest.mark.parametrize("message", [None, 13005, {"text": "no"}])
def test_a_failure_without_words_is_still_a_failure(message):
    """A refused item whose message is no text is refused, without a text."""
    assert parse(reply([item("a", "Failure", message=message)]), ["a"]).items == [Item(accepted=False)]


def test_an_id_is_matched_exactly():
    """Case, blanks and beginnings do not match another id."""
    got = parse(reply([item("ABC"), item("abc "), item("ab")]), ["abc"])
    assert got.items == [None]


def test_a_refusal_that_carries_data_keeps_both():
    """A code other than 0 with items gives the code and each item's own word."""
    got = parse(reply([item("a")], code=9000, message="Request parameter error"), ["a", "b"])
    assert (got.code, got.items) == (9000, [OK, None])


def test_success_with_null_data_settles_no_item():
    """Code 0 with data null claims success and shows none."""
    got = parse(reply(None), ["a"])
    assert (got.code, got.items, got.all_accepted) == (0, None, False)


def test_empty_data_settles_nothing_and_is_not_null():
    """An empty list is a statement about no item, not a refusal of the request."""
    got = parse(reply([], code=9000), ["a"])
    assert (got.items, got.all_accepted) == ([None], False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"Success"',
        b"0",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"code":0,"message":"Success","data":[{"phone":"1","messageid":"a","sta',
        b'{"code":0,"message":"Success","data":[]} trailing',
        b'{"code":"0","message":"Success","data":%s}',
        b'{"code":0.0,"message":"Success","data":%s}',
        b'{"code":0e0,"message":"Success","data":%s}',
        b'{"code":true,"message":"Success","data":%s}',
        b'{"code":null,"message":"Success","data":%s}',
        b'{"code":NaN,"message":"Success","data":%s}',
        b'{"message":"Success","data":%s}',
        b'{"code":0,"message":"\xff","data":%s}',
        b'{"code":0,"message":"Success","data":%s,}',
        b'{"code":0,"message":"Success","data":%s}}',
        b'[{"code":0,"message":"Success","data":%s}]',
        b'{"code":0,"message":"Success","data":{}}',
        b'{"code":0,"message":"Success","data":"a"}',
        b'{"code":0,"message":"Success","data":false}',
    ],
)
def test_a_malformed_reply_is_not_understood(raw):
    """What is not the documented object raises, so that it can prove nothing, however well its items read."""
    accepted = json.dumps([item("a")]).encode()
    with pytest.raises(NotUnderstood):
        parse(raw.replace(b"%s", accepted), ["a"])


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_anything_but_raise_not_understood(raw):
    """Arbitrary bytes are either understood or refused; nothing else can come of them."""
    with contextlib.suppress(NotUnderstood):
        parse(raw, ["a"])


_WORDS = st.sampled_from(["Success", "Failure", "Pending"])


@given(st.lists(st.tuples(st.sampled_from("abcxyz"), _WORDS), max_size=12))
def test_an_id_is_settled_by_its_own_unanimous_items_only(entries):
    """Whatever a reply holds, each id asked for has the one word said of it, or none."""
    got = parse(reply([item(messageid, status) for messageid, status in entries]), ["a", "b", "c"])
    for wanted, settled in zip("abc", got.items, strict=True):
        words = {status for messageid, status in entries if messageid == wanted}
        expected = {frozenset({"Success"}): OK, frozenset({"Failure"}): Item(accepted=False)}.get(frozenset(words))
        assert settled == expected
    assert got.all_accepted == all(one == OK for one in got.items)


ALIKE = [f"n1{number:032x}" for number in range(12)]


def alike(ids=ALIKE, between=",", phones=None):
    """A reply as a gateway writes one: every item the same but for its id and phone."""
    phones = phones or [f"86150888{number:05d}" for number in range(len(ids))]
    items = [
        f'{{"phone":"{phone}","messageid":"{messageid}","status":"Success"}}'
        for phone, messageid in zip(phones, ids, strict=True)
    ]
    return f'{{"code":0,"message":"Success","data":[{between.join(items)}]}}'.encode()


def outcome(raw, ids):
    """What is read of a reply; None where it is not understood."""
    try:
        return parse(raw, ids)
    except NotUnderstood:
        return None


def packed(ids=ALIKE):
    return Ids("".join(ids).encode(), len(ids[0]))


@pytest.mark.parametrize("between", [",", ", "])
def test_a_reply_of_items_alike_is_read_as_any_other(between):
    """What is compared as bytes and what is read as JSON come to the same."""
    raw = alike(between=between)
    assert _all_alike(raw, packed()) == Reply(0, "Success", [OK] * len(ALIKE), all_accepted=True)
    assert parse(raw, packed()) == parse(raw, ALIKE)


def test_a_reply_of_a_known_form_answers_the_ids_that_it_is_read_for():
    """The next reply of the same form, to other ids and with other phones, is compared with what was asked this time."""
    others = [messageid[:-1] + "e" for messageid in ALIKE]
    raw = alike(ids=others, phones=[f"49151777{number:05d}" for number in range(len(ALIKE))])
    assert parse(alike(), packed()).all_accepted
    assert _all_alike(raw, packed(others)) == parse(raw, others)
    assert _all_alike(raw, packed()) is None
    assert not any(parse(raw, packed()).items)


@pytest.mark.parametrize(
    "raw",
    [
        alike(ids=[ALIKE[1], ALIKE[0], *ALIKE[2:]]),
        alike(ids=[*ALIKE[:-1], "n1" + "f" * 32]),
        alike().replace(b'Success"}]', b'Failure"}]'),
        alike().replace(b'"code":0', b'"code":1'),
        alike().replace(b"8615088800005", b'861508880"005'),
        alike().replace(b"8615088800005", b"86150888\\u005"),
        alike().replace(b'00003","messageid"', b'00003","messageID"'),
        alike().replace(b"},{", b"}{", 1) + b" ",
        alike()[:-1] + b",",
        alike()[:-2] + b',{"phone":"1","messageid":"x","status":"Success"}]}',
        alike().replace(b'"phone"', b'"ph\\u006fne"').replace(b'"messageid":"', b'"messageid":"\\u006e'),
        alike(ids=ALIKE[:11]),
        re.sub(rb'"messageid":"(\w+)"', rb'"messageid":"%s","message":"\1"' % (b"0" * 34), alike()),
        b"[{",
        b"",
    ],
)
def test_items_that_are_not_alike_are_read_one_by_one(raw):
    """Another order, id, status, key or mark than the first item's: the comparison gives up, and the reading decides."""
    assert parse(alike(), packed()).all_accepted  # replies of its form are compared with it from now on
    assert _all_alike(raw, packed()) is None
    assert outcome(raw, packed()) == outcome(raw, ALIKE)


FRONT = b'{"code":0,"message":"Success","data":'
ALL = alike()[len(FRONT) : -1]
NONE = ALL.replace(b"Success", b"Failure")
ONE = ALL[: ALL.index(b"}") + 1] + b"]"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"code":0,"message":"Success","items":%s,"data":%s}' % (ALL, NONE),
        b'{"code":0,"message":"Success","items":%s,"data":%s}' % (ALL, ONE),
        b'{"items":%s,"code":0,"message":"Success","data":%s}' % (ALL, ONE),
        b'{"code":0,"message":"Success","data":[],"items":%s}' % ALL,
        b'{"items":%s,"code":0,"message":"Success","data":[]}' % ALL,
        b'{"code":0,"message":"%s","data":[]}' % ALL.replace(b'"', b"'"),
        b'{"code":0,"message":"%s","data":[]}' % ALL.replace(b'"', b'\\"'),
        b'{"code":0,"message":"[{","data":%s}' % NONE,
        b'{"code":0,"message":"Success","data":null,"extra":{"data":%s}}' % ALL,
        b'{"extra":{"code":0,"message":"Success","data":%s},"code":0,"message":"Success","data":[]}' % ALL,
        b'{"code":0,"message":"Success","data":[%s]}' % ALL,
        b'[{"code":0,"message":"Success","data":%s}]' % ALL,
        b'{"code":0,"message":"Success","data":%s' % ALL,
        b'{"code":0,"message":"Success"data":%s}' % ALL,
        b'{"code":0,"message":"Success,"data":%s}' % ALL,
        b'{"code":0,"message":Success","data":%s}' % ALL,
    ],
)
def test_only_the_data_of_the_reply_itself_is_read(raw):
    """A list of accepted items elsewhere, or one that a damaged reply seems to hold, accepts nobody: at most the first row is."""
    read = outcome(raw, packed())
    assert read is None or read.items is None or not any(item == OK for item in read.items[1:])


@pytest.mark.parametrize(
    "raw",
    [
        b'{"code":0,"message":"Success","data":%s,"data":%s}' % (NONE, ALL),
        b'{"code":0,"message":"Success","data":%s,"data":%s}' % (ALL, ALL),
        b'{"code":0,"message":"Success","data":null,"data":%s}' % ALL,
        b'{"code":9000,"code":0,"message":"Success","data":%s}' % ALL,
        b'{"code":0,"code":9000,"message":"no","data":null}',
        b'{"code":0,"message":"Success","message":"Success","data":%s}' % ALL,
        b'{"code":0,"message":"Success","d\\u0061ta":[],"data":%s}' % ALL,
        FRONT + ALL.replace(b'"status":"Success"', b'"status":"Failure","status":"Success"') + b"}",
        FRONT + ALL.replace(b'"status":"Success"', b'"status":"Success","status":"Success"', 1) + b"}",
        FRONT + ALL.replace(b'{"phone"', b'{"messageid":"x","phone"', 1) + b"}",
        FRONT + ALL.replace(b'{"phone"', b'{"phone":"1","phone"', 1) + b"}",
        FRONT + ALL.replace(b'{"phone"', b'{"more":{"a":1,"a":2},"phone"', 1) + b"}",
        FRONT + ALL.replace(b'{"phone"', b'{"more":' + b"[" * 5000 + b"]" * 5000 + b',"phone"', 1) + b"}",
        FRONT + b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"code":%s,"message":"Success","data":%s}' % (b"9" * 5000, ALL),
        b'{"code":0,"message":7,"data":%s}' % ALL,
        b'{"code":0,"message":["Success"],"data":%s}' % ALL,
        b'{"code":0,"message":"\\ud800","data":%s}' % ALL,
        b'{"code":0,"message":"Success","more":Infinity,"data":%s}' % ALL,
        b'{"code":9000,"message":"Request parameter error","Data":%s}' % ALL,
        b'{"code":9000,"message":"Request parameter error","data":null,"result":%s}' % ALL,
        b'{"code":1102,"message":"Insufficient balance","result":{"data":%s}}' % ALL,
        b"\xef\xbb\xbf" + alike(),
        alike().decode().encode("utf-16"),
        alike().replace(b"Success", b"Succ\xe8s", 1),
    ],
    ids=lambda raw: f"{raw[:40]!r}",
)
def test_a_reply_that_could_be_read_in_two_ways_is_not_understood(raw):
    """A member that stands twice, data under another name, a wrong type, or anything but JSON in UTF-8 proves nothing."""
    for ids in (packed(), ALIKE):
        with pytest.raises(NotUnderstood):
            parse(raw, ids)


def test_a_refusal_without_data_may_have_plain_members_in_addition():
    """Where nothing could be the data, a reply without it refuses the request as one with null does."""
    for raw in (b'{"code":1003,"message":"no"}', b'{"code":1003,"msg":"no","data":null,"requestId":"7"}'):
        assert (parse(raw, ALIKE).code, parse(raw, ALIKE).items) == (1003, None)


@pytest.mark.parametrize("more", [b'"requestId":"7",', b'"time":1.5e3,"ok":true,'])
def test_members_that_are_plain_do_not_slow_the_reading(more):
    """A reply with further members before or after the data is still compared as bytes."""
    read = Reply(0, "Success", [OK] * len(ALIKE), all_accepted=True)
    assert _all_alike(alike().replace(b'"code"', more + b'"code"'), packed()) == read
    assert _all_alike(alike()[:-1] + b"," + more[:-1] + b"}", packed()) == read
    assert _all_alike(alike().replace(b'","status"', b'",' + more + b'"status"'), packed()) == read


@given(
    st.lists(st.tuples(st.integers(0, len(alike()) - 1), st.integers(0, 255)), min_size=1, max_size=3),
    st.sampled_from(["replace", "insert", "delete", "swap"]),
)
def test_no_slip_of_a_byte_is_taken_for_success(slips, how):
    """Whatever becomes of a reply's bytes on the way, both readings say the same of it."""
    raw = bytearray(alike())
    for place, byte in slips:
        at = min(place, len(raw) - 1)
        if how == "replace":
            raw[at] = byte
        elif how == "insert":
            raw.insert(at, byte)
        elif how == "delete":
            del raw[at]
        else:
            other = byte % len(raw)
            raw[at], raw[other] = raw[other], raw[at]
    assert outcome(bytes(raw), packed()) == outcome(bytes(raw), ALIKE)


def test_ids_of_one_length_are_a_sequence_of_texts():
    """They are used as any sequence of ids is: by place, by slice, one after the other."""
    ids = packed()
    assert (list(ids), ids[3], ids[-1], list(ids[2:4])) == (ALIKE, ALIKE[3], ALIKE[-1], ALIKE[2:4])
    with pytest.raises(IndexError):
        ids[len(ALIKE)]


@pytest.mark.parametrize(
    ("letters", "plain"), [("order-00017", True), ('a"b', False), ("a\\b", False), ("a b", False), ("ä", False)]
)
def test_only_ids_that_json_writes_as_they_are_may_be_compared_as_bytes(letters, plain):
    assert Ids.plain(np.frombuffer(letters.encode(), np.uint8)) is plain


@given(
    st.lists(st.sampled_from(["Success", "Failure", "Queued"]), min_size=1, max_size=4),
    st.sampled_from([None, "", "Insufficient balance", 7]),
    st.permutations(range(4)),
    st.booleans(),
)
def test_what_is_read_in_order_is_what_is_read_one_by_one(statuses, message, order, shuffled):
    """Success and refusals, with words, without, and with what is no text; in the order asked for or in another."""
    ids = [f"msg-{number:06d}" for number in range(len(statuses))]
    entries = [item(one, status, message=message) for one, status in zip(ids, statuses, strict=True)]
    if shuffled:
        entries = [entries[at] for at in order if at < len(entries)]
    raw = reply(entries)
    read = _in_order(raw, ids)
    assert read is None or read == _one_by_one(raw, ids)
    documented = "Queued" not in statuses and message != 7
    assert (read is not None) == (documented and [entry["messageid"] for entry in entries] == ids)
