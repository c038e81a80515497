"""Numbers of 40 countries in the ways their people write them, and what is read of them: ``python -m tests.support.spellings``.

It writes ``benchmarks/PHONES.md``. Numbers are the examples of `phonenumbers` and random valid ones of its patterns; they
are nobody's for what is known here. Every spelling goes with the digits it stands for.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.phones import TROUBLES, from_cells, read_column
from nxsms_nb.rows.regions import Regions
from nxsms_nb.rows.rounding import Counts

TABLE = Path(__file__).parents[2] / "benchmarks" / "PHONES.md"
NEIGHBOURS = {
    "AE": "SA OM IN",
    "AR": "CL UY BR",
    "AT": "DE CH IT",
    "AU": "NZ ID SG",
    "BE": "NL FR DE",
    "BR": "AR PY PT",
    "CA": "US FR GB",
    "CH": "DE FR IT",
    "CL": "AR PE BO",
    "CN": "HK TW JP",
    "CO": "VE EC PE",
    "CZ": "SK DE PL",
    "DE": "AT CH PL",
    "DK": "SE NO DE",
    "EG": "SA AE JO",
    "ES": "PT FR MA",
    "FR": "BE CH ES",
    "GB": "IE FR JE",
    "HK": "CN TW SG",
    "HU": "AT SK RO",
    "ID": "MY SG AU",
    "IL": "JO EG US",
    "IN": "BD LK NP",
    "IT": "CH FR SM",
    "JP": "KR CN TW",
    "KR": "JP CN US",
    "LT": "LV PL BY",
    "MX": "US GT CO",
    "MY": "SG ID TH",
    "NG": "GH CM ZA",
    "NL": "BE DE GB",
    "PH": "HK SG US",
    "PL": "DE CZ UA",
    "RU": "KZ BY UA",
    "SG": "MY ID CN",
    "TH": "MY KH VN",
    "TR": "DE BG GR",
    "TW": "CN HK JP",
    "US": "CA MX GB",
    "ZA": "BW NG GB",
}
"""The countries, each with those whose numbers stand in its lists, too."""

MOBILES = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WIDE = str.maketrans("0123456789+-() ", "０１２３４５６７８９＋－（）\u3000")
WORDS = {
    "CN": ("手机：{}", "手机{}", "电话 {}"),
    "TW": ("手機：{}", "電話 {}"),
    "HK": ("電話：{}", "Tel: {}"),
    "JP": ("携帯：{}", "TEL {}"),
    "KR": ("휴대폰: {}", "H.P {}"),
    "RU": ("моб. {}", "тел.: {}"),
    "DE": ("Mobil: {}", "Tel. {}", "{} (privat)"),
    "AT": ("Mobil: {}", "Handy {}", "{} privat"),
    "CH": ("Natel: {}", "Tel. {}", "{} (G)"),
    "FR": ("Tél. : {}", "Portable {}", "{} (bureau)"),
    "ES": ("Móvil: {}", "Tfno. {}", "{} (casa)"),
    "IT": ("Cell. {}", "Tel: {}", "{} (casa)"),
    "BR": ("Cel.: {}", "Fone: {}", "{} WhatsApp"),
    "PL": ("tel. kom. {}", "kom: {}", "{} (praca)"),
}
EVERYWHERE = ("Mobile: {}", "Tel. {}", "M: {}", "{} (work)", "{}, home", "WhatsApp {}")


@dataclass(frozen=True)
class Spelling:
    """A number as somebody writes it.

    Parameters
    ----------
    way : str
        How it is written, in a few words.
    text : str
        What stands in the cell.
    digits : str or None
        What it stands for; None where it is not one number, and must be refused.
    """

    way: str
    text: str
    digits: str | None


def numbers_of(region: str, count: int, draw: random.Random, *, mobile: bool = True) -> list[phonenumbers.PhoneNumber]:
    """Valid numbers of a region: the library's example first, then random ones of its patterns."""
    known = PhoneMetadata.metadata_for_region(region)
    kind = known.mobile if mobile else known.fixed_line
    pattern = re.compile(kind.national_number_pattern)
    lengths = [length for length in (kind.possible_length or known.general_desc.possible_length) if length > 0]
    code = phonenumbers.country_code_for_region(region)
    found = {str(kind.example_number)} if kind.example_number else set()
    heads: list[str] = [kind.example_number[:2]] if kind.example_number else [""]
    for _ in range(400_000):
        if len(found) >= count:
            break
        length = draw.choice(lengths)
        head = draw.choice(heads)[: draw.choice((0, 0, 1, 2, 3, 4))]
        text = head + "".join(draw.choices("0123456789", k=length - len(head)))
        if not pattern.fullmatch(text) or text.endswith("00000"):
            continue
        number = phonenumbers.parse(f"+{code}{text}")
        if phonenumbers.is_valid_number_for_region(number, region) and e164(number) == f"{code}{text}":
            found.add(text)
            heads.append(text[:4])
    return [phonenumbers.parse(f"+{code}{text}") for text in sorted(found)]


