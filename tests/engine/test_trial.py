"""A trial: real texts to one's own number, and nothing else happens."""

import signal
import threading

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx

MINE = "4915112345678"
LONG = "Dear customer, " * 20


def people(n, **columns):
    return pd.DataFrame(
        {"phone": [f"86150888{i:05d}" for i in range(n)], "content": [f"Hi {i}" for i in range(n)], **columns}
    )


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(name="varied")
def _varied():
    """Rows of every kind: a long one, one with a gap, Chinese, one that is not sent."""
    frame = people(8, name=["a", "b", "c", None, "e", "f", "g", "h"], note=list("abcdefgh"))
    frame.loc[5, "content"] = LONG
    frame.loc[6, "content"] = "你好"
    frame.loc[1, "phone"] = "x"
    frame.loc[1, "content"] = LONG * 2
    return frame.set_axis(list("abcdefgh"))


def test_only_the_own_number_is_reached(sandbox, varied):
    """Whatever the frame's numbers are, each message goes to `to`, with the text of its row."""
    trial = varied.nxsms.try_out(sandbox.client, to="+49 (0)151 12345678", rows=4)
    assert sandbox.ledger["phone"].tolist() == [MINE] * 4
    assert sandbox.ledger["content"].tolist() == trial["content"].tolist()
    assert trial["status"].tolist() == ["Success"] * 4
    assert trial["messageid"].tolist() == sandbox.ledger["messageid"].tolist()


def test_the_rows_are_those_that_show_the_most(sandbox, varied):
    """The longest text that may be sent, one with a gap, one of each encoding, then the first ones."""
    trial = varied.nxsms.try_out(sandbox.client, to=MINE, rows=4)
    assert trial["position"].tolist() == [5, 3, 6, 0]
    assert trial["why"].tolist() == ["longest, GSM-7", "with a gap", "UCS-2", "among the first"]
    assert trial.index.tolist() == list("fdga")
    assert trial["content"].tolist() == varied["content"].loc[list("fdga")].tolist()
    assert trial["encoding"].tolist() == ["GSM-7", "GSM-7", "UCS-2", "GSM-7"]
    assert trial["segments"].tolist() == [2, 1, 1, 1]
    assert varied.nxsms.try_out(sandbox.client, to=MINE, rows=1)["position"].tolist() == [5]
    assert varied.nxsms.try_out(nx.Sandbox(seed=7).client, to=MINE, rows=10)["position"].tolist() == [
        5,
        3,
        6,
        0,
        2,
        4,
        7,
    ]


def test_a_text_is_sent_once(sandbox):
    """The same text for everybody is one message, however many rows are asked for."""
    trial = people(50, content="Sale!").nxsms.try_out(sandbox.client, to=MINE, rows=10)
    assert len(trial) == len(sandbox.ledger) == 1


def test_it_looks_as_it_will(sandbox):
    """Sender, short link and its place are those of the row; what other systems would take for a message's own is not."""
    frame = people(1, content="Look #1#", sourceAddress="ACME", short_link="a.b/c", link_verbose=1, ext="x-1")
    frame["dr_url"] = "http://127.0.0.1:9/dr"
    frame["sys_message_id"] = "message-000001"
    frame.nxsms.try_out(sandbox.client, to=MINE)
    (row,) = sandbox.ledger.to_dict("records")
    assert (row["source_address"], row["content"]) == ("ACME", "Look #1#")
    assert row["messageid"] != "message-000001"
    assert "x-1" not in str(row)
    assert sandbox.receipts.empty


def test_no_campaign_and_no_journal_knows_of_it(sandbox, tmp_path):
    """The rows are sent as ever afterwards, their own number included, under ids that are none of the trial's."""
    journal = nx.Journal(tmp_path / "journal.sqlite3")
    df = people(3)
    df.loc[0, "phone"] = MINE
    trial = df.nxsms.try_out(sandbox.client, to=MINE)
    assert not (tmp_path / "journal.sqlite3").exists()
    assert df.nxsms.plan(sandbox.client, journal=journal).counts["send"] == 3
    sent = df.nxsms.send(sandbox.client, journal=journal, progress="silent")
    assert sent["status"].tolist() == ["Success"] * 3
    assert not {*trial["messageid"]} & {*sent["messageid"]}
    assert sandbox.client.journal.campaigns().empty


