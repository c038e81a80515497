"""Rows of a Dask frame are read and written as those of the whole frame, wherever partitions begin; lazily, with index and types."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release


def people(seed):
    """Numbers of many shapes, some of which only the whole column explains."""
    rng = np.random.default_rng(seed)
    rows = 90
    phones = [f"0151{n}" for n in rng.integers(10_000_000, 99_999_999, rows)]
    for at, phone in ((5, "8615088888888"), (30, "4915112345678"), (31, "no"), (60, None), (61, "+44 7400 123456")):
        phones[at] = phone
    return pd.DataFrame(
        {
            "phone": phones,
            "content": "Hi",
            "amount": np.where(np.arange(rows) == 77, 2.5, np.arange(rows)).astype(float),
            "whole": np.where(np.arange(rows) % 9 == 0, np.nan, np.arange(rows)),
            "day": [pd.Timestamp(2026, 3, 1 + i % 20, 14 if i == 80 else 0) for i in range(rows)],
            "mixed": pd.Series(
                [1.0 if i < 70 else dt.date(2026, 1, 1) if i == 71 else "x" for i in range(rows)], dtype=object
            ),
            "language": pd.Categorical([("en", "de", None)[i // 40] for i in range(rows)]),
        },
        index=pd.Index(rng.permutation(rows), name="who"),
    )


@pytest.fixture(name="cut", params=range(3))
def _cut(request, dd, parted):
    """A frame, and the same in partitions."""
    import dask

    whole = people(request.param)
    # Otherwise Dask makes text of a mixture, whatever its values.
    with dask.config.set({"dataframe.convert-string": False}):
        yield whole, parted(whole, request.param)


def alike(ours, theirs):
    """The rows are computed when wanted, and are those of the whole frame."""
    computed = ours.compute()
    assert computed.index.equals(theirs.index)
    assert computed.fillna("∅").tolist() == theirs.fillna("∅").tolist()
    assert ours.name == theirs.name


@pytest.mark.parametrize("given", [{}, {"region": "DE"}, {"region": "DE", "bare": "national"}])
def test_numbers_are_read_as_in_the_whole_frame(cut, given):
    """Also those that bare numbers of other countries, in other partitions, leave open."""
    whole, ddf = cut
    alike(ddf.nxsms.phones(**given), whole.nxsms.phones(**given))


def test_cut_numbers_are_those_of_the_whole_column(parted):
    """Two cut numbers in two partitions are lost together; a lone one is a number, and so are some among very many."""
    for rounded, rows in (((3, 50), 80), ((3,), 80), ((3, 900), 1000)):
        frame = pd.DataFrame(
            {"phone": [f"86150{i:03d}00000" if i in rounded else f"86150{i:03d}12345" for i in range(rows)]}
        )
        alike(parted(frame, 1).nxsms.phones(), frame.nxsms.phones())
    floats = pd.DataFrame({"phone": np.array([8615012345678 + 7919 * i for i in range(40)], np.float32)})
    alike(parted(floats, 1).nxsms.phones(), floats.nxsms.phones())


@pytest.mark.filterwarnings("ignore::nxsms_nb.errors.RenderWarning")
@pytest.mark.parametrize(
    "template",
    ["{amount}", "{whole}", "{day}", "{mixed}", "{amount:,}", "{whole:,} {day:%d %b}", "{language|?} {whole|-}", "Hi"],
)
def test_texts_are_written_as_in_the_whole_frame(cut, template):
    """Whether floats are written whole and moments as dates is decided by the whole column."""
    whole, ddf = cut
    alike(ddf.nxsms.render(template), whole.nxsms.render(template))


def test_templates_by_value_do_without_their_values_in_a_partition(cut):
    """A partition without any value that has a template has no texts, and is no error."""
    whole, ddf = cut
    with pytest.warns(nx.RenderWarning):
        texts = whole.nxsms.render({"de": "Hallo {amount}"}, by="language")
    alike(ddf.nxsms.render({"de": "Hallo {amount}"}, by="language"), texts)


def test_faults_of_a_call_show_when_it_is_made(parted):
    """A column that does not exist is named at once, before anything is computed."""
    ddf = parted(people(0))
    with pytest.raises(nx.ColumnError, match="nothing"):
        ddf.nxsms.render("{nothing}")
    with pytest.raises(nx.ColumnError, match="mobile"):
        ddf.nxsms.phones(phone="mobile")
    with pytest.raises(nx.ConfigError, match="holdout"):
        ddf.nxsms.assign_variants(["A"], campaign="x", holdout=2)


def test_rows_keep_divisions_and_are_lazy(dd):
    """Known divisions stay known, and nothing is computed before it is wanted."""
    looks = []

    def looked(piece):
        looks.append(len(piece))
        return piece

    frame = people(0).sort_index()
    ddf = dd.from_pandas(frame, npartitions=4).map_partitions(looked, meta=frame.iloc[:0])
    looks.clear()
    made = [ddf.nxsms.phones(), ddf.nxsms.render("{amount}"), ddf.nxsms.assign_variants(["A", "B"], campaign="x")]
    assert [one.divisions for one in made] == [ddf.divisions] * 3
    assert not sum(looks)


def test_variants_are_those_of_the_whole_frame(cut):
    """A person's arm and text do not depend on the partition."""
    whole, ddf = cut
    given = {"campaign": "spring", "holdout": 0.2, "region": "DE"}
    theirs = whole.nxsms.assign_variants({"A": "Hi {amount}", "B": "Ho {whole|-}"}, **given)
    ours = ddf.nxsms.assign_variants({"A": "Hi {amount}", "B": "Ho {whole|-}"}, **given)
    assert list(ours.columns) == list(theirs.columns)
    alike(ours["content"], theirs["content"])
    assert (
        ours["variant"].compute().astype(object).fillna("∅").tolist()
        == theirs["variant"].astype(object).fillna("∅").tolist()
    )
    assert ours["variant"].dtype == theirs["variant"].dtype


@pytest.mark.parametrize("duplicates", ["raise", "drop"])
def test_a_report_is_that_of_the_whole_frame(parted, duplicates):
    """Problems, their positions and their counts, duplicates in other partitions among them."""
    frame = pd.concat([people(0), people(0).iloc[[2, 70]]])
    given = {"campaign": "spring", "region": "DE", "duplicates": duplicates}
    theirs, ours = frame.nxsms.validate(**given), parted(frame, 4).nxsms.validate(**given)
    assert ours.ok == theirs.ok
    pd.testing.assert_frame_equal(ours.counts, theirs.counts, check_index_type=False, check_dtype=False)
    problems = ours.problems.compute().reset_index(drop=True)
    for name in ("position", "index", "field", "rule", "value"):
        assert problems[name].fillna("∅").tolist() == theirs.problems[name].fillna("∅").tolist()
    assert ours.invalid.compute().index.tolist() == theirs.invalid.index.tolist()
    assert "problems in 92 rows" in repr(ours)
