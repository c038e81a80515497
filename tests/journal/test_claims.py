"""Claims in a shared journal: an id has one holder, and only who holds it frees it."""

import asyncio
import os
import threading

import psycopg
import pytest

from nxsms_nb import CampaignBusy, Journal, JournalError
from nxsms_nb.journal import pg_schema, pg_statements
from nxsms_nb.journal.store import RowsTaken
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT, ItemOutcome, Outcome
from tests.journal.history import ACCEPTED, block, ids, known, recording

DOUBT = Outcome(UNKNOWN, None, "HTTP 502 instead of a reply", 3.0)
FLOW = Outcome(UNSENT, 13008, "TPS limit exceeded", 3.0)
X, Y = (f"n1{digit * 32}" for digit in "ab")
NOT_FOUND = Outcome(UNSENT, None, "on the analyst's word", carried=False)


@pytest.fixture(name="journal")
def _journal(database):
    return Journal(database)


@pytest.fixture(name="states")
def _states(postgres, database):
    """Each id's state of claim."""
    return lambda: dict(postgres.execute("SELECT id, state FROM claim", database=database.rpartition("/")[2]))


def long_ago(record):
    return record.now_us() - 3_600_000_000


async def begin(record, *messageids, sent_us=None):
    return await record.begin(
        block(list(messageids)), 0, len(messageids), sent_us=long_ago(record) if sent_us is None else sent_us
    )


def test_an_id_that_another_run_has_does_not_leave(journal):
    """The request is not recorded, and the rows come back as they are: in flight, then as the winner's outcome."""
    with recording(journal, "a") as first, recording(journal, "b") as second:

        async def act():
            number = await begin(first, "x", "y")
            with pytest.raises(RowsTaken) as taken:
                await begin(second, "w", "y")
            assert taken.value.offsets == [1]
            assert taken.value.results.status.tolist() == [UNKNOWN]
            first.finish(number, ACCEPTED)
            await begin(first, "z")
            with pytest.raises(RowsTaken) as taken:
                await begin(second, "x", "w", "y")
            assert taken.value.offsets == [0, 2]
            assert taken.value.results.status.tolist() == [SUCCESS, SUCCESS]
            assert taken.value.results.batch.tolist() == [number, number]
            await begin(second, "w")

        asyncio.run(act())


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (ACCEPTED, {"x": "decided", "y": "decided"}),
        (Outcome(FAILURE, 13005, "no", 3.0), {"x": "decided", "y": "decided"}),
        (DOUBT, {"x": "open", "y": "open"}),
        (FLOW, {"x": "free", "y": "free"}),
        (Outcome(UNSENT, None, "stopped before it left", carried=False), {"x": "free", "y": "free"}),
        (ACCEPTED._replace(exceptions=[ItemOutcome(1, UNSENT, 13008, "TPS", "TPS")]), {"x": "decided", "y": "free"}),
        (ACCEPTED._replace(exceptions=[ItemOutcome(0, UNKNOWN, None, "?", "?")]), {"x": "open", "y": "decided"}),
        (DOUBT._replace(exceptions=[ItemOutcome(1, SUCCESS, 0, None, None)]), {"x": "open", "y": "decided"}),
        (FLOW._replace(exceptions=[ItemOutcome(0, FAILURE, 13005, "no", "no")]), {"x": "decided", "y": "free"}),
    ],
)
def test_the_outcome_decides_the_claim(journal, states, outcome, state):
    """What certainly was not sent is free, what the gateway answered is decided, what may be out stays open."""
    with recording(journal, "a") as record:

        async def act():
            record.finish(await begin(record, "x", "y"), outcome)

        asyncio.run(act())
    assert states() == state


def test_a_free_id_is_claimed_again(journal, states):
    """Refused for the pace, the same id may leave again, by whoever comes first."""
    with recording(journal, "a") as first, recording(journal, "b") as second:

        async def act():
            first.finish(await begin(first, "x"), FLOW)
            await begin(first, "z")
            second.finish(await begin(second, "x"), ACCEPTED)

        asyncio.run(act())
    assert states() == {"x": "decided", "z": "open"}


