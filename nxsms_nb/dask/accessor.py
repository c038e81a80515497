"""``ddf.nxsms``: one-line methods over functions, as on a pandas frame."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Unpack

from nxsms_nb.analysis.derived import Asked
from nxsms_nb.arguments import Names, strict_methods
from nxsms_nb.dask import looking, report, rows, sending, tables
from nxsms_nb.settings import CHECKING, COLUMNS, LOOKING, SENDING, Checking, Looking, Sending, spelled_out

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.dask.report import DaskValidationReport
    from nxsms_nb.engine.plan import Plan


@strict_methods(but=("send",))
class NxsmsDaskAccessor(Names):
    """Check a Dask frame of recipients, send it, and analyse it, with the same results as on a pandas frame.

    What returns rows is lazy and keeps index and divisions; tables are computed on the workers and are pandas frames. Numbers
    are judged as the whole column shows them, in a pass over the partitions, so that no verdict depends on where partitions
    begin.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    # ------------------------------------------------------------------ before sending

    def render(self, template: str | Mapping[Any, str], *, by: Hashable | None = None) -> Any:
        """Make each row's text from a template; see ``df.nxsms.render``.

        Parameters
        ----------
        template : str or mapping of value to str
            Text with ``{column}`` names, or one for each value of the column `by`.
        by : label, optional
            The column that says which template of a mapping is a row's.

        Returns
        -------
        dask.dataframe.Series of str
            Named ``content``, lazy. Rows that get no text are missing; a worker does not warn of them, and `validate` counts
            them.

        Examples
        --------
        >>> import pandas as pd, dask.dataframe as dd
        >>> import nxsms_nb.dask
        >>> ddf = dd.from_pandas(pd.DataFrame({"n": [1.0, 2.5]}), npartitions=2)
        >>> ddf.nxsms.render("You owe {n}").compute().to_list()
        ['You owe 1.0', 'You owe 2.5']
        """
        return rows.render(self._frame, template, by)

    def phones(
        self,
        *,
        region: Hashable | None = None,
        phone: Hashable | None = None,
        bare: Literal["national", "international"] | None = None,
    ) -> Any:
        """Read the numbers and give their digits; see ``df.nxsms.phones``.

        Parameters
        ----------
        region, phone, bare : optional
            As of ``df.nxsms.phones``.

        Returns
        -------
        dask.dataframe.Series of str
            Named ``phone``, lazy; missing where there is no number or a problem.

        Notes
        -----
        What the whole column shows is worked out in a pass of its own when the result is computed.
        """
        return rows.phones(self._frame, {"region": region, "phone": phone, "bare": bare})

    def assign_variants(
        self,
        variants: Mapping[str, str] | Sequence[str],
        *,
        campaign: str,
        unit: Hashable | list[Hashable] = "phone",
        weights: Mapping[str, float] | Sequence[float] | None = None,
        holdout: float = 0.0,
        column: Hashable = "variant",
        phone: Hashable | None = None,
        region: Hashable | None = None,
        bare: Literal["national", "international"] | None = None,
    ) -> Any:
        """Assign each person to a variant of an experiment; see ``df.nxsms.assign_variants``.

        Parameters
        ----------
        variants, campaign, unit, weights, holdout, column, phone, region, bare : optional
            As of ``df.nxsms.assign_variants``.

        Returns
        -------
        dask.dataframe.DataFrame
            The frame with ``variant`` and, where `variants` has templates, ``content``; lazy. A person has the variant that
            she has in pandas, whatever partition her rows are in.
        """
        given = {
            "campaign": campaign,
            "unit": unit,
            "weights": weights,
            "holdout": holdout,
            "column": column,
            "phone": phone,
            "region": region,
            "bare": bare,
        }
        return rows.assign_variants(self._frame, variants, given)

    @spelled_out(CHECKING, COLUMNS)
    def validate(self, **given: Unpack[Checking]) -> DaskValidationReport:
        """Check every row against every rule on the workers; see ``df.nxsms.validate``.

        Parameters
        ----------
        {options}

        Returns
        -------
        DaskValidationReport
            ``.ok`` and ``.counts``, over all partitions; ``.problems``, ``.warnings``, ``.valid`` and ``.invalid`` are Dask
            frames.

        Examples
        --------
        >>> import pandas as pd, dask.dataframe as dd
        >>> import nxsms_nb.dask
        >>> df = pd.DataFrame({"phone": ["+86 15088888888", "8.61508E+12"], "content": ["Hi", "Hi"]})
        >>> dd.from_pandas(df, npartitions=2).nxsms.validate().problems.compute()["position"].to_list()
        [1]
        """
        return report.validate(self._frame, given)

    # ------------------------------------------------------------------ sending

    @spelled_out(SENDING, COLUMNS)
    def send(self, client: Client | None = None, *, to: str | PathLike[str], **given: Unpack[Sending]) -> Any:
        """Send the frame, and return it with a result for each row.

        It runs when it is called. Partitions are prepared on the workers, a bounded number ahead, and sent by this process as
        one run at one rate through its journal; no task sends, and if a worker dies, only computing is lost.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`. It stays in this process.
        to : path-like
            The folder for the results, a Parquet file for each partition: a new one, or that of the same call, which is then resumed.
        {options}

        Returns
        -------
        dask.dataframe.DataFrame
            ``dd.read_parquet(to)``: the rows with the result columns that ``df.nxsms.send`` documents.

        Raises
        ------
        ConfigError
            There is no campaign, `to` holds other files or cannot be written, or a partition changes between the two passes:
            ``ddf.persist()``, or write it to Parquet first.
        ColumnError
            A column is missing or ambiguous, or its types in two partitions cannot be written as one.
        ValidationError
            Rows share a key, in whatever partitions, and `duplicates` is ``"raise"``; or have problems, where `on_invalid` is.
        JournalError
            Files in `to` have results that the journal does not know.
        Stopped
            As for ``df.nxsms.send``. ``.frame`` is the Dask frame of what is written: the partitions so far, the one that was
            being sent complete. ``ddf.nxsms.recorded`` gives all rows.

        Notes
        -----
        `campaign` is required, as for `send_stream`; `confirm` and `max_failures` count over all partitions. The partitions are
        computed twice, for the first pass and to be sent: persist the result of a shuffle or a merge. Names of columns must
        be text. Duplicates are found by digest and position on the workers; those that have to be kept apart are held here, at 12
        bytes each. A column that holds a hold-out in any partition, and is not named ``variant``, stops the call.

        Where nobody can say exactly how many different numbers a column of more than 200,000 has, it is estimated, and in
        doubt rounded numbers are problems.

        Examples
        --------
        >>> import tempfile, pandas as pd, dask.dataframe as dd
        >>> import nxsms_nb as nx, nxsms_nb.dask
        >>> df = pd.DataFrame({"phone": [f"861508888888{i}" for i in range(6)], "content": "Hi"})
        >>> ddf = dd.from_pandas(df, npartitions=2)
        >>> with nx.Sandbox(seed=7) as sandbox, tempfile.TemporaryDirectory() as folder:
        ...     sent = ddf.nxsms.send(sandbox.client, campaign="spring", to=f"{folder}/spring", progress="silent")
        ...     sent["status"].compute().to_list()
        ['Success', 'Success', 'Success', 'Success', 'Success', 'Success']
        """
        return sending.send(self._frame, client, to, given)

    @spelled_out(LOOKING, COLUMNS)
    def recorded(
        self, client: Client | None = None, *, to: str | PathLike[str] | None = None, **given: Unpack[Looking]
    ) -> Any:
        """Join what the journal knows of the rows onto them; see ``df.nxsms.recorded``. Sends nothing.

        It runs when it is called: this process alone asks the journal, for partitions that the workers prepare.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`. It stays in this process.
        to : path-like, optional
            The folder for the rows, as of `send`. None: one that lasts as long as this process, on this machine.
        {options}

        Returns
        -------
        dask.dataframe.DataFrame
            ``dd.read_parquet`` of the folder.
        """
        return looking.recorded(self._frame, client, to, given)

    @spelled_out({"prices": None, "rate": None}, LOOKING, COLUMNS)
    def plan(
        self,
        client: Client | None = None,
        *,
        prices: Any = None,
        rate: float | None = None,
        to: str | PathLike[str] | None = None,
        **given: Unpack[Looking],
    ) -> Plan:
        """Work out each row's fate if the frame were sent now, and what it would cost; see ``df.nxsms.plan``. Sends nothing.

        It runs when it is called: this process alone asks the journal, for partitions that the workers prepare.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`. It stays in this process.
        prices, rate : optional
            As of ``df.nxsms.plan``.
        to : path-like, optional
            The folder for ``.frame``. None: one that lasts as long as this process, on this machine.
        {options}

        Returns
        -------
        Plan
            Of all partitions; ``.frame`` is a Dask frame. ``.characters`` adds up what partitions show.
        """
        return looking.plan(self._frame, client, to=to, prices=prices, rate=rate, given=given)

    # ------------------------------------------------------------------ looking at results

    def summary(self, prefix: str = "") -> pd.DataFrame:
        """Count the rows of each status; see ``df.nxsms.summary``.

        Parameters
        ----------
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            As of the whole frame.
        """
        return tables.summary(self._frame, prefix)

    def failures(
        self,
        by: Hashable | list[Hashable] | None = None,
        *,
        bins: Any = None,
        tz: Any = None,
        wide: bool = False,
        prefix: str = "",
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> pd.DataFrame:
        """Count why rows failed, by code or by group; see ``df.nxsms.failures``.

        Parameters
        ----------
        by : label or list of labels, optional
            Columns of the frame or what is derived from it; a Series has to be a column first.
        bins, tz, wide, prefix, phone, content, region : optional
            As of ``df.nxsms.failures``.

        Returns
        -------
        pandas.DataFrame
            As of the whole frame.

        Notes
        -----
        Quantile bins of more than 200,000 values are cut at a sample, which depends on the order in which they are looked at.
        """
        asked = Asked(prefix, phone, content, region, tz)
        return tables.failures(self._frame, by, bins=bins, wide=wide, asked=asked)

    def throughput(self, freq: Any = None, prefix: str = "") -> pd.DataFrame:
        """Count the messages per interval of time; see ``df.nxsms.throughput``.

        Parameters
        ----------
        freq : str or timedelta, optional
            The length of an interval.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            As of the whole frame.
        """
        return tables.throughput(self._frame, freq, prefix)

    def drivers(
        self,
        columns: Hashable | list[Hashable] | None = None,
        *,
        depth: int = 2,
        level: float = 0.05,
        min_rows: int = 20,
        outcome: Hashable = "accepted",
        tz: Any = None,
        prefix: str = "",
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> pd.DataFrame:
        """Find what goes with failure; see ``df.nxsms.drivers``.

        Parameters
        ----------
        columns, depth, level, min_rows, outcome, tz, prefix, phone, content, region : optional
            As of ``df.nxsms.drivers``.

        Returns
        -------
        pandas.DataFrame
            As of the whole frame; its ``attrs["note"]`` has the findings in sentences.

        Notes
        -----
        What is derived from numbers and texts is worked out on all workers. The columns that are then looked at, without
        numbers, texts and ids, have to fit into one worker.
        """
        given = {"depth": depth, "level": level, "min_rows": min_rows, "outcome": outcome}
        return tables.drivers(self._frame, columns, given, Asked(prefix, phone, content, region, tz))

    def compare(
        self,
        by: Hashable = "variant",
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
        prefix: str = "",
    ) -> pd.DataFrame:
        """Compare the arms of an experiment; see ``df.nxsms.compare``.

        Parameters
        ----------
        by, outcome, control, level, unit, weights, sequential, phone, region, bare, prefix : optional
            As of ``df.nxsms.compare``.

        Returns
        -------
        pandas.DataFrame
            As of the whole frame.

        Notes
        -----
        The columns that are compared, and those that tell people apart, have to fit into one worker.
        """
        given = {
            "outcome": outcome,
            "control": control,
            "level": level,
            "unit": unit,
            "weights": weights,
            "sequential": sequential,
            "phone": phone,
            "region": region,
            "bare": bare,
            "prefix": prefix,
        }
        return tables.compare(self._frame, by, given)
