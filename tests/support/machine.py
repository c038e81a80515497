"""What a machine may lack: a test that needs it is skipped there with a reason, and fails where CI is to have it."""

import os
import random
import socket
from typing import NoReturn

import pytest


def lacks(what: str) -> NoReturn:
    """Skip the test that runs, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: install it, CI is to run every test", pytrace=False)
    pytest.skip(what)


def free_port() -> int:
    """Return a port that nobody uses, for a server that is started on it in a moment.

    It is below those that systems give to whoever wants any (from 32768, or 49152): another test gets none of these meanwhile.
    """
    chosen = random.SystemRandom()
    while True:
        port = chosen.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
