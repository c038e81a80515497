"""Keys that rows of several partitions share are found by digest and position, as one look at all rows would find them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("phones", [True, False])
@pytest.mark.parametrize("shares", [1, 3, 7])
def test_every_row_has_the_number_of_rows_of_its_key_before_it(dd, seed, phones, shares):
    """Whatever the partitions, and in however many shares they are looked through."""
    from nxsms_nb.dask import repeats

    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 60, 5)
    texts = [[str(8615000000000 + n) for n in rng.integers(0, 90, size)] for size in sizes]
    digest = repeats.of_phones if phones else repeats.of_texts
    parts = [
        repeats.Digests.of(
            digest(pa.array(part, pa.large_string())), np.arange(len(part)), *np.zeros((2, len(part)), bool)
        )
        for part in texts
    ]
    found = repeats.Repeats()
    for share in range(shares):
        found = found.plus(repeats.find([part.share(share, shares) for part in parts], allow=False, keyed=False))
    rows = pd.DataFrame([(n, row, text) for n, part in enumerate(texts) for row, text in enumerate(part)])
    rows["before"] = rows.groupby(2).cumcount()
    assert found.repeated == (rows["before"] > 0).sum()
    assert found.first == tuple(rows.loc[rows["before"] > 0, [0, 1]].iloc[0])
    spread = rows.groupby(2)[0].transform("nunique") > 1
    theirs = {(n, row): before for n, row, before in rows.loc[spread, [0, 1, "before"]].itertuples(index=False)}
    ours = {(n, int(row)): int(k) for n, pair in found.ordinals.items() for row, k in zip(*pair, strict=True)}
    assert ours == theirs
    repeated = rows.groupby(2)[2].transform("size") > 1
    assert found.inside >= {*rows.loc[repeated & ~spread, 0]}
    alone = {*range(len(parts))} - {*rows.loc[repeated & ~spread, 0]}
    assert all(found.known(n)["distinct"] for n in alone) or not phones


def test_numbers_of_different_length_have_different_digests(dd):
    """Also where leading zeros make the same number of them."""
    from nxsms_nb.dask import repeats

    digits = ["7", "07", "007", "999999999999999", "099999999999999", "0"]
    assert len({*repeats.of_phones(pa.array(digits))[0].tolist()}) == len(digits)


@pytest.mark.parametrize("shares", [1, 2, 5, 16])
def test_shares_hold_each_digest_once(dd, shares):
    """From the least to the largest, and none where there are none."""
    from nxsms_nb.dask import repeats

    for first in ([], [0, 1, 2**63, 2**64 - 1], [2**64 - 1] * 3):
        ids = np.array(first, np.uint64)
        own = repeats.OwnIds.of(ids, ids)
        cut = [own.share(share, shares).ids.tolist() for share in range(shares)]
        assert [one for share in cut for one in share] == sorted(first)


def test_own_ids_of_two_keys_are_counted(dd):
    """In whatever partitions their rows are; rows of one key may share one unless each is another message."""
    from nxsms_nb.dask import repeats

    def made(*pairs):
        ids, keys = np.array(pairs, np.uint64).reshape(-1, 2).T
        return repeats.OwnIds.of(ids, keys)

    parts = [made((1, 10), (2, 20), (3, 30)), made(), made((1, 11), (2, 20))]
    assert repeats.shared(parts, allow=False) == 2
    assert repeats.shared(parts, allow=True) == 4


@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation")
def test_rows_of_a_key_that_are_other_messages_keep_their_ids_apart(dd, sandbox, tmp_path):
    """Without the journal, an id that a later partition's result has is not given to a row before: nothing is sent."""
    phone = "8615088888888"
    sent = pd.DataFrame({"phone": [phone], "content": ["old"]}).nxsms.send(
        sandbox.client, journal=tmp_path / "lost", duplicates="allow", **QUIET
    )
    new = pd.DataFrame({"phone": [phone] * 2, "content": ["a", "b"]}).reindex(columns=sent.columns)
    given = {"duplicates": "allow", "journal": tmp_path / "other", **QUIET}
    parts = [new, sent]
    for order in ([0, 1], [1, 0]):
        ddf = dd.from_map(lambda number: parts[number], order, meta=sent.iloc[:0])
        with pytest.raises(
            nx.ColumnError, match=r"1 row that was sent shares .*Nothing was sent.*shuffle\(on='phone'\)"
        ):
            ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **given)
    together = dd.from_map(lambda _: pd.concat(parts), [0], meta=sent.iloc[:0])
    rows = together.nxsms.send(sandbox.client, to=tmp_path / "out", **given).compute()
    assert sandbox.ledger["messageid"].is_unique
    assert rows["messageid"].is_unique
    assert (rows["status"] == "Success").all()
