"""Check every row against the API's rules that need no other row, and report all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, lengths, only, present
from nxsms_nb.rows import keys as row_keys
from nxsms_nb.rows import phones, regions
from nxsms_nb.rows.cells import PIECE, Cells, is_blank, put_together, read_cells
from nxsms_nb.rows.links import PLACE
from nxsms_nb.rows.problems import Positions, Problems, no_problems
from nxsms_nb.rows.troubles import TROUBLES
from nxsms_nb.rows.values import Kind
from nxsms_nb.wire.requests import CONTENT_MAX

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.rows.phones import Bare
    from nxsms_nb.rows.rounding import Counts

__all__ = ["Checked", "check"]

Mask = npt.NDArray[np.bool_]
Found = list[tuple[str, Positions]]


@dataclass(frozen=True)
class Checked:
    """A frame's rows after every rule.

    `fields` holds the text of each field, one contiguous array each, null where absent or not usable (phones are
    digits, content is as given, to the byte), and `keys` the columns named by ``key=`` as canonical text. `good` rows
    may be sent: they have no problem and are not held out. `problems` has none of the `held` and `suppressed` rows.
    Suppressed rows, whose numbers are on the do-not-contact list, are still looked up, since they may have been sent
    before. `about_list` is what to say of that list.
    """

    rows: int
    fields: dict[str, pa.Array]
    keys: list[pa.Array]
    good: Mask
    problems: Problems
    held: Mask
    suppressed: Mask
    about_list: str | None = None

    def refusals(self) -> tuple[Positions, list[int | None], list[str]]:
        """Return position, code and reason of each row with a problem; see `problems.Problems.refusals`."""
        return self.problems.refusals()

    def without(self, found: Found, sources: Mapping[str, pa.Array]) -> Checked:
        """Return the same rows with further problems, as `problems.Problems.plus` takes them."""
        good = self.good.copy()
        for _, rows in found:
            good[rows] = False
        return replace(self, good=good, problems=self.problems.plus(found, sources))

    def holding_out(self, held: Mask) -> Checked:
        """Hold out some rows: they are not sent, and their problems do not matter."""
        if not held.any():
            return self
        return replace(self, good=self.good & ~held, problems=self.problems.but(held), held=held)

    def suppressing(self, suppressed: Mask, about_list: str | None) -> Checked:
        """Suppress some rows: their problems do not matter."""
        suppressed = suppressed & ~self.held
        if not suppressed.any():
            return self if about_list is None else replace(self, about_list=about_list)
        return replace(self, problems=self.problems.but(suppressed), suppressed=suppressed, about_list=about_list)


def check(
    frame: pd.DataFrame,
    columns: Mapping[str, Hashable],
    *,
    region: Hashable | None = None,
    bare: Bare | None = None,
    key: Sequence[Hashable] | None = None,
    counts: Counts | None = None,
    apply_words: bool = True,
) -> Checked:
    """Check every row against every rule that needs no other row.

    `columns` maps fields to labels, as `columns.resolve` returns them; for `region` see `regions.regions_of`, for
    `bare` `completing.completed`. `counts` carries what earlier chunks of a stream showed of its numbers, and is
    updated. Without `apply_words` a number is read whatever the words next to it say, as a do-not-contact list needs.

    Rules: the item fields of the vendor's page on the batch endpoint, and its response codes. Characters of content are
    counted as Unicode code points. Content that is a whole number is sent as its digits; other content that is not text
    is a problem. Of the optional fields null and "" mean absent; numbers are taken as their digits, whole floats too (a
    gap makes 10086.0 of 10086); ``link_verbose`` may be 1, 0, 1.0, True or such text.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"phone": ["+86 15088888888", "12"], "content": ["Hi", " "]})
    >>> checked = check(frame, {"phone": "phone", "content": "content"})
    >>> checked.good.tolist(), checked.fields["phone"].to_pylist()
    ([True, False], ['8615088888888', None])
    >>> checked.refusals()[1]
    [13005]
    """
    rows = len(frame)
    cells = {name: read_cells(frame[label]) for name, label in columns.items()}
    sources = {name: column.text for name, column in cells.items()}
    where = regions.regions_of(frame, region)
    if where is not None and where.text is not None:
        sources["region"] = where.text
    phone, troubles = phones.read_column(cells.pop("phone"), where, bare, counts, apply_words=apply_words)
    found: Found = [(rule, _rows(troubles == code)) for code, (rule, _) in TROUBLES.items()] if troubles.any() else []
    pieces: dict[str, list[pa.Array | None]] = {name: [] for name in cells}
    for start in range(0, max(rows, 1), PIECE):
        part = {name: column.slice(start, PIECE) for name, column in cells.items()}
        usable, broken = _held_to_rules(part)
        found += [(rule, positions + start) for rule, positions in broken if len(positions)]
        for name, column in part.items():
            # Unchanged columns are not joined again.
            pieces[name].append(None if usable[name] is column.text else usable[name])
    fields = {"phone": phone, **{name: put_together(column.text, pieces[name]) for name, column in cells.items()}}
    columned, empty, rounded = row_keys.columns(frame, key or (), columns["phone"], fields["phone"], counts)
    found += [("key_missing", _rows(empty)), ("key_digits_lost", _rows(rounded))]
    good = np.ones(rows, np.bool_)
    for _, positions in found:
        good[positions] = False
    none = np.zeros(rows, np.bool_)
    return Checked(rows, fields, columned, good, no_problems(sources).plus(found, {}), none, none)


def _held_to_rules(cells: Mapping[str, Cells]) -> tuple[dict[str, pa.Array], Found]:
    """Return the fields except the phone of some rows, null where unusable, and the rows that break each rule."""
    fields: dict[str, pa.Array] = {}
    found: Found = []
    for name, column in cells.items():
        usable, broken = _content(column) if name == "content" else _OPTIONAL[name](column)
        found += broken
        fields[name] = usable
    if "short_link" in fields:
        found.append(("short_link_placeholder", _lacking_placeholder(cells["content"], fields["short_link"])))
    return fields, found


def _rows(mask: Mask) -> Positions:
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def _content(cells: Cells) -> tuple[pa.Array, Found]:
    text = cells.text
    missing, broken = cells.of_kind(Kind.NULL), cells.of_kind(Kind.BROKEN)
    wrong = cells.of_kind(Kind.WHOLE, Kind.FRACTION, Kind.LOST, Kind.BOOL, Kind.OTHER)
    usable = ~(missing | broken | wrong)
    blank, long = usable & is_blank(text), usable & _is_longer(text, CONTENT_MAX)
    found = [
        ("content_missing", _rows(missing)),
        ("content_blank", _rows(blank)),
        ("content_not_text", _rows(wrong)),
        ("content_not_unicode", _rows(broken)),
        ("content_too_long", _rows(long)),
    ]
    return only(text, usable & ~blank & ~long), found


def _is_longer(text: pa.Array, most: int) -> Mask:
    # A text never has more characters than bytes.
    long = lengths(text) > most
    if long.any():
        long[long] = as_mask(pc.greater(pc.utf8_length(text.filter(pa.array(long))), most))
    return long


def _fits(text: pa.Array, pattern: str) -> Mask:
    """Return which texts match the pattern; if few values are different, each is searched once."""
    if len(text) > 10_000 and len(text[:1000].unique()) < 100:
        coded = text.dictionary_encode()
        return as_mask(pc.match_substring_regex(coded.dictionary, pattern).take(coded.indices))
    return as_mask(pc.match_substring_regex(text, pattern))


def _given(cells: Cells) -> Mask:
    given = ~cells.of_kind(Kind.NULL)
    return given & as_mask(pc.not_equal(cells.text, "")) if given.any() else given


def _optional(rule: str, pattern: str | None, *kinds: int) -> Callable[[Cells], tuple[pa.Array, Found]]:
    def read_field(cells: Cells) -> tuple[pa.Array, Found]:
        given = _given(cells)
        usable = given & cells.of_kind(*kinds)
        if pattern is not None and usable.any():
            usable &= _fits(cells.text, pattern)
        return only(cells.text, usable), [(rule, _rows(given & ~usable))]

    return read_field


_ON: Final = pa.array(["1", "1.0", "True", "true", "TRUE"], TEXT)
_OFF: Final = pa.array(["0", "0.0", "False", "false", "FALSE"], TEXT)


def _link_verbose(cells: Cells) -> tuple[pa.Array, Found]:
    given = _given(cells)
    on, off = as_mask(pc.is_in(cells.text, _ON)), as_mask(pc.is_in(cells.text, _OFF))
    text = pc.if_else(pa.array(on), pa.scalar("1", TEXT), pa.scalar("0", TEXT))
    return only(text, on | off), [("link_verbose_form", _rows(given & ~on & ~off))]


_NUMBERS: Final = (Kind.TEXT, Kind.INT, Kind.WHOLE)
_UNICODE: Final = (*_NUMBERS, Kind.FRACTION, Kind.LOST, Kind.BOOL, Kind.OTHER)
_URL: Final = (
    r"(?i)^https?://(?:[^\s\pZ\pC/?#@]*@)?(?:[\pL\pN](?:[\pL\pN._\-]*)|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:[/?#][^\s\pZ\pC]*)?$"
)
_OPTIONAL: Final[Mapping[str, Callable[[Cells], tuple[pa.Array, Found]]]] = {
    "source_address": _optional("source_address_form", r"^[0-9A-Za-z]{1,20}$", *_NUMBERS),
    "sys_message_id": _optional("sys_message_id_form", r"^[0-9A-Za-z\-]{10,50}$", *_NUMBERS),
    "short_link": _optional("short_link_not_text", r"^[^\s\pZ\pC]+$", *_NUMBERS),
    "link_verbose": _link_verbose,
    "dr_url": _optional("dr_url_form", _URL, Kind.TEXT),
    "ext": _optional("ext_not_unicode", None, *_UNICODE),
}


def _lacking_placeholder(content: Cells, short_link: pa.Array) -> Positions:
    linked = _rows(present(short_link))
    there = as_mask(pc.match_substring(content.text.take(pa.array(linked)), PLACE))
    return linked[~there & ~content.of_kind(Kind.NULL)[linked]]
