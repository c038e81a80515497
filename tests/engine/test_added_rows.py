"""New rows beside sent ones: they are sent, and the sent ones are not, whatever joined them and whatever it made of the dtypes."""

import asyncio
import io
import warnings

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.results.statuses import RESULT_COLUMNS


def people(n, start=0):
    return pd.DataFrame(
        {
            "phone": [f"86150888{start + i:05d}" for i in range(n)],
            "content": [f"Hi {start + i}" for i in range(n)],
            "order": [f"o-{start + i}" for i in range(n)],
        }
    )


def read_back(frame):
    """As it comes from a file: everything that a CSV does to it."""
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype={"phone": str})


def blanked(frame):
    """As some programs write gaps."""
    return frame.astype(object).where(frame.notna(), "")


SHAPES = {
    "behind": lambda sent, new: pd.concat([sent, new], ignore_index=True),
    "before": lambda sent, new: pd.concat([new, sent], ignore_index=True),
    "between": lambda sent, new: pd.concat([sent.iloc[:2], new, sent.iloc[2:]]),
    "labels repeated": lambda sent, new: pd.concat([sent, new]),
    "from a file": lambda sent, new: read_back(pd.concat([sent, new])),
    "sent ones from a file": lambda sent, new: pd.concat([read_back(sent), new], ignore_index=True),
    "blanks": lambda sent, new: blanked(pd.concat([sent, new])),
    "objects": lambda sent, new: pd.concat([sent.astype(object), new]),
    "converted": lambda sent, new: pd.concat([sent, new]).convert_dtypes(),
    "status as text": lambda sent, new: pd.concat([sent.astype({c: str for c in sent if c.endswith("status")}), new]),
    "status of fewer categories": lambda sent, new: pd.concat(
        [sent.apply(lambda c: c.cat.remove_unused_categories() if c.dtype == "category" else c), new]
    ).astype({c: "category" for c in sent if c.endswith("status")}),
    "a merge": lambda sent, new: pd.concat([sent, new])[["phone", "content", "order"]].merge(
        sent.drop(columns=["content", "order"]), on="phone", how="left"
    ),
    "reindexed": lambda sent, new: pd.concat([people(4), new], ignore_index=True).join(
        sent.drop(columns=["phone", "content", "order"]).reset_index(drop=True)
    ),
    "categories": lambda sent, new: pd.concat([sent, new]).astype("category"),
}


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def quietly(call):
    """The result, where pandas warns of what it will do with empty columns one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return call()


def asend(frame, client, **given):
    return asyncio.run(_awaited(frame, client, given))


async def _awaited(frame, client, given):
    return await frame.nxsms.asend(client, **given)


def stream(frame, client, **given):
    given = {"campaign": "streamed", **given}
    return pd.concat(list(nx.send_stream([frame.iloc[:3], frame.iloc[3:]], client, **given)))


SENDING = {
    "send": lambda frame, client, **given: frame.nxsms.send(client, **given),
    "asend": asend,
    "start": lambda frame, client, **given: frame.nxsms.start(client, **given).wait(),
    "send_stream": stream,
}


@pytest.mark.parametrize("journal", ["kept", "gone"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "given",
    [{}, {"campaign": "spring"}, {"prefix": "sms_"}, {"key": "order"}],
    ids=["unnamed", "campaign", "prefix", "key"],
)
def test_new_rows_are_sent_and_sent_ones_are_not(sandbox, shape, given, journal):
    """Planned, recorded and sent so, with or without the journal; the sent ones keep what they said."""
    client = sandbox.client
    sent = people(4).nxsms.send(client, progress="silent", **given)
    both = quietly(lambda: SHAPES[shape](sent, people(3, 100)))
    known = {**given, "journal": nx.Journal(":memory:")} if journal == "gone" else given
    prefix = given.get("prefix", "")
    plan = both.nxsms.plan(client, **known)
    assert plan.counts["accepted before"] == 4
    assert plan.counts["send"] == 3
    recorded = both.nxsms.recorded(client, **known)
    assert recorded[prefix + "status"].value_counts()[["Success", "Unsent"]].tolist() == [4, 3]
    assert len(sandbox.ledger) == 4
    after = both.nxsms.send(client, progress="silent", **known)
    assert sandbox.ledger["phone"].value_counts().tolist() == [1] * 7
    assert (after[prefix + "status"] == "Success").all()
    by_phone = after.assign(phone=after["phone"].astype(str)).set_index("phone")
    kept = by_phone.loc[sent["phone"], [prefix + "messageid", prefix + "sent_at"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, sent[kept.columns].reset_index(drop=True), check_dtype=False)
    assert [str(after[prefix + name].dtype) for name in ("status", "code", "batch", "attempts")] == [
        "category", "Int64", "Int64", "Int64",
    ]  # fmt: skip
    assert list(after.columns[-8:]) == [prefix + name for name in RESULT_COLUMNS]


@pytest.mark.parametrize("verb", SENDING)
@pytest.mark.parametrize("shape", ["behind", "from a file", "categories"])
@pytest.mark.parametrize("journal", ["kept", "gone"])
def test_every_way_to_send_takes_them_as_new(sandbox, verb, shape, journal):
    """A stream's chunks hold sent and new rows alike."""
    client, given = sandbox.client, {"campaign": "streamed", "progress": "silent"}
    sent = people(4).nxsms.send(client, **given)
    both = quietly(lambda: SHAPES[shape](sent, people(3, 100)))
    known = {**given, "journal": nx.Journal(":memory:")} if journal == "gone" else given
    after = SENDING[verb](both, client, **known)
    assert (after["status"] == "Success").all()
    assert sandbox.ledger["phone"].value_counts().tolist() == [1] * 7


