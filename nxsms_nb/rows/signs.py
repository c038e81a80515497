"""Find texts that may contain a mistake, by bytes that every mistake has.

The patterns of mistakes read each text byte by byte, and hardly any text has what they need. A byte or two are compared in
all texts of a column at once, in half the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
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
    """A sequence of bytes, each from a set; the one or two at `rare` are searched first."""

    def __init__(self, *sets: bytes, rare: slice) -> None:
        self._start = rare.start
        self._allowed = np.zeros((len(sets), 256), np.bool_)
        for allowed, letters in zip(self._allowed, sets, strict=True):
            allowed[list(letters)] = True
        both = sets[rare]
        word = np.dtype(f"u{len(both)}")
        always = np.array([np.bitwise_and.reduce(list(letters)) for letters in both], np.uint8)
        ever = np.array([np.bitwise_or.reduce(list(letters)) for letters in both], np.uint8)
        self.value = always.view(word)[0]
        # The bits that all bytes of a set share; None: each set has one byte only.
        self.bits = None if (always == ever).all() else (~(always ^ ever)).view(word)[0]

    def confirmed(self, at: Positions, data: Bytes) -> Positions:
        """Return where it begins in the bytes, of places where its rare bytes may be."""
        at = at - self._start
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
        self._same, self._some = np.empty(most, np.bool_), np.empty(most // 2, np.bool_)

    def having(self, sign: Sign, data: Bytes) -> Positions:
        """Return the positions of a sign's rare byte."""
        same = np.equal(data, sign.value, out=self._same[: len(data)])
        return np.flatnonzero(same) if same.any() else np.empty(0, np.int64)

    def having_any(self, signs: Sequence[Sign], data: Bytes) -> Positions:
        """Return the positions where the rare bytes of some sign may be."""
        found = []
        for shift in range(2):
            words = data[shift : len(data) - (len(data) - shift) % 2].view(np.uint16)
            some, same, bits = (scratch[: len(words)] for scratch in (self._some, self._same, self._bits))
            some[:] = False
            for sign in signs:
                of_bits = words if sign.bits is None else np.bitwise_and(words, sign.bits, out=bits)
                np.logical_or(some, np.equal(of_bits, sign.value, out=same), out=some)
            found.append(np.flatnonzero(some) * 2 + shift)
        return np.concatenate(found)


def _begun_by(data: Bytes, words: _Words) -> Positions:
    """Return the positions where a sign begins."""
    signs = _SIGNS if data.max(initial=0) < 0x80 else (*_SIGNS, *_SIGNS_BEYOND_ASCII)
    at = [sign.confirmed(words.having(sign, data), data) for sign in signs if sign.value.itemsize == 1]
    pairs = [sign for sign in signs if sign.value.itemsize > 1]
    if len(may_be := words.having_any(pairs, data)):
        at += [sign.confirmed(may_be, data) for sign in pairs]
    return np.concatenate(at)