def test_an_id_that_is_refused_for_the_pace_is_recorded_again_at_once(journal, states):
    """Its freeing and its next claim come together, and both count."""
    with recording(journal, "a") as record:

        async def act():
            names = block([X, Y])
            number = await record.begin(names, 0, 2, sent_us=long_ago(record))
            record.finish(number, FLOW)
            record.finish(await record.begin(names, 0, 1, sent_us=long_ago(record)), ACCEPTED)

        asyncio.run(act())
    assert states() == {X: "decided", Y: "free"}


def test_many_requests_at_once_are_one_transaction_and_do_not_deadlock(journal):
    """Two runs that claim the same free ids in opposite orders each get some, and none twice."""
    names = ids(400)
    with recording(journal, "a") as first, recording(journal, "b") as second:

        async def claim(record, order):
            got = []
            tasks = [(one, asyncio.ensure_future(begin(record, *one))) for one in order]
            for one, task in tasks:
                try:
                    await task
                except RowsTaken:
                    continue
                got += one
            return got

        async def both():
            requests = [names[at : at + 4] for at in range(0, 400, 4)]
            return await asyncio.gather(claim(first, requests), claim(second, requests[::-1]))

        one, other = asyncio.run(both())
    assert sorted(one + other) == names


def test_absent_frees_only_what_is_old_and_whose_run_is_gone(journal, states):
    """Within the gateway's minute, or while the run that claimed it lives, the doubt stays."""
    with recording(journal, "a") as record:

        async def leave():
            record.finish(await begin(record, "old"), DOUBT)
            record.finish(await begin(record, "young", sent_us=record.now_us()), DOUBT)

        asyncio.run(leave())
    with recording(journal, "b") as alive, recording(journal, "a") as record:

        async def settle():
            alive.finish(await begin(alive, "theirs"), DOUBT)
            await begin(alive, "more")
            return await record.settle(block(["old", "young", "theirs"]), NOT_FOUND)

        assert list(asyncio.run(settle())) == [1, 2]
        assert states() | {"more": "open"} == {"old": "free", "young": "open", "theirs": "open", "more": "open"}
    assert known(journal, ["old", "young"], "a") == [UNSENT, UNKNOWN]


def test_rows_that_a_merge_multiplied_are_settled_alike(journal, states):
    """They have one id, and one claim."""
    with recording(journal, "a") as record:
        assert not asyncio.run(record.settle(block([X, Y, X]), Outcome(SUCCESS, 0, carried=False)))
    assert states() == {X: "decided", Y: "decided"}
    assert known(journal, [X, Y], "a") == [SUCCESS, SUCCESS]


def test_a_late_outcome_of_the_holder_overrides_what_was_settled(journal, states):
    """A reply that came after the analyst's word counts, unless the id is another's by then."""
    with recording(journal, "a") as first:

        async def act():
            return await begin(first, X, Y)

        number = asyncio.run(act())
        first._session._connection.close()
        with recording(journal, "a") as second:

            async def settle():
                assert not await second.settle(block([X]), NOT_FOUND)
                assert not await second.settle(block([Y]), Outcome(SUCCESS, 0, carried=False))

            asyncio.run(settle())
            assert states() == {X: "free", Y: "decided"}

        async def late():
            first.finish(number, ACCEPTED)

        asyncio.run(late())
    assert states() == {X: "decided", Y: "decided"}
    assert known(journal, [X, Y], "a") == [SUCCESS, SUCCESS]


def test_what_was_accepted_stays_so(journal):
    """A later attempt of a run that could not know it does not take the word back."""
    with recording(journal, "a") as first:
        number = asyncio.run(begin(first, X))
        first._session._connection.close()
        with recording(journal, "a") as second:

            async def again():
                assert not await second.settle(block([X]), NOT_FOUND)
                second.finish(await begin(second, X), DOUBT)

            asyncio.run(again())
        asyncio.run(_late(first, number))
    assert known(journal, [X], "a") == [SUCCESS]


async def _late(record, number):
    record.finish(number, ACCEPTED)


