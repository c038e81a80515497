"""Experiments of which the truth is known, simulated and compared by the package's own code.

``python -m benchmarks.experiments`` makes tables of thousands of them; the tests look at some hundreds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

import nxsms_nb as nx
from nxsms_nb.analysis import contrasts, means
from nxsms_nb.analysis.means import Estimate

LEVEL: Final = 0.05
LOOKS: Final = 20
SEED: Final = 20261127


def generator(*words: object) -> np.random.Generator:
    """Random numbers of a cell of a table: the same whatever else is run."""
    return np.random.default_rng([SEED, *"|".join(map(str, words)).encode()])


def holds(columns: dict[str, Any], name: str, truth: float) -> Any:
    """Whether the second arm's interval has the truth; one without bounds has it."""
    low, high = (f"{name}_low", f"{name}_high") if name != "rate" else ("low", "high")
    return ~((columns[low][1] > truth) | (columns[high][1] < truth))


def rates(runs: int, n: tuple[int, int], p: tuple[float, float]) -> dict[str, Any]:
    """Compare two arms of rates that are known."""
    rng = generator("rates", n, p)
    hits = np.stack([rng.binomial(n[arm], p[arm], runs) for arm in (0, 1)])
    rows = np.stack([np.full(runs, n[arm]) for arm in (0, 1)])
    return contrasts.of_counts(hits, rows, 0, LEVEL, sequential=False)


SHAPES: Final = {
    "normal": (lambda rng, size: rng.normal(10, 3, size), 10.0),
    "exponential": (lambda rng, size: rng.exponential(10, size), 10.0),
    "spending, 10% buy": (
        lambda rng, size: (rng.uniform(size=size) < 0.1) * rng.lognormal(3, 0.8, size),
        0.1 * np.exp(3 + 0.8**2 / 2),
    ),
}


