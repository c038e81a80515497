"""The journal's receipts: each distinct one once, whatever its id, durably, in journals of before as well."""

import contextlib
import sqlite3
import threading
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from dateutil.tz import gettz

import nxsms_nb as nx
from nxsms_nb import Journal
from nxsms_nb.journal.schema import RECEIPTS, SCHEMA
from nxsms_nb.results.table import SUCCESS
from nxsms_nb.wire.receipts import Receipt
from tests.journal.history import ACCEPTED, ids, known, write

BACKENDS = ("file", "postgresql")

DELIVERED = Receipt("message-000001", "DELIVRD", 2, "2026-03-03 14:02:11", 0.0065, "USD", 1, None)


def keep(journal, *receipts, source="pushed"):
    with journal.receiving() as book:
        book.write(receipts, source)


def verdict(journal, messageid="message-000001"):
    """The word and the number that count for an id."""
    frame = journal.receipts().set_index("messageid")
    return frame.loc[messageid, ["dr", "dr_status"]].tolist()


@pytest.fixture(name="memory", params=["file", "memory"])
def _memory(request, path):
    return Journal(path) if request.param == "file" else Journal.in_memory()


def test_a_receipt_is_kept_for_any_id_and_read_back(memory):
    """Ids that no run knows as well; one row an id, in the dtypes of the delivery columns, the time read in a zone."""
    keep(memory, DELIVERED, DELIVERED._replace(messageid="of-nobody", dr_time=None, price=None))
    frame = memory.receipts()
    assert frame.columns.to_list() == [
        *("messageid", "dr", "dr_status", "dr_time", "price", "currency", "segments", "network"),
    ]
    assert frame["messageid"].to_list() == ["message-000001", "of-nobody"]
    assert frame["dr_time"].to_list() == [pd.Timestamp("2026-03-03 06:02:11", tz="UTC"), pd.NaT]
    assert str(memory.receipts(tz="UTC").loc[0, "dr_time"]) == "2026-03-03 14:02:11+00:00"
    assert frame.dtypes.astype(str)[["dr_status", "price", "segments"]].to_list() == ["Int64", "float64", "Int64"]


def test_there_are_no_receipts_in_a_journal_that_is_not_there(path):
    """Looking makes no file, and the frame has its columns."""
    assert Journal(path).receipts().empty
    assert not path.exists()
    with Journal(path).receiving():
        assert not path.exists()


def test_the_same_receipt_is_kept_once(memory):
    """Pushed again, or pulled with each refresh, it changes nothing; a pulled one stands beside a pushed one."""
    for _ in range(3):
        keep(memory, DELIVERED, DELIVERED)
    with memory._reading() as snapshot:
        assert len(list(snapshot.receipts())) == 1
    keep(memory, DELIVERED._replace(network="Jio", currency=None), source="pulled")
    row = memory.receipts().iloc[0]
    assert (len(memory.receipts()), row["network"], row["currency"]) == (1, "Jio", "USD")


@pytest.mark.parametrize("order", [1, -1])
def test_a_final_receipt_counts_before_an_open_one_and_of_two_the_later(memory, order):
    """In whatever order they came."""
    later = DELIVERED._replace(dr="UNDELIV", dr_status=5, dr_time="2026-03-03 15:00:00")
    unsure = DELIVERED._replace(dr="UNKNOWN", dr_status=12, dr_time="2026-03-04 00:00:00")
    for receipt in (DELIVERED, later, unsure)[::order]:
        keep(memory, receipt)
    assert verdict(memory) == ["UNDELIV", 5]


def test_the_receipts_of_some_messages(memory):
    """Nulls and repeated ids ask for nothing more; an id with ten digits behind it belongs to the one in front of them."""
    keep(
        memory,
        DELIVERED,
        DELIVERED._replace(messageid="message-000002-0123456789"),
        DELIVERED._replace(messageid="order-0000000001"),
        DELIVERED._replace(messageid="order"),
        DELIVERED._replace(messageid="message-000003-012345678"),
    )
    asked = pa.array(["message-000002", None, "order-0000000001", "message-000003", "order-0000000001"], pa.string())
    assert memory.receipts_of(asked, "UTC")["messageid"].to_list() == ["message-000002", "order-0000000001"]


def test_a_receipt_is_of_one_message_however_many_are_asked_for(memory):
    """Of the one that has its whole id, also where that is looked up by another statement than the one in front."""
    keep(memory, DELIVERED._replace(messageid="order-0000000001"))
    asked = pa.array(["order", *ids(1500), "order-0000000001"], pa.string())
    assert memory.receipts_of(asked, "UTC")["messageid"].to_list() == ["order-0000000001"]


def test_thousands_are_found_among_thousands(memory):
    """More than a statement takes."""
    keep(memory, *[DELIVERED._replace(messageid=messageid) for messageid in ids(5000)])
    found = memory.receipts_of(pa.array(ids(7000, first=2500)), "UTC")
    assert sorted(found["messageid"]) == ids(2500, first=2500)


def test_a_journal_of_before_gets_the_table_and_keeps_what_it_knows(journal, path):
    """It was made without a table of receipts; what it protects is known as before."""
    write(journal, (ids(3), ACCEPTED))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE receipt")
    assert journal.receipts().empty
    assert known(journal, ids(3)) == [SUCCESS] * 3
    keep(journal, DELIVERED)
    assert verdict(journal) == ["DELIVRD", 2]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")}
    assert made >= {*SCHEMA, *RECEIPTS}


