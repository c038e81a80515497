"""A run as static HTML, which a saved notebook keeps, in the size of the live panel that it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import escape
from nxsms_nb.views.run_view import CODES
from nxsms_nb.views.style import STATUS_COLOURS
from nxsms_nb.words.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["curve", "summary_html"]

_FAINT: Final = "opacity:.68"
_LINE: Final = "rgba(128,128,128,.28)"
_SMALL: Final = f"font-size:12px;line-height:16px;{_FAINT}"
_CUT: Final = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_NUMBERS: Final = "font-variant-numeric:tabular-nums"
_DOTS: Final = {"running": "#0072B2", "stopping": "#E69F00", "stopped": "#D55E00", "finished": "#009E73"}
_HEIGHT, _WIDTH = 72, 300


def summary_html(view: Mapping[str, Any], *, still: str = "") -> str:
    """Draw what a panel shows: HTML on one line, without scripts, styles inline, everything escaped.

    `still` is a sentence in HTML above the heading, which says that the view is of a moment before the end.
    """
    box = (
        f"box-sizing:border-box;max-width:760px;margin:4px 0;padding:10px 14px;border:1px solid {_LINE};"
        f"border-radius:6px;font-size:13px;line-height:20px;{_NUMBERS}"
    )
    parts = [still, _head(view, still=bool(still)), _bar(view), _counts(view), _facts(view), _below(view)]
    note = f'<div style="min-height:20px;margin-top:6px">{escape(view["note"])}</div>'
    name = "run-still" if still else "run-summary"
    return f'<div data-nxsms="{name}" data-state="{escape(view["state"])}" style="{box}">{"".join(parts)}{note}</div>'


def _head(view: Mapping[str, Any], *, still: bool) -> str:
    tint = "rgba(230,159,0,.3)" if view["real"] else "rgba(86,180,233,.22)"
    dot = f'<span style="color:{STATUS_COLOURS["Skipped"] if still else _DOTS[view["state"]]}">●</span>'
    heading = view["was"] if still else view["heading"]
    badge = f'<span style="flex:none;background:{tint};border-radius:9px;padding:1px 8px;font-size:12px">{escape(view["money"])}</span>'
    return (
        '<div style="display:flex;align-items:center;gap:10px;min-height:28px">'
        f'<span style="flex:none">{dot} <b>{escape(heading)}</b></span> {badge} '
        f'<span style="{_FAINT};{_CUT};flex:1 1 0;min-width:0">{escape(view["campaign"])}</span> '
        f'<b style="{_CUT};min-width:0">{escape(view["done"])}</b></div>'
    )


def _bar(view: Mapping[str, Any]) -> str:
    pieces = "".join(
        f'<div style="width:{share}%;background-color:{STATUS_COLOURS[status]}"></div>' for status, share in view["bar"]
    )
    return (
        f'<div role="progressbar" aria-label="{escape(tr("rows settled"))}" aria-valuenow="{view["percent"]}" aria-valuemin="0" '
        'aria-valuemax="100" style="display:flex;height:10px;margin:8px 0 10px;border-radius:5px;overflow:hidden;'
        f'background-color:{_LINE}">{pieces}</div>'
    )


def _counts(view: Mapping[str, Any]) -> str:
    cells = "".join(
        f'<div style="border-left:3px solid {STATUS_COLOURS[status]};padding-left:8px;min-width:0">'
        f'<div style="font-size:17px;line-height:22px">{escape(number)}</div> '
        f'<div style="{_SMALL};{_CUT}" title="{escape(words)}">{escape(words)}</div> </div>'
        for status, words, number in view["counts"]
    )
    return f'<div style="{_grid(104)}">{cells}</div>'


def _facts(view: Mapping[str, Any]) -> str:
    cells = "".join(
        f'<div style="min-width:0"><div style="{_SMALL};{_CUT}">{escape(name)}</div> '
        f'<div style="{_CUT}">{escape(value)}</div> </div>'
        for name, value in view["facts"]
    )
    return f'<div style="{_grid(156)};margin-top:10px;padding-top:8px;border-top:1px solid {_LINE}">{cells}</div>'


def _below(view: Mapping[str, Any]) -> str:
    picture = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(tr("messages a second over time"))}" style="display:block;width:100%;height:{_HEIGHT}px">'
        f'<path d="{curve(view["rates"], closed=True)}" fill="currentColor" fill-opacity=".1"></path>'
        f'<path d="{curve(view["rates"])}" fill="none" stroke="currentColor" stroke-opacity=".7" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"></path></svg>'
    )
    head = f'<div style="{_SMALL}">'
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:6px 24px;margin-top:10px;padding-top:8px;border-top:1px solid {_LINE}">'
        f'<div style="min-width:0;flex:2 1 220px">{head}{escape(tr("messages a second"))}</div>{picture}</div>'
        f'<div style="min-width:0;flex:3 1 300px">{head}{escape(tr("failures by code"))}</div>{_codes(view)}</div></div>'
    )


def _codes(view: Mapping[str, Any]) -> str:
    rows = [
        f'<tr style="background:none"><td style="{_CELL};padding:0 10px 0 0">{escape(code)}</td>'
        f'<td style="{_CELL};padding:0;max-width:0;width:100%;{_CUT}" title="{escape(words)}">{escape(words)}</td>'
        f'<td style="{_CELL};text-align:right;padding:0 0 0 10px">{escape(number)}</td></tr>'
        for code, words, number in view["codes"]
    ]
    none = tr("none so far" if view["state"] in ("running", "stopping") else "none")
    rest = view["more"] or ("" if rows else none)
    table = f'<table style="{_TABLE}"><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    return f'<div style="height:{CODES * 18 + 2}px">{table}<div style="{_SMALL};line-height:18px">{escape(rest)}</div></div>'


_CELL: Final = "text-align:left;line-height:18px;white-space:nowrap;max-width:none;border:none"
_TABLE: Final = (
    "border-collapse:collapse;table-layout:auto;width:100%;margin:0;font-size:13px;line-height:18px;border:none"
)


def _grid(least: int) -> str:
    return f"display:grid;grid-template-columns:repeat(auto-fit,minmax({least}px,1fr));gap:6px 12px"


def curve(rates: list[float], *, closed: bool = False) -> str:
    """Return the path of a curve over the width of the plot; closed, the area below it.

    Examples
    --------
    >>> curve([1.0, 2.0])
    'M0,37.0L300,2.0'
    """
    if not rates:
        return ""
    rates = rates if len(rates) > 1 else rates * 2
    top, step = max(*rates, 1e-9), _WIDTH / (len(rates) - 1)
    points = [f"{place * step:.4g},{_HEIGHT - rate / top * (_HEIGHT - 2):.1f}" for place, rate in enumerate(rates)]
    line = "M" + "L".join(points)
    return f"{line}L{_WIDTH},{_HEIGHT}L0,{_HEIGHT}Z" if closed else line
