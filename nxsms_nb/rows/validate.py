"""Find the rows that may be sent: check the rules on every row, and rows that share a key or an id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, present, to_series
from nxsms_nb.errors import ValidationError
from nxsms_nb.formatting import named
from nxsms_nb.given import frame_as_given
from nxsms_nb.rows import keys, message_ids, regions
from nxsms_nb.rows.cells import read_cells
from nxsms_nb.rows.columns import phone_label, resolve
from nxsms_nb.rows.holdout import held_out, refuse_unseen
from nxsms_nb.rows.keys import repeats
from nxsms_nb.rows.phones import read_column
from nxsms_nb.rows.report import ValidationReport
from nxsms_nb.rows.rules import Checked, Found, check
from nxsms_nb.rows.suppression import suppressed
from nxsms_nb.settings import CHECKING, COLUMNS, READING, Checking, Duplicates, spelled_out, with_defaults

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from nxsms_nb.rows.message_ids import Keys
    from nxsms_nb.rows.rounding import Counts

__all__ = ["Checked", "check", "examine", "phones", "repeats", "report_on", "validate"]


@spelled_out(COLUMNS, CHECKING)
def validate(frame: pd.DataFrame, **options: Unpack[Checking]) -> ValidationReport:
    """Find every problem of every row, without a network.

    Parameters, results and errors are documented at ``df.nxsms.validate``. Rules: the vendor's page on the batch
    endpoint. A number that cannot be read for certain is a problem, never a guess.

    Examples
    --------
    >>> import pandas as pd
    >>> report = validate(pd.DataFrame({"phone": ["+86 15088888888", "8.61508E+12"], "content": ["Hi", "Hi"]}))
    >>> report.ok, report.problems["rule"].tolist()
    (False, ['phone_digits_lost'])
    """
    return report_on(frame_as_given(frame), with_defaults(options, COLUMNS, CHECKING))


def phones(frame: pd.DataFrame, options: Mapping[str, Any], counts: Counts | None = None) -> pd.Series[str]:
    """Read the numbers as a call with these options does; `counts` describes the whole column if this is a part of it.

    Parameters, results and errors are documented at ``df.nxsms.phones``.
    """
    settings = with_defaults(options, READING)
    label = phone_label(frame, settings["phone"])
    digits, _ = read_column(
        read_cells(frame[label]), regions.regions_of(frame, settings["region"]), settings["bare"], counts
    )
    return to_series(digits, frame.index, "phone")


def examine(
    frame: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    strict: bool = False,
    report: ValidationReport | None = None,
    app_key: str = "",
) -> ValidationReport:
    """Validate the rows, or use the `report` given, and raise `ValidationError` if they must not be sent.

    With `strict` any problem raises; otherwise only duplicates do, if ``duplicates="raise"``.
    """
    report = report_on(frame, settings, app_key=app_key) if report is None else report
    if settings["duplicates"] == "raise" and (repeated := int((report.ordinals > 0).sum())):
        raise ValidationError(_repeated_words(report, settings, repeated), report)
    return report.raise_if_bad() if strict else report


def report_on(frame: pd.DataFrame, settings: Mapping[str, Any], *, app_key: str = "") -> ValidationReport:
    """Validate with complete options; the report's keys give the message ids of the account with `app_key`.

    Those of a stream include the `rounding.Counts` of earlier chunks, and of a part of a larger frame the ``ordinals`` of rows
    whose keys other parts have too: rows, and how many rows before them; ``distinct`` says that no others share a key.
    """
    campaign, duplicates = settings["campaign"], settings["duplicates"]
    columns = resolve(frame, {name: settings[name] for name in COLUMNS})
    key = keys.labels(frame, settings["key"])
    checked = check(
        frame, columns, region=settings["region"], bare=settings["bare"], key=key, counts=settings.get("counts")
    )
    refuse_unseen(frame, settings["variant"])
    checked = checked.holding_out(held_out(frame, settings["variant"]))
    checked = checked.suppressing(*suppressed(frame, checked.fields["phone"], settings))
    of_rows = message_ids.keys_of(checked.fields, checked.keys, campaign=campaign, app_key=app_key)
    checked = _own_ids(checked, of_rows, duplicates)
    if settings.get("distinct"):
        ordinals = np.where(checked.good & present(of_rows), np.int32(0), np.int32(-1))
    else:
        ordinals = _ordinals(of_rows, checked, duplicates, keyed=bool(key))
    if (known := settings.get("ordinals")) is not None:
        rows, counted = known
        ordinals[rows] = counted
    if duplicates == "raise" and (ordinals > 0).any():
        shown = checked.fields["phone"].cast(TEXT) if not key else _joined(checked.keys)
        checked = checked.without([("duplicate", np.flatnonzero(ordinals > 0))], {"key": shown})
    return ValidationReport(frame, checked, of_rows, ordinals, duplicates=duplicates)


def _ordinals(of_rows: Keys, checked: Checked, duplicates: Duplicates, *, keyed: bool) -> npt.NDArray[np.int32]:
    """Count the earlier rows with each row's key; suppressed rows are not counted."""
    ordinals = repeats(of_rows, checked.good)
    kept_back = checked.good & checked.suppressed
    if duplicates == "allow" or not kept_back.any():
        return ordinals
    leaving = checked.good & ~checked.suppressed
    ordinals = np.where(kept_back, repeats(of_rows, kept_back), repeats(of_rows, leaving))
    ordinals[kept_back & (ordinals > 0)] = -1
    if keyed:
        # Of rows with one key and several numbers, the message is that of those who are not on the list.
        rows = np.flatnonzero(kept_back)
        mine, others = np.split(of_rows.codes(np.concatenate([rows, np.flatnonzero(leaving)])), [len(rows)])
        ordinals[rows[np.isin(mine, others)]] = -1
    return ordinals


def _joined(columns: list[pa.Array]) -> pa.Array:
    return pc.binary_join_element_wise(*(column.cast(TEXT) for column in columns), pa.scalar(", ", TEXT))


def _own_ids(checked: Checked, of_rows: Keys, duplicates: Duplicates) -> Checked:
    """Refuse rows whose own id is another row's too, since an id has one effect."""
    own = checked.fields.get("sys_message_id")
    if own is None:
        return checked
    rows = np.flatnonzero(checked.good & present(own))
    coded = own.take(pa.array(rows)).dictionary_encode()
    ids = coded.indices.to_numpy()
    if len(coded.dictionary) == len(rows):
        return checked
    key = of_rows.codes(rows)
    _, first = np.unique(ids, return_index=True)
    shared = (np.bincount(ids, weights=key != key[first][ids]) > 0)[ids]
    found: Found = [("sys_message_id_shared", rows[shared])]
    if duplicates == "allow":
        later = np.ones(len(rows), np.bool_)
        later[first] = False
        found.append(("sys_message_id_repeated", rows[later & ~shared]))
    return checked.without(found, {})


def _repeated_words(report: ValidationReport, settings: Mapping[str, Any], repeated: int) -> str:
    if settings["key"] is not None:
        what = f"key={named(settings['key'])}"
    else:
        what = "phone in this campaign" if settings["campaign"] is not None else "phone and text"
    first = report.problems.loc[report.problems["rule"] == "duplicate"].iloc[0]
    return (
        f"{repeated:,} of {report.checked.rows:,} rows repeat an earlier row's {what}, the first at position "
        f"{first['position']} ({first['value']}). Nothing was sent. "
        'duplicates="drop" sends only the first of each, duplicates="allow" sends every one; '
        ".report.problems of this error lists all."
    )
