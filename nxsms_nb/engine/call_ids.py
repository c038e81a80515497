"""The ids under which a call would send its rows, and those that their keys give in other campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nxsms_nb._arrow import TEXT
from nxsms_nb.results import columns as result_columns
from nxsms_nb.rows import message_ids, rules
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.keys import labels, repeats
from nxsms_nb.settings import COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nxsms_nb.client import Client
    from nxsms_nb.journal.reader import Reader

Ordinals = npt.NDArray[np.int32]


def made_for(
    keys: message_ids.Keys,
    ordinals: Ordinals,
    settings: Mapping[str, Any],
    own: pa.Array | None,
    *,
    earlier: Mapping[str, pd.DataFrame],
    journal: Reader,
) -> tuple[pa.Array, dict[str, Ordinals]]:
    """Make the message ids of a call's rows from their keys, and match the ids in earlier results to these keys.

    `own` are the ids that the frame brings. With ``duplicates="allow"`` rows keep the ordinals of the ids that they had, in their results or as own ids, which
    the journal knows. `ordinals` counts the earlier rows with a row's key; negative where it has no id. The ordinals
    found are by the prefix of the results; -1 where a key does not give the id.
    """
    ids = keys.ids(ordinals)
    if settings["duplicates"] != "allow":
        return ids, {}
    earlier_ordinals = {
        name: keys.earlier_ordinals(result_columns.to_arrow(words["messageid"]), ids, ordinals)
        for name, words in earlier.items()
    }
    of_own = []
    if own is not None and own.null_count < len(own):
        brought = own.cast(TEXT)
        of_own = [keys.earlier_ordinals(had, ids, ordinals) for had in (brought, journal.origins(brought)[1])]
    kept = keys.keeping(ordinals, [*of_own, *earlier_ordinals.values()])
    return ids if kept is ordinals else keys.ids(kept), earlier_ordinals


def made_in(
    frame: pd.DataFrame, settings: Mapping[str, Any], client: Client, campaign: str | None, *, key: Any
) -> pa.Array:
    """Return the ids made from the rows' keys in a campaign, ignoring the frame's own ids."""
    columns = resolve(frame, {name: settings[name] for name in COLUMNS if name != "sys_message_id"})
    columns.pop("sys_message_id", None)
    checked = rules.check(frame, columns, region=settings["region"], bare=settings["bare"], key=labels(frame, key))
    return made_of(checked, client, campaign, checked.keys)


def made_of(checked: rules.Checked, client: Client, campaign: str | None, keys: Sequence[pa.Array]) -> pa.Array:
    """Return the ids made in a campaign for checked rows, with these columns as their key."""
    of_rows = message_ids.keys_of(checked.fields, keys, campaign=campaign, app_key=client.app_key)
    return of_rows.ids(repeats(of_rows, checked.good))


def keys_in(
    frame: pd.DataFrame, settings: Mapping[str, Any], client: Client, campaign: str | None
) -> Iterator[pa.Array]:
    """Return the ids that rows may have in another campaign: made with this call's ``key=``, and without one."""
    yield made_in(frame, settings, client, campaign, key=settings["key"])
    if settings["key"] is not None:
        yield made_in(frame, settings, client, campaign, key=None)
