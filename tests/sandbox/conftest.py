"""What the tests of the simulated gateway share."""

import pytest

from nxsms_nb.sandbox import Sandbox


@pytest.fixture(name="sandbox")
def _sandbox():
    with Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="make")
def _make():
    """Make sandboxes that are closed after the test."""
    made = []

    def make(**settings):
        made.append(Sandbox(**{"seed": 7} | settings))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()
