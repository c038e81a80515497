"""The words of the views in English and Chinese: one table, looked up by the English words."""

__all__ = ["language", "pictures"]
