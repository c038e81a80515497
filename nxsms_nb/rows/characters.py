"""Find the characters that make texts need more segments than plain ones would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.rows.segments import ESCAPED, FOREIGN, UCS, count_segments

__all__ = ["Costly", "costly"]

Rows = npt.NDArray[np.int64]

_JOINED: Final = r"[\x{FE0F}\x{1F3FB}-\x{1F3FF}]*"
_FLAG: Final = r"[\x{1F1E6}-\x{1F1FF}]{2}"
_CLUSTER: Final = f"{_FLAG}|{FOREIGN}{_JOINED}(?:\\x{{200D}}{FOREIGN}{_JOINED})*"
"""A character that is not of GSM 03.38; a flag, or an emoji with all it is joined from, is one."""
_OF_GSM: Final = f"[{FOREIGN.removeprefix('[^')}"
_BUT_ESCAPED: Final = f"[^{ESCAPED.removeprefix('[')}"
_ONE: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|[^\u200d][\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d.[\ufe0f\U0001f3fb-\U0001f3ff]*)*",
    re.DOTALL,
)
"""One such character, when the rest of a text has been removed."""
_FEW: Final = 8
_SHARE: Final = 3
"""A text with more different special characters than `_FEW`, or more of them than a third of it, is of another script, which
no plain character replaces."""
_KINDS: Final = 2_000
"""How many different combinations are looked at, the most frequent first."""


@dataclass(frozen=True)
class Costly:
    """Texts that need more segments than without some characters.

    `characters` are their only special ones, `rows` are positions; each of the rows needs `needs` segments, and with plain
    characters `without`.
    """

    characters: tuple[str, ...]
    rows: Rows
    needs: int
    without: int

    @property
    def saved(self) -> int:
        """The segments that plain characters would save in all rows."""
        return len(self.rows) * (self.needs - self.without)


def costly(
    content: pa.Array, phone: pa.Array, segments: npt.NDArray[np.int64], encodings: npt.NDArray[np.object_]
) -> list[Costly]:
    """Find the characters that cost segments, the costliest first; every row has a text."""
    found: dict[tuple[tuple[str, ...], int, int], list[Rows]] = {}
    foreign = encodings == UCS
    for rows, pattern, others in (
        (np.flatnonzero(foreign & (segments > 1)), _CLUSTER, _OF_GSM),
        (np.flatnonzero(~foreign & (segments > 1)), ESCAPED, _BUT_ESCAPED),
    ):
        text = content.take(pa.array(rows))
        special = pc.replace_substring_regex(text, others, "")
        length, whole = (pc.utf8_length(one).to_numpy(zero_copy_only=False) for one in (special, text))
        few = np.flatnonzero((length > 0) & (length * _SHARE <= whole))
        if len(few):
            looked_at = rows[few]
            plain = pc.replace_substring_regex(text.take(pa.array(few)), pattern, "x")
            without, _ = count_segments(plain, phone.take(pa.array(looked_at)))
            saves = np.flatnonzero(without < segments[looked_at])
            for characters, members in _combinations(special.take(pa.array(few[saves]))):
                at = saves[members]
                pairs = np.column_stack([segments[looked_at[at]], without[at]])
                kinds, kind = np.unique(pairs, axis=0, return_inverse=True)
                for place, (needs, plainly) in enumerate(kinds.tolist()):
                    found.setdefault((characters, needs, plainly), []).append(looked_at[at[kind.ravel() == place]])
    listed = [Costly(kind[0], np.sort(np.concatenate(parts)), *kind[1:]) for kind, parts in found.items()]
    return sorted(listed, key=lambda one: (-one.saved, len(one.characters), one.characters, one.needs))


def _combinations(special: pa.Array) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """Yield the characters of which texts consist, and the texts, for the most frequent kinds of texts."""
    if not len(special):
        return
    coded = special.dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    for kind in np.argsort(-np.bincount(codes), kind="stable")[:_KINDS]:
        characters = tuple(sorted(set(_ONE.findall(coded.dictionary[int(kind)].as_py()))))
        if 0 < len(characters) <= _FEW:
            yield characters, order[bounds[kind] : bounds[kind + 1]]
