"""The dashboard's counts and slices against plain pandas, on random frames and for every kind of filter."""

import decimal
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nxsms_nb  # noqa: F401  registers df.nxsms
from nxsms_nb.analysis.axes import OTHER, of_column
from nxsms_nb.analysis.catalogue import catalogue
from nxsms_nb.analysis.cube import FAILED, GOOD, Choices, Cube
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.literals import literal, select_call
from nxsms_nb.analysis.slices import both
from nxsms_nb.errors import ColumnError
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES
from tests.support.made import make

ODD = {
    "it's {odd}\n\"": lambda rng, n: rng.choice(["a", "it's", 'a "b"', "", " ", "\\", "{x}", None], n),
    7: lambda rng, n: rng.choice([0, 1, 2], n),
    ("a", 1): lambda rng, n: rng.choice([True, False], n),
    "objects": lambda rng, n: pd.Series(rng.choice(np.array([1, "1", 2.5, None, True], object), n), dtype=object),
    "gaps": lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.normal(0, 1e6, n)),
    "whole": lambda rng, n: pd.array(np.where(rng.random(n) < 0.2, None, rng.integers(0, 500, n)), dtype="Int64"),
    "bool": lambda rng, n: pd.array(np.where(rng.random(n) < 0.2, None, rng.random(n) < 0.5), dtype="boolean"),
    "size": lambda rng, n: pd.Categorical(
        rng.choice(["S", "M", "L", None], n), ["L", "unused", "M", "S"], ordered=True
    ),
    "kind": lambda rng, n: pd.Categorical(rng.choice([3, 1, 2], n)),
    "cut": lambda rng, n: pd.cut(rng.random(n), [0, 0.3, 0.6, 1]),
    "when": lambda rng, n: (
        pd.Timestamp("2026-03-29 00:30", tz="Europe/Berlin") + pd.to_timedelta(rng.integers(0, 10**9, n), unit="us")
    ),
    "day": lambda rng, n: pd.to_datetime(rng.choice(["2026-03-01", "2026-03-02", None], n)),
    "date": lambda rng, n: pd.Series(pd.to_datetime(rng.choice(["2026-03-01", "2026-03-02"], n))).dt.date,
    "took": lambda rng, n: pd.to_timedelta(rng.integers(0, 10**6, n), unit="ms"),
    "price": lambda rng, n: pd.Series([decimal.Decimal(int(x)) / 100 for x in rng.integers(0, 9, n)], dtype=object),
    "month": lambda rng, n: pd.PeriodIndex(rng.choice(["2026-03", "2026-04"], n), freq="M"),
    "many": lambda rng, n: [f"shop {min(i, 300)}" for i in rng.zipf(1.4, n)],
    "country": lambda rng, n: rng.choice(["Mali", "Fiji", "Peru"], n),
    "inf": lambda rng, n: np.where(rng.random(n) < 0.1, np.inf, rng.normal(0, 1, n)),
    "tiny": lambda rng, n: rng.random(n) * 1e-12,
    "big": lambda rng, n: rng.integers(2**60, 2**62, n),
    "same": lambda rng, n: ["x"] * n,
}
"""Columns of odd names, types and values."""


def odd(n=600, seed=5):
    """A sent frame with all of these."""
    rng = np.random.default_rng(seed)
    frame = make(n, seed=seed)
    added = {label: pd.Series(made(rng, n)).array for label, made in ODD.items()}
    labels = pd.Index([*frame.columns, *added], dtype=object, tupleize_cols=False)
    return pd.concat([frame, pd.DataFrame(added)], axis=1).set_axis(labels, axis=1)


def evaluated(code, sent):
    """The frame that a line of code gives."""
    return eval(code, {"sent": sent, "pd": pd})  # noqa: S307 - our own line


