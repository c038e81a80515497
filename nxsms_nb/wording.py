"""Texts of the gateway that may be kept: without the words of anybody's message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from nxsms_nb import codetable

_WORD: Final = re.compile(r"[^\W_]+")
_IDEOGRAPHS: Final = re.compile(r"[㐀-鿿豈-﫿ぁ-ヿ가-힣]")
_OWN: Final = frozenset(word for code in codetable.TABLE.values() for word in _WORD.findall(code.text.casefold()))


def unquoted(text: str, message: Iterable[str]) -> str:
    """A text of the gateway without the words that it quotes from a message.

    Parameters
    ----------
    text : str
        What the gateway said.
    message : iterable of str
        The texts of the row it said it of: content, phone, free fields.

    Returns
    -------
    str
        The text with each quoted word replaced by ``…``; words of the vendor's own code table stay.

    Examples
    --------
    >>> unquoted("Illegal keyword: casino", ["Come to the Casino tonight"])
    'Illegal keyword: …'
    """
    quoted = " ".join(message).casefold()

    def judged(match: re.Match[str]) -> str:
        word = match.group().casefold()
        if word in _OWN or (len(word) < 3 and not _IDEOGRAPHS.search(word)):
            return match.group()
        return "…" if word in quoted or (_IDEOGRAPHS.search(word) and _shares(word, quoted)) else match.group()

    return _WORD.sub(judged, text)


def _shares(word: str, quoted: str) -> bool:
    # Chinese and Japanese have no blanks between words: two characters in common are a word in common.
    return any(word[i : i + 2] in quoted for i in range(max(1, len(word) - 1)))
