"""The state of a stream: its position in the source, what was sent, and what had been sent before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from nxsms_nb import screen
from nxsms_nb.engine.notices import again_elsewhere, clock, suppressed_words
from nxsms_nb.errors import ConfirmationNeeded, NxsmsError, ValidationError
from nxsms_nb.formatting import count
from nxsms_nb.results.table import FAILURE, NO_TIME, SUCCESS, UNKNOWN
from nxsms_nb.settings import options

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.engine.state import Memory

__all__ = ["SoFar", "agreed_to", "fewer"]

_POSITION: Final = re.compile(r"(?<=\bposition )[0-9][0-9,]*")
_NOTHING: Final = "Nothing was sent."


class SoFar:
    """How far a stream has come; it is one run and counts over all chunks.

    `rows` of the source are done, which is the position of the next chunk's first row; `begun_us` is when the stream
    began.
    """

    def __init__(self, campaign: str, begun_us: int = 0) -> None:
        self.rows = 0
        self.memory: Memory | None = None
        self._campaign = campaign
        self.begun_us = begun_us
        self._suppressed = 0
        self._about_list: str | None = None
        self._left = self._before = self._repeated = self._doubtful = self._latest_us = 0

    def agree(self, dispatch: Dispatch, confirm: int | None) -> None:
        """Refuse a chunk with which the stream would send more than was agreed to."""
        client, n = dispatch.client, self._left + len(dispatch.todo)
        if client.on_loopback or not len(dispatch.todo) or n <= agreed_to(confirm):
            return
        would = "with these rows the stream would have sent" if self._left else "this stream would send at least"
        raise ConfirmationNeeded(
            f"{would[0].upper()}{would[1:]} {count(n, 'message')} to {client.base_url}{fewer(confirm)}. {_NOTHING} confirm= counts the whole stream, and this source does not say how long it is: give the most you "
            f"agree to. If {n:,} is enough:\n    {dispatch.call.text(confirm=n)}",
            n,
        )

    def look_at(self, dispatch: Dispatch) -> None:
        """Count what a chunk is about to send, and what of it had been sent before."""
        self._left += len(dispatch.todo)
        self._suppressed += len(dispatch.suppressed())
        self._about_list = dispatch.checked.about_list
        rows, results = dispatch.sent_before(), dispatch.results
        ours = results.sent_us[rows] >= self.begun_us
        self._repeated += int(ours.sum())
        rows = rows[~ours]
        self._before += len(rows)
        self._doubtful += int((results.status[rows] == UNKNOWN).sum())
        self._latest_us = max(self._latest_us, int(results.sent_us[rows].max(initial=NO_TIME)))

    @contextmanager
    def placing(self, rows: int) -> Iterator[None]:
        """Add to an error about the next `rows` rows where in the source they are, and what had been sent by then."""
        try:
            yield
        except NxsmsError as error:
            self._place(error, rows)
            raise

    def _place(self, error: NxsmsError, rows: int) -> None:
        if not self.rows:
            return
        text = _POSITION.sub(lambda found: str(self.rows + int(found[0].replace(",", ""))), str(error))
        where = f"Positions {self.rows:,} to {self.rows + rows - 1:,}" if rows else f"From position {self.rows:,} on"
        where += " of the source"
        if isinstance(error, ValidationError):
            where += " (.report of this error counts them from 0)"
        text = text.replace(_NOTHING, self.went(), 1) if _NOTHING in text else f"{text} {self.went()}"
        error.args = (f"{where}: {text}", *error.args[1:])

    def went(self) -> str:
        """Describe the results of the rows before the present chunk."""
        counted: list[str] = []
        if self.memory is not None:
            counts = self.memory.counts
            words = ((SUCCESS, "accepted"), (FAILURE, "refused"), (UNKNOWN, "in doubt"))
            counted = [f"{counts[status]:,} {what}" for status, what in words if counts[status]]
        sent = f"{', '.join(counted)} in this stream" if counted else "nothing was sent in this stream"
        earlier = f", {self._before:,} had been sent before it" if self._before else ""
        return f"Nothing of this chunk was sent. Of the {count(self.rows, 'row')} before it: {sent}{earlier}."

    def tell(self, all_sent: Callable[[str], None]) -> None:
        """Report at the end of a stream what was not sent, and why; if all was sent before, call `all_sent`."""
        if (kept_back := suppressed_words(self._suppressed, self._about_list)) is not None:
            screen.say(kept_back)
        if self._repeated:
            screen.say(f"{count(self._repeated, 'row')} repeat a row of an earlier chunk, which was sent once.")
        if not self._before:
            return
        when = f" ({clock(self._latest_us)})" if self._latest_us else ""
        doubt = f", {self._doubtful:,} of them in doubt" if self._doubtful else ""
        rest = f"sent {self._left:,}" if self._left else "nothing was sent"
        words = (
            f"{self._before:,} of {count(self.rows, 'row')} had been sent before{when}{doubt}; {rest}. "
            f"To send those again: {again_elsewhere(self._campaign)}"
        )
        if self._left:
            screen.say(words)
        else:
            all_sent(words)


def agreed_to(confirm: int | None) -> int:
    """Return how many messages may be sent to a real gateway."""
    return options.confirm_above if confirm is None else confirm


def fewer(confirm: int | None) -> str:
    """Write the words for a `confirm` that agrees to fewer messages."""
    return "" if confirm is None else f", and confirm={confirm} agrees to fewer"
