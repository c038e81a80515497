"""What the tests of sending share."""

import sys
from pathlib import Path

import pytest

from nxsms_nb import Journal, Sandbox

# The tests are no package; this makes people.py importable for those beside it.
sys.path.insert(0, str(Path(__file__).parent))


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


@pytest.fixture(name="sandbox")
def _sandbox(make):
    return make()


@pytest.fixture(name="path")
def _path(tmp_path):
    """A place for a journal's file."""
    return tmp_path / "journal" / "journal.sqlite3"


@pytest.fixture(name="journal")
def _journal(path):
    return Journal(path)
