"""What the journal knows of rows from gateways, accounts or campaigns other than the call's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nxsms_nb._arrow import present
from nxsms_nb.addresses import BASE_URL, same_gateway
from nxsms_nb.engine.call_ids import made_of
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import count, named
from nxsms_nb.invocation import ROWS_OF_ERROR, another_campaign
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, among

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.journal.entries import RunRow
    from nxsms_nb.results.table import Rows

__all__ = [
    "campaign_words",
    "in_other_campaigns",
    "known_elsewhere",
    "new_words",
    "refuse_other_gateway",
    "refuse_strange_doubts",
    "what_campaign",
]

_GONE: Final = (SUCCESS, FAILURE, UNKNOWN)
_LOOPBACK: Final = "http://localhost"
MOST: Final = 3
"""The most other campaigns that are named."""


def refuse_other_gateway(dispatch: Dispatch) -> None:
    """Refuse to send rows known from another gateway, or in a campaign that another account sent.

    Ids are made of the account's app_key and not of the gateway: what a mock accepted would pass for sent.
    """
    _refuse(_gateway_words(dispatch, _gone(dispatch)) or _account_words(dispatch))


def known_elsewhere(dispatch: Dispatch) -> str | None:
    """Describe rows known from another gateway, or a campaign of another account; None if there are none."""
    words = _gateway_words(dispatch, _gone(dispatch)) or _account_words(dispatch)
    if words is None or ROWS_OF_ERROR not in words[0]:
        return words and words[0]
    # Without an error, there is no call that can name its rows.
    return f"{words[0].splitlines()[0]}\n`send` stops for them, and its error has the calls to continue with."


def refuse(dispatch: Dispatch, rows: Rows) -> None:
    """Refuse rows whose results are from another gateway."""
    _refuse(_gateway_words(dispatch, rows))


def _refuse(words: tuple[str, Rows] | None) -> None:
    if words is not None:
        error = ConfigError(words[0])
        error.rows = words[1].tolist()
        raise error


def _gone(dispatch: Dispatch) -> Rows:
    """Return the rows that were sent, or may have been."""
    gone = among(dispatch.results.status, *_GONE)
    return np.flatnonzero(gone & present(dispatch.ids)) if gone.any() else np.empty(0, np.int64)


def _gateway_words(dispatch: Dispatch, rows: Rows) -> tuple[str, Rows] | None:
    """Describe the rows known from another gateway, and return them; None if there are none."""
    journal = dispatch.journal
    if not len(rows) or not (others := _at_other_gateways(dispatch)):
        return None
    ids = dispatch.ids.take(dispatch.positions(rows))
    by_others = journal.known(ids, everywhere=True, run_filter=lambda run: run.id in others)
    # A request to this gateway outweighs one to another.
    here = journal.known(ids, everywhere=True, run_filter=lambda run: run.id not in others)
    strange = among(by_others.status, *_GONE) & ~among(here.status, *_GONE)
    if not strange.any():
        return None
    silent = _silent(dispatch, others)
    by_gateways = journal.known(ids, everywhere=True, run_filter=lambda run: run.id in others and run.id not in silent)
    sent = strange & among(by_gateways.status, *_GONE)
    if not sent.any():
        return _silent_words(dispatch, rows[strange], {others[run] for run in silent}), rows[strange]
    return _sent_words(dispatch, rows[sent], {url for run, url in others.items() if run not in silent}), rows[sent]


def _at_other_gateways(dispatch: Dispatch) -> dict[int, str]:
    """Return the journal's runs at other gateways, with their URLs."""
    url = dispatch.client.base_url
    return {
        run.id: run.gateway for run in dispatch.journal.made_by() if run.gateway and not same_gateway(run.gateway, url)
    }


def _silent(dispatch: Dispatch, others: dict[int, str]) -> set[int]:
    """Return this account's runs at URLs that never gave a reply which only a gateway gives.

    The vendor's URL is a gateway's without proof.
    """
    answering = {
        url
        for url in set(others.values())
        if same_gateway(url, BASE_URL)
        or dispatch.journal.answered({run for run, other in others.items() if same_gateway(other, url)})
    }
    apps = {run.id: run.app for run in dispatch.journal.made_by()}
    return {run for run, url in others.items() if url not in answering and apps[run] in (None, dispatch.client.app)}


