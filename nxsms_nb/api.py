"""The verbs: send and its kin. Each does its work in a call of its own, see `execution`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal, Unpack

from nxsms_nb import verbs
from nxsms_nb.calls import Call
from nxsms_nb.engine.loops import awaited
from nxsms_nb.invocation import Invocation
from nxsms_nb.settings import COLUMNS, LOOKING, SENDING, Looking, Sending, spelled_out

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.plan import Plan
    from nxsms_nb.engine.run import Run


@spelled_out(SENDING, COLUMNS)
def send(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Sending]) -> pd.DataFrame:
    """Send a frame's rows as SMS, each at most once, and join what became of them.

    Blocks until done, with live progress; works in a script and in a notebook alike.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients; columns ``phone`` and ``content``, and as far as there are any ``source_address``,
        ``sys_message_id``, ``short_link``, ``link_verbose``, ``dr_url``, ``ext`` (or the vendor's camelCase).
    client : Client, optional
        The account; None: `Client.from_env`.
    campaign : str, optional
        In a named campaign a number gets one message; without a name the same text does not go to the same number twice.
    key : label or list of labels, optional
        The columns that tell one message from another instead.
    duplicates : {"raise", "drop", "allow"}, default "raise"
        What to do with rows that share a key.
    on_invalid : {"skip", "raise"}, default "skip"
        What to do with rows that validation refuses.
    confirm : int, optional
        Agreement to send at most so many messages to a real gateway; needed above ``nx.options.confirm_above``.
    concurrency : int, default 8
        Requests under way at once.
    batch_size : int, default 200
        Rows a request, 1 to 200.
    max_rate : float, optional
        The most messages a second; limits of the account are found by themselves.
    max_failures : int or float, optional
        Stop when more rows failed: a count, or a share (a float below 1) of the answered rows.
    progress : {None, "widget", "bar", "silent"} or Observer, optional
        None: a widget in a notebook, a bar in a terminal, else nothing.
    journal : path-like or Journal, optional
        What was attempted before is in here; None: ``NXSMS_JOURNAL``, else the user's data folder.
    prefix : str, default ""
        What the names of the result columns begin with.
    region : str, optional
        The country that completes national numbers, ``"CN"`` say.
    phone, content, source_address, sys_message_id, short_link, link_verbose, dr_url, ext : label, optional
        The frame's column for a field, where it has another name.

    Returns
    -------
    pandas.DataFrame
        The frame, same index and order, with ``messageid``, ``status``, ``code``, ``reason``, ``batch``, ``attempts``,
        ``sent_at``, ``latency_ms`` joined on. The frame that was given is not touched.

    Raises
    ------
    Stopped
        The run ended while rows were unsent (``.frame`` is complete): `Interrupted`, `AccountRefused`, ….
    ValidationError
        Rows share a key, or are invalid and ``on_invalid="raise"``; nothing was sent.
    ColumnError, ConfigError, ConfirmationNeeded, JournalError
        The call cannot be carried out as it stands; nothing was sent.

    Warns
    -----
    AlreadySentWarning
        Nothing was left to send.

    Notes
    -----
    Source: the vendor's page on the batch endpoint (fields, limits, codes).

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
    >>> with nx.Sandbox(seed=7) as sandbox:
    ...     df.nxsms.send(sandbox.client)["status"].to_list()
    ['Success']
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.sent, frame=frame, client=client, given=given))
    return call.result()


