"""The rate of a run: how many messages a request carries and when it may be sent, under an undisclosed limit.

One :class:`AdaptiveRate` serves a whole run. It does no I/O and reads no clock: times are monotonic seconds given by the caller.

Until the gateway refuses, only the start is held back: a few requests in the second round trip, several times as many
in each that follows, so that a gateway of 500 messages a second is not met by sixteen requests of 200. From the first
refusal on there is a rate.

* Requests are spaced evenly by it, and small: a bucket or a window with little room left still has room for few.
* A refusal lowers the rate by a few per cent, not by half: the rate refused was all but right. What was accepted since
  the refusal before, over the time between, bounds the limit from below, so there is no need to go deeper.
* Where that was not enough, refusals follow at once, and these measure the limit: as nothing was left at either, what
  was accepted in between is what the gateway gives, at most a request more. What it took in the last second is not
  undercut: the window of a second that is used up tells nothing more until it ends.
* In between the rate climbs, slowly near the limit just found, ever faster when the quiet lasts.
* Requests that left before the last step down, or met such on their way, say nothing new when refused.

Halving and creeping up, as congestion control by the book has it, reaches half to two thirds of the limit.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

GROWTH: Final = 6.0
"""By how many requests' worth a reply raises the start: it reaches 16 requests in flight within two round trips."""

SPACING: Final = 0.02
"""Seconds from one request to the next near a limit, which sets how many messages each carries …"""

SMALL: Final = 50
"""… but no more than these: they are worth a request of their own, …"""

FINEST: Final = 0.005
"""… unless that made more than 200 requests a second, which are work for nothing."""

RELAXED: Final = 0.1
"""Seconds from one request to the next where only `max_rate` holds them back."""

HEADROOM: Final = 1.2
"""How much larger than latency and concurrency require requests are at least, so that the rate decides."""

SETTLED: Final = 1.0
"""Seconds (and a round trip) after which a refusal starts afresh: the window of a limit given per second."""

BELOW: Final = 0.99
"""Where to resume, in parts of the rate measured between refusals; …"""

STEP: Final = 0.95
"""… not lower than this part of the rate refused, …"""

STEP_EARLY: Final = 0.85
"""… or this one after fewer than `FEW` replies since the refusal before: then the rate was far off."""

FEW: Final = 20

CLIMB: Final = 0.01
"""Growth of the rate in a second after a refusal, …"""

PATIENCE: Final = 4.0
"""… and the seconds of quiet after which it doubles …"""

DOUBLING: Final = 2.0
"""… every so many seconds, …"""

STEEPEST: Final = 0.3
"""… up to this."""

TICK: Final = 0.05
"""The most seconds of quiet a reply counts for: where replies are rare, a refusal is a large share of them."""

SEARCH: Final = 0.7
"""Growth in a second (twofold) while the limit has not been measured, …"""

MEASURED: Final = 0.25
"""… which takes at least so many seconds."""

GRACE: Final = 0.25
"""How long after a step down requests still meet those sent before it, in parts of the latency."""

LEAST: Final = 1.0
"""The lowest rate: where nothing passes, one message per second tests whether something does."""


