"""Reading the journal: what is known of each message, campaigns and runs as frames, forgetting, and what is not in it."""

import asyncio
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nxsms_nb as nx
from nxsms_nb import CampaignBusy, ConfigError, Journal
from nxsms_nb.journal.blocks import Block
from nxsms_nb.journal.lookup import NO_OUTCOME
from nxsms_nb.results import table
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT, ItemOutcome, Outcome
from tests.journal.history import ACCEPTED, SENT_US, block, ids, known, recording, write

REFUSED = Outcome(FAILURE, 13005, "Incorrect phone number format", 3.0)
DOUBT = Outcome(UNKNOWN, None, "HTTP 502 instead of a reply", 3.0)

STATUS = st.sampled_from([SUCCESS, FAILURE, UNKNOWN, UNSENT])
CODE = st.none() | st.sampled_from([0, 13005, 1102])
REASON = st.none() | st.sampled_from(["one reason", "another", "原因"])


@st.composite
def outcomes(draw, size):
    """An outcome of a request of so many rows, some of which may be exceptions to it."""
    others = [
        ItemOutcome(offset, draw(STATUS), draw(CODE), reason, reason)
        for offset in sorted(draw(st.sets(st.integers(0, size - 1), max_size=2)))
        for reason in [draw(REASON)]
    ]
    latency = draw(st.sampled_from([math.nan, 0.5, 250.0]))
    return Outcome(draw(STATUS), draw(CODE), draw(REASON), latency, draw(st.booleans()), others)


@st.composite
def requests(draw):
    """One request: where it stands in the block, its outcome (None: none was known), and whether it was a query."""
    start = draw(st.integers(0, 5))
    size = draw(st.integers(1, 6 - start))
    return start, size, draw(st.none() | outcomes(size)), draw(st.integers(0, 4)) == 0


def folded(history, numbers):
    """What must be known after a history, row by row, told without the code that is tested."""
    nothing = {"status": -1, "code": None, "reason": None, "batch": 0, "attempts": 0, "sent": None, "latency": math.nan}
    rows = [dict(nothing) for _ in range(6)]
    for place, ((start, size, outcome, query), number) in enumerate(zip(history, numbers, strict=True)):
        whole = Outcome(UNKNOWN, reason=NO_OUTCOME) if outcome is None else outcome
        others = {other.offset: other for other in whole.exceptions}
        for offset in range(size):
            row = rows[start + offset]
            # A record shows that what counted as unsent on the analyst's word was accepted; what was accepted stays so.
            may_change = (-1, UNKNOWN, UNSENT) if whole.status == SUCCESS else (-1, UNKNOWN)
            if row["status"] == SUCCESS or (query and row["status"] not in may_change):
                continue
            if not query and row["status"] == SUCCESS:
                # Only a run that could not know it tries again.
                continue
            one = whole if query else others.get(offset, whole)
            row |= {"status": one.status, "code": one.code, "reason": one.reason}
            if whole.carried and not query:
                row |= {"batch": number, "sent": SENT_US + place, "latency": whole.latency_ms}
                row["attempts"] += 1
    return rows


@given(st.lists(requests(), max_size=8))
def test_the_last_word_on_each_message_counts(history):
    """Any history of requests and queries, told back: status, code, reason, request, attempts, time and duration."""
    journal = Journal.in_memory()
    shared = block(ids(6))

    async def all_of_them(record):
        numbers = []
        for place, (start, size, outcome, query) in enumerate(history):
            number = await record.begin(shared, start, size, sent_us=SENT_US + place, query=query)
            if outcome is not None:
                record.finish(number, outcome)
            numbers.append(number)
        return numbers

    with recording(journal) as record:
        numbers = asyncio.run(all_of_them(record))
    recorded = journal.known(pa.array(ids(6)))
    for row, expected in enumerate(folded(history, numbers)):
        sent = None if recorded.sent_us[row] == table.NO_TIME else int(recorded.sent_us[row])
        found = {
            "status": recorded.status[row],
            "code": recorded.code(row),
            "reason": recorded.reason(row),
            "sent": sent,
        }
        found |= {"batch": recorded.batch[row], "attempts": recorded.attempts[row]}
        assert found == {name: value for name, value in expected.items() if name != "latency"}
        assert np.isclose(recorded.latency_ms[row], expected["latency"], equal_nan=True)


