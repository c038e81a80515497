"""Numbers as people write them: words, trunk zeros, slashes, columns of countries, and bare numbers."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.rows.phones import TROUBLES, Trouble, normalise
from nxsms_nb.rows.problems import RULES

MOBILE = "4915112345678"


def read(written, region=None, bare=None):
    digits, troubles = normalise(pd.Series([written], dtype=object), region, bare)
    return digits[0].as_py(), int(troubles[0])


def column(written, **options):
    frame = pd.DataFrame({"phone": pd.Series(written, dtype=object), "content": "Hi", "n": range(len(written))})
    report = frame.nxsms.validate(key="n", **{name: value for name, value in options.items() if name != "frame"})
    return dict(zip(report.problems["position"].tolist(), report.problems["rule"].tolist(), strict=True))


@pytest.mark.parametrize(
    "written",
    [
        "0151/12345678",
        "+49 (0)151 12345678",
        "Mobil: 0151 12345678",
        "49151 12345678",
        "0049-151-12345678",
        "(0151) 1234 5678",
        "Tel. +49 151 12345678",
        "0151 - 12 34 56 78",
        "0151 / 12 34 56 78",
        "(0151) / 12345678",
        "0151.12345678",
        "0151.12.34.56.78",
        "+49.151.12345678",
        "+49(0)151/12345678",
        "(0049)(0)151/12345678",
        "+49 (0151) 12345678",
        "+49 0151 12345678",
        "49 (0)151 12345678",
        "+0049 151 12345678",
        "(+49) 151 12345678",
        "[+49] 151 12345678",
        "+ 49 151 12345678",
        "+49/151/12345678",
        "0049/151/12345678",
        "+49\u00a0151\u202f12345678",
        "0151\u20111234\u20115678",
        "0151\u20131234\u20145678",
        "0151\t12345678",
        "\uff10\uff11\uff15\uff11\uff0f\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "\u0660\u0661\u0665\u0661 \u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\u0966\u0967\u096b\u0967 \u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e",
        "'0151 12345678",
        '="0151 12345678"',
        "tel:+49-151-12345678",
        "sms:+4915112345678",
        "Tel.:+49 151 12345678",
        "Tel0151 12345678",
        "Mobil - 0151 12345678",
        "Mobil (0151) 12345678",
        "B\u00fcro +49 151 12345678",
        "\U0001f4f1 +49 151 12345678",
        "\u624b\u673a015112345678",
        "\u7535\u8bdd\uff1a+49 151 12345678",
        "\u0442\u0435\u043b. +49 151 12345678",
        "0151 12345678 (privat)",
        "0151 12345678 - privat",
        "0151 12345678 / privat",
        "4915112345678,0",
        "4,915112345678E+12",
        "0151 12345678, Anna",
        "0151 12345678.",
        "0151 12345678;",
        "(0151 12345678)",
        "15112345678",
        15112345678,
        15112345678.0,
        4915112345678,
    ],
)
def test_a_german_mobile_is_read_however_it_is_written(written):
    """Words, slashes, trunk zeros, blanks and digits of other scripts are all in a day's work."""
    assert read(written, "DE") == (MOBILE, Trouble.NONE)


