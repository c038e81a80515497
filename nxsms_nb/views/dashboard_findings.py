"""What a dashboard computes on demand, in another thread: what goes with failure, and the arms of an experiment."""

from __future__ import annotations

import contextvars
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from nxsms_nb.errors import NxsmsError
from nxsms_nb.views import labels, masking
from nxsms_nb.words.language import advice, chosen, code_label, counted, tr, translated

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nxsms_nb.analysis.cube import Filter
    from nxsms_nb.analysis.derived import Asked
    from nxsms_nb.views.dashboard_board import Board

__all__ = ["IDLE", "Finding", "in_background", "of_drivers", "of_experiment", "working"]

IDLE: Final[Mapping[str, Any]] = {"state": "idle", "about": "", "rows": [], "note": ""}
"""Nothing was asked for yet."""

Finding = tuple[dict[str, Any], list[str], list["Filter"]]


def in_background(work: Callable[[], None]) -> threading.Thread:
    """Run a function in a thread that the kernel does not wait for at its end."""
    # The context is the callback's: on some kernels a plain thread cannot send.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="nxsms-dashboard", daemon=True)
    thread.start()
    return thread


def working(rows: int, filtered: bool) -> dict[str, Any]:
    """Describe what is being computed, and for which rows."""
    return dict(IDLE) | {"state": "working", "about": _about(rows, filtered)}


def _about(rows: int, filtered: bool) -> str:
    return tr("of the {rows} chosen" if filtered else "of all {rows}", rows=counted(rows, "row"))


def of_drivers(board: Board, frame: pd.DataFrame, *, outcome: str, filtered: bool) -> Finding:
    """Find what goes with failure among some rows, with a filter for each slice."""
    from nxsms_nb.analysis import drivers as analysis  # noqa: PLC0415 - a first picture does not wait for it

    shown = dict(IDLE) | {"state": "done", "about": _about(len(frame), filtered)}
    try:
        table = analysis.drivers(frame, outcome=outcome, asked=board.asked)
    except NxsmsError as trouble:
        return shown | {"state": "failed", "note": masking.numbers(translated(str(trouble)))}, [], []
    rows, words, filters = [], [], []
    for row in table.to_dict("records"):
        code = row["code"]
        known = not pd.isna(code)
        where = masking.name(labels.slice_name(row))
        words.append(where)
        filters.append(board.cube.by_slice(row["slice"]))
        rows.append(
            {
                "where": where,
                "rows": int(row["rows"]),
                "failed": int(row["failed"]),
                "rate": float(row["rate"]),
                "low": float(row["low"]),
                "high": float(row["high"]),
                "rest": float(row["rest_rate"]),
                "excess": float(row["excess"]),
                "code": code_label(int(code)) if known else "",
                "advice": advice(int(code)) if known else "",
            }
        )
    about = table.attrs
    if rows:
        left = about["left"]
        note = ""
        if left["rows"]:
            note = tr(
                "Everything else: {rate} of {rows}, with nothing beyond chance.",
                rate=f"{left['rate']:.1%}",
                rows=counted(left["rows"], "row"),
            )
    elif not about["rows"] or not about["failed"]:
        note = tr("Nothing failed among these rows.")
    elif about["failed"] == about["rows"]:
        note = tr("All of these rows failed, so there is nothing to compare.")
    else:
        note = tr("No slice fails more often than chance explains.")
    return shown | {"rows": rows, "note": note}, words, filters


def of_experiment(
    frame: pd.DataFrame, variant: Hashable, asked: Asked, *, outcome: str, filtered: bool
) -> dict[str, Any]:
    """Compare the arms among some rows."""
    from nxsms_nb.analysis import experiments  # noqa: PLC0415 - as above
    from nxsms_nb.views import comparison  # noqa: PLC0415 - as above

    shown = dict(IDLE) | {"state": "done", "about": _about(len(frame), filtered), "outcome": tr(outcome)}
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            table = experiments.compare(
                frame,
                variant,
                outcome=outcome,
                prefix=asked.prefix,
                phone=asked.phone,
                region=asked.region,
            )
    except NxsmsError as trouble:
        return shown | {"state": "failed", "note": masking.numbers(translated(str(trouble)))}
    arms = table.rename(columns={variant: "arm"}).to_dict("records")
    rows = [
        {
            "arm": masking.name(str(arm["arm"])),
            **{name: int(arm[name]) for name in ("n", "hits")},
            **{
                name: None if pd.isna(arm[name]) else float(arm[name])
                for name in ("rate", "low", "high", "diff", "diff_low", "diff_high", "p_adjusted")
            },
        }
        for arm in arms
    ]
    said = [comparison.finding(table)]
    said += [translated(str(one.message)) for one in warned if issubclass(one.category, UserWarning)]
    if chosen() == "en":  # what the finding says in short, in full
        said.append(str(table.attrs["words"]))
    return shown | {"rows": rows, "note": masking.numbers("\n".join(said))}
