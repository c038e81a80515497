"""Delivery receipts: pulled by record queries, or pushed to our own server. Their columns are in `results`."""

__all__ = ["records", "server"]
