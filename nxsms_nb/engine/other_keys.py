"""Find rows that would be sent although the person had this message under another key, or has a result in the frame."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import as_mask
from nxsms_nb.engine.call_ids import made_in, made_of
from nxsms_nb.errors import NxsmsError
from nxsms_nb.formatting import count, named
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, among
from nxsms_nb.rows import id_format
from nxsms_nb.rows.columns import resolve
from nxsms_nb.settings import COLUMNS

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.results.table import Rows

__all__ = ["lost_key", "sent_before_words"]

_SAMPLE: Final = 500
"""The number of rows with which each column is tried as a key; all rows would take longer than sending."""
_COLUMNS: Final = 30


@dataclass(frozen=True)
class LostKey:
    """The campaign and the key (None: without one) that give `rows` the ids that they have."""

    campaign: str | None
    key: Any
    rows: Rows


def sent_before_words(dispatch: Dispatch, settings: Mapping[str, Any]) -> str | None:
    """Report rows that would be sent, although this campaign has them under another key or the frame says sent."""
    lines = [
        words
        for words in (_under_another_key(dispatch, settings), _by_the_frame(dispatch), _held_out(dispatch))
        if words
    ]
    return "\n".join(lines) or None


def _held_out(dispatch: Dispatch) -> str | None:
    """Report held-out rows that had a message of this campaign before, so that they do not show what happens without one."""
    held = np.flatnonzero(dispatch.checked.held)
    if not len(held) or dispatch.of_held is None or not dispatch.journal.holds(dispatch.campaign):
        return None
    known, _ = dispatch.journal.known_by_key(dispatch.of_held, dispatch.campaign)
    sent = int(among(known.status, SUCCESS, UNKNOWN).sum())
    if not sent:
        return None
    return (
        f"{count(sent, 'held-out row')} of {len(held):,} got a message of this campaign earlier, so {'it says' if sent == 1 else 'they say'} "
        "nothing about people without one. Choose the hold-out before the first send."
    )


def _under_another_key(dispatch: Dispatch, settings: Mapping[str, Any]) -> str | None:
    rows, campaign, journal = dispatch.todo, dispatch.campaign, dispatch.journal
    if not len(rows) or not any(run.campaign == (campaign or "") for run in journal.made_by()):
        return None
    where = f"in campaign {named(campaign)}" if campaign else "in the unnamed campaign"
    if settings["key"] is not None:
        ids = made_of(dispatch.checked, dispatch.client, campaign, ())
        n = int(_gone(dispatch, ids.take(dispatch.positions(rows))).sum())
        if n:
            what = "of these numbers" if campaign else "of these texts to the same numbers"
            return (
                f"{n:,} {what} were sent {where} before, under another key: key={named(settings['key'])} makes them new "
                "messages. To leave them out, omit key=."
            )
    sample = dispatch.frame.iloc[rows[:_SAMPLE]]
    made: dict[Any, pa.Array] = {}
    for column in _candidates(dispatch, settings):
        # A column that cannot be a key was not one.
        with suppress(NxsmsError, TypeError, ValueError, pa.ArrowException):
            made[column] = made_in(sample, settings, dispatch.client, campaign, key=[column])
    if not made:
        return None
    gone = _gone(dispatch, pa.concat_arrays(made.values())).reshape(len(made), -1)
    for column in (column for column, known in zip(made, gone, strict=True) if known.any()):
        given = "without key=, they are" if settings["key"] is None else f"with key={named(settings['key'])}, they are"
        return f"Some of these {count(len(rows), 'row')} were sent {where} before, with key={named(column)}; {given} new messages."
    return None


def lost_key(dispatch: Dispatch, settings: Mapping[str, Any]) -> LostKey | None:
    """Find the campaign and the key that give conflicting rows the ids that they have; None if there are none."""
    conflicts, campaign = dispatch.conflicts, dispatch.campaign
    if conflicts is None:
        return None
    rows, settings = conflicts.rows, {**settings, "sys_message_id": None}
    had = id_format.roots(dispatch.ids.take(dispatch.positions(rows)))
    # With the call's own key it would be the campaign that was left out, or nothing.
    tried: list[Any] = [] if settings["key"] is None else [None]
    tried += [[column] for column in _candidates(dispatch, settings)]
    for name in dict.fromkeys([campaign, *(home or None for home in conflicts.homes)]):
        for key in tried:
            with suppress(NxsmsError, TypeError, ValueError, pa.ArrowException):
                for part in (rows[:_SAMPLE], rows):
                    made = made_in(dispatch.frame.iloc[part], settings, dispatch.client, name, key=key)
                    same = as_mask(pc.equal(made, had[: len(part)]))
                    if not same.any():
                        break
                else:
                    return LostKey(name, None if key is None else key[0], rows[same])
    return None


def _candidates(dispatch: Dispatch, settings: Mapping[str, Any]) -> list[Any]:
    """Return the frame's own columns that an earlier call may have named as its key."""
    used = set(resolve(dispatch.frame, {name: settings[name] for name in COLUMNS}).values())
    results = {prefix + name for prefix in result_columns.prefixes(dispatch.frame) for name in RESULT_COLUMNS}
    present_key = settings["key"] if isinstance(settings["key"], (list, tuple)) else [settings["key"]]
    skipped = used | results | (set(present_key) if len(present_key) == 1 else set())
    return [column for column in dispatch.frame.columns if column not in skipped][:_COLUMNS]


def _gone(dispatch: Dispatch, ids: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which messages were sent, or may have been, in the call's campaign."""
    known, _ = dispatch.journal.known_by_key(ids, dispatch.campaign)
    return among(known.status, SUCCESS, FAILURE, UNKNOWN)


def _by_the_frame(dispatch: Dispatch) -> str | None:
    """Report rows whose own results belong to another campaign: in this one they are other messages."""
    if dispatch.campaign is None or not len(dispatch.todo):
        return None
    said = np.zeros(len(dispatch.frame), np.bool_)
    for prefix in result_columns.prefixes(dispatch.frame):
        status = result_columns.read(dispatch.frame, prefix, gaps=True)["status"]
        said |= among(status.cat.codes.to_numpy(), SUCCESS, UNKNOWN)
    n = int(said[dispatch.todo].sum())
    if not n:
        return None
    return (
        f"{n:,} of {count(len(dispatch.frame), 'row')} were sent before as other messages, by their results; campaign "
        f"{named(dispatch.campaign)} sends to them again."
    )
