"""What a run's panel shows, in words and figures: the live widget and the static summary draw the same."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import count, mask_name, span
from nxsms_nb.results.statuses import STATUSES, WORDS
from nxsms_nb.wire.codes import TABLE

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Progress

__all__ = ["CODES", "POINTS", "Throughput", "view_of"]

CODES: Final = 4
"""Lines for failure codes. Room for all of them is kept from the start, so that nothing moves when a code turns up."""
POINTS: Final = 120
"""The most points that the history of a run's throughput keeps."""
_FINEST_S: Final = 0.25
_NOTHING: Final = "–"
_HEADINGS: Final = {"running": "Sending", "stopping": "Stopping", "stopped": "Stopped", "finished": "Finished"}
_STOPPING: Final = "stopping: "


class Throughput:
    """Messages a second over a run: at most `POINTS` values, over intervals that double in length as the run goes on."""

    def __init__(self) -> None:
        self._width = _FINEST_S
        self._at = [0.0]
        self._decided = [0]

    def add(self, elapsed_s: float, decided: int) -> None:
        """Note how many messages were settled by a moment of the run."""
        if elapsed_s < self._at[-1] + self._width:
            return
        self._at.append(elapsed_s)
        self._decided.append(decided)
        if len(self._at) > POINTS:
            self._width *= 2
            self._at, self._decided = self._at[::2], self._decided[::2]

    @property
    def rates(self) -> list[float]:
        """Messages a second in each interval.

        Examples
        --------
        >>> seen = Throughput()
        >>> for elapsed_s, decided in ((1.0, 100), (1.1, 150), (2.0, 300)):
        ...     seen.add(elapsed_s, decided)
        >>> seen.rates
        [100.0, 200.0]
        """
        points = pairwise(zip(self._at, self._decided, strict=True))
        return [round((n - m) / (t - s), 1) for (s, m), (t, n) in points]


def view_of(now: Progress, throughput: Throughput) -> dict[str, Any]:
    """Put a moment of a run in words and figures, ready to be shown: JSON, nothing escaped yet."""
    total, tally = max(now.total, 1), now.tally
    rates = throughput.rates
    most = sorted(now.codes.items(), key=lambda item: -item[1])
    listed = most if len(most) <= CODES else most[: CODES - 1]
    rest = most[len(listed) :]
    return {
        "state": now.state,
        "heading": _HEADINGS[now.state],
        "money": "sandbox" if now.simulated else "local gateway" if now.on_loopback else "real money",
        "real": not (now.simulated or now.on_loopback),
        "campaign": f"campaign {mask_name(now.campaign)}" if now.campaign is not None else "no campaign",
        "done": f"{now.decided:,} of {count(now.sending, 'message')}",
        "percent": round(100 * sum(tally.values()) / total),
        "bar": [[status, round(100 * tally[status] / total, 2)] for status in STATUSES if tally.get(status)],
        "counts": [[status, WORDS[status] + now.aside(status), f"{tally.get(status, 0):,}"] for status in STATUSES],
        "facts": _facts(now, max(rates, default=0.0)),
        "rates": rates,
        "codes": [[str(code), _meaning(code), f"{number:,}"] for code, number in listed],
        "more": f"{count(len(rest), 'more code')}: {sum(number for _, number in rest):,}" if rest else "",
        "note": _note(now),
    }


def _facts(now: Progress, peak: float) -> list[list[str]]:
    left = now.sending - now.decided
    pace = now.rate or now.average
    return [
        ["now", _NOTHING if now.final else f"{now.rate:,.0f}/s"],
        ["average", f"{now.average:,.0f}/s"],
        ["peak", f"{max(peak, now.average):,.0f}/s"],
        ["in flight", _NOTHING if now.final else count(now.in_flight, "request")],
        ["limit", _limit(now)],
        ["throttled", count(now.throttled, "request")],
        ["elapsed", span(now.elapsed_s) if now.final else span(max(1, round(now.elapsed_s)))],
        ["remaining", _NOTHING if now.final or not pace or not left else span(max(1, round(left / pace)))],
    ]


def _limit(now: Progress) -> str:
    """Return the ceiling in messages per second, and whose it is."""
    if now.pace is None:
        return "none met"
    own = now.max_rate is not None and now.pace >= now.max_rate
    return f"{now.pace:,.0f}/s {'max_rate' if own else 'found'}"


def _note(now: Progress) -> str:
    if now.state == "stopping":
        awaited = f"; waiting for {count(now.in_flight, 'request')} in flight" if now.in_flight else ""
        return f"No new request is sent{awaited}: {now.note.removeprefix(_STOPPING)}"
    return now.news


def _meaning(code: int) -> str:
    known = TABLE.get(code)
    return known.meaning if known is not None else "a code that the vendor does not document"
