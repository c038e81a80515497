"""What a plan says of costs: segments, countries, prices, balance, time, and the characters that cost."""

import socket
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.engine.prices import money, read_prices

PRICES = {"CN": 0.0065, "DE": 0.075, "MY": 0.023}


def keys(sandbox, **more):
    return {
        "access_key": sandbox.access_key,
        "access_secret": sandbox.access_secret,
        "app_key": sandbox.app_key,
        "base_url": sandbox.url,
    } | more


@pytest.fixture(name="frame")
def _frame():
    """Two countries, a text of two segments, one to Malaysia that is longer there, a bad number and a repeated row."""
    phones = ["8615088888888", "4915112345678", "60123456789", "123", "8615088888888", "4915112345679"]
    texts = ["Hi", "x" * 161, "x" * 155, "Hi", "Hi", "Hi"]
    return pd.DataFrame({"phone": phones, "content": texts}, index=list("abcdef"))


def test_a_plan_counts_segments_and_money_by_country(frame, sandbox):
    """The vendor's rule, Malaysia's too; exact sums in Decimal, each row's cost the nearest float."""
    plan = frame.nxsms.plan(sandbox.client, prices=PRICES)
    assert plan.frame["segments"].tolist() == [1, 2, 2, 1, 1, 1]
    assert plan.frame["segments"].dtype == "Int64"
    np.testing.assert_array_equal(plan.frame["cost"], [0.0065, 0.15, 0.046, np.nan, np.nan, 0.075])
    assert plan.countries.to_numpy().tolist() == [
        ["DE", 2, 2, 3, Decimal("0.075"), Decimal("0.225")],
        ["MY", 1, 1, 2, Decimal("0.023"), Decimal("0.046")],
        ["CN", 1, 1, 1, Decimal("0.0065"), Decimal("0.0065")],
    ]
    assert (plan.recipients, plan.segments, plan.requests, plan.cost) == (4, 6, 1, Decimal("0.2775"))
    assert plan.problems.to_dict() == {"phone_length": 1}
    assert plan.enough
    assert "4 recipients, 6 segments, cost 0.2775" in repr(plan)
    assert "Balance 3,788.32 and 500.00 credit: enough\n" in repr(plan)
    assert list(plan.frame.columns) == ["phone", "content", "messageid", "fate", "reason", "segments", "cost"]
    assert plan.frame.index.equals(frame.index)


def test_duplicates_are_counted_and_not_refused(frame, sandbox):
    """A plan shows repeated rows where send refuses them, and says so; a choice of the person's is kept."""
    plan = frame.nxsms.plan(sandbox.client)
    assert plan.counts["duplicate"] == 1
    assert "send refuses the call" in plan.frame["reason"]["e"]
    assert "Duplicates: send refuses the call unless" in repr(plan)
    with pytest.raises(nx.ValidationError):
        frame.nxsms.send(sandbox.client)
    dropped = frame.nxsms.plan(sandbox.client, duplicates="drop")
    assert dropped.counts["duplicate"] == 1
    assert "Duplicates:" not in repr(dropped)
    assert frame.nxsms.plan(sandbox.client, duplicates="allow").counts["send"] == 5


def test_without_prices_there_are_segments_and_no_cost(frame, sandbox):
    """Nothing is guessed: the cost is missing, and whether the balance suffices is not said."""
    plan = frame.nxsms.plan(sandbox.client)
    assert (plan.cost, plan.enough, plan.segments) == (None, None, 6)
    assert plan.frame["cost"].isna().all()
    assert "cost" not in repr(plan).split("recipients, ")[1]


def test_a_country_without_a_price_is_named(frame, sandbox):
    """What has a price is summed; the rest is said, and that the balance suffices is said of no more."""
    plan = frame.nxsms.plan(sandbox.client, prices={"DE": 0.075, "CN": None})
    assert plan.cost == Decimal("0.225")
    assert plan.enough is None
    assert plan.notes[1] == "No price for MY, CN: 2 rows not in the cost."
    assert "enough for the countries with a price" in repr(plan)
    assert plan.frame["cost"].notna().tolist() == [False, True, False, False, False, True]


def test_numbers_of_no_country_are_said(sandbox):
    """A calling code that is nobody's has no country and no price."""
    plan = pd.DataFrame({"phone": ["9991234567"], "content": ["Hi"]}).nxsms.plan(sandbox.client, prices=PRICES)
    assert plan.countries["country"].isna().tolist() == [True]
    assert plan.notes == ("No price for numbers of no country: 1 row not in the cost.",)
    assert "unknown" in repr(plan)


