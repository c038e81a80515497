"""What goes with failure is found, named exactly, and nothing else is."""

import datetime as dt
import io
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact, hypergeom

from nxsms_nb.errors import ColumnError, ConfigError
from tests.analysis.planted import campaign, choice, failing

COLUMNS = [
    *("slice", "where", "rows", "failed", "rate", "low", "high", "rest_rate"),
    *("ratio", "ratio_low", "ratio_high", "excess", "p", "code"),
]
DTYPES = ["object", "str", "int64", "int64", *["float64"] * 9, "Int64"]
DAY = pd.Timestamp("2026-03-01", tz="Europe/Berlin")


def dtypes(found):
    return ["str" if isinstance(dtype, pd.StringDtype) else str(dtype) for dtype in found.dtypes]


def times(rng, n):
    return DAY + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s")


def answered(frame):
    return frame[frame["status"].isin(["Success", "Failure"])]


@pytest.fixture(name="shops", scope="module")
def _shops():
    """A campaign with a sender, a city that may be missing, and an amount."""
    return campaign(
        5000,
        sender=choice("ACME", "Shop24", "INFO"),
        city=choice("Rome", "Oslo", None, p=[0.5, 0.4, 0.1]),
        amount=lambda rng, n: rng.gamma(2, 50, n),
    )


def test_one_cause_is_named_once_with_its_figures(shops):
    """The one row holds what counting by hand gives, and the others are what is left."""
    sent = failing(shops, shops["sender"] == "ACME", rate=0.2)
    found = sent.nxsms.drivers()
    assert list(found.columns) == COLUMNS
    assert dtypes(found) == DTYPES
    assert found["slice"].tolist() == [{"sender": "ACME"}]
    rows = answered(sent)
    inside = rows["sender"] == "ACME"
    failed = rows["status"] == "Failure"
    k, n, rest_k, rest_n = (failed & inside).sum(), inside.sum(), (failed & ~inside).sum(), (~inside).sum()
    first = found.iloc[0]
    assert (first["rows"], first["failed"], first["code"]) == (n, k, 13006)
    assert first["rate"] == pytest.approx(k / n)
    assert first["rest_rate"] == pytest.approx(rest_k / rest_n)
    assert first["ratio"] == pytest.approx(k / n / (rest_k / rest_n))
    assert first["ratio_low"] < first["ratio"] < first["ratio_high"]
    spread = 1.959964 * np.sqrt(1 / k - 1 / n + 1 / rest_k - 1 / rest_n)
    assert first["ratio_low"] == pytest.approx(first["ratio"] * np.exp(-spread), rel=1e-5)
    assert first["low"] < first["rate"] < first["high"]
    assert first["excess"] == pytest.approx(k - n * rest_k / rest_n)
    exact = hypergeom.sf(k - 1, n + rest_n, k + rest_k, n)
    assert exact <= first["p"] <= 1000 * exact
    assert exact == pytest.approx(fisher_exact([[k, n - k], [rest_k, rest_n - rest_k]], "greater").pvalue)
    assert found.attrs["left"] == {"rows": rest_n, "failed": rest_k, "rate": pytest.approx(rest_k / rest_n)}


def test_a_pair_is_named_where_it_says_more_than_its_halves(shops):
    """Two values that fail together are one slice, and its rows are selected by it."""
    held = (shops["sender"] == "ACME") & (shops["city"] == "Rome")
    sent = failing(shops, held)
    found = sent.nxsms.drivers()
    assert found["slice"].tolist() == [{"sender": "ACME", "city": "Rome"}]
    assert found["where"].tolist() == ["ACME and Rome"]
    pd.testing.assert_frame_equal(sent.nxsms.select(found["slice"][0]), sent[held])


def test_depth_1_names_single_columns_only(shops):
    """With depth=1 no slice is of two columns."""
    held = (shops["sender"] == "ACME") & (shops["city"] == "Rome")
    found = failing(shops, held).nxsms.drivers(depth=1)
    assert len(found)
    assert {len(given) for given in found["slice"]} == {1}


