"""What the outcomes of requests mean: for their rows, for the pace, for what leaves again, and for the run as a whole."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nxsms_nb import codetable, errors, protocol
from nxsms_nb.display import count, mask_digits
from nxsms_nb.queueing import Batch
from nxsms_nb.results import FAILURE, SUCCESS, UNKNOWN, UNSENT, Exceptional, Outcome
from nxsms_nb.verdicts import TOO_MANY_REQUESTS, Fate, Verdict
from nxsms_nb.wording import unquoted

if TYPE_CHECKING:
    from nxsms_nb.connection import Exchange
    from nxsms_nb.pace import Pace
    from nxsms_nb.queueing import Outbox

CONNECTION_TRIES: Final = 3
IN_A_ROW: Final = 3
"""So many requests in doubt, or batches without a connection, one after the other, end a run."""
REFUSALS_IN_A_ROW: Final = 20
"""So many refusals for the pace, each begun after the one before, with nothing accepted between, end a run."""
SHARE_NEEDS: Final = 50
"""How many rows must have been answered before a share of failures says anything."""
_BACKOFF_S: Final = 0.25
_BACKOFF_MOST_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a run ended early: the kind of `errors.Stopped`, the words, and an account code."""

    kind: type[errors.Stopped]
    reason: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run keeps to: requests under way, rows a request, messages a second, failures borne."""

    concurrency: int = 8
    batch_size: int = protocol.BATCH_MAX
    max_rate: float | None = None
    max_failures: float | None = None


@dataclass(slots=True)
class Memory:
    """What a run remembers from request to request; the chunks of a stream, being one run, share it."""

    counts: Counter[int] = field(default_factory=Counter)
    understood: bool = False
    clock_offset_ms: int = 0
    clock_learnt_at: float | None = None
    doubts: int = 0
    unconnected: int = 0
    budget: float = 10.0
    refusals: int = 0
    refused_at: float = -math.inf

    @property
    def answered(self) -> int:
        """How many rows the gateway has answered."""
        return self.counts[SUCCESS] + self.counts[FAILURE]


class Course:
    """Whether a run goes on: it ends once, for one reason, and whoever waits for something to change is woken.

    Attributes
    ----------
    ending : Ending or None
        Why it ended early; None: nothing did.
    stopping : asyncio.Event
        No new request leaves.
    changed : asyncio.Event
        Something happened that may let a request leave.
    """

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.stopping = asyncio.Event()
        self.changed = asyncio.Event()

    def end(self, ending: Ending) -> None:
        """Let no new request leave; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.stopping.set()
        self.changed.set()