@pytest.mark.parametrize(
    ("written", "trouble"),
    [
        ("0151 12345678 oder 0160 7654321", Trouble.SEVERAL),
        ("0151 12345678 or +49 160 7654321", Trouble.SEVERAL),
        ("0151 12345678\n0160 7654321", Trouble.SEVERAL),
        ("0151 12345678, 0160 7654321", Trouble.SEVERAL),
        ("0151 12345678; 0160 7654321", Trouble.SEVERAL),
        ("0151 12345678 / 0160 7654321", Trouble.SEVERAL),
        ("Mobil: 0151 12345678 Tel.: 030 1234567", Trouble.SEVERAL),
        ("+49 151 12345678 +49 160 7654321", Trouble.SEVERAL),
        ("0151 12345678 & 0160 7654321", Trouble.SEVERAL),
        ("123456/654321", Trouble.SEVERAL),
        ("030 123456-67/68", Trouble.EXTENSION),
        ("030 1234567/8", Trouble.EXTENSION),
        ("0211/123456/78", Trouble.EXTENSION),
        ("+49 30 1234567 ext. 5", Trouble.EXTENSION),
        ("+49 30 1234567 x5", Trouble.EXTENSION),
        ("+49 30 1234567x5", Trouble.EXTENSION),
        ("tel:+49-30-1234567;ext=5", Trouble.EXTENSION),
        ("030 1234567 Durchwahl 12", Trouble.EXTENSION),
        ("Tel. 030/1234567, DW 12", Trouble.EXTENSION),
        ("030 1234567 #12", Trouble.EXTENSION),
        ("12345/67", Trouble.EXTENSION),
        ("INV1234567", Trouble.ANOTHER),
        ("INV-1234567", Trouble.ANOTHER),
        ("1234567A", Trouble.UNREADABLE),
        ("1 800 555 CARS", Trouble.UNREADABLE),
        ("138****8000", Trouble.UNREADABLE),
        ("138----8000", Trouble.UNREADABLE),
        ("138XXXX8000", Trouble.UNREADABLE),
        ("138 0013 XXXX", Trouble.UNREADABLE),
        ("XXX 1234567", Trouble.UNREADABLE),
        ("861508 XXX 8888", Trouble.UNREADABLE),
        ("12/05/2024", Trouble.UNREADABLE),
        ("12.05.1987", Trouble.UNREADABLE),
        ("2024-05-12", Trouble.UNREADABLE),
        ("2024-05-12 10:00:00", Trouble.UNREADABLE),
        ("geb. 12.5.1987", Trouble.ANOTHER),
        ("8,61508E+12", Trouble.LOST),
        ("8615080000000,0", Trouble.LOST),
        ("0.15112345678", Trouble.DECIMAL),
        ("Mobil: 8.61508E+12", Trouble.LOST),
        ("Mobil: 8615080000000.0", Trouble.LOST),
        ("+0151 12345678", Trouble.ZERO),
    ],
)
@pytest.mark.parametrize("region", [None, "DE"])
def test_what_is_not_one_number_says_why(written, trouble, region):
    """Several numbers, extensions, struck-out digits and other ids are problems, each with a rule of its own."""
    assert read(written, region) == (None, trouble)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+39 (0)6 1234 5678", "390612345678"),
        ("+39 (0)347 123 4567", "393471234567"),
        ("+44 (0)20 7946 0000", "442079460000"),
        ("0044(0)2079460000", "442079460000"),
        ("+44 (020) 7946 0000", "442079460000"),
        ("+36 (06) 20 123 4567", "36201234567"),
        ("+36 06 20 123 4567", "36201234567"),
        ("+7 (8) 912 345-67-89", "79123456789"),
        ("+370 (8) 612 34567", "37061234567"),
        ("+34 (0)612 345 678", "34612345678"),
        ("+225 07 07 12 34 56", "2250707123456"),
        ("+49 33701/123456", "4933701123456"),
    ],
)
def test_a_trunk_zero_goes_and_a_zero_of_the_number_stays(written, expected):
    """Which it is, the plan of the country says; no region is needed."""
    assert read(written) == (expected, Trouble.NONE)


