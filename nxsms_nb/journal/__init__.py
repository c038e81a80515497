"""What was attempted, durably, so that nothing is sent twice."""

__all__ = ["blocks", "forks", "journal", "locks", "recorder", "tables"]
