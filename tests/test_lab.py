"""``python -m nxsms_nb lab``: copies of the notebooks, and JupyterLab on them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from nxsms_nb.__main__ import main
from nxsms_nb.lab import copy_notebooks, notebooks
from tests.support.machine import free_port


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
    copied, kept = copy_notebooks(source, tmp_path / "mine")
    assert [file.as_posix() for file in copied] == ["01_first.ipynb", "img/a.png"]
    assert kept == []
    assert (tmp_path / "mine" / "img" / "a.png").read_bytes() == b"picture"
    assert not (tmp_path / "mine" / ".ipynb_checkpoints").exists()


def test_a_changed_copy_is_kept_and_named(source, tmp_path):
    """A second run overwrites nothing: it names the copies that differ and brings back those that are gone."""
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    (mine / "01_first.ipynb").write_text("my own words")
    (mine / "img" / "a.png").unlink()
    copied, kept = copy_notebooks(source, mine)
    assert [file.as_posix() for file in copied] == ["img/a.png"]
    assert [file.as_posix() for file in kept] == ["01_first.ipynb"]
    assert (mine / "01_first.ipynb").read_text() == "my own words"


def test_the_notebooks_are_found():
    """The folder of the notebooks exists, in a checkout and in an installed package."""
    assert (notebooks() / "README.md").is_file()


def test_without_jupyterlab_nothing_is_copied(tmp_path, monkeypatch, capsys):
    """Where JupyterLab is missing, the command ends with the line that installs it, and copies nothing."""
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert main(["lab", "--folder", str(tmp_path / "mine")]) == 1
    assert 'python -m pip install "nxsms_nb[lab]"' in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_jupyterlab_opens_on_the_copies(tmp_path):
    """JupyterLab serves the folder of the copies; further arguments reach it."""
    port = free_port()
    words = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=open"]
    own = {name: str(tmp_path / "home") for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    command = [sys.executable, "-m", "nxsms_nb", "lab", *words]
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, **own}, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            served = _first_answer(process, f"http://127.0.0.1:{port}/api/contents?token=open")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    log = (tmp_path / "log").read_text()
    assert served is not None, log
    names = {entry["name"] for entry in served["content"]}
    assert names == {path.name for path in (tmp_path / "nxsms_notebooks").iterdir()} >= {"README.md"}
    files = [
        path
        for path in (tmp_path / "nxsms_notebooks").rglob("*")
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    ]
    assert log.startswith(f"Notebooks in nxsms_notebooks: {len(files)} new\n")


def _first_answer(process, url):
    while process.poll() is None:
        with suppress(URLError), urlopen(url) as reply:
            return json.load(reply)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    return None
