"""The types of a frame's columns over all partitions, so that all files of results have the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named

if TYPE_CHECKING:
    import pandas as pd

_INDEX: Final = re.compile(r"__index_level_[0-9]+__")
_LONGEST: Final = 64
"""Bits of the whole numbers that no type of floats has all of."""


class Clash(NamedTuple):
    """Why partitions do not go together: words, between which the numbers of the partitions belong."""

    words: tuple[str, ...]
    parts: tuple[int, ...]

    def after(self, parts: int) -> Clash:
        """Return the same with so many partitions before."""
        return self._replace(parts=tuple(parts + part for part in self.parts))

    def __str__(self) -> str:
        return "".join(f"{words}{part}" for words, part in zip(self.words, self.parts, strict=False)) + self.words[-1]


@dataclass
class ColumnTypes:
    """The Arrow type of each column, index included, and the first partition that has it.

    `wide` has, by column and type, a partition with values that other types may not hold; `ordered` the categories of columns
    where they have an order. `clash` says why partitions cannot be one frame.
    """

    types: dict[str, tuple[pa.DataType, int]] = field(default_factory=dict)
    wide: dict[tuple[str, pa.DataType], int] = field(default_factory=dict)
    ordered: dict[str, list[Any]] = field(default_factory=dict)
    clash: Clash | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> ColumnTypes:
        """Find the types of one partition."""
        try:
            schema = pa.Schema.from_pandas(frame, preserve_index=True)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ColumnError(
                f"A column cannot be written as Parquet, in which the results are kept: {error}. Turn it into text or numbers first."
            ) from None
        # Arrow has the index behind the columns.
        places = range(frame.shape[1])
        levels = range(frame.index.nlevels)
        values: list[Any] = [
            *(frame.iloc[:, place] for place in places),
            *(frame.index.get_level_values(level) for level in levels),
        ]
        found = cls({one.name: (one.type, 0) for one in schema})
        for one, held in zip(schema, values, strict=True):
            if _is_wide(held, one.type):
                found.wide[one.name, one.type] = 0
            if pa.types.is_dictionary(one.type) and one.type.ordered:
                found.ordered[one.name] = list(getattr(held.dtype, "categories", ()))
        return found

    def add(self, other: ColumnTypes, part: int) -> None:
        """Add the types of partitions that follow, of which the first is `part`."""
        later = None if other.clash is None else other.clash.after(part)
        self.clash = self.clash or later or self._clash(other, part)
        for name, (kind, place) in other.types.items():
            known, first = self.types.get(name, (pa.null(), 0))
            both = _both(known, kind)
            if both is not None:
                self.types[name] = both, first if both == known else part + place
        self.wide = {**{wide: part + place for wide, place in other.wide.items()}, **self.wide}
        self.ordered = {**other.ordered, **self.ordered}

    def _clash(self, other: ColumnTypes, part: int) -> Clash | None:
        """Find a column that keeps these partitions and those that follow from being one frame."""
        if not self.types:
            return None
        for name in {**self.types, **other.types}:
            known, first = self.types.get(name, (None, 0))
            kind, place = other.types.get(name, (None, 0))
            if known is None or kind is None:
                has, lacks = (first, part) if kind is None else (part + place, 0)
                return Clash((f"{_said(name)} is in partition ", " and not in partition ", ""), (has, lacks))
            if _both(known, kind) is None:
                words = (f"{_said(name)} holds {known} in partition ", f" and {kind} in partition ", "")
                return Clash(words, (first, part + place))
            if self.ordered.get(name) != other.ordered.get(name):
                words = (
                    f"{_said(name)} has another order of its categories in partition ",
                    " than in partition ",
                    "",
                )
                return Clash(words, (part + place, first))
        return None

    def refuse_clash(self) -> None:
        """Refuse columns that differ so much that the files of the results could not be read as one frame."""
        clash = self.clash
        for (name, kind), place in self.wide.items():
            other, first = self.types[name]
            if clash is None and other != kind:
                words = (
                    f"{_said(name)} holds {kind} in partition ",
                    f" that {other}, as in partition ",
                    ", cannot hold",
                )
                clash = Clash(words, (place, first))
        if clash is not None:
            raise ColumnError(
                f"{clash}, so that the results could not be read as one frame. Nothing was sent. Give all partitions the same "
                "columns, and each column one type: ddf.astype({…: …})."
            )

    def cast(self, table: pa.Table) -> pa.Table:
        """Give a partition's table the types of all."""
        for place, one in enumerate(table.schema):
            kind, _ = self.types.get(one.name, (one.type, 0))
            if kind != one.type and not pa.types.is_dictionary(one.type):
                table = table.set_column(place, one.with_type(kind), table.column(place).cast(kind))
        return table


def _both(one: pa.DataType, other: pa.DataType) -> Any:
    """Return a type for the values of both; None where there is none."""
    if pa.types.is_null(one) or one == other:
        return other
    if pa.types.is_null(other):
        return one
    if pa.types.is_dictionary(one) and pa.types.is_dictionary(other):
        both = _both(one.value_type, other.value_type)
        return None if both is None else one
    try:
        unified = pa.unify_schemas([pa.schema([("x", one)]), pa.schema([("x", other)])], promote_options="permissive")
    except (pa.ArrowException, TypeError):
        return None
    return unified.field("x").type


def _said(name: str) -> str:
    # So Arrow calls an index without a name.
    return "The index" if _INDEX.fullmatch(name) else f"Column {named(name)}"


def _is_wide(values: Any, kind: pa.DataType) -> bool:
    """Tell whether a type for larger or finer values would lose some of these."""
    other: pa.DataType
    if pa.types.is_integer(kind) and kind.bit_width == _LONGEST:
        other = pa.float64()
    elif pa.types.is_timestamp(kind):
        other = pa.timestamp("ns", kind.tz)
    elif pa.types.is_duration(kind):
        other = pa.duration("ns")
    else:
        return False
    try:
        pa.array(values, kind, from_pandas=True).cast(other)
    except pa.ArrowException:
        return True
    return False
