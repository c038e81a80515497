"""A dispatch is made once, in one way, by whatever call sends rows or looks at them, and stays as it was made."""

import ast
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from nxsms_nb.engine.dispatch import Dispatch
from nxsms_nb.engine.prepare import prepare
from nxsms_nb.engine.sent_rows import read_back
from nxsms_nb.invocation import Invocation
from nxsms_nb.settings import COLUMNS, SENDING, with_defaults

from .people import people

PACKAGE = Path(__file__).parents[2] / "nxsms_nb"
NAMES = [field.name for field in fields(Dispatch)]


def calls_in(path):
    """The calls in a source file, each with the function that it stands in and the name that it calls."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function.name, ast.unparse(node.func), node


def dispatches(sandbox):
    """A dispatch as `send` makes it, and one as `retry` does."""
    frame = people(3)
    sent = frame.nxsms.send(sandbox.client, progress="silent")
    settings = with_defaults({}, SENDING, COLUMNS)
    journal = sandbox.client.journal
    yield prepare(frame, sandbox.client, settings, call=Invocation(), journal=journal)
    yield read_back(sent, sandbox.client, settings, call=Invocation("retry"), journal=journal).dispatch(journal, None)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_dispatch_is_exchanged(sandbox, name):
    """Assigning any of its attributes raises, however it came about."""
    for dispatch in dispatches(sandbox):
        with pytest.raises(FrozenInstanceError):
            setattr(dispatch, name, None)


def test_a_dispatch_comes_from_one_place():
    """Only `Dispatch.of` makes one: no call builds it by itself, copies it with changes or goes round its being frozen."""
    made, around = [], []
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "Dispatch" not in source:
            continue
        for function, name, call in calls_in(path):
            keywords = {keyword.arg for keyword in call.keywords}
            if name == "Dispatch" or (name == "cls" and path.name == "dispatch.py"):
                made.append((path.name, function))
            elif "__setattr__" in name or (name.split(".")[-1] == "replace" and keywords & {*NAMES}):
                around.append((path.name, function))
    assert made == [("dispatch.py", "of")]
    assert not around
