"""Rows of a workbook that Excel does not show: by a filter, or hidden by hand. openpyxl reads them like any other."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET
from zipfile import ZipFile

_BOOK: Final = "xl/workbook.xml"
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b[^>]*>")
_HIDDEN: Final = re.compile(rb"""\shidden=["'](?:1|true)["']""")
_NUMBER: Final = re.compile(rb"""\sr=["']([0-9]+)["']""")
_CHUNK: Final = 1 << 20


def hidden_rows(path: Path, title: str) -> set[int]:
    """Return the numbers of a sheet's hidden rows, from 1; none where the workbook is built in an unusual way."""
    with ZipFile(path) as book:
        part = _part_of(book, title)
        return set() if part is None else _hidden_in(book, part)


def _part_of(book: ZipFile, title: str) -> str | None:
    """Return the part of the archive that holds a sheet."""
    names = {*book.namelist()}
    links = posixpath.join("xl/_rels", "workbook.xml.rels")
    if not {_BOOK, links} <= names:
        return None
    sheets = [one for one in ET.fromstring(book.read(_BOOK)).iter() if one.tag.endswith("}sheet")]  # noqa: S314  openpyxl has parsed it
    ids = {value for one in sheets if one.get("name") == title for name, value in one.items() if name.endswith("}id")}
    for link in ET.fromstring(book.read(links)):  # noqa: S314
        if link.get("Id") in ids:
            part = posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
            return part if part in names else None
    return None


def _hidden_in(book: ZipFile, part: str) -> set[int]:
    """Find the hidden rows by searching the sheet's XML piece by piece: parsing it again would double the time."""
    found: set[int] = set()
    with book.open(part) as sheet:
        rest, row = b"", 0
        while piece := sheet.read(_CHUNK):
            text = rest + piece
            cut = text.rfind(b"<")
            text, rest = text[:cut], text[cut:]
            for tag in _ROW.findall(text):
                number = _NUMBER.search(tag)
                # A row without a number follows the one before it.
                row = int(number[1]) if number else row + 1
                if _HIDDEN.search(tag):
                    found.add(row)
    return found
