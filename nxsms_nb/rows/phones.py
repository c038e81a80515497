"""Turn phones of any form into digits, or into a problem of the row; lost digits are never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, first_bytes, lengths, present
from nxsms_nb.rows import completing, rounding, spelling
from nxsms_nb.rows.cells import PIECE, Cells, put_together, read_cells
from nxsms_nb.rows.regions import Regions, regions_of
from nxsms_nb.rows.troubles import TROUBLES, Trouble

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.rows.rounding import Counts

__all__ = ["TROUBLES", "Bare", "Trouble", "from_cells", "normalise", "read_column"]

Codes = npt.NDArray[np.uint8]
Bare = Literal["national", "international"]

SHORTEST: Final = 7
LONGEST: Final = 15
"""The most digits of a number with its country code (ITU-T E.164)."""


def normalise(values: pd.Series, region: Any = None, bare: Bare | None = None) -> tuple[pa.Array, Codes]:
    """Turn phones of any form into digits.

    Returns country code and number, 7 to 15 digits that do not start with 0, or null where there is a problem; and the
    `Trouble` of each row (`TROUBLES` has rule and hint). Without a region, numbers carry their country code.

    Digits are only ever copied: whatever reads as a rounded or a decimal number is a problem. A float counts as rounded
    when it ends in five zeros or when its type cannot hold that many digits (float32), and so does text in E-notation
    with fewer digits than places. What only the whole column shows is found by `rounding.cut`. Without a region,
    whether a number exists is not judged; with one, `completing.completed` decides how bare numbers are read.

    Examples
    --------
    >>> import pandas as pd
    >>> digits, troubles = normalise(pd.Series(["+86 150-8888-8888", "8.61508E+12", 8615088888888.0]))
    >>> digits.to_pylist(), troubles.tolist() == [Trouble.NONE, Trouble.LOST, Trouble.NONE]
    (['8615088888888', None, '8615088888888'], True)
    """
    return from_cells(read_cells(values), regions_of(values.to_frame("phone").iloc[:0], region), bare)


def read_column(
    cells: Cells,
    regions: Regions | None = None,
    bare: Bare | None = None,
    counts: Counts | None = None,
    *,
    apply_words: bool = True,
) -> tuple[pa.Array, Codes]:
    """Turn cells that were read already into digits as `normalise` does, including the checks of the whole column."""
    digits, troubles = from_cells(cells, regions, bare, counts, apply_words=apply_words)
    cut = rounding.cut(cells.text, digits, counts)
    if len(cut):
        troubles[cut] = Trouble.LOST
        usable = present(digits)
        usable[cut] = False
        digits = pc.if_else(pa.array(usable), digits, pa.scalar(None, TEXT))
    return digits, troubles


def from_cells(
    cells: Cells,
    regions: Regions | None = None,
    bare: Bare | None = None,
    counts: Counts | None = None,
    *,
    apply_words: bool = True,
) -> tuple[pa.Array, Codes]:
    """Turn cells into digits as `read_column` does, without the check for digits that the whole column has lost."""
    pieces: list[pa.Array | None] = []
    found: list[Codes] = []
    signs: list[Codes] = []
    for start in range(0, max(len(cells.text), 1), PIECE):
        part = cells.slice(start, PIECE)
        spelled = spelling.read_digits(part, apply_words=apply_words)
        digits = spelled.digits
        if regions is None:
            digits = _usable(digits, spelled.troubles)
        pieces.append(None if digits is part.text else digits)
        found.append(spelled.troubles)
        signs.append(spelled.signs)
    digits, troubles = put_together(cells.text, pieces), np.concatenate(found)
    if regions is not None:
        digits = completing.completed(digits, troubles, np.concatenate(signs), regions, bare=bare, counts=counts)
        digits = _usable(digits, troubles)
    return digits, troubles


def _usable(digits: pa.Array, troubles: Codes) -> pa.Array:
    """Return the digits, null where there is a problem; too short, too long and starting with 0 are problems."""
    fine = troubles == Trouble.NONE
    size = lengths(digits)
    troubles[fine & ((size < SHORTEST) | (size > LONGEST))] = Trouble.LENGTH
    troubles[fine & (first_bytes(digits) == ord("0"))] = Trouble.ZERO
    bad = troubles != Trouble.NONE
    return pc.if_else(pa.array(bad), pa.scalar(None, TEXT), digits) if bad.any() else digits
