"""Build the sample that ships: real messages to example numbers, and a few dozen rows broken as exports break them.

    python tests/make_sample.py SMSSpamCollection.tsv nxsms_nb/data/sample.csv

The collection (one message a line, ``label<TAB>text``, UTF-8) is not part of this project; see
``nxsms_nb/data/README.md`` for where it comes from. The same collection and the same release of `phonenumbers` give
the same file, byte for byte.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, geocoder

ROWS = 2_400

RELEASE = "9.0.43"
"""The release of `phonenumbers` that the shipped file was built with."""

# Five kinds of example number: with them no number gets more than four messages, fewer than the five an hour
# that the vendor allows.
KINDS = (
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER,
)

UNNAMED = {"AC": "Ascension Island", "TA": "Tristan da Cunha", "XK": "Kosovo"}
"""Regions that `phonenumbers` knows but has no name for."""

# The collection is real spam and real chat: what one would not show to colleagues in a meeting stays out.
EXPLICIT = re.compile(
    r"sex|xxx|fuck|shit|cunt|dick|cock|pussy|bitch|nigg|whore|slut|porn|naked|nude|horny|orgas|virgin|erotic|wank"
    r"|\b(?:cum|tits?|boobs?|ass|gays?|rape[ds]?|balls|fetish|randy|suck\w*|dirty|blow ?job|endowed|adult|18\+|kinky)\b",
    re.IGNORECASE,
)


class Row(NamedTuple):
    """One line of the sample."""

    phone: str
    content: str
    country: str
    label: str


Break = Callable[[Row, Row], Row]


def messages(collection: str) -> list[tuple[str, str]]:
    """Pick distinct messages of the collection, ``(label, text)``, in its own order."""
    seen: dict[str, tuple[str, str]] = {}
    for line in collection.split("\n")[1:]:
        label, _, text = line.partition("\t")
        if text.strip() and not EXPLICIT.search(text):
            seen.setdefault(" ".join(text.casefold().split()), (label, text))
    picked = set(sorted(seen, key=_shuffled)[:ROWS])
    return [message for folded, message in seen.items() if folded in picked]


def numbers() -> list[tuple[str, str]]:
    """List the example numbers, ``(digits, country)``: each once, countries mixed."""
    found: dict[str, str] = {}
    for kind in KINDS:
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                digits = phonenumbers.format_number(example, PhoneNumberFormat.E164).removeprefix("+")
                if 7 <= len(digits) <= 15:
                    found.setdefault(digits, UNNAMED.get(region) or geocoder._region_display_name(region, "en"))
    return sorted(found.items(), key=lambda item: _shuffled(item[0]))


def breaks() -> list[Break]:
    """List what exports do to a row, an entry for each row it is done to; first what leaves the number readable."""
    return [
        *[_phone(lambda p: f"+{p}")] * 4,
        *[_phone(lambda p: _formatted(p, " "))] * 5,
        *[_phone(lambda p: _formatted(p, "-"))] * 4,
        *[_phone(lambda p: f"00{p}")] * 4,
        *[_phone(lambda p: f"{p}.0")] * 5,
        *[_phone(lambda p: f"{p[0]}.{p[1:]}E+{len(p) - 1}")] * 3,
        *[_phone(lambda p: p.translate(_FULL_WIDTH))] * 3,
        *[_phone(lambda p: f" {p} ")] * 3,
        *LOSSES,
    ]


def _phone(change: Callable[[str], str]) -> Break:
    return lambda row, _: row._replace(phone=change(row.phone))


def _formatted(digits: str, separator: str) -> str:
    number = phonenumbers.parse(f"+{digits}")
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL).replace(" ", separator)


def _too_long(row: Row, after: Row) -> Row:
    return row._replace(content=" ".join([row.content, after.content] * 40)[:1_200].strip())


_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

LOSSES: list[Break] = [
    *[_phone(lambda p: f"{float(p):.5E}")] * 6,
    *[_phone(lambda p: "")] * 4,
    *[_phone(lambda p: "unknown")] * 2,
    *[_phone(lambda p: f"{p[:4]}O{p[5:]}")] * 2,
    *[_phone(lambda p: p[:5])] * 2,
    *[_phone(lambda p: f"01{p[2:]}")] * 3,
    *[lambda row, after: row._replace(phone=f"{row.phone}/{after.phone}")] * 2,
    *[lambda row, _: row._replace(content="")] * 4,
    *[lambda row, _: row._replace(content="   ")] * 3,
    *[_too_long] * 3,
]
"""Those that leave a row which cannot be sent."""


def rows(collection: str) -> Iterator[Row]:
    """Pair messages with numbers, and break a few."""
    picked = messages(collection)
    whole = [
        Row(digits, text, country, label)
        for (label, text), (digits, country) in zip(picked, islice(cycle(numbers()), len(picked)), strict=True)
    ]
    # A number that ends in zeros would lose them in E-notation, and the row its reason to be readable.
    candidates = [place for place, row in enumerate(whole[:-1]) if not row.phone.endswith("0")]
    places = sorted(candidates, key=lambda place: _shuffled(whole[place].content[::-1]))
    broken = dict(zip(places, breaks(), strict=False))
    for place, row in enumerate(whole):
        yield broken[place](row, whole[place + 1]) if place in broken else row


def _shuffled(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def main(source: str, target: str) -> None:
    """Write the sample."""
    with Path(target).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows(Path(source).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(*sys.argv[1:])
