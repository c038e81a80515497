"""A campaign belongs to one call at a time, from the look at the journal to the end of the run."""

import asyncio
import contextlib
import io
import os
import threading

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import CampaignBusy, Journal
from tests.engine.people import counts, no_double, people


@pytest.fixture(name="begun")
def _begun(sandbox, journal):
    """A run of the campaign "spring" whose first reply is held back."""
    sandbox.hold()
    run = people(5).nxsms.start(sandbox.client, campaign="spring", journal=journal)
    assert sandbox.wait_for(requests=1)
    yield run
    sandbox.release()
    run.wait()


def test_a_second_run_of_a_campaign_is_refused_at_once_naming_the_first(begun, sandbox, path):
    """Whoever holds the campaign is told, and that nothing was sent."""
    with pytest.raises(
        CampaignBusy, match=r"campaign 'spring' is in progress since .* in process \d+\. Nothing was sent"
    ):
        people(5).nxsms.send(sandbox.client, campaign="spring", journal=path)


def test_a_campaign_whose_name_may_be_a_number_is_masked(sandbox, path):
    """It may be somebody's."""
    lock = Journal(path).campaign("8615088888888")
    with pytest.raises(CampaignBusy, match="in progress") as busy:
        people(1).nxsms.send(sandbox.client, campaign="8615088888888", journal=path)
    assert "8615088888888" not in str(busy.value)
    lock.release()


def test_the_refused_call_goes_through_when_the_first_has_ended(begun, sandbox, path):
    """It then finds everything sent: nobody gets the message twice."""
    sandbox.release()
    begun.wait()
    with pytest.warns(nx.AlreadySentWarning):
        again = people(5).nxsms.send(sandbox.client, campaign="spring", journal=path)
    assert counts(again) == {"Success": 5}
    assert no_double(sandbox)


def test_another_campaign_runs_alongside_it(begun, make, path):
    """Campaigns do not wait for each other."""
    other = make(seed=8)
    sent = people(5).nxsms.send(other.client, campaign="autumn", journal=path)
    assert counts(sent) == {"Success": 5}
    assert not begun.done


def test_a_run_of_one_kernel_is_refused_in_the_same_kernel_with_a_journal_in_memory(sandbox):
    """Threads of one kernel are kept apart as processes are."""
    sandbox.hold()
    run = people(5).nxsms.start(sandbox.client)
    assert sandbox.wait_for(requests=1)
    with pytest.raises(CampaignBusy, match=r"the unnamed campaign is in progress since .* in this kernel"):
        people(5).nxsms.send(sandbox.client)
    sandbox.release()
    assert counts(run.wait()) == {"Success": 5}


def test_nobody_can_send_between_the_look_at_the_journal_and_the_run(sandbox, path):
    """What is said of earlier runs is said after the journal was read; at that moment another call is refused."""
    people(2).nxsms.send(sandbox.client, journal=path)
    refused = []

    class Intruder(io.StringIO):
        def write(self, text):
            if "had been sent before" in text:
                with pytest.raises(CampaignBusy) as busy:
                    people(5).nxsms.send(sandbox.client, journal=Journal(path))
                refused.append(busy.value)
            return len(text)

    with contextlib.redirect_stdout(Intruder()):
        sent = people(5).nxsms.send(sandbox.client, journal=path)
    assert len(refused) == 1
    assert counts(sent) == {"Success": 5}
    assert no_double(sandbox)


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (people(3, phone=["8615088888888"] * 3), {}),
        (people(3).drop(columns="phone"), {}),
        (people(3, status="x"), {}),
        (people(3, phone="12"), {"on_invalid": "raise"}),
    ],
)
def test_a_call_that_cannot_begin_leaves_the_campaign_free(sandbox, frame, options):
    """After a refusal of the frame the corrected call is not told that a run is in progress."""
    with pytest.raises(nx.NxsmsError):
        frame.nxsms.send(sandbox.client, **options)
    assert counts(people(3).nxsms.send(sandbox.client)) == {"Success": 3}


def test_a_call_with_nothing_to_send_leaves_the_campaign_free(sandbox):
    """Neither an empty frame nor one that was sent before keeps the campaign."""
    people(0).nxsms.send(sandbox.client)
    people(3).nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning):
        people(3).nxsms.send(sandbox.client)
    assert counts(people(3, first=9).nxsms.send(sandbox.client)) == {"Success": 3}


def test_a_warning_made_an_error_leaves_the_campaign_free(sandbox):
    """Tests turn warnings into errors, and so may a user's."""
    people(3).nxsms.send(sandbox.client)
    with pytest.raises(nx.AlreadySentWarning):
        people(3).nxsms.send(sandbox.client)
    assert counts(people(3, first=9).nxsms.send(sandbox.client)) == {"Success": 3}


