"""Items of a request as JSON, assembled in whole columns: no object for each row.

Each item is encoded once, as text that ends in a comma. The items of a request lie side by side in one Arrow buffer,
so that what a request carries is a slice of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, buffers
from nxsms_nb.wire.fields import FIELDS

__all__ = ["Items", "encode"]

_NEVER_ESCAPED: Final = frozenset({"phone", "source_address", "sys_message_id", "link_verbose"})


class Items:
    """Encoded items of rows, side by side in one buffer, each followed by a comma."""

    def __init__(self, encoded: pa.Array) -> None:
        starts, data = buffers(encoded)
        self._starts = starts
        self._data = data.data

    def joined(self, start: int, size: int) -> memoryview:
        """Return `size` items from `start` on, joined by commas, without copying them."""
        return self._data[int(self._starts[start]) : int(self._starts[start + size]) - 1]


def encode(fields: Mapping[str, pa.Array], ids: pa.Array) -> Items:
    r"""Encode rows as items: checked fields by name (null where an optional one is absent), and the rows' messageids.

    Examples
    --------
    >>> made = encode({"phone": pa.array(["8615088888888"]), "content": pa.array(['"Hi"'])}, pa.array(["msg-000001"]))
    >>> bytes(made.joined(0, 1))
    b'{"phone":"8615088888888","content":"\\"Hi\\"","sysMessageId":"msg-000001"}'
    """
    pieces: list[str | pa.Array] = []
    for field in FIELDS:
        if field.name == "sys_message_id" or field.name not in fields:
            continue
        values = pc.cast(fields[field.name], TEXT)
        if field.name not in _NEVER_ESCAPED:
            values = _escaped(values)
        opening = f'{{"{field.wire}":"' if not pieces else f'","{field.wire}":"'
        if field.required:
            pieces += [opening, values]
        else:
            pieces.append(
                pc.fill_null(pc.binary_join_element_wise(pa.scalar(opening, TEXT), values, pa.scalar("", TEXT)), "")
            )
    pieces += ['","sysMessageId":"', pc.cast(ids, TEXT), '"},']
    return Items(pc.binary_join_element_wise(*_merged(pieces, len(ids)), pa.scalar("", TEXT)))


def _merged(pieces: Sequence[str | pa.Array], n: int) -> list[pa.Array]:
    """Merge adjacent pieces that have the same width in every row: joining costs by the piece."""
    merged: list[pa.Array] = []
    alike: list[tuple[bytes, npt.NDArray[np.uint8] | None]] = []
    for piece in pieces:
        if isinstance(piece, str):
            alike.append((piece.encode(), None))
            continue
        starts, letters = buffers(piece)
        width = len(letters) // n if n else 0
        if width and np.array_equal(starts, np.arange(0, len(letters) + 1, width)):
            alike.append((bytes(width), letters))
            continue
        merged += [*_side_by_side(alike, n), piece]
        alike = []
    return [*merged, *_side_by_side(alike, n)]


def _side_by_side(alike: Sequence[tuple[bytes, npt.NDArray[np.uint8] | None]], n: int) -> list[pa.Array]:
    """Combine pieces of constant width into one column, if there are any; without letters: the same in every row."""
    if not alike:
        return []
    layout = np.dtype([(f"{place}", f"V{len(piece)}") for place, (piece, _) in enumerate(alike)])
    rows = np.frombuffer(bytearray(b"".join(piece for piece, _ in alike)) * n, layout)
    for place, (_, letters) in enumerate(alike):
        if letters is not None:
            rows[f"{place}"] = letters.view(layout[place])
    starts = np.arange(0, (n + 1) * layout.itemsize, layout.itemsize)
    return [pa.LargeStringArray.from_buffers(n, pa.py_buffer(starts), pa.py_buffer(rows))]


def _escaped(values: pa.Array) -> pa.Array:
    rows = _rows_to_escape(values)
    if not len(rows):
        return values
    smooth = [msgspec.json.encode(text)[1:-1].decode() for text in values.take(pa.array(rows)).to_pylist()]
    mask = np.zeros(len(values), bool)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(smooth, TEXT))


def _rows_to_escape(values: pa.Array) -> npt.NDArray[np.int64]:
    """Find the rows with a quote, a backslash or a control character, in the bytes of all rows at once."""
    starts, letters = buffers(values)
    # Finding one letter costs a fraction of comparing all.
    whole = letters.tobytes()
    if letters.min(initial=0x20) >= 0x20 and b'"' not in whole and b"\\" not in whole:
        return np.empty(0, np.int64)
    found = (letters < 0x20) | (letters == ord('"')) | (letters == ord("\\"))
    return np.unique(np.searchsorted(starts, np.flatnonzero(found), side="right") - 1)
