"""A stream is one run: what a request taught holds for the chunks behind it."""

import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nxsms_nb as nx


def chunk(n, first=0):
    return pd.DataFrame({"phone": [str(8615000000000 + first + i) for i in range(n)], "content": "Hi"})


def chunks(count, n=10):
    return (chunk(n, n * i) for i in range(count))


def stream(frames, client, **given):
    return nx.send_stream(frames, client, campaign="spring", progress="silent", **given)


def test_three_doubtful_requests_in_a_row_end_the_stream_in_whatever_chunks_they_are():
    """A chunk of one request is no fresh start: the third lost reply ends the run, as it does within a frame."""
    with nx.Sandbox(seed=7, faults={"lost": 1.0}) as sandbox:
        seen = []
        with pytest.raises(nx.InDoubt, match="3 requests in a row"):
            seen.extend(stream(chunks(200), sandbox.client))
        assert len(seen) == 2
        assert len(sandbox.ledger) == 30


def test_failures_are_counted_over_the_whole_stream():
    """`max_failures` is borne once, not once a chunk."""
    with nx.Sandbox(seed=7, failures={13009: 1.0}) as sandbox:
        seen = []
        with pytest.raises(nx.TooManyFailures, match="40 rows failed"):
            seen.extend(stream(chunks(100), sandbox.client, max_failures=30))
        assert len(seen) == 3


def test_a_share_of_failures_is_a_share_of_the_whole_stream():
    """Chunks too small to say anything of a share add up."""
    with (
        nx.Sandbox(seed=7, failures={13009: 1.0}) as sandbox,
        pytest.raises(nx.TooManyFailures, match="50 of 50"),
    ):
        list(stream(chunks(100), sandbox.client, max_failures=0.5))


def test_the_gateways_clock_is_learnt_once_in_a_stream():
    """Only the first request of all is refused with 1004."""
    with nx.Sandbox(seed=7, clock_offset=300.0) as sandbox:
        results = pd.concat(stream(chunks(6), sandbox.client))
        assert (results["status"] == "Success").all()
        assert results["attempts"].tolist() == [2] * 10 + [1] * 50


def test_later_chunks_do_not_wait_for_a_first_reply_again():
    """Once a reply was understood, a chunk's requests leave side by side from the first on."""
    with nx.Sandbox(seed=7) as sandbox, ThreadPoolExecutor(1) as pool:
        frames = stream(chunks(2, 40), sandbox.client, batch_size=10, concurrency=4)
        next(frames)
        sandbox.hold()
        later = pool.submit(next, frames)
        together = sandbox.wait_for(requests=8)
        sandbox.release()
        assert (later.result()["status"] == "Success").all()
        assert together


@pytest.fixture(name="real")
def _real(tmp_path):
    """A sandbox, and a client to which it is a real gateway: 0.0.0.0 leads here, but is no loopback address."""
    with nx.Sandbox(seed=7) as sandbox:
        url = f"http://0.0.0.0:{urlsplit(sandbox.url).port}"
        keys = {"access_key": sandbox.access_key, "access_secret": sandbox.access_secret, "app_key": sandbox.app_key}
        client = nx.Client(**keys, base_url=url, insecure=True)
        client.bind(simulated=False, journal=nx.Journal(tmp_path / "journal"))
        yield sandbox, client


@pytest.mark.parametrize("confirm", [None, 100, 299])
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda: list(chunks(3, 100)), id="list"),
        pytest.param(lambda: tuple(chunks(30)), id="tuple"),
        pytest.param(lambda: chunk(300), id="frame"),
        pytest.param(lambda: pa.Table.from_pandas(chunk(300)), id="table"),
        pytest.param(lambda: [pa.Table.from_pandas(chunk(300)).to_batches()[0]], id="batches"),
    ],
)
def test_a_source_that_tells_its_length_is_agreed_to_before_its_first_row(real, source, confirm):
    """Nothing is sent; the error counts the whole stream and gives the call as it is to be made."""
    sandbox, client = real
    with pytest.raises(nx.ConfirmationNeeded, match="Nothing was sent") as needed:
        list(stream(source(), client, confirm=confirm))
    assert len(sandbox.ledger) == 0
    assert needed.value.count == 300
    line = str(needed.value).splitlines()[-1].strip()
    assert line == "nx.send_stream(frames, client, campaign='spring', progress='silent', confirm=300)"
    assert sum(len(sent) for sent in stream(source(), client, confirm=300)) == 300
    assert len(sandbox.ledger) == 300