def test_two_causes_are_two_rows_and_what_is_counted_adds_up(shops):
    """The second is counted among the rows that the first left, so that all rows are there once."""
    held = (shops["sender"] == "ACME") | shops["city"].isna()
    sent = failing(shops, held)
    found = sent.nxsms.drivers()
    assert found["slice"].tolist() == [{"sender": "ACME"}, {"city": None}]
    assert found["rows"].sum() + found.attrs["left"]["rows"] == len(answered(sent))
    assert found["failed"].sum() + found.attrs["left"]["failed"] == (sent["status"] == "Failure").sum()


def test_a_column_that_goes_with_the_cause_is_not_listed_next_to_it(shops):
    """A shadow that is the cause in nine rows of ten is not another cause."""
    cause = shops["sender"] == "ACME"
    shadow = np.where(np.random.default_rng(3).random(len(shops)) < 0.9, cause, ~cause)
    found = failing(shops, cause).assign(shadow=shadow).nxsms.drivers()
    assert found["slice"].tolist() == [{"sender": "ACME"}]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_is_not_claimed(shops, seed):
    """Where failures go with nothing, nothing is found, and the note says so."""
    found = failing(shops, False, base=0.05, seed=seed).nxsms.drivers()
    assert list(found.columns) == COLUMNS
    assert dtypes(found) == DTYPES
    assert len(found) == 0
    assert "no slice" in found.attrs["note"]


MANY = {
    "text": (choice("IN", "IN ", "in"), lambda c: c == "IN "),
    "empty text": (choice("", "a", None), lambda c: c == ""),
    "bool": (lambda rng, n: rng.random(n) < 0.3, lambda c: c),
    "bool with missing": (choice(True, False, None), lambda c: c.isna()),
    "nullable bool": (lambda rng, n: pd.array(choice(True, False, None)(rng, n), "boolean"), lambda c: c),
    "few whole numbers": (lambda rng, n: pd.array(choice(1, 2, 3, None)(rng, n), "Int64"), lambda c: c == 2),
    "whole numbers": (lambda rng, n: pd.array(rng.integers(0, 1000, n), "Int64"), lambda c: c.between(300, 499)),
    "large numbers": (lambda rng, n: rng.integers(2**60, 2**60 + 999, n), lambda c: c < 2**60 + 200),
    "floats": (lambda rng, n: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), lambda c: c < -0.5),
    "missing floats": (lambda rng, n: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), lambda c: c.isna()),
    "ties": (lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.normal(size=n)), lambda c: c == 0),
    "infinite": (lambda rng, n: np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n)), lambda c: c == np.inf),
    "few decimals": (choice(Decimal("1.10"), Decimal("2.5"), None), lambda c: c == Decimal("1.1")),
    "decimals": (
        lambda rng, n: [Decimal(int(x)) / 100 for x in rng.integers(0, 10**5, n)],
        lambda c: c.between(Decimal(300), Decimal(500)),
    ),
    "dates": (
        lambda rng, n: [dt.date(2026, 1, 1) + dt.timedelta(int(x)) for x in rng.integers(0, 99, n)],
        lambda c: c < dt.date(2026, 2, 1),
    ),
    "times as objects": (
        lambda rng, n: pd.Series(list(times(rng, n)), dtype=object),
        lambda c: pd.to_datetime(c) < DAY + pd.Timedelta("2D"),
    ),
    "times of several zones": (
        lambda rng, n: pd.Series(
            [at.tz_convert(["Asia/Kolkata", "UTC"][i % 2]) for i, at in enumerate(times(rng, n))], dtype=object
        ),
        lambda c: pd.to_datetime(c, utc=True) < DAY + pd.Timedelta("2D"),
    ),
    "times with a zone": (times, lambda c: c < DAY + pd.Timedelta("2D")),
    "times": (lambda rng, n: times(rng, n).tz_localize(None), lambda c: c < DAY.tz_localize(None) + pd.Timedelta("2D")),
    "missing times": (lambda rng, n: times(rng, n).where(rng.random(n) < 0.9), lambda c: c.isna()),
    "durations": (
        lambda rng, n: pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
        lambda c: c < pd.Timedelta("2D"),
    ),
    "categories": (lambda rng, n: pd.Categorical(choice("a", "b", None)(rng, n), [*"zaby"]), lambda c: c == "b"),
    "categories of numbers": (lambda rng, n: pd.Categorical(rng.integers(0, 50, n)), lambda c: c.astype(int) < 1),
    "several types": (choice(1, "1", None, 2.5, "x"), lambda c: c == "1"),
    "periods": (lambda rng, n: pd.PeriodIndex(times(rng, n).tz_localize(None), freq="D"), lambda c: c == "2026-03-03"),
    "intervals": (lambda rng, n: pd.cut(rng.random(n), [0, 0.2, 0.5, 1]), lambda c: c.cat.codes == 1),
    "arrow times": (
        lambda rng, n: pd.Series(times(rng, n)).astype(pd.ArrowDtype(pa.timestamp("us", "Asia/Kolkata"))).array,
        lambda c: c < DAY + pd.Timedelta("2D"),
    ),
    "arrow dates": (
        lambda rng, n: pd.Series(times(rng, n).date).astype(pd.ArrowDtype(pa.date32())).array,
        lambda c: c < dt.date(2026, 3, 3),
    ),
    "arrow decimals": (
        lambda rng, n: pd.array(
            [Decimal(int(x)) / 100 for x in rng.integers(0, 10**5, n)], pd.ArrowDtype(pa.decimal128(9, 2))
        ),
        lambda c: c < Decimal(200),
    ),
    "arrow numbers": (lambda rng, n: pd.array(rng.integers(0, 500, n), pd.ArrowDtype(pa.int64())), lambda c: c < 100),
    "a phone": (choice("+4915112345678", "8615088888888"), lambda c: c == "8615088888888"),
}


