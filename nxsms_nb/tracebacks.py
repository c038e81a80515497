"""Errors raised in another thread: release what their tracebacks hold, and find those that an interrupt caused."""

from __future__ import annotations

import traceback

from nxsms_nb.errors import Stopped


def without_frames(error: BaseException) -> BaseException:
    """Clear the frames of an error's traceback, so that what they refer to is released now."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            traceback.clear_frames(one.__traceback__)
            waiting += [one.__cause__, one.__context__]
    # It is shown without a traceback.
    return error.with_traceback(None) if isinstance(error, Stopped) else error


def is_of_interrupt(error: BaseException, outside: BaseException | None) -> bool:
    """Return whether an error was raised because of an interrupt, other than `outside`, which the caller handles."""
    one: BaseException | None = error
    while one is not None and one is not outside:
        if isinstance(one, KeyboardInterrupt):
            return True
        one = one.__context__
    return False
