"""The public functions on columns of texts: segments, encodings, plain characters."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nxsms_nb as nx
from nxsms_nb.rows.segments import BASIC, EXTENSION
from nxsms_nb.rows.texts import PLAIN
from nxsms_nb.sandbox import delivery

SAMPLE = Path(nx.__file__).parent / "data" / "sample.csv"

# The table of GSM 03.38 by code points, written down apart from the package's own.
GSM = {10, 13, 12, *range(32, 92), *range(97, 123), 0x20AC, *map(ord, "[\\]^{|}~_")} - {0x60} | {
    *map(ord, "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà")
}
TWICE = {*map(ord, "[\\]^{|}~€\f")}


def counted(text, phone="8615088888888"):
    """Count the segments of one text by the vendor's page, character by character."""
    added = 7 if phone.startswith("60") else 0
    if all(ord(character) in GSM for character in text):
        units, single, joined = sum(1 + (ord(character) in TWICE) for character in text), 160, 154
    else:
        units, single, joined = sum(1 + (ord(character) > 0xFFFF) for character in text), 70, 67
    units += added
    return 1 if units <= single else (units + joined - 1) // joined


def kinds_of_texts():
    """Texts of every alphabet around every border of a segment."""
    characters = ["x", "é", "€", "[", "\f", "牛", "ç", "’", "😀", "👩‍👩‍👧", "🇩🇪", "`", "\t", "Σ"]
    lengths = [
        0,
        1,
        34,
        35,
        36,
        63,
        66,
        67,
        68,
        70,
        71,
        77,
        79,
        80,
        81,
        134,
        135,
        153,
        154,
        155,
        160,
        161,
        307,
        308,
        309,
    ]
    return [character * n + end for character in characters for n in lengths for end in ("", "x", "€", "牛", "😀")]


def test_segments_of_the_sample_are_those_of_an_independent_count():
    """Every text of the sample that ships is counted as by the page, to its own number and to Malaysia."""
    frame = pd.read_csv(SAMPLE, dtype={"phone": str}).dropna(subset=["content"])
    found = nx.segments(frame["content"])
    assert found.tolist() == [counted(text) for text in frame["content"]]
    assert found.max() > 3
    there = pd.Series("60123456789", index=frame.index)
    assert nx.segments(frame["content"], there).tolist() == [counted(text, "60") for text in frame["content"]]


def test_chinese_emoji_and_extension_characters_are_counted_as_by_the_page():
    """Around every border of a segment, in both encodings, to Malaysia and elsewhere."""
    texts = kinds_of_texts()
    for phone in ("8615088888888", "60123456789"):
        found = nx.segments(pd.Series(texts), pd.Series([phone] * len(texts)))
        assert found.tolist() == [counted(text, phone) for text in texts]


def test_the_encoding_is_by_the_alphabet():
    """GSM-7 for each character of GSM 03.38, UCS-2 for every other of the first 16 bits."""
    characters = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000]
    found = nx.encoding(pd.Series(characters))
    assert [ord(character) for character in pd.Series(characters)[found == "GSM-7"]] == sorted(GSM | {0x40, 0x24})


@pytest.mark.parametrize("dtype", ["object", "str", "string", "string[pyarrow]", "category"])
@pytest.mark.parametrize("function", [nx.segments, nx.encoding, nx.plain])
def test_index_name_and_gaps_stay(function, dtype):
    """Whatever the column's dtype: same index and name, missing where there is no text; the input is as it was."""
    content = pd.Series(["it’s", None, "Hi"], index=["b", "a", "b"], name="text", dtype=dtype)
    before = content.copy()
    found = function(content)
    assert found.index.tolist() == ["b", "a", "b"]
    assert (found.name, found.isna().tolist()) == ("text", [False, True, False])
    pd.testing.assert_series_equal(content, before)
    assert function(content.iloc[:0]).tolist() == []
    assert function(content.iloc[1:2]).isna().all()


def test_dtypes_are_nullable_whole_numbers_and_text():
    """Int64 for counts; text as pandas itself has it."""
    content = pd.Series(["Hi", None])
    assert nx.segments(content).dtype == "Int64"
    assert nx.encoding(content).dtype == nx.plain(content).dtype == content.dtype


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It’s “fine” — ok…", 'It\'s "fine" - ok...'),
        ("a\u00a0b\u202fc\td\u200be\ufefff", "a b c def"),
        ("ﬁne oﬃce ﬂow", "fine office flow"),
        ("`quoted´ «so» ‹so› • one", "'quoted' \"so\" 'so' - one"),
        ("cafe\u0301 u\u0308ber", "café über"),
        ("10 €, [a] {b} é ü", "10 €, [a] {b} é ü"),
        ("Olá, it’s on", "Olá, it’s on"),
        ("他说“好”…", "他说“好”…"),
        ("it’s on 😀", "it’s on 😀"),
        ("…" * 70, "…" * 70),
        ("…" * 47 + "x" * 13, "…" * 47 + "x" * 13),
        ("…" * 40 + "x", "..." * 40 + "x"),
        ("it\x92s \x93on\x94 \x96 now", 'it\'s "on" - now'),
        ("’", "'"),
        ("\u200b", ""),
        ("", ""),
    ],
)
def test_plain_characters_stand_for_typographic_ones(text, expected):
    """Only in texts that all fit GSM 03.38 afterwards and need no more segments in any country."""
    assert nx.plain(pd.Series([text, "Hi", None, text])).tolist()[::3] == [expected, expected]


def test_what_is_replaced_costs_and_what_replaces_does_not():
    """Each replaced character is outside GSM 03.38, each replacement inside, and no longer in UTF-8."""
    for to, characters in PLAIN.items():
        assert set(to) <= set(BASIC)
        for character in characters:
            assert character not in BASIC + EXTENSION
            assert len(to.encode()) <= len(character.encode())


ANY = st.text(st.one_of(st.sampled_from(BASIC + EXTENSION), st.sampled_from("".join(PLAIN.values())), st.characters()))


@given(st.lists(st.one_of(st.none(), ANY, st.text("x’…ﬃ\u00a0e\u0301", max_size=200)), max_size=6), st.integers(0, 2))
def test_plain_is_what_each_text_by_itself_gives_and_never_costs_more(texts, start):
    """In slices of a column too; a second time nothing changes."""
    texts = [None if text is None else text.encode("utf-8", "ignore").decode() for text in texts]
    content = pd.Series(texts, dtype="string[pyarrow]").iloc[start:]
    made = nx.plain(content)
    table = str.maketrans({character: to for to, characters in PLAIN.items() for character in characters})
    for text, plain in zip(content, made, strict=True):
        assert pd.isna(text) == pd.isna(plain)
        if pd.isna(text):
            continue
        assert delivery.size(plain, "1") <= delivery.size(text, "1")
        assert delivery.size(plain, "60") <= delivery.size(text, "60")
        assert plain == text or plain == unicodedata.normalize("NFC", text).translate(table)
    assert nx.plain(made).equals(made)


def test_what_is_no_column_is_refused():
    """A text, a list, or numbers of other rows: the message says what to give."""
    for function in (nx.segments, nx.encoding, nx.plain):
        for given_ in ("Hi", ["Hi"], None):
            with pytest.raises(nx.ConfigError, match=r"not a Series\. Give a column, as in df\['content'\]"):
                function(given_)
    with pytest.raises(nx.ConfigError, match="phone is a str, not a Series"):
        nx.segments(pd.Series(["Hi"]), "60123456789")
    with pytest.raises(nx.ConfigError, match="different indexes"):
        nx.segments(pd.Series(["Hi"]), pd.Series(["60123456789"], index=[7]))
