"""Format values for people: masked, escaped, counted."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, SupportsIndex
from urllib.parse import unquote

_LONG_DIGITS: Final = re.compile(r"\d(?:[\s\-.()/_]{0,3}\d){5,}")
_NUMBERS: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)(?!\d)"
    r"|[+(]?\d(?:[\s\-.()/_]{0,2}\d){8,}"
)
_SHORT_NUMBER: Final = re.compile(
    r"(?<![\d•])(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d))\d{7,8}(?!\d)"
)
"""Seven or eight digits, which may be a number unless they are a date like 20261127."""
_SPANS: Final = (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86400, 3600))


def mask_phone(value: object) -> str:
    """Mask a phone number except its first three and last two digits; text without a digit is not a number.

    Examples
    --------
    >>> mask_phone("8615088888888")
    '861••••••••88'
    >>> mask_phone("12345"), mask_phone("unknown")
    ('•••••', 'unknown')
    """
    text = str(value)
    if not any(map(str.isdecimal, text)):
        return text
    if len(text) < 7:
        return "•" * len(text)
    return text[:3] + "•" * (len(text) - 5) + text[-2:]


def mask_secret(value: str | None) -> str:
    """Mask a secret, showing only whether there is one.

    Examples
    --------
    >>> mask_secret("abciiiko2k3"), mask_secret(None)
    ('•••', 'None')
    """
    return "None" if value is None else "•••"


def mask_digits(text: str) -> str:
    """Mask every run of six or more digits in a text, since it may be somebody's number.

    Examples
    --------
    >>> mask_digits("number 8615088888888 refused (1000 characters)")
    'number 861••••••••88 refused (1000 characters)'
    """
    return _LONG_DIGITS.sub(lambda match: mask_phone(match.group()), text)


def mask_numbers(text: str) -> str:
    """Mask possible phone numbers in a text with other figures: nine or more digits, however spaced.

    Examples
    --------
    >>> mask_numbers("+86 150-8888-8888 at 2026-11-26 09:00:00, 1234 of 202611")
    '+86••••••••••••88 at 2026-11-26 09:00:00, 1234 of 202611'
    """
    return _NUMBERS.sub(lambda match: match.group() if match["date"] else mask_phone(match.group()), text)


class Secret(str):
    """A secret that shows itself neither in its own repr nor in that of anything that holds it.

    Tracebacks with the values of variables (``%xmode Verbose``, rich, ``pytest -l``) are saved in notebooks and logs.

    Examples
    --------
    >>> secret = Secret("abciiiko2k3")
    >>> secret, [secret[:5]], secret == "abciiiko2k3"
    (•••, [•••], True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return mask_secret(self)

    def __getitem__(self, place: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(place))


class SecretBytes(bytes):
    """Bytes that contain a secret, and do not show it either."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "•••"


def hidden(value: Any) -> Any:
    """Wrap a secret, as it was given, so that it is not shown."""
    if value is None:
        return None
    # Anything else, for example a list that holds the secret, is refused later, and must not be seen until then.
    return Secret(value) if isinstance(value, str) else SecretBytes(1)


def masks(text: str) -> bool:
    """Return whether a text that a person gave, for example a name, may contain somebody's number.

    Examples
    --------
    >>> masks("spring"), masks("15088888888"), masks("wave 20261127"), masks("1234567")
    (False, True, False, True)
    """
    return mask_name(text) != text


def mask_name(text: str) -> str:
    """Mask possible phone numbers in a name that a person gave: seven or more digits, except dates."""
    return _SHORT_NUMBER.sub(lambda match: mask_phone(match.group()), mask_numbers(text))


def named(value: object) -> str:
    """Format a name or value for a message: shortened, and masked if it may be a phone number.

    Examples
    --------
    >>> named("mobile"), named("8615088888888"), named(7)
    ("'mobile'", "'861••••••••88'", '7')
    """
    return shorten((mask_numbers if isinstance(value, (int, float)) else mask_name)(repr(value)), 80)


def listed(labels: Sequence[object], most: int = 12) -> str:
    """List a frame's columns for a message, the first few of many.

    Examples
    --------
    >>> listed(["phone", "content"])
    "'phone', 'content'"
    >>> listed(["8615088888888", "Hi"])
    "'861••••••••88', 'Hi' (a number as a name: where a file has no header row, read it with header=None)"
    """
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    headless = any(mask_numbers(str(label)) != str(label) for label in labels[:most])
    hint = " (a number as a name: where a file has no header row, read it with header=None)" if headless else ""
    return (", ".join(map(named, labels[:most])) or "none") + more + hint


def escape(value: object) -> str:
    """Escape a text for HTML.

    Examples
    --------
    >>> escape("<b>")
    '&lt;b&gt;'
    """
    return html.escape(str(value), quote=True)


def html_table(heads: Sequence[tuple[str, bool]], rows: Iterable[Sequence[object]]) -> str:
    """Make an HTML table, its cells escaped; `heads` are names, and whether their columns are numbers.

    Styles stand inline: a saved notebook loses its style sheets.
    """
    pad = "padding:3px 14px 3px 0;vertical-align:top;text-align:left;white-space:normal;border:none;max-width:none"
    right = "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
    lines = list(rows)
    long = [any(len(str(line[place])) > _LONG for line in lines) for place in range(len(heads))]
    styles = [
        f"{pad};{right if numeric else _ROOM if much else 'white-space:nowrap'}"
        for (_, numeric), much in zip(heads, long, strict=True)
    ]
    head = "".join(
        f'<th style="{style};font-weight:normal"><span style="opacity:.68">{escape(name)}</span></th>'
        for (name, _), style in zip(heads, styles, strict=True)
    )
    body = "".join(
        f'<tr style="background:none;border-top:1px solid {_LINE}">'
        + "".join(f'<td style="{style}">{escape(cell)}</td>' for cell, style in zip(row, styles, strict=True))
        + "</tr>"
        for row in lines
    )
    line = "border-collapse:collapse;border:none;font-size:13px;line-height:18px;margin:6px 0 8px;table-layout:auto"
    head = f'<tr style="background:none;border:none">{head}</tr>'
    return f'<table style="{line}"><thead style="border:none">{head}</thead><tbody>{body}</tbody></table>'


_LINE: Final = "rgba(128,128,128,.28)"
_LONG: Final = 24
_ROOM: Final = "min-width:150px;overflow-wrap:anywhere"
"""The least width of a column of sentences, which would otherwise shrink to the width of a word."""
_TINTS: Final = {True: "rgba(230,159,0,.3)", False: "rgba(86,180,233,.22)"}


def html_card(name: str, title: str, *parts: str, badge: str = "", real: bool = False) -> str:
    """Make the card that shows an object in a notebook: a title, a badge that says whether money is spent, HTML.

    Styles stand inline and mix with the page's own colours, so that it follows a light or dark theme and lasts in a saved
    notebook. `parts` are HTML already, `title` and `badge` are texts.
    """
    mark = f'<span style="background:{_TINTS[real]};border-radius:9px;padding:1px 8px;font-size:12px">{escape(badge)}</span>'
    head = f'<div style="display:flex;gap:10px;align-items:center;flex-wrap:wrap"><b>{escape(title)}</b>{mark if badge else ""}</div>'
    style = "font-size:13px;line-height:20px;font-variant-numeric:tabular-nums;margin:4px 0"
    if title:
        style += f";box-sizing:border-box;max-width:760px;padding:10px 14px;border:1px solid {_LINE};border-radius:6px;overflow-x:auto"
    return f'<div data-nxsms="{escape(name)}" style="{style}">{head if title else ""}{"".join(parts)}</div>'


def html_line(words: str, *, faint: bool = False) -> str:
    """Make a line of words in HTML."""
    return f'<div style="margin:3px 0{";opacity:.68" if faint else ""}">{escape(words)}</div>'


def html_facts(facts: Iterable[tuple[str, object]]) -> str:
    """Make a list of names and values in HTML, both escaped."""
    cells = "".join(
        f'<span style="opacity:.68">{escape(name)}</span> <span style="overflow-wrap:anywhere">{escape(value)}</span>'
        for name, value in facts
    )
    return f'<div style="display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin-top:6px">{cells}</div>'


def html_figures(figures: Iterable[tuple[str, str]]) -> str:
    """Make figures in HTML, each above its name."""
    cells = "".join(
        f'<div><div style="font-size:17px;line-height:22px;white-space:nowrap">{escape(number)}</div> '
        f'<div style="font-size:12px;line-height:16px;opacity:.68">{escape(name)}</div> </div>'
        for name, number in figures
    )
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(96px,1fr));gap:6px 12px;margin:8px 0"
    return f'<div style="{grid}">{cells}</div>'


def percent(share: float) -> str:
    """Format a share: never 0% for something or 100% for less than all.

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


def shorten(value: object, most: int = 40) -> str:
    """Shorten a text to `most` characters, on one line.

    Examples
    --------
    >>> shorten("one" + chr(10) + "two", 5)
    'one …'
    """
    text = " ".join(str(value).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def abridged(value: object, most: int = 40) -> str:
    """Shorten a name to `most` characters, on one line, by leaving out its middle: names differ at either end.

    Examples
    --------
    >>> abridged("Customers of the northern branch, wave 2", 20)
    'Customers of… wave 2'
    """
    text = " ".join(str(value).split())
    head = most * 3 // 5
    return text if len(text) <= most else f"{text[:head]}…{text[head + 1 - most :]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun, thousands separated.

    Examples
    --------
    >>> count(4812, "row"), count(1, "row")
    ('4,812 rows', '1 row')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def span(seconds: float) -> str:
    """Format a duration.

    Examples
    --------
    >>> span(0.05), span(2.04), span(90), span(7300), span(220_000)
    ('50 ms', '2.0 s', '1 min 30 s', '2 h 2 min', '2 d 13 h')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    large, small, size, part = next(unit for unit in _SPANS if seconds < unit[2] * 60 or unit is _SPANS[-1])
    whole, rest = divmod(round(seconds / part), size // part)
    return f"{whole} {large}" + (f" {rest} {small}" if rest else "")


_LOGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<login>[^@/?#]*@)?(?P<place>[^?]*)\??(?P<options>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MISSPELT: Final = re.compile(r"postgres(ql)?\s*:", re.IGNORECASE)
_SECRET_OPTION: Final = re.compile(r"pass|secret|_key|token", re.IGNORECASE)


def without_password(text: str) -> str:
    """Return the URL of a database without its password; any other text as it is.

    Examples
    --------
    >>> without_password("postgresql://ada:s3cret@db.example/sms?sslmode=require")
    'postgresql://ada@db.example/sms?sslmode=require'
    >>> without_password("postgresql://db.example/sms?user=ada&password=s3cret")
    'postgresql://db.example/sms?user=ada'
    >>> without_password("sent.sqlite3")
    'sent.sqlite3'
    """
    found = _LOGIN.fullmatch(text.strip())
    if found is None:
        misspelt = _MISSPELT.match(text.strip())
        return text if misspelt is None else f"{misspelt[0]}…"
    if re.search("[@#]", found["place"] + found["options"]):
        # A password with @ or / or ? or # in it that was not quoted: where it ends is not known.
        return f"{found['scheme']}…"
    # An option without a value is the rest of one with & in it that was not quoted.
    options = [one for one in found["options"].split("&") if "=" in one and not is_secret_option(one)]
    rest = "?".join(filter(None, (found["place"], "&".join(options))))
    user = (found["login"] or "").partition(":")[0].rstrip("@")
    return f"{found['scheme']}{user}{'@' if user else ''}{rest}"


def is_secret_option(option: str) -> bool:
    """Return whether an option of a URL, ``name=value``, has a secret for its value."""
    return _SECRET_OPTION.search(unquote(option.partition("=")[0])) is not None
