"""A function called in a forked process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any


def in_a_fork(function: Callable[[], Any]) -> str:
    """Call a function in a process forked from this one; what it returned or raised, as text."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_call, args=(function, there))
    process.start()
    try:
        assert here.poll(30), "the forked process gave no answer"
        return here.recv()
    finally:
        process.kill()
        process.join()


def _call(function: Callable[[], Any], pipe: Any) -> None:
    try:
        message = str(function())
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
    pipe.send(message)
