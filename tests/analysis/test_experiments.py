"""Comparisons of a frame's arms: what counts, what is refused, and what the words say."""

import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.results import columns

RATE = [
    "variant",
    "n",
    "hits",
    "rate",
    "low",
    "high",
    "diff",
    "diff_low",
    "diff_high",
    "lift",
    "lift_low",
    "lift_high",
    "p",
    "p_adjusted",
]
MEAN = [name if name != "rate" else "mean" for name in RATE if name != "hits"]


def experiment(a=(10, 100), b=(25, 100), **columns):
    """Arms A and B with so many hits of so many rows."""
    values = [1] * a[0] + [0] * (a[1] - a[0]) + [1] * b[0] + [0] * (b[1] - b[0])
    arm = pd.Categorical(["A"] * a[1] + ["B"] * b[1], categories=["A", "B", "holdout"])
    phones = [f"86150888{i:05d}" for i in range(len(values))]
    return pd.DataFrame({"phone": phones, "variant": arm, "bought": values, **columns})


def results(frame, status, **other):
    return columns.empty(frame.index).assign(status=status, **other).join(frame)


def words(table):
    return table.attrs["words"]


def test_the_columns_are_those_that_are_documented():
    """One row an arm, in the arms' order, differences missing for the control; a mean has no hits, and units stand beside n."""
    table = experiment().nxsms.compare(outcome="bought")
    assert list(table.columns) == RATE
    assert table["variant"].tolist() == ["A", "B"]
    assert table.dtypes.astype(str)[["n", "hits", "rate", "p_adjusted"]].tolist() == [
        "int64",
        "int64",
        "float64",
        "float64",
    ]
    assert table.loc[0, "diff":].isna().all()
    assert not table.loc[1].isna().any()
    assert list(experiment(amount=np.arange(200.0)).nxsms.compare(outcome="amount").columns) == MEAN
    by_unit = experiment().nxsms.compare(outcome="bought", unit="phone")
    assert list(by_unit.columns) == [*RATE[:2], "units", *RATE[2:]]


def test_accepted_is_of_the_rows_that_were_answered():
    """Rows that nobody answered are in no rate; held-out rows are no arm of it; the words do not say delivered."""
    frame = experiment((0, 60), (0, 60))
    frame.loc[[0, 60], "variant"] = "holdout"
    status = ["Skipped"] + ["Success"] * 30 + ["Failure"] * 20 + ["Unknown"] * 5 + ["Invalid"] * 4
    table = results(frame, status * 2).nxsms.compare(outcome="accepted")
    assert table["variant"].tolist() == ["A", "B"]
    assert table["n"].tolist() == [50, 50]
    assert table["hits"].tolist() == [30, 30]
    assert "accepted by the gateway (which is not yet arrival), of the rows it answered" in words(table)
    assert "delivered" not in words(table)
    assert table.attrs["outcome"] == "accepted"


@pytest.mark.parametrize("dtype", ["Int64", "float64", "object", "str"])
def test_delivered_is_of_the_rows_with_a_final_receipt(dtype):
    """2 is delivered, 5 to 11 are final and not delivered, all else is open; as numbers, floats or text."""
    numbers = [2] * 20 + [5, 6, 7, 8, 9, 10, 11] + [12, 1, 0, None]
    frame = experiment(
        (0, 31), (0, 31), dr_status=pd.array(numbers * 2, "Int64").astype(dtype if dtype != "str" else object)
    )
    if dtype == "str":
        frame["dr_status"] = [None if value is pd.NA else f"{value}.0" for value in frame["dr_status"]]
    table = results(frame, "Success").nxsms.compare(outcome="delivered")
    assert table["n"].tolist() == [27, 27]
    assert table["hits"].tolist() == [20, 20]
    assert "delivered to the phone, of the rows with a final receipt" in words(table)
    assert "accepted" not in words(table)


