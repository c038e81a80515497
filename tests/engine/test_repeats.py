"""What a person is told of rows that had been sent before."""

import re

import pytest

import nxsms_nb as nx
from tests.engine.people import people


def test_a_repeated_call_says_how_many_rows_are_in_doubt(sandbox, capsys):
    """Rows that may have been sent count among those that had been sent before, and are named apart."""
    sandbox.faults = ["ok", "lost"]
    people(4).nxsms.send(sandbox.client, batch_size=2, concurrency=1)
    people(6).nxsms.send(sandbox.client)
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"4 of 6 rows had been sent before \(\d+ \w+ \d\d:\d\d\), 2 of them in doubt; sending 2\. "
        r"To send those again: campaign='…'",
        line,
    )


def test_without_doubt_nothing_is_said_of_it(sandbox):
    """Where every earlier row is settled, the words are those of the rows alone."""
    people(2).nxsms.send(sandbox.client)
    with pytest.warns(nx.AlreadySentWarning, match=r"2 of 2 rows had been sent before \([^)]*\); nothing was sent"):
        people(2).nxsms.send(sandbox.client)