def test_running_it_again_sends_it_again_and_says_so(sandbox, capsys):
    """It is a trial: the cell of it is run until the text is right; the number is masked, the sandbox named."""
    for n in (1, 2):
        trial = people(2).nxsms.try_out(sandbox.client, to=MINE)
        assert len(sandbox.ledger) == 2 * n
    shown = capsys.readouterr().out
    assert shown.count("Trial: 2 of 2 messages to 491••••••••78 accepted by the sandbox, which sends to nobody.") == 2
    assert "running this again sends them again" in shown
    assert MINE not in shown
    assert trial.attrs == {"nxsms": {"gateway": "sandbox"}}
    assert sandbox.ledger["messageid"].is_unique


def test_confirm_is_not_needed(sandbox):
    """Ten at most, to one's own number: the limit on real messages is for other people's."""
    before, nx.options.confirm_above = nx.options.confirm_above, 0
    try:
        client = nx.Client(
            access_key=sandbox.access_key, access_secret=sandbox.access_secret, app_key=sandbox.app_key,
            base_url=sandbox.url,
        )  # fmt: skip
        trial = people(20).nxsms.try_out(client, to=MINE, rows=5)
    finally:
        nx.options.confirm_above = before
    assert trial["status"].tolist() == ["Success"] * 5
    assert trial.attrs == {}


@pytest.mark.parametrize(
    "to",
    ["", "phone", "12", None, ["4915112345678"], pd.Series(["4915112345678"]), 4.9e12, True, 4915112345678.5, np.inf, np.nan, pd.NA, "0151 12345678",
     "+4915112345678, +4915112345679", "4915112345678/79", "8.61508E+12", "86150888"*3],
)  # fmt: skip
def test_what_is_not_one_number_is_refused(sandbox, to):
    """Nothing is sent, and no number is shown."""
    with pytest.raises(nx.ConfigError, match="is not one number") as refused:
        people(2).nxsms.try_out(sandbox.client, to=to)
    assert "12345678" not in str(refused.value).partition("Give your own")[0]
    assert sandbox.requests.empty


@pytest.mark.parametrize(
    ("to", "region"),
    [("0151 12345678", "DE"), (4915112345678, None), (4915112345678.0, None), (np.int64(4915112345678), None),
     (np.float64(4915112345678), None), ("+4915112345678", "land")],
)  # fmt: skip
def test_the_number_is_read_as_the_frames_are(sandbox, to, region):
    """A national one by the country that the call names; a column of countries is for the rows."""
    frame = people(2, land=["CN", "CN"], phone=["+8615088800001", "+8615088800002"])
    assert frame.nxsms.try_out(sandbox.client, to=to, region=region)["status"].tolist() == ["Success"] * 2
    assert {*sandbox.ledger["phone"]} == {MINE}


@pytest.mark.parametrize("rows", [0, 11, -1, True, "3", 2.0, None, np.nan])
def test_it_has_one_to_ten_rows(sandbox, rows):
    """More is a send."""
    with pytest.raises(nx.ConfigError, match="whole number from 1 to 10"):
        people(20).nxsms.try_out(sandbox.client, to=MINE, rows=rows)
    assert sandbox.requests.empty


def test_ten_are_ten(sandbox):
    """No more than that, of however many rows."""
    sandbox.hourly_limit = None
    assert len(people(500).nxsms.try_out(sandbox.client, to=MINE, rows=np.int64(10))) == len(sandbox.ledger) == 10


