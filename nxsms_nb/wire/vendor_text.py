"""Make texts of the gateway safe to keep, without words or digits of anybody's message, however disguised."""

from __future__ import annotations

import base64
import functools
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from nxsms_nb.wire import codes

__all__ = ["unquoted"]

_TOKEN: Final = re.compile(r"[^\W_]+")
_IDEOGRAPHS: Final = re.compile(r"[㐀-鿿豈-﫿ぁ-ヿ가-힣]")
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_CODE: Final = re.compile(r"(?=[^\W_]*[0-9A-Z])[^\W_]{8}|[^\W_]{16}")
_SIGNS: Final = re.compile(r"[^a-z0-9]+")
_REPEATED: Final = re.compile(r"…(?:[^\w…]*…)+")
_NUMERALS: Final = str.maketrans("〇零一二三四五六七八九", "00123456789")

_WORD: Final = 3
"""A word this long that also stands in the message is removed, …"""
_DIGITS: Final = 4
"""… as is a run of this many digits across blanks and signs, …"""
_RUN: Final = 6
"""… or of this many other characters, regardless of word boundaries: a text without blanks has none."""
_CODED: Final = 8
"""The shortest run in hexadecimal or Base64, where shorter ones match by chance."""


def unquoted(text: str, message: Iterable[str]) -> str:
    """Replace with ``…`` whatever a text of the gateway quotes from the row's own texts.

    Digits of any script are compared as digits, letters regardless of case, accents, width and separators; percent signs,
    character references and escapes are resolved, hexadecimal and Base64 are recognized. Words of the vendor's own code
    table stay.

    Examples
    --------
    >>> unquoted("Illegal keyword: casino", ["Come to the Casino tonight"])
    'Illegal keyword: …'
    >>> unquoted("ComeToTheCasinoTonight! was refused for ٨٦١-٥٠٨", ["Come to the Casino tonight", "8615088888888"])
    '…! was refused for …'
    """
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), html.unescape(unquote(text, errors="ignore")))
    text = unicodedata.normalize("NFC", text)
    quoted = list(message)
    plain = [form for form in map(_joined, quoted) if form]
    hidden = [False] * len(text)
    letters: list[_Letter] = []
    for match in _TOKEN.finditer(text):
        word = list(_letters(text, match.start(), match.end()))
        spelled = "".join(letter.form for letter in word)
        if spelled in _OWN:
            continue
        letters += word
        if _is_quoted(spelled, plain):
            hidden[match.start() : match.end()] = [True] * (match.end() - match.start())
    coded = [form for one in quoted for form in _coded(one)] if any(map(_CODE.search, text.split())) else []
    for start, end in _runs("".join(letter.form for letter in letters), letters, plain, coded):
        first, last = letters[start].at, letters[end - 1].at
        hidden[first : last + 1] = [True] * (last + 1 - first)
    shown = "".join("…" if gone else character for character, gone in zip(text, hidden, strict=True))
    return _REPEATED.sub("…", shown)


class _Letter(NamedTuple):
    """A letter or digit in the form that is compared, its position in the text, and the length of its word."""

    form: str
    at: int
    word: int


def _letters(text: str, start: int, end: int) -> Iterator[_Letter]:
    for at in range(start, end):
        for form in _folded(text[at]):
            yield _Letter(form, at, end - start)


@functools.lru_cache(4096)
def _folded(character: str) -> str:
    """Strip case, width and accents from a character, with digits of any script as ASCII; empty for other signs."""
    parts = unicodedata.normalize("NFKD", character.translate(_NUMERALS))
    bare = unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))
    folded = "".join(part for part in bare.casefold() if part.isalnum())
    return "".join(str(unicodedata.digit(part, part)) for part in folded)


def _joined(text: str) -> str:
    return _SIGNS.sub("", text.lower()) if text.isascii() else "".join(map(_folded, unicodedata.normalize("NFC", text)))


_OWN: Final = frozenset(
    _joined(word) for code in codes.TABLE.values() for word in _TOKEN.findall(code.text) if not word.isdecimal()
)


def _coded(quoted: str) -> Iterator[str]:
    """Yield a text in the encodings that gateways and logs use."""
    for raw in (quoted.encode("utf-8", "ignore"), quoted.encode("utf-16-be", "ignore")):
        yield raw.hex()
        for before in (b"", b"_", b"__"):
            # Base64 of a text depends on where it begins within a group of three bytes.
            yield _joined(base64.b64encode(before + raw).decode())[len(before) + bool(before) :]


def _is_quoted(word: str, plain: list[str]) -> bool:
    if _IDEOGRAPHS.search(word):
        # Chinese and Japanese have no blanks between words: two shared characters are a shared word.
        pairs = [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        return any(pair in form for pair in pairs for form in plain)
    return len(word) >= _WORD and any(word in form for form in plain)


def _runs(joined: str, letters: list[_Letter], plain: list[str], coded: list[str]) -> Iterator[tuple[int, int]]:
    """Find the runs of a text, across words, that also occur in the message."""
    at = 0
    while at < len(joined):
        length = _common(joined, at, plain, 2)
        if length < _needed(letters[at : at + length]):
            length = _common(joined, at, coded, _CODED)
        if length:
            yield at, at + length
        at += max(1, length)


def _needed(run: list[_Letter]) -> int:
    if all(letter.form.isdecimal() for letter in run):
        return _DIGITS
    # Letter by letter, with separators: three in a row do not match by chance.
    return _WORD if all(letter.word <= 2 for letter in run) else _RUN


def _common(joined: str, at: int, forms: list[str], least: int) -> int:
    """Return the length of the longest run from `at` that occurs in one of the forms; 0 if it is below `least`."""
    length = 0
    for form in forms:
        while at + max(length + 1, least) <= len(joined) and joined[at : at + max(length + 1, least)] in form:
            length = max(length + 1, least)
    return length
