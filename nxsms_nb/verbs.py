"""What the verbs do, in the threads of their calls: options, claim, preparing, sending and settling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nxsms_nb import screen
from nxsms_nb._arrow import present
from nxsms_nb.client import Client
from nxsms_nb.engine import dispatch, elsewhere, other_keys, reconcile, retry
from nxsms_nb.engine.dispatch import Prepared, prepare
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.engine.plan import Plan, plan_of
from nxsms_nb.engine.run import Run
from nxsms_nb.engine.state import Limits
from nxsms_nb.errors import AlreadySentWarning, ConfigError, Interrupted, QueryError
from nxsms_nb.formatting import count, named
from nxsms_nb.invocation import Invocation
from nxsms_nb.results.table import UNSENT
from nxsms_nb.settings import COLUMNS, LOOKING, SENDING, settle
from nxsms_nb.views import progress
from nxsms_nb.wire import codes as code_table

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.engine.dispatch import Rows
    from nxsms_nb.engine.progress import Observer
    from nxsms_nb.journal.locks import CampaignLock

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
    settings, spelled = settle(given, SENDING, COLUMNS), Invocation(verb, given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client)
    observer = progress.watch(settings["progress"])
    prepared = _prepared(call, frame, client, settings, spelled)
    with freed_by_errors(prepared.claim):
        _tell_repeats(call, prepared, settings)
    return _outcome(call, prepared, settings, observer)


def started(call: Call[Run], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]) -> Run:
    """Do what `start` does: hand out the run before its first request, and see it through."""
    settings, spelled = settle(given, SENDING, COLUMNS), Invocation("start", given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client)
    observer = progress.watch(settings["progress"], stop=call.stop.ask)
    prepared = _prepared(call, frame, client, settings, spelled)
    with freed_by_errors(prepared.claim):
        _tell_repeats(call, prepared, settings)
        run = Run(prepared, limits_of(settings), observer, call)
    call.hand_out(run)
    # Where the person stopped it on the way, and nobody has a handle, the run ends before its first request.
    call.await_leave()
    run.go()
    return run


def planned(call: Call[Plan], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]) -> Plan:
    """Do what `plan` does."""
    settings, spelled = settle(given, LOOKING, COLUMNS), Invocation("plan", given, client is not None)
    prepared = prepare(frame, client_or_env(client), settings, call=spelled)
    call.stop.check()
    _show(elsewhere.known_elsewhere(prepared), other_keys.sent_before_words(prepared, settings))
    return plan_of(prepared)


def known(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Do what `recorded` does."""
    settings, spelled = settle(given, LOOKING, COLUMNS), Invocation("recorded", given, client is not None)
    prepared = prepare(frame, client_or_env(client), settings, call=spelled)
    call.stop.check()
    for name, rows in (others := elsewhere.in_other_campaigns(prepared)):
        reason = f"{NOTHING_RECORDED} in this campaign; {elsewhere.what_campaign(name)} has it"
        prepared.results.decide(prepared.results.untold(rows), UNSENT, None, reason)
    _show(
        other_keys.sent_before_words(prepared, settings),
        elsewhere.campaign_words(prepared, others),
        elsewhere.known_elsewhere(prepared),
        elsewhere.new_words(prepared),
    )
    prepared.results.status[prepared.todo] = UNSENT
    prepared.results.decide(prepared.results.untold(prepared.todo), UNSENT, None, NOTHING_RECORDED)
    return prepared.joined(last=True)


def retried(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    codes: int | Iterable[int] | None,
    given: Mapping[str, Any],
) -> pd.DataFrame:
    """Do what `retry` does."""
    settings = settle(given, SENDING, COLUMNS)
    spelled = Invocation("retry", {"codes": codes, **given}, client is not None)
    client = client_or_env(client)
    wanted = retry.asked_for(codes)
    observer = progress.watch(settings["progress"])
    prepared = retry.taken_up(frame, client, settings, spelled)
    ready_to_claim(call)
    retry.claim_home(prepared, settings)
    with freed_by_errors(prepared.claim):
        held_back = retry.wait_again(prepared, settings, wanted)
        prepared.confirm(settings["confirm"])
        if len(held_back):
            screen.say(_early_words(prepared, held_back, wanted))
    return _outcome(call, prepared, settings, observer)


