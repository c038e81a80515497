"""The types of a frame's columns over all partitions, so that all files of results have the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import named

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Columns:
    """The Arrow type of each column, index included, as partitions have it; `clash` is a column of which two have different ones."""

    types: dict[str, tuple[pa.DataType, int]] = field(default_factory=dict)
    clash: tuple[str, pa.DataType, int, pa.DataType, int] | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Columns:
        """Find the types of one partition."""
        try:
            schema = pa.Schema.from_pandas(frame, preserve_index=True)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ColumnError(
                f"A column cannot be written as Parquet, in which the results are kept: {error}. Turn it into text or numbers first."
            ) from None
        return cls({one.name: (one.type, 0) for one in schema})

    def add(self, other: Columns, part: int) -> None:
        """Add the types of partitions that follow, of which the first is `part`."""
        self.clash = self.clash or other.clash
        for name, (kind, place) in other.types.items():
            known, first = self.types.get(name, (pa.null(), 0))
            both = _both(known, kind)
            if both is None:
                self.clash = self.clash or (name, known, first, kind, part + place)
                continue
            self.types[name] = both, first if both == known else part + place

    def refuse_clash(self) -> None:
        """Refuse columns whose types differ so much that one file could not hold them."""
        if self.clash is not None:
            name, one, first, other, second = self.clash
            raise ColumnError(
                f"Column {named(name)} holds {one} in partition {first} and {other} in partition {second}, so that the results could "
                f"not be read as one frame. Nothing was sent. Give it one type: ddf.astype({{{named(name)}: …}})."
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
