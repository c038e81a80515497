"""The tables of a sent Dask frame: counted on the workers, and the same as of the whole frame in one process."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from dask.dataframe.dispatch import make_meta

from nxsms_nb.analysis import causes, groups
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.drivers import drivers as pandas_drivers
from nxsms_nb.analysis.experiments import compare as pandas_compare
from nxsms_nb.analysis.failures import grouped, widened
from nxsms_nb.analysis.measures import measure
from nxsms_nb.analysis.summary import summary as pandas_summary
from nxsms_nb.analysis.throughput import throughput as pandas_throughput
from nxsms_nb.dask.narrow import PREFIX, Narrow, reduced
from nxsms_nb.errors import ColumnError
from nxsms_nb.results import columns
from nxsms_nb.rows.columns import found, one_column, one_label
from nxsms_nb.wire.fields import FIELDS

__all__ = ["compare", "drivers", "failures", "summary", "throughput"]

_OF_TEXTS: Final = ("country", "length", "segments", "encoding")
"""What is derived from numbers and texts, which are not needed afterwards."""


def summary(frame: Any, prefix: str) -> pd.DataFrame:
    """Do what ``ddf.nxsms.summary`` does."""
    columns.read(make_meta(frame), prefix, columns=())
    return reduced(frame, partial(_results, prefix=prefix, names=("status",)), _summary)  # type: ignore[no-any-return]


def _summary(total: Narrow) -> pd.DataFrame:
    return pandas_summary(total.frame, PREFIX, weights=total.weights)


def throughput(frame: Any, freq: Any, prefix: str) -> pd.DataFrame:
    """Do what ``ddf.nxsms.throughput`` does."""
    names = ("status", "batch", "sent_at", "latency_ms")
    columns.read(make_meta(frame), prefix, columns=())
    return reduced(frame, partial(_results, prefix=prefix, names=names), partial(_throughput, freq=freq))  # type: ignore[no-any-return]


def _throughput(total: Narrow, freq: Any) -> pd.DataFrame:
    return pandas_throughput(total.frame, freq, PREFIX, weights=total.weights)


def _results(frame: pd.DataFrame, prefix: str, names: tuple[str, ...]) -> Narrow:
    return Narrow(_with_results(pd.DataFrame(index=frame.index), frame, prefix, names)).once()


def _with_results(narrow: pd.DataFrame, frame: pd.DataFrame, prefix: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Add results to a narrow frame: those that are named, the others empty."""
    read = columns.read(frame, prefix, columns=names).reset_index(drop=True)
    if "reason" in names:
        read = causes.needed(read)
    results = columns.empty(len(frame)).assign(**{name: read[name] for name in names}).add_prefix(PREFIX)
    joined = columns.append_columns(narrow.reset_index(drop=True), results)
    joined.attrs = dict(frame.attrs)
    return joined


def failures(frame: Any, by: Any, *, bins: Any, wide: bool, asked: Asked) -> pd.DataFrame:
    """Do what ``ddf.nxsms.failures`` does."""
    empty = make_meta(frame)
    columns.read(empty, asked.prefix, columns=())
    labels = _labels(by, list(frame.columns))
    for label in labels or ():
        groups.values_of(empty, label, asked, "by")
    return reduced(  # type: ignore[no-any-return]
        frame, partial(_causes, labels=labels, asked=asked), partial(_failures, labels=labels, bins=bins, wide=wide)
    )


def _labels(by: Any, there: list[Any]) -> list[Hashable] | None:
    if by is None:
        return None
    several = isinstance(by, list) or (isinstance(by, tuple) and by not in there)
    labels = list(by) if several else [by]
    if any(hasattr(label, "dtype") or hasattr(label, "dask") for label in labels):
        raise ColumnError("by= takes names of columns on a Dask frame. Make the values a column: ddf.assign(group=…).")
    return labels


def _causes(frame: pd.DataFrame, labels: list[Hashable] | None, asked: Asked) -> Narrow:
    narrow = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    made = set()
    for place, label in enumerate(labels or ()):
        narrow[place] = groups.values_of(frame, label, asked, "by").array
        if groups.made_name(frame, label, asked.prefix) is not None:
            made.add(label)
    narrow = narrow.set_axis(pd.Index(labels or [], dtype=object), axis=1)
    return Narrow(
        _with_results(narrow, frame, asked.prefix, ("status", "code", "reason")), None, frozenset(made)
    ).once()