@pytest.mark.parametrize(
    ("region", "written", "expected"),
    [
        ("US", "(415) 555-2671", "14155552671"),
        ("US", "1-415-555-2671", "14155552671"),
        ("US", "011 49 151 12345678", MOBILE),
        ("CA", "604.555.0123", "16045550123"),
        ("GB", "07400 123456", "447400123456"),
        ("GB", "7400123456", "447400123456"),
        ("IT", "347 1234567", "393471234567"),
        ("IT", "06 1234 5678", "390612345678"),
        ("CN", "138 0013 8000", "8613800138000"),
        ("CN", "15088888888", "8615088888888"),
        ("CN", "8615088888888", "8615088888888"),
        ("AR", "011 15-2345-6789", "5491123456789"),
        ("BR", "0 15 11 91234-5678", "5511912345678"),
        ("BR", "(0xx11) 91234-5678", "5511912345678"),
        ("BR", "(11) 91234-5678", "5511912345678"),
        ("RU", "8 (912) 345-67-89", "79123456789"),
        ("RU", "8 10 49 151 12345678", MOBILE),
        ("RU", "8~10 49 151 12345678", MOBILE),
        ("RU", "8/912 345-67-89", "79123456789"),
        ("HK", "001 49 151 12345678", MOBILE),
        ("HK", "0086 138 0013 8000", "8613800138000"),
        ("HU", "06 20 123 4567", "36201234567"),
        ("LT", "8 612 34567", "37061234567"),
        ("IN", "98765 43210", "919876543210"),
        ("IN", "91 98765 43210", "919876543210"),
        ("SG", "9123 4567", "6591234567"),
        ("AU", "0011 49 151 12345678", MOBILE),
        ("AU", "0412 345 678", "61412345678"),
        ("JP", "090-1234-5678", "819012345678"),
        ("JP", "010 49 151 12345678", MOBILE),
        ("MX", "55 1234 5678", "525512345678"),
        ("FR", "06 12 34 56 78", "33612345678"),
    ],
)
def test_numbers_are_completed_as_they_are_dialled_at_home(region, written, expected):
    """Trunk prefixes, carrier codes, Argentina's 15 and prefixes of calls abroad are the region's own."""
    assert read(written, region) == (expected, Trouble.NONE)


def test_a_bare_number_is_a_national_mobile_unless_the_column_has_foreign_ones():
    """Valid both ways it is national; beside bare numbers that only another country has, nobody can tell."""
    both = ["15088888888", "13800138000"]
    assert column(both, region="CN") == {}
    assert column([*both, "+4915112345678", "004915112345678"], region="CN") == {}
    assert column([*both, "4915112345678"], region="CN") == {0: "phone_ambiguous"}
    assert column([*both, "4915112345678"], region="CN", bare="national") == {2: "phone_not_valid"}
    assert column([*both, "4915112345678"], region="CN", bare="international") == {}


def test_bare_decides_for_the_column():
    """National completes what the region has; international takes the digits as they stand, but for a trunk zero."""
    assert read("15088888888", "CN", "national") == ("8615088888888", Trouble.NONE)
    assert read("15088888888", "CN", "international") == ("15088888888", Trouble.NONE)
    assert read("010 6552 9988", "CN", "international") == ("861065529988", Trouble.NONE)
    assert read("+4915112345678", "CN", "national") == (MOBILE, Trouble.NONE)
    with pytest.raises(nx.ConfigError, match="bare='both' is not one of"):
        column(["1"], region="CN", bare="both")
    with pytest.raises(nx.ConfigError, match="bare='national' needs the country"):
        column(["1"], bare="national")


def test_a_mobile_that_is_also_a_landline_with_its_country_code_stays_open():
    """Italy's 390 reads as a mobile, and as 39 before a landline's zero."""
    assert read("3902344441", "IT") == (None, Trouble.BOTH)
    assert read("3902344441", "IT", "national") == ("393902344441", Trouble.NONE)
    assert read("3902344441", "IT", "international") == ("3902344441", Trouble.NONE)
    assert read("392 344 4412", "IT") == ("393923444412", Trouble.NONE)


def test_a_countrys_own_mobile_goes_before_its_landline():
    """49151 12345678 reads as a German landline, too; a list is more likely to hold the mobile."""
    assert read("4915112345678", "DE") == (MOBILE, Trouble.NONE)
    assert read("492111234567", "DE") == (None, Trouble.BOTH)


