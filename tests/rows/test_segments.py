"""Segments: what a text is billed as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb.rows import segments
from nxsms_nb.rows.segments import BASIC, EXTENSION, GSM, UCS, count_segments, needs_ucs
from nxsms_nb.sandbox import delivery


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", (1, GSM)),
        ("", (1, GSM)),
        ("x" * 160, (1, GSM)),
        ("x" * 161, (2, GSM)),
        ("x" * 308, (2, GSM)),
        ("x" * 309, (3, GSM)),
        ("é" * 160, (1, GSM)),
        ("€" * 80, (1, GSM)),
        ("€" * 80 + "x", (2, GSM)),
        ("x" * 158 + "[", (1, GSM)),
        ("x" * 159 + "[", (2, GSM)),
        ("`", (1, UCS)),
        ("tab\t", (1, UCS)),
        ("ç", (1, UCS)),
        ("牛" * 70, (1, UCS)),
        ("牛" * 71, (2, UCS)),
        ("牛" * 134, (2, UCS)),
        ("牛" * 135, (3, UCS)),
        ("😀" * 35, (1, UCS)),
        ("😀" * 35 + "x", (2, UCS)),
        ("[" * 69 + "牛", (1, UCS)),
        (None, (0, None)),
    ],
)
def test_segments_follow_the_vendors_rule(text, expected):
    """160 or 154 units of GSM 03.38, 70 or 67 of UCS-2; the extension table and surrogate pairs count 2."""
    counted, encodings = count_segments(pa.array([text], pa.string()))
    assert (counted[0], encodings[0]) == expected


def test_seven_characters_are_added_for_malaysia():
    """A text to a number of country code 60 is seven characters longer, whatever its encoding."""
    texts = pa.array(["x" * 153, "x" * 154, "牛" * 63, "牛" * 64, "x" * 154, "x" * 154])
    phones = pa.array(["60123456789"] * 4 + ["6123456789", None])
    assert count_segments(texts, phones)[0].tolist() == [1, 2, 1, 2, 1, 1]


def test_the_alphabet_has_every_place_of_the_table():
    """127 characters and the escape make the 128 places of the default alphabet; ten more follow an escape."""
    assert len(set(BASIC)) == len(BASIC) == 127
    assert len(set(EXTENSION)) == len(EXTENSION) == 10


ANY = st.text(st.one_of(st.sampled_from(BASIC), st.sampled_from(EXTENSION), st.characters(exclude_categories=["Cs"])))


@given(
    st.lists(st.one_of(st.none(), ANY, st.text(BASIC, min_size=140), st.text("牛x😀€", min_size=60)), max_size=8),
    st.data(),
)
def test_a_column_is_counted_like_each_text_by_the_simulated_vendor(texts, data):
    """The vectorised count agrees, row by row, with the gateway's own, in slices of a column too."""
    phones = [data.draw(st.sampled_from(["60123456789", "8615088888888"])) for _ in texts]
    start = data.draw(st.integers(0, 2))
    counted, encodings = count_segments(
        pa.array(texts, pa.large_string())[start:], pa.array(phones, pa.string())[start:]
    )
    expected = [0 if text is None else delivery.size(text, phone) for text, phone in zip(texts, phones, strict=True)]
    assert counted.tolist() == expected[start:]
    assert [encoding is None for encoding in encodings] == [text is None for text in texts[start:]]
    assert counted.dtype == np.int64


def test_a_long_column_is_counted_like_its_texts():
    """Each ASCII character is found wherever it stands in a column that is looked at in parts."""
    texts = [f"{'x' * (150 + n % 9)}{chr(n % 128)}{'_' * (n % 3)}" for n in range(4_000)]
    column = pa.array(texts)
    assert sum(map(len, texts)) > 2 * segments._AT_ONCE
    counted, _ = count_segments(column)
    assert counted.tolist() == [delivery.size(text, "8615088888888") for text in texts]
    assert needs_ucs(column).tolist() == [not {*text} <= {*BASIC, *EXTENSION} for text in texts]
