"""The progress of a run, for its observers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

__all__ = ["Observer", "Progress"]

_STOPPING: Final = "stopping: "


@dataclass(frozen=True)
class Progress:
    """The progress of a run at one moment.

    Parameters
    ----------
    total : int
        Rows of the frame.
    sending : int
        Rows that this run sends.
    decided : int
        How many of those were sent and are settled; rows that stay unsent do not count.
    counts : mapping of str to int
        Status to rows of the whole frame so far; rows not decided yet do not count.
    before : mapping of str to int
        Status to those of these rows that were sent before this run, or may have been.
    suppressed : int
        Rows whose numbers are on the do-not-contact list; they count as Skipped.
    codes : mapping of int to int
        Vendor code to failed rows so far.
    elapsed_s : float
        Seconds since the run began.
    rate : float
        Recent messages per second.
    pace : float, optional
        The present ceiling in messages per second; None: no ceiling.
    in_flight : int
        Requests in flight.
    throttled : int
        Requests that the gateway refused, in part or as a whole, because they came too fast.
    max_rate : float, optional
        The ceiling that the person asked for, in messages a second.
    note : str
        What is going on, when there is something to say.
    final : bool
        Whether the run has ended.
    simulated : bool
        Whether the gateway is the sandbox.
    on_loopback : bool
        Whether the gateway is on this machine, so that no message costs money.
    campaign : str, optional
        The campaign's name.
    """

    total: int
    sending: int
    decided: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)
    suppressed: int = 0
    codes: Mapping[int, int] = field(default_factory=dict)
    elapsed_s: float = 0.0
    rate: float = 0.0
    pace: float | None = None
    in_flight: int = 0
    throttled: int = 0
    max_rate: float | None = None
    note: str = ""
    final: bool = False
    simulated: bool = False
    on_loopback: bool = False
    campaign: str | None = None

    @property
    def state(self) -> Literal["running", "stopping", "stopped", "finished"]:
        """Whether the run goes on, and how it ended.

        Examples
        --------
        >>> Progress(total=1, sending=1).state, Progress(total=1, sending=1, note="stopping: no time", final=True).state
        ('running', 'stopped')
        """
        stops = self.note.startswith(_STOPPING)
        if self.final:
            return "stopped" if stops else "finished"
        return "stopping" if stops else "running"

    @property
    def average(self) -> float:
        """Messages settled per second, over the whole run so far."""
        return self.decided / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def waiting(self) -> int:
        """Rows still undecided; after the run's end, those that were not sent."""
        return self.total - sum(self.counts.values())

    @property
    def tally(self) -> dict[str, int]:
        """Counts by status as shown; after the run's end, undecided rows count as Unsent.

        Examples
        --------
        >>> Progress(total=3, sending=3, counts={"Success": 1}, final=True).tally
        {'Success': 1, 'Unsent': 2}
        """
        if not self.final or not self.waiting:
            return dict(self.counts)
        return {**self.counts, "Unsent": self.counts.get("Unsent", 0) + self.waiting}

    def aside(self, status: str) -> str:
        """Return the words after a status's count, so that the counts add up to what this run sends.

        Examples
        --------
        >>> Progress(total=9, sending=5, counts={"Success": 6}, before={"Success": 4}).aside("Success")
        ' (4 before)'
        """
        if self.before.get(status):
            return f" ({self.before[status]:,} before)"
        return f" ({self.suppressed:,} suppressed)" if status == "Skipped" and self.suppressed else ""

    @property
    def news(self) -> str:
        """The note as shown; after the run's end, only the reason for ending early.

        Examples
        --------
        >>> Progress(total=1, sending=1, note="stopping: stopped by you", final=True).news
        'stopped by you'
        >>> Progress(total=1, sending=1, note="waiting for the first reply", final=True).news
        ''
        """
        if not self.final:
            return self.note
        return self.note.removeprefix(_STOPPING) if self.note.startswith(_STOPPING) else ""


class Observer(Protocol):
    """Watches a run, which calls it from a thread of its own, some three times a second, and ignores its errors."""

    def update(self, snapshot: Progress) -> None:
        """Receive the run's progress."""

    def close(self, snapshot: Progress) -> None:
        """Receive the final progress; called once, at the end."""
