"""What failures can be grouped by besides the frame's own columns."""

import pandas as pd
import pytest

from nxsms_nb.analysis import failures, groups
from nxsms_nb.errors import ColumnError

COUNTRIES = {"8615088888888": "CN", "60123456789": "MY", "14155550123": "US", "4915112345678": "DE"}


def failed_by(sent, keys):
    """Failed rows of each group, counted by pandas."""
    failed = sent["status"] == "Failure"
    return failed.groupby(keys.to_numpy(), dropna=False).sum().to_dict()


def told_by(sent, by, **known):
    told = failures.failures(sent, by, **known).drop_duplicates(by)
    return dict(zip(told[by], told["failed"], strict=True))


def test_country_is_read_from_the_phone(made):
    """Each number counts for its country, in whatever shape it arrives."""
    sent = made(800)
    expected = failed_by(sent, sent["phone"].map(COUNTRIES))
    assert told_by(sent, "country") == expected
    assert told_by(sent.assign(phone="+" + sent["phone"]), "country") == expected
    assert told_by(sent.assign(phone=sent["phone"].astype(float)), "country") == expected


def test_a_phone_that_cannot_be_read_has_no_country(made):
    """What is no number is a group of its own, not a guess; with a region, national numbers have their country."""
    sent = made(100).assign(phone="415 555 2671")
    assert [*told_by(sent.assign(phone="n/a"), "country")] == [pytest.approx(float("nan"), nan_ok=True)]
    assert [*told_by(sent, "country", region="US")] == ["US"]


def test_length_is_binned_in_order(made):
    """Contents are sorted by how many characters they have, in bins that follow the sizes of a segment."""
    sent = made(500)
    told = failures.failures(sent, "length")
    assert told["length"].drop_duplicates().astype(str).tolist() == ["1-70", "161-306"]
    edges = {"0": 0, "1-70": 70, "71-160": 160, "161-306": 306, "307-500": 500, "501-1000": 1000, "over 1000": 1001}
    one = made(1).assign(status="Failure")
    for name, length in edges.items():
        assert [*told_by(one.assign(content="x" * length), "length")] == [name]
    assert pd.isna([*told_by(one.assign(content=None), "length")]).all()


def test_segments_and_encoding_follow_the_bill(made):
    """Segments are what is billed, Malaysia's extra characters included; encodings are the two there are."""
    sent = made(600)
    encodings = sent["content"].map(lambda text: "GSM-7" if text.isascii() else "UCS-2")
    assert told_by(sent, "encoding") == failed_by(sent, encodings)
    assert told_by(sent, "segments") == failed_by(sent, sent["content"].str.len().map(lambda n: 2 if n > 160 else 1))
    near = sent.assign(content="x" * 155)
    assert told_by(near, "segments") == failed_by(near, (near["phone"] == "60123456789").map({True: 2, False: 1}))
    assert [*told_by(near.drop(columns="phone"), "segments")] == [1]


@pytest.mark.parametrize("by", list(groups.DERIVED))
def test_derived_groups_work_on_any_frame(made, by):
    """No rows, a prefix, other names for the columns: the same groups."""
    sent = made(200)
    assert len(failures.failures(sent[:0], by)) == 0
    other = sent.rename(columns={"phone": "mobile", "content": "text"}).add_prefix("x_")
    expected = told_by(sent, by)
    told = told_by(other, by, prefix="x_", phone="x_mobile", content="x_text")
    assert list(map(str, told)) == list(map(str, expected))
    assert list(told.values()) == list(expected.values())


@pytest.mark.parametrize(("by", "lacking"), [("country", "phone"), ("length", "content"), ("encoding", "content")])
def test_a_column_that_is_needed_is_named(made, by, lacking):
    """Without the phones there are no countries; the message says how to name them."""
    with pytest.raises(ColumnError, match=f'has no column {lacking!r}.*{lacking}="column"'):
        failures.failures(made(3).drop(columns=lacking), by)
