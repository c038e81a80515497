"""The pictures of a dashboard as JSON: counts, rates, names; nothing escaped, phone numbers masked."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from nxsms_nb.analysis import groups
from nxsms_nb.analysis.axes import OTHER, Axis, Scale
from nxsms_nb.analysis.cube import FAILED, GOOD
from nxsms_nb.analysis.derived import SECOND_NAMES
from nxsms_nb.analysis.intervals import wilson
from nxsms_nb.analysis.slices import range_in_words
from nxsms_nb.formatting import shorten
from nxsms_nb.results.columns import from_sandbox
from nxsms_nb.results.statuses import LABELS, STATUSES
from nxsms_nb.views import labels, masking
from nxsms_nb.words.language import advice, code_label, counted, meaning, tr, translated
from nxsms_nb.words.pictures import RANGES

if TYPE_CHECKING:
    from nxsms_nb.analysis.reasons import Reason
    from nxsms_nb.views.dashboard_board import Board

__all__ = ["about_reason", "chip_words", "level_name", "range_name", "view_of"]

_WHY: Final = {
    "twice": "more than one column has this name",
    "number": "numbers of people; group by country",
    "lists": "holds lists or the like",
    "type": "holds values that cannot be written as text",
    "one": "one value only",
    "unique": "almost every row has a value of its own",
}
"""The reasons why a column makes no groups."""

_ALWAYS: Final = ("Success", "Failure")
_OUTCOMES: Final = ("status", "reason")
"""Choices of outcomes rather than of rows."""


def view_of(board: Board) -> dict[str, Any]:
    """Return all pictures of the chosen rows; a picture ignores the choice made in itself.

    Rates are over the rows that the gateway answered, whatever status or reason is chosen: of those with the chosen code,
    all failed, and the share of the answered rows that it befell is what tells groups apart.
    """
    cube, choices = board.cube, board.choices
    mask = board.mask
    overall, everyone = cube.overall(mask), cube.overall(choices.mask(_OUTCOMES))
    return {
        "total": len(cube),
        "chosen": len(cube) if mask is None else int(np.count_nonzero(mask)),
        "sandbox": from_sandbox(board.frame),
        "outcome": cube.outcome,
        "outcomes": cube.outcomes,
        "overall": _rated(overall[FAILED], everyone[FAILED] + everyone[GOOD]),
        "tiles": _tiles(board),
        "reasons": _reasons(board),
        "time": _scale(board, "time"),
        "latency": _scale(board, "latency"),
        "columns": [_column_name(board, label) for label in board.columns],
        "refused": [[masking.name(str(label)), translated(_WHY.get(why, why))] for label, why in board.refused.items()],
        "groups": _groups(board),
        "heat": _heat(board),
        "slices": [("slice", words) in choices for words in board.slice_words],
        "experiment": None if board.variant is None else masking.name(str(board.variant)),
        "chips": [masking.name(chip_words(board, key)) for key in choices],
        "code": masking.code(board.code),
        "trouble": masking.numbers(translated(board.trouble)),
    }


def _column_name(board: Board, label: Hashable) -> str:
    """Return a column's name, translated if it is derived."""
    if groups.is_own(board.frame, label, board.asked.prefix):
        return masking.name(str(label))
    name = SECOND_NAMES.get(str(label), str(label))
    return str(label).replace(name, tr(name), 1)


def _rated(failed: Any, answered: Any) -> dict[str, Any]:
    answered = int(answered)
    low, high = wilson(failed, answered)
    rate = float(failed / answered) if answered else None
    return {
        "failed": int(failed),
        "answered": answered,
        "rate": rate,
        "low": float(low) if answered else None,
        "high": float(high) if answered else None,
    }


def _tiles(board: Board) -> list[dict[str, Any]]:
    counts = board.cube.statuses(board.choices.mask(("status",)))
    answered = _answered(board)
    chosen = board.choices.get("status")
    everywhere = board.cube.statuses(None)
    return [
        {
            "status": status,
            "words": tr(LABELS[status]),
            "rows": int(counts[place]),
            "share": counts[place] / answered if place < 2 and answered else None,
            "on": None if chosen is None else chosen.level == place,
        }
        for place, status in enumerate(STATUSES)
        if status in _ALWAYS or everywhere[place]
    ]


