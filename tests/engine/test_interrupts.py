"""An interrupt, wherever it comes, stops the call and is raised; nothing goes on, and the cell may be run again."""

import subprocess
import sys

import pytest

VERBS = ("send", "start", "retry", "reconcile", "stream")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="timer signals are of POSIX systems")


def _through(*command):
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.interrupts", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_an_interrupt_at_any_line_stops_the_call(verb):
    """At each line of the main thread: it is raised, nothing is sent behind it, and the cell run again sends the rest once."""
    _through("lines", verb)


@pytest.mark.parametrize("verb", VERBS)
def test_an_interrupt_at_any_moment_stops_the_call(verb):
    """Up to three timer signals in 30 ms, at random: none is lost, none leaves the campaign busy, and nothing hangs."""
    _through("signals", verb, "--times", "30", "--most", "3")
