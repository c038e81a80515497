"""The result columns: made during a run, joined onto the frame, read back from it."""

__all__ = ["columns", "delivery", "statuses", "table"]
