"""Parse templates into literal text and placeholders for the frame's columns."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.formatting import listed, mask_name, named
from nxsms_nb.rows.columns import found, meant

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Placeholder", "parsed"]

_BRACES: Final = re.compile(r"\{\{|\}\}|[{}]")
_SPEC: Final = re.compile(r":(?:.?[<>=^])?[+\- ]?#?0?\d*[,_]?(?:\.\d+)?[bcdeEfFgGnosxX%]$|:.*%[A-Za-z]")
"""A likely format spec at the end of a text for gaps."""


@dataclass(frozen=True)
class Placeholder:
    """A column's place in a template; `fallback` is written where the column has a gap (None: such a row has no text)."""

    label: Hashable
    name: str
    spec: str
    fallback: pa.Scalar | None

    def __str__(self) -> str:
        return f"{{{mask_name(self.name)}{':' + mask_name(self.spec) if self.spec else ''}}}"

    def with_fallback(self) -> str:
        """Return the placeholder as written with a text for gaps."""
        return f"{str(self)[:-1]}|…}}"


def parsed(template: str, frame: pd.DataFrame) -> Iterator[pa.Scalar | Placeholder]:
    """Read a template into texts and placeholders in turn.

    An unknown or ambiguous column raises `ColumnError`; what a template cannot express raises `ConfigError`.
    """
    text, place = "", 0
    while (brace := _BRACES.search(template, place)) is not None:
        text += template[place : brace.start()] + brace.group()[1:]
        place = brace.end()
        if brace.group() == "}":
            raise _unreadable("a } without its {")
        if brace.group() == "{":
            if text:
                yield literal(text)
                text = ""
            end = _end(template, place)
            yield _placeholder(template[place:end], frame)
            place = end + 1
    if text + template[place:]:
        yield literal(text + template[place:])


def literal(text: str) -> pa.Scalar:
    """Return a template's literal text."""
    try:
        return pa.scalar(text, TEXT)
    except UnicodeEncodeError as error:
        raise ConfigError(
            "The template holds half a character (a lone surrogate). Type that character again."
        ) from error


def _unreadable(why: str) -> ConfigError:
    return ConfigError(
        f"The template cannot be read: {why}. A brace that is part of the text is written twice: {{{{ or }}}}."
    )


def _end(template: str, start: int) -> int:
    end, inner = template.find("}", start), template.find("{", start)
    if end < 0:
        raise _unreadable("a { without its }")
    if 0 <= inner < end:
        field = template[start - 1 : end + 2]
        if ":" in template[start:inner] and "|" not in template[start:inner]:
            raise ConfigError(f"{mask_name(field)} in the template has a field within its spec. Write the spec out.")
        raise _unreadable(f"a {{ within {{{mask_name(template[start:inner])}")
    return end


def _placeholder(inside: str, frame: pd.DataFrame) -> Placeholder:
    # A label may hold any of these signs.
    if inside and (label := found(frame, inside)) is not None:
        return Placeholder(label, inside, "", None)
    head, bar, rest = inside.partition("|")
    name, colon, spec = head.partition(":")
    name, mark, conversion = (name, "", "") if found(frame, name) is not None else name.partition("!")
    if mark:
        raise ConfigError(
            f"{{{mask_name(name)}!{conversion}}} in the template asks for a conversion. Only {{column}}, {{column:spec}} and "
            "{column|text for gaps} are supported: make a column of it first."
        )
    if not name:
        raise ConfigError(f"{{{mask_name(inside)}}} in the template names no column. Write its name, as in {{name}}.")
    if bar and (_SPEC.search(rest) or ("%" in spec and "%" in rest) or (colon and not spec and rest[:1] in "<>=^")):
        raise ConfigError(
            f"{{{mask_name(inside)}}} in the template has a | in the middle of its spec. The spec comes first, the text "
            "for a gap after the |: {amount:.2f|nothing}."
        )
    return Placeholder(_label(frame, name), name, spec, literal(rest) if bar else None)


def _label(frame: pd.DataFrame, name: str) -> Hashable:
    labels: list[Hashable] = [name, int(name)] if name.isdecimal() else [name]
    for label in labels:
        if (there := found(frame, label)) is not None:
            return there
    columns = list(frame.columns)
    there_are = f"Its columns: {listed(columns, 20)}" if columns else "It has no columns"
    if "." in name or "[" in name:
        raise ConfigError(
            f"{{{mask_name(name)}}} in the template reaches into a value. Only {{column}}, {{column:spec}} and {{column|text for "
            f"gaps}} are supported: make a column of it first. {there_are}"
        )
    near = meant(frame, name)
    hint = ""
    if near is not None:
        # Invisible signs cannot be typed.
        typed = isinstance(near, str) and near.strip() == near and near.isprintable()
        hint = (
            f" Did you mean {{{mask_name(str(near))}}}?" if typed else f" Did you mean {named(near)}? Rename it first."
        )
    raise ColumnError(
        f"{{{mask_name(name)}}} in the template names a column the frame does not have.{hint} {there_are}"
    )
