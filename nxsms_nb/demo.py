"""Send the shipped sample to a simulated gateway on this machine, from a CSV to figures."""

from __future__ import annotations

import shutil
import textwrap
import time
from pathlib import Path
from typing import Any, Final

import pandas as pd

import nxsms_nb as nx
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import count
from nxsms_nb.screen import say

SAMPLE: Final = Path(__file__).parent / "data" / "sample.csv"
"""Real messages to example numbers, a few dozen of them broken the way exports break them; see ``data/README.md``."""

LATENCY: Final = (0.15, 0.45)
MESSAGES_A_SECOND: Final = 400


def demo(folder: Path) -> None:
    """Validate and send the sample, print the results, and write two figures and the frame to a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be created ({error.strerror}). Choose another folder: --out FOLDER"
        ) from error
    people: Any = pd.read_csv(SAMPLE, dtype={"phone": str})
    say(f"{count(len(people), 'row')} of the shipped sample, to a simulated gateway on this machine.")
    say("Real messages (SMS Spam Collection, CC BY 4.0) to the example numbers of many countries.")

    _heading("What validation found")
    report = people.nxsms.validate()
    say(f"{count(len(report.valid), 'row')} can be sent, {len(report.invalid):,} cannot:")
    _table(_by_rule(report.problems))

    _heading("Sending")
    with nx.Sandbox(seed=7, latency=LATENCY, tps=MESSAGES_A_SECOND, failures="realistic") as sandbox:
        began = time.perf_counter()
        sent = people.nxsms.send(sandbox.client, batch_size=50)
        took = time.perf_counter() - began
    left = int((sent["attempts"] > 0).sum())
    say(f"{count(left, 'message')} in {took:.1f} s, to a gateway that accepts {MESSAGES_A_SECOND} a second.")

    _heading("Results")
    _table(_readable(sent.nxsms.summary())[["status", "count", "share", "label"]])
    say("Shares are of what the gateway answered.")

    _heading("Why the gateway refused messages")
    failures = sent.nxsms.failures()
    _table(_readable(failures[failures["count"] > 0])[["code", "count", "share", "meaning", "advice"]])

    _heading(f"Written to {folder}")
    sent.nxsms.plot.failures().figure.savefig(folder / "failures.png", dpi=120)
    sent.nxsms.plot.throughput().figure.savefig(folder / "throughput.png", dpi=120)
    sent.to_parquet(folder / "sent.parquet")
    say("failures.png    why messages were refused")
    say("throughput.png  messages a second")
    say("sent.parquet    the frame: every row and its result")

    _heading("Next")
    say("python -m nxsms_nb lab    the same in a notebook, step by step")


def _by_rule(problems: pd.DataFrame) -> pd.DataFrame:
    table = problems.groupby("rule", sort=False).agg(rows=("position", "size"), hint=("hint", "first"))
    return table.sort_values("rows", ascending=False, kind="stable").reset_index()[["rows", "rule", "hint"]]


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        count=[f"{rows:,}" for rows in table["count"]],
        share=["" if pd.isna(share) else f"{share:.1%}" for share in table["share"]],
    )


def _heading(text: str) -> None:
    say(f"\n{text}\n{'-' * len(text)}")


def _table(frame: pd.DataFrame) -> None:
    """Print an aligned frame; its last column, with sentences, is wrapped."""
    cells = [list(frame.columns), *([str(value) for value in row] for row in frame.itertuples(index=False))]
    width = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [column in ("rows", "count", "share") for column in frame.columns]
    indent = sum(width[:-1]) + 2 * len(width[:-1])
    room = max(shutil.get_terminal_size((100, 24)).columns - indent, 30)
    for *row, last in cells:
        start = "".join(
            f"{text:>{size}}  " if to_the_right else f"{text:<{size}}  "
            for text, size, to_the_right in zip(row, width, right, strict=False)
        )
        say(textwrap.fill(last, room + indent, initial_indent=start, subsequent_indent=" " * indent))
