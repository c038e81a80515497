"""Draw on an Axes within its room: title, names, scales and key are wrapped and placed so that nothing is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.views import labels, style
from nxsms_nb.words.language import tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN: Final = 24.0
"""Points around the axes that hold nothing."""


@dataclass
class Sheet:
    """An Axes to draw on, with the colours and the room it has.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    sandbox : bool
        Whether the results came from the sandbox, which the title then says.
    page, ink, faint, line : str
        Colours, as matplotlib's settings have them: behind everything, of words, of lesser words, and of lines.
    size, small : float
        The font size of matplotlib's settings, in points, and that of words in rows, which may be narrow.
    room, height : float
        What the Axes and its labels have of the figure, in points.
    indent : float
        How far the names reach to the left of the axes, in points.
    pitch : float
        From one named row to the next, in points, at most.
    """

    ax: Axes
    sandbox: bool
    page: str = field(init=False)
    ink: str = field(init=False)
    faint: str = field(init=False)
    line: str = field(init=False)
    size: float = field(init=False)
    small: float = field(init=False)
    room: float = field(init=False)
    height: float = field(init=False)
    indent: float = field(init=False, default=0.0)
    pitch: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        import matplotlib as mpl  # noqa: PLC0415 - only who draws pays for it
        from matplotlib.colors import to_rgba  # noqa: PLC0415 - only who draws pays for it

        figure: Any = self.ax.figure
        behind = next(
            (colour for colour in (self.ax.get_facecolor(), figure.get_facecolor()) if to_rgba(colour)[3] > 0.5),
            "white",
        )
        self.page = style.mixed(behind, behind, 0)
        ink = mpl.rcParams["text.color"]
        if abs(style.light(ink) - style.light(behind)) < 0.3:  # Axes made in another style than is set now
            ink = "white" if style.light(behind) < 0.5 else "black"
        # Pure black on white looks harsh.
        self.ink = style.mixed(ink, behind, 0.13)
        self.faint, self.line = style.mixed(ink, behind, 0.38), style.mixed(ink, behind, 0.73)
        self.size = self.small = float(mpl.rcParams["font.size"])
        share = self.ax.get_position()
        across, down = share.width / 0.775, share.height / 0.77
        spec: Any = self.ax.get_subplotspec()
        if spec is not None:
            rows, columns = spec.get_gridspec().get_geometry()
            across, down = len(spec.colspan) / columns, len(spec.rowspan) / rows
        box = figure.bbox  # a subfigure has one too
        self.room, self.height = 72 / figure.dpi * box.width * across, 72 / figure.dpi * box.height * down

    def mixed(self, part: float) -> str:
        """Mix this share of the ink into the page's colour."""
        return style.mixed(self.page, self.ink, part)

    @property
    def plot(self) -> float:
        """The width that is left for what is drawn, in points."""
        return max(self.room - self.indent - _MARGIN, 40.0)

    @property
    def narrow(self) -> bool:
        """Whether there is little room."""
        return self.room < 40 * self.size

    def title(self, seen: str, detail: str = "") -> None:
        """Write the title and, smaller, the subtitle; both begin where the names do."""
        room = 0.95 * (self.room - _MARGIN)  # on a screen letters are as wide as whole pixels
        small = 0.9 * self.size
        below = self._lines(
            [*([tr("sandbox")] if self.sandbox else []), *filter(None, detail.split(" · "))], room, small
        )
        above = labels.wrapped(seen, room, 1.2 * self.size, lines=3, bold=True)
        pad = 8 + (1.25 * small * (below.count("\n") + 1) + 3 if below else 0)
        title = self.ax.set_title(
            above, loc="left", fontsize=1.2 * self.size, fontweight="bold", color=self.ink, pad=pad
        )
        title.set_transform(title.get_transform() + self._left())
        note = self.ax.annotate(
            below,
            (0, 1),
            (-self.indent, 8),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=small,
            color=self.faint,
            annotation_clip=False,
        )
        note.set_in_layout(False)  # the title keeps its place; its width must not make the axes smaller

    @staticmethod
    def _lines(parts: list[str], room: float, size: float) -> str:
        """Distribute parts over lines, without breaking one that fits on a line."""
        lines: list[str] = []
        for part in parts:
            joined = f"{lines[-1]} · {part}" if lines else part
            if lines and labels.width(joined, size) <= room:
                lines[-1] = joined
            else:
                lines += labels.wrapped(part, room, size).split("\n")
        return "\n".join(lines)

    def words(self, words: str) -> None:
        """Write words instead of a picture, when there is nothing to draw."""
        self.ax.set_axis_off()
        words = labels.wrapped(words, self.room - 2 * _MARGIN, 1.1 * self.size, lines=6)
        words += f"\n({tr('sandbox')})" if self.sandbox else ""
        place: dict[str, Any] = {"transform": self.ax.transAxes, "ha": "center", "va": "center"}
        self.ax.text(0.5, 0.5, words, fontsize=1.1 * self.size, color=self.faint, **place)
        labels.finish(self.ax)

    def on(self, colour: Any) -> str:
        """Return the ink for words on a colour."""
        return "white" if style.light(colour) < 0.5 else style.mixed("black", colour, 0.13)

    def names(
        self, places: Sequence[float], names: Sequence[str], *, ax: Axes | None = None, height: float | None = None
    ) -> None:
        """Name rows at their places, which grow downwards; names take at most two fifths of the width.

        `height` is the rows' share of the figure's height, in points; where that is little, words are small.
        """
        ax = ax or self.ax
        height = self.height - (85 if self.narrow else 70) if height is None else height
        self.pitch = max(height, 40) / max(max(places) - min(places) + 1.2, 1)
        self.small = max(5.0, min(self.size, 0.85 * self.pitch))
        lines = max(1, min(3, int(self.pitch / (1.2 * self.small))))
        room = 0.42 * self.room
        shown = [labels.wrapped(name, room, self.small, lines=lines) for name in names]
        self.indent = max((labels.width(name, self.small) for name in shown), default=0.0) + 4
        ax.set_yticks(places, labels=[labels.drawable(name)[0] for name in shown], fontsize=self.small, color=self.ink)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(max(places) + 0.6, min(places) - 0.6)

    def behind(self, end: float, place: float, words: str) -> None:
        """Write words after a bar that ends at `end`."""
        self.ax.annotate(
            words,
            (end, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=self.small,
            color=self.ink,
            bbox={"facecolor": self.page, "edgecolor": "none", "pad": 0.8},  # above lines, which it would be crossed by
            zorder=3.5,
        )

    def bare(self, most: float, behind: Sequence[str]) -> None:
        """Show a base line and no scale, for bars up to `most` with the words `behind` them."""
        words = max((labels.width(text, self.small) for text in behind), default=0.0) + 12
        self.ax.set_xlim(0, (most or 1.0) / max(1 - words / self.plot, 0.2))
        self.ax.set_xticks([])
        self.ax.grid(visible=False)
        self.spines("left")

    def scales(self, x: str, y: str) -> None:
        """Name both scales, thousands separated, with light lines to read the height by."""
        from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - only who draws pays for it

        name = labels.wrapped(x, 0.9 * (self.room - _MARGIN), self.size)
        self.ax.set_xlabel(name, fontsize=self.size, color=self.faint, loc="right")  # the left is for the key
        self.ax.set_ylabel(y, fontsize=self.size, color=self.faint)
        for axis in (self.ax.xaxis, self.ax.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        self.ax.tick_params(colors=self.faint, labelsize=0.9 * self.size)
        self.lines(self.ax, "y")
        self.spines("bottom")
        small = 0.9 * self.size
        low, high = sorted(self.ax.get_ylim())
        ticks = [f"{tick:,.10g}" for tick in self.ax.yaxis.get_majorticklocs() if low <= tick <= high]
        self.indent = max((labels.width(tick, small) for tick in ticks), default=0.0) + 1.2 * self.size + 8

    def lines(self, ax: Axes, axis: Any) -> None:
        """Draw light lines to read values by."""
        ax.grid(visible=False)
        ax.grid(visible=True, axis=axis, color=style.mixed(self.ink, self.page, 0.88), linestyle="-", linewidth=0.8)
        ax.set_axisbelow(True)

    def spines(self, *sides: str, ax: Axes | None = None) -> None:
        """Keep these sides of the frame only."""
        for side, spine in (ax or self.ax).spines.items():
            spine.set_visible(side in sides)
            spine.set_color(self.line)

    def whiskers(self, low: Any, high: Any, places: Any, *, ax: Axes | None = None, colour: str | None = None) -> None:
        """Draw intervals across rows."""
        middle = (low + high) / 2
        drawn = (ax or self.ax).errorbar(
            middle, places, xerr=(high - low) / 2, fmt="none", ecolor=colour or self.ink, elinewidth=1.3, capsize=3
        )
        drawn.set_label("interval")

    def key(self, entries: Sequence[tuple[str, str]], *, beside: str | None = None) -> None:
        """Draw the key of colours below the picture, with the name of a scale (`beside`) next to it if there is room."""
        if not entries:
            return
        from matplotlib.patches import Patch  # noqa: PLC0415 - only who draws pays for it

        small = 0.9 * self.size
        room = self.room - _MARGIN
        # With little room there are several columns of one line.
        most, lines = min(room - 40, 25 * small), 2
        if self.narrow and len(entries) > 2:
            most, lines = (room / 3 - 4.2 * small, 1) if len(entries) > 4 else (room / 2 - 4.2 * small, 2)
        shown = [labels.wrapped(words, most, small, lines=lines) for _, words in entries]
        widest = max(labels.width(words, small) for words in shown)
        below = 0.8
        if beside is not None:
            row = sum(labels.width(words, small) + 3.8 * small for words in shown) + labels.width(beside, self.size)
            below = 2.4 if row < self.plot else 4.0
        self.ax.legend(
            handles=[
                Patch(facecolor=colour, edgecolor="none", label=labels.drawable(words)[0])
                for (colour, _), words in zip(entries, shown, strict=True)
            ],
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=self.ax.transAxes + self._left(),
            ncols=max(1, min(len(entries), int(room / (widest + 3.8 * small)))),
            frameon=False,
            fontsize=small,
            labelcolor=self.ink,
            handlelength=1.0,
            handleheight=1.0,
            borderaxespad=below,
            borderpad=0,
        )

    def _left(self) -> Any:
        """Move to where the names begin."""
        from matplotlib.transforms import ScaledTranslation  # noqa: PLC0415 - only who draws pays for it

        figure: Any = self.ax.figure
        return ScaledTranslation(-self.indent / 72, 0, figure.dpi_scale_trans)


def sheet(ax: Axes | None, height: float, *, sandbox: bool) -> Sheet:
    """Return the given Axes, or those of a new figure of `height` inches, as a `Sheet`."""
    return Sheet(style.axes(ax, height), sandbox)