def test_rows_are_found_in_any_order_and_among_others(journal):
    """Asked in another order, with gaps, strangers and repeats, each row gets what is known of its own id."""
    write(journal, (ids(3), ACCEPTED), (ids(3, 3), REFUSED))
    asked = ["message-000005", None, "stranger-00001", "message-000000", "message-000005"]
    assert known(journal, asked) == [FAILURE, -1, -1, SUCCESS, FAILURE]
    assert known(journal, asked[:4]) == [FAILURE, -1, -1, SUCCESS]


def test_a_campaign_sees_its_own_messages_only(journal):
    """The same id in another campaign is another matter, unless every campaign is looked at."""
    write(journal, (ids(2), ACCEPTED), campaign="spring")
    assert known(journal, ids(2), "autumn") == [-1, -1]
    assert known(journal, ids(2)) == [-1, -1]
    assert known(journal, ids(2), "spring") == [SUCCESS, SUCCESS]
    assert known(journal, ids(2), everywhere=True) == [SUCCESS, SUCCESS]


def test_a_run_that_may_concern_any_campaign_is_seen_by_all(journal):
    """A retry does not always know the campaign of its rows."""
    write(journal, (ids(2), ACCEPTED), anywhere=True)
    assert known(journal, ids(2), "spring") == [SUCCESS, SUCCESS]


def homes(journal, messageids):
    """Campaign to the places of those of the ids that it has."""
    return {name: places.tolist() for name, places in journal.homes(pa.array(messageids, pa.string())).items()}


def test_homes_are_the_campaigns_that_messages_were_sent_in(journal):
    """The unnamed one is empty text; ids that are not known have none; each id is given by its places."""
    write(journal, (ids(2), ACCEPTED), campaign="spring")
    write(journal, (ids(2, 2), ACCEPTED))
    assert homes(journal, ids(1)) == {"spring": [0]}
    assert homes(journal, [*ids(9), None]) == {"spring": [0, 1], "": [2, 3]}
    assert homes(journal, [None, *ids(1), *ids(3)]) == {"spring": [1, 2, 3], "": [4]}
    assert homes(journal, ids(1, 9)) == homes(journal, []) == {}


def test_a_run_without_a_home_is_none_for_its_rows(journal):
    """The campaign that such a run is recorded under is no evidence of where its rows belong."""
    lock = journal.campaign(None, anywhere=True)
    lock.record(rows=0, workers=1).close()
    write(journal, (ids(2), ACCEPTED), campaign="spring", anywhere=True)
    write(journal, (ids(2, 2), ACCEPTED), campaign="autumn", homeless=True)
    assert homes(journal, ids(4)) == {"spring": [0, 1]}
    assert known(journal, ids(4), "summer") == [SUCCESS] * 4


def test_campaigns_are_a_frame_whose_counts_add_up(journal):
    """Rows are the different messages that requests carried; the statuses are those they were left in."""
    write(journal, (ids(3), DOUBT), (ids(1, 3), ACCEPTED), campaign="spring")
    write(journal, (ids(1), ACCEPTED), (ids(1, 4), REFUSED), campaign="spring")
    write(journal, (ids(2), None))
    frame = journal.campaigns()
    assert frame["campaign"].tolist() == ["spring", ""]
    assert frame["runs"].tolist() == [2, 1]
    assert frame["rows"].tolist() == [5, 2]
    statuses = [status for status in STATUSES if status in frame]
    assert frame[statuses].sum(axis=1).tolist() == frame["rows"].tolist()
    assert frame[["Success", "Failure", "Unknown", "Unsent"]].to_numpy().tolist() == [[2, 1, 2, 0], [0, 0, 2, 0]]
    assert [str(frame[name].dtype) for name in ("first", "last")] == ["datetime64[us, UTC]"] * 2
    assert (frame["first"] <= frame["last"]).all()


def test_rows_that_never_left_are_not_counted(journal):
    """The record of a request also names the rows that would have come next."""

    async def half(record):
        record.finish(await record.begin(block(ids(10)), 0, 4, sent_us=SENT_US), ACCEPTED)

    with recording(journal, "spring") as record:
        asyncio.run(half(record))
    assert journal.campaigns()["rows"].tolist() == [4]
    assert journal.forget("spring", confirm=4) == 4


