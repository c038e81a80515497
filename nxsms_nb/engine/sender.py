"""A run: send requests at one rate, classify each outcome and report progress to the observer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nxsms_nb import errors
from nxsms_nb.engine.batches import Batch
from nxsms_nb.engine.outcomes import NOTHING_HERE, classify
from nxsms_nb.engine.policy import Policy
from nxsms_nb.engine.progress import Observer, Progress
from nxsms_nb.engine.state import RunState, StopReason
from nxsms_nb.engine.transport import PostResult, Transport
from nxsms_nb.formatting import span
from nxsms_nb.journal.store import RowsTaken
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.results.table import UNDECIDED, UNKNOWN, UNSENT, Outcome, Results, among
from nxsms_nb.wire import requests

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.engine.batches import BatchQueue
    from nxsms_nb.engine.rate import AdaptiveRate
    from nxsms_nb.engine.state import Limits, Memory
    from nxsms_nb.journal.store import RunRecord
    from nxsms_nb.stop_request import StopRequest

GRACE_S: Final = 5.0
"""How long requests in flight are awaited after a stop."""
# How long after its record a request may leave: another run can have taken the campaign meanwhile, and a person have decided
# there that what is old never left.
_RECORDED_US: Final = 30_000_000
_TICK_S: Final = 0.15
_LONG_PAUSE_S: Final = 60.0
_SENT: Final = ("Success", "Failure", "Unknown")
"""The statuses of rows that were sent, or may have been."""
"""A longer pause is shown before anything else: the run would seem to hang."""


class Sender:
    """Sends the rows of a queue, in one event loop.

    Outcomes go to `results`, which has what was known beforehand already. `sending` counts the rows in the queue,
    `suppressed` those on the do-not-contact list. `memory` has what earlier chunks of a stream showed, `request` what
    the person asks of the run, and `met_before` says whether an earlier run may have met the gateway at this URL.
    """

    def __init__(
        self,
        client: Client,
        recorder: RunRecord,
        queue: BatchQueue,
        results: Results,
        pace: AdaptiveRate,
        *,
        sending: int,
        campaign: str | None,
        suppressed: int,
        limits: Limits,
        observer: Observer,
        quotes: Callable[[int], list[str]],
        memory: Memory,
        request: StopRequest,
        met_before: Callable[[], bool],
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._queue = queue
        self._results = results
        self._sending = sending
        self._campaign = campaign
        self._suppressed = suppressed
        self._limits = limits
        self._observer = observer
        self._pace = pace
        self._request = request
        self._met_before = met_before
        # Nothing here refers back to this object, so that a run's memory is released as soon as it has ended.
        self._state = RunState()
        self._policy = Policy(queue, pace, limits, quotes=quotes, state=self._state, memory=memory, client=client)
        self._memory = memory
        self._answered_before = memory.answered
        self._before = Counter(_named(results.status))
        self._in_flight = 0
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._doing = ""

    # ------------------------------------------------------------------ the run as a whole

    async def first(self, work: Coroutine[Any, Any, None], note: str) -> None:
        """Do what comes before the first request, showing a note on it; a stop cuts it short."""
        self._doing = note
        working, stopping = asyncio.create_task(work), asyncio.create_task(self._state.stopping.wait())
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
                async with Transport(self._client, partial(_may_leave, self._recorder)) as transport:
                    await self._work(transport)
            finally:
                self._close()

    def stop(self, reason: str = "stopped by you", kind: type[errors.Stopped] = errors.Interrupted) -> None:
        """Send no new request; call in the run's event loop."""
        self._state.end(StopReason(kind, reason))

    def apply_stop(self) -> None:
        """Apply a stop request: send nothing more, or do not wait for the requests in flight any longer."""
        if self._request.asked:
            self.stop()
        if self._request.hurried:
            for worker in self._workers:
                worker.cancel()

    def _stopping(self) -> bool:
        # Checked before each request: a stop counts at once, not only when the loop comes to it.
        if self._request.asked:
            self.stop()
        return self._state.stopping.is_set()

    def snapshot(self, *, final: bool = False) -> Progress:
        """Return the run's progress."""
        counts = Counter(self._before)
        for status, n in self._policy.counts.items():
            counts[STATUSES[status]] += n
        now = time.monotonic()
        return Progress(
            total=len(self._results),
            sending=self._sending,
            decided=self._policy.counts.total() - self._policy.counts[UNSENT],
            counts=dict(counts),
            before={name: n for name, n in self._before.items() if name in _SENT},
            suppressed=self._suppressed,
            codes=dict(self._policy.codes),
            elapsed_s=now - self._begun,
            rate=self._pace.achieved(now),
            pace=self._pace.rate,
            in_flight=self._in_flight,
            throttled=self._pace.throttled,
            max_rate=self._limits.max_rate,
            note=self._note(),
            final=final,
            simulated=self._client.simulated,
            on_loopback=self._client.on_loopback,
            campaign=self._campaign,
        )

    def _note(self) -> str:
        if self.ending is not None:
            return f"stopping: {self.ending.reason}"
        if self._doing:
            return self._doing
        if (pause := self._pace.pause_left(time.monotonic())) > _LONG_PAUSE_S:
            return f"the gateway asked for a pause; nothing is sent for another {span(round(pause))}"
        if not self._memory.understood:
            trouble = self._memory.trouble
            return f"{trouble}; trying again" if trouble else "waiting for the first reply"
        return self._pace.note

    async def _work(self, transport: Transport) -> None:
        self._transport = transport
        transport.clock_offset_ms = self._memory.clock_offset_ms
        for _ in range(self._limits.concurrency if self._memory.understood else 1):
            self._hire()
        stopping = asyncio.create_task(self._state.stopping.wait())
        try:
            while self._workers:
                await asyncio.wait({*self._workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
                self._dismiss()
                if self._stopping():
                    await self._wind_down()
        finally:
            self._state.stopping.set()
            stopping.cancel()
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def _hire(self) -> None:
        worker = asyncio.create_task(self._worker())
        self._workers.add(worker)
        # Whoever waits for the workers need not know of this one yet, and others may wait for what it was to do.
        worker.add_done_callback(self._end_where_it_failed)

    def _end_where_it_failed(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and worker.exception() is not None:
            self._state.stopping.set()
            self._state.changed.set()

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

    def _close(self) -> None:
        self._ended = time.monotonic()
        results, ending = self._results, self._state.ending
        waiting = [batch.rows for batch in self._queue.waiting()]
        left_over = np.unique(np.concatenate([np.flatnonzero(results.status == UNDECIDED), *waiting]))
        if len(left_over):
            reason = ending.reason if ending is not None else "the run broke off"
            results.decide(left_over, UNSENT, ending.code if ending is not None else None, reason)
        if ending is None and self._policy.counts[UNSENT]:
            reason = "some requests found no connection to the gateway"
            if trouble := self._memory.unsent_for:
                reason = f"{trouble}. Check the network and the client's base_url."
            self._state.ending = StopReason(errors.NoConnection, reason)
        self._policy.tally(UNSENT, len(left_over))

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
            self.apply_stop()
            # An observer only displays the run; its errors must not stop it.
            with suppress(Exception):
                self._observer.update(self.snapshot())
            await asyncio.sleep(_TICK_S)

    # ------------------------------------------------------------------ one worker, one request at a time

    async def _worker(self) -> None:
        while (batch := await self._next()) is not None:
            sent_us = self._recorder.now_us()
            written = self._recorder.begin(batch.chunk.block, batch.start, batch.size, sent_us=sent_us)
            cancelled = False
            try:
                await written
            except asyncio.CancelledError:
                cancelled = True
            except RowsTaken as taken:
                self._leave_to_others(batch, taken)
                self._landed()
                continue
            except errors.JournalError as trouble:
                self._queue.put_back(batch)
                self._landed()
                self._state.end(StopReason(errors.JournalLost, str(trouble)))
                return
            if cancelled or self._stopping():
                outcome = Outcome(UNSENT, reason="stopped before it left", carried=False)
                if written.exception() is None:
                    self._recorder.finish(written.result(), outcome)
                self._queue.put_back(batch)
                self._landed()
                return
            await self._post(batch, written.result(), sent_us)

    def _record_anew(self, batch: Batch, number: int) -> Outcome:
        """Queue a request again that did not leave in time: the journal was long away, or the machine slept."""
        outcome = Outcome(UNSENT, reason="recorded too long before it could be sent", carried=False)
        self._recorder.finish(number, outcome)
        self._queue.put_back(batch)
        self._landed()
        return outcome

    def _leave_to_others(self, batch: Batch, taken: RowsTaken) -> None:
        """Decide rows that another run has as they are recorded, and queue the rest of their request again."""
        known, rows = taken.results, batch.rows
        theirs = np.array(taken.offsets, np.int64)
        recorded = np.flatnonzero(~among(known.status, UNDECIDED, UNSENT))
        gone = rows[theirs[recorded]]
        self._results.take_over(gone, known, recorded)
        for status, n in Counter(known.status[recorded].tolist()).items():
            self._policy.tally(status, n)
        left = np.setdiff1d(rows, gone)
        if len(left):
            chunk = self._queue.chunk(left)
            self._queue.put_back(Batch(chunk, 0, len(left), batch.tries))

    async def _next(self) -> Batch | None:
        while not self._stopping():
            # One request waits for its time at a time: requests that wait already would not follow a new rate.
            async with self._turn:
                now = time.monotonic()
                batch = self._queue.take(self._pace.size, now)
                if batch is not None:
                    when = self._pace.reserve(batch.size, now)
                    if (when > now and not await self._pause(self._state.stopping, when - now)) or self._stopping():
                        self._queue.put_back(batch)
                        return None
                    self._in_flight += 1
                    return batch
            due = self._queue.next_due()
            if due is None and self._in_flight == 0:
                return None
            self._state.changed.clear()
            await self._pause(self._state.changed, None if due is None else max(0.0, due - now))
        return None

    @staticmethod
    async def _pause(event: asyncio.Event, seconds: float | None) -> bool:
        """Wait, and return whether the time passed without the event."""
        waiting: Awaitable[object] = event.wait()
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            return True
        return False

    async def _post(self, batch: Batch, number: int, sent_us: int) -> None:
        # Until its outcome is known, a row whose request may be sent is in doubt, whatever fails from here on.
        self._results.decide(batch.span, UNKNOWN, None, "a request is in flight")
        begun = time.monotonic()
        body = requests.body(self._client.app_key, batch.items())
        if self._queue.runs_low:
            # While this request is in flight there is time.
            asyncio.get_running_loop().call_soon(self._queue.look_ahead)
        cancelled: asyncio.CancelledError | None = None
        try:
            result = await self._transport.post(body, sent_us)
        except asyncio.CancelledError as error:
            cancelled = error
            attached = error.args[0] if error.args else None
            result = attached if isinstance(attached, PostResult) else PostResult(left=True)
            result.error = "stopped before the reply came"
        if result.late:
            self._results.apply(batch.span, self._record_anew(batch, number), batch=number, sent_us=sent_us)
            return
        verdict = classify(
            left=result.left,
            status=result.status,
            body=result.body,
            error=result.error,
            ids=batch.ids,
            garbled=result.garbled,
            first=result.status in NOTHING_HERE and self._nobody_met(),
        )
        outcome = self._policy.apply(batch, verdict, result, begun)
        self._transport.clock_offset_ms = self._memory.clock_offset_ms
        self._recorder.finish(number, outcome)
        self._results.apply(batch.span, outcome, batch=number, sent_us=sent_us)
        self._landed()
        if cancelled is not None:
            raise cancelled
        if self._policy.learn(verdict):
            for _ in range(self._limits.concurrency - 1):
                self._hire()

    def _nobody_met(self) -> bool:
        """Return whether there is no sign of a gateway at this URL, from this run or an earlier one: not even a row in doubt."""
        client = self._client
        # A proxy has the whole request before it forwards it: its 404 may come after the gateway's acceptance.
        forwarded = client.proxy is not None and client.endpoint.startswith("http:")
        seen = client.at_vendor or forwarded or self._memory.met or self._memory.counts[UNKNOWN]
        return not seen and not self._met_before()

    def _landed(self) -> None:
        self._in_flight -= 1
        self._state.changed.set()

    @property
    def ending(self) -> StopReason | None:
        """Why the run ended early, or None."""
        return self._state.ending

    @property
    def answered(self) -> int:
        """How many rows the gateway has answered."""
        return self._memory.answered - self._answered_before

    @property
    def rate(self) -> float:
        """Answered rows per second, over the whole run so far or until its end."""
        until = time.monotonic() if self._ended is None else self._ended
        return self.answered / max(until - self._begun, 1e-3)


def _may_leave(recorder: RunRecord, recorded_us: int) -> bool:
    return abs(recorder.now_us() - recorded_us) <= _RECORDED_US


def _named(status: npt.NDArray[np.int8]) -> Mapping[str, int]:
    counts = np.bincount(status[status >= 0], minlength=len(STATUSES))
    return {name: int(n) for name, n in zip(STATUSES, counts, strict=True) if n}
