"""What can go wrong, as exceptions.

::

    NxsmsError               all but Interrupted are also an Exception
    ├── ConfigError          a client, an option or an argument is not usable     (also ValueError)
    │   └── OptionError      a keyword that the call does not take                (also TypeError)
    ├── NoSuchName           an attribute does not exist                          (also AttributeError)
    ├── ColumnError          a column is missing, ambiguous or already taken      (also ValueError)
    ├── ValidationError      rows that must not be sent; .report has them all     (also ValueError)
    ├── ConfirmationNeeded   more messages than confirmed; .count
    ├── JournalError         the journal cannot be used; .frame where a run had begun
    │   └── CampaignBusy     another run of this campaign is in progress
    ├── QueryError           a record, balance or receipt query was refused or not understood
    └── Stopped              a run ended with rows unsent; .frame is complete, .reason says why
        ├── Interrupted      by you                                   (also KeyboardInterrupt, no Exception)
        ├── AccountRefused   by an account code; .code
        ├── InDoubt          by requests whose outcome is unknown
        ├── NoConnection     by requests that found no gateway
        ├── Throttled        by a gateway that accepts nothing at any rate, or asks for a long pause
        ├── ClockRefused     by a second 1004
        ├── JournalLost      by a journal that can no longer be written               (also JournalError)
        └── TooManyFailures  by max_failures

    AlreadySentWarning       everything in the call was sent before               (a UserWarning)
    JournalWarning           a database keeps the journal less safely than it should  (a UserWarning)
    RenderWarning            rows got no text from a template                     (a UserWarning)
    SampleRatioWarning       the arms of an experiment have unintended sizes      (a UserWarning)

``except Exception`` in a loop over campaigns must not swallow an interrupt, as it does not swallow a KeyboardInterrupt,
while ``except nx.Stopped`` and ``except nx.NxsmsError`` catch it. So the two bases are BaseExceptions, and each class below
them except `Interrupted` derives from Exception as well. All can be pickled and copied with what they carry.
"""

from __future__ import annotations

import difflib
import linecache
import re
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd


_PACKAGE: Final = str(Path(__file__).parent)
_LINES: Final = 6
"""The most lines of an error in a notebook; nobody reads more."""
_SENTENCE: Final = re.compile(r"(?<=[.!?:]) +(?=[A-Z](?![A-Z_]))")


class NxsmsError(BaseException):
    """The base of all errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy what the error carries, without its constructor, whose arguments differ by class."""
        return _restored, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Show a notebook a few lines instead of a traceback: the fault, the remedy, and the line concerned."""
        return [f"{type(self).__name__}: {line}" if i == 0 else line for i, line in enumerate(self._lines())]

    def _lines(self) -> list[str]:
        first, *others = str(self).splitlines() or [""]
        lines, place = [*_SENTENCE.split(first, maxsplit=1), *others], _place(self)
        if len(lines) + len(place) > _LINES:
            place = ["  ".join(part.strip() for part in place)] if place and len(lines) < _LINES else []
        return [*lines, *place]


def _restored(kind: type[NxsmsError], args: tuple[Any, ...], state: Mapping[str, Any]) -> NxsmsError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


def _place(error: BaseException) -> list[str]:
    """Return the line of the caller's code that called this package."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    outside = list(takewhile(lambda place: not place[0].startswith(_PACKAGE), places))
    if outside:
        file, line = outside[-1]
        if source := linecache.getline(file, line).strip():
            return [f"in line {line}:", f"    {source}"]
    return []


class ConfigError(NxsmsError, ValueError):
    """A client, an option or an argument is not usable as given.

    Attributes
    ----------
    rows : list of int or None
        The positions of the rows concerned, where the error is about rows.
    """

    rows: list[int] | None = None


class OptionError(ConfigError, TypeError):
    """The call does not take this keyword."""


class NoSuchName(NxsmsError, AttributeError):
    """An attribute does not exist."""