def test_runs_are_a_frame_with_their_pace(journal):
    """When it began and ended, how many rows and requests, how fast, and why it ended early."""
    write(journal, (ids(2), ACCEPTED), (ids(2, 2), ACCEPTED), campaign="spring", rows=4)
    record = journal.campaign(None).record(rows=7, workers=1)
    frame = journal.runs()
    record.close(rate=480.5, pace=500.0, stopped="stopped by you")
    assert frame.index.name == "run"
    assert frame["campaign"].tolist() == ["spring", ""]
    assert frame["rows"].tolist() == [4, 7]
    assert frame["requests"].tolist() == [2, 0]
    assert frame["ended"].isna().tolist() == [False, True]
    last = journal.runs().iloc[1]
    assert (last["rate"], last["pace"], last["stopped"]) == (480.5, 500.0, "stopped by you")
    assert last["started"] <= last["ended"]
    assert journal.runs().dtypes.astype(str)["rate"] == "float64"


def test_queries_are_no_requests_of_a_run(journal):
    """What a record query settled is in the journal too, but it carried no message."""

    async def asked(record):
        record.finish(await record.begin(block(ids(2)), 0, 2, sent_us=SENT_US, query=True), ACCEPTED)

    with recording(journal) as record:
        asyncio.run(asked(record))
    assert journal.runs()["requests"].tolist() == [0]


def test_forgetting_asks_for_the_number_of_rows(journal):
    """The error says what it means and prints the call to paste."""
    write(journal, (ids(3), ACCEPTED), campaign="spring")
    for confirm in (None, 2, 4, True):
        with pytest.raises(ConfigError, match="makes 3 rows sendable again, to the same people") as refused:
            journal.forget("spring", confirm=confirm)
        assert "forget('spring', confirm=3)" in str(refused.value)
    assert known(journal, ids(3), "spring") == [SUCCESS] * 3


@pytest.mark.parametrize("campaign", ["spring", None])
def test_what_is_forgotten_can_be_sent_again_and_nothing_else(journal, campaign):
    """Messages, requests and runs of that campaign are gone; those of others stay."""
    for name in ("spring", None):
        write(journal, (ids(3), ACCEPTED), campaign=name)
    assert journal.forget(campaign, confirm=3) == 3
    other = None if campaign else "spring"
    assert known(journal, ids(3), campaign) == [-1] * 3
    assert known(journal, ids(3), other) == [SUCCESS] * 3
    assert len(journal.runs()) == 1
    assert journal.forget(campaign, confirm=3) == 0
    write(journal, (ids(3), REFUSED), campaign=campaign)
    assert known(journal, ids(3), campaign) == [FAILURE] * 3


def test_a_campaign_at_work_cannot_be_forgotten(journal):
    """Its rows are being sent at this moment."""
    write(journal, (ids(3), ACCEPTED), campaign="spring")
    with recording(journal, "spring"), pytest.raises(CampaignBusy):
        journal.forget("spring", confirm=3)
    assert journal.forget("spring", confirm=3) == 3


SECRETS = {"access_secret": "Acc3ss-S3cret-xyzzy", "app_secret": "App-S3cret-plugh"}


def told_by(gateway, path):
    """Every byte of the journal's folder after a send to a gateway, its run still open."""
    frame = pd.DataFrame(
        {
            "phone": [str(8613912345600 + i) for i in range(8)],
            "content": ["Zanzibar casino invitation 牛小信 for Ottoline", *["Meet Ottoline at Zanzibar"] * 7],
            "source_address": "Bluebird",
            "ext": "customer-4711-quince",
            "dr_url": "https://receipts.example/persimmon",
        }
    )
    gateway.hold()
    run = frame.nxsms.start(gateway.client, campaign="spring", journal=path, batch_size=2, progress="silent")
    assert gateway.wait_for(requests=1)
    gateway.release()
    sent = run.wait()
    return frame, sent


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"failures": {13005: 0.5, 13009: 0.5}},
        {"faults": {"unknown_text": 1.0}, "failures": {13009: 1.0}},
        {"faults": ["ok", "lost", "html_after"]},
        {"balance": 3},
    ],
    ids=["accepted", "failed", "failed in unknown words", "lost", "account refused"],
)
def test_no_phone_no_text_and_no_secret_is_in_the_files(path, settings):
    """Whatever becomes of the rows, nothing of what they say or of the account's secrets reaches the disk."""
    with nx.Sandbox(seed=7, **SECRETS, **settings) as gateway:
        keeper = Journal(path)
        with recording(keeper, "other"):  # keeps the write-ahead log from being tidied up
            frame, sent = told_by(gateway, path)
            raw = b"".join(file.read_bytes() for file in sorted(path.parent.rglob("*")) if file.is_file())
    digest = bytes.fromhex(sent["messageid"].dropna()[0].removeprefix("n1"))
    assert digest[:8] in raw
    assert digest[8:] in raw
    words = {word for text in frame["content"] for word in text.split() if len(word) > 3}
    for forbidden in [*frame["phone"], *words, "Bluebird", "quince", "4711", "persimmon", *SECRETS.values()]:
        assert forbidden.encode() not in raw
        assert forbidden[-8:].encode() not in raw or len(forbidden) < 10


