"""Summaries of a sent frame as tidy frames."""
