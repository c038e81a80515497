"""The language of the views: their words looked up in one table, with counts, durations and the vendor's codes.

The key of a word is its English form, so that a view's code reads as what it shows. Names and values in braces stand in
both languages.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from nxsms_nb import formatting
from nxsms_nb.errors import ConfigError
from nxsms_nb.wire.codes import TABLE as CODES
from nxsms_nb.words import chances, compose, dashboard, displays, general, notes, pictures, rules, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "CHAPTERS",
    "HINTS",
    "LANGUAGES",
    "SAID",
    "TABLE",
    "advice",
    "chapter",
    "chosen",
    "code_label",
    "counted",
    "duration",
    "hint",
    "joined",
    "meaning",
    "moment",
    "tr",
    "translated",
    "use",
]

Language = Literal["en", "zh"]

LANGUAGES: Final = ("en", "zh")

CHAPTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "general": general.CHINESE,
    "run": run.CHINESE,
    "pictures": pictures.CHINESE,
    "dashboard": dashboard.CHINESE,
    "compose": compose.CHINESE,
    "displays": displays.CHINESE,
}
"""The table by part of the views; `general` has words that several use."""

SAID: Final[Mapping[str, str]] = {**run.SAID, **chances.SAID, **compose.SAID, **displays.SAID, **notes.SAID}
"""Words written in English elsewhere, in results and errors, that the views show: see `translated`."""

HINTS: Final[Mapping[str, str]] = rules.CHINESE
"""What to do about a broken rule, by its name; the English is with the rule."""

TABLE: Final[Mapping[str, str]] = {
    english: chinese for part in (*CHAPTERS.values(), SAID) for english, chinese in part.items()
}
"""English words to Chinese."""

_NUMBER: Final = re.compile(r"^([<>]?[\d,]+) ([a-z][a-z -]*)$")
_SPAN: Final = re.compile(r"^\d[\d.,]* (?:ms|s|min|h|d)(?: \d+ (?:s|min|h))?$")
_UNITS: Final = {"ms": "毫秒", "s": "秒", "min": "分", "h": "小时", "d": "天"}
_FIGURES: Final = ("number", "times", "seconds")
_FIGURE: Final = r"[\d,.]+"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_language: Language = "en"


def use(language: str) -> None:
    """Choose the language of the views; ``nx.options.language`` does."""
    global _language  # noqa: PLW0603 - one language a session, as an option of it
    if language not in LANGUAGES:
        raise ConfigError(
            f"options.language={formatting.named(language)} is not a language of the views. "
            f"There are {' and '.join(map(repr, LANGUAGES))}."
        )
    _language = language  # type: ignore[assignment]


def chosen() -> Language:
    """Return the language of the views."""
    return _language


def tr(english: str, **values: object) -> str:
    """Return words of the table in the chosen language, with their values filled in.

    Examples
    --------
    >>> tr("{done} of {total}", done="400", total="900 messages")
    '400 of 900 messages'
    """
    words = TABLE.get(english, english) if _language == "zh" else english
    return words.format(**values) if values else words


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun.

    Examples
    --------
    >>> counted(4812, "row"), counted(1, "row")
    ('4,812 rows', '1 row')
    """
    if _language == "zh" and noun in general.COUNTED:
        return f"{number:,} {general.COUNTED[noun]}"
    return formatting.count(number, noun, plural)


def duration(seconds: float) -> str:
    """Format a duration.

    Examples
    --------
    >>> duration(90)
    '1 min 30 s'
    """
    return _spanned(formatting.span(seconds)) if _language == "zh" else formatting.span(seconds)


def moment(when: datetime, *, seconds: bool = False) -> str:
    """Format a date and time.

    Examples
    --------
    >>> from datetime import datetime
    >>> moment(datetime(2026, 3, 3, 14, 2))
    '3 Mar 2026, 14:02'
    """
    clock = f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"
    if _language == "zh":
        return f"{when.year}年{when.month}月{when.day}日 {clock}"
    return f"{when.day} {when:%b %Y}, {clock}"


