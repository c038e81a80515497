"""The journal's campaigns and runs as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.journal import lookup
from nxsms_nb.journal.blocks import unpacked
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.results.table import UNDECIDED

if TYPE_CHECKING:
    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.journal.store import Snapshot


def campaigns(journal: Snapshot | None) -> pd.DataFrame:
    """Return a row for each campaign; see `journal.Journal.campaigns`.

    None stands for a journal that does not exist yet.
    """
    by_campaign: dict[str, list[RunRow]] = {}
    if journal is not None:
        for run in journal.runs().values():
            by_campaign.setdefault(run.campaign, []).append(run)
    counts = []
    for name, there in by_campaign.items():
        known = attempted(journal, name)
        by_status = {status: int((known == i).sum()) for i, status in enumerate(STATUSES)}
        started = [run.started_us for run in there]
        about = {"campaign": name, "runs": len(there), "rows": len(known), **by_status}
        counts.append({**about, "first": min(started), "last": max(started)})
    columns = ["campaign", "runs", "rows", *STATUSES, "first", "last"]
    frame = pd.DataFrame(counts, columns=columns).drop(columns=["Invalid", "Skipped"])
    return frame.assign(first=_instants(frame["first"]), last=_instants(frame["last"]))


def runs(journal: Snapshot | None, *, shared: bool = False) -> pd.DataFrame:
    """Return a row for each run; see `journal.Journal.runs`. None stands for a journal that does not exist yet."""
    rows = []
    if journal is not None:
        for run in journal.runs().values():
            about = (run.id, run.campaign, run.started_us, run.ended_us, run.rows)
            rows.append((*about, journal.requests_of(run.id), run.rate, run.pace, run.stopped))
    names = ["run", "campaign", "started", "ended", "rows", "requests", "rate", "pace", "stopped"]
    frame = pd.DataFrame(rows, columns=names).set_index("run")
    if shared:
        people = {} if journal is None else journal.people()
        for place, name in enumerate(("user", "host")):
            frame[name] = pd.Series([people[run][place] for run in frame.index], frame.index, result_columns.TEXT)
    return frame.assign(
        started=_instants(frame["started"]),
        ended=_instants(frame["ended"]),
        rate=frame["rate"].astype("float64"),
        pace=frame["pace"].astype("float64"),
        stopped=frame["stopped"].astype(result_columns.TEXT),
    )


def attempted(journal: Snapshot | None, campaign: str) -> npt.NDArray[Any]:
    """Return the status of each message that a request of the campaign carried."""
    ids = [] if journal is None else held(journal, campaign)
    if journal is None or not ids:
        return np.empty(0, np.int8)
    status: npt.NDArray[Any] = lookup.known(journal, pa.array(ids, TEXT), campaign).status
    # A block also has the ids of rows whose request never left.
    carried: npt.NDArray[Any] = status[status != UNDECIDED]
    return carried


def held(journal: Snapshot, campaign: str) -> list[str]:
    """Return the distinct ids of a campaign."""
    found: dict[str, None] = {}
    known = journal.runs()
    wanted = {run.id for run in known.values() if run.campaign == campaign}
    for number in journal.blocks_of(wanted, known):
        found.update(dict.fromkeys(unpacked(journal.block(number)[1]).to_pylist()))
    return list(found)


def _instants(microseconds: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(microseconds.astype("Int64"), unit="us", utc=True).astype(result_columns.INSTANT)
