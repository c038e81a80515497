"""A run: requests leave at one pace, each outcome is judged by the table of verdicts, and nothing in doubt is repeated."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb import codetable, errors, protocol
from nxsms_nb.connection import Connection, Exchange
from nxsms_nb.display import count, mask_digits
from nxsms_nb.fields import STATUSES
from nxsms_nb.queueing import Batch, Outbox
from nxsms_nb.results import FAILURE, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Exceptional, Outcome, Results
from nxsms_nb.snapshot import Observer, Snapshot
from nxsms_nb.verdicts import TOO_MANY_REQUESTS, Fate, Verdict, judge
from nxsms_nb.wording import unquoted

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.pace import Pace
    from nxsms_nb.recording import Recording

CONNECTION_TRIES: Final = 3
IN_A_ROW: Final = 3
"""So many requests in doubt, or batches without a connection, one after the other, end a run."""
REFUSALS_IN_A_ROW: Final = 20
"""So many refusals for the pace, each begun after the one before, with nothing accepted between, end a run."""
GRACE_S: Final = 5.0
"""How long requests under way are awaited after a stop."""
SHARE_NEEDS: Final = 50
"""How many rows must have been answered before a share of failures says anything."""
_BACKOFF_S: Final = 0.25
_BACKOFF_MOST_S: Final = 8.0
_TICK_S: Final = 0.15


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


class Engine:
    """One run over the rows of an outbox, in one event loop.

    Parameters
    ----------
    client : Client
        Whose gateway the rows go to.
    recording : Recording
        The run's record in the journal.
    outbox : Outbox
        The rows.
    results : Results
        Where outcomes go; what was known beforehand is in it already.
    pace : Pace
        When the next request may leave, and how large it may be.
    sending : int
        How many rows wait in the outbox.
    limits : Limits
        What to keep to.
    observer : Observer
        Who is told how far the run has come.
    """

    def __init__(
        self,
        client: Client,
        recording: Recording,
        outbox: Outbox,
        results: Results,
        pace: Pace,
        *,
        sending: int,
        limits: Limits,
        observer: Observer,
        quotes: Callable[[int], list[str]],
    ) -> None:
        self._client = client
        self._recording = recording
        self._outbox = outbox
        self._results = results
        self._sending = sending
        self._limits = limits
        self._observer = observer
        self._quotes = quotes
        self._pace = pace
        self._before = Counter(_named(results.status))
        self._counts: Counter[int] = Counter()
        self._codes: Counter[int] = Counter()
        self._in_flight = 0
        self._doubts = 0
        self._unconnected = 0
        self._budget = 10.0
        self._refusals = 0
        self._refused_at = -math.inf
        self._clock_learnt_at: float | None = None
        self._understood = False
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._change = asyncio.Event()
        self._stop = asyncio.Event()
        self._doing = ""
        self.ending: Ending | None = None

    # ------------------------------------------------------------------ the run as a whole

    async def first(self, work: Coroutine[Any, Any, None], note: str) -> None:
        """Do what comes before the first request, saying meanwhile what it is; a stop cuts it short."""
        self._doing = note
        working, stopping = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        async with self._telling():
            try:
                await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                working.cancel()
                stopping.cancel()
                await asyncio.wait({working, stopping})
        if not working.cancelled():
            working.result()
        self._doing = ""

    async def go(self) -> None:
        """Send until nothing waits, or until something ends the run; then every row is decided."""
        self._before = Counter(_named(self._results.status))
        async with self._telling():
            try:
                async with Connection(self._client) as connection:
                    await self._work(connection)
            finally:
                self._close()

    def stop(self, reason: str = "stopped by the person", kind: type[errors.Stopped] = errors.Interrupted) -> None:
        """Let no new request leave; to be called in the run's event loop."""
        self._end(Ending(kind, reason))

    def hurry(self) -> None:
        """Do not wait for the requests under way any longer."""
        for worker in self._workers:
            worker.cancel()

    def snapshot(self, *, final: bool = False) -> Snapshot:
        """How far the run has come."""
        counts = Counter(self._before)
        for status, n in self._counts.items():
            counts[STATUSES[status]] += n
        now = time.monotonic()
        return Snapshot(
            total=len(self._results),
            sending=self._sending,
            decided=self._counts.total() - self._counts[UNSENT],
            counts=dict(counts),
            codes=dict(self._codes),
            elapsed_s=now - self._begun,
            rate=self._pace.achieved(now),
            pace=self._pace.rate,
            in_flight=self._in_flight,
            note=self._note(),
            final=final,
            simulated=self._client.simulated,
        )

    def _note(self) -> str:
        if self.ending is not None:
            return f"stopping: {self.ending.reason}"
        if self._doing or not self._understood:
            return self._doing or "waiting for the first reply"
        return self._pace.note

    async def _work(self, connection: Connection) -> None:
        self._connection = connection
        self._hire()
        stopping = asyncio.create_task(self._stop.wait())
        try:
            while self._workers:
                await asyncio.wait({*self._workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
                self._dismiss()
                if self._stop.is_set():
                    await self._wind_down()
        finally:
            self._stop.set()
            stopping.cancel()
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def _hire(self) -> None:
        self._workers.add(asyncio.create_task(self._worker()))

    def _dismiss(self) -> None:
        for worker in [worker for worker in self._workers if worker.done()]:
            self._workers.remove(worker)
            if not worker.cancelled():
                worker.result()

    async def _wind_down(self) -> None:
        if self._workers:
            await asyncio.wait(self._workers, timeout=min(GRACE_S, self._client.timeout))
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)
        self._dismiss()

    def _end(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending
        self._stop.set()
        self._change.set()

    def _close(self) -> None:
        self._ended = time.monotonic()
        results, ending = self._results, self.ending
        waiting = [batch.rows for batch in self._outbox.waiting()]
        left_over = np.unique(np.concatenate([np.flatnonzero(results.status == UNDECIDED), *waiting]))
        if len(left_over):
            reason = ending.reason if ending is not None else "the run broke off"
            results.decide(left_over, UNSENT, ending.code if ending is not None else None, reason)
        if ending is None and self._counts[UNSENT]:
            self.ending = Ending(errors.NoConnection, "some requests found no connection to the gateway")
        self._tally(UNSENT, len(left_over))

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        telling = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    async def _tell(self) -> None:
        while True:
            # An observer is a person's view of the run; whatever is wrong with it, the run goes on.
            with suppress(Exception):
                self._observer.update(self.snapshot())
            await asyncio.sleep(_TICK_S)

    # ------------------------------------------------------------------ one worker, one request at a time

    async def _worker(self) -> None:
        while (batch := await self._next()) is not None:
            sent_us = time.time_ns() // 1000
            written = self._recording.begin(batch.lot.block, batch.start, batch.size, sent_us=sent_us)
            cancelled = False
            try:
                await written
            except asyncio.CancelledError:
                cancelled = True
            except errors.JournalError as trouble:
                self._outbox.put_back(batch)
                self._landed()
                self._end(Ending(errors.Stopped, str(trouble)))
                return
            if cancelled or self._stop.is_set():
                outcome = Outcome(UNSENT, reason="stopped before it left", carried=False)
                if written.exception() is None:
                    self._recording.finish(written.result(), outcome)
                self._outbox.put_back(batch)
                self._landed()
                return
            await self._post(batch, written.result(), sent_us)

    async def _next(self) -> Batch | None:
        while not self._stop.is_set():
            # One request waits for its time at a time: those that waited already would not heed a new pace.
            async with self._turn:
                now = time.monotonic()
                batch = self._outbox.take(self._pace.size, now)
                if batch is not None:
                    when = self._pace.reserve(batch.size, now)
                    if (when > now and not await self._pause(self._stop, when - now)) or self._stop.is_set():
                        self._outbox.put_back(batch)
                        return None
                    self._in_flight += 1
                    return batch
            due = self._outbox.next_due()
            if due is None and self._in_flight == 0:
                return None
            self._change.clear()
            await self._pause(self._change, None if due is None else max(0.0, due - now))
        return None

    @staticmethod
    async def _pause(event: asyncio.Event, seconds: float | None) -> bool:
        """Wait; whether the time went by without the event."""
        waiting: Awaitable[object] = event.wait()
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            return True
        return False

    async def _post(self, batch: Batch, number: int, sent_us: int) -> None:
        # Until its outcome is known, a row whose request may leave is in doubt, whatever breaks from here on.
        self._results.decide(batch.span, UNKNOWN, None, "a request is under way")
        begun = time.monotonic()
        body = protocol.body(self._client.app_key, batch.items())
        cancelled: asyncio.CancelledError | None = None
        try:
            exchange = await self._connection.post(body)
        except asyncio.CancelledError as error:
            cancelled = error
            told = error.args[0] if error.args else None
            exchange = told if isinstance(told, Exchange) else Exchange(left=True)
            exchange.error = "stopped before the reply came"
        verdict = judge(
            left=exchange.left, status=exchange.status, body=exchange.body, error=exchange.error, ids=batch.ids
        )
        outcome = self._decide(batch, verdict, exchange, begun)
        self._recording.finish(number, outcome)
        self._results.apply(batch.span, outcome, batch=number, sent_us=sent_us)
        self._landed()
        if cancelled is not None:
            raise cancelled
        self._heed(verdict)

    def _landed(self) -> None:
        self._in_flight -= 1
        self._change.set()

    # ------------------------------------------------------------------ what an outcome means for rows and run

    def _decide(self, batch: Batch, verdict: Verdict, exchange: Exchange, begun: float) -> Outcome:
        now, latency = time.monotonic(), exchange.latency_ms
        pace, outbox = self._pace, self._outbox
        fate = verdict.fate
        refusal = Outcome(UNSENT, verdict.code, verdict.words, latency)
        if fate is not Fate.NOT_SENT:
            self._unconnected = 0
        if fate not in (Fate.NOT_SENT, Fate.DOUBT, Fate.JUDGED):
            self._doubts = 0
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
            self._doubts += 1
            self._tally(UNKNOWN, batch.size)
            return Outcome(UNKNOWN, reason=verdict.words, latency_ms=latency)
        pace.accepted(batch.size, begun, now)
        if fate is Fate.CLOCK:
            self._clock(batch, exchange, begun, now)
            return refusal
        if fate is Fate.ACCOUNT:
            self._end(Ending(errors.AccountRefused, _account_words(verdict.code), verdict.code))
            outbox.put_back(batch)
            return refusal
        if batch.size == 1:
            self._tally(FAILURE, 1, verdict.code)
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
            self._refusals = self._doubts = 0
            self._tally(SUCCESS, batch.size)
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
                    self._end(Ending(errors.AccountRefused, _account_words(code), code))
                else:
                    others.append(self._failed(batch, offset, code, item.text))
        told = Counter(other.status for other in others)
        accepted = batch.size - len(others)
        self._tally(SUCCESS, accepted)
        self._tally(UNKNOWN, told[UNKNOWN])
        self._tally(UNSENT, told[UNSENT] - len(again))
        for other in others:
            if other.status == FAILURE:
                self._tally(FAILURE, 1, other.code)
        self._doubts = self._doubts + 1 if told[UNKNOWN] == batch.size else 0
        if verdict.code in codetable.ACCOUNT:
            self._end(Ending(errors.AccountRefused, _account_words(verdict.code), verdict.code))
        if batch.size > len(again):
            self._pace.accepted(batch.size - len(again), begun, now)
            self._refusals = 0
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
        if batch.tries <= CONNECTION_TRIES and self._budget >= 1 and not self._stop.is_set():
            self._budget -= 1
            most = min(_BACKOFF_MOST_S, _BACKOFF_S * 2**batch.tries)
            batch.not_before = now + random.uniform(0, most)
            self._outbox.put_back(batch)
            return
        if self._stop.is_set():
            self._outbox.put_back(batch)
            return
        self._unconnected += 1
        self._tally(UNSENT, batch.size)
        if self._unconnected >= IN_A_ROW:
            words = f"{IN_A_ROW} batches in a row found no connection to the gateway: {verdict.words}"
            self._end(Ending(errors.NoConnection, f"{words}. Check the network and base_url."))

    def _clock(self, batch: Batch, exchange: Exchange, begun: float, now: float) -> None:
        self._outbox.put_back(batch)
        if self._clock_learnt_at is not None and begun < self._clock_learnt_at:
            return
        if self._clock_learnt_at is not None or exchange.gateway_ms is None:
            how = "again after its clock was learnt" if self._clock_learnt_at is not None else "and names no time"
            self._end(
                Ending(
                    errors.ClockRefused,
                    f"the gateway refuses the time stamp (1004) {how}. Set this machine's clock and run again.",
                    codetable.CLOCK,
                )
            )
            return
        self._clock_learnt_at = now
        self._connection.clock_offset_ms = exchange.gateway_ms - time.time_ns() // 1_000_000

    def _throttled(self, begun: float, now: float) -> None:
        if begun < self._refused_at:
            return
        self._refused_at = now
        self._refusals += 1
        if self._refusals >= REFUSALS_IN_A_ROW:
            self._end(
                Ending(
                    errors.Throttled,
                    f"the gateway answered 13008 (TPS limit exceeded) {self._refusals} times in a row and took nothing "
                    "between. Try later, or ask the vendor for the account's limit.",
                    codetable.TPS,
                )
            )

    def _heed(self, verdict: Verdict) -> None:
        # 1004 and 429 come before the keys are looked at: a wrong key is still to cost one request.
        proven = verdict.fate not in (Fate.NOT_SENT, Fate.CLOCK) and verdict.case is not TOO_MANY_REQUESTS
        if proven and not self._doubts and not self._understood:
            self._understood = True
            for _ in range(self._limits.concurrency - 1):
                self._hire()
        if verdict.fate is not Fate.NOT_SENT:
            self._budget = min(10.0, self._budget + 0.1)
        if self._doubts >= IN_A_ROW:
            self._end(
                Ending(
                    errors.InDoubt,
                    f"{self._doubts} requests in a row had an outcome nobody knows (the last: {verdict.words}). "
                    "Their rows are Unknown; reconcile() settles them.",
                )
            )
        most, failed = self._limits.max_failures, self._counts[FAILURE]
        if most is None or self.ending is not None:
            return
        answered = self.answered
        if isinstance(most, float):
            if answered >= SHARE_NEEDS and failed > most * answered:
                reason = f"{failed:,} of {answered:,} answered rows failed, more than max_failures={most:g} of them"
                self._end(Ending(errors.TooManyFailures, reason))
        elif failed > most:
            self._end(Ending(errors.TooManyFailures, f"{count(failed, 'row')} failed, more than max_failures={most}"))

    def _tally(self, status: int, n: int, code: int | None = None) -> None:
        if n:
            self._counts[status] += n
            if code is not None:
                self._codes[code] += n

    @property
    def answered(self) -> int:
        """How many rows the gateway has answered."""
        return self._counts[SUCCESS] + self._counts[FAILURE]

    @property
    def rate(self) -> float:
        """Answered rows a second, over the whole run so far or until its end."""
        until = time.monotonic() if self._ended is None else self._ended
        return self.answered / max(until - self._begun, 1e-3)


def _named(status: npt.NDArray[np.int8]) -> Mapping[str, int]:
    counts = np.bincount(status[status >= 0], minlength=len(STATUSES))
    return {name: int(n) for name, n in zip(STATUSES, counts, strict=True) if n}


def _account_words(code: int | None) -> str:
    known = codetable.TABLE[code] if code is not None else None
    if known is None:
        return "the gateway refused the account"
    return f"the gateway refused the account: {known.number} {known.text}. {known.advice}"
