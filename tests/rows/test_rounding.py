"""Digits that a spreadsheet cut are found by what a column's numbers say together; honest columns raise no alarm."""

import random
import re

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.rows.rounding import Evidence, binomial_tail

CUT = [8615090000000, 919812000000, 8613770000000]


def people(phones, dtype=None):
    return pd.DataFrame({"phone": pd.Series(phones, dtype=dtype), "content": "Hi"})


def lost(frame, **options):
    """The positions of the numbers that lost digits."""
    problems = frame.nxsms.validate(duplicates="drop", **options).problems
    return problems.loc[problems["rule"] == "phone_digits_lost", "position"].tolist()


def numbers(n, rng):
    """Different numbers of ordinary people, any of which may end as it likes."""
    return 8613000000000 + rng.choice(10**9, n, replace=False)


@pytest.mark.parametrize("how", [{}, {"dtype": str}])
def test_numbers_cut_by_a_spreadsheet_are_problems_however_the_file_is_read(tmp_path, how):
    """Whole numbers and text are as damaged as the floats they come from, and reading them again does not repair them."""
    people([8.61509e12, 9.19812e11, 8.61377e12, 8.61395e12]).to_excel(tmp_path / "p.xlsx", index=False)
    frame = pd.read_excel(tmp_path / "p.xlsx", **how)
    report = frame.nxsms.validate()
    assert report.counts["rows"].to_dict() == {"phone_digits_lost": 4}
    assert "as text" not in report.problems["hint"].iloc[0]
    with nx.Sandbox(seed=7) as sandbox:
        sent = frame.nxsms.send(sandbox.client, progress=False)
        assert len(sandbox.ledger) == 0
    assert (sent["status"] == "Invalid").all()


@pytest.mark.parametrize(
    "spell",
    [
        str,
        "+{}".format,
        "00{}".format,
        "tel:{}".format,
        "'{}".format,
        '="{}"'.format,
        "{} ".format,
        lambda n: f"+{str(n)[:2]} {str(n)[2:]}",
        lambda n: f"+{str(n)[:2]}-{str(n)[2:]}",
        lambda n: f"{n:,}".replace(",", "."),
        lambda n: f"{n:,}".replace(",", "\u202f"),
        lambda n: str(n).translate({ord(str(d)): 0xFF10 + d for d in range(10)}),
    ],
)
def test_the_spelling_of_a_cut_number_does_not_matter(spell):
    """What was put in front of a number later does not bring its digits back."""
    assert lost(people([spell(n) for n in [*CUT, 8615088888881]])) == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "object", "category", "str", "int64[pyarrow]"])
def test_the_dtype_of_a_cut_number_does_not_matter(dtype):
    """Lost digits are evidence of the values, whatever holds them."""
    assert lost(people([*CUT, 8615088888881]).astype({"phone": dtype})) == [0, 1, 2]
    assert lost(people([8615090000000, "+919812000000", "8615088888881", None], object)) == [0, 1]


def test_a_completed_number_is_evidence_too():
    """National numbers end as they did before they got their country code."""
    assert lost(people(["13800000000", "13900000000", "13712345678"]), region="CN") == [0, 1]


def test_two_round_numbers_are_damage_among_few_only():
    """The bound is a chance of one in a million: two among 141 numbers are beyond it, two among 142 are not."""
    assert binomial_tail(2, 141, 1e-5) < 1e-6 < binomial_tail(2, 142, 1e-5)
    others = [8615088888000 + i for i in range(1, 141)]
    assert lost(people([*CUT[:2], *others[:139]])) == [0, 1]
    assert lost(people([*CUT[:2], *others[:140]])) == []
    assert lost(people([*CUT[:3], *others[:140]])) == [0, 1, 2]


@pytest.mark.parametrize("times", [1, 2, 30])
def test_a_lone_round_number_is_none_however_often_it_stands(times):
    """A hotline, or one number that a merge repeated, says nothing of the column."""
    assert lost(people(CUT[:1] * times)) == []
    assert lost(people([*CUT[:1] * times, 8615088888881])) == []
    assert lost(people([str(CUT[0]), f"+{CUT[0]}", f"00{CUT[0]}"] * times)) == []


