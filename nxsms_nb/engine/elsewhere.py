"""What the journal knows of rows from another gateway, another account or another campaign than those of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nxsms_nb._arrow import present
from nxsms_nb.client import same_gateway
from nxsms_nb.errors import ConfigError, JournalError
from nxsms_nb.formatting import count, named
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, among
from nxsms_nb.rows import keys, message_ids

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Prepared
    from nxsms_nb.journal.tables import Run
    from nxsms_nb.results.table import Rows

MOST: Final = 3
"""How many other campaigns are named at most."""


def refuse_other_gateway(prepared: Prepared) -> None:
    """Refuse to send where what is known of rows comes from another gateway, or the campaign is another account's.

    Ids are made of the account's app_key and not of the gateway: what a mock accepted would pass for sent.
    """
    words = known_elsewhere(prepared)
    if words is not None:
        raise ConfigError(words)


def known_elsewhere(prepared: Prepared) -> str | None:
    """What to say where rows are known from another gateway, or the campaign from another account; else None."""
    gone = among(prepared.results.status, SUCCESS, FAILURE, UNKNOWN)
    rows = np.flatnonzero(gone & present(prepared.all_ids())) if gone.any() else np.empty(0, np.int64)
    return _gateway_words(prepared, rows) or _account_words(prepared)


def refuse(prepared: Prepared, rows: Rows) -> None:
    """Refuse to take another gateway's word for rows."""
    words = _gateway_words(prepared, rows)
    if words is not None:
        raise ConfigError(words)


def _gateway_words(prepared: Prepared, rows: Rows) -> str | None:
    """What to say of rows that are known from another gateway; None where there are none."""
    client, journal = prepared.client, prepared.journal
    if not len(rows):
        return None
    others = [run for run in journal.made_by() if run.gateway and not same_gateway(run.gateway, client.base_url)]
    if not others:
        return None
    strange = {run.id for run in others}
    ids = prepared.all_ids().take(prepared.positions(rows))
    by_others = journal.known(ids, everywhere=True, of=lambda run: run.id in strange)
    # A request to this gateway says more than one to the other.
    here = journal.known(ids, everywhere=True, of=lambda run: run.id not in strange)
    gone = (SUCCESS, FAILURE, UNKNOWN)
    mine = among(by_others.status, *gone) & ~among(here.status, *gone)
    if not mine.any():
        return None
    names = ", ".join(sorted({run.gateway for run in others if run.gateway}))
    live, another = prepared.call.text(journal="live.sqlite3"), f"{prepared.campaign or 'live'} 2"
    return (
        f"{count(int(mine.sum()), 'row')} of {len(prepared.frame):,}, the first at position {rows[mine][0]}, went to "
        f"{names} as this journal has it, not to {client.base_url}: what one gateway accepted, another does not know "
        "(if both are the same gateway, give the client the base_url of before). "
        f"Nothing was sent.\nIf that was a rehearsal, send with a journal of its own:\n    {live}\nor as new messages:\n"
        f"    {prepared.call.text(campaign=another)}"
    )


def _account_words(prepared: Prepared) -> str | None:
    """What to say where another account sent this campaign for real: its rows would go again, since ids tell accounts apart."""
    client, name = prepared.client, prepared.campaign
    if name is None or client.on_loopback or not len(prepared.todo):
        return None
    runs = prepared.journal.made_by()
    others = {run.id for run in runs if run.campaign == name and _of_another_account(prepared, run)}
    # With a wrong app_key nothing went out: the corrected one begins the campaign.
    if not others or not prepared.journal.sent_anything(others):
        return None
    another = prepared.call.text(campaign=f"{name} 2")
    return (
        f"Campaign {named(name)} of this journal was sent by another account (app_key) at {client.base_url}, and ids tell "
        f"accounts apart: whoever got the message from it would get it again. Nothing was sent.\nTo send what it left "
        f"unsent, take the frame of its run:\n    {prepared.call.text('retry')}\n"
        f"To send new messages:\n    {another}"
    )


