"""The result columns of a frame: their dtypes, whether a frame has them, and how they are read back.

A sent frame is the record, and it travels: through CSV, Excel and Parquet, through filters, concatenations and merges.
On the way whole numbers become floats, times become text and categoricals become objects. Everything that looks at
results reads them through `read`, so that it works on last month's frame as on one just sent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.formatting import count, mask_digits, named, shorten
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES

__all__ = [
    "DTYPES",
    "INSTANT",
    "NUMBER",
    "STATUS",
    "TEXT",
    "WHOLE",
    "append_columns",
    "carries",
    "converted",
    "empty",
    "from_arrow",
    "from_sandbox",
    "lost_status",
    "prefixes",
    "read",
    "refuse_other_than_text",
    "to_arrow",
]

TEXT: Final = pd.StringDtype("pyarrow", na_value=np.nan)
"""The dtype of text: what pandas 3 calls ``str``, under pandas 2.3 as well."""

STATUS: Final = pd.CategoricalDtype(list(STATUSES))
"""The dtype of `status`: an unordered categorical, its categories in the order of `STATUSES`."""

WHOLE: Final = pd.Int64Dtype()
"""The dtype of `code`, `batch` and `attempts`."""

INSTANT: Final = pd.DatetimeTZDtype("us", "UTC")
"""The dtype of `sent_at`."""

NUMBER: Final = np.dtype("float64")
"""The dtype of `latency_ms`."""

DTYPES: Final[dict[str, Any]] = {
    "messageid": TEXT,
    "status": STATUS,
    "code": WHOLE,
    "reason": TEXT,
    "batch": WHOLE,
    "attempts": WHOLE,
    "sent_at": INSTANT,
    "latency_ms": NUMBER,
}
"""Result column to dtype, in the order of `RESULT_COLUMNS`."""

_EXACT: Final = float(2**53)


def empty(index: pd.Index[Any] | int) -> pd.DataFrame:
    """Make result columns with all values missing, for an index or a number of rows.

    Examples
    --------
    >>> empty(2).dtypes.astype(str).to_dict()["attempts"]
    'Int64'
    """
    index = pd.RangeIndex(index) if isinstance(index, int) else index
    return pd.DataFrame({name: pd.Series(index=index, dtype=dtype) for name, dtype in DTYPES.items()}, index=index)


def carries(frame: pd.DataFrame, prefix: str = "", *, gaps: bool = False) -> bool:
    """Return whether a frame carries earlier results that `read` can read; with `gaps`, rows may lack a status.

    Examples
    --------
    >>> carries(pd.DataFrame({"phone": ["8615088888888"]}))
    False
    """
    return _complaint(frame, prefix, gaps=gaps) is None


def prefixes(frame: pd.DataFrame) -> list[str]:
    """List the prefixes under which a frame carries earlier results of some or all of its rows.

    Examples
    --------
    >>> prefixes(empty(1).join(empty(1).add_prefix("sms_")))
    ['', 'sms_']
    """
    found = [
        label.removesuffix("messageid")
        for label in frame.columns
        if isinstance(label, str) and label.endswith("messageid")
    ]
    return [prefix for prefix in dict.fromkeys(found) if carries(frame, prefix, gaps=True)]


def append_columns(frame: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """Append columns to a frame with the same index, whatever its labels are.

    Examples
    --------
    >>> append_columns(pd.DataFrame({"phone": ["8615088888888"]}), pd.DataFrame({"status": ["Success"]})).columns.to_list()
    ['phone', 'status']
    """
    try:
        return pd.concat([frame, added], axis=1)
    except UnicodeEncodeError:
        # pandas encodes labels that are objects, and a lone surrogate cannot be encoded. All rows were sent by now.
        labels = pd.Index([*frame.columns, *added.columns], dtype=object)
        numbered = [frame.set_axis(range(frame.shape[1]), axis=1), added.set_axis(range(added.shape[1]), axis=1)]
        return pd.concat(numbered, axis=1).set_axis(labels, axis=1)


def read(
    frame: pd.DataFrame, prefix: str = "", *, columns: Sequence[str] = RESULT_COLUMNS, gaps: bool = False
) -> pd.DataFrame:
    """Read result columns of a frame back in the dtypes of `DTYPES`, whatever theirs became on the way.

    With `gaps`, rows without a status are accepted: they are new, unless an id, a time or a request shows that they were sent
    and lost it, which leaves them in doubt. Times without a zone are read as UTC, which they were before Excel dropped it.

    Examples
    --------
    >>> sent = empty(1).assign(status="Failure", code="13005.0", sent_at="2026-03-03 14:02:11")
    >>> read(sent, columns=["status", "code", "sent_at"]).astype(str).loc[0].to_list()
    ['Failure', '13005', '2026-03-03 14:02:11+00:00']
    """
    if complaint := _complaint(frame, prefix, gaps=gaps):
        raise ColumnError(complaint)
    found = {name: converted(frame[prefix + name], DTYPES[name]) for name in columns}
    result = pd.DataFrame(found, index=frame.index, columns=list(columns))
    if gaps and "status" in found and (lost := _lost(frame, prefix, found["status"])).any():
        result.loc[lost, "status"] = "Unknown"
        if "reason" in found:
            result.loc[lost, "reason"] = _LOST
    result.attrs = dict(frame.attrs)
    return result


_LOST: Final = "its status is missing from the frame, and it may have been sent"


def lost_status(results: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Find the rows returned by `read` that had lost their status."""
    return np.asarray(results["reason"] == _LOST, np.bool_)


