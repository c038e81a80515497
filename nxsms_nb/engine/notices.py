"""What a call reports in addition to results: rows sent before, suppressed rows, texts that look like mistakes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from nxsms_nb.engine.sources import ALL_WARNINGS
from nxsms_nb.formatting import count, masks
from nxsms_nb.invocation import another_campaign
from nxsms_nb.results import table
from nxsms_nb.results.table import UNKNOWN
from nxsms_nb.rows.problems import RULES, suspicions

if TYPE_CHECKING:
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.rows.report import ValidationReport

__all__ = ["again_elsewhere", "clock", "mistaken_words", "repeated_words", "suppressed_words"]


def suppressed_words(n: int, about_list: str | None) -> str | None:
    """Describe how many rows are suppressed, by how many of the list's entries; None without a list."""
    rows = f"{count(n, 'row')} suppressed: on the list that suppress= names, not sent." if n else None
    return "\n".join(words for words in (rows, about_list) if words) or None


def mistaken_words(
    dispatch: Dispatch, all_of_them: str = ALL_WARNINGS, report: ValidationReport | None = None
) -> str | None:
    """Describe how many texts to send look like mistakes, and the call that lists them; None if there are none.

    Where the rows were checked beforehand, their report has those texts.
    """
    fields = dispatch.checked.fields
    if report is None:
        found = suspicions(fields["content"], dispatch.todo, links=fields.get("short_link"))
    else:
        staying = np.ones(len(dispatch.frame), np.bool_)
        staying[dispatch.todo] = False
        found = report.suspicions.but(staying)
    if not len(found):
        return None
    n = len(np.unique(found.positions))
    first = int(found.positions[0])
    verb = "reads" if n == 1 else "read"
    return (
        f"{n:,} of {count(len(dispatch.todo), 'text')} {verb} as a mistake, the first at position {first:,}: "
        f"{RULES[found.rules[0]].hint}. All of them: {all_of_them}"
    )


def repeated_words(dispatch: Dispatch) -> str | None:
    """Describe how many rows were sent before; None if none were."""
    before = dispatch.sent_before()
    if not len(before):
        return None
    times = dispatch.results.sent_us[before]
    times = times[times != table.NO_TIME]
    when = f" ({clock(int(times.max()))})" if len(times) else ""
    doubtful = int((dispatch.results.status[before] == UNKNOWN).sum())
    doubt = f", {doubtful:,} of them in doubt" if doubtful else ""
    went = f"{len(before):,} of {count(len(dispatch.frame), 'row')} had been sent before{when}{doubt}"
    rest = f"; sending {len(dispatch.todo):,}" if len(dispatch.todo) else "; nothing was sent"
    return f"{went}{rest}. To send those again: {again_elsewhere(dispatch.campaign)}"


def again_elsewhere(campaign: str | None) -> str:
    """Return the option that would send rows again: another campaign."""
    return "campaign='…'" if campaign is None or masks(campaign) else f"campaign={another_campaign(campaign)!r}"


def clock(us: int) -> str:
    """Format a moment in the local time of this machine."""
    local = datetime.fromtimestamp(us / 1e6, UTC).astimezone()
    return f"{local.day} {local:%b %H:%M}"
