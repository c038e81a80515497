"""The layout of a journal's file: its tables, its marks and its version."""

from __future__ import annotations

import sqlite3
from typing import Final

from nxsms_nb.errors import JournalError
from nxsms_nb.journal.entries import Damage
from nxsms_nb.journal.tables import writing

APPLICATION_ID: Final = 0x4E58534D
"""``NXSM``: marks the file as a journal (SQLite's ``application_id``)."""

VERSION: Final = 4
"""The version of the schema (SQLite's ``user_version``); a file of another one is refused."""

# Fingerprints are read far more often than ids; in front of these, they are found without reading the ids' pages.
SCHEMA: Final = (
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, campaign TEXT NOT NULL, gateway TEXT, app TEXT,
        started_us INTEGER NOT NULL, rows INTEGER NOT NULL, anywhere INTEGER NOT NULL,
        ended_us INTEGER, rate REAL, pace REAL, stopped TEXT, blocks INTEGER, batches INTEGER, outcomes INTEGER,
        checksum INTEGER NOT NULL
    )""",
    """CREATE TABLE block (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id), digested INTEGER NOT NULL,
        checksum INTEGER NOT NULL, rest_checksum INTEGER NOT NULL,
        fingerprints BLOB NOT NULL, rest BLOB NOT NULL, keys BLOB
    )""",
    "CREATE INDEX block_run ON block(run)",
    """CREATE TABLE batch (
        id INTEGER PRIMARY KEY AUTOINCREMENT, block INTEGER NOT NULL REFERENCES block(id),
        start INTEGER NOT NULL, size INTEGER NOT NULL, sent_us INTEGER NOT NULL, query INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    )""",
    "CREATE INDEX batch_block ON batch(block)",
    """CREATE TABLE outcome (
        batch INTEGER PRIMARY KEY REFERENCES batch(id), status INTEGER NOT NULL, code INTEGER, reason TEXT,
        latency_ms REAL, carried INTEGER NOT NULL, exceptions TEXT, checksum INTEGER NOT NULL
    )""",
)
"""The statements that make the schema. ``run.blocks`` to ``run.outcomes`` are null until the run's end is written."""

# A receipt that is known in each of its fields is known: its checksum is over what the vendor said, and stands once an id.
RECEIPTS: Final = (
    """CREATE TABLE receipt (
        id INTEGER PRIMARY KEY AUTOINCREMENT, messageid TEXT NOT NULL, dr TEXT, dr_status INTEGER, dr_time TEXT,
        price REAL, currency TEXT, segments INTEGER, network TEXT, source TEXT NOT NULL,
        checksum INTEGER NOT NULL, root TEXT, received_us INTEGER NOT NULL, UNIQUE(messageid, checksum)
    )""",
    "CREATE INDEX receipt_root ON receipt(root) WHERE root IS NOT NULL",
)
"""The statements that make the table of receipts, which journals of an earlier version lack."""


def create(connection: sqlite3.Connection) -> None:
    """Create the tables, in a transaction of the caller's."""
    for statement in (*SCHEMA, *RECEIPTS):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check_layout(connection: sqlite3.Connection, name: str) -> None:
    """Check that a database is a journal in the present layout; create the tables if there are none."""
    # In one transaction: another process may be creating the file.
    connection.execute("BEGIN")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")}
    connection.execute("COMMIT")
    if application != APPLICATION_ID and (application or made):
        raise JournalError(f"{name} is a database of another program. Name another file: journal='…'.")
    if version > VERSION:
        raise JournalError(
            f"The journal {name} was written by a newer version of nxsms_nb (schema {version}, this one reads "
            f"{VERSION}). Upgrade: python -m pip install --upgrade nxsms_nb"
        )
    if made and version < VERSION:
        raise JournalError(
            f"The journal {name} was written by a pre-release version of nxsms_nb (schema {version}, this one "
            f"reads {VERSION}), and cannot be converted. Nothing was sent. Name a new file: journal='…'. It knows "
            "nothing of earlier sends: a frame that carries their results (status, messageid) does, so send that one."
        )
    if made or application:
        if not made.issuperset(SCHEMA):
            raise Damage("its tables were changed")
        if not made.issuperset(RECEIPTS):
            _add_receipts(connection)
        return
    with writing(connection):
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            create(connection)


def _add_receipts(connection: sqlite3.Connection) -> None:
    """Add the table of receipts to a journal of an earlier version, whose runs it does not concern."""
    with writing(connection):
        # Again: another process may have done it meanwhile.
        made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")}
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'receipt%'")}
        if not made.issuperset(RECEIPTS):
            if names:
                raise Damage("its tables were changed")
            for statement in RECEIPTS:
                connection.execute(statement)
