"""Trials: send the real texts of a few rows to the person's own number, outside campaigns and journal."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, to_series
from nxsms_nb.engine.outcomes import Disposition, classify
from nxsms_nb.engine.transport import Transport
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import count, mask_digits, mask_phone, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT, Outcome
from nxsms_nb.rows import phones, regions
from nxsms_nb.rows.links import PLACE, linked
from nxsms_nb.rows.segments import count_segments
from nxsms_nb.wire import codes, items, requests
from nxsms_nb.wire.vendor_text import unquoted

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.engine.outcomes import Verdict
    from nxsms_nb.engine.transport import PostResult
    from nxsms_nb.rows.rules import Checked

__all__ = ["MOST", "Trial", "examples", "number_of"]

MOST: Final = 10
"""The most messages of a trial."""

_SENT: Final = ("content", "source_address", "short_link", "link_verbose")
"""The fields of a trial's messages: what a person sees.

Receipts and `ext` would reach systems that do not know of trials.
"""

_GOES_ON: Final = frozenset({Disposition.JUDGED, Disposition.HALVE, Disposition.SIZE})
_FIRST: Final = "among the first"
_NOT_TRIED: Final = "not tried: the trial ended before it"


def number_of(to: Any, region: Any) -> str:
    """Return the digits of the one number that a trial is sent to, or raise `ConfigError`."""
    # A cell of a frame is a NumPy integer, or in a column with gaps a float.
    to = int(to) if isinstance(to, np.integer) else to
    whole = (isinstance(to, (str, int)) and not isinstance(to, bool)) or (isinstance(to, float) and to.is_integer())
    code = region if isinstance(region, str) and regions.is_code(region) else None
    digits = phones.normalise(pd.Series([to], dtype=object), code)[0][0].as_py() if whole else None
    if digits is None:
        shown = mask_phone(to) if whole else type(to).__name__
        raise ConfigError(
            f"to={named(shown)} is not one number. Give your own number with its country code, as in to='+4915112345678'."
        )
    return str(digits)


def examples(
    frame: pd.DataFrame, checked: Checked, columns: Mapping[str, Hashable], most: int
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Choose up to `most` rows with different texts that show the most, and name what each is an example of.

    The longest, one with a gap, one with a short link, one of each encoding, then the first ones.
    """
    good = np.flatnonzero(checked.good)
    content = checked.fields["content"].take(pa.array(good))
    segments, encodings = count_segments(content)
    length = pc.utf8_length(content).to_numpy()
    text = content.dictionary_encode().indices.to_numpy()
    gaps = np.flatnonzero(_with_gaps(frame, set(columns.values()))[good])
    chosen: dict[int, list[str]] = {}

    def choose(row: int, why: str) -> None:
        same = next((one for one in chosen if text[one] == text[row]), None)
        if same is not None:
            chosen[same].append(why)
        elif len(chosen) < most:
            chosen[row] = [why]

    choose(int(np.lexsort((-length, -segments))[0]), "longest")
    for row in gaps[:1]:
        choose(int(row), "with a gap")
    with_link = linked(checked.fields, good)
    for row in np.searchsorted(good, with_link[:1]):
        choose(int(row), "with a short link")
    for name in dict.fromkeys(encodings):
        # One that is chosen already shows it, too.
        choose(next((one for one in chosen if encodings[one] == name), int(np.flatnonzero(encodings == name)[0])), name)
    for row in np.sort(np.unique(text, return_index=True)[1])[:most]:
        if int(row) not in chosen:
            choose(int(row), _FIRST)
    return good[list(chosen)], [", ".join(why for why in whys if why != _FIRST) or _FIRST for whys in chosen.values()]


def _with_gaps(frame: pd.DataFrame, fields: set[Hashable]) -> npt.NDArray[np.bool_]:
    """Return the rows with a gap in a column of the frame's own, since a text may be made from it."""
    results = {prefix + name for prefix in result_columns.prefixes(frame) for name in RESULT_COLUMNS}
    own = [place for place, label in enumerate(frame.columns) if label not in fields and label not in results]
    return np.asarray(frame.iloc[:, own].isna().any(axis=1), np.bool_)


