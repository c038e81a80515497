"""Held-out rows: those that an experiment keeps without a message, to see what the messages do."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb.rows.columns import found, one_column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HELD_OUT", "HOLDOUT", "VARIANT", "held_out"]

HOLDOUT: Final = "holdout"
"""The arm whose rows get no message."""

VARIANT: Final = "variant"
"""The column that says a row's arm, where no other is named."""

HELD_OUT: Final = "held out"
"""The reason of a held-out row."""


def held_out(frame: pd.DataFrame, variant: Hashable = VARIANT) -> npt.NDArray[np.bool_]:
    """Return which rows are held out: those whose variant column says ``holdout``.

    The column with the default name, ``variant``, may be absent.

    Examples
    --------
    >>> import pandas as pd
    >>> held_out(pd.DataFrame({"variant": ["A", "holdout", None]})).tolist()
    [False, True, False]
    """
    # Where several columns may be meant, somebody could be held out by one of them: that is refused.
    label = found(frame, VARIANT) if variant == VARIANT else one_column(frame, variant, "variant")
    if label is None:
        return np.zeros(len(frame), np.bool_)
    values: Any = frame[label]
    if values.dtype.kind in "biufcmM":
        return np.zeros(len(frame), np.bool_)
    return np.asarray(values.isin([HOLDOUT]), np.bool_)
