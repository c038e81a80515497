"""The simulated gateway's record queries and balance."""

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.sandbox.talk import exchange, item, items, send

DAY = timedelta(days=1)


def ask(sandbox, path, **form):
    """Ask one of the queries; the keys are added unless given."""
    keys = {"appkey": sandbox.app_key, "secretkey": sandbox.app_secret}
    fields = {name: value for name, value in (keys | form).items() if value is not None}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, raw = exchange(sandbox, urlencode(fields).encode(), headers, path)
    assert status == 200
    return json.loads(raw)


def today(hours=8.0):
    return datetime.now(UTC) + timedelta(hours=hours)


def get(sandbox, messageid="message-000001", day=None, **form):
    return ask(sandbox, "/api/sms/get", date=(day or today()).strftime("%Y%m%d"), messageid=messageid, **form)


def page(sandbox, **form):
    fields = {"date": today().strftime("%Y%m%d"), "page_size": "10", "page": "1", "sort_type": "0"} | form
    return ask(sandbox, "/api/sms/getSmsCdr", **fields)


@pytest.fixture(name="noon")
def _noon():
    """A zone in which it is about noon, so that a test does not run across midnight."""
    now = datetime.now(UTC)
    return max(-12.0, min(14.0, 12.0 - now.hour))


@pytest.fixture(name="make")
def _make(make, noon, monkeypatch):
    """Make sandboxes whose records are of that zone, which `today` goes by."""
    monkeypatch.setattr(today, "__defaults__", (noon,))
    return lambda **settings: make(**{"record_utc_offset": noon} | settings)


def test_an_accepted_message_is_found_with_all_its_fields(make, noon):
    """The row has the documented fields, all of them text, and speaks of the message that was sent."""
    sandbox = make(delivery={}, record_utc_offset=noon)
    send(sandbox, [item(1, "Grüße, 牛小信", sourceAddress="ACME")])
    reply = get(sandbox, day=today(noon))
    row = reply["row"]
    assert reply["code"] == "0"
    assert all(isinstance(value, str) for value in row.values())
    assert set(row) == {
        *("billing_size", "date", "senderid", "phone", "dr_time", "billing_price", "msgid", "billing_status"),
        *("body", "dr_status", "dr", "network"),
    }
    expected = {
        "msgid": "message-000001",
        "phone": "8615000000001",
        "body": "Grüße, 牛小信",
        "senderid": "ACME",
        "billing_size": "1",
        "billing_status": "Billed",
        "dr": "DELIVRD",
        "dr_status": "Success",
    }
    assert {name: row[name] for name in expected} == expected
    sent_at = datetime.strptime(row["date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - timedelta(hours=noon)
    assert abs(sent_at.timestamp() - time.time()) < 600


@pytest.mark.parametrize(
    ("form", "expected"),
    [("empty", {"code": "0", "row": {}}), ("null", {"code": "0", "row": None}), ("missing", {"code": "0"})],
)
def test_an_unknown_message_is_not_found(make, form, expected):
    """What was refused or never sent has no row, in each form the setting gives."""
    sandbox = make(record_unknown=form)
    send(sandbox, [item(1, "")])
    assert get(sandbox) == get(sandbox, "message-000009") == expected


def test_a_record_stands_under_its_own_day_only(make, noon):
    """Days before and after it, which a careful client asks for too, do not have it."""
    sandbox = make(record_utc_offset=noon)
    send(sandbox, items(1, start=1))
    now = today(noon)
    assert [bool(get(sandbox, day=day)["row"]) for day in (now - DAY, now, now + DAY)] == [False, True, False]


def test_the_day_is_that_of_the_gateways_zone(make):
    """The same message stands under different days in zones a day apart."""
    sandbox = make()
    send(sandbox, items(1, start=1))
    for offset in (-12.0, 14.0):
        sandbox.record_utc_offset = offset
        assert get(sandbox, day=today(offset))["row"]
    assert today(-12.0).date() < today(14.0).date()


def test_records_take_time_to_appear(make):
    """Within the delay an accepted message is not found; afterwards it is."""
    sandbox = make(record_delay=1000.0)
    send(sandbox, items(1, start=1))
    assert get(sandbox)["row"] == {}
    assert page(sandbox)["info"]["total"] == 0
    sandbox.advance(1001)
    assert get(sandbox)["row"]["msgid"] == "message-000001"
    assert page(sandbox)["info"]["total"] == 1


def test_records_may_take_their_time_each_for_itself(make, noon):
    """Drawn from a range, they come into the midst of the list; each comes in the end."""
    sandbox = make(record_delay=(0.0, 1000.0), record_utc_offset=noon)
    day = today(noon).strftime("%Y%m%d")
    send(sandbox, items(50))

    def listed():
        return [row["msgid"] for row in page(sandbox, date=day, page_size="99")["info"]["rows"]]

    sandbox.advance(500)
    some = listed()
    assert 10 < len(some) < 40
    assert [messageid for messageid in some if get(sandbox, messageid, day=today(noon))["row"]] == some
    sandbox.advance(500)
    assert listed() == [one["sysMessageId"] for one in items(50)]
    assert some != listed()[: len(some)]


def test_delivery_is_known_when_the_receipt_is_due(make):
    """Until then dr, dr_status and dr_time are empty."""
    sandbox = make(delivery={5: 1.0}, delivery_delay=(500.0, 1000.0))
    send(sandbox, items(1, start=1))
    before = get(sandbox)["row"]
    assert [before[name] for name in ("dr", "dr_status", "dr_time")] == ["", "", ""]
    sandbox.advance(1000)
    after = get(sandbox)["row"]
    assert [after[name] for name in ("dr", "dr_status")] == ["UNDELIV", "Failed"]
    assert after["dr_time"] > after["date"]


@pytest.mark.parametrize(
    ("wording", "expected"),
    [
        ("en", {"Success", "Failed", "Billed"}),
        ("en-alt", {"Successful", "Failure", "Yes"}),
        ("zh", {"成功", "失败", "是"}),
    ],
)
def test_statuses_are_worded_as_set(make, wording, expected):
    """Both English forms and the Chinese one."""
    sandbox = make(delivery={5: 0.5}, record_wording=wording)
    send(sandbox, items(50))
    rows = page(sandbox, page_size="50")["info"]["rows"]
    assert {row[name] for row in rows for name in ("dr_status", "billing_status")} == expected


def test_networks_are_names_or_numbers(make):
    """The same network in either form."""
    sandbox = make()
    send(sandbox, items(1, start=1))
    name = get(sandbox)["row"]["network"]
    sandbox.record_network = "number"
    number = get(sandbox)["row"]["network"]
    assert name.startswith("China")
    assert number.isdigit()


def test_the_same_seed_has_the_same_records(make):
    """Delivery, network and price repeat from run to run, whatever the order of sending."""
    names = ("msgid", "dr", "network", "billing_price", "billing_size")

    def rows(sent):
        sandbox = make()
        for one in sent:
            send(sandbox, [one])
        found = page(sandbox, page_size="50")["info"]["rows"]
        return sorted([row[name] for name in names] for row in found)

    assert rows(items(50)) == rows(items(50)[::-1])
    assert len({row[1] for row in rows(items(50))}) > 1


@pytest.mark.parametrize("path", ["get", "getSmsCdr", "getSmsReport"])
@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"appkey": None}, "1"),
        ({"secretkey": None}, "1"),
        ({"appkey": "another"}, "2"),
        ({"secretkey": "another"}, "2"),
    ],
    ids=str,
)
def test_the_applications_own_keys_are_required(sandbox, path, keys, code):
    """A missing key is 1, a wrong one 2."""
    assert ask(sandbox, f"/api/sms/{path}", **keys) == {"code": code}


