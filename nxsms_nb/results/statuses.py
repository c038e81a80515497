"""The six statuses, their words for readers, and the names of the result columns."""

from __future__ import annotations

from typing import Final

__all__ = ["LABELS", "RESULT_COLUMNS", "STATUSES", "WORDS"]

STATUSES: Final = ("Success", "Failure", "Invalid", "Unknown", "Unsent", "Skipped")
"""The six statuses of a row, in the order of the `status` categorical."""

WORDS: Final = {
    "Success": "accepted",
    "Failure": "failed",
    "Invalid": "invalid",
    "Unknown": "in doubt",
    "Unsent": "not sent",
    "Skipped": "left out",
}
"""Each status in a word or two, for lines and figures of a run."""

LABELS: Final = {
    "Success": "accepted",
    "Failure": "refused by the gateway",
    "Invalid": "refused before sending",
    "Unknown": "in doubt",
    "Unsent": "not sent yet",
    "Skipped": "left out on purpose",
}
"""Each status in full, for tables and pictures of results."""

RESULT_COLUMNS: Final = (
    "messageid",
    "status",
    "code",
    "reason",
    "batch",
    "attempts",
    "sent_at",
    "latency_ms",
)
"""The columns `send` joins on, in this order, after the frame's own."""
