"""Do what `reconcile` does: settle rows in doubt, each in its own campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nxsms_nb._arrow import present
from nxsms_nb.client import client_or_env
from nxsms_nb.engine import elsewhere, reconcile
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.engine.prepare import journal_of
from nxsms_nb.engine.sent_rows import read_back
from nxsms_nb.errors import ConfigError, Interrupted, QueryError
from nxsms_nb.formatting import named
from nxsms_nb.invocation import Invocation
from nxsms_nb.settings import COLUMNS, LOOKING, with_defaults

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client

__all__ = ["reconciled"]


def reconciled(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, absent: str, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Settle the rows in doubt and return the frame; for `reconcile`."""
    if absent not in ("Unknown", "Unsent"):
        raise ConfigError(f"absent={named(absent)} is not one of 'Unknown', 'Unsent'.")
    settings = with_defaults(given, LOOKING, COLUMNS)
    spelled = Invocation("reconcile", {"absent": absent, **given}, client is not None)
    client = client_or_env(client, practice=spelled.practice)
    sent = read_back(frame, client, settings, call=spelled, journal=journal_of(settings, client))
    dispatch = sent.dispatch(sent.journal, settings["campaign"])
    doubtful = np.intersect1d(reconcile.in_doubt(dispatch.results), np.flatnonzero(present(dispatch.ids)))
    elsewhere.refuse_strange_doubts(dispatch, doubtful)
    for home in sent.homes_of(doubtful):
        call.ready_to_lock()
        # A run that may still be working on rows in doubt holds their campaign, so that nobody else judges them.
        with sent.hold(home) as campaign:
            left, timed = sent.learn(home.rows, campaign)
            if not len(left):
                continue
            if client.app_secret is None:
                raise QueryError(
                    "The record query needs the application's secret: Client(app_secret=…), or set NXSMS_APP_SECRET."
                )
            recorder = dispatch.record(campaign, rows=0, workers=1)
            through = False
            try:
                settled = reconcile.settle(dispatch, recorder, left, absent=absent, timed=timed)
                through = in_loop(unless_stopped(call, settled))
            finally:
                recorder.close(stopped=None if through or not call.stop.asked else "stopped by you")
        if not through:
            raise Interrupted("Stopped by you; rows that were not settled stay in doubt.", dispatch.joined())
    return dispatch.joined(last=True)
