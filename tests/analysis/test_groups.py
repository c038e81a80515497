"""What failures can be grouped by besides the frame's own columns."""

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats.proportion import proportion_confint

from nxsms_nb.analysis import chance, derived, failures
from nxsms_nb.errors import ColumnError, ConfigError
from tests.analysis.planted import failing

COUNTRIES = {"8615088888888": "CN", "60123456789": "MY", "14155550123": "US", "4915112345678": "DE"}


def failed_by(sent, keys):
    """Failed rows of each group, counted by pandas."""
    failed = sent["status"] == "Failure"
    return failed.groupby(keys.to_numpy(), dropna=False).sum().to_dict()


def counted_by(sent, by, **known):
    table = failures.failures(sent, by, **known).drop_duplicates(by)
    return dict(zip(table[by], table["failed"], strict=True))


def test_country_is_read_from_the_phone(made):
    """Each number counts for its country, in whatever shape it arrives."""
    sent = made(800)
    expected = failed_by(sent, sent["phone"].map(COUNTRIES))
    assert counted_by(sent, "country") == expected
    assert counted_by(sent.assign(phone="+" + sent["phone"]), "country") == expected
    assert counted_by(sent.assign(phone=sent["phone"].astype(float)), "country") == expected


def test_a_phone_that_cannot_be_read_has_no_country(made):
    """What is no number is a group of its own, not a guess; with a region, national numbers have their country."""
    sent = made(100).assign(phone="415 555 2671")
    assert [*counted_by(sent.assign(phone="n/a"), "country")] == [pytest.approx(float("nan"), nan_ok=True)]
    assert [*counted_by(sent, "country", region="US")] == ["US"]


def test_length_is_binned_in_order(made):
    """Contents are sorted by how many characters they have, in bins that follow the sizes of a segment."""
    sent = made(500)
    table = failures.failures(sent, "length")
    assert table["length"].drop_duplicates().astype(str).tolist() == ["1-70", "161-306"]
    edges = {"0": 0, "1-70": 70, "71-160": 160, "161-306": 306, "307-500": 500, "501-1000": 1000, "over 1000": 1001}
    one = made(1).assign(status="Failure")
    for name, length in edges.items():
        assert [*counted_by(one.assign(content="x" * length), "length")] == [name]
    assert pd.isna([*counted_by(one.assign(content=None), "length")]).all()


def test_segments_and_encoding_follow_the_bill(made):
    """Segments are what is billed, Malaysia's extra characters included; encodings are the two there are."""
    sent = made(600)
    encodings = sent["content"].map(lambda text: "GSM-7" if text.isascii() else "UCS-2")
    assert counted_by(sent, "encoding") == failed_by(sent, encodings)
    assert counted_by(sent, "segments") == failed_by(sent, sent["content"].str.len().map(lambda n: 2 if n > 160 else 1))
    near = sent.assign(content="x" * 155)
    assert counted_by(near, "segments") == failed_by(near, (near["phone"] == "60123456789").map({True: 2, False: 1}))
    assert [*counted_by(near.drop(columns="phone"), "segments")] == [1]


@pytest.mark.parametrize("by", list(derived.DERIVED))
def test_derived_groups_work_on_any_frame(made, by):
    """No rows, a prefix, other names for the columns: the same groups."""
    sent = made(200)
    assert len(failures.failures(sent[:0], by)) == 0
    other = sent.rename(columns={"phone": "mobile", "content": "text"}).add_prefix("x_")
    expected = counted_by(sent, by)
    table = counted_by(other, by, prefix="x_", phone="x_mobile", content="x_text")
    assert list(map(str, table)) == list(map(str, expected))
    assert list(table.values()) == list(expected.values())


@pytest.mark.parametrize(("by", "lacking"), [("country", "phone"), ("length", "content"), ("encoding", "content")])
def test_a_column_that_is_needed_is_named(made, by, lacking):
    """Without the phones there are no countries; the message says how to name them."""
    with pytest.raises(ColumnError, match=f'has no column {lacking!r}.*{lacking}="column"'):
        failures.failures(made(3).drop(columns=lacking), by)


