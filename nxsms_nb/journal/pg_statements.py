"""The statements by which a run is recorded in PostgreSQL, and what they are given.

A few values a request, never one a row.

Ids travel joined by line feeds and are taken apart by the server, requests and outcomes as JSON. Each statement has the same
effect when it is given again: a transaction whose answer was lost is repeated under the same numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT

if TYPE_CHECKING:
    from nxsms_nb.journal.entries import Begin
    from nxsms_nb.results.table import Outcome

NUMBERS: Final = "SELECT nextval(pg_get_serial_sequence('{table}', 'id')) FROM generate_series(1, %s)"

BLOCK: Final = """
    INSERT INTO block(id, run, digested, fingerprints, rest, keys) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""

# All ids of a transaction in one order, so that two of them never wait for each other.
BEGIN: Final = """
    WITH request AS (
        SELECT * FROM json_to_recordset(%(requests)s::json)
            AS r(number bigint, block bigint, start integer, size integer, sent_us bigint, first bigint)
    ), recorded AS (
        INSERT INTO batch(id, block, start, size, sent_us, query)
        SELECT number, block, start, size, sent_us, false FROM request ON CONFLICT (id) DO NOTHING
    ), won AS (
        INSERT INTO claim(id, run, request, state)
        SELECT asked.id COLLATE "C", %(run)s, request.number, 'open'
        FROM unnest(string_to_array(%(ids)s, E'\\n')) WITH ORDINALITY AS asked(id, place)
        JOIN request ON asked.place > request.first AND asked.place <= request.first + request.size
        ORDER BY 1
        ON CONFLICT (id) DO UPDATE SET run = excluded.run, request = excluded.request, state = 'open'
            WHERE claim.state = 'free' OR (claim.run = excluded.run AND claim.request = excluded.request)
        RETURNING request
    )
    SELECT pg_backend_pid(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
        (SELECT json_object_agg(request, n) FROM (SELECT request, count(*) AS n FROM won GROUP BY request) AS counted)
"""

TAKEN: Final = """
    SELECT asked.place - 1, claim.state FROM unnest(string_to_array(%(ids)s, E'\\n')) WITH ORDINALITY AS asked(id, place)
    JOIN claim ON claim.id = asked.id COLLATE "C" WHERE claim.state <> 'free' ORDER BY 1
"""

OUTCOMES: Final = """
    INSERT INTO outcome(batch, status, code, reason, latency_ms, carried, exceptions)
    SELECT * FROM json_to_recordset(%s::json) AS o(batch bigint, status smallint, code bigint, reason text,
        latency_ms double precision, carried boolean, exceptions text)
    ON CONFLICT (batch) DO NOTHING
"""

# Only what this request holds: an outcome overrides a doubt that was settled meanwhile, and decided is for good.
STATES: Final = """
    WITH request AS (
        SELECT * FROM json_to_recordset(%(requests)s::json) AS r(number bigint, first bigint, size integer, state text)
    ), other AS (
        SELECT * FROM json_to_recordset(%(others)s::json) AS r(place bigint, state text)
    ), said AS MATERIALIZED (
        SELECT asked.id COLLATE "C" AS id, request.number, coalesce(other.state, request.state) AS state
        FROM unnest(string_to_array(%(ids)s, E'\\n')) WITH ORDINALITY AS asked(id, place)
        JOIN request ON asked.place > request.first AND asked.place <= request.first + request.size
        LEFT JOIN other ON other.place = asked.place
    )
    UPDATE claim SET state = said.state FROM said
    WHERE claim.id = said.id AND claim.request = said.number AND said.state <> 'open'
        AND (claim.state = 'open' OR (claim.state = 'free' AND said.state = 'decided'))
"""

RUN: Final = """
    INSERT INTO run(id, campaign, gateway, app, started_us, rows, anywhere, os_user, host, backend)
    VALUES (%s, %s, %s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, %s, %s, %s, %s, pg_backend_pid())
    ON CONFLICT (id) DO NOTHING
"""

