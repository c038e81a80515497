"""Cells that hold a number and something else: a word that forbids it, more digits, a date, a key."""

from __future__ import annotations

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.rows.phones import TROUBLES, normalise


def rule(written, region=None):
    digits, troubles = normalise(pd.Series([written], dtype=object), region)
    return TROUBLES[int(troubles[0])][0] if troubles[0] else digits[0].as_py()


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("98765 43210 (DND)", "IN"),
        ("do not text +91 98765 43211", None),
        ("Don't call: +91 98765 43211", None),
        ("98765 43212 unsubscribed", "IN"),
        ("STOP +4915123456789", None),
        ("opt-out: +4915123456789", None),
        ("+4915123456789 [opted out]", None),
        ("0151 23456789 gesperrt", "DE"),
        ("ABGEMELDET 0151 23456789", "DE"),
        ("030 123456 verstorben", "DE"),
        ("0151 23456789 (falsch)", "DE"),
        ("0151 23456789 ungültig", "DE"),
        ("(wrong number) 0151 23456789", "DE"),
        ("kein Handy 030 123456", "DE"),
        ("Fax: 030 123456", "DE"),
        ("Tel./Fax 030 123456", "DE"),
        ("no enviar 612 34 56 78", "ES"),
        ("612 34 56 78 (baja)", "ES"),
        ("NÃO enviar +55 11 98123-4567", None),
        ("06 12 34 56 78 désinscrit", "FR"),
        ("non disturbare 347 6789012", "IT"),
        ("не звонить +7 912 345-67-89", None),
        ("15088888888（停机）", "CN"),
        ("15088888888拒收", "CN"),
        ("空号 15088888888", "CN"),
        ("退订：15088888888", "CN"),
    ],
)
def test_a_word_that_forbids_the_number_is_a_problem(written, region):
    """Whoever opted out, died or has another number gets nothing, whichever language says so."""
    assert rule(written, region) == "phone_not_to_be_used"


@pytest.mark.parametrize(
    ("written", "region", "digits"),
    [
        ("0151 23456789 (privat)", "DE", "4915123456789"),
        ("Nonna 0151 23456789", "DE", "4915123456789"),
        ("Faxton 0151 23456789", "DE", "4915123456789"),
        ("Christopher Stoppard 0151 23456789", "DE", "4915123456789"),
        ("No. 0151 23456789", "DE", "4915123456789"),
        ("Notiz 0151 23456789", "DE", "4915123456789"),
        ("Kundentelefon 0151 23456789", "DE", "4915123456789"),
        ("Kunde mobil 0151 23456789", "DE", "4915123456789"),
        ("手机 15088888888", "CN", "8615088888888"),
        ("+49 151 23456 78 Anna", None, "491512345678"),
        ("06 12 34 56 78 Hélène", "FR", "33612345678"),
        ("(415) 555 - 2671", "US", "14155552671"),
        ("+1 (415) 555 - 2671", None, "14155552671"),
        ("139 1234 - 5678", "CN", "8613912345678"),
        ("0151 - 12 34 56 78", "DE", "4915112345678"),
        ("06 - 12 - 34 - 56 - 78", "FR", "33612345678"),
        ("030/123456-12", "DE", "493012345612"),
        ("(33) 6 12 34 56 78", "FR", "33612345678"),
        ("415. 555. 2671", "US", "14155552671"),
        ("2012-3456", None, "20123456"),
        ("030.123456", "DE", "4930123456"),
        ("20 11 20 26", "DK", "4520112026"),
    ],
)
def test_harmless_words_and_groups_are_read(written, region, digits):
    """A name, a remark and the groups of one number are no problem."""
    assert rule(written, region) == digits


