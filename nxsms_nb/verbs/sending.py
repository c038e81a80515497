"""Do what `send`, `asend`, `start` and `retry` do: hold the campaign, prepare the rows, send them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nxsms_nb import screen
from nxsms_nb.client import client_or_env
from nxsms_nb.engine import other_keys, retry
from nxsms_nb.engine.notices import clock, mistaken_words, repeated_words, suppressed_words
from nxsms_nb.engine.prepare import journal_of, prepare_to_send
from nxsms_nb.engine.run import Run
from nxsms_nb.engine.sent_rows import read_back
from nxsms_nb.engine.state import Limits
from nxsms_nb.errors import AlreadySentWarning
from nxsms_nb.formatting import count
from nxsms_nb.invocation import Invocation
from nxsms_nb.rows import columns as row_columns
from nxsms_nb.settings import COLUMNS, SENDING, with_defaults
from nxsms_nb.views import progress
from nxsms_nb.wire import codes as code_table

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client
    from nxsms_nb.engine.dispatch import Dispatch, Rows
    from nxsms_nb.engine.progress import Observer
    from nxsms_nb.journal.campaign import Campaign

__all__ = ["report_all_sent", "retried", "sent", "started"]


def sent(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    given: Mapping[str, Any],
    verb: str = "send",
) -> pd.DataFrame:
    """Send a frame and return it with its results, for `send` and `asend`."""
    settings, spelled = with_defaults(given, SENDING, COLUMNS), Invocation(verb, given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client, practice=spelled.practice)
    observer = progress.watch(settings["progress"], call)
    call.ready_to_lock()
    with _campaign(frame, client, settings) as campaign:
        dispatch = prepare_to_send(frame, client, settings, call=spelled, campaign=campaign)
        dispatch.confirm(settings["confirm"])
        _report_repeats(call, dispatch, settings)
        return _outcome(call, dispatch, settings, observer)


def started(call: Call[Run], *, frame: pd.DataFrame, client: Client | None, given: Mapping[str, Any]) -> Run:
    """Hand out the run before its first request, then send; for `start`."""
    settings, spelled = with_defaults(given, SENDING, COLUMNS), Invocation("start", given, client is not None)
    call.recorded = spelled.text("recorded")
    client = client_or_env(client, practice=spelled.practice)
    observer = progress.watch(settings["progress"], call, waited_for=False)
    call.ready_to_lock()
    with _campaign(frame, client, settings) as campaign:
        dispatch = prepare_to_send(frame, client, settings, call=spelled, campaign=campaign)
        dispatch.confirm(settings["confirm"])
        _report_repeats(call, dispatch, settings)
        run = Run(dispatch, Limits.of(settings), observer, call)
        # Before the cell ends: later, an older kernel would attribute a widget to another request.
        run.announce()
        call.hand_out(run)
        # If the person stopped it meanwhile, and nobody has a handle, the run ends before its first request.
        call.await_leave()
        run.go()
        return run


def retried(
    call: Call[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    codes: int | Iterable[int] | None,
    given: Mapping[str, Any],
) -> pd.DataFrame:
    """Send again what may be retried, and return the frame; for `retry`."""
    settings = with_defaults(given, SENDING, COLUMNS)
    spelled = Invocation("retry", {"codes": codes, **given}, client is not None)
    client = client_or_env(client, practice=spelled.practice)
    wanted = retry.asked_for(codes)
    observer = progress.watch(settings["progress"], call)
    rows = read_back(frame, client, settings, call=spelled, journal=journal_of(settings, client))
    call.ready_to_lock()
    home = rows.home_of_unsent()
    if home is None:
        rows.skip_suppressed()
        dispatch = rows.dispatch(rows.journal, settings["campaign"])
        screen.say(suppressed_words(len(dispatch.suppressed()), dispatch.checked.about_list))
        return dispatch.joined(last=True)
    with rows.hold(home) as campaign:
        dispatch, held_back, arrived = retry.retry_of(rows, home, campaign, wanted)
        dispatch.confirm(settings["confirm"])
        screen.say(suppressed_words(len(dispatch.suppressed()), dispatch.checked.about_list))
        if len(held_back):
            screen.say(_early_words(dispatch, held_back, wanted))
        if len(arrived):
            screen.say(
                f"{count(len(arrived), 'row')} stayed Failure: refused, and delivered all the same, as receipts say."
            )
        return _outcome(call, dispatch, settings, observer)


def _campaign(frame: pd.DataFrame, client: Client, settings: Mapping[str, Any]) -> Campaign:
    """Hold the campaign of a call; where the frame has own ids, which apply to every campaign, those too."""
    columns = row_columns.resolve(frame, {name: settings[name] for name in COLUMNS})
    own = columns.get("sys_message_id")
    own_ids = own is not None and bool(frame[own].notna().any())
    return journal_of(settings, client).campaign(settings["campaign"], own_ids=own_ids)


def _outcome(
    call: Call[pd.DataFrame], dispatch: Dispatch, settings: Mapping[str, Any], observer: Observer
) -> pd.DataFrame:
    """Send what was prepared; return the frame, or raise `Stopped` if the run ended early."""
    if not len(dispatch.todo) and (dispatch.doubtful is None or not len(dispatch.doubtful)):
        return dispatch.joined(last=True)
    run = Run(dispatch, Limits.of(settings), observer, call)
    run.go()
    return run.outcome(last=True)


def _report_repeats(call: Call[Any], dispatch: Dispatch, settings: Mapping[str, Any]) -> None:
    # Not through the observer: even with progress off, it must be seen that fewer people are reached.
    screen.say(
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


def _early_words(dispatch: Dispatch, rows: Rows, wanted: frozenset[int]) -> str:
    """Describe rows that the hourly limit still holds back."""
    times = retry.may_go_us(dispatch.results, rows, dispatch.journal.now_us())
    first, last = (clock(int(us)) for us in (times.min(), times.max()))
    return (
        f"{count(len(rows), 'row')} stayed Failure: refused by the hourly limit (13007); retry from {first} on"
        + (f", the last one from {last} on" if last != first else "")
        + f". To send them anyway: {dispatch.call.text(codes=sorted(wanted | {code_table.HOURLY}))}"
    )
