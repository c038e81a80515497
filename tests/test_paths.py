"""A path that begins with ``~`` is in the home folder, wherever one is given."""

import subprocess
import sys

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main
from nxsms_nb.given import path_as_given


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    """A home folder, and an empty one to work in."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(here)
    yield home
    assert not [*here.iterdir()]


def test_only_a_tilde_at_the_beginning_is_expanded(home):
    """Elsewhere it is part of a name, and a user's home is that user's."""
    assert path_as_given("~/a~/~") == home / "a~" / "~"
    assert str(path_as_given("a/~/b")) == "a/~/b"
    assert path_as_given("~") == home
    with pytest.raises(nx.ConfigError, match="Write the whole path"):
        path_as_given("~nobody-here-7/a")


def test_a_client_reads_its_settings_and_certificates_from_there(home):
    """The account's file, and authorities of one's own."""
    (home / "account.env").write_text("NXSMS_ACCESS_KEY=k\nNXSMS_ACCESS_SECRET=s\nNXSMS_APP_KEY=a\n")
    assert nx.Client.from_env("~/account.env").app_key == "a"
    (home / "ca.pem").write_text("nothing")
    with pytest.raises(nx.ConfigError, match=r"'~/ca.pem' contains no usable certificate"):
        nx.Client(access_key="k", access_secret="s", app_key="a", ca_file="~/ca.pem")


def test_a_list_and_a_workbook_are_there(home):
    """What ``suppress=`` names is read, and what `to_excel` names written."""
    pytest.importorskip("openpyxl")
    (home / "stop.csv").write_text("phone\n8615088888888\n")
    frame = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": "Hi"})
    with nx.Sandbox(seed=7) as sandbox:
        sent = frame.nxsms.send(sandbox.client, suppress="~/stop.csv", progress="silent")
    assert sent["status"].tolist() == ["Skipped", "Success"]
    sent.nxsms.to_excel("~/sent.xlsx")
    assert (home / "sent.xlsx").stat().st_size


def test_the_command_line_takes_what_a_shell_leaves(home):
    """As in ``--journal=~/x``, which shells pass on as it is."""
    (home / "in.csv").write_text("phone,content\n8615088888888,Hi\n")
    code = main(["send", "~/in.csv", "~/out.csv", "--campaign", "spring", "--sandbox", "--journal=~/journal.sqlite3"])
    assert code == 0
    assert pd.read_csv(home / "out.csv")["status"].tolist() == ["Success"]
    assert (home / "journal.sqlite3").exists()


@pytest.mark.parametrize("words", [["demo", "--out=~nobody-here-7/x"], ["lab", "--folder=~nobody-here-7/x"]])
def test_an_unknown_home_is_an_error_of_the_command(home, words):
    """In words, and without a traceback."""
    done = subprocess.run([sys.executable, "-m", "nxsms_nb", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Write the whole path" in done.stderr
    assert "Traceback" not in done.stderr
