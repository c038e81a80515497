"""``df.nxsms``: one-line methods over functions that work without it. It holds the frame and nothing else.

The modules behind it are reached as attributes of the package, which loads them when they are first needed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, Literal, Unpack

import pandas as pd

import nxsms_nb as nx
from nxsms_nb.settings import CHECKING, COLUMNS, LOOKING, SENDING, Checking, Looking, Sending, spelled_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nxsms_nb.client import Client
    from nxsms_nb.dashboard import Dashboard
    from nxsms_nb.handle import Run
    from nxsms_nb.plan import Plan
    from nxsms_nb.report import ValidationReport


class NxsmsAccessor:
    """What a frame of recipients can do: be checked, sent, looked at.

    Parameters
    ----------
    frame : pandas.DataFrame
        The frame.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    # ------------------------------------------------------------------ before sending

    def render(self, template: str) -> pd.Series[str]:
        """Make each row's text from a template; see `templates.render`."""
        return nx.templates.render(self._frame, template)

    @spelled_out(CHECKING, COLUMNS)
    def validate(self, **given: Unpack[Checking]) -> ValidationReport:
        """Hold every row against every rule, without the network; see `validation.validate`."""
        return nx.validation.validate(self._frame, **given)

    @spelled_out(LOOKING, COLUMNS)
    def plan(self, client: Client | None = None, **given: Unpack[Looking]) -> Plan:
        """Each row's fate if sent now; see `sending.plan`."""
        return nx.sending.plan(self._frame, client, **given)

    # ------------------------------------------------------------------ sending

    @spelled_out(SENDING, COLUMNS)
    def send(self, client: Client | None = None, **given: Unpack[Sending]) -> pd.DataFrame:
        """Send the rows, each at most once, and join what became of them; see `sending.send`."""
        return nx.sending.send(self._frame, client, **given)

    @spelled_out(SENDING, COLUMNS)
    async def asend(self, client: Client | None = None, **given: Unpack[Sending]) -> pd.DataFrame:
        """Same as `send`, but awaited; see `sending.asend`."""
        return await nx.sending.asend(self._frame, client, **given)

    @spelled_out(SENDING, COLUMNS)
    def start(self, client: Client | None = None, **given: Unpack[Sending]) -> Run:
        """Same as `send`, but returns at once with a `Run`; see `sending.start`."""
        return nx.sending.start(self._frame, client, **given)

    # ------------------------------------------------------------------ after sending

    @spelled_out(LOOKING, COLUMNS)
    def recorded(self, client: Client | None = None, **given: Unpack[Looking]) -> pd.DataFrame:
        """What is known of the rows, joined on as `send` would; see `sending.recorded`."""
        return nx.sending.recorded(self._frame, client, **given)

    @spelled_out({"codes": None}, SENDING, COLUMNS)
    def retry(
        self, client: Client | None = None, codes: int | Iterable[int] | None = None, **given: Unpack[Sending]
    ) -> pd.DataFrame:
        """Another attempt for rows that certainly did not go out and may now; see `sending.retry`."""
        return nx.sending.retry(self._frame, client, codes, **given)

    @spelled_out({"absent": "Unknown"}, LOOKING, COLUMNS)
    def reconcile(
        self,
        client: Client | None = None,
        absent: Literal["Unknown", "Unsent"] = "Unknown",
        **given: Unpack[Looking],
    ) -> pd.DataFrame:
        """Settle rows in doubt by the record query; see `sending.reconcile`."""
        return nx.sending.reconcile(self._frame, client, absent, **given)

    def summary(self, prefix: str = "") -> pd.DataFrame:
        """Rows by status; see `analysis.summary`."""
        return nx.analysis.summary(self._frame, prefix)

    def failures(
        self,
        by: Hashable | list[Hashable] | None = None,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: str | None = None,
    ) -> pd.DataFrame:
        """Failed rows by code, and by columns; see `analysis.failures`."""
        return nx.analysis.failures(self._frame, by, prefix=prefix, phone=phone, content=content, region=region)

    def throughput(self, freq: Any = "1s", prefix: str = "") -> pd.DataFrame:
        """Messages over time; see `analysis.throughput`."""
        return nx.analysis.throughput(self._frame, freq, prefix)

    @property
    def plot(self) -> NxsmsPlots:
        """Figures of the results."""
        return NxsmsPlots(self._frame)

    def dashboard(
        self,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: str | None = None,
    ) -> Dashboard:
        """A widget with status counts, failure codes and throughput; see `dashboard.dashboard`."""
        return nx.dashboard.dashboard(self._frame, prefix, phone=phone, content=content, region=region)


class NxsmsPlots:
    """Figures of a sent frame; each takes ``ax=None`` and returns the Axes.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def failures(
        self,
        ax: Axes | None = None,
        by: Hashable | list[Hashable] | None = None,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: str | None = None,
    ) -> Axes:
        """Failed rows by code, or rates by group; see `plotting.failures`."""
        return nx.plotting.failures(self._frame, ax, by=by, prefix=prefix, phone=phone, content=content, region=region)

    def status(self, ax: Axes | None = None, prefix: str = "") -> Axes:
        """Rows by status; see `plotting.status`."""
        return nx.plotting.status(self._frame, ax=ax, prefix=prefix)

    def throughput(self, ax: Axes | None = None, freq: Any = None, prefix: str = "") -> Axes:
        """Messages a second over time; see `plotting.throughput`."""
        return nx.plotting.throughput(self._frame, ax=ax, freq=freq, prefix=prefix)

    def latency(self, ax: Axes | None = None, prefix: str = "") -> Axes:
        """How long requests took; see `plotting.latency`."""
        return nx.plotting.latency(self._frame, ax=ax, prefix=prefix)


def register() -> None:
    """Register ``df.nxsms``."""
    pd.api.extensions.register_dataframe_accessor("nxsms")(NxsmsAccessor)
