"""``python -m nxsms_nb demo``: the main job, as a new user runs it."""

import re
import subprocess
import sys

import pandas as pd

import nxsms_nb  # noqa: F401 - gives frames .nxsms
from nxsms_nb.__main__ import main


def test_the_demo_sends_the_sample_and_writes_what_it_says(tmp_path):
    """The demo prints the counts of the frame it writes, writes two figures over older ones, and shows no number."""
    folder = tmp_path / "nxsms_demo"
    folder.mkdir()
    for name in ("failures.png", "throughput.png", "sent.parquet"):
        (folder / name).write_text("of an earlier run")
    shown = subprocess.run(
        [sys.executable, "-m", "nxsms_nb", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    sent = pd.read_parquet(folder / "sent.parquet")
    assert len(sent) == 2_400
    assert "2,369 rows can be sent, 31 cannot" in shown
    for status, label, count in sent.nxsms.summary()[["status", "label", "count"]].itertuples(index=False):
        assert re.search(rf"^{status} +{count:,} .*{label}$", shown, re.MULTILINE), status
    assert sent["status"].value_counts().to_dict().items() >= {"Invalid": 31, "Unknown": 0, "Unsent": 0}.items()
    for code, rows in sent.loc[sent["status"] == "Failure", "code"].value_counts().items():
        assert re.search(rf"^{code} +{rows:,} ", shown, re.MULTILINE), code
    for name in ("failures.png", "throughput.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert name in shown
    phones = sent["phone"].dropna().loc[lambda values: values.str.len() >= 7]
    assert not [phone for phone in phones if phone in shown]


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_sent(tmp_path, capsys):
    """Where ``--out`` names a file, the demo ends at once and names the option."""
    (tmp_path / "taken").write_text("a file")
    assert main(["demo", "--out", str(tmp_path / "taken")]) == 1
    shown = capsys.readouterr()
    assert "Choose another folder: --out FOLDER" in shown.err
    assert shown.out == ""
