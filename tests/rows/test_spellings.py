"""Numbers of 40 countries in the ways their people write them; the large version is ``python -m tests.support.spellings``."""

from __future__ import annotations

import pytest

from tests.support.spellings import NEIGHBOURS, measure

OPEN = {"CO": 0.9, "DE": 0.92}
"""Countries whose landlines, written bare, are often some other country's numbers, too."""


@pytest.mark.parametrize("region", sorted(NEIGHBOURS))
def test_a_countrys_spellings_are_read_right_or_refused(region):
    """None is read as another number, hardly any of a country's own list is refused, and two numbers never are one."""
    found = measure(region, 4)
    assert not found.wrong
    assert found.own.right >= OPEN.get(region, 0.98) * found.own.all
    assert found.alone.right >= 0.9 * found.alone.all
    assert found.not_one.right == found.not_one.all > 0
