"""Held-out rows: no verb sends them, and all say so."""

import asyncio

import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.__main__ import main


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def people(n=40, **columns):
    frame = pd.DataFrame(
        {"phone": [f"86150888{i:05d}" for i in range(n)], "name": [f"N{i}" for i in range(n)], **columns}
    )
    return frame.nxsms.assign_variants({"A": "Hi {name}", "B": "Hello {name}"}, campaign="spring", holdout=0.3)


def verbs(frame, client, **options):
    yield frame.nxsms.send(client, **options)
    yield asyncio.run(frame.nxsms.asend(client, **options))
    yield frame.nxsms.start(client, **options).wait()
    yield frame.nxsms.recorded(client, **options)
    chunks = [frame.iloc[:7], frame.iloc[7:]]
    yield pd.concat(nx.send_stream(chunks, client, **{"campaign": "stream", **options}))


def check(sent, held, prefix=""):
    mine = sent[held.to_numpy()]
    assert set(mine[f"{prefix}status"]) == {"Skipped"}
    assert set(mine[f"{prefix}reason"]) == {"held out"}
    assert mine[f"{prefix}messageid"].isna().all()
    assert mine[f"{prefix}code"].isna().all()
    assert (mine[f"{prefix}attempts"] == 0).all()
    assert set(sent[~held.to_numpy()][f"{prefix}status"]) == {"Success"}


@pytest.mark.parametrize("content", [None, "Buy now"])
@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
def test_held_out_rows_are_skipped_by_every_verb(sandbox, content):
    """With or without content, they are Skipped, "held out", get no id and never reach the gateway."""
    frame = people()
    held = frame["variant"] == "holdout"
    if content is not None:
        frame["content"] = frame["content"].fillna(content)
    assert 5 < held.sum() < 20
    for sent in verbs(frame, sandbox.client):
        check(sent, held)
    assert set(sandbox.ledger["phone"]) == set(frame["phone"][~held])


@pytest.mark.parametrize("dtype", ["category", "object", "str", "string"])
def test_the_column_may_have_another_name_and_dtype(sandbox, dtype, tmp_path):
    """variant= names the column; what a file made of it holds people out as well."""
    frame = people().rename(columns={"variant": "arm"}).astype({"arm": dtype})
    check(
        frame.nxsms.send(sandbox.client, variant="arm", campaign="one", prefix="sms_"),
        frame["arm"] == "holdout",
        "sms_",
    )
    frame.to_csv(tmp_path / "frame.csv", index=False)
    back = pd.read_csv(tmp_path / "frame.csv", dtype={"phone": str})
    check(back.nxsms.send(sandbox.client, variant="arm", campaign="two"), back["arm"] == "holdout")


def test_what_is_wrong_with_a_held_out_row_does_not_matter(sandbox):
    """Neither a missing text nor a number that cannot be read is a problem of a row that is not sent; nor are repeats."""
    frame = pd.DataFrame(
        {
            "phone": ["8615088888888", "n/a", "8615088888888", "12"],
            "content": ["Hi", None, "Hi", "Hi"],
            "variant": ["A", "holdout", "holdout", "B"],
        }
    )
    report = frame.nxsms.validate()
    assert report.problems["position"].tolist() == [3]
    assert "1 of 4 rows has a problem; 1 may be sent; 2 held out." in repr(report)
    assert list(report.valid.index) == [0, 1, 2]
    assert list(report.invalid.index) == [3]
    sent = frame.nxsms.send(sandbox.client, campaign="spring")
    assert sent["status"].tolist() == ["Success", "Skipped", "Skipped", "Invalid"]
    clean = frame.iloc[:3]
    assert "No problem in 3 rows; 2 held out." in repr(clean.nxsms.validate())
    assert clean.nxsms.send(sandbox.client, campaign="summer", on_invalid="raise")["status"].tolist()[0] == "Success"


def test_a_plan_counts_them(sandbox):
    """The fate of a held-out row is to be held out, not to be a duplicate."""
    frame = people()
    plan = frame.nxsms.plan(sandbox.client)
    held = int((frame["variant"] == "holdout").sum())
    assert plan.counts["held out"] == held
    assert plan.counts["duplicate"] == 0
    assert set(plan.frame.loc[frame["variant"] == "holdout", "reason"]) == {"held out"}
    assert f"held out {held:>16,}"[:8] in repr(plan)


def test_a_retry_leaves_them_alone(sandbox):
    """A row that is held out by now is not tried again, whatever became of it."""
    frame = pd.DataFrame({"phone": [f"86150888{i:05d}" for i in range(10)], "content": "Hi", "variant": "A"})
    sandbox.failures = {13006: 1.0}
    sent = frame.nxsms.send(sandbox.client)
    sandbox.failures = {}
    sent.loc[:3, "variant"] = "holdout"
    again = sent.nxsms.retry(sandbox.client, codes=13006)
    assert again["status"].tolist() == ["Failure"] * 4 + ["Success"] * 6


