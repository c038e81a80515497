"""``python -m nxsms_nb``: what each command does, shown by running it."""

import json
import os
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pandas as pd
import pytest

from nxsms_nb.__main__ import main


def test_the_gateway_alone_says_how_to_reach_it_and_ends_with_ctrl_c(tmp_path):
    """``sandbox`` prints variables that a client finds by itself, answers, and ends quietly when interrupted."""
    with subprocess.Popen(
        [sys.executable, "-m", "nxsms_nb", "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            shown = []
            for line in process.stdout:
                shown.append(line)
                if "Ctrl-C" in line:
                    break
            exported = dict(
                pair.split("=", 1) for line in shown for pair in line.split("export ")[-1].split() if "=" in pair
            )
            address = subprocess.run(
                [sys.executable, "-c", "from nxsms_nb.client import Client; print(Client.from_env().base_url)"],
                env={**os.environ, **exported},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            with urlopen(Request(f"{address}/v1/sms/multi/mt", b"{}", {"Content-Type": "application/json"})) as reply:
                answer = json.load(reply)
        finally:
            process.send_signal(signal.SIGINT)
    assert answer["code"] == 1001
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sandbox", "--port", "70000"], "ConfigError: Sandbox: port=70000"),
        (["sandbox", "--tps", "-3"], "ConfigError: Sandbox: tps=-3.0"),
    ],
)
def test_an_error_is_one_line_with_the_remedy(words, said, capsys):
    """What is wrong with a command's arguments is said in a line, without a traceback, and the exit code is 1."""
    assert main(words) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--phone", "mobile"], "--duplicates drop sends only the first of each, --duplicates allow"),
        ([], "Is it 'mobile'? Name it, --phone mobile. Its columns"),
        (["--phone", "mobile", "--duplicates", "drop", "--journal", "IN"], "Name another file: --journal …."),
        (["--phone", "mobile", "--region", "XX"], "as in --region CN."),
    ],
)
def test_an_error_of_a_file_advises_options(tmp_path, capsys, options, said):
    """Python's keywords are no remedy on the command line."""
    source = tmp_path / "in.csv"
    source.write_text("mobile,content\n8615088888881,a\n8615088888881,b\n")
    os.utime(source, (0, 0))  # a file of this second is waited for: it may be a journal that is being created
    given = [str(source) if word == "IN" else word for word in options]
    assert main(["send", str(source), str(tmp_path / "out.csv"), "--campaign", "c", "--sandbox", *given]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert ".report" not in shown
    assert "=" not in shown.replace("region='XX'", "")


def test_without_credentials_the_sandbox_is_advised(tmp_path, capsys, monkeypatch):
    """By its option."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACCESS_KEY", "ACCESS_SECRET", "APP_KEY"):
        monkeypatch.delenv(f"NXSMS_{name}", raising=False)
    (tmp_path / "in.csv").write_text("phone,content\n8615088888881,a\n")
    assert main(["send", "in.csv", "out.csv", "--campaign", "c"]) == 2
    assert "or practise without an account: --sandbox." in capsys.readouterr().err


@pytest.mark.parametrize("words", [["in.csv", "out.csv", "--journal", ""], ["", "out.csv"], ["in.csv", " "]])
def test_an_empty_text_is_no_file(capsys, words):
    """As a variable of the shell that is not set gives one; it is not the folder one works in."""
    with pytest.raises(SystemExit) as ended:
        main(["send", *words, "--campaign", "c", "--sandbox"])
    assert ended.value.code == 2
    assert "an empty text is not a file" in capsys.readouterr().err


def test_only_lab_passes_arguments_on(capsys):
    """An argument that a command does not know ends it with the usage, but for ``lab``, where it goes to JupyterLab."""
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "--prot", "1"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --prot 1" in capsys.readouterr().err


def test_a_file_has_countries_in_a_column_and_bare_numbers(tmp_path, capsys):
    """--region names a country or a column, --bare what numbers without a sign of their country are."""
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("phone,land,content\n0151/12345678,de,a\n15088888888,CN,b\n447400123456,CN,c\n")
    given = ["send", str(source), str(target), "--campaign", "c", "--sandbox", "--region", "land"]
    assert main(given) == 0
    assert pd.read_csv(target)["status"].to_list() == ["Success", "Invalid", "Success"]
    assert main([*given, "--bare", "national"]) == 0
    assert pd.read_csv(target)["status"].to_list() == ["Success", "Success", "Invalid"]
    with pytest.raises(SystemExit):
        main([*given, "--bare", "both"])
    assert "--bare" in capsys.readouterr().err


def test_texts_that_read_as_a_mistake_are_listed_in_python(tmp_path, capsys):
    """No option lists them, and the command line has no frame."""
    source = tmp_path / "in.csv"
    source.write_text("phone,content\n8615088888881,Hi nan\n")
    assert main(["send", str(source), str(tmp_path / "out.csv"), "--campaign", "c", "--sandbox"]) == 0
    shown = "".join(capsys.readouterr())
    assert "1 of 1 text reads as a mistake" in shown
    assert "All of them: (in Python, with the file read as df) df.nxsms.validate().warnings" in shown
