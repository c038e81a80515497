"""A frame that comes back from a file, or is called in another way, names the same messages."""

import io

import pandas as pd
import pytest

import nxsms_nb as nx

PEOPLE = pd.DataFrame(
    {
        "phone": ["8615088888881", "8615088888882", "8615088888883"],
        "content": ["Dear Ann,\r\nyour parcel", "Dear Bo,\ryour parcel", "Dear Cy,\n\nyour parcel"],
        "order": [1001, 1002, 1003],
        "shop": ["a", "b", "c"],
    }
)


def ids(frame, **options):
    """The ids that a call would give the rows of a frame."""
    client = nx.Client(access_key="key", access_secret="secret", app_key="app-2024", base_url="http://127.0.0.1:9")
    return frame.nxsms.plan(client, journal=nx.Journal.in_memory(), **options).frame["messageid"].tolist()


def test_the_ends_of_lines_do_not_tell_texts_apart():
    """CRLF, CR and LF name one message, since a spreadsheet makes one of them of the others; a further line does not."""
    frames = [PEOPLE.assign(content=f"Hi{end}Ann") for end in ("\n", "\r\n", "\r", "_x000D_\n")]
    assert len({tuple(ids(frame)) for frame in frames}) == 1
    assert ids(frames[0]) != ids(PEOPLE.assign(content="Hi\n\nAnn"))
    repeated = pd.concat(frames[:2], ignore_index=True).nxsms.validate()
    assert repeated.counts["rows"].to_dict() == {"duplicate": 3}


def test_the_text_is_sent_as_it_stands():
    """Only the message's name is made of the text with its line ends alike."""
    with nx.Sandbox(seed=7) as sandbox:
        PEOPLE.nxsms.send(sandbox.client, progress=False)
        assert sandbox.ledger["content"].tolist() == PEOPLE["content"].tolist()


@pytest.mark.parametrize("options", [{}, {"key": ["content", "phone"]}])
def test_texts_of_several_lines_are_known_after_a_workbook(tmp_path, options):
    """Excel turns CRLF and CR into LF; what went out does not go out again, with a journal or without."""
    with nx.Sandbox(seed=7) as sandbox:
        sent = PEOPLE.nxsms.send(sandbox.client, progress=False, **options)
        sent.assign(sent_at=sent["sent_at"].dt.tz_localize(None)).to_excel(tmp_path / "sent.xlsx", index=False)
        again = pd.read_excel(tmp_path / "sent.xlsx")
        for journal in (None, nx.Journal.in_memory()):
            with pytest.warns(nx.AlreadySentWarning):
                told = again.nxsms.send(sandbox.client, progress=False, journal=journal, **options)
            assert told["messageid"].tolist() == sent["messageid"].tolist()
        assert len(sandbox.ledger) == 3


@pytest.mark.parametrize("key", [["shop", "order"], ("order", "shop"), ("shop", "order"), ["order", "shop", "order"]])
def test_columns_of_a_key_are_the_same_key_in_any_order(key):
    """The ids are those of the columns in the order of their names; a tuple is a list of columns."""
    assert ids(PEOPLE, key=key) == ids(PEOPLE, key=["order", "shop"])


def test_a_tuple_that_is_a_label_is_one_column():
    """Columns of two levels are named by tuples; a tuple of them is a list."""
    frame = PEOPLE.set_axis(pd.MultiIndex.from_tuples([("p", "a"), ("p", "b"), ("o", "nr"), ("o", "shop")]), axis=1)
    fields = {"phone": ("p", "a"), "content": ("p", "b")}
    assert ids(frame, key=("o", "nr"), **fields) == ids(PEOPLE, key="order")
    assert ids(frame, key=(("o", "shop"), ("o", "nr")), **fields) == ids(PEOPLE, key=["order", "shop"])
    with pytest.raises(nx.ConfigError, match=r"key=\(\) names no column"):
        ids(PEOPLE, key=())
    with pytest.raises(nx.ColumnError, match="key='nr' names a column the frame does not have"):
        ids(PEOPLE, key=("order", "nr"))


def test_labels_of_several_types_have_one_order():
    """Labels are ordered by their text, and by their type where that is the same."""
    frame = PEOPLE.rename(columns={"order": 1, "shop": "1"})
    assert ids(frame, key=[1, "1"]) == ids(frame, key=["1", 1])


def test_truth_values_are_one_key_in_a_database_and_before_it():
    """SQL has 1 and 0 for them, a column with a gap 1.0 and 0.0."""
    flags = pd.Series([True, False, True])
    shapes = [flags, flags.astype(int), flags.astype(float), flags.astype("boolean"), flags.astype(str)]
    options = {"key": ["order", "vip"]}
    assert len({tuple(ids(PEOPLE.assign(vip=shape), **options)) for shape in shapes}) == 1
    file = io.StringIO(PEOPLE.assign(vip=flags).to_csv(index=False))
    assert ids(pd.read_csv(file), **options) == ids(PEOPLE.assign(vip=flags), **options)
