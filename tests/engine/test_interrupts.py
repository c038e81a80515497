"""An interrupt, wherever it comes, stops the call and is raised; nothing goes on, and the cell may be run again."""

import signal
import subprocess
import sys
import threading

import pytest

from tests.engine.people import counts, people

VERBS = ("send", "start", "retry", "reconcile", "receipts", "stream")
LONG = ("start", "stream")
"""Their ways pass the same lines for each of some columns and chunks: the first two passes of a line show what more would."""

pytestmark = [
    pytest.mark.any_pandas,
    pytest.mark.skipif(sys.platform == "win32", reason="timer signals are of POSIX systems"),
]


def _through(*command):
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.interrupts", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,  # each line of a stream in turn, on a busy machine
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_an_interrupt_at_any_line_stops_the_call(verb):
    """At each line of the main thread: it is raised, nothing is sent behind it, and the cell run again sends the rest once."""
    _through("lines", verb, *(("--passes", "2") if verb in LONG else ()))


@pytest.mark.parametrize("verb", VERBS)
def test_an_interrupt_at_any_moment_stops_the_call(verb):
    """Up to three timer signals in 30 ms, at random: none is lost, none leaves the campaign busy, and nothing hangs."""
    _through("signals", verb, "--times", "30", "--most", "3")


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("verb", ["send", "retry", "reconcile"])
def test_an_interrupt_at_any_moment_stops_a_call_with_a_shared_journal(verb):
    """The same where the journal is a database, whose connections take longer."""
    _through("signals", verb, "--times", "5", "--most", "3", "--within", "0.2", "--postgres")


def call_interrupted_at(step, call):
    """Make a call, with an interrupt where `threading` calls its function number `step`; whether it calls so many."""
    steps = []

    def profile(frame, event, arg):
        if event == "call" and frame.f_code.co_filename == threading.__file__:
            steps.append(frame)
            if len(steps) == step:
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(steps) >= step


@pytest.mark.parametrize("verb", ["send", "start"])
def test_an_interrupt_while_the_thread_starts_is_no_error_that_a_loop_goes_on_after(sandbox, verb):
    """At each step of the thread's start an interrupt ends the call, and never as an `Exception`; the next call sends."""
    step, made, through = 1, None, False
    while not through:
        frame = people(2, first=2 * step)
        made = None

        def call(frame=frame):
            nonlocal made
            made = getattr(frame.nxsms, verb)(sandbox.client, progress="silent")

        try:
            through = not call_interrupted_at(step, call)
        except KeyboardInterrupt:
            step += 1
    assert step > 10
    sent = made.wait() if verb == "start" else made
    assert counts(sent) == {"Success": 2}
    assert len(sandbox.ledger) == 2


def test_an_error_of_a_call_in_the_handler_of_an_interrupt_stays_what_it_is(sandbox, monkeypatch):
    """The interrupt that the person handles is another one."""

    def no_thread(thread):
        raise RuntimeError("can't start new thread")

    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            people(2).nxsms.send(sandbox.client, progress="silent")
