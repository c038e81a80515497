"""What compose shows of a template, in words and figures, for the widget and its still picture alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, flat, present
from nxsms_nb.engine.prices import money
from nxsms_nb.errors import NxsmsError
from nxsms_nb.formatting import mask_digits, masks
from nxsms_nb.results.table import new
from nxsms_nb.rows.placeholders import Placeholder, parsed
from nxsms_nb.rows.problems import RULES, suspicions
from nxsms_nb.rows.segments import count_segments
from nxsms_nb.rows.texts import PLAIN as PLAIN_FOR
from nxsms_nb.rows.texts import plain_texts
from nxsms_nb.views import masking
from nxsms_nb.words.language import counted, hint, tr, translated

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.engine.plan import Plan
    from nxsms_nb.rows.templates import Filled

__all__ = [
    "FIGURES",
    "Given",
    "columns_of",
    "empty",
    "error_words",
    "estimate_words",
    "of_plan",
    "of_texts",
    "surprise_words",
]

FIGURES: Final = ("totals", "fates", "problems", "costly", "notes")
"""What the plan fills, behind the texts."""
_MOST_COLUMNS: Final = 60
_MOST_LINES: Final = 8
_NONE: Final = "–"
_HINTS: Final = {rule.name: rule.hint for rule in RULES}


@dataclass(frozen=True)
class Given:
    """What is known of the call before there is a text."""

    campaign: str | None
    simulated: bool
    on_loopback: bool
    priced: bool


def columns_of(frame: pd.DataFrame) -> list[str]:
    """Name the columns that a template can use as they are, results and names that may be a number left out."""
    names = []
    for label in new(frame).columns if "messageid" in frame.columns else frame.columns:
        if not isinstance(label, str) or masks(label):
            continue
        try:
            pieces = list(parsed(f"{{{label}}}", frame))
        except NxsmsError:
            continue
        if len(pieces) == 1 and isinstance(pieces[0], Placeholder) and pieces[0].label == label and not pieces[0].spec:
            names.append(label)
    return names[:_MOST_COLUMNS]


def empty(given: Given, columns: list[str], rows: int, code: str) -> dict[str, Any]:
    """Return the view when there is no text."""
    money_words = tr("sandbox" if given.simulated else "local gateway" if given.on_loopback else "real money")
    campaign = tr("no campaign") if given.campaign is None else tr("campaign {name}", name=masking.name(given.campaign))
    return {
        "state": "ready",
        "number": 0,
        "plain": False,
        "money": money_words,
        "real": not (given.simulated or given.on_loopback),
        "campaign": campaign,
        "rows": counted(rows, "row"),
        "columns": columns,
        # Not the bullet, of which masks consist.
        "special": "".join(PLAIN_FOR.values()).replace("•", ""),
        "error": "",
        "lacking": "",
        "estimate": "",
        "preview": [],
        "totals": _totals(given, None, 1.0),
        "fates": [],
        "problems": [],
        "costly": {"lines": [], "offer": ""},
        "notes": [],
        "code": code,
    }


def error_words(error: NxsmsError) -> str:
    """Return the words for an error, shown next to the field."""
    return translated(str(error))


def surprise_words(error: Exception) -> str:
    """Return the words for an unexpected error, without its own text, which may quote the frame."""
    return tr("This could not be computed ({kind}).", kind=type(error).__name__)


def estimate_words(looked_at: int, rows: int) -> str:
    """Return the words that mark figures as an estimate, if they are one."""
    if looked_at == rows:
        return ""
    return tr("Estimated from {part} of {rows}.", part=f"{looked_at:,}", rows=counted(rows, "row"))


def of_texts(filled: Filled, text: pa.Array, phones: pd.Series[Any]) -> dict[str, Any]:
    """Return the part about texts: example rows, and why some rows have no text."""
    digits = flat(pa.array(phones, TEXT, from_pandas=True))
    segments, encodings = count_segments(text, digits)
    preview = []
    for place, why in _picked(filled, text, segments, encodings):
        content, phone = text[place].as_py(), digits[place].as_py()
        size = [tr("no text, so it is not sent")]
        if content is not None:
            size = [counted(len(content), "character"), counted(int(segments[place]), "segment"), str(encodings[place])]
        preview.append(
            {
                "why": why,
                "to": tr("no usable number") if phone is None else masking.phone(phone),
                "text": None if content is None else masking.numbers(content),
                "size": " · ".join(size),
                # Where nothing would be saved, as in a Chinese text, no character is to blame.
                "marked": content is not None and not plain_texts(text.slice(place, 1)).equals(text.slice(place, 1)),
            }
        )
    return {"lacking": translated(filled.lacking or ""), "preview": preview}


def _picked(filled: Filled, text: pa.Array, segments: Any, encodings: Any) -> list[tuple[int, list[str]]]:
    """Pick example rows: the longest, one with a gap, one of each encoding; no row twice."""
    there = present(text)
    length = np.where(there, pc.fill_null(pc.utf8_length(text), 0).to_numpy(zero_copy_only=False), -1)
    picked: dict[int, list[str]] = {}
    if there.any():
        longest = int(np.lexsort((-np.arange(len(text)), length, segments))[-1])
        picked.setdefault(longest, []).append(tr("the longest"))
    if filled.gaps.any():
        picked.setdefault(int(np.flatnonzero(filled.gaps)[0]), []).append(tr("with a gap"))
    for name in ("GSM-7", "UCS-2"):
        rows = np.flatnonzero((encodings == name) & there)
        if len(rows):
            same = next((row for row in picked if there[row] and encodings[row] == name), int(rows[0]))
            picked.setdefault(same, []).append(name)
    return list(picked.items())


def of_plan(plan: Plan, said: list[str], text: pa.Array, *, scale: float) -> dict[str, Any]:
    """Return the part about the rows' fates; figures of a sample are scaled to the frame, and rounded."""
    problems = [
        [rule, _rows(int(rows), scale), hint(str(rule), _HINTS.get(str(rule), ""))]
        for rule, rows in plan.problems.items()
    ]
    mistaken = suspicions(text.filter(pa.array(present(text)))).counts()
    problems += [
        [str(rule), _rows(int(rows), scale), hint(str(rule), _HINTS.get(str(rule), ""))]
        for rule, rows in mistaken["rows"].items()
    ]
    fates = [[tr(str(fate)), _about(int(n), scale)] for fate, n in plan.counts.items() if n and fate != "send"]
    return {
        "state": "ready",
        "totals": _totals(None, plan, scale),
        "fates": fates,
        "problems": problems,
        "costly": _costly(plan, scale),
        "notes": [translated(mask_digits(note)) for note in (*said, *plan.notes)],
    }