@pytest.mark.parametrize("kind", list(MANY))
def test_columns_of_every_kind_are_looked_at_and_selected_by(kind):
    """Whatever a column holds, its value or range is named, and select gives the rows that were counted."""
    make_column, picks = MANY[kind]
    frame = campaign(column=make_column)
    held = pd.Series(picks(frame["column"])).fillna(False).to_numpy(bool)
    sent = failing(frame, held)
    found = sent.nxsms.drivers()
    assert [list(given) for given in found["slice"]] == [["column"]]
    rows = sent.nxsms.select(found["slice"][0])
    assert len(answered(rows)) == found["rows"][0]
    inside = sent.index.isin(rows.index)
    assert (inside & held).sum() > 0.9 * (inside | held).sum()


def test_ranges_are_intervals_whose_ends_occur(shops):
    """A range of a number is a pandas.Interval close to what was planted, and is said in words."""
    found = failing(shops, shops["amount"].between(60, 90)).nxsms.drivers()
    given = found["slice"][0]["amount"]
    assert isinstance(given, pd.Interval)
    assert {given.left, given.right} <= set(shops["amount"])
    assert abs(given.left - 60) < 5
    assert abs(given.right - 90) < 5
    assert found["where"][0].startswith("amount 6")


def test_a_range_that_reaches_an_end_is_said_to_be_open(shops):
    """Above a number, or up to one, is said so; the interval goes to the highest or lowest value there is."""
    found = failing(shops, shops["amount"] > 150).nxsms.drivers()
    assert len(found) == 1
    assert found["slice"][0]["amount"].right == answered(shops)["amount"].max()
    assert found["where"][0].endswith(" or more")
    found = failing(shops, shops["amount"] < 40).nxsms.drivers()
    assert found["where"][0].startswith("amount up to ")


def test_neighbouring_hours_are_one_range():
    """A run of a few whole numbers is one slice, an interval of them."""
    frame = campaign(5000, clock=lambda rng, n: rng.integers(8, 20, n))
    found = failing(frame, frame["clock"].between(11, 13)).nxsms.drivers()
    assert found["slice"].tolist() == [{"clock": pd.Interval(11, 13, closed="both")}]
    assert found["where"].tolist() == ["clock 11 to 13"]