def test_delivered_needs_receipts():
    """Without them nothing is taken for them; the call that joins them is named."""
    with pytest.raises(nx.ColumnError, match=r"sent = sent\.nxsms\.receipts\(client\)"):
        results(experiment(), "Success").nxsms.compare(outcome="delivered")
    with pytest.raises(nx.ColumnError, match="carries no results"):
        experiment().nxsms.compare(outcome="accepted")
    for name in ("accepted", "delivered"):
        with pytest.raises(nx.ColumnError, match=f"the frame has a column of that name.*my_{name}"):
            experiment(**{name: 1}).nxsms.compare(outcome=name)


def test_an_own_outcome_is_over_every_assigned_row_whatever_its_status():
    """Who was not sent to was assigned all the same; held-out rows are an arm."""
    frame = experiment((0, 50), (0, 50))
    frame.loc[90:, "variant"] = "holdout"
    frame["bought"] = np.arange(100) % 10 == 0
    sent = results(frame, ["Success", "Failure", "Invalid", "Unsent", "Unknown"] * 20)
    table = sent.nxsms.compare(outcome="bought")
    assert table["variant"].tolist() == ["A", "B", "holdout"]
    assert table["n"].tolist() == [50, 40, 10]
    assert table["hits"].tolist() == [5, 4, 1]
    assert sent.nxsms.compare(outcome="bought", control="holdout")["diff"].isna().tolist() == [False, False, True]


HITS = np.tile([True, False, False, False], 50)


@pytest.mark.parametrize(
    "values",
    [
        HITS,
        HITS.astype(int),
        HITS.astype(float),
        pd.array(HITS, "boolean"),
        pd.array(HITS, "bool[pyarrow]"),
        pd.Series(HITS, dtype=object),
        pd.Series(HITS).map({True: "True", False: "False"}),
        pd.Series(HITS).map({True: "1", False: "0"}),
        pd.Series(HITS).astype("category"),
        pd.Series(HITS).map({True: "TRUE", False: " false"}).astype("category"),
        pd.arrays.SparseArray(HITS.astype(float)),
    ],
    ids=range(11),
)
def test_true_and_false_are_a_rate_whatever_their_dtype_is_now(values):
    """Booleans, 0 and 1, and what a file made of them are compared as a rate."""
    table = experiment(clicked=values).nxsms.compare(outcome="clicked")
    assert list(table.columns) == RATE
    assert table["hits"].tolist() == [25, 25]


@pytest.mark.parametrize(
    "values",
    [
        [True, None] * 100,
        [1.0, np.nan] * 100,
        pd.array([True, None] * 100, "boolean"),
        ["True", None] * 100,
        ["1", ""] * 100,
    ],
)
@pytest.mark.filterwarnings("ignore:Downcasting object dtype:FutureWarning")  # pandas 2.3, of the call that is advised
def test_true_and_missing_alone_is_refused(values):
    """A merge with buyers leaves gaps for all others: that they are a no has to be said, and the error says how."""
    frame = experiment(clicked=values)
    with pytest.raises(nx.ColumnError, match=r"fillna\(False\)") as caught:
        frame.nxsms.compare(outcome="clicked")
    call = re.search(r"frame\.assign\(.*\)$", str(caught.value)).group()
    if isinstance(values, list) and values[0] is True:
        mended = eval(call, {"frame": frame})  # noqa: S307
        assert mended.nxsms.compare(outcome="clicked")["hits"].tolist() == [50, 50]


