"""The work of the verbs, in the threads of their calls: options, lock, dispatch, sending and settling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb import screen
from nxsms_nb._arrow import present
from nxsms_nb.client import Client
from nxsms_nb.engine import elsewhere, other_keys, reconcile, retry, trial
from nxsms_nb.engine.balance import Balance, ask_balance
from nxsms_nb.engine.dispatch import (
    Dispatch,
    clock,
    journal_of,
    mistaken_words,
    prepare,
    repeated_words,
    suppressed_words,
)
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.engine.plan import Plan, plan_of
from nxsms_nb.engine.prices import read_prices
from nxsms_nb.engine.run import Run
from nxsms_nb.engine.state import Limits
from nxsms_nb.errors import AlreadySentWarning, ConfigError, Interrupted, QueryError
from nxsms_nb.formatting import count, named
from nxsms_nb.given import frame_as_given
from nxsms_nb.invocation import Invocation
from nxsms_nb.results.table import UNSENT
from nxsms_nb.rows import columns as row_columns
from nxsms_nb.rows import validate
from nxsms_nb.settings import CHECKING, COLUMNS, LOOKING, SENDING, TRYING, with_defaults
from nxsms_nb.views import progress
from nxsms_nb.wire import codes as code_table

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.engine.dispatch import Rows
    from nxsms_nb.engine.progress import Observer
    from nxsms_nb.journal.campaign import Campaign

NOTHING_RECORDED: Final = "nothing is recorded of it"


def sent(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    given: Mapping[str, Any],
    verb: str = "send",
) -> pd.DataFrame:
    """Do what `send` and `asend` do."""
    settings, spelled = with_defaults(given, SENDING, COLUMNS), Invocation(verb, given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client)
    observer = progress.watch(settings["progress"], call)
    ready_to_lock(call)
    with _campaign(frame, client, settings) as campaign:
        dispatch = _dispatch(frame, client, settings, spelled, campaign)
        _report_repeats(call, dispatch, settings)
        return _outcome(call, dispatch, settings, observer)


def started(call: Call[Run], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]) -> Run:
    """Do what `start` does: hand out the run before its first request, and see it through."""
    settings, spelled = with_defaults(given, SENDING, COLUMNS), Invocation("start", given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client)
    observer = progress.watch(settings["progress"], call, waited_for=False)
    ready_to_lock(call)
    with _campaign(frame, client, settings) as campaign:
        dispatch = _dispatch(frame, client, settings, spelled, campaign)
        _report_repeats(call, dispatch, settings)
        run = Run(dispatch, limits_of(settings), observer, call)
        # Before the cell ends: later, an older kernel would attribute a widget to another request.
        run.announce()
        call.hand_out(run)
        # If the person stopped it meanwhile, and nobody has a handle, the run ends before its first request.
        call.await_leave()
        run.go()
        return run


def planned(
    call: Call[Plan],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    prices: Any,
    rate: float | None,
    given: Mapping[str, Any],
) -> Plan:
    """Do what `plan` does."""
    settings, spelled = with_defaults(given, LOOKING, COLUMNS), Invocation("plan", given, client is not None)
    per_segment = read_prices(prices)
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, Real) or not 0 < float(rate) < math.inf):
        raise ConfigError(f"rate={named(rate)} is not a number of messages a second, above 0.")
    client = client_or_env(client)
    # Repeated rows are counted and not refused: to see them is what a plan is for.
    counted = settings["duplicates"] == "raise"
    looked_at = {**settings, "duplicates": "drop"} if counted else settings
    dispatch = prepare(frame, client, looked_at, call=spelled, journal=journal_of(settings, client))
    call.stop.check()
    _show(
        dispatch.checked.about_list,
        elsewhere.known_elsewhere(dispatch),
        other_keys.sent_before_words(dispatch, settings),
        mistaken_words(dispatch),
    )
    balance = _balance(call, client)
    call.stop.check()
    return plan_of(
        dispatch, prices=per_segment, rate=None if rate is None else float(rate), balance=balance, counted=counted
    )


def _balance(call: Call[Plan], client: Client) -> Balance | str | None:
    """Ask for the balance: why it is not known where the query failed, None where nothing is asked."""
    if client.app_secret is None:
        return None
    found: list[Balance] = []

    async def ask() -> None:
        found.append(await ask_balance(client))

    try:
        in_loop(unless_stopped(call, ask()))
    except QueryError as error:
        return str(error)
    return found[0] if found else None


def looked_up(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Do what `recorded` does."""
    settings, spelled = with_defaults(given, LOOKING, COLUMNS), Invocation("recorded", given, client is not None)
    client = client_or_env(client)
    dispatch = prepare(frame, client, settings, call=spelled, journal=journal_of(settings, client))
    call.stop.check()
    for name, rows in (others := elsewhere.in_other_campaigns(dispatch)):
        reason = f"{NOTHING_RECORDED} in this campaign; {elsewhere.what_campaign(name)} has it"
        dispatch.results.decide(dispatch.results.without_reason(rows), UNSENT, None, reason)
    _show(
        dispatch.unlisted_words(),
        other_keys.sent_before_words(dispatch, settings),
        elsewhere.campaign_words(dispatch, others),
        elsewhere.known_elsewhere(dispatch),
        elsewhere.new_words(dispatch),
    )
    dispatch.results.status[dispatch.todo] = UNSENT
    dispatch.results.decide(dispatch.results.without_reason(dispatch.todo), UNSENT, None, NOTHING_RECORDED)
    return dispatch.joined(last=True)


