"""Imports point downwards, and enter a room by its face: the modules in its ``__all__``, and the names in each one's."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nxsms_nb"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@cache
def face(path: Path) -> frozenset[str]:
    """The names in a source file's ``__all__``; of a stub, those that it exports."""
    stub = path.with_suffix(".pyi")
    if stub.exists():
        body = ast.parse(stub.read_text(encoding="utf-8")).body
        return frozenset(name.asname for line in body if isinstance(line, ast.ImportFrom) for name in line.names)
    for line in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == ["__all__"]:
            return frozenset(ast.literal_eval(line.value))
    return frozenset()


def outside(source: str, room: str, package: Path = PACKAGE) -> Iterator[str]:
    """The names of other rooms that a source text takes and that are not in their faces."""
    tree = ast.parse(source)
    modules: dict[str, tuple[str, ...]] = {}
    for line in ast.walk(tree):
        if isinstance(line, ast.Import):
            yield from (name.name for name in line.names if name.name.startswith(f"{package.name}."))
        if not isinstance(line, ast.ImportFrom):
            continue
        # The package's own stub names its modules relative to itself.
        parts = (line.module or "").split(".") if line.level == 1 else (line.module or "").split(".")[1:]
        if not line.level and (line.module or "").split(".")[0] != package.name:
            continue
        for name in line.names:
            place = tuple(part for part in (*parts, name.name) if part)
            if place[0] == room or place[0] not in ROOMS:
                continue
            hidden = next(
                (part for part in (place[:2], place[:3]) if len(part) > 1 and not is_shown(part, package)), ()
            )
            if hidden:
                yield ".".join(hidden)
            elif len(place) < 3:
                modules[name.asname or name.name] = place
    for node in ast.walk(tree):
        place = reached(node, modules) if isinstance(node, ast.Attribute) else ()
        # Of a module that is hidden itself, nothing more need be said.
        if place and not is_shown(place, package) and is_shown(place[:2], package) == (len(place) == 3):
            yield ".".join(place)


def reached(node: ast.Attribute, modules: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The room, the module and the name that an attribute of an imported room or module stands for; else nothing."""
    names = ast.unparse(node).split(".")
    place = (*modules.get(names[0], ()), *names[1:])
    return place if names[0] in modules and 1 < len(place) < 4 else ()


def is_shown(place: tuple[str, ...], package: Path) -> bool:
    """Whether a room shows a module or a name, or a module of it shows a name."""
    folder = package / place[0]
    if len(place) == 2:
        return place[1] in face(folder / "__init__.py")
    module = folder / f"{place[1]}.py"
    return not module.exists() or place[2] in face(module)


@pytest.mark.parametrize(
    "path", [*PACKAGE.rglob("*.py"), PACKAGE / "__init__.pyi"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_room_is_entered_by_its_face_alone(path):
    """What another room does not show is not imported from it: it may change without a look at who uses it."""
    place = path.relative_to(PACKAGE)
    room = place.parts[0] if len(place.parts) > 1 else ""
    assert not list(outside(path.read_text(encoding="utf-8"), room))


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_has_only_names_that_there_are(room):
    """A name that was renamed or removed leaves the face as well."""
    folder = PACKAGE / room
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {
            node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        defined |= {node.id for line in tree.body for node in ast.walk(line) if isinstance(node, ast.Name)}
        defined |= {name.name for line in tree.body if isinstance(line, ast.ImportFrom) for name in line.names}
        if path.name == "__init__.py":
            defined |= {other.stem for other in folder.glob("*.py")}
        assert face(path) <= defined, path.name


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from nxsms_nb.journal.locks import at_work", ["journal.locks"]),
        ("from nxsms_nb.journal import writer", ["journal.writer"]),
        ("from nxsms_nb.journal import writer as ink\nink.Writer()", ["journal.writer"]),
        ("from nxsms_nb.rows import id_format\nid_format.chunks(1)", ["rows.id_format.chunks"]),
        ("from nxsms_nb.rows import id_format as ids\nids.roots(1); ids._PARTS", ["rows.id_format._PARTS"]),
        ("from nxsms_nb import views\nviews.bars.by_code()", ["views.bars"]),
        ("from nxsms_nb import views\nviews.plots.failures(); views.plots._step()", ["views.plots._step"]),
        ("import nxsms_nb.journal.locks", ["nxsms_nb.journal.locks"]),
        ("def late():\n    from nxsms_nb.rows.cells import Cells", ["rows.cells.Cells"]),
        ("from nxsms_nb.journal.journal import Journal\nJournal().anything", []),
        ("from nxsms_nb.formatting import count", []),
        ("import json\nfrom pathlib import Path", []),
    ],
)
def test_what_is_behind_a_face_is_found(source, found):
    """However it is imported: by name, under another name, with its module, or late."""
    assert list(outside(source, "engine")) == found


def test_a_room_may_take_anything_of_its_own():
    """The border is between rooms, not between the modules of one."""
    assert not list(outside("from nxsms_nb.journal.locks import at_work, _identity", "journal"))


def test_imports_point_downwards(capsys, monkeypatch):
    """The layers that pyproject.toml declares are kept by every module."""
    monkeypatch.chdir(ROOT)
    failed = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert not failed, capsys.readouterr().out
