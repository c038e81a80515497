"""Look a Dask frame's rows up: partitions are prepared on the workers, and this process alone asks the journal."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dask.dataframe.dispatch import make_meta

from nxsms_nb import screen
from nxsms_nb.calls import Call
from nxsms_nb.client import client_or_env
from nxsms_nb.dask.calls import DaskInvocation
from nxsms_nb.dask.parts import Parts, PartWriter
from nxsms_nb.dask.sending import looked_at
from nxsms_nb.engine.plan import Plan, plan_of
from nxsms_nb.engine.plan_sums import added, without_rows
from nxsms_nb.engine.prepare import journal_of, prepare
from nxsms_nb.engine.prices import read_prices
from nxsms_nb.errors import Interrupted
from nxsms_nb.rows.columns import resolve
from nxsms_nb.settings import COLUMNS, LOOKING, with_defaults
from nxsms_nb.verbs.looking import as_recorded, asked_balance, read_rate

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.dispatch import Dispatch

__all__ = ["plan", "recorded"]

_INTERRUPTED: Final = "Stopped by you while rows were looked up; nothing was sent."


def recorded(frame: Any, client: Client | None, to: Any, given: Mapping[str, Any]) -> Any:
    """Do what ``ddf.nxsms.recorded`` does."""
    settings = with_defaults(given, LOOKING, COLUMNS)
    spelled = _spelled("recorded", client, to, given)

    def joined(dispatch: Dispatch) -> pd.DataFrame:
        rows, words = as_recorded(dispatch, settings)
        screen.say(*words)
        return rows

    client = client_or_env(client, practice=spelled.practice)
    return _written(frame, client, to=to, settings=settings, spelled=spelled, joined=joined)


def _written(
    frame: Any,
    client: Client,
    *,
    to: Any,
    settings: dict[str, Any],
    spelled: DaskInvocation,
    joined: Callable[[Dispatch], pd.DataFrame],
) -> Any:
    """Look the partitions up one after another, and return what each gives as one frame."""
    empty = make_meta(frame)
    resolve(empty, {name: settings[name] for name in COLUMNS})
    parts = Parts(_own_folder() if to is None else to, frame.npartitions, settings["prefix"])
    journal = journal_of(settings, client)
    source, settings = looked_at(frame, empty, settings, spelled)
    try:
        with PartWriter(parts, source.found.columns) as writer, closing(source.parts()) as ready:
            for number, part in enumerate(ready):
                report = part.report
                dispatch = prepare(report.frame, client, settings, call=spelled, journal=journal, report=report)
                writer.put(number, joined(dispatch))
                del part, report, dispatch
            writer.wait()
    except KeyboardInterrupt:
        raise Interrupted(_INTERRUPTED) from None
    return parts.frame(divisions=bool(frame.known_divisions))


def plan(frame: Any, client: Client | None, *, to: Any, prices: Any, rate: Any, given: Mapping[str, Any]) -> Plan:
    """Do what ``ddf.nxsms.plan`` does."""
    settings = with_defaults(given, LOOKING, COLUMNS)
    spelled = _spelled("plan", client, to, {"prices": prices, "rate": rate, **given})
    per_segment, pace = read_prices(prices), read_rate(rate)
    client = client_or_env(client, practice=spelled.practice)
    counted = settings["duplicates"] == "raise"
    settings = {**settings, "duplicates": "drop"} if counted else settings
    # In a named campaign a number gets one message, unless the call says otherwise.
    once = settings["campaign"] is not None and settings["key"] is None and settings["duplicates"] != "allow"
    plans: list[Plan] = []
    numbers = [np.empty(0, np.int64)]

    def joined(dispatch: Dispatch) -> pd.DataFrame:
        one = plan_of(dispatch, prices=per_segment, rate=pace, counted=counted)
        if not once:
            phones = dispatch.checked.fields["phone"].take(dispatch.positions(dispatch.todo))
            numbers.append(np.unique(pc.cast(phones, pa.int64()).to_numpy(zero_copy_only=False)))
        plans.append(without_rows(one))
        return one.frame

    rows = _written(frame, client, to=to, settings=settings, spelled=spelled, joined=joined)
    call: Call[Any] = Call(partial(asked_balance, client=client))
    different = None if once else np.unique(np.concatenate(numbers))
    return added(plans, rows, numbers=different, balance=call.result(), counted=counted, priced=prices is not None)


def _spelled(verb: str, client: Client | None, to: Any, given: Mapping[str, Any]) -> DaskInvocation:
    return DaskInvocation(verb, given, client is not None, to=None if to is None else str(to))


def _own_folder() -> str:
    """Make a folder for rows that nobody named one for; it lasts as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="nxsms-")
    atexit.register(folder.cleanup)
    return folder.name
