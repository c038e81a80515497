"""A stream is one run: what a request taught holds for the chunks behind it."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
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
        told = pd.concat(stream(chunks(6), sandbox.client))
        assert (told["status"] == "Success").all()
        assert told["attempts"].tolist() == [2] * 10 + [1] * 50


def test_later_chunks_do_not_wait_for_a_first_reply_again():
    """Once a reply was understood, a chunk's requests leave side by side from the first on."""
    with nx.Sandbox(seed=7) as sandbox, ThreadPoolExecutor(1) as pool:
        told = stream(chunks(2, 40), sandbox.client, batch_size=10, concurrency=4)
        next(told)
        sandbox.hold()
        later = pool.submit(next, told)
        together = sandbox.wait_for(requests=8)
        sandbox.release()
        assert (later.result()["status"] == "Success").all()
        assert together
