"""Phones: every shape in which they arrive, and what must never be guessed."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nxsms_nb.errors import ConfigError
from nxsms_nb.rows import national
from nxsms_nb.rows.phones import TROUBLES, Trouble, normalise

NUMBER = "8615088888888"


def read(value, region=None, dtype=object):
    digits, troubles = normalise(pd.Series([value], dtype=dtype), region)
    return digits[0].as_py(), troubles[0]


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        f"+{NUMBER}",
        f"00{NUMBER}",
        "+86 150-8888-8888",
        "(+86) 150 8888 8888",
        "+86 (150) 8888.8888",
        "0086-150-8888-8888",
        "86.150.8888.8888",
        "86 1508888 8888",
        f"  {NUMBER}\n",
        "８６１５０８８８８８８８８",
        "＋８６（１５０）８８８８－８８８８",
        "\u202a+86\u00a0150\u2011\u20608888\u20118888\u202c",
        "\ufeff8615088888888",
        "٨٦١٥٠٨٨٨٨٨٨٨٨",
        f'="{NUMBER}"',
        f'"{NUMBER}"',
        f"'{NUMBER}",
        f"\u2018+{NUMBER}",
        f"tel:+{NUMBER}",
        f"TEL: {NUMBER}",
        f"{NUMBER}.0",
        f"{NUMBER}.00",
        f"+{NUMBER}.0",
        "8.615088888888E+12",
        "8.615088888888e12",
        "8615088888888E+0",
        int(NUMBER),
        np.int64(NUMBER),
        float(NUMBER),
        np.float64(NUMBER),
        Decimal(NUMBER),
        Decimal(NUMBER + ".0"),
        NUMBER.encode(),
        np.str_(NUMBER),
    ],
)
def test_a_number_comes_out_whatever_its_spelling(written):
    """Each spelling of one number gives the same digits."""
    assert read(written) == (NUMBER, Trouble.NONE)


@pytest.mark.parametrize(
    ("written", "trouble"),
    [
        (None, Trouble.MISSING),
        (np.nan, Trouble.MISSING),
        (pd.NA, Trouble.MISSING),
        (pd.NaT, Trouble.MISSING),
        (Decimal("NaN"), Trouble.MISSING),
        ("", Trouble.MISSING),
        (" \u00a0\u200b", Trouble.MISSING),
        ("8.61508E+12", Trouble.LOST),
        ("8.61508e12", Trouble.LOST),
        ("9E+12", Trouble.LOST),
        ("8.615080000000E+12", Trouble.LOST),
        ("8615080000000.0", Trouble.LOST),
        (8615080000000.0, Trouble.LOST),
        (np.float32(NUMBER), Trouble.LOST),
        (np.longdouble(2) ** 60, Trouble.LOST),
        (1e16, Trouble.LOST),
        (8615088800000.0, Trouble.LOST),
        ("8615088800000.0", Trouble.LOST),
        (Decimal("8.61508E+12"), Trouble.LOST),
        ("8.6150888888885E+12", Trouble.DECIMAL),
        ("8615088888888.5", Trouble.DECIMAL),
        ("8 615 088 888 888.0", Trouble.DECIMAL),
        ("8.615.088.888.888.0", Trouble.DECIMAL),
        ("8615088.888888", Trouble.DECIMAL),
        (8615088888888.5, Trouble.DECIMAL),
        (np.inf, Trouble.DECIMAL),
        (1e300, Trouble.DECIMAL),
        (Decimal("1.5"), Trouble.DECIMAL),
        (Decimal("Infinity"), Trouble.DECIMAL),
        ("call me", Trouble.UNREADABLE),
        ("8615088888888 x12", Trouble.EXTENSION),
        ("1-800-FLOWERS", Trouble.UNREADABLE),
        ("15088888888 (2)", Trouble.UNREADABLE),
        ("8613800000000/8613900000000", Trouble.SEVERAL),
        ("8613800000000, 8613900000000", Trouble.SEVERAL),
        ("86138000\n0000", Trouble.UNREADABLE),
        ("8,615,088,888,888", Trouble.UNREADABLE),
        ("+86+15088888888", Trouble.UNREADABLE),
        ("++8615088888888", Trouble.UNREADABLE),
        ("8615088888888¹", Trouble.UNREADABLE),
        ("\u202e8888888805168", Trouble.UNREADABLE),
        ("-8615088888888", Trouble.UNREADABLE),
        ("8615088888888-", Trouble.UNREADABLE),
        ("\ud800", Trouble.UNREADABLE),
        (b"\xff", Trouble.UNREADABLE),
        (-8615088888888, Trouble.UNREADABLE),
        (True, Trouble.UNREADABLE),
        (pd.Timestamp("2026-03-01"), Trouble.UNREADABLE),
        ([8, 6], Trouble.UNREADABLE),
        pytest.param(10**5000, Trouble.UNREADABLE, id="huge"),
        ("+44 (0)1 7946 0000", Trouble.TRUNK),
        ("0151 (0)2079460", Trouble.TRUNK),
        ("123456", Trouble.LENGTH),
        ("1234567890123456", Trouble.LENGTH),
        (0, Trouble.ZERO),
        ("02079460000", Trouble.ZERO),
        ("+0086150888", Trouble.ZERO),
        ("000861508888", Trouble.ZERO),
    ],
)
def test_what_is_not_certain_is_a_problem_of_the_row(written, trouble):
    """Lost digits, decimals, letters and trunk zeros give no digits and say why."""
    assert read(written) == (None, trouble)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", [8615088888888, 447946000000]),
        ("uint64", [8615088888888, 447946000000]),
        ("Int64", [8615088888888, 447946000000]),
        ("float64", [8615088888888.0, 447946000001.0]),
        ("Float64", [8615088888888.0, 447946000001.0]),
        ("string", ["8615088888888", "+447946000000"]),
        ("category", ["8615088888888", "447946000000"]),
        ("int64[pyarrow]", [8615088888888, 447946000000]),
        ("double[pyarrow]", [8615088888888.0, 447946000001.0]),
        ("string[pyarrow]", ["8615088888888", "447946000000"]),
        (object, [8615088888888, "+447946000000"]),
    ],
)
def test_every_dtype_gives_the_same_digits(dtype, values):
    """Numbers, text, categories and Arrow columns are read alike, gaps included."""
    column = pd.Series(values, dtype=dtype)
    digits, troubles = normalise(column)
    assert digits.to_pylist()[0] == NUMBER
    assert digits.to_pylist()[1].startswith("44794600000")
    assert not troubles.any()
    if dtype not in ("int64", "uint64"):
        gappy, troubles = normalise(column.reindex([1, 7, 0]))
        assert gappy.to_pylist() == [digits.to_pylist()[1], None, NUMBER]
        assert troubles.tolist() == [0, Trouble.MISSING, 0]


def test_four_zeros_at_the_end_of_a_float_are_its_own():
    """Only five zeros or more say that digits were lost; whole numbers and text may end as they like."""
    for written in (8615088880000.0, "8615088880000.0", 8615080000000, "8615080000000"):
        assert read(written)[1] == Trouble.NONE


def test_a_float_column_of_half_the_width_has_lost_digits():
    """float32 cannot hold a phone: its rounded number is never sent to."""
    _, troubles = normalise(pd.Series([8615088888888, 16777215], dtype="float32"))
    assert troubles.tolist() == [Trouble.LOST, 0]


def test_sliced_and_chunked_arrow_columns_are_read_from_their_own_rows():
    """A slice or a concatenation of Arrow columns gives its own rows' digits."""
    column = pd.Series([NUMBER, "+4479460000", "x"], dtype="string[pyarrow]")
    both = pd.concat([column.iloc[1:], column.iloc[:1]], ignore_index=True)
    digits, troubles = normalise(both)
    assert digits.to_pylist() == ["4479460000", None, NUMBER]
    assert troubles.tolist() == [0, Trouble.UNREADABLE, 0]


