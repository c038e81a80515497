"""Event loops: the work's own, which ends when it is asked to, and the caller's, which waits for the work."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from nxsms_nb.calls import LOOK_S, PATIENCE_S, Call
from nxsms_nb.errors import ConfigError, note_cancellation

__all__ = ["awaited", "in_loop", "unless_stopped", "unwanted"]

_T = TypeVar("_T")


def in_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in a new asyncio event loop, whatever loop policy (uvloop's, for example) the program has set."""
    if sys.platform == "win32":
        factory: type[asyncio.AbstractEventLoop] = asyncio.ProactorEventLoop
    else:
        factory = asyncio.SelectorEventLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


async def unwanted(call: Call[Any]) -> None:
    """Wait until a call's work is no longer wanted."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    call.stop.listener = partial(loop.call_soon_threadsafe, woken.set)
    try:
        while call.wanted:
            woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), LOOK_S)
    finally:
        call.stop.listener = None


async def unless_stopped(call: Call[Any], work: Coroutine[Any, Any, object]) -> bool:
    """Await work until it is done or a stop is requested; return whether it was completed."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(unwanted(call))
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        doing.cancel()
        await asyncio.wait({doing})
    if doing.cancelled():
        return False
    doing.result()
    return True


async def awaited(call: Call[_T]) -> _T:
    """Await a call's work without blocking the event loop.

    A cancellation stops the work, awaits its end and is raised again.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError("asend needs a running asyncio event loop. With trio or another library, use send.") from None
    end = loop.create_future()
    call.at_end = partial(loop.call_soon_threadsafe, _fulfil, end)
    try:
        call.launch()
        await _ended(call, end)
        return call.outcome()
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit) as error:
        if not call.ended:
            call.stop.ask()
            await _wound_down(call, end)
        if isinstance(error, asyncio.CancelledError):
            note_cancellation(error, call.recorded)
        raise
    finally:
        call.let_go()


async def _ended(call: Call[Any], end: asyncio.Future[None], until: float = math.inf) -> None:
    while not call.ended and time.monotonic() < until:
        # A kernel's interrupt cancels the cell but does not wake its loop, which would sleep until the run's end.
        await asyncio.wait({end}, timeout=LOOK_S)


async def _wound_down(call: Call[Any], end: asyncio.Future[None]) -> None:
    patience = math.inf
    while not call.ended and time.monotonic() < patience:
        try:
            await _ended(call, end, patience)
        except asyncio.CancelledError:
            patience = min(patience, time.monotonic() + PATIENCE_S)
            call.stop.hurry()


def _fulfil(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