def test_groups_that_differ_no_more_than_chance_are_said_to_be_so(made):
    """Senders assigned at random get a note and a p-value; a sender that fails gets another note."""
    rng = np.random.default_rng(5)
    sent = made(3000).assign(sender=rng.choice(["ACME", "Shop24", "INFO"], 3000))
    table = failures.failures(sent, "sender")
    answered, failed = (table.drop_duplicates("sender")[name] for name in ("answered", "failed"))
    expected = chi2_contingency(np.array([failed, answered - failed]), correction=False).pvalue
    assert table.attrs["p"] == pytest.approx(expected)
    assert table.attrs["note"] == f"These 3 groups differ no more than chance would: p = {expected:.2f}."
    assert "note" not in failures.failures(sent).attrs
    worse = failing(sent, sent["sender"] == "ACME", rate=0.4)
    assert (
        failures.failures(worse, "sender").attrs["note"] == "These 3 groups differ more than chance would: p < 0.001."
    )


def test_small_counts_are_compared_by_draws(made):
    """Where few are expected to fail, p comes from draws with the same margins, the same each time, and is near exact."""
    assert chance.p_value([10, 10], [0, 5]) == chance.p_value([10, 10], [0, 5])
    for n, k in (([10, 10], [0, 5]), ([8, 30], [3, 2]), ([20, 20], [3, 1])):
        exact = fisher_exact([k, [total - bad for total, bad in zip(n, k, strict=True)]]).pvalue
        assert chance.p_value(n, k) == pytest.approx(exact, abs=0.02)
    for n, k in (([], []), ([5], [1]), ([5, 0], [1, 0]), ([5, 5], [0, 0]), ([5, 5], [5, 5])):
        assert chance.p_value(n, k) is None
    one = made(1).assign(status="Failure")
    assert failures.failures(one, "country").attrs["note"] == ""


def test_rates_have_wilsons_interval(made):
    """Beside rate by group, beside share by code; the overall rate to compare with has one too."""
    sent = made(2000)
    by_code = failures.failures(sent)
    answered = int(sent["status"].isin(["Success", "Failure"]).sum())
    low, high = proportion_confint(by_code["count"], answered, method="wilson")
    assert by_code["low"].tolist() == pytest.approx(low.tolist())
    assert by_code["high"].tolist() == pytest.approx(high.tolist())
    assert list(by_code.columns)[5:8] == ["share", "low", "high"]
    by_group = failures.failures(sent, "segment")
    low, high = proportion_confint(by_group["failed"], by_group["answered"], method="wilson")
    assert by_group["low"].tolist() == pytest.approx(low.tolist())
    assert by_group["high"].tolist() == pytest.approx(high.tolist())
    assert list(by_group.columns)[1:6] == ["answered", "failed", "rate", "low", "high"]
    about = by_group.attrs["overall"]
    assert about["rate"] == pytest.approx((sent["status"] == "Failure").sum() / answered)
    assert about["low"] < about["rate"] < about["high"]


def test_numbers_and_times_are_binned(made):
    """More than 24 values are ten bins, a number asks for as many, edges are kept, and False gives each value."""
    sent = made(2000).assign(amount=np.random.default_rng(1).gamma(2, 50, 2000))
    sent["when"] = pd.Timestamp("2026-03-01", tz="Asia/Kolkata") + pd.to_timedelta(sent["amount"], unit="h")

    def groups(by, bins=None):
        return failures.failures(sent, by, bins=bins).drop_duplicates(by)

    for by in ("amount", "when"):
        table = groups(by)
        assert len(table) == 10
        assert table["answered"].max() < 1.3 * table["answered"].min()
        assert all(isinstance(interval, pd.Interval) for interval in table[by])
        assert table["failed"].sum() == (sent["status"] == "Failure").sum()
        assert len(groups(by, 4)) == 4
        assert len(groups(by, False)) == sent[by].nunique()
        first = table[by].iloc[3]
        assert len(sent.nxsms.select({by: first})) == sent[by].between(first.left, first.right).sum()
    assert groups("when")["when"].iloc[0].left.tzinfo is not None
    assert [str(interval) for interval in groups("amount", [50, 100])["amount"]] == [
        "(-inf, 50.0]",
        "(50.0, 100.0]",
        "(100.0, inf]",
    ]
    day = pd.Timestamp("2026-03-05", tz="Asia/Kolkata")
    assert groups("when", [day])["answered"].tolist() == [
        (sent["status"].isin(["Success", "Failure"]) & (sent["when"] <= day)).sum(),
        (sent["status"].isin(["Success", "Failure"]) & (sent["when"] > day)).sum(),
    ]
    assert len(groups("segment", 2)) == 3
    mixed = failures.failures(sent, ["segment", "amount"], bins=2).drop_duplicates(["segment", "amount"])
    assert len(mixed) == 6
    assert len(failures.failures(sent[:0], "amount")) == 0


