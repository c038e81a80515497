"""Count the segments that texts are billed as, and find their encoding."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, buffers, lengths

__all__ = ["ESCAPED", "FOREIGN", "GSM", "MALAYSIA", "UCS", "count_segments", "needs_ucs", "segment_numbers"]

GSM: Final = "GSM-7"
UCS: Final = "UCS-2"

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet of GSM 03.38, without its escape."""

EXTENSION: Final = "^{}\\[~]|€\f"
"""The extension table of GSM 03.38: an escape and a character, so each counts 2."""

_SINGLE: Final = {GSM: 160, UCS: 70}
_JOINED: Final = {GSM: 154, UCS: 67}
MALAYSIA: Final = "60"
_MALAYSIA_ADDS: Final = 7


def _class(characters: str) -> str:
    return "".join(f"\\x{{{ord(character):04X}}}" for character in characters)


FOREIGN: Final = f"[^{_class(BASIC + EXTENSION)}]"
ESCAPED: Final = f"[{_class(EXTENSION)}]"
_ASTRAL: Final = r"[\x{10000}-\x{10FFFF}]"


def count_segments(
    content: pa.Array, phone: pa.Array | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Count the segments each text is billed as, and name its encoding; 0 and None where there is no text.

    Source: the vendor's page on billing. GSM 03.38 characters only: 160 to a single message, else 154 to a segment,
    those of the extension table count 2. Any other character: UCS-2, 70 UTF-16 units to a single message, else 67 to a
    segment. The vendor's rule only counts; that networks do not part an escape or a surrogate pair between two
    segments, which can need one more, is not part of it. A short link's place ``#1#`` is counted as written. To
    Malaysia (60) seven characters are added.

    Examples
    --------
    >>> segments, encodings = count_segments(pa.array(["x" * 161, "牛" * 70, "€" * 80]))
    >>> segments.tolist(), encodings.tolist()
    ([2, 1, 1], ['GSM-7', 'UCS-2', 'GSM-7'])
    """
    segments, foreign = segment_numbers(content, phone)
    encodings = np.array([GSM, UCS, None], object)[foreign.astype(np.int8)]
    encodings[segments == 0] = None
    return segments, encodings


def segment_numbers(
    content: pa.Array, phone: pa.Array | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Do what `count_segments` does, with whether a text travels in UCS-2 in place of the encoding's name.

    Examples
    --------
    >>> segments, foreign = segment_numbers(pa.array(["x" * 161, "牛", None]))
    >>> segments.tolist(), foreign.tolist()
    ([2, 1, 0], [False, True, False])
    """
    text = content.cast(TEXT)
    special = np.flatnonzero(_is_special(text))
    foreign = _foreign(text, special)
    units = lengths(text)  # of plain texts, a byte a character
    if len(special):
        odd = text.take(pa.array(special))
        units[special] = pc.utf8_length(odd).fill_null(0).to_numpy() + _more(odd, foreign[special])
    if phone is not None:
        units[as_mask(pc.starts_with(phone.cast(TEXT), MALAYSIA))] += _MALAYSIA_ADDS
    single = np.where(foreign, _SINGLE[UCS], _SINGLE[GSM])
    joined = np.where(foreign, _JOINED[UCS], _JOINED[GSM])
    segments = np.where(units <= single, 1, -(-units // joined))
    if text.null_count:
        segments[as_mask(text.is_null())] = 0
    return segments, foreign


def needs_ucs(content: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which texts are sent in UCS-2; a missing text is not.

    Examples
    --------
    >>> needs_ucs(pa.array(["€", "牛", None])).tolist()
    [False, True, False]
    """
    text = content.cast(TEXT)
    return _foreign(text, np.flatnonzero(_is_special(text)))


_PLAIN_BYTES: Final = np.isin(np.arange(256), [ord(character) for character in BASIC if character.isascii()])


_AT_ONCE: Final = 1 << 18
"""Bytes looked at in one go: what is made of them stays in the processor's cache."""


def _is_special(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which texts have a character that is not plain and of one unit: bytes are faster than regular expressions."""
    special = ~as_mask(pc.string_is_ascii(text))
    rows = np.flatnonzero(~special)
    starts, data = buffers(text if len(rows) == len(text) else text.take(pa.array(rows)))
    odd = _odd(data)
    special[rows[np.searchsorted(starts, odd, side="right") - 1]] = True
    return special


def _odd(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the positions of ASCII bytes that are not plain.

    A few comparisons find all of them, and ``_`` and line ends as well; looking up every byte takes five times as long.
    """
    found = [np.empty(0, np.int64)]
    for start in range(0, len(data), _AT_ONCE):
        part = data[start : start + _AT_ONCE]
        suspects = (part | 0x20) - np.uint8(0x7B) <= 4  # [ \ ] ^ _ { | } ~ and delete
        suspects |= part < 0x20
        suspects |= part == 0x60
        if suspects.any():
            found.append(np.flatnonzero(suspects) + start)
    places = np.concatenate(found)
    return places[~_PLAIN_BYTES[data[places]]]


def _foreign(text: pa.Array, special: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    foreign = np.zeros(len(text), np.bool_)
    if len(special):
        foreign[special] = as_mask(pc.match_substring_regex(text.take(pa.array(special)), FOREIGN))
    return foreign


def _more(text: pa.Array, foreign: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how many characters of each text count 2."""
    more = np.zeros(len(text), np.int64)
    for among, pattern in ((foreign, _ASTRAL), (~foreign, ESCAPED)):
        rows = np.flatnonzero(among)
        rows = rows[as_mask(pc.match_substring_regex(text.take(pa.array(rows)), pattern))]
        more[rows] = pc.count_substring_regex(text.take(pa.array(rows)), pattern).to_numpy()
    return more
