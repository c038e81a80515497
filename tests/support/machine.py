"""What a machine may lack: a test that needs it is skipped there with a reason, and fails where CI is to have it."""

import os
from typing import NoReturn

import pytest


def lacks(what: str) -> NoReturn:
    """Skip the test that runs, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: install it, CI is to run every test", pytrace=False)
    pytest.skip(what)
