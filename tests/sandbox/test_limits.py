"""The simulated gateway's limits."""

import pytest

from tests.sandbox.talk import item, items, outcomes, refused, send


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