def e164(number: phonenumbers.PhoneNumber) -> str:
    """The digits."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


def at_home(number: phonenumbers.PhoneNumber, region: str) -> Iterator[tuple[str, str]]:
    """A number as it is dialled in its own country."""
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    significant = phonenumbers.national_significant_number(number)
    plain = re.sub(r"\D", "", national)
    parts = re.findall(r"\d+", national)
    yield "national", national
    yield "national, digits", plain
    for mark in "-./":
        yield f"national, first {mark}", parts[0] + mark + " ".join(parts[1:]) if len(parts) > 1 else plain
    yield "national, all -", "-".join(parts)
    yield "national, all .", ".".join(parts) if len(parts) > 2 else plain
    yield "national, / with blanks", f"{parts[0]} / {''.join(parts[1:])}" if len(parts) > 1 else plain
    yield "national, pairs", " ".join(re.findall(r"\d{1,2}", plain))
    yield "national, no-break space", "\u00a0".join(parts)
    yield "national, thin space", "\u2009".join(parts)
    yield "national, U+2011", "\u2011".join(parts)
    yield "national, en dash", " \u2013 ".join(parts)
    yield "national, (area)", f"({parts[0]}) {' '.join(parts[1:])}" if len(parts) > 1 else plain
    yield "national, full width", national.translate(WIDE)
    yield "national, Arabic digits", national.translate(ARABIC)
    yield "national, apostrophe", f"'{plain}"
    yield "national, formula", f'="{plain}"'
    for word in WORDS.get(region, EVERYWHERE[:3]):
        yield "national, word", word.format(national)
    yield "bare national", significant
    yield "bare national, grouped", " ".join(re.findall(r"\d{1,3}", significant))
    yield "bare national, float", f"{significant}.0" if len(significant) >= 7 else significant
    if region == "BR":
        carried = phonenumbers.format_national_number_with_carrier_code(number, "15")
        yield "national, carrier", carried
        yield "national, 0xx", f"(0xx{significant[:2]}) {significant[2:]}"
    if region in ("US", "CA"):
        yield "national, 1", f"1-{significant[:3]}-{significant[3:6]}-{significant[6:]}"
        yield "national, 1", f"1 ({significant[:3]}) {significant[3:6]}-{significant[6:]}"


def abroad(number: phonenumbers.PhoneNumber, region: str) -> Iterator[tuple[str, str]]:
    """A number with its country code, and a sign of it."""
    grouped = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    code, rest = grouped.split(" ", 1) if " " in grouped else (grouped[:3], grouped[3:])
    digits, code = e164(number), code.removeprefix("+")
    known = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_number(number) or region)
    yield "+", f"+{digits}"
    yield "+ grouped", grouped
    yield "+ dashes", re.sub(r"[ ]", "-", grouped)
    yield "+ dots", re.sub(r"[ \-]", ".", grouped)
    yield "+ no-break", grouped.replace(" ", "\u00a0")
    yield "+ U+2011", re.sub(r"[ \-]", "\u2011", grouped)
    yield "+ full width", grouped.translate(WIDE)
    yield "00", f"00{digits}"
    yield "00 grouped", f"00{code} {rest}"
    yield "00-", f"00{code}-{rest.replace(' ', '-')}"
    yield "(+code)", f"(+{code}) {rest}"
    yield "(00code)", f"(00{code}) {rest}"
    yield "+00", f"+00{code} {rest}"
    yield "+code/", f"+{code}/{rest}"
    yield "tel:", phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)
    yield "apostrophe +", f"'+{digits}"
    yield "invisible marks", f"\u202a+{digits}\u202c"
    for word in EVERYWHERE:
        yield "+ word", word.format(grouped)
    if known is not None and known.national_prefix == "0":
        yield "+ (0)", f"+{code} (0){rest}"
        yield "+ (0) close", f"+{code}(0){rest.replace(' ', '')}"
        yield "00 (0)", f"00{code} (0) {rest}"
        yield "code (0)", f"{code} (0){rest}"
        yield "+ 0", f"+{code} 0{rest}"
    home = phonenumbers.format_out_of_country_calling_number(number, region)
    if phonenumbers.country_code_for_region(region) != number.country_code and not home.startswith(("+", "00 ")):
        yield "home's prefix abroad", home


def bare(number: phonenumbers.PhoneNumber) -> Iterator[tuple[str, str]]:
    """A number with its country code and no sign of it."""
    digits = e164(number)
    grouped = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL).removeprefix("+")
    yield "bare international", digits
    yield "bare international, grouped", grouped
    yield "bare international, float", f"{digits}.0"


def not_one(first: str, second: str, plus: str) -> Iterator[tuple[str, str]]:
    """Two numbers in a cell, and numbers with an extension."""
    for mark in (" / ", "/", ", ", "; ", "\n", " oder ", " or ", " & ", " | "):
        yield "several", f"{first}{mark}{second}"
    for tail in (" ext. 5", "x5", " x 12", ";ext=5", " Durchwahl 12", " #3", "-67/68", "/9"):
        yield "extension", f"{plus}{tail}"


def spellings(region: str, count: int, seed: int = 7) -> tuple[list[Spelling], list[Spelling], list[Spelling]]:
    """What stands in lists of a region: its own numbers, its neighbours' bare ones, and cells that are not one number."""
    draw = random.Random(f"{seed}{region}")
    own = numbers_of(region, count, draw) + numbers_of(region, count // 4, draw, mobile=False)
    of_neighbours = {other: numbers_of(other, max(count // 4, 3), draw) for other in NEIGHBOURS[region].split()}
    ours: list[Spelling] = []
    for number in own:
        digits = e164(number)
        ours += [Spelling(way, text, digits) for way, text in at_home(number, region)]
        ours += [Spelling(way, text, digits) for way, text in (*abroad(number, region), *bare(number))]
    theirs: list[Spelling] = []
    for numbers in of_neighbours.values():
        for number in numbers:
            digits = e164(number)
            ours += [Spelling(f"neighbour, {way}", text, digits) for way, text in abroad(number, region)]
            theirs += [Spelling(f"neighbour, {way}", text, digits) for way, text in bare(number)]
    wrong: list[Spelling] = []
    for number in own[: max(count // 8, 2)]:
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        other = phonenumbers.format_number(own[-1], PhoneNumberFormat.NATIONAL)
        wrong += [Spelling(way, text, None) for way, text in not_one(national, other, international)]
    return ours, theirs, wrong


@dataclass
class Tally:
    """What was read of spellings."""

    right: int = 0
    refused: int = 0
    wrong: int = 0

    def count(self, spelling: Spelling, digits: str | None) -> bool:
        """Count one; whether it was read wrong."""
        self.right += digits == spelling.digits
        self.refused += digits is None and spelling.digits is not None
        self.wrong += (bad := digits is not None and digits != spelling.digits)
        return bad

    def add(self, other: Tally) -> None:
        """Count what another has counted."""
        self.right += other.right
        self.refused += other.refused
        self.wrong += other.wrong

    @property
    def all(self) -> int:
        """How many were counted."""
        return self.right + self.refused + self.wrong

    def __str__(self) -> str:
        """The columns of a table."""
        return f"{self.right:,} | {self.refused:,} | {self.wrong:,}"


def read_together(region: str, some: list[Spelling]) -> list[tuple[str | None, int]]:
    """Read spellings as one column."""
    cells = read_cells(pd.Series([spelling.text for spelling in some], dtype=object))
    digits, troubles = read_column(cells, Regions((region,)))
    return list(zip(digits.to_pylist(), troubles.tolist(), strict=True))


def read_alone(region: str, some: list[Spelling]) -> list[tuple[str | None, int]]:
    """Read each spelling as a column of its own; those that can say nothing of each other go together."""
    cells = read_cells(pd.Series([spelling.text for spelling in some], dtype=object))
    seen = Counts()
    digits, troubles = from_cells(cells, Regions((region,)), counts=seen)
    if seen.foreign and len(some) > 1:
        half = len(some) // 2
        return read_alone(region, some[:half]) + read_alone(region, some[half:])
    return list(zip(digits.to_pylist(), troubles.tolist(), strict=True))


@dataclass
class Measured:
    """What came of a region's spellings."""

    own: Tally
    alone: Tally
    mixed: Tally
    not_one: Tally
    wrong: list[tuple[str, str, Spelling, str | None]]
    refusals: Counter[tuple[str, str, str]]


def measure(region: str, count: int) -> Measured:
    """Read a region's spellings in a list of its own, one by one, and in a list with its neighbours' bare numbers."""
    ours, theirs, wrong = spellings(region, count)
    found = Measured(Tally(), Tally(), Tally(), Tally(), [], Counter())
    for name, tally, some, answers in (
        ("its own list", found.own, ours, read_together(region, ours)),
        ("alone", found.alone, [*ours, *theirs], read_alone(region, ours) + read_alone(region, theirs)),
        ("mixed list", found.mixed, [*ours, *theirs], read_together(region, [*ours, *theirs])),
        ("not one number", found.not_one, wrong, read_alone(region, wrong)),
    ):
        for spelling, (digits, trouble) in zip(some, answers, strict=True):
            if tally.count(spelling, digits):
                found.wrong.append((region, name, spelling, digits))
            elif digits is None and spelling.digits is not None:
                way = spelling.way.removeprefix("neighbour, ").split(",")[0]
                whose = "neighbours' " if spelling.way.startswith("neighbour") else ""
                found.refusals[name, f"{whose}{way}", TROUBLES[trouble][0]] += 1
    return found


HEAD = """# Numbers as people write them

Made by `python -m tests.support.spellings` with phonenumbers {version}. For each of {countries} countries, {numbers} numbers and more (the
library's examples and random valid ones of its patterns, mobiles four to one) in the ways that people write them at
home and from abroad, its neighbours' numbers among them; `region=` is the country. *Right* are the digits that the
spelling was made from; *refused* is a problem of the row; *wrong* is another number.

* **own list**: a column of the country's own numbers in every spelling, and its neighbours' with + or 00;
* **alone**: every spelling, the neighbours' bare international ones included, as a column of its own;
* **mixed list**: all of them in one column. Bare numbers that only a neighbour has make those valid both ways problems;
* **not one**: two numbers in a cell, and numbers with an extension; right is a refusal.

| region | own list: right | refused | wrong | alone: right | refused | wrong | mixed: right | refused | wrong | not one: refused | read |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""


def far_away(region: str, draw: random.Random) -> dict[str, Tally]:
    """Read bare international numbers of the other countries, each alone: by country."""
    found = {}
    for other in NEIGHBOURS:
        if phonenumbers.country_code_for_region(other) == phonenumbers.country_code_for_region(region):
            continue
        some = [Spelling("bare", e164(number), e164(number)) for number in numbers_of(other, FAR, draw)]
        found[other] = Tally()
        for spelling, (digits, _) in zip(some, read_alone(region, some), strict=True):
            found[other].count(spelling, digits)
    return found


FAR = 12
"""How many bare numbers of each other country are read alone."""


FAR_AWAY = """

## What a bare number cannot say

A list of one country is taken to hold its own mobiles. A bare number of a country far away that reads as one is read as
that, where nothing else in the column speaks against it; beside another that does not, it is refused. `bare="international"`
or a + settle it. Of {all:,} bare numbers of the other countries, each alone in its column, {right:,} were read right,
{refused:,} refused and {wrong:,} read as the region's own, of these pairs:

| region | number of | right | refused | read as its own |
|---|---|--:|--:|--:|
"""


def main(count: int = 48) -> None:
    """Measure all countries and write the table."""
    total = [Tally(), Tally(), Tally(), Tally()]
    lines, wrong, refusals, far = [], [], Counter[tuple[str, str, str]](), []
    of_far = Tally()
    for region in NEIGHBOURS:
        found = measure(region, count)
        tallies = [found.own, found.alone, found.mixed, found.not_one]
        for tally, more in zip(total, tallies, strict=True):
            tally.add(more)
        lines.append(_line(region, tallies))
        wrong += found.wrong
        refusals += found.refusals
        for other, tally in far_away(region, random.Random(region)).items():
            of_far.add(tally)
            if tally.wrong:
                far.append(f"| {region} | {other} | {tally} |")
    lines.append(_line("**all**", total))
    everything = sum(tally.all for tally in total)
    text = HEAD.format(version=phonenumbers.__version__, countries=len(NEIGHBOURS), numbers=count) + "\n".join(lines)
    text += f"\n\n{len(wrong):,} of {everything:,} readings were wrong ({len(wrong) / everything * 10_000:.2f} in 10,000).\n"
    if wrong:
        text += "\n| region | where | way | written | stands for | read as |\n|---|---|---|---|---|---|\n"
    for region, where, spelling, digits in wrong:
        text += f"| {region} | {where} | {spelling.way} | `{spelling.text!r}` | {spelling.digits} | {digits} |\n"
    text += "\n## What is refused\n\n| where | written | rule | spellings |\n|---|---|---|--:|\n"
    text += "\n".join(
        f"| {where} | {way} | {rule} | {number:,} |" for (where, way, rule), number in refusals.most_common()
    )
    text += FAR_AWAY.format(all=of_far.all, right=of_far.right, refused=of_far.refused, wrong=of_far.wrong)
    TABLE.write_text(text + "\n".join(far) + "\n")


def _line(region: str, tallies: list[Tally]) -> str:
    own, alone, mixed, not_one = tallies
    return f"| {region} | {own} | {alone} | {mixed} | {not_one.right:,} | {not_one.wrong:,} |"


if __name__ == "__main__":
    main()
