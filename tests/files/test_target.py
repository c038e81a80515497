"""Where a file's results end up: refused beforehand, complete, stopped, killed, on a full disk; with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main
from nxsms_nb.files.sending import send_file

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are of POSIX systems")


def people(n, first=0):
    return pd.DataFrame(
        {
            "phone": [str(8615000000000 + first + i) for i in range(n)],
            "content": [f"Hi {first + i}" for i in range(n)],
        }
    )


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="account")
def _account(sandbox, tmp_path, monkeypatch):
    """The sandbox as the environment's account, and a folder to work in."""
    account = {
        "NXSMS_BASE_URL": sandbox.url,
        "NXSMS_ACCESS_KEY": sandbox.access_key,
        "NXSMS_ACCESS_SECRET": sandbox.access_secret,
        "NXSMS_APP_KEY": sandbox.app_key,
        "NXSMS_JOURNAL": str(tmp_path / "journal.sqlite"),
    }
    for name, value in account.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    people(250).to_csv("in.csv", index=False)
    people(250).to_parquet("in.parquet")
    return account


def command(source, target, *more):
    return [sys.executable, "-m", "nxsms_nb", "send", str(source), str(target), "--campaign", "spring", *more]


def refused(words, capsys):
    """What the command says when it refuses a call: one line, exit code 2."""
    code = main(["send", *words, *([] if "--campaign" in words else ["--campaign", "spring"])])
    shown = capsys.readouterr()
    assert code == 2
    assert "Written" not in shown.out
    (line,) = shown.err.splitlines()
    return line


def broken_csv(text, encoding="utf-8"):
    Path("broken.csv").write_bytes(text.encode(encoding))
    return "broken.csv"


def cut_parquet(keep):
    whole = Path("in.parquet").read_bytes()
    Path("broken.parquet").write_bytes(whole[:keep])
    return "broken.parquet"


