"""Send a file of recipients chunk by chunk into a file of results: ``python -m nxsms_nb send in.parquet out.parquet``."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from nxsms_nb import screen
from nxsms_nb.client import client_or_env
from nxsms_nb.engine.prepare import journal_of
from nxsms_nb.errors import ConfigError, JournalError, Stopped
from nxsms_nb.files.output import Output
from nxsms_nb.files.reading import open_source
from nxsms_nb.filetypes import workbooks
from nxsms_nb.filetypes.kinds import kind_of
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.rows.columns import resolve
from nxsms_nb.settings import COLUMNS, SENDING, with_defaults
from nxsms_nb.stream import as_pandas, send_stream

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.settings import Sending

__all__ = ["send_file"]

ROWS: Final = 50_000
"""Rows per chunk: a few tens of megabytes with their results."""


def send_file(
    source: Path,
    target: Path,
    client: Client | None = None,
    *,
    rows: int = ROWS,
    encoding: str | None = None,
    sep: str | None = None,
    sheet: str | None = None,
    **given: Unpack[Sending],
) -> dict[str, int]:
    """Send a file, chunk by chunk, and write its rows with their results.

    Parameters
    ----------
    source, target : Path
        Files ending in ``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz``, ``.xlsx`` or ``.parquet``, in any case. The source's
        columns are written as they were read, those of Parquet with their types and the index that pandas noted, all
        others as text. A complete file replaces the target. After a stop the rows so far have the target's name if no
        file existed there, else they stay next to it; a note of the error says where. Run the same call again to
        continue: what was sent is not sent again.
    client : Client, optional
        The account; None: `Client.from_env`.
    rows : int, default 50,000
        Rows held at a time.
    encoding : str, optional
        The encoding of a text file. None: by its byte order mark, else UTF-8, else GB18030 if it certainly is Chinese.
        The target is UTF-8.
    sep : str, optional
        The column separator of text files, ``"tab"`` for a tab. None: a comma or a tab, depending on the name, or
        another one that the source's header shows.
    sheet : str, optional
        The sheet of a workbook: its name, or its number counted from 1. None: the first that is visible.
    **given
        As for `send_stream`.

    Returns
    -------
    dict of str to int
        Status to rows.

    Raises
    ------
    ConfigError
        A file has another format or cannot be read or written, the target is the source, or a column is missing; nothing
        was sent. Later on: the target cannot be written any more.
    Stopped
        As for `send`.

    Examples
    --------
    >>> import tempfile, nxsms_nb as nx
    >>> with tempfile.TemporaryDirectory() as folder, nx.Sandbox(seed=7) as sandbox:
    ...     source = Path(folder) / "in.csv"
    ...     _ = source.write_text("phone,content" + chr(10) + "8615088888888,Hi" + chr(10))
    ...     send_file(source, Path(folder) / "out.csv", sandbox.client, campaign="spring", progress="silent")
    {'Success': 1}
    """
    if kind_of(target) == ".xlsx":
        workbooks.engine()
    settings = with_defaults(given, SENDING, COLUMNS)
    content = settings["content"] if settings["content"] is not None else "content"
    reading, notes = open_source(source, rows, content, encoding=encoding, separator=sep, sheet=sheet)
    for note in notes:
        screen.say(note, error=True)
    resolve(as_pandas(reading.schema.empty_table()), {name: settings[name] for name in COLUMNS})
    with suppress(OSError):  # whether it can be written at all is found out below
        if target.samefile(source):
            raise ConfigError(f"{target} is the source itself. Choose another file.")
    if kind_of(target) == ".xlsx":
        # Found only after sending, its rows would have no results.
        for table in reading:
            workbooks.check_texts(table)
    client = client_or_env(client)
    journal = journal_of(settings, client).path
    if journal is not None and journal == Path(os.path.realpath(target)):
        raise ConfigError(f"{target} is the journal itself. Choose another file.")
    counts: Counter[str] = Counter()
    label = settings["prefix"] + "status"
    with (
        Output(
            target,
            reading.schema,
            reading.rows,
            prefix=settings["prefix"],
            separator=reading.separator if kind_of(source)[:4] == kind_of(target)[:4] else None,
            phone=settings["phone"],
        ) as output,
        closing(send_stream(reading, client, **given)) as stream,
    ):
        try:
            for sent in stream:
                output.write(reading.held, sent)
                counts.update({str(status): int(n) for status, n in sent[label].value_counts().items()})
        except (Stopped, JournalError) as error:
            # The results of the last rows may be nowhere else.
            if error.frame is not None:
                output.write(reading.held, error.frame)
            raise
    return {status: counts[status] for status in STATUSES if counts[status]}
