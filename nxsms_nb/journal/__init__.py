"""What was attempted, durably, so that nothing is sent twice."""

__all__ = ["blocks", "campaign", "entries", "forks", "journal", "reader", "receipts", "store"]