def test_a_parquet_file_tells_its_length(real, tmp_path):
    """Its metadata are enough to ask before anything is read."""
    sandbox, client = real
    chunk(300).to_parquet(tmp_path / "people.parquet")
    with pq.ParquetFile(tmp_path / "people.parquet") as file:
        with pytest.raises(nx.ConfirmationNeeded, match="300 messages"):
            next(stream(file, client))
        assert len(sandbox.ledger) == 0
        assert sum(len(sent) for sent in stream(file, client, confirm=300)) == 300


def test_rows_sent_before_need_no_agreement(real):
    """A stream that was stopped goes on with an agreement to what is left, and without one where little is."""
    sandbox, client = real
    list(stream(list(chunks(25)), client, confirm=250))
    assert len(sandbox.ledger) == 250
    with pytest.raises(nx.ConfirmationNeeded, match="101 messages"):
        list(stream([chunk(351)], client))
    results = pd.concat(stream([chunk(200), chunk(150, 200)], client))
    assert (results["status"] == "Success").all()
    assert len(sandbox.ledger) == 350


@pytest.mark.parametrize("confirm", [None, 150])
def test_a_stream_of_unknown_length_ends_before_what_was_not_agreed_to(real, confirm):
    """It says what was sent by then, counts the rows of all chunks, and its line is the whole call."""
    sandbox, client = real
    seen = []
    with pytest.raises(nx.ConfirmationNeeded) as needed:
        seen.extend(stream(chunks(40, 40), client, confirm=confirm))
    sent = 80 if confirm is None else 120
    assert sum(len(frame) for frame in seen) == sent == len(sandbox.ledger)
    text = str(needed.value)
    assert "Nothing was sent" not in text
    assert f"Of the {sent} rows before it: {sent} accepted in this stream" in text
    assert f"Positions {sent} to {sent + 39} of the source" in text
    assert text.endswith(f"nx.send_stream(frames, client, campaign='spring', progress='silent', confirm={sent + 40})")
    assert needed.value.count == sent + 40
    assert client.journal.runs()["stopped"].notna().all()


def test_many_small_chunks_need_agreement_as_one_large_one_does(real):
    """The threshold of the options holds for the whole stream."""
    sandbox, client = real
    with pytest.raises(nx.ConfirmationNeeded):
        list(stream(chunks(1000, 1), client))
    assert len(sandbox.ledger) == 100


def test_a_source_with_a_length_that_can_be_read_only_once_is_read_once(real):
    """A progress bar around a generator has a length and is no list: nothing is taken from it beforehand."""
    sandbox, client = real

    class Bar:
        def __init__(self, frames):
            self.frames = frames

        def __len__(self):
            return 2

        def __iter__(self):
            yield from self.frames

    assert sum(len(sent) for sent in stream(Bar(chunks(2)), client)) == 20
    assert len(sandbox.ledger) == 20


@pytest.mark.parametrize("frames", [None, 3, "people.parquet", b"people"])
def test_what_is_no_source_is_refused_at_the_call(frames):
    """The error names what was given, before the campaign is looked at."""
    with nx.Sandbox(seed=7) as sandbox, pytest.raises(nx.ConfigError, match="is not an iterable of frames"):
        stream(frames, sandbox.client)


def test_duplicates_in_a_later_chunk_are_placed_in_the_source():
    """The error gives the position in the source and says what had been sent."""
    twice = pd.concat([chunk(5, 100), chunk(2, 100)], ignore_index=True)
    with nx.Sandbox(seed=7) as sandbox, pytest.raises(nx.ValidationError) as refused:
        list(stream(iter([chunk(10), chunk(10, 10), twice]), sandbox.client))
    text = str(refused.value)
    assert text.startswith("Positions 20 to 26 of the source")
    assert "the first at position 25 " in text
    assert "Of the 20 rows before it: 20 accepted in this stream" in text
    assert "Nothing was sent" not in text
    assert refused.value.report.problems["position"].tolist() == [5, 6]


def test_other_refusals_of_a_later_chunk_say_what_was_sent_too():
    """A chunk without a column, and a row that must not be sent, after chunks that were."""
    bad = chunk(3, 100).assign(phone=["12", "8615000000200", "8615000000201"])
    for later, error, given in (
        (chunk(3, 100).rename(columns={"phone": "mobile"}), nx.ColumnError, {}),
        (bad, nx.ValidationError, {"on_invalid": "raise"}),
        (7, nx.ConfigError, {}),
    ):
        with nx.Sandbox(seed=7) as sandbox, pytest.raises(error, match="Of the 10 rows before it: 10 accepted"):
            list(stream(iter([chunk(10), later]), sandbox.client, **given))