@pytest.mark.parametrize(
    "written",
    [
        "+49 30 123456 (9-17 Uhr)",
        "+49 30 123456 [9-17 Uhr]",
        "+49 30 123456 (24h)",
        "+49 30 123456 (2. Stock)",
        "+49 30 123456, 9-17 Uhr",
        "+49 151 2345678 9 Uhr",
        "+49 151 2345678 9:30 Uhr",
        "+33 6 12 34 56 78 9 heures",
        "+86 139 1234 5678 9点",
        "+49 170 1234567 - 2",
        "+49 170 1234567 -2",
        "+49 170 1234567 – 12",
        "+1 415-555-2671 - 2672",
        "+49 170 1234567 - (2)",
        "1. 0151 23456789",
        "12. +49 151 23456789",
        "1. 15123456789",
        "1) 0151 23456789",
        "1.0151 23456789",
        "2.) 0151 23456789",
    ],
)
@pytest.mark.parametrize("region", [None, "DE"])
def test_digits_next_to_a_whole_number_are_not_joined_to_it(written, region):
    """Hours, a second number cut short and a place in a list make a problem, not another person's number."""
    assert rule(written, region) in {"phone_extension", "phone_several"}


@pytest.mark.parametrize(
    "written",
    [
        "27.11.2026",
        "27/11/2026",
        "27-11-2026",
        "12.05.1987",
        "1. 5. 1987",
        "30. 11. 2026",
        "27.11.26",
        "27. 11. 26",
        "27-11-26",
        "11/27/26",
        "11-27-2026",
        "2026-11-27",
        "2026/11/27",
        "2026. 11. 27.",
        "2026 11 27",
        "27.11.2026 09:00",
        "27.11.26, 9:00",
    ],
)
@pytest.mark.parametrize("region", [None, "DE", "AT", "US", "CN"])
def test_a_written_date_is_no_phone(written, region):
    """In whatever order a date is written, its digits are nobody's number."""
    assert rule(written, region) == "phone_unreadable"


@pytest.mark.parametrize("region", [None, "DE", "US", "BR", "IT"])
@pytest.mark.parametrize("written", ["52.520008", "13.404954", "-13.404954", "139.69171", "1.4155552671", "52,520008"])
def test_a_coordinate_is_no_phone(written, region):
    """Up to three digits before a lone decimal point or comma are a decimal number."""
    assert rule(written, region) == "phone_decimal"


@pytest.mark.parametrize(
    "written",
    [
        "123.456.789-09",
        "12.345.678/0001-90",
        "123-45-6789",
        "12345-6789",
        "2026-001234",
        "2026/001234",
        "Re-Nr. 2024-001234",
        "Rechnung 4930123456",
        "EAN 4012345678901",
        "P.IVA 12345678901",
        "IBAN DE89370400440532013000",
        "Kunde 4915123456789",
        "Kd.-Nr. 4012345678",
        "Order 015123456789",
        "PLZ 10115",
        "CPF: 12345678909",
        "订单 13912345678",
    ],
)
@pytest.mark.parametrize("region", [None, "DE", "US", "CN", "BR", "IT"])
def test_a_key_is_no_phone(written, region):
    """A tax number, an article's or an invoice's, by its form or by the word beside it, is nobody's phone."""
    assert rule(written, region) == "phone_another_number"


def test_the_reason_has_the_word_and_not_the_number():
    """Whoever reads the result sees which word it was; the number stays masked."""
    frame = pd.DataFrame({"phone": ["+91 98765 43210 (DND)", "EAN 4012345678901", "+4915123456789"], "content": "Hi"})
    values = frame.nxsms.validate().problems.set_index("position")["value"]
    assert '"DND"' in values[0]
    assert '"EAN"' in values[1]
    with nx.Sandbox(seed=1) as sandbox:
        sent = frame.nxsms.send(sandbox.client, progress="silent")
        assert sandbox.ledger["phone"].tolist() == ["4915123456789"]
    assert sent["status"].tolist() == ["Invalid", "Invalid", "Success"]
    assert '"DND"' in sent.loc[0, "reason"]
    assert "43210" not in sent.loc[0, "reason"]


def test_a_list_of_opted_out_numbers_suppresses_whatever_words_it_has():
    """The word that forbids a number in the frame is what a do-not-contact list is made of."""
    frame = pd.DataFrame({"phone": ["+91 98765 43210"], "content": "Hi"})
    with nx.Sandbox(seed=1) as sandbox:
        sent = frame.nxsms.send(sandbox.client, suppress=["98765 43210 (DND)"], region="IN", progress="silent")
    assert sent["status"].tolist() == ["Skipped"]
