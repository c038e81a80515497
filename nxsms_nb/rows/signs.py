"""Which texts may read as a mistake: those with a sign of one in their bytes.

The patterns of mistakes read each text byte by byte, and hardly any text has what they need. A byte or two are compared in
all texts of a column at once, in half the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb._arrow import buffers

if TYPE_CHECKING:
    import pyarrow as pa

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_ROWS: Final = 8192
"""Texts that are searched together: enough to spread a search's cost, few enough to keep memory flat."""


class Sign:
    """Bytes side by side, each one of a set; the one or two at `rare` are looked for first."""

    def __init__(self, *sets: bytes, rare: slice) -> None:
        self._start = rare.start
        self._allowed = np.zeros((len(sets), 256), np.bool_)
        for allowed, letters in zip(self._allowed, sets, strict=True):
            allowed[list(letters)] = True
        both = sets[rare]
        word = np.dtype(f"u{len(both)}")
        always = np.array([np.bitwise_and.reduce(list(letters)) for letters in both], np.uint8)
        ever = np.array([np.bitwise_or.reduce(list(letters)) for letters in both], np.uint8)
        self._value = always.view(word)[0]
        # The bits that all bytes of a set share; None: each set has one byte only.
        self._bits = None if (always == ever).all() else (~(always ^ ever)).view(word)[0]

    def find(self, data: Bytes) -> Positions:
        """Return where in the bytes it begins."""
        width = self._value.itemsize
        found = []
        for shift in range(width):
            words = data[shift : len(data) - (len(data) - shift) % width].view(self._value.dtype)
            equal = (words if self._bits is None else words & self._bits) == self._value
            found.append(np.flatnonzero(equal) * width + shift)
        at: Positions = np.concatenate(found) - self._start
        if not len(at):
            return at
        at = at[(at >= 0) & (at <= len(data) - len(self._allowed))]
        for place, allowed in enumerate(self._allowed):
            at = at[allowed[data[at + place]]]
        return at


def _word(word: str, rare: str) -> Sign:
    start = word.index(rare)
    return Sign(*(letter.encode() for letter in word), rare=slice(start, start + len(rare)))


_FIRST: Final = slice(0, 1)
_DIGIT: Final = b"0123456789"
_SIGNS: Final = (
    _word("nan", "na"),
    _word("null", "nu"),
    _word("undefined", "ef"),
    # inf and Infinity
    Sign(b"iI", b"n", b"f", rare=slice(1, 3)),
    # NaN, NaT, None, NULL and <NA>
    Sign(b"N", b"aoUA", rare=_FIRST),
    # A spreadsheet's errors, and the place of a short link
    Sign(b"#", b"NRVD1", rare=_FIRST),
    Sign(b"{", rare=_FIRST),
    Sign(b".", *[_DIGIT] * 7, rare=slice(0, 2)),
    Sign(_DIGIT, b"e", b"+-", _DIGIT, _DIGIT, rare=slice(1, 3)),
)
_SIGNS_BEYOND_ASCII: Final = (
    # The characters U+00C2, U+00C3 and U+00E2
    Sign(b"\xc3", b"\x82\x83\xa2", rare=_FIRST),
    # U+FFFD
    Sign(b"\xef", b"\xbf", b"\xbd", rare=_FIRST),
)


def signed(texts: pa.Array) -> Positions:
    """Return the texts, ascending, in which a pattern of `problems`, or the place of a short link, may be found.

    No other text has one; a sign across the border of two texts counts for the first of them.

    Examples
    --------
    >>> import pyarrow as pa
    >>> signed(pa.array(["Hi Ann", "Hi nan", "about finance", "Hi {name}"], pa.large_string())).tolist()
    [1, 2, 3]
    """
    pieces = [_signed(texts.slice(start, _ROWS)) + start for start in range(0, len(texts), _ROWS)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _signed(texts: pa.Array) -> Positions:
    starts, data = buffers(texts)
    signs = _SIGNS if data.max(initial=0) < 0x80 else (*_SIGNS, *_SIGNS_BEYOND_ASCII)
    at = np.concatenate([sign.find(data) for sign in signs])
    return np.unique(np.searchsorted(starts, at, side="right") - 1)
