"""Record queries that break: what is in doubt stays so, and the run goes on."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from nxsms_nb import errors
from tests.support.faultgateway import APP_SECRET, FaultGateway, records
from tests.support.faults import DOUBTS
from tests.support.ledgercheck import check, check_recorded, client_of, people, sent

LOST = next(fault.act for fault in DOUBTS if fault.name == "whole body read, then FIN, accepted")
"""Accepted, and nobody is told."""


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway:
        yield gateway


@pytest.fixture(name="journal")
def _journal(tmp_path):
    return tmp_path / "journal.sqlite3"


def _queries(**answers):
    async def act(it):
        form = await it.form()
        day = (datetime.strptime(form["date"], "%Y%m%d").replace(tzinfo=UTC) - datetime.now(UTC)).days + 1
        answer = answers.get({1: "tomorrow", -1: "yesterday"}.get(day, "today"), answers["other"])
        if answer == "records":
            await records(it, form)
        else:
            await it.http(*answer)

    return act


BROKEN_QUERIES = {
    "HTTP 502": {"other": (502, b"{}")},
    "no JSON": {"other": (200, b"<html>")},
    "no text": {"other": (200, b'{"code":"\xff"}')},
    "lists in lists": {"other": (200, b"[" * 9_000 + b"]" * 9_000)},
    "no object": {"other": (200, b'["0"]')},
    "keys refused": {"other": (200, b'{"code":"2"}')},
    "every day out of reach": {"other": (200, b'{"code":"3"}')},
    "an unknown code": {"other": (200, b'{"code":"77","row":{}}')},
    "a record of another message": {"other": (200, b'{"code":"0","row":{"msgid":"alien-00001"}}')},
    "the same page for ever": {"other": (200, b'{"code":"0","info":{"total":5000,"rows":[{"msgid":"alien-00001"}]}}')},
}


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
@pytest.mark.parametrize("answers", BROKEN_QUERIES.values(), ids=BROKEN_QUERIES)
def test_a_query_that_breaks_leaves_the_doubt_and_keeps_nobody_waiting(gateway, journal, answers, few):
    """What cannot be asked stays Unknown; what is unsent is sent."""
    frame, client = people(100), client_of(gateway.url, app_secret=APP_SECRET)
    gateway.strike(LOST, first=1, times=3)
    out, stopped = sent(frame, client, journal, concurrency=1, batch_size=5 if few else 20)
    gateway.heal()
    assert isinstance(stopped, errors.InDoubt)
    gateway.query = _queries(**answers)
    after, stopped = sent(frame, client, journal)
    check(frame, after, gateway)
    assert stopped is None
    assert gateway.queries
    assert set(after["status"][(out["status"] == "Unknown").to_numpy()]) == {"Unknown"}
    assert set(after["status"][(out["status"] == "Unsent").to_numpy()]) == {"Success"}
    check_recorded(frame, after, client, journal)


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
def test_a_query_that_refuses_the_days_around_it_still_settles(gateway, journal, few):
    """Tomorrow is no day to ask about, says a strict gateway: no reason not to believe what it says of today."""
    frame, client = people(100), client_of(gateway.url, app_secret=APP_SECRET)
    gateway.strike(LOST, first=1, times=3)
    sent(frame, client, journal, concurrency=1, batch_size=5 if few else 20)
    gateway.heal()
    gateway.query = _queries(tomorrow=(200, b'{"code":"1"}'), yesterday=(200, b'{"code":"3"}'), other="records")
    after, _ = sent(frame, client, journal)
    check(frame, after, gateway)
    assert set(after["status"]) == {"Success", "Invalid", "Skipped"}


SHOWN = {
    "as it was sent": ("{}", "Success"),
    "with a country code": ("86{}", "Success"),
    "with a plus": ("+86 {}", "Success"),
    "with zeros": ("00{}", "Success"),
    "without the country code": ("national", "Success"),
    "not at all": ("", "Success"),
    "masked": ("masked", "Success"),
    "of another number": ("8613900000000", "Unknown"),
    "longer by more than a country code": ("8686{}", "Unknown"),
}


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
@pytest.mark.parametrize(("form", "status"), SHOWN.values(), ids=SHOWN)
def test_a_record_counts_for_the_number_it_shows(gateway, journal, form, status, few):
    """A country code may stand in front or be left out; where no whole number is shown, the id has to do."""
    frame, client = people(60).drop_duplicates("phone"), client_of(gateway.url, app_secret=APP_SECRET)
    gateway.strike(LOST, times=1)
    out, _ = sent(frame, client, journal, concurrency=1, batch_size=5 if few else 30)
    assert (out["status"] == "Unknown").sum() == (5 if few else 30)
    gateway.heal()

    async def query(it):
        shown = {"national": lambda phone: phone[2:], "masked": lambda phone: f"{phone[:3]}****{phone[-2:]}"}
        as_shown = shown.get(form, form.format)
        ledger, gateway.ledger = (
            gateway.ledger,
            [dataclasses.replace(effect, phone=as_shown(effect.phone)) for effect in gateway.ledger],
        )
        try:
            await records(it)
        finally:
            gateway.ledger = ledger

    gateway.query = query
    after, _ = sent(frame, client, journal)
    assert set(after["status"][(out["status"] == "Unknown").to_numpy()]) == {status}
    assert set(after["status"][(out["status"] == "Success").to_numpy()]) == {"Success"}
