"""The notebooks as they are committed: executed, whole, and without anything that must not be passed around."""

import json
import re

import nbformat
import pytest

import nxsms_nb as nx
from nxsms_nb.lab import notebooks

FILES = sorted(notebooks().glob("*.ipynb"))
PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")
CELL = re.compile(r"\S*ipykernel_\d+\S*\.py")
NUMBER = re.compile(r"(?<!\d)(?<!\b0\.)\d{7,}")  # not the digits of a small p, 0.0002127
EXAMPLE = "8615088888888"
"""The vendor's own example, which hints quote."""


@pytest.fixture(name="notebook", params=FILES, ids=lambda file: file.stem)
def _notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook):
    """Every text that a cell's outputs hold; pictures left out, and the name a kernel gives to a cell."""
    for cell in code(notebook):
        for output in cell.outputs:
            texts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", ())]
            texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
            yield from (CELL.sub("", PICTURE.sub("", text)) for text in texts)


def test_there_are_notebooks():
    """The folder that is packed has the notebooks, and each is named in its README."""
    assert [file.name for file in FILES] == re.findall(
        r"`(\w+\.ipynb)`", (notebooks() / "README.md").read_text(encoding="utf-8")
    )


def test_they_are_committed_executed_from_top_to_bottom(notebook):
    """Each code cell has run, in its turn: what was never run is never checked."""
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_nothing_raised_that_was_not_meant_to(notebook):
    """A cell that ends in an error carries the tag that says so."""
    for cell in code(notebook):
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", []))


def test_they_are_valid_and_have_no_state_of_widgets(notebook):
    """Widgets without their state make a notebook invalid where it is published, and lasting HTML needs none."""
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_no_phone_number_is_shown(notebook):
    """A number of seven digits or more may be somebody's: none stands in an output."""
    assert {number for text in shown(notebook) for number in NUMBER.findall(text)} <= {EXAMPLE}


def test_no_secret_and_no_folder_of_a_person_is_in_them(notebook):
    """Neither the keys of the sandbox that ran nor the places where it ran are in the file."""
    with nx.Sandbox(seed=7) as sandbox:
        secrets = [sandbox.access_key, sandbox.access_secret, sandbox.app_key, sandbox.app_secret]
    text = json.dumps(notebook)
    assert not [secret for secret in secrets if secret in text]
    assert not re.findall(r"/(?:home|root|Users)/|site-packages", text)


def test_links_lead_to_notebooks_that_are_there(notebook):
    """A link to another notebook works in a copy of the folder too: same folder, and the file exists."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\(([^)]+)\)", cell.source):
                assert "://" in link or (notebooks() / link).is_file()
                assert "/" not in link or "://" in link
