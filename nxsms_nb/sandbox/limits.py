"""The gateway's limits: messages per second, and messages per hour to one number. The caller gives the time."""

from __future__ import annotations

from typing import Final, Literal, Protocol

HOUR: Final = 3600.0


class Limiter(Protocol):
    """Decides how many messages may pass now."""

    def take(self, wanted: int, tick: float) -> bool:
        """Let `wanted` messages pass together, or none of them."""

    def take_some(self, wanted: int, tick: float) -> int:
        """Let as many of `wanted` messages pass as possible; return how many."""


class Bucket:
    """A token bucket that holds one second's worth, full at the start.

    Examples
    --------
    >>> bucket = Bucket(100)
    >>> bucket.take(80, tick=0.0), bucket.take(80, tick=0.1), bucket.take(80, tick=0.7)
    (True, False, True)
    >>> bucket.take_some(80, tick=0.8)
    20
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._capacity = max(rate, 1.0)
        self._level = self._capacity
        self._tick: float | None = None

    def take(self, wanted: int, tick: float) -> bool:
        """Let `wanted` messages pass together, or none of them."""
        self._fill(tick)
        # A bucket of 0.1 * 1000 must hold 100 in spite of floating point.
        if self._level + 1e-6 < wanted:
            return False
        self._level -= wanted
        return True

    def take_some(self, wanted: int, tick: float) -> int:
        """Let as many of `wanted` messages pass as the bucket holds; return how many."""
        self._fill(tick)
        granted = min(wanted, int(self._level + 1e-6))
        self._level -= granted
        return granted

    def _fill(self, tick: float) -> None:
        if self._tick is not None:
            self._level = min(self._capacity, self._level + (tick - self._tick) * self._rate)
        self._tick = tick


class Window:
    """A counter that starts again with each second of the clock.

    Examples
    --------
    >>> window = Window(100)
    >>> window.take(80, tick=5.0), window.take(80, tick=5.9), window.take(80, tick=6.0)
    (True, False, True)
    """

    def __init__(self, rate: float) -> None:
        # Below one a second the window is as long as one message takes.
        self._length = max(1.0, 1.0 / rate)
        self._most = max(int(rate), 1)
        self._window = -1
        self._used = 0

    def take(self, wanted: int, tick: float) -> bool:
        """Let `wanted` messages pass together, or none of them."""
        self._turn(tick)
        if self._used + wanted > self._most:
            return False
        self._used += wanted
        return True

    def take_some(self, wanted: int, tick: float) -> int:
        """Let as many of `wanted` messages pass as the window allows; return how many."""
        self._turn(tick)
        granted = min(wanted, self._most - self._used)
        self._used += granted
        return granted

    def _turn(self, tick: float) -> None:
        window = int(tick // self._length)
        if window != self._window:
            self._window, self._used = window, 0


def limiter(kind: Literal["bucket", "window"], rate: float | None) -> Limiter | None:
    """Make the limiter for a rate; None without a limit."""
    if rate is None:
        return None
    return Bucket(rate) if kind == "bucket" else Window(rate)


class Hourly:
    """Counts the messages accepted for each number within the last hour.

    Examples
    --------
    >>> hourly = Hourly(2)
    >>> [hourly.take("8615088888888", tick) for tick in (0.0, 1.0, 2.0, 3600.5)]
    [True, True, False, True]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # A number seen once, by far the most frequent case, costs a float instead of a list.
        self._seen: dict[str, float | list[float]] = {}

    def take(self, phone: str, tick: float) -> bool:
        """Count one more message to a number; return False, without counting it, if the limit is reached."""
        seen = self._seen.get(phone)
        if seen is None:
            if self._most == 0:
                return False
            self._seen[phone] = tick
            return True
        recent = [at for at in (seen if isinstance(seen, list) else [seen]) if tick - at < HOUR]
        if len(recent) >= self._most:
            return False
        self._seen[phone] = [*recent, tick]
        return True