@pytest.mark.parametrize(
    "text", ["Blocked: %(content)s to %(phone)s", "%(phone)s", "关键词：%(content)s", "«%(content).9s»"]
)
def test_what_the_gateway_quotes_of_a_message_is_not_kept(path, text, echo):
    """Its words are in the frame, where the analyst needs them, and not in the journal."""
    frame = pd.DataFrame({"phone": ["8613912345678"], "content": ["Zanzibar 牛小信发 tonight"]})
    sent = frame.nxsms.send(echo(text), journal=path)
    assert sent["status"].tolist() == ["Failure"]
    raw = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    for forbidden in ("8613912345678", "12345678", "Zanzibar", "牛小信", "tonight"):
        assert forbidden.encode() not in raw
    again = frame.nxsms.recorded(echo(text), journal=path)
    assert again["status"].tolist() == ["Failure"]
    assert pd.notna(again["reason"][0])


def write_with_keys(journal, messageids, keys, outcome):
    """Write the record of a request whose ids are none that keys give."""

    async def written(record):
        carried = Block(*(pa.array(texts, pa.large_string()) for texts in (messageids, keys)))
        record.finish(await record.begin(carried, 0, len(carried), sent_us=SENT_US), outcome)

    with recording(journal) as record:
        asyncio.run(written(record))


def test_a_message_is_found_by_its_key_whatever_its_ids_were(journal):
    """Under the id made from it, an own id, a retry's: the latest attempt counts, and attempts add up."""
    keys = [f"n1{number:032x}" for number in range(1, 6)]
    refused = Outcome(FAILURE, 13009, "refused")
    write(journal, (keys[:2], ACCEPTED))
    write(journal, ([keys[2]], refused), ([keys[2] + "-1"], ACCEPTED))
    write_with_keys(journal, ["order-00003", "order-00004"], [keys[3], None], refused)
    write_with_keys(journal, ["n1" + "f" * 32 + "-1"], [keys[3]], ACCEPTED)
    asked = pa.array([keys[3], None, keys[4], keys[2], keys[0], keys[3]], pa.large_string())
    known, ids = journal.known_by_key(asked)
    assert known.status.tolist() == [SUCCESS, -1, -1, SUCCESS, SUCCESS, SUCCESS]
    assert ids.to_pylist() == ["n1" + "f" * 32 + "-1", None, keys[4], keys[2] + "-1", keys[0], "n1" + "f" * 32 + "-1"]
    assert known.attempts.tolist() == [2, 0, 0, 2, 1, 2]
    assert journal.known_by_key(asked, "spring")[0].status.tolist() == [-1] * 6


def test_the_key_and_campaign_of_an_id_are_known(journal):
    """Of an own id, of one that a key gave, of a retry's; of a retry that did not know its key, none."""
    made = "n1" + "a" * 32
    write(journal, ([made, made + "-1"], ACCEPTED), campaign="spring")
    write_with_keys(journal, ["order-00003", "order-00004"], [made, None], ACCEPTED)
    asked = ["order-00004", made + "-1", None, "order-00009", made, "order-00003", made]
    campaigns, keys = journal.origins(pa.array(asked, pa.large_string()))
    assert campaigns.tolist() == ["", "spring", None, None, "spring", "", "spring"]
    assert keys.to_pylist() == [None, made, None, None, made, made, made]
