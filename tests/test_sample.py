"""The sample that ships: real texts, numbers that belong to nobody, and rows broken as exports break them."""

import csv
import io
import runpy
from pathlib import Path

import pandas as pd
import phonenumbers
import pytest

import nxsms_nb  # noqa: F401 - gives frames .nxsms
from nxsms_nb.rows.phones import normalise

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "nxsms_nb" / "data" / "sample.csv"


@pytest.fixture(name="sample")
def _sample():
    return pd.read_csv(SAMPLE, dtype={"phone": str})


@pytest.fixture(name="builder")
def _builder():
    return runpy.run_path(str(ROOT / "tests" / "support" / "make_sample.py"))


def test_the_sample_is_what_its_note_says(sample):
    """2,400 rows with the columns an analyst has, in fewer than 600 kB, every text once."""
    assert list(sample.columns) == ["phone", "content", "country", "label"]
    assert len(sample) == 2_400
    assert SAMPLE.stat().st_size < 600_000
    texts = sample["content"].dropna()
    assert not texts[texts.str.strip() != ""].duplicated().any()
    assert set(sample["label"]) == {"ham", "spam"}
    assert sample["country"].notna().all()


def test_numbers_are_examples_and_get_few_messages(sample, builder):
    """Whatever reads as a number is an example number of `phonenumbers`, and none gets more than four messages."""
    digits = pd.Series(normalise(sample["phone"])[0].to_pylist()).dropna()
    examples = {number for number, _ in builder["numbers"]()}
    # Another release may have other examples for a region or two.
    assert digits.isin(examples).mean() >= (1 if phonenumbers.__version__ == builder["RELEASE"] else 0.95)
    assert digits.value_counts().max() <= 4


def test_rows_are_broken_as_exports_break_them(sample, builder):
    """31 rows cannot be sent, each for the one reason it was broken for; 31 more are read in spite of their spelling."""
    report = sample.nxsms.validate()
    assert report.problems["rule"].value_counts().to_dict() == {
        "phone_digits_lost": 6,
        "phone_missing": 4,
        "phone_unreadable": 4,
        "phone_several": 2,
        "phone_length": 2,
        "phone_leading_zero": 3,
        "content_missing": 4,
        "content_blank": 3,
        "content_too_long": 3,
    }
    assert len(report.invalid) == len(builder["LOSSES"]) == 31
    spelt = ~report.valid["phone"].str.fullmatch("[1-9][0-9]*")
    assert spelt.sum() == len(builder["breaks"]()) - 31 == 31


def test_the_builder_repeats_itself(builder, tmp_path):
    """The same collection gives the same bytes, with every text as it was but for those emptied or made too long."""
    source = tmp_path / "collection.tsv"
    texts = [f'message {number}, with "quotes" and\u00a0marks' for number in range(2_500)]
    source.write_text("Label\tSMS\n" + "".join(f"ham\t{text}\n" for text in texts), encoding="utf-8")
    for name in ("one.csv", "two.csv"):
        builder["main"](str(source), str(tmp_path / name))
    built = (tmp_path / "one.csv").read_bytes()
    assert built == (tmp_path / "two.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(built.decode("utf-8"))))
    changed = [row for row in rows if row["content"] not in texts]
    assert len(rows) == 2_400
    assert len(changed) == 10
    assert sum(len(row["content"]) > 1_000 for row in changed) == 3
