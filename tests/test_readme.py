"""README.md and the other documents say what is so."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for folder in (".", "notebooks", "benchmarks", "nxsms_nb/data")
    for path in sorted((ROOT / folder).glob("*.md"))
]


@pytest.fixture(name="readme")
def _readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_example_runs(readme, tmp_path, monkeypatch):
    """The README's first example runs as it stands, on a CSV with the columns it names."""
    (example,) = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    people = {
        "mobile": ["+86 150 8888 8888", "447400123456", ""],
        "name": ["Li", "Ann", "Bo"],
        "parcel": ["A1", "B2", "C3"],
    }
    pd.DataFrame(people).to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 - our own README
    sent = names["sent"]
    assert sent["status"].tolist() == ["Success", "Success", "Invalid"]
    assert sent["content"].iloc[0] == "Hi Li, your parcel A1 has arrived."
    pd.testing.assert_frame_equal(sent[list(names["df"].columns)], names["df"])
    columns = re.search(r"result columns joined on: (.*?)\.", readme, re.DOTALL).group(1)
    assert list(sent.columns[len(names["df"].columns) :]) == re.findall(r"`(\w+)`", columns)


def test_the_statuses_are_those_of_a_result(readme):
    """The README's table has the six statuses in their order."""
    from nxsms_nb.results.statuses import STATUSES

    assert tuple(re.findall(r"^\s*\| ([A-Z][a-z]+) \|", readme, re.MULTILINE)) == STATUSES


def _anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    anchors, seen = [], {}
    for heading in re.findall(
        r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    ):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        n = seen[words] = seen.get(words, -1) + 1
        anchors.append(f"{words}-{n}" if n else words)
    return anchors


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_linked_or_named_is_there(document):
    """Every file that a document links to or names in the project's folders exists, and so does every heading."""
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:nxsms_nb|tests|notebooks|benchmarks|\.ci)/[\w./]*)`", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if ("://" not in link and not target.exists()) or (
            "://" not in link and anchor and anchor not in _anchors(target.read_text(encoding="utf-8"))
        ):
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_ours_is_there(document):
    """A module that a document runs exists, and the package's commands have the options it gives them."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:nxsms_nb|benchmarks|tests)[\w.]*)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
    for line in re.findall(r"python -m nxsms_nb ([^`\n&|]*)", text):
        command, *arguments = line.split("#")[0].split()
        if command.startswith("-"):
            continue
        helped = subprocess.run(
            [sys.executable, "-m", "nxsms_nb", command, "--help"], capture_output=True, text=True, check=False
        )
        assert helped.returncode == 0, line
        for option in (one.partition("=")[0] for one in arguments if one.startswith("--")):
            assert option in helped.stdout, line
