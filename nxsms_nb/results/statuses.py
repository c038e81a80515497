"""The six statuses and the names of the result columns."""

from __future__ import annotations

from typing import Final

__all__ = ["RESULT_COLUMNS", "STATUSES"]

STATUSES: Final = ("Success", "Failure", "Invalid", "Unknown", "Unsent", "Skipped")
"""The six statuses of a row, in the order of the `status` categorical."""

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
