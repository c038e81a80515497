"""All problems of all rows, as columns: the row, the rule, the value (masked), what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present, to_series
from nxsms_nb.rows.links import PLACE
from nxsms_nb.rows.signs import signed
from nxsms_nb.rows.troubles import TROUBLES, Trouble
from nxsms_nb.rows.words import word_of
from nxsms_nb.wire.codes import PARAMETER

__all__ = ["RULES", "suspicions"]

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """A rule that a row can break: its name in results, its field, the vendor's code where there is one, and what to do."""

    name: str
    field: str
    code: int | None
    hint: str


RULES: Final = (
    *(
        Rule(name, "region" if trouble == Trouble.REGION else "phone", 13005, hint)
        for trouble, (name, hint) in TROUBLES.items()
    ),
    Rule(
        "content_missing",
        "content",
        13009,
        "no text; if render() made the column, a column that its template uses has a gap here: write the replacement "
        "after a |, as in {name|there}",
    ),
    Rule("content_blank", "content", 13009, "white space or invisible characters only: write a text or drop the row"),
    Rule("content_not_text", "content", PARAMETER, "not text: make it text, as in astype(str) or with render()"),
    Rule(
        "content_not_unicode",
        "content",
        PARAMETER,
        "half a character (a lone surrogate) or wrongly decoded bytes: load the text again with its right encoding",
    ),
    Rule("content_too_long", "content", 13001, "longer than 1000 characters: shorten it"),
    Rule("source_address_form", "source_address", 13006, "a sender has 1 to 20 letters A-Z, a-z or digits"),
    Rule("sys_message_id_form", "sys_message_id", PARAMETER, "an id has 10 to 50 characters of 0-9, a-z, A-Z and -"),
    Rule(
        "sys_message_id_shared",
        "sys_message_id",
        PARAMETER,
        "rows for different recipients or texts share this id: give each its own, or drop the column to have ids made",
    ),
    Rule(
        "sys_message_id_repeated",
        "sys_message_id",
        PARAMETER,
        'an earlier row has this id, and duplicates="allow" sends both: give each its own id',
    ),
    Rule(
        "short_link_not_text",
        "short_link",
        PARAMETER,
        "not a short link: give it as the vendor's console shows it, as text without blanks",
    ),
    Rule(
        "short_link_placeholder",
        "short_link",
        PARAMETER,
        "the content lacks #1#, the place where the short link goes: add it, or leave short_link empty",
    ),
    Rule("link_verbose_form", "link_verbose", PARAMETER, "use 1 to collect clicks, or 0"),
    Rule("dr_url_form", "dr_url", PARAMETER, "not a web address: http:// or https://, a host, no blanks"),
    Rule(
        "ext_not_unicode", "ext", PARAMETER, "half a character (a lone surrogate) or wrongly decoded bytes: repair it"
    ),
    Rule("key_missing", "key", None, "a column named by key= is empty here: fill it in, or name other columns"),
    Rule(
        "key_digits_lost",
        "key",
        None,
        "a float or a spreadsheet rounded the key and its last digits are gone: take it from its original source; if "
        "the file itself still shows every digit, read this column as text",
    ),
    Rule(
        "duplicate",
        "key",
        None,
        'an earlier row has the same key: duplicates="drop" sends the first only, duplicates="allow" sends each',
    ),
    # Warnings: such a text may be sent, and may be meant.
    Rule(
        "content_reads_missing",
        "content",
        None,
        "the text reads nan, None, NaT, <NA>, null, undefined or inf, as a missing value does once it is text: fill the gaps "
        "first, or write {name|there}",
    ),
    Rule(
        "content_spreadsheet_error",
        "content",
        None,
        "a formula's error such as #N/A or #NAME?: fix it in the spreadsheet",
    ),
    Rule(
        "content_long_fraction",
        "content",
        None,
        "a fraction as computers keep it, such as 0.30000000000000004 or 1e-07: round it, as in {price:.2f}",
    ),
    Rule(
        "content_wrongly_decoded",
        "content",
        None,
        "reads as UTF-8 that was loaded as Latin letters, as M\u00c3\u00bcller: load the text again with its right encoding",
    ),
    Rule("content_unfilled", "content", None, "a {name} was not filled in: make the text with df.nxsms.render"),
    Rule(
        "content_link_unfilled",
        "content",
        None,
        "the row has no short_link, so #1# is sent as it is written: give it one, or remove #1#",
    ),
    Rule(
        "content_replacement_character",
        "content",
        None,
        "\ufffd stands for what could not be decoded: load the text again with its right encoding",
    ),
)
"""Every rule, in the order in which a row's problems are listed."""

NUMBER: Final = {rule.name: number for number, rule in enumerate(RULES)}
"""A rule's place in `RULES`."""

_FIELDS: Final = tuple(dict.fromkeys(rule.field for rule in RULES))
_FIELD_OF: Final = np.array([_FIELDS.index(rule.field) for rule in RULES], np.uint8)
_DOT: Final = "•"
_SHOWN: Final = 30
_MORE: Final = pa.scalar("…", TEXT)
_NOTHING: Final = pa.scalar("", TEXT)


