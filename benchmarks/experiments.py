"""``python -m benchmarks.experiments [--runs N]``: find out whether comparisons of experiments keep what they say.

Data are made of which the truth is known, thousands of times, and compared by the package's own code: how often do
intervals hold the truth, how often does a test call chance a difference, how often does it find one. Written to
``benchmarks/EXPERIMENTS.md``. It takes some minutes of one core.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy
from scipy import stats

import nxsms_nb as nx
from tests.support.experiments import (
    LEVEL,
    LOOKS,
    SHAPES,
    aa,
    holds,
    looks_at_numbers,
    looks_at_people,
    looks_at_rates,
    numbers,
    people,
    rates,
    several,
    watched,
)

HERE: Final = Path(__file__).parent


def share(hits: Any) -> str:
    """A share in percent with its standard error."""
    hits = np.asarray(hits, float)
    rate = hits.mean()
    return f"{100 * rate:.2f} ± {100 * np.sqrt(rate * (1 - rate) / hits.size):.2f}"


def rate_tables(runs: int) -> Iterator[str]:
    yield "## Rates, one look"
    yield ""
    yield "How often 95% intervals hold the true rate of an arm (Wilson), the difference (Newcombe) and the lift (MOVER-R), and"
    yield "how often the test (pooled z, Fisher where fewer than 5 are expected) has p < 0.05, in percent. Where both rates are"
    yield "the same that is its error, to be about 5 at most; else its power. Lifts are only counted where the control has hits."
    yield ""
    yield "| rows (control, arm) | rates | rate | difference | lift | p < 0.05 |"
    yield "|---|---|---:|---:|---:|---:|"
    for n in [(50, 50), (200, 200), (1000, 1000), (9000, 1000), (10_000, 10_000)]:
        for p in [(0.02, 0.02), (0.1, 0.1), (0.5, 0.5), (0.95, 0.95), (0.1, 0.13), (0.95, 0.97)]:
            found = rates(runs, n, p)
            lifted = ~np.isnan(found["lift"][1])
            yield (
                f"| {n[0]:,}, {n[1]:,} | {p[0]:.0%}, {p[1]:.0%} | {share(holds(found, 'rate', p[1]))} "
                f"| {share(holds(found, 'diff', p[1] - p[0]))} | {share(holds(found, 'lift', p[1] / p[0] - 1)[lifted])} "
                f"| {share(found['p'][1] < LEVEL)} |"
            )
    yield ""


def number_tables(runs: int) -> Iterator[str]:
    yield "## Numbers, one look"
    yield ""
    yield "The same of means: Student's interval, Welch's for the difference, Fieller's for the lift, Welch's test."
    yield ""
    yield "| values | rows (control, arm) | lift | mean | difference | lift | p < 0.05 |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for shape, (_, mean) in SHAPES.items():
        for n in [(50, 50), (300, 300), (1800, 200), (3000, 3000)]:
            for lift in (0.0, 0.1):
                found = numbers(runs, shape, n, lift)
                there = ~np.isnan(found["lift"][1])
                yield (
                    f"| {shape} | {n[0]:,}, {n[1]:,} | {lift:.0%} | {share(holds(found, 'rate', mean * (1 + lift)))} "
                    f"| {share(holds(found, 'diff', mean * lift))} | {share(holds(found, 'lift', lift)[there])} "
                    f"| {share(found['p'][1] < LEVEL)} |"
                )
    yield ""


def people_table(runs: int) -> Iterator[str]:
    yield "## People with several rows"
    yield ""
    yield "One to a dozen rows a person, four on average, alike within a person; no difference between the arms. `unit=` (delta"
    yield "method) beside what comes out where rows are taken as independent, which is what the warning is about."
    yield ""
    yield "| outcome | people an arm | rate or mean | difference | lift | p < 0.05 | p < 0.05 as if rows were independent |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for kind in ("rate", "number"):
        for units in (30, 100, 500):
            found, naive, truth = people(runs, units, kind)
            there = ~np.isnan(found["lift"][1])
            yield (
                f"| {kind} | {units} | {share(holds(found, 'rate', truth))} | {share(holds(found, 'diff', 0))} "
                f"| {share(holds(found, 'lift', 0)[there])} | {share(found['p'][1] < LEVEL)} | {share(naive['p'][1] < LEVEL)} |"
            )
    yield ""


def several_table(runs: int) -> Iterator[str]:
    yield "## Several arms"
    yield ""
    yield "1,000 rows an arm, 10% in each: how often any arm is called different from the control, in percent."
    yield ""
    yield "| arms | by p | by p_adjusted |"
    yield "|---:|---:|---:|"
    for arms in (2, 3, 5, 10):
        by_p, by_adjusted = several(runs, arms)
        yield f"| {arms} | {share(by_p)} | {share(by_adjusted)} |"
    yield ""


def looks_table(runs: int) -> Iterator[str]:
    yield f"## {LOOKS} looks while results come in"
    yield ""
    yield f"How often any of {LOOKS} looks, spread evenly, calls a difference, in percent: with `sequential=True`, and with ordinary"
    yield "p-values, which is peeking. Where there is no difference, that is the error, to be at most 5. Beside: how often the"
    yield "intervals of the difference hold the truth at all looks together, to be at least 95; the power of one ordinary look at"
    yield "the end; and after what part of the rows the first call came, on average, all of them where none came. *rows*: rows are"
    yield "added from look to look; *outcomes*: all rows are there, and what people do comes in. Of people with several rows a fifth as"
    yield "many experiments are simulated."
    yield ""
    yield "| outcome | coming in | rows an arm | control, arm | `sequential=True` | intervals hold | peeking | one look at the end | rows used |"
    yield "|---|---|---:|---|---:|---:|---:|---:|---:|"
    for arriving, total, p in [
        ("rows", 1000, (0.05, 0.05)), ("rows", 1000, (0.5, 0.5)), ("rows", 10_000, (0.005, 0.005)), ("rows", 10_000, (0.05, 0.05)),
        ("rows", 10_000, (0.97, 0.97)), ("rows", 100_000, (0.05, 0.05)), ("outcomes", 1000, (0.1, 0.1)),
        ("outcomes", 10_000, (0.05, 0.05)), ("outcomes", 100_000, (0.1, 0.1)), ("rows", 10_000, (0.05, 0.06)),
        ("rows", 10_000, (0.05, 0.065)), ("rows", 10_000, (0.97, 0.98)), ("outcomes", 10_000, (0.05, 0.065)),
    ]:  # fmt: skip
        found = watched(looks_at_rates(runs, p, total=total, arriving=arriving))
        yield _looks_line("rate", arriving, total, f"{p[0]:.1%}, {p[1]:.1%}", found)
    for total, lift in [(2000, 0.0), (10_000, 0.0), (10_000, 0.15)]:
        found = watched(looks_at_numbers(runs, lift, total=total))
        yield _looks_line("spending, 10% buy", "rows", total, f"{lift:+.0%}", found)
    found = watched(looks_at_people(runs // 5, people=1000), units=True)
    yield _looks_line("rate of people with several rows, `unit=`", "people", 1000, "10%, 10%", found)
    yield ""


def _looks_line(outcome: str, arriving: str, total: int, arms: str, found: dict[str, Any]) -> str:
    return (
        f"| {outcome} | {arriving} | {total:,} | {arms} | {share(found['always'])} | {share(found['inside'])} | {share(found['naive'])} "
        f"| {share(found['last'])} | {found['stopped'].mean() / LOOKS:.0%} |"
    )


def sizes_table(runs: int) -> Iterator[str]:
    yield "## `nx.sample_size`"
    yield ""
    yield "With as many rows as it says for a power of 80%, how often the difference is found, in percent: by one look at the end,"
    yield f"and by {LOOKS} looks with `sequential=True` and as many rows, or more."
    yield ""
    yield "| base, lift | rows an arm | one look | sequential | 1.5 times the rows | 1.75 times | 2 times | rows used of 2 times |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for base, lift in [(0.04, 0.02), (0.1, 0.03), (0.5, 0.05), (0.95, 0.02), (0.1, -0.03)]:
        n, p = nx.sample_size(base, lift), (base, base + lift)
        line = [share(rates(runs, (n, n), p)["p"][1] < LEVEL)]
        for times in (1, 1.5, 1.75, 2):
            found = watched(looks_at_rates(runs, p, total=int(np.ceil(n * times / LOOKS)) * LOOKS, arriving="rows"))
            line.append(share(found["always"]))
        yield f"| {base:.0%}, {100 * lift:+.0f} points | {n:,} | {' | '.join(line)} | {found['stopped'].mean() / LOOKS:.0%} |"
    yield ""


def aa_table(campaigns: int) -> Iterator[str]:
    found = aa(campaigns)
    yield "## A/A"
    yield ""
    yield f"The same 1,000 people assigned to A, B and a hold-out of 10% in {campaigns:,} campaigns by `assign_variants`, nobody"
    yield "treated, and compared by `compare`. In percent; p-values should be even (Kolmogorov-Smirnov against that)."
    yield ""
    yield "| what | found | to be |"
    yield "|---|---:|---:|"
    yield f"| B against A, bought: p < 0.05 | {share(found['rate'] < LEVEL)} | 5 |"
    yield f"| B against A, amount: p < 0.05 | {share(found['mean'] < LEVEL)} | 5 |"
    yield f"| B or hold-out against A, bought: p_adjusted < 0.05 | {share(found['any'])} | at most 5 |"
    yield f"| amount: p-values even, p of the test | {stats.kstest(found['mean'], 'uniform').pvalue:.2f} | |"
    yield f"| sample ratio mismatch warned | {share(found['mismatch'])} | 0.1 |"
    yield f"| people in A, of A and B | {100 * found['share'].mean():.2f} | 50 |"
    yield f"| spread of that between campaigns | {100 * found['share'].std():.2f} | {100 * 0.5 / np.sqrt(900):.2f} |"
    yield f"| people held out | {100 * found['holdout'].mean():.2f} | 10 |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=10_000, help="simulated experiments of each cell")
    parser.add_argument("--out", type=Path, default=HERE / "EXPERIMENTS.md")
    given = parser.parse_args()
    began = time.process_time()
    tables = [
        rate_tables(given.runs), number_tables(given.runs), people_table(given.runs), several_table(given.runs),
        looks_table(given.runs), sizes_table(given.runs), aa_table(given.runs // 5),
    ]  # fmt: skip
    body = []
    for table in tables:
        for line in table:
            print(line, flush=True)
            body.append(line)
    head = [
        "# Do the comparisons of experiments keep what they say?",
        "",
        f"By `python -m benchmarks.experiments` on {datetime.now(UTC):%d %B %Y}: {given.runs:,} simulated experiments a cell, ± a",
        f"standard error. Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, pandas {pd.__version__};",
        f"{time.process_time() - began:.0f} s of CPU. Seeds are fixed. All of it runs through the code behind `df.nxsms.compare`.",
        "",
    ]
    given.out.write_text("\n".join([*head, *body]).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
