"""Message ids: the same row has the same id indefinitely, and no two rows that differ share one."""

import io
import pickle
import re
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from nxsms_nb import Client, Journal
from nxsms_nb.rows import id_format, message_ids
from nxsms_nb.rows.id_format import fingerprints, index_of_attempts, next_id
from nxsms_nb.rows.message_ids import key_texts

VENDOR_RULE = re.compile(r"[0-9a-zA-Z-]{10,50}")
CLIENT = Client(access_key="key", access_secret="secret", app_key="app-2024", base_url="http://127.0.0.1:9")
PEOPLE = pd.DataFrame(
    {
        "phone": ["8615088888888", "+44 7911 123456"],
        "content": ["Hi", "Grüße, 牛小信 🐂"],
        "order": [1001, 1002],
        "shop": ["a\\b", "c\x1fd"],
    }
)
LINKED = PEOPLE.assign(
    content=["Hi", "See #1#"], source_address=["ACME", None], short_link=[None, "https://x.example/z"]
)

# A text of any characters that a frame may hold and the wire may carry.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NOT_EMPTY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
PHONE = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)


def ids(frame, **options):
    """The ids that a call would give the rows of a frame."""
    return frame.nxsms.plan(CLIENT, journal=Journal.in_memory(), **options).frame["messageid"].tolist()


def array(*values):
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize(
    ("frame", "options", "expected"),
    [
        (PEOPLE, {}, ["n18615f7e834e59058c7200556e16fb71f", "n14fb041fcc7f3dc66a6fc1c28f72b2485"]),
        (
            PEOPLE,
            {"campaign": "spring"},
            ["n1de28189b9bedaeee0162a4ff183db3ee", "n119cd3ab56baee29be5b46b5e47322351"],
        ),
        (PEOPLE, {"campaign": "春季"}, ["n13662e9dc796477e2da98549e98a79ed4", "n1ecb83af54717d739e95d860b1f5cb584"]),
        (LINKED, {}, ["n18b6d4018dcf1d182728876e04e973a1f", "n1781af1786a00a0bb0f647022174ebafa"]),
        (PEOPLE, {"key": "order"}, ["n1e074a3eb21f294154230ae6962b2a96c", "n110c8f0d9c6790b195a7aa141627feeb9"]),
        (
            PEOPLE,
            {"key": ["order", "shop"], "campaign": "spring"},
            ["n18bf265153466de7b6796043dca46ccb2", "n1c588e1866f5250477ac466549a9311de"],
        ),
        (
            PEOPLE.assign(sys_message_id=["order-00017", None]),
            {},
            ["order-00017", "n14fb041fcc7f3dc66a6fc1c28f72b2485"],
        ),
        (
            PEOPLE.iloc[[0, 0, 0]],
            {"duplicates": "allow"},
            [
                "n18615f7e834e59058c7200556e16fb71f",
                "n14df08a1ccb8e55776d7f5928e0edda4e",
                "n16e81ac8416054b4a5aaba2fe513a56fc",
            ],
        ),
    ],
    ids=["unnamed", "named", "named in Chinese", "sender and link", "keyed", "two keys", "own", "allowed duplicates"],
)
def test_ids_are_those_they_always_were(frame, options, expected):
    """Golden vectors of version 1: a change of any would send to everybody again who was sent to before."""
    assert ids(frame, **options) == expected


@pytest.mark.parametrize(
    ("messageid", "further"),
    [
        (
            "n18615f7e834e59058c7200556e16fb71f",
            ["n18615f7e834e59058c7200556e16fb71f-1", "n18615f7e834e59058c7200556e16fb71f-2"],
        ),
        ("order-00017", ["n152472b50128dc7151698dd2da1b7cc6f-1", "n152472b50128dc7151698dd2da1b7cc6f-2"]),
    ],
)
def test_ids_of_further_attempts_are_those_they_always_were(messageid, further):
    """Golden vectors again: a retry's cell run next year must find its attempt in the journal."""
    first = next_id(messageid)
    assert [first, next_id(first)] == further


@given(PHONE, NOT_EMPTY, st.none() | NOT_EMPTY, NOT_EMPTY)
def test_an_id_is_the_documented_hash(phone, content, campaign, app_key):
    """Prefix, XXH3-128 over the key, seeded by XXH3-64 over appKey and campaign: so another program can make it too."""
    named = "" if campaign is None else f"named\x1f{campaign}"
    seed = xxhash.xxh3_64_intdigest(f"{app_key}\x1f{named}".encode())
    key = phone if campaign is not None else f"{phone}\x1f\x1f\x1f{content}"
    keys = key_texts({"phone": array(phone), "content": array(content)}, campaign=campaign, app_key=app_key)
    assert keys.ids(np.zeros(1, np.int32)).to_pylist() == ["n1" + xxhash.xxh3_128_hexdigest(key.encode(), seed)]