@pytest.mark.parametrize("dtype", [object, "string", "category", "float64"])
def test_an_empty_column_gives_nothing(dtype):
    """No rows in, no rows out."""
    digits, troubles = normalise(pd.Series([], dtype=dtype))
    assert len(digits) == len(troubles) == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("13800138000", ("8613800138000", Trouble.NONE)),
        ("138 0013 8000", ("8613800138000", Trouble.NONE)),
        (13800138000, ("8613800138000", Trouble.NONE)),
        ("15088888888", ("8615088888888", Trouble.NONE)),
        ("010 6552 9988", ("861065529988", Trouble.NONE)),
        (NUMBER, (NUMBER, Trouble.NONE)),
        (f"+{NUMBER}", (NUMBER, Trouble.NONE)),
        (f"00{NUMBER}", (NUMBER, Trouble.NONE)),
        ("14155552671", ("14155552671", Trouble.NONE)),
        ("+1234567", ("1234567", Trouble.NONE)),
        ("13108551234", ("8613108551234", Trouble.NONE)),
        ("+13108551234", ("13108551234", Trouble.NONE)),
        ("12345678", (None, Trouble.NEITHER)),
        ("8.61508E+12", (None, Trouble.LOST)),
        ("", (None, Trouble.MISSING)),
    ],
)
def test_a_region_completes_national_numbers(written, expected):
    """With a region, national numbers get its country code; what reads both ways, or neither, is a problem."""
    assert read(written, "CN") == expected


def test_an_international_number_with_a_trunk_zero_in_it_is_not_mended():
    """A bare international number is taken as written or not at all."""
    assert read("4402079460000", "CN") == (None, Trouble.NEITHER)
    assert read("4402079460000", "GB") == (None, Trouble.TRUNK)
    assert read("02079460000", "GB") == ("442079460000", Trouble.NONE)