@pytest.mark.parametrize(
    "prices",
    [
        {"cn": "0.0065", " DE ": Decimal("0.075"), "MY": np.float32(0.023)},
        pd.Series(PRICES),
        pd.DataFrame({"country": list(PRICES), "price": list(PRICES.values()), "note": "x"}),
        pd.DataFrame({"price": PRICES}),
        pd.DataFrame({"USD": PRICES}),
        pd.DataFrame({"Country": [*PRICES, "CN", "FR"], "Price": [*PRICES.values(), 0.0065, None]}),
    ],
)
def test_prices_come_in_every_form(prices):
    """A dict, a Series, a frame; floats are the decimal numbers that they are written as."""
    assert read_prices(prices) == {"CN": Decimal("0.0065"), "DE": Decimal("0.075"), "MY": Decimal("0.023")}


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ({"Germany": 1}, "'Germany', which is not an ISO code"),
        ({49: 1}, "49, which is not an ISO code"),
        ({"UK": 1}, "'GB'"),
        ({"DE": -1}, r"\['DE'\]=-1 is not a price"),
        ({"DE": "0,075"}, r"\['DE'\]='0,075' is not a price"),
        ({"DE": float("inf")}, "not a price"),
        ({"DE": True}, "not a price"),
        ({"DE": [1]}, "not a price"),
        ({"DE": 1, "de": 2}, "two prices for 'DE'"),
        (0.05, "not a dict, Series or frame"),
        (pd.DataFrame({"a": [1], "b": [2]}, index=["DE"]), "without a column 'price'"),
    ],
)
def test_prices_that_are_none_are_refused(frame, sandbox, prices, words):
    """The message names the country, the value and how prices are given."""
    with pytest.raises(nx.ConfigError, match=words):
        frame.nxsms.plan(sandbox.client, prices=prices)


@pytest.mark.parametrize("rate", [0, -1, True, "fast", float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(frame, sandbox, rate):
    """Only a number above 0 is messages a second."""
    with pytest.raises(nx.ConfigError, match="messages per second"):
        frame.nxsms.plan(sandbox.client, rate=rate)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00"), ("0.00005", "0.0001"), ("0.00004", "0.00"), ("0.0225", "0.0225"), ("0.125", "0.125"),
     ("2.675", "2.675"), ("1234567.5", "1,234,567.50"), ("100", "100.00"), ("-3.5", "-3.50")],
)  # fmt: skip
def test_money_is_rounded_half_up_to_four_places(amount, shown):
    """Two places where that is exact, else up to four."""
    assert money(Decimal(amount)) == shown


def test_a_sum_of_many_small_prices_is_exact(sandbox):
    """1,000 times 0.1 is 100, which a sum of floats misses."""
    people = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(1_000)], "content": "Hi"})
    plan = people.nxsms.plan(sandbox.client, prices={"CN": 0.1})
    assert plan.cost == Decimal(100)
    assert sum([0.1] * 1_000) != 100


def test_the_balance_falls_and_is_found_too_small(sandbox):
    """With the credit it may suffice; what is missing is said."""
    people = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(20)], "content": "Hi"})
    assert "enough with the credit" in repr(people.nxsms.plan(sandbox.client, prices={"CN": 200}))
    plan = people.nxsms.plan(sandbox.client, prices={"CN": 300})
    assert plan.enough is False
    assert "not enough, 1,711.68 missing" in repr(plan)
    people.nxsms.send(sandbox.client, progress="silent")
    after = people.nxsms.plan(sandbox.client)
    assert (after.balance, after.credit) == (Decimal("3788.19"), Decimal(500))
    assert after.counts["accepted before"] == 20
    assert "Expected time" not in repr(after)


