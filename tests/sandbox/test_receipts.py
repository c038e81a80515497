"""The delivery receipts that the simulated gateway pushes, and what becomes of a message."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pandas as pd
import pytest

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import Sandbox
from nxsms_nb.sandbox.delivery import RESULTS, size
from tests.sandbox.talk import item, items, send


@pytest.fixture(name="receiver")
def _receiver():
    """A receiver of receipts: .url, .got (path, query fields, body fields), .says."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            path = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            server.got.append((path.path, dict(parse_qsl(path.query)), dict(parse_qsl(body))))
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(server.says)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        # More than are pushed at once, so that no connection has to be tried again.
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Receiver)
    server.got, server.status, server.says = [], 200, b"success"
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_receipt_is_pushed_once_with_the_documented_fields(make, receiver):
    """The fields come as a form, the pass-through field as it was sent."""
    sandbox = make(delivery={})
    send(sandbox, [item(1, "Hi", drUrl=receiver.url + "/dr", ext="order 17")])
    assert sandbox.wait_for(receipts=1)
    ((path, query, body),) = receiver.got
    assert (path, query) == ("/dr", {})
    assert set(body) == {
        *("phone", "status", "result", "drtime", "sendtime", "messageid", "currency", "price", "rate", "size", "ext"),
    }
    expected = {"phone": "8615000000001", "status": "2", "result": "DELIVRD", "messageid": "message-000001"}
    assert expected.items() <= body.items()
    assert (body["size"], body["ext"]) == ("1", "order 17")
    pd.to_datetime([body["drtime"], body["sendtime"]], format="%Y-%m-%d %H:%M:%S")
    assert sandbox.receipts.to_dict("records") == [
        {
            "messageid": "message-000001",
            "phone": "8615000000001",
            "result": "DELIVRD",
            "url": receiver.url + "/dr",
            "answer": "success",
        }
    ]


def test_older_customers_get_the_fields_in_the_query_string(make, receiver):
    """receipts_in="query" moves them there, and the pass-through field is absent where none was sent."""
    sandbox = make(receipts_in="query")
    send(sandbox, [item(1, drUrl=receiver.url)])
    assert sandbox.wait_for(receipts=1)
    ((_, query, body),) = receiver.got
    assert not body
    assert query["messageid"] == "message-000001"
    assert "ext" not in query


def test_the_messages_own_address_wins_over_the_applications(make, receiver):
    """Receipts go to the item's drUrl where it has one, else to the application's."""
    sandbox = make(dr_url=receiver.url + "/app")
    send(sandbox, [item(1), item(2, drUrl=receiver.url + "/own"), item(3, "")])
    assert sandbox.wait_for(receipts=2)
    assert sorted((path, body["messageid"]) for path, _, body in receiver.got) == [
        ("/app", "message-000001"),
        ("/own", "message-000002"),
    ]


def test_receipts_wait_until_they_are_due(make, receiver):
    """Nothing is pushed before the delay is over."""
    sandbox = make(dr_url=receiver.url, delivery_delay=1000.0)
    send(sandbox, items(30))
    assert len(sandbox.receipts) == 30
    assert sandbox.receipts["answer"].isna().all()
    assert not receiver.got
    sandbox.advance(1000)
    assert sandbox.wait_for(receipts=30)
    assert len(receiver.got) == len({body["messageid"] for _, _, body in receiver.got}) == 30


def test_whatever_the_receiver_answers_nothing_is_pushed_again(make, receiver):
    """An error, another status and a dead address are noted, and that is that."""
    sandbox = make()
    receiver.says = b"error"
    send(sandbox, [item(1, drUrl=receiver.url)])
    assert sandbox.wait_for(receipts=1)
    receiver.status = 500
    send(sandbox, [item(2, drUrl=receiver.url)])
    send(sandbox, [item(3, drUrl="http://127.0.0.1:1/")])
    assert sandbox.wait_for(receipts=3)
    answers = sandbox.receipts.set_index("messageid")["answer"]
    assert answers.tolist() == ["error", "HTTP 500", "ClientConnectorError"]
    assert len(receiver.got) == 2