def test_receipts_explain_nothing_and_hide_no_derived_column(shops):
    """The segments of a receipt are no driver; what is derived under that name is not taken from them."""
    sent = failing(shops, shops["sender"] == "ACME").assign(
        dr="x",
        dr_status=2,
        dr_time=pd.NaT,
        price=1.0,
        currency="EUR",
        network="n",
        segments=(shops["sender"] == "ACME") * 1,
    )
    assert sent.nxsms.drivers()["slice"].tolist() == [{"sender": "ACME"}]


def test_an_hour_of_the_day_is_named_by_its_number():
    """Derived columns are looked at unasked, in the zone that is asked for."""
    frame = campaign(5000)
    sent_at = DAY + pd.to_timedelta(np.random.default_rng(2).integers(0, 10 * 86400, len(frame)), unit="s")
    frame["sent_at"] = sent_at.tz_convert("UTC").as_unit("us")
    sent = failing(frame, sent_at.hour == 14)
    assert sent.nxsms.drivers(tz="Europe/Berlin")["slice"].tolist() == [{"hour": 14}]
    assert sent.nxsms.drivers()["slice"].tolist() == [{"hour": 13}]
    assert len(sent.nxsms.select({"hour": 14}, tz="Europe/Berlin")) == (sent_at.hour == 14).sum()
    assert sent.nxsms.drivers(columns=["country", "hour"])["slice"].tolist() == [{"hour": 13}]


def test_a_column_of_the_frame_wins_over_a_derived_one(shops):
    """A frame with an hour of its own is looked at by that, and selected by that."""
    sent = failing(shops, shops["sender"] == "ACME").assign(hour=shops["sender"].map({"ACME": "noon"}).fillna("night"))
    found = sent.drop(columns="sender").nxsms.drivers()
    assert found["slice"].tolist() == [{"hour": "noon"}]
    assert len(sent.nxsms.select({"hour": "noon"})) == (sent["sender"] == "ACME").sum()


def test_what_tells_nothing_is_left_out_and_said(shops):
    """Lists, one value, too many values, ids and doubled names are left out with a reason; results and texts silently."""
    sent = failing(shops, shops["sender"] == "ACME").assign(
        lists=[[1]] * len(shops),
        same=1,
        name=[f"n{i}" for i in range(len(shops))],
        customer_id=range(len(shops)),
        few=[f"n{i % 200}" for i in range(len(shops))],
    )
    sent = pd.concat([sent, sent[["city"]]], axis=1)
    about = sent.nxsms.drivers().attrs
    assert {"lists", "same", "name", "customer_id", "city"} <= set(about["left_out"])
    assert {"sender", "amount", "few", "segment"} <= set(about["columns"])
    for label in ("phone", "content", "messageid", "status", "code", "batch", "sent_at", "latency_ms"):
        assert label not in about["columns"]
        assert label not in about["left_out"]


def test_columns_that_are_asked_for_may_have_thousands_of_values(shops):
    """A value of few rows is no slice, and one of many is found among them."""
    names = [f"n{i}" if i % 10 else "big" for i in range(len(shops))]
    sent = failing(shops.assign(name=names), np.array(names) == "big")
    assert sent.nxsms.drivers("name")["slice"].tolist() == [{"name": "big"}]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda sent: sent[:0], "There are no answered rows"),
        (lambda sent: sent[sent["status"] == "Invalid"], "There are no answered rows"),
        (lambda sent: sent[sent["status"] == "Success"], "None of the"),
        (lambda sent: sent[sent["status"] == "Failure"], "All "),
        (lambda sent: sent[:9], "no slice"),
    ],
)
def test_frames_without_a_contrast_give_an_empty_table(shops, change, note):
    """Nothing answered, nothing failed, all failed, a handful of rows: no finding, the same columns, and words."""
    found = change(failing(shops, shops["sender"] == "ACME")).nxsms.drivers()
    assert len(found) == 0
    assert list(found.columns) == COLUMNS
    assert dtypes(found) == DTYPES
    assert note in found.attrs["note"]


