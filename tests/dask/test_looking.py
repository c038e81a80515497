"""What the journal knows of a Dask frame's rows, and what sending them would cost: as of the whole frame, and nothing is sent."""

import pandas as pd
import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}
PRICES = {"CN": 0.01}


def test_recorded_rows_are_those_of_the_whole_frame(parted, recipients, sandbox, tmp_path):
    """Some were sent, some not: statuses, ids and reasons are those that pandas gives, with the same partitions."""
    frame = recipients(200)
    frame.iloc[20:90].nxsms.send(sandbox.client, **QUIET)
    ddf = parted(frame, 1)
    theirs = frame.nxsms.recorded(sandbox.client, campaign="spring")
    for to in (None, tmp_path / "known"):
        ours = ddf.nxsms.recorded(sandbox.client, campaign="spring", to=to)
        assert ours.npartitions == ddf.npartitions
        rows = ours.compute()
        for name in ("messageid", "status", "reason", "attempts"):
            assert [*rows[name].dropna().items()] == [*theirs[name].dropna().items()]
    assert len(sandbox.ledger) == 70


def test_after_a_stop_the_rest_is_recorded_and_sent_into_the_same_folder(parted, recipients, sandbox, tmp_path):
    """The call that the error names gives all rows, and the same send goes on from there."""
    ddf = parted(recipients(600), 1)
    sandbox.balance = 250
    with pytest.raises(nx.AccountRefused):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    known = ddf.nxsms.recorded(sandbox.client, campaign="spring", to=tmp_path / "out").compute()
    assert len(known) == 600
    assert int((known["status"] == "Success").sum()) == len(sandbox.ledger)
    sandbox.balance = 10_000
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert (sent["status"] == "Success").all()
    assert len(sandbox.ledger) == 600


@pytest.mark.parametrize("given", [{"campaign": "spring"}, {"campaign": "spring", "key": "content"}, {}])
def test_a_plan_is_that_of_the_whole_frame(parted, recipients, sandbox, given):
    """Fates, costs, recipients and countries are added up; a number in two partitions is one recipient."""
    frame = recipients(150)
    frame = pd.concat(
        [frame, frame.iloc[:4], frame.iloc[5:9].assign(content="another text"), frame.iloc[:2].assign(phone="12x")]
    )
    frame.iloc[30:50].nxsms.send(sandbox.client, progress="silent", **given)
    theirs = frame.nxsms.plan(sandbox.client, prices=PRICES, rate=100, **given)
    ours = parted(frame, 2).nxsms.plan(sandbox.client, prices=PRICES, rate=100, **given)
    for name in ("requests", "recipients", "segments", "cost", "balance", "enough", "seconds", "plain_rows", "notes"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.counts.to_dict() == theirs.counts.to_dict()
    assert ours.problems.to_dict() == theirs.problems.to_dict()
    pd.testing.assert_frame_equal(ours.countries, theirs.countries)
    assert ours.frame.compute()["fate"].astype(str).tolist() == theirs.frame["fate"].astype(str).tolist()
    assert repr(ours).splitlines()[0] == repr(theirs).splitlines()[0]


@pytest.mark.parametrize(
    "call",
    [
        "ddf.nxsms.send(client, campaign='spring', to='sent')",
        "ddf.nxsms.plan(client, prices={'CN': 0.05}, rate=50, campaign='spring', to='planned')",
        "ddf.nxsms.recorded(client, campaign='spring', to='known')",
    ],
)
def test_without_credentials_the_call_to_practise_with_is_the_one_made(call, parted, recipients, monkeypatch, tmp_path):
    """With its folder and every other option."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACCESS_KEY", "ACCESS_SECRET", "APP_KEY", "BASE_URL", "APP_SECRET"):
        monkeypatch.delenv(f"NXSMS_{name}", raising=False)
    names = {"ddf": parted(recipients(4), 2)}
    with pytest.raises(nx.ConfigError) as refused:
        eval(call.replace("client, ", ""), names)  # noqa: S307
    assert str(refused.value).endswith(f"client = nx.Sandbox().client, then {call}.")