def retried(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    codes: int | Iterable[int] | None,
    given: Mapping[str, Any],
) -> pd.DataFrame:
    """Do what `retry` does."""
    settings = with_defaults(given, SENDING, COLUMNS)
    spelled = Invocation("retry", {"codes": codes, **given}, client is not None)
    client = client_or_env(client)
    wanted = retry.asked_for(codes)
    observer = progress.watch(settings["progress"], call)
    journal = journal_of(settings, client)
    as_sent = retry.read_back(frame, client, journal, settings, spelled)
    ready_to_lock(call)
    home = retry.home_of(as_sent, settings)
    if home is None:
        retry.skip_suppressed(as_sent)
        _show(suppressed_words(len(as_sent.suppressed()), as_sent.checked.about_list))
        return as_sent.joined(last=True)
    with retry.hold_home(journal, as_sent, home) as campaign:
        dispatch, held_back = retry.resend(as_sent, home, campaign, settings, wanted)
        dispatch.confirm(settings["confirm"])
        _show(suppressed_words(len(dispatch.suppressed()), dispatch.checked.about_list))
        if len(held_back):
            screen.say(_early_words(dispatch, held_back, wanted))
        return _outcome(call, dispatch, settings, observer)


def reconciled(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, absent: str, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Do what `reconcile` does."""
    if absent not in ("Unknown", "Unsent"):
        raise ConfigError(f"absent={named(absent)} is not one of 'Unknown', 'Unsent'.")
    settings = with_defaults(given, LOOKING, COLUMNS)
    spelled = Invocation("reconcile", {"absent": absent, **given}, client is not None)
    client = client_or_env(client)
    journal = journal_of(settings, client)
    dispatch = retry.read_back(frame, client, journal, settings, spelled)
    doubtful = np.intersect1d(reconcile.in_doubt(dispatch.results), np.flatnonzero(present(dispatch.all_ids())))
    elsewhere.refuse_strange_doubts(dispatch, doubtful)
    for home in retry.homes_of(dispatch, doubtful):
        ready_to_lock(call)
        # A run that may still be working on rows in doubt holds their campaign, so that nobody else judges them.
        with retry.hold_home(journal, dispatch, home) as campaign:
            left, timed = retry.take_over_learnt(dispatch, home.rows, campaign)
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


def tried(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    to: Any,
    rows: Any,
    given: Mapping[str, Any],
) -> pd.DataFrame:
    """Do what `try_out` does."""
    settings = {**CHECKING, **with_defaults(given, TRYING, COLUMNS), "duplicates": "allow"}
    if not isinstance(rows, Integral) or isinstance(rows, bool) or not 1 <= int(rows) <= trial.MOST:
        raise ConfigError(f"rows={named(rows)} is not a whole number from 1 to {trial.MOST}.")
    number = trial.number_of(to, settings["region"])
    client = client_or_env(client)
    frame = frame_as_given(frame)
    report = validate.report_on(frame, settings)
    if not report.checked.good.any():
        report.raise_if_bad()
        raise ConfigError("The frame has no row that would be sent, and so no text to try out.")
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


def client_or_env(client: Client | None) -> Client:
    """Return the client given, or the one that the environment describes."""
    if client is None:
        return Client.from_env()
    if not isinstance(client, Client):
        raise ConfigError(
            f"client={type(client).__name__} is not a Client. Pass nx.Client(…), nx.Client.from_env() or sandbox.client."
        )
    return client


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """Take a run's limits from the options."""
    return Limits(
        concurrency=settings["concurrency"],
        batch_size=settings["batch_size"],
        max_rate=settings["max_rate"],
        max_failures=settings["max_failures"],
    )


def ready_to_lock(call: Call[Any]) -> None:
    """Wait for what abandoned calls still hold; raise `Interrupted` if this one is asked to stop."""
    call.let_others_end()
    call.stop.check()


def _campaign(frame: pd.DataFrame, client: Client, settings: Mapping[str, Any]) -> Campaign:
    """Hold the campaign of a call, with its right scope: the frame's own ids are known in every campaign."""
    columns = row_columns.resolve(frame, {name: settings[name] for name in COLUMNS})
    own = columns.get("sys_message_id")
    own_ids = own is not None and bool(frame[own].notna().any())
    return journal_of(settings, client).campaign(settings["campaign"], own_ids=own_ids)


def _dispatch(
    frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], spelled: Invocation, campaign: Campaign
) -> Dispatch:
    """Prepare what is sent now, and check that it was confirmed."""
    dispatch = prepare(frame, client, settings, call=spelled, journal=campaign)
    dispatch.refuse_conflicts()
    elsewhere.refuse_other_gateway(dispatch)
    dispatch.confirm(settings["confirm"])
    return dispatch


