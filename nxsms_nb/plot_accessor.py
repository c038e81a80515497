"""``df.nxsms.plot``: one-line methods over the pictures in `views`. It holds the frame and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nxsms_nb import views
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.arguments import Names, strict_methods

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes


@strict_methods()
class NxsmsPlots(Names):
    """Figures of a sent frame; each takes ``ax=None`` and returns the Axes.

    A new figure is 8 inches wide. Colours, fonts and font sizes follow matplotlib's settings and styles, for example
    ``plt.style.use("dark_background")``. A given Axes may be narrow: words are wrapped to the room there is, and a figure
    without a layout engine gets the constrained one, so that nothing is cut off.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def status(self, ax: Axes | None = None, prefix: str = "") -> Axes:
        """Draw the rows by status.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        matplotlib.axes.Axes
            A bar per status with its number; the share of accepted and of failed rows is of the answered ones.

        Raises
        ------
        ColumnError
            The frame carries no results.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     ax = df.nxsms.send(sandbox.client).nxsms.plot.status()
        >>> ax.get_title(loc="left")
        '100% accepted: 1 of 1 answered message'
        """
        return views.plots.status(self._frame, ax=ax, prefix=prefix)

    def failures(
        self,
        ax: Axes | None = None,
        by: Hashable | pd.Series[Any] | list[Any] | None = None,
        prefix: str = "",
        *,
        bins: int | Sequence[Any] | Literal[False] | None = None,
        tz: Any = None,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> Axes:
        """Draw the failed rows by code, or failure rates by group.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        by : label, Series, or list of them, optional
            What to group by, as in ``df.nxsms.failures``. None: failures by code.
        prefix : str, default ""
            A prefix for the names of the result columns.
        bins : int, sequence or False, optional
            The bins of numbers and times, as in ``df.nxsms.failures``.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        matplotlib.axes.Axes
            A bar per code with its number, share of the answered rows and 95% interval, and below them what was not sent. With
            `by`, a bar per group as long as its failure rate, made up of its codes, with 95% intervals and the rate of all rows
            as a line; the title says which group is highest, or that they differ no more than chance would.

        Raises
        ------
        ColumnError
            The frame carries no results, or cannot be grouped like this.
        ConfigError
            `bins` or `tz` cannot be used.
        """
        asked = Asked(prefix, phone, content, region, tz)
        return views.plots.failures(self._frame, ax, by=by, bins=bins, asked=asked)

    def heatmap(
        self,
        ax: Axes | None = None,
        by: Sequence[Any] = ("country", "hour"),
        prefix: str = "",
        *,
        bins: int | Sequence[Any] | Literal[False] | None = None,
        min_rows: int = 20,
        tz: Any = None,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> Axes:
        """Draw the failure rate of each pair of groups, for example by country and hour.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        by : list of two, default ("country", "hour")
            What makes the rows and what makes the columns, as in ``df.nxsms.failures``.
        prefix : str, default ""
            A prefix for the names of the result columns.
        bins : int, sequence or False, optional
            The bins of numbers and times, as in ``df.nxsms.failures``.
        min_rows : int, default 20
            Cells with fewer answered rows are drawn faint: their rates are hardly more than chance.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        matplotlib.axes.Axes
            A cell per pair of groups: the darker, the more of its answered rows failed, in percent where there is room for
            numbers; empty where nothing was answered. At most 24 rows and columns, those with the most failures.

        Raises
        ------
        ColumnError
            The frame carries no results, or cannot be grouped like this.
        ConfigError
            `by` does not name two groupings, or an option cannot be used.
        """
        asked = Asked(prefix, phone, content, region, tz)
        return views.plots.heatmap(self._frame, ax, by=by, bins=bins, min_rows=min_rows, asked=asked)

    def drivers(
        self,
        ax: Axes | None = None,
        columns: Hashable | list[Hashable] | None = None,
        prefix: str = "",
        *,
        depth: int = 2,
        level: float = 0.05,
        min_rows: int = 20,
        outcome: Hashable = "accepted",
        tz: Any = None,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> Axes:
        """Draw what goes with failure.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        columns : label or list of labels, optional
            Where to look, as in ``df.nxsms.drivers``.
        prefix : str, default ""
            A prefix for the names of the result columns.
        depth, level, min_rows, outcome : optional
            As in ``df.nxsms.drivers``.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived columns need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            columns need it.

        Returns
        -------
        matplotlib.axes.Axes
            A row per slice, in the order in which they were found: a dot for its failure rate with a 95% interval, and a ring
            for the rate of the other rows that earlier slices left. The last row is what no slice explains.

        Raises
        ------
        ColumnError
            The frame carries no results, or a column is missing, ambiguous or cannot be grouped.
        ConfigError
            An option cannot be used, or the outcome's column holds other values.
        """
        asked = Asked(prefix, phone, content, region, tz)
        return views.plots.drivers(
            self._frame, ax, columns=columns, depth=depth, level=level, min_rows=min_rows, outcome=outcome, asked=asked
        )

    def compare(
        self,
        ax: Axes | None = None,
        by: Hashable = "variant",
        prefix: str = "",
        *,
        outcome: Hashable,
        control: Any = None,
        level: float = 0.05,
        unit: Hashable | list[Hashable] | None = None,
        weights: Mapping[Any, float] | Sequence[float] | None = None,
        sequential: bool = False,
        phone: Hashable | None = None,
        region: Hashable | None = None,
        bare: Literal["national", "international"] | None = None,
    ) -> Axes:
        """Draw the arms of an experiment, and how far each is from the control.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        by : label, default "variant"
            The column that says each row's arm.
        prefix : str, default ""
            A prefix for the names of the result columns.
        outcome, control, level, unit, weights, sequential : optional
            As in ``df.nxsms.compare``; `outcome` is needed.
        phone : label, optional
            The column of the phones, where it is not named ``phone``.
        region, bare : optional
            How numbers without a country code are read, as in `send`.

        Returns
        -------
        matplotlib.axes.Axes
            It has the title and holds two panels, its ``child_axes``: first the rate or mean of each arm with its interval,
            then its difference to the control with the interval of that. Differences beyond chance are coloured.

        Raises
        ------
        ColumnError
            A column is missing or ambiguous, there is one arm only, or the outcome cannot be compared.
        ConfigError
            An option is not usable.

        Warns
        -----
        SampleRatioWarning
            The arms are not of the intended sizes, by more than chance.
        UserWarning
            Phones are repeated and `unit` is not given.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"variant": ["A"] * 100 + ["B"] * 100, "bought": [1] * 10 + [0] * 90 + [1] * 25 + [0] * 75})
        >>> ax = df.nxsms.plot.compare(outcome="bought")
        >>> ax.get_title(loc="left"), len(ax.child_axes)
        ('B is higher than A: 25.0% against 10.0%, p = 0.005', 2)
        """
        return views.plots.compare(
            self._frame,
            ax,
            by=by,
            outcome=outcome,
            control=control,
            level=level,
            unit=unit,
            weights=weights,
            sequential=sequential,
            phone=phone,
            region=region,
            bare=bare,
            prefix=prefix,
        )

    def delivery(
        self,
        ax: Axes | None = None,
        by: Hashable | pd.Series[Any] | list[Any] | None = None,
        prefix: str = "",
        *,
        bins: int | Sequence[Any] | Literal[False] | None = None,
        tz: Any = None,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> Axes:
        """Draw the share of accepted messages that had been delivered, by the time since sending.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        by : label, Series, or list of them, optional
            What to group by, as in ``df.nxsms.delivery``. None: one curve.
        prefix : str, default ""
            A prefix for the names of the result columns.
        bins : int, sequence or False, optional
            The bins of numbers and times, as in ``df.nxsms.failures``.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        matplotlib.axes.Axes
            A curve that steps up with each delivery, as a share of all accepted rows: open ones stay in the denominator, and
            behind each curve stands how many there are. With `by`, a curve for each of the five groups with most rows; the
            title says of which least arrived, or that they differ no more than chance would. Time is on a linear scale, on a
            logarithmic one where the slowest delivery took more than 30 times as long as half of them.

        Raises
        ------
        ColumnError
            The frame carries no results or no receipts, or cannot be grouped like this.
        ConfigError
            `bins` or `tz` cannot be used.
        """
        asked = Asked(prefix, phone, content, region, tz)
        return views.plots.delivery(self._frame, ax, by=by, bins=bins, asked=asked)

    def throughput(self, ax: Axes | None = None, freq: Any = None, prefix: str = "") -> Axes:
        """Draw the messages per second over time.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        freq : str or timedelta, optional
            The length of an interval; None: one that fits the run's length.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        matplotlib.axes.Axes
            Steps from the first request to the last reply, accepted and failed messages above each other. A dashed line is the
            pace that the run found and held to, where it held to one. The last interval is shorter or longer than the others
            and drawn as wide as it is, so that it does not look like a collapse.

        Raises
        ------
        ColumnError
            The frame carries no results.
        ConfigError
            `freq` is not a valid interval, or makes over 2,000 of them.
        """
        return views.plots.throughput(self._frame, ax=ax, freq=freq, prefix=prefix)

    def latency(self, ax: Axes | None = None, prefix: str = "") -> Axes:
        """Draw how long the requests took.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: a new figure.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        matplotlib.axes.Axes
            A histogram of requests, in milliseconds from sending to the end of the reply, with lines for the median and the
            95th percentile.

        Raises
        ------
        ColumnError
            The frame carries no results.
        """
        return views.plots.latency(self._frame, ax=ax, prefix=prefix)
