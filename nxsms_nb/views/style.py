"""What every picture shares: colours, where it is drawn, its words and their fonts."""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.analysis.slices import range_in_words
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import abridged, mask_numbers, mask_phone, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATUS_COLOURS: Final = {
    "Success": "#009E73",
    "Failure": "#D55E00",
    "Invalid": "#CC79A7",
    "Unknown": "#E69F00",
    "Unsent": "#56B4E9",
    "Skipped": "#999999",
}
"""The colour of a status, the same everywhere: Okabe and Ito's palette, which the colour-blind can tell apart."""

CODE_COLOURS: Final = {
    13005: "#D55E00",
    13009: "#0072B2",
    13007: "#E69F00",
    13006: "#CC79A7",
    13001: "#56B4E9",
    9000: "#F0E442",
}
"""The colour of a code where codes share a picture; other codes take what is free of these."""

OTHER_COLOUR: Final = "#999999"
INK: Final = "#222222"
FAINT: Final = "#666666"
_LINE: Final = "#BBBBBB"

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
"""Fonts looked at, in this order, for what the usual one lacks: Chinese before all."""

_DETACHED: Final[ContextVar[bool]] = ContextVar("detached", default=False)
_NO_GLYPH: Final = "\u25a1"


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The Axes to draw on: the given one, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where the caller wants the picture.
    size : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    matplotlib.axes.Axes
        On the main thread a new figure is pyplot's, which a notebook shows once, at the end of the cell, and which
        ``plt.savefig`` finds. In a thread, a widget's callback say, pyplot would lose or mix up figures, so that it is
        a bare ``Figure`` there.
    """
    if ax is not None:
        from matplotlib.axes import Axes as Real  # noqa: PLC0415 - only who draws pays for it

        if not isinstance(ax, Real):
            raise ConfigError(
                f"ax={named(ax)} is not an Axes, as plt.subplots()[1] or a figure's add_subplot() gives. To group, name the "
                "argument: by='country'."
            )
        return ax
    if not _DETACHED.get() and threading.current_thread() is threading.main_thread():
        import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws pays for it

        return _roomy(plt.figure(figsize=size, layout="constrained"))
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws pays for it

    return _roomy(Figure(figsize=size, layout="constrained"))


@contextmanager
def detached() -> Iterator[None]:
    """Draw on figures that pyplot knows nothing of, on the main thread too: for widgets."""
    token = _DETACHED.set(True)
    try:
        yield
    finally:
        _DETACHED.reset(token)


def _roomy(figure: Any) -> Axes:
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    ax: Axes = figure.add_subplot()
    return ax


def png(figure: Any, dpi: float = 100) -> bytes:
    """A figure as PNG, at its own size."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def title(ax: Axes, seen: str, detail: str = "", *, sandbox: bool = False) -> None:
    """Say what is seen, and below it, smaller, over what; results of the sandbox say so."""
    ax.set_title(seen, loc="left", fontsize=12, fontweight="bold", color=INK, pad=24)
    ax.annotate(
        " · ".join(part for part in ("sandbox" if sandbox else "", detail) if part),
        (0, 1),
        (0, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=FAINT,
    )


def draw_words(ax: Axes, words: str, *, sandbox: bool = False) -> None:
    """Say in words that there is nothing to draw."""
    ax.set_axis_off()
    words = words + ("\n(sandbox)" if sandbox else "")
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", fontsize=11, color=FAINT, wrap=True)
    finish(ax)


def no_axis(ax: Axes, most: float) -> None:
    """For bars with their numbers on them: a base line and no scale, up to `most`."""
    ax.set_xlim(0, most)
    ax.set_xticks([])
    for side, spine in ax.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(_LINE)


def scales(ax: Axes, x: str, y: str) -> None:
    """Name both scales, thousands separated, with light lines to read the height by."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - only who draws pays for it

    ax.set_xlabel(x, fontsize=10, color=FAINT, loc="right")  # the left is for the key
    ax.set_ylabel(y, fontsize=10, color=FAINT)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.tick_params(colors=FAINT, labelsize=9)
    ax.grid(axis="y", color="#EEEEEE")
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_LINE)


def key(ax: Axes, entries: list[tuple[str, str]], below: float = 0.8, columns: int = 3) -> None:
    """Say below the picture what the colours mean, `below` letter heights under it."""
    if not entries:
        return
    from matplotlib.patches import Patch  # noqa: PLC0415 - only who draws pays for it

    ax.legend(
        handles=[Patch(color=colour, label=drawable(words)[0]) for colour, words in entries],
        loc="upper left",
        bbox_to_anchor=(0, 0),
        ncols=min(columns, len(entries)),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.0,
        handleheight=1.0,
        borderaxespad=below,
        borderpad=0,
    )


def percent(share: float) -> str:
    """A share for a person: never 0% for something or 100% for less than all.

    Examples
    --------
    >>> percent(0.0462), percent(0.00001), percent(0.99999), percent(1.0), percent(0.0)
    ('4.6%', '<0.1%', '>99.9%', '100%', '0%')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"


def wrapped(label: str, width: int = 34) -> str:
    r"""A label on at most two lines of `width` letters; Chinese ones are two wide.

    Examples
    --------
    >>> wrapped("13007 this number got 5 messages within the hour")
    '13007 this number got 5 messages\nwithin the hour'
    >>> wrapped("手机号格式错误请检查", 12)
    '手机号格式错\n误请检查'
    """
    lines = [""]
    for word in " ".join(label.split()).split(" "):
        if lines[-1] and _wide(lines[-1]) + 1 + _wide(word) > width and _wide(word) <= width:
            lines.append("")
        for char in (" " + word) if lines[-1] else word:
            if _wide(lines[-1] + char) > width:
                lines.append("")
            lines[-1] += char
    if len(lines) > 2:
        while _wide(lines[1]) >= width:
            lines[1] = lines[1][:-1]
        lines[1] += "…"
    return "\n".join(line.strip() for line in lines[:2])


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def value_text(value: Any, most: int = 40) -> str:
    """A group's value as a label of at most `most` characters; what may be somebody's number is masked.

    Examples
    --------
    >>> value_text("8615088888888"), value_text("+86 150-8888-8888"), value_text(202403), value_text(19999.99), value_text(float("nan"))
    ('861••••••••88', '+86••••••••••••88', '202403', '19999.99', '(missing)')
    """
    import pandas as pd  # noqa: PLC0415 - loaded already wherever there is a frame

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "(missing)"
    if isinstance(value, pd.Interval):
        return range_in_words(value)
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) < 1e8 else mask_phone(f"{value:.0f}")
    return abridged(mask_numbers(str(value)), most) or '""'


