"""A Dask frame sent by one process: one run, each row at most once, its results in files that a second call goes on with."""

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}
OWN = ["phone", "content", "city"]


def held_against_ledger(sent, sandbox):
    """Each accepted row is in the ledger once with its own number and text, and nothing else is."""
    accepted = sent[sent["status"] == "Success"]
    columns = ["messageid", "phone", "content"]
    mine = accepted[columns].astype(str).sort_values("messageid").to_numpy().tolist()
    assert sandbox.ledger[columns].astype(str).sort_values("messageid").to_numpy().tolist() == mine


def test_each_row_is_sent_once_and_comes_back_in_its_partition(dd, parted, recipients, sandbox, tmp_path):
    """The frame comes back with the same rows, index and partitions; the journal has one run."""
    frame = recipients(700)
    ddf = parted(frame, seed=3)
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert sent.npartitions == ddf.npartitions
    assert sent.map_partitions(len).compute().tolist() == ddf.map_partitions(len).compute().tolist()
    rows = sent.compute()
    assert rows.index.tolist() == frame.index.tolist()  # pandas 2.3 and Dask differ in the dtype of an index of texts
    assert rows.index.name == "who"
    assert rows[OWN].astype(str).to_numpy().tolist() == frame[OWN].astype(str).to_numpy().tolist()
    assert rows["city"].dtype == "category"
    held_against_ledger(rows, sandbox)
    assert len(sandbox.client.journal.runs()) == 1


def test_the_same_call_again_sends_nothing(parted, recipients, sandbox, tmp_path):
    """A second call gives the same results, and says that everything had been sent."""
    ddf = parted(recipients(300))
    first = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    with pytest.warns(nx.AlreadySentWarning, match="300 of 300 rows had been sent before"):
        again = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    pd.testing.assert_frame_equal(again, first)
    assert len(sandbox.ledger) == 300


@pytest.mark.parametrize("given", [(seed, duplicates) for seed in range(3) for duplicates in ("drop", "allow")])
def test_rows_that_share_a_key_across_partitions_fare_as_in_one_frame(parted, recipients, sandbox, tmp_path, given):
    """Dropped and allowed duplicates have the ids and statuses that pandas gives them, wherever partitions begin."""
    (seed, duplicates), frame = given, recipients(120).assign(city="x")
    frame = pd.concat([frame, frame.iloc[::3], frame.iloc[::7]]).sample(frac=1, random_state=seed)
    options = {**QUIET, "duplicates": duplicates, "suppress": frame["phone"].iloc[::11].tolist()}
    whole = frame.nxsms.recorded(sandbox.client, campaign="spring", duplicates=duplicates, suppress=options["suppress"])
    sent = parted(frame, seed).nxsms.send(sandbox.client, to=tmp_path / "out", **options).compute()
    assert sent["messageid"].fillna("").tolist() == whole["messageid"].fillna("").tolist()
    skipped = whole["status"] == "Skipped"
    assert (sent["status"] == "Skipped").tolist() == skipped.tolist()
    assert sent.loc[skipped.to_numpy(), "reason"].tolist() == whole.loc[skipped, "reason"].tolist()
    held_against_ledger(sent, sandbox)


def test_duplicates_in_other_partitions_stop_the_call_before_it_sends(parted, recipients, sandbox, tmp_path):
    """The error counts them over all partitions and says where the first is."""
    frame = pd.concat([recipients(100), recipients(2, first=40)])
    with pytest.raises(nx.ValidationError, match=r"2 of 102 rows repeat .* the first at position 100, in partition \d"):
        parted(frame).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert not len(sandbox.ledger)


def test_what_only_the_whole_column_shows_holds_in_every_partition(parted, sandbox, tmp_path):
    """Numbers that a spreadsheet cut are problems also where a partition has one of them alone, and not where the column has too few."""
    cut = pd.DataFrame(
        {
            "phone": [f"86150{i:03d}00000" if i in (10, 60) else f"86150{i:03d}12345" for i in range(100)],
            "content": "Hi",
        }
    )
    whole = cut.nxsms.validate().problems["position"].tolist()
    assert whole == [10, 60]
    sent = parted(cut, seed=5).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert sent["status"].tolist() == ["Invalid" if i in whole else "Success" for i in range(100)]


