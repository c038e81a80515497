"""Convert digits, blanks and dashes of every script to ASCII, and remove invisible marks."""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask

_BLANKS: Final = r"[\x{00A0}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}\t]"
_DASHES: Final = r"[\x{2010}-\x{2015}\x{2212}\x{FE63}\x{FF0D}]"
_TURNING: Final = frozenset({0x202B, 0x202E, 0x2067})
"""The marks that turn the direction of what follows: digits behind them are not in the order in which they are read."""

_OTHERS: Final = {
    0x2018: "'",
    0x2019: "'",
    0x201C: '"',
    0x201D: '"',
    0x2044: "/",
    0x2215: "/",
    0x2212: "-",
    0xFE62: "+",
}


class _Folding(dict[int, "str | None"]):
    """What a character becomes, looked up when it is first met."""

    def __missing__(self, code: int) -> str | None:
        self[code] = _folded(code)
        return self[code]


def _folded(code: int) -> str | None:
    letter = chr(code)
    kind = unicodedata.category(letter)
    if kind == "Nd":
        return str(unicodedata.decimal(letter))
    if kind == "Cf":
        # Address books and chat programs put them around a number when it is copied.
        return letter if code in _TURNING else None
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - 0xFEE0)
    return {"Zs": " ", "Pd": "-"}.get(kind, letter)


_FOLDING: Final = _Folding(_OTHERS)


def folded(text: pa.Array) -> pa.Array:
    """Return each text with its characters folded.

    Examples
    --------
    >>> folded(pa.array(["０１５１ １２３", "+49‑151"], TEXT)).to_pylist()
    ['0151 123', '+49-151']
    """
    foreign = ~as_mask(pc.string_is_ascii(text))
    if not foreign.any():
        return _tabs(text)
    # What most such texts need is done for all of them at once.
    text = pc.replace_substring_regex(pc.replace_substring_regex(text, _BLANKS, " "), _DASHES, "-")
    foreign = ~as_mask(pc.string_is_ascii(text))
    if foreign.any():
        values = [value.translate(_FOLDING) for value in text.filter(pa.array(foreign)).to_pylist()]
        text = pc.replace_with_mask(text, pa.array(foreign), pa.array(values, TEXT))
    return text


def _tabs(text: pa.Array) -> pa.Array:
    tabbed = as_mask(pc.match_substring(text, "\t"))
    return pc.replace_substring(text, "\t", " ") if np.any(tabbed) else text
