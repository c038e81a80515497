"""Regions, for numbers without a country code: one for all rows, or a column of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import listed, named
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.columns import found
from nxsms_nb.settings import region_complaint, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["codes", "is_code", "regions_of"]

UNKNOWN: Final = -1
NOT_GIVEN: Final = -2


@dataclass(frozen=True)
class Regions:
    """The region of each row.

    `places` has the place of each row's region in `names`, `UNKNOWN` or `NOT_GIVEN`; None: all rows have the first.
    `text` has the column as given, to show what is wrong with it.
    """

    names: tuple[str, ...]
    places: npt.NDArray[np.int16] | None = None
    text: pa.Array | None = None

    def groups(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Yield each region with its rows."""
        if self.places is None:
            yield self.names[0], rows
            return
        places = self.places[rows]
        for place in np.unique(places[places >= 0]):
            yield self.names[place], rows[places == place]


def regions_of(frame: pd.DataFrame, region: Any) -> Regions | None:
    """Resolve ``region=`` for a frame: a code that `phonenumbers` knows, in capital letters, or the label of a column.

    Examples
    --------
    >>> import pandas as pd
    >>> regions_of(pd.DataFrame({"land": ["de", "AT", None]}), "land").names
    ('AT', 'DE')
    """
    if region is None or is_code(region):
        return None if region is None else Regions((region,))
    if complaint := region_complaint(region):
        raise ConfigError(f"region={shown(region)} {complaint}")
    label = found(frame, region)
    if label is None:
        raise ConfigError(
            f"region={named(region)} is not a country phonenumbers knows, nor a column of the frame.{_meant(region)} Name the "
            "column that holds each row's country, or give two capital letters, as in region='CN'. The columns: "
            f"{listed(list(frame.columns))}"
        )
    text = read_cells(frame[label]).text
    coded = pc.utf8_upper(pc.utf8_trim_whitespace(text)).dictionary_encode()
    values = coded.dictionary.to_pylist()
    names = sorted(value for value in values if is_code(value))
    place_of = {name: place for place, name in enumerate(names)} | {"": NOT_GIVEN, None: NOT_GIVEN}
    # A null comes last, where the place -1 picks it.
    places = np.array([*(place_of.get(value, UNKNOWN) for value in values), NOT_GIVEN], np.int16)
    return Regions(tuple(names), places[coded.indices.fill_null(-1).to_numpy()], text)


def _meant(region: Any) -> str:
    """Suggest the region that may be meant: written in small letters, as a calling code, or in another usual way."""
    import phonenumbers  # noqa: PLC0415

    text = str(region).strip()
    code = {"UK": "GB"}.get(text.upper(), text.upper())
    digits = text.removeprefix("+").removeprefix("00")
    if digits.isdecimal() and len(digits) <= 3:
        code = phonenumbers.region_code_for_country_code(int(digits))
    return f" Did you mean region={code!r}?" if is_code(code) else ""


def codes() -> list[str]:
    """Return all regions, sorted."""
    import phonenumbers  # noqa: PLC0415

    return sorted(phonenumbers.SUPPORTED_REGIONS)


def is_code(region: Any) -> bool:
    """Return whether a value is a region of two capital letters."""
    import phonenumbers  # noqa: PLC0415 - heavy, for those who name a region only

    return isinstance(region, str) and region in phonenumbers.SUPPORTED_REGIONS
