"""Why a phone is not usable: the rules for phones, each with what to do."""

from __future__ import annotations

from typing import Final


class Trouble:
    """Why a phone is not usable, 0 if it is; plain integers, like `Kind`."""

    NONE: Final = 0
    MISSING: Final = 1
    LOST: Final = 2
    DECIMAL: Final = 3
    UNREADABLE: Final = 4
    TRUNK: Final = 5
    LENGTH: Final = 6
    ZERO: Final = 7
    BOTH: Final = 8
    NEITHER: Final = 9
    SEVERAL: Final = 10
    EXTENSION: Final = 11
    REGION: Final = 12
    ANOTHER: Final = 13
    REFUSED: Final = 14


TROUBLES: Final[dict[int, tuple[str, str]]] = {
    Trouble.MISSING: ("phone_missing", "fill in the number or drop the row"),
    Trouble.LOST: (
        "phone_digits_lost",
        "a float or a spreadsheet rounded it and its last digits are gone from this file: take it from its original source",
    ),
    Trouble.DECIMAL: ("phone_decimal", "reads as a decimal number, not as a phone: load the column again as text"),
    Trouble.UNREADABLE: ("phone_unreadable", "write country code and number in digits, as in 8615088888888"),
    Trouble.SEVERAL: ("phone_several", "several numbers in one cell: keep one of them, or make a row for each"),
    Trouble.EXTENSION: (
        "phone_extension",
        "ends in an extension or in a second number cut short, and no message reaches an extension: keep one whole number",
    ),
    Trouble.ANOTHER: (
        "phone_another_number",
        "by its form or the word next to it another kind of number, such as an order, tax or article number: put the phone here",
    ),
    Trouble.REFUSED: (
        "phone_not_to_be_used",
        "the word next to the number says not to send there: drop the row, or remove the word if it means something else",
    ),
    Trouble.TRUNK: (
        "phone_trunk_zero",
        "a zero after the country code is dialled only inside the country: leave it out, as in 442079460000",
    ),
    Trouble.LENGTH: ("phone_length", "a number has 7 to 15 digits with its country code, as in 8615088888888"),
    Trouble.ZERO: (
        "phone_leading_zero",
        'no country code starts with 0: put the country code in front, or name the country, as in region="CN"',
    ),
    Trouble.BOTH: (
        "phone_ambiguous",
        (
            "valid both as a national number and with its own country code: write it with +, or say what the "
            'column\'s bare numbers are: bare="national" or bare="international"'
        ),
    ),
    Trouble.NEITHER: (
        "phone_not_valid",
        (
            "valid neither as a national number nor with its own country code: check it, write it with +, or say "
            'what the column\'s bare numbers are: bare="national" or bare="international"'
        ),
    ),
    Trouble.REGION: (
        "region_unknown",
        "the column named by region= has no ISO country code here: two letters, GB and not UK, DE and not Germany; or write the number with +",
    ),
}
"""Trouble to the rule's name and its hint."""
