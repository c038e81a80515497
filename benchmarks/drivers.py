"""``python -m benchmarks.drivers [--quick]``: what `drivers` finds in simulated campaigns, written to ``benchmarks/DRIVERS.md``.

Each campaign has eight columns, and failures drawn at one rate everywhere but in what is planted. Beside `drivers` stand
what an analyst would otherwise use: a tree of depth 2 with cost-complexity pruning, and all values (or pairs of values) tested
with Benjamini and Hochberg's correction and sorted by rate. What each of them names is compared as rows with what was planted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
import sklearn
from scipy.stats import false_discovery_control, hypergeom
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from nxsms_nb.analysis import features
from nxsms_nb.analysis.derived import Asked
from nxsms_nb.analysis.search import search

HERE: Final = Path(__file__).parent
LEVEL: Final = 0.05
MIN_ROWS: Final = 20
CLOSE: Final = 0.8
"""From which overlap of rows (intersection over union) on a range of a number counts as the planted one; values are exact."""

COUNTRIES: Final = {"CN": 0.30, "IN": 0.25, "ID": 0.20, "MY": 0.10, "DE": 0.08, "BR": 0.04, "FR": 0.03}
SENDERS: Final = {"ACME": 0.5, "Shop24": 0.3, "INFO": 0.2}
CITIES: Final = {"Rome": 0.4, "Oslo": 0.3, "Bonn": 0.2, None: 0.1}

Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator


class Campaign(NamedTuple):
    """A campaign: its columns, which rows failed, and the rows of each cause."""

    frame: pd.DataFrame
    failed: Mask
    causes: list[Mask]


class Cell(NamedTuple):
    """One line of the table."""

    name: str
    rows: int
    rest: float
    rate: float


def columns_of(rng: Rng, n: int) -> pd.DataFrame:
    """Eight columns that know nothing of each other."""

    def drawn(shares: dict[Any, float]) -> pd.Categorical[Any]:
        names = [name for name in shares if name is not None]
        codes = rng.choice(len(shares), n, p=list(shares.values()))
        return pd.Categorical.from_codes(np.where(codes < len(names), codes, -1), names)

    return pd.DataFrame(
        {
            "country": drawn(COUNTRIES),
            "sender": drawn(SENDERS),
            "vip": rng.random(n) < 0.1,
            "segment": drawn({f"segment {i}": 1 / 12 for i in range(12)}),
            "shop": drawn({f"shop {i}": 1 / 40 for i in range(40)}),
            "city": drawn(CITIES),
            "amount": rng.gamma(2, 50, n),
            "clock": rng.integers(8, 20, n),
        }
    )


def _shadow(frame: pd.DataFrame, rng: Rng) -> list[Mask]:
    """A cause, and a column that goes with it: nine tenths of either are rows of the other."""
    cause = _is(frame, "country", "MY")
    share = cause.mean()
    frame["partner"] = np.where(cause, rng.random(len(frame)) < 0.9, rng.random(len(frame)) < 0.1 * share / (1 - share))
    return [cause]


def _is(frame: pd.DataFrame, column: str, value: Any) -> Mask:
    found: Mask = (frame[column] == value).to_numpy(np.bool_)
    return found


PLANTED: Final[dict[str, Callable[[pd.DataFrame, Rng], list[Mask]]]] = {
    "noise": lambda _, __: [],
    "one cause": lambda frame, _: [_is(frame, "country", "MY")],
    "a pair": lambda frame, _: [_is(frame, "country", "IN") & _is(frame, "sender", "Shop24")],
    "two causes": lambda frame, _: [_is(frame, "country", "MY"), _is(frame, "segment", "segment 3")],
    "a cause with a 90% shadow": _shadow,
    "a range of a number": lambda frame, _: [frame["amount"].between(60, 90).to_numpy()],
    "an hour of the day": lambda frame, _: [_is(frame, "clock", 14)],
    "missing values": lambda frame, _: [frame["city"].isna().to_numpy()],
}


def campaign(cell: Cell, number: int) -> Campaign:
    """One campaign of a cell, the same for the same number."""
    rng = np.random.default_rng([number, cell.rows, round(1000 * cell.rate), list(PLANTED).index(cell.name)])
    frame = columns_of(rng, cell.rows)
    causes = PLANTED[cell.name](frame, rng)
    rate = np.where(np.logical_or.reduce(causes), cell.rate, cell.rest) if causes else np.full(cell.rows, cell.rest)
    return Campaign(frame, rng.random(cell.rows) < rate, causes)


def by_drivers(made: Campaign) -> list[Mask]:
    """The rows of each slice that `drivers` names: its reading of the columns and its search, without the table."""
    frame = made.frame
    known = np.ones(len(frame), np.bool_)
    read, _ = features.read_columns(frame, list(frame.columns), Asked(), known, min_rows=MIN_ROWS)
    findings, _ = search([column.feature for column in read], made.failed, level=LEVEL, min_rows=MIN_ROWS)
    return [finding.inside for finding in findings]


def by_rate(made: Campaign, depth: int) -> list[Mask]:
    """All values, or all pairs of them, that fail more often by a test corrected with BH, the highest rate first.

    Numbers are taken in tenths; tenths beyond chance that touch are one range.
    """
    frame, failed = made.frame, made.failed
    tenths = np.unique(np.quantile(frame["amount"], np.arange(1, 10) / 10))
    coded = {}
    for name, values in frame.items():
        if name == "amount":
            coded[name] = np.searchsorted(tenths, values)
        else:
            found = pd.factorize(values)[0]
            coded[name] = np.where(found < 0, found.max() + 1, found)
    slices: list[tuple[tuple[Any, int], ...]] = []
    rows, bad = [], []
    for names in [(name,) for name in coded] + (list(combinations(coded, 2)) if depth == 2 else []):
        sizes = [int(coded[name].max()) + 1 for name in names]
        flat = coded[names[0]] if len(names) == 1 else coded[names[0]] * sizes[1] + coded[names[1]]
        total, failures = (np.bincount(some, minlength=int(np.prod(sizes))) for some in (flat, flat[failed]))
        large = np.flatnonzero(total >= MIN_ROWS)
        places = np.column_stack(np.unravel_index(large, sizes))
        slices += [tuple(zip(names, map(int, place), strict=True)) for place in places]
        rows.append(total[large])
        bad.append(failures[large])
    n, k = np.concatenate(rows), np.concatenate(bad)
    p = false_discovery_control(hypergeom.sf(k - 1, len(failed), failed.sum(), n))
    chosen = sorted(np.flatnonzero(p <= LEVEL), key=lambda i: -k[i] / n[i])
    ranges = _touching([slices[i][0][1] for i in chosen if slices[i][0][0] == "amount" and len(slices[i]) == 1])
    masks = []
    for i in chosen:
        held = np.logical_and.reduce([coded[name] == level for name, level in slices[i]])
        if len(slices[i]) == 1 and slices[i][0][0] == "amount":
            tenth = slices[i][0][1]
            together = next((some for some in ranges if tenth in some), None)
            if together is None:
                continue
            ranges.remove(together)
            held = np.isin(coded["amount"], together)
        masks.append(held)
    return masks


def _touching(tenths: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for tenth in sorted(tenths):
        if runs and tenth == runs[-1][-1] + 1:
            runs[-1].append(tenth)
        else:
            runs.append([tenth])
    return runs


def by_trees(made: Campaign) -> list[list[Mask]]:
    """The leaves of trees of depth 2 in which more fail than overall, those with the most excess first.

    Their pruning is chosen by five-fold cross-validation of the log-likelihood: the best of the first tree, the simplest within
    one standard error of the best of the second.
    """
    frame, failed = made.frame, made.failed
    wide = pd.concat(
        [
            pd.get_dummies(
                frame[[name for name in frame if name not in ("amount", "clock")]].astype(object), dummy_na=True
            ),
            pd.get_dummies(frame["clock"], prefix="clock"),
            frame[["amount", "clock"]],
        ],
        axis=1,
    ).to_numpy(np.float32)
    usual = {"max_depth": 2, "min_samples_leaf": MIN_ROWS, "random_state": 0}
    whole = DecisionTreeClassifier(**usual)
    alphas = whole.cost_complexity_pruning_path(wide, failed).ccp_alphas
    middles = np.append(np.sqrt(alphas[:-1] * alphas[1:]), alphas[-1] * 1.01)
    losses = np.zeros((5, len(middles)))
    for fold, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(wide, failed)):
        for i, alpha in enumerate(middles):
            fitted = DecisionTreeClassifier(ccp_alpha=alpha, **usual).fit(wide[train], failed[train])
            rate = np.clip(fitted.predict_proba(wide[test])[:, 1], 1e-4, 1 - 1e-4)
            losses[fold, i] = -np.mean(np.where(failed[test], np.log(rate), np.log(1 - rate)))
    mean = losses.mean(axis=0)
    best = int(np.argmin(mean))
    error = losses[:, best].std(ddof=1) / np.sqrt(5)
    careful = int(np.flatnonzero(mean <= mean[best] + error).max())
    base = failed.mean()
    named = []
    for chosen in (best, careful):
        leaves = DecisionTreeClassifier(ccp_alpha=middles[chosen], **usual).fit(wide, failed).apply(wide)
        excess = {leaf: (failed[leaves == leaf] - base).sum() for leaf in np.unique(leaves)}
        ranked = sorted(excess, key=lambda leaf: -excess[leaf])
        named.append([leaves == leaf for leaf in ranked if excess[leaf] > 1e-9])
    return named


class Score(NamedTuple):
    """What a method made of a campaign: whether it named anything, its first cause rightly, and all and nothing else."""

    claimed: bool
    first: bool
    exact: bool


def score(made: Campaign, named: list[Mask], *, close: float) -> Score:
    """Compare what is named with what was planted; of two causes each may be without the rows of the other."""
    matches = [_match(mask, made.causes, close) for mask in named]
    exact = len(named) == len(made.causes) and sorted(matches) == list(range(len(made.causes)))
    return Score(bool(named), bool(matches and matches[0] >= 0), exact)


def _match(mask: Mask, causes: list[Mask], close: float) -> int:
    for place, cause in enumerate(causes):
        others = np.logical_or.reduce([other for i, other in enumerate(causes) if i != place] or [np.zeros_like(cause)])
        for truth in (cause, cause & ~others):
            if (mask & truth).sum() >= close * (mask | truth).sum():
                return place
    return -1


METHODS: Final[dict[tuple[str, ...], Callable[[Campaign], list[list[Mask]]]]] = {
    ("drivers",): lambda made: [by_drivers(made)],
    ("values by rate, BH",): lambda made: [by_rate(made, 1)],
    ("values and pairs by rate, BH",): lambda made: [by_rate(made, 2)],
    ("tree, best by CV", "tree, one standard error"): by_trees,
}
CAMPAIGNS: Final = (1_000, 1_000, 100, 200)
PART: Final = 50
"""How many campaigns of a cell are done at a time."""

SIZES: Final = ((1_000, 0.05, 0.4), (4_000, 0.02, 0.12), (4_000, 0.02, 0.25))
"""Rows, the rate of failure, and the rate in what is planted."""
NOISE: Final = ((1_000, 0.05, 0.0), (1_000, 0.3, 0.0), (4_000, 0.02, 0.0))
CELLS: Final = [
    *(Cell("noise", *size) for size in NOISE),
    *(Cell(name, *size) for size in SIZES for name in list(PLANTED)[1:]),
]


def share(hits: list[bool]) -> str:
    """A share in per cent with its standard error."""
    if not hits:
        return "–"
    p, n = float(np.mean(hits)), len(hits)
    return f"{p:.1%} ± {np.sqrt(p * (1 - p) / n):.1%}"


Scores = dict[str, list[Score]]


def scored(cell: Cell, first: int, campaigns: tuple[int, ...]) -> tuple[Scores, dict[str, float]]:
    """What each method makes of the campaigns of a part of a cell, and the CPU spent in it."""
    close = CLOSE if cell.name == "a range of a number" else 1.0
    spent = dict.fromkeys((names[0] for names in METHODS), 0.0)
    scores: Scores = {name: [] for names in METHODS for name in names}
    for number in range(first, min(first + PART, max(campaigns))):
        made = campaign(cell, number)
        for (names, find), most in zip(METHODS.items(), campaigns, strict=True):
            if number < most:
                begun = time.process_time()
                found = find(made)
                spent[names[0]] += time.process_time() - begun
                for name, named in zip(names, found, strict=True):
                    scores[name].append(score(made, named, close=close))
    return scores, spent


def table(cell: Cell, scores: Scores) -> list[str]:
    """The lines of a cell, one a method."""
    rate = f"{cell.rest:.0%}" if cell.name == "noise" else f"{cell.rate:.0%}, else {cell.rest:.0%}"
    lines = []
    for name, of in scores.items():
        shown = [share([one.claimed for one in of])]
        if cell.name != "noise":
            shown += [share([one.first for one in of]), share([one.exact for one in of])]
        lines.append(f"| {' | '.join([f'{cell.rows:,}', rate, name, f'{len(of):,}', *shown])} |")
    return lines


def text(made: dict[Cell, Scores], each: dict[str, float]) -> str:
    """The page: what was done, and a table for each thing planted."""
    lines = [
        "# What `drivers` finds",
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, `python -m benchmarks.drivers`: pandas {pd.__version__}, scipy {scipy.__version__}, "
            f"scikit-learn {sklearn.__version__}."
        ),
        "",
        "Eight columns a campaign: countries, senders, segments, shops, cities (a tenth of them missing), a flag, an amount and",
        "an hour, none of which knows of the others. Failures are drawn at one rate everywhere but in what is planted. Methods with",
        "a level have 5%, and all look at slices of 20 rows or more. *Claims* is how often anything is named; *first* how often",
        "what is named first is a planted cause; *exact* how often all that was planted is named and nothing else. What is named",
        f"is compared as rows: values have to be the planted ones, ranges to overlap by {CLOSE:.0%}. Beside each share stands its",
        "standard error. Pairs by rate and the trees, of which each is fitted some twenty times, get fewer campaigns: the first",
        "ones of the same.",
        "",
        "The trees have a depth of 2, leaves of 20 rows or more, and cost-complexity pruning chosen by five-fold cross-validation",
        "of the log-likelihood: the best, or the simplest within one standard error of it. What they name is their leaves in which",
        "more fail than overall, the one with most excess first. BH is Benjamini and Hochberg's correction of one-sided exact tests",
        "of all values, or all values and pairs, of which those beyond chance are sorted by rate; of numbers, tenths that touch are",
        "one range.",
    ]
    for planted in PLANTED:
        heads = ["rows", "rate", "method", "campaigns", "claims"] + ([] if planted == "noise" else ["first", "exact"])
        lines += ["", f"## {planted[0].upper()}{planted[1:]}", "", f"| {' | '.join(heads)} |"]
        lines.append(f"|{'|'.join('---' if head == 'method' else '---:' for head in heads)}|")
        lines += [line for cell in CELLS if cell.name == planted and cell in made for line in table(cell, made[cell])]
    lines += ["", "## On average over everything that was planted", "", "| method | first | exact |", "|---|---:|---:|"]
    for name in [name for names in METHODS for name in names]:
        cells = [scores[name] for cell, scores in made.items() if cell.name != "noise" and scores[name]]
        if cells:
            first, exact = (
                np.mean([np.mean([getattr(one, what) for one in some]) for some in cells]) for what in Score._fields[1:]
            )
            lines.append(f"| {name} | {first:.1%} | {exact:.1%} |")
    planned, finished = max(CAMPAIGNS) * len(CELLS), sum(len(scores["drivers"]) for scores in made.values())
    if finished < planned:
        lines += [
            "",
            f"The run was stopped early, after {finished:,} of {planned:,} campaigns: each line says of how many it is.",
        ]
    about = "CPU a campaign, on average: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in each.items()) + "."
    return "\n".join([*lines, "", about, ""])


def main() -> None:
    """Simulate and write; the page has what is done after each cell, since all of them take a while."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drivers")
    parser.add_argument("--quick", action="store_true", help="few campaigns, nothing written: to see that it works")
    parser.add_argument("--processes", type=int, default=1, help="how many work at a time")
    quick, processes = parser.parse_args().quick, parser.parse_args().processes
    campaigns = (10, 10, 5, 2) if quick else CAMPAIGNS
    done: dict[Cell, Scores] = {}
    spent: dict[str, list[float]] = {names[0]: [] for names in METHODS}
    with ProcessPoolExecutor(processes) as pool:
        parts = {
            pool.submit(scored, cell, first, campaigns): cell
            for cells in (CELLS[:10], CELLS[10:])
            for first in range(0, max(campaigns), PART)
            for cell in cells
        }
        for part in as_completed(parts):
            cell = parts[part]
            scores, seconds = part.result()
            for name, some in scores.items():
                done.setdefault(cell, {}).setdefault(name, []).extend(some)
            for name, one in seconds.items():
                spent[name].append(one)
            each = {
                name: 1000 * sum(of) / max(1, sum(len(some[name]) for some in done.values()))
                for name, of in spent.items()
            }
            page = text(done, each)
            if not quick:
                (HERE / "DRIVERS.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