def test_a_journal_of_before_opened_at_once_gets_one_table(journal, path):
    """Whoever comes second finds it made."""
    write(journal, (ids(3), ACCEPTED))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE receipt")
    troubles = []

    def one(number):
        try:
            keep(Journal(path), DELIVERED._replace(messageid=f"message-{number:06d}"))
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert sorted(journal.receipts()["messageid"]) == ids(8)


def test_a_receipt_that_was_changed_is_noticed(journal, path):
    """The checksum covers all that the vendor said; sending is not stopped by it."""
    keep(journal, DELIVERED)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE receipt SET dr_status = 5")
    with pytest.raises(nx.JournalError, match="a row of receipt was changed"):
        journal.receipts()
    write(journal, (ids(3), ACCEPTED))
    assert known(journal, ids(3)) == [SUCCESS] * 3


def test_receipts_are_written_during_a_run(journal, path):
    """The same journal, held open for receipts before, during and after a run."""
    with journal.receiving() as book:
        book.write([DELIVERED], "pushed")
        write(journal, (ids(3), ACCEPTED))
        book.write([DELIVERED._replace(messageid="message-000002")], "pushed")
    assert len(Journal(path).receipts()) == 2
    assert known(journal, ids(3)) == [SUCCESS] * 3


def test_receipts_go_where_others_look_for_them(journal, path, tmp_path):
    """A file moved away under the book is not written to any more."""
    with journal.receiving() as book:
        book.write([DELIVERED], "pushed")
        for name in ("", "-wal", "-shm"):
            path.with_name(path.name + name).rename(tmp_path / f"elsewhere{name}")
        book.write([DELIVERED._replace(messageid="message-000002")], "pushed")
        assert Journal(path).receipts()["messageid"].to_list() == ["message-000002"]


def test_a_campaign_forgotten_takes_its_receipts_along(journal):
    """Its rows are sent again under the same ids, and what came of the first messages is not said of those."""
    write(journal, (ids(3), ACCEPTED), campaign="spring")
    suffixed = DELIVERED._replace(messageid="message-000002-0000000001")
    keep(journal, DELIVERED, suffixed, DELIVERED._replace(messageid="message-000009"))
    journal.forget("spring", confirm=3)
    assert journal.receipts()["messageid"].to_list() == ["message-000009"]


def test_a_message_with_ten_digits_at_the_end_of_its_id_keeps_its_receipts(journal):
    """A campaign that is forgotten takes only its own along, though another's id is one of its ids and ten digits."""
    write(journal, (["order-1", "order-2"], ACCEPTED), campaign="spring")
    write(journal, (["order-1-0000000001"], ACCEPTED), campaign="summer")
    others = ("order-1-0000000001", "order-10", "order-1-00000001")
    keep(journal, *[DELIVERED._replace(messageid=name) for name in ("order-1", "order-2-0000000002", *others)])
    journal.forget("spring", confirm=2)
    assert journal.receipts()["messageid"].to_list() == [*others]


@pytest.mark.parametrize(
    "tz",
    [
        "+08:00",
        "UTC+08:00",
        "Etc/GMT-8",
        ZoneInfo("Asia/Shanghai"),
        timezone(timedelta(hours=8)),
        gettz("Asia/Shanghai"),
    ],
    ids=str,
)
def test_a_time_zone_may_be_a_name_an_offset_or_an_object(journal, tz):
    """The vendor's times are read in it."""
    keep(journal, DELIVERED)
    assert journal.receipts(tz=tz)["dr_time"].to_list() == [pd.Timestamp("2026-03-03 06:02:11", tz="UTC")]


@pytest.mark.parametrize("tz", ["Shanghai", "", None, 8, "../etc", "Asia/Shanghai\n", "+8", "+25:00", True])
def test_what_is_no_time_zone_is_refused(journal, tz):
    """The error names zones that there are."""
    with pytest.raises(nx.ConfigError, match=r"is not a time zone.*Asia/Shanghai"):
        journal.receipts(tz=tz)


def test_times_in_the_hour_that_a_zone_has_twice_or_never_are_read():
    """The second one, and the next one that there is; a time that names its offset is read by that."""
    journal = Journal.in_memory()
    times = ["2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-03-03 14:02:11+08:00"]
    keep(
        journal,
        *[DELIVERED._replace(messageid=messageid, dr_time=time) for messageid, time in zip(ids(3), times, strict=True)],
    )
    read = journal.receipts(tz="Europe/Berlin")["dr_time"].astype(str).to_list()
    assert read == ["2026-10-25 01:30:00+00:00", "2026-03-29 01:00:00+00:00", "2026-03-03 06:02:11+00:00"]


def test_neither_numbers_nor_pass_through_fields_are_in_the_table(journal, path):
    """The table has no column for them."""
    keep(journal, DELIVERED)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(receipt)")}
    assert columns == {
        *("id", "messageid", "dr", "dr_status", "dr_time", "price", "currency", "segments", "network"),
        *("source", "checksum", "root", "received_us"),
    }