class ColumnError(NxsmsError, ValueError):
    """A column of the frame is missing, ambiguous or already taken, or its rows contradict each other.

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


class ConfirmationNeeded(NxsmsError, Exception):
    """A real gateway would get more messages than was confirmed.

    Attributes
    ----------
    count : int
        How many messages would be sent.
    """

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


class JournalError(NxsmsError, Exception):
    """The journal cannot be used: nothing is sent without it.

    Attributes
    ----------
    frame : pandas.DataFrame or None
        The frame with its result columns, where a run had begun before the journal failed.
    """

    frame: pd.DataFrame | None = None


class CampaignBusy(JournalError):
    """Another run of this campaign is in progress, here or on another machine that shares the journal."""


class QueryError(NxsmsError, Exception):
    """A record, balance or receipt query was refused, failed or was not understood."""


GO_ON: Final = "To continue, run the same cell again: messages that were sent are not sent twice."


class Stopped(NxsmsError):
    """A run ended while rows were still unsent.

    Attributes
    ----------
    frame : pandas.DataFrame or None
        The frame with its result columns, complete.
    reason : str
        Why the run ended.
    recorded : str
        The call that returns the frame later, from the journal; empty if there is none.
    partial : bool
        Whether ``frame`` has only the rows so far, as of a Dask frame, and `recorded` gives all.
    go_on : str
        The effect of running the same cell again.
    """

    go_on: str = GO_ON

    def __init__(self, reason: str, frame: pd.DataFrame | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.frame = frame
        self.recorded = ""
        self.partial = False

    def _lines(self) -> list[str]:
        # Without the line of code: nothing is wrong with it.
        lines = [self.reason]
        if self.frame is not None and self.partial:
            rest = f"   # all rows: sent = {self.recorded}" if self.recorded else ""
            lines.append(f"The rows so far:  import sys; sent = sys.last_value.frame{rest}")
        elif self.frame is not None:
            later = f"   # later: sent = {self.recorded}" if self.recorded else ""
            lines.append(f"Every row is accounted for:  import sys; sent = sys.last_value.frame{later}")
        else:
            known = f"What is recorded of the rows:  sent = {self.recorded}" if self.recorded else ""
            lines.append(known or "The call ended before there was a frame.")
        return [*lines, self.go_on]


class Interrupted(Stopped, KeyboardInterrupt):
    """The person stopped the run; Run All stops too."""


class AccountRefused(Stopped, Exception):
    """The gateway refused the account, so no further request was made.

    Attributes
    ----------
    code : int
        The vendor's code, for example 1102 for an insufficient balance.
    """

    def __init__(self, reason: str, frame: pd.DataFrame | None = None, code: int = 0) -> None:
        super().__init__(reason, frame)
        self.code = code


class InDoubt(Stopped, Exception):
    """The outcomes of three requests in a row are unknown.

    Attributes
    ----------
    settle : str
        The call that settles the rows in doubt.
    """

    settle: str = ""

    def _lines(self) -> list[str]:
        *lines, last = super()._lines()
        return [*lines, f"To settle the rows in doubt:  sent = {self.settle}", last] if self.settle else [*lines, last]


class NoConnection(Stopped, Exception):
    """Requests found no connection, or a server without anything at the URL."""


class Throttled(Stopped, Exception):
    """The gateway kept refusing the rate (13008, HTTP 429), or asked for a pause of over ten timeouts."""


class ClockRefused(Stopped, Exception):
    """The gateway answered 1004 again after the clock offset had been learnt."""


class TooManyFailures(Stopped, Exception):
    """More rows failed than `max_failures` allows."""


class JournalLost(Stopped, JournalError):
    """The journal can no longer be written, and nothing is sent that it does not record."""


class AlreadySentWarning(UserWarning):
    """Everything in the call was sent before; nothing was sent."""


class JournalWarning(UserWarning):
    """A database keeps the journal less safely than it should; the message says which setting."""


class RenderWarning(UserWarning):
    """Rows got no text from a template; the message says how many and which column they lack."""


class SampleRatioWarning(UserWarning):
    """The sizes of an experiment's arms differ from those intended by more than chance."""


class _Brief:
    """The short form in which a notebook shows another package's exception; a class, so that it can be pickled."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __call__(self) -> list[str]:
        return self.lines


def no_attribute(owner: str, name: str, names: Iterable[str]) -> AttributeError:
    """Make the error about an attribute of `owner` that does not exist, which a notebook shows in a few lines.

    Of the `names` that exist, those that begin with an underscore are not proposed.
    """
    words = f"{owner} has no attribute {name!r}"
    if name.startswith("_"):
        return AttributeError(words)
    public = [one for one in names if not one.startswith("_")]
    near = difflib.get_close_matches(name, public, 1)
    meant = f"\nDid you mean {near[0]}?" if near else ""
    return NoSuchName(f"{words}. It has: {', '.join(public)}{meant}", name=name)


def note_cancellation(cancelled: BaseException, recorded: str) -> None:
    """Add to the cancellation of an awaited run how to get the frame, shown in a few lines in a notebook.

    The exception itself says so, since asyncio's timeouts and task groups compare the class of what comes back.
    """
    words = f"Every row is accounted for:  sent = {recorded}"
    cancelled.add_note(f"The run was stopped. {words}")
    kind = type(cancelled).__name__
    cancelled._render_traceback_ = _Brief([f"{kind}: The run was stopped.", words, GO_ON])  # type: ignore[attr-defined]
