"""Do what `try_out` does: send a few rows' texts to one's own number."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

from nxsms_nb import screen
from nxsms_nb.client import client_or_env
from nxsms_nb.engine import trial
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.errors import ConfigError, Interrupted
from nxsms_nb.formatting import named
from nxsms_nb.given import frame_as_given
from nxsms_nb.invocation import Invocation
from nxsms_nb.rows import columns as row_columns
from nxsms_nb.rows import validate
from nxsms_nb.settings import CHECKING, COLUMNS, TRYING, with_defaults

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client

__all__ = ["tried"]


def tried(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    to: Any,
    rows: Any,
    given: Mapping[str, Any],
) -> pd.DataFrame:
    """Send the trial and return its results; for `try_out`."""
    settings = {**CHECKING, **with_defaults(given, TRYING, COLUMNS), "duplicates": "allow"}
    if not isinstance(rows, Integral) or isinstance(rows, bool) or not 1 <= int(rows) <= trial.MOST:
        raise ConfigError(f"rows={named(rows)} is not a whole number from 1 to {trial.MOST}.")
    number = trial.number_of(to, settings["region"])
    spelled = Invocation("try_out", {"to": to, "rows": rows, **given}, client is not None)
    client = client_or_env(client, practice=spelled.practice)
    frame = frame_as_given(frame)
    report = validate.report_on(frame, settings)
    if not report.checked.good.any():
        report.raise_if_bad()
        raise ConfigError(
            "The frame has no row that would be sent, so there is no text to try. df.nxsms.plan(client) shows why."
        )
    columns = row_columns.resolve(frame, {name: settings[name] for name in COLUMNS})
    positions, why = trial.examples(frame, report.checked, columns, int(rows))
    messages = trial.Trial(frame, report.checked, client, number, positions, why)
    call.stop.check()
    through = in_loop(unless_stopped(call, messages.send()))
    screen.say(messages.words())
    if not through:
        stopped = Interrupted("Stopped by you during a trial.", messages.results())
        stopped.go_on = "Running the cell again sends the whole trial again."
        raise stopped
    return messages.results()
