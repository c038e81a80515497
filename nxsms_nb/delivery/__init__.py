"""Delivery receipts: pulled by the record queries, and pushed to a server of our own. Their columns are in `results`."""

__all__ = ["records", "server"]
