"""What the outcomes of requests mean: for their rows, for the rate, for what is sent again, and for the run."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb import errors
from nxsms_nb.engine.batches import Batch
from nxsms_nb.engine.outcomes import Disposition, Verdict
from nxsms_nb.engine.state import StopReason
from nxsms_nb.formatting import count, mask_digits, span
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT, ItemOutcome, Outcome
from nxsms_nb.wire import codes
from nxsms_nb.wire.vendor_text import unquoted

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.engine.batches import BatchQueue
    from nxsms_nb.engine.rate import AdaptiveRate
    from nxsms_nb.engine.state import Limits, Memory, RunState
    from nxsms_nb.engine.transport import PostResult
    from nxsms_nb.wire.replies import Reply

CONNECTION_TRIES: Final = 3
IN_A_ROW: Final = 3
"""This many requests in doubt, or batches without a connection, in a row end a run."""
REFUSALS_IN_A_ROW: Final = 20
"""This many refusals for the rate, each begun after the one before, with nothing accepted between, end a run."""
LONGEST_PAUSE: Final = 10
"""The longest pause by ``Retry-After``, in the client's timeouts; a longer one ends the run."""
SHARE_NEEDS: Final = 50
"""The least number of answered rows for `max_failures` as a share."""
_BACKOFF_S: Final = 0.25
_BACKOFF_MOST_S: Final = 8.0
_REFUSED: Final = (Disposition.FLOW, Disposition.CLOCK, Disposition.SIZE, Disposition.HALVE, Disposition.ACCOUNT)
"""The gateway said as documented that it took nothing. A verdict that is not listed anywhere is in doubt."""


