"""What has to be known of all partitions before the first row is judged: worked out on the workers, in a pass over them.

A row's verdict must not depend on where partitions begin. So the rules that need the whole column (digits that a spreadsheet
cut, bare numbers of other countries, rows that share a key) are decided here, and each partition is then read by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from dask import delayed

from nxsms_nb._arrow import TEXT, buffers, present
from nxsms_nb.dask import repeats
from nxsms_nb.dask.repeats import Digests, Halves, OwnIds, Repeats
from nxsms_nb.dask.schemas import ColumnTypes
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.rows import cells, regions, suppression, validate
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.rounding import ColumnVerdict, Evidence, WholeColumn
from nxsms_nb.settings import CHECKING, COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.dask.schedulers import Scheduler
    from nxsms_nb.rows.report import ValidationReport

_SHIPPED: Final = frozenset({*CHECKING, *COLUMNS, "prefix"})
_PASSES: Final = 4
_SHARE: Final = 16
_MOST_SHARES: Final = 16
_FAN_IN: Final = 16


class Rules:
    """How the partitions' rows are read: options of the call that a worker needs, and what was decided of the whole columns.

    Nothing of the client, the journal or the run is among them.
    """

    def __init__(self, settings: Mapping[str, Any], verdict: ColumnVerdict | None = None) -> None:
        self.settings = {name: value for name, value in settings.items() if name in _SHIPPED}
        self.verdict = verdict or ColumnVerdict()

    def __repr__(self) -> str:
        # A cluster logs what a task was given; texts and numbers have no place there.
        return "Rules(…)"

    def report(self, frame: pd.DataFrame, evidence: Evidence | None = None, **known: Any) -> ValidationReport:
        """Check a partition's rows."""
        return validate.report_on(frame, {**self.settings, "counts": WholeColumn(self.verdict, evidence), **known})

    @property
    def duplicates(self) -> str:
        """What is to become of rows that share a key."""
        return str(self.settings["duplicates"])


@dataclass
class Found:
    """What a pass found: of one partition, or added up.

    `prints` are the partitions' fingerprints, `sizes` their rows. `rules` has, by rule, how many rows break it and the position of the first, `shared` rows whose own id is
    another row's too; `taken` says that a result column's name is in use for something else.
    """

    evidence: Evidence = field(default_factory=Evidence)
    sizes: list[int] = field(default_factory=list)
    prints: list[int] = field(default_factory=list)
    countries: frozenset[str] = frozenset()
    columns: ColumnTypes = field(default_factory=ColumnTypes)
    rules: dict[str, tuple[int, int]] = field(default_factory=dict)
    bad: int = 0
    taken: str | None = None
    repeats: Repeats = field(default_factory=Repeats)
    shared: int = 0

    def add(self, other: Found) -> None:
        """Add what was found in the partitions that follow, but for the evidence."""
        for rule, (rows, first) in other.rules.items():
            known, earliest = self.rules.get(rule, (0, sum(self.sizes) + first))
            self.rules[rule] = known + rows, earliest
        self.sizes += other.sizes
        self.prints += other.prints
        self.countries |= other.countries
        self.columns.add(other.columns, len(self.sizes) - len(other.sizes))
        self.bad += other.bad
        self.taken = self.taken or other.taken


@dataclass(frozen=True)
class Looked:
    """What one task found in a partition: `keys` are digests of its rows' keys, `own` of the ids that they bring."""

    found: Found
    keys: Digests
    own: OwnIds | None


Share = list[tuple[Digests, OwnIds | None]]
"""A share of the digests of partitions that follow one another."""


@dataclass(frozen=True)
class Gathered:
    """What was found in partitions that follow one another, and the digests in shares."""

    found: Found
    shares: list[Share]


def look(frame: pd.DataFrame, rules: Rules) -> Looked:
    """Look at a partition, on a worker."""
    settings = rules.settings
    evidence = Evidence()
    # Rows that share a key count among all partitions; here the first of them would be another one's repeat.
    apart = "allow" if rules.duplicates == "allow" else "drop"
    report = rules.report(frame, evidence, duplicates=apart, distinct=True)
    checked = report.checked
    rows = np.flatnonzero(checked.good & present(report.keys))
    went = _went(frame)
    made = _digests(report, rows, settings)
    keys = Digests.of(made, rows, checked.suppressed[rows], went[rows])
    prefix = settings["prefix"]
    taken = next((prefix + name for name in RESULT_COLUMNS if prefix + name in frame.columns), None)
    if taken is not None and result_columns.carries(frame, prefix, gaps=True):
        taken = None
    where = regions.regions_of(frame, settings["region"])
    counts = checked.problems.counts()[["rows", "position"]]
    found = Found(
        evidence,
        [len(frame)],
        [fingerprint(frame, settings)],
        frozenset(() if where is None else where.names),
        # Earlier results are replaced.
        ColumnTypes.of(frame.drop(columns=[prefix + name for name in RESULT_COLUMNS], errors="ignore")),
        dict(zip(map(str, counts.index), map(tuple, counts.to_numpy(np.int64).tolist()), strict=True)),
        len(np.unique(checked.problems.positions)),
        taken,
    )
    return Looked(found, keys, _own_ids(report, made[0], rows))


def _digests(
    report: ValidationReport, rows: npt.NDArray[np.int64], settings: Mapping[str, Any]
) -> tuple[Halves, Halves | None]:
    at = pa.array(rows)
    if settings["campaign"] is not None and settings["key"] is None:
        return repeats.of_phones(report.checked.fields["phone"].take(at))
    return repeats.of_texts(report.keys.take(at))


