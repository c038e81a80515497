"""environment.yml says what pyproject.toml says."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

# What conda-forge calls otherwise; "matplotlib" there brings a whole Qt along.
CONDA_NAMES = {
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
    "xxhash": "python-xxhash",
}


@pytest.fixture(name="project")
def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(name="environment")
def _environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def _requirements(project):
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in ("lab", "dask", "team", "test") for line in extras[extra])]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != project["name"]]


def test_environment_holds_the_dependencies_of_pyproject(project, environment):
    """Every dependency of the package and of its extras stands in environment.yml with the same bounds."""
    wanted = {("python", project["requires-python"]), ("pip", "")}
    for requirement in _requirements(project):
        if requirement.marker is None:
            wanted.add((CONDA_NAMES.get(requirement.name, requirement.name), str(requirement.specifier)))
    listed = [Requirement(line) for line in environment["dependencies"] if isinstance(line, str)]
    assert {(requirement.name, str(requirement.specifier)) for requirement in listed} == wanted
    assert len(listed) == len(wanted)


def test_environment_installs_the_package_itself(project, environment):
    """The environment has the project's name, takes packages from conda-forge alone and installs the checkout."""
    assert environment["name"] == project["name"]
    assert environment["channels"] == ["conda-forge"]
    ((itself, *marked),) = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    assert itself == "-e ."
    # What is not for every platform is pip's: conda's files have no markers.
    assert [*map(Requirement, marked)] == [one for one in _requirements(project) if one.marker is not None]
