"""Receipts on the wire: pushes in both forms, rows of the record query, and every form of word and number the vendor uses."""

from urllib.parse import urlencode

import pytest

from nxsms_nb.wire.receipts import NotAReceipt, Receipt, from_push, from_record, phone_of, root, status_of

PUSH = {
    "phone": "8615088888888",
    "status": "2",
    "result": "DELIVRD",
    "drtime": "2026-03-03 14:02:11",
    "sendtime": "2026-03-03 14:02:09",
    "messageid": "message-000001",
    "currency": "USD",
    "price": "0.0065",
    "rate": "7.1",
    "size": "2",
    "ext": "order 17",
}
READ = Receipt("message-000001", "DELIVRD", 2, "2026-03-03 14:02:11", 0.0065, "USD", 2, None)
RECORD = {
    "billing_size": "2",
    "date": "2026-03-03 14:02:09",
    "senderid": "ACME",
    "phone": "8615088888888",
    "dr_time": "2026-03-03 14:02:11",
    "billing_price": "0.0065",
    "msgid": "message-000001",
    "billing_status": "Billed",
    "body": "Hi",
    "dr_status": "Success",
    "dr": "DELIVRD",
    "network": "46000",
}


def form(**changed):
    return urlencode({name: value for name, value in (PUSH | changed).items() if value is not None})


def test_a_push_is_read_from_the_body_and_from_the_query_string():
    """Both say the same; neither the number nor the pass-through field is part of it."""
    assert from_push("", form().encode()) == from_push(form(), b"") == READ
    assert not any("88888888" in str(value) or "order 17" in str(value) for value in READ)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"result": None}, {"dr": "DELIVRD", "dr_status": 2}),
        ({"status": None}, {"dr": "DELIVRD", "dr_status": 2}),
        ({"status": "", "result": "EXPIRED"}, {"dr": "EXPIRED", "dr_status": 7}),
        ({"status": "5.0", "result": "undeliv"}, {"dr": "undeliv", "dr_status": 5}),
        ({"status": "99", "result": "ENROUTE"}, {"dr": "ENROUTE", "dr_status": 99}),
        ({"status": None, "result": "ENROUTE"}, {"dr": "ENROUTE", "dr_status": None}),
        ({"status": "-1", "result": "成功"}, {"dr": "成功", "dr_status": 2}),
        ({"status": "11", "result": None}, {"dr": "wrong source address", "dr_status": 11}),
        ({"drtime": None}, {"dr_time": None}),
        ({"drtime": "0000-00-00 00:00:00"}, {"dr_time": None}),
        ({"drtime": "2026-3-3 4:02:11"}, {"dr_time": "2026-03-03 04:02:11"}),
        ({"drtime": "2026/03/03 14:02:11"}, {"dr_time": "2026-03-03 14:02:11"}),
        ({"drtime": "20260303140211"}, {"dr_time": "2026-03-03 14:02:11"}),
        ({"drtime": "2026-03-03T06:02:11.250Z"}, {"dr_time": "2026-03-03 06:02:11+00:00"}),
        ({"drtime": "8615088888888"}, {"dr_time": None}),
        ({"price": "0"}, {"price": 0.0}),
        ({"price": "6.5E-3"}, {"price": 0.0065}),
        ({"price": "free"}, {"price": None}),
        ({"price": "nan"}, {"price": None}),
        ({"price": "1e99"}, {"price": None}),
        ({"price": "-1"}, {"price": None}),
        ({"size": "1.0"}, {"segments": 1}),
        ({"size": "1.5"}, {"segments": None}),
        ({"size": "９"}, {"segments": None}),
        ({"size": None, "price": None, "currency": None}, {"segments": None, "price": None, "currency": None}),
        ({"currency": "cny"}, {"currency": "CNY"}),
        ({"currency": "1"}, {"currency": None}),
        ({"messageid": " message-000001 "}, {}),
        ({"messageid": "msg001"}, {"messageid": "msg001"}),
        ({"result": "to 8615088888888\x1b[31m" + "x" * 90}, {"dr": "to 861••••••••88[31m" + "x" * 19 + "…"}),
    ],
    ids=str,
)
def test_what_a_push_may_lack_or_spell_otherwise(changed, expected):
    """Numbers as text, fields that are missing, times in other spellings; nothing that looks like a number of somebody's."""
    assert from_push("", form(**changed).encode()) == READ._replace(**expected)


