"""A plan as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from nxsms_nb.engine.prices import money
from nxsms_nb.formatting import count, html_card, html_figures, html_line, html_table, mask_name, shorten, span
from nxsms_nb.words.language import tr, translated

if TYPE_CHECKING:
    from nxsms_nb.engine.plan import Plan

STOPPED: Final = "Nothing would be sent: rows say that they were sent as other messages, or suppressed. .frame has them and the reason."
_MOST: Final = 8
"""How many countries and characters are shown."""
_COLUMNS: Final = ("country", "rows", "recipients", "segments", "price", "cost")


def text(plan: Plan) -> str:
    """Return the lines that a plan shows in a terminal."""
    lines, priced = [_title(plan)], plan.cost is not None
    lines += [f"  {fate:<16}{n:>12,}" for fate, n in _fates(plan)]
    lines += [f"    {rule:<24}{n:>4,}" for rule, n in plan.problems.items()]
    if len(plan.countries):
        lines.append(
            f"  {'country':<10}{'rows':>10}{'recipients':>12}{'segments':>10}" + priced * f"{'price':>10}{'cost':>12}"
        )
    lines += [
        f"  {country:<10}{rows:>10}{recipients:>12}{segments:>10}" + priced * f"{price:>10}{cost:>12}"
        for country, rows, recipients, segments, price, cost in _countries(plan)
    ]
    lines += _sentences(plan)
    lines += [
        f"  {_label(label)}: {count(characters, 'character')}, {count(segments, 'segment')}, {encoding}: {shorten(content, 60)}"
        for label, characters, segments, encoding, content in plan.longest.itertuples(name=None)
    ]
    return "\n".join(lines)


def html(plan: Plan) -> str:
    """Return a plan as HTML for a notebook; texts from the frame are escaped."""
    figures = [(tr(fate), f"{n:,}") for fate, n in _fates(plan)]
    figures.append((tr("segments to pay"), f"{plan.segments:,}"))
    if plan.cost is not None:
        figures.append((tr("cost"), money(plan.cost)))
    parts = [html_figures(figures)]
    if len(plan.problems):
        rules = [(rule, f"{n:,}") for rule, n in plan.problems.items()]
        parts.append(html_table([(tr("rule"), False), (tr("rows"), True)], rules))
    if len(plan.countries):
        shown = len(_COLUMNS) if plan.cost is not None else _COLUMNS.index("price")
        heads = [(tr(name), name != "country") for name in _COLUMNS[:shown]]
        parts.append(html_table(heads, [(translated(row[0]), *row[1:shown]) for row in _countries(plan)]))
    parts += [html_line(translated(line)) for line in _sentences(plan)]
    if len(plan.longest):
        heads = [
            (tr("row"), False),
            (tr("characters"), True),
            (tr("segments"), True),
            (tr("encoding"), False),
            (tr("longest messages"), False),
        ]
        rows = [
            (_label(label), f"{characters:,}", f"{segments:,}", encoding, shorten(content, 80))
            for label, characters, segments, encoding, content in plan.longest.itertuples(name=None)
        ]
        parts.append(html_table(heads, rows))
    return html_card("plan", translated(_title(plan)), *parts)


def _title(plan: Plan) -> str:
    return f"Plan for {count(len(plan.frame), 'row')}: {count(plan.requests, 'request')} to make"


def _fates(plan: Plan) -> list[tuple[str, int]]:
    return [(str(fate), int(n)) for fate, n in plan.counts.items() if n or fate == "send"]


def _countries(plan: Plan) -> list[tuple[str, ...]]:
    shown: list[tuple[str, ...]] = [
        (
            "unknown" if pd.isna(country) else country,
            f"{rows:,}",
            f"{recipients:,}",
            f"{segments:,}",
            "" if price is None else money(price),
            "" if cost is None else money(cost),
        )
        for country, rows, recipients, segments, price, cost in plan.countries.head(_MOST).itertuples(index=False)
    ]
    rest = plan.countries.iloc[_MOST:]
    if len(rest):
        numbers = [f"{int(rest[name].sum()):,}" for name in ("rows", "recipients", "segments")]
        costs = [cost for cost in rest["cost"] if cost is not None]
        shown.append((f"{len(rest)} more", *numbers, "", money(sum(costs)) if costs else ""))
    return shown


def _sentences(plan: Plan) -> list[str]:
    """Return the plan's notes, one sentence a line."""
    lines = [STOPPED] if plan.counts["stops the call"] else []
    total = f"{count(plan.recipients, 'recipient')}, {count(plan.segments, 'segment')}"
    lines.append(total + (f", cost {money(plan.cost)}" if plan.cost is not None else ""))
    if plan.balance is not None:
        credit = f" and {money(plan.credit)} credit" if plan.credit else ""
        lines.append(f"Balance {money(plan.balance)}{credit}{_enough(plan)}")
    if plan.requests and plan.seconds is not None:
        lines.append(f"Expected time: {span(plan.seconds)}")
    elif plan.requests:
        lines.append("Expected time: unknown before a first run; give rate=, in messages per second")
    for characters, rows, needs, without, _ in plan.characters.head(_MOST).itertuples(index=False):
        several = len(characters.split(" ")) > 1
        need = "needs" if rows == 1 else "need"
        cause = "several characters" if several else "one character"
        lines.append(
            f"{count(rows, 'row')} {need} {count(needs, 'segment')} because of {cause}: {characters} ({without} without)"
        )
    if plan.plain_segments:
        saves = f" ({money(plan.plain_saves)})" if plan.plain_saves is not None else ""
        lines.append(
            f"nx.plain would save {count(plan.plain_segments, 'segment')}{saves} in {count(plan.plain_rows, 'row')}"
        )
    return lines + list(plan.notes)


def visible(character: str) -> str:
    """Write an invisible character, for example a control character or a space, by its code point.

    Examples
    --------
    >>> visible("’"), visible(chr(0x92)), visible(chr(0xA0))
    ('’', 'U+0092', 'U+00A0')
    """
    return character if character.isprintable() or len(character) > 1 else f"U+{ord(character):04X}"


def _label(label: object) -> str:
    """Format a row's label, masked since it may be a phone number."""
    return shorten(mask_name(str(label)), 20)


def _enough(plan: Plan) -> str:
    if plan.cost is None or plan.balance is None:
        return ""
    if plan.enough is False:
        return f": not enough, {money(plan.cost - plan.balance - (plan.credit or 0))} missing"
    if plan.enough is None:
        return ": enough for the countries with a price"
    return ": enough" if plan.cost <= plan.balance else ": enough with the credit"
