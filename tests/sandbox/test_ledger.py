"""What the simulated gateway remembers."""

import pandas as pd

from nxsms_nb.sandbox.ledger import Ledger
from tests.sandbox.talk import item, items, outcomes, send


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


def test_an_effect_has_the_time_of_its_request():
    """Each position has the text of its own message and the time of the request that brought it, next to requests that had none."""
    ledger = Ledger()
    for request, size in enumerate([0, 3, 0, 0, 1, 2, 0]):
        names = [f"{request}-{number}" for number in range(size)]
        texts = {"messageids": names, "phones": names, "contents": names, "sources": [None] * size}
        ledger.accept(ledger.arrive(0.0), 10.0 + request, 20.0 + request, **texts)
    found = [ledger.accepted(position) for position in range(len(ledger))]
    expected = ["1-0", "1-1", "1-2", "4-0", "5-0", "5-1"]
    assert [effect.messageid for effect in found] == expected
    assert [(effect.at, effect.tick) for effect in found] == [
        (10.0 + int(name[0]), 20.0 + int(name[0])) for name in expected
    ]
    assert ledger.texts_since(4) == (expected[4:], expected[4:])


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