@dataclass(frozen=True)
class Problems:
    """All problems of a frame's rows, by position (ascending) and place in `RULES`.

    `sources` has the cells' text as given: masked values are made from it on demand.
    """

    positions: Positions
    rules: npt.NDArray[np.uint8]
    sources: Mapping[str, pa.Array]

    def __len__(self) -> int:
        return len(self.positions)

    def values(self) -> pa.Array:
        """Return the masked value of each problem; null if there was none."""
        fields = _FIELD_OF[self.rules]
        order = np.argsort(fields, kind="stable")
        pieces = [pa.array([], TEXT)]
        for number in np.unique(fields):
            rows = pa.array(self.positions[fields == number])
            pieces.append(_masked(_FIELDS[number], self.sources.get(_FIELDS[number]), rows))
        joined = pa.concat_arrays(pieces)
        if len(pieces) <= 2:
            return joined
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return joined.take(pa.array(back))

    def frame(self, index: pd.Index) -> pd.DataFrame:
        """Return one row per problem: position, index (the label), field, code, rule, value, hint."""
        codes = pd.array([rule.code for rule in RULES], dtype="Int64")
        return pd.DataFrame(
            {
                "position": self.positions,
                "index": index.take(self.positions).to_flat_index(),
                "field": self._rule_column([rule.field for rule in RULES]),
                "code": codes.take(self.rules),
                "rule": self._rule_column([rule.name for rule in RULES]),
                "value": to_series(self.values()),
                "hint": self._rule_column([rule.hint for rule in RULES]),
            },
            copy=False,
        )

    def _rule_column(self, words: list[str]) -> pd.Series:
        return to_series(pa.array(words, TEXT).take(pa.array(self.rules)))

    def counts(self) -> pd.DataFrame:
        """Count the rows that break each rule: index rule.

        Columns field, code (Int64), rows, position (of the first), hint.
        """
        numbers, first, rows = np.unique(self.rules, return_index=True, return_counts=True)
        rules = [RULES[number] for number in numbers]
        return pd.DataFrame(
            {
                "field": [rule.field for rule in rules],
                "code": pd.array([rule.code for rule in rules], dtype="Int64"),
                "rows": rows.astype(np.int64),
                "position": self.positions[first],
                "hint": [rule.hint for rule in rules],
            },
            index=pd.Index([rule.name for rule in rules], name="rule"),
        )

    def refusals(self) -> tuple[Positions, list[int | None], list[str]]:
        """Return, for each row with a problem, its position, the vendor's code for the first problem, and the words for all."""
        if not len(self):
            return self.positions, [], []
        starts = np.flatnonzero(np.diff(self.positions, prepend=-1))
        values, rules = self.values(), pa.array(self.rules)
        values = pc.if_else(pc.not_equal(values, ""), values, pa.scalar(None, TEXT))
        heads = pa.array([rule.name for rule in RULES], TEXT).take(rules)
        hints = pa.array([rule.hint for rule in RULES], TEXT).take(rules)
        reasons = pc.binary_join_element_wise(heads, values, hints, pa.scalar(", ", TEXT), null_handling="skip")
        if len(starts) < len(self):
            offsets = pa.array(np.append(starts, len(self)), pa.int64())
            reasons = pc.binary_join(pa.LargeListArray.from_arrays(offsets, reasons), pa.scalar("; ", TEXT))
        codes = [rule.code for rule in RULES]
        return self.positions[starts], [codes[number] for number in self.rules[starts]], reasons.to_pylist()

    def but(self, rows: npt.NDArray[np.bool_]) -> Problems:
        """Return the problems without those of some rows."""
        kept = ~rows[self.positions]
        return Problems(self.positions[kept], self.rules[kept], self.sources)

    def plus(self, found: Iterable[tuple[str, Positions]], sources: Mapping[str, pa.Array]) -> Problems:
        """Return the problems with more added: rules with the rows that break them, and the texts of the fields."""
        more = [(NUMBER[name], rows) for name, rows in found if len(rows)]
        if not more:
            return self
        positions = np.concatenate([self.positions, *(rows for _, rows in more)])
        rules = np.concatenate([self.rules, *(np.full(len(rows), number, np.uint8) for number, rows in more)])
        order = np.lexsort((rules, positions))
        return Problems(positions[order], rules[order], {**self.sources, **sources})


def no_problems(sources: Mapping[str, pa.Array]) -> Problems:
    """Return an empty set of problems."""
    return Problems(np.empty(0, np.int64), np.empty(0, np.uint8), sources)