@pytest.mark.parametrize(
    ("settings", "statuses", "code", "requests"),
    [
        ({"failures": {13005: 1.0}}, ["Failure"] * 3, 13005, 3),
        ({"balance": 1, "balance_per": "item"}, ["Success", "Unsent", "Unsent"], 1102, 2),
        ({"balance": 0}, ["Unsent"] * 3, 1102, 1),
        ({"refuse": 13003}, ["Unsent"] * 3, 13003, 1),
        ({"hourly_limit": 2}, ["Success", "Success", "Failure"], 13007, 3),
        ({"clock_offset": 3600}, ["Unsent"] * 3, 1004, 1),
        ({"faults": ["ok", "lost", "ok"]}, ["Success", "Unknown", "Unsent"], None, 2),
        ({"faults": ["reset_before", "ok"]}, ["Unknown", "Unsent", "Unsent"], None, 1),
    ],
)  # fmt: skip
def test_each_message_is_tried_once(settings, statuses, code, requests):
    """What the account or a lost reply keeps from going on ends it; nothing is repeated."""
    with nx.Sandbox(seed=7, **settings) as sandbox:
        client = nx.Client(
            access_key=sandbox.access_key, access_secret=sandbox.access_secret, app_key=sandbox.app_key,
            base_url=sandbox.url, timeout=1,
        )  # fmt: skip
        trial = people(5).nxsms.try_out(client, to=MINE)
        assert trial["status"].tolist() == statuses
        assert len(sandbox.requests) == requests
        codes = trial["code"].dropna().loc[lambda c: c != 0]
        assert codes.unique().tolist() == ([] if code is None else [code])
        assert trial.loc[trial["status"] != "Success", "reason"].notna().all()
        assert sandbox.ledger["phone"].isin([MINE]).all()


def test_no_gateway_is_unsent():
    """Nothing left: the reason says so."""
    client = nx.Client(access_key="k", access_secret="s", app_key="a", base_url="http://127.0.0.1:9")
    trial = people(5).nxsms.try_out(client, to=MINE)
    assert trial["status"].tolist() == ["Unsent"] * 3
    assert trial["messageid"].isna().tolist() == [False, True, True]
    assert "not tried" in trial["reason"].iloc[1]


def test_a_stop_ends_it(sandbox):
    """The message in flight is in doubt, the others did not leave; what is shown does not promise that nothing is repeated."""
    sandbox.hold()

    def interrupt():
        sandbox.wait_for(requests=1)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(nx.Interrupted) as stopped:
        people(5).nxsms.try_out(sandbox.client, to=MINE)
    thread.join()
    sandbox.release()
    assert stopped.value.frame["status"].tolist() == ["Unknown", "Unsent", "Unsent"]
    shown = "\n".join(stopped.value._render_traceback_())
    assert "sends the whole trial again" in shown
    assert "not sent twice" not in shown
    assert len(sandbox.requests) == 1


def test_a_frame_without_a_sendable_row_is_refused(sandbox):
    """There is no text that would be sent."""
    with pytest.raises(nx.ValidationError, match="5 of 5 rows"):
        people(5, phone="x").nxsms.try_out(sandbox.client, to=MINE)
    with pytest.raises(nx.ConfigError, match="no row that would be sent"):
        people(0).nxsms.try_out(sandbox.client, to=MINE)
    with pytest.raises(nx.ConfigError, match="no row that would be sent"):
        people(2, variant="holdout").nxsms.try_out(sandbox.client, to=MINE)
    assert sandbox.requests.empty


def test_a_held_out_row_is_no_example(sandbox):
    """Its text goes to nobody."""
    frame = people(3, variant=["A", "holdout", "A"])
    frame.loc[1, "content"] = LONG
    assert frame.nxsms.try_out(sandbox.client, to=MINE)["position"].tolist() == [0, 2]


def test_a_sent_frame_is_tried_out_by_its_own_columns(sandbox):
    """Gaps in its results are none of its texts'; columns may have other names."""
    sent = people(3).nxsms.send(sandbox.client, prefix="sms_", progress="silent").rename(columns={"content": "text"})
    trial = sent.nxsms.try_out(sandbox.client, to=MINE, content="text", rows=2)
    assert "with a gap" not in " ".join(trial["why"])
    assert trial["position"].tolist() == [0, 1]


def test_the_call_needs_its_number(sandbox):
    """It has no default, not even one of the frame's."""
    with pytest.raises(TypeError, match="needs to"):
        people(2).nxsms.try_out(sandbox.client)
    assert sandbox.requests.empty


def test_a_trial_of_which_nothing_was_accepted_says_why(capsys):
    """The line has the gateway's reason, which was in the results only."""
    frame = pd.DataFrame({"phone": ["+4915112345678"], "content": ["Hi"]})
    with nx.Sandbox(seed=1, balance=0) as sandbox:
        tried = frame.nxsms.try_out(sandbox.client, to="+4915112345678")
    assert f"None was accepted: {tried['reason'].iloc[0].rstrip('.')}." in "".join(capsys.readouterr())