def _went(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return the rows that earlier results say were sent, or may have been."""
    went = np.zeros(len(frame), np.bool_)
    for prefix in result_columns.prefixes(frame):
        status = result_columns.read(frame, prefix, columns=["status"], gaps=True)["status"]
        went |= status.isin(["Success", "Unknown"]).to_numpy(np.bool_)
    return went


def _own_ids(report: ValidationReport, keys: Halves, rows: npt.NDArray[np.int64]) -> OwnIds | None:
    own = report.checked.fields.get("sys_message_id")
    if own is None or own.null_count == len(own):
        return None
    own = own.take(pa.array(rows)).cast(TEXT)
    there = np.flatnonzero(present(own))
    ids, _ = repeats.of_texts(own.take(pa.array(there)))
    return OwnIds.of(ids, keys[there])


def fingerprint(frame: pd.DataFrame, settings: Mapping[str, Any]) -> int:
    """Return a number that changes with whatever says to whom a partition's rows are sent, and what, and with their order."""
    print_ = xxhash.xxh3_64(str(len(frame)).encode())
    key, prefix = settings["key"], settings["prefix"]
    wanted = [
        *resolve(frame, {name: settings[name] for name in COLUMNS}).values(),
        *(key if isinstance(key, list) else [key]),
        settings["region"],
        settings["variant"],
        *(prefix + name for name in RESULT_COLUMNS[:2]),
    ]
    for label in wanted:
        if label is not None and label in frame.columns:
            read = cells.read_cells(frame[label])
            for part in (*buffers(read.text), read.kinds):
                values: Any = np.ascontiguousarray(part)
                print_.update(values)
    return print_.intdigest()


# ------------------------------------------------------------------ in this process


def first_pass(
    parts: Sequence[Any], scheduler: Scheduler, settings: Mapping[str, Any], frame: pd.DataFrame
) -> tuple[Rules, Found]:
    """Look at all partitions until what was found is what they were looked at by; `frame` is one without rows.

    Parts are delayed frames. Returns the rules for their rows, and what was found.
    """
    given = settings["suppress"]
    by_row = given is not None and given.countries is None
    # A list that is read by the rows' countries has to wait for them.
    rules = Rules({**settings, "suppress": None} if by_row else settings)
    for _ in range(_PASSES):
        found = _pass(parts, scheduler, rules)
        verdict = found.evidence.verdict()
        if by_row:
            settings = {**settings, "suppress": with_countries(given, found.countries, frame, settings)}
            by_row = False
        elif verdict == rules.verdict:
            break
        rules = Rules(settings, verdict)
    else:
        # Read by these rules, rows of a partition may share a key all the same.
        found.repeats.inside = frozenset(range(len(parts)))
    return rules, found


def listed(settings: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """Read the do-not-contact list of the options, if it can be read before the rows are known."""
    suppressed = suppression.of(settings["suppress"], settings["phone"])
    if suppressed is not None:
        by_rows = suppressed.by_rows(settings["region"])
        suppressed = suppressed if by_rows else with_countries(suppressed, frozenset(), frame, settings)
    return {**settings, "suppress": suppressed}


def with_countries(given: Any, countries: frozenset[str], frame: pd.DataFrame, settings: Mapping[str, Any]) -> Any:
    """Read the list once for rows of these countries, for all partitions."""
    whole = replace(given, chunked=False, countries=tuple(sorted(countries)))
    whole.among(pa.array([], TEXT), frame, settings)
    return whole


def _pass(parts: Sequence[Any], scheduler: Scheduler, rules: Rules) -> Found:
    given = delayed(rules, traverse=False, pure=False)
    looked = [delayed(look, pure=False)(part, given) for part in parts]
    shares = min(-(-len(parts) // _SHARE), _MOST_SHARES)
    # A scheduler takes longer over a task than a worker over cutting a share from one partition.
    several = [
        delayed(_gathered, pure=False)(looked[start : start + _FAN_IN], shares)
        for start in range(0, len(looked), _FAN_IN)
    ]
    counted = [
        delayed(_find, pure=False)([delayed(_share, pure=False)(one, share) for one in several], given)
        for share in range(shares)
    ]
    found, *by_share = scheduler.compute(
        [tree(_added, [delayed(_found, pure=False)(one) for one in several]), *counted]
    )
    for repeated, shared in by_share:
        found.repeats = found.repeats.plus(repeated)
        found.shared += shared
    return found  # type: ignore[no-any-return]


def tree(add: Any, tasks: Sequence[Any]) -> Any:
    """Add up the results of tasks some at a time, so that no task holds all of them."""
    level = list(tasks)
    while len(level) > 1:
        level = [delayed(add, pure=False)(level[i : i + _FAN_IN]) for i in range(0, len(level), _FAN_IN)]
    return level[0]


def _gathered(looked: Sequence[Looked], shares: int) -> Gathered:
    cut = [
        [(one.keys.share(share, shares), None if one.own is None else one.own.share(share, shares)) for one in looked]
        for share in range(shares)
    ]
    return Gathered(_added([one.found for one in looked]), cut)


def _found(gathered: Gathered) -> Found:
    return gathered.found


def _share(gathered: Gathered, share: int) -> Share:
    return gathered.shares[share]


def _find(several: Sequence[Share], rules: Rules) -> tuple[Repeats, int]:
    keyed = rules.settings["key"] is not None
    parts = [part for share in several for part in share]
    repeated = repeats.find([keys for keys, _ in parts], allow=rules.duplicates == "allow", keyed=keyed)
    owned = [own for _, own in parts if own is not None]
    return repeated, repeats.shared(owned, allow=rules.duplicates == "allow") if len(owned) > 1 else 0


def _added(several: Sequence[Found]) -> Found:
    # A new one: a task must not change what another one has made.
    total = Found()
    total.evidence.add(*(one.evidence for one in several))
    for one in several:
        total.add(one)
    return total
