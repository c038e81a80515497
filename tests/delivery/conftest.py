"""What the tests of sending share."""

import pytest

from nxsms_nb import Journal, Sandbox


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