def every_filter(cube, labels):
    """One filter of each kind and level: key, filter."""
    yield from ((("status"), cube.by_status(place)) for place in range(len(STATUSES)))
    yield from (("reason", cube.by_reason(place)) for place in range(len(cube.reasons)))
    for key, scale in (("time", cube.time), ("latency", cube.latency)):
        for first, last in ((0, 0), (0, len(scale) - 1), (len(scale) // 3, len(scale) // 2), (len(scale) - 1,) * 2):
            yield key, cube.by_scale(scale, first, last)
    for label in labels:
        axis = cube.axis(label)
        for level, value in enumerate(axis.levels):
            if value is not OTHER:
                yield ("column", label), cube.by_axis(axis, level)


@pytest.mark.parametrize("seed", range(2))
def test_each_filter_is_the_slice_that_its_code_takes(seed):
    """Whatever the column's name and type: the mask, the slice and the line of code give the same rows."""
    sent = odd(seed=seed)
    cube = Cube(sent, Asked())
    labels = catalogue(sent, Asked()).offered
    assert {*ODD} - {"same"} <= {*labels}
    seen = 0
    for key, chosen in every_filter(cube, labels):
        again = evaluated(select_call(chosen.slice, Asked()), sent)
        pd.testing.assert_frame_equal(again, sent[chosen.rows], obj=str(key))
        seen += 1
    assert seen > 120


def test_filters_together_are_the_slice_that_their_code_takes():
    """Any combination of filters gives the rows that pass all of them, also two of one column."""
    sent = odd()
    cube = Cube(sent, Asked())
    rng = np.random.default_rng(1)
    filters = list(every_filter(cube, catalogue(sent, Asked()).offered))
    filled = 0
    for _ in range(300):
        choices = Choices()
        for place, which in enumerate(rng.integers(0, len(filters), rng.integers(1, 5))):
            key, chosen = filters[which]
            choices[key, place] = chosen
        mask = choices.mask()
        again = evaluated(select_call(choices.slice(), Asked()), sent)
        pd.testing.assert_frame_equal(again, sent[mask])
        filled += bool(mask.any())
    assert filled > 100


def test_levels_are_the_rows_of_plain_pandas():
    """Each level holds the rows that have its value, and every row has a level."""
    sent = odd()
    for label in ("it's {odd}\n\"", "size", "many", "country"):
        axis = of_column(sent, label, Asked())
        for level, value in enumerate(axis.levels):
            own = sent[label]
            kept = {one for one in axis.levels if one not in (None, OTHER)}
            rows = own.isna() if value is None else ~own.isin(kept) & own.notna() if value is OTHER else own == value
            assert (np.asarray(rows, bool) == (axis.codes == level)).all(), (label, value)


def plain(sent, mask):
    """Rows that failed, were accepted, and others, counted by pandas."""
    status = sent["status"].astype(str)
    return [int((mask & (status == "Failure")).sum()), int((mask & (status == "Success")).sum())]


@settings(max_examples=40)
@given(st.integers(0, 400), st.integers(0, 10**6))
def test_counts_are_those_of_plain_pandas(rows, seed):
    """By status, reason, interval, level and pair of levels, under filters, as pandas counts them."""
    sent = make(rows, seed=seed)
    cube = Cube(sent, Asked())
    rng = np.random.default_rng(seed)
    choices = Choices()
    if rng.random() < 0.7:
        choices["status"] = cube.by_status(int(rng.integers(0, 6)))
    if len(cube.time) and rng.random() < 0.5:
        choices["time"] = cube.by_scale(cube.time, 0, int(rng.integers(0, len(cube.time))))
    mask = choices.mask()
    chosen = np.ones(rows, bool) if mask is None else mask
    status = sent["status"].astype(str)
    assert cube.statuses(mask).tolist() == [int((chosen & (status == one)).sum()) for one in STATUSES]
    assert cube.of_reasons(mask).sum() == int((chosen & (status != "Success")).sum())
    for place, reason in enumerate(cube.reasons.reasons):
        held = chosen & (status == reason.status)
        held &= sent["code"].isna() if reason.code is None else (sent["code"] == reason.code).fillna(False).astype(bool)
        if reason.texts:
            held &= sent["reason"].isna() if reason.text is None else (sent["reason"] == reason.text).fillna(False)
        assert cube.of_reasons(mask)[place] == int(held.sum())
    for axis in (cube.axis("segment"), cube.axis("country")):
        counts = cube.of_axis(axis, mask)
        for level in range(len(axis)):
            assert counts[level, [FAILED, GOOD]].tolist() == plain(sent, chosen & (axis.codes == level))
    one, other = cube.axis("segment"), cube.axis("country")
    pairs = cube.of_pair(one, other, mask)
    for level, another in itertools.product(range(len(one)), range(len(other))):
        held = chosen & (one.codes == level) & (other.codes == another)
        assert pairs[level, another, [FAILED, GOOD]].tolist() == plain(sent, held)
    for scale, label in ((cube.time, "sent_at"), (cube.latency, "latency_ms")):
        counts = cube.of_scale(scale, mask)
        assert counts.sum() == int((chosen & sent[label].notna()).sum())
        for place in range(len(scale)):
            span = scale.interval(place, place)
            held = np.asarray((sent[label] >= span.left) & (sent[label] < span.right), bool)
            assert counts[place].sum() == int((chosen & held).sum())


@pytest.mark.parametrize("way", ["csv", "prefix", "multiindex", "renamed", "repeated index"])
def test_frames_that_travelled_have_the_same_slices(way, tmp_path):
    """Read back from a file, under a prefix, with labels of two levels or other names: the code fits the frame."""
    sent = make(400)
    asked = Asked()
    if way == "csv":
        sent.to_csv(tmp_path / "sent.csv", index=False)
        sent = pd.read_csv(tmp_path / "sent.csv", dtype={"phone": str})
    if way == "prefix":
        sent = sent.rename(columns={name: f"sms_{name}" for name in RESULT_COLUMNS})
        asked = Asked(prefix="sms_")
    if way == "multiindex":
        sent = (
            sent.drop(columns="segment")
            .assign(new=1)
            .pipe(
                lambda frame: frame.set_axis(
                    pd.Index([*frame.columns[:-1], ("group", "a")], dtype=object, tupleize_cols=False), axis=1
                )
            )
        )
        sent["group", "a"] = np.arange(400) % 3
    if way == "renamed":
        sent = sent.rename(columns={"phone": "mobile", "content": ("text", 1)})
        asked = Asked(phone="mobile", content=("text", 1))
    if way == "repeated index":
        sent.index = np.arange(400) % 7
    cube = Cube(sent, asked)
    for _, chosen in every_filter(cube, catalogue(sent, asked).offered):
        again = evaluated(select_call(chosen.slice, asked), sent)
        pd.testing.assert_frame_equal(again, sent[chosen.rows])


def test_what_makes_no_groups_is_listed_with_why():
    """Lists, twofold names, numbers of people, ids and single values; what is derived is offered beside its namesake."""
    sent = odd().assign(
        tags=[["a"]] * 600, ref=[f"r{i}" for i in range(600)], alien=[object()] * 300 + [frozenset()] * 300
    )
    sent.insert(0, "twice", 1)
    sent.insert(0, "twice", 2, allow_duplicates=True)
    found = catalogue(sent, Asked())
    assert found.refused == {
        "twice": "twice", "phone": "number", "same": "one", "tags": "lists", "ref": "unique", "alien": "type",
    }  # fmt: skip
    assert {"country", "country (phone)", "length", "hour", "date (sent_at)", "attempts"} <= {*found.offered}
    bare = make(50).drop(columns=["phone", "content"])
    assert catalogue(bare, Asked()).offered == ["hour", "weekday", "date", "segment", "attempts"]


def test_a_derived_column_has_a_second_name():
    """Where the frame has a country of its own, the one of the phone is found, grouped by and selected as country (phone)."""
    sent = make(300).assign(country="Mali")
    assert set(sent.nxsms.failures(by="country (phone)")["country (phone)"]) == {"CN", "MY", "US", "DE"}
    assert len(sent.nxsms.select({"country (phone)": "DE"})) == int(sent["phone"].str.startswith("49").sum())
    assert len(sent.nxsms.select({"country": "DE"})) == 0


def test_a_slice_takes_any_of_a_list():
    """A list of values, missing ones and ranges among them, takes the rows of each; an empty one takes none."""
    frame = pd.DataFrame({"a": ["x", "y", None, "z"], "n": [1, 5, 9, 30]})
    assert frame.nxsms.select({"a": ["x", None]}).index.to_list() == [0, 2]
    assert frame.nxsms.select({"n": [pd.Interval(0, 5), 30]}).index.to_list() == [0, 1, 3]
    assert frame.nxsms.select({"a": []}).empty


def test_results_are_selected_as_they_were_read():
    """A slice of result columns fits a frame from a file, whose codes became floats and whose times became text."""
    sent = make(200)
    file = sent.astype({"code": float, "sent_at": str, "status": str})
    given = {
        "status": "Failure",
        "code": 13005,
        "sent_at": pd.Interval(sent["sent_at"].min(), sent["sent_at"].max(), "both"),
    }
    assert file.nxsms.select(given).index.equals(sent.nxsms.select(given).index)
    assert len(sent.nxsms.select(given))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pd.Interval(0, 5), pd.Interval(5, 9), []),
        (pd.Interval(0, 5), pd.Interval(5, 9, "left"), pd.Interval(5, 5, "both")),
        (pd.Interval(0, 5, "both"), [0, 5, 6, None], [0, 5]),
        (None, [None, 1], None),
        (pd.NA, float("nan"), None),
        ("1", 1, []),
        (pd.Timestamp("2026-03-03"), pd.Interval(1, 2), []),
    ],
)  # fmt: skip
def test_what_two_slices_have_in_common(one, other, expected):
    """Ranges overlap, values lie in ranges, and what cannot be compared has nothing in common; either way round."""
    assert literal(both(one, other)) == literal(both(other, one)) == literal(expected)


