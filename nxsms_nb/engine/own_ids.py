"""Check a frame's own ids (``sys_message_id``): each names one message, the one whose key the journal has with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask, present
from nxsms_nb.engine import history
from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import count, mask_phone
from nxsms_nb.results.table import UNDECIDED, UNSENT, among
from nxsms_nb.rows import id_format

if TYPE_CHECKING:
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.results.table import Results


def refuse_made(own: pa.Array, keys: pa.Array) -> None:
    """Refuse own ids that equal the id made for another row's key, which may still be sent under it."""
    ours = np.flatnonzero(as_mask(id_format.are_ours(own)))
    at = pa.array(ours)
    made = keys.take(at)
    foreign = ours[present(made) & ~as_mask(pc.equal(id_format.roots(own.take(at).cast(TEXT)), made))]
    if len(foreign):
        error = ColumnError(
            f"The sys_message_id at position {foreign[0]} belongs to another row: it is made from that row's key, "
            f"not from this one's. Nothing was sent. Give {'the row' if len(foreign) == 1 else f'the {len(foreign):,} rows'} "
            "ids of their own, or leave the column out."
        )
        error.rows = foreign.tolist()
        raise error


def take_over_used(
    results: Results,
    journal: Reader,
    own: pa.Array,
    ids: pa.Array,
    keys: pa.Array,
    *,
    campaign: str | None,
    phones: pa.Array,
    keys_in: Callable[[str | None], Iterable[pa.Array]],
) -> pa.Array:
    """Merge what the journal knows of rows whose own ids were used before; refuse those used for another message.

    Own ids are looked up in every campaign, since the gateway does not know campaigns. `ids` are those under which the
    rows would be sent, returned with those of the latest attempts; `keys_in` gives the keys' ids in another campaign.
    """
    rows = np.flatnonzero((results.status == UNDECIDED) & as_mask(pc.equal(own, ids)))
    status = journal.known(own.take(pa.array(rows)), everywhere=True).status
    rows = rows[~among(status, UNDECIDED, UNSENT)]
    if not len(rows):
        return ids
    at = pa.array(rows)
    homes, recorded = journal.origins(own.take(at))
    # If a retry that did not know the key recorded none, only the id counts.
    same = ~present(recorded)
    for home in set(homes):
        candidates = [keys] if home == (campaign or "") else keys_in(home or None)
        for candidate in candidates:
            same |= (homes == home) & as_mask(pc.equal(candidate.take(at), recorded))
    if not same.all():
        first = int(rows[~same][0])
        others = int((~same).sum())
        error = ColumnError(
            f"{count(others, 'row')} {'brings' if others == 1 else 'bring'} a sys_message_id that was used for another "
            f"message, the first at position {first} ({mask_phone(phones[first].as_py())}): its number or key is not the one "
            "that the id was sent with. Nothing was sent. Give a corrected row an id of its own, or leave the column out; or "
            "restore number, text and key=."
        )
        error.rows = rows[~same].tolist()
        raise error
    return history.from_journal(results, journal, ids, rows, everywhere=True)
