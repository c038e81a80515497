"""Rows that say "suppressed" in a call without a list: the list was probably forgotten, and nobody gets anything."""

import asyncio
import io

import pandas as pd
import pytest

import nxsms_nb as nx

NUMBERS = [f"49151234567{i:02}" for i in range(4)]
LISTED = NUMBERS[2]


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="sent")
def _sent(sandbox):
    frame = pd.DataFrame({"phone": NUMBERS, "content": "Hi"})
    sent = frame.nxsms.send(sandbox.client, campaign="c", suppress=[LISTED])
    assert sent["reason"].iloc[2] == "suppressed"
    return sent


def through_excel(frame):
    buffer = io.BytesIO()
    frame.assign(sent_at=frame["sent_at"].dt.tz_localize(None)).to_excel(buffer, index=False)
    return pd.read_excel(buffer)


FRAMES = {
    "as it was sent": lambda sent: sent,
    "through Excel": through_excel,
    "through CSV": lambda sent: pd.read_csv(io.StringIO(sent.to_csv(index=False))),
    "another text": lambda sent: sent.assign(content="Sorry, late"),
    "a row of the same person beside it": lambda sent: pd.concat(
        [sent, pd.DataFrame({"phone": ["+49 151 23456702"], "content": ["Hi again"]})], ignore_index=True
    ).drop_duplicates("phone", keep="last"),
    "a number that is lost": lambda sent: sent.assign(phone=[*NUMBERS[:2], "8.61509E+12", NUMBERS[3]]),
}


@pytest.mark.parametrize("options", [{"campaign": "c"}, {"campaign": "other"}])
@pytest.mark.parametrize("how", FRAMES)
def test_a_forgotten_list_stops_the_call(sandbox, sent, how, options):
    """Before any request, in any campaign, with the list's placeholder and the empty list as ways out."""
    frame = FRAMES[how](sent)
    options = {**options, "duplicates": "drop"}
    with pytest.raises(nx.ColumnError, match='is a person whom the frame calls Skipped, "suppressed"') as refused:
        frame.nxsms.send(sandbox.client, **options)
    assert "suppress='…')" in str(refused.value)
    assert "suppress=())" in str(refused.value)
    assert LISTED not in str(refused.value)
    with pytest.raises(nx.ColumnError):
        asyncio.run(frame.nxsms.asend(sandbox.client, **options))
    with pytest.raises(nx.ColumnError):
        frame.nxsms.start(sandbox.client, **options)
    assert len(sandbox.ledger) == 3


def test_a_look_shows_such_rows_and_does_not_raise(sandbox, sent, capsys):
    """The plan says that they stop the call; recorded keeps what they say, and prints why."""
    plan = sent.nxsms.plan(sandbox.client, campaign="c")
    assert plan.frame["fate"].tolist() == ["accepted before"] * 2 + ["stops the call"] + ["accepted before"]
    assert "suppress= is not given" in plan.frame["reason"].iloc[2]
    assert "Nothing would be sent" in repr(plan)
    capsys.readouterr()
    recorded = sent.nxsms.recorded(sandbox.client, campaign="c")
    assert recorded["status"].iloc[2] == "Skipped"
    assert recorded["reason"].iloc[2] == "suppressed"
    assert "suppress= is not given" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_the_list_given_again_and_its_opposite_are_ways_out(sandbox, sent):
    """The empty list sends to them; so does a frame without its results."""
    again = sent.nxsms.send(sandbox.client, campaign="c", suppress=[LISTED])
    assert again["reason"].iloc[2] == "suppressed"
    assert len(sandbox.ledger) == 3
    assert set(sent.nxsms.send(sandbox.client, campaign="c", suppress=())["status"]) == {"Success"}
    assert len(sandbox.ledger) == 4
    sent.nxsms.new().nxsms.send(sandbox.client, campaign="d")
    assert len(sandbox.ledger) == 8


def test_a_stream_stops_at_the_chunk(sandbox, sent):
    """Chunks before it are sent."""
    fresh = pd.DataFrame({"phone": ["4915123456750"], "content": "Hi"})
    stream = nx.send_stream([fresh, sent], sandbox.client, campaign="d", progress="silent")
    assert next(stream)["status"].tolist() == ["Success"]
    with pytest.raises(nx.ColumnError, match="suppressed"):
        next(stream)
    assert len(sandbox.ledger) == 4


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([LISTED], "'…'"),
        (pd.Series([LISTED]), "'…'"),
        (LISTED, "'…'"),
        (int(LISTED), "'…'"),
        (pd.DataFrame({"phone": [LISTED]}), "'…'"),
        ("path", "path"),
    ],
)
def test_a_proposed_call_names_the_list_so_that_it_can_be_pasted(tmp_path, given, shown):
    """A file by its path; numbers, which nobody should read, by a placeholder that is refused until it is replaced."""
    path = tmp_path / "dnc 20261127.csv"
    path.write_text(f"phone\n{LISTED}\n")
    client = nx.Client(access_key="a", access_secret="b", app_key="c", base_url="https://gateway.invalid")
    frame = pd.DataFrame({"phone": NUMBERS, "content": "Hi"})
    for one in [str(path), path] if isinstance(given, str) and given == "path" else [given]:
        with pytest.raises(nx.ConfirmationNeeded) as asked:
            frame.nxsms.send(client, journal=nx.Journal(":memory:"), suppress=one, confirm=1)
        wanted = repr(str(path)) if shown == "path" else shown
        assert f"suppress={wanted}, confirm=3)" in str(asked.value)
        assert LISTED not in str(asked.value)
    with pytest.raises(nx.ConfigError, match="is a placeholder"):
        frame.nxsms.send(client, suppress="…")