def test_a_cancellation_while_the_rows_are_looked_at_leaves_the_campaign_free(sandbox, path):
    """The thread that looks cannot be stopped; when it is through, the campaign is given back and nothing was sent."""
    looked, cancelled = threading.Event(), threading.Event()

    class Place(os.PathLike):
        def __fspath__(self):
            looked.set()
            assert cancelled.wait(30)
            return str(path)

    async def cell():
        task = asyncio.create_task(people(2000).nxsms.asend(sandbox.client, journal=Place()))
        assert await asyncio.to_thread(looked.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        cancelled.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cell())
    assert len(sandbox.ledger) == 0
    assert counts(people(3).nxsms.send(sandbox.client, journal=path)) == {"Success": 3}


def test_a_link_to_a_journal_is_the_same_journal(path):
    """Two names of one file would let two runs of a campaign go on at once."""
    path.parent.mkdir(parents=True)
    link = path.with_name("link.sqlite3")
    held = Journal(path).campaign("spring")
    link.symlink_to(path)
    with pytest.raises(CampaignBusy):
        Journal(link).campaign("spring")
    held.release()
    Journal(link).campaign("spring").release()


def test_ids_that_frames_bring_are_claimed_in_every_campaign(sandbox, path):
    """They are known in every campaign, so that two runs with the same ids would both find them new."""
    own = people(5, sys_message_id=[f"order-{n:05}" for n in range(5)])
    sandbox.hold()
    run = own.nxsms.start(sandbox.client, campaign="spring", journal=path)
    assert sandbox.wait_for(requests=1)
    with pytest.raises(CampaignBusy, match="has its own sys_message_id is in progress since"):
        own.nxsms.send(sandbox.client, campaign="autumn", journal=path)
    sandbox.release()
    run.wait()
    with pytest.warns(nx.AlreadySentWarning):
        own.nxsms.send(sandbox.client, campaign="autumn", journal=path)
    assert len(sandbox.ledger) == 5


def unsent(frame, client, **options):
    """Rows that a run never came to, as it left them: they have ids, and no journal knows them."""
    planned = frame.nxsms.plan(client, **options).frame
    rest = frame.assign(messageid=planned["messageid"], status="Unsent", code=None, reason="stopped", batch=None)
    return rest.assign(attempts=0, sent_at=pd.NaT, latency_ms=float("nan"))


@pytest.fixture(name="journals", params=["file", "memory"])
def _journals(request, path):
    """A journal for two calls: two objects of one file, or one in memory."""
    shared = Journal.in_memory()
    return (Journal(path), Journal(path)) if request.param == "file" else (shared, shared)


def test_rows_that_a_run_has_not_come_to_are_not_retried_alongside_it(begun, sandbox, path):
    """The journal does not know them yet, so nothing tells whose they are."""
    waiting = unsent(people(5, first=50), sandbox.client, campaign="spring")
    with pytest.raises(CampaignBusy, match="campaign 'spring' is in progress"):
        waiting.nxsms.retry(sandbox.client, journal=path)
    sandbox.release()
    begun.wait()
    assert counts(waiting.nxsms.retry(sandbox.client, journal=path)) == {"Success": 5}


@pytest.mark.parametrize("campaign", ["spring", None])
@pytest.mark.parametrize("key", ["order", None])
def test_a_send_is_refused_during_a_retry_of_rows_that_it_may_have(make, journals, campaign, key):
    """Whatever campaign they are of, the retry is known to the campaign's own call, which then returns its outcome."""
    sandbox = make()
    frame = people(300, order=range(300))
    rest = unsent(frame, sandbox.client, campaign=campaign, key=key)
    sandbox.hold()
    errors, retried = [], []
    thread = threading.Thread(
        target=lambda: retried.append(rest.nxsms.retry(sandbox.client, journal=journals[0], progress="silent"))
    )
    thread.start()
    assert sandbox.wait_for(requests=1)
    with pytest.raises(CampaignBusy, match="in progress since") as busy:
        frame.nxsms.send(sandbox.client, campaign=campaign, key=key, journal=journals[1])
    errors.append(busy.value)
    sandbox.release()
    thread.join()
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign=campaign, key=key, journal=journals[1])
    assert counts(again) == counts(retried[0]) == {"Success": 300}
    assert no_double(sandbox)


def test_rows_that_are_shown_to_be_of_a_campaign_are_retried_alongside_another_one(make, journals):
    """The id that the campaign's own call would make for a row shows where it belongs: other campaigns need not wait."""
    sandbox = make()
    rest = unsent(people(5, first=50), sandbox.client, campaign="autumn")
    sandbox.hold()
    run = people(5).nxsms.start(sandbox.client, campaign="spring", journal=journals[0])
    assert sandbox.wait_for(requests=1)
    sandbox.release()
    assert counts(rest.nxsms.retry(sandbox.client, campaign="autumn", journal=journals[1])) == {"Success": 5}
    run.wait()
    assert journals[0].runs()["campaign"].tolist() == ["spring", "autumn"]


