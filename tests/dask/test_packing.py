"""What workers make comes to this process as it was, each buffer once and compressed."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release


def frame_of(rows):
    """Columns of many types, texts in several pieces."""
    texts = pa.chunked_array([[f"Hi {i}" for i in range(rows)], [None] * rows, ["ö"] * rows])
    n = 3 * rows
    return pd.DataFrame(
        {
            "phone": [str(8615000000000 + i) for i in range(n)],
            "content": pd.array(texts.to_pylist(), dtype="str"),
            "text": pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
            "other": pd.Series(texts.to_pylist(), dtype="string"),
            "n": np.arange(n) / 7,
            "whole": pd.array([None, *range(n - 1)], dtype="Int64"),
            "city": pd.Categorical([f"c{i % 3}" for i in range(n)]),
            "day": pd.date_range("2026-01-01", periods=n, tz="Europe/Berlin"),
            "any": pd.Series([(1, "x"), {"a": i}, None][i % 3] for i in range(n)),
        },
        index=pd.Index([f"row {i // 2}" for i in range(n)], name="who"),
    )


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_a_packed_object_comes_out_as_it_was(dd, rows):
    """A frame with columns of every kind, small or large, with its attrs."""
    from nxsms_nb.dask.packing import packed

    frame = frame_of(rows)
    frame.attrs = {"mine": [1, 2]}
    again, number = packed((frame, 7)).unpacked()
    pd.testing.assert_frame_equal(again, frame)
    assert (again.attrs, number) == (frame.attrs, 7)


def test_a_buffer_that_several_have_is_packed_once_and_shared_again(dd):
    """A checked partition's columns are those of its frame, here and there."""
    from nxsms_nb.dask.packing import packed

    text = pd.Series(pa.chunked_array([["a" * 50_000], ["b" * 50_000]]), dtype=pd.ArrowDtype(pa.large_string()))
    frame = pd.DataFrame({"content": text})
    values = pa.array(frame["content"]).combine_chunks()
    made = packed((frame, values))
    assert sum(size or 0 for size in made.sizes) < 150_000
    assert sum(buffer.size for buffer in made.buffers) < 5_000
    again, read = made.unpacked()
    assert pa.array(again["content"]).buffers()[2].address == read.buffers()[2].address


def test_what_cannot_be_made_smaller_is_left(dd):
    """Random bytes stay as they are."""
    from nxsms_nb.dask.packing import packed

    noise = np.random.default_rng(0).integers(0, 256, 50_000).astype(np.uint8)
    made = packed(noise)
    assert made.sizes == [None]
    assert (made.unpacked() == noise).all()


def test_a_packed_object_shows_nothing_of_what_it_holds(dd):
    """A cluster may log it."""
    from nxsms_nb.dask.packing import packed

    assert repr(packed(frame_of(1))) == "Packed(…)"


@pytest.mark.parametrize("scheduler", ["cluster", "processes", "threads", "sync"])
def test_a_partition_is_sent_as_the_caller_would_read_it(dd, request, sandbox, tmp_path, scheduler):
    """Checked elsewhere: bad rows, held-out ones, repeats, texts that read as a mistake, and columns of any type come back right."""
    import dask

    frame = frame_of(40).assign(content="Hi nan", variant=["A", "holdout", "B", "B"] * 30)
    frame["phone"] = ["x", None, "12", "8615000000077", "8.615E+12", *frame["phone"].iloc[5:]]
    options = {"campaign": "spring", "duplicates": "drop", "suppress": ["8615000000050"]}
    whole = frame.nxsms.recorded(sandbox.client, **options)
    ddf = dd.from_pandas(frame.drop(columns="any").reset_index(drop=True), npartitions=3, sort=False)
    on_cluster = scheduler == "cluster"
    with (
        request.getfixturevalue("cluster").as_current() if on_cluster else nullcontext(),
        dask.config.set({} if on_cluster else {"scheduler": scheduler, "num_workers": 2}),
    ):
        sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", progress="silent", **options)
    rows = sent.compute(scheduler="sync")
    out = {"Invalid": "Invalid", "Skipped": "Skipped", "Unsent": "Success"}
    assert rows["status"].tolist() == whole["status"].map(out).tolist()
    decided = (whole["status"] != "Unsent").to_numpy()
    assert rows["reason"][decided].tolist() == whole["reason"][decided].tolist()
