"""Do what `plan` and `recorded` do: look rows up without sending anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb import screen
from nxsms_nb.client import client_or_env
from nxsms_nb.engine import elsewhere, other_keys
from nxsms_nb.engine.balance import Balance, ask_balance
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.engine.notices import mistaken_words
from nxsms_nb.engine.plan import Plan, plan_of
from nxsms_nb.engine.prepare import journal_of, prepare
from nxsms_nb.engine.prices import read_prices
from nxsms_nb.errors import ConfigError, QueryError
from nxsms_nb.formatting import named
from nxsms_nb.invocation import Invocation
from nxsms_nb.results.table import UNSENT
from nxsms_nb.settings import COLUMNS, LOOKING, with_defaults

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client
    from nxsms_nb.engine.dispatch import Dispatch

__all__ = ["as_recorded", "asked_balance", "foreseen", "looked_up", "planned", "read_rate"]

NOTHING_RECORDED: Final = "nothing is recorded of it"


def planned(
    call: Call[Plan],
    *,
    frame: pd.DataFrame,
    client: Client | None,
    prices: Any,
    rate: float | None,
    given: Mapping[str, Any],
) -> Plan:
    """Return the plan that `plan` returns."""
    settings = with_defaults(given, LOOKING, COLUMNS)
    spelled = Invocation("plan", {"prices": prices, "rate": rate, **given}, client is not None)
    per_segment = read_prices(prices)
    pace = read_rate(rate)
    client = client_or_env(client, practice=spelled.practice)
    dispatch, counted = _dispatched(frame, client, settings, spelled)
    call.stop.check()
    screen.say(
        dispatch.checked.about_list,
        elsewhere.known_elsewhere(dispatch),
        other_keys.sent_before_words(dispatch, settings),
        mistaken_words(dispatch),
    )
    balance = asked_balance(call, client)
    call.stop.check()
    return plan_of(dispatch, prices=per_segment, rate=pace, balance=balance, counted=counted)


def read_rate(rate: Any) -> float | None:
    """Check the rate to plan with, in messages per second."""
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 < float(rate) < math.inf:
        raise ConfigError(f"rate={named(rate)} is not a number of messages per second above 0.")
    return float(rate)


def foreseen(
    call: Call[tuple[Plan, list[str]]],
    *,
    frame: pd.DataFrame,
    client: Client,
    prices: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> tuple[Plan, list[str]]:
    """Plan for a text that is being written: notes are returned, not shown, and the balance is not queried."""
    settings = with_defaults(given, LOOKING, COLUMNS)
    dispatch, counted = _dispatched(frame, client, settings, Invocation("plan", given))
    call.stop.check()
    said = [
        dispatch.checked.about_list,
        elsewhere.known_elsewhere(dispatch),
        other_keys.sent_before_words(dispatch, settings),
    ]
    return plan_of(dispatch, prices=prices, counted=counted), [words for words in said if words]


def _dispatched(
    frame: pd.DataFrame, client: Client, settings: dict[str, Any], spelled: Invocation
) -> tuple[Dispatch, bool]:
    """Prepare the rows; return also whether duplicates are counted instead of refused, since a plan should show them."""
    counted = settings["duplicates"] == "raise"
    looked_at = {**settings, "duplicates": "drop"} if counted else settings
    return prepare(frame, client, looked_at, call=spelled, journal=journal_of(settings, client)), counted


def asked_balance(call: Call[Any], client: Client) -> Balance | str | None:
    """Query the balance: the reason as a text if the query failed, None if no query was made."""
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
    """Return the frame that `recorded` returns."""
    settings, spelled = with_defaults(given, LOOKING, COLUMNS), Invocation("recorded", given, client is not None)
    client = client_or_env(client, practice=spelled.practice)
    dispatch = prepare(frame, client, settings, call=spelled, journal=journal_of(settings, client))
    call.stop.check()
    found, words = as_recorded(dispatch, settings)
    screen.say(*words)
    return found


def as_recorded(dispatch: Dispatch, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """Join what is recorded of the rows onto them; return also the notes to show."""
    for name, rows in (others := elsewhere.in_other_campaigns(dispatch)):
        reason = f"{NOTHING_RECORDED} in this campaign; {elsewhere.what_campaign(name)} has it"
        dispatch.results.decide(dispatch.results.without_reason(rows), UNSENT, None, reason)
    said = [
        dispatch.unlisted_words(),
        other_keys.sent_before_words(dispatch, settings),
        elsewhere.campaign_words(dispatch, others),
        elsewhere.known_elsewhere(dispatch),
        elsewhere.new_words(dispatch),
    ]
    dispatch.results.status[dispatch.todo] = UNSENT
    dispatch.results.decide(dispatch.results.without_reason(dispatch.todo), UNSENT, None, NOTHING_RECORDED)
    return dispatch.joined(last=True), [words for words in said if words]
