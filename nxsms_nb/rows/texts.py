"""Public functions on Series of texts: segments, encodings, and the same texts with plain characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, buffers, to_series
from nxsms_nb.errors import ConfigError
from nxsms_nb.rows.cells import PIECE, put_together, read_cells
from nxsms_nb.rows.phones import normalise
from nxsms_nb.rows.segments import GSM, MALAYSIA, count_segments

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLAIN", "encoding", "plain", "plain_texts", "segments"]

PLAIN: Final = {
    "'": "‘’‚‛′´`ʼ‹›\x91\x92",
    '"': "“”„‟″«»\x93\x94",
    "-": "‐‑‒–—―−•\x95\x96\x97",
    "...": "…",
    " ": "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "": "\u00ad\u200b\u200c\u200d\u2060\ufeff",
    "\n": "\u2028\u2029",
    ".": "․",
    "..": "‥",
    "fi": "ﬁ",
    "fl": "ﬂ",
    "ff": "ﬀ",
    "ffi": "ﬃ",
    "ffl": "ﬄ",
}
"""Plain characters, and the typographic or invisible ones that they replace; none of these is in GSM 03.38.

In UTF-8 no replacement is longer than the character it replaces, so that texts are rewritten in place.
"""


def segments(content: pd.Series[Any], phone: pd.Series[Any] | None = None) -> pd.Series[Any]:
    r"""Count the segments that each text is billed as.

    Parameters
    ----------
    content : pandas.Series
        The texts.
    phone : pandas.Series, optional
        The numbers they go to, with country codes, in any spelling; on the same index. None: no country's own rule applies.

    Returns
    -------
    pandas.Series of Int64
        With the index and the name of `content`; missing where there is no text.

    Raises
    ------
    ConfigError
        `content` or `phone` is not a Series, or their indexes differ.

    Notes
    -----
    Source: the vendor's page on billing. A text of GSM 03.38 characters has 160 to a single message, else 154 to a segment;
    those of the extension table (``^{}\[~]|€`` and the form feed) count 2. Any other character makes it UCS-2: 70 UTF-16
    units to a single message, else 67 to a segment; an emoji is two units or more. To Malaysia (60) seven characters are added
    before counting. A short link's ``#1#`` is counted as written.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> nx.segments(pd.Series(["Hi", "x" * 161, "x" * 160 + "…", None])).tolist()
    [1, 2, 3, <NA>]
    >>> nx.segments(pd.Series(["x" * 160]), phone=pd.Series(["+60 12 345 6789"])).tolist()
    [2]
    """
    text = _texts(content)
    digits = None if phone is None else _digits(phone, content.index)
    number, _ = count_segments(text, digits)
    missing = np.zeros(len(text), np.bool_) if not text.null_count else as_mask(text.is_null())
    return pd.Series(pd.arrays.IntegerArray(number, missing), index=content.index, name=content.name)


def encoding(content: pd.Series[Any]) -> pd.Series[str]:
    """Name the encoding in which each text is sent.

    Parameters
    ----------
    content : pandas.Series
        The texts.

    Returns
    -------
    pandas.Series of str
        ``"GSM-7"`` or ``"UCS-2"``, with the index and the name of `content`; missing where there is no text.

    Raises
    ------
    ConfigError
        `content` is not a Series.

    Notes
    -----
    Source: the vendor's page on billing, which separates texts of GSM 03.38 characters only from all others. One character
    outside that alphabet makes the whole text UCS-2, which has room for 70 characters instead of 160.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> nx.encoding(pd.Series(["Price: 5 €", "It’s on", "牛", None])).fillna("none").tolist()
    ['GSM-7', 'UCS-2', 'UCS-2', 'none']
    """
    return _series(_named(count_segments(_texts(content))[1]), content)


def plain(content: pd.Series[Any]) -> pd.Series[str]:
    r"""Replace typographic characters by plain ones in texts that then fit the cheaper encoding.

    Parameters
    ----------
    content : pandas.Series
        The texts.

    Returns
    -------
    pandas.Series of str
        With the index and the name of `content`; missing where there is no text.

    Raises
    ------
    ConfigError
        `content` is not a Series.

    Notes
    -----
    Curly quotes become straight, dashes and bullets hyphens, ``…`` three dots, spaces of other widths and tabs a space, ligatures
    their letters; characters of no width (zero-width space, soft hyphen) are removed, and letters written with a separate accent
    (e and U+0301) become one character; quotes and dashes of Windows that were read as Latin-1 (U+0091 to U+0097) are replaced
    too. None of these is in GSM 03.38, so that one of them makes a text UCS-2, with 70 characters to a message instead of
    160. A text is changed only where all of it fits GSM 03.38 afterwards and needs no more
    segments, in any country: Chinese keeps its quotation marks, and letters keep their accents.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> nx.plain(pd.Series(["“It’s on” — today…", "他说“好”", "Olá, it’s on"])).tolist()
    ['"It\'s on" - today...', '他说“好”', 'Olá, it’s on']
    """
    return _series(plain_texts(_texts(content)), content)


def plain_texts(text: pa.Array) -> pa.Array:
    """Replace typographic characters as `plain` does, in texts of type `TEXT`."""
    pieces = [_plain_piece(text.slice(start, PIECE)) for start in range(0, len(text), PIECE)]
    return put_together(text, pieces)


def _plain_piece(text: pa.Array) -> pa.Array | None:
    """Replace typographic characters in a piece of a column; None if nothing changes."""
    rows = _candidates(text)
    if not len(rows):
        return None
    before = text if len(rows) == len(text) else text.take(pa.array(rows))
    after = _replaced(_composed(before))
    if after is before:
        return None
    segments, encodings = count_segments(after)
    fits = np.flatnonzero(encodings == GSM)
    if not len(fits):
        return None
    if len(fits) < len(rows):
        rows, before, after = rows[fits], before.take(pa.array(fits)), after.take(pa.array(fits))
    better = segments[fits] <= count_segments(before)[0]
    # What needs one message in UCS-2 and two in GSM-7 in Malaysia alone became longer.
    longer = np.flatnonzero(better & as_mask(pc.greater(pc.utf8_length(after), pc.utf8_length(before))))
    if len(longer):
        there, malaysia = pa.array(longer), pa.array([MALAYSIA], TEXT).take(pa.array(np.zeros(len(longer), np.int64)))
        counts = [count_segments(texts.take(there), malaysia)[0] for texts in (after, before)]
        better[longer] = counts[0] <= counts[1]
    if better.all() and len(rows) == len(text):
        return after
    changed = np.zeros(len(text), np.bool_)
    changed[rows[better]] = True
    return pc.replace_with_mask(text, pa.array(changed), after if better.all() else after.filter(pa.array(better)))


def _candidates(text: pa.Array) -> npt.NDArray[np.int64]:
    """Return the texts with a byte that a replaced character or a separate accent begins with."""
    starts, data = buffers(text)
    row = np.searchsorted(starts, np.flatnonzero(_SPECIAL[data]), side="right") - 1
    return row[np.diff(row, prepend=-1) > 0]


def _composed(text: pa.Array) -> pa.Array:
    """Write letters with a separate accent as one character."""
    _, data = buffers(text)
    if not _ACCENT[data].any():
        return text
    rows = as_mask(pc.match_substring_regex(text, r"\p{M}"))
    if not rows.any():
        return text
    return pc.replace_with_mask(text, pa.array(rows), pc.utf8_normalize(text.filter(pa.array(rows)), "NFC"))


def _code_units() -> Iterator[tuple[int, bytes]]:
    """Yield each replaced character as the number that its bytes after the first make, and what replaces it."""
    for to, characters in PLAIN.items():
        for character in characters:
            raw = character.encode()
            yield int.from_bytes(raw.rjust(3, b"\0"), "big"), to.encode().rjust(len(raw), b"\0")


_TO: Final = dict(_code_units())
_SOUGHT: Final = np.array(sorted(_TO), np.uint32)
_FIRST: Final = np.isin(np.arange(256), [next(byte for byte in number.tobytes()[::-1] if byte) for number in _SOUGHT])
"""Which bytes a replaced character begins with."""
_ACCENT: Final = np.isin(np.arange(256), [0xCC, 0xCD])
"""Which bytes the accents from U+0300 to U+036F begin with."""
_SPECIAL: Final = _FIRST | _ACCENT


def _replaced(text: pa.Array) -> pa.Array:
    """Replace the characters of `PLAIN`, in the bytes of the whole column at once."""
    starts, data = buffers(text)
    at = np.flatnonzero(_FIRST[data])
    # The last bytes of a column are looked at twice rather than past its end.
    first, second, third = (data[(at + offset).clip(max=len(data) - 1)].astype(np.uint32) for offset in range(3))
    size = 1 + (first >= 0xC0) + (first >= 0xE0)
    number = np.select([size == 3, size == 2], [first << 16 | second << 8 | third, first << 8 | second], first)
    place = np.searchsorted(_SOUGHT, number).clip(max=len(_SOUGHT) - 1)
    hit = _SOUGHT[place] == number
    at, size, place = at[hit], size[hit], place[hit]
    if not len(at):
        return text
    written = data.copy()
    by = np.array([list(_TO[int(one)].ljust(3, b"\0")) for one in _SOUGHT], np.uint8)[place]
    for offset in range(3):
        inside = size > offset
        written[at[inside] + offset] = by[inside, offset]
    keep = np.ones(len(data), np.bool_)
    for offset in range(3):
        inside = (size > offset) & (by[:, offset] == 0)
        keep[at[inside] + offset] = False
    gone = np.flatnonzero(~keep)
    offsets = starts - np.searchsorted(gone, starts)
    return pa.Array.from_buffers(
        TEXT, len(text), [_validity(text), pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(written[keep])]
    )


def _validity(text: pa.Array) -> pa.Buffer | None:
    return None if not text.null_count else pa.array(as_mask(text.is_valid())).buffers()[1]


def _texts(content: Any) -> pa.Array:
    if not isinstance(content, pd.Series):
        raise ConfigError(
            f"content is a {type(content).__name__}, not a Series. Give a column, as in df['content'], or pd.Series(['…'])."
        )
    return read_cells(content).text


def _digits(phone: Any, index: pd.Index) -> pa.Array:
    if not isinstance(phone, pd.Series):
        raise ConfigError(
            f"phone is a {type(phone).__name__}, not a Series. Give the column of the numbers, as in df['phone']."
        )
    if not phone.index.equals(index):
        raise ConfigError(
            "phone and content have different indexes, so it is unclear which number a text goes to. Give two columns of "
            "one frame, or reset the index of both."
        )
    return normalise(phone)[0]


def _named(encodings: npt.NDArray[np.object_]) -> pa.Array:
    return pa.array(encodings, TEXT)


def _series(text: pa.Array, like: pd.Series[Any]) -> pd.Series[str]:
    name: Any = like.name
    return to_series(text, index=like.index, name=name)
