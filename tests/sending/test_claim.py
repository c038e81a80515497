"""A campaign belongs to one call at a time, from the look at the journal to the end of the run."""

import asyncio
import contextlib
import io

import pandas as pd
import pytest
from people import counts, no_double, people

import nxsms_nb as nx
from nxsms_nb import CampaignBusy, Journal


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
        CampaignBusy, match=r"campaign 'spring' is under way since .* in process \d+\. Nothing was sent"
    ):
        people(5).nxsms.send(sandbox.client, campaign="spring", journal=path)


def test_the_refused_call_goes_through_when_the_first_has_ended(begun, sandbox, path):
    """It then finds everything sent: nobody gets the message twice."""
    sandbox.release()
    begun.wait()
    with pytest.warns(nx.AlreadySentWarning):
        again = people(5).nxsms.send(sandbox.client, campaign="spring", journal=path)
    assert counts(again) == {"Success": 5}
    assert no_double(sandbox)


def test_another_campaign_runs_beside_it(begun, make, path):
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
    with pytest.raises(CampaignBusy, match=r"the unnamed campaign is under way since .* in this kernel"):
        people(5).nxsms.send(sandbox.client)
    sandbox.release()
    assert counts(run.wait()) == {"Success": 5}


def test_nobody_can_send_between_the_look_at_the_journal_and_the_run(sandbox, path):
    """What is said of earlier runs is said after the journal was read; at that moment another call is refused."""
    people(2).nxsms.send(sandbox.client, journal=path)
    refused = []

    class Intruder(io.StringIO):
        def write(self, text):
            if "went out before" in text:
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
    """After a refusal of the frame the corrected call is not told that a run is under way."""
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


def test_a_cancellation_while_the_rows_are_looked_at_leaves_the_campaign_free(sandbox):
    """The thread that looks cannot be stopped; when it is through, the campaign is given back and nothing was sent."""

    async def cancelled():
        task = asyncio.create_task(people(2000).nxsms.asend(sandbox.client))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert len(sandbox.ledger) == 0
    assert counts(people(3).nxsms.send(sandbox.client)) == {"Success": 3}


def test_a_link_to_a_journal_is_the_same_journal(path):
    """Two names of one file would let two runs of a campaign go on at once."""
    path.parent.mkdir()
    link = path.with_name("link.sqlite3")
    held = Journal(path).claim("spring")
    link.symlink_to(path)
    with pytest.raises(CampaignBusy):
        Journal(link).claim("spring")
    held.release()
    Journal(link).claim("spring").release()


def test_ids_that_frames_bring_are_claimed_in_every_campaign(sandbox, path):
    """They are known in every campaign, so that two runs with the same ids would both find them new."""
    own = people(5, sys_message_id=[f"order-{n:05}" for n in range(5)])
    sandbox.hold()
    run = own.nxsms.start(sandbox.client, campaign="spring", journal=path)
    assert sandbox.wait_for(requests=1)
    with pytest.raises(CampaignBusy, match="brings its own sys_message_id is under way since"):
        own.nxsms.send(sandbox.client, campaign="autumn", journal=path)
    sandbox.release()
    run.wait()
    with pytest.warns(nx.AlreadySentWarning):
        own.nxsms.send(sandbox.client, campaign="autumn", journal=path)
    assert len(sandbox.ledger) == 5


def test_rows_that_a_run_has_not_come_to_are_not_retried_beside_it(begun, sandbox, path):
    """The journal does not know them yet, so nothing tells whose they are."""
    waiting = people(5, first=50).assign(status="Unsent", code=None, reason="stopped", batch=None, attempts=0)
    waiting["messageid"] = people(5, first=50).nxsms.plan(sandbox.client, campaign="spring").frame["messageid"]
    waiting["sent_at"], waiting["latency_ms"] = pd.NaT, float("nan")
    with pytest.raises(CampaignBusy, match="campaign 'spring' is under way"):
        waiting.nxsms.retry(sandbox.client, journal=path)
    sandbox.release()
    begun.wait()
    assert counts(waiting.nxsms.retry(sandbox.client, journal=path)) == {"Success": 5}
