"""Send a Dask frame: partitions are prepared on the workers, a bounded number ahead, and sent by this process as one run."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from dask import delayed
from dask.dataframe.dispatch import make_meta

from nxsms_nb.client import client_or_env
from nxsms_nb.dask.calls import DaskInvocation
from nxsms_nb.dask.first_pass import Found, Rules, fingerprint, first_pass, listed
from nxsms_nb.dask.packing import Packed, packed
from nxsms_nb.dask.parts import Parts, PartWriter
from nxsms_nb.dask.report import DaskValidationReport
from nxsms_nb.dask.schedulers import Scheduler
from nxsms_nb.engine.prepare import journal_of
from nxsms_nb.engine.sources import Measured, Part
from nxsms_nb.errors import ColumnError, ConfigError, Interrupted, JournalError, Stopped, ValidationError
from nxsms_nb.formatting import count, named
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.rounding import WholeColumn
from nxsms_nb.settings import COLUMNS, SENDING, with_defaults
from nxsms_nb.stream import sent_in_turn

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.rows.report import ValidationReport

__all__ = ["send"]

_BETWEEN = "Stopped by you between two partitions; those before it were sent."
_BEFORE = "Stopped by you before anything was sent."


def send(frame: Any, client: Client | None, to: Any, given: Mapping[str, Any]) -> Any:
    """Do what ``ddf.nxsms.send`` does."""
    settings = with_defaults(given, SENDING, COLUMNS)
    spelled = DaskInvocation("send", given, client is not None, to=to if isinstance(to, str) else str(to))
    if settings["campaign"] is None:
        raise ConfigError(f"A Dask frame needs a campaign name: {spelled.text(campaign='spring')}")
    client = client_or_env(client, practice=spelled.practice)
    empty = make_meta(frame)
    resolve(empty, {name: settings[name] for name in COLUMNS})
    parts = Parts(to, frame.npartitions, settings["prefix"])
    parts.refuse_unknown(journal_of(settings, client), settings["campaign"])
    source, settings = looked_at(frame, empty, settings, spelled)
    known = bool(frame.known_divisions)
    number = 0
    with (
        PartWriter(parts, source.found.columns) as writer,
        closing(sent_in_turn(source, client, settings, spelled)) as sent,
    ):
        try:
            for number, results in enumerate(sent, 1):
                writer.put(number - 1, results)
                # It may be as large as the next one.
                del results
            writer.wait()
        except (Stopped, JournalError) as error:
            raise _with_parts(error, writer, parts, number, spelled) from None
        except KeyboardInterrupt:
            raise _with_parts(Interrupted(_BETWEEN), writer, parts, number, spelled) from None
    return parts.frame(divisions=known)


def looked_at(
    frame: Any, empty: pd.DataFrame, settings: dict[str, Any], spelled: DaskInvocation
) -> tuple[Partitions, dict[str, Any]]:
    """Look at all partitions, and refuse what a call on the whole frame would; return them as a source, and the options."""
    names = [name for name in empty.columns if not isinstance(name, str)]
    if names:
        raise ColumnError(
            f"Column {named(names[0])} has a name that is no text, and Parquet, in which the results are kept, has no other names. "
            "Rename it: ddf.rename(columns=str)."
        )
    _refuse_twice(empty, settings["prefix"])
    scheduler = Scheduler(frame)
    tasks = frame.to_delayed(optimize_graph=True)
    try:
        rules, found = first_pass(tasks, scheduler, listed(settings, empty), empty)
    except KeyboardInterrupt:
        raise Interrupted(_BEFORE) from None
    found.columns.refuse_clash()
    _refuse(found, rules, settings, spelled, DaskValidationReport(tasks, empty, rules, found))
    settings = {**settings, "suppress": rules.settings["suppress"], "counts": WholeColumn(rules.verdict)}
    return Partitions(tasks, scheduler, rules, found), settings


def _refuse_twice(empty: pd.DataFrame, prefix: str) -> None:
    """Refuse names that a column of the results and another one, or the index, would share: they could not be read back."""
    names = list(empty.columns)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ColumnError(f"The frame has more than one column {named(twice)}. Rename or drop all but one.")
    taken = {*names, *(f"{prefix}{name}" for name in RESULT_COLUMNS)}
    index = next((name for name in empty.index.names if name in taken), None)
    if index is not None:
        raise ColumnError(
            f"The index is named {named(index)}, as a column of the results is. Nothing was sent. Rename it: ddf.rename_axis(None)."
        )


def _refuse(
    found: Found, rules: Rules, settings: Mapping[str, Any], spelled: DaskInvocation, report: DaskValidationReport
) -> None:
    if found.taken is not None:
        raise ColumnError(
            f"The frame has a column {named(found.taken)}, the name of a result column. Nothing was sent. Keep both:\n"
            f"    {spelled.text(prefix='sms_')}"
        )
    total = sum(found.sizes)
    if found.shared:
        raise ColumnError(
            f"{count(found.shared, 'row')} of {total:,} have an own id (sys_message_id) that a row of another key has too, and an id "
            "has one effect. Nothing was sent. Give each row its own, or drop the column."
        )
    repeated = found.repeats
    if rules.duplicates == "raise" and repeated.repeated and repeated.first is not None:
        part, row = repeated.first
        if settings["key"] is not None:
            what = f"key={named(settings['key'])}"
        else:
            what = "phone in this campaign" if settings["campaign"] is not None else "phone and text"
        raise ValidationError(
            f"{repeated.repeated:,} of {total:,} rows repeat an earlier row's {what}, the first at position "
            f"{sum(found.sizes[:part]) + row}, in partition {part}. Nothing was sent. "
            'duplicates="drop" sends only the first of each, duplicates="allow" sends every one; '
            ".report.problems of this error lists all.",
            report,
        )
    if repeated.late and rules.duplicates == "allow":
        share = "that was sent shares" if repeated.late == 1 else "that were sent share"
        raise ColumnError(
            f"{count(repeated.late, 'row')} {share} a key with rows of other partitions that have no result, and which of these has "
            "which id shows only where they stand together. Nothing was sent. Bring the rows of a key into one partition: "
            f"ddf.shuffle(on={named(settings['key'] or settings['phone'] or 'phone')})."
        )
    if repeated.late:
        raise ColumnError(
            f"{count(repeated.late, 'row')} that were sent share a key with an earlier row of another partition that has no result, and "
            "would be dropped as its duplicates. Nothing was sent. Put the rows with results first: dd.concat([sent, new])."
        )
    if settings.get("on_invalid") == "raise" and found.bad:
        counted = ", ".join(f"{rule} {rows:,}" for rule, (rows, _) in found.rules.items())
        raise ValidationError(
            f"{found.bad:,} of {count(total, 'row')} have problems. Nothing was sent. By rule: {counted}. "
            ".report.problems of this error lists all.",
            report,
        )


class Partitions(Measured):
    """The partitions in turn, prepared on the workers a bounded number ahead."""

    all_warnings = "ddf.nxsms.validate().warnings"
    distinct = True

    def __init__(self, tasks: list[Any], scheduler: Scheduler, rules: Rules, found: Found) -> None:
        super().__init__(sum(found.sizes))
        self.found = found
        self._tasks = tasks
        self._scheduler = scheduler
        self._rules = rules

    def __iter__(self) -> Iterator[Any]:
        """Prepare the partitions again from the first one on."""
        return self.parts()

    def parts(self) -> Generator[Part, None, None]:
        """Yield the partitions in turn; closed, nothing more is prepared."""
        given = delayed(self._rules, traverse=False, pure=False)
        tasks = [
            delayed(prepared, pure=False)(task, given, self.found.repeats.known(number), self._scheduler.apart)
            for number, task in enumerate(self._tasks)
        ]
        with closing(self._scheduler.in_turn(tasks, _received)) as ready:
            for number, (report, print_) in enumerate(ready):
                if print_ != self.found.prints[number]:
                    raise ConfigError(
                        f"Partition {number} has other rows, or another order, than when it was looked at first: what it is computed from "
                        "changes. Keep it as it is: ddf = ddf.persist(), or write it to Parquet and send that."
                    )
                yield Part(report)
                del report


def prepared(
    frame: pd.DataFrame, rules: Rules, known: Mapping[str, Any], apart: bool
) -> Packed | tuple[ValidationReport, int]:
    """Prepare a partition on a worker; `apart` from this process, pack it."""
    report = rules.report(frame, **known)
    # Worked out here, and kept in the report.
    _ = report.suspicions
    done = report, fingerprint(frame, rules.settings)
    return packed(done) if apart else done


def _received(result: Any) -> tuple[ValidationReport, int]:
    return result.unpacked() if isinstance(result, Packed) else result  # type: ignore[no-any-return]


def _with_parts(error: Any, writer: PartWriter, parts: Parts, number: int, spelled: DaskInvocation) -> Any:
    """Give an error the frame of what is written, with the partition that it ended in."""
    writer.wait()
    if error.frame is not None and number < parts.partitions:
        writer.put(number, error.frame)
        writer.wait()
    error.frame = parts.frame()
    if isinstance(error, Stopped):
        error.recorded = spelled.text("recorded")
        error.partial = True
    return error