def test_missing_values_are_counted_and_said():
    """A row without a value is left out of a mean or a rate, and the words say how many; rows of no arm as well."""
    frame = experiment(amount=[5.0, np.nan, 7.5, 0.0] * 50)
    table = frame.nxsms.compare(outcome="amount")
    assert table["n"].tolist() == [75, 75]
    assert table.attrs["missing"] == 50
    assert "50 rows of 200 have no value of amount and are left out. If missing means 0: .fillna(0)" in words(table)
    frame["clicked"] = [True, False, None, False] * 50
    assert frame.nxsms.compare(outcome="clicked").attrs["missing"] == 50
    frame.loc[[3, 120], "variant"] = None
    assert "2 rows have no arm and are left out." in words(frame.nxsms.compare(outcome="bought"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["yes", "no"] * 100, r"holds 'yes', which is neither .* == 'yes'"),
        ([1.0, np.inf] * 100, "infinity"),
        (pd.to_datetime(["2026-01-01", None] * 100), r"notna\(\)"),
        (pd.to_timedelta([1, 2] * 100, unit="s"), r"total_seconds\(\)"),
        ([[1], [2]] * 100, "lists or the like"),
    ],
)
def test_values_that_are_no_outcome_are_refused_with_what_would_be(values, message):
    """The error shows a value and the column to make of it."""
    frame = experiment()
    frame["odd"] = values
    with pytest.raises(nx.ColumnError, match=message):
        frame.nxsms.compare(outcome="odd")


def test_repeated_phones_warn_without_a_unit_and_are_people_with_one():
    """Rows of one person are not independent: said without unit=, and with it the interval is wider and people are counted."""
    frame = experiment((50, 200), (60, 200))
    frame["phone"] = [f"+86150888{i // 4:05d}" if i % 2 else f"86150888{i // 4:05d}" for i in range(400)]
    with pytest.warns(UserWarning, match=r"300 rows of 400 repeat an earlier row's phone.*unit='phone'"):
        plain = frame.nxsms.compare(outcome="bought")
    table = frame.nxsms.compare(outcome="bought", unit="phone")
    assert table["units"].tolist() == [50, 50]
    assert table["n"].tolist() == [200, 200]
    assert table["rate"].tolist() == plain["rate"].tolist()
    assert ((table["high"] - table["low"]) > 1.5 * (plain["high"] - plain["low"])).all()
    frame.loc[0:1, "variant"] = "B"
    assert "1 unit is in more than one arm" in words(frame.nxsms.compare(outcome="bought", unit="phone"))
    assert frame.drop(columns="phone").nxsms.compare(outcome="bought")["n"].sum() == 400


def test_a_warning_points_at_the_persons_line():
    """Not at a line of the package."""
    frame = experiment((1, 400), (1, 200)).assign(phone="8615088888888")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame.nxsms.compare(outcome="bought")
    assert len(caught) == 2
    assert {warning.filename for warning in caught} == {__file__}


def test_a_split_that_chance_does_not_give_warns():
    """The arms' sizes are held against the intended ones: equal, or weights=; held-out rows and persons with many rows aside."""
    frame = experiment((50, 1000), (50, 800))
    with pytest.warns(
        nx.SampleRatioWarning, match=r"sample ratio mismatch: A 1,000 of 900 intended, B 800 of 900 intended"
    ):
        frame.nxsms.compare(outcome="bought")
    frame.nxsms.compare(outcome="bought", weights=[10, 8])
    frame.nxsms.compare(outcome="bought", weights={"B": 4, "A": 5})
    frame.loc[:199, "variant"] = "holdout"
    frame.nxsms.compare(outcome="bought")
    with pytest.raises(nx.ConfigError, match="weights="):
        frame.nxsms.compare(outcome="bought", weights=[1, 1, 1])
    # Half the people have ten rows; it is people who are drawn by lot.
    people = experiment((10, 100), (10, 100))
    many = people.loc[people.index.repeat([10] * 100 + [1] * 100)]
    many.nxsms.compare(outcome="bought", unit="phone")
    with pytest.warns(nx.SampleRatioWarning):
        many.drop(columns="phone").nxsms.compare(outcome="bought")