def _totals(given: Given | None, plan: Plan | None, scale: float) -> list[list[str]]:
    priced = given.priced if given is not None else plan is not None and plan.cost is not None
    names = ["rows to send", "recipients", "segments to pay", *(["cost"] if priced else []), "requests"]
    if plan is None:
        return [[_named(name), _NONE] for name in names]
    values = {
        "rows to send": _about(int(plan.counts["send"]), scale),
        "recipients": _about(plan.recipients, scale),
        "segments to pay": _about(plan.segments, scale),
        "requests": _about(plan.requests, scale),
    }
    if plan.cost is not None:
        cost = plan.cost if scale == 1 else plan.cost * round(scale * 1000) / 1000
        values["cost"] = money(cost) if scale == 1 else tr("about {number}", number=money(cost))
    return [[_named(name), values[name]] for name in names]


def _named(total: str) -> str:
    return {
        "rows to send": tr("rows to send"),
        "recipients": tr("recipients"),
        "segments to pay": tr("segments to pay"),
        "cost": tr("cost"),
        "requests": tr("requests"),
    }[total]


def _about(number: int, scale: float) -> str:
    if scale == 1:
        return f"{number:,}"
    estimate = number * scale
    digits = 10 ** max(0, len(str(int(estimate))) - 2)
    return tr("about {number}", number=f"{round(estimate / digits) * digits:,}")


def _costly(plan: Plan, scale: float) -> dict[str, Any]:
    lines = [
        tr(
            "{characters}: {needs} instead of {without} in {rows}",
            characters=characters,
            rows=_rows(int(rows), scale),
            needs=counted(int(needs), "segment"),
            without=without,
        )
        for characters, rows, needs, without, _ in plan.characters.head(_MOST_LINES).itertuples(index=False)
    ]
    offer = ""
    if plan.plain_segments:
        offer = tr("Plain characters would save {segments}.", segments=_segments(plan.plain_segments, scale))
        if plan.plain_saves is not None and scale == 1:
            offer = tr(
                "Plain characters would save {segments}, {money}.",
                segments=_segments(plan.plain_segments, scale),
                money=money(plan.plain_saves),
            )
    return {"lines": lines, "offer": offer}


def _rows(number: int, scale: float) -> str:
    return counted(number, "row") if scale == 1 else tr("{number} rows", number=_about(number, scale))


def _segments(number: int, scale: float) -> str:
    return counted(number, "segment") if scale == 1 else tr("{number} segments", number=_about(number, scale))