def test_the_first_chunks_refusal_stands_as_it_is():
    """Before the first row nothing is to be placed."""
    with nx.Sandbox(seed=7) as sandbox, pytest.raises(nx.ValidationError, match="Nothing was sent") as refused:
        list(stream(iter([pd.concat([chunk(2), chunk(1)])]), sandbox.client))
    assert not str(refused.value).startswith("Positions")


def test_a_source_that_breaks_off_says_what_was_sent_and_the_campaign_is_free():
    """The source's own error passes, with a note; the same stream goes on."""

    def breaking():
        yield chunk(10)
        raise OSError("the disk is gone")

    with nx.Sandbox(seed=7) as sandbox:
        with pytest.raises(OSError, match="the disk is gone") as broken:
            list(stream(breaking(), sandbox.client))
        assert "Of the 10 rows before it: 10 accepted" in broken.value.__notes__[0]
        assert sandbox.client.journal.runs()["ended"].notna().all()
        frames = list(stream(chunks(2), sandbox.client))
        assert [len(sent) for sent in frames] == [10, 10]
        assert sandbox.effects().eq(1).all()


def test_a_repeated_stream_says_once_that_its_rows_were_sent_before(capsys):
    """One line at its end where some were new, a warning where none was."""
    with nx.Sandbox(seed=7) as sandbox:
        list(stream(chunks(20), sandbox.client))
        assert capsys.readouterr().out == ""
        list(stream(chunks(30), sandbox.client))
        (line,) = capsys.readouterr().out.splitlines()
        assert re.fullmatch(
            r"200 of 300 rows had been sent before \(.+\); sent 100\. To send those again: campaign='spring 2'", line
        )
        with pytest.warns(nx.AlreadySentWarning, match="300 of 300 rows had been sent before") as warned:
            list(stream(chunks(30), sandbox.client))
        assert len(warned) == 1
        assert warned[0].filename == __file__


def test_rows_that_repeat_an_earlier_chunk_are_not_said_to_have_been_sent_before(capsys):
    """They were sent by this very stream, once."""
    with nx.Sandbox(seed=7) as sandbox:
        list(stream(iter([chunk(50), chunk(50, 25)]), sandbox.client))
        assert len(sandbox.ledger) == 75
    assert capsys.readouterr().out == "25 rows repeat a row of an earlier chunk, which was sent once.\n"


def test_a_stream_does_not_settle_its_own_doubts():
    """A number in doubt that a later chunk has again stays in doubt: whoever caused it does not ask for it."""
    with nx.Sandbox(seed=7, faults=["lost"]) as sandbox:
        first, second = stream(iter([chunk(10), chunk(10)]), sandbox.client)
        assert set(first["status"]) == set(second["status"]) == {"Unknown"}
        assert len(sandbox.ledger) == 10


def test_a_stream_that_is_given_up_is_recorded_so_and_frees_its_campaign():
    """`close()` and leaving the loop end the run: the journal says so, and the next call goes on."""
    with nx.Sandbox(seed=7) as sandbox:
        for _ in stream(chunks(3), sandbox.client):
            break
        yielded = stream(chunks(3), sandbox.client)
        next(yielded)
        yielded.close()
        assert sandbox.client.journal.runs()["stopped"].notna().all()
        assert sum(len(sent) for sent in stream(chunks(3), sandbox.client)) == 30
        assert sandbox.effects().eq(1).all()
        assert len(sandbox.ledger) == 30


def test_two_streams_of_one_campaign_exclude_each_other():
    """The second is refused before its first row, and goes on when the first is through."""
    with nx.Sandbox(seed=7) as sandbox:
        first, second = stream(chunks(2), sandbox.client), stream(chunks(2), sandbox.client)
        next(first)
        with pytest.raises(nx.CampaignBusy):
            next(second)
        list(first)
        with pytest.warns(nx.AlreadySentWarning):
            list(stream(chunks(2), sandbox.client))
        assert len(sandbox.ledger) == 20


def test_what_is_asked_for_beforehand_is_placed_in_the_source_too(real):
    """A source that is looked through before its first row is refused with the position of the row at fault."""
    sandbox, client = real
    with pytest.raises(nx.ValidationError, match="the first at position 101 ") as refused:
        list(stream([chunk(100), pd.concat([chunk(1, 100), chunk(1, 100)])], client))
    assert "Of the 100 rows before it: nothing was sent in this stream" in str(refused.value)
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("frames", [[], iter([]), chunk(0), [chunk(0), chunk(0)], pa.Table.from_pandas(chunk(0))])
def test_an_empty_stream_is_nothing_special(frames, capsys):
    """No rows, nothing said, and the campaign is free."""
    with nx.Sandbox(seed=7) as sandbox:
        assert sum(len(sent) for sent in stream(frames, sandbox.client)) == 0
        assert capsys.readouterr() == ("", "")
        assert len(list(stream([chunk(0), chunk(3)], sandbox.client))) == 2
        assert len(sandbox.ledger) == 3