def name_bars(ax: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    """Name horizontal bars at their places, which grow downwards."""
    ax.set_yticks(places, labels=[drawable(wrapped(label))[0] for label in labels], fontsize=10, color=INK)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(max(places) + 0.6, min(places) - 0.6)


def drawable(words: str, usual: tuple[str, ...] | None = None) -> tuple[str, list[str]]:
    """Words as they can be drawn, and the fonts it takes.

    Parameters
    ----------
    words : str
        Any text.
    usual : tuple of str, optional
        The font families of the text; those of matplotlib's settings if not given.

    Returns
    -------
    words : str
        The text, with an empty box for each character that no font here has: without it each drawing would warn.
    families : list of str
        The usual families and, after them, those that have the characters which they lack.
    """
    if usual is None:
        import matplotlib as mpl  # noqa: PLC0415 - only who draws pays for it

        usual = tuple(mpl.rcParams["font.family"])
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
    """Let every text be shown as it is: no formulas, and in fonts that have its characters."""
    from matplotlib.text import Text  # noqa: PLC0415 - only who draws pays for it

    for text in ax.findobj(Text):
        if isinstance(text, Text):
            text.set_parse_math(False)  # a reason may hold dollar signs
            if not text.get_text().isascii():
                words, families = drawable(text.get_text(), tuple(text.get_fontfamily()))
                text.set_text(words)
                text.set_fontfamily(families)


@cache
def _has(family: str) -> bool:
    from matplotlib import font_manager  # noqa: PLC0415 - only who draws pays for it

    return any(entry.name == family for entry in font_manager.fontManager.ttflist)


@cache
def _glyphs(families: tuple[str, ...]) -> frozenset[str]:
    """The characters that the first font found for these families has."""
    from matplotlib import font_manager  # noqa: PLC0415 - only who draws pays for it

    path = font_manager.findfont(font_manager.FontProperties(family=list(families)))
    return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
