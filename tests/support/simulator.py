"""A discrete-event simulation of one run against a gateway with a TPS limit, in simulated seconds.

It drives the run's pace as a run does: one request alone until the first reply, then ``concurrency`` requests in flight
at most, one of them at a time waiting for its turn, timers a millisecond late on average. Requests take half their
latency to the gateway, so that jitter makes them arrive early, late and out of order.

``python -m tests.support.simulator`` prints the figures of the whole grid, in about a minute.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nxsms_nb.engine.rate import AdaptiveRate

JUDGED_FROM = 10.0
JUDGED_TO = 40.0


class Bucket:
    """A token bucket: full at first, refilled evenly."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._then = burst, 0.0

    def room(self, now: float) -> int:
        self._tokens = min(self.burst, self._tokens + (now - self._then) * self.rate)
        self._then = now
        return int(self._tokens + 1e-9)

    def take(self, n: int, now: float) -> None:
        self._tokens -= n


class Window:
    """A counter that starts again with each whole second."""

    def __init__(self, rate: float, phase: float = 0.37) -> None:
        self.rate, self._phase = rate, phase
        self._window, self._count = -1, 0

    def room(self, now: float) -> int:
        window = int(now + self._phase)
        if window != self._window:
            self._window, self._count = window, 0
        return int(self.rate) - self._count

    def take(self, n: int, now: float) -> None:
        self._count += n