def test_nothing_is_pushed_to_another_machine(make):
    """A drUrl elsewhere is not called; the receipt says why."""
    sandbox = make()
    send(sandbox, [item(1, drUrl="http://192.0.2.1/dr"), item(2, drUrl="https://example.org/dr")])
    assert sandbox.wait_for(receipts=2)
    assert set(sandbox.receipts["answer"]) == {"not pushed: the address is not on this machine"}


def test_reset_and_close_end_what_is_due(make, receiver):
    """After a reset there are no receipts; a gateway that closes pushes no more."""
    sandbox = make(dr_url=receiver.url, delivery_delay=1000.0)
    send(sandbox, items(3))
    sandbox.reset()
    assert sandbox.receipts.empty
    sandbox.advance(1000)
    send(sandbox, items(3, start=10))
    sandbox.close()
    assert not receiver.got


def test_delivery_has_the_shares_that_were_set(make):
    """Outcomes come in their shares, the rest is delivered."""
    sandbox = make(delivery={5: 0.3, 9: 0.2}, dr_url="http://192.0.2.1/")
    for start in range(0, 2000, 200):
        send(sandbox, items(200, start))
    shares = sandbox.receipts["result"].value_counts(normalize=True)
    # Five standard deviations of a share of 2,000.
    for result, share in {"UNDELIV": 0.3, "DND": 0.2, "DELIVRD": 0.5}.items():
        assert abs(shares[result] - share) < 0.056


def by_country(n=200):
    """Items to numbers of India, China and Great Britain in turn."""
    return [
        item(number) | {"phone": f"{code}{7_000_000_000 + number}"}
        for number in range(n)
        for code in ("91", "86", "44")
    ]


def records_row(sandbox, messageid):
    """What the record query shows of a message."""
    service = sandbox._service
    message = service.ledger.accepted(service.ledger.positions(messageid)[0])
    return service.records._row(message, service.tick())


def sent_to(found, code):
    return found[found["phone"].str.startswith(code)]


def test_delivery_differs_by_country_and_network(make):
    """A place's own mix holds instead of the general one; a network's within its country."""
    delivery = {5: 1.0, "IN": {7: 1.0, "network": {"Jio": {}}}, "+44": {"network": {"EE": {9: 1.0}}}}
    sandbox = make(delivery=delivery, dr_url="http://192.0.2.1/", hourly_limit=None)
    many = by_country()
    for start in range(0, len(many), 200):
        send(
            sandbox,
            [one | {"sysMessageId": f"message-{start + n:06d}"} for n, one in enumerate(many[start : start + 200])],
        )
    found = sandbox.receipts
    assert set(sent_to(found, "86")["result"]) == {"UNDELIV"}
    assert set(sent_to(found, "91")["result"]) == {"EXPIRED", "DELIVRD"}
    assert set(sent_to(found, "44")["result"]) == {"UNDELIV", "DND"}


def test_delays_differ_by_country_and_network(make, receiver):
    """Those of all others stand under None."""
    sandbox = make(dr_url=receiver.url, delivery_delay={"IN": (1000.0, 1500.0), "network": {"EE": 5000.0}, None: 0.0})
    many = by_country(20)
    send(sandbox, [one | {"sysMessageId": f"message-{n:06d}"} for n, one in enumerate(many)])
    networks = [records_row(sandbox, messageid)["network"] for messageid in sandbox.receipts["messageid"]]
    on_ee = networks.count("EE")
    assert sandbox.wait_for(receipts=40 - on_ee)
    assert sandbox.receipts["answer"].isna().sum() == 20 + on_ee
    sandbox.advance(1500)
    assert sandbox.wait_for(receipts=60 - on_ee)
    late = sandbox.receipts["answer"].isna()
    assert late.to_list() == [network == "EE" for network in networks]
    sandbox.advance(3500)
    assert sandbox.wait_for(receipts=60)


