"""What was attempted, durably, so that nothing is sent twice."""

__all__ = ["blocks", "campaign", "forks", "journal", "reader", "receipts", "recorder", "tables"]
