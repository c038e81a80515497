"""The main job on the shipped sample, from a CSV to figures, through a simulated gateway on this machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Final

import pandas as pd

import nxsms_nb as nx
from nxsms_nb.display import count, shorten
from nxsms_nb.errors import ConfigError

SAMPLE: Final = Path(__file__).parent / "data" / "sample.csv"
"""Real messages to example numbers, a few dozen rows broken as exports break them; ``data/README.md`` tells more."""

LATENCY: Final = (0.15, 0.45)
MESSAGES_A_SECOND: Final = 400


def demo(folder: Path) -> None:
    """Validate and send the sample, print what became of it, and write two figures and the frame.

    Parameters
    ----------
    folder : pathlib.Path
        Where ``failures.png``, ``throughput.png`` and ``sent.parquet`` go; made if missing, overwritten if there.

    Raises
    ------
    ConfigError
        The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made a folder ({error.strerror}). Name another: --out FOLDER") from error
    people: Any = pd.read_csv(SAMPLE, dtype={"phone": str})
    print(f"{count(len(people), 'row')} of the shipped sample, to a simulated gateway. Nothing leaves this machine.")
    print("Real messages (SMS Spam Collection, CC BY 4.0) to the example numbers of many countries.")

    _heading("What validation found")
    report = people.nxsms.validate()
    print(f"{count(len(report.valid), 'row')} can be sent, {len(report.invalid):,} cannot:")
    print(_table(_by_rule(report.problems)))

    _heading("Sending")
    with nx.Sandbox(seed=7, latency=LATENCY, tps=MESSAGES_A_SECOND, failures="realistic") as sandbox:
        sys.stdout.flush()
        began = time.perf_counter()
        sent = people.nxsms.send(sandbox.client, batch_size=50)
        took = time.perf_counter() - began
    print(
        f"{count(int(sent['batch'].notna().sum()), 'message')} in {took:.1f} s, {count(sent['batch'].nunique(), 'request')}"
    )

    _heading("What became of them")
    summary = sent.nxsms.summary()
    print(_table(summary.assign(share=summary["share"].map(_percent))[["status", "count", "share", "label"]]))
    print("Shares are of what the gateway answered.")

    _heading("Why the gateway refused messages")
    failures = sent.nxsms.failures()
    refused = failures[failures["count"] > 0]
    print(_table(refused.assign(share=refused["share"].map(_percent))[["code", "count", "share", "meaning", "advice"]]))

    _heading(f"Written to {folder}")
    for name, axes in (("failures.png", sent.nxsms.plot.failures()), ("throughput.png", sent.nxsms.plot.throughput())):
        axes.figure.savefig(folder / name, dpi=120)
    sent.to_parquet(folder / "sent.parquet")
    print("failures.png    why messages were refused")
    print("throughput.png  messages a second")
    print("sent.parquet    the frame: every row and what became of it")

    _heading("Next")
    print("python -m nxsms_nb lab      the same in a notebook")


def _by_rule(problems: pd.DataFrame) -> pd.DataFrame:
    told = problems.groupby("rule", sort=False).agg(rows=("position", "size"), hint=("hint", "first"))
    return told.sort_values("rows", ascending=False, kind="stable").reset_index()[["rows", "rule", "hint"]]


def _percent(share: float) -> str:
    return "" if pd.isna(share) else f"{share:.1%}"


def _heading(text: str) -> None:
    print(f"\n{text}")


def _table(frame: pd.DataFrame, most: int = 60) -> str:
    """Align columns: numbers to the right, words to the left, long ones cut."""
    cells = {
        name: [f"{value:,}" if isinstance(value, int) else shorten(value, most) for value in frame[name].tolist()]
        for name in frame.columns
    }
    right = {name for name in frame.columns if pd.api.types.is_integer_dtype(frame[name]) or name == "share"}
    width = {name: max(map(len, [name, *values])) for name, values in cells.items()}
    lines = [list(cells), *zip(*cells.values(), strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width[name]) if name in right else text.ljust(width[name])
            for name, text in zip(cells, line, strict=True)
        ).rstrip()
        for line in lines
    )
