"""The pace of a run, against simulated gateways with a limit it is not told."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from nxsms_nb.engine.rate import AdaptiveRate
from tests.support.simulator import LIMITERS, Gateway, Trace, grid, simulate

pytestmark = pytest.mark.any_pandas


def test_holds_the_limit_wherever_there_is_room_to() -> None:
    """From 50 to 20,000 messages a second, 5 ms to 1 s, buckets and windows: 0.95 of the limit, under 3% refused."""
    missed = []
    judged = 0
    for gateway, concurrency in grid(limits=(50, 500, 3000, 8000, 20_000), concurrencies=(16,)):
        if not gateway.leaves_room(concurrency, 200):
            continue
        judged += 1
        trace = simulate(gateway, concurrency=concurrency)
        if trace.accepted() < 0.95 * gateway.attainable(concurrency, 200) or trace.refused() >= 0.03:
            missed.append((gateway, concurrency, trace.accepted(), trace.refused()))
    assert not missed
    assert judged > 120


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("by_item", [False, True])
def test_holds_500_a_second_at_100_ms(kind: str, by_item: bool) -> None:
    """At 500 a second, 100 ms and 16 requests in flight: 0.95 of the limit, under 3% refused, whatever the noise."""
    for seed in (1, 2):
        trace = simulate(Gateway(500, kind, 0.1, by_item=by_item), concurrency=16, seed=seed)
        assert trace.accepted() >= 0.95 * 500
        assert trace.refused() < 0.03
        assert trace.refused(0.0) < 0.05  # the search for the limit included


@pytest.mark.parametrize("by_item", [False, True])
@pytest.mark.parametrize(("limit", "latency", "share"), [(3000, 0.1, 0.97), (8000, 0.1, 0.95), (20_000, 0.005, 0.9)])
def test_a_bucket_of_one_request(limit: float, latency: float, share: float, by_item: bool) -> None:
    """A bucket that holds 200 messages, 10 ms' worth even, is served by requests smaller than that."""
    trace = simulate(Gateway(limit, "bucket 1 request", latency, by_item=by_item), concurrency=16)
    assert trace.accepted() >= share * limit
    assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", ["window", "sliding"])
def test_replies_of_300_ms_blur_a_window(kind: str) -> None:
    """Where jitter moves arrivals by more than a twentieth of the window, it still gets 0.93 of the limit."""
    for limit, concurrency in itertools.product((180, 3000), (16, 64)):
        trace = simulate(Gateway(limit, kind, 0.3), concurrency=concurrency)
        assert trace.accepted() >= 0.93 * limit
        assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("limit", [500, 5000])
def test_no_bursts(kind: str, limit: float) -> None:
    """Once the limit is found, no second brings more than a tenth beyond it."""
    trace = simulate(Gateway(limit, kind, 0.1), concurrency=16)
    assert trace.busiest() <= 1.1 * limit


def test_the_start_is_no_burst() -> None:
    """Sixteen requests of 200 are not thrown at a gateway of 500 a second: ten at most, before its first refusal is read."""
    trace = simulate(Gateway(500, "bucket 1 s", 0.1), concurrency=16)
    first = min(back for _, _, back, n, taken in trace.requests if taken < n)
    assert sum(begun <= first for begun, *_ in trace.requests) <= 10
    assert sum(n - taken for _, n, taken in trace.arrived(0, 10)) <= 4 * 500


@pytest.mark.parametrize(("latency", "concurrency"), [(0.1, 16), (0.005, 8)])
def test_no_limit_costs_next_to_nothing(latency: float, concurrency: int) -> None:
    """A gateway without a limit is used to 95% of what latency and concurrency permit, the first second included."""
    total = 200_000
    trace = simulate(Gateway(1e12, latency=latency, jitter=0.0), concurrency=concurrency, total=total, until=math.inf)
    ideal = latency * total / 200 / concurrency
    assert max(back for _, _, back, _, _ in trace.requests) <= 1.05 * ideal


def test_a_slow_first_reply_does_not_hold_the_start_back() -> None:
    """A first request that took 2 s, for its handshake say, is forgotten as soon as others take 50 ms."""
    pace = AdaptiveRate(batch_size=200, concurrency=16)
    pace.accepted(200, pace.reserve(200, 0.0), 2.0)
    now = 2.0
    for _ in range(4):
        begun = max(now, pace.reserve(200, now))
        now = begun + 0.05
        pace.accepted(200, begun, now)
    begun = [pace.reserve(200, now) for _ in range(16)]
    assert begun[-1] - begun[0] < 0.1


@pytest.mark.parametrize(("kind", "share"), [("bucket 1 s", 0.95), ("bucket 0.2 s", 0.95), ("window", 0.9)])
@pytest.mark.parametrize("limit", [10, 20, 50, 150])
def test_a_limit_below_one_request_is_met_by_smaller_ones(kind: str, share: float, limit: float) -> None:
    """A gateway that can never take 200 at once gets requests it can take, within seconds."""
    trace = simulate(Gateway(limit, kind, 0.1), concurrency=16)
    assert trace.accepted(0, 10) > 0.5 * limit
    assert trace.accepted() >= min(share * limit, limit - 0.5)
    assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("latency", [0.3, 1.0])
