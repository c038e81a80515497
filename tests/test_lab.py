"""``python -m nxsms_nb lab``: copies of the notebooks, and JupyterLab on them."""

import pytest

from nxsms_nb.lab import copy, notebooks


@pytest.fixture(name="source")
def _source(tmp_path):
    source = tmp_path / "packed"
    (source / "img").mkdir(parents=True)
    (source / ".ipynb_checkpoints").mkdir()
    (source / "01_first.ipynb").write_text("one")
    (source / "img" / "a.png").write_bytes(b"picture")
    (source / ".ipynb_checkpoints" / "01_first.ipynb").write_text("stale")
    return source


def test_every_file_but_the_hidden_is_copied(source, tmp_path):
    """Notebooks and the files they show are copied, folders included; checkpoints are not."""
    copied, kept = copy(source, tmp_path / "mine")
    assert [file.as_posix() for file in copied] == ["01_first.ipynb", "img/a.png"]
    assert kept == []
    assert (tmp_path / "mine" / "img" / "a.png").read_bytes() == b"picture"
    assert not (tmp_path / "mine" / ".ipynb_checkpoints").exists()


def test_a_changed_copy_is_kept_and_named(source, tmp_path):
    """A second run overwrites nothing: it names the copies that differ and brings back those that are gone."""
    mine = tmp_path / "mine"
    copy(source, mine)
    (mine / "01_first.ipynb").write_text("my own words")
    (mine / "img" / "a.png").unlink()
    copied, kept = copy(source, mine)
    assert [file.as_posix() for file in copied] == ["img/a.png"]
    assert [file.as_posix() for file in kept] == ["01_first.ipynb"]
    assert (mine / "01_first.ipynb").read_text() == "my own words"


def test_the_notebooks_are_found():
    """The folder of the notebooks exists, in a checkout and in an installed package."""
    assert (notebooks() / "README.md").is_file()
