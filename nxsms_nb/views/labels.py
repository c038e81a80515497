"""Words on pictures: values as labels, wrapped to the available width, in fonts that have their characters."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from nxsms_nb.analysis import causes, groups
from nxsms_nb.analysis.slices import range_in_words
from nxsms_nb.formatting import abridged, mask_name, percent
from nxsms_nb.time_zones import time_zone
from nxsms_nb.views.masking import numbers, phone
from nxsms_nb.words.language import code_label, tr, translated
from nxsms_nb.words.pictures import RANGES

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from matplotlib.axes import Axes

__all__ = [
    "FALLBACKS",
    "by_words",
    "cause_names",
    "drawable",
    "finish",
    "percent",
    "slice_name",
    "value_text",
    "width",
    "with_weekdays",
    "wrapped",
]

FALLBACKS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Sans",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
    "Noto Emoji",
)
"""Fallback fonts, in this order, for characters that the usual font lacks: Chinese above all."""

_BREAKS: Final = re.compile(r"(?<![<=·]) (?![<=·])")
"""Where a line may end: not within ``p = 0.2`` or ``IN · ACME``."""

_NO_GLYPH: Final = "\u25a1"


def value_text(value: Any, most: int = 40) -> str:
    """Format a group's value as a label of at most `most` characters; what may be a phone number is masked.

    Examples
    --------
    >>> value_text("8615088888888"), value_text("+86 150-8888-8888"), value_text(202403), value_text(19999.99), value_text(float("nan"))
    ('861••••••••88', '+86••••••••••••88', '202403', '19999.99', '(missing)')
    """
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return tr("(missing)")
    if isinstance(value, pd.Interval):
        return translated(range_in_words(value), RANGES)
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) < 1e8 else phone(f"{value:.0f}")
    return abridged(numbers(str(value)), most) or '""'


def cause_names(table: pd.DataFrame) -> list[str]:
    """Name each cause of `failures`: a code with its meaning, or the gateway's text."""
    names = causes.names(table)
    return [
        translated(name) if pd.isna(code) else code_label(int(code))
        for code, name in zip(table["code"], names, strict=True)
    ]


def slice_name(row: Mapping[Any, Any]) -> str:
    """Name a slice that `drivers` found."""
    where: str = row["where"]
    halves = where.split(" and ")
    if len(row["slice"]) == 1 or len(halves) != len(row["slice"]):  # a value may be the word itself
        halves = [where]
    return tr(" and ").join(translated(half, RANGES) for half in halves)


def by_words(frame: pd.DataFrame, by: Sequence[Hashable], tz: Any = None) -> str:
    """Name the grouping for a title; `tz` is the time zone of hours, weekdays and dates, None for UTC."""
    return tr(" and ").join(_column_words(frame, label, tz) for label in by)


def _column_words(frame: pd.DataFrame, label: Hashable, tz: Any) -> str:
    name = groups.made_name(frame, label)
    if name is None:
        return mask_name(str(label))
    if name in _TIMES:
        return tr(_TIMES[name], zone="UTC" if tz is None else str(time_zone(tz)))
    # Next to a column of the name, the label says of what it is derived.
    words = tr({"length": "length in characters"}.get(name, name))
    return f"{words}{str(label).removeprefix(name)}"


_TIMES: Final = {"hour": "hour of the day ({zone})", "weekday": "day of the week ({zone})", "date": "date ({zone})"}