def test_other_files_in_the_folder_are_refused(parted, recipients, sandbox, tmp_path):
    """A folder with anything else, with results of other partitions or a file in its place is refused before a request."""
    ddf = parted(recipients(20))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(nx.ConfigError, match=r"holds 'notes.txt'.*Nothing was sent"):
        ddf.nxsms.send(sandbox.client, to=tmp_path, **QUIET)
    with pytest.raises(nx.ConfigError, match="is a file"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "notes.txt", **QUIET)
    ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    with pytest.raises(nx.ConfigError, match=r"part-00005\.parquet, and the frame has 4 partitions"):
        parted(recipients(20), partitions=4).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert len(sandbox.ledger) == 20


def test_results_that_the_journal_does_not_know_stop_the_call(parted, recipients, sandbox, tmp_path):
    """Files with results of another journal or campaign are held against the journal, and nothing is sent again."""
    ddf = parted(recipients(20))
    ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    with pytest.raises(nx.JournalError, match="does not know in the campaign 'summer'"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", campaign="summer", progress="silent")
    with pytest.raises(nx.JournalError, match="the journal was lost"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", journal=tmp_path / "new", **QUIET)
    assert len(sandbox.ledger) == 20


def test_partitions_that_change_between_two_looks_are_refused(dd, recipients, sandbox, tmp_path):
    """Rows that are computed anew each time, and differently, are not sent: duplicates could not be told."""
    frame = recipients(50)
    looks = []

    def drawn(piece):
        looks.append(1)
        return frame.sample(frac=1, random_state=len(looks))

    ddf = dd.from_map(drawn, [0], meta=frame.iloc[:0])
    with pytest.raises(nx.ConfigError, match=r"Partition 0 has other rows.*ddf.persist\(\)"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert not len(sandbox.ledger)


@pytest.mark.parametrize("column", ["content", "phone", "order", "land", "variant", "sys_message_id", "short_link"])
def test_whatever_says_what_is_sent_must_not_change_between_two_looks(dd, recipients, sandbox, tmp_path, column):
    """Texts, numbers, keys, countries, arms, own ids and links."""
    frame = recipients(6).assign(
        order=list("abcdef"), land="DE", variant="A", sys_message_id=[f"own-id-000{i}" for i in range(6)]
    )
    frame = frame.assign(content="Hi #1#", short_link="https://example.com/a")
    other = {"content": "Ho #1#", "phone": "8615000009999", "sys_message_id": "own-id-9999"}.get(column, "FR")
    looks = []

    def drawn(_):
        looks.append(1)
        return frame if len(looks) < 2 else frame.assign(**{column: [other, *frame[column].iloc[1:]]})

    ddf = dd.from_map(drawn, [0], meta=frame.iloc[:0])
    with pytest.raises(nx.ConfigError, match="Partition 0 has other rows"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", key="order", region="land", **QUIET)
    assert not len(sandbox.ledger)


def test_confirmation_counts_all_partitions(parted, recipients, tmp_path):
    """To a real gateway the whole frame has to be confirmed, before the first request; the line to paste has `to`."""
    client = nx.Client(access_key="key", access_secret="secret", app_key="app", base_url="https://gateway.invalid")
    with pytest.raises(nx.ConfirmationNeeded, match=r"150 messages(.|\n)*ddf.nxsms.send\(client, .*to=.*confirm=150\)"):
        parted(recipients(150)).nxsms.send(client, to=tmp_path / "out", journal=tmp_path / "j", confirm=149, **QUIET)


def test_a_stopped_call_has_the_rows_so_far_and_the_next_one_the_rest(parted, recipients, sandbox, tmp_path):
    """When the balance ends, the error's frame is what is written, the ended partition complete; the same call goes on."""
    ddf = parted(recipients(900), seed=1)
    sandbox.balance = 450
    with pytest.raises(nx.AccountRefused) as stopped:
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    rows = stopped.value.frame.compute()
    sizes = ddf.map_partitions(len).compute().cumsum().tolist()
    assert len(rows) in sizes
    assert {*rows["status"]} == {"Success", "Unsent"}
    assert "all rows: sent = ddf.nxsms.recorded(client, campaign='spring'" in "\n".join(
        stopped.value._render_traceback_()
    )
    sandbox.balance = 10_000
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert (sent["status"] == "Success").all()
    held_against_ledger(sent, sandbox)


def test_rows_that_were_sent_are_not_dropped_as_duplicates_of_new_ones(dd, recipients, sandbox, tmp_path):
    """Without the journal a sent row in a later partition speaks for its number; the other way round it is sent before."""
    frame = recipients(20)
    sent = frame.nxsms.send(sandbox.client, journal=tmp_path / "lost", **QUIET)
    new = frame.reindex(columns=sent.columns)
    given = {"duplicates": "drop", "journal": tmp_path / "other", **QUIET}
    parts = [new, sent]
    with pytest.raises(nx.ColumnError, match=r"20 rows that were sent share a key .*dd.concat\(\[sent, new\]\)"):
        dd.from_map(lambda number: parts[number], [0, 1], meta=sent.iloc[:0]).nxsms.send(
            sandbox.client, to=tmp_path / "a", **given
        )
    again = dd.from_map(lambda number: parts[number], [1, 0], meta=sent.iloc[:0])
    with pytest.warns(nx.AlreadySentWarning):
        rows = again.nxsms.send(sandbox.client, to=tmp_path / "b", **given).compute()
    assert rows["status"].value_counts()[["Success", "Skipped"]].tolist() == [20, 20]
    assert len(sandbox.ledger) == 20


def test_a_list_counts_for_the_countries_of_all_partitions(parted, sandbox, tmp_path):
    """A national entry is read for every country of the frame, not only for those of a partition."""
    frame = pd.DataFrame(
        {
            "phone": [f"0151{i:08d}" for i in range(10_000_000, 10_000_020)] + ["+4915110000003"],
            "content": "Hi",
            "land": ["DE"] * 20 + ["FR"],
        }
    ).iloc[::-1]
    given = {"region": "land", "suppress": ["0151 10000003"], "duplicates": "allow", "campaign": "spring"}
    theirs = frame.nxsms.recorded(sandbox.client, **given)
    assert (theirs["status"] == "Skipped").sum() == 2
    ours = parted(frame, 3).nxsms.send(sandbox.client, to=tmp_path / "out", progress="silent", **given).compute()
    assert (ours["status"] == "Skipped").tolist() == (theirs["status"] == "Skipped").tolist()


def test_keys_that_a_spreadsheet_rounded_are_those_of_the_whole_column(parted, sandbox, tmp_path):
    """Long numbers that are all floats are problems in every partition, and not where one of them cannot be a float."""
    floats = [int(float(10**17 + 12_345_679 * i)) for i in range(60)]
    for last in (floats[-1], floats[-1] + 1):
        keys = [str(key) for key in [*floats[:-1], last]]
        frame = pd.DataFrame({"phone": [str(8615000000000 + i) for i in range(60)], "content": "Hi", "order": keys})
        given = {"key": "order", "campaign": f"spring {last}"}
        theirs = frame.nxsms.recorded(sandbox.client, **given)
        ours = (
            parted(frame, 1).nxsms.send(sandbox.client, to=tmp_path / str(last), progress="silent", **given).compute()
        )
        assert (ours["status"] == "Invalid").tolist() == (theirs["status"] == "Invalid").tolist()


def test_a_column_of_two_types_is_refused_before_a_row_is_sent(dd, recipients, sandbox, tmp_path):
    """Partitions whose results could not be read as one frame are named."""
    first, second = recipients(10).assign(n=1), recipients(10, first=10).assign(n="a")
    ddf = dd.from_map(lambda piece: piece, [first, second], meta=first.iloc[:0])
    with pytest.raises(nx.ColumnError, match=r"'n' holds int64 in partition 0 and large_string in partition 1"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert not len(sandbox.ledger)


APART = {
    "a column in some": (
        lambda frame: frame.assign(n=1),
        lambda frame: frame,
        "'n' is in partition 0 and not in partition 1",
    ),
    "a column more": (
        lambda frame: frame,
        lambda frame: frame.assign(n=1),
        "'n' is in partition 1 and not in partition 0",
    ),
    "indexes' names": (
        lambda frame: frame.rename_axis("a"),
        lambda frame: frame.rename_axis("b"),
        "'a' is in partition 0 and not in partition 1",
    ),
    "orders": (
        lambda frame: frame.assign(n=pd.Categorical(["a"] * len(frame), ["a", "b"], ordered=True)),
        lambda frame: frame.assign(n=pd.Categorical(["a"] * len(frame), ["b", "a"], ordered=True)),
        "'n' has another order of its categories in partition 1 than in partition 0",
    ),
    "long numbers and floats": (
        lambda frame: frame.assign(n=2**60 + 1),
        lambda frame: frame.assign(n=0.5),
        "'n' holds int64 in partition 0 that double, as in partition 1, cannot hold",
    ),
    "long numbers and negative ones": (
        lambda frame: frame.assign(n=np.uint64(2**63 + 5)),
        lambda frame: frame.assign(n=-3),
        "'n' holds uint64 in partition 0 that int64, as in partition 1, cannot hold",
    ),
    "far and fine times": (
        lambda frame: frame.assign(n=pd.Timestamp("9999-01-01").as_unit("s")),
        lambda frame: frame.assign(n=pd.Timestamp("2026-01-01 00:00:00.123456789")),
        "cannot hold",
    ),
    "indexes": (
        lambda frame: frame.set_axis(np.arange(len(frame)) + 2**60 + 1),
        lambda frame: frame.set_axis(np.arange(len(frame)) + 0.5),
        "The index holds int64 in partition 0",
    ),
}


@pytest.mark.parametrize("what", APART)
def test_partitions_whose_results_are_not_one_frame_are_refused_before_a_row_is_sent(
    dd, recipients, sandbox, tmp_path, what
):
    """Columns, orders of categories and values that the files could not hold together are named with their partitions."""
    one, other, words = APART[what]
    first, second = one(recipients(10)), other(recipients(10, first=10))
    ddf = dd.from_map(lambda piece: piece, [first, second], meta=first.iloc[:0])
    with pytest.raises(nx.ColumnError, match=words):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert not len(sandbox.ledger)


def test_whole_numbers_that_floats_hold_go_with_floats(dd, recipients, sandbox, tmp_path):
    """Also where a partition's column has only whole numbers, as a file with no gap has it."""
    first, second = recipients(10).assign(n=2**53), recipients(10, first=10).assign(n=0.5)
    ddf = dd.from_map(lambda piece: piece, [first, second], meta=first.iloc[:0])
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert sent["n"].tolist() == [float(2**53)] * 10 + [0.5] * 10


def test_the_partitions_that_differ_are_named_among_many(dd, recipients, sandbox, tmp_path):
    """Partitions are looked at some at a time, and counted from the first of all."""
    pieces = [recipients(2, first=2 * number).assign(n="a" if number == 37 else 1) for number in range(40)]
    ddf = dd.from_map(lambda piece: piece, pieces, meta=pieces[0].iloc[:0])
    with pytest.raises(nx.ColumnError, match="and large_string in partition 37,"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)


@pytest.mark.parametrize("name", ["sms_status", "sms_code", "content"])
def test_an_index_named_as_a_column_of_the_results_is_refused(dd, recipients, sandbox, tmp_path, name):
    """The results could not be read back, and they have been sent by then."""
    ddf = dd.from_pandas(recipients(10).reset_index(drop=True).rename_axis(name), npartitions=2)
    with pytest.raises(nx.ColumnError, match=f"named {name!r}, as a column"):
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", prefix="sms_", **QUIET)
    assert not len(sandbox.ledger)


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("name", ["spring 2026", "{a,b}", "a#b%20c", "Größe"])
def test_a_folder_may_have_any_name(dd, recipients, sandbox, tmp_path, name):
    """Spaces, braces, signs of URLs and letters of any language."""
    ddf = dd.from_pandas(recipients(10), npartitions=2, sort=False)
    for _ in range(2):
        sent = ddf.nxsms.send(sandbox.client, to=tmp_path / name, **QUIET)
        assert sent["status"].compute().tolist() == ["Success"] * 10
    assert len(sandbox.ledger) == 10


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\udcff", "a*b", "what?", "results [2026]"])
def test_a_folder_that_cannot_be_is_refused_before_a_row_is_sent(dd, recipients, sandbox, tmp_path, name):
    """A name with a zero byte, one that is too long, one that Arrow cannot open, and such as Dask takes for a pattern."""
    ddf = dd.from_pandas(recipients(10), npartitions=2, sort=False)
    with pytest.raises(nx.ConfigError, match=r"^to="):
        ddf.nxsms.send(sandbox.client, to=f"{tmp_path}/{name}", **QUIET)
    assert not len(sandbox.ledger)