def _outcome(
    call: Call[pd.DataFrame], dispatch: Dispatch, settings: Mapping[str, Any], observer: Observer
) -> pd.DataFrame:
    """Send what was prepared; return the frame, or raise why the run ended early."""
    if not len(dispatch.todo) and (dispatch.doubtful is None or not len(dispatch.doubtful)):
        return dispatch.joined(last=True)
    run = Run(dispatch, limits_of(settings), observer, call)
    run.go()
    return run.outcome(last=True)


def _report_repeats(call: Call[Any], dispatch: Dispatch, settings: Mapping[str, Any]) -> None:
    # Not through the observer: even with progress off, it must be seen that fewer people are reached.
    _show(
        other_keys.sent_before_words(dispatch, settings),
        suppressed_words(len(dispatch.suppressed()), dispatch.checked.about_list),
        mistaken_words(dispatch),
    )
    words = repeated_words(dispatch)
    if words is not None and len(dispatch.todo):
        screen.say(words)
    elif words is not None:
        report_all_sent(call, words)


def report_all_sent(call: Call[Any], words: str) -> None:
    """Report that everything was sent before: as a warning, or in a notebook, where cells run again, as a line."""
    if progress.in_notebook():
        screen.say(words)
    else:
        call.warn(words, AlreadySentWarning)


def _show(*words: str | None) -> None:
    for some in words:
        if some is not None:
            screen.say(some)


def _early_words(dispatch: Dispatch, rows: Rows, wanted: frozenset[int]) -> str:
    """Describe rows that the hourly limit still holds back."""
    times = retry.may_go_us(dispatch.results, rows)
    first, last = (clock(int(us)) for us in (times.min(), times.max()))
    return (
        f"{count(len(rows), 'row')} stayed Failure: refused by the hourly limit (13007); retry from {first} on"
        + (f", the last one from {last} on" if last != first else "")
        + f". To send them anyway: {dispatch.call.text(codes=sorted(wanted | {code_table.HOURLY}))}"
    )