@pytest.mark.parametrize(
    "change",
    [
        lambda sent: sent.set_index(np.zeros(len(sent), int)),
        lambda sent: sent.sample(frac=1, random_state=1),
        lambda sent: pd.read_csv(io.StringIO(sent.to_csv(index=False))),
    ],
)
def test_any_frame_that_carries_results_gives_the_same(shops, change):
    """A repeated index, another order, a file: the same findings."""
    sent = failing(shops, shops["sender"] == "ACME")
    expected = sent.nxsms.drivers()
    pd.testing.assert_frame_equal(change(sent).nxsms.drivers(), expected, check_dtype=False)


def test_a_prefix_and_renamed_columns(shops):
    """Results under a prefix, and a phone under another name, give the same findings."""
    sent = failing(shops, shops["phone"] == "60123456789")
    assert sent.nxsms.drivers()["slice"].tolist() == [{"country": "MY"}]
    other = sent.rename(columns={"phone": "mobile", "content": "text"}).add_prefix("x_")
    found = other.nxsms.drivers(prefix="x_", phone="x_mobile", content="x_text")
    assert found["slice"].tolist() == [{"country": "MY"}]
    assert len(other.nxsms.select(found["slice"][0], phone="x_mobile")) == (sent["phone"] == "60123456789").sum()


def test_rows_that_were_not_answered_count_nowhere(shops):
    """Invalid, unsent, unknown and skipped rows make no failure and no row."""
    sent = failing(shops, shops["sender"] == "ACME")
    found = sent.nxsms.drivers()
    pd.testing.assert_frame_equal(answered(sent).nxsms.drivers(), found)


def test_a_column_may_be_the_outcome(shops):
    """True and false, or 0 and 1, of all rows in which it is not missing, without any result."""
    bought = pd.Series(np.random.default_rng(1).random(len(shops)) < np.where(shops["sender"] == "ACME", 0.5, 0.9))
    plain = shops[["phone", "sender", "city", "amount"]]
    found = plain.assign(bought=bought).nxsms.drivers(outcome="bought")
    assert found["slice"].tolist() == [{"sender": "ACME"}]
    assert found["failed"][0] == (~bought & (shops["sender"] == "ACME")).sum()
    assert found["code"].isna().all()
    pd.testing.assert_frame_equal(plain.assign(bought=bought.astype(int)).nxsms.drivers(outcome="bought"), found)
    some = plain.assign(bought=bought.astype("boolean").mask(shops.index < 100))
    assert some.nxsms.drivers(outcome="bought").attrs["missing"] == 100
    with pytest.raises((ConfigError, ColumnError), match=r"fillna\(False\)"):
        plain.assign(bought=bought.where(bought)).nxsms.drivers(outcome="bought")
    with pytest.raises((ConfigError, ColumnError)):
        plain.assign(bought=range(len(plain))).nxsms.drivers(outcome="bought")


def test_delivery_may_be_the_outcome(shops):
    """Of rows with a final receipt; open ones and rows without one do not count, and receipts explain nothing."""
    rng = np.random.default_rng(4)
    final = np.where(rng.random(len(shops)) < np.where(shops["sender"] == "ACME", 0.4, 0.05), 5, 2)
    status = pd.array(np.where(rng.random(len(shops)) < 0.1, 12, final), "Int64")
    sent = shops.assign(dr="x", dr_status=status, dr_time=pd.NaT, price=final, currency="EUR", segments=1, network="n")
    found = sent.nxsms.drivers(outcome="delivered")
    assert found["slice"].tolist() == [{"sender": "ACME"}]
    assert found.attrs["rows"] == (status != 12).sum()
    with pytest.raises(ColumnError, match=r"nxsms\.receipts"):
        shops.nxsms.drivers(outcome="delivered")


