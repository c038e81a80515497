"""What a run's panel shows, in words and figures, for the live widget and the static summary alike."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import mask_name
from nxsms_nb.results.statuses import STATUSES, WORDS
from nxsms_nb.words.language import counted, duration, meaning, tr, translated

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Progress

__all__ = ["CODES", "POINTS", "Throughput", "status_words", "view_of"]

CODES: Final = 4
"""Lines for failure codes. Room for all of them is kept from the start, so that nothing moves when a code turns up."""
POINTS: Final = 120
"""The most points that the history of a run's throughput keeps."""
_FINEST_S: Final = 0.25
_NOTHING: Final = "–"
_HEADINGS: Final = {"running": "Sending", "stopping": "Stopping", "stopped": "Stopped", "finished": "Finished"}
_WAS: Final = {"running": "Was sending", "stopping": "Was stopping"}
"""The same words in the past tense."""
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
    """Describe a moment of a run in words and figures: JSON, in the chosen language, not yet escaped."""
    total, tally = max(now.total, 1), now.tally
    rates = throughput.rates
    most = sorted(now.codes.items(), key=lambda item: -item[1])
    listed = most if len(most) <= CODES else most[: CODES - 1]
    rest = most[len(listed) :]
    return {
        "state": now.state,
        "heading": tr(_HEADINGS[now.state]),
        "was": tr(_WAS.get(now.state, _HEADINGS[now.state])),
        "money": tr("sandbox" if now.simulated else "local gateway" if now.on_loopback else "real money"),
        "real": not (now.simulated or now.on_loopback),
        "campaign": tr("no campaign") if now.campaign is None else tr("campaign {name}", name=mask_name(now.campaign)),
        "done": tr("{decided} of {messages}", decided=f"{now.decided:,}", messages=counted(now.sending, "message")),
        "percent": round(100 * sum(tally.values()) / total),
        "bar": [[status, round(100 * tally[status] / total, 2)] for status in STATUSES if tally.get(status)],
        "counts": [[status, status_words(status, now), f"{tally.get(status, 0):,}"] for status in STATUSES],
        "facts": _facts(now, max(rates, default=0.0)),
        "rates": rates,
        "codes": [[str(code), meaning(code), f"{number:,}"] for code, number in listed],
        "more": tr("{codes}: {number}", codes=counted(len(rest), "more code"), number=f"{sum(n for _, n in rest):,}")
        if rest
        else "",
        "note": _note(now),
    }


def _facts(now: Progress, peak: float) -> list[list[str]]:
    left = now.sending - now.decided
    pace = now.rate or now.average
    return [
        [tr("now"), _NOTHING if now.final else _per_second(now.rate)],
        [tr("average"), _per_second(now.average)],
        [tr("peak"), _per_second(max(peak, now.average))],
        [tr("in flight"), _NOTHING if now.final else counted(now.in_flight, "request")],
        [tr("limit"), _limit(now)],
        [tr("throttled"), counted(now.throttled, "request")],
        [tr("elapsed"), duration(now.elapsed_s if now.final else max(1, round(now.elapsed_s)))],
        [tr("remaining"), _NOTHING if now.final or not pace or not left else duration(max(1, round(left / pace)))],
    ]


def _limit(now: Progress) -> str:
    """Return the ceiling in messages per second, and whose it is."""
    if now.pace is None:
        return tr("none met")
    own = now.max_rate is not None and now.pace >= now.max_rate
    return tr("{number}/s max_rate" if own else "{number}/s found", number=f"{now.pace:,.0f}")


def _per_second(rate: float) -> str:
    return tr("{number}/s", number=f"{rate:,.0f}")


def status_words(status: str, now: Progress) -> str:
    """Return the name of a status, with how many of its rows were sent before or are suppressed."""
    return translated(tr(WORDS[status]) + now.aside(status))


def _note(now: Progress) -> str:
    if now.state == "stopping":
        reason = translated(now.note.removeprefix(_STOPPING))
        if not now.in_flight:
            return tr("No new request is sent: {reason}", reason=reason)
        awaited = counted(now.in_flight, "request")
        return tr("No new request is sent; waiting for {requests} in flight: {reason}", requests=awaited, reason=reason)
    return translated(now.news)
