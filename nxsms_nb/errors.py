"""What can go wrong, as exceptions.

::

    NxsmsError
    ├── ConfigError          a client, an option or an argument is not usable     (also ValueError)
    ├── ColumnError          a column is missing, ambiguous or already taken      (also ValueError)
    ├── ValidationError      rows that must not be sent; .report has them all     (also ValueError)
    ├── ConfirmationNeeded   more messages than agreed to; .count
    ├── JournalError         the journal cannot be used; .frame where a run had begun
    │   └── CampaignBusy     another run of this campaign is under way
    ├── QueryError           a record, balance or receipt query was refused or not understood
    └── Stopped              a run ended with rows unsent; .frame is complete, .reason says why
        ├── Interrupted      by the person                                        (also KeyboardInterrupt)
        ├── AccountRefused   by an account code; .code
        ├── InDoubt          by requests whose outcome nobody knows
        ├── NoConnection     by requests that found no gateway
        ├── Throttled        by a gateway that never took a message at any pace
        ├── ClockRefused     by a second 1004
        └── TooManyFailures  by max_failures

    AlreadySentWarning       everything in the call went out before               (a UserWarning)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class NxsmsError(Exception):
    """The base of every error raised here."""


class ConfigError(NxsmsError, ValueError):
    """A client, an option or an argument is not usable as given."""


class ColumnError(NxsmsError, ValueError):
    """A column of the frame is missing, ambiguous or already taken, or rows of it contradict each other.

    Attributes
    ----------
    rows : list of int or None
        The positions of the rows concerned, where the error is about rows.
    """

    rows: list[int] | None = None


class ValidationError(NxsmsError, ValueError):
    """Rows must not be sent as they are.

    Attributes
    ----------
    report : ValidationReport
        Every problem of every row.
    """

    def __init__(self, message: str, report: Any) -> None:
        super().__init__(message)
        self.report = report


class ConfirmationNeeded(NxsmsError):
    """A real gateway would get more messages than was agreed to.

    Attributes
    ----------
    count : int
        How many messages would leave.
    """

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


class JournalError(NxsmsError):
    """The journal cannot be used: nothing is sent without it.

    Attributes
    ----------
    frame : pandas.DataFrame or None
        The frame with its result columns, where a run had begun before the journal failed.
    """

    frame: pd.DataFrame | None = None


class CampaignBusy(JournalError):
    """Another run of this campaign is under way on this machine."""


class QueryError(NxsmsError):
    """A record, balance or receipt query was refused, failed or was not understood."""


class Stopped(NxsmsError):
    """A run ended while rows were still unsent.

    Attributes
    ----------
    frame : pandas.DataFrame or None
        The frame with its result columns, complete.
    reason : str
        Why the run ended.
    """

    def __init__(self, reason: str, frame: pd.DataFrame | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.frame = frame

    def _render_traceback_(self) -> list[str]:
        """Show a few lines instead of a traceback: nothing is wrong with the analyst's code."""
        return [f"{type(self).__name__}: {line}" if i == 0 else line for i, line in enumerate(self._lines())]

    def _lines(self) -> list[str]:
        lines = [self.reason]
        if self.frame is not None:
            lines.append(
                "Every row is accounted for:  import sys; sent = sys.last_value.frame   (or recorded(client) later)"
            )
        lines.append("To go on where it ended, run the same cell again: what went out does not go out twice.")
        return lines


class Interrupted(Stopped, KeyboardInterrupt):
    """The person stopped the run; Run All stops too."""


class AccountRefused(Stopped):
    """The gateway refused the account, so no further request was made.

    Attributes
    ----------
    code : int
        The vendor's code, 1102 for an insufficient balance say.
    """

    def __init__(self, reason: str, frame: pd.DataFrame | None = None, code: int = 0) -> None:
        super().__init__(reason, frame)
        self.code = code


class InDoubt(Stopped):
    """Three requests in a row had an outcome nobody knows."""


class NoConnection(Stopped):
    """Three requests in a row found no gateway."""


class Throttled(Stopped):
    """The gateway answered 13008 for so long that going on makes no sense."""


class ClockRefused(Stopped):
    """The gateway answered 1004 again after the clock offset had been learnt."""


class TooManyFailures(Stopped):
    """More rows failed than `max_failures` allows."""


class AlreadySentWarning(UserWarning):
    """Everything in the call went out before; nothing was sent."""
