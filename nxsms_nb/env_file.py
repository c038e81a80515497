"""Settings from the environment and from a ``.env`` file; the environment wins."""

from __future__ import annotations

import codecs
import os
from io import StringIO
from pathlib import Path

from nxsms_nb.errors import ConfigError


def nearest() -> str:
    """Return the path of the ``.env`` file in the working directory or above; empty where there is none."""
    from dotenv import find_dotenv  # noqa: PLC0415  only who uses the environment needs it

    return find_dotenv(usecwd=True)


def values(path: str) -> dict[str, str | None]:
    """Read the settings in a file; raise `ConfigError` if it cannot be read."""
    from dotenv import dotenv_values  # noqa: PLC0415  likewise

    try:
        # Read here: python-dotenv knows only UTF-8, and treats a byte order mark as part of the first name.
        text, trouble = _decoded(Path(path).read_bytes()), "is neither UTF-8 nor UTF-16"
    except OSError as error:
        text, trouble = None, f"cannot be read ({error.strerror})"
    if text is not None:
        return dotenv_values(stream=StringIO(text))
    # Not raised in the except clause: a decoder's frames hold the file's text.
    raise ConfigError(f"env_file={path!r} {trouble}. Save it as UTF-8.")


def variable(name: str) -> tuple[str | None, Path]:
    """Return a variable's value (None if it is not set) and the folder that a relative path in it refers to.

    In a ``.env`` file that is the file's own: notebooks in the folders below it mean the same path.
    """
    if name in os.environ:
        return os.environ[name].strip() or None, Path()
    path = nearest()
    found = values(path).get(name) if path else None
    return (found or "").strip() or None, Path(path).parent


def _decoded(data: bytes) -> str | None:
    """Decode a file as UTF-8 or UTF-16, which PowerShell and Notepad write; None if it is neither."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if data.startswith(mark)), None)
    if encoding is None:
        # Every other byte of ASCII in UTF-16 is zero.
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be" if data[:1] == b"\0" else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None
