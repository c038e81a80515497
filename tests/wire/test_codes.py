"""The code table as people look into it."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((13006,), [13006]),
        ((13006, 13005), [13006, 13005]),
        (([13006, 13005, 13006],), [13006, 13005]),
        (({13008},), [13008]),
        ((0,), [0]),
        ((-1,), [-1]),
        (("13006",), [13006]),
        ((13006.0,), [13006]),
        ((np.int64(13006),), [13006]),
        ((pd.Series([13005, None, 13005], dtype="Int64"),), [13005]),
        ((pd.Series([13005.0, None]),), [13005]),
        (([],), []),
        ((None, 13005), [13005]),
    ],
)
def test_codes_are_looked_up_in_the_order_asked_for(asked, expected):
    """One, several, or a column of a sent frame: a frame with meaning, scope and what to do."""
    found = nx.codes(*asked)
    assert found.index.tolist() == expected
    assert found.index.name == "code"
    assert str(found.index.dtype) == "int64"
    assert found.columns.tolist() == ["text", "meaning", "meaning_zh", "scope", "advice"]
    assert found.map(bool).all(axis=None)


def test_without_a_number_all_are_shown():
    """In the order of the vendor's page."""
    assert {0, -1, 1102, 9000, 13008, 13010} < {*nx.codes().index}


@pytest.mark.parametrize(
    "wrong", [99999, "x", 13006.5, True, [13005, 7], object(), "8615088888888", b"13006", [[13006]]]
)
def test_what_is_no_code_is_refused_with_those_that_are(wrong):
    """An error of ours that lists them; what may be a number is masked."""
    with pytest.raises(nx.ConfigError, match=r"is not a vendor result code\. The codes: 0, -1, 1001") as refused:
        nx.codes(wrong)
    assert "8615088888888" not in str(refused.value)


def test_a_keyword_is_refused_in_a_few_words():
    """It takes numbers only."""
    with pytest.raises(TypeError, match=r"'code' is not an option here\. It takes none\."):
        nx.codes(code=13006)


def test_the_advice_is_shown_whole():
    """Pandas cuts a cell at 50 characters, and what to do is often longer; what is made of the table is a plain frame."""
    table = nx.codes()
    shown = nx.codes(1005)
    assert table.loc[1005, "advice"] in repr(shown)
    assert table.loc[1005, "advice"] in shown._repr_html_()
    assert len(table.loc[1005, "advice"]) > 50
    assert type(table[["advice"]]) is pd.DataFrame