def _of_another_account(prepared: Prepared, run: Run) -> bool:
    """Whether a run went to the same gateway under another app_key."""
    client = prepared.client
    same = run.gateway is not None and same_gateway(run.gateway, client.base_url)
    return same and run.app is not None and run.app != client.app


def met_before(prepared: Prepared, *, run: int) -> bool:
    """Whether a request of another run than the one under way reached this call's gateway, or may have.

    A journal that cannot be read does not show that none did.
    """
    try:
        runs = prepared.journal.made_by()
        here = {one.id for one in runs if one.gateway is None or same_gateway(one.gateway, prepared.client.base_url)}
        return prepared.journal.reached(here - {run})
    except JournalError:
        return True


def refuse_strange_doubts(prepared: Prepared, doubtful: Rows) -> None:
    """Refuse to settle rows by the records of a gateway or an account that they did not go to."""
    client = prepared.client
    strange = {
        run.id
        for run in prepared.journal.made_by()
        if run.gateway and (not same_gateway(run.gateway, client.base_url) or _of_another_account(prepared, run))
    }
    if not strange or not len(doubtful):
        return
    ids = prepared.all_ids().take(prepared.positions(doubtful))
    by_others = prepared.journal.known(ids, everywhere=True, of=lambda run: run.id in strange)
    mine = by_others.status == UNKNOWN
    if mine.any():
        raise ConfigError(
            f"{count(int(mine.sum()), 'row')} in doubt, the first at position {doubtful[mine][0]}, went to another gateway or "
            f"by another account (app_key) than this client's, {client.base_url}: its records say nothing of them. "
            f"Nothing was settled. Use the client of their run: {prepared.call.text('reconcile')}"
        )


def in_other_campaigns(prepared: Prepared) -> list[tuple[str, Rows]]:
    """The other campaigns of the journal that know rows of which nothing is recorded in this one; most rows first."""
    names = {run.campaign for run in prepared.journal.made_by()} - {prepared.campaign or ""}
    rows, checked = prepared.todo, prepared.checked
    found = []
    for name in sorted(names) if len(rows) else ():
        campaign = name or None
        texts = message_ids.key_texts(checked.fields, checked.keys, campaign=campaign)
        ordinals = keys.repeats(texts, checked.good)
        made = message_ids.MessageIds(texts, ordinals, app_key=prepared.client.app_key, campaign=campaign).whole()
        known, _ = prepared.journal.known_by_key(made.take(prepared.positions(rows)), campaign)
        there = among(known.status, SUCCESS, FAILURE, UNKNOWN)
        if there.any():
            found.append((name, rows[there]))
    return sorted(found, key=lambda pair: -len(pair[1]))


def campaign_words(prepared: Prepared, found: list[tuple[str, Rows]]) -> str | None:
    """What to say of them, with the call to paste for each; None where there are none."""
    lines = [
        f"{what_campaign(name)} knows {len(rows):,} of these {count(len(prepared.frame), 'row')}, of which "
        f"{what_campaign(prepared.campaign)} knows nothing. To see them:\n    {prepared.call.text(campaign=name or None)}"
        for name, rows in found[:MOST]
    ]
    if len(found) > MOST:
        lines.append(f"{count(len(found) - MOST, 'further campaign')} of the journal know some of them, too.")
    return "\n".join(line[:1].upper() + line[1:] for line in lines) or None


def new_words(prepared: Prepared) -> str | None:
    """What to say where the journal knows nothing at all; None where it does, or lives in memory."""
    journal = prepared.journal
    if journal.path is None or not len(prepared.todo) or journal.made_by():
        return None
    return (
        f"New journal {journal.path}: nothing is known of earlier sends. If there were some, name the journal that they were "
        f"made with:\n    {prepared.call.text(journal='…')}"
    )


def what_campaign(name: str | None) -> str:
    """A campaign as it stands in a sentence."""
    return f"campaign {named(name)}" if name else "the unnamed campaign"