class Sliding:
    """No second, wherever it begins, sees more than the limit."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._taken: deque[tuple[float, int]] = deque()
        self._count = 0

    def room(self, now: float) -> int:
        while self._taken and self._taken[0][0] <= now - 1:
            self._count -= self._taken.popleft()[1]
        return int(self.rate) - self._count

    def take(self, n: int, now: float) -> None:
        self._taken.append((now, n))
        self._count += n


LIMITERS: dict[str, Callable[[float, int], Any]] = {
    "bucket 1 s": lambda rate, batch: Bucket(rate, rate),
    "bucket 0.2 s": lambda rate, batch: Bucket(rate, max(1.0, rate * 0.2)),
    "bucket 1 request": Bucket,
    "window": lambda rate, batch: Window(rate),
    "sliding": lambda rate, batch: Sliding(rate),
}


@dataclass(frozen=True)
class Gateway:
    """What a gateway is like: its limit (messages a second), how it keeps it, how long a request takes."""

    limit: float
    kind: str = "bucket 1 s"
    latency: float = 0.1
    jitter: float = 0.1
    by_item: bool = False
    retry_after: float | None = None
    changes: tuple[tuple[float, float], ...] = ()
    untold: float = 0.0
    """The share of requests whose outcome the pace is never told."""

    def attainable(self, concurrency: int, batch_size: int) -> float:
        """Messages a second that limit, latency and concurrency permit, with requests that the limiter can take."""
        return min(self.limit, concurrency * min(batch_size, self._room(batch_size)) / self.latency)

    def leaves_room(self, concurrency: int, batch_size: int) -> bool:
        """Whether the limit can be met to a few per cent with few refusals by any sender.

        It cannot where concurrency is all but used up at the limit; where fewer than 16 requests a second, which are
        all that concurrency permits, have to carry it; where arrival times scatter by more than half the time that the
        bucket bridges once it holds two requests; or where they scatter by more than a twentieth of the window.
        """
        blur = 2 * self.jitter * self.latency
        least = self.limit * self.latency / concurrency
        if least > batch_size / 1.2 or self.latency / concurrency > 1 / 16:
            return False
        if self.kind.startswith("bucket"):
            finest = max(least, self.limit * 0.005)
            return self._room(batch_size) >= 2 * finest + 2 * blur * self.limit
        return blur <= 0.05 and self.latency / concurrency <= 0.03

    def _room(self, batch_size: int) -> float:
        limiter = LIMITERS[self.kind](self.limit, batch_size)
        return limiter.burst if isinstance(limiter, Bucket) else self.limit


@dataclass
class Trace:
    """Every request of a simulated run: when it left, arrived and was answered, its size, and how much was taken."""

    requests: list[tuple[float, float, float, int, int]] = field(default_factory=list)

    def arrived(self, since: float, until: float) -> Iterator[tuple[float, int, int]]:
        return ((at, n, taken) for _, at, _, n, taken in self.requests if since <= at < until)

    def accepted(self, since: float = JUDGED_FROM, until: float = JUDGED_TO) -> float:
        """Messages accepted a second."""
        return sum(taken for _, _, taken in self.arrived(since, until)) / (until - since)

    def refused(self, since: float = JUDGED_FROM, until: float = JUDGED_TO) -> float:
        """The share of requests of which at least one message was refused."""
        verdicts = [taken < n for _, n, taken in self.arrived(since, until)]
        return sum(verdicts) / max(1, len(verdicts))

    def busiest(self, since: float = JUDGED_FROM, until: float = JUDGED_TO) -> int:
        """The most messages that arrived within any one second."""
        window: deque[tuple[float, int]] = deque()
        most = count = 0
        for at, n, _ in sorted(self.arrived(since, until)):
            window.append((at, n))
            count += n
            while window[0][0] <= at - 1:
                count -= window.popleft()[1]
            most = max(most, count)
        return most


def simulate(
    gateway: Gateway,
    pace: Any = None,
    *,
    concurrency: int = 16,
    batch_size: int = 200,
    until: float = JUDGED_TO,
    seed: int = 1,
    each_reserves: bool = False,
    total: int | None = None,
) -> Trace:
    """Run a pace against a gateway for so many simulated seconds, or until so many messages were accepted."""
    rng = random.Random(seed)
    pace = pace or AdaptiveRate(batch_size=batch_size, concurrency=concurrency)
    limiter = LIMITERS[gateway.kind](gateway.limit, batch_size)
    trace, order, changes = Trace(), itertools.count(), list(gateway.changes)
    events: list[tuple[float, int, str, tuple[Any, ...]]] = []
    idle, at_gate, learnt, left = concurrency, False, False, total

    def later(at: float, what: str, *about: Any) -> None:
        heapq.heappush(events, (at, next(order), what, about))

    def admit(now: float) -> None:
        nonlocal idle, at_gate, left
        while idle and (each_reserves or not at_gate) and (learnt or idle == concurrency) and left != 0:
            n = pace.size() if left is None else min(pace.size(), left)
            when = max(pace.reserve(n, now), now)
            if when > now:
                when += rng.expovariate(1000)  # a timer fires about a millisecond late
            idle, at_gate, left = idle - 1, True, None if left is None else left - n
            later(when, "leave", n)

    admit(0.0)
    while events:
        now, _, what, about = heapq.heappop(events)
        if now > until:
            break
        if what == "leave":
            at_gate = False
            latency = gateway.latency * (1 + gateway.jitter * rng.uniform(-1, 1))
            later(
                now + latency * (0.5 + gateway.jitter * rng.uniform(-0.5, 0.5)), "arrive", about[0], now, now + latency
            )
        elif what == "arrive":
            n, begun, back = about
            while changes and changes[0][0] <= now:
                limiter.rate = changes.pop(0)[1]
                if isinstance(limiter, Bucket):
                    limiter.burst = LIMITERS[gateway.kind](limiter.rate, batch_size).burst
            room = max(0, limiter.room(now))
            taken = n if room >= n else room if gateway.by_item else 0
            limiter.take(taken, now)
            trace.requests.append((begun, now, back, n, taken))
            later(back, "reply", n, begun, taken)
        else:
            n, begun, taken = about
            learnt, idle = True, idle + 1
            if left is not None:
                left += n - taken
            answered = rng.random() >= gateway.untold
            if answered and taken:
                pace.accepted(taken, begun, now)
            if answered and taken < n:
                pace.refused(n - taken, begun, now, gateway.retry_after)
        admit(now)
    return trace


LIMITS = (50, 180, 500, 1000, 3000, 8000, 20_000)
LATENCIES = (0.005, 0.05, 0.1, 0.3, 1.0)
CONCURRENCIES = (1, 8, 16, 64)


def grid(
    limits: tuple[float, ...] = LIMITS,
    latencies: tuple[float, ...] = LATENCIES,
    concurrencies: tuple[int, ...] = CONCURRENCIES,
) -> Iterator[tuple[Gateway, int]]:
    """Gateways of all kinds, each with a concurrency."""
    for kind, limit, latency, concurrency in itertools.product(LIMITERS, limits, latencies, concurrencies):
        if kind != "bucket 1 request" or limit >= 200:  # else it is a bucket of more than a second
            for by_item in (False, True):
                yield Gateway(limit, kind, latency, by_item=by_item), concurrency


def table() -> Iterator[str]:
    """What was reached between the 10th and the 40th second, over the grid, line by line."""
    yield "accepted / attainable and the share of requests refused: whole requests, then item by item;"
    yield "* where no sender could do well, see Gateway.leaves_room"
    for latency, concurrency in itertools.product(LATENCIES, CONCURRENCIES):
        yield f"\nlatency {latency * 1000:.0f} ms, jitter 10%, concurrency {concurrency}"
        rows: dict[str, str] = {}
        for gateway, _ in grid(latencies=(latency,), concurrencies=(concurrency,)):
            trace = simulate(gateway, concurrency=concurrency)
            share = trace.accepted() / gateway.attainable(concurrency, 200)
            mark = " " if gateway.leaves_room(concurrency, 200) else "*"
            name = f"  {gateway.kind:<17}{gateway.limit:>7,.0f}/s"
            rows[name] = rows.get(name, name) + f"   {share:6.3f}{mark} {trace.refused():5.1%}"
        yield from rows.values()


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)  # noqa: T201 - a table for people
