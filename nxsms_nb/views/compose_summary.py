"""Compose as static HTML, which a saved notebook keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.formatting import escape
from nxsms_nb.words.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["compose_html"]

_LINE: Final = "rgba(128,128,128,.28)"
_FAINT: Final = "opacity:.68;font-size:12px;line-height:16px"
_BOX: Final = (
    f"box-sizing:border-box;max-width:760px;margin:4px 0;padding:10px 14px;border:1px solid {_LINE};border-radius:6px;"
    "font-size:13px;line-height:20px;font-variant-numeric:tabular-nums"
)
_TEXT: Final = "white-space:pre-wrap;overflow-wrap:anywhere"
_CODE: Final = (
    f"{_TEXT};background:rgba(128,128,128,.12);border-radius:4px;padding:6px 8px;margin:8px 0 0;font-size:12px"
)


def compose_html(view: Mapping[str, Any], template: str) -> str:
    """Draw what compose shows: HTML without scripts, styles inline, everything escaped."""
    heading = (
        f'<div style="display:flex;gap:10px;flex-wrap:wrap"><b>{escape(tr("Compose"))}</b> '
        f'<span style="opacity:.68">{escape(" · ".join([view["money"], view["campaign"], view["rows"]]))}</span></div>'
    )
    parts = [heading, f'<div style="{_TEXT};margin:6px 0">{escape(template)}</div>' if template else ""]
    parts += [_said(words) for words in (view["error"], view["lacking"], view["estimate"]) if words]
    parts += [_row(row) for row in view["preview"]]
    parts.append(_figures(view))
    parts += [_said(f"{name}: {number} – {hint}") for name, number, hint in view["problems"]]
    parts += [_said(line) for line in (*view["costly"]["lines"], view["costly"]["offer"], *view["notes"]) if line]
    parts.append(f'<pre style="{_CODE}">{escape(view["code"])}</pre>' if view["code"] else "")
    return f'<div data-nxsms="compose-static" style="{_BOX}">{"".join(parts)}</div>'


def _said(words: str) -> str:
    return f'<div style="margin-top:4px">{escape(words)}</div>'


def _row(row: Mapping[str, Any]) -> str:
    why = " · ".join([*row["why"], row["to"]])
    text = "" if row["text"] is None else escape(row["text"])
    return (
        f'<div style="border-left:3px solid {_LINE};padding-left:8px;margin-top:8px"><div style="{_FAINT}">{escape(why)}</div> '
        f'<div style="{_TEXT}">{text}</div> <div style="{_FAINT}">{escape(row["size"])}</div></div>'
    )


def _figures(view: Mapping[str, Any]) -> str:
    cells = "".join(
        f'<div><div style="font-size:17px;line-height:22px">{escape(number)}</div> '
        f'<div style="{_FAINT}">{escape(name)}</div> </div>'
        for name, number in (*view["totals"], *view["fates"])
    )
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(104px,1fr));gap:6px 12px"
    return f'<div style="{grid};margin-top:10px;padding-top:8px;border-top:1px solid {_LINE}">{cells}</div>'
