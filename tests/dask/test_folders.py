"""The folder of a Dask frame's results: named as a person names it, and with what systems leave in folders."""

from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}
LEFT = (".DS_Store", "._part-00000.parquet", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/", ".nfs0000", "Icon\r")


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    """A home folder, and another one to work in."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    return home


@pytest.mark.parametrize("verb", ["send", "recorded", "plan"])
def test_a_tilde_is_the_home_folder(dd, recipients, sandbox, home, verb):
    """No folder of that name is made."""
    ddf = dd.from_pandas(recipients(10), npartitions=2, sort=False)
    given = QUIET if verb == "send" else {"campaign": "spring"}
    getattr(ddf.nxsms, verb)(sandbox.client, to="~/results/spring", **given)
    assert sorted(path.name for path in (home / "results" / "spring").iterdir()) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert not [*Path().iterdir()]


def test_the_home_of_somebody_unknown_is_refused(dd, recipients, sandbox, home, tmp_path):
    """Before a row is sent."""
    ddf = dd.from_pandas(recipients(10), npartitions=2, sort=False)
    with pytest.raises(nx.ConfigError, match="'~nobody-here-7/x' begins with the home folder of a user"):
        ddf.nxsms.send(sandbox.client, to="~nobody-here-7/x", **QUIET)
    assert not len(sandbox.ledger)
    assert not [*(tmp_path / "here").iterdir()]


def test_what_systems_leave_in_a_folder_is_not_somebody_else_s(dd, recipients, sandbox, tmp_path):
    """Before the first send and before the next, such files stay, and the results are read without them."""
    frame = recipients(20)
    ddf, out = dd.from_pandas(frame, npartitions=2, sort=False), tmp_path / "out"
    out.mkdir()
    for name in LEFT:
        if name.endswith("/"):
            (out / name).mkdir()
            (out / name / "part-00000-checkpoint.parquet").write_bytes(b"stale")
        else:
            (out / name).write_bytes(b"of no concern")
    sent = ddf.nxsms.send(sandbox.client, to=out, **QUIET)
    assert sent["status"].compute().tolist() == ["Success"] * 20
    with pytest.warns(nx.AlreadySentWarning):
        again = ddf.nxsms.send(sandbox.client, to=out, **QUIET).compute()
    pd.testing.assert_frame_equal(again, sent.compute())
    assert {path.name for path in out.iterdir()} >= {name.rstrip("/") for name in LEFT}


@pytest.mark.parametrize(
    "name", ["notes.txt", "part-1.parquet", "_metadata", "Thumbs.db.parquet", "data.parquet", "sub/"]
)
def test_other_files_are_still_refused(dd, recipients, sandbox, tmp_path, name):
    """Whatever Dask might read, or a person has put there."""
    (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    ddf = dd.from_pandas(recipients(4), npartitions=1, sort=False)
    with pytest.raises(nx.ConfigError, match=r"holds .*Nothing was sent"):
        ddf.nxsms.send(sandbox.client, to=tmp_path, **QUIET)
    assert not len(sandbox.ledger)


@pytest.mark.parametrize("index", [range(100), [f"k{n:03d}" for n in range(100)]])
def test_divisions_that_were_known_are_known_of_the_results(dd, recipients, sandbox, tmp_path, index):
    """Numbers or text: the files keep what an index begins and ends with."""
    ddf = dd.from_pandas(recipients(100).set_axis(pd.Index(index, name="who")), npartitions=4)
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", campaign="spring", progress="silent")
    assert sent.divisions == ddf.divisions