def _lost(frame: pd.DataFrame, prefix: str, status: Any) -> npt.NDArray[np.bool_]:
    """Find the rows that were sent but have no status, as a change of its categories leaves them."""
    lost = np.asarray(pd.isna(status), np.bool_)
    if lost.any():
        traces = [converted(frame[prefix + name], DTYPES[name]) for name in ("messageid", "batch", "sent_at")]
        lost &= np.logical_or.reduce([np.asarray(~pd.isna(values), np.bool_) for values in traces])
    return lost


def converted(values: pd.Series[Any], dtype: Any) -> Any:
    """Read one column back in the dtype it was made in, one of those in `DTYPES`; what cannot be read raises `ColumnError`.

    Examples
    --------
    >>> converted(pd.Series(["13005.0", None]), WHOLE).tolist()
    [13005, <NA>]
    """
    return _READERS[dtype](values, values.name)


def from_sandbox(frame: pd.DataFrame) -> bool:
    """Return whether a frame's results came from the sandbox, according to its ``attrs``.

    Examples
    --------
    >>> from_sandbox(pd.DataFrame())
    False
    """
    about = frame.attrs.get("nxsms")
    return isinstance(about, dict) and about.get("gateway") == "sandbox"


def from_arrow(array: pa.Array, dtype: Any) -> Any:
    """Make an extension array of `TEXT` or `WHOLE` from an Arrow array, nulls as missing, without an object a row.

    Examples
    --------
    >>> from_arrow(pa.array([13005, None]), WHOLE).tolist()
    [13005, <NA>]
    """
    return dtype.__from_arrow__(array)


def to_arrow(values: pd.Series[Any]) -> pa.Array:
    """Make one contiguous Arrow array of a column of `TEXT`, missing values as nulls.

    Examples
    --------
    >>> to_arrow(pd.Series(["a", None], dtype=TEXT)).to_pylist()
    ['a', None]
    """
    return _arrow(values, values.name)


def refuse_other_than_text(prefix: object) -> None:
    """Refuse a prefix of columns that is not text."""
    if not isinstance(prefix, str):
        raise ConfigError(f"prefix={named(prefix)} is not text, as in prefix='sms_'.")


def _complaint(frame: pd.DataFrame, prefix: str, *, gaps: bool = False) -> str | None:
    """Describe why a frame carries no results, and what to do; None if it carries some."""
    refuse_other_than_text(prefix)
    labels = [prefix + name for name in RESULT_COLUMNS]
    missing = [label for label in labels if label not in frame.columns]
    if missing and set(missing) <= set(frame.index.names):
        listed = ", ".join(map(named, missing))
        return f"The results' {listed} is in the index. Make it a column: df.reset_index([{listed}])"
    if missing:
        other = _other_prefix(frame, prefix)
        return f"The frame carries no results: it has no column {', '.join(map(named, missing))}. " + (
            f"Its results have another prefix: prefix={named(other)}" if other is not None else _REMEDY
        )
    twice = [label for label in labels if not isinstance(frame[label], pd.Series)]
    if twice:
        return f"The frame has more than one column {named(twice[0])}. Rename or drop all but one."
    if frame[prefix + "status"].dtype == STATUS and not frame[prefix + "status"].hasnans:
        return None  # as `send` made it; to look for its values takes a hundred times as long
    statuses = frame[prefix + "status"].unique()
    known = pd.isna(statuses)
    alien = [status for status in statuses[~known] if status not in STATUSES and status != ""]
    if alien:
        return (
            f"The frame carries no results: its column {named(prefix + 'status')} holds "
            f"{mask_digits(shorten(alien[0]))!r}, which is not one of {', '.join(STATUSES)}. {_REMEDY}"
        )
    if not gaps and (known.any() or (statuses[~known] == "").any()):
        label = prefix + "status"
        without = int((frame[label].isna() | (frame[label] == "")).sum())
        return (
            f"The frame has {count(without, 'row')} of {len(frame):,} without a status: added after sending, or a merge "
            f"found no match. Send them as you sent the others, which are not sent again; or look only at the "
            f"others: frame[frame[{named(label)}].notna()]"
        )
    return None


_REMEDY: Final = (
    'Send it first, sent = df.nxsms.send(client); for results under a prefix, name it, for example prefix="sms_".'
)