def test_a_retry_without_a_home_is_refused_during_any_run_and_names_it(make, journals):
    """Its rows may be those of the run; with that at its end they leave."""
    sandbox = make()
    rest = unsent(people(5, order=range(5)), sandbox.client, campaign="spring", key="order")
    people(1, first=90).nxsms.send(sandbox.client, campaign="autumn", journal=journals[0])
    sandbox.hold()
    run = people(5, first=50).nxsms.start(sandbox.client, campaign="autumn", journal=journals[0])
    assert sandbox.wait_for(requests=2)
    for given in ({}, {"campaign": "spring"}):
        with pytest.raises(CampaignBusy, match=r"campaign 'autumn' is in progress since .* the journal does not know"):
            rest.nxsms.retry(sandbox.client, journal=journals[1], **given)
    sandbox.release()
    run.wait()
    assert counts(rest.nxsms.retry(sandbox.client, journal=journals[1])) == {"Success": 5}


def test_a_second_retry_of_rows_without_a_home_knows_no_home_either(make, path):
    """The campaign that the first was recorded under is no evidence of whose they are."""
    sandbox = make(balance=2)
    rest = unsent(people(4, order=range(4)), sandbox.client, campaign="spring", key="order")
    with pytest.raises(nx.AccountRefused) as stopped:
        rest.nxsms.retry(sandbox.client, journal=path, batch_size=1, concurrency=1)
    sandbox.balance = None
    sandbox.hold()
    run = people(4, order=range(4)).nxsms.start(sandbox.client, campaign="spring", key="order", journal=path)
    assert sandbox.wait_for(requests=4)
    with pytest.raises(CampaignBusy, match=r"campaign is in progress|campaign 'spring' is in progress"):
        stopped.value.frame.nxsms.retry(sandbox.client, journal=path)
    sandbox.release()
    assert counts(run.wait()) == {"Success": 4}
    assert counts(stopped.value.frame.nxsms.retry(sandbox.client, journal=path)) == {"Success": 4}
    assert no_double(sandbox)


@pytest.mark.parametrize("first", ["retry", "send"])
def test_a_retry_of_rows_with_own_ids_and_a_send_of_them_exclude_each_other(make, journals, first):
    """Their ids are known in every campaign, whichever of the two begins."""
    sandbox = make(failures={13009: 1.0})
    own = people(5, sys_message_id=[f"order-{n:05}" for n in range(5)])
    failed = own.nxsms.send(sandbox.client, campaign="spring", journal=journals[0])
    assert counts(failed) == {"Failure": 5}
    sandbox.failures = None
    sandbox.hold()

    def retry(journal):
        return failed.nxsms.retry(sandbox.client, codes=13009, journal=journal, progress="silent")

    def send(journal):
        more = pd.concat([own, people(1, first=70, sys_message_id="order-00070")])
        return more.nxsms.send(sandbox.client, campaign="autumn", journal=journal, progress="silent")

    begin, second = (retry, send) if first == "retry" else (send, retry)
    results = []
    thread = threading.Thread(target=lambda: results.append(begin(journals[0])))
    thread.start()
    assert sandbox.wait_for(requests=2)
    with pytest.raises(CampaignBusy, match="has its own sys_message_id is in progress since"):
        second(journals[1])
    sandbox.release()
    thread.join()
    second(journals[1])
    assert len(results) == 1
    assert no_double(sandbox)
    assert len(sandbox.ledger) == 6


def test_many_threads_that_begin_at_once_send_once(make, journals):
    """Of sends and homeless retries of the same rows one at a time is at work; the others are refused by name."""
    sandbox = make()
    frame = people(20, order=range(20))
    rest = unsent(frame, sandbox.client, campaign="spring", key="order")
    start, refused, other = threading.Barrier(8), [], []

    def act(place):
        start.wait()
        try:
            if place % 2:
                rest.nxsms.retry(sandbox.client, journal=journals[place % 4 // 2], progress="silent")
            else:
                more = pd.concat([frame, people(1, first=500 + place, order=500 + place)])
                more.nxsms.send(sandbox.client, campaign="spring", key="order", journal=journals[0], progress="silent")
        except CampaignBusy as busy:
            refused.append(busy)
        except BaseException as error:
            other.append(error)

    threads = [threading.Thread(target=act, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not other
    assert len(refused) < 8
    assert no_double(sandbox)
    rest.nxsms.retry(sandbox.client, journal=journals[0])
    assert set(frame["phone"]) <= set(sandbox.ledger["phone"])
    assert no_double(sandbox)


def test_a_refused_retry_tells_no_run_that_starts_meanwhile_that_it_is_busy(begun, make, path):
    """It only looks at the others' locks; whoever begins at the same moment is not turned away for it."""
    other = make(seed=8)
    rest = unsent(people(5, order=range(5)), other.client, campaign="summer", key="order")
    done = threading.Event()
    refused = []

    def keep_trying():
        while not done.is_set():
            try:
                rest.nxsms.retry(other.client, journal=path, progress="silent")
            except CampaignBusy as busy:
                refused.append(busy)

    thread = threading.Thread(target=keep_trying)
    thread.start()
    try:
        for n in range(30):
            Journal(path).campaign(f"wave {n}").release()
    finally:
        done.set()
        thread.join()
    assert refused
