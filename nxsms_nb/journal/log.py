"""Check that the write-ahead log of a killed run still has everything that was committed.

SQLite ends a log at the first frame whose checksum is wrong, as after a power cut, and drops what follows without a
word. A log that was cut off while its end was written looks alike, and is distinguished here: nothing of the same log
follows, and no single bit changed back makes the frame right. The format: sqlite.org, "WAL-mode File Format".
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, NamedTuple

from nxsms_nb.journal.entries import Damage
from nxsms_nb.journal.place import real
from nxsms_nb.journal.tables import BUSY_S, writing

Order = Literal["big", "little"]
Sums = tuple[int, int]

_HEAD: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_WORD: Final = 0xFFFFFFFF


class _Frame(NamedTuple):
    """24 bytes in front of a page; `committed` is set in the last one of a transaction."""

    page: int
    committed: int
    salt: int
    other_salt: int
    one: int
    two: int


def log_of(path: Path) -> Path:
    """Return the write-ahead log of a journal."""
    there = real(path)
    return there.with_name(f"{there.name}-wal")


def has_log(path: Path) -> bool:
    """Return whether a journal has a log with anything in it."""
    try:
        return log_of(path).stat().st_size > 0
    except OSError:
        return False


class State(NamedTuple):
    """The state of a log: its header, which SQLite writes whenever it restarts the log, its size, and which file it is."""

    head: bytes
    size: int
    file: tuple[int, int]

    def may_become(self, other: State) -> bool:
        """Return whether SQLite itself may have turned this log into that one, by appending to it or restarting it."""
        if other.head == self.head:
            return len(self.head) == _HEAD.size and any(self.head) and other.size >= self.size
        if len(other.head) < _HEAD.size:
            return False
        order: Order = "big" if other.head[3] & 1 else "little"
        *_, one, two = _HEAD.unpack(other.head)
        # Its numbers and salts show nothing: a new connection counts from 0 and draws random salts.
        return any(other.head) and _checksum(other.head[:24], order, (0, 0)) == (one, two)


def state(log: Path) -> State:
    """Return the state of a write-ahead log."""
    # No file object: a run checks twice in each transaction, and buffers cost more than the check.
    descriptor = os.open(log, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head, about = os.read(descriptor, _HEAD.size), os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return State(head, about.st_size, (about.st_dev, about.st_ino))


def refuse_torn_log(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `Damage` where transactions that were committed are no longer read from the log; `connection` has it open."""
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    # While another run commits, its frames are in the log before SQLite counts them, and would look lost.
    with writing(connection), log_of(path).open("rb") as log:
        head = log.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        frames = []
        while len(raw := log.read(_FRAME.size)) == _FRAME.size:
            frames.append(_Frame(*_FRAME.unpack(raw)))
            log.seek(size, os.SEEK_CUR)
        valid = _frames_read(path)
        log.seek(_HEAD.size + valid * (_FRAME.size + size))
        rest = [log.read(_FRAME.size + size) for _ in frames[valid:]]
    if _torn(head, frames[valid - 1] if valid else None, frames[valid:], rest):
        raise Damage(f"its log, {log_of(path).name}, was changed, and what was recorded last is missing")


def _frames_read(path: Path) -> int:
    """Return how many frames SQLite reads from the log of a journal; only a checkpoint shows it.

    Another connection's checkpoint makes SQLite say -1; after 20 s of that, `sqlite3.OperationalError` is raised.
    """
    # A connection of its own: SQLite refuses a checkpoint inside a transaction.
    with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as beside:
        until = time.monotonic() + BUSY_S
        while True:
            busy, frames, _ = beside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames >= 0:
                return int(frames)
            if not busy:
                return 0
            if time.monotonic() > until:
                error = sqlite3.OperationalError("another program does not end its checkpoint")
                error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise error
            time.sleep(0.005)


def _torn(head: bytes, last: _Frame | None, frames: list[_Frame], rest: list[bytes]) -> bool:
    """Return whether frames that SQLite does not accept were written whole."""
    kind, _, size, _, salt, other_salt, one, two = _HEAD.unpack(head)
    order: Order = "big" if kind & 1 else "little"
    if _checksum(head[:24], order, (0, 0)) != (one, two):
        return True
    before: Sums = (one, two) if last is None else (last.one, last.two)
    broken = False
    for frame, raw in zip(frames, rest, strict=True):
        # Either, since the one that does not match may have been changed. None: left over from the log before.
        if frame.salt != salt and frame.other_salt != other_salt:
            break
        sums = (frame.one, frame.two)
        data = raw[:8] + raw[_FRAME.size :]
        # SQLite writes in order: a frame after a broken one, or a valid one that ends a transaction, was valid once.
        right = len(raw) == _FRAME.size + size and _checksum(data, order, before) == sums
        if broken or (right and frame.committed):
            return True
        if not right:
            if len(raw) == _FRAME.size + size and _one_bit_off(data, order, before, sums):
                return True
            broken = True
        before = sums
    return False


def _checksum(data: bytes, order: Order, before: Sums) -> Sums:
    one, two = before
    for at in range(0, len(data), 8):
        one = (one + int.from_bytes(data[at : at + 4], order) + two) & _WORD
        two = (two + int.from_bytes(data[at + 4 : at + 8], order) + one) & _WORD
    return one, two


def _one_bit_off(data: bytes, order: Order, before: Sums, sums: Sums) -> bool:
    """Return whether changing one bit of the data, or of the checksum itself, makes the checksum right."""
    found = _checksum(data, order, before)
    off = ((sums[0] - found[0]) & _WORD, (sums[1] - found[1]) & _WORD)
    steps = {((sign << bit) & _WORD) for bit in range(32) for sign in (1, -1)}
    if (off[0] in steps and not off[1]) or (off[1] in steps and not off[0]):
        return True
    # What a word adds to both sums, from the last one backwards.
    ones, twos = (1, 0), (0, 1)
    for _ in range(0, len(data), 8):
        both = ((ones[0] + ones[1]) & _WORD, (twos[0] + twos[1]) & _WORD)
        for adds in ((ones[1], twos[1]), both):
            if any(((adds[0] * step) & _WORD, (adds[1] * step) & _WORD) == off for step in steps):
                return True
        ones = (both[0], (both[0] + ones[1]) & _WORD)
        twos = (both[1], (both[1] + twos[1]) & _WORD)
    return False