def _silent_words(dispatch: Dispatch, rows: Rows, urls: set[str]) -> str:
    """Report rows in doubt at a URL that never answered as a gateway: most likely a wrong base_url."""
    call = dispatch.call
    recorded = "." + call.text("recorded").removeprefix(f"{call.subject}.")
    settle = (
        replace(call, verb="recorded").on_rows(rows, len(dispatch.frame), recorded).text("reconcile", absent="Unsent")
    )
    return (
        f"{count(len(rows), 'row')} of {len(dispatch.frame):,}, the first at position {rows[0]}, may have been sent to "
        f"{', '.join(sorted(urls))}, which never replied as a gateway does; this client's gateway is "
        f"{dispatch.client.base_url}. Nothing was sent.\nIf that base_url was wrong, look for these rows here and release those "
        f"that are not found, a minute after they were sent. Then run this call again:\n    {settle}"
    )


def _sent_words(dispatch: Dispatch, rows: Rows, urls: set[str]) -> str:
    """Report rows that another gateway accepted, refused or may have received."""
    call, total, client = dispatch.call, len(dispatch.frame), dispatch.client
    here = {run.id for run in dispatch.journal.made_by()} - _at_other_gateways(dispatch).keys()
    rehearsed = client.on_loopback or all(same_gateway(url, _LOOPBACK) for url in urls)
    rest = np.setdiff1d(np.arange(total), rows)
    lines = []
    # A new journal forgets what this one knows of this gateway.
    if rehearsed and not dispatch.journal.sent_anything(here):
        apart = call.text(journal="rehearsal.sqlite3" if client.on_loopback else "live.sqlite3")
        lines.append(f"To keep a rehearsal apart, use a separate journal:\n    {apart}")
    elif len(rest):
        lines.append(f"To continue with the other rows only:\n    {_others(call, rows, rest, total)}")
    as_new = call.on_rows(rows, total).text(campaign=another_campaign(dispatch.campaign))
    fact = (
        f"{count(len(rows), 'row')} of {total:,}, the first at position {rows[0]}, went to {', '.join(sorted(urls))} according to "
        f"this journal, not to {client.base_url}, and one gateway does not know what another accepted (if both are the same "
        "gateway, use the earlier base_url). Nothing was sent."
    )
    return "\n".join([fact, *lines, f"To send these rows as new messages:\n    {as_new}"])


def _others(call: Invocation, rows: Rows, rest: Rows, total: int) -> str:
    """Return the call for the remaining rows; they are named by the excluded ones if that is shorter."""
    text = call.on_rows(rest, total).text()
    if ROWS_OF_ERROR not in text:
        return text
    frame = call.on_rows(rows, total).frame or call.subject
    dropped = frame.replace(f"{call.subject}.iloc", f"{call.subject}.drop({call.subject}.index", 1) + ")"
    return call.on_rows(rows, total).on(dropped).text()


def _account_words(dispatch: Dispatch) -> tuple[str, Rows] | None:
    """Explain that another account sent this campaign: its rows would be sent again, since ids differ by account."""
    client, name = dispatch.client, dispatch.campaign
    if name is None or client.on_loopback or not len(dispatch.todo):
        return None
    runs = dispatch.journal.made_by()
    others = {run.id for run in runs if run.campaign == name and _of_another_account(dispatch, run)}
    # With a wrong app_key nothing was sent: the corrected one begins the campaign.
    if not others or not dispatch.journal.sent_anything(others):
        return None
    another = dispatch.call.text(campaign=another_campaign(name))
    words = (
        f"Campaign {named(name)} of this journal was sent by another account (app_key) at {client.base_url}, and ids "
        "differ by account: whoever got the message from it would get it again. Nothing was sent.\nTo send the rest, use "
        f"the frame of its run:\n    {dispatch.call.text('retry')}\n"
        f"To send new messages:\n    {another}"
    )
    return words, dispatch.todo


