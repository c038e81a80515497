"""A receipt server that is killed."""

import random

import pytest

from tests.support.receipts_killed import killed_once

pytestmark = pytest.mark.any_pandas


def test_what_was_answered_success_outlives_the_server(path):
    """Killed five times amid its work; `tests.support.receipts_killed` does it by the hundred."""
    chance = random.Random(7)
    rounds = [killed_once(path, number, chance) for number in range(5)]
    assert all(one.answered for one in rounds)
    assert sum(one.lost for one in rounds) == 0