@pytest.mark.parametrize("bins", [0, -1, True, "many", [3, 1], [None], [[1]], object()])
def test_bins_that_are_none_are_refused(made, bins):
    """The message names the value and what is taken."""
    with pytest.raises(ConfigError, match="bins="):
        failures.failures(made(100).assign(amount=range(100)), "amount", bins=bins)


def test_a_series_makes_groups(made):
    """A Series has a value for each row by its index; under its own name, or as "by"."""
    sent = made(600)
    first = sent["phone"].str[:2]
    expected = failed_by(sent, first)
    assert counted_by(sent.assign(phone_start=first), "phone_start") == expected
    table = failures.failures(sent, first.rename("start"))
    assert dict(zip(table["start"], table["failed"], strict=True)) == expected
    assert "by" in failures.failures(sent, first.rename(None)).columns
    part = sent[100:200]
    assert failures.failures(part, first.rename("start")).equals(
        failures.failures(part, first[100:200].rename("start"))
    )
    assert failures.failures(sent, [first.rename("start"), "segment"])["start"].notna().all()
    assert len(failures.failures(sent, (first.rename("start"), "segment"))) > len(set(first))
    twice = pd.concat([part, part])
    again = pd.concat([first[100:200], first[100:200]]).rename("start")
    assert failures.failures(twice, again)["failed"].max() == 2 * failures.failures(part, again[:100])["failed"].max()
    for wrong in (first[:50], first[:50].reset_index(drop=True), again[:150]):
        with pytest.raises(ColumnError, match="whose index does not have"):
            failures.failures(twice, wrong)


def test_hours_weekdays_and_dates_are_those_of_a_zone(made):
    """In UTC, or in the zone that tz= names; days of the week in their order."""
    sent = made(5000, per_second=0.02)
    local = sent["sent_at"].dt.tz_convert("Asia/Kolkata")
    table = failures.failures(sent, "hour", tz="Asia/Kolkata").drop_duplicates("hour").dropna(subset="hour")
    assert table["hour"].tolist() == sorted(local.dt.hour.dropna().unique())
    table = failures.failures(sent, "date", tz="Asia/Kolkata").drop_duplicates("date").dropna(subset="date")
    assert table["date"].dt.date.tolist() == sorted(local.dt.date.dropna().unique())
    table = failures.failures(sent, "weekday").drop_duplicates("weekday").dropna(subset="weekday")
    days = list(table["weekday"].astype(str))
    assert days == [day for day in table["weekday"].cat.categories if day in set(sent["sent_at"].dt.day_name())]
    for same in (ZoneInfo("Asia/Kolkata"), "+05:30", timezone(timedelta(hours=5, minutes=30))):
        pd.testing.assert_frame_equal(
            failures.failures(sent, "date", tz=same), failures.failures(sent, "date", tz="Asia/Kolkata")
        )
    for wrong in ("Mars", 8, True, "", "UTC+8"):
        with pytest.raises(ConfigError, match=f"tz={wrong!r} is not a time zone".replace("+", r"\+")):
            failures.failures(sent, "hour", tz=wrong)


def test_wide_has_a_row_for_each_group_and_a_column_for_each_code(made):
    """Its counts are those of the long table, the most frequent code first; texts without a code have a column too."""
    sent = made(2000)
    long = failures.failures(sent, "segment")
    wide = failures.failures(sent, "segment", wide=True)
    assert len(wide) == 3
    assert list(wide.columns)[:8] == ["segment", "answered", "failed", "rate", "low", "high", 13005, 13009]
    assert list(wide.columns)[-2:] == ["invalid", "unsent"]
    causes = list(wide.columns)[6:-2]
    assert "Handset gone 手机已停机" in causes
    assert (wide[causes].sum(axis=1) == wide["failed"]).all()
    for _, row in long.dropna(subset="code").iterrows():
        same = wide[wide["segment"].isna() if pd.isna(row["segment"]) else wide["segment"] == row["segment"]]
        assert same[row["code"]].tolist() == [row["count"]]
    whole = failures.failures(sent, wide=True)
    assert whole[causes].to_numpy().tolist() == [wide[causes].sum().tolist()]
    assert whole["failed"].tolist() == [wide["failed"].sum()]
    assert failures.failures(sent[:0], "segment", wide=True).shape[0] == 0
    assert wide.attrs["note"] == long.attrs["note"]
