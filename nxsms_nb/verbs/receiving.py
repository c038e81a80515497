"""Do what `receipts` does: pull receipts where a client is given, join what the journal holds, settle what it proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from nxsms_nb import screen
from nxsms_nb.client import client_or_env
from nxsms_nb.delivery.records import REACH_DAYS, Pull
from nxsms_nb.engine.accepted import record_accepted
from nxsms_nb.engine.loops import in_loop, unless_stopped
from nxsms_nb.engine.prepare import journal_of
from nxsms_nb.engine.reconcile import ANOTHER_NUMBER
from nxsms_nb.errors import Interrupted
from nxsms_nb.formatting import count, named
from nxsms_nb.given import frame_as_given
from nxsms_nb.invocation import Invocation
from nxsms_nb.journal.journal import Journal
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results import delivery
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.rows.validate import phones
from nxsms_nb.settings import COLUMNS, LOOKING, with_defaults
from nxsms_nb.time_zones import time_zone

if TYPE_CHECKING:
    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client

__all__ = ["received"]

_EARLY: Final = pd.Timedelta(hours=1)
"""Clocks differ by less than this; what lies earlier was read in another time zone than it was written in."""

_REACH: Final = pd.Timedelta(days=REACH_DAYS)

Mask = npt.NDArray[np.bool_]


def received(
    call: Call[pd.DataFrame], *, frame: pd.DataFrame, client: Client | None, tz: Any, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the frame that `receipts` returns."""
    settings = with_defaults(given, LOOKING, COLUMNS)
    zone, prefix = time_zone(tz, "the one in which the vendor writes times"), settings["prefix"]
    spelled = Invocation("receipts", {"tz": str(zone), **given}, client is not None)
    client = None if client is None else client_or_env(client)
    frame = frame_as_given(frame)
    delivery.refuse_taken(frame, prefix, spelled)
    results = result_columns.read(frame, prefix, gaps=True)
    ids = result_columns.to_arrow(results["messageid"])
    journal = Journal.of(settings["journal"]) if client is None else journal_of(settings, client)
    pull, through = None, True
    if client is not None and client.app_secret is None:
        screen.say(
            "Nothing was asked: the record query needs the application's secret, Client(app_secret=…) or NXSMS_APP_SECRET. "
            "Receipts that were pushed or pulled before are joined."
        )
    elif client is not None:
        with journal.receiving() as book:
            pull = Pull(_days(results), _numbers(frame, results, settings), book)
            through = in_loop(unless_stopped(call, pull.run(client)))
    found = journal.receipts_of(ids, zone)
    if client is None and found.empty and len(ids):
        screen.say(
            f"The {_name(journal)} has no receipts of these rows. To ask the vendor: {replace(spelled, client=True).text()}"
        )
    accepted = _mark_accepted(results, found)
    if pull is not None and pull.strangers:
        strange = (results["status"] == "Unknown") & results["messageid"].isin(pull.strangers)
        results["reason"] = results["reason"].mask(strange, ANOTHER_NUMBER)
    frame = frame.assign(**{prefix + name: results[name].array for name in RESULT_COLUMNS})
    joined = delivery.join(frame, found, prefix)
    if not through:
        stopped = Interrupted("Stopped by you before all receipts were pulled.", joined)
        stopped.go_on = "To continue, run the same cell again: what was pulled is kept in the journal."
        raise stopped
    if accepted.any():
        proven = ids.filter(pa.array(accepted)).unique()
        record_accepted(call, journal, proven, client, settings["campaign"])
        screen.say(
            f"{count(int(accepted.sum()), 'row')} in doubt got a receipt, which proves them accepted: Success now."
        )
    _say_what_is_out_of_reach(pull, joined, results, prefix)
    _warn_of_early(call, joined, results, spelled, str(zone))
    return joined


def _name(journal: Journal) -> str:
    return "journal in memory" if journal.named is None else f"journal {journal.named}"


def _days(results: pd.DataFrame) -> dict[str, date]:
    """Return the UTC day on which each message that may have been accepted was sent; without a time, today's."""
    asked = results[results["status"].isin(["Success", "Unknown"]) & results["messageid"].notna()]
    sent = asked["sent_at"].fillna(pd.Timestamp.now("UTC")).dt.floor("D")
    days = {at: at.date() for at in sent.unique()}
    return dict(zip(asked["messageid"].to_list(), sent.map(days).to_list(), strict=True))


def _numbers(frame: pd.DataFrame, results: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """Return the phone numbers of messages in doubt; none if the frame no longer has that column."""
    doubtful = ((results["status"] == "Unknown") & results["messageid"].notna()).to_numpy(np.bool_)
    if not doubtful.any() or (settings["phone"] is None and "phone" not in frame.columns):
        return {}
    read = phones(frame[doubtful], {name: settings[name] for name in ("region", "phone", "bare")})
    found: dict[str, list[str | None]] = {}
    for messageid, number in zip(results["messageid"][doubtful], read, strict=True):
        found.setdefault(messageid, []).append(None if pd.isna(number) else number)
    return found


def _mark_accepted(results: pd.DataFrame, found: pd.DataFrame) -> Mask:
    """Mark rows in doubt, or counted as unsent, as accepted if there is a receipt; return which."""
    doubtful = results["status"].isin(["Unknown", "Unsent"]) & results["messageid"].isin(found["messageid"])
    accepted: Mask = doubtful.to_numpy(np.bool_)
    if accepted.any():
        results["status"] = results["status"].mask(accepted, "Success")
        results["code"] = results["code"].mask(accepted, 0)
        results["reason"] = results["reason"].mask(accepted)
    return accepted


def _say_what_is_out_of_reach(pull: Pull | None, joined: pd.DataFrame, results: pd.DataFrame, prefix: str) -> None:
    if pull is None:
        return
    still = delivery.classes(delivery.read(joined, prefix, columns=["dr_status"])["dr_status"]) == delivery.OPEN
    sent = results["status"].isin(["Success", "Unknown"]) & (results["sent_at"] < pd.Timestamp.now("UTC") - _REACH)
    if old := int((sent.to_numpy(np.bool_) & still).sum()):
        screen.say(
            f"{count(old, 'row')} without a final receipt were sent more than {REACH_DAYS} days ago, "
            "which the record query does not reach: they stay open."
        )
    for day in pull.unsteady:
        screen.say(
            f"The list of {day:%Y-%m-%d} kept shifting while it was read, and may have more receipts: call receipts() again."
        )


def _warn_of_early(
    call: Call[pd.DataFrame], joined: pd.DataFrame, results: pd.DataFrame, spelled: Invocation, zone: str
) -> None:
    """Warn of receipts from before their message was sent: most likely the vendor writes times in another zone."""
    prefix = spelled.given.get("prefix", "")
    ahead = results["sent_at"] - delivery.read(joined, prefix, columns=["dr_time"])["dr_time"]
    early = int((ahead > _EARLY).sum())
    if early:
        hours = ahead.max().total_seconds() / 3600
        another = spelled.text(tz="UTC" if zone != "UTC" else "Asia/Shanghai")
        call.warn(
            f"{count(early, 'receipt lies', 'receipts lie')} up to {hours:.1f} hours before sent_at: the vendor's times are most "
            f"likely not of tz={named(zone)}. Name their zone, for example: {another}",
            UserWarning,
        )