def test_the_note_reads_as_a_sentence_with_code_and_advice(shops):
    """Rate, rows, times the rest, excess, code and advice are said; a phone in a slice is masked."""
    sent = failing(shops, shops["sender"] == "ACME")
    first, rest = sent.nxsms.drivers().attrs["note"].split("\n")
    row = sent.nxsms.drivers().iloc[0]
    assert first.startswith(f"ACME: {row['rate']:.1%} of {row['rows']:,} failed, {row['ratio']:.0f} times the rest; ")
    assert f"{row['excess']:,.0f} more than expected. Mostly 13006 " in first
    assert rest.startswith("Everything else: ")
    found = failing(shops, shops["phone"] == "8615088888888").assign(copy=shops["phone"]).nxsms.drivers("copy")
    assert "8615088888888" not in found.attrs["note"]
    assert found["slice"].tolist() == [{"copy": "8615088888888"}]


def test_what_is_said_of_a_table_can_be_stored(shops):
    """Attrs are plain values, and where results came from is kept."""
    sent = failing(shops, shops["sender"] == "ACME")
    sent.attrs["nxsms"] = {"gateway": "sandbox"}
    about = sent.nxsms.drivers().attrs
    assert json.loads(json.dumps(about))["left"] == about["left"]
    assert about["nxsms"] == {"gateway": "sandbox"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": ["colour"]}, "columns='colour' is neither a column"),
        ({"columns": ["city", "city"]}, "'city' twice"),
        ({"columns": ["lists"]}, "cannot be grouped"),
        ({"outcome": "colour"}, "outcome='colour'"),
        ({"depth": 3}, "depth=3"),
        ({"level": 5}, "level=5"),
        ({"min_rows": 0}, "min_rows=0"),
        ({"tz": "Mars"}, "tz='Mars' is not a time zone"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(shops, given, said):
    """The error names the option and the value."""
    sent = shops.assign(lists=[[1]] * len(shops))
    with pytest.raises((ConfigError, ColumnError), match=said):
        sent.nxsms.drivers(**given)


def test_select_takes_values_missing_ones_and_intervals(shops):
    """Each way to say what rows must have; another type than the column's holds nowhere; index and order stay."""
    assert len(shops.nxsms.select({})) == len(shops)
    assert shops.nxsms.select({"city": None}).equals(shops[shops["city"].isna()])
    assert shops.nxsms.select({"city": np.nan}).equals(shops[shops["city"].isna()])
    part = shops.nxsms.select({"amount": pd.Interval(10, 20, "left"), "sender": "INFO"})
    assert part.equals(shops[shops["amount"].ge(10) & shops["amount"].lt(20) & (shops["sender"] == "INFO")])
    assert len(shops.nxsms.select({"sender": pd.Interval(1, 2)})) == len(shops.nxsms.select({"sender": 3})) == 0
    assert len(shops.nxsms.select({"amount": pd.Interval(DAY, DAY + pd.Timedelta("1D"))})) == 0
    with pytest.raises(ConfigError, match="is not a slice"):
        shops.nxsms.select("IN")
    with pytest.raises(ColumnError, match="slice='colour'"):
        shops.nxsms.select({"colour": 1})


def test_an_own_column_of_too_many_values_does_not_hide_what_is_derived(shops):
    """Where a column of country names is left out, the country of the phone is looked at under its second name."""
    sent = shops.assign(country=[f"name {i % 300}" for i in range(len(shops))])
    sent = failing(sent, sent["phone"].str.startswith("49"), rate=0.2)
    found = sent.nxsms.drivers()
    assert found["slice"].tolist() == [{"country (phone)": "DE"}]
    assert "country" in found.attrs["left_out"]
    assert len(sent.nxsms.select(found["slice"][0])) == int(sent["phone"].str.startswith("49").sum())
    kept = sent.assign(country="DE").nxsms.drivers()
    assert "country (phone)" in kept.attrs["columns"] or "country" in kept.attrs["left_out"]