class AdaptiveRate:
    """The flow control of a run.

    For each request call :meth:`size`, then :meth:`reserve`, wait until the time it returns, send, and report the
    result by :meth:`accepted`, :meth:`refused` or, where items differ, both; unknown outcomes are not reported. Let one
    request wait at a time (a lock around the two calls and the wait): waiting requests keep their times when the rate
    is lowered or a pause is requested.

    Examples
    --------
    >>> pace = AdaptiveRate(batch_size=200, concurrency=16, max_rate=1000)
    >>> pace.size(), pace.reserve(20, 5.0), pace.reserve(20, 5.0)
    (100, 5.0, 5.02)
    """

    def __init__(self, *, batch_size: int = 200, concurrency: int = 8, max_rate: float | None = None) -> None:
        self._most = batch_size
        self._concurrency = concurrency
        self._max_rate = math.inf if max_rate is None else max_rate
        self._start = batch_size / 0.1  # the rate until a first refusal; until a first reply ten requests a second
        self._limit: float | None = None  # the rate since then
        self._searching = True
        self._latency: float | None = None
        self._began = math.inf
        self._free = 0.0  # when the next request may be sent
        self._spaced = False  # whether it is the spacing that holds requests back
        self._second: deque[tuple[float, int]] = deque()  # what was accepted during the last second
        self._recent = 0
        self._total = 0
        self._replied = 0.0
        self._mark = (0.0, 0)  # the last refusal that was a new one, and the total accepted by then
        self._steps = 0  # refusals applied since then, it included
        self._calm = 0  # replies since then
        self._quiet = 0.0
        self._heeded_from = -math.inf
        self._pause: float | None = None
        self.throttled = 0  # requests refused because of the limit, whether or not they lowered the rate
        self._paused_until = -math.inf

    @property
    def rate(self) -> float | None:
        """The present ceiling in messages per second; None while no limit is known or was asked for."""
        rate = min(self._limit or math.inf, self._max_rate)
        return None if math.isinf(rate) else rate

    @property
    def note(self) -> str:
        """What limits the run, in words; empty when nothing does, or what the person asked for."""
        if self._limit is None or self._limit >= self._max_rate or not self._spaced:
            return ""
        if self._pause is not None:
            return f"the gateway asked for a pause of {self._pause:,.0f} s"
        if self._searching:
            return f"finding the gateway's limit, now at {self._limit:,.0f} messages a second"
        return f"held to {self._limit:,.0f} messages a second, our estimate of the gateway's limit"

    def pause_left(self, now: float) -> float:
        """Return the remaining seconds of a pause that the gateway asked for; 0 where it asked for none."""
        return max(0.0, self._paused_until - now)

    def achieved(self, now: float) -> float:
        """Return the messages per second accepted during the last second."""
        self._forget(now)
        return self._recent / min(1.0, max(now - self._began, 1e-3))

    def shrink(self, most: int) -> None:
        """Let no request carry more than `most` messages from now on."""
        self._most = max(1, min(self._most, most))

    def size(self) -> int:
        """Return how many messages the next request should carry."""
        rate = self.rate
        if rate is None:
            return self._most
        fine = max(SMALL, rate * FINEST) if self._limit is not None else math.inf
        usual = min(rate * (SPACING if self._limit is not None else RELAXED), fine)
        needed = math.ceil(rate * HEADROOM * (self._latency or 0.0) / self._concurrency)
        return max(1, min(self._most, int(max(usual, needed))))

    def reserve(self, n: int, now: float) -> float:
        """Reserve and return the time at which a request of `n` messages may be sent; `now` or earlier: at once."""
        if now < self._began:
            self._began = self._free = now
        gap = n / min(self._limit or self._start, self._max_rate)
        when = max(self._free, now - gap)  # a late request is made up for, one at most
        self._spaced = when > now
        self._free = when + gap
        return when

    def accepted(self, n: int, begun: float, now: float) -> None:
        """Note that `n` messages of a request sent at `begun` passed the limit, whatever else their result."""
        first, took = self._latency is None, max(now - begun, 1e-4)
        latency = self._learn(took, now)
        elapsed, self._replied = now - self._replied, now
        self._second.append((now, n))
        self._recent += n
        self._total += n
        if self._limit is None:
            self._start = GROWTH * n / took + (0.0 if first else self._start)
            self._free = min(self._free, now) if first else self._free
        elif begun >= self._heeded_from:
            self._calm += 1
            self._pause = None
            useful = min(self._max_rate, HEADROOM * self._concurrency * self._most / latency)
            if self._spaced and self._limit < useful:
                self._limit = min(useful, self._limit * (1 + self._growth(elapsed, latency)))

    def refused(self, n: int, begun: float, now: float, retry_after: float | None = None) -> None:
        """Note that `n` messages of a request sent at `begun` were refused because of the limit (13008, 429).

        They are all of the request, or some of its items, of which the accepted ones are reported first. `retry_after`
        is the pause in seconds that the gateway asked for.
        """
        self.throttled += 1
        latency = self._learn(max(now - begun, 1e-4), now)
        if retry_after is not None:
            self._free = max(self._free, now + retry_after)
            self._pause = retry_after
            self._paused_until = max(self._paused_until, now + retry_after)
        if begun < self._heeded_from:
            return
        since, gained = now - self._mark[0], self._total - self._mark[1]
        new = self._limit is None or since >= SETTLED + latency
        lowered = self._found(n, now) if self._limit is None else self._lowered(self._limit, n, since, gained, new=new)
        self._limit = max(LEAST, lowered)
        if new:
            self._mark, self._steps, self._calm = (now, self._total), 0, 0
        self._steps += 1
        self._quiet = 0.0
        self._replied = now
        self._heeded_from = now + GRACE * latency
        # A pause that grows from step to step lets a bucket gather some reserve, and a window end.
        gap = self.size() / self._limit
        self._free = max(self._free, now + max(gap, min(1.0, gap * (1 + self._steps))))

    def _found(self, n: int, now: float) -> float:
        if not self._total:
            return min(self._start, n) / 2  # the limit may be lower than one request
        return min(self._start / GROWTH, self.achieved(now))

    def _lowered(self, limit: float, n: int, since: float, gained: int, *, new: bool) -> float:
        if not new:
            lower = min(limit, max((gained + n) / since, self._recent))
            far = lower < limit / 2
            if gained:
                self._searching = self._searching and (far or since < MEASURED)
            else:
                self._searching = self._searching or far
            return lower
        reached = min(limit, self._recent + n)
        if not gained:
            self._searching = True
            return reached / 2
        lower = reached * (STEP if self._calm >= FEW else STEP_EARLY)
        if not self._searching:
            lower = max(lower, BELOW * min(reached, gained / since))
        self._searching = lower < limit / 2
        return lower

    def _growth(self, elapsed: float, latency: float) -> float:
        blind = 1 + 2 * latency  # what is too much shows a round trip later
        if self._searching:
            return SEARCH / blind * min(elapsed, 1.0)
        tick = min(elapsed, TICK)
        self._quiet += tick / (1 + latency)
        return tick * min(STEEPEST / blind, CLIMB * 2 ** (max(0.0, self._quiet - PATIENCE) / DOUBLING))

    def _learn(self, took: float, now: float) -> float:
        self._latency = took if self._latency is None else self._latency + 0.1 * (took - self._latency)
        self._forget(now)
        return self._latency

    def _forget(self, now: float) -> None:
        while self._second and self._second[0][0] <= now - 1.0:
            self._recent -= self._second.popleft()[1]
