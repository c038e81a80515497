"""The files that people keep tables in: recognised by name and content, read as Arrow tables, written."""

__all__ = ["kinds", "reading", "workbooks"]