def test_chunks_of_other_columns_come_back_as_they_were():
    """Order, names, dtypes, index and categories are each chunk's own."""
    frames = [
        chunk(2).assign(tag=pd.Categorical(["a", "b"])),
        chunk(2, 10)[["content", "phone"]],
        chunk(2, 20).assign(tag=pd.Categorical(["c", None])).set_index(pd.Index([7, 7], name="n")),
        chunk(2, 30).rename(columns={"content": "Content"}).assign(content="Hi"),
        pd.concat([chunk(2, 40), pd.DataFrame([[1, 2]] * 2, columns=["x", "x"])], axis=1),
        pa.table({"content": ["a", "b"], "phone": pa.array([8615000000050, None], pa.int64())}),
    ]
    with nx.Sandbox(seed=7) as sandbox:
        returned = list(stream(iter(frames), sandbox.client))
        for given, sent in zip(frames[:5], returned[:5], strict=True):
            pd.testing.assert_frame_equal(sent.iloc[:, : given.shape[1]], given)
            assert (sent["status"] == "Success").all()
        assert returned[5]["status"].tolist() == ["Success", "Invalid"]
        assert returned[5]["phone"].tolist() == [8615000000050, pd.NA]
        assert len(sandbox.ledger) == 11


def test_a_sent_stream_given_again_sends_nothing_even_without_its_journal():
    """Chunks that carry results are known by them."""
    with nx.Sandbox(seed=7) as sandbox:
        sent = list(stream(chunks(3), sandbox.client))
        with pytest.warns(nx.AlreadySentWarning):
            again = list(stream(sent, sandbox.client, journal=nx.Journal.in_memory()))
        assert len(sandbox.ledger) == 30
        pd.testing.assert_frame_equal(pd.concat(again), pd.concat(sent))


def test_the_journal_knows_how_many_rows_a_stream_has():
    """Where the source tells; the run is one."""
    with nx.Sandbox(seed=7) as sandbox:
        list(stream(list(chunks(3)), sandbox.client))
        assert sandbox.client.journal.runs()["rows"].tolist() == [30]


@pytest.mark.parametrize("when", [0, 1, 2])
def test_an_interrupt_while_a_chunk_is_read_ends_the_stream(when):
    """It passes as it is; what was sent is known, the campaign free, the same stream goes on."""

    def interrupted():
        for number, frame in enumerate(chunks(3)):
            if number == when:
                raise KeyboardInterrupt
            yield frame

    with nx.Sandbox(seed=7) as sandbox:
        with pytest.raises(KeyboardInterrupt):
            list(stream(interrupted(), sandbox.client))
        assert len(sandbox.ledger) == 10 * when
        assert sum(len(sent) for sent in stream(chunks(3), sandbox.client)) == 30
        assert sandbox.effects().eq(1).all()
        assert len(sandbox.ledger) == 30


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX systems")
def test_an_interrupt_while_a_long_source_is_looked_through_is_obeyed(real):
    """The person need not wait until every row was counted."""
    sandbox, client = real
    touched = []

    class Frame:
        def __init__(self, number):
            self.number = number

        def __len__(self):
            return 1

        def __arrow_c_stream__(self, requested_schema=None):
            touched.append(self.number)
            if self.number == 3:
                signal.raise_signal(signal.SIGINT)
            return pa.Table.from_pandas(chunk(1, self.number)).__arrow_c_stream__(requested_schema)

    with pytest.raises(KeyboardInterrupt):
        list(stream([Frame(number) for number in range(5000)], client))
    assert len(touched) < 5000
    assert len(sandbox.ledger) == 0
    assert len(list(stream([chunk(1)], client))) == 1


def test_readers_are_read_by_the_chunk(tmp_path):
    """What iterates over chunks itself is not taken for one frame: an Arrow reader, pandas' reader of a CSV."""
    table = pa.Table.from_pandas(chunk(30), preserve_index=False)
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=10))
    chunk(30).to_csv(tmp_path / "people.csv", index=False)
    with nx.Sandbox(seed=7) as sandbox:
        assert [len(sent) for sent in stream(reader, sandbox.client)] == [10, 10, 10]
        frames = pd.read_csv(tmp_path / "people.csv", dtype=str, chunksize=10)
        with frames, pytest.warns(nx.AlreadySentWarning):
            assert [len(sent) for sent in stream(frames, sandbox.client)] == [10, 10, 10]
        assert len(sandbox.ledger) == 30
