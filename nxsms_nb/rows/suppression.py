"""Do-not-contact lists: suppress the rows of these people, however their numbers are written."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import present
from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes.reading import read_whole
from nxsms_nb.formatting import count, listed, named
from nxsms_nb.given import path_as_given
from nxsms_nb.rows import regions, same_phone
from nxsms_nb.rows.list_columns import entries_of, is_number
from nxsms_nb.rows.phones import Bare
from nxsms_nb.rows.rules import Mask, check
from nxsms_nb.settings import LISTS, PLACEHOLDER

__all__ = ["SUPPRESSED", "of", "suppressed"]

_MISSING: Final = "phone_missing"
_AMBIGUOUS: Final = "phone_ambiguous"


SUPPRESSED: Final = "suppressed"
"""The reason of a row whose number is on the list."""


@dataclass(frozen=True)
class Suppression:
    """A do-not-contact list: its entries in a column ``phone``, and what messages call the list.

    `notes` say how a file was read. With `chunked` the rows come by the chunk, each with some of their countries, unless
    `countries` has those of all.
    """

    entries: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    chunked: bool = False
    countries: tuple[str, ...] | None = None
    _read: dict[Any, tuple[list[pa.Array], pa.Array]] = field(default_factory=dict)
    _met: list[Mask] = field(default_factory=list)

    def among(self, phones: pa.Array, frame: pd.DataFrame, settings: Mapping[str, Any]) -> Mask:
        """Return which of a frame's numbers, given as digits, are on the list.

        An entry that cannot be read raises `ConfigError`: whoever it is about might get a message.
        """
        ways = self._ways(frame, settings["region"], settings["bare"])
        if ways not in self._read:
            by_rows = self.by_rows(settings["region"])
            # Without rows there are no countries either, as in a chunk whose rows are of others.
            readings = self._digits(ways, later=by_rows and (self.chunked or not len(frame)))
            every = [numbers for array in readings for numbers in same_phone.bases(array.drop_null())]
            self._read[ways] = readings, pa.concat_arrays(every).unique()
        readings, people = self._read[ways]
        rows = same_phone.among(phones, people)
        if not self._met:
            self._met.append(np.zeros(len(self.entries), np.bool_))
        if rows.any():
            found = pa.concat_arrays(same_phone.bases(phones.filter(pa.array(rows)))).unique()
            for array in readings:
                self._met[0] |= same_phone.among(array, found)
        return rows

    def words(self) -> str | None:
        """Describe how the list was read, and how many entries are among the rows so far; None for an empty list."""
        values = self.entries["phone"]
        there = values.notna().to_numpy() & (values.astype(str).str.strip() != "").to_numpy()
        met = int(self._met[0].sum()) if self._met else 0
        if not there.any():
            return "\n".join(self.notes) or None
        n = int(there.sum())
        line = f"suppress=: {met:,} of {count(n, 'entry', 'entries')} {'is' if n == 1 else 'are'} among these rows."
        return "\n".join((*self.notes, line))

    def _ways(self, frame: pd.DataFrame, region: Any, bare: Bare | None) -> tuple[tuple[Any, Bare | None], ...]:
        """Yield each `region` and `bare` to read the entries with.

        Those of the rows, in every combination if they differ.
        """
        if not self.by_rows(region):
            return ((region, bare),)
        if self.countries is not None:
            names = self.countries
        else:
            of_rows = regions.regions_of(frame, region)
            names = () if of_rows is None else of_rows.names
        return (*((name, bare) for name in names), (None, None))

    def by_rows(self, region: Any) -> bool:
        """Whether entries are read by the countries of the rows."""
        return not (region is None or regions.is_code(region) or region in self.entries.columns)

    def _digits(self, ways: Iterable[tuple[Any, Bare | None]], *, later: bool) -> list[pa.Array]:
        """Return the digits of the entries for each way of reading them; `later` rows may have other countries."""
        unread: dict[int, str] | None = None
        pieces = []
        for region, bare in ways:
            read = check(self.entries, {"phone": "phone"}, region=region, bare=bare, apply_words=False)
            pieces.append(read.fields["phone"])
            positions, _, reasons = read.refusals()
            refused = {int(at): why for at, why in zip(positions, reasons, strict=True) if not why.startswith(_MISSING)}
            if region is not None:
                # Whichever way a bare entry is meant, neither person gets a message.
                for way in get_args(Bare):
                    read_so = check(self.entries, {"phone": "phone"}, region=region, bare=way, apply_words=False)
                    either = read_so.fields["phone"]
                    pieces.append(either)
                    if bare is not None:
                        there = present(either)
                        refused = {at: why for at, why in refused.items() if not there[at]}
                refused = {at: why for at, why in refused.items() if not why.startswith(_AMBIGUOUS)}
            unread = refused if unread is None else {at: why for at, why in unread.items() if at in refused}
        if unread and later:
            unread = self._of_no_country(unread, pieces)
        if unread:
            first = min(unread)
            raise ConfigError(
                f"{len(unread):,} of {count(len(self.entries), 'entry', 'entries')} of {self.source} cannot be read as numbers, "
                f"and the people behind them might get a message. The first, at position {first}: {unread[first]}"
            )
        return pieces

    def _of_no_country(self, unread: dict[int, str], pieces: list[pa.Array]) -> dict[int, str]:
        """Return the entries that cannot be read with any country so far; countries of later chunks may read them."""
        for name in regions.codes():
            rows = np.array(sorted(unread), np.int64)
            if not len(rows):
                break
            digits = check(self.entries.iloc[rows], {"phone": "phone"}, region=name).fields["phone"]
            there = np.flatnonzero(present(digits))
            unread = {at: why for at, why in unread.items() if at not in rows[there]}
            whole = np.full(len(self.entries), -1, np.int64)
            whole[rows[there]] = there
            pieces.append(digits.take(pa.array(whole, mask=whole < 0)))
        return unread


def suppressed(frame: pd.DataFrame, phones: pa.Array, settings: Mapping[str, Any]) -> tuple[Mask, str | None]:
    """Find the rows on the list given as ``suppress=``, and describe the list; `phones` are the rows' digits."""
    suppression = of(settings["suppress"], settings["phone"])
    if suppression is None:
        return np.zeros(len(frame), np.bool_), None
    rows = suppression.among(phones, frame, settings)
    return rows, suppression.words()


