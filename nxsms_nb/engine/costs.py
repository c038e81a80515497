"""What the rows that would be sent cost: segments by country, prices, and what special characters add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT
from nxsms_nb.formatting import mask_digits
from nxsms_nb.rows import texts
from nxsms_nb.rows.calling_codes import countries_of
from nxsms_nb.rows.characters import Costly, costly
from nxsms_nb.rows.segments import count_segments

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch

Rows = npt.NDArray[np.int64]

_LONGEST: Final = 3
_LOOKED_AT: Final = 3_000
"""The number of longest rows that are searched for different texts."""


@dataclass(frozen=True)
class Costs:
    """The costs of the rows that would be sent; `segments` (0 where there is no text) and `cost` are of all rows."""

    segments: Rows
    cost: npt.NDArray[np.float64]
    recipients: int
    countries: pd.DataFrame
    total: Decimal | None
    longest: pd.DataFrame
    characters: list[Costly]
    plain: tuple[int, int, Decimal | None]
    """The savings by `nx.plain`: rows, segments, and money."""


def costs_of(dispatch: Dispatch, todo: Rows, prices: Mapping[str, Decimal] | None) -> Costs:
    """Work out what sending the rows `todo` costs."""
    fields, n = dispatch.checked.fields, len(dispatch.results)
    content, phone = fields["content"].cast(TEXT), fields["phone"].cast(TEXT)
    segments, encodings = count_segments(content, phone)
    text, number, parts = content.take(pa.array(todo)), phone.take(pa.array(todo)), segments[todo]
    coded = number.dictionary_encode()
    of_number = countries_of(coded.dictionary)
    codes = np.asarray(of_number.codes, np.int64)
    country = codes[coded.indices.to_numpy()] if len(todo) else np.empty(0, np.int64)
    names = [*map(str, of_number.categories), None]
    by_country = _table(names, country, codes, parts, prices)
    per_segment = [None if name is None or prices is None else prices.get(name) for name in names]
    cost = np.full(n, np.nan)
    cost[todo] = _each(country, parts, per_segment)
    plain_parts, _ = count_segments(texts.plain_texts(text), number)
    saved = parts - plain_parts
    return Costs(
        segments,
        cost,
        len(coded.dictionary),
        by_country,
        None if prices is None else _sum(by_country["cost"]),
        _longest(dispatch, todo, parts, encodings),
        costly(text, number, parts, encodings[todo]),
        (int((saved > 0).sum()), int(saved.sum()), _saved(country, saved, per_segment)),
    )


def _table(
    names: list[str | None], country: Rows, codes: Rows, parts: Rows, prices: Mapping[str, Decimal] | None
) -> pd.DataFrame:
    """Make a row for each country, the most segments first; the place after the last is for numbers of no country."""
    places = len(names)
    rows, recipients = (np.bincount(found % places, minlength=places) for found in (country, codes))
    segments = np.bincount(country % places, weights=parts, minlength=places).astype(np.int64)
    order = [place for place in np.argsort(-segments, kind="stable") if rows[place]]
    price = [None if prices is None or names[place] is None else prices.get(str(names[place])) for place in order]
    return pd.DataFrame(
        {
            "country": pd.Series([names[place] for place in order], dtype=pd.StringDtype("pyarrow", na_value=np.nan)),
            "rows": rows[order].astype(np.int64),
            "recipients": recipients[order].astype(np.int64),
            "segments": segments[order],
            "price": pd.Series(price, dtype=object),
            "cost": pd.Series(
                [None if one is None else one * int(segments[place]) for one, place in zip(price, order, strict=True)],
                dtype=object,
            ),
        }
    )


def _each(country: Rows, parts: Rows, per_segment: list[Decimal | None]) -> npt.NDArray[np.float64]:
    """Return the cost of each row: the float nearest to the exact amount."""
    most = int(parts.max(initial=0))
    amounts = np.full((len(per_segment), most + 1), np.nan)
    for place in np.unique(country):
        price = per_segment[place]
        if price is not None:
            amounts[place] = [float(price * number) for number in range(most + 1)]
    return amounts[country, parts]


def _sum(amounts: pd.Series[Any]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def _saved(country: Rows, saved: Rows, per_segment: list[Decimal | None]) -> Decimal | None:
    by_place = np.bincount(country % len(per_segment), weights=saved, minlength=len(per_segment)).astype(np.int64)
    priced = [price * int(number) for price, number in zip(per_segment, by_place, strict=True) if price is not None]
    return sum(priced, Decimal(0)) if priced else None


def _longest(dispatch: Dispatch, todo: Rows, parts: Rows, encodings: npt.NDArray[np.object_]) -> pd.DataFrame:
    content = dispatch.checked.fields["content"]
    length = pc.utf8_length(content.take(pa.array(todo))).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((-length, -parts))[:_LOOKED_AT]
    found: dict[str, int] = {}
    for place in order:
        found.setdefault(content[int(todo[place])].as_py(), int(place))
        if len(found) == _LONGEST:
            break
    places = np.array(list(found.values()), np.int64)
    rows = todo[places]
    return pd.DataFrame(
        {
            "characters": length[places],
            "segments": parts[places],
            "encoding": pd.Series(encodings[rows], index=dispatch.frame.index[rows], dtype=object),
            "content": pd.Series([mask_digits(text) for text in found], index=dispatch.frame.index[rows], dtype=object),
        },
        index=dispatch.frame.index[rows],
    )