def numbers(runs: int, shape: str, n: tuple[int, int], lift: float) -> dict[str, Any]:
    """Compare the means of two arms, the second of which has `lift` more."""
    rng, (draw, _) = generator("numbers", shape, n, lift), SHAPES[shape]
    found = []
    for _ in range(max(runs // 500, 1)):
        arms = [means.of_rows(draw(rng, (min(runs, 500), rows))) for rows in n]
        arms[1] = Estimate(arms[1].mean * (1 + lift), arms[1].variance * (1 + lift) ** 2, arms[1].df, arms[1].rows)
        stacked = Estimate(
            *(
                np.stack(np.broadcast_arrays(getattr(arms[0], name), getattr(arms[1], name)))
                for name in ("mean", "variance")
            ),
            *(np.array([[getattr(arm, name)] for arm in arms]) for name in ("df", "rows")),
        )
        found.append(contrasts.of_means(stacked, 0, LEVEL, sequential=False))
    return {name: np.concatenate([each[name] for each in found], axis=1) for name in found[0]}


def people(runs: int, units: int, kind: str) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Two arms of people with several rows each, whose rows are alike; by person, and as if rows were independent."""
    rng = generator("people", units, kind)
    by_unit, by_row, counts = [], [], []
    for _ in range(runs):
        of_arm = []
        for _ in (0, 1):
            size = 1 + rng.poisson(3, units)
            unit = np.repeat(np.arange(units), size)
            if kind == "rate":
                own = rng.beta(1, 9, units)
                values = (rng.uniform(size=len(unit)) < own[unit]).astype(float)
            else:
                values = rng.normal(10, 3, units)[unit] + rng.normal(0, 3, len(unit))
            of_arm.append((means.of_units(values, unit), means.of_rows(values), units))
        by_unit.append([each[0] for each in of_arm])
        by_row.append([each[1] for each in of_arm])
        counts.append([each[2] for each in of_arm])

    def stacked(estimates: list[list[Estimate]]) -> Estimate:
        return Estimate(
            *(
                np.array([[getattr(arm, name) for arm in run] for run in estimates]).T
                for name in Estimate.__annotations__
            )
        )

    if kind == "rate":
        rows = stacked(by_row)
        clustered = contrasts.of_clustered_rates(stacked(by_unit), np.array(counts).T, 0, LEVEL, sequential=False)
        return (
            clustered,
            contrasts.of_counts(np.rint(rows.mean * rows.rows), rows.rows, 0, LEVEL, sequential=False),
            0.1,
        )
    clustered = contrasts.of_means(stacked(by_unit), 0, LEVEL, sequential=False)
    return clustered, contrasts.of_means(stacked(by_row), 0, LEVEL, sequential=False), 10.0


def several(runs: int, arms: int) -> Any:
    """Whether any of several arms that do not differ is called different, by p and by p_adjusted."""
    hits = generator("several", arms).binomial(1000, 0.1, (arms, runs))
    p = contrasts.of_counts(hits, np.full((arms, runs), 1000), 0, LEVEL, sequential=False)["p"][1:]
    adjusted = np.apply_along_axis(contrasts.holm, 0, p)
    return (p < LEVEL).any(axis=0), (adjusted < LEVEL).any(axis=0)


def looks_at_rates(runs: int, p: tuple[float, float], *, total: int, arriving: str) -> Iterator[tuple[Any, Any, float]]:
    """Hits and rows of two arms at each of the looks, and the true difference then."""
    rng = generator("looks", p, total, arriving)
    hits = np.zeros((2, runs), np.int64)
    for look in range(1, LOOKS + 1):
        if arriving == "rows":
            step = total // LOOKS
            hits = hits + np.stack([rng.binomial(step, each, runs) for each in p])
            yield hits, np.full((2, runs), step * look), p[1] - p[0]
        else:
            # Everybody is there from the beginning; what they do comes in, as much at each look.
            before, now = ((look - 1) / LOOKS, look / LOOKS)
            hits = hits + np.stack(
                [
                    rng.binomial(total - hits[arm], each * (now - before) / (1 - each * before))
                    for arm, each in enumerate(p)
                ]
            )
            yield hits, np.full((2, runs), total), (p[1] - p[0]) * now


def looks_at_numbers(runs: int, lift: float, *, total: int) -> Iterator[tuple[Estimate, Any, float]]:
    """Mean spending of two arms at each of the looks, the size of an event, and the true difference then."""
    rng, (draw, mean) = generator("spending", lift, total), SHAPES["spending, 10% buy"]
    sums = np.zeros((3, 2, runs))
    step = total // LOOKS
    for look in range(1, LOOKS + 1):
        for start in range(0, runs, 500):
            values = draw(rng, (2, min(500, runs - start), step)) * np.array([1, 1 + lift])[:, None, None]
            sums[:, :, start : start + 500] += np.stack([values.sum(-1), (values**2).sum(-1), (values > 0).sum(-1)])
        n = float(step * look)
        middle = sums[0] / n
        both = sums[0].sum(0) / (2 * n)
        size = (sums[1].sum(0) - 2 * both * sums[0].sum(0) + both**2 * sums[2].sum(0)) / np.maximum(sums[2].sum(0), 1)
        variance = (sums[1] / n - middle**2) / (n - 1)
        yield Estimate(middle, variance, np.float64(n - 1) * np.ones((2, 1)), n * np.ones((2, 1))), size, mean * lift


def looks_at_people(runs: int, *, people: int) -> Iterator[tuple[Estimate, Any, float]]:
    """Rates of two arms of people with several rows each, who come in from look to look; and how many there are then."""
    rng = generator("people coming in", people)
    arms = []
    for _ in range(2 * runs):
        unit = np.repeat(np.arange(people), 1 + rng.poisson(3, people))
        arms.append((unit, (rng.uniform(size=len(unit)) < rng.beta(1, 9, people)[unit]).astype(float)))
    for look in range(1, LOOKS + 1):
        so_far = people * look // LOOKS
        ends = [np.searchsorted(unit, so_far) for unit, _ in arms]
        found = [means.of_units(values[:end], unit[:end]) for (unit, values), end in zip(arms, ends, strict=True)]
        stacked = (
            np.array([getattr(each, name) for each in found]).reshape(2, runs) for name in Estimate.__annotations__
        )
        yield Estimate(*stacked), np.full((2, runs), so_far), 0.0


def watched(looks: Iterator[Any], *, units: bool = False) -> dict[str, Any]:
    """What became of each run: whether a look called it, by which method, and whether the intervals always held."""
    found: dict[str, Any] = {}
    for look, (first, second, truth) in enumerate(looks, 1):
        if units:
            always = contrasts.of_clustered_rates(first, second, 0, LEVEL, sequential=True)
            once = contrasts.of_clustered_rates(first, second, 0, LEVEL, sequential=False)
        elif isinstance(first, Estimate):
            always = contrasts.of_means(first, 0, LEVEL, sequential=True, size=second)
            once = contrasts.of_means(first, 0, LEVEL, sequential=False)
        else:
            always = contrasts.of_counts(first, second, 0, LEVEL, sequential=True)
            once = contrasts.of_counts(first, second, 0, LEVEL, sequential=False)
        called, naive = always["p"][1] < LEVEL, once["p"][1] < LEVEL
        inside = holds(always, "diff", truth)
        if look == 1:
            found = {"always": called, "naive": naive, "inside": inside, "stopped": np.where(called, 1, LOOKS)}
        else:
            found["stopped"] = np.where(called & ~found["always"], look, found["stopped"])
            found["always"] = found["always"] | called
            found["naive"] = found["naive"] | naive
            found["inside"] = found["inside"] & inside
        found["last"] = naive
    return found


def aa(campaigns: int, rows: int = 1000) -> pd.DataFrame:
    """Assign and compare people of whom nobody was treated, once for each of many campaigns; a row a campaign."""
    rng = generator("aa", rows)
    frame = pd.DataFrame(
        {
            "phone": [f"86150{i:08d}" for i in range(rows)],
            "bought": rng.uniform(size=rows) < 0.1,
            "amount": rng.exponential(10, rows),
        }
    )
    lines = []
    for number in range(campaigns):
        assigned: Any = frame.nxsms.assign_variants(["A", "B"], campaign=f"campaign {number}", holdout=0.1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tables = [assigned.nxsms.compare(outcome=outcome).set_index("variant") for outcome in ("bought", "amount")]
        mismatch = any(issubclass(each.category, nx.SampleRatioWarning) for each in caught)
        counts = assigned["variant"].value_counts()
        lines.append(
            {
                "rate": tables[0].loc["B", "p"],
                "mean": tables[1].loc["B", "p"],
                "any": (tables[0]["p_adjusted"] < LEVEL).any(),
                "mismatch": mismatch,
                "share": counts["A"] / (counts["A"] + counts["B"]),
                "holdout": counts["holdout"] / rows,
            }
        )
    return pd.DataFrame(lines)