# A database that lost a transaction also lost all later ones, so checking the last ones is enough.
THERE: Final = """
    SELECT 1 WHERE EXISTS (SELECT FROM run WHERE id = %(run)s)
        AND (%(batch)s = 0 OR EXISTS (SELECT FROM batch WHERE id = %(batch)s))
        AND (%(outcome)s = 0 OR EXISTS (SELECT FROM outcome WHERE batch = %(outcome)s))
"""

END: Final = """
    UPDATE run SET ended_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, rate = %(rate)s, pace = %(pace)s,
        stopped = %(stopped)s, blocks = (SELECT count(*) FROM block WHERE block.run = %(run)s), batches = made.n,
        outcomes = made.known
    FROM (
        SELECT count(*) AS n, count(outcome.batch) AS known FROM block JOIN batch ON batch.block = block.id
        LEFT JOIN outcome ON outcome.batch = batch.id WHERE block.run = %(run)s
    ) AS made WHERE run.id = %(run)s
"""

FOUND: Final = """
    INSERT INTO claim(id, run, request, state)
    SELECT asked.id COLLATE "C", %(run)s, %(number)s, 'decided' FROM unnest(string_to_array(%(ids)s, E'\\n')) AS asked(id)
    ORDER BY 1 ON CONFLICT (id) DO UPDATE SET state = 'decided'
"""

# A request may still be answered within its window, and by a run that is alive: this campaign's is not, as it is held here.
FREED: Final = """
    UPDATE claim SET state = 'free' FROM run, batch
    WHERE claim.id = ANY(string_to_array(%(ids)s, E'\\n')) AND claim.state = 'open' AND run.id = claim.run
        AND batch.id = claim.request AND (run.ended_us IS NOT NULL OR run.campaign = %(campaign)s OR %(anywhere)s)
        AND batch.sent_us + %(window_us)s < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
"""

_STATES: Final = {SUCCESS: "decided", FAILURE: "decided", UNSENT: "free", UNKNOWN: "open"}


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows for ``json_to_recordset``."""
    return msgspec.json.encode(rows).decode()


def begin_values(begins: Sequence[Begin], run: int) -> dict[str, Any]:
    """Return the parameters of `BEGIN` for requests."""
    first, requests, ids = 0, [], []
    for begin in begins:
        requests.append(
            {
                "number": begin.number,
                "block": abs(begin.block.number),
                "start": begin.start,
                "size": begin.size,
                "sent_us": begin.sent_us,
                "first": first,
            }
        )
        ids.append(begin.lines)
        first += begin.size
    return {"run": run, "requests": as_json(requests), "ids": "\n".join(ids)}


def outcome_values(batch: int, outcome: Outcome) -> dict[str, Any]:
    """Return a row of ``outcome``."""
    kept = [[other.offset, other.status, other.code, _plain(other.kept)] for other in outcome.exceptions]
    latency = outcome.latency_ms
    return {
        "batch": batch,
        "status": int(outcome.status),
        "code": outcome.code,
        "reason": _plain(outcome.reason),
        "latency_ms": None if latency is None or math.isnan(latency) else float(latency),
        "carried": bool(outcome.carried),
        "exceptions": json.dumps(kept) if kept else None,
    }


def state_values(known: Sequence[tuple[Begin, Outcome]]) -> dict[str, Any] | None:
    """Return the parameters of `STATES` for requests with outcomes; None if no claim changes."""
    first, requests, others, ids = 0, [], [], []
    for begin, outcome in known:
        state = _STATES[outcome.status]
        if state == "open" and not outcome.exceptions:
            continue
        requests.append({"number": begin.number, "first": first, "size": begin.size, "state": state})
        others += [{"place": first + other.offset + 1, "state": _STATES[other.status]} for other in outcome.exceptions]
        ids.append(begin.lines)
        first += begin.size
    if not requests:
        return None
    return {
        "requests": as_json(requests),
        "others": as_json(others),
        "ids": "\n".join(ids),
    }


def _plain(text: str | None) -> str | None:
    """Make a text fit for the database."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
