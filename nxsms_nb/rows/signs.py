"""Find texts that may contain a mistake, by bytes that every mistake has.

The patterns of mistakes read each text byte by byte, and hardly any text has what they need. A byte or two are compared in
all texts of a column at once, in half the time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb._arrow import buffers

if TYPE_CHECKING:
    import pyarrow as pa

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_ROWS: Final = 4096
"""Texts that are searched together: enough to spread the cost of a search, few enough for the processor's cache."""


class MistakeSign:
    """A sequence of bytes, each from a set; the one or two at `rare` are searched first."""

    def __init__(self, *sets: bytes, rare: slice) -> None:
        self._start = rare.start
        self._allowed = np.zeros((len(sets), 256), np.bool_)
        for allowed, letters in zip(self._allowed, sets, strict=True):
            allowed[list(letters)] = True
        self._rare = both = sets[rare]
        word = np.dtype(f"u{len(both)}")
        always = np.array([np.bitwise_and.reduce(list(letters)) for letters in both], np.uint8)
        ever = np.array([np.bitwise_or.reduce(list(letters)) for letters in both], np.uint8)
        self.value = always.view(word)[0]
        # The bits that all bytes of a set share; None: each set has one byte only.
        self.bits = None if (always == ever).all() else (~(always ^ ever)).view(word)[0]

    def may_be_in(self, letters: bytes) -> bool:
        """Return whether its rare bytes are among the bytes; finding one of them costs next to nothing."""
        return all(any(letter in letters for letter in allowed) for allowed in self._rare)

    def confirmed(self, at: Positions, data: Bytes) -> Positions:
        """Return where it begins in the bytes, of places where its rare bytes may be."""
        at = at - self._start
        at = at[(at >= 0) & (at <= len(data) - len(self._allowed))]
        for place, allowed in enumerate(self._allowed):
            at = at[allowed[data[at + place]]]
        return at


def _word(word: str, rare: str) -> MistakeSign:
    start = word.index(rare)
    return MistakeSign(*(letter.encode() for letter in word), rare=slice(start, start + len(rare)))


_FIRST: Final = slice(0, 1)
_DIGIT: Final = b"0123456789"
_SIGNS: Final = (
    _word("nan", "na"),
    _word("null", "nu"),
    _word("undefined", "ef"),
    # inf and Infinity
    MistakeSign(b"iI", b"n", b"f", rare=slice(1, 3)),
    # NaN, NaT, None, NULL and <NA>
    MistakeSign(b"N", b"aoUA", rare=_FIRST),
    # A spreadsheet's errors, and the place of a short link
    MistakeSign(b"#", b"NRVD1", rare=_FIRST),
    MistakeSign(b"{", rare=_FIRST),
    MistakeSign(b".", *[_DIGIT] * 7, rare=slice(0, 2)),
    MistakeSign(_DIGIT, b"e", b"+-", _DIGIT, _DIGIT, rare=slice(1, 3)),
)
_SIGNS_BEYOND_ASCII: Final = (
    # The characters U+00C2, U+00C3 and U+00E2
    MistakeSign(b"\xc3", b"\x82\x83\xa2", rare=_FIRST),
    # U+FFFD
    MistakeSign(b"\xef", b"\xbf", b"\xbd", rare=_FIRST),
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
    if not len(texts):
        return np.empty(0, np.int64)
    starts, data = buffers(texts)
    edges = starts[[*range(0, len(texts), _ROWS), -1]]
    words = _Words(int(np.diff(edges).max()))
    pieces = [_begun_by(data[a:b], words) + a for a, b in pairwise(edges.tolist())]
    return np.unique(np.searchsorted(starts, np.concatenate(pieces), side="right") - 1)


class _Words:
    """Scratch arrays that all pieces of a column are compared in.

    Where memory goes back to the system at once, as in Dask's workers, fresh arrays take longer than the comparisons.
    """

    def __init__(self, most: int) -> None:
        self._bits = np.empty(most // 2, np.uint16)
        self._same = np.empty(most, np.bool_)

    def having(self, sign: MistakeSign, data: Bytes) -> Positions:
        """Return the positions where a sign's rare bytes may be."""
        wide = sign.value.itemsize
        found = []
        for shift in range(wide):
            words = data[shift : len(data) - (len(data) - shift) % wide].view(sign.value.dtype)
            same, bits = self._same[: len(words)], self._bits[: len(words)]
            of_bits = words if sign.bits is None else np.bitwise_and(words, sign.bits, out=bits)
            # Most often there is none, and that is known in a fraction of the time.
            if np.equal(of_bits, sign.value, out=same).any():
                found.append(np.flatnonzero(same) * wide + shift)
        return np.concatenate(found) if found else np.empty(0, np.int64)


def _begun_by(data: Bytes, words: _Words) -> Positions:
    """Return the positions where a sign begins."""
    signs = _SIGNS if data.max(initial=0) < 0x80 else (*_SIGNS, *_SIGNS_BEYOND_ASCII)
    letters = data.tobytes()
    at = [sign.confirmed(words.having(sign, data), data) for sign in signs if sign.may_be_in(letters)]
    return np.concatenate(at) if at else np.empty(0, np.int64)