@pytest.mark.parametrize(
    ("query", "body", "why"),
    [
        ("", b"", "no messageid"),
        ("", form(messageid=None).encode(), "no messageid"),
        ("", form(messageid="").encode(), "no messageid"),
        ("", form(messageid="x" * 101).encode(), "no messageid"),
        ("", form(messageid="Robert'); DROP TABLE receipt").encode(), "no messageid"),
        ("", form(status=None, result=None).encode(), "no status"),
        ("", form(status="two", result=" ").encode(), "no status"),
        ("", b"\xff\xfe\x00", "not a form"),
        ("", b"&".join(b"a%d=1" % n for n in range(100)), "not a form"),
        ("", b'{"messageid": "message-000001", "status": 2}', "no messageid"),
        ("", b"<xml/>", "no messageid"),
    ],
)
def test_what_says_nothing_of_a_message_is_no_receipt(query, body, why):
    """The reason is a few words, which are counted."""
    with pytest.raises(NotAReceipt) as refused:
        from_push(query, body)
    assert str(refused.value) == why


def test_a_row_of_the_record_query_is_read():
    """The network is in records alone, the currency in pushes alone."""
    assert from_record(RECORD) == READ._replace(currency=None, network="46000")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"dr": "", "dr_status": "成功"}, ("成功", 2)),
        ({"dr": None, "dr_status": "Successful"}, ("Successful", 2)),
        ({"dr": "", "dr_status": 2}, ("2", 2)),
        ({"dr": "null", "dr_status": "成功"}, ("成功", 2)),
        ({"dr": "-", "dr_status": "None"}, (None, None)),
        ({"dr": "UNDELIV", "dr_status": "Failed"}, ("UNDELIV", 5)),
        ({"dr": "", "dr_status": "失败"}, ("失败", 5)),
        ({"dr": "000", "dr_status": "Success"}, ("000", 2)),
        ({"dr": "ENROUTE", "dr_status": "Success"}, ("ENROUTE", 2)),
        ({"dr": "", "dr_status": ""}, (None, None)),
        ({"dr": None, "dr_status": None}, (None, None)),
        ({"dr": "Wrong  Destination address"}, ("Wrong Destination address", 10)),
        ({"dr": ["DELIVRD"], "dr_status": True}, (None, None)),
    ],
    ids=str,
)
def test_the_words_of_a_record(changed, expected):
    """English and Chinese, in either field; none before there is a receipt."""
    receipt = from_record(RECORD | changed)
    assert (receipt.dr, receipt.dr_status) == expected


@pytest.mark.parametrize("row", [{}, {"msgid": None}, {"msgid": ["message-000001"]}, {"msgid": ""}], ids=str)
def test_a_record_without_an_id_is_none(row):
    """Whatever else stands in it."""
    assert from_record(RECORD | {"msgid": None} | row) is None


def test_every_number_has_its_word():
    """The vendor's table, both ways."""
    words = ["DELIVRD", "UNDELIV", "REJECTD", "EXPIRED", "DELETED", "DND", "wrong destination address"]
    assert [status_of(word) for word in words] == [2, 5, 6, 7, 8, 9, 10]
    assert [status_of(word) for word in ("wrong source address", "UNKNOWN")] == [11, 12]


def test_the_id_in_front_of_ten_digits():
    """Of a bulk send; a retry's ordinal is no such suffix."""
    assert [root(one) for one in ("a-0123456789", "a-1", "a-01234567890", "-0123456789", "a")] == [
        "a",
        None,
        None,
        None,
        None,
    ]


def test_a_number_that_a_record_masks_is_not_read():
    """Only whole numbers can be compared."""
    assert [phone_of({"phone": one}) for one in ("+86 150-8888-8888", "0086150", "861****88", None, 8615088888888)] == [
        *("8615088888888", "86150", "", "", "8615088888888"),
    ]
