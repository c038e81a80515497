"""Texts that read as a mistake are mentioned before they are sent."""

from __future__ import annotations

import pandas as pd
import pytest

import nxsms_nb as nx

FRAME = pd.DataFrame(
    {"phone": ["8615088888881", "8615088888882", "8615088888883"], "content": ["Hi", "Hi nan", "Hi {name}"]}
)


@pytest.mark.parametrize("verb", ["send", "plan", "start"])
def test_texts_that_read_as_a_mistake_are_mentioned(verb, capsys):
    """One line has how many, the first's position and reason, and where to look."""
    with nx.Sandbox(seed=1) as sandbox:
        given = {} if verb == "plan" else {"progress": "silent"}
        result = getattr(FRAME.nxsms, verb)(sandbox.client, **given)
        if verb == "start":
            result.wait()
    shown = "".join(capsys.readouterr())
    assert "2 of 3 texts read as a mistake, the first at position 1" in shown
    assert "df.nxsms.validate().warnings" in shown


def test_a_stream_mentions_them_and_good_texts_are_not_mentioned(capsys):
    """Each chunk has its own line, where it has such texts."""
    with nx.Sandbox(seed=1) as sandbox:
        list(nx.send_stream([FRAME[:1], FRAME[1:]], sandbox.client, campaign="c", progress="silent"))
    assert "".join(capsys.readouterr()).count("as a mistake") == 1


def test_only_texts_that_are_sent_count_and_keep_their_positions(capsys):
    """Rows that are not sent are not counted, and the position is that of the row in the frame."""
    frame = FRAME.assign(phone=["12", *FRAME["phone"][1:]])
    with nx.Sandbox(seed=1) as sandbox:
        frame[:2].nxsms.send(sandbox.client, campaign="c", progress="silent")
        capsys.readouterr()
        frame.nxsms.send(sandbox.client, campaign="c", progress="silent")
    assert "1 of 1 text reads as a mistake, the first at position 2" in "".join(capsys.readouterr())
