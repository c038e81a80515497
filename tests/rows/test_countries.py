"""Countries by leading digits."""

from __future__ import annotations

import pandas as pd
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nxsms_nb.rows.calling_codes import countries_of

KINDS = range(11)


def library(digits):
    """What the library says of a number taken as written; None where it reads another number or none."""
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) != "+" + digits:
        return None
    return phonenumbers.region_code_for_number(number)


def test_example_numbers_are_in_their_countries():
    """The library's example of every kind of number in every country is put where the library puts it."""
    examples = {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in KINDS
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    }
    numbers = sorted(digits for digits in examples if 7 <= len(digits) <= 15)
    found = countries_of(pa.array(numbers)).tolist()
    assert len(numbers) > 900
    assert found == [library(digits) for digits in numbers]


SHARED = sorted(code for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1)


@given(st.sampled_from(SHARED), st.text("0123456789", min_size=6, max_size=11))
def test_countries_that_share_a_code_are_distinguished_as_the_library_does(code, rest):
    """Where the library knows the country of a number under a shared code, so do we."""
    digits = f"{code}{rest}"
    known = library(digits)
    assume(known is not None)
    assert countries_of(pa.array([digits])).tolist() == [known]


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("8615088888888", "CN"),
        ("10000000000", "US"),
        ("440000000000", "GB"),
        ("79000000000", "RU"),
        ("870773111632", "001"),
        ("2100000000", None),
        ("123456", None),
        ("", None),
        ("call me", None),
        (None, None),
    ],
)
def test_a_number_nobody_plans_counts_for_the_main_country(digits, country):
    """Only the calling code has to be known; what is no number has no country."""
    found = countries_of(pa.array([digits, "8615088888888"], pa.string()))
    assert (found[0] if isinstance(found[0], str) else None) == country


def test_the_categories_are_the_countries_that_occur():
    """A group-by shows no country without a number."""
    found = countries_of(pa.array(["8615088888888", None, "16135550100", "8615088888889"]))
    assert isinstance(found, pd.Categorical)
    assert found.categories.tolist() == ["CA", "CN"]
    assert found.codes.tolist() == [1, -1, 0, 1]


def test_no_numbers_have_no_countries():
    """An empty column is an empty column."""
    assert len(countries_of(pa.array([], pa.string()))) == 0
