"""``df.nxsms``: one-line methods over functions that work without it. It holds the frame and nothing else.

The package loads this module when a frame's ``nxsms`` is first asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Hashable, Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal, Never, Unpack

from nxsms_nb import api, screen, views
from nxsms_nb.analysis.assignment import assign_variants
from nxsms_nb.analysis.delivery import delivery
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.drivers import drivers
from nxsms_nb.analysis.experiments import compare
from nxsms_nb.analysis.failures import failures
from nxsms_nb.analysis.slices import select
from nxsms_nb.analysis.summary import summary
from nxsms_nb.analysis.throughput import throughput
from nxsms_nb.analysis.workbook import to_excel
from nxsms_nb.arguments import Names, strict_methods
from nxsms_nb.formatting import count
from nxsms_nb.given import frame_as_given, value_as_given
from nxsms_nb.plot_accessor import NxsmsPlots
from nxsms_nb.results.table import new
from nxsms_nb.rows.templates import render
from nxsms_nb.rows.validate import phones, validate
from nxsms_nb.settings import (
    CHECKING,
    COLUMNS,
    LOOKING,
    SENDING,
    TRYING,
    Checking,
    Looking,
    Sending,
    Trying,
    spelled_out,
)

if TYPE_CHECKING:
    from datetime import tzinfo

    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.plan import Plan
    from nxsms_nb.engine.run import Run
    from nxsms_nb.rows.report import ValidationReport
    from nxsms_nb.views.compose import Compose
    from nxsms_nb.views.dashboard import Dashboard


_STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "before": ("render", "compose", "assign_variants", "phones", "validate", "plan", "try_out"),
    "send": ("send", "asend", "start"),
    "after": ("recorded", "retry", "reconcile", "receipts", "new"),
    "look": ("summary", "failures", "drivers", "select", "throughput", "delivery", "compare", "plot", "dashboard"),
    "keep": ("to_excel",),
}
"""The accessor's methods in the order in which they are used."""


