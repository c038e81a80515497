"""The ids under which a call would send its rows, and those that their keys give in other campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nxsms_nb._arrow import TEXT
from nxsms_nb.results import columns as result_columns
from nxsms_nb.rows import keys, message_ids, rules
from nxsms_nb.rows.columns import resolve
from nxsms_nb.settings import COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nxsms_nb.client import Client
    from nxsms_nb.journal.reader import Reader
    from nxsms_nb.rows.report import ValidationReport

Ordinals = npt.NDArray[np.int32]


def made_for(
    report: ValidationReport,
    ordinals: Ordinals,
    settings: Mapping[str, Any],
    client: Client,
    *,
    earlier: Mapping[str, pd.DataFrame],
    journal: Reader,
) -> tuple[message_ids.MessageIds, dict[str, Ordinals]]:
    """Make the ids of a call's rows, and find the ordinals with which their keys give the ids of earlier results, by prefix.

    With ``duplicates="allow"`` rows keep the ordinals of the ids that they had, in their results or as own ids, which
    the journal knows. `ordinals` counts the earlier rows with a row's key; negative where it has no id. An ordinal
    found is -1 where a key does not give the id.
    """
    own = report.checked.fields.get("sys_message_id")
    ids = message_ids.MessageIds(report.keys, ordinals, app_key=client.app_key, campaign=settings["campaign"], own=own)
    if settings["duplicates"] != "allow":
        return ids, {}
    earlier_ordinals = {
        name: ids.earlier_ordinals(result_columns.to_arrow(words["messageid"])) for name, words in earlier.items()
    }
    of_own = []
    if own is not None and own.null_count < len(own):
        brought = own.cast(TEXT)
        of_own = [ids.earlier_ordinals(brought), ids.earlier_ordinals(journal.origins(brought)[1])]
    return ids.keeping([*of_own, *earlier_ordinals.values()]), earlier_ordinals


def made_in(
    frame: pd.DataFrame, settings: Mapping[str, Any], client: Client, campaign: str | None, *, key: Any
) -> message_ids.MessageIds:
    """Return the ids that a call in a campaign makes from the rows' keys, whatever their own ids."""
    columns = resolve(frame, {name: settings[name] for name in COLUMNS if name != "sys_message_id"})
    columns.pop("sys_message_id", None)
    checked = rules.check(frame, columns, region=settings["region"], bare=settings["bare"], key=keys.labels(frame, key))
    texts = message_ids.key_texts(checked.fields, checked.keys, campaign=campaign)
    ordinals = keys.repeats(texts, checked.good)
    return message_ids.MessageIds(texts, ordinals, app_key=client.app_key, campaign=campaign)


def keys_in(
    frame: pd.DataFrame, settings: Mapping[str, Any], client: Client, campaign: str | None
) -> Iterator[pa.Array]:
    """Return the ids that the rows' keys may give in another campaign: with this call's ``key=``, and without one."""
    yield made_in(frame, settings, client, campaign, key=settings["key"]).whole()
    if settings["key"] is not None:
        yield made_in(frame, settings, client, campaign, key=None).whole()
