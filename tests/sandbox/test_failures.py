"""The failures that the simulated gateway draws."""

import pandas as pd
import pytest

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import REALISTIC, Sandbox
from nxsms_nb.wire import codes
from tests.sandbox.talk import item, items, outcomes, send


def test_failures_are_drawn_from_seed_and_item_not_from_arrival(make):
    """However the messages are cut into requests, and in whatever order they come, each has the same outcome."""
    mix = {13005: 0.1, 13009: 0.1, 13007: 0.1, 1102: 0.05, -1: 0.05}
    whole = items(200)
    first = outcomes(send(make(failures=mix), whole))
    other, again = make(failures=mix), {}
    for position in range(195, -1, -5):
        again |= outcomes(send(other, whole[position : position + 5][::-1]))
    assert again == first
    assert set(first.values()) == {0, *mix}


def test_another_seed_draws_other_failures(make):
    """The seed decides which items fail."""
    drawn = [outcomes(send(make(seed=seed, failures={13005: 0.5}), items(200))) for seed in (1, 2)]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("mix", "same"),
    [
        ({"13005": 0.3}, {13005: 0.3}),
        ({"13005": 0.3, 13009: 0.1}, {13005: 0.3, 13009: 0.1}),
        ({"91": {"13006": 1.0}, "IN": {}, " 13005": 0.2}, {"91": {13006: 1.0}, "IN": {}, 13005: 0.2}),
    ],
)
def test_codes_may_be_text_as_json_writes_them(make, mix, same):
    """Of a country's own mix as well; a text with a mix of its own is a country."""
    drawn, as_numbers = (outcomes(send(make(failures=one), items(200))) for one in (mix, same))
    assert drawn == as_numbers


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ({"13005": 0.1, 13005: 0.2}, "code 13005 twice"),
        ({"99999": 0.1}, "99999 in the failures is not a code"),
        ({"91": 0.1}, "91 in the failures is not a code"),
        ({"IN": 0.1}, "failures of 'IN' are 0.1, not a mapping"),
        (pd.Series({13005: 0.1}), "neither a mapping"),
    ],
)
def test_a_mix_that_cannot_be_meant_is_refused(mix, said):
    """The sandbox is not made."""
    with pytest.raises(ConfigError, match=said):
        Sandbox(failures=mix)


def test_shares_are_shares_of_all_items(make):
    """Over many items each code has its share, whatever the failure hangs on."""
    mix = {13005: 0.2, 13009: 0.2, 13007: 0.2}
    sandbox = make(failures=mix)
    counted = pd.Series(
        [code for start in range(0, 10_000, 200) for code in outcomes(send(sandbox, items(200, start))).values()]
    ).value_counts(normalize=True)
    for code in (*mix, 0):
        # Five standard deviations of a share of 10,000.
        assert abs(counted[code] - mix.get(code, 0.4)) < 5 * (0.25 / 10_000) ** 0.5


def test_a_wrong_number_stays_wrong_and_a_refused_text_can_be_reworded(make):
    """13005 goes with the number, 13009 with number and text, 13007 with the messageid."""
    sandbox = make(failures={13005: 0.3, 13009: 0.3, 13007: 0.3}, hourly_limit=None)
    first = list(outcomes(send(sandbox, items(200))).values())

    def again(**change):
        return list(outcomes(send(sandbox, [one | change for one in items(200)])).values())

    renamed = list(
        outcomes(send(sandbox, [one | {"sysMessageId": one["sysMessageId"] + "-2"} for one in items(200)])).values()
    )
    reworded = again(content="Hello")

    def where(code, drawn):
        return {position for position, one in enumerate(drawn) if one == code}

    assert again() == first
    assert where(13005, first) == where(13005, renamed) == where(13005, reworded)
    assert where(13009, first) == where(13009, renamed) != where(13009, reworded)
    assert where(13007, first) != where(13007, renamed)


def test_a_drawn_13008_passes_in_the_end(make):
    """An item drawn as 13008 is tried again with the same id, so each try is drawn anew."""
    sandbox = make(failures={13008: 0.5}, hourly_limit=None)
    waiting, rounds = items(200), 0
    while waiting and rounds < 30:
        said = outcomes(send(sandbox, waiting))
        waiting = [one for one in waiting if said[one["sysMessageId"]] == 13008]
        rounds += 1
    assert not waiting
    assert rounds > 3
    assert (sandbox.effects() == 1).all()


def test_a_country_can_have_a_mix_of_its_own(make):
    """A region or calling code has its own mix instead of the general one; the longest match counts."""
    sandbox = make(failures={13005: 1.0, "IN": {13006: 1.0}, "+86": {}, "8615": {13009: 1.0}})
    numbers = ["919876543210", "8615088888888", "8613088888888", "447911123456"]
    reply = send(sandbox, [item(place) | {"phone": phone} for place, phone in enumerate(numbers)])
    assert list(outcomes(reply).values()) == [13006, 13009, 0, 13005]


def test_the_realistic_mix_is_mostly_success(make):
    """The realistic mix refuses a few per cent of a country mix, with codes of rows only."""
    sandbox = make(failures="realistic")
    drawn = pd.Series([c for start in range(0, 4000, 200) for c in outcomes(send(sandbox, items(200, start))).values()])
    assert 0.9 < (drawn == 0).mean() < 0.99
    assert {codes.TABLE[code].scope for code in drawn[drawn != 0]} == {"row"}
    assert set(drawn) - {0} <= set(REALISTIC["86"])