@given(st.lists(PHONE, min_size=1, max_size=5), st.none() | NOT_EMPTY)
def test_ids_keep_the_vendors_rule_and_read_as_text(phones, campaign):
    """10 to 50 of 0-9, a-z, A-Z and -, a letter first: a CSV of ids alone comes back as the text it was."""
    keys = key_texts({"phone": array(*phones), "content": array(*phones)}, campaign=campaign, app_key="app")
    made = keys.ids(np.zeros(len(phones), np.int32)).to_pylist()
    made += [next_id(messageid) for messageid in made]
    assert all(VENDOR_RULE.fullmatch(messageid) and messageid[0].isalpha() for messageid in made)
    read = pd.read_csv(io.StringIO(pd.DataFrame({"messageid": made}).to_csv(index=False)))
    assert read["messageid"].tolist() == made
    assert pd.to_numeric(read["messageid"], errors="coerce").isna().all()


@given(st.lists(st.tuples(st.none() | TEXT, st.integers(-1, 2)), max_size=23))
def test_ids_are_the_same_however_many_are_made_together(rows):
    """Digests are made by the chunk, and those of later rows of a key by themselves: each id depends on its row alone."""
    ordinals = np.array([ordinal for _, ordinal in rows], np.int32)

    def ids(rows, ordinals):
        keys = key_texts({}, [array(*(text for text, _ in rows))], campaign="spring", app_key="app")
        return keys.ids(ordinals).to_pylist()

    alone = [ids([row], ordinals[place : place + 1])[0] for place, row in enumerate(rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_ids, "_CHUNK", 4)
        assert ids(rows, ordinals) == alone
    assert [messageid is None for messageid in alone] == (ordinals < 0).tolist()


@given(st.lists(st.tuples(NOT_EMPTY, NOT_EMPTY), min_size=2, max_size=2, unique=True))
def test_columns_of_a_key_are_joined_without_ambiguity(rows):
    """Whatever characters the values hold, two different pairs never make one key."""
    first, second = zip(*rows, strict=True)
    texts = key_texts({}, [array(*first), array(*second)]).to_pylist()
    assert texts[0] != texts[1]


@given(st.lists(st.tuples(PHONE, st.none() | TEXT, st.none() | TEXT, NOT_EMPTY), min_size=2, max_size=2))
def test_fields_of_the_unnamed_key_are_joined_without_ambiguity(rows):
    """Two rows share a key exactly when number, sender, link and text are the same, none and empty being one."""
    names = ("phone", "source_address", "short_link", "content")
    fields = {name: array(*values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    texts = key_texts(fields).to_pylist()
    said = [tuple(value or "" for value in row) for row in rows]
    assert (texts[0] == texts[1]) == (said[0] == said[1])


@given(PHONE, st.sampled_from(["Hi", "Hi\x1f\x1f1", "1", "\x1f\x1f1"]), st.sampled_from(["Hi", "Hi\x1f\x1f1"]))
def test_the_ordinal_of_a_duplicate_is_joined_without_ambiguity(phone, one, other):
    """The second of two equal rows never gets the id of a row with another text."""
    keys = key_texts({"phone": array(*[phone] * 4), "content": array(one, one, other, other)})
    ordinals = np.array([0, 1, 0, 1] if one != other else [0, 1, 2, 3], np.int32)
    assert len(set(keys.ids(ordinals).to_pylist())) == 4


def test_campaigns_and_accounts_have_ids_of_their_own():
    """The same number gets different ids in each campaign of each application, the unnamed one included."""
    texts = {"phone": array("8615088888888"), "content": array("Hi")}
    made = {
        key_texts(texts, campaign=campaign, app_key=app_key).ids(np.zeros(1, np.int32))[0].as_py()
        for app_key, campaign in product(["app", "app2"], [None, "", "named", "spring", "Spring"])
    }
    assert len(made) == 10


def test_keys_that_were_compared_before_get_the_ids_of_their_account():
    """Workers check rows without the account that will send them, and send the keys back."""
    texts, first = {"phone": array("8615088888888")}, np.zeros(1, np.int32)
    keys = key_texts(texts, campaign="spring")
    assert keys.codes(np.arange(1)).tolist() == [0]
    arrived = pickle.loads(pickle.dumps(keys))  # noqa: S301  of our own
    for app_key in ("app", "app2"):
        expected = key_texts(texts, campaign="spring", app_key=app_key).ids(first)
        assert keys.of_account(app_key).ids(first) == arrived.of_account(app_key).ids(first) == expected


# The default reader of pandas 2.3 gets the last digit of many fractions wrong; pandas 3 reads them as they were.
EXACT = {"float_precision": "round_trip"} if pd.__version__ < "3" else {}

KEYS = {
    "whole numbers": st.integers(-(2**53), 2**53),
    "floats": st.floats(allow_nan=False, allow_infinity=False),
    "text": st.text("abcXYZ0123456789-_. ", min_size=1, max_size=8).filter(str.strip),
    "days": st.datetimes(min_value=pd.Timestamp("1900-01-01"), max_value=pd.Timestamp("2200-01-01")),
    "flags": st.booleans(),
}


@pytest.mark.parametrize("values", KEYS.values(), ids=KEYS)
def test_a_key_column_gives_the_same_ids_after_a_csv_file(values):
    """What the reader makes of the column (numbers, floats, text without leading zeros) is still the same key."""

    @given(st.lists(values, min_size=1, max_size=5, unique_by=lambda value: str(value).strip()))
    def survives(column):
        frame = pd.DataFrame(
            {"phone": range(8615000000000, 8615000000000 + len(column)), "content": "Hi", "order": column}
        )
        read = pd.read_csv(io.StringIO(frame.to_csv(index=False)), **EXACT)
        options = {"key": "order", "duplicates": "allow"}
        assert ids(read, **options) == ids(frame, **options)

    survives()


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "object", "category", "str"])
def test_the_dtype_of_a_column_does_not_matter(dtype):
    """A gap elsewhere makes floats of whole numbers, a file makes text of them; the people are the same."""
    phones = pd.Series([8615088888881, 8615088888882])
    frame = pd.DataFrame({"phone": phones, "content": "Hi", "order": [7, 8]})
    other = frame.astype({"phone": dtype, "order": dtype})
    assert ids(other, key="order") == ids(frame, key="order")
    assert ids(other) == ids(frame)
    assert ids(other, campaign="spring") == ids(frame, campaign="spring")


def test_fields_that_are_no_part_of_a_message_do_not_change_its_id():
    """Where receipts go, what comes back in them and whether clicks are counted make no other message of it."""
    more = PEOPLE.assign(dr_url="https://example.com/dr", ext="x", link_verbose="0")
    assert ids(more) == ids(PEOPLE)


def test_rows_that_are_not_sent_have_no_id():
    """An invalid row has no key, and a dropped duplicate is not sent."""
    frame = PEOPLE.iloc[[0, 0, 1]].assign(phone=["8615088888888", "8615088888888", "12"])
    made = ids(frame, duplicates="drop")
    assert [isinstance(messageid, str) for messageid in made] == [True, False, False]


@given(
    st.one_of(st.from_regex(r"n1[0-9a-f]{32}", fullmatch=True), st.from_regex(r"[0-9a-zA-Z-]{10,50}", fullmatch=True))
)
def test_further_attempts_are_known_as_attempts_of_the_first(messageid):
    """Each attempt has another id by the vendor's rule, and each is recognised as one of the same row's."""
    chain = [messageid]
    for _ in range(3):
        chain.append(next_id(chain[-1]))
    assert len(set(chain)) == 4
    assert all(VENDOR_RULE.fullmatch(attempt) for attempt in chain)
    asked = pa.array([messageid], pa.large_string())
    for attempt in chain:
        there = pa.array(["order-00018", None, attempt], pa.large_string())
        assert index_of_attempts(asked, there).tolist() == [2 if messageid != "order-00018" else 0]


@pytest.mark.parametrize("other", [None, "", "order-00018", "n18615f7e834e59058c7200556e16fb71f-1"])
def test_another_rows_id_is_no_attempt_of_it(other):
    """Neither a missing id nor that of another row or of its retry counts."""
    asked, there = (pa.array([messageid], pa.large_string()) for messageid in ("order-00017", other))
    assert index_of_attempts(asked, there).tolist() == [-1]


@given(st.lists(st.from_regex(r"[0-9a-zA-Z-]{10,50}|n1[0-9a-f]{32}", fullmatch=True), max_size=20))
def test_equal_ids_have_equal_fingerprints_wherever_they_stand(messageids):
    """They are what the journal is searched by: an id whose fingerprint depended on its neighbours would be sent twice."""
    together = fingerprints(pa.array(messageids, pa.large_string())).tolist()
    sliced = fingerprints(pa.array(["padding-padding", *messageids], pa.large_string())[1:]).tolist()
    alone = [int(fingerprints(pa.array([messageid], pa.large_string()))[0]) for messageid in messageids]
    assert together == sliced == alone


@given(st.lists(st.from_regex(r"n1[0-9a-f]{32}", fullmatch=True), max_size=20))
def test_spelled_digests_are_read_back(messageids):
    """The journal holds digests in the place of such ids."""
    digests = id_format.unspelled(pa.array(["padding-padding", *messageids], pa.large_string())[1:])
    assert id_format.spelled(digests).to_pylist() == messageids


@pytest.mark.parametrize(
    "other",
    [
        "N1" + "0" * 32,
        "n1" + "A" * 32,
        "n1" + "0" * 31 + "F",
        "n1" + "0" * 31 + "g",
        "n1" + "0" * 31,
        "n1" + "0" * 32 + "-1",
        "n1" + "0" * 30 + "é",
        "m1" + "0" * 32,
        "order-00017",
    ],
)
def test_what_is_no_spelled_digest_is_not_read_as_one(other):
    """Spelled again it would be another id, and what was sent would not be found."""
    assert id_format.unspelled(pa.array(["n1" + "0" * 32, other], pa.large_string())) is None
    assert id_format.unspelled(pa.array([other], pa.large_string())) is None


def test_ids_are_version_one():
    """Whoever changes the form must name another version, so that old ids stay what they were."""
    assert id_format.PREFIX == "n1"