def test_the_accounts_access_keys_are_not_the_applications(sandbox):
    """AccessKey and accessSecret open no query."""
    assert get(sandbox, appkey=sandbox.access_key, secretkey=sandbox.access_secret) == {"code": "2"}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"date": None}, "1"),
        ({"date": "2024-01-01"}, "1"),
        ({"date": "yesterday"}, "1"),
        ({"date": "20240101"}, "3"),
        ({"messageid": None}, "1"),
        ({"messageid": ""}, "1"),
    ],
    ids=str,
)
def test_the_fields_of_a_query_are_checked(sandbox, form, code):
    """Missing or misshapen fields are 1, days before the last 31 are 3."""
    fields = {"date": today().strftime("%Y%m%d"), "messageid": "message-000001"}
    assert ask(sandbox, "/api/sms/get", **(fields | form)) == {"code": code}


def test_the_last_31_days_can_be_asked_for(sandbox):
    """31 days ago is kept, 33 days ago is not."""
    assert get(sandbox, day=today() - 31 * DAY)["code"] == "0"
    assert get(sandbox, day=today() - 33 * DAY) == {"code": "3"}


def test_pages_cover_a_day_without_gap_or_overlap(make, noon):
    """Pages of any size put together are the day's messages, in order or in reverse."""
    sandbox = make(record_utc_offset=noon)
    for start in range(0, 25, 5):
        send(sandbox, items(5, start))
    day = today(noon).strftime("%Y%m%d")
    expected = [one["sysMessageId"] for one in items(25)]
    for sort, wanted in (("0", expected), ("1", expected[::-1])):
        infos = [page(sandbox, date=day, page_size="10", page=str(n), sort_type=sort)["info"] for n in (1, 2, 3, 4)]
        assert [row["msgid"] for info in infos for row in info["rows"]] == wanted
        assert [len(info["rows"]) for info in infos] == [10, 10, 5, 0]
        assert {(info["total"], info["pageSize"]) for info in infos} == {(25, 10)}
        assert [info["page"] for info in infos] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"page_size": "999"}, "0"),
        ({"page_size": "1000"}, "3"),
        ({"page_size": "0"}, "3"),
        ({"page_size": "ten"}, "3"),
        ({"page_size": None}, "3"),
        ({"page": "0"}, "4"),
        ({"page": "-1"}, "4"),
        ({"page": None}, "4"),
        ({"sort_type": "2"}, "1"),
        ({"sort_type": None}, "0"),
        ({"date": "20240101"}, "1"),
    ],
    ids=str,
)
def test_page_and_size_are_checked(sandbox, form, code):
    """A page size of 1000 or more is 3, a page below 1 is 4."""
    assert page(sandbox, **form)["code"] == code


