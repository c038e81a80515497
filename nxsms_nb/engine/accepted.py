"""Messages that a receipt proves accepted, recorded as such in the journal, so that nobody sends them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nxsms_nb.engine import reconcile
from nxsms_nb.engine.loops import in_loop
from nxsms_nb.engine.sent_rows import homes_of, keys_of
from nxsms_nb.errors import CampaignBusy
from nxsms_nb.journal.blocks import Block
from nxsms_nb.results.table import SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Outcome, among
from nxsms_nb.rows import id_format
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    from nxsms_nb.calls import Call
    from nxsms_nb.client import Client
    from nxsms_nb.journal.journal import Journal

__all__ = ["record_accepted"]


def record_accepted(
    call: Call[Any], journal: Journal, ids: pa.Array, client: Client | None, campaign: str | None
) -> None:
    """Record distinct messages as accepted; those that the journal does not know, in `campaign`.

    Where a run of their campaign is at work, they are not: their receipts count as well, as long as the journal has these.
    """
    for home in homes_of(journal, ids, campaign):
        call.ready_to_lock()
        mine = ids.take(pa.array(home.rows, pa.int64()))
        try:
            held = journal.campaign(home.campaign, anywhere=home.anywhere, own_ids=not id_format.are_first(mine))
        except CampaignBusy:
            continue
        with held:
            known = held.known(mine, everywhere=True, receipts=False)
            mine = mine.filter(pa.array(among(known.status, UNDECIDED, UNKNOWN, UNSENT)))
            if not len(mine):
                continue
            keys = None if id_format.are_first(mine) else keys_of(held, mine)
            recorder = held.record(
                rows=0,
                workers=1,
                anywhere=True,
                gateway=None if client is None else client.base_url,
                app=None if client is None else client.app,
            )
            try:
                in_loop(reconcile.record(recorder, Block(mine, keys), Outcome(SUCCESS, codes.SUCCESS, carried=False)))
            finally:
                recorder.close()
