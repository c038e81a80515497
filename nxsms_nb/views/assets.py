"""The scripts and style sheets that the package ships for the widgets.

Plain ES modules and CSS, nothing is built or fetched.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["script", "styles"]


@cache
def script(*names: str) -> str:
    """Read one of the package's ES modules; several files are joined, and the last one exports."""
    return "\n".join(map(_text, names))


@cache
def styles(*names: str) -> str:
    """Read the package's style sheets, after the one with the colours and type that all widgets share."""
    return "\n".join(map(_text, ("theme.css", *names)))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