def reconciled(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, absent: str, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Do what `reconcile` does."""
    if absent not in ("Unknown", "Unsent"):
        raise ConfigError(f"absent={named(absent)} is not one of 'Unknown', 'Unsent'.")
    settings = settle(given, LOOKING, COLUMNS)
    spelled = Invocation("reconcile", {"absent": absent, **given}, client is not None)
    client = client_or_env(client)
    prepared = retry.taken_up(frame, client, settings, spelled)
    doubtful = np.intersect1d(reconcile.in_doubt(prepared.results), np.flatnonzero(present(prepared.all_ids())))
    elsewhere.refuse_strange_doubts(prepared, doubtful)
    for campaign, rows, anywhere in list(retry.by_home(prepared, doubtful)):
        ready_to_claim(call)
        retry.claim_doubts(prepared, campaign, rows, anywhere=anywhere)
        with freed_by_errors(prepared.claim):
            left, timed = retry.take_over_learnt(prepared, rows)
            if not len(left):
                prepared.give_back()
                continue
            if client.app_secret is None:
                raise QueryError(
                    "The record query needs the application's secret: Client(app_secret=…), or set NXSMS_APP_SECRET."
                )
            recording = prepared.record(rows=0, workers=1)
        through = False
        try:
            settled = reconcile.settle(prepared, recording, left, absent=absent, timed=timed)
            through = in_loop(unless_stopped(call, settled))
        finally:
            recording.close(stopped=None if through or not call.stop.asked else "stopped by the person")
        if not through:
            raise Interrupted("Stopped by the person; rows that were not settled stay in doubt.", prepared.joined())
    return prepared.joined(last=True)


def client_or_env(client: Client | None) -> Client:
    """The client as given, or the one the environment describes."""
    if client is None:
        return Client.from_env()
    if not isinstance(client, Client):
        raise ConfigError(
            f"client={type(client).__name__} is not a Client. Give nx.Client(…), nx.Client.from_env() or sandbox.client."
        )
    return client


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """What a run keeps to, from the options."""
    return Limits(
        concurrency=settings["concurrency"],
        batch_size=settings["batch_size"],
        max_rate=settings["max_rate"],
        max_failures=settings["max_failures"],
    )


@contextmanager
def freed_by_errors(claim: CampaignLock | None) -> Iterator[None]:
    """Whatever keeps a run from beginning, the campaign is free for the next call."""
    try:
        yield
    except BaseException:
        if claim is not None:
            claim.release()
        raise


def ready_to_claim(call: Call[Any]) -> None:
    """Wait for what calls that were left behind still hold; raise `Interrupted` where this one is asked to stop."""
    call.let_others_end()
    call.stop.check()


def _prepared(
    call: Call[Any], frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], spelled: Invocation
) -> Prepared:
    ready_to_claim(call)
    claim = dispatch.journal_of(settings, client).claim(settings["campaign"])
    with freed_by_errors(claim):
        prepared = prepare(frame, client, settings, call=spelled, claim=claim)
        prepared.refuse_conflicts()
        elsewhere.refuse_other_gateway(prepared)
        prepared.confirm(settings["confirm"])
    return prepared


def _outcome(
    call: Call[pd.DataFrame], prepared: Prepared, settings: Mapping[str, Any], observer: Observer
) -> pd.DataFrame:
    """Send what was prepared; the frame, or why the run ended early."""
    if not len(prepared.todo) and (prepared.doubtful is None or not len(prepared.doubtful)):
        prepared.give_back()
        return prepared.joined(last=True)
    with freed_by_errors(prepared.claim):
        run = Run(prepared, limits_of(settings), observer, call)
    run.go()
    return run.outcome(last=True)


def _tell_repeats(call: Call[Any], prepared: Prepared, settings: Mapping[str, Any]) -> None:
    _show(other_keys.sent_before_words(prepared, settings))
    words = dispatch.repeated_words(prepared)
    if words is not None and len(prepared.todo):
        # Not through the observer: that fewer people are reached must be seen with progress off as well.
        screen.say(words)
    elif words is not None:
        call.warn(words, AlreadySentWarning)


def _show(*words: str | None) -> None:
    for some in words:
        if some is not None:
            screen.say(some)


def _early_words(prepared: Prepared, rows: Rows, wanted: frozenset[int]) -> str:
    """What to tell a person of rows that the hour's limit keeps back."""
    times = retry.may_go_us(prepared.results, rows)
    first, last = (dispatch.clock(int(us)) for us in (times.min(), times.max()))
    return (
        f"{count(len(rows), 'row')} stayed Failure: refused by the hourly limit (13007), to be retried from {first}"
        + (f", the last from {last}" if last != first else "")
        + f". To send them anyway: {prepared.call.text(codes=sorted(wanted | {code_table.HOURLY}))}"
    )
