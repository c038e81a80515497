"""A sent frame taken up again: its results, the campaign it went out in, and which of its rows may leave again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb import codetable, records, spelling, takeover, validation
from nxsms_nb.cells import TEXT, present
from nxsms_nb.display import named
from nxsms_nb.errors import ConfigError
from nxsms_nb.fields import resolve
from nxsms_nb.preparing import Prepared, journal_of
from nxsms_nb.results import FAILURE, SUCCESS, UNDECIDED, UNKNOWN, UNSENT, Results, among
from nxsms_nb.settings import COLUMNS

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.invocation import Invocation
    from nxsms_nb.locks import CampaignLock
    from nxsms_nb.results import Rows


def taken_up(frame: pd.DataFrame, client: Client, settings: Mapping[str, Any], call: Invocation) -> Prepared:
    """A sent frame, with everything it says of its rows taken over."""
    earlier = records.read(frame, settings["prefix"])
    columns = resolve(frame, {name: settings[name] for name in COLUMNS})
    checked = validation.check(frame, columns, region=settings["region"])
    ids = pa.array(earlier["messageid"].astype(object), TEXT, from_pandas=True)
    told = Results(len(frame))
    told.adopt(np.arange(len(frame)), earlier)
    prepared = Prepared(
        frame,
        client,
        journal_of(settings, client),
        settings["campaign"],
        settings["prefix"],
        checked,
        ids,
        told,
        call=call,
    )
    prepared.carried = True
    return prepared


def retryable(codes: Any) -> frozenset[int]:
    """The codes with which rows may leave again: those that may pass later, and those that are asked for.

    Parameters
    ----------
    codes : int, iterable of int, or None
        What is asked for; gaps, as in the column of a table of failures, are none.

    Raises
    ------
    ConfigError
        Something else than codes of the vendor's.

    Examples
    --------
    >>> sorted(retryable([13006, None]))
    [13006, 13007]
    """
    try:
        given: list[Any] = [] if codes is None else [codes] if isinstance(codes, Integral) else list(codes)
        numbers = frozenset(index(code) for code in given if not pd.isna(code))
        known = numbers <= codetable.TABLE.keys()
    except TypeError:
        known = False
    if not known:
        raise ConfigError(
            f"codes={named(codes)} is not a code of the vendor's, or several, as in codes=13006 or codes=[13006, 13009]. "
            "nx.codes() lists them."
        )
    return codetable.RETRYABLE | numbers


def claim_home(prepared: Prepared) -> None:
    """Claim the campaign that rows went out in: another would not keep a run of their own campaign away."""
    ids, open_to_retry = prepared.all_ids(), among(prepared.results.status, UNSENT, FAILURE)
    homes = {*(prepared.journal.homes(ids.filter(pa.array(open_to_retry))) or prepared.journal.homes(ids))}
    if prepared.campaign is not None:
        homes |= {prepared.campaign}
    if len(homes) <= 1:
        prepared.campaign = next(iter(homes), "") or None
        prepared.claim = prepared.journal.claim(prepared.campaign)
        if not homes:
            _refuse_while_busy(prepared, prepared.claim)
        return
    listed = ", ".join(named(home) if home else "the unnamed one" for home in sorted(homes))
    raise ConfigError(
        f"The rows went out in several campaigns, or in another than campaign= names: {listed}. Nothing was sent. "
        "Take the rows of one campaign at a time, and leave campaign= out: the journal knows it."
    )


def _refuse_while_busy(prepared: Prepared, claim: CampaignLock) -> None:
    """Rows that a run has not come to yet are in no journal, so that any run under way may be about to send them."""
    try:
        for name in prepared.journal.runs()["campaign"].unique():
            if name != claim.campaign:
                prepared.journal.claim(name).release()
    except BaseException:
        claim.release()
        raise


def wait_again(prepared: Prepared, codes: Iterable[int]) -> None:
    """Let the rows of a sent frame that may be tried again wait to leave."""
    told = prepared.results
    sendable = prepared.checked.good & present(prepared.all_ids())
    _take_over_gone(prepared, np.flatnonzero(sendable & (told.status == FAILURE)))
    same = np.flatnonzero(sendable & (told.status == UNSENT))
    refused = np.flatnonzero(sendable & (told.status == FAILURE))
    refused = refused[[told.code(int(row)) in set(codes) for row in refused]] if len(refused) else refused
    mask = np.zeros(len(told), bool)
    mask[refused] = True
    old = prepared.ids.take(pa.array(refused, pa.int64())).to_pylist()
    further = pa.array([spelling.next_id(messageid) for messageid in old], TEXT)
    prepared.ids = pc.replace_with_mask(prepared.all_ids(), pa.array(mask), further)
    waiting = np.sort(np.concatenate([same, refused]))
    told.status[waiting] = UNDECIDED
    prepared.ids = takeover.from_journal(
        told, prepared.journal, prepared.all_ids(), waiting, everywhere=True, counted=same
    )
    _take_over_beside(prepared, waiting[told.status[waiting] == UNDECIDED])
    prepared.todo = waiting[told.status[waiting] == UNDECIDED]
    prepared.send_copies_once()


def _take_over_gone(prepared: Prepared, refused: Rows) -> None:
    """Take over what the journal knows of refused rows that went out since: the frame is older, or of another journal."""
    known = prepared.journal.known(prepared.ids.take(prepared.positions(refused)), everywhere=True)
    gone = np.flatnonzero(among(known.status, SUCCESS, UNKNOWN))
    prepared.results.attempts[refused[gone]] = 0
    prepared.results.take_over(refused[gone], known, gone)


def _take_over_beside(prepared: Prepared, waiting: Rows) -> None:
    """Take over what other rows of the frame say of the same message: an older frame may stand beside a newer one."""
    told = prepared.results
    gone = np.flatnonzero(among(told.status, SUCCESS, UNKNOWN))
    at = pc.index_in(
        prepared.ids.take(prepared.positions(waiting)), value_set=prepared.ids.take(prepared.positions(gone))
    )
    rows = waiting[present(at)]
    told.attempts[rows] = 0
    told.take_over(rows, told, gone[at.drop_null().to_numpy()])


def by_home(prepared: Prepared, rows: Rows) -> list[tuple[str | None, Rows]]:
    """Rows by the campaign they went out in, so that each is settled where its own campaign's call looks."""
    ids = prepared.ids.take(prepared.positions(rows)).to_pylist()
    homes = prepared.journal.homes(pa.array(ids, TEXT))
    home_of = {messageid: name or None for name, there in homes.items() for messageid in there}
    names = [home_of.get(messageid, prepared.campaign) for messageid in ids]
    return [(name, rows[[other == name for other in names]]) for name in dict.fromkeys(names)]


def take_over_learnt(prepared: Prepared, doubtful: Rows) -> Rows:
    """Take over what the journal has learnt of rows in doubt since the frame was made; those still in doubt."""
    known = prepared.journal.known(prepared.ids.take(prepared.positions(doubtful)), everywhere=True)
    settled = ~among(known.status, UNDECIDED, UNKNOWN)
    prepared.results.attempts[doubtful[settled]] = 0
    prepared.results.take_over(doubtful[settled], known, np.flatnonzero(settled))
    return doubtful[~settled]
