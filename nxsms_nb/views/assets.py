"""The scripts and style sheets that the package ships for the widgets: plain ES modules and CSS, nothing is built or fetched."""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["script", "styles"]


@cache
def script(*names: str) -> str:
    """Read an ES module of ours; of several files one after the other, of which the last exports."""
    return "\n".join(map(_text, names))


@cache
def styles(*names: str) -> str:
    """Read style sheets of ours, after the one with the colours and type that all widgets share."""
    return "\n".join(map(_text, ("theme.css", *names)))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
