"""The arms of an experiment: which row is in which, and whether the arms have the intended sizes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.formatting import listed, mask_name, named
from nxsms_nb.rows.holdout import HOLDOUT

if TYPE_CHECKING:
    from nxsms_nb.analysis.intervals import Floats

Ints = npt.NDArray[np.int64]

MISMATCH: Final = 0.001
"""A split less probable than this by chance is an error of the assignment or of the frame."""

_MOST: Final = 50


@dataclass(frozen=True)
class Arms:
    """The arms of a frame's rows, held-out rows last.

    `ids` has the arm of each row, -1 where it has none (`unassigned` rows); `labels` are the `names` as the column has
    them; `intended` counts the arms that are variants, which the held-out rows are not.
    """

    ids: Ints
    names: list[Any]
    labels: Any
    intended: int
    unassigned: int

    def without_holdout(self) -> Arms:
        """Return the arms without the held-out rows."""
        kept = self.intended
        return Arms(
            np.where(self.ids < kept, self.ids, -1), self.names[:kept], self.labels[:kept], kept, self.unassigned
        )


def arms_of(values: pd.Series[Any], by: Hashable) -> Arms:
    """Sort rows into arms, in the order of their categories, else of their values; held-out ones last.

    A column whose values cannot be arms raises `ColumnError`.
    """
    own: Any = values.dtype
    if not isinstance(own, pd.CategoricalDtype):
        if isinstance(own, pd.ArrowDtype):
            # Of dictionaries of Arrow, pandas makes no category where there are gaps.
            values, own = values.astype(object), object
        try:
            values = values.astype("category")
        except (TypeError, NotImplementedError):
            raise ColumnError(
                f"Column {named(by)} holds lists or the like, not arms. Name a column of plain values."
            ) from None
    values = values.cat.remove_unused_categories()
    names = list(values.cat.categories)
    if len(names) > _MOST:
        raise ColumnError(
            f"Column {named(by)} has {len(names):,} different values, too many to be arms. Name the column that says each row's "
            "variant, as in by='variant'."
        )
    order = [name for name in names if not _is_holdout(name)] + [name for name in names if _is_holdout(name)]
    intended = sum(not _is_holdout(name) for name in names)
    if not names:
        raise ColumnError(
            f"No row has an arm: column {named(by)} is empty. Name the column of the variants, as in by='variant'."
        )
    values = values.cat.reorder_categories(order)
    return Arms(
        values.cat.codes.to_numpy().astype(np.int64),
        order,
        pd.Series(order, dtype=values.dtype if isinstance(own, pd.CategoricalDtype) else own).array,
        intended,
        int(values.isna().sum()),
    )


def _is_holdout(name: Any) -> bool:
    return isinstance(name, str) and name == HOLDOUT


def control_of(arms: Arms, control: Any) -> int:
    """Return the control arm: the one that is named, else the first."""
    if len(arms.names) < 2:
        raise ColumnError(
            f"There is only one arm, {listed(arms.names)}, and nothing to compare it with. "
            "Compare the frame as it was assigned, with all its arms."
        )
    if control is None:
        return 0
    if control not in arms.names:
        raise ConfigError(f"control={named(control)} is not one of the arms: {listed(arms.names)}.")
    return arms.names.index(control)


def mismatch(arms: Arms, shares: Floats, units: Ints | None) -> str | None:
    """Compare the actual split of rows, or units, with the intended one; warn if they differ by more than chance."""
    if arms.intended < 2:
        return None
    from scipy.special import chdtrc  # noqa: PLC0415 - heavy

    assigned = (arms.ids >= 0) & (arms.ids < arms.intended)
    ids = arms.ids[assigned]
    if units is not None:
        # A person with many rows is drawn once.
        ids = np.unique(units[assigned] * arms.intended + ids) % arms.intended
    found = np.bincount(ids, minlength=arms.intended)
    wanted = shares * found.sum()
    p = float(chdtrc(arms.intended - 1, ((found - wanted) ** 2 / wanted).sum()))
    if p >= MISMATCH:
        return None
    split = ", ".join(
        f"{mask_name(str(name))} {n:,} of {w:,.0f} intended"
        for name, n, w in zip(arms.names, found, wanted, strict=False)
    )
    return (
        f"sample ratio mismatch: {split} (p = {p:.1g}). Rows were lost or added, or the weights are others, and what the arms "
        "show may come from that. Compare the frame as it was assigned, and name its weights=."
    )