def torn_parquet():
    """A file whose footer is whole and whose second half of data is not."""
    people(20_000).to_parquet("broken.parquet", row_group_size=10_000, compression="none")
    data = bytearray(Path("broken.parquet").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = b"\xff" * 60_000
    Path("broken.parquet").write_bytes(data)
    return "broken.parquet"


def views_parquet():
    """A column of a type that no CSV can be written of."""
    views = pa.array([[b"ab"], None], pa.list_(pa.binary_view()))
    pq.write_table(
        pa.table({"phone": ["8615000000000", "8615000000001"], "content": ["Hi", "Hi"], "x": views}), "v.parquet"
    )
    return "v.parquet"


HEAD = "phone,content\n" + "".join(f"{8615000000000 + i},Hi\n" for i in range(120_000))

REFUSED = {
    "target in no folder": (lambda: ["in.csv", "no/where/out.csv"], "does not exist"),
    "target below a file": (lambda: ["in.csv", "in.parquet/out.csv"], "does not exist"),
    "target is a folder": (lambda: [Path("dir.csv").mkdir() or "in.csv", "dir.csv"], "dir.csv is a folder"),
    "target cannot be written": (lambda: ["in.csv", "/proc/out.csv"], "/proc/out.csv cannot be written"),
    "target is the source": (lambda: ["in.csv", "in.csv"], "is the source itself"),
    "target is a link to the source": (
        lambda: [Path("l.csv").symlink_to("in.csv") or "in.csv", "l.csv"],
        "source itself",
    ),
    "target is the source once more": (
        lambda: [os.link("in.csv", "l.csv") or "in.csv", "l.csv"],
        "is the source itself",
    ),
    "target of another kind": (lambda: ["in.csv", "out.xls"], "must end in .csv"),
    "target whose name is too long": (lambda: ["in.csv", "x" * 252 + ".csv"], "cannot be written"),
    "source is not there": (lambda: ["gone.csv", "out.csv"], "gone.csv does not exist"),
    "source is a folder": (
        lambda: [Path("dir.csv").mkdir() or "dir.csv", "out.csv"],
        "dir.csv is a folder, not a file",
    ),
    "source is a pipe": (
        lambda: [os.mkfifo("pipe.csv") or "pipe.csv", "out.csv"],
        "pipe.csv is a pipe or a device, not a file",
    ),
    "source is empty": (lambda: [broken_csv(""), "out.csv"], "is empty"),
    "source is blank": (lambda: [broken_csv("\n\n"), "out.csv"], "is empty"),
    "source is no Parquet": (lambda: [Path("in.csv").rename("x.parquet"), "out.csv"], "cannot be read"),
    "source is a Parquet without a footer": (lambda: [cut_parquet(500), "out.csv"], "cannot be read"),
    "source is a Parquet of no bytes": (lambda: [cut_parquet(0), "out.csv"], "is empty"),
    "source is torn": (lambda: [torn_parquet(), "out.csv"], "cannot be read"),
    "source is a Parquet by another name": (
        lambda: [Path("in.parquet").rename("x.csv"), "out.csv"],
        "cannot be",
    ),
    "source is not UTF-8 at its end": (
        lambda: [broken_csv(HEAD + "861500,Grüße\n", "latin-1"), "out.csv"],
        "not UTF-8",
    ),
    "source is UTF-16 without a mark": (
        lambda: [broken_csv(HEAD[:300], "utf-16-le"), "out.csv"],
        "--encoding utf-16-le",
    ),
    "a row with too many fields at its end": (
        lambda: [broken_csv(HEAD + "861500,a,b\n"), "out.csv"],
        "cannot be read after",
    ),
    "every row with a field too many": (
        lambda: [broken_csv("phone,content\n8615000000000,Hi,x\n"), "out.csv"],
        "cannot be",
    ),
    "a quote that never ends": (lambda: [broken_csv(HEAD + '861500,"a\n'), "out.csv"], "cannot be read after"),
    "no column with the numbers": (lambda: [broken_csv("mobile,content\n861500,Hi\n"), "out.csv"], "no column 'phone'"),
    "no such column": (lambda: ["in.csv", "out.csv", "--phone", "mobile"], "--phone mobile"),
    "two columns of one name": (
        lambda: [broken_csv("phone,phone,content\n1,1,Hi\n"), "out.csv"],
        "more than one column",
    ),
    "a column with the name of a result": (
        lambda: [broken_csv("phone,content,status\n8615000000000,Hi,new\n"), "out.csv"],
        "--prefix sms_",
    ),
    "numbers twice": (lambda: [broken_csv("phone,content\n" + "8615000000000,Hi\n" * 2), "out.csv"], "position 1"),
    "a column that no CSV can hold": (lambda: [views_parquet(), "out.csv"], "cannot be written as CSV"),
    "target is the journal": (lambda: ["in.csv", "out.csv", "--journal", "out.csv"], "out.csv is the journal"),
    "no journal can be there": (lambda: ["in.csv", "out.csv", "--journal", "in.csv"], "in.csv"),
    "a campaign without a name": (lambda: ["in.csv", "out.csv", "--campaign", ""], "--campaign"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_file_that_cannot_be_sent_is_refused_before_anything_is(account, sandbox, capsys, why):
    """One line with the cause, exit code 2, no file left behind, no request."""
    words, said = REFUSED[why]
    arguments = words()
    before = sorted(path.name for path in Path().iterdir())
    assert said in refused(list(map(str, arguments)), capsys)
    assert sorted(name for name in (path.name for path in Path().iterdir()) if "journal" not in name) == [
        n for n in before if "journal" not in n
    ]
    assert len(sandbox.ledger) == 0


def test_agreement_is_asked_for_before_the_first_row_of_a_file(account, sandbox, capsys, monkeypatch):
    """The line says what to add to the command, for CSV as for Parquet."""
    monkeypatch.setenv("NXSMS_BASE_URL", "https://gateway.invalid")
    for source in ("in.csv", "in.parquet"):
        line = refused([source, "out.csv"], capsys)
        assert line.endswith("If that is what you want: --confirm 250")
        assert "250 messages to https://gateway.invalid" in line
    assert "out.csv" not in " ".join(path.name for path in Path().iterdir())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_complete_target_is_replaced_by_a_complete_one_only(account, sandbox, capsys, kind):
    """A later run that stops leaves it as it is, with its own rows beside; one that comes to its end replaces it."""
    source, target = f"in.{kind}", f"out.{kind}"
    assert main(["send", source, target, "--campaign", "spring"]) == 0
    complete = Path(target).read_bytes()
    sandbox.balance = 0
    assert main(["send", source, target, "--campaign", "summer"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("AccountRefused: ")
    assert said[1].startswith(
        f"{Path.cwd() / target}.part has the rows so far (250 of 250 rows). {target} is unchanged."
    )
    assert Path(target).read_bytes() == complete
    sandbox.balance = None
    assert main(["send", source, target, "--campaign", "summer"]) == 0
    assert f"Kept from runs that did not finish: {Path.cwd() / target}.part" in capsys.readouterr().err
    assert Path(target).read_bytes() != complete
    assert Path(f"{target}.part").exists()
    assert not Path(f"{target}.part2").exists()
    assert len(sandbox.ledger) == 500


@POSIX
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_a_killed_run_left_replaces_nothing(account, sandbox, capsys, kind):
    """After kill -9 the complete target of before stands, also when the next call fails; the one after completes it."""
    source, target = f"in.{kind}", f"out.{kind}"
    assert main(["send", source, target, "--campaign", "spring"]) == 0
    complete = Path(target).read_bytes()
    sandbox.hold()
    with subprocess.Popen([*command(source, target)[:-1], "summer", "--concurrency", "1"]) as killed:
        assert sandbox.wait_for(effects=251, timeout=30)
        killed.kill()
    sandbox.release()
    assert Path(f"{target}.part").exists()
    assert Path(target).read_bytes() == complete
    sandbox.balance = 0
    assert main(["send", source, target, "--campaign", "autumn"]) == 1
    assert Path(target).read_bytes() == complete
    sandbox.balance = None
    capsys.readouterr()
    assert main(["send", source, target, "--campaign", "summer"]) == 0
    read = pd.read_parquet if kind == "parquet" else pd.read_csv
    assert len(read(target)) == 250
    assert sandbox.effects().max() == 1


@POSIX
def test_ctrl_c_leaves_the_rows_so_far_under_the_targets_name_where_nothing_stood(account, sandbox):
    """Exit code 130; the same command goes on and completes the file."""
    sandbox.hold()
    with subprocess.Popen(command("in.csv", "out.csv"), stderr=subprocess.PIPE, text=True) as stopped:
        assert sandbox.wait_for(effects=1, timeout=30)
        stopped.send_signal(signal.SIGINT)
        sandbox.release()
        said = stopped.communicate(timeout=60)[1]
    assert stopped.returncode == 130
    assert "out.csv has the rows so far (250 of 250 rows)" in said
    assert "Traceback" not in said
    results = pd.read_csv("out.csv")
    assert (results["status"] == "Success").sum() == len(sandbox.ledger)
    assert main(["send", "in.csv", "out.csv", "--campaign", "spring"]) == 0
    assert (pd.read_csv("out.csv")["status"] == "Success").all()
    assert sandbox.effects().eq(1).all()
    assert not list(Path().glob("*.part*"))


FULL = """
import resource, signal, sys
from nxsms_nb.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@POSIX
@pytest.mark.parametrize("most", [1_000_000, 4_000_000])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_full_disk_ends_the_run_with_a_line_and_no_row_is_sent_twice(account, sandbox, kind, most):
    """The disk is full when the first rows are to be written: they were sent, the journal knows them, the target stands."""
    target = Path(f"out.{kind}")
    target.write_text("a complete file of before")
    people(5000).assign(note=[os.urandom(400).hex() for _ in range(5000)]).to_csv("in.csv", index=False)
    words = [sys.executable, "-c", FULL, str(most), "send", "in.csv", target, "--campaign", "spring"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{target.name}.part cannot be written (File too large). The journal knows what was sent." in done.stderr
    assert target.read_text() == "a complete file of before"
    assert main(["send", "in.csv", str(target), "--campaign", "spring"]) == 0
    assert sandbox.effects().eq(1).all()
    assert len(sandbox.ledger) == 5000


@POSIX
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_disk_that_is_full_already_is_found_before_anything_is_sent(account, sandbox, kind):
    """One line, exit code 2, nothing left behind."""
    words = [sys.executable, "-c", FULL, "2", "send", "in.csv", f"out.{kind}", "--campaign", "spring"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == f"ConfigError: out.{kind} cannot be written (File too large). Nothing was sent.\n"
    assert not list(Path().glob("out*"))
    assert len(sandbox.ledger) == 0


@POSIX
def test_a_target_keeps_its_mode_and_a_link_stays_a_link(account, sandbox):
    """A file that only its owner reads is not opened to others by being replaced."""
    Path("kept").mkdir()
    Path("kept/real.csv").write_text("x")
    Path("kept/real.csv").chmod(0o600)
    Path("out.csv").symlink_to("kept/real.csv")
    assert main(["send", "in.csv", "out.csv", "--campaign", "spring"]) == 0
    assert Path("out.csv").is_symlink()
    assert Path("kept/real.csv").stat().st_mode & 0o777 == 0o600
    assert len(pd.read_csv("kept/real.csv")) == 250


def test_two_runs_into_one_target_do_not_mix(account, sandbox, tmp_path):
    """Each writes beside the target; the one that ends last has it."""
    one, other = tmp_path / "in.csv", tmp_path / "other.csv"
    people(50, 1000).to_csv(other, index=False)
    sandbox.hold()
    with subprocess.Popen(command(one, "out.csv")) as first:
        assert sandbox.wait_for(effects=200, timeout=30)
        with subprocess.Popen([*command(other, "out.csv")[:-1], "summer"], stderr=subprocess.DEVNULL) as second:
            assert sandbox.wait_for(effects=250, timeout=30)
            sandbox.release()
            assert (first.wait(60), second.wait(60)) == (0, 0)
    assert len(pd.read_csv("out.csv")) in (50, 250)
    assert not list(Path().glob("*.part*"))
    assert len(sandbox.ledger) == 300


def test_an_error_on_the_way_keeps_the_rows_before_it(account, sandbox, tmp_path):
    """Duplicates in a later chunk: the chunks before stand in the target, and the error is placed in the source."""
    pd.concat([people(20), people(2, 18)]).to_csv("in.csv", index=False)
    pd.concat([people(20), people(1, 30), people(1, 30)]).to_csv("twice.csv", index=False)
    with pytest.raises(nx.ValidationError, match="position 21 ") as refused:
        send_file(tmp_path / "twice.csv", tmp_path / "out.csv", sandbox.client, rows=10, campaign="spring")
    assert "out.csv has the rows so far (20 of 22 rows)" in refused.value.__notes__[0]
    assert len(pd.read_csv("out.csv")) == 20 == len(sandbox.ledger)


def test_a_refused_account_leaves_the_rows_with_their_state(account, sandbox, capsys):
    """Every row of the chunk is in the file, as unsent."""
    sandbox.refuse = 1100
    assert main(["send", "in.csv", "out.csv", "--campaign", "spring"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("AccountRefused: The gateway refused the account: 1100")
    assert pd.read_csv("out.csv")["status"].tolist() == ["Unsent"] * 250
    assert len(sandbox.ledger) == 0
