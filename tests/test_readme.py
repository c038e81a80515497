"""README.md says what is so."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "notebooks/README.md"])
def test_what_is_linked_or_named_is_there(document):
    """Every file that a document links to, or names in the project's folders, exists."""
    text = (ROOT / document).read_text(encoding="utf-8")
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    named = re.findall(r"`((?:nxsms_nb|tests|notebooks|\.ci)/[\w./]*)`", text)
    places = [(ROOT / document).parent / link for link in linked] + [ROOT / name for name in named]
    assert not [place for place in places if not place.exists()]
