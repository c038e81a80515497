"""A sent frame held against the gateway's ledger and the journal's bytes, row by row."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

import nxsms_nb as nx
from nxsms_nb.results.statuses import RESULT_COLUMNS, STATUSES
from tests.support.faultgateway import ACCESS_KEY, ACCESS_SECRET, APP_KEY, APP_SECRET, FaultGateway

RESULTS = list(RESULT_COLUMNS)
ATTEMPT = ["messageid", "status", "batch", "attempts", "sent_at", "latency_ms"]
"""What is equal in journal and frame even for rows that are unsent: why a run ended is not an attempt's business."""

STAYING = ["messageid", "batch", "attempts", "sent_at", "latency_ms"]
"""What a record query does not change."""


def people(rows: int, *, text: str = "confidential offer for {}") -> pd.DataFrame:
    """Recipients, with an invalid row and a duplicate among them, and labels that repeat."""
    frame = pd.DataFrame(
        {
            "phone": [f"8615{i:09d}" for i in range(100_000_000, 100_000_000 + rows)],
            "content": [text.format(f"customer{i:05d}") for i in range(rows)],
            "city": [f"c{i % 7}" for i in range(rows)],
        },
        index=[f"row{i // 2}" for i in range(rows)],
    )
    wrong = frame.iloc[[3]].assign(phone="12x")
    return pd.concat([frame.iloc[:5], wrong, frame.iloc[[2]], frame.iloc[5:]])


def client_of(url: str, *, app_secret: str | None = None, timeout: float = 20) -> nx.Client:
    """A client of the fault gateway's account."""
    return nx.Client(
        access_key=ACCESS_KEY,
        access_secret=ACCESS_SECRET,
        app_key=APP_KEY,
        app_secret=app_secret,
        base_url=url,
        timeout=timeout,
        insecure=True,
    )


def sent(frame: pd.DataFrame, client: nx.Client, journal: Path, **options: object) -> tuple[pd.DataFrame, object]:
    """Run the cell: the frame it ends with, and the `Stopped` it ended by, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nx.AlreadySentWarning)
        try:
            return frame.nxsms.send(client, journal=journal, duplicates="drop", **options), None
        except nx.Stopped as stopped:
            return stopped.frame, stopped


def check(frame: pd.DataFrame, out: pd.DataFrame, gateway: FaultGateway) -> None:
    """Hold what a run returned against what took effect."""
    assert not gateway.complaints
    assert list(out.columns) == [*frame.columns, *RESULTS]
    pd.testing.assert_frame_equal(out[list(frame.columns)], frame)
    assert out["status"].value_counts().sum() == len(frame)
    rows = out.to_dict("records")
    ids = [row["messageid"] for row in rows if isinstance(row["messageid"], str)]
    assert len(ids) == len(set(ids))
    assert max(gateway.effects().values(), default=0) <= 1
    by_id = {row["messageid"]: row for row in rows}
    for effect in gateway.ledger:
        row = by_id[effect.messageid]
        assert (effect.phone, effect.content) == (row["phone"], row["content"])
    assert not wrong(out, gateway)
    for row in rows:
        assert row["status"] in STATUSES
        _check_row(row)
    _check_batches(rows)


def wrong(out: pd.DataFrame, gateway: FaultGateway) -> list[tuple[Any, str, int]]:
    """The rows whose status the ledger contradicts: id, status, effects."""
    effects = gateway.effects()
    return [
        (messageid, status, effects[messageid])
        for messageid, status in zip(out["messageid"], out["status"], strict=True)
        if status != "Unknown" and effects[messageid] != (status == "Success")
    ]


def _check_row(row: dict[Hashable, Any]) -> None:
    """What the table of the design says of each status."""
    status, tried = row["status"], bool(row["attempts"] > 0)
    assert isinstance(row["messageid"], str) == (status not in ("Invalid", "Skipped"))
    assert (row["reason"] == "" or pd.isna(row["reason"])) == (status == "Success")
    assert str(row["phone"])[-8:] not in str(row["reason"])
    assert (pd.notna(row["batch"]), pd.notna(row["sent_at"])) == (tried, tried)
    assert tried or pd.isna(row["latency_ms"])
    assert tried or status not in ("Success", "Failure", "Unknown")
    assert not tried or status not in ("Invalid", "Skipped")
    assert (status == "Success") == (pd.notna(row["code"]) and row["code"] == 0)
    assert pd.isna(row["code"]) or status not in ("Unknown", "Skipped")


def _check_batches(rows: list[dict[Hashable, Any]]) -> None:
    """One request has one time of leaving and took one time."""
    seen: dict[Any, set[Any]] = {}
    for row in rows:
        if row["attempts"] > 0:
            seen.setdefault(row["batch"], set()).add((row["sent_at"], str(row["latency_ms"])))
    assert all(len(batches) == 1 for batches in seen.values())


def check_recorded(frame: pd.DataFrame, out: pd.DataFrame, client: nx.Client, journal: Path) -> None:
    """What the journal knows is what the run returned."""
    known = frame.nxsms.recorded(client, journal=journal, duplicates="drop")
    pd.testing.assert_frame_equal(known[ATTEMPT], out[ATTEMPT])
    same_words(known, out, but=("Unsent",))


def same_words(known: pd.DataFrame, out: pd.DataFrame, *, but: tuple[str, ...] = ()) -> None:
    """Code and reason alike, but for what cannot be kept: quotations, and answers that prove nothing."""
    for now, then in zip(known.to_dict("records"), out.to_dict("records"), strict=True):
        if then["status"] in but:
            continue
        assert str(now["code"]) == str(then["code"])
        quoting = then["status"] == "Failure" and pd.isna(then["code"])
        asked = str(then["reason"]).startswith(("not found by the record query", "in doubt; "))
        assert quoting or asked or str(now["reason"]) == str(then["reason"])


def check_again(before: pd.DataFrame, after: pd.DataFrame, gateway: FaultGateway, *, queried: bool) -> None:
    """What the same cell makes of a frame once the gateway is well again."""
    effects = gateway.effects()
    for then, now in zip(before.to_dict("records"), after.to_dict("records"), strict=True):
        if then["status"] == "Unsent":
            assert now["status"] == "Success"
            assert now["attempts"] == then["attempts"] + 1
        elif then["status"] == "Unknown" and queried:
            assert now["status"] == ("Success" if effects[then["messageid"]] else "Unknown")
            assert [now[name] for name in STAYING] == [then[name] for name in STAYING]
        else:
            assert str([now[name] for name in ATTEMPT]) == str([then[name] for name in ATTEMPT])
    settled = before["status"].isin(["Success", "Failure", "Invalid", "Skipped"]).to_numpy()
    same_words(after[settled], before[settled])


def check_journal(journal: Path, frame: pd.DataFrame) -> None:
    """No phone, no content and no secret in any of the journal's files."""
    held = b"".join(path.read_bytes() for path in journal.parent.rglob("*") if path.is_file())
    assert held
    words = {word for text in frame["content"] for word in text.split() if len(word) > 4}
    for text in (*frame["phone"], *words, ACCESS_SECRET, APP_SECRET, ACCESS_KEY):
        assert text.encode() not in held, text
    for phone in frame["phone"]:
        assert phone[-8:].encode() not in held
