"""The journal: a durable record of what was attempted, so that nothing is sent twice."""

__all__ = ["blocks", "campaign", "entries", "forks", "journal", "reader", "receipts", "store"]
