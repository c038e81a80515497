"""Stop a call without a do-not-contact list if an earlier call suppressed some rows: the list was probably forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask
from nxsms_nb.formatting import count, mask_phone
from nxsms_nb.results.table import INVALID, SKIPPED, UNDECIDED, Results, among
from nxsms_nb.rows.suppression import SUPPRESSED
from nxsms_nb.settings import PLACEHOLDER

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.invocation import Invocation
    from nxsms_nb.results.table import Rows

__all__ = ["NO_LIST", "find", "words"]

NO_LIST: Final = "stops the call: it was suppressed before, and suppress= is not given now"
"""The reason of such a row in a plan."""


def find(results: Results, earlier: Mapping[str, pd.DataFrame], phones: pa.Array) -> Rows:
    """Return the rows to send, now or once corrected, to people whom the frame's own results call suppressed."""
    said = np.zeros(len(results), np.bool_)
    for words in earlier.values():
        said |= (words["status"].cat.codes.to_numpy() == SKIPPED) & np.asarray(words["reason"] == SUPPRESSED, np.bool_)
    if not said.any():
        return np.empty(0, np.int64)
    people = phones.filter(pa.array(said)).drop_null()
    waiting = among(results.status, UNDECIDED, INVALID)
    return np.flatnonzero(waiting & (said | as_mask(pc.is_in(phones, value_set=people))))


def words(rows: Rows, total: int, phone: str, call: Invocation) -> str:
    """Describe which rows stop the call, and what to do.

    `phone` is the number of the first, empty where it cannot be read.
    """
    n = len(rows)
    return (
        f"{n:,} of {count(total, 'row')} {'is a person' if n == 1 else 'are people'} whom the frame calls Skipped, "
        f'"{SUPPRESSED}", since a do-not-contact list has them, and suppress= is not given now; the first at position '
        f"{rows[0]} ({mask_phone(phone)}). Nothing was sent.\n"
        f"Give the list again:\n    {call.text(suppress=PLACEHOLDER)}\n"
        f"To send to them:\n    {call.text(suppress=())}\n"
        "df.nxsms.new() drops what the frame says of its rows."
    )