@spelled_out(SENDING, COLUMNS)
async def asend(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Sending]) -> pd.DataFrame:
    """Same as `send`, but awaited: the event loop it is called in goes on.

    A cancellation stops the run, awaits its end and is raised again; `recorded` then has the frame.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.sent, frame=frame, client=client, given=given, verb="asend"))
    # A cancellation may come before the work has begun, and names it as well.
    call.recorded = Invocation("asend", given, client is not None).text("recorded")
    return await awaited(call)


@spelled_out(SENDING, COLUMNS)
def start(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Sending]) -> Run:
    """Same as `send`, but returns at once with a `Run`: ``.stop()``, ``.wait()``, ``.done``, ``.frame``, ``.stopped``."""
    call: Call[Run] = Call(partial(verbs.started, frame=frame, client=client, given=given))
    # No cast: that is a call, and an interrupt in it would leave nobody with a handle.
    return call.first()  # type: ignore[no-any-return]


@spelled_out(LOOKING, COLUMNS)
def plan(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Looking]) -> Plan:
    """Each row's fate if the frame were sent now. Sends nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients.
    client : Client, optional
        The account; None: `Client.from_env`.
    **given
        As for `send`.

    Returns
    -------
    Plan
        ``.frame`` has the rows with ``messageid``, ``fate``, ``reason``; shown, it counts them.
    """
    call: Call[Plan] = Call(partial(verbs.planned, frame=frame, client=client, given=given))
    return call.result()


@spelled_out(LOOKING, COLUMNS)
def recorded(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Looking]) -> pd.DataFrame:
    """What is known of a frame's rows, joined on as `send` would. Sends nothing.

    Where another campaign of the journal knows rows of which this one knows nothing, that is printed, with the call to
    make; also where the journal is new.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients, as they were sent.
    client : Client, optional
        The account; None: `Client.from_env`.
    **given
        As for `send`; `campaign` and `key` must be those of the send.

    Returns
    -------
    pandas.DataFrame
        Rows of which nothing is recorded are ``Unsent``.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.known, frame=frame, client=client, given=given))
    return call.result()


@spelled_out({"codes": None}, SENDING, COLUMNS)
def retry(
    frame: pd.DataFrame,
    client: Client | None = None,
    codes: int | Iterable[int] | None = None,
    **given: Unpack[Sending],
) -> pd.DataFrame:
    """Another attempt for rows that certainly did not go out and may now.

    ``Unsent`` rows keep their id. ``Failure`` rows leave with an id of their own for the new attempt if their code may pass
    later (13007, an hour after the request) or is one of `codes`. ``Skipped``, ``Invalid`` and ``Unknown`` rows are never
    tried. Running the same cell again sends nothing again. A row whose number or text was corrected leaves as it is now; its
    campaign's own call knows it.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame.
    client : Client, optional
        The account; None: `Client.from_env`.
    codes : int or iterable of int, optional
        Further codes of failed rows to try again, for which something has changed; with 13007, rows within the hour, too.
    **given
        As for `send`; the campaign is looked up in the journal where it is not named.

    Returns
    -------
    pandas.DataFrame
        The frame, with the results of the rows that were tried again replaced.

    Raises
    ------
    ColumnError
        The frame carries no results.
    ConfigError
        `codes` names none of the vendor's codes.
    Stopped
        As for `send`.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.retried, frame=frame, client=client, codes=codes, given=given))
    return call.result()


@spelled_out({"absent": "Unknown"}, LOOKING, COLUMNS)
def reconcile(
    frame: pd.DataFrame,
    client: Client | None = None,
    absent: Literal["Unknown", "Unsent"] = "Unknown",
    **given: Unpack[Looking],
) -> pd.DataFrame:
    """Settle rows in doubt by the vendor's record query.

    Parameters
    ----------
    frame : pandas.DataFrame
        A sent frame.
    client : Client, optional
        The account, with its ``app_secret``; None: `Client.from_env`.
    absent : {"Unknown", "Unsent"}, default "Unknown"
        What becomes of rows that the query does not find. That proves nothing; ``"Unsent"`` is your word that they did not
        go out, and does not hold before a minute has passed.
    **given
        As for `send`; the campaign is looked up in the journal where it is not named.

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
    Source: the vendor's record queries, which reach back 31 days.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.reconciled, frame=frame, client=client, absent=absent, given=given))
    return call.result()