def test_lost_receipts_are_not_pushed_and_the_record_has_them(make, receiver):
    """By country and network; what is pushed and what is recorded is the same outcome."""
    sandbox = make(dr_url=receiver.url, receipts_lost={"IN": 1.0, None: 0.5}, delivery={5: 0.5})
    many = by_country(30)
    send(sandbox, [one | {"sysMessageId": f"message-{n:06d}"} for n, one in enumerate(many)])
    assert sandbox.wait_for(receipts=90)
    found = sandbox.receipts
    lost = found["answer"] == "not pushed: lost, as receipts_lost says"
    assert lost[found["phone"].str.startswith("91")].all()
    assert 10 < lost[~found["phone"].str.startswith("91")].sum() < 50
    pushed = {body["messageid"]: body["result"] for _, _, body in receiver.got}
    assert pushed == dict(zip(found["messageid"][~lost], found["result"][~lost], strict=True))
    for messageid, result in zip(found["messageid"], found["result"], strict=True):
        assert records_row(sandbox, messageid)["dr"] == result


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("delivery", {"IN": {4: 0.1}}, "2, 5, 6"),
        ("delivery", {"IN": 0.5}, "not a mapping"),
        ("delivery", {"Narnia": {5: 0.1}}, "neither a calling code"),
        ("delivery", {"network": 5}, "by network"),
        ("delivery", {"network": {"Jio": {5: 2.0}}}, "2.000"),
        ("delivery_delay", {"IN": -1}, "seconds"),
        ("delivery_delay", {None: "soon"}, "seconds"),
        ("receipts_lost", 1.5, "share"),
        ("receipts_lost", {"IN": {"network": {"Jio": True}}}, "share"),
        ("record_delay", (5, 1), "seconds"),
    ],
    ids=str,
)
def test_settings_by_place_that_are_not_usable_are_refused(setting, value, words):
    """The message names the setting and says what is wrong with it."""
    with pytest.raises(ConfigError, match=f"{setting}=") as refused:
        Sandbox(**{setting: value})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("delivery", "words"),
    [({4: 0.1}, "2, 5, 6"), ({5: -0.1}, "share"), ({5: 0.7, 7: 0.7}, "1.400"), ([5], "mapping"), ({5: True}, "share")],
    ids=str,
)
def test_a_delivery_mix_that_is_not_usable_is_refused(delivery, words):
    """The message says what is wrong with it."""
    with pytest.raises(ConfigError, match="delivery=") as refused:
        Sandbox(delivery=delivery)
    assert words in str(refused.value)


def test_every_documented_result_can_be_had(make):
    """Each status of the vendor's table, by its number."""
    for status, result in RESULTS.items():
        sandbox = make(delivery={status: 1.0}, dr_url="http://192.0.2.1/")
        send(sandbox, items(1))
        assert sandbox.receipts["result"].tolist() == [result]


@pytest.mark.parametrize(
    ("content", "phone", "segments"),
    [
        ("x", "86", 1),
        ("x" * 160, "86", 1),
        ("x" * 161, "86", 2),
        ("x" * 308, "86", 2),
        ("x" * 309, "86", 3),
        ("€" * 80, "86", 1),
        ("€" * 81, "86", 2),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ" * 4, "86", 1),
        ("牛" * 70, "86", 1),
        ("牛" * 71, "86", 2),
        ("牛" * 134, "86", 2),
        ("牛" * 135, "86", 3),
        ("😀" * 35, "86", 1),
        ("😀" * 36, "86", 2),
        ("x" * 153, "60", 1),
        ("x" * 154, "60", 2),
        ("牛" * 63, "60", 1),
        ("牛" * 64, "60", 2),
        ("ç" * 70, "86", 1),
        ("ç" * 71, "86", 2),
    ],
)
def test_segments_are_counted_by_the_vendors_rules(content, phone, segments):
    """GSM 03.38 characters, its extension table, UCS-2 and Malaysia's seven characters."""
    assert size(content, phone + "15088888888") == segments
