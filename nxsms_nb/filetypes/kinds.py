"""The format of a file by its name, and whether its content agrees."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from nxsms_nb.errors import ConfigError

__all__ = ["TABLES", "kind_of"]

TABLES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".xlsx", ".parquet")
"""The endings of files that hold a table, in lower case."""

_BEGINNINGS: Final = {
    b"PK\x03\x04": ".xlsx",
    b"PAR1": ".parquet",
    b"\x1f\x8b": ".gz",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ".xls",
}
"""The first bytes of each format."""


def kind_of(path: Path, among: tuple[str, ...] = TABLES) -> str:
    """Return the file name's ending, in lower case; refuse unsupported ones.

    Examples
    --------
    >>> kind_of(Path("List.CSV.GZ")), kind_of(Path("people.Xlsx"))
    ('.csv.gz', '.xlsx')
    """
    name = path.name.lower()
    found = next((kind for kind in sorted(among, key=len, reverse=True) if name.endswith(kind)), None)
    if found is None:
        endings = " or ".join(filter(None, [", ".join(among[:-1]), among[-1]]))
        raise ConfigError(f"{path} has no supported format: its name must end in {endings}.")
    return found


def refuse_other_content(path: Path, kind: str) -> None:
    """Refuse a file that is empty or whose content has another format than its name says."""
    if not path.exists():
        raise ConfigError(f"{path} does not exist.")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, not a file.")
    if not path.is_file():
        raise ConfigError(f"{path} is a pipe or a device, not a file.")
    with path.open("rb") as file:
        beginning = file.read(16)
    if not beginning:
        raise ConfigError(f"{path} is empty.")
    content = next((of for begins, of in _BEGINNINGS.items() if beginning.startswith(begins)), "text")
    if content == ".xls":
        raise ConfigError(
            f"{path} cannot be read: it is an Excel workbook with a password, or in the old .xls format. Save it as .xlsx without a password."
        )
    wanted = ".gz" if kind.endswith(".gz") else kind if kind in (".xlsx", ".parquet") else "text"
    if content == ".xlsx" and not _is_workbook(path):
        content = "an archive"
    if content != wanted:
        stem = path.name[: -len(kind)]
        other = {".gz": f"{stem}{kind}.gz", "text": f"{stem}.csv", "an archive": ""}.get(content, stem + content)
        rename = f" Rename it, for example to {other}." if other else " Extract the file from it."
        raise ConfigError(
            f"{path} cannot be read: {_NAMES[wanted]} by its name, {_NAMES[content]} by its content.{rename}"
        )


_NAMES: Final = {
    ".gz": "compressed with gzip",
    ".xlsx": "an Excel workbook",
    ".parquet": "Parquet",
    "text": "text",
    "an archive": "a zip archive or a damaged workbook",
}


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