def _failures(total: Narrow, labels: list[Hashable] | None, bins: Any, *, wide: bool) -> pd.DataFrame:
    made = grouped(total.frame, labels, Asked(PREFIX), bins=bins, weights=total.weights, made=total.made)
    return widened(made) if wide else made.frame


def _refuse_outcome(empty: pd.DataFrame, outcome: Hashable, prefix: str) -> None:
    """Refuse an outcome that a frame, given without its rows, does not have: a worker has only some of its columns."""
    if outcome in ("accepted", "delivered") or found(empty, one_label("outcome", outcome)) is None:
        measure(empty, outcome, rows=np.empty(0, np.bool_), prefix=prefix)


def compare(frame: Any, by: Hashable, given: Mapping[str, Any]) -> pd.DataFrame:
    """Do what ``ddf.nxsms.compare`` does."""
    options = {"by": by, **given}
    empty = make_meta(frame)
    one_column(empty, by, "by")
    _refuse_outcome(empty, options["outcome"], options["prefix"])
    return reduced(frame, partial(_of_arms, options=options), partial(_compare, options=options))  # type: ignore[no-any-return]


def _of_arms(frame: pd.DataFrame, options: Mapping[str, Any]) -> Narrow:
    """Keep what a comparison looks at, and drop texts and ids."""
    unit, prefix = options["unit"], options["prefix"]
    units = unit if isinstance(unit, list) else [unit]
    wanted = [options["by"], options["outcome"], options["phone"], options["region"], "phone", *units]
    if options["outcome"] in ("accepted", "delivered"):
        wanted += [label for label in frame.columns if isinstance(label, str) and label.startswith(prefix)]
        wanted = [label for label in wanted if label not in ("content", options["region"])] + [options["region"]]
    there = {found(frame, label) for label in wanted if label is not None and not hasattr(label, "dtype")}
    kept = frame.loc[:, [label in there for label in frame.columns]]
    for name in ("messageid", "reason"):
        if prefix + name in kept.columns and columns.carries(frame, prefix, gaps=True):
            kept = kept.assign(**{prefix + name: columns.empty(len(kept))[name].array})
    kept.attrs = dict(frame.attrs)
    return Narrow(kept.reset_index(drop=True))


def _compare(total: Narrow, options: Mapping[str, Any]) -> pd.DataFrame:
    return pandas_compare(total.frame, **options)


def drivers(frame: Any, chosen: Any, given: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
    """Do what ``ddf.nxsms.drivers`` does."""
    labels = None if chosen is None else _labels(chosen, list(frame.columns))
    empty = make_meta(frame)
    _refuse_outcome(empty, given["outcome"], asked.prefix)
    for label in labels or ():
        groups.values_of(empty, label, asked, "columns")
    return reduced(  # type: ignore[no-any-return]
        frame,
        partial(_of_columns, labels=labels, asked=asked),
        partial(_drivers, labels=labels, given=dict(given), asked=asked),
    )


def _of_columns(frame: pd.DataFrame, labels: list[Hashable] | None, asked: Asked) -> Narrow:
    """Keep what may go with failure, and what is derived from numbers and texts in their place."""
    own = {asked.phone, asked.content, *(name for field in FIELDS[:2] for name in (field.name, field.wire))}
    own |= {"sys_message_id", "sysMessageId"}
    if "segments" in frame.columns:
        # Where receipts brought it, it is derived from the texts all the same.
        own = {"sys_message_id", "sysMessageId"}
    kept = frame.loc[:, [label not in own or label in (labels or ()) for label in frame.columns]]
    made = {}
    wanted: list[Any] = [name for name in _OF_TEXTS if name not in frame.columns]
    if labels is not None:
        wanted = [label for label in labels if groups.made_name(frame, label, asked.prefix) in _OF_TEXTS]
    for label in wanted:
        try:
            made[label] = groups.values_of(frame, label, asked, "columns").array
        except ColumnError:
            if labels is not None:
                raise
    kept = kept.assign(**made)
    for name in ("messageid", "reason"):
        if asked.prefix + name in kept.columns and columns.carries(frame, asked.prefix, gaps=True):
            kept = kept.assign(**{asked.prefix + name: columns.empty(len(kept))[name].array})
    kept.attrs = dict(frame.attrs)
    return Narrow(kept.reset_index(drop=True), None, frozenset(made))


def _drivers(total: Narrow, labels: list[Hashable] | None, given: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
    return pandas_drivers(total.frame, labels, asked=asked, **given)
