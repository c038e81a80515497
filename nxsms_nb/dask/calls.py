"""A call on a Dask frame as the person wrote it, for messages that propose one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nxsms_nb.invocation import ROWS_OF_ERROR, Invocation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class DaskInvocation(Invocation):
    """A call on ``ddf``; `to` is the folder of its results."""

    to: str | None = None

    @property
    def subject(self) -> str:
        """The name of the frame."""
        return "ddf"

    def on_rows(self, rows: npt.NDArray[np.int64], total: int, then: str = "") -> Invocation:
        """Make the same call on some rows of a partition, computed."""
        part = Invocation("send", self.given, self.client, "ddf.partitions[…].compute()")
        return (
            part.on(f"{part.frame}{then}")
            if len(rows) == total
            else part.on(f"{part.frame}{then}.iloc[{ROWS_OF_ERROR}]")
        )

    def text(self, verb: str | None = None, /, **changes: Any) -> str:
        """Write the call with some options changed, or another verb with those that it takes."""
        if self.to is not None and verb in (None, "send", "recorded"):
            changes = {"to": self.to, **changes}
        return super().text(verb, **changes)