def joined(parts: list[str]) -> str:
    """Join the parts of an enumeration."""
    return ("、" if _language == "zh" else ", ").join(parts)


def meaning(code: int) -> str:
    """Return what a vendor's code means.

    Examples
    --------
    >>> meaning(13005), meaning(777)
    ('incorrect phone number', 'a code that the vendor does not document')
    """
    known = CODES.get(code)
    if known is None:
        return tr("a code that the vendor does not document")
    return known.meaning_zh if _language == "zh" else known.meaning


def advice(code: int) -> str:
    """Return what to do about a vendor's code; empty where it is not documented."""
    known = CODES.get(code)
    if known is None:
        return ""
    return known.advice_zh if _language == "zh" else known.advice


def code_label(code: int) -> str:
    """Return a code with its meaning, for an axis or a table.

    Examples
    --------
    >>> code_label(13005), code_label(777)
    ('13005 incorrect phone number', '777 (not documented)')
    """
    return f"{code} {meaning(code)}" if code in CODES else f"{code} {tr('(not documented)')}"


def hint(rule: str, english: str) -> str:
    """Return what to do about a rule that a row breaks."""
    return HINTS.get(rule, english) if _language == "zh" else english


def chapter(*names: str) -> dict[str, str]:
    """Return the translations that a script needs, of these parts of the table; empty for English."""
    return {english: words for name in names for english, words in CHAPTERS[name].items() if _language != "en"}


def translated(text: str, said: Mapping[str, str] = SAID) -> str:
    """Translate what was put in English elsewhere, such as a run's note, by the words that it was made from.

    Those of `said`.

    A frame, an error and the journal keep English, which programs read; what is shown of them follows the language. What
    the table does not have stays as it is: the gateway's own words are quoted.

    Examples
    --------
    >>> use("zh"); translated("held to 700 messages a second, our estimate of the gateway's limit"); use("en")
    '限速为每秒 700 条（对网关上限的估计）'
    """
    if _language == "en" or not text:
        return text
    if text in TABLE:
        return TABLE[text]
    if _SPAN.match(text):
        return _spanned(text)
    if number := _NUMBER.match(text):
        noun = next(
            (noun for noun in general.COUNTED if number[2] in (noun, f"{noun}s", general.PLURALS.get(noun))), ""
        )
        if noun:
            return f"{number[1]} {general.COUNTED[noun]}"
    # A text about several things has a line for each, and calls to paste.
    if "\n" in text and (lines := "\n".join(translated(line, said) for line in text.split("\n"))) != text:
        return lines
    for pattern, chinese in _patterns(frozenset(said.items())):
        if found := pattern.match(text):
            return chinese.format(**{name: _value(value) for name, value in found.groupdict().items()})
    return text


def _value(text: str) -> Any:
    code, _, words = text.partition(" ")
    known = CODES.get(int(code)) if re.fullmatch(r"-?\d{1,5}", code) else None
    # A code comes with the vendor's text, in brackets or behind it.
    if known is not None and known.text in words:
        return f"{code} {known.meaning_zh}"
    by_advice = next((one for one in CODES.values() if one.advice == text), None)
    return by_advice.advice_zh if by_advice is not None else translated(text)


def _spanned(text: str) -> str:
    return " ".join(_UNITS.get(part, part) for part in text.split())


@cache
def _patterns(said: frozenset[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    """Return the patterns that recognise texts made from words with values, the longest words first."""
    made = sorted(
        (pair for pair in said if _PLACE.search(pair[0])), key=lambda pair: (-len(_PLACE.sub("", pair[0])), pair)
    )
    return [(_pattern(english), chinese) for english, chinese in made]


def _pattern(english: str) -> re.Pattern[str]:
    pieces = _PLACE.split(english)
    seen: set[str] = set()
    parts = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            parts.append(re.escape(piece))
        elif piece in seen:
            parts.append(f"(?P={piece})")
        else:
            seen.add(piece)
            parts.append(f"(?P<{piece}>{_FIGURE if piece in _FIGURES else '.+?'})")
    return re.compile(f"^{''.join(parts)}$", re.DOTALL)