def test_repeated_rows_neither_hide_damage_nor_make_it():
    """Different numbers are counted, of the round ones and of all: a merge changes nothing."""
    few = [*CUT[:2], *(8615088888000 + i for i in range(1, 60))]
    assert len(lost(people(few * 20))) == 40
    many = [*CUT[:2], *(8615088888000 + i for i in range(1, 200))]
    assert lost(people(many * 20)) == []
    assert lost(people(many + CUT[:2] * 50)) == []


def laid_out(number, layout):
    """Fill the digits of a number into a spreadsheet's format for it."""
    digits = iter(str(number))
    return re.sub("#", lambda _: next(digits), layout)


@pytest.mark.parametrize(
    "layout",
    [
        "+## ### #### ####",
        "(#####) ####-####",
        "##-###-####-####",
        "+## ## ## ## ## ###",
        "#####\u00a0####\u00a0####",
        "+## (###) ###.#####",
    ],
)
@pytest.mark.parametrize("zeros", [5, 6, 7])
def test_cut_numbers_that_a_spreadsheet_shows_in_groups_are_found(layout, zeros):
    """Its formats for phone numbers, saved as CSV, break up the zeros that it left."""
    cut = [86150 * 10**8 + i * 10**zeros for i in range(10, 40)]
    assert lost(people([laid_out(number, layout) for number in cut])) == list(range(30))
    one = [laid_out(number, layout) for number in [CUT[0], *range(8615088888001, 8615088888010)]]
    assert lost(people(one)) == []


def test_national_numbers_in_groups_are_evidence_too():
    """What completes them does not bring their digits back."""
    assert lost(people(["138 0000 0000", "139-0000-0000", "137 1234 5678"]), region="CN") == [0, 1]


NARROW = [int(np.float32(number)) for number in [8615031734001, 8613712345678, 8615088888881]]


@pytest.mark.parametrize(
    "spell",
    [
        int,
        str,
        "{}.0".format,
        "+{}".format,
        lambda n: f"{n:,}".replace(",", "."),
        lambda n: f"+{str(n)[:2]} {str(n)[2:]}",
    ],
)
def test_numbers_that_passed_through_a_narrow_float_are_found(spell):
    """A float32 column made whole numbers or text has no round numbers, but all are multiples of a power of two."""
    assert lost(people([spell(number) for number in NARROW] * 200, object)) == list(range(600))
    assert lost(people([spell(number) for number in NARROW[:1]] * 3, object)) == []
    assert lost(people([spell(number) for number in [*NARROW, 8615088888881]], object)) == []


def test_national_numbers_that_passed_through_a_narrow_float_are_found():
    """The digits that were given count, not those that they were completed to."""
    narrow = [int(np.float32(number)) for number in [13812345678, 13987654321, 13700011122]]
    assert lost(people(narrow), region="CN") == [0, 1, 2]
    assert lost(people([*narrow, 13712345678]), region="CN") == []


def test_honest_columns_raise_no_alarm():
    """In hundreds of columns of ordinary numbers, with a hotline among them and rows repeated, none is called damaged."""
    rng = np.random.default_rng(11)
    for n in [*rng.integers(1, 60, 400), *rng.integers(60, 1000, 200), *rng.integers(1000, 50_000, 20)]:
        column = numbers(int(n), rng)
        column = np.append(column, [4989100000000] * int(rng.integers(1, 4)) + column[:5].tolist())
        assert lost(people(column if n % 2 else column.astype(str))) == []


def test_a_million_ordinary_numbers_have_ten_round_ones():
    """What chance brings about in a long column is no damage, in all its rows or repeated ones."""
    column = np.arange(8613000000000, 8613000000000 + 10**6)
    assert lost(people(column)) == []
    assert lost(people(np.append(column[:500_000], column[:500_000]))) == []
    assert len(lost(people(np.append(column[:100_000], np.array(CUT * 5) + np.arange(15) * 10**7)))) == 16


def test_a_stream_carries_its_counts_along():
    """Damage that no chunk shows alone is found where the evidence is together; what was decided stays decided."""
    chunks = [people([CUT[0], 8615088888881]), people([CUT[1], 8615088888882]), people([CUT[2], CUT[0]])]
    with nx.Sandbox(seed=7) as sandbox:
        stream = nx.send_stream(chunks, sandbox.client, campaign="spring", progress="silent", duplicates="drop")
        statuses = [frame["status"].tolist() for frame in stream]
        assert statuses == [["Success", "Success"], ["Invalid", "Success"], ["Invalid", "Invalid"]]
        chunks = [people(numbers(100, np.random.default_rng(i))) for i in range(3)]
        chunks = [chunks[0], chunks[1], people([*CUT[:1], *chunks[2]["phone"]]), people([CUT[1]])]
        stream = nx.send_stream(chunks, sandbox.client, campaign="summer", progress="silent")
        assert {status for frame in stream for status in frame["status"]} == {"Success"}


