"""The failures that the simulated gateway draws."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import REALISTIC, Sandbox
from nxsms_nb.wire import codes
from tests.sandbox.talk import encoded, exchange, item, items, outcomes, send, signed


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
        ({"99999": 0.1}, "99999 in the failures is not a vendor result code"),
        ({"91": 0.1}, "91 in the failures is not a vendor result code"),
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


def senders(count):
    names = ["ACME", "INFO", None]
    return [
        item(place, content=f"text {place % 4}") | ({"sourceAddress": names[place % 3]} if names[place % 3] else {})
        for place in range(count)
    ]


def drawn_by(sandbox, sent):
    """Code of each item, in the order of the items."""
    drawn = outcomes(send(sandbox, sent))
    return [drawn[one["sysMessageId"]] for one in sent]


def test_failures_may_depend_on_sender_content_and_hour(make):
    """The first condition that holds decides instead of what stands around it; a tuple is any of its values."""
    sent = senders(60)
    hour = dt.datetime.now(dt.UTC).hour
    mix = {
        13005: 1.0,
        "content": {"TEXT 3": {}},
        "source_address": {("ACME", "none"): {13006: 1.0}, None: {13009: 1.0}},
    }
    codes_by = {"ACME": 13006, None: 13009, "INFO": 13005}
    expected = [0 if one["content"] == "text 3" else codes_by[one.get("sourceAddress")] for one in sent]
    assert drawn_by(make(failures=mix), sent) == expected
    now, other = {hour, str((hour + 1) % 24)}, {(hour + 12) % 24}
    assert set(drawn_by(make(failures={"hour": {tuple(now): {13007: 1.0}}}), sent)) == {13007}
    assert set(drawn_by(make(failures={"hour": {tuple(other): {13007: 1.0}}}), sent)) == {0}


def test_conditions_nest(make):
    """A mix of conditions only leaves what none of them holds for to the mix around it."""
    numbers = ["919876543210", "8615088888888"]
    sent = [
        item(place) | {"phone": phone, "sourceAddress": sender}
        for place, (phone, sender) in enumerate((phone, sender) for phone in numbers for sender in ("ACME", "INFO"))
    ]
    mix = {13009: 1.0, "source_address": {"ACME": {"IN": {13006: 1.0}}}}
    assert drawn_by(make(failures=mix), sent) == [13006, 13009, 13009, 13009]
    turned = {13009: 1.0, "country": {"IN": {"source_address": {"ACME": {13006: 1.0}}}}}
    assert drawn_by(make(failures=turned), sent) == [13006, 13009, 13009, 13009]
    assert drawn_by(make(failures={"IN": {13005: 1.0, "content": {"hi": {13006: 1.0}}}}), sent) == [13006, 13006, 0, 0]


def test_a_function_of_the_rows_decides(make):
    """Codes for each row, or shares by code, numbers or one for each row, as a mapping or a frame."""
    sent = senders(90)
    acme = [13006 if one.get("sourceAddress") == "ACME" else 0 for one in sent]
    for function in (
        lambda rows: np.where(rows["source_address"] == "ACME", 13006, 0),
        lambda rows: (rows["source_address"] == "ACME").map({True: 13006, False: None}),
        lambda rows: {13006: (rows["source_address"] == "ACME") * 1.0, 13009: 0},
        lambda rows: pd.DataFrame({13006: rows["source_address"] == "ACME"}),
        lambda rows: {13006: (rows["source_address"] == "ACME")[::-1]},
    ):
        assert drawn_by(make(failures=function), sent) == acme
    seen = []
    drawn_by(make(failures=lambda rows: seen.append(rows) or {}), sent)
    rows = seen[-1]
    assert rows["phone"].tolist() == [one["phone"] for one in sent]
    assert rows["content"].tolist() == [one["content"] for one in sent]
    assert rows["source_address"].isna().sum() == 30
    assert set(rows["country"]) == {"CN"}
    assert set(rows["hour"]) <= set(range(24))


def test_what_a_function_decides_is_drawn_from_the_seed(make):
    """Shares are drawn as those of a mapping are: the same seed and items, the same outcomes, however cut."""
    sent = senders(200)
    mapping = drawn_by(make(failures={"source_address": {"ACME": {13006: 0.4, 13005: 0.2}}, 13007: 0.1}), sent)

    def function(rows):
        acme = rows["source_address"] == "ACME"
        return {13006: 0.4 * acme, 13005: 0.2 * acme, 13007: 0.1 * ~acme}

    assert drawn_by(make(failures=function), sent) == mapping
    other = make(failures=function)
    assert [code for start in range(0, 200, 40) for code in drawn_by(other, sent[start : start + 40])] == mapping
    assert {0, 13005, 13006, 13007} == set(mapping)


def test_a_planted_cause_is_found_again():
    """What the sandbox was told to fail is what drivers names: the two can be practised together."""
    df = pd.DataFrame(
        {
            "phone": [f"9198765{i:05d}" if i % 2 else f"86150{i:08d}" for i in range(3000)],
            "content": [f"Hello {i}" for i in range(3000)],
            "source_address": [["ACME", "INFO", "SHOP"][i % 3] for i in range(3000)],
        }
    )
    failures = {13005: 0.02, "source_address": {"ACME": {"IN": {13006: 0.4}}}}
    with nx.Sandbox(seed=7, failures=failures, hourly_limit=None) as sandbox:
        sent = df.nxsms.send(sandbox.client, progress="silent")
    found = sent.nxsms.drivers()
    assert found["slice"].tolist() == [{"source_address": "ACME", "country": "IN"}]
    assert found["code"].tolist() == [13006]


ODD = {
    "raises": (lambda rows: {}["odd"], "Sandbox: the function failures= raised KeyError"),
    "too much": (
        lambda rows: {13005: 0.7, 13006: 0.7},
        "Sandbox: the shares of a row, .* add up to 1.400, more than 1",
    ),
    "no code": (lambda rows: 77, "Sandbox: "),
    "no share": (lambda rows: {13005: -1}, "Sandbox: the share -1.0 of code 13005 is not a number from 0 to 1"),
}


@pytest.mark.parametrize(("function", "said"), ODD.values(), ids=ODD)
def test_a_function_that_fails_later_says_so(make, capfd, function, said):
    """Where it fails for a request, the request fails as a whole, and one line on the screen says why."""
    sandbox = make(failures=lambda rows: function(rows) if "odd" in rows["content"].to_list() else 0)
    body = encoded(sandbox, [item(1, content="odd")])
    status, _, answer = exchange(sandbox, body, signed(sandbox, body))
    assert status == 500
    assert re.match(said, answer.decode())
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", f"{answer.decode()}\n")
    assert drawn_by(sandbox, [item(2)]) == [0]


def test_a_function_is_shown_by_its_name(make):
    """The sandbox's repr repeats from run to run: it has no address in it."""

    def planted(rows):
        return {13005: 0.1}

    assert "failures=planted" in repr(make(failures=planted))


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ({"hour": {25: {13005: 1.0}}}, "25 in the failures by 'hour'"),
        ({"hour": {"nine": {13005: 1.0}}}, "'nine' in the failures by 'hour'"),
        ({"hour": 3}, "not a mapping of an hour"),
        ({"content": {"": {13005: 1.0}}}, "'' in the failures by 'content'"),
        ({"source_address": {5: {13005: 1.0}}}, "5 in the failures by 'source_address'"),
        ({"source_address": {"ACME": 0.5}}, "not a mapping of code to share"),
        ({"source_address": {"ACME": {13006: 2}}}, "share 2 of code 13006"),
        ({"country": {"Atlantis": {13006: 0.2}}}, "'Atlantis' in the failures"),
        ({"colour": {"red": {13006: 0.2}}}, "'colour' in the failures"),
        ({"IN": {"hour": {9: {77: 0.2}}}}, "77 in the failures"),
        (lambda rows: 1 / 0, "raised ZeroDivisionError"),
        (lambda rows: rows["segment"], "raised KeyError"),
        (lambda rows: "much", "returned 'much'"),
        (lambda rows: {13005: [0.1]}, "for 2 rows"),
        (lambda rows: {13005: 1.5}, "share 1.5 of code 13005"),
        (lambda rows: {13005: 0.7, 13006: 0.7}, "add up to 1.400"),
        (lambda rows: [77] * len(rows), "77 in the failures"),
        (lambda: 3, "raised TypeError"),
        (5, "neither a mapping"),
    ],
)
def test_failures_that_cannot_be_drawn_are_refused(failures, said):
    """The error comes where the sandbox is made, and shows what does not fit."""
    with pytest.raises(ConfigError, match=said):
        Sandbox(failures=failures)