@pytest.mark.parametrize("limit", [50, 3000])
def test_is_stuck_nowhere(kind: str, latency: float, limit: float) -> None:
    """Where physics leaves no room, slow replies and a single request in flight say, messages flow all the same."""
    gateway = Gateway(limit, kind if limit > 200 else "bucket 0.2 s", latency)
    for concurrency in (1, 16):
        trace = simulate(gateway, concurrency=concurrency, until=90)
        assert trace.accepted(30, 90) >= 0.4 * gateway.attainable(concurrency, 200)
        assert trace.refused(30, 90) < 0.05


def test_one_slow_request_at_a_time_comes_down_in_few_steps() -> None:
    """With three requests a second each refusal counts: a rate found far too high is corrected in few of them."""
    trace = simulate(Gateway(500, "bucket 1 s", 0.3), concurrency=1)
    assert trace.accepted() >= 0.9 * 500
    assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("batch_size", [1, 5, 30])
def test_small_batches(kind: str, batch_size: int) -> None:
    """The limit is held with small batches too, as far as concurrency carries it."""
    gateway = Gateway(500, kind if kind != "bucket 1 request" else "bucket 1 s", 0.05)
    trace = simulate(gateway, concurrency=64, batch_size=batch_size)
    assert max(n for _, n, _ in trace.arrived(0, 40)) <= batch_size
    assert trace.accepted() >= 0.95 * 500
    assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("latency", [0.005, 0.1, 0.3])
def test_a_raised_limit_is_found(kind: str, latency: float) -> None:
    """When a limit of 500 becomes 2,500, the run is back at it within half a minute."""
    trace = simulate(Gateway(500, kind, latency, changes=((15, 2500),)), concurrency=64, until=60)
    assert trace.accepted(45, 60) >= 0.92 * 2500
    assert trace.refused(45, 60) < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
@pytest.mark.parametrize("latency", [0.005, 0.1, 0.3])
def test_a_lowered_limit_is_obeyed(kind: str, latency: float) -> None:
    """When a limit of 5,000 becomes 500, five seconds later the run keeps to it."""
    trace = simulate(Gateway(5000, kind, latency, changes=((15, 500),)), concurrency=64, until=50)
    assert trace.refused(20, 50) < 0.03
    assert trace.busiest(20, 50) <= 1.2 * 500
    assert trace.accepted(25, 50) >= 0.92 * 500


@pytest.mark.parametrize("kind", LIMITERS)
def test_a_gateway_that_takes_nothing_for_a_while(kind: str) -> None:
    """Ten seconds of nothing but refusals see few requests, and the run recovers from them."""
    trace = simulate(Gateway(500, kind, 0.1, changes=((15, 1e-9), (25, 500))), concurrency=16, until=60)
    assert sum(1 for _ in trace.arrived(17, 25)) <= 10
    assert trace.accepted(50, 60) >= 0.92 * 500


def test_outcomes_nobody_knows_hold_nothing_up() -> None:
    """Requests in doubt are never told; the pace holds the limit all the same."""
    trace = simulate(Gateway(500, "bucket 1 s", 0.1, untold=0.1), concurrency=16)
    assert trace.accepted() >= 0.95 * 500
    assert trace.refused() < 0.03


@pytest.mark.parametrize("kind", LIMITERS)
def test_workers_that_reserve_each_for_themselves(kind: str) -> None:
    """The limit is held as well when each of eight workers waits for its own turn."""
    trace = simulate(Gateway(500, kind, 0.1), concurrency=8, each_reserves=True)
    assert trace.accepted() >= 0.95 * 500
    assert trace.refused() < 0.03


def test_max_rate_is_a_ceiling() -> None:
    """With `max_rate`, no second sees more, the start included, and the gateway's own limit is held below it."""
    ceiling = simulate(Gateway(5000), AdaptiveRate(concurrency=16, max_rate=300), concurrency=16)
    assert ceiling.busiest(0.0) <= 300 * 1.15
    assert ceiling.accepted() == pytest.approx(300, rel=0.02)
    pace = AdaptiveRate(concurrency=16, max_rate=3000)
    assert pace.rate == 3000
    trace = simulate(Gateway(500), pace, concurrency=16)
    assert trace.accepted() >= 0.95 * 500
    assert pace.rate is not None
    assert pace.rate < 700


def test_what_the_ceiling_hides_is_not_mistaken_for_a_limit() -> None:
    """A limit raised beyond `max_rate` is not searched for again when it comes back to just below it."""
    pace = AdaptiveRate(concurrency=16, max_rate=300)
    simulate(Gateway(200, changes=((10, 5000),)), pace, concurrency=16, until=60)
    assert pace.rate == 300
    pace.refused(10, 60.0, 60.1)
    pace.reserve(10, 60.1)
    assert pace.note.startswith("held to 2")