def _of_another_account(dispatch: Dispatch, run: RunRow) -> bool:
    """Return whether a run used the same gateway under another app_key."""
    client = dispatch.client
    same = run.gateway is not None and same_gateway(run.gateway, client.base_url)
    return same and run.app is not None and run.app != client.app


def met_before(dispatch: Dispatch, *, run: int) -> bool:
    """Return whether a request of an earlier run reached this call's gateway, or may have.

    A journal that cannot be read does not show that none did.
    """
    try:
        runs = dispatch.journal.made_by()
        here = {one.id for one in runs if one.gateway is None or same_gateway(one.gateway, dispatch.client.base_url)}
        return dispatch.journal.reached(here - {run})
    except JournalError:
        return True


def refuse_strange_doubts(dispatch: Dispatch, doubtful: Rows) -> None:
    """Refuse to settle rows by the records of a gateway or an account that did not receive them."""
    client = dispatch.client
    others = _at_other_gateways(dispatch)
    of_accounts = {run.id for run in dispatch.journal.made_by() if _of_another_account(dispatch, run)}
    # What never was a gateway has no records, so only the analyst can release its rows.
    strange = of_accounts | (others.keys() - _silent(dispatch, others))
    if not strange or not len(doubtful):
        return
    ids = dispatch.ids.take(dispatch.positions(doubtful))
    by_others = dispatch.journal.known(ids, everywhere=True, run_filter=lambda run: run.id in strange)
    mine = by_others.status == UNKNOWN
    if mine.any():
        raise ConfigError(
            f"{count(int(mine.sum()), 'row')} in doubt, the first at position {doubtful[mine][0]}, may have been sent to another "
            f"gateway, or by another account (app_key), than this client's, {client.base_url}, which has no records of them. "
            f"Nothing was settled. Use the client of their run: {dispatch.call.text('reconcile')}"
        )


def in_other_campaigns(dispatch: Dispatch) -> list[tuple[str, Rows]]:
    """Return the other campaigns that know rows of which this one has no record; most rows first."""
    names = {run.campaign for run in dispatch.journal.made_by()} - {dispatch.campaign or ""}
    rows, checked = dispatch.todo, dispatch.checked
    found = []
    for name in sorted(names) if len(rows) else ():
        campaign = name or None
        made = made_of(checked, dispatch.client, campaign, checked.keys)
        known, _ = dispatch.journal.known_by_key(made.take(dispatch.positions(rows)), campaign)
        there = among(known.status, SUCCESS, FAILURE, UNKNOWN)
        if there.any():
            found.append((name, rows[there]))
    return sorted(found, key=lambda pair: -len(pair[1]))


def campaign_words(dispatch: Dispatch, found: list[tuple[str, Rows]]) -> str | None:
    """Report these campaigns, with a call to paste for each; None where there are none."""
    lines = [
        f"{what_campaign(name)} knows {len(rows):,} of these {count(len(dispatch.frame), 'row')}, of which "
        f"{what_campaign(dispatch.campaign)} knows nothing. To see them:\n    {dispatch.call.text(campaign=name or None)}"
        for name, rows in found[:MOST]
    ]
    if len(found) > MOST:
        lines.append(f"{count(len(found) - MOST, 'further campaign')} of the journal know some of them as well.")
    return "\n".join(line[:1].upper() + line[1:] for line in lines) or None


def new_words(dispatch: Dispatch) -> str | None:
    """Describe a new journal; None if it holds anything, or is in memory."""
    journal = dispatch.journal
    if journal.named is None or not len(dispatch.todo) or journal.made_by():
        return None
    return (
        f"New journal {journal.named}: nothing is known of earlier sends. If there were some, name the journal that they were "
        f"made with:\n    {dispatch.call.text(journal='…')}"
    )


def what_campaign(name: str | None) -> str:
    """Name a campaign as part of a sentence."""
    return f"campaign {named(name)}" if name else "the unnamed campaign"