@pytest.mark.parametrize("region", ["XX", "cn", "China", "86", ""])
def test_an_unknown_region_is_refused_with_an_example(region):
    """A region that is no country is an error that shows how to name one."""
    with pytest.raises(ConfigError, match="region='CN'"):
        normalise(pd.Series([NUMBER]), region)


def test_every_trouble_has_a_rule_and_a_hint():
    """The table of rules covers all troubles."""
    assert set(TROUBLES) == {code for name, code in vars(Trouble).items() if name.isupper()} - {Trouble.NONE}


LOOKS = st.text(alphabet="0123456789+-. ()０９eE'=\"x\u00a0\u202a", max_size=24)


@given(LOOKS)
def test_digits_are_taken_over_and_never_made(written):
    """What comes out are the digits that stood there, less the prefix 00 or the tail of a float."""
    digits, trouble = read(written)
    assert (digits is None) == (trouble != Trouble.NONE)
    if digits is None or "e" in written.lower():
        return
    stood = "".join(c for c in written.translate({0xFF10: "0", 0xFF19: "9"}) if c.isdigit())
    assert stood in {digits, "00" + digits, digits + "0", digits + "00"}
    if stood not in {digits, "00" + digits}:
        assert written.strip("'\"= \u00a0\u202a").endswith((".0", ".00", ".０", ".０0", ".0０", ".００"))
    assert 7 <= len(digits) <= 15
    assert digits[0] != "0"


@given(st.floats(width=64))
def test_a_float_gives_its_own_digits_or_none(value):
    """A float gives exactly its whole number or a problem."""
    digits, _ = read(value, dtype="float64")
    assert digits is None or (int(digits) == value and not digits.endswith("00000"))


@given(st.integers(10**6, 10**15 - 1))
def test_a_float_as_text_is_read_like_the_float(number):
    """A float and the text pandas makes of it are treated alike."""
    as_float, as_text = read(float(number)), read(str(float(number)))
    assert as_float[0] == as_text[0]


@given(st.lists(st.one_of(LOOKS, st.integers(), st.floats(), st.none(), st.booleans()), max_size=12))
def test_a_row_is_read_without_regard_to_its_neighbours(values):
    """A mixture gives each row what the row alone gives."""
    column = pd.Series(values, dtype=object)
    digits, troubles = normalise(column)
    alone = [read(value) for value in values]
    assert list(zip(digits.to_pylist(), troubles, strict=True)) == alone


REGIONS = [
    "CN",
    "US",
    "CA",
    "GB",
    "JE",
    "DE",
    "IT",
    "VA",
    "FR",
    "BR",
    "AR",
    "MX",
    "RU",
    "KZ",
    "IN",
    "JP",
    "SG",
    "AX",
    "HU",
]


@st.composite
def _bare_numbers(draw):
    region = draw(st.sampled_from(REGIONS))
    about = draw(st.sampled_from([region, *REGIONS]))
    example = phonenumbers.example_number_for_type(about, draw(st.sampled_from([0, 1, 3, 4])))
    if example is None:
        example = phonenumbers.example_number(about)
    national = list(phonenumbers.national_significant_number(example))
    for place in draw(st.lists(st.integers(0, len(national) - 1), max_size=3)):
        national[place] = draw(st.sampled_from("0123456789"))
    start = draw(st.sampled_from(["", "", "0", "1", "8", "00", str(example.country_code), f"{example.country_code}0"]))
    return region, start + "".join(national) + draw(st.sampled_from(["", "", "0"]))


@given(_bare_numbers())
@example(("RU", "8092345678"))
@example(("BM", "13101234"))
@example(("BY", "3758102350916"))
@example(("IM", "0800012345"))
@example(("CN", "3758102350916"))
@example(("BR", "5540091234"))
@example(("BR", "5540341234"))
@example(("GF", "594279234"))
@example(("ZW", "26308001264"))
@example(("AX", "494978013575"))
def test_a_national_reading_is_what_the_library_says(case):
    """The whole-column way gives the number that the library has for the region, and none where it has none."""
    region, number = case
    reading = national.readings(pa.array([number], pa.large_string()), region)
    parsed = parsed_in(number, region)
    found = reading.full[0].as_py()
    if parsed is None or not phonenumbers.is_valid_number_for_region(parsed, region):
        assert (found, reading.trunk[0]) == (None, False)
        return
    assert found == e164(parsed) or (found is None and reading.trunk[0])
    mobile = phonenumbers.number_type(parsed) in {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
    assert bool(national.may_be_mobile(pa.array([e164(parsed)], pa.large_string()), region)[0]) == mobile


def parsed_in(text, region):
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def e164(number):
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def test_ordinary_numbers_need_no_second_look():
    """Mobiles, landlines with their zero, and the region's international numbers are decided by patterns alone."""
    for region, numbers in {
        "CN": ["13800138000", "8613800138000", "01065529988", "442079460000"],
        "GB": ["07400123456", "447400123456", "02079460000", "8613800138000"],
        "US": ["2015550123", "12015550123", "8613800138000"],
    }.items():
        assert national.readings(pa.array(numbers, pa.large_string()), region).sure.all(), region