@pytest.mark.parametrize("lost", [(at, made) for at in ("COMMIT", pg_statements.RECORD) for made in (False, True)])
def test_a_commit_whose_answer_is_lost_is_looked_up(journal, postgres, database, monkeypatch, lost):
    """By the request's own number: it is recorded once, and leaves only when that is known."""
    # With a new block a transaction has several statements and a COMMIT, else only one.
    at, made = lost
    execute, broken = psycopg.Connection.execute, []
    names = block(["w", "x", "y"])

    def breaking(self, query, *args, **options):
        if query == at and not broken:
            broken.append(self)
            if made:
                execute(self, query, *args, **options)
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return execute(self, query, *args, **options)

    with recording(journal, "a") as record:

        async def act():
            await record.begin(names, 0, 1, sent_us=long_ago(record))
            monkeypatch.setattr(psycopg.Connection, "execute", breaking)
            return await record.begin(
                names if at != "COMMIT" else block(["w", "x", "y"]), 1, 2, sent_us=long_ago(record)
            )

        number = asyncio.run(act())
        assert broken
        asyncio.run(_late(record, number))
    name = database.rpartition("/")[2]
    assert postgres.execute("SELECT count(*) FROM batch", database=name) == [(2,)]
    assert postgres.execute("SELECT id, request FROM claim WHERE id > 'w' ORDER BY 1", database=name) == [
        ("x", number),
        ("y", number),
    ]
    assert known(journal, ["x", "y"], "a") == [SUCCESS, SUCCESS]


def test_locks_exclude_as_in_a_file(journal):
    """One run a campaign; frames with their own ids, and rows of no known campaign, exclude each other."""
    with journal.campaign("a"):
        with pytest.raises(CampaignBusy, match=r"campaign 'a' is in progress .*by .* on .*Nothing was sent"):
            journal.campaign("a")
        journal.campaign("b").release()
        with pytest.raises(CampaignBusy):
            journal.campaign(None, anywhere=True)
    with journal.campaign("a", own_ids=True), pytest.raises(CampaignBusy, match="sys_message_id"):
        journal.campaign("b", own_ids=True)
    with journal.campaign(None, anywhere=True), pytest.raises(CampaignBusy, match="may belong to this one"):
        journal.campaign("a")
    journal.campaign("a").release()


def test_a_holder_is_not_named_after_a_killed_run_whose_pid_it_has(journal, database, postgres):
    """Pids come again; who has just begun has no run yet and is named by the session."""
    with recording(journal, "spring"):
        pass
    with journal.campaign("spring") as campaign:
        pid = campaign._hold._session.about.pid
        killed = "UPDATE run SET ended_us = NULL, backend = %s, os_user = 'ghost', started_us = started_us - 3600000000"
        postgres.execute(killed, (pid,), database=database.rpartition("/")[2])
        with pytest.raises(CampaignBusy, match=rf"process {os.getpid()}\)") as busy:
            journal.campaign("spring")
    assert "ghost" not in str(busy.value)


def test_many_sessions_that_begin_at_once_make_the_tables_once(database):
    """Each finds them or makes them, and none takes another's for a stranger's."""
    failed = []

    def hold(number):
        try:
            Journal(database).campaign(f"campaign {number}").release()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_tables_that_another_session_makes_between_two_looks_are_its_own_journals(database, monkeypatch):
    """A session that found none in its search path, and then one in the database, looks again."""
    look = pg_schema._second

    def made_first(connection):
        monkeypatch.setattr(pg_schema, "_second", look)
        Journal(database).campaign("another").release()
        return look(connection)

    monkeypatch.setattr(pg_schema, "_second", made_first)
    Journal(database).campaign("spring").release()
    assert pg_schema._second is look


def test_a_connection_that_broke_before_the_run_began_begins_none(journal):
    """What was read under the lock may no longer hold: the call is made again."""
    with journal.campaign("a") as campaign:
        campaign._hold._session._connection.close()
        with pytest.raises(JournalError, match=r"before the run began\. Nothing was sent"):
            campaign.record(rows=1, workers=1)