class Policy:
    """Applies each request's outcome, in order: to its rows, to the rate, to what may be sent again, and to the run.

    `counts` has the rows decided, by status, and `codes` the failed rows, by code. `quotes` returns the texts of a row,
    which a text of the gateway may quote.
    """

    def __init__(
        self,
        queue: BatchQueue,
        pace: AdaptiveRate,
        limits: Limits,
        *,
        quotes: Callable[[int], list[str]],
        state: RunState,
        memory: Memory,
        client: Client,
    ) -> None:
        self.counts: Counter[int] = Counter()
        self.codes: Counter[int] = Counter()
        self._queue = queue
        self._pace = pace
        self._limits = limits
        self._quotes = quotes
        self._state = state
        self._memory = memory
        self._client = client

    def apply(self, batch: Batch, verdict: Verdict, result: PostResult, begun: float) -> Outcome:
        """Return the outcome of a request's rows, put back those that may be sent again, and report to the rate.

        `begun` is when the request was sent, monotonic.
        """
        counted = None
        try:
            reply = verdict.reply
            if reply is not None and reply.all_accepted is True and verdict.disposition == Disposition.JUDGED:
                return self._accepted(batch, reply, result.latency_ms, begun)
            # As plain dicts: a Counter's own copy counts its elements anew.
            counted = dict(self.counts), dict(self.codes), dict(self._memory.counts)
            return self._apply(batch, verdict, result, begun)
        except Exception as surprise:  # noqa: BLE001  whatever it is, the rows may have been sent
            if counted is not None:
                self.counts, self.codes, self._memory.counts = map(Counter, counted)
            return self._doubt(batch, f"the outcome could not be classified ({type(surprise).__name__})", result)

    def _apply(self, batch: Batch, verdict: Verdict, result: PostResult, begun: float) -> Outcome:
        """Put rows back last of all: what fails here leaves them in doubt, and rows in doubt must not wait."""
        now, latency = time.monotonic(), result.latency_ms
        disposition = verdict.disposition
        refusal = Outcome(UNSENT, verdict.code, verdict.words, latency)
        if disposition == Disposition.NOT_SENT:
            self._not_sent(batch, verdict, now)
            return Outcome(UNSENT, reason=verdict.words, carried=False)
        self._memory.unconnected = 0
        if disposition in _REFUSED:
            self._memory.doubts = 0
        if disposition == Disposition.JUDGED:
            return self._judged(batch, verdict, latency, begun)
        if disposition == Disposition.FLOW:
            self._throttled(batch, verdict, result, begun, now)
            self._queue.put_back(batch)
            return refusal
        if disposition in _REFUSED:
            self._pace.accepted(batch.size, begun, now)
        if disposition == Disposition.CLOCK:
            self._clock(result, begun, now)
            self._queue.put_back(batch)
            return refusal
        if disposition == Disposition.ACCOUNT:
            self._state.end(StopReason(errors.AccountRefused, _account_words(verdict.code), verdict.code))
            self._queue.put_back(batch)
            return refusal
        if disposition == Disposition.NO_ENDPOINT:
            words = f"{verdict.words} from {self._client.endpoint}"
            self._state.end(
                StopReason(errors.NoConnection, f"no gateway answers: {words}. Check the client's base_url and path.")
            )
            self.tally(UNSENT, batch.size)
            return Outcome(UNSENT, None, words, latency)
        if disposition in (Disposition.SIZE, Disposition.HALVE) and batch.size == 1:
            self.tally(FAILURE, 1, verdict.code)
            return Outcome(FAILURE, verdict.code, verdict.words, latency)
        if disposition == Disposition.SIZE:
            self._pace.shrink(codes.CHANNEL_NUMBERS if batch.size > codes.CHANNEL_NUMBERS else batch.size // 2)
            self._queue.put_back(batch)
            return refusal
        if disposition == Disposition.HALVE:
            self._queue.put_back(*batch.cut((batch.size + 1) // 2))
            return refusal
        return self._doubt(batch, verdict.words, result)

    def _doubt(self, batch: Batch, words: str, result: PostResult) -> Outcome:
        # Not reported to the rate: a timeout is not a latency.
        self._memory.doubts += 1
        self.tally(UNKNOWN, batch.size)
        return Outcome(UNKNOWN, reason=words, latency_ms=result.latency_ms)

    def _accepted(self, batch: Batch, reply: Reply, latency: float, begun: float) -> Outcome:
        """Do what `_judged` does for a request that was accepted whole, as nearly every one is."""
        size = len(_items(batch, reply))
        # What may fail comes first, so that nothing has been counted then.
        self._pace.accepted(size, begun, time.monotonic())
        memory = self._memory
        memory.unconnected = memory.refusals = memory.doubts = 0
        self.tally(SUCCESS, size)
        return Outcome(SUCCESS, codes.SUCCESS, None, latency)

    def _judged(self, batch: Batch, verdict: Verdict, latency: float, begun: float) -> Outcome:
        items, now = _items(batch, verdict.reply), time.monotonic()
        others: list[ItemOutcome] = []
        again: list[int] = []
        account = verdict.code if verdict.code in codes.ACCOUNT else None
        for offset, item in enumerate(items):
            if item is not None and item.accepted is True:
                continue
            if item is None or item.accepted is not False:
                others.append(ItemOutcome(offset, UNKNOWN, None, verdict.words, verdict.words))
                continue
            code = codes.from_text(item.text)
            if code == codes.TPS:
                again.append(offset)
            elif code in codes.ACCOUNT:
                account = account or code
            if code == codes.TPS or code in codes.ACCOUNT:
                others.append(ItemOutcome(offset, UNSENT, code, item.text, item.text))
            else:
                others.append(self._failed(batch, offset, code, item.text))
        leaving = [Batch(self._queue.chunk(batch.rows[again]), 0, len(again))] if again else []
        statuses = Counter(other.status for other in others)
        self._memory.doubts = self._memory.doubts + 1 if statuses[UNKNOWN] == batch.size else 0
        if account is not None:
            self._state.end(StopReason(errors.AccountRefused, _account_words(account), account))
        if batch.size > len(again):
            self._pace.accepted(batch.size - len(again), begun, now)
            self._memory.refusals = 0
        if again:
            self._pace.refused(len(again), begun, now)
            if len(again) == batch.size:
                self._refused_again(_TPS_WORDS, codes.TPS, begun, now)
        self.tally(SUCCESS, batch.size - len(others))
        self.tally(UNKNOWN, statuses[UNKNOWN])
        self.tally(UNSENT, statuses[UNSENT] - len(again))
        for other in others:
            if other.status == FAILURE:
                self.tally(FAILURE, 1, other.code)
        self._queue.put_back(*leaving)
        return Outcome(SUCCESS, codes.SUCCESS, latency_ms=latency, exceptions=others)

    def _failed(self, batch: Batch, offset: int, code: int | None, text: str | None) -> ItemOutcome:
        if text is None or not text.strip():
            return ItemOutcome(offset, FAILURE, None, "refused without a word", "refused without a word")
        if code is not None:
            return ItemOutcome(offset, FAILURE, code, text, text)
        shown = mask_digits(unquoted(text, self._quotes(int(batch.rows[offset]))))
        return ItemOutcome(offset, FAILURE, None, shown, shown)

    def _not_sent(self, batch: Batch, verdict: Verdict, now: float) -> None:
        batch.tries += 1
        if batch.tries <= CONNECTION_TRIES and self._memory.budget >= 1 and not self._state.stopping.is_set():
            self._memory.budget -= 1
            most = min(_BACKOFF_MOST_S, _BACKOFF_S * 2**batch.tries)
            batch.not_before = now + random.uniform(0, most)
            self._queue.put_back(batch)
            return
        if self._state.stopping.is_set():
            self._queue.put_back(batch)
            return
        self._memory.unconnected += 1
        self._memory.unsent_for = verdict.words
        self.tally(UNSENT, batch.size)
        if self._memory.unconnected >= IN_A_ROW:
            words = f"{IN_A_ROW} batches in a row found no connection to the gateway: {verdict.words}"
            self._state.end(StopReason(errors.NoConnection, f"{words}. Check the network and base_url."))

    def _clock(self, result: PostResult, begun: float, now: float) -> None:
        if self._memory.clock_learnt_at is not None and begun < self._memory.clock_learnt_at:
            return
        if self._memory.clock_learnt_at is not None or result.gateway_ms is None:
            how = (
                "again after its clock was learnt" if self._memory.clock_learnt_at is not None else "and names no time"
            )
            self._state.end(
                StopReason(
                    errors.ClockRefused,
                    f"the gateway refuses the time stamp (1004) {how}. Set this machine's clock and run again.",
                    codes.CLOCK,
                )
            )
            return
        self._memory.clock_learnt_at = now
        self._memory.clock_offset_ms = result.gateway_ms - time.time_ns() // 1_000_000

    def _throttled(self, batch: Batch, verdict: Verdict, result: PostResult, begun: float, now: float) -> None:
        pause = result.retry_after_s
        words = _TPS_WORDS if verdict.code == codes.TPS else verdict.words
        if pause is not None and pause > LONGEST_PAUSE * self._client.timeout:
            reason = (
                f"the gateway answered {words} and asks for a pause of {span(pause)} (Retry-After), "
                f"longer than {LONGEST_PAUSE} times the client's timeout. Run this again after that time."
            )
            self._state.end(StopReason(errors.Throttled, reason, verdict.code))
            return
        self._pace.refused(batch.size, begun, now, pause)
        self._refused_again(words, verdict.code, begun, now)

    def _refused_again(self, words: str, code: int | None, begun: float, now: float) -> None:
        if begun < self._memory.refused_at:
            return
        self._memory.refused_at = now
        self._memory.refusals += 1
        if self._memory.refusals >= REFUSALS_IN_A_ROW:
            reason = (
                f"the gateway answered {words} {self._memory.refusals} times in a row without accepting a message. "
                "Try later, or ask the vendor for the account's limit."
            )
            self._state.end(StopReason(errors.Throttled, reason, code))

    def learn(self, verdict: Verdict) -> bool:
        """End the run if this request and those before it require it.

        Return whether it is the first one that was understood.
        """
        words = ""
        try:
            first = self._learn(verdict)
            if self._memory.doubts >= IN_A_ROW:
                words = f" (the last: {verdict.words})"
        except Exception:  # noqa: BLE001  its rows have their outcome; what cannot be read teaches nothing
            first = False
        if self._memory.doubts >= IN_A_ROW:
            reason = f"{self._memory.doubts} requests in a row had an unknown outcome{words}. Their rows are Unknown."
            self._state.end(StopReason(errors.InDoubt, reason))
        if self._limits.max_failures is not None and not self._state.stopping.is_set():
            self._bear(self._limits.max_failures)
        return first

    def _learn(self, verdict: Verdict) -> bool:
        memory, disposition = self._memory, verdict.disposition
        if memory.understood and memory.met and disposition == Disposition.JUDGED:
            # Known already; most requests end here.
            memory.trouble = ""
            memory.budget = min(10.0, memory.budget + 0.1)
            return False
        # 1004 and 429 come before the keys are checked: a wrong key must still cost only one request.
        proven = (
            disposition in (Disposition.JUDGED, Disposition.ACCOUNT, Disposition.SIZE, Disposition.HALVE)
            or verdict.code == codes.TPS
        )
        first = proven and not memory.doubts and not memory.understood
        memory.understood |= first
        if disposition == Disposition.NOT_SENT:
            memory.trouble = verdict.words
        else:
            memory.trouble = ""
            memory.budget = min(10.0, memory.budget + 0.1)
        foreign = verdict.foreign or (verdict.settles_nothing and not self._client.at_vendor)
        if disposition in (Disposition.DOUBT, Disposition.JUDGED) and foreign and not memory.met:
            reason = (
                f"the first reply from {self._client.endpoint} is not the gateway's: {verdict.words}. Check the client's "
                "base_url and path. The rows of this request are Unknown, since a gateway may be behind it."
            )
            self._state.end(StopReason(errors.InDoubt, reason))
        memory.met |= verdict.reply is not None and not foreign
        return first

    def _bear(self, most: float) -> None:
        failed, answered = self._memory.counts[FAILURE], self._memory.answered
        if isinstance(most, float):
            if answered >= SHARE_NEEDS and failed > most * answered:
                reason = f"{failed:,} of {answered:,} answered rows failed, more than max_failures={most:g} of them"
                self._state.end(StopReason(errors.TooManyFailures, reason))
        elif failed > most:
            self._state.end(
                StopReason(errors.TooManyFailures, f"{count(failed, 'row')} failed, more than max_failures={most}")
            )

    def tally(self, status: int, n: int, code: int | None = None) -> None:
        """Count decided rows, and the codes that they failed with."""
        if n:
            self.counts[status] += n
            self._memory.counts[status] += n
            if code is not None:
                self.codes[code] += n


def _items(batch: Batch, reply: Reply | None) -> Sequence[Any]:
    if reply is None or reply.items is None or len(reply.items) != batch.size:
        raise AssertionError("a judged request has an item for each row")
    return reply.items


_TPS_WORDS: Final = "13008 (TPS limit exceeded)"


def _account_words(code: int | None) -> str:
    known = codes.TABLE[code] if code is not None else None
    if known is None:
        return "the gateway refused the account"
    return f"the gateway refused the account: {known.number} {known.text}. {known.advice}"
