"""Summaries of a sent frame as tidy frames."""

__all__ = [
    "assignment",
    "causes",
    "derived",
    "drivers",
    "experiments",
    "failures",
    "groups",
    "sample_sizes",
    "slices",
    "summary",
    "throughput",
    "workbook",
]