def test_shrunk_requests_stay_small() -> None:
    """After `shrink(5)` no request carries more than five, and a larger maximum does not undo it."""
    pace = AdaptiveRate(batch_size=200)
    assert pace.size() == 200
    pace.shrink(5)
    pace.shrink(50)
    assert pace.size() == 5
    trace = simulate(Gateway(500, latency=0.05), pace, concurrency=16)
    assert max(n for _, n, _ in trace.arrived(0, 40)) == 5
    assert trace.accepted() >= 0.95 * 500


def test_retry_after_is_honoured() -> None:
    """Nothing leaves before the pause that the gateway asked for is over, even if the refusal is an old one."""
    pace = _limited()
    pace.refused(10, 100.0, 100.1, retry_after=30)
    assert pace.reserve(10, 100.2) >= 130.1
    pace = _limited()
    pace.refused(10, 100.0, 100.1)
    pace.refused(10, 99.9, 100.2, retry_after=7)  # left before the rate was lowered
    assert pace.reserve(10, 100.2) >= 107.2


def test_old_refusals_say_nothing_new() -> None:
    """A refusal of a request that left before the last step down changes neither rate nor schedule."""
    pace = _limited()
    pace.refused(10, 100.0, 100.1)
    before = pace.rate
    pace.refused(10, 100.05, 100.15)
    assert pace.rate == before


def test_a_refusal_is_a_small_step() -> None:
    """A refusal near a limit that was held for a while costs about five per cent of the rate, no more."""
    pace = _limited()
    for hundredth in range(0, 300, 3):
        pace.accepted(15, 100 + hundredth / 100, 100.1 + hundredth / 100)
    before = pace.rate
    pace.refused(10, 103.0, 103.1)
    assert before is not None
    assert pace.rate is not None
    assert 0.94 * before <= pace.rate < before


def test_the_rate_is_unknown_until_a_refusal() -> None:
    """Without a refusal and without `max_rate` there is no rate and nothing to say."""
    pace = AdaptiveRate()
    assert pace.rate is None
    assert pace.note == ""
    pace.accepted(200, 0.0, 0.1)
    assert pace.rate is None
    assert pace.achieved(0.1) > 0


def test_achieved_is_what_was_accepted_in_the_last_second() -> None:
    """What was accepted leaves the figure a second later."""
    pace = AdaptiveRate()
    pace.reserve(200, 0.0)
    for tenth in range(1, 31):
        pace.accepted(50, tenth / 10 - 0.1, tenth / 10)
    assert pace.achieved(3.0) == pytest.approx(500)
    assert pace.achieved(3.55) == pytest.approx(250)
    assert pace.achieved(9.0) == 0


def test_notes_tell_what_holds_the_run_back() -> None:
    """The words tell the search, the limit held and a pause asked for, and are silent about the person's own ceiling."""
    pace = AdaptiveRate(concurrency=16)
    pace.accepted(200, pace.reserve(200, 0.0), 0.1)
    pace.refused(200, pace.reserve(200, 0.1), 0.2)
    pace.reserve(1, 0.2)
    assert pace.note.startswith("finding the gateway's limit, now at ")
    pace = _limited()
    pace.reserve(10, 100.0)
    pace.reserve(10, 100.0)
    assert pace.note == f"held to {pace.rate:,.0f} messages a second, our estimate of the gateway's limit"
    pace.refused(10, 100.0, 100.1, retry_after=30)
    pace.reserve(10, 100.2)
    assert pace.note == "the gateway asked for a pause of 30 s"
    pace.accepted(10, 131.0, 131.1)
    assert pace.note.startswith("held to ")
    pace = AdaptiveRate(max_rate=100)
    pace.reserve(10, 0.0)
    pace.reserve(10, 0.0)
    assert pace.note == ""


def test_halving_and_creeping_up_would_not_do() -> None:
    """The figures above are not the simulation's gift: congestion control by the book misses them on most gateways."""
    gateways = [Gateway(limit, kind, 0.1) for limit in (500, 3000) for kind in LIMITERS]
    reached = [_share(simulate(gateway, _Halving(), concurrency=16), gateway) for gateway in gateways]
    assert sum(share < 0.95 for share in reached) > len(reached) / 2
    assert min(reached) < 0.8


def _share(trace: Trace, gateway: Gateway) -> float:
    return trace.accepted() / gateway.limit


def _limited() -> AdaptiveRate:
    """A pace that has held a limit of about 500 a second, with replies of 100 ms, until second 100."""
    pace = AdaptiveRate(concurrency=16)
    simulate(Gateway(500, "sliding", 0.1), pace, concurrency=16, until=100.0)
    return pace


class _Halving:
    """Halve the rate on a refusal, add a request each second: the control that the pace is compared with."""

    def __init__(self) -> None:
        self._rate, self._free, self._heeded = 32_000.0, 0.0, 0.0

    def size(self) -> int:
        return 200

    def reserve(self, n: int, now: float) -> float:
        when = max(self._free, now)
        self._free = when + n / self._rate
        return when

    def accepted(self, n: int, begun: float, now: float) -> None:
        self._rate += n * n / self._rate

    def refused(self, n: int, begun: float, now: float, retry_after: Any = None) -> None:
        if begun >= self._heeded:
            self._rate, self._heeded = max(1.0, self._rate / 2), now