RNG = random.Random(11)
LONG = {
    "17 digits": lambda n: [RNG.randint(10**16, 10**17) for _ in range(n)],
    "18 digits": lambda n: [RNG.randint(10**17, 10**18) for _ in range(n)],
    "19 digits": lambda n: [RNG.randint(10**18, 2**63 - 1) for _ in range(n)],
    "hashes": lambda n: [RNG.randint(2**63, 2**64 - 1) for _ in range(n)],
    "28 digits": lambda n: [RNG.randint(10**27, 10**28) for _ in range(n)],
}
COUNTED = {
    "one by one": lambda n: list(range(202611270000000001, 202611270000000001 + n)),
    "by hundreds": lambda n: list(range(202611270000000100, 202611270000000100 + 100 * n, 100)),
    "by thousands": lambda n: list(range(202611270000001000, 202611270000001000 + 1000 * n, 1000)),
    "by time and machine": lambda n: [RNG.randint(3 * 10**11, 2 * 10**12) << 22 | 7 << 12 for _ in range(n)],
    "by time and shard": lambda n: [
        RNG.randint(5 * 10**11, 10**12) << 23 | RNG.randint(0, 8191) << 10 for _ in range(n)
    ],
    "with an empty byte": lambda n: [RNG.randint(10**15, 10**16) << 8 for _ in range(n)],
}


def keyed(order):
    """As many different people, each with an order."""
    order = pd.Series(order, dtype=object)
    return people(range(8615088000001, 8615088000001 + len(order))).assign(order=order)


def lost_keys(frame):
    counts = frame.nxsms.validate(key="order", duplicates="drop").counts["rows"]
    return counts.get("key_digits_lost", 0)


@pytest.mark.parametrize("make", [*LONG.values(), *COUNTED.values()], ids=[*LONG, *COUNTED])
@pytest.mark.parametrize("dtype", [object, "str"])
def test_long_keys_that_kept_their_digits_are_keys(make, dtype):
    """However order numbers are counted, an intact one is never refused."""
    for n in [1, 2, 3, 5, 10, 40] * 5:
        assert lost_keys(keyed(make(n)).astype({"order": dtype})) == 0


@pytest.mark.parametrize(("name", "n"), [("18 digits", 30), ("hashes", 2), ("28 digits", 1), ("19 digits", 100)])
@pytest.mark.parametrize("how", [{}, {"dtype": str}])
def test_long_keys_that_a_workbook_rounded_are_none(tmp_path, name, n, how):
    """A workbook keeps 16 digits; read again they are whole numbers, but those of no order."""
    frame = keyed(LONG[name](n))
    frame.to_excel(tmp_path / "orders.xlsx", index=False)
    assert lost_keys(pd.read_excel(tmp_path / "orders.xlsx", **how)) == n


def test_one_intact_key_shows_that_none_was_rounded():
    """What a float would have rounded stands among them whole."""
    rounded = [int(float(f"{number:.16g}")) for number in LONG["18 digits"](30)]
    assert lost_keys(keyed(rounded)) == 30
    assert lost_keys(keyed([*rounded, 123456789012345679])) == 0


@pytest.mark.parametrize("size", [50, 90_000])
def test_evidence_of_many_parts_is_the_same_added_at_once_or_in_turn(size):
    """Few numbers are all kept, of many a share; in any order."""
    rng = np.random.default_rng(size)
    parts = [
        Evidence(
            np.unique(rng.integers(0, 4 * size, size)), 0, {int(n)}, {int(n)} if n != 3 else None, n == 4, {0: {n}}
        )
        for n in range(6)
    ]
    at_once, in_turn = Evidence(), Evidence()
    at_once.add(*parts)
    for part in reversed(parts):
        in_turn.add(part)
    assert at_once.different.tolist() == in_turn.different.tolist()
    assert (at_once.shift, at_once.rounded) == (in_turn.shift, in_turn.rounded)
    assert (at_once.narrow, at_once.foreign, at_once.keys) == (in_turn.narrow, in_turn.foreign, in_turn.keys)
    assert (at_once.shift > 0) == (size > 50)
