"""What was given is taken at the call: a frame changed in place meanwhile or afterwards is another frame."""

import asyncio
import threading
import warnings

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.given import frame_as_given
from tests.engine.people import counts

N = 40


def people():
    """A frame with cells of every kind that can be changed in place."""
    frame = pd.DataFrame(
        {
            "phone": [f"86150888{i:05d}" for i in range(N)],
            "content": [f"Hi {i}" for i in range(N)],
            "order": np.arange(N) * 10,
            "weight": np.arange(N) / 4,
            "points": pd.array([*range(N - 1), None], "Int64"),
            "city": pd.Categorical(["Kyoto", "Lima"] * (N // 2)),
            "since": pd.date_range("2026-01-01", periods=N, tz="UTC"),
            "note": pd.Series([None, *map(str, range(1, N))], dtype=object),
        },
        index=pd.Index(np.arange(N) + 500, name="id"),
    )
    frame.attrs["source"] = {"file": "crm.csv"}
    return frame


def _append(frame):
    frame.loc[999] = frame.iloc[0].to_dict()


def _attrs(frame):
    frame.attrs["source"]["file"] = "other.csv"
    frame.attrs["nxsms"] = 1


# ruff: noqa: PD002, PD011  what pandas advises against is what is tried here
CHANGES = {
    "sorted": lambda frame: frame.sort_values("phone", ascending=False, inplace=True),
    "index sorted": lambda frame: frame.sort_index(ascending=False, inplace=True),
    "rows dropped": lambda frame: frame.drop(index=[500, 507], inplace=True),
    "row added": _append,
    "cell by loc": lambda frame: frame.loc.__setitem__((500, "phone"), "14155550123"),
    "cell by iat": lambda frame: frame.iat.__setitem__((3, 0), "14155550123"),
    "cell by at": lambda frame: frame.at.__setitem__((503, "order"), -1),
    "column set": lambda frame: frame.__setitem__("phone", list(frame["phone"][::-1])),
    "slice set": lambda frame: frame.iloc.__setitem__((slice(None), 0), list(frame["phone"][::-1])),
    "numbers set": lambda frame: frame.iloc.__setitem__((slice(None), [2, 3]), 0),
    "masked set": lambda frame: frame.loc.__setitem__((501, "points"), 77),
    "category set": lambda frame: frame.loc.__setitem__((501, "city"), "Kyoto"),
    "moment set": lambda frame: frame.loc.__setitem__((501, "since"), pd.Timestamp("2030-01-01", tz="UTC")),
    "object set": lambda frame: frame.loc.__setitem__((501, "note"), "changed"),
    "nulls filled": lambda frame: frame.fillna({"points": 5, "note": "none"}, inplace=True),
    "replaced": lambda frame: frame.replace({"order": {10: 11}}, inplace=True),
    "column deleted": lambda frame: frame.__delitem__("content"),
    "column popped": lambda frame: frame.pop("city"),
    "column inserted": lambda frame: frame.insert(0, "segment", "mine"),
    "renamed": lambda frame: frame.rename(columns={"phone": "mobile"}, inplace=True),
    "columns named anew": lambda frame: frame.__setattr__("columns", [name.upper() for name in frame.columns]),
    "columns' name": lambda frame: frame.columns.__setattr__("name", "field"),
    "index set": lambda frame: frame.__setattr__("index", range(N)),
    "index reset": lambda frame: frame.reset_index(inplace=True),
    "index' name": lambda frame: frame.index.__setattr__("name", "other"),
    "values of masked numbers": lambda frame: frame["points"].values.__setitem__(0, 77),
    "values of categories": lambda frame: frame["city"].values.__setitem__(0, "Lima"),
    "array of masked numbers": lambda frame: frame["points"].array.__setitem__(0, 77),
    "array of numbers": lambda frame: frame["order"].array.__setitem__(0, -1),
    "array of objects": lambda frame: frame["note"].array.__setitem__(1, "changed"),
    "attrs": _attrs,
}  # fmt: skip


@pytest.fixture(name="change", params=CHANGES)
def _change(request):
    def change(frame):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas would have nobody change anything in place
            CHANGES[request.param](frame)

    return change


def as_it_was(sent, sandbox=None):
    """The frame is the one that was given, and each verdict stands at its own row."""
    given, own = people(), list(people().columns)
    back = sent[own]
    back.attrs = {name: value for name, value in back.attrs.items() if name != "nxsms"}
    pd.testing.assert_frame_equal(back, given)
    assert back.attrs == given.attrs
    if sandbox is not None:
        accepted = set(sandbox.ledger["phone"])
        assert [phone in accepted for phone in sent["phone"]] == (sent["status"] == "Success").to_list()


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7, failures={13005: 0.3}) as sandbox:
        yield sandbox


def test_a_frame_changed_while_it_is_sent(sandbox, change):
    """In the background, awaited, or by another thread: what was given at the call is sent and joined."""
    sandbox.hold()
    one, two, three = people(), people(), people()
    sent = {}

    def blocking():
        sent["send"] = three.nxsms.send(sandbox.client, campaign="c", progress="silent")

    async def awaited():
        coroutine = two.nxsms.asend(sandbox.client, campaign="b", progress="silent")
        change(two)
        sandbox.release()
        sent["asend"] = await coroutine

    run = one.nxsms.start(sandbox.client, campaign="a", progress="silent")
    thread = threading.Thread(target=blocking)
    thread.start()
    assert sandbox.wait_for(requests=2)
    change(one)
    change(three)
    asyncio.run(awaited())
    thread.join()
    for frame in (run.wait(), run.frame, sent["asend"], sent["send"]):
        as_it_was(frame)
        assert counts(frame)["Success"] > 0
    accepted = sandbox.ledger.groupby("phone").size()
    for phone, number in accepted.items():
        frames = (run.frame, sent["asend"], sent["send"])
        assert sum((frame.loc[frame["phone"] == phone, "status"] == "Success").sum() for frame in frames) == number


def test_a_frame_changed_after_its_run(sandbox, change):
    """`.frame` stays the frame of the run, whatever becomes of the frame that was given, or of an earlier `.frame`."""
    frame = people()
    run = frame.nxsms.start(sandbox.client, progress="silent")
    run.wait()
    change(frame)
    as_it_was(run.frame, sandbox)
    change(run.frame)
    as_it_was(run.frame, sandbox)


def test_a_sent_frame_changed_while_it_is_retried(change):
    """The rows of the frame as it was are tried again, each once."""
    with nx.Sandbox(seed=7, balance=15) as sandbox:
        with pytest.raises(nx.AccountRefused) as stopped:
            people().nxsms.send(sandbox.client, progress="silent", batch_size=5)
        sandbox.balance = 1000
        sent, retried = stopped.value.frame, []
        sandbox.hold()
        before = len(sandbox.requests)
        thread = threading.Thread(target=lambda: retried.append(sent.nxsms.retry(sandbox.client, progress="silent")))
        thread.start()
        assert sandbox.wait_for(requests=before + 1)
        change(sent)
        sandbox.release()
        thread.join()
        as_it_was(retried[0], sandbox)
        assert len(sandbox.ledger) == sandbox.ledger["phone"].nunique() == N


def test_what_was_looked_at_stays(sandbox, change):
    """A plan, a report and what is recorded are of the frame as it was, and the error of a check, too."""
    frame = people()
    report, plan, recorded = (
        frame.nxsms.validate(),
        frame.nxsms.plan(sandbox.client),
        frame.nxsms.recorded(sandbox.client),
    )
    bad = people()
    bad.loc[539, ["phone", "content"]] = bad.loc[500, ["phone", "content"]]
    with pytest.raises(nx.ValidationError) as refused:
        bad.nxsms.send(sandbox.client)
    change(frame)
    change(bad)
    as_it_was(report.valid)
    as_it_was(plan.frame)
    as_it_was(recorded)
    assert refused.value.report.invalid["order"].to_list() == [390]
    pd.testing.assert_frame_equal(report.problems, people().nxsms.validate().problems)


def test_a_dashboard_stays(sandbox):
    """The choice of groups reads the frame that the dashboard was made of."""
    frame = people().nxsms.send(sandbox.client, progress="silent")
    untouched, changed = frame.copy().nxsms.dashboard(), frame.nxsms.dashboard()
    frame.loc[:, "city"] = "Kyoto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.drop(index=frame.index[:20], inplace=True)
    for dashboard in (untouched, changed):
        column = dashboard._board.columns.index("city")
        dashboard._heard(dashboard, {"nxsms": "column", "role": "group", "column": column}, [])
    assert changed.html() == untouched.html()


def test_a_chunk_changed_by_its_source(sandbox, change):
    """A source that hands out one frame and changes it in place for the next chunk gives each its own results."""

    def source():
        frame = people()
        yield frame
        change(frame)

    (sent,) = nx.send_stream(source(), sandbox.client, campaign="a", progress="silent")
    as_it_was(sent, sandbox)


def test_lists_given_are_taken(sandbox):
    """A list of key columns that is used again for something else means what it meant at the call."""
    key = ["phone", "order"]
    stream = nx.send_stream([people()], sandbox.client, campaign="a", key=key, progress="silent")
    key.clear()
    (sent,) = stream
    recorded = people().nxsms.recorded(sandbox.client, campaign="a", key=["phone", "order"])
    assert counts(recorded) == counts(sent)


def test_what_is_handed_out_is_not_what_is_kept():
    """Whoever changes the problems of a report in place changes their own frame."""
    report = people().assign(phone="x").nxsms.validate()
    before = report.problems
    mine = report.problems
    mine.iloc[0, 0] = 99
    mine.index.name = "mine"
    pd.testing.assert_frame_equal(report.problems, before)


def test_a_sandbox_keeps_its_settings():
    """A dict of failures or a list of words that is used again does not change them."""
    mix, words = {13005: 0.5}, ["casino"]
    with nx.Sandbox(seed=7, failures=mix, blocked_keywords=words) as sandbox:
        shown = repr(sandbox)
        mix[13005] = 0.0
        words.clear()
        assert repr(sandbox) == shown


def test_cells_that_hold_objects_are_shared_and_nothing_else_is():
    """Lists in cells are the same objects; numbers are not in the same memory."""
    frame = people()
    frame["tags"] = [[i] for i in range(N)]
    taken = frame_as_given(frame)
    assert all(mine is theirs for mine, theirs in zip(taken["tags"], frame["tags"], strict=True))
    assert not np.shares_memory(taken["order"].to_numpy(), frame["order"].to_numpy())


@pytest.mark.skipif(int(pd.__version__[0]) >= 3, reason="pandas 3 always copies on write")
@pytest.mark.parametrize("mode", [True, False, "warn"])
def test_every_mode_of_pandas_2(sandbox, mode):
    """With copy-on-write on, off or warning, a frame changed in place does not change what is sent."""
    with pd.option_context("mode.copy_on_write", mode), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sandbox.hold()
        frame = people()
        run = frame.nxsms.start(sandbox.client, progress="silent")
        frame.iloc[:, 0] = frame["phone"][::-1].to_list()
        frame.index.name = "other"
        sandbox.release()
        as_it_was(run.wait(), sandbox)