@pytest.mark.parametrize("journal", ["kept", "gone"])
@pytest.mark.parametrize("first", ["sent", "new"])
def test_the_same_person_among_the_new_rows_gets_nothing_twice(sandbox, journal, first):
    """The list of the new ones overlaps the old, in whatever order."""
    client = sandbox.client
    sent = people(4).nxsms.send(client, progress="silent")
    parts = [sent, people(4, 2)]
    both = quietly(lambda: pd.concat(parts if first == "sent" else parts[::-1], ignore_index=True))
    known = {"journal": nx.Journal(":memory:")} if journal == "gone" else {}
    with pytest.raises(nx.ValidationError, match="2 of 8 rows repeat"):
        both.nxsms.send(client, **known)
    after = both.nxsms.send(client, duplicates="drop", progress="silent", **known)
    assert after["status"].value_counts()[["Success", "Skipped"]].tolist() == [6, 2]
    assert sandbox.ledger["phone"].value_counts().tolist() == [1] * 6


@pytest.mark.parametrize("verb", ["retry", "reconcile"])
def test_the_verbs_for_sent_rows_name_the_way(sandbox, verb):
    """New rows have nothing to be retried or settled: nothing is sent, and the message says what to do."""
    sent = people(4).nxsms.send(sandbox.client, progress="silent")
    both = quietly(lambda: pd.concat([sent, people(3, 100)], ignore_index=True))
    with pytest.raises(nx.ColumnError, match=r"3 rows of 7 without a status.*Send them as you sent the others"):
        getattr(both.nxsms, verb)(sandbox.client)
    assert len(sandbox.ledger) == 4


@pytest.mark.parametrize("lost", ["by categories", "by hand"])
@pytest.mark.parametrize("known", ["by the journal", "by the gateway", "by nobody"])
def test_a_sent_row_that_lost_its_status_is_not_new(sandbox, lost, known):
    """It has its messageid: where the journal does not know better it is in doubt, and is not sent again."""
    client = sandbox.client
    sent = people(4).nxsms.send(client, progress="silent")
    if lost == "by hand":
        sent["status"] = sent["status"].where(sent.index > 1)
    else:
        sent["status"] = sent["status"].cat.remove_categories("Success")
    both = quietly(lambda: pd.concat([sent, people(3, 100)], ignore_index=True))
    if known == "by nobody":
        keys = {name: getattr(sandbox, name) for name in ("access_key", "access_secret", "app_key")}
        client = nx.Client(**keys, base_url=sandbox.url)
    given = {} if known == "by the journal" else {"journal": nx.Journal(":memory:")}
    after = both.nxsms.send(client, progress="silent", **given)
    assert sandbox.ledger["phone"].value_counts().tolist() == [1] * 7
    doubtful = {"by hand": 2, "by categories": 4}[lost] if known == "by nobody" else 0
    assert after["status"].value_counts()[["Success", "Unknown"]].tolist() == [7 - doubtful, doubtful]
    if doubtful:
        assert "its status is missing" in after.loc[0, "reason"]


def test_a_changed_text_next_to_a_lost_status_stops_the_call(sandbox):
    """Its id is another then, and it may have gone out: as with any row that says so."""
    sent = people(2).nxsms.send(sandbox.client, progress="silent")
    sent["status"] = sent["status"].cat.remove_categories("Success")
    both = quietly(lambda: pd.concat([sent.assign(content="New"), people(3, 100)], ignore_index=True))
    with pytest.raises(nx.ColumnError, match="2 of 5 rows"):
        both.nxsms.send(sandbox.client)
    assert len(sandbox.ledger) == 2