def test_people_who_got_the_message_before_are_no_holdout(sandbox, capsys):
    """Held out after the first send they stay Skipped, and send and plan say how many got it."""
    frame = people()
    first = frame.assign(variant="A", content="Hi").nxsms.send(sandbox.client, campaign="spring")
    assert (first["status"] == "Success").all()
    held = int((frame["variant"] == "holdout").sum())
    capsys.readouterr()
    with pytest.warns(nx.AlreadySentWarning):
        again = frame.nxsms.send(sandbox.client, campaign="spring")
    assert f"{held} held-out rows of {held} got a message of this campaign earlier" in capsys.readouterr().out
    assert (again["status"] == "Skipped").sum() == held
    frame.nxsms.plan(sandbox.client, campaign="spring")
    assert "got a message of this campaign earlier" in capsys.readouterr().out
    frame.nxsms.plan(sandbox.client, campaign="summer")
    assert "earlier" not in capsys.readouterr().out
    assert len(sandbox.ledger) == len(frame)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: f, {"variant": "arm"}, "variant='arm' names a column the frame does not have"),
        (lambda f: f, {"variant": None}, "is not a column"),
        (lambda f: f, {"variant": ["variant"]}, "takes a column's name"),
        (lambda f: pd.concat([f, f[["variant"]]], axis=1), {}, "more than one column 'variant'"),
    ],
)
def test_a_column_that_is_not_there_or_not_one_is_refused(sandbox, change, options, words):
    """Who is held out is not guessed: nothing is sent."""
    frame = change(people())
    with pytest.raises((nx.ColumnError, nx.ConfigError), match=words):
        frame.nxsms.send(sandbox.client, **options)
    assert not len(sandbox.ledger)


def test_a_column_of_another_meaning_holds_nobody_out(sandbox):
    """Only the word itself holds out: numbers, gaps and other words are sent."""
    for values in (
        [1, 2, 3],
        ["Holdout sale", None, "control"],
        pd.to_datetime(["2026-01-01"] * 3),
        [True, False, True],
    ):
        frame = pd.DataFrame({"phone": [f"86150888{i:05d}" for i in range(3)], "content": "Hi", "variant": values})
        assert frame.nxsms.plan(sandbox.client).counts["send"] == 3


SPELLED = [
    "Holdout",
    "HOLDOUT",
    "holdout ",
    " holdout",
    "holdout\u200b",
    "\ufeffholdout",
    "hold-out",
    "Hold out",
    "hold_out",
    b"holdout",
]


@pytest.mark.parametrize("dtype", ["object", "category"])
@pytest.mark.parametrize("spelled", SPELLED)
def test_a_holdout_in_another_spelling_is_held_out(sandbox, spelled, dtype):
    """Whatever a person or a file made of the word; an arm whose name merely contains it is another."""
    arms = pd.Series(["A", spelled, None, "holdout reminder"], dtype=object).astype(dtype)
    frame = pd.DataFrame({"phone": [f"861508880000{i}" for i in range(4)], "content": "Hi", "variant": arms})
    sent = frame.nxsms.send(sandbox.client)
    assert sent["status"].tolist() == ["Success", "Skipped", "Success", "Success"]
    assert sent["reason"].iloc[1] == "held out"


def renamed(name):
    return lambda frame: frame.rename(columns={"variant": name})


UNSEEN = {
    "capital": (renamed("Variant"), "variant='Variant'"),
    "blank": (renamed("variant "), "variant='variant '"),
    "byte order mark": (renamed("\ufeffvariant"), "variant='\\ufeffvariant'"),
    "another name": (renamed("arm"), "variant='arm'"),
    "another name, as text": (lambda frame: renamed("arm")(frame).astype({"arm": str}), "variant='arm'"),
    "index": (lambda frame: frame.set_index("variant"), "rename_axis('variant').reset_index()"),
    "one of two levels": (lambda frame: frame.set_index(["name", "variant"]), "reset_index()"),
}


@pytest.mark.parametrize("how", UNSEEN)
def test_a_holdout_that_no_variant_column_shows_is_refused(sandbox, how):
    """A file or a rename moved it: nobody gets anything until it is named or dropped."""
    change, remedy = UNSEEN[how]
    frame = change(people().fillna({"content": "Buy now"}))
    for verb in ("send", "plan", "recorded"):
        with pytest.raises(nx.ColumnError, match="holdout") as refused:
            getattr(frame.nxsms, verb)(sandbox.client, campaign="spring")
        assert remedy in str(refused.value)
    with pytest.raises(nx.ColumnError, match="holdout"):
        list(nx.send_stream([frame], sandbox.client, campaign="spring", progress="silent"))
    assert not len(sandbox.ledger)
    assert set(frame.assign(variant="A").nxsms.send(sandbox.client)["status"]) == {"Success"}


def test_a_column_with_many_values_is_no_arm(sandbox):
    """A name or a text that reads so holds nobody out."""
    frame = pd.DataFrame(
        {"phone": [f"8615088800{i:03}" for i in range(30)], "content": [f"Hi {i}" for i in range(29)] + ["Hold-out"]}
    )
    assert set(frame.nxsms.send(sandbox.client)["status"]) == {"Success"}


def test_the_command_line_names_the_column(tmp_path, capsys):
    """--variant; without it, a column that holds people out under another name is refused."""
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    people().fillna({"content": "Hi"}).rename(columns={"variant": "Arm"}).to_csv(source, index=False)
    call = ["send", str(source), str(target), "--campaign", "c", "--sandbox"]
    assert main(call) == 2
    assert "--variant Arm" in capsys.readouterr().err
    assert main([*call, "--variant", "Arm"]) == 0
    assert "Skipped" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [object, pd.ArrowDtype(pa.list_(pa.int64()))])
def test_columns_of_values_without_a_hash_hold_nobody_out(sandbox, dtype):
    """Whatever else a frame carries is looked at, and does not end the call; nor late in a column of text."""
    frame = pd.DataFrame({"phone": [f"8615088800{i:03}" for i in range(3)], "content": "Hi"})
    frame["tags"] = pd.Series([[1], [2], None], dtype=dtype)
    assert set(frame.nxsms.send(sandbox.client)["status"]) == {"Success"}
    many = pd.DataFrame({"phone": [f"861508881{i:04}" for i in range(600)], "content": "Hi"})
    many["tags"] = pd.Series(["a"] * 599 + [["b"]], dtype=object)
    assert many.nxsms.plan(sandbox.client).counts["send"] == 600
