"""What the views say, in English and in Chinese: one table, looked up by the English words."""

__all__ = ["language", "pictures"]