def _answered(board: Board) -> int:
    """Count the rows that the gateway answered, of every status and reason."""
    counts = board.cube.statuses(board.choices.mask(_OUTCOMES))
    return int(counts[0] + counts[1])


def reason_name(reason: Reason) -> tuple[str, str]:
    """Return the name of a reason's bar, and the words next to it."""
    if reason.code is not None:
        return str(reason.code), meaning(reason.code)
    if reason.texts and reason.text is not None:
        return "", shorten(masking.numbers(translated(reason.text)), 120)
    return "", tr("no reason given") if reason.texts else tr("no code; see the rows for the reasons")


def _reasons(board: Board) -> list[dict[str, Any]]:
    cube = board.cube
    counts = cube.of_reasons(board.choices.mask(("reason",)))
    answered = _answered(board)
    low, high = wilson(counts, np.full(len(counts), answered))
    chosen = board.choices.get("reason")
    found = []
    for place, reason in enumerate(cube.reasons.reasons):
        name, words = reason_name(reason)
        share = reason.status == "Failure" and answered > 0
        found.append(
            {
                "level": place,
                # The failure bar of a code is found by its number alone.
                "value": name or words if reason.status == "Failure" else f"{reason.status} {name or words}",
                "status": reason.status,
                "label": tr(LABELS[reason.status]),
                "name": name,
                "words": words,
                "rows": int(counts[place]),
                "share": counts[place] / answered if share else None,
                "low": float(low[place]) if share else None,
                "high": float(high[place]) if share else None,
                "on": None if chosen is None else chosen.level == place,
            }
        )
    return found


def about_reason(board: Board) -> dict[str, str] | None:
    """Return the meaning of the chosen reason, and what to do about it."""
    chosen = board.choices.get("reason")
    if chosen is None:
        return None
    reason = board.cube.reasons.reasons[chosen.level]
    words = reason_name(reason)[1]
    return {
        "name": code_label(reason.code) if reason.code is not None else words,
        "advice": advice(reason.code) if reason.code is not None else "",
    }


def _scale(board: Board, key: str) -> dict[str, Any]:
    scale = board.scale(key)
    mask = board.choices.mask((key,))
    counts = board.cube.of_scale(scale, mask)
    chosen = board.choices.get(key)
    over_time = board.cube.latency_over_time(mask, 0.5, 0.95) if key == "time" else []
    return {
        **dict(zip(("median", "slow"), over_time, strict=False)),
        "labels": _edge_names(scale, key),
        "seconds": (int(scale.edges[1]) - int(scale.edges[0])) / 1e6 if key == "time" and len(scale) else None,
        "failed": counts[:, FAILED].tolist(),
        "good": counts[:, GOOD].tolist(),
        "rest": (counts.sum(axis=1) - counts[:, FAILED] - counts[:, GOOD]).tolist(),
        "on": None if chosen is None else list(chosen.level),
    }


def _edge_names(scale: Scale, key: str) -> list[str]:
    """Return what stands at each edge of the intervals."""
    if not len(scale):
        return []
    if key == "latency":
        return [_milliseconds(edge) for edge in scale.edges]
    first, last = (scale.scalar(edge) for edge in (scale.edges[0], scale.edges[-1]))
    step = int(scale.edges[1] - scale.edges[0])
    clock = "%H:%M" if step % 60_000_000 == 0 else "%H:%M:%S"
    form = "%Y-%m-%d" if step % 86_400_000_000 == 0 else clock if first.date() == last.date() else f"%m-%d {clock}"
    cut = 3 if form.endswith("%S") and step % 1_000_000 else 0
    moments = pd.DatetimeIndex(np.asarray(scale.edges, np.int64).view("M8[us]"))
    return [f"{moment:{form}}" + (f".{moment.microsecond // 1000:03d}" if cut else "") for moment in moments]


def _milliseconds(value: float) -> str:
    if np.isinf(value):
        return "∞"
    return f"{value:,.6g} ms" if abs(value) < 1000 else f"{value / 1000:,.6g} s"


