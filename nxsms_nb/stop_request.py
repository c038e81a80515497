"""Ask work in another thread to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from nxsms_nb.errors import Interrupted


class StopRequest:
    """A request to stop the work of a call.

    `asked`: no further request may be sent; a plain assignment suffices, since the work looks before each one.
    `hurried`: requests in flight are not awaited either. `listener` wakes work that waits, and is called from any
    thread.
    """

    __slots__ = ("asked", "hurried", "listener")

    def __init__(self) -> None:
        self.asked = False
        self.hurried = False
        self.listener: Callable[[], object] | None = None

    def ask(self) -> None:
        """Ask the work to stop; return at once."""
        self.asked = True
        self.wake()

    def hurry(self) -> None:
        """Ask the work not to await anything more."""
        self.hurried = True
        self.wake()

    def wake(self) -> None:
        """Wake work that waits."""
        listener = self.listener
        if listener is not None:
            # A closed event loop raises it: there is nothing left to wake.
            with suppress(RuntimeError):
                listener()

    def check(self) -> None:
        """Raise `Interrupted` if the work was asked to stop before its first request."""
        if self.asked:
            raise Interrupted("Stopped by you before anything was sent.")
