"""A campaign held by one call: its lock, and the connection over which the call reads and records."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nxsms_nb.journal.reader import Reader

if TYPE_CHECKING:
    from nxsms_nb.journal.store import Hold, RunRecord, Snapshot, Store

__all__ = ["Campaign"]


class Campaign(Reader):
    """A campaign held by `Journal.campaign` until its ``with`` ends, or the record of its run is closed."""

    def __init__(self, hold: Hold, store: Store) -> None:
        self._hold = hold
        self._store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def path(self) -> Path | None:
        """The journal's file; None if it has none."""
        return self._store.path

    @property
    def named(self) -> str | None:
        """The journal as a person names it; None if it has no name."""
        return self._store.named

    @property
    def anywhere(self) -> bool:
        """Whether the rows may belong to any campaign."""
        return self._hold.anywhere

    def hold_own_ids(self) -> None:
        """Also exclude other runs whose frames have own ids; a stream learns only from its chunks that it needs to."""
        self._hold.own_ids()

    def record(
        self, *, rows: int, workers: int, anywhere: bool = False, gateway: str | None = None, app: str | None = None
    ) -> RunRecord:
        """Begin the record of a run; the campaign is released when it is closed, or when this raises.

        `workers` is the most requests in flight; `anywhere` says that rows may have been sent in another campaign, so
        that every campaign looks at this run as well; `gateway` is the base URL without credentials, and `app` a digest
        of the appKey, short enough that it cannot be reversed. An unusable journal raises `JournalError`.
        """
        return self._hold.record(rows=rows, workers=workers, anywhere=anywhere, gateway=gateway, app=app)

    def forget(self) -> None:
        """Delete what is recorded of the campaign."""
        self._hold.forget()

    def now_us(self) -> int:
        """Return the current time in microseconds since the epoch, by the clock that all users of the journal share."""
        return self._store.now_us()

    def release(self) -> None:
        """Release the campaign; a second time does nothing."""
        self._hold.release()

    def _reading(self) -> AbstractContextManager[Snapshot | None]:
        return self._hold.reading()
