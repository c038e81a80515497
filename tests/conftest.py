"""What all tests share: property tests that draw the same examples each time, and no clock."""

import pytest
from hypothesis import settings

from tests.support.made import make as make_sent

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Only read by the type checker: run, it would look for credentials and leave a journal behind.
collect_ignore = ["typing"]


@pytest.fixture(name="made", scope="session")
def _made():
    """Make sent frames, seeded, without a gateway."""
    return make_sent
