"""A dashboard as static HTML, which a saved notebook keeps. Styles inline, no scripts, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nxsms_nb.formatting import escape
from nxsms_nb.views.labels import percent
from nxsms_nb.views.style import NEUTRAL, STATUS_COLOURS
from nxsms_nb.words.language import counted, tr

__all__ = ["static_html"]

_LINE: Final = "rgba(128,128,128,.28)"
_SMALL: Final = "font-size:12px;line-height:16px;opacity:.68"
_CUT: Final = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_MOST: Final = 8
_WIDTH, _HEIGHT = 600, 110


def static_html(view: Mapping[str, Any]) -> str:
    """Draw the pictures of a dashboard, on one line."""
    box = (
        f"box-sizing:border-box;max-width:1160px;margin:4px 0;padding:12px 14px;border:1px solid {_LINE};"
        "border-radius:6px;font-size:13px;line-height:20px;font-variant-numeric:tabular-nums"
    )
    grid = (
        "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px 28px;margin-top:12px"
    )
    parts = [
        _card(tr("Why messages failed"), _reasons(view)),
        _card(tr("Messages per second over time (UTC)"), _curve(view["time"])),
        _groups(view),
        _card(tr("Latency"), _curve(view["latency"])),
    ]
    note = tr("A picture: run the cell again to choose in it.")
    return (
        f'<div data-nxsms="dashboard-static" style="{box}">{_head(view)}{_tiles(view)}'
        f'<div style="{grid}">{"".join(parts)}</div><div style="{_SMALL};margin-top:10px">{escape(note)}</div></div>'
    )


def _head(view: Mapping[str, Any]) -> str:
    rows = counted(view["total"], "row")
    if view["chips"]:
        rows = tr("{chosen} of {rows}", chosen=f"{view['chosen']:,}", rows=rows)
    badge = (
        f' <span style="background:rgba(86,180,233,.22);border-radius:9px;padding:1px 8px;font-size:12px">{escape(tr("sandbox"))}</span>'
        if view["sandbox"]
        else ""
    )
    chips = "".join(
        f' <span style="border:1px solid {_LINE};border-radius:9px;padding:1px 8px;font-size:12px">{escape(words)}</span>'
        for words in view["chips"]
    )
    return f"<div><b>{escape(rows)}</b>{badge}{chips}</div>"


def _tiles(view: Mapping[str, Any]) -> str:
    cells = "".join(
        f'<div style="border-left:4px solid {STATUS_COLOURS[tile["status"]]};padding-left:10px;min-width:0">'
        f'<div style="font-size:20px;line-height:26px">{tile["rows"]:,}'
        f'{_share(tile["share"])}</div> <div style="{_SMALL};{_CUT}">{escape(tile["words"])}</div> </div>'
        for tile in view["tiles"]
    )
    return f'<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(136px,1fr));gap:8px 12px;margin-top:10px">{cells}</div>'


def _share(share: float | None) -> str:
    return "" if share is None else f' <span style="font-size:13px;opacity:.68">{escape(percent(float(share)))}</span>'


def _card(title: str, inside: str) -> str:
    return (
        f'<div style="min-width:0"><div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>{inside}</div>'
    )


def _reasons(view: Mapping[str, Any]) -> str:
    shown = [one for one in view["reasons"] if one["rows"]]
    most = max((one["rows"] for one in shown), default=1)
    bars = [
        _bar(
            f"{one['name']} {one['words']}".strip(),
            one["rows"] / most,
            STATUS_COLOURS[one["status"]],
            f"{one['rows']:,}" + ("" if one["share"] is None else f" · {percent(float(one['share']))}"),
        )
        for one in shown[:_MOST]
    ]
    return _listed(bars, len(shown) - _MOST) if bars else _nothing()


def _groups(view: Mapping[str, Any]) -> str:
    groups = view["groups"]
    if groups is None:
        return ""
    title = tr("Failure rate by {column}", column=view["columns"][groups["column"]])
    shown = [one for one in groups["rows"] if one["answered"]]
    most = max((one["rate"] for one in shown), default=0) or 1
    bars = [
        _bar(
            one["name"],
            one["rate"] / most,
            NEUTRAL,
            f"{percent(one['rate'])} · {one['failed']:,}/{one['answered']:,}",
        )
        for one in shown[:_MOST]
    ]
    return _card(title, _listed(bars, len(shown) - _MOST) if bars else _nothing())


def _nothing() -> str:
    return f'<div style="{_SMALL}">{escape(tr("none"))}</div>'


def _listed(bars: Sequence[str], more: int) -> str:
    rest = f'<div style="{_SMALL}">{escape(tr("and {number} more", number=f"{more:,}"))}</div>' if more > 0 else ""
    return "".join(bars) + rest


def _bar(name: str, share: float, colour: str, figures: str) -> str:
    """Draw one bar: its name above, so that there is room for it, and its figures at the right."""
    return (
        f'<div style="margin:0 0 5px"><div style="display:flex;gap:10px;line-height:18px">'
        f'<span style="{_CUT};flex:1 1 0;min-width:0" title="{escape(name)}">{escape(name)}</span> '
        f'<span style="flex:none">{escape(figures)}</span></div>'
        f'<div style="height:6px;border-radius:3px;background-color:{_LINE}">'
        f'<div style="height:6px;border-radius:3px;width:{max(0.0, min(1.0, share)):.2%};background-color:{colour}"></div></div></div>'
    )


def _curve(scale: Mapping[str, Any]) -> str:
    """Draw stacked columns of accepted, failed and other rows."""
    bins = len(scale["good"])
    if not bins:
        return _nothing()
    totals = [sum(parts) for parts in zip(scale["good"], scale["failed"], scale["rest"], strict=True)]
    top = max(*totals, 1)
    width = _WIDTH / bins
    series = (("good", "Success"), ("failed", "Failure"), ("rest", "Unknown"))
    drawn = []
    base = [0.0] * bins
    for name, status in series:
        path = []
        for place, number in enumerate(scale[name]):
            if number:
                height = number / top * _HEIGHT
                path.append(
                    f"M{place * width:.1f},{_HEIGHT - base[place]:.1f}v{-height:.1f}h{width * 0.86:.1f}v{height:.1f}z"
                )
                base[place] += height
        drawn.append(f'<path d="{"".join(path)}" fill="{STATUS_COLOURS[status]}"></path>')
    words = [escape(scale["labels"][end].removesuffix(".000")) for end in (0, -1)]
    seen = escape(tr("{rows}, {low} to {high}", rows=counted(sum(totals), "row"), low=words[0], high=words[1]))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{seen}" '
        f'style="display:block;width:100%;height:{_HEIGHT}px;border-bottom:1px solid {_LINE}">{"".join(drawn)}</svg>'
        f'<div style="display:flex;justify-content:space-between;{_SMALL}"><span>{words[0]}</span> <span>{words[1]}</span></div>'
    )
