"""An error that nobody expected ends a run: nothing waits indefinitely, and nothing is sent twice."""

import pytest

from nxsms_nb.engine import sender
from nxsms_nb.journal.pg_recorder import PgRecorder
from nxsms_nb.journal.writer import RunWriter
from tests.engine.people import counts, no_double, people

ROWS = 120
AT = (1, 2, 3, 5)
"""At which call the error comes: in the first worker, in one of those hired later, while several requests are in flight."""


class SurpriseError(Exception):
    """Nothing in the package raises it."""


def failing(function, at):
    """Return a function that raises instead of its call number `at`."""
    calls = 0

    def call(*args, **given):
        nonlocal calls
        calls += 1
        if calls == at:
            raise SurpriseError
        return function(*args, **given)

    return call


def ends_and_resumes(sandbox, journal):
    """Send; return the error, how the rows are recorded then, and the results of the same call made again."""
    frame = people(ROWS)
    options = {"campaign": "spring", "journal": journal, "batch_size": 10, "concurrency": 4}
    with pytest.raises(Exception) as raised:
        frame.nxsms.send(sandbox.client, **options)
    recorded = frame.nxsms.recorded(sandbox.client, campaign="spring", journal=journal)
    effects = set(sandbox.ledger["messageid"]) if len(sandbox.ledger) else set()
    assert set(recorded.loc[recorded["status"] == "Success", "messageid"]) <= effects
    assert not effects & set(recorded.loc[recorded["status"] == "Unsent", "messageid"])
    sent = frame.nxsms.send(sandbox.client, **options)
    assert no_double(sandbox)
    return raised.value, sent


@pytest.mark.parametrize("at", AT)
def test_an_error_in_any_worker_ends_the_run(sandbox, path, monkeypatch, at):
    """Workers that were hired later are watched as the first one is; the request that failed stays in doubt."""
    monkeypatch.setattr(sender.requests, "body", failing(sender.requests.body, at))
    error, sent = ends_and_resumes(sandbox, path)
    assert isinstance(error, SurpriseError)
    assert counts(sent) == {"Success": ROWS - 10, "Unknown": 10}
    assert len(sandbox.ledger) == ROWS - 10


@pytest.mark.parametrize("at", AT)
def test_an_error_in_the_journals_recording_leaves_nobody_waiting(sandbox, path, monkeypatch, at):
    """What waits for its record does not leave, and the next call sends it."""
    monkeypatch.setattr(RunWriter, "write", failing(RunWriter.write, at))
    _, sent = ends_and_resumes(sandbox, path)
    assert counts(sent)["Success"] == len(sandbox.ledger)


@pytest.mark.parametrize("at", AT)
def test_an_error_in_the_thread_of_a_shared_journal_leaves_nobody_waiting(sandbox, database, monkeypatch, at):
    """The thread that writes goes on, so that the run's end is recorded."""
    monkeypatch.setattr(PgRecorder, "_write", failing(PgRecorder._write, at))
    _, sent = ends_and_resumes(sandbox, database)
    assert counts(sent)["Success"] == len(sandbox.ledger)
