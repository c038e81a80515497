"""What all pictures share: colours, and the figure to draw on."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

STATUS_COLOURS: Final = {
    "Success": "#009E73",
    "Failure": "#D55E00",
    "Invalid": "#CC79A7",
    "Unknown": "#E69F00",
    "Unsent": "#8A8A8A",
    "Skipped": "#BDBDBD",
}
"""The colour of a status, the same everywhere: Okabe and Ito's palette, which the colour-blind can tell apart.

What was not sent is grey.
"""

CODE_COLOURS: Final = {
    13005: "#0072B2",
    13009: "#56B4E9",
    13007: "#D6C45A",
    13006: "#8C5A3C",
    13001: "#B5A3DC",
    9000: "#3B5C8A",
}
"""The colour of a code where codes share a picture, none of them that of a status; other codes take what is free."""

OTHER_COLOUR: Final = "#D3CFC4"
NEUTRAL: Final = "#5E81AC"
"""For what is neither a status nor a code."""

GROUP_COLOURS: Final = (NEUTRAL, "#B8742D", "#9A6FB0", "#6E8B3D", "#B0616F")
"""For curves of groups, readable on a light and on a dark page; each is named where it ends."""

WIDTH: Final = 8.0
"""The width of every new figure, in inches."""

_DETACHED: Final[ContextVar[bool]] = ContextVar("detached", default=False)


def axes(ax: Axes | None, height: float) -> Axes:
    """Return the given Axes, or those of a new figure of `height` inches.

    On the main thread a new figure is pyplot's, which a notebook shows once, at the end of the cell, and which
    ``plt.savefig`` finds. In a thread, for example a widget's callback, pyplot would lose or mix up figures, so a bare
    ``Figure`` is made there. A given figure without a layout gets a constrained one: names would be cut off.
    """
    if ax is not None:
        from matplotlib.axes import Axes as Real  # noqa: PLC0415 - only who draws pays for it

        if not isinstance(ax, Real):
            raise ConfigError(
                f"ax={named(ax)} is not an Axes. Give one, as from plt.subplots()[1]. To group, name the argument: "
                "by='country'."
            )
        drawn_on: Any = ax.figure
        figure = drawn_on.figure  # the whole one, of which it may be a part
        if figure.get_layout_engine() is None:
            figure.set_layout_engine("constrained")
        return ax
    size = (WIDTH, height)
    if not _DETACHED.get() and threading.current_thread() is threading.main_thread():
        import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws pays for it

        return _roomy(plt.figure(figsize=size, layout="constrained"))
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws pays for it

    return _roomy(Figure(figsize=size, layout="constrained"))


@contextmanager
def detached() -> Iterator[None]:
    """Draw on figures unknown to pyplot, on the main thread too, as widgets need."""
    token = _DETACHED.set(True)
    try:
        yield
    finally:
        _DETACHED.reset(token)


def png(figure: Any, dpi: float = 100) -> bytes:
    """Return a figure as PNG, at its own size."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _roomy(figure: Any) -> Axes:
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    ax: Axes = figure.add_subplot()
    return ax


def mixed(colour: Any, other: Any, part: float) -> str:
    """Mix this share of another colour into a colour."""
    from matplotlib.colors import to_hex, to_rgb  # noqa: PLC0415 - only who draws pays for it

    red, green, blue = (one * (1 - part) + two * part for one, two in zip(to_rgb(colour), to_rgb(other), strict=True))
    return to_hex((red, green, blue))


def light(colour: Any) -> float:
    """Return the lightness of a colour, from 0 to 1."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - only who draws pays for it

    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue
