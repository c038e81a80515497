"""Do-not-contact lists: nothing is sent to these people, however their numbers are written."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, to_series
from nxsms_nb.errors import ConfigError
from nxsms_nb.filetypes.reading import opened
from nxsms_nb.formatting import count, listed, named
from nxsms_nb.rows import regions
from nxsms_nb.rows.phones import Bare
from nxsms_nb.rows.rules import Mask, check
from nxsms_nb.settings import LISTS, PLACEHOLDER

__all__ = ["SUPPRESSED", "of", "suppressed"]

_ROWS: Final = 50_000
_DIGITS: Final = re.compile(r"\d(?:\D{0,3}\d){5}")
_MISSING: Final = "phone_missing"
_AMBIGUOUS: Final = "phone_ambiguous"


SUPPRESSED: Final = "suppressed"
"""The reason of a row whose number is on the list."""


@dataclass(frozen=True)
class Suppression:
    """A do-not-contact list: its entries as given, the label of their numbers, and what messages call the list."""

    entries: pd.DataFrame
    phone: Hashable
    source: str
    _read: dict[Any, pa.Array] = field(default_factory=dict)

    def among(self, phones: pa.Array, frame: pd.DataFrame, settings: Mapping[str, Any]) -> Mask:
        """Return which of a frame's numbers, given as digits, are on the list.

        An entry that cannot be read raises `ConfigError`: whoever it is about might get a message.
        """
        ways = self._ways(frame, settings["region"], settings["bare"])
        if ways not in self._read:
            self._read[ways] = self._digits(ways)
        return as_mask(pc.is_in(phones, value_set=self._read[ways]))

    def _ways(self, frame: pd.DataFrame, region: Any, bare: Bare | None) -> tuple[tuple[Any, Bare | None], ...]:
        """Yield region and `bare` to read the entries with: as the rows are; where those are of several countries, each way."""
        if region is None or regions.is_code(region) or region in self.entries.columns:
            return ((region, bare),)
        of_rows = regions.regions_of(frame, region)
        return (*((name, bare) for name in (() if of_rows is None else of_rows.names)), (None, None))

    def _digits(self, ways: Iterable[tuple[Any, Bare | None]]) -> pa.Array:
        unread: dict[int, str] | None = None
        pieces = []
        for region, bare in ways:
            read = check(self.entries, {"phone": self.phone}, region=region, bare=bare)
            pieces.append(read.fields["phone"].drop_null())
            positions, _, reasons = read.refusals()
            refused = {int(at): why for at, why in zip(positions, reasons, strict=True) if not why.startswith(_MISSING)}
            if bare is None and region is not None:
                # Whichever way a bare entry is meant, neither person gets a message.
                for way in get_args(Bare):
                    either = check(self.entries, {"phone": self.phone}, region=region, bare=way)
                    pieces.append(either.fields["phone"].drop_null())
                refused = {at: why for at, why in refused.items() if not why.startswith(_AMBIGUOUS)}
            unread = refused if unread is None else {at: why for at, why in unread.items() if at in refused}
        if unread:
            first = min(unread)
            raise ConfigError(
                f"{len(unread):,} of {count(len(self.entries), 'entry', 'entries')} of {self.source} cannot be read as numbers, "
                f"and whoever they are about might get a message. The first, at position {first}: {unread[first]}"
            )
        return pa.concat_arrays(pieces).unique()


def suppressed(frame: pd.DataFrame, phones: pa.Array, settings: Mapping[str, Any]) -> Mask:
    """Tell which rows of a frame are on the list that ``suppress=`` gives; `phones` are their digits."""
    suppression = of(settings["suppress"], settings["phone"])
    return np.zeros(len(frame), np.bool_) if suppression is None else suppression.among(phones, frame, settings)


def of(given: Any, phone: Hashable | None = None) -> Suppression | None:
    """Read what ``suppress=`` was given as a list of numbers; with None, no one is on the list.

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
        return _of_file(Path(given), phone)
    if hasattr(given, "to_pandas"):  # of Arrow or polars
        given = given.to_pandas()
    if isinstance(given, pd.DataFrame):
        return Suppression(given, _column(list(given.columns), phone, "suppress="), "suppress=")
    if isinstance(given, str) and not _is_number(given):
        raise ConfigError(
            f"suppress={named(given)} is neither a number nor a file of numbers, whose name ends in {', '.join(LISTS)}. "
            "Of a column of the frame, give the values: suppress=df[…]."
        )
    if isinstance(given, (str, Real)) and not isinstance(given, bool):
        given = [given]
    if isinstance(given, (Mapping, bytes)) or not isinstance(given, Iterable):
        raise ConfigError(
            f"suppress= was given a {type(given).__name__}. Give numbers in a list, a set or a Series, or the name of a file "
            "that holds them."
        )
    numbers = given if isinstance(given, pd.Series) else pd.Series(list(given), dtype=object)
    return Suppression(pd.DataFrame({"phone": numbers.array}), "phone", "suppress=")


def _of_file(path: Path, phone: Hashable | None) -> Suppression:
    file = opened(path, _ROWS, among=LISTS)
    table = pa.concat_tables([file.schema.empty_table(), *file.begin()])
    names = table.column_names
    numbered = [at for at, name in enumerate(names) if _is_number(name)]
    if len(numbered) == 1:
        # A list without a heading has its first number in the heading's place.
        column = pa.concat_arrays([pa.array([names[numbered[0]]], TEXT), *table.column(numbered[0]).cast(TEXT).chunks])
        return Suppression(pd.DataFrame({"phone": to_series(column)}), "phone", str(path))
    if len({*names}) < len(names):
        raise ConfigError(f"{path} has several columns of one name. Rename or drop all but one.")
    return Suppression(table.to_pandas(types_mapper=pd.ArrowDtype), _column(names, phone, str(path)), str(path))


def _is_number(text: str) -> bool:
    """Return whether a text is a number rather than a heading with a date in it."""
    digits, letters = (sum(map(test, text)) for test in (str.isdecimal, str.isalpha))
    return bool(_DIGITS.search(text)) and digits > letters


def _column(labels: list[Hashable], phone: Hashable | None, source: str) -> Hashable:
    if len(labels) == 1:
        return labels[0]
    there = [label for label in (phone, "phone") if label is not None and label in labels]
    if not there:
        wanted = named("phone" if phone is None else phone)
        raise ConfigError(
            f"{source} has several columns, and none is {wanted}: {listed(labels)}. Rename the one with the numbers, or keep "
            "it alone."
        )
    return there[0]