def test_a_value_without_code_is_refused():
    """A slice is written down or not taken at all."""
    with pytest.raises(TypeError, match="no code for a object"):
        literal(object())
    with pytest.raises(ColumnError, match="of the type object"):
        of_column(make(10).assign(team=[object()] * 10), "team", Asked())


def test_delivery_is_another_outcome():
    """With receipts, rates may be of what was delivered: of the rows with a final receipt."""
    sent = make(100).assign(dr_status=pd.array([2, 5, 1, None] * 25, dtype="Int64"))
    cube = Cube(sent, Asked())
    assert cube.outcomes == ["accepted", "delivered"]
    cube.choose_outcome("delivered")
    assert cube.overall(None).tolist() == [25, 25, 50]
    assert cube.of_axis(cube.axis("segment"), None).sum(axis=0).tolist() == [25, 25, 50]
    assert Cube(make(10), Asked()).outcomes == ["accepted"]


def test_latency_over_time_is_that_of_plain_pandas():
    """Median and 95% quantile of each interval of time, to a two-hundredth of the range."""
    sent = make(3000)
    cube = Cube(sent, Asked())
    mask = cube.by_status(0).rows
    median, slow = cube.latency_over_time(mask, 0.5, 0.95)
    step = float(sent["latency_ms"].quantile(0.99)) / 100
    for place in range(len(cube.time)):
        inside = sent["latency_ms"][mask & (cube.time.codes == place)]
        if not len(inside):
            assert median[place] is slow[place] is None
            continue
        assert abs(median[place] - inside.quantile(0.5, interpolation="lower")) <= step
        if inside.quantile(0.95, interpolation="higher") < sent["latency_ms"].quantile(0.98):
            assert abs(slow[place] - inside.quantile(0.95, interpolation="higher")) <= 2 * step