def test_the_report_adds_up(make, noon):
    """Counts, segments and fee of a range of days are those of its messages."""
    sandbox = make(delivery={5: 0.5}, record_utc_offset=noon)
    send(sandbox, [*items(40), item(99, "x" * 161)])
    rows = page(sandbox, date=today(noon).strftime("%Y%m%d"), page_size="50")["info"]["rows"]

    def report(first, last):
        days = {"start_date": first.strftime("%Y-%m-%d"), "end_date": last.strftime("%Y-%m-%d")}
        return ask(sandbox, "/api/sms/getSmsReport", **days)

    now = today(noon)
    (row,) = report(now - DAY, now)["row"]
    assert row["submit_size"] == "41"
    assert row["success_size"] == str(sum(one["dr"] == "DELIVRD" for one in rows))
    assert row["price_size"] == str(sum(int(one["billing_size"]) for one in rows)) == "42"
    fee = sum(float(one["billing_price"]) * int(one["billing_size"]) for one in rows)
    assert float(row["total_fee"]) == pytest.approx(fee)
    assert report(now - 2 * DAY, now - DAY)["row"][0]["submit_size"] == "0"
    assert report(now, now - DAY) == {"code": "1"}
    assert report(now - 40 * DAY, now) == {"code": "3"}


def test_asking_too_often_is_5(make):
    """Beyond the query limit the answer is 5, until time has gone by."""
    sandbox = make(query_limit=2.0)
    assert [get(sandbox)["code"] for _ in range(3)] == ["0", "0", "5"]
    sandbox.advance(1)
    assert get(sandbox)["code"] == "0"
    sandbox.query_limit = None
    assert {get(sandbox)["code"] for _ in range(5)} == {"0"}


def test_the_balance_is_money_as_text(make):
    """It falls by the price of each accepted message's segments; without a limit of messages it never refuses one."""
    sandbox = make()
    free = ask(sandbox, "/api/common/getBalance")
    assert free == {"code": "0", "balance": "3788.32", "credit_balance": "500"}
    send(sandbox, items(20))
    assert ask(sandbox, "/api/common/getBalance")["balance"] == "3788.19"
    send(sandbox, [item(50, "x" * 161), item(51, "")])
    assert ask(sandbox, "/api/common/getBalance")["balance"] == "3788.177"
    rows = page(sandbox, page_size="50")["info"]["rows"]
    spent = sum(float(row["billing_price"]) * int(row["billing_size"]) for row in rows)
    assert 3788.32 - spent == pytest.approx(3788.177)
    sandbox.reset()
    assert ask(sandbox, "/api/common/getBalance") == free
    sandbox.balance = 100
    before = ask(sandbox, "/api/common/getBalance")["balance"]
    send(sandbox, items(20))
    assert (before, ask(sandbox, "/api/common/getBalance")["balance"]) == ("5.00", "4.00")


def test_the_balance_is_what_the_records_leave_of_it(make, noon):
    """Asked again and again, the balance lacks just what the records bill: every country, alphabet and length, sent twice too."""
    sandbox = make(record_utc_offset=noon)
    phones = ["15550100001", "8615000000001", "919800000001", "6281200000001", "60123456789", "447700900001"]
    phones += ["971500000001", "4915100000001", "9981200000001", "6512345678"]
    texts = ["Hi", "x" * 160, "x" * 161, "€" * 80, "€" * 81, "牛" * 70, "牛" * 71, "😀" * 36, "x" * 154, "{" * 77, ""]
    pairs = [(phone, text) for text in texts for phone in phones]
    sent = [item(number, text, phone=phone) for number, (phone, text) in enumerate(pairs)]
    for some in (sent[:7], [sent[-1]], sent[7:60], sent[60:], sent[:20]):
        send(sandbox, some)
        rows = page(sandbox, date=today(noon).strftime("%Y%m%d"), page_size="999")["info"]["rows"]
        billed = sum(round(float(row["billing_price"]) * 10_000) * int(row["billing_size"]) for row in rows)
        left = float(ask(sandbox, "/api/common/getBalance")["balance"])
        assert len(rows) == len(sandbox.ledger)
        assert round(left * 10_000) == 37_883_200 - billed


def test_queries_are_forms_and_leave_no_trace_in_requests(sandbox):
    """JSON is not accepted, and only batch sends are counted."""
    assert exchange(sandbox, b"{}", {"Content-Type": "application/json"}, "/api/sms/get")[0] == 415
    get(sandbox)
    assert sandbox.requests.empty