def test_only_a_client_with_the_applications_secret_asks(frame, sandbox):
    """Without it nothing is asked at all; the plan is the same otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        plan = frame.nxsms.plan(nx.Client(**keys(sandbox, query_url=url)), journal=nx.Journal.in_memory())
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert (plan.balance, plan.notes[1:]) == (None, ())


@pytest.mark.parametrize(
    ("secret", "url", "words"),
    [("wrong", None, "key pair was refused"), (None, "http://127.0.0.1:9", "The query /api/common/getBalance failed")],
)
def test_a_balance_that_is_not_answered_stops_no_plan(frame, sandbox, secret, url, words):
    """The plan is shown all the same, and says why the balance is unknown."""
    client = nx.Client(**keys(sandbox, app_secret=secret or sandbox.app_secret, query_url=url))
    plan = frame.nxsms.plan(client, journal=nx.Journal.in_memory(), prices=PRICES)
    assert (plan.balance, plan.enough, plan.cost) == (None, None, Decimal("0.2775"))
    assert "Balance unknown: " in repr(plan)
    assert words in plan.notes[-1]


def test_a_query_asked_too_often_is_said(frame, make):
    """It is not waited for."""
    sandbox = make(query_limit=1.0)
    frame.nxsms.plan(sandbox.client)
    assert "asked too often (5)" in frame.nxsms.plan(sandbox.client).notes[-1]


def test_the_vendors_queries_have_a_host_of_their_own():
    """api.nxcloud.com for the default gateway, else the gateway itself; what is given wins."""
    account = {"access_key": "key", "access_secret": "secret", "app_key": "app"}
    assert nx.Client(**account).query_url == "https://api.nxcloud.com"
    assert nx.Client(**account, base_url="https://sms.example").query_url == "https://sms.example"
    assert nx.Client(**account, query_url="https://sms.example").query_url == "https://sms.example"


def test_the_expected_time_is_by_rate_or_the_journals_last_pace(frame, sandbox):
    """Unknown before a first run; rate= is taken as given."""
    assert "Expected time: unknown before a first run" in repr(frame.nxsms.plan(sandbox.client))
    plan = frame.nxsms.plan(sandbox.client, rate=0.5)
    assert plan.seconds == 8
    assert "Expected time: 8 s" in repr(plan)
    others = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(40)], "content": "Hi"})
    others.nxsms.send(sandbox.client, progress="silent")
    run = sandbox.client.journal.runs().iloc[-1]
    pace = run["rate"] if pd.isna(run["pace"]) else run["pace"]
    assert frame.nxsms.plan(sandbox.client).seconds == pytest.approx(4 / pace)


@pytest.mark.parametrize(
    ("text", "characters", "needs"),
    [
        ("x" * 155 + "€€€", "€", 2),
        ("x" * 100 + "’", "’", 2),
        ("x" * 69 + "😀", "😀", 2),
        ("x" * 69 + "👩‍👩‍👧", "👩‍👩‍👧", 2),
        ("x" * 69 + "🇩🇪", "🇩🇪", 2),
        ("❤️" + "x" * 70, "❤️", 2),
        ("x" * 150 + "ç", "ç", 3),
        ("x" * 140 + "€" * 5 + "😀" + "x" * 10, "😀", 3),
        ("x" * 80 + "“a”", "“ ”", 2),
        ("x" * 80 + "\x92s", "U+0092", 2),
    ],
)
def test_what_a_character_costs(sandbox, text, characters, needs):
    """One character alone that makes a text need more segments is named, an emoji or a flag as one; several together."""
    people = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(14)], "content": text})
    plan = people.nxsms.plan(sandbox.client)
    assert plan.characters[["characters", "rows", "needs"]].to_numpy().tolist() == [[characters, 14, needs]]
    cause = "several characters" if " " in characters else "one character"
    assert f"14 rows need {needs} segments because of {cause}: {characters}" in repr(plan)


@pytest.mark.parametrize(
    "text", ["x" * 161, "牛" * 200, "Hi €", "it’s", "牛" * 71, "😀" * 10, "Заказ отправлен, ждите курьера. " * 3]
)
def test_texts_that_no_character_makes_longer_are_not_named(sandbox, text):
    """Plain texts that are long, short ones, and other scripts' own texts."""
    people = pd.DataFrame({"phone": ["8615088888888"], "content": [text]})
    assert people.nxsms.plan(sandbox.client).characters.empty


def test_what_plain_characters_save_is_said(sandbox):
    """In segments and, with prices, in money; the text that plain gives is what is counted."""
    people = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(14)], "content": "It’s " + "x" * 80})
    plan = people.nxsms.plan(sandbox.client, prices={"CN": 0.0065})
    assert (plan.plain_rows, plan.plain_segments, plan.plain_saves) == (14, 14, Decimal("0.091"))
    assert "nx.plain would save 14 segments (0.091) in 14 rows" in repr(plan)
    cheaper = people.assign(content=nx.plain(people["content"])).nxsms.plan(sandbox.client, prices={"CN": 0.0065})
    assert plan.cost - cheaper.cost == plan.plain_saves
    assert cheaper.plain_segments == 0


def test_the_longest_messages_are_shown_escaped_and_masked(sandbox):
    """Three that differ, the most segments first, with their rows' labels; no number in sight, no markup of theirs."""
    texts = ["<b>" + "x" * 200, "<b>" + "x" * 200, "call 8615088888888 " + "y" * 180, "z" * 170, "Hi"]
    index = ["8615011111111", "b", "c", "d", "e"]
    people = pd.DataFrame({"phone": [f"86150{i:08}" for i in range(5)], "content": texts}, index=index)
    plan = people.nxsms.plan(sandbox.client)
    assert plan.longest.index.tolist() == ["8615011111111", "c", "d"]
    assert plan.longest["characters"].tolist() == [203, 199, 170]
    for shown in (repr(plan), plan._repr_html_()):
        assert "8615088888888" not in shown
        assert "8615011111111" not in shown
    assert "<b>x" not in plan._repr_html_()
    assert "&lt;b&gt;x" in plan._repr_html_()
    assert 'data-nxsms="plan"' in plan._repr_html_()


def test_an_empty_frame_has_a_plan(sandbox):
    """Nothing to send costs nothing."""
    plan = pd.DataFrame({"phone": [], "content": []}).nxsms.plan(sandbox.client, prices=PRICES)
    assert (plan.cost, plan.segments, plan.requests, plan.enough) == (Decimal(0), 0, 0, True)
    assert repr(plan)
    assert plan._repr_html_()


def test_planning_again_replaces_its_own_columns_and_a_prefix_keeps_the_frames(frame, sandbox):
    """A column of the frame's own named cost stays where the plan's have a prefix."""
    once = frame.nxsms.plan(sandbox.client, prices=PRICES).frame.drop(columns=["messageid", "fate", "reason"])
    again = once.assign(cost=7.0).nxsms.plan(sandbox.client, prices=PRICES, prefix="sms_").frame
    assert again["cost"].eq(7).all()
    assert again["sms_cost"].sum() == pytest.approx(0.2775)
