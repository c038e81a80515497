"""Items of a request as JSON, assembled in whole columns: no object for each row.

Each item is encoded once, as text that ends in a comma. The items of a request lie side by side in one Arrow buffer,
so that a request's body is a slice of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.cells import TEXT
from nxsms_nb.fields import FIELDS

_NEVER_ESCAPED: Final = frozenset({"phone", "source_address", "sys_message_id", "link_verbose"})


def encode(fields: Mapping[str, pa.Array], ids: pa.Array) -> pa.Array:
    r"""Encode rows as items.

    Parameters
    ----------
    fields : mapping of str to pyarrow.Array
        Checked fields by name, of one length; null where an optional one is absent.
    ids : pyarrow.Array of str
        The rows' messageids.

    Returns
    -------
    pyarrow.Array of large_string
        An item for each row, each with a comma behind it.

    Examples
    --------
    >>> encode({"phone": pa.array(["8615088888888"]), "content": pa.array(['"Hi"'])}, pa.array(["msg-000001"]))[0].as_py()
    '{"phone":"8615088888888","content":"\\"Hi\\"","sysMessageId":"msg-000001"},'
    """
    pieces: list[Any] = []
    for field in FIELDS:
        if field.name == "sys_message_id" or field.name not in fields:
            continue
        values = pc.cast(fields[field.name], TEXT)
        if field.name not in _NEVER_ESCAPED:
            values = _escaped(values)
        opening = f'{{"{field.wire}":"' if not pieces else f'","{field.wire}":"'
        if field.required:
            pieces += [pa.scalar(opening, TEXT), values]
        else:
            pieces.append(
                pc.fill_null(pc.binary_join_element_wise(pa.scalar(opening, TEXT), values, pa.scalar("", TEXT)), "")
            )
    return pc.binary_join_element_wise(
        *pieces,
        pa.scalar('","sysMessageId":"', TEXT),
        pc.cast(ids, TEXT),
        pa.scalar('"},', TEXT),
        pa.scalar("", TEXT),
    )


def joined(encoded: pa.Array, start: int, size: int) -> bytes:
    """The items from `start` on, joined by commas.

    Examples
    --------
    >>> joined(pa.array(["{1},", "{2},", "{3},"], pa.large_string()), 1, 2)
    b'{2},{3}'
    """
    offsets = np.frombuffer(encoded.buffers()[1], np.int64)
    first = encoded.offset + start
    length = int(offsets[first + size] - offsets[first]) - 1
    return bytes(encoded.buffers()[2].slice(int(offsets[first]), length))


def _escaped(values: pa.Array) -> pa.Array:
    rows = _rows_to_escape(values)
    if not len(rows):
        return values
    smooth = [orjson.dumps(text)[1:-1].decode() for text in values.take(pa.array(rows)).to_pylist()]
    mask = np.zeros(len(values), bool)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(smooth, TEXT))


def _rows_to_escape(values: pa.Array) -> npt.NDArray[np.int64]:
    """The rows with a quote, a backslash or a control character: found in all their bytes at once."""
    if not len(values) or values.buffers()[2] is None:
        return np.empty(0, np.int64)
    offsets = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]
    first, end = int(offsets[0]), int(offsets[-1])
    letters = np.frombuffer(values.buffers()[2], np.uint8)[first:end]
    found = np.flatnonzero((letters < 0x20) | (letters == ord('"')) | (letters == ord("\\")))
    return np.unique(np.searchsorted(offsets, found + first, side="right") - 1)