@pytest.mark.parametrize("unit", [1e-3, 0.1, 1, 7.3, 1e6])
def test_latencies_at_an_edge_are_in_the_interval_that_its_slice_takes(unit):
    """On edges, a hair beside them, negative, the same in all rows or missing: counts and slices agree, whatever the size."""
    rng = np.random.default_rng(3)
    tens = rng.integers(0, 60, 500) * unit
    for latency in (tens, np.nextafter(tens, np.inf), np.nextafter(tens, -np.inf), tens - 5 * unit, np.full(500, unit)):
        sent = make(500).assign(latency_ms=latency)
        sent.loc[::7, "latency_ms"] = np.nan
        cube = Cube(sent, Asked())
        for place in range(len(cube.latency)):
            span = cube.latency.interval(place, place)
            held = (sent["latency_ms"] >= span.left) & (sent["latency_ms"] < span.right)
            assert (cube.by_scale(cube.latency, place, place).rows == held).all()
        assert cube.of_scale(cube.latency, None).sum() == sent["latency_ms"].notna().sum()


def test_a_column_named_as_an_outcome_is_a_column_like_any_other():
    """Rates are of what the gateway and the receipts say, even if the frame has columns "accepted" and "delivered" of its own."""
    sent = make(300)
    receipts = pd.array(np.tile([2, 5, 1], 100), dtype="Int64")
    plain_, own = (
        Cube(sent.assign(dr_status=receipts, **more), Asked()) for more in ({}, {"accepted": 1, "delivered": "no"})
    )
    for outcome in ("accepted", "delivered"):
        for cube in (plain_, own):
            cube.choose_outcome(outcome)
        assert own.overall(None).tolist() == plain_.overall(None).tolist()
    assert own.overall(None).tolist() == [100, 100, 100]


def test_counts_made_again_are_of_the_outcome_and_the_rows_asked_for():
    """What was counted is kept for as long as the same filters and the same outcome hold, and no longer."""
    sent = make(600).assign(dr_status=pd.array(np.tile([2, 5, 1], 200), dtype="Int64"))
    cube, choices = Cube(sent, Asked()), Choices()
    axis = cube.axis("segment")
    for _ in range(3):
        for level in range(len(axis)):
            choices.clear()
            choices["column"] = cube.by_axis(axis, level)
            choices["status"] = cube.by_status(level % 2)
            for outcome in ("accepted", "delivered"):
                cube.choose_outcome(outcome)
                rows = choices.mask()
                assert rows is choices.mask()
                fresh = Cube(sent, Asked())
                fresh.choose_outcome(outcome)
                for but in ((), ("column",), ("status",), ("column", "status")):
                    mask = choices.mask(but)
                    other = None if mask is None else mask.copy()
                    assert (cube.of_axis(axis, mask) == fresh.of_axis(axis, other)).all()
                    assert (cube.overall(mask) == fresh.overall(other)).all()