@pytest.mark.parametrize("trouble", [Trouble.BOTH, Trouble.NEITHER])
def test_what_stays_open_names_the_option(trouble):
    """The hint of a bare number that nothing decides names both values of bare=."""
    hint = TROUBLES[trouble][1]
    assert 'bare="national"' in hint
    assert 'bare="international"' in hint


COUNTRIES = pd.DataFrame(
    {
        "phone": [
            "0151 12345678",
            "06 12 34 56 78",
            "13800138000",
            "0664 1234567",
            "+49 151 12345678",
            "0151 12345678",
        ],
        "land": ["DE", "fr", " Cn ", "Austria", None, ""],
        "content": "Hi",
    }
)


def test_a_column_of_countries_completes_each_row_by_its_own():
    """Codes of any case are countries, another value is its row's problem, and + needs none."""
    assert COUNTRIES.nxsms.phones(region="land").fillna("").to_list() == [
        MOBILE,
        "33612345678",
        "8613800138000",
        "",
        MOBILE,
        "",
    ]
    problems = COUNTRIES.nxsms.validate(region="land", key="land", duplicates="allow").problems
    problems = problems[problems["rule"] == "region_unknown"]
    assert problems["position"].to_list() == [3, 5]
    assert problems["field"].to_list() == ["region", "region"]
    assert problems["value"].to_list() == ["Austria", ""]


@pytest.mark.parametrize("empty", [None, "", " ", float("nan")])
def test_an_empty_country_leaves_a_number_with_plus_as_it_is(empty):
    """Only what has to be completed needs it; a value that is no country is a problem all the same."""
    frame = pd.DataFrame({"phone": ["+49 151 12345678", "0049 151 12345678", "15112345678"], "land": [empty] * 3})
    assert frame.nxsms.phones(region="land").notna().to_list() == [True, True, False]
    assert not frame.assign(land="Germany").nxsms.phones(region="land").notna().any()


def test_a_column_of_countries_may_be_a_category_or_have_a_label_of_any_kind():
    """What counts is the text of its cells."""
    frame = COUNTRIES.iloc[:3].rename(columns={"land": ("a", 1)}).astype({("a", 1): "category"})
    assert frame.nxsms.phones(region=("a", 1)).notna().all()


def test_a_region_that_is_neither_is_explained():
    """A Series has to become a column; for a name that is none, the message shows what a code looks like."""
    with pytest.raises(nx.ConfigError, match=r"^region=a Series is not a country.* df\.assign\(country=…\)"):
        COUNTRIES.nxsms.validate(region=COUNTRIES["land"])
    with pytest.raises(nx.ConfigError, match="region='country' is not a country phonenumbers knows, nor a column"):
        COUNTRIES.nxsms.phones(region="country")


@pytest.mark.parametrize(
    ("given", "code"),
    [("de", "DE"), (" at ", "AT"), ("uk", "GB"), ("UK", "GB"), ("+49", "DE"), ("0086", "CN"), (91, "IN")],
)
def test_a_region_written_otherwise_is_answered_with_its_code(given, code):
    """Small letters, a country code or a name in common use are no region, and what is meant is plain."""
    with pytest.raises(nx.ConfigError, match=rf"Did you mean region='{code}'\?"):
        COUNTRIES.nxsms.phones(region=given)


@pytest.mark.parametrize("given", ["country", "XX", "", "+999", 4915112345678, "²"])
def test_what_resembles_no_region_is_answered_with_none(given):
    """Nothing is guessed."""
    with pytest.raises(nx.ConfigError, match=r"nor a column of the frame\. Name the column"):
        COUNTRIES.nxsms.phones(region=given)