@dataclass(repr=False)
class Trial:
    """Messages to one number, with the texts of some rows, and the result of each."""

    frame: pd.DataFrame
    checked: Checked
    client: Client
    to: str
    rows: npt.NDArray[np.int64]
    why: Sequence[str]
    ids: list[str] = field(init=False)
    outcomes: list[Outcome] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Random: no key gives them, and the next trial has others.
        self.ids = [f"try-{uuid.uuid4().hex}" for _ in self.rows]

    async def send(self) -> None:
        """Send one after another, each once; end where the account or the gateway is in doubt."""
        at = pa.array(self.rows)
        fields: dict[str, pa.Array] = {
            name: self.checked.fields[name].take(at) for name in _SENT if name in self.checked.fields
        }
        made = items.encode({"phone": pa.array([self.to] * len(self.rows), TEXT), **fields}, pa.array(self.ids, TEXT))
        async with Transport(self.client) as transport:
            for place, messageid in enumerate(self.ids):
                self.times_us.append(time.time_ns() // 1000)
                try:
                    result = await transport.post(requests.body(self.client.app_key, made.joined(place, 1)))
                except asyncio.CancelledError as stop:
                    self.outcomes.append(_cut_off(stop))
                    raise
                verdict = classify(
                    left=result.left,
                    status=result.status,
                    body=result.body,
                    error=result.error,
                    ids=[messageid],
                    garbled=result.garbled,
                    first=not self.client.at_vendor,
                )
                outcome = self._outcome(verdict, result, place)
                self.outcomes.append(outcome)
                if verdict.disposition not in _GOES_ON or outcome.code in codes.ACCOUNT:
                    return

    def _outcome(self, verdict: Verdict, result: PostResult, place: int) -> Outcome:
        latency = result.latency_ms
        if verdict.disposition == Disposition.JUDGED and verdict.reply is not None and verdict.reply.items:
            item = verdict.reply.items[0]
            if item is None:
                return Outcome(UNKNOWN, None, verdict.words, latency)
            if item.accepted:
                return Outcome(SUCCESS, codes.SUCCESS, None, latency)
            code = codes.from_text(item.text)
            status = UNSENT if code == codes.TPS or code in codes.ACCOUNT else FAILURE
            return Outcome(status, code, self._words(item.text, place, code), latency)
        if verdict.disposition in (Disposition.HALVE, Disposition.SIZE):
            return Outcome(FAILURE, verdict.code, verdict.words, latency)
        if verdict.disposition in (Disposition.JUDGED, Disposition.DOUBT):
            return Outcome(UNKNOWN, None, verdict.words, latency)
        return Outcome(UNSENT, verdict.code, verdict.words, latency)

    def _words(self, text: str | None, place: int, code: int | None) -> str:
        if code is not None or text is None or not text.strip():
            return text if text is not None and text.strip() else "refused without a word"
        row = int(self.rows[place])
        quotes = [one for values in self.checked.fields.values() if (one := values[row].as_py()) is not None]
        return mask_digits(unquoted(text, [self.to, *quotes]))

    def results(self) -> pd.DataFrame:
        """Return one row for each message; see ``df.nxsms.try_out``."""
        left = len(self.rows) - len(self.outcomes)
        outcomes = [*self.outcomes, *[Outcome(UNSENT, None, _NOT_TRIED)] * left]
        index = self.frame.index.take(self.rows)
        content = self.checked.fields["content"].take(pa.array(self.rows))
        segments, encodings = count_segments(content, pa.array([self.to] * len(self.rows), TEXT))
        times = [pd.Timestamp(us, unit="us", tz="UTC") for us in self.times_us]
        made: dict[str, list[Any]] = {
            "messageid": [one if n < len(self.outcomes) else None for n, one in enumerate(self.ids)],
            "status": [STATUSES[one.status] for one in outcomes],
            "code": [one.code for one in outcomes],
            "reason": [one.reason for one in outcomes],
            "sent_at": [*times, *[pd.NaT] * left],
            "latency_ms": [one.latency_ms for one in outcomes],
        }
        shown = pd.DataFrame(
            {
                "position": self.rows,
                "why": pd.Series(list(self.why), index=index, dtype=result_columns.TEXT),
                "content": to_series(content.cast(TEXT), index),
                **self._links(index),
                "encoding": pd.Series(list(encodings), index=index, dtype=result_columns.TEXT),
                "segments": segments,
                **{
                    name: pd.Series(values, index=index, dtype=result_columns.DTYPES[name])
                    for name, values in made.items()
                },
            },
            index=index,
        )
        shown.attrs = {"nxsms": {"gateway": "sandbox"}} if self.client.simulated else {}
        return shown

    def _links(self, index: pd.Index[Any]) -> dict[str, Any]:
        """Return the messages' short links, if any has one: the content shows only ``#1#``."""
        if not len(linked(self.checked.fields, self.rows)):
            return {}
        return {"short_link": to_series(self.checked.fields["short_link"].take(pa.array(self.rows)).cast(TEXT), index)}

    def words(self) -> str:
        """Describe what was sent where, and that the same call sends it again."""
        statuses = [one.status for one in self.outcomes]
        accepted, doubtful = statuses.count(SUCCESS), statuses.count(UNKNOWN)
        doubt = f", {doubtful:,} in doubt" if doubtful else ""
        refused = next((one.reason for one in self.outcomes if one.status != SUCCESS and one.reason), None)
        why = f" None was accepted: {refused.rstrip('.')}." if refused and not accepted else ""
        where = " by the sandbox, which sends to nobody" if self.client.simulated else ""
        link = ""
        if not self.client.simulated and len(linked(self.checked.fields, self.rows)):
            link = f" The phone shows what the vendor puts in place of {PLACE}, and how long that is."
        return (
            f"Trial: {accepted:,} of {count(len(self.rows), 'message')} to {mask_phone(self.to)} accepted{where}{doubt}.{why}{link} "
            "No campaign knows of them; running this again sends them again."
        )


def _cut_off(stop: asyncio.CancelledError) -> Outcome:
    """Return the outcome of a message that was in flight when the person stopped the trial."""
    result = stop.args[0] if stop.args else None
    if getattr(result, "left", True):
        return Outcome(UNKNOWN, None, "stopped by the person before the reply came")
    return Outcome(UNSENT, None, "stopped by the person")
