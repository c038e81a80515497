"""Items of a request as JSON, assembled in whole columns: no object for each row.

Each item is encoded once, as text that ends in a comma. The items of a request lie side by side in one Arrow buffer,
so that what a request carries is a slice of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb.cells import TEXT, buffers
from nxsms_nb.fields import FIELDS

_NEVER_ESCAPED: Final = frozenset({"phone", "source_address", "sys_message_id", "link_verbose"})


class Items:
    """Items of rows as JSON, side by side, each with a comma behind it.

    Parameters
    ----------
    encoded : pyarrow.LargeStringArray
        The items.
    """

    __slots__ = ("_data", "_starts")

    def __init__(self, encoded: pa.Array) -> None:
        starts, data = buffers(encoded)
        self._starts: list[int] = starts.tolist()
        self._data = data.data

    def joined(self, start: int, size: int) -> memoryview:
        """The items from `start` on, joined by commas."""
        return self._data[self._starts[start] : self._starts[start + size] - 1]


def encode(fields: Mapping[str, pa.Array], ids: pa.Array) -> Items:
    r"""Encode rows as items.

    Parameters
    ----------
    fields : mapping of str to pyarrow.Array
        Checked fields by name, of one length; null where an optional one is absent.
    ids : pyarrow.Array of str
        The rows' messageids.

    Returns
    -------
    Items

    Examples
    --------
    >>> made = encode({"phone": pa.array(["8615088888888"]), "content": pa.array(['"Hi"'])}, pa.array(["msg-000001"]))
    >>> bytes(made.joined(0, 1))
    b'{"phone":"8615088888888","content":"\\"Hi\\"","sysMessageId":"msg-000001"}'
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
    pieces += [pa.scalar('","sysMessageId":"', TEXT), pc.cast(ids, TEXT), pa.scalar('"},', TEXT)]
    return Items(pc.binary_join_element_wise(*pieces, pa.scalar("", TEXT)))


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
    starts, letters = buffers(values)
    found = (letters < 0x20) | (letters == ord('"')) | (letters == ord("\\"))
    if not found.any():
        return np.empty(0, np.int64)
    return np.unique(np.searchsorted(starts, np.flatnonzero(found), side="right") - 1)