_SUSPICIOUS: Final = {
    "content_reads_missing": (
        r"\b(?:nan|NaN|None|NaT|null|NULL|undefined)\b|<NA>|(?:^|[\s:(=])-?(?:inf|Infinity)(?:[\s,;!?)%\x{20AC}$]|$)"
    ),
    "content_spreadsheet_error": r"#(?:N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!)",
    "content_long_fraction": r"[0-9]\.[0-9]*(?:0{6,}|9{6,})[0-9]{1,3}\b|[0-9]\.[0-9]{14,}|\b[0-9](?:\.[0-9]+)?e[+-][0-9]{2,3}\b",
    "content_wrongly_decoded": (
        r"[\x{C2}\x{C3}][\x{80}-\x{BF}\x{152}\x{153}\x{160}\x{161}\x{178}\x{17D}\x{17E}\x{192}\x{2C6}\x{2DC}\x{2013}-\x{203A}\x{20AC}"
        r"\x{2122}]|\x{E2}\x{20AC}[\x{80}-\x{BF}\x{153}\x{2DC}\x{2018}-\x{203A}\x{20AC}\x{2122}]"
    ),
    "content_unfilled": r"\{(?:\pL[^{}\n]{0,40}|[0-9]*)\}",
    "content_replacement_character": "\ufffd",
}
"""Patterns of likely mistakes in a text, by the name of the rule.

What each needs in a text is one of the signs in `signs`.
"""
_ANY_SUSPICION: Final = "|".join(_SUSPICIOUS.values())
_LINK: Final = "content_link_unfilled"
_ANY_OR_PLACE: Final = f"{_ANY_SUSPICION}|{PLACE}"
_PIECE: Final = 100_000
"""Rows whose texts are looked at together: the patterns are compiled again for each piece."""


def suspicions(content: pa.Array, rows: Positions | None = None, *, links: pa.Array | None = None) -> Problems:
    """Find likely mistakes in the texts of some rows, ascending, or of all rows.

    `links` are the rows' short links, where the frame has such a column: they fill in ``#1#``.

    Examples
    --------
    >>> [RULES[number].name for number in suspicions(pa.array(["Hi nan", "Hi {name}", "Hi Nancy"], TEXT)).rules]
    ['content_reads_missing', 'content_unfilled']
    """
    rows = np.arange(len(content)) if rows is None else rows
    # Rows with a link may all have its place; where there are none, one look finds this too.
    unlinked = None if links is None else rows[~present(links)[rows]]
    suspicious = _with(content, rows, _ANY_OR_PLACE if unlinked is None else _ANY_SUSPICION)
    some = content.take(pa.array(suspicious))
    found = [
        (name, suspicious[as_mask(pc.match_substring_regex(some, pattern))]) for name, pattern in _SUSPICIOUS.items()
    ]
    found.append((_LINK, _with(content, suspicious if unlinked is None else unlinked, PLACE)))
    return no_problems({"content": content}).plus(found, {})


def _with(content: pa.Array, rows: Positions, pattern: str) -> Positions:
    """Return the rows whose texts match a pattern; hardly any text does."""
    # By the piece: the texts of a million rows, taken together, are as large as the frame.
    pieces = [rows[start : start + _PIECE] for start in range(0, len(rows), _PIECE)]
    return np.concatenate([_found_in(content, piece, pattern) for piece in pieces]) if pieces else rows


def _found_in(content: pa.Array, rows: Positions, pattern: str) -> Positions:
    aligned = rows[-1] - rows[0] == len(rows) - 1
    texts = content.slice(rows[0], len(rows)) if aligned else content.take(pa.array(rows))
    some = signed(texts)
    return rows[some[as_mask(pc.match_substring_regex(texts.take(pa.array(some)), pattern))]]


def _masked(field: str, source: pa.Array | None, rows: pa.Array) -> pa.Array:
    if source is None:
        return pa.nulls(len(rows), TEXT)
    text = source.take(rows)
    if field == "phone":
        quoted = pc.binary_join_element_wise(pa.scalar(' "', TEXT), word_of(text), pa.scalar('"', TEXT), _NOTHING)
        word = pc.binary_join_element_wise(mask_phones(text), quoted.fill_null(""), _NOTHING)
        return pc.if_else(_has_digits(text), word, _short(text))
    if field == "key" and as_mask(pc.ascii_is_decimal(text)).all():
        return mask_phones(text)
    text = _short(text)
    # Any digit of a text may be a secret code; elsewhere a long run of digits may be a phone number.
    digits = r"\p{Nd}" if field == "content" else r"\p{Nd}(?:[ \-.()]?\p{Nd}){5,}"
    return pc.replace_substring_regex(text, digits, _DOT if field == "content" else _DOT * 6)


def _short(text: pa.Array) -> pa.Array:
    head = pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, _SHOWN - 1), _MORE, _NOTHING)
    text = pc.if_else(pc.greater(pc.utf8_length(text), _SHOWN), head, text)
    return pc.replace_substring_regex(text, r"[\s\pC]+", " ")


def mask_phones(text: pa.Array) -> pa.Array:
    """Mask an array as `formatting.mask_phone` masks one number."""
    size = pc.utf8_length(text)
    middle = pc.binary_repeat(pa.scalar(_DOT, TEXT), pc.max_element_wise(pc.subtract(size, 5), 0))
    long = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(text, 0, 3), middle, pc.utf8_slice_codeunits(text, -2), _NOTHING
    )
    masked = pc.if_else(pc.less(size, 7), pc.binary_repeat(pa.scalar(_DOT, TEXT), size), long)
    return pc.if_else(_has_digits(text), masked, text)


def _has_digits(text: pa.Array) -> pa.Array:
    return pc.match_substring_regex(text, r"\p{Nd}")
