"""Short links: preview what replaces ``#1#`` in a text, as far as that is known before sending.

The vendor's page says that a short link works only where the content has ``#1#``, and neither how long the text is that it
puts there nor whether each number gets a link of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, present
from nxsms_nb.formatting import count, mask_digits, shorten
from nxsms_nb.rows.segments import count_segments

if TYPE_CHECKING:
    from nxsms_nb.rows.problems import Positions

__all__ = ["PLACE", "filled", "link_words", "linked"]

PLACE: Final = "#1#"
"""The place of a short link in the content."""

_BEFORE: Final = 25
_SHOWN: Final = 80


def linked(fields: Mapping[str, pa.Array], rows: Positions) -> Positions:
    """Return the rows, among some without a problem, that have a short link.

    Examples
    --------
    >>> import numpy as np
    >>> linked({"short_link": pa.array(["s.example/a", None])}, np.array([0, 1])).tolist()
    [0]
    """
    if "short_link" not in fields:
        return rows[:0]
    return rows[present(fields["short_link"])[rows]]


def filled(content: pa.Array, links: pa.Array) -> pa.Array:
    """Put each text's short link in place of ``#1#``; a text without a link stays as it is.

    Examples
    --------
    >>> filled(pa.array(["See #1# now", "Hi #1#"]), pa.array(["s.example/a", None])).to_pylist()
    ['See s.example/a now', 'Hi #1#']
    """
    parts = pc.split_pattern(content.cast(TEXT), PLACE)
    return pc.binary_join(parts, links.cast(TEXT).fill_null(PLACE))


def link_words(fields: Mapping[str, pa.Array], rows: Positions, *, counted: bool = False) -> str | None:
    """Describe how many of some rows have a short link, with a preview of the first; None if none has one.

    `counted`: also what the links make of the segments, which are counted with ``#1#`` as written.
    """
    rows = linked(fields, rows)
    if not len(rows):
        return None
    at = pa.array(rows)
    content, links = fields["content"].take(at).cast(TEXT), fields["short_link"].take(at).cast(TEXT)
    texts = filled(content, links)
    words = f'{count(len(rows), "row")} {"has" if len(rows) == 1 else "have"} a short link in place of {PLACE}: "{_shown(content, texts)}".'
    if not counted:
        return words
    phones = fields["phone"].take(at)
    more = count_segments(texts, phones)[0] - count_segments(content, phones)[0]
    total, changed = int(more.sum()), int((more != 0).sum())
    effect = f"{'save' if total < 0 else 'add'} {count(abs(total), 'segment')} in {count(changed, 'row')}"
    return (
        f"{words} The vendor does not document how long its link is: segments are counted with {PLACE} as written; the links as "
        f"short_link has them would {effect if changed else 'change nothing'}."
    )


def _shown(content: pa.Array, texts: pa.Array) -> str:
    """Show the first text around its link."""
    place = content[0].as_py().index(PLACE)
    # Masked before it is cut: half a number is one, too.
    start, text = max(place - _BEFORE, 0), mask_digits(texts[0].as_py())
    return ("…" if start else "") + shorten(text[start:], _SHOWN)
