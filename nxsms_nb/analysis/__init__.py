"""Summaries of a sent frame as tidy frames."""

__all__ = [
    "assignment",
    "causes",
    "chance",
    "delivery",
    "derived",
    "drivers",
    "experiments",
    "failures",
    "groups",
    "intervals",
    "sample_sizes",
    "slices",
    "summary",
    "throughput",
    "workbook",
]
