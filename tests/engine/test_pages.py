"""A day's list of records, read page by page while it shifts: what is met, when it is read again, and when that ends."""

import asyncio
import random
from datetime import date

import pytest

import nxsms_nb as nx
from nxsms_nb.engine import queries
from nxsms_nb.engine.queries import Queries
from nxsms_nb.wire import requests

DAY = date(2026, 3, 3)


class Vendor:
    """Answers as the vendor does, from a list that `change` may change after each answer."""

    def __init__(self, ids, change=lambda ids, asked: None, *, total=True):
        self.ids, self.change, self.total, self.asked = list(ids), change, total, 0

    async def query(self, path, form):
        size, page = int(form["page_size"]), int(form["page"])
        rows = [{"msgid": one, "phone": "8615088888888"} for one in self.ids[(page - 1) * size : page * size]]
        info = {"rows": rows, "page": page} | ({"total": str(len(self.ids))} if self.total else {})
        self.asked += 1
        self.change(self.ids, self.asked)
        return {"code": "0", "info": info}


def read(vendor):
    """The ids that were yielded, and whether the list stood still."""

    async def whole():
        asking = Queries(vendor)
        found = [record["msgid"] async for page in asking.pages(DAY) for record in page.records]
        return found, not asking.unsteady

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(requests, "CDR_PAGE_MAX", 10)


def names(n):
    return [f"message-{number:04d}" for number in range(n)]


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 100, 105])
def test_a_list_that_stands_still_is_read_once(n, total):
    """As many queries as pages, and one more where the list does not say how long it is or its last page is full.

    A total may be too small, so that a full page alone does not prove the end.
    """
    vendor = Vendor(names(n), total=total)
    assert read(vendor) == (names(n), True)
    assert vendor.asked == max(-(-n // 10), 1) + (n > 0 and (not total or n % 10 == 0))


def test_a_list_that_grows_at_its_end_is_read_once():
    """What is added while it is read is read as well."""
    vendor = Vendor(names(50), lambda ids, asked: ids.append(f"late-{asked}") if asked <= 7 else None)
    found, steady = read(vendor)
    assert (sorted(found), steady) == (sorted([*names(50), *[f"late-{n}" for n in range(1, 6)]]), True)
    assert vendor.asked == 6


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", ["insert", "move", "remove", "mixed"])
def test_whatever_shifts_for_a_while_nothing_is_lost_or_doubled(seed, kind):
    """Inserted anywhere, moved anywhere, removed: what was there all the time, and what came, is met once."""
    chance = random.Random(seed)
    gone = set()

    def change(ids, asked):
        if asked > 12:
            return
        what = chance.choice(["insert", "move", "remove"]) if kind == "mixed" else kind
        for _ in range(chance.randrange(4)):
            if what == "insert":
                ids.insert(chance.randrange(len(ids) + 1), f"late-{seed}-{len(ids)}-{asked}-{chance.random()}")
            elif what == "move":
                ids.insert(chance.randrange(len(ids)), ids.pop(chance.randrange(len(ids))))
            else:
                gone.add(ids.pop(chance.randrange(len(ids))))

    vendor = Vendor(names(80), change)
    found, steady = read(vendor)
    assert len(found) == len(set(found))
    if steady:
        assert set(vendor.ids) - set(found) == set()
    assert steady or kind in ("move", "remove", "mixed")


def test_records_that_stand_in_the_list_twice_are_no_shift():
    """The list is read once more to see that it stands still, and counts as read."""
    ids = names(40)
    vendor = Vendor([*ids, *ids[5:15]])
    assert read(vendor) == (ids, True)
    assert vendor.asked <= 12


@pytest.mark.parametrize("added", [1, 10, 30])
def test_a_list_that_grows_in_front_as_fast_as_it_is_read_is_given_up(added):
    """After so many readings, none of which goes on indefinitely."""
    vendor = Vendor(
        names(80), lambda ids, asked: ids.__setitem__(slice(0, 0), [f"late-{asked}-{n}" for n in range(added)])
    )
    found, steady = read(vendor)
    assert not steady
    assert set(names(80)) <= set(found) or added >= 10
    assert vendor.asked < 300


def test_a_server_that_gives_one_page_endlessly_is_an_error():
    """It knows no pages, and says that there are more."""

    class Stuck(Vendor):
        async def query(self, path, form):
            return await super().query(path, form | {"page": "1"})

    with pytest.raises(nx.QueryError, match="keeps returning the same page"):
        read(Stuck(names(100)))


def test_asking_too_often_makes_it_ask_more_slowly(monkeypatch):
    """After each refusal a little later, and sooner again when there is none."""
    monkeypatch.setattr(queries, "PATIENCE", (0.0, 0.0, 0.0))
    turn = iter(range(1000))

    class Strict(Vendor):
        async def query(self, path, form):
            return {"code": "5"} if next(turn) % 3 else await super().query(path, form)

    assert read(Strict(names(200))) == (names(200), True)
