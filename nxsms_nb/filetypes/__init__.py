"""File formats of tables: recognised by name and content, read as Arrow tables, and written."""

__all__ = ["kinds", "reading", "workbooks"]
