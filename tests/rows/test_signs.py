"""Texts without a sign of a mistake need not be read for one."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nxsms_nb._arrow import TEXT, as_mask
from nxsms_nb.rows import signs
from nxsms_nb.rows.links import PLACE
from nxsms_nb.rows.problems import _SUSPICIOUS, RULES, suspicions

MISTAKES = [
    *("nan", "NaN", "None", "NaT", "null", "NULL", "undefined", "<NA>", "inf", "-inf", "Infinity", "x=inf"),
    *("#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", PLACE),
    *("0.30000000000000004", "2.9999999999", "1.0000001", "7.09999991", "0.12345678901234", "1e-07", "2.5e+100"),
    *("M\u00c3\u00bcller", "\u00c2\u00a3", "\u00c3\u0192", "\u00e2\u20ac\u2122", "\u00e2\u20ac\x9d", "\ufffd"),
    *("{name}", "{}", "{0}", "{prénom}"),
]
PLAIN = [
    *(
        "",
        " ",
        "a",
        "0",
        ".",
        "-",
        "e",
        "n",
        "N",
        "#",
        "{",
        "}",
        "ü",
        "你",
        "，",
        "\U0001f600",
        "\u00c3",
        "5",
        "000",
        "9999",
        "\n",
    )
]


def halves(rng: random.Random) -> str:
    mistake = rng.choice(MISTAKES)
    cut = rng.randrange(len(mistake) + 1)
    return rng.choice((mistake[:cut], mistake[cut:], mistake, mistake.swapcase()))


def texts(rng: random.Random, n: int) -> list[str | None]:
    """Texts of pieces of mistakes, so that many begin or end in the middle of one."""
    return [
        None
        if rng.random() < 0.05
        else "".join(halves(rng) if rng.random() < 0.4 else rng.choice(PLAIN) for _ in range(rng.randrange(5)))
        for _ in range(n)
    ]


def read_whole(content: pa.Array, pattern: str) -> list[int]:
    return np.flatnonzero(as_mask(pc.match_substring_regex(content, pattern))).tolist()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_has_a_sign(mistake: str) -> None:
    """A text that reads as a mistake has a sign of one, at its beginning, in its middle and at its end."""
    content = pa.array([mistake, f"a {mistake} b", f"a {mistake}", "Hello"], TEXT)
    assert len(suspicions(content)) >= 3
    assert signs.signed(content).tolist() == [0, 1, 2]


@pytest.mark.parametrize("seed", range(8))
def test_mistakes_are_those_of_reading_every_text(seed: int) -> None:
    """Texts in which mistakes break off at the borders, with gaps and in slices, have the problems that each pattern finds."""
    rng = random.Random(seed)
    content = pa.array(texts(rng, 3000), TEXT).slice(rng.randrange(9), 2900 - rng.randrange(9))
    found = suspicions(content)
    for name, pattern in (*_SUSPICIOUS.items(), ("content_link_unfilled", PLACE)):
        number = [rule.name for rule in RULES].index(name)
        assert found.positions[found.rules == number].tolist() == read_whole(content, pattern), name
    assert len(found) > 100


def test_texts_are_searched_by_the_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs are found in each piece of a column, and in texts of none or one byte."""
    content = pa.array(texts(random.Random(1), 500), TEXT)
    signed, mistaken = signs.signed(content).tolist(), suspicions(content).positions.tolist()
    for rows in (1, 7):
        monkeypatch.setattr(signs, "_ROWS", rows)
        assert set(mistaken) <= set(signs.signed(content).tolist()) <= set(signed)
        assert suspicions(content).positions.tolist() == mistaken
    assert not len(signs.signed(pa.array([], TEXT)))
    assert not len(signs.signed(pa.array(["", None, "n"], TEXT)))
