"""The frame every contestant sends: numbers that differ, texts as an analyst renders them."""

from __future__ import annotations

import pandas as pd


def recipients(rows: int, first: int = 0) -> pd.DataFrame:
    """A frame of `rows` recipients from the `first` on, columns ``phone`` and ``content`` (str), texts of about 70 characters."""
    numbers = pd.Series(range(first, first + rows))
    return pd.DataFrame(
        {
            "phone": "86150" + numbers.astype(str).str.zfill(8),
            "content": "Hi customer "
            + numbers.astype(str)
            + ", your parcel waits at the counter until Friday. Bring this text.",
        }
    )