class Consequences:
    """Draws the consequences of each request's outcome, one after the other.

    Parameters
    ----------
    outbox : Outbox
        Where rows go that may leave again.
    pace : Pace
        Is told what passed the limit and what did not.
    limits : Limits
        What the run keeps to.
    quotes : callable
        The texts of a row, which a text of the gateway may quote.
    course : Course
        Is ended where an outcome says so.
    memory : Memory
        What the run remembers so far.

    Attributes
    ----------
    counts : Counter of int
        Rows decided, by status.
    codes : Counter of int
        Failed rows, by code.
    """

    def __init__(
        self,
        outbox: Outbox,
        pace: Pace,
        limits: Limits,
        *,
        quotes: Callable[[int], list[str]],
        course: Course,
        memory: Memory,
    ) -> None:
        self.counts: Counter[int] = Counter()
        self.codes: Counter[int] = Counter()
        self._outbox = outbox
        self._pace = pace
        self._limits = limits
        self._quotes = quotes
        self._course = course
        self._memory = memory

    def of(self, batch: Batch, verdict: Verdict, exchange: Exchange, begun: float) -> Outcome:
        """What becomes of a request's rows; those that may leave again are put back, and the pace is told.

        Parameters
        ----------
        batch : Batch
            The request.
        verdict : Verdict
            What its outcome proves.
        exchange : Exchange
            What was seen of it.
        begun : float
            When it left, monotonic.

        Returns
        -------
        Outcome
        """
        now, latency = time.monotonic(), exchange.latency_ms
        pace, outbox = self._pace, self._outbox
        fate = verdict.fate
        refusal = Outcome(UNSENT, verdict.code, verdict.words, latency)
        if fate is not Fate.NOT_SENT:
            self._memory.unconnected = 0
        if fate not in (Fate.NOT_SENT, Fate.DOUBT, Fate.JUDGED):
            self._memory.doubts = 0
        if fate is Fate.JUDGED:
            return self._judged(batch, verdict, latency, begun)
        if fate is Fate.NOT_SENT:
            self._not_sent(batch, verdict, now)
            return Outcome(UNSENT, reason=verdict.words, carried=False)
        if fate is Fate.FLOW:
            pace.refused(batch.size, begun, now, exchange.retry_after_s)
            self._throttled(begun, now)
            outbox.put_back(batch)
            return refusal
        if fate is Fate.DOUBT:
            # What nobody knows is not told to the pace: a timeout is no latency.
            self._memory.doubts += 1
            self.tally(UNKNOWN, batch.size)
            return Outcome(UNKNOWN, reason=verdict.words, latency_ms=latency)
        pace.accepted(batch.size, begun, now)
        if fate is Fate.CLOCK:
            self._clock(batch, exchange, begun, now)
            return refusal
        if fate is Fate.ACCOUNT:
            self._course.end(Ending(errors.AccountRefused, _account_words(verdict.code), verdict.code))
            outbox.put_back(batch)
            return refusal
        if batch.size == 1:
            self.tally(FAILURE, 1, verdict.code)
            return Outcome(FAILURE, verdict.code, verdict.words, latency)
        if fate is Fate.SIZE:
            pace.shrink(codetable.CHANNEL_NUMBERS if batch.size > codetable.CHANNEL_NUMBERS else batch.size // 2)
            outbox.put_back(batch)
        else:
            outbox.put_back(*batch.cut((batch.size + 1) // 2))
        return refusal

    def _judged(self, batch: Batch, verdict: Verdict, latency: float, begun: float) -> Outcome:
        reply, now = verdict.reply, time.monotonic()
        if reply is None or reply.items is None:
            raise AssertionError("a judged request has items")
        if reply.all_accepted:
            self._pace.accepted(batch.size, begun, now)
            self._memory.refusals = self._memory.doubts = 0
            self.tally(SUCCESS, batch.size)
            return Outcome(SUCCESS, codetable.SUCCESS, latency_ms=latency)
        others: list[Exceptional] = []
        again: list[int] = []
        for offset, item in enumerate(reply.items):
            if item is None:
                others.append(Exceptional(offset, UNKNOWN, None, verdict.words, verdict.words))
            elif not item.accepted:
                code = codetable.from_text(item.text)
                if code == codetable.TPS:
                    again.append(offset)
                    others.append(Exceptional(offset, UNSENT, code, item.text, item.text))
                elif code in codetable.ACCOUNT:
                    others.append(Exceptional(offset, UNSENT, code, item.text, item.text))
                    self._course.end(Ending(errors.AccountRefused, _account_words(code), code))
                else:
                    others.append(self._failed(batch, offset, code, item.text))
        told = Counter(other.status for other in others)
        accepted = batch.size - len(others)
        self.tally(SUCCESS, accepted)
        self.tally(UNKNOWN, told[UNKNOWN])
        self.tally(UNSENT, told[UNSENT] - len(again))
        for other in others:
            if other.status == FAILURE:
                self.tally(FAILURE, 1, other.code)
        self._memory.doubts = self._memory.doubts + 1 if told[UNKNOWN] == batch.size else 0
        if verdict.code in codetable.ACCOUNT:
            self._course.end(Ending(errors.AccountRefused, _account_words(verdict.code), verdict.code))
        if batch.size > len(again):
            self._pace.accepted(batch.size - len(again), begun, now)
            self._memory.refusals = 0
        if again:
            self._pace.refused(len(again), begun, now)
            if len(again) == batch.size:
                self._throttled(begun, now)
            lot = self._outbox.lot(batch.rows[again])
            self._outbox.put_back(Batch(lot, 0, len(again)))
        return Outcome(SUCCESS, codetable.SUCCESS, latency_ms=latency, exceptions=others)

    def _failed(self, batch: Batch, offset: int, code: int | None, text: str | None) -> Exceptional:
        if text is None or not text.strip():
            return Exceptional(offset, FAILURE, None, "refused without a word", "refused without a word")
        if code is not None:
            return Exceptional(offset, FAILURE, code, text, text)
        shown = mask_digits(text)
        return Exceptional(offset, FAILURE, None, shown, unquoted(shown, self._quotes(int(batch.rows[offset]))))

    def _not_sent(self, batch: Batch, verdict: Verdict, now: float) -> None:
        batch.tries += 1
        if batch.tries <= CONNECTION_TRIES and self._memory.budget >= 1 and not self._course.stopping.is_set():
            self._memory.budget -= 1
            most = min(_BACKOFF_MOST_S, _BACKOFF_S * 2**batch.tries)
            batch.not_before = now + random.uniform(0, most)
            self._outbox.put_back(batch)
            return
        if self._course.stopping.is_set():
            self._outbox.put_back(batch)
            return
        self._memory.unconnected += 1
        self.tally(UNSENT, batch.size)
        if self._memory.unconnected >= IN_A_ROW:
            words = f"{IN_A_ROW} batches in a row found no connection to the gateway: {verdict.words}"
            self._course.end(Ending(errors.NoConnection, f"{words}. Check the network and base_url."))

    def _clock(self, batch: Batch, exchange: Exchange, begun: float, now: float) -> None:
        self._outbox.put_back(batch)
        if self._memory.clock_learnt_at is not None and begun < self._memory.clock_learnt_at:
            return
        if self._memory.clock_learnt_at is not None or exchange.gateway_ms is None:
            how = (
                "again after its clock was learnt" if self._memory.clock_learnt_at is not None else "and names no time"
            )
            self._course.end(
                Ending(
                    errors.ClockRefused,
                    f"the gateway refuses the time stamp (1004) {how}. Set this machine's clock and run again.",
                    codetable.CLOCK,
                )
            )
            return
        self._memory.clock_learnt_at = now
        self._memory.clock_offset_ms = exchange.gateway_ms - time.time_ns() // 1_000_000

    def _throttled(self, begun: float, now: float) -> None:
        if begun < self._memory.refused_at:
            return
        self._memory.refused_at = now
        self._memory.refusals += 1
        if self._memory.refusals >= REFUSALS_IN_A_ROW:
            self._course.end(
                Ending(
                    errors.Throttled,
                    f"the gateway answered 13008 (TPS limit exceeded) {self._memory.refusals} times in a row and took nothing "
                    "between. Try later, or ask the vendor for the account's limit.",
                    codetable.TPS,
                )
            )

    def heed(self, verdict: Verdict) -> bool:
        """End the run where this request, after those before it, says so; whether it was the first one understood."""
        # 1004 and 429 come before the keys are looked at: a wrong key is still to cost one request.
        proven = verdict.fate not in (Fate.NOT_SENT, Fate.CLOCK) and verdict.case is not TOO_MANY_REQUESTS
        first = proven and not self._memory.doubts and not self._memory.understood
        self._memory.understood |= first
        if verdict.fate is not Fate.NOT_SENT:
            self._memory.budget = min(10.0, self._memory.budget + 0.1)
        if self._memory.doubts >= IN_A_ROW:
            self._course.end(
                Ending(
                    errors.InDoubt,
                    f"{self._memory.doubts} requests in a row had an outcome nobody knows (the last: {verdict.words}). "
                    "Their rows are Unknown; reconcile() settles them.",
                )
            )
        if self._limits.max_failures is not None and not self._course.stopping.is_set():
            self._bear(self._limits.max_failures)
        return first

    def _bear(self, most: float) -> None:
        failed, answered = self._memory.counts[FAILURE], self._memory.answered
        if isinstance(most, float):
            if answered >= SHARE_NEEDS and failed > most * answered:
                reason = f"{failed:,} of {answered:,} answered rows failed, more than max_failures={most:g} of them"
                self._course.end(Ending(errors.TooManyFailures, reason))
        elif failed > most:
            self._course.end(
                Ending(errors.TooManyFailures, f"{count(failed, 'row')} failed, more than max_failures={most}")
            )

    def tally(self, status: int, n: int, code: int | None = None) -> None:
        """Count rows that were decided, and the code they failed with."""
        if n:
            self.counts[status] += n
            self._memory.counts[status] += n
            if code is not None:
                self.codes[code] += n


def _account_words(code: int | None) -> str:
    known = codetable.TABLE[code] if code is not None else None
    if known is None:
        return "the gateway refused the account"
    return f"the gateway refused the account: {known.number} {known.text}. {known.advice}"