def of(given: Any, phone: Hashable | None = None) -> Suppression | None:
    """Read the list given as ``suppress=``; for None it is empty.

    `phone` is the label of the numbers in a frame or file with several columns. What is no such list, or a file that
    cannot be read, raises `ConfigError`.

    Examples
    --------
    >>> of(["+49 151 23456789", 4915123456780]).entries["phone"].to_list()
    ['+49 151 23456789', 4915123456780]
    """
    if given is None or isinstance(given, Suppression):
        return given
    if isinstance(given, str) and given == PLACEHOLDER:
        raise ConfigError(f"suppress={given!r} is a placeholder. Replace it by the list, or by the file that holds it.")
    if isinstance(given, PathLike) or (isinstance(given, str) and given.lower().endswith(LISTS)):
        return _of_file(path_as_given(given), phone)
    if hasattr(given, "to_pandas"):  # of Arrow or polars
        given = given.to_pandas()
    if isinstance(given, pd.DataFrame):
        entries, labels = entries_of(given, phone, "suppress=", headings=False)
        return Suppression(entries, "suppress=", _several(labels, "suppress="))
    if isinstance(given, str) and not is_number(given):
        raise ConfigError(
            f"suppress={named(given)} is neither a number nor a file of numbers, whose name ends in {', '.join(LISTS)}. "
            "To use a column of the frame, give its values: suppress=df[…]."
        )
    if isinstance(given, (str, Real)) and not isinstance(given, bool):
        given = [given]
    if isinstance(given, (Mapping, bytes)) or not isinstance(given, Iterable):
        raise ConfigError(
            f"suppress= was given a {type(given).__name__}. Give numbers in a list, a set or a Series, or the name of a file "
            "that holds them."
        )
    numbers = given if isinstance(given, pd.Series) else pd.Series(list(given), dtype=object)
    return Suppression(pd.DataFrame({"phone": numbers.array}), "suppress=")


def _of_file(path: Path, phone: Hashable | None) -> Suppression:
    tables, notes = read_whole(path, among=LISTS)
    parts, used = [], []
    for title, table in tables:
        entries, labels = entries_of(table, phone, str(path), headings=True, choose=len(tables) == 1)
        if labels:
            parts.append(entries)
            used.append(title)
            notes += _several(labels, str(path) if title is None else f"the sheet {named(title)} of {path}")
    if not parts:
        raise ConfigError(f"No sheet of {path} has a column with numbers: {listed([title for title, _ in tables])}.")
    if len(tables) > 1:
        left = [title for title, _ in tables if title not in used]
        rest = f"; without numbers: {listed(left)}" if left else ""
        notes += (f"Sheets of {path} that count as the list: {listed(used)}{rest}.",)
    return Suppression(parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True), str(path), notes)


def _several(labels: list[Hashable], source: str) -> tuple[str, ...]:
    return (f"Columns of {source} that count as the list: {listed(labels)}.",) if len(labels) > 1 else ()
