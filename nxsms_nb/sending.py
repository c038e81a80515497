"""The verbs: send and its kin, each short; what they share is in `preparing`, `handle` and `settling`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Unpack

import numpy as np

from nxsms_nb import carrying, codetable, elsewhere, preparing, progress, screen, settling
from nxsms_nb.cells import present
from nxsms_nb.client import Client
from nxsms_nb.course import Limits
from nxsms_nb.display import count, named
from nxsms_nb.errors import AlreadySentWarning, ConfigError, QueryError, tell_of_cancellation
from nxsms_nb.handle import LOOK_S, Run
from nxsms_nb.invocation import Invocation
from nxsms_nb.plan import Plan, plan_of
from nxsms_nb.preparing import Prepared, prepare
from nxsms_nb.results import UNSENT
from nxsms_nb.settings import COLUMNS, LOOKING, SENDING, Looking, Sending, settle, spelled_out

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.locks import CampaignLock
    from nxsms_nb.preparing import Rows
    from nxsms_nb.snapshot import Observer

NOTHING_RECORDED: Final = "nothing is recorded of it"
_T = TypeVar("_T")


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
    settings, call = settle(given, SENDING, COLUMNS), Invocation("send", given, client is not None)
    client = client_or_env(client)
    observer = progress.watch(settings["progress"])
    prepared = _prepared(frame, client, settings, call)
    if (run := _begun(prepared, settings, observer)) is None:
        return prepared.joined(last=True)
    return run.result(last=True)


@spelled_out(SENDING, COLUMNS)
async def asend(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Sending]) -> pd.DataFrame:
    """Same as `send`, but awaited: the event loop it is called in goes on.

    A cancellation stops the run, awaits its end and is raised again; `recorded` then has the frame.
    """
    settings, call = settle(given, SENDING, COLUMNS), Invocation("asend", given, client is not None)
    client = client_or_env(client)
    observer = progress.watch(settings["progress"])
    pool = ThreadPoolExecutor(1)
    looking = pool.submit(copy_context().run, _prepared, frame, client, settings, call)
    pool.shutdown(wait=False)
    looked = asyncio.wrap_future(looking)
    try:
        prepared = await _wakeful(looked)
    except asyncio.CancelledError as cancelled:
        tell_of_cancellation(cancelled, call.text("recorded"))
        # The thread cannot be stopped; when it is through, the campaign must be free again.
        try:
            await asyncio.wait({looked})
        finally:
            looking.add_done_callback(_give_back)
        raise
    if (run := _begun(prepared, settings, observer)) is None:
        return prepared.joined(last=True)
    ended = asyncio.wrap_future(run.finished)
    try:
        await _wakeful(ended)
    except asyncio.CancelledError as cancelled:
        run.ask_to_stop()
        while not ended.done():
            await asyncio.wait({ended})
        tell_of_cancellation(cancelled, call.text("recorded"))
        raise
    return run.outcome(last=True)


@spelled_out(SENDING, COLUMNS)
def start(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Sending]) -> Run:
    """Same as `send`, but returns at once with a `Run`: ``.stop()``, ``.wait()``, ``.done``, ``.frame``, ``.stopped``."""
    settings, call = settle(given, SENDING, COLUMNS), Invocation("start", given, client is not None)
    client = client_or_env(client)
    later: list[Run] = []
    observer = progress.watch(settings["progress"], stop=lambda: later[0].ask_to_stop() if later else None)
    prepared = _prepared(frame, client, settings, call)
    with _freed_by_errors(prepared.claim):
        _tell_repeats(prepared)
        run = Run(prepared, limits_of(settings), observer)
    later.append(run)
    return run


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
    settings, call = settle(given, LOOKING, COLUMNS), Invocation("plan", given, client is not None)
    prepared = prepare(frame, client_or_env(client), settings, call=call)
    _show(elsewhere.known_elsewhere(prepared))
    return plan_of(prepared)


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
    settings, call = settle(given, LOOKING, COLUMNS), Invocation("recorded", given, client is not None)
    prepared = prepare(frame, client_or_env(client), settings, call=call)
    for name, rows in (others := elsewhere.in_other_campaigns(prepared)):
        reason = f"{NOTHING_RECORDED} in this campaign; {elsewhere.what_campaign(name)} has it"
        prepared.results.decide(prepared.results.untold(rows), UNSENT, None, reason)
    _show(
        elsewhere.campaign_words(prepared, others), elsewhere.known_elsewhere(prepared), elsewhere.new_words(prepared)
    )
    prepared.results.status[prepared.todo] = UNSENT
    prepared.results.decide(prepared.results.untold(prepared.todo), UNSENT, None, NOTHING_RECORDED)
    return prepared.joined(last=True)


@spelled_out({"codes": None}, SENDING, COLUMNS)
def retry(
    frame: pd.DataFrame,
    client: Client | None = None,
    codes: int | Iterable[int] | None = None,
    **given: Unpack[Sending],
) -> pd.DataFrame:
    """Another attempt for rows that certainly did not go out and may now.

    ``Unsent`` rows leave with their id; ``Failure`` rows with a code that may pass later (13007, an hour after the
    request), or with one of `codes`, leave with an id of their own for the new attempt. ``Skipped``, ``Invalid`` and ``Unknown`` rows never do. Running the
    same cell again sends nothing again. A row whose number or text was corrected is another message to `send`: do not give
    one to both.

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
    settings = settle(given, SENDING, COLUMNS)
    call = Invocation("retry", {"codes": codes, **given}, client is not None)
    client = client_or_env(client)
    wanted = carrying.asked_for(codes)
    observer = progress.watch(settings["progress"])
    prepared = carrying.taken_up(frame, client, settings, call)
    carrying.claim_home(prepared, settings)
    with _freed_by_errors(prepared.claim):
        held_back = carrying.wait_again(prepared, settings, wanted)
        prepared.confirm(settings["confirm"])
        if len(held_back):
            screen.say(_early_words(prepared, held_back, wanted))
    if (run := _begun(prepared, settings, observer, quiet=True)) is None:
        return prepared.joined(last=True)
    return run.result(last=True)


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
    if absent not in ("Unknown", "Unsent"):
        raise ConfigError(f"absent={named(absent)} is not one of 'Unknown', 'Unsent'.")
    settings = settle(given, LOOKING, COLUMNS)
    call = Invocation("reconcile", {"absent": absent, **given}, client is not None)
    client = client_or_env(client)
    prepared = carrying.taken_up(frame, client, settings, call)
    doubtful = np.intersect1d(settling.in_doubt(prepared.results), np.flatnonzero(present(prepared.all_ids())))
    elsewhere.refuse_strange_doubts(prepared, doubtful)
    for campaign, rows, anywhere in list(carrying.by_home(prepared, doubtful)):
        carrying.claim_doubts(prepared, campaign, rows, anywhere=anywhere)
        with _freed_by_errors(prepared.claim):
            left, timed = carrying.take_over_learnt(prepared, rows)
            if not len(left):
                prepared.give_back()
                continue
            if client.app_secret is None:
                raise QueryError(
                    "The record query needs the application's secret: Client(app_secret=…), or set NXSMS_APP_SECRET."
                )
            recording = prepared.record(rows=0, workers=1)
        try:
            _in_thread(settling.settle(prepared, recording, left, absent=absent, timed=timed))
        finally:
            recording.close()
    return prepared.joined(last=True)