def range_name(scale: Scale, key: str, first: int, last: int) -> str:
    """Put a range of intervals in words."""
    names = _edge_names(scale, key)
    if key == "latency":
        if np.isinf(scale.edges[last + 1]):
            return tr("latency {low} or more", low=names[first])
        return tr("latency {low} to {high}", low=names[first], high=names[last + 1])
    day = f"{scale.scalar(scale.edges[first]):%Y-%m-%d} "
    dated = names[first].startswith(day.strip()) or "-" in names[first]
    return tr("{low} to {high} UTC", low=("" if dated else day) + names[first], high=names[last + 1])


def level_name(board: Board, axis: Axis, level: int) -> str:
    """Return the name of a level, translated if it is derived."""
    value = axis.levels[level]
    if value is OTHER:
        return tr("other ({values})", values=counted(axis.many, "value"))
    if isinstance(value, pd.Interval):
        ranges = [place for place, one in enumerate(axis.levels) if isinstance(one, pd.Interval)]
        several = len(ranges) > 1
        name = range_in_words(value, (several and level == ranges[0], several and level == ranges[-1]))
        return masking.numbers(translated(name, RANGES))
    if value is None:
        return tr("(missing)")
    name = labels.value_text(value)
    return name if groups.is_own(board.frame, axis.label, board.asked.prefix) else tr(name)


def _groups(board: Board) -> dict[str, Any] | None:
    if board.group is None:
        return None
    cube, axis = board.cube, board.cube.axis(board.group)
    key = ("column", board.group)
    counts = cube.of_axis(axis, board.choices.mask((key,)))
    everyone = cube.of_axis(axis, board.choices.mask((key, *_OUTCOMES)))
    answered = everyone[:, FAILED] + everyone[:, GOOD]
    chosen = board.choices.get(key)
    rows = [
        {
            "level": level,
            "name": level_name(board, axis, level),
            "rows": int(counts[level].sum()),
            **_rated(counts[level, FAILED], answered[level]),
            "other": axis.levels[level] is OTHER,
            "on": None if chosen is None else chosen.level == level,
        }
        for level in range(len(axis))
    ]
    return {
        "column": board.columns.index(board.group),
        "rows": rows,
        "ordered": axis.ordered,
        "overall": _rated(counts[:, FAILED].sum(), answered.sum()),
    }


def _heat(board: Board) -> dict[str, Any] | None:
    if None in board.pair:
        return None
    one, other = (board.cube.axis(label) for label in board.pair)
    keys: list[Hashable] = [("column", label) for label in board.pair]
    counts = board.cube.of_pair(one, other, board.choices.mask(keys))
    everyone = board.cube.of_pair(one, other, board.choices.mask([*keys, *_OUTCOMES]))
    on = [board.choices[key].level if key in board.choices else None for key in keys]
    return {
        "row": board.columns.index(one.label),
        "column": board.columns.index(other.label),
        "rows": [level_name(board, one, level) for level in range(len(one))],
        "columns": [level_name(board, other, level) for level in range(len(other))],
        "others": [[value is OTHER for value in axis.levels] for axis in (one, other)],
        "failed": counts[:, :, FAILED].tolist(),
        "answered": (everyone[:, :, FAILED] + everyone[:, :, GOOD]).tolist(),
        "on": on,
    }


def chip_words(board: Board, key: Hashable) -> str:
    """Put a choice in words."""
    chosen = board.choices[key]
    if key == "status":
        return tr(LABELS[STATUSES[chosen.level]])
    if key == "reason":
        reason = board.cube.reasons.reasons[chosen.level]
        name = code_label(reason.code) if reason.code is not None else reason_name(reason)[1]
        return name if reason.status == "Failure" else f"{tr(LABELS[reason.status])}: {name}"
    if key in ("time", "latency"):
        return range_name(board.scale(str(key)), str(key), *chosen.level)
    pair: Any = key
    kind, label = pair
    if kind == "slice":
        return str(label)
    return f"{_column_name(board, label)}: {level_name(board, board.cube.axis(label), chosen.level)}"