def test_rows_that_were_lost_on_the_way_are_noticed():
    """Comparing only the accepted rows, of which one arm has fewer, is no comparison of what was assigned."""
    frame = experiment((0, 1000), (0, 1000))
    sent = results(frame, ["Success"] * 1000 + ["Success"] * 800 + ["Failure"] * 200)
    assert sent.nxsms.compare(outcome="accepted")["n"].tolist() == [1000, 1000]
    with pytest.warns(nx.SampleRatioWarning, match="as it was assigned"):
        sent[sent["status"] == "Success"].nxsms.compare(outcome="bought")


def test_the_words_name_no_winner_without_evidence():
    """What is beyond chance is called higher or lower; anything else is no evidence, and the verdict is p_adjusted."""
    line = words(experiment((10, 100), (13, 100)).nxsms.compare(outcome="bought")).splitlines()[1]
    assert line.endswith("no evidence of a difference.")
    assert "higher" not in line
    line = words(experiment((10, 100), (30, 100)).nxsms.compare(outcome="bought")).splitlines()[1]
    assert line.startswith("B: 30.00%, against 10.00% for the control (A). Difference +20.00 points (95% interval +")
    assert line.endswith("p_adjusted < 0.001: higher than the control, by more than chance.")
    table = experiment((10, 100), (30, 100)).nxsms.compare(outcome="bought", control="B")
    assert words(table).splitlines()[1].endswith("lower than the control, by more than chance.")
    assert "The verdict is p_adjusted, held against 0.05" in words(table)
    assert "The intervals are 95% each and not corrected." in words(table)
    assert "for one look, at the end" in words(table)
    assert "hold however often you look" in words(experiment().nxsms.compare(outcome="bought", sequential=True))


def test_the_verdict_is_the_adjusted_p():
    """Of several arms one that is beyond chance by itself is not where their number is counted in."""
    frame = pd.concat([experiment((30, 300), (47, 300))] * 2)
    frame["variant"] = np.repeat(["A", "B", "C", "D"], 300)
    frame["phone"] = np.arange(len(frame)) + 861508880000
    table = frame.nxsms.compare(outcome="bought").set_index("variant")
    assert table.loc["B", "p"] < 0.05 < table.loc["B", "p_adjusted"] == pytest.approx(3 * table.loc["B", "p"])
    assert all(
        line.endswith("no evidence of a difference.")
        for line in words(frame.nxsms.compare(outcome="bought")).splitlines()[1:4]
    )


def test_arms_in_words_are_in_the_order_of_their_values():
    """After a file the column is text: the control is the first in order, whatever the order of the rows."""
    frame = experiment().astype({"variant": str})
    shuffled = frame.sample(frac=1, random_state=3)
    assert shuffled.nxsms.compare(outcome="bought")["variant"].tolist() == ["A", "B"]
    assert shuffled.nxsms.compare(outcome="bought")["variant"].dtype == frame["variant"].dtype
    numbers = frame.assign(variant=frame["variant"].map({"A": 2, "B": 1}))
    assert numbers.nxsms.compare(outcome="bought")["variant"].tolist() == [1, 2]
    assert frame.assign(variant=pd.Categorical(frame["variant"], categories=["B", "A"])).nxsms.compare(
        outcome="bought"
    )["variant"].tolist() == ["B", "A"]


@pytest.mark.parametrize(
    "dtype",
    ["string[pyarrow]", object, pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))],
    ids=str,
)
def test_arms_may_be_of_any_dtype_that_holds_text(dtype):
    """As Parquet and other libraries bring them, gaps included."""
    values = pa.array(["A", "holdout", None, "B"] * 25)
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_dictionary(dtype.pyarrow_dtype):
        values = values.dictionary_encode()
    variant = pd.Series(pd.array(values.to_pylist() if dtype is object else values, dtype=dtype))
    table = pd.DataFrame({"variant": variant, "bought": np.arange(100) % 7 == 0}).nxsms.compare(outcome="bought")
    assert table["variant"].tolist() == ["A", "B", "holdout"]
    assert table["n"].tolist() == [25, 25, 25]