async def _wakeful(future: asyncio.Future[_T]) -> _T:
    """Await what a thread does, without cancelling it; the result."""
    while not future.done():
        # A kernel's interrupt cancels the cell but does not wake its loop, which would sleep until the run's end.
        await asyncio.wait({future}, timeout=LOOK_S)
    return future.result()


def client_or_env(client: Client | None) -> Client:
    """The client as given, or the one the environment describes."""
    if client is None:
        return Client.from_env()
    if not isinstance(client, Client):
        raise ConfigError(
            f"client={type(client).__name__} is not a Client. Give nx.Client(…), nx.Client.from_env() or sandbox.client."
        )
    return client


def _prepared(frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], call: Invocation) -> Prepared:
    claim = preparing.journal_of(settings, client).claim(settings["campaign"])
    with _freed_by_errors(claim):
        prepared = prepare(frame, client, settings, call=call, claim=claim)
        prepared.refuse_conflicts()
        elsewhere.refuse_other_gateway(prepared)
        prepared.confirm(settings["confirm"])
    return prepared


@contextmanager
def _freed_by_errors(claim: CampaignLock | None) -> Iterator[None]:
    """Whatever keeps a run from beginning, the campaign is free for the next call."""
    try:
        yield
    except BaseException:
        if claim is not None:
            claim.release()
        raise


def _give_back(looking: Future[Prepared]) -> None:
    if not looking.cancelled() and looking.exception() is None:
        looking.result().give_back()


def _begun(prepared: Prepared, settings: Mapping[str, Any], observer: Observer, *, quiet: bool = False) -> Run | None:
    """The run of what was prepared; None where there is nothing to do."""
    with _freed_by_errors(prepared.claim):
        if not quiet:
            _tell_repeats(prepared)
        if not len(prepared.todo) and (prepared.doubtful is None or not len(prepared.doubtful)):
            prepared.give_back()
            return None
        return Run(prepared, limits_of(settings), observer)


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """What a run keeps to, from the options."""
    return Limits(
        concurrency=settings["concurrency"],
        batch_size=settings["batch_size"],
        max_rate=settings["max_rate"],
        max_failures=settings["max_failures"],
    )


def _tell_repeats(prepared: Prepared) -> None:
    words = preparing.repeated_words(prepared)
    if words is not None and len(prepared.todo):
        # Not through the observer: that fewer people are reached must be seen with progress off as well.
        screen.say(words)
    elif words is not None:
        screen.warn(words, AlreadySentWarning, stacklevel=5)


def _show(*words: str | None) -> None:
    for some in words:
        if some is not None:
            screen.say(some)


def _early_words(prepared: Prepared, rows: Rows, wanted: frozenset[int]) -> str:
    """What to tell a person of rows that the hour's limit keeps back."""
    times = carrying.may_go_us(prepared.results, rows)
    first, last = (preparing.clock(int(us)) for us in (times.min(), times.max()))
    return (
        f"{count(len(rows), 'row')} stayed Failure: refused by the limit of an hour (13007), they may go from {first}"
        + (f", the last from {last}" if last != first else "")
        + f". To send them all the same: {prepared.call.text(codes=sorted(wanted | {codetable.HOURLY}))}"
    )


def _in_thread(work: Coroutine[Any, Any, _T]) -> _T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
