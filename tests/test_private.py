"""Nothing in the package leans on a private part of a library."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import nxsms_nb

PACKAGE = Path(nxsms_nb.__file__).parent
PRIVATE = re.compile(r"_(?!_)\w*(?<!_)|__\w*(?<!_)")
"""Not ``__dunder__``, nor ``_repr_html_`` and its like, by which IPython names what it calls."""
DOCUMENTED = {"_fields", "_asdict", "_make", "_replace"}
"""What a named tuple has; its names begin like this so that they cannot be a field's."""
UNDOCUMENTED = {
    "ClientRequest",
    "ResponseHandler",
    "HttpResponseParser",
    "StreamWriter",
    "set_response_params",
    "should_close",
}
"""Parts of aiohttp that its documentation does not describe: without an underscore, and no more to be relied on."""
NAMED = {"getattr", "setattr", "delattr", "hasattr", "attrgetter", "methodcaller", "import_module", "__import__"}


def private(name):
    """Whether a name, or a part of a dotted one, is private."""
    return any(PRIVATE.fullmatch(part) for part in name.split("."))


def undocumented_parts(source):
    """Each undocumented part of aiohttp that a module takes, as (line, text)."""
    tree = ast.parse(source)
    if "aiohttp" not in source:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of_connection = node.attr == "protocol" and ast.unparse(node.value).split(".")[-1].endswith("connection")
            if node.attr in UNDOCUMENTED or of_connection:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aiohttp":
            names = {*(node.module or "").split(".")[1:], *(name.name for name in node.names)}
            if names & UNDOCUMENTED or "." in (node.module or ""):
                yield node.lineno, ast.unparse(node)


def is_own(node):
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def made(node):
    """The names that a module gives: to its functions and methods, to variables, to attributes of its objects."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node.value):
        yield node.attr


def private_parts(source):
    """Each private name that a module takes from anything but itself, as (line, text)."""
    tree = ast.parse(source)
    own = {name for node in ast.walk(tree) for name in made(node)} | DOCUMENTED
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr):
            if not is_own(node.value) and node.attr not in own:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                if not (node.module or "").startswith("nxsms_nb") and private(f"{node.module or ''}.{name.name}"):
                    yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Import):
            for name in node.names:
                if not name.name.startswith("nxsms_nb") and private(name.name):
                    yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in node.args if called in NAMED else ():
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and private(argument.value):
                    yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_part_of_a_library_is_used(path):
    """A library may change its private parts in any release, and messages cost money."""
    assert list(private_parts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_undocumented_part_of_aiohttp_is_used(path):
    """Its main branch changes them without a word."""
    assert list(undocumented_parts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp; aiohttp.ClientRequest('POST', url)",
        "from aiohttp import ClientRequest",
        "from aiohttp.client_proto import ResponseHandler",
        "import aiohttp; self.connection.protocol.read()",
        "import aiohttp; connection.protocol",
        "import aiohttp; protocol.set_response_params()",
        "import aiohttp; made.should_close",
    ],
)
def test_undocumented_parts_are_found(source):
    """The search sees the ways there are to them."""
    assert list(undocumented_parts(source))


@pytest.mark.parametrize(
    "source",
    [
        "connector._ssl",
        "self.connector._ssl",
        "frame.index._values = 1",
        "self._session._connector",
        "from pandas._libs import lib",
        "from aiohttp import _http_parser",
        "import os._x",
        "getattr(x, '_name')",
        "operator.attrgetter('frame._mgr')(x)",
        "x.__private",
        "_connector = self._session._ssl",
    ],
)
def test_private_parts_are_found(source):
    """The search sees the ways there are to them."""
    assert len(list(private_parts(source))) >= 1


@pytest.mark.parametrize(
    "source",
    [
        "self._x",
        "cls._x",
        "x.__class__",
        "x._repr_html_()",
        "row._asdict()",
        "def _f(self, other): self._n = other._n",
        "_x = 1",
        "from nxsms_nb._arrow import a",
        "_(1)",
    ],
)
def test_private_parts_of_our_own_are_not(source):
    """Ours are ours."""
    assert list(private_parts(source)) == []
