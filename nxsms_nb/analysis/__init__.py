"""Summaries of a sent frame as tidy frames."""

__all__ = [
    "assignment",
    "axes",
    "catalogue",
    "causes",
    "chance",
    "cube",
    "delivery",
    "derived",
    "drivers",
    "experiments",
    "failures",
    "groups",
    "intervals",
    "literals",
    "reasons",
    "sample_sizes",
    "slices",
    "summary",
    "throughput",
    "workbook",
]