@strict_methods(but=("send", "asend", "start", "retry", "reconcile"))  # whose result must reach the person
class NxsmsAccessor(Names):
    """Check a frame of recipients, send it, and look at the results.

    Parameters
    ----------
    frame : pandas.DataFrame
        The frame.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __repr__(self) -> str:
        """List the methods, each with the first line of its docstring."""
        lines = [f"df.nxsms, on {count(len(self._frame), 'row')}:"]
        for stage, names in _STAGES.items():
            for place, name in enumerate(names):
                purpose = (inspect.getdoc(getattr(type(self), name)) or "").partition("\n")[0]
                lines.append(f"  {'' if place else stage:<8}.{name:<16}{purpose}")
        return "\n".join([*lines, "Shift-Tab, or df.nxsms.send?, shows the options of a method."])

    # ------------------------------------------------------------------ before sending

    def render(self, template: str | Mapping[Any, str], *, by: Hashable | None = None) -> pd.Series[str]:
        """Make each row's text from a template.

        Parameters
        ----------
        template : str or mapping of value to str
            Text with ``{column}`` names, each with a format spec where one is needed (``{amount:.2f}``, ``{when:%d %b}``), and
            behind a ``|`` what is written where the column has a gap (``{name|there}``, ``{amount:.2f|nothing}``); ``{{`` and
            ``}}`` stand for braces. A mapping has a template for each value of the column `by`; that of ``None`` is for rows
            without a value.
        by : label, optional
            The column that says which template of a mapping is a row's, for example ``"language"``.

        Returns
        -------
        pandas.Series of str
            Named ``content``, with the frame's index; missing where a column that the row needs has a gap, a value cannot be
            written, or no template is for the row.

        Raises
        ------
        ColumnError
            The frame has no such column, or several of that name.
        ConfigError
            The template cannot be read, a format spec fits no value, or a mapping and `by` do not fit each other.

        Warns
        -----
        RenderWarning
            Rows got no text; it says how many, and which column they lack.

        Notes
        -----
        Without a spec a value is written as the frame shows it: a moment in its own zone, a decimal with its zeros, floats
        whole where the whole column is. A float of 2**53 or more in such a column is not written: it need not hold every
        digit.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"name": ["Ann", None], "amount": [1200, 9], "language": ["en", "de"]})
        >>> df.nxsms.render("Hi {name|there}, you owe {amount:,.2f}").to_list()
        ['Hi Ann, you owe 1,200.00', 'Hi there, you owe 9.00']
        >>> df.nxsms.render({"en": "Hi {name|there}!", "de": "Hallo {name|}!"}, by="language").to_list()
        ['Hi Ann!', 'Hallo !']
        """
        return render(self._frame, template, by=by)

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
    ) -> pd.DataFrame:
        """Assign each person to a variant of an experiment, and write the variant's text.

        Who gets which variant is decided by a hash of the campaign's name and the person, as good as drawn by lot: the same
        person has the same variant in any order of rows, in any part of the frame, in every kernel, and in another campaign
        the lot is drawn again. Running the cell again changes nothing.

        Parameters
        ----------
        variants : dict of str to str, or list of str
            Name to template (see `render`), or the names alone where the texts are written otherwise.
        campaign : str
            The campaign's name, as it is given to `send`.
        unit : label or list of labels, default "phone"
            The columns that tell who is one person: all their rows have one variant. Phones count by their digits, however
            they are written.
        weights : dict or list of float, optional
            How the arms are to be sized, for example ``{"A": 9, "B": 1}``. None: equally. Arms are stretches of one line, so
            that a changed weight moves few people.
        holdout : float, default 0.0
            The share of people who get no message, so that one sees what the messages do. It is drawn by a hash of its own: a
            larger share adds people and keeps those held out before, and the others' variants stay.
        column : label, default "variant"
            The column to write. `send` looks for ``"variant"``; of another name tell it, ``variant=``.
        phone : label, optional
            The column of the phones, where it is not named ``phone``.
        region, bare : optional
            How numbers without a country code are read, as in `send`.

        Returns
        -------
        pandas.DataFrame
            The frame with ``variant`` (categorical: the names in their order, then ``holdout``; missing where there is no
            readable phone, or nothing in the columns of `unit`) and, where `variants` has templates, ``content`` (str; missing
            for held-out rows).

        Raises
        ------
        ColumnError
            A column is missing or ambiguous.
        ConfigError
            An option is not usable.

        Notes
        -----
        XXH3-64 of the unit, seeded by that of the campaign's name. `send` makes held-out rows ``Skipped``, "held out"; they
        have no messageid, so outcomes that come later are joined by phone or by a key of your own:
        ``sent.merge(orders, on="customer", how="left")``.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "4915112345678", "14155550123"], "name": ["Li", "Ann", "Bo"]})
        >>> df = df.nxsms.assign_variants({"A": "Hi {name}", "B": "Hello {name}!"}, campaign="spring")
        >>> df[["variant", "content"]].values.tolist()
        [['B', 'Hello Li!'], ['B', 'Hello Ann!'], ['A', 'Hi Bo']]
        """
        return assign_variants(
            self._frame,
            variants,
            campaign=campaign,
            unit=unit,
            weights=weights,
            holdout=holdout,
            column=column,
            phone=phone,
            region=region,
            bare=bare,
        )

    def phones(
        self,
        *,
        region: Hashable | None = None,
        phone: Hashable | None = None,
        bare: Literal["national", "international"] | None = None,
    ) -> pd.Series[str]:
        """Read the numbers and give their digits, country code in front, as `send` would send to them.

        Parameters
        ----------
        region : str or label, optional
            The country that completes national numbers as two capital letters, for example ``"CN"``, or the column that holds
            each row's, in letters of either case.
        phone : label, optional
            The column of the numbers, where it is not ``phone``.
        bare : {"national", "international"}, optional
            What numbers without +, 00 and trunk zero are. None: see Notes.

        Returns
        -------
        pandas.Series of str
            Named ``phone``, with the frame's index; missing where there is no number, or a problem that `validate` tells.

        Raises
        ------
        ColumnError
            The frame has no such column, or several of that name.
        ConfigError
            `region` is neither a country nor a column, or `bare` is not usable.

        Notes
        -----
        A number with + or 00 is taken as written. One with a trunk zero has to be valid in the region, by
        ``phonenumbers.is_valid_number_for_region``. A bare one is national where that gives a valid number that can be a
        mobile, else international where that gives one of the region's own mobiles, else whichever single reading is valid.
        Where the column also holds bare numbers that are only valid with another country code, those valid both ways are
        problems. Digits that a spreadsheet rounded away are a problem, never a guess.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["0151/12345678", "+49 (0)151 12345679", "Mobil: 0151 12345670", "0151 123"]})
        >>> df.nxsms.phones(region="DE").fillna("none").to_list()
        ['4915112345678', '4915112345679', '4915112345670', 'none']
        """
        return phones(self._frame, {"region": region, "phone": phone, "bare": bare})

    @spelled_out(CHECKING, COLUMNS)
    def validate(self, **given: Unpack[Checking]) -> ValidationReport:
        """Check every row against every rule, without the network.

        Parameters
        ----------
        {options}

        Returns
        -------
        ValidationReport
            ``.ok``, ``.problems`` (a frame: one row per problem, values masked), ``.warnings`` (texts that read ``nan``,
            ``None``, hold a ``{name}`` that was not filled in or a character that could not be decoded); shown, it counts them
            by rule.

        Raises
        ------
        ColumnError
            A column is missing or ambiguous.
        ConfigError
            An option is not valid.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["+86 15088888888", "8.61508E+12"], "content": ["Hi", "Hi"]})
        >>> df.nxsms.validate().problems["rule"].to_list()
        ['phone_digits_lost']
        """
        return validate(self._frame, **given)

    @spelled_out({"prices": None, "rate": None}, LOOKING, COLUMNS)
    def plan(
        self,
        client: Client | None = None,
        *,
        prices: Mapping[str, Any] | pd.Series[Any] | pd.DataFrame | None = None,
        rate: float | None = None,
        **given: Unpack[Looking],
    ) -> Plan:
        """Work out each row's fate if the frame were sent now, and what it would cost. Sends nothing.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        prices : dict, Series or frame, optional
            Price per segment by ISO code of the country, for example ``{"CN": 0.0065, "DE": 0.075}``; a frame has them in
            ``price``, and the codes in ``country`` or the index. A country without a price is named, not guessed.
        rate : float, optional
            Messages per second for the expected time. None: the pace of the account's last run in the journal.
        {options}

        Returns
        -------
        Plan
            ``.frame`` has the rows with ``messageid`` (str), ``fate`` (categorical), ``reason`` (str), ``segments`` (Int64) and
            ``cost`` (float64; missing for rows that would not be sent and where no price is known), which replace columns of
            those names unless `prefix` says otherwise. ``.counts`` (fate to rows), ``.problems`` (rule to rows),
            ``.requests``, ``.recipients``, ``.segments``, ``.countries`` (a frame: rows, recipients, segments, price and cost
            of each), ``.cost``, ``.balance``, ``.credit``, ``.enough``, ``.seconds``, ``.longest`` (the three longest messages),
            ``.characters`` (what makes texts need more segments), ``.plain_segments`` and ``.plain_saves`` (what `nx.plain`
            saves). Shown, it says all of this.

        Raises
        ------
        ConfigError
            `prices` or `rate` is not usable.
        ColumnError, ValidationError, JournalError
            As `send`; rows that share a key are counted as ``duplicate`` and not refused.

        Notes
        -----
        Source of segments: the vendor's page on billing, see `nx.segments`. Totals are Decimal and exact; each row's cost is the
        float nearest to its exact amount, so that a column of a million rows can be summed and drawn. The balance is asked for
        only where the client has `app_secret` (``POST /api/common/getBalance``), and compared as a number: prices have to
        be in the account's currency. A failed query is said in ``.notes`` and stops nothing.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "123"], "content": ["x" * 161, "Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     plan = df.nxsms.plan(sandbox.client, prices={"CN": 0.0065})
        >>> plan.frame["fate"].to_list(), plan.segments, plan.cost, plan.enough
        (['send', 'invalid'], 2, Decimal('0.0130'), True)
        """
        return api.plan(self._frame, client, prices=prices, rate=rate, **given)

    @spelled_out({"template": "", "prices": None}, LOOKING, COLUMNS)
    def compose(
        self,
        client: Client | None = None,
        *,
        template: str = "",
        prices: Mapping[str, Any] | pd.Series[Any] | pd.DataFrame | None = None,
        **given: Unpack[Looking],
    ) -> Compose:
        """Write the text with a live preview of real rows, problems, segments and cost. Sends nothing.

        The widget shows, as you type, the rows that show the most (the longest, one with a gap, one of each encoding), what is
        wrong and with how many rows, what is sent and what it costs, which characters make it dearer, and the lines that do in
        a cell what the preview shows.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        template : str, default ""
            The text to begin with, as `render` takes it.
        prices : dict, Series or frame, optional
            Price per segment by ISO code of the country, as `plan` takes them.
        {options}

        Returns
        -------
        Compose
            A widget; a saved notebook keeps its HTML. ``.template`` (str, can be set) is the text as it is now, ``.code`` (str) are
            the lines to paste.

        Raises
        ------
        ConfigError
            An option is not usable.
        ColumnError
            The frame has no column of numbers.

        Notes
        -----
        The fates are those of `plan`: duplicates, rows that were sent before and suppressed numbers are counted by the journal;
        the network is not used. Of more than 200,000 rows a sample of 50,000 is looked at, which the widget says, until
        every row is asked for. Numbers are masked unless ``nx.options.mask_phones = False``.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "name": ["Ann"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     text = df.nxsms.compose(sandbox.client, template="Hi {name}", campaign="spring")
        >>> print(text.code)
        df['content'] = df.nxsms.render('Hi {name}')
        sent = df.nxsms.send(client, campaign='spring')
        """
        return api.compose(self._frame, client, template=template, prices=prices, **given)

    @spelled_out(TRYING, COLUMNS)
    def try_out(
        self, client: Client | None = None, *, to: str | int, rows: int = 3, **given: Unpack[Trying]
    ) -> pd.DataFrame:
        """Send a few rows' real texts to your own number, outside every campaign.

        The rows are those that show the most: the longest text, one with a gap, one with a short link, one of each encoding,
        then the first ones; no two have the same text. They go to `to` and to nobody else, with the sender and short link of their rows. Nothing is
        recorded: the rows are sent as ever afterwards, and running the cell again sends the trial again. Each message is
        tried once.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        to : str
            Your own number with its country code, for example ``"+4915112345678"``.
        rows : int, default 3
            How many messages at most, 1 to 10. The vendor takes 5 an hour to one number (13007).
        {options}

        Returns
        -------
        pandas.DataFrame
            One row per message, under its row's label: ``position`` (int64), ``why`` (what it is an example of), ``content``,
            where any has one its ``short_link``, ``encoding`` (str), ``segments`` (int64), and ``messageid``, ``status``, ``code``, ``reason``, ``sent_at``,
            ``latency_ms`` as `send` gives them. A message that the account or the gateway kept from being sent, or whose
            outcome is in doubt, ends the trial; the others are ``Unsent``.

        Raises
        ------
        ConfigError
            `to` is not one number, or `rows` is not 1 to 10.
        ValidationError
            Every row has a problem.
        ColumnError
            A column is missing or ambiguous.
        Interrupted
            The person stopped the trial. ``.frame`` is complete.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": ["Hi Ann", "你好"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.try_out(sandbox.client, to="+4915112345678")["status"].to_list()
        Trial: 2 of 2 messages to 491••••••••78 accepted by the sandbox, which sends to nobody. No campaign knows of them; running this again sends them again.
        ['Success', 'Success']
        """
        return api.try_out(self._frame, client, to=to, rows=rows, **given)

    # ------------------------------------------------------------------ sending

    @spelled_out(SENDING, COLUMNS)
    def send(self, client: Client | None = None, *others: Never, **given: Unpack[Sending]) -> pd.DataFrame:
        """Send the rows as SMS, each at most once, and return the frame with each row's result.

        Blocks until done and shows live progress. Running the same call again sends nothing twice: rows that were sent
        before come back with their recorded result.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        {options}

        Returns
        -------
        pandas.DataFrame
            The frame, same rows, index and order, with ``messageid``, ``status``, ``code``, ``reason``, ``batch``,
            ``attempts``, ``sent_at`` and ``latency_ms`` joined on. The frame itself is not changed.

        Raises
        ------
        Stopped
            The run ended while rows were unsent: `Interrupted`, `AccountRefused`, …. ``.frame`` is complete.
        ValidationError
            Rows share a key, or are invalid and ``on_invalid="raise"``. Nothing was sent.
        ColumnError, ConfigError, ConfirmationNeeded, JournalError
            The call cannot be carried out as it stands. Nothing was sent.

        Warns
        -----
        AlreadySentWarning
            Nothing was left to send.

        Notes
        -----
        Fields, limits and codes are those of the vendor's page on the batch endpoint.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.send(sandbox.client)["status"].to_list()
        ['Success']
        """
        return api.send(self._frame, client, *others, **given)

    @spelled_out(SENDING, COLUMNS)
    def asend(
        self, client: Client | None = None, *others: Never, **given: Unpack[Sending]
    ) -> Coroutine[Any, Any, pd.DataFrame]:
        """Send as `send` does, but awaited: the event loop it is called in keeps running.

        A cancellation stops the run, waits for its end and is raised again; `recorded` then gives the frame.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        {options}

        Returns
        -------
        pandas.DataFrame
            As `send`.

        Raises
        ------
        asyncio.CancelledError
            The task was cancelled; every row is accounted for in the journal.
        Stopped, ValidationError, ColumnError, ConfigError, ConfirmationNeeded, JournalError
            As `send`.

        Examples
        --------
        >>> import asyncio
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     asyncio.run(df.nxsms.asend(sandbox.client))["status"].to_list()
        ['Success']
        """
        # The frame is taken when the method is called, and sent when the coroutine is awaited.
        options: Any = {name: value_as_given(value) for name, value in given.items()}
        return api.asend(frame_as_given(self._frame), client, *others, **options)

    @spelled_out(SENDING, COLUMNS)
    def start(self, client: Client | None = None, *others: Never, **given: Unpack[Sending]) -> Run:
        """Send as `send` does, but return at once with a `Run` that goes on in the background.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        {options}

        Returns
        -------
        Run
            ``.stop()``, ``.wait()``, ``.done``, ``.frame``, ``.stopped``. It never raises for being stopped.

        Raises
        ------
        ValidationError, ColumnError, ConfigError, ConfirmationNeeded, JournalError
            As `send`.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.start(sandbox.client).wait()["status"].to_list()
        ['Success']
        """
        return api.start(self._frame, client, *others, **given)

    # ------------------------------------------------------------------ after sending

    @spelled_out(LOOKING, COLUMNS)
    def recorded(self, client: Client | None = None, **given: Unpack[Looking]) -> pd.DataFrame:
        """Join on what the journal knows of the rows, as `send` would. Sends nothing.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        {options}

        Returns
        -------
        pandas.DataFrame
            As `send`; rows of which nothing is recorded are ``Unsent``. `campaign` and `key` must be those of the send.

        Raises
        ------
        ColumnError, ConfigError, ValidationError, JournalError
            As `send`.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.recorded(sandbox.client)["status"].to_list()
        ['Unsent']
        """
        return api.recorded(self._frame, client, **given)

    @spelled_out({"codes": None}, SENDING, COLUMNS)
    def retry(
        self,
        client: Client | None = None,
        codes: int | Iterable[int] | None = None,
        *others: Never,
        **given: Unpack[Sending],
    ) -> pd.DataFrame:
        """Retry the rows of a sent frame that were certainly not sent and may be accepted now.

        ``Unsent`` rows keep their id. ``Failure`` rows leave with an id of their own for the new attempt if their code may pass
        later (13007, an hour after the request) or is one of `codes`. ``Skipped``, ``Invalid`` and ``Unknown`` rows are never
        tried, nor is one that was refused and of which a receipt says delivered all the same. Running the same cell again sends nothing again. A row whose number or text was corrected leaves as it is now;
        its campaign's own call knows it.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        codes : int or iterable of int, optional
            Further codes of failed rows to try again, because something has changed; 13007 for those within the hour.
        {options}

        Returns
        -------
        pandas.DataFrame
            The frame, with the results of the rows that were tried again replaced.

        Raises
        ------
        ColumnError
            The frame carries no results.
        ConfigError
            `codes` names none of the vendor's codes, or the rows were sent in several campaigns.
        Stopped, ConfirmationNeeded, JournalError
            As `send`.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7, failures={13006: 1.0}) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client)
        ...     sandbox.failures = {}
        ...     sent.nxsms.retry(sandbox.client, codes=13006)["status"].to_list()
        ['Success']
        """
        return api.retry(self._frame, client, codes, *others, **given)

    @spelled_out({"absent": "Unknown"}, LOOKING, COLUMNS)
    def reconcile(
        self,
        client: Client | None = None,
        absent: Literal["Unknown", "Unsent"] = "Unknown",
        *others: Never,
        **given: Unpack[Looking],
    ) -> pd.DataFrame:
        """Settle rows in doubt by the vendor's record query.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
            It needs the application's secret.
        absent : {"Unknown", "Unsent"}, default "Unknown"
            The status of rows that the query does not find, which proves nothing. ``"Unsent"`` is your word that they were not
            sent; it only counts once a minute has passed.
        {options}

        Returns
        -------
        pandas.DataFrame
            The frame; rows with a record are ``Success``.

        Raises
        ------
        ColumnError
            The frame carries no results.
        QueryError
            There is no app secret, or the query failed.

        Notes
        -----
        The vendor's record queries reach back 31 days.

        Examples
        --------
        The gateway accepts the message, and its reply is lost; the record query settles it.

        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7, faults=["lost"]) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client)
        ...     settled = sent.nxsms.reconcile(sandbox.client)
        >>> sent["status"].to_list(), settled["status"].to_list()
        (['Unknown'], ['Success'])
        """
        return api.reconcile(self._frame, client, absent, *others, **given)

    @spelled_out({"tz": "Asia/Shanghai"}, LOOKING, COLUMNS)
    def receipts(
        self, client: Client | None = None, *, tz: str | tzinfo = "Asia/Shanghai", **given: Unpack[Looking]
    ) -> pd.DataFrame:
        """Join delivery receipts: what arrived, when, on which network and at what price. Call again to refresh.

        Receipts come from the journal, where `ReceiptServer` records those that are pushed, and, with a client, from the vendor's
        record query, which is asked for the days on which the rows were sent.

        Parameters
        ----------
        client : Client, optional
            The account, with its `app_secret`. None: nothing is asked, and no credentials are looked for.
        tz : str or tzinfo, default "Asia/Shanghai"
            The time zone in which the vendor writes times: an IANA name, an offset such as ``"+08:00"``, or an object.
        {options}

        Returns
        -------
        pandas.DataFrame
            The frame with ``dr`` (str; the vendor's word: DELIVRD, UNDELIV, …), ``dr_status`` (Int64; its number), ``dr_time``
            (UTC), ``price`` (float64; of a segment), ``currency`` (str), ``segments`` (Int64; as billed) and ``network`` (str)
            joined on by messageid; missing where there is no receipt. Columns of an earlier call are replaced.
            Rows in doubt, or unsent on your word, of which there is a receipt are ``Success`` from then on, in the journal too.

        Raises
        ------
        ConfigError
            An option is not valid, or `tz` is not a time zone.
        ColumnError
            The frame carries no results, or has columns of its own with these names.
        QueryError
            The query was refused, was asked too often for minutes, or its reply cannot be read. Receipts that were found
            before are in the journal; calling again continues.
        JournalError
            The journal cannot be used.
        Interrupted
            You stopped it. ``.frame`` has what had been found by then.

        Warns
        -----
        UserWarning
            Receipts lie more than an hour before ``sent_at``: the vendor's times are most likely of another `tz`.

        Notes
        -----
        A row is delivered with 2 (DELIVRD); 5 to 11 are final and not delivered; 12, other numbers and none are open. A final
        receipt counts before an open one, and of two final ones the one with the later ``dr_time``.

        Source of the record query: ``POST /api/sms/getSmsCdr``, a day at a time by the page, and ``POST /api/sms/get`` for few
        messages. The time zone of its days is not documented, so the days before and after are asked for as well. It reaches
        back 31 days: older rows stay open unless their receipts were pushed, and a message says how many there are. Where it
        was asked too often (code 5), it is asked again after a pause. A day's list to which messages are added while it is read
        is read again. The id of a receipt may have ``-`` and ten digits behind the messageid.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": "Hi"})
        >>> with nx.Sandbox(seed=7, delivery={}) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client, progress="silent")
        ...     sent.nxsms.receipts(sandbox.client)[["status", "dr", "dr_status", "segments"]].values.tolist()
        [['Success', 'DELIVRD', 2, 1], ['Success', 'DELIVRD', 2, 1]]
        """
        return api.receipts(self._frame, client, tz=tz, **given)

    def new(self, prefix: str = "") -> pd.DataFrame:
        """Drop the result columns, receipts included, so that the rows count as new messages.

        Parameters
        ----------
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            The frame's own columns, same index and order; a frame that carries no results comes back as it is.

        Raises
        ------
        ColumnError
            The frame's results have another prefix.

        Notes
        -----
        The journal knows a message by its key: a row whose number and text are as they were is not sent again, and `send`
        says so. To send it again, name another campaign.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.send(sandbox.client).nxsms.new().columns.to_list()
        ['phone', 'content']
        """
        return new(self._frame, prefix)

    def to_excel(self, path: str | PathLike[str], prefix: str = "", *, phone: Hashable | None = None) -> None:
        """Write the sent frame as an Excel workbook that comes back as a sent frame.

        The first sheet has the rows under their own headings. Phones and ids are text, as are whole numbers that Excel
        would show or keep with fewer digits, and no text is a formula. The sheet behind it counts the rows by status and
        code, and names the time zone of each column of times, which a cell cannot hold; `sent_at` is in UTC. Nothing is
        masked: the file holds the numbers and texts of your frame.

        Parameters
        ----------
        path : str or path-like
            The file, ending in ``.xlsx``. A complete file replaces what stands there.
        prefix : str, default ""
            A prefix for the names of the result columns.
        phone : label, optional
            The column with the numbers, where it is not named ``phone``.

        Raises
        ------
        ColumnError
            The frame carries no results, or its columns have several levels.
        ConfigError
            The file cannot be written there, a sheet cannot hold the frame (1,048,575 rows), or openpyxl is not installed.

        Notes
        -----
        ``pd.read_excel(path, dtype=str, keep_default_na=False)`` reads it back with every zero, and a text like ``NA`` as a
        text; results are read whatever their dtypes became.
        The index is written where it has a name. Excel keeps times to the millisecond.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox, tempfile.TemporaryDirectory() as folder:
        ...     df.nxsms.send(sandbox.client).nxsms.to_excel(folder + "/sent.xlsx")
        ...     pd.read_excel(folder + "/sent.xlsx").nxsms.summary()["count"].to_list()
        [1, 0, 0, 0, 0, 0]
        """
        to_excel(self._frame, path, prefix, phone=phone)

    def summary(self, prefix: str = "") -> pd.DataFrame:
        """Count the rows by status.

        Parameters
        ----------
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            One row per status: ``status``, ``label`` (in words), ``count``, and ``share`` (of the answered rows, for Success
            and Failure; NaN for the others).

        Raises
        ------
        ColumnError
            The frame carries no results.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "123"], "content": ["Hi", "Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     table = df.nxsms.send(sandbox.client).nxsms.summary()
        >>> table.set_index("status")["count"].to_dict()
        {'Success': 1, 'Failure': 0, 'Invalid': 1, 'Unknown': 0, 'Unsent': 0, 'Skipped': 0}
        """
        return summary(self._frame, prefix)

    def failures(
        self,
        by: Hashable | pd.Series[Any] | list[Any] | None = None,
        prefix: str = "",
        *,
        bins: int | Sequence[Any] | Literal[False] | None = None,
        tz: Any = None,
        wide: bool = False,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> pd.DataFrame:
        """Count the failed rows by code, or by group and code.

        Parameters
        ----------
        by : label, Series, or list of them, optional
            Columns of the frame, or what is derived from its rows: ``"country"`` of the phone, ``"length"`` of the content in
            characters, its ``"segments"`` and ``"encoding"``, and ``"hour"``, ``"weekday"`` and ``"date"`` of sending. A column
            of the frame wins over a derived one of the same name. A Series has a value for each row, by its index.
        prefix : str, default ""
            A prefix for the names of the result columns.
        bins : int, sequence or False, optional
            For columns of numbers and of times: how many bins of about as many rows each, or the edges between bins. None: ten
            bins where there are more than 24 different values. False: each value is a group.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates, for example ``"Asia/Kolkata"``; None: UTC.
        wide : bool, default False
            One row per group, with a column for each code.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        pandas.DataFrame
            One row per code, most frequent first: ``code`` (Int64), ``meaning`` (str; the gateway's text where there is no
            code), ``scope``, ``advice`` (str), ``count`` (int64), ``share`` of the answered rows with its 95% interval ``low``
            and ``high`` (float64), and ``invalid`` and ``unsent`` (int64): rows with the same code that were not sent.

            With `by`, one row per group and code: the columns of the groups, ``answered``, ``failed`` (int64), ``rate`` with
            its interval ``low``, ``high`` (float64), then as above but for the interval, ``share`` being of the group's
            answered rows. Every group is there, missing values too; bins are `pandas.Interval`. Groups stand in their own
            order where they have one, else those with most failures come first.

            With ``wide=True``, one row per group: its columns and rates, then a column for each code (labelled with the
            number, or with the text where there is no code) that counts its failures, ``invalid`` and ``unsent``.

            ``attrs["overall"]`` has the counts, rate and interval of all rows. With `by`, ``attrs["p"]`` is the p-value of the
            groups having one rate, and ``attrs["note"]`` says in words whether they differ more than chance would; a notebook
            shows the note above the table.

        Raises
        ------
        ColumnError
            The frame carries no results, or a column is missing, ambiguous or named like one of the result.
        ConfigError
            `bins` or `tz` cannot be used.

        Notes
        -----
        Intervals are Wilson's (1927). The test is Pearson's chi-squared; where an expected count is below 5, its distribution
        is drawn up to 9,999 times with the same margins, the same draws each time. Rows count as independent.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "919876543210"] * 50, "content": [f"Hi {i}" for i in range(100)]})
        >>> with nx.Sandbox(seed=7, hourly_limit=None, failures={"IN": {13006: 1.0}}) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client)
        >>> by_country = sent.nxsms.failures(by="country")
        >>> by_country[["country", "failed", "rate", "low"]].round(3).values.tolist()
        [['IN', 50, 1.0, 0.929], ['CN', 0, 0.0, 0.0]]
        >>> by_country.attrs["note"]
        'These 2 groups differ more than chance would: p < 0.001.'
        """
        return _noted(
            failures(
                self._frame,
                by,
                bins=bins,
                tz=tz,
                wide=wide,
                prefix=prefix,
                phone=phone,
                content=content,
                region=region,
            )
        )

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
        """Find what goes with failure: the slices of the frame in which more rows fail than chance explains.

        A slice is one value of one column, or of two columns together. The first one explains most; its rows are then set
        aside and the next is sought among the others, until nothing is beyond chance. So one cause is reported once, not
        under the name of each column that goes with it.

        Parameters
        ----------
        columns : label or list of labels, optional
            Where to look. None: what can be derived (as in `failures`), and the frame's own columns of numbers, of times or of
            2 to 200 different values; without phones, texts, ids and results.
        depth : {1, 2}, default 2
            1: single columns only. 2: pairs of columns too.
        level : float, default 0.05
            How often anything at all may be found where failures have nothing to do with any column.
        min_rows : int, default 20
            How many rows a slice has at least.
        outcome : str or label, default "accepted"
            What not to fail means. ``"accepted"``: by the gateway, of the rows it answered. ``"delivered"``: of the rows with a
            final receipt. A column of true and false or of 0 and 1: of all rows in which it is not missing.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        prefix : str, default ""
            A prefix for the names of the result columns.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived columns need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            columns need it.

        Returns
        -------
        pandas.DataFrame
            One row per slice, in the order in which they were found:

            ``slice`` (dict of column to value, for `select`), ``where`` (str, the same in words), ``rows``, ``failed``
            (int64), ``rate`` with its 95% interval ``low``, ``high``, ``rest_rate`` (of the other rows), ``ratio`` of the two
            with its 95% interval ``ratio_low``, ``ratio_high``, ``excess`` (failures beyond what the rest's rate would give),
            ``p`` (float64), ``code`` (Int64, its most frequent). All of it counts the rows that earlier slices left.

            Missing is a value, None. Numbers and times of more than 24 different values are taken in ranges, which are
            `pandas.Interval` from a value that occurs to a value that occurs; of fewer, each value counts, or a range of them.

            ``attrs["left"]``: rows, failed and rate of what no slice explains. ``attrs["note"]``: the findings in sentences,
            with what to do; a notebook shows them above the table. ``attrs["columns"]`` and ``attrs["left_out"]``: where was
            looked, and what was left out and why. ``attrs["looked"]``: how many slices were looked at.

        Raises
        ------
        ColumnError
            The frame carries no results, or a column is missing, ambiguous or cannot be grouped.
        ConfigError
            An option cannot be used, or the outcome's column holds other values.

        Notes
        -----
        ``p`` is the one-sided hypergeometric tail, corrected over every slice looked at in all rounds: Benjamini and Hochberg
        (1995) with weights (Genovese, Roeder and Wasserman 2006) that give single columns and pairs half each and each column
        the same; the rounds share the level as 1/2, 1/6, 1/12, …. Of the slices beyond chance the one with the greatest
        gain in likelihood, with its weight as prior, is taken; a pair only where it says more than either half alone.

        Rows count as independent: where many rows share a phone or a text, p is too small. What is found was chosen because
        it stands out, so rates, ratios and excess are somewhat overstated; expect less of the next campaign. What goes with
        failure need not cause it. ``benchmarks/DRIVERS.md`` has what simulations show. Intervals: Wilson (1927) for rates,
        Katz and others (1978) for ratios.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "919876543210"] * 50, "content": [f"Hi {i}" for i in range(100)]})
        >>> with nx.Sandbox(seed=7, hourly_limit=None, failures={"IN": {13006: 0.5}}) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client)
        >>> found = sent.nxsms.drivers()
        >>> found[["where", "rows", "code"]].values.tolist(), len(sent.nxsms.select(found["slice"][0]))
        ([['IN', 50, 13006]], 50)
        """
        asked = Asked(prefix, phone, content, region, tz)
        return _noted(
            drivers(self._frame, columns, depth=depth, level=level, min_rows=min_rows, outcome=outcome, asked=asked)
        )

    def select(
        self,
        slice: Mapping[Any, Any],  # noqa: A002 - what it is called everywhere else
        *,
        tz: Any = None,
        prefix: str = "",
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> pd.DataFrame:
        """Take the rows of a slice, for example of one that `drivers` found.

        Parameters
        ----------
        slice : dict of label to value
            What rows must have: in columns of the frame, or in what is derived from it (as in `failures`; where the frame has
            a column of that name, ``"country (phone)"`` is the derived one). A value; None for a missing one; a
            `pandas.Interval` for a range of numbers or times; a list of these for any of them.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        prefix : str, default ""
            A prefix for the names of the result columns.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived columns need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            columns need it.

        Returns
        -------
        pandas.DataFrame
            Those rows, whatever their status, with the frame's columns; same index and order.

        Raises
        ------
        ColumnError
            A column is missing or ambiguous.
        ConfigError
            `slice` is not a mapping.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888", "919876543210"], "vip": [True, None]})
        >>> len(df.nxsms.select({"country": "IN", "vip": None})), len(df.nxsms.select({"vip": True}))
        (1, 1)
        """
        return select(self._frame, slice, Asked(prefix, phone, content, region, tz))

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
        """Compare the arms of an experiment: which one does better, by how much, and whether it may be chance.

        Parameters
        ----------
        by : label, default "variant"
            The column that says each row's arm.
        outcome : label
            ``"accepted"``: the rows that the gateway accepted, of those it answered. ``"delivered"``: the rows that arrived, of
            those with a final receipt. Or a column, over every assigned row whatever its status, held-out rows as an arm of
            their own: true and false or 1 and 0 are compared as a rate, other numbers by their mean.
        control : value, optional
            The arm that the others are held against. None: the first.
        level : float, default 0.05
            The probability of calling chance a difference, and of an interval to miss; 0.05 gives 95% intervals.
        unit : label or list of labels, optional
            The columns that tell who is one person, where people have several rows: ``"phone"``, for example. Rows of one
            person are not independent, and without it repeated phones warn.
        weights : dict or list of float, optional
            The sizes of the arms that were intended, as in `assign_variants`. None: equal ones.
        sequential : bool, default False
            Make intervals and p-values that hold however often one looks while results come in. Without it they hold for one
            look, at the end.
        phone : label, optional
            The column of the phones, where it is not named ``phone``.
        region, bare : optional
            How numbers without a country code are read, as in `send`.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            One row an arm, the control's differences missing: the arm, in a column named as `by`; ``n`` (int64, rows that
            count), with `unit` ``units`` (int64); ``hits`` (int64) and ``rate``, or ``mean`` (float64), with ``low``, ``high``;
            ``diff``, ``diff_low``, ``diff_high``, to the control, in absolute points; ``lift``, ``lift_low``, ``lift_high``, the
            same relative to the control, so that 0.1 is 10% more; ``p``; and ``p_adjusted``, which is the verdict: p corrected
            for the number of arms. Intervals are not corrected. ``attrs["words"]``, shown below the table, says it in words,
            ``attrs["methods"]`` what each column was made by.

        Raises
        ------
        ColumnError
            A column is missing or ambiguous, there is only one arm, or the outcome cannot be compared; of true and missing
            values, for example, it is not known whether missing means no.
        ConfigError
            An option is not usable.

        Warns
        -----
        SampleRatioWarning
            The arms are not of the intended sizes, by more than chance (chi-squared test, p < 0.001): rows were lost.
        UserWarning
            Phones are repeated and `unit` is not given.

        Notes
        -----
        Rates: Wilson (1927) for each; Newcombe (1998), method 10, for differences; MOVER-R, Donner & Zou (2012), for lifts; p of
        the pooled z-test, and of Fisher's exact test on arm and control where fewer than 5 are expected in a cell. Means:
        Welch (1947), for lifts Fieller (1954). With `unit`: the delta method, Deng, Knoblich & Lu (2018), with Student's t, and
        as for means; where an arm's units do not differ at all, as for so many independent rows. p_adjusted: Holm (1979).
        With `sequential`: the same intervals at the critical value of a normal mixture, Robbins (1970) and Waudby-Smith et al.
        (2024), and the always valid p-value of the mixture sequential probability ratio test, Johari et al. (2022). Coverage,
        errors and power were simulated; the project's ``benchmarks/EXPERIMENTS.md`` has the tables. Means of skewed numbers such
        as spending need about a hundred values other than 0 in the smallest arm.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"variant": ["A"] * 100 + ["B"] * 100, "bought": [1] * 10 + [0] * 90 + [1] * 25 + [0] * 75})
        >>> table = df.nxsms.compare(outcome="bought")
        >>> table[["variant", "n", "hits", "rate", "diff", "p_adjusted"]].round(4).values.tolist()
        [['A', 100, 10, 0.1, nan, nan], ['B', 100, 25, 0.25, 0.15, 0.0052]]
        >>> print(table.attrs["words"].splitlines()[1])
        B: 25.00%, against 10.00% for the control (A). Difference +15.00 points (95% interval +4.47 to +25.33), lift +150.0%. p_adjusted = 0.005: higher than the control, by more than chance.
        """
        return compare(
            self._frame,
            by,
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

    def throughput(self, freq: Any = None, prefix: str = "") -> pd.DataFrame:
        """Count the messages per interval of time.

        Parameters
        ----------
        freq : str or timedelta, optional
            The length of an interval, for example ``"100ms"``, ``"1min"`` or ``"1h"``. None: a second, or longer where that
            would make more than 600 rows.
        prefix : str, default ""
            A prefix for the names of the result columns.

        Returns
        -------
        pandas.DataFrame
            One row per interval, indexed by its start (``time``, UTC): ``messages``, ``accepted``, ``failed``, ``requests``
            (int64), ``per_second`` (float64). A row counts in the interval in which its request ended; rows that never left are
            not counted. Empty intervals are rows of zeros.

        Raises
        ------
        ColumnError
            The frame carries no results.
        ConfigError
            `freq` is not a valid interval, or makes over a million of them.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     df.nxsms.send(sandbox.client).nxsms.throughput()["messages"].to_list()
        [1]
        """
        return throughput(self._frame, freq, prefix)

    def delivery(
        self,
        by: Hashable | pd.Series[Any] | list[Any] | None = None,
        prefix: str = "",
        *,
        bins: int | Sequence[Any] | Literal[False] | None = None,
        tz: Any = None,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> pd.DataFrame:
        """Count what arrived of the accepted rows, and how soon, as the joined receipts say.

        The gateway's "accepted" is not yet "delivered"; what arrived is known from receipts, which `receipts` joins on. Only
        rows that are ``Success`` count, since nothing else could arrive.

        Parameters
        ----------
        by : label, Series, or list of them, optional
            What to group by, as in `failures`, and also ``"network"``, as the receipts name it.
        prefix : str, default ""
            A prefix for the names of the result columns, which those of the receipts share.
        bins : int, sequence or False, optional
            For columns of numbers and of times, as in `failures`.
        tz : str or tzinfo, optional
            The time zone of hours, weekdays and dates; None: UTC.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        pandas.DataFrame
            One row; with `by` one row per group that has accepted rows, after the columns of the groups. Groups stand in their
            own order where they have one, else those with most undelivered rows come first.

            ``rows`` (int64), the accepted ones; of these ``delivered`` (`dr_status` 2), ``undelivered`` (5 to 11) and ``open``
            (12, another number, or no receipt so far), int64; ``rate``, delivered as a share of the final receipts, that is of
            delivered and undelivered, with its 95% interval ``low``, ``high``; ``median_s`` and ``p95_s``, seconds from
            `sent_at` to `dr_time` over the delivered rows (float64, NaN where there are none).

            ``attrs["overall"]`` has counts, rate and interval of all rows. ``attrs["note"]``, which a notebook shows above the
            table, says whether groups differ by more than chance (``attrs["p"]``), and how many receipts lie before their
            sending.

        Raises
        ------
        ColumnError
            The frame carries no results or no receipts, or a column is missing, ambiguous or named like one of the result.
        ConfigError
            `bins` or `tz` cannot be used.

        Notes
        -----
        Intervals are Wilson's (1927); the test of groups is that of `failures`. Open rows are in neither part of `rate`: while
        many are open it shows the fast ones. The vendor's times are whole seconds of its own clock, so a receipt up to a minute
        before its sending counts as at once; one that lies further back was read in another zone than it was written in, and
        no delay is taken from it.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> df = pd.DataFrame({"phone": [f"49151{i:08d}" for i in range(100)], "content": "Hi"})
        >>> with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        ...     sent = df.nxsms.send(sandbox.client)
        >>> sent["dr_status"], sent["dr_time"] = [2] * 90 + [5] * 8 + [12, None], sent["sent_at"] + pd.Timedelta("8s")
        >>> sent.nxsms.delivery().round(3).values.tolist()
        [[100.0, 90.0, 8.0, 2.0, 0.918, 0.847, 0.958, 8.0, 8.0]]
        """
        return _noted(
            delivery(
                self._frame,
                by,
                bins=bins,
                tz=tz,
                prefix=prefix,
                phone=phone,
                content=content,
                region=region,
            )
        )

    @property
    def plot(self) -> NxsmsPlots:
        """Figures of the results, each a method: ``plot.failures()``, ``plot.status()``, ``plot.drivers()`` and more."""
        return NxsmsPlots(self._frame)

    def dashboard(
        self,
        prefix: str = "",
        *,
        phone: Hashable | None = None,
        content: Hashable | None = None,
        region: Hashable | None = None,
    ) -> Dashboard:
        """Show the results in a live widget: each choice filters every picture and the rows.

        Parameters
        ----------
        prefix : str, default ""
            A prefix for the names of the result columns.
        phone, content : label, optional
            The columns that hold them, where they are not named ``phone`` and ``content``; only derived groups need them.
        region : str or label, optional
            The country of numbers written without a country code, or the column that holds it, as in `send`; only derived
            groups need it.

        Returns
        -------
        Dashboard
            A widget; a saved notebook keeps a static picture of it. Its ``selection`` is the frame of the chosen rows (same
            index and order), its ``code`` the line that gives them without the widget, of a frame called ``sent``.

        Raises
        ------
        ColumnError
            The frame carries no results.

        Notes
        -----
        A click on a status, a reason, a group, a cell of the map or a finding filters by it, and a second click takes that
        back; dragging over the pictures of time and latency takes a range. A picture is filtered by everything but the
        choices made in itself, so that another one can be made there. Rates are of the rows that the gateway answered, with
        Wilson's 95% intervals, or of the rows with a final receipt where the frame has receipts and that is chosen.

        Columns of many values are grouped by the 24 most frequent and "other", numbers and times in ten bins of about as many
        rows. What goes with failure (`drivers`) and the arms of an experiment (`compare`) are worked out on demand, in the
        background, for the rows that are chosen then. Numbers are masked, in the exported file too, unless
        ``nx.options.mask_phones`` is False. A search narrows the table of rows and is no filter.

        Examples
        --------
        >>> import pandas as pd, nxsms_nb as nx
        >>> with nx.Sandbox(seed=7) as sandbox:
        ...     sent = pd.DataFrame({"phone": ["8615088888888"], "content": "Hi"}).nxsms.send(sandbox.client, progress="silent")
        >>> shown = sent.nxsms.dashboard()
        >>> shown, shown.code, len(shown.selection)
        (Dashboard of 1 row, 'sent', 1)
        """
        return views.dashboard.dashboard(self._frame, prefix, phone=phone, content=content, region=region)


def _noted(table: pd.DataFrame) -> pd.DataFrame:
    """Show a table's note above it; programs find the note in ``attrs["note"]``."""
    if table.attrs.get("note") and views.progress.in_notebook():
        screen.say(table.attrs["note"])
    return table