def _other_prefix(frame: pd.DataFrame, prefix: str) -> str | None:
    for label in frame.columns:
        if isinstance(label, str) and label.endswith("messageid"):
            other = label.removesuffix("messageid")
            if other != prefix and carries(frame, other, gaps=True):
                return other
    return None


def _arrow(values: pd.Series[Any], label: Hashable) -> pa.Array:
    """Return one Arrow array of plain values: no dictionary, no chunks, empty text as missing."""
    try:
        array = pa.array(values, from_pandas=True)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
    ):  # objects of several types, for example ids of which some were read as numbers
        array = pa.array([None if pd.isna(value) else str(value) for value in values], pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    if pa.types.is_large_string(array.type):
        blank = pc.equal(array, "")
        return pc.if_else(blank, pa.scalar(None, array.type), array) if pc.any(blank).as_py() else array
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return array
    raise ColumnError(
        f"Column {named(label)} holds values of type {array.type}, which send() does not write. "
        "Load the frame again from where it was saved."
    )


def _unread(label: Hashable, value: object, what: str, remedy: str) -> ColumnError:
    return ColumnError(f"Column {named(label)} holds {mask_digits(shorten(value))!r}, which is not {what}. {remedy}")


def _text(values: pd.Series[Any], label: Hashable) -> Any:
    array = _arrow(values, label)
    if pa.types.is_floating(array.type):  # ids of digits only, read as numbers because some are missing
        numbers = array.cast(pa.float64())
        broken = pc.or_(pc.greater_equal(pc.abs(numbers), _EXACT), pc.not_equal(pc.floor(numbers), numbers))
        if pc.any(broken).as_py():
            raise _unread(
                label,
                numbers.filter(broken)[0].as_py(),
                "an id any more: it was read as a number and has lost digits",
                f"Read the file again with dtype={{{named(label)}: str}}.",
            )
        array = numbers.cast(pa.int64())
    return from_arrow(array.cast(pa.large_string()), TEXT)


def _numbers(values: pd.Series[Any], label: Hashable, what: str) -> pa.Array:
    array = _arrow(values, label)
    if pa.types.is_large_string(array.type):
        trimmed = pc.utf8_trim_whitespace(array)
        try:
            return trimmed.cast(pa.float64())
        except pa.ArrowInvalid:
            bad = pc.invert(pc.match_substring_regex(trimmed, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"))
            offenders = trimmed.filter(pc.fill_null(bad, fill_value=False))
            raise _unread(
                label, (offenders if len(offenders) else trimmed.drop_null())[0].as_py(), what, _RELOAD
            ) from None
    return array.cast(pa.float64()) if pa.types.is_decimal(array.type) else array


def _whole(values: pd.Series[Any], label: Hashable) -> Any:
    if values.dtype == WHOLE:
        return values.array
    array = _numbers(values, label, "a whole number")
    if pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
        broken = pc.or_(pc.not_equal(pc.floor(array), array), pc.greater_equal(pc.abs(array), 2.0**63))
        if pc.any(broken).as_py():
            raise _unread(label, array.filter(broken)[0].as_py(), "a whole number", _RELOAD)
    return from_arrow(array.cast(pa.int64()), WHOLE)


def _number(values: pd.Series[Any], label: Hashable) -> Any:
    if values.dtype == NUMBER:
        numbers = values.to_numpy()
    else:
        array = _numbers(values, label, "a number").cast(pa.float64())
        numbers = pc.fill_null(array, float("nan")).to_numpy(zero_copy_only=False)
    if np.isinf(numbers).any():
        raise _unread(label, "inf", "a number", _RELOAD)
    return numbers


def _instant(values: pd.Series[Any], label: Hashable) -> Any:
    if values.dtype == INSTANT:
        return values.array
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_numeric_dtype(values.dtype):
        if values.notna().any():
            raise _unread(label, values[values.notna()].iloc[0], "a time", _RELOAD)
        return pd.array([pd.NaT] * len(values), dtype=INSTANT)
    form = None if pd.api.types.is_datetime64_any_dtype(values.dtype) else "ISO8601"
    try:
        return pd.to_datetime(values, utc=True, format=form).dt.as_unit("us").array
    except (ValueError, TypeError) as trouble:
        times = pd.to_datetime(values, utc=True, format=form, errors="coerce")
        raise _unread(label, values[times.isna() & values.notna()].iloc[0], "a time", _RELOAD) from trouble


def _status(values: pd.Series[Any], label: Hashable) -> Any:
    # pandas treats categories in another order as the same dtype, but their codes differ.
    if values.dtype == STATUS and list(values.cat.categories) == list(STATUSES):
        return values.array
    return pd.Categorical(_text(values, label), dtype=STATUS)


_RELOAD: Final = "A program that opened the file rewrote it: load the frame from where it was saved after send()."

_READERS: Final[dict[Any, Callable[[pd.Series[Any], Hashable], Any]]] = {
    TEXT: _text,
    STATUS: _status,
    WHOLE: _whole,
    INSTANT: _instant,
    NUMBER: _number,
}