def with_weekdays(table: pd.DataFrame, frame: pd.DataFrame, by: Sequence[Hashable]) -> pd.DataFrame:
    """Return a table of groups with the derived days of the week in the chosen language."""
    days = [label for label in by if groups.made_name(frame, label) == "weekday"]
    return table.assign(**{str(label): table[label].cat.rename_categories(tr) for label in days})


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of the longest line in points, in a font of `size` points."""
    families = _families()
    return size * max(sum(_advance(char, families, bold) for char in line) for line in text.split("\n"))


def wrapped(words: str, room: float, size: float, *, lines: int = 2, bold: bool = False) -> str:
    r"""Wrap words into at most `lines` lines, none wider than `room` points; where it is too much, the middle is left out.

    Examples
    --------
    >>> wrapped("13007 this number got 5 messages within the hour", 150, 10)
    '13007 this number got 5\nmessages within the hour'
    >>> wrapped("a name that is far too long", 60, 10, lines=1)
    'a nam…ong'
    """
    text = whole = " ".join(words.split())
    broken = _broken(text, room, size, bold=bold)
    while len(broken) > lines and len(text) > 3:
        text = abridged(whole, len(text) - (1 if len(text) < 40 else len(text) // 20))
        broken = _broken(text, room, size, bold=bold)
    if len(broken) > 1:
        # Lines of about the same length: no word stands alone.
        least = max((width(word, size, bold=bold) for word in _BREAKS.split(text) if not _breaks(word)), default=0.0)
        rooms = (room * part / 20 for part in range(10, 20))
        parts = (_broken(text, some, size, bold=bold) for some in rooms if some >= least)
        broken = next((lines for lines in parts if len(lines) == len(broken)), broken)
    return "\n".join(broken[:lines])


def _broken(text: str, room: float, size: float, *, bold: bool) -> list[str]:
    """Break lines between words; a word wider than a line, such as a Chinese sentence, within it."""
    lines = [""]
    for word in _BREAKS.split(text):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined, size, bold=bold) <= room:
            lines[-1] = joined
            continue
        if width(word, size, bold=bold) <= room and not _breaks(word):
            lines.append(word)
            continue
        for char in f" {word}" if lines[-1] else word:
            if lines[-1] and width(lines[-1] + char, size, bold=bold) > room:
                lines.append("")
            lines[-1] += char
    return [line.strip() for line in lines]


def _breaks(word: str) -> bool:
    """Return whether a line may break within a word, as within a Chinese sentence."""
    return any(unicodedata.east_asian_width(char) in "WF" for char in word)


def drawable(words: str, usual: tuple[str, ...] | None = None) -> tuple[str, list[str]]:
    """Return words as they can be drawn, with the font families needed.

    A character without a font becomes an empty box, since each drawing would otherwise warn. Fallback fonts come after
    the usual ones (by default those of matplotlib's settings).
    """
    usual = _families() if usual is None else usual
    families = list(usual)
    lacking = {char for char in words if not char.isascii()}
    if lacking:
        lacking -= _glyphs(usual)
    for name in FALLBACKS:
        if lacking and _has(name) and lacking & _glyphs((name,)):
            families.append(name)
            lacking -= _glyphs((name,))
    return "".join(_NO_GLYPH if char in lacking else char for char in words), families


def finish(ax: Axes) -> None:
    """Render every text literally: no mathtext, and fonts that have its characters."""
    from matplotlib.text import Text  # noqa: PLC0415 - only who draws pays for it

    for text in ax.findobj(Text):
        if isinstance(text, Text):
            text.set_parse_math(False)  # a reason may hold dollar signs
            if not text.get_text().isascii():
                words, families = drawable(text.get_text(), tuple(text.get_fontfamily()))
                text.set_text(words)
                text.set_fontfamily(families)


def _families() -> tuple[str, ...]:
    import matplotlib as mpl  # noqa: PLC0415 - only who draws pays for it

    return tuple(mpl.rcParams["font.family"])


@cache
def _advance(char: str, families: tuple[str, ...], bold: bool) -> float:
    """Return the width of a character in a font of one point."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - only who draws pays for it
    from matplotlib.textpath import text_to_path  # noqa: PLC0415 - only who draws pays for it

    shown, fonts = drawable(char, families)
    font = FontProperties(family=fonts, weight="bold" if bold else "normal", size=100)
    # Of a blank alone no width would be seen.
    whole, ends = (text_to_path.get_text_width_height_descent(text, font, False)[0] for text in (f"x{shown}x", "xx"))
    return float(whole - ends) / 100


@cache
def _has(family: str) -> bool:
    from matplotlib import font_manager  # noqa: PLC0415 - only who draws pays for it

    return any(entry.name == family for entry in font_manager.fontManager.ttflist)


@cache
def _glyphs(families: tuple[str, ...]) -> frozenset[str]:
    """Return the characters of the first font found for these families."""
    from matplotlib import font_manager  # noqa: PLC0415 - only who draws pays for it

    path = font_manager.findfont(font_manager.FontProperties(family=list(families)))
    return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
