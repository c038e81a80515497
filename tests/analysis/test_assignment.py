"""Assignment: who gets which variant depends on campaign and person alone."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.analysis import assignment

ARM = [0.8842941475638963, 0.5646357254110176, 0.4337154033132914, 0.1162967101128276]
HOLDOUT = [0.9201926152218377, 0.7970486313730908, 0.590642169811046, 0.24277236175072503]


def people(n=4000, **columns):
    return pd.DataFrame({"phone": [f"86150{i:08d}" for i in range(n)], "name": [f"N{i}" for i in range(n)], **columns})


def arms(frame, **options):
    options = {"campaign": "spring", **options}
    return frame.nxsms.assign_variants(options.pop("variants", ["A", "B"]), **options)["variant"]


def test_the_hash_is_that_of_version_one():
    """Golden vectors: a person that is in an arm of a campaign stays in it in every later version."""
    phones = ["8615088888888", "4915112345678", "14155550123", "60123456789"]
    units = assignment.unit_texts(pd.DataFrame({"phone": phones}), "phone", phone=None, region=None, bare=None)
    assert assignment.positions(units, "spring", "nxsms arm 1").tolist() == ARM
    assert assignment.positions(units, "spring", "nxsms holdout 1").tolist() == HOLDOUT
    frame = pd.DataFrame({"phone": phones})
    assert list(arms(frame, variants=["A", "B", "C"], holdout=0.3)) == ["C", "B", "B", "holdout"]


def test_a_person_has_one_arm_in_any_order_part_and_spelling():
    """Rows shuffled, filtered, doubled, and numbers written otherwise give the same arm to the same person."""
    frame = people()
    expected = dict(zip(frame["phone"], arms(frame, holdout=0.1), strict=True))
    shuffled = frame.sample(frac=1, random_state=1)
    assert list(arms(shuffled, holdout=0.1)) == [expected[phone] for phone in shuffled["phone"]]
    part = pd.concat([frame.iloc[::7], frame.iloc[::14]])
    assert list(arms(part, holdout=0.1)) == [expected[phone] for phone in part["phone"]]
    for spelled in (
        "+" + frame["phone"],
        "00" + frame["phone"],
        "+86 " + frame["phone"].str[2:5] + "-" + frame["phone"].str[5:],
        frame["phone"].astype("int64"),
        frame["phone"].astype("category"),
    ):
        assert list(arms(frame.assign(phone=spelled), holdout=0.1)) == list(expected.values())
    national = frame.assign(phone="0" + frame["phone"].str[2:])
    assert list(arms(national, region="CN", holdout=0.1)) == list(expected.values())
    renamed = frame.rename(columns={"phone": "mobile"})
    assert list(arms(renamed, phone="mobile", holdout=0.1)) == list(expected.values())


@pytest.mark.parametrize(
    "keys", [[7, 8, 9], [7.0, 8.0, 9.0], ["7", "8", "9"], pd.array([7, 8, 9], "Int64"), pd.array([7, 8, 9], "category")]
)
def test_a_unit_of_ones_own_is_the_same_in_any_dtype(keys):
    """A customer number read as text, whole number or float is one customer."""
    frame = people(3).assign(customer=keys)
    assert list(arms(frame, unit="customer")) == list(arms(people(3).assign(customer=["7", "8", "9"]), unit="customer"))


def test_several_columns_tell_a_person_in_any_order():
    """unit= takes a list, in which the phone counts by its digits, and texts that join alike are not one unit."""
    frame = people(500, shop=[f"s{i % 7}" for i in range(500)])
    expected = list(arms(frame, unit=["phone", "shop"]))
    assert list(arms(frame.assign(phone="+" + frame["phone"]), unit=["shop", "phone"])) == expected
    assert expected != list(arms(frame))
    pair = pd.DataFrame({"a": ["x\x1fy", "x"], "b": ["z", "y\x1fz"]})
    texts = assignment.unit_texts(pair, ["a", "b"], phone=None, region=None, bare=None).to_pylist()
    assert texts[0] != texts[1]


def test_another_campaign_draws_anew():
    """In another campaign half of the people are in the other arm, and other people are held out."""
    frame = people(8000)
    spring, autumn = (arms(frame, campaign=name, holdout=0.5) for name in ("spring", "autumn"))
    both = pd.crosstab(spring, autumn, normalize="index").to_numpy()
    assert np.allclose(both, [[0.25, 0.25, 0.5]] * 3, atol=0.04)


def test_the_shares_are_as_they_were_asked_for():
    """Arms and hold-out have the sizes of weights= and holdout=, up to chance, and do not depend on each other."""
    variant = arms(people(40_000), variants=["A", "B", "C"], weights={"C": 2, "A": 1, "B": 1}, holdout=0.2)
    shares = variant.value_counts(normalize=True)
    assert np.allclose(shares[["A", "B", "C", "holdout"]], [0.2, 0.2, 0.4, 0.2], atol=0.01)
    assert list(variant.cat.categories) == ["A", "B", "C", "holdout"]
    assert not variant.cat.ordered


def test_a_larger_holdout_only_adds_people_and_keeps_the_others_variants():
    """Those held out before still are, and who is not keeps the variant."""
    frame = people()
    small, large = arms(frame, holdout=0.1), arms(frame, holdout=0.3)
    assert (large[small == "holdout"] == "holdout").all()
    stay = large != "holdout"
    assert (large[stay].astype(str) == small[stay].astype(str)).all()


def test_a_changed_weight_moves_few_people():
    """From 50:50 to 60:40 a tenth of the people moves, all of them the same way."""
    frame = people(20_000)
    before, after = arms(frame, weights=[5, 5]), arms(frame, weights=[6, 4])
    moved = before.astype(str) != after.astype(str)
    assert moved.mean() == pytest.approx(0.1, abs=0.01)
    assert set(before[moved]) == {"B"}


def test_each_row_gets_the_text_of_its_variant():
    """Templates are filled per row; held-out rows have no text, and the frame that was given stays as it was."""
    frame = people(400, content="old")
    assigned = frame.nxsms.assign_variants({"A": "Hi {name}", "B": "{name}, hello"}, campaign="spring", holdout=0.2)
    by = dict(iter(assigned.groupby("variant", observed=True)))
    assert (by["A"]["content"] == "Hi " + by["A"]["name"]).all()
    assert (by["B"]["content"] == by["B"]["name"] + ", hello").all()
    assert by["holdout"]["content"].isna().all()
    assert list(frame.columns) == ["phone", "name", "content"]
    assert (frame["content"] == "old").all()
    again = assigned.nxsms.assign_variants({"A": "Hi {name}", "B": "{name}, hello"}, campaign="spring", holdout=0.2)
    pd.testing.assert_frame_equal(again, assigned)


def test_rows_that_lack_a_text_are_counted_without_held_out_ones():
    """A template whose column has gaps warns of the rows of its arm, and of no row that is to have no text."""
    frame = people(100, city=None)
    frame.loc[7, "phone"] = None
    with pytest.warns(nx.RenderWarning) as caught:
        assigned = frame.nxsms.assign_variants({"A": "Hi", "B": "Hi {city}"}, campaign="spring", holdout=0.3)
    assert f"{(assigned['variant'] == 'B').sum()} of 100 rows got no text" in str(caught[0].message)
    assert (assigned["content"].notna() == (assigned["variant"] == "A")).all()


def test_names_alone_leave_the_text_as_it_is():
    """A list of names writes the variant and nothing else, under the name that column= gives."""
    frame = people(20, content="mine")
    assigned = frame.nxsms.assign_variants(["A", "B"], campaign="spring", column="wording")
    pd.testing.assert_frame_equal(assigned.drop(columns="wording"), frame)


def test_a_row_without_a_person_gets_no_variant(capsys):
    """Where the phone cannot be read there is nobody to assign, which is said; so it is of an own key that is empty."""
    frame = people(4).assign(phone=["8615088888888", None, "n/a", "8.61508E+12"], customer=["a", "", None, "b"])
    assert arms(frame).isna().tolist() == [False, True, True, True]
    assert "3 rows of 4 got no variant" in capsys.readouterr().out
    assert arms(frame, unit="customer").isna().tolist() == [False, True, True, False]


def test_no_rows_are_no_problem():
    """An empty frame gives an empty one with the same columns."""
    assigned = people(0).nxsms.assign_variants({"A": "Hi {name}", "B": "Hello"}, campaign="spring")
    assert list(assigned.columns) == ["phone", "name", "variant", "content"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"campaign": None}, "needs a campaign name"),
        ({"campaign": " spring"}, "without blanks"),
        ({"variants": []}, "names no variants"),
        ({"variants": "AB"}, "names no variants"),
        ({"variants": ["A", "A"]}, "repeats a name"),
        ({"variants": ["A", 1]}, "Names are text"),
        ({"variants": ["A", "holdout"]}, "holdout=0.1"),
        ({"weights": [1]}, "1 weight for 2 arms"),
        ({"weights": {"A": 1}}, "has none for 'B'"),
        ({"weights": {"A": 1, "B": 1, "C": 1}}, "names 'C'"),
        ({"weights": [1, 0]}, "holds 0"),
        ({"weights": [1, float("nan")]}, "holds nan"),
        ({"weights": [1, True]}, "holds True"),
        ({"holdout": 1.0}, "from 0 to below 1"),
        ({"holdout": "10%"}, "from 0 to below 1"),
        ({"unit": "customer"}, "unit='customer' names a column the frame does not have"),
        ({"unit": []}, "names no column"),
        ({"variants": {"A": "Hi {nme}", "B": "Hi"}}, "nme"),
    ],
)
def test_what_is_not_usable_is_refused_with_what_is(options, words):
    """The error names the option and what it takes."""
    with pytest.raises((nx.ConfigError, nx.ColumnError), match=words):
        arms(people(3), **options)


@pytest.mark.parametrize("column", ["phone", "content", "mobile", "customer"])
def test_the_variants_replace_no_column_that_a_send_needs(column):
    """Numbers, texts and units stay: column= names another."""
    frame = pd.DataFrame({"phone": ["8615088888888"], "mobile": ["8615088888888"], "content": "Hi", "customer": "A"})
    with pytest.raises(nx.ConfigError, match=f"column='{column}' would replace"):
        frame.nxsms.assign_variants(["A", "B"], campaign="spring", unit="customer", phone="mobile", column=column)