def test_the_table_shows_its_words_and_is_a_frame():
    """Below the table stand the words, escaped; a part of it or a copy is an ordinary frame."""
    frame = experiment().assign(variant=["A"] * 100 + ["B<b>"] * 100)
    table = frame.nxsms.compare(outcome="bought")
    assert isinstance(table, pd.DataFrame)
    assert words(table) in repr(table)
    html = table._repr_html_()
    assert "B&lt;b&gt;: " in html
    assert "<b>" not in html
    assert type(table[["variant", "rate"]]) is pd.DataFrame
    assert type(table.copy()) is pd.DataFrame


def test_the_result_says_that_it_came_from_the_sandbox(tmp_path):
    """And it can be written to Parquet with all that it says."""
    sent = results(experiment(), "Success")
    sent.attrs["nxsms"] = {"gateway": "sandbox"}
    table = sent.nxsms.compare(outcome="bought")
    assert words(table).endswith("Results of the simulated gateway.")
    table.to_parquet(tmp_path / "table.parquet")
    assert pd.read_parquet(tmp_path / "table.parquet").attrs["words"] == words(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "wording"}, "by='wording' names a column"),
        ({"by": "phone"}, "too many to be arms"),
        ({"by": "bought", "outcome": "rate"}, "neither 'accepted' nor 'delivered'"),
        ({"outcome": "nothing"}, "neither 'accepted' nor 'delivered' nor a column"),
        ({"control": "C"}, "control='C' is not one of the arms: 'A', 'B'"),
        ({"level": 5}, "level=5 is not a share"),
        ({"unit": "customer"}, "unit='customer' names a column"),
        ({"weights": {"A": 1}}, "has none for 'B'"),
    ],
)
def test_what_cannot_be_compared_is_refused(options, message):
    """The error names the option and what it takes."""
    with pytest.raises((nx.ColumnError, nx.ConfigError), match=message):
        experiment().nxsms.compare(**{"outcome": "bought", **options})


def test_one_arm_is_no_experiment():
    """Nor is a column without any; an arm of which nothing counts is said to have nothing yet."""
    frame = experiment()
    with pytest.raises(nx.ColumnError, match="only one arm"):
        frame[frame["variant"] == "A"].nxsms.compare(outcome="bought")
    with pytest.raises(nx.ColumnError, match="No row has an arm"):
        frame.assign(variant=None).nxsms.compare(outcome="bought")
    sent = results(frame, ["Success"] * 100 + ["Unsent"] * 100)
    table = sent.nxsms.compare(outcome="accepted")
    assert table["n"].tolist() == [100, 0]
    assert words(table).splitlines()[1] == "B: nothing to compare yet."


def test_a_name_that_may_be_a_number_is_masked():
    """Arms and columns that look like somebody's phone are not shown whole."""
    frame = experiment().assign(variant=["8615088888888"] * 100 + ["B"] * 100)
    assert "8615088888888" not in words(frame.nxsms.compare(outcome="bought"))


def test_the_mean_of_few_purchases_is_called_rough():
    """Of spending, most of it 0, intervals are too narrow where few bought anything."""
    frame = experiment(amount=[0.0] * 95 + [12.5, 80, 33, 20, 7] + [0.0] * 80 + [9.9] * 20)
    lines = words(frame.nxsms.compare(outcome="amount"))
    assert "Only 5 rows of A are not 0: under about 100, intervals and p of a mean are rough." in lines
    assert "rough" not in words(frame.nxsms.compare(outcome="bought"))
    assert "rough" not in words(frame.assign(amount=np.arange(1.0, 201)).nxsms.compare(outcome="amount"))


def test_results_under_a_prefix_are_compared():
    """As everywhere, prefix= says where the results stand."""
    frame = experiment()
    sent = columns.empty(frame.index).assign(status="Success").add_prefix("sms_").join(frame)
    assert sent.nxsms.compare(outcome="accepted", prefix="sms_")["hits"].tolist() == [100, 100]