def test_phones_are_those_that_send_sends_to():
    """The digits as text, with the frame's index; what a spreadsheet cut is missing, as validate says."""
    frame = pd.DataFrame({"mobile": ["0151/12345678", None, "x"]}, index=[7, 8, 9])
    digits = frame.nxsms.phones(region="DE", phone="mobile")
    assert digits.index.to_list() == [7, 8, 9]
    assert digits.name == "phone"
    assert digits.dropna().to_list() == [MOBILE]
    assert pd.api.types.is_string_dtype(digits.dropna().dtype)
    cut = pd.DataFrame({"phone": [8615090000000, 919812000000, 8613770000000]})
    assert cut.nxsms.phones().isna().all()
    with pytest.raises(nx.ColumnError, match="no column 'phone'"):
        frame.nxsms.phones()


def test_sending_takes_the_options(tmp_path):
    """send, plan and recorded read the numbers alike, and the gateway gets the digits."""
    frame = pd.DataFrame({"phone": ["15088888888", "138 0013 8000"], "land": ["cn", "CN"], "content": ["a", "b"]})
    with nx.Sandbox(seed=7) as sandbox:
        given = {"region": "land", "bare": "national", "journal": tmp_path / "j.sqlite3"}
        assert frame.nxsms.plan(sandbox.client, **given).frame["fate"].to_list() == ["send", "send"]
        sent = frame.nxsms.send(sandbox.client, **given)
        assert sent["status"].to_list() == ["Success", "Success"]
        assert sorted(sandbox.ledger["phone"]) == ["8613800138000", "8615088888888"]
        assert frame.nxsms.recorded(sandbox.client, **given)["messageid"].to_list() == sent["messageid"].to_list()


def test_a_stream_remembers_foreign_numbers_and_changes_no_verdict(tmp_path):
    """A number valid both ways is national until a foreign bare one has come, and a problem from then on."""
    chunks = [
        pd.DataFrame({"phone": phones, "content": "Hi"})
        for phones in (["15088888888"], ["4915112345678"], ["15088888889", "13800138000"])
    ]
    with nx.Sandbox(seed=7) as sandbox:
        sent = pd.concat(
            nx.send_stream(
                chunks, sandbox.client, campaign="c", region="CN", journal=tmp_path / "j.sqlite3", progress="silent"
            )
        )
    assert sent["status"].to_list() == ["Success", "Success", "Invalid", "Success"]
    assert sent["reason"].iloc[2].startswith("phone_ambiguous")


def test_the_country_of_a_failure_may_come_from_a_column():
    """The analyses complete numbers as send does."""
    frame = COUNTRIES.iloc[:3]
    with nx.Sandbox(seed=7) as sandbox:
        sent = frame.nxsms.send(sandbox.client, region="land")
    found = sent.nxsms.failures(by="country", region="land")
    assert set(found["country"].dropna()) <= {"DE", "FR", "CN"}
    assert len(found) > 0 or (sent["status"] == "Success").all()


def test_variants_are_assigned_by_the_digits_that_are_sent_to():
    """A number written nationally, completed from a column, is the person that it is with its country code."""
    frame = COUNTRIES.iloc[:3]
    digits = pd.DataFrame({"phone": frame.nxsms.phones(region="land")})
    arms = [
        some.nxsms.assign_variants(["A", "B"], campaign="c", **given)["variant"].to_list()
        for some, given in ((frame, {"region": "land"}), (digits, {}))
    ]
    assert arms[0] == arms[1]


def test_every_rule_of_a_number_has_a_place_in_the_table():
    """The rules of phones are about the phone, but for the region's."""
    fields = {rule.name: rule.field for rule in RULES}
    assert {fields[name] for name, _ in TROUBLES.values()} == {"phone", "region"}


def test_order_and_company_change_nothing_without_a_region():
    """Each spelling reads alike whatever stands beside it."""
    written = [
        "0049-151-12345678",
        "Mobil: +49 151 12345678",
        "030 123456-67/68",
        "8615088888888",
        "+49 (0)151 12345678",
    ]
    alone = [read(value) for value in written]
    for some in itertools.permutations(range(len(written)), 3):
        digits, troubles = normalise(pd.Series([written[i] for i in some], dtype=object))
        assert list(zip(digits.to_pylist(), map(int, troubles), strict=True)) == [alone[i] for i in some]
