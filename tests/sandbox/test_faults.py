"""What can go wrong on the way to the simulated gateway and back, and what is left of it in its ledger."""

import contextlib
import http.client
import json
import socket
import threading

import pytest

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import Sandbox
from tests.sandbox.talk import encoded, exchange, item, items, outcomes, refused, send, signed

BROKEN = ("close", "reset", "short_body", "cut_chunks", "garbage")


def raw_reply(sandbox, count=3):
    body = encoded(sandbox, items(count))
    return exchange(sandbox, body, signed(sandbox, body))


@pytest.mark.parametrize("when", ["unread", "before", "after"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_exchange_has_an_effect_or_none_as_its_kind_says(make, kind, when):
    """The client gets no reply either way; only the ledger knows whether the messages were sent."""
    sandbox = make(faults=[f"{kind}_{when}"])
    with pytest.raises((http.client.HTTPException, OSError)):
        raw_reply(sandbox)
    assert len(sandbox.ledger) == (3 if when == "after" else 0)
    assert raw_reply(sandbox)[0] == 200
    assert sandbox.requests["fault"].fillna("none").tolist() == [f"{kind}_{when}", "none"]


def test_lost_is_a_connection_closed_after_the_effect(make):
    """The word lost is short for close_after."""
    sandbox = make(faults=["lost"])
    with pytest.raises(http.client.RemoteDisconnected):
        raw_reply(sandbox)
    assert len(sandbox.ledger) == 3
    assert sandbox.requests["fault"].tolist() == ["close_after"]


def test_a_reset_is_a_reset_and_a_close_is_none(make):
    """Reset sends RST, close sends FIN."""
    sandbox = make(faults=["reset_before", "close_before"])
    with pytest.raises(ConnectionResetError):
        raw_reply(sandbox)
    with pytest.raises(http.client.RemoteDisconnected):
        raw_reply(sandbox)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reply_cut_without_a_length_reads_as_complete(make, when):
    """cut_plain is a 200 whose body just ends: only its content tells."""
    sandbox = make(faults=[f"cut_plain_{when}"])
    status, _, raw = raw_reply(sandbox)
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(raw)
    assert len(sandbox.ledger) == (3 if when == "after" else 0)


@pytest.mark.parametrize("kind", ["html", "broken_json", "empty"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_200_can_be_nonsense(make, kind, when):
    """A whole reply with status 200 that is not JSON."""
    sandbox = make(faults=[f"{kind}_{when}"])
    status, _, raw = raw_reply(sandbox)
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(raw)
    assert len(sandbox.ledger) == (3 if when == "after" else 0)


@pytest.mark.parametrize("status", [307, 308, 413, 429, 500, 502, 503])
@pytest.mark.parametrize("when", ["unread", "before", "after"])
def test_any_http_status_can_be_answered(make, status, when):
    """With or without an effect; a redirect leads back to where following it would send again."""
    sandbox = make(faults=[f"http_{status}_{when}"])
    got, headers, _ = raw_reply(sandbox)
    assert got == status
    assert (headers["Location"] == "/v1/sms/multi/mt") == (300 <= status < 400)
    assert (headers["Retry-After"] == "1") == (status == 429)
    assert len(sandbox.ledger) == (3 if when == "after" else 0)


def connected(sandbox):
    """A connection on which three items have been sent."""
    body = encoded(sandbox, items(3))
    headers = signed(sandbox, body) | {"Host": "127.0.0.1", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=30)
    connection.sendall(f"POST /v1/sms/multi/mt HTTP/1.1\r\n{head}\r\n".encode() + body)
    return connection


def test_unread_answers_before_the_body_has_come(make):
    """An early 413 reaches a client that has sent nothing but its header."""
    sandbox = make(faults=["http_413_unread"])
    head = "POST /v1/sms/multi/mt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize("when", ["unread", "before", "after"])
def test_a_header_can_end_halfway(make, when):
    """half_header stops within the second line; http.client, which would take that for a reply, is not asked."""
    sandbox = make(faults=[f"half_header_{when}"])
    with connected(sandbox) as connection:
        got = b"".join(iter(lambda: connection.recv(1024), b""))
    assert got == b"HTTP/1.1 200 OK\r\nContent-Type:"
    assert len(sandbox.ledger) == (3 if when == "after" else 0)


@pytest.mark.parametrize("kind", ["mute", "drip"])
@pytest.mark.parametrize("when", ["unread", "before", "after"])
def test_a_reply_may_never_come_or_never_end(make, kind, when):
    """The connection stays open; the gateway closes in spite of it, and nothing more is said then."""
    sandbox = make(faults=[f"{kind}_{when}"])
    with connected(sandbox) as connection:
        assert sandbox.wait_for(requests=1, effects=3 if when == "after" else 0)
        if kind == "drip":
            assert connection.recv(12) == b"HTTP/1.1 200"
        closing = threading.Thread(target=sandbox.close)
        closing.start()
        rest = b""
        with contextlib.suppress(ConnectionResetError):
            rest = b"".join(iter(lambda: connection.recv(1024), b""))
        closing.join()
    assert rest.startswith(b" OK") if kind == "drip" else rest == b""
    assert len(sandbox.ledger) == (3 if when == "after" else 0)


@pytest.mark.parametrize("code", [9000, 1004, 13008, 1102, -1, 777])
def test_a_code_can_refuse_without_effect(make, code):
    """A code in the script refuses the request as a whole; nothing of it is accepted."""
    sandbox = make(faults=[code])
    reply = send(sandbox, items(3))
    assert (reply["code"], reply["data"]) == (code, None)
    assert sandbox.ledger.empty
    assert sandbox.requests["code"].tolist() == [code]


def test_a_code_can_lie_about_its_effect(make):
    """-1_after says failure although the messages were sent."""
    sandbox = make(faults=["-1_after"])
    assert send(sandbox, items(3)) == refused(-1)
    assert len(sandbox.ledger) == 3


def test_a_refusal_can_carry_data(make):
    """9000_with_data says 9000 and tells of each item what became of it."""
    sandbox = make(faults=["9000_with_data"])
    reply = send(sandbox, [item(1), item(2, "")])
    assert reply["code"] == 9000
    assert list(outcomes(reply).values()) == [0, 13009]
    assert len(sandbox.ledger) == 1


def entries(sandbox, faults):
    sandbox.faults = faults
    sent = [item(1), item(2), item(3), item(4, "")]
    reply = send(sandbox, sent)
    return reply["data"] if reply["code"] == 0 else pytest.fail(str(reply))


def by_id(data):
    return sorted(data, key=lambda one: (one["messageid"], one["status"], one.get("message", "")))


@pytest.mark.parametrize("fault", ["reordered", "missing", "alien", "renamed", "repeated", "contradicting"])
def test_the_data_of_a_reply_can_be_spoiled(make, fault):
    """Each fault does to the data what its name says, and the messages are accepted all the same."""
    sandbox = make(hourly_limit=None)
    honest, spoiled = entries(sandbox, None), entries(sandbox, [fault])
    ids = [[one["messageid"] for one in data] for data in (honest, spoiled)]
    extra = [one for one in spoiled if one not in honest]
    assert spoiled != honest
    if fault == "reordered":
        assert by_id(spoiled) == by_id(honest)
    elif fault == "missing":
        assert len(spoiled) == 3
        assert not extra
    elif fault == "alien":
        assert [one for one in spoiled if one in honest] == honest
        assert [one["messageid"] for one in extra] == ["alien-0123456789"]
    elif fault == "renamed":
        assert len(set(ids[0]) - set(ids[1])) == 1
        assert len(spoiled) == len(honest)
    else:
        assert len(spoiled) == len(honest) + 1
        assert len(set(ids[1])) == len(honest)
        assert bool(extra) == (fault == "contradicting")
    assert (sandbox.effects() == 2).all()


def test_an_item_can_have_a_status_or_text_nobody_knows(make):
    """odd_status and unknown_text keep the item and change its words."""
    sandbox = make(hourly_limit=None)
    assert {one["status"] for one in entries(sandbox, ["odd_status"])} == {"Success", "Failure", "Submitted"}
    sandbox.faults = ["unknown_text"]
    assert send(sandbox, [item(4, "")])["data"][0]["message"] == "Rejected by upstream (E-77)"


def test_success_can_come_without_data(make):
    """no_data is code 0 with null."""
    sandbox = make(faults=["no_data"])
    assert send(sandbox, items(2)) == {"code": 0, "message": "Success", "data": None}
    assert len(sandbox.ledger) == 2


def test_a_script_runs_once_and_begins_again_when_assigned(make):
    """Faults of a sequence meet requests in order of arrival, then all goes well; the same list again starts over."""
    script = ["ok", 9000, "ok"]
    sandbox = make(faults=script, hourly_limit=None)

    def codes_of(count):
        return [send(sandbox, items(1))["code"] for _ in range(count)]

    assert codes_of(5) == [0, 9000, 0, 0, 0]
    sandbox.faults = script
    assert codes_of(2) == [0, 9000]
    sandbox.tps = 1000
    assert codes_of(3) == [0, 0, 0]
    sandbox.reset()
    assert codes_of(2) == [0, 9000]


def test_shares_draw_from_the_body_and_not_from_arrival(make):
    """With shares the same body meets the same fault in any order; repeated, it is drawn anew."""
    starts = range(0, 4000, 20)

    def met(order):
        sandbox = make(faults={9000: 0.3, 1102: 0.2}, hourly_limit=None)
        return {start: send(sandbox, items(20, start))["code"] for start in order}, sandbox

    (first, sandbox), (second, _) = met(starts), met(reversed(starts))
    assert first == second
    counted = [list(first.values()).count(code) / len(first) for code in (9000, 1102)]
    # Four standard deviations of a share of 200.
    assert abs(counted[0] - 0.3) < 0.13
    assert abs(counted[1] - 0.2) < 0.12
    refused_once = [start for start, code in first.items() if code]
    assert 0 in {send(sandbox, items(20, start))["code"] for start in refused_once}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (["explode"], "'explode' is not a fault"),
        (["close"], "'close' is not a fault"),
        (["http_99_after"], "'http_99_after'"),
        ([True], "True is not a fault"),
        ({"lost": 1.5}, "1.5"),
        ({"lost": True}, "True"),
        ({"lost": 0.6, "missing": 0.6}, "1.200"),
        ("lost", "faults='lost'"),
        (17, "faults=17"),
    ],
    ids=str,
)
def test_a_fault_that_does_not_exist_is_refused(sandbox, faults, words):
    """Both at the start and later; the faults in force stay."""
    with pytest.raises(ConfigError) as at_start:
        Sandbox(faults=faults)
    assert words in str(at_start.value)
    sandbox.faults = [9000]
    with pytest.raises(ConfigError):
        sandbox.faults = faults
    assert send(sandbox, items(1)) == refused(9000)
